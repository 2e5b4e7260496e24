//! Attackers, victims and their means: what each holds, what each has won, and code to do harm with.

use crate::root;
use alloy_primitives::{Address, Bytes, I256, U256, aliases::U160, uint};
use alloy_sol_types::{SolCall, SolConstructor};
use devnode::stylus::code::compress;
use gimbal::{
    deploy::deploy,
    world::{
        DECIMALS, POOL_FEE, World,
        people::{self, ARBITRAGEUR, KEEPER, OWNER},
    },
};
use interfaces::{
    IBatcher, IERC20, IGovernor, IHostileBook, IRebalancer, ISwapRouter02, ITestToken, IUniswapV3Pool, IVault,
};
use venues::{Artifacts, Network, NetworkError, Sent};

/// Seconds of a day, which is also a batch's length in a world.
pub const DAY: u64 = 86_400;
/// From a batch's cut-off until it is overdue, in seconds.
pub const GRACE: u64 = 86_400;
/// Gas that one transaction may use on the chain.
pub const TX_GAS: u64 = 32_000_000;
/// One, with 18 decimals.
pub const WAD: U256 = uint!(1_000_000_000_000_000_000_U256);

/// What `account` could call its own, in units of the asset: USDC, WBTC at the oracle's price, claims, and all shares at
/// mid, requested ones included.
///
/// # Panics
/// If a contract of the world does not answer.
pub fn wealth(world: &mut World, account: Address) -> U256 {
    let usdc = world.balance(world.usdc, account).expect("tokens answer");
    let wbtc = world.balance(world.wbtc, account).expect("tokens answer");
    // 8 decimals of WBTC and 8 of the price, against 6 of USDC.
    let spot = wbtc * U256::from(world.price_e8) / uint!(10_000_000_000_U256);
    let vault = world.at.vault;
    let overview = world.chain.read(vault, &IVault::overviewCall { account });
    let seen = overview.expect("views never revert")._0;
    let shares = seen.balance + seen.pendingShares;
    let worth = world.chain.read(vault, &IVault::convertToAssetsCall { shares });
    usdc + spot + seen.claimableAssets + worth.expect("views never revert")
}

/// What some people hold at one moment, to compare with later.
#[derive(Clone, Debug)]
pub struct Stakes(Vec<(Address, U256)>);

impl Stakes {
    /// What `accounts` hold now.
    pub fn of(world: &mut World, accounts: &[Address]) -> Self {
        Self(
            accounts
                .iter()
                .map(|account| (*account, wealth(world, *account)))
                .collect(),
        )
    }

    /// What each has won since, in asset units; losses are negative. In the order of the accounts.
    pub fn won(&self, world: &mut World) -> Vec<I256> {
        let change = |(account, before): &(Address, U256)| difference(wealth(world, *account), *before);
        self.0.iter().map(change).collect()
    }
}

/// `after` − `before`.
pub fn difference(after: U256, before: U256) -> I256 {
    I256::from_raw(after) - I256::from_raw(before)
}

/// Lets the open batch close, with fresh prices.
///
/// # Panics
/// If the vault or a feed does not answer.
pub fn pass_cut_off(world: &mut World) {
    let open = world.chain.read(world.at.vault, &IVault::currentBatchCall {});
    let cut_off: u64 = open.expect("views never revert").cutOff.to();
    world.chain.set_timestamp(cut_off);
    world.publish(world.price_e8).expect("feeds take prices");
}

/// What honest keepers and arbitrageurs do: rebalance every book until there is nothing to do, bring the pool back to the
/// oracle's price, settle what can be settled.
///
/// # Panics
/// If the vault does not answer.
pub fn keep(world: &mut World) {
    for _ in 0..4 {
        let books = world.chain.read(world.at.vault, &IVault::bookCountCall {});
        for index in 0..books.expect("views never revert").to::<u64>() {
            let call = IVault::bookCall {
                index: U256::from(index),
            };
            let book = world
                .chain
                .read(world.at.vault, &call)
                .expect("views never revert")
                .book;
            for _ in 0..6 {
                let call = IRebalancer::rebalanceCall { book };
                let done = world.chain.invoke(KEEPER, world.at.rebalancer, &call).is_ok();
                push_pool(world, world.price_e8);
                if !done {
                    break;
                }
            }
        }
        while world.settle().is_ok_and(|(_, settled)| !settled.shares.is_zero()) {}
    }
}

