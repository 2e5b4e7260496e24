//! The natural logarithm.

use crate::limb::{divide_fraction, horner, mul_high, mul_near, normalise};
use crate::{MathError, Wad};

/// 1.0 at the scale of the significand.
const ONE: u64 = 4_000_000_000_000_000_000;
/// Significands lie below this; half of it is 0.6529 and the sum with [`ONE`] is below 2⁶³.
const TOP: u64 = 5_223_372_036_854_775_808;
/// The two parts of ⌊1e18·ln 2⌋.
const LN2_HIGH: i64 = 161_385_904;
const LN2_LOW: i64 = 844_549_725;
/// What is left, in units of 2⁻²⁸.
const LN2_REST: i64 = 111_999_895;

/// ln x, rounded to nearest; [`MathError::LnNonPositive`] for x ≤ 0.
///
/// Error: at most 1.3 units of 1e-18 for results between −1 and 1, 2⁻⁵⁹ of the result outside. x = f·2ᵏ with
/// 0.6529 ≤ f < 1.3058, exact for x ≤ 4.6 and within 2⁻⁶¹ above; s = (f − 1)/(f + 1), within 3 units of 2⁻⁶⁴;
/// ln f = 2·artanh s = 2s + 2s·s²·A(s²) with A of degree 9, whose rounding s² ≤ 0.0442 scales away: 6 units from 2s,
/// 4 from the product, hence 0.6 units of 1e-18, and 0.5 by rounding.
/// Monotone for arguments at least 2⁻⁴⁸ apart and below 100 (as ln′ = 1/x, results above differ by less than the error).
/// The reduction is that of fdlibm's `log`; the polynomial is ours (`scripts/coefficients`).
#[expect(clippy::many_single_char_names, reason = "the names of the formula")]
pub fn ln(x: Wad) -> Result<Wad, MathError> {
    if x.0 <= 0 {
        return Err(MathError::LnNonPositive(x));
    }
    let (significand, exponent) = normalise(x.0.unsigned_abs());
    let half = significand >> 1;
    let above = half >= TOP;
    let f = if above { half >> 1 } else { half };
    // significand·2^exponent = f·2^(exponent + 1 + above), and 1e18 = ONE/4.
    let k = exponent.wrapping_add(3).wrapping_add(i64::from(above));

    let negative = f < ONE;
    let s = divide_fraction(f.abs_diff(ONE), f.wrapping_add(ONE));
    let z = mul_near(s, s);
    let twice = s << 1;
    // A in Q65.
    let q64 = twice.wrapping_add(mul_near(twice, mul_near(z, artanh_tail(z)) >> 1));
    // In sixteenths of 1e-18: below 0.43·16e18 < 2⁶³.
    let sixteenths = mul_high(q64, 16_000_000_000_000_000_000).cast_signed();
    let sixteenths = if negative {
        sixteenths.wrapping_neg()
    } else {
        sixteenths
    };
    let rest = (k.wrapping_mul(LN2_REST) >> 24)
        .wrapping_add(sixteenths)
        .wrapping_add(8)
        >> 4;
    let high = i128::from(k.wrapping_mul(LN2_HIGH)) << 32;
    let low = i128::from(k.wrapping_mul(LN2_LOW).wrapping_add(rest));
    Ok(Wad(high.wrapping_add(low)))
}

/// A(z) = 1/3 + z/5 + z²/7 + … in Q65, for z in Q64 up to 0.0442, so that artanh s = s + s·s²·A(s²).
pub(crate) const fn artanh_tail(z: u64) -> u64 {
    horner!(z; 17_254_076_846_891_943_766,
        0 15_221_823_693_503_326_894,
        0 17_378_188_146_181_020_014,
        1 9_838_000_663_255_494_222,
        0 11_351_847_654_479_760_846,
        0 13_415_813_810_562_044_521,
        0 16_397_105_843_715_005_916,
        1 10_540_996_613_547_592_745,
        0 14_757_395_258_967_642_261,
        1 12_297_829_382_473_034_411)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ln_exact_points_are_exact() {
        assert_eq!(ln(Wad::ONE), Ok(Wad::ZERO));
        assert_eq!(ln(Wad(1_000_000_000_000_000_001)), Ok(Wad(1)));
        assert_eq!(ln(Wad(999_999_999_999_999_999)), Ok(Wad(-1)));
        assert_eq!(ln(Wad(1)), Ok(Wad(-41_446_531_673_892_822_312)));
    }

    #[test]
    fn ln_not_positive_is_an_error() {
        for x in [0, -1, i128::MIN] {
            assert_eq!(ln(Wad(x)), Err(MathError::LnNonPositive(Wad(x))));
        }
    }

    proptest! {
        /// A larger argument never has a smaller logarithm.
        #[test]
        fn ln_larger_argument_is_not_smaller(x in 1_i128..100 << 60, step in 3_553_i128..1 << 62) {
            prop_assert!(ln(Wad(x)).unwrap() <= ln(Wad(x + step)).unwrap());
        }
    }
}
