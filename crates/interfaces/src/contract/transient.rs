//! Transient storage (EIP-1153): words that are forgotten at the end of the transaction, and undone with their frame.
//!
//! The SDK has no access to it; these are Stylus's own host functions. They do not exist natively: there every word reads
//! as zero, and unit tests cannot test what depends on it.

use alloy_primitives::B256;

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code)]
mod host {
    #[allow(unsafe_code)] // a declaration of the host's functions
    #[link(wasm_import_module = "vm_hooks")]
    unsafe extern "C" {
        pub(super) fn transient_load_bytes32(key: *const u8, dest: *mut u8);
        pub(super) fn transient_store_bytes32(key: *const u8, value: *const u8);
    }
}

/// The word at `key`.
#[inline(never)]
#[allow(unsafe_code)]
pub fn load(key: B256) -> B256 {
    #[allow(unused_mut)]
    let mut word = B256::ZERO;
    #[cfg(target_arch = "wasm32")]
    // SAFETY: both pointers are to 32 bytes, and the host writes no more.
    unsafe {
        host::transient_load_bytes32(key.as_ptr(), word.as_mut_ptr());
    }
    #[cfg(not(target_arch = "wasm32"))]
    let _ = key;
    word
}

/// Sets the word at `key`. Fails the call if it is static.
#[inline(never)]
#[allow(unsafe_code)]
pub fn store(key: B256, word: B256) {
    #[cfg(target_arch = "wasm32")]
    // SAFETY: both pointers are to 32 bytes, which the host only reads.
    unsafe {
        host::transient_store_bytes32(key.as_ptr(), word.as_ptr());
    }
    #[cfg(not(target_arch = "wasm32"))]
    let _ = (key, word);
}
