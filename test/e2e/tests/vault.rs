//! Deposits, redemptions and what the vault refuses.

use alloy_primitives::{Bytes, U256};
use alloy_sol_types::SolCall;
use e2e::{govern, invested, over_token, refused, state, world};
use gimbal::world::{
    World, dollars,
    people::{ALICE, BOB, GUARDIAN, KEEPER},
};
use interfaces::{IERC20, IReturnsFalseToken, IVault};
use venues::{Network, simulated};

const DAY: u64 = 86_400;

/// Requests all shares of `person`, waits for the cut-off, settles and claims; returns the assets.
fn leave(world: &mut World, person: alloy_primitives::Address) -> U256 {
    let shares = world.balance(world.at.vault, person).unwrap();
    world.request(person, shares).unwrap();
    world.chain.warp(DAY);
    world.publish(world.price_e8).unwrap();
    for _ in 0..4 {
        let Ok((_, decision)) = world.assess() else { break };
        if decision.rule.is_zero() {
            break;
        }
        world.rebalance().unwrap();
    }
    world.settle().unwrap();
    let (_, assets) = world.claim(person).unwrap();
    assets
}

#[test]
fn deposit_first_mints_assets_less_the_entry_cost() {
    let mut world = world();
    world.fund(ALICE, dollars(1_000)).unwrap();
    let (_, shares) = world.deposit(ALICE, dollars(1_000)).unwrap();
    // 10 basis points stay with the vault; shares have 18 decimals, assets 6.
    assert_eq!(shares, dollars(999) * U256::from(10).pow(U256::from(12)));
    assert_eq!(world.balance(world.at.vault, ALICE).unwrap(), shares);
    assert_eq!(
        world.chain.read(world.at.vault, &IVault::totalAssetsCall {}).unwrap(),
        dollars(1_000)
    );
}

#[test]
fn deposit_then_leave_never_returns_more() {
    for units in [1_u64, 7, 999, 1_001, 123_457, 1_000_003, 77_777_777_777] {
        let mut world = invested(BOB, 50_000);
        world.fund(ALICE, U256::from(units)).unwrap();
        let before = world.marks().unwrap().navMid;
        match world.deposit(ALICE, U256::from(units)) {
            Ok(_) => {
                let returned = leave(&mut world, ALICE);
                assert!(returned <= U256::from(units), "INV-8: {units} became {returned}");
                let after = world.marks().unwrap().navMid;
                // The hedge of the new money may cost those who stay no more than the leaver left behind.
                assert!(
                    after + U256::from(units / 1_000 + 1) >= before,
                    "INV-8: {before} became {after}"
                );
            }
            Err(error) => assert!(units < 10, "{units}: {error}"),
        }
    }
}

/// 10¹² shares and one unit that nobody owns.
fn virtual_amounts() -> (U256, U256) {
    (U256::from(10).pow(U256::from(12)), U256::from(1))
}

#[test]
fn deposit_is_priced_at_the_high_mark_and_redemption_at_the_low_one() {
    let mut world = invested(BOB, 100_000);
    let (virtual_shares, virtual_assets) = virtual_amounts();
    let assets = dollars(5_000);
    world.fund(ALICE, assets).unwrap();
    let marks = world.marks().unwrap();
    assert!(
        marks.navMin < marks.navMid && marks.navMid < marks.navMax,
        "the book is invested"
    );
    let supply = world.chain.read(world.at.vault, &IVault::totalSupplyCall {}).unwrap();
    let (_, shares) = world.deposit(ALICE, assets).unwrap();
    let kept = assets * U256::from(9_990) / U256::from(10_000);
    assert_eq!(
        shares,
        kept * (supply + virtual_shares) / (marks.navMax + virtual_assets)
    );

    world.request(ALICE, shares).unwrap();
    world.chain.warp(DAY);
    world.publish(world.price_e8).unwrap();
    let marks = world.marks().unwrap();
    let supply = world.chain.read(world.at.vault, &IVault::totalSupplyCall {}).unwrap();
    let (_, settled) = world.settle().unwrap();
    let owed = shares * (marks.navMin + virtual_assets) / (supply + virtual_shares);
    assert_eq!((settled.shares, settled.assets), (shares, owed));
}

#[test]
fn mint_costs_at_least_what_deposit_of_the_same_shares_does() {
    let mut world = invested(BOB, 50_000);
    let shares = U256::from(12_345_678_901_234_567_u64);
    let assets = world
        .chain
        .read(world.at.vault, &IVault::previewMintCall { shares })
        .unwrap();
    let back = world
        .chain
        .read(world.at.vault, &IVault::previewDepositCall { assets })
        .unwrap();
    assert!(back >= shares, "the rounded-up price buys at least these shares");
    world.fund(ALICE, assets).unwrap();
    world
        .chain
        .invoke(
            ALICE,
            world.at.vault,
            &IVault::mintCall {
                shares,
                receiver: ALICE,
            },
        )
        .unwrap();
    assert_eq!(world.balance(world.usdc, ALICE).unwrap(), U256::ZERO);
    assert_eq!(world.balance(world.at.vault, ALICE).unwrap(), shares);
}

