//! Contracts that tools expect on a development chain.
//!
//! The bytecode of Arbitrum's own contracts is read from the npm package that ships it.

use crate::{
    Artifact, Chain, DEV_ACCOUNT, GenesisAccount,
    arbos::{fields, state::ARBOS},
    state::State,
};
use alloy_primitives::{Address, Bytes, U256, address, bytes};
use alloy_sol_types::sol;
use std::path::Path;

/// The deterministic deployment proxy: creates a contract with CREATE2 from 32 bytes of salt and init code.
pub const CREATE2_FACTORY: Address = address!("4e59b44847b379578588920cA78FbF26c0B4956C");
/// Deploys, activates and initialises a Stylus program in one transaction, for programs with a constructor.
pub const STYLUS_DEPLOYER: Address = address!("cEcba2F1DC234f70Dd89F2041029807F8D03A990");
/// Sells places in the program cache. Tools find it by asking ArbWasmCache.
pub const CACHE_MANAGER: Address = address!("2F8Bd4EaB69764c105aDd7dE7CB0402557a44E6f");

/// Code of the factory. Clients compare its hash, so it has to be these bytes: what follows the first
/// word of calldata is created with that word as salt, and the address is returned; else it reverts.
const CREATE2_FACTORY_CODE: Bytes = bytes!(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
);

/// Room of the program cache, in bytes of native code: as on Arbitrum One.
const CACHE_BYTES: u64 = 1 << 29;
/// How fast bids lose their weight, in wei per second: as on Arbitrum One.
const CACHE_DECAY: u64 = 10_322_197_911;

sol! {
    function initialize(uint64 initCacheSize, uint64 initDecay) external;
}

/// The contracts, as far as they can be had: those of `nitro_contracts`, the directory of the npm package
/// `@arbitrum/nitro-contracts`, are left out when it is not there. Also says what is missing and why.
pub fn accounts(nitro_contracts: &Path) -> (Vec<GenesisAccount>, Vec<String>) {
    let mut accounts = vec![GenesisAccount {
        address: CREATE2_FACTORY,
        code: CREATE2_FACTORY_CODE,
        ..GenesisAccount::default()
    }];
    let mut missing = Vec::new();
    for (name, made) in [
        ("StylusDeployer", stylus_deployer(nitro_contracts)),
        ("CacheManager", cache_manager(nitro_contracts)),
    ] {
        match made {
            Ok(made) => accounts.extend(made),
            Err(reason) => missing.push(format!("no {name} on this chain: {reason}")),
        }
    }
    (accounts, missing)
}

/// Creation bytecode of a contract of the package.
fn bytecode(package: &Path, path: &str) -> Result<Vec<u8>, String> {
    let artifact = Artifact::read(package.join("build/contracts/src").join(path));
    artifact
        .and_then(|artifact| artifact.code())
        .map_err(|error| error.to_string())
}

/// Creates a contract on `chain`, which is thrown away afterwards, and returns its code.
fn created(chain: &mut Chain, init_code: Vec<u8>) -> Result<Bytes, String> {
    let created = chain.create_contract(DEV_ACCOUNT, init_code);
    created
        .map(|address| chain.code(address))
        .map_err(|error| format!("its creation failed: {error}"))
}

fn stylus_deployer(package: &Path) -> Result<Vec<GenesisAccount>, String> {
    let init_code = bytecode(package, "stylus/StylusDeployer.sol/StylusDeployer.json")?;
    Ok(vec![GenesisAccount {
        address: STYLUS_DEPLOYER,
        code: created(&mut Chain::default(), init_code)?,
        ..GenesisAccount::default()
    }])
}

/// The manager is made to stand behind a proxy and refuses to be initialised where it was created: here
/// its code is put elsewhere, so no proxy is needed. ArbOS has to know it as a manager.
fn cache_manager(package: &Path) -> Result<Vec<GenesisAccount>, String> {
    let mut chain = Chain::default();
    let init_code = bytecode(package, "chain/CacheManager.sol/CacheManager.json")?;
    let code = created(&mut chain, init_code)?;
    chain.set_code(CACHE_MANAGER, code.clone());
    let call = initializeCall {
        initCacheSize: CACHE_BYTES,
        initDecay: CACHE_DECAY,
    };
    chain
        .send_call(DEV_ACCOUNT, CACHE_MANAGER, &call)
        .map_err(|error| format!("its initialisation failed: {error}"))?;
    let manager = GenesisAccount {
        address: CACHE_MANAGER,
        balance: U256::ZERO,
        code,
        storage: storage(chain.state(), CACHE_MANAGER),
    };
    let known = GenesisAccount {
        address: ARBOS,
        storage: fields::cache_managers().with_one_member(CACHE_MANAGER).to_vec(),
        ..GenesisAccount::default()
    };
    Ok(vec![manager, known])
}

fn storage(state: &State, address: Address) -> Vec<(U256, U256)> {
    let account = state.accounts().find(|(other, ..)| *other == address);
    account.map_or_else(Vec::new, |(_, _, storage)| storage.into_iter().collect())
}
