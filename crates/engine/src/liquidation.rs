//! How far the price may move before a venue liquidates a leg (design section 3).
//!
//! For every leg that can be liquidated, what is left above the venue's requirement is linear in the price S of one
//! underlying, the other prices standing still:
//!
//! ```text
//! perp:  headroom(S) = collateral + q·S − cost basis − accrued − (maintenance + closing cost)·|q|·S
//! loan:  headroom(S) = threshold · (cash + spot·S + other spot) − (debt + borrowed·S + other borrowed)
//! ```
//!
//! It is liquidated where that is negative: with slope k and constant −h, below S* = h/k if k > 0 and above it if k < 0.
//! For a perp this is design section 3's S_liq = (q·S_e − C′)/(q·(1 − m)) for a long, (C′ + |q|·S_e)/(|q|·(1 + m)) for a
//! short, and the collateral's own term where it is held in the underlying. For a loan with HF = threshold · collateral /
//! debt it is 1 − 1/HF with the underlying as the only collateral and HF − 1 with it as the only debt.
//!
//! All loans of a book count as one lending account that holds the book's cash and spot: what the book has outside, it
//! can pay in at once.

use fixed::{Bps, MathError, Wad, sqrt_up};

use crate::mark::Linear;
use crate::{Leg, Params};

/// Seconds of a year, as everywhere in this crate.
pub const YEAR_SECS: u32 = 31_536_000;

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

/// The price moves that distances are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moves {
    /// σ·√(reaction time). Rounded up, positive.
    pub sigma: Wad,
    /// The smallest allowed distance, as a share of the price. Rounded up.
    pub minimum: Wad,
}

impl Moves {
    /// The moves of a book with these parameters. [`MathError`] for parameters outside their ranges only.
    pub fn new(params: &Params) -> Result<Self, MathError> {
        let sigma = sigma_root_time_up(params.volatility, params.reaction_secs)?;
        Ok(Self {
            sigma,
            minimum: sigma.mul_up(params.min_liquidation_distance)?,
        })
    }
}

/// σ·√(time / year). Rounded up.
pub fn sigma_root_time_up(volatility: Bps, secs: u32) -> Result<Wad, MathError> {
    let whole = |secs: u32| {
        i128::from(secs)
            .checked_mul(fixed::WAD)
            .map(Wad)
            .ok_or(MathError::Overflow)
    };
    let years = whole(secs)?.div_up(whole(YEAR_SECS)?)?;
    sqrt_up(years)?.mul_bps_up(volatility)
}

/// What a perp has above its venue's requirement, as a function of the price; `None` for other legs. Exact but for the
/// slope, which is rounded down.
///
/// `closing_cost` is the fee and impact of closing, as a share of the notional.
pub fn perp_headroom(leg: &Leg, closing_cost: Bps) -> Result<Option<Linear>, MathError> {
    let Leg::Perp {
        size,
        cost_basis,
        collateral,
        collateral_in_underlying,
        accrued,
        maintenance,
        ..
    } = *leg
    else {
        return Ok(None);
    };
    let required = Bps(maintenance.0.checked_add(closing_cost.0).ok_or(MathError::Overflow)?);
    let slope = size.sub(size.abs()?.mul_bps_up(required)?)?;
    let owed = cost_basis.add(accrued)?;
    Ok(Some(if collateral_in_underlying {
        Linear {
            fixed: owed.neg()?,
            delta: slope.add(collateral)?,
        }
    } else {
        Linear {
            fixed: collateral.sub(owed)?,
            delta: slope,
        }
    }))
}

/// Whether a perp is past its liquidation at `price`; `false` for other legs.
pub fn is_liquidated(leg: &Leg, price: Wad, closing_cost: Bps) -> Result<bool, MathError> {
    match perp_headroom(leg, closing_cost)? {
        Some(headroom) => Ok(headroom.value_down(price)? < Wad::ZERO),
        None => Ok(false),
    }
}

/// The headroom of the book's loans as a function of the price of one underlying. Rounded down.
///
/// `own` are the tokens held and owed of that underlying, `assets` and `debts` the values of everything else.
pub fn loan_headroom(threshold: Bps, own: (Wad, Wad), assets: Wad, debts: Wad) -> Result<Linear, MathError> {
    let (held, owed) = own;
    Ok(Linear {
        fixed: assets.mul_bps_down(threshold)?.sub(debts)?,
        delta: held.mul_bps_down(threshold)?.sub(owed)?,
    })
}

impl Distance {
    /// The distances from `price` (> 0) at which `headroom` is used up.
    ///
    /// [`MathError::Overflow`] outside the range of [`Wad`].
    pub fn new(headroom: &Linear, price: Wad, moves: &Moves) -> Result<Self, MathError> {
        let (mut down, mut up) = (Wad::MAX, Wad::MAX);
        if headroom.value_down(price)? < Wad::ZERO {
            (down, up) = (Wad::ZERO, Wad::ZERO);
        } else if headroom.delta > Wad::ZERO {
            // 1 − S*/S. A negative S* is never reached.
            let limit = headroom.fixed.neg()?.div_up(headroom.delta)?;
            if limit > Wad::ZERO {
                down = Wad::ONE.sub(limit.div_up(price)?)?.max(Wad::ZERO);
            }
        } else if headroom.delta < Wad::ZERO {
            // S*/S − 1. A quotient beyond the range is as good as never.
            let limit = headroom.fixed.div_down(headroom.delta.neg()?);
            up = match limit.and_then(|limit| limit.div_down(price)) {
                Ok(ratio) => ratio.sub(Wad::ONE)?.max(Wad::ZERO),
                Err(_) => Wad::MAX,
            };
        }
        let nearest = down.min(up);
        let low = price.sub(price.mul_up(moves.minimum.min(Wad::ONE))?)?;
        let high = price.add(price.mul_up(moves.minimum)?)?;
        let missing = |at: Wad| headroom.value_down(at)?.neg();
        Ok(Self {
            down,
            up,
            sigmas: nearest.div_down(moves.sigma).unwrap_or(Wad::MAX),
            shortfall: missing(low)?.max(missing(high)?).max(Wad::ZERO),
        })
    }

    /// The nearer of both distances.
    pub fn nearest(&self) -> Wad {
        self.down.min(self.up)
    }

    /// The smaller distances and the larger shortfall of two ways to be liquidated.
    #[must_use]
    pub fn worse(&self, other: &Self) -> Self {
        Self {
            down: self.down.min(other.down),
            up: self.up.min(other.up),
            sigmas: self.sigmas.min(other.sigmas),
            shortfall: self.shortfall.max(other.shortfall),
        }
    }
}
