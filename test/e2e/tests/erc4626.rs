//! The properties of the public ERC-4626 suites, on vaults in every state and for assets of 6, 8 and 18 decimals.
//!
//! `test/properties.md` says which test stands for which property of which suite. Redemption is asynchronous, so that
//! a round trip is a request, its settlement and its claim.
#![allow(non_snake_case)] // fields of calls are named as in Solidity

use alloy_primitives::{Address, Bytes, U256, address};
use e2e::{
    refused,
    stage::{DAY, INVALID, Stage, State, in_each},
    world,
};
use gimbal::world::people::{ALICE, BOB, CAROL, DAVE, ERIN, KEEPER};
use interfaces::{IERC20, IVault};
use venues::{Network, simulated};

/// Neither funded nor known to anybody.
const STRANGER: Address = address!("0000000000000000000000000000000000aa00ee");
/// EVM code that reverts without data.
const REVERTING: &[u8] = &[0x5f, 0x5f, 0xfd];
/// EVM code that answers four words of ones: marks that are not in order.
const NONSENSE: &[u8] = &[
    0x5f, 0x19, 0x5f, 0x52, 0x5f, 0x60, 0x20, 0x52, 0x5f, 0x19, 0x60, 0x40, 0x52, 0x60, 0x80, 0x5f, 0xf3,
];

/// Calls every view that no argument and no state may make revert.
fn views(stage: &mut Stage) {
    let decimals = stage.decimals;
    let asset: Address = stage.view(&IVault::assetCall {});
    assert_eq!(asset, stage.world.usdc);
    let total: U256 = stage.view(&IVault::totalAssetsCall {});
    let supply: U256 = stage.view(&IVault::totalSupplyCall {});
    let shares: u8 = stage.view(&IVault::decimalsCall {});
    assert_eq!(shares, 18.max(decimals + 6));
    for amount in stage.amounts().into_iter().chain([U256::ZERO, total, supply]) {
        stage.view(&IVault::convertToSharesCall { assets: amount });
        stage.view(&IVault::convertToAssetsCall { shares: amount });
    }
    let vault = stage.world.at.vault;
    for account in [Address::ZERO, ALICE, BOB, CAROL, STRANGER, vault] {
        stage.view(&IVault::maxDepositCall { receiver: account });
        stage.view(&IVault::maxMintCall { receiver: account });
        stage.view(&IVault::maxRedeemCall { controller: account });
        stage.view(&IVault::maxWithdrawCall { controller: account });
        stage.view(&IVault::overviewCall { account });
        for id in [U256::ZERO, U256::ONE, U256::MAX] {
            let controller = account;
            stage.view(&IVault::pendingRedeemRequestCall {
                requestId: id,
                controller,
            });
            stage.view(&IVault::claimableRedeemRequestCall {
                requestId: id,
                controller,
            });
            stage.view(&IVault::restOfCall {
                pocket: id,
                requestId: id,
                controller,
            });
        }
    }
    stage.view(&IVault::marksCall {});
    stage.view(&IVault::currentBatchCall {});
    stage.view(&IVault::nextBatchCall {});
    stage.view(&IVault::windingDownCall {});
    stage.view(&IVault::highWaterMarkCall {});
    for index in [U256::ZERO, U256::ONE, U256::MAX] {
        stage.view(&IVault::bookCall { index });
        stage.view(&IVault::pocketCall { id: index });
    }
}

#[test]
fn views_in_every_state_answer() {
    in_each(&State::ALL, views);
}

#[test]
fn views_with_a_broken_book_answer_whatever_the_book_does() {
    for code in [&[][..], REVERTING, INVALID, NONSENSE] {
        let mut stage = Stage::new(6, State::Broken);
        let book = stage.world.at.book;
        stage.world.chain.set_code(book, Bytes::from_static(code));
        views(&mut stage);
        let marks = stage.view(&IVault::marksCall {});
        let idle: U256 = stage.view(&IVault::idleCall {});
        assert_eq!((marks.navMin, marks.navMid), (idle, idle), "{code:02x?}");
        assert!(marks.navMax > idle, "{code:02x?}: fails high for those who enter");
    }
}

