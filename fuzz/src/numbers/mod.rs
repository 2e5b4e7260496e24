//! What the fuzz targets of the numbers do with an input, free of any fuzzer: the targets call it with what libFuzzer
//! makes up, and `gimbal`'s tests with a few thousand inputs of their own, so that it keeps compiling and stays true.
//!
//! Every body takes its numbers from the bytes in order and returns whether it came as far as a result that it could
//! check. Bytes that are missing count as zeros.

pub mod answers;
pub mod engine;
pub mod kernels;
pub mod pricing;

use fixed::{U256, WAD, Wad};

/// Reads numbers from bytes.
pub struct Input<'a>(pub &'a [u8]);

impl Input<'_> {
    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let [byte] = self.bytes();
        byte
    }

    /// The next bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        let n = self.0.len().min(N);
        out[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        out
    }

    /// The next two bytes as a number below `limit`.
    pub fn below(&mut self, limit: u32) -> u32 {
        u32::from(u16::from_le_bytes(self.bytes())) % limit.max(1)
    }

    /// A signed number of any length. The first byte is its shape: the number of bits, or an edge and a small distance.
    pub fn signed(&mut self) -> i128 {
        let shape = self.byte();
        if shape < 128 {
            i128::from_le_bytes(self.bytes()) >> shape
        } else {
            let edges = [0, i128::MAX, i128::MIN, WAD, -WAD, 1 << 64, 1 << 96, 50 * WAD];
            let edge = edges[usize::from(shape) % edges.len()];
            let near = i128::from(i16::from_le_bytes(self.bytes()));
            // A power of ten between them, so that round numbers come up.
            let step = 10_i128.pow(u32::from(shape & 0x7f) / 8);
            edge.wrapping_add(near.wrapping_mul(step))
        }
    }

    /// As [`Self::signed`].
    pub fn wad(&mut self) -> Wad {
        Wad(self.signed())
    }

    /// A number from `low` to `high`, both included, with all lengths of the distance from `low`.
    pub fn within(&mut self, low: i128, high: i128) -> i128 {
        let span = high.abs_diff(low).saturating_add(1);
        low.saturating_add_unsigned(self.signed().unsigned_abs() % span)
    }

    /// An unsigned number of any length.
    pub fn wide(&mut self) -> U256 {
        let shape = self.byte();
        let number = U256::from_le_bytes(self.bytes::<32>());
        match shape {
            255 => U256::MAX - (number >> 240),
            254 => (U256::ONE << 128) + (number >> 240),
            _ => number >> usize::from(shape),
        }
    }
}
