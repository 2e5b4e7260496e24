//! What every decision has to satisfy, whatever the book; the ids are those of `test/invariants.md`.

use fixed::{WAD, Wad};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::world::{World, any_curved_world, any_world};
use super::{
    ALLOCATION, Action, BAND, BUDGET, Decision, IDLE, LEVERAGE, LIQUIDATION, Means, Oracle, QUEUE, distances, excess,
    rule_excess,
};

/// The gross and twice the net exposure: what every reduce-only action lowers.
fn exposure(world: &World) -> Wad {
    let report = world.assess().report;
    Wad(report.gross_value.0 + 2 * report.net_value.0)
}

/// 500 cases, or more if `PROPTEST_CASES` says so.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: default.cases.max(500),
        max_global_rejects: 1_000_000,
        failure_persistence: None,
        ..default
    }
}

proptest! {
    #![proptest_config(config())]

    /// The same input gives the same decision.
    #[test]
    fn decide_same_input_is_the_same_decision(world in any_world()) {
        let decision = world.decide();
        prop_assert_eq!(decision, world.clone().decide(), "DEC-1");
        prop_assert_eq!(Decision::from_words(&decision.words()), Some(decision), "DEC-1");
    }

    /// A decision carried out at any price within its bounds is accepted, at the worst one too.
    #[test]
    fn decide_executed_within_its_bounds_is_accepted(world in any_world(), slippage in prop_oneof![Just(0), Just(1_000_000), 0..=1_000_000_i128]) {
        let decision = world.decide();
        prop_assume!(decision.rule != IDLE);
        let after = world.after(&decision, slippage);
        prop_assert_eq!(world.accept(&after, &decision), Ok(()), "DEC-8: {:?}", decision);
    }

    /// Whatever happened to the book instead: if it is accepted, no earlier rule is worse off, and the cost is within its
    /// bound.
    #[test]
    fn accept_anything_accepted_raises_no_earlier_excess(
        world in any_world(),
        slippage in 0..=1_000_000_i128,
        cash in prop_oneof![Just(0), -1_000 * WAD..1_000 * WAD],
        spot in prop_oneof![Just(0), -10 * WAD..10 * WAD],
        dropped in 0_usize..12,
    ) {
        let decision = world.decide();
        prop_assume!(decision.rule != IDLE);
        let mut after = world.after(&decision, slippage);
        after.disturb(cash, spot, dropped);
        prop_assume!(world.accept(&after, &decision).is_ok());
        let of = |other: &World| distances(&other.assess().report, &world.prices, &world.params, &world.facts()).unwrap();
        let (was, is) = (of(&world), of(&after));
        for (index, rule) in super::RULE_OF.iter().enumerate() {
            let rises = excess(&is, index).0 > excess(&was, index).0 + crate::accept::DUST.0;
            prop_assert!(*rule > decision.rule || !rises, "DEC-3: rule {}", rule);
        }
        let cost = world.assess().report.nav_mid.0 - after.assess().report.nav_mid.0;
        prop_assert!(cost <= decision.cost_bound.0 + crate::accept::DUST.0, "DEC-10");
    }

    /// Doing nothing, or half a dust of it, is not accepted.
    #[test]
    fn accept_nothing_done_is_rejected(world in any_world()) {
        let decision = world.decide();
        prop_assume!(decision.rule != IDLE);
        prop_assert!(world.accept(&world, &decision).is_err(), "DEC-3");
    }

    /// The cost bound is at most the hard cap, and the maximal slippage outside of rules 2 to 4.
    #[test]
    fn decide_any_book_keeps_the_cost_bound_below_the_cap(world in any_world()) {
        let decision = world.decide();
        let usual = world.params.max_slippage;
        let cap = if decision.rule > super::LEVERAGE { usual } else { usual.max(world.params.cost_cap) };
        prop_assert!(decision.cost_bound <= decision.value.mul_bps_up(cap).unwrap(), "DEC-10");
    }

    /// No action needs what the book does not have. The simulation asserts the rest of it.
    #[test]
    fn decide_any_book_stays_within_holdings(world in any_world()) {
        let decision = world.decide();
        prop_assert_eq!(decision.rule == IDLE, decision.action == Action::None, "DEC-4");
        prop_assert_eq!(decision.rule == IDLE, decision.amount_in == Wad::ZERO, "DEC-4");
        prop_assert!(decision.rule == IDLE || world.facts.means.has(decision.action), "DEC-4");
        prop_assert!(decision.partner == Action::None || world.facts.means.has(decision.partner), "DEC-4");
        if decision.rule != IDLE {
            world.after(&decision, 0);
        }
    }

    /// Without drawdown capacity, nothing but what makes the book smaller or better collateralised is decided.
    #[test]
    fn decide_without_capacity_is_reduce_only(mut world in any_world(), slippage in 0..=1_000_000_i128) {
        world.facts.capacity = Wad::ZERO;
        let decision = world.decide();
        prop_assume!(decision.rule != IDLE);
        let harmless = [Action::AddMargin, Action::Repay, Action::CancelOrder];
        let after = world.after(&decision, slippage);
        if harmless.contains(&decision.action) || decision.value.0 < 1_000_000 {
            prop_assert!(exposure(&after).0 <= exposure(&world).0 + 100_000, "DEC-5: {:?}", decision);
        } else {
            prop_assert!(exposure(&after) < exposure(&world), "DEC-5: {:?}", decision);
        }
    }

    /// An earlier rule that is violated and can act wins: what a later rule decides is what is decided with the earlier
    /// ones left out, and an earlier one that could act alone has acted.
    #[test]
    fn decide_any_book_asks_the_rules_in_order(world in any_world()) {
        let decision = world.decide();
        for rule in BUDGET..=ALLOCATION {
            let mut alone = world.clone();
            alone.facts.skip = !(1 << rule);
            let other = alone.decide();
            if rule < decision.rule || decision.rule == IDLE {
                prop_assert_eq!(other.rule, IDLE, "DEC-6: rule {} could act before {}", rule, decision.rule);
            } else if rule == decision.rule {
                prop_assert_eq!(other, decision, "DEC-6");
            }
        }
        if decision.rule != IDLE && decision.rule < super::CARRY {
            prop_assert!(rule_excess(&decision.distances, decision.rule).unwrap() > Wad::ZERO, "DEC-6");
        }
    }

    /// A rule that is left out, or has no means, blocks no other.
    #[test]
    fn decide_rule_left_out_blocks_no_other(world in any_world()) {
        let decision = world.decide();
        prop_assume!(decision.rule != IDLE);
        for rule in BUDGET..=ALLOCATION {
            let mut without = world.clone();
            without.facts.skip |= 1 << rule;
            let other = without.decide();
            prop_assert!(other.rule != rule, "DEC-7");
            prop_assert_eq!(rule != decision.rule, other == decision, "DEC-7");
        }
    }

    /// Without a usable price, nothing is decided that needs one.
    #[test]
    fn decide_stale_price_uses_what_needs_none(mut world in any_world()) {
        for oracle in [Oracle::Stale, Oracle::Sequencer] {
            world.facts.oracle = oracle;
            let decision = world.decide();
            let allowed = [Action::None, Action::AddMargin, Action::Repay, Action::CancelOrder];
            prop_assert!(allowed.contains(&decision.action) && allowed.contains(&decision.partner), "DEC-9");
        }
    }

    /// Carried out again and again, decisions end.
    #[test]
    fn decide_executed_repeatedly_becomes_idle(start in any_world(), slippage in 0..=1_000_000_i128) {
        let mut world = start;
        let mut steps = std::vec::Vec::new();
        loop {
            let decision = world.decide();
            if decision.rule == IDLE {
                break;
            }
            // What pays a loan in the same plan is no position that could be turned back.
            let turnable = decision.partner == Action::None
                && matches!(decision.action, Action::Trade | Action::ReducePerp | Action::IncreasePerp);
            let at = (decision.action, decision.leg, decision.underlying);
            steps.push((decision.rule, at, turnable.then_some(decision.side), decision.value.0 / WAD));
            prop_assert!(steps.len() <= 24, "DEC-2: {:?}", steps);
            let turns = steps.windows(2).filter(|pair| {
                pair[0].1 == pair[1].1 && pair[0].2.is_some() && pair[1].2.is_some() && pair[0].2 != pair[1].2
            });
            prop_assert!(turns.count() <= 1, "DEC-2: {:?}", steps);
            world = world.after(&decision, slippage);
        }
    }
}

