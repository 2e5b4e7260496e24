//! Where programs are refused, fail or pay more: each limit from both sides.

use super::*;
use devnode::{
    arbos::state::{ARBOS, Space},
    exec::{Exec, Ran, exec},
};

const THIRD: Address = address!("0000000000000000000000000000000000001003");
/// Ink of a host call with three pointers and no data.
const CALL: u64 = 83_193 + 2 * 16_381;

/// Runs a body by itself with exactly `gas`.
fn alone(body: &str, gas: u64) -> Ran {
    match exec(&module(body), &[], gas).unwrap() {
        Exec::Ran(ran) => ran,
        Exec::Refused(refused) => panic!("{refused}"),
    }
}

fn alone_inks(ran: &Ran) -> Vec<u64> {
    ran.host_calls.iter().map(|call| call.ink).collect()
}

/// Runs `inner` at [`OTHER`], called by [`PROGRAM`] with `kind`; the outer program returns the status.
fn nested(kind: &str, inner: &str) -> (Chain, Receipt) {
    let mut chain = chain(&caller(kind));
    install(&mut chain, OTHER, inner);
    chain.deal(OTHER, U256::from(100));
    let receipt = send(&mut chain, &[]);
    assert!(receipt.success);
    (chain, receipt)
}

/// Outcome of the inner program and the ink of its host calls.
fn inner(receipt: &Receipt) -> (Outcome, Vec<u64>) {
    let finished = &receipt.runs[0].finished;
    (
        finished.outcome,
        finished.host_calls.iter().map(|call| call.ink).collect(),
    )
}

/// EVM code that calls `to` with all gas and returns the 32 bytes that it returned.
fn evm_forward(opcode: u8, to: Address) -> Vec<u8> {
    let value = if opcode == 0xF1 { "5f" } else { "" };
    hex::decode(format!(
        "60205f5f5f{value}73{}5a{opcode:02x}5060205ff3",
        hex::encode(to)
    ))
    .unwrap()
}

// Entering a program.

#[test]
fn entry_needs_all_its_gas() {
    let entry = 8_832 + 20 + 352 + 11;
    for (gas, entered) in [(entry - 1, false), (entry, true)] {
        let mut chain = chain("(i32.const 0)");
        let tx = Tx::call(DEV_ACCOUNT, PROGRAM, Bytes::new()).gas(21_000 + gas);
        let receipt = chain.send(tx).unwrap();
        assert!(receipt.halt.is_some() && receipt.output.is_empty());
        assert_eq!(
            (receipt.gas_used, receipt.runs.len()),
            (21_000 + gas, usize::from(entered))
        );
    }
}

#[test]
fn entry_of_a_program_of_another_version_burns_all_gas_until_it_is_activated_again() {
    let mut chain = chain("(i32.const 0)");
    assert!(chain.cache_program(DEV_ACCOUNT, PROGRAM).unwrap().success);
    let slot = Space::root().sub(8).sub(1).slot(keccak256(chain.code(PROGRAM)));
    let mut record = B256::from(chain.storage(ARBOS, slot));
    record[1] = 2;
    chain.set_storage(ARBOS, slot, record.into());
    let receipt = chain
        .send(Tx::call(DEV_ACCOUNT, PROGRAM, Bytes::new()).gas(100_000))
        .unwrap();
    assert!(receipt.halt.is_some() && receipt.output.is_empty() && receipt.runs.is_empty());
    assert_eq!(receipt.gas_used, 100_000);
    let again = chain.activate(DEV_ACCOUNT, PROGRAM).unwrap();
    let data: Vec<u8> = [&[0; 12][..], PROGRAM.as_slice()].concat();
    let nonzero = data.iter().filter(|byte| **byte != 0).count() as u64 + 4;
    let work = devnode::wasm::activate(&module("(i32.const 0)"), 128).unwrap().work_gas;
    // It was cached: its old module hash is read as well, and it stays cached.
    assert_eq!(
        again.gas_used,
        21_000 + 16 * nonzero + 4 * (36 - nonzero) + 1_748_626 + work + 800
    );
    assert_eq!(run(&send(&mut chain, &[])).entry_gas, 352 + 11);
}

