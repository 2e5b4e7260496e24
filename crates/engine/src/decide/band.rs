//! Rule 6: the expected delta is outside its band.

use fixed::{MathError, Wad};

use super::{Side, State, Trade, trade};
use crate::{Params, Report};

/// At this many half-widths from the target the trade goes all the way to it.
const URGENT: i128 = 3;

/// The delta that a book should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// The delta that is aimed at.
    pub target: Wad,
    /// The lowest delta that is left alone.
    pub lower: Wad,
    /// The highest delta that is left alone.
    pub upper: Wad,
}

/// The band as values at the oracle's price, in asset units. Rounded down.
///
/// Equity here is what stays: `max(0, nav_mid − liquidity_needed)` (see [`super`] for the reason).
pub fn values(report: &Report, params: &Params, liquidity_needed: Wad) -> Result<Band, MathError> {
    let equity = report.nav_mid.sub(liquidity_needed)?.max(Wad::ZERO);
    let target = equity.mul_bps_down(params.target_weight)?;
    let half_width = equity.mul_bps_down(params.band)?;
    Ok(Band {
        target,
        lower: target.sub(half_width)?,
        upper: target.add(half_width)?,
    })
}

/// The band in tokens. Rounded down.
pub fn units(state: &State<'_>) -> Result<Band, MathError> {
    let values = values(state.report, state.params, state.liquidity_needed)?;
    let price = state.price.mid;
    Ok(Band {
        target: values.target.div_down(price)?,
        lower: values.lower.div_down(price)?,
        upper: values.upper.div_down(price)?,
    })
}

/// How far the expected delta is outside the band, in asset units; 0 inside and on the edge.
pub fn excess(report: &Report, params: &Params, liquidity_needed: Wad) -> Result<Wad, MathError> {
    let band = values(report, params, liquidity_needed)?;
    let delta = report
        .exposure(1)
        .map_or(Wad::ZERO, |exposure| exposure.expected_delta_value);
    Ok(delta.sub(band.upper)?.max(band.lower.sub(delta)?).max(Wad::ZERO))
}

/// The trade to the band's nearest edge after costs (at `exit_cost`), or to the target if the distance is urgent, as far as the spot position, the
/// cash and the leverage limits allow. `None` inside the band, on its edge, or if it would be below `min_trade`.
pub fn act(state: &State<'_>, band: &Band) -> Result<Option<Trade>, MathError> {
    let delta = state.exposure().expected_delta;
    let (side, edge) = if delta > band.upper {
        (Side::Sell, band.upper)
    } else if delta < band.lower {
        (Side::Buy, band.lower)
    } else {
        return Ok(None);
    };
    let half_width = edge.sub(band.target)?.abs()?;
    let distance = delta.sub(band.target)?.abs()?;
    let urgent = half_width
        .0
        .checked_mul(URGENT)
        .is_some_and(|limit| distance.0 >= limit);
    let wanted = if urgent {
        distance
    } else {
        // The cost of the trade lowers the equity, and with it the band: trade as much more as the cost can take away,
        // or the delta ends just outside again.
        let to_edge = delta.sub(edge)?.abs()?;
        to_edge.add(to_edge.mul_bps_up(state.params.exit_cost)?)?
    };

    let hedge = trade(state, side, wanted)?;
    let large_enough = match hedge {
        Some(hedge) => hedge.tokens.mul_down(state.price.mid)? >= state.params.min_trade,
        None => false,
    };
    Ok(hedge.filter(|_| large_enough))
}

#[cfg(test)]
mod tests {
    use fixed::{Bps, WAD};

    use crate::Leg;
    use crate::decide::{BAND, IDLE};
    use crate::testing::Book;

    use super::*;

    fn wad(x: i128) -> Wad {
        Wad(x * WAD)
    }

    /// Equity 10,000 at price 100; target 50 tokens, band ±10.
    fn book(spot: i128) -> Book {
        let mut book = Book::new(10_000 - 100 * spot, spot, 100);
        book.params.target_weight = Bps(5_000);
        book.params.band = Bps(1_000);
        book
    }

    #[test]
    fn act_inside_the_band_and_on_its_edges_is_idle_with_distances() {
        for spot in [40, 50, 60] {
            let decision = book(spot).decide();
            assert_eq!(decision.rule, IDLE);
            assert_eq!(
                (decision.lower, decision.delta_target, decision.upper),
                (wad(40), wad(50), wad(60))
            );
            assert_eq!(decision.expected_delta, wad(spot));
            assert_eq!(decision.amount_in, Wad::ZERO);
        }
    }

    #[test]
    fn act_outside_the_band_trades_to_the_edge() {
        let high = book(75).decide();
        assert_eq!((high.rule, high.side, high.amount_in), (BAND, Side::Sell, wad(15)));
        // 1500 less 0.5 %
        assert_eq!(high.min_out, Wad(14_925 * WAD / 10));
        let low = book(25).decide();
        assert_eq!((low.rule, low.side, low.amount_in), (BAND, Side::Buy, wad(1_500)));
        assert_eq!(low.min_out, Wad(14_925 * WAD / 1_000));
    }

    #[test]
    fn act_with_exit_cost_trades_that_much_more() {
        let mut book = book(75);
        book.params.exit_cost = Bps(100);
        assert_eq!(book.decide().amount_in, Wad(1_515 * WAD / 100));
    }

    #[test]
    fn act_three_bands_away_trades_to_the_target() {
        assert_eq!(book(80).decide().amount_in, wad(30));
        assert_eq!(book(79).decide().amount_in, wad(19));
        assert_eq!(book(20).decide().amount_in, wad(3_000));
    }

    #[test]
    fn act_below_the_smallest_trade_is_idle() {
        let mut book = book(61);
        book.params.min_trade = wad(100);
        assert_eq!(book.decide().rule, BAND);
        book.params.min_trade = Wad(100 * WAD + 1);
        assert_eq!(book.decide().rule, IDLE);
    }

    #[test]
    fn act_purchase_leaves_the_queue_its_cash() {
        // Equity that stays: 4000, target 20 tokens; nothing is held, and all but 1000 of the cash is promised.
        let mut book = Book::new(3_000, 0, 100);
        book.needed = wad(2_000);
        book.params.target_weight = Bps(10_000);
        book.params.max_gross_leverage = wad(10);
        assert_eq!(book.decide().amount_in, wad(1_000));
    }

    #[test]
    fn act_purchase_stops_at_the_leverage_limit() {
        let mut book = book(0);
        book.params.max_net_leverage = Wad(WAD / 4);
        let decision = book.decide();
        assert_eq!(decision.rule, BAND);
        let after = book
            .exchange(Side::Buy, decision.amount_in.0, decision.min_out.0)
            .report();
        assert_eq!((after.excess_net, after.excess_gross), (Wad::ZERO, Wad::ZERO));
        assert!(after.net_value > wad(2_000));
    }

    #[test]
    fn act_open_order_counts_as_filled() {
        let order = |delta| Leg::Order {
            underlying: 1,
            expected_delta: wad(delta),
            collateral: wad(0),
        };
        assert_eq!(book(75).with(order(-20)).decide().rule, IDLE);
        assert_eq!(book(50).with(order(20)).decide().rule, BAND);
    }
}
