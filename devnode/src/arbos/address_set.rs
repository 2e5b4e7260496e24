//! Sets of addresses in ArbOS storage.

use super::state::Space;
use crate::arbos::precompiles::{Call, Failure};
use alloy_primitives::{Address, U256};

/// A set of addresses: field 0 counts the members, field n is the nth, and region 0 maps a member to its n.
#[derive(Clone, Debug)]
pub struct AddressSet(Space);

impl AddressSet {
    /// The set in a region.
    pub const fn new(space: Space) -> Self {
        Self(space)
    }

    fn size(&self) -> U256 {
        self.0.at(0)
    }

    fn position_of(&self, address: Address) -> U256 {
        self.0.sub(0).of(address)
    }

    /// The storage of a set with one member.
    pub fn with_one_member(&self, member: Address) -> [(U256, U256); 3] {
        let word = U256::from_be_bytes(member.into_word().0);
        [
            (self.size(), U256::ONE),
            (self.0.at(1), word),
            (self.position_of(member), U256::ONE),
        ]
    }

    /// Whether `address` is a member.
    pub(super) fn contains(&self, call: &mut Call<'_>, address: Address) -> Result<bool, Failure> {
        Ok(!call.get(self.position_of(address))?.is_zero())
    }

    /// The number of members.
    pub(super) fn len(&self, call: &mut Call<'_>) -> Result<u64, Failure> {
        call.get_u64(self.size())
    }

    /// The first members, at most `most`.
    pub(super) fn members(&self, call: &mut Call<'_>, most: u64) -> Result<Vec<Address>, Failure> {
        let size = self.len(call)?.min(most);
        (1..=size).map(|n| call.get_address(self.0.at(n))).collect()
    }

    /// Adds a member; nothing changes when it is one.
    pub(super) fn add(&self, call: &mut Call<'_>, address: Address) -> Result<(), Failure> {
        if self.contains(call, address)? {
            return Ok(());
        }
        let position = self.len(call)?.saturating_add(1);
        call.set(self.position_of(address), position)?;
        call.set_address(self.0.at(position), address)?;
        // The counter is read again before it is raised.
        self.len(call)?;
        call.set(self.size(), position)
    }

    /// Removes a member, whose place the last one takes; nothing changes when it is none.
    pub(super) fn remove(&self, call: &mut Call<'_>, address: Address) -> Result<(), Failure> {
        let position = call.get_u64(self.position_of(address))?;
        if position == 0 {
            return Ok(());
        }
        call.set(self.position_of(address), 0)?;
        let size = self.len(call)?;
        if position < size {
            let last = call.get_address(self.0.at(size))?;
            call.set_address(self.0.at(position), last)?;
            call.set(self.position_of(last), position)?;
        }
        call.set(self.0.at(size), 0)?;
        self.len(call)?;
        call.set(self.size(), size.saturating_sub(1))
    }

    /// Adds a member anew whose position is wrong; false when it is right or `address` is no member.
    pub(super) fn rectify(&self, call: &mut Call<'_>, address: Address) -> Result<bool, Failure> {
        if !self.contains(call, address)? {
            return Ok(false);
        }
        let position = call.get_u64(self.position_of(address))?;
        let found = call.get_address(self.0.at(position))?;
        let size = self.len(call)?;
        if found == address && position <= size {
            return Ok(false);
        }
        call.set(self.position_of(address), 0)?;
        self.add(call, address)?;
        Ok(true)
    }
}
