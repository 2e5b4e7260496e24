//! Operator classes: the one place that knows every operator a program may contain.
//!
//! The ink price table, the depth checker and the proof check all speak of groups of operators. Sorting operators into
//! those groups once keeps the three in agreement.

use wasmparser::{BlockType, Operator};

use super::refused::Refused;

/// A group of operators that cost the same ink and move the operand stack in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// `nop`, `unreachable`.
    Plain,
    /// `block`; how many values it leaves.
    Block { results: u32 },
    /// `loop`; how many values it leaves.
    Loop { results: u32 },
    /// `if`; how many values it leaves.
    If { results: u32 },
    /// `else`.
    Else,
    /// `end`.
    End,
    /// `br`.
    Br,
    /// `br_if`.
    BrIf,
    /// `br_table`; targets without the default.
    BrTable { targets: u32 },
    /// `return`.
    Return,
    /// `call`.
    Call { function_index: u32 },
    /// `call_indirect`.
    CallIndirect { type_index: u32 },
    /// `drop`.
    Drop,
    /// `select` without a type.
    Select,
    /// `local.get`.
    LocalGet,
    /// `local.set`.
    LocalSet,
    /// `local.tee`.
    LocalTee,
    /// `global.get`.
    GlobalGet,
    /// `global.set`.
    GlobalSet,
    /// `i32.const`, `i64.const`.
    Const,
    /// `i32` loads of every width.
    I32Load,
    /// `i64` loads of every width.
    I64Load,
    /// `i32` stores of every width.
    I32Store,
    /// `i64` stores of every width.
    I64Store,
    /// `memory.size`.
    MemorySize,
    /// `memory.grow`.
    MemoryGrow,
    /// `memory.fill`, `memory.copy`.
    MemoryBulk,
    /// `i32.eqz`.
    I32Eqz,
    /// `i32` comparisons of two values.
    I32Compare,
    /// `i64.eqz`.
    I64Eqz,
    /// `i64` comparisons of two values.
    I64Compare,
    /// `clz`, `ctz`.
    CountZeros,
    /// `i32.popcnt`.
    I32Popcnt,
    /// `i64.popcnt`.
    I64Popcnt,
    /// `i32` additions, subtractions, bitwise operators, shifts and rotations.
    I32Simple,
    /// `i64` additions, subtractions, bitwise operators, shifts and rotations.
    I64Simple,
    /// `i32.mul`, `i64.mul`.
    Mul,
    /// `i32` divisions and remainders.
    I32Div,
    /// `i64` divisions and remainders.
    I64Div,
    /// Integer width changes: `wrap`, `extend` and the sign extension operators.
    Widen,
    /// `f32.const`, `f64.const`.
    FloatConst,
    /// Float loads.
    FloatLoad,
    /// Float stores.
    FloatStore,
    /// Reinterpretations between floats and integers.
    Reinterpret,
}

