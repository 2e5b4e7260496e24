//! Who brought what, who is owed what: kept from the outside, from what people did and what was moved.

use crate::{
    snap::Snap,
    spec::{self, BPS, Fees, Terms},
};
use alloy_primitives::{Address, U256};
use std::collections::{BTreeMap, BTreeSet};

/// Of a batch, one controller's request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Member {
    pub(crate) shares: U256,
    pub(crate) claimed_shares: U256,
    pub(crate) claimed_assets: U256,
}

/// The requests that settle together.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) cut_off: u64,
    /// Shares requested and not withdrawn.
    pub(crate) total: U256,
    /// Of these, not burned.
    pub(crate) unfilled: U256,
    /// Set aside for them in all.
    pub(crate) assets: U256,
    /// Settlements of it.
    pub(crate) rounds: u64,
    pub(crate) members: BTreeMap<Address, Member>,
}

/// A batch's part of a pocket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stake {
    pub(crate) units: U256,
    /// Paid to it, in 1e-18 of an asset unit, rounded down.
    pub(crate) earned_e18: U256,
    /// Settlements that gave it units.
    pub(crate) joins: u64,
}

/// What leavers keep of a book.
#[derive(Clone, Debug)]
pub(crate) struct Pocket {
    pub(crate) stakes: BTreeMap<u64, Stake>,
    pub(crate) claimed: BTreeMap<(u64, Address), U256>,
    /// Paid into it.
    pub(crate) paid: U256,
    /// Taken out of it.
    pub(crate) taken: U256,
    /// Payments into it.
    pub(crate) payments: u64,
}

/// The whole book-keeping.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) accrued_at: u64,
    /// In the vault without having been asked for.
    pub(crate) surplus: U256,
    pub(crate) noted: U256,
    pub(crate) bookable_at: u64,
    /// Batch `n` at `n - 1`.
    pub(crate) batches: Vec<Batch>,
    /// Batches that are completely settled.
    pub(crate) settled: usize,
    /// The batch of everybody's latest request.
    pub(crate) requests: BTreeMap<Address, u64>,
    /// Pocket `n` at `n - 1`.
    pub(crate) pockets: Vec<Pocket>,
    pub(crate) operators: BTreeSet<(Address, Address)>,
    pub(crate) allowances: BTreeMap<(Address, Address), U256>,
    /// The value at mid that a transaction measured last.
    pub(crate) last_mid: U256,
    /// Asset units that vault and books must hold: brought, less taken out, by anyone for any reason.
    pub(crate) holdings: U256,
}

/// `10^18`.
fn e18() -> U256 {
    U256::from(1_000_000_000_000_000_000_u64)
}

impl Ledger {
    /// Starts with what is there.
    pub(crate) fn start(&mut self, snap: &Snap) {
        self.accrued_at = snap.now;
        self.last_mid = snap.total_assets;
        self.holdings = holdings(snap);
    }

    /// The batch of `person`'s latest request.
    pub(crate) fn batch_of(&self, person: Address) -> Option<u64> {
        self.requests.get(&person).copied()
    }

    /// A batch by its number.
    pub(crate) fn batch(&self, id: u64) -> Option<&Batch> {
        self.batches.get(usize::try_from(id).ok()?.checked_sub(1)?)
    }

    /// A batch by its number.
    pub(crate) fn batch_mut(&mut self, id: u64) -> &mut Batch {
        &mut self.batches[usize::try_from(id).expect("a number of batches") - 1]
    }

    /// What is left of `spender`'s allowance.
    pub(crate) fn allowance(&self, owner: Address, spender: Address) -> U256 {
        self.allowances.get(&(owner, spender)).copied().unwrap_or_default()
    }

    /// Takes `value` off an allowance that is not unlimited.
    pub(crate) fn spend_allowance(&mut self, owner: Address, spender: Address, value: U256) -> Result<(), String> {
        let allowed = self.allowance(owner, spender);
        if allowed < value {
            return Err(format!(
                "INV-4: {spender} moved {value} shares of {owner}, allowed were {allowed}"
            ));
        }
        if allowed != U256::MAX {
            self.allowances.insert((owner, spender), allowed - value);
        }
        Ok(())
    }

    /// The fees that are due at `snap`.
    pub(crate) fn fees(&self, snap: &Snap) -> Option<Fees> {
        let secs = snap.now - self.accrued_at;
        let paid = !snap.fee_recipient.is_zero();
        let rate = |id: usize| if paid { snap.parameters[id] } else { U256::ZERO };
        let terms = Terms {
            performance_bps: rate(3),
            management_bps: rate(4),
            secs,
        };
        let measured = snap.unmeasured.is_zero();
        spec::fees(snap.supply, snap.nav[0], snap.high_water, &terms, measured)
    }

