//! The node behind the server: a chain, its clock, and transactions that wait.

use super::{error::RpcError, filter::Filters};
use crate::{Block, Chain, DEV_ACCOUNT, Fees, Receipt, Scene, SignedTx, Tx, TxError};
use alloy_consensus::{
    EthereumTypedTransaction, SignableTransaction as _, Transaction as _, TxEnvelope, Typed2718 as _,
    transaction::{Recovered, SignerRecoverable as _},
};
use alloy_eips::{BlockId, BlockNumberOrTag, eip2718::Decodable2718 as _};
use alloy_primitives::{Address, B256, Bytes, U256, b256};
use alloy_rpc_types_eth::{BlockOverrides, TransactionRequest, state::StateOverride};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::sync::{broadcast, watch};

/// Key of [`DEV_ACCOUNT`], the same on every development node of Arbitrum.
const DEV_KEY: B256 = b256!("b6b15c8cb491557369f3c7d2c287b053eb229daa9c22138887752191c9520659");
/// Transactions that may wait for a block or for an earlier nonce.
const POOL_LIMIT: usize = 16_384;
/// Blocks that a slow subscriber may lag behind.
const EVENTS: usize = 1_024;
/// Blob transactions, which Arbitrum refuses.
const BLOB_TYPE: u8 = 3;

/// What subscribers are told.
#[derive(Clone, Debug)]
pub enum Event {
    /// There is a new latest block.
    Block(Arc<Block>),
    /// A transaction has been accepted.
    Pending(B256),
}

impl Event {
    /// Height of the new block.
    pub(super) fn height(&self) -> Option<u64> {
        match self {
            Self::Block(block) => Some(block.context.number),
            Self::Pending(_) => None,
        }
    }
}

/// A chain with what a node keeps beside it.
#[derive(Debug)]
pub struct Node {
    pub(super) chain: Chain,
    /// The chain as it began, for resets.
    pub(super) genesis: Chain,
    /// Accepted transactions by sender and nonce, with the order in which they came.
    pool: BTreeMap<(Address, u64), (u64, SignedTx)>,
    arrivals: u64,
    keys: BTreeMap<Address, PrivateKeySigner>,
    pub(super) impersonated: BTreeSet<Address>,
    pub(super) impersonate_all: bool,
    /// Make a block for each transaction at once.
    pub(super) automine: bool,
    /// Seconds between blocks made by the clock; 0 for none. Watched by the server.
    pub(super) interval: watch::Sender<u64>,
    /// Seconds that the chain's clock is ahead of the machine's.
    pub(super) offset: i64,
    /// Time of the next block, if it was set.
    pub(super) next_timestamp: Option<u64>,
    pub(super) snapshots: BTreeMap<u64, (Chain, i64)>,
    pub(super) next_snapshot: u64,
    pub(super) filters: Filters,
    pub(super) events: broadcast::Sender<Event>,
}

fn wall_clock() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}

impl Node {
    /// A node of `chain`. Its clock runs with the machine's, from the chain's time on.
    pub fn new(chain: Chain) -> Self {
        let mut keys = BTreeMap::new();
        if let Ok(key) = PrivateKeySigner::from_bytes(&DEV_KEY) {
            keys.insert(DEV_ACCOUNT, key);
        }
        let offset = chain.timestamp().cast_signed() - wall_clock().cast_signed();
        Self {
            genesis: chain.clone(),
            chain,
            pool: BTreeMap::new(),
            arrivals: 0,
            keys,
            impersonated: BTreeSet::new(),
            impersonate_all: false,
            automine: true,
            interval: watch::Sender::new(0),
            offset,
            next_timestamp: None,
            snapshots: BTreeMap::new(),
            next_snapshot: 1,
            filters: Filters::default(),
            events: broadcast::Sender::new(EVENTS),
        }
    }

    /// When blocks are made: at once for each transaction, every so many seconds, or (0) only when asked.
    pub fn mining(&mut self, automine: bool, interval_secs: u64) {
        self.automine = automine && interval_secs == 0;
        self.interval.send_replace(interval_secs);
    }

    /// The chain.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Accounts that the node signs for.
    pub(super) fn accounts(&self) -> Vec<Address> {
        self.keys.keys().copied().collect()
    }

    /// Time that a block made now would have.
    pub(super) fn now(&self) -> u64 {
        let clock = wall_clock().saturating_add_signed(self.offset);
        self.next_timestamp.unwrap_or(clock).max(self.latest_time())
    }

    pub(super) fn latest_time(&self) -> u64 {
        self.chain.latest().map_or(0, |block| block.context.timestamp)
    }

