//! From rustc's wasm to the bytes that go on chain, and the checks of activation that need no chain.

use std::{io::Read as _, ops::Range};

use anyhow::{Context as _, Result, bail, ensure};
use brotli2::read::BrotliEncoder;
use wasm_encoder::{CustomSection, Module, RawSection};
use wasmparser::{
    ExternalKind, FuncType, MemoryType, Parser, Payload, TypeRef, ValType, Validator, WasmFeatures, types::TypesRef,
};

/// Code prefix of a program that fits in one account: marker, kind "classic", no dictionary.
pub(crate) const CODE_PREFIX: [u8; 4] = [0xEF, 0xF0, 0x00, 0x00];

/// Most compressed bytes that a program holds: four fragments of the chain's 24 KiB of code, each with a prefix of three
/// bytes.
pub(crate) const MAX_FRAGMENTED: usize = 4 * (24_576 - 3);

/// Most bytes a module may have after decompression on chain (`maxWasmSize` since ArbOS 60).
const MAX_WASM: usize = 262_144;

/// Memory pages that a program may use without paying for them at every call.
const FREE_PAGES: u64 = 2;

/// Name of the section in which the official tool records what a module was built from.
const PROJECT_HASH: &str = "project_hash";

const BROTLI_QUALITY: u32 = 11;

/// What activation switches on, less floats: it accepts moving them about but nothing computed with them, so a
/// contract that has any is a mistake.
const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::BULK_MEMORY)
    // Not a proposal: without it the parser refuses even the plain function tables of the first version.
    .union(WasmFeatures::GC_TYPES);

/// Gives rustc's module the form that is deployed.
///
/// The effect is that of `cargo stylus` with a prebuilt module. The way through the text form rewrites the padded
/// table indices of `call_indirect` that the linker leaves and activation refuses. Custom sections go, and one comes:
/// the project hash, all zeros as the official tool writes it for a prebuilt module. Its hash of a project covers the
/// absolute path of every source file, so it would make the bytes differ from one checkout to the next.
pub(crate) fn finish(rustc_wasm: &[u8]) -> Result<Vec<u8>> {
    finish_with_hash(rustc_wasm, [0; 32])
}

fn finish_with_hash(rustc_wasm: &[u8], project_hash: [u8; 32]) -> Result<Vec<u8>> {
    let text = wasmprinter::print_bytes(rustc_wasm).context("the module does not print as text")?;
    let binary = wat::parse_str(&text).context("the module's text does not parse")?;
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(&binary) {
        let payload = payload?;
        if matches!(payload, Payload::CustomSection(_)) {
            continue;
        }
        if let Some((id, range)) = payload.as_section() {
            module.section(&RawSection {
                id,
                data: part(&binary, range),
            });
        }
    }
    module.section(&CustomSection {
        name: PROJECT_HASH.into(),
        data: (&project_hash).into(),
    });
    Ok(module.finish())
}

/// The bytes of `module` that the parser calls `range`.
fn part(module: &[u8], range: Range<u64>) -> &[u8] {
    let index = |offset| usize::try_from(offset).expect("an offset into a slice in memory");
    &module[index(range.start)..index(range.end)]
}

/// The code bytes to deploy: prefix, then the compressed module. What is longer than an account's code is cut
/// into fragments at deployment.
pub(crate) fn deployable(wasm: &[u8]) -> Result<Vec<u8>> {
    let compressed = compress(wasm)?;
    ensure!(
        compressed.len() <= MAX_FRAGMENTED,
        "{} bytes after compression, the chain holds at most {MAX_FRAGMENTED}",
        compressed.len()
    );
    Ok([&CODE_PREFIX, compressed.as_slice()].concat())
}

/// Compresses with brotli as the official tool does: best quality, and the encoder's default window of 22 bits.
pub(crate) fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut compressed = Vec::new();
    BrotliEncoder::new(bytes, BROTLI_QUALITY).read_to_end(&mut compressed)?;
    Ok(compressed)
}

