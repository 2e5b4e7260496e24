//! The keeper's call: when it acts, when it refuses, and what it can never do.

use alloy_primitives::{Address, Bytes, FixedBytes, I256, U256};
use alloy_sol_types::SolCall;
use e2e::{PRICE_E8, govern, invested, refused, state, world};
use gimbal::world::{
    POOL_FEE, World, dollars,
    people::{ALICE, ARBITRAGEUR, KEEPER},
};
use interfaces::{Call, IBook, IERC20, IOracle, IRebalancer, IRisk, ISwapRouter02, Plan};
use venues::Network;

/// Whether the book's delta is above the upper edge, from balances alone and in whole numbers.
///
/// Target 50 % and half-width 2 %: outside if WBTC · price > 52 % of everything. Values in 10⁻¹⁶ dollars.
fn above_the_band(world: &mut World, price_e8: u64) -> bool {
    let (usdc, wbtc, book) = (world.usdc, world.wbtc, world.at.book);
    let spot = world.balance(wbtc, book).unwrap() * U256::from(price_e8);
    let cash = world.balance(usdc, book).unwrap() * U256::from(10_000_000_000_u64);
    spot * U256::from(10_000) > (spot + cash) * U256::from(5_200)
}

#[test]
fn rebalance_with_nothing_to_do_is_refused_with_the_distances() {
    let mut world = invested(ALICE, 100_000);
    let before = state(&mut world);
    let error: IRebalancer::NothingToDo = refused(world.rebalance());
    assert!(error.lowerWad <= error.deltaWad && error.deltaWad <= error.upperWad);
    assert!(error.netLeverageWad > U256::ZERO && error.grossLeverageWad >= error.netLeverageWad);
    assert_eq!(state(&mut world), before, "INV-10");
}

#[test]
fn rebalance_of_an_empty_book_is_refused() {
    let mut world = world();
    let error: IRebalancer::NothingToDo = refused(world.rebalance());
    assert_eq!(error.deltaWad, I256::ZERO);
}

#[test]
fn band_edge_is_exact() {
    let mut world = invested(ALICE, 100_000);
    // The band is left upwards somewhere between 6,400 and 12,800 dollars: find the price to the last digit.
    let (mut inside, mut outside) = (PRICE_E8, 2 * PRICE_E8);
    assert!(!above_the_band(&mut world, inside) && above_the_band(&mut world, outside));
    while outside - inside > 1 {
        let middle = inside.midpoint(outside);
        if above_the_band(&mut world, middle) {
            outside = middle;
        } else {
            inside = middle;
        }
    }
    // The smallest trade would hide the first hundred dollars outside.
    let id = engine_id("min-trade");
    let book = world.at.book;
    govern(
        &mut world,
        |at| at.risk,
        &IRisk::setParameterCall {
            book,
            id,
            value: I256::ZERO,
        },
    )
    .unwrap();
    world.publish(inside).unwrap();
    let _: IRebalancer::NothingToDo = refused(world.rebalance());
    world.publish(outside).unwrap();
    let (_, decision) = world.assess().unwrap();
    assert_eq!(
        (decision.rule, decision.side),
        (U256::from(6), U256::from(1)),
        "rule 6 sells"
    );
    assert!(decision.expectedDelta > decision.upper);
}

/// The number of a risk parameter.
fn engine_id(name: &str) -> u8 {
    gimbal::deploy::parameter(name).expect("the parameter exists")
}

#[test]
fn rebalance_sells_into_a_rally_and_buys_a_dip() {
    let mut world = invested(ALICE, 100_000);
    world.set_price(PRICE_E8 * 12 / 10).unwrap();
    let (sent, event) = world.rebalance().unwrap();
    let executed = world.executed(&sent).unwrap();
    assert_eq!(
        (event.rule, executed.tokenIn, executed.tokenOut),
        (6, world.wbtc, world.usdc)
    );
    assert!(event.deltaAfter < event.deltaBefore);
    world.set_price(PRICE_E8 * 9 / 10).unwrap();
    let (sent, _) = world.rebalance().unwrap();
    assert_eq!(world.executed(&sent).unwrap().tokenIn, world.usdc);
    let (report, decision) = world.assess().unwrap();
    assert!(
        decision.lower <= report.exposure.delta && report.exposure.delta <= decision.upper,
        "INV-6"
    );
}

