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
const INVERSE_WAD: u128 = 196159429230833773869868419475239575503;
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
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "in range"
)]
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
    let power = if shift > 127 {
        0
    } else {
        product.wrapping_shr(shift as u32)
    }
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
#[expect(clippy::cast_sign_loss, reason = "by the sign that is returned")]
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
        (divide_words(below >> 1, f) as u128) << 1
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
