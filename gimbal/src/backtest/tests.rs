//! Whole replays: accounts, reproducibility, every rule, sweeps, the command.

use super::{
    book::float,
    keeper::venue,
    ledger::Entry,
    report,
    run::{Act, Outcome, run},
    settings::{Knob, Settings},
    summary,
    sweep::{Grid, sweep},
    tape::Tape,
};
use crate::market::Bar;
use clap::Parser;
use engine::{Side, decide::Action};
use fixed::Wad;
use proptest::prelude::*;

/// Hourly closes in whole dollars.
fn tape(closes: &[u64]) -> Tape {
    let bar = |(hour, close): (usize, &u64)| Bar {
        timestamp: 1_600_000_000 + 3_600 * hour as u64,
        close_e8: close * 100_000_000,
    };
    let bars: Vec<Bar> = closes.iter().enumerate().map(bar).collect();
    Tape::new(&bars, 0, u64::MAX, 1).unwrap()
}

fn set(assignments: &[&str]) -> Settings {
    let mut settings = Settings::default();
    for assignment in assignments {
        settings.set(assignment).unwrap();
    }
    settings
}

/// Cash, spot and the first short alone, with every later rule quiet.
fn plain(more: &[&str]) -> Settings {
    let mut all = vec![
        "range-weight=0",
        "option-weight=0",
        "flow-days=0",
        "outage-days=0",
        "drawdown-budget=5000",
    ];
    all.extend(more);
    set(&all)
}

fn acts(outcome: &Outcome, rule: u8) -> Vec<Act> {
    let of_rule = outcome.acts.iter().filter(|act| act.decision.rule == rule);
    of_rule.copied().collect()
}

/// The actions of a rule; there are some, and each lowered the rule's excess.
fn fired(outcome: &Outcome, rule: u8) -> Vec<Act> {
    let acts = acts(outcome, rule);
    assert!(!acts.is_empty(), "rule {rule} did not act");
    for act in &acts {
        assert!(act.excess[1] < act.excess[0], "{act:?}");
    }
    acts
}

/// A path that swings by ±20 % with a period of `hours`.
fn waves(hours: u64, length: u64) -> Vec<u64> {
    let wave = |hour: u64| {
        let place = hour % hours;
        let up = place.min(hours - place);
        10_000 + 4_000 * up / hours
    };
    (0..length).map(wave).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Over any path, crashes included, and for any size of the positions, every change of value is accounted for to
    /// the last digit (checked inside the run at every hour), and no result depends on anything but the input.
    #[test]
    fn run_any_path_balances_and_repeats(
        moves in prop::collection::vec(prop_oneof![9 => 960_u64..1_040, 1 => 600_u64..1_500], 60..140),
        (range, options, debt, flow) in (0_u32..4_000, 0_u32..6_000, 0_u32..4_000, 0_u32..4_000),
        leverage in 1_u32..4,
    ) {
        let closes: Vec<u64> = moves
            .iter()
            .scan(1_000_000_u64, |price, change| {
                *price = (*price * change / 1_000).clamp(1_000, 1_000_000_000);
                Some(*price)
            })
            .collect();
        let settings = set(&[
            &format!("range-weight={range}"),
            &format!("option-weight={options}"),
            &format!("debt-weight={debt}"),
            &format!("flow-size={flow}"),
            &format!("max-net-leverage={leverage}"),
            "roll-days=2",
            "flow-days=1",
            "outage-days=2",
        ]);
        let tape = tape(&closes);
        let outcome = run(&tape, &settings).unwrap();
        prop_assert_eq!(outcome.ledger.total().unwrap(), outcome.nav);
        prop_assert!(outcome.book.cash >= Wad::ZERO && outcome.book.spot >= Wad::ZERO && outcome.book.debt >= Wad::ZERO);
        prop_assert_eq!(run(&tape, &settings).unwrap(), outcome);
    }
}

#[test]
fn run_same_input_gives_the_same_bytes() {
    let (tape, settings) = (tape(&waves(40, 200)), Settings::default());
    let page = || report::html(&settings, &run(&tape, &settings).unwrap()).unwrap();
    assert_eq!(page(), page());
    assert!(!page().contains("<script") && !page().contains("http-equiv"));
    assert_eq!(page().matches("<svg").count(), 6);
}

