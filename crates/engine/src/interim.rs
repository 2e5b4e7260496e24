//! Stand-ins until the real ones are merged.
#![allow(missing_docs, clippy::all, clippy::pedantic)]
use crate::Params;
use fixed::{Bps, MathError, WAD, Wad};
pub fn cbrt(x: Wad) -> Result<Wad, MathError> {
    Ok(Wad(((x.0 as f64 / 1e18).cbrt() * 1e18) as i128))
}
pub fn budget_move_up(params: &Params) -> Result<Wad, MathError> {
    Wad::ONE.mul_bps_up(params.min_move)
}
pub struct Moves {
    pub minimum: Wad,
}
impl Moves {
    pub fn new(params: &Params) -> Result<Self, MathError> {
        let s = (params.reaction_secs as f64 / 31_536_000.0).sqrt() * params.volatility.0 as f64 / 1e4;
        Ok(Self {
            minimum: Wad((s * 1e18) as i128).mul_up(params.min_liquidation_distance)?,
        })
    }
}
pub fn half_width_value(
    params: &Params,
    _e: &crate::Exposure,
    _p: Wad,
    equity: Wad,
    _w: Bps,
    _l: Wad,
) -> Result<Wad, MathError> {
    let width = params.band.0.max(params.band_floor.0).min(params.band_cap.0);
    equity.max(Wad(0)).mul_bps_down(Bps(width))
}
pub const _X: i128 = WAD;
