//! The share token: EIP-6093 errors, no hooks.

use crate::{
    Vault,
    books::amount,
    error::{Checked, Outcome},
};
use alloy_primitives::{Address, U256};
use interfaces::{IVault, contract};
use stylus_sdk::prelude::*;

impl Vault {
    /// Moves shares. The vault itself receives shares only into escrow: its balance *is* the redemption queue.
    pub(crate) fn move_shares(&mut self, from: Address, to: Address, value: U256) -> Outcome<()> {
        let balance = self.balances.get(from);
        let Some(left) = balance.checked_sub(value) else {
            return Err(IVault::ERC20InsufficientBalance {
                sender: from,
                balance,
                needed: value,
            }
            .into());
        };
        self.balances.insert(from, left);
        self.credit(to, value)?;
        self.log_transfer(from, to, value);
        Ok(())
    }

    /// Creates shares. Errors: `ArithmeticOverflow` from a supply of 2¹²⁸, which requests and batches could not hold.
    pub(crate) fn mint_shares(&mut self, to: Address, value: U256) -> Outcome<()> {
        let supply = fixed::add(U256::from(self.total_supply.get()), value).checked()?;
        self.total_supply.set(amount(supply)?);
        self.credit(to, value)?;
        self.log_transfer(Address::ZERO, to, value);
        Ok(())
    }

    /// Destroys shares in escrow.
    pub(crate) fn burn_escrowed(&mut self, value: U256) -> Outcome<()> {
        let vault = self.vm().contract_address();
        let left = fixed::sub(self.balances.get(vault), value).checked()?;
        let supply = fixed::sub(U256::from(self.total_supply.get()), value).checked()?;
        self.balances.insert(vault, left);
        self.total_supply.set(amount(supply)?);
        self.log_transfer(vault, Address::ZERO, value);
        Ok(())
    }

    /// Sets an allowance. Errors: `ERC20InvalidSpender` (nobody).
    pub(crate) fn allow(&mut self, owner: Address, spender: Address, value: U256) -> Outcome<()> {
        if spender.is_zero() {
            return Err(IVault::ERC20InvalidSpender { spender }.into());
        }
        self.allowances.setter(owner).insert(spender, value);
        contract::emit(self.vm(), &IVault::Approval { owner, spender, value });
        Ok(())
    }

    /// Uses up allowance, unless it is unlimited.
    pub(crate) fn spend_allowance(&mut self, owner: Address, spender: Address, value: U256) -> Outcome<()> {
        let mut slot = self.allowances.setter(owner);
        let allowance = slot.get(spender);
        if allowance == U256::MAX {
            return Ok(());
        }
        let Some(left) = allowance.checked_sub(value) else {
            return Err(IVault::ERC20InsufficientAllowance {
                spender,
                allowance,
                needed: value,
            }
            .into());
        };
        slot.insert(spender, left);
        Ok(())
    }

    /// Receivers other than escrow: neither nobody nor the vault.
    pub(crate) fn check_receiver(&self, receiver: Address) -> Outcome<()> {
        if receiver.is_zero() || receiver == self.vm().contract_address() {
            return Err(IVault::ERC20InvalidReceiver { receiver }.into());
        }
        Ok(())
    }

    fn credit(&mut self, to: Address, value: U256) -> Outcome<()> {
        let balance = fixed::add(self.balances.get(to), value).checked()?;
        self.balances.insert(to, balance);
        Ok(())
    }

    #[inline(never)]
    fn log_transfer(&self, from: Address, to: Address, value: U256) {
        contract::emit(self.vm(), &IVault::Transfer { from, to, value });
    }
}