#[test]
fn max_answers_zero_while_a_book_cannot_be_measured_or_the_vault_winds_down() {
    in_each(&[State::Broken, State::WindingDown], |stage| {
        for receiver in [ALICE, BOB, STRANGER] {
            assert_eq!(stage.view(&IVault::maxDepositCall { receiver }), U256::ZERO, "{stage}");
            assert_eq!(stage.view(&IVault::maxMintCall { receiver }), U256::ZERO, "{stage}");
        }
        let (assets, receiver) = (stage.whole(1), ALICE);
        stage.fund(ALICE, assets);
        let winding = stage.state == State::WindingDown;
        let deposit = stage.send(ALICE, &IVault::depositCall { assets, receiver });
        let mint = stage.send(
            ALICE,
            &IVault::mintCall {
                shares: assets,
                receiver,
            },
        );
        if winding {
            let _: [IVault::WindingDown; 2] = [refused(deposit), refused(mint)];
        } else {
            let errors: [IVault::MarkUnavailable; 2] = [refused(deposit), refused(mint)];
            assert_eq!(errors[0].book, stage.world.at.book, "{stage}");
        }
    });
}

#[test]
fn total_assets_while_a_book_cannot_be_measured_is_the_last_measured_value() {
    for decimals in e2e::stage::ASSET_DECIMALS {
        let mut stage = Stage::new(decimals, State::Profit);
        let assets = stage.whole(10);
        stage.deposit(CAROL, assets);
        let (total, idle) = (
            stage.view(&IVault::totalAssetsCall {}),
            stage.view(&IVault::idleCall {}),
        );
        let book = stage.world.at.book;
        stage.world.chain.set_code(book, Bytes::from_static(INVALID));
        assert_eq!(stage.view(&IVault::totalAssetsCall {}), total, "{stage}");
        assert!(total > idle, "{stage}: there is something in the book");
    }
}

#[test]
fn total_assets_counts_what_the_vault_manages() {
    in_each(&State::OPEN, |stage| {
        let (vault, book) = (stage.world.at.vault, stage.world.at.book);
        let held = stage.assets(vault) + stage.assets(book);
        assert_eq!(stage.view(&IVault::totalAssetsCall {}), held, "{stage}");
    });
}

#[test]
fn views_do_not_depend_on_the_caller() {
    in_each(&State::OPEN, |stage| {
        let vault = stage.world.at.vault;
        stage.fund(ERIN, stage.whole(5_000));
        for amount in stage.amounts() {
            let answers: Vec<_> = [Address::ZERO, BOB, ERIN, STRANGER, vault]
                .map(|caller| {
                    [
                        stage.view_as(caller, &IVault::convertToSharesCall { assets: amount }),
                        stage.view_as(caller, &IVault::convertToAssetsCall { shares: amount }),
                        stage.view_as(caller, &IVault::previewDepositCall { assets: amount }),
                        stage.view_as(caller, &IVault::previewMintCall { shares: amount }),
                        stage.view_as(caller, &IVault::maxDepositCall { receiver: ALICE }),
                        stage.view_as(caller, &IVault::maxMintCall { receiver: ALICE }),
                        stage.view_as(caller, &IVault::maxRedeemCall { controller: BOB }),
                        stage.view_as(caller, &IVault::maxWithdrawCall { controller: BOB }),
                    ]
                })
                .to_vec();
            assert!(
                answers.iter().all(|answer| *answer == answers[0]),
                "{stage}: {answers:?}"
            );
        }
    });
}

#[test]
fn max_does_not_depend_on_what_the_receiver_owns() {
    in_each(&State::OPEN, |stage| {
        let ask = |stage: &mut Stage| {
            let receiver = ERIN;
            (
                stage.view(&IVault::maxDepositCall { receiver }),
                stage.view(&IVault::maxMintCall { receiver }),
            )
        };
        let poor = ask(stage);
        stage.fund(ERIN, stage.whole(123));
        assert_eq!(ask(stage), poor, "{stage}");
    });
}

