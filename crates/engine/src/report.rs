//! What a book is worth and how much risk it carries, measured from its legs (design sections 3 and 5).

use alloc::vec::Vec;

use fixed::{BPS, Bps, MathError, Wad};

use crate::liquidation::{Distance, Moves};
use crate::margin::{self, MarginParams};
use crate::mark::{self, Bounds, Curve, Linear, Mark, split};
use crate::range::Amounts;
use crate::{EngineError, Leg, MAX_UNDERLYINGS, Params, drawdown, legs, liquidation};

/// An oracle price and how far the true price may be from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Asset units per whole token.
    pub mid: Wad,
    /// Half-width of the interval of possible prices, as a share of `mid`; below 100 %.
    pub confidence: Bps,
}

/// The risk of one underlying. Sums over its legs at the oracle's price; tokens and asset units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Delta now, in tokens. Exact but for the roundings of nonlinear legs.
    pub delta: Wad,
    /// Delta once the open orders are filled, in tokens.
    pub expected_delta: Wad,
    /// ∂delta/∂S, in tokens per asset unit of price.
    pub gamma: Wad,
    /// The lowest gamma over the confidence interval, the legs' lowest summed. Jumps at the ends of a range.
    pub gamma_low: Wad,
    /// The highest gamma over the confidence interval, the legs' highest summed.
    pub gamma_high: Wad,
    /// ∂V/∂σ in asset units per 1.00 of volatility.
    pub vega: Wad,
    /// ∂V/∂t in asset units per year.
    pub theta: Wad,
    /// ∂V/∂r in asset units per 1.00 of the rate.
    pub rho: Wad,
    /// What the legs earn by time alone, in asset units per year; negative if they pay.
    pub carry: Wad,
    /// `delta` at the oracle's price, in asset units. Rounded down.
    pub delta_value: Wad,
    /// `expected_delta` at the oracle's price, in asset units. Rounded down.
    pub expected_delta_value: Wad,
    /// Σ|Δ·S| over the legs, in asset units. Rounded up.
    pub gross_value: Wad,
    /// Tokens that can be sold at once.
    pub spot: Wad,
}

/// A leg with its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The leg.
    pub leg: Leg,
    /// Its mark at the oracle's price.
    pub mark: Mark,
    /// How far the price may move before the venue liquidates it; `None` for legs that cannot be liquidated.
    pub liquidation: Option<Distance>,
}

/// What [`assess`] finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// The book as a whole.
    pub report: Report,
    /// Its legs, in the order of the packed words.
    pub legs: Vec<Measured>,
}

/// A book's value and risk at one moment. Values in asset units.
///
/// Excesses are amounts by which a limit is exceeded, in asset units rather than as the ratio of design section 6: the
/// sign and the order are the same, and they stay finite and comparable when equity is zero or negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The smallest value of the netted book over the confidence interval, less its exit cost. Rounded down.
    pub nav_min: Wad,
    /// The value at the oracle's prices. Rounded down.
    pub nav_mid: Wad,
    /// The largest value of the netted book over the confidence interval, plus its exit cost. Rounded up.
    pub nav_max: Wad,
    /// Σ|Δ·S| over the legs. Rounded up.
    pub gross_value: Wad,
    /// Σ|Δ·S| over the underlyings. Rounded up.
    pub net_value: Wad,
    /// `gross_value / nav_min`, rounded up; [`Wad::MAX`] if `nav_min` is not positive and the book holds risk.
    pub gross_leverage: Wad,
    /// `net_value / nav_min`, rounded up; [`Wad::MAX`] if `nav_min` is not positive and the book holds risk.
    pub net_leverage: Wad,
    /// Cash available at once.
    pub liquid: Wad,
    /// What selling and withdrawing everything that can be sold at once would leave after repaying the loans, at least
    /// `liquid`. Rounded down.
    pub raisable: Wad,
    /// What all legs earn by time alone besides theta, cash and debt included, in asset units per year. Rounded down.
    pub carry: Wad,
    /// The loss in the worst scenario, ≥ 0. Rounded up.
    pub worst_loss: Wad,
    /// The number of the worst scenario.
    pub worst_scenario: u8,
    /// The equity below which no new risk may be taken. Rounded up.
    pub initial_margin: Wad,
    /// The equity below which the book must reduce. Rounded up.
    pub maintenance_margin: Wad,
    /// The smallest distance to liquidation as a share of the price; [`Wad::MAX`] if no leg can be liquidated.
    /// Rounded down.
    pub nearest_liquidation: Wad,
    /// `nearest_liquidation` in units of σ·√(reaction time). Rounded down.
    pub nearest_liquidation_sigmas: Wad,
    /// The position of the leg that is nearest to its liquidation; `u8::MAX` if none is.
    pub nearest_liquidation_leg: u8,
    /// The loss under the budget move, in the worse direction for each underlying, ≥ 0. Rounded up.
    pub budget_loss: Wad,
    /// How much of `gross_value` is above the limit. Rounded up.
    pub excess_gross: Wad,
    /// How much of `net_value` is above the limit. Rounded up.
    pub excess_net: Wad,
    /// How much `nav_mid` is below `initial_margin`. Rounded up.
    pub excess_margin: Wad,
    /// What must be added to the legs' margins so that each keeps its minimum distance to liquidation. Rounded up.
    pub excess_liquidation: Wad,
    /// How much Σ|Γ|·S² is above the limit. Rounded up.
    pub excess_gamma: Wad,
    /// How much Σ|vega| is above the limit. Rounded up.
    pub excess_vega: Wad,
    /// The risk of each underlying, from underlying 1.
    pub exposures: [Exposure; MAX_UNDERLYINGS],
    /// How many of them have a price.
    pub underlyings: u8,
}

