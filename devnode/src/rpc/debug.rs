//! The methods `debug_`: traces of transactions and calls.
//!
//! The EVM's tracers see Stylus frames as calls without steps; what a program did inside is for
//! `stylusTracer`, which lists its host functions.

use super::{
    args::Args,
    error::RpcError,
    eth::Method,
    node::{Node, apply_overrides, to_tx},
};
use crate::{Block, Receipt, Watched, evm::Ctx, stylus::trace::stylus_tracer};
use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, Log, U256};
use alloy_rpc_types_trace::geth::{GethDebugTracerType, GethDebugTracingCallOptions, GethDebugTracingOptions};
use revm::{
    inspector::{Inspector, NoOpInspector},
    interpreter::{CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter, interpreter::EthInterpreter},
};
use revm_inspectors::tracing::{DebugInspector, TransactionContext};
use serde_json::{Value, json};
use std::sync::Arc;

/// Most memory that a trace may take, in bytes: a transaction's gas pays for far more than machines have.
const TRACE_BYTES: usize = 1 << 30;
/// What a step or a frame takes, as recorded and as rendered.
const ENTRY_BYTES: usize = 1_400;
/// What a word of the stack takes in the same way.
const WORD_BYTES: usize = 160;
/// What a byte of memory, input or output takes in the same way.
const BYTE_BYTES: usize = 5;

/// Name of the tracer that Nitro adds to geth's.
const STYLUS: &str = "stylusTracer";

/// Every method of this module.
pub(super) const METHODS: &[(&str, Method)] = &[
    ("debug_traceTransaction", |node, args| {
        let hash: B256 = args.next()?;
        let options: Option<Value> = args.optional()?;
        trace_transaction(node, hash, &options.unwrap_or_else(|| json!({})))
    }),
    ("debug_traceCall", trace_call),
    ("debug_traceBlockByNumber", |node, args| {
        let id: BlockNumberOrTag = args.next()?;
        trace_block(node, id.into(), args)
    }),
    ("debug_traceBlockByHash", |node, args| {
        let id = BlockId::hash(args.next()?);
        trace_block(node, id, args)
    }),
];

/// Which tracer a request wants.
enum Tracer {
    Stylus,
    Evm(Box<Bounded>),
}

/// A tracer that stops recording when it has taken too much memory.
struct Bounded {
    tracer: DebugInspector,
    /// Bytes that it may still take; `None` when it wanted more.
    left: Option<usize>,
    /// Steps that it still records, of which it keeps the stack and the memory or not.
    steps: u64,
    keeps_stack: bool,
    keeps_memory: bool,
}

impl Bounded {
    /// Takes memory for an entry with so many bytes of data; whether there was enough.
    fn take(&mut self, data: usize) -> bool {
        let bytes = data.saturating_mul(BYTE_BYTES).saturating_add(ENTRY_BYTES);
        self.left = self.left.and_then(|left| left.checked_sub(bytes));
        self.left.is_some()
    }
}

impl Inspector<Ctx, EthInterpreter> for Bounded {
    fn initialize_interp(&mut self, interp: &mut Interpreter, context: &mut Ctx) {
        if self.left.is_some() {
            self.tracer.initialize_interp(interp, context);
        }
    }

    fn step(&mut self, interp: &mut Interpreter, context: &mut Ctx) {
        if self.steps > 0 {
            self.steps -= 1;
            let stack = if self.keeps_stack { interp.stack.len() } else { 0 };
            let memory = if self.keeps_memory { interp.memory.len() } else { 0 };
            self.take(memory.saturating_add(stack * WORD_BYTES / BYTE_BYTES));
        }
        if self.left.is_some() {
            self.tracer.step(interp, context);
        }
    }

    fn step_end(&mut self, interp: &mut Interpreter, context: &mut Ctx) {
        if self.left.is_some() {
            self.tracer.step_end(interp, context);
        }
    }

    fn log(&mut self, context: &mut Ctx, log: Log) {
        if self.left.is_some() {
            self.tracer.log(context, log);
        }
    }

