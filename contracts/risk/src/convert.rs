//! Between ABI words and the engine's types.

use alloc::vec::Vec;
use alloy_primitives::{I256, U256};
use engine::{
    EngineError, MAX_UNDERLYINGS, Price, Rejection,
    decide::{Action, Means, Oracle, Side},
    params,
};
use fixed::{Bps, Wad};
use interfaces::{
    BOOK_UNDERLYINGS, Decision, Excess, Exposure, Facts, IRisk, Report,
    contract::{self, Revert},
};

/// Result with the contract's revert data.
pub(crate) type Outcome<T> = core::result::Result<T, Revert<IRisk::IRiskErrors>>;

/// A non-negative number with 18 decimals. Errors: `ArithmeticOverflow`.
fn wad(value: U256) -> Outcome<Wad> {
    i128::try_from(value)
        .map(Wad)
        .map_err(|_| IRisk::ArithmeticOverflow {}.into())
}

/// A signed number of 128 bits. Errors: `ArithmeticOverflow`.
pub(crate) fn signed_in(value: I256) -> Outcome<Wad> {
    let [l0, l1, l2, l3] = *value.as_limbs();
    let low = i128::from_le_bytes((u128::from(l0) | (u128::from(l1) << 64)).to_le_bytes());
    let sign = if low < 0 { u64::MAX } else { 0 };
    if l2 == sign && l3 == sign {
        Ok(Wad(low))
    } else {
        Err(IRisk::ArithmeticOverflow {}.into())
    }
}