impl Report {
    /// The risk of the `underlying` (from 1), or `None` without a price.
    pub fn exposure(&self, underlying: u8) -> Option<&Exposure> {
        let priced = (1..=self.underlyings).contains(&underlying);
        self.exposures
            .get(usize::from(underlying.checked_sub(1)?))
            .filter(|_| priced)
    }
}

/// Sums over the legs of one underlying that the report does not show.
#[derive(Clone, Copy, Default)]
struct Sums {
    /// The linear parts. Exact.
    linear: Linear,
    /// The curves at the oracle's price, in asset units.
    curve: Bounds,
    /// Bounds of the curves at the lowest and the highest price, in asset units.
    ends: [Bounds; 2],
    /// The curves at the low and the high end of the budget move, in asset units. Rounded down.
    moved: [Wad; 2],
    /// The curves' lowest and highest delta over the confidence interval.
    delta: (Wad, Wad),
    /// Expected deltas of the open orders.
    pending: Wad,
    /// Σ|Δ|.
    gross: Wad,
    /// Tokens held.
    spot: Wad,
    /// Tokens owed.
    borrowed: Wad,
    /// What the ranges hold. Rounded down.
    withdrawable: Amounts,
}

/// The smallest, middle and largest value of one netted exposure.
struct Marks {
    min: Wad,
    mid: Wad,
    max: Wad,
}

impl Price {
    /// The asset's price in itself.
    pub const ASSET: Self = Self {
        mid: Wad::ONE,
        confidence: Bps(0),
    };

    /// The lowest possible price, rounded down.
    pub fn low_down(&self) -> Result<Wad, MathError> {
        self.mid
            .mul_bps_down(Bps(BPS.checked_sub(self.confidence.0).ok_or(MathError::Overflow)?))
    }

    /// The highest possible price, rounded up.
    pub fn high_up(&self) -> Result<Wad, MathError> {
        self.mid
            .mul_bps_up(Bps(BPS.checked_add(self.confidence.0).ok_or(MathError::Overflow)?))
    }
}

/// Measures the book of the packed `words` at `prices`; index 0 is the asset itself and must be [`Price::ASSET`].
///
/// Without risky legs `prices` may stop at the asset, so that no oracle needs to be read. Order of the legs does not
/// matter. Roundings are stated in [`Report`]; `nav_min ≤ nav_mid ≤ nav_max` always.
///
/// [`EngineError`] for malformed or unvalued legs, unusable prices or parameters, and results out of range.
pub fn assess(words: &[[u8; 32]], prices: &[Price], params: &Params, now_secs: u64) -> Result<Assessment, EngineError> {
    params.check()?;
    let all_prices = prices;
    let prices = check_prices(prices)?;

    let moves = Moves::new(params)?;
    let budget_move = drawdown::budget_move_up(params)?;

    let mut book = Book {
        fixed: Wad::ZERO,
        liquid: Wad::ZERO,
        debt: Wad::ZERO,
        sums: [Sums::default(); MAX_UNDERLYINGS],
    };
    let mut exposures = [Exposure::default(); MAX_UNDERLYINGS];
    let mut measured = Vec::new();
    for leg in legs(words) {
        let leg = leg?;
        let underlying = leg.underlying();
        let Some(index) = usize::from(underlying).checked_sub(1) else {
            measured.push(book.add_asset(&leg, params, now_secs)?);
            continue;
        };
        let error = EngineError::UnknownUnderlying { underlying };
        let price = prices.get(index).ok_or(error)?;
        let sums = book.sums.get_mut(index).ok_or(error)?;
        let exposure = exposures.get_mut(index).ok_or(error)?;

        let mark = mark::mark(&leg, price.mid, params.volatility, now_secs)?;
        exposure.add(&leg, &mark)?;
        sums.add(exposure, &leg, &mark, price, budget_move, now_secs)?;
        let headroom = liquidation::perp_headroom(&leg, params.exit_cost)?;
        let distance = headroom.map(|headroom| Distance::new(&headroom, price.mid, &moves));
        measured.push(Measured {
            leg,
            mark,
            liquidation: distance.transpose()?,
        });
    }
    book.add_loans(&mut measured, prices, params, &moves)?;

    let mut report = Report {
        nav_min: book.fixed,
        nav_mid: book.fixed,
        nav_max: book.fixed,
        gross_value: Wad::ZERO,
        net_value: Wad::ZERO,
        gross_leverage: Wad::ZERO,
        net_leverage: Wad::ZERO,
        liquid: book.liquid,
        raisable: book.raisable_down(prices, params)?,
        carry: Wad::ZERO,
        worst_loss: Wad::ZERO,
        worst_scenario: 0,
        initial_margin: Wad::ZERO,
        maintenance_margin: Wad::ZERO,
        nearest_liquidation: Wad::MAX,
        nearest_liquidation_sigmas: Wad::MAX,
        nearest_liquidation_leg: u8::MAX,
        budget_loss: Wad::ZERO,
        excess_gross: Wad::ZERO,
        excess_net: Wad::ZERO,
        excess_margin: Wad::ZERO,
        excess_liquidation: Wad::ZERO,
        excess_gamma: Wad::ZERO,
        excess_vega: Wad::ZERO,
        exposures,
        underlyings: u8::try_from(prices.len()).unwrap_or(u8::MAX),
    };
    let mut gamma_value = Wad::ZERO;
    let mut vega = Wad::ZERO;
    for ((sums, price), exposure) in book.sums.iter().zip(prices).zip(&mut report.exposures) {
        let marks = sums.marks(price, params.exit_cost)?;
        report.nav_min = report.nav_min.add(marks.min)?;
        report.nav_mid = report.nav_mid.add(marks.mid)?;
        report.nav_max = report.nav_max.add(marks.max)?;
        report.budget_loss = report.budget_loss.add(sums.budget_loss_up(price, budget_move)?)?;
        exposure.expected_delta = exposure.delta.add(sums.pending)?;
        exposure.delta_value = exposure.delta.mul_down(price.mid)?;
        exposure.expected_delta_value = exposure.expected_delta.mul_down(price.mid)?;
        exposure.gross_value = sums.gross.mul_up(price.mid)?;
        report.gross_value = report.gross_value.add(exposure.gross_value)?;
        report.net_value = report.net_value.add(exposure.delta.abs()?.mul_up(price.mid)?)?;
        let gamma = exposure.gamma.abs()?.mul_up(price.mid)?.mul_up(price.mid)?;
        gamma_value = gamma_value.add(gamma)?;
        vega = vega.add(exposure.vega.abs()?)?;
    }
    report.gross_leverage = leverage_up(report.gross_value, report.nav_min);
    report.net_leverage = leverage_up(report.net_value, report.nav_min);
    report.excess_gross = excess_up(report.gross_value, params.max_gross_leverage, report.nav_min)?;
    report.excess_net = excess_up(report.net_value, params.max_net_leverage, report.nav_min)?;
    report.excess_gamma = excess_up(gamma_value, params.max_gamma, report.nav_min)?;
    report.excess_vega = excess_up(vega, params.max_vega, report.nav_min)?;
    for leg in &measured {
        report.carry = report.carry.add(leg.mark.carry)?;
    }
    report.nearest(&measured)?;
    let legs: Vec<Leg> = measured.iter().map(|leg| leg.leg).collect();
    let margin = margin::worst(&legs, all_prices, &MarginParams::from(params), now_secs)?;
    report.worst_loss = margin.worst_loss;
    report.worst_scenario = margin.scenario;
    report.initial_margin = margin.initial;
    report.maintenance_margin = margin.maintenance;
    report.excess_margin = margin.initial.sub(report.nav_mid)?.max(Wad::ZERO);
    Ok(Assessment { report, legs: measured })
}

