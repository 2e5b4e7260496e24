//! How far the delta may drift from its target before a hedge pays (design section 6).
//!
//! Everything here is without unit: with equity E, risk aversion a (γ = a/E) and the gamma of the mismatch as
//! G = |Γ_eff|·S²/E, the half-width H in tokens is h·E/S where h depends on λ, G, a, σ and T only. That keeps all numbers
//! near 1, whatever the token is worth.
//!
//! | | H in tokens | h = H·S/E |
//! |---|---|---|
//! | Whalley, Wilmott 1997 | (3/2 · λ·S·Γ²/γ)^(1/3) | (3/2 · λ·G²/a)^(1/3) |
//! | Zakamouline 2006, H0 | λ/(γ·S·σ²·T) | λ/(a·σ²·T) |
//! | H1 | 1.12·λ^0.31·T^0.05·(1/σ)^0.25·(\|Γ\|/γ)^0.5 | 1.12·λ^0.31·T^0.05·(1/σ)^0.25·(G/a)^0.5 |
//! | K | −4.76·λ^0.78·T^−0.02·(1/σ)^0.25·(γ·S²·\|Γ\|)^0.15 | −4.76·λ^0.78·T^−0.02·(1/σ)^0.25·(a·G)^0.15 |
//!
//! λ is the one-way proportional cost, σ the annual volatility, T the horizon in years. Interest is left out: the papers
//! carry a factor e^(−r·T), inside the cube root and next to 1/σ, which is 1 to a percent over the horizons used here.
//!
//! Sources: A. E. Whalley, P. Wilmott, "An asymptotic analysis of an optimal hedging model for option pricing with
//! transaction costs", Mathematical Finance 7 (1997) 307–324; V. I. Zakamouline, "Optimal hedging of options with
//! transaction costs" (EFMA 2005 meeting, 2006). What was checked: the first formula against the documentation of
//! a library that implements it; the constants and exponents of H0 and H1 against two independent public implementations
//! that cite the paper (they agree with each other and with the table); those of K, and its sign, against one. The papers
//! themselves could not be read here beyond the abstract.

use fixed::{BPS, Bps, MathError, U256, Wad, cbrt, mul, mul_div_down, pow, sqrt_down};

use crate::liquidation::YEAR_SECS;
use crate::params::BandKind;
use crate::wide::{ONE, raw, wad};
use crate::{Exposure, Params};

/// G beyond this gives a band wider than any cap (at the least λ and greatest a of the table), so it counts as this much.
const LARGEST_GAMMA: Wad = Wad(1_000_000 * fixed::WAD);

/// G = |Γ_eff|·S²/E, the largest over the confidence interval. Within 1e-18·((S + 1)/E + 3) of the exact value.
///
/// Γ_eff = ∂(Δ − Δ*)/∂S. A target of the constant `weight` w is w·E/S tokens, so that at the target
/// ∂Δ*/∂S = −w·(1 − w)·E/S²: a book of spot and cash alone has G = w·(1 − w). A target in tokens has weight 0.
/// Results beyond [`LARGEST_GAMMA`] count as that. [`MathError::Overflow`] for an `equity` or `price` that is not
/// positive.
pub fn effective_gamma(exposure: &Exposure, price: Wad, equity: Wad, weight: Bps) -> Result<Wad, MathError> {
    if equity <= Wad::ZERO || price <= Wad::ZERO {
        return Err(MathError::Overflow);
    }
    let rest = BPS.checked_sub(weight.0).map(Bps).ok_or(MathError::Overflow)?;
    let target = Wad::ONE.mul_bps_up(weight)?.mul_bps_up(rest)?;
    let relative = |gamma: Wad| -> Result<Wad, MathError> {
        gamma.mul_up(price)?.mul_up(price)?.div_up(equity)?.add(target)?.abs()
    };
    let largest = relative(exposure.gamma_low).and_then(|low| Ok(low.max(relative(exposure.gamma_high)?)));
    // The only way to fail is a number beyond the range, and so beyond the largest one that matters.
    Ok(largest.unwrap_or(LARGEST_GAMMA).min(LARGEST_GAMMA))
}

