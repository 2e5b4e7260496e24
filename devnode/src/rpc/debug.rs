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
use crate::{Block, Receipt, Watched, stylus::trace::stylus_tracer};
use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::B256;
use alloy_rpc_types_trace::geth::{GethDebugTracerType, GethDebugTracingCallOptions, GethDebugTracingOptions};
use revm::inspector::NoOpInspector;
use revm_inspectors::tracing::{DebugInspector, TransactionContext};
use serde_json::{Value, json};
use std::sync::Arc;

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
    Evm(Box<DebugInspector>),
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
    let inspector = DebugInspector::new(options).map_err(|error| RpcError::params(error.to_string()))?;
    Ok(Tracer::Evm(Box::new(inspector)))
}

/// Renders the host functions that programs called.
fn steps(receipt: &Receipt) -> Result<Value, RpcError> {
    let steps = stylus_tracer(&receipt.frames, &receipt.runs).map_err(|error| RpcError::server(error.to_string()))?;
    Ok(json!(steps))
}

/// Renders what an inspector saw.
fn rendered(mut watched: Watched<DebugInspector>, context: Option<TransactionContext>) -> Result<Value, RpcError> {
    let Some(mut inspector) = watched.inspector.take() else {
        return Err(RpcError::server("the tracer is gone"));
    };
    let trace = inspector
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
