//! The properties of ERC-7540 (asynchronous redemption), ERC-7575 and ERC-165, on vaults in every state.
//!
//! `test/properties.md` says which test stands for which sentence of which standard.
#![allow(non_snake_case)] // fields of calls are named as in Solidity

use alloy_primitives::{Address, Bytes, FixedBytes, U256, keccak256};
use alloy_sol_types::SolCall;
use e2e::{
    refused,
    stage::{ABYSS, ASSET_DECIMALS, DAY, INVALID, Stage, State, WAIT_LIMIT, in_each, is_paid},
};
use gimbal::world::people::{ALICE, BOB, CAROL, DAVE, ERIN};
use interfaces::{IERC20, IVault};
use venues::Network;

fn pending(stage: &mut Stage, requestId: U256, controller: Address) -> U256 {
    stage.view(&IVault::pendingRedeemRequestCall { requestId, controller })
}

fn claimable(stage: &mut Stage, requestId: U256, controller: Address) -> U256 {
    stage.view(&IVault::claimableRedeemRequestCall { requestId, controller })
}

fn redeem(shares: U256, receiver: Address, controller: Address) -> IVault::redeemCall {
    IVault::redeemCall {
        shares,
        receiver,
        controller,
    }
}

fn request(shares: U256, controller: Address, owner: Address) -> IVault::requestRedeemCall {
    IVault::requestRedeemCall {
        shares,
        controller,
        owner,
    }
}

fn operate(stage: &mut Stage, controller: Address, operator: Address, approved: bool) {
    stage.act(controller, &IVault::setOperatorCall { operator, approved });
}

// ---- requests ----

#[test]
fn request_takes_the_shares_into_custody_and_is_pending() {
    // Also while a book cannot be measured and while the vault winds down: nothing stops an exit.
    let all = State::EXITS.into_iter().chain([State::Broken, State::WindingDown]);
    in_each(&all.collect::<Vec<_>>(), |stage| {
        let vault = stage.world.at.vault;
        let (held, escrow, supply) = (stage.balance(BOB), stage.balance(vault), stage.supply());
        let shares = held / U256::from(3);
        let (id, sent) = stage.act(BOB, &request(shares, BOB, BOB));
        assert_eq!(id, stage.view(&IVault::currentBatchCall {}).batchId, "{stage}");
        assert_eq!(stage.balance(BOB), held - shares, "{stage}: out of the owner's custody");
        assert_eq!(stage.balance(vault), escrow + shares, "{stage}");
        assert_eq!(stage.supply(), supply, "{stage}: burned when settled, not before");
        assert_eq!(pending(stage, id, BOB), shares, "{stage}");
        assert_eq!(claimable(stage, id, BOB), U256::ZERO, "{stage}: never at once");
        let event: IVault::RedeemRequest = stage.event(&sent);
        let (controller, owner, requestId, sender) = (BOB, BOB, id, BOB);
        let expected = IVault::RedeemRequest {
            controller,
            owner,
            requestId,
            sender,
            shares,
        };
        assert_eq!(event, expected, "{stage}");
        // A second request of the same controller in the same batch joins the first.
        let (again, _) = stage.act(BOB, &request(U256::from(5), BOB, BOB));
        assert_eq!(again, id, "{stage}");
        assert_eq!(pending(stage, id, BOB), shares + U256::from(5), "{stage}");
    });
}

#[test]
fn request_of_nothing_or_of_more_than_there_is_is_refused() {
    in_each(&State::EXITS, |stage| {
        let balance = stage.balance(BOB);
        let _: IVault::ZeroAmount = refused(stage.send(BOB, &request(U256::ZERO, BOB, BOB)));
        for needed in [balance + U256::ONE, U256::MAX] {
            let error: IVault::ERC20InsufficientBalance = refused(stage.send(BOB, &request(needed, BOB, BOB)));
            assert_eq!(
                (error.sender, error.balance, error.needed),
                (BOB, balance, needed),
                "{stage}"
            );
        }
    });
}

