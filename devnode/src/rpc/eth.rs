//! The methods `eth_`, `net_`, `web3_` and `txpool_`.

use super::{
    args::Args,
    error::RpcError,
    filter,
    node::{Node, apply_overrides, output, to_tx},
    view,
};
use crate::{
    Block, Chain, Receipt, Scene, Tx,
    arbos::{node_interface, precompiles::Precompiles, state::ARBOS},
    evm::{Ctx, SPEC},
};
use alloy_consensus::Transaction as _;
use alloy_eips::{BlockId, BlockNumberOrTag, eip2718::Encodable2718 as _, eip2930::AccessListItem};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rpc_types_eth::{BlockOverrides, FeeHistory, Filter, TransactionRequest, state::StateOverride};
use interfaces::arbos::NODE_INTERFACE;
use revm::{context_interface::result::HaltReason, handler::PrecompileProvider, inspector::NoOpInspector};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Most blocks that a fee history covers.
const FEE_HISTORY: u64 = 1_024;
/// Gas of a transfer to an account without code.
const TRANSFER_GAS: u64 = 21_000;

/// What a method does.
pub(super) type Method = fn(&mut Node, &mut Args) -> Result<Value, RpcError>;

/// Every method of this module.
pub(super) const METHODS: &[(&str, Method)] = &[
    ("eth_accounts", |node, _| Ok(json!(node.accounts()))),
    ("eth_blockNumber", |node, _| Ok(hex(node.chain.block_number()))),
    ("eth_call", call),
    ("eth_chainId", |node, _| Ok(hex(node.chain.chain_id()))),
    ("eth_createAccessList", create_access_list),
    ("eth_estimateGas", estimate_gas),
    ("eth_feeHistory", fee_history),
    ("eth_gasPrice", |node, _| Ok(hex(node.chain.base_fee()))),
    ("eth_getBalance", |node, args| {
        let address: Address = args.next()?;
        Ok(json!(scene(node, args)?.state.account(address)?.balance))
    }),
    ("eth_getBlockByHash", |node, args| {
        let hash = BlockId::hash(args.next()?);
        Ok(block(node, hash, args.optional()?.unwrap_or(false)))
    }),
    ("eth_getBlockByNumber", |node, args| {
        let tag: BlockNumberOrTag = args.next()?;
        Ok(block(node, tag.into(), args.optional()?.unwrap_or(false)))
    }),
    ("eth_getBlockReceipts", |node, args| {
        let id: BlockId = args.next()?;
        Ok(node.block(id).map_or(Value::Null, |block| {
            let receipts = block.transactions.iter().enumerate();
            json!(
                receipts
                    .map(|(n, mined)| view::receipt(block, n, mined))
                    .collect::<Vec<_>>()
            )
        }))
    }),
    ("eth_getBlockTransactionCountByHash", |node, args| {
        Ok(transaction_count(node, BlockId::hash(args.next()?)))
    }),
    ("eth_getBlockTransactionCountByNumber", |node, args| {
        Ok(transaction_count(node, args.next::<BlockNumberOrTag>()?.into()))
    }),
    ("eth_getCode", |node, args| {
        let address: Address = args.next()?;
        let code = scene(node, args)?.state.account(address)?.code;
        Ok(json!(code.map(|code| code.original_bytes()).unwrap_or_default()))
    }),
    ("eth_getFilterChanges", |node, args| {
        let id = filter_id(args)?;
        node.filters.changes(id)
    }),
    ("eth_getFilterLogs", |node, args| {
        let id = filter_id(args)?;
        let criteria = node.filters.criteria(id)?;
        Ok(json!(filter::logs(&node.chain, &criteria)?))
    }),
    ("eth_getLogs", |node, args| {
        let criteria: Filter = args.next()?;
        Ok(json!(filter::logs(&node.chain, &criteria)?))
    }),
    ("eth_getRawTransactionByHash", |node, args| {
        let hash: B256 = args.next()?;
        let mined = node
            .chain
            .transaction(hash)
            .and_then(|(block, n)| block.transactions.get(n));
        let tx = mined.map(|mined| &mined.tx).or_else(|| node.pooled(hash));
        Ok(tx.map_or(Value::Null, |tx| json!(Bytes::from(tx.encoded_2718()))))
    }),
    ("eth_getStorageAt", |node, args| {
        let (address, slot): (Address, U256) = (args.next()?, args.next()?);
        Ok(json!(B256::from(scene(node, args)?.state.slot(address, slot)?)))
    }),
    ("eth_getTransactionByBlockHashAndIndex", |node, args| {
        let id = BlockId::hash(args.next()?);
        Ok(transaction_at(node, id, args.number()?))
    }),
    ("eth_getTransactionByBlockNumberAndIndex", |node, args| {
        let id = args.next::<BlockNumberOrTag>()?.into();
        Ok(transaction_at(node, id, args.number()?))
    }),
    ("eth_getTransactionByHash", |node, args| {
        let hash: B256 = args.next()?;
        if let Some((block, index)) = node.chain.transaction(hash) {
            return Ok(transaction_at(node, BlockId::hash(block.hash()), Some(index as u64)));
        }
        Ok(node.pooled(hash).map_or(Value::Null, view::pending))
    }),
    ("eth_getTransactionCount", |node, args| {
        let (address, id): (Address, Option<BlockId>) = (args.next()?, args.optional()?);
        Ok(hex(match id {
            Some(id) if id.is_pending() => node.pending_nonce(address)?,
            id => node.scene(id)?.state.account(address)?.nonce,
        }))
    }),
    ("eth_getTransactionReceipt", |node, args| {
        let found = node.chain.transaction(args.next()?);
        Ok(found.map_or(Value::Null, |(block, index)| {
            let mined = block.transactions.get(index);
            mined.map_or(Value::Null, |mined| view::receipt(block, index, mined))
        }))
    }),
    ("eth_getUncleCountByBlockHash", |_, _| Ok(hex(0))),
    ("eth_getUncleCountByBlockNumber", |_, _| Ok(hex(0))),
    ("eth_maxPriorityFeePerGas", |_, _| Ok(hex(0))),
    ("eth_newBlockFilter", |node, _| node.filters.add_blocks()),
    ("eth_newFilter", |node, args| {
        let criteria: Filter = args.next()?;
        node.filters.add_logs(criteria)
    }),
    ("eth_newPendingTransactionFilter", |node, _| node.filters.add_pending()),
    ("eth_sendRawTransaction", |node, args| {
        let raw: Bytes = args.next()?;
        Ok(json!(node.send_raw(&raw)?))
    }),
    ("eth_sendTransaction", |node, args| {
        let request: TransactionRequest = args.next()?;
        Ok(json!(node.send(request)?))
    }),
    ("eth_syncing", |_, _| Ok(json!(false))),
    ("eth_uninstallFilter", |node, args| {
        let id = filter_id(args)?;
        Ok(json!(node.filters.remove(id)))
    }),
    ("net_listening", |_, _| Ok(json!(true))),
    ("net_peerCount", |_, _| Ok(hex(0))),
    ("net_version", |node, _| Ok(json!(node.chain.chain_id().to_string()))),
    ("txpool_content", |node, _| {
        let mut pending: Map<String, Value> = Map::new();
        for tx in node.pool() {
            let entry = pending.entry(tx.signer().to_string()).or_insert_with(|| json!({}));
            entry[tx.nonce().to_string()] = view::pending(tx);
        }
        Ok(json!({ "pending": pending, "queued": {} }))
    }),
    ("txpool_status", |node, _| {
        Ok(json!({ "pending": hex(node.pool().count() as u64), "queued": hex(0) }))
    }),
    ("web3_clientVersion", |_, _| {
        Ok(json!(concat!("gimbal-devnode/v", env!("CARGO_PKG_VERSION"))))
    }),
    ("web3_sha3", |_, args| {
        let data: Bytes = args.next()?;
        Ok(json!(keccak256(data)))
    }),
];

