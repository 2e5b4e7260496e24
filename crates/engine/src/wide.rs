//! Between [`Wad`] and the 256-bit integers that products of three numbers need.

use fixed::{MathError, U256, Wad};

/// 1e18, the raw value of one.
pub(crate) const ONE: U256 = U256::from_limbs([0x0de0_b6b3_a764_0000, 0, 0, 0]);

/// The raw value of a number ≥ 0. [`MathError::Overflow`] for a negative one.
pub(crate) fn raw(x: Wad) -> Result<U256, MathError> {
    if x < Wad::ZERO {
        return Err(MathError::Overflow);
    }
    Ok(U256::from_be_slice(&x.0.to_be_bytes()))
}

/// The number with this raw value. [`MathError::Overflow`] outside the range of [`Wad`].
pub(crate) fn wad(raw: U256) -> Result<Wad, MathError> {
    let [low, high, 0, 0] = *raw.as_limbs() else {
        return Err(MathError::Overflow);
    };
    let joined = (u128::from(high) << 64) | u128::from(low);
    i128::try_from(joined).map(Wad).map_err(|_| MathError::Overflow)
}
