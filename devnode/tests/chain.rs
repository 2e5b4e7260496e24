//! Blocks, calls and failures of the chain itself.

use alloy_primitives::{Address, Bytes, U256, address, keccak256};
use devnode::{
    Chain, DEV_ACCOUNT, ProgramRun, Receipt, Tx, TxError,
    arbos::state::{ARBOS, Space},
    stylus::code::compress,
    stylus::program::Outcome,
};

const PROGRAM: Address = address!("0000000000000000000000000000000000001001");
const OTHER: Address = address!("0000000000000000000000000000000000001002");
const POOR: Address = address!("0000000000000000000000000000000000001003");
/// Calls itself forever, one stack frame each.
const RECURSION: &str = "(func $f (param i32) (result i32) (call $f (i32.add (local.get 0) (i32.const 1)))) \
    (func (export \"user_entrypoint\") (param i32) (result i32) (call $f (i32.const 0)))";
const NOTHING: &str = "(func (export \"user_entrypoint\") (param i32) (result i32) (i32.const 0))";

/// `chain` with the functions and imports of `body` activated at [`PROGRAM`], recording runs.
fn with_program(mut chain: Chain, body: &str) -> Chain {
    let (imports, functions) = body.split_once(";;").unwrap_or(("", body));
    let text = format!("(module {imports} (memory (export \"memory\") 1 1) {functions})");
    chain.set_code(PROGRAM, compress(&wat::parse_str(text).unwrap()));
    assert!(chain.activate(DEV_ACCOUNT, PROGRAM).unwrap().success);
    chain.set_trace(true);
    chain
}

fn call() -> Tx {
    Tx::call(DEV_ACCOUNT, PROGRAM, Bytes::new())
}

fn run(receipt: &Receipt) -> &ProgramRun {
    receipt.runs.last().expect("the program ran")
}

#[test]
fn deploy_program_of_active_code_is_not_activated_again() {
    let text = format!("(module (memory (export \"memory\") 1 1) {NOTHING})");
    let code = compress(&wat::parse_str(text).unwrap());
    let mut chain = Chain::default();
    let (first, activated) = chain.deploy_program(DEV_ACCOUNT, &code).unwrap();
    assert!(activated.unwrap().success);
    let (second, activated) = chain.deploy_program(DEV_ACCOUNT, &code).unwrap();
    assert!(activated.is_none());
    assert_eq!(chain.block_number(), 3);
    for receipt in [first, second] {
        assert!(chain.is_active(receipt.created.unwrap()));
    }
    assert!(!chain.is_active(OTHER));
    // A program's activation ends with its year.
    chain.warp(366 * 24 * 3600);
    let (_, activated) = chain.deploy_program(DEV_ACCOUNT, &code).unwrap();
    assert!(activated.unwrap().success);
}

#[test]
fn call_after_a_block_enters_at_the_price_of_send() {
    let mut chain = with_program(Chain::default(), NOTHING);
    let sent = chain.send(call()).unwrap();
    let called = chain.call(call()).unwrap();
    assert_eq!(run(&called).entry_gas, run(&sent).entry_gas);
    assert_eq!(called.gas_used, sent.gas_used);
    assert_eq!(
        chain.send(call()).unwrap().gas_used,
        called.gas_used,
        "the estimate holds"
    );
}

#[test]
fn send_block_with_an_unpayable_transaction_changes_nothing() {
    let mut chain = with_program(Chain::default(), NOTHING);
    // SSTORE(0, NUMBER)
    chain.set_code(OTHER, [0x43, 0x5F, 0x55]);
    let before = chain.clone();
    let store = Tx::call(DEV_ACCOUNT, OTHER, Bytes::new()).value(U256::from(5));
    let unpayable = Tx::call(POOR, OTHER, Bytes::new());
    assert!(chain.send_block(vec![store.clone(), unpayable.clone()]).is_err());
    assert!(chain.send(unpayable).is_err());
    assert_eq!(
        (chain.block_number(), chain.timestamp()),
        (before.block_number(), before.timestamp())
    );
    assert_eq!(chain.storage(OTHER, U256::ZERO), U256::ZERO);
    assert_eq!(chain.balance(OTHER), U256::ZERO);
    for account in [DEV_ACCOUNT, POOR] {
        assert_eq!(chain.nonce(account), before.nonce(account));
        assert_eq!(chain.balance(account), before.balance(account));
    }
    let receipt = chain.send(store).unwrap();
    assert_eq!(receipt.block, before.block_number() + 1);
    assert_eq!(chain.storage(OTHER, U256::ZERO), U256::ONE);
}

#[test]
fn set_code_keeps_a_nonce_beyond_one() {
    let mut chain = Chain::default();
    for _ in 0..3 {
        chain.send(Tx::call(DEV_ACCOUNT, OTHER, Bytes::new())).unwrap();
    }
    chain.set_code(DEV_ACCOUNT, [0]);
    chain.set_code(OTHER, [0]);
    assert_eq!((chain.nonce(DEV_ACCOUNT), chain.nonce(OTHER)), (3, 1));
}

