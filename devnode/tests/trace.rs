//! The native `stylusTracer`: every host function's arguments and results, and how frames nest.

use alloy_primitives::{Address, B256, Bytes, U256, address, hex, keccak256};
use devnode::{
    Chain, DEV_ACCOUNT, Receipt, Tx,
    arbos::state::{NETWORK_FEE_ACCOUNT, SEQUENCER},
    stylus::{
        code::compress,
        host::MAX_RECORDED_BYTES,
        trace::{TraceError, stylus_tracer},
    },
};
use serde::Deserialize;

const PROGRAM: Address = address!("0000000000000000000000000000000000001001");
const INNER: Address = address!("0000000000000000000000000000000000001002");
const EVM: Address = address!("0000000000000000000000000000000000002001");

/// What every program here imports: name, signature, and the widths of arguments and results in bytes,
/// where 0 stands for the rest. These widths are what cargo-stylus takes them apart by.
const FUNCTIONS: [(&str, &str, &[usize], &[usize]); 42] = [
    ("read_args", "(param i32)", &[], &[0]),
    ("write_result", "(param i32 i32)", &[0], &[]),
    ("exit_early", "(param i32)", &[4], &[]),
    ("storage_load_bytes32", "(param i32 i32)", &[32], &[32]),
    ("storage_cache_bytes32", "(param i32 i32)", &[32, 32], &[]),
    ("storage_flush_cache", "(param i32)", &[1], &[]),
    ("transient_load_bytes32", "(param i32 i32)", &[32], &[32]),
    ("transient_store_bytes32", "(param i32 i32)", &[32, 32], &[]),
    (
        "call_contract",
        "(param i32 i32 i32 i32 i64 i32) (result i32)",
        &[20, 8, 32, 0],
        &[4, 1],
    ),
    (
        "delegate_call_contract",
        "(param i32 i32 i32 i64 i32) (result i32)",
        &[20, 8, 0],
        &[4, 1],
    ),
    (
        "static_call_contract",
        "(param i32 i32 i32 i64 i32) (result i32)",
        &[20, 8, 0],
        &[4, 1],
    ),
    ("create1", "(param i32 i32 i32 i32 i32)", &[32, 0], &[20, 4]),
    ("create2", "(param i32 i32 i32 i32 i32 i32)", &[32, 32, 0], &[20, 4]),
    ("read_return_data", "(param i32 i32 i32) (result i32)", &[4, 4], &[0]),
    ("return_data_size", "(result i32)", &[], &[4]),
    ("emit_log", "(param i32 i32 i32)", &[4, 0], &[]),
    ("account_balance", "(param i32 i32)", &[20], &[32]),
    (
        "account_code",
        "(param i32 i32 i32 i32) (result i32)",
        &[20, 4, 4],
        &[0],
    ),
    ("account_code_size", "(param i32) (result i32)", &[20], &[4]),
    ("account_codehash", "(param i32 i32)", &[20], &[32]),
    ("evm_gas_left", "(result i64)", &[], &[8]),
    ("evm_ink_left", "(result i64)", &[], &[8]),
    ("block_basefee", "(param i32)", &[], &[32]),
    ("chainid", "(result i64)", &[], &[8]),
    ("block_coinbase", "(param i32)", &[], &[20]),
    ("block_gas_limit", "(result i64)", &[], &[8]),
    ("block_number", "(result i64)", &[], &[8]),
    ("block_timestamp", "(result i64)", &[], &[8]),
    ("contract_address", "(param i32)", &[], &[20]),
    ("math_div", "(param i32 i32)", &[32, 32], &[32]),
    ("math_mod", "(param i32 i32)", &[32, 32], &[32]),
    ("math_pow", "(param i32 i32)", &[32, 32], &[32]),
    ("math_add_mod", "(param i32 i32 i32)", &[32, 32, 32], &[32]),
    ("math_mul_mod", "(param i32 i32 i32)", &[32, 32, 32], &[32]),
    ("msg_reentrant", "(result i32)", &[], &[4]),
    ("msg_sender", "(param i32)", &[], &[20]),
    ("msg_value", "(param i32)", &[], &[32]),
    ("native_keccak256", "(param i32 i32 i32)", &[0], &[32]),
    ("tx_gas_price", "(param i32)", &[], &[32]),
    ("tx_ink_price", "(result i32)", &[], &[4]),
    ("tx_origin", "(param i32)", &[], &[20]),
    ("pay_for_memory_grow", "(param i32)", &[2], &[]),
];

