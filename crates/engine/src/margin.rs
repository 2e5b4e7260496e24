//! What a book may lose in the scenarios of [`pricing::grid`], and the equity that asks for (design section 6).
//!
//! Every leg is revalued in every scenario. Losses of one underlying net against each other scenario by scenario, those
//! of different underlyings add up without offset:
//!
//! ```text
//! worst loss  = Σ over underlyings of max(0, max over scenarios of V(now) − V(scenario))
//! required    = worst loss + basis · Σ|Δ·S| + concentration · Σ over underlyings of max(0, |Δ·S| − limit)
//! initial     = required · initial share        maintenance = required · maintenance share
//! ```
//!
//! A perp past its venue's liquidation price in a scenario is worth 0 there, and hedges nothing; one that is past it now
//! is worth 0 in all. Equity is compared at
//! mid prices, so confidence is not charged twice. Loans keep their value: a lending venue closes a part, at a penalty
//! that the distance to liquidation guards.

use alloc::vec::Vec;

use fixed::{Bps, MathError, U256, WAD, Wad};
use pricing::grid::{EXTREMES, Grid, MOVES, MULTIPLIER, SCENARIOS, Scenarios, Shock};
use pricing::{MIN_YEARS, ONE, Pricer, Terms};

use crate::leg::Right;
use crate::liquidation::is_liquidated;
use crate::mark::{self, Linear};
use crate::option::{binary, down, years};
use crate::{EngineError, Leg, Params, Price};

/// The scenario of the present: no move, the volatility unchanged.
pub const PRESENT: u8 = 13;

/// Bits of the largest strike or forward, and of the largest quantity, in the grid: 127 options with a discount of 20
/// stay within what it can add up.
const PRICE_BITS: i32 = 40;
const QUANTITY_BITS: i32 = 39;

/// Prices at which legs without a volatility are revalued.
const PRICES: usize = MOVES + EXTREMES;

/// What the margin depends on besides the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarginParams {
    /// The moves of price and volatility.
    pub scenarios: Scenarios,
    /// Margin for the basis between venues and oracle, as a share of gross exposure.
    pub basis: Bps,
    /// Gross exposure per underlying above which it counts as concentrated, in asset units.
    pub concentration_limit: Wad,
    /// Margin for concentration, as a share of the exposure above the limit.
    pub concentration: Bps,
    /// Initial margin as a share of what is required.
    pub initial: Bps,
    /// Maintenance margin as a share of what is required.
    pub maintenance: Bps,
    /// Fee and impact of closing a perp, which count in its liquidation.
    pub closing_cost: Bps,
}

impl From<&Params> for MarginParams {
    fn from(params: &Params) -> Self {
        let default = Scenarios::default();
        let size = |bps: Bps| i64::from(bps.0).wrapping_mul(ONE / i64::from(fixed::BPS));
        Self {
            scenarios: Scenarios {
                up: Shock {
                    size: size(params.volatility_up),
                    ..default.up
                },
                down: Shock {
                    size: size(params.volatility_down),
                    ..default.down
                },
                ..default
            },
            basis: params.basis_contingency,
            concentration_limit: params.concentration_limit,
            concentration: params.concentration_contingency,
            initial: params.initial_margin,
            maintenance: params.maintenance_margin,
            closing_cost: params.exit_cost,
        }
    }
}

/// What a book may lose and the equity it needs, in asset units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Margin {
    /// Σ over the underlyings of the loss in the worst scenario, ≥ 0. Rounded up, and by 2e-9 of the exposure at most for
    /// linear legs (the multipliers of [`Scenarios`] are binary fractions); options within 8e-9 of their notional.
    pub worst_loss: Wad,
    /// The worst scenario of the underlying that loses most; [`PRESENT`] if none loses.
    pub scenario: u8,
    /// The equity below which no new risk may be taken. Rounded up.
    pub initial: Wad,
    /// The equity below which the book must reduce. Rounded up.
    pub maintenance: Wad,
}

