//! A chain that goes on from another one: from a devnode with programs, and from anvil.

mod anvil;

use alloy_primitives::{Address, Bytes, U256, address, keccak256};
use alloy_sol_types::{SolCall, sol};
use anvil::Anvil;
use devnode::{
    Chain, DEV_ACCOUNT, Tx,
    arbos::state::{ARBOS, Space},
    fork::Fork,
    rpc::{Node, Running, Shared, serve},
    rpc_client::RpcClient,
};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::runtime::Runtime;

sol! {
    function mint(address to, uint256 amount);
    function transfer(address to, uint256 amount) returns (bool);
    function balanceOf(address account) returns (uint256);
}

const TOKEN: &str = include_str!("../../test/programs/erc20.wat");
const HOLDER: Address = address!("0000000000000000000000000000000000001001");
const KEEPER_OF_SLOTS: Address = address!("0000000000000000000000000000000000001002");

/// A server of its own for one test.
struct Served {
    runtime: Runtime,
    node: Shared,
    running: Running,
}

impl Served {
    fn new(chain: Chain) -> Self {
        let runtime = Runtime::new().unwrap();
        let node = Shared::new(Node::new(chain));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let running = runtime.block_on(serve(address, node.clone())).unwrap();
        Self { runtime, node, running }
    }

    fn fork(&self) -> Fork {
        Fork::connect(&format!("http://{}", self.running.address), None, None).unwrap()
    }
}

/// A chain with a token, of which the funded account has a thousand.
fn with_token() -> (Chain, Address) {
    let mut chain = Chain::default();
    let wasm = wat::parse_str(TOKEN).unwrap();
    let (created, activated) = chain.deploy_wasm(DEV_ACCOUNT, &wasm).unwrap();
    assert!(activated.unwrap().success);
    let token = created.last().unwrap().created.unwrap();
    let mint = mintCall {
        to: DEV_ACCOUNT,
        amount: U256::from(1_000),
    };
    assert!(
        chain
            .send(Tx::call(DEV_ACCOUNT, token, mint.abi_encode()))
            .unwrap()
            .success
    );
    (chain, token)
}

fn balance(chain: &Chain, token: Address, account: Address) -> U256 {
    let call = balanceOfCall { account };
    let receipt = chain.call(Tx::call(DEV_ACCOUNT, token, call.abi_encode())).unwrap();
    assert!(receipt.success, "{receipt:?}");
    U256::from_be_slice(&receipt.output)
}

#[test]
fn fork_of_a_devnode_runs_its_programs_at_the_same_gas_and_leaves_it_alone() {
    let (mut origin, token) = with_token();
    let served = Served::new(origin.clone());
    let mut fork = Chain::builder().build_on(served.fork()).unwrap();
    assert_eq!(fork.chain_id(), origin.chain_id());
    assert_eq!(fork.block_number(), origin.block_number());
    assert_eq!(fork.latest().unwrap().hash(), origin.latest().unwrap().hash());
    assert_eq!(fork.stylus_params(), origin.stylus_params());
    assert_eq!(balance(&fork, token, DEV_ACCOUNT), U256::from(1_000));

    let transfer = transferCall {
        to: HOLDER,
        amount: U256::from(7),
    };
    let tx = Tx::call(DEV_ACCOUNT, token, transfer.abi_encode());
    let (there, here) = (origin.send(tx.clone()).unwrap(), fork.send(tx).unwrap());
    assert!(here.success);
    assert_eq!((here.gas_used, &here.logs), (there.gas_used, &there.logs));
    assert_eq!(here.block, there.block);
    assert_eq!(balance(&fork, token, HOLDER), U256::from(7));
    assert_eq!(balance(served.node.lock().chain(), token, HOLDER), U256::ZERO);
}

