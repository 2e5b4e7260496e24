//! How far a lever may go before it breaks a limit of an earlier rule.

use fixed::{BPS, Bps, Wad};

use super::{Action, BAND, BUDGET, Calc, LEVERAGE, LIQUIDATION, Lever, OutOfRange, Side, State, band};
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
/// takes it away while it moves the netted delta of a linear book towards zero (see [`margin_gain`]). Without capacity
/// nothing else is allowed.
pub(super) fn most_down(state: &State<'_>, lever: &Lever) -> Result<Wad, OutOfRange> {
    let State {
        report, params, facts, ..
    } = *state;
    if state.rule <= BUDGET || lever.unit_delta == Wad::ZERO {
        return Ok(Wad::MAX);
    }
    let price = state.price(lever.underlying).mid;
    let to_zero = lever.until_flat(state)?.times_down(price)?;
    let towards = to_zero.negated()?;
    let slippage = Wad::ONE.share_up(state.slippage)?;

    let mut value = Wad::MAX;
    if facts.capacity == Wad::ZERO {
        value = to_zero;
    } else if facts.budget_left < Wad::MAX {
        let free = facts.budget_left.minus(report.budget_loss)?.max(Wad::ZERO);
        value = value.min(
            free.over_down(drawdown::budget_move_up(params)?.plus(slippage)?)?
                .max(to_zero),
        );
    }
    if lever.action == Action::Trade && state.rule > LIQUIDATION {
        value = value.min(loan_room(state, lever)?);
    }
    if state.rule >= LEVERAGE {
        let room = |limit: Wad, used: Wad, loss: Wad| -> Result<Wad, OutOfRange> {
            let limit = limit.times_down(facts.capacity)?;
            let free = limit.times_down(report.nav_min)?.minus(used)?;
            free.over_down(Wad::ONE.plus(limit.times_up(loss)?)?)
        };
        let loss = equity_loss(state, lever.underlying)?;
        let others = report.net_value.minus(towards.magnitude()?)?.max(Wad::ZERO);
        value = value.min(room(params.max_net_leverage, towards.plus(others)?, loss)?.max(to_zero));
        if lever.gross > 0 {
            let (limit, used) = (params.max_gross_leverage, report.gross_value);
            let reducing = room(limit, used, slippage)?.min(to_zero);
            value = value.min(room(limit, used, loss)?.max(reducing));
        }
        let free = report.nav_mid.minus(report.initial_margin)?.max(Wad::ZERO);
        let away = free.over_down(margin_cost(state, lever)?)?;
        // What does not improve margin is limited as if it moved away from zero.
        let towards = if margin_gain(state, lever)? >= Wad::ZERO {
            to_zero
        } else {
            Wad::ZERO
        };
        value = value.min(away.max(towards));
    }
    if value == Wad::MAX {
        return Ok(Wad::MAX);
    }
    let mut tokens = value.over_down(price)?;
    if state.rule > BAND {
        tokens = tokens.min(band::inside(state, lever)?);
    }
    Ok(lever.native_down(tokens))
}

/// By how much a unit of value traded with `lever` away from zero lowers equity less initial margin, at most. Rounded up.
fn margin_cost(state: &State<'_>, lever: &Lever) -> Result<Wad, OutOfRange> {
    let loss = Wad::ONE
        .share_up(loss_of(lever.side == Side::Buy))?
        .plus(SCENARIO_ROUNDING)?;
    let required = loss
        .plus(contingency_up(state)?)?
        .share_up(state.params.initial_margin)?;
    required.plus(Wad::ONE.share_up(state.slippage)?)
}

/// By how much a unit of value traded with `lever` towards zero improves equity less initial margin. Rounded down,
/// negative if it does not.
///
/// A trade that adds to gross exposure pays for its contingencies, which may be more than it saves. Exact for linear books;
/// where a book does not lose what its netted deltas alone would (options, ranges, perps that a scenario liquidates), a unit
/// is taken to save as much less if that is less, and nothing where it adds to gross exposure.
pub(super) fn margin_gain(state: &State<'_>, lever: &Lever) -> Result<Wad, OutOfRange> {
    let worst = state.report.worst_loss;
    let mut linear = Wad::ZERO;
    for underlying in 1..=state.report.underlyings {
        let delta = state.delta(underlying);
        let value = delta.magnitude()?.times_up(state.price(underlying).mid)?;
        linear = linear.plus(value.share_up(loss_of(delta > Wad::ZERO))?)?;
    }
    let mut saved = Wad::ONE
        .share_down(loss_of(lever.side == Side::Sell))?
        .minus(SCENARIO_ROUNDING)?;
    let tolerance = Wad(linear.0 / 1_000_000);
    if lever.gross > 0 && worst.minus(linear)?.magnitude()? > tolerance {
        // Gross exposure costs for certain, and what it saves in such a book is not known well enough.
        saved = Wad::ZERO;
    } else if worst < linear {
        saved = saved.times_down(worst.over_down(linear)?)?;
    }
    if (lever.action, lever.side) == (Action::Trade, Side::Buy) {
        saved = saved.share_down(state.kept()?)?;
    }
    if lever.gross > 0 {
        saved = saved.minus(contingency_up(state)?)?;
    }
    saved
        .share_down(state.params.initial_margin)?
        .minus(Wad::ONE.share_up(state.slippage)?)
}

