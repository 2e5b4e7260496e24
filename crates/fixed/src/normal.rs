//! The standard normal distribution.

use crate::exp::exp_fraction;
use crate::limb::{divide_words, high, low, mul_high, mul_wide, scale_exact, scale_near, shift_right_nearest};
use crate::{MathError, Wad, ln, sqrt_down};

const ONE: u64 = 1_000_000_000_000_000_000;
/// ⌊2⁶⁴·ln 2⌋ and what it lacks, in units of 2⁻¹⁶.
const LN2: u64 = 12_786_308_645_202_655_659;
const LN2_REST: u64 = 51_683;

/// ⌊2³² / (2·ln 2)⌋.
const INVERSE_TWICE_LN2: u64 = 3_098_164_009;
/// √(2π)/8e36 · 2¹⁸⁵.
const TO_RATIO: u64 = 15_365_586_613_921_459_643;
// The seed of the quantile: a rational function of √(−2·ln p), in Q28.
const N0: i64 = -812_372_358;
const N1: i64 = -1_317_808_756;
const N2: i64 = 814_945_432;
const N3: i64 = 681_281_486;
const N4: i64 = 63_597_373;
const D1: i64 = 1_095_279_813;
const D2: i64 = 683_307_514;
const D3: i64 = 63_578_175;

/// φ(x) = e^(−x²/2)/√(2π), rounded to nearest. Never an error.
///
/// Error: at most 1.1 units of 1e-18. x² is exact, x²/2 in Q64 within 3 units, the exponential as in [`crate::exp`], the
/// factor within 1 unit of 2⁻⁶⁴, and half a unit by rounding.
/// Even; monotone on each side for arguments at least 2⁻⁴⁸ apart.
#[expect(clippy::missing_errors_doc, reason = "there is none")]
pub fn normal_pdf(x: Wad) -> Result<Wad, MathError> {
    /// From here on the general path would shift by 64; the density is 0.7 units.
    const LAST: u128 = 9_040_000_000_000_000_000;
    /// Where the density is half a unit.
    const END: u128 = 9_079_729_106_228_675_904;
    let t = x.0.unsigned_abs();
    if t >= LAST {
        return Ok(Wad(i128::from(t <= END)));
    }
    let (density, shift) = density(low(t));
    Ok(Wad(i128::from(shift_right_nearest(density, shift))))
}

/// Φ(x), the probability of a value up to x, rounded to nearest. Never an error: 0 below −9, 1 above 9.
///
/// Error: at most 1.5 units of 1e-18. Φ(−t) = φ(t)·M(t) with Mills' ratio M as a polynomial of degree 20 in t/(t + 5):
/// its error is below 2⁻⁶⁴·max(1, t), its rounding below 2⁻⁵⁹ where φ ≥ 0.05 and below 2⁻⁵⁸ elsewhere; the density is
/// that of [`normal_pdf`] before rounding. Φ(x) = 1 − Φ(−x) exactly.
/// Monotone for arguments at least 2⁻⁴⁸ apart. The variable t/(t + a) is Shepherd and Laframboise's (Chebyshev
/// approximation of (1 + 2x)·exp(x²)·erfc x, 1981); the polynomial is ours (`scripts/coefficients`).
pub fn normal_cdf(x: Wad) -> Result<Wad, MathError> {
    let t = x.0.unsigned_abs();
    let tail = if t >= 9 * u128::from(ONE) {
        0
    } else {
        let t = low(t);
        let (density, shift) = density(t);
        let mills = mills(divide_words(t, t.wrapping_add(5 * ONE)));
        // The density is below 1.3e19 and the ratio below 1.26.
        let product = mul_high(density, mills.cast_unsigned() << 1);
        shift_right_nearest(product, shift.wrapping_sub(1))
    };
    Ok(Wad(i128::from(if x.0 < 0 { tail } else { ONE.wrapping_sub(tail) })))
}

