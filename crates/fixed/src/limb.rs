//! Fractions in single 64-bit words, the width that wasm computes in.
//!
//! wasm has no instruction for the high half of a product, and 128-bit multiplications and divisions are calls of
//! compiler builtins that cost many times as much as what is below. All of it wraps where it overflows: callers state
//! why it does not. "Q64" is a fraction in units of 2⁻⁶⁴, and so on.

const LOW: u64 = 0xffff_ffff;

/// `⌊a · b / 2⁶⁴⌋`.
#[inline]
pub(crate) const fn mul_high(a: u64, b: u64) -> u64 {
    let (a0, a1, b0, b1) = (a & LOW, a >> 32, b & LOW, b >> 32);
    // Each sum is at most (2³² − 1)² + 2·(2³² − 1) = 2⁶⁴ − 1.
    let middle = (a1.wrapping_mul(b0)).wrapping_add(a0.wrapping_mul(b0) >> 32);
    let other = (a0.wrapping_mul(b1)).wrapping_add(middle & LOW);
    a1.wrapping_mul(b1).wrapping_add(middle >> 32).wrapping_add(other >> 32)
}

/// `a · b / 2⁶⁴` rounded down, less at most 2: drops the lowest partial product and rounds the middle ones apart.
#[inline]
pub(crate) const fn mul_near(a: u64, b: u64) -> u64 {
    let (a0, a1, b0, b1) = (a & LOW, a >> 32, b & LOW, b >> 32);
    a1.wrapping_mul(b1)
        .wrapping_add(a1.wrapping_mul(b0) >> 32)
        .wrapping_add(a0.wrapping_mul(b1) >> 32)
}

/// The 128-bit product of two words.
#[inline]
pub(crate) const fn mul_wide(a: u64, b: u64) -> u128 {
    join(mul_high(a, b), a.wrapping_mul(b))
}

/// The number with these halves.
#[inline]
pub(crate) const fn join(high: u64, low: u64) -> u128 {
    ((high as u128) << 64) | low as u128
}

/// The lower half.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
pub(crate) const fn low(x: u128) -> u64 {
    x as u64
}

/// The upper half.
#[inline]
pub(crate) const fn high(x: u128) -> u64 {
    low(x >> 64)
}

/// `x`, positive, as a word with its top bit set times 2^exponent, rounded down.
#[inline]
pub(crate) const fn normalise(x: u128) -> (u64, i64) {
    let (h, l) = (high(x), low(x));
    if h == 0 {
        let zeros = l.leading_zeros();
        (l.wrapping_shl(zeros), -(zeros as i64))
    } else {
        let zeros = h.leading_zeros();
        // In two shifts, so that none is by 64.
        let from_low = (l >> 1).wrapping_shr(63_u32.wrapping_sub(zeros));
        (h.wrapping_shl(zeros) | from_low, 64_i64.wrapping_sub(zeros as i64))
    }
}

/// A word times 2^`shift`, 1 ≤ shift ≤ 64.
#[inline]
pub(crate) const fn shift_left(x: u64, shift: u32) -> u128 {
    let t = shift.wrapping_sub(1);
    join(
        x.wrapping_shr(63_u32.wrapping_sub(t)),
        x.wrapping_shl(t).wrapping_shl(1),
    )
}

/// A word over 2^`shift`, 0 ≤ shift ≤ 63, rounded to nearest.
#[inline]
pub(crate) const fn shift_right_nearest(x: u64, shift: u32) -> u64 {
    let half = 1_u64.wrapping_shl(shift) >> 1;
    x.wrapping_shr(shift).wrapping_add((x & half != 0) as u64)
}

/// `numerator / denominator` in Q64 for a quotient below 0.22 and a denominator in [2^62.5, 2⁶³): within 3 units.
///
/// Two digits of 32 bits. d = ⌊denominator/2³²⌋ + 1 is too large by at most 2³² of 2^62.5, so each digit is too small:
/// the first by less than 1 + 0.22·2^1.5 = 1.63, which leaves a remainder below 1.63·2⁶³ < 2⁶⁴; the second by less than
/// 1 + 1.63·2^1.5 = 5.6. Adding 3 centres that.
#[inline]
pub(crate) const fn divide_fraction(numerator: u64, denominator: u64) -> u64 {
    let d = (denominator >> 32).wrapping_add(1);
    let first = numerator / d;
    let remainder = (numerator << 32).wrapping_sub(first.wrapping_mul(denominator));
    (first << 32).wrapping_add(remainder / d).wrapping_add(3)
}

