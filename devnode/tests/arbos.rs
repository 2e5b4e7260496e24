//! The Arbitrum precompiles, called by transactions.

use alloy_primitives::{Address, B256, Bytes, FixedBytes, Log, U256, address, keccak256};
use alloy_sol_types::{SolCall, SolError, SolEvent};
use devnode::{
    Chain, DEV_ACCOUNT, Receipt, Tx,
    arbos::{
        precompiles::ADDRESSES,
        state::{ARBOS, NETWORK_FEE_ACCOUNT, SEQUENCER, Space},
    },
    stylus::code::compress,
};
use interfaces::arbos::{
    ARB_ADDRESS_TABLE, ARB_AGGREGATOR, ARB_DEBUG, ARB_FILTERED_TRANSACTIONS_MANAGER, ARB_FUNCTION_TABLE, ARB_GAS_INFO,
    ARB_INFO, ARB_NATIVE_TOKEN_MANAGER, ARB_OWNER, ARB_OWNER_PUBLIC, ARB_RETRYABLE_TX, ARB_STATISTICS, ARB_SYS,
    ARB_WASM, ARB_WASM_CACHE, ARBOS_ACTS, ARBOS_TEST, ArbAddressTable, ArbAggregator, ArbDebug,
    ArbFilteredTransactionsManager, ArbFunctionTable, ArbGasInfo, ArbInfo, ArbNativeTokenManager, ArbOwner,
    ArbOwnerPublic, ArbRetryableTx, ArbStatistics, ArbSys, ArbWasm, ArbWasmCache, ArbosActs, ArbosTest,
};

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
        (
            ARB_SYS,
            ArbSys::getStorageGasAvailableCall {}.abi_encode(),
            803,
            vec![0],
        ),
        (ARB_SYS, ArbSys::isTopLevelCallCall {}.abi_encode(), 803, vec![1]),
        (
            ARB_SYS,
            ArbSys::wasMyCallersAddressAliasedCall {}.abi_encode(),
            803,
            vec![0],
        ),
        (
            ARB_SYS,
            ArbSys::myCallersAddressWithoutAliasingCall {}.abi_encode(),
            803,
            vec![0],
        ),
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

const ALICE: Address = address!("00000000000000000000000000000000000A11ce");
const CONTRACT: Address = address!("0000000000000000000000000000000000002001");

fn words(values: &[u64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| U256::from(*value).to_be_bytes::<32>())
        .collect()
}

/// Sends as somebody who is no chain owner.
fn send_as(chain: &mut Chain, from: Address, to: Address, data: impl Into<Bytes>) -> Receipt {
    if chain.balance(from).is_zero() {
        chain.deal(from, U256::from(10).pow(U256::from(20)));
    }
    chain.send(Tx::call(from, to, data).gas(1_000_000)).unwrap()
}

/// Calls `to` as a chain owner, which must succeed.
fn own(chain: &mut Chain, data: &[u8]) -> Receipt {
    let receipt = send(chain, ARB_OWNER, data.to_vec());
    assert!(receipt.success, "{}", hex::encode(data));
    assert_eq!(execution_gas(&receipt, data), 0, "owners pay nothing");
    receipt
}

/// Code that calls `to` with its calldata by the opcode `op`, with 100,000 gas, and returns success and the gas taken.
fn forwarder(op: u8, to: Address) -> Vec<u8> {
    let value: &[u8] = if op == 0xF1 { &[0x34] } else { &[] };
    // CALLDATACOPY; GAS; the call; MSTORE of success; gas before less GAS; RETURN
    [
        &[0x36, 0x5F, 0x5F, 0x37, 0x5A, 0x5F, 0x5F, 0x36, 0x5F][..],
        value,
        &[0x73],
        to.as_slice(),
        &[
            0x62, 0x01, 0x86, 0xA0, op, 0x5F, 0x52, 0x5A, 0x90, 0x03, 0x60, 0x20, 0x52, 0x60, 0x40, 0x5F, 0xF3,
        ],
    ]
    .concat()
}

/// Success and gas of `data` forwarded by `op` to a precompile; the gas without that of the caller's opcodes.
fn forward(chain: &mut Chain, op: u8, to: Address, data: &[u8]) -> (bool, u64) {
    chain.set_code(CONTRACT, forwarder(op, to));
    let receipt = chain.call(Tx::call(DEV_ACCOUNT, CONTRACT, data.to_vec())).unwrap();
    assert!(receipt.success);
    let success = receipt.output[31] == 1;
    let value_gas = if op == 0xF1 { 2 } else { 0 };
    // GAS, 3 PUSH0, CALLDATASIZE, PUSH20, PUSH3 and the call's own 100; PUSH0, MSTORE with no growth beyond calldata.
    let words = data.len().div_ceil(32) as u64;
    let growth = if words == 0 { 3 } else { 0 };
    let own = 2 + 3 * 2 + 2 + 3 + 3 + 100 + value_gas + 2 + 3 + growth;
    (success, U256::from_be_slice(&receipt.output[32..]).to::<u64>() - own)
}

