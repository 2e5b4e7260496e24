//! Calls whose arguments are words, and the reading of what comes back.
//!
//! Selectors come from the `sol!` declarations (`SolCall::SELECTOR`), so they are stated once.

use super::Bubble;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, I256, U256};
use stylus_sdk::{
    call::{self, RawCall},
    host::VM,
    prelude::{AccountAccess, Call, MeteringAccess},
    stylus_core::calls::errors::Error as CallError,
};

/// Calldata of a function whose parameters are all single words.
#[inline(never)]
pub fn encode(selector: [u8; 4], words: &[B256]) -> Vec<u8> {
    let mut data = Vec::with_capacity(words.len().saturating_mul(32).saturating_add(4));
    data.extend_from_slice(&selector);
    for word in words {
        data.extend_from_slice(word.as_slice());
    }
    data
}

/// One argument of a call: a word, or a dynamic array of words.
#[derive(Clone, Copy, Debug)]
pub enum Arg<'a> {
    /// A single word.
    Word(B256),
    /// An array of words of any length.
    Words(&'a [B256]),
}

/// Calldata of a function whose parameters are words and arrays of words.
#[inline(never)]
pub fn encode_args(selector: [u8; 4], args: &[Arg<'_>]) -> Vec<u8> {
    let mut data = selector.to_vec();
    let mut tail = args.len().saturating_mul(32);
    for arg in args {
        match arg {
            Arg::Word(word) => data.extend_from_slice(word.as_slice()),
            Arg::Words(words) => {
                data.extend_from_slice(&U256::from(tail).to_be_bytes::<32>());
                tail = tail.saturating_add(words.len().saturating_add(1).saturating_mul(32));
            }
        }
    }
    for arg in args {
        if let Arg::Words(words) = arg {
            data.extend_from_slice(&U256::from(words.len()).to_be_bytes::<32>());
            for word in *words {
                data.extend_from_slice(word.as_slice());
            }
        }
    }
    data
}

/// Static call; the other contract's revert data is passed on.
#[inline(never)]
pub fn view(vm: &VM, to: Address, data: &[u8]) -> Result<Vec<u8>, Bubble> {
    call::static_call(vm, Call::new(), to, data).map_err(revert_data)
}

/// As [`view`], of an untrusted target: at most `bytes` of its answer are read, and none of its revert data.
#[inline(never)]
pub fn view_at_most(vm: &VM, to: Address, data: &[u8], bytes: usize) -> Result<Vec<u8>, Bubble> {
    let call = RawCall::new_static(vm).flush_storage_cache();
    bounded(call, to, data, u64::MAX, bytes).ok_or_else(|| Bubble(Vec::new()))
}

/// The caller left too little gas for a guarded call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Starved;

/// Static call with at most `gas`, of whose answer at most `bytes` are read; `None` if it failed for whatever reason.
///
/// A caller that starves the call of gas cannot pass this off as the target's failure: unless more than
/// `gas` (and the 1/64 that a frame keeps) is left, the call is not made and [`Starved`] is returned. A target that
/// returns more than it should cannot make the caller pay for memory.
#[inline(never)]
pub fn guarded_view(vm: &VM, to: Address, data: &[u8], gas: u64, bytes: usize) -> Result<Option<Vec<u8>>, Starved> {
    guard(vm, gas)?;
    let call = RawCall::new_static(vm).flush_storage_cache();
    Ok(bounded(call, to, data, gas, bytes))
}

/// As [`guarded_view`], for a call that changes state and whose answer is not read: whether it succeeded.
///
/// Create `context` by `Call::new_mutating(self)`: it proves that no storage reference is alive.
#[inline(never)]
#[allow(clippy::needless_pass_by_value)] // a proof is used up
pub fn guarded_write(context: Call<true, false>, vm: &VM, to: Address, data: &[u8], gas: u64) -> Result<bool, Starved> {
    let _ = context;
    guard(vm, gas)?;
    let call = RawCall::new(vm).clear_storage_cache();
    Ok(bounded(call, to, data, gas, 0).is_some())
}

fn guard(vm: &VM, gas: u64) -> Result<(), Starved> {
    let needed = gas.saturating_add(gas / 32).saturating_add(10_000);
    if vm.evm_gas_left() < needed {
        Err(Starved)
    } else {
        Ok(())
    }
}

#[inline(never)]
#[allow(unsafe_code)]
fn bounded(call: RawCall<'_, VM>, to: Address, data: &[u8], gas: u64, bytes: usize) -> Option<Vec<u8>> {
    let call = call.gas(gas).limit_return_data(0, bytes);
    // SAFETY: no storage accessor lives across it: static calls change nothing, and others come with a `Call` context.
    unsafe { call.call(to, data) }.ok()
}

/// State-changing call without value; the other contract's revert data is passed on.
///
/// Create `context` by `Call::new_mutating(self)`: it proves that no storage reference is alive.
#[inline(never)]
pub fn write(context: Call<true, false>, vm: &VM, to: Address, data: &[u8]) -> Result<Vec<u8>, Bubble> {
    call::call(vm, context, to, data).map_err(revert_data)
}

/// Static call of a function that returns one unsigned word. An answer of less than a word bubbles up as
/// empty revert data.
#[inline(never)]
pub fn view_uint(vm: &VM, to: Address, selector: [u8; 4], words: &[B256]) -> Result<U256, Bubble> {
    let returned = view(vm, to, &encode(selector, words))?;
    uint_at(&returned, 0).ok_or_else(|| Bubble(Vec::new()))
}

/// Static call of a function without parameters that returns one address.
#[inline(never)]
pub fn view_address(vm: &VM, to: Address, selector: [u8; 4]) -> Result<Address, Bubble> {
    view_uint(vm, to, selector, &[]).map(|word| Address::from_word(word.into()))
}

/// The `index`-th word of returned data, unsigned.
#[inline(never)]
pub fn uint_at(data: &[u8], index: usize) -> Option<U256> {
    let (word, _) = data.get(index.checked_mul(32)?..)?.split_first_chunk::<32>()?;
    Some(U256::from_be_bytes(*word))
}

/// The `index`-th word of returned data, signed.
pub fn int_at(data: &[u8], index: usize) -> Option<I256> {
    uint_at(data, index).map(I256::from_raw)
}

/// The `index`-th word of returned data as an address (the upper twelve bytes are not looked at).
pub fn address_at(data: &[u8], index: usize) -> Option<Address> {
    uint_at(data, index).map(|word| Address::from_word(word.into()))
}

/// A dynamic array of words whose offset stands in the `index`-th word of returned data.
#[inline(never)]
pub fn words_at(data: &[u8], index: usize) -> Option<Vec<B256>> {
    let offset: usize = uint_at(data, index)?.try_into().ok()?;
    let array = data.get(offset..)?;
    let length: usize = uint_at(array, 0)?.try_into().ok()?;
    let body = array.get(32..)?.get(..length.checked_mul(32)?)?;
    let (words, _) = body.as_chunks::<32>();
    Some(words.iter().map(B256::from).collect())
}

/// The raw words `range` of returned data, to be passed on.
pub fn raw_words(data: &[u8], range: core::ops::Range<usize>) -> Option<&[u8]> {
    data.get(range.start.checked_mul(32)?..range.end.checked_mul(32)?)
}

fn revert_data(error: CallError) -> Bubble {
    match error {
        CallError::Revert(data) => Bubble(data),
        CallError::AbiDecodingFailed(_) => Bubble(Vec::new()),
    }
}

/// Whether there is code at `target`: a call of an empty account succeeds and returns nothing.
pub(super) fn has_code(vm: &VM, target: Address) -> bool {
    vm.code_size(target) != 0
}
