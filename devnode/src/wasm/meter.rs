//! Ink metering: every basic block is paid in full before its first operator, bulk memory operators also by the byte
//! ("Ink meter" and "Dynamic meter" of the Stylus rules).

use wasmparser::{BlockType, Operator};

use super::{
    class::Class,
    instrument::Globals,
    parse::Module,
    price::{BLOCK_INK, BULK_INK_PER_BYTE, operator_ink},
    refused::Refused,
};

/// Ink status that says the program ran out of ink.
const EXHAUSTED: i32 = 1;

/// Puts a header before each basic block that charges the whole block or traps with the status set. When it traps,
/// `ink left` keeps its old value: the status alone says that nothing is left.
pub(super) fn meter_blocks<'a>(
    operators: Vec<Operator<'a>>,
    module: &Module<'_>,
    globals: &Globals,
) -> Result<Vec<Operator<'a>>, Refused> {
    let mut metered = Vec::with_capacity(2 * operators.len());
    let mut block = Vec::new();
    let mut ink = BLOCK_INK;
    for operator in operators {
        let class = Class::of(&operator)?;
        ink = ink.saturating_add(operator_ink(class, module));
        block.push(operator);
        if class.ends_block() {
            metered.extend(block_header(ink, globals));
            metered.append(&mut block);
            ink = BLOCK_INK;
        }
    }
    Ok(metered)
}

/// Charges `ink` or traps.
fn block_header(ink: u64, globals: &Globals) -> [Operator<'static>; 12] {
    let ink = ink.cast_signed();
    [
        Operator::GlobalGet {
            global_index: globals.ink_left,
        },
        Operator::I64Const { value: ink },
        Operator::I64LtU,
        Operator::If {
            blockty: BlockType::Empty,
        },
        Operator::I32Const { value: EXHAUSTED },
        Operator::GlobalSet {
            global_index: globals.ink_status,
        },
        Operator::Unreachable,
        Operator::End,
        Operator::GlobalGet {
            global_index: globals.ink_left,
        },
        Operator::I64Const { value: ink },
        Operator::I64Sub,
        Operator::GlobalSet {
            global_index: globals.ink_left,
        },
    ]
}

/// Charges `memory.fill` and `memory.copy` for the bytes they touch.
pub(super) fn meter_bulk_memory<'a>(operators: Vec<Operator<'a>>, globals: &Globals) -> Vec<Operator<'a>> {
    let mut metered = Vec::with_capacity(operators.len());
    for operator in operators {
        if matches!(operator, Operator::MemoryFill { .. } | Operator::MemoryCopy { .. }) {
            metered.extend(bulk_header(globals));
        }
        metered.push(operator);
    }
    metered
}

/// Charges for the byte count on top of the stack and puts it back. The new value is larger than the old one exactly
/// when the subtraction underflowed, because at most 2^32 · 100 ink is taken.
fn bulk_header(globals: &Globals) -> [Operator<'static>; 17] {
    [
        Operator::GlobalSet {
            global_index: globals.scratch,
        },
        Operator::GlobalGet {
            global_index: globals.ink_left,
        },
        Operator::GlobalGet {
            global_index: globals.ink_left,
        },
        Operator::GlobalGet {
            global_index: globals.scratch,
        },
        Operator::I64ExtendI32U,
        Operator::I64Const {
            value: BULK_INK_PER_BYTE,
        },
        Operator::I64Mul,
        Operator::I64Sub,
        Operator::GlobalSet {
            global_index: globals.ink_left,
        },
        Operator::GlobalGet {
            global_index: globals.ink_left,
        },
        Operator::I64LtU,
        Operator::If {
            blockty: BlockType::Empty,
        },
        Operator::I32Const { value: EXHAUSTED },
        Operator::GlobalSet {
            global_index: globals.ink_status,
        },
        Operator::Unreachable,
        Operator::End,
        Operator::GlobalGet {
            global_index: globals.scratch,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::super::testing::{block_inks, body_of, program};
    use wasmparser::Operator;

    #[test]
    fn meter_blocks_each_block_is_charged_up_front() {
        let inks = block_inks(
            "(module (memory (export \"memory\") 1 1)
               (func (export \"user_entrypoint\") (param i32) (result i32)
                 loop            ;; a block of its own
                   local.get 0
                   br_if 0
                 end
                 local.get 0
                 if (result i32)
                   unreachable   ;; does not end the block
                   i32.const 1
                 else
                   i32.const 2
                 end))",
        );
        let ops = [1, 75 + 765, 1, 75 + 765, 1 + 1 + 1, 1 + 1, 1];
        assert_eq!(inks, ops.map(|ink| 2450 + ink));
    }

    #[test]
    fn meter_blocks_overflowing_price_saturates() {
        let inks = block_inks(
            "(module (memory (export \"memory\") 1 1)
               (func (export \"user_entrypoint\") (param i32) (result i32)
                 f32.const 0 drop f32.const 0 drop i32.const 0))",
        );
        assert_eq!(inks, [u64::MAX]);
    }

    #[test]
    fn meter_bulk_memory_fill_and_copy_get_a_header() {
        let wasm = program(
            "i32.const 0 i32.const 7 i32.const 9 memory.fill
             i32.const 0 i32.const 7 i32.const 9 memory.copy i32.const 0",
        );
        let operators = body_of(&wasm);
        let by_the_byte = operators
            .iter()
            .filter(|op| matches!(op, Operator::I64Const { value: 100 }))
            .count();
        assert_eq!(by_the_byte, 2);
        // 10 operators of the program, the header of its one block, two bulk headers, frame entry, return, frame exit.
        assert_eq!(operators.len(), 10 + 12 + 2 * 17 + 12 + 1 + 4);
    }
}
