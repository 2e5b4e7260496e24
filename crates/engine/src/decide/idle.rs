//! Rule 9: more cash lies idle than wanted.

use fixed::Wad;

use super::carry::affordable;
use super::{Action, Calc, Lever, OutOfRange, Plan, Side, State};
use crate::leg::Rate;
use crate::venue::over_horizon_down;

/// Allocates what is idle to where the marginal net rate after the allocation is highest, within caps, or `None`.
///
/// A venue's rate falls by `slope · value / capacity`. The gain over the horizon is counted at the rate after the
/// allocation, and must exceed the hurdle times the cost.
pub fn act(state: &State<'_>) -> Result<Option<Plan>, OutOfRange> {
    let params = state.params;
    if !state.means.has(Action::Allocate) {
        return Ok(None);
    }
    let free = state.free_cash()?;
    let stays = state.report.nav_mid.minus(state.facts.liquidity_needed)?.max(Wad::ZERO);
    let idle = free.minus(stays.share_up(params.idle_target)?)?;
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
        let worse = Wad(quote.slope.0.into()).times_up(quote.used_up(value)?)?;
        let earned = i32::try_from(worse.0)
            .ok()
            .and_then(|worse| quote.carry.0.checked_add(worse)?.checked_neg());
        let Some(earned) = earned.filter(|rate| *rate > 0 && best.is_none_or(|(_, best)| *rate > best)) else {
            continue;
        };
        let gain = over_horizon_down(value, Rate(earned), params.carry_horizon_secs)?;
        let cost = value.share_up(quote.fee)?.plus(quote.execution_fee)?;
        if gain <= cost.times_up(params.hurdle)? {
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

#[cfg(test)]
mod tests {
    use fixed::{Bps, WAD};

    use super::*;
    use crate::decide::world::World;
    use crate::decide::{ALLOCATION, IDLE};
    use crate::venue::Quote;

    fn wad(x: i128) -> Wad {
        Wad(x * WAD)
    }

    /// 10,000 of cash, 500 of which stay idle.
    fn rich() -> World {
        let mut world = World::new(10_000, &[(0, 100)]);
        world.params.target_weight = Bps(0);
        world
    }

    fn lend(venue: u8, percent: i32, capacity: i128) -> Quote {
        Quote {
            venue,
            preference: 0,
            action: Action::Allocate,
            side: Side::Buy,
            underlying: 0,
            usable: true,
            capacity: wad(capacity),
            cap: Wad::MAX,
            fee: Bps(0),
            impact: Bps(0),
            carry: Rate(-percent * 10_000),
            slope: Rate(0),
            execution_fee: Wad::ZERO,
        }
    }

    #[test]
    fn act_idle_cash_goes_where_the_rate_after_it_is_highest() {
        let mut world = rich();
        // 8 % falls to 3 % when 9,500 of 19,000 are used, 5 % stays.
        let steep = Quote {
            slope: Rate(100_000),
            ..lend(1, 8, 19_000)
        };
        world.quotes = [steep, lend(2, 5, 19_000), lend(3, 4, 19_000)].to_vec();
        let decision = world.decide();
        assert_eq!(
            (decision.rule, decision.action, decision.venue),
            (ALLOCATION, Action::Allocate, 2)
        );
        assert_eq!(decision.amount_in, wad(9_500));
    }

    #[test]
    fn act_stops_at_caps_and_leaves_the_queue_its_cash() {
        let mut world = rich();
        world.quotes = [Quote {
            cap: wad(700),
            ..lend(1, 8, 19_000)
        }]
        .to_vec();
        assert_eq!(world.decide().amount_in, wad(700));
        world.quotes = [lend(1, 8, 19_000)].to_vec();
        world.facts.liquidity_needed = wad(4_000);
        // 5 % of the 6,000 that stay
        assert_eq!(world.decide().amount_in, wad(5_700));
    }

    #[test]
    fn act_gain_below_the_hurdle_is_idle() {
        let mut world = rich();
        // 5 % a year on 9,500 for a week are 9.1: less than twice 5.
        world.quotes = [Quote {
            execution_fee: wad(5),
            ..lend(1, 5, 19_000)
        }]
        .to_vec();
        assert_eq!(world.decide().rule, IDLE);
        world.quotes = [Quote {
            execution_fee: wad(4),
            ..lend(1, 5, 19_000)
        }]
        .to_vec();
        assert_eq!(world.decide().rule, ALLOCATION);
        world.quotes = [lend(1, 0, 19_000), lend(2, -3, 19_000)].to_vec();
        assert_eq!(world.decide().rule, IDLE);
    }
}
