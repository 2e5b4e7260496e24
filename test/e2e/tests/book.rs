//! A book on its own: what it measures, what a plan may do, who may change it, and who finds it locked.

use alloy_primitives::{Address, B256, Bytes, FixedBytes, I256, U256, aliases::U160, keccak256};
use alloy_sol_types::{SolCall, SolConstructor, SolError, SolEvent, SolEventInterface, SolValue};
use e2e::{PRICE_E8, govern, invested, over_token, refused, root, state, world};
use engine::order::{Kind, Order, orders};
use fixed::Wad;
use gimbal::{
    deploy::template,
    world::{
        POOL_FEE, World, dollars,
        people::{ALICE, ALLOCATOR, BOB, GUARDIAN, KEEPER, OWNER},
    },
};
use interfaces::{
    Call, IAdapter, IAggregator, IBook, IERC20, IGovernor, IProxy, IRebalancer, IReentrantToken, IReentrantVenue,
    ISwapRouter02, IUniswapV3Pool, IVault, Plan,
};
use venues::{Artifacts, Network, NetworkError, Sent, simulated};

const SWAP: FixedBytes<4> = FixedBytes(ISwapRouter02::exactInputSingleCall::SELECTOR);

// ---- measurement ----

fn marks(world: &mut World) -> IBook::marksReturn {
    world.chain.read(world.at.book, &IBook::marksCall {}).unwrap()
}

/// What the pool asks for one WBTC in dollars, by floating-point numbers alone.
fn pool_price(world: &mut World) -> f64 {
    let slot0 = world
        .chain
        .read(world.pool.address, &IUniswapV3Pool::slot0Call {})
        .unwrap();
    let root = slot0.sqrtPriceX96.to_string().parse::<f64>().unwrap() / 2_f64.powi(96);
    let units = root * root;
    let usdc_per_wbtc = if world.wbtc < world.usdc { units } else { units.recip() };
    usdc_per_wbtc * 100.0
}

fn spot(world: &mut World, base: Address, quote: Address) -> f64 {
    let call = IAdapter::spotCall { base, quote };
    let spot = world.chain.read(world.at.adapter, &call).unwrap();
    spot.to_string().parse::<f64>().unwrap() / 1e18
}

#[test]
fn spot_is_the_pools_price_either_way_and_nothing_for_other_tokens() {
    let mut world = invested(ALICE, 100_000);
    let price = pool_price(&mut world);
    let (usdc, wbtc, weth) = (world.usdc, world.wbtc, world.uniswap.weth);
    let forward = spot(&mut world, wbtc, usdc);
    assert!((forward / price - 1.0).abs() < 1e-9, "{forward} {price}");
    let backward = spot(&mut world, usdc, wbtc);
    assert!((backward * price - 1.0).abs() < 1e-9, "{backward} {price}");
    for (base, quote) in [(weth, usdc), (wbtc, weth), (wbtc, wbtc)] {
        let call = IAdapter::spotCall { base, quote };
        assert_eq!(world.chain.read(world.at.adapter, &call).unwrap(), U256::ZERO);
    }
}

#[test]
fn marks_of_cash_alone_are_its_balance_and_undisturbed() {
    let mut world = world();
    world.fund(ALICE, dollars(1_000)).unwrap();
    world.deposit(ALICE, dollars(1_000)).unwrap();
    world.allocate(dollars(1_000)).unwrap();
    // Neither oracle nor pool is asked: both are far off.
    world.chain.warp(1_000_000);
    let marks = marks(&mut world);
    assert_eq!([marks.navMin, marks.navMid, marks.navMax], [dollars(1_000); 3]);
    assert_eq!(marks.disturbanceBps, U256::ZERO);
}

#[test]
fn marks_say_how_far_the_pool_is_from_the_oracle_and_round_up() {
    let mut world = invested(ALICE, 100_000);
    for percent in [100, 101, 95, 150, 50] {
        let price = PRICE_E8 * percent / 100;
        world.publish(price).unwrap();
        let oracle = f64::from(u32::try_from(price / 100_000_000).unwrap());
        let expected = (pool_price(&mut world) / oracle - 1.0).abs() * 10_000.0;
        let disturbance = marks(&mut world).disturbanceBps;
        assert_eq!(
            disturbance,
            expected.ceil().to_string().parse::<U256>().unwrap(),
            "{percent} % {expected}"
        );
    }
}

/// The pool does not answer, so it cannot be said to be undisturbed; what the book is worth is known all the same.
#[test]
fn marks_without_an_answer_of_the_venue_are_measured_and_disturbed_without_bound() {
    let mut world = invested(ALICE, 100_000);
    let before = marks(&mut world);
    world.chain.set_code(world.pool.address, Bytes::new());
    let after = marks(&mut world);
    assert_eq!(
        (after.navMin, after.navMid, after.navMax),
        (before.navMin, before.navMid, before.navMax)
    );
    assert_eq!(after.disturbanceBps, U256::MAX);
}

