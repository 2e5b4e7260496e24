//! The 42 host functions of module `vm_hooks`.
//!
//! Every function follows the same order: pay the base price, pay for what its arguments imply, read
//! guest memory, act, pay what the chain charged, write guest memory.

use super::{
    ink::{self, gas},
    port::{CallKind, CallRequest, CreateRequest, Port, Request, Response},
    storage::StorageCache,
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use thiserror::Error;
use wasmtime::{Caller, Global, Linker, Memory, Result, Val};

/// What a program can learn about its frame, transaction and block without asking the chain.
#[derive(Clone, Debug, Default)]
pub struct Env {
    /// Acting account: the proxy under a delegate call.
    pub address: Address,
    /// Caller of the frame.
    pub caller: Address,
    /// Value of the frame in wei.
    pub value: U256,
    /// Calldata.
    pub calldata: Bytes,
    /// Whether state may not change.
    pub is_static: bool,
    /// Whether the acting account has another open frame.
    pub reentrant: bool,
    /// L2 base fee in wei.
    pub basefee: U256,
    /// Poster address.
    pub coinbase: Address,
    /// Block gas limit.
    pub gas_limit: u64,
    /// L1 block number.
    pub number: u64,
    /// L2 time in seconds.
    pub timestamp: u64,
    /// Chain id.
    pub chain_id: u64,
    /// Gas price of the transaction in wei.
    pub gas_price: U256,
    /// Ink per gas; positive.
    pub ink_price: u64,
    /// Signer of the transaction.
    pub origin: Address,
    /// Record host calls, [`MAX_RECORDED`] at most, while this budget lasts.
    pub trace: Option<Budget>,
}

/// Most host calls recorded of one run. Gas bounds a run only loosely when its price is waived, so
/// without a cap a hostile loop could fill memory; calls beyond it are made, but not recorded.
pub const MAX_RECORDED: usize = 1_000_000;

/// Bytes that the records of all runs of a transaction may take.
pub const MAX_RECORDED_BYTES: usize = 128 << 20;

/// What is left of [`MAX_RECORDED_BYTES`], shared by the runs of a transaction.
#[derive(Clone, Debug)]
pub struct Budget(Arc<AtomicUsize>);

impl Default for Budget {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(MAX_RECORDED_BYTES)))
    }
}

impl Budget {
    /// Takes `bytes` and says whether they were there. The runs of a transaction take turns, so nothing
    /// else has to be ordered.
    fn take(&self, bytes: usize) -> bool {
        let left = self.0.load(Ordering::Relaxed).checked_sub(bytes);
        if let Some(left) = left {
            self.0.store(left, Ordering::Relaxed);
        }
        left.is_some()
    }
}

/// One recorded host call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCall {
    /// Name of the host function.
    pub name: &'static str,
    /// Ink left when it was entered.
    pub ink_before: u64,
    /// Ink it took.
    pub ink: u64,
    /// What went in and out; none when the call failed, which ends the program.
    pub data: Option<CallData>,
}

/// What a host call was given and what it gave, in the encoding of Nitro's tracers: values one after
/// another without padding, integers big-endian in their own width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallData {
    /// Arguments, with the bytes behind pointers in the pointers' place.
    pub args: Box<[u8]>,
    /// Results, those written to memory as well as those returned.
    pub outs: Box<[u8]>,
}

/// The host calls of a run.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// In the order in which they ended.
    pub calls: Vec<HostCall>,
    /// Whether a limit cut it short.
    pub truncated: bool,
}

impl Record {
    fn push(&mut self, budget: &Budget, call: HostCall) {
        let data = call.data.as_ref().map_or(0, |data| data.args.len() + data.outs.len());
        if self.calls.len() < MAX_RECORDED && budget.take(size_of::<HostCall>() + data) {
            self.calls.push(call);
        } else {
            self.truncated = true;
        }
    }
}

