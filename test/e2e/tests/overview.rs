//! `overview` is what the single views say, in every state, and never reverts.
#![allow(non_snake_case)] // fields of calls are named as in Solidity

use alloy_primitives::{Address, Bytes, U256};
use e2e::stage::{ASSET_DECIMALS, DAY, FEE_RECIPIENT, INVALID, Stage, State, in_each, is_paid};
use gimbal::world::people::{ALICE, BOB, CAROL, DEPOSITORS};
use interfaces::{BookView, IBook, IVault, Overview};
use venues::Network;

fn flag(is: bool) -> U256 {
    U256::from(u8::from(is))
}

/// Fee shares that `accrueFees` would mint now; what is due while a book cannot be measured is not told.
fn pending_fees(stage: &mut Stage) -> Option<U256> {
    let due = stage.try_view(&IVault::accrueFeesCall {}).ok()?;
    Some(due.managementShares + due.performanceShares)
}

/// The overview of an account, pieced together from single views.
fn pieced(stage: &mut Stage, account: Address, told: &Overview) -> Overview {
    let marks = stage.view(&IVault::marksCall {});
    let open = stage.view(&IVault::currentBatchCall {});
    let oldest = stage.view(&IVault::nextBatchCall {});
    let balance = stage.balance(account);
    let controller = account;
    // One request per controller: the only batch, up to the open one, in which there is something.
    let mut requestId = U256::ZERO;
    let (mut pendingShares, mut claimableShares) = (U256::ZERO, U256::ZERO);
    let mut id = U256::ONE;
    while id <= open.batchId {
        let pending: U256 = stage.view(&IVault::pendingRedeemRequestCall {
            requestId: id,
            controller,
        });
        let claimable: U256 = stage.view(&IVault::claimableRedeemRequestCall {
            requestId: id,
            controller,
        });
        if !(pending + claimable).is_zero() {
            (requestId, pendingShares, claimableShares) = (id, pending, claimable);
        }
        id += U256::ONE;
    }
    if requestId.is_zero() {
        // An empty request is a request, too, and only the overview names its batch.
        requestId = told.requestId;
    }
    let count = books(stage).len();
    let measured = books(stage).iter().filter(|book| book.measured == U256::ONE).count();
    Overview {
        navMin: marks.navMin,
        navMid: marks.navMid,
        navMax: if measured == count { marks.navMax } else { told.navMax },
        unmeasured: U256::from(count - measured),
        supply: stage.supply(),
        pendingFees: pending_fees(stage).unwrap_or(told.pendingFees),
        highWaterMark: stage.view(&IVault::highWaterMarkCall {}),
        idle: stage.view(&IVault::idleCall {}),
        claimReserve: stage.view(&IVault::claimReserveCall {}),
        windingDown: flag(stage.view(&IVault::windingDownCall {})),
        locked: flag(stage.view(&IVault::lockedCall {})),
        openBatch: open.batchId,
        openCutOff: open.cutOff,
        oldestBatch: oldest.batchId,
        oldestCutOff: oldest.cutOff,
        oldestSharesLeft: oldest.sharesLeft,
        balance,
        maxDeposit: stage.view(&IVault::maxDepositCall { receiver: account }),
        value: stage.view(&IVault::convertToAssetsCall { shares: balance }),
        requestId,
        pendingShares,
        claimableShares,
        claimableAssets: stage.view(&IVault::maxWithdrawCall { controller }),
        nonce: stage.view(&IVault::noncesCall { owner: account }),
    }
}

/// The books, from single views of vault and books.
fn books(stage: &mut Stage) -> Vec<BookView> {
    let count: U256 = stage.view(&IVault::bookCountCall {});
    let mut books = Vec::new();
    for index in 0..count.to::<u64>() {
        let view = stage.view(&IVault::bookCall {
            index: U256::from(index),
        });
        let marks = stage.world.chain.read(view.book, &IBook::marksCall {}).ok();
        let marks = marks.map(|marks| (marks.navMin, marks.navMid, marks.navMax));
        let (navMin, navMid, navMax) = marks.unwrap_or_default();
        books.push(BookView {
            book: view.book,
            isolated: flag(view.isolated),
            cap: view.cap,
            allocated: view.allocated,
            pocket: view.pocket,
            measured: flag(marks.is_some()),
            navMin,
            navMid,
            navMax,
        });
    }
    books
}

