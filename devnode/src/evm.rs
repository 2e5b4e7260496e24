//! EVM and Stylus frames in one loop.
//!
//! A Stylus frame is a frame of the EVM whose code carries a Stylus prefix: checkpoints, value
//! transfers, depth and static rules stay the EVM's. Only running it, and handing it the result of a
//! frame it opened, are done here.

use crate::{
    arbos::{
        params::StylusParams,
        precompiles::{self, Precompiles},
        programs, state,
    },
    state::{State, StateError},
    stylus::{
        code,
        host::{Budget, Env},
        ink::gas,
        module,
        pages::Pages,
        port::{CallKind, CallRequest, CreateRequest, Request, Response},
        program::{Finished, HostFailure, Outcome, Program, Step},
        trace::{FrameKind, Frames},
    },
};
use alloy_primitives::{Address, B256, Bytes, Log, U256, keccak256};
use revm::{
    bytecode::Bytecode,
    context::{BlockEnv, CfgEnv, Context, Evm, FrameStack, Journal, TxEnv},
    context_interface::{
        Block, ContextTr, JournalTr, Transaction,
        context::{ContextError, take_error},
        result::EVMError,
    },
    handler::{
        EthFrame, EvmTr, FrameData, FrameInitOrResult, FrameResult, ItemOrResult,
        evm::{FrameInitResult, FrameTr},
        instructions::EthInstructions,
    },
    inspector::{
        Inspector,
        handler::{frame_end, frame_start},
        inspect_instructions,
    },
    interpreter::{
        CallInput, CallInputs, CallScheme, CallValue, CreateInputs, CreateScheme, FrameInput, Gas, Host, Instruction,
        InstructionContext, InstructionResult, InterpreterAction, InterpreterResult,
        instructions::{host, utility::IntoAddress},
        interpreter::EthInterpreter,
        interpreter_action::FrameInit,
        interpreter_types::{InputsTr, RuntimeFlag},
    },
    primitives::{KECCAK_EMPTY, hardfork::SpecId},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// Everything a transaction runs in.
pub type Ctx = Context<BlockEnv, TxEnv, CfgEnv, State, Journal<State>, TxState>;
/// Errors of the machine: state that a fork could not read, and failures to run a program.
pub type DbError = ContextError<StateError>;
/// Errors that leave a transaction without a result: it may not be executed, or this process failed to.
pub type TxError = EVMError<StateError>;
/// A frame of the EVM, which a Stylus frame is too.
pub type EvmFrame = EthFrame<EthInterpreter>;

type EthEvm = Evm<Ctx, (), EthInstructions<EthInterpreter, Ctx>, Precompiles, EvmFrame>;

/// EVM rules of ArbOS 50 and later.
pub const SPEC: SpecId = SpecId::OSAKA;

const BLOBBASEFEE: u8 = 0x4A;
const SELFDESTRUCT: u8 = 0xFF;
/// Gas of SELFDESTRUCT before what it touches is priced.
const SELFDESTRUCT_GAS: u16 = 5_000;

/// Programs called recently in this block; they are entered at the cached price.
#[derive(Clone, Debug, Default)]
pub struct RecentPrograms(VecDeque<B256>);

impl RecentPrograms {
    /// Whether `program` was there; it is now the most recent of at most `capacity`.
    fn touch(&mut self, program: B256, capacity: u16) -> bool {
        let hit = self.0.iter().position(|known| *known == program);
        if let Some(index) = hit {
            self.0.remove(index);
        }
        while !self.0.is_empty() && self.0.len() >= usize::from(capacity) {
            self.0.pop_front();
        }
        self.0.push_back(program);
        hit.is_some()
    }
}

/// One finished run of a Stylus program.
#[derive(Clone, Debug)]
pub struct ProgramRun {
    /// Acting account.
    pub address: Address,
    /// Gas paid to enter: pages, cached and initial cost.
    pub entry_gas: u64,
    /// Ink when the entrypoint was called.
    pub ink_start: u64,
    /// What it left.
    pub finished: Finished,
}

/// State of one transaction beside the EVM's journal.
#[derive(Clone, Debug)]
pub struct TxState {
    /// Height of the L2 chain.
    pub l2_block: u64,
    /// Hashes of the L2 blocks before this one, the latest last; of older ones than these, `arbBlockHash`
    /// answers zero.
    pub l2_hashes: Arc<Vec<B256>>,
    /// Gas price as programs see it: the tip that the EVM's price has lost is still in it.
    pub gas_price: u128,
    /// Memory pages over all frames.
    pub pages: Pages,
    /// Programs called in this block.
    pub recent: RecentPrograms,
    /// Record program runs with their host calls.
    pub trace: bool,
    /// Recorded runs, innermost first.
    pub runs: Vec<ProgramRun>,
    /// Recorded frames, which place the runs.
    pub frames: Frames,
    /// What may still be recorded of host calls.
    budget: Budget,
    /// Why the last activation was refused, or the last program could not run.
    pub refusal: Option<String>,
    /// Open frames by acting account, delegate frames excluded.
    acting: HashMap<Address, u32>,
    /// The caller of each open frame, the innermost last.
    pub(crate) callers: Vec<Address>,
}

impl TxState {
    /// State at the start of a transaction.
    pub fn new(l2_block: u64, l2_hashes: Arc<Vec<B256>>, recent: RecentPrograms, trace: bool) -> Self {
        Self {
            l2_block,
            l2_hashes,
            gas_price: 0,
            pages: Pages::default(),
            recent,
            trace,
            runs: Vec::new(),
            frames: Frames::default(),
            budget: Budget::default(),
            refusal: None,
            acting: HashMap::new(),
            callers: Vec::new(),
        }
    }

    /// Sets the gas price that programs see.
    #[must_use]
    pub fn with_gas_price(mut self, wei: u128) -> Self {
        self.gas_price = wei;
        self
    }

    /// Records, when tracing, what looks to a tracer like a frame that ends at once.
    pub fn trace_leaf(&mut self, kind: FrameKind, address: Address) {
        if self.trace {
            self.frames.enter(kind, address, 0);
            self.frames.exit();
        }
    }
}

/// What a suspended program waits for.
#[derive(Debug)]
enum Waiting {
    Call { base: u64, forwarded: u64 },
    Create { gas_left: u64, kept: u64 },
}

/// A program that has been entered.
#[derive(Debug)]
struct Run {
    program: Program,
    waiting: Option<Waiting>,
    /// Refunds of its own writes and of the frames it opened.
    refund: i64,
    /// Pages open before it was entered.
    pages_before: u16,
    /// The rules when it was entered.
    params: StylusParams,
    entry_gas: u64,
    ink_start: u64,
    /// Host calls recorded before the one that waits for a frame.
    recorded: usize,
}

/// What this module keeps of each open frame, in step with the EVM's frame stack.
#[derive(Debug)]
struct Open {
    /// The account to count for re-entrance.
    acting: Option<Address>,
    is_program: bool,
    run: Option<Run>,
}

/// The two-language machine, perhaps watched by an inspector.
pub struct ArbEvm<I> {
    eth: EthEvm,
    open: Vec<Open>,
    inspector: Option<I>,
}

impl<I> std::fmt::Debug for ArbEvm<I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArbEvm")
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

impl<I> ArbEvm<I> {
    /// A machine over `ctx`.
    pub fn new(ctx: Ctx, inspector: Option<I>) -> Self {
        let mut instructions = EthInstructions::new_mainnet_with_spec(SPEC);
        instructions.insert_instruction(
            BLOBBASEFEE,
            Instruction::new(|_| Err(InstructionResult::NotActivated)),
            0,
        );
        instructions.insert_instruction(SELFDESTRUCT, Instruction::new(self_destruct), SELFDESTRUCT_GAS);
        let eth = Evm {
            ctx,
            inspector: (),
            instruction: instructions,
            precompiles: Precompiles::new(SPEC),
            frame_stack: FrameStack::new_prealloc(8),
        };
        Self {
            eth,
            open: Vec::new(),
            inspector,
        }
    }

    /// Records a frame that is about to be opened.
    fn trace_frame(&mut self, input: &FrameInput) -> Result<(), DbError> {
        let (kind, address) = match input {
            FrameInput::Call(inputs) => (inputs.scheme.into(), inputs.bytecode_address),
            // The frame of the transaction itself is no step of its trace.
            FrameInput::Create(_) if self.open.is_empty() => (FrameKind::Create, Address::ZERO),
            FrameInput::Create(inputs) => {
                let creator = self.eth.ctx.journal_mut().load_account(inputs.caller())?;
                (inputs.scheme().into(), inputs.created_address(creator.info.nonce))
            }
            FrameInput::Empty => return Ok(()),
        };
        let opener = self.open.last().and_then(|open| open.run.as_ref());
        let recorded = opener.map_or(0, |run| run.recorded);
        self.eth.ctx.chain.frames.enter(kind, address, recorded);
        Ok(())
    }

    /// The context, with the transaction's traces, and the inspector.
    pub fn into_parts(self) -> (Ctx, Option<I>) {
        (self.eth.ctx, self.inspector)
    }
}

impl<I: Inspector<Ctx, EthInterpreter>> ArbEvm<I> {
    /// Opens a frame, or answers at once: a precompile, an empty account, a refusal.
    fn open_frame(&mut self, mut init: FrameInit) -> Result<ItemOrResult<(), FrameResult>, DbError> {
        self.empty_delegated_precompile(&mut init.frame_input)?;
        if let ItemOrResult::Result(result) = self.eth.frame_init(init)? {
            return Ok(ItemOrResult::Result(result));
        }
        let frame = self.eth.frame_stack.get();
        let (acting, is_program) = match (&frame.data, &frame.input) {
            (FrameData::Call(_), FrameInput::Call(inputs)) => {
                let delegated = matches!(inputs.scheme, CallScheme::DelegateCall | CallScheme::CallCode);
                let code = frame.interpreter.bytecode.original_byte_slice();
                ((!delegated).then_some(inputs.target_address), code::is_program(code))
            }
            (FrameData::Create(create), _) => (Some(create.created_address), false),
            _ => (None, false),
        };
        if let Some(address) = acting {
            *self.eth.ctx.chain.acting.entry(address).or_default() += 1;
        }
        self.eth
            .ctx
            .chain
            .callers
            .push(frame.interpreter.input.caller_address());
        self.open.push(Open {
            acting,
            is_program,
            run: None,
        });
        Ok(ItemOrResult::Item(()))
    }

    /// An account that is delegated to a precompile has no code, although accounts of Arbitrum's precompiles have.
    fn empty_delegated_precompile(&mut self, input: &mut FrameInput) -> Result<(), DbError> {
        if let FrameInput::Call(inputs) = input
            && inputs.known_bytecode.1.original_byte_slice() == precompiles::CODE
        {
            let account = self
                .eth
                .ctx
                .journal_mut()
                .load_account_with_code(inputs.bytecode_address)?;
            let delegate = account.info.code.as_ref().and_then(Bytecode::eip7702_address);
            if delegate.is_some_and(|delegate| precompiles::ADDRESSES.contains(&delegate)) {
                inputs.known_bytecode = (KECCAK_EMPTY, Bytecode::default());
            }
        }
        Ok(())
    }

    /// Opens a frame and tells the inspector of it, in the order that the EVM's own inspection has.
    fn open_watched_frame(&mut self, mut init: FrameInit) -> Result<ItemOrResult<(), FrameResult>, DbError> {
        let Some(inspector) = &mut self.inspector else {
            return self.open_frame(init);
        };
        let ctx = &mut self.eth.ctx;
        if let Some(mut output) = frame_start(ctx, inspector, &mut init.frame_input) {
            frame_end(ctx, inspector, &init.frame_input, &mut output);
            return Ok(ItemOrResult::Result(output));
        }
        let input = init.frame_input.clone();
        let logged = ctx.journaled_state.logs().len();
        let opened = self.open_frame(init)?;
        let (Some(inspector), ctx) = (&mut self.inspector, &mut self.eth.ctx) else {
            return Ok(opened);
        };
        for log in ctx
            .journaled_state
            .logs()
            .iter()
            .skip(logged)
            .cloned()
            .collect::<Vec<_>>()
        {
            inspector.log(ctx, log);
        }
        match opened {
            ItemOrResult::Item(()) => {
                inspector.initialize_interp(&mut self.eth.frame_stack.get().interpreter, ctx);
                Ok(ItemOrResult::Item(()))
            }
            ItemOrResult::Result(mut output) => {
                frame_end(ctx, inspector, &input, &mut output);
                Ok(ItemOrResult::Result(output))
            }
        }
    }
}

impl<I: Inspector<Ctx, EthInterpreter>> EvmTr for ArbEvm<I> {
    type Context = Ctx;
    type Instructions = EthInstructions<EthInterpreter, Ctx>;
    type Precompiles = Precompiles;
    type Frame = EvmFrame;

    fn all(
        &self,
    ) -> (
        &Self::Context,
        &Self::Instructions,
        &Self::Precompiles,
        &FrameStack<Self::Frame>,
    ) {
        (
            &self.eth.ctx,
            &self.eth.instruction,
            &self.eth.precompiles,
            &self.eth.frame_stack,
        )
    }

    fn all_mut(
        &mut self,
    ) -> (
        &mut Self::Context,
        &mut Self::Instructions,
        &mut Self::Precompiles,
        &mut FrameStack<Self::Frame>,
    ) {
        (
            &mut self.eth.ctx,
            &mut self.eth.instruction,
            &mut self.eth.precompiles,
            &mut self.eth.frame_stack,
        )
    }

    fn frame_init(
        &mut self,
        init: <Self::Frame as FrameTr>::FrameInit,
    ) -> Result<FrameInitResult<'_, Self::Frame>, DbError> {
        if self.eth.ctx.chain.trace {
            self.trace_frame(&init.frame_input)?;
        }
        if let ItemOrResult::Result(result) = self.open_watched_frame(init)? {
            self.eth.ctx.chain.frames.exit();
            return Ok(ItemOrResult::Result(result));
        }
        Ok(ItemOrResult::Item(self.eth.frame_stack.get()))
    }

    fn frame_run(&mut self) -> Result<FrameInitOrResult<Self::Frame>, DbError> {
        let frame = self.eth.frame_stack.get();
        let ctx = &mut self.eth.ctx;
        let action = match self.open.last_mut() {
            Some(open) if open.is_program => run_program(open, frame, ctx, &mut self.inspector)?,
            _ => {
                let (table, gas) = (
                    self.eth.instruction.instruction_table(),
                    self.eth.instruction.gas_table(),
                );
                let interpreter = &mut frame.interpreter;
                let action = match &mut self.inspector {
                    Some(inspector) => inspect_instructions(ctx, interpreter, inspector, table, gas),
                    None => interpreter.run_plain(table, gas, ctx),
                };
                refuse_foreign_ef_code(frame, action)
            }
        };
        let mut next = frame.process_next_action::<_, DbError>(ctx, action)?;
        if let ItemOrResult::Result(result) = &mut next {
            if let Some(inspector) = &mut self.inspector {
                frame_end(ctx, inspector, &frame.input, result);
            }
            frame.set_finished(true);
        }
        Ok(next)
    }

    fn frame_return_result(&mut self, result: FrameResult) -> Result<Option<FrameResult>, DbError> {
        if self.eth.frame_stack.get().is_finished() {
            self.eth.frame_stack.pop();
            self.eth.ctx.chain.frames.exit();
            self.eth.ctx.chain.callers.pop();
            if let Some(address) = self.open.pop().and_then(|open| open.acting)
                && let Some(count) = self.eth.ctx.chain.acting.get_mut(&address)
            {
                *count = count.saturating_sub(1);
            }
        }
        if self.eth.frame_stack.index().is_none() {
            return Ok(Some(result));
        }
        let frame = self.eth.frame_stack.get();
        match self.open.last_mut().and_then(|open| open.run.as_mut()) {
            Some(run) => {
                frame.interpreter.memory.free_child_context();
                take_error::<DbError, _>(self.eth.ctx.error())?;
                run.deliver(&result);
            }
            None => frame.return_result::<_, DbError>(&mut self.eth.ctx, result)?,
        }
        Ok(None)
    }
}

