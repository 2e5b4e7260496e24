//! What to do about a book: the first violated rule of design section 6 that can be acted upon, or nothing.
//!
//! | # | rule | action here | file |
//! |---|---|---|---|
//! | 4 | gross or net leverage above its limit | trade until it is within | [`leverage`] |
//! | 5 | redemption queue not covered by liquid assets | sell spot to raise the difference | [`queue`] |
//! | 6 | \|expected delta − target\| outside the band | hedge to the band's edge | [`band`] |
//!
//! The other rules come with the measures that they need. The only trades so far exchange the asset and underlying 1
//! on the spot.
//!
//! Why the rules do not fight each other:
//! - Rules 5 and 6 trade only as far as the leverage limits allow *after* the trade, at the worst accepted price
//!   (`room`), so that rule 4 need not take it back. The same holds between rule 4's two limits.
//! - Every purchase is paid from cash that the queue does not need, so it cannot uncover the queue.
//! - The target is a share of the equity that *stays*: `nav_mid − liquidity_needed`. Selling for the queue therefore
//!   moves the book towards its target instead of away from it, and settling the queue later does not move it again.
//! - A rule that has nothing to trade within those limits is skipped, and the next one is asked.

pub mod band;
pub mod leverage;
pub mod queue;
mod room;

use fixed::{BPS, Bps, MathError, Wad};

use crate::report::{Exposure, Price, Report};
use crate::{EngineError, Params};

/// Nothing to do.
pub const IDLE: u8 = 0;
/// Leverage above its limit.
pub const LEVERAGE: u8 = 4;
/// Redemption queue not covered.
pub const QUEUE: u8 = 5;
/// Delta outside its band.
pub const BAND: u8 = 6;

/// A trade that the leverage limits cut is not made below this share of the gross exposure or the equity, whichever is
/// larger.
const CRUMB: Bps = Bps(500);

/// The smallest trade of rules 4 and 5, as a share of the gross exposure or the equity, whichever is larger.
///
/// Without it, a queue that lacks a fraction of a cent asks for a sale of a few token units, which no venue can execute
/// within the slippage (its fee alone rounds to more), and which then keeps the later rules from acting.
const SMALLEST: Bps = Bps(10);

/// The direction of a trade, seen from the underlying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Side {
    /// Pays with the asset, receives the underlying.
    Buy = 0,
    /// Pays with the underlying, receives the asset.
    Sell = 1,
}

/// A trade as a rule asks for it, before its bounds are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// The direction.
    pub side: Side,
    /// Tokens of the underlying, at the oracle's price; positive.
    pub tokens: Wad,
}

/// What to do, and the distances that led to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The rule that acts, or [`IDLE`]. The fields of the trade are zero when idle.
    pub rule: u8,
    /// The direction of the trade.
    pub side: Side,
    /// The index of the traded underlying.
    pub underlying: u8,
    /// What is sold: asset units when buying, tokens when selling. Rounded down when buying.
    pub amount_in: Wad,
    /// What must be received at least: tokens when buying, asset units when selling; the oracle's price less
    /// `max_slippage`. Rounded up, for the book.
    pub min_out: Wad,
    /// The traded amount at the oracle's price, in asset units. Rounded up.
    pub value: Wad,
    /// Delta once the open orders are filled, in tokens.
    pub expected_delta: Wad,
    /// The delta that is aimed at, in tokens.
    pub delta_target: Wad,
    /// Lower edge of the delta band, in tokens.
    pub lower: Wad,
    /// Upper edge of the delta band, in tokens.
    pub upper: Wad,
    /// As in [`Report::gross_leverage`].
    pub gross_leverage: Wad,
    /// As in [`Report::net_leverage`].
    pub net_leverage: Wad,
}

/// What every rule looks at.
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    /// The measured book.
    pub report: &'a Report,
    /// The price of underlying 1 that it was measured at.
    pub price: &'a Price,
    /// The book's parameters.
    pub params: &'a Params,
    /// What the redemption queue is owed, in asset units, ≥ 0.
    pub liquidity_needed: Wad,
}

impl State<'_> {
    /// The risk of underlying 1.
    pub(super) fn exposure(&self) -> Exposure {
        self.report.exposure(1).copied().unwrap_or_default()
    }
}

