//! The vault against an independent Solidity model of it: random lives, everything equal to the last unit.
//!
//! The same calls at the same time to both. Each has to do the same: return data or typed error, and events. After every
//! action all views have to answer the same.

use alloy_primitives::{Address, B256, Bytes, Log, U256, keccak256};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::{Eip712Domain, SolCall, SolError as _, SolEvent, SolStruct as _, sol};
use e2e::twin::{BOOKS, FEES, IScriptedBook, IVaultCaller, Outcome, Side, Twin};
use gimbal::world::people::{ALLOCATOR, DEPOSITORS, GUARDIAN};
use interfaces::{IERC20, ITestToken, IVault};
use std::{collections::BTreeMap, thread};

sol! {
    struct Permit {
        address owner;
        address spender;
        uint256 value;
        uint256 nonce;
        uint256 deadline;
    }
}

/// Actions of each life.
const ACTIONS: u64 = 1_300;
const DAY: u64 = 86_400;

/// The same numbers in every run (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    /// Any length up to that of `max`, then any number of it; sometimes exactly `max` or a little off.
    fn up_to(&mut self, max: U256) -> U256 {
        match self.below(12) {
            0 => max,
            1 => max.saturating_add(U256::ONE),
            2 => max.saturating_sub(U256::ONE),
            3..=5 => max / U256::from(1 + self.below(9)),
            _ => {
                let bits = 1 + self.below(max.bit_len().max(1) as u64);
                let number = (U256::from(self.next()) << 64) | U256::from(self.next());
                number & ((U256::ONE << bits) - U256::ONE)
            }
        }
    }
}

/// What happened in a life: how often each action succeeded and was refused, and how often something is worth a mention.
#[derive(Default)]
struct Tally {
    done: BTreeMap<&'static str, u64>,
    refused: BTreeMap<&'static str, u64>,
    errors: BTreeMap<String, u64>,
    seen: BTreeMap<&'static str, u64>,
}

impl Tally {
    fn see(&mut self, what: &'static str, happened: bool) {
        *self.seen.entry(what).or_default() += u64::from(happened);
    }
}

/// A life of both vaults.
struct Life {
    twin: Twin,
    random: Random,
    tally: Tally,
    unit: U256,
    key: PrivateKeySigner,
    /// Books that fail.
    broken: [bool; BOOKS],
    /// Pockets and batches that joined them.
    stakes: Vec<(U256, U256)>,
}

impl Life {
    fn new(decimals: u8, seed: u64) -> Self {
        let unit = U256::from(10).pow(U256::from(decimals));
        // Fees, and caps that matter now and then.
        let parameters = [DAY, DAY, 10, 2_000, 200, 500, 100].map(U256::from);
        let caps = [unit * U256::from(50_000_000), U256::MAX];
        let twin = Twin::new(decimals, [&parameters[..], &caps].concat()).unwrap();
        let mut life = Self {
            twin,
            random: Random(seed),
            tally: Tally::default(),
            unit,
            key: PrivateKeySigner::from_bytes(&keccak256(b"owner")).unwrap(),
            broken: [false; BOOKS],
            stakes: Vec::new(),
        };
        for book in 0..2 {
            let cap = unit * U256::from(20_000_000);
            let isolated = book == 1;
            let added = life.twin.govern(|side| IVault::addBookCall {
                book: side.books[book],
                cap,
                isolated,
            });
            added.expect("books can be added");
        }
        life
    }

    fn live(mut self) -> Tally {
        for action in 0..ACTIONS {
            let before = self.twin.chain.clone();
            let (name, outcome) = self.act();
            let kept = match &outcome {
                Ok((_, logs)) => {
                    *self.tally.done.entry(name).or_default() += 1;
                    self.watch(logs);
                    true
                }
                Err(data) => {
                    *self.tally.refused.entry(name).or_default() += 1;
                    *self.tally.errors.entry(error_name(data)).or_default() += 1;
                    // A refusal has no effect; blocks that hold it need not be kept.
                    false
                }
            };
            if !kept {
                self.twin.chain = before;
            }
            self.compare_views(action);
        }
        self.tally
    }

    fn person(&mut self) -> Address {
        self.random.pick(&DEPOSITORS)
    }

    /// Mostly `person`; sometimes somebody else, nobody or a contract that must not get anything.
    fn receiver(&mut self, person: Address) -> Address {
        match self.random.below(20) {
            0 => Address::ZERO,
            1 => self.twin.sides[0].vault,
            2 | 3 => self.person(),
            4 => FEES,
            _ => person,
        }
    }

    /// A view of the vault that both agree on.
    fn view<C: SolCall>(&mut self, call: &C) -> Option<C::Return> {
        let data = call.abi_encode();
        let answer = self.twin.read(C::SIGNATURE, |_| data.clone()).ok()?;
        C::abi_decode_returns(&answer).ok()
    }

