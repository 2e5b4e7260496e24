//! Callers, tokens and books that mean harm.

use alloy_primitives::{Address, B256, Bytes, I256, U256, address};
use alloy_sol_types::{SolCall, SolValue};
use devnode::stylus::code::compress;
use e2e::{PRICE_E8, govern, invested, over_token, refused, state, world};
use gimbal::world::{
    World, dollars,
    people::{ALICE, BOB, GUARDIAN, KEEPER, OWNER},
};
use interfaces::{IBook, IERC20, IGovernor, IOracle, IRebalancer, IReentrantToken, IRisk, ISwapRouter02, IVault};
use venues::{Network, simulated};

const FORWARDER: Address = address!("0000000000000000000000000000000000fa0001");

/// A Stylus program that opens 117 memory pages, then makes the call `target ‖ calldata` and passes the answer on.
///
/// Pages are counted per transaction and priced exponentially, so whatever it calls finds memory dear.
const PAGE_HOARDER: &str = r#"(module
  (import "vm_hooks" "pay_for_memory_grow" (func (param i32)))
  (import "vm_hooks" "read_args" (func $read_args (param i32)))
  (import "vm_hooks" "call_contract" (func $call (param i32 i32 i32 i32 i64 i32) (result i32)))
  (import "vm_hooks" "read_return_data" (func $read_return (param i32 i32 i32) (result i32)))
  (import "vm_hooks" "return_data_size" (func $size (result i32)))
  (import "vm_hooks" "write_result" (func $write_result (param i32 i32)))
  (memory (export "memory") 1)
  (func (export "user_entrypoint") (param $len i32) (result i32) (local $failed i32)
    (drop (memory.grow (i32.const 116)))
    (call $read_args (i32.const 0))
    (local.set $failed (call $call (i32.const 0) (i32.const 20) (i32.sub (local.get $len) (i32.const 20))
      (i32.const 60000) (i64.const -1) (i32.const 61000)))
    (drop (call $read_return (i32.const 4096) (i32.const 0) (call $size)))
    (call $write_result (i32.const 4096) (call $size))
    (i32.ne (local.get $failed) (i32.const 0))))"#;

/// Installs the forwarder and lets `from` make `call` through it.
fn through_pages<C: SolCall>(world: &mut World, to: Address, call: &C) -> Result<venues::Sent, venues::NetworkError> {
    if world.chain.code(FORWARDER).is_empty() {
        world
            .chain
            .set_code(FORWARDER, compress(&wat::parse_str(PAGE_HOARDER).unwrap()));
        assert!(world.chain.activate(OWNER, FORWARDER).unwrap().success);
    }
    let data = [to.as_slice(), &call.abi_encode()].concat();
    world.chain.transact(KEEPER, Some(FORWARDER), U256::ZERO, data.into())
}

#[test]
fn measurement_made_too_dear_by_the_caller_is_an_error_and_never_a_number() {
    let mut world = invested(ALICE, 100_000);
    let shares = world.balance(world.at.vault, ALICE).unwrap();
    world.request(ALICE, shares * U256::from(6) / U256::from(10)).unwrap();
    let vault = world.at.vault;
    let honest = world.chain.read(vault, &IVault::liquidityNeededCall {}).unwrap();
    assert!(honest > dollars(50_000));
    // The same question from a caller that hoards memory pages: an error, not zero.
    let _: IVault::MarkUnavailable = refused(through_pages(&mut world, vault, &IVault::liquidityNeededCall {}));
}

#[test]
fn rebalance_by_a_caller_that_hoards_pages_cannot_ignore_the_queue() {
    let mut world = invested(ALICE, 100_000);
    let shares = world.balance(world.at.vault, ALICE).unwrap();
    world.request(ALICE, shares * U256::from(6) / U256::from(10)).unwrap();
    world.rebalance().unwrap();
    let before = state(&mut world);
    let call = IRebalancer::rebalanceCall { book: world.at.book };
    let rebalancer = world.at.rebalancer;
    assert!(through_pages(&mut world, rebalancer, &call).is_err());
    assert_eq!(state(&mut world), before, "INV-10");
}

