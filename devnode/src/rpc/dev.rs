//! The methods of development nodes, under the names that anvil and Hardhat have made common.

use super::{args::Args, error::RpcError, eth::Method, node::Node};
use crate::{
    arbos::{fields::L2, state::ARBOS},
    state::State,
};
use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Most blocks that one request may make.
const MINE_LIMIT: u64 = 100_000;
/// Most snapshots that are kept; the oldest go first.
const SNAPSHOTS: usize = 1_024;

/// Every method of this module. Where anvil and Hardhat have the same method, both names are here.
pub(super) const METHODS: &[(&str, Method)] = &[
    ("evm_snapshot", |node, _| Ok(snapshot(node))),
    ("anvil_snapshot", |node, _| Ok(snapshot(node))),
    ("evm_revert", revert),
    ("anvil_revert", revert),
    ("evm_mine", evm_mine),
    ("anvil_mine", mine),
    ("hardhat_mine", mine),
    ("evm_increaseTime", increase_time),
    ("anvil_increaseTime", increase_time),
    ("evm_setNextBlockTimestamp", set_next_timestamp),
    ("anvil_setNextBlockTimestamp", set_next_timestamp),
    ("evm_setTime", set_time),
    ("anvil_setTime", set_time),
    ("anvil_setBalance", set_balance),
    ("hardhat_setBalance", set_balance),
    ("anvil_setNonce", set_nonce),
    ("hardhat_setNonce", set_nonce),
    ("evm_setAccountNonce", set_nonce),
    ("anvil_setCode", set_code),
    ("hardhat_setCode", set_code),
    ("anvil_setStorageAt", set_storage),
    ("hardhat_setStorageAt", set_storage),
    ("anvil_impersonateAccount", impersonate),
    ("hardhat_impersonateAccount", impersonate),
    ("anvil_stopImpersonatingAccount", stop_impersonating),
    ("hardhat_stopImpersonatingAccount", stop_impersonating),
    ("anvil_autoImpersonateAccount", |node, args| {
        node.impersonate_all = args.next()?;
        Ok(Value::Null)
    }),
    ("evm_setAutomine", set_automine),
    ("anvil_setAutomine", set_automine),
    ("anvil_getAutomine", |node, _| Ok(json!(node.automine))),
    ("hardhat_getAutomine", |node, _| Ok(json!(node.automine))),
    ("evm_setIntervalMining", set_interval),
    ("anvil_setIntervalMining", set_interval),
    ("anvil_getIntervalMining", |node, _| {
        let secs = *node.interval.borrow();
        Ok(if secs == 0 { Value::Null } else { json!(secs) })
    }),
    ("anvil_setNextBlockBaseFeePerGas", set_base_fee),
    ("hardhat_setNextBlockBaseFeePerGas", set_base_fee),
    ("anvil_dropTransaction", |node, args| {
        let hash: B256 = args.next()?;
        Ok(if node.drop_pooled(hash) {
            json!(hash)
        } else {
            Value::Null
        })
    }),
    ("hardhat_dropTransaction", |node, args| {
        let hash: B256 = args.next()?;
        Ok(json!(node.drop_pooled(hash)))
    }),
    ("anvil_dropAllTransactions", |node, _| {
        node.clear_pool();
        Ok(Value::Null)
    }),
    ("anvil_reset", |node, args| {
        if !args.value().is_null() {
            return Err(RpcError::server(
                "a reset goes back to the genesis and takes no parameters",
            ));
        }
        node.reset();
        Ok(Value::Null)
    }),
    ("anvil_dumpState", |node, _| {
        let dump = Dump::of(node.chain.state(), node.latest_time());
        let text = serde_json::to_vec(&dump).map_err(|error| RpcError::server(error.to_string()))?;
        Ok(json!(Bytes::from(text)))
    }),
    ("anvil_loadState", |node, args| {
        let text: Bytes = args.next()?;
        let dump: Dump = serde_json::from_slice(&text)
            .map_err(|error| RpcError::params(format!("not a state dumped by this node: {error}")))?;
        dump.load(node)?;
        Ok(json!(true))
    }),
    ("anvil_nodeInfo", |node, _| {
        let latest = node.chain.latest();
        Ok(json!({
            "currentBlockNumber": format!("{:#x}", node.chain.block_number()),
            "currentBlockTimestamp": node.latest_time(),
            "currentBlockHash": latest.map(|block| block.hash()),
            "hardFork": "osaka",
            "transactionOrder": "fifo",
            "environment": {
                "baseFee": format!("{:#x}", node.chain.base_fee()),
                "chainId": node.chain.chain_id(),
                "gasLimit": format!("{:#x}", crate::block::BLOCK_GAS_LIMIT),
                "gasPrice": format!("{:#x}", node.chain.base_fee()),
            },
            "forkConfig": {},
        }))
    }),
];

