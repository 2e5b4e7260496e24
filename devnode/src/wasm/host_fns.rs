//! The host functions of module `vm_hooks`: names and types ("Host functions" of the Stylus rules).
//!
//! One table for both sides: activation accepts exactly these imports, the host defines exactly these functions.

use wasmparser::ValType;
use wasmparser::ValType::{I32, I64};

/// Module from which programs import the host functions.
pub const HOST_MODULE: &str = "vm_hooks";

/// Host function that is paid before memory grows; the instrumentation calls it.
pub const PAY_FOR_MEMORY_GROW: &str = "pay_for_memory_grow";

/// Name and type of one host function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostFn {
    /// Name inside module `vm_hooks`.
    pub name: &'static str,
    /// Types of the parameters. Pointers and lengths are guest offsets and byte counts.
    pub params: &'static [ValType],
    /// Types of the results, at most one.
    pub results: &'static [ValType],
}

/// Finds a host function by its name inside `vm_hooks`.
pub fn host_fn(name: &str) -> Option<&'static HostFn> {
    HOST_FNS.iter().find(|host_fn| host_fn.name == name)
}

/// Shorthand for the rows of [`HOST_FNS`].
const fn row(name: &'static str, params: &'static [ValType], results: &'static [ValType]) -> HostFn {
    HostFn { name, params, results }
}

/// Every host function a program may import.
pub static HOST_FNS: [HostFn; 42] = [
    // entry and exit
    row("read_args", &[I32], &[]),
    row("write_result", &[I32, I32], &[]),
    row("exit_early", &[I32], &[]),
    // storage
    row("storage_load_bytes32", &[I32, I32], &[]),
    row("storage_cache_bytes32", &[I32, I32], &[]),
    row("storage_flush_cache", &[I32], &[]),
    row("transient_load_bytes32", &[I32, I32], &[]),
    row("transient_store_bytes32", &[I32, I32], &[]),
    // calls and creates
    row("call_contract", &[I32, I32, I32, I32, I64, I32], &[I32]),
    row("delegate_call_contract", &[I32, I32, I32, I64, I32], &[I32]),
    row("static_call_contract", &[I32, I32, I32, I64, I32], &[I32]),
    row("create1", &[I32, I32, I32, I32, I32], &[]),
    row("create2", &[I32, I32, I32, I32, I32, I32], &[]),
    row("read_return_data", &[I32, I32, I32], &[I32]),
    row("return_data_size", &[], &[I32]),
    // logs
    row("emit_log", &[I32, I32, I32], &[]),
    // accounts
    row("account_balance", &[I32, I32], &[]),
    row("account_codehash", &[I32, I32], &[]),
    row("account_code", &[I32, I32, I32, I32], &[I32]),
    row("account_code_size", &[I32], &[I32]),
    // block, chain and frame
    row("block_basefee", &[I32], &[]),
    row("block_coinbase", &[I32], &[]),
    row("block_gas_limit", &[], &[I64]),
    row("block_number", &[], &[I64]),
    row("block_timestamp", &[], &[I64]),
    row("chainid", &[], &[I64]),
    row("contract_address", &[I32], &[]),
    row("evm_gas_left", &[], &[I64]),
    row("evm_ink_left", &[], &[I64]),
    // 256-bit arithmetic
    row("math_div", &[I32, I32], &[]),
    row("math_mod", &[I32, I32], &[]),
    row("math_pow", &[I32, I32], &[]),
    row("math_add_mod", &[I32, I32, I32], &[]),
    row("math_mul_mod", &[I32, I32, I32], &[]),
    // message and transaction
    row("msg_reentrant", &[], &[I32]),
    row("msg_sender", &[I32], &[]),
    row("msg_value", &[I32], &[]),
    row("native_keccak256", &[I32, I32, I32], &[]),
    row("tx_gas_price", &[I32], &[]),
    row("tx_ink_price", &[], &[I32]),
    row("tx_origin", &[I32], &[]),
    // memory
    row(PAY_FOR_MEMORY_GROW, &[I32], &[]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_fns_names_are_distinct() {
        let mut names: Vec<_> = HOST_FNS.iter().map(|host_fn| host_fn.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), HOST_FNS.len());
    }

    #[test]
    fn host_fn_unknown_name_is_none() {
        assert!(host_fn("call").is_none());
        assert_eq!(
            host_fn("read_args").map(|host_fn| host_fn.params),
            Some([I32].as_slice())
        );
    }
}