#[test]
fn orders_are_the_entries_of_the_ledger() {
    let mut world = world();
    let book = world.at.book;
    assert_eq!(
        world.chain.read(book, &IBook::ordersCall {}).unwrap(),
        Vec::<B256>::new()
    );
    // Nothing opens an order yet, so two are put where the book would keep them.
    let entry = |key, kind| Order {
        key: [key; 32],
        adapter: world.at.adapter.into_array(),
        kind,
        underlying: 1,
        market: world.wbtc.into_array(),
        expected_delta: Wad(-3),
        acceptable_price: Wad(9),
        deadline: 77,
    };
    let entries = vec![entry(1, Kind::Increase), entry(2, Kind::Decrease)];
    let words: Vec<_> = entries.iter().flat_map(|order| order.pack().unwrap()).collect();
    for (index, word) in words.iter().enumerate() {
        let slot = keccak256((U256::from(index), U256::from(10)).abi_encode());
        world.chain.set_storage(book, slot.into(), U256::from_be_bytes(*word));
    }
    let mut first = B256::from(world.chain.storage(book, U256::ZERO));
    assert_eq!(first[9], 0);
    first[9] = 2;
    world.chain.set_storage(book, U256::ZERO, first.into());
    let read = world.chain.read(book, &IBook::ordersCall {}).unwrap();
    let read: Vec<_> = read.iter().map(|word| word.0).collect();
    assert_eq!(orders(&read), Ok(entries));
}

// ---- plans ----

/// A swap of `amount` units of USDC into WBTC for the book, through `router`.
fn swap(world: &World, router: Address, amount: U256) -> Call {
    let params = ISwapRouter02::ExactInputSingleParams {
        tokenIn: world.usdc,
        tokenOut: world.wbtc,
        fee: POOL_FEE.try_into().unwrap(),
        recipient: world.at.book,
        amountIn: amount,
        amountOutMinimum: U256::ZERO,
        sqrtPriceLimitX96: U160::ZERO,
    };
    Call {
        target: router,
        data: ISwapRouter02::exactInputSingleCall { params }.abi_encode().into(),
    }
}

/// A plan that may spend `amount` units of USDC on calls that each swap one of `parts`.
fn plan(world: &World, amount: U256, parts: &[U256]) -> Plan {
    let router = world.uniswap.router;
    Plan {
        adapter: world.at.adapter,
        tokenIn: world.usdc,
        amountIn: amount,
        tokenOut: world.wbtc,
        minOut: U256::from(1),
        calls: parts.iter().map(|part| swap(world, router, *part)).collect(),
    }
}

/// Executes as the rebalancer would.
fn execute(world: &mut World, plan: Plan) -> Result<Sent, NetworkError> {
    let rebalancer = world.at.rebalancer;
    world.chain.deal(rebalancer, U256::from(10).pow(U256::from(20)));
    world
        .chain
        .invoke(rebalancer, world.at.book, &IBook::executeCall { plan })
}

/// What `spender` may take of the book's USDC.
fn allowance(world: &mut World, spender: Address) -> U256 {
    let owner = world.at.book;
    let call = IERC20::allowanceCall { owner, spender };
    world.chain.read(world.usdc, &call).unwrap()
}

#[test]
fn execute_several_calls_is_one_trade_within_one_bound() {
    let mut world = invested(ALICE, 100_000);
    let parts = [dollars(10), dollars(20), dollars(30)];
    let (book, usdc, wbtc) = (world.at.book, world.usdc, world.wbtc);
    let (cash, coins) = (world.balance(usdc, book).unwrap(), world.balance(wbtc, book).unwrap());
    let whole = plan(&world, dollars(60), &parts);
    let sent = execute(&mut world, whole).unwrap();
    let event = world.executed(&sent).unwrap();
    assert_eq!(event.spent, dollars(60));
    assert_eq!(world.balance(usdc, book).unwrap(), cash - dollars(60));
    assert_eq!(world.balance(wbtc, book).unwrap(), coins + event.received);
    // Each call could spend all of the bound; together they must keep it.
    let before = state(&mut world);
    let greedy = plan(&world, dollars(59), &parts);
    let error: IBook::SpentTooMuch = refused(execute(&mut world, greedy));
    assert_eq!((error.spent, error.maximum), (dollars(60), dollars(59)));
    assert_eq!(state(&mut world), before, "INV-10");
}

#[test]
fn execute_a_call_that_spends_less_than_approved_leaves_no_approval() {
    let mut world = invested(ALICE, 100_000);
    let router = world.uniswap.router;
    let frugal = plan(&world, dollars(10), &[dollars(4), dollars(5)]);
    let sent = execute(&mut world, frugal).unwrap();
    assert_eq!(world.executed(&sent).unwrap().spent, dollars(9));
    assert_eq!(allowance(&mut world, router), U256::ZERO, "INV-7");
}

#[test]
fn execute_with_a_call_that_fails_undoes_all_and_leaves_no_approval() {
    let mut world = invested(ALICE, 100_000);
    let (router, before) = (world.uniswap.router, state(&mut world));
    // The second call asks for more than it is approved for.
    let failing = plan(&world, dollars(10), &[dollars(4), dollars(11)]);
    assert!(execute(&mut world, failing).is_err());
    assert_eq!(state(&mut world), before, "INV-10");
    assert_eq!(allowance(&mut world, router), U256::ZERO, "INV-7");
}