    /// Sets the chain's clock for the block about to be made. A time that was set is where the clock
    /// goes on from.
    fn tick(&mut self) {
        let now = self.now();
        if self.next_timestamp.take().is_some() {
            self.offset = now.cast_signed() - wall_clock().cast_signed();
        }
        self.chain.set_timestamp(now);
    }

    /// The block that `id` names, if it is remembered.
    pub(super) fn block(&self, id: BlockId) -> Option<&Arc<Block>> {
        match id {
            BlockId::Hash(hash) => self.chain.block_by_hash(hash.block_hash),
            BlockId::Number(BlockNumberOrTag::Number(number)) => self.chain.block(number),
            BlockId::Number(BlockNumberOrTag::Earliest) => self.chain.oldest(),
            BlockId::Number(_) => self.chain.latest(),
        }
    }

    /// State and block of `id`; by default of the latest block.
    pub(super) fn scene(&self, id: Option<BlockId>) -> Result<Scene, RpcError> {
        let id = id.unwrap_or_default();
        if id.is_pending() {
            let mut chain = self.chain.clone();
            chain.set_timestamp(self.now());
            let block = chain.next_context();
            return Ok(Scene { block, ..chain.scene() });
        }
        match self.block(id) {
            Some(block) => Ok(self.chain.scene_at(block)),
            None => Err(RpcError::server("header not found")),
        }
    }

    /// Adds a transaction that its sender signed.
    pub(super) fn send_raw(&mut self, raw: &Bytes) -> Result<B256, RpcError> {
        let envelope = TxEnvelope::decode_2718_exact(raw)
            .map_err(|error| RpcError::server(format!("cannot decode the transaction: {error}")))?;
        let signer = envelope
            .recover_signer()
            .map_err(|error| RpcError::server(format!("invalid sender: {error}")))?;
        self.admit(Recovered::new_unchecked(envelope, signer))
    }

    /// Adds a transaction of an account that the node signs for or that is impersonated.
    pub(super) fn send(&mut self, request: TransactionRequest) -> Result<B256, RpcError> {
        let from = request.from.unwrap_or_default();
        let key = self.keys.get(&from).cloned();
        if key.is_none() && !self.impersonate_all && !self.impersonated.contains(&from) {
            return Err(RpcError::server(format!("unknown account {from}")));
        }
        if request.chain_id.is_some_and(|id| id != self.chain.chain_id()) {
            return Err(RpcError::server("invalid chain id for signer"));
        }
        let mut tx = to_tx(request)?;
        if tx.nonce.is_none() {
            tx.nonce = Some(self.pending_nonce(from)?);
        }
        if tx.gas_limit.is_none() {
            let scene = self.scene(Some(BlockId::pending()))?;
            tx.gas_limit = Some(super::eth::estimate(&self.chain, &scene, &tx)?);
        }
        let unsigned = self.chain.unsigned(tx)?;
        let Some(key) = key else {
            return self.admit(unsigned);
        };
        let signed = sign(&key, unsigned.into_inner())?;
        self.admit(Recovered::new_unchecked(signed, from))
    }

    /// Takes a transaction into the pool, or straight into a block.
    fn admit(&mut self, tx: SignedTx) -> Result<B256, RpcError> {
        let (hash, sender, nonce) = (*tx.tx_hash(), tx.signer(), tx.nonce());
        if tx.ty() == BLOB_TYPE {
            return Err(RpcError::server("transaction type not supported"));
        }
        if tx.chain_id().is_some_and(|id| id != self.chain.chain_id()) {
            return Err(RpcError::server("invalid chain id for signer"));
        }
        // The sender's nonce after it could not be told (EIP-2681).
        if nonce == u64::MAX {
            return Err(RpcError::server(format!(
                "nonce has max value: address {sender}, nonce: {nonce}"
            )));
        }
        if self.chain.transaction(hash).is_some() || self.pooled(hash).is_some() {
            return Err(RpcError::server("already known"));
        }
        let next = self.chain.state().account(sender)?.nonce;
        if nonce < next {
            return Err(RpcError::server(format!(
                "nonce too low: address {sender}, tx: {nonce} state: {next}"
            )));
        }
        if self.automine && nonce == next {
            let clock = (self.offset, self.next_timestamp);
            self.tick();
            if let Err(error) = self.chain.send_signed(tx.clone()) {
                // A time that was set is for the block that there was none of.
                (self.offset, self.next_timestamp) = clock;
                return Err(RpcError::refused(&tx, error));
            }
            let _ = self.events.send(Event::Pending(hash));
            self.filters.pending(hash);
            self.announce()?;
            // It may have been the one that others waited for.
            while let Some(tx) = self.take_ready(sender)? {
                self.tick();
                match self.chain.send_signed(tx.clone()) {
                    Ok(_) => self.announce().map(|_| ())?,
                    Err(error) => {
                        self.put_back(tx, &error);
                        break;
                    }
                }
            }
            return Ok(hash);
        }
        self.chain.check(&tx).map_err(|error| RpcError::refused(&tx, error))?;
        if self.pool.len() >= POOL_LIMIT {
            return Err(RpcError::server("txpool is full"));
        }
        self.arrivals += 1;
        self.pool.insert((sender, nonce), (self.arrivals, tx));
        let _ = self.events.send(Event::Pending(hash));
        self.filters.pending(hash);
        Ok(hash)
    }

