//! Validation and reading of a module: what may be in the file at all.

use std::ops::Range;

use wasmparser::{
    Data, Element, Export, ExternalKind, FuncType, FunctionBody, Global, MemoryType, Name, NameSectionReader, Parser,
    Payload, Table, TypeRef, Validator, WasmFeatures,
};

use super::refused::Refused;

/// The WebAssembly features of Stylus version 3. Multi-value ended with version 2; everything not named here is off.
/// `GC_TYPES` only tells the parser that reference types have a representation and allows nothing by itself.
const FEATURES: WasmFeatures = WasmFeatures::FLOATS
    .union(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::MUTABLE_GLOBAL)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::BULK_MEMORY);

/// An imported function.
#[derive(Clone, Copy, Debug)]
pub(super) struct FunctionImport<'a> {
    /// Module part of the import.
    pub(super) module: &'a str,
    /// Name part of the import.
    pub(super) name: &'a str,
    /// Index of the function's type.
    pub(super) type_index: u32,
}

/// A validated module, its sections taken apart.
#[derive(Default)]
pub(super) struct Module<'a> {
    /// Length of the whole file in bytes.
    pub(super) wasm_len: u32,
    /// Function types, in index order.
    pub(super) types: Vec<FuncType>,
    /// Imported functions; they come first in the function index space.
    pub(super) imports: Vec<FunctionImport<'a>>,
    /// Type index of each function the module defines.
    pub(super) functions: Vec<u32>,
    /// Tables; validation allows at most one.
    pub(super) tables: Vec<Table<'a>>,
    /// Memories; validation allows at most one.
    pub(super) memories: Vec<MemoryType>,
    /// Globals the module defines.
    pub(super) globals: Vec<Global<'a>>,
    /// Exports, as written in the file.
    pub(super) exports: Vec<Export<'a>>,
    /// Element segments.
    pub(super) elements: Vec<Element<'a>>,
    /// Bodies of the functions the module defines.
    pub(super) bodies: Vec<FunctionBody<'a>>,
    /// Data segments.
    pub(super) data: Vec<Data<'a>>,
    /// The module's own name from the name section, empty if it has none.
    pub(super) name: &'a str,
}

impl<'a> Module<'a> {
    /// Validates `wasm` and reads its sections.
    pub(super) fn parse(wasm: &'a [u8]) -> Result<Self, Refused> {
        Validator::new_with_features(FEATURES).validate_all(wasm)?;
        let wasm_len = u32::try_from(wasm.len()).map_err(|_| Refused::TooLong(wasm.len()))?;
        let mut module = Module {
            wasm_len,
            ..Module::default()
        };
        let mut parser = Parser::new(0);
        parser.set_features(FEATURES);
        for payload in parser.parse_all(wasm) {
            module.read(payload?)?;
        }
        Ok(module)
    }