#[test]
fn gas_info_answers_as_a_chain_without_l1_costs() {
    use ArbGasInfo as I;
    let mut chain = Chain::default();
    let gwei_tenth = 100_000_000;
    let owner = U256::from_be_slice(DEV_ACCOUNT.as_slice()).to_be_bytes_vec();
    let (zero, none) = (Address::ZERO, words(&[32, 0]));
    let storage = 20_000 * gwei_tenth;
    let in_wei = words(&[0, 0, storage, gwei_tenth, 0, gwei_tenth]);
    let fees = [words(&[32, 9]), words(&[gwei_tenth; 9])].concat();
    let cases: Vec<(Vec<u8>, u64, Vec<u8>)> = vec![
        (I::getPricesInWeiCall {}.abi_encode(), 800 + 1_600 + 18, in_wei.clone()),
        (
            I::getPricesInWeiWithAggregatorCall { aggregator: zero }.abi_encode(),
            800 + 3 + 1_600 + 18,
            in_wei,
        ),
        (
            I::getPricesInArbGasCall {}.abi_encode(),
            800 + 800 + 9,
            words(&[0, 0, 20_000]),
        ),
        (
            I::getPricesInArbGasWithAggregatorCall { aggregator: zero }.abi_encode(),
            800 + 3 + 800 + 9,
            words(&[0, 0, 20_000]),
        ),
        (
            I::getGasAccountingParamsCall {}.abi_encode(),
            800 + 1_600 + 9,
            words(&[7_000_000, 32_000_000, 32_000_000]),
        ),
        (I::getMaxTxGasLimitCall {}.abi_encode(), 1_603, words(&[32_000_000])),
        (I::getMaxBlockGasLimitCall {}.abi_encode(), 1_603, words(&[32_000_000])),
        (I::getMinimumGasPriceCall {}.abi_encode(), 1_603, words(&[gwei_tenth])),
        (I::getL1BaseFeeEstimateCall {}.abi_encode(), 1_603, words(&[0])),
        (I::getL1GasPriceEstimateCall {}.abi_encode(), 1_603, words(&[0])),
        (I::getL1BaseFeeEstimateInertiaCall {}.abi_encode(), 1_603, words(&[10])),
        (I::getL1RewardRateCall {}.abi_encode(), 1_603, words(&[10])),
        (I::getL1RewardRecipientCall {}.abi_encode(), 1_603, owner),
        (I::getCurrentTxL1GasFeesCall {}.abi_encode(), 803, words(&[0])),
        (I::getGasBacklogCall {}.abi_encode(), 1_603, words(&[0])),
        (I::getPricingInertiaCall {}.abi_encode(), 1_603, words(&[102])),
        (I::getGasBacklogToleranceCall {}.abi_encode(), 1_603, words(&[10])),
        (
            I::getL1PricingSurplusCall {}.abi_encode(),
            800 + 3 * 800 + 3,
            words(&[0]),
        ),
        (I::getPerBatchGasChargeCall {}.abi_encode(), 1_603, words(&[210_000])),
        (I::getAmortizedCostCapBipsCall {}.abi_encode(), 1_603, words(&[0])),
        (I::getL1FeesAvailableCall {}.abi_encode(), 1_603, words(&[0])),
        (
            I::getL1PricingEquilibrationUnitsCall {}.abi_encode(),
            1_603,
            words(&[160_000_000]),
        ),
        (I::getLastL1PricingUpdateTimeCall {}.abi_encode(), 1_603, words(&[0])),
        (
            I::getL1PricingFundsDueForRewardsCall {}.abi_encode(),
            1_603,
            words(&[0]),
        ),
        (I::getL1PricingUnitsSinceUpdateCall {}.abi_encode(), 1_603, words(&[0])),
        (I::getLastL1PricingSurplusCall {}.abi_encode(), 1_603, words(&[0])),
        (I::getGasPricingConstraintsCall {}.abi_encode(), 1_606, none.clone()),
        (I::getMultiGasPricingConstraintsCall {}.abi_encode(), 1_606, none),
        (I::getMultiGasBaseFeeCall {}.abi_encode(), 800 + 10 * 800 + 33, fees),
    ];
    check(&mut chain, ARB_GAS_INFO, cases);
    // The base fee is waived for calls, but not hidden.
    let call = I::getPricesInWeiCall {}.abi_encode();
    let called = chain.call(Tx::call(ALICE, ARB_GAS_INFO, call)).unwrap();
    assert_eq!(U256::from_be_slice(&called.output[160..]), U256::from(gwei_tenth));
}

/// Sends each request and compares gas and output.
fn check(chain: &mut Chain, to: Address, cases: Vec<(Vec<u8>, u64, Vec<u8>)>) {
    for (data, gas, output) in cases {
        let receipt = send(chain, to, data.clone());
        assert_eq!(receipt.output, output, "{to} {}", hex::encode(&data));
        assert_eq!(execution_gas(&receipt, &data), gas, "{to} {}", hex::encode(&data));
    }
}

#[test]
fn info_answers_and_costs_the_documented_totals() {
    let mut chain = Chain::default();
    let nobody = ALICE;
    let empty = || words(&[32, 0]);
    let balance = words(&[7]);
    chain.deal(nobody, U256::from(7));
    chain.set_code(CONTRACT, [1; 33]);
    let code = [words(&[32, 33]), vec![1; 33], vec![0; 31]].concat();
    check(
        &mut chain,
        ARB_INFO,
        vec![
            (
                ArbInfo::getBalanceCall { account: nobody }.abi_encode(),
                803 + 700 + 3,
                balance,
            ),
            (
                ArbInfo::getCodeCall { account: CONTRACT }.abi_encode(),
                803 + 2_100 + 3 * 2 + 3 * 4,
                code,
            ),
            (
                ArbInfo::getCodeCall { account: nobody }.abi_encode(),
                803 + 2_100 + 3 * 2,
                empty(),
            ),
        ],
    );
}

#[test]
fn owner_public_answers_and_costs_the_documented_totals() {
    use ArbOwnerPublic as P;
    let mut chain = Chain::default();
    let word = |account: Address| account.into_word().to_vec();
    let (dev, nobody) = (DEV_ACCOUNT, ALICE);
    let empty = || words(&[32, 0]);
    check(
        &mut chain,
        ARB_OWNER_PUBLIC,
        vec![
            (P::isChainOwnerCall { addr: dev }.abi_encode(), 1_606, words(&[1])),
            (P::isChainOwnerCall { addr: nobody }.abi_encode(), 1_606, words(&[0])),
            (
                P::getAllChainOwnersCall {}.abi_encode(),
                800 + 2 * 800 + 9,
                [words(&[32, 1]), word(dev)].concat(),
            ),
            (P::isNativeTokenOwnerCall { addr: dev }.abi_encode(), 1_606, words(&[0])),
            (P::getAllNativeTokenOwnersCall {}.abi_encode(), 1_606, empty()),
            (
                P::isTransactionFiltererCall { filterer: dev }.abi_encode(),
                1_606,
                words(&[0]),
            ),
            (P::getAllTransactionFilterersCall {}.abi_encode(), 1_606, empty()),
            (P::getNativeTokenManagementFromCall {}.abi_encode(), 1_603, words(&[0])),
            (P::getTransactionFilteringFromCall {}.abi_encode(), 1_603, words(&[0])),
            (P::getFilteredFundsRecipientCall {}.abi_encode(), 1_603, words(&[0])),
            (
                P::getNetworkFeeAccountCall {}.abi_encode(),
                1_603,
                word(NETWORK_FEE_ACCOUNT),
            ),
            (P::getInfraFeeAccountCall {}.abi_encode(), 1_603, words(&[0])),
            (P::getBrotliCompressionLevelCall {}.abi_encode(), 1_603, words(&[1])),
            (P::getParentGasFloorPerTokenCall {}.abi_encode(), 1_603, words(&[0])),
            (
                P::getScheduledUpgradeCall {}.abi_encode(),
                800 + 1_600 + 6,
                words(&[0, 0]),
            ),
            (
                P::isCalldataPriceIncreaseEnabledCall {}.abi_encode(),
                1_603,
                words(&[0]),
            ),
            (P::getCollectTipsCall {}.abi_encode(), 1_603, words(&[0])),
            (P::getMaxStylusContractFragmentsCall {}.abi_encode(), 903, words(&[4])),
        ],
    );
}