    /// Takes the pooled transaction of `sender` whose turn it is.
    fn take_ready(&mut self, sender: Address) -> Result<Option<SignedTx>, RpcError> {
        let nonce = self.chain.state().account(sender)?.nonce;
        Ok(self.pool.remove(&(sender, nonce)).map(|(_, tx)| tx))
    }

    /// Keeps a transaction that was not executed through no fault of its own, as when a fork's origin does
    /// not answer. One that can no longer be included, such as one its sender has no money left for, is dropped.
    fn put_back(&mut self, tx: SignedTx, error: &TxError) {
        if !matches!(error, TxError::Transaction(_)) {
            self.arrivals += 1;
            self.pool.insert((tx.signer(), tx.nonce()), (self.arrivals, tx));
        }
    }

    /// Makes one block of all pooled transactions whose turn it is, in the order in which they came.
    pub(super) fn mine(&mut self) -> Result<Arc<Block>, RpcError> {
        self.tick();
        let mut ready: Vec<(u64, SignedTx)> = Vec::new();
        let mut next: BTreeMap<Address, u64> = BTreeMap::new();
        // By sender and nonce, so a gap ends the sender's row. A later nonce never goes before an earlier one.
        for ((sender, nonce), (arrival, tx)) in &self.pool {
            let expected = match next.entry(*sender) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(self.chain.state().account(*sender)?.nonce),
            };
            if nonce == expected {
                *expected += 1;
                let earlier = ready.iter().rev().find(|(_, tx)| tx.signer() == *sender);
                let arrival = earlier.map_or(*arrival, |(earlier, _)| (*arrival).max(*earlier));
                ready.push((arrival, tx.clone()));
            }
        }
        ready.sort_by_key(|(arrival, _)| *arrival);
        for (_, tx) in &ready {
            self.pool.remove(&(tx.signer(), tx.nonce()));
        }
        let results = self.chain.mine(ready.iter().map(|(_, tx)| tx.clone()));
        for ((_, tx), result) in ready.into_iter().zip(results) {
            if let Err(error) = result {
                self.put_back(tx, &error);
            }
        }
        self.announce()
    }

    /// Tells everyone of the latest block.
    fn announce(&mut self) -> Result<Arc<Block>, RpcError> {
        let block = self
            .chain
            .latest()
            .cloned()
            .ok_or_else(|| RpcError::server("no block"))?;
        self.filters.block(&block);
        let _ = self.events.send(Event::Block(block.clone()));
        Ok(block)
    }

    /// A transaction that waits.
    pub(super) fn pooled(&self, hash: B256) -> Option<&SignedTx> {
        self.pool.values().map(|(_, tx)| tx).find(|tx| *tx.tx_hash() == hash)
    }

    /// All transactions that wait, by sender and nonce.
    pub(super) fn pool(&self) -> impl Iterator<Item = &SignedTx> {
        self.pool.values().map(|(_, tx)| tx)
    }

    /// Drops a transaction that waits.
    pub(super) fn drop_pooled(&mut self, hash: B256) -> bool {
        let before = self.pool.len();
        self.pool.retain(|_, (_, tx)| *tx.tx_hash() != hash);
        self.pool.len() < before
    }

    /// Drops every transaction that waits.
    pub(super) fn clear_pool(&mut self) {
        self.pool.clear();
    }

    /// The nonce after those of the transactions that wait.
    pub(super) fn pending_nonce(&self, account: Address) -> Result<u64, RpcError> {
        let mut nonce = self.chain.state().account(account)?.nonce;
        while self.pool.contains_key(&(account, nonce)) {
            nonce += 1;
        }
        Ok(nonce)
    }

    /// Starts again from the genesis.
    pub(super) fn reset(&mut self) {
        self.chain = self.genesis.clone();
        self.snapshots.clear();
        self.impersonated.clear();
        self.impersonate_all = false;
        self.next_timestamp = None;
        self.clear_pool();
        self.filters.rewind(self.chain.block_number());
    }

    /// Goes back to a snapshot and forgets those taken after it; false when there is no such snapshot.
    pub(super) fn revert(&mut self, id: u64) -> bool {
        let Some((chain, offset)) = self.snapshots.get(&id).cloned() else {
            return false;
        };
        self.snapshots.retain(|other, _| *other < id);
        self.chain = chain;
        self.offset = offset;
        self.next_timestamp = None;
        self.clear_pool();
        self.filters.rewind(self.chain.block_number());
        true
    }
}