#[test]
fn settle_by_a_caller_that_hoards_pages_cannot_burn_shares_for_idle_alone() {
    let mut world = invested(ALICE, 100_000);
    world.fund(BOB, dollars(1_000)).unwrap();
    world.deposit(BOB, dollars(1_000)).unwrap();
    let shares = world.balance(world.at.vault, ALICE).unwrap();
    world.request(ALICE, shares).unwrap();
    world.chain.warp(9 * 86_400);
    world.publish(world.price_e8).unwrap();
    let before = state(&mut world);
    let vault = world.at.vault;
    let _: IVault::MarkUnavailable = refused(through_pages(&mut world, vault, &IVault::settleCall {}));
    assert_eq!(state(&mut world), before, "INV-10");
}

#[test]
fn queue_short_of_a_fraction_of_a_cent_does_not_block_the_hedge() {
    for extra in [1_u64, 20, 500, 3_000] {
        let mut world = invested(ALICE, 100_000);
        let vault = world.at.vault;
        world.set_price(PRICE_E8 * 13 / 10).unwrap();
        // A request worth the book's cash and a few units more.
        let cash = world.balance(world.usdc, world.at.book).unwrap() + U256::from(extra);
        let marks = world.marks().unwrap();
        let supply = world.chain.read(vault, &IVault::totalSupplyCall {}).unwrap();
        let shares = cash * supply / marks.navMin;
        world.request(ALICE, shares).unwrap();
        let needed = world.chain.read(vault, &IVault::liquidityNeededCall {}).unwrap();
        assert!(needed.abs_diff(cash) < U256::from(3), "{needed} {cash}");
        let mut calls = 0;
        while !world.assess().unwrap().1.rule.is_zero() {
            world.rebalance().unwrap();
            calls += 1;
            assert!(calls < 6, "it never rests");
        }
        assert!(calls > 0);
    }
}

#[test]
fn add_book_of_another_vault_or_of_no_contract_is_refused() {
    let mut world = world();
    // A vault without a book, under the same governor.
    let code = venues::Artifacts::new(e2e::root()).program("vault").unwrap();
    let vault = venues::stylus::deploy(&mut world.chain, OWNER, &code).unwrap();
    let call = IVault::initializeCall {
        governor: world.at.governor,
        asset: world.usdc,
        name: B256::ZERO,
        symbol: B256::ZERO,
        periodSecs: U256::from(86_400),
        depositCap: U256::MAX,
        entryCostBps: U256::ZERO,
    };
    world.chain.invoke(OWNER, vault, &call).unwrap();
    for book in [world.at.book, world.at.oracle, BOB] {
        let data = IVault::addBookCall { book, cap: U256::MAX }.abi_encode().into();
        let call = IGovernor::executeCall { target: vault, data };
        let error: IVault::UnknownBook = refused(world.chain.invoke(OWNER, world.at.governor, &call));
        assert_eq!(error.book, book);
    }
}

#[test]
fn add_book_beyond_the_eighth_is_refused() {
    let mut world = world();
    for _ in 1..8 {
        add_hostile_book(&mut world, U256::ZERO);
    }
    let call = IVault::addBookCall {
        book: BOB,
        cap: U256::MAX,
        isolated: false,
    };
    let error: IVault::TooManyBooks = refused(govern(&mut world, |at| at.vault, &call));
    assert_eq!(error.max, U256::from(8));
}

