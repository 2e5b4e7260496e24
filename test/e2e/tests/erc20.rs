//! The properties of the public ERC-20 suites, on the vault's shares.

use alloy_primitives::{Address, U256};
use e2e::{
    refused,
    stage::{Stage, State, in_each},
};
use gimbal::world::people::{ALICE, BOB, CAROL, DEPOSITORS};
use interfaces::IVault;

/// Shares held by everybody who may hold some.
fn held(stage: &mut Stage) -> U256 {
    let accounts = [stage.world.at.vault, e2e::stage::FEE_RECIPIENT];
    let all = accounts.into_iter().chain(DEPOSITORS);
    all.fold(U256::ZERO, |sum, account| sum + stage.balance(account))
}

fn allowance(stage: &mut Stage, owner: Address, spender: Address) -> U256 {
    stage.view(&IVault::allowanceCall { owner, spender })
}

#[test]
fn supply_is_the_sum_of_the_balances() {
    in_each(&State::ALL, |stage| {
        assert_eq!(held(stage), stage.supply(), "{stage}");
        assert_eq!(stage.balance(Address::ZERO), U256::ZERO, "{stage}: nobody has nothing");
    });
}

#[test]
fn transfer_moves_just_that_and_says_so() {
    in_each(&State::EXITS, |stage| {
        let (supply, from, to) = (stage.supply(), stage.balance(BOB), stage.balance(ALICE));
        let value = from / U256::from(3);
        let (done, sent) = stage.act(BOB, &IVault::transferCall { to: ALICE, value });
        assert!(done);
        assert_eq!(
            (stage.balance(BOB), stage.balance(ALICE)),
            (from - value, to + value),
            "{stage}"
        );
        assert_eq!(stage.supply(), supply, "{stage}: neither minted nor burned");
        let event: IVault::Transfer = stage.event(&sent);
        let (from, to) = (BOB, ALICE);
        assert_eq!(event, IVault::Transfer { from, to, value });
    });
}

#[test]
fn transfer_to_oneself_or_of_nothing_changes_nothing() {
    let mut stage = Stage::new(6, State::Held);
    let before = stage.balance(BOB);
    for (to, value) in [(BOB, before), (BOB, U256::ZERO), (ALICE, U256::ZERO)] {
        let (done, sent) = stage.act(BOB, &IVault::transferCall { to, value });
        assert!(done);
        let event: IVault::Transfer = stage.event(&sent);
        assert_eq!((event.from, event.to, event.value), (BOB, to, value));
        stage.act(BOB, &IVault::approveCall { spender: CAROL, value });
        let (done, _) = stage.act(CAROL, &IVault::transferFromCall { from: BOB, to, value });
        assert!(done);
        assert_eq!(stage.balance(BOB), before);
        assert_eq!(stage.balance(ALICE), U256::ZERO);
    }
}

#[test]
fn transfer_of_more_than_there_is_is_refused() {
    let mut stage = Stage::new(6, State::Held);
    let balance = stage.balance(BOB);
    for needed in [balance + U256::ONE, U256::MAX] {
        let error: IVault::ERC20InsufficientBalance = refused(stage.send(
            BOB,
            &IVault::transferCall {
                to: ALICE,
                value: needed,
            },
        ));
        assert_eq!(
            error,
            IVault::ERC20InsufficientBalance {
                sender: BOB,
                balance,
                needed
            }
        );
        stage.act(
            BOB,
            &IVault::approveCall {
                spender: CAROL,
                value: U256::MAX,
            },
        );
        let call = IVault::transferFromCall {
            from: BOB,
            to: ALICE,
            value: needed,
        };
        let error: IVault::ERC20InsufficientBalance = refused(stage.send(CAROL, &call));
        assert_eq!(
            error,
            IVault::ERC20InsufficientBalance {
                sender: BOB,
                balance,
                needed
            }
        );
    }
}

