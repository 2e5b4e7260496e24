//! Where the EVM of Arbitrum differs from Ethereum's, and where programs meet its rules.

use alloy_primitives::{Address, B256, Bytes, U256, address, hex};
use alloy_sol_types::SolCall;
use devnode::{Chain, DEV_ACCOUNT, Fees, Receipt, Tx, stylus::code::compress};
use interfaces::arbos::{ARB_SYS, ARB_WASM, ArbSys, ArbWasm};

const PROGRAM: Address = address!("0000000000000000000000000000000000001001");
const CONTRACT: Address = address!("0000000000000000000000000000000000001002");
const DELEGATE: Address = address!("0000000000000000000000000000000000001003");
const EOA: Address = address!("0000000000000000000000000000000000001004");
const SEQUENCER: Address = address!("A4B000000000000000000073657175656e636572");

fn send(chain: &mut Chain, to: Address, data: impl Into<Bytes>) -> Receipt {
    chain.send(Tx::call(DEV_ACCOUNT, to, data)).unwrap()
}

fn out(receipt: &Receipt, index: usize) -> U256 {
    U256::from_be_slice(&receipt.output[32 * index..32 * index + 32])
}

fn install(chain: &mut Chain, at: Address, text: &str) {
    chain.set_code(at, compress(&wat::parse_str(text).unwrap()));
    let receipt = chain.activate(DEV_ACCOUNT, at).unwrap();
    assert!(receipt.success, "{:?}", receipt.refusal);
}

fn delegate(chain: &mut Chain, to: Address) {
    chain.set_code(EOA, [&hex!("ef0100")[..], to.as_slice()].concat());
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

/// A program that calls `to` with all gas and returns status and length of the returned data, 4 bytes each.
fn caller(to: Address) -> String {
    format!(
        r#"(module (import "vm_hooks" "call_contract" (func $call (param i32 i32 i32 i32 i64 i32) (result i32)))
        (import "vm_hooks" "write_result" (func $write (param i32 i32)))
        (memory (export "memory") 1 1) (data (i32.const 0) "{}")
        (func (export "user_entrypoint") (param i32) (result i32)
          (i32.store (i32.const 128) (call $call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64)
            (i64.const -1) (i32.const 132)))
          (call $write (i32.const 128) (i32.const 8)) (i32.const 0)))"#,
        escaped(to.as_slice())
    )
}

#[test]
fn opcodes_answer_as_arbitrums() {
    let mut chain = Chain::default();
    // NUMBER, PREVRANDAO, GASLIMIT, COINBASE, BASEFEE, GASPRICE, BLOBHASH(0), a word each
    let code = hex!("435f52446020524560405241606052486080523a60a0525f4960c05260e05ff3");
    chain.set_code(CONTRACT, code.to_vec());
    chain.warp(120);
    let fees = |bid: u128, tip| Fees { max_fee: bid, tip };
    let base_fee = u128::from(chain.base_fee());
    let tx = Tx::call(DEV_ACCOUNT, CONTRACT, Bytes::new());
    let receipt = chain.send(tx.clone().fees(fees(3 * base_fee, base_fee))).unwrap();
    let (price, sequencer) = (U256::from(base_fee), SEQUENCER.into_word().into());
    let expected = [
        U256::from(11),
        U256::ONE,
        U256::ONE << 50,
        sequencer,
        price,
        price,
        U256::ZERO,
    ];
    for (index, value) in expected.into_iter().enumerate() {
        assert_eq!(out(&receipt, index), value, "{index}");
    }
    let free = chain.call(tx).unwrap();
    assert_eq!((out(&free, 4), out(&free, 5)), (U256::ZERO, U256::ZERO));
}

#[test]
fn blobbasefee_halts() {
    let mut chain = Chain::default();
    chain.set_code(CONTRACT, hex!("4a00").to_vec());
    let receipt = chain
        .send(Tx::call(DEV_ACCOUNT, CONTRACT, Bytes::new()).gas(100_000))
        .unwrap();
    assert!(receipt.halt.is_some() && receipt.gas_used == 100_000);
}

#[test]
fn blockhash_knows_the_last_256_l1_blocks() {
    let mut chain = Chain::default();
    chain.set_code(CONTRACT, hex!("5f35405f5260205ff3").to_vec());
    chain.warp(12 * 999);
    for (number, known) in [
        (1_001, false),
        (1_000, false),
        (999, true),
        (744, true),
        (743, false),
        (0, false),
    ] {
        let receipt = send(&mut chain, CONTRACT, B256::from(U256::from(number)).to_vec());
        assert_eq!(out(&receipt, 0) != U256::ZERO, known, "{number}");
    }
}