#[test]
fn rebalance_leaves_no_approval_behind() {
    let mut world = invested(ALICE, 100_000);
    for token in [world.usdc, world.wbtc] {
        let call = IERC20::allowanceCall {
            owner: world.at.book,
            spender: world.uniswap.router,
        };
        assert_eq!(world.chain.read(token, &call).unwrap(), U256::ZERO, "INV-7");
    }
}

#[test]
fn rebalance_at_a_worse_price_than_the_bound_changes_nothing() {
    let mut world = invested(ALICE, 100_000);
    // The oracle says 7,680 dollars; the pool still stands at 6,400: selling there would lose a sixth.
    world.publish(PRICE_E8 * 12 / 10).unwrap();
    let before = state(&mut world);
    assert!(world.rebalance().is_err());
    assert_eq!(state(&mut world), before, "INV-10");
    // A sandwich moves a sound pool away just before the call.
    world.set_price(PRICE_E8 * 12 / 10).unwrap();
    let sell = ISwapRouter02::exactInputSingleCall {
        params: ISwapRouter02::ExactInputSingleParams {
            tokenIn: world.wbtc,
            tokenOut: world.usdc,
            fee: POOL_FEE.try_into().unwrap(),
            recipient: ARBITRAGEUR,
            amountIn: U256::from(100_000_000_000_u64),
            amountOutMinimum: U256::ZERO,
            sqrtPriceLimitX96: alloy_primitives::aliases::U160::ZERO,
        },
    };
    world.chain.invoke(ARBITRAGEUR, world.uniswap.router, &sell).unwrap();
    let before = state(&mut world);
    assert!(world.rebalance().is_err(), "the pool is 5 % off, the bound is 0.5 %");
    assert_eq!(state(&mut world), before, "INV-10");
}

#[test]
fn rebalance_with_a_stale_price_is_refused() {
    let mut world = invested(ALICE, 100_000);
    world.chain.warp(86_401);
    let before = state(&mut world);
    let error: IOracle::StalePrice = refused(world.rebalance());
    assert_eq!(error.maxAgeSecs, U256::from(86_400));
    assert_eq!(state(&mut world), before, "INV-10");
}

#[test]
fn rebalance_of_a_foreign_address_is_refused() {
    let mut world = world();
    let call = IRebalancer::rebalanceCall { book: KEEPER };
    let error: IRebalancer::UnknownBook = refused(world.chain.invoke(KEEPER, world.at.rebalancer, &call));
    assert_eq!(error.book, KEEPER);
}

#[test]
fn rebalance_raises_liquidity_for_the_queue_before_anything_else() {
    let mut world = invested(ALICE, 100_000);
    let shares = world.balance(world.at.vault, ALICE).unwrap();
    world.request(ALICE, shares * U256::from(9) / U256::from(10)).unwrap();
    let (_, event) = world.rebalance().unwrap();
    assert_eq!(event.rule, 5);
    assert!(event.deltaAfter < event.deltaBefore);
}

/// A swap by the book as its adapter would encode it, for `amount` units of USDC.
fn plan(world: &World, amount: U256) -> Plan {
    let swap = ISwapRouter02::exactInputSingleCall {
        params: ISwapRouter02::ExactInputSingleParams {
            tokenIn: world.usdc,
            tokenOut: world.wbtc,
            fee: POOL_FEE.try_into().unwrap(),
            recipient: world.at.book,
            amountIn: amount,
            amountOutMinimum: U256::ZERO,
            sqrtPriceLimitX96: alloy_primitives::aliases::U160::ZERO,
        },
    };
    Plan {
        adapter: world.at.adapter,
        tokenIn: world.usdc,
        amountIn: amount,
        tokenOut: world.wbtc,
        minOut: U256::from(1),
        calls: vec![Call {
            target: world.uniswap.router,
            data: swap.abi_encode().into(),
        }],
    }
}

fn execute(world: &mut World, from: Address, plan: Plan) -> Result<venues::Sent, venues::NetworkError> {
    world.chain.deal(from, U256::from(10).pow(U256::from(20)));
    world.chain.invoke(from, world.at.book, &IBook::executeCall { plan })
}