/// Why a host function ended the program.
#[derive(Debug, Error)]
pub enum Stop {
    /// Not enough ink.
    #[error("out of ink")]
    OutOfInk,
    /// `exit_early` was called with this status.
    #[error("exit with status {0}")]
    Exit(u32),
    /// A pointer and length lie outside memory.
    #[error("access outside memory")]
    Memory,
    /// The action is not allowed.
    #[error("{0}")]
    Refused(&'static str),
    /// This chain itself is at fault; no node would end the program here.
    #[error("{0}")]
    Broken(&'static str),
}

/// State of a running program outside its memory.
#[derive(Debug)]
pub struct Host {
    env: Env,
    port: Port,
    cache: StorageCache,
    result: Bytes,
    return_data: Bytes,
    code_cache: Option<(Address, Bytes)>,
    record: Record,
    metering: Option<Metering>,
}

#[derive(Clone, Copy, Debug)]
struct Metering {
    memory: Memory,
    ink_left: Global,
    ink_status: Global,
}

impl Host {
    /// State for a fresh run.
    pub fn new(env: Env, port: Port) -> Self {
        Self {
            env,
            port,
            cache: StorageCache::default(),
            result: Bytes::new(),
            return_data: Bytes::new(),
            code_cache: None,
            record: Record::default(),
            metering: None,
        }
    }

    /// Tells the host where the instance keeps its memory and ink.
    pub fn attach(&mut self, memory: Memory, ink_left: Global, ink_status: Global) {
        self.metering = Some(Metering {
            memory,
            ink_left,
            ink_status,
        });
    }

    /// Bytes of calldata, the entrypoint's argument.
    pub fn calldata_len(&self) -> u32 {
        len32(&self.env.calldata)
    }

    /// The written result and the recorded calls.
    pub fn into_parts(self) -> (Bytes, Record) {
        (self.result, self.record)
    }
}

/// Length of data that came from guest memory or from the chain, which both stay far below 4 GiB.
fn len32(data: &[u8]) -> u32 {
    u32::try_from(data.len()).unwrap_or(u32::MAX)
}

/// One call of one host function.
struct Cx<'a> {
    caller: Caller<'a, Host>,
    name: &'static str,
    /// Ink before the call, when it is yet to be recorded.
    before: Option<u64>,
}

impl Drop for Cx<'_> {
    fn drop(&mut self) {
        self.record(None);
    }
}

impl<'a> Cx<'a> {
    /// Enters a host function and pays its base price.
    fn enter(caller: Caller<'a, Host>, name: &'static str, base: u64) -> Result<Self> {
        let mut cx = Self {
            caller,
            name,
            before: None,
        };
        if cx.env().trace.is_some() && !cx.caller.data().record.truncated {
            cx.before = Some(cx.ink_left());
        }
        cx.pay(base)?;
        Ok(cx)
    }

    /// Records the call, once.
    fn record(&mut self, data: Option<CallData>) {
        let Some(ink_before) = self.before.take() else { return };
        let call = HostCall {
            name: self.name,
            ink_before,
            ink: ink_before.saturating_sub(self.ink_left()),
            data,
        };
        let host = self.host();
        if let Some(budget) = &host.env.trace {
            host.record.push(budget, call);
        }
    }

    fn is_traced(&self) -> bool {
        self.before.is_some()
    }

    /// Host calls recorded so far, which places the frame that this call opens among them.
    fn recorded(&self) -> usize {
        self.caller.data().record.calls.len()
    }

    fn host(&mut self) -> &mut Host {
        self.caller.data_mut()
    }

    fn env(&self) -> &Env {
        &self.caller.data().env
    }

    fn ink_left(&mut self) -> u64 {
        let Some(metering) = self.caller.data().metering else {
            return 0;
        };
        metering
            .ink_left
            .get(&mut self.caller)
            .i64()
            .map_or(0, i64::cast_unsigned)
    }

    fn gas_left(&mut self) -> u64 {
        self.ink_left() / self.env().ink_price
    }

    fn set_ink(&mut self, ink: u64) {
        if let Some(metering) = self.caller.data().metering {
            // The global's type is fixed by instrumentation, so this cannot fail.
            let _ = metering.ink_left.set(&mut self.caller, Val::I64(ink.cast_signed()));
        }
    }

    fn out_of_ink(&mut self) -> Stop {
        self.set_ink(0);
        if let Some(metering) = self.caller.data().metering {
            let _ = metering.ink_status.set(&mut self.caller, Val::I32(1));
        }
        Stop::OutOfInk
    }

    fn pay(&mut self, ink: u64) -> Result<()> {
        match self.ink_left().checked_sub(ink) {
            Some(left) => {
                self.set_ink(left);
                Ok(())
            }
            None => Err(self.out_of_ink().into()),
        }
    }

