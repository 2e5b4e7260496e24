//! The server: how fast it starts, and transfers sent to it one by one.

use crate::{LONG_ENOUGH, Row, holder, mintCall, resident_mib_of, transferCall};
use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, b256};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall;
use anyhow::{Context as _, Result, ensure};
use devnode::{
    rpc_client::RpcClient,
    stylus::code::{compress, init_code},
};
use interfaces::arbos::{ARB_WASM, ArbWasm};
use serde_json::{Value, json};
use std::{
    env,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Instant,
};

/// Key of the account that every development chain funds.
const KEY: B256 = b256!("b6b15c8cb491557369f3c7d2c287b053eb229daa9c22138887752191c9520659");
const CHAIN_ID: u64 = 412_346;
/// Far above the base fee.
const MAX_FEE: u128 = 1_000_000_000;

/// A server of its own, stopped when dropped.
struct Server {
    process: Child,
    client: RpcClient,
    signer: PrivateKeySigner,
    nonce: u64,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts the server that was built beside this program and waits for its first answer.
fn start() -> Result<Server> {
    let binary = env::current_exe()?.with_file_name(format!("devnode{}", env::consts::EXE_SUFFIX));
    let mut process = Command::new(&binary)
        .args(["serve", "--port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot run {}: build the package devnode first", binary.display()))?;
    let output = BufReader::new(process.stdout.take().context("no output")?);
    let mut lines = output.lines().map_while(Result::ok);
    let url = lines.find_map(|line| Some(line.split_once("http://")?.1.split_once(' ')?.0.to_owned()));
    let client = RpcClient::new(&format!("http://{}", url.context("the server names no address")?))?;
    let signer = PrivateKeySigner::from_bytes(&KEY)?;
    let server = Server {
        process,
        client,
        signer,
        nonce: 0,
    };
    ensure!(
        server.client.call("eth_chainId", &json!([]))? == json!("0x64aba"),
        "another chain"
    );
    Ok(server)
}

impl Server {
    fn signed(&mut self, to: Option<Address>, value: u64, data: Vec<u8>, gas_limit: u64) -> Result<Bytes> {
        let tx = TxEip1559 {
            chain_id: CHAIN_ID,
            nonce: self.nonce,
            gas_limit,
            max_fee_per_gas: MAX_FEE,
            max_priority_fee_per_gas: 0,
            to: to.map_or(TxKind::Create, TxKind::Call),
            value: U256::from(value),
            input: data.into(),
            ..TxEip1559::default()
        };
        self.nonce += 1;
        let signature = self.signer.sign_hash_sync(&tx.signature_hash())?;
        Ok(TxEnvelope::from(tx.into_signed(signature)).encoded_2718().into())
    }

    fn receipt(&self, hash: &Value) -> Result<Value> {
        let receipt = self.client.call("eth_getTransactionReceipt", &json!([hash]))?;
        ensure!(receipt["status"] == json!("0x1"), "a transaction failed: {receipt}");
        Ok(receipt)
    }

    fn send(&mut self, to: Option<Address>, value: u64, data: Vec<u8>, gas_limit: u64) -> Result<Value> {
        let raw = self.signed(to, value, data, gas_limit)?;
        let hash = self.client.call("eth_sendRawTransaction", &json!([raw]))?;
        self.receipt(&hash)
    }
}

/// Start of the server, and transfers by signed transactions over one connection.
pub(crate) fn rows(token: &[u8]) -> Result<Vec<Row>> {
    let begun = Instant::now();
    let mut server = start()?;
    let start_ms = begun.elapsed().as_secs_f64() * 1e3;

    let created = server.send(None, 0, init_code(&compress(token)), 10_000_000)?;
    let address: Address = serde_json::from_value(created["contractAddress"].clone())?;
    let activate = ArbWasm::activateProgramCall { program: address }.abi_encode();
    server.send(Some(ARB_WASM), 1_000_000_000_000_000_000, activate, 20_000_000)?;
    let mint = mintCall {
        to: server.signer.address(),
        amount: U256::MAX,
    };
    server.send(Some(address), 0, mint.abi_encode(), 1_000_000)?;

    // Signing is the client's work, so it is done beforehand.
    let mut sent = 0;
    let mut spent = 0.0;
    while spent < LONG_ENOUGH.as_secs_f64() {
        let raws = (0..500)
            .map(|n| {
                let call = transferCall {
                    to: holder(n),
                    amount: U256::ONE,
                };
                server.signed(Some(address), 0, call.abi_encode(), 200_000)
            })
            .collect::<Result<Vec<_>>>()?;
        let clock = Instant::now();
        let hashes = raws
            .iter()
            .map(|raw| server.client.call("eth_sendRawTransaction", &json!([raw])))
            .collect::<Result<Vec<_>, _>>()?;
        spent += clock.elapsed().as_secs_f64();
        sent += hashes.len();
        server.receipt(hashes.last().context("no transfer")?)?;
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let rate = sent as f64 / spent;
    let mut rows = vec![
        Row {
            what: "server: start to first answer",
            value: start_ms,
            unit: "ms",
        },
        Row {
            what: "server: transfers, one by one",
            value: rate,
            unit: "per second",
        },
    ];
    rows.extend(resident_mib_of(&server.process.id().to_string()).map(|value| Row {
        what: "server: resident memory after",
        value,
        unit: "MiB",
    }));
    Ok(rows)
}
