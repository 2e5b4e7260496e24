//! What the book holds, as packed legs, and what that is worth.

use crate::{Book, MAX_LEGS, Outcome, small};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use engine::Leg;
use fixed::{MathError, Wad};
use interfaces::{
    IAdapter, IBook, IOracle, IRisk,
    contract::{self, Arg, token as erc20},
};
use stylus_sdk::prelude::*;

/// 100 % in basis points.
const BPS: U256 = U256::from_limbs([10_000, 0, 0, 0]);

/// Gas that one look at a venue's price may use.
const SPOT_GAS: u64 = 100_000;

/// The book's legs.
pub(crate) struct Legs {
    /// Packed legs.
    pub(crate) words: Vec<B256>,
    /// Balance of the asset if that is all there is, in asset units.
    pub(crate) only_cash: Option<U256>,
    /// Tokens and their decimals, the asset first.
    pub(crate) tokens: Vec<(Address, U256)>,
}

impl Book {
    /// Balances of registered tokens, then the legs of every adapter.
    pub(crate) fn read_legs(&self) -> Outcome<Legs> {
        let book = self.vm().contract_address();
        let mut packed: Vec<[u8; 32]> = Vec::new();
        let mut tokens = Vec::new();
        let mut cash = U256::ZERO;
        let mut only_cash = true;
        for index in 0..small(self.token_count()) {
            let (token, decimals) = self.token(U256::from(index));
            tokens.push((token, decimals));
            let balance = erc20::balance_of(self.vm(), token, book)?;
            if balance.is_zero() {
                continue;
            }
            let quantity = fixed::wad_from_units_down(balance, small(decimals)).map_err(overflow)?;
            let leg = if index == 0 {
                cash = balance;
                Leg::Cash { amount: quantity }
            } else {
                only_cash = false;
                Leg::Spot {
                    underlying: index,
                    quantity,
                }
            };
            leg.pack(&mut packed).map_err(|_| IBook::ArithmeticOverflow {})?;
        }
        for index in 0..small(self.adapter_count()) {
            let words = self.adapter_legs(self.adapter(U256::from(index)))?;
            only_cash = only_cash && words.is_empty();
            packed.extend(words.iter().map(|word| word.0));
        }
        // A malformed leg counts as one here and is refused by the engine.
        if engine::legs(&packed).count() > MAX_LEGS {
            return Err(IBook::TooManyLegs {
                max: U256::from(MAX_LEGS),
            }
            .into());
        }
        let words = packed.into_iter().map(B256::from).collect();
        Ok(Legs {
            words,
            only_cash: only_cash.then_some(cash),
            tokens,
        })
    }

    /// What the book holds at an adapter's venue. Errors: `MalformedReturn`, and those of the adapter.
    pub(crate) fn adapter_legs(&self, adapter: Address) -> Outcome<Vec<B256>> {
        let book = self.vm().contract_address();
        let data = contract::encode(IAdapter::legsCall::SELECTOR, &[book.into_word()]);
        let returned = contract::view(self.vm(), adapter, &data)?;
        Ok(contract::words_at(&returned, 0).ok_or(IBook::MalformedReturn { target: adapter })?)
    }

    /// Price (1e18) and confidence (basis points) of every token, as words.
    pub(crate) fn read_prices(&self, tokens: &[(Address, U256)]) -> Outcome<(Vec<B256>, Vec<B256>)> {
        let oracle = self.oracle.get();
        let (mut prices, mut confidence) = (Vec::new(), Vec::new());
        for (token, _) in tokens {
            let data = contract::encode(IOracle::priceCall::SELECTOR, &[token.into_word()]);
            let returned = contract::view(self.vm(), oracle, &data)?;
            prices.push(word_at(&returned, 0, oracle)?);
            confidence.push(word_at(&returned, 1, oracle)?);
        }
        Ok((prices, confidence))
    }

