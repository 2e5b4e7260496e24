//! Whether an executed decision may stand: lexicographic acceptance (design section 6).
//!
//! | acted rule | its own excess | earlier rules | later rules | cost |
//! |---|---|---|---|---|
//! | 2 to 7 | falls by what the decision promised | none rises | rise by [`spill`] at most | within the bound |
//! | 8, 9 | – | none rises | – | within the bound, which is the gain divided by the hurdle |
//!
//! Everything is measured on the book before and after, at the same prices. An asynchronous action is accepted on the
//! same terms: an open order counts in the expected delta, and its collateral stays the book's.

use fixed::{MathError, Wad};

use crate::decide::{
    Action, CARRY, DISTANCES, Decision, Facts, IDLE, OutOfRange, RULE_OF, distances, excess, rule_excess,
};
use crate::{Params, Price, Report};

/// What roundings may add to an excess or a cost, in asset units: 1e-15. Far below a token's smallest unit of worth.
pub const DUST: Wad = Wad(1_000);

/// The excess of margin.
const MARGIN: usize = 2;

/// The excesses that do not count in delta: gamma and vega.
const GREEKS_FROM: usize = 7;

/// Why an executed decision must be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The decision was to do nothing.
    NothingDecided,
    /// The acted rule's excess did not fall enough.
    NoProgress {
        /// The rule.
        rule: u8,
        /// Its excess before, in asset units.
        before: Wad,
        /// Its excess after, in asset units.
        after: Wad,
    },
    /// The excess of an earlier rule rose, or of another limit of the same rule.
    EarlierRuleWorse {
        /// The rule.
        rule: u8,
        /// Its excess before, in asset units.
        before: Wad,
        /// Its excess after, in asset units.
        after: Wad,
    },
    /// The excess of a later rule rose by more than the decision can explain.
    LaterRuleWorse {
        /// The rule.
        rule: u8,
        /// Its excess before, in asset units.
        before: Wad,
        /// Its excess after, in asset units.
        after: Wad,
    },
    /// The book lost more value than the decision may cost.
    CostTooHigh {
        /// The loss of `nav_mid`, in asset units.
        cost: Wad,
        /// The most it may be, in asset units.
        bound: Wad,
    },
    /// A result is out of range.
    Math(MathError),
}

impl From<OutOfRange> for Rejection {
    fn from(_: OutOfRange) -> Self {
        Self::Math(MathError::Overflow)
    }
}

impl From<MathError> for Rejection {
    fn from(error: MathError) -> Self {
        Self::Math(error)
    }
}

/// Accepts an executed `decision` on the terms of this module's table.
///
/// `before` and `after` must be measured at the same `prices` with the same `params`, and `facts` must be those of the
/// decision. Every comparison allows [`DUST`]. [`Rejection`] names the first condition that fails.
pub fn accept(
    before: &Report,
    after: &Report,
    decision: &Decision,
    prices: &[Price],
    params: &Params,
    facts: &Facts<'_>,
) -> Result<(), Rejection> {
    let rule = decision.rule;
    if rule == IDLE {
        return Err(Rejection::NothingDecided);
    }
    let was = distances(before, prices, params, facts)?;
    let is = distances(after, prices, params, facts)?;
    let (old, new) = (rule_excess(&was, rule)?, rule_excess(&is, rule)?);
    if rule < CARRY && (old.sub(new)?.add(DUST)? < decision.progress || new >= old) {
        return Err(Rejection::NoProgress {
            rule,
            before: old,
            after: new,
        });
    }
    for (index, of) in RULE_OF.iter().enumerate() {
        let (before, after) = (excess(&was, index), excess(&is, index));
        let risen = after.sub(before)?;
        if *of <= rule && risen > DUST {
            return Err(Rejection::EarlierRuleWorse {
                rule: *of,
                before,
                after,
            });
        }
        if *of > rule && risen > spill(decision, params, index)? {
            return Err(Rejection::LaterRuleWorse {
                rule: *of,
                before,
                after,
            });
        }
    }
    let cost = before.nav_mid.sub(after.nav_mid)?;
    let bound = decision.cost_bound.add(DUST)?;
    if cost > bound {
        return Err(Rejection::CostTooHigh { cost, bound });
    }
    Ok(())
}