/// Whalley and Wilmott's half-width as a share of equity: (3/2 · λ·G²/a)^(1/3).
///
/// `lambda` ≥ 0, `gamma` from 0 to [`LARGEST_GAMMA`], `risk_aversion` > 0. The radicand is rounded down by less than 1e-18,
/// so the result is at most 1e-18/(3·h²) + 2e-18 off, or 2⁻⁵⁹ of it above 1.
/// [`MathError::Overflow`] for negative arguments, [`MathError::DivisionByZero`] for no risk aversion.
pub fn whalley_wilmott(lambda: Wad, gamma: Wad, risk_aversion: Wad) -> Result<Wad, MathError> {
    let gamma = raw(gamma)?;
    let three_halves = mul(mul(gamma, gamma)?, U256::from(3))?;
    let denominator = mul(mul(raw(risk_aversion)?, ONE)?, U256::from(2))?;
    cbrt(wad(mul_div_down(three_halves, raw(lambda)?, denominator)?)?)
}

/// Zakamouline's half-width H0 + H1 as a share of equity, for the horizon in seconds.
///
/// Arguments as for [`whalley_wilmott`], `lambda` > 0; `volatility` and `horizon_secs` positive. H0 is rounded down by
/// less than 1e-18. H1 is the product of three powers and a root, each with a relative error below 1e-16 for λ ≥ 1e-4,
/// and the root's of 1e-18/(2·r²) + 1e-18/r for r = √(G/a).
pub fn zakamouline(
    lambda: Wad,
    gamma: Wad,
    risk_aversion: Wad,
    volatility: Bps,
    horizon_secs: u32,
) -> Result<Wad, MathError> {
    let sigma = U256::from(volatility.0);
    let bps = U256::from(BPS);
    let scale = mul(mul(mul(bps, bps)?, U256::from(YEAR_SECS))?, ONE)?;
    let variance = mul(mul(mul(sigma, sigma)?, U256::from(horizon_secs))?, raw(risk_aversion)?)?;
    let first = wad(mul_div_down(raw(lambda)?, scale, variance)?)?;

    let root = sqrt_down(gamma.div_down(risk_aversion)?)?;
    let second = Wad(H1_FACTOR)
        .mul_down(pow(lambda, Wad(H1_LAMBDA))?)?
        .mul_down(pow(years(horizon_secs)?, Wad(H1_TIME))?)?
        .mul_down(pow(inverse(volatility)?, Wad(SIGMA))?)?
        .mul_down(root)?;
    first.add(second)
}

/// Zakamouline's K ≤ 0: the hedge ratio of an option book is taken at the variance σ²·(1 + K) where its gamma is
/// positive, and at σ²·(1 − K) where it is negative.
///
/// Not used for books that mix options with other legs, for which the paper makes no claim. Arguments as for
/// [`zakamouline`]; the relative error is below 4e-15 + 0.15e-18/(a·G): the smallest factor, λ^0.78, is above 7e-4 and each
/// product is rounded once.
pub fn variance_adjustment(
    lambda: Wad,
    gamma: Wad,
    risk_aversion: Wad,
    volatility: Bps,
    horizon_secs: u32,
) -> Result<Wad, MathError> {
    if gamma == Wad::ZERO {
        return Ok(Wad::ZERO);
    }
    Wad(K_FACTOR)
        .mul_down(pow(lambda, Wad(K_LAMBDA))?)?
        .mul_down(pow(years(horizon_secs)?, Wad(K_TIME))?)?
        .mul_down(pow(inverse(volatility)?, Wad(SIGMA))?)?
        .mul_down(pow(risk_aversion.mul_down(gamma)?, Wad(K_GAMMA))?)?
        .neg()
}

