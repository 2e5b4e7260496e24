//! Whether an executed decision may stand: lexicographic acceptance (design section 6).

use fixed::{Bps, MathError, Wad};

use crate::decide::{BAND, Decision, LEVERAGE, QUEUE, band, queue};
use crate::{Params, Report};

/// The least progress: the acted rule's excess must fall by this share of the traded value, or of the excess if that is
/// smaller.
///
/// Measured against the trade, so that a trade limited by cash or position passes while one that achieves nothing does
/// not; and against the excess, because the smallest trade may be larger than what was missing.
pub const MIN_PROGRESS: Bps = Bps(1_000);

/// What roundings may add to an excess or a cost, in asset units: 1e-15. Far below a token's smallest unit of worth.
pub const DUST: Wad = Wad(1_000);

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
    /// The excess of an earlier rule rose.
    EarlierRuleWorse {
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

impl From<MathError> for Rejection {
    fn from(error: MathError) -> Self {
        Self::Math(error)
    }
}

/// The excess of every rule, in asset units.
struct Excess {
    gross: Wad,
    net: Wad,
    queue: Wad,
    band: Wad,
}

/// Accepts an executed `decision` if the acted rule's excess fell by at least [`MIN_PROGRESS`], no
/// earlier rule's excess rose, and the cost `nav_mid` before − after is at most `max_slippage` of the traded value.
///
/// `before` and `after` must be measured at the same prices with the same `params`, and `liquidity_needed` must be what
/// the decision was made with. Bounds are rounded down except for the cost bound (up), plus [`DUST`].
/// [`Rejection`] names the first condition that fails.
pub fn accept(
    before: &Report,
    after: &Report,
    decision: &Decision,
    params: &Params,
    liquidity_needed: Wad,
) -> Result<(), Rejection> {
    let was = Excess::of(before, params, liquidity_needed)?;
    let is = Excess::of(after, params, liquidity_needed)?;
    let (old, new) = match decision.rule {
        LEVERAGE => (was.gross.max(was.net), is.gross.max(is.net)),
        QUEUE => (was.queue, is.queue),
        BAND => (was.band, is.band),
        _ => return Err(Rejection::NothingDecided),
    };
    let needed = decision.value.min(old).mul_bps_down(MIN_PROGRESS)?;
    if old.sub(new)?.add(DUST)? < needed || new >= old {
        return Err(Rejection::NoProgress {
            rule: decision.rule,
            before: old,
            after: new,
        });
    }
    // Rule 4 has two excesses: acting on one of them must not raise the other.
    let earlier = [
        (LEVERAGE, was.gross, is.gross),
        (LEVERAGE, was.net, is.net),
        (QUEUE, was.queue, is.queue),
    ];
    for (rule, before, after) in earlier {
        if rule <= decision.rule && after > before.add(DUST)? {
            return Err(Rejection::EarlierRuleWorse { rule, before, after });
        }
    }
    let cost = before.nav_mid.sub(after.nav_mid)?;
    let bound = decision.value.mul_bps_up(params.max_slippage)?.add(DUST)?;
    if cost > bound {
        return Err(Rejection::CostTooHigh { cost, bound });
    }
    Ok(())
}

impl Excess {
    fn of(report: &Report, params: &Params, liquidity_needed: Wad) -> Result<Self, MathError> {
        Ok(Self {
            gross: report.excess_gross,
            net: report.excess_net,
            queue: queue::shortage(report, liquidity_needed)?,
            band: band::excess(report, params, liquidity_needed)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use fixed::WAD;

    use super::*;
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
        accept(&book.report(), &after.report(), decision, &book.params, book.needed)
    }

    #[test]
    fn accept_worst_price_passes_and_one_unit_less_is_too_dear() {
        let (book, decision) = book();
        let worst = book.exchange(Side::Sell, decision.amount_in.0, decision.min_out.0);
        assert_eq!(verdict(&book, &worst, &decision), Ok(()));
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
    fn accept_idle_decision_is_rejected() {
        let (book, mut decision) = book();
        decision.rule = crate::decide::IDLE;
        assert_eq!(verdict(&book, &book, &decision), Err(Rejection::NothingDecided));
    }
}
