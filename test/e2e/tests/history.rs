//! The vault's history from its events alone: whatever it answers about the past can be rebuilt off chain.
//!
//! [`Ledger`] knows nothing but logs. A scripted and a random history are run, and the ledger is compared with the views
//! at points between and at the end.
#![allow(non_snake_case)] // fields of calls are named as in Solidity

use alloy_primitives::{Address, B256, Bytes, Log, U256, keccak256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::{SolCall, SolEvent, SolEventInterface, SolValue};
use e2e::{
    stage::{ABYSS, DAY, FEE_RECIPIENT, GAS_MONEY, INVALID, Stage, State, WAIT_LIMIT},
    world,
};
use engine::{
    pocket::PAID_SCALE,
    shares::{ASSETS_PER_SHARE_SCALE, RAY},
};
use fixed::{mul_div_down, mul_div_up};
use gimbal::world::{
    dollars,
    people::{ALICE, ALLOCATOR, BOB, CAROL, DAVE, DEPOSITORS, ERIN, GUARDIAN, KEEPER},
};
use interfaces::{
    IERC20, IProxy,
    IVault::{self, IVaultEvents as Event},
};
use std::collections::{BTreeMap, BTreeSet};
use venues::{Network, simulated};

/// What is said of one batch.
#[derive(Clone, Debug, Default)]
struct Batch {
    cut_off: U256,
    shares: U256,
    /// Shares not settled, and the part of all of them that they are.
    left: U256,
    unfilled_ray: U256,
    /// Asset units set aside per requested share, scaled as the vault does.
    assets_per_share: U256,
}

/// What is said of one controller's request in one batch.
#[derive(Clone, Debug, Default)]
struct Request {
    shares: U256,
    claimed_shares: U256,
    claimed_assets: U256,
}

#[derive(Clone, Debug, Default)]
struct Book {
    isolated: bool,
    cap: U256,
    allocated: U256,
    pocket: U256,
}

#[derive(Clone, Debug, Default)]
struct Pocket {
    book: Address,
    fraction_ray: U256,
    units: U256,
    paid_per_unit: U256,
    /// Units of each batch, and what these had been paid before it held them.
    joined: BTreeMap<U256, (U256, U256)>,
    /// Paid out to controllers of batches.
    taken: BTreeMap<(U256, Address), U256>,
}

/// A vault as its logs describe it.
#[derive(Clone, Debug, Default)]
struct Ledger {
    vault: Address,
    governor: Address,
    asset: Address,
    name: B256,
    symbol: B256,
    share_decimals: U256,
    supply: U256,
    balances: BTreeMap<Address, U256>,
    allowances: BTreeMap<(Address, Address), U256>,
    /// Owners whose shares moved since: a transfer does not say who made it, so that limited allowances may be used up.
    moved: BTreeSet<(Address, Address)>,
    operators: BTreeMap<(Address, Address), bool>,
    idle: U256,
    claim_reserve: U256,
    batches: BTreeMap<U256, Batch>,
    requests: BTreeMap<(U256, Address), Request>,
    /// The one request of each controller.
    current: BTreeMap<Address, U256>,
    settled: U256,
    winding_down: bool,
    high_water_mark: U256,
    books: BTreeMap<Address, Book>,
    pockets: BTreeMap<U256, Pocket>,
    parameters: BTreeMap<u8, U256>,
    fee_recipient: Address,
    rebalancer: Address,
    /// Logs of each kind.
    seen: BTreeMap<&'static str, usize>,
}

impl Ledger {
    fn shift(&mut self, from: Address, to: Address, value: U256) {
        if from.is_zero() {
            self.supply += value;
        } else {
            let balance = self.balances.entry(from).or_default();
            *balance = balance.checked_sub(value).expect("nobody moves what he has not");
        }
        if to.is_zero() {
            self.supply -= value;
        } else {
            *self.balances.entry(to).or_default() += value;
        }
    }

    #[allow(clippy::too_many_lines)] // an arm per event
    fn read(&mut self, log: &Log) {
        // The vault's address is a proxy's, which logs what program it stands for.
        if log.topics().first() == Some(&IProxy::Upgraded::SIGNATURE_HASH) {
            return;
        }
        let event = Event::decode_log(log)
            .expect("the vault logs what its interface declares")
            .data;
        let name = format!("{event:?}");
        let name = name.split(['(', ' ']).next().unwrap_or_default().to_owned();
        *self.seen.entry(Box::leak(name.into_boxed_str())).or_default() += 1;
        match event {
            Event::Initialized(event) => {
                (self.governor, self.asset) = (event.governor, event.asset);
                (self.name, self.symbol) = (event.name, event.symbol);
                self.share_decimals = event.shareDecimals;
            }
            Event::Transfer(event) => {
                self.shift(event.from, event.to, event.value);
                if event.to != self.vault && event.from != self.vault {
                    let limited = self.allowances.iter().filter(|(_, value)| **value != U256::MAX);
                    let moved = limited.map(|(pair, _)| *pair).filter(|(owner, _)| *owner == event.from);
                    self.moved.extend(moved.collect::<Vec<_>>());
                }
            }
            Event::Approval(event) => {
                let pair = (event.owner, event.spender);
                self.allowances.insert(pair, event.value);
                self.moved.remove(&pair);
            }
            Event::OperatorSet(event) => {
                self.operators
                    .insert((event.controller, event.operator), event.approved);
            }
            Event::Deposit(event) => self.idle += event.assets,
            Event::Withdraw(event) => {
                self.claim_reserve -= event.assets;
                let batch = self.current[&event.owner];
                let request = self.requests.get_mut(&(batch, event.owner)).expect("requested");
                request.claimed_shares += event.shares;
                request.claimed_assets += event.assets;
            }
            Event::BatchOpened(event) => {
                let cut_off = event.cutOff;
                self.batches.insert(
                    event.batchId,
                    Batch {
                        cut_off,
                        unfilled_ray: RAY,
                        ..Batch::default()
                    },
                );
            }
            Event::RedeemRequest(event) => self.requested(&event),
            Event::RequestWithdrawn(event) => {
                let batch = self.batches.get_mut(&event.requestId).expect("opened");
                batch.shares -= event.shares;
                batch.left -= event.shares;
                let request = self
                    .requests
                    .get_mut(&(event.requestId, event.controller))
                    .expect("requested");
                request.shares -= event.shares;
                if request.shares.is_zero() {
                    self.current.remove(&event.controller);
                }
            }
            Event::BatchSettled(event) => {
                self.claim_reserve += event.assets;
                self.idle -= event.assets;
                let batch = self.batches.get_mut(&event.batchId).expect("opened");
                assert_eq!(
                    batch.left,
                    event.shares + event.sharesLeft,
                    "burned and left are what there was"
                );
                (batch.left, batch.unfilled_ray) = (event.sharesLeft, event.unfilledRay);
                if !batch.shares.is_zero() {
                    let per_share = mul_div_down(event.assets, ASSETS_PER_SHARE_SCALE, batch.shares);
                    batch.assets_per_share += per_share.expect("fits");
                }
                if event.sharesLeft.is_zero() {
                    self.settled = event.batchId;
                }
            }
            Event::WindDownSet(event) => self.winding_down = event.windingDown,
            Event::FeesAccrued(event) => self.high_water_mark = event.highWaterMark,
            Event::ParameterSet(event) => {
                self.parameters.insert(event.id, event.value);
            }
            Event::FeeRecipientSet(event) => self.fee_recipient = event.feeRecipient,
            Event::RebalancerSet(event) => self.rebalancer = event.rebalancer,
            Event::SurplusNoted(_) => {}
            Event::SurplusBooked(event) => self.idle += event.assets,
            event => self.read_of_book(event),
        }
    }

    fn requested(&mut self, event: &IVault::RedeemRequest) {
        let batch = self.batches.get_mut(&event.requestId).expect("opened");
        batch.shares += event.shares;
        batch.left += event.shares;
        self.current.insert(event.controller, event.requestId);
        let request = self.requests.entry((event.requestId, event.controller)).or_default();
        request.shares += event.shares;
        // By allowance, unless the owner itself or one of its operators asked.
        let pair = (event.owner, event.sender);
        let operator = self.operators.get(&pair).copied().unwrap_or_default();
        if event.sender == event.owner || operator {
            return;
        }
        let allowance = self.allowances.get_mut(&pair).expect("allowed");
        if *allowance != U256::MAX {
            *allowance -= event.shares;
        }
    }

    fn read_of_book(&mut self, event: Event) {
        match event {
            Event::BookAdded(event) => {
                let isolated = event.isolated;
                self.books.insert(
                    event.book,
                    Book {
                        isolated,
                        ..Book::default()
                    },
                );
            }
            Event::BookRemoved(event) => {
                self.books.remove(&event.book);
            }
            Event::BookCapSet(event) => self.book(event.book).cap = event.cap,
            Event::Allocated(event) => {
                self.idle -= event.assets;
                self.book(event.book).allocated += event.assets;
            }
            Event::Recalled(event) => {
                self.idle += event.assets;
                let book = self.book(event.book);
                book.allocated = book.allocated.saturating_sub(event.assets);
            }
            Event::LossRealized(event) => {
                let book = self.book(event.book);
                book.allocated -= event.loss;
                book.cap = book.cap.saturating_sub(event.loss);
            }
            Event::PocketOpened(event) => {
                self.book(event.book).pocket = event.pocket;
                let book = event.book;
                self.pockets.insert(
                    event.pocket,
                    Pocket {
                        book,
                        ..Pocket::default()
                    },
                );
            }
            Event::PocketJoined(event) => {
                let pocket = self.pockets.get_mut(&event.pocket).expect("opened");
                let debt = mul_div_up(event.units, pocket.paid_per_unit, PAID_SCALE).expect("fits");
                let (units, debts) = pocket.joined.entry(event.batchId).or_default();
                (*units, *debts) = (*units + event.units, *debts + debt);
                pocket.units += event.units;
                pocket.fraction_ray = event.fractionRay;
            }
            Event::PocketPaid(event) => {
                // Whether from a recall, whose assets were added above, or from idle.
                self.idle -= event.assets;
                self.claim_reserve += event.assets;
                let pocket = self.pockets.get_mut(&event.pocket).expect("opened");
                if !pocket.units.is_zero() {
                    pocket.paid_per_unit += mul_div_down(event.assets, PAID_SCALE, pocket.units).expect("fits");
                }
                pocket.fraction_ray = event.fractionRay;
                if event.fractionRay.is_zero() {
                    let book = pocket.book;
                    self.book(book).pocket = U256::ZERO;
                }
            }
            Event::RestClaimed(event) => {
                self.claim_reserve -= event.assets;
                let pocket = self.pockets.get_mut(&event.pocket).expect("opened");
                *pocket.taken.entry((event.requestId, event.controller)).or_default() += event.assets;
            }
            event => panic!("{event:?} is of no book"),
        }
    }

    fn book(&mut self, book: Address) -> &mut Book {
        self.books.get_mut(&book).expect("added")
    }

    /// Shares of a request that wait, and those that are settled and not claimed.
    fn waiting(&self, batch: U256, controller: Address) -> (U256, U256) {
        let Some(request) = self.requests.get(&(batch, controller)) else {
            return (U256::ZERO, U256::ZERO);
        };
        if self.current.get(&controller) != Some(&batch) {
            return (U256::ZERO, U256::ZERO);
        }
        let pending = mul_div_up(request.shares, self.batches[&batch].unfilled_ray, RAY).expect("fits");
        (
            pending,
            request.shares - pending - request.claimed_shares.min(request.shares - pending),
        )
    }

    fn claimable_assets(&self, controller: Address) -> U256 {
        let Some(batch) = self.current.get(&controller) else {
            return U256::ZERO;
        };
        let request = &self.requests[&(*batch, controller)];
        let earned = mul_div_down(
            request.shares,
            self.batches[batch].assets_per_share,
            ASSETS_PER_SHARE_SCALE,
        );
        earned.expect("fits") - request.claimed_assets
    }

    /// What a pocket owes a controller for its request in a batch.
    fn rest(&self, pocket: U256, batch: U256, controller: Address) -> U256 {
        let (Some(pocket), Some(request)) = (self.pockets.get(&pocket), self.requests.get(&(batch, controller))) else {
            return U256::ZERO;
        };
        let (Some((units, debt)), all) = (pocket.joined.get(&batch), &self.batches[&batch]) else {
            return U256::ZERO;
        };
        let earned = mul_div_down(*units, pocket.paid_per_unit, PAID_SCALE).expect("fits");
        let own = mul_div_down(earned.saturating_sub(*debt), request.shares, all.shares).expect("fits");
        own - pocket.taken.get(&(batch, controller)).copied().unwrap_or_default()
    }
}

/// A vault with a history, and the ledger that reads along.
struct Story {
    stage: Stage,
    ledger: Ledger,
    next_block: u64,
    /// Everybody whose shares, requests and allowances are compared.
    accounts: Vec<Address>,
    /// Done and refused, per action.
    actions: BTreeMap<&'static str, [usize; 2]>,
    broken: BTreeMap<Address, Bytes>,
    key: PrivateKeySigner,
}

impl Story {
    fn new() -> Self {
        let stage = Stage {
            world: world(),
            decimals: 6,
            state: State::Empty,
        };
        let key = PrivateKeySigner::from_bytes(&keccak256("history")).expect("a hash is a key");
        let vault = stage.world.at.vault;
        let mut accounts = vec![vault, FEE_RECIPIENT, KEEPER, key.address()];
        accounts.extend(DEPOSITORS);
        let ledger = Ledger {
            vault,
            ..Ledger::default()
        };
        let mut story = Self {
            stage,
            ledger,
            next_block: 0,
            accounts,
            actions: BTreeMap::new(),
            broken: BTreeMap::new(),
            key,
        };
        story.follow();
        assert_eq!(
            story.ledger.seen.get("Initialized"),
            Some(&1),
            "the chain remembers the deployment"
        );
        story
    }

    /// Reads the logs of the blocks since.
    fn follow(&mut self) {
        let chain = &self.stage.world.chain;
        let head = chain.block_number();
        let blocks = chain.blocks(self.next_block, head);
        let logs = blocks.flat_map(|block| block.transactions.iter().flat_map(|mined| mined.receipt.logs.iter()));
        let logs: Vec<_> = logs.filter(|log| log.address == self.ledger.vault).cloned().collect();
        for log in logs {
            self.ledger.read(&log);
        }
        self.next_block = head + 1;
    }

    /// Tries a call to the vault; whether it was done.
    fn attempt<C: SolCall>(&mut self, from: Address, call: &C) -> bool {
        let result = self.stage.send(from, call);
        let name = C::SIGNATURE.split('(').next().unwrap_or_default();
        let count = self.actions.entry(name).or_default();
        let done = result.is_ok();
        count[usize::from(!done)] += 1;
        self.follow();
        done
    }

    /// A call to the vault that must work.
    #[track_caller]
    fn must<C: SolCall>(&mut self, from: Address, call: &C) {
        if let Err(error) = self.stage.send(from, call) {
            panic!("{} by {from}: {error}", C::SIGNATURE);
        }
        self.follow();
    }

    fn govern<C: SolCall>(&mut self, call: &C) {
        self.stage.govern(call);
        self.follow();
    }

    fn set(&mut self, id: u8, value: U256) {
        self.govern(&IVault::setParameterCall { id, value });
    }

    #[track_caller]
    fn settle(&mut self) {
        self.must(KEEPER, &IVault::settleCall {});
    }

    fn deposit(&mut self, person: Address, assets: U256) -> bool {
        self.stage.fund(person, assets);
        self.attempt(
            person,
            &IVault::depositCall {
                assets,
                receiver: person,
            },
        )
    }

    fn request(&mut self, person: Address, shares: U256) -> bool {
        let (controller, owner) = (person, person);
        self.attempt(
            person,
            &IVault::requestRedeemCall {
                shares,
                controller,
                owner,
            },
        )
    }

    fn redeem(&mut self, person: Address, shares: U256) -> bool {
        let (receiver, controller) = (person, person);
        self.attempt(
            person,
            &IVault::redeemCall {
                shares,
                receiver,
                controller,
            },
        )
    }

    fn book(&self, index: usize) -> Address {
        *self.ledger.books.keys().nth(index).expect("a book")
    }

    fn allocate(&mut self, book: Address, assets: U256) -> bool {
        self.attempt(ALLOCATOR, &IVault::allocateCall { book, assets })
    }

    fn break_book(&mut self, book: Address) {
        let code = self.stage.world.chain.code(book);
        if self.broken.insert(book, code).is_none() {
            self.stage.world.chain.set_code(book, Bytes::from_static(INVALID));
        }
    }

    fn heal(&mut self) {
        for (book, code) in std::mem::take(&mut self.broken) {
            self.stage.world.chain.set_code(book, code);
        }
    }

    fn gain(&mut self, book: Address, assets: U256) {
        let asset = self.stage.world.usdc;
        simulated::mint(&mut self.stage.world.chain, KEEPER, asset, book, assets).expect("minting works");
    }

    fn lose(&mut self, book: Address, assets: U256) {
        let asset = self.stage.world.usdc;
        let call = IERC20::transferCall {
            to: ABYSS,
            value: assets,
        };
        // A broken book's address has what it had.
        self.stage.world.chain.deal(book, GAS_MONEY);
        self.stage.world.chain.invoke(book, asset, &call).ok();
    }

    /// The keyed account allows BOB `value`.
    fn permit(&mut self, value: U256) -> bool {
        let (owner, spender) = (self.key.address(), BOB);
        let deadline = U256::MAX;
        let nonce = self.stage.view(&IVault::noncesCall { owner });
        let domain: B256 = self.stage.view(&IVault::DOMAIN_SEPARATORCall {});
        let kind = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)";
        let hash = keccak256((keccak256(kind), owner, spender, value, nonce, deadline).abi_encode());
        let digest = keccak256([&[0x19, 0x01], &domain[..], &hash[..]].concat());
        let signature = self.key.sign_hash_sync(&digest).expect("keys sign");
        let call = IVault::permit_1Call {
            owner,
            spender,
            value,
            deadline,
            signature: signature.as_bytes().to_vec().into(),
        };
        self.attempt(KEEPER, &call)
    }

    /// The ledger against every view that tells of the past.
    fn compare(&mut self, when: &str) {
        self.follow();
        let ledger = self.ledger.clone();
        let stage = &mut self.stage;
        assert_eq!(stage.view(&IVault::governorCall {}), ledger.governor, "{when}");
        assert_eq!(stage.view(&IVault::assetCall {}), ledger.asset, "{when}");
        let text = |word: B256| String::from_utf8(word.0.into_iter().take_while(|byte| *byte != 0).collect());
        assert_eq!(Ok(stage.view(&IVault::nameCall {})), text(ledger.name), "{when}");
        assert_eq!(Ok(stage.view(&IVault::symbolCall {})), text(ledger.symbol), "{when}");
        assert_eq!(
            U256::from(stage.view(&IVault::decimalsCall {})),
            ledger.share_decimals,
            "{when}"
        );
        assert_eq!(stage.supply(), ledger.supply, "{when}: supply");
        assert_eq!(stage.view(&IVault::idleCall {}), ledger.idle, "{when}: idle");
        assert_eq!(
            stage.view(&IVault::claimReserveCall {}),
            ledger.claim_reserve,
            "{when}: claim reserve"
        );
        assert_eq!(
            stage.view(&IVault::windingDownCall {}),
            ledger.winding_down,
            "{when}: wind-down"
        );
        assert_eq!(
            stage.view(&IVault::highWaterMarkCall {}),
            ledger.high_water(),
            "{when}: high-water mark"
        );
        assert_eq!(stage.view(&IVault::feeRecipientCall {}), ledger.fee_recipient, "{when}");
        assert_eq!(stage.view(&IVault::rebalancerCall {}), ledger.rebalancer, "{when}");
        for id in 0..9 {
            let value: U256 = stage.view(&IVault::parameterCall { id });
            assert_eq!(Some(&value), ledger.parameters.get(&id), "{when}: parameter {id}");
        }
        self.compare_accounts(when, &ledger);
        self.compare_books(when, &ledger);
        self.compare_batches(when, &ledger);
    }

    fn compare_accounts(&mut self, when: &str, ledger: &Ledger) {
        let stage = &mut self.stage;
        for account in &self.accounts {
            let balance = ledger.balances.get(account).copied().unwrap_or_default();
            assert_eq!(stage.balance(*account), balance, "{when}: balance of {account}");
            for other in &self.accounts {
                let (owner, spender) = (*account, *other);
                let allowance: U256 = stage.view(&IVault::allowanceCall { owner, spender });
                let told = ledger.allowances.get(&(owner, spender)).copied().unwrap_or_default();
                if ledger.moved.contains(&(owner, spender)) {
                    assert!(
                        allowance <= told,
                        "{when}: {owner} allows {spender} {allowance} of {told}"
                    );
                } else {
                    assert_eq!(allowance, told, "{when}: {owner} allows {spender}");
                }
                let (controller, operator) = (owner, spender);
                let is: bool = stage.view(&IVault::isOperatorCall { controller, operator });
                let told = ledger
                    .operators
                    .get(&(controller, operator))
                    .copied()
                    .unwrap_or_default();
                assert_eq!(is, told, "{when}: {operator} operates for {controller}");
            }
        }
    }

    fn compare_books(&mut self, when: &str, ledger: &Ledger) {
        let stage = &mut self.stage;
        let count: U256 = stage.view(&IVault::bookCountCall {});
        assert_eq!(count, U256::from(ledger.books.len()), "{when}");
        for index in 0..count.to::<u64>() {
            let view = stage.view(&IVault::bookCall {
                index: U256::from(index),
            });
            let told = ledger
                .books
                .get(&view.book)
                .unwrap_or_else(|| panic!("{when}: {}", view.book));
            assert_eq!(view.allocated, told.allocated, "{when}: allocated to {}", view.book);
            assert_eq!(view.cap, told.cap, "{when}: cap of {}", view.book);
            assert_eq!(view.isolated, told.isolated, "{when}: isolation of {}", view.book);
            assert_eq!(view.pocket, told.pocket, "{when}: pocket of {}", view.book);
        }
        for (id, told) in &ledger.pockets {
            let view = stage.view(&IVault::pocketCall { id: *id });
            assert_eq!(view.book, told.book, "{when}: book of pocket {id}");
            assert_eq!(view.fractionRay, told.fraction_ray, "{when}: fraction of pocket {id}");
            assert_eq!(view.units, told.units, "{when}: units of pocket {id}");
            assert_eq!(view.paidPerUnit, told.paid_per_unit, "{when}: payments of pocket {id}");
            for (requestId, controller) in ledger.requests.keys().copied() {
                let pocket = *id;
                let rest: U256 = stage.view(&IVault::restOfCall {
                    pocket,
                    requestId,
                    controller,
                });
                let told = ledger.rest(pocket, requestId, controller);
                assert_eq!(
                    rest, told,
                    "{when}: rest of {controller} in {requestId} from pocket {id}"
                );
            }
        }
    }

    fn compare_batches(&mut self, when: &str, ledger: &Ledger) {
        let stage = &mut self.stage;
        let (open, oldest) = (
            stage.view(&IVault::currentBatchCall {}),
            stage.view(&IVault::nextBatchCall {}),
        );
        if let Some(batch) = ledger.batches.get(&open.batchId) {
            assert_eq!(open.cutOff, batch.cut_off, "{when}: cut-off of the open batch");
        }
        let unsettled = ledger.batches.iter().find(|(id, _)| **id > ledger.settled);
        let told = unsettled
            .map(|(id, batch)| (*id, batch.cut_off, batch.left))
            .unwrap_or_default();
        assert_eq!(
            (oldest.batchId, oldest.cutOff, oldest.sharesLeft),
            told,
            "{when}: oldest batch"
        );
        for batch in ledger.batches.keys() {
            for controller in &self.accounts {
                let (requestId, controller) = (*batch, *controller);
                let (pending, claimable) = ledger.waiting(requestId, controller);
                let view: U256 = stage.view(&IVault::pendingRedeemRequestCall { requestId, controller });
                assert_eq!(view, pending, "{when}: {controller} waits in {requestId}");
                let view: U256 = stage.view(&IVault::claimableRedeemRequestCall { requestId, controller });
                assert_eq!(view, claimable, "{when}: {controller} can claim in {requestId}");
            }
        }
        for controller in self.accounts.clone() {
            let view: U256 = self.stage.view(&IVault::maxWithdrawCall { controller });
            assert_eq!(
                view,
                ledger.claimable_assets(controller),
                "{when}: assets of {controller}"
            );
        }
    }
}

