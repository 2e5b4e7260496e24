//! The parts of the formula, each in the cheapest width that its error allows.
//!
//! `Qn` is a number times 2ⁿ in an `i64`. Errors are absolute unless they say otherwise.
#![expect(
    clippy::inline_always,
    clippy::many_single_char_names,
    reason = "a call costs as much as ten multiplications; the letters are those of the formulas"
)]

use crate::tables::{
    ATANH_1, ATANH_2, ATANH_3, ATANH_4, ATANH_5, ATANH_6, EXP_2, EXP_3, EXP_4, EXP_5, EXP32_2, EXP32_3, EXP32_4,
    LN2_Q57, RSQRT_0, RSQRT_1, RSQRT_2, RSQRT_3, RSQRT_4, STEP_Q46, STEP_Q56, STEPS_Q21,
};

const LOW: i64 = 0xffff_ffff;

/// ⌊a·b / 2⁶⁴⌋, 0 to 3 too small: the lowest of the four partial products is dropped.
#[inline(always)]
pub(crate) const fn mul_high(a: i64, b: i64) -> i64 {
    let (ah, al, bh, bl) = (a >> 32, a & LOW, b >> 32, b & LOW);
    // al·bh and ah·bl lie within ±2⁶³ because one factor is below 2³² and the other within ±2³¹.
    ah * bh + ((ah * bl) >> 32) + ((al * bh) >> 32)
}

/// ⌊a² / 2⁶⁴⌋, 0 to 3 too small. |a| < 2⁶².
#[inline(always)]
pub(crate) const fn square_high(a: i64) -> i64 {
    let (ah, al) = (a >> 32, a & LOW);
    ah * ah + ((ah * al) >> 31)
}

/// Leading zeros of a positive number.
#[inline(always)]
pub(crate) const fn zeros(x: i64) -> i64 {
    x.leading_zeros() as i64
}

/// `x >> n` for n ≥ 0 of any size; `sign` as for [`min`].
#[inline(always)]
pub(crate) const fn shift_down(x: i64, n: i64, sign: i64) -> i64 {
    x >> ((n | ((63 - n) >> sign)) & 63)
}

/// The smaller of two numbers whose difference fits; `sign` is 63.
///
/// A constant there would let the compiler see a minimum and write a comparison and a `select`, which cost three times
/// this.
#[inline(always)]
pub(crate) const fn min(a: i64, b: i64, sign: i64) -> i64 {
    let d = a - b;
    b + (d & (d >> sign))
}

/// The larger of `a` and 0; `sign` as for [`min`].
#[inline(always)]
pub(crate) const fn positive(a: i64, sign: i64) -> i64 {
    a - (a & (a >> sign))
}

/// √(x·2⁻⁶⁰) = `root`·2^−(60 + `half`).
pub(crate) struct Root {
    /// In [2⁶¹, 2⁶²] but for its relative error of 2⁻⁵⁰.
    pub(crate) root: i64,
    /// Half of the even shift that normalised the argument.
    pub(crate) half: i64,
}

/// √(x·2⁻⁶⁰) for 0 < x < 2⁶³.
///
/// 1/√ on [1, 4) by a polynomial (relative error 2.1e-3), once refined with third order, y·(1 + e/2 + 3e²/8) with
/// e = 1 − m·y², to (5/16)·(2·2.1e-3)³ = 2.3e-8; then √m = s + (m − s²)·y/2 with s = m·y in 32 bits, whose remainder is
/// exact. What is left is 1.5·(2.3e-8)² = 2⁻⁵⁰.
#[inline(always)]
#[expect(
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "32-bit numbers in 64-bit words"
)]
pub(crate) const fn root(x: i64) -> Root {
    let shift = zeros(x) & 0x3e;
    let m = (x as u64) << shift;
    let top = (m >> 32) as i64;
    let y = RSQRT_3 + ((RSQRT_4 * top) >> 30);
    let y = RSQRT_2 + ((y * top) >> 30);
    let y = RSQRT_1 + ((y * top) >> 30);
    let y = RSQRT_0 + ((y * top) >> 30);
    let e = (1 << 61) - ((y * y) >> 31) * top;
    let e = e >> 31;
    let y = y + ((y * ((e >> 1) + ((e * e * 3) >> 33))) >> 30);
    let s = ((top * y) >> 30) as u64;
    let rest = m.wrapping_sub(s.wrapping_mul(s)) as i64;
    Root {
        root: ((s << 30) as i64) + (((rest >> 8) * y) >> 25),
        half: shift >> 1,
    }
}