/// What [`assess`] collects before it can report.
struct Book {
    /// Asset units that move with no price: cash less debt. Exact.
    fixed: Wad,
    /// Cash.
    liquid: Wad,
    /// Asset units owed.
    debt: Wad,
    sums: [Sums; MAX_UNDERLYINGS],
}

impl Book {
    /// Adds cash or debt.
    fn add_asset(&mut self, leg: &Leg, params: &Params, now_secs: u64) -> Result<Measured, EngineError> {
        let mark = mark::mark(leg, Wad::ONE, params.volatility, now_secs)?;
        self.fixed = self.fixed.add(mark.value)?;
        match *leg {
            Leg::Cash { amount } => self.liquid = self.liquid.add(amount)?,
            Leg::Debt { amount, .. } => self.debt = self.debt.add(amount)?,
            _ => {}
        }
        Ok(Measured {
            leg: *leg,
            mark,
            liquidation: None,
        })
    }

    /// Sets the distances of debt and borrowed spot (see [`crate::liquidation`]).
    fn add_loans(
        &self,
        measured: &mut [Measured],
        prices: &[Price],
        params: &Params,
        moves: &Moves,
    ) -> Result<(), MathError> {
        let owes = self.debt > Wad::ZERO || self.sums.iter().any(|sums| sums.borrowed > Wad::ZERO);
        if !owes {
            return Ok(());
        }
        let mut assets = self.liquid;
        let mut debts = self.debt;
        for (sums, price) in self.sums.iter().zip(prices) {
            assets = assets.add(sums.spot.mul_down(price.mid)?)?;
            debts = debts.add(sums.borrowed.mul_up(price.mid)?)?;
        }
        let mut worst = None;
        for ((sums, price), underlying) in self.sums.iter().zip(prices).zip(1_u8..) {
            if sums.spot == Wad::ZERO && sums.borrowed == Wad::ZERO {
                continue;
            }
            let headroom = liquidation::loan_headroom(
                params.lending_threshold,
                (sums.spot, sums.borrowed),
                assets.sub(sums.spot.mul_down(price.mid)?)?,
                debts.sub(sums.borrowed.mul_up(price.mid)?)?,
            )?;
            let distance = Distance::new(&headroom, price.mid, moves)?;
            worst = Some(worst.map_or(distance, |worst: Distance| worst.worse(&distance)));
            for leg in &mut *measured {
                if matches!(leg.leg, Leg::BorrowedSpot { underlying: of, .. } if of == underlying) {
                    leg.liquidation = Some(distance);
                }
            }
        }
        for leg in measured {
            if matches!(leg.leg, Leg::Debt { .. }) {
                leg.liquidation = worst;
            }
        }
        Ok(())
    }

