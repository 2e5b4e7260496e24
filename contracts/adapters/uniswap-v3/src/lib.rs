//! # Uniswap v3 adapter
//!
//! Encodes spot swaps on one pool through SwapRouter02 and reads the pool's price. It holds nothing,
//! changes nothing and is called by anyone; its configuration is written once.
//!
//! * **Encode**: `exactInputSingle` with the book as recipient and no price limit; the bounds are the
//!   caller's `amountIn` and `minOut`.
//! * **Legs**: none. What a book holds of both tokens is its own balance, which it counts itself.
#![cfg_attr(not(any(test, feature = "export-abi")), no_std)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::arithmetic_side_effects))]
#![allow(unsafe_code, unexpected_cfgs)] // from the storage and ABI macros only
#![cfg_attr(feature = "export-abi", allow(missing_docs))] // the printer that `#[public]` adds
#![allow(clippy::needless_pass_by_value, clippy::unused_self)] // methods of the ABI own their arguments

extern crate alloc;

mod price;
mod storage;

use alloc::{vec, vec::Vec};
use alloy_primitives::{Address, B256, U8, U32, U256};
use alloy_sol_types::SolCall;
use interfaces::{
    Call, IAdapter, IERC20, ISwapRouter02, IUniswapV3Factory, IUniswapV3Pool,
    contract::{self, Revert},
};
use stylus_sdk::prelude::HostAccess;
#[cfg(feature = "export-abi")]
use stylus_sdk::prelude::public;

use price::Side;
pub use storage::UniswapV3;

type Outcome<T> = core::result::Result<T, Revert<IAdapter::IAdapterErrors>>;

interfaces::routes!(UniswapV3, IAdapter {
    initializeCall "initialize" => initialize(router: Address, pool: Address);
    routerCall "router" => router();
    poolCall "pool" => pool();
    token0Call "token0" => token0();
    token1Call "token1" => token1();
    feeCall "fee" => fee();
    legsCall "legs" => legs(book: Address);
    encodeCall "encode" => encode(book: Address, token_in: Address, token_out: Address, amount_in: U256, min_out: U256);
    spotCall "spot" => spot(base: Address, quote: Address);
});

#[cfg_attr(feature = "export-abi", public)]
impl UniswapV3 {
    /// Sets the router and the pool, once; tokens, fee and decimals are read from the pool.
    ///
    /// Errors: `AlreadyInitialized`, `ZeroAddress`, `PoolMismatch` if the pool does not answer like one or is not the router's.
    pub fn initialize(&mut self, router: Address, pool: Address) -> Outcome<()> {
        contract::claim_initialisation(&mut self.router, router)?;
        let mismatch = |_| IAdapter::PoolMismatch { pool };
        let vm = self.vm();
        let token0 = contract::view_address(vm, pool, IUniswapV3Pool::token0Call::SELECTOR).map_err(mismatch)?;
        let token1 = contract::view_address(vm, pool, IUniswapV3Pool::token1Call::SELECTOR).map_err(mismatch)?;
        let fee = contract::view_uint(vm, pool, IUniswapV3Pool::feeCall::SELECTOR, &[]).map_err(mismatch)?;
        // The router finds its pool by its own factory: it must be the one that is read here.
        let factory = contract::view_address(vm, router, ISwapRouter02::factoryCall::SELECTOR).map_err(mismatch)?;
        let sought = [token0.into_word(), token1.into_word(), fee.into()];
        let found =
            contract::view_uint(vm, factory, IUniswapV3Factory::getPoolCall::SELECTOR, &sought).map_err(mismatch)?;
        if Address::from_word(found.into()) != pool {
            return Err(IAdapter::PoolMismatch { pool }.into());
        }
        let decimals = IERC20::decimalsCall::SELECTOR;
        let decimals0 = contract::view_uint(vm, token0, decimals, &[]).map_err(mismatch)?;
        let decimals1 = contract::view_uint(vm, token1, decimals, &[]).map_err(mismatch)?;
        self.pool.set(pool);
        self.token0.set(token0);
        self.token1.set(token1);
        self.fee.set(U32::saturating_from(fee));
        self.decimals0.set(U8::saturating_from(decimals0));
        self.decimals1.set(U8::saturating_from(decimals1));
        Ok(())
    }

    /// The SwapRouter02.
    pub fn router(&self) -> Address {
        self.router.get()
    }

    /// The pool.
    pub fn pool(&self) -> Address {
        self.pool.get()
    }

    /// First token of the pool.
    pub fn token0(&self) -> Address {
        self.token0.get()
    }

    /// Second token of the pool.
    pub fn token1(&self) -> Address {
        self.token1.get()
    }

    /// Fee tier of the pool, in hundredths of a basis point.
    pub fn fee(&self) -> U256 {
        U256::from(self.fee.get())
    }

    /// Packed legs that `book` holds at this venue: none, for spot balances are the book's own.
    #[allow(unused_variables)]
    pub fn legs(&self, book: Address) -> Vec<B256> {
        Vec::new()
    }

    /// The calls that trade exactly `amount_in` of `token_in` for at least `min_out` of `token_out` (token
    /// units), paid to `book`.
    ///
    /// Errors: `PairNotServed`.
    pub fn encode(
        &self,
        book: Address,
        token_in: Address,
        token_out: Address,
        amount_in: U256,
        min_out: U256,
    ) -> Outcome<Vec<Call>> {
        let (token0, token1) = (self.token0.get(), self.token1.get());
        if (token_in, token_out) != (token0, token1) && (token_in, token_out) != (token1, token0) {
            return Err(IAdapter::PairNotServed {
                tokenIn: token_in,
                tokenOut: token_out,
            }
            .into());
        }
        let words = [
            token_in.into_word(),
            token_out.into_word(),
            B256::from(self.fee()),
            book.into_word(),
            B256::from(amount_in),
            B256::from(min_out),
            B256::ZERO, // no price limit
        ];
        let data = contract::encode(ISwapRouter02::exactInputSingleCall::SELECTOR, &words);
        Ok(vec![Call {
            target: self.router.get(),
            data: data.into(),
        }])
    }

    /// What the pool quotes now: whole `quote` per whole `base`, 1e18, before its fee; zero if it has other tokens.
    /// Rounded down, but never to zero.
    ///
    /// Manipulable inside a transaction: never a valuation, only a comparison with the oracle.
    /// Errors: `MalformedReturn`, `ArithmeticOverflow` (decimals above 18).
    pub fn spot(&self, base: Address, quote: Address) -> Outcome<U256> {
        let (token0, token1) = (self.token0.get(), self.token1.get());
        let decimals = [self.decimals0.get(), self.decimals1.get()].map(|raw| u8::try_from(raw).unwrap_or(u8::MAX));
        let [decimals0, decimals1] = decimals;
        let side = if (base, quote) == (token0, token1) {
            Side::Token0(decimals0, decimals1)
        } else if (base, quote) == (token1, token0) {
            Side::Token1(decimals1, decimals0)
        } else {
            return Ok(U256::ZERO);
        };
        let pool = self.pool.get();
        let sqrt_price = contract::view_uint(self.vm(), pool, IUniswapV3Pool::slot0Call::SELECTOR, &[])
            .map_err(|_| IAdapter::MalformedReturn { target: pool })?;
        price::spot_wad_down(sqrt_price, side).map_err(|_| IAdapter::ArithmeticOverflow {}.into())
    }
}
