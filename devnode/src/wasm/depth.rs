//! Stack depth: every function takes its frame size from `stack left` on entry and gives it back on return
//! ("Depth checker" of the Stylus rules).
//!
//! Two traits of the rules look like slips but are consensus. The size estimate walks the operators in order, branches
//! or not, and counts what metering inserted. And a frame that is left by branching to the function's outermost label
//! never gives its size back.

use wasmparser::{BlockType, FuncType, Operator};

use super::{check::limit, class::Class, instrument::Globals, parse::Module, refused::Refused};

/// Words every frame has besides its locals and operand stack.
const FRAME_OVERHEAD: u32 = 4;

/// Most values that may be on a function's operand stack at once. Together with the limit on locals this keeps every
/// frame below the limit of 10,240 words, which therefore needs no check of its own.
const MAX_STACK_VALUES: u32 = 4096;

/// Size of a function's frame in words: operand stack, declared locals (parameters are not counted) and overhead.
pub(super) fn frame_words(operators: &[Operator<'_>], locals: u32, module: &Module<'_>) -> Result<u32, Refused> {
    let mut stack = StackEstimate {
        level: 0,
        worst: 0,
        scopes: vec![0],
    };
    for operator in operators {
        stack.step(Class::of(operator)?, module);
    }
    limit(
        "values on the operand stack",
        stack.worst.into(),
        MAX_STACK_VALUES.into(),
    )?;
    Ok(stack.worst.saturating_add(locals).saturating_add(FRAME_OVERHEAD))
}

/// Operand stack height, estimated by walking operators in file order.
struct StackEstimate {
    /// Values on the stack now.
    level: u32,
    /// Most values so far.
    worst: u32,
    /// Level saved at each open block, the function itself first.
    scopes: Vec<u32>,
}

impl StackEstimate {
    /// Puts `count` values on the stack.
    fn push(&mut self, count: u32) {
        self.level = self.level.saturating_add(count);
        self.worst = self.worst.max(self.level);
    }

    /// Takes `count` values off the stack; in unreachable code there may be fewer.
    fn pop(&mut self, count: u32) {
        self.level = self.level.saturating_sub(count);
    }

    /// Opens a block. Its results count from the start, so they are counted twice once the block has ended.
    fn open(&mut self, results: u32) {
        self.push(results);
        self.scopes.push(self.level);
    }

    /// Results come before the parameters go.
    fn call(&mut self, callee: Option<&FuncType>) {
        if let Some(ty) = callee {
            self.push(words(ty.results().len()));
            self.pop(words(ty.params().len()));
        }
    }

    /// Moves the stack as one operator does.
    fn step(&mut self, class: Class, module: &Module<'_>) {
        match class {
            Class::Block { results } | Class::Loop { results } => self.open(results),
            Class::If { results } => {
                self.pop(1);
                self.open(results);
            }
            Class::Else => self.level = self.scopes.last().copied().unwrap_or(0),
            Class::End => self.level = self.scopes.pop().unwrap_or(0),
            Class::Call { function_index } => self.call(module.function_type(function_index)),
            Class::CallIndirect { type_index } => {
                self.call(module.type_at(type_index));
                self.pop(1);
            }
            Class::LocalGet | Class::GlobalGet | Class::MemorySize | Class::Const | Class::FloatConst => self.push(1),
            Class::Drop
            | Class::BrIf
            | Class::BrTable { .. }
            | Class::LocalSet
            | Class::GlobalSet
            | Class::I32Compare
            | Class::I64Compare
            | Class::I32Simple
            | Class::I64Simple
            | Class::Mul
            | Class::I32Div
            | Class::I64Div => self.pop(1),
            Class::Select | Class::I32Store | Class::I64Store | Class::FloatStore => self.pop(2),
            Class::MemoryBulk => self.pop(3),
            Class::Plain
            | Class::Br
            | Class::Return
            | Class::LocalTee
            | Class::I32Load
            | Class::I64Load
            | Class::FloatLoad
            | Class::MemoryGrow
            | Class::I32Eqz
            | Class::I64Eqz
            | Class::CountZeros
            | Class::I32Popcnt
            | Class::I64Popcnt
            | Class::Widen
            | Class::Reinterpret => {}
        }
    }
}

/// A number of values as words; validation bounds it at 1000.
fn words(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Takes `frame` words on entry and gives them back before each `return`, one of which is added at the end.
pub(super) fn check_depth<'a>(operators: Vec<Operator<'a>>, frame: u32, globals: &Globals) -> Vec<Operator<'a>> {
    let mut checked = Vec::with_capacity(operators.len() + 32);
    checked.extend(enter(frame, globals));
    let last = operators.len().saturating_sub(1);
    for (index, operator) in operators.into_iter().enumerate() {
        if index == last {
            checked.extend(leave(frame, globals));
            checked.push(Operator::Return);
        } else if matches!(operator, Operator::Return) {
            checked.extend(leave(frame, globals));
        }
        checked.push(operator);
    }
    checked
}

