//! Modules measured on Nitro's own Stylus runtime: activation numbers, outcome, output, ink and stack.

use base64::{Engine, engine::general_purpose::STANDARD};
use devnode::exec::{Exec, exec};
use serde_json::{Value, json};

const VECTORS: &str = include_str!("../../test/vectors/stylus/vectors.jsonl");
const PROBES: &str = include_str!("../../test/vectors/stylus/probes.jsonl");

/// Runs `wasm` as `expected` asks and describes it with the vectors' field names.
fn observed(wasm: &[u8], expected: &Value) -> Value {
    let calldata = hex::decode(expected["calldata"].as_str().unwrap()).unwrap();
    let gas = expected["gas"].as_u64().unwrap();
    let ran = match exec(wasm, &calldata, gas).unwrap() {
        Exec::Refused(_) => return json!({ "activation": "refused" }),
        Exec::Ran(ran) => ran,
    };
    let a = &ran.activation;
    json!({
        "activation": {
            "wasm_len": wasm.len(),
            "work_gas": a.work_gas,
            "init_cost": a.init_cost,
            "cached_cost": a.cached_cost,
            "footprint": a.footprint,
            "asm_estimate": a.asm_estimate,
        },
        "outcome": ran.outcome.name(),
        "output": hex::encode(&ran.output),
        "ink_used": ran.ink_used,
        "stack_left": ran.stack_left,
        "host_calls": ran.host_calls.iter().map(|call| json!([call.name, call.ink])).collect::<Vec<_>>(),
    })
}

/// Every field that the record has must be observed.
fn differences(expected: &Value, observed: &Value) -> Vec<String> {
    [
        "activation",
        "outcome",
        "output",
        "ink_used",
        "stack_left",
        "host_calls",
    ]
    .into_iter()
    .filter(|field| !expected[field].is_null() && expected[field] != observed[field])
    .map(|field| {
        format!(
            "{}: {field} is {}, recorded {}",
            expected["name"], observed[field], expected[field]
        )
    })
    .collect()
}

fn check(records: &str, wasm: impl Fn(&Value) -> Vec<u8>) -> usize {
    let records: Vec<Value> = records
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let wrong: Vec<String> = records
        .iter()
        .flat_map(|expected| differences(expected, &observed(&wasm(expected), expected)))
        .collect();
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
    records.len()
}

#[test]
fn exec_recorded_vectors_match_to_the_ink() {
    let count = check(VECTORS, |record| {
        STANDARD.decode(record["wasm"].as_str().unwrap()).unwrap()
    });
    assert_eq!(count, 300);
}

#[test]
fn exec_recorded_probes_match_to_the_ink() {
    let count = check(PROBES, |record| {
        wat::parse_str(record["wat"].as_str().unwrap()).unwrap()
    });
    assert_eq!(count, 19);
}