#[test]
fn execute_of_a_plan_out_of_shape_is_refused() {
    let mut world = invested(ALICE, 100_000);
    let before = state(&mut world);
    let _: IBook::PlanInvalid = refused({
        let empty = plan(&world, dollars(10), &[]);
        execute(&mut world, empty)
    });
    let _: IBook::PlanInvalid = refused({
        let long = plan(&world, dollars(10), &[dollars(1); 9]);
        execute(&mut world, long)
    });
    let _: IBook::PlanInvalid = refused({
        let mut round = plan(&world, dollars(10), &[dollars(1)]);
        round.tokenOut = round.tokenIn;
        execute(&mut world, round)
    });
    for data in [Bytes::new(), Bytes::from_static(&[0; 3]), Bytes::from_static(&[0; 4])] {
        let mut blank = plan(&world, dollars(10), &[dollars(1)]);
        blank.calls[0].data = data;
        let error: IBook::CallNotAllowed = refused(execute(&mut world, blank));
        assert_eq!(error.selector, FixedBytes([0; 4]));
    }
    let mut stranger = plan(&world, dollars(10), &[dollars(1)]);
    stranger.adapter = KEEPER;
    let error: IBook::AdapterNotRegistered = refused(execute(&mut world, stranger));
    assert_eq!(error.adapter, KEEPER);
    assert_eq!(state(&mut world), before, "INV-10");
}

/// Calldata without a selector matches nothing, even if the governor had listed a selector of zeros.
#[test]
fn execute_of_calldata_without_a_selector_is_refused_even_if_zeros_are_listed() {
    let mut world = invested(ALICE, 100_000);
    let (adapter, target) = (world.at.adapter, world.uniswap.router);
    let call = IBook::allowCall {
        adapter,
        target,
        selector: FixedBytes([0; 4]),
        template: vec![],
    };
    govern(&mut world, |at| at.book, &call).unwrap();
    for length in 0..4 {
        let mut blank = plan(&world, dollars(10), &[dollars(1)]);
        blank.calls[0].data = vec![0; length].into();
        let _: IBook::CallNotAllowed = refused(execute(&mut world, blank));
    }
}

/// Whatever single bit of an allowed call changes, it is refused, unless it belongs to a word that may be anything.
#[test]
fn execute_with_any_bit_of_a_bound_word_changed_is_refused() {
    let world = invested(ALICE, 100_000);
    let good = plan(&world, dollars(10), &[dollars(10)]);
    // Arguments 4 and 5 are the amounts.
    let bound = |byte: usize| byte < 4 || ![4, 5].contains(&((byte - 4) / 32));
    for byte in (0..good.calls[0].data.len()).filter(|byte| bound(*byte)) {
        for bit in [0, 7] {
            let mut world = world.clone();
            let mut bad = good.clone();
            let mut data = bad.calls[0].data.to_vec();
            data[byte] ^= 1 << bit;
            bad.calls[0].data = data.into();
            let error = execute(&mut world, bad).unwrap_err();
            if byte < 4 {
                let _: IBook::CallNotAllowed = error.decode().unwrap();
            } else {
                let error: IBook::CallMismatch = error.decode().unwrap();
                assert_eq!(error.word, U256::from((byte - 4) / 32), "byte {byte}");
            }
        }
    }
}

#[test]
fn execute_with_a_token_that_keeps_approvals_is_refused() {
    let mut world = world();
    let (asset, at) = over_token(&mut world, "StickyApprovalToken", &[]);
    simulated::mint(&mut world.chain, ALICE, asset, at.book, dollars(100)).unwrap();
    world.at = at;
    // Any call will do; this one takes nothing.
    let target = world.wbtc_feed;
    let selector = FixedBytes(IAggregator::latestRoundDataCall::SELECTOR);
    let allow = IBook::allowCall {
        adapter: at.adapter,
        target,
        selector,
        template: vec![],
    };
    govern(&mut world, |at| at.book, &allow).unwrap();
    let mut harmless = plan(&world, dollars(1), &[dollars(1)]);
    harmless.tokenIn = asset;
    harmless.minOut = U256::ZERO;
    harmless.calls[0] = Call {
        target,
        data: selector.to_vec().into(),
    };
    let error: IBook::ApprovalLeft = refused(execute(&mut world, harmless));
    assert_eq!((error.token, error.spender), (asset, target));
}

// ---- configuration ----