/// A step as clients read it: exactly these members, numbers for ink, prefixed hex for the rest.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Step {
    name: String,
    args: String,
    outs: String,
    start_ink: u64,
    end_ink: u64,
    address: Option<String>,
    steps: Option<Vec<Step>>,
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.strip_prefix("0x").expect("prefixed")).expect("hex")
}

impl Step {
    fn args(&self) -> Vec<u8> {
        bytes(&self.args)
    }

    fn outs(&self) -> Vec<u8> {
        bytes(&self.outs)
    }

    fn address(&self) -> Address {
        let text = self.address.as_ref().expect("an address");
        assert_eq!(*text, text.to_lowercase());
        Address::from_slice(&bytes(text))
    }

    fn steps(&self) -> &[Self] {
        self.steps.as_ref().expect("steps")
    }

    /// Whether every value of the step can be taken off its bytes with nothing left over.
    fn check(&self) {
        let fits = |widths: &[usize], data: &[u8]| {
            let fixed: usize = widths.iter().sum();
            let has_rest = widths.contains(&0);
            assert!(
                if has_rest {
                    data.len() >= fixed
                } else {
                    data.len() == fixed
                },
                "{}: {data:?}",
                self.name
            );
        };
        let (args, outs): (&[usize], &[usize]) = match self.name.as_str() {
            "user_entrypoint" => (&[4], &[]),
            "user_returned" => (&[], &[4]),
            name => match FUNCTIONS.iter().find(|function| function.0 == name) {
                Some(function) => (function.2, function.3),
                None => (&[], &[]),
            },
        };
        fits(args, &self.args());
        fits(outs, &self.outs());
        let is_frame =
            self.name.ends_with("call_contract") || (self.name.starts_with("evm_") && !self.name.ends_with("_left"));
        assert_eq!(self.address.is_some(), is_frame, "{}", self.name);
        assert_eq!(self.steps.is_some(), is_frame, "{}", self.name);
        assert!(self.start_ink >= self.end_ink);
        self.steps.iter().flatten().for_each(Self::check);
    }

    /// The names of the step and of those within, as `name(inner, …)`.
    fn outline(&self) -> String {
        match &self.steps {
            Some(steps) => format!("{}({})", self.name, outline(steps)),
            None => self.name.clone(),
        }
    }
}

fn outline(steps: &[Step]) -> String {
    steps.iter().map(Step::outline).collect::<Vec<_>>().join(" ")
}

fn trace(receipt: &Receipt) -> Vec<Step> {
    let steps = stylus_tracer(&receipt.frames, &receipt.runs).expect("a trace");
    let text = serde_json::to_string(&steps).unwrap();
    let steps: Vec<Step> = serde_json::from_str(&text).unwrap();
    steps.iter().for_each(Step::check);
    steps
}

fn word(n: u64) -> Vec<u8> {
    U256::from(n).to_be_bytes_vec()
}

