//! What the vault promises, as exact arithmetic of the tests' own: nothing here is shared with the contracts.

use alloy_primitives::{U256, U512};

/// 100 %, in basis points.
pub(crate) const BPS: U256 = U256::from_limbs([10_000, 0, 0, 0]);
/// Virtual shares: 18 − 6 decimals of dollars.
pub(crate) const VIRTUAL: U256 = U256::from_limbs([1_000_000_000_000, 0, 0, 0]);
/// A batch waits this long after its cut-off before settlement goes on without a book, in seconds.
pub(crate) const GRACE: u64 = 86_400;
/// Seconds of a year.
const YEAR: u64 = 31_536_000;

/// 1e27.
pub(crate) fn ray() -> U256 {
    U256::from(10).pow(U256::from(27))
}

/// 1e36: the scale of the high-water mark.
fn price_scale() -> U256 {
    U256::from(10).pow(U256::from(36))
}

/// 1e45: the scale of what a pocket paid per unit.
fn paid_scale() -> U256 {
    U256::from(10).pow(U256::from(45))
}

/// `⌊a · b / c⌋`; nothing if that has no 256 bits or `c` is 0.
pub(crate) fn down(a: U256, b: U256, c: U256) -> Option<U256> {
    quotient(a, b, c, false)
}

/// `⌈a · b / c⌉`; nothing if that has no 256 bits or `c` is 0.
pub(crate) fn up(a: U256, b: U256, c: U256) -> Option<U256> {
    quotient(a, b, c, true)
}

fn quotient(a: U256, b: U256, c: U256, round_up: bool) -> Option<U256> {
    if c.is_zero() {
        return None;
    }
    let product: U512 = a.widening_mul(b);
    let (quotient, rest) = product.div_rem(U512::from(c));
    let quotient = quotient + U512::from(u8::from(round_up && !rest.is_zero()));
    match *quotient.as_limbs() {
        [a, b, c, d, 0, 0, 0, 0] => Some(U256::from_limbs([a, b, c, d])),
        _ => None,
    }
}

/// Whether `a · b ≥ c · d`, exactly.
pub(crate) fn at_least(a: U256, b: U256, c: U256, d: U256) -> bool {
    a.widening_mul::<256, 4, 512, 8>(b) >= c.widening_mul::<256, 4, 512, 8>(d)
}

/// Fee shares and the high-water mark after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fees {
    pub(crate) management: U256,
    pub(crate) performance: U256,
    pub(crate) high_water: U256,
}

impl Fees {
    /// All new shares.
    pub(crate) fn shares(&self) -> U256 {
        self.management + self.performance
    }
}

/// The terms of fees, as they were during `secs`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) performance_bps: U256,
    pub(crate) management_bps: U256,
    pub(crate) secs: u64,
}

/// The fees on `supply` shares worth `min`. `performance` is off while a book cannot be measured.
pub(crate) fn fees(supply: U256, min: U256, high_water: U256, terms: &Terms, performance: bool) -> Option<Fees> {
    let time = terms.management_bps * U256::from(terms.secs);
    let management = down(supply, time, BPS * U256::from(YEAR))?;
    let mut fees = Fees {
        management,
        performance: U256::ZERO,
        high_water,
    };
    if !performance {
        return Some(fees);
    }
    let diluted = supply.checked_add(management)?;
    let all = diluted.checked_add(VIRTUAL)?;
    let value = min.checked_add(U256::ONE)?;
    let price = down(value, price_scale(), all)?;
    if price <= high_water {
        return Some(fees);
    }
    let gain = down(price - high_water, diluted, price_scale())?;
    let fee = down(gain, terms.performance_bps, BPS)?;
    fees.performance = down(fee, all, value - fee)?;
    let after = up(value, price_scale(), all.checked_add(fees.performance)?)?;
    fees.high_water = high_water.max(after);
    Some(fees)
}

/// By how much the price per share rises from one value and supply to another, at the scale of the high-water mark,
/// rounded up.
pub(crate) fn price_rise(from: (U256, U256), to: (U256, U256)) -> Option<U256> {
    let value = |value: U256| value.checked_add(U256::ONE);
    let before = down(value(from.0)?, price_scale(), from.1.checked_add(VIRTUAL)?)?;
    let after = up(value(to.0)?, price_scale(), to.1.checked_add(VIRTUAL)?)?;
    Some(after.saturating_sub(before))
}

/// Shares for a deposit at the value `max`.
pub(crate) fn shares_for_deposit(assets: U256, max: U256, supply: U256, entry_bps: U256) -> Option<U256> {
    let kept = down(assets, BPS - entry_bps, BPS)?;
    down(kept, supply.checked_add(VIRTUAL)?, max.checked_add(U256::ONE)?)
}

/// Assets for minting `shares` at the value `max`.
pub(crate) fn assets_for_mint(shares: U256, max: U256, supply: U256, entry_bps: U256) -> Option<U256> {
    let kept = up(shares, max.checked_add(U256::ONE)?, supply.checked_add(VIRTUAL)?)?;
    up(kept, BPS, BPS - entry_bps)
}

/// Assets that leavers with `shares` get at the value `min`.
pub(crate) fn assets_for_shares(shares: U256, min: U256, supply: U256) -> Option<U256> {
    down(shares, min.checked_add(U256::ONE)?, supply.checked_add(VIRTUAL)?)
}

/// A book's value without the part of its pocket.
pub(crate) fn unpocketed(value: U256, fraction: U256, round_up: bool) -> Option<U256> {
    quotient(value, ray() - fraction, ray(), round_up)
}

/// What `assets` add to a pocket's payments per unit.
pub(crate) fn paid_per_unit(assets: U256, units: U256) -> Option<U256> {
    down(assets, paid_scale(), units)
}
