//! ArbAddressTable: short numbers for addresses.

use super::call::{Call, Failure, Kind, flag, refused, word};
use crate::arbos::fields::address_table;
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use interfaces::arbos::ArbAddressTable::{
    ArbAddressTableCalls as Calls, compressCall, decompressCall, decompressReturn,
};

fn kind(request: &Calls) -> Kind {
    match request {
        Calls::compress(_) | Calls::register(_) => Kind::Write,
        _ => Kind::View,
    }
}

pub(super) fn run(call: &mut Call<'_>, data: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(match call.enter(data, Calls::signature_by_selector, kind)? {
        Calls::addressExists(request) => flag(find(call, request.addr)?.is_some()),
        Calls::compress(request) => {
            let bytes = match find(call, request.addr)? {
                Some(index) => encode(U256::from(index).to_be_bytes_trimmed_vec().as_slice()),
                None => encode(request.addr.as_slice()),
            };
            compressCall::abi_encode_returns(&bytes.into())
        }
        Calls::decompress(request) => {
            let offset = usize::try_from(request.offset).map_err(|_| refused())?;
            let (content, length) = request.buf.get(offset..).and_then(decode).ok_or_else(refused)?;
            let addr = match Address::try_from(content) {
                Ok(addr) => addr,
                // A number, which has no leading zero and fits 64 bits.
                Err(_) if content.len() <= 8 && content.first() != Some(&0) => {
                    at(call, U256::from_be_slice(content).saturating_to())?
                }
                Err(_) => return Err(refused()),
            };
            let length = U256::from(length);
            decompressCall::abi_encode_returns(&decompressReturn { addr, length })
        }
        Calls::lookup(request) => word(U256::from(find(call, request.addr)?.ok_or_else(refused)?)),
        Calls::lookupIndex(request) => {
            let index = u64::try_from(request.index).map_err(|_| refused())?;
            at(call, index)?.into_word().to_vec()
        }
        Calls::register(request) => word(U256::from(register(call, request.addr)?)),
        Calls::size(_) => call.get_word(address_table().at(0))?,
    })
}

/// Slot of the number of an address, counted from 1.
fn number_of(address: Address) -> U256 {
    address_table().named(&[]).of(address)
}

fn find(call: &mut Call<'_>, address: Address) -> Result<Option<u64>, Failure> {
    Ok(call.get_u64(number_of(address))?.checked_sub(1))
}

fn at(call: &mut Call<'_>, index: u64) -> Result<Address, Failure> {
    if index >= call.get_u64(address_table().at(0))? {
        return Err(refused());
    }
    call.get_address(address_table().at(index + 1))
}

fn register(call: &mut Call<'_>, address: Address) -> Result<u64, Failure> {
    if let Some(index) = find(call, address)? {
        return Ok(index);
    }
    let index = call.get_u64(address_table().at(0))?;
    let number = index.saturating_add(1);
    call.set(address_table().at(0), number)?;
    call.set_address(address_table().at(number), address)?;
    call.set(number_of(address), number)?;
    Ok(index)
}

/// A short byte string in RLP.
fn encode(content: &[u8]) -> Vec<u8> {
    match content {
        [byte] if *byte < 0x80 => vec![*byte],
        #[expect(clippy::cast_possible_truncation, reason = "an address at most")]
        _ => [&[0x80 + content.len() as u8], content].concat(),
    }
}

/// The first byte string of RLP, and the bytes it takes; only strings of up to 55 bytes, in their shortest form.
fn decode(data: &[u8]) -> Option<(&[u8], usize)> {
    let (&first, rest) = data.split_first()?;
    match first {
        0..0x80 => Some((data.get(..1)?, 1)),
        0x80..0xB8 => {
            let length = usize::from(first - 0x80);
            let content = rest.get(..length)?;
            let is_shortest = !matches!(content, [byte] if *byte < 0x80);
            is_shortest.then_some((content, 1 + length))
        }
        _ => None,
    }
}
