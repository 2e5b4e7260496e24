//! The instrumentation passes over one function body, in the order of the Stylus rules: ink meter, dynamic meter,
//! depth checker, heap bound. Each pass sees what the one before it inserted.

use wasmparser::{FunctionBody, Operator, ValType};

use super::{
    check::{Checked, limit},
    depth, heap, meter,
    parse::Module,
    refused::Refused,
};

/// Most operators a function may have once it is instrumented.
const MAX_OPERATORS: u64 = 65_536;

/// Most locals a function may declare; parameters are not counted.
const MAX_LOCALS: u64 = 348;

/// Indices of the globals that instrumentation adds, in this order, after the module's own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Globals {
    /// Ink left, `i64`.
    pub(super) ink_left: u32,
    /// Ink status, `i32`: 0 is fine, 1 is exhausted.
    pub(super) ink_status: u32,
    /// Scratch value of inserted operators, `i32`.
    pub(super) scratch: u32,
    /// Words left for frames, `i32`.
    pub(super) stack_left: u32,
}

impl Globals {
    /// How many globals are added.
    pub(super) const COUNT: u32 = 4;

    /// Places the added globals after `own` globals of the module.
    pub(super) const fn after(own: u32) -> Self {
        Self {
            ink_left: own,
            ink_status: own + 1,
            scratch: own + 2,
            stack_left: own + 3,
        }
    }
}

/// An instrumented function body.
pub(super) struct Function<'a> {
    /// Declared locals: how many of which type, as in the file.
    pub(super) locals: Vec<(u32, ValType)>,
    /// Operators, inserted ones included, with the final `end`.
    pub(super) operators: Vec<Operator<'a>>,
}

/// Instruments one function body.
pub(super) fn instrument<'a>(
    body: &FunctionBody<'a>,
    module: &Module<'_>,
    checked: &Checked,
) -> Result<Function<'a>, Refused> {
    let globals = &checked.globals;
    let locals = body.get_locals_reader()?.into_iter().collect::<Result<Vec<_>, _>>()?;
    let declared: u32 = locals.iter().fold(0, |sum, (count, _)| sum.saturating_add(*count));
    limit("locals in a function", declared.into(), MAX_LOCALS)?;

    let operators = body
        .get_operators_reader()?
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    // Passes only ever add operators, so checking before each keeps the work bounded by the limit.
    limit_operators(&operators)?;
    let operators = meter::meter_blocks(operators, module, globals)?;
    let operators = meter::meter_bulk_memory(operators, globals);
    limit_operators(&operators)?;
    let frame = depth::frame_words(&operators, declared, module)?;
    let mut operators = depth::check_depth(operators, frame, globals);
    if let Some(pay) = checked.pay_for_growth {
        operators = heap::pay_for_growth(operators, pay, globals);
    }
    limit_operators(&operators)?;
    Ok(Function { locals, operators })
}

/// Checks the number of operators of one function.
fn limit_operators(operators: &[Operator<'_>]) -> Result<(), Refused> {
    limit("operators in a function", operators.len() as u64, MAX_OPERATORS)
}
