//! Errors as geth and Nitro word them, because clients read the words.

use crate::{
    evm::TxError,
    state::StateError,
    tx::{Receipt, SignedTx},
};
use alloy_consensus::Transaction as _;
use alloy_primitives::Bytes;
use alloy_sol_types::{Panic, Revert, SolError};
use jsonrpsee::types::ErrorObjectOwned;
use revm::context_interface::result::{EVMError, HaltReason, InvalidTransaction, OutOfGasError};

/// Error code of anything that execution refuses.
const SERVER: i32 = -32_000;
/// Error code of a method that is not there.
const NO_METHOD: i32 = -32_601;
/// Error code of wrong parameters.
const INVALID_PARAMS: i32 = -32_602;
/// Error code of a revert; the data of the error is the revert data.
const REVERT: i32 = 3;

/// Why a request has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcError {
    /// JSON-RPC error code.
    pub code: i32,
    /// Text for people, and for clients that parse it.
    pub message: String,
    /// Revert data.
    pub data: Option<Bytes>,
}

impl RpcError {
    /// The node refuses.
    pub fn server(message: impl Into<String>) -> Self {
        Self {
            code: SERVER,
            message: message.into(),
            data: None,
        }
    }

    /// The parameters make no sense.
    pub fn params(message: impl Into<String>) -> Self {
        Self {
            code: INVALID_PARAMS,
            message: message.into(),
            data: None,
        }
    }

    /// There is no such method.
    pub(super) fn method(name: &str) -> Self {
        Self {
            code: NO_METHOD,
            message: format!("the method {name} does not exist/is not available"),
            data: None,
        }
    }

    /// A call that did not succeed.
    pub fn failed(receipt: &Receipt) -> Self {
        let Some(halt) = &receipt.halt else {
            return Self {
                code: REVERT,
                message: revert_message(&receipt.output),
                data: Some(receipt.output.clone()),
            };
        };
        let text = match &receipt.refusal {
            // An inner frame may have left one as well.
            Some(refusal) if matches!(halt, HaltReason::NotActivated) => refusal.clone(),
            _ => halt_message(halt),
        };
        Self::server(text)
    }

    /// A transaction that cannot be included.
    pub fn refused(tx: &SignedTx, error: TxError) -> Self {
        let sender = tx.signer();
        Self::server(match error {
            EVMError::Transaction(InvalidTransaction::NonceTooLow { tx, state }) => {
                format!("nonce too low: address {sender}, tx: {tx} state: {state}")
            }
            EVMError::Transaction(InvalidTransaction::NonceTooHigh { tx, state }) => {
                format!("nonce too high: address {sender}, tx: {tx} state: {state}")
            }
            EVMError::Transaction(InvalidTransaction::LackOfFundForMaxFee { fee, balance }) => {
                format!("insufficient funds for gas * price + value: address {sender} have {balance} want {fee}")
            }
            EVMError::Transaction(InvalidTransaction::GasPriceLessThanBasefee) => format!(
                "max fee per gas less than block base fee: address {sender}, maxFeePerGas: {}",
                tx.max_fee_per_gas()
            ),
            EVMError::Transaction(InvalidTransaction::PriorityFeeGreaterThanMaxFee) => format!(
                "max priority fee per gas higher than max fee per gas: address {sender}, maxPriorityFeePerGas: {}, \
                 maxFeePerGas: {}",
                tx.max_priority_fee_per_gas().unwrap_or_default(),
                tx.max_fee_per_gas()
            ),
            EVMError::Transaction(InvalidTransaction::CallGasCostMoreThanGasLimit { initial_gas, gas_limit }) => {
                format!("intrinsic gas too low: have {gas_limit}, want {initial_gas}")
            }
            EVMError::Transaction(InvalidTransaction::InvalidChainId) => String::from("invalid chain id for signer"),
            EVMError::Transaction(InvalidTransaction::CreateInitCodeSizeLimit) => {
                String::from("max initcode size exceeded")
            }
            error => error.to_string(),
        })
    }
}

impl From<StateError> for RpcError {
    fn from(error: StateError) -> Self {
        Self::server(error.0)
    }
}

impl From<RpcError> for ErrorObjectOwned {
    fn from(error: RpcError) -> Self {
        Self::owned(error.code, error.message, error.data)
    }
}

/// The text geth gives a revert: the reason if there is one.
fn revert_message(data: &Bytes) -> String {
    const PREFIX: &str = "execution reverted";
    if let Ok(revert) = Revert::abi_decode(data) {
        return format!("{PREFIX}: {}", revert.reason);
    }
    if let Ok(panic) = Panic::abi_decode(data) {
        let text = panic.kind().map_or("unknown panic code", |kind| kind.as_str());
        return format!("{PREFIX}: {text} ({:#x})", panic.code);
    }
    PREFIX.to_owned()
}

/// The text geth gives an exceptional halt.
fn halt_message(halt: &HaltReason) -> String {
    match halt {
        HaltReason::OutOfGas(OutOfGasError::Basic | OutOfGasError::Memory | OutOfGasError::Precompile) => {
            String::from("out of gas")
        }
        HaltReason::OutOfGas(_) => String::from("gas uint64 overflow"),
        HaltReason::OpcodeNotFound | HaltReason::InvalidFEOpcode | HaltReason::NotActivated => {
            String::from("invalid opcode")
        }
        HaltReason::InvalidJump => String::from("invalid jump destination"),
        HaltReason::StackUnderflow => String::from("stack underflow"),
        HaltReason::StackOverflow => String::from("stack limit reached"),
        HaltReason::CreateCollision => String::from("contract address collision"),
        HaltReason::CreateContractSizeLimit => String::from("max code size exceeded"),
        HaltReason::CreateContractStartingWithEF => String::from("invalid code: must not begin with 0xef"),
        HaltReason::StateChangeDuringStaticCall => String::from("write protection"),
        HaltReason::CallTooDeep => String::from("max call depth exceeded"),
        HaltReason::OutOfFunds => String::from("insufficient balance for transfer"),
        other => format!("{other:?}"),
    }
}
