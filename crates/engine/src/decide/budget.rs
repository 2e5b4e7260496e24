//! Rule 2: the drawdown budget.
//!
//! While there is capacity, the loss under the budget move must fit into what is left of the budget; above it, delta is
//! reduced. Without capacity the book is flattened towards the safe state of design section 6: every leg that can be
//! closed is closed (a hedged pair in one plan), and what cannot be closed is hedged to delta 0.

use fixed::Wad;

use super::{Calc, Facts, Lever, OutOfRange, Plan, State};
use crate::Report;

/// What is left of the budget after the budget move, in asset units; negative by the excess.
///
/// Without capacity the excess is gross + 2 · net exposure. Of all weights these make every step towards the safe state
/// an improvement: closing an unhedged leg (−3 per unit of value), closing a hedged pair (−2 per leg), hedging what
/// cannot be closed (+1 − 2), while closing one leg of a hedged pair (−1 + 2) is none.
pub fn distance(report: &Report, facts: &Facts<'_>) -> Result<Wad, OutOfRange> {
    if facts.capacity > Wad::ZERO {
        return facts.budget_left.minus(report.budget_loss);
    }
    report
        .gross_value
        .plus(report.net_value)?
        .plus(report.net_value)?
        .negated()
}

/// The reduction that is needed, or `None` within the budget or if nothing can be reduced.
pub fn act(state: &State<'_>) -> Result<Option<Plan>, OutOfRange> {
    let excess = distance(state.report, state.facts)?.negated()?;
    if excess <= Wad::ZERO {
        return Ok(None);
    }
    if state.facts.capacity > Wad::ZERO {
        return reduce(state, excess);
    }
    // Close what is not hedged, then hedged pairs, and hedge what is left.
    if let Some(plan) = state.pick(&|lever| worth(state, lever, lever.gross < 0))? {
        return Ok(Some(plan));
    }
    if let Some(plan) = state.unwind(state.report.gross_value)? {
        return Ok(Some(plan));
    }
    state.pick(&|lever| worth(state, lever, lever.gross > 0))
}

/// What `lever` can close or hedge, and what that is worth; nothing if it is no `candidate`, or below `min_trade`.
fn worth(state: &State<'_>, lever: &Lever, candidate: bool) -> Result<(Wad, Wad), OutOfRange> {
    let hedged = if lever.gross == -2 {
        Wad::MAX
    } else {
        lever.native_down(lever.until_flat(state)?)
    };
    let amount = lever.most.min(hedged);
    if !candidate || amount <= Wad::ZERO {
        return Ok((Wad::ZERO, Wad::ZERO));
    }
    let value = lever.value_up(amount)?;
    Ok((
        if value < state.params.min_trade {
            Wad::ZERO
        } else {
            amount
        },
        value,
    ))
}

/// The trade that brings the loss under the budget move down by `excess`, with the largest lever that helps.
///
/// The loss per unit of netted value is taken as the same throughout, which it is for a linear book.
fn reduce(state: &State<'_>, excess: Wad) -> Result<Option<Plan>, OutOfRange> {
    let report = state.report;
    if report.net_value <= Wad::ZERO {
        return Ok(None);
    }
    let rate = report.budget_loss.over_down(report.net_value)?;
    if rate <= Wad::ZERO {
        return Ok(None);
    }
    let value = excess.over_up(rate)?;
    let plan = state.pick(&|lever| {
        let to_zero = lever.until_flat(state)?;
        let tokens = state
            .at_least_smallest(lever, value.over_up(state.price(lever.underlying).mid)?)?
            .min(to_zero);
        let wanted = if tokens > Wad::ZERO {
            lever.native_down(tokens)
        } else {
            Wad::ZERO
        };
        Ok((wanted, lever.value_up(wanted.min(lever.most))?))
    })?;
    Ok(match plan {
        Some(plan) => Some(Plan {
            promise: plan.promise.times_down(rate)?,
            ..plan
        }),
        None => None,
    })
}

#[cfg(test)]
mod tests {
    use fixed::{Bps, WAD};

    use super::*;
    use crate::Leg;
    use crate::decide::world::World;
    use crate::decide::{Action, BUDGET, Means, Side};

    fn wad(x: i128) -> Wad {
        Wad(x * WAD)
    }

