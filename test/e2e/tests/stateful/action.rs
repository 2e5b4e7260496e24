//! What may happen, and how it is chosen.

use crate::{
    ledger::Ledger,
    perform::TRESPASSES,
    rng::Rng,
    scene::{ATTACKER, COLLECTOR, Honesty, Mood, Recall, STRANGER, Scene, Script},
    snap::{Account, BookState, Snap},
    spec::GRACE,
};
use alloy_primitives::{Address, U256};
use gimbal::world::{dollars, people};

/// Seconds that an episode may last: less than programs live.
const MAX_AGE: u64 = 320 * 86_400;

/// Who changes a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setter {
    Governor,
    Guardian,
}

/// One thing that somebody does.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Deposit {
        who: Address,
        receiver: Address,
        assets: U256,
    },
    DepositWithMin {
        who: Address,
        assets: U256,
        extra: bool,
    },
    Mint {
        who: Address,
        receiver: Address,
        shares: U256,
    },
    Request {
        sender: Address,
        controller: Address,
        owner: Address,
        shares: U256,
    },
    WithdrawRequest {
        sender: Address,
        controller: Address,
        receiver: Address,
        shares: U256,
    },
    Settle,
    Redeem {
        sender: Address,
        controller: Address,
        receiver: Address,
        shares: U256,
    },
    Withdraw {
        sender: Address,
        controller: Address,
        receiver: Address,
        assets: U256,
    },
    Transfer {
        from: Address,
        to: Address,
        value: U256,
    },
    Approve {
        owner: Address,
        spender: Address,
        value: U256,
    },
    TransferFrom {
        spender: Address,
        from: Address,
        to: Address,
        value: U256,
    },
    SetOperator {
        controller: Address,
        operator: Address,
        approved: bool,
    },
    Price {
        price_e8: u64,
        follow: bool,
    },
    KillFeed,
    Tell {
        book: Address,
        script: Script,
    },
    Lose {
        book: Address,
        assets: U256,
    },
    /// Cash becomes a position of the same value, or the other way round.
    Invest {
        book: Address,
        back: bool,
    },
    DonateToBook {
        book: Address,
        assets: U256,
    },
    DonateToVault {
        assets: U256,
    },
    Sweep,
    Allocate {
        book: Address,
        assets: U256,
    },
    Recall {
        book: Address,
        assets: U256,
    },
    RealizeLoss {
        book: Address,
    },
    Warp {
        secs: u64,
        publish: bool,
    },
    Rebalance {
        book: Address,
    },
    AccrueFees,
    SetParameter {
        by: Setter,
        id: u8,
        value: U256,
    },
    SetFeeRecipient {
        to: Address,
    },
    SetBookCap {
        by: Setter,
        book: Address,
        cap: U256,
    },
    AddBook {
        book: Address,
        cap: U256,
        isolated: bool,
    },
    RemoveBook {
        book: Address,
    },
    BuyOut {
        book: Address,
    },
    ClaimRest {
        pocket: u64,
        batch: u64,
        controller: Address,
        sender: Address,
        receiver: Address,
    },
    /// A donation, a deposit, a transfer and a request in one transaction.
    /// Before that, what can be claimed is claimed; the request only follows if the account has none.
    Bundle {
        claim: U256,
        donation: U256,
        assets: U256,
        shares: U256,
        request: bool,
    },
    /// A call that only some may make, by number.
    Trespass {
        which: u8,
        book: Address,
    },
}

impl Action {
    /// What the report calls it.
    pub(crate) fn name(&self) -> String {
        let text = format!("{self:?}");
        text.split([' ', '{']).next().unwrap_or_default().to_owned()
    }
}

/// Names of all actions.
pub(crate) const NAMES: [&str; 35] = [
    "Deposit",
    "DepositWithMin",
    "Mint",
    "Request",
    "WithdrawRequest",
    "Settle",
    "Redeem",
    "Withdraw",
    "Transfer",
    "Approve",
    "TransferFrom",
    "SetOperator",
    "Price",
    "KillFeed",
    "Tell",
    "Lose",
    "Invest",
    "DonateToBook",
    "DonateToVault",
    "Sweep",
    "Allocate",
    "Recall",
    "RealizeLoss",
    "Warp",
    "Rebalance",
    "AccrueFees",
    "SetParameter",
    "SetFeeRecipient",
    "SetBookCap",
    "AddBook",
    "RemoveBook",
    "BuyOut",
    "ClaimRest",
    "Bundle",
    "Trespass",
];

