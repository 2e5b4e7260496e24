//! Accounts and their storage, as a value.
//!
//! The maps share what they have in common: a copy costs nothing and is a snapshot, so every block of
//! the chain can keep the state it left behind.

use crate::fork::{Fork, ForkError};
use alloy_primitives::{Address, B256, Bytes, U256};
use imbl::HashMap;
use revm::{
    Database, DatabaseCommit, DatabaseRef,
    bytecode::Bytecode,
    database::DBErrorMarker,
    primitives::AddressMap,
    state::{Account, AccountInfo},
};
use std::{collections::BTreeMap, sync::Arc};
use thiserror::Error;

/// State could not be read: only a fork has to ask another node.
#[derive(Clone, Debug, Error)]
#[error("{0}")]
pub struct StateError(pub String);

impl DBErrorMarker for StateError {}

impl From<ForkError> for StateError {
    fn from(error: ForkError) -> Self {
        Self(error.to_string())
    }
}

/// One account of [`State`].
#[derive(Clone, Debug, Default)]
struct Entry {
    /// Always with its code.
    info: AccountInfo,
    /// Slots that are not zero, and zeros that hide a value of the fork.
    storage: HashMap<U256, U256>,
    /// The account began anew here: nothing of the fork's storage is its own.
    own_storage: bool,
}

/// Every account of the chain. A clone is a snapshot and costs nothing.
#[derive(Clone, Debug, Default)]
pub struct State {
    accounts: HashMap<Address, Arc<Entry>>,
    /// Where accounts and slots come from that are not known here.
    fork: Option<Fork>,
}

/// Code as the EVM wants it: an EIP-7702 designator is one, anything else is plain bytes.
fn bytecode(code: Bytes) -> Bytecode {
    Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code))
}

impl State {
    /// The state of another chain, as far as it is not changed here.
    pub fn of(fork: Fork) -> Self {
        Self {
            accounts: HashMap::new(),
            fork: Some(fork),
        }
    }

    /// Whether accounts that are not known here are read from another chain.
    pub fn is_fork(&self) -> bool {
        self.fork.is_some()
    }

    /// Balance, nonce and code of an account; the empty account when there is none.
    pub fn account(&self, address: Address) -> Result<AccountInfo, StateError> {
        if let Some(entry) = self.accounts.get(&address) {
            return Ok(entry.info.clone());
        }
        let remote = match &self.fork {
            Some(fork) => fork.account(address)?,
            None => None,
        };
        Ok(remote.unwrap_or_else(empty))
    }

    /// A storage slot.
    pub fn slot(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        let entry = self.accounts.get(&address);
        if let Some(value) = entry.and_then(|entry| entry.storage.get(&slot)) {
            return Ok(*value);
        }
        match &self.fork {
            Some(fork) if entry.is_none_or(|entry| !entry.own_storage) => Ok(fork.storage(address, slot)?),
            _ => Ok(U256::ZERO),
        }
    }

    /// Changes balance, nonce or code of an account.
    pub fn update(&mut self, address: Address, change: impl FnOnce(&mut AccountInfo)) -> Result<(), StateError> {
        let mut info = self.account(address)?;
        change(&mut info);
        self.entry(address).info = info;
        Ok(())
    }

    /// Puts code at an address; balance and nonce stay.
    pub fn set_code(&mut self, address: Address, code: Bytes) -> Result<(), StateError> {
        let code = bytecode(code);
        self.update(address, |info| {
            info.set_code_and_hash(code.clone(), code.hash_slow());
        })
    }

    /// Sets a storage slot.
    pub fn set_slot(&mut self, address: Address, slot: U256, value: U256) -> Result<(), StateError> {
        let info = self.account(address)?;
        let forked = self.fork.is_some();
        let entry = self.entry(address);
        entry.info = info;
        put(entry, slot, value, forked);
        Ok(())
    }

    /// Forgets all storage of an account.
    pub fn clear_storage(&mut self, address: Address) -> Result<(), StateError> {
        let info = self.account(address)?;
        let entry = self.entry(address);
        entry.info = info;
        entry.storage = HashMap::new();
        entry.own_storage = true;
        Ok(())
    }

    /// All accounts that this chain has made or changed, in order, with their storage in order.
    pub fn accounts(&self) -> impl Iterator<Item = (Address, AccountInfo, BTreeMap<U256, U256>)> {
        let sorted: BTreeMap<_, _> = self.accounts.iter().collect();
        sorted
            .into_iter()
            .map(|(address, entry)| {
                let storage = entry.storage.iter().map(|(slot, value)| (*slot, *value)).collect();
                (*address, entry.info.clone(), storage)
            })
            .collect::<Vec<_>>()
            .into_iter()
    }

    fn entry(&mut self, address: Address) -> &mut Entry {
        Arc::make_mut(self.accounts.entry(address).or_default())
    }
}

/// The account that is not there.
fn empty() -> AccountInfo {
    AccountInfo::default().with_code(Bytecode::default())
}

fn put(entry: &mut Entry, slot: U256, value: U256, forked: bool) {
    if value.is_zero() && (entry.own_storage || !forked) {
        entry.storage.remove(&slot);
    } else {
        entry.storage.insert(slot, value);
    }
}

impl DatabaseRef for State {
    type Error = StateError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        let info = self.account(address)?;
        Ok((!info.is_empty()).then_some(info))
    }

    /// Accounts come with their code, so nothing is looked up by hash.
    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, StateError> {
        Err(StateError(format!("code {hash} was asked for without its account")))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        self.slot(address, slot)
    }

    /// BLOCKHASH answers with hashes of the L1, which a chain of its own makes up.
    fn block_hash_ref(&self, number: u64) -> Result<B256, StateError> {
        Ok(l1_hash(number))
    }
}

/// The hash of an L1 block: there is no L1, so it only has to be fixed and different for each.
pub fn l1_hash(number: u64) -> B256 {
    alloy_primitives::keccak256(number.to_be_bytes())
}

impl Database for State {
    type Error = StateError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        self.basic_ref(address)
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, StateError> {
        self.code_by_hash_ref(hash)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, StateError> {
        self.slot(address, slot)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, StateError> {
        self.block_hash_ref(number)
    }
}

impl DatabaseCommit for State {
    fn commit(&mut self, changes: AddressMap<Account>) {
        let forked = self.fork.is_some();
        for (address, account) in changes {
            if !account.is_touched() {
                continue;
            }
            let entry = self.entry(address);
            if account.is_selfdestructed() {
                *entry = Entry {
                    info: empty(),
                    storage: HashMap::new(),
                    own_storage: true,
                };
                continue;
            }
            if account.is_created() {
                entry.storage = HashMap::new();
                entry.own_storage = true;
            }
            let known = entry.info.code.take();
            entry.info = account.info;
            if entry.info.code.is_none() {
                entry.info.code = known;
            }
            for (slot, value) in account.storage {
                if value.is_changed() {
                    put(entry, slot, value.present_value(), forked);
                }
            }
        }
    }
}
