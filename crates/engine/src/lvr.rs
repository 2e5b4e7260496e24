//! What a liquidity range loses to better informed traders (Milionis, Moallemi, Roughgarden, Zhang, "Automated market
//! making and loss-versus-rebalancing", 2022): ℓ = ½·σ²·P²·|Γ|, which is L·σ²·√P/4 inside the range and 0 outside.

use fixed::{BPS, Bps, MathError, U256, Wad, mul, mul_div_up};

use crate::range::Range;
use crate::wide::{ONE, raw, wad};

/// The loss rate of `range` at `price` in asset units per year, ≥ 0. Rounded up, from a root rounded down: at most
/// ℓ·(1e-18/√P) below the exact rate, or 1e-18 above.
///
/// `volatility` is annual. [`MathError::Overflow`] for a negative `price` or outside the range of [`Wad`].
pub fn rate(range: &Range, price: Wad, volatility: Bps) -> Result<Wad, MathError> {
    // Outside there is no gamma; the lower end counts as inside.
    if range.gamma(price)? == Wad::ZERO {
        return Ok(Wad::ZERO);
    }
    let product = mul(raw(range.liquidity)?, raw(range.root(price)?)?)?;
    let sigma = U256::from(volatility.0);
    let bps = U256::from(BPS);
    let denominator = mul(mul(mul(bps, bps)?, U256::from(4))?, ONE)?;
    wad(mul_div_up(product, mul(sigma, sigma)?, denominator)?)
}
