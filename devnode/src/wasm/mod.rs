//! The wasm front end of Stylus: decides whether a module may be activated, what that costs, and rewrites the module so
//! that it pays for itself while it runs.
//!
//! Everything here is a pure function of the module's bytes and follows the rules of Stylus version 3 (`ArbOS` 61).
//! Running the rewritten module, and the host functions it imports, is somebody else's job: see [`activate`] for what
//! the two sides agree on.

#![deny(unsafe_code)]

mod check;
mod class;
mod cost;
mod depth;
mod encode;
mod heap;
mod host_fns;
mod instrument;
mod meter;
mod parse;
mod price;
mod refused;
#[cfg(test)]
mod testing;

pub use check::{ENTRYPOINT, MEMORY};
pub use host_fns::{HOST_FNS, HOST_MODULE, HostFn, PAY_FOR_MEMORY_GROW, host_fn};
pub use refused::Refused;

/// Export of the global with the ink left: `i64`, mutable, set by the host before each run. Meaningless once
/// [`INK_STATUS`] is not 0.
pub const INK_LEFT: &str = "stylus_ink_left";

/// Export of the global with the ink status: `i32`, mutable, 0 while ink is left and 1 once it is exhausted.
pub const INK_STATUS: &str = "stylus_ink_status";

/// Export of the global that inserted operators use as scratch space: `i32`, mutable, of no meaning to the host.
pub const SCRATCH: &str = "stylus_scratch";

/// Export of the global with the stack words left: `i32`, unsigned, mutable, set by the host before each run; 0 once
/// the stack is exhausted.
pub const STACK_LEFT: &str = "stylus_stack_left";

/// What activation computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activated {
    /// Length of the module in bytes, as activated.
    pub wasm_len: u32,
    /// Gas for parsing, pricing and instrumenting the module: the part of the activation gas that depends on it.
    pub work_gas: u64,
    /// Recorded cost of entering the program when it is not cached, in gas before scaling.
    pub init_cost: u16,
    /// Recorded cost of entering the program when it is cached, in gas before scaling.
    pub cached_cost: u16,
    /// Initial memory in pages of 64 KiB.
    pub footprint: u16,
    /// Estimated size of the native code in bytes; the data fee is paid for it.
    pub asm_estimate: u32,
    /// The instrumented module. It exports [`ENTRYPOINT`], [`MEMORY`] and the four globals named above, and imports
    /// only host functions of [`HOST_FNS`].
    pub instrumented: Vec<u8>,
}

