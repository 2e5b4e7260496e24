//! Any requests to one node, one after the other.

use super::{FORWARDER, PROGRAM, forwarder, install, modules};
use alloy_primitives::{Address, address};
use devnode::{
    Builder, Chain, DEV_ACCOUNT, Tx,
    rpc::{Node, Shared, method_names},
};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// Requests of one input.
const REQUESTS: usize = 8;
/// EVM code that stores, logs and calls a program.
const CODE: Address = address!("000000000000000000000000000000000000f005");
const CODE_BYTES: &[u8] =
    b"\x60\x01\x60\x00\x55\x5f\x5f\xa0\x5f\x5f\x60\x04\x5f\x5f\x61\xf0\x01\x5a\xf1\x3d\x5f\x5f\x3e\x3d\x5f\xf3";

/// A chain that has seen something; transactions may not use much gas.
static CHAIN: LazyLock<Chain> = LazyLock::new(|| {
    let mut chain = Builder::default().tx_gas_cap(5_000_000).build();
    install(&mut chain, FORWARDER, &forwarder());
    install(&mut chain, PROGRAM, &modules().swap_remove(0));
    chain.set_code(CODE, CODE_BYTES);
    chain
        .send(Tx::call(DEV_ACCOUNT, CODE, vec![]))
        .expect("can be included");
    chain
});

/// One request a line: the method, a space, its parameters as JSON; says whether any had a result.
pub fn run(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let node = Shared::new(Node::new(CHAIN.clone()));
    let mut any = false;
    for line in text.lines().take(REQUESTS) {
        let (method, params) = line.split_once(' ').unwrap_or((line, ""));
        let answer = node.request(method, (!params.is_empty()).then_some(params));
        match answer {
            Ok(_) => any = true,
            Err(error) => assert!(!error.message.contains("could not be run"), "{}", error.message),
        }
    }
    let id = node.request("eth_chainId", None).expect("answers");
    assert_eq!(id, json!("0x64aba"));
    any
}

/// Parameters that some methods understand.
fn params() -> Vec<Value> {
    let latest = CHAIN.latest().expect("a block");
    let (block, tx) = (latest.hash(), latest.transactions[0].receipt.hash);
    let call = json!({ "from": DEV_ACCOUNT, "to": CODE, "gas": "0x50000", "value": "0x1", "data": "0x01020304" });
    let dear = json!({ "from": DEV_ACCOUNT, "to": PROGRAM, "maxFeePerGas": "0x5f5e100", "nonce": "0x9",
        "maxPriorityFeePerGas": "0x1", "accessList": [{ "address": CODE, "storageKeys": [block] }] });
    let overrides = json!({ CODE.to_string(): { "balance": "0x1", "code": "0xeff00000", "nonce": "0x2",
        "stateDiff": { "0x0000000000000000000000000000000000000000000000000000000000000001": block } } });
    let tracers = [
        json!({}),
        json!({ "enableMemory": true, "enableReturnData": true, "disableStack": false }),
        json!({ "tracer": "callTracer", "tracerConfig": { "withLog": true } }),
        json!({ "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } }),
        json!({ "tracer": "muxTracer", "tracerConfig": { "callTracer": {}, "4byteTracer": null } }),
        json!({ "tracer": "stylusTracer" }),
        json!({ "tracer": "flatCallTracer" }),
    ];
    let mut all = vec![
        json!([]),
        json!({}),
        json!([null]),
        json!(["0x1"]),
        json!([1, 2]),
        json!(["0x2", "0x8000000000000000"]),
        json!([true]),
        json!(["latest", true]),
        json!(["0x0", false]),
        json!([block, true]),
        json!([block, "0x0"]),
        json!(["pending", "0x0"]),
        json!([tx]),
        json!([CODE]),
        json!([CODE, "latest"]),
        json!([CODE, "0x0", { "blockHash": block }]),
        json!([CODE, "0xffffffffffffffff"]),
        json!([CODE, "0x0", block]),
        json!([PROGRAM, "0xeff00000010203"]),
        json!(["0x02f86b83064aba80"]),
        json!([call]),
        json!([dear]),
        json!([call, "latest", overrides, { "time": "0xffffffffffffffff", "number": "0x1", "baseFee": "0x0" }]),
        json!([{ "to": "0x00000000000000000000000000000000000000c8", "data": "0x77d488a2" }, "latest"]),
        json!([{ "fromBlock": "earliest", "toBlock": "latest", "address": [CODE], "topics": [null, [block]] }]),
        json!([{ "blockHash": block }]),
        json!(["0x4", "latest", [0.0, 50.5, 100.0]]),
        json!([{ "timestamp": "0x77359400", "blocks": 3 }]),
        json!(["newHeads"]),
        json!([call, "latest", { "tracer": "callTracer", "stateOverrides": overrides, "blockOverrides": { "time": "0x1" } }]),
    ];
    for tracer in tracers {
        all.push(json!([tx, tracer]));
        all.push(json!([call, "latest", tracer]));
        all.push(json!(["latest", tracer]));
    }
    all
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    let params: Vec<String> = params().iter().map(Value::to_string).collect();
    let names: Vec<_> = method_names().collect();
    let mut seeds: Vec<String> = Vec::new();
    for (n, name) in names.iter().enumerate() {
        // Each method with all parameters, in a few inputs, with another method in between.
        for part in params.chunks(4) {
            let lines = part.iter().map(|params| format!("{name} {params}\n"));
            let other = names[(n * 7 + seeds.len() * 3) % names.len()];
            seeds.push(lines.chain([format!("{other}\n")]).collect());
        }
    }
    seeds.push(
        [
            "evm_setAutomine [false]",
            "eth_sendTransaction [{\"from\":\"FROM\",\"to\":\"TO\",\"gas\":\"0x50000\"}]",
            "txpool_content",
            "evm_mine",
            "evm_snapshot",
            "anvil_dumpState",
            "evm_revert [\"0x1\"]",
        ]
        .join("\n")
        .replace("FROM", &DEV_ACCOUNT.to_string())
        .replace("TO", &CODE.to_string()),
    );
    seeds.into_iter().map(String::into_bytes).collect()
}

/// Words for the fuzzer's dictionary: methods, and every name and text of the parameters.
pub fn words() -> Vec<String> {
    fn collect(value: &Value, words: &mut Vec<String>) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| collect(value, words)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    words.push(format!("\"{name}\":"));
                    collect(value, words);
                }
            }
            value => words.push(value.to_string()),
        }
    }
    let mut words: Vec<String> = method_names().map(|name| format!("\n{name} ")).collect();
    collect(&Value::Array(params()), &mut words);
    words.sort_unstable();
    words.dedup();
    words
}
