//! Square roots.

use crate::limb::{high, join, low, mul_high, mul_wide, normalise};
use crate::{MathError, Wad};

const ONE: u64 = 1_000_000_000_000_000_000;

// √u·2^31.5 by a cubic in u.
const SEED0: u64 = 661_493_078;
const SEED1: i64 = 3_978_736_930;
const SEED2: i64 = -2_415_084_200;
const SEED3: i64 = 813_628_295;

/// The largest number whose square is at most x; [`MathError::SqrtNegative`] for x < 0.
///
/// Exact rounding towards −∞, over the whole type. Monotone. Method: see [`sqrt_up`].
pub fn sqrt_down(x: Wad) -> Result<Wad, MathError> {
    root(x).map(|(root, _)| root)
}

/// The smallest number whose square is at least x; [`MathError::SqrtNegative`] for x < 0.
///
/// Exact rounding towards +∞, over the whole type. Monotone. A quadratic seed and two steps of Heron's method give the
/// root of the leading 63 bits to 32 bits, its remainder 30 more. The remainder of that root, taken modulo 2¹²⁸, where
/// it fits, gives the rest.
pub fn sqrt_up(x: Wad) -> Result<Wad, MathError> {
    let (root, exact) = root(x)?;
    // The largest root is 1.4e28.
    Ok(Wad(root.0.wrapping_add(i128::from(!exact))))
}

/// ⌊√(1e18·x)⌋ on raw values, and whether it is exact.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "in range, as explained"
)]
fn root(x: Wad) -> Result<(Wad, bool), MathError> {
    if x.0 <= 0 {
        return if x.0 == 0 {
            Ok((x, true))
        } else {
            Err(MathError::SqrtNegative(x))
        };
    }
    let raw = x.0.unsigned_abs();
    // 1e18·raw = n·2^(2·half) nearly, with n in [2^60.79, 2⁶³).
    let (significand, exponent) = normalise(raw);
    let product = mul_high(significand, ONE << 4);
    let exponent = exponent.wrapping_add(61);
    let odd = exponent & 1;
    let n = product >> 1 >> odd;
    let half = exponent.wrapping_add(odd) >> 1;

    // n is below the leading bits of 1e18·raw by up to 2.3, which makes up to 4.5 units of the root.
    let y = root_of_word(n).wrapping_add(2);
    // √ = y·2^(half − 32): below 2⁶⁴, or y with zeros appended.
    let shift = half.wrapping_sub(32);
    let mut root = if shift <= 0 {
        join(0, y.wrapping_shr(shift.wrapping_neg() as u32))
    } else {
        join(y >> 1, 0) >> 63_i64.wrapping_sub(shift) as u32
    };
    let target = mul_wide(low(raw), ONE).wrapping_add(join(high(raw).wrapping_mul(ONE), 0));
    let mut remainder = remainder(target, root);
    if shift > 0 {
        // y is within 5.5 units, so |remainder| < 2·root·5.5·2^shift < 2¹²⁷, as shift ≤ 30 and root < 2^93.4; the 64 bits
        // above 2^(shift + 34) hold it. It gives one more digit of the root, wrong by a few units.
        let digit = ((remainder >> (shift.wrapping_add(34) as u32)) as i64) / ((y >> 33).cast_signed() | 1);
        root = root.wrapping_add_signed(i128::from(digit));
        remainder = self::remainder(target, root);
    }
    debug_assert!(remainder.unsigned_abs() < root << 5, "at most 16 steps");
    while remainder < 0 {
        root = root.wrapping_sub(1);
        remainder = remainder.wrapping_add_unsigned((root << 1) | 1);
    }
    while remainder.cast_unsigned() > root << 1 {
        remainder = remainder.wrapping_sub_unsigned((root << 1) | 1);
        root = root.wrapping_add(1);
    }
    Ok((Wad(root.cast_signed()), remainder == 0))
}

/// target − root², modulo 2¹²⁸.
fn remainder(target: u128, root: u128) -> i128 {
    let square = mul_wide(low(root), low(root)).wrapping_add(join(high(root).wrapping_mul(low(root)) << 1, 0));
    target.wrapping_sub(square).cast_signed()
}