    fn pay_gas(&mut self, gas: u64) -> Result<()> {
        self.pay(gas.saturating_mul(self.env().ink_price))
    }

    /// Price of reading one value from the chain, rounded down to gas.
    fn state_read_gas(&self) -> u64 {
        ink::API / self.env().ink_price
    }

    /// Fails unless `gas` is left, without charging it.
    fn need_gas(&mut self, gas: u64) -> Result<()> {
        if self.ink_left() < gas.saturating_mul(self.env().ink_price) {
            return Err(self.out_of_ink().into());
        }
        Ok(())
    }

    fn range(ptr: u32, len: usize) -> Range<usize> {
        let start = ptr as usize;
        start..start.saturating_add(len)
    }

    fn read(&self, ptr: u32, len: u32) -> Result<Bytes> {
        self.slice(ptr, len as usize).map(Bytes::copy_from_slice)
    }

    fn slice(&self, ptr: u32, len: usize) -> Result<&[u8]> {
        let memory = self.caller.data().metering.ok_or(Stop::Memory)?.memory;
        Ok(memory
            .data(&self.caller)
            .get(Self::range(ptr, len))
            .ok_or(Stop::Memory)?)
    }

    fn read_word(&self, ptr: u32) -> Result<B256> {
        Ok(B256::from_slice(self.slice(ptr, 32)?))
    }

    fn read_uint(&self, ptr: u32) -> Result<U256> {
        Ok(U256::from_be_bytes(self.read_word(ptr)?.0))
    }

    fn read_address(&self, ptr: u32) -> Result<Address> {
        Ok(Address::from_slice(self.slice(ptr, 20)?))
    }

    fn write(&mut self, ptr: u32, data: &[u8]) -> Result<()> {
        let memory = self.caller.data().metering.ok_or(Stop::Memory)?.memory;
        let target = memory
            .data_mut(&mut self.caller)
            .get_mut(Self::range(ptr, data.len()))
            .ok_or(Stop::Memory)?;
        target.copy_from_slice(data);
        Ok(())
    }

    fn write_uint(&mut self, ptr: u32, value: U256) -> Result<()> {
        self.write(ptr, &word(value))
    }

    fn write_len(&mut self, ptr: u32, len: u32) -> Result<()> {
        self.write(ptr, &len.to_le_bytes())
    }

    /// Suspends the program until the chain has answered.
    async fn ask(&mut self, request: Request) -> Response {
        let answer = self.caller.data().port.ask(request);
        answer.await
    }
}

/// An answer of another kind than was asked for: impossible unless this crate is wrong.
const MISMATCH: Stop = Stop::Broken("the chain answered another question");

/// Records a call that is done, with its arguments and results; costs a comparison when nothing is
/// recorded. Whatever the call still pays or writes after it would be missing.
macro_rules! trace {
    ($cx:expr, [$($arg:expr),*], [$($out:expr),*]) => {
        if $cx.is_traced() {
            $cx.record(Some(CallData {
                args: <[&[u8]]>::concat(&[$(AsRef::<[u8]>::as_ref(&$arg)),*]).into(),
                outs: <[&[u8]]>::concat(&[$(AsRef::<[u8]>::as_ref(&$out)),*]).into(),
            }));
        }
    };
}

/// The bytes of an integer as they are traced.
macro_rules! be {
    ($value:expr) => {
        $value.to_be_bytes()
    };
}

/// A 256-bit integer as it is traced.
fn word(value: U256) -> [u8; 32] {
    value.to_be_bytes()
}

/// Registers a host function that needs nothing from the chain.
macro_rules! local {
    ($linker:ident, $name:literal, $base:expr, |$cx:ident $(, $arg:ident : $ty:ty)*| $(-> $ret:ty)? $body:block) => {
        $linker.func_wrap("vm_hooks", $name, |caller: Caller<'_, Host> $(, $arg: $ty)*| -> Result<local!(@ret $($ret)?)> {
            #[allow(unused_mut, reason = "some functions only pay")]
            let mut $cx = Cx::enter(caller, $name, $base)?;
            $body
        })?;
    };
    (@ret) => { () };
    (@ret $ret:ty) => { $ret };
}

