//! Gas of the share operations, whole transactions, beside the Solidity model of the vault.
//!
//! `cargo xtask gas --write` renews `bench/snapshots/gas_shares.json`.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use devnode::{Tx, stylus::ink::INK_PRICE};
use e2e::{
    root,
    twin::{self, IMPLEMENTATION_SLOT},
};
use gimbal::{
    deploy::Config,
    world::{
        World, dollars,
        people::{ALICE, BOB, CAROL, KEEPER, OWNER},
    },
};
use interfaces::{
    IGovernor, IVault,
    arbos::{ARB_WASM_CACHE, ArbWasmCache},
};
use revm::{
    context::ContextTr,
    inspector::Inspector,
    interpreter::{
        CallInputs, CallOutcome, CallScheme, Interpreter,
        interpreter::EthInterpreter,
        interpreter_types::{InputsTr as _, Jumps as _},
    },
};
use serde_json::{Map, Value, json};
use venues::{Artifacts, Network};

/// What stands at the vault's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    /// The vault behind its proxy, its program in the cache.
    Stylus,
    /// As above, its program not in the cache.
    Uncached,
    /// The Solidity model.
    Model,
    /// The Solidity model behind the code of the vault's proxy.
    ModelBehindProxy,
}

/// What the vault holds besides idle assets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Books {
    /// Nothing.
    None,
    /// Half of it is in a book, in cash.
    Cash,
    /// Half of it is in a book, which is invested and hedged.
    Invested,
}

const SUBJECTS: [(Subject, &str); 4] = [
    (Subject::Stylus, "stylus"),
    (Subject::Uncached, "stylus, uncached"),
    (Subject::Model, "solidity"),
    (Subject::ModelBehindProxy, "solidity, behind the proxy"),
];

/// A transaction's gas.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    /// All of it: 21,000, calldata, execution, less refunds.
    all: u64,
    /// What books and tokens used that the vault called.
    others: u64,
    /// For entering the vault's program.
    entry: u64,
    /// What the vault's program paid for its storage and transient storage.
    storage: u64,
    /// What it paid for logs.
    logs: u64,
    /// What it paid for computing and for the host calls that are left.
    compute: u64,
}

/// Gas of the calls that an address makes, and of its EVM code's own storage and logs.
struct Outside {
    vault: Address,
    gas: u64,
    storage: u64,
    logs: u64,
    /// Opcode and gas before it.
    step: Option<(u8, u64)>,
}

impl<C: ContextTr> Inspector<C, EthInterpreter> for Outside {
    fn step(&mut self, interp: &mut Interpreter<EthInterpreter>, _: &mut C) {
        let ours = interp.input.target_address() == self.vault;
        self.step = ours.then(|| (interp.bytecode.opcode(), interp.gas.remaining()));
    }

    fn step_end(&mut self, interp: &mut Interpreter<EthInterpreter>, _: &mut C) {
        let Some((opcode, before)) = self.step.take() else {
            return;
        };
        let spent = before.saturating_sub(interp.gas.remaining());
        match opcode {
            0x54 | 0x55 | 0x5C | 0x5D => self.storage += spent,
            0xA0..=0xA4 => self.logs += spent,
            _ => {}
        }
    }

    fn call_end(&mut self, _: &mut C, inputs: &CallInputs, outcome: &mut CallOutcome) {
        // What a proxy delegates is part of the call of the proxy.
        let delegated = inputs.scheme == CallScheme::DelegateCall;
        if inputs.caller == self.vault && inputs.target_address != self.vault && !delegated {
            self.gas += outcome.result.gas.total_gas_spent();
        }
    }
}

#[test]
fn gas_snapshot_of_shares() {
    let measured = measure();
    let path = root().join("bench/snapshots/gas_shares.json");
    if std::env::var("GIMBAL_GAS").as_deref() == Ok("write") {
        std::fs::write(&path, format!("{measured:#}\n")).unwrap();
        return;
    }
    let committed: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(
        committed, measured,
        "renew with `cargo xtask gas --write` if the change is meant"
    );
}