/// Activates a module: checks it against every rule, prices it and instruments it.
///
/// `page_limit` is how many pages of memory the program may open: the chain's page limit less the pages that are open
/// in the transaction, normally 128.
///
/// The host sets the globals [`INK_LEFT`] and [`STACK_LEFT`] of a fresh instance and calls [`ENTRYPOINT`] with the
/// length of the calldata.
pub fn activate(wasm: &[u8], page_limit: u16) -> Result<Activated, Refused> {
    let module = parse::Module::parse(wasm)?;
    let checked = check::check(&module, page_limit)?;
    let functions = module
        .bodies
        .iter()
        .map(|body| instrument::instrument(body, &module, &checked))
        .collect::<Result<Vec<_>, _>>()?;
    let operators = functions.iter().map(|function| function.operators.len() as u64).sum();
    let recorded = cost::recorded(&module, checked.pages)?;
    Ok(Activated {
        wasm_len: module.wasm_len,
        work_gas: cost::work_gas(&module, checked.pages, operators),
        init_cost: recorded.init_cost,
        cached_cost: recorded.cached_cost,
        footprint: checked.pages,
        asm_estimate: recorded.asm_estimate,
        instrumented: encode::encode(&module, &checked, &functions)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Activation numbers measured on Nitro's own runtime: wasm length, work gas, initialisation cost, cached cost and
    /// native code size, per module.
    #[test]
    fn activate_reference_modules_match_the_measured_costs() {
        let memory = "(memory (export \"memory\") 1 1)";
        let entry = "(func (export \"user_entrypoint\") (param i32) (result i32)";
        for (fields, numbers) in [
            (format!("{memory} {entry} i32.const 0)"), [64, 63_084, 18, 11, 513_418]),
            (format!("{memory} {entry} unreachable)"), [63, 63_056, 18, 11, 513_412]),
            (
                format!(
                    "{memory} {entry} i32.const 0 i32.const 7 i32.const 1000 memory.fill
                     i32.const 2000 i32.const 0 i32.const 1000 memory.copy i32.const 0)"
                ),
                [86, 63_924, 21, 11, 513_556],
            ),
            (
                format!(
                    "{memory} (func $f (param i32) (result i32) local.get 0 i32.const 1 i32.add call $f)
                     {entry} i32.const 0 call $f)"
                ),
                [90, 64_204, 31, 11, 514_601],
            ),
            (
                format!(
                    "(type $t (func (param i32 i32) (result i32)))
                     (table 2 2 funcref) (elem (i32.const 0) $a $a) {memory}
                     (func $a (type $t) local.get 0)
                     {entry} block block block local.get 0 br_table 0 1 2 end end end
                       i32.const 1 i32.const 2 i32.const 0 call_indirect (type $t) drop i32.const 0)"
                ),
                [138, 65_324, 38, 16, 514_914],
            ),
            (
                format!(
                    "(import \"vm_hooks\" \"pay_for_memory_grow\" (func $pay (param i32)))
                     (memory (export \"memory\") 0)
                     {entry} i32.const 128 memory.grow drop memory.size i32.const 128 i32.sub)"
                ),
                [126, 1680, 26, 6, 513_807],
            ),
            (
                format!(
                    "{memory} (func $f (param i32) (result i32) (local i32 i32) local.get 0 br 0)
                     {entry} i32.const 0 call $f)"
                ),
                [89, 64_176, 31, 11, 514_595],
            ),
        ] {
            let wasm = wat::parse_str(format!("(module {fields})")).expect("the test's wat is well formed");
            let activated = activate(&wasm, 128).expect("the module is accepted");
            let measured = [
                u64::from(activated.wasm_len),
                activated.work_gas,
                activated.init_cost.into(),
                activated.cached_cost.into(),
                activated.asm_estimate.into(),
            ];
            assert_eq!(measured, numbers, "{fields}");
        }
    }

    #[test]
    fn activate_instrumented_module_is_valid_and_exports_only_what_the_host_needs() {
        let wasm = wat::parse_str(
            "(module (import \"vm_hooks\" \"pay_for_memory_grow\" (func (param i32)))
               (memory (export \"memory\") 1) (global (export \"__heap_base\") i32 (i32.const 0))
               (func (export \"foo\"))
               (func (export \"user_entrypoint\") (param i32) (result i32) i32.const 1 memory.grow))",
        )
        .expect("the test's wat is well formed");
        let activated = activate(&wasm, 128).expect("the module is accepted");
        let module = parse::Module::parse(&activated.instrumented).expect("the instrumented module is valid");
        let exports: Vec<_> = module.exports.iter().map(|export| export.name).collect();
        assert_eq!(exports, [ENTRYPOINT, MEMORY, INK_LEFT, INK_STATUS, SCRATCH, STACK_LEFT]);
        assert_eq!(module.memories[0].maximum, Some(65_534));
    }

    #[test]
    fn activate_damaged_module_never_panics() {
        let wasm = wat::parse_str(
            "(module (import \"vm_hooks\" \"read_args\" (func (param i32)))
               (table 2 2 funcref) (elem (i32.const 0) 0 1) (memory (export \"memory\") 1 1)
               (global i64 (i64.const 5)) (data (i32.const 1) \"abc\")
               (func (export \"user_entrypoint\") (param i32) (result i32) (local i64)
                 block local.get 0 br_table 0 0 end i32.const 0 call 0
                 i32.const 0 i32.const 7 i32.const 9 memory.fill i32.const 0))",
        )
        .expect("the test's wat is well formed");
        assert!(activate(&wasm, 128).is_ok());
        for position in 0..wasm.len() {
            for byte in [0x00, 0x01, 0x0b, 0x40, 0x7f, 0x80, 0xff] {
                let mut damaged = wasm.clone();
                damaged[position] = byte;
                // Accepted or refused, both are fine: what counts is that it comes back.
                drop(activate(&damaged, 128));
            }
        }
    }
}
