//! ArbGasInfo: what gas and data cost.

use super::call::{Call, Failure, Kind, WRITE, fatal, word};
use crate::arbos::{
    fields::{L1, L2, batch_posters, l2},
    state::{self, ARBOS},
};
use alloy_primitives::{I256, U256};
use alloy_sol_types::SolCall;
use interfaces::arbos::ArbGasInfo::{self, ArbGasInfoCalls as Calls};
use revm::context_interface::{Block, ContextTr};

/// Units of L1 data that a byte takes.
const UNITS_PER_BYTE: U256 = U256::from_limbs([16, 0, 0, 0]);
/// Bytes that a simple transaction is taken to have.
const SIMPLE_TX_BYTES: U256 = U256::from_limbs([140, 0, 0, 0]);
/// Kinds of gas that have a price of their own.
const RESOURCE_KINDS: u64 = 9;

pub(super) fn run(call: &mut Call<'_>, data: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(match call.enter(data, Calls::signature_by_selector, |_| Kind::View)? {
        Calls::getPricesInWei(_) | Calls::getPricesInWeiWithAggregator(_) => in_wei(call)?,
        Calls::getPricesInArbGas(_) | Calls::getPricesInArbGasWithAggregator(_) => in_gas(call)?,
        Calls::getGasAccountingParams(_) => {
            let (speed, limit) = (call.get_word(L2::SpeedLimit)?, call.get_word(L2::PerBlockGasLimit)?);
            [&speed[..], &limit, &limit].concat()
        }
        Calls::getMaxTxGasLimit(_) => call.get_word(L2::PerTxGasLimit)?,
        Calls::getMaxBlockGasLimit(_) => call.get_word(L2::PerBlockGasLimit)?,
        Calls::getMinimumGasPrice(_) => call.get_word(L2::MinBaseFee)?,
        Calls::getGasBacklog(_) => call.get_word(L2::Backlog)?,
        Calls::getPricingInertia(_) => call.get_word(L2::Inertia)?,
        Calls::getGasBacklogTolerance(_) => call.get_word(L2::BacklogTolerance)?,
        Calls::getL1BaseFeeEstimate(_) | Calls::getL1GasPriceEstimate(_) => call.get_word(L1::PricePerUnit)?,
        Calls::getL1BaseFeeEstimateInertia(_) => call.get_word(L1::Inertia)?,
        Calls::getL1RewardRate(_) => call.get_word(L1::PerUnitReward)?,
        Calls::getL1RewardRecipient(_) => call.get_word(L1::PayRewardsTo)?,
        // Nothing is paid for posting a transaction.
        Calls::getCurrentTxL1GasFees(_) => word(U256::ZERO),
        Calls::getL1PricingSurplus(_) => {
            let due = call
                .get(batch_posters().at(0))?
                .wrapping_add(call.get(L1::FundsDueForRewards)?);
            word(call.get(L1::FeesAvailable)?.wrapping_sub(due))
        }
        Calls::getPerBatchGasCharge(_) => {
            let stored = call.get_u64(L1::PerBatchGasCost)?;
            I256::try_from(stored.cast_signed()).map_or_else(|_| Vec::new(), |cost| word(cost.into_raw()))
        }
        Calls::getAmortizedCostCapBips(_) => call.get_word(L1::AmortizedCostCapBips)?,
        Calls::getL1FeesAvailable(_) => call.get_word(L1::FeesAvailable)?,
        Calls::getL1PricingEquilibrationUnits(_) => call.get_word(L1::EquilibrationUnits)?,
        Calls::getLastL1PricingUpdateTime(_) => call.get_word(L1::LastUpdateTime)?,
        Calls::getL1PricingFundsDueForRewards(_) => call.get_word(L1::FundsDueForRewards)?,
        Calls::getL1PricingUnitsSinceUpdate(_) => call.get_word(L1::UnitsSinceUpdate)?,
        Calls::getLastL1PricingSurplus(_) => call.get_word(L1::LastSurplus)?,
        // No constraints are ever set: both lists are empty.
        Calls::getGasPricingConstraints(_) => {
            call.get(l2().sub(0).at(0))?;
            ArbGasInfo::getGasPricingConstraintsCall::abi_encode_returns(&Vec::new())
        }
        Calls::getMultiGasPricingConstraints(_) => {
            call.get(l2().sub(1).at(0))?;
            ArbGasInfo::getMultiGasPricingConstraintsCall::abi_encode_returns(&Vec::new())
        }
        Calls::getMultiGasBaseFee(_) => {
            let base_fee = call.get(L2::BaseFee)?;
            let fees = (0..RESOURCE_KINDS)
                .map(|kind| {
                    let own = call.get(l2().sub(2).at(RESOURCE_KINDS + kind))?;
                    Ok(if own.is_zero() { base_fee } else { own })
                })
                .collect::<Result<_, Failure>>()?;
            ArbGasInfo::getMultiGasBaseFeeCall::abi_encode_returns(&fees)
        }
    })
}

/// The base fee of the block, also in calls for which it is waived.
fn base_fee(call: &mut Call<'_>) -> Result<U256, Failure> {
    match call.ctx.block.basefee() {
        0 => state::read(call.ctx.journal_mut(), ARBOS, L2::BaseFee.into()).map_err(fatal),
        fee => Ok(U256::from(fee)),
    }
}

/// Wei for a simple transaction's data, a byte of data, a storage slot, and gas: base, congestion and both.
fn in_wei(call: &mut Call<'_>) -> Result<Vec<u8>, Failure> {
    let per_byte = call.get(L1::PricePerUnit)?.wrapping_mul(UNITS_PER_BYTE);
    let price = base_fee(call)?;
    let base = call.get(L2::MinBaseFee)?.min(price);
    Ok(ArbGasInfo::getPricesInWeiCall::abi_encode_returns(
        &ArbGasInfo::getPricesInWeiReturn {
            _0: per_byte.wrapping_mul(SIMPLE_TX_BYTES),
            _1: per_byte,
            _2: price.wrapping_mul(U256::from(WRITE)),
            _3: base,
            _4: price.saturating_sub(base),
            _5: price,
        },
    ))
}

/// Gas for a simple transaction's data, a byte of data, and a storage slot.
fn in_gas(call: &mut Call<'_>) -> Result<Vec<u8>, Failure> {
    let per_byte = call.get(L1::PricePerUnit)?.wrapping_mul(UNITS_PER_BYTE);
    let price = base_fee(call)?;
    let gas = |wei: U256| wei.checked_div(price).unwrap_or_default();
    Ok(ArbGasInfo::getPricesInArbGasCall::abi_encode_returns(
        &ArbGasInfo::getPricesInArbGasReturn {
            _0: gas(per_byte.wrapping_mul(SIMPLE_TX_BYTES)),
            _1: gas(per_byte),
            _2: U256::from(WRITE),
        },
    ))
}
