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
