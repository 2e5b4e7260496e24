//! The redemption queue: partial settlement, broken measurement, dust.

use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall, SolError};
use e2e::{govern, invested, refused, world};
use gimbal::world::{
    World, dollars,
    people::{ALICE, ALLOCATOR, BOB, CAROL, KEEPER},
};
use interfaces::IVault;
use venues::Network;

const DAY: u64 = 86_400;

/// Shares and assets that `person` can claim.
fn claimable(world: &mut World, person: Address) -> (U256, U256) {
    let vault = world.at.vault;
    let shares = IVault::maxRedeemCall { controller: person };
    let assets = IVault::maxWithdrawCall { controller: person };
    (
        world.chain.read(vault, &shares).unwrap(),
        world.chain.read(vault, &assets).unwrap(),
    )
}

/// Lets the open batch close, with fresh prices.
fn next_day(world: &mut World) {
    world.chain.warp(DAY);
    world.publish(world.price_e8).unwrap();
}

#[test]
fn settle_when_short_pays_pro_rata_and_the_rest_later() {
    let mut world = world();
    let vault = world.at.vault;
    let people = [ALICE, BOB, CAROL];
    for person in people {
        world.fund(person, dollars(10_000)).unwrap();
        world.deposit(person, dollars(10_000)).unwrap();
    }
    world.allocate(dollars(30_000)).unwrap();
    world.rebalance().unwrap();
    // Alice and Carol want all, Bob half: more than the book has in cash.
    let alices = world.balance(vault, ALICE).unwrap();
    let bobs = world.balance(vault, BOB).unwrap() / U256::from(2);
    let carols = world.balance(vault, CAROL).unwrap();
    world.request(ALICE, alices).unwrap();
    let (_, batch) = world.request(BOB, bobs).unwrap();
    world.request(CAROL, carols).unwrap();
    next_day(&mut world);

    let cash = world.balance(world.usdc, world.at.book).unwrap();
    let before = world.marks().unwrap();
    let (_, settled) = world.settle().unwrap();
    assert!(
        settled.assets <= cash && settled.assets + U256::from(2) >= cash,
        "all cash goes to leavers"
    );
    let after = world.marks().unwrap();
    assert_eq!(
        before.navMin - after.navMin,
        settled.assets,
        "what was set aside left the value"
    );

    let claims = people.map(|person| claimable(&mut world, person).1);
    let sum: U256 = claims.iter().sum();
    assert!(sum <= settled.assets && sum + U256::from(3) >= settled.assets, "INV-5");
    let fair = claims[0] * bobs / alices;
    assert!(
        claims[1].abs_diff(fair) <= U256::from(2),
        "Bob's claim is in proportion: {} {fair}",
        claims[1]
    );

    let early: IVault::RequestUnsettled = refused(world.request(BOB, bobs));
    assert_eq!(early.requestId, batch);

    // A partial claim takes no more shares than it must, and never pays more than was set aside.
    let (shares, assets) = claimable(&mut world, ALICE);
    let half = assets / U256::from(2);
    let withdraw = IVault::withdrawCall {
        assets: half,
        receiver: ALICE,
        controller: ALICE,
    };
    world.chain.invoke(ALICE, vault, &withdraw).unwrap();
    let (shares_left, assets_left) = claimable(&mut world, ALICE);
    assert_eq!(assets_left, assets - half);
    assert!(
        shares_left * assets <= shares * assets_left,
        "rounded against the claimer"
    );

    // Selling spot fills the rest.
    while world.rebalance().is_ok() {}
    world.settle().unwrap();
    while world.settle().is_ok() {}
    let unclaimed: IVault::RequestUnclaimed = {
        let (claimable_shares, _) = claimable(&mut world, BOB);
        assert_eq!(claimable_shares, bobs);
        refused(world.request(BOB, bobs))
    };
    assert_eq!(unclaimed.requestId, batch);
    for person in people {
        let (_, due) = claimable(&mut world, person);
        let (_, paid) = world.claim(person).unwrap();
        assert_eq!(paid, due);
        assert_eq!(claimable(&mut world, person), (U256::ZERO, U256::ZERO));
    }
    let reserve = world.chain.read(vault, &IVault::claimReserveCall {}).unwrap();
    assert!(reserve < U256::from(6), "only rounding is left: {reserve}");
    let idle = world.chain.read(vault, &IVault::idleCall {}).unwrap();
    assert_eq!(world.balance(world.usdc, vault).unwrap(), idle + reserve, "INV-3");
    world.request(BOB, bobs).unwrap();
}

/// Alice has everything in a book and asks for all of it; Bob's money is idle.
fn leaving() -> World {
    let mut world = invested(ALICE, 10_000);
    world.fund(BOB, dollars(1_000)).unwrap();
    world.deposit(BOB, dollars(1_000)).unwrap();
    let shares = world.balance(world.at.vault, ALICE).unwrap();
    world.request(ALICE, shares).unwrap();
    world
}

#[test]
fn settle_while_a_book_cannot_be_measured_waits_a_day() {
    let mut world = leaving();
    // The batch closes at midnight; the feed's answers are good for a day.
    world.chain.warp(DAY + 3_600);
    for _ in 0..2 {
        let error: IVault::MarkUnavailable = refused(world.settle());
        assert_eq!(error.book, world.at.book);
        let receiver = BOB;
        let most = world.chain.read(world.at.vault, &IVault::maxDepositCall { receiver });
        assert!(most.unwrap().is_zero());
        world.chain.warp(DAY / 2);
    }
    // The measurement returns: nobody has lost anything.
    world.publish(world.price_e8).unwrap();
    let (_, settled) = world.settle().unwrap();
    assert!(settled.assets > dollars(5_000), "{}", settled.assets);
}

