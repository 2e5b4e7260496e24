//! Stand-in until the kernel is merged.
use fixed::{MathError, Wad};
pub(crate) fn sqrt_down(x: Wad) -> Result<Wad, MathError> {
    let mut root = Wad((crate::backtest::book::float(x).sqrt() * 1e18) as i128);
    while root.mul_up(root)? > x {
        root = Wad(root.0 - 1);
    }
    Ok(root)
}
pub(crate) fn sqrt_up(x: Wad) -> Result<Wad, MathError> {
    Ok(Wad(sqrt_down(x)?.0 + 1))
}
