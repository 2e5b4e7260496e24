//! ArbOwner: the settings of the chain, for its owners only and free of gas.

use super::{
    Run,
    call::{Call, Failure, Kind, READ, WRITE, fatal, flag, refused, word},
};
use crate::arbos::{
    address_set::AddressSet,
    fields::{
        L1, L2, MOST_LISTED, Root, activation_gas, cache_managers, chain_owners, features, filterers,
        native_token_owners,
    },
    params::{MIN_CACHED_UNIT, MIN_INIT_UNIT, SCALAR_UNIT, StylusParams},
    state,
};
use alloy_primitives::{Address, Bytes, FixedBytes, Log, U256, address};
use alloy_sol_types::{SolCall, SolEvent};
use interfaces::arbos::{
    ARB_OWNER,
    ArbOwner::{self, ArbOwnerCalls as Calls},
};
use revm::{
    context_interface::{ContextTr, JournalTr},
    interpreter::CallScheme,
};

/// Holds what was paid for posting data.
const L1_PRICER_FUNDS: Address = address!("A4B00000000000000000000000000000000000f6");
/// A feature is switched on at least a week ahead.
const NOTICE_SECS: u64 = 7 * 86_400;
/// The most that `setBrotliCompressionLevel` takes.
const MOST_BROTLI: u64 = 11;

/// Runs a method for a chain owner and gives all gas back, also when it fails. Anyone else loses it all.
pub(super) fn guarded(call: &mut Call<'_>, run: Run, data: &[u8]) -> Result<Bytes, Failure> {
    let caller = call.caller();
    call.burn(READ)?;
    if !chain_owners().contains(call, caller)? {
        return Err(Failure::Burn);
    }
    call.meter.0 = call.inputs.gas_limit;
    let ended = call.paid(run, data);
    call.meter.0 = call.inputs.gas_limit;
    let output = match ended {
        Err(Failure::Burn) => return Err(refused()),
        ended => ended?,
    };
    if let (Some(method), false) = (data.first_chunk(), call.inputs.scheme == CallScheme::StaticCall) {
        let event = ArbOwner::OwnerActs {
            method: FixedBytes(*method),
            owner: caller,
            data: Bytes::copy_from_slice(data),
        };
        call.ctx.journal_mut().log(Log {
            address: ARB_OWNER,
            data: event.encode_log_data(),
        });
    }
    Ok(output)
}

fn kind(request: &Calls) -> Kind {
    match request {
        Calls::isChainOwner(_)
        | Calls::getAllChainOwners(_)
        | Calls::isNativeTokenOwner(_)
        | Calls::getAllNativeTokenOwners(_)
        | Calls::isTransactionFilterer(_)
        | Calls::getAllTransactionFilterers(_)
        | Calls::getFilteredFundsRecipient(_)
        | Calls::getNetworkFeeAccount(_)
        | Calls::getInfraFeeAccount(_) => Kind::View,
        _ => Kind::Write,
    }
}

pub(super) fn run(call: &mut Call<'_>, data: &[u8]) -> Result<Vec<u8>, Failure> {
    match call.enter(data, Calls::signature_by_selector, kind)? {
        Calls::isChainOwner(request) => Ok(flag(chain_owners().contains(call, request.addr)?)),
        Calls::isNativeTokenOwner(request) => Ok(flag(native_token_owners().contains(call, request.addr)?)),
        Calls::isTransactionFilterer(request) => Ok(flag(filterers().contains(call, request.filterer)?)),
        Calls::getAllChainOwners(_) => list(call, &chain_owners()),
        Calls::getAllNativeTokenOwners(_) => list(call, &native_token_owners()),
        Calls::getAllTransactionFilterers(_) => list(call, &filterers()),
        Calls::getFilteredFundsRecipient(_) => call.get_word(Root::FilteredFundsRecipient),
        Calls::getNetworkFeeAccount(_) => call.get_word(Root::NetworkFeeAccount),
        Calls::getInfraFeeAccount(_) => call.get_word(Root::InfraFeeAccount),
        Calls::releaseL1PricerSurplusFunds(request) => release_surplus(call, request.maxWeiToRelease),
        request => {
            let request = set_member(call, request)?;
            let request = request.map_or(Ok(None), |request| set_stylus(call, request))?;
            request.map_or(Ok(()), |request| set_field(call, request))?;
            Ok(Vec::new())
        }
    }
}

fn list(call: &mut Call<'_>, set: &AddressSet) -> Result<Vec<u8>, Failure> {
    let members = set.members(call, MOST_LISTED)?;
    Ok(ArbOwner::getAllChainOwnersCall::abi_encode_returns(&members))
}

/// Removes a member that must be one.
fn remove(call: &mut Call<'_>, set: &AddressSet, member: Address) -> Result<(), Failure> {
    if !set.contains(call, member)? {
        return Err(refused());
    }
    set.remove(call, member)
}