/// The margin of a book at `prices`, index 0 the asset.
///
/// [`EngineError`] for an underlying without a price, for options outside the formula's domain, and out of range.
pub fn worst(legs: &[Leg], prices: &[Price], params: &MarginParams, now_secs: u64) -> Result<Margin, EngineError> {
    if let Some(unknown) = legs.iter().find(|leg| usize::from(leg.underlying()) >= prices.len()) {
        return Err(EngineError::UnknownUnderlying {
            underlying: unknown.underlying(),
        });
    }
    let (mut loss, mut required) = (Wad::ZERO, Wad::ZERO);
    let (mut largest, mut scenario) = (Wad::ZERO, PRESENT);
    for (underlying, price) in (0_u8..=u8::MAX).zip(prices).skip(1) {
        let own: Vec<&Leg> = legs.iter().filter(|leg| leg.underlying() == underlying).collect();
        if own.is_empty() {
            continue;
        }
        let mut worst = (Wad::ZERO, PRESENT);
        for (index, loss) in (0_u8..).zip(losses(&own, price.mid, params, now_secs)?) {
            if loss > worst.0 {
                worst = (loss, index);
            }
        }
        if worst.0 > largest {
            (largest, scenario) = worst;
        }
        loss = loss.add(worst.0)?;
        let mut exposure = Wad::ZERO;
        for leg in own {
            let delta = mark::mark(leg, price.mid, Bps(0), now_secs)?.delta;
            exposure = exposure.add(delta.abs()?.mul_up(price.mid)?)?;
        }
        let concentrated = exposure.sub(params.concentration_limit)?.max(Wad::ZERO);
        required = required
            .add(exposure.mul_bps_up(params.basis)?)?
            .add(concentrated.mul_bps_up(params.concentration)?)?;
    }
    required = required.add(loss)?;
    Ok(Margin {
        worst_loss: loss,
        scenario,
        initial: required.mul_bps_up(params.initial)?,
        maintenance: required.mul_bps_up(params.maintenance)?,
    })
}

/// What legs of one underlying, whose price is `spot`, lose in each scenario, damping included. Rounded up.
///
/// Errors as [`worst`].
pub fn losses(legs: &[&Leg], spot: Wad, params: &MarginParams, now_secs: u64) -> Result<[Wad; SCENARIOS], EngineError> {
    let far = params.scenarios.extremes;
    let far_prices = far.iter().map(|extreme| extreme.price);
    let mut by_price = [Wad::ZERO; PRICES];
    for (loss, multiplier) in by_price
        .iter_mut()
        .zip(params.scenarios.moves.into_iter().chain(far_prices))
    {
        // Linear legs net exactly before anything is rounded.
        let (mut now, mut then, mut value, mut rounded) = (Linear::default(), Linear::default(), Wad::ZERO, Wad::ZERO);
        // Away from the present, as the multipliers are.
        let price = if multiplier < MULTIPLIER {
            spot.mul_down(multiple(multiplier))?
        } else {
            spot.mul_up(multiple(multiplier))?
        };
        for leg in legs {
            match leg {
                Leg::Option { .. } => {}
                Leg::Liquidity { .. } => {
                    value = value
                        .add(mark::value_at(leg, price)?)?
                        .sub(mark::value_at(leg, spot)?)?;
                    rounded = rounded.add(Wad(2))?;
                }
                _ => {
                    let (part, _) = mark::split(leg, spot, now_secs)?;
                    if is_liquidated(leg, spot, params.closing_cost)? {
                        // What equity still counts of it is lost in all scenarios; what it owes is not won back.
                        value = value.sub(part.value_up(spot)?.max(Wad::ZERO))?;
                    } else {
                        now = add(now, part)?;
                        if !is_liquidated(leg, price, params.closing_cost)? {
                            then = add(then, part)?;
                        }
                    }
                }
            }
        }
        *loss = now
            .value_up(spot)?
            .sub(then.value_down(price)?)?
            .sub(value)?
            .add(rounded)?;
    }
    let options = option_losses(legs, params, now_secs)?;
    let mut all = [Wad::ZERO; SCENARIOS];
    for (index, (loss, of_options)) in all.iter_mut().zip(options).enumerate() {
        let extreme = index.checked_sub(3 * MOVES);
        let at = extreme.map_or(index / 3, |far| far.saturating_add(MOVES));
        let others = by_price.get(at).copied().unwrap_or_default();
        let others = match extreme.and_then(|index| far.get(index)) {
            Some(extreme) => others.mul_up(multiple(extreme.damping))?,
            None => others,
        };
        *loss = others.add(of_options)?;
    }
    Ok(all)
}

/// The sum of two linear positions. Exact.
fn add(a: Linear, b: Linear) -> Result<Linear, MathError> {
    Ok(Linear {
        fixed: a.fixed.add(b.fixed)?,
        delta: a.delta.add(b.delta)?,
    })
}

/// A [`MULTIPLIER`]d number with 18 decimals. Rounded down by less than 1e-18, far less than the default multipliers are
/// rounded the other way.
fn multiple(x: u32) -> Wad {
    // 32 bits times 1e18 fit.
    Wad(i128::from(x).saturating_mul(WAD) / i128::from(MULTIPLIER))
}