/// How often each is tried, in the order of [`NAMES`].
const WEIGHTS: [u64; 35] = [
    90, 25, 35, 80, 25, 60, 40, 25, 30, 12, 25, 14, 40, 4, 40, 12, 25, 12, 12, 14, 50, 16, 10, 55, 35, 14, 18, 5, 10,
    8, 8, 10, 10, 25, 14,
];

/// Chooses what happens next.
pub(crate) fn choose(scene: &Scene, snap: &Snap, rng: &mut Rng) -> Action {
    if let Some(name) = urgent(scene, snap, rng) {
        return named(scene, snap, rng, name);
    }
    let mut ticket = rng.below(WEIGHTS.iter().sum());
    let mut index = 0;
    for (place, weight) in WEIGHTS.iter().enumerate() {
        index = place;
        if ticket < *weight {
            break;
        }
        ticket -= weight;
    }
    named(scene, snap, rng, NAMES[index])
}

/// What chance alone would rarely come to: the end of a wait, and what follows from it.
fn urgent(scene: &Scene, snap: &Snap, rng: &mut Rng) -> Option<&'static str> {
    let ledger = &scene.ledger;
    if let Some((_, batch)) = ledger.oldest() {
        let wait = snap.parameters[1].to::<u64>();
        let overdue = snap.now >= batch.cut_off + GRACE && !snap.unmeasured.is_zero();
        let late = snap.now >= batch.cut_off + wait;
        if (overdue || late) && rng.chance(30) {
            return Some("Settle");
        }
    }
    if ledger
        .pockets
        .iter()
        .any(|pocket| pocket.paid > pocket.taken + U256::from(9))
        && rng.chance(8)
    {
        return Some("ClaimRest");
    }
    match scene.mood {
        Mood::Illiquid if rng.chance(30) => return Some(rng.pick(&["Allocate", "Invest", "Invest", "Request"])),
        Mood::Broken if rng.chance(8) => return Some(rng.pick(&["Break", "Break", "Break", "KillFeed"])),
        Mood::Calm if rng.chance(12) => {
            return Some(rng.pick(&["Widen", "Widen", "Lose", "Refill", "Refill", "Settle"]));
        }
        _ => {}
    }
    let open = snap.books.values().filter(|book| !book.pocket.is_zero());
    match open.map(|book| book.marks.is_some()).max() {
        Some(true) if rng.chance(10) => Some("BuyOut"),
        Some(false) if rng.chance(8) => Some("Tell"),
        Some(_) if rng.chance(6) => Some("Recall"),
        _ => None,
    }
}

fn somebody(scene: &Scene, rng: &mut Rng) -> Address {
    rng.pick(&scene.actors())
}

fn depositor(rng: &mut Rng) -> Address {
    rng.pick(&people::DEPOSITORS)
}

/// Somebody for whom `wanted` holds, mostly.
fn with(scene: &Scene, snap: &Snap, rng: &mut Rng, wanted: impl Fn(&Account) -> bool) -> Address {
    let fitting = snap
        .accounts
        .iter()
        .filter(|(at, account)| **at != scene.batcher && wanted(account));
    let fitting: Vec<_> = fitting.map(|(at, _)| *at).collect();
    if fitting.is_empty() || rng.chance(4) {
        somebody(scene, rng)
    } else {
        rng.pick(&fitting)
    }
}

/// Usually the person, sometimes somebody else, nobody or the vault.
fn receiver(scene: &Scene, rng: &mut Rng, person: Address) -> Address {
    match rng.below(25) {
        0 => Address::ZERO,
        1 => scene.world.at.vault,
        2..=5 => somebody(scene, rng),
        _ => person,
    }
}

