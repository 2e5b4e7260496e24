//! ArbWasm: activating programs, and what is known about them.

use super::call::{Call, Failure, Kind, Meter, PARAMS, READ, WORD, WRITE, fatal, refused, timestamp, word};
use crate::{
    arbos::{
        fields::{self, Root},
        params::{SCALAR_UNIT, StylusParams},
        programs::{self, Record, Unusable},
        state::{self, ARBOS},
    },
    evm::Ctx,
    stylus::{
        code::{self, CodeError, Limits, Stored},
        ink::gas,
        trace::FrameKind,
    },
    wasm,
};
use alloy_primitives::{Address, B256, Bytes, Log, U256, keccak256};
use alloy_sol_types::{SolCall, SolEvent};
use interfaces::arbos::{
    ARB_WASM,
    ArbWasm::{self, ArbWasmCalls as Calls},
};
use revm::{
    bytecode::Bytecode,
    context_interface::{ContextTr, JournalTr},
    interpreter::CallInputs,
};

/// Reading and writing the data pricer.
const DATA_PRICER: u64 = 5 * READ + 2 * WRITE;
/// Ramp of the page price, as reported; the price itself is a table.
const PAGE_RAMP: u64 = 620_674_314;

fn kind(request: &Calls) -> Kind {
    match request {
        Calls::activateProgram(_) | Calls::codehashKeepalive(_) => Kind::Payable,
        _ => Kind::View,
    }
}

pub(super) fn run(call: &mut Call<'_>, data: &[u8]) -> Result<Vec<u8>, Failure> {
    let number = |value: u64| word(U256::from(value));
    Ok(match call.enter(data, Calls::signature_by_selector, kind)? {
        Calls::activateProgram(request) => activate(call.ctx, call.inputs, &mut call.meter, request.program)?,
        Calls::codehashKeepalive(request) => keep_alive(call, request.codehash)?,
        Calls::codehashVersion(request) => number(live(call, request.codehash)?.0.version.into()),
        Calls::codehashAsmSize(request) => number(live(call, request.codehash)?.0.asm_bytes().into()),
        Calls::programVersion(request) => number(live_at(call, request.program)?.0.version.into()),
        Calls::programMemoryFootprint(request) => number(live_at(call, request.program)?.0.footprint.into()),
        Calls::programInitGas(request) => {
            let (record, params) = live_at(call, request.program)?;
            let cached = record.cached_gas(&params);
            [number(cached + record.init_gas(&params)), number(cached)].concat()
        }
        Calls::programTimeLeft(request) => {
            let (record, params) = live_at(call, request.program)?;
            number(programs::secs(params.expiry_days).saturating_sub(record.age_secs(call.now())))
        }
        Calls::activationGas(_) => call.get_word(fields::activation_gas())?,
        request => parameter(&request, &call.params()?),
    })
}

/// The value of a Stylus parameter, encoded. Every parameter is one word, small unsigned types are
/// padded alike; only `minInitGas` has two.
fn parameter(request: &Calls, params: &StylusParams) -> Vec<u8> {
    let word = |value: u64| word(U256::from(value));
    word(match request {
        Calls::minInitGas(_) => return [word(params.min_init_gas()), word(params.min_cached_gas())].concat(),
        Calls::stylusVersion(_) => params.version.into(),
        Calls::inkPrice(_) => params.ink_price.into(),
        Calls::maxStackDepth(_) => params.max_stack_depth.into(),
        Calls::freePages(_) => params.free_pages.into(),
        Calls::pageGas(_) => params.page_gas.into(),
        Calls::pageRamp(_) => PAGE_RAMP,
        Calls::initCostScalar(_) => u64::from(params.init_cost_scalar) * SCALAR_UNIT,
        Calls::expiryDays(_) => params.expiry_days.into(),
        Calls::keepaliveDays(_) => params.keepalive_days.into(),
        Calls::blockCacheSize(_) => params.block_cache_size.into(),
        _ => params.page_limit.into(),
    })
}

/// The record of a program, whether or not it can be called.
pub(super) fn record(call: &mut Call<'_>, codehash: B256) -> Result<Record, Failure> {
    call.burn(READ)?;
    programs::load(call.ctx.journal_mut(), codehash).map_err(fatal)
}

