//! Storage of the oracle. Append only.

use alloc::{vec, vec::Vec};
use stylus_sdk::{
    prelude::*,
    storage::{StorageAddress, StorageI128, StorageMap, StorageU8, StorageU16, StorageU32},
};

interfaces::layout! {
    /// Prices from feeds.
    pub struct Oracle {
        /// Who may set feeds; zero until initialised.
        0, 12: governor: StorageAddress,
        /// The asset in which prices are quoted.
        1, 12: quote: StorageAddress,
        /// Feed of each asset.
        2, 0: feeds: StorageMap<alloy_primitives::Address, Feed>,
    }
}

/// One feed: two slots.
#[storage]
pub struct Feed {
    /// Aggregator to ask; zero if the asset has no feed.
    pub(crate) aggregator: StorageAddress,
    /// An answer older than this is stale, in seconds.
    pub(crate) heartbeat_secs: StorageU32,
    /// How far the answer may be off either way, in basis points.
    pub(crate) confidence_bps: StorageU16,
    /// Decimals of the answer.
    pub(crate) decimals: StorageU8,
    /// Smallest valid answer, in the feed's decimals, ≥ 0.
    pub(crate) min_answer: StorageI128,
    /// Largest valid answer, in the feed's decimals, ≥ 0.
    pub(crate) max_answer: StorageI128,
}
