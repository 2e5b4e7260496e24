//! Any bytes as the code of a classic program, a fragment or a root program.

use super::{PROGRAM, forwarder, send, stored};
use alloy_primitives::{Address, U256, address};
use alloy_sol_types::SolCall;
use devnode::{
    Chain, DEV_ACCOUNT, Tx,
    stylus::code::{self, Limits, Stored},
    wasm,
};
use interfaces::arbos::{ARB_WASM, ArbWasm};
use revm::context_interface::result::HaltReason;
use std::sync::LazyLock;

const FRAGMENTS: [Address; 2] = [
    address!("000000000000000000000000000000000000f003"),
    address!("000000000000000000000000000000000000f004"),
];

static CHAIN: LazyLock<Chain> = LazyLock::new(Chain::default);

/// The module that the code stands for, as the library reads it.
fn module(code: &[u8], fragments: [&[u8]; 2]) -> Option<Vec<u8>> {
    let mut stored = Stored::parse(code, Limits::default()).ok()?;
    for address in stored.fragments() {
        let fragment = FRAGMENTS.iter().position(|known| *known == address);
        stored.add_fragment(fragment.map_or(&[], |n| fragments[n])).ok()?;
    }
    stored.decompress().ok()
}

/// Which prefix, then two fragments, each after its length (two bytes), then the code; says whether it was
/// activated.
pub fn run(data: &[u8]) -> bool {
    fn piece(data: &[u8]) -> Option<(&[u8], &[u8])> {
        let (len, rest) = data.split_first_chunk()?;
        Some(rest.split_at(rest.len().min(u16::from_be_bytes(*len).into())))
    }
    let pieces = || {
        let (kind, rest) = data.split_first()?;
        let (first, rest) = piece(rest)?;
        let (second, rest) = piece(rest)?;
        Some((kind % 4, [first, second], rest))
    };
    pieces().is_some_and(|(kind, fragments, rest)| check(&[&[0xEF, 0xF0, kind], rest].concat(), fragments))
}

fn check(code: &[u8], fragments: [&[u8]; 2]) -> bool {
    let mut chain = CHAIN.clone();
    let created = send(&mut chain, Tx::create(DEV_ACCOUNT, code::init_code(code)), false);
    // Init code beyond the limit cannot be included.
    if let Some(created) = created {
        let fits = code.len() <= code::MAX_CODE_SIZE;
        assert_eq!(created.success, fits && code::is_component(code), "{created:?}");
    }
    chain.set_code(PROGRAM, code.to_vec());
    for (address, fragment) in FRAGMENTS.into_iter().zip(fragments) {
        chain.set_code(address, fragment.to_vec());
    }
    let call = Tx::call(DEV_ACCOUNT, PROGRAM, vec![1, 2, 3]).gas(300_000);
    let early = send(&mut chain, call.clone(), false).expect("can be included");
    let halt = if code::is_program(code) {
        HaltReason::NotActivated
    } else {
        HaltReason::OpcodeNotFound
    };
    assert_eq!(early.halt, Some(halt.clone()), "called before it was activated");

    let activation = ArbWasm::activateProgramCall { program: PROGRAM }.abi_encode();
    let activation = Tx::call(DEV_ACCOUNT, ARB_WASM, activation).value(U256::from(10).pow(U256::from(18)));
    let activated = send(&mut chain, activation, false).expect("can be included");
    let module = module(code, fragments);
    let good = code::is_program(code) && module.is_some_and(|wasm| wasm::activate(&wasm, 128).is_ok());
    if !matches!(activated.halt, Some(HaltReason::OutOfGas(_))) {
        assert_eq!(activated.success, good, "{activated:?}");
    }
    let called = send(&mut chain, call, false).expect("can be included");
    if !activated.success {
        assert_eq!(called.halt, Some(halt), "called though its activation failed");
    }
    activated.success
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    let wasm = forwarder();
    let packed = code::compress(&wasm);
    let plain = stored(&wasm);
    let stream = packed.get(4..).expect("longer than its prefix");
    let (left, right) = stream.split_at(stream.len() / 2);
    let component = |kind: u8, parts: &[&[u8]]| [&[0xEF, 0xF0, kind], parts.concat().as_slice()].concat();
    let (left, right) = (component(1, &[left]), component(1, &[right]));
    let len = u32::try_from(wasm.len()).expect("small").to_be_bytes();
    let root = |addresses: &[Address]| [&[0][..], &len, addresses.concat().as_slice()].concat();
    let input = |kind: u8, a: &[u8], b: &[u8], code: &[u8]| {
        let len = |piece: &[u8]| u16::try_from(piece.len()).expect("small").to_be_bytes();
        [&[kind], len(a).as_slice(), a, &len(b), b, code].concat()
    };
    vec![
        input(0, &[], &[], &packed[3..]),
        input(0, &[], &[], &plain[3..]),
        input(0, &[], &[], &[]),
        input(0, &[], &[], &[0]),
        input(0, &[], &[], &[1, 2, 3]),
        input(1, &[], &[], &packed[3..]),
        input(2, &left, &right, &root(&FRAGMENTS)),
        input(2, &component(1, &[stream]), &[], &root(&FRAGMENTS[..1])),
        input(2, &left, &packed, &root(&FRAGMENTS)),
        input(2, &left, &right, &root(&[])),
        input(
            2,
            &left,
            &right,
            &root(&[FRAGMENTS[0], FRAGMENTS[1], FRAGMENTS[0], FRAGMENTS[1], PROGRAM]),
        ),
        input(3, &[], &[], &packed[3..]),
    ]
}