#[test]
fn request_by_another_needs_an_allowance_or_an_operators_right() {
    let mut stage = Stage::new(6, State::Held);
    let shares = U256::from(1_000);
    let call = request(shares, BOB, BOB);
    let _: IVault::ERC20InsufficientAllowance = refused(stage.send(ALICE, &call));
    // A spender: needs the controller's trust as well, unless the request becomes its own.
    let approve = |value| IVault::approveCall { spender: ALICE, value };
    stage.act(BOB, &approve(shares + U256::from(7)));
    let (id, sent) = stage.act(ALICE, &request(shares, ALICE, BOB));
    let event: IVault::RedeemRequest = stage.event(&sent);
    assert_eq!((event.controller, event.owner, event.sender), (ALICE, BOB, ALICE));
    assert_eq!(pending(&mut stage, id, ALICE), shares);
    let allowance = IVault::allowanceCall {
        owner: BOB,
        spender: ALICE,
    };
    assert_eq!(stage.view(&allowance), U256::from(7), "a limited allowance is used up");
    let _: IVault::ERC20InsufficientAllowance = refused(stage.send(ALICE, &request(shares, ALICE, BOB)));
    stage.act(BOB, &approve(U256::MAX));
    stage.act(ALICE, &request(shares, ALICE, BOB));
    assert_eq!(stage.view(&allowance), U256::MAX, "an unlimited one is not");
    // An operator: no allowance is asked for, and none is used up.
    stage.act(BOB, &approve(U256::from(3)));
    operate(&mut stage, BOB, ALICE, true);
    let (id, _) = stage.act(ALICE, &call);
    assert_eq!(pending(&mut stage, id, BOB), shares);
    assert_eq!(stage.view(&allowance), U256::from(3));
    operate(&mut stage, BOB, ALICE, false);
    let _: IVault::ERC20InsufficientAllowance = refused(stage.send(ALICE, &call));
}

#[test]
fn request_for_a_controller_who_did_not_agree_is_refused() {
    // The standard lets anybody name any controller. Here a controller has one request at a time, so that a stranger's
    // speck of shares would hold up its own.
    let mut stage = Stage::new(6, State::Held);
    let shares = U256::from(1_000);
    let error: IVault::Unauthorized = refused(stage.send(BOB, &request(shares, CAROL, BOB)));
    assert_eq!(error.caller, BOB);
    operate(&mut stage, CAROL, BOB, true);
    let (id, _) = stage.act(BOB, &request(shares, CAROL, BOB));
    assert_eq!(pending(&mut stage, id, CAROL), shares);
    assert_eq!(pending(&mut stage, id, BOB), U256::ZERO);
}

#[test]
fn request_before_an_older_one_is_settled_or_claimed_is_refused() {
    let mut stage = Stage::new(6, State::Held);
    let shares = stage.balance(BOB) / U256::from(4);
    let id = stage.request(BOB, shares);
    stage.pass(DAY);
    let error: IVault::RequestUnsettled = refused(stage.send(BOB, &request(shares, BOB, BOB)));
    assert_eq!((error.controller, error.requestId), (BOB, id));
    stage.world.settle().unwrap();
    let error: IVault::RequestUnclaimed = refused(stage.send(BOB, &request(shares, BOB, BOB)));
    assert_eq!((error.controller, error.requestId), (BOB, id));
    stage.claim(BOB);
    let next = stage.request(BOB, shares);
    assert!(next > id);
}

// ---- what is pending, claimable, claimed ----

