//! Gas of the calls that people make, with programs cached, against the committed snapshot.
//!
//! `cargo xtask gas --write` renews `bench/snapshots/gas.json`.

use alloy_primitives::U256;
use alloy_sol_types::SolCall;
use e2e::{PRICE_E8, root, world};
use gimbal::world::{World, dollars, people::ALICE};
use interfaces::IVault;
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
    let mut measured = json!({
        "deposit, first": deposit_first,
        "deposit, book invested": deposit_invested,
        "allocate": allocate,
        "rebalance, buy": rebalance_buy,
        "rebalance, sell": rebalance_sell,
        "requestRedeem": request,
        "settle": settle,
        "redeem (claim)": claim,
    });
    for books in [1, 4, 8] {
        for (call, gas) in measure_with(books) {
            measured[format!("{books} book{}: {call}", if books == 1 { "" } else { "s" })] = gas.into();
        }
    }
    measured
}

/// Gas of what depositors do while `count` books hold a hundred thousand dollars each, half of it in WBTC.
fn measure_with(count: u64) -> [(&'static str, u64); 6] {
    let mut world = world();
    let vault = world.at.vault;
    let each = dollars(100_000);
    world.fund(ALICE, each * U256::from(count + 1)).unwrap();
    world.deposit(ALICE, each * U256::from(count)).unwrap();
    let mut books = vec![world.at.book];
    while books.len() as u64 != count {
        books.push(world.add_book(U256::MAX, false).unwrap());
    }
    for book in books {
        world.allocate_to(book, each).unwrap();
        world.rebalance_book(book).unwrap();
        world.set_price(PRICE_E8).unwrap();
    }
    let deposit = world.deposit(ALICE, each).unwrap().0.gas_used;
    let leave = |world: &mut World, bps: u64| {
        let shares = world.balance(vault, ALICE).unwrap() * U256::from(bps) / U256::from(10_000);
        let request = world.request(ALICE, shares).unwrap().0.gas_used;
        world.chain.warp(86_400);
        world.publish(world.price_e8).unwrap();
        let settle = world.settle().unwrap().0.gas_used;
        let claim = world.claim(ALICE).unwrap().0.gas_used;
        (request, settle, claim)
    };
    let (request, from_idle, claim) = leave(&mut world, 500);
    // All that is idle and nearly all the books' cash.
    let (_, from_all, _) = leave(&mut world, 4_900);
    let marks = IVault::marksCall {}.abi_encode();
    let view = world
        .chain
        .call(devnode::Tx::call(ALICE, vault, marks))
        .unwrap()
        .gas_used;
    [
        ("deposit", deposit),
        ("requestRedeem", request),
        ("settle, from idle", from_idle),
        ("settle, recalling from every book", from_all),
        ("redeem (claim)", claim),
        ("marks (view)", view),
    ]
}