#[test]
fn run_default_book_has_eight_legs_four_of_them_options() {
    let outcome = run(&tape(&waves(40, 30)), &set(&["drawdown-budget=5000"])).unwrap();
    assert_eq!(outcome.book.options.len(), 4);
    let other = outcome.steps.iter().find(|step| step.legs != 8);
    assert_eq!(other, None);
}

#[test]
fn rule_1_stale_price_stops_everything_that_needs_one() {
    let closes = waves(30, 24 * 6);
    let settings = plain(&["outage-days=2", "outage-hours=24", "band-kind=0", "band=10"]);
    let outcome = run(&tape(&closes), &settings).unwrap();
    let out = |timestamp: u64| {
        let elapsed = timestamp - outcome.steps[0].timestamp;
        elapsed >= 2 * 86_400 && elapsed % (2 * 86_400) < 86_400
    };
    let needs_price = |act: &&Act| !matches!(act.decision.action, Action::AddMargin | Action::Repay);
    assert_eq!(outcome.outages, 48);
    assert!(outcome.acts.iter().any(|act| !out(act.timestamp)));
    assert_eq!(
        outcome
            .acts
            .iter()
            .filter(needs_price)
            .filter(|act| out(act.timestamp))
            .count(),
        0
    );
}

#[test]
fn rule_2_used_up_budget_flattens_the_book() {
    let closes: Vec<u64> = (0..20).map(|hour| 10_000 - 300 * hour).collect();
    let settings = plain(&["drawdown-budget=100", "epoch-secs=2592000"]);
    let outcome = run(&tape(&closes), &settings).unwrap();
    fired(&outcome, 2);
    let last = outcome.steps.last().unwrap();
    assert!(last.gross_leverage < 0.01, "{last:?}");
    // Half the capital in a fall of 57 % would lose 28 %.
    assert!(last.share_price > 0.97, "{last:?}");
}

#[test]
fn rule_3_short_near_its_liquidation_gets_margin_from_cash() {
    let closes: Vec<u64> = (0..24).map(|hour| 10_000 + 90 * hour).collect();
    let settings = plain(&[
        "perp-collateral=1500",
        "target-mode=1",
        "target-tokens=40",
        "max-gross-leverage=10",
        "max-net-leverage=5",
        "band-kind=0",
        "band=2500",
    ]);
    let outcome = run(&tape(&closes), &settings).unwrap();
    let margin = fired(&outcome, 3);
    assert!(
        margin.iter().any(|act| act.decision.action == Action::AddMargin),
        "{margin:?}"
    );
    assert_eq!(outcome.liquidations, 0);
    assert!(outcome.steps.iter().all(|step| step.excess[1] == 0.0));
}

#[test]
fn rule_4_leverage_above_its_limit_is_brought_below() {
    let settings = plain(&["max-gross-leverage=0.3"]);
    let outcome = run(&tape(&waves(40, 50)), &settings).unwrap();
    fired(&outcome, 4);
    for step in &outcome.steps {
        assert!(step.excess[3] == 0.0, "{step:?}");
        assert!(step.gross_leverage <= 0.3);
    }
}

#[test]
fn rule_5_requests_beyond_the_cash_are_covered_and_paid() {
    let settings = plain(&["target-weight=9000", "flow-days=1", "flow-size=6000"]);
    let outcome = run(&tape(&waves(300, 24 * 3)), &settings).unwrap();
    let raised = fired(&outcome, 5);
    assert!(
        raised
            .iter()
            .all(|act| act.decision.side == Side::Sell || act.decision.action != Action::Trade)
    );
    assert!(outcome.steps.iter().all(|step| step.excess[5] == 0.0));
    assert!(float(outcome.ledger.get(Entry::Payouts)) < -500_000.0);
}

