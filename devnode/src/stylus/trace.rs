//! What Nitro's native `stylusTracer` answers about a transaction.
//!
//! The answer lists the host calls of programs and, between them, the frames that were opened. A frame
//! is named after the call that opens it in Solidity (`evm_call_contract`, …) and holds the steps made
//! in it; when a program opened it, the program's own `call_contract` takes it over, as soon as that
//! call is done. Steps of the transaction's own frame are at the top.

use super::host::MAX_RECORDED;
use crate::evm::ProgramRun;
use alloy_primitives::{Address, hex};
use revm::{context_interface::CreateScheme, interpreter::CallScheme};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use thiserror::Error;

/// How a frame was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A plain call.
    Call,
    /// CALLCODE, for which the tracer has no name.
    CallCode,
    /// A call that runs foreign code as this account.
    DelegateCall,
    /// A call that may not change state.
    StaticCall,
    /// CREATE, or the transaction.
    Create,
    /// CREATE2.
    Create2,
    /// SELFDESTRUCT, which tracers see as a frame of the heir.
    SelfDestruct,
}

impl FrameKind {
    /// The tracer's name for a frame of this kind.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Call => "evm_call_contract",
            Self::CallCode => "",
            Self::DelegateCall => "evm_delegate_call_contract",
            Self::StaticCall => "evm_static_call_contract",
            Self::Create => "evm_create1",
            Self::Create2 => "evm_create2",
            Self::SelfDestruct => "evm_self_destruct",
        }
    }
}

impl From<CallScheme> for FrameKind {
    fn from(scheme: CallScheme) -> Self {
        match scheme {
            CallScheme::Call => Self::Call,
            CallScheme::CallCode => Self::CallCode,
            CallScheme::DelegateCall => Self::DelegateCall,
            CallScheme::StaticCall => Self::StaticCall,
        }
    }
}

impl From<CreateScheme> for FrameKind {
    fn from(scheme: CreateScheme) -> Self {
        match scheme {
            CreateScheme::Create2 { .. } => Self::Create2,
            _ => Self::Create,
        }
    }
}

/// One recorded frame.
#[derive(Clone, Debug)]
struct Frame {
    kind: FrameKind,
    /// Account whose code runs, the created contract or the heir.
    address: Address,
    /// The frame that opened it.
    parent: Option<usize>,
    /// Host calls that the opener had recorded before it.
    after: usize,
    /// Its program's run.
    run: Option<usize>,
}

/// The frames of a transaction in the order in which they were opened, [`MAX_RECORDED`] at most.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    all: Vec<Frame>,
    /// Indices of the open frames; none for those beyond the limit.
    open: Vec<Option<usize>>,
    truncated: bool,
}

impl Frames {
    /// Opens a frame of `kind` for `address`, `after` so many recorded host calls of its opener.
    pub(crate) fn enter(&mut self, kind: FrameKind, address: Address, after: usize) {
        let parent = self.open.last().copied().flatten();
        let fits = self.all.len() < MAX_RECORDED;
        self.open.push(fits.then_some(self.all.len()));
        self.truncated |= !fits;
        if fits {
            self.all.push(Frame {
                kind,
                address,
                parent,
                after,
                run: None,
            });
        }
    }

    /// Ends the innermost open frame.
    pub(crate) fn exit(&mut self) {
        self.open.pop();
    }

    /// Says which recorded run the innermost open frame is.
    pub(crate) fn attach(&mut self, run: usize) {
        if let Some(index) = self.open.last().copied().flatten() {
            self.all[index].run = Some(run);
        }
    }
}

/// Why a transaction has no trace.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TraceError {
    /// More was done than is recorded.
    #[error("the transaction does more than can be recorded")]
    TooLong,
    /// A program's call was refused before a frame could be opened, for which the tracer has no form: it
    /// fails on nodes too.
    #[error("trace inconsistency: {0} opened no frame")]
    NoFrame(&'static str),
}

/// One step of a trace: a host call, a frame, or the start or end of a program.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step<'a> {
    /// Host function, `evm_` and the call that opened a frame, `user_entrypoint` or `user_returned`.
    pub name: &'static str,
    /// Arguments, encoded as in [`CallData`](super::host::CallData).
    #[serde(serialize_with = "as_hex")]
    pub args: Cow<'a, [u8]>,
    /// Results, encoded likewise.
    #[serde(serialize_with = "as_hex")]
    pub outs: Cow<'a, [u8]>,
    /// Ink before it; at the start and the end of a program that of its start.
    pub start_ink: u64,
    /// Ink after it; as above.
    pub end_ink: u64,
    /// Account whose code a frame runs, the contract it creates, or the heir.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_address")]
    pub address: Option<Address>,
    /// What was done in a frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<Step<'a>>>,
}