/// How much the excess of a later rule may rise, entry `index` of the distances, in asset units.
///
/// Trading a value of v moves delta, cash, margin and exposure by v each, and lowers equity by its cost: with the hard
/// ranges of the limits (10 · (cost + confidence + exit cost)) that is below 3 · v for each of them. Margin is multiplied by
/// its own share, of a loss and contingencies below 3 · v. Gamma and vega only change with equity, except where the plan is about the legs that have them. Cancelling an order takes back its expected
/// delta, whatever its collateral is worth.
fn spill(decision: &Decision, params: &Params, index: usize) -> Result<Wad, MathError> {
    if decision.action == Action::CancelOrder {
        return Ok(Wad::MAX);
    }
    let bound = decision.value.add(decision.value)?.add(decision.value)?;
    if index == MARGIN {
        return bound.mul_bps_up(params.initial_margin)?.add(DUST);
    }
    if index < GREEKS_FROM {
        return bound.add(DUST);
    }
    let acts_on_greeks = |action| matches!(action, Action::UnwindRange | Action::ShrinkRange | Action::ReduceOption);
    if acts_on_greeks(decision.action) || acts_on_greeks(decision.partner) {
        return Ok(Wad::MAX);
    }
    let limit = if index + 1 < DISTANCES {
        params.max_gamma
    } else {
        params.max_vega
    };
    limit.mul_up(bound)?.add(DUST)
}

#[cfg(test)]
mod tests {
    use fixed::{Bps, WAD};

    use super::*;
    use crate::decide::world::World;
    use crate::decide::{BAND, LEVERAGE, QUEUE};
    use crate::testing::Book;
    use crate::{Leg, Side};

    /// Delta 75 in a band of 40 to 60 tokens at price 100; decides to sell 15.
    fn book() -> (Book, Decision) {
        let mut book = Book::new(2_500, 75, 100);
        book.params.band = Bps(1_000);
        let decision = book.decide();
        assert_eq!((decision.rule, decision.amount_in), (BAND, Wad(15 * WAD)));
        (book, decision)
    }

    fn verdict(book: &Book, after: &Book, decision: &Decision) -> Result<(), Rejection> {
        book.accept(after, decision)
    }

    #[test]
    fn accept_worst_price_passes_and_one_unit_less_is_too_dear() {
        let (book, decision) = book();
        let worst = book.exchange(Side::Sell, decision.amount_in.0, decision.min_out.0);
        assert_eq!(verdict(&book, &worst, &decision), Ok(()));
        let dust = book.exchange(Side::Sell, decision.amount_in.0, decision.min_out.0 - DUST.0);
        assert_eq!(verdict(&book, &dust, &decision), Ok(()));
        let dearer = book.exchange(Side::Sell, decision.amount_in.0, decision.min_out.0 - DUST.0 - 1);
        let bound = Wad(75 * WAD / 10 + DUST.0);
        let cost = Wad(bound.0 + 1);
        assert_eq!(
            verdict(&book, &dearer, &decision),
            Err(Rejection::CostTooHigh { cost, bound })
        );
    }

    #[test]
    fn accept_partial_fill_passes_from_a_tenth() {
        let (book, decision) = book();
        let fill = |tokens: i128| verdict(&book, &book.exchange(Side::Sell, tokens, tokens * 100), &decision);
        assert_eq!(fill(15 * WAD / 10), Ok(()));
        assert!(matches!(
            fill(14 * WAD / 10),
            Err(Rejection::NoProgress { rule: BAND, .. })
        ));
        assert!(matches!(fill(0), Err(Rejection::NoProgress { rule: BAND, .. })));
    }

    #[test]
    fn accept_overshoot_through_the_other_edge_is_no_progress() {
        let (book, decision) = book();
        let sold = 51 * WAD; // leaves 24, further outside than 75 was
        let after = book.exchange(Side::Sell, sold, sold * 100);
        assert!(matches!(
            verdict(&book, &after, &decision),
            Err(Rejection::NoProgress { rule: BAND, .. })
        ));
    }

