//! Rule 5: the redemption queue is not covered by liquid assets.

use fixed::{MathError, Wad};

use super::{Side, State, Trade, at_least_smallest, trade, worst_price_share};
use crate::Report;

/// What is missing to pay the queue at once, in asset units. Exact.
pub fn shortage(report: &Report, liquidity_needed: Wad) -> Result<Wad, MathError> {
    Ok(liquidity_needed.sub(report.liquid)?.max(Wad::ZERO))
}

/// The sale whose proceeds cover the shortage even at the worst accepted price (rounded up), or the smallest trade worth
/// making if that is more, as far as the spot position
/// and the leverage limits allow. `None` if the queue is covered or nothing can be sold.
pub fn act(state: &State<'_>) -> Result<Option<Trade>, MathError> {
    let shortage = shortage(state.report, state.liquidity_needed)?;
    if shortage == Wad::ZERO {
        return Ok(None);
    }
    let kept = Wad::ONE.mul_bps_down(worst_price_share(state.params)?)?;
    let tokens = shortage.div_up(kept)?.div_up(state.price.mid)?;
    trade(state, Side::Sell, at_least_smallest(state, tokens)?)
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
        let after = book.after(&decision, 0).report();
        assert_eq!(
            crate::accept(&book.report(), &after, &decision, &book.params, book.needed),
            Ok(())
        );
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
