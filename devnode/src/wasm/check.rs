//! What a valid module must look like to be a Stylus program ("What is checked" of the Stylus rules).
//!
//! Two rules need no code. An export can neither be too many nor have too long a name, since only two are kept. Imports
//! with reserved names or with one name and two types are no host functions, or have a wrong type.

use std::collections::HashSet;

use wasmparser::{ConstExpr, DataKind, ElementItems, ElementKind, ExternalKind, MemoryType, Operator, ValType};

use super::{
    host_fns::{HOST_MODULE, PAY_FOR_MEMORY_GROW, host_fn},
    instrument::Globals,
    parse::Module,
    refused::Refused,
};

/// Name under which a program exports its entry point, a function from `i32` to `i32`.
pub const ENTRYPOINT: &str = "user_entrypoint";

/// Name under which a program exports its memory.
pub const MEMORY: &str = "memory";

/// Prefix that neither imports nor exports may begin with.
const RESERVED_PREFIX: &str = "stylus";

/// Most pages a program may start with, whatever the page limit.
const MAX_INITIAL_PAGES: u16 = 128;

/// Bytes of a page.
const PAGE_SIZE: u64 = 65_536;

/// Most functions a module may define.
const MAX_FUNCTIONS: u64 = 4096;
/// Most imports.
const MAX_IMPORTS: u64 = 513;
/// Most globals, those added by instrumentation included.
const MAX_GLOBALS: u64 = 32_768;
/// Most data segments.
const MAX_DATA_SEGMENTS: u64 = 128;
/// Most element segments.
const MAX_ELEMENT_SEGMENTS: u64 = 128;
/// Most entries all tables may start with.
const MAX_TABLE_ENTRIES: u64 = 4096;
/// Most bytes the element segments may take in the file. The rule means entries but counts encoded bytes.
const MAX_ELEMENT_BYTES: u64 = 4096;
/// Most bytes of the module's own name.
const MAX_NAME_BYTES: u64 = 512;

/// What the checks found out about a module that passed them.
pub(super) struct Checked {
    /// The memory.
    pub(super) memory: MemoryType,
    /// Initial size of the memory in pages.
    pub(super) pages: u16,
    /// Function index of the entry point.
    pub(super) entrypoint: u32,
    /// Where instrumentation puts its globals.
    pub(super) globals: Globals,
    /// Function index of `pay_for_memory_grow` if the memory can grow. Only then growth is instrumented.
    pub(super) pay_for_growth: Option<u32>,
}

/// Refuses a count above its limit.
pub(super) fn limit(what: &'static str, count: u64, limit: u64) -> Result<(), Refused> {
    if count > limit {
        Err(Refused::TooMany { what, count, limit })
    } else {
        Ok(())
    }
}

/// Checks a module. `page_limit` is how many pages the program may open.
pub(super) fn check(module: &Module<'_>, page_limit: u16) -> Result<Checked, Refused> {
    let globals = check_limits(module)?;
    check_imports(module)?;
    check_exports(module)?;
    let (memory, pages) = check_memory(module, page_limit)?;
    let pay_for_growth = if memory.maximum == Some(memory.initial) {
        None
    } else {
        Some(
            module
                .imported(HOST_MODULE, PAY_FOR_MEMORY_GROW)
                .ok_or(Refused::GrowthUnpaid)?,
        )
    };
    let entrypoint = check_entrypoint(module)?;
    check_elements(module)?;
    check_data(module, pages)?;
    Ok(Checked {
        memory,
        pages,
        entrypoint,
        globals,
        pay_for_growth,
    })
}

/// Checks the counts that instrumentation does not change, or changes by a constant.
fn check_limits(module: &Module<'_>) -> Result<Globals, Refused> {
    limit("functions", module.functions.len() as u64, MAX_FUNCTIONS)?;
    limit("imports", module.imports.len() as u64, MAX_IMPORTS)?;
    limit("data segments", module.data.len() as u64, MAX_DATA_SEGMENTS)?;
    limit("element segments", module.elements.len() as u64, MAX_ELEMENT_SEGMENTS)?;
    let table_entries = module
        .tables
        .iter()
        .fold(0_u64, |sum, table| sum.saturating_add(table.ty.initial));
    limit("table entries", table_entries, MAX_TABLE_ENTRIES)?;
    limit("bytes of element segments", module.element_bytes(), MAX_ELEMENT_BYTES)?;
    limit("bytes in the module name", module.name.len() as u64, MAX_NAME_BYTES)?;
    let own = module.globals.len() as u64;
    let total = own.saturating_add(Globals::COUNT.into());
    limit("globals", total, MAX_GLOBALS)?;
    let own = u32::try_from(own).map_err(|_| Refused::TooMany {
        what: "globals",
        count: total,
        limit: MAX_GLOBALS,
    })?;
    Ok(Globals::after(own))
}

