//! Vaults in the states that the properties of the standards are tried in.

use crate::{govern, over_token, root, world};
use alloy_primitives::{Address, Bytes, U256, address};
use alloy_sol_types::{SolCall, SolEvent, SolValue};
use gimbal::{
    deploy::{self, Config},
    world::{
        World,
        people::{ALLOCATOR, BOB, CAROL, KEEPER},
    },
};
use interfaces::{IERC20, IVault};
use std::{fmt, sync::LazyLock};
use venues::{Artifacts, Network, NetworkError, Sent, simulated};

/// Decimals of the assets that every property is tried with: those of USDC, WBTC and most tokens.
pub const ASSET_DECIMALS: [u8; 3] = [6, 8, 18];
/// Receives fees in [`State::Fees`].
pub const FEE_RECIPIENT: Address = address!("0000000000000000000000000000000000aa0021");
/// Where losses go.
pub const ABYSS: Address = address!("0000000000000000000000000000000000aa00ff");
/// Length of a batch.
pub const DAY: u64 = 86_400;
/// Longest wait before the vault winds down, by default.
pub const WAIT_LIMIT: u64 = 604_800;
/// EVM code of a contract that burns all gas it is given.
pub const INVALID: &[u8] = &[0xfe];

/// Wei that a contract needs to be made to send a transaction.
pub const GAS_MONEY: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// Whether a claim is what was settled for it: the accumulators round down, by less than one unit per settlement.
pub fn is_paid(claim: U256, settled: U256) -> bool {
    claim <= settled && settled - claim <= U256::ONE
}

/// What has happened to a vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has deposited.
    Empty,
    /// BOB holds shares for 1,000 whole assets, 600 of them lie in the book.
    Held,
    /// … and the book has gained 60 and 7 units.
    Profit,
    /// … or the book has lost 100 and 3 units.
    Loss,
    /// In profit, and fees for ten days are due.
    Fees,
    /// In profit, and the book cannot be measured.
    Broken,
    /// All that the vault has is WBTC in its book, and CAROL's request is older than the wait limit.
    WindingDown,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Empty,
        Self::Held,
        Self::Profit,
        Self::Loss,
        Self::Fees,
        Self::Broken,
        Self::WindingDown,
    ];
    /// The states in which deposits are taken.
    pub const OPEN: [Self; 5] = [Self::Empty, Self::Held, Self::Profit, Self::Loss, Self::Fees];
    /// The states in which somebody holds shares and redemption works as usual.
    pub const EXITS: [Self; 4] = [Self::Held, Self::Profit, Self::Loss, Self::Fees];
}

/// A vault in some state, and the world around it.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The world; its `usdc` and `at` are those of this vault, whatever the asset.
    pub world: World,
    /// Decimals of the asset.
    pub decimals: u8,
    /// What has happened.
    pub state: State,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, asset of {} decimals", self.state, self.decimals)
    }
}

/// Tries something with every kind of asset in each of these states.
pub fn in_each(states: &[State], mut property: impl FnMut(&mut Stage)) {
    for decimals in ASSET_DECIMALS {
        for state in states {
            property(&mut Stage::new(decimals, *state));
        }
    }
}

static BLANKS: [LazyLock<World>; 3] = [
    LazyLock::new(|| blank(ASSET_DECIMALS[0])),
    LazyLock::new(|| blank(ASSET_DECIMALS[1])),
    LazyLock::new(|| blank(ASSET_DECIMALS[2])),
];

/// A world with an empty vault over an asset of this many decimals, without limits to speak of.
fn blank(decimals: u8) -> World {
    let mut world = world();
    let arguments = (String::from("Asset"), String::from("AST"), U256::from(decimals)).abi_encode_params();
    let (asset, at) = over_token(&mut world, "TestToken", &arguments);
    world.usdc = asset;
    world.at = at;
    let most = U256::from(u128::MAX);
    let cap = IVault::setParameterCall { id: 7, value: most };
    govern(&mut world, |at| at.vault, &cap).expect("the cap can be raised");
    let book = world.at.book;
    govern(&mut world, |at| at.vault, &IVault::setBookCapCall { book, cap: most }).expect("the cap can be raised");
    world
}

impl Stage {
    /// A vault over an asset with 6, 8 or 18 decimals.
    ///
    /// # Panics
    /// For other decimals.
    pub fn new(decimals: u8, state: State) -> Self {
        let at = ASSET_DECIMALS.iter().position(|known| *known == decimals);
        let blank = &BLANKS[at.expect("6, 8 or 18 decimals")];
        let mut stage = Self {
            world: (*blank).clone(),
            decimals,
            state,
        };
        stage.prepare();
        stage
    }

