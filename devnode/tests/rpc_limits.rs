//! Requests whose numbers are as large as they can be.

use devnode::{
    Chain, DEV_ACCOUNT,
    rpc::{Node, RpcError, Shared},
};
use serde_json::{Value, json};

fn node() -> Shared {
    Shared::new(Node::new(Chain::default()))
}

fn ask(node: &Shared, method: &str, params: &Value) -> Result<Value, RpcError> {
    node.request(method, Some(&params.to_string()))
}

#[test]
fn request_of_an_unknown_method_is_refused_as_such() {
    let error = ask(&node(), "eth_nothing", &json!([])).unwrap_err();
    assert_eq!(error.code, -32_601);
}

#[test]
fn mine_with_an_interval_beyond_the_clock_is_refused() {
    let node = node();
    let error = ask(&node, "anvil_mine", &json!(["0x2", "0x8000000000000000"])).unwrap_err();
    assert!(error.message.contains("too far"), "{error:?}");
    assert_eq!(ask(&node, "eth_blockNumber", &json!([])), Ok(json!("0x0")));
}

#[test]
fn send_transaction_with_the_last_nonce_is_refused() {
    let node = node();
    ask(&node, "evm_setAutomine", &json!([false])).unwrap();
    ask(&node, "anvil_setNonce", &json!([DEV_ACCOUNT, "0xfffffffffffffffe"])).unwrap();
    let send = || {
        ask(
            &node,
            "eth_sendTransaction",
            &json!([{ "from": DEV_ACCOUNT, "gas": "0xffff" }]),
        )
    };
    send().unwrap();
    let error = send().unwrap_err();
    assert!(error.message.contains("nonce has max value"), "{error:?}");
    ask(&node, "evm_mine", &json!([])).unwrap();
    let nonce = ask(&node, "eth_getTransactionCount", &json!([DEV_ACCOUNT, "pending"]));
    assert_eq!(nonce, Ok(json!("0xffffffffffffffff")));
}