/// Fails unless the feature that is on from the time in `field` is on.
fn enabled(call: &mut Call<'_>, field: Root) -> Result<(), Failure> {
    let from = call.get_u64(field)?;
    if from == 0 || from > call.now() {
        return Err(refused());
    }
    Ok(())
}

/// Executes a request that adds or removes an address, or gives it back.
fn set_member(call: &mut Call<'_>, request: Calls) -> Result<Option<Calls>, Failure> {
    match request {
        Calls::addChainOwner(request) => {
            let owner = request.newOwner;
            chain_owners().add(call, owner)?;
            call.emit(&ArbOwner::ChainOwnerAdded { owner })?;
        }
        Calls::removeChainOwner(request) => {
            let owner = request.ownerToRemove;
            remove(call, &chain_owners(), owner)?;
            call.emit(&ArbOwner::ChainOwnerRemoved { owner })?;
        }
        Calls::addNativeTokenOwner(request) => {
            let owner = request.newOwner;
            enabled(call, Root::NativeTokenFrom)?;
            native_token_owners().add(call, owner)?;
            call.emit(&ArbOwner::NativeTokenOwnerAdded { owner })?;
        }
        Calls::removeNativeTokenOwner(request) => {
            let owner = request.ownerToRemove;
            remove(call, &native_token_owners(), owner)?;
            call.emit(&ArbOwner::NativeTokenOwnerRemoved { owner })?;
        }
        Calls::addTransactionFilterer(request) => {
            let filterer = request.filterer;
            enabled(call, Root::FilteringFrom)?;
            filterers().add(call, filterer)?;
            call.emit(&ArbOwner::TransactionFiltererAdded { filterer })?;
        }
        Calls::removeTransactionFilterer(request) => {
            let filterer = request.filterer;
            remove(call, &filterers(), filterer)?;
            call.emit(&ArbOwner::TransactionFiltererRemoved { filterer })?;
        }
        Calls::addWasmCacheManager(request) => cache_managers().add(call, request.manager)?,
        Calls::removeWasmCacheManager(request) => remove(call, &cache_managers(), request.manager)?,
        Calls::setNativeTokenManagementFrom(request) => set_from(call, Root::NativeTokenFrom, request.timestamp)?,
        Calls::setTransactionFilteringFrom(request) => set_from(call, Root::FilteringFrom, request.timestamp)?,
        other => return Ok(Some(other)),
    }
    Ok(None)
}

/// Sets from when a feature is on; zero switches it off.
fn set_from(call: &mut Call<'_>, field: Root, from: u64) -> Result<(), Failure> {
    if from != 0 {
        let (stored, now) = (call.get_u64(field)?, call.now());
        let earliest = now.saturating_add(NOTICE_SECS);
        let too_soon = (stored == 0 || stored > earliest) && from < earliest;
        let brought_forward = stored > now && stored <= earliest && from < stored;
        if too_soon || brought_forward {
            return Err(refused());
        }
    }
    call.set(field, from)
}

/// Executes a request that sets a Stylus parameter, or gives it back.
fn set_stylus(call: &mut Call<'_>, request: Calls) -> Result<Option<Calls>, Failure> {
    let units = |gas: u64, unit: u64| u8::try_from(gas.div_ceil(unit)).unwrap_or(u8::MAX);
    let mut change = |apply: &dyn Fn(&mut StylusParams)| {
        let mut params = call.params()?;
        apply(&mut params);
        call.burn(WRITE)?;
        params.store(call.ctx.journal_mut()).map_err(fatal)
    };
    match request {
        Calls::setInkPrice(request) if request.price == 0 || request.price >= 1 << 24 => return Err(refused()),
        Calls::setInkPrice(request) => change(&|params| params.ink_price = request.price)?,
        Calls::setWasmMaxStackDepth(request) => change(&|params| params.max_stack_depth = request.depth)?,
        Calls::setWasmFreePages(request) => change(&|params| params.free_pages = request.pages)?,
        Calls::setWasmPageGas(request) => change(&|params| params.page_gas = request.gas)?,
        Calls::setWasmPageLimit(request) => change(&|params| params.page_limit = request.limit)?,
        Calls::setWasmMaxSize(request) => change(&|params| params.max_wasm_size = request.size)?,
        Calls::setWasmMinInitGas(request) => change(&|params| {
            params.min_init_gas = units(request.gas.into(), MIN_INIT_UNIT);
            params.min_cached_gas = units(request.cached.into(), MIN_CACHED_UNIT);
        })?,
        Calls::setWasmInitCostScalar(request) => {
            change(&|params| params.init_cost_scalar = units(request.percent, SCALAR_UNIT))?;
        }
        Calls::setWasmExpiryDays(request) => change(&|params| params.expiry_days = request.days)?,
        Calls::setWasmKeepaliveDays(request) => change(&|params| params.keepalive_days = request.days)?,
        Calls::setWasmBlockCacheSize(request) => change(&|params| params.block_cache_size = request.count)?,
        Calls::setMaxStylusContractFragments(request) => {
            change(&|params| params.max_fragments = request.maxFragments)?;
        }
        Calls::setWasmActivationGas(request) => call.set(activation_gas(), request.gas)?,
        other => return Ok(Some(other)),
    }
    Ok(None)
}