    fn prepare(&mut self) {
        let book = self.world.at.book;
        match self.state {
            State::Empty => {}
            State::Held => self.hold(1_000, 600),
            State::Profit => {
                self.hold(1_000, 600);
                self.gain(self.whole(60) + U256::from(7));
            }
            State::Loss => {
                self.hold(1_000, 600);
                self.lose(self.whole(100) + U256::from(3));
            }
            State::Fees => {
                self.set(3, 2_000);
                self.set(4, 200);
                let recipient = IVault::setFeeRecipientCall {
                    feeRecipient: FEE_RECIPIENT,
                };
                self.govern(&recipient);
                self.hold(1_000, 600);
                self.gain(self.whole(60) + U256::from(7));
                self.world.chain.warp(10 * DAY);
            }
            State::Broken => {
                self.hold(1_000, 600);
                self.gain(self.whole(60) + U256::from(7));
                // So that the vault has seen the profit.
                self.deposit(CAROL, self.whole(10));
                self.world.chain.set_code(book, Bytes::from_static(INVALID));
            }
            State::WindingDown => self.wind_down(),
        }
    }

    /// BOB deposits `whole` assets, of which `invested` go to the book.
    fn hold(&mut self, whole: u64, invested: u64) {
        self.deposit(BOB, self.whole(whole));
        self.world.allocate(self.whole(invested)).expect("allocating works");
    }

    /// Turns everything into WBTC, and lets CAROL's request wait until the vault winds down.
    fn wind_down(&mut self) {
        self.hold(800, 800);
        self.deposit(CAROL, self.whole(200));
        self.world.allocate(self.whole(200)).expect("allocating works");
        let (wbtc, book) = (self.world.wbtc, self.world.at.book);
        self.lose(self.whole(1_000));
        // 0.15625 WBTC at 6,400.
        simulated::mint(&mut self.world.chain, BOB, wbtc, book, U256::from(15_625_000)).expect("minting works");
        let shares = self.balance(CAROL);
        self.world.request(CAROL, shares).expect("requests are taken");
        self.pass(DAY + WAIT_LIMIT);
        self.world.settle().expect("an overdue batch can always be tried");
        let winding: bool = self.view(&IVault::windingDownCall {});
        assert!(winding, "{self}: the vault winds down");
    }

    /// Units of whole assets.
    pub fn whole(&self, assets: u64) -> U256 {
        U256::from(assets) * U256::from(10).pow(U256::from(self.decimals))
    }

    /// Virtual shares, 10^(share decimals − asset decimals).
    pub fn virtual_shares(&self) -> U256 {
        U256::from(10).pow(U256::from(18_u8.max(self.decimals + 6) - self.decimals))
    }

    /// Amounts of assets of every size, up to a few thousand whole ones.
    pub fn amounts(&self) -> Vec<U256> {
        let one = self.whole(1);
        let mut amounts: Vec<_> = [1_u64, 2, 3, 7, 999, 1_001, 123_457, 1_000_003, 77_777_777_777]
            .map(U256::from)
            .to_vec();
        amounts.extend([
            one - U256::ONE,
            one,
            one + U256::ONE,
            self.whole(1_234) + U256::from(567),
        ]);
        // 77,777,777,777 units are 77,777 whole assets of 6 decimals, and a speck of one of 18.
        amounts.retain(|amount| *amount <= self.whole(100_000));
        amounts
    }

    /// Asks the vault; the answer must not be refused.
    ///
    /// # Panics
    /// If it is.
    pub fn view<C: SolCall>(&mut self, call: &C) -> C::Return {
        self.view_as(Address::ZERO, call)
    }

    /// As `view`, asked by `caller`.
    ///
    /// # Panics
    /// If it is refused.
    pub fn view_as<C: SolCall>(&mut self, caller: Address, call: &C) -> C::Return {
        self.try_view_as(caller, call)
            .unwrap_or_else(|error| panic!("{self}: {} answers {error}", C::SIGNATURE))
    }

    /// As `view`, where a refusal is possible.
    pub fn try_view<C: SolCall>(&mut self, call: &C) -> Result<C::Return, NetworkError> {
        self.try_view_as(Address::ZERO, call)
    }

    /// As `view_as`, where a refusal is possible.
    pub fn try_view_as<C: SolCall>(&mut self, caller: Address, call: &C) -> Result<C::Return, NetworkError> {
        let vault = self.world.at.vault;
        self.world.chain.read_as(caller, vault, call)
    }

    /// Sends a call to the vault.
    pub fn send<C: SolCall>(&mut self, from: Address, call: &C) -> Result<Sent, NetworkError> {
        let vault = self.world.at.vault;
        self.world.chain.invoke(from, vault, call)
    }

    /// Sends a call to the vault that must work; returns what it answers, and the transaction.
    ///
    /// # Panics
    /// If it does not work.
    pub fn act<C: SolCall>(&mut self, from: Address, call: &C) -> (C::Return, Sent) {
        let sent = self
            .send(from, call)
            .unwrap_or_else(|error| panic!("{self}: {} fails: {error}", C::SIGNATURE));
        let returned = C::abi_decode_returns(&sent.output).expect("the answer is of its type");
        (returned, sent)
    }