proptest! {
    #![proptest_config(config())]

    /// With options and ranges too, every decision is within what is held, and what is accepted raises no earlier excess.
    /// A rule whose decision is refused is left out, as a caller does. How many steps that takes is not claimed: rule 2
    /// may take very many small ones.
    #[test]
    fn decide_curved_book_stepwise_raises_no_earlier_excess(start in any_curved_world(), slippage in 0..=1_000_000_i128) {
        let mut world = start;
        for _ in 0..24 {
            let decision = world.decide();
            if decision.rule == IDLE {
                break;
            }
            let after = world.after(&decision, slippage);
            if world.accept(&after, &decision).is_err() {
                world.facts.skip |= 1 << decision.rule;
                continue;
            }
            let of = |other: &World| distances(&other.assess().report, &world.prices, &world.params, &world.facts()).unwrap();
            let (was, is) = (of(&world), of(&after));
            for (index, rule) in super::RULE_OF.iter().enumerate() {
                let rises = excess(&is, index).0 > excess(&was, index).0 + crate::accept::DUST.0;
                prop_assert!(*rule > decision.rule || !rises, "DEC-3: rule {}", rule);
            }
            world = after;
        }
    }

    /// The margin of a curved book covers the loss of every scenario and the contingencies, each times its share.
    #[test]
    fn assess_curved_book_margin_covers_every_scenario(world in any_curved_world()) {
        let report = world.assess().report;
        let params = crate::margin::MarginParams::from(&world.params);
        let own: std::vec::Vec<&crate::Leg> = world.legs.iter().filter(|leg| leg.underlying() == 1).collect();
        let losses = crate::margin::losses(&own, world.prices[1].mid, &params, 0).unwrap();
        let basis = report.gross_value.mul_bps_down(params.basis).unwrap();
        for loss in losses {
            prop_assert!(loss <= report.worst_loss);
            // The report sums the gross exposure before it rounds, the margin after.
            let required = loss.max(Wad::ZERO).add(basis).unwrap().sub(Wad(20)).unwrap();
            prop_assert!(required.mul_bps_down(params.initial).unwrap() <= report.initial_margin);
            prop_assert!(required.mul_bps_down(params.maintenance).unwrap() <= report.maintenance_margin);
        }
    }
}

