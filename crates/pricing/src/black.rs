//! Black's formula: one option, everything in one pass.
#![expect(clippy::inline_always, reason = "a call costs as much as ten multiplications")]

use crate::kernel::{
    exp_q57, exp_short, log_ratio, min, mul_high, normal, positive, reciprocal, root, shift_down, square_high, zeros,
};
use crate::tables::LN_SQRT_2PI_Q46;
use crate::{Error, Greeks, MAX_EXPONENT, MAX_PRICE, MIN_VOLATILITY, MIN_YEARS, Pricer, Terms};

/// What a record of terms takes in [`Pricer::greeks_packed`].
pub const RECORD: usize = 40;

/// What a result takes in [`Pricer::greeks_packed`].
pub const RESULT: usize = 48;

/// Volatility over the life of an option, σ·√T.
pub(crate) struct Deviation {
    /// σ·2ˡ⁻⁶¹… with the leading one at bit 62.
    sigma: i64,
    /// Leading zeros of σ.
    sigma_zeros: i64,
    /// 1/v = `inverse`·2^(`scale` − 122).
    inverse: i64,
    /// Exponent of v: v = mantissa·2^−`scale`.
    scale: i64,
    /// v in Q55.
    v: i64,
}

impl Deviation {
    /// `root` and `half` as [`root`] gives them for the years.
    #[inline(always)]
    pub(crate) const fn new(volatility: i64, root: i64, half: i64) -> Self {
        let sigma_zeros = zeros(volatility);
        let sigma = ((volatility << sigma_zeros).cast_unsigned() >> 1).cast_signed();
        let mantissa = mul_high(sigma, root) << 1;
        let scale = 56 + sigma_zeros + half;
        Self {
            sigma,
            sigma_zeros,
            inverse: reciprocal(mantissa),
            scale,
            v: mantissa >> (scale - 55),
        }
    }

    /// (m, s, v in Q35): x/v in Q35 is x·m >> s for an x in Q25 below 64, whose relative error is 2⁻³⁰ and 2⁻²⁵/v.
    ///
    /// That is enough for a value: F·φ(d1) = K·φ(d2), so an error e that d1 and d2 share changes it by F·φ(d1)·v·e²/2.
    #[inline(always)]
    pub(crate) const fn short(&self) -> (i64, i64, i64) {
        (self.inverse >> 31, 81 - self.scale, self.v >> 20)
    }

    /// x/v in Q55 for an x in Q57, kept within ±16 or more; `sign` as for [`min`].
    #[inline(always)]
    pub(crate) const fn divide(&self, x: i64, sign: i64) -> i64 {
        let negative = x >> 63;
        let size = (x ^ negative) - negative;
        let up = self.scale - 60;
        let left = positive(up, sign);
        let limit = i64::MAX >> left;
        let size = mul_high(min(size, limit, sign) << left, self.inverse) >> (left - up);
        (size ^ negative) - negative
    }
}

impl Pricer {
    /// [`Self::evaluate`], once in a program.
    #[inline(never)]
    pub(crate) fn solve(&self, put: i64, terms: [i64; 5]) -> Result<[i64; 6], Error> {
        self.evaluate(put, terms).ok_or_else(|| fault(terms))
    }

    /// The formula for terms within their domain, which it checks; `put` is 0 for a call, −1 for a put.
    #[inline(always)]
    pub(crate) fn evaluate(&self, put: i64, terms: [i64; 5]) -> Option<[i64; 6]> {
        let [forward, strike, years, volatility, rate] = terms;
        // −rT, Q56. A rate of any size is fine as long as this is small.
        let exponent = -mul_high(rate, years);
        if outside(terms, exponent) {
            return None;
        }
        let time = root(years);
        let deviation = Deviation::new(volatility, time.root, time.half);
        let sign = self.sign;
        let middle = deviation.divide(log_ratio(forward, strike), sign);
        let d1 = middle + (deviation.v >> 1);
        let d2 = d1 - deviation.v;

        let sign1 = d1 >> 63;
        let sign2 = d2 >> 63;
        let n1 = (normal(&self.normal, (d1 ^ sign1) - sign1, sign) ^ sign1) - sign1;
        let n2 = (normal(&self.normal, (d2 ^ sign2) - sign2, sign) ^ sign2) - sign2;

        let discount = exp_q57(&self.powers, exponent);
        // A call is half of the forward contract and half of the straddle, a put the straddle's less the contract's.
        let half =
            ((((forward - strike) << 10) ^ put) - put) + mul_high(forward << 11, n1) - mul_high(strike << 11, n2);
        let value = mul_high(half, discount);
        let value = positive(value, sign);
        let delta = mul_high((((1 << 61) ^ put) - put) + (n1 >> 2), discount) >> 11;

        // D·φ(d1) by one exponential.
        let (density, n) = exp_short(
            &self.powers,
            (exponent >> 10) - (square_high(d1) >> 1) - LN_SQRT_2PI_Q46,
        );
        let gamma = shift_down(mul_high(density, deviation.inverse), 75 - n - deviation.scale, sign);
        let weighted = mul_high(forward << 11, density);
        let vega = shift_down(mul_high(weighted, time.root >> time.half), 4 - n, sign);
        let slope = mul_high(square_high(deviation.sigma), deviation.inverse);
        let decay = shift_down(
            mul_high(weighted, slope << 4) << 3,
            8 + deviation.sigma_zeros - time.half - n,
            sign,
        );
        let theta = mul_high(value, rate) - decay;
        let rho = -mul_high(value, years);
        Some([value >> 4, delta, gamma, vega, theta, rho])
    }