/// 2¹²²/x for 2⁶⁰ ≤ x < 2⁶², relative error 2⁻⁵⁶.
///
/// A 32-bit quotient, and one Newton step with the exact remainder.
#[inline(always)]
pub(crate) const fn reciprocal(x: i64) -> i64 {
    let r = (1 << 61) / ((x >> 31) | 1);
    let e = 0_i64.wrapping_sub((x >> 2).wrapping_mul(r)) >> 32;
    (r << 30) + ((r * e) >> 28)
}

/// ln(a / b), Q57, for 0 < a, b < 2⁵². Error 2⁻⁵⁵ + 2⁻⁴⁷·|ln(a/b)|.
///
/// n·ln 2 + 2·atanh(z), z = (a' − b')/(a' + b'), where a' and b' are scaled by powers of two until their quotient is
/// within [0.70, 1.42]: |z| ≤ 0.172. z to 2⁻⁵⁷ from a 32-bit reciprocal and the exact remainder.
#[inline(always)]
pub(crate) const fn log_ratio(a: i64, b: i64) -> i64 {
    let (za, zb) = (zeros(a), zeros(b));
    let a = (a << za).cast_unsigned() >> 2;
    let b = (b << zb).cast_unsigned() >> 2;
    let (a, b) = (a.cast_signed(), b.cast_signed());
    // 181/128 is √2 to 1e-4.
    let above = ((b >> 32) * 181 - (a >> 32) * 128) >> 63;
    let below = ((a >> 32) * 181 - (b >> 32) * 128) >> 63;
    let n = zb - za - above + below;
    let a = a - ((a >> 1) & above);
    let b = b - ((b >> 1) & below);
    let (difference, sum) = (a - b, a + b);
    let r = ((1 << 62) - 1) / ((sum >> 31) | 1);
    let z = ((difference >> 30) * r) >> 32;
    // Exact: a and b are multiples of 2⁹.
    let rest = ((difference >> 4) << 31).wrapping_sub(z.wrapping_mul(sum >> 4));
    let z = (z << 31) + (((rest >> 30) * r) >> 28);
    let y = square_high(z);
    let short = y >> 23;
    let p = ATANH_5 + ((ATANH_6 * short) >> 37);
    let p = ATANH_4 + ((p * short) >> 37);
    let p = ATANH_3 + ((p * short) >> 37);
    let p = ATANH_2 + ((p * short) >> 10);
    let p = ATANH_1 + (mul_high(p, y) << 5);
    let p = (1 << 62) + (mul_high(p, y) << 5);
    (mul_high(z, p) >> 2) + n * LN2_Q57
}

/// e^(x·2⁻⁵⁶), Q57, for |x| ≤ 3·2⁵⁶. Relative error 2⁻⁴⁸.
///
/// x = n·ln 2/32 + u with 0 ≤ u < 0.0217; 2^(n/32) from the table, e^u by a polynomial of degree 5.
#[inline(always)]
pub(crate) fn exp_q57(powers: &[i64; 32], x: i64) -> i64 {
    let n = ((x >> 24) * STEPS_Q21) >> 53;
    let u = x - n * STEP_Q56;
    let short = (u + (1 << 18)) >> 19;
    let p = EXP_4 + ((EXP_5 * short) >> 37);
    let p = EXP_3 + ((p * short) >> 37);
    let p = EXP_2 + ((p * short) >> 10);
    // u + u²·p, Q56.
    let t = u + (mul_high(u << 8, mul_high(u << 8, p) << 3) >> 8);
    let power = power(powers, n);
    (power + (mul_high(power, t) << 8)) >> (4 - (n >> 5))
}