/// The half-width of the delta band around a target of the constant `weight`, at the oracle's `price`, in asset units
/// (divide by the price for tokens). 0 without equity. Rounded down.
///
/// `lambda` is the cheapest venue's one-way proportional cost; it is clamped to the table's range, and the width to its
/// floor and cap. [`MathError`] for a `price` that is not positive or parameters outside their ranges.
pub fn half_width_value(
    params: &Params,
    exposure: &Exposure,
    price: Wad,
    equity: Wad,
    weight: Bps,
    lambda: Wad,
) -> Result<Wad, MathError> {
    if equity <= Wad::ZERO {
        return Ok(Wad::ZERO);
    }
    let share = |bps: Bps| Wad::ONE.mul_bps_down(bps);
    let lambda = lambda.max(share(params.min_lambda)?).min(share(params.max_lambda)?);
    let a = params.risk_aversion;
    let gamma = || effective_gamma(exposure, price, equity, weight);
    let width = match params.band_kind {
        BandKind::Fixed => share(params.band)?,
        BandKind::WhalleyWilmott => whalley_wilmott(lambda, gamma()?, a)?,
        BandKind::Zakamouline => zakamouline(lambda, gamma()?, a, params.volatility, params.band_horizon_secs)?,
    };
    let width = width.max(share(params.band_floor)?).min(share(params.band_cap)?);
    width.mul_down(equity)
}

// 0.01 steps of the paper's constants.
const CENT: i128 = fixed::WAD / 100;
const H1_FACTOR: i128 = 112 * CENT;
const H1_LAMBDA: i128 = 31 * CENT;
const H1_TIME: i128 = 5 * CENT;
const SIGMA: i128 = 25 * CENT;
const K_FACTOR: i128 = 476 * CENT;
const K_LAMBDA: i128 = 78 * CENT;
const K_TIME: i128 = -2 * CENT;
const K_GAMMA: i128 = 15 * CENT;

/// Seconds in years. Rounded down.
fn years(secs: u32) -> Result<Wad, MathError> {
    wad(mul_div_down(U256::from(secs), ONE, U256::from(YEAR_SECS))?)
}

/// 1/σ. Rounded down.
fn inverse(volatility: Bps) -> Result<Wad, MathError> {
    wad(mul_div_down(U256::from(BPS), ONE, U256::from(volatility.0))?)
}

#[cfg(test)]
mod tests {
    use fixed::WAD;
    use proptest::prelude::*;

    use super::*;

    const LAMBDA: Wad = Wad(5 * WAD / 10_000);

    fn exposure(gamma_low: i128, gamma_high: i128) -> Exposure {
        Exposure {
            gamma_low: Wad(gamma_low),
            gamma_high: Wad(gamma_high),
            ..Exposure::default()
        }
    }

    proptest! {
        /// Bands widen with cost and gamma, and narrow with risk aversion.
        #[test]
        fn half_width_is_monotone(
            lambda in WAD / 10_000..WAD / 10, gamma in WAD / 100..100 * WAD, a in WAD / 100..10_000 * WAD, more in 101_i128..300,
        ) {
            let larger = |x: i128| Wad(x / 100 * more);
            let ww = |l, g, a| whalley_wilmott(l, g, a).unwrap();
            let za = |l, g, a| zakamouline(l, g, a, Bps(8_000), 2_592_000).unwrap();
            let (l, g, a) = (Wad(lambda), Wad(gamma), Wad(a));
            prop_assert!(ww(larger(lambda), g, a) > ww(l, g, a) && za(larger(lambda), g, a) > za(l, g, a));
            prop_assert!(ww(l, larger(gamma), a) > ww(l, g, a) && za(l, larger(gamma), a) > za(l, g, a));
            prop_assert!(ww(l, g, larger(a.0)) < ww(l, g, a) && za(l, g, larger(a.0)) < za(l, g, a));
        }

        /// The width lies between floor and cap for every book and never fails.
        #[test]
        fn half_width_any_book_is_between_floor_and_cap(
            low in any::<i64>(), high in any::<i64>(), price in 1..WAD * 100_000_000, equity in 1..WAD * 1_000_000_000,
            weight in 0_u32..=10_000, lambda in 0..WAD, kind in 0_u8..3,
        ) {
            let mut params = Params::default();
            params.set(crate::ParamId::BandKind, kind.into()).unwrap();
            let exposure = exposure(i128::from(low) << 40, i128::from(high) << 40);
            let equity = Wad(equity);
            let width = half_width_value(&params, &exposure, Wad(price), equity, Bps(weight), Wad(lambda)).unwrap();
            prop_assert!(width >= equity.mul_bps_down(params.band_floor).unwrap());
            prop_assert!(width <= equity.mul_bps_up(params.band_cap).unwrap());
        }
    }