#[test]
fn fork_forgets_a_slot_that_is_cleared_and_storage_of_an_account_made_anew() {
    let mut origin = Chain::default();
    origin.set_code(KEEPER_OF_SLOTS, Bytes::from_static(&[0]));
    origin.set_storage(KEEPER_OF_SLOTS, U256::from(1), U256::from(11));
    origin.set_storage(KEEPER_OF_SLOTS, U256::from(2), U256::from(22));
    let served = Served::new(origin);
    let mut fork = Chain::builder().build_on(served.fork()).unwrap();
    fork.set_storage(KEEPER_OF_SLOTS, U256::from(1), U256::ZERO);
    assert_eq!(fork.storage(KEEPER_OF_SLOTS, U256::from(1)), U256::ZERO);
    assert_eq!(fork.storage(KEEPER_OF_SLOTS, U256::from(2)), U256::from(22));
    fork.state_mut().clear_storage(KEEPER_OF_SLOTS).unwrap();
    assert_eq!(fork.storage(KEEPER_OF_SLOTS, U256::from(2)), U256::ZERO);
    assert_eq!(fork.code(KEEPER_OF_SLOTS)[..], [0]);
}

#[test]
fn fork_whose_origin_is_gone_says_so_and_keeps_what_it_has_read() {
    let (origin, token) = with_token();
    let served = Served::new(origin);
    let fork = Chain::builder().build_on(served.fork()).unwrap();
    assert_eq!(balance(&fork, token, DEV_ACCOUNT), U256::from(1_000));
    served.runtime.block_on(served.running.stop());
    assert_eq!(balance(&fork, token, DEV_ACCOUNT), U256::from(1_000));
    let error = fork.state().account(HOLDER).unwrap_err();
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
}

#[test]
fn fork_of_anvil_runs_its_contracts_and_programs_of_its_own() {
    let anvil = Anvil::start(&["--chain-id", "4711"]);
    let client = RpcClient::new(&anvil.url).unwrap();
    let control = |method: &str, params| client.call(method, &params).unwrap();
    // SSTORE(0, SLOAD(0) + 1)
    control("anvil_setCode", json!([KEEPER_OF_SLOTS, "0x5f546001015f55"]));
    let word = format!("0x{:064x}", 41);
    control("anvil_setStorageAt", json!([KEEPER_OF_SLOTS, "0x0", word]));
    control("evm_mine", json!([]));
    let mut fork = Chain::builder()
        .build_on(Fork::connect(&anvil.url, None, None).unwrap())
        .unwrap();
    assert_eq!((fork.chain_id(), fork.block_number()), (4711, 1));
    assert!(
        fork.send(Tx::call(DEV_ACCOUNT, KEEPER_OF_SLOTS, Bytes::new()))
            .unwrap()
            .success
    );
    assert_eq!(fork.storage(KEEPER_OF_SLOTS, U256::ZERO), U256::from(42));
    assert_eq!(fork.block_number(), 2);
    assert_eq!(
        control("eth_getStorageAt", json!([KEEPER_OF_SLOTS, "0x0", "latest"])),
        json!(word)
    );
    // ArbOS is added to a chain that has none.
    let (created, activated) = fork.deploy_wasm(DEV_ACCOUNT, &wat::parse_str(TOKEN).unwrap()).unwrap();
    assert!(activated.unwrap().success);
    assert_eq!(balance(&fork, created[0].created.unwrap(), HOLDER), U256::ZERO);
}

#[test]
fn fork_runs_a_program_whose_module_hash_another_compiler_made() {
    let (mut origin, token) = with_token();
    let codehash = keccak256(origin.code(token));
    // Nodes record the hash of their own compiler's output.
    let slot = Space::root().sub(8).sub(2).slot(codehash);
    assert_ne!(origin.storage(ARBOS, slot), U256::ZERO);
    origin.set_storage(ARBOS, slot, U256::from(12_345));
    let served = Served::new(origin);
    let fork = Chain::builder().build_on(served.fork()).unwrap();
    assert_eq!(balance(&fork, token, DEV_ACCOUNT), U256::from(1_000));
}