#[test]
fn other_read_methods_answer_and_cost_the_documented_totals() {
    use ArbAggregator as A;
    let mut chain = Chain::default();
    let word = |account: Address| account.into_word().to_vec();
    let (dev, poster) = (DEV_ACCOUNT, SEQUENCER);
    let empty = || words(&[32, 0]);
    check(
        &mut chain,
        ARB_AGGREGATOR,
        vec![
            (
                A::getPreferredAggregatorCall { addr: dev }.abi_encode(),
                809,
                [word(poster), words(&[1])].concat(),
            ),
            (A::getDefaultAggregatorCall {}.abi_encode(), 803, word(poster)),
            (
                A::getBatchPostersCall {}.abi_encode(),
                800 + 2 * 800 + 9,
                [words(&[32, 1]), word(poster)].concat(),
            ),
            (
                A::getFeeCollectorCall { batchPoster: poster }.abi_encode(),
                803 + 1_600 + 3,
                word(poster),
            ),
            (
                A::getTxBaseFeeCall { aggregator: poster }.abi_encode(),
                806,
                words(&[0]),
            ),
        ],
    );
    let table = ArbFunctionTable::sizeCall { addr: dev }.abi_encode();
    check(&mut chain, ARB_FUNCTION_TABLE, vec![(table, 806, words(&[0]))]);
    let hash = ArbFilteredTransactionsManager::isTransactionFilteredCall { txHash: B256::ZERO };
    let cases = vec![(hash.abi_encode(), 1_600, words(&[0]))];
    check(&mut chain, ARB_FILTERED_TRANSACTIONS_MANAGER, cases);
    let manager = ArbWasmCache::isCacheManagerCall { manager: dev }.abi_encode();
    let managers = ArbWasmCache::allCacheManagersCall {}.abi_encode();
    let cases = vec![(manager, 1_606, words(&[0])), (managers, 1_606, empty())];
    check(&mut chain, ARB_WASM_CACHE, cases);
    let stats = ArbStatistics::getStatsCall {}.abi_encode();
    let height = chain.block_number() + 1;
    check(
        &mut chain,
        ARB_STATISTICS,
        vec![(stats, 818, words(&[height, 0, 0, 0, 0, 0]))],
    );
}

#[test]
fn retryables_are_missing_and_said_to_be() {
    use ArbRetryableTx as R;
    let mut chain = Chain::default();
    let ticket = B256::with_last_byte(1);
    let missing = R::NoTicketWithID {}.abi_encode();
    let cases = vec![
        (R::getLifetimeCall {}.abi_encode(), 803, words(&[604_800])),
        (R::getCurrentRedeemerCall {}.abi_encode(), 803, words(&[0])),
        (
            R::getTimeoutCall { ticketId: ticket }.abi_encode(),
            1_606,
            missing.clone(),
        ),
        (
            R::getBeneficiaryCall { ticketId: ticket }.abi_encode(),
            1_606,
            missing.clone(),
        ),
        (
            R::keepaliveCall { ticketId: ticket }.abi_encode(),
            1_606,
            missing.clone(),
        ),
        (R::cancelCall { ticketId: ticket }.abi_encode(), 1_606, missing.clone()),
        (R::redeemCall { ticketId: ticket }.abi_encode(), 2_406, missing),
    ];
    check(&mut chain, ARB_RETRYABLE_TX, cases);
}

#[test]
fn address_table_registers_compresses_and_finds_addresses() {
    use ArbAddressTable as T;
    let mut chain = Chain::default();
    let word = |account: Address| account.into_word().to_vec();
    let bytes = |bytes: &[u8]| {
        [
            words(&[32, bytes.len() as u64]),
            bytes.to_vec(),
            vec![0; 32 - bytes.len()],
        ]
        .concat()
    };
    let rlp = [&[0x94][..], ALICE.as_slice()].concat();
    let decompress = |buf: &[u8], offset| {
        let offset = U256::from(offset);
        T::decompressCall {
            buf: buf.to_vec().into(),
            offset,
        }
        .abi_encode()
    };
    // The table's size, the address, and its number are written.
    let registered = 803 + 800 + 800 + 3 * 20_000 + 3;
    let cases = vec![
        (T::sizeCall {}.abi_encode(), 1_603, words(&[0])),
        (T::addressExistsCall { addr: ALICE }.abi_encode(), 1_606, words(&[0])),
        (T::compressCall { addr: ALICE }.abi_encode(), 803 + 800 + 9, bytes(&rlp)),
        // An address in full takes no look-up.
        (
            decompress(&rlp, 0),
            800 + 3 * 4 + 6,
            [word(ALICE), words(&[21])].concat(),
        ),
        (
            T::registerCall { addr: DEV_ACCOUNT }.abi_encode(),
            registered,
            words(&[0]),
        ),
        (T::registerCall { addr: ALICE }.abi_encode(), registered, words(&[1])),
        (T::registerCall { addr: ALICE }.abi_encode(), 1_606, words(&[1])),
        (T::sizeCall {}.abi_encode(), 1_603, words(&[2])),
        (T::addressExistsCall { addr: ALICE }.abi_encode(), 1_606, words(&[1])),
        (T::lookupCall { addr: ALICE }.abi_encode(), 1_606, words(&[1])),
        (T::lookupIndexCall { index: U256::ONE }.abi_encode(), 2_406, word(ALICE)),
        (T::compressCall { addr: ALICE }.abi_encode(), 803 + 800 + 9, bytes(&[1])),
        (
            T::compressCall { addr: DEV_ACCOUNT }.abi_encode(),
            803 + 800 + 9,
            bytes(&[0x80]),
        ),
        (
            decompress(&[9, 1], 1),
            800 + 3 * 4 + 1_600 + 6,
            [word(ALICE), words(&[1])].concat(),
        ),
        // Unknown addresses and numbers are plain reverts.
        (T::lookupCall { addr: CONTRACT }.abi_encode(), 1_603, vec![]),
        (T::lookupIndexCall { index: U256::from(2) }.abi_encode(), 1_603, vec![]),
        (decompress(&[0x81, 1], 0), 800 + 3 * 4, vec![]),
        (decompress(&[1], 2), 800 + 3 * 4, vec![]),
    ];
    check(&mut chain, ARB_ADDRESS_TABLE, cases);
}

#[test]
fn cache_program_and_evict_codehash_cost_the_documented_totals() {
    let (mut chain, codehash) = chain();
    let cache = ArbWasmCache::cacheProgramCall { program: PROGRAM }.abi_encode();
    let evict = ArbWasmCache::evictCodehashCall { codehash }.abi_encode();
    let is_cached = |chain: &mut Chain| {
        let call = ArbWasmCache::codehashIsCachedCall { codehash }.abi_encode();
        send(chain, ARB_WASM_CACHE, call).output[31] == 1
    };
    // The caller is no manager, but an owner; parameters; the record.
    let look_ups = 803 + 1_600 + 100 + 800;
    // The event, the program's cost, its module hash, and the record.
    let change = (375 * 4 + 8 * 32) + 18 + 800 + 20_000;
    let receipt = send(&mut chain, ARB_WASM_CACHE, cache.clone());
    assert_eq!(execution_gas(&receipt, &cache), 2_600 + look_ups + change);
    let event = ArbWasmCache::UpdateProgramCache::decode_log(&receipt.logs[0]).unwrap();
    assert_eq!(
        (event.manager, event.codehash, event.cached),
        (DEV_ACCOUNT, codehash, true)
    );
    assert!(is_cached(&mut chain));
    let receipt = send(&mut chain, ARB_WASM_CACHE, cache.clone());
    assert!(receipt.success && receipt.logs.is_empty(), "nothing changed");
    assert_eq!(execution_gas(&receipt, &cache), 2_600 + look_ups);
    // A manager is found at the first look-up.
    own(
        &mut chain,
        &ArbOwner::addWasmCacheManagerCall { manager: ALICE }.abi_encode(),
    );
    let receipt = send_as(&mut chain, ALICE, ARB_WASM_CACHE, evict.clone());
    assert_eq!(execution_gas(&receipt, &evict), look_ups - 800 + change);
    assert!(!is_cached(&mut chain));
    own(
        &mut chain,
        &ArbOwner::removeWasmCacheManagerCall { manager: ALICE }.abi_encode(),
    );
    for data in [cache, evict] {
        let receipt = send_as(&mut chain, ALICE, ARB_WASM_CACHE, data);
        assert!(!receipt.success && receipt.output.is_empty());
        assert_eq!(receipt.gas_used, 1_000_000, "others burn everything");
    }
}

