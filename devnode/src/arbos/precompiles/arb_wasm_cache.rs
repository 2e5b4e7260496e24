//! ArbWasmCache: programs that are always entered at the cached price.

use super::{
    arb_wasm,
    call::{Call, Failure, Kind, READ, WRITE, fatal, flag},
};
use crate::arbos::{
    fields::{MOST_LISTED, cache_managers, chain_owners},
    programs::{self, Record},
};
use alloy_primitives::B256;
use alloy_sol_types::SolCall;
use interfaces::arbos::{
    ArbWasm,
    ArbWasmCache::{self, ArbWasmCacheCalls as Calls},
};
use revm::context_interface::ContextTr;

fn kind(request: &Calls) -> Kind {
    match request {
        Calls::cacheProgram(_) | Calls::evictCodehash(_) => Kind::Write,
        _ => Kind::View,
    }
}

pub(super) fn run(call: &mut Call<'_>, data: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(match call.enter(data, Calls::signature_by_selector, kind)? {
        Calls::isCacheManager(request) => flag(cache_managers().contains(call, request.manager)?),
        Calls::allCacheManagers(_) => {
            let managers = cache_managers().members(call, MOST_LISTED)?;
            ArbWasmCache::allCacheManagersCall::abi_encode_returns(&managers)
        }
        Calls::codehashIsCached(request) => flag(arb_wasm::record(call, request.codehash)?.cached),
        Calls::cacheProgram(request) => {
            let codehash = call.code_hash(request.program)?;
            set_cached(call, codehash, true)?;
            Vec::new()
        }
        Calls::evictCodehash(request) => {
            set_cached(call, request.codehash, false)?;
            Vec::new()
        }
    })
}

/// Pins a program or releases it; for cache managers and chain owners.
fn set_cached(call: &mut Call<'_>, codehash: B256, cached: bool) -> Result<(), Failure> {
    let manager = call.caller();
    if !cache_managers().contains(call, manager)? && !chain_owners().contains(call, manager)? {
        return Err(Failure::Burn);
    }
    let params = call.params()?;
    let record = arb_wasm::record(call, codehash)?;
    let age = record.age_secs(call.now());
    if cached && record.version != params.version {
        return Err(ArbWasm::ProgramNeedsUpgrade {
            version: record.version,
            stylusVersion: params.version,
        }
        .into());
    }
    if cached && age > programs::secs(params.expiry_days) {
        return Err(ArbWasm::ProgramExpired { ageInSeconds: age }.into());
    }
    if record.cached == cached {
        return Ok(());
    }
    call.emit(&ArbWasmCache::UpdateProgramCache {
        manager,
        codehash,
        cached,
    })?;
    // The module hash is read, and the record written.
    call.burn(u64::from(record.init_cost) + READ + WRITE)?;
    programs::store(call.ctx.journal_mut(), codehash, Record { cached, ..record }).map_err(fatal)
}
