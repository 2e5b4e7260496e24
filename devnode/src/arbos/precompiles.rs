//! The Arbitrum precompiles, beside those of the EVM.
//!
//! ArbWasm is complete. ArbWasmCache lacks `isCacheManager` and `allCacheManagers`, because here every
//! account is a manager; of ArbSys there is what contracts ask about the chain itself.

use super::{
    programs::{self, EXPIRY_DAYS, KEEPALIVE_DAYS, Record, STYLUS_VERSION, Unusable},
    state::NETWORK_FEE_ACCOUNT,
};
use crate::{
    evm::{Ctx, RecentPrograms},
    stylus::{
        code::{self, CodeError, Stored},
        ink::{self, gas},
        pages,
        trace::FrameKind,
    },
    wasm,
};
use alloy_primitives::{Address, B256, Bytes, Log, U256, keccak256};
use alloy_sol_types::{SolCall, SolError, SolEvent, SolInterface};
use interfaces::arbos::{ARB_SYS, ARB_WASM, ARB_WASM_CACHE, ArbSys, ArbWasm, ArbWasmCache};
use revm::{
    bytecode::Bytecode,
    context_interface::{Block, ContextTr, JournalTr},
    handler::{EthPrecompiles, PrecompileProvider},
    interpreter::{CallInputs, CallScheme, Gas, InstructionResult, InterpreterResult},
    primitives::{AddressSet, hardfork::SpecId},
};

/// ArbOS rules of this chain.
pub const ARBOS_VERSION: u64 = 61;

/// Addresses that answer here; their accounts hold the byte `FE`.
pub const ADDRESSES: [Address; 3] = [ARB_SYS, ARB_WASM, ARB_WASM_CACHE];

/// Cost of opening ArbOS state, and of each storage read in it.
const READ: u64 = 800;
const WRITE: u64 = 20_000;
const CODE_HASH: u64 = 2_600;
const WORD: u64 = 3;
/// Reading the Stylus parameters, which counts as a warm read.
const PARAMS: u64 = 100;
/// Reading and writing the data pricer.
const DATA_PRICER: u64 = 5 * READ + 2 * WRITE;
/// Ramp of the page price, as reported; the price itself is a table.
const PAGE_RAMP: u64 = 620_674_314;

/// How a precompile call ends without success.
enum Failure {
    /// Everything is burned and nothing returned.
    Burn,
    /// Reverts with this data; what was not burned is kept.
    Revert(Bytes),
    /// The database failed.
    Fatal(String),
}

impl<E: SolError> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Revert(error.abi_encode().into())
    }
}

fn fatal(error: impl std::fmt::Debug) -> Failure {
    Failure::Fatal(format!("{error:?}"))
}

/// Gas of one precompile call.
struct Meter(u64);

impl Meter {
    fn burn(&mut self, gas: u64) -> Result<(), Failure> {
        match self.0.checked_sub(gas) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => {
                self.0 = 0;
                Err(Failure::Burn)
            }
        }
    }
}

/// Precompiles of the EVM and of ArbOS.
#[derive(Debug, Clone)]
pub struct Precompiles {
    eth: EthPrecompiles,
    addresses: AddressSet,
}

impl Precompiles {
    /// The set for an EVM fork.
    pub fn new(spec: SpecId) -> Self {
        let eth = EthPrecompiles::new(spec);
        let addresses = eth.warm_addresses().iter().copied().chain(ADDRESSES).collect();
        Self { eth, addresses }
    }
}

impl PrecompileProvider<Ctx> for Precompiles {
    type Output = InterpreterResult;

    fn set_spec(&mut self, spec: SpecId) -> bool {
        PrecompileProvider::<Ctx>::set_spec(&mut self.eth, spec)
    }

    fn run(&mut self, ctx: &mut Ctx, inputs: &CallInputs) -> Result<Option<InterpreterResult>, String> {
        let address = inputs.bytecode_address;
        if !ADDRESSES.contains(&address) {
            return self.eth.run(ctx, inputs);
        }
        let mut meter = Meter(inputs.gas_limit);
        let (result, output) = match dispatch(ctx, inputs, &mut meter) {
            Ok(output) => (InstructionResult::Return, output),
            Err(Failure::Revert(data)) => (InstructionResult::Revert, data),
            Err(Failure::Burn) => {
                meter.0 = 0;
                (InstructionResult::Revert, Bytes::new())
            }
            Err(Failure::Fatal(error)) => return Err(error),
        };
        let mut gas = Gas::new(inputs.gas_limit);
        gas.set_remaining(meter.0);
        Ok(Some(InterpreterResult { result, output, gas }))
    }