/// Φ⁻¹(p), the value that is exceeded with probability 1 − p; [`MathError::ProbabilityOutOfRange`] unless 0 < p < 1.
///
/// Error: at most 2 units of 1e-18 for results between −1 and 1, 2⁻⁵⁹ of the result outside; Φ of it is within 1 unit
/// of 1e-18 of p. With p ≤ ½, by symmetry: a rational function of √(−2·ln p) gives t within 2⁻¹⁷; with
/// u = M(t) − p/φ(t), the root of Φ(−t) = p is t + u + t·u²/2 + (2t² + 1)·u³/6, up to 170·u⁴ < 2⁻⁶⁰ (where t is 8.7). t
/// has 28 fractional bits, so that t² is exact; the error is that of u.
/// Odd around ½: Φ⁻¹(1 − p) = −Φ⁻¹(p) exactly. Monotone for arguments at least 2⁻⁴⁸ apart.
/// The series is the inverse's Taylor series (Abramowitz and Stegun 26.2.49 for the normal distribution).
#[expect(
    clippy::many_single_char_names,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "in range, as explained"
)]
pub fn normal_icdf(p: Wad) -> Result<Wad, MathError> {
    let one = i128::from(ONE);
    if p.0 <= 0 || p.0 >= one {
        return Err(MathError::ProbabilityOutOfRange(p));
    }
    let upper = p.0 > one >> 1;
    let p = if upper { one.wrapping_sub(p.0) } else { p.0 };

    let t = quantile_seed(p)?;
    let square = t.wrapping_mul(t);
    // e^(t²/2) = e^r·2^k, with k too small by at most 2⁻²⁴.
    let k = (square >> 32).wrapping_mul(INVERSE_TWICE_LN2) >> 56;
    let r = (square << 7)
        .wrapping_sub(k.wrapping_mul(LN2))
        .wrapping_sub(k.wrapping_mul(LN2_REST) >> 16);
    // p/φ(t) in Q62. It is near Mills' ratio, between 0.11 and 1.26, so the shift is not negative.
    let zeros = (p as u64).leading_zeros();
    let product = mul_high(mul_high((p as u64).wrapping_shl(zeros), exp_fraction(r)), TO_RATIO);
    let ratio = product.wrapping_shr(zeros.wrapping_sub(5).wrapping_sub(k as u32));
    let u = mills(divide_words(t, t.wrapping_add(5 << 28))).wrapping_sub(ratio.cast_signed());

    // |u| < 2⁻¹⁷ in Q62; u² in Q62, u³ in Q80.
    let t_signed = t.cast_signed();
    let u2 = (u >> 16).wrapping_mul(u >> 16) >> 30;
    let u3 = (u2 >> 14).wrapping_mul(u >> 30);
    let second = u2.wrapping_mul(t_signed) >> 29;
    // (2t² + 1)/6 in Q8.
    let third_factor = ((square >> 47).wrapping_add(1 << 8) / 6).cast_signed();
    let third = u3.wrapping_mul(third_factor) >> 26;
    let step = u.wrapping_add(second).wrapping_add(third);

    // t in units of 1e-18 with 64 fractional bits; the step in 1/64 of a unit.
    let start = mul_wide(t << 32, 16 * ONE);
    let size = mul_high(step.unsigned_abs() << 4, 16 * ONE).cast_signed();
    let signed = if step < 0 { size.wrapping_neg() } else { size };
    let units = (low(start) >> 58).cast_signed().wrapping_add(signed).wrapping_add(32) >> 6;
    let t = high(start).cast_signed().wrapping_add(units);
    Ok(Wad(i128::from(if upper { t } else { t.wrapping_neg() })))
}

/// −Φ⁻¹(p) for 0 < p ≤ ½ as Q28, within 2⁻¹⁷: below 9, not below 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
fn quantile_seed(p: i128) -> Result<u64, MathError> {
    let logarithm = ln(Wad(p))?.0;
    let r = sqrt_down(Wad(logarithm.wrapping_mul(-2)))?.0 as u64;
    // Q20, below 9.11; the partial sums are below 420 in Q28, the last one below 3,900.
    let r = mul_high(r, 19_342_813).cast_signed();
    let numerator = (N4.wrapping_mul(r) >> 20).wrapping_add(N3);
    let numerator = (numerator.wrapping_mul(r) >> 20).wrapping_add(N2);
    let numerator = (numerator.wrapping_mul(r) >> 20).wrapping_add(N1);
    let numerator = (numerator.wrapping_mul(r) >> 20).wrapping_add(N0);
    let denominator = (D3.wrapping_mul(r) >> 20).wrapping_add(D2);
    let denominator = (denominator.wrapping_mul(r) >> 20).wrapping_add(D1);
    let denominator = (denominator.wrapping_mul(r) >> 20).wrapping_add(1 << 28);
    let positive = numerator.max(0) as u64;
    // Odd: not zero.
    Ok((positive << 22) / ((denominator as u64 >> 6) | 1))
}
/// 2/√(2π) · 2⁶⁴.
const TWICE_DENSITY: u64 = 14_718_372_293_494_604_904;