#[test]
fn pending_claimable_and_claimed_shares_always_sum_to_the_request() {
    in_each(&State::EXITS, |stage| {
        // Idle covers 40 %, the rest is in the book as WBTC: two settlements.
        stage.recall_all();
        let everything: U256 = stage.view(&IVault::idleCall {});
        let invested = everything * U256::from(6) / U256::from(10);
        stage.world.allocate(invested).unwrap();
        stage.lose(invested);
        let (wbtc, book) = (stage.world.wbtc, stage.world.at.book);
        let worth = invested * U256::from(15_625) / stage.whole(1);
        venues::simulated::mint(&mut stage.world.chain, BOB, wbtc, book, worth).unwrap();

        let requested = stage.balance(BOB);
        let id = stage.request(BOB, requested);
        let mut claimed = U256::ZERO;
        let check = |stage: &mut Stage, claimed: U256| {
            let (waiting, ready) = (pending(stage, id, BOB), claimable(stage, id, BOB));
            assert_eq!(waiting + ready + claimed, requested, "{stage}");
            assert_eq!(
                ready,
                stage.view(&IVault::maxRedeemCall { controller: BOB }),
                "{stage}: in step"
            );
            (waiting, ready)
        };
        check(stage, claimed);
        let first = stage.settle();
        let (waiting, ready) = check(stage, claimed);
        assert!(
            !waiting.is_zero() && !ready.is_zero() && !first.shares.is_zero(),
            "{stage}: settled in part"
        );
        let half = ready / U256::from(2);
        stage.act(BOB, &redeem(half, BOB, BOB));
        claimed += half;
        check(stage, claimed);
        let assets = stage.view(&IVault::maxWithdrawCall { controller: BOB }) / U256::from(3);
        let (receiver, controller) = (BOB, BOB);
        let (shares, _) = stage.act(
            BOB,
            &IVault::withdrawCall {
                assets,
                receiver,
                controller,
            },
        );
        claimed += shares;
        check(stage, claimed);
        // The book sells.
        let sale = IERC20::transferCall {
            to: ABYSS,
            value: worth,
        };
        stage.world.chain.invoke(book, wbtc, &sale).unwrap();
        stage.gain(invested);
        stage.pass(1);
        stage.world.settle().unwrap();
        let (waiting, ready) = check(stage, claimed);
        assert_eq!(waiting, U256::ZERO, "{stage}: all of it is settled");
        stage.claim(BOB);
        claimed += ready;
        let (_, ready) = check(stage, claimed);
        assert_eq!(ready, U256::ZERO, "{stage}");
        assert_eq!(
            stage.view(&IVault::maxWithdrawCall { controller: BOB }),
            U256::ZERO,
            "{stage}"
        );
    });
}

#[test]
fn requests_of_a_batch_become_claimable_together_and_at_one_rate() {
    in_each(&State::EXITS, |stage| {
        stage.recall_all();
        let shares = stage.balance(BOB);
        let parts = [(ALICE, 7), (CAROL, 11), (DAVE, 13)];
        for (person, part) in parts {
            let value = shares / U256::from(part);
            stage.act(BOB, &IVault::transferCall { to: person, value });
            stage.request(person, value);
        }
        // A third of what they are owed is at hand.
        let idle: U256 = stage.view(&IVault::idleCall {});
        let owed = idle * U256::from(7 * 11 + 11 * 13 + 13 * 7) / U256::from(7 * 11 * 13);
        stage.world.allocate(idle - owed / U256::from(3)).unwrap();
        let book = stage.world.at.book;
        let cash = stage.assets(book);
        stage.lose(cash);
        let (wbtc, worth) = (stage.world.wbtc, cash * U256::from(15_625) / stage.whole(1));
        venues::simulated::mint(&mut stage.world.chain, BOB, wbtc, book, worth).unwrap();
        stage.settle();
        let id = stage.view(&IVault::nextBatchCall {}).batchId;
        let mut rates = Vec::new();
        for (person, _) in parts {
            let (waiting, ready) = (pending(stage, id, person), claimable(stage, id, person));
            let assets: U256 = stage.view(&IVault::maxWithdrawCall { controller: person });
            assert!(
                !waiting.is_zero() && !ready.is_zero() && !assets.is_zero(),
                "{stage}: in part"
            );
            rates.push((waiting, ready, assets));
        }
        let (_, first, paid) = rates[0];
        for (waiting, ready, assets) in &rates {
            // Cross products, each off by at most the last unit of one of its factors.
            let all = waiting + ready;
            let share = (ready * (rates[0].0 + first)).abs_diff(first * all);
            assert!(
                share <= all + rates[0].0 + first,
                "{stage}: {ready} of {all} shares are settled"
            );
            let rate = (assets * first).abs_diff(paid * ready);
            assert!(
                rate <= (first + ready) * U256::from(2),
                "{stage}: {assets} for {ready}, {paid} for {first}"
            );
        }
    });
}

