//! # Oracle
//!
//! Prices from Chainlink-style feeds, in units of one quote asset (the vault's asset).
//!
//! * **Price** = feed(asset) / feed(quote), per whole unit, 1e18, rounded down. The quote asset is exactly
//!   1 and reads no feed.
//! * **Confidence** = the sum of both feeds' confidence, in basis points either way.
//! * **Doubt is an error**: a feed that fails, is stale, incomplete, not positive or outside its bounds
//!   never yields a price. Every error names the asset.
//! * **Roles**: only the governor sets feeds. There is no tightening side: a guardian who could narrow the
//!   bounds could make every price invalid and so block risk reduction.
#![cfg_attr(not(any(test, feature = "export-abi")), no_std)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![allow(unsafe_code, unexpected_cfgs)] // from the storage and ABI macros only
#![cfg_attr(feature = "export-abi", allow(missing_docs))] // the printer that `#[public]` adds
#![allow(clippy::needless_pass_by_value, clippy::unused_self)] // methods of the ABI own their arguments

extern crate alloc;

mod ratio;
mod storage;

#[cfg(feature = "export-abi")]
use alloc::vec::Vec; // used by `#[public]`
use alloy_primitives::{Address, I256, U8, U16, U32, U256, aliases::I128};
use alloy_sol_types::SolCall;
use interfaces::{
    IAggregator, IOracle,
    contract::{self, Revert, WAD},
};
use stylus_sdk::prelude::*;

pub use storage::Oracle;

/// Longest heartbeat that can be set: 3 days, in seconds.
pub const MAX_HEARTBEAT_SECS: u64 = 259_200;
/// Widest confidence of one feed that can be set: 10 %, in basis points.
pub const MAX_CONFIDENCE_BPS: u64 = 1_000;
/// Most decimals of a feed.
pub const MAX_FEED_DECIMALS: u64 = 18;

type Outcome<T> = core::result::Result<T, Revert<IOracle::IOracleErrors>>;

/// What a feed says now: positive, fresh and inside its bounds.
struct Answer {
    /// Price with `decimals` decimals, > 0.
    value: U256,
    decimals: u8,
    confidence_bps: U256,
}

interfaces::routes!(Oracle, IOracle {
    initializeCall "initialize" => initialize(governor: Address, quote: Address);
    governorCall "governor" => governor();
    quoteCall "quote" => quote();
    setFeedCall "setFeed" => set_feed(asset: Address, aggregator: Address, heartbeat_secs: U256, confidence_bps: U256, min_answer: I256, max_answer: I256);
    feedCall "feed" => feed(asset: Address);
    priceCall "price" => price(asset: Address);
});

#[cfg_attr(feature = "export-abi", public)]
impl Oracle {
    /// Sets the governor and the asset in which prices are quoted, once.
    ///
    /// Errors: `AlreadyInitialized`, `ZeroAddress`.
    pub fn initialize(&mut self, governor: Address, quote: Address) -> Outcome<()> {
        if quote.is_zero() {
            return Err(IOracle::ZeroAddress {}.into());
        }
        contract::claim_initialisation(&mut self.governor, governor)?;
        self.quote.set(quote);
        Ok(())
    }

    /// The address that may set feeds.
    pub fn governor(&self) -> Address {
        self.governor.get()
    }

    /// The asset in which prices are quoted.
    pub fn quote(&self) -> Address {
        self.quote.get()
    }

    /// Sets the feed of `asset`; a zero `aggregator` removes it.
    ///
    /// `heartbeat_secs`: an older answer is stale. `confidence_bps`: how far the answer may be off either
    /// way. `min_answer`, `max_answer`: bounds in the feed's own decimals, both inclusive.
    ///
    /// Errors: `Unauthorized` unless the governor calls, `ParameterOutOfRange`, `BoundsInvalid`, `FeedFailed` if the
    /// aggregator does not tell its decimals.
    pub fn set_feed(
        &mut self,
        asset: Address,
        aggregator: Address,
        heartbeat_secs: U256,
        confidence_bps: U256,
        min_answer: I256,
        max_answer: I256,
    ) -> Outcome<()> {
        contract::authorise(self.vm(), self.governor.get(), false)?;
        let mut decimals = U256::ZERO;
        if !aggregator.is_zero() {
            in_range(heartbeat_secs, 1, MAX_HEARTBEAT_SECS)?;
            in_range(confidence_bps, 0, MAX_CONFIDENCE_BPS)?;
            decimals = contract::view_uint(self.vm(), aggregator, IAggregator::decimalsCall::SELECTOR, &[])
                .map_err(|_| IOracle::FeedFailed { asset, aggregator })?;
            in_range(decimals, 0, MAX_FEED_DECIMALS)?;
            if min_answer > max_answer || max_answer <= I256::ZERO {
                return Err(IOracle::BoundsInvalid {
                    minAnswer: min_answer,
                    maxAnswer: max_answer,
                }
                .into());
            }
        }
        let (min, max) = (bound(min_answer)?, bound(max_answer)?);
        let mut feed = self.feeds.setter(asset);
        feed.aggregator.set(aggregator);
        feed.heartbeat_secs.set(U32::saturating_from(heartbeat_secs));
        feed.confidence_bps.set(U16::saturating_from(confidence_bps));
        feed.decimals.set(U8::saturating_from(decimals));
        feed.min_answer.set(min);
        feed.max_answer.set(max);
        contract::emit(
            self.vm(),
            &IOracle::FeedSet {
                asset,
                aggregator,
                heartbeatSecs: heartbeat_secs,
                confidenceBps: confidence_bps,
                minAnswer: min_answer,
                maxAnswer: max_answer,
            },
        );
        Ok(())
    }