#[test]
fn p256verify_costs_6900() {
    let mut chain = Chain::default();
    chain.set_code(CONTRACT, hex!("5a5f5f5f5f6101005afa505a90035f5260205ff3").to_vec());
    let receipt = send(&mut chain, CONTRACT, Bytes::new());
    assert_eq!(out(&receipt, 0), U256::from(8 + 3 + 2 + 100 + 6_900 + 2 + 2));
}

#[test]
fn program_sees_the_tip_that_the_evm_does_not() {
    let mut chain = Chain::default();
    install(
        &mut chain,
        PROGRAM,
        r#"(module (import "vm_hooks" "tx_gas_price" (func $price (param i32)))
        (import "vm_hooks" "write_result" (func $write (param i32 i32))) (memory (export "memory") 1 1)
        (func (export "user_entrypoint") (param i32) (result i32)
          (call $price (i32.const 0)) (call $write (i32.const 0) (i32.const 32)) (i32.const 0)))"#,
    );
    let base_fee = u128::from(chain.base_fee());
    let fees = Fees {
        max_fee: 3 * base_fee,
        tip: base_fee,
    };
    let before = chain.balance(DEV_ACCOUNT);
    let receipt = chain
        .send(Tx::call(DEV_ACCOUNT, PROGRAM, Bytes::new()).fees(fees))
        .unwrap();
    assert_eq!(out(&receipt, 0), U256::from(2 * base_fee));
    let paid = before - chain.balance(DEV_ACCOUNT);
    assert_eq!(
        paid,
        U256::from(base_fee) * U256::from(receipt.gas_used),
        "the tip is dropped"
    );
}

#[test]
fn delegated_account_runs_the_program_as_itself() {
    let mut chain = Chain::default();
    install(
        &mut chain,
        PROGRAM,
        r#"(module (import "vm_hooks" "contract_address" (func $me (param i32)))
        (import "vm_hooks" "write_result" (func $write (param i32 i32))) (memory (export "memory") 1 1)
        (func (export "user_entrypoint") (param i32) (result i32)
          (call $me (i32.const 12)) (call $write (i32.const 0) (i32.const 32)) (i32.const 0)))"#,
    );
    delegate(&mut chain, PROGRAM);
    assert_eq!(send(&mut chain, EOA, Bytes::new()).output[12..], EOA[..]);
    // CALL it and return what it gives.
    let code = [&hex!("60205f5f5f5f73")[..], EOA.as_slice(), &hex!("5af15060205ff3")].concat();
    chain.set_code(CONTRACT, code);
    assert_eq!(send(&mut chain, CONTRACT, Bytes::new()).output[12..], EOA[..]);
    install(&mut chain, CONTRACT, &caller(EOA));
    assert_eq!(
        send(&mut chain, CONTRACT, Bytes::new()).output[..],
        hex!("0000000020000000")
    );
}

#[test]
fn account_delegated_to_a_precompile_is_empty() {
    let mut chain = Chain::default();
    let data = ArbSys::arbBlockNumberCall {}.abi_encode();
    install(&mut chain, PROGRAM, &caller(EOA));
    for precompile in [ARB_SYS, Address::with_last_byte(4)] {
        delegate(&mut chain, precompile);
        let receipt = chain
            .send(Tx::call(DEV_ACCOUNT, EOA, data.clone()).gas(100_000))
            .unwrap();
        assert!(
            receipt.success && receipt.output.is_empty(),
            "{precompile} {:?}",
            receipt.halt
        );
        assert_eq!(receipt.gas_used, 21_000 + 4 * 16);
        // From the EVM: returns the gas of the call and its status.
        let code = [
            &hex!("5a5f5f5f5f5f73")[..],
            EOA.as_slice(),
            &hex!("5af16020525a90035f5260405ff3"),
        ]
        .concat();
        chain.set_code(CONTRACT, code);
        let receipt = send(&mut chain, CONTRACT, Bytes::new());
        assert_eq!(out(&receipt, 1), U256::ONE, "{precompile}");
        assert_eq!(out(&receipt, 0), U256::from(10 + 3 + 2 + 2_600 + 100 + 3 + 9 + 2));
        assert_eq!(
            send(&mut chain, PROGRAM, Bytes::new()).output[..],
            [0; 8],
            "{precompile}"
        );
    }
}