/// Checks that only host functions are imported, each with its own type.
fn check_imports(module: &Module<'_>) -> Result<(), Refused> {
    for import in &module.imports {
        let known = if import.module == HOST_MODULE {
            host_fn(import.name)
        } else {
            None
        };
        let Some(host_fn) = known else {
            return Err(Refused::UnknownImport {
                module: import.module.to_owned(),
                name: import.name.to_owned(),
            });
        };
        let matches = module
            .type_at(import.type_index)
            .is_some_and(|ty| ty.params() == host_fn.params && ty.results() == host_fn.results);
        if !matches {
            return Err(Refused::ImportType(host_fn.name));
        }
    }
    Ok(())
}

/// Checks the names of all exports, the ones that are dropped too. What counts of a name is the part after its last
/// double underscore.
fn check_exports(module: &Module<'_>) -> Result<(), Refused> {
    let imports: HashSet<&str> = module.imports.iter().map(|import| import.name).collect();
    for export in &module.exports {
        let name = export.name.rsplit("__").next().unwrap_or(export.name);
        if imports.contains(name) {
            return Err(Refused::ExportedImport(name.to_owned()));
        }
        if name.starts_with(RESERVED_PREFIX) {
            return Err(Refused::ReservedExport(export.name.to_owned()));
        }
    }
    Ok(())
}

/// Finds the memory and its initial size in pages.
fn check_memory(module: &Module<'_>, page_limit: u16) -> Result<(MemoryType, u16), Refused> {
    // Validation allows one memory at most, so an exported memory is memory 0.
    let memory = match (module.exported(MEMORY, ExternalKind::Memory), module.memories.first()) {
        (Some(_), Some(memory)) => *memory,
        _ => return Err(Refused::MemoryNotExported),
    };
    let limit = page_limit.min(MAX_INITIAL_PAGES);
    match u16::try_from(memory.initial) {
        Ok(pages) if pages <= limit => Ok((memory, pages)),
        _ => Err(Refused::MemoryTooLarge {
            initial: memory.initial,
            limit,
        }),
    }
}

/// Finds the entry point and checks its type.
fn check_entrypoint(module: &Module<'_>) -> Result<u32, Refused> {
    let entrypoint = module
        .exported(ENTRYPOINT, ExternalKind::Func)
        .ok_or(Refused::NoEntrypoint)?;
    let ty = module.function_type(entrypoint).ok_or(Refused::NoEntrypoint)?;
    if ty.params() != [ValType::I32] || ty.results() != [ValType::I32] {
        return Err(Refused::EntrypointType);
    }
    Ok(entrypoint)
}

/// Checks that element segments list functions and active ones fit their table.
fn check_elements(module: &Module<'_>) -> Result<(), Refused> {
    for element in &module.elements {
        // Without reference types validation already refuses the other form.
        let ElementItems::Functions(functions) = &element.items else {
            return Err(Refused::ElementExpressions);
        };
        if let ElementKind::Active { offset_expr, .. } = &element.kind {
            // Validation allows one table at most, so the segment's table is table 0.
            let entries = module.tables.first().map_or(0, |table| table.ty.initial);
            let end = u64::from(constant_offset(offset_expr)?) + u64::from(functions.count());
            if end > entries {
                return Err(Refused::ElementOutOfBounds);
            }
        }
    }
    Ok(())
}

/// Checks that active data segments fit the initial memory.
fn check_data(module: &Module<'_>, pages: u16) -> Result<(), Refused> {
    for data in &module.data {
        if let DataKind::Active { offset_expr, .. } = &data.kind {
            let end = u64::from(constant_offset(offset_expr)?).saturating_add(data.data.len() as u64);
            if end > u64::from(pages) * PAGE_SIZE {
                return Err(Refused::DataOutOfBounds);
            }
        }
    }
    Ok(())
}