/// Refuses a module that activation would refuse, or that would cost more than it must; returns the pages of memory
/// it starts with.
///
/// This is the part that can be told from the module alone and that has gone wrong in practice: operator counts,
/// frame sizes and the types of host functions are checked when the embedded chain activates the program.
pub(crate) fn inspect(wasm: &[u8]) -> Result<u64> {
    ensure!(
        wasm.len() <= MAX_WASM,
        "{} bytes, activation takes at most {MAX_WASM}",
        wasm.len()
    );
    let types = Validator::new_with_features(FEATURES)
        .validate_all(wasm)
        .context("activation refuses the module: it is invalid under the features the chain has")?;
    let types = types.as_ref();

    let mut memory = None;
    let mut memory_exported = false;
    let mut entrypoint = None;
    let mut pays_for_growth = false;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::DataCountSection { .. } => {
                bail!("activation refuses a data count section: the build must not emit `memory.init` or `data.drop`")
            }
            Payload::StartSection { .. } => bail!("activation refuses a start section"),
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import?;
                    ensure!(
                        import.module == "vm_hooks" && matches!(import.ty, TypeRef::Func(_)),
                        "activation refuses the import `{}.{}`: only functions of `vm_hooks` can be linked",
                        import.module,
                        import.name
                    );
                    pays_for_growth |= import.name == "pay_for_memory_grow";
                }
            }
            Payload::MemorySection(memories) => {
                for declared in memories {
                    memory = Some(declared?);
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    match (export.name, export.kind) {
                        ("memory", ExternalKind::Memory) => memory_exported = true,
                        ("user_entrypoint", ExternalKind::Func) => entrypoint = Some(export.index),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    check_entrypoint(entrypoint, types)?;
    ensure!(memory_exported, "no memory is exported as `memory`");
    let memory = memory.context("the module declares no memory")?;
    check_memory(memory, pays_for_growth)?;
    Ok(memory.initial)
}

fn check_entrypoint(function: Option<u32>, types: TypesRef<'_>) -> Result<()> {
    let function = function.context(
        "no function is exported as `user_entrypoint`: \
         the crate has no `#[entrypoint]`, or a feature of a crate that depends on it removed it",
    )?;
    let ty = types[types.core_function_at(function)].unwrap_func();
    ensure!(
        *ty == FuncType::new([ValType::I32], [ValType::I32]),
        "`user_entrypoint` is not of type (i32) -> i32"
    );
    Ok(())
}

fn check_memory(memory: MemoryType, pays_for_growth: bool) -> Result<()> {
    ensure!(
        memory.initial <= FREE_PAGES,
        "starts with {} pages of memory, more than {FREE_PAGES} cost gas at every call: \
         is the small stack size missing from the linker's arguments?",
        memory.initial
    );
    ensure!(
        pays_for_growth || memory.maximum == Some(memory.initial),
        "activation refuses memory that can grow in a module that does not import `pay_for_memory_grow`"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use brotli2::read::BrotliDecoder;

    use super::*;

    /// The least that activation accepts, with `extra` fields.
    fn module(extra: &str) -> Vec<u8> {
        let text = format!(
            r#"(module
                (import "vm_hooks" "pay_for_memory_grow" (func (param i32)))
                (memory (export "memory") 1)
                (func (export "user_entrypoint") (param i32) (result i32) local.get 0)
                {extra})"#
        );
        wat::parse_str(text).unwrap()
    }

    fn refusal(wasm: &[u8]) -> String {
        format!("{:#}", inspect(wasm).unwrap_err())
    }

    fn refusal_of_text(text: &str) -> String {
        refusal(&wat::parse_str(text).unwrap())
    }

    #[test]
    fn finish_replaces_custom_sections_by_project_hash() {
        let with_names = module(r#"(func $secret) (@custom "producers" "me")"#);
        let finished = finish(&with_names).unwrap();
        let customs: Vec<_> = Parser::new(0)
            .parse_all(&finished)
            .filter_map(|payload| match payload.unwrap() {
                Payload::CustomSection(section) => Some((section.name().to_owned(), section.data().to_vec())),
                _ => None,
            })
            .collect();
        assert_eq!(customs, [(PROJECT_HASH.to_owned(), vec![0; 32])]);
    }

    #[test]
    fn finish_keeps_every_other_section() {
        let wasm = module(r#"(global i32 (i32.const 7)) (data (i32.const 0) "abc")"#);
        let section_bytes = |wasm: &[u8]| -> Vec<Vec<u8>> {
            Parser::new(0)
                .parse_all(wasm)
                .map(Result::unwrap)
                .filter(|payload| !matches!(payload, Payload::CustomSection(_)))
                .filter_map(|payload| payload.as_section().map(|(_, range)| part(wasm, range).to_vec()))
                .collect()
        };
        assert_eq!(section_bytes(&finish(&wasm).unwrap()), section_bytes(&wasm));
    }

    #[test]
    fn finish_is_idempotent() {
        let once = finish(&module("")).unwrap();
        assert_eq!(finish(&once).unwrap(), once);
    }

    #[test]
    fn finish_shortens_padded_table_index_so_that_inspect_accepts() {
        let wasm = module("(table 1 funcref) (type $t (func)) (func $indirect i32.const 0 call_indirect (type $t))");
        let padded = pad_call_indirect(&wasm);
        assert!(refusal(&padded).contains("zero byte expected"), "{}", refusal(&padded));
        assert_eq!(inspect(&finish(&padded).unwrap()).unwrap(), 1);
    }

    /// Writes the table index of `call_indirect` as five bytes, as the linker does, and adjusts the lengths around it.
    fn pad_call_indirect(wasm: &[u8]) -> Vec<u8> {
        let mut module = Module::new();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload.unwrap();
            let Some((id, range)) = payload.as_section() else {
                continue;
            };
            let mut data = part(wasm, range).to_vec();
            if id == wasm_encoder::SectionId::Code as u8 {
                // The body: its length, no locals, `i32.const 0`, `call_indirect` with type and table, end.
                let body = data
                    .windows(4)
                    .position(|window| window == [0x00, 0x41, 0x00, 0x11])
                    .unwrap();
                data[body - 1] += 4;
                let table = body + 5;
                assert_eq!(data[table], 0);
                data.splice(table..=table, [0x80, 0x80, 0x80, 0x80, 0x00]);
            }
            module.section(&RawSection { id, data: &data });
        }
        module.finish()
    }

    #[test]
    fn deployable_is_prefix_and_stream_of_the_module() {
        let wasm = finish(&module("")).unwrap();
        let code = deployable(&wasm).unwrap();
        assert_eq!(code[..4], [0xEF, 0xF0, 0, 0]);
        let mut unpacked = Vec::new();
        BrotliDecoder::new(&code[4..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, wasm);
    }

    #[test]
    fn deployable_above_four_fragments_is_refused() {
        // A multiplicative generator's bytes do not compress.
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        })
        .take(MAX_FRAGMENTED + 1)
        .collect();
        let message = deployable(&noise).unwrap_err().to_string();
        assert!(message.contains("the chain holds at most 98292"), "{message}");
    }

    #[test]
    fn inspect_returns_initial_pages() {
        assert_eq!(inspect(&module("")).unwrap(), 1);
    }

    #[test]
    fn inspect_without_entrypoint_refuses() {
        let message = refusal_of_text(r#"(module (memory (export "memory") 1 1))"#);
        assert!(
            message.contains("no function is exported as `user_entrypoint`"),
            "{message}"
        );
    }

    #[test]
    fn inspect_with_wrong_entrypoint_type_refuses() {
        let message = refusal_of_text(r#"(module (memory (export "memory") 1 1) (func (export "user_entrypoint")))"#);
        assert!(message.contains("not of type (i32) -> i32"), "{message}");
    }

    #[test]
    fn inspect_with_data_count_refuses() {
        let message = refusal(&module(
            r#"(data $d "x") (func i32.const 0 i32.const 0 i32.const 1 memory.init $d)"#,
        ));
        assert!(message.contains("data count section"), "{message}");
    }

    #[test]
    fn inspect_with_start_refuses() {
        assert!(refusal(&module("(func $s) (start $s)")).contains("start section"));
    }

    #[test]
    fn inspect_with_refused_features_refuses() {
        for (extra, word) in [
            ("(func (result i32 i32) i32.const 0 i32.const 0)", "multi-value"),
            ("(func (param externref))", "reference types"),
            ("(func (result v128) v128.const i64x2 0 0)", "SIMD"),
            ("(func (result f64) f64.const 1)", "floating-point"),
        ] {
            let message = refusal(&module(extra));
            assert!(
                message.contains("activation refuses") && message.contains(word),
                "{extra}: {message}"
            );
        }
    }

    #[test]
    fn inspect_with_foreign_import_refuses() {
        let message = refusal_of_text(r#"(module (import "env" "log" (func)))"#);
        assert!(message.contains("the import `env.log`"), "{message}");
    }

    #[test]
    fn inspect_with_default_stack_refuses() {
        let message = refusal_of_text(
            r#"(module (memory (export "memory") 17 17)
                (func (export "user_entrypoint") (param i32) (result i32) local.get 0))"#,
        );
        assert!(message.contains("starts with 17 pages"), "{message}");
    }

    #[test]
    fn inspect_with_unpaid_growth_refuses() {
        let message = refusal_of_text(
            r#"(module (memory (export "memory") 1)
                (func (export "user_entrypoint") (param i32) (result i32) local.get 0))"#,
        );
        assert!(message.contains("pay_for_memory_grow"), "{message}");
    }
}