    /// Price and Greeks of many options at once: one pass over `records`, one result each.
    ///
    /// All numbers are little-endian 64-bit words, as the memory of a program holds them. A record is forward, strike,
    /// years, volatility and rate in the scales of [`Terms`]; the highest bit of the strike says put. A result is price,
    /// delta, gamma, vega, theta and rho in the scales of [`Greeks`].
    ///
    /// [`Error`] and the index of the first record it is about; results from there on are not written. Records without a
    /// place in `results` are not read.
    pub fn greeks_packed(&self, records: &[[u8; RECORD]], results: &mut [[u8; RESULT]]) -> Result<(), (usize, Error)> {
        for (index, (record, result)) in records.iter().zip(results).enumerate() {
            let (words, _) = record.as_chunks::<8>();
            let word = |i: usize| words.get(i).map_or(0, |bytes| i64::from_le_bytes(*bytes));
            let strike = word(1);
            let terms = [word(0), strike & i64::MAX, word(2), word(3), word(4)];
            let Some(greeks) = self.evaluate(strike >> 63, terms) else {
                return Err((index, fault(terms)));
            };
            let (places, _) = result.as_chunks_mut::<8>();
            for (place, number) in places.iter_mut().zip(greeks) {
                *place = number.to_le_bytes();
            }
        }
        Ok(())
    }
}

/// Whether a term is outside its domain; `exponent` is −rate·years in Q56.
#[inline(always)]
pub(crate) const fn outside(terms: [i64; 5], exponent: i64) -> bool {
    let [forward, strike, years, volatility, _] = terms;
    let either = forward | strike;
    // Differences wrap for negative numbers only, which are violations themselves.
    let violations = either
        | forward.wrapping_sub(1)
        | strike.wrapping_sub(1)
        | MAX_PRICE.wrapping_sub(either)
        | years
        | years.wrapping_sub(MIN_YEARS)
        | volatility
        | volatility.wrapping_sub(MIN_VOLATILITY)
        | (MAX_EXPONENT - exponent)
        | (MAX_EXPONENT + exponent);
    violations < 0
}

/// What is wrong with terms that the formula refused.
#[cold]
#[inline(never)]
pub(crate) fn fault(terms: [i64; 5]) -> Error {
    let [forward, strike, years, volatility, rate] = terms;
    if !(1..=MAX_PRICE).contains(&forward) {
        Error::ForwardOutOfRange(forward.cast_unsigned())
    } else if !(1..=MAX_PRICE).contains(&strike) {
        Error::StrikeOutOfRange(strike.cast_unsigned())
    } else if years < MIN_YEARS {
        Error::ExpiryOutOfRange(years.cast_unsigned())
    } else if volatility < MIN_VOLATILITY {
        Error::VolatilityOutOfRange(volatility.cast_unsigned())
    } else {
        Error::RateOutOfRange(rate)
    }
}

impl Terms {
    pub(crate) const fn words(&self) -> [i64; 5] {
        [
            self.forward.cast_signed(),
            self.strike.cast_signed(),
            self.years.cast_signed(),
            self.volatility.cast_signed(),
            self.rate,
        ]
    }
}

impl Greeks {
    pub(crate) const fn new([price, delta, gamma, vega, theta, rho]: [i64; 6]) -> Self {
        Self {
            price,
            delta,
            gamma,
            vega,
            theta,
            rho,
        }
    }
}