    /// Mostly somebody of whom `amount` is not zero, if there is anybody; and the amount.
    fn somebody(&mut self, amount: impl Fn(&mut Self, Address) -> U256) -> (Address, U256) {
        let start = self.random.below(5);
        let random = self.random.one_in(6);
        for turn in 0..5 {
            let person = DEPOSITORS[usize::try_from((start + turn) % 5).unwrap()];
            let amount = amount(self, person);
            if random || !amount.is_zero() {
                return (person, amount);
            }
        }
        let person = self.person();
        (person, U256::ZERO)
    }

    fn balance(&mut self, account: Address) -> U256 {
        self.view(&IVault::balanceOfCall { account }).unwrap()
    }

    /// An amount of the asset such as people deposit.
    fn assets(&mut self) -> U256 {
        let most = self.unit * U256::from(5_000_000);
        self.random.up_to(most)
    }

    fn act(&mut self) -> (&'static str, Outcome) {
        match self.random.below(100) {
            0..=11 => self.deposit(),
            12..=16 => self.mint(),
            17..=27 => self.request(),
            28..=31 => self.withdraw_request(),
            32..=40 => self.settle(),
            41..=47 => self.claim(),
            48..=52 => self.transfer(),
            53..=54 => self.permit(),
            55..=64 => self.move_marks(),
            65..=69 => self.break_book(),
            70..=78 => self.wait(),
            79..=84 => self.allocate(),
            85..=87 => self.pocket(),
            88..=90 => self.donate(),
            91..=94 => self.govern(),
            95 => self.accrue(),
            96..=97 => self.manage_books(),
            98 => self.locked(),
            _ => self.operator(),
        }
    }

    fn deposit(&mut self) -> (&'static str, Outcome) {
        let person = self.person();
        let receiver = self.receiver(person);
        let assets = if self.random.one_in(6) {
            let max = self.view(&IVault::maxDepositCall { receiver: person }).unwrap();
            self.random.up_to(max)
        } else {
            self.assets()
        };
        let expected = self.view(&IVault::previewDepositCall { assets }).unwrap_or_default();
        let outcome = if self.random.one_in(3) {
            let min = expected + U256::from(self.random.below(2));
            self.twin.send(person, |side| IVault::depositWithMinCall {
                assets,
                receiver: of(side, receiver),
                minShares: min,
            })
        } else {
            self.twin.send(person, |side| IVault::depositCall {
                assets,
                receiver: of(side, receiver),
            })
        };
        if let Ok((output, _)) = &outcome {
            assert_eq!(U256::from_be_slice(output), expected, "a preview is kept");
        }
        ("deposit", outcome)
    }

    fn mint(&mut self) -> (&'static str, Outcome) {
        let person = self.person();
        let receiver = self.receiver(person);
        let assets = self.assets();
        let shares = self.view(&IVault::convertToSharesCall { assets }).unwrap();
        let shares = if self.random.one_in(6) {
            let max = self.view(&IVault::maxMintCall { receiver: person }).unwrap();
            self.random.up_to(max)
        } else {
            shares
        };
        let cost = self.view(&IVault::previewMintCall { shares }).unwrap_or_default();
        let outcome = if self.random.one_in(3) {
            let max = cost.saturating_sub(U256::from(self.random.below(2)));
            self.twin.send(person, |side| IVault::mintWithMaxCall {
                shares,
                receiver: of(side, receiver),
                maxAssets: max,
            })
        } else {
            self.twin.send(person, |side| IVault::mintCall {
                shares,
                receiver: of(side, receiver),
            })
        };
        if let Ok((output, _)) = &outcome {
            assert_eq!(U256::from_be_slice(output), cost, "a preview is kept");
            // Both roundings of the price are up, unless it is exact.
            let down = self.view(&IVault::convertToAssetsCall { shares }).unwrap();
            self.tally.see("a mint that was rounded", down != cost);
        }
        ("mint", outcome)
    }

    fn request(&mut self) -> (&'static str, Outcome) {
        // Mostly of those who have nothing to claim.
        let (owner, balance) = self.somebody(|life, owner| {
            let held = life.view(&IVault::maxWithdrawCall { controller: owner }).unwrap();
            if held.is_zero() {
                life.balance(owner)
            } else {
                U256::ZERO
            }
        });
        let controller = if self.random.one_in(8) { self.person() } else { owner };
        let sender = if self.random.one_in(8) { self.person() } else { owner };
        let shares = self.random.up_to(balance);
        let outcome = self.twin.send(sender, |_| IVault::requestRedeemCall {
            shares,
            controller,
            owner,
        });
        ("request", outcome)
    }