    fn log_full(&mut self, interp: &mut Interpreter, context: &mut Ctx, log: Log) {
        if self.left.is_some() {
            self.tracer.log_full(interp, context, log);
        }
    }

    fn call(&mut self, context: &mut Ctx, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.take(inputs.input.len())
            .then(|| self.tracer.call(context, inputs))
            .flatten()
    }

    fn call_end(&mut self, context: &mut Ctx, inputs: &CallInputs, outcome: &mut CallOutcome) {
        if self.take(outcome.result.output.len()) {
            self.tracer.call_end(context, inputs, outcome);
        }
    }

    fn create(&mut self, context: &mut Ctx, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.take(inputs.init_code().len())
            .then(|| self.tracer.create(context, inputs))
            .flatten()
    }

    fn create_end(&mut self, context: &mut Ctx, inputs: &CreateInputs, outcome: &mut CreateOutcome) {
        if self.take(outcome.result.output.len()) {
            self.tracer.create_end(context, inputs, outcome);
        }
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        if self.left.is_some() {
            Inspector::<Ctx>::selfdestruct(&mut self.tracer, contract, target, value);
        }
    }
}

fn tracer(options: &Value) -> Result<Tracer, RpcError> {
    if options.get("tracer").and_then(Value::as_str) == Some(STYLUS) {
        return Ok(Tracer::Stylus);
    }
    let options: GethDebugTracingOptions = serde_json::from_value(options.clone())
        .map_err(|error| RpcError::params(format!("invalid tracing options: {error}")))?;
    if let Some(GethDebugTracerType::JsTracer(_)) = &options.tracer {
        return Err(RpcError::server(
            "JavaScript tracers are not supported; use callTracer, prestateTracer, 4byteTracer, flatCallTracer, \
             muxTracer, noopTracer, stylusTracer or no tracer at all",
        ));
    }
    let config = &options.config;
    let steps = match (&options.tracer, config.limit) {
        (Some(_), _) => 0,
        (None, None | Some(0)) => u64::MAX,
        (None, Some(limit)) => limit,
    };
    let (keeps_stack, keeps_memory) = (config.is_stack_enabled(), config.is_memory_enabled());
    let tracer = DebugInspector::new(options).map_err(|error| RpcError::params(error.to_string()))?;
    Ok(Tracer::Evm(Box::new(Bounded {
        tracer,
        left: Some(TRACE_BYTES),
        steps,
        keeps_stack,
        keeps_memory,
    })))
}

/// Renders the host functions that programs called.
fn steps(receipt: &Receipt) -> Result<Value, RpcError> {
    let steps = stylus_tracer(&receipt.frames, &receipt.runs).map_err(|error| RpcError::server(error.to_string()))?;
    Ok(json!(steps))
}

/// Renders what an inspector saw.
fn rendered(mut watched: Watched<Bounded>, context: Option<TransactionContext>) -> Result<Value, RpcError> {
    let Some(Bounded { mut tracer, left, .. }) = watched.inspector.take() else {
        return Err(RpcError::server("the tracer is gone"));
    };
    if left.is_none() {
        return Err(RpcError::server(
            "the trace is too large: without a tracer, set a `limit` of steps, `disableStack` or no `enableMemory`",
        ));
    }
    let trace = tracer
        .get_result(
            context,
            &watched.tx,
            &watched.block,
            &watched.outcome,
            &mut watched.before,
        )
        .map_err(|error| RpcError::server(error.to_string()))?;
    Ok(json!(trace))
}

fn trace_transaction(node: &Node, hash: B256, options: &Value) -> Result<Value, RpcError> {
    let missing = || RpcError::server("transaction not found");
    let failed = |error: crate::TxError| RpcError::server(error.to_string());
    match tracer(options)? {
        Tracer::Stylus => {
            let watched = node.chain.replay(hash, None::<NoOpInspector>).map_err(failed)?;
            steps(&watched.ok_or_else(missing)?.receipt)
        }
        Tracer::Evm(inspector) => {
            let context = node.chain.transaction(hash).map(|(block, index)| TransactionContext {
                block_hash: Some(block.hash()),
                tx_index: Some(index),
                tx_hash: Some(hash),
            });
            let watched = node.chain.replay(hash, Some(*inspector)).map_err(failed)?;
            rendered(watched.ok_or_else(missing)?, context)
        }
    }
}

