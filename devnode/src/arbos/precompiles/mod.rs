//! The Arbitrum precompiles, beside those of the EVM.
//!
//! They answer as on a chain without traffic on its parent chain: data costs nothing to post, there are no
//! retryable tickets, and nothing is ever aliased. Gas-pricing constraints cannot be set, because the base fee of
//! this chain does not move.

mod arb_address_table;
mod arb_aggregator;
mod arb_debug;
mod arb_filtered_transactions_manager;
mod arb_gas_info;
mod arb_info;
mod arb_native_token_manager;
mod arb_owner;
mod arb_owner_public;
mod arb_retryable_tx;
mod arb_sys;
mod arb_wasm;
mod arb_wasm_cache;
mod call;
mod small;

pub(super) use call::{Call, Failure};

use crate::evm::Ctx;
use alloy_primitives::{Address, Bytes};
use interfaces::arbos::{
    ARB_ADDRESS_TABLE, ARB_AGGREGATOR, ARB_BLS, ARB_DEBUG, ARB_FILTERED_TRANSACTIONS_MANAGER, ARB_FUNCTION_TABLE,
    ARB_GAS_INFO, ARB_INFO, ARB_NATIVE_TOKEN_MANAGER, ARB_OWNER, ARB_OWNER_PUBLIC, ARB_RETRYABLE_TX, ARB_STATISTICS,
    ARB_SYS, ARB_WASM, ARB_WASM_CACHE, ARBOS_ACTS, ARBOS_TEST,
};
use revm::{
    handler::{EthPrecompiles, PrecompileProvider},
    interpreter::{CallInputs, Gas, InstructionResult, InterpreterResult},
    primitives::{AddressSet, hardfork::SpecId},
};

/// Code of the accounts at [`ADDRESSES`].
pub const CODE: [u8; 1] = [0xFE];
/// Addresses that answer here; their accounts hold [`CODE`].
pub const ADDRESSES: [Address; 18] = [
    ARB_SYS,
    ARB_INFO,
    ARB_ADDRESS_TABLE,
    ARB_BLS,
    ARB_FUNCTION_TABLE,
    ARBOS_TEST,
    ARB_OWNER_PUBLIC,
    ARB_GAS_INFO,
    ARB_AGGREGATOR,
    ARB_RETRYABLE_TX,
    ARB_STATISTICS,
    ARB_OWNER,
    ARB_WASM,
    ARB_WASM_CACHE,
    ARB_NATIVE_TOKEN_MANAGER,
    ARB_FILTERED_TRANSACTIONS_MANAGER,
    ARB_DEBUG,
    ARBOS_ACTS,
];

/// Precompiles of the EVM and of ArbOS.
#[derive(Debug, Clone)]
pub struct Precompiles {
    eth: EthPrecompiles,
    addresses: AddressSet,
}

impl Precompiles {
    /// The set for an EVM fork.
    pub fn new(spec: SpecId) -> Self {
        let eth = EthPrecompiles::new(spec);
        let addresses = eth.warm_addresses().iter().copied().chain(ADDRESSES).collect();
        Self { eth, addresses }
    }
}

/// Executes calldata at a precompile and returns its encoded result.
type Run = fn(&mut Call<'_>, &[u8]) -> Result<Vec<u8>, Failure>;

/// Who pays for a call.
enum Access {
    /// The caller.
    Paid(Run),
    /// Nobody; only chain owners get through.
    Owners(Run),
    /// Nobody when a filterer calls, else the caller for the look-up only.
    Filterers(Run),
}

fn precompile(address: Address) -> Option<Access> {
    use Access::{Filterers, Owners, Paid};
    Some(match address {
        ARB_SYS => Paid(arb_sys::run),
        ARB_INFO => Paid(arb_info::run),
        ARB_ADDRESS_TABLE => Paid(arb_address_table::run),
        ARB_BLS => Paid(small::arb_bls),
        ARB_FUNCTION_TABLE => Paid(small::arb_function_table),
        ARBOS_TEST => Paid(small::arbos_test),
        ARB_OWNER_PUBLIC => Paid(arb_owner_public::run),
        ARB_GAS_INFO => Paid(arb_gas_info::run),
        ARB_AGGREGATOR => Paid(arb_aggregator::run),
        ARB_RETRYABLE_TX => Paid(arb_retryable_tx::run),
        ARB_STATISTICS => Paid(small::arb_statistics),
        ARB_OWNER => Owners(arb_owner::run),
        ARB_WASM => Paid(arb_wasm::run),
        ARB_WASM_CACHE => Paid(arb_wasm_cache::run),
        ARB_NATIVE_TOKEN_MANAGER => Paid(arb_native_token_manager::run),
        ARB_FILTERED_TRANSACTIONS_MANAGER => Filterers(arb_filtered_transactions_manager::run),
        ARB_DEBUG => Paid(arb_debug::run),
        ARBOS_ACTS => Paid(small::arbos_acts),
        _ => return None,
    })
}

impl PrecompileProvider<Ctx> for Precompiles {
    type Output = InterpreterResult;

    fn set_spec(&mut self, spec: SpecId) -> bool {
        PrecompileProvider::<Ctx>::set_spec(&mut self.eth, spec)
    }

    fn run(&mut self, ctx: &mut Ctx, inputs: &CallInputs) -> Result<Option<InterpreterResult>, String> {
        let Some(access) = precompile(inputs.bytecode_address) else {
            return self.eth.run(ctx, inputs);
        };
        let data = inputs.input.bytes(ctx);
        let mut call = Call::new(ctx, inputs);
        let ended = match access {
            Access::Paid(run) => call.paid(run, &data),
            Access::Owners(run) => arb_owner::guarded(&mut call, run, &data),
            Access::Filterers(run) => arb_filtered_transactions_manager::guarded(&mut call, run, &data),
        };
        let (result, output) = match ended {
            Ok(output) => (InstructionResult::Return, output),
            Err(Failure::Revert(data)) => (InstructionResult::Revert, data),
            Err(Failure::Burn) => {
                call.meter.0 = 0;
                (InstructionResult::Revert, Bytes::new())
            }
            Err(Failure::Fatal(error)) => return Err(error),
        };
        let mut gas = Gas::new(inputs.gas_limit);
        gas.set_remaining(call.meter.0);
        Ok(Some(InterpreterResult { result, output, gas }))
    }

    fn warm_addresses(&self) -> &AddressSet {
        &self.addresses
    }
}
