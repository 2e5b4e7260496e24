//! The proxy in front of real programs: initialised by its own creation, and re-pointed only while the chain refuses the
//! program behind it.

use alloy_primitives::{Address, B256, Bytes, U256, address, hex, keccak256};
use alloy_sol_types::SolCall;
use devnode::{Chain, Tx};
use e2e::{PRICE_E8, govern, invested, refused, root, world};
use gimbal::{
    deploy::{self, Config, VaultParameters},
    world::{World, dollars, people},
};
use interfaces::{IBook, IGasMeter, IProxy, IVault};
use std::{collections::BTreeSet, fs};
use venues::{Artifacts, Network, NetworkError, simulated, stylus};

const GOVERNOR: Address = address!("0000000000000000000000000000000000bb0001");
const STRANGER: Address = address!("0000000000000000000000000000000000bb0002");
const VAULT: Address = address!("0000000000000000000000000000000000bb0003");
const MODULE: Address = address!("0000000000000000000000000000000000bb0004");
const ADAPTERS: [Address; 2] = [
    address!("0000000000000000000000000000000000bb0005"),
    address!("0000000000000000000000000000000000bb0006"),
];
const START: u64 = 1_700_000_000;
const DAY: u64 = 86_400;
/// Days from an announcement to the earliest change, and from then to the last.
const DELAY: u64 = 14;
/// Days that a program lives without keepalive.
const YEAR: u64 = 365;

/// A chain with a book behind a proxy. The governor is an account here.
struct Stage {
    chain: Chain,
    token: Address,
    program: Address,
    proxy: Address,
}

impl Stage {
    fn new() -> Self {
        let mut chain = Chain::builder().timestamp(START).build();
        for account in [GOVERNOR, STRANGER] {
            chain.deal(account, U256::from(10).pow(U256::from(22)));
        }
        // A vault that is not locked, and adapters without legs: answers are one word 0, and an empty array.
        chain.set_code(VAULT, hex!("60205ff3"));
        for adapter in ADAPTERS {
            chain.set_code(adapter, hex!("60205f5260405ff3"));
        }
        let artifacts = Artifacts::new(root());
        let token = simulated::token(&mut chain, &artifacts, GOVERNOR, "USD Coin", "USDC", 6).unwrap();
        let program = stylus::deploy(&mut chain, GOVERNOR, &artifacts.program("book").unwrap()).unwrap();
        let proxy = deploy::proxy(&mut chain, &artifacts, GOVERNOR, program, GOVERNOR, &initialise(token)).unwrap();
        Self {
            chain,
            token,
            program,
            proxy,
        }
    }

    fn successor(&mut self) -> Address {
        successor(&mut self.chain, GOVERNOR, "book")
    }

    fn announce(&mut self, next: Address) {
        let call = IProxy::announceCall { next };
        self.chain.invoke(GOVERNOR, self.proxy, &call).unwrap();
    }

    fn repoint(&mut self) -> Result<venues::Sent, NetworkError> {
        self.chain.invoke(STRANGER, self.proxy, &IProxy::repointCall {})
    }

    fn implementation(&mut self) -> Address {
        self.chain.read(self.proxy, &IProxy::implementationCall {}).unwrap()
    }

    /// The book's answers that come from its storage, or why there are none.
    fn book(&mut self) -> Result<(Address, Address, U256, Address), NetworkError> {
        let governor = self.chain.read(self.proxy, &IBook::governorCall {})?;
        let vault = self.chain.read(self.proxy, &IBook::vaultCall {})?;
        let adapters = self.chain.read(self.proxy, &IBook::adapterCountCall {})?;
        let index = U256::ZERO;
        let asset = self.chain.read(self.proxy, &IBook::tokenCall { index })?.token;
        Ok((governor, vault, adapters, asset))
    }

    /// A change through the proxy.
    fn register_adapter(&mut self, adapter: Address) -> Result<venues::Sent, NetworkError> {
        self.chain
            .invoke(GOVERNOR, self.proxy, &IBook::registerAdapterCall { adapter })
    }