    fn withdraw_request(&mut self) -> (&'static str, Outcome) {
        let (request_id, _) = self.batch();
        let (controller, pending) = self.somebody(|life, controller| {
            let call = IVault::pendingRedeemRequestCall {
                requestId: request_id,
                controller,
            };
            life.view(&call).unwrap()
        });
        let sender = if self.random.one_in(8) {
            self.person()
        } else {
            controller
        };
        let receiver = self.receiver(controller);
        let shares = self.random.up_to(pending);
        let outcome = self.twin.send(sender, |side| IVault::withdrawRequestCall {
            shares,
            receiver: of(side, receiver),
            controller,
        });
        ("withdrawRequest", outcome)
    }

    /// The open batch and its cut-off.
    fn batch(&mut self) -> (U256, u64) {
        let batch = self.view(&IVault::currentBatchCall {}).unwrap();
        (batch.batchId, batch.cutOff.to())
    }

    fn settle(&mut self) -> (&'static str, Outcome) {
        // Time to settle, mostly.
        let next = self.view(&IVault::nextBatchCall {}).unwrap();
        if next.batchId.is_zero() && !self.random.one_in(8) {
            return self.request();
        }
        let cut_off: u64 = next.cutOff.to();
        if cut_off > self.twin.now() && !self.random.one_in(4) {
            self.twin.chain.set_timestamp(cut_off + self.random.below(100));
        }
        let person = self.person();
        ("settle", self.twin.send(person, |_| IVault::settleCall {}))
    }

    fn claim(&mut self) -> (&'static str, Outcome) {
        let (controller, max) =
            self.somebody(|life, controller| life.view(&IVault::maxWithdrawCall { controller }).unwrap());
        let sender = if self.random.one_in(8) {
            self.person()
        } else {
            controller
        };
        let receiver = self.receiver(controller);
        if self.random.one_in(2) {
            let max = self.view(&IVault::maxRedeemCall { controller }).unwrap();
            let shares = self.random.up_to(max);
            let outcome = self.twin.send(sender, |side| IVault::redeemCall {
                shares,
                receiver: of(side, receiver),
                controller,
            });
            return ("redeem", outcome);
        }
        let assets = self.random.up_to(max);
        let outcome = self.twin.send(sender, |side| IVault::withdrawCall {
            assets,
            receiver: of(side, receiver),
            controller,
        });
        ("withdraw", outcome)
    }

    fn transfer(&mut self) -> (&'static str, Outcome) {
        let from = self.person();
        let other = self.person();
        let to = self.receiver(other);
        let balance = self.balance(from);
        let value = self.random.up_to(balance);
        match self.random.below(3) {
            0 => {
                let spender = self.receiver(other);
                let value = if self.random.one_in(3) { U256::MAX } else { value };
                let call = |side: &Side| IVault::approveCall {
                    spender: of(side, spender),
                    value,
                };
                ("approve", self.twin.send(from, call))
            }
            1 => {
                let call = |side: &Side| IVault::transferFromCall {
                    from,
                    to: of(side, to),
                    value,
                };
                ("transferFrom", self.twin.send(other, call))
            }
            _ => {
                let call = |side: &Side| IVault::transferCall {
                    to: of(side, to),
                    value,
                };
                ("transfer", self.twin.send(from, call))
            }
        }
    }

    fn permit(&mut self) -> (&'static str, Outcome) {
        let owner = self.key.address();
        let spender = self.person();
        let now = U256::from(self.twin.now());
        let deadline = if self.random.one_in(6) { now - U256::ONE } else { now };
        let value = U256::from(self.random.next());
        let nonce = self.view(&IVault::noncesCall { owner }).unwrap() + U256::from(self.random.below(6) / 5);
        let chain_id = self.twin.chain.chain_id();
        let key = self.key.clone();
        let permit = Permit {
            owner,
            spender,
            value,
            nonce,
            deadline,
        };
        let sign = |side: &Side| {
            let domain = Eip712Domain {
                name: Some("Gimbal".into()),
                version: Some("1".into()),
                chain_id: Some(U256::from(chain_id)),
                verifying_contract: Some(side.vault),
                salt: None,
            };
            key.sign_hash_sync(&permit.eip712_signing_hash(&domain)).unwrap()
        };
        if self.random.one_in(2) {
            let cut = usize::try_from(self.random.below(8) / 7).unwrap();
            let call = |side: &Side| IVault::permit_1Call {
                owner,
                spender,
                value,
                deadline,
                signature: Bytes::copy_from_slice(&sign(side).as_bytes()[cut..]),
            };
            return ("permit, bytes", self.twin.send(spender, call));
        }
        // The mirrored signature of the same key is refused.
        let mirror = self.random.one_in(6);
        let call = |side: &Side| {
            let signature = sign(side);
            let order = U256::from_be_bytes(hex_order());
            let (s, v) = if mirror {
                (order - signature.s(), !signature.v())
            } else {
                (signature.s(), signature.v())
            };
            IVault::permit_0Call {
                owner,
                spender,
                value,
                deadline,
                v: 27 + u8::from(v),
                r: signature.r().into(),
                s: s.into(),
            }
        };
        ("permit", self.twin.send(spender, call))
    }

