//! NodeInterface: what a node answers about itself at [`NODE_INTERFACE`], in calls that are no transactions.
//!
//! There is no such contract: whoever serves calls asks [`answer`] first, when a call goes to that address.
//!
//! [`NODE_INTERFACE`]: interfaces::arbos::NODE_INTERFACE

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::{SolCall, SolInterface};
use interfaces::arbos::{
    NODE_INTERFACE,
    NodeInterface::{self, NodeInterfaceCalls as Calls},
};

/// What this needs to know about the chain.
pub trait Node {
    /// The L1 block number in the header of an L2 block; `None` when there is no such block yet.
    fn l1_block_number(&self, l2_block: u64) -> Option<u64>;
    /// Height of the L2 chain.
    fn height(&self) -> u64;
    /// L2 base fee in wei.
    fn base_fee(&self) -> U256;
    /// Price of a unit of L1 data in wei.
    fn l1_base_fee(&self) -> U256;
    /// The gas that the call being served needs when it goes to `to` (`None`: creates a contract) with `data`;
    /// the error is for people.
    fn estimate_gas(&mut self, to: Option<Address>, data: Bytes) -> Result<u64, String>;
}

/// The encoded result of a call of NodeInterface, or why there is none.
///
/// As nothing is paid for posting data, the L1 component of gas is zero.
pub fn answer(node: &mut impl Node, data: &[u8]) -> Result<Bytes, String> {
    let request = Calls::abi_decode(data).map_err(|error| error.to_string())?;
    let output = match request {
        // The chain began with block 0, and its batches are never posted.
        Calls::nitroGenesisBlock(_) | Calls::getL1Confirmations(_) => U256::ZERO.to_be_bytes_vec(),
        Calls::blockL1Num(request) => {
            let number = l1_block_number(node, request.l2BlockNum)?;
            U256::from(number).to_be_bytes_vec()
        }
        Calls::l2BlockRangeForL1(request) => {
            let (first, last) = range(node, request.blockNum)?;
            NodeInterface::l2BlockRangeForL1Call::abi_encode_returns(&NodeInterface::l2BlockRangeForL1Return {
                firstBlock: first,
                lastBlock: last,
            })
        }
        Calls::gasEstimateL1Component(_) => NodeInterface::gasEstimateL1ComponentCall::abi_encode_returns(
            &NodeInterface::gasEstimateL1ComponentReturn {
                gasEstimateForL1: 0,
                baseFee: node.base_fee(),
                l1BaseFeeEstimate: node.l1_base_fee(),
            },
        ),
        Calls::gasEstimateComponents(request) => {
            if request.to == NODE_INTERFACE {
                return Err(String::from("cannot estimate virtual contract"));
            }
            let to = (!request.contractCreation).then_some(request.to);
            NodeInterface::gasEstimateComponentsCall::abi_encode_returns(&NodeInterface::gasEstimateComponentsReturn {
                gasEstimate: node.estimate_gas(to, request.data)?,
                gasEstimateForL1: 0,
                baseFee: node.base_fee(),
                l1BaseFeeEstimate: node.l1_base_fee(),
            })
        }
    };
    Ok(output.into())
}

fn l1_block_number(node: &impl Node, l2_block: u64) -> Result<u64, String> {
    node.l1_block_number(l2_block)
        .ok_or_else(|| format!("nil header for l2 block: {l2_block}"))
}

/// First and last L2 block with an L1 block number.
fn range(node: &impl Node, l1_block: u64) -> Result<(u64, u64), String> {
    let first = first_from(node, l1_block)?;
    let end = first_from(node, l1_block.saturating_add(1))?;
    if first == end {
        return Err(format!(
            "no L2 block was found with the given L1 block number: {l1_block}"
        ));
    }
    Ok((first, end - 1))
}

/// The first L2 block whose L1 block number is not below `l1_block`; the height plus one when there is none.
fn first_from(node: &impl Node, l1_block: u64) -> Result<u64, String> {
    let (mut low, mut high) = (0, node.height().saturating_add(1));
    while low < high {
        let middle = low.midpoint(high);
        if l1_block_number(node, middle)? < l1_block {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two L2 blocks in each L1 block, which are numbered from 10 and skip 12.
    struct Fake;

    impl Node for Fake {
        fn l1_block_number(&self, l2_block: u64) -> Option<u64> {
            [10, 10, 11, 11, 13, 13].get(usize::try_from(l2_block).ok()?).copied()
        }
        fn height(&self) -> u64 {
            5
        }
        fn base_fee(&self) -> U256 {
            U256::from(7)
        }
        fn l1_base_fee(&self) -> U256 {
            U256::ZERO
        }
        fn estimate_gas(&mut self, to: Option<Address>, _: Bytes) -> Result<u64, String> {
            Ok(if to.is_some() { 21_000 } else { 53_000 })
        }
    }

    fn ranged(block: u64) -> Result<(u64, u64), String> {
        let call = NodeInterface::l2BlockRangeForL1Call { blockNum: block };
        let output = answer(&mut Fake, &call.abi_encode())?;
        let range = NodeInterface::l2BlockRangeForL1Call::abi_decode_returns(&output).unwrap();
        Ok((range.firstBlock, range.lastBlock))
    }

    #[test]
    fn block_range_covers_the_blocks_of_an_l1_block_only() {
        assert_eq!(ranged(10), Ok((0, 1)));
        assert_eq!(ranged(11), Ok((2, 3)));
        assert_eq!(ranged(13), Ok((4, 5)));
        for missing in [9, 12, 14] {
            assert!(ranged(missing).is_err(), "{missing}");
        }
    }

    #[test]
    fn gas_estimate_is_the_nodes_without_an_l1_part() {
        for (creates, gas) in [(false, 21_000), (true, 53_000)] {
            let call = NodeInterface::gasEstimateComponentsCall {
                to: Address::ZERO,
                contractCreation: creates,
                data: Bytes::new(),
            };
            let output = answer(&mut Fake, &call.abi_encode()).unwrap();
            let parts = NodeInterface::gasEstimateComponentsCall::abi_decode_returns(&output).unwrap();
            assert_eq!((parts.gasEstimate, parts.gasEstimateForL1), (gas, 0));
            assert_eq!(parts.baseFee, U256::from(7));
        }
    }

    #[test]
    fn block_of_the_future_is_an_error() {
        let call = NodeInterface::blockL1NumCall { l2BlockNum: 6 };
        assert!(answer(&mut Fake, &call.abi_encode()).is_err());
    }
}