    fn raise_stylus_version(&mut self) {
        let mut params = self.chain.stylus_params();
        params.version += 1;
        self.chain.set_stylus_params(&params);
    }
}

/// The same program with other bytes, activated today.
fn successor(chain: &mut Chain, from: Address, contract: &str) -> Address {
    let mut wasm = fs::read(root().join(format!("target/contracts/{contract}.wasm"))).unwrap();
    // An empty custom section called "x".
    wasm.extend([0, 2, 1, b'x']);
    chain.create_program(from, &wasm).unwrap()
}

fn initialise(asset: Address) -> IBook::initializeCall {
    IBook::initializeCall {
        governor: GOVERNOR,
        vault: VAULT,
        rebalancer: MODULE,
        risk: MODULE,
        oracle: MODULE,
        asset,
    }
}

// ---- initialisation ----

#[test]
fn book_behind_proxy_is_initialised_by_its_creation_and_never_again() {
    let mut stage = Stage::new();
    assert_eq!(stage.book().unwrap(), (GOVERNOR, VAULT, U256::ZERO, stage.token));
    for caller in [GOVERNOR, STRANGER] {
        let result = stage.chain.invoke(caller, stage.proxy, &initialise(stage.token));
        let _: IBook::AlreadyInitialized = refused(result);
    }
}

#[test]
fn bare_book_program_cannot_be_initialised() {
    let mut stage = Stage::new();
    let result = stage.chain.invoke(GOVERNOR, stage.program, &initialise(stage.token));
    let _: IBook::AlreadyInitialized = refused(result);
    let governor = stage.chain.read(stage.program, &IBook::governorCall {}).unwrap();
    assert_eq!(governor, Address::ZERO);
}

#[test]
fn creation_passes_the_programs_refusal_on() {
    let mut stage = Stage::new();
    let code = Artifacts::new(root()).compiled("Proxy").unwrap().code().unwrap();
    let mut create = |program: Address, governor: Address, initialisation: IBook::initializeCall| {
        let arguments = IProxy::constructorCall {
            program,
            governor,
            initialisation: initialisation.abi_encode().into(),
        };
        stage.chain.deploy(STRANGER, &code, &arguments)
    };
    let mut without_risk = initialise(stage.token);
    without_risk.risk = Address::ZERO;
    let _: IBook::ZeroAddress = refused(create(stage.program, GOVERNOR, without_risk));
    let error: IProxy::NotCallable = refused(create(stage.token, GOVERNOR, initialise(stage.token)));
    assert_eq!(error.program, stage.token, "an EVM contract is no program");
    let error: IProxy::NotCallable = refused(create(STRANGER, GOVERNOR, initialise(stage.token)));
    assert_eq!(error.program, STRANGER, "no code, no program");
}

// ---- what a program sees behind the proxy ----

/// Stores under its first argument word what it sees: a mark, whether its address has code, whether the call re-enters.
/// With an address behind that it calls it with the last 32 bytes. Answers with what it stored.
const WITNESS: &str = r#"(module
    (import "vm_hooks" "read_args" (func $read_args (param i32)))
    (import "vm_hooks" "write_result" (func $write_result (param i32 i32)))
    (import "vm_hooks" "storage_cache_bytes32" (func $store (param i32 i32)))
    (import "vm_hooks" "storage_flush_cache" (func $flush (param i32)))
    (import "vm_hooks" "contract_address" (func $contract_address (param i32)))
    (import "vm_hooks" "account_code_size" (func $code_size (param i32) (result i32)))
    (import "vm_hooks" "msg_reentrant" (func $msg_reentrant (result i32)))
    (import "vm_hooks" "call_contract" (func $call (param i32 i32 i32 i32 i64 i32) (result i32)))
    (memory (export "memory") 1 1)
    (func (export "user_entrypoint") (param $length i32) (result i32)
        (call $read_args (i32.const 0))
        (call $contract_address (i32.const 512))
        (i32.store8 (i32.const 573) (i32.const 1))
        (i32.store8 (i32.const 574) (i32.ne (call $code_size (i32.const 512)) (i32.const 0)))
        (i32.store8 (i32.const 575) (call $msg_reentrant))
        (call $store (i32.const 0) (i32.const 544))
        (call $flush (i32.const 0))
        (if (i32.gt_u (local.get $length) (i32.const 32)) (then
            (drop (call $call (i32.const 32) (i32.const 52) (i32.const 32) (i32.const 640) (i64.const -1) (i32.const 700)))))
        (call $write_result (i32.const 544) (i32.const 32))
        (i32.const 0)))"#;