fn number(args: &mut Args) -> Result<u64, RpcError> {
    args.number()?.ok_or_else(|| RpcError::params("a number is missing"))
}

fn snapshot(node: &mut Node) -> Value {
    let id = node.next_snapshot;
    node.next_snapshot += 1;
    node.snapshots.insert(id, (node.chain.clone(), node.offset));
    if node.snapshots.len() > SNAPSHOTS {
        node.snapshots.pop_first();
    }
    json!(format!("{id:#x}"))
}

fn revert(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    let id = number(args)?;
    Ok(json!(node.revert(id)))
}

/// `evm_mine`: one block, perhaps at a given time, or as many as an object asks for.
fn evm_mine(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    #[derive(Default, Deserialize)]
    struct Options {
        timestamp: Option<Value>,
        blocks: Option<Value>,
    }
    let (timestamp, blocks) = match args.value() {
        Value::Object(object) => {
            let options: Options =
                serde_json::from_value(Value::Object(object)).map_err(|error| RpcError::params(error.to_string()))?;
            let parse = |value: Option<Value>| {
                Args::parse(Some(&json!([value]).to_string())).and_then(|mut args| args.number())
            };
            (parse(options.timestamp)?, parse(options.blocks)?)
        }
        value => (Args::parse(Some(&json!([value]).to_string()))?.number()?, None),
    };
    if let Some(timestamp) = timestamp {
        check_time(node, timestamp)?;
        node.next_timestamp = Some(timestamp);
    }
    mine_many(node, blocks.unwrap_or(1), 1)?;
    Ok(json!("0x0"))
}

/// `anvil_mine`: some blocks, some seconds apart.
fn mine(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    let (blocks, interval) = (args.number()?.unwrap_or(1), args.number()?.unwrap_or(1));
    mine_many(node, blocks, interval)?;
    Ok(Value::Null)
}

fn mine_many(node: &mut Node, blocks: u64, interval: u64) -> Result<(), RpcError> {
    if blocks > MINE_LIMIT {
        return Err(RpcError::params(format!("at most {MINE_LIMIT} blocks at once")));
    }
    let span = interval.saturating_mul(blocks.saturating_sub(1));
    check_time(node, node.now().saturating_add(span))?;
    for n in 0..blocks {
        if n > 0 {
            node.next_timestamp = Some(node.latest_time().saturating_add(interval));
        }
        node.mine()?;
    }
    Ok(())
}

fn check_time(node: &Node, timestamp: u64) -> Result<(), RpcError> {
    let latest = node.latest_time();
    if timestamp < latest {
        return Err(RpcError::params(format!(
            "timestamp {timestamp} is before that of the latest block, {latest}"
        )));
    }
    // Far beyond any use, and near enough that no later sum overflows.
    if timestamp > u64::from(u32::MAX) * 1_000 {
        return Err(RpcError::params("timestamp too far in the future"));
    }
    Ok(())
}

fn increase_time(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    let secs = number(args)?;
    let target = node.now().saturating_add(secs);
    check_time(node, target)?;
    node.offset = node.offset.saturating_add_unsigned(secs);
    if let Some(next) = &mut node.next_timestamp {
        *next = next.saturating_add(secs);
    }
    Ok(json!(secs))
}

fn set_next_timestamp(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    let timestamp = number(args)?;
    check_time(node, timestamp)?;
    node.next_timestamp = Some(timestamp);
    Ok(Value::Null)
}

/// Moves the clock to a moment; later blocks go on from there.
fn set_time(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    let timestamp = number(args)?;
    check_time(node, timestamp)?;
    let now = node.now();
    node.offset = node
        .offset
        .saturating_add(timestamp.cast_signed().saturating_sub(now.cast_signed()));
    Ok(json!(timestamp.saturating_sub(now)))
}

fn set_balance(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    let (address, balance): (Address, U256) = (args.next()?, args.next()?);
    node.chain.state_mut().update(address, |info| info.balance = balance)?;
    Ok(Value::Null)
}

fn set_nonce(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    let address: Address = args.next()?;
    let nonce = number(args)?;
    node.chain.state_mut().update(address, |info| info.nonce = nonce)?;
    Ok(Value::Null)
}

fn set_code(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    let (address, code): (Address, Bytes) = (args.next()?, args.next()?);
    node.chain.state_mut().set_code(address, code)?;
    Ok(Value::Null)
}

fn set_storage(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    let (address, slot, value): (Address, U256, B256) = (args.next()?, args.next()?, args.next()?);
    node.chain.state_mut().set_slot(address, slot, value.into())?;
    Ok(json!(true))
}

fn impersonate(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    node.impersonated.insert(args.next()?);
    Ok(Value::Null)
}

fn stop_impersonating(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    node.impersonated.remove(&args.next::<Address>()?);
    Ok(Value::Null)
}