#[test]
fn entry_beyond_the_page_limit_costs_all_gas_that_was_forwarded() {
    for (pages, status) in [(127, 0), (128, 2)] {
        let mut chain = Chain::builder().tx_gas_cap(1 << 49).build();
        chain.deal(DEV_ACCOUNT, U256::MAX >> 1);
        let body = caller("call_contract").replace("(i64.const -1)", "(i64.const 50000000)");
        install(&mut chain, PROGRAM, &body);
        let text = format!(
            "(module (memory (export \"memory\") {pages} {pages})
               (func (export \"user_entrypoint\") (param i32) (result i32) (i32.const 0)))"
        );
        chain.set_code(OTHER, compress(&wat::parse_str(text).unwrap()));
        assert!(chain.activate(DEV_ACCOUNT, OTHER).unwrap().success);
        chain.set_trace(true);
        let receipt = send(&mut chain, &[]);
        assert_eq!(receipt.output[31], status);
        if status == 2 {
            assert_eq!(inks(&receipt)[0], CALL + (2_600 + 50_000_000) * GAS);
        }
    }
}

#[test]
fn entry_pays_pages_beside_those_open_and_the_high_mark_only_once() {
    let call = "(call $call_contract (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 32) (i64.const -1) (i32.const 128)) drop ";
    let mut chain = chain(&(address_at_zero(OTHER) + call + call + "(i32.const 0)"));
    let text = "(module (memory (export \"memory\") 10 10)
        (func (export \"user_entrypoint\") (param i32) (result i32) (i32.const 0)))";
    let wasm = wat::parse_str(text).unwrap();
    let costs = devnode::wasm::activate(&wasm, 128).unwrap();
    chain.set_code(OTHER, compress(&wasm));
    assert!(chain.activate(DEV_ACCOUNT, OTHER).unwrap().success);
    let receipt = send(&mut chain, &[]);
    let cached = 352 + u64::from(costs.cached_cost);
    let uncached = cached + 8_832 + u64::from(costs.init_cost);
    // From 1 to 11 pages: 9 beyond the free two, and exp(11) − exp(1) = 4 − 1.
    let entries: Vec<_> = receipt.runs.iter().map(|run| run.entry_gas).take(2).collect();
    assert_eq!(entries, [9_000 + 3 + uncached, 9_000 + cached]);
}

// Leaving a program.

#[test]
fn return_data_floor_holds_for_reverts_and_ends_in_out_of_gas() {
    let (words, body) = (60_000 / 32_u64, "(call $write_result (i32.const 0) (i32.const 60000)) ");
    let floor = 3 * words + words * words / 512;
    let mut reverting = chain(&[body, "(i32.const 1)"].concat());
    let receipt = send(&mut reverting, &[]);
    assert!(!receipt.success && receipt.halt.is_none());
    assert_eq!((receipt.gas_used, receipt.output.len()), (21_000 + floor, 60_000));
    for status in ["(i32.const 0)", "(i32.const 1)"] {
        let mut chain = chain(&[body, status].concat());
        for (gas, enough) in [(floor - 1, false), (floor, true)] {
            let tx = Tx::call(DEV_ACCOUNT, PROGRAM, Bytes::new()).gas(21_000 + gas);
            let receipt = chain.send(tx).unwrap();
            assert_eq!(
                (receipt.halt.is_none(), receipt.output.len() == 60_000),
                (enough, enough)
            );
            assert_eq!(receipt.gas_used, 21_000 + gas);
        }
    }
}

#[test]
fn exit_early_with_another_status_reverts_with_the_result() {
    let mut chain =
        chain("(call $write_result (i32.const 0) (i32.const 32)) (call $exit_early (i32.const 7)) unreachable");
    let receipt = send(&mut chain, &[]);
    assert_eq!(run(&receipt).finished.outcome, Outcome::Revert);
    assert!(!receipt.success && receipt.halt.is_none());
    assert_eq!((receipt.output.len(), inks(&receipt)[1]), (32, 0));
}

#[test]
fn every_trap_reverts_without_data_and_keeps_gas() {
    for body in [
        "unreachable",
        "(i32.div_u (i32.const 1) (i32.const 0))",
        "(i32.div_s (i32.const 0x80000000) (i32.const -1))",
        "(i32.load (i32.const 65533))",
        "(memory.fill (i32.const 65000) (i32.const 0) (i32.const 1000)) (i32.const 0)",
        "(call $native_keccak256 (i32.const 65530) (i32.const 32) (i32.const 0)) (i32.const 0)",
        "(call $write_result (i32.const 65530) (i32.const 32)) (i32.const 0)",
        "(call $write_result (i32.const -1) (i32.const 1)) (i32.const 0)",
    ] {
        let mut chain = chain(&["(call $write_result (i32.const 0) (i32.const 32)) ", body].concat());
        let receipt = send(&mut chain, &[]);
        assert_eq!(run(&receipt).finished.outcome, Outcome::Trap, "{body}");
        assert!(
            !receipt.success && receipt.halt.is_none() && receipt.output.is_empty(),
            "{body}"
        );
        assert!(receipt.gas_used < 100_000, "{body}");
    }
}

#[test]
fn branch_to_the_function_label_leaks_its_frame() {
    let text = |leave: &str, times: u32| {
        format!(
            "(module (memory (export \"memory\") 1 1)
               (func $f (param i32) (result i32) (local i32 i32) local.get 0 {leave})
               (func (export \"user_entrypoint\") (param i32) (result i32) (local $n i32)
                 (loop (drop (call $f (i32.const 0)))
                   (local.set $n (i32.add (local.get $n) (i32.const 1)))
                   (br_if 0 (i32.lt_u (local.get $n) (i32.const {times}))))
                 i32.const 0))"
        )
    };
    let run = |leave, times| match exec(&wat::parse_str(text(leave, times)).unwrap(), &[], 100_000_000).unwrap() {
        Exec::Ran(ran) => (ran.outcome, ran.stack_left),
        Exec::Refused(refused) => panic!("{refused}"),
    };
    for times in [1, 2, 100] {
        assert_eq!(run("return", times), (Outcome::Success, 22_000));
        assert_eq!(run("br 0", times), (Outcome::Success, 22_000 - 9 * times));
    }
    assert_eq!(run("br 0", 3_000), (Outcome::OutOfStack, 0));
}

#[test]
fn out_of_stack_in_a_called_program_costs_all_that_was_forwarded() {
    let mut chain = chain(&caller("call_contract").replace("(i64.const -1)", "(i64.const 5000000)"));
    let text = "(module (memory (export \"memory\") 1 1)
        (func $f (param i32) (result i32) (call $f (local.get 0)))
        (func (export \"user_entrypoint\") (param i32) (result i32) (call $f (i32.const 0))))";
    chain.set_code(OTHER, compress(&wat::parse_str(text).unwrap()));
    assert!(chain.activate(DEV_ACCOUNT, OTHER).unwrap().success);
    let receipt = send(&mut chain, &[]);
    assert_eq!(inner(&receipt).0, Outcome::OutOfStack);
    assert_eq!((receipt.output[31], receipt.output[63]), (2, 0));
    assert_eq!(inks(&receipt)[0], CALL + (2_600 + 5_000_000) * GAS);
}

// Memory.

#[test]
fn pay_for_memory_grow_prices_nothing_little_and_too_much() {
    let pay = |pages: u32| {
        alone(
            &format!("(call $pay_for_memory_grow (i32.const {pages})) (i32.const 0)"),
            40_000_000,
        )
    };
    for (pages, ink) in [(0, 8_400), (1, 0), (2, 1_000 * GAS), (9, 8_002 * GAS)] {
        let ran = pay(pages);
        assert_eq!(
            (ran.outcome, alone_inks(&ran)),
            (Outcome::Success, vec![ink]),
            "{pages}"
        );
    }
    for pages in [128, 65_535, 65_536, 65_536 + 1, u32::MAX] {
        let ran = pay(pages);
        assert_eq!(
            (ran.outcome, ran.ink_used),
            (Outcome::OutOfInk, 40_000_000 * GAS),
            "{pages}"
        );
    }
}

#[test]
fn memory_grows_to_the_page_limit_and_is_all_usable() {
    // Doubtful of the engine's own limits: the last byte of the last page.
    let body = "(drop (memory.grow (i32.const 127)))
        (i32.store8 (i32.const 8388607) (i32.const 5)) (i32.sub (memory.size) (i32.const 128))";
    assert_eq!(alone(body, 40_000_000).outcome, Outcome::Success);
}

// Storage.

#[test]
fn storage_look_ups_cost_more_from_the_33rd_and_the_129th() {
    // The same slot again and again, or another each time.
    for (step, rest) in [(0, 0), (1, 2_105)] {
        let body = format!(
            "(local $n i32) (loop
               (i32.store8 (i32.const 31) (i32.mul (local.get $n) (i32.const {step})))
               (call $storage_load_bytes32 (i32.const 0) (i32.const 32))
               (br_if 0 (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 130))))
             (i32.const 0)"
        );
        let inks = alone_inks(&alone(&body, 10_000_000));
        assert_eq!(inks[0], 18_480 + 2_105 * GAS);
        for (number, tier) in [(2, 0), (32, 0), (33, 2), (128, 2), (129, 10), (130, 10)] {
            assert_eq!(inks[number - 1], 18_480 + (rest + tier) * GAS, "load {number}");
        }
    }
}

#[test]
fn storage_writes_to_the_cache_cost_more_from_the_9th_and_the_65th() {
    let body = "(local $n i32) (loop
          (call $storage_cache_bytes32 (i32.const 0) (i32.const 32))
          (br_if 0 (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 66))))
        (i32.const 0)";
    let inks = alone_inks(&alone(body, 10_000_000));
    for (number, tier) in [(1, 0), (8, 0), (9, 7), (64, 7), (65, 10), (66, 10)] {
        assert_eq!(inks[number - 1], 18_480 + tier * GAS, "store {number}");
    }
}

#[test]
fn storage_flush_in_a_static_frame_fails_only_with_something_to_write() {
    let dirty = "(i32.store8 (i32.const 63) (i32.const 5)) (call $storage_cache_bytes32 (i32.const 0) (i32.const 32))
        (call $storage_flush_cache (i32.const 0)) (i32.const 0)";
    let (chain, receipt) = nested("static_call_contract", dirty);
    assert_eq!((receipt.output[31], receipt.output[63]), (2, 0));
    assert_eq!(inner(&receipt), (Outcome::Trap, vec![18_480, 68_073]));
    assert!(inks(&receipt)[0] < 100_000 * GAS, "the gas it had left came back");
    assert_eq!(chain.storage(OTHER, U256::ZERO), U256::ZERO);
    let clean = "(call $storage_load_bytes32 (i32.const 0) (i32.const 32))
        (call $storage_cache_bytes32 (i32.const 0) (i32.const 32)) (call $storage_flush_cache (i32.const 0)) (i32.const 0)";
    let (_, receipt) = nested("static_call_contract", clean);
    assert_eq!((receipt.output[31], inner(&receipt).0), (0, Outcome::Success));
}

#[test]
fn storage_flush_budget_is_one_gas_more_than_what_is_left() {
    // Ink before the flush is not needed exactly: the flush takes all of it, or leaves what it must.
    let body = "(i32.store8 (i32.const 63) (i32.const 5)) (call $storage_cache_bytes32 (i32.const 0) (i32.const 32))
        (call $storage_flush_cache (i32.const 0)) (i32.const 0)";
    let enough = 22_100 + (68_073 + 18_480 + 20_000) / GAS + 1;
    assert_eq!(alone(body, enough).outcome, Outcome::Success);
    for gas in [enough - 2, enough / 2] {
        let ran = alone(body, gas);
        assert_eq!((ran.outcome, ran.ink_used), (Outcome::OutOfInk, gas * GAS));
    }
}

#[test]
fn storage_clearing_flush_keeps_the_counters() {
    // 8 writes, a clearing flush, and the ninth write is still the ninth.
    let body = "(local $n i32) (loop
          (call $storage_cache_bytes32 (i32.const 0) (i32.const 32))
          (br_if 0 (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 8))))
        (call $storage_flush_cache (i32.const 1)) (call $storage_cache_bytes32 (i32.const 0) (i32.const 32)) (i32.const 0)";
    let inks = alone_inks(&alone(body, 10_000_000));
    // The blind write of a zero over a zero is flushed: a cold slot, its value the same.
    assert_eq!(inks[8..], [68_073 + 2_200 * GAS, 18_480 + 7 * GAS]);
}

