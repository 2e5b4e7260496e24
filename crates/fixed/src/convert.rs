//! Between a token's smallest units and [`Wad`]: the only place where decimals are scaled.

use crate::integer::mul_div;
use crate::wad::{from_magnitude, magnitude};
use crate::{MathError, U256, WAD, Wad};

/// The most decimals a token may have.
pub const MAX_DECIMALS: u8 = 36;

/// `units` of a token with `decimals` in whole tokens, rounded down (inexact only above 18 decimals).
///
/// [`MathError::Overflow`] above [`MAX_DECIMALS`] or outside the range of [`Wad`].
pub fn wad_from_units_down(units: U256, decimals: u8) -> Result<Wad, MathError> {
    let (quotient, _) = mul_div(units, magnitude(WAD), pow10(decimals)?)?;
    from_magnitude(quotient).map(Wad)
}

/// `units` of a token with `decimals` in whole tokens, rounded up (inexact only above 18 decimals).
///
/// [`MathError::Overflow`] above [`MAX_DECIMALS`] or outside the range of [`Wad`].
pub fn wad_from_units_up(units: U256, decimals: u8) -> Result<Wad, MathError> {
    let (quotient, inexact) = mul_div(units, magnitude(WAD), pow10(decimals)?)?;
    Wad(from_magnitude(quotient)?).add(Wad(i128::from(inexact)))
}

/// `w` whole tokens in the smallest units of a token with `decimals`, rounded down (inexact only below 18 decimals).
///
/// [`MathError::Overflow`] for a negative `w` or above [`MAX_DECIMALS`].
pub fn units_from_wad_down(w: Wad, decimals: u8) -> Result<U256, MathError> {
    let (quotient, _) = units(w, decimals)?;
    Ok(quotient)
}

/// `w` whole tokens in the smallest units of a token with `decimals`, rounded up (inexact only below 18 decimals).
///
/// [`MathError::Overflow`] for a negative `w` or above [`MAX_DECIMALS`].
pub fn units_from_wad_up(w: Wad, decimals: u8) -> Result<U256, MathError> {
    let (quotient, inexact) = units(w, decimals)?;
    crate::add(quotient, U256::from_limbs([u64::from(inexact), 0, 0, 0]))
}

fn units(w: Wad, decimals: u8) -> Result<(U256, bool), MathError> {
    if w.0 < 0 {
        return Err(MathError::Overflow);
    }
    mul_div(magnitude(w.0), pow10(decimals)?, magnitude(WAD))
}

/// 10^`exponent`: a whole token with that many decimals in its smallest units.
///
/// Exact. [`MathError::Overflow`] above [`MAX_DECIMALS`].
pub fn pow10(exponent: u8) -> Result<U256, MathError> {
    if exponent > MAX_DECIMALS {
        return Err(MathError::Overflow);
    }
    10_i128
        .checked_pow(u32::from(exponent))
        .map(magnitude)
        .ok_or(MathError::Overflow)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Units → wad → units never gains when rounding down and never loses when rounding up; both are exact for up to
        /// 18 decimals.
        #[test]
        fn units_round_trip_never_crosses(raw in 0_u128..1 << 120, decimals in 0_u8..=MAX_DECIMALS) {
            let units = U256::from(raw);
            if let Ok(wad) = wad_from_units_down(units, decimals) {
                let back = units_from_wad_down(wad, decimals).unwrap();
                prop_assert!(back <= units);
                prop_assert!(decimals > 18 || back == units);
            }
            if let Ok(wad) = wad_from_units_up(units, decimals) {
                let back = units_from_wad_up(wad, decimals).unwrap();
                prop_assert!(back >= units);
                prop_assert!(decimals > 18 || back == units);
            }
        }
    }

    #[test]
    fn wad_from_units_common_decimals_is_whole_tokens() {
        for decimals in [0, 6, 8, 18, 27, 36] {
            let one = pow10(decimals).unwrap();
            assert_eq!(wad_from_units_down(one, decimals), Ok(Wad::ONE));
            assert_eq!(units_from_wad_down(Wad::ONE, decimals), Ok(one));
        }
    }

    #[test]
    fn wad_from_units_below_one_step_rounds_apart() {
        assert_eq!(wad_from_units_down(U256::ONE, 19), Ok(Wad(0)));
        assert_eq!(wad_from_units_up(U256::ONE, 19), Ok(Wad(1)));
        assert_eq!(units_from_wad_down(Wad(1), 6), Ok(U256::ZERO));
        assert_eq!(units_from_wad_up(Wad(1), 6), Ok(U256::ONE));
    }

    #[test]
    fn conversions_outside_their_domain_overflow() {
        assert_eq!(units_from_wad_down(Wad(-1), 18), Err(MathError::Overflow));
        assert_eq!(units_from_wad_up(Wad(-1), 18), Err(MathError::Overflow));
        assert_eq!(wad_from_units_down(U256::ONE, 37), Err(MathError::Overflow));
        assert_eq!(units_from_wad_down(Wad(1), 37), Err(MathError::Overflow));
        assert_eq!(wad_from_units_down(U256::MAX, 0), Err(MathError::Overflow));
    }
}