/// Margin binds in the random books: rule 4 acts on it alone, its decisions are accepted, and it lets none through that
/// would exceed it. On curved books sizes are approximate, but most decisions stand.
#[test]
fn any_world_margin_binds_and_most_decisions_stand() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut for_margin = 0_u32;
    for _ in 0..4_000 {
        let world = any_world().new_tree(&mut runner).unwrap().current();
        let decision = world.decide();
        let alone = [3, 4]
            .iter()
            .all(|index| excess(&decision.distances, *index) == Wad::ZERO);
        if decision.rule == LEVERAGE && alone {
            for_margin += 1;
            assert_eq!(
                world.accept(&world.after(&decision, 0), &decision),
                Ok(()),
                "{decision:?}"
            );
        }
    }
    assert!(for_margin > 100, "{for_margin}");
    let (mut decided, mut refused) = (0_u32, std::collections::BTreeMap::new());
    for _ in 0..2_000 {
        let world = any_curved_world().new_tree(&mut runner).unwrap().current();
        let decision = world.decide();
        if decision.rule != IDLE {
            decided += 1;
            if world.accept(&world.after(&decision, 500_000), &decision).is_err() {
                *refused.entry((decision.rule, decision.action as u8)).or_insert(0_u32) += 1;
            }
        }
    }
    let all: u32 = refused.values().sum();
    assert!(decided > 500 && all * 5 < decided, "{decided}: {refused:?}");
}

#[test]
fn means_of_all_actions_are_all() {
    let all = Action::ALL
        .into_iter()
        .fold(Means(0), |means, action| means.or(Means::of(action)));
    assert_eq!(all, Means::ALL);
    for (code, action) in (0_u8..).zip(Action::ALL) {
        assert_eq!((Action::from_u8(code), action as u8), (Some(action), code));
    }
    assert_eq!(Action::from_u8(12), None);
    assert!(!Means::SPOT.has(Action::ReducePerp) && Means::SPOT.has(Action::Trade));
}

/// The random books reach every rule and every action, so that the properties above say something about them.
#[test]
fn any_world_reaches_every_rule_and_action() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..4_000 {
        let world = any_world().new_tree(&mut runner).unwrap().current();
        let decision = world.decide();
        *seen
            .entry((decision.rule, decision.action as u8, decision.partner as u8))
            .or_insert(0_u32) += 1;
    }
    let reached = |rule: u8, action: Action| seen.iter().any(|(key, _)| key.0 == rule && key.1 == action as u8);
    for (rule, action) in [
        (IDLE, Action::None),
        (BUDGET, Action::Trade),
        (BUDGET, Action::ReducePerp),
        (BUDGET, Action::IncreasePerp),
        (BUDGET, Action::Repay),
        (LIQUIDATION, Action::AddMargin),
        (LIQUIDATION, Action::ReducePerp),
        (LIQUIDATION, Action::Repay),
        (LIQUIDATION, Action::Trade),
        (LEVERAGE, Action::Trade),
        (LEVERAGE, Action::ReducePerp),
        (LEVERAGE, Action::IncreasePerp),
        (LEVERAGE, Action::Repay),
        (QUEUE, Action::Trade),
        (QUEUE, Action::CancelOrder),
        (BAND, Action::Trade),
        (BAND, Action::ReducePerp),
        (BAND, Action::IncreasePerp),
    ] {
        assert!(reached(rule, action), "{rule} {action:?}: {seen:?}");
    }
    assert!(
        seen.keys().any(|key| key.2 == Action::ReducePerp as u8),
        "a pair: {seen:?}"
    );
}
