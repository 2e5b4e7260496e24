//! Rule 4: gross or net leverage above its limit.
//!
//! Gross leverage falls by selling spot. Net leverage falls by trading against the netted delta. A book that is over
//! its gross limit while net short has no single spot trade that helps both; it then trades as far as one limit gains
//! and the other does not lose.

use fixed::{Bps, MathError, Wad};

use super::room::equity_loss;
use super::{Side, State, Trade, at_least_smallest, trade, worst_price_share};

/// The least part of a trade's value by which it must lower the excess, so that it is worth its cost. Acceptance asks for
/// a tenth, so this leaves it some margin.
const MIN_GAIN: Bps = Bps(2_000);

/// The trade that brings leverage within its limits even at the worst accepted price, as far as possible. `None` if
/// they hold or no trade helps.
pub fn act(state: &State<'_>) -> Result<Option<Trade>, MathError> {
    let State { report, params, .. } = *state;
    let only_net = report.excess_gross == Wad::ZERO;
    let side = if only_net && state.exposure().delta < Wad::ZERO {
        Side::Buy
    } else {
        Side::Sell
    };
    let gross = needed_up(state, side, report.excess_gross, params.max_gross_leverage)?;
    let net = needed_up(state, side, report.excess_net, params.max_net_leverage)?;
    trade(state, side, at_least_smallest(state, gross.max(net))?)
}

/// The tokens to trade so that an excess is gone at the worst accepted price, rounded up.
///
/// A trade of value v lowers navMin by at most k · v ([`equity_loss`]) and exposure by v, or when buying by
/// v · (1 − slippage). So the excess over a limit l falls by at least `v · (1 − l · k)`, less slippage when buying.
/// Zero if that is too little to be worth it.
fn needed_up(state: &State<'_>, side: Side, excess: Wad, limit: Wad) -> Result<Wad, MathError> {
    let received = match side {
        Side::Buy => Wad::ONE.mul_bps_down(worst_price_share(state.params)?)?,
        Side::Sell => Wad::ONE,
    };
    let gain = received.sub(limit.mul_up(equity_loss(state)?)?)?;
    if gain < Wad::ONE.mul_bps_up(MIN_GAIN)? {
        return Ok(Wad::ZERO);
    }
    excess.div_up(gain)?.div_up(state.price.mid)
}

#[cfg(test)]
mod tests {
    use fixed::WAD;

    use crate::decide::LEVERAGE;
    use crate::leg::Rate;
    use crate::testing::Book;
    use crate::{Leg, Side};

    use super::*;

    fn wad(x: i128) -> Wad {
        Wad(x * WAD)
    }

    fn leveraged() -> Book {
        // Equity 1000, spot 3000, limit 2×.
        let mut book = Book::new(0, 30, 100).with(Leg::Debt {
            amount: wad(2_000),
            rate: Rate(0),
        });
        book.params.max_slippage = Bps(100);
        book
    }

    #[test]
    fn act_gross_leverage_above_limit_sells_down_to_it_at_the_worst_price() {
        let book = leveraged();
        let decision = book.decide();
        assert_eq!((decision.rule, decision.side), (LEVERAGE, Side::Sell));
        // 1000 too much, over 1 − 2 · 1 %: 10.204… tokens.
        assert_eq!(
            decision.amount_in,
            wad(1_000)
                .div_up(Wad(98 * WAD / 100))
                .unwrap()
                .div_up(wad(100))
                .unwrap()
        );
        let after = book.exchange(Side::Sell, decision.amount_in.0, decision.min_out.0);
        assert_eq!(after.report().excess_gross, Wad::ZERO);
    }

    #[test]
    fn act_exactly_at_the_limit_is_idle() {
        let mut book = leveraged();
        book.params.max_gross_leverage = wad(3);
        assert_ne!(book.decide().rule, LEVERAGE);
        book.params.max_gross_leverage = Wad(3 * WAD - 1);
        assert_eq!(book.decide().rule, LEVERAGE);
    }

    #[test]
    fn act_no_equity_sells_everything() {
        let book = Book::new(0, 30, 100).with(Leg::Debt {
            amount: wad(3_500),
            rate: Rate(0),
        });
        let decision = book.decide();
        assert_eq!(
            (decision.rule, decision.side, decision.amount_in),
            (LEVERAGE, Side::Sell, wad(30))
        );
    }

    #[test]
    fn act_net_short_above_limit_buys_back() {
        let mut book = Book::new(4_000, 0, 100).with(Leg::BorrowedSpot {
            underlying: 1,
            quantity: wad(20),
            rate: Rate(0),
        });
        book.params.max_net_leverage = Wad(WAD / 2);
        book.params.max_gross_leverage = wad(4);
        let decision = book.decide();
        assert_eq!((decision.rule, decision.side), (LEVERAGE, Side::Buy));
        let after = book.exchange(Side::Buy, decision.amount_in.0, decision.min_out.0);
        assert_eq!(after.report().excess_net, Wad::ZERO);
    }

    #[test]
    fn act_nothing_to_sell_is_skipped() {
        // Over the gross limit by borrowed spot alone.
        let book = Book::new(3_000, 0, 100).with(Leg::BorrowedSpot {
            underlying: 1,
            quantity: wad(25),
            rate: Rate(0),
        });
        assert!(book.report().excess_gross > Wad::ZERO);
        assert_ne!(book.decide().rule, LEVERAGE);
    }
}