fn as_hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode_prefixed(bytes))
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn as_address<S: Serializer>(address: &Option<Address>, serializer: S) -> Result<S::Ok, S::Error> {
    as_hex(address.unwrap_or_default().as_slice(), serializer)
}

impl Step<'_> {
    fn frame(frame: &Frame, steps: Vec<Self>) -> Self {
        Self {
            name: frame.kind.name(),
            args: Cow::Borrowed(&[]),
            outs: Cow::Borrowed(&[]),
            start_ink: 0,
            end_ink: 0,
            address: Some(frame.address),
            steps: Some(steps),
        }
    }

    /// Start or end of a program; `word` is the length of its calldata or its status.
    fn bound(name: &'static str, word: u32, ink: u64) -> Self {
        let word = Cow::Owned(word.to_be_bytes().to_vec());
        let (args, outs) = if name == ENTRYPOINT {
            (word, Cow::Borrowed(&[][..]))
        } else {
            (Cow::Borrowed(&[][..]), word)
        };
        Self {
            name,
            args,
            outs,
            start_ink: ink,
            end_ink: ink,
            address: None,
            steps: None,
        }
    }
}

const ENTRYPOINT: &str = "user_entrypoint";

/// The frame that a host call takes over when it is done.
fn opens(host_call: &str) -> Option<FrameKind> {
    match host_call {
        "call_contract" => Some(FrameKind::Call),
        "delegate_call_contract" => Some(FrameKind::DelegateCall),
        "static_call_contract" => Some(FrameKind::StaticCall),
        _ => None,
    }
}

/// The answer of the tracer about the transaction with these recorded frames and runs.
///
/// Serialize it as it is: it is as deep as the transaction's frames were, 1,024 at most.
pub fn stylus_tracer<'a>(frames: &Frames, runs: &'a [ProgramRun]) -> Result<Vec<Step<'a>>, TraceError> {
    if frames.truncated || runs.iter().any(|run| run.finished.truncated) {
        return Err(TraceError::TooLong);
    }
    // A frame comes after the one that opened it, so from the back every frame finds those that it
    // opened done, the last of them first.
    let mut inner: Vec<Vec<(usize, Step<'a>)>> = Vec::new();
    inner.resize_with(frames.all.len(), Vec::new);
    for frame in frames.all.iter().rev() {
        let opened = inner.pop().unwrap_or_default();
        let run = frame.run.and_then(|index| runs.get(index));
        let steps = match run {
            Some(run) => program_steps(run, opened)?,
            None => opened.into_iter().rev().map(|(_, step)| step).collect(),
        };
        match frame.parent {
            Some(parent) => inner[parent].push((frame.after, Step::frame(frame, steps))),
            None => return Ok(steps),
        }
    }
    Ok(Vec::new())
}

/// The steps of a program among those of the frames it `opened`, which come last first.
fn program_steps<'a>(run: &'a ProgramRun, mut opened: Vec<(usize, Step<'a>)>) -> Result<Vec<Step<'a>>, TraceError> {
    let finished = &run.finished;
    let mut steps = Vec::with_capacity(finished.host_calls.len() + 2);
    steps.push(Step::bound(ENTRYPOINT, finished.calldata_len, run.ink_start));
    for (index, call) in finished.host_calls.iter().enumerate() {
        let mut frame = None;
        if let Some((_, step)) = opened.pop_if(|(after, _)| *after <= index) {
            frame = Some(step);
        }
        // Only a call that is done is a step; the frame of one that failed stays by itself.
        let Some(data) = &call.data else {
            steps.extend(frame);
            continue;
        };
        let (mut address, mut inner) = (None, None);
        if let Some(kind) = opens(call.name) {
            let taken = frame.take().filter(|frame| frame.name == kind.name());
            let taken = taken.ok_or(TraceError::NoFrame(call.name))?;
            (address, inner) = (taken.address, taken.steps);
        }
        steps.extend(frame);
        steps.push(Step {
            name: call.name,
            args: Cow::Borrowed(&data.args),
            outs: Cow::Borrowed(&data.outs),
            start_ink: call.ink_before,
            end_ink: call.ink_before.saturating_sub(call.ink),
            address,
            steps: inner,
        });
    }
    steps.extend(opened.into_iter().rev().map(|(_, step)| step));
    steps.extend(
        finished
            .status
            .map(|status| Step::bound("user_returned", status, run.ink_start)),
    );
    Ok(steps)
}