/// φ(t)·1e18 as (number, shift): number / 2^shift, for t < 9.04 in units of 1e-18. 5 ≤ shift ≤ 63.
#[expect(clippy::many_single_char_names, reason = "the names of the formula")]
fn density(t: u64) -> (u64, u32) {
    // t²/2 in Q64, modulo 2⁶⁴: the square over 2e36 is its halves times 2¹²⁸/2e36 = 170.14….
    let square = mul_wide(t, t);
    let (h, l) = (high(square), low(square));
    let w = h
        .wrapping_mul(170)
        .wrapping_add(mul_high(h, 2_604_375_162_716_607_197))
        .wrapping_add(mul_high(l, 170));
    // e^(−w) = e^r·2^(−k): above w/ln 2, by at most 1 + 2⁻²², so that r is positive.
    let k = ((h >> 32)
        .wrapping_add(1)
        .wrapping_mul(4_118_166_337)
        .wrapping_add(1 << 30)
        >> 56)
        .wrapping_add(1);
    let r = k
        .wrapping_mul(LN2)
        .wrapping_add(k.wrapping_mul(LN2_REST) >> 16)
        .wrapping_sub(w);
    (mul_high(exp_fraction(r), TWICE_DENSITY), (k as u32).wrapping_add(4))
}

/// Mills' ratio (1 − Φ(t))/φ(t) in Q62, for t/(t + 5) in Q64 and t ≤ 9.
///
/// Signed Horner scheme in Q59, where every partial sum is within ±16; the last two products are exact, and go to Q60
/// and Q62.
const fn mills(u: u64) -> i64 {
    let sum = -978_323_391_264_885;
    let sum = scale_near(u, sum).wrapping_add(3_208_190_756_809_891);
    let sum = scale_near(u, sum).wrapping_add(-56_334_434_114_514);
    let sum = scale_near(u, sum).wrapping_add(-11_901_934_100_733_853);
    let sum = scale_near(u, sum).wrapping_add(15_680_740_963_799_435);
    let sum = scale_near(u, sum).wrapping_add(-7_159_676_939_810_737);
    let sum = scale_near(u, sum).wrapping_add(16_472_920_172_346_720);
    let sum = scale_near(u, sum).wrapping_add(-22_104_145_546_126_553);
    let sum = scale_near(u, sum).wrapping_add(-31_871_675_642_814_324);
    let sum = scale_near(u, sum).wrapping_add(35_261_923_531_628_465);
    let sum = scale_near(u, sum).wrapping_add(127_658_373_886_199_696);
    let sum = scale_near(u, sum).wrapping_add(-105_313_712_035_996_368);
    let sum = scale_near(u, sum).wrapping_add(-455_394_600_678_939_008);
    let sum = scale_near(u, sum).wrapping_add(653_392_215_986_630_385);
    let sum = scale_near(u, sum).wrapping_add(1_228_053_055_292_055_542);
    let sum = scale_near(u, sum).wrapping_add(-5_192_158_106_305_483_273);
    let sum = scale_near(u, sum).wrapping_add(8_597_593_411_109_447_806);
    let sum = scale_near(u, sum).wrapping_add(-8_839_341_512_425_109_492);
    let sum = scale_near(u, sum).wrapping_add(6_148_776_369_350_507_298);
    let sum = scale_exact(u, sum, 1).wrapping_add(-5_764_607_523_034_234_932);
    scale_exact(u, sum, 2).wrapping_add(5_779_891_283_755_275_866)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: i128 = ONE as i128;

    fn cdf(x: i128) -> i128 {
        normal_cdf(Wad(x)).unwrap().0
    }

    fn pdf(x: i128) -> i128 {
        normal_pdf(Wad(x)).unwrap().0
    }

    fn icdf(p: i128) -> i128 {
        normal_icdf(Wad(p)).unwrap().0
    }

    #[test]
    fn normal_pdf_far_out_is_a_unit_and_then_none() {
        // 0.65 units at 9.05, 0.42 at 9.1.
        for (x, units) in [(9_050, 1), (9_100, 0), (100_000, 0)] {
            assert_eq!(normal_pdf(Wad(x * WHOLE / 1_000)), Ok(Wad(units)), "{x}");
        }
        assert_eq!(normal_pdf(Wad(i128::MIN)), Ok(Wad::ZERO));
    }

    #[test]
    fn normal_centre_is_exact() {
        assert_eq!(cdf(0), WHOLE / 2);
        assert_eq!(pdf(0), 398_942_280_401_432_678);
        assert_eq!(icdf(WHOLE / 2), 0);
    }

    #[test]
    fn normal_extremes_have_results() {
        for x in [i128::MIN, i128::MIN + 1, -9 * WHOLE] {
            assert_eq!((cdf(x), pdf(x)), (0, i128::from(x == -9 * WHOLE)));
        }
        assert_eq!((cdf(i128::MAX), pdf(i128::MAX)), (WHOLE, 0));
        assert_eq!(icdf(1), -icdf(WHOLE - 1));
    }

    #[test]
    fn normal_icdf_outside_zero_to_one_is_an_error() {
        for p in [i128::MIN, -1, 0, WHOLE, WHOLE + 1, i128::MAX] {
            assert_eq!(normal_icdf(Wad(p)), Err(MathError::ProbabilityOutOfRange(Wad(p))));
        }
    }

    /// Arguments where the functions vary, and any others.
    fn any_argument() -> impl Strategy<Value = i128> {
        prop_oneof![4 => -10 * WHOLE..10 * WHOLE, 1 => any::<i128>()]
    }

    /// Probabilities in the middle and in both tails.
    fn any_probability() -> impl Strategy<Value = i128> {
        let tail = (1..WHOLE / 2, 0_u32..59).prop_map(|(p, shift)| (p >> shift).max(1));
        prop_oneof![1..WHOLE, tail.clone(), tail.prop_map(|p| WHOLE - p)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Φ(−x) = 1 − Φ(x) and φ(−x) = φ(x), exactly.
        #[test]
        fn normal_any_argument_is_symmetric(x in any_argument()) {
            prop_assume!(x != i128::MIN);
            prop_assert_eq!(cdf(x) + cdf(-x), WHOLE);
            prop_assert_eq!(pdf(x), pdf(-x));
            prop_assert!((0..=WHOLE).contains(&cdf(x)));
        }

        /// Φ does not fall, and φ falls away from 0.
        #[test]
        fn normal_larger_argument_is_ordered(x in -10 * WHOLE..10 * WHOLE, step in 3_553_i128..1 << 61) {
            prop_assert!(cdf(x) <= cdf(x + step));
            prop_assert!(pdf(x.abs()) >= pdf(x.abs() + step));
        }

        /// Φ is convex below 0, within the errors of three values.
        #[test]
        fn normal_cdf_below_zero_is_convex(x in -9 * WHOLE..0, step in 1 << 40..1_i128 << 60) {
            let (a, b) = (x - step, (x + step).min(0));
            let middle = a.midpoint(b);
            prop_assert!(2 * cdf(middle) <= cdf(a) + cdf(b) + 8);
        }

        /// Φ of the quantile is the probability; quantiles are odd around ½ and ordered.
        #[test]
        fn normal_icdf_any_probability_inverts(p in any_probability(), step in 3_553_i128..1 << 58) {
            prop_assert!(cdf(icdf(p)).abs_diff(p) <= 4);
            prop_assert_eq!(icdf(p), -icdf(WHOLE - p));
            prop_assert!(p + step >= WHOLE || icdf(p) <= icdf(p + step));
        }
    }
}