/// Horner's scheme on unsigned words: `horner!(x; c_n, s_n c_{n−1}, …, s_1 c_0)`, x in Q64.
///
/// Each step multiplies by x, shifts right by its s to the next coefficient's scale, and adds the coefficient. A step
/// loses at most 3 units (2 by the product, 1 by the shift).
macro_rules! horner {
    ($x:expr; $first:literal $(, $shift:literal $coefficient:literal)*) => {{
        let x: u64 = $x;
        let sum: u64 = $first;
        $(let sum = ($crate::limb::mul_near(x, sum) >> $shift).wrapping_add($coefficient);)*
        sum
    }};
}
pub(crate) use horner;

/// `⌊2⁶⁴ · numerator / denominator⌋` for numerator < denominator.
///
/// Knuth's algorithm D (The Art of Computer Programming, vol. 2, 4.3.1) for two digits of 32 bits.
#[inline]
pub(crate) const fn divide_words(numerator: u64, denominator: u64) -> u64 {
    let zeros = denominator.leading_zeros();
    let denominator = denominator.wrapping_shl(zeros);
    let (first, rest) = divide_digit(numerator.wrapping_shl(zeros), denominator);
    let (second, _) = divide_digit(rest, denominator);
    (first << 32) | second
}

/// One digit and the remainder of `2³² · remainder / denominator`, with the denominator's top bit set.
#[inline]
const fn divide_digit(remainder: u64, denominator: u64) -> (u64, u64) {
    divide_next_digit(remainder, 0, denominator)
}

/// One digit and the remainder of `(2³² · remainder + next) / denominator`, for a remainder below the denominator, whose
/// top bit is set, and a digit `next` of 32 bits.
#[inline]
const fn divide_next_digit(remainder: u64, next: u64, denominator: u64) -> (u64, u64) {
    let (d0, d1) = (denominator & LOW, denominator >> 32);
    // The top bit is set already. Setting it tells the compiler that the divisor is not zero.
    let mut digit = remainder / (d1 | (1 << 31));
    let mut rest = remainder.wrapping_sub(digit.wrapping_mul(d1));
    // Too large by at most 2.
    while digit > LOW || digit.wrapping_mul(d0) > (rest << 32) | next {
        digit = digit.wrapping_sub(1);
        rest = rest.wrapping_add(d1);
        if rest > LOW {
            break;
        }
    }
    let rest = ((remainder << 32) | next).wrapping_sub(digit.wrapping_mul(denominator));
    (digit, rest)
}

/// `fraction · a / 2⁶⁴` for a fraction in Q64 and a signed number, less at most 3.
#[inline]
#[expect(
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "split into a signed and an unsigned half"
)]
pub(crate) const fn scale_near(fraction: u64, a: i64) -> i64 {
    let (f0, f1, a0, a1) = (fraction & LOW, fraction >> 32, a as u64 & LOW, a >> 32);
    (f1 as i64)
        .wrapping_mul(a1)
        .wrapping_add((f1.wrapping_mul(a0) >> 32) as i64)
        .wrapping_add((f0 as i64).wrapping_mul(a1) >> 32)
}

/// `⌊fraction · a · 2^(extra − 64)⌋` for a fraction in Q64, a signed number, and 1 ≤ extra ≤ 63.
#[inline]
#[expect(clippy::cast_sign_loss, clippy::cast_possible_wrap, reason = "modulo 2⁶⁴")]
pub(crate) const fn scale_exact(fraction: u64, a: i64, extra: u32) -> i64 {
    let correction = if a < 0 { fraction } else { 0 };
    let high = mul_high(fraction, a as u64).wrapping_sub(correction);
    let low = fraction.wrapping_mul(a as u64);
    (high.wrapping_shl(extra) | low.wrapping_shr(64_u32.wrapping_sub(extra))) as i64
}