#[test]
fn convert_round_trip_gains_nothing() {
    in_each(&State::ALL, |stage| {
        for amount in stage.amounts() {
            let shares = stage.view(&IVault::convertToSharesCall { assets: amount });
            let back: U256 = stage.view(&IVault::convertToAssetsCall { shares });
            assert!(back <= amount, "{stage}: {amount} assets became {back}");
            let assets = stage.view(&IVault::convertToAssetsCall { shares: amount });
            let back: U256 = stage.view(&IVault::convertToSharesCall { assets });
            assert!(back <= amount, "{stage}: {amount} shares became {back}");
        }
    });
}

#[test]
fn convert_and_preview_of_nothing_is_nothing() {
    let zero = U256::ZERO;
    in_each(&State::ALL, |stage| {
        assert_eq!(
            stage.view(&IVault::convertToSharesCall { assets: zero }),
            zero,
            "{stage}"
        );
        assert_eq!(
            stage.view(&IVault::convertToAssetsCall { shares: zero }),
            zero,
            "{stage}"
        );
    });
    in_each(&State::OPEN, |stage| {
        assert_eq!(
            stage.view(&IVault::previewDepositCall { assets: zero }),
            zero,
            "{stage}"
        );
        assert_eq!(stage.view(&IVault::previewMintCall { shares: zero }), zero, "{stage}");
        let one: U256 = stage.view(&IVault::previewMintCall { shares: U256::ONE });
        assert!(one > zero, "{stage}: no share is free");
    });
}

#[test]
fn convert_leaves_the_entry_cost_out_and_preview_takes_it_in() {
    in_each(&State::OPEN, |stage| {
        let assets = stage.whole(1_000);
        let converted: U256 = stage.view(&IVault::convertToSharesCall { assets });
        let preview: U256 = stage.view(&IVault::previewDepositCall { assets });
        // 10 basis points; the book's marks do not differ while it holds nothing but the asset.
        let kept = converted * U256::from(9_990) / U256::from(10_000);
        let distance = kept.abs_diff(preview);
        assert!(distance <= stage.virtual_shares(), "{stage}: {kept} and {preview}");
        assert!(preview < converted, "{stage}");
    });
}

#[test]
fn deposit_mints_what_its_preview_says_and_moves_just_that() {
    in_each(&State::OPEN, |stage| {
        let (vault, asset) = (stage.world.at.vault, stage.world.usdc);
        for assets in stage.amounts() {
            simulated::mint(&mut stage.world.chain, BOB, asset, DAVE, assets).unwrap();
            let owned = stage.assets(DAVE);
            // One more than is used, so that the rest can be seen.
            let approve = IERC20::approveCall {
                spender: vault,
                value: assets + U256::ONE,
            };
            stage.world.chain.invoke(DAVE, asset, &approve).unwrap();
            let preview: U256 = stage.view_as(STRANGER, &IVault::previewDepositCall { assets });
            let call = IVault::depositCall { assets, receiver: ERIN };
            if preview.is_zero() {
                let _: IVault::ZeroAmount = refused(stage.send(DAVE, &call));
                continue;
            }
            let (held, reserves) = (stage.balance(ERIN), stage.assets(vault));
            let (shares, sent) = stage.act(DAVE, &call);
            assert_eq!(shares, preview, "{stage}: {assets} assets");
            assert_eq!(stage.balance(ERIN), held + shares, "{stage}: the receiver's shares");
            assert_eq!(stage.assets(DAVE), owned - assets, "{stage}: the caller's assets");
            assert_eq!(stage.assets(vault), reserves + assets, "{stage}: the vault's assets");
            let (owner, spender) = (DAVE, vault);
            let left = stage.world.chain.read(asset, &IERC20::allowanceCall { owner, spender });
            assert_eq!(left.unwrap(), U256::ONE, "{stage}: the allowance");
            let event: IVault::Deposit = stage.event(&sent);
            let (sender, owner) = (DAVE, ERIN);
            assert_eq!(
                event,
                IVault::Deposit {
                    sender,
                    owner,
                    assets,
                    shares
                }
            );
        }
        assert_eq!(stage.balance(DAVE), U256::ZERO, "{stage}: the caller got nothing");
    });
}

