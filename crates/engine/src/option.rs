//! What an option is worth: [`pricing`]'s formula between the engine's decimals and its binary scales.

use fixed::{MathError, WAD, Wad};
use pricing::{MAX_PRICE, MIN_YEARS, ONE, Pricer, SCALE, Terms};

use crate::leg::{Rate, Right};
use crate::{EngineError, Mark};

/// Seconds of a year of 365 days.
pub const YEAR_SECS: u64 = 31_536_000;

/// An option on one token: its value in asset units, and how that changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quote {
    /// Asset units.
    pub price: Wad,
    /// ∂V/∂F, tokens.
    pub delta: Wad,
    /// ∂²V/∂F², tokens per asset unit of the forward.
    pub gamma: Wad,
    /// F·∂²V/∂F²: gamma with all the digits there are.
    pub forward_gamma: Wad,
    /// ∂V/∂σ per 1.00.
    pub vega: Wad,
    /// ∂V/∂t per year, the forward unchanged.
    pub theta: Wad,
    /// ∂V/∂r per 1.00, the forward unchanged.
    pub rho: Wad,
}

/// Price and Greeks from numbers with 18 decimals: asset units per token, years of 365 days, annual volatility and rate
/// per 1.00.
///
/// At expiry or past it (`years` ≤ 0) an option is worth its intrinsic value, undiscounted, with a delta of 0 or ±1 and
/// no other Greek; at the strike itself the delta is 0. The last minute counts as a whole one: closer to expiry the
/// Greeks grow without bound while the value changes by less than 6e-4·σ of the forward.
/// Errors are those of [`pricing`], which are relative to the forward, and 1e-18.
/// [`EngineError::Pricing`] outside the formula's domain, also for a forward or strike below 1e-18 of the other;
/// [`EngineError::Math`] if a result is out of range.
pub fn quote(
    pricer: &Pricer,
    right: Right,
    forward: Wad,
    strike: Wad,
    years: Wad,
    volatility: Wad,
    rate: Wad,
) -> Result<Quote, EngineError> {
    let positive = |x: Wad, error: fn(u64) -> pricing::Error| if x.0 > 0 { Ok(()) } else { Err(error(0)) };
    positive(forward, pricing::Error::ForwardOutOfRange)?;
    positive(strike, pricing::Error::StrikeOutOfRange)?;
    if years.0 <= 0 {
        return expired(right, forward, strike);
    }
    // 52 bits for the larger of the two, so that a wad is a raw price times 2^scale.
    let scale = 128_i32 - 52 - bits(forward.0.max(strike.0).leading_zeros());
    let terms = Terms {
        forward: down(forward, scale),
        strike: down(strike, scale),
        years: binary(years)
            .map_or(u64::MAX, i64::cast_unsigned)
            .max(MIN_YEARS.cast_unsigned()),
        volatility: binary(volatility).map_or(u64::MAX, i64::cast_unsigned),
        rate: binary(rate).ok_or(pricing::Error::RateOutOfRange(i64::MAX))?,
    };
    let right = match right {
        Right::Call => pricing::Right::Call,
        Right::Put => pricing::Right::Put,
    };
    let greeks = pricer.greeks(right, &terms)?;
    let forward_gamma = fraction(greeks.gamma);
    Ok(Quote {
        price: up(greeks.price, scale)?,
        delta: fraction(greeks.delta),
        gamma: forward_gamma.div_down(forward)?,
        forward_gamma,
        vega: up(greeks.vega, scale)?,
        theta: up(greeks.theta, scale)?,
        rho: up(greeks.rho, scale)?,
    })
}

fn expired(right: Right, forward: Wad, strike: Wad) -> Result<Quote, EngineError> {
    let (price, delta) = match right {
        Right::Call => (forward.sub(strike)?, Wad::ONE),
        Right::Put => (strike.sub(forward)?, Wad(-WAD)),
    };
    Ok(if price.0 > 0 {
        Quote {
            price,
            delta,
            ..Quote::default()
        }
    } else {
        Quote::default()
    })
}