/// A live record and the parameters, or the error that says why there is none.
fn live(call: &mut Call<'_>, codehash: B256) -> Result<(Record, StylusParams), Failure> {
    let params = call.params()?;
    let record = record(call, codehash)?;
    match record.check(call.now(), &params) {
        Ok(()) => Ok((record, params)),
        Err(Unusable::NotActivated) => Err(ArbWasm::ProgramNotActivated {}.into()),
        Err(Unusable::NeedsUpgrade(version)) => Err(ArbWasm::ProgramNeedsUpgrade {
            version,
            stylusVersion: params.version,
        }
        .into()),
        Err(Unusable::Expired(age)) => Err(ArbWasm::ProgramExpired { ageInSeconds: age }.into()),
    }
}

fn live_at(call: &mut Call<'_>, program: Address) -> Result<(Record, StylusParams), Failure> {
    let codehash = call.code_hash(program)?;
    live(call, codehash)
}

/// The code hash of `account` and its raw code.
fn code_of(ctx: &mut Ctx, account: Address) -> Result<(B256, Bytes), Failure> {
    let (_, hash, code) = state::look_up(ctx.journal_mut(), account).map_err(fatal)?;
    Ok((hash, code))
}

/// The Stylus parameters and the gas that activation burns on top; paying for the look-up is up to the caller.
fn activation_rules(ctx: &mut Ctx) -> Result<(StylusParams, u64), Failure> {
    let journal = ctx.journal_mut();
    let params = StylusParams::load(journal).map_err(fatal)?;
    let gas = state::read(journal, ARBOS, fields::activation_gas()).map_err(fatal)?;
    Ok((params, gas.saturating_to()))
}

/// `activateProgram`, with the charges of ArbOS 59 and later in their order.
fn activate(ctx: &mut Ctx, inputs: &CallInputs, meter: &mut Meter, program: Address) -> Result<Vec<u8>, Failure> {
    let (params, activation_gas) = activation_rules(ctx)?;
    // activationGas (0 by default), the fixed price, parameters, the program record
    meter.burn(READ.saturating_add(activation_gas))?;
    meter.burn(1_659_168)?;
    if state::is_destroyed(ctx.journal_mut(), program) {
        ctx.chain.refusal = Some(String::from("destroyed in the same transaction"));
        return Err(refused());
    }
    meter.burn(PARAMS + READ)?;
    let (codehash, code) = code_of(ctx, program)?;
    let now = timestamp(ctx);
    let old = programs::load(ctx.journal_mut(), codehash).map_err(fatal)?;
    if old.check(now, &params).is_ok() {
        return Err(ArbWasm::ProgramUpToDate {}.into());
    }
    let limits = Limits {
        wasm: params.max_wasm_size as usize,
        fragments: params.max_fragments.into(),
    };
    let module = match assemble(ctx, meter, &code, limits)? {
        Ok(module) => module,
        Err(CodeError::NotStylus) => return Err(ArbWasm::ProgramNotWasm {}.into()),
        Err(error) => {
            ctx.chain.refusal = Some(error.to_string());
            return Err(Failure::Revert(Bytes::new()));
        }
    };
    let page_limit = params.page_limit.saturating_sub(ctx.chain.pages.open);
    let activated = match wasm::activate(&module, page_limit) {
        Ok(activated) => activated,
        Err(refused) => {
            ctx.chain.refusal = Some(refused.to_string());
            return Err(Failure::Burn);
        }
    };
    meter.burn(activated.work_gas)?;
    if old.cached {
        meter.burn(READ)?;
    }
    meter.burn(WRITE)?;
    let module_hash = keccak256(&activated.instrumented);
    let journal = ctx.journal_mut();
    programs::store_module_hash(journal, codehash, module_hash).map_err(fatal)?;
    meter.burn(DATA_PRICER)?;
    let fee = programs::charge_data(journal, activated.asm_estimate, now).map_err(fatal)?;
    meter.burn(WRITE)?;
    programs::store(
        journal,
        codehash,
        Record::new(&activated, params.version, now, old.cached),
    )
    .map_err(fatal)?;
    pay_data_fee(ctx, inputs, meter, fee)?;
    meter.burn(375 + 2 * 375 + 8 * 128)?;
    let event = ArbWasm::ProgramActivated {
        codehash,
        moduleHash: module_hash,
        program,
        dataFee: fee,
        version: params.version,
    };
    ctx.journal_mut().log(Log {
        address: ARB_WASM,
        data: event.encode_log_data(),
    });
    Ok(ArbWasm::activateProgramCall::abi_encode_returns(
        &ArbWasm::activateProgramReturn {
            version: params.version,
            dataFee: fee,
        },
    ))
}

