//! A real network, reached through a node's JSON-RPC.

use crate::{Network, NetworkError, Sent};
use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, Log, TxKind, U256, keccak256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use devnode::rpc_client::{RpcClient, RpcError};
use serde_json::{Value, json};
use std::{
    thread::sleep,
    time::{Duration, Instant},
};

/// Longest wait for a transaction to be mined, unless another one is set.
const TIMEOUT: Duration = Duration::from_mins(2);
/// Waits between two questions for a receipt: the first, and the longest.
const POLL: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];

/// Words by which nodes tell that execution itself failed, other than by a revert.
const HALTED: [&str; 6] = [
    "out of gas",
    "gas required exceeds",
    "invalid opcode",
    "invalid jump",
    "stack ",
    "evm error",
];

/// A network behind a node, with the accounts of the given private keys. Their transactions are signed here.
#[derive(Debug)]
pub struct RpcNetwork {
    client: RpcClient,
    chain_id: u64,
    signers: Vec<PrivateKeySigner>,
    timeout: Duration,
}

impl RpcNetwork {
    /// Connects to the node at `url`; `keys` are secp256k1 private keys.
    pub fn connect(url: &str, keys: &[B256]) -> Result<Self, NetworkError> {
        let signers = keys.iter().map(PrivateKeySigner::from_bytes);
        let signers: Result<Vec<_>, _> = signers.collect();
        let client = RpcClient::new(url)?;
        let chain_id = client.call("eth_chainId", &json!([]))?;
        Ok(Self {
            chain_id: client.small_number("the chain id", &chain_id)?,
            client,
            signers: signers.map_err(|_| NetworkError::Rejected(String::from("a private key is out of range")))?,
            timeout: TIMEOUT,
        })
    }

    /// The same network with another longest wait for a transaction to be mined.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Chain id of the network.
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// Addresses of the private keys, in their order.
    pub fn accounts(&self) -> Vec<Address> {
        self.signers.iter().map(PrivateKeySigner::address).collect()
    }

    /// Signs with the nonce and the fees of now; returns the hash and the bytes.
    fn sign(&self, signer: &PrivateKeySigner, call: &Value, tx: TxEip1559) -> Result<(B256, Bytes), NetworkError> {
        let client = &self.client;
        let gas = client.call("eth_estimateGas", &json!([call])).map_err(refusal)?;
        let gas = client.small_number("the gas estimate", &gas)?;
        let [nonce, tip, header] = client.batch(&[
            ("eth_getTransactionCount", json!([signer.address(), "pending"])),
            ("eth_maxPriorityFeePerGas", json!([])),
            ("eth_getBlockByNumber", json!(["latest", false])),
        ])?;
        let tip = u128::from(client.small_number("the tip", &tip)?);
        let base_fee = u128::from(client.small_number("the base fee", &header["baseFeePerGas"])?);
        let tx = TxEip1559 {
            chain_id: self.chain_id,
            nonce: client.small_number("the nonce", &nonce)?,
            // State and fees may change until the transaction is mined: a fifth more gas, and twice the base fee.
            gas_limit: gas.saturating_add(gas / 5),
            max_fee_per_gas: 2 * base_fee + tip,
            max_priority_fee_per_gas: tip,
            ..tx
        };
        let signature = signer.sign_hash_sync(&tx.signature_hash());
        let signature = signature.map_err(|error| NetworkError::Rejected(error.to_string()))?;
        let raw = tx.into_signed(signature).encoded_2718();
        Ok((keccak256(&raw), raw.into()))
    }

    fn submit(&self, hash: B256, raw: &Bytes) -> Result<(), NetworkError> {
        let Err(error) = self.client.call("eth_sendRawTransaction", &json!([raw])) else {
            return Ok(());
        };
        // An attempt whose answer was lost may have delivered it, so that the node refuses the next one.
        match self.client.call("eth_getTransactionByHash", &json!([hash])) {
            Ok(found) if found.is_object() => Ok(()),
            _ => Err(refusal(error)),
        }
    }

    fn wait(&self, hash: B256) -> Result<Value, NetworkError> {
        let start = Instant::now();
        let [mut pause, longest] = POLL;
        loop {
            // Nodes that are still indexing may answer with an error: only the last one counts.
            let answer = self.client.call("eth_getTransactionReceipt", &json!([hash]));
            match answer {
                Ok(receipt) if receipt.is_object() => return Ok(receipt),
                answer if start.elapsed() >= self.timeout => {
                    answer?;
                    return Err(NetworkError::TimedOut {
                        hash,
                        waited: self.timeout,
                    });
                }
                _ => sleep(pause),
            }
            pause = longest.min(2 * pause);
        }
    }