/// What the scenarios' prices and damping add to the loss of a unit: less than 2⁻³⁰ of four times the price each.
const SCENARIO_ROUNDING: Wad = Wad(8_000_000_000);

/// What a unit of netted delta loses in its worst scenario.
const fn loss_of(long: bool) -> Bps {
    if long { LONG_LOSS } else { SHORT_LOSS }
}

/// What a unit of gross exposure adds to the required margin, at most. Rounded up.
fn contingency_up(state: &State<'_>) -> Result<Wad, OutOfRange> {
    let params = state.params;
    Wad::ONE
        .share_up(params.basis_contingency)?
        .plus(Wad::ONE.share_up(params.concentration_contingency)?)
}

/// The most that navMin can fall per unit of value traded: slippage, and the low mark of a larger delta, which for a short
/// is `(1 + confidence) · (1 + exit cost)` of its value. Rounded up.
pub(super) fn equity_loss(state: &State<'_>, underlying: u8) -> Result<Wad, OutOfRange> {
    let plus = |share: Bps| BPS.checked_add(share.0).map(Bps).ok_or(OutOfRange);
    let marked = Wad::ONE
        .share_up(plus(state.price(underlying).confidence)?)?
        .share_up(plus(state.params.exit_cost)?)?;
    marked.minus(Wad::ONE)?.plus(Wad::ONE.share_up(state.slippage)?)
}

/// How much more of `lever`'s underlying may be bought or sold before the book's loans come closer to liquidation than
/// the minimum (or than they are), in asset units; [`Wad::MAX`] without loans. Rounded down.
///
/// All loans count as one account whose collateral is the book's cash and spot, see [`crate::liquidation`]: after a move
/// of the minimum distance of any underlying the collateral, times the threshold, must cover the debt. A unit of value
/// bought lowers that by threshold · (distance + slippage) after a fall of its own underlying, sold after a rise, and by
/// threshold · slippage after a move of any other.
fn loan_room(state: &State<'_>, lever: &Lever) -> Result<Wad, OutOfRange> {
    let (mut debts, mut shortfall) = (Wad::ZERO, Wad::ZERO);
    for measured in state.legs {
        if matches!(measured.leg, Leg::Debt { .. } | Leg::BorrowedSpot { .. }) {
            debts = debts.minus(measured.mark.value)?;
            shortfall = shortfall.max(measured.liquidation.map_or(Wad::ZERO, |distance| distance.shortfall));
        }
    }
    if debts <= Wad::ZERO {
        return Ok(Wad::MAX);
    }
    let value = |tokens: Wad, underlying: u8| tokens.times_down(state.price(underlying).mid);
    let mut assets = state.report.liquid;
    for underlying in 1..=state.report.underlyings {
        assets = assets.plus(value(state.spot(underlying), underlying)?)?;
    }
    let threshold = state.params.lending_threshold;
    let minimum = Moves::new(state.params)?.minimum;
    let slippage = Wad::ONE.share_up(state.slippage)?;
    let mut room = Wad::MAX;
    for underlying in 1..=state.report.underlyings {
        let held = value(state.spot(underlying), underlying)?;
        let mut owed = Wad::ZERO;
        for measured in state.legs {
            if matches!(measured.leg, Leg::BorrowedSpot { underlying: of, .. } if of == underlying) {
                owed = owed.minus(measured.mark.value)?;
            }
        }
        let own = underlying == lever.underlying;
        if !own && held == Wad::ZERO && owed == Wad::ZERO {
            continue;
        }
        for (change, against) in [(minimum.min(Wad::ONE).negated()?, Side::Buy), (minimum, Side::Sell)] {
            let lost = match own {
                true if lever.side == against => slippage.plus(minimum)?,
                true => slippage.minus(minimum)?,
                false => slippage,
            };
            if lost > Wad::ZERO {
                let collateral = assets.plus(held.times_down(change)?)?.share_down(threshold)?;
                let missing = debts.plus(owed.times_up(change)?)?.minus(collateral)?;
                let free = shortfall.minus(missing)?.max(Wad::ZERO);
                room = room.min(free.over_down(lost.share_up(threshold)?)?);
            }
        }
    }
    Ok(room)
}
