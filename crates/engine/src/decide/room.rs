//! How far a trade may go before it breaks a leverage limit.

use fixed::{BPS, Bps, MathError, Wad};

use super::{Side, State};

/// The largest trade, in tokens at the oracle's price, after which leverage is within its limits (or no further outside
/// than before) even at the worst accepted price. Rounded down, may be negative.
///
/// Per unit of value traded, navMin falls by at most k. A limit l therefore holds after a trade of value v if
/// `used + v ≤ l · (navMin − k · v)`, which gives `v ≤ (l · navMin − used) / (1 + l · k)`. In general k is
/// [`equity_loss`]; for a trade that only moves the netted delta towards zero it is the slippage alone. Such a trade
/// never raises net leverage, and selling spot never raises gross leverage.
pub(super) fn tokens_down(state: &State<'_>, side: Side) -> Result<Wad, MathError> {
    let State {
        report, price, params, ..
    } = *state;
    let room = |limit: Wad, used: Wad, loss: Wad| -> Result<Wad, MathError> {
        let free = limit.mul_down(report.nav_min)?.sub(used)?;
        free.div_down(Wad::ONE.add(limit.mul_up(loss)?)?)
    };
    let loss = equity_loss(state)?;
    let towards = match side {
        Side::Buy => state.exposure().delta_value,
        Side::Sell => state.exposure().delta_value.neg()?,
    };
    let to_zero = towards.neg()?;
    let net = room(params.max_net_leverage, towards, loss)?.max(to_zero);
    let value = match side {
        Side::Sell => net,
        Side::Buy => {
            let (limit, used) = (params.max_gross_leverage, report.gross_value);
            let reducing = room(limit, used, Wad::ONE.mul_bps_up(params.max_slippage)?)?.min(to_zero);
            net.min(room(limit, used, loss)?.max(reducing))
        }
    };
    value.div_down(price.mid)
}

/// The most that navMin can fall per unit of value traded: slippage, and the low mark of a larger delta, which for a short
/// is `(1 + confidence) · (1 + exit cost)` of its value. Rounded up.
pub(super) fn equity_loss(state: &State<'_>) -> Result<Wad, MathError> {
    let State { price, params, .. } = *state;
    let plus = |share: Bps| BPS.checked_add(share.0).map(Bps).ok_or(MathError::Overflow);
    let marked = Wad::ONE
        .mul_bps_up(plus(price.confidence)?)?
        .mul_bps_up(plus(params.exit_cost)?)?;
    marked.sub(Wad::ONE)?.add(Wad::ONE.mul_bps_up(params.max_slippage)?)
}