#[test]
fn mint_takes_what_its_preview_says_and_moves_just_that() {
    in_each(&State::OPEN, |stage| {
        let (vault, asset) = (stage.world.at.vault, stage.world.usdc);
        let scale = stage.virtual_shares();
        for amount in stage.amounts() {
            for shares in [amount, amount * scale + U256::from(12_345)] {
                let preview: U256 = stage.view_as(STRANGER, &IVault::previewMintCall { shares });
                simulated::mint(&mut stage.world.chain, BOB, asset, DAVE, preview).unwrap();
                let owned = stage.assets(DAVE);
                let approve = IERC20::approveCall {
                    spender: vault,
                    value: preview,
                };
                stage.world.chain.invoke(DAVE, asset, &approve).unwrap();
                let held = stage.balance(ERIN);
                let (assets, sent) = stage.act(DAVE, &IVault::mintCall { shares, receiver: ERIN });
                assert_eq!(assets, preview, "{stage}: {shares} shares");
                assert_eq!(stage.balance(ERIN), held + shares, "{stage}: the receiver's shares");
                assert_eq!(stage.assets(DAVE), owned - assets, "{stage}: the caller's assets");
                let event: IVault::Deposit = stage.event(&sent);
                let (sender, owner) = (DAVE, ERIN);
                assert_eq!(
                    event,
                    IVault::Deposit {
                        sender,
                        owner,
                        assets,
                        shares
                    }
                );
            }
        }
    });
}

#[test]
fn deposit_and_mint_of_nothing_are_refused() {
    in_each(&State::OPEN, |stage| {
        let (zero, receiver) = (U256::ZERO, ALICE);
        stage.fund(ALICE, stage.whole(1));
        let _: IVault::ZeroAmount = refused(stage.send(ALICE, &IVault::depositCall { assets: zero, receiver }));
        let _: IVault::ZeroAmount = refused(stage.send(ALICE, &IVault::mintCall { shares: zero, receiver }));
    });
}

#[test]
fn deposit_needs_the_callers_assets_and_allowance() {
    in_each(&State::OPEN, |stage| {
        let (vault, asset, receiver) = (stage.world.at.vault, stage.world.usdc, ERIN);
        let assets = stage.whole(3);
        let shares = stage.view(&IVault::previewDepositCall { assets });
        let refused_both = |stage: &mut Stage| {
            let deposit = stage.send(DAVE, &IVault::depositCall { assets, receiver });
            let mint = stage.send(DAVE, &IVault::mintCall { shares, receiver });
            assert!(deposit.is_err() && mint.is_err(), "{stage}");
        };
        // Allowance without assets, then assets without enough allowance. BOB's are never touched.
        let approve = |value| IERC20::approveCall { spender: vault, value };
        stage.world.chain.invoke(DAVE, asset, &approve(U256::MAX)).unwrap();
        refused_both(stage);
        simulated::mint(&mut stage.world.chain, BOB, asset, DAVE, assets).unwrap();
        stage.world.chain.invoke(DAVE, asset, &approve(U256::ONE)).unwrap();
        refused_both(stage);
        stage.world.chain.invoke(DAVE, asset, &approve(assets)).unwrap();
        stage.act(DAVE, &IVault::depositCall { assets, receiver });
    });
}

#[test]
fn deposit_for_nobody_or_for_the_vault_is_refused() {
    let mut stage = Stage::new(6, State::Held);
    stage.fund(ALICE, stage.whole(10));
    for receiver in [Address::ZERO, stage.world.at.vault] {
        let assets = stage.whole(1);
        let error: IVault::ERC20InvalidReceiver = refused(stage.send(ALICE, &IVault::depositCall { assets, receiver }));
        assert_eq!(error.receiver, receiver);
    }
}

