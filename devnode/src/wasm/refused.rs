//! Why a module is not activated.

use wasm_encoder::reencode;

/// Why a module was refused. The message is one line; on chain every one of these burns all gas and returns no data,
/// so the message only ever reaches the developer.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The bytes are not a module of the accepted WebAssembly feature set.
    #[error("invalid wasm: {0}")]
    Invalid(#[from] wasmparser::Error),
    /// The validated module could not be written back with its instrumentation.
    #[error("cannot write the instrumented module: {0}")]
    Unwritable(#[from] reencode::Error),
    /// The module is too long for its length to be a 32-bit number.
    #[error("module of {0} bytes is too long")]
    TooLong(usize),
    /// The module has a section that is never accepted.
    #[error("section not allowed: {0}")]
    Section(&'static str),
    /// The module has a start function.
    #[error("start functions are not allowed")]
    Start,
    /// Something other than a function is imported.
    #[error("import {module}.{name} is not a function")]
    ImportKind {
        /// Module part of the import.
        module: String,
        /// Name part of the import.
        name: String,
    },
    /// The imported function is no host function.
    #[error("no such host function: {module}.{name}")]
    UnknownImport {
        /// Module part of the import.
        module: String,
        /// Name part of the import.
        name: String,
    },
    /// A host function is imported with another type than it has.
    #[error("host function {0} is imported with a wrong type")]
    ImportType(&'static str),
    /// An export has the name of an import.
    #[error("export has the name of the import {0}")]
    ExportedImport(String),
    /// An export begins with the reserved prefix `stylus`.
    #[error("export of the reserved name {0}")]
    ReservedExport(String),
    /// Memory 0 is not exported as `memory`.
    #[error("memory must be exported as `memory`")]
    MemoryNotExported,
    /// The initial memory is larger than the pages the program may still open.
    #[error("initial memory of {initial} pages exceeds the limit of {limit}")]
    MemoryTooLarge {
        /// Initial size, in pages of 64 KiB.
        initial: u64,
        /// Pages that may be opened.
        limit: u16,
    },
    /// The memory can grow but the module cannot pay for it.
    #[error("memory can grow, so vm_hooks.pay_for_memory_grow must be imported")]
    GrowthUnpaid,
    /// The export `user_entrypoint` is missing or not a function.
    #[error("function `user_entrypoint` is not exported")]
    NoEntrypoint,
    /// The export `user_entrypoint` is not a function from `i32` to `i32`.
    #[error("`user_entrypoint` must take one i32 and return one i32")]
    EntrypointType,
    /// A count is above its limit.
    #[error("too many {what}: {count}, limit {limit}")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        count: u64,
        /// How many are allowed.
        limit: u64,
    },
    /// An operator has no form in which its execution could be proven.
    #[error("operator without a proving form: {0}")]
    Operator(String),
    /// An element segment lists expressions, not function indices.
    #[error("element segments must list function indices")]
    ElementExpressions,
    /// The offset of an active segment is not one `i32.const`.
    #[error("offset of an active segment must be one i32.const")]
    Offset,
    /// An active data segment does not fit the initial memory.
    #[error("data segment does not fit the initial memory")]
    DataOutOfBounds,
    /// An active element segment does not fit its table.
    #[error("element segment does not fit its table")]
    ElementOutOfBounds,
    /// A recorded cost does not fit its 16 bits, or the code size estimate its 32 bits.
    #[error("{0} does not fit its record")]
    Cost(&'static str),
}