/// e^x for an x in Q46 as m·2^(n − 61): relative error 2⁻³⁶ for −40 ≤ x ≤ 3, 2⁻³⁹ above −4. m is in [2⁶¹, 2⁶²], for smaller x too.
#[inline(always)]
pub(crate) fn exp_short(powers: &[i64; 32], x: i64) -> (i64, i64) {
    let n = ((x >> 22) * STEPS_Q21) >> 45;
    let u = x - n * STEP_Q46;
    let short = u >> 10;
    let p = EXP32_3 + ((EXP32_4 * short) >> 36);
    let p = EXP32_2 + ((p * short) >> 36);
    let t = u + ((((short * p) >> 32) * short) >> 26);
    let power = power(powers, n);
    (power + mul_high(power, t << 18), n >> 5)
}

#[inline(always)]
#[expect(clippy::cast_sign_loss, reason = "five bits")]
fn power(powers: &[i64; 32], n: i64) -> i64 {
    powers[(n & 31) as usize]
}

/// N(x) − ½ for |x| = `a`, Q64, `a` in Q55 and ≥ 0; `sign` as for [`min`]. Error 3e-15; beyond 8 it is that of 8,
/// 7e-16 below ½.
///
/// On each sixteenth a polynomial of degree 6 around its middle (5.4e-16), with the steps from the 6th to the 2nd
/// coefficient in 32-bit products. Its coefficients in four words: the constant in Q64, whose low 14 bits are the 6th in
/// Q20 (so 2⁻⁵¹ is lost); the 1st in Q62, whose low 18 bits are the 5th in Q23 (2⁻⁴⁵/32 = 2⁻⁵⁰); the 2nd in Q62; the 3rd
/// in Q34 above the 4th in Q35. What rounding takes from the higher ones the lower ones make up for. The argument of the
/// 2nd step is rounded by 2⁻³⁷, times 0.067/32²; the 3rd coefficient's sum by 2⁻³⁶, times (1/32)³.
#[inline(always)]
#[expect(clippy::cast_sign_loss, reason = "nine bits")]
pub(crate) fn normal(table: &[i64; 512], a: i64, sign: i64) -> i64 {
    let a = min(a, (8 << 55) - 1, sign);
    let index = ((a >> 51) as usize & 127) * 4;
    let (w0, w1, w2, w3) = (table[index], table[index + 1], table[index + 2], table[index + 3]);
    let f = (a & ((1 << 51) - 1)) - (1 << 50);
    let short = (f + (1 << 18)) >> 19;
    let p = (w1 << 46 >> 46 << 13) + (((w0 << 50 >> 50) * short) >> 20);
    let p = (w3 << 32 >> 32) + ((p * short) >> 37);
    let p = (w3 >> 32 << 1) + ((p * short + (1 << 35)) >> 36);
    let p = w2 + ((p * short) >> 9);
    let p = w1 + (mul_high(p, f << 12) >> 3);
    w0 + (mul_high(p, f << 12) >> 1)
}