/// Walks the rules in order and returns the first action, or an idle decision.
///
/// `report` must come from [`crate::assess`] with the same `price` (of underlying 1) and `params`; `liquidity_needed`
/// is what the redemption queue is owed, in asset units.
/// [`EngineError::BadPrice`] for a price that is not positive, [`EngineError::Math`] for a negative `liquidity_needed`
/// or results out of range.
pub fn decide(report: &Report, price: &Price, params: &Params, liquidity_needed: Wad) -> Result<Decision, EngineError> {
    if price.mid <= Wad::ZERO {
        return Err(EngineError::BadPrice { underlying: 1 });
    }
    if liquidity_needed < Wad::ZERO {
        return Err(MathError::Overflow.into());
    }
    let state = State {
        report,
        price,
        params,
        liquidity_needed,
    };
    let band = band::units(&state)?;
    let Exposure { expected_delta, .. } = state.exposure();
    let mut decision = Decision {
        rule: IDLE,
        side: Side::Sell,
        underlying: 1,
        amount_in: Wad::ZERO,
        min_out: Wad::ZERO,
        value: Wad::ZERO,
        expected_delta,
        delta_target: band.target,
        lower: band.lower,
        upper: band.upper,
        gross_leverage: report.gross_leverage,
        net_leverage: report.net_leverage,
    };
    let (rule, trade) = if let Some(trade) = leverage::act(&state)? {
        (LEVERAGE, trade)
    } else if let Some(trade) = queue::act(&state)? {
        (QUEUE, trade)
    } else if let Some(trade) = band::act(&state, &band)? {
        (BAND, trade)
    } else {
        return Ok(decision);
    };
    decision.rule = rule;
    decision.side = trade.side;
    let kept = worst_price_share(params)?;
    match trade.side {
        Side::Buy => {
            decision.amount_in = trade.tokens.mul_down(price.mid)?;
            decision.value = decision.amount_in;
            decision.min_out = decision.amount_in.div_up(price.mid)?.mul_bps_up(kept)?;
        }
        Side::Sell => {
            decision.amount_in = trade.tokens;
            decision.value = trade.tokens.mul_up(price.mid)?;
            decision.min_out = decision.value.mul_bps_up(kept)?;
        }
    }
    Ok(decision)
}

/// `wanted` raised to the smallest trade worth making, in tokens; zero stays zero. Rounded up.
fn at_least_smallest(state: &State<'_>, wanted: Wad) -> Result<Wad, MathError> {
    if wanted <= Wad::ZERO {
        return Ok(wanted);
    }
    Ok(wanted.max(smallest_value(state)?.div_up(state.price.mid)?))
}

/// The smallest trade of rules 4 and 5, in asset units. Rounded up.
fn smallest_value(state: &State<'_>) -> Result<Wad, MathError> {
    let Report {
        gross_value, nav_mid, ..
    } = *state.report;
    gross_value.max(nav_mid).mul_bps_up(SMALLEST)
}

/// What is left of the oracle's price at the worst accepted price: `1 − max_slippage`.
fn worst_price_share(params: &Params) -> Result<Bps, MathError> {
    BPS.checked_sub(params.max_slippage.0)
        .map(Bps)
        .ok_or(MathError::Overflow)
}

/// The trade of `wanted` tokens as far as holdings and leverage limits allow, or none.
///
/// A purchase is paid from the cash that the redemption queue does not need, a sale from the spot position. A trade that
/// the leverage limits cut to a crumb is none: every trade at a better price than the worst leaves a little room, and
/// using it up would be an endless series, or buy back what rule 4 just sold.
fn trade(state: &State<'_>, side: Side, wanted: Wad) -> Result<Option<Trade>, MathError> {
    let State {
        report,
        price,
        params,
        liquidity_needed,
    } = *state;
    if wanted <= Wad::ZERO {
        return Ok(None);
    }
    let held = match side {
        Side::Buy => report.liquid.sub(liquidity_needed)?.div_down(price.mid)?,
        Side::Sell => state.exposure().spot,
    };
    let possible = wanted.min(held);
    let tokens = possible.min(room::tokens_down(state, side)?);
    let crumb = report
        .gross_value
        .max(report.nav_mid)
        .mul_bps_down(CRUMB)?
        .max(params.min_trade);
    let cut_to_crumb = tokens < possible && tokens.mul_down(price.mid)? < crumb;
    Ok((tokens > Wad::ZERO && !cut_to_crumb).then_some(Trade { side, tokens }))
}

#[cfg(test)]
mod tests {
    use fixed::WAD;
    use proptest::prelude::*;