/// Everybody of `leavers` requests all shares; after the cut-off keepers work and everybody claims.
///
/// # Panics
/// If a request or a claim is refused.
pub fn leave(world: &mut World, leavers: &[Address]) {
    for person in leavers {
        let shares = world.balance(world.at.vault, *person).expect("tokens answer");
        if !shares.is_zero() {
            world.request(*person, shares).expect("requests are never refused");
        }
    }
    pass_cut_off(world);
    keep(world);
    for person in leavers {
        let call = IVault::maxRedeemCall { controller: *person };
        if !world
            .chain
            .read(world.at.vault, &call)
            .expect("views never revert")
            .is_zero()
        {
            world.claim(*person).expect("claims are never refused");
        }
    }
}

/// Moves the pool alone to a price (8 decimals), by the arbitrageur's trade.
///
/// # Panics
/// If the pool cannot be moved there.
pub fn push_pool(world: &mut World, price_e8: u64) {
    let target = world.pool.sqrt_price_x96(world.wbtc, U256::from(price_e8), DECIMALS);
    let budget = U256::from(1_u64 << 60);
    world
        .uniswap
        .move_price(
            &mut world.chain,
            ARBITRAGEUR,
            &world.pool,
            target.expect("a price within range"),
            budget,
        )
        .expect("the pool moves");
}

/// A swap through the world's pool for whoever sends it, bounded by nothing but the pool's price limit (0 for none).
pub fn swap(world: &World, token_in: Address, recipient: Address, amount: U256, limit: U160) -> Bytes {
    let token_out = if token_in == world.usdc { world.wbtc } else { world.usdc };
    let params = ISwapRouter02::ExactInputSingleParams {
        tokenIn: token_in,
        tokenOut: token_out,
        fee: POOL_FEE.try_into().expect("24 bits"),
        recipient,
        amountIn: amount,
        amountOutMinimum: U256::ZERO,
        sqrtPriceLimitX96: limit,
    };
    ISwapRouter02::exactInputSingleCall { params }.abi_encode().into()
}

/// The pool's price now, as a square root with 96 binary digits.
///
/// # Panics
/// If the pool does not answer.
pub fn pool_price(world: &mut World) -> U160 {
    let slot = world.chain.read(world.pool.address, &IUniswapV3Pool::slot0Call {});
    slot.expect("pools answer").sqrtPriceX96
}

/// Creates a contract of `test/solidity` with encoded constructor arguments.
///
/// # Panics
/// If it is not compiled or cannot be created.
pub fn create(world: &mut World, contract: &str, arguments: &[u8]) -> Address {
    let artifact = Artifacts::new(root())
        .compiled(contract)
        .expect("the contract is compiled");
    let code = [artifact.code().expect("it has code"), arguments.to_vec()].concat();
    world.chain.create(OWNER, code).expect("the contract can be created")
}

/// Gives the world's USDC the code of a hostile token; balances, allowances and address stay.
pub fn turn_hostile(world: &mut World, token: &str) {
    let arguments = ITestToken::constructorCall {
        name: String::from("USD Coin"),
        symbol: String::from("USDC"),
        decimals: DECIMALS[1],
    };
    let twin = create(world, token, &arguments.abi_encode());
    let code = world.chain.code(twin);
    world.chain.set_code(world.usdc, code);
}

/// The same world with a second Gimbal over another asset, which takes the first one's place. No caps.
///
/// `arguments` are those of the token's constructor. The pool is of no use to it: its book can only hold cash.
///
/// # Panics
/// If the deployment fails.
pub fn over(world: &World, token: &str, arguments: &[u8]) -> World {
    let mut world = world.clone();
    let asset = create(&mut world, token, arguments);
    let artifacts = Artifacts::new(root());
    let config = gimbal::deploy::Config {
        asset,
        cache: false,
        ..world.config()
    };
    let at = deploy(&mut world.chain, &artifacts, &config).expect("Gimbal can be deployed");
    world.usdc = asset;
    world.at = at;
    uncap(&mut world);
    world
}

/// Constructor arguments of a test token with these decimals.
pub fn test_token(decimals: u8) -> Vec<u8> {
    ITestToken::constructorCall {
        name: String::from("Token"),
        symbol: String::from("TKN"),
        decimals,
    }
    .abi_encode()
}

/// Takes all caps away.
pub fn uncap(world: &mut World) {
    set_parameter(world, 7, U256::MAX);
    let book = world.at.book;
    let call = IVault::setBookCapCall { book, cap: U256::MAX };
    govern(world, world.at.vault, &call).expect("governance may");
}

