//! ArbSys: the chain itself, the call stack, and messages to the parent chain.

use super::call::{Call, Failure, Kind, fatal, flag, refused, word};
use crate::arbos::{
    fields::{ARBOS_VERSION, native_token_owners, sends},
    state,
};
use alloy_primitives::{Address, B256, Bytes, U160, U256, keccak256, uint};
use alloy_sol_types::SolCall;
use interfaces::arbos::{
    ARB_SYS,
    ArbSys::{self, ArbSysCalls as Calls},
};
use revm::context_interface::{Block, ContextTr};

/// What is added to a parent-chain contract's address when it sends to this chain.
const ALIAS_OFFSET: U160 = uint!(0x1111000000000000000000000000000000001111_U160);

fn kind(request: &Calls) -> Kind {
    match request {
        Calls::mapL1SenderContractAddressToL2Alias(_) => Kind::Pure,
        Calls::withdrawEth(_) | Calls::sendTxToL1(_) => Kind::Payable,
        _ => Kind::View,
    }
}

pub(super) fn run(call: &mut Call<'_>, data: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(match call.enter(data, Calls::signature_by_selector, kind)? {
        Calls::arbBlockNumber(_) => word(U256::from(call.ctx.chain.l2_block)),
        Calls::arbBlockHash(request) => block_hash(call, request.arbBlockNum)?.to_vec(),
        Calls::arbChainID(_) => word(U256::from(call.ctx.cfg.chain_id)),
        Calls::arbOSVersion(_) => word(U256::from(55 + ARBOS_VERSION)),
        // There is no storage gas any more, and no transaction here comes from the parent chain.
        Calls::getStorageGasAvailable(_) | Calls::wasMyCallersAddressAliased(_) => word(U256::ZERO),
        Calls::isTopLevelCall(_) => flag(call.ctx.chain.callers.len() <= 1),
        Calls::mapL1SenderContractAddressToL2Alias(request) => alias(request.sender).into_word().to_vec(),
        Calls::myCallersAddressWithoutAliasing(_) => {
            let caller = call.ctx.chain.callers.last().copied().unwrap_or_default();
            caller.into_word().to_vec()
        }
        Calls::withdrawEth(request) => word(send(call, request.destination, Bytes::new())?),
        Calls::sendTxToL1(request) => word(send(call, request.destination, request.data)?),
        Calls::sendMerkleTreeState(_) => {
            if !call.caller().is_zero() {
                return Err(refused());
            }
            let (size, root, partials) = export(call)?;
            ArbSys::sendMerkleTreeStateCall::abi_encode_returns(&ArbSys::sendMerkleTreeStateReturn {
                size: U256::from(size),
                root,
                partials,
            })
        }
    })
}

/// The hash of one of the 256 blocks before this one.
fn block_hash(call: &Call<'_>, requested: U256) -> Result<B256, Failure> {
    let current = call.ctx.chain.l2_block;
    let age = u64::try_from(requested)
        .ok()
        .and_then(|number| current.checked_sub(number))
        .filter(|age| (1..=256).contains(age));
    let Some(age) = age else {
        return Err(ArbSys::InvalidBlockNumber {
            requested,
            current: U256::from(current),
        }
        .into());
    };
    Ok(ago(&call.ctx.chain.l2_hashes, age))
}

/// The hash of the block `age` blocks ago, of `hashes` that end with the last block's; zero when it is older.
fn ago(hashes: &[B256], age: u64) -> B256 {
    let index = usize::try_from(age).ok().and_then(|age| hashes.len().checked_sub(age));
    index.and_then(|index| hashes.get(index).copied()).unwrap_or_default()
}

fn alias(sender: Address) -> Address {
    U160::from_be_bytes(sender.into()).wrapping_add(ALIAS_OFFSET).into()
}

