//! Ink price of each operator ("Operator prices" of the Stylus rules, the same in versions 1 to 3).

use super::{class::Class, parse::Module};

/// Ink charged for every basic block on top of its operators.
pub(super) const BLOCK_INK: u64 = 2450;

/// Ink charged per byte by `memory.fill` and `memory.copy`, besides their operator price.
pub(super) const BULK_INK_PER_BYTE: i64 = 100;

/// Price of operators that may be present but never run: no program can afford it.
const UNAFFORDABLE: u64 = u64::MAX;

/// Ink price of one operator.
pub(super) fn operator_ink(class: Class, module: &Module<'_>) -> u64 {
    match class {
        Class::Plain
        | Class::Return
        | Class::Const
        | Class::Block { .. }
        | Class::Loop { .. }
        | Class::Else
        | Class::End => 1,
        Class::Br | Class::BrIf | Class::If { .. } => 765,
        Class::BrTable { targets } => 2400 + 325 * u64::from(targets),
        Class::Call { .. } => 3800,
        Class::CallIndirect { type_index } => {
            let params = module.type_at(type_index).map_or(0, |ty| ty.params().len());
            13_610 + 650 * params as u64
        }
        Class::Drop => 9,
        Class::Select => 1250,
        Class::LocalGet | Class::LocalTee => 75,
        Class::LocalSet => 210,
        Class::GlobalGet => 225,
        Class::GlobalSet => 575,
        Class::I32Load => 670,
        Class::I64Load => 680,
        Class::I32Store => 825,
        Class::I64Store | Class::MemoryBulk => 950,
        Class::MemorySize => 3000,
        Class::MemoryGrow => 8050,
        Class::I32Eqz | Class::I32Compare => 170,
        Class::I64Eqz | Class::I64Compare => 225,
        Class::CountZeros => 210,
        Class::I32Popcnt => 2650,
        Class::I64Popcnt => 6000,
        Class::I32Simple => 70,
        Class::I64Simple | Class::Widen => 100,
        Class::Mul => 160,
        Class::I32Div => 1120,
        Class::I64Div => 1270,
        Class::FloatConst | Class::FloatLoad | Class::FloatStore | Class::Reinterpret => UNAFFORDABLE,
    }
}
