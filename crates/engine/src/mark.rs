//! What a leg is worth, and how that changes with the price (design section 3).
//!
//! A leg's value is a linear part, `fixed + delta · S`, which is exact and nets against other legs before anything
//! rounds, and for liquidity and options a [`Curve`] on top.

use fixed::{Bps, MathError, Wad};

use crate::leg::{Rate, Right};
use crate::range::Range;
use crate::{EngineError, Leg, lvr};

/// A position whose value is `fixed + delta · S`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Linear {
    /// The part that does not move with the price, in asset units.
    pub fixed: Wad,
    /// Spot delta in whole tokens.
    pub delta: Wad,
}

/// The part of a leg whose value is not linear in the price. It is concave or convex over all prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// Liquidity: concave.
    Range(Range),
    /// An option: convex if bought, concave if sold.
    Option(OptionTerms),
}

/// An option, and the price of the underlying that its forward belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionTerms {
    /// Call or put.
    pub right: Right,
    /// Tokens, positive if bought.
    pub quantity: Wad,
    /// Strike in asset units per token.
    pub strike: Wad,
    /// Forward in asset units per token, when the spot price is `spot`.
    pub forward: Wad,
    /// Implied volatility.
    pub volatility: Rate,
    /// Discount rate.
    pub rate: Rate,
    /// Unix time of expiry in seconds.
    pub expiry: u64,
    /// The spot price that `forward` belongs to.
    pub spot: Wad,
    /// The Unix time of the valuation in seconds.
    pub now_secs: u64,
}

/// Bounds of a curve's value at one price, which hold for all prices between it and the middle once a linear function is
/// drawn through those at both ends (see [`Curve::bounds`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Asset units. Rounded down.
    pub low: Wad,
    /// Asset units. Rounded up.
    pub high: Wad,
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

/// The error of an option's value and delta, relative to quantity times price: 1e-11, ten times the pricing kernels'
/// bounds of 1e-12 and more.
const OPTION_ERROR: Wad = Wad(10_000_000);

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

impl OptionTerms {
    /// The mark at `price` of the underlying: the forward moves in proportion, volatility and rate stay.
    ///
    /// The delta is per token of spot, so it is that of the moved forward. [`EngineError`] outside the domain of the
    /// pricing kernels.
    pub fn mark(&self, price: Wad) -> Result<Mark, EngineError> {
        let forward = self.forward.mul_down(price)?.div_down(self.spot)?;
        crate::option::mark(
            self.right,
            self.quantity,
            self.strike,
            forward,
            self.volatility,
            self.rate,
            self.expiry,
            price,
            self.now_secs,
        )
    }

    /// What the value may be wrong by, in asset units, when extrapolated up to `price`. Rounded up.
    fn error_up(&self, price: Wad) -> Result<Wad, MathError> {
        let scale = self.forward.max(self.strike).max(price.max(self.spot));
        self.quantity.abs()?.mul_up(scale)?.mul_up(OPTION_ERROR)
    }
}

impl Curve {
    /// The value at `price` in asset units. Rounded down.
    pub fn value_down(&self, price: Wad) -> Result<Wad, EngineError> {
        match self {
            Self::Range(range) => Ok(range.value_down(price)?),
            Self::Option(option) => Ok(option.mark(price)?.value),
        }
    }

    /// The value at `price` in asset units. Rounded up.
    pub fn value_up(&self, price: Wad) -> Result<Wad, EngineError> {
        match self {
            Self::Range(range) => Ok(range.value_up(price)?),
            Self::Option(option) => Ok(option.mark(price)?.value.add(option.error_up(price)?)?),
        }
    }

    /// ∂V/∂S at `price`, in tokens.
    pub fn delta(&self, price: Wad) -> Result<Wad, EngineError> {
        match self {
            Self::Range(range) => Ok(range.delta(price)?),
            Self::Option(option) => Ok(option.mark(price)?.delta),
        }
    }

