//! European options in 64-bit integers: Black's formula with all Greeks in one pass, implied volatility, and the losses
//! of a whole book under a grid of scenarios.
//!
//! | number | type | scale |
//! |---|---|---|
//! | forward, strike, price, vega, theta, rho | `u64`, `i64` | the caller's, one for all; ≤ [`MAX_PRICE`] |
//! | years, volatility, rate | `u64`, `i64` | [`ONE`] = 2⁶⁰ = 1.00 |
//! | delta, gamma | `i64` | [`SCALE`] = 2⁴⁴ = 1.00 |
//!
//! # Error
//!
//! Over moneyness 0.2–5, 1 hour–2 years, volatility 5 %–500 % and rates within ±100 %: the price is within 1e-13 of the
//! forward, and delta, gamma, vega, theta and rho, the last three per forward, within 1e-12, or 1e-10 of themselves. Of
//! what has the caller's scale, add a unit (for rho and theta, three): for the bounds to mean something
//! the scale should make the forward at least 2⁴⁶. `tests/vectors.rs` has the references.
//!
//! # Why integers of this kind
//!
//! A Stylus program pays by the operator: a 64-bit multiplication costs a fifth of a memory access, a 128-bit one a
//! hundred times as much. So everything here is 64-bit multiplications, shifts and additions, without branches, and
//! tables are written at run time, because a data segment is paid for at every entry. [`Pricer::new`] does that once,
//! for about 60 gas.
#![no_std]

#[cfg(test)]
extern crate std;

mod black;
pub mod grid;
mod implied;
mod kernel;
mod tables;

pub use black::{RECORD, RESULT};

/// 1.00 of years, volatility and rate.
pub const ONE: i64 = 1 << 60;

/// 1.00 of delta and gamma.
pub const SCALE: i64 = 1 << 44;

/// The largest forward and strike.
pub const MAX_PRICE: i64 = (1 << 52) - 1;

/// The shortest time to expiry: one minute. Closer to it the Greeks grow without bound; callers treat the last minute as
/// if it were a whole one.
pub const MIN_YEARS: i64 = ONE / (365 * 24 * 60);

/// The least volatility: 1 %. The largest, like the longest time to expiry, is just below 8.00.
pub const MIN_VOLATILITY: i64 = ONE / 100;

/// The largest |rate · years|, 3.00, Q56.
const MAX_EXPONENT: i64 = 3 << 56;

/// What an option gives its buyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// The right to buy.
    Call,
    /// The right to sell.
    Put,
}

/// What the value of an option depends on, besides its [`Right`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Price of the underlying for delivery at expiry, in the caller's scale, 1 to [`MAX_PRICE`].
    pub forward: u64,
    /// Strike in the same scale, 1 to [`MAX_PRICE`].
    pub strike: u64,
    /// Time to expiry, [`ONE`] = a year of 365 days; from [`MIN_YEARS`] to just below 8 years.
    pub years: u64,
    /// Annual volatility, [`ONE`] = 100 %; from [`MIN_VOLATILITY`] to just below 800 %.
    pub volatility: u64,
    /// Annual rate of discount, [`ONE`] = 100 %; |rate · years| ≤ 3.
    pub rate: i64,
}

/// Price and Greeks of one option.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Greeks {
    /// D·(F·N(d1) − K·N(d2)) for a call, in the scale of the forward, ≥ 0.
    pub price: i64,
    /// ∂price/∂F, [`SCALE`] = 1.00.
    pub delta: i64,
    /// F·∂²price/∂F², [`SCALE`] = 1.00: the change of delta for a forward twice as high, were gamma to stay. Divide by the
    /// forward for gamma itself, which would have no digits in a fixed scale.
    pub gamma: i64,
    /// ∂price/∂σ for 1.00 of volatility, in the scale of the forward.
    pub vega: i64,
    /// ∂price/∂t per year, the forward unchanged, in the scale of the forward.
    pub theta: i64,
    /// ∂price/∂r for 1.00 of rate, the forward unchanged, in the scale of the forward.
    pub rho: i64,
}

/// Terms outside the domain of the formula, with the value that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The forward is zero or above [`MAX_PRICE`].
    ForwardOutOfRange(u64),
    /// The strike is zero or above [`MAX_PRICE`].
    StrikeOutOfRange(u64),
    /// Less than [`MIN_YEARS`] to expiry, or 8 years and more.
    ExpiryOutOfRange(u64),
    /// The volatility is below [`MIN_VOLATILITY`], or 800 % and more.
    VolatilityOutOfRange(u64),
    /// |rate · years| is above 3.
    RateOutOfRange(i64),
    /// No volatility within the domain gives this price.
    PriceOutOfRange(u64),
    /// A position of this quantity or value makes the book too large for the scale of its prices.
    NotionalOutOfRange(i64),
}

/// The formula with its tables.
pub struct Pricer {
    powers: [i64; 32],
    normal: [i64; 512],
    /// 63, where the compiler cannot see it: see `kernel::min`.
    sign: i64,
}

impl Default for Pricer {
    fn default() -> Self {
        Self::new()
    }
}

impl Pricer {
    /// Writes the tables: about 60 gas in a program, so once for all options.
    #[inline(never)]
    pub fn new() -> Self {
        let mut pricer = Self {
            powers: [0; 32],
            normal: [0; 512],
            sign: 63,
        };
        tables::fill_powers(&mut pricer.powers);
        tables::fill_normal(&mut pricer.normal);
        pricer
    }

    /// Price and Greeks.
    ///
    /// [`Error`] for terms outside their domain.
    pub fn greeks(&self, right: Right, terms: &Terms) -> Result<Greeks, Error> {
        let put = match right {
            Right::Call => 0,
            Right::Put => -1,
        };
        self.solve(put, terms.words()).map(Greeks::new)
    }
}