#[test]
fn cache_program_of_unusable_program_says_why() {
    let (mut chain, codehash) = chain();
    let unknown = ArbWasmCache::cacheProgramCall { program: CONTRACT }.abi_encode();
    let receipt = send(&mut chain, ARB_WASM_CACHE, unknown);
    let error = ArbWasm::ProgramNeedsUpgrade::abi_decode(&receipt.output).unwrap();
    assert_eq!((error.version, error.stylusVersion), (0, 3));
    chain.warp(366 * DAY_SECS);
    let receipt = chain.cache_program(DEV_ACCOUNT, PROGRAM).unwrap();
    assert!(ArbWasm::ProgramExpired::abi_decode(&receipt.output).is_ok());
    // What is expired may still be evicted.
    let evict = ArbWasmCache::evictCodehashCall { codehash }.abi_encode();
    assert!(send(&mut chain, ARB_WASM_CACHE, evict).success);
}

#[test]
fn owners_act_free_of_gas_and_are_logged() {
    let mut chain = Chain::default();
    let add = ArbOwner::addChainOwnerCall { newOwner: ALICE }.abi_encode();
    let receipt = own(&mut chain, &add.clone());
    let added = ArbOwner::ChainOwnerAdded::decode_log(&receipt.logs[0]).unwrap();
    assert_eq!((added.address, added.owner), (ARB_OWNER, ALICE));
    let acts = ArbOwner::OwnerActs::decode_log(&receipt.logs[1]).unwrap();
    assert_eq!((acts.address, acts.owner), (ARB_OWNER, DEV_ACCOUNT));
    assert_eq!(acts.method, FixedBytes(ArbOwner::addChainOwnerCall::SELECTOR));
    assert_eq!(acts.data.data, add);
    // Reading is logged as well.
    let all = own(&mut chain, &ArbOwner::getAllChainOwnersCall {}.abi_encode());
    let owners = ArbOwner::getAllChainOwnersCall::abi_decode_returns(&all.output).unwrap();
    assert_eq!(owners, [DEV_ACCOUNT, ALICE]);
    assert_eq!(all.logs.len(), 1);
    // The last owner takes the place of the one removed.
    let remove = ArbOwner::removeChainOwnerCall {
        ownerToRemove: DEV_ACCOUNT,
    }
    .abi_encode();
    assert!(send_as(&mut chain, ALICE, ARB_OWNER, remove.clone()).success);
    let public = ArbOwnerPublic::getAllChainOwnersCall {}.abi_encode();
    let all = send(&mut chain, ARB_OWNER_PUBLIC, public);
    let owners = ArbOwnerPublic::getAllChainOwnersCall::abi_decode_returns(&all.output).unwrap();
    assert_eq!(owners, [ALICE]);
    // Who is none any more burns everything.
    let receipt = send(&mut chain, ARB_OWNER, add);
    assert!(!receipt.success && receipt.gas_used == 1_000_000);
    // An owner's mistake costs nothing: no such owner, an unknown method.
    for data in [remove, vec![1, 2, 3, 4], vec![1]] {
        let receipt = send_as(&mut chain, ALICE, ARB_OWNER, data.clone());
        assert!(!receipt.success && receipt.output.is_empty());
        assert_eq!(execution_gas(&receipt, &data), 0);
    }
    // Their storage is that of a node: a counter, a list, and positions by address.
    let set = Space::root().sub(4);
    assert_eq!(chain.storage(ARBOS, set.at(0)), U256::ONE);
    assert_eq!(chain.storage(ARBOS, set.at(1)), U256::from_be_slice(ALICE.as_slice()));
    assert_eq!(chain.storage(ARBOS, set.at(2)), U256::ZERO);
    assert_eq!(chain.storage(ARBOS, set.sub(0).of(ALICE)), U256::ONE);
    assert_eq!(chain.storage(ARBOS, set.sub(0).of(DEV_ACCOUNT)), U256::ZERO);
}

#[test]
fn become_chain_owner_makes_the_caller_one() {
    let mut chain = Chain::default();
    let become_owner = ArbDebug::becomeChainOwnerCall {}.abi_encode();
    let receipt = send_as(&mut chain, ALICE, ARB_DEBUG, become_owner.clone());
    // Membership, the counter twice, and three writes.
    assert_eq!(execution_gas(&receipt, &become_owner), 800 + 3 * 800 + 3 * 20_000);
    let is_owner = ArbOwnerPublic::isChainOwnerCall { addr: ALICE }.abi_encode();
    assert_eq!(send(&mut chain, ARB_OWNER_PUBLIC, is_owner).output[31], 1);
}

#[test]
fn debug_events_and_errors_are_as_defined() {
    let mut chain = Chain::default();
    let value = B256::with_last_byte(9);
    let events = ArbDebug::eventsCall { flag: true, value }.abi_encode();
    let tx = Tx::call(DEV_ACCOUNT, ARB_DEBUG, events.clone()).value(U256::from(5));
    let receipt = chain.send(tx.gas(1_000_000)).unwrap();
    let paid = [DEV_ACCOUNT.into_word().to_vec(), words(&[5])].concat();
    assert_eq!(receipt.output, paid);
    // One topic and a word; three topics and two words.
    let gas = 806 + (375 * 3 + 8 * 32) + (375 * 5 + 8 * 64) + 6;
    assert_eq!(execution_gas(&receipt, &events), gas);
    assert_eq!(receipt.logs.len(), 2);
    let view = ArbDebug::eventsViewCall {}.abi_encode();
    let receipt = send(&mut chain, ARB_DEBUG, view.clone());
    assert!(!receipt.success, "views do not log");
    assert_eq!(execution_gas(&receipt, &view), 800);
    let custom = ArbDebug::customRevertCall { number: 7 }.abi_encode();
    let receipt = send(&mut chain, ARB_DEBUG, custom.clone());
    let error = ArbDebug::Custom::abi_decode(&receipt.output).unwrap();
    assert_eq!((error._0, error._2), (7, true));
    assert_eq!(
        execution_gas(&receipt, &custom),
        3 + 3 * receipt.output.len().div_ceil(32) as u64
    );
    let code = ArbDebug::overwriteContractCodeCall {
        target: CONTRACT,
        newCode: Bytes::from_static(&[0xFE]),
    };
    assert!(send(&mut chain, ARB_DEBUG, code.abi_encode()).success);
    assert_eq!(chain.code(CONTRACT), Bytes::from_static(&[0xFE]));
}

#[test]
fn burn_arb_gas_takes_what_is_asked_or_all() {
    let mut chain = Chain::default();
    for (asked, gas) in [(5_000, 5_003), (u64::MAX, 0)] {
        let data = ArbosTest::burnArbGasCall {
            gasAmount: U256::from(asked),
        }
        .abi_encode();
        let receipt = send(&mut chain, ARBOS_TEST, data.clone());
        assert!(receipt.success);
        match gas {
            0 => assert_eq!(receipt.gas_used, 1_000_000),
            gas => assert_eq!(execution_gas(&receipt, &data), gas),
        }
    }
}

