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
use wasmtime::{
    Cache, CacheConfig, Config, Engine, Instance, InstanceAllocationStrategy, InstancePre, Linker, Module, OptLevel,
    PoolConcurrencyLimitError, PoolingAllocationConfig, Store,
};

/// Native stack of one running program. The depth checker stops a program after 22,000 words; compiled
/// frames need a few machine words for each of them, so this is several times what can be reached.
const STACK_BYTES: usize = 4 << 20;
/// Native stack for host functions on top of a program's own.
const HOST_STACK_BYTES: usize = 256 << 10;
/// Largest memory of a program in bytes: what the page limit allows, for no transaction can pay for more.
const MEMORY_BYTES: usize = PAGE_LIMIT as usize * 65_536;
/// Programs that can be open at once in memory and on stacks set aside at the start: eight transactions that open as
/// many as they can. A transaction opens 129 at most, as a program without a page has no memory to call from, and 128
/// pages may be open. Beyond that a program is given memory of its own, which works alike but takes longer.
const POOLED: u32 = 8 * 129;
/// Most bytes of an instance beside its memory and tables: activation lets through 32,768 globals of 16 bytes.
const INSTANCE_BYTES: usize = 1 << 20;
/// Most entries of a table.
const TABLE_ENTRIES: usize = 4_096;
/// How much of a stack or memory is cleared for its next user by writing zeroes. What was touched beyond it goes
/// back to the system, which is slower, but else one deep call would hold gigabytes for good.
const RESIDENT_BYTES: usize = 16 << 10;
/// Most native code kept in memory, in bytes. Programs that are running are kept beside it.
const KEPT_BYTES: usize = 256 << 20;

/// A wasm engine and the host functions of its programs.
struct Runtime {
    engine: Engine,
    linker: Linker<Host>,
}

/// Where compiled programs are kept on disk, if anywhere.
static DISK: OnceLock<Option<Cache>> = OnceLock::new();

/// Runs programs in memory and on stacks set aside at its start.
static POOLING: LazyLock<Runtime> = LazyLock::new(|| {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(POOLED)
        .total_memories(POOLED)
        .total_tables(POOLED)
        .total_stacks(POOLED)
        .max_memory_size(MEMORY_BYTES)
        .max_core_instance_size(INSTANCE_BYTES)
        .table_elements(TABLE_ENTRIES)
        .linear_memory_keep_resident(RESIDENT_BYTES)
        .table_keep_resident(RESIDENT_BYTES)
        .async_stack_keep_resident(RESIDENT_BYTES);
    Runtime::new(InstanceAllocationStrategy::Pooling(pool))
});

/// Runs the programs that find no room in the pool.
static SPARE: LazyLock<Runtime> = LazyLock::new(|| Runtime::new(InstanceAllocationStrategy::OnDemand));

/// Compiled modules by the hash of the instrumented module.
static COMPILED: LazyLock<Mutex<Kept<Arc<Ready>>>> = LazyLock::new(|| Mutex::new(Kept::new(KEPT_BYTES)));

impl Runtime {
    fn new(allocation: InstanceAllocationStrategy) -> Self {
        let mut config = Config::new();
        config
            // Optimisation could keep values alive across calls that the depth checker does not count.
            .cranelift_opt_level(OptLevel::None)
            .cranelift_nan_canonicalization(true)
            .max_wasm_stack(STACK_BYTES)
            .async_stack_size(STACK_BYTES + HOST_STACK_BYTES)
            .async_stack_zeroing(true)
            // Data segments are copied: a slot that many programs share would be mapped anew for each.
            .memory_init_cow(false)
            // The default sets 4 GiB of addresses aside for each memory.
            .memory_reservation(MEMORY_BYTES as u64)
            .memory_reservation_for_growth(0)
            .memory_guard_size(65_536)
            .allocation_strategy(allocation)
            .cache(DISK.get_or_init(|| None).clone());
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

    fn prepare(&self, instrumented: &[u8]) -> Result<InstancePre<Host>, HostFailure> {
        let module = Module::new(&self.engine, instrumented)?;
        Ok(self.linker.instantiate_pre(&module)?)
    }
}

/// A compiled module.
pub struct Ready {
    instrumented: Vec<u8>,
    pooled: InstancePre<Host>,
    /// The module for [`SPARE`], once it was needed.
    spare: OnceLock<InstancePre<Host>>,
}

impl std::fmt::Debug for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ready").finish_non_exhaustive()
    }
}

