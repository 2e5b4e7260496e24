//! Fees that are due, and their accrual. The formulas are the engine's.

use crate::{
    Vault,
    error::{Checked, Outcome},
    marks::Marks,
    queue::limb,
};
use alloy_primitives::{U64, U256, aliases::U192};
use engine::fees::{self, Fees, Terms};
use interfaces::{IVault, contract};
use stylus_sdk::prelude::*;

impl Vault {
    /// Fees due now on shares that are worth `marks`. While a book cannot be measured only time is charged for: the
    /// gain is unknown.
    pub(crate) fn fees_due(&self, marks: &Marks) -> Outcome<Fees> {
        let high_water_mark = U256::from(self.high_water_mark.get());
        let elapsed_secs = self.vm().block_timestamp().saturating_sub(limb(self.accrued_at.get()));
        let unchanged = Fees {
            high_water_mark,
            ..Fees::default()
        };
        let rate = |bps| u64::try_from(U256::from(bps)).unwrap_or_default();
        let mut terms = Terms {
            performance_bps: rate(self.performance_fee_bps.get()),
            management_bps: rate(self.management_fee_bps.get()),
            elapsed_secs,
        };
        let charged = terms.performance_bps != 0 || terms.management_bps != 0;
        if charged && self.fee_recipient.get().is_zero() {
            (terms.performance_bps, terms.management_bps) = (0, 0);
        }
        let supply = U256::from(self.total_supply.get());
        if marks.failed().is_some() {
            let management = fees::management_down(supply, &terms).checked()?;
            return Ok(Fees {
                management,
                ..unchanged
            });
        }
        let virtual_shares = self.virtual_shares()?;
        fees::accrue(marks.values.min, supply, virtual_shares, high_water_mark, &terms).checked()
    }

    /// Mints the fees that are due.
    pub(crate) fn accrue(&mut self, marks: &Marks) -> Outcome<Fees> {
        let fees = self.fees_due(marks)?;
        self.accrued_at.set(U64::from_limbs([self.vm().block_timestamp()]));
        let shares = fees.shares().checked()?;
        let risen = fees.high_water_mark != U256::from(self.high_water_mark.get());
        if risen {
            self.high_water_mark.set(U192::saturating_from(fees.high_water_mark));
        }
        if !shares.is_zero() {
            self.mint_shares(self.fee_recipient.get(), shares)?;
        }
        if risen || !shares.is_zero() {
            contract::emit(
                self.vm(),
                &IVault::FeesAccrued {
                    managementShares: fees.management,
                    performanceShares: fees.performance,
                    highWaterMark: fees.high_water_mark,
                },
            );
        }
        Ok(fees)
    }

    /// Raises the high-water mark by what `shares` for `assets` add to the price at the low mark, `min` before: the entry
    /// cost is no profit, and no fee is charged on it.
    pub(crate) fn raise_mark_for_entry(&mut self, min: U256, assets: U256, shares: U256) -> Outcome<()> {
        if self.performance_fee_bps.get().is_zero() {
            return Ok(());
        }
        let (supply, virtual_shares) = (U256::from(self.total_supply.get()), self.virtual_shares()?);
        let before = fees::price_down(min, supply, virtual_shares).checked()?;
        let (richer, more) = (
            fixed::add(min, assets).checked()?,
            fixed::add(supply, shares).checked()?,
        );
        let after = fees::price_up(richer, more, virtual_shares).checked()?;
        let mark = fixed::add(U256::from(self.high_water_mark.get()), after.saturating_sub(before)).checked()?;
        self.high_water_mark.set(U192::saturating_from(mark));
        contract::emit(
            self.vm(),
            &IVault::FeesAccrued {
                managementShares: U256::ZERO,
                performanceShares: U256::ZERO,
                highWaterMark: mark,
            },
        );
        Ok(())
    }

    /// All shares, fees that are due included.
    pub(crate) fn supply_with(&self, fees: &Fees) -> Outcome<U256> {
        fixed::add(U256::from(self.total_supply.get()), fees.shares().checked()?).checked()
    }

    /// 10^(decimals of shares − decimals of the asset).
    pub(crate) fn virtual_shares(&self) -> Outcome<U256> {
        fixed::pow10(self.exponent()).checked()
    }
}