/// Registers a host function that may suspend the program.
macro_rules! remote {
    ($linker:ident, $name:literal, $base:expr, |$cx:ident $(, $arg:ident : $ty:ty)*| $(-> $ret:ty)? $body:block) => {
        $linker.func_wrap_async("vm_hooks", $name, |caller: Caller<'_, Host>, ($($arg,)*): ($($ty,)*)| {
            Box::new(async move {
                let mut $cx = Cx::enter(caller, $name, $base)?;
                let end: Result<local!(@ret $($ret)?)> = $body;
                end
            })
        })?;
    };
}

/// Adds all host functions to `linker`.
pub fn link(linker: &mut Linker<Host>) -> Result<()> {
    link_data(linker)?;
    link_storage(linker)?;
    link_calls(linker)?;
    link_accounts(linker)?;
    link_context(linker)?;
    link_math(linker)
}

/// Calldata, result, logs, hashing, memory.
fn link_data(linker: &mut Linker<Host>) -> Result<()> {
    local!(linker, "read_args", ink::HOSTIO, |cx, ptr: u32| {
        let calldata = cx.env().calldata.clone();
        cx.pay(ink::write(len32(&calldata)))?;
        cx.write(ptr, &calldata)?;
        trace!(cx, [], [calldata]);
        Ok(())
    });
    local!(linker, "write_result", ink::HOSTIO, |cx, ptr: u32, len: u32| {
        cx.pay(ink::read(len))?;
        cx.pay(ink::read(len))?;
        let result = cx.read(ptr, len)?;
        trace!(cx, [result], []);
        cx.host().result = result;
        Ok(())
    });
    local!(linker, "exit_early", 0, |cx, status: u32| {
        trace!(cx, [be!(status)], []);
        Err(Stop::Exit(status).into())
    });
    local!(linker, "native_keccak256", 0, |cx, ptr: u32, len: u32, out: u32| {
        cx.pay(ink::keccak(len))?;
        // The result may overwrite the preimage.
        let preimage = if cx.is_traced() {
            cx.read(ptr, len)?
        } else {
            Bytes::new()
        };
        let hash = keccak256(cx.slice(ptr, len as usize)?);
        cx.write(out, hash.as_slice())?;
        trace!(cx, [preimage], [hash]);
        Ok(())
    });
    remote!(linker, "pay_for_memory_grow", 0, |cx, pages: u32| {
        let Ok(pages) = u16::try_from(pages) else {
            return Err(cx.out_of_ink().into());
        };
        if pages == 0 {
            cx.pay(ink::HOSTIO)?;
            trace!(cx, [be!(pages)], []);
            return Ok(());
        }
        let Response::Done { gas } = cx.ask(Request::AddPages(pages)).await else {
            return Err(MISMATCH.into());
        };
        cx.pay_gas(gas)?;
        trace!(cx, [be!(pages)], []);
        Ok(())
    });
    remote!(
        linker,
        "emit_log",
        ink::HOSTIO + ink::API,
        |cx, ptr: u32, len: u32, topics: u32| {
            let split = topics.saturating_mul(32);
            if topics > 4 || len < split {
                return Err(Stop::Refused("a log needs at most 4 topics of 32 bytes").into());
            }
            cx.pay(ink::read(len))?;
            cx.pay_gas(gas::LOG * (1 + u64::from(topics)) + gas::LOG_DATA * u64::from(len - split))?;
            let log = cx.read(ptr, len)?;
            if cx.env().is_static {
                return Err(Stop::Refused("a static frame cannot log").into());
            }
            let (words, data) = log.split_at(split as usize);
            let words = words.chunks_exact(32).map(B256::from_slice).collect();
            cx.ask(Request::Log {
                topics: words,
                data: Bytes::copy_from_slice(data),
            })
            .await;
            trace!(cx, [be!(topics), log], []);
            Ok(())
        }
    );
    Ok(())
}