/// Usually the person, sometimes an operator or just anybody.
fn on_behalf(scene: &Scene, rng: &mut Rng, person: Address) -> Address {
    let operators: Vec<_> = scene
        .ledger
        .operators
        .iter()
        .filter(|pair| pair.0 == person)
        .map(|pair| pair.1)
        .collect();
    match rng.below(10) {
        0..=2 if !operators.is_empty() => rng.pick(&operators),
        3 => somebody(scene, rng),
        _ => person,
    }
}

fn any_book(snap: &Snap, rng: &mut Rng) -> Address {
    rng.pick(&snap.order)
}

fn scripted(scene: &Scene, snap: &Snap, rng: &mut Rng) -> Address {
    let books: Vec<_> = snap
        .order
        .iter()
        .filter(|book| scene.scripts.contains_key(*book))
        .copied()
        .collect();
    if books.is_empty() {
        rng.pick(&scene.scripts.keys().copied().collect::<Vec<_>>())
    } else {
        rng.pick(&books)
    }
}

/// A book for which `wanted` holds, else any.
fn book_with(snap: &Snap, rng: &mut Rng, wanted: impl Fn(&Address, &BookState) -> bool) -> Address {
    let fitting: Vec<_> = snap
        .books
        .iter()
        .filter(|(at, book)| wanted(at, book))
        .map(|(at, _)| *at)
        .collect();
    if fitting.is_empty() {
        any_book(snap, rng)
    } else {
        rng.pick(&fitting)
    }
}