#[test]
fn program_behind_proxy_sees_no_code_in_construction_and_re_entry_only_when_there_is_one() {
    let mut stage = Stage::new();
    let wasm = wat::parse_str(WITNESS).unwrap();
    let program = stage.chain.create_program(GOVERNOR, &wasm).unwrap();
    let code = Artifacts::new(root()).compiled("Proxy").unwrap().code().unwrap();
    let slot = |number: u64| B256::from(U256::from(number));
    let arguments = IProxy::constructorCall {
        program,
        governor: GOVERNOR,
        initialisation: slot(1).to_vec().into(),
    };
    let proxy = stage.chain.deploy(GOVERNOR, &code, &arguments).unwrap();
    let nested = [slot(2).as_slice(), proxy.as_slice(), slot(3).as_slice()].concat();
    let sent = stage.chain.transact(STRANGER, Some(proxy), U256::ZERO, nested.into());
    assert_eq!(sent.unwrap().output.len(), 32);
    let seen = |number: u64| stage.chain.storage(proxy, U256::from(number)).to::<u32>();
    assert_eq!(seen(1), 0x01_00_00, "constructed: no code, no re-entry");
    assert_eq!(seen(2), 0x01_01_00, "called: code, no re-entry");
    assert_eq!(seen(3), 0x01_01_01, "called by itself: code, re-entry");
    assert_eq!(stage.chain.storage(program, U256::from(1)), U256::ZERO);
}

#[test]
fn value_is_refused_by_proxy() {
    let mut stage = Stage::new();
    for data in [vec![], IBook::tokenCountCall {}.abi_encode()] {
        let sent = stage
            .chain
            .transact(STRANGER, Some(stage.proxy), U256::from(1), data.into());
        assert!(matches!(sent, Err(NetworkError::Reverted(data)) if data.is_empty()));
    }
    assert_eq!(stage.chain.balance(stage.proxy), U256::ZERO);
}

// ---- re-pointing ----

#[test]
fn repoint_of_callable_program_is_refused_with_any_gas() {
    let mut stage = Stage::new();
    let next = stage.successor();
    let _: IProxy::NothingAnnounced = refused(stage.repoint());
    stage.announce(next);
    let error: IProxy::AnnouncementTooFresh = refused(stage.repoint());
    assert_eq!(error.readyAt, U256::from(stage.chain.timestamp() + DELAY * DAY));
    stage.chain.warp(DELAY * DAY);
    let error: IProxy::NotUncallable = refused(stage.repoint());
    assert_eq!(error.program, stage.program);
    for gas in (22_000..60_000).step_by(50) {
        let call = IProxy::repointCall {}.abi_encode();
        let receipt = stage
            .chain
            .send(Tx::call(STRANGER, stage.proxy, call).gas(gas))
            .unwrap();
        assert!(!receipt.success, "{gas}");
    }
    assert_eq!(stage.implementation(), stage.program);
}

#[test]
fn announcement_by_stranger_or_of_something_uncallable_is_refused() {
    let mut stage = Stage::new();
    let next = stage.successor();
    let call = IProxy::announceCall { next };
    let error: IProxy::Unauthorized = refused(stage.chain.invoke(STRANGER, stage.proxy, &call));
    assert_eq!(error.caller, STRANGER);
    let next = stage.token;
    let result = stage
        .chain
        .invoke(GOVERNOR, stage.proxy, &IProxy::announceCall { next });
    let error: IProxy::NotCallable = refused(result);
    assert_eq!(error.program, next);
}

