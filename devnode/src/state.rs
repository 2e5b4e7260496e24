//! Accounts and their storage, as a value.
//!
//! The maps share what they have in common: a copy costs nothing and is a snapshot, so every block of
//! the chain can keep the state it left behind.

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

/// One account of [`State`].
#[derive(Clone, Debug, Default)]
struct Entry {
    /// Always with its code.
    info: AccountInfo,
    /// Slots that are not zero, and zeros that hide a value of the fork.
    storage: HashMap<U256, U256>,
}

/// Every account of the chain. A clone is a snapshot and costs nothing.
#[derive(Clone, Debug, Default)]
pub struct State {
    accounts: HashMap<Address, Arc<Entry>>,
}

/// Code as the EVM wants it: an EIP-7702 designator is one, anything else is plain bytes.
fn bytecode(code: Bytes) -> Bytecode {
    Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code))
}

impl State {
    /// Balance, nonce and code of an account; the empty account when there is none.
    pub fn account(&self, address: Address) -> Result<AccountInfo, StateError> {
        Ok(self.accounts.get(&address).map_or_else(
            || AccountInfo::default().with_code(Bytecode::default()),
            |entry| entry.info.clone(),
        ))
    }

    /// A storage slot.
    pub fn slot(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        let entry = self.accounts.get(&address);
        Ok(entry
            .and_then(|entry| entry.storage.get(&slot))
            .copied()
            .unwrap_or_default())
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
        let entry = self.entry(address);
        entry.info = info;
        put(entry, slot, value);
        Ok(())
    }

    /// Forgets all storage of an account.
    pub fn clear_storage(&mut self, address: Address) -> Result<(), StateError> {
        let info = self.account(address)?;
        let entry = self.entry(address);
        entry.info = info;
        entry.storage = HashMap::new();
        Ok(())
    }

    /// All accounts that this chain knows, in order, with their storage in order.
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

fn put(entry: &mut Entry, slot: U256, value: U256) {
    if value.is_zero() {
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
        for (address, account) in changes {
            if !account.is_touched() {
                continue;
            }
            let entry = self.entry(address);
            if account.is_selfdestructed() {
                *entry = Entry {
                    info: AccountInfo::default().with_code(Bytecode::default()),
                    ..Entry::default()
                };
                continue;
            }
            if account.is_created() {
                entry.storage = HashMap::new();
            }
            let known = entry.info.code.take();
            entry.info = account.info;
            if entry.info.code.is_none() {
                entry.info.code = known;
            }
            for (slot, value) in account.storage {
                if value.is_changed() {
                    put(entry, slot, value.present_value());
                }
            }
        }
    }
}