/// `⌊a · b / 2¹²⁸⌋`.
#[inline]
pub(crate) const fn mul_high_128(a: u128, b: u128) -> u128 {
    let (a0, a1, b0, b1) = (low(a), high(a), low(b), high(b));
    // Each sum is below 2¹²⁸, as in `mul_high`.
    let middle = mul_wide(a1, b0).wrapping_add(mul_high(a0, b0) as u128);
    let other = mul_wide(a0, b1).wrapping_add(low(middle) as u128);
    mul_wide(a1, b1)
        .wrapping_add(high(middle) as u128)
        .wrapping_add(high(other) as u128)
}

/// `⌊a · b / denominator⌋` and whether a remainder was left; `None` for a quotient of 2¹²⁸ or more, or a zero denominator.
///
/// Knuth's algorithm D as in [`divide_words`], for two digits of 64 bits, whose own divisions run on digits of 32 bits.
#[inline(never)] // one copy of the kernel per program
pub(crate) const fn mul_div_128(a: u128, b: u128, denominator: u128) -> Option<(u128, bool)> {
    let (upper, lower) = (mul_high_128(a, b), a.wrapping_mul(b));
    if upper >= denominator {
        return None;
    }
    let zeros = denominator.leading_zeros();
    let denominator = denominator.wrapping_shl(zeros);
    // Below the denominator before and so after the shift. Shifted in two steps, as one would be by 128 for no zeros.
    let upper = upper.wrapping_shl(zeros) | (lower >> 1).wrapping_shr(127_u32.wrapping_sub(zeros));
    let lower = lower.wrapping_shl(zeros);
    let (first, rest) = divide_long_digit(upper, high(lower), denominator);
    let (second, rest) = divide_long_digit(rest, low(lower), denominator);
    Some((join(first, second), rest != 0))
}

/// One digit and the remainder of `(2⁶⁴ · remainder + next) / denominator`, for a remainder below the denominator, whose
/// top bit is set.
#[inline]
const fn divide_long_digit(remainder: u128, next: u64, denominator: u128) -> (u64, u128) {
    let (d0, d1) = (low(denominator), high(denominator));
    let (mut digit, mut rest) = if high(remainder) >= d1 {
        // Equal, as the remainder is below the denominator: the largest digit leaves low + d1.
        (u64::MAX, (low(remainder) as u128).wrapping_add(d1 as u128))
    } else {
        let (digit, rest) = divide_wide(remainder, d1);
        (digit, rest as u128)
    };
    // Too large by at most 2.
    while high(rest) == 0 && mul_wide(digit, d0) > join(low(rest), next) {
        digit = digit.wrapping_sub(1);
        rest = rest.wrapping_add(d1 as u128);
    }
    let product = mul_wide(digit, d0).wrapping_add(join(digit.wrapping_mul(d1), 0));
    (digit, join(low(remainder), next).wrapping_sub(product))
}

/// Quotient and remainder of `numerator / denominator` for an upper half below the denominator, whose top bit is set.
///
/// Machines that divide 128 bits by 64 do it in one instruction; wasm has none.
#[inline]
const fn divide_wide(numerator: u128, denominator: u64) -> (u64, u64) {
    if cfg!(target_arch = "wasm32") {
        return divide_wide_by_digits(numerator, denominator);
    }
    // The top bit is set already. Setting it tells the compiler that the divisor is not zero.
    let denominator = (denominator | (1 << 63)) as u128;
    (low(numerator / denominator), low(numerator % denominator))
}

