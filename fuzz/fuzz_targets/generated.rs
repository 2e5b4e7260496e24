//! Programs made from nothing: modules of the shape that activation wants, with arbitrary code inside.

#![no_main]

use devnode::wasm::{HOST_FNS, HOST_MODULE};
use gimbal_fuzz::chain::program::{self, Case};
use libfuzzer_sys::{arbitrary::Unstructured, fuzz_target};
use std::sync::LazyLock;
use wasm_smith::{Config, MemoryOffsetChoices, Module};

/// Imports that a module may choose from.
static IMPORTS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let imports: String = HOST_FNS
        .iter()
        .map(|f| {
            let list = |types: &[_]| types.iter().map(|ty| format!(" {ty}")).collect::<String>();
            let (params, results) = (list(f.params), list(f.results));
            let name = f.name;
            format!(r#"(import "{HOST_MODULE}" "{name}" (func (param{params}) (result{results})))"#)
        })
        .collect();
    wat::parse_str(format!("(module {imports})")).expect("well formed")
});

/// Exports that a module must have.
static EXPORTS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    wat::parse_str(
        r#"(module (memory (export "memory") 1 4)
             (func (export "user_entrypoint") (param i32) (result i32) i32.const 0))"#,
    )
    .expect("well formed")
});

fn config() -> Config {
    Config {
        available_imports: Some(IMPORTS.clone()),
        exports: Some(EXPORTS.clone()),
        allow_floats: false,
        allow_invalid_funcs: false,
        allow_start_export: false,
        export_everything: false,
        max_imports: 12,
        min_imports: 1,
        max_funcs: 6,
        max_globals: 6,
        max_memories: 1,
        max_memory32_bytes: 4 << 16,
        memory_max_size_required: false,
        max_tables: 1,
        max_table_elements: 64,
        table_max_size_required: false,
        max_tags: 0,
        max_data_segments: 4,
        max_element_segments: 2,
        max_instructions: 200,
        // Most accesses hit memory.
        memory_offset_choices: MemoryOffsetChoices(90, 9, 1),
        bulk_memory_enabled: true,
        reference_types_enabled: false,
        multi_value_enabled: false,
        simd_enabled: false,
        relaxed_simd_enabled: false,
        saturating_float_to_int_enabled: false,
        sign_extension_ops_enabled: true,
        exceptions_enabled: false,
        gc_enabled: false,
        threads_enabled: false,
        tail_call_enabled: false,
        memory64_enabled: false,
        wide_arithmetic_enabled: false,
        compact_imports_enabled: false,
        extended_const_enabled: false,
        ..Config::default()
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((head, rest)) = data.split_at_checked(program::HEAD) else {
        return;
    };
    let mut bytes = Unstructured::new(rest);
    if let Ok(module) = Module::new(config(), &mut bytes) {
        program::check(&Case::new(head, Vec::new(), module.to_bytes()));
    }
});
