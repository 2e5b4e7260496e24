//! Plans: checked calls between measured balances.

use crate::{Book, Outcome, template};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, U256};
use interfaces::{
    IBook, Plan,
    contract::{self, token as erc20},
};
use stylus_sdk::{host::VM, prelude::*};

/// Most calls of a plan.
const MAX_CALLS: usize = 8;

/// Where the template of a call is stored.
pub(crate) fn key(vm: &VM, adapter: Address, target: Address, selector: [u8; 4]) -> B256 {
    let mut data = adapter.to_vec();
    data.extend_from_slice(target.as_slice());
    data.extend_from_slice(&selector);
    vm.native_keccak256(&data)
}

impl Book {
    /// The template at `key`, if the call is listed.
    pub(crate) fn load_template(&self, key: B256) -> Option<Vec<B256>> {
        let stored = self.templates.getter(key);
        if !stored.listed.get() {
            return None;
        }
        let length = u8::try_from(stored.length.get()).unwrap_or_default();
        Some((0..length).map(|index| stored.words.get(U256::from(index))).collect())
    }

    /// Checks and makes every call, then compares balances with the plan's bounds.
    pub(crate) fn run(&mut self, plan: &Plan) -> Outcome<(U256, U256)> {
        let (adapter, token_in, token_out) = (plan.adapter, plan.tokenIn, plan.tokenOut);
        if !self.trusted.get(adapter) {
            return Err(IBook::AdapterNotRegistered { adapter }.into());
        }
        for token in [token_in, token_out] {
            if !self.registered.get(token) {
                return Err(IBook::TokenNotRegistered { token }.into());
            }
        }
        if token_in == token_out || plan.calls.is_empty() || plan.calls.len() > MAX_CALLS {
            return Err(IBook::PlanInvalid {}.into());
        }
        let book = self.vm().contract_address();
        let in_before = erc20::balance_of(self.vm(), token_in, book)?;
        let out_before = erc20::balance_of(self.vm(), token_out, book)?;
        for (index, call) in plan.calls.iter().enumerate() {
            self.check_call(index, adapter, call)?;
            let target = call.target;
            erc20::approve(Call::new_mutating(self), self.vm(), token_in, target, plan.amountIn)?;
            contract::write(Call::new_mutating(self), self.vm(), target, &call.data)?;
            self.end_approval(token_in, target)?;
        }
        let spent = in_before.saturating_sub(erc20::balance_of(self.vm(), token_in, book)?);
        let received = erc20::balance_of(self.vm(), token_out, book)?.saturating_sub(out_before);
        if spent > plan.amountIn {
            return Err(IBook::SpentTooMuch {
                spent,
                maximum: plan.amountIn,
            }
            .into());
        }
        if received < plan.minOut {
            return Err(IBook::SlippageExceeded {
                received,
                minimum: plan.minOut,
            }
            .into());
        }
        contract::emit(
            self.vm(),
            &IBook::PlanExecuted {
                adapter,
                tokenIn: token_in,
                tokenOut: token_out,
                spent,
                received,
            },
        );
        Ok((spent, received))
    }

    /// Takes back what a call left of its approval, and believes only what it measures. Errors: `TransferFailed`,
    /// `ApprovalLeft`.
    fn end_approval(&mut self, token: Address, spender: Address) -> Outcome<()> {
        let book = self.vm().contract_address();
        if erc20::allowance(self.vm(), token, book, spender)?.is_zero() {
            return Ok(());
        }
        erc20::approve(Call::new_mutating(self), self.vm(), token, spender, U256::ZERO)?;
        if erc20::allowance(self.vm(), token, book, spender)?.is_zero() {
            return Ok(());
        }
        Err(IBook::ApprovalLeft { token, spender }.into())
    }

    /// Errors: `CallNotAllowed` (also for calldata without a selector), `CallMismatch`.
    fn check_call(&self, index: usize, adapter: Address, call: &interfaces::Call) -> Outcome<()> {
        let target = call.target;
        let (selector, arguments) = call.data.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        // A token may have been registered after the call was listed.
        let forbidden = call.data.len() < 4 || target == self.vault.get() || self.registered.get(target);
        let listed = self.load_template(key(self.vm(), adapter, target, *selector));
        let Some(template) = listed.filter(|_| !forbidden) else {
            return Err(IBook::CallNotAllowed {
                adapter,
                target,
                selector: selector.into(),
            }
            .into());
        };
        template::check(arguments, &template, self.vm().contract_address(), |token| {
            self.registered.get(token)
        })
        .map_err(|word| {
            IBook::CallMismatch {
                call: U256::from(index),
                word: U256::from(word),
            }
            .into()
        })
    }
}