#[test]
fn donation_to_the_vault_does_not_move_the_share_price() {
    let mut world = world();
    world.fund(ALICE, dollars(10_001)).unwrap();
    world.deposit(ALICE, U256::from(1_000_u64)).unwrap();
    let one = U256::from(10).pow(U256::from(18));
    let price = |world: &mut World| {
        world
            .chain
            .read(world.at.vault, &IVault::convertToAssetsCall { shares: one })
            .unwrap()
    };
    let before = price(&mut world);
    world
        .chain
        .invoke(
            ALICE,
            world.usdc,
            &IERC20::transferCall {
                to: world.at.vault,
                value: dollars(10_000),
            },
        )
        .unwrap();
    assert_eq!(price(&mut world), before);
    world.fund(BOB, dollars(10_000)).unwrap();
    let (_, shares) = world.deposit(BOB, dollars(10_000)).unwrap();
    assert!(
        shares > dollars(9_980) * U256::from(10).pow(U256::from(12)),
        "the victim got {shares}"
    );
}

#[test]
fn donation_to_the_book_profits_nobody_but_the_others() {
    let mut world = world();
    world.fund(ALICE, dollars(20_000)).unwrap();
    world.deposit(ALICE, U256::from(1_000_u64)).unwrap();
    world
        .chain
        .invoke(
            ALICE,
            world.usdc,
            &IERC20::transferCall {
                to: world.at.book,
                value: dollars(10_000),
            },
        )
        .unwrap();
    world.fund(BOB, dollars(10_000)).unwrap();
    world.deposit(BOB, dollars(10_000)).unwrap();
    let spent = dollars(10_000) + U256::from(1_000_u64);
    let returned = leave(&mut world, ALICE);
    assert!(returned < spent, "the attacker spent {spent} and got {returned}");
    let victim = leave(&mut world, BOB);
    assert!(victim >= dollars(9_900), "the victim got {victim} of 10,000 dollars");
}

#[test]
fn redemption_is_settled_from_idle_when_nothing_is_invested() {
    let mut world = world();
    world.fund(ALICE, dollars(500)).unwrap();
    world.deposit(ALICE, dollars(500)).unwrap();
    let returned = leave(&mut world, ALICE);
    // The entry cost stays as long as somebody virtual does; with one depositor it comes back but for rounding.
    assert!(returned >= dollars(499) && returned <= dollars(500), "{returned}");
}

#[test]
fn redemption_is_settled_by_selling_spot() {
    let mut world = invested(ALICE, 100_000);
    let wbtc = world.balance(world.wbtc, world.at.book).unwrap();
    let returned = leave(&mut world, ALICE);
    let left = world.balance(world.wbtc, world.at.book).unwrap();
    assert!(left < wbtc / U256::from(20), "{left} of {wbtc} units are left");
    assert!(returned > dollars(99_500), "{returned}");
}

#[test]
fn request_escrows_shares_until_settlement() {
    let mut world = invested(ALICE, 10_000);
    let shares = world.balance(world.at.vault, ALICE).unwrap();
    let (_, batch) = world.request(ALICE, shares).unwrap();
    assert_eq!(world.balance(world.at.vault, ALICE).unwrap(), U256::ZERO);
    assert_eq!(world.balance(world.at.vault, world.at.vault).unwrap(), shares);
    let pending = IVault::pendingRedeemRequestCall {
        requestId: batch,
        controller: ALICE,
    };
    assert_eq!(world.chain.read(world.at.vault, &pending).unwrap(), shares);
    let early: IVault::BatchStillOpen = refused(world.settle());
    assert_eq!(early.requestId, batch);
}

#[test]
fn redeem_more_than_claimable_is_refused() {
    let mut world = invested(ALICE, 10_000);
    let call = IVault::redeemCall {
        shares: U256::from(1),
        receiver: ALICE,
        controller: ALICE,
    };
    let error: IVault::ERC4626ExceededMaxRedeem = refused(world.chain.invoke(ALICE, world.at.vault, &call));
    assert_eq!((error.shares, error.max), (U256::from(1), U256::ZERO));
}