#[test]
fn max_deposit_is_accepted_and_more_is_not() {
    in_each(&State::OPEN, |stage| {
        let total: U256 = stage.view(&IVault::totalAssetsCall {});
        let room = stage.whole(100) + U256::from(77);
        let value = total + room;
        stage.govern(&IVault::setParameterCall { id: 7, value });
        let value = stage.whole(50);
        stage.govern(&IVault::setParameterCall { id: 8, value });
        // The account's cap first, the vault's last.
        for (receiver, max) in [
            (DAVE, stage.whole(50)),
            (ERIN, stage.whole(50)),
            (ALICE, U256::from(77)),
        ] {
            assert_eq!(stage.view(&IVault::maxDepositCall { receiver }), max, "{stage}");
            stage.fund(receiver, max + U256::ONE);
            let assets = max + U256::ONE;
            let call = IVault::depositCall { assets, receiver };
            let error: IVault::ERC4626ExceededMaxDeposit = refused(stage.send(receiver, &call));
            assert_eq!(
                error,
                IVault::ERC4626ExceededMaxDeposit { receiver, assets, max },
                "{stage}"
            );
            stage.act(receiver, &IVault::depositCall { assets: max, receiver });
        }
        assert_eq!(
            stage.view(&IVault::maxDepositCall { receiver: CAROL }),
            U256::ZERO,
            "{stage}"
        );
        assert_eq!(
            stage.view(&IVault::maxMintCall { receiver: CAROL }),
            U256::ZERO,
            "{stage}"
        );
    });
}

#[test]
fn max_deposit_as_large_as_can_be_stored_is_accepted() {
    in_each(&State::OPEN, |stage| {
        // Shares are stored in 128 bits; at the lowest price here there are up to two of a unit's for each virtual one.
        let value = U256::from(u128::MAX) / stage.virtual_shares() / U256::from(2);
        for id in [7, 8] {
            stage.govern(&IVault::setParameterCall { id, value });
        }
        let receiver = DAVE;
        let assets: U256 = stage.view(&IVault::maxDepositCall { receiver });
        assert!(assets >= stage.whole(10_000_000_000), "{stage}");
        stage.fund(receiver, assets);
        stage.act(receiver, &IVault::depositCall { assets, receiver });
    });
}

#[test]
fn max_mint_is_accepted_and_much_more_is_not() {
    in_each(&State::OPEN, |stage| {
        let total: U256 = stage.view(&IVault::totalAssetsCall {});
        let value = total + stage.whole(100) + U256::from(77);
        stage.govern(&IVault::setParameterCall { id: 7, value });
        let receiver = DAVE;
        let max: U256 = stage.view(&IVault::maxMintCall { receiver });
        stage.fund(receiver, stage.whole(1_000));
        // The shares of two units of the asset: less than one unit more may cost the same.
        let two = stage.view(&IVault::convertToSharesCall { assets: U256::from(2) });
        let shares = max + two;
        let error: IVault::ERC4626ExceededMaxMint =
            refused(stage.send(receiver, &IVault::mintCall { shares, receiver }));
        assert_eq!(
            error,
            IVault::ERC4626ExceededMaxMint { receiver, shares, max },
            "{stage}"
        );
        stage.act(receiver, &IVault::mintCall { shares: max, receiver });
    });
}

#[test]
fn preview_ignores_the_limits_of_deposits() {
    in_each(&State::OPEN, |stage| {
        let assets = stage.whole(1_000);
        let before: U256 = stage.view(&IVault::previewDepositCall { assets });
        let cost: U256 = stage.view(&IVault::previewMintCall { shares: before });
        stage.set(7, 1);
        assert_eq!(stage.view(&IVault::previewDepositCall { assets }), before, "{stage}");
        assert_eq!(stage.view(&IVault::previewMintCall { shares: before }), cost, "{stage}");
    });
}

