//! What an action that went through must have changed, and that nothing else did.

use crate::{
    action::{Action, Setter, may},
    ledger::{self, Batch, Ledger, Pocket},
    scene::{Recall, STRANGER, Scene},
    snap::{BookState, Marks, PocketState, Snap},
    spec::{self, GRACE, VIRTUAL},
};
use alloy_primitives::{Address, U256};
use std::collections::BTreeMap;

/// Seconds between noting and booking a surplus.
const SURPLUS_DELAY: u64 = 3_600;

/// The outcome of one action: what is seen now must be what `expected` says.
pub(crate) struct Effect<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) after: &'a Snap,
    /// Starts as what was seen before.
    pub(crate) expected: Snap,
}

type Outcome = Result<(), String>;

fn ensure(holds: bool, violation: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(violation()) }
}

/// An amount that must exist, because the vault calculated it.
fn exact(amount: Option<U256>) -> Result<U256, String> {
    amount.ok_or_else(|| String::from("INV-11: the vault calculated what has no value"))
}

impl Effect<'_> {
    /// Applies `action` to what is expected and to the ledger.
    #[expect(clippy::too_many_lines, reason = "one arm per action")]
    pub(crate) fn apply(&mut self, action: &Action) -> Outcome {
        match *action {
            Action::Deposit { who, receiver, assets } => self.deposit(who, receiver, assets).map(|_| ()),
            Action::DepositWithMin { who, assets, extra } => {
                ensure(!extra, || {
                    String::from("INV-8: a deposit minted less than the least that was asked for")
                })?;
                self.deposit(who, who, assets).map(|_| ())
            }
            Action::Mint { who, receiver, shares } => self.mint(who, receiver, shares),
            Action::Request {
                sender,
                controller,
                owner,
                shares,
            } => self.request(sender, controller, owner, shares),
            Action::WithdrawRequest {
                sender,
                controller,
                receiver,
                shares,
            } => self.withdraw_request(sender, controller, receiver, shares),
            Action::Settle => self.settle(),
            Action::Redeem {
                sender,
                controller,
                receiver,
                shares,
            } => {
                let claim = self.expected.account(controller);
                ensure(shares <= claim.claim_shares, || {
                    format!("INV-16: {shares} claimed of {claim:?}")
                })?;
                let assets = exact(spec::down(claim.claim_assets, shares, claim.claim_shares))?;
                self.claim(sender, controller, receiver, shares, assets)
            }
            Action::Withdraw {
                sender,
                controller,
                receiver,
                assets,
            } => {
                let claim = self.expected.account(controller);
                ensure(assets <= claim.claim_assets, || {
                    format!("INV-16: {assets} claimed of {claim:?}")
                })?;
                let shares = exact(spec::up(claim.claim_shares, assets, claim.claim_assets))?;
                self.claim(sender, controller, receiver, shares, assets)
            }
            Action::Transfer { from, to, value } => self.transfer(from, to, value),
            Action::Approve { owner, spender, value } => {
                self.ledger.allowances.insert((owner, spender), value);
                Ok(())
            }
            Action::TransferFrom {
                spender,
                from,
                to,
                value,
            } => {
                self.ledger.spend_allowance(from, spender, value)?;
                self.transfer(from, to, value)
            }
            Action::SetOperator {
                controller,
                operator,
                approved,
            } => {
                if approved {
                    self.ledger.operators.insert((controller, operator));
                } else {
                    self.ledger.operators.remove(&(controller, operator));
                }
                Ok(())
            }
            Action::Price { .. } | Action::KillFeed | Action::Warp { .. } => {
                self.expected.now = self.after.now;
                self.market_moved();
                Ok(())
            }
            Action::Tell { book, .. } => {
                if let (Some(state), Some(now)) = (self.expected.books.get_mut(&book), self.after.books.get(&book)) {
                    (state.marks, state.other) = (now.marks, now.other);
                }
                Ok(())
            }
            Action::Invest { book, .. } => {
                if let (Some(state), Some(now)) = (self.expected.books.get_mut(&book), self.after.books.get(&book)) {
                    self.ledger.holdings = self.ledger.holdings + now.cash - state.cash;
                    (state.cash, state.other, state.marks) = (now.cash, now.other, now.marks);
                }
                Ok(())
            }
            Action::Lose { book, assets } => {
                self.book_cash(book, assets, U256::ZERO);
                Ok(())
            }
            Action::DonateToBook { book, assets } => {
                self.book_cash(book, U256::ZERO, assets);
                Ok(())
            }
            Action::DonateToVault { assets } => {
                self.donation(assets);
                Ok(())
            }
            Action::Sweep => self.sweep(),
            Action::Allocate { book, assets } => self.allocate(book, assets),
            Action::Recall { book, assets } => self.recall(book, assets),
            Action::RealizeLoss { book } => self.realize_loss(book),
            Action::Rebalance { book } => self.rebalance(book),
            Action::AccrueFees => {
                self.measured()?;
                self.accrue()?;
                self.remember();
                Ok(())
            }
            Action::SetParameter { by, id, value } => self.set_parameter(by, id, value),
            Action::SetFeeRecipient { to } => {
                self.accrue()?;
                self.expected.fee_recipient = to;
                Ok(())
            }
            Action::SetBookCap { by, book, cap } => {
                let state = self.expected.book_mut(book);
                ensure(by == Setter::Governor || cap <= state.cap, || {
                    format!("INV-20: the guardian raised a cap from {} to {cap}", state.cap)
                })?;
                state.cap = cap;
                Ok(())
            }
            Action::AddBook { book, cap, isolated } => self.add_book(book, cap, isolated),
            Action::RemoveBook { book } => self.remove_book(book),
            Action::BuyOut { book } => self.buy_out(book),
            Action::ClaimRest {
                pocket,
                batch,
                controller,
                sender,
                receiver,
            } => self.claim_rest(pocket, batch, controller, sender, receiver),
            Action::Bundle {
                claim,
                donation,
                assets,
                shares,
                request,
            } => self.bundle(claim, donation, assets, shares, request),
            Action::Trespass { .. } => Err(format!("INV-22: somebody without the right did {action:?}")),
        }
    }

    // ---- shares ----

    fn measured(&self) -> Outcome {
        let silent = self.expected.unmeasured;
        ensure(silent.is_zero(), || {
            format!("INV-11: {silent} books were silent, and the vault took a value for granted")
        })
    }

    /// A transaction measured all books: views use this value while one is silent.
    fn remember(&mut self) {
        self.ledger.last_mid = self.expected.nav[1];
    }

    /// Fees become shares.
    fn accrue(&mut self) -> Outcome {
        let fees = self.ledger.fees(&self.expected).ok_or("INV-12: fees without a value")?;
        self.expected.supply += fees.shares();
        self.expected.high_water = fees.high_water;
        if !fees.shares().is_zero() {
            let collector = self.expected.fee_recipient;
            self.expected.account_mut(collector).shares += fees.shares();
        }
        self.ledger.accrued_at = self.expected.now;
        Ok(())
    }

    fn check_open(&self) -> Outcome {
        self.measured()?;
        ensure(!self.expected.winding_down, || {
            String::from("INV-19: a deposit was taken while winding down")
        })?;
        let (found, limit) = (disturbance(&self.expected), self.expected.parameters[6]);
        ensure(found <= limit, || {
            format!("INV-20: a deposit was taken at a disturbance of {found}")
        })
    }

    fn deposit(&mut self, who: Address, receiver: Address, assets: U256) -> Result<U256, String> {
        self.check_open()?;
        self.accrue()?;
        let [_, _, max] = self.expected.nav;
        let shares = exact(spec::shares_for_deposit(
            assets,
            max,
            self.expected.supply,
            self.expected.parameters[2],
        ))?;
        self.enter(who, receiver, assets, shares)?;
        Ok(shares)
    }

    fn mint(&mut self, who: Address, receiver: Address, shares: U256) -> Outcome {
        self.check_open()?;
        self.accrue()?;
        let [_, _, max] = self.expected.nav;
        let assets = exact(spec::assets_for_mint(
            shares,
            max,
            self.expected.supply,
            self.expected.parameters[2],
        ))?;
        self.enter(who, receiver, assets, shares)
    }

    fn enter(&mut self, who: Address, receiver: Address, assets: U256, shares: U256) -> Outcome {
        ensure(!assets.is_zero() && !shares.is_zero(), || {
            format!("INV-8: {shares} shares for {assets}")
        })?;
        let expected = &mut self.expected;
        let held = expected
            .accounts
            .get(&receiver)
            .map_or(U256::ZERO, |account| account.shares);
        let value = exact(spec::up(held, expected.nav[1] + U256::ONE, expected.supply + VIRTUAL))?;
        ensure(expected.nav[1].saturating_add(assets) <= expected.parameters[7], || {
            format!(
                "INV-20: {assets} on top of {} are above the cap {}",
                expected.nav[1], expected.parameters[7]
            )
        })?;
        ensure(value.saturating_add(assets) <= expected.parameters[8], || {
            format!(
                "INV-20: {assets} on top of {value} are above the account's cap {}",
                expected.parameters[8]
            )
        })?;
        let before = (expected.nav[1], expected.supply);
        if !expected.parameters[3].is_zero() {
            // What somebody pays for entering is no profit.
            let richer = (expected.nav[0] + assets, expected.supply + shares);
            let rise = spec::price_rise((expected.nav[0], expected.supply), richer);
            expected.high_water += exact(rise)?;
        }
        expected.account_mut(who).cash -= assets;
        expected.account_mut(receiver).shares += shares;
        expected.supply += shares;
        expected.idle += assets;
        expected.vault_cash += assets;
        self.ledger.holdings += assets;
        self.ledger.last_mid = self.expected.nav[1] + assets;
        stayers(before, (before.0 + assets, self.expected.supply))
    }

    fn transfer(&mut self, from: Address, to: Address, value: U256) -> Outcome {
        let held = self.expected.account(from).shares;
        ensure(value <= held && self.expected.accounts.contains_key(&to), || {
            format!("INV-4: {value} of {held} shares went from {from} to {to}")
        })?;
        self.expected.account_mut(from).shares -= value;
        self.expected.account_mut(to).shares += value;
        Ok(())
    }

    // ---- the queue ----

    fn request(&mut self, sender: Address, controller: Address, owner: Address, shares: U256) -> Outcome {
        ensure(controller == owner || may(self.ledger, controller, sender), || {
            format!("INV-22: {sender} made a request for {controller}")
        })?;
        if !may(self.ledger, owner, sender) {
            self.ledger.spend_allowance(owner, sender, shares)?;
        }
        let held = self.expected.account(owner).shares;
        ensure(shares <= held && !shares.is_zero(), || {
            format!("INV-4: {shares} of {held} shares were requested")
        })?;
        let (id, cut_off) = self.ledger.open(&self.expected);
        if id > self.ledger.batches.len() as u64 {
            self.ledger.batches.push(Batch {
                cut_off,
                total: U256::ZERO,
                unfilled: U256::ZERO,
                assets: U256::ZERO,
                rounds: 0,
                members: BTreeMap::new(),
            });
        }
        let account = self.expected.account_mut(controller);
        if self.ledger.requests.get(&controller) != Some(&id) {
            let left = (account.pending, account.claim_assets);
            ensure(left == (U256::ZERO, U256::ZERO), || {
                format!("INV-16: a new request buried {left:?} of {controller}")
            })?;
            account.claim_shares = U256::ZERO;
        }
        account.pending += shares;
        self.expected.account_mut(owner).shares -= shares;
        self.expected.escrow += shares;
        self.ledger.requests.insert(controller, id);
        let batch = self.ledger.batch_mut(id);
        batch.total += shares;
        batch.unfilled += shares;
        batch.members.entry(controller).or_default().shares += shares;
        Ok(())
    }

    fn withdraw_request(&mut self, sender: Address, controller: Address, receiver: Address, shares: U256) -> Outcome {
        ensure(may(self.ledger, controller, sender), || {
            format!("INV-22: {sender} withdrew a request of {controller}")
        })?;
        let id = self
            .ledger
            .batch_of(controller)
            .ok_or("INV-16: a request was withdrawn that nobody made")?;
        let now = self.expected.now;
        let batch = self.ledger.batch_mut(id);
        ensure(now < batch.cut_off, || {
            format!("INV-16: a request of batch {id} was withdrawn after its cut-off")
        })?;
        let member = batch.members.entry(controller).or_default();
        ensure(shares <= member.shares && !shares.is_zero(), || {
            format!("INV-16: {shares} of {} requested shares were withdrawn", member.shares)
        })?;
        member.shares -= shares;
        batch.total -= shares;
        batch.unfilled -= shares;
        if member.shares.is_zero() {
            self.ledger.requests.remove(&controller);
        }
        self.expected.account_mut(controller).pending -= shares;
        self.expected.escrow -= shares;
        self.expected.account_mut(receiver).shares += shares;
        Ok(())
    }

    fn claim(
        &mut self,
        sender: Address,
        controller: Address,
        receiver: Address,
        shares: U256,
        assets: U256,
    ) -> Outcome {
        ensure(may(self.ledger, controller, sender), || {
            format!("INV-22: {sender} claimed for {controller}")
        })?;
        let account = self.expected.account_mut(controller);
        account.claim_shares -= shares;
        account.claim_assets -= assets;
        self.expected.account_mut(receiver).cash += assets;
        self.pay_out(assets);
        let id = self
            .ledger
            .batch_of(controller)
            .ok_or("INV-16: a claim without a request")?;
        let member = self.ledger.batch_mut(id).members.entry(controller).or_default();
        member.claimed_shares += shares;
        member.claimed_assets += assets;
        Ok(())
    }

    /// Assets leave the reserve and the vault.
    fn pay_out(&mut self, assets: U256) {
        self.expected.reserve -= assets;
        self.expected.vault_cash -= assets;
        self.ledger.holdings -= assets;
    }

    #[expect(clippy::too_many_lines, reason = "the one long transaction of a vault")]
    fn settle(&mut self) -> Outcome {
        let after = self.after;
        let before = self.expected.clone();
        let (id, batch) = self
            .ledger
            .oldest()
            .ok_or("INV-16: something was settled that nobody requested")?;
        let batch = batch.clone();
        let late = |batch: &Batch| before.now >= batch.cut_off + before.parameters[1].to::<u64>();
        let overdue = before.now >= batch.cut_off + GRACE;
        ensure(before.now >= batch.cut_off, || {
            format!("INV-16: batch {id} was settled before its cut-off")
        })?;
        if batch.unfilled.is_zero() {
            self.ledger.settled += 1;
            self.expected.winding_down =
                before.winding_down && self.ledger.oldest().is_some_and(|(_, next)| late(next));
            return Ok(());
        }
        let silent = !before.unmeasured.is_zero();
        let [min, mid, max] = before.nav;
        if !overdue {
            self.measured()?;
            let limit = before.parameters[5];
            ensure(!ledger::too_wide(min, mid, max, limit), || {
                format!(
                    "INV-19: batch {id} was settled at the marks {:?}, wider than {limit}",
                    before.nav
                )
            })?;
            let limit = before.parameters[6] / U256::from(2);
            ensure(disturbance(&before) <= limit, || {
                format!(
                    "INV-20: batch {id} was settled at a disturbance of {}",
                    disturbance(&before)
                )
            })?;
        }
        self.accrue()?;
        let supply = self.expected.supply;
        let owed = exact(spec::assets_for_shares(batch.unfilled, min, supply))?;
        // What came out of the books is seen; where it had to go follows.
        for at in &before.order {
            let out = before.books[at]
                .cash
                .saturating_sub(after.books.get(at).map_or(U256::ZERO, |book| book.cash));
            if !out.is_zero() {
                ensure(before.idle < owed, || {
                    format!(
                        "INV-14: {out} were recalled from {at} although {} were idle",
                        before.idle
                    )
                })?;
                // Leavers keep their part of it: it must not become everybody's cash before that is taken off.
                ensure(before.books[at].marks.is_some(), || {
                    format!("INV-17: {out} of {at}, which cannot be measured, were given to those who stay")
                })?;
                self.take_from_book(*at, out)?;
            }
        }
        let liquid = self.expected.idle;
        let burned = before.escrow.saturating_sub(after.escrow);
        let assets = liquid.saturating_sub(after.idle);
        ensure(burned <= batch.unfilled && assets <= owed.min(liquid), || {
            format!(
                "INV-8: {assets} were set aside for {burned} shares, owed were {owed} for {}",
                batch.unfilled
            )
        })?;
        let worth = exact(spec::assets_for_shares(burned, min, supply))?;
        ensure(assets <= worth + U256::ONE && worth <= assets + U256::from(2), || {
            format!("INV-8: {burned} burned shares are worth {worth}, {assets} were set aside")
        })?;
        let fill = if owed.is_zero() {
            U256::ZERO
        } else {
            exact(spec::down(batch.unfilled, liquid.min(owed), owed))?
        };
        if liquid >= owed && !owed.is_zero() {
            ensure(burned == batch.unfilled && assets == owed, || {
                format!(
                    "INV-15: {liquid} were liquid for {owed}, but {burned} of {} shares were settled for {assets}",
                    batch.unfilled
                )
            })?;
        } else if !owed.is_zero() {
            // Rounding to the 27th digit of the batch, and up to one asset unit's worth of shares.
            let unit = exact(spec::up(supply + VIRTUAL, U256::from(2), min + U256::ONE))?;
            let slack = U256::from(2) + batch.total / spec::ray() + unit;
            ensure(burned <= fill + slack && burned + slack >= fill, || {
                format!(
                    "INV-16: {burned} of {} shares were settled, {liquid} were liquid for {owed}",
                    batch.unfilled
                )
            })?;
            self.check_drained(&before)?;
        }
        self.expected.idle -= assets;
        self.expected.reserve += assets;
        // Views answer this while a book is silent.
        self.ledger.last_mid = if silent {
            let known = self.ledger.last_mid;
            known - exact(spec::assets_for_shares(burned, known, supply))?.min(known)
        } else {
            mid - assets
        };
        self.expected.supply -= burned;
        self.expected.escrow -= burned;
        for at in &before.order {
            if before.books[at].marks.is_none() && !burned.is_zero() {
                self.join_pocket(*at, id, burned, supply)?;
            }
        }
        let stored = self.ledger.batch_mut(id);
        stored.unfilled -= burned;
        stored.assets += assets;
        stored.rounds += 1;
        let left = stored.unfilled;
        if left.is_zero() {
            self.ledger.settled += 1;
        }
        // How the requests were filled is checked against the batch.
        for (person, account) in &after.accounts {
            let expected = self.expected.account_mut(*person);
            if self.ledger.batch_of(*person) == Some(id) {
                (expected.pending, expected.claim_shares, expected.claim_assets) =
                    (account.pending, account.claim_shares, account.claim_assets);
            }
        }
        // What is left of a batch matters if it is more than a millionth of all shares.
        let short = left * U256::from(1_000_000) > supply;
        let waiting = self.ledger.oldest().is_some_and(|(_, oldest)| late(oldest));
        self.expected.winding_down = waiting && (before.winding_down || short);
        let (nav, _) = Ledger::nav(&self.expected);
        for (old, new) in [(min, nav[0]), (mid, nav[1])] {
            stayers((old, supply), (new, self.expected.supply))?;
        }
        Ok(())
    }

    /// Where a batch could not be paid in full, no book that pays has cash left.
    fn check_drained(&self, before: &Snap) -> Outcome {
        for (at, book) in &self.expected.books {
            let pays = self
                .scene
                .scripts
                .get(at)
                .is_none_or(|script| script.recall == Recall::Pay);
            let whole = before.fraction(*at).is_zero() && book.marks.is_some();
            ensure(!(pays && whole) || book.cash.is_zero(), || {
                format!("INV-15: {} were left in {at} while the queue was short", book.cash)
            })?;
        }
        Ok(())
    }

    // ---- pockets ----

    fn join_pocket(&mut self, book: Address, batch: u64, burned: U256, supply: U256) -> Outcome {
        let fraction = self.expected.fraction(book);
        let added = exact(spec::down(spec::ray() - fraction, burned, supply + VIRTUAL))?;
        let mut open = self.expected.books[&book].pocket;
        if open.is_zero() {
            self.expected.pockets.push(PocketState {
                book,
                fraction: U256::ZERO,
                units: U256::ZERO,
                paid_per_unit: U256::ZERO,
            });
            self.ledger.pockets.push(Pocket {
                stakes: BTreeMap::new(),
                claimed: BTreeMap::new(),
                paid: U256::ZERO,
                taken: U256::ZERO,
                payments: 0,
            });
            open = U256::from(self.expected.pockets.len());
            self.expected.book_mut(book).pocket = open;
        }
        let index = open.to::<usize>() - 1;
        let pocket = &mut self.expected.pockets[index];
        let units = if fraction.is_zero() {
            added
        } else {
            exact(spec::down(added, pocket.units, fraction))?
        };
        pocket.fraction += added;
        pocket.units += units;
        let stake = self.ledger.pockets[index].stakes.entry(batch).or_default();
        stake.joins += 1;
        stake.units += units;
        // Everybody who left keeps at least the part that everybody who stayed has, less the last digit.
        ensure(self.expected.fraction(book) <= spec::ray(), || {
            format!("INV-17: more than all of {book} is in its pocket")
        })
    }

    /// Assets come from a book into the vault: the pocket's part is set aside, the rest is idle.
    fn take_from_book(&mut self, book: Address, assets: U256) -> Outcome {
        let fraction = self.expected.fraction(book);
        let part = exact(spec::down(assets, fraction, spec::ray()))?;
        if !part.is_zero() {
            self.pay_pocket(book, part)?;
        }
        let state = self.expected.book_mut(book);
        state.cash -= assets;
        state.marks = state.marks.map(|marks| shifted(marks, assets, U256::ZERO));
        state.allocated = state.allocated.saturating_sub(assets);
        self.expected.idle += assets - part;
        self.expected.reserve += part;
        self.expected.vault_cash += assets;
        Ok(())
    }

    fn pay_pocket(&mut self, book: Address, assets: U256) -> Outcome {
        let index = self.expected.books[&book].pocket.to::<usize>().wrapping_sub(1);
        let pocket = self
            .expected
            .pockets
            .get_mut(index)
            .ok_or("INV-17: a payment without a pocket")?;
        pocket.paid_per_unit += exact(spec::paid_per_unit(assets, pocket.units))?;
        let units = pocket.units;
        self.ledger.pay_pocket(index, units, assets);
        Ok(())
    }

    fn buy_out(&mut self, book: Address) -> Outcome {
        let state = self.expected.books[&book].clone();
        let marks = state
            .marks
            .ok_or_else(|| format!("INV-17: {book} was bought out without a value"))?;
        let fraction = self.expected.fraction(book);
        ensure(!state.pocket.is_zero(), || {
            format!("INV-17: {book} was bought out without a pocket")
        })?;
        ensure(
            !ledger::too_wide(marks.min, marks.mid, marks.max, self.expected.parameters[5]),
            || format!("INV-17: {book} was bought out at {marks:?}"),
        )?;
        let value = exact(spec::down(marks.min, fraction, spec::ray()))?;
        let paid = value.min(self.expected.idle);
        let index = state.pocket.to::<usize>() - 1;
        let before = (self.expected.nav, self.expected.supply);
        if !paid.is_zero() {
            self.pay_pocket(book, paid)?;
        }
        let left = if paid == value {
            U256::ZERO
        } else {
            exact(spec::up(fraction, value - paid, value))?
        };
        ensure(!paid.is_zero() || marks.max.is_zero(), || {
            format!("INV-17: {book} was bought out for nothing")
        })?;
        self.expected.pockets[index].fraction = left;
        if left.is_zero() {
            self.expected.book_mut(book).pocket = U256::ZERO;
        }
        self.expected.idle -= paid;
        self.expected.reserve += paid;
        let (nav, _) = Ledger::nav(&self.expected);
        // Bought at the lowest mark: those who stay do not pay for it, but for the digits.
        ensure(nav[0] + U256::from(2) >= before.0[0], || {
            format!("INV-17: buying {book} out moved {:?} to {nav:?}", before.0)
        })
    }

    fn claim_rest(
        &mut self,
        pocket: u64,
        batch: u64,
        controller: Address,
        sender: Address,
        receiver: Address,
    ) -> Outcome {
        ensure(may(self.ledger, controller, sender), || {
            format!("INV-22: {sender} claimed for {controller}")
        })?;
        let index = usize::try_from(pocket).unwrap_or_default().wrapping_sub(1);
        ensure(index < self.ledger.pockets.len(), || {
            format!("INV-17: a claim from pocket {pocket}")
        })?;
        let owed = self.ledger.rest_e18(index, batch, controller) / U256::from(1_000_000_000_000_000_000_u64);
        let account = self
            .after
            .accounts
            .get(&receiver)
            .ok_or("INV-17: nobody received a rest")?;
        let paid = account.cash - self.expected.account(receiver).cash;
        let slack = self.ledger.rest_slack(index, batch);
        ensure(paid <= owed + U256::ONE && paid + slack >= owed, || {
            format!("INV-17: {controller} of batch {batch} got {paid} out of pocket {pocket}, owed were {owed}")
        })?;
        self.expected.account_mut(receiver).cash += paid;
        self.pay_out(paid);
        let stored = &mut self.ledger.pockets[index];
        stored.taken += paid;
        *stored.claimed.entry((batch, controller)).or_default() += paid;
        Ok(())
    }

    // ---- books ----

    /// Prices, pools or time moved: real books are worth something else, and nothing was touched.
    fn market_moved(&mut self) {
        for at in &self.scene.real {
            if let (Some(state), Some(now)) = (self.expected.books.get_mut(at), self.after.books.get(at)) {
                state.marks = now.marks;
            }
        }
    }

    /// A book loses and gains cash at the cost of nobody.
    fn book_cash(&mut self, book: Address, lost: U256, gained: U256) {
        if let Some(state) = self.expected.books.get_mut(&book) {
            state.cash = state.cash + gained - lost;
            state.marks = state.marks.map(|marks| shifted(marks, lost, gained));
            self.ledger.holdings = self.ledger.holdings + gained - lost;
        }
    }

    fn donation(&mut self, assets: U256) {
        self.expected.vault_cash += assets;
        self.ledger.surplus += assets;
        self.ledger.holdings += assets;
    }

    fn sweep(&mut self) -> Outcome {
        let now = self.expected.now;
        let booked = self.after.idle.saturating_sub(self.expected.idle);
        if self.ledger.noted.is_zero() {
            ensure(booked.is_zero(), || {
                format!("INV-3: {booked} were booked without having been noted")
            })?;
            self.ledger.noted = self.ledger.surplus;
            self.ledger.bookable_at = now + SURPLUS_DELAY;
            return Ok(());
        }
        ensure(now >= self.ledger.bookable_at, || {
            format!("INV-3: {booked} were booked before their time")
        })?;
        let due = self.ledger.noted.min(self.ledger.surplus);
        self.expected.idle += due;
        self.ledger.last_mid += due;
        self.ledger.surplus -= due;
        self.ledger.noted = U256::ZERO;
        Ok(())
    }

    fn allocate(&mut self, book: Address, assets: U256) -> Outcome {
        let isolated_loss =
            |state: &BookState| state.isolated && state.marks.is_none_or(|marks| marks.mid < state.allocated);
        let winding_down = self.expected.winding_down;
        let state = self.expected.book_mut(book);
        ensure(state.pocket.is_zero() && !winding_down && !isolated_loss(state), || {
            format!("INV-19: {assets} went to {book}: {state:?}, winding down: {winding_down}")
        })?;
        ensure(state.allocated + assets <= state.cap, || {
            format!(
                "INV-20: {} + {assets} were given to {book}, its cap is {}",
                state.allocated, state.cap
            )
        })?;
        state.allocated += assets;
        state.cash += assets;
        state.marks = state.marks.map(|marks| shifted(marks, U256::ZERO, assets));
        self.expected.idle -= assets;
        self.expected.vault_cash -= assets;
        Ok(())
    }

    fn recall(&mut self, book: Address, assets: U256) -> Outcome {
        let out = self.expected.books[&book]
            .cash
            .saturating_sub(self.after.books[&book].cash);
        ensure(out >= assets, || {
            format!("INV-3: {out} came of {assets} that were recalled")
        })?;
        self.take_from_book(book, out)
    }

    fn realize_loss(&mut self, book: Address) -> Outcome {
        let state = self.expected.book_mut(book);
        let marks = state
            .marks
            .ok_or_else(|| format!("INV-20: a loss of {book} without a value"))?;
        let loss = state.allocated.saturating_sub(marks.mid);
        state.allocated -= loss;
        state.cap = state.cap.saturating_sub(loss);
        Ok(())
    }

    fn rebalance(&mut self, book: Address) -> Outcome {
        let price = U256::from(self.scene.world.price_e8);
        let value = |state: &BookState| state.cash + state.other * price / U256::from(10_000_000_000_u64);
        let (was, now) = (self.expected.books[&book].clone(), self.after.books[&book].clone());
        let traded = was.cash.abs_diff(now.cash);
        let cost = value(&was).saturating_sub(value(&now));
        ensure(cost <= traded / U256::from(100) + U256::ONE, || {
            format!("INV-14: a trade of {traded} in {book} cost {cost}")
        })?;
        self.ledger.holdings = self.ledger.holdings + now.cash - was.cash;
        *self.expected.book_mut(book) = BookState {
            marks: None,
            ..now.clone()
        };
        let state = self.expected.book_mut(book);
        (state.cap, state.allocated, state.pocket, state.isolated) = (was.cap, was.allocated, was.pocket, was.isolated);
        self.market_moved();
        Ok(())
    }

    fn add_book(&mut self, book: Address, cap: U256, isolated: bool) -> Outcome {
        let seen = self
            .after
            .books
            .get(&book)
            .ok_or("INV-14: a book was added and is not there")?
            .clone();
        ensure(!self.expected.books.contains_key(&book), || {
            format!("INV-14: {book} was added twice")
        })?;
        ensure(seen.marks.is_some(), || {
            format!("INV-14: {book} was added without a value")
        })?;
        self.ledger.holdings += seen.cash;
        self.expected.books.insert(
            book,
            BookState {
                isolated,
                cap,
                allocated: U256::ZERO,
                pocket: U256::ZERO,
                ..seen
            },
        );
        self.expected.order.push(book);
        Ok(())
    }

    fn remove_book(&mut self, book: Address) -> Outcome {
        let state = self
            .expected
            .books
            .remove(&book)
            .ok_or("INV-14: a book was removed that is not there")?;
        let worth = state.marks.map(|marks| marks.max);
        ensure(worth == Some(U256::ZERO) && state.pocket.is_zero(), || {
            format!("INV-14: {book} was removed as {state:?}")
        })?;
        // The others may change places.
        self.expected.order.retain(|at| *at != book);
        let mut places = [self.expected.order.clone(), self.after.order.clone()];
        for order in &mut places {
            order.sort();
        }
        ensure(places[0] == places[1], || {
            String::from("INV-14: another book was removed")
        })?;
        self.expected.order.clone_from(&self.after.order);
        Ok(())
    }

    // ---- settings ----

    fn set_parameter(&mut self, by: Setter, id: u8, value: U256) -> Outcome {
        let index = usize::from(id);
        let was = *self
            .expected
            .parameters
            .get(index)
            .ok_or_else(|| format!("INV-20: parameter {id} was set"))?;
        let tighter = match id {
            2 => value >= was,
            5 => false,
            _ => value <= was,
        };
        ensure(by == Setter::Governor || tighter, || {
            format!("INV-20: the guardian set {id} from {was} to {value}")
        })?;
        if matches!(id, 3 | 4) {
            self.accrue()?;
        }
        self.expected.parameters[index] = value;
        Ok(())
    }

    fn bundle(&mut self, claim: U256, donation: U256, assets: U256, shares: U256, request: bool) -> Outcome {
        let batcher = self.scene.batcher;
        if !claim.is_zero() {
            let all = self.expected.account(batcher).clone();
            self.claim(batcher, batcher, batcher, claim, all.claim_assets)?;
        }
        self.donation(donation);
        self.deposit(batcher, batcher, assets)?;
        self.transfer(batcher, STRANGER, shares)?;
        if request {
            self.request(batcher, batcher, batcher, shares)?;
        }
        Ok(())
    }
}

