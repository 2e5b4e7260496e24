//! From a decision in whole units to a plan in token units.

use crate::Outcome;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, I256, U256};
use alloy_sol_types::SolCall;
use fixed::{MathError, Wad};
use interfaces::{Decision, IAdapter, IBook, IRebalancer, contract};
use stylus_sdk::host::VM;

/// Token `index` of `book` and its decimals. Errors: `MalformedReturn`.
pub(crate) fn token(vm: &VM, book: Address, index: U256) -> Outcome<(Address, u8)> {
    let returned = contract::view(
        vm,
        book,
        &contract::encode(IBook::tokenCall::SELECTOR, &[B256::from(index)]),
    )?;
    let token = contract::address_at(&returned, 0);
    let decimals = contract::uint_at(&returned, 1).and_then(|word| u8::try_from(word).ok());
    match (token, decimals) {
        (Some(token), Some(decimals)) => Ok((token, decimals)),
        _ => Err(IRebalancer::MalformedReturn { target: book }.into()),
    }
}

/// Calldata of `book.execute` for `decision`, encoded by `adapter`.
///
/// `amountIn` is rounded down, `minOut` up: both for the book.
pub(crate) fn plan(vm: &VM, book: Address, adapter: Address, decision: &Decision) -> Outcome<Vec<u8>> {
    let asset = token(vm, book, U256::ZERO)?;
    let underlying = token(vm, book, decision.underlying)?;
    let (token_in, token_out) = if decision.side.is_zero() {
        (asset, underlying)
    } else {
        (underlying, asset)
    };
    let amount_in = fixed::units_from_wad_down(wad(decision.amountIn)?, token_in.1).map_err(overflow)?;
    let min_out = fixed::units_from_wad_up(wad(decision.minOut)?, token_out.1).map_err(overflow)?;
    let [sold, bought] = [token_in.0.into_word(), token_out.0.into_word()];
    let [amount_in, min_out] = [B256::from(amount_in), B256::from(min_out)];

    let words = [book.into_word(), sold, bought, amount_in, min_out];
    let encoded = contract::view(vm, adapter, &contract::encode(IAdapter::encodeCall::SELECTOR, &words))?;
    // The adapter returns the offset of an array and the array. Offsets inside an array are its own, so it becomes
    // the last member of the plan as it is.
    let calls = match encoded.split_at_checked(32) {
        Some((offset, calls)) if U256::from_be_slice(offset) == U256::from(32) => calls,
        _ => return Err(IRebalancer::MalformedReturn { target: adapter }.into()),
    };
    let head = [
        B256::from(U256::from(32)), // where the plan starts
        adapter.into_word(),
        sold,
        amount_in,
        bought,
        min_out,
        B256::from(U256::from(6 * 32)), // where its calls start
    ];
    let mut data = contract::encode(IBook::executeCall::SELECTOR, &head);
    data.extend_from_slice(calls);
    Ok(data)
}

/// Errors: `ArithmeticOverflow`.
pub(crate) fn overflow(_: MathError) -> IRebalancer::ArithmeticOverflow {
    IRebalancer::ArithmeticOverflow {}
}

/// A non-negative number of whole units.
fn wad(value: I256) -> Outcome<Wad> {
    i128::try_from(value.into_raw())
        .map(Wad)
        .map_err(|_| IRebalancer::ArithmeticOverflow {}.into())
}
