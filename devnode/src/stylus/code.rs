//! Stylus code as stored in accounts: prefixes and compression.

use brotli::{
    BrotliDecompressStream, BrotliResult, BrotliState,
    enc::{BrotliEncoderParams, StandardAlloc},
};
use thiserror::Error;

/// Prefix of a classic program: `EF F0 00`, then a dictionary byte, then one brotli stream.
pub const CLASSIC_PREFIX: [u8; 3] = [0xEF, 0xF0, 0x00];
/// Prefix of a code fragment, which never runs by itself.
pub const FRAGMENT_PREFIX: [u8; 3] = [0xEF, 0xF0, 0x01];
/// Prefix of a root program that lists fragments.
pub const ROOT_PREFIX: [u8; 3] = [0xEF, 0xF0, 0x02];

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
    /// Root programs are refused until this chain assembles fragments.
    #[error("fragmented programs are not supported by this chain yet")]
    RootUnsupported,
    /// The dictionary byte is not one this chain knows.
    #[error("unsupported dictionary type {0}")]
    Dictionary(u8),
    /// The stream is not brotli, is cut short, or decompresses to more than the limit.
    #[error("decompression failed or exceeds {limit} bytes")]
    Decompression {
        /// Largest module accepted, in bytes.
        limit: usize,
    },
}

/// Whether `code` runs as a Stylus program (classic or root).
pub fn is_program(code: &[u8]) -> bool {
    code.len() > 3 && (code.starts_with(&CLASSIC_PREFIX) || code.starts_with(&ROOT_PREFIX))
}

/// Whether `code` is any Stylus component, and so exempt from EIP-3541.
pub fn is_component(code: &[u8]) -> bool {
    is_program(code) || (code.len() > 3 && code.starts_with(&FRAGMENT_PREFIX))
}

/// The wasm module inside classic program code.
///
/// `limit` is the largest decompressed size in bytes (`maxWasmSize`).
pub fn decompress(code: &[u8], limit: usize) -> Result<Vec<u8>, CodeError> {
    if code.len() <= 3 {
        return Err(CodeError::NotStylus);
    }
    if code.starts_with(&FRAGMENT_PREFIX) {
        return Err(CodeError::Fragment);
    }
    if code.starts_with(&ROOT_PREFIX) {
        return Err(CodeError::RootUnsupported);
    }
    let Some([dictionary, stream @ ..]) = code.strip_prefix(&CLASSIC_PREFIX) else {
        return Err(CodeError::NotStylus);
    };
    if *dictionary != NO_DICTIONARY {
        return Err(CodeError::Dictionary(*dictionary));
    }
    inflate(stream, limit).ok_or(CodeError::Decompression { limit })
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

/// Program code for `wasm`, compressed the way deployment tools do (brotli quality 11, window 22).
pub fn compress(wasm: &[u8]) -> Vec<u8> {
    let mut code = CLASSIC_PREFIX.to_vec();
    code.push(NO_DICTIONARY);
    let params = BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: wasm.len(),
        ..BrotliEncoderParams::default()
    };
    // Writing into a Vec cannot fail.
    let _ = brotli::BrotliCompress(&mut &*wasm, &mut code, &params);
    code
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

    #[test]
    fn decompress_compressed_module_round_trips() {
        let wasm = b"\0asm\x01\0\0\0 some module".to_vec();
        assert_eq!(decompress(&compress(&wasm), 1024), Ok(wasm));
    }

    #[test]
    fn decompress_above_limit_is_refused() {
        let code = compress(&vec![7; 1025]);
        assert_eq!(decompress(&code, 1024), Err(CodeError::Decompression { limit: 1024 }));
    }

    #[test]
    fn decompress_cut_stream_is_refused() {
        let code = compress(&(0..=255).cycle().take(5000).collect::<Vec<u8>>());
        assert!(decompress(&code[..code.len() - 9], 1 << 20).is_err());
    }

    #[test]
    fn decompress_at_limit_and_with_bytes_behind_the_stream_succeeds() {
        let wasm: Vec<u8> = (0..=255).cycle().take(5000).collect();
        let mut code = compress(&wasm);
        code.extend_from_slice(b"behind");
        assert_eq!(decompress(&code, 5000), Ok(wasm));
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
        assert_eq!(decompress(&code, 8192), Err(CodeError::Decompression { limit: 8192 }));
    }

    #[test]
    fn decompress_foreign_code_names_the_reason() {
        assert_eq!(decompress(&[0x60, 0, 0, 0, 0], 9), Err(CodeError::NotStylus));
        assert_eq!(decompress(&[0xEF, 0xF0, 1, 0, 0], 9), Err(CodeError::Fragment));
        assert_eq!(decompress(&[0xEF, 0xF0, 0, 1, 0], 9), Err(CodeError::Dictionary(1)));
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