/// What an option leg of `quantity` tokens is worth at the price `spot` of its underlying, for which `forward` holds.
///
/// Delta and gamma are by the spot price, to which the forward is taken to be proportional. The value is the formula's,
/// whose error [`quote`] tells, times the quantity, rounded down. Errors as [`quote`]; [`EngineError::Math`] for a spot
/// price of zero.
#[expect(clippy::too_many_arguments, reason = "the fields of a leg")]
pub fn mark(
    right: Right,
    quantity: Wad,
    strike: Wad,
    forward: Wad,
    volatility: Rate,
    rate: Rate,
    expiry: u64,
    spot: Wad,
    now_secs: u64,
) -> Result<Mark, EngineError> {
    let years = years(expiry, now_secs);
    let pricer = Pricer::new();
    let quote = quote(&pricer, right, forward, strike, years, volatility.wad(), rate.wad())?;
    let ratio = forward.div_down(spot)?;
    let of = |x: Wad| x.mul_down(quantity);
    Ok(Mark {
        value: of(quote.price)?,
        delta: of(quote.delta.mul_down(ratio)?)?,
        gamma: of(quote.forward_gamma.mul_down(ratio)?.div_down(spot)?)?,
        vega: of(quote.vega)?,
        theta: of(quote.theta)?,
        rho: of(quote.rho)?,
        carry: Wad::ZERO,
    })
}

/// The time from `now_secs` to `expiry` in years; 0 at expiry and past it. Within 1e-18.
pub(crate) fn years(expiry: u64, now_secs: u64) -> Wad {
    let left = i128::from(expiry.saturating_sub(now_secs));
    // 64 bits times 1e18 fit.
    Wad(left.saturating_mul(WAD) / i128::from(YEAR_SECS))
}

/// A number with 18 decimals in [`ONE`]s, to the nearest; none if it does not fit.
pub(crate) fn binary(x: Wad) -> Option<i64> {
    // Nothing above 8.00 fits, and below that the product stays under 2¹²³.
    if x.0.unsigned_abs() >= 8 * WAD.unsigned_abs() {
        return None;
    }
    let scaled = x.0.checked_mul(i128::from(ONE))?;
    i64::try_from(scaled.checked_add(WAD / 2)?.div_euclid(WAD)).ok()
}

/// A [`SCALE`]d number with 18 decimals, rounded down.
fn fraction(x: i64) -> Wad {
    // 63 bits times 1e18 fit.
    Wad(i128::from(x).saturating_mul(WAD) / i128::from(SCALE))
}

fn bits(zeros: u32) -> i32 {
    i32::try_from(zeros).unwrap_or_default()
}

/// `x`·2^−`scale` to the nearest, at most [`MAX_PRICE`]. `x` has 52 + `scale` bits at most.
pub(crate) fn down(x: Wad, scale: i32) -> u64 {
    let raw = if scale > 0 {
        let half = 1_i128
            .checked_shl(scale.unsigned_abs().saturating_sub(1))
            .unwrap_or_default();
        x.0.saturating_add(half)
            .checked_shr(scale.unsigned_abs())
            .unwrap_or_default()
    } else {
        x.0.checked_shl(scale.unsigned_abs()).unwrap_or_default()
    };
    u64::try_from(raw).unwrap_or(u64::MAX).min(MAX_PRICE.cast_unsigned())
}

