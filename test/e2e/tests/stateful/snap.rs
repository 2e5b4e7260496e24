//! Everything that can be seen of the system from outside, at one moment.

use crate::scene::{Scene, Script};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use interfaces::{IBook, IERC20, IVault};
use std::{collections::BTreeMap, fmt::Debug};
use venues::Network;

/// Parameters of the vault.
pub(crate) const PARAMETERS: u8 = 9;

/// One person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) cash: U256,
    pub(crate) shares: U256,
    /// Of the request: not settled, settled, and what can be claimed for these.
    pub(crate) pending: U256,
    pub(crate) claim_shares: U256,
    pub(crate) claim_assets: U256,
}

/// Three marks and the disturbance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) min: U256,
    pub(crate) mid: U256,
    pub(crate) max: U256,
    pub(crate) disturbance: U256,
}

/// One book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BookState {
    pub(crate) isolated: bool,
    pub(crate) cap: U256,
    pub(crate) allocated: U256,
    pub(crate) pocket: U256,
    pub(crate) cash: U256,
    /// WBTC of a real book, position of a scripted one.
    pub(crate) other: U256,
    /// What it says; nothing if it cannot be measured. Before the pocket's part is taken off.
    pub(crate) marks: Option<Marks>,
}

/// One pocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PocketState {
    pub(crate) book: Address,
    pub(crate) fraction: U256,
    pub(crate) units: U256,
    pub(crate) paid_per_unit: U256,
}

/// All of it. Marks of the vault are those that it reports.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Snap {
    pub(crate) now: u64,
    pub(crate) idle: U256,
    pub(crate) reserve: U256,
    pub(crate) supply: U256,
    pub(crate) high_water: U256,
    pub(crate) pending_fees: U256,
    pub(crate) winding_down: bool,
    pub(crate) locked: bool,
    pub(crate) unmeasured: U256,
    pub(crate) nav: [U256; 3],
    pub(crate) total_assets: U256,
    pub(crate) open: (U256, U256),
    pub(crate) oldest: (U256, U256, U256),
    pub(crate) vault_cash: U256,
    pub(crate) escrow: U256,
    pub(crate) accounts: BTreeMap<Address, Account>,
    pub(crate) order: Vec<Address>,
    pub(crate) books: BTreeMap<Address, BookState>,
    pub(crate) pockets: Vec<PocketState>,
    pub(crate) parameters: Vec<U256>,
    pub(crate) fee_recipient: Address,
}

/// The answer of a view, which must answer whatever state the system is in.
pub(crate) fn view<C: SolCall>(network: &mut impl Network, to: Address, call: &C) -> Result<C::Return, String> {
    network
        .read(to, call)
        .map_err(|error| format!("INV-21: {} does not answer: {error}", C::SIGNATURE))
}