#[test]
fn settlement_pushes_nothing_and_burns_the_shares() {
    in_each(&State::EXITS, |stage| {
        stage.recall_all();
        let (shares, vault) = (stage.balance(BOB), stage.world.at.vault);
        let held = stage.assets(BOB);
        stage.request(BOB, shares);
        let escrow = stage.balance(vault);
        let settled = stage.settle();
        assert_eq!(settled.shares, shares, "{stage}");
        assert_eq!(stage.assets(BOB), held, "{stage}: nothing is pushed");
        assert_eq!(stage.balance(vault), escrow - shares, "{stage}: burned");
        let reserve: U256 = stage.view(&IVault::claimReserveCall {});
        assert_eq!(reserve, settled.assets, "{stage}: set aside");
        // What is set aside belongs to nobody else any more.
        let total: U256 = stage.view(&IVault::totalAssetsCall {});
        assert_eq!(total + reserve, stage.assets(vault), "{stage}");
    });
}

#[test]
fn claim_moves_assets_and_no_shares() {
    in_each(&State::EXITS, |stage| {
        stage.recall_all();
        let shares = stage.balance(BOB) / U256::from(2);
        stage.request(BOB, shares);
        let settled = stage.settle();
        let (held, supply) = (stage.balance(BOB), stage.supply());
        let (assets, sent) = stage.act(BOB, &redeem(shares, ERIN, BOB));
        assert!(is_paid(assets, settled.assets), "{stage}: {assets}");
        assert_eq!(stage.assets(ERIN), assets, "{stage}: to the receiver");
        assert_eq!(
            (stage.balance(BOB), stage.supply()),
            (held, supply),
            "{stage}: no shares move"
        );
        let event: IVault::Withdraw = stage.event(&sent);
        let (sender, receiver, owner) = (BOB, ERIN, BOB);
        let expected = IVault::Withdraw {
            sender,
            receiver,
            owner,
            assets,
            shares,
        };
        assert_eq!(event, expected, "{stage}");
        assert_eq!(
            stage.view(&IVault::maxRedeemCall { controller: BOB }),
            U256::ZERO,
            "{stage}"
        );
    });
}

#[test]
fn claim_in_many_pieces_pays_what_was_settled_and_no_more() {
    in_each(&State::EXITS, |stage| {
        stage.recall_all();
        let shares = stage.balance(BOB) / U256::from(3) + U256::from(7);
        stage.request(BOB, shares);
        let settled = stage.settle();
        let (receiver, controller) = (BOB, BOB);
        let mut left = shares;
        for part in [7_u64, 5, 3, 2] {
            let max: U256 = stage.view(&IVault::maxRedeemCall { controller });
            assert_eq!(max, left, "{stage}");
            stage.act(BOB, &redeem(max / U256::from(part), receiver, controller));
            left -= max / U256::from(part);
            let assets = stage.view(&IVault::maxWithdrawCall { controller }) / U256::from(part);
            let (taken, _) = stage.act(
                BOB,
                &IVault::withdrawCall {
                    assets,
                    receiver,
                    controller,
                },
            );
            left -= taken;
        }
        let assets: U256 = stage.view(&IVault::maxWithdrawCall { controller });
        let (taken, _) = stage.act(
            BOB,
            &IVault::withdrawCall {
                assets,
                receiver,
                controller,
            },
        );
        assert_eq!(taken, left, "{stage}: the last unit takes the last share");
        let paid = stage.assets(BOB);
        assert!(is_paid(paid, settled.assets), "{stage}: {paid}");
        let reserve: U256 = stage.view(&IVault::claimReserveCall {});
        assert_eq!(paid + reserve, settled.assets, "{stage}");
    });
}