fn hex(number: u64) -> Value {
    json!(format!("{number:#x}"))
}

/// State and block that the next argument names.
pub(super) fn scene(node: &Node, args: &mut Args) -> Result<Scene, RpcError> {
    node.scene(args.optional()?)
}

fn filter_id(args: &mut Args) -> Result<u64, RpcError> {
    let id = args.number()?;
    id.ok_or_else(|| RpcError::params("missing value for required argument 0"))
}

fn block(node: &Node, id: BlockId, full: bool) -> Value {
    node.block(id).map_or(Value::Null, |block| view::block(block, full))
}

fn transaction_count(node: &Node, id: BlockId) -> Value {
    let block = node.block(id);
    block.map_or(Value::Null, |block| hex(block.transactions.len() as u64))
}

fn transaction_at(node: &Node, id: BlockId, index: Option<u64>) -> Value {
    let found = node.block(id).and_then(|block: &Arc<Block>| {
        let index = usize::try_from(index?).ok()?;
        Some(view::transaction(block, index, block.transactions.get(index)?))
    });
    found.unwrap_or(Value::Null)
}

fn call(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    let tx = to_tx(args.next()?)?;
    let mut scene = scene(node, args)?;
    let (state, block): (Option<StateOverride>, Option<BlockOverrides>) = (args.optional()?, args.optional()?);
    apply_overrides(&mut scene, state, block)?;
    if tx.to == Some(NODE_INTERFACE) {
        let data = tx.data.clone();
        let mut asked = Asked { node, scene, tx };
        return node_interface::answer(&mut asked, &data)
            .map(|answer| json!(answer))
            .map_err(RpcError::server);
    }
    let receipt = execute(&node.chain, scene, tx)?;
    Ok(json!(output(receipt)?))
}