/// A module whose memory begins with the words 100, 7 and 30, then the addresses of [`INNER`] at 96 and
/// [`EVM`] at 128, then EVM init code of 2 bytes that creates an empty contract at 160.
fn module(body: &str) -> Vec<u8> {
    let data = [
        word(100),
        word(7),
        word(30),
        INNER.to_vec(),
        vec![0; 12],
        EVM.to_vec(),
        vec![0; 12],
        vec![0x5f, 0x00],
    ]
    .concat();
    let escaped: String = data.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let imports: String = FUNCTIONS
        .iter()
        .filter(|(name, ..)| body.contains(&format!("${name} ")) || body.contains(&format!("${name})")))
        .map(|(name, signature, ..)| format!("(import \"vm_hooks\" \"{name}\" (func ${name} {signature}))\n"))
        .collect();
    let text = format!(
        "(module {imports} (memory (export \"memory\") 1 1) (data (i32.const 0) \"{escaped}\")
           (func (export \"user_entrypoint\") (param $len i32) (result i32) {body}))"
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn install(chain: &mut Chain, at: Address, body: &str) {
    chain.set_code(at, compress(&module(body)));
    let receipt = chain.activate(DEV_ACCOUNT, at).unwrap();
    assert!(receipt.success, "{:?}", receipt.refusal);
}

/// A chain with `body` at [`PROGRAM`] and `inner` at [`INNER`], and EVM code at [`EVM`].
fn chain(body: &str, inner: &str, evm: &str) -> Chain {
    let mut chain = Chain::builder().tx_gas_cap(1 << 49).build();
    install(&mut chain, PROGRAM, body);
    if body != inner {
        install(&mut chain, INNER, inner);
    }
    chain.set_code(EVM, hex::decode(evm).unwrap());
    chain.set_trace(true);
    chain
}

fn send(chain: &mut Chain, to: Address, data: &[u8]) -> Receipt {
    chain
        .send(Tx::call(DEV_ACCOUNT, to, Bytes::copy_from_slice(data)).gas(30_000_000))
        .unwrap()
}

/// EVM code that calls `to` with nothing and stops.
fn evm_call(to: Address) -> String {
    format!("5f5f5f5f5f73{}5af15000", hex::encode(to))
}

/// Calls the address at `at` with all gas and `len` bytes from 0.
fn call(at: u32, len: u32) -> String {
    format!(
        "(drop (call $call_contract (i32.const {at}) (i32.const 0) (i32.const {len}) (i32.const 512) (i64.const -1)
           (i32.const 600)))"
    )
}

const OK: &str = "(i32.const 0)";
const FAIL: &str = "(i32.const 1)";
const EMPTY: &str = "user_entrypoint user_returned";

#[test]
#[expect(clippy::too_many_lines, reason = "a table of 42 functions")]
fn stylus_tracer_of_every_host_function_has_its_arguments_and_results() {
    let be4 = |n: u32| n.to_be_bytes().to_vec();
    let be8 = |n: u64| n.to_be_bytes().to_vec();
    let all_gas = be8(u64::MAX);
    let none = Vec::new;
    let some = || vec![1, 2, 3, 4, 5];
    let inner_code = compress(&module(&format!(
        "(call $write_result (i32.const 31) (i32.const 2)) {OK}"
    )));
    let reference = Chain::default();
    let created = |salt: Option<&[u8]>| match salt {
        None => PROGRAM.create(1).to_vec(),
        Some(salt) => PROGRAM.create2_from_code(B256::from_slice(salt), [0x5f, 0x00]).to_vec(),
    };
    let called = [be4(2), vec![0]].concat();
    let load = "(call $storage_load_bytes32 (i32.const 0) (i32.const 256))";
    let call_with_data = call(96, 32);
    let [within, beyond, size] = [
        "(call $read_return_data (i32.const 256) (i32.const 1) (i32.const 9))",
        "(call $read_return_data (i32.const 256) (i32.const 2) (i32.const 9))",
        "(call $return_data_size)",
    ]
    .map(|code| format!("{} (drop {code})", call(96, 0)));
    // name, code that calls it, arguments, results
    let table: Vec<(&str, &str, Vec<u8>, Vec<u8>)> = vec![
        ("read_args", "(call $read_args (i32.const 256))", none(), some()),
        (
            "write_result",
            "(call $write_result (i32.const 30) (i32.const 3))",
            vec![0, 100, 0],
            none(),
        ),
        ("exit_early", "(call $exit_early (i32.const 9))", be4(9), none()),
        ("storage_load_bytes32", load, word(100), word(55)),
        (
            "storage_cache_bytes32",
            "(call $storage_cache_bytes32 (i32.const 0) (i32.const 32))",
            [word(100), word(7)].concat(),
            none(),
        ),
        (
            "storage_flush_cache",
            "(call $storage_flush_cache (i32.const 256))",
            vec![1],
            none(),
        ),
        (
            "storage_flush_cache",
            "(call $storage_cache_bytes32 (i32.const 0) (i32.const 32)) (call $storage_flush_cache (i32.const 0))",
            vec![0],
            none(),
        ),
        (
            "transient_load_bytes32",
            "(call $transient_store_bytes32 (i32.const 0) (i32.const 64))
             (call $transient_load_bytes32 (i32.const 0) (i32.const 256))",
            word(100),
            word(30),
        ),
        (
            "transient_store_bytes32",
            "(call $transient_store_bytes32 (i32.const 0) (i32.const 64))",
            [word(100), word(30)].concat(),
            none(),
        ),
        (
            "call_contract",
            &call_with_data,
            [INNER.to_vec(), all_gas.clone(), word(0), word(100)].concat(),
            called.clone(),
        ),
        (
            "delegate_call_contract",
            "(drop (call $delegate_call_contract (i32.const 96) (i32.const 30) (i32.const 2) (i64.const 70000)
               (i32.const 600)))",
            [INNER.to_vec(), be8(70_000), vec![0, 100]].concat(),
            called.clone(),
        ),
        (
            "static_call_contract",
            "(drop (call $static_call_contract (i32.const 128) (i32.const 30) (i32.const 2) (i64.const -1)
               (i32.const 600)))",
            [EVM.to_vec(), all_gas, vec![0, 100]].concat(),
            [be4(3), vec![2]].concat(),
        ),
        (
            "create1",
            "(call $create1 (i32.const 160) (i32.const 2) (i32.const 512) (i32.const 256) (i32.const 600))",
            [word(0), vec![0x5f, 0x00]].concat(),
            [created(None), be4(0)].concat(),
        ),
        (
            "create2",
            "(call $create2 (i32.const 160) (i32.const 2) (i32.const 512) (i32.const 32) (i32.const 256)
               (i32.const 600))",
            [word(0), word(7), vec![0x5f, 0x00]].concat(),
            [created(Some(&word(7))), be4(0)].concat(),
        ),
        ("read_return_data", &within, [be4(1), be4(9)].concat(), vec![0]),
        ("read_return_data", &beyond, [be4(2), be4(9)].concat(), none()),
        ("return_data_size", &size, none(), be4(2)),
        (
            "emit_log",
            "(call $emit_log (i32.const 0) (i32.const 66) (i32.const 2))",
            [be4(2), word(100), word(7), vec![0, 0]].concat(),
            none(),
        ),
        (
            "account_balance",
            "(call $account_balance (i32.const 128) (i32.const 256))",
            EVM.to_vec(),
            word(77),
        ),
        (
            "account_code",
            "(drop (call $account_code (i32.const 96) (i32.const 1) (i32.const 4) (i32.const 256)))",
            [INNER.to_vec(), be4(1), be4(4)].concat(),
            inner_code[1..5].to_vec(),
        ),
        (
            "account_code_size",
            "(drop (call $account_code_size (i32.const 96)))",
            INNER.to_vec(),
            be4(u32::try_from(inner_code.len()).unwrap()),
        ),
        (
            "account_codehash",
            "(call $account_codehash (i32.const 96) (i32.const 256))",
            INNER.to_vec(),
            keccak256(&inner_code).to_vec(),
        ),
        (
            "block_basefee",
            "(call $block_basefee (i32.const 256))",
            none(),
            word(reference.base_fee()),
        ),
        ("chainid", "(drop (call $chainid))", none(), be8(reference.chain_id())),
        (
            "block_coinbase",
            "(call $block_coinbase (i32.const 256))",
            none(),
            SEQUENCER.to_vec(),
        ),
        (
            "block_gas_limit",
            "(drop (call $block_gas_limit))",
            none(),
            be8(1 << 50),
        ),
        (
            "contract_address",
            "(call $contract_address (i32.const 256))",
            none(),
            PROGRAM.to_vec(),
        ),
        (
            "math_div",
            "(call $math_div (i32.const 0) (i32.const 32))",
            [word(100), word(7)].concat(),
            word(14),
        ),
        (
            "math_mod",
            "(call $math_mod (i32.const 0) (i32.const 32))",
            [word(100), word(7)].concat(),
            word(2),
        ),
        (
            "math_pow",
            "(call $math_pow (i32.const 0) (i32.const 32))",
            [word(100), word(7)].concat(),
            word(100_000_000_000_000),
        ),
        (
            "math_add_mod",
            "(call $math_add_mod (i32.const 0) (i32.const 32) (i32.const 64))",
            [word(100), word(7), word(30)].concat(),
            word(17),
        ),
        (
            "math_mul_mod",
            "(call $math_mul_mod (i32.const 0) (i32.const 32) (i32.const 64))",
            [word(100), word(7), word(30)].concat(),
            word(10),
        ),
        ("msg_reentrant", "(drop (call $msg_reentrant))", none(), be4(0)),
        (
            "msg_sender",
            "(call $msg_sender (i32.const 256))",
            none(),
            DEV_ACCOUNT.to_vec(),
        ),
        ("msg_value", "(call $msg_value (i32.const 256))", none(), word(1_234)),
        (
            "native_keccak256",
            "(call $native_keccak256 (i32.const 0) (i32.const 32) (i32.const 0))",
            word(100),
            keccak256(word(100)).to_vec(),
        ),
        (
            "tx_gas_price",
            "(call $tx_gas_price (i32.const 256))",
            none(),
            word(reference.base_fee()),
        ),
        ("tx_ink_price", "(drop (call $tx_ink_price))", none(), be4(10_000)),
        (
            "tx_origin",
            "(call $tx_origin (i32.const 256))",
            none(),
            DEV_ACCOUNT.to_vec(),
        ),
        (
            "pay_for_memory_grow",
            "(call $pay_for_memory_grow (i32.const 5))",
            vec![0, 5],
            none(),
        ),
        (
            "pay_for_memory_grow",
            "(call $pay_for_memory_grow (i32.const 0))",
            vec![0, 0],
            none(),
        ),
    ];
    let returned = ["evm_gas_left", "evm_ink_left", "block_number", "block_timestamp"];
    for (name, ..) in FUNCTIONS {
        assert!(
            returned.contains(&name) || table.iter().any(|row| row.0 == name),
            "{name}"
        );
    }
    for (name, code, args, outs) in table {
        let mut chain = Chain::default();
        chain.set_code(INNER, inner_code.clone());
        chain.activate(DEV_ACCOUNT, INNER).unwrap();
        install(&mut chain, PROGRAM, &format!("{code} {OK}"));
        chain.set_storage(PROGRAM, U256::from(100), U256::from(55));
        chain.set_code(EVM, hex::decode("60035ffd").unwrap());
        chain.deal(EVM, U256::from(77));
        chain.set_trace(true);
        let tx = Tx::call(DEV_ACCOUNT, PROGRAM, some()).value(U256::from(1_234));
        let steps = trace(&chain.send(tx).unwrap());
        let step = steps.iter().rfind(|step| step.name == name).expect(name);
        assert_eq!(hex::encode(step.args()), hex::encode(args), "{name} takes");
        assert_eq!(hex::encode(step.outs()), hex::encode(outs), "{name} gives");
        assert_eq!(steps[0].args(), be4(5));
        assert_eq!(
            steps.last().unwrap().outs(),
            be4(if name == "exit_early" { 9 } else { 0 })
        );
    }
    for name in returned {
        let code =
            format!("(i64.store (i32.const 0) (call ${name})) (call $write_result (i32.const 0) (i32.const 8)) {OK}");
        let receipt = send(&mut chain(&code, OK, ""), PROGRAM, &[]);
        let mut seen = receipt.output.to_vec();
        seen.reverse();
        let steps = trace(&receipt);
        assert_eq!(steps[1].outs(), seen, "{name}");
        match name {
            "evm_ink_left" => assert_eq!(steps[1].outs(), be8(steps[1].end_ink)),
            "block_timestamp" => assert_eq!(steps[1].outs(), be8(receipt.timestamp)),
            _ => {}
        }
    }
}