fn measure() -> Value {
    let base = e2e::world();
    let mut record = Map::new();
    for (books, name) in [
        (Books::None, "no book"),
        (Books::Cash, "book of cash"),
        (Books::Invested, "book invested"),
    ] {
        let costs = SUBJECTS.map(|(subject, _)| live(&base, subject, books));
        println!(
            "\n{name:26} {:>9} {:>9} {:>9} {:>9}  ratio  behind",
            "stylus", "uncached", "solidity", "behind"
        );
        let mut rows = Map::new();
        for (index, (operation, ours)) in costs[0].iter().enumerate() {
            let all = costs.each_ref().map(|one| one[index].1.all);
            let [gas, uncached, model, behind] = all;
            #[expect(clippy::cast_precision_loss, reason = "gas is small")]
            let ratio = |of: u64| gas as f64 / of as f64;
            println!(
                "{operation:26} {gas:>9} {uncached:>9} {model:>9} {behind:>9}  {:.3}  {:.3}",
                ratio(model),
                ratio(behind),
            );
            let theirs = costs[2][index].1;
            println!(
                "{:26} others {} entry {} storage {} logs {} compute {}; solidity others {} storage {} logs {}",
                "",
                ours.others,
                ours.entry,
                ours.storage,
                ours.logs,
                ours.compute,
                theirs.others,
                theirs.storage,
                theirs.logs,
            );
            let mut row = Map::new();
            for ((_, side), gas) in SUBJECTS.iter().zip(all) {
                row.insert((*side).to_owned(), json!(gas));
            }
            row.insert("of it books and token, stylus".to_owned(), json!(ours.others));
            row.insert("of it books and token, solidity".to_owned(), json!(theirs.others));
            rows.insert((*operation).to_owned(), Value::Object(row));
        }
        record.insert(name.to_owned(), Value::Object(rows));
    }
    Value::Object(record)
}

/// The share operations, each from the same state whatever the subject.
fn live(base: &World, subject: Subject, books: Books) -> Vec<(&'static str, Cost)> {
    let mut world = base.clone();
    match subject {
        Subject::Stylus => {}
        Subject::Uncached => evict(&mut world),
        Subject::Model | Subject::ModelBehindProxy => install(&mut world, subject == Subject::ModelBehindProxy),
    }
    if books == Books::None {
        let book = world.at.book;
        govern(&mut world, &IVault::removeBookCall { book });
    }
    for person in [ALICE, BOB] {
        world.fund(person, dollars(1_000_000)).unwrap();
        world.deposit(person, dollars(200_000)).unwrap();
    }
    if books != Books::None {
        world.allocate(dollars(200_000)).unwrap();
    }
    if books == Books::Invested {
        world.rebalance().unwrap();
    }
    wait(&mut world, 3_600);
    let mut costs = Vec::new();
    let vault = world.at.vault;
    let mut spend = |world: &mut World, name, from, data: Vec<u8>| {
        costs.push((name, send(world, from, data)));
    };
    let assets = dollars(10_000);
    let deposit = IVault::depositCall {
        assets,
        receiver: ALICE,
    };
    spend(&mut world, "deposit", ALICE, deposit.abi_encode());
    wait(&mut world, 60);
    let shares = world.balance(vault, ALICE).unwrap() / U256::from(4);
    let transfer = |to| IVault::transferCall { to, value: shares }.abi_encode();
    spend(&mut world, "transfer", ALICE, transfer(BOB));
    spend(&mut world, "transfer to a new holder", ALICE, transfer(CAROL));
    let request = |controller| {
        let owner = controller;
        IVault::requestRedeemCall {
            shares,
            controller,
            owner,
        }
        .abi_encode()
    };
    spend(&mut world, "request, first of a batch", ALICE, request(ALICE));
    spend(&mut world, "request", BOB, request(BOB));
    wait(&mut world, 86_400);
    spend(&mut world, "settle", KEEPER, IVault::settleCall {}.abi_encode());
    for (name, person) in [("claim", ALICE), ("claim, last", BOB)] {
        let max = world
            .chain
            .read(vault, &IVault::maxRedeemCall { controller: person })
            .unwrap();
        let claim = IVault::redeemCall {
            shares: max,
            receiver: person,
            controller: person,
        };
        spend(&mut world, name, person, claim.abi_encode());
    }
    // The second time nothing is new.
    spend(&mut world, "request, second time", BOB, request(BOB));
    wait(&mut world, 86_400);
    if books == Books::Cash {
        // More than is idle: the book has to give.
        let idle = world.chain.read(vault, &IVault::idleCall {}).unwrap();
        world.allocate(idle - dollars(1_000)).unwrap();
        spend(
            &mut world,
            "settle, with a recall",
            KEEPER,
            IVault::settleCall {}.abi_encode(),
        );
    }
    costs
}