    /// See [`Report::raisable`].
    fn raisable_down(&self, prices: &[Price], params: &Params) -> Result<Wad, MathError> {
        let share = |bps: Option<u32>| bps.map(Bps).ok_or(MathError::Overflow);
        let kept = share(BPS.checked_sub(params.max_slippage.0))?;
        let paid = share(BPS.checked_add(params.max_slippage.0))?;
        let mut sum = self.fixed;
        for (sums, price) in self.sums.iter().zip(prices) {
            let tokens = sums.spot.add(sums.withdrawable.underlying)?;
            let sold = tokens.mul_down(price.mid)?.mul_bps_down(kept)?;
            let bought = sums.borrowed.mul_up(price.mid)?.mul_bps_up(paid)?;
            sum = sum.add(sold)?.add(sums.withdrawable.asset)?.sub(bought)?;
        }
        Ok(sum.max(self.liquid))
    }
}

impl Exposure {
    fn add(&mut self, leg: &Leg, mark: &Mark) -> Result<(), MathError> {
        for (sum, part) in [
            (&mut self.delta, mark.delta),
            (&mut self.gamma, mark.gamma),
            (&mut self.vega, mark.vega),
            (&mut self.theta, mark.theta),
            (&mut self.rho, mark.rho),
            (&mut self.carry, mark.carry),
        ] {
            *sum = sum.add(part)?;
        }
        if let Leg::Spot { quantity, .. } = *leg {
            self.spot = self.spot.add(quantity)?;
        }
        Ok(())
    }
}

impl Sums {
    fn add(
        &mut self,
        exposure: &mut Exposure,
        leg: &Leg,
        mark: &Mark,
        price: &Price,
        budget_move: Wad,
        now_secs: u64,
    ) -> Result<(), EngineError> {
        let (linear, curve) = split(leg, price.mid, now_secs)?;
        self.linear.fixed = self.linear.fixed.add(linear.fixed)?;
        self.linear.delta = self.linear.delta.add(linear.delta)?;
        self.gross = self.gross.add(mark.delta.abs()?)?;
        match *leg {
            Leg::Spot { quantity, .. } => self.spot = self.spot.add(quantity)?,
            Leg::BorrowedSpot { quantity, .. } => self.borrowed = self.borrowed.add(quantity)?,
            Leg::Order { expected_delta, .. } => self.pending = self.pending.add(expected_delta)?,
            _ => {}
        }
        let Some(curve) = curve else { return Ok(()) };
        if let Curve::Range(range) = curve {
            let amounts = range.amounts_down(price.mid)?;
            let held = &mut self.withdrawable;
            held.asset = held.asset.add(amounts.asset)?.add(linear.fixed)?;
            held.underlying = held.underlying.add(amounts.underlying)?.add(linear.delta)?;
        }
        self.curve.low = self.curve.low.add(curve.value_down(price.mid)?)?;
        self.curve.high = self.curve.high.add(curve.value_up(price.mid)?)?;
        let ends = [price.low_down()?, price.high_up()?];
        for (sum, end) in self.ends.iter_mut().zip(ends) {
            let bounds = curve.bounds(price.mid, end)?;
            sum.low = sum.low.add(bounds.low)?;
            sum.high = sum.high.add(bounds.high)?;
        }
        for (sum, end) in self.moved.iter_mut().zip(moved(price.mid, budget_move)?) {
            *sum = sum.add(curve.value_down(end)?)?;
        }
        // A curve's delta is monotone in the price.
        let [low, high] = ends;
        let (first, last) = (curve.delta(low)?, curve.delta(high)?);
        self.delta.0 = self.delta.0.add(first.min(last))?;
        self.delta.1 = self.delta.1.add(first.max(last))?;
        let (lowest, highest) = curve.gamma_bounds(low, price.mid, high)?;
        exposure.gamma_low = exposure.gamma_low.add(lowest)?;
        exposure.gamma_high = exposure.gamma_high.add(highest)?;
        Ok(())
    }

    /// The value over the confidence interval. Linear parts and bounds of the curves are linear in the price (see
    /// [`Curve::bounds`]), and so is the exit cost of the largest delta in it (below 100 %), so the extremes are at the
    /// ends.
    fn marks(&self, price: &Price, exit_cost: Bps) -> Result<Marks, MathError> {
        let mid = self.linear.value_down(price.mid)?.add(self.curve.low)?;
        let mut marks = Marks {
            min: mid,
            mid,
            max: mid,
        };
        let delta = |curve: Wad| self.linear.delta.add(curve)?.abs();
        let largest = delta(self.delta.0)?.max(delta(self.delta.1)?);
        for (end, bounds) in [price.low_down()?, price.high_up()?].into_iter().zip(self.ends) {
            let exit = largest.mul_up(end)?.mul_bps_up(exit_cost)?;
            let low = self.linear.value_down(end)?.add(bounds.low)?.sub(exit)?;
            let high = self.linear.value_up(end)?.add(bounds.high)?.add(exit)?;
            marks.min = marks.min.min(low);
            marks.max = marks.max.max(high);
        }
        Ok(marks)
    }

    /// The loss under the budget move in the worse direction, ≥ 0. Rounded up.
    fn budget_loss_up(&self, price: &Price, budget_move: Wad) -> Result<Wad, MathError> {
        let before = self.linear.value_up(price.mid)?.add(self.curve.high)?;
        let mut loss = Wad::ZERO;
        for (end, curve) in moved(price.mid, budget_move)?.into_iter().zip(self.moved) {
            let after = self.linear.value_down(end)?.add(curve)?;
            loss = loss.max(before.sub(after)?);
        }
        // Without exposure there is nothing to lose, whatever was rounded.
        let flat = self.linear.delta == Wad::ZERO && self.curve == Bounds::default();
        Ok(if flat { Wad::ZERO } else { loss })
    }
}

