//! Checked arithmetic on unsigned 256-bit integers.
//!
//! `ruint`'s operators wrap silently, and its division brings a reciprocal table into the data segment, which a Stylus
//! program pays for at every entry. So everything goes through the functions below, with one division kernel: Knuth's
//! algorithm D (The Art of Computer Programming, vol. 2, 4.3.1) on 32-bit digits, which wasm multiplies and divides
//! natively.

use crate::{MathError, U256};

/// A 256-bit number as 32-bit digits, least significant first.
type Digits = [u32; 8];

/// `a + b`, in the unit of both.
///
/// Exact. [`MathError::Overflow`] above 2²⁵⁶ − 1.
pub fn add(a: U256, b: U256) -> Result<U256, MathError> {
    a.checked_add(b).ok_or(MathError::Overflow)
}

/// `a − b`, in the unit of both.
///
/// Exact. [`MathError::Overflow`] below zero.
pub fn sub(a: U256, b: U256) -> Result<U256, MathError> {
    a.checked_sub(b).ok_or(MathError::Overflow)
}

/// `a · b`, in the product of their units.
///
/// Exact. [`MathError::Overflow`] above 2²⁵⁶ − 1.
pub fn mul(a: U256, b: U256) -> Result<U256, MathError> {
    a.checked_mul(b).ok_or(MathError::Overflow)
}

/// `⌊a · b / denominator⌋` over the full 512-bit product, in unit(a) · unit(b) / unit(denominator).
///
/// Rounds down: favours whoever pays the result.
/// [`MathError::DivisionByZero`] for a zero denominator, [`MathError::Overflow`] if the quotient exceeds 2²⁵⁶ − 1.
pub fn mul_div_down(a: U256, b: U256, denominator: U256) -> Result<U256, MathError> {
    mul_div(a, b, denominator).map(|(quotient, _)| quotient)
}

/// `⌈a · b / denominator⌉` over the full 512-bit product, in unit(a) · unit(b) / unit(denominator).
///
/// Rounds up: favours whoever receives the result.
/// [`MathError::DivisionByZero`] for a zero denominator, [`MathError::Overflow`] if the quotient exceeds 2²⁵⁶ − 1.
pub fn mul_div_up(a: U256, b: U256, denominator: U256) -> Result<U256, MathError> {
    let (quotient, inexact) = mul_div(a, b, denominator)?;
    if inexact {
        add(quotient, U256::ONE)
    } else {
        Ok(quotient)
    }
}

/// The quotient of `a · b / denominator`, and whether a remainder was left.
#[inline(never)] // one copy of the kernel per program
pub(crate) fn mul_div(a: U256, b: U256, denominator: U256) -> Result<(U256, bool), MathError> {
    if denominator.is_zero() {
        return Err(MathError::DivisionByZero);
    }
    let (high, low) = wide_mul(&digits(a), &digits(b));
    if high >= denominator {
        return Err(MathError::Overflow);
    }
    // Normalise so that the divisor's top bit is set. The shifted dividend still fits 512 bits because
    // high < denominator, and its upper half is a valid first remainder.
    let shift = denominator.leading_zeros();
    let divisor = digits(denominator << shift);
    let mut remainder = digits((high << shift) | (low >> 256_usize.saturating_sub(shift)));
    let mut quotient = digits(low << shift);
    for digit in quotient.iter_mut().rev() {
        *digit = divide_step(&mut remainder, *digit, &divisor);
    }
    Ok((number(quotient), remainder != [0; 8]))
}

/// The 512-bit product as (upper, lower) half.
fn wide_mul(a: &Digits, b: &Digits) -> (U256, U256) {
    let mut out = [0_u32; 16];
    for (i, &x) in a.iter().enumerate() {
        let mut carry = 0;
        // Nine digits of the result: eight products, and the digit that takes the last carry.
        for (digit, y) in out.iter_mut().skip(i).zip(b.iter().copied().chain([0])) {
            (*digit, carry) = x.carrying_mul_add(y, carry, *digit);
        }
    }
    let [a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7] = out;
    (
        number([b0, b1, b2, b3, b4, b5, b6, b7]),
        number([a0, a1, a2, a3, a4, a5, a6, a7]),
    )
}

