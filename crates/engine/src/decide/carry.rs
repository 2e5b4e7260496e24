//! Rule 8: a hedge pays more funding than the threshold, and another venue asks clearly less.

use fixed::{BPS, Bps, Wad};

use super::{Action, Calc, Lever, OutOfRange, Plan, Side, State};
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
pub fn act(state: &State<'_>) -> Result<Option<Plan>, OutOfRange> {
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
            let value = size.magnitude()?.times_down(price)?.min(quote.room());
            if value < params.min_trade.max(Wad(1)) {
                continue;
            }
            // Closed here and opened there.
            let traded = value.plus(value)?;
            let saved = Rate(i32::try_from(saved).unwrap_or(i32::MAX));
            let gain = over_horizon_down(value, saved, params.carry_horizon_secs)?;
            let cost = quote.cost_up(value, 0)?.plus(value.share_up(params.exit_cost)?)?;
            if gain <= cost.times_up(params.hurdle)?
                || best.is_some_and(|best| best.promise >= gain.minus(cost).unwrap_or(gain))
            {
                continue;
            }
            best = Some(Plan {
                lever: Lever {
                    action: Action::MoveHedge,
                    side,
                    underlying,
                    leg,
                    most: size.magnitude()?,
                    unit_delta: Wad::ONE,
                    unit_value: price.plus(price)?,
                    unit_flow: Wad::ZERO,
                    gross: 0,
                },
                amount: value.over_down(price)?,
                promise: gain.minus(cost)?,
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
pub(super) fn affordable(state: &State<'_>, gain: Wad, traded: Wad) -> Result<Wad, OutOfRange> {
    debug_assert!(state.slippage.0 <= BPS);
    let slipped = traded.share_down(state.slippage)?;
    Ok(gain
        .over_down(state.params.hurdle)?
        .min(slipped)
        .min(state.facts.cost_left))
}

#[cfg(test)]
mod tests {
    use fixed::WAD;

    use super::*;
    use crate::decide::world::World;
    use crate::decide::{CARRY, IDLE};
    use crate::venue::Quote;

    fn wad(x: i128) -> Wad {
        Wad(x * WAD)
    }

    /// Spot of 50 at 100, hedged by a short that pays `rate` percent a year.
    fn hedged(rate: i32) -> World {
        let mut world = World::new(1_000, &[(50, 100)]).with_perp(-50, 2_000);
        if let Leg::Perp { rate: own, .. } = &mut world.legs[2] {
            *own = Rate(rate * 10_000);
        }
        world.params.target_weight = Bps(0);
        world.params.max_gross_leverage = wad(10);
        world.facts.skip = !(1 << CARRY);
        world
    }

    fn offer(venue: u8, percent: i32) -> Quote {
        Quote {
            venue,
            preference: 0,
            action: Action::MoveHedge,
            side: Side::Sell,
            underlying: 1,
            usable: true,
            capacity: wad(1_000_000),
            cap: Wad::MAX,
            fee: Bps(5),
            impact: Bps(0),
            carry: Rate(percent * 10_000),
            slope: Rate(0),
            execution_fee: Wad::ZERO,
        }
    }

    #[test]
    fn act_dear_hedge_moves_to_the_cheapest_venue() {
        let mut world = hedged(50);
        world.quotes = [offer(3, 10), offer(4, 5), offer(5, 30)].to_vec();
        let decision = world.decide();
        assert_eq!((decision.rule, decision.action), (CARRY, Action::MoveHedge));
        assert_eq!((decision.leg, decision.venue, decision.amount_in), (2, 4, wad(50)));
        // 45 % a year on 5000 for a week, half of it.
        let gain = over_horizon_down(wad(5_000), Rate(450_000), 604_800).unwrap();
        assert_eq!(decision.cost_bound, gain.div_down(wad(2)).unwrap());
    }

    #[test]
    fn act_below_threshold_hysteresis_or_hurdle_stays() {
        let of = |own, percent, fee| {
            let mut world = hedged(own);
            world.quotes = [Quote {
                fee: Bps(fee),
                ..offer(3, percent)
            }]
            .to_vec();
            world.decide().rule
        };
        assert_eq!(of(50, 10, 5), CARRY);
        // The threshold is 10 % and the hysteresis 5 %.
        assert_eq!(of(10, 0, 0), IDLE);
        assert_eq!(of(11, 0, 0), CARRY);
        assert_eq!(of(50, 45, 0), IDLE);
        assert_eq!(of(50, 44, 0), CARRY);
        // 40 % a year for a week are 77 bps, which must be twice the cost.
        assert_eq!(of(50, 10, 38), CARRY);
        assert_eq!(of(50, 10, 39), IDLE);
    }

    #[test]
    fn act_after_the_move_does_not_move_back() {
        let mut world = hedged(10);
        world.quotes = [offer(3, 50), offer(4, 9)].to_vec();
        assert_eq!(world.decide().rule, IDLE);
    }
}