    /// A call by governance to the vault.
    ///
    /// # Panics
    /// If it does not work.
    pub fn govern<C: SolCall>(&mut self, call: &C) -> Sent {
        govern(&mut self.world, |at| at.vault, call).unwrap_or_else(|error| panic!("{}: {error}", C::SIGNATURE))
    }

    /// Sets a parameter of the vault by governance.
    pub fn set(&mut self, id: u8, value: u64) {
        let value = U256::from(value);
        self.govern(&IVault::setParameterCall { id, value });
    }

    /// The sole event of this type that the vault logged.
    ///
    /// # Panics
    /// If there is none, or more than one.
    pub fn event<E: SolEvent>(&self, sent: &Sent) -> E {
        let mut events = sent.events::<E>(self.world.at.vault);
        assert_eq!(events.len(), 1, "{self}: {}", E::SIGNATURE);
        events.remove(0)
    }

    /// Gives `person` assets and lets the vault take them.
    pub fn fund(&mut self, person: Address, assets: U256) {
        self.world.fund(person, assets).expect("funding works");
    }

    /// Gives `person` assets and deposits them; returns the shares.
    pub fn deposit(&mut self, person: Address, assets: U256) -> U256 {
        self.fund(person, assets);
        let (_, shares) = self.world.deposit(person, assets).expect("deposits are taken");
        shares
    }

    /// Asset units of an account.
    pub fn assets(&mut self, account: Address) -> U256 {
        let asset = self.world.usdc;
        self.world.balance(asset, account).expect("the asset answers")
    }

    /// Shares of an account.
    pub fn balance(&mut self, account: Address) -> U256 {
        self.view(&IVault::balanceOfCall { account })
    }

    /// All shares.
    pub fn supply(&mut self) -> U256 {
        self.view(&IVault::totalSupplyCall {})
    }

    /// The book earns.
    pub fn gain(&mut self, assets: U256) {
        let (asset, book) = (self.world.usdc, self.world.at.book);
        simulated::mint(&mut self.world.chain, BOB, asset, book, assets).expect("minting works");
    }

    /// The book loses.
    pub fn lose(&mut self, assets: U256) {
        let (asset, book) = (self.world.usdc, self.world.at.book);
        let call = IERC20::transferCall {
            to: ABYSS,
            value: assets,
        };
        self.world.chain.deal(book, GAS_MONEY);
        self.world.chain.invoke(book, asset, &call).expect("the book has it");
    }

    /// Time passes, and prices are published anew.
    pub fn pass(&mut self, secs: u64) {
        self.world.chain.warp(secs);
        let price = self.world.price_e8;
        self.world.publish(price).expect("feeds work");
    }

    /// Requests redemption of shares of `person` by itself; returns the batch.
    pub fn request(&mut self, person: Address, shares: U256) -> U256 {
        let (_, batch) = self.world.request(person, shares).expect("requests are taken");
        batch
    }

    /// Waits for the open batch's cut-off and settles it.
    pub fn settle(&mut self) -> IVault::settleReturn {
        self.pass(DAY);
        let (_, settled) = self.world.settle().expect("the batch can be settled");
        settled
    }

    /// As `settle`, and nothing if there is no batch.
    pub fn settle_if_any(&mut self) {
        self.pass(DAY);
        if !self.view(&IVault::nextBatchCall {}).batchId.is_zero() {
            self.world.settle().expect("the batch can be settled");
        }
    }

    /// Claims everything that is settled for `person`; returns the assets.
    pub fn claim(&mut self, person: Address) -> U256 {
        let (_, assets) = self.world.claim(person).expect("claims are paid");
        assets
    }

    /// Requests, settles and claims: what `person` gets for shares.
    pub fn leave(&mut self, person: Address, shares: U256) -> U256 {
        self.request(person, shares);
        self.settle();
        self.claim(person)
    }

    /// Adds a book like the first one.
    pub fn add_book(&mut self, cap: U256, isolated: bool) -> Address {
        let (artifacts, at) = (Artifacts::new(root()), self.world.at);
        let config = Config {
            asset: self.world.usdc,
            ..self.world.config()
        };
        deploy::add_book(&mut self.world.chain, &artifacts, &config, &at, cap, isolated).expect("books can be added")
    }

    /// Takes everything back from the book.
    pub fn recall_all(&mut self) {
        let book = self.world.at.book;
        let assets = self.assets(book);
        if assets.is_zero() {
            return;
        }
        self.act(ALLOCATOR, &IVault::recallCall { book, assets });
    }

    /// What a stranger may do for everybody: mints the fees that are due.
    pub fn accrue(&mut self) {
        self.act(KEEPER, &IVault::accrueFeesCall {});
    }
}