    /// Runs a mined transaction again, on the state before its block.
    fn replay(&self, call: &Value, receipt: &Value) -> Result<Bytes, NetworkError> {
        let number = self.client.small_number("blockNumber", &receipt["blockNumber"])?;
        self.call(call, &format!("{:#x}", number.saturating_sub(1)))
    }

    fn call(&self, call: &Value, block: &str) -> Result<Bytes, NetworkError> {
        let output = self.client.call("eth_call", &json!([call, block])).map_err(refusal)?;
        Ok(self.client.bytes("the output", &output)?)
    }

    fn log(&self, log: &Value) -> Result<Log, NetworkError> {
        let topics = log["topics"].as_array().into_iter().flatten();
        let topics = topics.map(|topic| self.client.hash("a topic", topic));
        let topics = topics.collect::<Result<Vec<_>, _>>()?;
        let data = self.client.bytes("a log's data", &log["data"])?;
        let log = Log::new(address(&log["address"])?, topics, data);
        log.ok_or_else(|| NetworkError::Malformed(String::from("a log has too many topics")))
    }
}

impl Network for RpcNetwork {
    /// The output is what the call answers on the block before its own: the same unless an earlier
    /// transaction of that block interferes. It is empty if the node cannot tell, and for creations.
    fn transact(&mut self, from: Address, to: Option<Address>, value: U256, data: Bytes) -> Result<Sent, NetworkError> {
        let signer = self.signers.iter().find(|signer| signer.address() == from);
        let signer = signer.ok_or_else(|| NetworkError::Rejected(format!("there is no private key of {from}")))?;
        let mut call = json!({ "from": from, "value": value, "data": data });
        if let Some(to) = to {
            call["to"] = json!(to);
        }
        let tx = TxEip1559 {
            to: to.map_or(TxKind::Create, TxKind::Call),
            value,
            input: data,
            ..TxEip1559::default()
        };
        let (hash, raw) = self.sign(signer, &call, tx)?;
        self.submit(hash, &raw)?;
        let receipt = self.wait(hash)?;
        match receipt["status"].as_str() {
            Some("0x1") => {}
            Some("0x0") => {
                return Err(match self.replay(&call, &receipt) {
                    Err(error) => error,
                    Ok(_) => NetworkError::Halted(format!("{hash} failed, but does not when it is run again")),
                });
            }
            _ => return Err(NetworkError::Malformed(format!("the receipt of {hash} has no status"))),
        }
        let logs = receipt["logs"].as_array().into_iter().flatten();
        Ok(Sent {
            gas_used: self.client.small_number("gasUsed", &receipt["gasUsed"])?,
            created: match &receipt["contractAddress"] {
                Value::Null => None,
                created => Some(address(created)?),
            },
            output: match to {
                Some(_) => self.replay(&call, &receipt).unwrap_or_default(),
                None => Bytes::new(),
            },
            logs: logs.map(|log| self.log(log)).collect::<Result<_, _>>()?,
        })
    }

    fn query(&mut self, from: Address, to: Address, data: Bytes) -> Result<Bytes, NetworkError> {
        self.call(&json!({ "from": from, "to": to, "data": data }), "latest")
    }

    fn now(&mut self) -> Result<u64, NetworkError> {
        let header = self.client.call("eth_getBlockByNumber", &json!(["latest", false]))?;
        Ok(self.client.small_number("timestamp", &header["timestamp"])?)
    }
}

fn address(value: &Value) -> Result<Address, NetworkError> {
    let address = value.as_str().and_then(|text| text.parse().ok());
    address.ok_or_else(|| NetworkError::Malformed(format!("{value} is not an address")))
}

/// What a refused execution means.
fn refusal(error: RpcError) -> NetworkError {
    let RpcError::Refused {
        code, message, data, ..
    } = &error
    else {
        return error.into();
    };
    let words = message.to_lowercase();
    // Code 3 stands for a revert; some nodes only have words for it.
    if *code == 3 || words.contains("revert") {
        return NetworkError::Reverted(data.clone().unwrap_or_default());
    }
    if HALTED.iter().any(|halted| words.contains(halted)) {
        return NetworkError::Halted(message.clone());
    }
    NetworkError::Rejected(error.to_string())
}