/// `x`·2^`scale`, rounded down. [`MathError::Overflow`] outside the range.
pub(crate) fn up(x: i64, scale: i32) -> Result<Wad, MathError> {
    let x = i128::from(x);
    if scale > 0 {
        let factor = 1_i128.checked_shl(scale.unsigned_abs()).ok_or(MathError::Overflow)?;
        x.checked_mul(factor).map(Wad).ok_or(MathError::Overflow)
    } else {
        Ok(Wad(x.checked_shr(scale.unsigned_abs()).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Price, delta, F·Γ, vega, theta and rho by scripts/vectors/options.py, 1e-18.
    const REFERENCE: [i128; 6] = [
        372_659_142_891_872_730_063,
        -463_079_424_381_748_237,
        981_972_750_867_797_176,
        392_789_100_347_118_870_399,
        -609_829_603_410_796_556_135,
        -93_164_785_722_968_182_516,
    ];

    fn wad(x: i128) -> Wad {
        Wad(x * WAD)
    }

    #[test]
    fn quote_at_the_money_equals_reference() {
        // mpmath: F = 2000, K = 2100, T = 0.25, σ = 0.8, r = 0.05.
        let quote = quote(
            &Pricer::new(),
            Right::Put,
            wad(2_000),
            wad(2_100),
            Wad(WAD / 4),
            Wad(WAD * 8 / 10),
            Wad(WAD / 20),
        )
        .unwrap();
        let near = |x: Wad, reference: i128| (x.0 - reference).abs() < 2_000_000_000;
        assert!(near(quote.price, REFERENCE[0]), "{:?}", quote.price);
        assert!(near(quote.vega, REFERENCE[3]), "{:?}", quote.vega);
        assert!(near(quote.theta, REFERENCE[4]), "{:?}", quote.theta);
        assert!(near(quote.rho, REFERENCE[5]), "{:?}", quote.rho);
        assert!((quote.delta.0 - REFERENCE[1]).abs() < 1_000_000);
        assert!((quote.forward_gamma.0 - REFERENCE[2]).abs() < 1_000_000);
        assert!((quote.gamma.0 - REFERENCE[2] / 2_000).abs() < 1_000);
    }

    #[test]
    fn quote_expired_is_intrinsic() {
        let pricer = Pricer::new();
        let at = |right, forward: i128, years: i128| {
            quote(&pricer, right, wad(forward), wad(100), Wad(years), wad(1), wad(0)).unwrap()
        };
        for years in [0, -1, i128::MIN + 1] {
            assert_eq!(
                (at(Right::Call, 120, years).price, at(Right::Call, 120, years).delta),
                (wad(20), wad(1))
            );
            assert_eq!(
                (at(Right::Put, 120, years).price, at(Right::Put, 120, years).delta),
                (wad(0), wad(0))
            );
            assert_eq!(
                (at(Right::Put, 90, years).price, at(Right::Put, 90, years).delta),
                (wad(10), wad(-1))
            );
            assert_eq!(at(Right::Call, 100, years), Quote::default());
        }
        // A second before expiry is a minute before it.
        assert_eq!(at(Right::Call, 100, 1), at(Right::Call, 100, 1_900_000_000_000));
        assert!(at(Right::Call, 100, 1).price > Wad::ZERO);
    }

    #[test]
    fn quote_outside_the_domain_names_the_value() {
        let pricer = Pricer::new();
        let call = |forward, strike, years, volatility, rate| {
            quote(
                &pricer,
                Right::Call,
                Wad(forward),
                Wad(strike),
                Wad(years),
                Wad(volatility),
                Wad(rate),
            )
        };
        let error = |error| Err(EngineError::from(error));
        assert_eq!(call(0, WAD, WAD, WAD, 0), error(pricing::Error::ForwardOutOfRange(0)));
        assert_eq!(call(WAD, -1, WAD, WAD, 0), error(pricing::Error::StrikeOutOfRange(0)));
        assert_eq!(
            call(WAD, WAD, 8 * WAD, WAD, 0),
            error(pricing::Error::ExpiryOutOfRange(u64::MAX))
        );
        assert_eq!(
            call(WAD, WAD, WAD, 0, 0),
            error(pricing::Error::VolatilityOutOfRange(0))
        );
        assert_eq!(
            call(WAD, WAD, WAD, 8 * WAD, 0),
            error(pricing::Error::VolatilityOutOfRange(u64::MAX))
        );
        assert_eq!(
            call(WAD, WAD, WAD, WAD, 4 * WAD),
            error(pricing::Error::RateOutOfRange(4 * ONE))
        );
        assert_eq!(
            call(i128::MAX, 1, WAD, WAD, 0),
            error(pricing::Error::StrikeOutOfRange(0))
        );
        assert!(call(1, 1, WAD, WAD, 0).is_ok());
        assert!(call(i128::MAX, i128::MAX, WAD, WAD, 0).is_ok());
    }

    #[test]
    fn mark_sold_option_is_the_negative_and_scales_with_the_forward() {
        let at = |quantity| {
            mark(
                Right::Call,
                wad(quantity),
                wad(2_000),
                wad(2_200),
                Rate(800_000),
                Rate(50_000),
                86_400 * 30,
                wad(2_000),
                0,
            )
            .unwrap()
        };
        let (long, short) = (at(1), at(-1));
        assert!((long.value.0 + short.value.0).abs() <= 1 && long.value > wad(200));
        assert_eq!((long.delta.0 + short.delta.0, long.vega.0 + short.vega.0), (0, 0));
        // 1.1 times the delta by the forward, which is below 1.
        assert!(long.delta > Wad(WAD * 6 / 10) && long.delta < Wad(WAD * 11 / 10));
    }
}