/// Executes a request that sets another field.
///
/// Of these only the network fee account takes effect on this chain; the rest is kept to be read.
fn set_field(call: &mut Call<'_>, request: Calls) -> Result<(), Failure> {
    match request {
        Calls::setFilteredFundsRecipient(request) => {
            call.set_address(Root::FilteredFundsRecipient, request.newRecipient)?;
            call.emit(&ArbOwner::FilteredFundsRecipientSet {
                newRecipient: request.newRecipient,
            })
        }
        Calls::setNetworkFeeAccount(request) => call.set_address(Root::NetworkFeeAccount, request.newNetworkFeeAccount),
        Calls::setInfraFeeAccount(request) => call.set_address(Root::InfraFeeAccount, request.newInfraFeeAccount),
        Calls::scheduleArbOSUpgrade(request) => {
            call.set(Root::UpgradeVersion, request.newVersion)?;
            call.set(Root::UpgradeTimestamp, request.timestamp)
        }
        Calls::setBrotliCompressionLevel(request) if request.level > MOST_BROTLI => Err(refused()),
        Calls::setBrotliCompressionLevel(request) => call.set(Root::BrotliLevel, request.level),
        Calls::setCollectTips(request) => call.set(Root::CollectTips, U256::from(request.collectTips)),
        Calls::setCalldataPriceIncrease(request) => {
            let mut bits = call.get(features())?;
            bits.set_bit(0, request.enable);
            call.set(features(), bits)
        }
        Calls::setL1PricingInertia(request) => call.set(L1::Inertia, request.inertia),
        Calls::setL1BaseFeeEstimateInertia(request) => call.set(L1::Inertia, request.inertia),
        Calls::setL1PricingEquilibrationUnits(request) => call.set(L1::EquilibrationUnits, request.equilibrationUnits),
        Calls::setL1PricingRewardRecipient(request) => call.set_address(L1::PayRewardsTo, request.recipient),
        Calls::setL1PricingRewardRate(request) => call.set(L1::PerUnitReward, request.weiPerUnit),
        Calls::setL1PricePerUnit(request) => call.set(L1::PricePerUnit, request.pricePerUnit),
        Calls::setParentGasFloorPerToken(request) => call.set(L1::GasFloorPerToken, request.floorPerToken),
        Calls::setPerBatchGasCharge(request) => call.set(L1::PerBatchGasCost, request.cost.cast_unsigned()),
        Calls::setAmortizedCostCapBips(request) => call.set(L1::AmortizedCostCapBips, request.cap),
        Calls::setL2BaseFee(request) => call.set(L2::BaseFee, request.priceInWei),
        Calls::setMinimumL2BaseFee(request) => call.set(L2::MinBaseFee, request.priceInWei),
        Calls::setSpeedLimit(request) if request.limit == 0 => Err(refused()),
        Calls::setSpeedLimit(request) => call.set(L2::SpeedLimit, request.limit),
        Calls::setMaxTxGasLimit(request) => call.set(L2::PerTxGasLimit, request.limit),
        Calls::setMaxBlockGasLimit(request) => call.set(L2::PerBlockGasLimit, request.limit),
        Calls::setL2GasPricingInertia(request) if request.sec == 0 => Err(refused()),
        Calls::setL2GasPricingInertia(request) => call.set(L2::Inertia, request.sec),
        Calls::setL2GasBacklogTolerance(request) => call.set(L2::BacklogTolerance, request.sec),
        Calls::setGasBacklog(request) => call.set(L2::Backlog, request.backlog),
        _ => Err(Failure::Burn),
    }
}

/// Counts what the L1 pricer has beyond its books as fees, up to `most`; returns how much that was.
fn release_surplus(call: &mut Call<'_>, most: U256) -> Result<Vec<u8>, Failure> {
    let (funds, _, _) = state::look_up(call.ctx.journal_mut(), L1_PRICER_FUNDS).map_err(fatal)?;
    let recognized = call.get(L1::FeesAvailable)?;
    let Some(surplus) = funds.checked_sub(recognized) else {
        return Ok(word(U256::ZERO));
    };
    let released = surplus.min(most);
    let recognized = call.get(L1::FeesAvailable)?.saturating_add(released);
    call.set(L1::FeesAvailable, recognized)?;
    Ok(word(released))
}
