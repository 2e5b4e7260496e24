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