fn trace_call(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    let tx = to_tx(args.next()?)?;
    let mut scene = super::eth::scene(node, args)?;
    let options: Value = args.value();
    let extra: GethDebugTracingCallOptions = match &options {
        Value::Object(all) => {
            // The tracer's own part is read by `tracer`, which knows one more name.
            let mut overrides = all.clone();
            overrides.retain(|key, _| key == "stateOverrides" || key == "blockOverrides");
            serde_json::from_value(Value::Object(overrides)).map_err(|error| RpcError::params(error.to_string()))?
        }
        _ => GethDebugTracingCallOptions::default(),
    };
    apply_overrides(&mut scene, extra.state_overrides, extra.block_overrides)?;
    let named = node.chain.unsigned(tx.clone())?;
    let failed = |error| RpcError::refused(&named, error);
    let options = if options.is_null() { json!({}) } else { options };
    match tracer(&options)? {
        Tracer::Stylus => {
            scene.trace = true;
            let watched = node.chain.watch(scene, tx, None::<NoOpInspector>).map_err(failed)?;
            steps(&watched.receipt)
        }
        Tracer::Evm(inspector) => {
            let watched = node.chain.watch(scene, tx, Some(*inspector)).map_err(failed)?;
            rendered(watched, None)
        }
    }
}

fn trace_block(node: &Node, id: BlockId, args: &mut Args) -> Result<Value, RpcError> {
    let options: Option<Value> = args.optional()?;
    let options = options.unwrap_or_else(|| json!({}));
    let block: &Arc<Block> = node.block(id).ok_or_else(|| RpcError::server("block not found"))?;
    let traces = block.transactions.iter().map(|mined| {
        let hash = *mined.tx.tx_hash();
        Ok(json!({ "txHash": hash, "result": trace_transaction(node, hash, &options)? }))
    });
    Ok(Value::Array(traces.collect::<Result<_, RpcError>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Chain;
    use alloy_primitives::{bytes, hex};

    const CODE: &str = "0x00000000000000000000000000000000000000c1";

    fn trace(code: &[u8], gas: u64, options: &Value) -> Result<Value, RpcError> {
        let mut chain = Chain::default();
        chain.set_code(Address::with_last_byte(0xc1), code.to_vec());
        let params = json!([{ "to": CODE, "gas": format!("{gas:#x}") }, "latest", options]);
        let mut args = Args::parse(Some(&params.to_string()))?;
        trace_call(&mut Node::new(chain), &mut args)
    }

    #[test]
    fn trace_call_of_a_long_loop_is_refused_unless_limited() {
        let code = hex!("5b5f56");
        let error = trace(&code, 32_000_000, &json!({ "disableStack": true })).unwrap_err();
        assert!(error.message.contains("too large"), "{error:?}");
        let limited = trace(&code, 32_000_000, &json!({ "limit": 5 })).unwrap();
        assert_eq!(limited["structLogs"].as_array().unwrap().len(), 5);
        assert!(trace(&code, 32_000_000, &json!({ "tracer": "callTracer" })).is_ok());
        assert!(trace(&code, 100_000, &json!({})).is_ok());
    }

    #[test]
    fn trace_call_of_memory_at_every_step_is_refused() {
        // Writes at 1 MB, then loops.
        let code = bytes!("6001620fffff535b600756");
        let options = json!({ "enableMemory": true });
        assert!(trace(&code, 2_300_000, &options).is_err());
    }

    #[test]
    fn trace_call_of_many_large_inputs_is_refused() {
        // Writes at 1 MB, then calls an empty account with all of it, again and again.
        let code = bytes!("6001620fffff535b5f5f620fffff5f5f61dead5ff150600756");
        let options = json!({ "tracer": "callTracer" });
        assert!(trace(&code, 5_000_000, &options).is_err());
    }
}
