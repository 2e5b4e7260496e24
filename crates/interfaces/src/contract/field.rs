//! Values that fill one word, for events and errors: one encoder for all, instead of one per type.

use alloc::vec::Vec;
use alloy_primitives::{Address, B256, FixedBytes, I256, U256};

/// A field that fills one word.
pub(super) trait Field {
    /// Appends the word.
    fn append(&self, out: &mut Vec<u8>);
}

impl Field for B256 {
    #[inline(never)]
    fn append(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

impl Field for Address {
    #[inline(never)]
    fn append(&self, out: &mut Vec<u8>) {
        self.into_word().append(out);
    }
}

impl Field for U256 {
    #[inline(never)]
    fn append(&self, out: &mut Vec<u8>) {
        B256::from(*self).append(out);
    }
}

impl Field for I256 {
    fn append(&self, out: &mut Vec<u8>) {
        self.into_raw().append(out);
    }
}

impl Field for u8 {
    fn append(&self, out: &mut Vec<u8>) {
        B256::with_last_byte(*self).append(out);
    }
}

impl Field for bool {
    fn append(&self, out: &mut Vec<u8>) {
        u8::from(*self).append(out);
    }
}

impl Field for FixedBytes<4> {
    fn append(&self, out: &mut Vec<u8>) {
        let [a, b, c, d] = self.0;
        let mut word = [0; 32];
        if let Some(head) = word.first_chunk_mut::<4>() {
            *head = [a, b, c, d];
        }
        B256::new(word).append(out);
    }
}