#[test]
fn claim_of_more_than_is_claimable_or_of_nothing_is_refused() {
    in_each(&State::EXITS, |stage| {
        stage.recall_all();
        let half = stage.balance(BOB) / U256::from(2);
        let try_one = |stage: &mut Stage, max: U256, most: U256| {
            let error: IVault::ERC4626ExceededMaxRedeem = refused(stage.send(BOB, &redeem(max + U256::ONE, BOB, BOB)));
            assert_eq!((error.owner, error.max), (BOB, max), "{stage}");
            let (assets, receiver, controller) = (most + U256::ONE, BOB, BOB);
            let call = IVault::withdrawCall {
                assets,
                receiver,
                controller,
            };
            let error: IVault::ERC4626ExceededMaxWithdraw = refused(stage.send(BOB, &call));
            assert_eq!((error.owner, error.max), (BOB, most), "{stage}");
        };
        // Without a request, with a pending one, with a claimable one, and after the claim.
        try_one(stage, U256::ZERO, U256::ZERO);
        stage.request(BOB, half);
        try_one(stage, U256::ZERO, U256::ZERO);
        let settled = stage.settle();
        let most: U256 = stage.view(&IVault::maxWithdrawCall { controller: BOB });
        assert!(is_paid(most, settled.assets), "{stage}: {most}");
        try_one(stage, half, most);
        let _: IVault::ZeroAmount = refused(stage.send(BOB, &redeem(U256::ZERO, BOB, BOB)));
        let (assets, receiver, controller) = (U256::ZERO, BOB, BOB);
        let nothing = IVault::withdrawCall {
            assets,
            receiver,
            controller,
        };
        let _: IVault::ZeroAmount = refused(stage.send(BOB, &nothing));
        stage.claim(BOB);
        try_one(stage, U256::ZERO, U256::ZERO);
    });
}

#[test]
fn claim_by_another_needs_an_operators_right_and_an_allowance_is_none() {
    let mut stage = Stage::new(6, State::Held);
    stage.recall_all();
    let shares = stage.balance(BOB) / U256::from(2);
    stage.request(BOB, shares);
    let settled = stage.settle();
    stage.act(
        BOB,
        &IVault::approveCall {
            spender: ALICE,
            value: U256::MAX,
        },
    );
    let (part, assets) = (shares / U256::from(4), settled.assets / U256::from(4));
    let withdraw = IVault::withdrawCall {
        assets,
        receiver: ALICE,
        controller: BOB,
    };
    let error: IVault::Unauthorized = refused(stage.send(ALICE, &redeem(part, ALICE, BOB)));
    assert_eq!(error.caller, ALICE);
    let _: IVault::Unauthorized = refused(stage.send(ALICE, &withdraw));
    operate(&mut stage, BOB, ALICE, true);
    let (paid, sent) = stage.act(ALICE, &redeem(part, ALICE, BOB));
    let event: IVault::Withdraw = stage.event(&sent);
    assert_eq!((event.sender, event.receiver, event.owner), (ALICE, ALICE, BOB));
    assert_eq!(stage.assets(ALICE), paid);
    stage.act(ALICE, &withdraw);
    operate(&mut stage, BOB, ALICE, false);
    let _: IVault::Unauthorized = refused(stage.send(ALICE, &redeem(part, ALICE, BOB)));
    // The controller's own right is not an operator's, and stays.
    stage.claim(BOB);
}

