//! Random actions of everybody against the whole system, and after each of them every invariant.
//!
//! A run is a series of episodes; each begins with the same stage and other settings. What is done follows from a seed,
//! and a failure prints the seed of its episode and what was done last. `GIMBAL_STATEFUL_SECS` runs for that long
//! instead of the usual number of episodes, `GIMBAL_STATEFUL_SEED` begins with another episode.

mod action;
mod effect;
mod futures;
mod ledger;
mod perform;
mod rng;
mod scene;
mod snap;
mod spec;

use action::{Action, NAMES};
use effect::Effect;
use perform::{perform, reason};
use rng::Rng;
use scene::Scene;
use snap::Snap;
use std::{
    collections::{BTreeMap, VecDeque},
    env,
    fmt::Write as _,
    time::{Duration, Instant},
};

/// Episodes of a usual run.
const EPISODES: u64 = 48;
/// Actions of an episode.
const STEPS: u64 = 200;
/// Between two looks into other futures.
const LOOK_EVERY: u64 = 23;
/// Actions that a failure shows.
const SHOWN: usize = 30;

/// How often something went through, and why it did not.
#[derive(Default)]
struct Tally {
    done: u64,
    refused: BTreeMap<String, u64>,
}

/// What happened so far.
#[derive(Default)]
struct Report {
    actions: u64,
    done: u64,
    tallies: BTreeMap<String, Tally>,
    exits: u64,
    passages: u64,
    most_pockets: usize,
    wind_downs: u64,
}

