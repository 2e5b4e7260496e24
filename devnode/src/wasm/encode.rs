//! Writing the instrumented module.

use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, EntityType, ExportKind, ExportSection, FunctionSection,
    GlobalSection, GlobalType, ImportSection, MemorySection, TableSection, TypeSection, ValType,
    reencode::{Reencode, RoundtripReencoder},
};

use super::{
    INK_LEFT, INK_STATUS, SCRATCH, STACK_LEFT,
    check::{Checked, ENTRYPOINT, MEMORY},
    instrument::Function,
    parse::Module,
    refused::Refused,
};

/// Most pages a memory may ever have; a larger or missing maximum is lowered to this.
const MAX_PAGES: u64 = 65_534;

/// Writes `module` with its `functions` instrumented. Of the exports only the entry point and the memory stay, custom
/// sections go.
pub(super) fn encode(module: &Module<'_>, checked: &Checked, functions: &[Function<'_>]) -> Result<Vec<u8>, Refused> {
    let mut out = wasm_encoder::Module::new();
    out.section(&types(module)?);
    out.section(&imports(module));
    out.section(&function_types(module));
    out.section(&tables(module)?);
    out.section(&memory(checked)?);
    out.section(&globals(module)?);
    out.section(&exports(checked));
    out.section(&elements(module)?);
    out.section(&code(functions)?);
    out.section(&data(module)?);
    Ok(out.finish())
}

fn types(module: &Module<'_>) -> Result<TypeSection, Refused> {
    let mut section = TypeSection::new();
    for ty in &module.types {
        section.ty().func_type(&RoundtripReencoder.func_type(ty.clone())?);
    }
    Ok(section)
}

fn imports(module: &Module<'_>) -> ImportSection {
    let mut section = ImportSection::new();
    for import in &module.imports {
        section.import(import.module, import.name, EntityType::Function(import.type_index));
    }
    section
}

fn function_types(module: &Module<'_>) -> FunctionSection {
    let mut section = FunctionSection::new();
    for type_index in &module.functions {
        section.function(*type_index);
    }
    section
}

fn tables(module: &Module<'_>) -> Result<TableSection, Refused> {
    let mut section = TableSection::new();
    for table in &module.tables {
        RoundtripReencoder.parse_table(&mut section, table.clone())?;
    }
    Ok(section)
}

fn memory(checked: &Checked) -> Result<MemorySection, Refused> {
    let mut section = MemorySection::new();
    let mut memory = RoundtripReencoder.memory_type(checked.memory)?;
    memory.maximum = Some(memory.maximum.map_or(MAX_PAGES, |maximum| maximum.min(MAX_PAGES)));
    section.memory(memory);
    Ok(section)
}

fn globals(module: &Module<'_>) -> Result<GlobalSection, Refused> {
    let mut section = GlobalSection::new();
    for global in &module.globals {
        RoundtripReencoder.parse_global(&mut section, global.clone())?;
    }
    let mutable = |val_type| GlobalType {
        val_type,
        mutable: true,
        shared: false,
    };
    section.global(mutable(ValType::I64), &ConstExpr::i64_const(0));
    section.global(mutable(ValType::I32), &ConstExpr::i32_const(0));
    section.global(mutable(ValType::I32), &ConstExpr::i32_const(0));
    section.global(mutable(ValType::I32), &ConstExpr::i32_const(0));
    Ok(section)
}

fn exports(checked: &Checked) -> ExportSection {
    let globals = &checked.globals;
    let mut section = ExportSection::new();
    section.export(ENTRYPOINT, ExportKind::Func, checked.entrypoint);
    section.export(MEMORY, ExportKind::Memory, 0);
    section.export(INK_LEFT, ExportKind::Global, globals.ink_left);
    section.export(INK_STATUS, ExportKind::Global, globals.ink_status);
    section.export(SCRATCH, ExportKind::Global, globals.scratch);
    section.export(STACK_LEFT, ExportKind::Global, globals.stack_left);
    section
}

fn elements(module: &Module<'_>) -> Result<ElementSection, Refused> {
    let mut section = ElementSection::new();
    for element in &module.elements {
        RoundtripReencoder.parse_element(&mut section, element.clone())?;
    }
    Ok(section)
}

fn code(functions: &[Function<'_>]) -> Result<CodeSection, Refused> {
    let mut section = CodeSection::new();
    for function in functions {
        let mut locals = Vec::with_capacity(function.locals.len());
        for (count, ty) in &function.locals {
            locals.push((*count, RoundtripReencoder.val_type(*ty)?));
        }
        let mut body = wasm_encoder::Function::new(locals);
        for operator in &function.operators {
            body.instruction(&RoundtripReencoder.instruction(operator.clone())?);
        }
        section.function(&body);
    }
    Ok(section)
}

fn data(module: &Module<'_>) -> Result<DataSection, Refused> {
    let mut section = DataSection::new();
    for data in &module.data {
        RoundtripReencoder.parse_data(&mut section, data.clone())?;
    }
    Ok(section)
}
