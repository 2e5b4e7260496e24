//! The public ERC-4626 suite, as a package carries it, against a vault on a served devnode (`test/suites`).
//!
//! Its deposit half: what is about redemption supposes that it is synchronous, which ERC-7540 forbids here.

use devnode::{
    rpc::{Node, Shared, serve},
    rpc_client::RpcClient,
};
use e2e::{
    root,
    stage::{Stage, State},
};
use serde_json::json;
use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Command,
};

/// The suite's tests that suppose nothing of redemption.
const DEPOSIT_HALF: [&str; 12] = [
    "test_asset",
    "test_totalAssets",
    "test_convertToShares",
    "test_convertToAssets",
    "test_maxDeposit",
    "test_previewDeposit",
    "test_deposit",
    "test_maxMint",
    "test_previewMint",
    "test_mint",
    "test_maxWithdraw",
    "test_maxRedeem",
];

#[test]
#[ignore = "takes minutes: cargo xtask suites"]
fn erc4626_suite_of_a_package_holds_on_the_deposit_side() {
    let mut stage = Stage::new(18, State::Profit);
    // Fuzzed accounts own no ether.
    stage.world.chain.set_base_fee(0);
    let at = stage.world.at;
    let asset = stage.world.usdc;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let node = Shared::new(Node::new(stage.world.chain));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let running = runtime.block_on(serve(address, node)).unwrap();
    let url = format!("http://{}", running.address);
    let client = RpcClient::new(&url).unwrap();
    client.call("anvil_autoImpersonateAccount", &json!([true])).unwrap();
    let snapshot = client.call("evm_snapshot", &json!([])).unwrap();
    let snapshot = snapshot.as_str().expect("a number").to_owned();

    let tests = format!("^({})\\(", DEPOSIT_HALF.join("|"));
    let output = Command::new(forge())
        .current_dir(root())
        .args(["test", "--match-contract", "ERC4626StdTest", "--match-test", &tests])
        // They share the node.
        .args(["--threads", "1"])
        .env("FOUNDRY_PROFILE", "suites")
        .env("NO_COLOR", "1")
        .env("DEVNODE_URL", &url)
        .env("SNAPSHOT", snapshot)
        .env("VAULT", at.vault.to_string())
        .env("BOOK", at.book.to_string())
        .env("ASSET", asset.to_string())
        .output()
        .expect("forge can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}{}", String::from_utf8_lossy(&output.stderr));
    let all = format!("{} tests passed, 0 failed", DEPOSIT_HALF.len());
    assert!(output.status.success() && text.contains(&all), "not {all}");
}

/// forge from npm where it has one, else from the `PATH`.
fn forge() -> String {
    let packages = [
        ("linux", "x86_64", "forge-linux-amd64/bin/forge"),
        ("macos", "aarch64", "forge-darwin-arm64/bin/forge"),
        ("windows", "x86_64", "forge-win32-amd64/bin/forge.exe"),
    ];
    let here = (std::env::consts::OS, std::env::consts::ARCH);
    let package = packages.iter().find(|(os, arch, _)| (*os, *arch) == here);
    package.map_or(String::from("forge"), |(_, _, path)| {
        root().join("node_modules/@foundry-rs").join(path).display().to_string()
    })
}