#[test]
fn transient_store_and_log_fail_in_a_static_frame() {
    for (body, ink) in [
        (
            "(call $transient_store_bytes32 (i32.const 0) (i32.const 32)) (i32.const 0)",
            78_153 + 100 * GAS,
        ),
        (
            "(call $emit_log (i32.const 0) (i32.const 32) (i32.const 1)) (i32.const 0)",
            68_073 + r(32) + 750 * GAS,
        ),
    ] {
        let (_, receipt) = nested("static_call_contract", body);
        assert_eq!((receipt.output[31], inner(&receipt)), (2, (Outcome::Trap, vec![ink])));
        assert_eq!(nested("call_contract", body).1.output[31], 0);
    }
    let load = "(call $transient_load_bytes32 (i32.const 0) (i32.const 32)) (i32.const 0)";
    assert_eq!(nested("static_call_contract", load).1.output[31], 0);
}

// Logs.

#[test]
fn emit_log_takes_up_to_four_topics_within_its_data() {
    let log = |len: u32, topics: u32| {
        let body = format!("(call $emit_log (i32.const 0) (i32.const {len}) (i32.const {topics})) (i32.const 0)");
        let ran = alone(&body, 10_000_000);
        (ran.outcome, alone_inks(&ran)[0])
    };
    for (len, topics) in [(0, 0), (1, 0), (32, 1), (128, 4), (129, 4), (1_000, 0)] {
        let gas = 375 * (1 + topics) + 8 * (len - 32 * topics);
        let ink = 68_073 + r(len.into()) + u64::from(gas) * GAS;
        assert_eq!(log(len, topics), (Outcome::Success, ink), "{len} {topics}");
    }
    for (len, topics) in [(31, 1), (127, 4), (0, 1), (160, 5), (u32::MAX, u32::MAX)] {
        assert_eq!(log(len, topics), (Outcome::Trap, 68_073), "{len} {topics}");
    }
}

