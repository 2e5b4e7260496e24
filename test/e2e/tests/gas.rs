//! Gas of the calls that people make, with programs cached, against the committed snapshot.
//!
//! `cargo xtask gas --write` renews `bench/snapshots/gas.json`.

use alloy_primitives::U256;
use e2e::{PRICE_E8, root, world};
use gimbal::world::{dollars, people::ALICE};
use serde_json::{Value, json};

#[test]
fn gas_snapshot() {
    let measured = measure();
    println!("{measured:#}");
    let path = root().join("bench/snapshots/gas.json");
    if std::env::var("GIMBAL_GAS").as_deref() == Ok("write") {
        std::fs::write(&path, format!("{measured:#}\n")).unwrap();
        return;
    }
    let committed: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(
        committed, measured,
        "renew with `cargo xtask gas --write` if the change is meant"
    );
}

fn measure() -> Value {
    let mut world = world();
    world.fund(ALICE, dollars(300_000)).unwrap();
    let deposit_first = world.deposit(ALICE, dollars(100_000)).unwrap().0.gas_used;
    let allocate = world.allocate(dollars(100_000)).unwrap().gas_used;
    let rebalance_buy = world.rebalance().unwrap().0.gas_used;
    let deposit_invested = world.deposit(ALICE, dollars(100_000)).unwrap().0.gas_used;
    world.set_price(PRICE_E8 * 13 / 10).unwrap();
    world.allocate(dollars(100_000)).unwrap();
    while let Ok((_, decision)) = world.assess() {
        if decision.rule.is_zero() {
            break;
        }
        world.rebalance().unwrap();
    }
    world.set_price(PRICE_E8 * 16 / 10).unwrap();
    let rebalance_sell = world.rebalance().unwrap().0.gas_used;
    let shares = world.balance(world.at.vault, ALICE).unwrap() / U256::from(4);
    let request = world.request(ALICE, shares).unwrap().0.gas_used;
    world.chain.warp(86_400);
    world.publish(world.price_e8).unwrap();
    let settle = world.settle().unwrap().0.gas_used;
    let claim = world.claim(ALICE).unwrap().0.gas_used;
    json!({
        "deposit, first": deposit_first,
        "deposit, book invested": deposit_invested,
        "allocate": allocate,
        "rebalance, buy": rebalance_buy,
        "rebalance, sell": rebalance_sell,
        "requestRedeem": request,
        "settle": settle,
        "redeem (claim)": claim,
    })
}
