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
    if count > limit { Err(Refused::TooMany { what, count, limit }) } else { Ok(()) }
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
        Some(module.imported(HOST_MODULE, PAY_FOR_MEMORY_GROW).ok_or(Refused::GrowthUnpaid)?)
    };
    let entrypoint = check_entrypoint(module)?;
    check_elements(module)?;
    check_data(module, pages)?;
    Ok(Checked { memory, pages, entrypoint, globals, pay_for_growth })
}

/// Checks the counts that instrumentation does not change, or changes by a constant.
fn check_limits(module: &Module<'_>) -> Result<Globals, Refused> {
    limit("functions", module.functions.len() as u64, MAX_FUNCTIONS)?;
    limit("imports", module.imports.len() as u64, MAX_IMPORTS)?;
    limit("data segments", module.data.len() as u64, MAX_DATA_SEGMENTS)?;
    limit("element segments", module.elements.len() as u64, MAX_ELEMENT_SEGMENTS)?;
    let table_entries = module.tables.iter().fold(0_u64, |sum, table| sum.saturating_add(table.ty.initial));
    limit("table entries", table_entries, MAX_TABLE_ENTRIES)?;
    limit("bytes of element segments", module.element_bytes(), MAX_ELEMENT_BYTES)?;
    limit("bytes in the module name", module.name.len() as u64, MAX_NAME_BYTES)?;
    let own = module.globals.len() as u64;
    let total = own.saturating_add(Globals::COUNT.into());
    limit("globals", total, MAX_GLOBALS)?;
    let own = u32::try_from(own).map_err(|_| Refused::TooMany { what: "globals", count: total, limit: MAX_GLOBALS })?;
    Ok(Globals::after(own))
}

/// Checks that only host functions are imported, each with its own type.
fn check_imports(module: &Module<'_>) -> Result<(), Refused> {
    for import in &module.imports {
        let known = if import.module == HOST_MODULE { host_fn(import.name) } else { None };
        let Some(host_fn) = known else {
            return Err(Refused::UnknownImport { module: import.module.to_owned(), name: import.name.to_owned() });
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
        _ => Err(Refused::MemoryTooLarge { initial: memory.initial, limit }),
    }
}

/// Finds the entry point and checks its type.
fn check_entrypoint(module: &Module<'_>) -> Result<u32, Refused> {
    let entrypoint = module.exported(ENTRYPOINT, ExternalKind::Func).ok_or(Refused::NoEntrypoint)?;
    let ty = module.function_type(entrypoint).ok_or(Refused::NoEntrypoint)?;
    if ty.params() != [ValType::I32] || ty.results() != [ValType::I32] {
        return Err(Refused::EntrypointType);
    }
    Ok(entrypoint)
}

/// Checks that element segments list functions and active ones fit their table.
fn check_elements(module: &Module<'_>) -> Result<(), Refused> {
    for element in &module.elements {
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