impl From<HostFailure> for DbError {
    fn from(failure: HostFailure) -> Self {
        Self::Custom(failure.to_string())
    }
}

/// SELFDESTRUCT, which reverts when the acting account is a Stylus component: its code could only be
/// foreign code that a program called by delegation.
///
/// The revert comes after the price, as the EVM pays an instruction before executing it.
fn self_destruct(context: InstructionContext<'_, Ctx, EthInterpreter>) -> Result<(), InstructionResult> {
    let acting = context.interpreter.input.target_address();
    let journal = &mut context.host.journaled_state;
    let account = match journal.load_account_with_code(acting) {
        Ok(account) => account,
        Err(error) => {
            context.host.error = Err(ContextError::Db(error));
            return Err(InstructionResult::FatalExternalError);
        }
    };
    let code = account.info.code.as_ref().map(Bytecode::original_byte_slice);
    if !code.is_some_and(code::is_component) {
        return self_destruct_traced(context);
    }
    let has_balance = !account.info.balance.is_zero();
    if context.interpreter.runtime_flag.is_static() {
        return Err(InstructionResult::StateChangeDuringStaticCall);
    }
    let heir = context.interpreter.stack.pop()?;
    let heir = match journal.load_account(heir.into_address()) {
        Ok(heir) => heir,
        Err(error) => {
            context.host.error = Err(ContextError::Db(error));
            return Err(InstructionResult::FatalExternalError);
        }
    };
    let (creates, is_cold) = (has_balance && heir.is_empty(), heir.is_cold);
    let price = context.host.gas_params().selfdestruct_cost(creates, is_cold);
    if !context.interpreter.gas.record_regular_cost(price) {
        return Err(InstructionResult::OutOfGas);
    }
    Err(InstructionResult::Revert)
}

