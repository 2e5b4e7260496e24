//! The Stylus parameters: one packed word of ArbOS storage that chain owners may change.

use super::state::{ARBOS, read, write};
use crate::stylus::{code, ink, pages};
use alloy_primitives::{B256, U256, uint};
use revm::{Database, context_interface::JournalTr, state::EvmState};

/// Where the word is: field 0 of region 0 of region 8.
pub const SLOT: U256 = uint!(0xfb3a65ee2a3cc0d9ce98ddab7e30ebb719b46a87b8706ff1bf3aef1dcfb0e300_U256);

/// Gas of one unit of [`StylusParams::min_init_gas`].
pub const MIN_INIT_UNIT: u64 = 128;
/// Gas of one unit of [`StylusParams::min_cached_gas`].
pub const MIN_CACHED_UNIT: u64 = 32;
/// Percent of one unit of the cost scalars.
pub const SCALAR_UNIT: u64 = 2;

/// Rules that programs run by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StylusParams {
    /// Stylus rules version; programs activated under another one must be activated again.
    pub version: u16,
    /// Ink per gas, at most 24 bits.
    pub ink_price: u32,
    /// Stack words of a program.
    pub max_stack_depth: u32,
    /// Pages every transaction gets for nothing.
    pub free_pages: u16,
    /// Linear price of a page beyond the free ones, in gas.
    pub page_gas: u16,
    /// Most pages that may be open at once.
    pub page_limit: u16,
    /// Least gas to enter a program that is not cached, beyond that of a cached one; in units of 128.
    pub min_init_gas: u8,
    /// Least gas to enter a cached program, in units of 32.
    pub min_cached_gas: u8,
    /// Part of the recorded cost that entering a program takes, in units of 2 %.
    pub init_cost_scalar: u8,
    /// The same for the recorded cost of a cached program.
    pub cached_cost_scalar: u8,
    /// Days after which a program must have been kept alive.
    pub expiry_days: u16,
    /// Days after which a program may be kept alive.
    pub keepalive_days: u16,
    /// Programs remembered in a block, which are entered as if they were cached.
    pub block_cache_size: u16,
    /// Largest decompressed module, in bytes.
    pub max_wasm_size: u32,
    /// Most fragments of one program.
    pub max_fragments: u8,
}

impl Default for StylusParams {
    /// The parameters of ArbOS 61.
    fn default() -> Self {
        Self {
            version: 3,
            ink_price: ink::INK_PRICE,
            max_stack_depth: ink::MAX_STACK_DEPTH,
            free_pages: 2,
            page_gas: 1_000,
            page_limit: pages::PAGE_LIMIT,
            min_init_gas: 69,
            min_cached_gas: 11,
            init_cost_scalar: 50,
            cached_cost_scalar: 50,
            expiry_days: 365,
            keepalive_days: 31,
            block_cache_size: 32,
            max_wasm_size: u32::try_from(code::MAX_WASM_SIZE).unwrap_or(u32::MAX),
            max_fragments: 4,
        }
    }
}

impl StylusParams {
    /// The parameters now.
    pub fn load<J>(journal: &mut J) -> Result<Self, <J::Database as Database>::Error>
    where
        J: JournalTr<State = EvmState>,
    {
        read(journal, ARBOS, SLOT).map(Self::from_word)
    }

    /// Changes the parameters.
    pub fn store<J>(&self, journal: &mut J) -> Result<(), <J::Database as Database>::Error>
    where
        J: JournalTr<State = EvmState>,
    {
        write(journal, ARBOS, SLOT, self.to_word())
    }

    /// The packed word.
    pub fn to_word(&self) -> U256 {
        let [_, ink_price @ ..] = self.ink_price.to_be_bytes();
        let fields = [
            &self.version.to_be_bytes()[..],
            &ink_price,
            &self.max_stack_depth.to_be_bytes(),
            &self.free_pages.to_be_bytes(),
            &self.page_gas.to_be_bytes(),
            &self.page_limit.to_be_bytes(),
            &[
                self.min_init_gas,
                self.min_cached_gas,
                self.init_cost_scalar,
                self.cached_cost_scalar,
            ],
            &self.expiry_days.to_be_bytes(),
            &self.keepalive_days.to_be_bytes(),
            &self.block_cache_size.to_be_bytes(),
            &self.max_wasm_size.to_be_bytes(),
            &[self.max_fragments],
        ]
        .concat();
        B256::right_padding_from(&fields).into()
    }

    /// The parameters in a packed word.
    pub fn from_word(word: U256) -> Self {
        let word: [u8; 32] = word.to_be_bytes();
        let short = |at: usize| u16::from_be_bytes([word[at], word[at + 1]]);
        let long = |at: usize| u32::from_be_bytes([word[at], word[at + 1], word[at + 2], word[at + 3]]);
        Self {
            version: short(0),
            ink_price: u32::from_be_bytes([0, word[2], word[3], word[4]]),
            max_stack_depth: long(5),
            free_pages: short(9),
            page_gas: short(11),
            page_limit: short(13),
            min_init_gas: word[15],
            min_cached_gas: word[16],
            init_cost_scalar: word[17],
            cached_cost_scalar: word[18],
            expiry_days: short(19),
            keepalive_days: short(21),
            block_cache_size: short(23),
            max_wasm_size: long(25),
            max_fragments: word[29],
        }
    }

    /// Least gas to enter a program that is not cached, beyond that of a cached one.
    pub fn min_init_gas(&self) -> u64 {
        u64::from(self.min_init_gas) * MIN_INIT_UNIT
    }

    /// Least gas to enter a cached program.
    pub fn min_cached_gas(&self) -> u64 {
        u64::from(self.min_cached_gas) * MIN_CACHED_UNIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbos::state::Space;
    use alloy_primitives::b256;

    #[test]
    fn slot_is_field_0_of_the_programs_parameters() {
        assert_eq!(SLOT, Space::root().sub(8).sub(0).at(0));
    }

    #[test]
    fn defaults_pack_as_documented() {
        let word = b256!("0003002710000055f0000203e80080450b3232016d001f002000040000040000");
        assert_eq!(StylusParams::default().to_word(), U256::from_be_bytes(word.0));
    }

    #[test]
    fn word_round_trips() {
        let word: U256 = B256::from(std::array::from_fn(|i| {
            if i < 30 { u8::try_from(i).unwrap() + 1 } else { 0 }
        }))
        .into();
        assert_eq!(StylusParams::from_word(word).to_word(), word);
    }
}