    fn warm_addresses(&self) -> &AddressSet {
        &self.addresses
    }
}

/// Common rules, then the method. Bad input, value to a non-payable method, writes in a static frame
/// and state access by delegate call burn everything.
fn dispatch(ctx: &mut Ctx, inputs: &CallInputs, meter: &mut Meter) -> Result<Bytes, Failure> {
    let data = inputs.input.bytes(ctx);
    if data.len() < 4 || matches!(inputs.scheme, CallScheme::DelegateCall | CallScheme::CallCode) {
        return Err(Failure::Burn);
    }
    meter.burn(READ)?;
    meter.burn(WORD * (data.len() as u64 - 4).div_ceil(32))?;
    if !is_payable(inputs.bytecode_address, &data) && !inputs.value.get().is_zero() {
        return Err(Failure::Burn);
    }
    let output = match inputs.bytecode_address {
        ARB_WASM => arb_wasm(ctx, inputs, meter, &data)?,
        ARB_WASM_CACHE => arb_wasm_cache(ctx, inputs, meter, &data)?,
        _ => arb_sys(ctx, &data)?,
    };
    meter.burn(WORD * (output.len() as u64).div_ceil(32))?;
    Ok(output.into())
}

fn is_payable(precompile: Address, data: &[u8]) -> bool {
    precompile == ARB_WASM
        && (data.starts_with(&ArbWasm::activateProgramCall::SELECTOR)
            || data.starts_with(&ArbWasm::codehashKeepaliveCall::SELECTOR))
}

/// Decodes arguments as nodes do, which ignore dirt above an address and data behind the arguments.
fn decode<C: SolInterface>(data: &[u8]) -> Result<C, Failure> {
    C::abi_decode(data).map_err(|_| Failure::Burn)
}

fn arb_sys(ctx: &Ctx, data: &[u8]) -> Result<Vec<u8>, Failure> {
    use ArbSys::ArbSysCalls as Calls;
    Ok(match decode(data)? {
        Calls::arbBlockNumber(_) => ArbSys::arbBlockNumberCall::abi_encode_returns(&U256::from(ctx.chain.l2_block)),
        Calls::arbChainID(_) => ArbSys::arbChainIDCall::abi_encode_returns(&U256::from(ctx.cfg.chain_id)),
        Calls::arbOSVersion(_) => ArbSys::arbOSVersionCall::abi_encode_returns(&U256::from(55 + ARBOS_VERSION)),
    })
}

/// The code hash of `account` and its raw code.
fn code_of(ctx: &mut Ctx, account: Address) -> Result<(B256, Bytes), Failure> {
    let account = ctx.journal_mut().load_account_with_code(account).map_err(fatal)?;
    let code = account
        .info
        .code
        .as_ref()
        .map(Bytecode::original_bytes)
        .unwrap_or_default();
    Ok((account.info.code_hash, code))
}

/// A live record, or the error that says why there is none.
fn live(ctx: &mut Ctx, meter: &mut Meter, codehash: B256) -> Result<Record, Failure> {
    meter.burn(PARAMS + READ)?;
    let record = programs::load(ctx.journal_mut(), codehash).map_err(fatal)?;
    match record.check(timestamp(ctx)) {
        Ok(()) => Ok(record),
        Err(Unusable::NotActivated) => Err(ArbWasm::ProgramNotActivated {}.into()),
        Err(Unusable::NeedsUpgrade(version)) => Err(ArbWasm::ProgramNeedsUpgrade {
            version,
            stylusVersion: STYLUS_VERSION,
        }
        .into()),
        Err(Unusable::Expired(age)) => Err(ArbWasm::ProgramExpired { ageInSeconds: age }.into()),
    }
}

fn live_at(ctx: &mut Ctx, meter: &mut Meter, program: Address) -> Result<Record, Failure> {
    meter.burn(CODE_HASH)?;
    let (codehash, _) = code_of(ctx, program)?;
    live(ctx, meter, codehash)
}

fn timestamp(ctx: &Ctx) -> u64 {
    u64::try_from(ctx.block.timestamp()).unwrap_or(u64::MAX)
}

