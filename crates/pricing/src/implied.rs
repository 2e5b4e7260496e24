//! The volatility that a price implies.

use crate::kernel::{log_ratio, root};
use crate::{Error, MIN_VOLATILITY, ONE, Pricer, Right, Terms};

/// The largest volatility of the formula.
const MAX_VOLATILITY: i64 = i64::MAX;

/// A Newton step below this, 2⁻⁴⁰, is the last: the next would be its square.
const LAST_STEP: i64 = ONE >> 40;

/// Far above what bisection alone needs.
const MAX_STEPS: u32 = 128;

impl Pricer {
    /// The volatility at which the formula gives `price`, [`ONE`] = 100 %; that of `terms` is not read.
    ///
    /// Within 1e-9 where vega is at least 2e-3 of the forward and the terms within the bounds of the crate. Elsewhere many
    /// volatilities have the same price to the last digit: then one that reprices within 2e-12 of the forward.
    /// [`Error::PriceOutOfRange`] outside the prices of the least and the largest volatility, which lie within the
    /// bounds that arbitrage sets; a price that misses them by 2⁻⁴² of the forward, the formula's own error, is
    /// taken for them. Other [`Error`]s as for [`Pricer::greeks`].
    ///
    /// Newton's method from the inflection √(2·|ln(F/K)|/T), from where it converges from one side (Manaster and
    /// Koehler 1982), inside a bracket that is halved where a step would leave it.
    #[inline(never)]
    pub fn implied_volatility(&self, right: Right, terms: &Terms, price: u64) -> Result<u64, Error> {
        let put = match right {
            Right::Call => 0,
            Right::Put => -1,
        };
        let out_of_range = Error::PriceOutOfRange(price);
        let [forward, strike, years, _, rate] = terms.words();
        let target = i64::try_from(price).map_err(|_| out_of_range)?;
        let at = |volatility: i64| {
            let [value, _, _, vega, ..] = self.solve(put, [forward, strike, years, volatility, rate])?;
            Ok((value.saturating_sub(target), vega))
        };
        let (mut low, mut high) = (MIN_VOLATILITY, MAX_VOLATILITY);
        let tolerance = (forward >> 42) + 1;
        let (above_low, _) = at(low)?;
        if above_low >= 0 {
            return if above_low <= tolerance {
                Ok(low.cast_unsigned())
            } else {
                Err(out_of_range)
            };
        }
        let (above_high, _) = at(high)?;
        if above_high <= 0 {
            return if above_high >= -tolerance {
                Ok(high.cast_unsigned())
            } else {
                Err(out_of_range)
            };
        }
        let mut volatility = inflection(forward, strike, years).clamp(low, high);
        for _ in 0..MAX_STEPS {
            let (above, vega) = at(volatility)?;
            if above == 0 {
                break;
            }
            if above < 0 {
                low = volatility;
            } else {
                high = volatility;
            }
            // 63 bits times 2⁶⁰ fit.
            let step = i128::from(above).saturating_mul(ONE.into()).checked_div(vega.into());
            let next = step
                .and_then(|step| i64::try_from(step).ok())
                .and_then(|step| volatility.checked_sub(step))
                .filter(|next| (low..=high).contains(next));
            let moved = next.unwrap_or(low / 2 + high / 2);
            let last = (moved - volatility).abs() <= LAST_STEP || high - low <= 1;
            volatility = moved;
            if last {
                break;
            }
        }
        Ok(volatility.cast_unsigned())
    }
}

/// √(2·|ln(F/K)|/T), where the price has its inflection in the volatility. For terms that the formula takes.
fn inflection(forward: i64, strike: i64, years: i64) -> i64 {
    // Q57 to the square of a volatility, Q60.
    let square = (i128::from(log_ratio(forward, strike).abs()) << 64) / i128::from(years.max(1));
    let Ok(square) = i64::try_from(square) else {
        return MAX_VOLATILITY;
    };
    let root = root(square.max(1));
    root.root >> root.half
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        forward: 1 << 48,
        strike: 1 << 48,
        years: ONE.cast_unsigned(),
        volatility: 0,
        rate: ONE / 20,
    };

    #[test]
    fn implied_volatility_outside_the_bounds_names_the_price() {
        let pricer = Pricer::new();
        let strike = 3 << 46;
        let terms = Terms { strike, ..TERMS };
        for price in [0, 1 << 40, 1 << 48, u64::MAX] {
            assert_eq!(
                pricer.implied_volatility(Right::Call, &terms, price),
                Err(Error::PriceOutOfRange(price))
            );
        }
        let expired = Terms { years: 0, ..TERMS };
        assert_eq!(
            pricer.implied_volatility(Right::Put, &expired, 1),
            Err(Error::ExpiryOutOfRange(0))
        );
    }

    #[test]
    fn implied_volatility_of_a_price_is_what_it_was_made_with() {
        let pricer = Pricer::new();
        for volatility in [ONE / 100, ONE / 10, ONE, 5 * ONE, MAX_VOLATILITY] {
            let volatility = volatility.cast_unsigned();
            for right in [Right::Call, Right::Put] {
                let price = pricer.greeks(right, &Terms { volatility, ..TERMS }).unwrap().price;
                let implied = pricer.implied_volatility(right, &TERMS, price.cast_unsigned()).unwrap();
                assert!(
                    implied.abs_diff(volatility) < ONE.cast_unsigned() >> 36,
                    "{implied} {volatility}"
                );
            }
        }
    }
}