/// Calls that only the governor may make, each of which would succeed.
fn setters(world: &World) -> Vec<(Address, Vec<u8>)> {
    let at = world.at;
    let modules = IBook::setModulesCall {
        rebalancer: KEEPER,
        risk: at.risk,
        oracle: at.oracle,
    };
    let allow = IBook::allowCall {
        adapter: at.adapter,
        target: world.pool.address,
        selector: SWAP,
        template: vec![],
    };
    let disallow = IBook::disallowCall {
        adapter: at.adapter,
        target: world.uniswap.router,
        selector: SWAP,
    };
    let adapter = IRebalancer::setAdapterCall {
        book: at.book,
        adapter: Address::ZERO,
    };
    vec![
        (at.book, modules.abi_encode()),
        (at.book, allow.abi_encode()),
        (at.book, disallow.abi_encode()),
        (at.rebalancer, adapter.abi_encode()),
    ]
}

#[test]
fn setters_are_the_governors_and_only_disallow_is_also_the_guardians() {
    let world = invested(ALICE, 100_000);
    let adapter = world.at.adapter;
    let replace = IBook::replaceAdapterCall {
        adapter,
        replacement: world.wbtc_feed,
    };
    let register = IBook::registerAdapterCall { adapter: KEEPER };
    let token = IBook::registerTokenCall {
        token: world.uniswap.weth,
    };
    let mut all = setters(&world);
    let book = world.at.book;
    all.extend([replace.abi_encode(), register.abi_encode(), token.abi_encode()].map(|data| (book, data)));
    for (target, data) in all {
        for caller in [GUARDIAN, ALLOCATOR, ALICE, OWNER] {
            let sent = world
                .clone()
                .chain
                .transact(caller, Some(target), U256::ZERO, data.clone().into());
            if caller == GUARDIAN && data.starts_with(&IBook::disallowCall::SELECTOR) {
                sent.unwrap();
            } else {
                let error: IBook::Unauthorized = refused(sent);
                assert_eq!(error.caller, caller);
            }
        }
    }
}

#[test]
fn set_modules_replaces_all_three_and_says_so() {
    let mut world = invested(ALICE, 100_000);
    let book = world.at.book;
    let [rebalancer, risk, oracle] = [0xA1, 0xA2, 0xA3].map(Address::repeat_byte);
    let call = IBook::setModulesCall {
        rebalancer,
        risk,
        oracle,
    };
    let sent = govern(&mut world, |at| at.book, &call).unwrap();
    let events = sent.events::<IBook::ModulesSet>(book);
    assert_eq!(
        events,
        [IBook::ModulesSet {
            rebalancer,
            risk,
            oracle
        }]
    );
    assert_eq!(world.chain.read(book, &IBook::rebalancerCall {}).unwrap(), rebalancer);
    assert_eq!(world.chain.read(book, &IBook::riskCall {}).unwrap(), risk);
    assert_eq!(world.chain.read(book, &IBook::oracleCall {}).unwrap(), oracle);
    // The old rebalancer has nothing to say any more.
    let late = plan(&world, dollars(10), &[dollars(10)]);
    let error: IBook::Unauthorized = refused(execute(&mut world, late));
    assert_eq!(error.caller, world.at.rebalancer);
    for (rebalancer, risk, oracle) in [
        (Address::ZERO, risk, oracle),
        (rebalancer, Address::ZERO, oracle),
        (rebalancer, risk, Address::ZERO),
    ] {
        let call = IBook::setModulesCall {
            rebalancer,
            risk,
            oracle,
        };
        let _: IBook::ZeroAddress = refused(govern(&mut world, |at| at.book, &call));
    }
}

/// Another adapter of the same pool, whose router makes planned calls before it trades.
fn hostile_adapter(world: &mut World) -> (Address, Address) {
    let artifacts = Artifacts::new(root());
    let code = artifacts.compiled("ReentrantVenue").unwrap().code().unwrap();
    let router = IReentrantVenue::constructorCall {
        router: world.uniswap.router,
    };
    let venue = world.chain.create(OWNER, [code, router.abi_encode()].concat()).unwrap();
    let code = artifacts.program("uniswap-v3").unwrap();
    let adapter = venues::stylus::deploy(&mut world.chain, OWNER, &code).unwrap();
    let initialize = IAdapter::initializeCall {
        router: venue,
        pool: world.pool.address,
    };
    world.chain.invoke(OWNER, adapter, &initialize).unwrap();
    (adapter, venue)
}

/// Lists `router`'s swaps by `adapter`.
fn allow_swaps(world: &mut World, adapter: Address, router: Address) {
    let call = IBook::allowCall {
        adapter,
        target: router,
        selector: SWAP,
        template: vec![
            template::TOKEN,
            template::TOKEN,
            template::literal(POOL_FEE),
            template::BOOK,
            template::ANY,
            template::ANY,
            template::literal(0_u8),
        ],
    };
    govern(world, |at| at.book, &call).unwrap();
}