/// What the options among `legs` lose in each scenario, damping included. Rounded up.
fn option_losses(legs: &[&Leg], params: &MarginParams, now_secs: u64) -> Result<[Wad; SCENARIOS], EngineError> {
    let (mut largest_price, mut largest_quantity) = (0_u128, 0_u128);
    for leg in legs {
        if let Leg::Option {
            quantity,
            strike,
            forward,
            ..
        } = leg
        {
            largest_price = largest_price.max(strike.0.max(forward.0).unsigned_abs());
            largest_quantity = largest_quantity.max(quantity.0.unsigned_abs());
        }
    }
    let mut losses = [Wad::ZERO; SCENARIOS];
    if largest_quantity == 0 {
        return Ok(losses);
    }
    let scale = |largest: u128, bits: i32| {
        let length = i32::try_from(largest.ilog2()).unwrap_or_default();
        length.saturating_add(1).saturating_sub(bits)
    };
    let price_scale = scale(largest_price.max(1), PRICE_BITS);
    let quantity_scale = scale(largest_quantity, QUANTITY_BITS);
    let pricer = Pricer::new();
    let mut grid = Grid::new(&pricer, &params.scenarios);
    for leg in legs {
        let Leg::Option {
            right,
            quantity,
            strike,
            forward,
            volatility,
            rate,
            expiry,
            ..
        } = **leg
        else {
            continue;
        };
        if forward.0 <= 0 {
            return Err(pricing::Error::ForwardOutOfRange(0).into());
        }
        let right = match right {
            Right::Call => pricing::Right::Call,
            Right::Put => pricing::Right::Put,
        };
        let left = years(expiry, now_secs);
        let terms = Terms {
            forward: down(forward, price_scale).max(1),
            strike: down(strike, price_scale).max(1),
            years: binary(left)
                .map_or(u64::MAX, i64::cast_unsigned)
                .max(MIN_YEARS.cast_unsigned()),
            volatility: binary(volatility.wad()).map_or(u64::MAX, i64::cast_unsigned),
            rate: binary(rate.wad()).ok_or(pricing::Error::RateOutOfRange(i64::MAX))?,
        };
        let size = down(quantity.abs()?, quantity_scale).cast_signed();
        let signed = if quantity.0 < 0 { size.saturating_neg() } else { size };
        grid.add(right, &terms, signed)?;
    }
    // A quantity times a price is 2⁻³² of their product.
    let exponent = price_scale.saturating_add(quantity_scale).saturating_add(32);
    for (loss, raw) in losses.iter_mut().zip(grid.losses().by_scenario) {
        *loss = to_wad(raw, exponent)?;
    }
    Ok(losses)
}