/// SELFDESTRUCT as the EVM has it, which tracers see as a frame of the heir.
fn self_destruct_traced(context: InstructionContext<'_, Ctx, EthInterpreter>) -> Result<(), InstructionResult> {
    let InstructionContext { interpreter, host: ctx } = context;
    let heir = interpreter.stack.data().last().copied();
    let end = host::selfdestruct(InstructionContext { interpreter, host: ctx });
    if let (Some(heir), Err(InstructionResult::SelfDestruct)) = (heir, end) {
        ctx.chain.trace_leaf(FrameKind::SelfDestruct, heir.into_address());
    }
    end
}

/// EIP-3541 with Arbitrum's exception: new code may begin with `EF` only if it is a Stylus component.
fn refuse_foreign_ef_code(frame: &EvmFrame, mut action: InterpreterAction) -> InterpreterAction {
    if let (FrameData::Create(_), InterpreterAction::Return(result)) = (&frame.data, &mut action)
        && result.result.is_ok()
        && result.output.first() == Some(&0xEF)
        && !code::is_component(&result.output)
    {
        result.result = InstructionResult::CreateContractStartingWithEF;
    }
    action
}

/// A frame's end.
fn finish(result: InstructionResult, output: Bytes, limit: u64, left: u64, refund: i64) -> InterpreterAction {
    let mut gas = Gas::new(limit);
    gas.set_remaining(left);
    gas.set_refund(refund);
    InterpreterAction::Return(InterpreterResult { result, output, gas })
}