#[test]
fn expired_program_is_replaced_and_the_book_goes_on() {
    let mut stage = Stage::new();
    stage.register_adapter(ADAPTERS[0]).unwrap();
    let before = stage.book().unwrap();
    stage.chain.warp((YEAR - 5) * DAY);
    let next = stage.successor();
    stage.announce(next);
    stage.chain.warp(4 * DAY);
    assert_eq!(stage.book().unwrap(), before, "a day before it expires");
    let _: IProxy::AnnouncementTooFresh = refused(stage.repoint());
    stage.chain.warp(2 * DAY);
    assert!(!stage.chain.is_active(stage.program) && stage.chain.is_active(next));
    assert!(stage.book().is_err() && stage.register_adapter(ADAPTERS[1]).is_err());
    let _: IProxy::AnnouncementTooFresh = refused(stage.repoint());
    stage.chain.warp((DELAY - 6) * DAY);
    let sent = stage.repoint().unwrap();
    let [event] = &sent.events::<IProxy::Upgraded>(stage.proxy)[..] else {
        panic!("one event")
    };
    assert_eq!((event.implementation, stage.implementation()), (next, next));
    assert_eq!(stage.book().unwrap(), before, "the storage stays");
    stage.register_adapter(ADAPTERS[1]).unwrap();
    assert_eq!(stage.book().unwrap().2, U256::from(2), "and is written");
    let result = stage.chain.invoke(GOVERNOR, stage.proxy, &initialise(stage.token));
    let _: IBook::AlreadyInitialized = refused(result);
    let _: IProxy::NothingAnnounced = refused(stage.repoint());
}

#[test]
fn program_of_an_older_stylus_version_is_replaced() {
    let mut stage = Stage::new();
    let before = stage.book().unwrap();
    let next = stage.successor();
    stage.announce(next);
    stage.chain.warp(DELAY * DAY);
    stage.raise_stylus_version();
    assert!(stage.book().is_err());
    let error: IProxy::NotCallable = refused(stage.repoint());
    assert_eq!(error.program, next, "it is of the older version, too");
    assert!(stage.chain.activate(STRANGER, next).unwrap().success);
    stage.repoint().unwrap();
    assert_eq!(stage.implementation(), next);
    assert_eq!(stage.book().unwrap(), before);
    stage.register_adapter(ADAPTERS[0]).unwrap();
}

#[test]
fn activation_by_anyone_brings_the_old_program_back_instead() {
    for expire in [true, false] {
        let mut stage = Stage::new();
        let before = stage.book().unwrap();
        stage.chain.warp((YEAR - 1) * DAY);
        let next = stage.successor();
        stage.announce(next);
        if !expire {
            stage.raise_stylus_version();
            assert!(stage.chain.activate(STRANGER, next).unwrap().success);
        }
        stage.chain.warp(DELAY * DAY);
        assert!(stage.book().is_err());
        assert!(stage.chain.activate(STRANGER, stage.program).unwrap().success);
        let _: IProxy::NotUncallable = refused(stage.repoint());
        assert_eq!(stage.implementation(), stage.program);
        assert_eq!(stage.book().unwrap(), before);
        stage.register_adapter(ADAPTERS[0]).unwrap();
    }
}

#[test]
fn forgotten_announcement_expires() {
    let mut stage = Stage::new();
    let next = stage.successor();
    stage.announce(next);
    stage.chain.warp(2 * DELAY * DAY + 60);
    stage.raise_stylus_version();
    assert!(stage.chain.activate(STRANGER, next).unwrap().success);
    let _: IProxy::AnnouncementExpired = refused(stage.repoint());
}

// ---- the whole system ----