/// [`divide_wide`] with digits of 32 bits.
#[inline]
const fn divide_wide_by_digits(numerator: u128, denominator: u64) -> (u64, u64) {
    let next = low(numerator);
    let (first, rest) = divide_next_digit(high(numerator), next >> 32, denominator);
    let (second, rest) = divide_next_digit(rest, next & LOW, denominator);
    ((first << 32) | second, rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Numbers of every length, among them those whose digits make the estimate too large.
    fn any_long() -> impl Strategy<Value = u128> {
        let digit = || prop_oneof![Just(0), Just(1), Just(u64::MAX), Just(1 << 63), any::<u64>()];
        (digit(), digit(), 0_u32..128).prop_map(|(high, low, shift)| join(high, low) >> shift)
    }

    #[test]
    fn shift_right_nearest_rounds_halves_up() {
        for (x, shift, expected) in [(4, 1, 2), (5, 1, 3), (5, 2, 1), (6, 2, 2), (7, 0, 7), (u64::MAX, 63, 2)] {
            assert_eq!(shift_right_nearest(x, shift), expected, "{x} {shift}");
        }
    }

    #[test]
    fn scale_exact_of_nothing_is_nothing() {
        assert_eq!(scale_exact(u64::MAX, 0, 1), 0);
        assert_eq!(scale_exact(1 << 63, -4, 1), -4);
    }

    #[test]
    fn divide_words_largest_digits_are_exact() {
        for divisor in [
            2,
            3,
            (1 << 32) - 1,
            1 << 32,
            (1 << 32) + 1,
            (1 << 63) - 1,
            1 << 63,
            u64::MAX - 1,
            u64::MAX,
        ] {
            let expected = low((u128::from(divisor - 1) << 64) / u128::from(divisor));
            assert_eq!(divide_words(divisor - 1, divisor), expected, "{divisor}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        /// Product and quotient equal the 256-bit kernel's, and are refused where it refuses or needs more bits.
        #[test]
        fn mul_div_128_any_arguments_equals_wide_kernel(a in any_long(), b in any_long(), d in any_long()) {
            let wide = |x: u128| crate::U256::from_limbs([low(x), high(x), 0, 0]);
            let expected = crate::integer::mul_div(wide(a), wide(b), wide(d)).ok();
            let narrow = |(quotient, inexact): (crate::U256, bool)| match *quotient.as_limbs() {
                [low, high, 0, 0] => Some((join(high, low), inexact)),
                _ => None,
            };
            prop_assert_eq!(mul_div_128(a, b, d), expected.and_then(narrow));
        }

        /// The division of wasm equals the machine's.
        #[test]
        fn divide_wide_by_digits_any_arguments_equals_machine(n in any_long(), d in any_long()) {
            let d = low(d) | 1 << 63;
            let n = join(high(n) % d, low(n));
            prop_assert_eq!(divide_wide_by_digits(n, d), divide_wide(n, d));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        /// Products and quotients agree with those of the compiler, within what each may lose.
        #[test]
        fn words_any_arguments_equal_wide_arithmetic(a in any::<u64>(), b in any::<u64>(), s in 0_u32..64, t in 0_u32..64) {
            let (a, b) = (a >> s, b >> t);
            let exact = u128::from(a) * u128::from(b);
            prop_assert_eq!(mul_wide(a, b), exact);
            prop_assert!(high(exact) - mul_near(a, b) <= 2);
            if a < b {
                prop_assert_eq!(u128::from(divide_words(a, b)), (u128::from(a) << 64) / u128::from(b));
            }
        }

        /// Signed products round towards −∞, the near ones by at most 3 more.
        #[test]
        fn scale_any_arguments_rounds_down(f in any::<u64>(), a in any::<i64>()) {
            let product = i128::from(a).wrapping_mul(i128::from(f >> 1));
            prop_assert_eq!(i128::from(scale_exact(f >> 1 << 1, a >> 2, 2)), (i128::from(a >> 2) * i128::from(f >> 1)) >> 61);
            let near = i128::from(scale_near(f >> 1 << 1, a));
            prop_assert!((0..=3).contains(&((product >> 63) - near)));
        }

        /// Dividing a fraction is within 3 units of 2⁻⁶⁴ in its domain.
        #[test]
        fn divide_fraction_in_its_domain_is_near(d in 6_700_000_000_000_000_000_u64..1 << 63, share in 0_u64..220) {
            let n = d / 1000 * share;
            let exact = i128::from(low((u128::from(n) << 64) / u128::from(d)));
            prop_assert!((exact - i128::from(divide_fraction(n, d))).abs() <= 3);
        }
    }
}