#[test]
fn preview_mint_buys_no_less_than_preview_deposit() {
    in_each(&State::OPEN, |stage| {
        for amount in stage.amounts() {
            let shares: U256 = stage.view(&IVault::previewDepositCall { assets: amount });
            let cost: U256 = stage.view(&IVault::previewMintCall { shares });
            assert!(cost <= amount, "{stage}: {amount} buys {shares}, which cost {cost}");
            let cost: U256 = stage.view(&IVault::previewMintCall { shares: amount });
            let back: U256 = stage.view(&IVault::previewDepositCall { assets: cost });
            assert!(
                back >= amount,
                "{stage}: {cost} is asked for {amount} shares and buys {back}"
            );
        }
    });
}

#[test]
fn preview_while_deposits_are_closed_may_only_be_refused_for_that() {
    for decimals in e2e::stage::ASSET_DECIMALS {
        let mut stage = Stage::new(decimals, State::Broken);
        let amount = stage.whole(1);
        let deposit = stage.try_view(&IVault::previewDepositCall { assets: amount });
        let mint = stage.try_view(&IVault::previewMintCall { shares: amount });
        let errors: [IVault::MarkUnavailable; 2] = [refused(deposit), refused(mint)];
        assert_eq!(errors.map(|error| error.book), [stage.world.at.book; 2], "{stage}");
    }
}

// ---- round trips: nobody gains by going in and out, in whichever order ----

#[test]
fn round_trip_of_a_deposit_gains_nothing() {
    in_each(&State::OPEN, |stage| {
        for assets in stage.amounts() {
            let mut stage = stage.clone();
            stage.fund(DAVE, assets);
            let Ok((_, shares)) = stage.world.deposit(DAVE, assets) else {
                continue;
            };
            stage.recall_all();
            stage.request(DAVE, shares);
            stage.settle();
            // redeem(deposit(a)) ≤ a, and withdraw(a) after deposit(a) takes more shares than there are.
            let max: U256 = stage.view(&IVault::maxWithdrawCall { controller: DAVE });
            assert!(max <= assets, "{stage}: {assets} became {max}");
            if max < assets {
                let (receiver, controller) = (DAVE, DAVE);
                let call = IVault::withdrawCall {
                    assets,
                    receiver,
                    controller,
                };
                let error: IVault::ERC4626ExceededMaxWithdraw = refused(stage.send(DAVE, &call));
                assert_eq!(error.max, max, "{stage}");
            }
            let back = stage.claim(DAVE);
            assert_eq!(stage.assets(DAVE), back, "{stage}: all that is left of {assets}");
            assert!(back <= assets, "{stage}: {assets} became {back}");
        }
    });
}

#[test]
fn round_trip_of_a_mint_gains_nothing() {
    in_each(&State::OPEN, |stage| {
        let scale = stage.virtual_shares();
        for amount in stage.amounts() {
            let mut stage = stage.clone();
            let shares = amount * scale / U256::from(3) + U256::ONE;
            if stage.view(&IVault::convertToAssetsCall { shares }).is_zero() {
                // A speck that is worth nothing waits in the queue until it is worth a unit.
                continue;
            }
            let cost: U256 = stage.view(&IVault::previewMintCall { shares });
            stage.fund(DAVE, cost);
            stage.act(DAVE, &IVault::mintCall { shares, receiver: DAVE });
            stage.recall_all();
            let back = stage.leave(DAVE, shares);
            // redeem(mint(s)) ≤ what mint(s) cost; withdraw(mint(s)) ≥ s, for all of s went for it.
            assert!(back <= cost, "{stage}: {cost} became {back}");
            assert_eq!(stage.balance(DAVE), U256::ZERO, "{stage}");
        }
    });
}

