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
        Class::LocalSet | Class::CountZeros => 210,
        Class::GlobalGet | Class::I64Eqz | Class::I64Compare => 225,
        Class::GlobalSet => 575,
        Class::I32Load => 670,
        Class::I64Load => 680,
        Class::I32Store => 825,
        Class::I64Store | Class::MemoryBulk => 950,
        Class::MemorySize => 3000,
        Class::MemoryGrow => 8050,
        Class::I32Eqz | Class::I32Compare => 170,
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

#[cfg(test)]
mod tests {
    use super::super::{
        Refused, activate,
        testing::{block_inks, program},
    };

    /// Ink of the first block of an entry point that begins with `body` and ends the block with its `end`.
    fn ink_of(body: &str) -> u64 {
        block_inks(&format!(
            "(module (memory (export \"memory\") 1 1)
               (func (export \"user_entrypoint\") (param $p i32) (result i32) (local $l i64) {body}))"
        ))[0]
    }

    #[test]
    fn operator_ink_simple_operators_follow_the_table() {
        for (body, ink) in [
            ("i32.const 0", 1),
            ("nop i32.const 0", 2),
            ("i32.const 0 i32.eqz", 171),
            ("i64.const 0 i64.eqz", 226),
            ("local.get 0", 75),
            ("local.get 0 local.tee 0", 150),
            ("i32.const 0 local.set 0 i32.const 0", 212),
            ("local.get 0 drop i32.const 0", 85),
            ("i32.const 0 i32.clz", 211),
            ("i32.const 0 i32.popcnt", 2651),
            ("i64.const 0 i64.popcnt i32.wrap_i64", 6101),
            ("i32.const 0 i32.const 0 i32.mul", 162),
            ("i32.const 0 i32.const 0 i32.rem_u", 1122),
            ("i64.const 0 i64.const 0 i64.div_s i32.wrap_i64", 1372),
            ("i32.const 0 i32.const 0 i32.rotl", 72),
            ("i64.const 0 i64.const 0 i64.sub i32.wrap_i64", 202),
            ("i32.const 0 i32.extend8_s", 101),
            ("i32.const 0 i32.load16_u", 671),
            ("i32.const 0 i64.load32_s i32.wrap_i64", 781),
            ("i32.const 0 i32.const 0 i32.store8 i32.const 0", 828),
            ("i32.const 0 i64.const 0 i64.store i32.const 0", 953),
            ("memory.size", 3000),
            ("i32.const 0 memory.grow", 8051),
            ("i32.const 0 i32.const 0 i32.const 0 select", 1253),
            ("i32.const 0 i32.const 0 i32.const 0 memory.fill i32.const 0", 954),
        ] {
            assert_eq!(ink_of(body), 2450 + ink + 1, "{body}");
        }
    }

    #[test]
    fn operator_ink_br_table_is_paid_by_target_without_default() {
        let table = |targets: &str| ink_of(&format!("block local.get 0 br_table {targets} end i32.const 0"));
        // `block` does not end a basic block, so the table's block starts before it.
        assert_eq!(table("0"), 2450 + 1 + 75 + 2400);
        assert_eq!(table("0 0 0"), 2450 + 1 + 75 + 2400 + 2 * 325);
    }

    #[test]
    fn operator_ink_call_indirect_is_paid_by_parameter() {
        let inks = block_inks(
            "(module (memory (export \"memory\") 1 1) (table 1 1 funcref)
               (type $t (func (param i32 i64) (result i32)))
               (func (export \"user_entrypoint\") (param i32) (result i32)
                 i32.const 0 i64.const 0 i32.const 0 call_indirect (type $t)))",
        );
        assert_eq!(inks, [2450 + 3 + 13_610 + 2 * 650, 2450 + 1]);
    }

    #[test]
    fn operator_ink_float_moves_are_unaffordable() {
        for body in [
            "f32.const 1.5 i32.reinterpret_f32",
            "i32.const 0 f64.load drop i32.const 0",
            "i32.const 0 i32.const 0 f32.reinterpret_i32 f32.store i32.const 0",
        ] {
            assert_eq!(ink_of(body), u64::MAX, "{body}");
        }
    }

    #[test]
    fn activate_operator_without_proving_form_is_refused() {
        for body in [
            "f32.const 1 f32.const 1 f32.add i32.reinterpret_f32",
            "f64.const 1 f64.const 1 f64.lt",
            "f64.const 1 i32.trunc_sat_f64_u",
            "f32.const 1 f32.floor i32.reinterpret_f32",
            "f32.const 1 f64.promote_f32 drop i32.const 0",
            "i32.const 0 f32.convert_i32_s drop i32.const 0",
            "i32.const 0 return f32.const 1 f32.abs drop",
        ] {
            let refused = activate(&program(body), 128).expect_err("the body is refused");
            assert!(matches!(refused, Refused::Operator(_)), "{body}: {refused}");
        }
    }
}
