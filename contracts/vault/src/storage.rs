//! Storage of the vault. Append only.

use alloc::{vec, vec::Vec};
use alloy_primitives::{Address, U256};
use stylus_sdk::{
    prelude::*,
    storage::{
        StorageAddress, StorageB256, StorageBool, StorageMap, StorageU8, StorageU16, StorageU32, StorageU64,
        StorageU256,
    },
};

interfaces::layout! {
    /// Shares, idle assets, books and the redemption queue.
    pub struct Vault {
        /// The address that all setters trust; zero until initialised.
        0, 12: governor: StorageAddress,
        /// Length of a batch, in seconds.
        0, 8: period_secs: StorageU32,
        /// Part of a deposit that mints no shares, in basis points.
        0, 6: entry_cost_bps: StorageU16,
        /// Number of books, at most `books::MAX_BOOKS`.
        0, 5: book_count: StorageU8,
        /// The token that is deposited and paid out.
        1, 12: asset: StorageAddress,
        /// 18 − decimals of the asset: exponent of the virtual shares.
        1, 11: offset: StorageU8,
        /// Most assets under management at which deposits are taken, in asset units.
        2, 0: deposit_cap: StorageU256,
        /// Name of the share token, left-aligned ASCII.
        3, 0: name: StorageB256,
        /// Symbol of the share token, left-aligned ASCII.
        4, 0: symbol: StorageB256,
        /// All shares, those in escrow included, 18 decimals.
        5, 0: total_supply: StorageU256,
        /// Shares of each account; the vault's own are the escrow of the redemption queue.
        6, 0: balances: StorageMap<Address, StorageU256>,
        /// Shares that a spender may still move for an owner; the maximum is unlimited.
        7, 0: allowances: StorageMap<Address, StorageMap<Address, StorageU256>>,
        /// Booked asset units in the vault that belong to all shares.
        8, 0: idle: StorageU256,
        /// Asset units in the vault that belong to settled requests.
        9, 0: claim_reserve: StorageU256,
        /// Who may request and claim for a controller.
        10, 0: operators: StorageMap<Address, StorageMap<Address, StorageBool>>,
        /// Newest batch; 0 if there never was one.
        11, 24: last_batch: StorageU64,
        /// Batches completely settled; the oldest unsettled one follows.
        11, 16: settled_batches: StorageU64,
        /// Batches, from 1.
        12, 0: batches: StorageMap<U256, StoredBatch>,
        /// The one request of each controller.
        13, 0: requests: StorageMap<Address, Request>,
        /// Books, from index 0.
        14, 0: books: StorageMap<U256, StorageAddress>,
        /// What each book may hold and has been given.
        15, 0: limits: StorageMap<Address, Limit>,
    }
}

/// The requests that settle together.
#[storage]
pub struct StoredBatch {
    /// Requests join before, settlement starts at this time, in Unix seconds.
    pub(crate) cut_off: StorageU64,
    /// Shares requested, settled ones included, 18 decimals.
    pub(crate) shares: StorageU256,
    /// Part not yet settled, 1e27 = all.
    pub(crate) unfilled_ray: StorageU256,
    /// Asset units set aside per requested share unit, 1e45.
    pub(crate) assets_per_share: StorageU256,
}

/// A controller's request.
#[storage]
pub struct Request {
    /// Its batch; 0 if there is none.
    pub(crate) batch: StorageU64,
    /// Shares requested, 18 decimals.
    pub(crate) shares: StorageU256,
    /// Of these, claimed, 18 decimals.
    pub(crate) claimed_shares: StorageU256,
    /// Claimed, in asset units.
    pub(crate) claimed_assets: StorageU256,
}

/// A book's cap and use.
#[storage]
pub struct Limit {
    /// Whether the book is registered.
    pub(crate) registered: StorageBool,
    /// Most asset units given to the book less those taken back.
    pub(crate) cap: StorageU256,
    /// Asset units given less those taken back, never below 0.
    pub(crate) allocated: StorageU256,
}