impl Report {
    /// Finds the leg that is nearest to its liquidation, and what all of them lack. Loans share one margin, of which the
    /// largest shortfall counts.
    fn nearest(&mut self, measured: &[Measured]) -> Result<(), MathError> {
        let mut loans = Wad::ZERO;
        for (leg, index) in measured.iter().zip(0_u8..) {
            let Some(distance) = leg.liquidation else { continue };
            if distance.nearest() < self.nearest_liquidation {
                self.nearest_liquidation = distance.nearest();
                self.nearest_liquidation_sigmas = distance.sigmas;
                self.nearest_liquidation_leg = index;
            }
            if matches!(leg.leg, Leg::Perp { .. }) {
                self.excess_liquidation = self.excess_liquidation.add(distance.shortfall)?;
            } else {
                loans = loans.max(distance.shortfall);
            }
        }
        self.excess_liquidation = self.excess_liquidation.add(loans)?;
        Ok(())
    }
}

/// `price` after a move down and up by the share `by`. Down to 1 % of it at least, as prices stay positive. Rounded down
/// and up.
fn moved(price: Wad, by: Wad) -> Result<[Wad; 2], MathError> {
    let down = price.mul_up(by.min(Wad(fixed::WAD / 100 * 99)))?;
    Ok([price.sub(down)?.max(Wad(1)), price.add(price.mul_up(by)?)?])
}

/// The prices of the underlyings, without the asset's.
fn check_prices(prices: &[Price]) -> Result<&[Price], EngineError> {
    let (asset, underlyings) = prices.split_first().ok_or(EngineError::BadPrice { underlying: 0 })?;
    if *asset != Price::ASSET {
        return Err(EngineError::BadPrice { underlying: 0 });
    }
    if underlyings.len() > MAX_UNDERLYINGS {
        return Err(EngineError::TooManyUnderlyings);
    }
    for (price, underlying) in underlyings.iter().zip(1_u8..) {
        if price.mid <= Wad::ZERO || price.confidence.0 >= BPS {
            return Err(EngineError::BadPrice { underlying });
        }
    }
    Ok(underlyings)
}

/// `exposure / equity`, rounded up; "infinite" if there is exposure but no equity.
fn leverage_up(exposure: Wad, equity: Wad) -> Wad {
    if exposure == Wad::ZERO {
        Wad::ZERO
    } else if equity <= Wad::ZERO {
        Wad::MAX
    } else {
        // A ratio beyond the range is as good as infinite.
        exposure.div_up(equity).unwrap_or(Wad::MAX)
    }
}

