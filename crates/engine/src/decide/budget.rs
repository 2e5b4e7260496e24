//! Rule 2: the drawdown budget.
//!
//! While there is capacity, the loss under the budget move must fit into what is left of the budget; above it, delta is
//! reduced. Without capacity the book is flattened towards the safe state of design section 6: every leg that can be
//! closed is closed (a hedged pair in one plan), and what cannot be closed is hedged to delta 0.

use fixed::{MathError, Wad};

use super::{Facts, Lever, Plan, State};
use crate::Report;

/// What is left of the budget after the budget move, in asset units; negative by the excess.
///
/// Without capacity the excess is gross + 2 · net exposure. Of all weights these make every step towards the safe state
/// an improvement: closing an unhedged leg (−3 per unit of value), closing a hedged pair (−2 per leg), hedging what
/// cannot be closed (+1 − 2), while closing one leg of a hedged pair (−1 + 2) is none.
pub fn distance(report: &Report, facts: &Facts<'_>) -> Result<Wad, MathError> {
    if facts.capacity > Wad::ZERO {
        return facts.budget_left.sub(report.budget_loss);
    }
    report.gross_value.add(report.net_value)?.add(report.net_value)?.neg()
}

/// The reduction that is needed, or `None` within the budget or if nothing can be reduced.
pub fn act(state: &State<'_>) -> Result<Option<Plan>, MathError> {
    let excess = distance(state.report, state.facts)?.neg()?;
    if excess <= Wad::ZERO {
        return Ok(None);
    }
    if state.facts.capacity > Wad::ZERO {
        return reduce(state, excess);
    }
    // Close what is not hedged, then hedged pairs, and hedge what is left.
    if let Some(plan) = state.pick(&|lever| worth(state, lever, lever.gross < 0))? {
        return Ok(Some(plan));
    }
    if let Some(plan) = state.unwind(state.report.gross_value)? {
        return Ok(Some(plan));
    }
    state.pick(&|lever| worth(state, lever, lever.gross > 0))
}

/// What `lever` can close or hedge, and what that is worth; nothing if it is no `candidate`, or below `min_trade`.
fn worth(state: &State<'_>, lever: &Lever, candidate: bool) -> Result<(Wad, Wad), MathError> {
    let hedged = if lever.gross == -2 {
        Wad::MAX
    } else {
        lever.native_down(lever.to_zero(state)?)?
    };
    let amount = lever.most.min(hedged);
    if !candidate || amount <= Wad::ZERO {
        return Ok((Wad::ZERO, Wad::ZERO));
    }
    let value = lever.value_up(amount)?;
    Ok((
        if value < state.params.min_trade {
            Wad::ZERO
        } else {
            amount
        },
        value,
    ))
}

/// The trade that brings the loss under the budget move down by `excess`, with the largest lever that helps.
///
/// The loss per unit of netted value is taken as the same throughout, which it is for a linear book.
fn reduce(state: &State<'_>, excess: Wad) -> Result<Option<Plan>, MathError> {
    let report = state.report;
    if report.net_value <= Wad::ZERO {
        return Ok(None);
    }
    let rate = report.budget_loss.div_down(report.net_value)?;
    if rate <= Wad::ZERO {
        return Ok(None);
    }
    let value = excess.div_up(rate)?;
    let plan = state.pick(&|lever| {
        let to_zero = lever.to_zero(state)?;
        let tokens = state
            .at_least_smallest(lever, value.div_up(state.price(lever.underlying).mid)?)?
            .min(to_zero);
        let wanted = if tokens > Wad::ZERO {
            lever.native_down(tokens)?
        } else {
            Wad::ZERO
        };
        Ok((wanted, lever.value_up(wanted.min(lever.most))?))
    })?;
    Ok(match plan {
        Some(plan) => Some(Plan {
            promise: plan.promise.mul_down(rate)?,
            ..plan
        }),
        None => None,
    })
}