// Calls.

/// The ink of a call of [`OTHER`] with value 3 and `gas` by a program that owns `balance`, and its status.
fn value_call(code: &[u8], gas: i64, balance: u64) -> (u64, u8) {
    let body = address_at_zero(OTHER)
        + &format!(
            "(i32.store8 (i32.const 63) (i32.const 3))
             (i32.store8 (i32.const 256) (call $call_contract
               (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 32) (i64.const {gas}) (i32.const 128)))
             (call $write_result (i32.const 256) (i32.const 1)) (i32.const 0)"
        );
    let mut chain = chain(&body);
    // Setting code, even none, brings an account into being.
    if !code.is_empty() {
        chain.set_code(OTHER, code.to_vec());
    }
    chain.deal(PROGRAM, U256::from(balance));
    let receipt = send(&mut chain, &[]);
    assert!(receipt.success);
    (inks(&receipt)[0], receipt.output[0])
}

#[test]
fn value_call_gives_a_stipend_and_pays_what_was_spent_of_it() {
    // GAS, PUSH1 2298, SUB, PUSH1 8, JUMPI, STOP, INVALID: succeeds only if it started with 2,300 gas.
    let exact = hex::decode("5a6108fa03600a57005bfe").unwrap();
    let spent = 2 + 3 + 3 + 3 + 10;
    assert_eq!(value_call(&exact, 0, 10), (CALL + (2_600 + 9_000 + spent) * GAS, 0));
    // Without code nothing is spent; an account that is not there is brought into being.
    assert_eq!(value_call(&[], 0, 10), (CALL + (2_600 + 9_000 + 25_000) * GAS, 0));
    // A halt costs the stipend too.
    assert_eq!(
        value_call(&[0xFE], 100, 10),
        (CALL + (2_600 + 9_000 + 100 + 2_300) * GAS, 2)
    );
}

