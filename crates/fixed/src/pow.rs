//! Powers.

use crate::exp::{exp_fraction, scale};
use crate::limb::{divide_words, high, join, low, mul_high, mul_high_128, mul_wide, normalise};
use crate::ln::artanh_tail;
use crate::{MathError, Wad};

/// 1.0 at the scale of the significand.
const ONE: u64 = 8_000_000_000_000_000_000;
/// log₂ e in Q127.
const LOG2_E: u128 = 245_461_841_629_398_282_873_184_673_143_046_618_760;
/// 2¹⁸⁷ / 1e18.
const INVERSE_WAD: u128 = 196_159_429_230_833_773_869_868_419_475_239_575_503;
/// ln 2 in Q64.
const LN2: u64 = 12_786_308_645_202_655_660;

/// base^exponent, rounded to nearest, for a base above 0; 0^exponent is 0 for positive exponents and 1 for 0.
///
/// [`MathError::PowDomain`] for a negative base, or for 0 with a negative exponent; [`MathError::PowOverflow`] above
/// 2¹²⁷/1e18. Results below half a unit are 0.
/// Error: at most 1 unit of 1e-18 for results up to 1, 2⁻⁵⁹ of the result above. It is 2^(exponent·log₂ base) with a
/// logarithm of 128 bits, whose relative error is below 2⁻⁶⁶ also next to 1: the quotient (f − 1)/(f + 1) is exact to
/// 2⁻¹²⁸, the bits of the base that a word cannot hold are added to first order, and the rest of the series is scaled
/// by f's distance from 1. The exponent of 2 is below 68, hence within 2⁻⁶⁰; the power of 2 as in [`crate::exp`].
/// Monotone in both arguments where the results differ by more than that error.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
pub fn pow(base: Wad, exponent: Wad) -> Result<Wad, MathError> {
    if exponent.0 == 0 && base.0 >= 0 {
        return Ok(Wad::ONE);
    }
    if base.0 <= 0 {
        return if base.0 == 0 && exponent.0 > 0 {
            Ok(base)
        } else {
            Err(MathError::PowDomain(base))
        };
    }
    let (negative, logarithm, fraction_bits) = log2(base.0.unsigned_abs());
    if logarithm == 0 {
        return Ok(Wad::ONE);
    }
    let falls = negative != (exponent.0 < 0);
    let outside = || {
        if falls {
            Ok(Wad::ZERO)
        } else {
            Err(MathError::PowOverflow(exponent))
        }
    };

    // |exponent|·logarithm/1e18 in Q64, from factors with their top bits set.
    let factor = exponent.0.unsigned_abs();
    let (zeros, more) = (factor.leading_zeros(), logarithm.leading_zeros());
    let product = mul_high_128(factor.wrapping_shl(zeros), logarithm.wrapping_shl(more));
    let product = mul_high_128(product, INVERSE_WAD);
    // product·2^(128 + 128 − 187 − zeros − more − fraction_bits).
    let shift = i64::from(zeros.wrapping_add(more).wrapping_add(fraction_bits)).wrapping_sub(133);
    if shift < 54 {
        return outside();
    }
    // Up by a unit, as everything before rounds down: an integer power of 2 has no fraction.
    let power = if shift > 127 {
        0
    } else {
        product.wrapping_shr(shift as u32)
    }
    .wrapping_add(1)
    .cast_signed();
    let power = if falls { power.wrapping_neg() } else { power };

    let k = (power >> 64) as i64;
    let significand = exp_fraction(mul_high(low(power.cast_unsigned()), LN2));
    if k < -60 {
        // 2^k·significand/8 is half a unit or more if k is −61 and the top bit is set.
        return Ok(Wad(i128::from(k == -61 && significand >> 63 == 1)));
    }
    if k > 67 || (k == 67 && significand >> 63 == 1) {
        return outside();
    }
    Ok(Wad(scale(significand, k)))
}

