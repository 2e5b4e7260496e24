//! Stylus code as stored in accounts: prefixes and compression.

use brotli::enc::BrotliEncoderParams;
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
    let mut wasm = Vec::new();
    let mut reader = std::io::Read::take(brotli::Decompressor::new(stream, 4096), limit as u64 + 1);
    match std::io::Read::read_to_end(&mut reader, &mut wasm) {
        Ok(len) if len <= limit => Ok(wasm),
        _ => Err(CodeError::Decompression { limit }),
    }
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