/// 2³²·√n for n in [2^60.79, 2⁶³), within 3 units.
#[expect(clippy::cast_sign_loss, clippy::cast_possible_wrap, reason = "in range")]
const fn root_of_word(n: u64) -> u64 {
    // On u = n/2⁶³: a cubic within 2⁻⁸·¹ of the root.
    let u = (n >> 31) as i64;
    let seed = (SEED3.wrapping_mul(u) >> 32).wrapping_add(SEED2);
    // Positive from here on, and the last product exceeds 2⁶³.
    let seed = (seed.wrapping_mul(u) >> 32).wrapping_add(SEED1) as u64;
    let seed = (seed.wrapping_mul(u as u64) >> 32).wrapping_add(SEED0);
    // Heron: relative errors 2⁻¹⁷ and 2⁻³⁵, and a unit of rounding. Odd numbers divide without a test for zero.
    let y = seed.wrapping_add(n / (seed | 1)) >> 1;
    let y = y.wrapping_add(n / (y | 1)) >> 1;
    // |n − y²| ≤ 1.1·2y < 2³³, so that no bit is lost.
    let rest = n.wrapping_sub(y.wrapping_mul(y)) as i64;
    (y << 32).wrapping_add((((rest << 30) / ((y | 1) as i64)) << 1) as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::U256;

    /// Numbers of every length, and squares with their neighbours.
    fn any_argument() -> impl Strategy<Value = i128> {
        let any_length = (0..=i128::MAX, 0_u32..127).prop_map(|(x, shift)| x >> shift);
        let square = (0_i128..13_043_817_825, -1_i128..=1).prop_map(|(x, off)| (x * x * WHOLE + off).max(0));
        prop_oneof![any_length, square]
    }

    const WHOLE: i128 = ONE as i128;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        /// The root rounded down is the largest whose square does not exceed the argument; rounded up, it is one more
        /// unless exact.
        #[test]
        fn sqrt_any_argument_is_exactly_rounded(x in any_argument()) {
            let wide = |x: i128| U256::from(x.unsigned_abs());
            let target = wide(x) * wide(WHOLE);
            let (down, up) = (sqrt_down(Wad(x)).unwrap(), sqrt_up(Wad(x)).unwrap());
            prop_assert!(wide(down.0) * wide(down.0) <= target);
            prop_assert!(wide(down.0 + 1) * wide(down.0 + 1) > target);
            prop_assert_eq!(up.0 - down.0, i128::from(wide(down.0) * wide(down.0) != target));
        }
    }

    #[test]
    fn sqrt_edges_are_exactly_rounded() {
        assert_eq!(sqrt_down(Wad::ZERO), Ok(Wad::ZERO));
        assert_eq!(sqrt_up(Wad::ZERO), Ok(Wad::ZERO));
        assert_eq!(sqrt_down(Wad(1)), Ok(Wad(1_000_000_000)));
        assert_eq!(sqrt_up(Wad(4 * WHOLE)), Ok(Wad(2 * WHOLE)));
        assert_eq!(sqrt_down(Wad::MAX), Ok(Wad(13_043_817_825_332_782_212_349_571_806)));
    }

    /// Found by fuzzing: the remainder that gives the last digit has 127 bits here. Cut to 126, it left billions of steps.
    #[test]
    fn sqrt_largest_remainders_leave_few_steps() {
        for (x, root) in [
            (
                149_005_621_788_716_663_880_999_999_999_999_999_999,
                12_206_785_890_999_999_999_999_999_999,
            ),
            (
                126_202_205_939_023_368_324_000_000_000_000_000_000,
                11_233_975_518_000_000_000_000_000_000,
            ),
            (
                141_168_931_902_245_319_076_000_000_000_000_000_000,
                11_881_453_274_000_000_000_000_000_000,
            ),
            (
                160_558_860_525_040_185_796_000_000_000_000_000_000,
                12_671_182_286_000_000_000_000_000_000,
            ),
        ] {
            assert_eq!(sqrt_down(Wad(x)), Ok(Wad(root)));
        }
    }

    #[test]
    fn sqrt_negative_is_an_error() {
        for x in [-1, i128::MIN] {
            assert_eq!(sqrt_down(Wad(x)), Err(MathError::SqrtNegative(Wad(x))));
            assert_eq!(sqrt_up(Wad(x)), Err(MathError::SqrtNegative(Wad(x))));
        }
    }
}
