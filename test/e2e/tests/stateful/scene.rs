//! The stage: people, two real books with a venue, scripted books, and what the tests know of them.

use crate::{ledger::Ledger, rng::Rng, snap::Snap};
use alloy_primitives::{Address, Bytes, I256, U256, address};
use alloy_sol_types::{SolCall, SolValue, sol};
use e2e::root;
use gimbal::world::{World, dollars, people};
use interfaces::{IERC20, IGovernor, IVault};
use std::{collections::BTreeMap, error::Error, sync::LazyLock};
use venues::{Artifacts, Network, NetworkError, Sent, simulated};

sol! {
    /// `ScriptedBook`, as it is told what to do.
    #[derive(Debug)]
    interface IScripted {
        function set(uint256 position, uint256 spreadBps, uint256 disturbanceBps, uint8 marks, uint8 recall) external;
        function spend(uint256 assets, address to) external;
    }

    /// `Batcher`: several calls in one transaction.
    #[derive(Debug)]
    interface IBatcher {
        struct Step {
            address target;
            bytes data;
            bool mustSucceed;
            uint256 gasLimit;
        }

        error StepFailed(uint256 index, bytes output);

        function run(Step[] steps) external returns (bool[] successes, bytes[] outputs);
    }
}

/// Makes round trips, and nothing else.
pub(crate) const ATTACKER: Address = address!("0000000000000000000000000000000000bb0001");
/// Has no role and gives things away.
pub(crate) const STRANGER: Address = address!("0000000000000000000000000000000000bb0002");
/// Gets the fees.
pub(crate) const COLLECTOR: Address = address!("0000000000000000000000000000000000bb0003");
/// Where lost money goes.
pub(crate) const NOWHERE: Address = address!("0000000000000000000000000000000000bb0004");
/// What each depositor owns at the beginning, in dollars.
const PURSE: u64 = 5_000_000;
/// Scripted books that are registered from the beginning, and those that wait.
const SCRIPTED: [usize; 2] = [3, 3];

/// How a scripted book answers the question for its marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Honesty {
    Honest,
    Silent,
    Reason,
    BurnGas,
    ShortAnswer,
    Disordered,
    Endless,
    LongRevert,
    LongAnswer,
}

impl Honesty {
    /// Every way to fail.
    pub(crate) const FAILURES: [Self; 8] = [
        Self::Silent,
        Self::Reason,
        Self::BurnGas,
        Self::ShortAnswer,
        Self::Disordered,
        Self::Endless,
        Self::LongRevert,
        Self::LongAnswer,
    ];
}

/// How a scripted book answers a recall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recall {
    Pay,
    Refuse,
    BurnGas,
    PayHalf,
    PayNothing,
    PayAll,
    LongRevert,
}

impl Recall {
    /// Every way to answer.
    pub(crate) const ALL: [Self; 7] = [
        Self::Pay,
        Self::Refuse,
        Self::BurnGas,
        Self::PayHalf,
        Self::PayNothing,
        Self::PayAll,
        Self::LongRevert,
    ];
}

/// What a scripted book was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// Value that is not cash, in asset units.
    pub(crate) position: U256,
    pub(crate) spread_bps: U256,
    pub(crate) disturbance_bps: U256,
    pub(crate) marks: Honesty,
    pub(crate) recall: Recall,
}

impl Script {
    /// Cash only, and honest.
    pub(crate) const PLAIN: Self = Self {
        position: U256::ZERO,
        spread_bps: U256::ZERO,
        disturbance_bps: U256::ZERO,
        marks: Honesty::Honest,
        recall: Recall::Pay,
    };

    fn call(&self) -> IScripted::setCall {
        IScripted::setCall {
            position: self.position,
            spreadBps: self.spread_bps,
            disturbanceBps: self.disturbance_bps,
            marks: self.marks as u8,
            recall: self.recall as u8,
        }
    }
}

/// What an episode has more of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Calm,
    /// Assets lie where they cannot be recalled from.
    Illiquid,
    /// Books fall silent.
    Broken,
}

/// Everything, as a value: a clone is another future.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) ledger: Ledger,
    /// Several calls in one transaction; an account like any other.
    pub(crate) batcher: Address,
    /// Books that are what they are told to be, registered or not.
    pub(crate) scripts: BTreeMap<Address, Script>,
    /// Books with a venue.
    pub(crate) real: Vec<Address>,
    /// Everybody who may hold shares.
    pub(crate) people: Vec<Address>,
    /// Whether the price feed answers.
    pub(crate) feed_alive: bool,
    /// What this episode has more of.
    pub(crate) mood: Mood,
    /// Seconds since the programs were deployed; they live for a year.
    pub(crate) age: u64,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| build().expect("the scene can be built"));