    #[test]
    fn effective_gamma_of_a_constant_weight_is_never_zero() {
        let (price, equity) = (Wad(2_000 * WAD), Wad(1_000_000 * WAD));
        let of = |exposure, weight| effective_gamma(&exposure, price, equity, Bps(weight)).unwrap();
        // w·(1 − w)
        assert_eq!(of(exposure(0, 0), 5_000), Wad(WAD / 4));
        assert_eq!(of(exposure(0, 0), 2_000), Wad(16 * WAD / 100));
        assert_eq!(of(exposure(0, 0), 0), Wad::ZERO);
        // −0.1·2000²/1e6 = −0.4: the other end of the interval counts where that cancels less.
        let short = exposure(-WAD / 10, 0);
        assert_eq!(of(short, 5_000), Wad(25 * WAD / 100));
        assert_eq!(of(short, 0), Wad(4 * WAD / 10));
    }

    #[test]
    fn effective_gamma_beyond_the_range_counts_as_the_largest() {
        let huge = exposure(-i128::MAX, 0);
        let gamma = effective_gamma(&huge, Wad(2_000 * WAD), Wad::ONE, Bps(0));
        assert_eq!(gamma, Ok(LARGEST_GAMMA));
    }

    #[test]
    fn effective_gamma_without_equity_is_an_error() {
        let flat = exposure(0, 0);
        assert_eq!(
            effective_gamma(&flat, Wad::ONE, Wad::ZERO, Bps(0)),
            Err(MathError::Overflow)
        );
        assert_eq!(
            effective_gamma(&flat, Wad::ZERO, Wad::ONE, Bps(0)),
            Err(MathError::Overflow)
        );
        let width = half_width_value(&Params::default(), &flat, Wad::ONE, Wad(-1), Bps(0), LAMBDA);
        assert_eq!(width, Ok(Wad::ZERO));
    }

    #[test]
    fn whalley_wilmott_in_tokens_is_the_papers_formula() {
        // λ = 0.0005, S = 5000, Γ = 0.02, γ = 1: (0.0015)^(1/3) tokens. Here E = 100, so a = 100, G = 0.02·5000²/100.
        let share = whalley_wilmott(LAMBDA, Wad(5_000 * WAD), Wad(100 * WAD)).unwrap();
        let tokens = share
            .mul_down(Wad(100 * WAD))
            .unwrap()
            .div_down(Wad(5_000 * WAD))
            .unwrap();
        assert_eq!(tokens.0 / 1_000_000_000_000, 114_471);
    }

    #[test]
    fn zakamouline_in_tokens_is_the_papers_formula() {
        // The same book with σ = 20 %, T = 0.25: H0 = 1e-5, H1 = 0.020943691…
        let share = zakamouline(LAMBDA, Wad(5_000 * WAD), Wad(100 * WAD), Bps(2_000), YEAR_SECS / 4).unwrap();
        let tokens = share
            .mul_down(Wad(100 * WAD))
            .unwrap()
            .div_down(Wad(5_000 * WAD))
            .unwrap();
        assert_eq!(tokens.0 / 1_000_000_000_000, 20_953);
    }
}