#[test]
fn program_calling_a_delegated_account_leaves_the_delegate_cold() {
    let mut chain = Chain::default();
    chain.set_code(DELEGATE, vec![0]);
    delegate(&mut chain, DELEGATE);
    install(&mut chain, PROGRAM, &caller(EOA));
    // Calls the program, then returns the gas of BALANCE(DELEGATE).
    let code = [
        &hex!("5f5f5f5f5f73")[..],
        PROGRAM.as_slice(),
        &hex!("5af1505a73"),
        DELEGATE.as_slice(),
        &hex!("31505a90035f5260205ff3"),
    ];
    chain.set_code(CONTRACT, code.concat());
    let receipt = send(&mut chain, CONTRACT, Bytes::new());
    assert_eq!(out(&receipt, 0), U256::from(3 + 2_600 + 2 + 2));
}

#[test]
fn activate_of_a_contract_destroyed_in_the_same_transaction_reverts_without_data() {
    let program = compress(&wat::parse_str(
        r#"(module (memory (export "memory") 0 0) (func (export "user_entrypoint") (param i32) (result i32) i32.const 0))"#,
    ).unwrap());
    for (helper, destroyed) in [(&hex!("5fff")[..], true), (&hex!("00"), false)] {
        let mut chain = Chain::default();
        chain.set_code(DELEGATE, helper.to_vec());
        // Delegates to the helper, then returns the program as code: PUSH2 len, DUP1, PUSH1 44, PUSH0, CODECOPY, …
        let len = u16::try_from(program.len()).unwrap().to_be_bytes();
        let mut init = [
            &hex!("5f5f5f5f73")[..],
            DELEGATE.as_slice(),
            &hex!("5af45061"),
            &len,
            &hex!("8060"),
        ]
        .concat();
        init.push(u8::try_from(init.len() + 5).unwrap());
        init.extend(hex!("5f395ff3"));
        init.extend(&program);
        // Creates from its calldata, activates the new contract and returns gas left after, status and gas before
        // that call, and the length of what came back.
        let code = [
            &hex!("365f5f37365f5ff063")[..],
            &ArbWasm::activateProgramCall::SELECTOR,
            &hex!("60e01b5f526004525a5f5f60245f5f73"),
            ARB_WASM.as_slice(),
            &hex!("5af15a5f526020526040523d60605260805ff3"),
        ];
        chain.set_code(CONTRACT, code.concat());
        let receipt = send(&mut chain, CONTRACT, init);
        assert!(receipt.success);
        let burned = out(&receipt, 2) - out(&receipt, 0) - U256::from(11 + 3 + 2 + 100 + 2);
        assert_eq!(out(&receipt, 1), U256::ZERO);
        if destroyed {
            assert_eq!(out(&receipt, 3), U256::ZERO);
            assert_eq!(burned, U256::from(800 + 3 + 800 + 1_659_168));
        } else {
            assert_eq!(out(&receipt, 3), U256::from(68), "ProgramInsufficientValue");
        }
    }
}

#[test]
fn activate_counts_pages_that_are_open() {
    // 100 pages, then activates CONTRACT with 5 million gas; returns status and length of the answer.
    let data = ArbWasm::activateProgramCall { program: CONTRACT }.abi_encode();
    let text = format!(
        r#"(module (import "vm_hooks" "call_contract" (func $call (param i32 i32 i32 i32 i64 i32) (result i32)))
        (import "vm_hooks" "pay_for_memory_grow" (func (param i32)))
        (import "vm_hooks" "write_result" (func $write (param i32 i32)))
        (memory (export "memory") 1) (data (i32.const 0) "{}{}")
        (func (export "user_entrypoint") (param i32) (result i32)
          (drop (memory.grow (i32.const 99)))
          (i32.store (i32.const 128) (call $call (i32.const 0) (i32.const 20) (i32.const 36) (i32.const 64)
            (i64.const 5000000) (i32.const 132)))
          (call $write (i32.const 128) (i32.const 8)) (i32.const 0)))"#,
        escaped(ARB_WASM.as_slice()),
        escaped(&data),
    );
    let mut chain = Chain::default();
    install(&mut chain, PROGRAM, &text);
    for (pages, answer) in [(28, 68), (29, 0)] {
        let text = format!(
            r#"(module (memory (export "memory") {pages} {pages})
              (func (export "user_entrypoint") (param i32) (result i32) i32.const 0))"#
        );
        chain.set_code(CONTRACT, compress(&wat::parse_str(text).unwrap()));
        let receipt = send(&mut chain, PROGRAM, Bytes::new());
        assert_eq!(receipt.output[..], [2, 0, 0, 0, answer, 0, 0, 0], "{pages}");
        assert_eq!(receipt.gas_used > 5_000_000, answer == 0, "{pages}");
    }
}

