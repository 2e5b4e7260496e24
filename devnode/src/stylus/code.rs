//! Stylus code as stored in accounts: prefixes, compression, and programs in several pieces.

use alloy_primitives::Address;
use brotli::{
    BrotliDecompressStream, BrotliResult, BrotliState,
    enc::{BrotliEncoderParams, StandardAlloc},
};
use thiserror::Error;

/// Prefix of a classic program: `EF F0 00`, then a dictionary byte, then one brotli stream.
pub const CLASSIC_PREFIX: [u8; 3] = [0xEF, 0xF0, 0x00];
/// Prefix of a code fragment: `EF F0 01`, then a part of a brotli stream. It never runs by itself.
pub const FRAGMENT_PREFIX: [u8; 3] = [0xEF, 0xF0, 0x01];
/// Prefix of a root program: `EF F0 02`, a dictionary byte, the module's length as four bytes, and the addresses of
/// the fragments whose parts make up the brotli stream.
pub const ROOT_PREFIX: [u8; 3] = [0xEF, 0xF0, 0x02];

/// Largest decompressed module in bytes (`maxWasmSize`), unless chain owners change it.
pub const MAX_WASM_SIZE: usize = 262_144;
/// Most fragments of a root program (`maxFragmentCount`), unless chain owners change it.
pub const MAX_FRAGMENTS: usize = 4;
/// What a program's code may amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest decompressed module in bytes.
    pub wasm: usize,
    /// Most fragments of a root program.
    pub fragments: usize,
}

impl Limits {
    /// For code that has been activated: the limits of its time were applied then, and those of today do not
    /// matter. What remains protects this process.
    pub const ACTIVATED: Self = Self {
        wasm: 16 << 20,
        fragments: u8::MAX as usize,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wasm: MAX_WASM_SIZE,
            fragments: MAX_FRAGMENTS,
        }
    }
}

/// Largest code of an account in bytes.
pub const MAX_CODE_SIZE: usize = 24_576;

/// Dictionary byte: plain brotli, the only value that deployment tools write.
const NO_DICTIONARY: u8 = 0;

/// Why stored code could not be turned into a wasm module.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CodeError {
    /// The code carries no Stylus prefix.
    #[error("not Stylus code")]
    NotStylus,
    /// A fragment is only data for a root program.
    #[error("a fragment cannot be activated; activate its root program")]
    Fragment,
    /// A root program is shorter than its header, or its addresses are cut.
    #[error("root program of {0} bytes is malformed")]
    Root(usize),
    /// A root program lists no fragment, or too many.
    #[error("root program lists no fragments or too many: {0}")]
    FragmentCount(usize),
    /// A root program lists an account that holds no fragment.
    #[error("root program lists an account without a fragment")]
    NoFragment,
    /// The dictionary byte is not one this chain knows.
    #[error("unsupported dictionary type {0}")]
    Dictionary(u8),
    /// The stream is not brotli, is cut short, or decompresses to more than the limit.
    #[error("decompression failed or exceeds {limit} bytes")]
    Decompression {
        /// Largest module accepted, in bytes.
        limit: usize,
    },
    /// The module does not have the length that its root program declares.
    #[error("module has {actual} bytes, its root program declares {declared}")]
    Length {
        /// Declared length in bytes.
        declared: usize,
        /// Length in bytes; 0 when the declared one is refused unseen.
        actual: usize,
    },
}

/// Whether `code` runs as a Stylus program (classic or root).
pub fn is_program(code: &[u8]) -> bool {
    has_prefix(code, CLASSIC_PREFIX) || has_prefix(code, ROOT_PREFIX)
}

/// Whether `code` is any Stylus component, and so exempt from EIP-3541.
pub fn is_component(code: &[u8]) -> bool {
    is_program(code) || has_prefix(code, FRAGMENT_PREFIX)
}

/// A prefix counts only when something follows it.
fn has_prefix(code: &[u8], prefix: [u8; 3]) -> bool {
    code.len() > prefix.len() && code.starts_with(&prefix)
}

/// Program code on its way to a module. A root program's fragments must be added before it can be decompressed.
#[derive(Debug)]
pub struct Stored {
    dictionary: u8,
    /// Length that a root program declares.
    declared: Option<usize>,
    fragments: Vec<Address>,
    stream: Vec<u8>,
    limits: Limits,
}