#[test]
fn stylus_tracer_gives_ink_before_and_after() {
    let mut chain = chain(
        &format!("(call $write_result (i32.const 0) (i32.const 32)) (drop (call $msg_reentrant)) {OK}"),
        OK,
        "",
    );
    let receipt = send(&mut chain, PROGRAM, &[]);
    let run = &receipt.runs[0];
    let steps = trace(&receipt);
    assert_eq!(
        outline(&steps),
        "user_entrypoint write_result msg_reentrant user_returned"
    );
    for bound in [&steps[0], &steps[3]] {
        assert_eq!((bound.start_ink, bound.end_ink), (run.ink_start, run.ink_start));
    }
    assert_eq!(steps[1].start_ink - steps[1].end_ink, 41_162);
    assert_eq!(steps[2].start_ink - steps[2].end_ink, 8_400);
    assert!(steps[0].end_ink > steps[1].start_ink, "operators cost ink too");
    assert!(steps[1].end_ink > steps[2].start_ink);
    assert!(steps[2].end_ink > run.finished.ink_left);
}

#[test]
fn stylus_tracer_nests_programs_through_evm_frames() {
    let outer = format!("{} {} {OK}", call(128, 0), call(96, 0));
    let mut chain = chain(&outer, OK, &evm_call(INNER));
    let top = address!("0000000000000000000000000000000000002002");
    chain.set_code(top, hex::decode(evm_call(PROGRAM)).unwrap());
    let steps = trace(&send(&mut chain, top, &[]));
    assert_eq!(
        outline(&steps),
        format!(
            "evm_call_contract(user_entrypoint call_contract(evm_call_contract({EMPTY})) call_contract({EMPTY}) \
             user_returned)"
        )
    );
    let program = &steps[0];
    assert_eq!(
        (program.start_ink, program.end_ink, program.args.as_str()),
        (0, 0, "0x")
    );
    assert_eq!(program.address(), PROGRAM);
    let [_, through_evm, direct, _] = program.steps() else {
        panic!()
    };
    assert_eq!(through_evm.address(), EVM);
    assert_eq!(through_evm.steps()[0].address(), INNER);
    assert_eq!(direct.address(), INNER);
}

