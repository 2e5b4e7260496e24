//! Between shares and assets, with the vault's supply and entry cost. The formulas are the engine's.

use crate::{
    Vault,
    error::{Checked, Outcome},
};
use alloy_primitives::U256;
use engine::shares;

/// 100 %, in basis points.
const BPS: U256 = U256::from_limbs([10_000, 0, 0, 0]);

impl Vault {
    /// Shares worth `assets` when all are worth `value`; for the vault.
    pub(crate) fn to_shares_down(&self, assets: U256, value: U256) -> Outcome<U256> {
        shares::to_shares_down(assets, value, self.total_supply.get(), self.exponent()).checked()
    }

    /// Assets worth `shares` when all are worth `value`; for the vault.
    pub(crate) fn to_assets_down(&self, shares: U256, value: U256) -> Outcome<U256> {
        shares::to_assets_down(shares, value, self.total_supply.get(), self.exponent()).checked()
    }

    /// As `to_assets_down`, rounded up.
    pub(crate) fn to_assets_up(&self, shares: U256, value: U256) -> Outcome<U256> {
        shares::to_assets_up(shares, value, self.total_supply.get(), self.exponent()).checked()
    }

    /// Shares for a deposit after the entry cost; both roundings are for the vault.
    pub(crate) fn shares_for_deposit_down(&self, assets: U256, value: U256) -> Outcome<U256> {
        let kept = fixed::mul_div_down(assets, self.kept_bps(), BPS).checked()?;
        self.to_shares_down(kept, value)
    }

    /// Assets for minting `shares`, with the entry cost; both roundings are for the vault.
    pub(crate) fn assets_for_mint_up(&self, shares: U256, value: U256) -> Outcome<U256> {
        let kept = self.to_assets_up(shares, value)?;
        fixed::mul_div_up(kept, BPS, self.kept_bps()).checked()
    }

    /// The part of a deposit that mints shares, in basis points.
    fn kept_bps(&self) -> U256 {
        BPS.saturating_sub(U256::from(self.entry_cost_bps.get()))
    }

    fn exponent(&self) -> u8 {
        u8::try_from(self.offset.get()).unwrap_or(u8::MAX)
    }
}
