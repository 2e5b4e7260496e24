//! Rule 3: a leg is closer to its liquidation than the minimum distance.
//!
//! Cash first: what the leg's margin lacks is added from the book's cash, even cash that the queue waits for (the queue
//! is a later rule). Without cash, or without the means, the leg is made smaller.

use fixed::{Bps, Wad};

use super::lever::levers;
use super::{Action, Calc, Lever, OutOfRange, Plan, SMALLEST, Side, State};
use crate::Leg;
use crate::liquidation::{Moves, perp_headroom};
use crate::report::Measured;

/// Margin that covers less of what is missing than this share is not worth a call.
const ENOUGH: Bps = Bps(2_500);

/// What adds margin to, or reduces, the leg that lacks most; `None` if none lacks any or nothing can be done.
pub fn act(state: &State<'_>) -> Result<Option<Plan>, OutOfRange> {
    if state.report.excess_liquidation <= Wad::ZERO {
        return Ok(None);
    }
    let mut best: Option<Plan> = None;
    for (measured, leg) in state.legs.iter().zip(0_u8..64) {
        let shortfall = measured.liquidation.map_or(Wad::ZERO, |distance| distance.shortfall);
        if shortfall <= Wad::ZERO || state.facts.blocked & (1 << leg) != 0 {
            continue;
        }
        if let Some(plan) = mend(state, measured, leg, shortfall)?
            && best.is_none_or(|best| rank(&best) < rank(&plan))
        {
            best = Some(plan);
        }
    }
    Ok(best)
}

/// What needs no exchange first: spot that is sold for one loan may be what another one is owed. Then the largest.
fn rank(plan: &Plan) -> (bool, Wad) {
    (plan.lever.action != Action::Trade, plan.promise)
}

fn mend(state: &State<'_>, measured: &Measured, leg: u8, shortfall: Wad) -> Result<Option<Plan>, OutOfRange> {
    let cash = Lever {
        action: Action::AddMargin,
        side: Side::Sell,
        underlying: 0,
        leg,
        most: state.report.liquid,
        unit_delta: Wad::ZERO,
        unit_value: Wad::ONE,
        unit_flow: Wad::ZERO,
        gross: 0,
    };
    let lever = match measured.leg {
        Leg::Debt { amount, .. } => Lever {
            action: Action::Repay,
            most: cash.most.min(amount),
            ..cash
        },
        Leg::BorrowedSpot {
            underlying, quantity, ..
        } => Lever {
            action: Action::Repay,
            underlying,
            most: state.spot(underlying).min(quantity),
            unit_value: state.price(underlying).mid,
            gross: -2,
            ..cash
        },
        _ => cash,
    };
    let owed = measured.mark.value.magnitude()?;
    // Cash and spot are the loans' collateral, up to the threshold: what leaves helps that much less.
    let loans = state.legs.iter().any(|measured| {
        let loan = matches!(measured.leg, Leg::Debt { .. } | Leg::BorrowedSpot { .. });
        loan && measured.mark.value < Wad::ZERO
    });
    let (mut gain, mut value) = (Wad::ONE, shortfall);
    if loans {
        gain = Wad::ONE.minus(Wad::ONE.share_up(state.params.lending_threshold)?)?;
    }
    if lever.action == Action::Repay {
        value = shortfall.over_up(gain)?;
    }
    let smallest = if loans && lever.action != Action::Repay {
        Wad::ZERO
    } else {
        state.scale().share_up(SMALLEST)?
    };
    let mut direct = None;
    if state.means.has(lever.action) {
        direct = state.plan(&lever, value.max(smallest).over_up(lever.unit_value)?)?;
        if let Some(plan) = &mut direct {
            plan.promise = plan.promise.min(value);
        }
    }
    // All that is missing, or at least a good part of it.
    if direct.is_some_and(|plan| plan.promise >= value) {
        return promised(direct, gain);
    }
    let direct = direct.filter(|plan| plan.promise >= value.share_up(ENOUGH).unwrap_or(value));
    match measured.leg {
        Leg::Perp { .. } => Ok(reduce(state, measured, leg, shortfall)?.or(promised(direct, gain)?)),
        _ if direct.is_some() || !state.means.has(lever.action) => promised(direct, gain),
        _ => promised(exchange_and_repay(state, &lever, value.min(owed))?, gain),
    }
}

/// `plan`, of whose value the share `gain` counts.
fn promised(plan: Option<Plan>, gain: Wad) -> Result<Option<Plan>, OutOfRange> {
    let Some(plan) = plan else { return Ok(None) };
    Ok(Some(Plan {
        promise: plan.promise.times_down(gain)?,
        ..plan
    }))
}

