//! Rule 7: gamma or vega above its limit.
//!
//! The range or option that adds most to what is exceeded is made smaller. The delta of an option is handed to spot or a
//! perp in the same plan, so that the band holds.

use fixed::{MathError, Wad};

use super::{Action, Lever, Plan, State};

/// The reduction that brings gamma and vega within their limits, or `None`.
pub fn act(state: &State<'_>) -> Result<Option<Plan>, MathError> {
    let report = state.report;
    if report.excess_gamma > Wad::ZERO
        && let Some(plan) = shrink(state, report.excess_gamma, Wad::ZERO)?
    {
        return Ok(Some(plan));
    }
    if report.excess_vega <= Wad::ZERO {
        return Ok(None);
    }
    reduce(state, report.excess_vega, Wad::ZERO, &|lever| {
        let total = state
            .report
            .exposure(lever.underlying)
            .map_or(Wad::ZERO, |exposure| exposure.vega);
        let own = state
            .legs
            .get(usize::from(lever.leg))
            .map_or(Wad::ZERO, |measured| measured.mark.vega);
        same_sign(own, total)
    })
}

/// Makes the leg with the most gamma smaller: by `excess / |Γ|·S²` of it, or where `whole` is given by `excess / whole`.
pub(super) fn shrink(state: &State<'_>, excess: Wad, whole: Wad) -> Result<Option<Plan>, MathError> {
    reduce(state, excess, whole, &|lever| {
        let total = state
            .report
            .exposure(lever.underlying)
            .map_or(Wad::ZERO, |exposure| exposure.gamma);
        let own = state
            .legs
            .get(usize::from(lever.leg))
            .map_or(Wad::ZERO, |measured| measured.mark.gamma);
        let price = state.price(lever.underlying).mid;
        same_sign(own, total)?.mul_down(price)?.mul_down(price)
    })
}

/// `|own|` if it adds to `total`, else nothing.
fn same_sign(own: Wad, total: Wad) -> Result<Wad, MathError> {
    if (own < Wad::ZERO) == (total < Wad::ZERO) {
        own.abs()
    } else {
        Ok(Wad::ZERO)
    }
}

fn reduce(
    state: &State<'_>,
    excess: Wad,
    whole: Wad,
    greek: &dyn Fn(&Lever) -> Result<Wad, MathError>,
) -> Result<Option<Plan>, MathError> {
    let mut best: Option<(Plan, Wad)> = None;
    for lever in &super::lever::levers(state)? {
        if !matches!(lever.action, Action::ShrinkRange | Action::ReduceOption) {
            continue;
        }
        let size = greek(lever)?;
        if size <= Wad::ZERO || best.is_some_and(|(_, best)| size <= best) {
            continue;
        }
        let of = if whole > Wad::ZERO { whole } else { size };
        let share = if excess >= of { Wad::ONE } else { excess.div_up(of)? };
        let wanted = lever.most.mul_up(share)?;
        let paired = state.pair(lever, lever.tokens_down(wanted)?)?;
        let plan = match paired {
            Some(plan) => Some(plan),
            None => state.plan(lever, wanted)?,
        };
        if let Some(plan) = plan {
            let promise = size.mul_down(plan.amount.div_down(lever.most)?)?;
            best = Some((Plan { promise, ..plan }, size));
        }
    }
    Ok(best.map(|(plan, _)| plan))
}