#[test]
fn claim_goes_on_whatever_happens_to_the_books() {
    in_each(&State::EXITS, |stage| {
        stage.recall_all();
        let shares = stage.balance(BOB) / U256::from(2);
        stage.request(BOB, shares);
        let settled = stage.settle();
        let book = stage.world.at.book;
        stage.world.chain.set_code(book, Bytes::from_static(INVALID));
        assert_eq!(
            stage.view(&IVault::maxRedeemCall { controller: BOB }),
            shares,
            "{stage}"
        );
        let paid = stage.claim(BOB);
        assert!(is_paid(paid, settled.assets), "{stage}: {paid}");
    });
}

#[test]
fn claim_goes_on_while_the_vault_winds_down() {
    for decimals in ASSET_DECIMALS {
        let mut stage = Stage::new(decimals, State::WindingDown);
        let cash = stage.whole(100);
        stage.gain(cash);
        let (_, settled) = stage.world.settle().unwrap();
        // CAROL is owed 200 and gets half by now.
        assert!(
            !settled.assets.is_zero() && settled.assets <= cash,
            "{stage}: {}",
            settled.assets
        );
        let paid = stage.claim(CAROL);
        assert!(is_paid(paid, settled.assets), "{stage}: {paid}");
        let winding: bool = stage.view(&IVault::windingDownCall {});
        assert!(winding, "{stage}: until she has all of it");
        stage.gain(cash * U256::from(2));
        stage.world.settle().unwrap();
        let winding: bool = stage.view(&IVault::windingDownCall {});
        assert!(!winding, "{stage}");
        stage.claim(CAROL);
    }
}

// ---- previews, ids, callers ----

#[test]
fn preview_of_a_redemption_reverts_for_everyone_and_everything() {
    in_each(&State::ALL, |stage| {
        for caller in [Address::ZERO, BOB, CAROL, stage.world.at.vault] {
            for amount in [U256::ZERO, U256::ONE, stage.whole(1), U256::MAX] {
                let redeem = stage.try_view_as(caller, &IVault::previewRedeemCall { shares: amount });
                let withdraw = stage.try_view_as(caller, &IVault::previewWithdrawCall { assets: amount });
                let _: [IVault::AsyncRedeem; 2] = [refused(redeem), refused(withdraw)];
            }
        }
    });
}

#[test]
fn request_ids_tell_batches_apart_and_never_are_zero() {
    let mut stage = Stage::new(6, State::Held);
    let shares = stage.balance(BOB) / U256::from(8);
    let mut last = U256::ZERO;
    for _ in 0..3 {
        let id = stage.request(BOB, shares);
        assert!(id > last, "later batches have higher numbers, the first is 1");
        assert_eq!(pending(&mut stage, id, BOB), shares);
        for other in [U256::ZERO, last, id + U256::ONE, U256::MAX] {
            assert_eq!(pending(&mut stage, other, BOB), U256::ZERO, "batch {other}");
            assert_eq!(claimable(&mut stage, other, BOB), U256::ZERO, "batch {other}");
        }
        assert_eq!(pending(&mut stage, id, ALICE), U256::ZERO, "of another controller");
        stage.settle();
        assert_eq!(
            (pending(&mut stage, id, BOB), claimable(&mut stage, id, BOB)),
            (U256::ZERO, shares)
        );
        stage.claim(BOB);
        last = id;
    }
}

#[test]
fn views_of_requests_do_not_depend_on_the_caller() {
    in_each(&State::EXITS, |stage| {
        let shares = stage.balance(BOB) / U256::from(2);
        let requestId = stage.request(BOB, shares);
        let controller = BOB;
        for _ in 0..2 {
            let answers = [Address::ZERO, BOB, CAROL, stage.world.at.vault].map(|caller| {
                [
                    stage.view_as(caller, &IVault::pendingRedeemRequestCall { requestId, controller }),
                    stage.view_as(caller, &IVault::claimableRedeemRequestCall { requestId, controller }),
                    stage.view_as(caller, &IVault::maxRedeemCall { controller }),
                    stage.view_as(caller, &IVault::maxWithdrawCall { controller }),
                ]
            });
            assert!(
                answers.iter().all(|answer| *answer == answers[0]),
                "{stage}: {answers:?}"
            );
            stage.settle_if_any();
        }
    });
}

