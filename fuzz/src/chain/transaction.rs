//! Any raw transaction, and EVM code of any sort that calls a program, the precompiles and itself.

use super::{FORWARDER, PROGRAM, forwarder, install, modules, send};
use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};
use devnode::{
    Builder, Chain, DEV_ACCOUNT, Tx,
    arbos::precompiles::ADDRESSES,
    rpc::{Node, Shared},
};
use interfaces::arbos as arb;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// Where the EVM code is put.
const CODE: Address = address!("000000000000000000000000000000000000f005");

/// A chain with two programs; transactions may not use much gas.
static CHAIN: LazyLock<Chain> = LazyLock::new(|| {
    let mut chain = Builder::default().tx_gas_cap(5_000_000).build();
    install(&mut chain, FORWARDER, &forwarder());
    install(&mut chain, PROGRAM, &modules().swap_remove(0));
    chain
});

/// Every method of the precompiles.
static METHODS: LazyLock<Vec<(Address, [u8; 4])>> = LazyLock::new(|| {
    let all: [(Address, &[[u8; 4]]); 16] = [
        (arb::ARB_SYS, arb::ArbSys::ArbSysCalls::SELECTORS),
        (arb::ARB_INFO, arb::ArbInfo::ArbInfoCalls::SELECTORS),
        (
            arb::ARB_ADDRESS_TABLE,
            arb::ArbAddressTable::ArbAddressTableCalls::SELECTORS,
        ),
        (
            arb::ARB_FUNCTION_TABLE,
            arb::ArbFunctionTable::ArbFunctionTableCalls::SELECTORS,
        ),
        (arb::ARBOS_TEST, arb::ArbosTest::ArbosTestCalls::SELECTORS),
        (
            arb::ARB_OWNER_PUBLIC,
            arb::ArbOwnerPublic::ArbOwnerPublicCalls::SELECTORS,
        ),
        (arb::ARB_GAS_INFO, arb::ArbGasInfo::ArbGasInfoCalls::SELECTORS),
        (arb::ARB_AGGREGATOR, arb::ArbAggregator::ArbAggregatorCalls::SELECTORS),
        (
            arb::ARB_RETRYABLE_TX,
            arb::ArbRetryableTx::ArbRetryableTxCalls::SELECTORS,
        ),
        (arb::ARB_STATISTICS, arb::ArbStatistics::ArbStatisticsCalls::SELECTORS),
        (arb::ARB_OWNER, arb::ArbOwner::ArbOwnerCalls::SELECTORS),
        (arb::ARB_WASM, arb::ArbWasm::ArbWasmCalls::SELECTORS),
        (arb::ARB_WASM_CACHE, arb::ArbWasmCache::ArbWasmCacheCalls::SELECTORS),
        (
            arb::ARB_NATIVE_TOKEN_MANAGER,
            arb::ArbNativeTokenManager::ArbNativeTokenManagerCalls::SELECTORS,
        ),
        (
            arb::ARB_FILTERED_TRANSACTIONS_MANAGER,
            arb::ArbFilteredTransactionsManager::ArbFilteredTransactionsManagerCalls::SELECTORS,
        ),
        (arb::ARB_DEBUG, arb::ArbDebug::ArbDebugCalls::SELECTORS),
    ];
    let methods = all.iter().flat_map(|(at, names)| names.iter().map(|name| (*at, *name)));
    methods.collect()
});

/// A word that means something to some method.
fn word(byte: u8) -> B256 {
    let number = |n: u64| B256::from(U256::from(n));
    match byte {
        200 => DEV_ACCOUNT.into_word(),
        201 => PROGRAM.into_word(),
        202 => FORWARDER.into_word(),
        203 => CODE.into_word(),
        204 => B256::from(U256::MAX),
        205 => B256::from(U256::ONE << 255),
        206 => number(u64::MAX),
        207 => number(u32::MAX.into()),
        208 => number(u16::MAX.into()),
        209 => keccak256(CHAIN.code(PROGRAM)),
        210 => keccak256(CHAIN.code(FORWARDER)),
        211 => number(1 << 63),
        212 => number(256),
        213 => number(65_536),
        n => number(n.into()),
    }
}

