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
