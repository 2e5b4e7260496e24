//! What a keeper is paid for an accepted call, and when it is not (design section 6).
//!
//! `min(cap, gas · base fee · (1 + ramp))`. The ramp grows with the time since somebody recorded the violation, so a
//! call that pays too little today pays enough a little later, and no keeper has to be paid above its cost in advance.
//! The base fee and not the gas price of the transaction counts: a keeper cannot raise its own pay.
//!
//! Nobody is paid for a violation that he made: a deposit or request in the same block, or a change of parameters,
//! earns nothing. Who made it cannot be seen on chain; that it was made can.

use fixed::{BPS, Bps, MathError, Wad};

/// The terms of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The most that is paid, in units of the chain's native currency.
    pub cap: Wad,
    /// The ramp's slope: what is added to 1 per hour since the violation was recorded.
    pub ramp_per_hour: Bps,
    /// The ramp's largest value.
    pub max_ramp: Bps,
    /// Seconds between two bounties of a book.
    pub min_interval_secs: u32,
    /// The highest gas price of a paid transaction, as a multiple of the base fee.
    pub max_gas_price: Bps,
}

/// What is known about the call and the violation. Times are Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Gas used by the call.
    pub gas: u64,
    /// The block's base fee, in the native currency's smallest unit.
    pub base_fee: u64,
    /// The transaction's gas price, in the native currency's smallest unit.
    pub gas_price: u64,
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
        /// The highest gas price, in the native currency's smallest unit.
        max: u128,
    },
}

/// The bounty in units of the native currency, rounded down.
///
/// [`NoBounty`] says why there is none. A violation counts as made by a change of parameters unless it was recorded
/// before the change or the book was seen clean after it; the same second counts against the keeper.
pub fn bounty_down(terms: &Terms, claim: &Claim) -> Result<Wad, NoBounty> {
    gas_price_within(claim.gas_price, claim.base_fee, terms.max_gas_price)?;
    let next_secs = claim.paid_secs.saturating_add(terms.min_interval_secs.into());
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
    // What is beyond the range is beyond the cap.
    Ok(paid_down(terms, claim).unwrap_or(Wad::MAX).min(terms.cap))
}

/// Refuses a gas price above `max` (a multiple) of the base fee. For bounties, and for execution fees that follow the
/// transaction's gas price.
///
/// [`NoBounty::GasPrice`] with the highest allowed one.
pub fn gas_price_within(gas_price: u64, base_fee: u64, max: Bps) -> Result<(), NoBounty> {
    // Below 2⁶⁴ · 2³².
    let max = u128::from(base_fee).saturating_mul(max.0.into()) / u128::from(BPS);
    if u128::from(gas_price) > max {
        return Err(NoBounty::GasPrice { max });
    }
    Ok(())
}

/// `gas · base fee · (1 + ramp)`, rounded down.
fn paid_down(terms: &Terms, claim: &Claim) -> Result<Wad, MathError> {
    let hours = claim.recorded_secs.map_or(0, |at| claim.now_secs.saturating_sub(at)) / 3_600;
    let ramp = hours.saturating_mul(terms.ramp_per_hour.0.into()).min(terms.max_ramp.0.into());
    let cost = u128::from(claim.gas).saturating_mul(claim.base_fee.into());
    let cost = i128::try_from(cost).map_err(|_| MathError::Overflow)?;
    let share = u32::try_from(ramp).ok().and_then(|ramp| BPS.checked_add(ramp)).ok_or(MathError::Overflow)?;
    Wad(cost).mul_bps_down(Bps(share))
}