#[test]
fn rule_6_delta_outside_the_band_is_brought_back() {
    let outcome = run(&tape(&waves(40, 100)), &plain(&["band-kind=0", "band=100"])).unwrap();
    let hedges = fired(&outcome, 6);
    assert!(hedges.len() > 2);
    for step in &outcome.steps {
        let slack = 1e-3 * step.target.abs();
        assert!(
            step.lower - slack <= step.delta && step.delta <= step.upper + slack,
            "{step:?}"
        );
    }
}

#[test]
fn rule_7_gamma_above_its_limit_shrinks_range_or_options() {
    let settings = set(&[
        "max-gamma=0.5",
        "flow-days=0",
        "outage-days=0",
        "drawdown-budget=5000",
        "idle-target=10000",
    ]);
    let outcome = run(&tape(&waves(40, 50)), &settings).unwrap();
    let acts = fired(&outcome, 7);
    let shrinks = |act: &Act| {
        matches!(
            act.decision.action,
            Action::ShrinkRange | Action::ReduceOption | Action::UnwindRange
        )
    };
    assert!(
        acts.iter()
            .all(|act| shrinks(act) || act.decision.partner != Action::None)
    );
    assert!(acts.iter().any(shrinks));
    let last = outcome.steps.last().unwrap();
    assert!(last.excess[7] < 1e-9, "{last:?}");
}

#[test]
fn rule_8_hedge_moves_to_the_cheaper_venue() {
    // A long falling market: shorts pay, more at A than at B.
    let closes: Vec<u64> = (0..500).map(|hour| 20_000 - 10 * hour).collect();
    let settings = plain(&[
        "funding-threshold=500",
        "funding-hysteresis=100",
        "carry-horizon-secs=31536000",
        "target-mode=1",
        "target-tokens=20",
        "band-kind=0",
        "band=2500",
        "max-gross-leverage=10",
        "max-net-leverage=5",
    ]);
    let outcome = run(&tape(&closes), &settings).unwrap();
    let moves = acts(&outcome, 8);
    assert!(!moves.is_empty());
    assert!(
        moves
            .iter()
            .all(|act| act.decision.action == Action::MoveHedge && act.decision.venue > venue::PERP)
    );
    assert_eq!(outcome.book.perps[0].size, Wad::ZERO);
    assert!(outcome.book.perps[1].size < Wad::ZERO);
}

#[test]
fn rule_9_idle_cash_goes_to_work_up_to_the_venues_cap() {
    let settings = set(&[
        "option-weight=0",
        "flow-days=0",
        "outage-days=0",
        "drawdown-budget=5000",
        "range-weight=500",
        "lend-cap=1000",
    ]);
    let outcome = run(&tape(&waves(300, 30)), &settings).unwrap();
    let moves = acts(&outcome, 9);
    assert!(!moves.is_empty());
    assert!(
        moves
            .iter()
            .all(|act| act.decision.action == Action::Allocate && act.decision.venue == venue::LENDING)
    );
    let lent = float(outcome.book.lent);
    assert!((100_000.0..100_100.0).contains(&lent), "{lent}");
    assert!(outcome.ledger.get(Entry::Interest) > Wad::ZERO);
}

#[test]
fn spot_trade_beyond_the_worst_price_is_refused_and_changes_nothing() {
    let settings = plain(&[
        "max-slippage=20",
        "spot-fee=30",
        "flow-days=0",
        "lend-cap=0",
        "target-weight=9000",
    ]);
    let outcome = run(&tape(&waves(40, 20)), &settings).unwrap();
    assert!(
        outcome.refused.contains_key(&(6, "price beyond the bound")),
        "{:?}",
        outcome.refused
    );
    let spot = |act: &&Act| act.decision.action == Action::Trade && act.timestamp > outcome.steps[0].timestamp;
    assert_eq!(outcome.acts.iter().filter(spot).count(), 0);
}

#[test]
fn settlement_at_the_low_mark_makes_leavers_pay_their_exit() {
    let settings = plain(&["exit-cost=500", "flow-days=2", "flow-size=5000"]);
    let outcome = run(&tape(&[10_000; 80]), &settings).unwrap();
    assert!(outcome.ledger.get(Entry::Payouts) < Wad::ZERO);
    // Asked for after two days, paid a day later. The target is half of what stays, so a quarter of the equity, and 5 %
    // of that is the exit cost: 1.25 % of what the leaving half owns stays with the other half.
    let jump = outcome.steps[72].share_price / outcome.steps[71].share_price;
    assert!((1.01..1.015).contains(&jump), "{jump}");
}