/// Exact.
pub(crate) fn signed_out(value: Wad) -> I256 {
    let raw = value.0;
    let sign = if raw < 0 { u64::MAX } else { 0 };
    let [low, high] = halves(raw);
    I256::from_limbs([low, high, sign, sign])
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // splits a number into its two halves
fn halves(raw: i128) -> [u64; 2] {
    [raw as u64, (raw >> 64) as u64]
}

fn small(value: U256) -> Outcome<u8> {
    u8::try_from(value).map_err(|_| IRisk::ArithmeticOverflow {}.into())
}

/// Engine prices from parallel arrays. Errors: `TooManyUnderlyings`, `BadPrice` (also for a missing confidence).
pub(crate) fn prices(mid: &[U256], confidence: &[U256]) -> Outcome<Vec<Price>> {
    if mid.len() > BOOK_UNDERLYINGS.saturating_add(1) {
        return Err(IRisk::TooManyUnderlyings {
            max: U256::from(BOOK_UNDERLYINGS),
        }
        .into());
    }
    let mut prices = Vec::with_capacity(mid.len());
    for (index, price) in mid.iter().enumerate() {
        let bps = confidence.get(index).and_then(|bps| u32::try_from(*bps).ok());
        let Some(bps) = bps else {
            return Err(IRisk::BadPrice {
                underlying: U256::from(index),
            }
            .into());
        };
        prices.push(Price {
            mid: wad(*price)?,
            confidence: Bps(bps),
        });
    }
    Ok(prices)
}

pub(crate) fn engine_error(error: EngineError) -> Revert<IRisk::IRiskErrors> {
    match error {
        EngineError::Leg(leg) => IRisk::LegInvalid {
            word: U256::from(leg.word),
            fault: U256::from(fault(leg.fault)),
        }
        .into(),
        EngineError::UnvaluedLeg { kind } => IRisk::LegUnvalued { kind: U256::from(kind) }.into(),
        EngineError::UnknownUnderlying { underlying } => IRisk::UnknownUnderlying {
            underlying: U256::from(underlying),
        }
        .into(),
        EngineError::TooManyUnderlyings => IRisk::TooManyUnderlyings {
            max: U256::from(BOOK_UNDERLYINGS),
        }
        .into(),
        EngineError::BadPrice { underlying } => IRisk::BadPrice {
            underlying: U256::from(underlying),
        }
        .into(),
        EngineError::Param(error) => {
            let spec = params::spec(error.id);
            IRisk::ParameterOutOfRange {
                value: signed_out(Wad(error.value)),
                min: signed_out(Wad(spec.min)),
                max: signed_out(Wad(spec.max)),
            }
            .into()
        }
        EngineError::Pricing { leg, error } => crate::batch::invalid((leg, error)),
        EngineError::Math(_) => IRisk::ArithmeticOverflow {}.into(),
    }
}

/// Numbers of the faults in `LegInvalid`: 1 kind, 2 underlying, 3 padding, 4 range, 5 truncated.
fn fault(fault: engine::LegFault) -> u8 {
    match fault {
        engine::LegFault::UnknownKind(_) => 1,
        engine::LegFault::Underlying(_) => 2,
        engine::LegFault::Padding => 3,
        engine::LegFault::Range => 4,
        engine::LegFault::Truncated => 5,
    }
}

pub(crate) fn rejection(rejection: Rejection) -> Revert<IRisk::IRiskErrors> {
    match rejection {
        Rejection::NothingDecided => IRisk::NothingDecided {}.into(),
        Rejection::NoProgress { rule, before, after } => IRisk::NoProgress {
            rule: U256::from(rule),
            excessBefore: signed_out(before),
            excessAfter: signed_out(after),
        }
        .into(),
        Rejection::EarlierRuleWorse { rule, before, after } => IRisk::EarlierRuleWorse {
            rule: U256::from(rule),
            excessBefore: signed_out(before),
            excessAfter: signed_out(after),
        }
        .into(),
        Rejection::LaterRuleWorse { rule, before, after } => IRisk::LaterRuleWorse {
            rule: U256::from(rule),
            excessBefore: signed_out(before),
            excessAfter: signed_out(after),
        }
        .into(),
        Rejection::CostTooHigh { cost, bound } => IRisk::CostTooHigh {
            costWad: signed_out(cost),
            boundWad: signed_out(bound),
        }
        .into(),
        Rejection::Math(_) => IRisk::ArithmeticOverflow {}.into(),
    }
}

/// Field by field between `engine::Report` and the ABI's, so that a field cannot be forgotten on either side. The ABI has
/// the exposure to underlying 1 only: books hold no other yet.
macro_rules! report_fields {
    (
        $($ours:ident: $theirs:ident),* $(,)?;
        small $($small:ident: $small_theirs:ident),* $(,)?;
        excess $($excess:ident: $excess_theirs:ident),* $(,)?;
        exposure $($inner:ident: $inner_theirs:ident),* $(,)?;
    ) => {
        pub(crate) fn report_out(report: &engine::Report) -> Report {
            let engine::Report { $($ours,)* $($small,)* $($excess,)* exposures, underlyings: _ } = *report;
            Report {
                $($theirs: signed_out($ours),)*
                $($small_theirs: signed_out(Wad(i128::from($small))),)*
                excess: Excess { $($excess_theirs: signed_out($excess),)* },
                exposure: exposure_out(exposures.first().copied().unwrap_or_default()),
            }
        }

        fn exposure_out(exposure: engine::report::Exposure) -> Exposure {
            let engine::report::Exposure { $($inner),* } = exposure;
            Exposure { $($inner_theirs: signed_out($inner),)* }
        }

        pub(crate) fn report_in(report: &Report) -> Outcome<engine::Report> {
            let Report { $($theirs,)* $($small_theirs,)* excess: Excess { $($excess_theirs),* }, ref exposure } = *report;
            let mut exposures = [engine::report::Exposure::default(); MAX_UNDERLYINGS];
            if let Some(first) = exposures.first_mut() {
                *first = exposure_in(exposure)?;
            }
            Ok(engine::Report {
                $($ours: signed_in($theirs)?,)*
                $($small: small($small_theirs.into_raw())?,)*
                $($excess: signed_in($excess_theirs)?,)*
                exposures,
                underlyings: 1,
            })
        }

        fn exposure_in(exposure: &Exposure) -> Outcome<engine::report::Exposure> {
            let Exposure { $($inner_theirs),* } = *exposure;
            Ok(engine::report::Exposure { $($inner: signed_in($inner_theirs)?),* })
        }
    };
}

#[allow(non_snake_case)]
mod fields {
    use super::{Excess, Exposure, MAX_UNDERLYINGS, Outcome, Report, Wad, signed_in, signed_out, small};

    report_fields! {
        nav_min: navMin,
        nav_mid: navMid,
        nav_max: navMax,
        gross_value: grossValue,
        net_value: netValue,
        gross_leverage: grossLeverage,
        net_leverage: netLeverage,
        liquid: liquid,
        raisable: raisable,
        worst_loss: worstLoss,
        initial_margin: initialMargin,
        maintenance_margin: maintenanceMargin,
        nearest_liquidation: nearestLiquidation,
        nearest_liquidation_sigmas: nearestLiquidationSigmas,
        budget_loss: budgetLoss,
        carry: carry,
        ;
        small worst_scenario: worstScenario, nearest_liquidation_leg: nearestLiquidationLeg;
        excess excess_gross: gross, excess_net: net, excess_margin: margin, excess_liquidation: liquidation,
            excess_gamma: gamma, excess_vega: vega;
        exposure
        delta: delta,
        expected_delta: expectedDelta,
        gamma: gamma,
        gamma_low: gammaLow,
        gamma_high: gammaHigh,
        vega: vega,
        theta: theta,
        rho: rho,
        carry: carry,
        delta_value: deltaValue,
        expected_delta_value: expectedDeltaValue,
        gross_value: grossValue,
        spot: spot,
        ;
    }
}

pub(crate) use fields::{report_in, report_out};

/// Between `engine::Decision` and the ABI's, as for the report.
macro_rules! decision_fields {
    ($($ours:ident: $theirs:ident),* $(,)?; small $($small:ident: $small_theirs:ident),* $(,)?;) => {
        pub(crate) fn decision_out(decision: &engine::Decision) -> Decision {
            let engine::Decision { $($ours,)* $($small,)* action, side, partner, distances } = *decision;
            Decision {
                $($theirs: signed_out($ours),)*
                $($small_theirs: U256::from($small),)*
                action: U256::from(action as u8),
                side: U256::from(side as u8),
                partner: U256::from(partner as u8),
                distances: distances.map(signed_out),
            }
        }

        pub(crate) fn decision_in(decision: &Decision) -> Outcome<engine::Decision> {
            let Decision { $($theirs,)* $($small_theirs,)* action, side, partner, ref distances } = *decision;
            let mut inner = [Wad::ZERO; contract::DISTANCES];
            for (ours, theirs) in inner.iter_mut().zip(distances) {
                *ours = signed_in(*theirs)?;
            }
            Ok(engine::Decision {
                $($ours: signed_in($theirs)?,)*
                $($small: small($small_theirs)?,)*
                action: action_in(action)?,
                side: if side.is_zero() { Side::Buy } else { Side::Sell },
                partner: action_in(partner)?,
                distances: inner,
            })
        }
    };
}

fn action_in(code: U256) -> Outcome<Action> {
    Action::from_u8(small(code)?).ok_or(IRisk::ArithmeticOverflow {}.into())
}

#[allow(non_snake_case)]
mod decisions {
    use super::{Decision, Outcome, Side, U256, Wad, action_in, contract, signed_in, signed_out, small};

    decision_fields! {
        amount_in: amountIn,
        min_out: minOut,
        value: value,
        cost_bound: costBound,
        progress: progress,
        partner_amount: partnerAmount,
        expected_delta: expectedDelta,
        delta_target: deltaTarget,
        lower: lower,
        upper: upper,
        gross_leverage: grossLeverage,
        net_leverage: netLeverage,
        ;
        small rule: rule, underlying: underlying, leg: leg, venue: venue, partner_leg: partnerLeg;
    }
}

pub(crate) use decisions::{decision_in, decision_out};

/// Errors: `ArithmeticOverflow` for numbers out of range, and for an oracle state without a name.
pub(crate) fn facts(facts: &Facts) -> Outcome<engine::Facts<'static>> {
    let overflow = || IRisk::ArithmeticOverflow {};
    let bits = |value: U256| u64::try_from(value).map_err(|_| overflow());
    let short = |value: U256| u16::try_from(value).map_err(|_| overflow());
    Ok(engine::Facts {
        liquidity_needed: signed_in(facts.liquidityNeeded)?,
        oracle: match small(facts.oracle)? {
            0 => Oracle::Fresh,
            1 => Oracle::Doubtful,
            2 => Oracle::Stale,
            3 => Oracle::Sequencer,
            _ => return Err(overflow().into()),
        },
        capacity: signed_in(facts.capacity)?,
        budget_left: signed_in(facts.budgetLeft)?,
        cost_left: signed_in(facts.costLeft)?,
        means: Means(short(facts.means)?),
        blocked: bits(facts.blocked)?,
        skip: short(facts.skip)?,
        violated_secs: u32::try_from(facts.violatedSecs).unwrap_or(u32::MAX),
        execution_fee: signed_in(facts.executionFee)?,
        quotes: &[],
    })
}