impl Snap {
    /// Looks at everything.
    #[expect(clippy::too_many_lines, reason = "one thing after the other")]
    pub(crate) fn take(scene: &mut Scene) -> Result<Self, String> {
        let vault = scene.world.at.vault;
        let (usdc, wbtc) = (scene.world.usdc, scene.world.wbtc);
        let chain = &mut scene.world.chain;
        let now = chain.timestamp();
        let seen = view(chain, vault, &IVault::overviewCall { account: Address::ZERO })?;
        let (all, books) = (seen._0, seen._1);
        let mut accounts = BTreeMap::new();
        for &person in &scene.people {
            let cash = view(chain, usdc, &IERC20::balanceOfCall { account: person })?;
            let shares = view(chain, vault, &IVault::balanceOfCall { account: person })?;
            let mut account = Account {
                cash,
                shares,
                ..Account::default()
            };
            // A new request is in the open batch, an older one where the ledger has it; elsewhere the answer is 0.
            let known = scene.ledger.batch_of(person).map(U256::from);
            let batches = [Some(all.openBatch), known.filter(|batch| *batch != all.openBatch)];
            for request_id in batches.into_iter().flatten() {
                let call = IVault::pendingRedeemRequestCall {
                    requestId: request_id,
                    controller: person,
                };
                account.pending += view(chain, vault, &call)?;
            }
            if known.is_some() {
                account.claim_shares = view(chain, vault, &IVault::maxRedeemCall { controller: person })?;
                account.claim_assets = view(chain, vault, &IVault::maxWithdrawCall { controller: person })?;
            }
            accounts.insert(person, account);
        }
        let mut parameters = Vec::new();
        for id in 0..PARAMETERS {
            parameters.push(view(chain, vault, &IVault::parameterCall { id })?);
        }
        let mut pockets = Vec::new();
        for id in 1_u64.. {
            let pocket = view(chain, vault, &IVault::pocketCall { id: U256::from(id) })?;
            if pocket.book.is_zero() {
                break;
            }
            pockets.push(PocketState {
                book: pocket.book,
                fraction: pocket.fractionRay,
                units: pocket.units,
                paid_per_unit: pocket.paidPerUnit,
            });
        }
        let mut states = BTreeMap::new();
        let mut order = Vec::new();
        for seen in books {
            order.push(seen.book);
            let cash = view(chain, usdc, &IERC20::balanceOfCall { account: seen.book })?;
            let (other, marks) = match scene.scripts.get(&seen.book) {
                Some(script) => (script.position, script.marks_with(cash)),
                None => {
                    let other = view(chain, wbtc, &IERC20::balanceOfCall { account: seen.book })?;
                    (other, asked(chain, seen.book))
                }
            };
            let reported = (seen.measured == U256::ONE).then_some([seen.navMin, seen.navMid, seen.navMax]);
            let expected = marks.map(|marks| [marks.min, marks.mid, marks.max]);
            if reported != expected {
                return Err(format!(
                    "INV-11: the vault sees {reported:?} in book {}, which says {expected:?}",
                    seen.book
                ));
            }
            let state = BookState {
                isolated: seen.isolated == U256::ONE,
                cap: seen.cap,
                allocated: seen.allocated,
                pocket: seen.pocket,
                cash,
                other,
                marks,
            };
            states.insert(seen.book, state);
        }
        let marks = view(chain, vault, &IVault::marksCall {})?;
        Ok(Self {
            now,
            idle: all.idle,
            reserve: all.claimReserve,
            supply: all.supply,
            high_water: all.highWaterMark,
            pending_fees: all.pendingFees,
            winding_down: all.windingDown == U256::ONE,
            locked: all.locked != U256::ZERO,
            unmeasured: all.unmeasured,
            nav: [marks.navMin, marks.navMid, marks.navMax],
            total_assets: view(chain, vault, &IVault::totalAssetsCall {})?,
            open: (all.openBatch, all.openCutOff),
            oldest: (all.oldestBatch, all.oldestCutOff, all.oldestSharesLeft),
            vault_cash: view(chain, usdc, &IERC20::balanceOfCall { account: vault })?,
            escrow: view(chain, vault, &IVault::balanceOfCall { account: vault })?,
            accounts,
            order,
            books: states,
            pockets,
            parameters,
            fee_recipient: view(chain, vault, &IVault::feeRecipientCall {})?,
        })
    }

    /// One person.
    pub(crate) fn account(&self, person: Address) -> &Account {
        &self.accounts[&person]
    }

    /// One person, to be changed.
    pub(crate) fn account_mut(&mut self, person: Address) -> &mut Account {
        self.accounts.get_mut(&person).expect("everybody is known")
    }

    /// One book, to be changed.
    pub(crate) fn book_mut(&mut self, book: Address) -> &mut BookState {
        self.books.get_mut(&book).expect("the book is registered")
    }