/// Somebody else's coming or going never lowers what a share of the others is worth.
fn stayers((value, supply): (U256, U256), (value_now, supply_now): (U256, U256)) -> Outcome {
    let one = U256::ONE;
    ensure(
        spec::at_least(value_now + one, supply + VIRTUAL, value + one, supply_now + VIRTUAL),
        || format!("INV-8: shares fell in value: {value} for {supply} shares became {value_now} for {supply_now}"),
    )
}

/// The largest disturbance of a measured book's pools.
fn disturbance(snap: &Snap) -> U256 {
    let found = snap.books.values().filter_map(|book| book.marks);
    found.map(|marks| marks.disturbance).max().unwrap_or_default()
}

/// Marks with less and more cash.
fn shifted(marks: Marks, less: U256, more: U256) -> Marks {
    let shift = |value: U256| (value + more).saturating_sub(less);
    Marks {
        min: shift(marks.min),
        mid: shift(marks.mid),
        max: shift(marks.max),
        ..marks
    }
}

/// Whether `action` must go through, whatever else there is.
#[expect(clippy::too_many_lines, reason = "one arm per action")]
pub(crate) fn must_succeed(action: &Action, before: &Snap, scene: &Scene) -> bool {
    let ledger = &scene.ledger;
    let vault = scene.world.at.vault;
    let fine = |to: Address| !to.is_zero() && to != vault;
    match *action {
        Action::Transfer { from, to, value } => fine(to) && value <= before.account(from).shares,
        Action::SetOperator { .. } | Action::Price { .. } | Action::Warp { .. } | Action::KillFeed => true,
        Action::Request {
            sender,
            controller,
            owner,
            shares,
        } => {
            let (open, _) = ledger.open(before);
            let account = before.account(owner);
            let free =
                ledger.batch_of(owner) == Some(open) || (account.pending.is_zero() && account.claim_assets.is_zero());
            sender == owner && controller == owner && !shares.is_zero() && shares <= account.shares && free
        }
        Action::WithdrawRequest {
            sender,
            controller,
            receiver,
            shares,
        } => {
            let open = ledger
                .batch_of(controller)
                .and_then(|id| ledger.batch(id))
                .filter(|batch| before.now < batch.cut_off);
            let all = open
                .and_then(|batch| batch.members.get(&controller))
                .map_or(U256::ZERO, |member| member.shares);
            may(ledger, controller, sender) && fine(receiver) && !shares.is_zero() && shares <= all
        }
        Action::Redeem {
            sender,
            controller,
            receiver,
            shares,
        } => {
            may(ledger, controller, sender)
                && fine(receiver)
                && !shares.is_zero()
                && shares <= before.account(controller).claim_shares
        }
        Action::Withdraw {
            sender,
            controller,
            receiver,
            assets,
        } => {
            may(ledger, controller, sender)
                && fine(receiver)
                && !assets.is_zero()
                && assets <= before.account(controller).claim_assets
        }
        Action::Settle => {
            let Some((_, batch)) = ledger.oldest().filter(|(_, batch)| before.now >= batch.cut_off) else {
                return false;
            };
            if batch.unfilled.is_zero() {
                return true;
            }
            let overdue = before.now >= batch.cut_off + GRACE;
            let [min, mid, max] = before.nav;
            let calm = disturbance(before) <= before.parameters[6] / U256::from(2);
            let clear = calm && before.unmeasured.is_zero() && !ledger::too_wide(min, mid, max, before.parameters[5]);
            let supply = before.supply + before.pending_fees;
            let owed = spec::assets_for_shares(batch.unfilled, min, supply).unwrap_or_default();
            (clear || overdue) && !owed.is_zero() && before.idle >= owed
        }
        Action::Deposit { who, receiver, assets } => {
            let calm = disturbance(before) <= before.parameters[6];
            let open = before.unmeasured.is_zero() && !before.winding_down && calm;
            let supply = before.supply + before.pending_fees;
            let shares = spec::shares_for_deposit(assets, before.nav[2], supply, before.parameters[2]);
            let room = before.parameters[7].saturating_sub(before.nav[1]);
            open && fine(receiver)
                && before.parameters[8] == U256::MAX
                && assets <= room.min(before.account(who).cash)
                && shares.is_some_and(|shares| !shares.is_zero())
        }
        Action::Recall { book, assets } => {
            let pays = scene
                .scripts
                .get(&book)
                .is_none_or(|script| script.recall == Recall::Pay);
            let cash = before.books.get(&book).map_or(U256::ZERO, |state| state.cash);
            pays && !assets.is_zero() && assets <= cash
        }
        Action::AccrueFees => before.unmeasured.is_zero(),
        Action::ClaimRest {
            pocket,
            batch,
            controller,
            sender,
            receiver,
        } => {
            let index = usize::try_from(pocket).unwrap_or_default().wrapping_sub(1);
            let known = index < ledger.pockets.len();
            let e18 = U256::from(1_000_000_000_000_000_000_u64);
            known
                && may(ledger, controller, sender)
                && fine(receiver)
                && ledger.rest_e18(index, batch, controller) > (ledger.rest_slack(index, batch) + U256::ONE) * e18
        }
        Action::BuyOut { book } => {
            let Some(state) = before.books.get(&book) else {
                return false;
            };
            let sound = state
                .marks
                .filter(|marks| !ledger::too_wide(marks.min, marks.mid, marks.max, before.parameters[5]));
            let value = |marks: Marks| spec::down(marks.min, before.fraction(book), spec::ray()).unwrap_or_default();
            !state.pocket.is_zero() && !before.idle.is_zero() && sound.is_some_and(|marks| !value(marks).is_zero())
        }
        _ => false,
    }
}