#[test]
fn replace_adapter_takes_trust_from_the_old_one_and_gives_it_to_the_new() {
    let mut world = invested(ALICE, 100_000);
    let (book, old) = (world.at.book, world.at.adapter);
    let (new, venue) = hostile_adapter(&mut world);
    let call = IBook::replaceAdapterCall {
        adapter: old,
        replacement: new,
    };
    let sent = govern(&mut world, |at| at.book, &call).unwrap();
    let event = IBook::AdapterReplaced {
        adapter: old,
        replacement: new,
    };
    assert_eq!(sent.events::<IBook::AdapterReplaced>(book), [event]);
    let first = IBook::adapterCall { index: U256::ZERO };
    assert_eq!(world.chain.read(book, &first).unwrap(), new);
    assert_eq!(
        world.chain.read(book, &IBook::adapterCountCall {}).unwrap(),
        U256::from(1)
    );
    // The old one's calls are listed still, and worth nothing.
    let trade = plan(&world, dollars(10), &[dollars(10)]);
    let error: IBook::AdapterNotRegistered = refused(execute(&mut world, trade));
    assert_eq!(error.adapter, old);
    // Listing for it is refused, too.
    let error: IBook::AdapterNotRegistered = refused(govern(&mut world, |at| at.book, &call));
    assert_eq!(error.adapter, old);
    // The new one trades once its calls are listed.
    let mut trade = plan(&world, dollars(10), &[dollars(10)]);
    trade.adapter = new;
    trade.calls = vec![swap(&world, venue, dollars(10))];
    let _: IBook::CallNotAllowed = refused(execute(&mut world, trade.clone()));
    allow_swaps(&mut world, new, venue);
    execute(&mut world, trade).unwrap();
    assert!(marks(&mut world).navMid > U256::ZERO);
    // Neither an adapter that is there already nor what is no adapter can come in.
    let again = IBook::replaceAdapterCall {
        adapter: new,
        replacement: new,
    };
    let _: IBook::AdapterExists = refused(govern(&mut world, |at| at.book, &again));
    let nobody = IBook::replaceAdapterCall {
        adapter: Address::ZERO,
        replacement: old,
    };
    let _: IBook::AdapterNotRegistered = refused(govern(&mut world, |at| at.book, &nobody));
}

#[test]
fn register_what_would_make_the_book_unmeasurable_or_circular_is_refused() {
    let mut world = invested(ALICE, 100_000);
    for adapter in [Address::ZERO, KEEPER] {
        let call = IBook::registerAdapterCall { adapter };
        let error: IBook::MalformedReturn = refused(govern(&mut world, |at| at.book, &call));
        assert_eq!(error.target, adapter);
    }
    let token = world.at.vault;
    let error: IBook::TargetForbidden = refused(govern(&mut world, |at| at.book, &IBook::registerTokenCall { token }));
    assert_eq!(error.target, token);
}