    /// The pocketed part of a book, 1e27 = all.
    pub(crate) fn fraction(&self, book: Address) -> U256 {
        let open = self.books[&book].pocket;
        let index = usize::try_from(open).unwrap_or(usize::MAX).wrapping_sub(1);
        self.pockets.get(index).map_or(U256::ZERO, |pocket| pocket.fraction)
    }

    /// In how many and which ways it differs from what was expected.
    pub(crate) fn differences(&self, expected: &Self) -> Vec<String> {
        let mut found = Vec::new();
        compare(&mut found, "INV-3 idle", &self.idle, &expected.idle);
        compare(&mut found, "INV-5 claim reserve", &self.reserve, &expected.reserve);
        compare(&mut found, "INV-3 vault's cash", &self.vault_cash, &expected.vault_cash);
        compare(&mut found, "INV-4 supply", &self.supply, &expected.supply);
        compare(&mut found, "INV-4 escrow", &self.escrow, &expected.escrow);
        compare(
            &mut found,
            "INV-13 high-water mark",
            &self.high_water,
            &expected.high_water,
        );
        compare(
            &mut found,
            "INV-12 fees due",
            &self.pending_fees,
            &expected.pending_fees,
        );
        compare(
            &mut found,
            "INV-19 winding down",
            &self.winding_down,
            &expected.winding_down,
        );
        compare(&mut found, "INV-18 locked", &self.locked, &expected.locked);
        compare(
            &mut found,
            "INV-11 books not measured",
            &self.unmeasured,
            &expected.unmeasured,
        );
        compare(&mut found, "INV-11 marks", &self.nav, &expected.nav);
        compare(
            &mut found,
            "INV-11 total assets",
            &self.total_assets,
            &expected.total_assets,
        );
        compare(&mut found, "INV-16 open batch", &self.open, &expected.open);
        compare(&mut found, "INV-16 oldest batch", &self.oldest, &expected.oldest);
        compare(&mut found, "INV-20 parameters", &self.parameters, &expected.parameters);
        compare(
            &mut found,
            "INV-20 fee recipient",
            &self.fee_recipient,
            &expected.fee_recipient,
        );
        compare(&mut found, "INV-14 books", &self.order, &expected.order);
        for (person, account) in &self.accounts {
            let wanted = expected.account(*person);
            compare(
                &mut found,
                &format!("INV-1 cash of {person}"),
                &account.cash,
                &wanted.cash,
            );
            compare(
                &mut found,
                &format!("INV-4 shares of {person}"),
                &account.shares,
                &wanted.shares,
            );
            compare(&mut found, &format!("INV-16 request of {person}"), account, wanted);
        }
        for (book, state) in &self.books {
            compare(
                &mut found,
                &format!("INV-14 book {book}"),
                &Some(state),
                &expected.books.get(book),
            );
        }
        compare(&mut found, "INV-17 pockets", &self.pockets, &expected.pockets);
        found
    }
}

/// Notes a difference.
fn compare<T: PartialEq + Debug>(found: &mut Vec<String>, what: &str, is: &T, expected: &T) {
    if is != expected {
        found.push(format!("{what}: {is:?} instead of {expected:?}"));
    }
}

/// What a real book answers; nothing if it does not.
fn asked(network: &mut impl Network, book: Address) -> Option<Marks> {
    let marks = network.read(book, &IBook::marksCall {}).ok()?;
    Some(Marks {
        min: marks.navMin,
        mid: marks.navMid,
        max: marks.navMax,
        disturbance: marks.disturbanceBps,
    })
}

impl Script {
    /// What a scripted book with this much cash is worth.
    pub(crate) fn marks_with(&self, cash: U256) -> Option<Marks> {
        if self.marks != crate::scene::Honesty::Honest {
            return None;
        }
        let apart = (self.position * self.spread_bps + U256::from(9_999)) / U256::from(10_000);
        let mid = cash + self.position;
        Some(Marks {
            min: mid - apart,
            mid,
            max: mid + apart,
            disturbance: self.disturbance_bps,
        })
    }
}