    /// The feed of `asset` as it was set: aggregator, heartbeat in seconds, confidence in basis points,
    /// smallest and largest valid answer, decimals of the answer. All zero if there is none.
    pub fn feed(&self, asset: Address) -> (Address, U256, U256, I256, I256, U256) {
        let feed = self.feeds.getter(asset);
        (
            feed.aggregator.get(),
            U256::from(feed.heartbeat_secs.get()),
            U256::from(feed.confidence_bps.get()),
            widen(feed.min_answer.get()),
            widen(feed.max_answer.get()),
            U256::from(feed.decimals.get()),
        )
    }

    /// Price of one whole unit of `asset` in whole units of the quote asset (1e18, rounded down), and its
    /// confidence in basis points either way.
    ///
    /// Errors: `UnknownAsset`, `FeedFailed`, `IncompleteRound`, `StalePrice`, `InvalidPrice`,
    /// `ArithmeticOverflow`.
    pub fn price(&self, asset: Address) -> Outcome<(U256, U256)> {
        let quote = self.quote.get();
        if asset == quote {
            return Ok((WAD, U256::ZERO));
        }
        let base = self.answer(asset)?;
        let quote = self.answer(quote)?;
        ratio::mid_wad_down(base.value, base.decimals, quote.value, quote.decimals)
            .and_then(|mid| Ok((mid, fixed::add(base.confidence_bps, quote.confidence_bps)?)))
            .map_err(|_| IOracle::ArithmeticOverflow {}.into())
    }
}

impl Oracle {
    /// Reads the feed of `asset` and checks what it says.
    fn answer(&self, asset: Address) -> Outcome<Answer> {
        let feed = self.feeds.getter(asset);
        let aggregator = feed.aggregator.get();
        if aggregator.is_zero() {
            return Err(IOracle::UnknownAsset { asset }.into());
        }
        let round = contract::view(self.vm(), aggregator, &IAggregator::latestRoundDataCall::SELECTOR)
            .ok()
            .and_then(|data| {
                let word = |index| contract::uint_at(&data, index);
                Some((word(0)?, contract::int_at(&data, 1)?, word(3)?, word(4)?))
            });
        let Some((round_id, answer, updated_at, answered_in)) = round else {
            return Err(IOracle::FeedFailed { asset, aggregator }.into());
        };
        let now = U256::from(self.vm().block_timestamp());
        if answered_in < round_id || updated_at.is_zero() || updated_at > now {
            return Err(IOracle::IncompleteRound {
                asset,
                roundId: round_id,
            }
            .into());
        }
        let max_age = U256::from(feed.heartbeat_secs.get());
        if now.saturating_sub(updated_at) > max_age {
            return Err(IOracle::StalePrice {
                asset,
                updatedAt: updated_at,
                maxAgeSecs: max_age,
            }
            .into());
        }
        let bounds = widen(feed.min_answer.get())..=widen(feed.max_answer.get());
        if !answer.is_positive() || !bounds.contains(&answer) {
            return Err(IOracle::InvalidPrice { asset, answer }.into());
        }
        Ok(Answer {
            value: answer.into_raw(),
            decimals: u8::try_from(feed.decimals.get()).unwrap_or(u8::MAX),
            confidence_bps: U256::from(feed.confidence_bps.get()),
        })
    }
}

fn in_range(value: U256, min: u64, max: u64) -> Outcome<()> {
    let (min, max) = (U256::from(min), U256::from(max));
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(IOracle::ParameterOutOfRange { value, min, max }.into())
}

/// A bound of an answer as it is stored: between 0 and 2¹²⁷ − 1.
fn bound(value: I256) -> Outcome<I128> {
    let raw = value.into_raw();
    let max = U256::from(i128::MAX.unsigned_abs());
    let [low, high, ..] = *raw.as_limbs();
    if value.is_negative() || raw > max {
        return Err(IOracle::ParameterOutOfRange {
            value: raw,
            min: U256::ZERO,
            max,
        }
        .into());
    }
    Ok(I128::from_limbs([low, high]))
}

/// A stored bound, never negative.
fn widen(value: I128) -> I256 {
    let [low, high] = *value.as_limbs();
    I256::from_limbs([low, high, 0, 0])
}
