//! What a book can do: every leg that can be made smaller or larger, seen in the same units.

use alloc::vec::Vec;

use fixed::Wad;

use super::{Action, Calc, OutOfRange, Side, State};
use crate::Leg;
use crate::report::Measured;

/// One way to change a book. Everything is proportional to the amount used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lever {
    /// The action.
    pub action: Action,
    /// The direction, seen from the book's delta.
    pub side: Side,
    /// The index of the underlying; 0 for the asset.
    pub underlying: u8,
    /// The position of the leg, or [`Lever::NO_LEG`].
    pub leg: u8,
    /// The most that can be used, in the lever's own unit: tokens, options, L, or asset units.
    pub most: Wad,
    /// By how many tokens one unit moves the book's delta, ≥ 0. 1 for spot and perps.
    pub unit_delta: Wad,
    /// What one unit is worth at the oracle's price, in asset units, ≥ 0: the base of its cost. For an option the larger
    /// of premium and delta. Rounded up.
    pub unit_value: Wad,
    /// The cash (for a perp, the notional) that one unit brings in, in asset units; negative if it is paid.
    /// Rounded up.
    pub unit_flow: Wad,
    /// By how many times the traded value gross exposure changes.
    pub gross: i8,
}

impl Lever {
    /// The position of a lever that is no leg.
    pub const NO_LEG: u8 = u8::MAX;

    /// Whether it is paid from the book's cash.
    pub(crate) fn pays(&self) -> bool {
        matches!(self.action, Action::Trade | Action::ReduceOption) && self.unit_flow < Wad::ZERO
    }

    /// The amount that moves delta by `tokens`, rounded down; [`Wad::MAX`] if it moves no delta.
    pub(crate) fn native_down(&self, tokens: Wad) -> Wad {
        match self.unit_delta {
            Wad::ONE => tokens,
            Wad::ZERO => Wad::MAX,
            // An amount out of range is more than there is.
            unit => tokens.over_down(unit).unwrap_or(Wad::MAX),
        }
    }

    /// The amount that moves delta by `tokens`, rounded up; as many tokens if it moves no delta.
    pub(crate) fn native_up(&self, tokens: Wad) -> Wad {
        if self.unit_delta == Wad::ONE || self.unit_delta == Wad::ZERO {
            return tokens;
        }
        tokens.over_up(self.unit_delta).unwrap_or(Wad::MAX)
    }

    /// The tokens of delta that `amount` moves. Rounded down.
    pub(crate) fn tokens_down(&self, amount: Wad) -> Result<Wad, OutOfRange> {
        amount.times_down(self.unit_delta)
    }

    /// What `amount` is worth, in asset units. Rounded up.
    pub(crate) fn value_up(&self, amount: Wad) -> Result<Wad, OutOfRange> {
        amount.times_up(self.unit_value)
    }

    /// By how many tokens the netted delta of its underlying can shrink: up to there the lever hedges, beyond it opens.
    /// Not positive if it moves delta away from zero or not at all.
    pub(crate) fn until_flat(&self, state: &State<'_>) -> Result<Wad, OutOfRange> {
        let delta = state.delta(self.underlying);
        match self.side {
            _ if self.unit_delta == Wad::ZERO => Ok(Wad::ZERO),
            Side::Sell => Ok(delta),
            Side::Buy => delta.negated(),
        }
    }
}

/// The levers of the book that `state` has the means for, spot first, then in the order of the legs.
pub(crate) fn levers(state: &State<'_>) -> Result<Vec<Lever>, OutOfRange> {
    let mut levers = Vec::new();
    let cash = state.free_cash()?;
    for underlying in 1..=state.report.underlyings {
        let price = state.price(underlying).mid;
        let spot = state.spot(underlying);
        for (side, most, flow, gross) in [
            (Side::Sell, spot, price, -1),
            (Side::Buy, cash.over_down(price)?, price.negated()?, 1),
        ] {
            add(
                &mut levers,
                state,
                Lever {
                    action: Action::Trade,
                    side,
                    underlying,
                    leg: Lever::NO_LEG,
                    most,
                    unit_delta: Wad::ONE,
                    unit_value: price,
                    unit_flow: flow,
                    gross,
                },
            );
        }
    }
    for (measured, leg) in state.legs.iter().zip(0_u8..64) {
        if state.facts.blocked & (1 << leg) == 0 {
            of_leg(&mut levers, state, measured, leg)?;
        }
    }
    Ok(levers)
}