    fn move_marks(&mut self) -> (&'static str, Outcome) {
        let book = self.book();
        let person = self.person();
        let held = self.twin.sides[0].books[book];
        let cash = self
            .twin
            .chain
            .read_call(self.twin.token, &IERC20::balanceOfCall { account: held });
        let cash = cash.unwrap();
        // Up to a fifth of the cash is lost now and then; besides, what is not cash is worth anything.
        if self.random.one_in(3) && !cash.is_zero() {
            let assets = self.random.up_to(cash / U256::from(5));
            let call = IScriptedBook::loseCall { assets }.abi_encode();
            let outcome = self.twin.transact(person, |side| (side.books[book], call.clone()));
            return ("lose", outcome);
        }
        let other = if self.random.one_in(4) {
            U256::ZERO
        } else {
            self.random.up_to(cash * U256::from(2) + self.unit)
        };
        let wide = if self.random.one_in(5) { 2_000 } else { 150 };
        let call = IScriptedBook::setMarksCall {
            other: other.to(),
            lowerBps: u16::try_from(self.random.below(wide)).unwrap(),
            higherBps: u16::try_from(self.random.below(wide)).unwrap(),
            disturbanceBps: self.random.pick(&[0, 0, 0, 0, 0, 0, 50, 51, 100, 101]),
        };
        let call = call.abi_encode();
        let outcome = self.twin.transact(person, |side| (side.books[book], call.clone()));
        ("setMarks", outcome)
    }

    fn book(&mut self) -> usize {
        usize::try_from(self.random.below(BOOKS as u64)).unwrap()
    }

    fn break_book(&mut self) -> (&'static str, Outcome) {
        // One at a time mostly, and for a while.
        let ill = self.broken.iter().position(|broken| *broken);
        let book = if self.random.one_in(8) {
            self.book()
        } else {
            ill.unwrap_or(usize::from(self.random.one_in(2)))
        };
        let mode = if self.broken[book] || self.random.one_in(2) {
            0
        } else {
            1 + self.random.below(4)
        };
        self.broken[book] = mode != 0;
        let call = IScriptedBook::setModeCall {
            mode: u8::try_from(mode).unwrap(),
            refuses: self.random.one_in(3),
        };
        let call = call.abi_encode();
        let person = self.person();
        let outcome = self.twin.transact(person, |side| (side.books[book], call.clone()));
        ("setMode", outcome)
    }

    fn wait(&mut self) -> (&'static str, Outcome) {
        let secs = match self.random.below(12) {
            0..=6 => self.random.below(3 * 3_600),
            7..=9 => self.random.below(DAY),
            10 => self.random.below(3 * DAY),
            _ => self.random.below(9 * DAY),
        };
        self.twin.chain.warp(secs);
        ("wait", Ok((Bytes::new(), Vec::new())))
    }

    fn allocate(&mut self) -> (&'static str, Outcome) {
        let book = self.book();
        let sender = if self.random.one_in(10) {
            self.person()
        } else {
            ALLOCATOR
        };
        if self.random.one_in(4) {
            let most = self.unit * U256::from(3_000_000);
            let assets = self.random.up_to(most);
            let call = |side: &Side| IVault::recallCall {
                book: side.books[book],
                assets,
            };
            return ("recall", self.twin.send(sender, call));
        }
        let idle = self.view(&IVault::idleCall {}).unwrap();
        let assets = if self.random.one_in(2) {
            idle / U256::from(2)
        } else {
            self.random.up_to(idle)
        };
        let call = |side: &Side| IVault::allocateCall {
            book: side.books[book],
            assets,
        };
        ("allocate", self.twin.send(sender, call))
    }

    fn pocket(&mut self) -> (&'static str, Outcome) {
        if self.stakes.is_empty() || self.random.one_in(3) {
            let book = self.pocketed().unwrap_or_else(|| self.book());
            let person = self.person();
            let call = |side: &Side| IVault::buyOutCall { book: side.books[book] };
            return ("buyOut", self.twin.send(person, call));
        }
        let (pocket, id) = {
            let stakes = self.stakes.clone();
            self.random.pick(&stakes)
        };
        let (controller, _) = self.somebody(|life, controller| {
            let request_id = id;
            let call = IVault::restOfCall {
                pocket,
                requestId: request_id,
                controller,
            };
            life.view(&call).unwrap()
        });
        let receiver = self.receiver(controller);
        let call = |side: &Side| IVault::claimRestCall {
            pocket,
            requestId: id,
            receiver: of(side, receiver),
            controller,
        };
        ("claimRest", self.twin.send(controller, call))
    }