#[test]
fn redeem_by_a_stranger_is_refused_and_by_an_operator_is_not() {
    let mut world = invested(ALICE, 10_000);
    let shares = world.balance(world.at.vault, ALICE).unwrap() / U256::from(2);
    let request = IVault::requestRedeemCall {
        shares,
        controller: ALICE,
        owner: ALICE,
    };
    let before = state(&mut world);
    assert!(world.chain.invoke(BOB, world.at.vault, &request).is_err());
    assert_eq!(state(&mut world), before, "INV-10");
    world
        .chain
        .invoke(
            ALICE,
            world.at.vault,
            &IVault::setOperatorCall {
                operator: BOB,
                approved: true,
            },
        )
        .unwrap();
    world.chain.invoke(BOB, world.at.vault, &request).unwrap();
    assert_eq!(world.balance(world.at.vault, world.at.vault).unwrap(), shares);
}

#[test]
fn preview_redeem_reverts_because_redemption_is_asynchronous() {
    let mut world = world();
    let call = IVault::previewRedeemCall { shares: U256::from(1) };
    let _: IVault::AsyncRedeem = refused(world.chain.read(world.at.vault, &call));
}

#[test]
fn deposit_of_nothing_is_refused() {
    let mut world = world();
    let before = state(&mut world);
    let _: IVault::ZeroAmount = refused(world.deposit(ALICE, U256::ZERO));
    assert_eq!(state(&mut world), before, "INV-10");
}

#[test]
fn deposit_above_the_cap_is_refused_with_the_room_left() {
    let mut world = world();
    govern(
        &mut world,
        |at| at.vault,
        &IVault::setParameterCall {
            id: 7,
            value: dollars(100),
        },
    )
    .unwrap();
    world.fund(ALICE, dollars(101)).unwrap();
    let before = state(&mut world);
    let error: IVault::ERC4626ExceededMaxDeposit = refused(world.deposit(ALICE, dollars(101)));
    assert_eq!(
        (error.receiver, error.assets, error.max),
        (ALICE, dollars(101), dollars(100))
    );
    assert_eq!(state(&mut world), before, "INV-10");
    world.deposit(ALICE, dollars(100)).unwrap();
}

#[test]
fn deposit_with_too_few_shares_is_refused() {
    let mut world = invested(BOB, 10_000);
    world.fund(ALICE, dollars(100)).unwrap();
    let before = state(&mut world);
    let least = dollars(100) * U256::from(10).pow(U256::from(12));
    let call = IVault::depositWithMinCall {
        assets: dollars(100),
        receiver: ALICE,
        minShares: least,
    };
    let error: IVault::SlippageExceeded = refused(world.chain.invoke(ALICE, world.at.vault, &call));
    assert!(error.received < least && error.minimum == least);
    assert_eq!(state(&mut world), before, "INV-10");
}

#[test]
fn deposit_while_the_price_is_stale_is_refused_and_requests_are_not() {
    let mut world = invested(ALICE, 10_000);
    world.fund(BOB, dollars(100)).unwrap();
    world.chain.warp(2 * DAY);
    let before = state(&mut world);
    let error: IVault::MarkUnavailable = refused(world.deposit(BOB, dollars(100)));
    assert_eq!(error.book, world.at.book);
    assert_eq!(state(&mut world), before, "INV-10");
    let shares = world.balance(world.at.vault, ALICE).unwrap();
    world.request(ALICE, shares).unwrap();
}

#[test]
fn unknown_selector_is_refused_by_every_contract() {
    let mut world = world();
    let at = world.at;
    for contract in [
        at.vault,
        at.book,
        at.risk,
        at.rebalancer,
        at.oracle,
        at.governor,
        at.adapter,
    ] {
        for data in [
            &[][..],
            &[1],
            &[0xDE, 0xAD, 0xBE, 0xEF],
            &[0xDE, 0xAD, 0xBE, 0xEF, 1, 2, 3],
        ] {
            assert!(
                world
                    .chain
                    .query(ALICE, contract, Bytes::copy_from_slice(data))
                    .is_err(),
                "{contract} {data:?}"
            );
        }
    }
}

#[test]
fn arguments_cut_short_are_refused() {
    let mut world = world();
    let data = IVault::depositCall {
        assets: dollars(1),
        receiver: ALICE,
    }
    .abi_encode();
    assert!(
        world
            .chain
            .query(ALICE, world.at.vault, Bytes::copy_from_slice(&data[..data.len() - 1]))
            .is_err()
    );
}

#[test]
fn initialize_twice_is_refused() {
    let mut world = world();
    let call = IVault::initializeCall {
        governor: ALICE,
        asset: world.usdc,
        name: alloy_primitives::B256::ZERO,
        symbol: alloy_primitives::B256::ZERO,
        rebalancer: ALICE,
        feeRecipient: ALICE,
        parameters: vec![],
    };
    let _: IVault::AlreadyInitialized = refused(world.chain.invoke(ALICE, world.at.vault, &call));
}

