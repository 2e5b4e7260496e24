//! The Arbitrum precompiles, called by transactions.

use alloy_primitives::{Address, B256, Bytes, U256, address};
use alloy_sol_types::{SolCall, SolError, SolEvent};
use devnode::{Chain, DEV_ACCOUNT, Receipt, Tx, arbos::state::NETWORK_FEE_ACCOUNT, stylus::code::compress};
use interfaces::arbos::{ARB_SYS, ARB_WASM, ARB_WASM_CACHE, ArbSys, ArbWasm, ArbWasmCache};

const PROGRAM: Address = address!("0000000000000000000000000000000000001001");
const DAY_SECS: u64 = 86_400;

/// A chain with an activated program that does nothing; its code hash.
fn chain() -> (Chain, B256) {
    let text = r#"(module (memory (export "memory") 1 1) (func (export "user_entrypoint") (param i32) (result i32) (i32.const 0)))"#;
    let mut chain = Chain::default();
    let code = compress(&wat::parse_str(text).unwrap());
    let codehash = alloy_primitives::keccak256(&code);
    chain.set_code(PROGRAM, code);
    assert!(chain.activate(DEV_ACCOUNT, PROGRAM).unwrap().success);
    (chain, codehash)
}

fn send(chain: &mut Chain, to: Address, data: impl Into<Bytes>) -> Receipt {
    chain.send(Tx::call(DEV_ACCOUNT, to, data).gas(1_000_000)).unwrap()
}

/// Gas of a transaction beyond its base and calldata.
fn execution_gas(receipt: &Receipt, data: &[u8]) -> u64 {
    let calldata: u64 = data.iter().map(|byte| if *byte == 0 { 4 } else { 16 }).sum();
    receipt.gas_used - 21_000 - calldata
}

#[test]
fn read_methods_answer_and_cost_the_documented_totals() {
    let (mut chain, codehash) = chain();
    let program = PROGRAM;
    let wasm = |call: Vec<u8>, gas, words: &[u64]| (ARB_WASM, call, gas, words.to_vec());
    let cases = [
        wasm(ArbWasm::stylusVersionCall {}.abi_encode(), 903, &[3]),
        wasm(ArbWasm::inkPriceCall {}.abi_encode(), 903, &[10_000]),
        wasm(ArbWasm::maxStackDepthCall {}.abi_encode(), 903, &[22_000]),
        wasm(ArbWasm::freePagesCall {}.abi_encode(), 903, &[2]),
        wasm(ArbWasm::pageGasCall {}.abi_encode(), 903, &[1_000]),
        wasm(ArbWasm::pageRampCall {}.abi_encode(), 903, &[620_674_314]),
        wasm(ArbWasm::pageLimitCall {}.abi_encode(), 903, &[128]),
        wasm(ArbWasm::minInitGasCall {}.abi_encode(), 906, &[8_832, 352]),
        wasm(ArbWasm::initCostScalarCall {}.abi_encode(), 903, &[100]),
        wasm(ArbWasm::expiryDaysCall {}.abi_encode(), 903, &[365]),
        wasm(ArbWasm::keepaliveDaysCall {}.abi_encode(), 903, &[31]),
        wasm(ArbWasm::blockCacheSizeCall {}.abi_encode(), 903, &[32]),
        wasm(ArbWasm::activationGasCall {}.abi_encode(), 1_603, &[0]),
        wasm(ArbWasm::programVersionCall { program }.abi_encode(), 4_306, &[3]),
        wasm(
            ArbWasm::programInitGasCall { program }.abi_encode(),
            4_309,
            &[8_832 + 18 + 352 + 11, 352 + 11],
        ),
        wasm(
            ArbWasm::programMemoryFootprintCall { program }.abi_encode(),
            4_306,
            &[1],
        ),
        wasm(ArbWasm::codehashVersionCall { codehash }.abi_encode(), 1_706, &[3]),
        wasm(
            ArbWasm::codehashAsmSizeCall { codehash }.abi_encode(),
            1_706,
            &[502 * 1_024],
        ),
        (
            ARB_WASM_CACHE,
            ArbWasmCache::codehashIsCachedCall { codehash }.abi_encode(),
            1_606,
            vec![0],
        ),
        (ARB_SYS, ArbSys::arbOSVersionCall {}.abi_encode(), 803, vec![116]),
        (ARB_SYS, ArbSys::arbChainIDCall {}.abi_encode(), 803, vec![412_346]),
    ];
    for (to, data, gas, words) in cases {
        let receipt = send(&mut chain, to, data.clone());
        let words: Vec<u8> = words
            .iter()
            .flat_map(|word| U256::from(*word).to_be_bytes::<32>())
            .collect();
        assert_eq!(receipt.output, words, "{}", hex::encode(&data));
        assert_eq!(execution_gas(&receipt, &data), gas, "{}", hex::encode(&data));
    }
    let data = ArbSys::arbBlockNumberCall {}.abi_encode();
    let receipt = send(&mut chain, ARB_SYS, data.clone());
    assert_eq!(U256::from_be_slice(&receipt.output), U256::from(receipt.block));
    assert_eq!(execution_gas(&receipt, &data), 803);
}