    /// A book with a pocket.
    fn pocketed(&mut self) -> Option<usize> {
        (0..BOOKS).find_map(|index| {
            let book = self.view(&IVault::bookCall {
                index: U256::from(index),
            })?;
            let ours = self.twin.sides[0].books.iter().position(|one| *one == book.book);
            ours.filter(|_| !book.pocket.is_zero())
        })
    }

    fn donate(&mut self) -> (&'static str, Outcome) {
        let person = self.person();
        if self.random.one_in(2) {
            return ("sweep", self.twin.send(person, |_| IVault::sweepCall {}));
        }
        let value = self.assets() / U256::from(100);
        let token = self.twin.token;
        let to_book = self.random.one_in(3).then(|| self.book());
        let outcome = self.twin.transact(person, |side| {
            let to = to_book.map_or(side.vault, |book| side.books[book]);
            (token, ITestToken::mintCall { to, value }.abi_encode())
        });
        ("donate", outcome)
    }

    fn govern(&mut self) -> (&'static str, Outcome) {
        if self.random.one_in(10) {
            let recipient = if self.random.one_in(4) { Address::ZERO } else { FEES };
            let call = |_: &Side| IVault::setFeeRecipientCall {
                feeRecipient: recipient,
            };
            return ("setFeeRecipient", self.twin.govern(call));
        }
        let id = u8::try_from(self.random.below(10)).unwrap();
        let value = match id {
            0 => U256::from(self.random.below(2 * DAY)),
            1 => U256::from(self.random.below(4 * DAY)),
            2 => U256::from(self.random.below(60)),
            3 => U256::from(self.random.below(5_100)),
            4 => U256::from(self.random.below(510)),
            5 => U256::from(200 + self.random.below(900)),
            6 => U256::from(90 + self.random.below(60)),
            7 => self.unit * U256::from(10_000_000 + self.random.below(90_000_000)),
            _ if self.random.one_in(2) => U256::MAX,
            _ => self.unit * U256::from(1 + self.random.below(20_000_000)),
        };
        let call = |_: &Side| IVault::setParameterCall { id, value };
        let outcome = match self.random.below(8) {
            0..=2 => self.twin.send(GUARDIAN, call),
            3 => {
                let person = self.person();
                self.twin.send(person, call)
            }
            _ => self.twin.govern(call),
        };
        ("setParameter", outcome)
    }

    fn accrue(&mut self) -> (&'static str, Outcome) {
        let person = self.person();
        ("accrueFees", self.twin.send(person, |_| IVault::accrueFeesCall {}))
    }

    fn manage_books(&mut self) -> (&'static str, Outcome) {
        let book = self.book();
        let cap = self.assets() * U256::from(4);
        match self.random.below(6) {
            0 => {
                let call = |side: &Side| IVault::realizeLossCall { book: side.books[book] };
                ("realizeLoss", self.twin.govern(call))
            }
            1 => {
                if self.random.one_in(2) {
                    self.ruin(book);
                }
                let call = |side: &Side| IVault::removeBookCall { book: side.books[book] };
                ("removeBook", self.twin.govern(call))
            }
            2 | 3 => {
                let isolated = self.random.one_in(2);
                let call = |side: &Side| IVault::addBookCall {
                    book: side.books[book],
                    cap,
                    isolated,
                };
                ("addBook", self.twin.govern(call))
            }
            4 => {
                let call = |side: &Side| IVault::setBookCapCall {
                    book: side.books[book],
                    cap,
                };
                ("setBookCap", self.twin.send(GUARDIAN, call))
            }
            _ => {
                let call = |side: &Side| IVault::setBookCapCall {
                    book: side.books[book],
                    cap,
                };
                ("setBookCap", self.twin.govern(call))
            }
        }
    }

    /// Makes a book worth nothing.
    fn ruin(&mut self, book: usize) {
        let (held, token) = (self.twin.sides[0].books[book], self.twin.token);
        let cash = self
            .twin
            .chain
            .read_call(token, &IERC20::balanceOfCall { account: held });
        let calls = [
            IScriptedBook::loseCall { assets: cash.unwrap() }.abi_encode(),
            IScriptedBook::setMarksCall {
                other: 0,
                lowerBps: 0,
                higherBps: 0,
                disturbanceBps: 0,
            }
            .abi_encode(),
            IScriptedBook::setModeCall {
                mode: 0,
                refuses: false,
            }
            .abi_encode(),
        ];
        self.broken[book] = false;
        for call in calls {
            let ruined = self.twin.transact(ALLOCATOR, |side| (side.books[book], call.clone()));
            ruined.expect("books do as they are told");
        }
    }