    /// Bounds at the price `end` of an interval around `mid`: whatever linear function passes through `low` at both ends
    /// of the interval is nowhere in it above the value, and one through `high` nowhere below.
    ///
    /// Proof. A concave function is nowhere below its chord, and nowhere above its tangent at `mid`; so `low` is the
    /// value, `high` the tangent. For a convex function it is the other way round. Both are linear, so sums over legs and
    /// with the linear parts keep the property, and a book's extremes over the interval lie between what the sums have at
    /// its two ends. A hedge cancels exactly in the linear parts: what is left of a hedged book is the second-order gap
    /// between chord and tangent.
    pub fn bounds(&self, mid: Wad, end: Wad) -> Result<Bounds, EngineError> {
        match self {
            Self::Range(range) => Ok(Bounds {
                low: range.value_down(end)?,
                high: range.tangent_up(mid, end)?,
            }),
            Self::Option(option) => {
                let at_mid = option.mark(mid)?;
                let moved = end.sub(mid)?;
                // The delta is rounded to 1e-18 tokens, twice, which a long way multiplies.
                let error = option.error_up(end)?.add(moved.abs()?.mul_up(Wad(2))?)?;
                let tangent_down = at_mid.value.add(at_mid.delta.mul_down(moved)?)?.sub(error)?;
                let tangent_up = at_mid.value.add(at_mid.delta.mul_up(moved)?)?.add(error)?;
                let value = option.mark(end)?.value;
                Ok(if option.quantity >= Wad::ZERO {
                    Bounds {
                        low: tangent_down,
                        high: value.add(error)?,
                    }
                } else {
                    Bounds {
                        low: value.sub(error)?,
                        high: tangent_up,
                    }
                })
            }
        }
    }

    /// The lowest and the highest gamma over the prices from `low` to `high`. For an option, of both ends and the middle
    /// `mid`: near its expiry the peak between them may be higher.
    pub fn gamma_bounds(&self, low: Wad, mid: Wad, high: Wad) -> Result<(Wad, Wad), EngineError> {
        match self {
            Self::Range(range) => {
                let lowest = range.gamma_lowest(low, high)?;
                // |Γ| falls with the price, and is 0 where the interval leaves the range.
                let highest = if range.gamma(low)? == Wad::ZERO {
                    Wad::ZERO
                } else {
                    range.gamma(high)?
                };
                Ok((lowest, highest))
            }
            Self::Option(option) => {
                let first = option.mark(mid)?.gamma;
                let mut bounds = (first, first);
                for end in [low, high] {
                    let gamma = option.mark(end)?.gamma;
                    bounds = (bounds.0.min(gamma), bounds.1.max(gamma));
                }
                Ok(bounds)
            }
        }
    }
}

/// The leg's linear part, exact, and its curve if it has one.
///
/// `spot` is the price of its underlying now. An order is worth what the venue still holds for it and has no delta yet.
/// A perp's exit fee is not part of its value, it belongs to the low and high marks.
pub fn split(leg: &Leg, spot: Wad, now_secs: u64) -> Result<(Linear, Option<Curve>), MathError> {
    let mut curve = None;
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
        Leg::Liquidity {
            liquidity,
            sqrt_lower,
            sqrt_upper,
            fees_asset,
            fees_underlying,
            ..
        } => {
            curve = Some(Curve::Range(Range {
                liquidity,
                sqrt_lower,
                sqrt_upper,
            }));
            (fees_asset, fees_underlying)
        }
        Leg::Option {
            right,
            quantity,
            strike,
            forward,
            volatility,
            rate,
            expiry,
            ..
        } => {
            curve = Some(Curve::Option(OptionTerms {
                right,
                quantity,
                strike,
                forward,
                volatility,
                rate,
                expiry,
                spot,
                now_secs,
            }));
            (Wad::ZERO, Wad::ZERO)
        }
    };
    Ok((Linear { fixed, delta }, curve))
}

/// The leg's mark at the price `spot` of its underlying, in asset units per token.
///
/// `volatility` is the book's, for legs that carry none of their own; `now_secs` is what expiries are compared with.
/// Carry is what the leg's own fields tell: interest, funding and borrow fees, and for liquidity what it loses to
/// arbitrage; fees still to be earned are not known and count as 0.
/// [`EngineError`] for what the pricing kernels refuse, and out of range.
pub fn mark(leg: &Leg, spot: Wad, volatility: Bps, now_secs: u64) -> Result<Mark, EngineError> {
    let (linear, curve) = split(leg, spot, now_secs)?;
    let mut mark = match curve {
        None => Mark::default(),
        Some(Curve::Option(option)) => option.mark(spot)?,
        Some(Curve::Range(range)) => Mark {
            value: range.value_down(spot)?,
            delta: range.delta(spot)?,
            gamma: range.gamma(spot)?,
            carry: lvr::rate(&range, spot, volatility)?.neg()?,
            ..Mark::default()
        },
    };
    mark.value = mark.value.add(linear.value_down(spot)?)?;
    mark.delta = mark.delta.add(linear.delta)?;
    mark.carry = mark.carry.sub(interest_up(leg, spot)?)?;
    Ok(mark)
}