/// Persistent and transient storage.
fn link_storage(linker: &mut Linker<Host>) -> Result<()> {
    remote!(
        linker,
        "storage_load_bytes32",
        ink::HOSTIO + 2 * ink::PTR,
        |cx, key: u32, dest: u32| {
            cx.need_gas(gas::COLD_SLOAD + gas::STORAGE_CACHE + cx.state_read_gas())?;
            let key = cx.read_word(key)?;
            let tier = cx.host().cache.count_load();
            let value = match cx.host().cache.get(&key) {
                Some(value) => {
                    cx.pay_gas(tier)?;
                    value
                }
                None => {
                    let Response::Word { value, gas } = cx.ask(Request::Load(key)).await else {
                        return Err(MISMATCH.into());
                    };
                    cx.host().cache.fill(key, value);
                    cx.pay_gas(tier + gas + cx.state_read_gas())?;
                    value
                }
            };
            cx.write(dest, value.as_slice())?;
            trace!(cx, [key], [value]);
            Ok(())
        }
    );
    local!(
        linker,
        "storage_cache_bytes32",
        ink::HOSTIO + 2 * ink::PTR,
        |cx, key: u32, value: u32| {
            cx.need_gas(gas::STORE_SENTRY + gas::STORAGE_CACHE)?;
            let (key, value) = (cx.read_word(key)?, cx.read_word(value)?);
            let tier = cx.host().cache.count_store();
            cx.host().cache.set(key, value);
            cx.pay_gas(tier)?;
            trace!(cx, [key, value], []);
            Ok(())
        }
    );
    remote!(
        linker,
        "storage_flush_cache",
        ink::HOSTIO + ink::API,
        |cx, clear: u32| {
            cx.need_gas(gas::STORE_SENTRY)?;
            let gas_left = cx.gas_left();
            let writes = cx.host().cache.take_dirty(clear != 0);
            if writes.is_empty() {
                trace!(cx, [[u8::from(clear != 0)]], []);
                return Ok(());
            }
            if cx.env().is_static {
                return Err(Stop::Refused("a static frame cannot write storage").into());
            }
            let Response::Done { gas } = cx.ask(Request::Flush { writes, gas_left }).await else {
                return Err(MISMATCH.into());
            };
            cx.pay_gas(gas)?;
            trace!(cx, [[u8::from(clear != 0)]], []);
            Ok(())
        }
    );
    remote!(
        linker,
        "transient_load_bytes32",
        ink::HOSTIO + 2 * ink::PTR + ink::API,
        |cx, key: u32, dest: u32| {
            cx.pay_gas(gas::WARM)?;
            let key = cx.read_word(key)?;
            let Response::Word { value, .. } = cx.ask(Request::TransientLoad(key)).await else {
                return Err(MISMATCH.into());
            };
            cx.write(dest, value.as_slice())?;
            trace!(cx, [key], [value]);
            Ok(())
        }
    );
    remote!(
        linker,
        "transient_store_bytes32",
        ink::HOSTIO + 2 * ink::PTR + ink::API,
        |cx, key: u32, value: u32| {
            cx.pay_gas(gas::WARM)?;
            let (key, value) = (cx.read_word(key)?, cx.read_word(value)?);
            if cx.env().is_static {
                return Err(Stop::Refused("a static frame cannot write transient storage").into());
            }
            cx.ask(Request::TransientStore(key, value)).await;
            trace!(cx, [key, value], []);
            Ok(())
        }
    );
    Ok(())
}

/// Status that a program sees for a failed call, whatever the failure.
const CALL_FAILED: u8 = 2;

/// Shared tail of the three calls, after the base price.
async fn call(
    cx: &mut Cx<'_>,
    kind: CallKind,
    [address, data, len, return_len]: [u32; 4],
    value: Option<u32>,
    gas_requested: u64,
) -> Result<u32> {
    cx.pay(ink::read(len))?;
    cx.pay(ink::read(len))?;
    let gas_left = cx.gas_left();
    let request = CallRequest {
        kind,
        address: cx.read_address(address)?,
        data: cx.read(data, len)?,
        value: value.map_or(Ok(U256::ZERO), |ptr| cx.read_uint(ptr))?,
        gas_left,
        gas_requested: gas_requested.min(gas_left),
        recorded: cx.recorded(),
    };
    let made = cx.is_traced().then(|| request.clone());
    let Response::Called { success, data, gas } = cx.ask(Request::Call(request)).await else {
        return Err(MISMATCH.into());
    };
    let data_len = len32(&data);
    cx.host().return_data = data;
    cx.pay_gas(gas)?;
    cx.write_len(return_len, data_len)?;
    let status = if success { 0 } else { CALL_FAILED };
    if let Some(made) = made {
        let (to, data) = (made.address, made.data);
        let outs = [be!(data_len).as_slice(), &[status]].concat();
        // The gas is what the program asked for, be it more than there was.
        match kind {
            CallKind::Call => trace!(cx, [to, be!(gas_requested), word(made.value), data], [outs]),
            CallKind::Delegate | CallKind::Static => trace!(cx, [to, be!(gas_requested), data], [outs]),
        }
    }
    Ok(status.into())
}

