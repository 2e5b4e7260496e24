//! Thin safe ERC-20: tokens that return nothing are accepted, tokens that return `false` are not.

use super::{Bubble, calls::has_code, encode, view_uint, write};
use crate::{IERC20, IVault};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use stylus_sdk::{host::VM, prelude::Call};

/// Balance of `account` in token units.
pub fn balance_of(vm: &VM, token: Address, account: Address) -> Result<U256, Bubble> {
    view_uint(vm, token, IERC20::balanceOfCall::SELECTOR, &[account.into_word()])
}

/// Token units of `owner` that `spender` may pull.
pub fn allowance(vm: &VM, token: Address, owner: Address, spender: Address) -> Result<U256, Bubble> {
    let words = [owner.into_word(), spender.into_word()];
    view_uint(vm, token, IERC20::allowanceCall::SELECTOR, &words)
}

/// Sends `amount` token units to `to`. Errors: `TransferFailed(token)`.
pub fn transfer(context: Call<true, false>, vm: &VM, token: Address, to: Address, amount: U256) -> Result<(), Bubble> {
    checked(
        context,
        vm,
        token,
        &encode(IERC20::transferCall::SELECTOR, &[to.into_word(), amount.into()]),
    )
}

/// Pulls `amount` token units from `from` to `to`. Errors: `TransferFailed(token)`.
pub fn transfer_from(
    context: Call<true, false>,
    vm: &VM,
    token: Address,
    from: Address,
    to: Address,
    amount: U256,
) -> Result<(), Bubble> {
    let words = [from.into_word(), to.into_word(), amount.into()];
    checked(context, vm, token, &encode(IERC20::transferFromCall::SELECTOR, &words))
}

/// Sets the allowance of `spender` to `amount` token units. Errors: `TransferFailed(token)`.
pub fn approve(
    context: Call<true, false>,
    vm: &VM,
    token: Address,
    spender: Address,
    amount: U256,
) -> Result<(), Bubble> {
    checked(
        context,
        vm,
        token,
        &encode(IERC20::approveCall::SELECTOR, &[spender.into_word(), amount.into()]),
    )
}

#[inline(never)]
fn checked(context: Call<true, false>, vm: &VM, token: Address, data: &[u8]) -> Result<(), Bubble> {
    let accepted = match write(context, vm, token, data) {
        Ok(returned) if returned.is_empty() => has_code(vm, token),
        Ok(returned) => super::uint_at(&returned, 0) == Some(U256::ONE),
        Err(_) => false,
    };
    if accepted {
        Ok(())
    } else {
        Err(IVault::TransferFailed { token }.into())
    }
}
