//! Storage of a book. Append only.

use alloc::{vec, vec::Vec};
use alloy_primitives::{Address, B256, U256};
use stylus_sdk::{
    prelude::*,
    storage::{StorageAddress, StorageB256, StorageBool, StorageMap, StorageU8},
};

interfaces::layout! {
    /// One sub-account.
    pub struct Book {
        /// The address that all setters trust; zero until initialised.
        0, 12: governor: StorageAddress,
        /// Number of tokens; token 0 is the vault's asset.
        0, 11: token_count: StorageU8,
        /// Number of adapters.
        0, 10: adapter_count: StorageU8,
        /// Who may recall assets, and to whom they go.
        1, 12: vault: StorageAddress,
        /// Who may execute plans.
        2, 12: rebalancer: StorageAddress,
        /// Measures legs.
        3, 12: risk: StorageAddress,
        /// Prices tokens.
        4, 12: oracle: StorageAddress,
        /// Tokens, from index 0.
        5, 0: tokens: StorageMap<U256, Token>,
        /// Whether a token is registered.
        6, 0: registered: StorageMap<Address, StorageBool>,
        /// Adapters, from index 0.
        7, 0: adapters: StorageMap<U256, StorageAddress>,
        /// Whether an adapter is registered.
        8, 0: trusted: StorageMap<Address, StorageBool>,
        /// The allow-list: templates by keccak256(adapter ‖ target ‖ selector).
        9, 0: templates: StorageMap<B256, Template>,
        /// Number of open orders, at most `engine::order::MAX_OPEN`.
        0, 9: order_count: StorageU8,
        /// Words of the open orders, one order after the other, as `engine::order` packs them.
        10, 0: order_words: StorageMap<U256, StorageB256>,
    }
}

/// A registered token.
#[storage]
pub struct Token {
    /// Its address.
    pub(crate) at: StorageAddress,
    /// Its decimals.
    pub(crate) decimals: StorageU8,
}

/// What the arguments of an allowed call must look like.
#[storage]
pub struct Template {
    /// Whether the call is allowed.
    pub(crate) listed: StorageBool,
    /// Number of argument words.
    pub(crate) length: StorageU8,
    /// One pattern per argument word.
    pub(crate) words: StorageMap<U256, StorageB256>,
}