/// The leg's value in asset units at `price` (asset units per token of its underlying), rounded down.
///
/// [`EngineError::UnvaluedLeg`] for options: they are revalued by [`OptionTerms::mark`], which knows the forward.
pub fn value_at(leg: &Leg, price: Wad) -> Result<Wad, EngineError> {
    let (linear, curve) = split(leg, price, 0)?;
    let rest = match curve {
        None => Wad::ZERO,
        Some(Curve::Range(range)) => range.value_down(price)?,
        Some(Curve::Option(_)) => return Err(EngineError::UnvaluedLeg { kind: leg.kind() }),
    };
    Ok(linear.value_down(price)?.add(rest)?)
}

/// What the leg pays by its rate, in asset units per year; negative if it receives. Rounded up.
fn interest_up(leg: &Leg, spot: Wad) -> Result<Wad, MathError> {
    let (owed, rate) = match *leg {
        Leg::Debt { amount, rate } => ((amount, amount), rate),
        Leg::BorrowedSpot { quantity, rate, .. } => ((quantity.mul_down(spot)?, quantity.mul_up(spot)?), rate),
        Leg::Perp { size, rate, .. } => ((size.abs()?.mul_down(spot)?, size.abs()?.mul_up(spot)?), rate),
        _ => return Ok(Wad::ZERO),
    };
    let notional = if rate.0 > 0 { owed.1 } else { owed.0 };
    notional.mul_up(rate.wad())
}

#[cfg(test)]
mod tests {
    use fixed::WAD;

    use super::*;
    use crate::leg::Rate;

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
    fn mark_carry_is_what_the_leg_pays_by_time() {
        let carry = |leg: &Leg| mark(leg, S, SIGMA, 0).unwrap().carry;
        let carry_at = |leg: &Leg| mark(leg, wad(2_025), SIGMA, 0).unwrap().carry;
        let rate = Rate(100_000); // 10 %
        assert_eq!(carry(&Leg::Debt { amount: wad(50), rate }), wad(-5));
        let quantity = wad(3);
        let owed = Leg::BorrowedSpot {
            underlying: 1,
            quantity,
            rate,
        };
        assert_eq!(carry(&owed), wad(-600));
        for size in [2, -2] {
            // −|q|·S·rate, whichever side pays: the rate has the sign.
            for (millionths, expected) in [(100_000, -400), (-100_000, 400)] {
                let Leg::Perp {
                    cost_basis,
                    collateral,
                    accrued,
                    maintenance,
                    ..
                } = perp(size, 1_900, false)
                else {
                    unreachable!()
                };
                let leg = Leg::Perp {
                    underlying: 1,
                    size: wad(size),
                    cost_basis,
                    collateral,
                    collateral_in_underlying: false,
                    accrued,
                    maintenance,
                    rate: Rate(millionths),
                };
                assert_eq!(carry(&leg), wad(expected));
            }
        }
        assert_eq!(carry_at(&liquidity(1_600, 2_500)), wad(-7_200)); // L·σ²·√P/4 = 1000·0.64·45/4
        assert_eq!(carry_at(&liquidity(1_600, 1_681)), wad(0));
    }

    #[test]
    fn mark_liquidity_counts_fees_in_both_tokens() {
        let leg = liquidity(1_600, 2_500);
        let mark = mark(&leg, Wad(2_025 * WAD), SIGMA, 0).unwrap();
        assert_eq!(mark.value, wad(9_500 + 7 + 3 * 2_025));
        assert_eq!(mark.delta, Wad(5_222_222_222_222_222_222));
        assert!(mark.gamma < Wad::ZERO);
        assert_eq!(mark.vega, Wad::ZERO);
        assert_eq!(value_at(&leg, Wad(2_025 * WAD)), Ok(mark.value));
    }