#[expect(clippy::too_many_lines, reason = "one arm per action")]
pub(crate) fn named(scene: &Scene, snap: &Snap, rng: &mut Rng, name: &str) -> Action {
    let ledger = &scene.ledger;
    let plenty = dollars(2_000_000);
    match name {
        "Deposit" | "DepositWithMin" => {
            let who = if rng.chance(90) {
                depositor(rng)
            } else {
                somebody(scene, rng)
            };
            let cash = snap.account(who).cash;
            let all = if rng.chance(90) { cash.min(plenty) } else { cash };
            let assets = rng.amount(all);
            if name == "DepositWithMin" {
                return Action::DepositWithMin {
                    who,
                    assets,
                    extra: rng.chance(25),
                };
            }
            let receiver = receiver(scene, rng, who);
            Action::Deposit { who, receiver, assets }
        }
        "Mint" => {
            let who = depositor(rng);
            let rate = if snap.nav[2] > snap.nav[1] * U256::from(10) {
                U256::ZERO
            } else {
                let assets = snap.account(who).cash.min(plenty);
                let value = snap.nav[2].saturating_add(U256::ONE);
                crate::spec::down(assets, snap.supply + crate::spec::VIRTUAL, value).unwrap_or_default()
            };
            Action::Mint {
                who,
                receiver: receiver(scene, rng, who),
                shares: rng.amount(rate / U256::from(2)),
            }
        }
        "Request" => {
            let owner = with(scene, snap, rng, |account| !account.shares.is_zero());
            let spenders = ledger
                .allowances
                .iter()
                .filter(|(pair, left)| pair.0 == owner && !left.is_zero());
            let spenders: Vec<_> = spenders.map(|(pair, left)| (pair.1, *left)).collect();
            let mut all = snap.account(owner).shares;
            let mut sender = on_behalf(scene, rng, owner);
            if !spenders.is_empty() && rng.chance(25) {
                let (spender, left) = rng.pick(&spenders);
                sender = spender;
                all = all.min(left);
            }
            let controller = if sender != owner && rng.chance(40) {
                sender
            } else {
                receiver(scene, rng, owner)
            };
            Action::Request {
                sender,
                controller,
                owner,
                shares: rng.amount(all),
            }
        }
        "WithdrawRequest" => {
            let controller = with(scene, snap, rng, |account| !account.pending.is_zero());
            let open = ledger.batches.len() as u64;
            let in_open: Vec<_> = ledger
                .requests
                .iter()
                .filter(|(_, batch)| **batch == open)
                .map(|pair| *pair.0)
                .collect();
            let controller = if in_open.is_empty() || rng.chance(15) {
                controller
            } else {
                rng.pick(&in_open)
            };
            Action::WithdrawRequest {
                sender: on_behalf(scene, rng, controller),
                controller,
                receiver: receiver(scene, rng, controller),
                shares: rng.amount(snap.account(controller).pending),
            }
        }
        "Settle" => Action::Settle,
        "Redeem" => {
            let controller = with(scene, snap, rng, |account| !account.claim_shares.is_zero());
            Action::Redeem {
                sender: on_behalf(scene, rng, controller),
                controller,
                receiver: receiver(scene, rng, controller),
                shares: rng.amount(snap.account(controller).claim_shares),
            }
        }
        "Withdraw" => {
            let controller = with(scene, snap, rng, |account| !account.claim_assets.is_zero());
            Action::Withdraw {
                sender: on_behalf(scene, rng, controller),
                controller,
                receiver: receiver(scene, rng, controller),
                assets: rng.amount(snap.account(controller).claim_assets),
            }
        }
        "Transfer" => {
            let from = with(scene, snap, rng, |account| !account.shares.is_zero());
            let to = if rng.chance(90) {
                somebody(scene, rng)
            } else {
                receiver(scene, rng, from)
            };
            Action::Transfer {
                from,
                to,
                value: rng.amount(snap.account(from).shares),
            }
        }
        "Approve" => {
            let owner = with(scene, snap, rng, |account| !account.shares.is_zero());
            let spender = if rng.chance(8) {
                Address::ZERO
            } else {
                somebody(scene, rng)
            };
            Action::Approve {
                owner,
                spender,
                value: rng.amount(snap.account(owner).shares),
            }
        }
        "TransferFrom" => {
            let pairs: Vec<_> = ledger.allowances.iter().filter(|(_, left)| !left.is_zero()).collect();
            if pairs.is_empty() {
                let (spender, from) = (somebody(scene, rng), somebody(scene, rng));
                return Action::TransferFrom {
                    spender,
                    from,
                    to: spender,
                    value: U256::from(rng.below(2)),
                };
            }
            let ((from, spender), left) = rng.pick(&pairs);
            let value = rng.amount((*left).min(snap.account(*from).shares));
            Action::TransferFrom {
                spender: *spender,
                from: *from,
                to: receiver(scene, rng, *spender),
                value,
            }
        }
        "SetOperator" => Action::SetOperator {
            controller: somebody(scene, rng),
            operator: somebody(scene, rng),
            approved: rng.chance(70),
        },
        "Price" => {
            let now = scene.world.price_e8;
            let percent = rng.pick(&[-30, -12, -5, -2, -1, 0, 1, 2, 5, 12, 40_i64]);
            let moved = i128::from(now) * i128::from(100 + percent) / 100 + i128::from(rng.below(1_000));
            let bounded = moved.clamp(80_000_000_000, 6_000_000_000_000);
            Action::Price {
                price_e8: u64::try_from(bounded).unwrap_or(now),
                follow: rng.chance(80),
            }
        }
        "KillFeed" => Action::KillFeed,
        "Tell" => {
            let book = scripted(scene, snap, rng);
            Action::Tell {
                book,
                script: next_script(scene.scripts[&book], rng),
            }
        }
        "Lose" => {
            let book = scripted(scene, snap, rng);
            let cash = snap.books.get(&book).map_or(U256::ZERO, |book| book.cash);
            Action::Lose {
                book,
                assets: rng.amount(cash).min(cash),
            }
        }
        "Widen" => {
            let book = scripted(scene, snap, rng);
            let before = scene.scripts[&book];
            let script = Script {
                position: before.position.max(dollars(100_000 + rng.below(400_000))),
                spread_bps: U256::from(200 + rng.below(4_000)),
                ..before
            };
            Action::Tell { book, script }
        }
        "Refill" => {
            let book = book_with(snap, rng, |_, book| {
                book.isolated && book.marks.is_some_and(|marks| marks.mid < book.allocated)
            });
            let room = snap.books[&book].cap.saturating_sub(snap.books[&book].allocated);
            Action::Allocate {
                book,
                assets: room.min(snap.idle) / U256::from(3),
            }
        }
        "Break" => {
            let book = scripted(scene, snap, rng);
            let script = Script {
                marks: rng.pick(&Honesty::FAILURES),
                ..scene.scripts[&book]
            };
            Action::Tell { book, script }
        }
        "Invest" => Action::Invest {
            book: scripted(scene, snap, rng),
            back: rng.chance(if scene.mood == Mood::Illiquid { 10 } else { 35 }),
        },
        "DonateToBook" => Action::DonateToBook {
            book: any_book(snap, rng),
            assets: U256::from(rng.below(20_000_000_000)),
        },
        "DonateToVault" => Action::DonateToVault {
            assets: U256::from(rng.below(200_000_000_000)),
        },
        "Sweep" => Action::Sweep,
        "Allocate" => {
            if scene.mood == Mood::Illiquid && rng.chance(70) {
                let room = |book: &BookState| book.cap.saturating_sub(book.allocated);
                let book = book_with(snap, rng, |at, book| {
                    scene.scripts.contains_key(at) && !room(book).is_zero()
                });
                let assets = snap.idle.min(room(&snap.books[&book]));
                return Action::Allocate { book, assets };
            }
            let book = any_book(snap, rng);
            Action::Allocate {
                book,
                assets: rng.amount(snap.idle.min(snap.books[&book].cap)),
            }
        }
        "Recall" => {
            let book = book_with(snap, rng, |_, book| !book.cash.is_zero());
            Action::Recall {
                book,
                assets: rng.amount(snap.books[&book].cash),
            }
        }
        "RealizeLoss" => {
            let lost = |_: &Address, book: &BookState| book.marks.is_some_and(|marks| marks.mid < book.allocated);
            Action::RealizeLoss {
                book: book_with(snap, rng, lost),
            }
        }
        "Warp" => warp(scene, snap, rng),
        "Rebalance" => Action::Rebalance {
            book: rng.pick(&scene.real),
        },
        "AccrueFees" => Action::AccrueFees,
        "SetParameter" => {
            let (id, values): (u8, &[u64]) = match rng.below(9) {
                0 => (0, &[3_599, 3_600, 43_200, 86_400]),
                1 => (1, &[86_399, 86_400, 259_200, 604_800]),
                2 => (2, &[0, 10, 100, 300, 301]),
                3 => (3, &[0, 500, 2_000, 5_000, 5_001]),
                4 => (4, &[0, 100, 500, 501]),
                5 => (5, &[10, 100, 500, 5_000]),
                6 => (6, &[10, 100, 500]),
                7 => (7, &[8_000_000_000_000, 100_000_000_000_000, 100_000_000_000_000]),
                _ => (rng.pick(&[8, 8, 9]), &[2_000_000_000_000, u64::MAX, u64::MAX]),
            };
            let value = match rng.pick(values) {
                u64::MAX => U256::MAX,
                value => U256::from(value),
            };
            let by = if rng.chance(60) {
                Setter::Governor
            } else {
                Setter::Guardian
            };
            Action::SetParameter { by, id, value }
        }
        "SetFeeRecipient" => Action::SetFeeRecipient {
            to: rng.pick(&[Address::ZERO, COLLECTOR, COLLECTOR, STRANGER, ATTACKER]),
        },
        "SetBookCap" => {
            let by = if rng.chance(70) {
                Setter::Governor
            } else {
                Setter::Guardian
            };
            Action::SetBookCap {
                by,
                book: any_book(snap, rng),
                cap: rng.amount(dollars(4_000_000)),
            }
        }
        "AddBook" => {
            let waiting: Vec<_> = scene
                .scripts
                .keys()
                .filter(|book| !snap.books.contains_key(*book))
                .copied()
                .collect();
            let book = if waiting.is_empty() || rng.chance(10) {
                any_book(snap, rng)
            } else {
                rng.pick(&waiting)
            };
            Action::AddBook {
                book,
                cap: dollars(rng.below(4_000_000)),
                isolated: rng.chance(50),
            }
        }
        "RemoveBook" => {
            let empty = |at: &Address, book: &BookState| {
                book.marks.is_some_and(|marks| marks.max.is_zero()) && scene.scripts.contains_key(at)
            };
            Action::RemoveBook {
                book: book_with(snap, rng, empty),
            }
        }
        "BuyOut" => Action::BuyOut {
            book: book_with(snap, rng, |_, book| !book.pocket.is_zero()),
        },
        "ClaimRest" => {
            let rests = ledger.rests();
            let e18 = U256::from(1_000_000_000_000_000_000_u64);
            let owed: Vec<_> = rests
                .iter()
                .filter(|rest| ledger.rest_e18(rest.0, rest.1, rest.2) > e18)
                .copied()
                .collect();
            let choices = if owed.is_empty() { rests } else { owed };
            if choices.is_empty() {
                let controller = somebody(scene, rng);
                let (pocket, batch) = (rng.below(3), rng.below(3));
                return Action::ClaimRest {
                    pocket,
                    batch,
                    controller,
                    sender: controller,
                    receiver: controller,
                };
            }
            let (index, batch, controller) = rng.pick(&choices);
            Action::ClaimRest {
                pocket: index as u64 + 1,
                batch,
                controller,
                sender: on_behalf(scene, rng, controller),
                receiver: receiver(scene, rng, controller),
            }
        }
        "Bundle" => {
            let cash = snap.account(scene.batcher).cash;
            let assets = if rng.chance(20) {
                rng.amount(cash)
            } else {
                dollars(1 + rng.below(20_000))
            };
            let donation = if rng.chance(40) {
                U256::from(rng.below(50_000_000_000))
            } else {
                U256::ZERO
            };
            let account = snap.account(scene.batcher);
            Action::Bundle {
                claim: account.claim_shares,
                donation,
                assets,
                shares: U256::from(1 + rng.below(1_000_000_000_000)),
                request: account.pending.is_zero(),
            }
        }
        _ => Action::Trespass {
            which: u8::try_from(rng.below(TRESPASSES)).unwrap_or_default(),
            book: any_book(snap, rng),
        },
    }
}

