//! Deploys Stylus programs.

use crate::{Network, NetworkError};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use devnode::stylus::code::{MAX_CODE_SIZE, Split, init_code};
use interfaces::arbos::{ARB_WASM, ARB_WASM_CACHE, ArbWasm, ArbWasmCache};

/// Wei sent along with an activation; what the data fee does not need comes back.
const ACTIVATION_VALUE: u128 = 100_000_000_000_000_000;

/// Puts program code (prefix and compressed module) on chain and activates it, unless the same code is active already.
///
/// Code that is too long for one account goes into fragments, and the address is that of their root program.
pub fn deploy(network: &mut impl Network, from: Address, program: &[u8]) -> Result<Address, NetworkError> {
    let address = if program.len() <= MAX_CODE_SIZE {
        network.create(from, init_code(program))?
    } else {
        let split = Split::of_classic(program).map_err(|error| NetworkError::Rejected(error.to_string()))?;
        let fragments = split.fragments.iter();
        let created = fragments.map(|fragment| network.create(from, init_code(fragment)));
        let addresses = created.collect::<Result<Vec<_>, _>>()?;
        network.create(from, init_code(&split.root(&addresses)))?
    };
    if network
        .read(ARB_WASM, &ArbWasm::programVersionCall { program: address })
        .is_ok()
    {
        return Ok(address);
    }
    let call = ArbWasm::activateProgramCall { program: address };
    network.transact(
        from,
        Some(ARB_WASM),
        U256::from(ACTIVATION_VALUE),
        call.abi_encode().into(),
    )?;
    Ok(address)
}

/// Pins a program in the cache, so that entering it costs the cached price.
pub fn cache(network: &mut impl Network, from: Address, program: Address) -> Result<(), NetworkError> {
    network.invoke(from, ARB_WASM_CACHE, &ArbWasmCache::cacheProgramCall { program })?;
    Ok(())
}