#[test]
fn vault_behind_proxy_is_initialised_by_its_creation_and_never_again() {
    let mut world = world();
    let call = IVault::initializeCall {
        governor: people::ALICE,
        asset: world.usdc,
        name: B256::ZERO,
        symbol: B256::ZERO,
        rebalancer: people::ALICE,
        feeRecipient: people::ALICE,
        parameters: Vec::new(),
    };
    for vault in [world.at.vault, world.at.vault_program] {
        let _: IVault::AlreadyInitialized = refused(world.chain.invoke(people::ALICE, vault, &call));
    }
    let governor = world.chain.read(world.at.vault, &IVault::governorCall {}).unwrap();
    assert_eq!(governor, world.at.governor);
    let governor = world.chain.read(world.at.vault_program, &IVault::governorCall {});
    assert_eq!(governor.unwrap(), Address::ZERO);
}

#[test]
fn configured_parameters_reach_the_vault() {
    let parameters = VaultParameters {
        period_secs: 7_200,
        wait_limit_secs: 172_800,
        entry_cost_bps: 20,
        performance_fee_bps: 1_000,
        management_fee_bps: 100,
        max_spread_bps: 400,
        max_disturbance_bps: 50,
        deposit_cap: dollars(1_000_000),
        account_cap: dollars(1_000),
    };
    let adjust = |config: &mut Config| {
        config.parameters = parameters;
        config.fee_recipient = people::ERIN;
    };
    let mut world = World::with(&root(), START, PRICE_E8, adjust).unwrap();
    assert_eq!(world.config().parameters, parameters);
    for (id, value) in (0..).zip([
        7_200,
        172_800,
        20,
        1_000,
        100,
        400,
        50,
        1_000_000_000_000_u64,
        1_000_000_000,
    ]) {
        let stored = world.chain.read(world.at.vault, &IVault::parameterCall { id });
        assert_eq!(stored.unwrap(), U256::from(value), "parameter {id}");
    }
    let recipient = world.chain.read(world.at.vault, &IVault::feeRecipientCall {}).unwrap();
    assert_eq!(recipient, people::ERIN);
}

#[test]
fn second_book_is_allocated_to_and_rebalanced_like_the_first() {
    let mut world = invested(people::ALICE, 10_000);
    let book = world.add_book(dollars(5_000), true).unwrap();
    world.fund(people::BOB, dollars(5_000)).unwrap();
    world.deposit(people::BOB, dollars(5_000)).unwrap();
    let [_, before, _] = marks(&mut world);
    world.allocate_to(book, dollars(5_000)).unwrap();
    assert_eq!(marks(&mut world)[1], before, "allocating moves no value");
    let (_, decision) = world.assess_book(book).unwrap();
    assert_eq!(decision.rule, U256::from(6), "no delta yet");
    let (sent, event) = world.rebalance_book(book).unwrap();
    assert_eq!(event.book, book);
    assert_eq!(sent.events::<IBook::PlanExecuted>(book).len(), 1);
    assert!(sent.events::<IBook::PlanExecuted>(world.at.book).is_empty());
    assert!(world.balance(world.wbtc, book).unwrap() > U256::ZERO);
    let (_, decision) = world.assess_book(book).unwrap();
    assert_eq!(decision.rule, U256::ZERO);
}

fn marks(world: &mut World) -> [U256; 3] {
    let marks = world.marks().unwrap();
    [marks.navMin, marks.navMid, marks.navMax]
}

#[test]
fn programs_are_kept_alive_behind_their_proxies() {
    let mut world = invested(people::ALICE, 10_000);
    let book = world.add_book(dollars(5_000), false).unwrap();
    for _ in 0..2 {
        world.chain.warp((YEAR - 1) * DAY);
        world.keep_alive().unwrap();
    }
    world.publish(world.price_e8).unwrap();
    assert!(marks(&mut world)[0] > dollars(9_900));
    world.assess_book(book).unwrap();
}