/// A call of NodeInterface.
struct Asked<'a> {
    node: &'a Node,
    scene: Scene,
    tx: Tx,
}

impl node_interface::Node for Asked<'_> {
    fn l1_block_number(&self, l2_block: u64) -> Option<u64> {
        self.node.chain.block(l2_block).map(|block| block.context.l1_number)
    }

    fn height(&self) -> u64 {
        self.node.chain.block_number()
    }

    fn base_fee(&self) -> U256 {
        U256::from(self.scene.block.base_fee)
    }

    /// Posting data costs nothing on this chain.
    fn l1_base_fee(&self) -> U256 {
        U256::ZERO
    }

    fn estimate_gas(&mut self, to: Option<Address>, data: Bytes) -> Result<u64, String> {
        let tx = Tx {
            to,
            data,
            ..self.tx.clone()
        };
        estimate(&self.node.chain, &self.scene, &tx).map_err(|error| error.message)
    }
}

/// Executes a call; the error is that of a transaction which could not be included.
pub(super) fn execute(chain: &Chain, scene: Scene, tx: Tx) -> Result<Receipt, RpcError> {
    let named = chain.unsigned(tx.clone())?;
    chain
        .call_in(scene, tx)
        .map_err(|error| RpcError::refused(&named, error))
}

fn estimate_gas(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    let tx = to_tx(args.next()?)?;
    let mut scene = scene(node, args)?;
    let (state, block): (Option<StateOverride>, Option<BlockOverrides>) = (args.optional()?, args.optional()?);
    apply_overrides(&mut scene, state, block)?;
    Ok(hex(estimate(&node.chain, &scene, &tx)?))
}

/// The least gas limit with which `tx` succeeds: exact, by bisection.
///
/// A lower limit can make a transaction fail in a way that a higher one does not, but not the other way
/// round; where a contract breaks that rule, the result still is a limit with which it succeeds.
pub(super) fn estimate(chain: &Chain, scene: &Scene, tx: &Tx) -> Result<u64, RpcError> {
    // A limit that no transaction could have is none.
    let cap = tx.gas_limit.filter(|limit| *limit >= TRANSFER_GAS);
    let cap = cap.unwrap_or(u64::MAX).min(chain.tx_gas_cap());
    let cap = match tx.fees {
        Some(fees) if fees.max_fee > 0 => {
            let balance = scene.state.account(tx.from)?.balance.saturating_sub(tx.value);
            cap.min((balance / U256::from(fees.max_fee)).saturating_to())
        }
        _ => cap,
    };
    let run = |limit: u64| execute(chain, scene.clone(), tx.clone().gas(limit));
    if tx.data.is_empty()
        && cap >= TRANSFER_GAS
        && run(TRANSFER_GAS).is_ok_and(|receipt| receipt.success && receipt.gas_used == TRANSFER_GAS)
    {
        return Ok(TRANSFER_GAS);
    }
    let whole = run(cap)?;
    if !whole.success {
        if matches!(whole.halt, Some(HaltReason::OutOfGas(_))) {
            return Err(RpcError::server(format!("gas required exceeds allowance ({cap})")));
        }
        return Err(RpcError::failed(&whole));
    }
    // What it used, refunds taken off, is the least it can be; what its frames withhold is seldom more than 1/63.
    let (mut low, mut high) = (whole.gas_used.saturating_sub(1), cap);
    let likely = whole.gas_used.saturating_add(whole.gas_used / 63).saturating_add(2_300);
    for guess in [whole.gas_used, likely] {
        if low < guess && guess < high {
            if run(guess).is_ok_and(|receipt| receipt.success) {
                high = guess;
                break;
            }
            low = guess;
        }
    }
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if run(middle).is_ok_and(|receipt| receipt.success) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(high)
}

