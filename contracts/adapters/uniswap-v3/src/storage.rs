//! Storage of the Uniswap v3 adapter: configuration only, written once.

use stylus_sdk::storage::{StorageAddress, StorageU8, StorageU32};

interfaces::layout! {
    /// One pool and the router that trades on it.
    pub struct UniswapV3 {
        /// The SwapRouter02; zero until initialised.
        0, 12: router: StorageAddress,
        /// Fee tier of the pool, in hundredths of a basis point.
        0, 8: fee: StorageU32,
        /// The pool.
        1, 12: pool: StorageAddress,
        /// Decimals of the pool's first token; beside the pool, because `spot` reads both.
        1, 11: decimals0: StorageU8,
        /// Decimals of the pool's second token.
        1, 10: decimals1: StorageU8,
        /// First token of the pool (the lower address).
        2, 12: token0: StorageAddress,
        /// Second token of the pool.
        3, 12: token1: StorageAddress,
    }
}