#[test]
fn stylus_tracer_shows_failing_frames() {
    let trapping = "(drop (call $msg_reentrant)) (call $exit_early (i32.const 3)) unreachable";
    for (inner, steps_within) in [
        (
            "(drop (call $msg_reentrant)) unreachable",
            "user_entrypoint msg_reentrant",
        ),
        (FAIL, EMPTY),
        (trapping, "user_entrypoint msg_reentrant exit_early user_returned"),
        // The failing call itself is missing.
        (
            "(drop (call $msg_reentrant)) (call $read_args (i32.const -1)) (i32.const 0)",
            "user_entrypoint msg_reentrant",
        ),
    ] {
        let mut chain = chain(&format!("{} {OK}", call(96, 1)), inner, "");
        let steps = trace(&send(&mut chain, PROGRAM, &[]));
        assert_eq!(
            outline(&steps),
            format!("user_entrypoint call_contract({steps_within}) user_returned")
        );
        assert_eq!(steps[1].outs(), [0, 0, 0, 0, 2]);
    }
    let mut chain = chain(&format!("{} (i32.const 1)", call(128, 0)), OK, &evm_call(INNER));
    let steps = trace(&send(&mut chain, PROGRAM, &[]));
    assert_eq!(
        outline(&steps[1..2]),
        format!("call_contract(evm_call_contract({EMPTY}))")
    );
    assert_eq!(steps[2].outs(), [0, 0, 0, 1]);
}