impl Report {
    fn note(&mut self, action: &Action, refusal: Option<String>) {
        let tally = self.tallies.entry(action.name()).or_default();
        self.actions += 1;
        match refusal {
            None => {
                self.done += 1;
                tally.done += 1;
            }
            Some(reason) => *tally.refused.entry(reason).or_default() += 1,
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for name in NAMES {
            let none = Tally::default();
            let tally = self.tallies.get(name).unwrap_or(&none);
            let _ = write!(text, "{name:<16} {:>6} done", tally.done);
            for (reason, count) in &tally.refused {
                let _ = write!(text, ", {count} {reason}");
            }
            text.push('\n');
        }
        let percent = 100 * self.done / self.actions.max(1);
        let _ = write!(
            text,
            "{} actions, {} done ({percent} %), {} exits of everybody, {} round trips, {} times winding down, at most {} \
             pockets",
            self.actions, self.done, self.exits, self.passages, self.wind_downs, self.most_pockets
        );
        text
    }
}

/// One action, and every invariant after it.
fn step(scene: &mut Scene, before: Snap, action: &Action, report: &mut Report) -> Result<Snap, String> {
    let must = effect::must_succeed(action, &before, scene);
    let done = perform(scene, action)?;
    let after = Snap::take(scene)?;
    let refusal = done.as_ref().err().map(reason);
    if refusal.as_deref() == Some("Locked") {
        return Err(String::from("INV-18: refused because of the lock, which nobody holds"));
    }
    report.note(action, refusal);
    let expected = match done {
        Err(error) if must => return Err(format!("INV-15: refused although it must not be: {}", reason(&error))),
        Err(_) => {
            let changed = after.differences(&before);
            if !changed.is_empty() {
                return Err(format!(
                    "INV-10: a refused action left a trace:\n  {}",
                    changed.join("\n  ")
                ));
            }
            before
        }
        Ok(()) => {
            let mut ledger = std::mem::take(&mut scene.ledger);
            let mut effect = Effect {
                scene,
                ledger: &mut ledger,
                after: &after,
                expected: before.clone(),
            };
            let applied = effect.apply(action);
            let mut expected = effect.expected;
            scene.ledger = ledger;
            applied?;
            derive(&mut expected, &after);
            let differences = after.differences(&expected);
            if let Some(first) = differences.first() {
                let id = first.split(' ').next().unwrap_or_default();
                return Err(format!(
                    "{id}: not what the action does:\n  {}",
                    differences.join("\n  ")
                ));
            }
            if after.high_water < before.high_water {
                return Err(format!(
                    "INV-13: the high-water mark fell from {} to {}",
                    before.high_water, after.high_water
                ));
            }
            report.wind_downs += u64::from(after.winding_down && !before.winding_down);
            expected
        }
    };
    drop(expected);
    scene.ledger.check_totals(&after)?;
    scene.ledger.check_requests(&after)?;
    check_books(scene, &after)?;
    report.most_pockets = report.most_pockets.max(after.pockets.len());
    Ok(after)
}

/// What follows from the rest is checked against the ledger instead.
fn derive(expected: &mut Snap, after: &Snap) {
    (expected.nav, expected.unmeasured, expected.total_assets) = (after.nav, after.unmeasured, after.total_assets);
    (expected.pending_fees, expected.open, expected.oldest) = (after.pending_fees, after.open, after.oldest);
}

/// Real books are worth what they hold at the oracle's price, and all marks are in order.
fn check_books(scene: &Scene, snap: &Snap) -> Result<(), String> {
    for (at, book) in &snap.books {
        let Some(marks) = book.marks else { continue };
        if marks.min > marks.mid || marks.mid > marks.max {
            return Err(format!("INV-2: the marks of {at} are out of order: {marks:?}"));
        }
        if scene.real.contains(at) {
            let price = alloy_primitives::U256::from(scene.world.price_e8);
            let worth = book.cash + book.other * price / alloy_primitives::U256::from(10_000_000_000_u64);
            if worth.abs_diff(marks.mid) > alloy_primitives::U256::ONE {
                return Err(format!("INV-1: {at} holds {worth}, its middle mark is {}", marks.mid));
            }
        }
    }
    Ok(())
}

/// One series of actions.
fn episode(seed: u64, report: &mut Report, until: Option<Instant>) -> Result<(), String> {
    let mut rng = Rng::new(seed);
    let mut scene = scene::scene(&mut rng);
    let mut shown: VecDeque<String> = VecDeque::new();
    let mut snap = Snap::take(&mut scene)?;
    for number in 1..=STEPS {
        if until.is_some_and(|end| Instant::now() >= end) {
            return Ok(());
        }
        let action = action::choose(&scene, &snap, &mut rng);
        if shown.len() == SHOWN {
            shown.pop_front();
        }
        shown.push_back(format!("{number:>4} at {}: {action:?}", snap.now));
        let outcome = step(&mut scene, snap, &action, report).and_then(|after| {
            if number % LOOK_EVERY == 0 {
                futures::everybody_leaves(&scene, &mut rng)?;
                report.exits += 1;
                report.passages += u64::from(futures::somebody_passes_through(&scene, &mut rng)?.is_some());
            }
            Ok(after)
        });
        snap = outcome.map_err(|violation| {
            let actions = shown.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
            format!(
                "{actions}\n{violation}\n\nviolated after {} actions; repeat with GIMBAL_STATEFUL_SEED={seed}",
                report.actions
            )
        })?;
    }
    Ok(())
}

/// A number from the environment.
fn setting(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} must be a number, not {value}")),
    )
}

#[test]
fn random_actions_keep_every_invariant() {
    let start = Instant::now();
    let first = setting("GIMBAL_STATEFUL_SEED").unwrap_or(1);
    let end = setting("GIMBAL_STATEFUL_SECS").map(|secs| start + Duration::from_secs(secs));
    let mut report = Report::default();
    let mut failure = None;
    let mut seed = first;
    while failure.is_none() && end.map_or(seed < first + EPISODES, |end| Instant::now() < end) {
        failure = episode(seed, &mut report, end).err();
        seed += 1;
    }
    let text = report.text();
    println!(
        "{text}\nseeds {first} to {}, {:.0} s",
        seed - 1,
        start.elapsed().as_secs_f64()
    );
    if let Some(violation) = failure {
        panic!("{violation}");
    }
    assert!(
        100 * report.done >= 30 * report.actions,
        "too little went through:\n{text}"
    );
    if report.actions < EPISODES * STEPS {
        return;
    }
    let missing: Vec<_> = NAMES
        .into_iter()
        .filter(|name| *name != "Trespass")
        .filter(|name| report.tallies.get(*name).is_none_or(|tally| tally.done == 0))
        .collect();
    assert!(missing.is_empty(), "never went through: {missing:?}\n{text}");
}
