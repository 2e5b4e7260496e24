//! Compiled programs, shared by all chains of this process.

use super::{
    host::{self, Host},
    pages::PAGE_LIMIT,
    program::HostFailure,
};
use crate::wasm;
use alloy_primitives::{B256, keccak256};
use lru::LruCache;
use std::{
    path::Path,
    sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError},
};
use thiserror::Error;
use wasmtime::{Cache, CacheConfig, Config, Engine, InstancePre, Linker, Module, OptLevel};

/// Native stack of one running program. The depth checker stops a program after 22,000 words; compiled
/// frames need a few machine words for each of them, so this is several times what can be reached.
const STACK_BYTES: usize = 4 << 20;
/// Native stack for host functions on top of a program's own.
const HOST_STACK_BYTES: usize = 256 << 10;
/// Most native code kept in memory, in bytes. Programs that are running are kept beside it.
const KEPT_BYTES: usize = 256 << 20;

/// The wasm engine and its host functions.
struct Runtime {
    engine: Engine,
    linker: Linker<Host>,
}

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// Compiled modules by the hash of the instrumented module.
static COMPILED: LazyLock<Mutex<Kept<Arc<InstancePre<Host>>>>> = LazyLock::new(|| Mutex::new(Kept::new(KEPT_BYTES)));

fn runtime() -> &'static Runtime {
    RUNTIME.get_or_init(|| Runtime::new(None))
}

impl Runtime {
    fn new(disk: Option<Cache>) -> Self {
        let mut config = Config::new();
        config
            // Optimisation could keep values alive across calls that the depth checker does not count.
            .cranelift_opt_level(OptLevel::None)
            .cranelift_nan_canonicalization(true)
            .max_wasm_stack(STACK_BYTES)
            .async_stack_size(STACK_BYTES + HOST_STACK_BYTES)
            .cache(disk);
        #[expect(
            clippy::expect_used,
            reason = "fixed configuration and fixed names: fails on the first run or never"
        )]
        let engine = Engine::new(&config).expect("the configuration is valid");
        let mut linker = Linker::new(&engine);
        #[expect(clippy::expect_used, reason = "as above")]
        host::link(&mut linker).expect("host functions have distinct names");
        Self { engine, linker }
    }
}

/// The engine that runs programs.
pub fn engine() -> &'static Engine {
    &runtime().engine
}

/// Why compiled programs cannot be kept on disk.
#[derive(Debug, Error)]
pub enum DiskCacheError {
    /// A program has run already, or another directory was chosen.
    #[error("the directory for compiled programs must be chosen once, before the first program runs")]
    TooLate,
    /// The directory cannot be used.
    #[error("compiled programs cannot be kept there: {0}")]
    Directory(wasmtime::Error),
}

/// Keeps compiled programs in `directory` (an absolute path, created when missing), for later processes too.
///
/// Off unless this is called, which must happen before the first program runs. Whoever can write to the directory
/// can run code in this process. Old files are removed by size and age.
pub fn keep_on_disk(directory: &Path) -> Result<(), DiskCacheError> {
    let mut config = CacheConfig::new();
    config.with_directory(directory);
    let cache = Cache::new(config).map_err(DiskCacheError::Directory)?;
    let mut chosen = false;
    RUNTIME.get_or_init(|| {
        chosen = true;
        Runtime::new(Some(cache))
    });
    if chosen { Ok(()) } else { Err(DiskCacheError::TooLate) }
}

/// The module whose instrumented form has the hash `hash`, ready to instantiate; compiled from the wasm that `load`
/// returns when it is not in memory.
///
/// The hash, recorded at activation, says what to run: a root program's own code does not, because chains of one
/// process may keep other fragments at the same addresses. The wasm has been activated, so an error is a failure of
/// this process, not of the program.
pub fn compiled<E: From<HostFailure>>(
    hash: B256,
    load: impl FnOnce() -> Result<Vec<u8>, E>,
) -> Result<Arc<InstancePre<Host>>, E> {
    if let Some(ready) = lock().get(&hash) {
        return Ok(ready);
    }
    let wasm = load()?;
    // Compiled without the lock: other programs can start meanwhile, and two that compile the same agree.
    let (ready, bytes) = compile(hash, &wasm)?;
    let ready = Arc::new(ready);
    lock().insert(hash, ready.clone(), bytes);
    Ok(ready)
}

/// Compiles a module; also returns the size of its native code in bytes.
fn compile(hash: B256, wasm: &[u8]) -> Result<(InstancePre<Host>, usize), HostFailure> {
    let failure = |error: wasmtime::Error| HostFailure(format!("{error:?}"));
    let activated = wasm::activate(wasm, PAGE_LIMIT).map_err(|error| HostFailure(error.to_string()))?;
    if keccak256(&activated.instrumented) != hash {
        return Err(HostFailure(String::from("its code is not what was activated")));
    }
    let module = Module::new(engine(), &activated.instrumented).map_err(failure)?;
    let image = module.image_range();
    let bytes = (image.end as usize).saturating_sub(image.start as usize);
    let ready = runtime().linker.instantiate_pre(&module).map_err(failure)?;
    Ok((ready, bytes))
}

fn lock() -> MutexGuard<'static, Kept<Arc<InstancePre<Host>>>> {
    COMPILED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Values by hash, the least recently used dropped when they take too many bytes.
#[derive(Debug)]
struct Kept<T> {
    values: LruCache<B256, (T, usize)>,
    bytes: usize,
    limit: usize,
}

impl<T: Clone> Kept<T> {
    fn new(limit: usize) -> Self {
        Self {
            values: LruCache::unbounded(),
            bytes: 0,
            limit,
        }
    }

    fn get(&mut self, hash: &B256) -> Option<T> {
        self.values.get(hash).map(|(value, _)| value.clone())
    }

    fn insert(&mut self, hash: B256, value: T, bytes: usize) {
        if let Some((_, old)) = self.values.put(hash, (value, bytes)) {
            self.bytes -= old;
        }
        self.bytes += bytes;
        while self.bytes > self.limit
            && let Some((_, (_, bytes))) = self.values.pop_lru()
        {
            self.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> B256 {
        B256::with_last_byte(byte)
    }

    #[test]
    fn kept_beyond_its_bytes_drops_the_least_recently_used() {
        let mut kept = Kept::new(100);
        kept.insert(key(1), 'a', 40);
        kept.insert(key(2), 'b', 40);
        assert_eq!(kept.get(&key(1)), Some('a'));
        kept.insert(key(3), 'c', 40);
        assert_eq!(
            (kept.get(&key(1)), kept.get(&key(2)), kept.get(&key(3))),
            (Some('a'), None, Some('c'))
        );
        assert_eq!(kept.bytes, 80);
    }

    #[test]
    fn kept_same_hash_again_is_counted_once() {
        let mut kept = Kept::new(100);
        kept.insert(key(1), 'a', 60);
        kept.insert(key(1), 'b', 70);
        assert_eq!((kept.get(&key(1)), kept.bytes), (Some('b'), 70));
    }

    #[test]
    fn kept_value_above_the_limit_leaves_nothing() {
        let mut kept = Kept::new(100);
        kept.insert(key(1), 'a', 60);
        kept.insert(key(2), 'b', 101);
        assert_eq!((kept.get(&key(1)), kept.get(&key(2)), kept.bytes), (None, None, 0));
    }
}
