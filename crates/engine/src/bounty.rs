//! What a keeper is paid for an accepted call, and when it is not (design section 6).
//!
//! `min(cap, gas · base fee · (1 + ramp))`. The ramp grows with the time since somebody recorded the violation, so a
//! call that pays too little today pays enough a little later, and no keeper has to be paid above its cost in advance.
//! The base fee and not the gas price of the transaction counts: a keeper cannot raise its own pay. The terms are the
//! book's parameters: `bounty_cap`, `bounty_premium`, `bounty_ramp_secs`, `bounty_interval_secs`, `max_fee_factor`.
//!
//! Nobody is paid for a violation that he made: a deposit or request in the same block, or a change of parameters,
//! earns nothing. Who made it cannot be seen on chain; that it was made can.

use fixed::{BPS, Bps, MathError, Wad};

use crate::Params;

/// What is known about the call and the violation. Times are Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Gas used by the call.
    pub gas: u64,
    /// The block's base fee, in the native currency's smallest unit.
    pub base_fee: u64,
    /// The transaction's gas price, in the native currency's smallest unit.
    pub gas_price: u64,
    /// Asset units per whole unit of the native currency.
    pub native_price: Wad,
    /// Now.
    pub now_secs: u64,
    /// The block's number.
    pub block: u64,
    /// When the violation was recorded; `None` if it was not.
    pub recorded_secs: Option<u64>,
    /// When the book was last seen without a violation.
    pub clean_secs: u64,
    /// When a parameter of the book was last changed.
    pub changed_secs: u64,
    /// The block of the last deposit or request.
    pub flow_block: u64,
    /// When the book last paid a bounty.
    pub paid_secs: u64,
}

/// Why nothing is paid. The call itself may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoBounty {
    /// A bounty was paid less than the minimum interval ago; the earliest time for the next.
    TooSoon {
        /// Unix seconds.
        next_secs: u64,
    },
    /// A deposit or request in the same block.
    OwnFlow,
    /// The parameters changed, and no violation was recorded before nor the book seen clean after.
    OwnChange,
    /// The transaction pays more than the allowed multiple of the base fee.
    GasPrice {
        /// The highest gas price, in whole units of the native currency.
        max: Wad,
    },
}

/// The bounty in asset units, rounded down.
///
/// [`NoBounty`] says why there is none. A violation counts as made by a change of parameters unless it was recorded
/// before the change or the book was seen clean after it; the same second counts against the keeper. A negative
/// `native_price` pays nothing.
pub fn bounty_down(params: &Params, claim: &Claim) -> Result<Wad, NoBounty> {
    gas_price_within(claim.gas_price, claim.base_fee, params.max_fee_factor)?;
    let next_secs = claim.paid_secs.saturating_add(params.bounty_interval_secs.into());
    if claim.now_secs < next_secs {
        return Err(NoBounty::TooSoon { next_secs });
    }
    if claim.flow_block == claim.block {
        return Err(NoBounty::OwnFlow);
    }
    let recorded_before = claim.recorded_secs.is_some_and(|at| at < claim.changed_secs);
    if claim.clean_secs <= claim.changed_secs && !recorded_before {
        return Err(NoBounty::OwnChange);
    }
    // What is out of range is beyond the cap.
    let paid = paid_down(params, claim).unwrap_or(Wad::MAX);
    Ok(paid.min(params.bounty_cap).max(Wad::ZERO))
}

/// Refuses a gas price above `max_factor` times the base fee. For bounties, and for execution fees that follow the
/// transaction's gas price. The largest allowed price is rounded down.
///
/// [`NoBounty::GasPrice`] with the largest allowed one.
pub fn gas_price_within(gas_price: u64, base_fee: u64, max_factor: Wad) -> Result<(), NoBounty> {
    // A product out of range allows everything.
    let max = Wad(base_fee.into()).mul_down(max_factor).unwrap_or(Wad::MAX);
    if i128::from(gas_price) > max.0 {
        return Err(NoBounty::GasPrice { max });
    }
    Ok(())
}

/// `gas · base fee · (1 + ramp) · native price`, rounded down.
fn paid_down(params: &Params, claim: &Claim) -> Result<Wad, MathError> {
    let elapsed = claim.recorded_secs.map_or(0, |at| claim.now_secs.saturating_sub(at));
    let ramp = u64::from(params.bounty_ramp_secs);
    let premium = u64::from(params.bounty_premium.0);
    // Both factors are below 2³².
    let reached = elapsed
        .min(ramp)
        .saturating_mul(premium)
        .checked_div(ramp)
        .unwrap_or(premium);
    let share = u32::try_from(reached).ok().and_then(|reached| BPS.checked_add(reached));
    let wei = i128::from(claim.gas)
        .checked_mul(claim.base_fee.into())
        .ok_or(MathError::Overflow)?;
    Wad(wei)
        .mul_bps_down(share.map(Bps).ok_or(MathError::Overflow)?)?
        .mul_down(claim.native_price)
}

#[cfg(test)]
mod tests {
    use fixed::WAD;
    use proptest::prelude::*;

    use super::*;

