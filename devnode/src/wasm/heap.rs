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
