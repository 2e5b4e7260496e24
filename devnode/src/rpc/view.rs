//! Blocks, transactions, receipts and logs as JSON, with the fields that Nitro adds.

use crate::{Block, Mined, SignedTx};
use alloy_consensus::{ReceiptEnvelope, Transaction as _};
use alloy_primitives::B256;
use alloy_rlp::Encodable as _;
use alloy_rpc_types_eth::{Header, Log, Transaction, TransactionReceipt};
use serde::Serialize;
use serde_json::{Map, Value, json};

fn hex(number: u64) -> String {
    format!("{number:#x}")
}

/// A value as JSON object; what these types serialise to is always one.
fn object(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// A block, with whole transactions or with their hashes.
pub(super) fn block(block: &Block, full: bool) -> Value {
    let mut view = header(block);
    let transactions: Vec<Value> = block
        .transactions
        .iter()
        .enumerate()
        .map(|(index, mined)| {
            if full {
                transaction(block, index, mined)
            } else {
                json!(mined.receipt.hash)
            }
        })
        .collect();
    view.insert("transactions".into(), Value::Array(transactions));
    view.insert("uncles".into(), json!([]));
    view.insert("size".into(), json!(hex(size(block))));
    Value::Object(view)
}

/// Length of a block in the consensus encoding.
fn size(block: &Block) -> u64 {
    let list = |payload_length| alloy_rlp::Header {
        list: true,
        payload_length,
    };
    let transactions = block.transactions.iter().map(|mined| mined.tx.inner().length()).sum();
    // The header, the transactions, and an empty list of uncles.
    let payload = block.header.inner().length() + list(transactions).length_with_payload() + 1;
    list(payload).length_with_payload() as u64
}

/// A header, as blocks and `newHeads` show it.
pub(super) fn header(block: &Block) -> Map<String, Value> {
    let mut view = object(&Header {
        hash: block.hash(),
        inner: block.header.inner().clone(),
        total_difficulty: None,
        size: None,
    });
    view.insert("l1BlockNumber".into(), json!(hex(block.context.l1_number)));
    view.insert("sendCount".into(), json!("0x0"));
    view.insert("sendRoot".into(), json!(B256::ZERO));
    view
}

/// A mined transaction.
pub(super) fn transaction(block: &Block, index: usize, mined: &Mined) -> Value {
    let view = object(&Transaction {
        inner: mined.tx.clone(),
        block_hash: Some(block.hash()),
        block_number: Some(block.context.number),
        transaction_index: Some(index as u64),
        // With the tip, which only the receipt shows to be dropped.
        effective_gas_price: Some(mined.tx.effective_gas_price(Some(block.context.base_fee))),
        block_timestamp: None,
    });
    Value::Object(view)
}

/// A transaction that waits for a block.
pub(super) fn pending(tx: &SignedTx) -> Value {
    Value::Object(object(&Transaction {
        inner: tx.clone(),
        block_hash: None,
        block_number: None,
        transaction_index: None,
        effective_gas_price: Some(tx.max_fee_per_gas()),
        block_timestamp: None,
    }))
}

/// Logs of a mined transaction.
pub(super) fn logs<'a>(block: &'a Block, index: usize, mined: &'a Mined) -> impl Iterator<Item = Log> + 'a {
    mined.receipt.logs.iter().enumerate().map(move |(n, log)| Log {
        inner: log.clone(),
        block_hash: Some(block.hash()),
        block_number: Some(block.context.number),
        block_timestamp: Some(block.context.timestamp),
        transaction_hash: Some(mined.receipt.hash),
        transaction_index: Some(index as u64),
        log_index: Some((mined.first_log + n) as u64),
        removed: false,
    })
}

/// A receipt.
pub(super) fn receipt(block: &Block, index: usize, mined: &Mined) -> Value {
    let mut rpc_logs = logs(block, index, mined);
    let inner: ReceiptEnvelope<Log> = mined
        .consensus_receipt()
        .map_logs(|_| rpc_logs.next().unwrap_or_default());
    let mut view = object(&TransactionReceipt {
        inner,
        transaction_hash: mined.receipt.hash,
        transaction_index: Some(index as u64),
        block_hash: Some(block.hash()),
        block_number: Some(block.context.number),
        gas_used: mined.receipt.gas_used,
        effective_gas_price: mined.gas_price(block.context.base_fee),
        blob_gas_used: None,
        blob_gas_price: None,
        from: mined.tx.signer(),
        to: mined.tx.to(),
        contract_address: created(mined),
    });
    view.insert("gasUsedForL1".into(), json!("0x0"));
    view.insert("l1BlockNumber".into(), json!(hex(block.context.l1_number)));
    view.insert("timeboosted".into(), json!(false));
    Value::Object(view)
}

/// The address of a creation, which receipts show even when it failed.
fn created(mined: &Mined) -> Option<alloy_primitives::Address> {
    mined
        .tx
        .to()
        .is_none()
        .then(|| mined.tx.signer().create(mined.tx.nonce()))
}