/// |log₂(x/1e18)| and whether it is negative: (negative, number, its fractional bits), for x > 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
const fn log2(x: u128) -> (bool, u128, u32) {
    let (significand, exponent) = normalise(x);
    let above = significand >= 10_446_744_073_709_551_615;
    let f = if above { significand >> 1 } else { significand };
    // x = f·2^(exponent + above), and 1e18 = ONE/8.
    let k = exponent.wrapping_add(3).wrapping_add(above as i64);
    // What f lacks, relative to x in Q128: the bits of x below f over f.
    let dropped = exponent.wrapping_add(above as i64);
    let rest = if dropped > 0 {
        let below = low(x.wrapping_shl(64_i64.wrapping_sub(dropped) as u32));
        // A quarter is below 2⁶² < f.
        (divide_words(below >> 2, f) as u128) << 2
    } else {
        0
    };

    // s = |f − ONE|/(f + ONE) in Q128, below 0.2101; f + ONE is below 2⁶⁴.
    let below_one = f < ONE;
    let denominator = f.wrapping_add(ONE);
    let first = divide_words(f.abs_diff(ONE), denominator);
    let second = divide_words(first.wrapping_mul(denominator).wrapping_neg(), denominator);
    // 16·s² in Q64; ln f = ±2s·(1 + s²·A).
    let twice = join(first, second) << 1;
    let four = high(twice << 1);
    let z = mul_high(four, four);
    let tail = mul_high(z, artanh_tail(z >> 4)) >> 1;
    let correction = (mul_wide(high(twice), tail) >> 4).wrapping_add((mul_high(low(twice), tail) >> 4) as u128);
    let size = twice.wrapping_add(correction);
    let size = if below_one {
        size.wrapping_sub(rest)
    } else {
        size.wrapping_add(rest)
    };
    let size = mul_high_128(size, LOG2_E);
    if k == 0 {
        return (below_one, size, 127);
    }
    let sum = (k as i128) << 120;
    let part = (size >> 7).cast_signed();
    let sum = if below_one {
        sum.wrapping_sub(part)
    } else {
        sum.wrapping_add(part)
    };
    (sum < 0, sum.unsigned_abs(), 120)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{WAD, exp, sqrt_down};

    #[test]
    fn pow_simple_exponents_are_known() {
        let kilo = pow(Wad(2 * WAD), Wad(10 * WAD)).unwrap();
        assert!(kilo.0.abs_diff(1024 * WAD) <= (1024 * WAD.unsigned_abs()) >> 59);
        assert_eq!(pow(Wad(WAD / 2), Wad(2 * WAD)), Ok(Wad(WAD / 4)));
        assert_eq!(pow(Wad(4 * WAD), Wad(-WAD / 2)), Ok(Wad(WAD / 2)));
        assert_eq!(pow(Wad(7), Wad::ZERO), Ok(Wad::ONE));
        assert_eq!(pow(Wad::ONE, Wad::MAX), Ok(Wad::ONE));
    }

    #[test]
    fn pow_of_zero_depends_on_the_exponent() {
        assert_eq!(pow(Wad::ZERO, Wad::ZERO), Ok(Wad::ONE));
        assert_eq!(pow(Wad::ZERO, Wad(1)), Ok(Wad::ZERO));
        assert_eq!(pow(Wad::ZERO, Wad(-1)), Err(MathError::PowDomain(Wad::ZERO)));
    }

    #[test]
    fn pow_negative_base_is_an_error() {
        for base in [-1, -WAD, i128::MIN] {
            assert_eq!(pow(Wad(base), Wad(2 * WAD)), Err(MathError::PowDomain(Wad(base))));
            assert_eq!(pow(Wad(base), Wad::ZERO), Err(MathError::PowDomain(Wad(base))));
        }
    }

    #[test]
    fn pow_outside_the_range_is_zero_below_and_an_error_above() {
        let (two, many) = (Wad(2 * WAD), Wad(68 * WAD));
        assert_eq!(pow(two, many), Err(MathError::PowOverflow(many)));
        assert!(pow(two, Wad(67 * WAD)).unwrap().0.abs_diff((1 << 67) * WAD) <= WAD.unsigned_abs() << 8);
        assert_eq!(pow(two, Wad(-60 * WAD)), Ok(Wad(1)));
        // 0.57 and 0.47 units.
        assert_eq!(pow(two, Wad(-606 * WAD / 10)), Ok(Wad(1)));
        assert_eq!(pow(two, Wad(-609 * WAD / 10)), Ok(Wad::ZERO));
        assert_eq!(pow(two, Wad(-61 * WAD)), Ok(Wad::ZERO));
        assert_eq!(pow(Wad(1), Wad::MAX), Ok(Wad::ZERO));
        assert_eq!(pow(Wad(1), Wad(i128::MIN)), Err(MathError::PowOverflow(Wad(i128::MIN))));
        assert_eq!(pow(Wad::MAX, Wad::MAX), Err(MathError::PowOverflow(Wad::MAX)));
        assert_eq!(pow(Wad::MAX, Wad(i128::MIN)), Ok(Wad::ZERO));
    }

    proptest! {
        /// No pair of numbers panics, and a result is never negative.
        #[test]
        fn pow_any_arguments_is_not_negative(b in any::<i128>(), e in any::<i128>(), s in 0_u32..127, t in 0_u32..127) {
            if let Ok(result) = pow(Wad(b >> s), Wad(e >> t)) {
                prop_assert!(result.0 >= 0);
            }
        }

        /// The power of ½ is the square root, and that of 1 the number itself, within the errors.
        #[test]
        fn pow_half_and_one_invert(x in 1_i128..i128::MAX, shift in 0_u32..126) {
            let x = Wad((x >> shift).max(1));
            let near = |a: Wad, b: Wad| a.0.abs_diff(b.0) <= 2 + (a.0.unsigned_abs() >> 58);
            prop_assert!(near(pow(x, Wad(WAD / 2)).unwrap(), sqrt_down(x).unwrap()));
            prop_assert!(x.0 > i128::MAX - (1 << 70) || near(pow(x, Wad::ONE).unwrap(), x));
        }

        /// Powers of e are the exponential, within the error of e as a base.
        #[test]
        fn pow_of_e_is_exp(x in -40 * WAD..40 * WAD) {
            let e = Wad(2_718_281_828_459_045_235);
            let (a, b) = (pow(e, Wad(x)).unwrap(), exp(Wad(x)).unwrap());
            prop_assert!(a.0.abs_diff(b.0) <= 2 + (a.0.unsigned_abs() >> 55));
        }
    }
}
