//! Programs in several pieces: a root program and the fragments that it lists.

use alloy_primitives::{Address, Bytes, U256, address};
use alloy_sol_types::{SolCall, SolError};
use devnode::{
    Chain, DEV_ACCOUNT, Receipt, Tx, TxError,
    stylus::code::{FRAGMENT_PREFIX, MAX_CODE_SIZE, ROOT_PREFIX, compress},
    wasm,
};
use interfaces::arbos::{ARB_WASM, ArbWasm};

const ROOT: Address = address!("0000000000000000000000000000000000001001");
const SECOND_ROOT: Address = address!("0000000000000000000000000000000000001002");
const CALLER: Address = address!("0000000000000000000000000000000000001003");
/// Where the fragments of the tests are.
const PARTS: [Address; 4] = [
    address!("0000000000000000000000000000000000002001"),
    address!("0000000000000000000000000000000000002002"),
    address!("0000000000000000000000000000000000002003"),
    address!("0000000000000000000000000000000000002004"),
];
/// Gas of an activation before the fragments are read: state, argument, activation gas, fixed price, parameters, record.
const BEFORE: u64 = 800 + 3 + 800 + 1_659_168 + 100 + 800;

/// A program that returns `text`. Each test has texts of its own, so that none finds the module compiled by another.
fn program(text: &str) -> Vec<u8> {
    let len = text.len();
    wat::parse_str(format!(
        "(module (import \"vm_hooks\" \"write_result\" (func $write (param i32 i32)))
           (memory (export \"memory\") 1 1) (data (i32.const 0) \"{text}\")
           (func (export \"user_entrypoint\") (param i32) (result i32)
             (call $write (i32.const 0) (i32.const {len})) (i32.const 0)))"
    ))
    .unwrap()
}

fn fragment(part: &[u8]) -> Vec<u8> {
    [&FRAGMENT_PREFIX, part].concat()
}

fn root(wasm_len: usize, fragments: &[Address]) -> Vec<u8> {
    let len = u32::try_from(wasm_len).unwrap().to_be_bytes();
    [&ROOT_PREFIX[..], &[0], &len, &fragments.concat()].concat()
}

/// Puts the module into `count` fragments at [`PARTS`] and its root program at [`ROOT`].
fn install(chain: &mut Chain, wasm: &[u8], count: usize) -> Vec<Vec<u8>> {
    let stream = &compress(wasm)[4..];
    let fragments: Vec<_> = stream.chunks(stream.len().div_ceil(count)).map(fragment).collect();
    assert_eq!(fragments.len(), count);
    for (address, code) in PARTS.iter().zip(&fragments) {
        chain.set_code(*address, code.clone());
    }
    chain.set_code(ROOT, root(wasm.len(), &PARTS[..count]));
    fragments
}

fn call(chain: &mut Chain, to: Address) -> Result<Receipt, TxError> {
    chain.send(Tx::call(DEV_ACCOUNT, to, Bytes::new()))
}

fn activate(chain: &mut Chain, program: Address, gas: u64) -> Receipt {
    let data = ArbWasm::activateProgramCall { program }.abi_encode();
    let tx = Tx::call(DEV_ACCOUNT, ARB_WASM, data).value(U256::from(10).pow(U256::from(18)));
    chain.send(tx.gas(gas)).unwrap()
}

/// Gas of the transaction that calls `activateProgram` before the precompile.
fn intrinsic(program: Address) -> u64 {
    let data = ArbWasm::activateProgramCall { program }.abi_encode();
    data.iter().map(|byte| if *byte == 0 { 4 } else { 16 }).sum::<u64>() + 21_000
}

/// Gas of reading a fragment: the account, and three for each word.
fn reading(code: &[u8], access: u64) -> u64 {
    access + 3 * code.len().div_ceil(32) as u64
}

/// Reverted without data, with `gas` used.
fn assert_reverted(receipt: &Receipt, gas: u64) {
    assert!(!receipt.success && receipt.halt.is_none() && receipt.output.is_empty());
    assert!(receipt.refusal.is_some());
    assert_eq!(receipt.gas_used, gas, "{:?}", receipt.refusal);
}

#[test]
fn activate_root_charges_each_fragment_and_the_program_runs() {
    let mut chain = Chain::default();
    let wasm = program("in four pieces");
    let fragments = install(&mut chain, &wasm, 4);
    let receipt = activate(&mut chain, ROOT, 32_000_000);
    assert!(receipt.success, "{:?}", receipt.refusal);
    let read: u64 = fragments.iter().map(|code| reading(code, 2_600)).sum();
    let work = wasm::activate(&wasm, 128).unwrap().work_gas;
    assert_eq!(receipt.gas_used, intrinsic(ROOT) + 1_748_626 + work + read);
    assert_eq!(call(&mut chain, ROOT).unwrap().output[..], *"in four pieces".as_bytes());
}

#[test]
fn deploy_wasm_too_large_for_one_account_is_split_and_runs() {
    let mut chain = Chain::default();
    // Hex digits of a counter's hash do not compress below half.
    let text: String = (0..900_u32)
        .map(|n| hex::encode(alloy_primitives::keccak256(n.to_le_bytes())))
        .collect();
    let wasm = program(&text[..57_000]);
    let (created, activated) = chain.deploy_wasm(DEV_ACCOUNT, &wasm).unwrap();
    let addresses: Vec<_> = created.iter().map(|receipt| receipt.created.unwrap()).collect();
    assert_eq!(addresses.len(), 3, "two fragments and the root");
    assert_eq!(chain.code(addresses[0]).len(), MAX_CODE_SIZE);
    assert!(activated.unwrap().success);
    assert_eq!(
        call(&mut chain, addresses[2]).unwrap().output,
        text.as_bytes()[..57_000]
    );
    let (created, activated) = chain.deploy_wasm(DEV_ACCOUNT, &program("small")).unwrap();
    assert_eq!(created.len(), 1);
    assert!(activated.unwrap().success);
}

#[test]
fn activate_without_gas_for_the_largest_fragment_burns_all() {
    let wasm = program("nearly affordable");
    let mut chain = Chain::default();
    let small = install(&mut chain, &wasm, 1);
    let largest = 2_600 + 3 * 768;
    assert!(reading(&small[0], 2_600) < largest);
    let before = intrinsic(ROOT) + BEFORE;
    // An account without a fragment ends the activation as soon as it is read, and what is left is kept.
    chain.set_code(PARTS[0], [0; 9]);
    let receipt = activate(&mut chain, ROOT, before + largest - 1);
    assert!(!receipt.success && receipt.halt.is_none() && receipt.output.is_empty());
    assert_eq!((receipt.gas_used, receipt.refusal), (before + largest - 1, None));
    assert_reverted(&activate(&mut chain, ROOT, before + largest), before + 2_600 + 3);
}

#[test]
fn activate_root_with_a_missing_fragment_reverts_after_reading_it() {
    let mut chain = Chain::default();
    let fragments = install(&mut chain, &program("with a hole"), 3);
    chain.set_code(PARTS[1], []);
    let read = reading(&fragments[0], 2_600) + 2_600;
    assert_reverted(&activate(&mut chain, ROOT, 32_000_000), intrinsic(ROOT) + BEFORE + read);
    assert!(call(&mut chain, ROOT).unwrap().halt.is_some(), "it is not active");
}

#[test]
fn activate_root_listing_a_fragment_twice_reads_it_warm() {
    let mut chain = Chain::default();
    let wasm = program("once more");
    let fragments = install(&mut chain, &wasm, 2);
    // What follows the stream does not matter, so the second fragment may come again.
    chain.set_code(ROOT, root(wasm.len(), &[PARTS[0], PARTS[1], PARTS[1], PARTS[1]]));
    let receipt = activate(&mut chain, ROOT, 32_000_000);
    let read = reading(&fragments[0], 2_600) + reading(&fragments[1], 2_600) + 2 * reading(&fragments[1], 100);
    let work = wasm::activate(&wasm, 128).unwrap().work_gas;
    assert!(receipt.success);
    assert_eq!(receipt.gas_used, intrinsic(ROOT) + 1_748_626 + work + read);
    assert_eq!(call(&mut chain, ROOT).unwrap().output[..], *"once more".as_bytes());
}

#[test]
fn activate_malformed_root_reverts_before_any_fragment_is_read() {
    let mut chain = Chain::default();
    let wasm = program("malformed root");
    install(&mut chain, &wasm, 1);
    let five = [PARTS.as_slice(), &PARTS[..1]].concat();
    let good = root(wasm.len(), &PARTS[..1]);
    for code in [
        root(wasm.len(), &[]),
        root(wasm.len(), &five),
        root(262_145, &PARTS[..1]),
        [&good[..], &[0]].concat(),
        good[..27].to_vec(),
        good[..7].to_vec(),
        good[..4].to_vec(),
    ] {
        chain.set_code(ROOT, code);
        assert_reverted(&activate(&mut chain, ROOT, 32_000_000), intrinsic(ROOT) + BEFORE);
    }
}

#[test]
fn activate_root_of_a_wrong_stream_reverts_after_reading() {
    let mut chain = Chain::default();
    let wasm = program("wrong stream");
    let fragments = install(&mut chain, &wasm, 1);
    let gas = intrinsic(ROOT) + BEFORE + reading(&fragments[0], 2_600);
    let mut other_dictionary = root(wasm.len(), &PARTS[..1]);
    other_dictionary[3] = 7;
    for code in [
        root(wasm.len() - 1, &PARTS[..1]),
        root(wasm.len() + 1, &PARTS[..1]),
        other_dictionary,
    ] {
        chain.set_code(ROOT, code);
        assert_reverted(&activate(&mut chain, ROOT, 32_000_000), gas);
    }
}

#[test]
fn activate_root_of_a_refused_module_burns_all() {
    let mut chain = Chain::default();
    install(&mut chain, b"\0asm\x01\0\0\0", 1);
    let receipt = activate(&mut chain, ROOT, 5_000_000);
    assert!(!receipt.success && receipt.output.is_empty() && receipt.refusal.is_some());
    assert_eq!(receipt.gas_used, 5_000_000);
}

#[test]
fn fragment_activated_reverts_and_called_halts() {
    let mut chain = Chain::default();
    install(&mut chain, &program("only a part"), 2);
    assert_reverted(
        &activate(&mut chain, PARTS[0], 32_000_000),
        intrinsic(PARTS[0]) + BEFORE,
    );
    let tx = Tx::call(DEV_ACCOUNT, PARTS[0], Bytes::new()).gas(100_000);
    let receipt = chain.send(tx).unwrap();
    assert!(receipt.halt.is_some());
    assert_eq!(receipt.gas_used, 100_000);
}

#[test]
fn activate_code_of_no_program_names_the_error() {
    let mut chain = Chain::default();
    for code in [&[][..], &[0x60; 9], &FRAGMENT_PREFIX, &ROOT_PREFIX] {
        chain.set_code(ROOT, code.to_vec());
        let receipt = activate(&mut chain, ROOT, 32_000_000);
        assert!(!receipt.success && receipt.halt.is_none());
        assert_eq!(receipt.output[..], ArbWasm::ProgramNotWasm::SELECTOR);
        // The error is a result of one word.
        assert_eq!(receipt.gas_used, intrinsic(ROOT) + BEFORE + 3);
    }
}

#[test]
fn roots_sharing_fragments_are_programs_of_their_own() {
    let mut chain = Chain::default();
    let wasm = program("shared");
    install(&mut chain, &wasm, 2);
    chain.set_code(SECOND_ROOT, root(wasm.len(), &[PARTS[0], PARTS[1], PARTS[0]]));
    assert!(activate(&mut chain, ROOT, 32_000_000).success);
    assert!(call(&mut chain, SECOND_ROOT).unwrap().halt.is_some(), "not activated");
    assert!(activate(&mut chain, SECOND_ROOT, 32_000_000).success);
    for root in [ROOT, SECOND_ROOT] {
        assert_eq!(call(&mut chain, root).unwrap().output[..], *"shared".as_bytes());
    }
}

#[test]
fn root_of_equal_code_on_two_chains_runs_what_each_activated() {
    let mut chains = ["first chain!", "other chain!"].map(|text| {
        let mut chain = Chain::default();
        install(&mut chain, &program(text), 1);
        assert!(activate(&mut chain, ROOT, 32_000_000).success);
        (chain, text)
    });
    assert_eq!(chains[0].0.code(ROOT), chains[1].0.code(ROOT));
    for (chain, text) in &mut chains {
        assert_eq!(call(chain, ROOT).unwrap().output[..], *text.as_bytes());
    }
}

#[test]
fn call_of_root_whose_fragment_was_replaced_never_runs_something_else() {
    let mut chain = Chain::default();
    install(&mut chain, &program("as activated"), 1);
    assert!(activate(&mut chain, ROOT, 32_000_000).success);
    let good = chain.code(PARTS[0]);
    // It was never compiled, so its fragment is needed.
    for code in [vec![], compress(b"no module")] {
        chain.set_code(PARTS[0], code);
        assert!(matches!(call(&mut chain, ROOT), Err(TxError::Custom(_))));
    }
    let other = program("as replaced!");
    chain.set_code(PARTS[0], fragment(&compress(&other)[4..]));
    assert!(matches!(call(&mut chain, ROOT), Err(TxError::Custom(_))));
    chain.set_code(PARTS[0], good);
    assert_eq!(call(&mut chain, ROOT).unwrap().output[..], *"as activated".as_bytes());
    // Compiled once, it runs without.
    chain.set_code(PARTS[0], []);
    assert_eq!(call(&mut chain, ROOT).unwrap().output[..], *"as activated".as_bytes());
}

/// EVM code that calls `to` with all its value and `data`, and returns the gas that BALANCE of `account` takes.
fn call_then_measure(to: Address, data: &[u8], account: Address) -> Vec<u8> {
    let mut code = Vec::new();
    for (index, byte) in data.iter().enumerate() {
        // PUSH1 byte, PUSH1 index, MSTORE8
        code.extend([0x60, *byte, 0x60, u8::try_from(index).unwrap(), 0x53]);
    }
    // CALL(GAS, to, CALLVALUE, 0, len, 0, 0)
    code.extend([0x5F, 0x5F, 0x60, u8::try_from(data.len()).unwrap(), 0x5F, 0x34, 0x73]);
    code.extend(to);
    // POP, GAS, PUSH20, BALANCE, POP, GAS, SWAP1, SUB, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN
    code.extend([0x5A, 0xF1, 0x50, 0x5A, 0x73]);
    code.extend(account);
    code.extend([0x31, 0x50, 0x5A, 0x90, 0x03, 0x5F, 0x52, 0x60, 0x20, 0x5F, 0xF3]);
    code
}

/// What PUSH20, POP and GAS add to the measurement.
const AROUND: u64 = 3 + 2 + 2;

#[test]
fn activate_makes_its_fragments_warm_and_the_root_not() {
    for (account, access) in [(PARTS[0], 100), (PARTS[1], 100), (PARTS[2], 2_600), (ROOT, 2_600)] {
        let mut chain = Chain::default();
        install(&mut chain, &program("warm"), 2);
        let data = ArbWasm::activateProgramCall { program: ROOT }.abi_encode();
        chain.set_code(CALLER, call_then_measure(ARB_WASM, &data, account));
        let tx = Tx::call(DEV_ACCOUNT, CALLER, Bytes::new()).value(U256::from(10).pow(U256::from(18)));
        let receipt = chain.send(tx).unwrap();
        assert_eq!(U256::from_be_slice(&receipt.output), U256::from(access + AROUND));
        assert!(call(&mut chain, ROOT).unwrap().success, "it was activated");
    }
}

#[test]
fn call_of_root_does_not_make_its_fragments_warm() {
    let mut chain = Chain::default();
    install(&mut chain, &program("cold"), 2);
    assert!(activate(&mut chain, ROOT, 32_000_000).success);
    chain.set_code(CALLER, call_then_measure(ROOT, &[], PARTS[0]));
    // The first call compiles the program, so it reads the fragments.
    for _ in 0..2 {
        let receipt = call(&mut chain, CALLER).unwrap();
        assert_eq!(U256::from_be_slice(&receipt.output), U256::from(2_600 + AROUND));
    }
}
