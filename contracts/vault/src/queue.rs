//! The redemption queue: requests join a batch, batches settle oldest first, claims follow.

use crate::{
    Vault,
    books::amount,
    error::{Checked, Outcome},
    marks::{Marks, Values},
};
use alloy_primitives::{Address, U64, U128, U256};
use engine::shares::{self, Batch, Settlement};
use interfaces::{IVault, contract};
use stylus_sdk::prelude::*;

/// A batch worth less than one asset unit is dust if it is at most this part of all shares: one in a million. A larger
/// one is worth nothing only because everything is, and waits for the value to return.
const DUST_DIVISOR: U256 = U256::from_limbs([1_000_000, 0, 0, 0]);
/// How long after its cut-off a batch waits for books that cannot be measured and for narrow marks, in seconds.
///
/// Anyone can make a measurement fail for one transaction, so the first answer is to wait; a day later leavers are paid
/// from what can be measured and keep their part of the rest.
pub const GRACE_SECS: u64 = 86_400;

/// What a controller has to claim.
#[derive(Default)]
pub(crate) struct Claim {
    /// Its batch; zero if there is none.
    pub(crate) batch: U256,
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
            self.leave_batch(controller)?;
        }
        if self.last_batch.get() != batch {
            self.last_batch.set(batch);
            self.batches.setter(id).cut_off.set(U64::from_limbs([cut_off]));
            contract::emit(
                self.vm(),
                &IVault::BatchOpened {
                    batchId: id,
                    cutOff: U256::from(cut_off),
                },
            );
        }
        let mut stored = self.batches.setter(id);
        let total = fixed::add(U256::from(stored.shares.get()), shares).checked()?;
        stored.shares.set(amount(total)?);
        let mut request = self.requests.setter(controller);
        if held == batch {
            let sum = fixed::add(U256::from(request.shares.get()), shares).checked()?;
            request.shares.set(amount(sum)?);
        } else {
            request.batch.set(batch);
            request.shares.set(amount(shares)?);
            if !held.is_zero() {
                request.claimed_shares.set(U128::ZERO);
                request.claimed_assets.set(U128::ZERO);
            }
        }
        Ok(id)
    }

    /// Makes sure that the controller's earlier request can be forgotten.
    ///
    /// Shares settled for nothing may be forgotten; assets may not. What stakes in pockets bring later stays claimable.
    /// Errors: `RequestUnsettled`, `RequestUnclaimed`.
    fn leave_batch(&mut self, controller: Address) -> Outcome<()> {
        let claim = self.claim_of(controller)?;
        let old = claim.batch;
        if !claim.pending.is_zero() {
            return Err(IVault::RequestUnsettled {
                controller,
                requestId: old,
            }
            .into());
        }
        if !claim.assets.is_zero() {
            return Err(IVault::RequestUnclaimed {
                controller,
                requestId: old,
            }
            .into());
        }
        if self.batches.getter(old).pocketed.get() {
            let requested = U256::from(self.requests.getter(controller).shares.get());
            self.archive.setter(controller).insert(old, requested);
        }
        Ok(())
    }

    /// Takes `shares` out of the controller's request before its batch's cut-off; returns the batch.
    ///
    /// Errors: `RequestClosed`, `RequestExceeded`.
    pub(crate) fn withdraw_from_batch(&mut self, controller: Address, shares: U256) -> Outcome<U256> {
        let request = self.requests.getter(controller);
        let id = U256::from(request.batch.get());
        if id.is_zero() {
            let max = U256::ZERO;
            return Err(IVault::RequestExceeded {
                controller,
                shares,
                max,
            }
            .into());
        }
        let (requested, stored) = (U256::from(request.shares.get()), self.batches.getter(id));
        let (cut_off, total) = (limb(stored.cut_off.get()), U256::from(stored.shares.get()));
        if self.vm().block_timestamp() >= cut_off {
            return Err(IVault::RequestClosed {
                requestId: id,
                cutOff: U256::from(cut_off),
            }
            .into());
        }
        let Some(left) = requested.checked_sub(shares) else {
            return Err(IVault::RequestExceeded {
                controller,
                shares,
                max: requested,
            }
            .into());
        };
        let total = fixed::sub(total, shares).checked()?;
        self.batches.setter(id).shares.set(amount(total)?);
        let mut request = self.requests.setter(controller);
        request.shares.set(amount(left)?);
        if left.is_zero() {
            request.batch.set(U64::ZERO);
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
        let batch = self.load_batch(id);
        let requested = U256::from(request.shares.get());
        let pending = shares::unfilled(&batch, requested).checked()?;
        let earned = shares::claimable(&batch, requested).checked()?;
        Ok(Claim {
            batch: U256::from(id),
            pending,
            shares: requested
                .saturating_sub(pending)
                .saturating_sub(U256::from(request.claimed_shares.get())),
            assets: earned.saturating_sub(U256::from(request.claimed_assets.get())),
        })
    }

    /// Books a claim of `shares` for `assets`.
    pub(crate) fn take_claim(&mut self, controller: Address, shares: U256, assets: U256) -> Outcome<()> {
        let mut request = self.requests.setter(controller);
        let claimed_shares = fixed::add(U256::from(request.claimed_shares.get()), shares).checked()?;
        let claimed_assets = fixed::add(U256::from(request.claimed_assets.get()), assets).checked()?;
        request.claimed_shares.set(amount(claimed_shares)?);
        request.claimed_assets.set(amount(claimed_assets)?);
        let reserve = fixed::sub(U256::from(self.claim_reserve.get()), assets).checked()?;
        self.claim_reserve.set(amount(reserve)?);
        Ok(())
    }

    /// A batch as the engine knows it.
    pub(crate) fn load_batch(&self, number: U64) -> Batch {
        let stored = self.batches.getter(U256::from(number));
        let unfilled_ray = if number <= self.settled_batches.get() {
            U256::ZERO
        } else {
            shares::RAY.saturating_sub(stored.filled_ray.get())
        };
        Batch {
            shares: U256::from(stored.shares.get()),
            unfilled_ray,
            assets_per_share: stored.assets_per_share.get(),
        }
    }

    /// The oldest batch not completely settled and its cut-off.
    pub(crate) fn oldest_batch(&self) -> Option<(U64, u64)> {
        let settled = self.settled_batches.get();
        if settled == self.last_batch.get() {
            return None;
        }
        let number = settled.saturating_add(U64::ONE);
        Some((number, limb(self.batches.getter(U256::from(number)).cut_off.get())))
    }

    /// Settles the oldest unsettled batch as far as liquidity reaches: batch, shares burned, asset units set aside.
    ///
    /// Errors: `NothingToSettle`, `BatchStillOpen`, `MarkUnavailable`, `MarksTooWide`, `PoolDisturbed`, `InsufficientGas`.
    pub(crate) fn settle_oldest(&mut self) -> Outcome<(U256, U256, U256)> {
        let now = self.vm().block_timestamp();
        let (number, cut_off) = self.oldest_batch().ok_or(IVault::NothingToSettle {})?;
        let (id, batch) = (U256::from(number), self.load_batch(number));
        if now < cut_off {
            return Err(IVault::BatchStillOpen {
                requestId: id,
                cutOff: U256::from(cut_off),
            }
            .into());
        }
        let unfilled = shares::unfilled(&batch, batch.shares).checked()?;
        if unfilled.is_zero() {
            // Everybody withdrew the request.
            self.settled_batches.set(number);
            self.log_settlement(id, [U256::ZERO; 4]);
            self.judge_wait(now, false);
            return Ok((id, U256::ZERO, U256::ZERO));
        }
        let marks = self.measure()?;
        let failed = marks.failed();
        let overdue = now >= cut_off.saturating_add(GRACE_SECS);
        match failed {
            Some(book) if !overdue || !self.called_directly() => {
                return Err(IVault::MarkUnavailable { book }.into());
            }
            Some(_) => {}
            None => self.remember(&marks),
        }
        if !overdue {
            self.check_spread(&marks.values)?;
            self.check_exit(&marks)?;
        }
        self.accrue(&marks)?;
        let supply = U256::from(self.total_supply.get());
        let owed = self.rate(supply, marks.values.min).to_assets_down(unfilled)?;
        self.raise_idle(&marks, owed)?;
        let idle = U256::from(self.idle.get());
        let dust = fixed::mul(unfilled, DUST_DIVISOR).checked()? <= supply;
        let (after, Settlement { burned, assets }) = if owed.is_zero() && (dust || failed.is_some()) {
            // Worth less than one unit, or worth only what cannot be measured: burned for nothing but a part of the
            // latter, or it would hold up every later batch.
            let after = Batch {
                unfilled_ray: U256::ZERO,
                ..batch
            };
            let settlement = Settlement {
                burned: unfilled,
                assets: U256::ZERO,
            };
            (after, settlement)
        } else {
            shares::settle_fraction(&batch, owed, idle).checked()?
        };
        let left = unfilled.saturating_sub(burned);
        if !burned.is_zero() {
            if failed.is_some() {
                let all = fixed::add(supply, self.virtual_shares()?).checked()?;
                if self.keep_parts(&marks, id, burned, all)? {
                    self.batches.setter(id).pocketed.set(true);
                }
            }
            self.burn_escrowed(burned)?;
            let reserve = fixed::add(U256::from(self.claim_reserve.get()), assets).checked()?;
            self.claim_reserve.set(amount(reserve)?);
            self.idle.set(amount(fixed::sub(idle, assets).checked()?)?);
            let went = match failed {
                None => assets,
                // Their part of what was last measured, the books that cannot be measured now included.
                Some(_) => self
                    .rate(supply, U256::from(self.last_mid.get()))
                    .to_assets_down(burned)?,
            };
            self.shift_remembered(U256::ZERO, went);
            let mut stored = self.batches.setter(id);
            if after.assets_per_share != batch.assets_per_share {
                stored.assets_per_share.set(after.assets_per_share);
            }
            if after.unfilled_ray.is_zero() {
                self.settled_batches.set(number);
            } else {
                let filled = shares::RAY.saturating_sub(after.unfilled_ray);
                stored.filled_ray.set(filled);
            }
            self.log_settlement(id, [burned, assets, left, after.unfilled_ray]);
        }
        let material = fixed::mul(left, DUST_DIVISOR).checked()? > supply;
        let judged = self.judge_wait(now, material);
        if burned.is_zero() && !judged {
            return Err(IVault::NothingToSettle {}.into());
        }
        Ok((id, burned, assets))
    }

    /// Errors: `MarksTooWide`.
    pub(crate) fn check_spread(&self, values: &Values) -> Outcome<()> {
        let (spread, max) = (values.spread_bps(), U256::from(self.max_spread_bps.get()));
        if spread > max {
            return Err(IVault::MarksTooWide {
                spreadBps: spread,
                maxBps: max,
            }
            .into());
        }
        Ok(())
    }

    /// Starts to wind down if the oldest unsettled batch is older than the wait limit and `short` of liquidity after it
    /// was tried, and ends it if the oldest is not older. Whether anything changed.
    fn judge_wait(&mut self, now: u64, short: bool) -> bool {
        let before = self.winding_down.get();
        let limit = u64::try_from(self.wait_limit_secs.get()).unwrap_or(u64::MAX);
        let late = self
            .oldest_batch()
            .is_some_and(|(_, cut_off)| now >= cut_off.saturating_add(limit));
        let after = late && (before || short);
        if after != before {
            self.winding_down.set(after);
            contract::emit(self.vm(), &IVault::WindDownSet { windingDown: after });
        }
        after != before
    }

    /// Whether a plain account calls, not a program: a program can hoard memory pages before it calls, and so make books
    /// fail that are sound.
    fn called_directly(&self) -> bool {
        let sender = self.vm().msg_sender();
        sender == self.vm().tx_origin() && self.vm().code_size(sender) == 0
    }

    #[inline(never)]
    fn log_settlement(&self, id: U256, [shares, assets, left, unfilled_ray]: [U256; 4]) {
        contract::emit(
            self.vm(),
            &IVault::BatchSettled {
                batchId: id,
                shares,
                assets,
                sharesLeft: left,
                unfilledRay: unfilled_ray,
            },
        );
    }

    /// Recalls what the measured books hold in cash until idle covers `owed`, or nothing is left.
    ///
    /// Leavers keep their part of a book that cannot be measured: its cash would become idle, and so the stayers' alone.
    fn raise_idle(&mut self, marks: &Marks, owed: U256) -> Outcome<()> {
        for book in marks.books.iter().filter(|book| book.values.is_some()) {
            let missing = owed.saturating_sub(U256::from(self.idle.get()));
            if missing.is_zero() {
                break;
            }
            self.pull_from_book(book.at, missing)?;
        }
        Ok(())
    }

    /// What `book` must raise, in asset units: the escrowed shares' part of its own value, and its pocket, less its
    /// share (by allocation) of the idle assets that the escrowed shares have no part of. Rounded up.
    ///
    /// Only this book is measured: no other book, broken or made to fail, changes the answer. The books together never
    /// raise less than the queue lacks.
    /// Errors: `UnknownBook`, `MarkUnavailable`, `InsufficientGas`.
    pub(crate) fn need_of(&self, book: Address) -> Outcome<U256> {
        let escrowed = self.balances.get(self.vm().contract_address());
        let pocket = self.pocket_of(book)?;
        if escrowed.is_zero() && pocket.is_zero() {
            return Ok(U256::ZERO);
        }
        let (measured, values) = self.measure_one(book)?;
        let supply = fixed::add(U256::from(self.total_supply.get()), self.virtual_shares()?).checked()?;
        let leaving = fixed::mul_div_up(measured.ours.min, escrowed, supply).checked()?;
        let pocketed = values.min.saturating_sub(measured.ours.min);
        let need = fixed::add(leaving, pocketed).checked()?;
        let idle = U256::from(self.idle.get());
        let theirs = fixed::mul_div_up(idle, escrowed, supply).checked()?;
        let mut allocated = U256::ZERO;
        for index in 0..self.books_registered() {
            let given = self.limits.getter(self.book_at(index)).allocated.get();
            allocated = fixed::add(allocated, given).checked()?;
        }
        if allocated.is_zero() {
            return Ok(need);
        }
        let given = self.limits.getter(book).allocated.get();
        let credit = fixed::mul_div_down(idle.saturating_sub(theirs), given, allocated).checked()?;
        Ok(need.saturating_sub(credit))
    }
}

/// A stored 64-bit number.
pub(crate) fn limb(value: U64) -> u64 {
    let [limb] = *value.as_limbs();
    limb
}