/// The scene before anybody did anything, with settings that follow from `rng`.
pub(crate) fn scene(rng: &mut Rng) -> Scene {
    let mut scene = SCENE.clone();
    scene.mood = rng.pick(&[Mood::Calm, Mood::Illiquid, Mood::Broken]);
    let settings: [(u8, u64); 7] = [
        (0, rng.pick(&[3_600, 43_200, 86_400, 86_400])),
        (1, rng.pick(&[86_400, 259_200, 604_800])),
        (2, rng.pick(&[0, 0, 10, 10, 100, 300])),
        (3, rng.pick(&[0, 1_000, 2_000, 5_000])),
        (4, rng.pick(&[0, 100, 500])),
        (5, rng.pick(&[500, 500, 100])),
        (
            7,
            rng.pick(&[100_000_000_000_000_u64, 100_000_000_000_000, 8_000_000_000_000]),
        ),
    ];
    for (id, value) in settings {
        let call = IVault::setParameterCall {
            id,
            value: U256::from(value),
        };
        scene
            .govern(scene.world.at.vault, &call)
            .expect("settings are in range");
    }
    if rng.chance(25) {
        let call = IVault::setParameterCall {
            id: 8,
            value: dollars(2_000_000),
        };
        scene
            .govern(scene.world.at.vault, &call)
            .expect("an account can be capped");
    }
    if rng.chance(85) {
        let call = IVault::setFeeRecipientCall {
            feeRecipient: COLLECTOR,
        };
        scene
            .govern(scene.world.at.vault, &call)
            .expect("somebody may get the fees");
    }
    scene
        .ledger
        .start(&Snap::take(&mut scene.clone()).expect("the scene can be seen"));
    scene
}

fn build() -> Result<Scene, Box<dyn Error + Send + Sync>> {
    let mut world = e2e::world();
    let second = world.add_book(dollars(2_000_000), true)?;
    let artifacts = Artifacts::new(root());
    let owner = people::OWNER;
    let batcher = world.chain.create(owner, artifacts.compiled("Batcher")?.code()?)?;
    let arguments = (world.at.vault, world.usdc).abi_encode();
    let code = [artifacts.compiled("ScriptedBook")?.code()?, arguments].concat();
    let mut scene = Scene {
        real: vec![world.at.book, second],
        ledger: Ledger::default(),
        batcher,
        scripts: BTreeMap::new(),
        people: people::DEPOSITORS.to_vec(),
        feed_alive: true,
        mood: Mood::Calm,
        age: 0,
        world,
    };
    scene.people.extend([ATTACKER, STRANGER, COLLECTOR, batcher]);
    for index in 0..SCRIPTED.iter().sum() {
        let book = scene.world.chain.create(owner, code.clone())?;
        scene.scripts.insert(book, Script::PLAIN);
        if index < SCRIPTED[0] {
            let call = IVault::addBookCall {
                book,
                cap: dollars(3_000_000),
                isolated: index % 2 == 1,
            };
            scene.govern(scene.world.at.vault, &call)?;
        }
    }
    for person in scene.people.clone() {
        scene.world.chain.deal(person, U256::from(10).pow(U256::from(24)));
        if person == batcher {
            simulated::mint(&mut scene.world.chain, owner, scene.world.usdc, batcher, dollars(PURSE))?;
        } else {
            scene.world.fund(person, dollars(PURSE))?;
        }
    }
    let approval = IERC20::approveCall {
        spender: scene.world.at.vault,
        value: U256::MAX,
    };
    let token = scene.world.usdc;
    scene.together(&[(token, approval.abi_encode())])?;
    Ok(scene)
}

impl Scene {
    /// A call of anyone.
    pub(crate) fn send<C: SolCall>(&mut self, from: Address, to: Address, call: &C) -> Result<Sent, NetworkError> {
        self.world.chain.invoke(from, to, call)
    }

    /// A call of governance.
    pub(crate) fn govern<C: SolCall>(&mut self, target: Address, call: &C) -> Result<Sent, NetworkError> {
        let data = call.abi_encode().into();
        let governor = self.world.at.governor;
        self.send(people::OWNER, governor, &IGovernor::executeCall { target, data })
    }

    /// Everybody but the batcher, who has a way of its own.
    pub(crate) fn actors(&self) -> Vec<Address> {
        self.people
            .iter()
            .copied()
            .filter(|person| *person != self.batcher)
            .collect()
    }

    /// Calls of the batcher in one transaction: all of them or none.
    pub(crate) fn together(&mut self, calls: &[(Address, Vec<u8>)]) -> Result<Sent, NetworkError> {
        let steps = calls.iter().map(|(target, data)| IBatcher::Step {
            target: *target,
            data: Bytes::from(data.clone()),
            mustSucceed: true,
            gasLimit: U256::ZERO,
        });
        let run = IBatcher::runCall { steps: steps.collect() };
        self.send(STRANGER, self.batcher, &run)
    }

    /// Tells a scripted book what to be.
    pub(crate) fn tell(&mut self, book: Address, script: Script) -> Result<Sent, NetworkError> {
        let sent = self.send(STRANGER, book, &script.call())?;
        self.scripts.insert(book, script);
        Ok(sent)
    }

    /// Publishes fresh rounds, and lets the pool follow or not.
    pub(crate) fn price(&mut self, price_e8: u64, follow: bool) -> Result<(), String> {
        let moved = if follow {
            self.world.set_price(price_e8)
        } else {
            self.world.publish(price_e8)
        };
        self.feed_alive = true;
        moved.map_err(|error| format!("the market cannot move: {error:#}"))
    }

    /// A round that no oracle accepts.
    pub(crate) fn kill_feed(&mut self) -> Result<(), String> {
        let feed = self.world.wbtc_feed;
        self.feed_alive = false;
        simulated::publish(&mut self.world.chain, people::OWNER, feed, I256::ZERO)
            .map_err(|error| format!("the feed cannot be killed: {error:#}"))
    }

    /// Lets time pass.
    pub(crate) fn warp(&mut self, secs: u64) {
        self.world.chain.warp(secs);
        self.age += secs;
    }
}