#[test]
fn round_trip_of_a_redemption_gains_nothing() {
    in_each(&State::EXITS, |stage| {
        let all = stage.balance(BOB);
        stage.recall_all();
        for part in [1_u64, 3, 1_000, 999_999_999_999] {
            let mut stage = stage.clone();
            let shares = all / U256::from(part);
            stage.request(BOB, shares);
            stage.settle();
            let assets: U256 = stage.view(&IVault::maxWithdrawCall { controller: BOB });
            // s = redeem, a = its assets: deposit(a) ≤ s, and mint(s) ≥ a.
            let again: U256 = stage.view(&IVault::previewDepositCall { assets });
            assert!(again <= shares, "{stage}: {shares} shares became {again}");
            let cost: U256 = stage.view(&IVault::previewMintCall { shares });
            assert!(cost >= assets, "{stage}: {shares} shares gave {assets} and cost {cost}");
            if assets < U256::from(3) {
                continue;
            }
            // The same for a part of the claim that is withdrawn to the unit.
            let (third, receiver, controller) = (assets / U256::from(3), BOB, BOB);
            let call = IVault::withdrawCall {
                assets: third,
                receiver,
                controller,
            };
            let (taken, _) = stage.act(BOB, &call);
            let again: U256 = stage.view(&IVault::previewDepositCall { assets: third });
            assert!(again <= taken, "{stage}: {taken} shares became {again}");
            let cost: U256 = stage.view(&IVault::previewMintCall { shares: taken });
            assert!(cost >= third, "{stage}: {taken} shares gave {third} and cost {cost}");
            let (before, rest) = (stage.assets(BOB), stage.claim(BOB));
            assert_eq!(third + rest, assets, "{stage}");
            let (_, shares) = stage.world.deposit(BOB, before + rest).unwrap();
            assert!(stage.balance(BOB) <= all && shares <= all, "{stage}");
        }
    });
}

// ---- manipulation of the share price ----

#[test]
fn inflation_of_the_share_price_takes_nothing_from_the_next_depositor() {
    for decimals in e2e::stage::ASSET_DECIMALS {
        for to_book in [false, true] {
            let mut stage = Stage::new(decimals, State::Empty);
            let (vault, book) = (stage.world.at.vault, stage.world.at.book);
            let seed = U256::from(1_000);
            stage.deposit(CAROL, seed);
            let (asset, gift) = (stage.world.usdc, stage.whole(100_000));
            let to = if to_book { book } else { vault };
            simulated::mint(&mut stage.world.chain, CAROL, asset, to, gift).unwrap();
            stage.send(KEEPER, &IVault::sweepCall {}).ok();
            stage.pass(3_600);
            stage.send(KEEPER, &IVault::sweepCall {}).ok();
            let total: U256 = stage.view(&IVault::totalAssetsCall {});
            assert_eq!(total, seed + gift, "{stage}: the gift counts by now");

            let assets = stage.whole(10_000);
            let shares = stage.deposit(DAVE, assets);
            stage.recall_all();
            let back = stage.leave(DAVE, shares);
            // The entry cost of 10 basis points, and no more than as much for rounding.
            assert!(
                back >= assets * U256::from(9_980) / U256::from(10_000),
                "{stage}: {back} of {assets}"
            );
            let shares = stage.balance(CAROL);
            let spoils = stage.leave(CAROL, shares);
            assert!(
                spoils < seed + gift,
                "{stage}: the attacker spent {} and got {spoils}",
                seed + gift
            );
        }
    }
}

#[test]
fn donation_to_the_vault_moves_nothing_within_an_hour() {
    in_each(&State::OPEN, |stage| {
        let amount = stage.whole(100);
        let shares = amount * stage.virtual_shares();
        let ask = |stage: &mut Stage| {
            [
                stage.view(&IVault::totalAssetsCall {}),
                stage.view(&IVault::convertToAssetsCall { shares }),
                stage.view(&IVault::previewDepositCall { assets: amount }),
            ]
        };
        let before = ask(stage);
        let (vault, asset) = (stage.world.at.vault, stage.world.usdc);
        let gift = stage.whole(1_000);
        simulated::mint(&mut stage.world.chain, ALICE, asset, vault, gift).unwrap();
        assert_eq!(ask(stage), before, "{stage}");
        stage.act(KEEPER, &IVault::sweepCall {});
        assert_eq!(ask(stage), before, "{stage}: noted, not booked");
        let fresh: IVault::SurplusTooFresh = refused(stage.send(KEEPER, &IVault::sweepCall {}));
        assert_eq!(
            fresh.bookableAt,
            U256::from(stage.world.chain.timestamp() + 3_600),
            "{stage}"
        );
    });
}