    fn params() -> Params {
        Params {
            bounty_cap: Wad(10 * WAD),
            bounty_premium: Bps(10_000),
            bounty_ramp_secs: 3_600,
            bounty_interval_secs: 60,
            max_fee_factor: Wad(2 * WAD),
            ..Params::default()
        }
    }

    /// A million gas at 0.1 gwei and 2,000 asset units: 0.2 units, for a violation that was recorded now.
    fn claim() -> Claim {
        Claim {
            gas: 1_000_000,
            base_fee: 100_000_000,
            gas_price: 100_000_000,
            native_price: Wad(2_000 * WAD),
            now_secs: 10_000,
            block: 7,
            recorded_secs: Some(10_000),
            clean_secs: 9_000,
            changed_secs: 0,
            flow_block: 6,
            paid_secs: 9_000,
        }
    }

    #[test]
    fn bounty_grows_with_the_time_since_it_was_recorded_up_to_its_premium() {
        let after = |secs: u64| {
            bounty_down(
                &params(),
                &Claim {
                    now_secs: 10_000 + secs,
                    ..claim()
                },
            )
        };
        assert_eq!(after(0), Ok(Wad(WAD / 5)));
        assert_eq!(after(1_800), Ok(Wad(WAD / 5 * 3 / 2)));
        assert_eq!(after(3_600), Ok(Wad(WAD / 5 * 2)));
        assert_eq!(after(100_000), Ok(Wad(WAD / 5 * 2)));
        let never = Claim {
            recorded_secs: None,
            now_secs: 20_000,
            ..claim()
        };
        assert_eq!(bounty_down(&params(), &never), Ok(Wad(WAD / 5)));
    }

    #[test]
    fn bounty_is_capped() {
        let dear = Claim {
            gas: u64::MAX,
            ..claim()
        };
        assert_eq!(bounty_down(&params(), &dear), Ok(Wad(10 * WAD)));
    }

    #[test]
    fn bounty_counts_the_base_fee_not_the_gas_price() {
        let generous = Claim {
            gas_price: 200_000_000,
            ..claim()
        };
        assert_eq!(bounty_down(&params(), &generous), bounty_down(&params(), &claim()));
        let more = Claim {
            gas_price: 200_000_001,
            ..claim()
        };
        assert_eq!(
            bounty_down(&params(), &more),
            Err(NoBounty::GasPrice { max: Wad(200_000_000) })
        );
    }

    #[test]
    fn bounty_before_the_interval_has_passed_is_refused() {
        let again = Claim {
            paid_secs: 9_941,
            ..claim()
        };
        assert_eq!(
            bounty_down(&params(), &again),
            Err(NoBounty::TooSoon { next_secs: 10_001 })
        );
        assert!(
            bounty_down(
                &params(),
                &Claim {
                    paid_secs: 9_940,
                    ..claim()
                }
            )
            .is_ok()
        );
    }

    #[test]
    fn bounty_for_an_own_deposit_is_refused() {
        let own = Claim {
            flow_block: 7,
            ..claim()
        };
        assert_eq!(bounty_down(&params(), &own), Err(NoBounty::OwnFlow));
    }

    #[test]
    fn bounty_for_a_change_of_parameters_is_refused() {
        let of = |changed_secs, clean_secs, recorded_secs| {
            bounty_down(
                &params(),
                &Claim {
                    recorded_secs,
                    clean_secs,
                    changed_secs,
                    ..claim()
                },
            )
        };
        // Recorded only after the change, and not seen clean since.
        assert_eq!(of(9_500, 9_000, Some(9_600)), Err(NoBounty::OwnChange));
        assert_eq!(of(9_500, 9_500, None), Err(NoBounty::OwnChange));
        assert_eq!(of(9_500, 9_000, Some(9_500)), Err(NoBounty::OwnChange));
        // Recorded before, or seen clean after.
        assert!(of(9_500, 9_000, Some(9_499)).is_ok());
        assert!(of(9_500, 9_501, None).is_ok());
    }

    proptest! {
        /// No claim is paid more than the cap, or more than its gas at the base fee with the full premium.
        #[test]
        fn bounty_any_claim_is_within_cap_and_cost(
            gas in any::<u64>(), base_fee in any::<u64>(), gas_price in any::<u64>(), native in 0..WAD * 100_000,
            times in (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>(), any::<Option<u64>>()), cap in 0..WAD * 100,
        ) {
            let params = Params { bounty_cap: Wad(cap), ..params() };
            let (now_secs, clean_secs, changed_secs, paid_secs, recorded_secs) = times;
            let claim = Claim {
                gas, base_fee, gas_price, native_price: Wad(native), now_secs, clean_secs, changed_secs, paid_secs, recorded_secs,
                ..claim()
            };
            if let Ok(paid) = bounty_down(&params, &claim) {
                prop_assert!((Wad::ZERO..=params.bounty_cap).contains(&paid), "BNT-1");
                let cost = i128::from(gas).checked_mul(base_fee.into()).and_then(|wei| wei.checked_mul(2));
                if let Some(most) = cost.and_then(|wei| Wad(wei).mul_up(Wad(native)).ok()) {
                    prop_assert!(paid <= most, "BNT-1");
                }
                prop_assert!(gas_price <= base_fee.saturating_mul(2), "BNT-1");
            }
        }
    }
}
