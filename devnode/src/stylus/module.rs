//! Compiled programs, shared by all chains of this process.

use super::{
    code,
    host::{self, Host},
    program::HostFailure,
};
use crate::wasm;
use alloy_primitives::B256;
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};
use wasmtime::{Config, Engine, InstancePre, Linker, Module, OptLevel};

/// Largest decompressed module by default, in bytes.
pub const MAX_WASM_SIZE: u32 = 262_144;

/// Largest decompressed module that can be run, whatever chain owners let in.
const LARGEST: usize = 16 << 20;

/// Native stack of one running program. The depth checker stops a program after 22,000 words; compiled
/// frames need a few machine words for each of them, so this is several times what can be reached.
const STACK_BYTES: usize = 4 << 20;
/// Native stack for host functions on top of a program's own.
const HOST_STACK_BYTES: usize = 256 << 10;

/// The wasm engine, its host functions, and every module compiled so far by code hash.
struct Shared {
    engine: Engine,
    linker: Linker<Host>,
    compiled: Mutex<HashMap<B256, Arc<InstancePre<Host>>>>,
}

static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    let mut config = Config::new();
    config
        // Optimisation could keep values alive across calls that the depth checker does not count.
        .cranelift_opt_level(OptLevel::None)
        .cranelift_nan_canonicalization(true)
        .max_wasm_stack(STACK_BYTES)
        .async_stack_size(STACK_BYTES + HOST_STACK_BYTES);
    #[expect(
        clippy::expect_used,
        reason = "fixed configuration and fixed names: fails on the first run or never"
    )]
    let engine = Engine::new(&config).expect("the configuration is valid");
    let mut linker = Linker::new(&engine);
    #[expect(clippy::expect_used, reason = "as above")]
    host::link(&mut linker).expect("host functions have distinct names");
    Shared {
        engine,
        linker,
        compiled: Mutex::default(),
    }
});

/// The engine that runs programs.
pub fn engine() -> &'static Engine {
    &SHARED.engine
}

/// A module ready to instantiate for the program stored as `code`, compiled on first use.
///
/// The code must have been activated, so an error is a failure of this process, not of the program.
pub fn compiled(hash: B256, code: &[u8]) -> Result<Arc<InstancePre<Host>>, HostFailure> {
    if let Some(module) = lock().get(&hash) {
        return Ok(module.clone());
    }
    let failure = |error: wasmtime::Error| HostFailure(format!("{error:?}"));
    // Activation applied the limits of its time; those of today do not matter.
    let wasm = code::decompress(code, LARGEST).map_err(|error| HostFailure(error.to_string()))?;
    let activated = wasm::activate(&wasm, u16::MAX).map_err(|error| HostFailure(error.to_string()))?;
    let module = Module::new(&SHARED.engine, &activated.instrumented).map_err(failure)?;
    let ready = SHARED.linker.instantiate_pre(&module).map_err(failure)?;
    Ok(lock().entry(hash).or_insert(Arc::new(ready)).clone())
}

fn lock() -> std::sync::MutexGuard<'static, HashMap<B256, Arc<InstancePre<Host>>>> {
    SHARED.compiled.lock().unwrap_or_else(PoisonError::into_inner)
}
