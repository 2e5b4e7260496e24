//! What a deployment needs of a chain.

use alloy_primitives::{Address, B256, Bytes, Log, U256};
use alloy_sol_types::{SolCall, SolConstructor, SolError, SolEvent};
use devnode::{CallError, rpc_client::RpcError};
use std::time::Duration;
use thiserror::Error;

/// A mined, successful transaction.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Gas charged.
    pub gas_used: u64,
    /// The created contract, if any.
    pub created: Option<Address>,
    /// Return data; empty where the network cannot tell it.
    pub output: Bytes,
    /// Logs in order.
    pub logs: Vec<Log>,
}

impl Sent {
    /// All events of type `E` that `emitter` logged.
    pub fn events<E: SolEvent>(&self, emitter: Address) -> Vec<E> {
        devnode::events(&self.logs, emitter)
    }
}

/// Why a transaction had no effect.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// A contract refused it, with this revert data.
    #[error("reverted: {}", revert_text(.0))]
    Reverted(Bytes),
    /// It ran out of gas, hit invalid code, or the like.
    #[error("halted: {0}")]
    Halted(String),
    /// The chain did not take it.
    #[error("not executed: {0}")]
    Rejected(String),
    /// It was sent, but not mined in time; it may still be mined.
    #[error("transaction {hash} was not mined within {} s", waited.as_secs())]
    TimedOut {
        /// Hash of the transaction.
        hash: B256,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The network's node gives no usable answer.
    #[error(transparent)]
    Node(#[from] RpcError),
    /// The answer is not what the interface promises.
    #[error("unexpected answer: {0}")]
    Malformed(String),
}

impl NetworkError {
    /// The typed Solidity error of a revert, if it is an `E`.
    pub fn decode<E: alloy_sol_types::SolError>(&self) -> Option<E> {
        match self {
            Self::Reverted(data) => E::abi_decode(data).ok(),
            _ => None,
        }
    }
}

/// A revert's text if it is `Error(string)`, else its data.
fn revert_text(data: &Bytes) -> String {
    match alloy_sol_types::Revert::abi_decode(data) {
        Ok(revert) => revert.reason,
        Err(_) => format!("0x{}", hex::encode(data)),
    }
}

/// A chain that accounts of the caller can send transactions to.
pub trait Network {
    /// Sends a transaction and waits for it; `to` of `None` creates a contract.
    fn transact(&mut self, from: Address, to: Option<Address>, value: U256, data: Bytes) -> Result<Sent, NetworkError>;

    /// Calls without changing state.
    fn query(&mut self, from: Address, to: Address, data: Bytes) -> Result<Bytes, NetworkError>;

    /// Time of the latest block in Unix seconds.
    fn now(&mut self) -> Result<u64, NetworkError>;

    /// Sends a typed call.
    fn invoke<C: SolCall>(&mut self, from: Address, to: Address, call: &C) -> Result<Sent, NetworkError> {
        self.transact(from, Some(to), U256::ZERO, call.abi_encode().into())
    }

    /// Reads through a typed call.
    fn read<C: SolCall>(&mut self, to: Address, call: &C) -> Result<C::Return, NetworkError> {
        self.read_as(Address::ZERO, to, call)
    }

    /// Reads through a typed call made by `from`.
    fn read_as<C: SolCall>(&mut self, from: Address, to: Address, call: &C) -> Result<C::Return, NetworkError> {
        let output = self.query(from, to, call.abi_encode().into())?;
        C::abi_decode_returns(&output).map_err(|error| NetworkError::Malformed(error.to_string()))
    }

    /// Creates a contract from init code.
    fn create(&mut self, from: Address, init_code: Vec<u8>) -> Result<Address, NetworkError> {
        let sent = self.transact(from, None, U256::ZERO, init_code.into())?;
        sent.created
            .ok_or_else(|| NetworkError::Malformed(String::from("no contract was created")))
    }

    /// Creates a contract from creation bytecode and constructor arguments.
    fn deploy<C: SolConstructor>(
        &mut self,
        from: Address,
        bytecode: &[u8],
        arguments: &C,
    ) -> Result<Address, NetworkError> {
        self.create(from, [bytecode, &arguments.abi_encode()].concat())
    }
}

impl Network for devnode::Chain {
    fn transact(&mut self, from: Address, to: Option<Address>, value: U256, data: Bytes) -> Result<Sent, NetworkError> {
        let tx = devnode::Tx {
            from,
            to,
            value,
            data,
            ..devnode::Tx::default()
        };
        let receipt = devnode::Chain::send(self, tx).map_err(|error| NetworkError::Rejected(error.to_string()))?;
        checked(receipt)
    }

    fn query(&mut self, from: Address, to: Address, data: Bytes) -> Result<Bytes, NetworkError> {
        let receipt = self
            .call(devnode::Tx::call(from, to, data))
            .map_err(|error| NetworkError::Rejected(error.to_string()))?;
        checked(receipt).map(|sent| sent.output)
    }

    fn now(&mut self) -> Result<u64, NetworkError> {
        Ok(self.timestamp())
    }
}

fn checked(receipt: devnode::Receipt) -> Result<Sent, NetworkError> {
    let receipt = receipt.into_result()?;
    Ok(Sent {
        gas_used: receipt.gas_used,
        created: receipt.created,
        output: receipt.output,
        logs: receipt.logs,
    })
}

impl From<CallError> for NetworkError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Reverted { data, .. } => Self::Reverted(data),
            CallError::Halted { reason, refusal } => {
                Self::Halted(format!("{reason:?} {}", refusal.unwrap_or_default()))
            }
            CallError::Rejected(error) => Self::Rejected(error.to_string()),
            error => Self::Malformed(error.to_string()),
        }
    }
}
