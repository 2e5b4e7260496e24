//! # Governor
//!
//! Holds the three roles and is the one address that every setter of the system trusts.
//!
//! * **Owner**: two-step transfer; the only caller of [`Governor::execute`], through which every change
//!   of a parameter passes.
//! * **Guardian**: may call tightening setters directly.
//! * **Allocator**: may move idle assets between the vault and its books, inside caps.
//!
//! It holds no funds and never delegates: a call that it forwards runs as itself, without value.
#![cfg_attr(not(any(test, feature = "export-abi")), no_std)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![allow(unsafe_code, unexpected_cfgs)] // from the storage and ABI macros only
#![cfg_attr(feature = "export-abi", allow(missing_docs))] // the printer that `#[public]` adds
#![allow(clippy::needless_pass_by_value, clippy::unused_self)] // methods of the ABI own their arguments

extern crate alloc;

mod storage;

use alloc::vec::Vec;
use alloy_primitives::{Address, FixedBytes};
use interfaces::{
    IGovernor,
    contract::{self, Revert},
};
use stylus_sdk::{abi::Bytes, prelude::*};

pub use storage::Governor;

type Outcome<T> = core::result::Result<T, Revert<IGovernor::IGovernorErrors>>;

interfaces::routes!(Governor, IGovernor {
    initializeCall "initialize" => initialize(owner: Address, guardian: Address, allocator: Address);
    ownerCall "owner" => owner();
    pendingOwnerCall "pendingOwner" => pending_owner();
    guardianCall "guardian" => guardian();
    allocatorCall "allocator" => allocator();
    transferOwnershipCall "transferOwnership" => transfer_ownership(new_owner: Address);
    acceptOwnershipCall "acceptOwnership" => accept_ownership();
    setGuardianCall "setGuardian" => set_guardian(guardian: Address);
    setAllocatorCall "setAllocator" => set_allocator(allocator: Address);
    executeCall "execute" => execute(target: Address, data: Bytes);
});

#[cfg_attr(feature = "export-abi", public)]
impl Governor {
    /// Sets the three roles, once. `guardian` and `allocator` may be zero: nobody.
    ///
    /// Errors: `AlreadyInitialized`, `ZeroAddress` (owner).
    pub fn initialize(&mut self, owner: Address, guardian: Address, allocator: Address) -> Outcome<()> {
        contract::claim_initialisation(&mut self.owner, owner)?;
        self.guardian.set(guardian);
        self.allocator.set(allocator);
        contract::emit(
            self.vm(),
            &IGovernor::OwnershipTransferred {
                previousOwner: Address::ZERO,
                newOwner: owner,
            },
        );
        contract::emit(self.vm(), &IGovernor::GuardianChanged { guardian });
        contract::emit(self.vm(), &IGovernor::AllocatorChanged { allocator });
        Ok(())
    }

    /// The only caller of `execute`.
    pub fn owner(&self) -> Address {
        self.owner.get()
    }

    /// Who may accept ownership; zero if nobody.
    pub fn pending_owner(&self) -> Address {
        self.pending_owner.get()
    }

    /// Who may tighten limits.
    pub fn guardian(&self) -> Address {
        self.guardian.get()
    }

    /// Who may move idle assets between vault and books.
    pub fn allocator(&self) -> Address {
        self.allocator.get()
    }

    /// Offers ownership to `new_owner`, who must accept it; zero withdraws an offer.
    ///
    /// Errors: `Unauthorized`.
    pub fn transfer_ownership(&mut self, new_owner: Address) -> Outcome<()> {
        self.only_owner()?;
        self.pending_owner.set(new_owner);
        contract::emit(
            self.vm(),
            &IGovernor::OwnershipTransferStarted {
                previousOwner: self.owner.get(),
                newOwner: new_owner,
            },
        );
        Ok(())
    }

    /// Takes ownership that was offered to the caller.
    ///
    /// Errors: `Unauthorized`.
    pub fn accept_ownership(&mut self) -> Outcome<()> {
        let caller = self.vm().msg_sender();
        if caller != self.pending_owner.get() {
            return Err(IGovernor::Unauthorized { caller }.into());
        }
        let previous = self.owner.get();
        self.owner.set(caller);
        self.pending_owner.set(Address::ZERO);
        contract::emit(
            self.vm(),
            &IGovernor::OwnershipTransferred {
                previousOwner: previous,
                newOwner: caller,
            },
        );
        Ok(())
    }

    /// Replaces the guardian; zero for nobody. Errors: `Unauthorized`.
    pub fn set_guardian(&mut self, guardian: Address) -> Outcome<()> {
        self.only_owner()?;
        self.guardian.set(guardian);
        contract::emit(self.vm(), &IGovernor::GuardianChanged { guardian });
        Ok(())
    }

    /// Replaces the allocator; zero for nobody. Errors: `Unauthorized`.
    pub fn set_allocator(&mut self, allocator: Address) -> Outcome<()> {
        self.only_owner()?;
        self.allocator.set(allocator);
        contract::emit(self.vm(), &IGovernor::AllocatorChanged { allocator });
        Ok(())
    }

    /// Calls `target` with `data` as the governor and returns what it returned.
    ///
    /// Errors: `Unauthorized`; the target's revert data unchanged.
    pub fn execute(&mut self, target: Address, data: Bytes) -> Outcome<Bytes> {
        self.only_owner()?;
        let selector = data.first_chunk::<4>().copied().unwrap_or_default();
        let returned: Vec<u8> = contract::write(Call::new_mutating(self), self.vm(), target, &data)?;
        contract::emit(
            self.vm(),
            &IGovernor::Executed {
                target,
                selector: FixedBytes(selector),
            },
        );
        Ok(returned.into())
    }
}

impl Governor {
    fn only_owner(&self) -> Outcome<()> {
        let caller = self.vm().msg_sender();
        if caller == self.owner.get() {
            Ok(())
        } else {
            Err(IGovernor::Unauthorized { caller }.into())
        }
    }
}