    /// L = 1000 with fees of 7 asset units and 3 tokens.
    fn liquidity(lower: i128, upper: i128) -> Leg {
        Leg::Liquidity {
            underlying: 1,
            liquidity: wad(1_000),
            sqrt_lower: fixed::sqrt_down(wad(lower)).unwrap(),
            sqrt_upper: fixed::sqrt_down(wad(upper)).unwrap(),
            fees_asset: wad(7),
            fees_underlying: wad(3),
        }
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

#[cfg(test)]
mod properties {
    use fixed::WAD;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::any_curve_leg;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// A perp is worth what closing it at the price leaves: its collateral, what the size sells for less what it cost,
        /// and what it owes. Collateral in the underlying is sold at the same price.
        #[test]
        fn perp_value_equals_closing_it(
            size in -1_000 * WAD..1_000 * WAD, entry in WAD..10_000 * WAD, collateral in 0..1_000_000 * WAD,
            accrued in -1_000 * WAD..1_000 * WAD, price in WAD..10_000 * WAD, in_underlying in any::<bool>(),
        ) {
            let cost = Wad(size).mul_up(Wad(entry)).unwrap();
            let leg = Leg::Perp {
                underlying: 1,
                size: Wad(size),
                cost_basis: cost,
                collateral: Wad(collateral),
                collateral_in_underlying: in_underlying,
                accrued: Wad(accrued),
                maintenance: Bps(100),
                rate: Rate(0),
            };
            let sold = |tokens: i128| Wad(tokens).mul_down(Wad(price)).unwrap().0;
            let returned = if in_underlying { sold(collateral) } else { collateral };
            let left = returned + sold(size) - cost.0 - accrued;
            let value = value_at(&leg, Wad(price)).unwrap().0;
            // Two sales round twice, the netted one once.
            prop_assert!((0..=1).contains(&(value - left)));
        }

        /// The value of a curve at any price of an interval lies between the linear functions through its bounds at both
        /// ends, and its bounds enclose its value.
        #[test]
        fn bounds_hold_in_the_whole_interval(
            leg in any_curve_leg(Wad(2_000 * WAD)), confidence in 0..WAD / 5, part in 0..=WAD,
        ) {
            let mid = Wad(2_000 * WAD);
            let width = mid.mul_down(Wad(confidence)).unwrap();
            let (low, high) = (mid.sub(width).unwrap(), mid.add(width).unwrap());
            let curve = split(&leg, mid, 0).unwrap().1.unwrap();
            let [first, last] = [low, high].map(|end| curve.bounds(mid, end).unwrap());
            let at = low.add(Wad(part).mul_down(high.sub(low).unwrap()).unwrap()).unwrap();
            let part = if high > low { at.sub(low).unwrap().div_down(high.sub(low).unwrap()).unwrap() } else { Wad::ZERO };
            let between = |from: Wad, to: Wad| from.add(to.sub(from).unwrap().mul_down(part).unwrap()).unwrap();
            let rounding = Wad(10 + (first.low.0 - last.low.0).abs() / WAD + (first.high.0 - last.high.0).abs() / WAD);
            let (down, up) = (curve.value_down(at).unwrap(), curve.value_up(at).unwrap());
            prop_assert!(between(first.low, last.low) <= up.add(rounding).unwrap(), "{:?} {:?}", leg, curve);
            prop_assert!(down <= between(first.high, last.high).add(rounding).unwrap(), "{:?} {:?}", leg, curve);
            prop_assert!(first.low <= first.high && last.low <= last.high);
        }
    }

    #[test]
    fn bounds_of_a_crumb_over_a_long_way_are_in_order() {
        // Found by fuzzing: the delta of 1e-18 tokens rounds to nothing, and the price moves by 2.7e18.
        let leg = Leg::Option {
            underlying: 1,
            right: Right::Call,
            quantity: Wad(-1),
            strike: Wad(1_043_000_000_000_000_000),
            forward: Wad(1_555_000_000_000_000_000),
            volatility: Rate(3_062_506),
            rate: Rate(-2_273_889),
            expiry: 22_008_000,
        };
        let mid = Wad(1_050_963_004_047_835_793_468_160);
        let curve = split(&leg, mid, 0).unwrap().1.unwrap();
        let bounds = curve
            .bounds(mid, Wad(2_658_455_912_341_826_028_930_635_551_834_308_574))
            .unwrap();
        assert!(bounds.low <= bounds.high, "{bounds:?}");
    }
}
