//! How far a lever may go before it breaks a limit of an earlier rule.

use fixed::{BPS, Bps, MathError, Wad};

use super::{Action, BAND, BUDGET, LEVERAGE, LIQUIDATION, Lever, Side, State, band};
use crate::liquidation::Moves;
use crate::{Leg, drawdown};

/// The most that a unit of value bought (long) or sold (short) loses in a scenario: −50 % damped by 0.6, and +200 %
/// damped by 0.4 (design section 6).
const LONG_LOSS: Bps = Bps(3_000);
const SHORT_LOSS: Bps = Bps(8_000);

/// The largest amount of `lever` after which the limits of the rules before the asking one, and of rule 4 itself, hold
/// (or are broken no further than before) even at the worst accepted price. Rounded down, may be negative;
/// [`Wad::MAX`] if it moves no delta.
///
/// Per unit of value traded, navMin falls by at most k. A limit l therefore holds after a trade of value v if
/// `used + v ≤ l · (navMin − k · v)`, which gives `v ≤ (l · navMin − used) / (1 + l · k)`. In general k is
/// [`equity_loss`]; for a trade that only moves the netted delta towards zero it is the slippage alone. Such a trade
/// never raises net leverage, and making a leg smaller never raises gross leverage.
///
/// Margin and budget: a unit of value lowers equity by the slippage and adds its own loss in the scenario at most, or
/// takes it away while it moves the netted delta of a linear book towards zero. Without capacity nothing else is allowed.
pub(super) fn most_down(state: &State<'_>, lever: &Lever) -> Result<Wad, MathError> {
    let State {
        report, params, facts, ..
    } = *state;
    if state.rule <= BUDGET || lever.unit_delta == Wad::ZERO {
        return Ok(Wad::MAX);
    }
    let price = state.price(lever.underlying).mid;
    let to_zero = lever.to_zero(state)?.mul_down(price)?;
    let towards = to_zero.neg()?;
    let slippage = Wad::ONE.mul_bps_up(state.slippage)?;

    let mut value = Wad::MAX;
    if facts.capacity == Wad::ZERO {
        value = to_zero;
    } else if facts.budget_left < Wad::MAX {
        let free = facts.budget_left.sub(report.budget_loss)?.max(Wad::ZERO);
        value = value.min(
            free.div_down(drawdown::budget_move_up(params)?.add(slippage)?)?
                .max(to_zero),
        );
    }
    if lever.action == Action::Trade && state.rule > LIQUIDATION {
        value = value.min(loan_room(state, lever)?);
    }
    if state.rule >= LEVERAGE {
        let room = |limit: Wad, used: Wad, loss: Wad| -> Result<Wad, MathError> {
            let limit = limit.mul_down(facts.capacity)?;
            let free = limit.mul_down(report.nav_min)?.sub(used)?;
            free.div_down(Wad::ONE.add(limit.mul_up(loss)?)?)
        };
        let loss = equity_loss(state, lever.underlying)?;
        let others = report.net_value.sub(towards.abs()?)?.max(Wad::ZERO);
        value = value.min(room(params.max_net_leverage, towards.add(others)?, loss)?.max(to_zero));
        if lever.gross > 0 {
            let (limit, used) = (params.max_gross_leverage, report.gross_value);
            let reducing = room(limit, used, slippage)?.min(to_zero);
            value = value.min(room(limit, used, loss)?.max(reducing));
        }
        if report.initial_margin > Wad::ZERO {
            let shock = if lever.side == Side::Buy { LONG_LOSS } else { SHORT_LOSS };
            let rate = [shock, params.basis_contingency, params.concentration_contingency]
                .iter()
                .try_fold(Wad::ZERO, |sum, share| sum.add(Wad::ONE.mul_bps_up(*share)?))?
                .mul_bps_up(params.initial_margin)?
                .add(slippage)?;
            let free = report.nav_mid.sub(report.initial_margin)?.max(Wad::ZERO);
            value = value.min(free.div_down(rate)?.max(to_zero));
        }
    }
    if value == Wad::MAX {
        return Ok(Wad::MAX);
    }
    let mut tokens = value.div_down(price)?;
    if state.rule > BAND {
        tokens = tokens.min(band::inside(state, lever)?);
    }
    lever.native_down(tokens)
}