#[test]
fn rules_common_to_all_precompiles_burn_everything() {
    let mut chain = Chain::default();
    chain.deal(ALICE, U256::from(10).pow(U256::from(20)));
    for to in ADDRESSES {
        // Owners lose nothing, and others only the look-up at the manager of filters.
        let used = if to == ARB_FILTERED_TRANSACTIONS_MANAGER {
            1_600
        } else {
            1_000_000
        };
        for data in [vec![], vec![1, 2, 3], vec![0xFF; 4], vec![0xFF; 36]] {
            let receipt = send_as(&mut chain, ALICE, to, data.clone());
            assert!(!receipt.success && receipt.output.is_empty(), "{to}");
            match used {
                1_600 => assert_eq!(execution_gas(&receipt, &data), used, "{to}"),
                _ => assert_eq!(receipt.gas_used, used, "{to} {data:?}"),
            }
        }
    }
}

/// A view or write method of each precompile that has any, with whether it writes.
fn methods() -> Vec<(Address, Vec<u8>, bool)> {
    let hash = B256::ZERO;
    vec![
        (ARB_SYS, ArbSys::arbBlockNumberCall {}.abi_encode(), false),
        (
            ARB_SYS,
            ArbSys::withdrawEthCall { destination: ALICE }.abi_encode(),
            true,
        ),
        (ARB_INFO, ArbInfo::getBalanceCall { account: ALICE }.abi_encode(), false),
        (ARB_ADDRESS_TABLE, ArbAddressTable::sizeCall {}.abi_encode(), false),
        (
            ARB_ADDRESS_TABLE,
            ArbAddressTable::compressCall { addr: ALICE }.abi_encode(),
            true,
        ),
        (
            ARB_FUNCTION_TABLE,
            ArbFunctionTable::sizeCall { addr: ALICE }.abi_encode(),
            false,
        ),
        (
            ARB_FUNCTION_TABLE,
            ArbFunctionTable::uploadCall { buf: Bytes::new() }.abi_encode(),
            true,
        ),
        (
            ARB_OWNER_PUBLIC,
            ArbOwnerPublic::getAllChainOwnersCall {}.abi_encode(),
            false,
        ),
        (ARB_GAS_INFO, ArbGasInfo::getGasBacklogCall {}.abi_encode(), false),
        (
            ARB_AGGREGATOR,
            ArbAggregator::getDefaultAggregatorCall {}.abi_encode(),
            false,
        ),
        (
            ARB_AGGREGATOR,
            ArbAggregator::setTxBaseFeeCall {
                aggregator: ALICE,
                feeInL1Gas: U256::ZERO,
            }
            .abi_encode(),
            true,
        ),
        (ARB_RETRYABLE_TX, ArbRetryableTx::getLifetimeCall {}.abi_encode(), false),
        (ARB_STATISTICS, ArbStatistics::getStatsCall {}.abi_encode(), false),
        (ARB_WASM, ArbWasm::stylusVersionCall {}.abi_encode(), false),
        (
            ARB_WASM,
            ArbWasm::codehashKeepaliveCall { codehash: hash }.abi_encode(),
            true,
        ),
        (
            ARB_WASM_CACHE,
            ArbWasmCache::allCacheManagersCall {}.abi_encode(),
            false,
        ),
        (
            ARB_WASM_CACHE,
            ArbWasmCache::evictCodehashCall { codehash: hash }.abi_encode(),
            true,
        ),
        (ARB_DEBUG, ArbDebug::becomeChainOwnerCall {}.abi_encode(), true),
    ]
}

#[test]
fn static_calls_may_read_and_burn_everything_when_they_write() {
    let mut chain = Chain::default();
    for (to, data, writes) in methods() {
        let (success, gas) = forward(&mut chain, 0xFA, to, &data);
        assert_eq!(
            (success, gas == 100_000),
            (!writes, writes),
            "{to} {}",
            hex::encode(&data)
        );
    }
}

#[test]
fn delegate_calls_of_other_than_pure_methods_burn_everything() {
    let mut chain = Chain::default();
    for (to, data, _) in methods() {
        assert_eq!(forward(&mut chain, 0xF4, to, &data), (false, 100_000), "{to}");
    }
    let pure = ArbSys::mapL1SenderContractAddressToL2AliasCall {
        sender: ALICE,
        unused: Address::ZERO,
    };
    // No state is opened: two words of arguments, one of results.
    assert_eq!(forward(&mut chain, 0xF4, ARB_SYS, &pure.abi_encode()), (true, 9));
}

#[test]
fn value_is_refused_by_methods_that_are_not_payable() {
    let mut chain = Chain::default();
    let payable = [
        ArbSys::withdrawEthCall::SELECTOR,
        ArbWasm::codehashKeepaliveCall::SELECTOR,
    ];
    for (to, data, _) in methods() {
        if payable.iter().any(|selector| data.starts_with(selector)) {
            continue;
        }
        let tx = Tx::call(DEV_ACCOUNT, to, data).value(U256::ONE).gas(100_000);
        let receipt = chain.send(tx).unwrap();
        assert!(!receipt.success, "{to}");
        assert_eq!(receipt.gas_used, 100_000, "{to}");
    }
}

#[test]
fn arguments_out_of_range_burn_everything() {
    let mut chain = Chain::default();
    let mut data = ArbDebug::customRevertCall { number: 1 }.abi_encode();
    data[4] = 1;
    assert_eq!(send(&mut chain, ARB_DEBUG, data).gas_used, 1_000_000);
    let value = B256::ZERO;
    let mut data = ArbDebug::eventsCall { flag: true, value }.abi_encode();
    data[35] = 2;
    assert_eq!(send(&mut chain, ARB_DEBUG, data).gas_used, 1_000_000);
}

#[test]
fn arbos_acts_are_not_for_users() {
    let mut chain = Chain::default();
    let data = ArbosActs::startBlockCall {
        l1BaseFee: U256::ZERO,
        l1BlockNumber: 0,
        l2BlockNumber: 0,
        timePassed: 0,
    }
    .abi_encode();
    let receipt = send(&mut chain, ARBOS_ACTS, data.clone());
    assert_eq!(receipt.output, ArbosActs::CallerNotArbOS {}.abi_encode());
    assert_eq!(execution_gas(&receipt, &data), 800 + 4 * 3 + 3);
}

