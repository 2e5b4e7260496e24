//! Every family of host functions, with the ink summed from the documented prices.

mod limits;

use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};
use devnode::{
    Chain, DEV_ACCOUNT, ProgramRun, Receipt, Tx,
    stylus::{code::compress, program::Outcome},
};

const PROGRAM: Address = address!("0000000000000000000000000000000000001001");
const OTHER: Address = address!("0000000000000000000000000000000000001002");
const GAS: u64 = 10_000;

/// Price of bytes written into, and read from, guest memory.
fn w(len: u64) -> u64 {
    5_040 + 30 * len.saturating_sub(32)
}
fn r(len: u64) -> u64 {
    16_381 + 55 * len.saturating_sub(32)
}

/// A module with one page that imports what `body` uses from `signatures`.
fn module(body: &str) -> Vec<u8> {
    let signatures = [
        ("read_args", "(param i32)"),
        ("write_result", "(param i32 i32)"),
        ("exit_early", "(param i32)"),
        ("storage_load_bytes32", "(param i32 i32)"),
        ("storage_cache_bytes32", "(param i32 i32)"),
        ("storage_flush_cache", "(param i32)"),
        ("transient_load_bytes32", "(param i32 i32)"),
        ("transient_store_bytes32", "(param i32 i32)"),
        ("call_contract", "(param i32 i32 i32 i32 i64 i32) (result i32)"),
        ("delegate_call_contract", "(param i32 i32 i32 i64 i32) (result i32)"),
        ("static_call_contract", "(param i32 i32 i32 i64 i32) (result i32)"),
        ("create1", "(param i32 i32 i32 i32 i32)"),
        ("create2", "(param i32 i32 i32 i32 i32 i32)"),
        ("read_return_data", "(param i32 i32 i32) (result i32)"),
        ("return_data_size", "(result i32)"),
        ("emit_log", "(param i32 i32 i32)"),
        ("account_balance", "(param i32 i32)"),
        ("account_codehash", "(param i32 i32)"),
        ("account_code", "(param i32 i32 i32 i32) (result i32)"),
        ("account_code_size", "(param i32) (result i32)"),
        ("block_basefee", "(param i32)"),
        ("block_coinbase", "(param i32)"),
        ("block_gas_limit", "(result i64)"),
        ("block_number", "(result i64)"),
        ("block_timestamp", "(result i64)"),
        ("chainid", "(result i64)"),
        ("contract_address", "(param i32)"),
        ("evm_gas_left", "(result i64)"),
        ("evm_ink_left", "(result i64)"),
        ("math_div", "(param i32 i32)"),
        ("math_mod", "(param i32 i32)"),
        ("math_pow", "(param i32 i32)"),
        ("math_add_mod", "(param i32 i32 i32)"),
        ("math_mul_mod", "(param i32 i32 i32)"),
        ("msg_reentrant", "(result i32)"),
        ("msg_sender", "(param i32)"),
        ("msg_value", "(param i32)"),
        ("native_keccak256", "(param i32 i32 i32)"),
        ("tx_gas_price", "(param i32)"),
        ("tx_ink_price", "(result i32)"),
        ("tx_origin", "(param i32)"),
        ("pay_for_memory_grow", "(param i32)"),
    ];
    let words: Vec<_> = body
        .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')'))
        .collect();
    let imports: String = signatures
        .iter()
        .filter(|(name, _)| words.contains(&format!("${name}").as_str()))
        .map(|(name, signature)| format!("(import \"vm_hooks\" \"{name}\" (func ${name} {signature}))\n"))
        .collect();
    let grows = body.contains("memory.grow");
    let pay = if grows {
        "(import \"vm_hooks\" \"pay_for_memory_grow\" (func (param i32)))"
    } else {
        ""
    };
    let memory = if grows { "1" } else { "1 1" };
    let text = format!(
        "(module {pay} {imports} (memory (export \"memory\") {memory})
           (func (export \"user_entrypoint\") (param $len i32) (result i32) {body}))"
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn install(chain: &mut Chain, at: Address, body: &str) {
    chain.set_code(at, compress(&module(body)));
    let receipt = chain.activate(DEV_ACCOUNT, at).unwrap();
    assert!(receipt.success, "{:?}", receipt.refusal);
}

/// A chain with `body` at [`PROGRAM`], recording host calls.
fn chain(body: &str) -> Chain {
    let mut chain = Chain::default();
    install(&mut chain, PROGRAM, body);
    chain.set_trace(true);
    chain
}

fn send(chain: &mut Chain, data: &[u8]) -> Receipt {
    chain
        .send(Tx::call(DEV_ACCOUNT, PROGRAM, Bytes::copy_from_slice(data)))
        .unwrap()
}

/// The outermost run of a receipt.
fn run(receipt: &Receipt) -> &ProgramRun {
    receipt.runs.last().expect("the program ran")
}

fn inks(receipt: &Receipt) -> Vec<u64> {
    run(receipt).finished.host_calls.iter().map(|call| call.ink).collect()
}

/// EVM code that returns its calldata's first word, its caller and its value, 96 bytes.
fn evm_echo() -> Vec<u8> {
    hex::decode("5f355f52336020523460405260605ff3").unwrap()
}

/// EVM code that stores 1 at slot 0 and then reverts with 4 bytes.
fn evm_reverter() -> Vec<u8> {
    hex::decode("60015f5563deadbeef60e01b5f5260045ffd").unwrap()
}

#[test]
fn write_result_returns_arguments_and_charges_both_ways() {
    let mut chain =
        chain("(call $read_args (i32.const 0)) (call $write_result (i32.const 0) (local.get $len)) (i32.const 0)");
    let data = [7; 100];
    let receipt = send(&mut chain, &data);
    assert!(receipt.success);
    assert_eq!(receipt.output, Bytes::copy_from_slice(&data));
    assert_eq!(inks(&receipt), [8_400 + w(100), 8_400 + 2 * r(100)]);
}

#[test]
fn write_result_with_status_one_reverts_with_data() {
    let mut chain = chain("(call $write_result (i32.const 0) (i32.const 32)) (i32.const 1)");
    let receipt = send(&mut chain, &[]);
    assert!(!receipt.success && receipt.halt.is_none());
    assert_eq!(receipt.output.len(), 32);
    assert!(receipt.gas_used < 100_000, "a revert keeps the gas that is left");
}

#[test]
fn exit_early_ends_with_its_status() {
    let mut chain = chain("(call $exit_early (i32.const 0)) unreachable");
    assert!(send(&mut chain, &[]).success);
}

#[test]
fn trap_reverts_with_empty_data_and_keeps_gas() {
    let mut chain = chain("(call $write_result (i32.const 0) (i32.const 32)) unreachable");
    let receipt = send(&mut chain, &[]);
    assert_eq!(run(&receipt).finished.outcome, Outcome::Trap);
    assert!(!receipt.success && receipt.halt.is_none() && receipt.output.is_empty());
    assert!(receipt.gas_used < 100_000);
}

#[test]
fn infinite_loop_burns_all_gas() {
    let mut chain = chain("(loop (br 0)) (i32.const 0)");
    let receipt = chain
        .send(Tx::call(DEV_ACCOUNT, PROGRAM, Bytes::new()).gas(200_000))
        .unwrap();
    assert!(receipt.halt.is_some());
    assert_eq!(receipt.gas_used, 200_000);
}

#[test]
fn storage_flush_charges_like_sstore_and_persists() {
    let body = "
        (i32.store8 (i32.const 63) (i32.const 5))
        (call $storage_load_bytes32 (i32.const 0) (i32.const 64))
        (call $storage_cache_bytes32 (i32.const 0) (i32.const 32))
        (call $storage_flush_cache (i32.const 1))
        (call $storage_load_bytes32 (i32.const 0) (i32.const 64))
        (call $write_result (i32.const 64) (i32.const 32)) (i32.const 0)";
    let mut chain = chain(body);
    let receipt = send(&mut chain, &[]);
    let base = 18_480;
    assert_eq!(
        inks(&receipt),
        [
            base + (2_100 + 5) * GAS,
            base,
            68_073 + 20_000 * GAS,
            base + (100 + 5) * GAS,
            41_162
        ]
    );
    assert_eq!(
        inks(&receipt),
        [21_068_480, 18_480, 200_068_073, 1_068_480, 41_162],
        "the reference traces"
    );
    assert_eq!(U256::from_be_slice(&receipt.output), U256::from(5));
    assert_eq!(chain.storage(PROGRAM, U256::ZERO), U256::from(5));
    // The same value again: read, found equal, nothing to flush.
    assert_eq!(inks(&send(&mut chain, &[]))[2], 68_073);
}

#[test]
fn storage_unflushed_write_is_lost() {
    let mut chain = chain(
        "(i32.store8 (i32.const 63) (i32.const 5)) (call $storage_cache_bytes32 (i32.const 0) (i32.const 32)) (i32.const 0)",
    );
    assert!(send(&mut chain, &[]).success);
    assert_eq!(chain.storage(PROGRAM, U256::ZERO), U256::ZERO);
}

#[test]
fn storage_clearing_refunds_only_when_the_frame_succeeds() {
    let clear = "(call $storage_cache_bytes32 (i32.const 0) (i32.const 32)) (call $storage_flush_cache (i32.const 0))";
    let run_with = |end: &str| {
        let mut chain = chain(&format!("{clear} {end}"));
        chain.set_storage(PROGRAM, U256::ZERO, U256::from(9));
        send(&mut chain, &[])
    };
    let (kept, undone) = (run_with("(i32.const 0)"), run_with("(i32.const 1)"));
    // Cold slot, nonzero to zero; refund 4800, below the cap of a fifth.
    assert_eq!(inks(&kept), [18_480, 68_073 + (2_100 + 2_900) * GAS]);
    assert_eq!(inks(&undone), inks(&kept));
    assert_eq!(undone.gas_used - kept.gas_used, 4_800);
}

#[test]
fn storage_flush_without_gas_for_a_slot_is_out_of_gas() {
    let mut chain = chain(
        "(i32.store8 (i32.const 63) (i32.const 5)) (call $storage_cache_bytes32 (i32.const 0) (i32.const 32)) (call $storage_flush_cache (i32.const 0)) (i32.const 0)",
    );
    let receipt = chain
        .send(Tx::call(DEV_ACCOUNT, PROGRAM, Bytes::new()).gas(45_000))
        .unwrap();
    assert_eq!(run(&receipt).finished.outcome, Outcome::OutOfInk);
    assert_eq!(receipt.gas_used, 45_000);
    assert_eq!(chain.storage(PROGRAM, U256::ZERO), U256::ZERO);
}

#[test]
fn transient_storage_lives_for_one_transaction() {
    let body = "
        (call $transient_load_bytes32 (i32.const 0) (i32.const 64))
        (i32.store8 (i32.const 63) (i32.const 5))
        (call $transient_store_bytes32 (i32.const 0) (i32.const 32))
        (call $transient_load_bytes32 (i32.const 0) (i32.const 96))
        (call $write_result (i32.const 64) (i32.const 64)) (i32.const 0)";
    let mut chain = chain(body);
    for _ in 0..2 {
        let receipt = send(&mut chain, &[]);
        assert_eq!((receipt.output[31], receipt.output[63]), (0, 5));
        let each = 78_153 + 100 * GAS;
        assert_eq!(inks(&receipt)[..3], [each, each, each]);
    }
}

#[test]
fn emit_log_splits_topics_and_data() {
    let body = "(i32.store8 (i32.const 0) (i32.const 1)) (i32.store8 (i32.const 32) (i32.const 2)) (i32.store8 (i32.const 64) (i32.const 3))
        (call $emit_log (i32.const 0) (i32.const 96) (i32.const 2)) (i32.const 0)";
    let mut chain = chain(body);
    let receipt = send(&mut chain, &[]);
    assert_eq!(inks(&receipt), [13_897_974]);
    let log = &receipt.logs[0];
    assert_eq!(log.address, PROGRAM);
    assert_eq!(log.topics().iter().map(|topic| topic[0]).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((log.data.data.len(), log.data.data[0]), (32, 3));
}

#[test]
fn emit_log_with_five_topics_traps() {
    let mut chain = chain("(call $emit_log (i32.const 0) (i32.const 160) (i32.const 5)) (i32.const 0)");
    let receipt = send(&mut chain, &[]);
    assert_eq!(run(&receipt).finished.outcome, Outcome::Trap);
    assert_eq!(inks(&receipt), [68_073]);
}

#[test]
fn call_contract_reaches_evm_code_with_value_and_data() {
    let mut body = address_at_zero(OTHER);
    body += "
        (call $read_args (i32.const 32))
        (i32.store8 (i32.const 127) (i32.const 3))
        (call $call_contract (i32.const 0) (i32.const 32) (local.get $len) (i32.const 96) (i64.const -1) (i32.const 128)) drop
        (call $read_return_data (i32.const 256) (i32.const 0) (i32.const 96)) drop
        (call $write_result (i32.const 256) (i32.const 96)) (i32.const 0)";
    let mut chain = chain(&body);
    chain.set_code(OTHER, evm_echo());
    chain.deal(PROGRAM, U256::from(10));
    let receipt = send(&mut chain, &[9; 32]);
    assert!(receipt.success);
    assert_eq!(&receipt.output[..32], &[9; 32]);
    assert_eq!(&receipt.output[44..64], PROGRAM.as_slice());
    assert_eq!(receipt.output[95], 3);
    assert_eq!(chain.balance(OTHER), U256::from(3));
    // Three PUSH0, three PUSH1, CALLDATALOAD, CALLER, CALLVALUE, three MSTOREs with a word of memory each.
    let callee = 3 * 2 + 3 * 3 + 3 + 2 + 2 + 3 * (3 + 3);
    assert_eq!(inks(&receipt)[1], 83_193 + 2 * r(32) + (2_600 + 9_000 + callee) * GAS);
}

/// Code that puts the bytes of `address` at the start of memory.
fn address_at_zero(address: Address) -> String {
    let store = |(index, byte)| format!("(i32.store8 (i32.const {index}) (i32.const {byte}))");
    address.iter().enumerate().map(store).collect()
}

/// Code that calls [`OTHER`] with no data by `kind` and returns status and return data size as two words.
fn caller(kind: &str) -> String {
    let body = address_at_zero(OTHER);
    let value = if kind == "call_contract" { "(i32.const 32)" } else { "" };
    body + &format!(
        "(i32.store8 (i32.const 287) (call ${kind} (i32.const 0) (i32.const 0) (i32.const 0) {value} (i64.const -1) (i32.const 128)))
         (i32.store8 (i32.const 319) (call $return_data_size ))
         (call $write_result (i32.const 256) (i32.const 64)) (i32.const 0)"
    )
}

#[test]
fn call_contract_to_reverting_code_reports_status_two_and_its_data() {
    let mut chain = chain(&caller("call_contract"));
    chain.set_code(OTHER, evm_reverter());
    let receipt = send(&mut chain, &[]);
    assert!(receipt.success);
    assert_eq!((receipt.output[31], receipt.output[63]), (2, 4));
    assert_eq!(chain.storage(OTHER, U256::ZERO), U256::ZERO);
}

#[test]
fn call_contract_to_halting_code_costs_63_64ths_rounded_down() {
    // The ink before the call, read by the program itself, is its result.
    let body = address_at_zero(OTHER)
        + "(i64.store (i32.const 256) (call $evm_ink_left ))
           (call $call_contract (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 32) (i64.const -1) (i32.const 128)) drop
           (call $write_result (i32.const 256) (i32.const 8)) (i32.const 0)";
    let mut chain = chain(&body);
    chain.set_code(OTHER, [0xFE]);
    let receipt = chain
        .send(Tx::call(DEV_ACCOUNT, PROGRAM, Bytes::new()).gas(1_000_000))
        .unwrap();
    assert!(receipt.success);
    let reading = u64::from_le_bytes(receipt.output[..8].try_into().unwrap());
    // One block lies between: i64.store, six constants, call, and the block's own price.
    let at_call = reading - (950 + 6 + 3_800 + 2_450);
    let base = 83_193 + 2 * r(0);
    let available = (at_call - base) / GAS - 2_600;
    assert_ne!(
        available % 64,
        0,
        "otherwise the EVM's g − floor(g/64) would be the same"
    );
    let forwarded = available * 63 / 64;
    assert_ne!(forwarded, available - available / 64);
    assert_eq!(inks(&receipt)[1], base + (2_600 + forwarded) * GAS);
}

#[test]
fn static_call_refuses_writes() {
    let mut chain = chain(&caller("static_call_contract"));
    chain.set_code(OTHER, evm_reverter());
    let receipt = send(&mut chain, &[]);
    assert_eq!(
        (receipt.output[31], receipt.output[63]),
        (2, 0),
        "SSTORE halts in a static frame"
    );
}

#[test]
fn calls_with_36_bytes_cost_the_reference_traces() {
    let call = "(call $call_contract (i32.const 0) (i32.const 32) (i32.const 36) (i32.const 96) (i64.const -1) (i32.const 128)) drop ";
    let fixed =
        "(call $static_call_contract (i32.const 0) (i32.const 32) (i32.const 36) (i64.const -1) (i32.const 128)) drop ";
    let read = "(call $read_return_data (i32.const 256) (i32.const 0) (i32.const 32)) drop ";
    // Without code the callee costs nothing.
    let traces = |body: String| {
        let receipt = send(&mut chain(&(address_at_zero(OTHER) + &body + "(i32.const 0)")), &[]);
        assert!(receipt.success);
        inks(&receipt)
    };
    let (cold, warm) = (26_116_395, 1_116_395);
    assert_eq!(traces([call, fixed, read].concat()), [cold, warm, 73_113]);
    assert_eq!(traces([fixed, fixed, call].concat()), [cold, warm, warm]);
}

#[test]
fn read_return_data_copies_32_bytes_at_the_reference_trace() {
    let body = address_at_zero(OTHER)
        + "(call $static_call_contract (i32.const 0) (i32.const 0) (i32.const 0) (i64.const -1) (i32.const 128)) drop
           (i32.store8 (i32.const 287) (call $read_return_data (i32.const 288) (i32.const 64) (i32.const 99)))
           (call $write_result (i32.const 256) (i32.const 64)) (i32.const 0)";
    let mut chain = chain(&body);
    chain.set_code(OTHER, evm_echo());
    let receipt = send(&mut chain, &[]);
    // The last of the callee's three words: its value, which is zero.
    assert_eq!((receipt.output[31], &receipt.output[32..]), (32, &[0; 32][..]));
    assert_eq!(inks(&receipt)[1], 73_113);
}

#[test]
fn delegate_call_runs_as_the_program_itself() {
    let mut chain = chain(&caller("delegate_call_contract"));
    chain.set_code(OTHER, hex::decode("60075f5500").unwrap());
    let receipt = send(&mut chain, &[]);
    assert!(receipt.success);
    assert_eq!(chain.storage(PROGRAM, U256::ZERO), U256::from(7));
    assert_eq!(chain.storage(OTHER, U256::ZERO), U256::ZERO);
}

#[test]
fn evm_call_reaches_a_program_and_keeps_its_return_data() {
    let mut chain =
        chain("(call $msg_sender (i32.const 12)) (call $write_result (i32.const 0) (i32.const 32)) (i32.const 0)");
    // CALL PROGRAM with all gas, then return its 32 bytes.
    let code = format!("60205f5f5f5f73{}5af15060205ff3", hex::encode(PROGRAM));
    chain.set_code(OTHER, hex::decode(code).unwrap());
    let receipt = chain.send(Tx::call(DEV_ACCOUNT, OTHER, Bytes::new())).unwrap();
    assert!(receipt.success);
    assert_eq!(&receipt.output[12..], OTHER.as_slice());
}

#[test]
fn deep_recursion_between_programs_ends_without_harm() {
    let mut chain = chain(&caller("call_contract"));
    // OTHER is EVM code that calls back; the pair recurses until gas or depth ends it.
    let code = format!("5f5f5f5f5f73{}5af15000", hex::encode(PROGRAM));
    chain.set_code(OTHER, hex::decode(code).unwrap());
    let receipt = send(&mut chain, &[]);
    assert!(receipt.success);
    assert!(receipt.runs.len() > 100, "{} runs", receipt.runs.len());
}

#[test]
fn call_contract_recursion_stops_at_the_page_limit() {
    // Calls itself with all its gas; the innermost call fails, everybody above succeeds.
    let body = "
        (call $contract_address (i32.const 0))
        (call $call_contract (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 32) (i64.const -1) (i32.const 64)) drop
        (i32.const 0)";
    let mut chain = Chain::builder().tx_gas_cap(1 << 49).build();
    chain.deal(DEV_ACCOUNT, U256::MAX >> 1);
    install(&mut chain, PROGRAM, body);
    chain.set_trace(true);
    let receipt = send(&mut chain, &[]);
    assert!(receipt.success);
    assert_eq!(
        receipt.runs.len(),
        128,
        "each open program holds a page, and 128 may be open"
    );
}

#[test]
fn msg_reentrant_is_set_only_in_the_inner_frame() {
    // The outer frame calls itself through OTHER and returns its own flag and the inner frame's.
    let body = address_at_zero(OTHER)
        + "(i32.store8 (i32.const 287) (call $msg_reentrant ))
           (if (i32.load8_u (i32.const 287)) (then
             (call $write_result (i32.const 256) (i32.const 32)) (return (i32.const 0))))
           (call $call_contract (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 32) (i64.const -1) (i32.const 128)) drop
           (call $read_return_data (i32.const 288) (i32.const 0) (i32.const 32)) drop
           (call $write_result (i32.const 256) (i32.const 64)) (i32.const 0)";
    let mut chain = chain(&body);
    // CALL PROGRAM with all gas, then return its 32 bytes.
    let code = format!("60205f5f5f5f73{}5af15060205ff3", hex::encode(PROGRAM));
    chain.set_code(OTHER, hex::decode(code).unwrap());
    let receipt = send(&mut chain, &[]);
    assert!(receipt.success);
    assert_eq!(receipt.runs.len(), 2);
    assert_eq!((receipt.output[31], receipt.output[63]), (0, 1));
}

#[test]
fn create1_deploys_and_charges_the_constructor() {
    // Init code that returns one byte 00: MSTORE8-free, memory is zero. PUSH1 1, PUSH0, RETURN.
    let body = "
        (i32.store (i32.const 0) (i32.const 0xf35f0160))
        (i32.store8 (i32.const 1) (i32.const 1)) (i32.store8 (i32.const 2) (i32.const 0x5f)) (i32.store8 (i32.const 3) (i32.const 0xf3))
        (call $create1 (i32.const 0) (i32.const 4) (i32.const 32) (i32.const 64) (i32.const 96))
        (call $write_result (i32.const 64) (i32.const 20)) (i32.const 0)";
    let mut chain = chain(body);
    let receipt = send(&mut chain, &[]);
    assert!(receipt.success);
    let created = Address::from_slice(&receipt.output);
    assert_eq!(created, PROGRAM.create(1));
    assert_eq!(chain.code(created), Bytes::from_static(&[0]));
    // PUSH1 3, PUSH0 2, one word of memory 3, deposit 200.
    assert_eq!(inks(&receipt)[0], 83_193 + 2 * r(4) + (32_000 + 3 + 2 + 3 + 200) * GAS);
}

#[test]
fn create2_address_follows_salt_and_code() {
    let body = "
        (i32.store (i32.const 0) (i32.const 0xf35f0160))
        (i32.store8 (i32.const 127) (i32.const 9))
        (call $create2 (i32.const 0) (i32.const 4) (i32.const 32) (i32.const 96) (i32.const 64) (i32.const 128))
        (call $write_result (i32.const 64) (i32.const 20)) (i32.const 0)";
    let mut chain = chain(body);
    let receipt = send(&mut chain, &[]);
    let expected = PROGRAM.create2(B256::with_last_byte(9), keccak256([0x60, 0x01, 0x5f, 0xf3]));
    assert_eq!(Address::from_slice(&receipt.output), expected);
    assert_eq!(
        inks(&receipt)[0],
        88_233 + 2 * r(4) + (32_000 + 6 + 3 + 2 + 3 + 200) * GAS
    );
}

#[test]
fn create1_of_foreign_ef_code_fails_but_the_program_goes_on() {
    // PUSH1 EF, PUSH0, MSTORE8, PUSH1 1, PUSH0, RETURN
    let body = "
        (i64.store (i32.const 0) (i64.const 0x015f60015f53ef60)) (i64.store (i32.const 0) (i64.const 0x5f0160535fef60))
        (i32.store8 (i32.const 7) (i32.const 0xf3))
        (call $create1 (i32.const 0) (i32.const 8) (i32.const 32) (i32.const 64) (i32.const 96))
        (call $write_result (i32.const 64) (i32.const 20)) (i32.const 0)";
    let mut chain = chain(body);
    let receipt = send(&mut chain, &[]);
    assert!(receipt.success);
    assert_eq!(Address::from_slice(&receipt.output), Address::ZERO);
}

#[test]
fn memory_grow_pays_the_page_model() {
    let mut chain = chain("(memory.grow (i32.const 9)) drop (i32.const 0)");
    let receipt = send(&mut chain, &[]);
    assert!(receipt.success);
    // From 1 to 10 pages: 8 beyond the free 2, and exp(10) − exp(1) = 3 − 1.
    assert_eq!(inks(&receipt), [(8 * 1_000 + 2) * GAS]);
}

#[test]
fn memory_grow_beyond_the_limit_is_out_of_gas() {
    let mut chain = chain("(memory.grow (i32.const 128)) drop (i32.const 0)");
    let receipt = send(&mut chain, &[]);
    assert_eq!(run(&receipt).finished.outcome, Outcome::OutOfInk);
}

#[test]
fn account_queries_answer_and_price_first_touch() {
    let mut body = address_at_zero(OTHER);
    body += "
        (call $account_balance (i32.const 0) (i32.const 256))
        (call $account_codehash (i32.const 0) (i32.const 288))
        (i32.store8 (i32.const 351) (call $account_code_size (i32.const 0)))
        (i32.store8 (i32.const 383) (call $account_code (i32.const 0) (i32.const 1) (i32.const 9) (i32.const 384)))
        (call $write_result (i32.const 256) (i32.const 160)) (i32.const 0)";
    let mut chain = chain(&body);
    chain.set_code(OTHER, [1, 2, 3]);
    chain.deal(OTHER, U256::from(77));
    let receipt = send(&mut chain, &[]);
    assert_eq!(receipt.output[31], 77);
    assert_eq!(&receipt.output[32..64], keccak256([1, 2, 3]).as_slice());
    assert_eq!((receipt.output[95], receipt.output[127]), (3, 2));
    assert_eq!(&receipt.output[128..130], [2, 3]);
    assert_eq!(
        inks(&receipt)[..4],
        [
            78_153 + 2_600 * GAS,
            78_153 + 100 * GAS,
            68_073 + (700 + 100) * GAS,
            68_073 + w(3)
        ],
        "the code is remembered from the size query"
    );
}

#[test]
fn context_values_are_the_frames() {
    let body = "
        (call $contract_address (i32.const 12)) (call $msg_sender (i32.const 44)) (call $tx_origin (i32.const 76))
        (call $msg_value (i32.const 96)) (call $block_basefee (i32.const 128)) (call $block_coinbase (i32.const 172))
        (call $tx_gas_price (i32.const 192))
        (i64.store (i32.const 224) (call $chainid )) (i64.store (i32.const 232) (call $block_timestamp ))
        (i64.store (i32.const 240) (call $block_number )) (i64.store (i32.const 248) (call $block_gas_limit ))
        (i32.store (i32.const 256) (call $tx_ink_price )) (i64.store (i32.const 264) (call $evm_gas_left ))
        (i64.store (i32.const 272) (call $evm_ink_left ))
        (call $write_result (i32.const 0) (i32.const 280)) (i32.const 0)";
    let mut chain = chain(body);
    chain.warp(25);
    let receipt = chain
        .send(Tx::call(DEV_ACCOUNT, PROGRAM, Bytes::new()).value(U256::from(5)))
        .unwrap();
    let out = &receipt.output;
    let word = |index: usize| U256::from_be_slice(&out[32 * index..32 * index + 32]);
    let small = |at: usize| u64::from_le_bytes(out[at..at + 8].try_into().unwrap());
    assert_eq!(&out[12..32], PROGRAM.as_slice());
    assert_eq!(
        (&out[44..64], &out[76..96]),
        (DEV_ACCOUNT.as_slice(), DEV_ACCOUNT.as_slice())
    );
    assert_eq!(
        (word(3), word(4), word(6)),
        (
            U256::from(5),
            U256::from(chain.base_fee()),
            U256::from(chain.base_fee())
        )
    );
    assert_eq!(
        (small(224), small(232), small(240), small(248)),
        (412_346, chain.timestamp(), 3, 1 << 50)
    );
    assert_eq!(u32::from_le_bytes(out[256..260].try_into().unwrap()), 10_000);
    // Between the two readings: one block header, a few operators and the ink of the second call.
    assert!(small(272) / GAS <= small(264) && small(272) / GAS + 5 > small(264));
    let inks = inks(&receipt);
    assert_eq!(inks[..7], [13_440; 7]);
    assert_eq!(inks[7..14], [8_400; 7]);
}

#[test]
fn math_functions_follow_the_evm() {
    let body = "
        (call $read_args (i32.const 0))
        (call $math_div (i32.const 0) (i32.const 160))
        (call $math_mod (i32.const 32) (i32.const 160))
        (call $math_pow (i32.const 64) (i32.const 160))
        (call $math_add_mod (i32.const 96) (i32.const 160) (i32.const 192))
        (call $math_mul_mod (i32.const 128) (i32.const 160) (i32.const 192))
        (call $write_result (i32.const 0) (i32.const 160)) (i32.const 0)";
    let mut chain = chain(body);
    let words = |numbers: [U256; 7]| numbers.map(|number| number.to_be_bytes::<32>()).concat();
    let n = U256::from(1000);
    let receipt = send(
        &mut chain,
        &words([n, n, n, U256::MAX, U256::MAX, U256::from(7), U256::from(97)]),
    );
    let out = |index: usize| U256::from_be_slice(&receipt.output[32 * index..32 * index + 32]);
    assert_eq!((out(0), out(1)), (U256::from(142), U256::from(6)));
    assert_eq!(out(2), n.pow(U256::from(7)));
    assert_eq!(out(3), U256::MAX.add_mod(U256::from(7), U256::from(97)));
    assert_eq!(out(4), U256::MAX.mul_mod(U256::from(7), U256::from(97)));
    assert_eq!(
        inks(&receipt)[1..6],
        [43_520, 43_520, 23_520 + 3_000 + 17_500 * 2, 49_560, 52_660]
    );
    let zeros = send(&mut chain, &words([n, n, n, n, n, U256::ZERO, U256::ZERO]));
    assert_eq!(zeros.output[..64], [0; 64], "division and remainder by zero give zero");
    assert_eq!(zeros.output[95], 1, "anything to the power of zero");
    assert_eq!(zeros.output[96..], [0; 64], "modulus zero gives zero");
    assert_eq!(inks(&zeros)[3], 44_020);
}

#[test]
fn native_keccak256_matches_and_prices_by_word() {
    let mut chain = chain(
        "(call $read_args (i32.const 64)) (call $native_keccak256 (i32.const 64) (local.get $len) (i32.const 0)) (call $write_result (i32.const 0) (i32.const 32)) (i32.const 0)",
    );
    for (len, ink) in [(64, 121_800), (65, 142_800)] {
        let receipt = send(&mut chain, &vec![3; len]);
        assert_eq!(
            receipt.output,
            Bytes::copy_from_slice(keccak256(vec![3; len]).as_slice())
        );
        assert_eq!(inks(&receipt)[1], ink);
    }
}

#[test]
fn host_call_with_pointer_outside_memory_traps() {
    let mut chain = chain("(call $msg_sender (i32.const 65530)) (i32.const 0)");
    let receipt = send(&mut chain, &[]);
    assert_eq!(run(&receipt).finished.outcome, Outcome::Trap);
    assert_eq!(inks(&receipt), [13_440]);
}

#[test]
fn return_data_floor_is_charged_against_the_gas_before_entry() {
    // 60,000 bytes cost the program little ink per word, but at least what EVM memory would: 12,491 gas.
    let mut chain = chain("(call $write_result (i32.const 0) (i32.const 60000)) (i32.const 0)");
    let receipt = send(&mut chain, &[]);
    let entry_and_run =
        run(&receipt).entry_gas + (run(&receipt).ink_start - run(&receipt).finished.ink_left).div_ceil(GAS);
    let words: u64 = 60_000 / 32;
    assert!(entry_and_run < 3 * words + words * words / 512);
    assert_eq!(receipt.gas_used, 21_000 + 3 * words + words * words / 512);
}

#[test]
fn send_block_second_call_enters_at_the_cached_price() {
    let mut chain = chain("(i32.const 0)");
    let tx = Tx::call(DEV_ACCOUNT, PROGRAM, Bytes::new());
    let receipts = chain.send_block(vec![tx.clone(), tx.clone()]).unwrap();
    let entry: Vec<u64> = receipts.iter().map(|receipt| run(receipt).entry_gas).collect();
    assert_eq!(entry, [8_832 + 20 + 352 + 11, 352 + 11]);
    let next = chain.send(tx).unwrap();
    assert_eq!(run(&next).entry_gas, entry[0], "the next block starts afresh");
}

#[test]
fn cache_program_makes_entry_cheap_in_every_block() {
    let mut chain = chain("(i32.const 0)");
    assert!(chain.cache_program(DEV_ACCOUNT, PROGRAM).unwrap().success);
    let receipt = send(&mut chain, &[]);
    assert_eq!(run(&receipt).entry_gas, 352 + 11);
}

#[test]
fn call_of_unactivated_program_burns_all_gas() {
    let mut chain = Chain::default();
    chain.set_code(PROGRAM, compress(&module("(i32.const 0)")));
    let receipt = chain
        .send(Tx::call(DEV_ACCOUNT, PROGRAM, Bytes::new()).gas(100_000))
        .unwrap();
    assert!(receipt.halt.is_some() && receipt.output.is_empty());
    assert_eq!(receipt.gas_used, 100_000);
}

#[test]
fn call_of_expired_program_burns_all_gas() {
    let mut chain = chain("(i32.const 0)");
    chain.warp(366 * 86_400);
    let receipt = chain
        .send(Tx::call(DEV_ACCOUNT, PROGRAM, Bytes::new()).gas(100_000))
        .unwrap();
    assert_eq!(receipt.gas_used, 100_000);
    // Activation makes it callable again.
    assert!(chain.activate(DEV_ACCOUNT, PROGRAM).unwrap().success);
    assert!(send(&mut chain, &[]).success);
}

#[test]
fn activate_charges_the_documented_total() {
    let mut chain = Chain::default();
    let wasm = module("(i32.const 0)");
    let work = devnode::wasm::activate(&wasm, 128).unwrap().work_gas;
    let (created, activated) = chain.deploy_program(DEV_ACCOUNT, &compress(&wasm)).unwrap();
    let (address, activated) = (created.created.unwrap(), activated.unwrap());
    assert!(activated.success);
    let data: Vec<u8> = [&[0; 12][..], address.as_slice()].concat();
    let nonzero = data.iter().filter(|byte| **byte != 0).count() as u64 + 4;
    let intrinsic = 21_000 + 16 * nonzero + 4 * (36 - nonzero);
    assert_eq!(activated.gas_used, intrinsic + 1_748_626 + work);
    let again = chain.activate(DEV_ACCOUNT, address).unwrap();
    assert!(!again.success && again.output.len() == 4, "ProgramUpToDate");
}

#[test]
fn activate_refused_module_burns_all_gas_and_says_why() {
    let mut chain = Chain::default();
    chain.set_code(
        PROGRAM,
        compress(&wat::parse_str("(module (memory (export \"memory\") 1 1))").unwrap()),
    );
    let receipt = chain.activate(DEV_ACCOUNT, PROGRAM).unwrap();
    assert!(!receipt.success && receipt.output.is_empty());
    assert!(receipt.refusal.is_some());
    assert_eq!(receipt.gas_used, 32_000_000);
}

#[test]
fn create_of_foreign_ef_code_is_refused_and_stylus_code_is_not() {
    let mut chain = Chain::default();
    let init = |code: &[u8]| devnode::stylus::code::init_code(code);
    let foreign = chain
        .send(Tx::create(DEV_ACCOUNT, init(&[0xEF, 0x00, 0x00, 0x00, 0x00])))
        .unwrap();
    assert!(foreign.created.is_none() && foreign.halt.is_some());
    let program = chain
        .send(Tx::create(DEV_ACCOUNT, init(&compress(&module("(i32.const 0)")))))
        .unwrap();
    assert!(program.success);
}
