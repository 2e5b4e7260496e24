//! Rule 7: gamma or vega above its limit.
//!
//! The range or option that adds most to what is exceeded is made smaller. The delta of an option is handed to spot or a
//! perp in the same plan, so that the band holds.

use fixed::Wad;

use super::{Action, CRUMB, Calc, Lever, OutOfRange, Plan, State};

/// The reduction that brings gamma and vega within their limits, or `None`.
pub fn act(state: &State<'_>) -> Result<Option<Plan>, OutOfRange> {
    let report = state.report;
    if report.excess_gamma > Wad::ZERO
        && let Some(plan) = shrink(state, report.excess_gamma, Wad::ZERO)?
    {
        return Ok(Some(plan));
    }
    if report.excess_vega <= Wad::ZERO {
        return Ok(None);
    }
    reduce(state, report.excess_vega, Wad::ZERO, &|lever| {
        let total = state
            .report
            .exposure(lever.underlying)
            .map_or(Wad::ZERO, |exposure| exposure.vega);
        let own = state
            .legs
            .get(usize::from(lever.leg))
            .map_or(Wad::ZERO, |measured| measured.mark.vega);
        same_sign(own, total)
    })
}

/// Makes the leg with the most gamma smaller: by `excess / |Γ|·S²` of it, or where `whole` is given by `excess / whole`.
pub(super) fn shrink(state: &State<'_>, excess: Wad, whole: Wad) -> Result<Option<Plan>, OutOfRange> {
    reduce(state, excess, whole, &|lever| {
        let total = state
            .report
            .exposure(lever.underlying)
            .map_or(Wad::ZERO, |exposure| exposure.gamma);
        let own = state
            .legs
            .get(usize::from(lever.leg))
            .map_or(Wad::ZERO, |measured| measured.mark.gamma);
        let price = state.price(lever.underlying).mid;
        same_sign(own, total)?.times_down(price)?.times_down(price)
    })
}

/// `|own|` if it adds to `total`, else nothing.
fn same_sign(own: Wad, total: Wad) -> Result<Wad, OutOfRange> {
    if (own < Wad::ZERO) == (total < Wad::ZERO) {
        own.magnitude()
    } else {
        Ok(Wad::ZERO)
    }
}

fn reduce(
    state: &State<'_>,
    excess: Wad,
    whole: Wad,
    greek: &dyn Fn(&Lever) -> Result<Wad, OutOfRange>,
) -> Result<Option<Plan>, OutOfRange> {
    let mut best: Option<(Plan, Wad)> = None;
    for lever in &super::lever::levers(state)? {
        if !matches!(lever.action, Action::ShrinkRange | Action::ReduceOption) {
            continue;
        }
        let size = greek(lever)?;
        if size <= Wad::ZERO || best.is_some_and(|(_, best)| size <= best) {
            continue;
        }
        let of = if whole > Wad::ZERO { whole } else { size };
        // For margin, what is left of a leg is not halved for ever.
        let last = whole > Wad::ZERO && lever.value_up(lever.most)? <= state.scale().share_up(CRUMB)?;
        let share = if excess >= of || last {
            Wad::ONE
        } else {
            excess.over_up(of)?
        };
        let wanted = lever.most.times_up(share)?;
        let paired = state.pair(lever, lever.tokens_down(wanted)?)?;
        let plan = match paired {
            Some(plan) => Some(plan),
            None => state.plan(lever, wanted)?,
        };
        if let Some(plan) = plan {
            let promise = size.times_down(plan.amount.over_down(lever.most)?)?;
            best = Some((Plan { promise, ..plan }, size));
        }
    }
    Ok(best.map(|(plan, _)| plan))
}

#[cfg(test)]
mod tests {
    use fixed::WAD;

    use super::*;
    use crate::Leg;
    use crate::decide::world::World;
    use crate::decide::{GREEKS, Side};
    use crate::leg::{Rate, Right};

    fn wad(x: i128) -> Wad {
        Wad(x * WAD)
    }

    /// Liquidity from 64 to 144 at a price of 100.
    fn range(liquidity: i128) -> Leg {
        Leg::Liquidity {
            underlying: 1,
            liquidity: wad(liquidity),
            sqrt_lower: wad(8),
            sqrt_upper: wad(12),
            fees_asset: wad(3),
            fees_underlying: Wad::ZERO,
        }
    }

