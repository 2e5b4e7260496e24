//! Gas of the activation work and the costs recorded with a program ("Price of the wasm work" and "Recorded costs" of
//! the Stylus rules). Every term is rounded down on its own.

use super::{instrument::Globals, parse::Module, refused::Refused};

/// Gas per microsecond of activation work.
const GAS_PER_MICROSECOND: u64 = 28;

/// Gas for parsing, instrumenting and compiling the module. `operators` counts those of all functions after
/// instrumentation.
pub(super) fn work_gas(module: &Module<'_>, pages: u16, operators: u64) -> u64 {
    let microseconds = [
        scaled(module.wasm_len.into(), 31_733, 100_000),
        scaled(module.functions.len() as u64, 17_263, 100_000),
        scaled(module.data_payload_bytes(), 17_376, 100_000),
        scaled(module.element_bytes(), 17_376, 100_000),
        scaled(pages.into(), 2217, 1),
        scaled(operators, 535, 1000),
    ];
    total(&microseconds).saturating_mul(GAS_PER_MICROSECOND)
}

/// The costs recorded with a program.
pub(super) struct Recorded {
    /// Entry cost in gas when the program is not cached.
    pub(super) init_cost: u16,
    /// Entry cost in gas when it is.
    pub(super) cached_cost: u16,
    /// Estimated size of the native code in bytes.
    pub(super) asm_estimate: u32,
}

/// Computes the costs recorded with a program.
pub(super) fn recorded(module: &Module<'_>, pages: u16) -> Result<Recorded, Refused> {
    let functions = module.functions.len() as u64;
    let type_words = module
        .functions
        .iter()
        .filter_map(|type_index| module.type_at(*type_index))
        .fold(0_u64, |sum, ty| {
            sum.saturating_add((ty.params().len() + ty.results().len()) as u64)
        });
    let wasm_len = module.wasm_len.into();
    let globals = (module.globals.len() as u64).saturating_add(Globals::COUNT.into());
    let segments = module.data_bytes().saturating_add(module.element_bytes());

    let init_cost = total(&[
        scaled(functions, 8252, 1000),
        scaled(type_words, 1059, 1000),
        scaled(wasm_len, 1286, 10_000),
    ]);
    let cached_cost = total(&[
        scaled(functions, 13_420, 100_000),
        scaled(type_words, 89, 100_000),
        scaled(wasm_len, 122, 100_000),
        scaled(globals, 1628, 1000),
        scaled(segments, 75_244, 100_000),
        scaled(pages.into(), 5, 1),
    ]);
    let asm_estimate = total(&[
        512_000,
        scaled(functions, 996_829, 1000),
        scaled(type_words, 11_416, 1000),
        scaled(wasm_len, 62_628, 10_000),
    ]);
    Ok(Recorded {
        init_cost: u16::try_from(init_cost).map_err(|_| Refused::Cost("initialisation cost"))?,
        cached_cost: u16::try_from(cached_cost).map_err(|_| Refused::Cost("cached initialisation cost"))?,
        asm_estimate: u32::try_from(asm_estimate).map_err(|_| Refused::Cost("native code size"))?,
    })
}

/// `count` · `numerator` / `denominator`, rounded down.
fn scaled(count: u64, numerator: u64, denominator: u64) -> u64 {
    count.saturating_mul(numerator) / denominator
}

/// Sum that cannot overflow.
fn total(terms: &[u64]) -> u64 {
    terms.iter().fold(0, |sum, term| sum.saturating_add(*term))
}