/// Runs a Stylus frame until it ends or opens another frame.
fn run_program(
    open: &mut Open,
    frame: &mut EvmFrame,
    ctx: &mut Ctx,
    inspector: &mut Option<impl Inspector<Ctx, EthInterpreter>>,
) -> Result<InterpreterAction, DbError> {
    let FrameInput::Call(inputs) = &frame.input else {
        return Err(ContextError::Custom(String::from(
            "a program in a frame that is no call",
        )));
    };
    let limit = inputs.gas_limit;
    let mut run = match open.run.take() {
        Some(run) => run,
        None => match enter(frame, inputs, ctx)? {
            Ok(run) => run,
            Err(refused) => return Ok(finish(refused, Bytes::new(), limit, 0, 0)),
        },
    };
    loop {
        let logged = ctx.journaled_state.logs().len();
        match run.program.resume()? {
            Step::Ask(request) => match serve(request, frame, inputs, ctx, &mut run)? {
                Served::Answer(response) => {
                    if let Some(inspector) = inspector
                        && let Some(log) = ctx.journaled_state.logs().get(logged).cloned()
                    {
                        inspector.log(ctx, log);
                    }
                    run.program.answer(response);
                }
                Served::Frame(input, waiting) => {
                    run.waiting = Some(waiting);
                    open.run = Some(run);
                    return Ok(InterpreterAction::NewFrame(input));
                }
            },
            Step::Done(finished) => return Ok(leave(&run, finished, frame, limit, ctx)),
        }
    }
}