#[test]
fn operator_is_set_and_unset_by_the_controller_alone_and_says_so() {
    let mut stage = Stage::new(6, State::Held);
    let is = |controller, operator| IVault::isOperatorCall { controller, operator };
    for approved in [true, true, false, false] {
        let (done, sent) = stage.act(
            BOB,
            &IVault::setOperatorCall {
                operator: ALICE,
                approved,
            },
        );
        assert!(done);
        assert_eq!(stage.view(&is(BOB, ALICE)), approved);
        assert!(!stage.view(&is(ALICE, BOB)), "not the other way round");
        let event: IVault::OperatorSet = stage.event(&sent);
        let (controller, operator) = (BOB, ALICE);
        let expected = IVault::OperatorSet {
            controller,
            operator,
            approved,
        };
        assert_eq!(event, expected);
    }
}

// ---- the request that is taken back: not part of the standard ----

#[test]
fn withdraw_request_returns_shares_until_the_cut_off() {
    in_each(&State::EXITS, |stage| {
        let (held, vault) = (stage.balance(BOB), stage.world.at.vault);
        let shares = held / U256::from(2);
        let id = stage.request(BOB, shares);
        let take = |shares, receiver| IVault::withdrawRequestCall {
            shares,
            receiver,
            controller: BOB,
        };
        let _: IVault::Unauthorized = refused(stage.send(ALICE, &take(shares, ALICE)));
        let error: IVault::RequestExceeded = refused(stage.send(BOB, &take(shares + U256::ONE, BOB)));
        assert_eq!((error.controller, error.max), (BOB, shares), "{stage}");
        let part = shares / U256::from(3);
        let (_, sent) = stage.act(BOB, &take(part, ERIN));
        let event: IVault::RequestWithdrawn = stage.event(&sent);
        assert_eq!(
            (event.controller, event.receiver, event.requestId),
            (BOB, ERIN, id),
            "{stage}"
        );
        assert_eq!((event.sender, event.shares), (BOB, part), "{stage}");
        assert_eq!(stage.balance(ERIN), part, "{stage}");
        assert_eq!(pending(stage, id, BOB), shares - part, "{stage}");
        assert_eq!(stage.balance(vault), shares - part, "{stage}");
        let cut_off = stage.view(&IVault::currentBatchCall {}).cutOff;
        stage.pass(DAY);
        let error: IVault::RequestClosed = refused(stage.send(BOB, &take(part, BOB)));
        assert_eq!((error.requestId, error.cutOff), (id, cut_off), "{stage}");
    });
}

#[test]
fn withdraw_request_of_all_frees_the_controller() {
    let mut stage = Stage::new(6, State::Held);
    let held = stage.balance(BOB);
    let id = stage.request(BOB, held);
    let (receiver, controller) = (BOB, BOB);
    stage.act(
        BOB,
        &IVault::withdrawRequestCall {
            shares: held,
            receiver,
            controller,
        },
    );
    assert_eq!(stage.balance(BOB), held);
    // In the same batch and, as nothing waits in the old one, in a later one.
    assert_eq!(stage.request(BOB, U256::from(9)), id);
    stage.act(
        BOB,
        &IVault::withdrawRequestCall {
            shares: U256::from(9),
            receiver,
            controller,
        },
    );
    stage.pass(2 * DAY + WAIT_LIMIT);
    let next = stage.request(BOB, held);
    assert!(next >= id);
    stage.pass(DAY);
    // Batches without shares do not stand in the way.
    for _ in 0..2 {
        if pending(&mut stage, next, BOB).is_zero() {
            break;
        }
        stage.world.settle().unwrap();
    }
    assert_eq!(claimable(&mut stage, next, BOB), held);
}

// ---- ERC-165 and ERC-7575 ----