#[test]
fn call_stack_questions_look_past_the_caller() {
    let mut chain = Chain::default();
    // Copies the calldata on, and returns what it gets: CALL or DELEGATECALL of `to`.
    let relay = |op: u8, to: Address| {
        let value: &[u8] = if op == 0xF1 { &[0x5F] } else { &[] };
        [
            &[0x36, 0x5F, 0x5F, 0x37, 0x5F, 0x5F, 0x36, 0x5F][..],
            value,
            &[0x73],
            to.as_slice(),
            &[0x5A, op, 0x50, 0x3D, 0x5F, 0x5F, 0x3E, 0x3D, 0x5F, 0xF3],
        ]
        .concat()
    };
    let outer = address!("0000000000000000000000000000000000002002");
    chain.set_code(CONTRACT, relay(0xF1, ARB_SYS));
    chain.set_code(outer, relay(0xF1, CONTRACT));
    let top = ArbSys::isTopLevelCallCall {}.abi_encode();
    assert_eq!(send(&mut chain, CONTRACT, top.clone()).output, words(&[1]));
    assert_eq!(send(&mut chain, outer, top).output, words(&[0]));
    let caller = ArbSys::myCallersAddressWithoutAliasingCall {}.abi_encode();
    assert_eq!(
        send(&mut chain, CONTRACT, caller.clone()).output,
        DEV_ACCOUNT.into_word().to_vec()
    );
    assert_eq!(
        send(&mut chain, outer, caller.clone()).output,
        outer.into_word().to_vec()
    );
    // Code run by delegation has its host's caller.
    chain.set_code(outer, relay(0xF4, CONTRACT));
    assert_eq!(send(&mut chain, outer, caller).output, DEV_ACCOUNT.into_word().to_vec());
    let alias = ArbSys::mapL1SenderContractAddressToL2AliasCall {
        sender: address!("ffffffffffffffffffffffffffffffffffffffff"),
        unused: Address::ZERO,
    };
    let receipt = send(&mut chain, ARB_SYS, alias.abi_encode());
    let expected = address!("1111000000000000000000000000000000001110");
    assert_eq!(receipt.output, expected.into_word().to_vec());
    assert_eq!(execution_gas(&receipt, &alias.abi_encode()), 9);
}

#[test]
fn block_hash_of_other_than_the_last_256_blocks_is_an_error() {
    let mut chain = Chain::default();
    for _ in 0..3 {
        send(&mut chain, ALICE, Bytes::new());
    }
    let current = chain.block_number() + 1;
    for (requested, valid) in [(current, false), (current + 1, false), (current - 1, true), (0, true)] {
        let call = ArbSys::arbBlockHashCall {
            arbBlockNum: U256::from(requested),
        };
        let receipt = chain
            .clone()
            .send(Tx::call(DEV_ACCOUNT, ARB_SYS, call.abi_encode()))
            .unwrap();
        assert_eq!(receipt.success, valid, "{requested}");
        if valid {
            assert_eq!(execution_gas(&receipt, &call.abi_encode()), 806);
        } else {
            let error = ArbSys::InvalidBlockNumber::abi_decode(&receipt.output).unwrap();
            assert_eq!(error.requested, U256::from(requested));
            assert_eq!(error.current, U256::from(current));
            // The error's 68 bytes are paid for like a result.
            assert_eq!(execution_gas(&receipt, &call.abi_encode()), 803 + 3 * 3);
        }
    }
    let call = ArbSys::arbBlockHashCall { arbBlockNum: U256::MAX };
    let receipt = send(&mut chain, ARB_SYS, call.abi_encode());
    assert!(ArbSys::InvalidBlockNumber::abi_decode(&receipt.output).is_ok());
}

/// The hash that a message to the parent chain has.
fn message_hash(log: &Log<ArbSys::L2ToL1Tx>) -> B256 {
    let numbers = [log.arbBlockNum, log.ethBlockNum, log.timestamp, log.callvalue];
    let numbers: Vec<u8> = numbers.iter().flat_map(U256::to_be_bytes::<32>).collect();
    let message = [
        log.caller.as_slice(),
        log.destination.as_slice(),
        &numbers,
        &log.data.data,
    ]
    .concat();
    keccak256(message)
}

#[test]
fn messages_to_the_parent_chain_burn_their_value_and_form_a_tree() {
    let mut chain = Chain::default();
    let message = Bytes::from_static(b"hello");
    let data = ArbSys::sendTxToL1Call {
        destination: ALICE,
        data: message.clone(),
    }
    .abi_encode();
    let mut leaves = Vec::new();
    let keccak = |words: u64| 30 + 6 * words;
    let event = |bytes: u64| 375 * 5 + 8 * bytes;
    // Native token owners (for the value), the message's 173 bytes, the counter up, the size again, the log.
    let fixed = 800 + 3 * 4 + 800 + keccak(6) + 800 + 20_000 + 800 + event(32 * 8) + 3;
    // A first leaf is stored; a second replaces it by a node one level up; a third is stored; the fourth goes up two.
    let (fresh, carry) = (800 + 20_000, 800 + keccak(2) + 5_000 + 375 * 5);
    let tree = [20_000, carry + 20_000, fresh, 2 * carry + 20_000];
    for (position, tree) in tree.into_iter().enumerate() {
        let tx = Tx::call(DEV_ACCOUNT, ARB_SYS, data.clone())
            .value(U256::from(5))
            .gas(1_000_000);
        let receipt = chain.send(tx).unwrap();
        assert_eq!(receipt.output, words(&[position as u64]));
        assert_eq!(execution_gas(&receipt, &data), fixed + tree, "message {position}");
        let log = ArbSys::L2ToL1Tx::decode_log(receipt.logs.last().unwrap()).unwrap();
        assert_eq!(
            (log.address, log.caller, log.destination),
            (ARB_SYS, DEV_ACCOUNT, ALICE)
        );
        assert_eq!((log.position, log.callvalue), (U256::from(position), U256::from(5)));
        assert_eq!((log.arbBlockNum, &log.data.data), (U256::from(receipt.block), &message));
        assert_eq!(B256::from(log.hash), message_hash(&log));
        leaves.push(keccak256(message_hash(&log)));
    }
    assert_eq!(chain.balance(ARB_SYS), U256::ZERO, "the value is gone");
    let node = |left: B256, right: B256| keccak256([left.0, right.0].concat());
    let (left, right) = (node(leaves[0], leaves[1]), node(leaves[2], leaves[3]));
    let update = ArbSys::SendMerkleUpdate {
        reserved: U256::ZERO,
        hash: node(left, right),
        position: (U256::from(2) << 192) | U256::from(3),
    };
    let state = ArbSys::sendMerkleTreeStateCall {}.abi_encode();
    assert!(
        !send(&mut chain, ARB_SYS, state.clone()).success,
        "only for address zero"
    );
    let exported = chain.call(Tx::call(Address::ZERO, ARB_SYS, state.clone())).unwrap();
    let exported = ArbSys::sendMerkleTreeStateCall::abi_decode_returns(&exported.output).unwrap();
    assert_eq!(exported.size, U256::from(4));
    assert_eq!(exported.root, update.hash);
    assert_eq!(exported.partials, [B256::ZERO, B256::ZERO, update.hash]);
    // A fifth leaf stands alone under three levels of zeros.
    let withdraw = ArbSys::withdrawEthCall { destination: ALICE }.abi_encode();
    let receipt = send(&mut chain, ARB_SYS, withdraw);
    let log = ArbSys::L2ToL1Tx::decode_log(&receipt.logs[0]).unwrap();
    let leaf = keccak256(message_hash(&log));
    let right = node(node(leaf, B256::ZERO), B256::ZERO);
    let exported = chain.call(Tx::call(Address::ZERO, ARB_SYS, state)).unwrap();
    let exported = ArbSys::sendMerkleTreeStateCall::abi_decode_returns(&exported.output).unwrap();
    assert_eq!(exported.root, node(update.hash, right));
}