/// Everything that the book can be asked about itself, rebuilt from its events alone.
#[test]
#[allow(clippy::too_many_lines)] // one arm per event
fn events_rebuild_the_books_configuration_and_flows() {
    let mut world = invested(ALICE, 100_000);
    let start = world.chain.block_number() + 1;
    let book = world.add_book(dollars(1_000_000), false).unwrap();
    world.at.book = book;
    world.fund(BOB, dollars(50_000)).unwrap();
    world.deposit(BOB, dollars(50_000)).unwrap();
    world.allocate(dollars(50_000)).unwrap();
    world.rebalance().unwrap();
    let recall = IVault::recallCall {
        book,
        assets: dollars(1_234),
    };
    world.chain.invoke(ALLOCATOR, world.at.vault, &recall).unwrap();
    let (other, venue) = hostile_adapter(&mut world);
    govern(&mut world, |at| at.book, &IBook::registerAdapterCall { adapter: other }).unwrap();
    allow_swaps(&mut world, other, venue);
    let (gone, router) = (world.at.adapter, world.uniswap.router);
    let disallow = IBook::disallowCall {
        adapter: gone,
        target: router,
        selector: SWAP,
    };
    world.chain.invoke(GUARDIAN, book, &disallow).unwrap();
    let (third, _) = hostile_adapter(&mut world);
    let replace = IBook::replaceAdapterCall {
        adapter: gone,
        replacement: third,
    };
    govern(&mut world, |at| at.book, &replace).unwrap();
    let modules = IBook::setModulesCall {
        rebalancer: KEEPER,
        risk: world.at.risk,
        oracle: world.at.oracle,
    };
    govern(&mut world, |at| at.book, &modules).unwrap();

    let (mut identity, mut current) = (None, None);
    let (mut tokens, mut adapters, mut listed) = (vec![], vec![], vec![]);
    let (mut recalled, mut cash, mut coins) = (U256::ZERO, I256::ZERO, I256::ZERO);
    let signed = |units: U256| I256::try_from(units).unwrap();
    let blocks: Vec<_> = world.chain.blocks(start, world.chain.block_number()).cloned().collect();
    let logs = blocks.iter().flat_map(|block| &block.transactions);
    for log in logs
        .flat_map(|mined| &mined.receipt.logs)
        // The proxy's one event names the program.
        .filter(|log| log.address == book && log.topics().first() != Some(&IProxy::Upgraded::SIGNATURE_HASH))
    {
        let event = IBook::IBookEvents::decode_log(log)
            .expect("every log of a book is one of its events")
            .data;
        match event {
            IBook::IBookEvents::Initialized(event) => identity = Some((event.governor, event.vault)),
            IBook::IBookEvents::ModulesSet(event) => current = Some((event.rebalancer, event.risk, event.oracle)),
            IBook::IBookEvents::TokenRegistered(event) => {
                assert_eq!(event.index, U256::from(tokens.len()));
                tokens.push((event.token, event.decimals));
            }
            IBook::IBookEvents::AdapterRegistered(event) => adapters.push(event.adapter),
            IBook::IBookEvents::AdapterReplaced(event) => {
                let place = adapters.iter().position(|adapter| *adapter == event.adapter).unwrap();
                adapters[place] = event.replacement;
            }
            IBook::IBookEvents::CallAllowed(event) => {
                listed.push((event.adapter, event.target, event.selector, event.template));
            }
            IBook::IBookEvents::CallDisallowed(event) => {
                listed.retain(|(adapter, target, selector, _)| {
                    (*adapter, *target, *selector) != (event.adapter, event.target, event.selector)
                });
            }
            IBook::IBookEvents::PlanExecuted(event) => {
                let (spent, received) = (signed(event.spent), signed(event.received));
                let (paid, got) = if event.tokenIn == world.usdc {
                    (&mut cash, &mut coins)
                } else {
                    (&mut coins, &mut cash)
                };
                *paid -= spent;
                *got += received;
            }
            IBook::IBookEvents::AssetsRecalled(event) => recalled += event.assets,
        }
    }

    let chain = &mut world.chain;
    let governor = chain.read(book, &IBook::governorCall {}).unwrap();
    assert_eq!(
        identity,
        Some((governor, chain.read(book, &IBook::vaultCall {}).unwrap()))
    );
    assert_eq!(current, Some((KEEPER, world.at.risk, world.at.oracle)));
    assert_eq!(
        chain.read(book, &IBook::tokenCountCall {}).unwrap(),
        U256::from(tokens.len())
    );
    for (index, token) in tokens.iter().enumerate() {
        let index = U256::from(index);
        let read = chain.read(book, &IBook::tokenCall { index }).unwrap();
        assert_eq!((read.token, read.decimals), *token);
    }
    assert_eq!(
        chain.read(book, &IBook::adapterCountCall {}).unwrap(),
        U256::from(adapters.len())
    );
    for (index, adapter) in adapters.iter().enumerate() {
        let index = U256::from(index);
        assert_eq!(chain.read(book, &IBook::adapterCall { index }).unwrap(), *adapter);
    }
    assert_eq!(adapters, [third, other]);
    assert_eq!(listed.len(), 1);
    for (adapter, target, selector, template) in listed {
        let call = IBook::allowedCall {
            adapter,
            target,
            selector,
        };
        let read = chain.read(book, &call).unwrap();
        assert_eq!((read._0, read._1), (true, template));
    }
    assert_eq!(recalled, dollars(1_234));
    let allocated = signed(dollars(50_000) - recalled);
    let (usdc, wbtc) = (world.usdc, world.wbtc);
    assert_eq!(signed(world.balance(usdc, book).unwrap()), allocated + cash);
    assert_eq!(signed(world.balance(wbtc, book).unwrap()), coins);
    assert!(coins > I256::ZERO);
}

// ---- the lock ----

/// A world whose book trades at a venue that calls back, that venue, and a second book. The venue owns Gimbal: whatever
/// it is refused, it is not for want of a role.
fn at_a_venue_that_calls_back() -> (World, Address, Address) {
    let mut world = invested(ALICE, 100_000);
    let second = world.add_book(dollars(1_000_000), false).unwrap();
    let (adapter, venue) = hostile_adapter(&mut world);
    let book = world.at.book;
    govern(&mut world, |at| at.book, &IBook::registerAdapterCall { adapter }).unwrap();
    allow_swaps(&mut world, adapter, venue);
    govern(
        &mut world,
        |at| at.rebalancer,
        &IRebalancer::setAdapterCall { book, adapter },
    )
    .unwrap();
    let governor = world.at.governor;
    let offer = IGovernor::transferOwnershipCall { newOwner: venue };
    world.chain.invoke(OWNER, governor, &offer).unwrap();
    let allocator = IGovernor::setAllocatorCall { allocator: venue };
    for data in [IGovernor::acceptOwnershipCall {}.abi_encode(), allocator.abi_encode()] {
        let make = IReentrantVenue::makeCall {
            target: governor,
            data: data.into(),
        };
        world.chain.invoke(KEEPER, venue, &make).unwrap();
    }
    // It has shares and assets to play with.
    world.fund(BOB, dollars(10_000)).unwrap();
    world.deposit(BOB, dollars(10_000)).unwrap();
    let shares = world.balance(world.at.vault, BOB).unwrap();
    let give = IERC20::transferCall {
        to: venue,
        value: shares,
    };
    world.chain.invoke(BOB, world.at.vault, &give).unwrap();
    simulated::mint(&mut world.chain, OWNER, world.usdc, venue, dollars(1_000)).unwrap();
    let approve = IERC20::approveCall {
        spender: world.at.vault,
        value: U256::MAX,
    };
    let make = IReentrantVenue::makeCall {
        target: world.usdc,
        data: approve.abi_encode().into(),
    };
    world.chain.invoke(KEEPER, venue, &make).unwrap();
    (world, venue, second)
}