#[test]
fn value_call_without_the_balance_fails_and_returns_the_gas() {
    assert_eq!(value_call(&[0x00], -1, 2), (CALL + (2_600 + 9_000) * GAS, 2));
    assert_eq!(value_call(&[], -1, 2), (CALL + (2_600 + 9_000 + 25_000) * GAS, 2));
}

#[test]
fn value_call_in_a_static_frame_fails_for_its_base_price() {
    let body = address_at_zero(THIRD)
        + "(i32.store8 (i32.const 63) (i32.const 3))
           (i32.store8 (i32.const 256) (call $call_contract
             (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 32) (i64.const -1) (i32.const 128)))
           (call $write_result (i32.const 256) (i32.const 1))
           (i32.sub (i32.load8_u (i32.const 256)) (i32.const 2))";
    let (chain, receipt) = nested("static_call_contract", &body);
    assert_eq!(receipt.output[31], 0, "the inner program saw status 2 and went on");
    assert_eq!(inner(&receipt).1[0], CALL);
    assert_eq!(chain.balance(THIRD), U256::ZERO);
}

#[test]
fn call_that_cannot_be_paid_takes_all_gas_that_is_left() {
    let body = address_at_zero(OTHER)
        + "(drop (call $static_call_contract (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 64))) (i32.const 0)";
    // Twenty stores, five constants, the call; then whole gas is taken, of which 1,986 is left.
    let block = 2_450 + 20 * (825 + 2) + 5 + 3_800;
    assert_eq!((2_000 * GAS - block - CALL) / GAS, 1_986);
    let ran = alone(&body, 2_000);
    assert_eq!(
        (ran.outcome, alone_inks(&ran)),
        (Outcome::OutOfInk, vec![CALL + 1_986 * GAS])
    );
}

#[test]
fn calls_nest_to_depth_1024() {
    // EVM code that calls itself with a number less one until it is zero, then calls the program.
    // CALLDATALOAD(0), DUP1, JUMPI to the recursion; else return what the program returns.
    let leaf = format!("60405f5f5f5f73{}5af15060405ff3", hex::encode(PROGRAM));
    let deeper = "5b6001900360005260405f60205f5f305af15060405ff3";
    let code = format!("5f3580{}57{leaf}{deeper}", format_args!("60{:02x}", 6 + leaf.len() / 2));
    for (number, status) in [(1_022, 0), (1_023, 2)] {
        let mut chain = Chain::builder().tx_gas_cap(1 << 49).build();
        chain.deal(DEV_ACCOUNT, U256::MAX >> 1);
        install(&mut chain, PROGRAM, &caller("call_contract"));
        chain.set_trace(true);
        let recursive = address!("0000000000000000000000000000000000001004");
        chain.set_code(recursive, hex::decode(&code).unwrap());
        let number = U256::from(number).to_be_bytes::<32>();
        let receipt = chain
            .send(Tx::call(DEV_ACCOUNT, recursive, Bytes::copy_from_slice(&number)))
            .unwrap();
        assert_eq!(receipt.runs.len(), 1);
        assert_eq!((receipt.output.len(), receipt.output[31]), (64, status));
        assert_eq!(
            inks(&receipt)[0],
            CALL + 2_600 * GAS,
            "the gas of a call too deep comes back"
        );
    }
}

#[test]
fn read_return_data_before_any_call_and_beyond_its_end_is_empty() {
    let body = "(i32.store8 (i32.const 0) (call $return_data_size ))
        (i32.store8 (i32.const 1) (call $read_return_data (i32.const 64) (i32.const 0) (i32.const 9)))
        (call $write_result (i32.const 0) (i32.const 2)) (i32.const 0)";
    let ran = alone(body, 10_000_000);
    assert_eq!(
        (ran.output[..].to_vec(), alone_inks(&ran)[..2].to_vec()),
        (vec![0, 0], vec![8_400, 68_073 + w(0)])
    );
    let body = address_at_zero(OTHER)
        + "(drop (call $static_call_contract (i32.const 0) (i32.const 0) (i32.const 0) (i64.const -1) (i32.const 128)))
           (i32.store8 (i32.const 256) (call $read_return_data (i32.const 300) (i32.const 96) (i32.const 9)))
           (i32.store8 (i32.const 257) (call $read_return_data (i32.const 300) (i32.const 95) (i32.const 9)))
           (i32.store8 (i32.const 258) (call $read_return_data (i32.const 300) (i32.const -1) (i32.const -1)))
           (call $write_result (i32.const 256) (i32.const 3)) (i32.const 0)";
    let mut chain = chain(&body);
    chain.set_code(OTHER, evm_echo());
    assert_eq!(send(&mut chain, &[]).output[..], [0, 1, 0]);
}

// Creations.