/// Value of an offset expression, which must be one `i32.const`.
fn constant_offset(offset: &ConstExpr<'_>) -> Result<u32, Refused> {
    let mut operators = offset.get_operators_reader();
    match (operators.read()?, operators.read()?) {
        (Operator::I32Const { value }, Operator::End) => Ok(value.cast_unsigned()),
        _ => Err(Refused::Offset),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{activate, testing::program};
    use super::*;

    const MEMORY_1: &str = "(memory (export \"memory\") 1 1)";
    const ENTRY: &str = "(func (export \"user_entrypoint\") (param i32) (result i32) i32.const 0)";

    /// Activates a module with the given fields.
    fn outcome(fields: &str) -> Result<super::super::Activated, Refused> {
        activate(
            &wat::parse_str(format!("(module {fields})")).expect("the test's wat is well formed"),
            128,
        )
    }

    /// Why a module with an entry point, a memory and the given fields is refused. Imports must come first, so the
    /// fields do.
    fn refusal(fields: &str) -> Refused {
        outcome(&format!("{fields} {MEMORY_1} {ENTRY}")).expect_err(fields)
    }

    #[test]
    fn check_smallest_program_is_accepted() {
        assert!(outcome(&format!("{MEMORY_1} {ENTRY}")).is_ok());
    }

    #[test]
    fn check_import_not_a_host_function_is_refused() {
        assert!(matches!(
            refusal("(import \"env\" \"read_args\" (func (param i32)))"),
            Refused::UnknownImport { .. }
        ));
        assert!(matches!(
            refusal("(import \"vm_hooks\" \"foo\" (func))"),
            Refused::UnknownImport { .. }
        ));
        assert!(matches!(
            refusal("(import \"vm_hooks\" \"stylus\" (func))"),
            Refused::UnknownImport { .. }
        ));
    }

    #[test]
    fn check_import_of_wrong_type_is_refused() {
        let refused = refusal("(import \"vm_hooks\" \"read_args\" (func (param i64)))");
        assert!(matches!(refused, Refused::ImportType("read_args")));
    }

    #[test]
    fn check_export_named_like_an_import_is_refused() {
        let refused =
            refusal("(import \"vm_hooks\" \"read_args\" (func (param i32))) (func (export \"mine__read_args\"))");
        assert!(matches!(refused, Refused::ExportedImport(name) if name == "read_args"));
    }

    #[test]
    fn check_reserved_export_is_refused() {
        assert!(matches!(
            refusal("(func (export \"stylus_x\"))"),
            Refused::ReservedExport(_)
        ));
        assert!(matches!(
            refusal("(func (export \"a__b__stylusx\"))"),
            Refused::ReservedExport(_)
        ));
        assert!(outcome(&format!("(func (export \"my_stylus\")) {MEMORY_1} {ENTRY}")).is_ok());
    }

    #[test]
    fn check_memory_missing_or_not_exported_is_refused() {
        assert!(matches!(outcome(ENTRY), Err(Refused::MemoryNotExported)));
        assert!(matches!(
            outcome(&format!("(memory 1 1) {ENTRY}")),
            Err(Refused::MemoryNotExported)
        ));
        assert!(matches!(
            outcome(&format!("(memory (export \"mem\") 1 1) {ENTRY}")),
            Err(Refused::MemoryNotExported)
        ));
    }

    #[test]
    fn check_memory_above_a_limit_is_refused() {
        let initial = |pages: u32| format!("(memory (export \"memory\") {pages} {pages}) {ENTRY}");
        assert!(outcome(&initial(128)).is_ok());
        assert!(matches!(
            outcome(&initial(129)),
            Err(Refused::MemoryTooLarge {
                initial: 129,
                limit: 128
            })
        ));
        let wasm = program("i32.const 0");
        assert!(activate(&wasm, 1).is_ok());
        assert!(matches!(
            activate(&wasm, 0),
            Err(Refused::MemoryTooLarge { initial: 1, limit: 0 })
        ));
        let wasm = wat::parse_str(format!("(module {})", initial(129))).expect("the test's wat is well formed");
        assert!(matches!(
            activate(&wasm, u16::MAX),
            Err(Refused::MemoryTooLarge { limit: 128, .. })
        ));
    }

    #[test]
    fn check_growable_memory_without_payment_is_refused() {
        for limits in ["1", "1 2"] {
            let memory = format!("(memory (export \"memory\") {limits}) {ENTRY}");
            assert!(matches!(outcome(&memory), Err(Refused::GrowthUnpaid)));
            let import = "(import \"vm_hooks\" \"pay_for_memory_grow\" (func (param i32)))";
            assert!(outcome(&format!("{import} {memory}")).is_ok());
        }
    }

    #[test]
    fn check_entrypoint_missing_or_of_wrong_type_is_refused() {
        assert!(matches!(outcome(MEMORY_1), Err(Refused::NoEntrypoint)));
        for field in [
            "(func (export \"user_entrypoint\") (param i64) (result i32) i32.const 0)",
            "(func (export \"user_entrypoint\") (param i32))",
            "(func (export \"user_entrypoint\") (result i32) i32.const 0)",
        ] {
            assert!(matches!(
                outcome(&format!("{MEMORY_1} {field}")),
                Err(Refused::EntrypointType)
            ));
        }
        let global = "(global (export \"user_entrypoint\") i32 (i32.const 0))";
        assert!(matches!(
            outcome(&format!("{MEMORY_1} {global}")),
            Err(Refused::NoEntrypoint)
        ));
    }

    #[test]
    fn check_counts_above_their_limits_are_refused() {
        let import = "(import \"vm_hooks\" \"exit_early\" (func (param i32)))";
        let locals = |count: usize| format!("(func (local {}))", "i32 ".repeat(count));
        for (what, at_limit, above) in [
            // The entry point is a function too.
            ("functions", "(func)".repeat(4095), "(func)".repeat(4096)),
            ("imports", import.repeat(513), import.repeat(514)),
            // Instrumentation adds four globals.
            (
                "globals",
                "(global i32 (i32.const 0))".repeat(32_764),
                "(global i32 (i32.const 0))".repeat(32_765),
            ),
            (
                "data segments",
                "(data (i32.const 0) \"\")".repeat(128),
                "(data (i32.const 0) \"\")".repeat(129),
            ),
            (
                "element segments",
                format!("(table 1 1 funcref) {}", "(elem (i32.const 0) func)".repeat(128)),
                format!("(table 1 1 funcref) {}", "(elem (i32.const 0) func)".repeat(129)),
            ),
            (
                "table entries",
                "(table 4096 funcref)".to_owned(),
                "(table 4097 funcref)".to_owned(),
            ),
            ("locals in a function", locals(348), locals(349)),
        ] {
            let accepted = outcome(&format!("{at_limit} {MEMORY_1} {ENTRY}"));
            // So many globals cost more than the record can hold, which is checked last.
            assert!(matches!(accepted, Ok(_) | Err(Refused::Cost(_))), "{what}");
            assert!(
                matches!(refusal(&above), Refused::TooMany { what: refused, .. } if refused == what),
                "{what}"
            );
        }
    }

    #[test]
    fn check_element_bytes_above_limit_are_refused() {
        // Flags, offset of three bytes and a count of two make six bytes; each function index takes one.
        let segment = |count: usize| {
            format!(
                "(table 4096 funcref) (func $f) (elem (i32.const 0) {})",
                "$f ".repeat(count)
            )
        };
        assert!(outcome(&format!("{} {MEMORY_1} {ENTRY}", segment(4090))).is_ok());
        let refused = refusal(&segment(4091));
        assert!(matches!(
            refused,
            Refused::TooMany {
                what: "bytes of element segments",
                count: 4097,
                ..
            }
        ));
    }

    #[test]
    fn check_operators_above_limit_are_refused() {
        // 65,536 less the frame entry, one block header, `return`, the frame exit, the constant and `end`.
        let nops = 65_536 - 12 - 12 - 1 - 4 - 2;
        assert!(activate(&program(&format!("{} i32.const 0", "nop ".repeat(nops))), 128).is_ok());
        let refused = activate(&program(&format!("{} i32.const 0", "nop ".repeat(nops + 1))), 128);
        assert!(matches!(
            refused,
            Err(Refused::TooMany {
                what: "operators in a function",
                count: 65_537,
                ..
            })
        ));
    }

    #[test]
    fn check_long_module_name_is_refused() {
        let named = |len: usize| {
            let name = "n".repeat(len);
            wat::parse_str(format!("(module ${name} {MEMORY_1} {ENTRY})")).expect("the test's wat is well formed")
        };
        assert!(activate(&named(512), 128).is_ok());
        assert!(matches!(
            activate(&named(513), 128),
            Err(Refused::TooMany { count: 513, .. })
        ));
    }

    #[test]
    fn check_element_expressions_are_refused() {
        let refused = refusal("(table 1 1 funcref) (elem (i32.const 0) funcref)");
        assert!(matches!(refused, Refused::Invalid(_)), "{refused}");
    }

    #[test]
    fn check_active_segment_out_of_bounds_is_refused() {
        assert!(outcome(&format!("(data (i32.const 65535) \"a\") {MEMORY_1} {ENTRY}")).is_ok());
        assert!(matches!(
            refusal("(data (i32.const 65536) \"a\")"),
            Refused::DataOutOfBounds
        ));
        assert!(matches!(
            refusal("(data (i32.const -1) \"a\")"),
            Refused::DataOutOfBounds
        ));
        let table = "(table 2 2 funcref) (func $f)";
        assert!(outcome(&format!("{table} (elem (i32.const 1) $f) {MEMORY_1} {ENTRY}")).is_ok());
        assert!(matches!(
            refusal(&format!("{table} (elem (i32.const 2) $f)")),
            Refused::ElementOutOfBounds
        ));
        assert!(matches!(
            refusal(&format!("{table} (elem (i32.const -1) $f)")),
            Refused::ElementOutOfBounds
        ));
    }
}