impl Ledger {
    /// The first mark is the first price: one unit of the asset for the virtual shares, rounded up.
    fn high_water(&self) -> U256 {
        if self.seen.contains_key("FeesAccrued") {
            return self.high_water_mark;
        }
        let exponent = self.share_decimals - U256::from(6);
        let ten = U256::from(10);
        ten.pow(U256::from(36)).div_ceil(ten.pow(exponent))
    }
}

#[test]
#[allow(clippy::too_many_lines)] // one story, told in its order
fn history_of_everything_once_is_rebuilt_from_events() {
    let mut story = Story::new();
    story.compare("after the deployment");
    let first = story.book(0);

    // Settings, of every kind.
    for (id, value) in [(3_u8, 1_000_u64), (4, 100), (5, 600), (6, 150), (2, 20), (1, 500_000)] {
        story.set(id, U256::from(value));
    }
    story.must(
        GUARDIAN,
        &IVault::setParameterCall {
            id: 7,
            value: dollars(50_000_000),
        },
    );
    story.set(8, dollars(40_000_000));
    story.set(0, U256::from(DAY));
    story.govern(&IVault::setFeeRecipientCall {
        feeRecipient: FEE_RECIPIENT,
    });
    let rebalancer = story.stage.world.at.rebalancer;
    story.govern(&IVault::setRebalancerCall { rebalancer });
    let second = story.stage.world.add_book(dollars(5_000), false).unwrap();
    let third = story.stage.world.add_book(dollars(5_000), true).unwrap();
    story.govern(&IVault::setBookCapCall {
        book: second,
        cap: dollars(6_000),
    });
    story.compare("after the settings");

    // People come, by all ways in; shares move by all ways.
    assert!(story.deposit(ALICE, dollars(10_000)));
    assert!(story.deposit(BOB, dollars(5_000)));
    story.stage.fund(CAROL, dollars(3_000));
    let (receiver, minShares) = (CAROL, U256::ONE);
    story.must(
        CAROL,
        &IVault::depositWithMinCall {
            assets: dollars(1_000),
            receiver,
            minShares,
        },
    );
    let (shares, receiver, maxAssets) = (U256::from(10).pow(U256::from(21)), CAROL, dollars(1_500));
    story.must(
        CAROL,
        &IVault::mintWithMaxCall {
            shares,
            receiver,
            maxAssets,
        },
    );
    let ten = U256::from(10).pow(U256::from(19));
    story.must(
        CAROL,
        &IVault::mintCall {
            shares: ten,
            receiver: DAVE,
        },
    );
    story.must(ALICE, &IVault::transferCall { to: DAVE, value: ten });
    story.must(
        ALICE,
        &IVault::approveCall {
            spender: BOB,
            value: ten,
        },
    );
    story.must(
        ALICE,
        &IVault::approveCall {
            spender: ERIN,
            value: U256::MAX,
        },
    );
    story.must(
        BOB,
        &IVault::transferFromCall {
            from: ALICE,
            to: BOB,
            value: ten / U256::from(4),
        },
    );
    story.must(
        ERIN,
        &IVault::transferFromCall {
            from: ALICE,
            to: ERIN,
            value: ten,
        },
    );
    let keyed = story.key.address();
    story.must(ALICE, &IVault::transferCall { to: keyed, value: ten });
    assert!(story.permit(ten));
    story.must(
        BOB,
        &IVault::transferFromCall {
            from: keyed,
            to: BOB,
            value: ten / U256::from(2),
        },
    );
    assert!(story.permit(U256::from(77)));
    story.compare("after the deposits");

    // Books work, gain and lose.
    for (book, assets) in [(first, 4_000), (second, 3_000), (third, 2_000)] {
        assert!(story.allocate(book, dollars(assets)));
    }
    story.gain(first, dollars(500));
    story.lose(third, dollars(300));
    story.must(
        ALLOCATOR,
        &IVault::recallCall {
            book: second,
            assets: dollars(100),
        },
    );
    story.govern(&IVault::realizeLossCall { book: third });
    story.stage.pass(30 * DAY);
    story.must(KEEPER, &IVault::accrueFeesCall {});
    assert!(story.ledger.balances[&FEE_RECIPIENT] > U256::ZERO, "fees are shares");
    story.compare("after a gain and a loss");

    // Requests of every kind, one of them taken back.
    let part = |story: &mut Story, person, divisor: u64| story.stage.balance(person) / U256::from(divisor);
    let shares = part(&mut story, ALICE, 2);
    assert!(story.request(ALICE, shares));
    let (shares, receiver, controller) = (shares / U256::from(3), ERIN, ALICE);
    story.must(
        ALICE,
        &IVault::withdrawRequestCall {
            shares,
            receiver,
            controller,
        },
    );
    story.must(
        BOB,
        &IVault::setOperatorCall {
            operator: CAROL,
            approved: true,
        },
    );
    let shares = part(&mut story, BOB, 3);
    let (controller, owner) = (BOB, BOB);
    story.must(
        CAROL,
        &IVault::requestRedeemCall {
            shares,
            controller,
            owner,
        },
    );
    story.must(
        DAVE,
        &IVault::approveCall {
            spender: ERIN,
            value: ten,
        },
    );
    let (shares, controller, owner) = (ten / U256::from(8), ERIN, DAVE);
    story.must(
        ERIN,
        &IVault::requestRedeemCall {
            shares,
            controller,
            owner,
        },
    );
    story.compare("after the requests");

    // A donation is noted and booked.
    let vault = story.ledger.vault;
    story.gain(vault, dollars(50));
    story.must(KEEPER, &IVault::sweepCall {});
    story.stage.pass(3_600);
    story.must(KEEPER, &IVault::sweepCall {});
    story.compare("after the donation");

    // Settled in part: what is not at hand is WBTC in the first book.
    story.stage.pass(DAY);
    let cash = story.stage.assets(first);
    let (wbtc, idle) = (story.stage.world.wbtc, story.ledger.idle);
    story.lose(first, cash);
    let worth = cash * U256::from(15_625) / dollars(1);
    simulated::mint(&mut story.stage.world.chain, KEEPER, wbtc, first, worth).unwrap();
    story.set(2, U256::ZERO);
    let price = story.stage.world.price_e8;
    story.stage.world.publish(price).unwrap();
    let spare = idle - dollars(1_000);
    story.govern(&IVault::setBookCapCall {
        book: second,
        cap: dollars(50_000),
    });
    assert!(story.allocate(second, spare));
    let cash = story.stage.assets(second);
    story.lose(second, cash);
    let worth = cash * U256::from(15_625) / dollars(1);
    simulated::mint(&mut story.stage.world.chain, KEEPER, wbtc, second, worth).unwrap();
    story.settle();
    let partial = story
        .ledger
        .batches
        .values()
        .filter(|batch| !batch.left.is_zero() && batch.left < batch.shares);
    assert_eq!(partial.count(), 1, "a batch is settled in part");
    story.compare("after a partial settlement");
    for person in [ALICE, BOB, ERIN] {
        let shares: U256 = story.stage.view(&IVault::maxRedeemCall { controller: person });
        assert!(story.redeem(person, shares / U256::from(2)));
        let assets: U256 = story.stage.view(&IVault::maxWithdrawCall { controller: person });
        let (receiver, controller) = (person, person);
        story.must(
            person,
            &IVault::withdrawCall {
                assets: assets / U256::from(3),
                receiver,
                controller,
            },
        );
    }
    story.compare("after claims in part");

    // Nothing comes for longer than the wait limit.
    story.stage.pass(DAY + WAIT_LIMIT);
    story.settle();
    assert!(story.ledger.winding_down);
    story.compare("while winding down");
    story.gain(second, dollars(9_000));
    story.settle();
    assert!(!story.ledger.winding_down);
    for person in [ALICE, BOB, ERIN] {
        let shares: U256 = story.stage.view(&IVault::maxRedeemCall { controller: person });
        assert!(story.redeem(person, shares));
    }
    story.compare("after the wind-down");

    // A book breaks: leavers keep their part of it.
    let shares = part(&mut story, CAROL, 2);
    assert!(story.request(CAROL, shares));
    let shares = part(&mut story, BOB, 2);
    assert!(story.request(BOB, shares));
    // What they are paid from at once.
    assert!(story.deposit(DAVE, dollars(3_000)));
    story.break_book(second);
    story.stage.pass(DAY);
    story.stage.pass(DAY);
    story.settle();
    assert_eq!(story.ledger.pockets.len(), 1);
    story.compare("with a pocket");
    let requestId = story.ledger.current[&CAROL];
    for person in [CAROL, BOB] {
        let shares: U256 = story.stage.view(&IVault::maxRedeemCall { controller: person });
        story.redeem(person, shares);
    }
    story.heal();
    story.must(
        ALLOCATOR,
        &IVault::recallCall {
            book: second,
            assets: dollars(1_000),
        },
    );
    story.compare("after a recall through the pocket");
    let pocket = U256::ONE;
    let (receiver, controller) = (CAROL, CAROL);
    story.must(
        CAROL,
        &IVault::claimRestCall {
            pocket,
            requestId,
            receiver,
            controller,
        },
    );
    story.compare("after a rest");
    for _ in 0..8 {
        if story.ledger.books[&second].pocket.is_zero() {
            break;
        }
        let cash = story.stage.assets(second).min(dollars(2_000));
        if !cash.is_zero() {
            story.attempt(
                ALLOCATOR,
                &IVault::recallCall {
                    book: second,
                    assets: cash,
                },
            );
        }
        story.must(KEEPER, &IVault::buyOutCall { book: second });
    }
    assert!(story.ledger.books[&second].pocket.is_zero(), "bought out");
    story.compare("after the buy-out");
    for controller in [CAROL, BOB] {
        let receiver = controller;
        story.must(
            controller,
            &IVault::claimRestCall {
                pocket,
                requestId,
                receiver,
                controller,
            },
        );
    }
    story.compare("after all rests");

    // The third book closes.
    let assets = story.stage.assets(third);
    if !assets.is_zero() {
        story.must(ALLOCATOR, &IVault::recallCall { book: third, assets });
    }
    story.govern(&IVault::removeBookCall { book: third });
    story.compare("at the end");
    let missing = Event::COUNT - story.ledger.seen.len();
    assert_eq!(missing, 0, "events that never came up: {:?}", story.ledger.seen.keys());
}