#[test]
fn transfer_to_nobody_or_to_the_vault_is_refused() {
    let mut stage = Stage::new(6, State::Held);
    stage.act(
        BOB,
        &IVault::approveCall {
            spender: CAROL,
            value: U256::MAX,
        },
    );
    for to in [Address::ZERO, stage.world.at.vault] {
        let value = U256::ONE;
        let error: IVault::ERC20InvalidReceiver = refused(stage.send(BOB, &IVault::transferCall { to, value }));
        assert_eq!(error.receiver, to);
        let call = IVault::transferFromCall { from: BOB, to, value };
        let error: IVault::ERC20InvalidReceiver = refused(stage.send(CAROL, &call));
        assert_eq!(error.receiver, to);
    }
}

#[test]
fn approve_sets_the_allowance_whatever_it_was_and_says_so() {
    let mut stage = Stage::new(6, State::Held);
    for value in [7_u64, 5, 0, 5].map(U256::from) {
        let (done, sent) = stage.act(BOB, &IVault::approveCall { spender: ALICE, value });
        assert!(done);
        assert_eq!(allowance(&mut stage, BOB, ALICE), value);
        let event: IVault::Approval = stage.event(&sent);
        let (owner, spender) = (BOB, ALICE);
        assert_eq!(event, IVault::Approval { owner, spender, value });
    }
    assert_eq!(allowance(&mut stage, ALICE, BOB), U256::ZERO, "not the other way round");
    let call = IVault::approveCall {
        spender: Address::ZERO,
        value: U256::ONE,
    };
    let error: IVault::ERC20InvalidSpender = refused(stage.send(BOB, &call));
    assert_eq!(error.spender, Address::ZERO);
}

#[test]
fn transfer_from_uses_the_allowance_up_unless_it_is_unlimited() {
    let mut stage = Stage::new(6, State::Held);
    let before = stage.balance(BOB);
    stage.act(
        BOB,
        &IVault::approveCall {
            spender: ALICE,
            value: U256::from(10),
        },
    );
    let take = |value: u64| IVault::transferFromCall {
        from: BOB,
        to: CAROL,
        value: U256::from(value),
    };
    stage.act(ALICE, &take(4));
    assert_eq!(allowance(&mut stage, BOB, ALICE), U256::from(6));
    let error: IVault::ERC20InsufficientAllowance = refused(stage.send(ALICE, &take(7)));
    let (spender, needed) = (ALICE, U256::from(7));
    assert_eq!(
        error,
        IVault::ERC20InsufficientAllowance {
            spender,
            allowance: U256::from(6),
            needed
        }
    );
    stage.act(ALICE, &take(6));
    assert_eq!(allowance(&mut stage, BOB, ALICE), U256::ZERO);
    let _: IVault::ERC20InsufficientAllowance = refused(stage.send(ALICE, &take(1)));
    stage.act(
        BOB,
        &IVault::approveCall {
            spender: ALICE,
            value: U256::MAX,
        },
    );
    stage.act(ALICE, &take(5));
    assert_eq!(
        allowance(&mut stage, BOB, ALICE),
        U256::MAX,
        "unlimited stays unlimited"
    );
    assert_eq!(
        (stage.balance(BOB), stage.balance(CAROL)),
        (before - U256::from(15), U256::from(15))
    );
    // Nobody needs no allowance for himself: the standard leaves it open, and this vault asks for it.
    let own = IVault::transferFromCall {
        from: BOB,
        to: CAROL,
        value: U256::ONE,
    };
    let _: IVault::ERC20InsufficientAllowance = refused(stage.send(BOB, &own));
}

#[test]
fn metadata_is_what_the_vault_was_created_with() {
    let mut stage = Stage::new(8, State::Empty);
    assert_eq!(stage.view(&IVault::nameCall {}), "Gimbal WBTC/USDC");
    assert_eq!(stage.view(&IVault::symbolCall {}), "gUSDC");
    assert_eq!(stage.supply(), U256::ZERO);
}
