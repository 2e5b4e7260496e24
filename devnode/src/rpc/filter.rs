//! Filters that clients poll.

use super::{error::RpcError, view};
use crate::{Block, Chain};
use alloy_primitives::B256;
use alloy_rpc_types_eth::{Filter, FilterBlockOption, Log};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// A filter that nobody polls for this long is forgotten, as geth does.
const IDLE: Duration = Duration::from_mins(5);
/// Filters that may exist at once.
const LIMIT: usize = 4_096;
/// Changes that a filter may hold before it is forgotten.
const BACKLOG: usize = 100_000;

/// What a filter is about, with what it has to tell.
#[derive(Debug)]
enum Kind {
    Blocks(Vec<B256>),
    Pending(Vec<B256>),
    Logs(Box<Filter>, Vec<Log>),
}

#[derive(Debug)]
struct Entry {
    kind: Kind,
    polled: Instant,
}

/// All filters by id.
#[derive(Debug, Default)]
pub(super) struct Filters {
    entries: BTreeMap<u64, Entry>,
    last: u64,
}

impl Filters {
    fn add(&mut self, kind: Kind) -> Result<Value, RpcError> {
        self.entries.retain(|_, entry| entry.polled.elapsed() < IDLE);
        if self.entries.len() >= LIMIT {
            return Err(RpcError::server("too many filters"));
        }
        self.last += 1;
        let polled = Instant::now();
        self.entries.insert(self.last, Entry { kind, polled });
        Ok(json!(format!("{:#x}", self.last)))
    }

    pub(super) fn add_blocks(&mut self) -> Result<Value, RpcError> {
        self.add(Kind::Blocks(Vec::new()))
    }

    pub(super) fn add_pending(&mut self) -> Result<Value, RpcError> {
        self.add(Kind::Pending(Vec::new()))
    }

    pub(super) fn add_logs(&mut self, filter: Filter) -> Result<Value, RpcError> {
        self.add(Kind::Logs(Box::new(filter), Vec::new()))
    }

    pub(super) fn remove(&mut self, id: u64) -> bool {
        self.entries.remove(&id).is_some()
    }

    /// What has happened since the last poll.
    pub(super) fn changes(&mut self, id: u64) -> Result<Value, RpcError> {
        let entry = self.get(id)?;
        entry.polled = Instant::now();
        Ok(match &mut entry.kind {
            Kind::Blocks(hashes) | Kind::Pending(hashes) => json!(std::mem::take(hashes)),
            Kind::Logs(_, logs) => json!(std::mem::take(logs)),
        })
    }

    /// The criteria of a log filter.
    pub(super) fn criteria(&mut self, id: u64) -> Result<Filter, RpcError> {
        match &self.get(id)?.kind {
            Kind::Logs(filter, _) => Ok((**filter).clone()),
            _ => Err(RpcError::server("filter not found")),
        }
    }

    fn get(&mut self, id: u64) -> Result<&mut Entry, RpcError> {
        self.entries
            .get_mut(&id)
            .ok_or_else(|| RpcError::server("filter not found"))
    }

    /// Takes note of a new block.
    pub(super) fn block(&mut self, block: &Block) {
        for entry in self.entries.values_mut() {
            match &mut entry.kind {
                Kind::Blocks(hashes) => hashes.push(block.hash()),
                Kind::Logs(filter, logs) if covers(filter, block.context.number) => {
                    logs.extend(matching(filter, block));
                }
                Kind::Logs(..) | Kind::Pending(_) => {}
            }
        }
        self.entries.retain(|_, entry| match &entry.kind {
            Kind::Blocks(hashes) | Kind::Pending(hashes) => hashes.len() <= BACKLOG,
            Kind::Logs(_, logs) => logs.len() <= BACKLOG,
        });
    }

    /// Takes note of an accepted transaction.
    pub(super) fn pending(&mut self, hash: B256) {
        for entry in self.entries.values_mut() {
            if let Kind::Pending(hashes) = &mut entry.kind {
                hashes.push(hash);
            }
        }
    }

    /// Forgets what is no longer so after the chain went back to the block at `head`.
    pub(super) fn rewind(&mut self, head: u64) {
        for entry in self.entries.values_mut() {
            if let Kind::Logs(_, logs) = &mut entry.kind {
                logs.retain(|log| log.block_number.is_some_and(|number| number <= head));
            }
        }
    }
}

/// Whether a block at `number` may be in the filter's range. Tags mean the latest block here.
fn covers(filter: &Filter, number: u64) -> bool {
    let (from, to) = filter.extract_block_range();
    from.is_none_or(|from| from <= number) && to.is_none_or(|to| number <= to)
}

/// The logs of a block that match.
pub(super) fn matching(filter: &Filter, block: &Block) -> Vec<Log> {
    if !filter.matches_bloom(block.header.inner().logs_bloom) {
        return Vec::new();
    }
    let mined = block.transactions.iter().enumerate();
    mined
        .flat_map(|(index, mined)| view::logs(block, index, mined))
        .filter(|log| filter.matches(&log.inner))
        .collect()
}

/// All remembered logs that match.
pub(super) fn logs(chain: &Chain, filter: &Filter) -> Result<Vec<Log>, RpcError> {
    let (from, to) = match filter.block_option {
        FilterBlockOption::AtBlockHash(hash) => {
            let block = chain
                .block_by_hash(hash)
                .ok_or_else(|| RpcError::server("unknown block"))?;
            return Ok(matching(filter, block));
        }
        FilterBlockOption::Range { from_block, to_block } => {
            let height = |tag: Option<alloy_eips::BlockNumberOrTag>| match tag {
                Some(alloy_eips::BlockNumberOrTag::Number(number)) => number,
                Some(alloy_eips::BlockNumberOrTag::Earliest) => 0,
                _ => chain.block_number(),
            };
            (height(from_block), height(to_block))
        }
    };
    if from > to {
        return Err(RpcError::params("invalid block range params"));
    }
    let blocks = chain.blocks(from, to);
    Ok(blocks.flat_map(|block| matching(filter, block)).collect())
}
