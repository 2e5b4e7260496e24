//! Storage of the rebalancer. Append only.

use alloy_primitives::Address;
use stylus_sdk::storage::{StorageAddress, StorageMap};

interfaces::layout! {
    /// Which adapter trades for which book.
    pub struct Rebalancer {
        /// The address that all setters trust; zero until initialised.
        0, 12: governor: StorageAddress,
        /// Whose redemption queue must be covered.
        1, 12: vault: StorageAddress,
        /// Adapter of each book; zero if the book is unknown.
        2, 0: adapters: StorageMap<Address, StorageAddress>,
    }
}
