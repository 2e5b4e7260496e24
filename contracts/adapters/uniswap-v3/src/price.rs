//! The spot price of a Uniswap v3 pool in whole units.

use alloy_primitives::U256;
use fixed::MathError;

/// Most decimals of either token.
const MAX_DECIMALS: u8 = 18;

/// token1 per whole token0 with 18 decimals, rounded down, from √(token1 units / token0 units)·2⁹⁶.
///
/// Two roundings: the square at 2⁻¹²⁸ and the result at 1e-18. Both round down.
/// Errors: overflow (also above 18 decimals).
pub(crate) fn spot_wad_down(sqrt_price_x96: U256, decimals0: u8, decimals1: u8) -> Result<U256, MathError> {
    // (√P·2⁹⁶)² / 2⁶⁴ = P·2¹²⁸, below 2²⁵⁶ because √P·2⁹⁶ < 2¹⁶⁰.
    let price_x128 = fixed::mul_div_down(sqrt_price_x96, sqrt_price_x96, U256::from_limbs([0, 1, 0, 0]))?;
    let exponent = 18_u8
        .checked_add(decimals0.min(MAX_DECIMALS))
        .and_then(|sum| sum.checked_sub(decimals1))
        .ok_or(MathError::Overflow)?;
    let scale = 10_u128
        .checked_pow(exponent.into())
        .map(U256::from)
        .ok_or(MathError::Overflow)?;
    fixed::mul_div_down(price_x128, scale, U256::from_limbs([0, 0, 1, 0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// √(units1/units0)·2⁹⁶ for a perfect square `root²`.
    fn root(root: u64) -> U256 {
        U256::from(root) << 96_usize
    }

    #[test]
    fn spot_of_equal_decimals_is_the_square() {
        assert_eq!(spot_wad_down(root(3), 18, 18), Ok(U256::from(9 * 10_u128.pow(18))));
    }

    #[test]
    fn spot_scales_decimals() {
        // 1 unit of token1 (6 decimals) per unit of token0 (18 decimals) is 1e12 whole token1.
        assert_eq!(spot_wad_down(root(1), 18, 6), Ok(U256::from(10_u128.pow(30))));
        assert_eq!(spot_wad_down(root(1), 6, 18), Ok(U256::from(10_u128.pow(6))));
    }

    #[test]
    fn spot_at_the_pools_limits_fits() {
        let max = U256::from_limbs([u64::MAX, u64::MAX, 0xffff_ffff, 0]);
        assert!(spot_wad_down(max, 18, 0).is_ok());
        assert_eq!(spot_wad_down(U256::from(4_295_128_739_u64), 18, 18), Ok(U256::ZERO));
    }

    #[test]
    fn spot_of_unsupported_decimals_is_an_error() {
        assert_eq!(spot_wad_down(root(1), 0, 19), Err(MathError::Overflow));
    }
}