    /// Everything that changes the state is refused while the rebalancer has the lock.
    #[expect(clippy::too_many_lines, reason = "a list")]
    fn locked(&mut self) -> (&'static str, Outcome) {
        let caller = self.twin.caller;
        let person = self.person();
        let one = U256::ONE;
        let outcome = self.twin.transact(person, |side| {
            let (receiver, controller, owner) = (person, caller, caller);
            let (book, spender) = (side.books[0], person);
            let entries = [
                IVault::unlockCall {}.abi_encode(),
                IVault::lockCall {}.abi_encode(),
                IVault::lockedCall {}.abi_encode(),
                IVault::marksCall {}.abi_encode(),
                IVault::totalAssetsCall {}.abi_encode(),
                IVault::convertToSharesCall { assets: one }.abi_encode(),
                IVault::maxDepositCall { receiver }.abi_encode(),
                IVault::maxMintCall { receiver }.abi_encode(),
                IVault::overviewCall { account: person }.abi_encode(),
                IVault::lockCall {}.abi_encode(),
                IVault::transferCall { to: person, value: one }.abi_encode(),
                IVault::approveCall { spender, value: one }.abi_encode(),
                IVault::transferFromCall {
                    from: person,
                    to: person,
                    value: one,
                }
                .abi_encode(),
                IVault::depositCall { assets: one, receiver }.abi_encode(),
                IVault::mintCall { shares: one, receiver }.abi_encode(),
                IVault::requestRedeemCall {
                    shares: one,
                    controller,
                    owner,
                }
                .abi_encode(),
                IVault::withdrawRequestCall {
                    shares: one,
                    receiver,
                    controller,
                }
                .abi_encode(),
                IVault::redeemCall {
                    shares: one,
                    receiver,
                    controller,
                }
                .abi_encode(),
                IVault::withdrawCall {
                    assets: one,
                    receiver,
                    controller,
                }
                .abi_encode(),
                IVault::setOperatorCall {
                    operator: person,
                    approved: true,
                }
                .abi_encode(),
                IVault::settleCall {}.abi_encode(),
                IVault::accrueFeesCall {}.abi_encode(),
                IVault::sweepCall {}.abi_encode(),
                IVault::buyOutCall { book }.abi_encode(),
                IVault::claimRestCall {
                    pocket: one,
                    requestId: one,
                    receiver,
                    controller,
                }
                .abi_encode(),
                IVault::allocateCall { book, assets: one }.abi_encode(),
                IVault::recallCall { book, assets: one }.abi_encode(),
                IVault::realizeLossCall { book }.abi_encode(),
                IVault::addBookCall {
                    book,
                    cap: one,
                    isolated: false,
                }
                .abi_encode(),
                IVault::removeBookCall { book }.abi_encode(),
                IVault::setBookCapCall { book, cap: one }.abi_encode(),
                IVault::setParameterCall { id: 2, value: one }.abi_encode(),
                IVault::setRebalancerCall { rebalancer: person }.abi_encode(),
                IVault::setFeeRecipientCall { feeRecipient: person }.abi_encode(),
                IVault::permit_0Call {
                    owner: person,
                    spender,
                    value: one,
                    deadline: U256::MAX,
                    v: 27,
                    r: B256::ZERO,
                    s: B256::ZERO,
                }
                .abi_encode(),
                IVault::unlockCall {}.abi_encode(),
                IVault::lockedCall {}.abi_encode(),
                IVault::settleCall {}.abi_encode(),
                IVault::transferCall {
                    to: person,
                    value: U256::ZERO,
                }
                .abi_encode(),
            ];
            let calls = entries.map(Bytes::from).to_vec();
            let call = IVaultCaller::runCall {
                target: side.vault,
                calls,
            };
            (caller, call.abi_encode())
        });
        let (output, _) = outcome.as_ref().expect("the caller goes on whatever happens");
        let results = IVaultCaller::runCall::abi_decode_returns(output).unwrap();
        let entries = &results[9..35];
        assert!(entries.iter().all(|entry| !entry.success), "{entries:?}");
        // The rest is refused for another reason already: the caller has no role and nothing to claim.
        let locked = entries
            .iter()
            .filter(|entry| entry.answer == IVault::Locked {}.abi_encode());
        assert!(locked.count() >= 21, "{entries:?}");
        ("locked", outcome)
    }

    fn operator(&mut self) -> (&'static str, Outcome) {
        let controller = self.person();
        let operator = self.person();
        let approved = self.random.one_in(2);
        let call = |_: &Side| IVault::setOperatorCall { operator, approved };
        ("setOperator", self.twin.send(controller, call))
    }

