//! Interim, slow roots and powers until `fixed` has its own (`cbrt`, `pow`, of the same signatures). Delete this module then, and import them from `fixed`.

use fixed::{MathError, U256, Wad, add, mul, mul_div_down, sub};

use crate::wide::{ONE, raw, wad};

/// ⌊x^(1/n)⌋ for n of 2 or 3, by Newton's method from above.
fn root(x: U256, n: u64) -> Result<U256, MathError> {
    if x.is_zero() {
        return Ok(x);
    }
    let bits = u64::try_from(x.bit_len()).unwrap_or(256);
    let mut y = U256::ONE << usize::try_from(bits.div_ceil(n)).unwrap_or(128);
    loop {
        let power = if n == 2 { y } else { mul(y, y)? };
        let quotient = mul_div_down(x, U256::ONE, power)?;
        let sum = add(mul(y, U256::from(n - 1))?, quotient)?;
        let next = mul_div_down(sum, U256::ONE, U256::from(n))?;
        if next >= y {
            return Ok(y);
        }
        y = next;
    }
}

/// ∛x rounded down.
pub(crate) fn cbrt(x: Wad) -> Result<Wad, MathError> {
    wad(root(mul(mul(raw(x)?, ONE)?, ONE)?, 3)?)
}

/// x^y for |y| < 1 and 1e-18 ≤ x ≤ 1e16, by square roots for the binary digits of y. At a scale of 1e30, so that the result
/// is within 1e-18 and one part in 1e16.
pub(crate) fn pow(x: Wad, y: Wad) -> Result<Wad, MathError> {
    let more = U256::from(1_000_000_000_000_u64);
    let scale = mul(ONE, more)?;
    let mut base = mul(raw(x)?, more)?;
    let mut rest = raw(y.abs()?)?;
    let mut result = scale;
    for _ in 0..64 {
        base = root(mul(base, scale)?, 2)?;
        rest = add(rest, rest)?;
        if rest >= ONE {
            rest = sub(rest, ONE)?;
            result = mul_div_down(result, base, scale)?;
        }
    }
    if y < Wad::ZERO {
        result = mul_div_down(scale, scale, result)?;
    }
    wad(mul_div_down(result, U256::ONE, more)?)
}