/// Replaces the mark of an unsigned transaction by a signature.
fn sign(key: &PrivateKeySigner, envelope: TxEnvelope) -> Result<TxEnvelope, RpcError> {
    let typed = EthereumTypedTransaction::from(envelope);
    let signature = key
        .sign_hash_sync(&typed.signature_hash())
        .map_err(|error| RpcError::server(error.to_string()))?;
    Ok(typed.into_envelope(signature))
}

/// A call or transaction as clients describe it.
pub(super) fn to_tx(request: TransactionRequest) -> Result<Tx, RpcError> {
    if request.blob_versioned_hashes.is_some_and(|hashes| !hashes.is_empty()) {
        return Err(RpcError::params("transaction type not supported"));
    }
    if let (Some(input), Some(data)) = (&request.input.input, &request.input.data)
        && input != data
    {
        return Err(RpcError::params(
            r#"both "data" and "input" are set and not equal. Please use "input" to pass transaction call data"#,
        ));
    }
    let fees = match (request.gas_price, request.max_fee_per_gas) {
        (Some(_), Some(_)) => {
            return Err(RpcError::params(
                "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified",
            ));
        }
        (Some(price), None) => Some(Fees {
            max_fee: price,
            tip: price,
        }),
        (None, Some(max_fee)) => Some(Fees {
            max_fee,
            tip: request.max_priority_fee_per_gas.unwrap_or_default(),
        }),
        (None, None) => None,
    };
    if let Some(Fees { max_fee, tip }) = fees
        && max_fee < tip
    {
        return Err(RpcError::server(format!(
            "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: {tip}, maxFeePerGas: {max_fee}"
        )));
    }
    Ok(Tx {
        from: request.from.unwrap_or_default(),
        to: request.to.and_then(|to| to.to().copied()),
        value: request.value.unwrap_or_default(),
        data: request.input.into_input().unwrap_or_default(),
        gas_limit: request.gas,
        nonce: request.nonce,
        fees,
        access_list: request.access_list.unwrap_or_default(),
        authorizations: request.authorization_list.unwrap_or_default(),
    })
}

/// Changes a scene as a call asks for.
pub(super) fn apply_overrides(
    scene: &mut Scene,
    state: Option<StateOverride>,
    block: Option<BlockOverrides>,
) -> Result<(), RpcError> {
    for (address, change) in state.unwrap_or_default() {
        if change.move_precompile_to.is_some() {
            return Err(RpcError::params("precompiles cannot be moved"));
        }
        if let Some(code) = change.code {
            scene.state.set_code(address, code)?;
        }
        scene.state.update(address, |info| {
            if let Some(balance) = change.balance {
                info.balance = balance;
            }
            if let Some(nonce) = change.nonce {
                info.nonce = nonce;
            }
        })?;
        let slots = match (change.state, change.state_diff) {
            (Some(_), Some(_)) => {
                return Err(RpcError::params(format!(
                    "account {address} has both 'state' and 'stateDiff'"
                )));
            }
            (Some(slots), None) => {
                scene.state.clear_storage(address)?;
                slots
            }
            (None, slots) => slots.unwrap_or_default(),
        };
        for (slot, value) in slots {
            scene.state.set_slot(address, slot.into(), value.into())?;
        }
    }
    let block = block.unwrap_or_default();
    let fits = |value: U256| u64::try_from(value).map_err(|_| RpcError::params("a block override exceeds 64 bits"));
    if let Some(number) = block.number {
        scene.block.l1_number = fits(number)?;
    }
    if let Some(time) = block.time {
        scene.block.timestamp = time;
    }
    if let Some(coinbase) = block.coinbase {
        scene.block.coinbase = coinbase;
    }
    if let Some(base_fee) = block.base_fee {
        scene.block.base_fee = fits(base_fee)?;
    }
    Ok(())
}

/// The output of a call, or the error that says why there is none.
pub(super) fn output(receipt: Receipt) -> Result<Bytes, RpcError> {
    if receipt.success {
        Ok(receipt.output)
    } else {
        Err(RpcError::failed(&receipt))
    }
}
