//! What the fuzz targets of the embedded chain do with an input, free of any fuzzer: the targets call it with what
//! libFuzzer makes up, and `devnode`'s tests with a few hundred inputs of their own, so that it keeps compiling and stays
//! true.

pub mod program;
pub mod rpc;
pub mod stored_code;
pub mod transaction;

use alloy_primitives::{Address, U256, address};
use base64::{Engine, engine::general_purpose::STANDARD};
use devnode::{Chain, Receipt, Tx, TxError, stylus::trace::Frames};
use revm::inspector::NoOpInspector;
use serde_json::Value;

/// Where the code under test is put.
pub const PROGRAM: Address = address!("000000000000000000000000000000000000f001");
/// A program that calls another: its calldata is the way (0 call, 1 delegate call, 2 static call), the other's
/// address, and calldata for it. It hands on value, result and status.
pub const FORWARDER: Address = address!("000000000000000000000000000000000000f002");

const FORWARDER_TEXT: &str = r#"(module
  (import "vm_hooks" "read_args" (func $read_args (param i32)))
  (import "vm_hooks" "msg_value" (func $msg_value (param i32)))
  (import "vm_hooks" "call_contract" (func $call (param i32 i32 i32 i32 i64 i32) (result i32)))
  (import "vm_hooks" "delegate_call_contract" (func $delegate (param i32 i32 i32 i64 i32) (result i32)))
  (import "vm_hooks" "static_call_contract" (func $static (param i32 i32 i32 i64 i32) (result i32)))
  (import "vm_hooks" "read_return_data" (func $read_return_data (param i32 i32 i32) (result i32)))
  (import "vm_hooks" "write_result" (func $write_result (param i32 i32)))
  (memory (export "memory") 2 2)
  (func (export "user_entrypoint") (param $len i32) (result i32) (local $kind i32) (local $failed i32)
    i32.const 32 call $read_args
    i32.const 0 call $msg_value
    i32.const 32 i32.load8_u local.set $kind
    block $called
      local.get $kind i32.eqz if
        i32.const 33 i32.const 53 local.get $len i32.const 21 i32.sub i32.const 0 i64.const -1 i32.const 0
        call $call local.set $failed
        br $called
      end
      local.get $kind i32.const 1 i32.eq if
        i32.const 33 i32.const 53 local.get $len i32.const 21 i32.sub i64.const -1 i32.const 0
        call $delegate local.set $failed
        br $called
      end
      i32.const 33 i32.const 53 local.get $len i32.const 21 i32.sub i64.const -1 i32.const 0
      call $static local.set $failed
    end
    i32.const 65536
    i32.const 65536 i32.const 0 i32.const 65536 call $read_return_data
    call $write_result
    local.get $failed))"#;

/// The forwarder as a module.
fn forwarder() -> Vec<u8> {
    wat::parse_str(FORWARDER_TEXT).expect("well formed")
}

/// Puts `wasm` at `address` and activates it.
fn install(chain: &mut Chain, address: Address, wasm: &[u8]) {
    chain.set_code(address, stored(wasm));
    let receipt = chain.activate(devnode::DEV_ACCOUNT, address).expect("can be included");
    assert!(receipt.success, "{receipt:?}");
}

/// Program code of `wasm`, of which the first 64 KiB count. The brotli stream holds it as it is: compressing would
/// take longer than all the rest.
pub fn stored(wasm: &[u8]) -> Vec<u8> {
    let wasm = &wasm[..wasm.len().min(1 << 16)];
    let mut code = vec![0xEF, 0xF0, 0x00, 0x00];
    if let Some(last) = wasm.len().checked_sub(1) {
        // From the low bit on: the window's size (1 bit), not the last block (1), length in four digits (2), the
        // length less one (16), not compressed (1).
        let head = u32::try_from(last).expect("cut") << 4 | 1 << 20;
        code.extend_from_slice(&head.to_le_bytes()[..3]);
        code.extend_from_slice(wasm);
        // An empty last block.
        code.push(0b11);
    }
    code
}

/// Modules that activation accepts or has been asked about: the recorded vectors and the repository's texts.
pub fn modules() -> Vec<Vec<u8>> {
    let records = |text: &'static str| text.lines().map(|line| serde_json::from_str(line).expect("a record"));
    let vectors = records(include_str!("../../../test/vectors/stylus/vectors.jsonl"))
        .map(|record: Value| STANDARD.decode(record["wasm"].as_str().expect("text")).expect("base64"));
    let probes = records(include_str!("../../../test/vectors/stylus/probes.jsonl"))
        .map(|record: Value| wat::parse_str(record["wat"].as_str().expect("text")).expect("well formed"));
    let erc20 = wat::parse_str(include_str!("../../../test/programs/erc20.wat")).expect("well formed");
    [erc20, forwarder()].into_iter().chain(probes).chain(vectors).collect()
}

/// All the money there is.
fn total(chain: &Chain) -> U256 {
    chain.state().accounts().map(|(_, info, _)| info.balance).sum()
}

/// What of a receipt does not depend on tracing.
fn outcome(receipt: &Receipt) -> String {
    let plain = Receipt {
        runs: Vec::new(),
        frames: Frames::default(),
        ..receipt.clone()
    };
    format!("{plain:?}")
}

/// Sends a transaction and checks all that must hold whatever it does; `None` when it cannot be included.
///
/// `burns` says that the transaction may destroy money.
pub fn send(chain: &mut Chain, tx: Tx, burns: bool) -> Option<Receipt> {
    let (mut twin, before) = (chain.clone(), chain.clone());
    let limit = tx.gas_limit.unwrap_or(chain.tx_gas_cap());
    let sent = chain.send(tx.clone());
    let again = twin.send(tx);
    let receipt = match sent {
        Ok(receipt) => receipt,
        Err(error @ (TxError::Transaction(_) | TxError::Header(_))) => {
            assert_eq!(again.expect_err("deterministic").to_string(), error.to_string());
            assert_eq!(chain.block_number(), before.block_number());
            return None;
        }
        Err(error) => panic!("the process failed: {error}"),
    };
    let again = again.expect("deterministic");
    assert_eq!(format!("{receipt:?}"), format!("{again:?}"), "run twice");
    let hash = |chain: &Chain| chain.latest().expect("a block").hash();
    assert_eq!(hash(chain), hash(&twin));
    assert!(receipt.gas_used <= limit, "{} of {limit} gas", receipt.gas_used);
    let replayed = chain.replay(receipt.hash, None::<NoOpInspector>);
    let replayed = replayed.expect("runs again").expect("is remembered").receipt;
    assert_eq!(outcome(&receipt), outcome(&replayed), "replayed");
    let fee = U256::from(receipt.gas_used) * U256::from(before.base_fee());
    let (had, has) = (total(&before), total(chain) + fee);
    assert!(has <= had, "made {} wei", has - had);
    assert!(burns || has == had, "lost {} wei", had - has);
    Some(receipt)
}
