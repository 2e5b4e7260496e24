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

#[cfg(test)]
mod tests {
    use fixed::WAD;
    use proptest::prelude::*;

    use super::*;

    /// Epochs of an hour, a budget of 10 %.
    fn params() -> Params {
        Params {
            epoch_secs: 3_600,
            drawdown_budget: Bps(1_000),
            ..Params::default()
        }
    }

    fn percent(x: i128) -> Wad {
        Wad(x * WAD / 100)
    }

    #[test]
    fn capacity_falls_with_the_loss_and_stays_down_within_the_epoch() {
        let start = Drawdown::start(Wad::ONE, 0, &params()).unwrap();
        let fallen = start.update(percent(95), 60, &params()).unwrap();
        assert_eq!(fallen.capacity, percent(50));
        let back = fallen.update(percent(100), 120, &params()).unwrap();
        assert_eq!((back.capacity, back.used_up().unwrap()), (percent(50), Wad::ZERO));
        assert_eq!(back.update(percent(100), 3_600, &params()).unwrap().capacity, Wad::ONE);
        assert_eq!(start.update(percent(80), 60, &params()).unwrap().capacity, Wad::ZERO);
    }

    #[test]
    fn high_water_counts_two_epochs_and_the_last_price() {
        let start = Drawdown::start(percent(100), 0, &params()).unwrap();
        let fallen = start.update(percent(96), 60, &params()).unwrap();
        let next = fallen.update(percent(95), 3_600, &params()).unwrap();
        assert_eq!((next.high_water(), next.capacity), (percent(100), percent(50)));
        let later = next.update(percent(95), 7_200, &params()).unwrap();
        assert_eq!(later.high_water(), percent(96));
        // After a silence of many epochs, the last price is what is known.
        let silent = fallen.update(percent(90), 360_000, &params()).unwrap();
        assert_eq!(silent.high_water(), percent(96));
        // 1 − (6/96)/0.1
        assert_eq!(silent.capacity, percent(3_750).mul_down(percent(1)).unwrap());
    }

    #[test]
    fn allowed_loss_is_what_is_left_of_the_budget() {
        let start = Drawdown::start(Wad(2 * WAD), 0, &params()).unwrap();
        let fallen = start
            .update(Wad(2 * WAD).mul_down(percent(97)).unwrap(), 60, &params())
            .unwrap();
        // (10 % − 3 %)·2·1000
        assert_eq!(
            fallen.allowed_loss_down(Wad(1_000 * WAD), &params()),
            Ok(Wad(140 * WAD))
        );
        let gone = start.update(Wad(WAD), 60, &params()).unwrap();
        assert_eq!(gone.allowed_loss_down(Wad(1_000 * WAD), &params()), Ok(Wad::ZERO));
        assert_eq!(leverage_limit_down(Wad(2 * WAD), percent(50)), Ok(Wad::ONE));
    }

    #[test]
    fn budget_move_is_the_larger_of_floor_and_deviations() {
        let mut params = Params {
            volatility: Bps(10_000),
            reaction_secs: crate::liquidation::YEAR_SECS / 10_000 + 1,
            move_sigmas: Wad(3 * WAD),
            min_move: Bps(100),
            ..Params::default()
        };
        // 3·√(3154/31536000)
        let usual = budget_move_up(&params).unwrap();
        assert_eq!(usual.0 / (WAD / 1_000_000), 30_001);
        params.min_move = Bps(500);
        assert_eq!(budget_move_up(&params), Ok(percent(5)));
    }

    #[test]
    fn drawdown_unusable_price_is_an_error() {
        assert_eq!(Drawdown::start(Wad::ZERO, 0, &params()), Err(MathError::Overflow));
        let start = Drawdown::start(Wad::ONE, 7_200, &params()).unwrap();
        assert_eq!(start.update(Wad(-1), 7_200, &params()), Err(MathError::Overflow));
        assert_eq!(start.update(Wad::ONE, 0, &params()), Ok(start));
    }

    proptest! {
        /// The capacity never rises within an epoch, is never above what the loss leaves, and the high-water mark is never
        /// below the price.
        #[test]
        fn capacity_never_rises_within_an_epoch(steps in prop::collection::vec((1_i128..200, 0_u64..2_000), 1..40)) {
            let mut now = 0;
            let mut state = Drawdown::start(Wad::ONE, now, &params()).unwrap();
            for (price, wait) in steps {
                now += wait;
                let next = state.update(percent(price), now, &params()).unwrap();
                prop_assert!(next.epoch > state.epoch || next.capacity <= state.capacity);
                prop_assert!(next.capacity <= capacity_down(next.used_up().unwrap(), Bps(1_000)).unwrap());
                prop_assert!(next.high_water() >= percent(price));
                prop_assert!(next.capacity >= Wad::ZERO && next.capacity <= Wad::ONE);
                state = next;
            }
        }
    }
}