/// What the venue tries: every state-changing entry of vault, books and rebalancer that it could use.
#[allow(clippy::too_many_lines)] // a list
fn attempts(world: &World, venue: Address, second: Address) -> Vec<(&'static str, Address, Vec<u8>)> {
    let at = world.at;
    let one = U256::from(1);
    let governed = |target, data: Vec<u8>| {
        let data = data.into();
        (at.governor, IGovernor::executeCall { target, data }.abi_encode())
    };
    let mut all: Vec<(&'static str, Address, Vec<u8>)> = vec![
        (
            "deposit",
            at.vault,
            IVault::depositCall {
                assets: dollars(1),
                receiver: venue,
            }
            .abi_encode(),
        ),
        (
            "mint",
            at.vault,
            IVault::mintCall {
                shares: one,
                receiver: venue,
            }
            .abi_encode(),
        ),
        (
            "requestRedeem",
            at.vault,
            IVault::requestRedeemCall {
                shares: one,
                controller: venue,
                owner: venue,
            }
            .abi_encode(),
        ),
        ("settle", at.vault, IVault::settleCall {}.abi_encode()),
        (
            "transfer",
            at.vault,
            IERC20::transferCall { to: BOB, value: one }.abi_encode(),
        ),
        (
            "approve",
            at.vault,
            IERC20::approveCall {
                spender: BOB,
                value: one,
            }
            .abi_encode(),
        ),
        (
            "setOperator",
            at.vault,
            IVault::setOperatorCall {
                operator: BOB,
                approved: true,
            }
            .abi_encode(),
        ),
        ("sweep", at.vault, IVault::sweepCall {}.abi_encode()),
        ("accrueFees", at.vault, IVault::accrueFeesCall {}.abi_encode()),
        (
            "allocate",
            at.vault,
            IVault::allocateCall {
                book: second,
                assets: one,
            }
            .abi_encode(),
        ),
        (
            "recall of the vault",
            at.vault,
            IVault::recallCall {
                book: at.book,
                assets: one,
            }
            .abi_encode(),
        ),
        (
            "rebalance of the same book",
            at.rebalancer,
            IRebalancer::rebalanceCall { book: at.book }.abi_encode(),
        ),
        (
            "rebalance of another book",
            at.rebalancer,
            IRebalancer::rebalanceCall { book: second }.abi_encode(),
        ),
        (
            "execute",
            at.book,
            IBook::executeCall {
                plan: plan(world, dollars(1), &[dollars(1)]),
            }
            .abi_encode(),
        ),
        (
            "recall of the book",
            at.book,
            IBook::recallCall { assets: one }.abi_encode(),
        ),
        ("marks of the book", at.book, IBook::marksCall {}.abi_encode()),
    ];
    for (name, book) in [("setters of the book", at.book), ("setters of another book", second)] {
        let mut world = world.clone();
        world.at.book = book;
        for (target, data) in setters(&world) {
            let (target, data) = governed(target, data);
            all.push((name, target, data));
        }
    }
    let (target, data) = governed(at.vault, IVault::setParameterCall { id: 2, value: one }.abi_encode());
    all.push(("setParameter", target, data));
    all
}

