//! Memory growth: each `memory.grow` first pays for the pages it asks for, also if the growth then fails
//! ("memory.grow" of the Stylus rules).

use wasmparser::Operator;

use super::instrument::Globals;

/// Puts a call of the imported function `pay` before each `memory.grow`, with the same page count.
pub(super) fn pay_for_growth<'a>(operators: Vec<Operator<'a>>, pay: u32, globals: &Globals) -> Vec<Operator<'a>> {
    let global_index = globals.scratch;
    let mut paid = Vec::with_capacity(operators.len());
    for operator in operators {
        if matches!(operator, Operator::MemoryGrow { .. }) {
            paid.extend([
                Operator::GlobalSet { global_index },
                Operator::GlobalGet { global_index },
                Operator::Call { function_index: pay },
                Operator::GlobalGet { global_index },
            ]);
        }
        paid.push(operator);
    }
    paid
}

#[cfg(test)]
mod tests {
    use super::super::testing::{body_of, program};
    use wasmparser::Operator;

    fn calls(wasm: &[u8]) -> usize {
        body_of(wasm)
            .iter()
            .filter(|op| matches!(op, Operator::Call { function_index: 0 }))
            .count()
    }

    #[test]
    fn pay_for_growth_fixed_memory_calls_nothing() {
        assert_eq!(calls(&program("i32.const 1 memory.grow")), 0);
    }

    #[test]
    fn pay_for_growth_growable_memory_calls_once_per_growth() {
        let wasm = wat::parse_str(
            "(module (import \"vm_hooks\" \"pay_for_memory_grow\" (func (param i32)))
               (memory (export \"memory\") 0)
               (func (export \"user_entrypoint\") (param i32) (result i32)
                 i32.const 1 memory.grow drop i32.const 2 memory.grow))",
        )
        .expect("the test's wat is well formed");
        assert_eq!(calls(&wasm), 2);
    }
}
