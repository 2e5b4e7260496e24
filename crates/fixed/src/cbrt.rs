//! Cube roots.

use crate::exp::scale;
use crate::limb::{divide_words, mul_high, normalise};
use crate::{MathError, Wad};

/// 2¹²³ / 1e18.
const Q62_FROM_SIGNIFICAND: u64 = 10_633_823_966_279_326_983;
/// The cube roots of 1, 2 and 4 in Q63.
const FACTOR: [u64; 3] = [1 << 63, 11_620_720_580_245_083_921, 14_641_190_473_997_345_814];

/// The cube root, rounded to nearest; that of −x is exactly the opposite. Never an error.
///
/// Error: at most 1.5 units of 1e-18 for results between −1 and 1, 2⁻⁶⁰ of the result outside. |x| = g·2ⁿ with g in
/// [1.15, 2.31) within 2⁻⁶¹; a polynomial of degree 5 gives y within 2⁻¹⁸·⁵ of g's root, in 20 bits, so that y³ and
/// ε = g/y³ − 1 are exact; the root is y·(1 + ε/3 − ε²/9 + 5ε³/81), less 10ε⁴/243 < 2⁻⁷⁰, within 3 units of 2⁻⁶²; the
/// factors ∛2ⁿ and 1e18 add 2 such units.
/// Monotone for arguments at least 2⁻⁴⁸ apart where the results are, as |x| ≤ 1000.
#[expect(clippy::missing_errors_doc, reason = "there is none")]
#[expect(
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "in range, as explained"
)]
pub fn cbrt(x: Wad) -> Result<Wad, MathError> {
    if x.0 == 0 {
        return Ok(x);
    }
    let (significand, exponent) = normalise(x.0.unsigned_abs());
    // |x| = g·2^(exponent + 3), g in Q62.
    let g = mul_high(significand, Q62_FROM_SIGNIFICAND);
    // Not negative: the exponent is at least −63.
    let thirds = exponent.wrapping_add(66) as u64;
    let (whole, rest) = (thirds / 3, thirds % 3);

    let v = (g >> 32) as i64;
    let seed = (2_804_108_i64.wrapping_mul(v) >> 30).wrapping_sub(30_794_393);
    let seed = (seed.wrapping_mul(v) >> 30).wrapping_add(144_501_751);
    let seed = (seed.wrapping_mul(v) >> 30).wrapping_sub(389_940_031);
    let seed = (seed.wrapping_mul(v) >> 30).wrapping_add(812_305_471);
    let seed = (seed.wrapping_mul(v) >> 30).wrapping_add(534_945_205);
    // Q20, at most 1.33.
    let y = (seed >> 10) as u64;
    let cube = y.wrapping_mul(y).wrapping_mul(y) << 2;

    // |ε| < 2⁻¹⁷ in Q64, its square and third power.
    let epsilon = divide_words(g.abs_diff(cube), cube) as i64;
    let square = (epsilon >> 16).wrapping_mul(epsilon >> 16) >> 32;
    let third = (square >> 16).wrapping_mul(epsilon >> 32) >> 16;
    let odd = epsilon / 3;
    let odd = odd.wrapping_add(third.wrapping_mul(5) / 81);
    let even = square / 9;
    let delta = if g < cube { odd.wrapping_neg() } else { odd }.wrapping_sub(even);
    // Q62, and 2 units for what is rounded down before and after.
    let root = (y << 42)
        .wrapping_add(((delta >> 3).wrapping_mul(y as i64) >> 19) as u64)
        .wrapping_add(2);

    let [one, two, four] = FACTOR;
    let factor = match rest {
        0 => one,
        1 => two,
        _ => four,
    };
    // In Q62 below 2.12, then times 4e18. 66 = 3·22 is taken off again, and `scale` divides by 8.
    let root = mul_high(mul_high(root << 1, factor), 16_000_000_000_000_000_000);
    let size = scale(root, (whole as i64).wrapping_sub(20));
    Ok(Wad(if x.0 < 0 { size.wrapping_neg() } else { size }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::WAD;

    #[test]
    fn cbrt_cubes_are_exact() {
        for (x, root) in [
            (0, 0),
            (1, 1_000_000_000_000),
            (WAD, WAD),
            (8 * WAD, 2 * WAD),
            (-27 * WAD, -3 * WAD),
        ] {
            assert_eq!(cbrt(Wad(x)), Ok(Wad(root)));
        }
    }

    proptest! {
        /// Every number has a root, which is odd and has its sign.
        #[test]
        fn cbrt_any_number_is_odd(x in any::<i128>(), shift in 0_u32..127) {
            let x = x >> shift;
            let root = cbrt(Wad(x)).unwrap();
            prop_assert_eq!(root.0.signum(), x.signum());
            if let Some(opposite) = x.checked_neg() {
                prop_assert_eq!(cbrt(Wad(opposite)), root.neg());
            }
        }

        /// A larger number never has a smaller root.
        #[test]
        fn cbrt_larger_argument_is_not_smaller(x in -1000 * WAD..1000 * WAD, step in 3_553_i128..1 << 62) {
            prop_assert!(cbrt(Wad(x)).unwrap() <= cbrt(Wad(x + step)).unwrap());
        }
    }
}