/// Makes a perp smaller by the share x at which its margin suffices.
///
/// What it needs is proportional to its notional N and what it has, C, falls only by the trade's slippage:
/// `C − s·x·N = (1 − x)·(C + shortfall)`, so `x = shortfall / (C + shortfall − s·N)`. All of it if that is not below 1.
/// Together with what it hedges, if an earlier rule forbids reducing it alone.
fn reduce(state: &State<'_>, measured: &Measured, leg: u8, shortfall: Wad) -> Result<Option<Plan>, OutOfRange> {
    for lever in &levers(state)? {
        if (lever.action, lever.leg) != (Action::ReducePerp, leg) {
            continue;
        }
        let slip = lever.value_up(lever.most)?.share_up(state.slippage)?;
        let needed = measured.mark.value.plus(shortfall)?.minus(slip)?;
        let share = if needed <= shortfall {
            Wad::ONE
        } else {
            shortfall.over_up(needed)?
        };
        let wanted = state.at_least_smallest(lever, lever.most.times_up(share)?)?;
        let plan = match state.plan(lever, wanted)? {
            Some(plan) => Some(plan),
            None => state.pair(lever, wanted)?,
        };
        // The excess falls with the size, whatever that is worth.
        return match plan {
            Some(plan) => Ok(Some(Plan {
                promise: shortfall.times_down(plan.amount.over_down(wanted)?)?,
                ..plan
            })),
            None => Ok(None),
        };
    }
    Ok(None)
}

/// Exchanges what the book has for what it owes, and repays that in the same plan.
fn exchange_and_repay(state: &State<'_>, repay: &Lever, missing: Wad) -> Result<Option<Plan>, OutOfRange> {
    let kept = Wad::ONE.share_down(state.kept()?)?;
    let side = if repay.underlying == 0 { Side::Sell } else { Side::Buy };
    let plan = state.pick(&|lever| {
        let fits = lever.action == Action::Trade
            && lever.side == side
            && (side == Side::Sell || lever.underlying == repay.underlying);
        let value = if fits { missing.over_up(kept)? } else { Wad::ZERO };
        let tokens = state.at_least_smallest(lever, value.over_up(lever.unit_value)?)?;
        Ok((tokens, lever.value_up(lever.most)?))
    })?;
    // Below the smallest trade two loans could take turns.
    let Some(plan) = plan.filter(|plan| plan.promise >= state.params.min_trade) else {
        return Ok(None);
    };
    // At the worst accepted price.
    let received = if side == Side::Sell {
        plan.amount.times_down(plan.lever.unit_value)?
    } else {
        plan.amount
    };
    let received = received.times_down(kept)?.min(missing.over_down(repay.unit_value)?);
    Ok(Some(Plan {
        promise: received.times_down(repay.unit_value)?,
        partner: Some((*repay, received)),
        ..plan
    }))
}

/// How much a perp may be bought or sold, away from zero, before it is closer to its liquidation than the minimum d, in
/// tokens. Rounded down.
///
/// Per unit of value, what is left above the venue's requirement ([`perp_headroom`]) falls by
/// `d + (1 + d) · (maintenance + closing cost) + slippage` at most, after a move of d against the position.
pub(crate) fn increase_down(state: &State<'_>, leg: &Leg, side: Side) -> Result<Wad, OutOfRange> {
    let closing_cost = state.params.exit_cost;
    let (Leg::Perp { maintenance, .. }, Some(headroom)) = (leg, perp_headroom(leg, closing_cost)?) else {
        return Ok(Wad::ZERO);
    };
    let price = state.price(leg.underlying()).mid;
    let minimum = Moves::new(state.params)?.minimum;
    let change = if side == Side::Buy {
        minimum.min(Wad::ONE).negated()?
    } else {
        minimum
    };
    let free = headroom.value_down(price.plus(price.times_down(change)?)?)?;
    let required = Bps(maintenance.0.checked_add(closing_cost.0).ok_or(OutOfRange)?);
    let per_unit = Wad::ONE
        .plus(minimum)?
        .share_up(required)?
        .plus(minimum)?
        .plus(Wad::ONE.share_up(state.slippage)?)?;
    free.max(Wad::ZERO).over_down(per_unit)?.over_down(price)
}

#[cfg(test)]
mod tests {
    use fixed::WAD;

    use super::*;
    use crate::decide::world::World;
    use crate::decide::{LIQUIDATION, Means};
    use crate::leg::Rate;

