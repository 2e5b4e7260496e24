//! The exponential.

use crate::limb::{horner, join, mul_high, shift_left, shift_right_nearest};
use crate::{MathError, Wad};

/// The largest argument with a result: ln(2¹²⁷ / 1e18), less one unit for the error of the result.
const LARGEST: i128 = 46_583_160_257_220_231_982;
/// The smallest argument whose result is not nearest to 0: ln(0.5e-18).
const SMALLEST: i128 = -42_139_678_854_452_767_621;
/// Between here and [`SMALLEST`] the result is the last unit, and the general path would shift by 64.
const NEXT_TO_SMALLEST: i128 = -41_500_000_000_000_000_000;

/// ⌊ln 2⌋ in 1e-18.
const LN2: u64 = 693_147_180_559_945_309;
/// What [`LN2`] lacks, in units of 2⁻³².
const LN2_REST: i64 = 1_791_998_317;
/// ⌊2⁸⁸ / (1e18·ln 2)⌋.
const INVERSE_LN2: i64 = 446_492_488;
/// (2⁶⁴ / 16e18 − 1) · 2⁶⁴.
const Q64_FROM_SIXTEENTHS: u64 = 2_820_903_858_849_102_350;

/// eˣ, rounded to nearest: 0 below ln(0.5e-18) ≈ −42.14, [`MathError::ExpOverflow`] above ln(2¹²⁷/1e18) ≈ 46.58.
///
/// Error: at most 1 unit of 1e-18 for results up to 1, 2⁻⁶⁰ of the result above. x = k·ln 2 + r with 0 ≤ r < ln 2, exact
/// but for 2⁻⁶² in r; a polynomial of degree 12 in r, within 2⁻⁶² of eʳ; its last step of Horner's scheme loses at most 3
/// units of 1e-18/8, the earlier ones 2 more together; a result up to 1 is rounded, by half a unit.
/// Monotone for arguments at least 2⁻⁴⁸ apart, where the result moves by more than its error or not at all.
/// The reduction is Cody and Waite's (Software Manual for the Elementary Functions, 1980, chapter 6); the polynomial is
/// ours (`scripts/coefficients`).
pub fn exp(x: Wad) -> Result<Wad, MathError> {
    if x.0 > LARGEST {
        return Err(MathError::ExpOverflow(x));
    }
    if x.0 < NEXT_TO_SMALLEST {
        return Ok(Wad(i128::from(x.0 >= SMALLEST)));
    }
    let (k, r) = reduce(x.0);
    let significand = exp_fraction(r);
    Ok(Wad(scale(significand, k)))
}

/// x = k·ln 2 + r·2⁻⁶⁴, 0 ≤ r·2⁻⁶⁴ < ln 2·(1 + 5e-7), for |x| < 2⁶⁶ units of 1e-18.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "modulo 2⁶⁴, as explained"
)]
const fn reduce(x: i128) -> (i64, u64) {
    // The multiplier is too small by at most 1 and |x|·2⁻³² < 2³⁴, so the product less 2³⁴ is never above the quotient,
    // and 2⁻²¹ below at most.
    let coarse = (x >> 32) as i64;
    let k = coarse.wrapping_mul(INVERSE_LN2).wrapping_sub(1 << 34) >> 56;
    // The remainder is small, so its 64 lowest bits are all of it. In sixteenths of a unit it is below 16e18·0.6932.
    let units = (x as u64).wrapping_sub((k as u64).wrapping_mul(LN2));
    let sixteenths = (units << 4).wrapping_sub((k.wrapping_mul(LN2_REST) >> 28) as u64);
    (k, sixteenths.wrapping_add(mul_high(sixteenths, Q64_FROM_SIXTEENTHS)))
}

/// 8e18·eʳ for r in Q64, below ln 2·(1 + 1e-6): the result is below 1.61e19.
///
/// Within 4 units: the constant term is 2 too large, which centres the rounding.
pub(crate) const fn exp_fraction(r: u64) -> u64 {
    horner!(r; 12_375_232_084_665_172_843,
        3 12_631_406_531_760_971_860,
        4 9_301_597_909_609_271_575,
        3 11_553_757_549_115_908_566,
        3 13_003_429_988_686_594_358,
        3 13_003_165_215_869_706_551,
        3 11_377_778_004_439_487_781,
        3 8_533_333_329_869_124_602,
        2 10_666_666_666_729_071_858,
        2 10_666_666_666_666_086_427,
        2 8_000_000_000_000_002_111,
        1 7_999_999_999_999_999_997,
        0 8_000_000_000_000_000_002)
}

/// significand · 2^(k − 3) for −60 ≤ k ≤ 67.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "in range"
)]
pub(crate) const fn scale(significand: u64, k: i64) -> i128 {
    if k > 3 {
        shift_left(significand, k.wrapping_sub(3) as u32) as i128
    } else {
        join(0, shift_right_nearest(significand, 3_i64.wrapping_sub(k) as u32)) as i128
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn exp_exact_points_are_exact() {
        assert_eq!(exp(Wad::ZERO), Ok(Wad::ONE));
        assert_eq!(exp(Wad(1)), Ok(Wad(1_000_000_000_000_000_001)));
        assert_eq!(exp(Wad(-1)), Ok(Wad(999_999_999_999_999_999)));
    }

    #[test]
    fn exp_outside_the_range_is_zero_below_and_an_error_above() {
        assert_eq!(exp(Wad(SMALLEST)), Ok(Wad(1)));
        assert_eq!(exp(Wad(SMALLEST - 1)), Ok(Wad::ZERO));
        assert_eq!(exp(Wad(NEXT_TO_SMALLEST)), Ok(Wad(1)));
        assert_eq!(exp(Wad(i128::MIN)), Ok(Wad::ZERO));
        assert!(exp(Wad(LARGEST)).unwrap() > Wad(i128::MAX / 1_000_000_000 * 999_999_999));
        assert_eq!(exp(Wad(LARGEST + 1)), Err(MathError::ExpOverflow(Wad(LARGEST + 1))));
        assert_eq!(exp(Wad::MAX), Err(MathError::ExpOverflow(Wad::MAX)));
    }

    proptest! {
        /// No number panics, and the logarithm of a result that keeps enough digits is the number.
        #[test]
        fn exp_any_argument_inverts(x in any::<i128>(), shift in 0_u32..127) {
            let x = x >> shift;
            match exp(Wad(x)) {
                Ok(result) if result >= Wad::ONE => {
                    prop_assert!(crate::ln(result).unwrap().0.abs_diff(x) <= 8 + (x.unsigned_abs() >> 58));
                }
                Ok(result) => prop_assert!(result.0 >= 0 && x < 0),
                Err(error) => prop_assert_eq!((error, x > LARGEST), (MathError::ExpOverflow(Wad(x)), true)),
            }
        }

        /// A larger argument never has a smaller result.
        #[test]
        fn exp_larger_argument_is_not_smaller(x in SMALLEST - 10..LARGEST - 4_000, step in 3_553_i128..1 << 60) {
            let next = (x + step).min(LARGEST);
            prop_assert!(exp(Wad(x)).unwrap() <= exp(Wad(next)).unwrap());
        }
    }
}