/// The accounts and slots that a call touches. Programs are seen as well as EVM code, because the list
/// is made of what the execution loaded, not of the opcodes that loaded it.
fn create_access_list(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    let mut tx = to_tx(args.next()?)?;
    let scene = scene(node, args)?;
    let watched = node
        .chain
        .watch(scene.clone(), tx.clone(), None::<NoOpInspector>)
        .map_err(|error| RpcError::server(error.to_string()))?;
    let known = Precompiles::new(SPEC);
    let precompiles = PrecompileProvider::<Ctx>::warm_addresses(&known);
    let implied = [Some(tx.from), tx.to, Some(watched.block.beneficiary), Some(ARBOS)];
    let mut list: Vec<AccessListItem> = watched
        .outcome
        .state
        .iter()
        .filter(|(_, account)| !account.is_created())
        .map(|(address, account)| {
            let mut storage_keys: Vec<B256> = account.storage.keys().map(|slot| (*slot).into()).collect();
            storage_keys.sort_unstable();
            AccessListItem {
                address: *address,
                storage_keys,
            }
        })
        .filter(|item| {
            let implied = implied.contains(&Some(item.address)) || precompiles.contains(&item.address);
            item.address != ARBOS && (!implied || !item.storage_keys.is_empty())
        })
        .collect();
    list.sort_unstable_by_key(|item| item.address);
    tx.access_list = list.into();
    let with_list = execute(&node.chain, scene, tx.clone())?;
    let mut answer = json!({ "accessList": tx.access_list, "gasUsed": hex(with_list.gas_used) });
    if !with_list.success {
        answer["error"] = json!(RpcError::failed(&with_list).message);
    }
    Ok(answer)
}

fn fee_history(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    let count = args
        .number()?
        .ok_or_else(|| RpcError::params("missing value for required argument 0"))?
        .min(FEE_HISTORY);
    let newest: BlockNumberOrTag = args.next()?;
    let percentiles: Vec<f64> = args.optional()?.unwrap_or_default();
    if percentiles.iter().any(|percentile| !(0.0..=100.0).contains(percentile))
        || percentiles.windows(2).any(|pair| pair[0] > pair[1])
    {
        return Err(RpcError::server("invalid reward percentile"));
    }
    let newest = node
        .block(newest.into())
        .ok_or_else(|| RpcError::server("request beyond head block"))?
        .context
        .number;
    let oldest = newest.saturating_add(1).saturating_sub(count);
    let blocks: Vec<_> = node.chain.blocks(oldest, newest).collect();
    let mut base_fees: Vec<u128> = blocks.iter().map(|block| block.context.base_fee.into()).collect();
    base_fees.push(node.chain.base_fee().into());
    let history = FeeHistory {
        base_fee_per_gas: if count == 0 { Vec::new() } else { base_fees },
        // Against a gas limit of 2^50 the ratio is practically nothing.
        #[expect(clippy::cast_precision_loss, reason = "a ratio for display")]
        gas_used_ratio: blocks
            .iter()
            .map(|block| block.header.inner().gas_used as f64 / crate::block::BLOCK_GAS_LIMIT as f64)
            .collect(),
        oldest_block: blocks.first().map_or(oldest, |block| block.context.number),
        // Tips are dropped.
        reward: (!percentiles.is_empty()).then(|| vec![vec![0; percentiles.len()]; blocks.len()]),
        ..FeeHistory::default()
    };
    Ok(json!(history))
}
