//! How far the price may move before a venue liquidates a leg (design section 3).

use fixed::Wad;

/// Distances to a leg's liquidation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distance {
    /// How far the price may fall, as a share of it; [`Wad::MAX`] if a fall does not liquidate. Rounded down.
    pub down: Wad,
    /// How far the price may rise, as a share of it; [`Wad::MAX`] if a rise does not liquidate. Rounded down.
    pub up: Wad,
    /// The nearer of both in units of σ·√(reaction time). Rounded down.
    pub sigmas: Wad,
    /// What must be added to the leg's margin, in asset units, so that it keeps the book's minimum distance both ways;
    /// 0 if it does. Rounded up.
    pub shortfall: Wad,
}