impl Stored {
    /// Reads the code of a classic or root program.
    pub fn parse(code: &[u8], limits: Limits) -> Result<Self, CodeError> {
        if has_prefix(code, FRAGMENT_PREFIX) {
            return Err(CodeError::Fragment);
        }
        if has_prefix(code, ROOT_PREFIX) {
            return Self::parse_root(code, limits);
        }
        match code.strip_prefix(&CLASSIC_PREFIX) {
            Some([dictionary, stream @ ..]) => Ok(Self {
                dictionary: *dictionary,
                declared: None,
                fragments: Vec::new(),
                stream: stream.to_vec(),
                limits,
            }),
            _ => Err(CodeError::NotStylus),
        }
    }

    fn parse_root(code: &[u8], limits: Limits) -> Result<Self, CodeError> {
        let [_, _, _, dictionary, l0, l1, l2, l3, addresses @ ..] = code else {
            return Err(CodeError::Root(code.len()));
        };
        let (addresses, []) = addresses.as_chunks::<20>() else {
            return Err(CodeError::Root(code.len()));
        };
        let declared = u32::from_be_bytes([*l0, *l1, *l2, *l3]) as usize;
        if declared > limits.wasm {
            return Err(CodeError::Length { declared, actual: 0 });
        }
        if !(1..=limits.fragments).contains(&addresses.len()) {
            return Err(CodeError::FragmentCount(addresses.len()));
        }
        Ok(Self {
            dictionary: *dictionary,
            declared: Some(declared),
            fragments: addresses.iter().map(Address::from).collect(),
            stream: Vec::new(),
            limits,
        })
    }

    /// Accounts whose code must be added, in this order; none for a classic program.
    pub fn fragments(&self) -> Vec<Address> {
        self.fragments.clone()
    }

    /// Adds the code of the next fragment.
    pub fn add_fragment(&mut self, code: &[u8]) -> Result<(), CodeError> {
        if !has_prefix(code, FRAGMENT_PREFIX) {
            return Err(CodeError::NoFragment);
        }
        self.stream.extend(code.iter().skip(FRAGMENT_PREFIX.len()));
        Ok(())
    }

    /// The module, of at most the size limit and exactly the declared length.
    pub fn decompress(&self) -> Result<Vec<u8>, CodeError> {
        if self.dictionary != NO_DICTIONARY {
            return Err(CodeError::Dictionary(self.dictionary));
        }
        let limit = self.declared.unwrap_or(self.limits.wasm);
        let wasm = inflate(&self.stream, limit).ok_or(CodeError::Decompression { limit })?;
        match self.declared {
            Some(declared) if declared != wasm.len() => Err(CodeError::Length {
                declared,
                actual: wasm.len(),
            }),
            _ => Ok(wasm),
        }
    }
}

/// The data of a brotli stream, if it is complete and at most `limit` bytes long.
///
/// Nodes use the strict decoder, which knows no large windows; what follows the stream does not matter.
fn inflate(stream: &[u8], limit: usize) -> Option<Vec<u8>> {
    let alloc = StandardAlloc::default;
    let mut state = BrotliState::new_strict(alloc(), alloc(), alloc());
    let mut data = vec![0; limit];
    let (mut left, mut read) = (stream.len(), 0);
    let (mut space, mut written, mut total) = (limit, 0, 0);
    let result = BrotliDecompressStream(
        &mut left,
        &mut read,
        stream,
        &mut space,
        &mut written,
        &mut data,
        &mut total,
        &mut state,
    );
    data.truncate(written);
    matches!(result, BrotliResult::ResultSuccess).then_some(data)
}

/// Classic program code for `wasm`, compressed the way deployment tools do (brotli quality 11, window 22).
pub fn compress(wasm: &[u8]) -> Vec<u8> {
    let mut code = CLASSIC_PREFIX.to_vec();
    code.push(NO_DICTIONARY);
    deflate(wasm, &mut code);
    code
}

/// Appends the brotli stream of `wasm`.
fn deflate(wasm: &[u8], code: &mut Vec<u8>) {
    let params = BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: wasm.len(),
        ..BrotliEncoderParams::default()
    };
    // Writing into a Vec cannot fail.
    let _ = brotli::BrotliCompress(&mut &*wasm, code, &params);
}

/// A program that is too large for the code of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Codes of the fragments, each for an account of its own.
    pub fragments: Vec<Vec<u8>>,
    wasm_len: u32,
}

impl Split {
    /// Compresses `wasm` and cuts it into fragments as large as code may be, as deployment tools do.
    pub fn new(wasm: &[u8]) -> Self {
        let mut stream = Vec::new();
        deflate(wasm, &mut stream);
        Self::of_stream(&stream, wasm.len())
    }