    /// Takes in one piece of the file.
    fn read(&mut self, payload: Payload<'a>) -> Result<(), Refused> {
        match payload {
            Payload::TypeSection(section) => {
                self.types = section.into_iter_err_on_gc_types().collect::<Result<_, _>>()?;
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    let TypeRef::Func(type_index) = import.ty else {
                        return Err(Refused::ImportKind {
                            module: import.module.to_owned(),
                            name: import.name.to_owned(),
                        });
                    };
                    self.imports.push(FunctionImport {
                        module: import.module,
                        name: import.name,
                        type_index,
                    });
                }
            }
            Payload::FunctionSection(section) => self.functions = section.into_iter().collect::<Result<_, _>>()?,
            Payload::TableSection(section) => self.tables = section.into_iter().collect::<Result<_, _>>()?,
            Payload::MemorySection(section) => self.memories = section.into_iter().collect::<Result<_, _>>()?,
            Payload::GlobalSection(section) => self.globals = section.into_iter().collect::<Result<_, _>>()?,
            Payload::ExportSection(section) => self.exports = section.into_iter().collect::<Result<_, _>>()?,
            Payload::ElementSection(section) => self.elements = section.into_iter().collect::<Result<_, _>>()?,
            Payload::DataSection(section) => self.data = section.into_iter().collect::<Result<_, _>>()?,
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::StartSection { .. } => return Err(Refused::Start),
            Payload::DataCountSection { .. } => return Err(Refused::Section("data count")),
            Payload::CustomSection(section) if section.name() == "name" => {
                self.read_names(NameSectionReader::new(section.data_reader()))?;
            }
            Payload::Version { .. }
            | Payload::End(_)
            | Payload::CodeSectionStart { .. }
            | Payload::CustomSection(_) => {}
            _ => return Err(Refused::Section("unknown")),
        }
        Ok(())
    }

    /// Reads the name section. Validation skips custom sections, so module and function names are checked here; the
    /// other kinds of names are not looked at.
    fn read_names(&mut self, names: NameSectionReader<'a>) -> Result<(), Refused> {
        for name in names {
            match name? {
                Name::Module { name, .. } => self.name = name,
                Name::Function(functions) => {
                    for naming in functions {
                        naming?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Bytes the element segments take in the file.
    pub(super) fn element_bytes(&self) -> u64 {
        self.elements
            .iter()
            .fold(0, |sum, element| sum.saturating_add(length(&element.range)))
    }

    /// Bytes the data segments take in the file.
    pub(super) fn data_bytes(&self) -> u64 {
        self.data
            .iter()
            .fold(0, |sum, data| sum.saturating_add(length(&data.range)))
    }

    /// Bytes the data segments write.
    pub(super) fn data_payload_bytes(&self) -> u64 {
        self.data
            .iter()
            .fold(0, |sum, data| sum.saturating_add(data.data.len() as u64))
    }

    /// Type of a function by its index in the function index space, imports first.
    pub(super) fn function_type(&self, function_index: u32) -> Option<&FuncType> {
        let index = usize::try_from(function_index).ok()?;
        let type_index = match self.imports.get(index) {
            Some(import) => import.type_index,
            None => *self.functions.get(index.checked_sub(self.imports.len())?)?,
        };
        self.type_at(type_index)
    }

    /// Function type by its index.
    pub(super) fn type_at(&self, type_index: u32) -> Option<&FuncType> {
        self.types.get(usize::try_from(type_index).ok()?)
    }

    /// Index exported under `name` as `kind`, if any.
    pub(super) fn exported(&self, name: &str, kind: ExternalKind) -> Option<u32> {
        self.exports
            .iter()
            .find(|export| export.name == name && export.kind == kind)
            .map(|export| export.index)
    }

    /// Function index of the host function with this name, if it is imported. All imports are functions, so positions
    /// are function indices.
    pub(super) fn imported(&self, module: &str, name: &str) -> Option<u32> {
        let position = self
            .imports
            .iter()
            .position(|import| import.module == module && import.name == name)?;
        u32::try_from(position).ok()
    }
}

/// Length of a byte range of the file.
fn length(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(wat: &str) -> Refused {
        let wasm = wat::parse_str(wat).expect("the test's wat is well formed");
        Module::parse(&wasm).err().expect("the module is refused")
    }

    #[test]
    fn parse_multi_value_is_refused() {
        assert!(matches!(
            refusal("(module (func (result i32 i32) i32.const 0 i32.const 0))"),
            Refused::Invalid(_)
        ));
        assert!(matches!(
            refusal("(module (type $t (func (param i32))) (func i32.const 0 block (type $t) drop end))"),
            Refused::Invalid(_)
        ));
    }

    #[test]
    fn parse_feature_off_is_refused() {
        for wat in [
            "(module (table 1 externref))",
            "(module (func (drop (ref.null func))))",
            "(module (func (drop (v128.const i64x2 0 0))))",
            "(module (memory 1 1 shared))",
            "(module (func $f (return_call $f)))",
            "(module (memory 1) (memory 1))",
            "(module (table 1 funcref) (table 1 funcref))",
            "(module (memory i64 1))",
            "(module (tag))",
            "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))",
            "(component)",
        ] {
            assert!(matches!(refusal(wat), Refused::Invalid(_)), "{wat}");
        }
    }

    #[test]
    fn parse_start_section_is_refused() {
        assert!(matches!(refusal("(module (func $s) (start $s))"), Refused::Start));
    }

    #[test]
    fn parse_data_count_section_is_refused() {
        let wat = "(module (memory 1 1) (data $d \"a\")
            (func i32.const 0 i32.const 0 i32.const 1 memory.init $d))";
        assert!(matches!(refusal(wat), Refused::Section("data count")));
    }

    #[test]
    fn parse_imported_memory_is_refused() {
        assert!(matches!(
            refusal("(module (import \"vm_hooks\" \"m\" (memory 1)))"),
            Refused::ImportKind { .. }
        ));
    }

    #[test]
    fn parse_padded_table_index_is_refused() {
        let mut wasm =
            wat::parse_str("(module (type $t (func)) (table 1 funcref) (func i32.const 0 call_indirect (type $t)))")
                .expect("the test's wat is well formed");
        assert!(Module::parse(&wasm).is_ok());
        // The file ends with `call_indirect` (type 0, table 0) and `end`. Write the table index as 80 00 and lengthen
        // the body and its section by that byte.
        let [section_len, _, body_len, .., table, end] = wasm.last_chunk_mut::<10>().expect("long enough");
        *section_len += 1;
        *body_len += 1;
        *table = 0x80;
        *end = 0x00;
        wasm.push(0x0b);
        assert!(matches!(Module::parse(&wasm).err(), Some(Refused::Invalid(_))));
    }

    #[test]
    fn parse_truncated_module_is_refused() {
        let wasm = wat::parse_str("(module (memory (export \"memory\") 1 1) (func i32.const 7 drop))")
            .expect("the test's wat is well formed");
        // The header alone, and header and types, are valid modules. Once a function is declared its code must follow.
        let valid_prefixes: Vec<_> = (0..wasm.len())
            .filter(|len| Module::parse(&wasm[..*len]).is_ok())
            .collect();
        assert_eq!(valid_prefixes, [8, 14]);
    }
}