fn arb_wasm(ctx: &mut Ctx, inputs: &CallInputs, meter: &mut Meter, data: &[u8]) -> Result<Vec<u8>, Failure> {
    use ArbWasm::ArbWasmCalls as Calls;
    let call: Calls = decode(data)?;
    if inputs.is_static && matches!(call, Calls::activateProgram(_) | Calls::codehashKeepalive(_)) {
        return Err(Failure::Burn);
    }
    Ok(match call {
        Calls::activateProgram(call) => activate(ctx, inputs, meter, call.program)?,
        Calls::codehashKeepalive(call) => keep_alive(ctx, inputs, meter, call.codehash)?,
        Calls::codehashVersion(call) => {
            ArbWasm::codehashVersionCall::abi_encode_returns(&live(ctx, meter, call.codehash)?.version)
        }
        Calls::codehashAsmSize(call) => {
            ArbWasm::codehashAsmSizeCall::abi_encode_returns(&live(ctx, meter, call.codehash)?.asm_bytes())
        }
        Calls::programVersion(call) => {
            ArbWasm::programVersionCall::abi_encode_returns(&live_at(ctx, meter, call.program)?.version)
        }
        Calls::programInitGas(call) => {
            let record = live_at(ctx, meter, call.program)?;
            ArbWasm::programInitGasCall::abi_encode_returns(&ArbWasm::programInitGasReturn {
                gas: record.cached_gas() + record.init_gas(),
                gasWhenCached: record.cached_gas(),
            })
        }
        Calls::programMemoryFootprint(call) => {
            ArbWasm::programMemoryFootprintCall::abi_encode_returns(&live_at(ctx, meter, call.program)?.footprint)
        }
        Calls::programTimeLeft(call) => {
            let age = live_at(ctx, meter, call.program)?.age_secs(timestamp(ctx));
            ArbWasm::programTimeLeftCall::abi_encode_returns(&programs::secs(EXPIRY_DAYS).saturating_sub(age))
        }
        Calls::activationGas(_) => {
            meter.burn(READ)?;
            ArbWasm::activationGasCall::abi_encode_returns(&programs::ACTIVATION_GAS)
        }
        call => {
            meter.burn(PARAMS)?;
            parameter(ctx, &call)
        }
    })
}

/// The value of a Stylus parameter, encoded. Every parameter is one word, small unsigned types are
/// padded alike; only `minInitGas` has two.
fn parameter(ctx: &Ctx, call: &ArbWasm::ArbWasmCalls) -> Vec<u8> {
    use ArbWasm::ArbWasmCalls as Calls;
    let word = |value: u64| U256::from(value).to_be_bytes::<32>().to_vec();
    word(match call {
        Calls::minInitGas(_) => return [word(programs::MIN_INIT_GAS), word(programs::MIN_CACHED_GAS)].concat(),
        Calls::stylusVersion(_) => STYLUS_VERSION.into(),
        Calls::inkPrice(_) => ink::INK_PRICE,
        Calls::maxStackDepth(_) => ctx.chain.stack_depth.into(),
        Calls::freePages(_) => pages::FREE_PAGES.into(),
        Calls::pageGas(_) => pages::PAGE_GAS,
        Calls::pageRamp(_) => PAGE_RAMP,
        Calls::initCostScalar(_) => programs::INIT_COST_SCALAR,
        Calls::expiryDays(_) => EXPIRY_DAYS.into(),
        Calls::keepaliveDays(_) => KEEPALIVE_DAYS.into(),
        Calls::blockCacheSize(_) => RecentPrograms::CAPACITY as u64,
        _ => pages::PAGE_LIMIT.into(),
    })
}

/// `activateProgram`, with the charges of ArbOS 59 and later in their order.
fn activate(ctx: &mut Ctx, inputs: &CallInputs, meter: &mut Meter, program: Address) -> Result<Vec<u8>, Failure> {
    // activationGas (0 by default), the fixed price, parameters, the program record
    meter.burn(READ + programs::ACTIVATION_GAS + 1_659_168 + PARAMS + READ)?;
    let (codehash, code) = programs::peek_code(ctx.journal_mut(), program).map_err(fatal)?;
    let now = timestamp(ctx);
    let old = programs::load(ctx.journal_mut(), codehash).map_err(fatal)?;
    if old.check(now).is_ok() {
        return Err(ArbWasm::ProgramUpToDate {}.into());
    }
    let module = match assemble(ctx, meter, &code)? {
        Ok(module) => module,
        Err(CodeError::NotStylus) => return Err(ArbWasm::ProgramNotWasm {}.into()),
        Err(error) => {
            ctx.chain.refusal = Some(error.to_string());
            return Err(Failure::Revert(Bytes::new()));
        }
    };
    let page_limit = pages::PAGE_LIMIT.saturating_sub(ctx.chain.pages.open);
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
    programs::store(journal, codehash, Record::new(&activated, now, old.cached)).map_err(fatal)?;
    pay_data_fee(ctx, inputs, meter, fee)?;
    meter.burn(375 + 2 * 375 + 8 * 128)?;
    let event = ArbWasm::ProgramActivated {
        codehash,
        moduleHash: module_hash,
        program,
        dataFee: fee,
        version: STYLUS_VERSION,
    };
    ctx.journal_mut().log(Log {
        address: ARB_WASM,
        data: event.encode_log_data(),
    });
    Ok(ArbWasm::activateProgramCall::abi_encode_returns(
        &ArbWasm::activateProgramReturn {
            version: STYLUS_VERSION,
            dataFee: fee,
        },
    ))
}

