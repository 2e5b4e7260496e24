//! What the demo saw.

use super::ledger::{Ledger, Value};
use std::collections::BTreeMap;

/// One step of the replay, after everybody acted.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Unix seconds.
    pub timestamp: u64,
    /// Dollars per WBTC.
    pub price: f64,
    /// Net asset value in dollars, at oracle mid.
    pub nav: f64,
    /// Dollars per share, at oracle mid.
    pub share_price: f64,
    /// Delta of the book in WBTC, before and after the keeper acted.
    pub delta_before: f64,
    /// See `delta_before`.
    pub delta: f64,
    /// The delta aimed at.
    pub target: f64,
    /// Lower edge of the band.
    pub lower: f64,
    /// Upper edge of the band.
    pub upper: f64,
    /// Net leverage of the book.
    pub net_leverage: f64,
    /// Gross leverage of the book.
    pub gross_leverage: f64,
    /// |delta − target| as a share of the book's equity; 0 while it holds nothing.
    pub tracking_error: f64,
}

/// One accepted rebalance.
#[derive(Clone, Copy, Debug)]
pub struct Hedge {
    /// Unix seconds.
    pub timestamp: u64,
    /// The rule acted on.
    pub rule: u8,
    /// Delta in WBTC before.
    pub before: f64,
    /// Delta in WBTC after.
    pub after: f64,
    /// Value traded, in dollars.
    pub traded: f64,
    /// What it cost at oracle mid, in dollars.
    pub cost: f64,
}

/// Gas of one kind of call.
#[derive(Clone, Copy, Debug)]
pub struct GasUse {
    /// Calls made.
    pub count: u64,
    /// Cheapest.
    pub min: u64,
    /// Dearest.
    pub max: u64,
    /// All together.
    pub total: u64,
}

/// Gas by kind of call, and refusals by reason.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Successful calls.
    pub gas: BTreeMap<&'static str, GasUse>,
    /// Refused calls by typed error.
    pub refused: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// Counts a successful call.
    pub fn spent(&mut self, call: &'static str, gas: u64) {
        let entry = self.gas.entry(call).or_insert(GasUse {
            count: 0,
            min: gas,
            max: gas,
            total: 0,
        });
        entry.count += 1;
        entry.total += gas;
        entry.min = entry.min.min(gas);
        entry.max = entry.max.max(gas);
    }

    /// Counts a refused call.
    pub fn refuse(&mut self, error: &'static str) {
        *self.refused.entry(error).or_default() += 1;
    }
}

/// The whole replay.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Whether the keeper hedged.
    pub hedged: bool,
    /// Every step.
    pub steps: Vec<Step>,
    /// Every accepted rebalance.
    pub hedges: Vec<Hedge>,
    /// Gas and refusals.
    pub tally: Tally,
    /// Exact accounting.
    pub ledger: Ledger,
    /// What vault and book held at the end, at the last price.
    pub held: Value,
    /// Broken invariants with their ids.
    pub broken: Vec<String>,
    /// Checks made.
    pub checks: u64,
}

impl Record {
    /// Mean and largest tracking error over the steps in which the book held anything.
    pub fn tracking(&self) -> (f64, f64) {
        let active: Vec<f64> = self
            .steps
            .iter()
            .filter(|step| step.nav > 0.0)
            .map(|step| step.tracking_error)
            .collect();
        let mean = active.iter().sum::<f64>() / count(active.len()).max(1.0);
        (mean, active.iter().copied().fold(0.0, f64::max))
    }

    /// Rebalances by rule.
    pub fn by_rule(&self) -> BTreeMap<u8, u64> {
        let mut rules = BTreeMap::new();
        for hedge in &self.hedges {
            *rules.entry(hedge.rule).or_default() += 1;
        }
        rules
    }
}

/// A count as a number for averages.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn count(n: usize) -> f64 {
    n as f64
}