/// Checks the program's record and pays for entering it.
fn enter(frame: &EvmFrame, inputs: &CallInputs, ctx: &mut Ctx) -> Result<Result<Run, InstructionResult>, DbError> {
    let (codehash, bytecode) = &inputs.known_bytecode;
    let timestamp = u64::try_from(ctx.block.timestamp()).unwrap_or(u64::MAX);
    let params = StylusParams::load(ctx.journal_mut())?;
    let record = programs::load(ctx.journal_mut(), *codehash)?;
    if let Err(unusable) = record.check(timestamp, &params) {
        ctx.chain.refusal = Some(format!("program {}: {unusable}", inputs.bytecode_address));
        return Ok(Err(InstructionResult::NotActivated));
    }
    let page_gas = ctx.chain.pages.cost(record.footprint, &params);
    let cached = ctx.chain.recent.touch(*codehash, params.block_cache_size) || record.cached;
    let init_gas = if cached { 0 } else { record.init_gas(&params) };
    let entry_gas = page_gas
        .saturating_add(record.cached_gas(&params))
        .saturating_add(init_gas);
    let Some(left) = inputs.gas_limit.checked_sub(entry_gas) else {
        return Ok(Err(InstructionResult::OutOfGas));
    };
    let module_hash = programs::module_hash(ctx.journal_mut(), *codehash)?;
    let is_fork = ctx.journaled_state.database.is_fork();
    let load = || programs::assemble::<_, DbError>(ctx.journal_mut(), bytecode.original_byte_slice());
    let module = if is_fork {
        module::compiled_elsewhere(keccak256([*codehash, module_hash].concat()), load)?
    } else {
        module::compiled(module_hash, load)?
    };
    let pages_before = ctx.chain.pages.open;
    ctx.chain.pages.open(record.footprint);
    let input = &frame.interpreter.input;
    let env = Env {
        address: input.target_address(),
        caller: input.caller_address(),
        value: input.call_value(),
        calldata: inputs.input.bytes(ctx),
        is_static: frame.interpreter.runtime_flag.is_static(),
        reentrant: ctx
            .chain
            .acting
            .get(&input.target_address())
            .is_some_and(|count| *count > 1),
        basefee: U256::from(ctx.block.basefee()),
        coinbase: ctx.block.beneficiary(),
        gas_limit: ctx.block.gas_limit(),
        number: u64::try_from(ctx.block.number()).unwrap_or(u64::MAX),
        timestamp,
        chain_id: ctx.cfg.chain_id,
        gas_price: U256::from(ctx.chain.gas_price),
        ink_price: params.ink_price.max(1).into(),
        origin: ctx.tx.caller(),
        trace: ctx.chain.trace.then(|| ctx.chain.budget.clone()),
    };
    let ink_start = left.saturating_mul(env.ink_price);
    let program = Program::new(module, env, ink_start, params.max_stack_depth);
    Ok(Ok(Run {
        program,
        waiting: None,
        refund: 0,
        pages_before,
        params,
        entry_gas,
        ink_start,
        recorded: 0,
    }))
}