/// A gain, a loss, a failure or a recovery.
fn next_script(now: Script, rng: &mut Rng) -> Script {
    let mut next = now;
    if now.marks != Honesty::Honest && rng.chance(55) {
        next.marks = Honesty::Honest;
        return next;
    }
    match rng.below(12) {
        0 | 1 => next.marks = rng.pick(&Honesty::FAILURES),
        2 => next.recall = rng.pick(&Recall::ALL),
        3 => next.recall = Recall::Pay,
        4 => next.spread_bps = U256::from(rng.pick(&[0, 0, 20, 100, 300, 2_000_u64])),
        5 => next.disturbance_bps = U256::from(rng.pick(&[0, 0, 50, 100, 101, 5_000_u64])),
        6 => next = Script::PLAIN,
        7 | 8 => next.position = U256::from(rng.below(400_000_000_000)),
        9 | 10 => next.position += U256::from(rng.below(100_000_000_000)),
        _ => next.position = next.position / U256::from(100) * U256::from(rng.below(100)),
    }
    next
}

/// A while; often just as long as the queue waits for.
fn warp(scene: &Scene, snap: &Snap, rng: &mut Rng) -> Action {
    let until = |time: u64| time.saturating_sub(snap.now);
    let short = rng.pick(&[1, 12, 600, 3_601, 7_200]);
    let mut secs = short;
    if let Some((_, batch)) = scene.ledger.oldest() {
        let wait = snap.parameters[1].to::<u64>();
        secs = match rng.below(10) {
            0..=3 => until(batch.cut_off),
            4 | 5 => until(batch.cut_off + GRACE),
            6 => until(batch.cut_off + wait),
            7 | 8 if scene.mood == Mood::Illiquid => until(batch.cut_off + wait),
            7 => until(batch.cut_off).saturating_sub(1),
            _ => short,
        };
    } else if rng.chance(30) {
        secs = 86_400 * rng.below(20);
    }
    if scene.age + secs > MAX_AGE {
        secs = short;
    }
    Action::Warp {
        secs: secs.max(1),
        publish: rng.chance(92),
    }
}

/// Whether a request of this kind may be made by `sender` for `controller`.
pub(crate) fn may(ledger: &Ledger, controller: Address, sender: Address) -> bool {
    controller == sender || ledger.operators.contains(&(controller, sender))
}