fn set_automine(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    node.automine = args.next()?;
    // What waits now would hold up later transactions of the same sender for ever.
    if node.automine && node.pool().next().is_some() {
        node.mine()?;
    }
    Ok(Value::Null)
}

/// Blocks by the clock, every so many seconds. As with anvil, they end automining; 0 ends them and leaves
/// automining as it is.
fn set_interval(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    let secs = number(args)?;
    node.mining(node.automine, secs);
    Ok(Value::Null)
}

fn set_base_fee(node: &mut Node, args: &mut Args) -> Result<Value, RpcError> {
    let wei = number(args)?;
    node.chain.set_base_fee(wei);
    Ok(Value::Null)
}

/// An account of a [`Dump`].
#[derive(Debug, Serialize, Deserialize)]
struct DumpedAccount {
    balance: U256,
    nonce: u64,
    code: Bytes,
    storage: BTreeMap<U256, U256>,
}

/// The state as text: what `anvil_dumpState` gives and `anvil_loadState` takes back.
#[derive(Debug, Serialize, Deserialize)]
struct Dump {
    format: String,
    timestamp: u64,
    accounts: BTreeMap<Address, DumpedAccount>,
}

/// Marks dumps of this node, whose format is its own.
const DUMP_FORMAT: &str = "gimbal-devnode-state-1";

impl Dump {
    fn of(state: &State, timestamp: u64) -> Self {
        let accounts = state.accounts().map(|(address, info, storage)| {
            let code = info.code.map(|code| code.original_bytes()).unwrap_or_default();
            let account = DumpedAccount {
                balance: info.balance,
                nonce: info.nonce,
                code,
                storage,
            };
            (address, account)
        });
        Self {
            format: DUMP_FORMAT.to_owned(),
            timestamp,
            accounts: accounts.collect(),
        }
    }

    /// Puts every account of the dump in place of what the chain has at its address.
    fn load(self, node: &mut Node) -> Result<(), RpcError> {
        if self.format != DUMP_FORMAT {
            return Err(RpcError::params("not a state dumped by this node"));
        }
        let mut state = node.chain.state().clone();
        for (address, account) in self.accounts {
            state.clear_storage(address)?;
            state.set_code(address, account.code)?;
            state.update(address, |info| {
                info.balance = account.balance;
                info.nonce = account.nonce;
            })?;
            for (slot, value) in account.storage {
                state.set_slot(address, slot, value)?;
            }
        }
        let base_fee = state.slot(ARBOS, L2::BaseFee.into())?;
        *node.chain.state_mut() = state;
        if let Ok(wei @ 1..) = u64::try_from(base_fee) {
            node.chain.set_base_fee(wei);
        }
        if self.timestamp > node.latest_time() {
            check_time(node, self.timestamp)?;
            node.next_timestamp = Some(self.timestamp);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chain, DEV_ACCOUNT, rpc::eth};

    fn ask(node: &mut Node, method: &str, params: &Value) -> Result<Value, RpcError> {
        let all = [METHODS, eth::METHODS].concat();
        let (_, run) = all.iter().find(|(name, _)| *name == method).unwrap();
        run(node, &mut Args::parse(Some(&params.to_string()))?)
    }

    fn pay(node: &mut Node, from: Address) -> Result<Value, RpcError> {
        let tx = json!([{ "from": from, "to": Address::ZERO, "gas": "0x5208" }]);
        ask(node, "eth_sendTransaction", &tx)
    }

    #[test]
    fn set_automine_mines_what_waits_and_what_comes_after_it() {
        let mut node = Node::new(Chain::default());
        ask(&mut node, "evm_setAutomine", &json!([false])).unwrap();
        pay(&mut node, DEV_ACCOUNT).unwrap();
        ask(&mut node, "evm_setAutomine", &json!([true])).unwrap();
        pay(&mut node, DEV_ACCOUNT).unwrap();
        assert_eq!(node.chain.nonce(DEV_ACCOUNT), 2);
        assert_eq!(node.pool().count(), 0);
    }

    #[test]
    fn set_interval_to_none_leaves_automine_off() {
        let mut node = Node::new(Chain::default());
        ask(&mut node, "evm_setAutomine", &json!([false])).unwrap();
        ask(&mut node, "evm_setIntervalMining", &json!([0])).unwrap();
        assert!(!node.automine);
    }

    #[test]
    fn next_timestamp_survives_a_refused_transaction() {
        let mut node = Node::new(Chain::default());
        let time = node.latest_time() + 5_000;
        ask(&mut node, "evm_setNextBlockTimestamp", &json!([time])).unwrap();
        node.impersonate_all = true;
        assert!(pay(&mut node, Address::with_last_byte(9)).is_err());
        assert_eq!(node.next_timestamp, Some(time));
    }
}