/// The module in `code`. Reading a fragment is paid for like reading code in the EVM, and makes it warm; before that,
/// reading the largest one must be affordable.
fn assemble(ctx: &mut Ctx, meter: &mut Meter, code: &[u8]) -> Result<Result<Vec<u8>, CodeError>, Failure> {
    let copy = |len: usize| WORD * (len as u64).div_ceil(32);
    let mut stored = match Stored::parse(code) {
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
    journal.transfer(ARB_WASM, NETWORK_FEE_ACCOUNT, fee).map_err(fatal)?;
    journal.transfer(ARB_WASM, inputs.caller, change).map_err(fatal)?;
    // Nodes show the transfers of a precompile to tracers as calls.
    for receiver in [NETWORK_FEE_ACCOUNT, inputs.caller] {
        ctx.chain.trace_leaf(FrameKind::Call, receiver);
    }
    Ok(())
}

/// `codehashKeepalive`: a live program old enough pays the data fee again and starts a new year.
fn keep_alive(ctx: &mut Ctx, inputs: &CallInputs, meter: &mut Meter, codehash: B256) -> Result<Vec<u8>, Failure> {
    let record = live(ctx, meter, codehash)?;
    let now = timestamp(ctx);
    let age = record.age_secs(now);
    if age < programs::secs(KEEPALIVE_DAYS) {
        return Err(ArbWasm::ProgramKeepaliveTooSoon { ageInSeconds: age }.into());
    }
    meter.burn(DATA_PRICER)?;
    let journal = ctx.journal_mut();
    let fee = programs::charge_data(journal, record.asm_bytes(), now).map_err(fatal)?;
    meter.burn(WRITE)?;
    programs::store(journal, codehash, record.renewed(now)).map_err(fatal)?;
    pay_data_fee(ctx, inputs, meter, fee)?;
    meter.burn(2 * 375 + 375 + 8 * 32)?;
    let event = ArbWasm::ProgramLifetimeExtended { codehash, dataFee: fee };
    ctx.journal_mut().log(Log {
        address: ARB_WASM,
        data: event.encode_log_data(),
    });
    Ok(Vec::new())
}

/// The cache manager. On this development chain every account may manage the cache.
fn arb_wasm_cache(ctx: &mut Ctx, inputs: &CallInputs, meter: &mut Meter, data: &[u8]) -> Result<Vec<u8>, Failure> {
    use ArbWasmCache::ArbWasmCacheCalls as Calls;
    let (codehash, cached) = match decode(data)? {
        Calls::codehashIsCached(call) => {
            meter.burn(READ)?;
            let record = programs::load(ctx.journal_mut(), call.codehash).map_err(fatal)?;
            return Ok(ArbWasmCache::codehashIsCachedCall::abi_encode_returns(&record.cached));
        }
        Calls::cacheProgram(call) => {
            meter.burn(CODE_HASH)?;
            (code_of(ctx, call.program)?.0, true)
        }
        Calls::evictCodehash(call) => (call.codehash, false),
    };
    if inputs.is_static {
        return Err(Failure::Burn);
    }
    // Looking up whether the caller is a manager.
    meter.burn(READ)?;
    let record = if cached {
        live(ctx, meter, codehash)?
    } else {
        meter.burn(PARAMS + READ)?;
        programs::load(ctx.journal_mut(), codehash).map_err(fatal)?
    };
    if record.cached != cached {
        meter.burn(3 * 375 + 8 * 32)?;
        meter.burn(u64::from(record.init_cost) + READ + WRITE)?;
        let journal = ctx.journal_mut();
        programs::store(journal, codehash, Record { cached, ..record }).map_err(fatal)?;
        let event = ArbWasmCache::UpdateProgramCache {
            manager: inputs.caller,
            codehash,
            cached,
        };
        journal.log(Log {
            address: ARB_WASM_CACHE,
            data: event.encode_log_data(),
        });
    }
    Ok(Vec::new())
}