/// Runs a creation of `init` with `endowment` by a program that owns 5 wei; its ink, whether there is an address, and
/// the size of the return data.
fn create(init: &[u8], endowment: u8) -> (u64, bool, u8) {
    let bytes = init.iter().enumerate();
    let mut body: String = bytes
        .map(|(index, byte)| format!("(i32.store8 (i32.const {index}) (i32.const {byte}))"))
        .collect();
    body += &format!(
        "(i32.store8 (i32.const 95) (i32.const {endowment})) (i32.store (i32.const 128) (i32.const -1))
         (call $create1 (i32.const 0) (i32.const {}) (i32.const 64) (i32.const 96) (i32.const 128))
         (call $write_result (i32.const 96) (i32.const 36)) (i32.const 0)",
        init.len()
    );
    let mut chain = chain(&body);
    chain.deal(PROGRAM, U256::from(5));
    let receipt = send(&mut chain, &[]);
    assert!(receipt.success);
    assert_eq!(receipt.output[33..], [0; 3], "the size was written");
    let created = receipt.output[..20] != [0; 20];
    (inks(&receipt)[0], created, receipt.output[32])
}

#[test]
fn create_that_fails_gives_no_address_and_the_program_goes_on() {
    let base = |len| 83_193 + 2 * r(len);
    // A revert with four bytes: PUSH4, PUSH1, SHL, PUSH0, MSTORE and a word, PUSH1, PUSH0, REVERT.
    let reverting = hex::decode("63deadbeef60e01b5f5260045ffd").unwrap();
    let constructor = 3 + 3 + 3 + 2 + 3 + 3 + 3 + 2;
    assert_eq!(
        create(&reverting, 5),
        (base(14) + (32_000 + constructor) * GAS, false, 4)
    );
    // Too little balance costs the base alone.
    assert_eq!(create(&[0x00], 6), (base(1) + 32_000 * GAS, false, 0));
    assert_eq!(create(&[0x00], 5), (base(1) + 32_000 * GAS, true, 0));
    // A halt takes all but a 64th.
    let (ink, created, size) = create(&[0xFE], 0);
    assert!(ink > 31_000_000 * GAS && !created && size == 0);
}

#[test]
fn create_in_a_static_frame_or_below_its_base_price_fails_the_program() {
    for (name, arguments, base) in [("create1", 5, 83_193), ("create2", 6, 88_233)] {
        let body = format!("(call ${name} {}) (i32.const 0)", "(i32.const 0) ".repeat(arguments));
        let (_, receipt) = nested("static_call_contract", &body);
        let ink = base + 2 * r(0);
        assert_eq!((receipt.output[31], inner(&receipt)), (2, (Outcome::Trap, vec![ink])));
        let ran = alone(&body, 32_000);
        assert_eq!((ran.outcome, alone_inks(&ran)), (Outcome::Trap, vec![ink]));
        // One block: the arguments, the call.
        assert_eq!(ran.ink_used, ink + 2_450 + arguments as u64 + 3_800);
    }
}

// Re-entrance.

#[test]
fn msg_reentrant_does_not_count_delegate_frames() {
    let flag = "(i32.store8 (i32.const 31) (call $msg_reentrant )) (call $write_result (i32.const 0) (i32.const 32)) (i32.const 0)";
    let flag_of = |receipt: &Receipt| receipt.output[31];
    // A proxy's code runs as the proxy, whose own frame is the only one that counts.
    let mut proxied = chain(flag);
    proxied.set_code(OTHER, evm_forward(0xF4, PROGRAM));
    assert_eq!(
        flag_of(&proxied.send(Tx::call(DEV_ACCOUNT, OTHER, Bytes::new())).unwrap()),
        0
    );
    // THIRD calls the proxy, and the proxy delegates to code that calls THIRD: the proxy is entered once.
    // When the proxy is called again from within, the program sees it.
    let outer = address_at_zero(THIRD)
        + "(if (call $msg_reentrant ) (then
             (i32.store8 (i32.const 63) (i32.const 1)) (call $write_result (i32.const 32) (i32.const 32)) (return (i32.const 0))))
           (drop (call $delegate_call_contract (i32.const 0) (i32.const 0) (i32.const 0) (i64.const -1) (i32.const 128)))
           (drop (call $read_return_data (i32.const 32) (i32.const 0) (i32.const 32)))
           (call $write_result (i32.const 32) (i32.const 32)) (i32.const 0)";
    let mut reentered = chain(&outer);
    // Runs as PROGRAM by delegation and calls PROGRAM.
    reentered.set_code(THIRD, evm_forward(0xF1, PROGRAM));
    let receipt = send(&mut reentered, &[]);
    assert_eq!((receipt.runs.len(), flag_of(&receipt)), (2, 1));
    // A program that delegates to a program: both run as the first, which has one frame that counts.
    let delegating = address_at_zero(THIRD)
        + "(drop (call $delegate_call_contract (i32.const 0) (i32.const 0) (i32.const 0) (i64.const -1) (i32.const 128)))
           (drop (call $read_return_data (i32.const 32) (i32.const 0) (i32.const 32)))
           (call $write_result (i32.const 32) (i32.const 32)) (i32.const 0)";
    let mut delegated = chain(&delegating);
    install(&mut delegated, THIRD, flag);
    let receipt = send(&mut delegated, &[]);
    assert_eq!((receipt.runs.len(), flag_of(&receipt)), (2, 0));
}

// Accounts.