#[test]
fn merkle_updates_name_the_nodes_that_were_completed() {
    let mut chain = Chain::default();
    let withdraw = ArbSys::withdrawEthCall { destination: ALICE }.abi_encode();
    let first = send(&mut chain, ARB_SYS, withdraw.clone());
    let second = send(&mut chain, ARB_SYS, withdraw);
    let leaf = |receipt: &Receipt| {
        let log = ArbSys::L2ToL1Tx::decode_log(receipt.logs.last().unwrap()).unwrap();
        keccak256(message_hash(&log))
    };
    assert_eq!((first.logs.len(), second.logs.len()), (1, 2));
    let update = ArbSys::SendMerkleUpdate::decode_log(&second.logs[0]).unwrap();
    assert_eq!(update.hash, keccak256([leaf(&first).0, leaf(&second).0].concat()));
    assert_eq!(update.position, (U256::ONE << 192) | U256::ONE);
}

#[test]
fn raised_stylus_version_makes_programs_stale_until_activated_again() {
    let (mut chain, codehash) = chain();
    let mut params = chain.stylus_params();
    params.version = 4;
    chain.set_stylus_params(&params);
    let receipt = send(&mut chain, PROGRAM, Bytes::new());
    assert!(receipt.output.is_empty() && receipt.gas_used == 1_000_000);
    for data in [
        ArbWasm::programVersionCall { program: PROGRAM }.abi_encode(),
        ArbWasm::codehashKeepaliveCall { codehash }.abi_encode(),
    ] {
        let receipt = send(&mut chain, ARB_WASM, data);
        let error = ArbWasm::ProgramNeedsUpgrade::abi_decode(&receipt.output).unwrap();
        assert_eq!((error.version, error.stylusVersion), (3, 4));
    }
    let activated = chain.activate(DEV_ACCOUNT, PROGRAM).unwrap();
    let event = ArbWasm::ProgramActivated::decode_log(&activated.logs[0]).unwrap();
    assert_eq!(event.version, 4);
    assert!(send(&mut chain, PROGRAM, Bytes::new()).success);
}

#[test]
fn owners_set_stylus_parameters_and_programs_run_by_them() {
    use ArbOwner as O;
    let (mut chain, _) = chain();
    for data in [
        O::setInkPriceCall { price: 20_000 }.abi_encode(),
        O::setWasmMaxStackDepthCall { depth: 30_000 }.abi_encode(),
        O::setWasmFreePagesCall { pages: 0 }.abi_encode(),
        O::setWasmPageGasCall { gas: 2_000 }.abi_encode(),
        O::setWasmPageLimitCall { limit: 100 }.abi_encode(),
        O::setWasmMaxSizeCall { size: 200_000 }.abi_encode(),
        // Rounded up to whole units: 2 · 128 and 3 · 32.
        O::setWasmMinInitGasCall { gas: 129, cached: 65 }.abi_encode(),
        O::setWasmInitCostScalarCall { percent: 51 }.abi_encode(),
        O::setWasmExpiryDaysCall { days: 300 }.abi_encode(),
        O::setWasmKeepaliveDaysCall { days: 20 }.abi_encode(),
        O::setWasmBlockCacheSizeCall { count: 5 }.abi_encode(),
        O::setMaxStylusContractFragmentsCall { maxFragments: 9 }.abi_encode(),
        O::setWasmActivationGasCall { gas: 77 }.abi_encode(),
    ] {
        own(&mut chain, &data);
    }
    let program = PROGRAM;
    let cases = [
        (ArbWasm::inkPriceCall {}.abi_encode(), vec![20_000]),
        (ArbWasm::maxStackDepthCall {}.abi_encode(), vec![30_000]),
        (ArbWasm::freePagesCall {}.abi_encode(), vec![0]),
        (ArbWasm::pageGasCall {}.abi_encode(), vec![2_000]),
        (ArbWasm::pageLimitCall {}.abi_encode(), vec![100]),
        (ArbWasm::minInitGasCall {}.abi_encode(), vec![256, 96]),
        (ArbWasm::initCostScalarCall {}.abi_encode(), vec![52]),
        (ArbWasm::expiryDaysCall {}.abi_encode(), vec![300]),
        (ArbWasm::keepaliveDaysCall {}.abi_encode(), vec![20]),
        (ArbWasm::blockCacheSizeCall {}.abi_encode(), vec![5]),
        (ArbWasm::activationGasCall {}.abi_encode(), vec![77]),
        // 52 % of 18, rounded up; the cached cost has a scalar of its own.
        (
            ArbWasm::programInitGasCall { program }.abi_encode(),
            vec![256 + 10 + 96 + 11, 96 + 11],
        ),
    ];
    for (data, expected) in cases {
        assert_eq!(
            send(&mut chain, ARB_WASM, data.clone()).output,
            words(&expected),
            "{}",
            hex::encode(&data)
        );
    }
    chain.set_trace(true);
    let receipt = send(&mut chain, PROGRAM, Bytes::new());
    let run = receipt.runs.last().unwrap();
    // One page, which no longer is free.
    let entry_gas = 2_000 + 256 + 10 + 96 + 11;
    assert_eq!(run.entry_gas, entry_gas);
    assert_eq!(run.ink_start, (1_000_000 - 21_000 - entry_gas) * 20_000);
    chain.warp(301 * DAY_SECS);
    assert!(!send(&mut chain, PROGRAM, Bytes::new()).success, "it has expired");
    let zero = O::setInkPriceCall { price: 0 }.abi_encode();
    assert!(!send(&mut chain, ARB_OWNER, zero).success);
}

#[test]
fn network_fee_account_set_by_an_owner_receives_the_data_fee() {
    let (mut chain, _) = chain();
    let set = ArbOwner::setNetworkFeeAccountCall {
        newNetworkFeeAccount: ALICE,
    };
    own(&mut chain, &set.abi_encode());
    chain.warp(200 * DAY_SECS);
    let receipt = chain.keep_alive(DEV_ACCOUNT, PROGRAM).unwrap();
    let event = ArbWasm::ProgramLifetimeExtended::decode_log(&receipt.logs[0]).unwrap();
    assert_eq!(chain.balance(ALICE), event.dataFee);
}

