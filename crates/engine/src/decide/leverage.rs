//! Rule 4: equity below the initial margin, or gross or net leverage above its limit L · c.
//!
//! The largest leg that lowers what is exceeded is reduced. Gross leverage falls by making any leg smaller. Net
//! leverage and, in a linear book, margin fall by trading against the netted delta. A book that is over its gross
//! limit while its legs hedge each other has no single trade that helps: it unwinds a pair. A book whose margin is
//! exceeded without delta makes the leg with the most gamma smaller.

use fixed::{Bps, Wad};

use super::room::{equity_loss, margin_gain};
use super::{Action, Calc, Lever, OutOfRange, Plan, SMALLEST, Side, State, excess, greeks};

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
    let smallest = state.scale().share_up(SMALLEST)?;
    let plan = state.pick(&|lever| {
        // What cannot make the smallest trade would be used up to the last unit, for nothing.
        let reach = lever.value_up(lever.most)?;
        if reach < smallest {
            return Ok((Wad::ZERO, Wad::ZERO));
        }
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
            let per_unit = if margin > Wad::ZERO {
                margin_gain(state, lever)?
            } else {
                Wad::ZERO
            };
            if per_unit >= Wad::ONE.share_up(MIN_GAIN)? {
                let flat = to_zero.times_down(state.price(lever.underlying).mid)?;
                value = value.max(margin.over_up(per_unit)?.min(flat));
            }
        }
        let tokens = state.at_least_smallest(lever, value.over_up(state.price(lever.underlying).mid)?)?;
        Ok((lever.native_up(tokens), reach))
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
        // At least half of the leg: what a range holds stays in the book and goes on losing, so its share of the margin is
        // not won back in full, and small steps would go on for long.
        let whole = state.report.initial_margin;
        return greeks::shrink(state, margin.max(Wad(whole.0 / 2)), whole);
    }
    Ok(None)
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
    fn act_margin_short_buys_back_only_where_gross_exposure_costs_less() {
        // 80 % of 2000, and 1 % of gross, three times, against an equity of 2000.
        let mut book = Book::new(4_000, 0, 100).with(Leg::BorrowedSpot {
            underlying: 1,
            quantity: wad(20),
            rate: Rate(0),
        });
        book.params.max_gross_leverage = wad(10);
        book.params.max_net_leverage = wad(5);
        book.params.initial_margin = Bps(30_000);
        let decision = book.decide();
        assert_eq!((decision.rule, decision.side), (LEVERAGE, Side::Buy));
        let after = book.exchange(Side::Buy, decision.amount_in.0, decision.min_out.0);
        assert_eq!(after.report().excess_margin, Wad::ZERO);
        assert_eq!(book.accept(&after, &decision), Ok(()));
        // The bought spot would ask for 70 % of its value, and save less than 10 % more.
        book.cash = 3_500 * WAD;
        book.params.initial_margin = Bps(10_000);
        assert_eq!(book.decide().rule, LEVERAGE);
        book.params.basis_contingency = Bps(2_000);
        book.params.concentration_contingency = Bps(5_000);
        assert_ne!(book.decide().rule, LEVERAGE);
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
