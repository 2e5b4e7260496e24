//! ArbAggregator: who posts batches to the parent chain.

use super::call::{Call, Failure, Kind, refused, word};
use crate::arbos::{
    fields::{MOST_LISTED, chain_owners, fee_collector, posters},
    state::SEQUENCER,
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use interfaces::arbos::ArbAggregator::{self, ArbAggregatorCalls as Calls};

fn kind(request: &Calls) -> Kind {
    match request {
        Calls::addBatchPoster(_) | Calls::setFeeCollector(_) | Calls::setTxBaseFee(_) => Kind::Write,
        _ => Kind::View,
    }
}

pub(super) fn run(call: &mut Call<'_>, data: &[u8]) -> Result<Vec<u8>, Failure> {
    match call.enter(data, Calls::signature_by_selector, kind)? {
        Calls::getPreferredAggregator(_) => Ok(ArbAggregator::getPreferredAggregatorCall::abi_encode_returns(
            &ArbAggregator::getPreferredAggregatorReturn {
                aggregator: SEQUENCER,
                isDefault: true,
            },
        )),
        Calls::getDefaultAggregator(_) => Ok(SEQUENCER.into_word().to_vec()),
        Calls::getBatchPosters(_) => {
            let posters = posters().members(call, MOST_LISTED)?;
            Ok(ArbAggregator::getBatchPostersCall::abi_encode_returns(&posters))
        }
        Calls::addBatchPoster(request) => {
            let caller = call.caller();
            if !chain_owners().contains(call, caller)? {
                return Err(refused());
            }
            add(call, request.newBatchPoster)?;
            Ok(Vec::new())
        }
        Calls::getFeeCollector(request) => Ok(collector(call, request.batchPoster)?.into_word().to_vec()),
        Calls::setFeeCollector(request) => {
            let collector = collector(call, request.batchPoster)?;
            let caller = call.caller();
            if caller != request.batchPoster && caller != collector && !chain_owners().contains(call, caller)? {
                return Err(refused());
            }
            call.set_address(fee_collector(request.batchPoster), request.newFeeCollector)?;
            Ok(Vec::new())
        }
        // There are no transaction base fees any more.
        Calls::getTxBaseFee(_) => Ok(word(U256::ZERO)),
        Calls::setTxBaseFee(_) => Ok(Vec::new()),
    }
}

/// Adds a batch poster that pays itself. Whether it is one is looked up twice, and again when it is added.
fn add(call: &mut Call<'_>, poster: Address) -> Result<(), Failure> {
    if posters().contains(call, poster)? {
        return Ok(());
    }
    posters().contains(call, poster)?;
    // Nothing is due to it.
    call.set(fee_collector(poster) - U256::ONE, 0)?;
    call.set_address(fee_collector(poster), poster)?;
    posters().add(call, poster)
}

fn collector(call: &mut Call<'_>, poster: Address) -> Result<Address, Failure> {
    if !posters().contains(call, poster)? {
        return Err(refused());
    }
    call.get_address(fee_collector(poster))
}