/// The id of an interface: its selectors, one over the other.
fn interface_id(signatures: &[&str]) -> FixedBytes<4> {
    let selectors = signatures
        .iter()
        .map(|signature| FixedBytes::<4>::from_slice(&keccak256(signature)[..4]));
    selectors.fold(FixedBytes::ZERO, |id, selector| id ^ selector)
}

#[test]
fn supports_interface_names_just_what_the_vault_implements() {
    let operators = interface_id(&["isOperator(address,address)", "setOperator(address,bool)"]);
    let redemptions = interface_id(&[
        "requestRedeem(uint256,address,address)",
        "pendingRedeemRequest(uint256,address)",
        "claimableRedeemRequest(uint256,address)",
    ]);
    let deposits = interface_id(&[
        "requestDeposit(uint256,address,address)",
        "pendingDepositRequest(uint256,address)",
        "claimableDepositRequest(uint256,address)",
        "deposit(uint256,address,address)",
        "mint(uint256,address,address)",
    ]);
    let vault = interface_id(&[
        "asset()",
        "share()",
        "totalAssets()",
        "convertToShares(uint256)",
        "convertToAssets(uint256)",
        "maxDeposit(address)",
        "previewDeposit(uint256)",
        "deposit(uint256,address)",
        "maxMint(address)",
        "previewMint(uint256)",
        "mint(uint256,address)",
        "maxWithdraw(address)",
        "previewWithdraw(uint256)",
        "withdraw(uint256,address,address)",
        "maxRedeem(address)",
        "previewRedeem(uint256)",
        "redeem(uint256,address,address)",
    ]);
    let share = interface_id(&["vault(address)"]);
    let itself = interface_id(&["supportsInterface(bytes4)"]);
    let hex = |id: u32| FixedBytes::from(id.to_be_bytes());
    assert_eq!(operators, hex(0xe3bc_4e65), "the standard's own number");
    assert_eq!(redemptions, hex(0x620e_e8e4));
    assert_eq!(deposits, hex(0xce3b_be50));
    assert_eq!(vault, hex(0x2f0a_18c5));
    assert_eq!(share, hex(0xf815_c03d));
    assert_eq!(itself, hex(0x01ff_c9a7));
    in_each(&State::ALL, |stage| {
        for (interfaceId, expected) in [
            (operators, true),
            (redemptions, true),
            (deposits, false),
            (vault, true),
            (share, true),
            (itself, true),
            (hex(0xffff_ffff), false),
            (hex(0), false),
            (hex(0xdead_beef), false),
        ] {
            let supported: bool = stage.view(&IVault::supportsInterfaceCall { interfaceId });
            assert_eq!(supported, expected, "{stage}: {interfaceId}");
        }
    });
}

#[test]
fn share_is_the_vault_and_knows_its_vault() {
    in_each(&State::ALL, |stage| {
        let (vault, asset) = (stage.world.at.vault, stage.world.usdc);
        assert_eq!(stage.view(&IVault::shareCall {}), vault, "{stage}");
        assert_eq!(stage.view(&IVault::vaultCall { asset }), vault, "{stage}");
        for asset in [Address::ZERO, stage.world.wbtc, vault] {
            assert_eq!(stage.view(&IVault::vaultCall { asset }), Address::ZERO, "{stage}");
        }
    });
}

#[test]
fn deposits_are_synchronous_and_have_no_requests() {
    let mut stage = Stage::new(6, State::Held);
    let vault = stage.world.at.vault;
    for signature in [
        "requestDeposit(uint256,address,address)",
        "pendingDepositRequest(uint256,address)",
        "claimableDepositRequest(uint256,address)",
        "deposit(uint256,address,address)",
        "mint(uint256,address,address)",
    ] {
        let mut data = keccak256(signature)[..4].to_vec();
        data.extend(redeem(U256::ONE, BOB, BOB).abi_encode()[4..].to_vec());
        assert!(stage.world.chain.query(BOB, vault, data.into()).is_err(), "{signature}");
    }
}
