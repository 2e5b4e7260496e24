//! Between shares and assets, with fees that are due and the entry cost. The formulas are the engine's.

use crate::{
    Vault,
    error::{Checked, Outcome},
    marks::{BPS, Marks},
};
use alloy_primitives::{Address, U128, U256};
use engine::shares;
use interfaces::IVault;

/// A supply against a value.
#[derive(Clone, Copy)]
pub(crate) struct Rate {
    /// All shares, fees that are due included.
    pub(crate) supply: U256,
    /// What they are worth, in asset units.
    pub(crate) value: U256,
    /// Exponent of the virtual shares.
    pub(crate) offset: u8,
}

impl Rate {
    /// Shares worth `assets`; for the vault.
    pub(crate) fn to_shares_down(self, assets: U256) -> Outcome<U256> {
        shares::to_shares_down(assets, self.value, self.supply, self.offset).checked()
    }

    /// Assets worth `shares`; for the vault.
    pub(crate) fn to_assets_down(self, shares: U256) -> Outcome<U256> {
        shares::to_assets_down(shares, self.value, self.supply, self.offset).checked()
    }

    /// As `to_assets_down`, rounded up.
    pub(crate) fn to_assets_up(self, shares: U256) -> Outcome<U256> {
        shares::to_assets_up(shares, self.value, self.supply, self.offset).checked()
    }
}

impl Vault {
    /// The rate at a value of all shares.
    pub(crate) fn rate(&self, supply: U256, value: U256) -> Rate {
        Rate {
            supply,
            value,
            offset: self.exponent(),
        }
    }

    /// The rate at `navMid` for a view; at the last value that a transaction measured while a book cannot be.
    pub(crate) fn rate_for_view(&self) -> Outcome<Rate> {
        let marks = self.look()?;
        let supply = self.supply_with(&self.fees_due(&marks)?)?;
        Ok(self.rate(supply, self.mid_or_last(&marks)))
    }

    /// `navMid`; the last value that a transaction measured while a book cannot be.
    pub(crate) fn mid_or_last(&self, marks: &Marks) -> U256 {
        if marks.failed().is_some() {
            U256::from(self.last_mid.get())
        } else {
            marks.values.mid
        }
    }

    /// Shares for a deposit after the entry cost; both roundings are for the vault.
    pub(crate) fn shares_for_deposit_down(&self, rate: Rate, assets: U256) -> Outcome<U256> {
        rate.to_shares_down(fixed::mul_div_down(assets, self.kept_bps(), BPS).checked()?)
    }

    /// Assets for minting `shares`, with the entry cost; both roundings are for the vault.
    pub(crate) fn assets_for_mint_up(&self, rate: Rate, shares: U256) -> Outcome<U256> {
        fixed::mul_div_up(rate.to_assets_up(shares)?, BPS, self.kept_bps()).checked()
    }

    /// Why nobody can deposit now: `WindingDown`, `MarkUnavailable`, `PoolDisturbed`.
    pub(crate) fn check_open(&self, marks: &Marks) -> Outcome<()> {
        if self.winding_down.get() {
            return Err(IVault::WindingDown {}.into());
        }
        if let Some(book) = marks.failed() {
            return Err(IVault::MarkUnavailable { book }.into());
        }
        check_pools(marks, U256::from(self.max_disturbance_bps.get()))
    }

    /// Pools must be half as close to the oracle for leaving: leavers pay no entry cost. Errors: `PoolDisturbed`.
    pub(crate) fn check_exit(&self, marks: &Marks) -> Outcome<()> {
        check_pools(marks, U256::from(self.max_disturbance_bps.get()).wrapping_shr(1))
    }

    /// Asset units that `receiver` can still deposit at `supply`, both caps considered; rounded down.
    pub(crate) fn room(&self, marks: &Marks, supply: U256, receiver: Address) -> Outcome<U256> {
        let mid = marks.values.mid;
        // Amounts are stored in 128 bits.
        let storable = U256::from(U128::MAX).saturating_sub(U256::from(self.idle.get()));
        let room = self.deposit_cap.get().saturating_sub(mid).min(storable);
        if !self.accounts_capped.get() {
            return Ok(room);
        }
        let account_cap = self.account_cap.get();
        let held = self.rate(supply, mid).to_assets_up(self.balances.get(receiver))?;
        Ok(room.min(account_cap.saturating_sub(held)))
    }

    /// As `room`, for a view: 0 while nobody can deposit.
    pub(crate) fn room_for_view(&self, marks: &Marks, supply: U256, receiver: Address) -> U256 {
        if self.check_open(marks).is_err() {
            return U256::ZERO;
        }
        self.room(marks, supply, receiver).unwrap_or_default()
    }

    /// The part of a deposit that mints shares, in basis points.
    fn kept_bps(&self) -> U256 {
        BPS.saturating_sub(U256::from(self.entry_cost_bps.get()))
    }

    pub(crate) fn exponent(&self) -> u8 {
        u8::try_from(self.offset.get()).unwrap_or(u8::MAX)
    }
}

/// Errors: `PoolDisturbed`.
fn check_pools(marks: &Marks, max: U256) -> Outcome<()> {
    match marks.books.iter().find(|book| book.disturbance > max) {
        None => Ok(()),
        Some(book) => Err(IVault::PoolDisturbed {
            book: book.at,
            disturbanceBps: book.disturbance,
            maxBps: max,
        }
        .into()),
    }
}