/// A call by governance.
///
/// # Errors
/// What the target refused it with.
pub fn govern<C: SolCall>(world: &mut World, target: Address, call: &C) -> Result<Sent, NetworkError> {
    let data = call.abi_encode().into();
    let call = IGovernor::executeCall { target, data };
    world.chain.invoke(people::OWNER, world.at.governor, &call)
}

/// Sets a parameter of the vault by governance.
///
/// # Panics
/// If it is refused.
pub fn set_parameter(world: &mut World, id: u8, value: U256) {
    let vault = world.at.vault;
    govern(world, vault, &IVault::setParameterCall { id, value }).expect("governance may");
}

/// Adds a hostile book to the vault, behaving well for now, and gives it idle assets.
///
/// # Panics
/// If the vault refuses it.
pub fn add_hostile_book(world: &mut World, assets: U256) -> Address {
    let vault = world.at.vault;
    let arguments = IHostileBook::constructorCall {
        vault,
        asset: world.usdc,
    };
    let book = create(world, "HostileBook", &arguments.abi_encode());
    let call = IVault::addBookCall {
        book,
        cap: U256::MAX,
        isolated: false,
    };
    govern(world, vault, &call).expect("it looks like a book");
    if !assets.is_zero() {
        let call = IVault::allocateCall { book, assets };
        world
            .chain
            .invoke(people::ALLOCATOR, vault, &call)
            .expect("idle assets reach");
    }
    book
}

/// A step of an attack in one transaction, which must succeed.
pub fn step(target: Address, data: impl Into<Bytes>) -> IBatcher::Step {
    IBatcher::Step {
        target,
        data: data.into(),
        mustSucceed: true,
        gasLimit: U256::ZERO,
    }
}

/// Runs steps in one transaction, as the contract `batcher`.
///
/// # Errors
/// What the first failing step was refused with, wrapped in `StepFailed`.
pub fn run(world: &mut World, batcher: Address, steps: Vec<IBatcher::Step>) -> Result<Sent, NetworkError> {
    world.chain.invoke(KEEPER, batcher, &IBatcher::runCall { steps })
}

/// A contract that acts for an attacker, with `usdc` and `wbtc` units, which router and vault may take.
///
/// # Panics
/// If it cannot be created.
pub fn batcher(world: &mut World, usdc: U256, wbtc: U256) -> Address {
    let attacker = create(world, "Batcher", &[]);
    let mut steps = Vec::new();
    for (token, value) in [(world.usdc, usdc), (world.wbtc, wbtc)] {
        let mint = ITestToken::mintCall { to: attacker, value };
        world.chain.invoke(OWNER, token, &mint).expect("anyone may mint");
        for spender in [world.uniswap.router, world.at.vault] {
            let value = U256::MAX;
            steps.push(step(token, IERC20::approveCall { spender, value }.abi_encode()));
        }
    }
    run(world, attacker, steps).expect("approvals work");
    attacker
}

/// A Stylus program that opens memory pages, then makes the call `target ‖ calldata` and passes the answer on.
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
    (drop (memory.grow (i32.const PAGES)))
    (call $read_args (i32.const 0))
    (local.set $failed (call $call (i32.const 0) (i32.const 20) (i32.sub (local.get $len) (i32.const 20))
      (i32.const 60000) (i64.const -1) (i32.const 61000)))
    (drop (call $read_return (i32.const 4096) (i32.const 0) (call $size)))
    (call $write_result (i32.const 4096) (call $size))
    (i32.ne (local.get $failed) (i32.const 0))))"#;

/// Lets a keeper make a call through a program that holds `pages` memory pages besides its own.
///
/// # Errors
/// What the call was refused with.
pub fn through_pages(world: &mut World, pages: u8, to: Address, data: &[u8]) -> Result<Sent, NetworkError> {
    let mut forwarder = Address::repeat_byte(0xfa);
    forwarder[19] = pages;
    if world.chain.code(forwarder).is_empty() {
        let text = PAGE_HOARDER.replace("PAGES", &pages.to_string());
        let module = wat::parse_str(text).expect("the program is well-formed");
        world.chain.set_code(forwarder, compress(&module));
        let activated = world.chain.activate(OWNER, forwarder).expect("it is included");
        assert!(activated.success, "the program is valid");
    }
    let data = [to.as_slice(), data].concat();
    world.chain.transact(KEEPER, Some(forwarder), U256::ZERO, data.into())
}
