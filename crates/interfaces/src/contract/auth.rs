//! Who may call what.

use super::{Bubble, calls::has_code, view_address, view_uint};
use crate::{IBook, IGovernor, IVault};
use alloy_primitives::Address;
use alloy_sol_types::SolCall;
use stylus_sdk::{
    host::VM,
    prelude::{AccountAccess, HostAccess, MessageAccess},
    storage::StorageAddress,
};

/// The rule of all setters: the governor contract may make any change, the guardian may tighten.
///
/// Errors: `Unauthorized(caller)`.
#[inline(never)]
pub fn authorise(vm: &VM, governor: Address, tightening: bool) -> Result<(), Bubble> {
    let caller = vm.msg_sender();
    if caller == governor || (tightening && caller == view_address(vm, governor, IGovernor::guardianCall::SELECTOR)?) {
        return Ok(());
    }
    Err(IGovernor::Unauthorized { caller }.into())
}

/// Refuses while the system's lock, which `vault` keeps, is held.
///
/// Errors: `Locked()`.
#[inline(never)]
pub fn require_unlocked(vm: &VM, vault: Address) -> Result<(), Bubble> {
    if view_uint(vm, vault, IVault::lockedCall::SELECTOR, &[])?.is_zero() {
        Ok(())
    } else {
        Err(IBook::Locked {}.into())
    }
}

/// Records `value` in a slot that marks a contract as initialised.
///
/// Errors: `AlreadyInitialized()` if the slot is taken, `ZeroAddress()` if `value` would leave it free.
#[inline(never)]
pub fn claim_initialisation(slot: &mut StorageAddress, value: Address) -> Result<(), Bubble> {
    if !slot.get().is_zero() {
        return Err(IGovernor::AlreadyInitialized {}.into());
    }
    if value.is_zero() {
        return Err(IGovernor::ZeroAddress {}.into());
    }
    slot.set(value);
    Ok(())
}

/// As [`claim_initialisation`], for contracts behind a proxy: only while the acting address has no code, which is while
/// the proxy is being constructed. Nobody can initialise the program on its own address, nor before the proxy does.
///
/// Errors: `AlreadyInitialized()` if there is code or the slot is taken, `ZeroAddress()` if `value` would leave it free.
#[inline(never)]
pub fn claim_constructor_initialisation(slot: &mut StorageAddress, value: Address) -> Result<(), Bubble> {
    let vm = slot.vm();
    if has_code(vm, vm.contract_address()) {
        return Err(IGovernor::AlreadyInitialized {}.into());
    }
    claim_initialisation(slot, value)
}