#[test]
fn venue_that_calls_back_during_execute_is_refused_with_locked_and_leaves_no_trace() {
    let (mut world, venue, second) = at_a_venue_that_calls_back();
    world.set_price(PRICE_E8 * 12 / 10).unwrap();
    let all = attempts(&world, venue, second);

    // What the honest trade leads to.
    let mut honest = world.clone();
    honest.rebalance().unwrap();

    for (name, target, data) in &all {
        let call = IReentrantVenue::planCall {
            target: *target,
            data: data.clone().into(),
        };
        world
            .chain
            .invoke(KEEPER, venue, &call)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let (sent, _) = world.rebalance().unwrap();
    assert!(world.executed(&sent).is_ok());
    let made = world.chain.read(venue, &IReentrantVenue::madeCall {}).unwrap();
    assert_eq!(made, U256::from(all.len()));
    for (index, (name, ..)) in all.iter().enumerate() {
        let index = U256::from(index);
        let result = world.chain.read(venue, &IReentrantVenue::resultCall { index }).unwrap();
        assert!(!result.success, "{name}");
        assert_eq!(result.answer, Bytes::from(IBook::Locked {}.abi_encode()), "{name}");
    }
    assert_eq!(state(&mut world), state(&mut honest), "INV-10");
    let locked = IVault::lockedCall {};
    assert!(
        !world.chain.read(world.at.vault, &locked).unwrap(),
        "the lock is given back"
    );
}

/// The same calls, made by the same venue while nothing is under way, are not refused as locked; so it is the lock that
/// refuses them, and nothing else.
#[test]
fn venue_outside_of_a_trade_is_not_locked_out() {
    let (mut world, venue, second) = at_a_venue_that_calls_back();
    world.set_price(PRICE_E8 * 12 / 10).unwrap();
    let mut went_through = 0;
    for (name, target, data) in attempts(&world, venue, second) {
        let mut world = world.clone();
        let make = IReentrantVenue::makeCall {
            target,
            data: data.into(),
        };
        match world.chain.invoke(KEEPER, venue, &make) {
            Ok(_) => went_through += 1,
            Err(error) => assert!(error.decode::<IBook::Locked>().is_none(), "{name}: {error}"),
        }
    }
    // Some need what the venue is not: the vault, the rebalancer, an open batch.
    assert!(went_through >= 18, "{went_through}");
}

#[test]
fn rebalance_holds_the_lock_while_the_venue_trades() {
    let (mut world, venue, _) = at_a_venue_that_calls_back();
    world.set_price(PRICE_E8 * 12 / 10).unwrap();
    let views = [
        IVault::lockedCall {}.abi_encode(),
        IVault::totalAssetsCall {}.abi_encode(),
    ];
    for data in views {
        let call = IReentrantVenue::planCall {
            target: world.at.vault,
            data: data.into(),
        };
        world.chain.invoke(KEEPER, venue, &call).unwrap();
    }
    world.rebalance().unwrap();
    for index in [0, 1] {
        let index = U256::from(index);
        let result = world.chain.read(venue, &IReentrantVenue::resultCall { index }).unwrap();
        assert!(result.success, "views of the vault never revert");
        if index.is_zero() {
            assert_eq!(U256::from_be_slice(&result.answer), U256::from(1), "it is locked");
        }
    }
}

/// A token's hook during a deposit: neither book nor rebalancer is at work, so only the vault's lock can refuse.
#[test]
fn setters_during_a_deposit_are_refused_though_neither_book_nor_rebalancer_is_at_work() {
    let mut world = world();
    let arguments = ("Hooked", "HKD", U256::from(6)).abi_encode_params();
    let (asset, at) = over_token(&mut world, "ReentrantToken", &arguments);
    simulated::mint(&mut world.chain, ALICE, asset, ALICE, dollars(100)).unwrap();
    world.at = at;
    let approve = IERC20::approveCall {
        spender: at.vault,
        value: U256::MAX,
    };
    world.chain.invoke(ALICE, asset, &approve).unwrap();
    // The token owns Gimbal.
    let offer = IGovernor::transferOwnershipCall { newOwner: asset };
    world.chain.invoke(OWNER, at.governor, &offer).unwrap();
    let act = IReentrantToken::actCall {
        target: at.governor,
        data: IGovernor::acceptOwnershipCall {}.abi_encode().into(),
    };
    world.chain.invoke(ALICE, asset, &act).unwrap();
    for (target, data) in setters(&world) {
        let data = data.into();
        let hook = IReentrantToken::Hook {
            target: at.governor,
            data: IGovernor::executeCall { target, data }.abi_encode().into(),
            afterMove: true,
        };
        let chosen = vec![hook];
        world
            .chain
            .invoke(ALICE, asset, &IReentrantToken::setHooksCall { chosen })
            .unwrap();
        let ended = |sent: &venues::Sent| {
            let events = sent.events::<IReentrantToken::Ended>(asset);
            events.iter().map(|event| event.success).collect::<Vec<_>>()
        };
        let deposit = IVault::depositCall {
            assets: dollars(1),
            receiver: ALICE,
        };
        let sent = world.chain.invoke(ALICE, at.vault, &deposit).unwrap();
        assert_eq!(ended(&sent), [false], "refused while the vault is at work");
        let nothing = IERC20::transferCall {
            to: ALICE,
            value: U256::ZERO,
        };
        let sent = world.chain.invoke(ALICE, asset, &nothing).unwrap();
        assert_eq!(ended(&sent), [true], "and for no other reason");
    }
}

#[test]
fn initialize_of_the_program_itself_or_of_a_book_again_is_refused() {
    let mut world = world();
    let at = world.at;
    let call = IBook::initializeCall {
        governor: KEEPER,
        vault: at.vault,
        rebalancer: KEEPER,
        risk: at.risk,
        oracle: at.oracle,
        asset: world.usdc,
    };
    for target in [at.book, at.book_program] {
        let _: IBook::AlreadyInitialized = refused(world.chain.invoke(KEEPER, target, &call));
    }
}

/// A price that no venue is near still lets risk be measured, and recall works: nothing here stops an exit.
#[test]
fn recall_works_while_the_pool_is_disturbed_and_while_a_price_is_stale() {
    let mut world = invested(ALICE, 100_000);
    world.publish(PRICE_E8 * 3).unwrap();
    for wait in [0, 1_000_000] {
        world.chain.warp(wait);
        let recall = IVault::recallCall {
            book: world.at.book,
            assets: dollars(100),
        };
        let sent = world.chain.invoke(ALLOCATOR, world.at.vault, &recall).unwrap();
        let events = sent.events::<IBook::AssetsRecalled>(world.at.book);
        assert_eq!(events, [IBook::AssetsRecalled { assets: dollars(100) }]);
    }
}