/// The module in `code`. Reading a fragment is paid for like reading code in the EVM, and makes it warm; before that,
/// reading the largest one must be affordable.
fn assemble(
    ctx: &mut Ctx,
    meter: &mut Meter,
    code: &[u8],
    limits: Limits,
) -> Result<Result<Vec<u8>, CodeError>, Failure> {
    let copy = |len: usize| WORD * (len as u64).div_ceil(32);
    let mut stored = match Stored::parse(code, limits) {
        Ok(stored) => stored,
        Err(error) => return Ok(Err(error)),
    };
    for fragment in stored.fragments() {
        let account = ctx.journal_mut().load_account_with_code(fragment).map_err(fatal)?;
        let access = if account.is_cold { gas::COLD_ACCOUNT } else { gas::WARM };
        let code = account
            .info
            .code
            .as_ref()
            .map(Bytecode::original_bytes)
            .unwrap_or_default();
        if meter.0 < access + copy(code::MAX_CODE_SIZE) {
            return Err(Failure::Burn);
        }
        meter.burn(access + copy(code.len()))?;
        if let Err(error) = stored.add_fragment(&code) {
            return Ok(Err(error));
        }
    }
    Ok(stored.decompress())
}

/// Moves the data fee out of the value sent and returns the rest to the caller.
fn pay_data_fee(ctx: &mut Ctx, inputs: &CallInputs, meter: &mut Meter, fee: U256) -> Result<(), Failure> {
    let paid = inputs.value.get();
    let Some(change) = paid.checked_sub(fee) else {
        return Err(ArbWasm::ProgramInsufficientValue { have: paid, want: fee }.into());
    };
    meter.burn(READ)?;
    // The value arrived with the call, so both transfers are covered.
    let journal = ctx.journal_mut();
    let account = state::read(journal, ARBOS, Root::NetworkFeeAccount.into()).map_err(fatal)?;
    let account = Address::from_word(account.into());
    state::transfer(journal, ARB_WASM, account, fee).map_err(fatal)?;
    state::transfer(journal, ARB_WASM, inputs.caller, change).map_err(fatal)?;
    // Nodes show the transfers of a precompile to tracers as calls.
    for receiver in [account, inputs.caller] {
        ctx.chain.trace_leaf(FrameKind::Call, receiver);
    }
    Ok(())
}

/// `codehashKeepalive`: a live program old enough pays the data fee again and starts a new year.
fn keep_alive(call: &mut Call<'_>, codehash: B256) -> Result<Vec<u8>, Failure> {
    // The parameters are read by the precompile; the record is checked with them.
    let (record, params) = live(call, codehash)?;
    let now = call.now();
    let age = record.age_secs(now);
    if age < programs::secs(params.keepalive_days) {
        return Err(ArbWasm::ProgramKeepaliveTooSoon { ageInSeconds: age }.into());
    }
    call.burn(DATA_PRICER)?;
    let journal = call.ctx.journal_mut();
    let fee = programs::charge_data(journal, record.asm_bytes(), now).map_err(fatal)?;
    call.burn(WRITE)?;
    programs::store(call.ctx.journal_mut(), codehash, record.renewed(now)).map_err(fatal)?;
    pay_data_fee(call.ctx, call.inputs, &mut call.meter, fee)?;
    call.emit(&ArbWasm::ProgramLifetimeExtended { codehash, dataFee: fee })?;
    Ok(Vec::new())
}