#[test]
fn settle_when_overdue_pays_what_can_be_measured_and_keeps_the_rest_in_a_pocket() {
    let mut world = leaving();
    let (vault, book) = (world.at.vault, world.at.book);
    world.chain.warp(2 * DAY + 3_600);
    let (sent, settled) = world.settle().unwrap();
    // Ten elevenths of the thousand idle dollars, and as much of the book.
    assert!(
        settled.assets > dollars(900) && settled.assets < dollars(920),
        "{}",
        settled.assets
    );
    let joined = sent.events::<IVault::PocketJoined>(vault);
    let ray = U256::from(10).pow(U256::from(27));
    let fraction = joined[0].fractionRay;
    assert!(fraction > ray * U256::from(90) / U256::from(100) && fraction < ray * U256::from(91) / U256::from(100));
    world.claim(ALICE).unwrap();
    // The feed returns. What belongs to the pocket is not the others', and cannot be diluted by new assets.
    world.publish(world.price_e8).unwrap();
    let marks = world.marks().unwrap();
    assert!(
        marks.navMid > dollars(900) && marks.navMid < dollars(1_100),
        "{}",
        marks.navMid
    );
    let error: IVault::BookPocketed = refused(world.allocate(dollars(1)));
    assert_eq!(error.book, book);
    // The book must raise the leavers' part, like the queue's.
    let needed = world.chain.read(vault, &IVault::liquidityNeededCall { book }).unwrap();
    assert!(needed > dollars(8_900), "{needed}");
    let before = world.balance(world.usdc, ALICE).unwrap();
    for _ in 0..12 {
        if world.rebalance().is_err() {
            break;
        }
    }
    let cash = world.balance(world.usdc, book).unwrap();
    let recall = IVault::recallCall { book, assets: cash };
    world.chain.invoke(ALLOCATOR, vault, &recall).unwrap();
    let pocket = U256::ONE;
    let rest = IVault::restOfCall {
        pocket,
        requestId: U256::ONE,
        controller: ALICE,
    };
    let owed = world.chain.read(vault, &rest).unwrap();
    let claim = IVault::claimRestCall {
        pocket,
        requestId: U256::ONE,
        receiver: ALICE,
        controller: ALICE,
    };
    world.chain.invoke(ALICE, vault, &claim).unwrap();
    assert_eq!(world.balance(world.usdc, ALICE).unwrap() - before, owed);
    let _: IVault::NothingToClaim = refused(world.chain.invoke(ALICE, vault, &claim));
    // What is left of the book is bought out: in all she has what ten elevenths were worth, less the cost of selling.
    world.chain.invoke(KEEPER, vault, &IVault::buyOutCall { book }).unwrap();
    let _ = world.chain.invoke(ALICE, vault, &claim);
    let total = world.balance(world.usdc, ALICE).unwrap();
    assert!(total > dollars(9_900) && total <= dollars(10_000), "{total}");
    world.allocate(dollars(1)).unwrap();
}

#[test]
fn settle_starved_of_gas_is_refused_instead_of_calling_the_book_broken() {
    let mut world = invested(ALICE, 10_000);
    let shares = world.balance(world.at.vault, ALICE).unwrap();
    world.request(ALICE, shares).unwrap();
    next_day(&mut world);
    let tx = devnode::Tx::call(KEEPER, world.at.vault, IVault::settleCall {}.abi_encode()).gas(1_500_000);
    let receipt = world.chain.send(tx).unwrap();
    assert!(!receipt.success);
    assert_eq!(receipt.output.as_ref(), IVault::InsufficientGas {}.abi_encode());
}

#[test]
fn settle_of_a_request_worth_nothing_does_not_hold_up_the_queue() {
    let mut world = invested(ALICE, 10_000);
    world.request(ALICE, U256::from(1)).unwrap();
    next_day(&mut world);
    let (_, settled) = world.settle().unwrap();
    assert_eq!((settled.shares, settled.assets), (U256::from(1), U256::ZERO));
    let _: IVault::NothingToSettle = refused(world.settle());
}

#[test]
fn request_for_another_controller_needs_its_consent() {
    let mut world = invested(ALICE, 10_000);
    let call = IVault::requestRedeemCall {
        shares: U256::from(1),
        controller: BOB,
        owner: ALICE,
    };
    let error: IVault::Unauthorized = refused(world.chain.invoke(ALICE, world.at.vault, &call));
    assert_eq!(error.caller, ALICE);
}

#[test]
fn deposit_while_the_book_holds_only_cash_needs_no_price() {
    let mut world = world();
    world.fund(ALICE, dollars(2_000)).unwrap();
    world.deposit(ALICE, dollars(1_000)).unwrap();
    world.allocate(dollars(1_000)).unwrap();
    world.chain.warp(30 * DAY);
    world.deposit(ALICE, dollars(1_000)).unwrap();
}

#[test]
fn max_mint_without_a_cap_does_not_revert() {
    let mut world = invested(ALICE, 10_000);
    govern(
        &mut world,
        |at| at.vault,
        &IVault::setParameterCall {
            id: 7,
            value: U256::MAX,
        },
    )
    .unwrap();
    let most = world
        .chain
        .read(world.at.vault, &IVault::maxMintCall { receiver: BOB })
        .unwrap();
    assert!(most > U256::from(10).pow(U256::from(30)));
}
