//! Transactions and what they did.

use crate::{evm::ProgramRun, stylus::trace::Frames};
use alloy_consensus::{
    SignableTransaction, Transaction as _, TxEip1559, TxEip7702, TxEnvelope, Typed2718 as _, transaction::Recovered,
};
use alloy_eips::{eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Address, B256, Bytes, Log, Signature, TxKind, U256};
use revm::{
    context::{TxEnv, either::Either},
    context_interface::result::HaltReason,
};

/// A transaction with its sender, ready to be executed.
pub type SignedTx = Recovered<TxEnvelope>;

/// What a sender pays for gas at most, in wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    /// Most that is paid in all.
    pub max_fee: u128,
    /// Tip on top of the base fee. The chain drops it, but programs can see it in their gas price.
    pub tip: u128,
}

/// A transaction or call. The sender needs no key: the chain trusts its embedder.
#[derive(Clone, Debug, Default)]
pub struct Tx {
    /// Sender.
    pub from: Address,
    /// Receiver; `None` creates a contract from `data`.
    pub to: Option<Address>,
    /// Value in wei.
    pub value: U256,
    /// Calldata or init code.
    pub data: Bytes,
    /// Gas limit; by default as much as a transaction may have.
    pub gas_limit: Option<u64>,
    /// Nonce; by default the sender's next.
    pub nonce: Option<u64>,
    /// Fees; by default a transaction pays the base fee and a call nothing.
    pub fees: Option<Fees>,
    /// Accounts and slots that are warm from the start (EIP-2930).
    pub access_list: AccessList,
    /// Delegations of accounts to code (EIP-7702).
    pub authorizations: Vec<SignedAuthorization>,
}

impl Tx {
    /// A call of `to` with `data`.
    pub fn call(from: Address, to: Address, data: impl Into<Bytes>) -> Self {
        Self {
            from,
            to: Some(to),
            data: data.into(),
            ..Self::default()
        }
    }

    /// A creation from `init_code`.
    pub fn create(from: Address, init_code: impl Into<Bytes>) -> Self {
        Self {
            from,
            data: init_code.into(),
            ..Self::default()
        }
    }

    /// Sends `wei` along.
    #[must_use]
    pub fn value(mut self, wei: U256) -> Self {
        self.value = wei;
        self
    }

    /// Limits the gas.
    #[must_use]
    pub fn gas(mut self, limit: u64) -> Self {
        self.gas_limit = Some(limit);
        self
    }

    /// Sets what is paid for gas.
    #[must_use]
    pub fn fees(mut self, fees: Fees) -> Self {
        self.fees = Some(fees);
        self
    }

    /// The transaction as it would stand in a block, with a mark in place of the signature that nobody
    /// made: it holds the sender, so that two senders' transactions never have the same hash.
    pub(crate) fn unsigned(self, chain_id: u64, nonce: u64, gas_limit: u64, fees: Fees) -> SignedTx {
        let from = self.from;
        let mark = Signature::new(U256::from_be_slice(from.as_slice()), U256::ONE, false);
        let envelope = match self.to {
            Some(to) if !self.authorizations.is_empty() => TxEip7702 {
                chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas: fees.max_fee,
                max_priority_fee_per_gas: fees.tip,
                to,
                value: self.value,
                access_list: self.access_list,
                authorization_list: self.authorizations,
                input: self.data,
            }
            .into_signed(mark)
            .into(),
            to => TxEip1559 {
                chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas: fees.max_fee,
                max_priority_fee_per_gas: fees.tip,
                to: to.map_or(TxKind::Create, TxKind::Call),
                value: self.value,
                access_list: self.access_list,
                input: self.data,
            }
            .into_signed(mark)
            .into(),
        };
        Recovered::new_unchecked(envelope, from)
    }
}

/// What the EVM needs of a signed transaction, with its gas capped at `gas_cap`.
///
/// Arbitrum drops tips, so the price that the EVM sees is the base fee, or less when the sender offers less.
pub(crate) fn env_of(tx: &SignedTx, gas_cap: u64, base_fee: u64) -> TxEnv {
    let authorizations = tx.authorization_list().unwrap_or_default();
    TxEnv {
        tx_type: tx.ty(),
        caller: tx.signer(),
        gas_limit: tx.gas_limit().min(gas_cap),
        gas_price: tx.max_fee_per_gas().min(base_fee.into()),
        gas_priority_fee: tx.max_priority_fee_per_gas().map(|_| 0),
        kind: tx.kind(),
        value: tx.value(),
        data: tx.input().clone(),
        nonce: tx.nonce(),
        chain_id: tx.chain_id(),
        access_list: tx.access_list().cloned().unwrap_or_default(),
        authorization_list: authorizations.iter().cloned().map(Either::Left).collect(),
        ..TxEnv::default()
    }
}

/// What a transaction or call did.
#[derive(Clone, Debug, Default)]
pub struct Receipt {
    /// Hash of the transaction; zero for a call.
    pub hash: B256,
    /// Whether it took effect.
    pub success: bool,
    /// Gas charged, after refunds.
    pub gas_used: u64,
    /// Return or revert data.
    pub output: Bytes,
    /// The created contract.
    pub created: Option<Address>,
    /// Logs, when successful.
    pub logs: Vec<Log>,
    /// Why it halted (ran out of gas, invalid code, …), when it neither succeeded nor reverted.
    pub halt: Option<HaltReason>,
    /// Why an activation was refused or a program could not run, for people.
    pub refusal: Option<String>,
    /// Program runs with host calls, when tracing.
    pub runs: Vec<ProgramRun>,
    /// Frames, when tracing.
    pub frames: Frames,
    /// L2 block it is in.
    pub block: u64,
    /// Time of that block in Unix seconds.
    pub timestamp: u64,
}
