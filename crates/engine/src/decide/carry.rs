//! Rule 8: a hedge pays more funding than the threshold, and another venue asks clearly less.

use fixed::{BPS, Bps, MathError, Wad};

use super::{Action, Lever, Plan, Side, State};
use crate::Leg;
use crate::leg::Rate;
use crate::venue::over_horizon_down;

/// Basis points as a [`Rate`]'s millionths.
const fn millionths(share: Bps) -> i64 {
    share.0 as i64 * 100
}

/// Moves the perp with the largest net gain, or `None`.
///
/// The gain is what the other venue costs less over the horizon; it must exceed the hurdle times the cost of closing here
/// (the book's exit cost) and opening there. The hysteresis keeps the hedge from moving back: the other venue must be
/// cheaper by more than that.
pub fn act(state: &State<'_>) -> Result<Option<Plan>, MathError> {
    let params = state.params;
    let mut best: Option<Plan> = None;
    if !state.means.has(Action::MoveHedge) {
        return Ok(None);
    }
    for (measured, leg) in state.legs.iter().zip(0_u8..64) {
        let Leg::Perp {
            underlying, size, rate, ..
        } = measured.leg
        else {
            continue;
        };
        if size == Wad::ZERO
            || state.facts.blocked & (1 << leg) != 0
            || i64::from(rate.0) <= millionths(params.funding_threshold)
        {
            continue;
        }
        let side = if size < Wad::ZERO { Side::Sell } else { Side::Buy };
        let price = state.price(underlying).mid;
        for quote in state.facts.quotes {
            let fits = quote.action == Action::MoveHedge && quote.underlying == underlying && quote.side == side;
            let saved = i64::from(rate.0).saturating_sub(quote.carry.0.into());
            if !fits || saved <= millionths(params.funding_hysteresis) {
                continue;
            }
            let value = size.abs()?.mul_down(price)?.min(quote.room());
            if value < params.min_trade.max(Wad(1)) {
                continue;
            }
            // Closed here and opened there.
            let traded = value.add(value)?;
            let saved = Rate(i32::try_from(saved).unwrap_or(i32::MAX));
            let gain = over_horizon_down(value, saved, params.carry_horizon_secs)?;
            let cost = quote.cost_up(value, 0)?.add(value.mul_bps_up(params.exit_cost)?)?;
            if gain <= cost.mul_up(params.hurdle)?
                || best.is_some_and(|best| best.promise >= gain.sub(cost).unwrap_or(gain))
            {
                continue;
            }
            best = Some(Plan {
                lever: Lever {
                    action: Action::MoveHedge,
                    side,
                    underlying,
                    leg,
                    most: size.abs()?,
                    unit_delta: Wad::ONE,
                    unit_value: price.add(price)?,
                    unit_flow: Wad::ZERO,
                    gross: 0,
                },
                amount: value.div_down(price)?,
                promise: gain.sub(cost)?,
                venue: quote.venue,
                partner: None,
                cost_bound: affordable(state, gain, traded)?,
            });
        }
    }
    Ok(best)
}

/// The most that a yield action with this `gain` may cost: the hurdle's share of it, within the slippage and what the
/// epoch may still cost. Rounded down.
pub(super) fn affordable(state: &State<'_>, gain: Wad, traded: Wad) -> Result<Wad, MathError> {
    debug_assert!(state.slippage.0 <= BPS);
    let slipped = traded.mul_bps_down(state.slippage)?;
    Ok(gain
        .div_down(state.params.hurdle)?
        .min(slipped)
        .min(state.facts.cost_left))
}