/// Turns the end of a program into the end of its frame.
fn leave(run: &Run, finished: Finished, frame: &EvmFrame, limit: u64, ctx: &mut Ctx) -> InterpreterAction {
    ctx.chain.pages.open = run.pages_before;
    let mut left = match finished.outcome {
        Outcome::OutOfStack => 0,
        _ => finished.ink_left / u64::from(run.params.ink_price.max(1)),
    };
    let mut output = finished.output.clone();
    let mut result = match finished.outcome {
        Outcome::Success => InstructionResult::Return,
        Outcome::Revert | Outcome::Trap => InstructionResult::Revert,
        Outcome::OutOfInk => InstructionResult::OutOfGas,
        Outcome::OutOfStack => InstructionResult::StackOverflow,
    };
    if !output.is_empty() {
        // Return data costs at least what EVM memory of that size would.
        let words = (output.len() as u64).div_ceil(32);
        match limit.checked_sub(3 * words + words * words / 512) {
            Some(most) => left = left.min(most),
            None => (result, output, left) = (InstructionResult::OutOfGas, Bytes::new(), 0),
        }
    }
    if ctx.chain.trace {
        let address = frame.interpreter.input.target_address();
        ctx.chain.frames.attach(ctx.chain.runs.len());
        ctx.chain.runs.push(ProgramRun {
            address,
            entry_gas: run.entry_gas,
            ink_start: run.ink_start,
            finished,
        });
    }
    finish(result, output, limit, left, run.refund)
}

/// How a request is dealt with.
enum Served {
    Answer(Response),
    Frame(FrameInput, Waiting),
}

fn access_gas(is_cold: bool) -> u64 {
    if is_cold { gas::COLD_ACCOUNT } else { gas::WARM }
}

