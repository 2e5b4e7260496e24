//! One run of one program.

use super::{
    host::{Env, Host, HostCall, Stop},
    module,
    port::{Port, Request, Response},
};
use crate::wasm::{INK_LEFT, INK_STATUS, STACK_LEFT};
use alloy_primitives::Bytes;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};
use wasmtime::{Global, InstancePre, Store, Val};

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
    /// Host functions called in order, when they were recorded.
    pub host_calls: Vec<HostCall>,
    /// Why it trapped, for people.
    pub reason: Option<String>,
}

/// A program that is running or suspended. Dropping it abandons the run.
pub struct Program {
    run: Pin<Box<dyn Future<Output = Finished> + Send>>,
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
    pub fn new(module: std::sync::Arc<InstancePre<Host>>, env: Env, ink: u64, stack: u32) -> Self {
        let port = Port::default();
        let run = Box::pin(run(module, Host::new(env, port.clone()), ink, stack));
        Self { run, port }
    }

    /// Posts the answer to the last request.
    pub fn answer(&self, response: Response) {
        self.port.answer(response);
    }

    /// Runs until the program needs the chain or ends.
    pub fn resume(&mut self) -> Step {
        match self.run.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(finished) => Step::Done(finished),
            // A program is only ever suspended by a request.
            Poll::Pending => self.port.take_request().map_or_else(
                || Step::Done(Finished::failed(String::from("suspended without a request"))),
                Step::Ask,
            ),
        }
    }
}

impl Finished {
    fn failed(reason: String) -> Self {
        Self {
            outcome: Outcome::Trap,
            output: Bytes::new(),
            ink_left: 0,
            stack_left: 0,
            host_calls: Vec::new(),
            reason: Some(reason),
        }
    }
}

/// Instantiates and runs `user_entrypoint`, then classifies the end.
async fn run(module: std::sync::Arc<InstancePre<Host>>, host: Host, ink: u64, stack: u32) -> Finished {
    let calldata_len = host.calldata_len();
    let mut store = Store::new(module::engine(), host);
    let instance = match module.instantiate_async(&mut store).await {
        Ok(instance) => instance,
        Err(error) => return Finished::failed(format!("{error:?}")),
    };
    let global = |store: &mut Store<Host>, name: &str| instance.get_global(&mut *store, name);
    let (Some(ink_left), Some(ink_status), Some(stack_left), Some(memory)) = (
        global(&mut store, INK_LEFT),
        global(&mut store, INK_STATUS),
        global(&mut store, STACK_LEFT),
        instance.get_memory(&mut store, "memory"),
    ) else {
        return Finished::failed(String::from("module lacks its metering globals"));
    };
    store.data_mut().attach(memory, ink_left, ink_status);
    set(&mut store, &ink_left, Val::I64(ink.cast_signed()));
    set(&mut store, &stack_left, Val::I32(stack.cast_signed()));

    let end = match instance.get_typed_func::<u32, u32>(&mut store, "user_entrypoint") {
        Ok(entrypoint) => entrypoint.call_async(&mut store, calldata_len).await,
        Err(error) => Err(error),
    };

    let stack_left = stack_left.get(&mut store).i32().map_or(0, i32::cast_unsigned);
    let exhausted = ink_status.get(&mut store).i32() != Some(0);
    let ink = ink_left.get(&mut store).i64().map_or(0, i64::cast_unsigned);
    let (outcome, reason) = match end {
        Ok(0) => (Outcome::Success, None),
        Ok(_) => (Outcome::Revert, None),
        Err(error) => {
            if stack_left == 0 || error.downcast_ref() == Some(&wasmtime::Trap::StackOverflow) {
                (Outcome::OutOfStack, None)
            } else if exhausted {
                (Outcome::OutOfInk, None)
            } else {
                match error.downcast_ref::<Stop>() {
                    Some(Stop::Exit(0)) => (Outcome::Success, None),
                    Some(Stop::Exit(_)) => (Outcome::Revert, None),
                    Some(stop) => (Outcome::Trap, Some(stop.to_string())),
                    None => (Outcome::Trap, Some(error.root_cause().to_string())),
                }
            }
        }
    };
    let (output, host_calls) = store.into_data().into_parts();
    Finished {
        outcome,
        output: if matches!(outcome, Outcome::Success | Outcome::Revert) {
            output
        } else {
            Bytes::new()
        },
        ink_left: if outcome == Outcome::OutOfInk { 0 } else { ink },
        stack_left,
        host_calls,
        reason,
    }
}

/// Sets a metering global; their types are fixed by instrumentation, so this cannot fail.
fn set(store: &mut Store<Host>, global: &Global, value: Val) {
    let _ = global.set(store, value);
}