/// The unread bytes of an input; zeros after its end.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn next(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn take(&mut self, len: u8) -> Vec<u8> {
        let (taken, rest) = self.0.split_at(self.0.len().min(len.into()));
        self.0 = rest;
        taken.to_vec()
    }
}

/// Calldata for a method of a precompile, and the precompile.
fn method(bytes: &mut Input<'_>) -> (Address, Vec<u8>) {
    let (at, name) = METHODS[usize::from(u16::from_be_bytes([bytes.next(), bytes.next()])) % METHODS.len()];
    let words = bytes.next() % 8;
    let args = (0..words).flat_map(|_| word(bytes.next()).0);
    (at, name.into_iter().chain(args).collect())
}

/// EVM code from an input: pieces of any bytes, and whole calls.
fn assemble(bytes: &mut Input<'_>) -> Vec<u8> {
    const PUSH1: u8 = 0x60;
    const PUSH20: u8 = 0x73;
    const PUSH32: u8 = 0x7F;
    const MSTORE: u8 = 0x52;
    let mut code = Vec::new();
    while !bytes.0.is_empty() && code.len() < 20_000 {
        let kind = bytes.next();
        let (to, data) = match kind % 8 {
            0 => {
                let len = bytes.next() % 40;
                code.extend(bytes.take(len));
                continue;
            }
            // RETURNDATASIZE, PUSH0, PUSH0, RETURNDATACOPY, RETURNDATASIZE, PUSH0, RETURN or REVERT
            1 => {
                let end = if bytes.next().is_multiple_of(2) { 0xF3 } else { 0xFD };
                code.extend([0x3D, 0x5F, 0x5F, 0x3E, 0x3D, 0x5F, end]);
                continue;
            }
            // CODESIZE, PUSH0, PUSH0, CODECOPY, some code, PUSH0, value, CREATE
            2 => {
                code.extend([
                    0x38,
                    0x5F,
                    0x5F,
                    0x39,
                    PUSH1,
                    bytes.next(),
                    0x5F,
                    PUSH1,
                    bytes.next() % 2,
                    0xF0,
                ]);
                continue;
            }
            3 => (ADDRESSES[usize::from(bytes.next()) % ADDRESSES.len()], {
                let len = bytes.next() % 80;
                bytes.take(len)
            }),
            4 => (PROGRAM, {
                let len = bytes.next() % 80;
                bytes.take(len)
            }),
            5 => (FORWARDER, {
                let (to, data) = method(bytes);
                [&[bytes.next() % 3], to.as_slice(), &data].concat()
            }),
            6 => (Address::with_last_byte(bytes.next() % 24), {
                let len = bytes.next();
                bytes.take(len)
            }),
            _ => method(bytes),
        };
        for (n, part) in data.chunks(32).enumerate() {
            let mut word = [0; 32];
            word[..part.len()].copy_from_slice(part);
            code.push(PUSH32);
            code.extend(word);
            code.extend([0x61]);
            code.extend(u16::try_from(32 * n).unwrap_or(0).to_be_bytes());
            code.push(MSTORE);
        }
        let len = u16::try_from(data.len()).unwrap_or(0).to_be_bytes();
        // No room for the result, then the length and start of the input.
        code.extend([0x5F, 0x5F, 0x61, len[0], len[1], 0x5F]);
        let (opcode, value) = match kind / 8 % 5 {
            0 => (0xFA, None),
            1 => (0xF4, None),
            2 => (0xF2, Some(1)),
            3 => (0xF1, Some(1)),
            _ => (0xF1, Some(0)),
        };
        if let Some(value) = value {
            code.extend([PUSH1, value]);
        }
        code.push(PUSH20);
        let to = if kind >= 240 { CODE } else { to };
        code.extend(to);
        // GAS, the call, POP
        code.extend([0x5A, opcode, 0x50]);
    }
    code
}

