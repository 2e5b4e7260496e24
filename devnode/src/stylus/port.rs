//! The doorway between a suspended program and the chain.

use alloy_primitives::{Address, B256, Bytes, U256};
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

/// Which EVM call a program makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// A plain call with value.
    Call,
    /// Runs foreign code as this account.
    Delegate,
    /// A call that may not change state.
    Static,
}

/// A call that a program wants made.
#[derive(Clone, Debug)]
pub struct CallRequest {
    /// Call, delegate or static.
    pub kind: CallKind,
    /// Account whose code runs.
    pub address: Address,
    /// Calldata.
    pub data: Bytes,
    /// Wei sent along; zero unless `kind` is a plain call.
    pub value: U256,
    /// Gas the program still has.
    pub gas_left: u64,
    /// Gas the program wants to forward at most.
    pub gas_requested: u64,
    /// Host calls recorded before this one.
    pub recorded: usize,
}

/// A contract that a program wants created.
#[derive(Clone, Debug)]
pub struct CreateRequest {
    /// Init code.
    pub code: Bytes,
    /// Wei given to the new contract.
    pub endowment: U256,
    /// CREATE2 when present.
    pub salt: Option<B256>,
    /// Gas the program still has.
    pub gas_left: u64,
    /// Host calls recorded before this one.
    pub recorded: usize,
}

/// What a program asks of the chain.
#[derive(Clone, Debug)]
pub enum Request {
    /// Read a storage slot of the acting account.
    Load(B256),
    /// Write slots of the acting account, with this much gas left.
    Flush {
        /// Slots and values.
        writes: Vec<(B256, B256)>,
        /// Gas the program still has.
        gas_left: u64,
    },
    /// Read transient storage.
    TransientLoad(B256),
    /// Write transient storage.
    TransientStore(B256, B256),
    /// Emit a log.
    Log {
        /// Up to four topics.
        topics: Vec<B256>,
        /// Unindexed data.
        data: Bytes,
    },
    /// Balance of an account.
    Balance(Address),
    /// Code hash of an account.
    CodeHash(Address),
    /// Code of an account, with this much gas left.
    Code(Address, u64),
    /// Open memory pages.
    AddPages(u16),
    /// Make a call.
    Call(CallRequest),
    /// Create a contract.
    Create(CreateRequest),
}

/// What the chain answers. Each request has exactly one kind of answer.
#[derive(Clone, Debug)]
pub enum Response {
    /// A word and the gas it cost.
    Word {
        /// The value read.
        value: B256,
        /// Gas to pay.
        gas: u64,
    },
    /// The action was carried out.
    Done {
        /// Gas to pay.
        gas: u64,
    },
    /// Code and the gas it cost.
    Code {
        /// Raw account code.
        code: Bytes,
        /// Gas to pay.
        gas: u64,
    },
    /// Outcome of a call.
    Called {
        /// Whether the callee succeeded.
        success: bool,
        /// The callee's output or revert data.
        data: Bytes,
        /// Gas to pay.
        gas: u64,
    },
    /// Outcome of a creation.
    Created {
        /// The new address, or zero.
        address: Address,
        /// Revert data of a failed constructor.
        data: Bytes,
        /// Gas to pay.
        gas: u64,
    },
    /// The action is not allowed here; the program fails.
    Refused,
}

#[derive(Debug, Default)]
struct Mail {
    request: Option<Request>,
    response: Option<Response>,
}

/// One request or one response at a time.
#[derive(Clone, Debug, Default)]
pub struct Port(Arc<Mutex<Mail>>);

impl Port {
    fn mail(&self) -> MutexGuard<'_, Mail> {
        // A panic while holding the lock leaves plain data behind, which stays usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Program side: posts a request; the future ends when the answer is there.
    pub fn ask(&self, request: Request) -> Answer {
        self.mail().request = Some(request);
        Answer(self.clone())
    }

    /// Chain side: the request of the suspended program.
    pub fn take_request(&self) -> Option<Request> {
        self.mail().request.take()
    }

    /// Chain side: posts the answer.
    pub fn answer(&self, response: Response) {
        self.mail().response = Some(response);
    }
}

/// Waits for the chain.
#[derive(Debug)]
pub struct Answer(Port);

impl Future for Answer {
    type Output = Response;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Response> {
        self.0.mail().response.take().map_or(Poll::Pending, Poll::Ready)
    }
}