/// `raw`·2^`exponent`/1e18 as a raw wad, rounded away from zero for a loss and towards it for a gain: up.
fn to_wad(raw: i64, exponent: i32) -> Result<Wad, MathError> {
    let power = |n: i32| U256::from(1_u8) << usize::try_from(n.max(0)).unwrap_or_default();
    let size = U256::from(raw.unsigned_abs());
    let (factor, divisor) = (
        power(exponent),
        U256::from(WAD.unsigned_abs()) * power(exponent.saturating_neg()),
    );
    if raw > 0 {
        crate::wide::wad(fixed::mul_div_up(size, factor, divisor)?)
    } else {
        crate::wide::wad(fixed::mul_div_down(size, factor, divisor)?)?.neg()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::leg::Rate;
    use crate::option;

    const SPOT: Wad = Wad(2_000 * WAD);

    fn prices() -> [Price; 2] {
        [
            Price::ASSET,
            Price {
                mid: SPOT,
                confidence: Bps(50),
            },
        ]
    }

    fn params() -> MarginParams {
        MarginParams::from(&Params::default())
    }

    fn perp(size: i128, collateral: i128) -> Leg {
        Leg::Perp {
            underlying: 1,
            size: Wad(size),
            cost_basis: Wad(size * 2_000),
            collateral: Wad(collateral),
            collateral_in_underlying: false,
            accrued: Wad::ZERO,
            maintenance: Bps(100),
            rate: Rate(0),
        }
    }

    fn option(right: Right, quantity: i128, strike: i128, volatility: i32, expiry: u64) -> Leg {
        Leg::Option {
            underlying: 1,
            right,
            quantity: Wad(quantity),
            strike: Wad(strike),
            forward: Wad(2_020 * WAD),
            volatility: Rate(volatility),
            rate: Rate(40_000),
            expiry,
        }
    }

    fn spot(quantity: i128) -> Leg {
        let underlying = 1;
        if quantity < 0 {
            Leg::BorrowedSpot {
                underlying,
                quantity: Wad(-quantity),
                rate: Rate(0),
            }
        } else {
            Leg::Spot {
                underlying,
                quantity: Wad(quantity),
            }
        }
    }

    fn any_risk() -> impl Strategy<Value = Leg> {
        let quantity = || -50 * WAD..50 * WAD;
        prop_oneof![
            quantity().prop_map(spot),
            (quantity(), 0..100_000 * WAD).prop_map(|(size, collateral)| perp(size, collateral)),
            (
                any::<bool>(),
                quantity(),
                500 * WAD..8_000 * WAD,
                50_000..4_000_000,
                0..60_000_000_u64
            )
                .prop_map(|(put, quantity, strike, volatility, expiry)| {
                    let right = if put { Right::Put } else { Right::Call };
                    option(right, quantity, strike, volatility, expiry)
                }),
            (0..10_000 * WAD, 30 * WAD..60 * WAD, WAD..20 * WAD).prop_map(|(liquidity, lower, width)| Leg::Liquidity {
                underlying: 1,
                liquidity: Wad(liquidity),
                sqrt_lower: Wad(lower),
                sqrt_upper: Wad(lower + width),
                fees_asset: Wad::ZERO,
                fees_underlying: Wad::ZERO,
            }),
        ]
    }

    /// The value of `leg` at `price` with the volatility multiplied by 1 + `shock`, the obvious way.
    fn value(leg: &Leg, price: Wad, shock: f64) -> Wad {
        match *leg {
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
                let moved = (f64::from(volatility.0) * (1.0 + shock)).clamp(10_000.1, 7_999_999.0);
                #[expect(clippy::cast_possible_truncation, reason = "clamped")]
                let volatility = Rate(moved as i32);
                let forward = forward.mul_down(price).unwrap().div_down(SPOT).unwrap();
                // The margin keeps an expired option at a minute before its expiry.
                let expiry = expiry.max(60);
                option::mark(right, quantity, strike, forward, volatility, rate, expiry, price, 0)
                    .unwrap()
                    .value
            }
            _ => mark::value_at(leg, price).unwrap(),
        }
    }

    /// The same in a scenario.
    fn value_then(leg: &Leg, price: Wad, shock: f64) -> Wad {
        let gone = |price| is_liquidated(leg, price, params().closing_cost).unwrap();
        if gone(SPOT) {
            value(leg, SPOT, 0.0).min(Wad::ZERO)
        } else if gone(price) {
            Wad::ZERO
        } else {
            value(leg, price, shock)
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Every scenario's loss is what revaluing each leg by itself gives, and the margin is never below any of them.
        #[test]
        fn losses_any_book_equal_revaluation_leg_by_leg(book in prop::collection::vec(any_risk(), 1..8)) {
            let legs: Vec<&Leg> = book.iter().collect();
            let losses = losses(&legs, SPOT, &params(), 0).unwrap();
            let margin = worst(&book, &prices(), &params(), 0).unwrap();
            let moves = [80, 85, 90, 95, 100, 105, 110, 115, 120];
            let far = [(34, 0.4), (50, 0.6), (67, 0.8), (150, 0.8), (200, 0.6), (300, 0.4)];
            let near = moves.into_iter().flat_map(|x| [-1.0, 0.0, 1.0].map(|side| (x, side, 1.0)));
            let far = far.into_iter().map(|(x, damping)| (x, 1.0, damping));
            for (index, (percent, side, damping)) in near.chain(far).enumerate() {
                let price = Wad(SPOT.0 / 100 * percent);
                let mut expected = 0.0;
                for leg in &book {
                    let days = if let Leg::Option { expiry, .. } = leg {
                        (f64::from(u32::try_from(*expiry).unwrap()) / 86_400.0).max(1.0)
                    } else {
                        1.0
                    };
                    let shock = if side > 0.0 { 0.6 * (30.0 / days).powf(0.3) } else { 0.3 * side * (30.0 / days).powf(0.13) };
                    let change = value(leg, SPOT, 0.0).0 - value_then(leg, price, shock).0;
                    #[expect(clippy::cast_precision_loss, reason = "compared with a tolerance")]
                    let change = change as f64 / WAD as f64;
                    expected += change * damping;
                }
                #[expect(clippy::cast_precision_loss, reason = "compared with a tolerance")]
                let got = losses[index].0 as f64 / WAD as f64;
                // The volatility of the slow way has six decimals: vega · 1e-6, times 50 tokens, for each option.
                prop_assert!((got - expected).abs() < 0.25, "{index}: {got} is not {expected}");
                prop_assert!(losses[index] <= margin.worst_loss);
                prop_assert!(margin.worst_loss <= margin.initial && margin.maintenance <= margin.initial);
            }
        }

        /// The order of the legs does not matter.
        #[test]
        fn worst_reversed_book_is_the_same(mut book in prop::collection::vec(any_risk(), 1..8)) {
            let margin = worst(&book, &prices(), &params(), 0).unwrap();
            book.reverse();
            let reversed = worst(&book, &prices(), &params(), 0).unwrap();
            // Options are added up in units of 2⁻⁴⁷ of the largest.
            prop_assert!((margin.worst_loss.0 - reversed.worst_loss.0).abs() <= WAD / 1_000_000_000);
        }

        /// Selling a part of what a linear book holds never raises its loss.
        #[test]
        fn worst_hedged_linear_book_is_not_above_the_unhedged(quantity in 0..1_000 * WAD, share in 0..=100_i128) {
            let held = [spot(quantity)];
            let hedged = [spot(quantity), spot(-(quantity / 100 * share))];
            let loss = |book: &[Leg]| worst(book, &prices(), &params(), 0).unwrap().worst_loss;
            prop_assert!(loss(&hedged).0 <= loss(&held).0 + 2);
        }
    }

    #[test]
    fn worst_cash_needs_nothing() {
        let book = [
            Leg::Cash { amount: Wad(WAD) },
            Leg::Debt {
                amount: Wad(WAD),
                rate: Rate(0),
            },
        ];
        let margin = worst(&book, &prices(), &params(), 0).unwrap();
        assert_eq!(
            (margin.worst_loss, margin.initial, margin.maintenance),
            (Wad::ZERO, Wad::ZERO, Wad::ZERO)
        );
        assert_eq!(margin.scenario, PRESENT);
    }

    #[test]
    fn worst_spot_loses_most_in_the_damped_fall_to_half() {
        let margin = worst(&[spot(10 * WAD)], &prices(), &params(), 0).unwrap();
        // 20,000 · 50 % · 0.6, and 1 % of 20,000.
        assert_eq!(margin.scenario, 28);
        let near = |x: Wad, units: i128| (x.0 - units * WAD).abs() < WAD / 1_000;
        assert!(near(margin.worst_loss, 6_000), "{margin:?}");
        assert!(
            near(margin.initial, 6_200) && near(margin.maintenance, 4_960),
            "{margin:?}"
        );
    }

    #[test]
    fn worst_liquidated_hedge_does_not_help() {
        // Short against spot: with little collateral it is gone after a rise, and the spot's gain stays.
        let hedged = |collateral| [spot(10 * WAD), perp(-10 * WAD, collateral)];
        let safe = worst(&hedged(100_000 * WAD), &prices(), &params(), 0).unwrap();
        assert!(safe.worst_loss < Wad(WAD), "{safe:?}");
        // A long perp and a short spot: the fall takes the perp, the spot's debt stays.
        let book = [spot(-10 * WAD), perp(10 * WAD, 1_000 * WAD)];
        let lost = worst(&book, &prices(), &params(), 0).unwrap();
        // After −5 % the perp has nothing left, and its 1,000 of collateral are all it loses.
        assert!(lost.worst_loss.0 <= 1_000 * WAD, "{lost:?}");
        // The rise: the borrowed spot loses what the perp wins.
        let rise = losses(&[&book[0], &book[1]], SPOT, &params(), 0).unwrap();
        assert!(rise[24].0.abs() < WAD / 1_000);
        // Past the liquidation of the hedge the rest of a fall is the spot's: −20 % wins 4,000, less the collateral.
        assert!((rise[0].0 + 3_000 * WAD).abs() < WAD / 1_000, "{:?}", rise[0]);
    }

    #[test]
    fn worst_two_underlyings_do_not_offset() {
        let prices = [prices()[0], prices()[1], prices()[1]];
        let other = |quantity| Leg::BorrowedSpot {
            underlying: 2,
            quantity: Wad(quantity),
            rate: Rate(0),
        };
        let one = worst(&[spot(10 * WAD)], &prices, &params(), 0).unwrap().worst_loss;
        let two = worst(&[other(10 * WAD)], &prices, &params(), 0).unwrap().worst_loss;
        let both = worst(&[spot(10 * WAD), other(10 * WAD)], &prices, &params(), 0)
            .unwrap()
            .worst_loss;
        assert_eq!(both, one.add(two).unwrap());
        assert_eq!(
            worst(&[other(1)], &prices[..2], &params(), 0),
            Err(EngineError::UnknownUnderlying { underlying: 2 })
        );
    }
}