/// Answers a suspended program, or opens the frame it asked for.
fn serve(
    request: Request,
    frame: &EvmFrame,
    inputs: &CallInputs,
    ctx: &mut Ctx,
    run: &mut Run,
) -> Result<Served, DbError> {
    let acting = frame.interpreter.input.target_address();
    let journal = &mut ctx.journaled_state;
    let done = |gas| Response::Done { gas };
    Ok(Served::Answer(match request {
        Request::Load(key) => {
            let slot = journal.sload(acting, key.into())?;
            Response::Word {
                value: slot.data.into(),
                gas: if slot.is_cold { gas::COLD_SLOAD } else { gas::WARM },
            }
        }
        Request::Flush { writes, gas_left } => {
            let (gas, refund) = flush(journal, acting, writes, gas_left)?;
            run.refund += refund;
            done(gas)
        }
        Request::TransientLoad(key) => Response::Word {
            value: journal.tload(acting, key.into()).into(),
            gas: gas::WARM,
        },
        Request::TransientStore(key, value) => {
            journal.tstore(acting, key.into(), value.into());
            done(gas::WARM)
        }
        Request::Log { topics, data } => {
            journal.log(Log::new_unchecked(acting, topics, data));
            done(0)
        }
        Request::Balance(address) => {
            let account = journal.load_account(address)?;
            Response::Word {
                value: account.info.balance.into(),
                gas: access_gas(account.is_cold),
            }
        }
        Request::CodeHash(address) => {
            let account = journal.load_account(address)?;
            let hash = if account.is_empty() {
                B256::ZERO
            } else {
                account.info.code_hash
            };
            Response::Word {
                value: hash,
                gas: access_gas(account.is_cold),
            }
        }
        Request::Code(address, gas_left) => {
            let account = journal.load_account_with_code(address)?;
            let gas = gas::EXT_CODE + access_gas(account.is_cold);
            let code = account
                .info
                .code
                .as_ref()
                .map(Bytecode::original_bytes)
                .unwrap_or_default();
            Response::Code {
                code: if gas_left < gas { Bytes::new() } else { code },
                gas,
            }
        }
        Request::AddPages(pages) => {
            let gas = ctx.chain.pages.cost(pages, &run.params);
            ctx.chain.pages.open(pages);
            done(gas)
        }
        Request::Call(request) => {
            run.recorded = request.recorded;
            return open_call(request, frame, inputs, ctx);
        }
        Request::Create(request) => {
            run.recorded = request.recorded;
            return Ok(open_create(request, frame));
        }
    }))
}

/// Writes slots as SSTORE would, within `gas_left`; returns the gas and the refund.
///
/// The budget is one gas larger than what is left: a write that does not fit costs the whole budget,
/// which the program then cannot pay.
fn flush(
    journal: &mut Journal<State>,
    acting: Address,
    writes: Vec<(B256, B256)>,
    gas_left: u64,
) -> Result<(u64, i64), DbError> {
    let budget = gas_left.saturating_add(1);
    let mut spent = 0;
    let mut refund = 0;
    for (key, value) in writes {
        let slot = journal.sstore(acting, key.into(), value.into())?;
        let (original, present, new) = (slot.original_value, slot.present_value, slot.new_value);
        let cold = if slot.is_cold { gas::COLD_SLOAD } else { 0 };
        let write = match (new == present, original == present, original.is_zero()) {
            (true, _, _) | (_, false, _) => gas::WARM,
            (_, true, true) => 20_000,
            (_, true, false) => 2_900,
        };
        spent += cold + write;
        if spent > budget {
            return Ok((budget, 0));
        }
        refund += store_refund(original, present, new);
    }
    Ok((spent, refund))
}

/// Refund of one SSTORE (EIP-2200 with EIP-3529's amounts), in gas.
fn store_refund(original: U256, present: U256, new: U256) -> i64 {
    const CLEAR: i64 = 4_800;
    if new == present {
        return 0;
    }
    let mut refund = 0;
    if original == present {
        if !original.is_zero() && new.is_zero() {
            refund += CLEAR;
        }
        return refund;
    }
    if !original.is_zero() {
        if present.is_zero() {
            refund -= CLEAR;
        }
        if new.is_zero() {
            refund += CLEAR;
        }
    }
    if original == new {
        refund += if original.is_zero() { 19_900 } else { 2_800 };
    }
    refund
}

/// Opens the frame of a call, or answers at once when it cannot be made.
fn open_call(request: CallRequest, frame: &EvmFrame, inputs: &CallInputs, ctx: &mut Ctx) -> Result<Served, DbError> {
    let failed = |gas| {
        Served::Answer(Response::Called {
            success: false,
            data: Bytes::new(),
            gas,
        })
    };
    let is_static = frame.interpreter.runtime_flag.is_static();
    let has_value = !request.value.is_zero();
    if has_value && is_static {
        return Ok(failed(0));
    }
    let journal = &mut ctx.journaled_state;
    let target = journal.load_account_with_code(request.address)?;
    let mut base = gas::WARM;
    if target.is_cold {
        base += gas::COLD_ACCOUNT - gas::WARM;
    }
    if has_value {
        base += gas::CALL_VALUE;
        if target.is_empty() {
            base += gas::NEW_ACCOUNT;
        }
    }
    let mut code = (target.info.code_hash, target.info.code.clone().unwrap_or_default());
    let Some(available) = request.gas_left.checked_sub(base) else {
        return Ok(failed(request.gas_left));
    };
    if let Some(delegate) = code.1.eip7702_address() {
        // Unlike the EVM's calls, this one neither pays for the delegate nor makes it warm.
        let (_, hash, delegate) = state::look_up_code(journal, delegate)?;
        code = (hash, delegate);
    }
    // floor(63g/64), unlike the EVM's g − floor(g/64)
    let most = available / 64 * 63 + available % 64 * 63 / 64;
    let mut forwarded = most.min(request.gas_requested);
    if has_value {
        forwarded += gas::CALL_STIPEND;
    }
    let input = &frame.interpreter.input;
    let delegate = request.kind == CallKind::Delegate;
    let call = CallInputs {
        input: CallInput::Bytes(request.data),
        return_memory_offset: 0..0,
        gas_limit: forwarded,
        reservoir: 0,
        bytecode_address: request.address,
        known_bytecode: code,
        target_address: if delegate {
            input.target_address()
        } else {
            request.address
        },
        caller: if delegate {
            input.caller_address()
        } else {
            input.target_address()
        },
        value: if delegate {
            CallValue::Apparent(inputs.value.get())
        } else {
            CallValue::Transfer(request.value)
        },
        scheme: match request.kind {
            CallKind::Call => CallScheme::Call,
            CallKind::Delegate => CallScheme::DelegateCall,
            CallKind::Static => CallScheme::StaticCall,
        },
        is_static: is_static || request.kind == CallKind::Static,
        charged_new_account_state_gas: false,
    };
    Ok(Served::Frame(
        FrameInput::Call(Box::new(call)),
        Waiting::Call { base, forwarded },
    ))
}