    fn call(quantity: i128) -> Leg {
        Leg::Option {
            underlying: 1,
            right: Right::Call,
            quantity: wad(quantity),
            strike: wad(100),
            forward: wad(100),
            volatility: Rate(800_000),
            rate: Rate(0),
            expiry: 2_592_000,
        }
    }

    /// Rule 7 alone: what the others would do about the rest of the book is not the point here.
    fn alone(mut world: World) -> World {
        world.facts.skip = !(1 << GREEKS);
        world
    }

    #[test]
    fn act_gamma_above_its_limit_shrinks_the_range_to_it() {
        let mut world = alone(World::new(5_000, &[(10, 100)]).with(range(1_000)));
        // |Γ|·S² = L·√S/2 = 5000.
        world.params.max_gamma = Wad(WAD / 2);
        let decision = world.decide();
        assert_eq!(
            (decision.rule, decision.action, decision.leg),
            (GREEKS, Action::ShrinkRange, 2)
        );
        assert!(decision.amount_in > wad(10) && decision.amount_in < wad(100));
        let after = world.after(&decision, 0);
        assert_eq!(world.accept(&after, &decision), Ok(()));
        assert!(after.assess().report.excess_gamma <= Wad(1_000_000));
        // The tokens stay, and with them the delta.
        assert!((after.assess().report.exposures[0].delta.0 - world.assess().report.exposures[0].delta.0).abs() < 10);
        world.params.max_gamma = wad(20);
        assert_eq!(alone(world).decide().rule, crate::decide::IDLE);
    }

    #[test]
    fn act_vega_above_its_limit_reduces_the_option_and_hands_its_delta_on() {
        let mut world = alone(World::new(5_000, &[(100, 100)]).with(call(200)));
        world.params.max_vega = Wad(WAD / 20);
        let decision = world.decide();
        assert_eq!(
            (decision.rule, decision.action, decision.side),
            (GREEKS, Action::ReduceOption, Side::Sell)
        );
        assert_eq!(decision.partner, Action::Trade);
        let after = world.after(&decision, 0);
        assert_eq!(world.accept(&after, &decision), Ok(()));
        let (before, after) = (world.assess().report, after.assess().report);
        assert!(after.excess_vega < before.excess_vega);
        assert!((after.exposures[0].delta.0 - before.exposures[0].delta.0).abs() < WAD / 1_000);
    }

    #[test]
    fn act_option_that_lowers_the_books_gamma_is_left_alone() {
        // The range is short gamma, the bought call long.
        let mut world = alone(World::new(5_000, &[(10, 100)]).with(range(2_000)).with(call(1)));
        world.params.max_gamma = Wad(WAD / 2);
        let decision = world.decide();
        assert_eq!((decision.action, decision.leg), (Action::ShrinkRange, 2));
    }

    #[test]
    fn act_range_beside_a_written_call_is_shrunk_alone() {
        // A range has no delta to hand on when its tokens stay, so it is no half of a pair.
        let mut world = alone(World::new(5_000, &[(10, 100)]).with(range(1_000)).with(call(-1)));
        world.params.max_gamma = Wad(WAD / 2);
        let decision = world.decide();
        assert_eq!(
            (decision.action, decision.leg, decision.partner),
            (Action::ShrinkRange, 2, Action::None)
        );
    }

    #[test]
    fn act_written_option_is_bought_back_as_far_as_cash_goes() {
        let mut world = alone(World::new(100, &[(100, 100)]).with(call(-100)));
        world.params.max_vega = Wad::ZERO;
        world.params.band = fixed::Bps(2_500);
        world.facts.means = crate::decide::Means::of(Action::ReduceOption);
        let decision = world.decide();
        assert_eq!((decision.action, decision.side), (Action::ReduceOption, Side::Buy));
        // The simulation asserts that the cash suffices, at the worst price too.
        world.after(&decision, 1_000_000);
        assert!(decision.amount_in < wad(12), "{decision:?}");
    }

    #[test]
    fn act_without_the_means_is_skipped() {
        let mut world = alone(World::new(5_000, &[(10, 100)]).with(range(1_000)));
        world.params.max_gamma = Wad(WAD / 2);
        world.facts.means = crate::decide::Means::SPOT;
        assert_eq!(world.decide().rule, crate::decide::IDLE);
    }
}