#[test]
fn stylus_tracer_leaves_the_frame_of_a_failed_call_by_itself() {
    // The call is made, but the length of its result cannot be written.
    let body =
        format!("(drop (call $msg_reentrant)) {} {OK}", call(96, 0)).replace("(i32.const 600)", "(i32.const -1)");
    let steps = trace(&send(&mut chain(&body, OK, ""), PROGRAM, &[]));
    assert_eq!(
        outline(&steps),
        format!("user_entrypoint msg_reentrant evm_call_contract({EMPTY})")
    );
    assert_eq!(steps[2].address(), INNER);
}

#[test]
fn stylus_tracer_names_the_code_that_a_delegate_call_runs() {
    let body = "(drop (call $delegate_call_contract (i32.const 96) (i32.const 0) (i32.const 0) (i64.const -1)
        (i32.const 600))) (i32.const 0)";
    let mut chain = chain(body, "(call $contract_address (i32.const 0)) (i32.const 0)", "");
    let steps = trace(&send(&mut chain, PROGRAM, &[]));
    assert_eq!(steps[1].name, "delegate_call_contract");
    assert_eq!(steps[1].address(), INNER);
    assert_eq!(steps[1].steps()[1].outs(), PROGRAM.to_vec());
    // Precompiles and accounts without code are frames without steps.
    chain.set_code(EVM, hex::decode("5f5f5f5f60045af45f5f5f5f60775afa00").unwrap());
    let steps = trace(&send(&mut chain, EVM, &[]));
    assert_eq!(
        outline(&steps),
        "evm_delegate_call_contract() evm_static_call_contract()"
    );
    assert_eq!(steps[0].address(), Address::with_last_byte(4));
}