/// The most that navMin can fall per unit of value traded: slippage, and the low mark of a larger delta, which for a short
/// is `(1 + confidence) · (1 + exit cost)` of its value. Rounded up.
pub(super) fn equity_loss(state: &State<'_>, underlying: u8) -> Result<Wad, MathError> {
    let plus = |share: Bps| BPS.checked_add(share.0).map(Bps).ok_or(MathError::Overflow);
    let marked = Wad::ONE
        .mul_bps_up(plus(state.price(underlying).confidence)?)?
        .mul_bps_up(plus(state.params.exit_cost)?)?;
    marked.sub(Wad::ONE)?.add(Wad::ONE.mul_bps_up(state.slippage)?)
}

/// How much more of `lever`'s underlying may be bought or sold before the book's loans come closer to liquidation than
/// the minimum (or than they are), in asset units; [`Wad::MAX`] without loans. Rounded down.
///
/// All loans count as one account whose collateral is the book's cash and spot, see [`crate::liquidation`]: after a move
/// of the minimum distance of any underlying the collateral, times the threshold, must cover the debt. A unit of value
/// bought lowers that by threshold · (distance + slippage) after a fall of its own underlying, sold after a rise, and by
/// threshold · slippage after a move of any other.
fn loan_room(state: &State<'_>, lever: &Lever) -> Result<Wad, MathError> {
    let (mut debts, mut shortfall) = (Wad::ZERO, Wad::ZERO);
    for measured in state.legs {
        if matches!(measured.leg, Leg::Debt { .. } | Leg::BorrowedSpot { .. }) {
            debts = debts.sub(measured.mark.value)?;
            shortfall = shortfall.max(measured.liquidation.map_or(Wad::ZERO, |distance| distance.shortfall));
        }
    }
    if debts <= Wad::ZERO {
        return Ok(Wad::MAX);
    }
    let value = |tokens: Wad, underlying: u8| tokens.mul_down(state.price(underlying).mid);
    let mut assets = state.report.liquid;
    for underlying in 1..=state.report.underlyings {
        assets = assets.add(value(state.spot(underlying), underlying)?)?;
    }
    let threshold = state.params.lending_threshold;
    let minimum = Moves::new(state.params)?.minimum;
    let slippage = Wad::ONE.mul_bps_up(state.slippage)?;
    let mut room = Wad::MAX;
    for underlying in 1..=state.report.underlyings {
        let held = value(state.spot(underlying), underlying)?;
        let mut owed = Wad::ZERO;
        for measured in state.legs {
            if matches!(measured.leg, Leg::BorrowedSpot { underlying: of, .. } if of == underlying) {
                owed = owed.sub(measured.mark.value)?;
            }
        }
        let own = underlying == lever.underlying;
        if !own && held == Wad::ZERO && owed == Wad::ZERO {
            continue;
        }
        for (change, against) in [(minimum.min(Wad::ONE).neg()?, Side::Buy), (minimum, Side::Sell)] {
            let lost = match own {
                true if lever.side == against => slippage.add(minimum)?,
                true => slippage.sub(minimum)?,
                false => slippage,
            };
            if lost > Wad::ZERO {
                let collateral = assets.add(held.mul_down(change)?)?.mul_bps_down(threshold)?;
                let missing = debts.add(owed.mul_up(change)?)?.sub(collateral)?;
                let free = shortfall.sub(missing)?.max(Wad::ZERO);
                room = room.min(free.div_down(lost.mul_bps_up(threshold)?)?);
            }
        }
    }
    Ok(room)
}