#[test]
fn set_deposit_cap_guardian_may_only_tighten() {
    let mut world = world();
    let set = |value| IVault::setParameterCall { id: 7, value };
    let error: IVault::Unauthorized = refused(world.chain.invoke(KEEPER, world.at.vault, &set(U256::ZERO)));
    assert_eq!(error.caller, KEEPER);
    world.chain.invoke(GUARDIAN, world.at.vault, &set(dollars(10))).unwrap();
    let error: IVault::Unauthorized = refused(world.chain.invoke(GUARDIAN, world.at.vault, &set(dollars(11))));
    assert_eq!(error.caller, GUARDIAN);
    govern(&mut world, |at| at.vault, &set(dollars(11))).unwrap();
}

#[test]
fn allocate_is_for_the_allocator_and_within_the_cap() {
    let mut world = world();
    world.fund(ALICE, dollars(1_000)).unwrap();
    world.deposit(ALICE, dollars(1_000)).unwrap();
    let book = world.at.book;
    let call = IVault::allocateCall {
        book,
        assets: dollars(1),
    };
    let _: IVault::Unauthorized = refused(world.chain.invoke(KEEPER, world.at.vault, &call));
    world
        .chain
        .invoke(
            GUARDIAN,
            world.at.vault,
            &IVault::setBookCapCall {
                book,
                cap: dollars(400),
            },
        )
        .unwrap();
    let error: IVault::BookCapExceeded = refused(world.allocate(dollars(401)));
    assert_eq!(error.max, dollars(400));
    let error: IVault::InsufficientIdle = {
        govern(
            &mut world,
            |at| at.vault,
            &IVault::setBookCapCall {
                book,
                cap: dollars(5_000),
            },
        )
        .unwrap();
        refused(world.allocate(dollars(1_001)))
    };
    assert_eq!(error.idle, dollars(1_000));
}

#[test]
fn token_that_returns_false_is_refused_and_no_share_is_minted() {
    let mut world = world();
    let (asset, at) = over_token(&mut world, "ReturnsFalseToken", &[]);
    simulated::mint(&mut world.chain, ALICE, asset, ALICE, dollars(10)).unwrap();
    world
        .chain
        .invoke(
            ALICE,
            asset,
            &IERC20::approveCall {
                spender: at.vault,
                value: U256::MAX,
            },
        )
        .unwrap();
    let fail = IReturnsFalseToken::setFailingCall {
        transfer: true,
        transferFrom: true,
        approve: true,
    };
    world.chain.invoke(ALICE, asset, &fail).unwrap();
    let call = IVault::depositCall {
        assets: dollars(10),
        receiver: ALICE,
    };
    let error: IVault::TransferFailed = refused(world.chain.invoke(ALICE, at.vault, &call));
    assert_eq!(error.token, asset);
    assert_eq!(
        world.chain.read(at.vault, &IVault::totalSupplyCall {}).unwrap(),
        U256::ZERO
    );
}

#[test]
fn token_that_takes_a_fee_is_refused() {
    let mut world = world();
    let (asset, at) = over_token(&mut world, "FeeOnTransferToken", &U256::from(100).to_be_bytes::<32>());
    simulated::mint(&mut world.chain, ALICE, asset, ALICE, dollars(10)).unwrap();
    world
        .chain
        .invoke(
            ALICE,
            asset,
            &IERC20::approveCall {
                spender: at.vault,
                value: U256::MAX,
            },
        )
        .unwrap();
    let call = IVault::depositCall {
        assets: dollars(10),
        receiver: ALICE,
    };
    let error: IVault::TransferFailed = refused(world.chain.invoke(ALICE, at.vault, &call));
    assert_eq!(error.token, asset);
}

#[test]
fn token_without_return_values_works() {
    let mut world = world();
    let (asset, at) = over_token(&mut world, "NoReturnToken", &[]);
    simulated::mint(&mut world.chain, ALICE, asset, ALICE, dollars(10)).unwrap();
    let approve = IERC20::approveCall {
        spender: at.vault,
        value: U256::MAX,
    }
    .abi_encode();
    world
        .chain
        .transact(ALICE, Some(asset), U256::ZERO, approve.into())
        .unwrap();
    world
        .chain
        .invoke(
            ALICE,
            at.vault,
            &IVault::depositCall {
                assets: dollars(10),
                receiver: ALICE,
            },
        )
        .unwrap();
    assert_eq!(
        world.chain.read(at.vault, &IVault::totalAssetsCall {}).unwrap(),
        dollars(10)
    );
}