#[test]
fn stylus_tracer_shows_creations_beside_their_frames() {
    let create = "(call $create1 (i32.const 160) (i32.const 2) (i32.const 512) (i32.const 256) (i32.const 600))";
    let mut chain = chain(&format!("{create} {OK}"), OK, "");
    let steps = trace(&send(&mut chain, PROGRAM, &[]));
    assert_eq!(outline(&steps), "user_entrypoint evm_create1() create1 user_returned");
    assert_eq!(steps[1].address().to_vec(), steps[2].outs()[..20]);
    assert_eq!(steps[1].address(), PROGRAM.create(1));
    // A transaction that creates: what its constructor does is at the top.
    let tx = Tx::create(DEV_ACCOUNT, hex::decode(evm_call(INNER)).unwrap());
    assert_eq!(
        outline(&trace(&chain.send(tx).unwrap())),
        format!("evm_call_contract({EMPTY})")
    );
}

#[test]
fn stylus_tracer_shows_self_destruction_as_a_frame_of_the_heir() {
    let heir = Address::with_last_byte(0x77);
    let mut chain = chain(
        &format!("{} {OK}", call(128, 0)),
        OK,
        &format!("73{}ff", hex::encode(heir)),
    );
    let steps = trace(&send(&mut chain, PROGRAM, &[]));
    assert_eq!(
        outline(&steps),
        "user_entrypoint call_contract(evm_self_destruct()) user_returned"
    );
    assert_eq!(steps[1].steps()[0].address(), heir);
    // In a static frame it fails, so there is none.
    let is_static = "(drop (call $static_call_contract (i32.const 128) (i32.const 0) (i32.const 0) (i64.const 90000)
        (i32.const 600))) (i32.const 0)";
    install(&mut chain, PROGRAM, is_static);
    let steps = trace(&send(&mut chain, PROGRAM, &[]));
    assert_eq!(outline(&steps), "user_entrypoint static_call_contract() user_returned");
}