/// Compares for everybody: those who hold shares, who asked for them back, who have nothing, and the vault itself.
fn compare(stage: &mut Stage) {
    let vault = stage.world.at.vault;
    for account in [Address::ZERO, vault, FEE_RECIPIENT].into_iter().chain(DEPOSITORS) {
        let told = stage.view(&IVault::overviewCall { account });
        let expected = pieced(stage, account, &told._0);
        assert_eq!(told._0, expected, "{stage}: {account}");
        assert_eq!(told._1, books(stage), "{stage}: {account}");
    }
}

#[test]
fn overview_is_what_the_single_views_say() {
    in_each(&State::ALL, compare);
}

#[test]
fn overview_follows_a_request_to_its_claim() {
    in_each(&State::EXITS, |stage| {
        let shares = stage.balance(BOB) / U256::from(3);
        let id = stage.request(BOB, shares);
        let told = stage.view(&IVault::overviewCall { account: BOB })._0;
        assert_eq!(
            (told.requestId, told.pendingShares, told.openBatch),
            (id, shares, id),
            "{stage}"
        );
        compare(stage);
        stage.pass(DAY);
        compare(stage);
        stage.recall_all();
        let (_, settled) = stage.world.settle().unwrap();
        let told = stage.view(&IVault::overviewCall { account: BOB })._0;
        assert_eq!(
            (told.pendingShares, told.claimableShares),
            (U256::ZERO, shares),
            "{stage}"
        );
        assert_eq!(told.claimReserve, settled.assets, "{stage}");
        assert!(is_paid(told.claimableAssets, settled.assets), "{stage}");
        compare(stage);
        stage.claim(BOB);
        let told = stage.view(&IVault::overviewCall { account: BOB })._0;
        assert_eq!(told.claimableShares, U256::ZERO, "{stage}");
        assert!(told.claimReserve <= U256::ONE, "{stage}: {}", told.claimReserve);
        compare(stage);
    });
}

#[test]
fn overview_of_several_books_names_each() {
    let mut stage = Stage::new(6, State::Held);
    let cap = stage.whole(500);
    for isolated in [false, true] {
        let book = stage.add_book(cap, isolated);
        let assets = stage.whole(100);
        let call = IVault::allocateCall { book, assets };
        stage.act(gimbal::world::people::ALLOCATOR, &call);
    }
    compare(&mut stage);
    let told = stage.view(&IVault::overviewCall { account: BOB })._1;
    assert_eq!(told.len(), 3);
    assert_eq!(
        told.iter().map(|book| book.isolated).collect::<Vec<_>>(),
        [0, 0, 1].map(U256::from)
    );
    // One of them breaks: the others are told all the same, and nothing reverts.
    stage.world.chain.set_code(told[1].book, Bytes::from_static(INVALID));
    compare(&mut stage);
    let told = stage.view(&IVault::overviewCall { account: BOB });
    assert_eq!(told._0.unmeasured, U256::ONE);
    assert_eq!(
        told._1.iter().map(|book| book.measured).collect::<Vec<_>>(),
        [1, 0, 1].map(U256::from)
    );
    assert_eq!((told._0.maxDeposit, told._1[1].navMax), (U256::ZERO, U256::ZERO));
}

#[test]
fn overview_with_an_open_pocket_names_it() {
    for decimals in ASSET_DECIMALS {
        let mut stage = Stage::new(decimals, State::Broken);
        let shares = stage.balance(BOB) / U256::from(2);
        stage.request(BOB, shares);
        stage.pass(3 * DAY);
        stage.world.settle().unwrap();
        let told = stage.view(&IVault::overviewCall { account: BOB })._1;
        assert_eq!(told[0].pocket, U256::ONE, "{stage}");
        compare(&mut stage);
    }
}

#[test]
fn overview_never_reverts_whatever_the_book_does() {
    // No code, a revert, all gas burned, nonsense, too many words.
    let codes: [&[u8]; 5] = [
        &[],
        &[0x5f, 0x5f, 0xfd],
        INVALID,
        &[0x5f, 0x19, 0x5f, 0x52, 0x60, 0x80, 0x5f, 0xf3],
        &[0x61, 0x80, 0x00, 0x5f, 0xf3],
    ];
    for code in codes {
        let mut stage = Stage::new(6, State::Profit);
        let book = stage.world.at.book;
        stage.world.chain.set_code(book, Bytes::from_static(code));
        for account in [ALICE, BOB, CAROL] {
            let told = stage.view(&IVault::overviewCall { account });
            assert_eq!(told._1.len(), 1);
            // 32 KB of zeros are marks of zero: a book that says it is worth nothing is believed.
            let believed = code.len() == 5;
            assert_eq!(told._0.unmeasured, flag(!believed), "{code:02x?}");
        }
    }
}