    fn wad(x: i128) -> Wad {
        Wad(x * WAD)
    }

    /// A long of 100 at 100 with a margin of 500, 1 % of which the venue requires: liquidated 4 % lower.
    fn thin(cash: i128) -> World {
        let mut world = World::new(cash, &[(0, 100)]).with_perp(100, 500);
        world.params.max_gross_leverage = wad(10);
        world.params.max_net_leverage = wad(5);
        world
    }

    fn shortfall(world: &World) -> Wad {
        world.assess().report.excess_liquidation
    }

    #[test]
    fn act_cash_at_hand_is_added_to_the_margin() {
        let world = thin(5_000);
        let decision = world.decide();
        assert_eq!(
            (decision.rule, decision.action, decision.leg),
            (LIQUIDATION, Action::AddMargin, 2)
        );
        assert_eq!(decision.amount_in, shortfall(&world));
        let after = world.after(&decision, 0);
        assert_eq!(world.accept(&after, &decision), Ok(()));
        assert_eq!(shortfall(&after), Wad::ZERO);
    }

    #[test]
    fn act_cash_goes_to_the_margin_before_the_queue() {
        let mut world = thin(5_000);
        world.facts.liquidity_needed = wad(5_000);
        let decision = world.decide();
        assert_eq!((decision.rule, decision.action), (LIQUIDATION, Action::AddMargin));
        assert_eq!(world.accept(&world.after(&decision, 0), &decision), Ok(()));
    }

    #[test]
    fn act_without_cash_reduces_the_position_until_its_margin_suffices() {
        for means in [Means::ALL, Means::of(Action::ReducePerp)] {
            let mut world = thin(if means == Means::ALL { 10 } else { 5_000 });
            world.facts.means = means;
            let decision = world.decide();
            assert_eq!(
                (decision.rule, decision.action, decision.leg),
                (LIQUIDATION, Action::ReducePerp, 2)
            );
            assert!(decision.amount_in > Wad::ZERO && decision.amount_in < wad(100));
            let after = world.after(&decision, 1_000_000);
            assert_eq!(world.accept(&after, &decision), Ok(()));
            assert!(shortfall(&after) <= Wad(100));
        }
    }

    #[test]
    fn act_far_from_liquidation_is_idle() {
        let world = World::new(5_000, &[(0, 100)]).with_perp(10, 500);
        assert_eq!(shortfall(&world), Wad::ZERO);
        assert_ne!(world.decide().rule, LIQUIDATION);
    }

    #[test]
    fn act_leg_that_is_blocked_is_left_alone() {
        let mut world = thin(5_000);
        world.facts.blocked = 1 << 2;
        assert_ne!(world.decide().rule, LIQUIDATION);
    }

    #[test]
    fn act_loan_without_cash_sells_spot_and_repays_in_one_plan() {
        let world = World::new(0, &[(10, 100)]).with(Leg::Debt {
            amount: wad(780),
            rate: Rate(0),
        });
        let decision = world.decide();
        assert_eq!(
            (decision.rule, decision.action, decision.side),
            (LIQUIDATION, Action::Trade, Side::Sell)
        );
        assert_eq!((decision.partner, decision.partner_leg), (Action::Repay, 2));
        for slippage in [0, 1_000_000] {
            let after = world.after(&decision, slippage);
            assert_eq!(world.accept(&after, &decision), Ok(()));
            assert_eq!(shortfall(&after), Wad::ZERO);
        }
    }

    #[test]
    fn increase_keeps_the_minimum_distance_at_the_worst_price() {
        let world = World::new(0, &[(0, 100)]).with_perp(10, 1_000);
        let assessment = world.assess();
        let facts = world.facts();
        let state = State {
            report: &assessment.report,
            legs: &assessment.legs,
            prices: &world.prices,
            params: &world.params,
            facts: &facts,
            means: Means::ALL,
            slippage: Bps(50),
            rule: 6,
        };
        let most = increase_down(&state, &world.legs[2], Side::Buy).unwrap();
        assert!(most > wad(50));
        let bought = |tokens: i128| {
            let mut after = world.clone();
            if let Leg::Perp { size, cost_basis, .. } = &mut after.legs[2] {
                size.0 += tokens;
                cost_basis.0 += tokens / 10_000 * 10_050 * 100;
            }
            shortfall(&after)
        };
        assert_eq!(bought(most.0), Wad::ZERO);
        assert!(bought(most.0 + most.0 / 20) > Wad::ZERO);
    }
}