/// Opens the frame of a creation, or refuses it.
fn open_create(request: CreateRequest, frame: &EvmFrame) -> Served {
    let mut base = gas::CREATE;
    let mut scheme = CreateScheme::Create;
    if let Some(salt) = request.salt {
        base += gas::KECCAK_WORD * (request.code.len() as u64).div_ceil(32);
        scheme = CreateScheme::Create2 { salt: salt.into() };
    }
    let available = request.gas_left.checked_sub(base);
    let Some(available) = available.filter(|_| !frame.interpreter.runtime_flag.is_static()) else {
        return Served::Answer(Response::Refused);
    };
    let kept = available / 64;
    let caller = frame.interpreter.input.target_address();
    let create = CreateInputs::new(caller, scheme, request.endowment, request.code, available - kept, 0);
    Served::Frame(
        FrameInput::Create(Box::new(create)),
        Waiting::Create {
            gas_left: request.gas_left,
            kept,
        },
    )
}

impl Run {
    /// Hands the program the result of the frame it opened.
    fn deliver(&mut self, result: &FrameResult) {
        let ended = result.interpreter_result();
        let ok = ended.result.is_ok();
        let returned = if ended.result.is_ok_or_revert() {
            ended.gas.remaining()
        } else {
            0
        };
        if ok {
            self.refund += ended.gas.refunded();
        }
        let response = match self.waiting.take() {
            Some(Waiting::Call { base, forwarded }) => Response::Called {
                success: ok,
                data: if ended.result.is_ok_or_revert() {
                    ended.output.clone()
                } else {
                    Bytes::new()
                },
                gas: base + forwarded.saturating_sub(returned),
            },
            Some(Waiting::Create { gas_left, kept }) => {
                let address = match result {
                    FrameResult::Create(outcome) if ok => outcome.address.unwrap_or_default(),
                    _ => Address::ZERO,
                };
                let reverted = ended.result == InstructionResult::Revert;
                Response::Created {
                    address,
                    data: if reverted { ended.output.clone() } else { Bytes::new() },
                    gas: gas_left.saturating_sub(returned + kept),
                }
            }
            // Without an answer the program cannot go on, and the transaction fails.
            None => return,
        };
        self.program.answer(response);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_refund_follows_eip_3529() {
        let u = |n: u64| U256::from(n);
        let cases = [
            ((0, 0, 1), 0),
            ((1, 1, 0), 4_800),
            ((1, 1, 2), 0),
            ((1, 0, 1), 2_800 - 4_800),
            ((0, 1, 0), 19_900),
            ((1, 2, 1), 2_800),
            ((1, 2, 0), 4_800),
            ((1, 0, 0), 0),
        ];
        for ((original, present, new), refund) in cases {
            assert_eq!(
                store_refund(u(original), u(present), u(new)),
                refund,
                "{original} {present} {new}"
            );
        }
    }

    #[test]
    fn touch_evicts_the_oldest_beyond_capacity() {
        let mut recent = RecentPrograms::default();
        for n in 0..=32 {
            assert!(!recent.touch(B256::with_last_byte(n), 32));
        }
        assert!(recent.touch(B256::with_last_byte(32), 32));
        assert!(!recent.touch(B256::with_last_byte(0), 32));
    }
}
