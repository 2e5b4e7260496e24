//! Where ArbOS keeps its state: an account of its own, with storage split into keyed subspaces.
//!
//! ArbOS works beside the EVM, so nothing here makes an account or a slot warm.

use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};
use revm::{
    Database,
    bytecode::Bytecode,
    context_interface::{JournalTr, journaled_state::account::JournaledAccountTr},
    state::EvmState,
};

/// The account that holds ArbOS state.
pub const ARBOS: Address = address!("A4B05FffffFffFFFFfFFfffFfffFFfffFfFfFFFf");
/// The account that holds the hashes of filtered transactions.
pub const FILTERED: Address = address!("a4B0500000000000000000000000000000000001");
/// The account that receives data fees on this chain, until an owner names another.
pub const NETWORK_FEE_ACCOUNT: Address = address!("A4B0000000000000000000000000000000000FEE");
/// The poster address of sequenced blocks.
pub const SEQUENCER: Address = address!("A4B000000000000000000073657175656e636572");

/// A region of ArbOS storage.
#[derive(Clone, Debug)]
pub struct Space(Vec<u8>);

impl Space {
    /// The root region.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// The region inside this one named `id`.
    #[must_use]
    pub fn sub(&self, id: u8) -> Self {
        self.named(&[id])
    }

    /// The region inside this one with a name of any length.
    #[must_use]
    pub fn named(&self, id: &[u8]) -> Self {
        Self(keccak256([&self.0, id].concat()).to_vec())
    }

    /// The storage slot of `key`: the last byte is kept, so that neighbours stay together.
    pub fn slot(&self, key: B256) -> U256 {
        let (head, last) = key.split_at(31);
        let mut input = self.0.clone();
        input.extend_from_slice(head);
        let mut slot = keccak256(input);
        if let (Some(target), Some(byte)) = (slot.0.last_mut(), last.first()) {
            *target = *byte;
        }
        slot.into()
    }

    /// The storage slot of field `index`.
    pub fn at(&self, index: u64) -> U256 {
        self.slot(U256::from(index).into())
    }

    /// The storage slot of an address used as a key.
    pub fn of(&self, address: Address) -> U256 {
        self.slot(address.into_word())
    }
}

type DbError<J> = <<J as JournalTr>::Database as Database>::Error;

/// Reads a slot.
pub fn read<J>(journal: &mut J, account: Address, slot: U256) -> Result<U256, DbError<J>>
where
    J: JournalTr<State = EvmState>,
{
    let (db, state) = journal.db_and_state_mut();
    match state.get(&account).and_then(|account| account.storage.get(&slot)) {
        Some(slot) => Ok(slot.present_value),
        None => db.storage(account, slot),
    }
}

/// Writes a slot; reverts undo it.
pub fn write<J>(journal: &mut J, account: Address, slot: U256, value: U256) -> Result<(), DbError<J>>
where
    J: JournalTr<State = EvmState>,
{
    unwarmed(journal, account, |journal| {
        // An account without nonce, code and balance would be cleared away, storage and all.
        let mut loaded = journal.load_account_mut(account)?;
        if loaded.nonce() == 0 {
            loaded.set_nonce(1);
        }
        drop(loaded);
        journal.sstore(account, slot, value)?;
        journal.touch_account(account);
        Ok(())
    })
}

/// Moves `wei`, which `from` must have.
pub fn transfer<J>(journal: &mut J, from: Address, to: Address, wei: U256) -> Result<(), DbError<J>>
where
    J: JournalTr<State = EvmState>,
{
    unwarmed(journal, to, |journal| journal.transfer(from, to, wei).map(drop))
}

/// Creates `wei` on `account`.
pub fn mint<J>(journal: &mut J, account: Address, wei: U256) -> Result<(), DbError<J>>
where
    J: JournalTr<State = EvmState>,
{
    unwarmed(journal, account, |journal| journal.balance_incr(account, wei))
}

/// Destroys `wei` of `account`; false when it has less.
pub fn burn<J>(journal: &mut J, account: Address, wei: U256) -> Result<bool, DbError<J>>
where
    J: JournalTr<State = EvmState>,
{
    unwarmed(journal, account, |journal| {
        Ok(journal.load_account_mut(account)?.decr_balance(wei))
    })
}

/// Puts `code` at `account`.
pub fn set_code<J>(journal: &mut J, account: Address, code: Bytes) -> Result<(), DbError<J>>
where
    J: JournalTr<State = EvmState>,
{
    unwarmed(journal, account, |journal| {
        let mut loaded = journal.load_account_mut(account)?;
        loaded.set_code_and_hash_slow(Bytecode::new_legacy(code));
        Ok(())
    })
}

/// Does `work` with `account` loaded, and leaves it as cold as it was.
fn unwarmed<J, T>(
    journal: &mut J,
    account: Address,
    work: impl FnOnce(&mut J) -> Result<T, DbError<J>>,
) -> Result<T, DbError<J>>
where
    J: JournalTr<State = EvmState>,
{
    let was_cold = journal.load_account(account)?.is_cold;
    let result = work(journal)?;
    if was_cold && let Some(account) = journal.evm_state_mut().get_mut(&account) {
        account.mark_cold();
    }
    Ok(result)
}

/// Balance in wei, code hash (zero when there is no such account) and raw code of `account`.
pub fn look_up<J>(journal: &mut J, account: Address) -> Result<(U256, B256, Bytes), DbError<J>>
where
    J: JournalTr<State = EvmState>,
{
    let (balance, hash, code) = look_up_code(journal, account)?;
    Ok((balance, hash, code.original_bytes()))
}

/// As [`look_up`], with the code ready to run.
pub fn look_up_code<J>(journal: &mut J, account: Address) -> Result<(U256, B256, Bytecode), DbError<J>>
where
    J: JournalTr<State = EvmState>,
{
    let (db, state) = journal.db_and_state_mut();
    let info = match state.get(&account) {
        Some(account) => Some(account.info.clone()),
        None => db.basic(account)?,
    };
    let Some(info) = info.filter(|info| !info.is_empty()) else {
        return Ok(Default::default());
    };
    let code = match info.code {
        Some(code) => code,
        None => db.code_by_hash(info.code_hash)?,
    };
    Ok((info.balance, info.code_hash, code))
}

/// Whether `account` was destroyed in this transaction; it is there until the transaction ends.
pub fn is_destroyed<J>(journal: &mut J, account: Address) -> bool
where
    J: JournalTr<State = EvmState>,
{
    let state = journal.evm_state_mut();
    state
        .get(&account)
        .is_some_and(revm::state::Account::is_selfdestructed_locally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slot_keeps_last_byte_and_neighbours_share_a_page() {
        let space = Space::root().sub(8);
        assert_eq!(space.at(2) - space.at(1), U256::from(1));
    }
}
