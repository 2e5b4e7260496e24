//! What a leg is worth, and how that changes with the price (design section 3).
//!
//! Every kind valued so far is linear in the price S of its underlying: value = fixed + delta · S. Both numbers are
//! sums of packed numbers, so they are exact; only the product with the price rounds, once per *netted* book.

use fixed::{Bps, MathError, Wad};

use crate::{EngineError, Leg};

/// A position whose value is `fixed + delta · S`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Linear {
    /// The part that does not move with the price, in asset units.
    pub fixed: Wad,
    /// Spot delta in whole tokens.
    pub delta: Wad,
}

/// What one leg is worth at one price, and how that changes. Design section 3 has the formulas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Value in asset units, rounded down.
    pub value: Wad,
    /// ∂V/∂S in whole tokens. Exact for linear legs.
    pub delta: Wad,
    /// ∂²V/∂S² in tokens per asset unit of price.
    pub gamma: Wad,
    /// ∂V/∂σ in asset units per 1.00 of volatility.
    pub vega: Wad,
    /// ∂V/∂t in asset units per year.
    pub theta: Wad,
    /// ∂V/∂r in asset units per 1.00 of the rate, with the forward unchanged.
    pub rho: Wad,
    /// What the leg earns by time alone besides theta, in asset units per year; negative if it pays. Rounded down.
    pub carry: Wad,
}

impl Linear {
    /// The value at `price` (asset units per token) in asset units, rounded down.
    ///
    /// [`MathError::Overflow`] outside the range of [`Wad`].
    pub fn value_down(&self, price: Wad) -> Result<Wad, MathError> {
        self.delta.mul_down(price)?.add(self.fixed)
    }

    /// The value at `price` (asset units per token) in asset units, rounded up.
    ///
    /// [`MathError::Overflow`] outside the range of [`Wad`].
    pub fn value_up(&self, price: Wad) -> Result<Wad, MathError> {
        self.delta.mul_up(price)?.add(self.fixed)
    }
}

/// The leg as a linear position. Exact.
///
/// An order is worth what the venue still holds for it and has no delta yet. A perp's exit fee is not part of its
/// value, it belongs to the low and high marks.
/// [`EngineError::UnvaluedLeg`] for kinds that are not linear.
pub fn linear(leg: &Leg) -> Result<Linear, EngineError> {
    let (fixed, delta) = match *leg {
        Leg::Cash { amount } => (amount, Wad::ZERO),
        Leg::Debt { amount, .. } => (amount.neg()?, Wad::ZERO),
        Leg::Spot { quantity, .. } => (Wad::ZERO, quantity),
        Leg::BorrowedSpot { quantity, .. } => (Wad::ZERO, quantity.neg()?),
        Leg::Perp {
            size,
            cost_basis,
            collateral,
            collateral_in_underlying,
            accrued,
            ..
        } => {
            let owed = cost_basis.add(accrued)?;
            if collateral_in_underlying {
                (owed.neg()?, size.add(collateral)?)
            } else {
                (collateral.sub(owed)?, size)
            }
        }
        Leg::Order { collateral, .. } => (collateral, Wad::ZERO),
        Leg::Liquidity { .. } | Leg::Option { .. } => return Err(EngineError::UnvaluedLeg { kind: leg.kind() }),
    };
    Ok(Linear { fixed, delta })
}

/// The leg's mark at the price `spot` of its underlying, in asset units per token.
///
/// `volatility` is the book's, for legs that carry none of their own; `now_secs` is what expiries are compared with.
/// [`EngineError::UnvaluedLeg`] for kinds without a valuation, [`EngineError::Math`] out of range.
pub fn mark(leg: &Leg, spot: Wad, volatility: Bps, now_secs: u64) -> Result<Mark, EngineError> {
    let _ = (volatility, now_secs);
    let position = linear(leg)?;
    Ok(Mark {
        value: position.value_down(spot)?,
        delta: position.delta,
        ..Mark::default()
    })
}

/// The leg's value in asset units at `price` (asset units per token of its underlying), rounded down.
///
/// [`EngineError::UnvaluedLeg`] for options: they are revalued by [`mark`] with a moved forward.
pub fn value_at(leg: &Leg, price: Wad) -> Result<Wad, EngineError> {
    Ok(linear(leg)?.value_down(price)?)
}

#[cfg(test)]
mod tests {
    use fixed::WAD;

    use super::*;
    use crate::leg::{Rate, Right};

    const S: Wad = Wad(2_000 * WAD);
    const SIGMA: Bps = Bps(8_000);

    fn wad(x: i128) -> Wad {
        Wad(x * WAD)
    }

    fn perp(size: i128, entry: i128, in_underlying: bool) -> Leg {
        Leg::Perp {
            underlying: 1,
            size: wad(size),
            cost_basis: wad(size * entry),
            collateral: wad(5),
            collateral_in_underlying: in_underlying,
            accrued: wad(7),
            maintenance: Bps(100),
            rate: Rate(0),
        }
    }

    #[test]
    fn mark_each_linear_kind_equals_hand_computed_value() {
        let cases = [
            (Leg::Cash { amount: wad(9) }, 9, 0),
            (
                Leg::Debt {
                    amount: wad(9),
                    rate: Rate(1),
                },
                -9,
                0,
            ),
            (
                Leg::Spot {
                    underlying: 1,
                    quantity: wad(3),
                },
                6_000,
                3,
            ),
            (
                Leg::BorrowedSpot {
                    underlying: 1,
                    quantity: wad(3),
                    rate: Rate(1),
                },
                -6_000,
                -3,
            ),
            // 5 + 2·2000 − 2·1900 − 7
            (perp(2, 1_900, false), 198, 2),
            // 5 − 2·2000 + 2·1900 − 7
            (perp(-2, 1_900, false), -202, -2),
            // 5·2000 − 2·2000 + 2·1900 − 7
            (perp(-2, 1_900, true), 9_793, 3),
            (
                Leg::Order {
                    underlying: 1,
                    expected_delta: wad(4),
                    collateral: wad(9),
                },
                9,
                0,
            ),
        ];
        for (leg, value, delta) in cases {
            assert_eq!(
                mark(&leg, S, SIGMA, 0).map(|m| (m.value, m.delta)),
                Ok((wad(value), wad(delta))),
                "{leg:?}"
            );
        }
    }

    #[test]
    fn mark_unvalued_kind_is_an_error() {
        let range = Leg::Liquidity {
            underlying: 1,
            liquidity: wad(1),
            sqrt_lower: wad(1),
            sqrt_upper: wad(2),
            fees_asset: wad(0),
            fees_underlying: wad(0),
        };
        let option = Leg::Option {
            underlying: 1,
            right: Right::Put,
            quantity: wad(0),
            strike: wad(1),
            forward: wad(1),
            volatility: Rate(0),
            rate: Rate(0),
            expiry: 0,
        };
        assert_eq!(mark(&range, S, SIGMA, 0), Err(EngineError::UnvaluedLeg { kind: 6 }));
        assert_eq!(mark(&option, S, SIGMA, 0), Err(EngineError::UnvaluedLeg { kind: 7 }));
    }

    #[test]
    fn mark_inexact_product_rounds_down_on_both_sides_of_zero() {
        let third = Wad(WAD / 3);
        let spot = Leg::Spot {
            underlying: 1,
            quantity: Wad(1),
        };
        let owed = Leg::BorrowedSpot {
            underlying: 1,
            quantity: Wad(1),
            rate: Rate(0),
        };
        assert_eq!(value_at(&spot, third), Ok(Wad(0)));
        assert_eq!(value_at(&owed, third), Ok(Wad(-1)));
    }
}