    /// Cuts the code of a classic program, which may be longer than an account's code, into fragments.
    ///
    /// [`CodeError`] if it is not the code of a classic program that decompresses.
    pub fn of_classic(code: &[u8]) -> Result<Self, CodeError> {
        let stored = Stored::parse(code, Limits::ACTIVATED)?;
        Ok(Self::of_stream(&stored.stream, stored.decompress()?.len()))
    }

    fn of_stream(stream: &[u8], wasm_len: usize) -> Self {
        Self {
            fragments: stream
                .chunks(MAX_CODE_SIZE - FRAGMENT_PREFIX.len())
                .map(|part| [&FRAGMENT_PREFIX, part].concat())
                .collect(),
            // A length that does not fit is refused at activation, like any above the limit.
            wasm_len: u32::try_from(wasm_len).unwrap_or(u32::MAX),
        }
    }

    /// Code of the root program, once the fragments are deployed at `addresses`.
    pub fn root(&self, addresses: &[Address]) -> Vec<u8> {
        let mut code = ROOT_PREFIX.to_vec();
        code.push(NO_DICTIONARY);
        code.extend(self.wasm_len.to_be_bytes());
        code.extend(addresses.iter().flatten());
        code
    }
}

/// Init code that returns `code` unchanged, byte for byte what deployment tools emit: 43 bytes of
/// EVM code (a version byte last), then the code.
pub fn init_code(code: &[u8]) -> Vec<u8> {
    let mut init = vec![0x7F];
    init.extend_from_slice(&alloy_primitives::U256::from(code.len()).to_be_bytes::<32>());
    // DUP1, PUSH1 43, PUSH1 0, CODECOPY, PUSH1 0, RETURN, version 0
    init.extend_from_slice(&[0x80, 0x60, 43, 0x60, 0x00, 0x39, 0x60, 0x00, 0xF3, 0x00]);
    init.extend_from_slice(code);
    init
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOO_LARGE: CodeError = CodeError::Decompression { limit: MAX_WASM_SIZE };

    /// The module in a classic program's code.
    fn decompress(code: &[u8]) -> Result<Vec<u8>, CodeError> {
        Stored::parse(code, Limits::default())?.decompress()
    }

    /// Assembles a root program from the codes of its fragments.
    fn assemble(root: &[u8], fragments: &[Vec<u8>]) -> Result<Vec<u8>, CodeError> {
        let mut stored = Stored::parse(root, Limits::default())?;
        for fragment in fragments {
            stored.add_fragment(fragment)?;
        }
        stored.decompress()
    }

    /// Bytes that brotli cannot make smaller.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1_u64;
        std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .take(len)
        .collect()
    }

    fn accounts(count: u8) -> Vec<Address> {
        (0..count).map(Address::with_last_byte).collect()
    }

    #[test]
    fn decompress_compressed_module_round_trips() {
        let wasm = b"\0asm\x01\0\0\0 some module".to_vec();
        assert_eq!(decompress(&compress(&wasm)), Ok(wasm));
    }

    #[test]
    fn split_of_classic_code_equals_split_of_the_module() {
        let wasm = noise(30_000);
        assert_eq!(Split::of_classic(&compress(&wasm)), Ok(Split::new(&wasm)));
        assert_eq!(Split::of_classic(b"no program"), Err(CodeError::NotStylus));
    }

    #[test]
    fn decompress_above_limit_is_refused() {
        let largest = vec![7; MAX_WASM_SIZE];
        assert_eq!(decompress(&compress(&largest)), Ok(largest));
        assert_eq!(decompress(&compress(&vec![7; MAX_WASM_SIZE + 1])), Err(TOO_LARGE));
    }

    #[test]
    fn split_large_module_assembles_again_in_its_order_only() {
        let wasm = noise(60_000);
        let split = Split::new(&wasm);
        let lengths: Vec<_> = split.fragments.iter().map(Vec::len).collect();
        assert_eq!(lengths[..2], [MAX_CODE_SIZE; 2]);
        assert_eq!(lengths.len(), 3);
        let root = split.root(&accounts(3));
        assert_eq!(root.len(), 8 + 3 * 20);
        assert_eq!(
            Stored::parse(&root, Limits::default()).unwrap().fragments(),
            accounts(3)
        );
        assert_eq!(assemble(&root, &split.fragments), Ok(wasm));
        let swapped = [2, 1, 0].map(|index: usize| split.fragments[index].clone());
        assert!(assemble(&root, &swapped).is_err());
    }

    #[test]
    fn decompress_root_of_other_length_than_declared_is_refused() {
        let split = Split::new(&[7; 1000]);
        for (declared, error) in [
            (999, CodeError::Decompression { limit: 999 }),
            (
                1001,
                CodeError::Length {
                    declared: 1001,
                    actual: 1000,
                },
            ),
            (0, CodeError::Decompression { limit: 0 }),
        ] {
            let root = Split {
                wasm_len: declared,
                ..split.clone()
            }
            .root(&accounts(1));
            assert_eq!(assemble(&root, &split.fragments), Err(error));
        }
    }

    #[test]
    fn parse_malformed_root_names_the_reason() {
        let root = |wasm_len, count| {
            let fragments = Vec::new();
            Split { fragments, wasm_len }.root(&accounts(count))
        };
        let refusal = |code: &[u8]| Stored::parse(code, Limits::default()).err();
        let largest = u32::try_from(MAX_WASM_SIZE).unwrap();
        assert_eq!(refusal(&root(largest, 1)), None);
        assert_eq!(refusal(&root(1, 4)), None);
        let declared = MAX_WASM_SIZE + 1;
        assert_eq!(
            refusal(&root(largest + 1, 1)),
            Some(CodeError::Length { declared, actual: 0 })
        );
        assert_eq!(refusal(&root(1, 0)), Some(CodeError::FragmentCount(0)));
        assert_eq!(refusal(&root(1, 5)), Some(CodeError::FragmentCount(5)));
        assert_eq!(refusal(&root(1, 1)[..27]), Some(CodeError::Root(27)));
        assert_eq!(refusal(&[&root(1, 1)[..], &[0]].concat()), Some(CodeError::Root(29)));
        assert_eq!(refusal(&root(1, 1)[..7]), Some(CodeError::Root(7)));
        assert_eq!(refusal(&ROOT_PREFIX), Some(CodeError::NotStylus));
    }

    #[test]
    fn add_fragment_of_other_code_is_refused() {
        let mut stored = Stored::parse(&Split::new(&[7; 9]).root(&accounts(1)), Limits::default()).unwrap();
        for code in [
            &[][..],
            &FRAGMENT_PREFIX,
            &CLASSIC_PREFIX,
            &[0xEF, 0xF0, 0, 0, 0],
            &[0x60; 9],
        ] {
            assert_eq!(stored.add_fragment(code), Err(CodeError::NoFragment));
        }
    }

    #[test]
    fn decompress_cut_stream_is_refused() {
        let code = compress(&(0..=255).cycle().take(5000).collect::<Vec<u8>>());
        assert!(decompress(&code[..code.len() - 9]).is_err());
    }

    #[test]
    fn decompress_with_bytes_behind_the_stream_succeeds() {
        let wasm: Vec<u8> = (0..=255).cycle().take(5000).collect();
        let mut code = compress(&wasm);
        code.extend_from_slice(b"behind");
        assert_eq!(decompress(&code), Ok(wasm));
    }

    #[test]
    fn decompress_large_window_stream_is_refused() {
        let wasm = vec![7; 5000];
        let params = BrotliEncoderParams {
            quality: 11,
            lgwin: 26,
            large_window: true,
            ..BrotliEncoderParams::default()
        };
        let mut code = [&CLASSIC_PREFIX[..], &[NO_DICTIONARY]].concat();
        brotli::BrotliCompress(&mut &*wasm, &mut code, &params).unwrap();
        assert_eq!(code[4], 0x11, "the marker of large windows");
        // The stream itself is good: a lenient decoder reads it.
        let mut lenient = Vec::new();
        brotli::BrotliDecompress(&mut &code[4..], &mut lenient).unwrap();
        assert_eq!(lenient, wasm);
        assert_eq!(decompress(&code), Err(TOO_LARGE));
    }

    #[test]
    fn decompress_foreign_code_names_the_reason() {
        assert_eq!(decompress(&[0x60, 0, 0, 0, 0]), Err(CodeError::NotStylus));
        assert_eq!(decompress(&[0xEF, 0xF0, 1, 0, 0]), Err(CodeError::Fragment));
        assert_eq!(decompress(&[0xEF, 0xF0, 0, 1, 0]), Err(CodeError::Dictionary(1)));
    }

    #[test]
    fn is_program_needs_more_than_the_prefix() {
        assert!(!is_program(&[0xEF, 0xF0, 0x00]));
        assert!(is_program(&[0xEF, 0xF0, 0x00, 0x00]));
        assert!(!is_program(&[0xEF, 0xF0, 0x01, 0x00]));
        assert!(is_component(&[0xEF, 0xF0, 0x01, 0x00]));
    }

    #[test]
    fn init_code_length_is_43_plus_code() {
        assert_eq!(init_code(&[1, 2, 3]).len(), 46);
    }
}