#[test]
fn stylus_tracer_of_an_activation_shows_its_transfers() {
    let mut chain = Chain::default();
    chain.set_trace(true);
    chain.set_code(PROGRAM, compress(&module(OK)));
    let steps = trace(&chain.activate(DEV_ACCOUNT, PROGRAM).unwrap());
    assert_eq!(outline(&steps), "evm_call_contract() evm_call_contract()");
    assert_eq!(steps[0].address(), NETWORK_FEE_ACCOUNT);
    assert_eq!(steps[1].address(), DEV_ACCOUNT);
}

#[test]
fn stylus_tracer_of_a_call_that_opened_no_frame_fails() {
    // Value in a static frame.
    let inner = "(i32.store8 (i32.const 543) (i32.const 1))
        (drop (call $call_contract (i32.const 128) (i32.const 0) (i32.const 0) (i32.const 512) (i64.const -1)
          (i32.const 600))) (i32.const 0)";
    let body = "(drop (call $static_call_contract (i32.const 96) (i32.const 0) (i32.const 0) (i64.const -1)
        (i32.const 600))) (i32.const 0)";
    let receipt = send(&mut chain(body, inner, ""), PROGRAM, &[]);
    assert_eq!(
        stylus_tracer(&receipt.frames, &receipt.runs).unwrap_err(),
        TraceError::NoFrame("call_contract")
    );
}

#[test]
fn stylus_tracer_without_tracing_is_empty() {
    let mut chain = chain(OK, OK, "");
    chain.set_trace(false);
    let receipt = send(&mut chain, PROGRAM, &[]);
    assert!(receipt.runs.is_empty());
    assert_eq!(stylus_tracer(&receipt.frames, &receipt.runs), Ok(vec![]));
}

#[test]
fn record_of_a_hostile_loop_stays_within_its_bytes() {
    let looping = "(loop (call $write_result (i32.const 0) (i32.const 60000)) (br 0)) (i32.const 0)";
    let mut chain = chain(&format!("{} {} {looping}", call(96, 0), call(96, 0)), looping, "");
    let receipt = send(&mut chain, PROGRAM, &[]);
    assert_eq!(receipt.runs.len(), 3);
    let recorded: usize = receipt
        .runs
        .iter()
        .flat_map(|run| &run.finished.host_calls)
        .filter_map(|call| call.data.as_ref())
        .map(|data| data.args.len() + data.outs.len())
        .sum();
    assert!(recorded > MAX_RECORDED_BYTES / 2, "{recorded}");
    assert!(recorded <= MAX_RECORDED_BYTES, "{recorded}");
    assert_eq!(stylus_tracer(&receipt.frames, &receipt.runs), Err(TraceError::TooLong));
}

#[test]
fn stylus_tracer_of_the_deepest_call_fits_a_small_stack() {
    // Calls itself until the depth runs out.
    let mut chain = chain(OK, OK, "5f5f5f5f5f305af100");
    let receipt = chain
        .send(Tx::call(DEV_ACCOUNT, EVM, Bytes::new()).gas(1 << 48))
        .unwrap();
    let depth = std::thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(move || {
            let steps = stylus_tracer(&receipt.frames, &receipt.runs).unwrap();
            serde_json::to_string(&steps)
                .unwrap()
                .matches("evm_call_contract")
                .count()
        })
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(depth, 1_025, "the last one fails at once");
}