fn add(levers: &mut Vec<Lever>, state: &State<'_>, lever: Lever) {
    if lever.most > Wad::ZERO && state.means.has(lever.action) {
        levers.push(lever);
    }
}

#[expect(clippy::too_many_lines, reason = "one arm per kind of leg")]
fn of_leg(levers: &mut Vec<Lever>, state: &State<'_>, measured: &Measured, leg: u8) -> Result<(), OutOfRange> {
    let underlying = measured.leg.underlying();
    let price = state.price(underlying).mid;
    let mark = &measured.mark;
    let mut lever = Lever {
        action: Action::None,
        side: if mark.delta < Wad::ZERO { Side::Buy } else { Side::Sell },
        underlying,
        leg,
        most: Wad::ZERO,
        unit_delta: Wad::ONE,
        unit_value: price,
        unit_flow: Wad::ZERO,
        gross: -1,
    };
    match measured.leg {
        Leg::Perp { size, .. } => {
            let (closing, opening) = if size < Wad::ZERO {
                (Side::Buy, Side::Sell)
            } else {
                (Side::Sell, Side::Buy)
            };
            let flow = |side| if side == Side::Sell { Ok(price) } else { price.negated() };
            // Collateral in the underlying counts as delta: below zero, closing would add to the leg's gross exposure.
            let same_sign = (mark.delta < Wad::ZERO) == (size < Wad::ZERO);
            let reducible = if same_sign {
                size.magnitude()?.min(mark.delta.magnitude()?)
            } else {
                Wad::ZERO
            };
            let reduce = Lever {
                action: Action::ReducePerp,
                side: closing,
                most: reducible,
                unit_flow: flow(closing)?,
                ..lever
            };
            add(levers, state, reduce);
            if !state.means.has(Action::IncreasePerp) {
                return Ok(());
            }
            for side in [opening, closing] {
                if side == opening || size == Wad::ZERO {
                    add(
                        levers,
                        state,
                        Lever {
                            action: Action::IncreasePerp,
                            side,
                            most: super::liquidation::increase_down(state, &measured.leg, side)?,
                            unit_flow: flow(side)?,
                            gross: 1,
                            ..lever
                        },
                    );
                }
            }
        }
        Leg::Liquidity { liquidity, .. } if liquidity > Wad::ZERO => {
            lever.most = liquidity;
            lever.unit_value = mark.value.max(Wad::ZERO).over_up(liquidity)?;
            lever.unit_delta = mark.delta.max(Wad::ZERO).over_up(liquidity)?;
            lever.unit_flow = lever.unit_value;
            add(
                levers,
                state,
                Lever {
                    action: Action::UnwindRange,
                    ..lever
                },
            );
            add(
                levers,
                state,
                Lever {
                    action: Action::ShrinkRange,
                    unit_delta: Wad::ZERO,
                    gross: 0,
                    ..lever
                },
            );
        }
        Leg::Option { quantity, .. } if quantity != Wad::ZERO => {
            let size = quantity.magnitude()?;
            lever.action = Action::ReduceOption;
            lever.most = size;
            lever.unit_delta = mark.delta.magnitude()?.over_up(size)?;
            lever.unit_flow = mark.value.over_up(size)?;
            lever.unit_value = lever.unit_flow.magnitude()?.max(lever.unit_delta.times_up(price)?);
            if quantity < Wad::ZERO {
                // Buying back is paid from cash, at the worst accepted price.
                let slip = lever.unit_value.share_up(state.slippage)?;
                let paid = lever.unit_flow.negated()?.max(Wad::ZERO).plus(slip)?;
                if paid > Wad::ZERO {
                    lever.most = size.min(state.report.liquid.over_down(paid).unwrap_or(size));
                }
            }
            add(levers, state, lever);
        }
        Leg::BorrowedSpot { quantity, .. } => {
            // Both the loan and the spot that repays it are gross exposure; the netted delta stays.
            lever.action = Action::Repay;
            lever.most = quantity.min(state.spot(underlying));
            lever.unit_delta = Wad::ZERO;
            lever.gross = -2;
            add(levers, state, lever);
        }
        Leg::Order { collateral, .. } => {
            lever.action = Action::CancelOrder;
            lever.most = collateral;
            lever.unit_delta = Wad::ZERO;
            lever.unit_value = Wad::ONE;
            lever.unit_flow = Wad::ONE;
            lever.gross = 0;
            add(levers, state, lever);
        }
        _ => {}
    }
    Ok(())
}
