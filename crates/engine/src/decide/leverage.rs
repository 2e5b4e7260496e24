//! Rule 4: equity below the initial margin, or gross or net leverage above its limit L · c.
//!
//! The largest leg that lowers what is exceeded is reduced. Gross leverage falls by making any leg smaller. Net
//! leverage and, in a linear book, margin fall by trading against the netted delta. A book that is over its gross
//! limit while its legs hedge each other has no single trade that helps: it unwinds a pair. A book whose margin is
//! exceeded without delta makes the leg with the most gamma smaller.

use fixed::{Bps, Wad};

use super::room::equity_loss;
use super::{Action, Calc, Lever, OutOfRange, Plan, Side, State, excess, greeks};

/// The least part of a trade's value by which it must lower the excess, so that it is worth its cost. Acceptance asks for
/// a tenth, so this leaves it some margin.
const MIN_GAIN: Bps = Bps(2_000);

/// The trade that brings margin and leverage within their limits even at the worst accepted price, as far as possible.
/// `None` if they hold or nothing helps.
pub fn act(state: &State<'_>) -> Result<Option<Plan>, OutOfRange> {
    let distances = state.distances()?;
    let [margin, gross, net] = [2, 3, 4].map(|index| excess(&distances, index));
    if margin.max(gross).max(net) == Wad::ZERO {
        return Ok(None);
    }
    let limit = |limit: Wad| limit.times_up(state.facts.capacity);
    let gross_limit = limit(state.params.max_gross_leverage)?;
    let net_limit = limit(state.params.max_net_leverage)?;
    let per_unit = margin_gain(state)?;
    let plan = state.pick(&|lever| {
        let mut value = match lever.gross {
            1 if gross > Wad::ZERO => return Ok((Wad::ZERO, Wad::ZERO)),
            -1 => needed_up(state, lever, gross, gross_limit)?,
            // A loan and what repays it, at no price.
            -2 => Wad(gross.0.checked_add(1).ok_or(OutOfRange)? / 2),
            _ => Wad::ZERO,
        };
        let to_zero = lever.until_flat(state)?;
        if to_zero > Wad::ZERO {
            value = value.max(needed_up(state, lever, net, net_limit)?);
            if per_unit > Wad::ZERO {
                let reach = to_zero.times_down(state.price(lever.underlying).mid)?;
                value = value.max(margin.over_up(per_unit)?.min(reach));
            }
        }
        let tokens = state.at_least_smallest(lever, value.over_up(state.price(lever.underlying).mid)?)?;
        Ok((lever.native_up(tokens), lever.value_up(lever.most)?))
    })?;
    if plan.is_some() {
        return Ok(plan);
    }
    if gross > Wad::ZERO
        && let Some(plan) = state.unwind(gross.max(state.params.min_trade))?
    {
        return Ok(Some(plan));
    }
    if margin > Wad::ZERO {
        return greeks::shrink(state, margin, state.report.worst_loss);
    }
    Ok(None)
}

/// By how much a unit of value traded against the netted delta improves equity less initial margin; zero if that is too
/// little to be worth it. Rounded down.
///
/// The loss per unit of netted value is taken as the same throughout, which it is for a linear book.
fn margin_gain(state: &State<'_>) -> Result<Wad, OutOfRange> {
    let report = state.report;
    if report.net_value <= Wad::ZERO {
        return Ok(Wad::ZERO);
    }
    let rate = report.worst_loss.min(report.net_value).over_down(report.net_value)?;
    let gain = rate
        .share_down(state.params.initial_margin)?
        .minus(Wad::ONE.share_up(state.slippage)?)?;
    Ok(if gain < Wad::ONE.share_up(MIN_GAIN)? {
        Wad::ZERO
    } else {
        gain
    })
}

/// The value to trade so that an excess is gone at the worst accepted price, rounded up.
///
/// A trade of value v lowers navMin by at most k · v ([`equity_loss`]) and exposure by v, or when buying by
/// v · (1 − slippage). So the excess over a limit l falls by at least `v · (1 − l · k)`, less slippage when buying.
/// Zero if that is too little to be worth it.
fn needed_up(state: &State<'_>, lever: &Lever, excess: Wad, limit: Wad) -> Result<Wad, OutOfRange> {
    let received = match (lever.action, lever.side) {
        (Action::Trade, Side::Buy) => Wad::ONE.share_down(state.kept()?)?,
        _ => Wad::ONE,
    };
    let gain = received.minus(limit.times_up(equity_loss(state, lever.underlying)?)?)?;
    if gain < Wad::ONE.share_up(MIN_GAIN)? {
        return Ok(Wad::ZERO);
    }
    excess.over_up(gain)
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