/// A small generator of its own, so that a seed is a history for ever.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn person(&mut self) -> Address {
        DEPOSITORS[usize::try_from(self.roll(5)).expect("small")]
    }

    /// A part of `all`, often none or all of it.
    fn part(&mut self, all: U256) -> U256 {
        match self.roll(6) {
            0 => all,
            1 => U256::from(self.roll(1_000)).min(all),
            _ => all * U256::from(self.roll(1_000)) / U256::from(1_000),
        }
    }
}

/// One step of a random history; most do something.
#[allow(clippy::too_many_lines)] // an arm per action
fn step(story: &mut Story, dice: &mut Dice) {
    let (person, other) = (dice.person(), dice.person());
    let index = usize::try_from(dice.roll(story.ledger.books.len() as u64)).expect("small");
    let book = story.book(index);
    let balance = story.stage.balance(person);
    match dice.roll(24) {
        0..3 => {
            let assets = U256::from(1 + dice.roll(5_000_000_000));
            story.deposit(person, assets);
        }
        3 => {
            story.stage.fund(person, dollars(2_000));
            let shares = U256::from(1 + dice.roll(1 << 60)) * U256::from(1_000);
            story.attempt(
                person,
                &IVault::mintCall {
                    shares,
                    receiver: other,
                },
            );
        }
        4 => {
            let value = dice.part(balance);
            story.attempt(person, &IVault::transferCall { to: other, value });
        }
        5 => {
            let value = if dice.roll(3) == 0 {
                U256::MAX
            } else {
                dice.part(balance)
            };
            story.attempt(person, &IVault::approveCall { spender: other, value });
        }
        6 => {
            let value = dice.part(balance) / U256::from(4);
            story.attempt(
                other,
                &IVault::transferFromCall {
                    from: person,
                    to: other,
                    value,
                },
            );
        }
        7 => {
            let approved = dice.roll(2) == 0;
            story.attempt(
                person,
                &IVault::setOperatorCall {
                    operator: other,
                    approved,
                },
            );
        }
        8..11 => {
            let shares = dice.part(balance);
            story.request(person, shares);
        }
        11 => {
            let shares = dice.part(balance);
            let (controller, owner) = (other, person);
            story.attempt(
                other,
                &IVault::requestRedeemCall {
                    shares,
                    controller,
                    owner,
                },
            );
        }
        12 => {
            let requestId = story.ledger.current.get(&person).copied().unwrap_or_default();
            let waiting = story.ledger.waiting(requestId, person).0;
            let (shares, receiver, controller) = (dice.part(waiting), other, person);
            story.attempt(
                person,
                &IVault::withdrawRequestCall {
                    shares,
                    receiver,
                    controller,
                },
            );
        }
        13 => {
            story.stage.pass(dice.roll(DAY));
            story.attempt(KEEPER, &IVault::settleCall {});
        }
        14 => {
            story.stage.pass(DAY);
            story.attempt(KEEPER, &IVault::settleCall {});
            story.attempt(KEEPER, &IVault::settleCall {});
        }
        15 => {
            let shares: U256 = story.stage.view(&IVault::maxRedeemCall { controller: person });
            let shares = dice.part(shares);
            story.redeem(person, shares);
        }
        16 => {
            let assets: U256 = story.stage.view(&IVault::maxWithdrawCall { controller: person });
            let (receiver, controller) = (other, person);
            story.attempt(
                person,
                &IVault::withdrawCall {
                    assets,
                    receiver,
                    controller,
                },
            );
        }
        17 => {
            let assets = dice.part(story.ledger.idle);
            story.allocate(book, assets);
        }
        18 => {
            let assets = story.stage.assets(book);
            let assets = dice.part(assets);
            story.attempt(ALLOCATOR, &IVault::recallCall { book, assets });
        }
        19 => {
            let assets = story.stage.assets(book);
            let change = dice.part(assets) / U256::from(10);
            if dice.roll(2) == 0 {
                story.gain(book, change);
            } else {
                story.lose(book, change);
                story.stage.world.chain.deal(story.stage.world.at.governor, GAS_MONEY);
                story.attempt(story.stage.world.at.governor, &IVault::realizeLossCall { book });
            }
        }
        20 => {
            if dice.roll(3) == 0 {
                story.gain(story.ledger.vault, U256::from(dice.roll(50_000_000)));
            }
            story.attempt(KEEPER, &IVault::sweepCall {});
            story.attempt(KEEPER, &IVault::accrueFeesCall {});
        }
        21 => {
            if story.broken.is_empty() && dice.roll(2) == 0 {
                let shares = dice.part(balance);
                story.request(person, shares);
                story.break_book(book);
                story.stage.pass(2 * DAY);
                for _ in 0..3 {
                    story.attempt(KEEPER, &IVault::settleCall {});
                }
            } else {
                story.heal();
            }
        }
        22 => {
            story.heal();
            for book in story.ledger.books.clone().into_keys() {
                if !story.ledger.books[&book].pocket.is_zero() {
                    story.attempt(KEEPER, &IVault::buyOutCall { book });
                }
            }
            for (pocket, requestId, controller) in rests(story) {
                let receiver = controller;
                let call = IVault::claimRestCall {
                    pocket,
                    requestId,
                    receiver,
                    controller,
                };
                story.attempt(controller, &call);
            }
        }
        _ => {
            let id = u8::try_from(dice.roll(7)).expect("small");
            let value = [
                3_600 + dice.roll(DAY),
                DAY + dice.roll(500_000),
                dice.roll(300),
                dice.roll(5_000),
            ]
            .into_iter()
            .chain([dice.roll(500), 10 + dice.roll(4_990), 10 + dice.roll(1_990)])
            .nth(id.into())
            .expect("seven");
            story.set(id, U256::from(value));
        }
    }
}