// ---- slippage bounds and metadata ----

#[test]
fn deposit_with_min_and_mint_with_max_keep_their_bounds() {
    in_each(&State::OPEN, |stage| {
        let (assets, receiver) = (stage.whole(5), ALICE);
        stage.fund(ALICE, stage.whole(20));
        let shares: U256 = stage.view(&IVault::previewDepositCall { assets });
        let minShares = shares + U256::ONE;
        let call = IVault::depositWithMinCall {
            assets,
            receiver,
            minShares,
        };
        let error: IVault::SlippageExceeded = refused(stage.send(ALICE, &call));
        assert_eq!((error.received, error.minimum), (shares, minShares), "{stage}");
        let minShares = shares;
        let (minted, _) = stage.act(
            ALICE,
            &IVault::depositWithMinCall {
                assets,
                receiver,
                minShares,
            },
        );
        assert_eq!(minted, shares, "{stage}");

        let cost: U256 = stage.view(&IVault::previewMintCall { shares });
        let maxAssets = cost - U256::ONE;
        let call = IVault::mintWithMaxCall {
            shares,
            receiver,
            maxAssets,
        };
        let error: IVault::CostExceeded = refused(stage.send(ALICE, &call));
        assert_eq!((error.assets, error.maximum), (cost, maxAssets), "{stage}");
        let maxAssets = cost;
        let (spent, _) = stage.act(
            ALICE,
            &IVault::mintWithMaxCall {
                shares,
                receiver,
                maxAssets,
            },
        );
        assert_eq!(spent, cost, "{stage}");
    });
}

#[test]
fn fees_due_are_in_every_answer_before_anybody_accrues_them() {
    for decimals in e2e::stage::ASSET_DECIMALS {
        let mut stage = Stage::new(decimals, State::Fees);
        let amount = stage.whole(100);
        let shares = amount * stage.virtual_shares();
        let ask = |stage: &mut Stage| {
            [
                stage.view(&IVault::totalAssetsCall {}),
                stage.view(&IVault::convertToSharesCall { assets: amount }),
                stage.view(&IVault::convertToAssetsCall { shares }),
                stage.view(&IVault::previewDepositCall { assets: amount }),
                stage.view(&IVault::previewMintCall { shares }),
            ]
        };
        let due = ask(&mut stage);
        let supply = stage.supply();
        stage.accrue();
        assert!(stage.supply() > supply, "{stage}: fees were due");
        assert_eq!(ask(&mut stage), due, "{stage}");
    }
}

#[test]
fn decimals_of_shares_are_those_of_the_asset_and_at_least_six_more() {
    // The demo's vault besides those of the stages.
    let mut world = world();
    let vault = world.at.vault;
    assert_eq!(world.chain.read(vault, &IVault::decimalsCall {}).unwrap(), 18);
    for (decimals, expected) in [(6, 18), (8, 18), (18, 24)] {
        let mut stage = Stage::new(decimals, State::Empty);
        assert_eq!(stage.view(&IVault::decimalsCall {}), expected, "{stage}");
        // The first share costs what the entry cost leaves of one unit.
        let one: U256 = stage.view(&IVault::convertToSharesCall { assets: U256::ONE });
        assert_eq!(one, stage.virtual_shares(), "{stage}");
    }
}

#[test]
fn deposits_in_the_same_second_as_a_settlement_share_its_price() {
    in_each(&State::EXITS, |stage| {
        stage.recall_all();
        let shares = stage.balance(BOB) / U256::from(2);
        stage.request(BOB, shares);
        stage.pass(DAY);
        let before: U256 = stage.view(&IVault::convertToAssetsCall { shares });
        let (_, settled) = stage.world.settle().unwrap();
        // Within one unit: the settlement's own rounding stays with those who stay.
        assert!(
            settled.assets <= before && before - settled.assets <= U256::ONE,
            "{stage}"
        );
        let after: U256 = stage.view(&IVault::convertToAssetsCall { shares });
        assert!(after >= before, "{stage}: leaving never lowers the price");
    });
}