#[test]
fn activate_again_keeps_the_cached_flag_for_800_gas_more() {
    let text = r#"(module (memory (export "memory") 0 0)
      (func (export "user_entrypoint") (param i32) (result i32) i32.const 0))"#;
    let gas = [false, true].map(|cached| {
        let mut chain = Chain::default();
        install(&mut chain, PROGRAM, text);
        if cached {
            assert!(chain.cache_program(DEV_ACCOUNT, PROGRAM).unwrap().success);
        }
        chain.warp(366 * 86_400);
        let again = chain.activate(DEV_ACCOUNT, PROGRAM).unwrap();
        assert!(again.success);
        chain.set_trace(true);
        let receipt = send(&mut chain, PROGRAM, Bytes::new());
        assert_eq!(receipt.runs[0].entry_gas < 8_832, cached);
        again.gas_used
    });
    assert_eq!(gas[1], gas[0] + 800);
}

#[test]
fn program_finds_memory_and_globals_as_new() {
    // Grows to 40 pages, looks for anything but zeros, fills all with ones; returns what it found and a global that
    // it then changes.
    let text = r#"(module (import "vm_hooks" "pay_for_memory_grow" (func (param i32)))
      (import "vm_hooks" "write_result" (func $write (param i32 i32)))
      (memory (export "memory") 1) (global $g (mut i64) (i64.const 0)) (table 8 funcref)
      (func (export "user_entrypoint") (param i32) (result i32) (local $at i32) (local $found i64)
        (drop (memory.grow (i32.const 39)))
        (loop $next
          (local.set $found (i64.or (local.get $found) (i64.load (local.get $at))))
          (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const 2621440))))
        (memory.fill (i32.const 0) (i32.const 255) (i32.const 2621440))
        (i64.store (i32.const 0) (local.get $found)) (i64.store (i32.const 8) (global.get $g))
        (global.set $g (i64.const -1))
        (call $write (i32.const 0) (i32.const 16)) (i32.const 0)))"#;
    let mut chain = Chain::default();
    install(&mut chain, PROGRAM, text);
    for round in 0..12 {
        let receipt = send(&mut chain, PROGRAM, Bytes::new());
        assert_eq!(receipt.output[..], [0; 16], "{round} {:?}", receipt.halt);
    }
}

#[test]
fn refunds_are_at_most_a_fifth() {
    let mut chain = Chain::default();
    // Clears slots 0 to 3.
    chain.set_code(CONTRACT, hex!("5f5f555f6001555f6002555f60035500").to_vec());
    for slot in 0..4 {
        chain.set_storage(CONTRACT, U256::from(slot), U256::ONE);
    }
    let spent = 21_000 + 4 * (2 + 3 + 5_000) - 1;
    assert_eq!(send(&mut chain, CONTRACT, Bytes::new()).gas_used, spent - spent / 5);
}

#[test]
fn calldata_has_no_price_floor() {
    let mut chain = Chain::default();
    let receipt = send(&mut chain, EOA, vec![1; 1_000]);
    assert_eq!(receipt.gas_used, 21_000 + 16_000);
}

#[test]
fn gas_beyond_the_limit_of_a_transaction_is_paid_first_and_returned() {
    let mut chain = Chain::default();
    // The sender's balance and the gas left.
    chain.set_code(CONTRACT, hex!("5a5f52323160205260405ff3").to_vec());
    let before = chain.balance(DEV_ACCOUNT);
    let price = U256::from(chain.base_fee());
    let receipt = chain
        .send(Tx::call(DEV_ACCOUNT, CONTRACT, Bytes::new()).gas(100_000_000))
        .unwrap();
    assert_eq!(out(&receipt, 0), U256::from(32_000_000 - 21_000 - 2));
    assert_eq!(
        chain.balance(DEV_ACCOUNT),
        before - price * U256::from(receipt.gas_used)
    );
    assert_eq!(out(&receipt, 1), before - price * U256::from(100_000_000));
}
