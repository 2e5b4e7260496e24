//! What the end-to-end tests share: a world built once, and words for what must be refused.

pub mod parties;
pub mod stage;
pub mod twin;

use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall, SolError};
use gimbal::{
    deploy::{Config, Deployment, deploy},
    world::{World, dollars, people},
};
use interfaces::{IERC20, IGovernor};
use std::{fmt::Debug, path::PathBuf, sync::LazyLock};
use venues::{Artifacts, Network, NetworkError, Sent};

/// 2018-11-10, the start of the default demo.
pub const START: u64 = 1_541_808_000;
/// 6,400 dollars.
pub const PRICE_E8: u64 = 640_000_000_000;

/// The project's folder, where built contracts and packages lie; `GIMBAL_ROOT` names another, with other contracts.
pub fn root() -> PathBuf {
    let here = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    std::env::var_os("GIMBAL_ROOT").map_or_else(here, PathBuf::from)
}

static WORLD: LazyLock<World> = LazyLock::new(|| World::new(&root(), START, PRICE_E8).expect("the world can be built"));

/// A world of one's own at 6,400 dollars: nobody has deposited yet.
pub fn world() -> World {
    WORLD.clone()
}

/// A world in which `person` holds shares for whole dollars, all of it in the book and hedged to the band's edge.
pub fn invested(person: Address, whole: u64) -> World {
    let mut world = world();
    world.fund(person, dollars(whole)).expect("funding works");
    world.deposit(person, dollars(whole)).expect("deposits work");
    world.allocate(dollars(whole)).expect("allocating works");
    world.rebalance().expect("an unhedged book is rebalanced");
    world
}

/// The typed error that `result` was refused with.
///
/// # Panics
/// If it was not refused, or with another error.
pub fn refused<E: SolError + Debug, T: Debug>(result: Result<T, NetworkError>) -> E {
    let error = result.expect_err("the call must be refused");
    error
        .decode()
        .unwrap_or_else(|| panic!("expected {}, got {error}", E::SIGNATURE))
}

/// A call by governance.
pub fn govern<C: SolCall>(
    world: &mut World,
    target: fn(&Deployment) -> Address,
    call: &C,
) -> Result<Sent, NetworkError> {
    let target = target(&world.at);
    let data = call.abi_encode().into();
    world.chain.invoke(
        people::OWNER,
        world.at.governor,
        &IGovernor::executeCall { target, data },
    )
}

/// A second Gimbal in the same world, over another asset token: the token and the deployment.
///
/// `token` is a contract of `test/solidity`, `arguments` its encoded constructor arguments.
pub fn over_token(world: &mut World, token: &str, arguments: &[u8]) -> (Address, Deployment) {
    let artifacts = Artifacts::new(root());
    let code = artifacts.compiled(token).and_then(|artifact| artifact.code());
    let code = [code.expect("the token is compiled"), arguments.to_vec()].concat();
    let asset = world
        .chain
        .create(people::OWNER, code)
        .expect("the token can be created");
    let config = Config {
        asset,
        cache: false,
        ..world.config()
    };
    let at = deploy(&mut world.chain, &artifacts, &config).expect("Gimbal can be deployed");
    (asset, at)
}

/// Everything of value in the world that a refused call could have moved.
pub fn state(world: &mut World) -> Vec<U256> {
    let holders = [
        world.at.vault,
        world.at.book,
        world.at.adapter,
        world.at.rebalancer,
        world.pool.address,
    ];
    let people = people::DEPOSITORS;
    let mut state = Vec::new();
    for token in [world.usdc, world.wbtc, world.at.vault] {
        state.push(
            world
                .chain
                .read(token, &IERC20::totalSupplyCall {})
                .expect("tokens answer"),
        );
        for account in holders.into_iter().chain(people) {
            state.push(world.balance(token, account).expect("tokens answer"));
        }
    }
    state
}
