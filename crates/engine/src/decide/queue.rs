//! Rule 5: the redemption queue is not covered by liquid assets.

use fixed::Wad;

use super::{Action, Calc, OutOfRange, Plan, Side, State};
use crate::decide::lever::Lever;

/// Raises what is missing even at the worst accepted price (rounded up), or the smallest amount worth raising if that is
/// more, as far as the limits allow. `None` if the queue is covered or nothing can be raised.
///
/// Cheapest first: orders cost nothing to cancel, a range gives its asset part at no price, spot costs the exchange.
/// Only then a range is unwound as a whole, and bought options are sold.
pub fn act(state: &State<'_>) -> Result<Option<Plan>, OutOfRange> {
    let shortage = state.free_cash()?.negated()?;
    if shortage <= Wad::ZERO {
        return Ok(None);
    }
    let kept = Wad::ONE.share_down(state.kept()?)?;
    state.pick(&|lever| {
        let nothing = (Wad::ZERO, Wad::ZERO);
        // The rank, and the cash that one unit raises.
        let (rank, raised) = match (lever.action, lever.side) {
            (Action::CancelOrder, _) => (5, lever.unit_flow),
            (Action::ShrinkRange, _) => (4, asset_part(state, lever)?),
            (Action::Trade, Side::Sell) => (3, lever.unit_flow.times_down(kept)?),
            (Action::UnwindRange, _) => (2, lever.unit_flow.times_down(kept)?),
            (Action::ReduceOption, _) => (1, lever.unit_flow.times_down(kept)?),
            _ => return Ok(nothing),
        };
        if raised <= Wad::ZERO {
            return Ok(nothing);
        }
        let wanted = match lever.action {
            Action::CancelOrder => lever.most, // as a whole
            Action::Trade => state.at_least_smallest(lever, shortage.over_up(kept)?.over_up(lever.unit_value)?)?,
            _ => shortage.over_up(raised).unwrap_or(Wad::MAX),
        };
        Ok((wanted, Wad(rank)))
    })
}

/// The asset units that come out of one unit of a range.
fn asset_part(state: &State<'_>, lever: &Lever) -> Result<Wad, OutOfRange> {
    let Some(measured) = state.legs.get(usize::from(lever.leg)) else {
        return Ok(Wad::ZERO);
    };
    let underlying = measured.mark.delta.times_up(state.price(lever.underlying).mid)?;
    measured.mark.value.minus(underlying)?.over_down(lever.most)
}

#[cfg(test)]
mod tests {
    use fixed::{Bps, WAD};

    use crate::decide::QUEUE;
    use crate::testing::Book;

    use super::*;

    fn wad(x: i128) -> Wad {
        Wad(x * WAD)
    }

    fn queued(cash: i128, needed: i128) -> Book {
        let mut book = Book::new(cash, 50, 100);
        book.needed = wad(needed);
        book.params.max_slippage = Bps(100);
        book
    }

    #[test]
    fn act_uncovered_queue_sells_enough_at_the_worst_price() {
        let book = queued(1_000, 3_000);
        let decision = book.decide();
        assert_eq!((decision.rule, decision.side), (QUEUE, Side::Sell));
        assert!(decision.min_out >= wad(2_000));
        assert!(decision.min_out <= Wad(2_000 * WAD + 1_000));
    }

    #[test]
    fn act_covered_queue_is_idle() {
        assert_ne!(queued(3_000, 3_000).decide().rule, QUEUE);
        let mut book = queued(3_000, 3_000);
        book.needed = Wad(3_000 * WAD + 1);
        assert_eq!(book.decide().rule, QUEUE);
    }

    #[test]
    fn act_more_needed_than_held_sells_all() {
        assert_eq!(queued(0, 9_000).decide().amount_in, wad(50));
    }

    #[test]
    fn act_short_of_next_to_nothing_sells_an_executable_amount() {
        // Equity 8000, short of 1e-18: a thousandth of the equity is sold, and accepted.
        let mut book = queued(3_000, 3_000);
        book.needed = Wad(3_000 * WAD + 1);
        let decision = book.decide();
        assert_eq!(decision.value, wad(8));
        assert_eq!(book.accept(&book.after(&decision, 0), &decision), Ok(()));
    }

    #[test]
    fn act_nothing_to_sell_is_skipped() {
        let mut book = queued(100, 3_000);
        book.spot = 0;
        assert_eq!(book.decide().rule, crate::decide::IDLE);
    }

    #[test]
    fn act_then_band_does_not_buy_back() {
        // Fully invested, and half of the equity leaves: after the sale the rest is at its target.
        let mut book = queued(0, 2_500);
        book.params.target_weight = Bps(10_000);
        let decision = book.decide();
        assert_eq!(decision.rule, QUEUE);
        book = book.after(&decision, 0);
        assert_eq!(book.decide().rule, crate::decide::IDLE);
    }
}