/// Rests that can be claimed by now, as the ledger knows them.
fn rests(story: &Story) -> Vec<(U256, U256, Address)> {
    let ledger = &story.ledger;
    let pockets = ledger.pockets.keys();
    let all = pockets.flat_map(|pocket| ledger.requests.keys().map(|(batch, person)| (*pocket, *batch, *person)));
    all.filter(|(pocket, batch, person)| !ledger.rest(*pocket, *batch, *person).is_zero())
        .collect()
}

fn random_history(seed: u64, steps: usize) -> Story {
    let mut story = Story::new();
    for isolated in [false, true] {
        story.stage.world.add_book(dollars(50_000_000), isolated).unwrap();
    }
    story.set(3, U256::from(1_500));
    story.set(4, U256::from(150));
    story.govern(&IVault::setFeeRecipientCall {
        feeRecipient: FEE_RECIPIENT,
    });
    let mut dice = Dice(seed);
    for person in DEPOSITORS {
        assert!(story.deposit(person, dollars(5_000)));
    }
    for number in 0..steps {
        step(&mut story, &mut dice);
        if number % 25 == 24 {
            story.compare(&format!("seed {seed}, after step {number}"));
        }
    }
    story.compare(&format!("seed {seed}, at the end"));
    story
}

#[test]
fn history_at_random_is_rebuilt_from_events() {
    let (mut done, mut refused) = (0, 0);
    let mut actions: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for seed in [0x67_69_6d_62_61_6c, 2, 0xdead_beef] {
        let story = random_history(seed, 400);
        for (name, [yes, no]) in &story.actions {
            let count = actions.entry(name).or_default();
            (count[0], count[1]) = (count[0] + yes, count[1] + no);
            (done, refused) = (done + yes, refused + no);
        }
        seen.extend(story.ledger.seen.keys());
    }
    for (name, [yes, no]) in &actions {
        println!("{name}: {yes} done, {no} refused");
    }
    assert!(
        done * 10 >= (done + refused) * 3,
        "at least 30 % of {} actions are done",
        done + refused
    );
    for name in [
        "BatchSettled",
        "RequestWithdrawn",
        "PocketJoined",
        "PocketPaid",
        "RestClaimed",
        "SurplusBooked",
        "LossRealized",
        "FeesAccrued",
    ] {
        assert!(seen.contains(name), "{name} never came up");
    }
}
