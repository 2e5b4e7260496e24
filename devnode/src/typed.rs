//! Typed calls: what was sent and what came back, without encoding by hand.

use crate::{Chain, Receipt, Tx, TxError};
use alloy_primitives::{Address, Bytes, Log, hex};
use alloy_sol_types::{Revert, SolCall, SolError, SolEvent};
use revm::context_interface::result::HaltReason;
use thiserror::Error;

/// Why a transaction or call gave no result.
#[derive(Clone, Debug, Error)]
pub enum CallError {
    /// A contract refused it.
    #[error("reverted: {}", text(data, refusal.as_deref()))]
    Reverted {
        /// Revert data; [`CallError::decode`] reads it.
        data: Bytes,
        /// Why ArbOS refused an activation, for people.
        refusal: Option<String>,
    },
    /// It ran out of gas, hit invalid code, or the like.
    #[error("halted: {reason:?} {}", refusal.as_deref().unwrap_or_default())]
    Halted {
        /// What it was.
        reason: HaltReason,
        /// Why a program could not run, for people.
        refusal: Option<String>,
    },
    /// The chain did not take it.
    #[error("not executed: {0}")]
    Rejected(#[from] TxError),
    /// The answer is not what the call's interface promises.
    #[error("unexpected answer: {0}")]
    Malformed(#[from] alloy_sol_types::Error),
    /// A creation succeeded, but created nothing: the transaction had a receiver.
    #[error("no contract was created")]
    NothingCreated,
}

impl CallError {
    /// The data of a revert; `None` when it failed in another way.
    pub fn revert_data(&self) -> Option<&Bytes> {
        match self {
            Self::Reverted { data, .. } => Some(data),
            _ => None,
        }
    }

    /// The Solidity error of a revert, if it is an `E`.
    pub fn decode<E: SolError>(&self) -> Option<E> {
        self.revert_data().and_then(|data| E::abi_decode(data).ok())
    }
}

/// A revert's text if it is `Error(string)`, else its data, or else why ArbOS refused.
fn text(data: &Bytes, refusal: Option<&str>) -> String {
    match (Revert::abi_decode(data), refusal) {
        (Ok(revert), _) => revert.reason,
        (Err(_), Some(refusal)) => format!("{} ({refusal})", hex::encode_prefixed(data)),
        (Err(_), None) => hex::encode_prefixed(data),
    }
}

/// All events of type `E` that `emitter` logged, in order. Logs of another form are passed over.
pub fn events<E: SolEvent>(logs: &[Log], emitter: Address) -> Vec<E> {
    let own = logs.iter().filter(|log| log.address == emitter);
    own.filter_map(|log| E::decode_log_data(&log.data).ok()).collect()
}

impl Receipt {
    /// The receipt if the transaction or call took effect; else why it did not.
    pub fn into_result(self) -> Result<Self, CallError> {
        let refusal = self.refusal;
        match (self.success, self.halt) {
            (true, halt) => Ok(Self { halt, refusal, ..self }),
            (false, Some(reason)) => Err(CallError::Halted { reason, refusal }),
            (false, None) => Err(CallError::Reverted {
                data: self.output,
                refusal,
            }),
        }
    }

    /// All events of type `E` that `emitter` logged, in order.
    pub fn events<E: SolEvent>(&self, emitter: Address) -> Vec<E> {
        events(&self.logs, emitter)
    }
}

impl Chain {
    /// Sends a typed call in a block of its own. A transaction that had no effect is an error, but is in
    /// the block all the same.
    ///
    /// For value, gas limit and fees there is [`Chain::send`] with [`Tx::call`] and [`Receipt::into_result`].
    pub fn send_call<C: SolCall>(&mut self, from: Address, to: Address, call: &C) -> Result<Receipt, CallError> {
        self.send(Tx::call(from, to, call.abi_encode()))?.into_result()
    }

    /// Reads through a typed call made by nobody, on the latest state.
    pub fn read_call<C: SolCall>(&self, to: Address, call: &C) -> Result<C::Return, CallError> {
        self.read_call_as(Address::ZERO, to, call)
    }

    /// Reads through a typed call made by `from`, on the latest state.
    pub fn read_call_as<C: SolCall>(&self, from: Address, to: Address, call: &C) -> Result<C::Return, CallError> {
        let receipt = self.call(Tx::call(from, to, call.abi_encode()))?.into_result()?;
        Ok(C::abi_decode_returns(&receipt.output)?)
    }

    /// Creates a contract from init code, such as an [`Artifact`](crate::Artifact) has.
    pub fn create_contract(&mut self, from: Address, init_code: impl Into<Bytes>) -> Result<Address, CallError> {
        let receipt = self.send(Tx::create(from, init_code))?.into_result()?;
        receipt.created.ok_or(CallError::NothingCreated)
    }

    /// Deploys a Stylus module of any size and activates it, as [`Chain::deploy_wasm`] does; returns where
    /// it is.
    pub fn create_program(&mut self, from: Address, wasm: &[u8]) -> Result<Address, CallError> {
        let (created, activated) = self.deploy_wasm(from, wasm)?;
        let mut program = None;
        for receipt in created {
            program = receipt.into_result()?.created;
        }
        if let Some(activated) = activated {
            activated.into_result()?;
        }
        program.ok_or(CallError::NothingCreated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DEV_ACCOUNT;
    use alloy_primitives::U256;
    use alloy_sol_types::sol;

    sol! {
        error Refused(uint256 code);
        event Seen(uint256 value);
        function anything() returns (uint256);
    }

    const TARGET: Address = Address::with_last_byte(0x77);

    /// A chain with `code` at [`TARGET`].
    fn with_code(code: &[u8]) -> Chain {
        let mut chain = Chain::default();
        chain.set_code(TARGET, code.to_vec());
        chain
    }

    /// Code that ends with the operation `end` (RETURN, REVERT) of the 36 bytes of `Refused(7)`.
    fn refuses() -> Vec<u8> {
        let data = Refused { code: U256::from(7) }.abi_encode();
        // Two words hold the error: PUSH32, PUSH0, MSTORE, PUSH32, PUSH1 32, MSTORE, PUSH1 36, PUSH0, REVERT
        let mut words = data;
        words.resize(64, 0);
        let mut code = vec![0x7F];
        code.extend_from_slice(&words[..32]);
        code.extend([0x5F, 0x52, 0x7F]);
        code.extend_from_slice(&words[32..]);
        code.extend([0x60, 0x20, 0x52, 0x60, 0x24, 0x5F, 0xFD]);
        code
    }

    #[test]
    fn read_call_of_a_revert_decodes_its_solidity_error() {
        let mut chain = with_code(&refuses());
        let read = chain.read_call(TARGET, &anythingCall {}).unwrap_err();
        let sent = chain.send_call(DEV_ACCOUNT, TARGET, &anythingCall {}).unwrap_err();
        for error in [read, sent] {
            assert_eq!(error.decode::<Refused>().unwrap().code, U256::from(7));
            assert!(error.decode::<Revert>().is_none());
            assert_eq!(error.revert_data().unwrap().len(), 36);
        }
    }

    #[test]
    fn read_call_of_invalid_code_is_a_halt() {
        let error = with_code(&[0xFE]).read_call(TARGET, &anythingCall {}).unwrap_err();
        assert!(matches!(error, CallError::Halted { .. }), "{error}");
        assert!(error.revert_data().is_none());
    }

    #[test]
    fn read_call_of_an_account_without_code_is_malformed() {
        let error = Chain::default().read_call(TARGET, &anythingCall {}).unwrap_err();
        assert!(matches!(error, CallError::Malformed(_)), "{error}");
    }

    #[test]
    fn send_call_without_money_is_rejected() {
        let error = Chain::default()
            .send_call(TARGET, DEV_ACCOUNT, &anythingCall {})
            .unwrap_err();
        assert!(matches!(error, CallError::Rejected(_)), "{error}");
    }

    #[test]
    fn read_call_as_shows_the_caller() {
        // CALLER, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN
        let chain = with_code(&[0x33, 0x5F, 0x52, 0x60, 0x20, 0x5F, 0xF3]);
        let caller = chain.read_call_as(DEV_ACCOUNT, TARGET, &anythingCall {}).unwrap();
        assert_eq!(caller, U256::from_be_slice(DEV_ACCOUNT.as_slice()));
        assert_eq!(chain.read_call(TARGET, &anythingCall {}).unwrap(), U256::ZERO);
    }

    #[test]
    fn events_are_those_of_the_emitter_and_of_the_type() {
        let seen = |value: u64| {
            Seen {
                value: U256::from(value),
            }
            .encode_log_data()
        };
        let log = |address: Address, data| Log { address, data };
        let other = Log::new_unchecked(TARGET, vec![], Bytes::new());
        let logs = [
            log(TARGET, seen(1)),
            log(DEV_ACCOUNT, seen(2)),
            other,
            log(TARGET, seen(3)),
        ];
        let values: Vec<_> = events::<Seen>(&logs, TARGET)
            .into_iter()
            .map(|seen| seen.value)
            .collect();
        assert_eq!(values, [U256::from(1), U256::from(3)]);
    }

    #[test]
    fn create_program_of_a_refused_module_says_why() {
        let error = Chain::default()
            .create_program(DEV_ACCOUNT, b"\0asm\x01\0\0\0")
            .unwrap_err();
        assert!(
            matches!(&error, CallError::Reverted { refusal: Some(_), .. }),
            "{error:?}"
        );
    }

    #[test]
    fn create_contract_from_code_that_reverts_is_an_error() {
        let error = Chain::default()
            .create_contract(DEV_ACCOUNT, [0x5F, 0x5F, 0xFD])
            .unwrap_err();
        assert!(error.revert_data().is_some_and(|data| data.is_empty()), "{error:?}");
    }
}