#[test]
fn program_time_left_counts_down_from_a_year() {
    let (mut chain, _) = chain();
    chain.warp(10 * DAY_SECS);
    let data = ArbWasm::programTimeLeftCall { program: PROGRAM }.abi_encode();
    let receipt = send(&mut chain, ARB_WASM, data.clone());
    let secs: u64 = U256::from_be_slice(&receipt.output).to();
    // Activation is recorded in whole hours.
    assert!((354 * DAY_SECS + 23 * 3_600..=355 * DAY_SECS).contains(&secs), "{secs}");
    assert_eq!(execution_gas(&receipt, &data), 4_306);
}

#[test]
fn arguments_with_dirt_are_read_and_short_ones_burn_everything() {
    let (mut chain, _) = chain();
    let clean = ArbWasm::programVersionCall { program: PROGRAM }.abi_encode();
    let mut dirty = clean.clone();
    dirty[4..16].fill(0xFF);
    dirty.extend_from_slice(&[1; 32]);
    assert_eq!(send(&mut chain, ARB_WASM, dirty).output[31], 3);
    for malformed in [&clean[..35], &clean[..3], &[1, 2, 3, 4]] {
        let receipt = send(&mut chain, ARB_WASM, malformed.to_vec());
        assert!(!receipt.success && receipt.output.is_empty());
        assert_eq!(receipt.gas_used, 1_000_000);
    }
}

#[test]
fn keep_alive_of_young_program_reverts_with_its_age() {
    let (mut chain, _) = chain();
    chain.warp(30 * DAY_SECS);
    let receipt = chain.keep_alive(DEV_ACCOUNT, PROGRAM).unwrap();
    let error = ArbWasm::ProgramKeepaliveTooSoon::abi_decode(&receipt.output).unwrap();
    assert!((30 * DAY_SECS..30 * DAY_SECS + 3_600).contains(&error.ageInSeconds));
    assert!(receipt.gas_used < 100_000, "a revert keeps the gas that is left");
}

#[test]
fn keep_alive_of_missing_or_expired_program_says_so() {
    let (mut chain, _) = chain();
    let nobody = chain.keep_alive(DEV_ACCOUNT, Address::ZERO).unwrap();
    assert_eq!(nobody.output, ArbWasm::ProgramNotActivated {}.abi_encode());
    chain.warp(366 * DAY_SECS);
    let receipt = chain.keep_alive(DEV_ACCOUNT, PROGRAM).unwrap();
    assert!(ArbWasm::ProgramExpired::abi_decode(&receipt.output).is_ok());
}

#[test]
fn keep_alive_charges_the_data_fee_and_starts_a_new_year() {
    let (mut chain, codehash) = chain();
    chain.warp(200 * DAY_SECS);
    let (payer, fees) = (chain.balance(DEV_ACCOUNT), chain.balance(NETWORK_FEE_ACCOUNT));
    let receipt = chain.keep_alive(DEV_ACCOUNT, PROGRAM).unwrap();
    assert!(receipt.success && receipt.output.is_empty());
    let data = ArbWasm::codehashKeepaliveCall { codehash }.abi_encode();
    // State, argument, parameters, record, data pricer, record, fee account, event.
    let gas = 800 + 3 + 100 + 800 + (5 * 800 + 2 * 20_000) + 20_000 + 800 + (375 + 2 * 375 + 8 * 32);
    assert_eq!(execution_gas(&receipt, &data), gas);
    let event = ArbWasm::ProgramLifetimeExtended::decode_log(&receipt.logs[0]).unwrap();
    assert_eq!((event.address, event.codehash), (ARB_WASM, codehash));
    // Demand has long decayed, so the price is that of 502 KiB on a fresh chain: x = 240 basis points.
    let bytes = 502 * 1_024;
    assert_eq!(event.dataFee, U256::from(82_928_201_u64 * 10_242 / 10_000 * bytes));
    assert_eq!(chain.balance(NETWORK_FEE_ACCOUNT) - fees, event.dataFee);
    let gas_price = U256::from(chain.base_fee());
    let spent = payer - chain.balance(DEV_ACCOUNT);
    assert_eq!(spent, event.dataFee + gas_price * U256::from(receipt.gas_used));
    // 200 days more would have expired the first year.
    chain.warp(200 * DAY_SECS);
    assert!(send(&mut chain, PROGRAM, Bytes::new()).success);
}

#[test]
fn keep_alive_without_value_reverts_and_changes_nothing() {
    let (mut chain, codehash) = chain();
    chain.warp(200 * DAY_SECS);
    let data = ArbWasm::codehashKeepaliveCall { codehash }.abi_encode();
    let receipt = send(&mut chain, ARB_WASM, data);
    let error = ArbWasm::ProgramInsufficientValue::abi_decode(&receipt.output).unwrap();
    assert!(error.have.is_zero() && !error.want.is_zero());
    chain.warp(200 * DAY_SECS);
    assert!(!send(&mut chain, PROGRAM, Bytes::new()).success, "it has expired");
}