/// One digit of long division: divides `remainder · 2³² + next` by `divisor`, leaves the new remainder behind.
///
/// Requires `remainder < divisor` and a divisor with its top bit set.
fn divide_step(remainder: &mut Digits, next: u32, divisor: &Digits) -> u32 {
    let [r0, r1, r2, r3, r4, r5, r6, r7] = *remainder;
    let mut window = [next, r0, r1, r2, r3, r4, r5, r6];
    let [.., leading] = *divisor;
    // Two digits over the leading one: never too small, and at most 2 too large (Knuth, theorem B).
    let estimate = ((u64::from(r7) << 32) | u64::from(r6))
        .checked_div(u64::from(leading))
        .unwrap_or(0);
    let mut digit = u32::try_from(estimate).unwrap_or(u32::MAX);

    let (mut carry, mut borrow) = (0, false);
    for (w, &d) in window.iter_mut().zip(divisor) {
        let product;
        (product, carry) = d.carrying_mul(digit, carry);
        (*w, borrow) = w.borrowing_sub(product, borrow);
    }
    let (top, mut negative) = r7.borrowing_sub(carry, borrow);
    // A digit that was too large leaves a negative remainder, whose top digit is then all ones: add the divisor until it
    // carries out.
    debug_assert!(top == if negative { u32::MAX } else { 0 });
    while negative {
        digit = digit.saturating_sub(1);
        let mut carry = false;
        for (w, &d) in window.iter_mut().zip(divisor) {
            (*w, carry) = w.carrying_add(d, carry);
        }
        negative = !carry;
    }
    *remainder = window;
    digit
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
const fn low_half(x: u64) -> u32 {
    x as u32
}

fn digits(x: U256) -> Digits {
    let [l0, l1, l2, l3] = *x.as_limbs();
    let high = |limb: u64| low_half(limb >> 32);
    [
        low_half(l0),
        high(l0),
        low_half(l1),
        high(l1),
        low_half(l2),
        high(l2),
        low_half(l3),
        high(l3),
    ]
}

fn number(digits: Digits) -> U256 {
    let [d0, d1, d2, d3, d4, d5, d6, d7] = digits;
    let limb = |low: u32, high: u32| u64::from(low) | (u64::from(high) << 32);
    U256::from_limbs([limb(d0, d1), limb(d2, d3), limb(d4, d5), limb(d6, d7)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ruint::{Uint, UintTryFrom as _};

    use super::*;

    type U512 = Uint<512, 8>;

    /// Numbers of every length, with runs of zeros and ones that provoke corrections of the quotient's digits.
    fn any_number() -> impl Strategy<Value = U256> {
        let limb = prop_oneof![
            Just(0_u64),
            Just(1),
            Just(u64::MAX),
            Just(1 << 63),
            Just(0xffff_ffff),
            Just(0xffff_ffff_0000_0000),
            any::<u64>(),
        ];
        (prop::array::uniform4(limb), 0_usize..256).prop_map(|(limbs, shift)| U256::from_limbs(limbs) >> shift)
    }

    /// `a · b / d` by the library's 512-bit division.
    fn twin(a: U256, b: U256, d: U256) -> (Option<U256>, bool) {
        let wide = |x: U256| U512::from(x);
        let (quotient, remainder) = (wide(a) * wide(b)).div_rem(wide(d));
        (U256::uint_try_from(quotient).ok(), !remainder.is_zero())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// Both roundings agree with an independent 512-bit division, including which results overflow.
        #[test]
        fn mul_div_any_arguments_equals_slow_twin(a in any_number(), b in any_number(), d in any_number()) {
            let d = d.max(U256::ONE);
            let (quotient, inexact) = twin(a, b, d);
            prop_assert_eq!(mul_div_down(a, b, d), quotient.ok_or(MathError::Overflow));
            let up = quotient.and_then(|q| q.checked_add(U256::from(u8::from(inexact))));
            prop_assert_eq!(mul_div_up(a, b, d), up.ok_or(MathError::Overflow));
        }

        /// Multiplying by d and dividing by it gives the number back without rounding.
        #[test]
        fn mul_div_by_factor_returns_other_factor(a in any_number(), d in any_number()) {
            let d = d.max(U256::ONE);
            prop_assert_eq!(mul_div_down(a, d, d), Ok(a));
            prop_assert_eq!(mul_div_up(a, d, d), Ok(a));
        }
    }

    #[test]
    fn mul_div_zero_denominator_is_division_by_zero() {
        assert_eq!(
            mul_div_down(U256::ONE, U256::ONE, U256::ZERO),
            Err(MathError::DivisionByZero)
        );
        assert_eq!(
            mul_div_up(U256::ZERO, U256::ZERO, U256::ZERO),
            Err(MathError::DivisionByZero)
        );
    }

    #[test]
    fn mul_div_largest_arguments_is_exact() {
        assert_eq!(mul_div_down(U256::MAX, U256::MAX, U256::MAX), Ok(U256::MAX));
        assert_eq!(
            mul_div_down(U256::MAX, U256::from(2), U256::ONE),
            Err(MathError::Overflow)
        );
    }

    #[test]
    fn mul_div_up_rounding_past_the_range_overflows() {
        // (2²⁵⁶ − 1)·(2²⁵⁶ − 2) / (2²⁵⁶ − 2) is exact; a quotient of 2²⁵⁶ − 1 with a remainder cannot be rounded up.
        // (2²⁵⁵ + 1)·(2²⁵⁶ − 1) = (2²⁵⁶ − 1)·2²⁵⁵ + 2²⁵⁶ − 1, over 2²⁵⁵ leaves a remainder of 2²⁵⁵ − 1.
        let half = U256::ONE << 255;
        assert_eq!(mul_div_up(half, U256::MAX, half), Ok(U256::MAX));
        assert_eq!(mul_div_up(half + U256::ONE, U256::MAX, half), Err(MathError::Overflow));
    }

    #[test]
    fn add_sub_mul_out_of_range_overflow() {
        assert_eq!(add(U256::MAX, U256::ONE), Err(MathError::Overflow));
        assert_eq!(sub(U256::ZERO, U256::ONE), Err(MathError::Overflow));
        assert_eq!(mul(U256::MAX, U256::from(2)), Err(MathError::Overflow));
        assert_eq!(add(U256::MAX, U256::ZERO), Ok(U256::MAX));
        assert_eq!(sub(U256::ONE, U256::ONE), Ok(U256::ZERO));
        assert_eq!(mul(U256::MAX, U256::ONE), Ok(U256::MAX));
    }
}