#[test]
fn liquidation_without_a_keeper_costs_its_fee_and_leaves_the_rest() {
    // One jump that nobody can answer.
    let outcome = run(&tape(&[10_000, 10_000, 13_000, 13_000]), &plain(&[])).unwrap();
    assert_eq!(outcome.liquidations, 1);
    assert_eq!(outcome.book.perps[0].size, Wad::ZERO);
    assert_ne!(outcome.ledger.get(Entry::Liquidations), Wad::ZERO);
}

#[test]
fn sweep_rows_equal_single_runs_in_the_order_of_the_grid() {
    let (tape, base) = (tape(&waves(40, 60)), Settings::default());
    let texts = [String::from("target-weight=3000,5000"), String::from("spot-fee=0,30")];
    let grid = Grid::parse(&texts).unwrap();
    let rows = sweep(&tape, &base, &grid).unwrap();
    let singles = ["3000 0", "3000 30", "5000 0", "5000 30"].map(|pair| {
        let (weight, fee) = pair.split_once(' ').unwrap();
        let settings = set(&[&format!("target-weight={weight}"), &format!("spot-fee={fee}")]);
        summary::row(&settings, &run(&tape, &settings).unwrap())
    });
    assert_eq!(rows, singles);
    assert_ne!(rows[0], rows[1]);
    let places: Vec<Vec<usize>> = grid
        .runs(&base)
        .unwrap()
        .into_iter()
        .map(|(_, places)| places)
        .collect();
    assert_eq!(places, [[0, 0], [0, 1], [1, 0], [1, 1]]);
    let page = report::sweep_html(&grid, &places, &rows).unwrap();
    assert_eq!(page.matches("<svg").count(), 4);
}

#[test]
fn grid_unknown_name_or_value_out_of_range_is_refused_before_anything_runs() {
    let parse = |text: &str| Grid::parse(&[String::from(text)]);
    assert!(
        parse("nonsense=1")
            .unwrap_err()
            .to_string()
            .contains("max-gross-leverage")
    );
    assert!(parse("band").is_err());
    let twice = [String::from("band=10"), String::from("band=20")];
    assert!(Grid::parse(&twice).is_err());
    let error = parse("band=10,999999").unwrap().runs(&Settings::default()).unwrap_err();
    assert!(error.to_string().contains("10 to 2500"), "{error:#}");
    let huge = vec!["10"; 100_001].join(",");
    assert!(
        parse(&format!("band={huge}"))
            .unwrap()
            .runs(&Settings::default())
            .is_err()
    );
}

#[test]
fn settings_capital_reaches_the_run() {
    let outcome = run(&tape(&[10_000; 3]), &plain(&["capital=50000"])).unwrap();
    assert_eq!(
        outcome.ledger.get(Entry::Deposits),
        set(&["capital=50000"]).wad(Knob::Capital)
    );
}

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    backtest: super::Backtest,
}

fn command(words: &[&str]) -> anyhow::Result<()> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let words = [&["backtest"], words, &["--root", root]].concat();
    super::run_command(&Cli::try_parse_from(words)?.backtest)
}

#[test]
fn command_short_period_writes_report_and_tables() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let period = ["--from", "2018-11-10", "--to", "2018-11-14", "--out", out];
    command(&[&period[..], &["--csv"]].concat()).unwrap();
    command(&[&["sweep", "--grid", "band-cap=100,500"], &period[..]].concat()).unwrap();
    let text = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(text("hours.csv").lines().count(), 97);
    assert!(text("backtest.html").contains("measured by the engine"));
    assert!(text("sweep.html").contains("band-cap"));
    assert!(
        std::fs::read(folder.path().join("sweep.parquet"))
            .unwrap()
            .starts_with(b"PAR1")
    );
    assert!(command(&["--set", "nonsense=1"]).is_err());
    assert!(command(&["sweep"]).is_err());
}