fn wait(world: &mut World, secs: u64) {
    world.chain.warp(secs);
    world.set_price(world.price_e8).unwrap(); // arbitrageurs have been there
}

fn govern<C: SolCall>(world: &mut World, call: &C) {
    let call = IGovernor::executeCall {
        target: world.at.vault,
        data: call.abi_encode().into(),
    };
    world.chain.invoke(OWNER, world.at.governor, &call).unwrap();
}

/// Takes the vault's program out of the cache.
fn evict(world: &mut World) {
    let program = world.at.vault_program;
    let codehash = alloy_primitives::keccak256(world.chain.code(program));
    let call = ArbWasmCache::evictCodehashCall { codehash };
    world.chain.invoke(OWNER, ARB_WASM_CACHE, &call).unwrap();
}

/// Puts the model in the vault's place before anything happened there.
fn install(world: &mut World, behind_proxy: bool) {
    let config: Config = world.config();
    let setup = IVault::initializeCall {
        governor: world.at.governor,
        asset: config.asset,
        name: twin::text(config.name),
        symbol: twin::text(config.symbol),
        rebalancer: world.at.rebalancer,
        feeRecipient: config.fee_recipient,
        parameters: config.parameters.words(),
    };
    let (vault, book) = (world.at.vault, world.at.book);
    let model = twin::model(&mut world.chain, &Artifacts::new(root()), &setup).unwrap();
    let storage = world.chain.state().accounts().find(|(address, ..)| *address == model);
    let (.., storage) = storage.expect("the model exists");
    world.chain.state_mut().clear_storage(vault).unwrap();
    for (slot, value) in storage {
        world.chain.set_storage(vault, slot, value);
    }
    if behind_proxy {
        let slot = U256::from_be_bytes(IMPLEMENTATION_SLOT.0);
        world
            .chain
            .set_storage(vault, slot, B256::from(model.into_word()).into());
    } else {
        let code = world.chain.code(model);
        world.chain.set_code(vault, code);
    }
    let cap = config.book_cap;
    let isolated = false;
    govern(world, &IVault::addBookCall { book, cap, isolated });
}

/// Sends a transaction to the vault, and says where its gas went.
fn send(world: &mut World, from: Address, data: Vec<u8>) -> Cost {
    let vault = world.at.vault;
    let receipt = world.chain.send(Tx::call(from, vault, data)).unwrap();
    assert!(receipt.success, "{receipt:?}");
    let outside = Outside {
        vault,
        gas: 0,
        storage: 0,
        logs: 0,
        step: None,
    };
    let watched = world
        .chain
        .replay(receipt.hash, Some(outside))
        .unwrap()
        .expect("it was just sent");
    let outside = watched.inspector.expect("it was watched");
    let mut cost = Cost {
        all: receipt.gas_used,
        others: outside.gas,
        ..Cost::default()
    };
    let runs = watched.receipt.runs.iter().filter(|run| run.address == vault);
    for run in runs {
        cost.entry += run.entry_gas;
        let mut ink = run.ink_start - run.finished.ink_left;
        for call in &run.finished.host_calls {
            let to = match call.name {
                name if name.starts_with("storage") || name.starts_with("transient") => &mut cost.storage,
                "emit_log" => &mut cost.logs,
                name if name.ends_with("call_contract") => {
                    // The callee's part is among the others.
                    ink -= call.ink;
                    continue;
                }
                _ => continue,
            };
            *to += call.ink;
            ink -= call.ink;
        }
        cost.compute += ink;
    }
    let gas = |ink: u64| ink / u64::from(INK_PRICE);
    (cost.storage, cost.logs, cost.compute) = (gas(cost.storage), gas(cost.logs), gas(cost.compute));
    // The proxy's and the model's.
    cost.storage += outside.storage;
    cost.logs += outside.logs;
    cost
}
