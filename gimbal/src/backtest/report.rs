//! What people see: tables for the terminal, and pages with plots.

use super::{
    book::float,
    ledger::Entry,
    run::{Act, Outcome, Step},
    settings::{Settings, show},
    summary::{LIMITS, RULES, Summary, acts_of, count, tracking_error},
    sweep::{Grid, cell},
    table::{Cell, Row},
};
use crate::{
    market,
    page::{BLUE_LINE, GREEN_LINE, GREY_LINE, ORANGE_LINE, Page, Plot, Section, row},
};
use anyhow::Result;
use engine::params::Unit;

/// Points of a plot; more would only make the file larger.
const MOST_POINTS: usize = 1_500;
/// Rows in the list of actions and of best runs.
const MOST_ACTS: usize = 400;
const BEST: usize = 10;

const NOTICE: &str = "Recorded prices, simulated venues, the engine that runs on chain. It shows how the rules act on a \
                      path that has happened; it is no forecast of returns. docs/backtest.md says what is simulated.";

/// The tables of a run.
pub(crate) fn sections(settings: &Settings, outcome: &Outcome) -> Vec<Section> {
    let mut sections = vec![result(settings, outcome), actions(outcome), costs(outcome)];
    let excesses = LIMITS.iter().enumerate().filter_map(|(place, name)| {
        let of = |step: &Step| step.excess.get(place).copied().unwrap_or(0.0);
        let worst = outcome.steps.iter().map(of).fold(0.0, f64::max);
        let hours = outcome.steps.iter().filter(|step| of(step) > 0.0).count();
        (hours > 0).then(|| row(*name, format!("{} of equity, {hours} hours", percent(worst))))
    });
    let excesses: Vec<_> = excesses.collect();
    if !excesses.is_empty() {
        sections.push((
            String::from("Worst excess left after acting, and hours with one"),
            excesses,
        ));
    }
    if !outcome.refused.is_empty() {
        let refused = outcome.refused.iter();
        let refused = refused.map(|((rule, why), times)| row(format!("rule {rule}: {why}"), times.to_string()));
        sections.push((
            String::from("Refused actions, by a venue or by the acceptance test"),
            refused.collect(),
        ));
    }
    sections.push(accounts(outcome));
    sections
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

fn result(settings: &Settings, outcome: &Outcome) -> Section {
    let summary = Summary::of(outcome);
    let steps = &outcome.steps;
    let mut rows = Vec::new();
    if let (Some(first), Some(last)) = (steps.first(), steps.last()) {
        rows.push(row(
            "period (UTC)",
            format!("{} to {}", market::date(first.timestamp), market::date(last.timestamp)),
        ));
        rows.push(row("hours", steps.len().to_string()));
        rows.push(row("BTC in dollars", format!("{:.2} → {:.2}", first.price, last.price)));
        rows.push(row("equity in dollars", format!("{:.2}", last.nav)));
    }
    let legs = steps.iter().map(|step| step.legs);
    rows.extend([
        row("return", percent(summary.gain)),
        row("largest drawdown", percent(summary.drawdown)),
        row(
            "tracking error, mean and largest",
            format!("{} / {}", percent(summary.tracking.0), percent(summary.tracking.1)),
        ),
        row("highest gross leverage", format!("{:.4}", summary.gross_leverage)),
        row("highest use of initial margin", percent(summary.margin_use)),
        row(
            "legs, fewest, mean and most",
            format!(
                "{} / {:.2} / {}",
                legs.clone().min().unwrap_or(0),
                legs.clone().map(f64::from).fold(0.0, |sum, n| sum + n) / Cell::Int(count(steps.len()).max(1)).float(),
                legs.max().unwrap_or(0)
            ),
        ),
        row("liquidations", outcome.liquidations.to_string()),
    ]);
    rows.push(row("hours without a price to act on", outcome.outages.to_string()));
    if outcome.restless > 0 {
        rows.push(row(
            "hours that ended with a wish for more actions",
            outcome.restless.to_string(),
        ));
    }
    if outcome.skipped_rolls > 0 {
        rows.push(row(
            "steps of a roll that a venue refused",
            outcome.skipped_rolls.to_string(),
        ));
    }
    if outcome.ruined {
        rows.push(row("the equity was used up", "the replay stopped"));
    }
    let changed = settings.changed();
    if !changed.is_empty() {
        rows.push(row("settings", changed.join(" ")));
    }
    (String::from("Backtest"), rows)
}

fn actions(outcome: &Outcome) -> Section {
    let rows = RULES.iter().map(|(rule, name)| {
        let acts = || outcome.acts.iter().filter(|act| act.decision.rule == *rule);
        // A sum of nothing would be −0.
        let sum = |of: fn(&Act) -> f64| acts().map(of).fold(0.0, |sum, value| sum + value);
        row(
            format!("rule {rule} ({name})"),
            format!(
                "{} ×, moved {:.0}, cost {:.2}",
                acts_of(outcome, *rule),
                sum(|act| float(act.decision.value)),
                sum(|act| act.cost)
            ),
        )
    });
    (String::from("Actions by rule, in dollars"), rows.collect())
}

fn costs(outcome: &Outcome) -> Section {
    let kinds = [
        Entry::SpotFees,
        Entry::SpotImpact,
        Entry::PerpFees,
        Entry::PerpImpact,
        Entry::OptionSpread,
        Entry::Funding,
        Entry::Interest,
        Entry::Liquidations,
    ];
    let rows = kinds
        .iter()
        .map(|kind| row(kind.name(), format!("{:.2}", 0.0 - float(outcome.ledger.get(*kind)))));
    (
        String::from("Costs by kind in dollars (negative: earned)"),
        rows.collect(),
    )
}

fn accounts(outcome: &Outcome) -> Section {
    let exact = |value| show(Unit::Asset, value);
    let mut rows: Vec<_> = Entry::ALL
        .iter()
        .map(|entry| row(entry.name(), exact(outcome.ledger.get(*entry).0)))
        .collect();
    let total = outcome.ledger.total().unwrap_or_default();
    rows.push(row("= accounted", exact(total.0)));
    rows.push(row("measured by the engine", exact(outcome.nav.0)));
    rows.push(row("difference", exact(outcome.nav.0 - total.0)));
    (String::from("Accounting in dollars, every digit"), rows)
}

/// The page of a run.
pub(crate) fn html(settings: &Settings, outcome: &Outcome) -> Result<String> {
    let stride = outcome.steps.len().div_ceil(MOST_POINTS).max(1);
    let last = outcome.steps.len().saturating_sub(1);
    let shown = outcome.steps.iter().enumerate();
    let shown: Vec<&Step> = shown
        .filter(|(index, _)| index % stride == 0 || *index == last)
        .map(|(_, step)| step)
        .collect();
    let times: Vec<u64> = shown.iter().map(|step| step.timestamp).collect();
    let series = |of: &dyn Fn(&Step) -> f64| -> Vec<f64> { shown.iter().map(|step| of(step)).collect() };
    let mut page = Page::new("Gimbal backtest");
    page.paragraph(NOTICE);
    let mut plot = |title, band, lines: &[_]| -> Result<()> {
        page.raw(&Plot::over_time(title, &times).svg(band, lines)?);
        Ok(())
    };
    plot(
        "BTC in dollars",
        None,
        &[("price", BLUE_LINE, series(&|step| step.price))],
    )?;
    plot(
        "Value of a share",
        None,
        &[("share price", BLUE_LINE, series(&|step| step.share_price))],
    )?;
    plot(
        "Delta of the book in BTC, against its band",
        Some((series(&|step| step.lower), series(&|step| step.upper))),
        &[
            ("target", GREY_LINE, series(&|step| step.target)),
            ("delta", ORANGE_LINE, series(&|step| step.delta)),
        ],
    )?;
    plot(
        "Leverage and initial margin, as shares of equity",
        None,
        &[
            ("gross", GREY_LINE, series(&|step| step.gross_leverage)),
            ("net", BLUE_LINE, series(&|step| step.net_leverage)),
            ("initial margin", ORANGE_LINE, series(&|step| step.margin_use)),
        ],
    )?;
    plot(
        "Largest excess left after acting, and tracking error, as shares of equity",
        None,
        &[
            ("tracking error", GREY_LINE, series(&tracking_error)),
            (
                "largest excess",
                ORANGE_LINE,
                series(&|step| step.excess.iter().copied().fold(0.0, f64::max)),
            ),
        ],
    )?;
    plot(
        "Implied volatility (30 days, at the money) and funding of both venues, a year",
        None,
        &[
            ("volatility", GREY_LINE, series(&|step| step.volatility)),
            ("funding A", BLUE_LINE, series(&|step| step.funding[0])),
            ("funding B", GREEN_LINE, series(&|step| step.funding[1])),
        ],
    )?;
    page.sections(&sections(settings, outcome));
    let headings = [
        "hour (UTC)",
        "rule",
        "action",
        "side",
        "value $",
        "excess before",
        "after",
        "cost $",
    ];
    let acts = outcome.acts.iter().take(MOST_ACTS).map(|act| {
        vec![
            market::hour(act.timestamp),
            act.decision.rule.to_string(),
            format!("{:?}", act.decision.action),
            format!("{:?}", act.decision.side),
            format!("{:.2}", float(act.decision.value)),
            format!("{:.2}", act.excess[0]),
            format!("{:.2}", act.excess[1]),
            format!("{:.2}", act.cost),
        ]
    });
    let heading = format!(
        "Actions (the first {} of {})",
        MOST_ACTS.min(outcome.acts.len()),
        outcome.acts.len()
    );
    page.table(&heading, &headings, acts);
    Ok(page.finish())
}

/// What a sweep is judged by: column, heading, whether it is a share.
const MEASURES: [(&str, &str, bool); 6] = [
    ("return", "return", true),
    ("max_drawdown", "largest drawdown", true),
    ("tracking_mean", "mean tracking error", true),
    ("worst_excess", "worst excess", true),
    ("trading_costs", "trading costs $", false),
    ("actions", "actions", false),
];

fn measures(of: impl Fn(&str) -> f64) -> Vec<String> {
    let text = |(column, _, share): &(&str, &str, bool)| {
        let value = of(column);
        if *share { percent(value) } else { format!("{value:.1}") }
    };
    MEASURES.iter().map(text).collect()
}

/// The best runs by return, with their places on the grid.
pub(crate) fn best(grid: &Grid, places: &[Vec<usize>], rows: &[Row]) -> (Vec<String>, Vec<Vec<String>>) {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    // Stable: runs of equal return stay in the order of the grid.
    order.sort_by(|a, b| cell(&rows[*b], "return").total_cmp(&cell(&rows[*a], "return")));
    let mut headings: Vec<String> = grid.axes.iter().map(|axis| axis.name.row().name.into()).collect();
    headings.extend(MEASURES.iter().map(|(_, heading, _)| String::from(*heading)));
    let lines = order.iter().take(BEST).map(|index| {
        let values = grid.axes.iter().zip(&places[*index]);
        let mut line: Vec<String> = values.map(|(axis, place)| axis.values[*place].clone()).collect();
        line.extend(measures(|column| cell(&rows[*index], column)));
        line
    });
    (headings, lines.collect())
}

/// Mean, smallest and largest of a column for every value of an axis, over all values of the others.
fn sensitivity(axis: usize, values: usize, places: &[Vec<usize>], rows: &[Row], column: &str) -> Vec<[f64; 3]> {
    let of = |place: usize| {
        let hits = places.iter().zip(rows).filter(|(places, _)| places[axis] == place);
        let (mut sum, mut n, mut low, mut high) = (0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY);
        for (_, row) in hits {
            let value = cell(row, column);
            (sum, n, low, high) = (sum + value, n + 1.0, low.min(value), high.max(value));
        }
        [sum / n, low, high]
    };
    (0..values).map(of).collect()
}

/// The page of a sweep.
pub(crate) fn sweep_html(grid: &Grid, places: &[Vec<usize>], rows: &[Row]) -> Result<String> {
    let mut page = Page::new("Gimbal backtest sweep");
    page.paragraph(NOTICE);
    page.paragraph(&format!("{} runs.", rows.len()));
    let (headings, lines) = best(grid, places, rows);
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    page.table("Best by return", &headings, lines);
    for (index, axis) in grid.axes.iter().enumerate() {
        let name = axis.name.row().name;
        let of = |column: &str| sensitivity(index, axis.values.len(), places, rows, column);
        if axis.values.len() > 1 {
            let at: Vec<u64> = (0..axis.values.len() as u64).collect();
            let label = |at: &u64| {
                let value = usize::try_from(*at).ok().and_then(|at| axis.values.get(at));
                value.cloned().unwrap_or_default()
            };
            for (column, heading, _) in &MEASURES[..2] {
                let points = of(column);
                let pick = |which: usize| points.iter().map(|point| point[which]).collect::<Vec<f64>>();
                let title = format!("{heading} by {name}: mean, and all runs between least and most");
                let plot = Plot::over(&title, &at, label);
                page.raw(&plot.svg(Some((pick(1), pick(2))), &[(*heading, BLUE_LINE, pick(0))])?);
            }
        }
        let headings: Vec<&str> = [name]
            .into_iter()
            .chain(MEASURES.map(|(_, heading, _)| heading))
            .collect();
        let lines = axis.values.iter().enumerate().map(|(place, value)| {
            let mut line = vec![value.clone()];
            line.extend(measures(|column| of(column)[place][0]));
            line
        });
        page.table(&format!("Means by {name}"), &headings, lines);
    }
    Ok(page.finish())
}
