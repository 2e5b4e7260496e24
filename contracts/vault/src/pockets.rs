//! What leavers keep of books that could not be measured. The formulas are the engine's.

use crate::{
    Vault,
    books::amount,
    error::{Checked, Outcome},
    marks::Marks,
};
use alloy_primitives::{Address, U64, U256, aliases::U96};
use engine::pocket::{Pocket, Stake};
use interfaces::{IVault, contract};
use stylus_sdk::prelude::*;

impl Vault {
    pub(crate) fn load_pocket(&self, id: U256) -> Pocket {
        let stored = self.pockets.getter(id);
        Pocket {
            fraction_ray: U256::from(stored.fraction_ray.get()),
            units: stored.units.get(),
            paid_per_unit: stored.paid_per_unit.get(),
        }
    }

    fn save_pocket(&mut self, id: U256, pocket: &Pocket) {
        let mut stored = self.pockets.setter(id);
        stored.fraction_ray.set(U96::saturating_from(pocket.fraction_ray));
        stored.units.set(pocket.units);
        stored.paid_per_unit.set(pocket.paid_per_unit);
    }

    fn load_stake(&self, id: U256, batch: U256) -> Stake {
        let stakes = self.stakes.getter(id);
        let stored = stakes.getter(batch);
        Stake {
            units: stored.units.get(),
            debt: stored.debt.get(),
        }
    }

    /// Gives `batch`, of whose shares `burned` out of `supply` (virtual shares included) leave, its part of every book
    /// that cannot be measured. Whether it got any.
    pub(crate) fn keep_parts(&mut self, marks: &Marks, batch: U256, burned: U256, supply: U256) -> Outcome<bool> {
        let mut kept = false;
        for (index, book) in marks.books.iter().enumerate() {
            if book.values.is_some() {
                continue;
            }
            let open = U256::from(book.pocket);
            let id = if open.is_zero() {
                U256::from(self.last_pocket.get()).saturating_add(U256::ONE)
            } else {
                open
            };
            let stake = self.load_stake(id, batch);
            let (pocket, stake, units) = self.load_pocket(id).join(&stake, burned, supply).checked()?;
            if units.is_zero() {
                continue;
            }
            if open.is_zero() {
                let number = U64::saturating_from(id);
                self.last_pocket.set(number);
                self.books.setter(U256::from(index)).pocket.set(number);
                self.pockets.setter(id).book.set(book.at);
                contract::emit(
                    self.vm(),
                    &IVault::PocketOpened {
                        pocket: id,
                        book: book.at,
                    },
                );
            }
            self.save_pocket(id, &pocket);
            let mut stakes = self.stakes.setter(id);
            let mut stored = stakes.setter(batch);
            stored.units.set(stake.units);
            stored.debt.set(stake.debt);
            kept = true;
            contract::emit(
                self.vm(),
                &IVault::PocketJoined {
                    pocket: id,
                    batchId: batch,
                    units,
                    fractionRay: pocket.fraction_ray,
                },
            );
        }
        Ok(kept)
    }

    /// Divides what came back from `book` between its pocket and the shares; returns the shares' part.
    pub(crate) fn divide(&mut self, book: Address, assets: U256) -> Outcome<U256> {
        let id = self.pocket_of(book)?;
        if id.is_zero() {
            return Ok(assets);
        }
        let pocket = self.load_pocket(id);
        let part = pocket.part_down(assets).checked()?;
        let after = pocket.pay(part).checked()?;
        self.save_pocket(id, &after);
        self.reserve(id, part, &after)?;
        Ok(assets.saturating_sub(part))
    }

    /// Pays for the pocket of a book that can be measured again, at its `navMin`, as far as idle assets reach.
    ///
    /// Errors: `UnknownBook`, `UnknownPocket`, `MarkUnavailable`, `MarksTooWide`, `InsufficientIdle`.
    pub(crate) fn buy_pocket(&mut self, book: Address) -> Outcome<U256> {
        let id = self.pocket_of(book)?;
        if id.is_zero() {
            return Err(IVault::UnknownPocket { pocket: id }.into());
        }
        let (_, values) = self.measure_one(book)?;
        self.check_spread(&values)?;
        let pocket = self.load_pocket(id);
        let value = pocket.part_down(values.min).checked()?;
        let idle = U256::from(self.idle.get());
        let paid = value.min(idle);
        // A pocket of a book that is worth nothing is worth nothing; one that is worth less than a unit waits.
        if paid.is_zero() && !values.max.is_zero() {
            return Err(IVault::InsufficientIdle { assets: value, idle }.into());
        }
        let after = pocket.buy(paid, value).checked()?;
        self.idle.set(amount(idle.saturating_sub(paid))?);
        self.save_pocket(id, &after);
        if after.fraction_ray.is_zero() {
            let index = self.index_of(book)?;
            self.books.setter(U256::from(index)).pocket.set(U64::ZERO);
        }
        self.reserve(id, paid, &after)?;
        Ok(paid)
    }

    /// Books a payment to a pocket in the claim reserve.
    fn reserve(&mut self, id: U256, assets: U256, after: &Pocket) -> Outcome<()> {
        let reserve = fixed::add(U256::from(self.claim_reserve.get()), assets).checked()?;
        self.claim_reserve.set(amount(reserve)?);
        contract::emit(
            self.vm(),
            &IVault::PocketPaid {
                pocket: id,
                assets,
                fractionRay: after.fraction_ray,
            },
        );
        Ok(())
    }

    /// Asset units that `controller` may claim of `batch`'s stake in a pocket, rounded down.
    pub(crate) fn rest(&self, id: U256, batch: U256, controller: Address) -> Outcome<U256> {
        let request = self.requests.getter(controller);
        let requested = if U256::from(request.batch.get()) == batch {
            U256::from(request.shares.get())
        } else {
            self.archive.getter(controller).get(batch)
        };
        let all = U256::from(self.batches.getter(batch).shares.get());
        if requested.is_zero() || all.is_zero() {
            return Ok(U256::ZERO);
        }
        let earned = self.load_pocket(id).earned(&self.load_stake(id, batch)).checked()?;
        let part = fixed::mul_div_down(earned, requested, all).checked()?;
        let stakes = self.stakes.getter(id);
        let claimed = stakes.getter(batch).claimed.get(controller);
        Ok(part.saturating_sub(claimed))
    }

    /// Books a claim of everything that `rest` says. Errors: `NothingToClaim`.
    pub(crate) fn take_rest(&mut self, id: U256, batch: U256, controller: Address) -> Outcome<U256> {
        let assets = self.rest(id, batch, controller)?;
        if assets.is_zero() {
            return Err(IVault::NothingToClaim {}.into());
        }
        let mut stakes = self.stakes.setter(id);
        let mut stake = stakes.setter(batch);
        let claimed = fixed::add(stake.claimed.get(controller), assets).checked()?;
        stake.claimed.insert(controller, claimed);
        let reserve = fixed::sub(U256::from(self.claim_reserve.get()), assets).checked()?;
        self.claim_reserve.set(amount(reserve)?);
        Ok(assets)
    }
}