/// What to do, then a raw transaction, EVM code, or a method's name and arguments; says whether it took
/// effect.
pub fn run(data: &[u8]) -> bool {
    let Some((kind, rest)) = data.split_first() else {
        return false;
    };
    let mut bytes = Input(rest);
    let tx = match kind % 4 {
        0 => return raw(rest),
        1 => {
            let (to, data) = method(&mut bytes);
            Tx::call(DEV_ACCOUNT, to, data)
        }
        2 => Tx::create(DEV_ACCOUNT, assemble(&mut bytes)),
        _ => Tx::call(DEV_ACCOUNT, CODE, rest.to_vec()),
    };
    let mut chain = CHAIN.clone();
    chain.set_code(CODE, assemble(&mut bytes));
    chain.deal(CODE, U256::from(1_000));
    let tx = tx.value(U256::from(kind / 4 % 2)).gas(5_000_000);
    let Some(receipt) = send(&mut chain, tx, true) else {
        return false;
    };
    // The rules may have changed: what comes after must work all the same.
    send(
        &mut chain,
        Tx::call(DEV_ACCOUNT, PROGRAM, vec![0; 4]).gas(500_000),
        true,
    );
    let node = Shared::new(Node::new(chain));
    let trace = |tracer| {
        request(
            &node,
            "debug_traceTransaction",
            &json!([receipt.hash, { "tracer": tracer }]),
        )
    };
    for tracer in ["callTracer", "prestateTracer", "flatCallTracer", "4byteTracer"] {
        trace(tracer).unwrap_or_else(|error| panic!("{tracer}: {error}"));
    }
    // It has no form for calls that were refused, and says so, on nodes too.
    if let Err(error) = trace("stylusTracer") {
        assert!(error.starts_with("trace inconsistency"), "{error}");
    }
    receipt.success
}

fn request(node: &Shared, method: &str, params: &Value) -> Result<Value, String> {
    let answer = node.request(method, Some(&params.to_string()));
    answer.map_err(|error| error.message)
}

fn raw(bytes: &[u8]) -> bool {
    let node = Shared::new(Node::new(CHAIN.clone()));
    let raw = Bytes::copy_from_slice(bytes);
    let sent = request(&node, "eth_sendRawTransaction", &json!([raw]));
    match &sent {
        Ok(hash) => {
            let back = request(&node, "eth_getRawTransactionByHash", &json!([hash])).expect("is remembered");
            assert_eq!(back, json!(raw));
            request(&node, "eth_getTransactionByHash", &json!([hash])).expect("is remembered");
            request(&node, "anvil_mine", &json!([])).expect("mines");
        }
        Err(error) => assert!(!error.contains("could not be run"), "{error}"),
    }
    assert_eq!(request(&node, "eth_chainId", &json!([])), Ok(json!("0x64aba")));
    sent.is_ok()
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    let node = Shared::new(Node::new(CHAIN.clone()));
    let signed = |request_: Value| {
        let hash = request(&node, "eth_sendTransaction", &json!([request_])).expect("is sent");
        let raw = request(&node, "eth_getRawTransactionByHash", &json!([hash])).expect("is remembered");
        hex::decode(&raw.as_str().expect("text")[2..]).expect("hex")
    };
    // Only the first has the nonce that comes next.
    let raws = [
        json!({ "from": DEV_ACCOUNT, "to": FORWARDER, "value": "0x1", "gas": "0x30000" }),
        json!({ "from": DEV_ACCOUNT, "data": "0x60016000f3", "gas": "0x30000", "gasPrice": "0x5f5e100" }),
        json!({ "from": DEV_ACCOUNT, "to": PROGRAM, "gas": "0x30000", "accessList": [
            { "address": PROGRAM, "storageKeys": [B256::ZERO] }
        ] }),
    ];
    let raws = raws.map(|tx| [&[0], signed(tx).as_slice()].concat());
    let methods = (0..METHODS.len()).flat_map(|n| {
        let [high, low] = u16::try_from(n).expect("few").to_be_bytes();
        let args = [200, 201, 209, 1, 2, 64];
        let call = [high, low, 5, args[n % 6], args[(n + 1) % 6], args[(n + 2) % 6], 0, 3];
        let from_code = |way: u8, kind: u8| [&[way], &[kind][..], &call, &[1, 0]].concat();
        [
            [&[1], &call[..]].concat(),
            from_code(3, 7 + 32),
            from_code(2, 5 + u8::try_from(n % 5).expect("few") * 8),
        ]
    });
    raws.into_iter().chain(methods).collect()
}