impl Ready {
    fn new(instrumented: Vec<u8>) -> Result<Self, HostFailure> {
        Ok(Self {
            pooled: POOLING.prepare(&instrumented)?,
            instrumented,
            spare: OnceLock::new(),
        })
    }

    /// Bytes that it takes in memory.
    fn bytes(&self) -> usize {
        let image = self.pooled.module().image_range();
        (image.end as usize).saturating_sub(image.start as usize) + self.instrumented.len()
    }

    /// A fresh instance, from the pool while there is room.
    pub async fn instantiate(&self, host: Host) -> Result<(Store<Host>, Instance), HostFailure> {
        let mut store = Store::new(self.pooled.module().engine(), host);
        match self.pooled.instantiate_async(&mut store).await {
            Ok(instance) => Ok((store, instance)),
            Err(error) if error.is::<PoolConcurrencyLimitError>() => {
                let spare = match self.spare.get() {
                    Some(spare) => spare,
                    None => {
                        let spare = SPARE.prepare(&self.instrumented)?;
                        self.spare.get_or_init(|| spare)
                    }
                };
                let mut store = Store::new(spare.module().engine(), store.into_data());
                let instance = spare.instantiate_async(&mut store).await?;
                Ok((store, instance))
            }
            Err(error) => Err(error.into()),
        }
    }
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
    DISK.set(Some(cache)).map_err(|_| DiskCacheError::TooLate)
}

/// The module whose instrumented form has the hash `hash`, ready to instantiate; compiled from the wasm that `load`
/// returns when it is not in memory.
///
/// The hash, recorded at activation, says what to run: a root program's own code does not, because chains of one
/// process may keep other fragments at the same addresses. The wasm has been activated, so an error is a failure of
/// this process, not of the program.
pub fn compiled<E: From<HostFailure>>(hash: B256, load: impl FnOnce() -> Result<Vec<u8>, E>) -> Result<Arc<Ready>, E> {
    if let Some(ready) = lock().get(&hash) {
        return Ok(ready);
    }
    let wasm = load()?;
    // Compiled without the lock: other programs can start meanwhile, and two that compile the same agree.
    let activated = wasm::activate(&wasm, u16::MAX).map_err(|error| HostFailure(error.to_string()))?;
    if keccak256(&activated.instrumented) != hash {
        return Err(HostFailure(String::from("its code is not what was activated")).into());
    }
    let ready = Arc::new(Ready::new(activated.instrumented)?);
    lock().insert(hash, ready.clone(), ready.bytes());
    Ok(ready)
}

/// The module of a program that another chain activated: the hash recorded there is that of another compiler's
/// output, so what it stands for cannot be checked. `key` must name code and record, and nothing else.
pub fn compiled_elsewhere<E: From<HostFailure>>(
    key: B256,
    load: impl FnOnce() -> Result<Vec<u8>, E>,
) -> Result<Arc<Ready>, E> {
    if let Some(ready) = lock().get(&key) {
        return Ok(ready);
    }
    let wasm = load()?;
    let activated = wasm::activate(&wasm, u16::MAX).map_err(|error| HostFailure(error.to_string()))?;
    let ready = Arc::new(Ready::new(activated.instrumented)?);
    lock().insert(key, ready.clone(), ready.bytes());
    Ok(ready)
}

fn lock() -> MutexGuard<'static, Kept<Arc<Ready>>> {
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
