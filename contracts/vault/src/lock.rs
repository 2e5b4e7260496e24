//! The system's lock: a transient word that covers vault, books and rebalancer.

use crate::{Vault, error::Outcome};
use alloy_primitives::{B256, U256};
use interfaces::{IVault, contract::transient};

/// Where the lock lies in transient storage.
const KEY: B256 = B256::ZERO;

impl Vault {
    /// Whether somebody holds the lock.
    pub(crate) fn is_locked(&self) -> bool {
        !transient::load(KEY).is_zero()
    }

    /// Errors: `Locked`.
    pub(crate) fn check_unlocked(&self) -> Outcome<()> {
        if self.is_locked() {
            Err(IVault::Locked {}.into())
        } else {
            Ok(())
        }
    }

    /// Errors: `Locked`.
    pub(crate) fn take_lock(&mut self) -> Outcome<()> {
        self.check_unlocked()?;
        transient::store(KEY, U256::ONE.into());
        Ok(())
    }

    /// Gives the lock back. A frame that fails before has given it back by failing.
    pub(crate) fn release_lock(&mut self) {
        transient::store(KEY, B256::ZERO);
    }
}