/// Sends a message with the call's value to the parent chain, which burns the value; returns its number.
fn send(call: &mut Call<'_>, destination: Address, data: Bytes) -> Result<U256, Failure> {
    let value = call.value();
    // Minted tokens have nothing locked on the parent chain that could be paid out.
    if !value.is_zero() && native_token_owners().len(call)? > 0 {
        return Err(refused());
    }
    let block = U256::from(call.ctx.chain.l2_block);
    let l1_block = call.ctx.block.number();
    let time = U256::from(call.now());
    let numbers = [block, l1_block, time, value].map(|number| number.to_be_bytes::<32>());
    let caller = call.caller();
    let hash = call.keccak(&[caller.as_slice(), destination.as_slice(), &numbers.concat(), &data].concat())?;
    let (size, updates) = append(call, hash)?;
    call.get(sends().at(0))?;
    state::burn(call.ctx.journal_mut(), ARB_SYS, value).map_err(fatal)?;
    for (level, hash) in updates {
        call.emit(&ArbSys::SendMerkleUpdate {
            reserved: U256::ZERO,
            hash,
            position: U256::from(level) << 192 | U256::from(size),
        })?;
    }
    let position = U256::from(size);
    call.emit(&ArbSys::L2ToL1Tx {
        caller,
        destination,
        hash: hash.into(),
        position,
        arbBlockNum: block,
        ethBlockNum: l1_block,
        timestamp: time,
        callvalue: value,
        data,
    })?;
    Ok(position)
}

/// Slot of the root of the full subtree with 2^level leaves, if there is one.
fn partial(level: u64) -> U256 {
    sends().at(2 + level)
}

/// Levels of the tree that may hold a full subtree.
fn levels(size: u64) -> u64 {
    u64::from(u64::BITS - size.leading_zeros())
}

/// Appends a leaf to the tree of messages; returns its number, and the inner nodes it completed with their levels.
fn append(call: &mut Call<'_>, item: B256) -> Result<(u64, Vec<(u64, B256)>), Failure> {
    let size = call.get_u64(sends().at(0))?;
    call.set(sends().at(0), size.saturating_add(1))?;
    let mut updates = Vec::new();
    let mut node = keccak256(item);
    let mut level = 0;
    while level < levels(size) {
        let left = call.get(partial(level))?;
        if left.is_zero() {
            break;
        }
        node = call.keccak(&[left.to_be_bytes::<32>(), node.0].concat())?;
        call.set(partial(level), U256::ZERO)?;
        level += 1;
        updates.push((level, node));
    }
    call.set(partial(level), U256::from_be_bytes(node.0))?;
    Ok((size, updates))
}

/// Size, root and full subtrees of the tree of messages.
fn export(call: &mut Call<'_>) -> Result<(u64, B256, Vec<B256>), Failure> {
    let size = call.get_u64(sends().at(0))?;
    // The root so far, and the level it is at.
    let mut root: Option<(B256, u64)> = None;
    for level in 0..levels(size) {
        let left = B256::from(call.get(partial(level))?);
        if left.is_zero() {
            continue;
        }
        root = Some(match root {
            None => (left, level),
            Some((mut right, right_level)) => {
                for _ in right_level..level {
                    right = call.keccak(&[right.0, [0; 32]].concat())?;
                }
                (call.keccak(&[left.0, right.0].concat())?, level + 1)
            }
        });
    }
    if size > 0 {
        call.get(sends().at(0))?;
    }
    let partials = (0..levels(size))
        .map(|level| call.get(partial(level)).map(B256::from))
        .collect::<Result<_, _>>()?;
    Ok((size, root.map(|(root, _)| root).unwrap_or_default(), partials))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_ago_counts_from_the_last_block() {
        let hashes = [1, 2, 3].map(B256::with_last_byte);
        assert_eq!(ago(&hashes, 1), hashes[2]);
        assert_eq!(ago(&hashes, 3), hashes[0]);
        assert_eq!(ago(&hashes, 4), B256::ZERO);
    }

    #[test]
    fn levels_is_the_bit_length_of_the_size() {
        assert_eq!([0, 1, 2, 3, 4].map(levels), [0, 1, 2, 2, 3]);
    }
}