    #[test]
    fn accept_earlier_rule_worse_is_rejected() {
        let (mut book, decision) = book();
        // The proceeds went into a locked place, so that the queue is no longer covered.
        book.needed = Wad(2_500 * WAD);
        let order = Leg::Order {
            underlying: 1,
            expected_delta: Wad::ZERO,
            collateral: Wad(2_000 * WAD),
        };
        let after = book.exchange(Side::Sell, 15 * WAD, -500 * WAD).with(order);
        let expected = Rejection::EarlierRuleWorse {
            rule: QUEUE,
            before: Wad::ZERO,
            after: Wad(500 * WAD),
        };
        assert_eq!(verdict(&book, &after, &decision), Err(expected));
        // A loan that leaves the delta alone, next to the trade.
        let (mut book, decision) = self::book();
        book.params.max_gross_leverage = Wad(WAD);
        let mut after = book.exchange(Side::Sell, 15 * WAD, 1_500 * WAD);
        after.spot += 50 * WAD;
        let owed = Leg::BorrowedSpot {
            underlying: 1,
            quantity: Wad(50 * WAD),
            rate: crate::leg::Rate(0),
        };
        let verdict = verdict(&book, &after.with(owed), &decision);
        assert!(matches!(
            verdict,
            Err(Rejection::EarlierRuleWorse { rule: LEVERAGE, .. })
        ));
    }

    #[test]
    fn accept_other_limit_of_the_same_rule_worse_is_rejected() {
        // Gross 6 of 2, hedged. Closing the hedge alone halves it, and breaks the net limit instead.
        let mut world = World::new(0, &[(30, 100)]).with_perp(-30, 1_000).with(Leg::Debt {
            amount: Wad(3_000 * WAD),
            rate: crate::leg::Rate(0),
        });
        world.params.max_net_leverage = Wad(WAD);
        world.facts.skip = 1 << crate::decide::LIQUIDATION;
        let decision = world.decide();
        assert_eq!(decision.rule, LEVERAGE);
        let mut after = world.clone();
        after.legs.remove(2);
        if let Leg::Debt { amount, .. } = &mut after.legs[2] {
            amount.0 -= 1_000 * WAD;
        }
        let expected = Err(Rejection::EarlierRuleWorse {
            rule: LEVERAGE,
            before: Wad::ZERO,
            after: Wad(2_000 * WAD),
        });
        assert_eq!(world.accept(&after, &decision), expected, "DEC-3");
    }

    #[test]
    fn accept_later_rule_worse_is_rejected_beyond_what_the_trade_explains() {
        let (book, decision) = book();
        let before = book.report();
        let done = book
            .exchange(Side::Sell, decision.amount_in.0, decision.amount_in.0 * 100)
            .report();
        let verdict = |gamma: Wad, vega: Wad| {
            let mut after = done;
            after.excess_gamma = gamma;
            after.excess_vega = vega;
            let prices = [Price::ASSET, book.price];
            accept(&before, &after, &decision, &prices, &book.params, &book.facts())
        };
        // Three times 1,500 traded, times the limit of each.
        let bound = |limit: Wad| limit.mul_up(Wad(4_500 * WAD)).unwrap().add(DUST).unwrap();
        let (gamma, vega) = (bound(book.params.max_gamma), bound(book.params.max_vega));
        assert!(gamma > vega);
        assert_eq!(verdict(gamma, vega), Ok(()));
        let one = Wad(1);
        for (gamma, vega, after) in [
            (gamma.add(one).unwrap(), vega, gamma.add(one).unwrap()),
            (gamma, vega.add(one).unwrap(), vega.add(one).unwrap()),
        ] {
            let expected = Rejection::LaterRuleWorse {
                rule: crate::decide::GREEKS,
                before: Wad::ZERO,
                after,
            };
            assert_eq!(verdict(gamma, vega), Err(expected));
        }
    }

    #[test]
    fn accept_idle_decision_is_rejected() {
        let (book, mut decision) = book();
        decision.rule = crate::decide::IDLE;
        assert_eq!(verdict(&book, &book, &decision), Err(Rejection::NothingDecided));
    }
}
