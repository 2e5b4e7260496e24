//! The price of one asset in units of another from two feed answers.

use alloy_primitives::U256;
use fixed::MathError;
use interfaces::contract::WAD;

/// `base` / `quote` with 18 decimals, rounded down (a price below the true ratio by less than 1e-18).
///
/// Both answers are in the same currency with their own number of decimals, `quote` > 0.
/// Errors: overflow, division by zero.
pub(crate) fn mid_wad_down(base: U256, base_decimals: u8, quote: U256, quote_decimals: u8) -> Result<U256, MathError> {
    let up = fixed::mul(WAD, power_of_ten(quote_decimals)?)?;
    let down = fixed::mul(quote, power_of_ten(base_decimals)?)?;
    fixed::mul_div_down(base, up, down)
}

fn power_of_ten(exponent: u8) -> Result<U256, MathError> {
    10_u128
        .checked_pow(exponent.into())
        .map(U256::from)
        .ok_or(MathError::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wad(value: u128) -> U256 {
        U256::from(value)
    }

    #[test]
    fn mid_scales_decimals_of_both_feeds() {
        // 3,000 USD with 8 decimals over 1 USD with 6.
        let mid = mid_wad_down(U256::from(300_000_000_000_u64), 8, U256::from(1_000_000), 6);
        assert_eq!(mid, Ok(wad(3_000 * 10_u128.pow(18))));
    }

    #[test]
    fn mid_rounds_down() {
        assert_eq!(
            mid_wad_down(U256::ONE, 0, U256::from(3), 0),
            Ok(wad(333_333_333_333_333_333))
        );
    }

    #[test]
    fn mid_of_zero_quote_is_an_error() {
        assert_eq!(
            mid_wad_down(U256::ONE, 0, U256::ZERO, 0),
            Err(MathError::DivisionByZero)
        );
    }
}