#[test]
fn native_tokens_are_minted_and_burned_by_their_owners_only() {
    let mut chain = Chain::default();
    let mint = ArbNativeTokenManager::mintNativeTokenCall {
        amount: U256::from(1_000),
    }
    .abi_encode();
    let add = ArbOwner::addNativeTokenOwnerCall { newOwner: ALICE }.abi_encode();
    assert_eq!(
        send(&mut chain, ARB_NATIVE_TOKEN_MANAGER, mint.clone()).gas_used,
        1_000_000
    );
    assert!(!send(&mut chain, ARB_OWNER, add.clone()).success, "the feature is off");
    let from = chain.timestamp() + 7 * DAY_SECS;
    let enable = |timestamp| ArbOwner::setNativeTokenManagementFromCall { timestamp }.abi_encode();
    assert!(
        !send(&mut chain, ARB_OWNER, enable(from - 1)).success,
        "a week's notice"
    );
    own(&mut chain, &enable(from));
    chain.warp(7 * DAY_SECS);
    own(&mut chain, &add);
    chain.deal(ALICE, U256::from(10).pow(U256::from(18)));
    let before = chain.balance(ALICE);
    let receipt = send_as(&mut chain, ALICE, ARB_NATIVE_TOKEN_MANAGER, mint.clone());
    assert_eq!(execution_gas(&receipt, &mint), 803 + 800 + 9_100 + (375 * 3 + 8 * 32));
    let spent = U256::from(receipt.gas_used * chain.base_fee());
    assert_eq!(chain.balance(ALICE) + spent, before + U256::from(1_000));
    let burn = ArbNativeTokenManager::burnNativeTokenCall {
        amount: U256::from(400),
    }
    .abi_encode();
    assert!(send_as(&mut chain, ALICE, ARB_NATIVE_TOKEN_MANAGER, burn).success);
    let too_much = ArbNativeTokenManager::burnNativeTokenCall { amount: U256::MAX }.abi_encode();
    let receipt = send_as(&mut chain, ALICE, ARB_NATIVE_TOKEN_MANAGER, too_much);
    assert!(!receipt.success && receipt.gas_used < 100_000);
    // With minters about, value can no longer leave.
    let withdraw = ArbSys::withdrawEthCall { destination: ALICE }.abi_encode();
    let tx = Tx::call(DEV_ACCOUNT, ARB_SYS, withdraw).value(U256::ONE);
    assert!(!chain.send(tx).unwrap().success);
}

#[test]
fn filterers_keep_a_list_free_of_gas() {
    use ArbFilteredTransactionsManager as F;
    let mut chain = Chain::default();
    let timestamp = chain.timestamp() + 8 * DAY_SECS;
    own(
        &mut chain,
        &ArbOwner::setTransactionFilteringFromCall { timestamp }.abi_encode(),
    );
    chain.warp(8 * DAY_SECS);
    own(
        &mut chain,
        &ArbOwner::addTransactionFiltererCall { filterer: ALICE }.abi_encode(),
    );
    let hash = B256::with_last_byte(3);
    let (add, delete) = (
        F::addFilteredTransactionCall { txHash: hash }.abi_encode(),
        F::deleteFilteredTransactionCall { txHash: hash }.abi_encode(),
    );
    let listed = |chain: &mut Chain| {
        let data = F::isTransactionFilteredCall { txHash: hash }.abi_encode();
        send(chain, ARB_FILTERED_TRANSACTIONS_MANAGER, data).output[31] == 1
    };
    assert!(!send(&mut chain, ARB_FILTERED_TRANSACTIONS_MANAGER, add.clone()).success);
    for (data, expected) in [(add, true), (delete, false)] {
        let receipt = send_as(&mut chain, ALICE, ARB_FILTERED_TRANSACTIONS_MANAGER, data.clone());
        assert!(receipt.success && receipt.logs.len() == 1);
        assert_eq!(execution_gas(&receipt, &data), 0);
        assert_eq!(listed(&mut chain), expected);
    }
}

#[test]
fn precompiles_leave_accounts_cold() {
    let (mut chain, codehash) = chain();
    chain.warp(200 * DAY_SECS);
    // Forwards its calldata and value to `to`, then returns the gas of BALANCE(`of`): 9 for the opcodes around it.
    let probe = |to: Address, of: Address| {
        [
            &[0x36, 0x5F, 0x5F, 0x37, 0x5F, 0x5F, 0x36, 0x5F, 0x34, 0x73][..],
            to.as_slice(),
            &[0x5A, 0xF1, 0x5A, 0x73],
            of.as_slice(),
            &[
                0x31, 0x50, 0x5A, 0x90, 0x03, 0x5F, 0x52, 0x5F, 0x51, 0x90, 0x60, 0x20, 0x52, 0x60, 0x40, 0x5F, 0xF3,
            ],
        ]
        .concat()
    };
    let keep_alive = ArbWasm::codehashKeepaliveCall { codehash }.abi_encode();
    let cases = [
        (ARB_INFO, ArbInfo::getBalanceCall { account: ALICE }.abi_encode(), ALICE),
        (
            ARB_INFO,
            ArbInfo::getCodeCall { account: PROGRAM }.abi_encode(),
            PROGRAM,
        ),
        (
            ARB_WASM,
            ArbWasm::programVersionCall { program: PROGRAM }.abi_encode(),
            PROGRAM,
        ),
        (
            ARB_WASM,
            ArbWasm::activateProgramCall { program: PROGRAM }.abi_encode(),
            PROGRAM,
        ),
        (ARB_WASM, keep_alive.clone(), NETWORK_FEE_ACCOUNT),
        (ARB_WASM, keep_alive, ARBOS),
        (
            ARB_ADDRESS_TABLE,
            ArbAddressTable::registerCall { addr: ALICE }.abi_encode(),
            ARBOS,
        ),
    ];
    for (to, data, of) in cases {
        chain.set_code(CONTRACT, probe(to, of));
        let value = if to == ARB_WASM { 1_u64 << 60 } else { 0 };
        let tx = Tx::call(DEV_ACCOUNT, CONTRACT, data.clone()).value(U256::from(value));
        let receipt = chain.call(tx).unwrap();
        let taken = U256::from_be_slice(&receipt.output[..32]);
        assert_eq!(taken, U256::from(2_600 + 3 + 2 + 2), "{to} {}", hex::encode(&data));
    }
}

#[test]
fn programs_call_precompiles_as_warm_accounts() {
    // Calls ArbSys.arbBlockNumber() and returns what it answers.
    let text = format!(
        r#"(module
        (import "vm_hooks" "static_call_contract" (func $call (param i32 i32 i32 i64 i32) (result i32)))
        (import "vm_hooks" "read_return_data" (func $read (param i32 i32 i32) (result i32)))
        (import "vm_hooks" "write_result" (func $write (param i32 i32)))
        (memory (export "memory") 1 1)
        (data (i32.const 0) "{}{}")
        (func (export "user_entrypoint") (param i32) (result i32)
            (call $call (i32.const 0) (i32.const 20) (i32.const 4) (i64.const -1) (i32.const 24))
            (drop (call $read (i32.const 64) (i32.const 0) (i32.const 32)))
            (call $write (i32.const 64) (i32.const 32))))"#,
        ARB_SYS.iter().map(|byte| format!("\\{byte:02x}")).collect::<String>(),
        ArbSys::arbBlockNumberCall::SELECTOR
            .iter()
            .map(|byte| format!("\\{byte:02x}"))
            .collect::<String>(),
    );
    let mut chain = Chain::default();
    chain.set_code(PROGRAM, compress(&wat::parse_str(text).unwrap()));
    assert!(chain.activate(DEV_ACCOUNT, PROGRAM).unwrap().success);
    chain.set_trace(true);
    let receipt = send(&mut chain, PROGRAM, Bytes::new());
    assert_eq!(receipt.output, words(&[receipt.block]));
    let call = &receipt.runs[0].finished.host_calls[0];
    // The host function, its three pointers and the chain; four bytes read twice; a warm call of 803 gas.
    let own = 8_400 + 3 * 5_040 + 59_673 + 2 * 16_381;
    assert_eq!(
        (call.name, call.ink),
        ("static_call_contract", own + 10_000 * (100 + 803))
    );
}