/// `max(0, exposure − limit · equity)`, rounded up; 0 without exposure.
fn excess_up(exposure: Wad, limit: Wad, equity: Wad) -> Result<Wad, MathError> {
    if exposure == Wad::ZERO {
        return Ok(Wad::ZERO);
    }
    Ok(exposure.sub(limit.mul_down(equity)?)?.max(Wad::ZERO))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use fixed::WAD;
    use proptest::prelude::*;

    use super::*;
    use crate::leg::{LegFault, Rate};
    use crate::testing::{Book, any_book, any_curve_leg};

    fn wad(x: i128) -> Wad {
        Wad(x * WAD)
    }

    fn pack(leg: Leg) -> Vec<[u8; 32]> {
        let mut words = Vec::new();
        leg.pack(&mut words).unwrap();
        words
    }

    fn short(size: i128) -> Leg {
        Leg::Perp {
            underlying: 1,
            size: wad(-size),
            cost_basis: wad(-size * 2_000),
            collateral: wad(1_000),
            collateral_in_underlying: false,
            accrued: wad(0),
            maintenance: Bps(100),
            rate: Rate(0),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// navMin ≤ navMid ≤ navMax for every book.
        #[test]
        fn assess_any_book_orders_the_marks(book in any_book()) {
            let report = book.report();
            prop_assert!(report.nav_min <= report.nav_mid && report.nav_mid <= report.nav_max);
            prop_assert!(report.net_value <= report.gross_value);
        }

        /// navMin and navMax bound the value of the book, closed out at any price of the confidence interval.
        #[test]
        fn assess_any_price_in_the_interval_is_between_the_marks(book in any_book(), part in 0..=1_000_000_i128) {
            let report = book.report();
            let (low, high) = (book.price.low_down().unwrap().0, book.price.high_up().unwrap().0);
            let price = Price { mid: Wad(low + (high - low) / 1_000_000 * part), confidence: Bps(0) };
            let moved = Book { price, ..book };
            let inside = moved.report();
            prop_assert!(report.nav_min <= inside.nav_min && inside.nav_max <= report.nav_max);
        }

        /// The mid value is the sum of the legs' marks, up to one rounding step per leg.
        #[test]
        fn assess_mid_value_equals_sum_of_marks(book in any_book()) {
            let Assessment { report, legs } = book.assess();
            let sum: i128 = legs.iter().map(|measured| measured.mark.value.0).sum();
            let delta: i128 = legs.iter().map(|measured| measured.mark.delta.0).sum();
            prop_assert!((0..=5).contains(&(report.nav_mid.0 - sum)));
            prop_assert_eq!(report.exposures[0].delta, Wad(delta));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        /// navMin ≤ navMid ≤ navMax with liquidity and options, and the book's value at any price of the confidence
        /// interval lies between them.
        #[test]
        fn assess_curved_book_at_any_price_is_between_the_marks(
            curves in prop::collection::vec(any_curve_leg(wad(2_000)), 1..5), hedge in -500 * WAD..500 * WAD,
            confidence in 0_u32..2_000, part in 0..=WAD, exit_cost in prop_oneof![Just(0_u32), 0_u32..500],
        ) {
            let mut book = Book::new(100_000, 3, 2_000);
            book.price.confidence = Bps(confidence);
            book.params.exit_cost = Bps(exit_cost);
            book = book.with(perp(hedge));
            book.others.extend(curves);
            let Assessment { report, legs } = book.assess();
            prop_assert!(report.nav_min <= report.nav_mid && report.nav_mid <= report.nav_max);
            let (low, high) = (book.price.low_down().unwrap(), book.price.high_up().unwrap());
            let at = low.add(Wad(part).mul_down(high.sub(low).unwrap()).unwrap()).unwrap();
            let (mut down, mut up) = (Wad::ZERO, Wad::ZERO);
            for Measured { leg, .. } in &legs {
                let (linear, curve) = split(leg, book.price.mid, 0).unwrap();
                down = down.add(linear.value_down(at).unwrap()).unwrap();
                up = up.add(linear.value_up(at).unwrap()).unwrap();
                if let Some(curve) = curve {
                    down = down.add(curve.value_down(at).unwrap()).unwrap();
                    up = up.add(curve.value_up(at).unwrap()).unwrap();
                }
            }
            prop_assert!(report.nav_min <= up && down <= report.nav_max, "{:?} {:?} {:?}", report, down, up);
        }

        /// The loss under the budget move is never below what revaluation at its two ends shows.
        #[test]
        fn assess_budget_loss_covers_both_directions(
            curves in prop::collection::vec(any_curve_leg(wad(2_000)), 0..4), hedge in -500 * WAD..500 * WAD,
        ) {
            let mut book = Book::new(100_000, 3, 2_000).with(perp(hedge));
            book.others.extend(curves);
            let Assessment { report, legs } = book.assess();
            for end in moved(book.price.mid, drawdown::budget_move_up(&book.params).unwrap()).unwrap() {
                let mut after = Wad::ZERO;
                for Measured { leg, .. } in &legs {
                    let (linear, curve) = split(leg, book.price.mid, 0).unwrap();
                    after = after.add(linear.value_down(end).unwrap()).unwrap();
                    after = after.add(curve.map_or(Wad::ZERO, |curve| curve.value_down(end).unwrap())).unwrap();
                }
                prop_assert!(report.budget_loss.add(Wad(20)).unwrap() >= report.nav_mid.sub(after).unwrap());
            }
            prop_assert!(report.budget_loss >= Wad::ZERO);
        }
    }

    /// A perp of `size` raw tokens without profit.
    fn perp(size: i128) -> Leg {
        Leg::Perp {
            underlying: 1,
            size: Wad(size),
            cost_basis: Wad(size).mul_down(wad(2_000)).unwrap(),
            collateral: wad(10_000),
            collateral_in_underlying: false,
            accrued: wad(0),
            maintenance: Bps(100),
            rate: Rate(0),
        }
    }

    /// L = 10,000 between 1600 and 2500.
    fn range() -> Leg {
        Leg::Liquidity {
            underlying: 1,
            liquidity: wad(10_000),
            sqrt_lower: wad(40),
            sqrt_upper: wad(50),
            fees_asset: wad(0),
            fees_underlying: wad(0),
        }
    }

    #[test]
    fn assess_hedged_range_is_charged_for_its_curvature_only() {
        let mut book = Book::new(0, 0, 2_025).with(range());
        book.price.confidence = Bps(100);
        let bare = book.report();
        let hedged = book.clone().with(perp(-bare.exposures[0].delta.0)).report();
        assert_eq!(hedged.exposures[0].delta, Wad::ZERO);
        let width = |report: &Report| report.nav_max.0 - report.nav_min.0;
        // ±1 % of 22.2 tokens against ½·|Γ|·20.25² on the low side.
        assert!(width(&bare) > 890 * WAD && width(&bare) < 920 * WAD, "{}", width(&bare));
        assert!(
            width(&hedged) > 10 * WAD && width(&hedged) < 13 * WAD,
            "{}",
            width(&hedged)
        );
    }

    #[test]
    fn assess_exit_cost_is_of_the_largest_delta_in_the_interval() {
        let mut book = Book::new(0, 0, 2_025).with(range());
        book.price.confidence = Bps(100);
        let free = book.report();
        book.params.exit_cost = Bps(100);
        let charged = book.report();
        // A range holds most tokens at the low end.
        let low = book.price.low_down().unwrap();
        let most = crate::range::Range {
            liquidity: wad(10_000),
            sqrt_lower: wad(40),
            sqrt_upper: wad(50),
        };
        let exit = |end: Wad| {
            most.delta(low)
                .unwrap()
                .mul_up(end)
                .unwrap()
                .mul_bps_up(Bps(100))
                .unwrap()
                .0
        };
        assert_eq!(free.nav_min.0 - charged.nav_min.0, exit(low));
        assert_eq!(charged.nav_max.0 - free.nav_max.0, exit(book.price.high_up().unwrap()));
    }

    #[test]
    fn assess_gamma_counts_its_largest_magnitude_in_the_interval() {
        let mut book = Book::new(0, 0, 2_510).with(range());
        book.price.confidence = Bps(100);
        let exposure = book.report().exposures[0];
        assert_eq!((exposure.gamma, exposure.gamma_high), (Wad::ZERO, Wad::ZERO));
        // −L/(2·P^1.5) at 2510·0.99 = 2484.9
        assert_eq!(exposure.gamma_low.0 / 1_000_000_000_000, -40_365);
        assert_eq!(book.report().excess_gamma, Wad::ZERO);
    }

    #[test]
    fn assess_budget_loss_is_the_worse_direction() {
        let mut book = Book::new(1_000, 10, 2_000);
        book.params.min_move = Bps(1_000);
        assert_eq!(book.report().budget_loss, wad(2_000));
        let short = book.with(perp(-25 * WAD));
        assert_eq!(short.report().budget_loss, wad(3_000));
    }

    #[test]
    fn assess_raisable_is_net_of_loans_and_at_least_the_cash() {
        let mut book = Book::new(1_000, 10, 2_025).with(range());
        book.params.max_slippage = Bps(100);
        // 1000 + (10 + 22.2…)·2025·0.99 + 10,000·(45 − 40)
        let tokens = Wad(10 * WAD + 22_222_222_222_222_222_222);
        let sold = tokens.mul_down(wad(2_025)).unwrap().mul_bps_down(Bps(9_900)).unwrap();
        let report = book.report();
        let expected = sold.0 + 51_000 * WAD;
        assert!(
            (0..100_000).contains(&(expected - report.raisable.0)),
            "{:?} {expected}",
            report.raisable
        );
        let amount = wad(300_000);
        let indebted = book.with(Leg::Debt { amount, rate: Rate(0) }).report();
        assert_eq!((indebted.raisable, indebted.liquid), (wad(1_000), wad(1_000)));
    }

    #[test]
    fn assess_nearest_liquidation_names_its_leg() {
        let calm = Book::new(1_000, 3, 2_000).report();
        assert_eq!(
            (calm.nearest_liquidation, calm.nearest_liquidation_leg),
            (Wad::MAX, u8::MAX)
        );
        let book = Book::new(1_000, 3, 2_000).with(short(1)).with(short(3));
        let report = book.report();
        // (1000 + 6000)/(3·1.01)/2000 − 1, legs 0 and 1 are cash and spot
        assert_eq!(report.nearest_liquidation_leg, 3);
        assert_eq!(report.nearest_liquidation.0 / (WAD / 1_000_000), 155_115);
        assert!(report.nearest_liquidation_sigmas > wad(10) && report.excess_liquidation == Wad::ZERO);
        let debt = Leg::Debt {
            amount: wad(5_500),
            rate: Rate(0),
        };
        let owing = book.with(debt).assess();
        // 0.8·(1000 + 6000) − 5500 is left
        assert_eq!(owing.report.nearest_liquidation_leg, 4);
        assert_eq!(owing.legs[4].liquidation.unwrap().up, Wad::MAX);
        assert!(owing.report.excess_liquidation > Wad::ZERO);
    }

    #[test]
    fn assess_several_underlyings_sums_without_netting() {
        let price = |mid| Price {
            mid: wad(mid),
            confidence: Bps(0),
        };
        let mut words = Vec::new();
        for leg in [
            Leg::Cash { amount: wad(100_000) },
            Leg::Spot {
                underlying: 1,
                quantity: wad(3),
            },
            Leg::BorrowedSpot {
                underlying: 2,
                quantity: wad(100),
                rate: Rate(100_000),
            },
            Leg::Debt {
                amount: wad(1_000),
                rate: Rate(100_000),
            },
        ] {
            leg.pack(&mut words).unwrap();
        }
        let params = Params {
            exit_cost: Bps(0),
            ..Params::default()
        };
        let report = assess(&words, &[Price::ASSET, price(2_000), price(50)], &params, 0)
            .unwrap()
            .report;
        assert_eq!(report.nav_mid, wad(100_000 + 6_000 - 5_000 - 1_000));
        assert_eq!(
            (report.net_value, report.gross_value, report.underlyings),
            (wad(11_000), wad(11_000), 2)
        );
        assert_eq!(report.exposure(2).unwrap().delta, wad(-100));
        // 10 % of 5000 and of the cash that is owed
        assert_eq!(
            (report.exposure(2).unwrap().carry, report.carry),
            (wad(-500), wad(-600))
        );
        assert_eq!((report.exposure(0), report.exposure(3)), (None, None));
    }

    #[test]
    fn assess_spot_and_cash_equals_hand_computed_report() {
        let mut book = Book::new(4_000, 3, 2_000);
        book.price.confidence = Bps(100);
        book.params.exit_cost = Bps(50);
        let report = book.report();
        assert_eq!(report.nav_mid, wad(10_000));
        // 4000 + 3·1980·0.995 and 4000 + 3·2020·1.005
        assert_eq!(report.nav_min, Wad(9_910_300 * WAD / 1_000));
        assert_eq!(report.nav_max, Wad(10_090_300 * WAD / 1_000));
        assert_eq!(report.exposures[0].delta, wad(3));
        assert_eq!(report.exposures[0].delta_value, wad(6_000));
        assert_eq!(report.liquid, wad(4_000));
        assert_eq!(report.exposures[0].spot, wad(3));
        assert_eq!(report.gross_leverage, wad(6_000).div_up(report.nav_min).unwrap());
        assert_eq!(report.excess_gross, Wad::ZERO);
    }

    #[test]
    fn assess_spot_needs_the_margin_of_the_far_scenario() {
        let mut book = Book::new(1_000, 3, 2_000);
        let report = book.report();
        // 6000 · 50 % · 0.6 with the damping in 30 bits (66 % · 0.4 is less), and 1 % of 6000.
        let near = |value: Wad, whole: i128| value.0.abs_diff(wad(whole).0) < 6_000 * 1_000_000_000;
        assert!(near(report.worst_loss, 1_800), "{}", report.worst_loss.0);
        assert_eq!(report.initial_margin, report.worst_loss.add(wad(60)).unwrap());
        assert_eq!(
            report.maintenance_margin,
            report.initial_margin.mul_bps_up(Bps(8_000)).unwrap()
        );
        assert_eq!(report.excess_margin, Wad::ZERO);
        book = book.with(Leg::Debt {
            amount: wad(6_000),
            rate: Rate(0),
        });
        assert!(near(book.report().excess_margin, 860));
    }

    #[test]
    fn assess_hedged_book_is_not_charged_for_its_gross_size() {
        let mut book = Book::new(0, 3, 2_000).with(short(3));
        book.price.confidence = Bps(500);
        book.params.exit_cost = Bps(50);
        let report = book.report();
        assert_eq!((report.nav_min, report.nav_max), (wad(7_000), wad(7_000)));
        assert_eq!((report.net_value, report.gross_value), (wad(0), wad(12_000)));
    }

    #[test]
    fn assess_open_order_counts_its_collateral_and_expects_its_delta() {
        let order = Leg::Order {
            underlying: 1,
            expected_delta: wad(-2),
            collateral: wad(500),
        };
        let report = Book::new(1_000, 3, 2_000).with(order).report();
        assert_eq!(report.nav_mid, wad(7_500));
        let exposure = report.exposures[0];
        assert_eq!((exposure.delta, exposure.expected_delta), (wad(3), wad(1)));
        assert_eq!(report.liquid, wad(1_000));
    }

    #[test]
    fn assess_equity_not_positive_is_infinite_leverage() {
        let debt = Leg::Debt {
            amount: wad(7_000),
            rate: Rate(0),
        };
        let report = Book::new(0, 3, 2_000).with(debt).report();
        assert_eq!(report.nav_mid, wad(-1_000));
        assert_eq!((report.gross_leverage, report.net_leverage), (Wad::MAX, Wad::MAX));
        // 6000 + 2·1000
        assert_eq!(report.excess_gross, wad(8_000));
    }

    #[test]
    fn assess_asset_only_needs_no_oracle() {
        let cash = pack(Leg::Cash { amount: wad(5) });
        let report = assess(&cash, &[Price::ASSET], &Params::default(), 0).unwrap().report;
        assert_eq!(
            (report.nav_min, report.nav_mid, report.nav_max),
            (wad(5), wad(5), wad(5))
        );
        assert_eq!(report.gross_leverage, Wad::ZERO);
    }

    #[test]
    fn assess_unusable_input_is_a_typed_error() {
        let params = Params::default();
        let price = Price {
            mid: wad(2_000),
            confidence: Bps(0),
        };
        let spot = pack(Leg::Spot {
            underlying: 1,
            quantity: wad(1),
        });
        let other = pack(Leg::Spot {
            underlying: 2,
            quantity: wad(1),
        });
        let assess = |words: &[[u8; 32]], prices: &[Price]| assess(words, prices, &params, 0).map(|_| ());

        assert_eq!(
            assess(&spot, &[Price::ASSET]),
            Err(EngineError::UnknownUnderlying { underlying: 1 })
        );
        assert_eq!(
            assess(&other, &[Price::ASSET, price]),
            Err(EngineError::UnknownUnderlying { underlying: 2 })
        );
        assert_eq!(
            assess(&spot, &[Price::ASSET, price, price, price, price, price]),
            Err(EngineError::TooManyUnderlyings)
        );
        assert_eq!(assess(&spot, &[]), Err(EngineError::BadPrice { underlying: 0 }));
        assert_eq!(
            assess(&spot, &[price, price]),
            Err(EngineError::BadPrice { underlying: 0 })
        );
        let zero = Price {
            mid: Wad::ZERO,
            ..price
        };
        assert_eq!(
            assess(&spot, &[Price::ASSET, zero]),
            Err(EngineError::BadPrice { underlying: 1 })
        );
        let vague = Price {
            confidence: Bps(BPS),
            ..price
        };
        assert_eq!(
            assess(&spot, &[Price::ASSET, vague]),
            Err(EngineError::BadPrice { underlying: 1 })
        );
        let malformed = crate::LegError {
            word: 0,
            fault: LegFault::UnknownKind(0),
        };
        assert_eq!(assess(&[[0; 32]], &[Price::ASSET]), Err(EngineError::Leg(malformed)));
    }

    #[test]
    fn assess_params_out_of_range_is_an_error() {
        let params = Params {
            exit_cost: Bps(BPS),
            ..Params::default()
        };
        let error = assess(&[], &[Price::ASSET], &params, 0).map(|_| ());
        assert_eq!(
            error,
            Err(EngineError::Param(crate::ParamError {
                id: crate::ParamId::ExitCost,
                value: BPS.into(),
            }))
        );
    }
}