/// Shared tail of the two creations, after the base price.
async fn create(
    cx: &mut Cx<'_>,
    [code, len, endowment, address_out, return_len]: [u32; 5],
    salt: Option<u32>,
) -> Result<()> {
    cx.pay(ink::read(len))?;
    cx.pay(ink::read(len))?;
    let gas_left = cx.gas_left();
    let request = CreateRequest {
        code: cx.read(code, len)?,
        endowment: cx.read_uint(endowment)?,
        salt: salt.map(|ptr| cx.read_word(ptr)).transpose()?,
        gas_left,
        recorded: cx.recorded(),
    };
    let made = cx.is_traced().then(|| request.clone());
    match cx.ask(Request::Create(request)).await {
        Response::Created { address, data, gas } => {
            let data_len = len32(&data);
            cx.host().return_data = data;
            cx.pay_gas(gas)?;
            cx.write_len(return_len, data_len)?;
            cx.write(address_out, address.as_slice())?;
            if let Some(made) = made {
                let salt = made.salt.as_ref().map_or(&[][..], B256::as_slice);
                trace!(cx, [word(made.endowment), salt, made.code], [address, be!(data_len)]);
            }
            Ok(())
        }
        Response::Refused => Err(Stop::Refused("a contract cannot be created here").into()),
        _ => Err(MISMATCH.into()),
    }
}

/// Calls, creations and their return data.
fn link_calls(linker: &mut Linker<Host>) -> Result<()> {
    const BASE: u64 = ink::HOSTIO + 3 * ink::PTR + ink::API;
    remote!(linker, "call_contract", BASE, |cx,
                                            address: u32,
                                            data: u32,
                                            len: u32,
                                            value: u32,
                                            gas: u64,
                                            ret: u32|
     -> u32 {
        call(&mut cx, CallKind::Call, [address, data, len, ret], Some(value), gas).await
    });
    remote!(linker, "delegate_call_contract", BASE, |cx,
                                                     address: u32,
                                                     data: u32,
                                                     len: u32,
                                                     gas: u64,
                                                     ret: u32|
     -> u32 {
        call(&mut cx, CallKind::Delegate, [address, data, len, ret], None, gas).await
    });
    remote!(linker, "static_call_contract", BASE, |cx,
                                                   address: u32,
                                                   data: u32,
                                                   len: u32,
                                                   gas: u64,
                                                   ret: u32|
     -> u32 {
        call(&mut cx, CallKind::Static, [address, data, len, ret], None, gas).await
    });
    remote!(
        linker,
        "create1",
        BASE,
        |cx, code: u32, len: u32, endowment: u32, address: u32, ret: u32| {
            create(&mut cx, [code, len, endowment, address, ret], None).await
        }
    );
    remote!(
        linker,
        "create2",
        BASE + ink::PTR,
        |cx, code: u32, len: u32, endowment: u32, salt: u32, address: u32, ret: u32| {
            create(&mut cx, [code, len, endowment, address, ret], Some(salt)).await
        }
    );
    local!(linker, "read_return_data", ink::HOSTIO + ink::API, |cx,
                                                                dest: u32,
                                                                offset: u32,
                                                                size: u32|
     -> u32 {
        let len = len32(&cx.host().return_data);
        let count = size.min(len.saturating_sub(offset));
        cx.pay(ink::write(count))?;
        if count == 0 {
            trace!(cx, [be!(offset), be!(size)], []);
            return Ok(0);
        }
        let start = offset as usize;
        let data = cx.host().return_data.slice(start..start + count as usize);
        cx.write(dest, &data)?;
        trace!(cx, [be!(offset), be!(size)], [data]);
        Ok(count)
    });
    local!(linker, "return_data_size", ink::HOSTIO, |cx| -> u32 {
        let len = len32(&cx.host().return_data);
        trace!(cx, [], [be!(len)]);
        Ok(len)
    });
    Ok(())
}