impl Class {
    /// Class of an operator; refuses operators whose execution could not be proven: all float computation, and the
    /// operators on tables, references and passive segments.
    #[expect(clippy::too_many_lines, reason = "one table of operators")]
    pub(super) fn of(operator: &Operator<'_>) -> Result<Self, Refused> {
        use Operator as O;
        Ok(match operator {
            O::Nop | O::Unreachable => Self::Plain,
            O::Block { blockty } => Self::Block {
                results: results(*blockty),
            },
            O::Loop { blockty } => Self::Loop {
                results: results(*blockty),
            },
            O::If { blockty } => Self::If {
                results: results(*blockty),
            },
            O::Else => Self::Else,
            O::End => Self::End,
            O::Br { .. } => Self::Br,
            O::BrIf { .. } => Self::BrIf,
            O::BrTable { targets } => Self::BrTable { targets: targets.len() },
            O::Return => Self::Return,
            O::Call { function_index } => Self::Call {
                function_index: *function_index,
            },
            O::CallIndirect { type_index, .. } => Self::CallIndirect {
                type_index: *type_index,
            },
            O::Drop => Self::Drop,
            O::Select => Self::Select,
            O::LocalGet { .. } => Self::LocalGet,
            O::LocalSet { .. } => Self::LocalSet,
            O::LocalTee { .. } => Self::LocalTee,
            O::GlobalGet { .. } => Self::GlobalGet,
            O::GlobalSet { .. } => Self::GlobalSet,
            O::I32Const { .. } | O::I64Const { .. } => Self::Const,
            O::I32Load { .. }
            | O::I32Load8S { .. }
            | O::I32Load8U { .. }
            | O::I32Load16S { .. }
            | O::I32Load16U { .. } => Self::I32Load,
            O::I64Load { .. }
            | O::I64Load8S { .. }
            | O::I64Load8U { .. }
            | O::I64Load16S { .. }
            | O::I64Load16U { .. }
            | O::I64Load32S { .. }
            | O::I64Load32U { .. } => Self::I64Load,
            O::I32Store { .. } | O::I32Store8 { .. } | O::I32Store16 { .. } => Self::I32Store,
            O::I64Store { .. } | O::I64Store8 { .. } | O::I64Store16 { .. } | O::I64Store32 { .. } => Self::I64Store,
            O::MemorySize { .. } => Self::MemorySize,
            O::MemoryGrow { .. } => Self::MemoryGrow,
            O::MemoryFill { .. } | O::MemoryCopy { .. } => Self::MemoryBulk,
            O::I32Eqz => Self::I32Eqz,
            O::I32Eq
            | O::I32Ne
            | O::I32LtS
            | O::I32LtU
            | O::I32GtS
            | O::I32GtU
            | O::I32LeS
            | O::I32LeU
            | O::I32GeS
            | O::I32GeU => Self::I32Compare,
            O::I64Eqz => Self::I64Eqz,
            O::I64Eq
            | O::I64Ne
            | O::I64LtS
            | O::I64LtU
            | O::I64GtS
            | O::I64GtU
            | O::I64LeS
            | O::I64LeU
            | O::I64GeS
            | O::I64GeU => Self::I64Compare,
            O::I32Clz | O::I32Ctz | O::I64Clz | O::I64Ctz => Self::CountZeros,
            O::I32Popcnt => Self::I32Popcnt,
            O::I64Popcnt => Self::I64Popcnt,
            O::I32Add
            | O::I32Sub
            | O::I32And
            | O::I32Or
            | O::I32Xor
            | O::I32Shl
            | O::I32ShrS
            | O::I32ShrU
            | O::I32Rotl
            | O::I32Rotr => Self::I32Simple,
            O::I64Add
            | O::I64Sub
            | O::I64And
            | O::I64Or
            | O::I64Xor
            | O::I64Shl
            | O::I64ShrS
            | O::I64ShrU
            | O::I64Rotl
            | O::I64Rotr => Self::I64Simple,
            O::I32Mul | O::I64Mul => Self::Mul,
            O::I32DivS | O::I32DivU | O::I32RemS | O::I32RemU => Self::I32Div,
            O::I64DivS | O::I64DivU | O::I64RemS | O::I64RemU => Self::I64Div,
            O::I32WrapI64
            | O::I64ExtendI32S
            | O::I64ExtendI32U
            | O::I32Extend8S
            | O::I32Extend16S
            | O::I64Extend8S
            | O::I64Extend16S
            | O::I64Extend32S => Self::Widen,
            O::F32Const { .. } | O::F64Const { .. } => Self::FloatConst,
            O::F32Load { .. } | O::F64Load { .. } => Self::FloatLoad,
            O::F32Store { .. } | O::F64Store { .. } => Self::FloatStore,
            O::I32ReinterpretF32 | O::I64ReinterpretF64 | O::F32ReinterpretI32 | O::F64ReinterpretI64 => {
                Self::Reinterpret
            }
            unprovable => return Err(Refused::Operator(format!("{unprovable:?}"))),
        })
    }

    /// Whether a basic block ends with this operator. `unreachable` and `memory.grow` do not end one.
    pub(super) fn ends_block(self) -> bool {
        matches!(
            self,
            Self::End
                | Self::Else
                | Self::Return
                | Self::Loop { .. }
                | Self::Br
                | Self::BrTable { .. }
                | Self::BrIf
                | Self::If { .. }
                | Self::Call { .. }
                | Self::CallIndirect { .. }
        )
    }
}

/// Values a block leaves. Without multi-value a block has no parameters and at most one result, and validation refuses
/// function types as block types.
fn results(block_type: BlockType) -> u32 {
    match block_type {
        BlockType::Type(_) => 1,
        BlockType::Empty | BlockType::FuncType(_) => 0,
    }
}
