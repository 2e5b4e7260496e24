//! Rule 6: the expected delta is outside its band.
//!
//! Proportional costs: trade to the edge. With a fixed cost per trade: inside it (see [`depth`]). Far outside
//! ([`Params::urgency`]): to the target.

use fixed::{Bps, Wad};

use super::{Action, Calc, Facts, Lever, OutOfRange, Plan, Side, State};
use crate::hedge::half_width_value;
use crate::params::TargetMode;
use crate::report::{Price, Report};
use crate::venue::over_horizon_up;
use crate::{Leg, Params};

/// The delta that a book should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// The target.
    pub target: Wad,
    /// The lowest delta that is left alone.
    pub lower: Wad,
    /// The highest delta that is left alone.
    pub upper: Wad,
}

/// The band of `underlying` as values at the oracle's price, in asset units. Rounded down.
///
/// Equity here is what stays: `max(0, nav_mid − liquidity_needed)` (see [`super`] for the reason). Underlying 1 has the
/// target of the parameters, all others 0.
pub fn values(
    report: &Report,
    price: Price,
    params: &Params,
    facts: &Facts<'_>,
    underlying: u8,
) -> Result<Band, OutOfRange> {
    let equity = report.nav_mid.minus(facts.liquidity_needed)?.max(Wad::ZERO);
    let (target, weight) = match params.target_mode {
        _ if underlying != 1 => (Wad::ZERO, Bps(0)),
        TargetMode::Weight => (equity.share_down(params.target_weight)?, params.target_weight),
        TargetMode::Tokens => (params.target_tokens.times_down(price.mid)?, Bps(0)),
    };
    let exposure = report.exposure(underlying).copied().unwrap_or_default();
    let lambda = lambda(params, facts, underlying)?;
    let half_width = half_width_value(params, &exposure, price.mid, equity, weight, lambda)?;
    Ok(Band {
        target,
        lower: target.minus(half_width)?,
        upper: target.plus(half_width)?,
    })
}

/// The band of `underlying` in tokens. Rounded down.
pub fn units(state: &State<'_>, underlying: u8) -> Result<Band, OutOfRange> {
    let price = state.price(underlying);
    let values = values(state.report, price, state.params, state.facts, underlying)?;
    Ok(Band {
        target: values.target.over_down(price.mid)?,
        lower: values.lower.over_down(price.mid)?,
        upper: values.upper.over_down(price.mid)?,
    })
}

/// The band's entry of [`super::Distances`].
pub fn distance(report: &Report, prices: &[Price], params: &Params, facts: &Facts<'_>) -> Result<Wad, OutOfRange> {
    let mut room = Wad::MAX;
    let mut excess = Wad::ZERO;
    for underlying in 1..=report.underlyings {
        let price = prices.get(usize::from(underlying)).copied().unwrap_or(Price::ASSET);
        let band = values(report, price, params, facts, underlying)?;
        let delta = report
            .exposure(underlying)
            .map_or(Wad::ZERO, |exposure| exposure.expected_delta_value);
        let inside = band.upper.minus(delta)?.min(delta.minus(band.lower)?);
        room = room.min(inside);
        excess = excess.plus(inside.min(Wad::ZERO))?;
    }
    Ok(if excess < Wad::ZERO { excess } else { room })
}

/// How far `lever` may move delta without leaving the band, in tokens; 0 outside of it. Rounded down.
pub(super) fn inside(state: &State<'_>, lever: &Lever) -> Result<Wad, OutOfRange> {
    let band = units(state, lever.underlying)?;
    let delta = state
        .report
        .exposure(lever.underlying)
        .map_or(Wad::ZERO, |exposure| exposure.expected_delta);
    let room = match lever.side {
        Side::Buy => band.upper.minus(delta)?,
        Side::Sell => delta.minus(band.lower)?,
    };
    Ok(room.max(Wad::ZERO))
}