#[test]
fn account_code_remembers_the_last_account_with_code() {
    let put = |address: Address, at: usize| {
        let store = |(index, byte)| format!("(i32.store8 (i32.const {}) (i32.const {byte}))", at + index);
        address.iter().enumerate().map(store).collect::<String>()
    };
    let size = |at: u32| format!("(drop (call $account_code_size (i32.const {at})))");
    let code =
        |at: u32| format!("(drop (call $account_code (i32.const {at}) (i32.const 0) (i32.const 2) (i32.const 256)))");
    let empty = Address::with_last_byte(0xEE);
    let body = put(OTHER, 0)
        + &put(THIRD, 32)
        + &put(empty, 64)
        + &[size(0), code(0), size(32), code(0), size(64), size(64), size(0)].concat()
        + "(i32.const 0)";
    let mut chain = chain(&body);
    chain.set_code(OTHER, [1; 100]);
    chain.set_code(THIRD, [2; 40]);
    let (cold, warm) = (68_073 + 3_300 * GAS, 68_073 + 800 * GAS);
    let receipt = send(&mut chain, &[]);
    // The price of copying is that of the whole code, and an account without code is not remembered but neither does
    // it push out the one that is.
    assert_eq!(
        inks(&receipt),
        [cold, 68_073 + w(100), cold, warm + w(100), cold, warm, 68_073]
    );
}

#[test]
fn account_code_beyond_the_gas_left_runs_out_of_ink() {
    let body = address_at_zero(OTHER) + "(drop (call $account_code_size (i32.const 0))) (i32.const 0)";
    let operators = 20 * (825 + 2) + 2_450 + 3_800 + 2;
    let needed = (operators + 68_073 + 3_300 * GAS).div_ceil(GAS);
    assert_eq!(alone(&body, needed + 1).outcome, Outcome::Success);
    for gas in [needed - 1, 2_610] {
        let ran = alone(&body, gas);
        assert_eq!((ran.outcome, ran.ink_used), (Outcome::OutOfInk, gas * GAS));
    }
}

#[test]
fn account_codehash_tells_missing_from_empty() {
    let mut body = address_at_zero(OTHER);
    body += "(call $account_codehash (i32.const 0) (i32.const 32)) (call $write_result (i32.const 32) (i32.const 32)) (i32.const 0)";
    let mut chain = chain(&body);
    assert_eq!(send(&mut chain, &[]).output[..], [0; 32]);
    chain.deal(OTHER, U256::from(1));
    assert_eq!(send(&mut chain, &[]).output[..], keccak256([])[..]);
}

#[test]
fn host_functions_that_need_gas_stop_just_below_it() {
    // Each with what it needs beyond its base, though it then costs no more than that.
    for (call, base, need) in [
        (
            "(call $storage_load_bytes32 (i32.const 0) (i32.const 32))",
            18_480,
            2_100 + 10 + 5,
        ),
        (
            "(call $storage_cache_bytes32 (i32.const 0) (i32.const 32))",
            18_480,
            2_300 + 10,
        ),
        ("(call $storage_flush_cache (i32.const 0))", 68_073, 2_300),
        ("(call $account_balance (i32.const 0) (i32.const 32))", 78_153, 2_600),
        ("(call $account_codehash (i32.const 0) (i32.const 32))", 78_153, 2_600),
    ] {
        let arguments = call.matches("i32.const").count() as u64;
        // One block, and the one with the result and the end.
        let before = 2_450 + arguments + 3_800 + base;
        let enough = (before + need * GAS).div_ceil(GAS);
        let body = [call, "(i32.const 0)"].concat();
        assert_eq!(alone(&body, enough + 1).outcome, Outcome::Success, "{call}");
        let ran = alone(&body, enough - 1);
        assert_eq!(
            (ran.outcome, ran.ink_used),
            (Outcome::OutOfInk, (enough - 1) * GAS),
            "{call}"
        );
    }
}

#[test]
fn math_pow_is_paid_by_byte_of_the_exponent() {
    for (exponent, bytes) in [(vec![1], 1), (vec![1, 0], 2), (vec![0xFF; 32], 32)] {
        let mut data = [0; 64].to_vec();
        data[31] = 3;
        data[64 - exponent.len()..].copy_from_slice(&exponent);
        let mut chain =
            chain("(call $read_args (i32.const 0)) (call $math_pow (i32.const 0) (i32.const 32)) (i32.const 0)");
        assert_eq!(inks(&send(&mut chain, &data))[1], 23_520 + 3_000 + 17_500 * (1 + bytes));
    }
}

// Activation.

