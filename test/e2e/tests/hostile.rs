//! Callers, tokens and books that mean harm.

use alloy_primitives::{Address, B256, Bytes, I256, U256};
use alloy_sol_types::{SolCall, SolError, SolValue};
use e2e::{
    PRICE_E8, govern, invested,
    parties::{self, add_hostile_book},
    refused, state, world,
};
use gimbal::world::{
    World, dollars,
    people::{ALICE, BOB, GUARDIAN, OWNER},
};
use interfaces::{IBook, IGovernor, IOracle, IRebalancer, IRisk, ISwapRouter02, IVault};
use venues::Network;

/// Lets a keeper make `call` through a program that holds nearly all memory pages.
fn through_pages<C: SolCall>(world: &mut World, to: Address, call: &C) -> Result<venues::Sent, venues::NetworkError> {
    parties::through_pages(world, 116, to, &call.abi_encode())
}

#[test]
fn measurement_made_too_dear_by_the_caller_is_an_error_and_never_a_number() {
    let mut world = invested(ALICE, 100_000);
    let shares = world.balance(world.at.vault, ALICE).unwrap();
    world.request(ALICE, shares * U256::from(6) / U256::from(10)).unwrap();
    let (vault, book) = (world.at.vault, world.at.book);
    let call = IVault::liquidityNeededCall { book };
    let honest = world.chain.read(vault, &call).unwrap();
    assert!(honest > dollars(50_000));
    // The same question from a caller that hoards memory pages: an error, not zero.
    let _: IVault::MarkUnavailable = refused(through_pages(&mut world, vault, &call));
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
        let call = IVault::liquidityNeededCall { book: world.at.book };
        let needed = world.chain.read(vault, &call).unwrap();
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
    // Another vault over the same asset, with a governor of its own.
    let artifacts = venues::Artifacts::new(e2e::root());
    let config = gimbal::deploy::Config {
        cache: false,
        ..world.config()
    };
    let other = gimbal::deploy::deploy(&mut world.chain, &artifacts, &config).unwrap();
    let vault = other.vault;
    for book in [world.at.book, world.at.oracle, BOB] {
        let call = IVault::addBookCall {
            book,
            cap: U256::MAX,
            isolated: false,
        };
        let data = call.abi_encode().into();
        let call = IGovernor::executeCall { target: vault, data };
        let error: IVault::UnknownBook = refused(world.chain.invoke(OWNER, other.governor, &call));
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
    let at = world.at;
    let call = IBook::initializeCall {
        governor: at.governor,
        vault: at.vault,
        rebalancer: Address::ZERO,
        risk: at.risk,
        oracle: at.oracle,
        asset: world.usdc,
    };
    let artifacts = venues::Artifacts::new(e2e::root());
    let refusal = gimbal::deploy::proxy(&mut world.chain, &artifacts, OWNER, at.book_program, at.governor, &call);
    let expected = Bytes::from(IBook::ZeroAddress {}.abi_encode()).to_string();
    let error = format!("{:#}", refusal.unwrap_err());
    assert!(error.contains(&expected), "{error}");
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