/// Code of `address`, paid for, through the one-entry cache.
async fn account_code(cx: &mut Cx<'_>, address: Address) -> Result<Bytes> {
    if let Some((cached, code)) = &cx.host().code_cache
        && *cached == address
    {
        return Ok(code.clone());
    }
    let gas_left = cx.gas_left();
    let Response::Code { code, gas } = cx.ask(Request::Code(address, gas_left)).await else {
        return Err(MISMATCH.into());
    };
    cx.pay_gas(gas)?;
    if !code.is_empty() {
        cx.host().code_cache = Some((address, code.clone()));
    }
    Ok(code)
}

/// Other accounts.
fn link_accounts(linker: &mut Linker<Host>) -> Result<()> {
    const WITH_RESULT: u64 = ink::HOSTIO + 2 * ink::PTR + ink::API;
    remote!(linker, "account_balance", WITH_RESULT, |cx, address: u32, dest: u32| {
        cx.need_gas(gas::COLD_ACCOUNT)?;
        let address = cx.read_address(address)?;
        let Response::Word { value, gas } = cx.ask(Request::Balance(address)).await else {
            return Err(MISMATCH.into());
        };
        cx.pay_gas(gas)?;
        cx.write(dest, value.as_slice())?;
        trace!(cx, [address], [value]);
        Ok(())
    });
    remote!(
        linker,
        "account_codehash",
        WITH_RESULT,
        |cx, address: u32, dest: u32| {
            cx.need_gas(gas::COLD_ACCOUNT)?;
            let address = cx.read_address(address)?;
            let Response::Word { value, gas } = cx.ask(Request::CodeHash(address)).await else {
                return Err(MISMATCH.into());
            };
            cx.pay_gas(gas)?;
            cx.write(dest, value.as_slice())?;
            trace!(cx, [address], [value]);
            Ok(())
        }
    );
    remote!(linker, "account_code", ink::HOSTIO + ink::API, |cx,
                                                             address: u32,
                                                             offset: u32,
                                                             size: u32,
                                                             dest: u32|
     -> u32 {
        cx.need_gas(gas::COLD_ACCOUNT)?;
        let address = cx.read_address(address)?;
        let code = account_code(&mut cx, address).await?;
        cx.pay(ink::write(len32(&code)))?;
        let start = (offset as usize).min(code.len());
        let end = start.saturating_add(size as usize).min(code.len());
        let part = code.slice(start..end);
        cx.write(dest, &part)?;
        trace!(cx, [address, be!(offset), be!(size)], [part]);
        Ok(len32(&part))
    });
    remote!(linker, "account_code_size", ink::HOSTIO + ink::API, |cx,
                                                                  address: u32|
     -> u32 {
        cx.need_gas(gas::COLD_ACCOUNT)?;
        let address = cx.read_address(address)?;
        let len = len32(&account_code(&mut cx, address).await?);
        trace!(cx, [address], [be!(len)]);
        Ok(len)
    });
    Ok(())
}