#[test]
fn vault_whose_program_expired_pays_out_behind_its_successor() {
    let mut world = invested(people::ALICE, 10_000);
    let shares = world.balance(world.at.vault, people::ALICE).unwrap();
    world.chain.warp((YEAR - 10) * DAY);
    for program in world.at.programs() {
        if program != world.at.vault_program {
            assert!(world.chain.keep_alive(people::OWNER, program).unwrap().success);
        }
    }
    let next = successor(&mut world.chain, people::OWNER, "vault");
    govern(&mut world, |at| at.vault, &IProxy::announceCall { next }).unwrap();
    world.chain.warp(DELAY * DAY);
    assert!(world.marks().is_err());
    let vault = world.at.vault;
    world
        .chain
        .invoke(people::KEEPER, vault, &IProxy::repointCall {})
        .unwrap();
    world.publish(world.price_e8).unwrap();
    assert_eq!(world.balance(vault, people::ALICE).unwrap(), shares);
    world.request(people::ALICE, shares / U256::from(10)).unwrap();
    world.chain.warp(DAY);
    world.publish(world.price_e8).unwrap();
    world.settle().unwrap();
    let (_, assets) = world.claim(people::ALICE).unwrap();
    assert!(assets > dollars(980), "{assets}");
}

// ---- the artifact ----

/// `name(types)` of an ABI entry; this interface has no tuples.
fn signature(entry: &serde_json::Value) -> String {
    let inputs = entry["inputs"].as_array().unwrap();
    let types: Vec<_> = inputs.iter().map(|input| input["type"].as_str().unwrap()).collect();
    format!("{}({})", entry["name"].as_str().unwrap(), types.join(","))
}

#[test]
fn compiled_proxy_has_the_declared_interface() {
    let text = fs::read_to_string(root().join("out/Proxy.sol/Proxy.json")).unwrap();
    let artifact: serde_json::Value = serde_json::from_str(&text).unwrap();
    let compiled = |kind: &str| -> BTreeSet<[u8; 32]> {
        let entries = artifact["abi"].as_array().unwrap().iter();
        let entries = entries.filter(|entry| entry["type"] == kind);
        entries.map(|entry| keccak256(signature(entry)).0).collect()
    };
    let short = |kind: &str| -> BTreeSet<[u8; 4]> {
        let full = compiled(kind).into_iter();
        full.map(|hash| *hash.first_chunk().unwrap()).collect()
    };
    assert_eq!(
        short("function"),
        IProxy::IProxyCalls::SELECTORS.iter().copied().collect()
    );
    assert_eq!(
        short("error"),
        IProxy::IProxyErrors::SELECTORS.iter().copied().collect()
    );
    assert_eq!(
        compiled("event"),
        IProxy::IProxyEvents::SELECTORS.iter().copied().collect()
    );
}

#[test]
fn proxy_is_small_and_costs_little() {
    let mut stage = Stage::new();
    let artifacts = Artifacts::new(root());
    let size = stage.chain.code(stage.proxy).len();
    let call = IBook::tokenCountCall {}.abi_encode();
    let mut transaction = |target| {
        let sent = stage
            .chain
            .transact(STRANGER, Some(target), U256::ZERO, call.clone().into());
        sent.unwrap().gas_used
    };
    let transaction = transaction(stage.proxy) - transaction(stage.program);
    let meter = artifacts.compiled("GasMeter").unwrap().code().unwrap();
    let meter = stage.chain.create(GOVERNOR, meter).unwrap();
    let mut measure = |target| {
        let data = Bytes::from(call.clone());
        let sent = stage
            .chain
            .invoke(STRANGER, meter, &IGasMeter::measureCall { target, data });
        IGasMeter::measureCall::abi_decode_returns(&sent.unwrap().output).unwrap()
    };
    let (proxied, direct) = (measure(stage.proxy), measure(stage.program));
    let overhead = (proxied.cold - direct.cold, proxied.warm - direct.warm);
    println!("{size} bytes; a transaction {transaction} gas more, a call {overhead:?} (cold, warm)");
    assert!(size <= 2_400, "{size}");
    // A cold slot and a cold account, or both warm.
    assert!(transaction <= 2_100 + 2_600 + 300, "{transaction}");
    assert!(overhead.0 <= U256::from(2_100 + 2_600 + 300), "{overhead:?}");
    assert!(overhead.1 <= U256::from(2 * 100 + 300), "{overhead:?}");
}