    /// Notes what an action did beyond succeeding.
    fn watch(&mut self, logs: &[Log]) {
        for log in logs {
            if let Ok(fees) = IVault::FeesAccrued::decode_log_data(&log.data) {
                self.tally.see("management fees", !fees.managementShares.is_zero());
                self.tally.see("performance fees", !fees.performanceShares.is_zero());
            }
            if let Ok(settled) = IVault::BatchSettled::decode_log_data(&log.data) {
                self.tally.see("a batch filled", settled.sharesLeft.is_zero());
                let short = !settled.sharesLeft.is_zero() && !settled.shares.is_zero();
                self.tally.see("a batch filled in part", short);
            }
            if let Ok(joined) = IVault::PocketJoined::decode_log_data(&log.data) {
                self.tally.see("a pocket joined", true);
                self.stakes.push((joined.pocket, joined.batchId));
            }
            self.tally
                .see("a pocket paid", IVault::PocketPaid::decode_log_data(&log.data).is_ok());
            self.tally.see(
                "a surplus booked",
                IVault::SurplusBooked::decode_log_data(&log.data).is_ok(),
            );
            self.tally
                .see("assets recalled", IVault::Recalled::decode_log_data(&log.data).is_ok());
            if let Ok(set) = IVault::WindDownSet::decode_log_data(&log.data) {
                self.tally.see("wound down", set.windingDown);
                self.tally.see("went on", !set.windingDown);
            }
            if let Ok(deposit) = IVault::Deposit::decode_log_data(&log.data) {
                // The price is a fraction: what the shares are worth before the cost is not a whole number of units.
                let shares = deposit.shares;
                let worth = self.view(&IVault::previewMintCall { shares });
                self.tally.see(
                    "a deposit that was rounded",
                    worth.is_some_and(|worth| worth != deposit.assets),
                );
            }
        }
    }

    /// All views of both vaults answer the same. Those of few people each time, in turn.
    #[expect(clippy::too_many_lines, reason = "a list")]
    fn compare_views(&mut self, action: u64) {
        let amount = self.unit * U256::from(1_234) + U256::from(action);
        let shares = U256::from(10).pow(U256::from(20)) + U256::from(action);
        let (batch, _) = self.batch();
        let mut calls: Vec<(&str, Vec<u8>)> = Vec::new();
        macro_rules! ask {
            ($($call:expr),* $(,)?) => { $(calls.push((signature(&$call), $call.abi_encode()));)* };
        }
        ask!(
            IVault::totalSupplyCall {},
            IVault::totalAssetsCall {},
            IVault::convertToSharesCall { assets: amount },
            IVault::convertToAssetsCall { shares },
            IVault::previewDepositCall { assets: amount },
            IVault::previewMintCall { shares },
            IVault::marksCall {},
            IVault::idleCall {},
            IVault::claimReserveCall {},
            IVault::highWaterMarkCall {},
            IVault::nextBatchCall {},
            IVault::windingDownCall {},
            IVault::feeRecipientCall {},
            IVault::overviewCall {
                account: DEPOSITORS[usize::try_from(action % 5).unwrap()]
            },
        );
        let seldom = action.is_multiple_of(25);
        if seldom {
            ask!(
                IVault::nameCall {},
                IVault::symbolCall {},
                IVault::decimalsCall {},
                IVault::assetCall {},
                IVault::shareCall {},
                IVault::governorCall {},
                IVault::rebalancerCall {},
                IVault::lockedCall {},
                IVault::bookCountCall {},
                IVault::previewRedeemCall { shares },
                IVault::previewWithdrawCall { assets: amount },
                IVault::vaultCall { asset: self.twin.token },
                IVault::vaultCall { asset: FEES },
                IVault::convertToSharesCall { assets: U256::MAX },
                IVault::previewMintCall { shares: U256::MAX },
            );
            for id in 0..=9 {
                ask!(IVault::parameterCall { id });
            }
            for id in [
                0x01ff_c9a7_u32,
                0xe3bc_4e65,
                0x620e_e8e4,
                0x2f0a_18c5,
                0xf815_c03d,
                0xffff_ffff,
            ] {
                ask!(IVault::supportsInterfaceCall { interfaceId: id.into() });
            }
        }
        for index in 0..=BOOKS {
            ask!(IVault::bookCall {
                index: U256::from(index)
            });
        }
        let people = if seldom { &DEPOSITORS[..] } else { &DEPOSITORS[..1] };
        for turn in 0..people.len() {
            let person = DEPOSITORS[(usize::try_from(action).unwrap() + turn) % 5];
            let other = DEPOSITORS[(usize::try_from(action).unwrap() + turn + 1) % 5];
            ask!(
                IVault::balanceOfCall { account: person },
                IVault::allowanceCall {
                    owner: person,
                    spender: other
                },
                IVault::isOperatorCall {
                    controller: person,
                    operator: other
                },
                IVault::maxDepositCall { receiver: person },
                IVault::maxMintCall { receiver: person },
                IVault::maxRedeemCall { controller: person },
                IVault::maxWithdrawCall { controller: person },
                IVault::pendingRedeemRequestCall {
                    requestId: batch,
                    controller: person
                },
                IVault::claimableRedeemRequestCall {
                    requestId: batch - U256::ONE,
                    controller: person
                },
            );
            for &(pocket, id) in self.stakes.iter().rev().take(4) {
                ask!(
                    IVault::pocketCall { id: pocket },
                    IVault::restOfCall {
                        pocket,
                        requestId: id,
                        controller: person
                    },
                );
            }
        }
        for (name, data) in calls {
            // Most answers are values; a refusal has to be the same on both sides as well.
            let _ = self.twin.read(name, |_| data.clone());
        }
        for book in 0..BOOKS {
            let data = |side: &Side| IVault::liquidityNeededCall { book: side.books[book] }.abi_encode();
            let _ = self.twin.read("liquidityNeeded", data);
        }
        let token = self.twin.token;
        for side in 0..=BOOKS {
            let held = self.twin.sides.each_ref().map(|one| {
                let account = if side == BOOKS { one.vault } else { one.books[side] };
                self.twin
                    .chain
                    .read_call(token, &IERC20::balanceOfCall { account })
                    .unwrap()
            });
            assert_eq!(held[0], held[1], "assets of holder {side}");
        }
    }
}

