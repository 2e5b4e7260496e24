//! Storage of the vault. Append only.

use alloc::{vec, vec::Vec};
use alloy_primitives::{Address, U256};
use stylus_sdk::{
    prelude::*,
    storage::{
        StorageAddress, StorageB256, StorageBool, StorageMap, StorageU8, StorageU16, StorageU32, StorageU64,
        StorageU96, StorageU128, StorageU192, StorageU256,
    },
};

interfaces::layout! {
    /// Shares, idle assets, books, the redemption queue and pockets.
    pub struct Vault {
        /// Length of a batch, in seconds.
        0, 20: period_secs: StorageU32,
        /// Age of a batch from which the vault winds down, in seconds.
        0, 16: wait_limit_secs: StorageU32,
        /// Part of a deposit that mints no shares, in basis points.
        0, 14: entry_cost_bps: StorageU16,
        /// Part of the gain above the high-water mark that is charged, in basis points.
        0, 12: performance_fee_bps: StorageU16,
        /// Part of all shares that is charged per year, in basis points.
        0, 10: management_fee_bps: StorageU16,
        /// Widest marks at which a batch is settled before it is overdue, in basis points of the mid.
        0, 8: max_spread_bps: StorageU16,
        /// Largest deviation of a pool from the oracle at which deposits are taken, in basis points.
        0, 6: max_disturbance_bps: StorageU16,
        /// Number of books, at most `marks::MAX_BOOKS`.
        0, 5: book_count: StorageU8,
        /// Decimals of shares − decimals of the asset: exponent of the virtual shares.
        0, 4: offset: StorageU8,
        /// Whether new risk is stopped in favour of the redemption queue.
        0, 3: winding_down: StorageBool,
        /// Whether accounts have a cap: `account_cap` is not read otherwise.
        0, 2: accounts_capped: StorageBool,
        /// The token that is deposited and paid out.
        1, 12: asset: StorageAddress,
        /// Decimals of shares.
        1, 11: decimals: StorageU8,
        /// The address that all setters trust; zero until initialised.
        2, 12: governor: StorageAddress,
        /// Who may hold the lock.
        3, 12: rebalancer: StorageAddress,
        /// Who receives fee shares; zero: no fees.
        4, 12: fee_recipient: StorageAddress,
        /// Most assets under management at which deposits are taken, in asset units.
        5, 0: deposit_cap: StorageU256,
        /// Most that an account may hold after a deposit, in asset units.
        6, 0: account_cap: StorageU256,
        /// Name of the share token, left-aligned ASCII.
        7, 0: name: StorageB256,
        /// Symbol of the share token, left-aligned ASCII.
        8, 0: symbol: StorageB256,
        /// All shares, those in escrow included; below 2¹²⁸.
        9, 16: total_supply: StorageU128,
        /// Booked asset units in the vault that belong to all shares.
        9, 0: idle: StorageU128,
        /// Shares of each account; the vault's own are the escrow of the redemption queue.
        10, 0: balances: StorageMap<Address, StorageU256>,
        /// Shares that a spender may still move for an owner; the maximum is unlimited.
        11, 0: allowances: StorageMap<Address, StorageMap<Address, StorageU256>>,
        /// Permits used by each owner.
        12, 0: nonces: StorageMap<Address, StorageU256>,
        /// Highest price per share unit after fees, 1e36; saturates.
        13, 8: high_water_mark: StorageU192,
        /// When fees were last accrued, in Unix seconds.
        13, 0: accrued_at: StorageU64,
        /// Newest pocket; 0 if there never was one.
        14, 24: last_pocket: StorageU64,
        /// `navMid` when it was last measured by a transaction, in asset units; saturates.
        15, 16: last_mid: StorageU128,
        /// `navMax` when it was last measured by a transaction, in asset units; saturates.
        15, 0: last_max: StorageU128,
        /// Who may request and claim for a controller.
        16, 0: operators: StorageMap<Address, StorageMap<Address, StorageBool>>,
        /// Newest batch; 0 if there never was one.
        17, 24: last_batch: StorageU64,
        /// Batches completely settled; the oldest unsettled one follows.
        17, 16: settled_batches: StorageU64,
        /// Asset units in the vault that belong to settled requests and to pockets.
        17, 0: claim_reserve: StorageU128,
        /// Batches, from 1.
        18, 0: batches: StorageMap<U256, StoredBatch>,
        /// The one request of each controller.
        19, 0: requests: StorageMap<Address, Request>,
        /// Shares of a controller's earlier requests in batches that have stakes in pockets.
        20, 0: archive: StorageMap<Address, StorageMap<U256, StorageU256>>,
        /// Books, from index 0.
        21, 0: books: StorageMap<U256, StoredBook>,
        /// What each book may hold and has been given.
        22, 0: limits: StorageMap<Address, Limit>,
        /// Pockets, from 1.
        23, 0: pockets: StorageMap<U256, StoredPocket>,
        /// Stakes of batches in pockets, by pocket and batch.
        24, 0: stakes: StorageMap<U256, StorageMap<U256, StoredStake>>,
        /// Uninvited asset units that were noted, to be booked; 0 if none.
        25, 16: surplus: StorageU128,
        /// When they can be booked, in Unix seconds.
        25, 8: surplus_bookable_at: StorageU64,
    }
}