/// The trade to the band's nearest edge after costs (at `exit_cost`), or further (see the module), as far as holdings and
/// limits allow; of the underlying that is furthest outside, with the cheapest lever. `None` inside the band, on its
/// edge, or if it would be below `min_trade`.
pub fn act(state: &State<'_>) -> Result<Option<Plan>, OutOfRange> {
    let mut best: Option<Plan> = None;
    for underlying in 1..=state.report.underlyings {
        let band = units(state, underlying)?;
        let delta = state
            .report
            .exposure(underlying)
            .map_or(Wad::ZERO, |exposure| exposure.expected_delta);
        let (side, edge) = if delta > band.upper {
            (Side::Sell, band.upper)
        } else if delta < band.lower {
            (Side::Buy, band.lower)
        } else {
            continue;
        };
        let half_width = edge.minus(band.target)?.magnitude()?;
        let distance = delta.minus(band.target)?.magnitude()?;
        let wanted = if distance >= half_width.times_up(state.params.urgency)? {
            distance
        } else {
            // The cost of the trade lowers the equity, and with it the band: trade as much more as the cost can take
            // away, or the delta ends just outside again.
            let to_edge = delta.minus(edge)?.magnitude()?;
            let inside = depth(state, underlying, half_width)?;
            to_edge.plus(to_edge.share_up(state.params.exit_cost)?)?.plus(inside)?
        };
        let plan = state.pick(&|lever| {
            let hedges = matches!(lever.action, Action::Trade | Action::ReducePerp | Action::IncreasePerp);
            if !hedges || lever.underlying != underlying || lever.side != side {
                return Ok((Wad::ZERO, Wad::ZERO));
            }
            Ok((wanted, cost_up(state, lever)?.negated()?))
        })?;
        if let Some(plan) = plan.filter(|plan| plan.promise >= state.params.min_trade) {
            // Going beyond the edge does not lower the excess.
            let excess = delta
                .minus(edge)?
                .magnitude()?
                .times_down(state.price(underlying).mid)?;
            let promise = plan.promise.min(excess);
            if best.is_none_or(|best| best.promise < promise) {
                best = Some(Plan { promise, ..plan });
            }
        }
    }
    Ok(best)
}

/// The one-way proportional cost λ of hedging `underlying` now, as a share: the cheapest venue's fee and impact, or the
/// book's exit cost where none is quoted. Rounded up.
pub fn lambda(params: &Params, facts: &Facts<'_>, underlying: u8) -> Result<Wad, OutOfRange> {
    let mut cheapest: Option<Wad> = None;
    for quote in facts.quotes {
        if quote.action == Action::Trade && quote.underlying == underlying && quote.room() > Wad::ZERO {
            let cost = Wad::ONE.share_up(quote.fee)?.plus(Wad::ONE.share_up(quote.impact)?)?;
            cheapest = Some(cheapest.map_or(cost, |other| other.min(cost)));
        }
    }
    match cheapest {
        Some(cost) => Ok(cost),
        None => Wad::ONE.share_up(params.exit_cost),
    }
}

/// What hedging with `lever` costs per unit of value: the exchange, and for a perp its funding over the horizon, which
/// closing one saves. Rounded up.
fn cost_up(state: &State<'_>, lever: &Lever) -> Result<Wad, OutOfRange> {
    if lever.action == Action::Trade {
        return lambda(state.params, state.facts, lever.underlying);
    }
    let cost = Wad::ONE.share_up(state.params.exit_cost)?;
    match state.legs.get(usize::from(lever.leg)).map(|measured| measured.leg) {
        Some(Leg::Perp { rate, .. }) => {
            let funding = over_horizon_up(Wad::ONE, rate, state.params.carry_horizon_secs)?;
            if lever.action == Action::ReducePerp {
                cost.minus(funding)
            } else {
                cost.plus(funding)
            }
        }
        _ => Ok(cost),
    }
}

/// How far inside the edge a hedge with a fixed cost F goes, in tokens, at most to the target; 0 without a fixed cost.
/// Rounded up.
///
/// With a quadratic penalty of the distance x from the target and delta driven by the price, the marginal value of
/// hedging is the cubic v'(x) = α·x − β·x³ between the inner and the outer boundary l < u. Proportional costs alone put
/// both at H, where v' = λ·S and v'' = 0, so β = λ·S / (2·H³). With a fixed cost v'(l) = v'(u) = λ·S, and the gain
/// ∫(v' − λ·S) from l to u is F. The cubic's third root is −(l + u), so that integral is β·(u − l)³·(u + l)/4. With
/// u + l ≈ 2·H the width is `u − l = (4·F·H² / (λ·S))^⅓`. The outer boundary stays at H here, which hedges a little
/// earlier than optimal. The conditions are those of impulse control (Korn, "Portfolio optimisation with strictly
/// positive transaction costs and impulse control", 1998).
fn depth(state: &State<'_>, underlying: u8, half_width: Wad) -> Result<Wad, OutOfRange> {
    let fixed = state.facts.execution_fee;
    if fixed <= Wad::ZERO {
        return Ok(Wad::ZERO);
    }
    let price = state.price(underlying).mid;
    let lambda = lambda(state.params, state.facts, underlying)?.max(Wad::ONE.share_up(state.params.min_lambda)?);
    // In units of H, so that nothing overflows: (4·F / (λ·S·H))^⅓.
    let traded = lambda.times_up(price)?.times_up(half_width)?;
    if traded <= Wad(fixed.0.saturating_mul(4)) {
        return Ok(half_width);
    }
    let share = Wad(fixed.0.saturating_mul(4)).over_up(traded)?;
    half_width.times_up(fixed::cbrt(share)?)
}

#[cfg(test)]
mod tests {
    use fixed::WAD;

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