/// N(x) − ½, Q31, x in Q35. Error 1e-9. `sign` as for [`min`].
///
/// The terms of [`normal`] up to the 4th, in 32-bit products.
#[inline(always)]
#[expect(clippy::cast_sign_loss, reason = "nine bits")]
pub(crate) fn normal_short(table: &[i64; 512], x: i64, sign: i64) -> i64 {
    let negative = x >> 63;
    let a = min((x ^ negative) - negative, (8 << 35) - 1, sign);
    let index = ((a >> 31) as usize & 127) * 4;
    let (w0, w1, w2, w3) = (table[index], table[index + 1], table[index + 2], table[index + 3]);
    let f = (a & ((1 << 31) - 1)) - (1 << 30);
    let p = (w3 >> 32) + (((w3 << 32 >> 32) * f) >> 36);
    let p = (w2 >> 28) + ((p * f) >> 35);
    let p = (w1 >> 29) + ((p * f) >> 36);
    let p = (w0 >> 33) + ((p * f) >> 37);
    (p ^ negative) - negative
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "doubles are the reference")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Pricer;

    const Q52: f64 = 1.0 / (1_u64 << 52) as f64;

    fn scaled(x: i64, bits: i32) -> f64 {
        x as f64 / 2.0_f64.powi(bits)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        /// Never above the exact high product, and at most 3 below.
        #[test]
        fn mul_high_any_product_is_at_most_three_below(a in any::<i64>(), b in any::<i64>()) {
            let exact = ((i128::from(a) * i128::from(b)) >> 64) as i64;
            prop_assert!((0..=3).contains(&(exact - mul_high(a, b))));
            let (a, exact) = (a >> 2, ((i128::from(a >> 2) * i128::from(a >> 2)) >> 64) as i64);
            prop_assert!((0..=3).contains(&(exact - square_high(a))));
        }

        /// 2⁻⁵⁰ of itself, and what doubles add.
        #[test]
        fn root_any_argument_is_within_the_bound(x in 1..=i64::MAX, shift in 0..62_u32) {
            let x = (x >> shift).max(1);
            let Root { root, half } = root(x);
            prop_assert!(((1 << 61) - (1 << 12)..=1 << 62).contains(&root), "{root}");
            let expected = scaled(x, 60).sqrt();
            let got = scaled(root, 60) * 2.0_f64.powi(-i32::try_from(half).unwrap());
            prop_assert!((got - expected).abs() <= 6.0 * Q52 * expected, "{got} {expected}");
        }

        /// 2⁻⁵⁵ of itself, exactly.
        #[test]
        fn reciprocal_any_argument_is_within_the_bound(x in 1_i64 << 60..1 << 62) {
            let error = i128::from(reciprocal(x)) * i128::from(x) - (1 << 122);
            prop_assert!(error.abs() <= 1 << 67, "{error}");
        }

        /// 2⁻⁵⁵ + 2⁻⁴⁷ of itself, and what doubles add; antisymmetric within the same.
        #[test]
        fn log_ratio_any_arguments_is_within_the_bound(a in 1_i64..1 << 52, shift in 0..52_u32, near in any::<bool>(), step in -4096..4096_i64) {
            let b = if near { (a + step).clamp(1, (1 << 52) - 1) } else { (a >> shift).max(1) };
            let got = scaled(log_ratio(a, b), 57);
            let exact = if a > b { ((a - b) as f64 / b as f64).ln_1p() } else { -((b - a) as f64 / a as f64).ln_1p() };
            prop_assert!((got - exact).abs() <= Q52 / 4.0 + 33.0 * Q52 * exact.abs(), "{got} {exact}");
        }

        /// 2⁻⁴⁸ of itself, doubles included; the short one 2⁻³⁶.
        #[test]
        fn exp_any_argument_is_within_the_bound(x in -(3_i64 << 56)..=3 << 56, low in 0..40_i64) {
            let pricer = Pricer::new();
            let exact = scaled(x, 56).exp();
            prop_assert!((scaled(exp_q57(&pricer.powers, x), 57) / exact - 1.0).abs() < 16.0 * Q52);
            let x = (x >> 10) - (low << 46);
            let (mantissa, n) = exp_short(&pricer.powers, x);
            let got = scaled(mantissa, 61) * 2.0_f64.powi(i32::try_from(n).unwrap());
            prop_assert!((got / scaled(x, 46).exp() - 1.0).abs() < 1.5e-11);
        }

        /// The normal distribution rises, and its short form is within its bound of it.
        #[test]
        fn normal_is_monotone_and_short_agrees(a in 0_i64..9 << 55, step in 1_i64 << 7..1 << 50) {
            let pricer = Pricer::new();
            let (first, second) = (normal(&pricer.normal, a, 63), normal(&pricer.normal, a + step, 63));
            // Two errors of 3e-15, Q64.
            prop_assert!(second >= first - (1 << 17));
            prop_assert!(first >= -(1 << 16));
            for (x, sign) in [(a, 1.0), (-a, -1.0)] {
                let short = scaled(normal_short(&pricer.normal, x >> 20, 63), 31);
                prop_assert!((short * sign - scaled(first, 64)).abs() < 2e-9);
            }
        }
    }

    #[test]
    fn normal_neighbouring_polynomials_meet() {
        let pricer = Pricer::new();
        for k in 1..128_i64 {
            let edge = k << 51;
            let jump = normal(&pricer.normal, edge, 63) - normal(&pricer.normal, edge - 1, 63);
            // Two errors of 3e-15, Q64.
            assert!(jump.abs() <= 1 << 17, "{k}: {jump}");
        }
        assert!(normal(&pricer.normal, 0, 63).abs() <= 1 << 16);
    }
}