/// The requests that settle together.
#[storage]
pub struct StoredBatch {
    /// Requests join before, settlement starts at this time, in Unix seconds.
    pub(crate) cut_off: StorageU64,
    /// Shares requested, settled ones included.
    pub(crate) shares: StorageU128,
    /// Whether it has stakes in pockets.
    pub(crate) pocketed: StorageBool,
    /// Part settled, 1e27 = all. Not written when the whole batch settles at once: `settled_batches` says so.
    pub(crate) filled_ray: StorageU256,
    /// Asset units set aside per requested share unit, 1e45.
    pub(crate) assets_per_share: StorageU256,
}

/// A controller's request.
#[storage]
pub struct Request {
    /// Its batch; 0 if there is none.
    pub(crate) batch: StorageU64,
    /// Shares requested.
    pub(crate) shares: StorageU128,
    /// Of these, claimed.
    pub(crate) claimed_shares: StorageU128,
    /// Claimed, in asset units.
    pub(crate) claimed_assets: StorageU128,
}

/// A book, in one slot.
#[storage]
pub struct StoredBook {
    /// Its address.
    pub(crate) at: StorageAddress,
    /// Its open pocket; 0 if all of it belongs to the shares.
    pub(crate) pocket: StorageU64,
    /// Whether it is never refilled while in loss.
    pub(crate) isolated: StorageBool,
}

/// A book's cap and use.
#[storage]
pub struct Limit {
    /// Its index + 1; 0 if it is not registered.
    pub(crate) place: StorageU8,
    /// Most asset units given to the book less those taken back.
    pub(crate) cap: StorageU256,
    /// Asset units given less those taken back and realised losses, never below 0.
    pub(crate) allocated: StorageU256,
}

/// See `engine::pocket::Pocket`.
#[storage]
pub struct StoredPocket {
    /// The book.
    pub(crate) book: StorageAddress,
    /// The part of the book, 1e27 = all of it; 0 once it was bought out.
    pub(crate) fraction_ray: StorageU96,
    /// Units of all batches.
    pub(crate) units: StorageU256,
    /// Asset units paid per unit, 1e45.
    pub(crate) paid_per_unit: StorageU256,
}

/// See `engine::pocket::Stake`.
#[storage]
pub struct StoredStake {
    /// Units.
    pub(crate) units: StorageU256,
    /// What the units had been paid before they were the batch's, in asset units.
    pub(crate) debt: StorageU256,
    /// Asset units that each controller has claimed.
    pub(crate) claimed: StorageMap<Address, StorageU256>,
}