#[test]
fn activate_refuses_each_kind_of_module_and_burns_all() {
    const MEMORY: &str = "(memory (export \"memory\") 1 1)";
    const ENTRY: &str = "(func (export \"user_entrypoint\") (param i32) (result i32) i32.const 0)";
    let import = "(import \"vm_hooks\" \"exit_early\" (func (param i32)))";
    for fields in [
        ENTRY.to_owned(),
        MEMORY.to_owned(),
        format!("{MEMORY} (func (export \"user_entrypoint\") (result i32) i32.const 0)"),
        format!("(memory (export \"memory\") 129 129) {ENTRY}"),
        format!("(memory (export \"memory\") 1 2) {ENTRY}"),
        format!("{MEMORY} {ENTRY} (func $s) (start $s)"),
        format!("(import \"env\" \"f\" (func)) {MEMORY} {ENTRY}"),
        format!("(import \"vm_hooks\" \"exit_early\" (func (param i64))) {MEMORY} {ENTRY}"),
        format!("(import \"vm_hooks\" \"g\" (global i32)) {MEMORY} {ENTRY}"),
        format!("(import \"vm_hooks\" \"stylus_x\" (func)) {MEMORY} {ENTRY}"),
        format!("{import} {MEMORY} {ENTRY} (func (export \"x__exit_early\"))"),
        format!("{MEMORY} {ENTRY} (func (export \"stylus_x\"))"),
        format!("{MEMORY} {ENTRY} (func (result i32 i32) i32.const 0 i32.const 0)"),
        format!("{MEMORY} {ENTRY} (func f32.const 1 f32.const 1 f32.add drop)"),
        format!("{MEMORY} {ENTRY} (func v128.const i64x2 0 0 drop)"),
        format!("{MEMORY} {ENTRY} (table 1 externref)"),
        format!("{MEMORY} {ENTRY} (table 4097 funcref)"),
        format!("{MEMORY} {ENTRY} (table 1 1 funcref) (elem (i32.const 1) func 0)"),
        format!("{MEMORY} {ENTRY} (data (i32.const 65536) \"a\")"),
        format!("{MEMORY} {ENTRY} (data $d \"a\") (func i32.const 0 i32.const 0 i32.const 1 memory.init $d)"),
        format!("{MEMORY} {ENTRY} (global i32 (i32.add (i32.const 1) (i32.const 2)))"),
        format!("{MEMORY} {ENTRY} (func (local {}))", "i32 ".repeat(349)),
        format!("{MEMORY} {ENTRY} {}", "(func)".repeat(4_096)),
        format!("{MEMORY} {ENTRY} {}", "(data (i32.const 0) \"\")".repeat(129)),
        format!("{MEMORY} {ENTRY} (func {})", "nop ".repeat(65_536)),
        // A recorded cost above 16 bits: 88,000 bytes of data.
        format!(
            "(memory (export \"memory\") 2 2) {ENTRY} (data (i32.const 0) \"{}\")",
            "a".repeat(88_000)
        ),
    ] {
        let mut chain = Chain::default();
        let wasm = wat::parse_str(format!("(module {fields})")).unwrap();
        chain.set_code(PROGRAM, compress(&wasm));
        let receipt = chain.activate(DEV_ACCOUNT, PROGRAM).unwrap();
        let fields = &fields[..fields.len().min(200)];
        assert!(receipt.refusal.is_some(), "{fields}");
        assert!(
            !receipt.success && receipt.output.is_empty() && receipt.halt.is_none(),
            "{fields}"
        );
        assert_eq!(receipt.gas_used, 32_000_000, "{fields}");
    }
}

#[test]
fn activate_of_a_bad_stream_or_without_value_reverts_and_keeps_gas() {
    let good = compress(&module("(i32.const 0)"));
    let mut other_dictionary = good.clone();
    other_dictionary[3] = 9;
    for code in [
        other_dictionary,
        good[..good.len() - 1].to_vec(),
        good[..4].to_vec(),
        compress(&vec![0; 262_145]),
    ] {
        let mut chain = Chain::default();
        chain.set_code(PROGRAM, code);
        let receipt = chain.activate(DEV_ACCOUNT, PROGRAM).unwrap();
        assert!(!receipt.success && receipt.output.is_empty() && receipt.refusal.is_some());
        assert!(receipt.gas_used < 1_700_000);
    }
    let mut chain = Chain::default();
    chain.set_code(PROGRAM, good);
    let data = [&hex::decode("58c780c2").unwrap()[..], &[0; 12], PROGRAM.as_slice()].concat();
    let to = address!("0000000000000000000000000000000000000071");
    let receipt = chain.send(Tx::call(DEV_ACCOUNT, to, data)).unwrap();
    // ProgramInsufficientValue(uint256 have, uint256 want)
    assert_eq!((receipt.success, receipt.output.len()), (false, 4 + 64));
    assert!(receipt.gas_used < 2_000_000);
}

#[test]
fn program_at_the_limits_of_activation_runs() {
    // As many globals, functions and table entries as are let through, so that instances are as large as they get.
    let globals = "(global (mut i64) (i64.const 7))".repeat(32_764);
    let functions = "(func)".repeat(3_000);
    let text = format!(
        "(module (memory (export \"memory\") 1 1) (table 4096 funcref) (elem (i32.const 0) {}) {globals}
           (func (export \"user_entrypoint\") (param i32) (result i32)
             (i32.wrap_i64 (i64.sub (global.get 32763) (i64.const 7)))) {functions})",
        "1 ".repeat(2_000)
    );
    let mut chain = Chain::default();
    chain.set_code(PROGRAM, compress(&wat::parse_str(text).unwrap()));
    let receipt = chain.activate(DEV_ACCOUNT, PROGRAM).unwrap();
    assert!(receipt.success, "{:?}", receipt.refusal);
    assert!(send(&mut chain, &[]).success);
}
