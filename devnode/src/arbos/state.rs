//! Where ArbOS keeps its state: an account of its own, with storage split into keyed subspaces.

use alloy_primitives::{Address, B256, U256, address, keccak256};

/// The account that holds ArbOS state.
pub const ARBOS: Address = address!("A4B05FffffFffFFFFfFFfffFfffFFfffFfFfFFFf");
/// The account that receives data fees on this chain.
pub const NETWORK_FEE_ACCOUNT: Address = address!("A4B0000000000000000000000000000000000FEE");
/// The poster address of sequenced blocks.
pub const SEQUENCER: Address = address!("A4B000000000000000000073657175656e636572");

/// A region of ArbOS storage.
#[derive(Clone, Debug)]
pub struct Space(Vec<u8>);

impl Space {
    /// The root region.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// The region inside this one named `id`.
    #[must_use]
    pub fn sub(&self, id: u8) -> Self {
        let mut key = self.0.clone();
        key.push(id);
        Self(keccak256(key).to_vec())
    }

    /// The storage slot of `key`: the last byte is kept, so that neighbours stay together.
    pub fn slot(&self, key: B256) -> U256 {
        let (head, last) = key.split_at(31);
        let mut input = self.0.clone();
        input.extend_from_slice(head);
        let mut slot = keccak256(input);
        if let (Some(target), Some(byte)) = (slot.0.last_mut(), last.first()) {
            *target = *byte;
        }
        slot.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slot_keeps_last_byte_and_neighbours_share_a_page() {
        let space = Space::root().sub(8);
        let (a, b) = (space.slot(B256::with_last_byte(1)), space.slot(B256::with_last_byte(2)));
        assert_eq!(b - a, U256::from(1));
    }
}