    #[test]
    fn act_loss_above_what_is_left_sells_until_it_fits() {
        // A tenth of the price is lost on 50 tokens at 100, and 300 are left.
        let mut world = World::new(5_000, &[(50, 100)]);
        world.params.min_move = Bps(1_000);
        world.facts.budget_left = wad(300);
        let decision = world.decide();
        assert_eq!(
            (decision.rule, decision.action, decision.side),
            (BUDGET, Action::Trade, Side::Sell)
        );
        assert_eq!(decision.amount_in, wad(20));
        let after = world.after(&decision, 1_000_000);
        assert_eq!(world.accept(&after, &decision), Ok(()));
        assert!(after.assess().report.budget_loss <= wad(300));
        world.facts.budget_left = wad(500);
        assert_ne!(world.decide().rule, BUDGET);
    }

    #[test]
    fn act_without_capacity_sells_everything() {
        let mut world = World::new(5_000, &[(50, 100), (30, 10)]);
        world.facts.capacity = Wad::ZERO;
        let first = world.decide();
        assert_eq!((first.rule, first.underlying, first.amount_in), (BUDGET, 1, wad(50)));
        let second = world.after(&first, 0);
        let decision = second.decide();
        assert_eq!(
            (decision.rule, decision.underlying, decision.amount_in),
            (BUDGET, 2, wad(30))
        );
        assert_eq!(second.after(&decision, 0).decide().rule, crate::decide::IDLE);
    }

    #[test]
    fn act_without_capacity_unwinds_a_hedged_pair_in_one_plan() {
        let mut world = World::new(1_000, &[(50, 100)]).with_perp(-50, 2_000);
        world.facts.capacity = Wad::ZERO;
        let decision = world.decide();
        assert_eq!(
            (decision.rule, decision.action, decision.amount_in),
            (BUDGET, Action::Trade, wad(50))
        );
        assert_eq!(
            (decision.partner, decision.partner_leg, decision.partner_amount),
            (Action::ReducePerp, 2, wad(50))
        );
        let after = world.after(&decision, 1_000_000);
        assert_eq!(world.accept(&after, &decision), Ok(()));
        assert_eq!(after.assess().report.gross_value, Wad::ZERO);
        // One of the two alone leaves the other naked, and is not accepted.
        let mut half = decision;
        half.partner = Action::None;
        assert!(world.accept(&world.after(&half, 0), &half).is_err());
    }

    #[test]
    fn act_without_capacity_hedges_what_cannot_be_closed() {
        // Without means to trade spot, the perp hedges it.
        let mut world = World::new(1_000, &[(50, 100)]).with_perp(0, 5_000);
        world.facts.capacity = Wad::ZERO;
        world.facts.means = Means::of(Action::IncreasePerp);
        let decision = world.decide();
        assert_eq!(
            (decision.rule, decision.action, decision.amount_in),
            (BUDGET, Action::IncreasePerp, wad(50))
        );
        let after = world.after(&decision, 0);
        assert_eq!(world.accept(&after, &decision), Ok(()));
        assert_eq!(after.decide().rule, crate::decide::IDLE);
    }

    #[test]
    fn act_without_capacity_closes_before_it_hedges() {
        // A hedge of all 70 would be larger than the spot that can be sold.
        let mut world = World::new(1_000, &[(50, 100)]).with_perp(20, 2_000).with_perp(0, 9_000);
        world.facts.capacity = Wad::ZERO;
        let decision = world.decide();
        assert_eq!(
            (decision.rule, decision.action, decision.amount_in),
            (BUDGET, Action::Trade, wad(50))
        );
    }

    #[test]
    fn act_without_capacity_repays_borrowed_spot_from_spot() {
        let mut world = World::new(9_000, &[(20, 100)]).with(Leg::BorrowedSpot {
            underlying: 1,
            quantity: wad(20),
            rate: crate::leg::Rate(0),
        });
        world.facts.capacity = Wad::ZERO;
        let decision = world.decide();
        assert_eq!(
            (decision.rule, decision.action, decision.amount_in),
            (BUDGET, Action::Repay, wad(20))
        );
        assert_eq!(world.accept(&world.after(&decision, 0), &decision), Ok(()));
    }
}
