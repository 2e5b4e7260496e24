//! Rule 9: more cash lies idle than wanted.

use fixed::{MathError, Wad};

use super::carry::affordable;
use super::{Action, Lever, Plan, Side, State};
use crate::leg::Rate;
use crate::venue::over_horizon_down;

/// Allocates what is idle to where the marginal net rate after the allocation is highest, within caps, or `None`.
///
/// A venue's rate falls by `slope · value / capacity`. The gain over the horizon is counted at the rate after the
/// allocation, and must exceed the hurdle times the cost.
pub fn act(state: &State<'_>) -> Result<Option<Plan>, MathError> {
    let params = state.params;
    if !state.means.has(Action::Allocate) {
        return Ok(None);
    }
    let free = state.free_cash()?;
    let stays = state.report.nav_mid.sub(state.facts.liquidity_needed)?.max(Wad::ZERO);
    let idle = free.sub(stays.mul_bps_up(params.idle_target)?)?;
    let mut best: Option<(Plan, i32)> = None;
    for quote in state
        .facts
        .quotes
        .iter()
        .filter(|quote| quote.action == Action::Allocate)
    {
        let value = idle.min(quote.room());
        if value < params.min_trade.max(Wad(1)) {
            continue;
        }
        let worse = Wad(quote.slope.0.into()).mul_up(quote.used_up(value)?)?;
        let earned = i32::try_from(worse.0)
            .ok()
            .and_then(|worse| quote.carry.0.checked_add(worse)?.checked_neg());
        let Some(earned) = earned.filter(|rate| *rate > 0 && best.is_none_or(|(_, best)| *rate > best)) else {
            continue;
        };
        let gain = over_horizon_down(value, Rate(earned), params.carry_horizon_secs)?;
        let cost = value.mul_bps_up(quote.fee)?.add(quote.execution_fee)?;
        if gain <= cost.mul_up(params.hurdle)? {
            continue;
        }
        let plan = Plan {
            lever: Lever {
                action: Action::Allocate,
                side: Side::Buy,
                underlying: quote.underlying,
                leg: Lever::NO_LEG,
                most: value,
                unit_delta: Wad::ZERO,
                unit_value: Wad::ONE,
                unit_flow: Wad::ZERO,
                gross: 0,
            },
            amount: value,
            promise: gain,
            venue: quote.venue,
            partner: None,
            cost_bound: affordable(state, gain, value)?,
        };
        best = Some((plan, earned));
    }
    Ok(best.map(|(plan, _)| plan))
}
