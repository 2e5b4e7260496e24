//! The spot price of a Uniswap v3 pool in whole units.

use alloy_primitives::U256;
use fixed::MathError;

/// Most decimals of either token.
const MAX_DECIMALS: u8 = 18;
/// 2⁶⁴ and 2¹²⁸.
const Q64: U256 = U256::from_limbs([0, 1, 0, 0]);
const Q128: U256 = U256::from_limbs([0, 0, 1, 0]);

/// Which token of the pool is priced in the other: decimals of the priced one, then of the other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    /// token0 in token1.
    Token0(u8, u8),
    /// token1 in token0.
    Token1(u8, u8),
}

/// The price of a whole token in the other with 18 decimals, from √(token1 units / token0 units)·2⁹⁶.
///
/// With P = token1 units per token0 unit, P·2¹²⁸ is rounded down once, at most 1 too small, then the result once, down:
/// the relative error is below 2⁻¹²⁸/P + 1e-18/price, with P of any pool of two traded tokens far above 2⁻¹²⁸.
/// Between 1 (a price that rounds to nothing is still a price) and 2²⁵⁶ − 1.
/// Errors: more than 18 decimals.
pub(crate) fn spot_wad_down(sqrt_price_x96: U256, side: Side) -> Result<U256, MathError> {
    let (Side::Token0(decimals, other) | Side::Token1(decimals, other)) = side;
    if decimals.max(other) > MAX_DECIMALS {
        return Err(MathError::Overflow);
    }
    // At most 36.
    let exponent = 18_u8.saturating_add(decimals).saturating_sub(other);
    let scale = U256::from(10_u128.saturating_pow(exponent.into()));
    // (√P·2⁹⁶)² / 2⁶⁴ = P·2¹²⁸, below 2²⁵⁶ because √P·2⁹⁶ < 2¹⁶⁰.
    let price_x128 = fixed::mul_div_down(sqrt_price_x96, sqrt_price_x96, Q64)?;
    let price = match side {
        Side::Token0(..) => fixed::mul_div_down(price_x128, scale, Q128),
        Side::Token1(..) => fixed::mul_div_down(scale, Q128, price_x128),
    };
    Ok(price.unwrap_or(U256::MAX).max(U256::ONE))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// √(units1/units0)·2⁹⁶ for a perfect square `root²`.
    fn root(root: u64) -> U256 {
        U256::from(root) << 96_usize
    }

    fn wad(whole: u128) -> U256 {
        U256::from(whole * 10_u128.pow(18))
    }

    #[test]
    fn spot_of_equal_decimals_is_the_square_and_its_inverse() {
        assert_eq!(spot_wad_down(root(3), Side::Token0(18, 18)), Ok(wad(9)));
        assert_eq!(spot_wad_down(root(3), Side::Token1(18, 18)), Ok(wad(1) / U256::from(9)));
    }

    #[test]
    fn spot_scales_decimals() {
        // 1 unit of token1 (6 decimals) per unit of token0 (18 decimals) is 1e12 whole token1.
        assert_eq!(
            spot_wad_down(root(1), Side::Token0(18, 6)),
            Ok(U256::from(10_u128.pow(30)))
        );
        assert_eq!(
            spot_wad_down(root(1), Side::Token1(6, 18)),
            Ok(U256::from(10_u128.pow(6)))
        );
        assert_eq!(
            spot_wad_down(root(1), Side::Token0(6, 18)),
            Ok(U256::from(10_u128.pow(6)))
        );
        assert_eq!(
            spot_wad_down(root(1), Side::Token1(18, 6)),
            Ok(U256::from(10_u128.pow(30)))
        );
    }

    #[test]
    fn spot_of_either_side_is_the_others_inverse() {
        // 64,000 USDC (6 decimals) per WBTC (8 decimals): 640 units per unit.
        let sqrt = U256::from(2_004_341_979_463_500_000_000_000_000_000_u128);
        let wbtc = spot_wad_down(sqrt, Side::Token0(8, 6)).unwrap();
        let usdc = spot_wad_down(sqrt, Side::Token1(6, 8)).unwrap();
        let product = fixed::mul_div_down(wbtc, usdc, wad(1)).unwrap();
        // The price of a dollar in bitcoin has 14 digits.
        assert!(product <= wad(1) && wad(1) - product < U256::from(100_000), "{product}");
        assert!(wbtc.abs_diff(wad(64_000)) < wad(1), "{wbtc}");
    }

    #[test]
    fn spot_at_the_pools_limits_is_a_number_above_zero() {
        let max = U256::from_limbs([u64::MAX, u64::MAX, 0xffff_ffff, 0]);
        let min = U256::from(4_295_128_739_u64);
        for sqrt in [U256::ZERO, min, max] {
            for side in [
                Side::Token0(18, 0),
                Side::Token0(0, 18),
                Side::Token1(18, 0),
                Side::Token1(0, 18),
            ] {
                assert!(spot_wad_down(sqrt, side).unwrap() >= U256::ONE, "{sqrt} {side:?}");
            }
        }
        assert_eq!(spot_wad_down(min, Side::Token0(18, 18)), Ok(U256::ONE));
        assert_eq!(spot_wad_down(U256::ZERO, Side::Token1(18, 18)), Ok(U256::MAX));
    }

    #[test]
    fn spot_of_unsupported_decimals_is_an_error() {
        for side in [Side::Token0(0, 19), Side::Token1(19, 0)] {
            assert_eq!(spot_wad_down(root(1), side), Err(MathError::Overflow));
        }
    }
}