#[test]
fn send_of_endless_recursion_is_stopped_by_the_depth_checker() {
    let mut chain = with_program(Chain::default(), RECURSION);
    let receipt = chain.send(call()).unwrap();
    assert_eq!(run(&receipt).finished.outcome, Outcome::OutOfStack);
    assert!(receipt.halt.is_some());
    assert_eq!(run(&receipt).finished.stack_left, 0);
}

#[test]
fn send_overflowing_the_native_stack_is_an_error_and_no_result() {
    // With stack words beyond any native stack, the depth checker cannot be what stops the program.
    let mut chain = with_program(Chain::builder().stack_depth(1 << 30).build(), RECURSION);
    let (block, nonce) = (chain.block_number(), chain.nonce(DEV_ACCOUNT));
    let error = chain.send(call()).unwrap_err();
    assert!(
        matches!(&error, TxError::Custom(reason) if reason.contains("stack")),
        "{error:?}"
    );
    assert!(chain.call(call()).is_err());
    assert_eq!((chain.block_number(), chain.nonce(DEV_ACCOUNT)), (block, nonce));
}

#[test]
fn send_to_a_program_that_cannot_be_compiled_is_an_error_and_no_result() {
    let mut chain = with_program(Chain::default(), NOTHING);
    // Activation would never have let this code through, but its record says that it did.
    let broken = compress(b"no module");
    let record = |code: &[u8]| Space::root().sub(8).sub(1).slot(keccak256(code));
    let live = chain.storage(ARBOS, record(&chain.code(PROGRAM)));
    chain.set_storage(ARBOS, record(&broken), live);
    chain.set_code(PROGRAM, broken);
    let block = chain.block_number();
    assert!(matches!(chain.send(call()), Err(TxError::Custom(_))));
    assert_eq!(chain.block_number(), block);
}

#[test]
fn selfdestruct_in_code_a_program_delegates_to_reverts_after_its_price() {
    let mut body = String::from(
        "(import \"vm_hooks\" \"delegate_call_contract\" (func $delegate (param i32 i32 i32 i64 i32) (result i32)))
         (import \"vm_hooks\" \"return_data_size\" (func $size (result i32)))
         (import \"vm_hooks\" \"write_result\" (func $write (param i32 i32))) ;;
         (func (export \"user_entrypoint\") (param i32) (result i32)",
    );
    for (index, byte) in OTHER.iter().enumerate() {
        body += &format!("(i32.store8 (i32.const {index}) (i32.const {byte}))");
    }
    body += "(i32.store8 (i32.const 64) (call $delegate (i32.const 0) (i32.const 0) (i32.const 0) (i64.const -1) (i32.const 96)))
             (i32.store8 (i32.const 65) (call $size))
             (call $write (i32.const 64) (i32.const 2)) (i32.const 0))";
    let mut chain = with_program(Chain::default(), &body);
    // PUSH1 0x77, SELFDESTRUCT
    chain.set_code(OTHER, [0x60, 0x77, 0xFF]);
    chain.deal(PROGRAM, U256::from(10));
    let receipt = chain.send(call()).unwrap();
    assert!(receipt.success);
    assert_eq!(receipt.output[..], [2, 0], "failed, without data");
    assert_eq!(chain.balance(PROGRAM), U256::from(10));
    assert!(!chain.code(PROGRAM).is_empty());
    // Cold callee; PUSH1, SELFDESTRUCT, cold heir, heir brought into being. The rest came back.
    let gas = 2_600 + 3 + 5_000 + 2_600 + 25_000;
    assert_eq!(
        run(&receipt).finished.host_calls[0].ink,
        83_193 + 2 * 16_381 + gas * 10_000
    );
}

#[test]
fn selfdestruct_of_an_evm_contract_moves_its_balance() {
    let mut chain = Chain::default();
    chain.set_code(OTHER, [0x60, 0x77, 0xFF]);
    chain.deal(OTHER, U256::from(10));
    let receipt = chain.send(Tx::call(DEV_ACCOUNT, OTHER, Bytes::new())).unwrap();
    assert!(receipt.success);
    assert_eq!(chain.balance(OTHER), U256::ZERO);
    assert_eq!(chain.balance(Address::with_last_byte(0x77)), U256::from(10));
    assert_eq!(receipt.gas_used, 21_000 + 3 + 5_000 + 2_600 + 25_000);
}

#[test]
fn send_of_endless_host_calls_records_a_million_of_them() {
    let body = "(import \"vm_hooks\" \"return_data_size\" (func $size (result i32))) ;;
        (func (export \"user_entrypoint\") (param i32) (result i32) (loop (call $size) drop (br 0)) (i32.const 0))";
    let mut chain = with_program(Chain::default(), body);
    let receipt = chain.send(call()).unwrap();
    let finished = &run(&receipt).finished;
    assert_eq!(finished.outcome, Outcome::OutOfInk);
    assert_eq!(finished.host_calls.len(), 1_000_000);
}
