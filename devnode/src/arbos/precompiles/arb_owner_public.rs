//! ArbOwnerPublic: what chain owners have set, for everyone to read.

use super::call::{Call, Failure, Kind, flag, refused, word};
use crate::arbos::fields::{
    ARBOS_VERSION, L1, MOST_LISTED, Root, chain_owners, features, filterers, native_token_owners,
};
use alloy_primitives::U256;
use alloy_sol_types::SolCall;
use interfaces::arbos::ArbOwnerPublic::{self, ArbOwnerPublicCalls as Calls};

fn kind(request: &Calls) -> Kind {
    match request {
        Calls::rectifyChainOwner(_) => Kind::Write,
        _ => Kind::View,
    }
}

pub(super) fn run(call: &mut Call<'_>, data: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(match call.enter(data, Calls::signature_by_selector, kind)? {
        Calls::isChainOwner(request) => flag(chain_owners().contains(call, request.addr)?),
        Calls::rectifyChainOwner(request) => {
            let owner = request.ownerToRectify;
            if !chain_owners().rectify(call, owner)? {
                return Err(refused());
            }
            call.emit(&ArbOwnerPublic::ChainOwnerRectified { rectifiedOwner: owner })?;
            Vec::new()
        }
        Calls::getAllChainOwners(_) => {
            let members = chain_owners().members(call, MOST_LISTED)?;
            ArbOwnerPublic::getAllChainOwnersCall::abi_encode_returns(&members)
        }
        Calls::isNativeTokenOwner(request) => flag(native_token_owners().contains(call, request.addr)?),
        Calls::getAllNativeTokenOwners(_) => {
            let members = native_token_owners().members(call, MOST_LISTED)?;
            ArbOwnerPublic::getAllNativeTokenOwnersCall::abi_encode_returns(&members)
        }
        Calls::isTransactionFilterer(request) => flag(filterers().contains(call, request.filterer)?),
        Calls::getAllTransactionFilterers(_) => {
            let members = filterers().members(call, MOST_LISTED)?;
            ArbOwnerPublic::getAllTransactionFilterersCall::abi_encode_returns(&members)
        }
        Calls::getNativeTokenManagementFrom(_) => call.get_word(Root::NativeTokenFrom)?,
        Calls::getTransactionFilteringFrom(_) => call.get_word(Root::FilteringFrom)?,
        Calls::getFilteredFundsRecipient(_) => call.get_word(Root::FilteredFundsRecipient)?,
        Calls::getNetworkFeeAccount(_) => call.get_word(Root::NetworkFeeAccount)?,
        Calls::getInfraFeeAccount(_) => call.get_word(Root::InfraFeeAccount)?,
        Calls::getBrotliCompressionLevel(_) => call.get_word(Root::BrotliLevel)?,
        Calls::getParentGasFloorPerToken(_) => call.get_word(L1::GasFloorPerToken)?,
        Calls::getScheduledUpgrade(_) => {
            let (version, time) = (call.get(Root::UpgradeVersion)?, call.get(Root::UpgradeTimestamp)?);
            let pending = version > U256::from(ARBOS_VERSION);
            let (version, time) = if pending { (version, time) } else { Default::default() };
            [word(version), word(time)].concat()
        }
        Calls::isCalldataPriceIncreaseEnabled(_) => flag(call.get(features())?.bit(0)),
        Calls::getCollectTips(_) => flag(!call.get(Root::CollectTips)?.is_zero()),
        Calls::getMaxStylusContractFragments(_) => word(U256::from(call.params()?.max_fragments)),
    })
}