    use super::*;
    use crate::leg::Rate;
    use crate::testing::{Book, any_book};
    use crate::{Leg, accept};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]

        /// Executed anywhere within the accepted slippage, decisions reach idle in at most four steps; in eight where a
        /// high leverage limit and a wide slippage bound leave trades at the limit much room to come back to.
        /// The direction turns at most once: a sale sized for the worst price may leave cash that belongs to the target.
        #[test]
        fn decide_executed_repeatedly_becomes_idle(start in any_book(), slippage in 0_u32..=1_000_000) {
            let mut book = start;
            let usual = book.params.max_slippage <= Bps(100) && book.params.max_gross_leverage <= Wad(5 * WAD);
            let bound = if usual { 4 } else { 8 };
            let mut steps = std::vec::Vec::new();
            while book.decide().rule != IDLE {
                let decision = book.decide();
                steps.push((decision.rule, decision.side, decision.value.0 / WAD));
                let turns = steps.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
                prop_assert!(turns <= 1, "{:?}", steps);
                prop_assert!(steps.len() <= bound, "{:?}", steps);
                book = book.after(&decision, slippage);
            }
        }

        /// No decision asks for more than the book holds, and its bound is within the slippage of the oracle's price.
        #[test]
        fn decide_any_book_stays_within_holdings(book in any_book()) {
            let decision = book.decide();
            let held = match decision.side {
                Side::Buy => book.cash - book.needed.0,
                Side::Sell => book.spot,
            };
            prop_assert!(decision.rule == IDLE || decision.amount_in.0 <= held);
            prop_assert_eq!(decision.rule == IDLE, decision.amount_in == Wad::ZERO);
        }

        /// A decision executed within its bounds is accepted, at the oracle's price and at the worst price.
        #[test]
        fn accept_executed_decision_is_accepted(book in any_book(), slippage in 0_u32..=1_000_000) {
            let decision = book.decide();
            prop_assume!(decision.rule != IDLE);
            let after = book.after(&decision, slippage).report();
            let verdict = accept(&book.report(), &after, &decision, &book.params, book.needed);
            prop_assert_eq!(verdict, Ok(()));
        }

        /// The opposite trade is rejected, even at the oracle's price.
        #[test]
        fn accept_opposite_trade_is_rejected(book in any_book()) {
            let decision = book.decide();
            prop_assume!(decision.rule != IDLE);
            let (tokens, value) = (decision.value.div_down(book.price.mid).unwrap().0, decision.value.0);
            let opposite = match decision.side {
                Side::Buy if tokens <= book.spot => book.exchange(Side::Sell, tokens, value),
                Side::Sell if value <= book.cash => book.exchange(Side::Buy, value, tokens),
                _ => book.clone(), // it has nothing to trade the other way: at least doing nothing is no progress
            };
            let after = opposite.report();
            prop_assert!(accept(&book.report(), &after, &decision, &book.params, book.needed).is_err());
        }
    }

    #[test]
    fn decide_several_violations_acts_on_the_first() {
        // Leverage 3 of 2, queue uncovered, delta far above its band.
        let mut book = Book::new(0, 30, 100).with(Leg::Debt {
            amount: Wad(2_000 * WAD),
            rate: Rate(0),
        });
        book.needed = Wad(500 * WAD);
        assert_eq!(book.decide().rule, LEVERAGE);
        book.params.max_gross_leverage = Wad(10 * WAD);
        assert_eq!(book.decide().rule, QUEUE);
        book.needed = Wad::ZERO;
        assert_eq!(book.decide().rule, BAND);
    }

    #[test]
    fn decide_rule_that_cannot_act_does_not_block_the_next() {
        // Over the gross limit by borrowed spot, which no spot trade can repay; the queue is still served.
        let mut book = Book::new(0, 10, 100).with(Leg::BorrowedSpot {
            underlying: 1,
            quantity: Wad(4 * WAD),
            rate: Rate(0),
        });
        book.params.max_gross_leverage = Wad::ZERO;
        book.params.max_net_leverage = Wad::ZERO;
        let first = book.decide();
        assert_eq!((first.rule, first.amount_in), (LEVERAGE, Wad(6 * WAD)));
        book = book.after(&first, 0);
        book.needed = Wad(700 * WAD);
        assert_eq!(book.decide().rule, IDLE);
        book.params.max_net_leverage = Wad(WAD);
        assert_eq!(book.decide().rule, LEVERAGE);
    }

    #[test]
    fn decide_unusable_input_is_an_error() {
        let book = Book::new(1, 1, 1);
        let report = book.report();
        let zero = Price {
            mid: Wad::ZERO,
            ..book.price
        };
        assert_eq!(
            decide(&report, &zero, &book.params, Wad::ZERO),
            Err(EngineError::BadPrice { underlying: 1 })
        );
        let negative = decide(&report, &book.price, &book.params, Wad(-1));
        assert_eq!(negative, Err(EngineError::Math(MathError::Overflow)));
    }
}