    /// The batch that a request joins and its cut-off.
    pub(crate) fn open(&self, snap: &Snap) -> (u64, u64) {
        let count = self.batches.len() as u64;
        if let Some(last) = self.batches.last().filter(|last| snap.now < last.cut_off) {
            return (count, last.cut_off);
        }
        let period = snap.parameters[0].to::<u64>();
        (count + 1, snap.now - snap.now % period + period)
    }

    /// The oldest batch that is not completely settled; everybody may have left it.
    pub(crate) fn oldest(&self) -> Option<(u64, &Batch)> {
        Some((self.settled as u64 + 1, self.batches.get(self.settled)?))
    }

    /// What the vault is worth if the books say the truth: lowest, mid, highest, and books that say nothing.
    pub(crate) fn nav(snap: &Snap) -> ([U256; 3], U256) {
        let mut nav = [snap.idle; 3];
        let mut unmeasured = U256::ZERO;
        for (address, book) in &snap.books {
            let Some(marks) = book.marks else {
                unmeasured += U256::ONE;
                continue;
            };
            let fraction = snap.fraction(*address);
            for (sum, (value, round_up)) in
                nav.iter_mut()
                    .zip([(marks.min, false), (marks.mid, false), (marks.max, true)])
            {
                *sum += spec::unpocketed(value, fraction, round_up).expect("a fraction of an amount");
            }
        }
        (nav, unmeasured)
    }

    /// Books a payment into a pocket: every stake gets its part.
    pub(crate) fn pay_pocket(&mut self, index: usize, units: U256, assets: U256) {
        let pocket = &mut self.pockets[index];
        pocket.paid += assets;
        pocket.payments += 1;
        for stake in pocket.stakes.values_mut() {
            let part = spec::down(assets * e18(), stake.units, units);
            stake.earned_e18 += part.unwrap_or_default();
        }
    }

    /// What `controller` of `batch` may still take out of a pocket, in 1e-18 units.
    pub(crate) fn rest_e18(&self, index: usize, batch: u64, controller: Address) -> U256 {
        let pocket = &self.pockets[index];
        let (Some(stake), Some(record)) = (pocket.stakes.get(&batch), self.batch(batch)) else {
            return U256::ZERO;
        };
        let shares = record
            .members
            .get(&controller)
            .map_or(U256::ZERO, |member| member.shares);
        let part = spec::down(stake.earned_e18, shares, record.total).unwrap_or_default();
        let claimed = pocket.claimed.get(&(batch, controller)).copied().unwrap_or_default();
        part.saturating_sub(claimed * e18())
    }

    /// Asset units that roundings may keep from a batch's members: one for each payment and each time that it joined.
    pub(crate) fn rest_slack(&self, index: usize, batch: u64) -> U256 {
        let pocket = &self.pockets[index];
        let joins = pocket.stakes.get(&batch).map_or(0, |stake| stake.joins);
        U256::from(2 + pocket.payments + joins)
    }

    /// Every pocket, batch and controller that may be owed something.
    pub(crate) fn rests(&self) -> Vec<(usize, u64, Address)> {
        let mut all = Vec::new();
        for (index, pocket) in self.pockets.iter().enumerate() {
            for batch in pocket.stakes.keys() {
                let members = self.batch(*batch).into_iter().flat_map(|batch| batch.members.keys());
                all.extend(members.map(|controller| (index, *batch, *controller)));
            }
        }
        all
    }