/// Traps with nothing left if the frame would take all that is left, or more.
fn enter(frame: u32, globals: &Globals) -> [Operator<'static>; 12] {
    let global_index = globals.stack_left;
    let value = frame.cast_signed();
    [
        Operator::GlobalGet { global_index },
        Operator::I32Const { value },
        Operator::I32LeU,
        Operator::If {
            blockty: BlockType::Empty,
        },
        Operator::I32Const { value: 0 },
        Operator::GlobalSet { global_index },
        Operator::Unreachable,
        Operator::End,
        Operator::GlobalGet { global_index },
        Operator::I32Const { value },
        Operator::I32Sub,
        Operator::GlobalSet { global_index },
    ]
}

/// Gives the frame back.
fn leave(frame: u32, globals: &Globals) -> [Operator<'static>; 4] {
    let global_index = globals.stack_left;
    [
        Operator::GlobalGet { global_index },
        Operator::I32Const {
            value: frame.cast_signed(),
        },
        Operator::I32Add,
        Operator::GlobalSet { global_index },
    ]
}

#[cfg(test)]
mod tests {
    use super::super::{
        Refused, activate,
        testing::{body_of, program},
    };
    use super::*;

    /// Frame size of the first function of a module, read from its entry.
    fn frame_of(wasm: &[u8]) -> i32 {
        match body_of(wasm)[1] {
            Operator::I32Const { value } => value,
            ref other => panic!("unexpected entry: {other:?}"),
        }
    }

    #[test]
    fn frame_words_smallest_function_counts_the_ink_header() {
        // The header's comparison holds two values, although the function itself never holds more than one.
        assert_eq!(frame_of(&program("i32.const 0")), 2 + 4);
    }

    #[test]
    fn frame_words_locals_count_and_parameters_do_not() {
        assert_eq!(frame_of(&program("(local i64 i64 i32) i32.const 0")), 2 + 4 + 3);
    }

    #[test]
    fn frame_words_block_results_count_twice() {
        // One for the block's result from its start, one for the constant inside; the header after it sees one.
        assert_eq!(frame_of(&program("block (result i32) i32.const 0 end")), 3 + 4);
    }

    #[test]
    fn frame_words_self_call_keeps_its_header_on_top() {
        let wasm = wat::parse_str(
            "(module (memory (export \"memory\") 1 1)
               (func $f (param i32) (result i32) local.get 0 i32.const 1 i32.add call $f)
               (func (export \"user_entrypoint\") (param i32) (result i32) i32.const 0 call $f))",
        )
        .expect("the test's wat is well formed");
        assert_eq!(frame_of(&wasm), 7);
    }

    #[test]
    fn frame_words_too_many_values_are_refused() {
        let push = |count: usize| format!("{} {} i32.const 0", "i32.const 0 ".repeat(count), "drop ".repeat(count));
        assert!(activate(&program(&push(4096)), 128).is_ok());
        let refused = activate(&program(&push(4097)), 128).expect_err("one value too many");
        assert!(matches!(
            refused,
            Refused::TooMany {
                count: 4097,
                limit: 4096,
                ..
            }
        ));
    }

    #[test]
    fn check_depth_branch_out_of_the_function_gives_nothing_back() {
        let exits = |body: &str| {
            let wasm = program(body);
            body_of(&wasm)
                .iter()
                .filter(|op| matches!(op, Operator::I32Add))
                .count()
        };
        assert_eq!(exits("local.get 0 br 0"), 1);
        assert_eq!(exits("local.get 0 return"), 2);
    }
}