/// Frame, transaction and block.
fn link_context(linker: &mut Linker<Host>) -> Result<()> {
    const WITH_PTR: u64 = ink::HOSTIO + ink::PTR;
    local!(linker, "block_basefee", WITH_PTR, |cx, dest: u32| {
        let value = cx.env().basefee;
        cx.write_uint(dest, value)?;
        trace!(cx, [], [word(value)]);
        Ok(())
    });
    local!(linker, "block_coinbase", WITH_PTR, |cx, dest: u32| {
        let value = cx.env().coinbase;
        cx.write(dest, value.as_slice())?;
        trace!(cx, [], [value]);
        Ok(())
    });
    local!(linker, "block_gas_limit", ink::HOSTIO, |cx| -> u64 {
        let value = cx.env().gas_limit;
        trace!(cx, [], [be!(value)]);
        Ok(value)
    });
    local!(linker, "block_number", ink::HOSTIO, |cx| -> u64 {
        let value = cx.env().number;
        trace!(cx, [], [be!(value)]);
        Ok(value)
    });
    local!(linker, "block_timestamp", ink::HOSTIO, |cx| -> u64 {
        let value = cx.env().timestamp;
        trace!(cx, [], [be!(value)]);
        Ok(value)
    });
    local!(linker, "chainid", ink::HOSTIO, |cx| -> u64 {
        let value = cx.env().chain_id;
        trace!(cx, [], [be!(value)]);
        Ok(value)
    });
    local!(linker, "contract_address", WITH_PTR, |cx, dest: u32| {
        let value = cx.env().address;
        cx.write(dest, value.as_slice())?;
        trace!(cx, [], [value]);
        Ok(())
    });
    local!(linker, "evm_gas_left", ink::HOSTIO, |cx| -> u64 {
        let value = cx.gas_left();
        trace!(cx, [], [be!(value)]);
        Ok(value)
    });
    local!(linker, "evm_ink_left", ink::HOSTIO, |cx| -> u64 {
        let value = cx.ink_left();
        trace!(cx, [], [be!(value)]);
        Ok(value)
    });
    local!(linker, "msg_reentrant", ink::HOSTIO, |cx| -> u32 {
        let value = u32::from(cx.env().reentrant);
        trace!(cx, [], [be!(value)]);
        Ok(value)
    });
    local!(linker, "msg_sender", WITH_PTR, |cx, dest: u32| {
        let value = cx.env().caller;
        cx.write(dest, value.as_slice())?;
        trace!(cx, [], [value]);
        Ok(())
    });
    local!(linker, "msg_value", WITH_PTR, |cx, dest: u32| {
        let value = cx.env().value;
        cx.write_uint(dest, value)?;
        trace!(cx, [], [word(value)]);
        Ok(())
    });
    local!(linker, "tx_gas_price", WITH_PTR, |cx, dest: u32| {
        let value = cx.env().gas_price;
        cx.write_uint(dest, value)?;
        trace!(cx, [], [word(value)]);
        Ok(())
    });
    local!(linker, "tx_ink_price", ink::HOSTIO, |cx| -> u32 {
        let value = u32::try_from(cx.env().ink_price).unwrap_or(u32::MAX);
        trace!(cx, [], [be!(value)]);
        Ok(value)
    });
    local!(linker, "tx_origin", WITH_PTR, |cx, dest: u32| {
        let value = cx.env().origin;
        cx.write(dest, value.as_slice())?;
        trace!(cx, [], [value]);
        Ok(())
    });
    Ok(())
}

/// 256-bit arithmetic in place: the first pointer is argument and result.
fn link_math(linker: &mut Linker<Host>) -> Result<()> {
    local!(linker, "math_div", 43_520, |cx, value: u32, divisor: u32| {
        let (a, b) = (cx.read_uint(value)?, cx.read_uint(divisor)?);
        let result = a.checked_div(b).unwrap_or_default();
        cx.write_uint(value, result)?;
        trace!(cx, [word(a), word(b)], [word(result)]);
        Ok(())
    });
    local!(linker, "math_mod", 43_520, |cx, value: u32, modulus: u32| {
        let (a, m) = (cx.read_uint(value)?, cx.read_uint(modulus)?);
        let result = a.checked_rem(m).unwrap_or_default();
        cx.write_uint(value, result)?;
        trace!(cx, [word(a), word(m)], [word(result)]);
        Ok(())
    });
    local!(linker, "math_pow", 23_520, |cx, value: u32, exponent: u32| {
        let (a, e) = (cx.read_uint(value)?, cx.read_uint(exponent)?);
        cx.pay(ink::pow(e.byte_len() as u64))?;
        let result = a.wrapping_pow(e);
        cx.write_uint(value, result)?;
        trace!(cx, [word(a), word(e)], [word(result)]);
        Ok(())
    });
    local!(
        linker,
        "math_add_mod",
        49_560,
        |cx, value: u32, addend: u32, modulus: u32| {
            let (a, b, m) = (cx.read_uint(value)?, cx.read_uint(addend)?, cx.read_uint(modulus)?);
            let result = a.add_mod(b, m);
            cx.write_uint(value, result)?;
            trace!(cx, [word(a), word(b), word(m)], [word(result)]);
            Ok(())
        }
    );
    local!(
        linker,
        "math_mul_mod",
        52_660,
        |cx, value: u32, factor: u32, modulus: u32| {
            let (a, b, m) = (cx.read_uint(value)?, cx.read_uint(factor)?, cx.read_uint(modulus)?);
            let result = a.mul_mod(b, m);
            cx.write_uint(value, result)?;
            trace!(cx, [word(a), word(b), word(m)], [word(result)]);
            Ok(())
        }
    );
    Ok(())
}
