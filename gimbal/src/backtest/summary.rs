//! A run in numbers: one row of a sweep, and the table of a single run.

use super::{
    book::float,
    ledger::Entry,
    run::{Outcome, Step},
    settings::{Settings, is_decimal},
    table::{Cell, Row},
};
use engine::decide::{DISTANCES, RULE_OF};
use fixed::Wad;

/// The rules that can act.
pub(crate) const RULES: [(u8, &str); 8] = [
    (2, "drawdown budget"),
    (3, "liquidation"),
    (4, "margin and leverage"),
    (5, "redemption queue"),
    (6, "delta band"),
    (7, "gamma and vega"),
    (8, "funding"),
    (9, "idle"),
];

/// The names of the engine's distances.
pub(crate) const LIMITS: [&str; DISTANCES] = [
    "drawdown budget",
    "liquidation",
    "initial margin",
    "gross leverage",
    "net leverage",
    "redemption queue",
    "delta band",
    "gamma",
    "vega",
];

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Change of the share price over the run, 0.1 = 10 %.
    pub gain: f64,
    /// Largest fall of the share price from an earlier high.
    pub drawdown: f64,
    /// |delta − target| as a share of equity, mean and largest.
    pub tracking: (f64, f64),
    /// Largest excess that was left at the end of an hour, as a share of equity, and the place of its limit.
    pub worst_excess: (f64, usize),
    /// Highest gross leverage.
    pub gross_leverage: f64,
    /// Highest initial margin as a share of equity.
    pub margin_use: f64,
}

impl Summary {
    /// Sums up.
    pub fn of(outcome: &Outcome) -> Self {
        let steps = &outcome.steps;
        let (mut peak, mut drawdown) = (f64::MIN, 0.0_f64);
        let (mut tracked, mut furthest) = (0.0, 0.0_f64);
        let mut worst_excess = (0.0, 0);
        for step in steps {
            peak = peak.max(step.share_price);
            drawdown = drawdown.max(1.0 - step.share_price / peak);
            let error = tracking_error(step);
            tracked += error;
            furthest = furthest.max(error);
            for (place, excess) in step.excess.iter().enumerate() {
                if *excess > worst_excess.0 {
                    worst_excess = (*excess, place);
                }
            }
        }
        let most = |of: fn(&Step) -> f64| steps.iter().map(of).fold(0.0, f64::max);
        let price = |step: Option<&Step>| step.map_or(1.0, |step| step.share_price);
        Self {
            // The first hour already paid for opening the positions; shares started at 1.
            gain: price(steps.last()) - 1.0,
            drawdown,
            tracking: (tracked / Cell::Int(count(steps.len()).max(1)).float(), furthest),
            worst_excess,
            gross_leverage: most(|step| step.gross_leverage),
            margin_use: most(|step| step.margin_use),
        }
    }
}

/// |delta − target| at the price, as a share of equity.
pub(crate) fn tracking_error(step: &Step) -> f64 {
    if step.nav > 0.0 {
        (step.delta - step.target).abs() * step.price / step.nav
    } else {
        0.0
    }
}

/// Actions that stood, by rule.
pub(crate) fn acts_of(outcome: &Outcome, rule: u8) -> usize {
    outcome.acts.iter().filter(|act| act.decision.rule == rule).count()
}

/// Parameters and results of a run as one row. Names have underscores, ratios are 1.0 = 100 %, other values are in the
/// parameter's own unit or in asset units.
pub fn row(settings: &Settings, outcome: &Outcome) -> Row {
    let summary = Summary::of(outcome);
    let mut row: Row = settings
        .all()
        .map(|(parameter, value)| {
            let cell = if is_decimal(parameter.unit) {
                Cell::Float(float(Wad(value)))
            } else {
                Cell::Int(i64::try_from(value).unwrap_or(i64::MAX))
            };
            (parameter.name.replace('-', "_"), cell)
        })
        .collect();
    let mut add = |name: String, cell| row.push((name, cell));
    let floats = [
        ("return", summary.gain),
        ("max_drawdown", summary.drawdown),
        ("tracking_mean", summary.tracking.0),
        ("tracking_max", summary.tracking.1),
        ("worst_excess", summary.worst_excess.0),
        ("highest_gross_leverage", summary.gross_leverage),
        ("highest_margin_use", summary.margin_use),
        ("final_nav", float(outcome.nav)),
        ("trading_costs", outcome.ledger.trading_costs().map_or(f64::NAN, float)),
        ("traded", outcome.acts.iter().map(|act| float(act.decision.value)).sum()),
    ];
    for (name, value) in floats {
        add(name.into(), Cell::Float(value));
    }
    for entry in Entry::ALL {
        add(
            entry.name().replace(' ', "_"),
            Cell::Float(float(outcome.ledger.get(*entry))),
        );
    }
    let worst_rule = RULE_OF.get(summary.worst_excess.1).copied().unwrap_or_default();
    add("worst_excess_rule".into(), Cell::Int(worst_rule.into()));
    for (rule, _) in RULES {
        add(format!("actions_rule_{rule}"), Cell::Int(count(acts_of(outcome, rule))));
    }
    let refused: u64 = outcome.refused.values().sum();
    let counts = [
        ("actions", count(outcome.acts.len())),
        ("refused", i64::try_from(refused).unwrap_or(i64::MAX)),
        ("skipped_rolls", outcome.skipped_rolls.into()),
        ("liquidations", outcome.liquidations.into()),
        ("restless", outcome.restless.into()),
        ("outages", outcome.outages.into()),
        ("hours", count(outcome.steps.len())),
        ("ruined", outcome.ruined.into()),
    ];
    for (name, value) in counts {
        add(name.into(), Cell::Int(value));
    }
    row
}

/// The hours of a run as rows.
pub fn hours(outcome: &Outcome) -> Vec<Row> {
    let hour = |step: &Step| {
        let mut row: Row = vec![
            (
                String::from("timestamp"),
                Cell::Int(i64::try_from(step.timestamp).unwrap_or(i64::MAX)),
            ),
            (String::from("legs"), Cell::Int(step.legs.into())),
        ];
        let floats = [
            ("price", step.price),
            ("nav", step.nav),
            ("share_price", step.share_price),
            ("delta", step.delta),
            ("target", step.target),
            ("lower", step.lower),
            ("upper", step.upper),
            ("gross_leverage", step.gross_leverage),
            ("net_leverage", step.net_leverage),
            ("margin_use", step.margin_use),
            ("worst_loss", step.worst_loss),
            ("volatility", step.volatility),
            ("funding_a", step.funding[0]),
            ("funding_b", step.funding[1]),
        ];
        row.extend(floats.map(|(name, value)| (name.into(), Cell::Float(value))));
        let excesses = LIMITS.iter().zip(step.excess);
        row.extend(excesses.map(|(name, value)| (format!("excess_{}", name.replace(' ', "_")), Cell::Float(value))));
        row
    };
    outcome.steps.iter().map(hour).collect()
}

pub(crate) fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