fn signature<C: SolCall>(_: &C) -> &'static str {
    C::SIGNATURE
}

/// `account`, or the vault of this side if the other's is meant.
fn of(side: &Side, account: Address) -> Address {
    // Vaults are the only contracts that people name as receivers.
    if DEPOSITORS.contains(&account) || account == FEES || account.is_zero() {
        account
    } else {
        side.vault
    }
}

fn error_name(data: &[u8]) -> String {
    use alloy_sol_types::SolInterface as _;
    let selector = data
        .get(..4)
        .and_then(|selector| selector.try_into().ok())
        .unwrap_or_default();
    if IVault::IVaultErrors::valid_selector(selector) {
        let text = format!("{:?}", IVault::IVaultErrors::abi_decode(data));
        return text.split(['(', ' ', '{']).nth(1).unwrap_or_default().to_owned();
    }
    format!("{:?}", Bytes::copy_from_slice(data))
}

fn hex_order() -> [u8; 32] {
    alloy_primitives::hex!("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
}

impl Tally {
    fn add(&mut self, other: Self) {
        for (to, from) in [
            (&mut self.done, other.done),
            (&mut self.refused, other.refused),
            (&mut self.seen, other.seen),
        ] {
            for (name, count) in from {
                *to.entry(name).or_default() += count;
            }
        }
        for (name, count) in other.errors {
            *self.errors.entry(name).or_default() += count;
        }
    }
}

#[test]
fn vault_of_6_8_and_18_decimals_equals_the_solidity_model() {
    let lives =
        [(6, 1), (8, 2), (18, 3)].map(|(decimals, seed)| thread::spawn(move || Life::new(decimals, seed).live()));
    let mut tally = Tally::default();
    for life in lives {
        tally.add(life.join().expect("a life has no difference"));
    }
    println!(
        "done {:?}\nrefused {:?}\nerrors {:?}\nseen {:?}",
        tally.done, tally.refused, tally.errors, tally.seen
    );
    let (done, refused): (u64, u64) = (tally.done.values().sum(), tally.refused.values().sum());
    println!("{done} of {} actions succeeded", done + refused);
    assert!(done * 2 > refused, "{done} of {} actions succeed", done + refused);
    for action in [
        "deposit",
        "mint",
        "request",
        "withdrawRequest",
        "settle",
        "redeem",
        "withdraw",
        "transfer",
        "transferFrom",
        "approve",
        "permit",
        "permit, bytes",
        "setMarks",
        "lose",
        "setMode",
        "allocate",
        "recall",
        "buyOut",
        "claimRest",
        "donate",
        "sweep",
        "setParameter",
        "setFeeRecipient",
        "accrueFees",
        "realizeLoss",
        "addBook",
        "removeBook",
        "setBookCap",
        "locked",
        "setOperator",
    ] {
        let done = tally.done.get(action).copied().unwrap_or_default();
        assert!(done >= 3, "{action} succeeded {done} times");
    }
    for what in [
        "a batch filled",
        "a batch filled in part",
        "a deposit that was rounded",
        "a mint that was rounded",
        "a pocket joined",
        "a pocket paid",
        "a surplus booked",
        "assets recalled",
        "management fees",
        "performance fees",
        "wound down",
        "went on",
    ] {
        let seen = tally.seen.get(what).copied().unwrap_or_default();
        assert!(seen >= 1, "{what}: {seen} times");
    }
    assert!(tally.errors.len() >= 35, "{} kinds of refusals", tally.errors.len());
}