#[test]
fn set_parameter_that_bounds_trades_is_not_the_guardians_either_way() {
    let mut world = world();
    for name in ["max-slippage", "exit-cost"] {
        let id = gimbal::deploy::parameter(name).unwrap();
        let now = world
            .chain
            .read(
                world.at.risk,
                &IRisk::parameterCall {
                    book: world.at.book,
                    id,
                },
            )
            .unwrap();
        for value in [now - I256::ONE, now + I256::ONE] {
            let call = IRisk::setParameterCall {
                book: world.at.book,
                id,
                value,
            };
            let error: IRisk::Unauthorized = refused(world.chain.invoke(GUARDIAN, world.at.risk, &call));
            assert_eq!(error.caller, GUARDIAN);
        }
    }
    let id = gimbal::deploy::parameter("band").unwrap();
    let call = IRisk::setParameterCall {
        book: world.at.book,
        id,
        value: I256::unchecked_from(50),
    };
    world.chain.invoke(GUARDIAN, world.at.risk, &call).unwrap();
}

#[test]
fn set_feed_with_bounds_in_the_wrong_order_is_refused() {
    let mut world = world();
    let asset = world.wbtc;
    let call = IOracle::setFeedCall {
        asset,
        aggregator: world.wbtc_feed,
        heartbeatSecs: U256::from(3_600),
        confidenceBps: U256::ZERO,
        minAnswer: "2".parse().unwrap(),
        maxAnswer: "1".parse().unwrap(),
    };
    let _: IOracle::BoundsInvalid = refused(govern(&mut world, |at| at.oracle, &call));
}

#[test]
fn initialize_with_nobody_in_a_role_is_refused() {
    let mut world = world();
    let code = venues::Artifacts::new(e2e::root()).program("book").unwrap();
    let book = venues::stylus::deploy(&mut world.chain, OWNER, &code).unwrap();
    let at = world.at;
    let call = IBook::initializeCall {
        governor: at.governor,
        vault: at.vault,
        rebalancer: Address::ZERO,
        risk: at.risk,
        oracle: at.oracle,
        asset: world.usdc,
    };
    let _: IBook::ZeroAddress = refused(world.chain.invoke(OWNER, book, &call));
}

#[test]
fn plain_ether_is_refused() {
    let mut world = world();
    for contract in [world.at.vault, world.at.book, world.at.governor] {
        let sent = world.chain.transact(ALICE, Some(contract), U256::from(1), Bytes::new());
        assert!(sent.is_err(), "{contract}");
    }
}

#[test]
fn rebalance_after_which_a_loss_shows_is_undone_by_the_second_measurement() {
    let mut world = world();
    world.fund(ALICE, dollars(100_000)).unwrap();
    world.deposit(ALICE, dollars(100_000)).unwrap();
    world.allocate(dollars(100_000)).unwrap();
    // The book's own bounds hold; only measuring again can see the thousand dollars of debt.
    let mut leg = Vec::new();
    let debt = engine::Leg::Debt {
        amount: fixed::Wad(1_000 * fixed::WAD),
        rate: engine::leg::Rate(0),
    };
    debt.pack(&mut leg).unwrap();
    let arguments = (world.at.adapter, world.wbtc, B256::from(leg[0])).abi_encode();
    let code = venues::Artifacts::new(e2e::root())
        .compiled("LyingAdapter")
        .unwrap()
        .code()
        .unwrap();
    let adapter = world.chain.create(OWNER, [code, arguments].concat()).unwrap();
    let selector = ISwapRouter02::exactInputSingleCall::SELECTOR.into();
    let (book, target) = (world.at.book, world.uniswap.router);
    let template = world
        .chain
        .read(
            book,
            &IBook::allowedCall {
                adapter: world.at.adapter,
                target,
                selector,
            },
        )
        .unwrap()
        ._1;
    govern(&mut world, |at| at.book, &IBook::registerAdapterCall { adapter }).unwrap();
    govern(
        &mut world,
        |at| at.book,
        &IBook::allowCall {
            adapter,
            target,
            selector,
            template,
        },
    )
    .unwrap();
    govern(
        &mut world,
        |at| at.rebalancer,
        &IRebalancer::setAdapterCall { book, adapter },
    )
    .unwrap();
    let before = state(&mut world);
    let error: IRisk::CostTooHigh = refused(world.rebalance());
    assert!(error.costWad > error.boundWad);
    assert_eq!(state(&mut world), before, "INV-10");
}
