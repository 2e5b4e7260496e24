//! Numbers for on-chain accounting: checked 256-bit integers and signed 18-decimals values, always with a stated
//! rounding direction.
//!
//! | type or function | scale | where it is used |
//! |---|---|---|
//! | [`U256`] | a token's own smallest unit | balances and shares at the edges |
//! | [`Wad`] | 1e18 = one whole unit, signed | portfolio values, quantities, prices |
//! | [`Bps`] | 10,000 = 100 % | shares, fees, tolerances |
//!
//! Nothing here wraps, panics or allocates: a result that does not fit is a [`MathError`]. `_down` rounds towards
//! −∞ and `_up` towards +∞, also for negative numbers, so that the direction means the same on both sides of zero.
#![no_std]

mod cbrt;
mod convert;
mod exp;
mod integer;
mod limb;
mod ln;
mod normal;
mod pow;
mod root;
mod wad;

pub use cbrt::cbrt;
pub use convert::{
    MAX_DECIMALS, pow10, units_from_wad_down, units_from_wad_up, wad_from_units_down, wad_from_units_up,
};
pub use exp::exp;
pub use integer::{add, mul, mul_div_down, mul_div_up, sub};
pub use ln::ln;
pub use normal::{normal_cdf, normal_icdf, normal_pdf};
pub use pow::pow;
pub use root::{sqrt_down, sqrt_up};
pub use ruint::aliases::U256;
pub use wad::{BPS, Bps, WAD, Wad};

/// Why a calculation has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MathError {
    /// The exact result does not fit the type, or an unsigned result would be negative.
    Overflow,
    /// The denominator is zero.
    DivisionByZero,
    /// e to the power of this number does not fit.
    ExpOverflow(Wad),
    /// The logarithm of this number, which is not positive.
    LnNonPositive(Wad),
    /// The square root of this negative number.
    SqrtNegative(Wad),
    /// A power of this base, which is negative, or zero with a negative exponent.
    PowDomain(Wad),
    /// A power with this exponent does not fit.
    PowOverflow(Wad),
    /// The quantile of this number, which is not between 0 and 1.
    ProbabilityOutOfRange(Wad),
}
