//! Any module, any calldata: activation, calls, and calls through another program.

use super::{FORWARDER, PROGRAM, forwarder, install, modules, send, stored};
use alloy_primitives::{Bytes, U256};
use devnode::{Chain, DEV_ACCOUNT, Tx};
use std::sync::LazyLock;

/// Bytes before the calldata: flags, gas limit (two bytes), value.
pub const HEAD: usize = 4;

static CHAIN: LazyLock<Chain> = LazyLock::new(|| {
    let mut chain = Chain::default();
    install(&mut chain, FORWARDER, &forwarder());
    chain
});

/// One module and how it is called.
#[derive(Debug)]
pub struct Case {
    flags: u8,
    gas: u64,
    value: u8,
    calldata: Vec<u8>,
    wasm: Vec<u8>,
}

impl Case {
    /// A module called with `calldata` in the way that the first [`HEAD`] bytes say.
    pub fn new(head: &[u8], calldata: Vec<u8>, wasm: Vec<u8>) -> Self {
        let &[flags, high, low, value, ..] = head else {
            panic!("a head of {} bytes", head.len());
        };
        Self {
            flags,
            gas: 40_000 + 32 * u64::from(u16::from_be_bytes([high, low])),
            value,
            calldata,
            wasm,
        }
    }
}

/// Head, length of the calldata, calldata, module; says whether it was activated.
pub fn run(data: &[u8]) -> bool {
    let Some((head, [len, rest @ ..])) = data.split_at_checked(HEAD) else {
        return false;
    };
    let (calldata, wasm) = rest.split_at(rest.len().min((*len).into()));
    check(&Case::new(head, calldata.to_vec(), wasm.to_vec()))
}

/// Activates and calls; says whether it was activated.
pub fn check(case: &Case) -> bool {
    let flag = |bit: u8| case.flags >> bit & 1 == 1;
    let mut chain = CHAIN.clone();
    chain.set_trace(flag(0));
    if flag(1) {
        // Gas that buys little ink reaches host functions' limits sooner.
        let mut params = chain.stylus_params();
        params.ink_price = 100;
        chain.set_stylus_params(&params);
    }
    chain.set_code(PROGRAM, stored(&case.wasm));
    let activation = interfaces::arbos::ArbWasm::activateProgramCall { program: PROGRAM };
    let activation = alloy_sol_types::SolCall::abi_encode(&activation);
    let fee = U256::from(10).pow(U256::from(18));
    let activation = Tx::call(DEV_ACCOUNT, interfaces::arbos::ARB_WASM, activation).value(fee);
    if !send(&mut chain, activation, false).expect("can be included").success {
        return false;
    }
    if flag(2) {
        assert!(
            chain
                .cache_program(DEV_ACCOUNT, PROGRAM)
                .expect("can be included")
                .success
        );
    }
    let (to, data) = match case.flags >> 6 {
        0 => (PROGRAM, case.calldata.clone()),
        way => (FORWARDER, [&[way - 1], PROGRAM.as_slice(), &case.calldata].concat()),
    };
    let call = Tx::call(DEV_ACCOUNT, to, Bytes::from(data))
        .gas(case.gas)
        .value(U256::from(case.value));
    send(&mut chain, call.clone(), false);
    if flag(3) {
        // What it has stored is there now.
        send(&mut chain, call.clone(), false);
    }
    if flag(4) {
        // Entered again at another price.
        let receipts = chain
            .send_block(vec![call.clone(), call])
            .map_err(|error| error.to_string());
        assert!(!receipts.is_err_and(|error| error.contains("could not be run")));
    }
    true
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    let modules = modules().into_iter().enumerate();
    modules
        .map(|(n, wasm)| {
            let calldata: &[u8] = if n % 2 == 0 {
                &[0; 4]
            } else {
                b"\x06\xfd\xde\x03 some words of calldata for it"
            };
            let flags = u8::try_from(n * 37 % 256).expect("a byte");
            let head = [
                flags,
                0x20,
                0,
                u8::from(n % 3 == 0),
                u8::try_from(calldata.len()).expect("short"),
            ];
            [&head, calldata, &wasm].concat()
        })
        .collect()
}