#[test]
fn execute_is_for_the_rebalancer_alone() {
    let mut world = invested(ALICE, 100_000);
    let plan = plan(&world, dollars(10));
    let error: IBook::Unauthorized = refused(execute(&mut world, KEEPER, plan.clone()));
    assert_eq!(error.caller, KEEPER);
    let rebalancer = world.at.rebalancer;
    execute(&mut world, rebalancer, plan).unwrap();
}

/// Even a rebalancer gone wrong cannot make the book do more than its allow-list says.
#[test]
fn execute_outside_the_templates_is_refused_and_moves_nothing() {
    let mut world = invested(ALICE, 100_000);
    let rebalancer = world.at.rebalancer;
    let good = plan(&world, dollars(10));
    let word = |index: usize, value: Address| {
        let mut plan = good.clone();
        let mut data = plan.calls[0].data.to_vec();
        data[4 + 32 * index..36 + 32 * index].copy_from_slice(value.into_word().as_slice());
        plan.calls[0].data = data.into();
        plan
    };
    world.chain.deal(rebalancer, U256::from(10).pow(U256::from(20)));
    let before = state(&mut world);

    let error: IBook::CallMismatch = refused(execute(&mut world, rebalancer, word(3, KEEPER)));
    assert_eq!(error.word, U256::from(3), "the recipient must be the book");
    let error: IBook::CallMismatch = refused(execute(&mut world, rebalancer, word(1, ALICE)));
    assert_eq!(error.word, U256::from(1), "tokens must be registered");
    let fee = Address::from_word(U256::from(3_000).into());
    let error: IBook::CallMismatch = refused(execute(&mut world, rebalancer, word(2, fee)));
    assert_eq!(error.word, U256::from(2), "the fee is fixed");

    let mut longer = good.clone();
    longer.calls[0].data = [&longer.calls[0].data[..], &[0; 32]].concat().into();
    assert!(
        execute(&mut world, rebalancer, longer).is_err(),
        "calldata has a fixed length"
    );

    let mut elsewhere = good.clone();
    elsewhere.calls[0].target = world.usdc;
    let error: IBook::CallNotAllowed = refused(execute(&mut world, rebalancer, elsewhere));
    assert_eq!(error.target, world.usdc);

    let mut other_token = good.clone();
    other_token.tokenOut = world.uniswap.weth;
    let error: IBook::TokenNotRegistered = refused(execute(&mut world, rebalancer, other_token));
    assert_eq!(error.token, world.uniswap.weth);

    let mut greedy = good.clone();
    greedy.minOut = U256::MAX >> 1;
    let error: IBook::SlippageExceeded = refused(execute(&mut world, rebalancer, greedy));
    assert_eq!(error.minimum, U256::MAX >> 1);

    assert_eq!(state(&mut world), before, "INV-10");
}

#[test]
fn allow_of_functions_that_move_tokens_is_refused() {
    let mut world = world();
    for selector in [
        IERC20::approveCall::SELECTOR,
        IERC20::transferCall::SELECTOR,
        IERC20::transferFromCall::SELECTOR,
    ] {
        let call = IBook::allowCall {
            adapter: world.at.adapter,
            target: world.uniswap.router,
            selector: FixedBytes(selector),
            template: vec![],
        };
        let error: IBook::SelectorForbidden = refused(govern(&mut world, |at| at.book, &call));
        assert_eq!(error.selector, FixedBytes(selector));
    }
}

#[test]
fn recall_is_for_the_vault_alone() {
    let mut world = invested(ALICE, 100_000);
    let call = IBook::recallCall { assets: U256::from(1) };
    let _: IBook::Unauthorized = refused(world.chain.invoke(KEEPER, world.at.book, &call));
}

#[test]
fn set_parameter_outside_its_hard_range_is_refused_even_to_the_owner() {
    let mut world = world();
    let call = IRisk::setParameterCall {
        book: world.at.book,
        id: engine_id("band"),
        value: I256::unchecked_from(5_000),
    };
    let error: IRisk::ParameterOutOfRange = refused(govern(&mut world, |at| at.risk, &call));
    assert_eq!(error.value, I256::unchecked_from(5_000));
}

#[test]
fn value_sent_along_is_refused() {
    let mut world = world();
    let data: Bytes = IRebalancer::rebalanceCall { book: world.at.book }.abi_encode().into();
    assert!(
        world
            .chain
            .transact(KEEPER, Some(world.at.rebalancer), U256::from(1), data)
            .is_err()
    );
}