    /// What holds for requests and claims at any time.
    pub(crate) fn check_requests(&self, snap: &Snap) -> Result<(), String> {
        let mut claims = U256::ZERO;
        let unfilled = self.batches.iter().fold(U256::ZERO, |sum, batch| sum + batch.unfilled);
        if snap.escrow != unfilled {
            return Err(format!(
                "INV-4: {} shares in escrow, {unfilled} are not settled",
                snap.escrow
            ));
        }
        for (person, account) in &snap.accounts {
            claims += account.claim_assets;
            let Some(id) = self.batch_of(*person) else { continue };
            let batch = self.batch(id).expect("requests name a batch");
            let member = &batch.members[person];
            if batch.total.is_zero() {
                continue;
            }
            // Everybody's part of the batch is filled alike.
            let pending = spec::up(member.shares, batch.unfilled, batch.total).expect("a part");
            let claimed = account.claim_shares + member.claimed_shares;
            let tolerance = U256::from(2);
            if account.pending.abs_diff(pending) > tolerance || member.shares.abs_diff(pending + claimed) > tolerance {
                return Err(format!(
                    "INV-16: of {} shares of {person} in batch {id}, {} are pending and {claimed} settled; {pending} are \
                     pending",
                    member.shares, account.pending
                ));
            }
            let earned = spec::down(member.shares, batch.assets, batch.total).expect("a part");
            let got = account.claim_assets + member.claimed_assets;
            if got > earned || got + U256::from(1 + batch.rounds) < earned {
                return Err(format!(
                    "INV-16: {person} gets {got} of batch {id}, where {} of {} shares got {} in all",
                    member.shares, batch.total, batch.assets
                ));
            }
        }
        let rests = self
            .pockets
            .iter()
            .fold(U256::ZERO, |sum, pocket| sum + pocket.paid - pocket.taken);
        // Besides these, only what was rounded away stays in the reserve.
        let dust: u64 = self
            .batches
            .iter()
            .map(|batch| batch.rounds + 2 * batch.members.len() as u64)
            .sum();
        let owed = claims + rests;
        if owed > snap.reserve || owed + U256::from(dust) < snap.reserve {
            return Err(format!(
                "INV-5: the reserve is {}, of which {claims} can be claimed and {rests} belong to pockets",
                snap.reserve
            ));
        }
        Ok(())
    }

    /// What holds for the whole at any time.
    pub(crate) fn check_totals(&self, snap: &Snap) -> Result<(), String> {
        let held = snap
            .accounts
            .values()
            .fold(snap.escrow, |sum, account| sum + account.shares);
        if held != snap.supply {
            return Err(format!("INV-4: {held} shares are held, {} exist", snap.supply));
        }
        let explained = snap.idle + snap.reserve + self.surplus;
        if snap.vault_cash != explained {
            return Err(format!(
                "INV-3: the vault holds {}: {} idle, {} reserved and {} uninvited explain {explained}",
                snap.vault_cash, snap.idle, snap.reserve, self.surplus
            ));
        }
        if holdings(snap) != self.holdings {
            return Err(format!(
                "INV-1: vault and books hold {}; what was brought less what was taken is {}",
                holdings(snap),
                self.holdings
            ));
        }
        let (nav, unmeasured) = Self::nav(snap);
        if unmeasured != snap.unmeasured {
            return Err(format!(
                "INV-11: {unmeasured} books cannot be measured, the vault counts {}",
                snap.unmeasured
            ));
        }
        let [min, mid, max] = snap.nav;
        // While a book is silent the highest value is no less than what the others say.
        let high = if unmeasured.is_zero() {
            max == nav[2]
        } else {
            max >= nav[2]
        };
        if [min, mid] != [nav[0], nav[1]] || !high {
            return Err(format!(
                "INV-11: the vault says {:?}, idle assets and books add up to {nav:?}",
                snap.nav
            ));
        }
        let total = if unmeasured.is_zero() { mid } else { self.last_mid };
        if snap.total_assets != total {
            return Err(format!(
                "INV-11: total assets are {}, expected {total}",
                snap.total_assets
            ));
        }
        if min > mid || mid > max {
            return Err(format!("INV-2: marks {:?} are out of order", snap.nav));
        }
        if snap.locked {
            return Err(String::from("INV-18: the lock is held outside a transaction"));
        }
        let due = self.fees(snap).map(|fees| fees.shares());
        if due != Some(snap.pending_fees) {
            return Err(format!("INV-12: fees due are {}, expected {due:?}", snap.pending_fees));
        }
        let (open, cut_off) = self.open(snap);
        if snap.open != (U256::from(open), U256::from(cut_off)) {
            return Err(format!(
                "INV-16: the open batch is {:?}, expected {:?}",
                snap.open,
                (open, cut_off)
            ));
        }
        let oldest = self
            .oldest()
            .map_or((U256::ZERO, U256::ZERO, U256::ZERO), |(id, batch)| {
                (U256::from(id), U256::from(batch.cut_off), batch.unfilled)
            });
        if snap.oldest != oldest {
            return Err(format!(
                "INV-16: the oldest batch is {:?}, expected {oldest:?}",
                snap.oldest
            ));
        }
        Ok(())
    }
}

/// Asset units in the vault and its books.
pub(crate) fn holdings(snap: &Snap) -> U256 {
    snap.books.values().fold(snap.vault_cash, |sum, book| sum + book.cash)
}

/// Whether the spread of `marks` is above `limit` basis points.
pub(crate) fn too_wide(min: U256, mid: U256, max: U256, limit: U256) -> bool {
    !spec::at_least(limit, mid, max - min, BPS)
}
