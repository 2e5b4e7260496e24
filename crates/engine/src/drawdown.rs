//! The drawdown budget: how much of an epoch's budget is used, and how much risk that leaves (design section 6).

use fixed::{Bps, MathError, Wad};

use crate::Params;
use crate::liquidation::sigma_root_time_up;

/// The history of a share price that the budget is counted against.
///
/// The price is the one at the oracle's mid, without exit cost or spread, with fees added back. The high-water mark P*
/// is the largest price of the current and the previous epoch, the last price before them included, so that neither a
/// new epoch nor a long silence makes a loss forgotten at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawdown {
    /// The number of the current epoch: Unix time / length.
    pub epoch: u64,
    /// The largest price since the epoch began, and the last one before.
    pub peak: Wad,
    /// The largest price of the epoch before, and the last one before that.
    pub previous_peak: Wad,
    /// The last price.
    pub last: Wad,
    /// The smallest capacity of the current epoch.
    pub capacity: Wad,
}

impl Drawdown {
    /// A history that begins with `price` (> 0).
    ///
    /// [`MathError::Overflow`] for a price that is not positive, [`MathError::DivisionByZero`] for an epoch of 0 s.
    pub fn start(price: Wad, now_secs: u64, params: &Params) -> Result<Self, MathError> {
        if price <= Wad::ZERO {
            return Err(MathError::Overflow);
        }
        Ok(Self {
            epoch: epoch(now_secs, params)?,
            peak: price,
            previous_peak: price,
            last: price,
            capacity: Wad::ONE,
        })
    }

    /// The history after `price` (≥ 0) was measured. Time that runs backwards counts as standing still.
    ///
    /// The capacity never rises within an epoch. [`MathError::Overflow`] for a negative price.
    pub fn update(&self, price: Wad, now_secs: u64, params: &Params) -> Result<Self, MathError> {
        if price < Wad::ZERO {
            return Err(MathError::Overflow);
        }
        let epoch = epoch(now_secs, params)?.max(self.epoch);
        let mut next = match epoch.saturating_sub(self.epoch) {
            0 => *self,
            passed => Self {
                epoch,
                peak: self.last,
                // After a silent epoch, the last price is all that the previous one is known by.
                previous_peak: if passed == 1 { self.peak } else { self.last },
                last: self.last,
                capacity: Wad::ONE,
            },
        };
        next.peak = next.peak.max(price);
        next.last = price;
        next.capacity = next
            .capacity
            .min(capacity_down(next.used_up()?, params.drawdown_budget)?);
        Ok(next)
    }

    /// The high-water mark P*.
    pub fn high_water(&self) -> Wad {
        self.peak.max(self.previous_peak)
    }

    /// The share of P* that is lost, from 0 to 1. Rounded up.
    pub fn used_up(&self) -> Result<Wad, MathError> {
        self.high_water().sub(self.last)?.div_up(self.high_water())
    }

    /// What the budget move may cost at most: (budget − used)·P*·`supply` in asset units, ≥ 0. Rounded down.
    pub fn allowed_loss_down(&self, supply: Wad, params: &Params) -> Result<Wad, MathError> {
        let left = Wad::ONE.mul_bps_down(params.drawdown_budget)?.sub(self.used_up()?)?;
        left.max(Wad::ZERO).mul_down(self.high_water())?.mul_down(supply)
    }
}

/// The capacity c = 1 − used/budget, from 0 to 1. Rounded down.
///
/// [`MathError::DivisionByZero`] for a budget of 0.
pub fn capacity_down(used: Wad, budget: Bps) -> Result<Wad, MathError> {
    let share = used.div_up(Wad::ONE.mul_bps_down(budget)?)?;
    Ok(Wad::ONE.sub(share)?.max(Wad::ZERO).min(Wad::ONE))
}

/// The effective limit of leverage L·c. Rounded down.
pub fn leverage_limit_down(limit: Wad, capacity: Wad) -> Result<Wad, MathError> {
    limit.mul_down(capacity)
}

/// The budget move m = max(m_min, z·σ·√(reaction time)), as a share of the price. Rounded up.
pub fn budget_move_up(params: &Params) -> Result<Wad, MathError> {
    let usual = sigma_root_time_up(params.volatility, params.reaction_secs)?.mul_up(params.move_sigmas)?;
    Ok(usual.max(Wad::ONE.mul_bps_up(params.min_move)?))
}

fn epoch(now_secs: u64, params: &Params) -> Result<u64, MathError> {
    now_secs
        .checked_div(u64::from(params.epoch_secs))
        .ok_or(MathError::DivisionByZero)
}
