//! The redemption queue: requests join a batch, batches settle oldest first, claims follow.

use crate::{
    Vault,
    error::{Checked, Outcome},
    storage::StoredBatch,
};
use alloy_primitives::{Address, U64, U256};
use engine::shares::{self, Batch, Settlement};
use interfaces::{IVault, contract};
use stylus_sdk::prelude::*;

/// A batch worth less than one asset unit is dust if it is at most this part of all shares: one in a million. A larger
/// one is worth nothing only because everything is, and waits for the value to return.
const DUST_DIVISOR: U256 = U256::from_limbs([1_000_000, 0, 0, 0]);

/// What a controller has to claim.
#[derive(Default)]
pub(crate) struct Claim {
    /// Shares not settled yet (rounded up).
    pub(crate) pending: U256,
    /// Shares settled and not claimed.
    pub(crate) shares: U256,
    /// Asset units for them (rounded down).
    pub(crate) assets: U256,
}

impl Vault {
    /// The batch that a request joins now, and its cut-off in Unix seconds.
    pub(crate) fn open_batch(&self) -> (U64, u64) {
        let now = self.vm().block_timestamp();
        let last = self.last_batch.get();
        let cut_off = limb(self.batches.getter(U256::from(last)).cut_off.get());
        if now < cut_off {
            return (last, cut_off);
        }
        let period = u64::try_from(self.period_secs.get()).unwrap_or(u64::MAX);
        let elapsed = now.checked_rem(period).unwrap_or_default();
        let cut_off = now.saturating_sub(elapsed).saturating_add(period);
        (last.saturating_add(U64::ONE), cut_off)
    }

    /// Adds escrowed shares to the open batch on behalf of `controller`; returns the batch.
    ///
    /// Errors: `RequestUnsettled`, `RequestUnclaimed`.
    pub(crate) fn join_batch(&mut self, controller: Address, shares: U256) -> Outcome<U256> {
        let (batch, cut_off) = self.open_batch();
        let id = U256::from(batch);
        let held = self.requests.getter(controller).batch.get();
        if held != batch && !held.is_zero() {
            let claim = self.claim_of(controller)?;
            let old = U256::from(held);
            if !claim.pending.is_zero() {
                return Err(IVault::RequestUnsettled {
                    controller,
                    requestId: old,
                }
                .into());
            }
            // Shares settled for nothing may be forgotten; assets may not.
            if !claim.assets.is_zero() {
                return Err(IVault::RequestUnclaimed {
                    controller,
                    requestId: old,
                }
                .into());
            }
        }
        let mut stored = self.batches.setter(id);
        if self.last_batch.get() != batch {
            self.last_batch.set(batch);
            stored.cut_off.set(U64::from_limbs([cut_off]));
            stored.unfilled_ray.set(shares::RAY);
        }
        let total = fixed::add(stored.shares.get(), shares).checked()?;
        stored.shares.set(total);
        let mut request = self.requests.setter(controller);
        if held == batch {
            let sum = fixed::add(request.shares.get(), shares).checked()?;
            request.shares.set(sum);
        } else {
            request.batch.set(batch);
            request.shares.set(shares);
            request.claimed_shares.set(U256::ZERO);
            request.claimed_assets.set(U256::ZERO);
        }
        Ok(id)
    }

    /// What `controller` waits for and may claim.
    pub(crate) fn claim_of(&self, controller: Address) -> Outcome<Claim> {
        let request = self.requests.getter(controller);
        let id = request.batch.get();
        if id.is_zero() {
            return Ok(Claim::default());
        }
        let batch = load(&self.batches.getter(U256::from(id)));
        let requested = request.shares.get();
        let pending = shares::unfilled(&batch, requested).checked()?;
        let earned = shares::claimable(&batch, requested).checked()?;
        Ok(Claim {
            pending,
            shares: requested
                .saturating_sub(pending)
                .saturating_sub(request.claimed_shares.get()),
            assets: earned.saturating_sub(request.claimed_assets.get()),
        })
    }

