//! One run of one program.

use super::{
    host::{Env, Host, HostCall, Stop},
    module::Ready,
    port::{Port, Request, Response},
};
use crate::wasm::{INK_LEFT, INK_STATUS, STACK_LEFT};
use alloy_primitives::Bytes;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};
use thiserror::Error;
use wasmtime::{Global, Store, Trap, Val};

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The entrypoint (or `exit_early`) returned 0.
    Success,
    /// The entrypoint (or `exit_early`) returned something else.
    Revert,
    /// It trapped or a host function refused: reverts with empty data, gas kept.
    Trap,
    /// All ink was used.
    OutOfInk,
    /// All stack words were used.
    OutOfStack,
}

impl Outcome {
    /// What a status returned by the program means.
    const fn of(status: u32) -> Self {
        if status == 0 { Self::Success } else { Self::Revert }
    }

    /// The name used by the recorded vectors.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Revert => "revert",
            Self::Trap => "trap",
            Self::OutOfInk => "out-of-ink",
            Self::OutOfStack => "out-of-stack",
        }
    }
}

/// What is left when a program has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub outcome: Outcome,
    /// The last written result; empty unless success or revert.
    pub output: Bytes,
    /// Ink left when it ended; 0 when out of ink.
    pub ink_left: u64,
    /// Stack words left.
    pub stack_left: u32,
    /// Bytes of calldata, the entrypoint's argument.
    pub calldata_len: u32,
    /// What the entrypoint returned or `exit_early` was given, on success and revert.
    pub status: Option<u32>,
    /// Host functions called in order, when they were recorded.
    pub host_calls: Vec<HostCall>,
    /// Whether a limit cut `host_calls` short.
    pub truncated: bool,
    /// Why it trapped, for people.
    pub reason: Option<String>,
}

/// This process could not run a program. A node would have: the transaction has no result at all, so
/// it must not end as a revert.
#[derive(Debug, Error)]
#[error("a program could not be run: {0}")]
pub struct HostFailure(pub String);

impl From<wasmtime::Error> for HostFailure {
    fn from(error: wasmtime::Error) -> Self {
        Self(format!("{error:?}"))
    }
}

/// A program that is running or suspended. Dropping it abandons the run.
pub struct Program {
    run: Pin<Box<dyn Future<Output = Result<Finished, HostFailure>> + Send>>,
    port: Port,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// What a program did when it was given the processor.
#[derive(Debug)]
pub enum Step {
    /// It needs the chain; answer with [`Program::answer`] and resume.
    Ask(Request),
    /// It has ended.
    Done(Finished),
}

impl Program {
    /// Prepares a run with `ink` and `stack` words; nothing executes before [`Self::resume`].
    pub fn new(module: Arc<Ready>, env: Env, ink: u64, stack: u32) -> Self {
        let port = Port::default();
        let run = Box::pin(run(module, Host::new(env, port.clone()), ink, stack));
        Self { run, port }
    }

    /// Posts the answer to the last request.
    pub fn answer(&self, response: Response) {
        self.port.answer(response);
    }

    /// Runs until the program needs the chain or ends.
    pub fn resume(&mut self) -> Result<Step, HostFailure> {
        match self.run.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(finished) => finished.map(Step::Done),
            // A program is only ever suspended by a request.
            Poll::Pending => self
                .port
                .take_request()
                .map(Step::Ask)
                .ok_or_else(|| HostFailure(String::from("suspended without a request"))),
        }
    }
}

/// Instantiates and runs `user_entrypoint`, then classifies the end.
async fn run(module: Arc<Ready>, host: Host, ink: u64, stack: u32) -> Result<Finished, HostFailure> {
    let calldata_len = host.calldata_len();
    let (mut store, instance) = module.instantiate(host).await?;
    let global = |store: &mut Store<Host>, name: &str| instance.get_global(&mut *store, name);
    let (Some(ink_left), Some(ink_status), Some(stack_left), Some(memory)) = (
        global(&mut store, INK_LEFT),
        global(&mut store, INK_STATUS),
        global(&mut store, STACK_LEFT),
        instance.get_memory(&mut store, "memory"),
    ) else {
        return Err(HostFailure(String::from("module lacks its metering globals")));
    };
    store.data_mut().attach(memory, ink_left, ink_status);
    set(&mut store, &ink_left, Val::I64(ink.cast_signed()));
    set(&mut store, &stack_left, Val::I32(stack.cast_signed()));

    let entrypoint = instance.get_typed_func::<u32, u32>(&mut store, "user_entrypoint")?;
    let end = entrypoint.call_async(&mut store, calldata_len).await;

    let stack_left = stack_left.get(&mut store).i32().map_or(0, i32::cast_unsigned);
    let exhausted = ink_status.get(&mut store).i32() != Some(0);
    let ink = ink_left.get(&mut store).i64().map_or(0, i64::cast_unsigned);
    let (outcome, status, reason) = match end {
        Ok(status) => (Outcome::of(status), Some(status), None),
        Err(error) => classify(&error, stack_left == 0, exhausted)?,
    };
    let (output, record) = store.into_data().into_parts();
    Ok(Finished {
        outcome,
        calldata_len,
        status,
        output: if matches!(outcome, Outcome::Success | Outcome::Revert) {
            output
        } else {
            Bytes::new()
        },
        ink_left: if outcome == Outcome::OutOfInk { 0 } else { ink },
        stack_left,
        host_calls: record.calls,
        truncated: record.truncated,
        reason,
    })
}

/// What an early end means, with the status when there is one and the reason when it was a trap.
///
/// Running out of stack is for the depth checker alone to decide: a native stack that overflows before
/// it is a failure of this process, like any error that is neither the program's nor a host function's.
fn classify(
    error: &wasmtime::Error,
    out_of_stack: bool,
    out_of_ink: bool,
) -> Result<(Outcome, Option<u32>, Option<String>), HostFailure> {
    let stop = error.downcast_ref::<Stop>();
    let by_host_function = stop.is_some_and(|stop| !matches!(stop, Stop::Broken(_)));
    if !by_host_function && !error.downcast_ref().copied().is_some_and(is_of_program) {
        return Err(HostFailure(format!("{error:?}")));
    }
    Ok(match stop {
        _ if out_of_stack => (Outcome::OutOfStack, None, None),
        _ if out_of_ink => (Outcome::OutOfInk, None, None),
        Some(Stop::Exit(status)) => (Outcome::of(*status), Some(*status), None),
        Some(stop) => (Outcome::Trap, None, Some(stop.to_string())),
        None => (Outcome::Trap, None, Some(error.root_cause().to_string())),
    })
}

/// Whether WebAssembly itself defines this trap, for the operators that activation lets through.
fn is_of_program(trap: Trap) -> bool {
    matches!(
        trap,
        Trap::UnreachableCodeReached
            | Trap::MemoryOutOfBounds
            | Trap::TableOutOfBounds
            | Trap::IndirectCallToNull
            | Trap::BadSignature
            | Trap::IntegerOverflow
            | Trap::IntegerDivisionByZero
    )
}

/// Sets a metering global; their types are fixed by instrumentation, so this cannot fail.
fn set(store: &mut Store<Host>, global: &Global, value: Val) {
    let _ = global.set(store, value);
}
