//! Blocks.

use crate::{
    arbos::{fields::ARBOS_VERSION, state::SEQUENCER},
    state::State,
    tx::{Receipt, SignedTx},
};
use alloy_consensus::{
    EMPTY_OMMER_ROOT_HASH, Header, ReceiptEnvelope, ReceiptWithBloom, Sealable, Sealed, Transaction as _, TxType,
    Typed2718 as _,
    proofs::{calculate_receipt_root, calculate_transaction_root},
};
use alloy_primitives::{B64, B256, Bloom, Bytes, U256};
use revm::context::BlockEnv;

/// Arbitrum blocks have practically no gas limit.
pub(crate) const BLOCK_GAS_LIMIT: u64 = 1 << 50;

/// What transactions of a block see of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockContext {
    /// Height of the L2 chain.
    pub number: u64,
    /// L1 block number, which is what NUMBER answers.
    pub l1_number: u64,
    /// Time in Unix seconds.
    pub timestamp: u64,
    /// L2 base fee in wei per gas.
    pub base_fee: u64,
    /// Who is paid for posting.
    pub coinbase: alloy_primitives::Address,
}

impl BlockContext {
    pub(crate) fn env(&self) -> BlockEnv {
        BlockEnv {
            number: U256::from(self.l1_number),
            beneficiary: self.coinbase,
            timestamp: U256::from(self.timestamp),
            gas_limit: BLOCK_GAS_LIMIT,
            basefee: self.base_fee,
            prevrandao: Some(B256::with_last_byte(1)),
            difficulty: U256::from(1),
            ..BlockEnv::default()
        }
    }
}

/// A transaction in a block.
#[derive(Clone, Debug)]
pub struct Mined {
    /// The transaction with its sender.
    pub tx: SignedTx,
    /// What it did, without program runs.
    pub receipt: Receipt,
    /// Gas of this transaction and those before it in the block.
    pub cumulative_gas: u64,
    /// Index in the block of its first log.
    pub first_log: usize,
}

impl Mined {
    /// The receipt in its consensus form, bloom included.
    pub fn consensus_receipt(&self) -> ReceiptEnvelope {
        let receipt: ReceiptWithBloom = alloy_consensus::Receipt {
            status: self.receipt.success.into(),
            cumulative_gas_used: self.cumulative_gas,
            logs: self.receipt.logs.clone(),
        }
        .into();
        match TxType::try_from(self.tx.ty()) {
            Ok(TxType::Legacy) => ReceiptEnvelope::Legacy(receipt),
            Ok(TxType::Eip2930) => ReceiptEnvelope::Eip2930(receipt),
            Ok(TxType::Eip7702) => ReceiptEnvelope::Eip7702(receipt),
            _ => ReceiptEnvelope::Eip1559(receipt),
        }
    }

    /// What the sender paid per gas: tips are dropped.
    pub fn gas_price(&self, base_fee: u64) -> u128 {
        self.tx.max_fee_per_gas().min(base_fee.into())
    }
}

/// A block with the states before and after it.
#[derive(Clone, Debug)]
pub struct Block {
    /// Header and hash. The state root is zero: the chain keeps no Merkle tree.
    pub header: Sealed<Header>,
    /// What its transactions saw of it.
    pub context: BlockContext,
    /// Its transactions in order.
    pub transactions: Vec<Mined>,
    /// State that its first transaction found.
    pub before: State,
    /// State that its last transaction left.
    pub after: State,
}

impl Block {
    /// Seals a block on top of the block with hash `parent`.
    pub(crate) fn seal(
        parent: B256,
        context: BlockContext,
        transactions: Vec<Mined>,
        before: State,
        after: State,
    ) -> Self {
        let envelopes: Vec<_> = transactions.iter().map(|mined| mined.tx.inner()).collect();
        let receipts: Vec<_> = transactions.iter().map(Mined::consensus_receipt).collect();
        let logs_bloom = transactions
            .iter()
            .flat_map(|mined| &mined.receipt.logs)
            .collect::<Bloom>();
        let mut mix_hash = B256::ZERO;
        // Arbitrum's use of the field: outgoing messages, L1 block, ArbOS version.
        let parts = [0, context.l1_number, ARBOS_VERSION, 0];
        for (target, byte) in mix_hash
            .iter_mut()
            .zip(parts.iter().flat_map(|part| part.to_be_bytes()))
        {
            *target = byte;
        }
        let header = Header {
            parent_hash: parent,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: context.coinbase,
            state_root: B256::ZERO,
            transactions_root: calculate_transaction_root(&envelopes),
            receipts_root: calculate_receipt_root(&receipts),
            logs_bloom,
            difficulty: U256::ONE,
            number: context.number,
            gas_limit: BLOCK_GAS_LIMIT,
            gas_used: transactions.last().map_or(0, |mined| mined.cumulative_gas),
            timestamp: context.timestamp,
            // No message has been sent to the L1.
            extra_data: Bytes::copy_from_slice(B256::ZERO.as_slice()),
            mix_hash,
            nonce: B64::ZERO,
            base_fee_per_gas: Some(context.base_fee),
            ..Header::default()
        };
        Self {
            header: header.seal_slow(),
            context,
            transactions,
            before,
            after,
        }
    }

    /// Hash of the block.
    pub fn hash(&self) -> B256 {
        self.header.hash()
    }
}

/// Context of a block at `number` whose L1 shows `l1_number`.
pub(crate) fn context(number: u64, l1_number: u64, timestamp: u64, base_fee: u64) -> BlockContext {
    BlockContext {
        number,
        l1_number,
        timestamp,
        base_fee,
        coinbase: SEQUENCER,
    }
}