    /// Books a claim of `shares` for `assets`.
    pub(crate) fn take_claim(&mut self, controller: Address, shares: U256, assets: U256) -> Outcome<()> {
        let mut request = self.requests.setter(controller);
        let claimed_shares = fixed::add(request.claimed_shares.get(), shares).checked()?;
        let claimed_assets = fixed::add(request.claimed_assets.get(), assets).checked()?;
        request.claimed_shares.set(claimed_shares);
        request.claimed_assets.set(claimed_assets);
        let reserve = fixed::sub(self.claim_reserve.get(), assets).checked()?;
        self.claim_reserve.set(reserve);
        Ok(())
    }

    /// Settles the oldest unsettled batch as far as liquidity reaches: batch, shares burned, asset units set aside.
    ///
    /// Errors: `NothingToSettle`, `BatchStillOpen`, `MarkUnavailable`.
    pub(crate) fn settle_oldest(&mut self) -> Outcome<(U256, U256, U256)> {
        let settled = self.settled_batches.get();
        if settled == self.last_batch.get() {
            return Err(IVault::NothingToSettle {}.into());
        }
        let number = settled.saturating_add(U64::ONE);
        let id = U256::from(number);
        let (batch, cut_off) = {
            let stored = self.batches.getter(id);
            (load(&stored), limb(stored.cut_off.get()))
        };
        if self.vm().block_timestamp() < cut_off {
            return Err(IVault::BatchStillOpen {
                requestId: id,
                cutOff: U256::from(cut_off),
            }
            .into());
        }
        // A book that cannot be measured would count as nothing, and the leavers' shares would be burned for the rest.
        // Anyone can make a measurement fail for one transaction, so waiting is the only safe answer.
        let marks = self.measure_all()?;
        let unfilled = shares::unfilled(&batch, batch.shares).checked()?;
        let owed = self.to_assets_down(unfilled, marks.min)?;
        self.raise_idle(owed)?;
        let idle = self.idle.get();
        let dust = fixed::mul(unfilled, DUST_DIVISOR).checked()? <= self.total_supply.get();
        let (after, Settlement { burned, assets }) = if owed.is_zero() && dust {
            // Worth less than one unit: burned for nothing, or it would hold up every later batch.
            (
                Batch {
                    unfilled_ray: U256::ZERO,
                    ..batch
                },
                Settlement {
                    burned: unfilled,
                    assets: U256::ZERO,
                },
            )
        } else {
            shares::settle_fraction(&batch, owed, idle).checked()?
        };
        if burned.is_zero() {
            return Err(IVault::NothingToSettle {}.into());
        }
        self.burn_escrowed(burned)?;
        let reserve = fixed::add(self.claim_reserve.get(), assets).checked()?;
        self.claim_reserve.set(reserve);
        self.idle.set(fixed::sub(idle, assets).checked()?);
        let mut stored = self.batches.setter(id);
        stored.unfilled_ray.set(after.unfilled_ray);
        stored.assets_per_share.set(after.assets_per_share);
        if after.unfilled_ray.is_zero() {
            self.settled_batches.set(number);
        }
        contract::emit(
            self.vm(),
            &IVault::BatchSettled {
                batchId: id,
                shares: burned,
                assets,
                sharesLeft: unfilled.saturating_sub(burned),
            },
        );
        Ok((id, burned, assets))
    }

    /// Recalls what the books hold in cash until idle covers `owed`, or nothing is left.
    fn raise_idle(&mut self, owed: U256) -> Outcome<()> {
        for index in 0..self.books_registered() {
            let missing = owed.saturating_sub(self.idle.get());
            if missing.is_zero() {
                break;
            }
            self.pull_from_book(self.book_at(index), missing)?;
        }
        Ok(())
    }
}

/// A batch as the engine knows it.
pub(crate) fn load(stored: &StoredBatch) -> Batch {
    Batch {
        shares: stored.shares.get(),
        unfilled_ray: stored.unfilled_ray.get(),
        assets_per_share: stored.assets_per_share.get(),
    }
}

/// A stored 64-bit number.
pub(crate) fn limb(value: U64) -> u64 {
    let [limb] = *value.as_limbs();
    limb
}
