//! Transactions to a real node.

#[path = "../../../devnode/tests/anvil/mod.rs"]
mod anvil;

use alloy_primitives::{Address, B256, Bytes, U256, hex};
use anvil::{Anvil, KEY};
use devnode::{
    rpc::{Node, Shared, serve},
    rpc_client::RpcClient,
};
use interfaces::{IERC20, IUniswapV3Pool};
use serde_json::json;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};
use venues::{
    Artifacts, Network, NetworkError, RpcNetwork,
    uniswap_v3::{self, Range},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// Key of the account that every devnode funds.
const DEV_KEY: &str = "b6b15c8cb491557369f3c7d2c287b053eb229daa9c22138887752191c9520659";
const WETH9: &str = "@uniswap/v2-periphery/build/WETH9.json";

fn start() -> (Anvil, RpcNetwork, Address) {
    let anvil = Anvil::start(&[]);
    let network = RpcNetwork::connect(&anvil.url, &[KEY.parse().unwrap()]).unwrap();
    let account = network.accounts()[0];
    (anvil, network, account)
}

/// Init code of a contract with this runtime code.
fn init(runtime: &str) -> Vec<u8> {
    let runtime = hex::decode(runtime).unwrap();
    let length = u8::try_from(runtime.len()).unwrap();
    // PUSH1 length, DUP1, PUSH1 9 (where the runtime starts), RETURNDATASIZE, CODECOPY, RETURNDATASIZE, RETURN
    [&[0x60, length, 0x80, 0x60, 0x09, 0x3d, 0x39, 0x3d, 0xf3], &runtime[..]].concat()
}

#[test]
fn uniswap_v3_on_anvil_trades() {
    let (_anvil, mut network, from) = start();
    trade_on_uniswap_v3(&mut network, from);
}

#[test]
fn uniswap_v3_on_a_served_devnode_trades() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let node = Shared::new(Node::new(devnode::Chain::default()));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let running = runtime.block_on(serve(address, node)).unwrap();
    let url = format!("http://{}", running.address);
    let mut network = RpcNetwork::connect(&url, &[DEV_KEY.parse().unwrap()]).unwrap();
    assert_eq!(network.accounts()[0], devnode::DEV_ACCOUNT);
    trade_on_uniswap_v3(&mut network, devnode::DEV_ACCOUNT);
}

fn trade_on_uniswap_v3(network: &mut RpcNetwork, from: Address) {
    let artifacts = Artifacts::new(Path::new(ROOT));
    let venue = uniswap_v3::deploy(network, &artifacts, from).unwrap();
    // Two wrapped-ether contracts are two tokens that need no compiler.
    let other = network
        .create(from, artifacts.package(WETH9).unwrap().code().unwrap())
        .unwrap();
    let tokens = [venue.weth, other];
    for token in tokens {
        let ether = U256::from(10).pow(U256::from(20));
        let deposit = hex!("d0e30db0").into();
        let sent = network.transact(from, Some(token), ether, deposit).unwrap();
        assert_eq!(sent.logs.len(), 1);
        assert_eq!(
            network.read(token, &IERC20::balanceOfCall { account: from }).unwrap(),
            ether
        );
    }
    venue.approve(network, from, tokens).unwrap();
    let parity = U256::from(1) << 96;
    let pool = venue.create_pool(network, from, tokens, 3000, parity).unwrap();
    let amount = U256::from(10).pow(U256::from(18));
    let range = Range {
        lower: -600,
        upper: 600,
        amount0: amount,
        amount1: amount,
    };
    let liquidity = venue.add_liquidity(network, from, &pool, &range).unwrap();
    assert_eq!(
        network.read(pool.address, &IUniswapV3Pool::liquidityCall {}).unwrap(),
        liquidity
    );
    let target = parity + (parity >> 7);
    venue.move_price(network, from, &pool, target, amount).unwrap();
    let slot0 = network.read(pool.address, &IUniswapV3Pool::slot0Call {}).unwrap();
    assert_eq!(U256::from(slot0.sqrtPriceX96), target);
}

#[test]
fn transact_and_query_that_revert_give_data() {
    let (_anvil, mut network, from) = start();
    // Stores 7 at 0 and reverts with those 32 bytes.
    let reverting = network.create(from, init("600760005260206000fd")).unwrap();
    let data = Bytes::from(U256::from(7).to_be_bytes::<32>());
    let sent = network.transact(from, Some(reverting), U256::ZERO, Bytes::new());
    assert!(matches!(sent, Err(NetworkError::Reverted(found)) if found == data));
    let asked = network.query(from, reverting, Bytes::new());
    assert!(matches!(asked, Err(NetworkError::Reverted(found)) if found == data));
}

#[test]
fn transact_with_invalid_opcode_halts() {
    let (_anvil, mut network, from) = start();
    let contract = network.create(from, init("fe")).unwrap();
    let sent = network.transact(from, Some(contract), U256::ZERO, Bytes::new());
    assert!(matches!(sent, Err(NetworkError::Halted(_))), "{sent:?}");
}

#[test]
fn transact_of_stranger_or_poor_account_is_rejected() {
    let (anvil, mut network, from) = start();
    let stranger = Address::repeat_byte(1);
    let sent = network.transact(stranger, Some(from), U256::ZERO, Bytes::new());
    assert!(matches!(sent, Err(NetworkError::Rejected(_))), "{sent:?}");
    let poor = U256::from(5).into();
    let mut network = RpcNetwork::connect(&anvil.url, &[poor]).unwrap();
    let poor = network.accounts()[0];
    let sent = network.transact(poor, Some(from), U256::from(1), Bytes::new());
    assert!(matches!(sent, Err(NetworkError::Rejected(_))), "{sent:?}");
}

#[test]
fn transact_that_reverts_only_when_mined_gives_data() {
    let (anvil, mut network, from) = start();
    // Reverts with the word in slot 0, unless that is zero.
    let contract = network.create(from, init("5f5480600757005b5f5260205ffd")).unwrap();
    let client = RpcClient::new(&anvil.url).unwrap();
    client.call("evm_setAutomine", &json!([false])).unwrap();
    let sending = std::thread::spawn(move || network.transact(from, Some(contract), U256::ZERO, Bytes::new()));
    while client.call("txpool_status", &json!([])).unwrap()["pending"] == "0x0" {
        std::thread::sleep(Duration::from_millis(10));
    }
    let word = B256::with_last_byte(7);
    client
        .call("anvil_setStorageAt", &json!([contract, "0x0", word]))
        .unwrap();
    client.call("evm_mine", &json!([])).unwrap();
    let sent = sending.join().unwrap();
    assert!(
        matches!(&sent, Err(NetworkError::Reverted(data)) if data[..] == word[..]),
        "{sent:?}"
    );
}

#[test]
fn transact_that_is_not_mined_times_out() {
    let (anvil, network, from) = start();
    let client = RpcClient::new(&anvil.url).unwrap();
    client.call("evm_setAutomine", &json!([false])).unwrap();
    let mut network = network.with_timeout(Duration::from_millis(300));
    let sent = network.transact(from, Some(from), U256::ZERO, Bytes::new());
    let Err(NetworkError::TimedOut { hash, .. }) = sent else {
        panic!("{sent:?}");
    };
    let known = client.call("eth_getTransactionByHash", &json!([hash])).unwrap();
    assert!(known.is_object(), "it was sent");
}
