//! One transaction or call on one state.

use crate::{
    block::BlockContext,
    evm::{ArbEvm, Ctx, EvmFrame, ProgramRun, RecentPrograms, SPEC, TxError, TxState},
    state::State,
    stylus::trace::Frames,
    tx::Receipt,
};
use alloy_primitives::{B256, Bytes, U256};
use revm::{
    context::{CfgEnv, Context, Journal, LocalContext, TxEnv},
    context_interface::{
        JournalTr,
        result::{EVMError, ExecutionResult, Output},
    },
    handler::{Handler, MainnetHandler},
    inspector::{Inspector, NoOpInspector},
    interpreter::interpreter::EthInterpreter,
    state::{AccountInfo, EvmState},
};
use std::sync::Arc;

/// Rules that a chain was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) chain_id: u64,
    /// Most execution gas of one transaction.
    pub(crate) tx_gas_cap: u64,
}

/// Who answers for the gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payment {
    /// The sender, by the rules of a transaction.
    Sender,
    /// The sender of a call that names a gas price: it must be able to pay, its nonce does not matter.
    Priced,
    /// Nobody: a call for nothing, in a block without base fee.
    Nobody,
}

/// What an execution needs besides the state.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) rules: Rules,
    pub(crate) block: BlockContext,
    /// Hashes of the L2 blocks before this one, newest last.
    pub(crate) l2_hashes: Arc<Vec<B256>>,
    pub(crate) tx: TxEnv,
    /// Wei for the gas that was asked for beyond what a transaction may use; the sender gets them back at the end.
    pub(crate) held_back: U256,
    /// Gas price as programs see it, which includes the tip.
    pub(crate) program_gas_price: u128,
    pub(crate) payment: Payment,
    /// Programs called before in the block.
    pub(crate) recent: RecentPrograms,
    /// Record program runs.
    pub(crate) trace: bool,
}

/// What came of it. Nothing is committed.
#[derive(Debug)]
pub(crate) struct Done<I> {
    pub(crate) result: ExecutionResult,
    pub(crate) changes: EvmState,
    pub(crate) recent: RecentPrograms,
    pub(crate) runs: Vec<ProgramRun>,
    pub(crate) frames: Frames,
    pub(crate) refusal: Option<String>,
    pub(crate) inspector: Option<I>,
}

/// Executes without an inspector.
pub(crate) fn run(state: State, job: Job) -> Result<Done<NoOpInspector>, TxError> {
    inspect(state, job, None)
}

/// Executes `job` on `state`, watched by `inspector`.
pub(crate) fn inspect<I>(mut state: State, job: Job, inspector: Option<I>) -> Result<Done<I>, TxError>
where
    I: Inspector<Ctx, EthInterpreter>,
{
    let Job { rules, payment, .. } = job;
    let mut cfg = CfgEnv::new_with_spec(SPEC);
    cfg.chain_id = rules.chain_id;
    cfg.tx_gas_limit_cap = Some(rules.tx_gas_cap);
    cfg.limit_contract_code_size = Some(24_576);
    cfg.disable_eip3541 = true; // replaced by the machine's own rule
    cfg.disable_eip3607 = true; // contracts may be impersonated
    cfg.disable_eip7623 = true;
    cfg.disable_nonce_check = payment != Payment::Sender;
    cfg.disable_base_fee = payment == Payment::Nobody;
    cfg.disable_balance_check = payment == Payment::Nobody;
    let mut block = job.block.env();
    if payment == Payment::Nobody {
        block.basefee = 0;
    }
    let chain =
        TxState::new(job.block.number, job.l2_hashes, job.recent, job.trace).with_gas_price(job.program_gas_price);
    let (sender, held_back) = (job.tx.caller, job.held_back);
    if !held_back.is_zero() {
        let hold = |info: &mut AccountInfo| info.balance = info.balance.saturating_sub(held_back);
        state.update(sender, hold).map_err(EVMError::Database)?;
    }
    let ctx = Context {
        block,
        tx: job.tx,
        cfg,
        journaled_state: Journal::new(state),
        chain,
        local: LocalContext::default(),
        error: Ok(()),
    };
    let mut evm = ArbEvm::new(ctx, inspector);
    let mut handler = MainnetHandler::<ArbEvm<I>, TxError, EvmFrame>::default();
    let result = handler.run(&mut evm)?;
    let (mut ctx, inspector) = evm.into_parts();
    let mut changes = ctx.journaled_state.finalize();
    if let Some(account) = changes.get_mut(&sender) {
        account.info.balance = account.info.balance.saturating_add(held_back);
    }
    let chain = ctx.chain;
    Ok(Done {
        result,
        changes,
        recent: chain.recent,
        runs: chain.runs,
        frames: chain.frames,
        refusal: chain.refusal,
        inspector,
    })
}

impl<I> Done<I> {
    /// The receipt of a transaction in `block`.
    pub(crate) fn receipt(&mut self, block: &BlockContext, hash: B256) -> Receipt {
        let mut receipt = Receipt {
            hash,
            gas_used: self.result.tx_gas_used(),
            refusal: self.refusal.take(),
            runs: std::mem::take(&mut self.runs),
            frames: std::mem::take(&mut self.frames),
            block: block.number,
            timestamp: block.timestamp,
            ..Receipt::default()
        };
        match &self.result {
            ExecutionResult::Success { logs, output, .. } => {
                receipt.success = true;
                receipt.logs.clone_from(logs);
                match output {
                    Output::Create(code, created) => {
                        receipt.created = *created;
                        receipt.output = code.clone();
                    }
                    Output::Call(data) => receipt.output = data.clone(),
                }
            }
            ExecutionResult::Revert { output, .. } => receipt.output = output.clone(),
            ExecutionResult::Halt { reason, .. } => {
                receipt.halt = Some(reason.clone());
                receipt.output = Bytes::new();
            }
        }
        receipt
    }
}