    /// How far venues are from the oracle's `prices`, in basis points rounded up; the largest number if one does not
    /// answer: that stops deposits, not exits.
    fn read_disturbance(&self, tokens: &[(Address, U256)], prices: &[B256]) -> U256 {
        let Some(((asset, _), underlyings)) = tokens.split_first() else {
            return U256::ZERO;
        };
        let mut largest = U256::ZERO;
        for ((token, _), price) in underlyings.iter().zip(prices.iter().skip(1)) {
            let price = U256::from_be_bytes(price.0);
            let pair = [token.into_word(), asset.into_word()];
            let data = contract::encode(IAdapter::spotCall::SELECTOR, &pair);
            for index in 0..small(self.adapter_count()) {
                let adapter = self.adapter(U256::from(index));
                // Capped, so that a venue can stop deposits at most, not the measurement.
                let returned = contract::guarded_view(self.vm(), adapter, &data, SPOT_GAS, 32);
                let returned = returned.ok().flatten().unwrap_or_default();
                largest = largest.max(match contract::uint_at(&returned, 0) {
                    Some(spot) => deviation_bps_up(spot, price),
                    None => U256::MAX,
                });
            }
        }
        largest
    }

    /// The three values in asset units, and the disturbance in basis points.
    pub(crate) fn read_marks(&self) -> Outcome<(U256, U256, U256, U256)> {
        let legs = self.read_legs()?;
        if let Some(cash) = legs.only_cash {
            return Ok((cash, cash, cash, U256::ZERO));
        }
        let (prices, confidence) = self.read_prices(&legs.tokens)?;
        let risk = self.risk.get();
        let args = [
            Arg::Word(self.vm().contract_address().into_word()),
            Arg::Words(&legs.words),
            Arg::Words(&prices),
            Arg::Words(&confidence),
        ];
        let returned = contract::view(
            self.vm(),
            risk,
            &contract::encode_args(IRisk::assessCall::SELECTOR, &args),
        )?;
        let value = |index| -> Outcome<Wad> {
            let raw = contract::int_at(&returned, index).ok_or(IBook::MalformedReturn { target: risk })?;
            if raw.is_negative() {
                return Ok(Wad::ZERO);
            }
            i128::try_from(raw.into_raw())
                .map(Wad)
                .map_err(|_| IBook::ArithmeticOverflow {}.into())
        };
        let decimals = legs.tokens.first().map_or(0, |(_, decimals)| small(*decimals));
        Ok((
            fixed::units_from_wad_down(value(0)?, decimals).map_err(overflow)?,
            fixed::units_from_wad_down(value(1)?, decimals).map_err(overflow)?,
            fixed::units_from_wad_up(value(2)?, decimals).map_err(overflow)?,
            self.read_disturbance(&legs.tokens, &prices),
        ))
    }
}

/// How far `spot` is from `price` in basis points of `price`, rounded up; saturates. Zero for a `spot` of zero: it is no
/// quote.
fn deviation_bps_up(spot: U256, price: U256) -> U256 {
    if spot.is_zero() {
        return spot;
    }
    fixed::mul_div_up(spot.abs_diff(price), BPS, price).unwrap_or(U256::MAX)
}

fn word_at(data: &[u8], index: usize, target: Address) -> Outcome<B256> {
    Ok(contract::uint_at(data, index)
        .map(B256::from)
        .ok_or(IBook::MalformedReturn { target })?)
}

fn overflow(_: MathError) -> IBook::ArithmeticOverflow {
    IBook::ArithmeticOverflow {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deviation(spot: u64, price: u64) -> U256 {
        deviation_bps_up(U256::from(spot), U256::from(price))
    }

    #[test]
    fn deviation_is_the_same_up_and_down_and_rounded_up() {
        assert_eq!(deviation(1_000_000, 1_000_000), U256::ZERO);
        assert_eq!(deviation(1_010_000, 1_000_000), U256::from(100));
        assert_eq!(deviation(990_000, 1_000_000), U256::from(100));
        assert_eq!(deviation(1_000_001, 1_000_000), U256::from(1));
        assert_eq!(deviation(989_999, 1_000_000), U256::from(101));
    }

    #[test]
    fn deviation_of_no_quote_is_none_and_of_an_absurd_one_the_largest() {
        assert_eq!(deviation(0, 1_000_000), U256::ZERO);
        assert_eq!(deviation(1, 1_000_000), U256::from(10_000));
        assert_eq!(deviation_bps_up(U256::MAX, U256::ONE), U256::MAX);
        assert_eq!(deviation(1, 0), U256::MAX);
    }
}
