//! The main job, end to end: replays market history through vault, books and a real pool.

mod checks;
pub mod ledger;
mod record;
mod replay;

use crate::{market, report};
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::path::{Path, PathBuf};

pub use record::{GasUse, Hedge, Record, Step, Tally};

/// Replays hourly prices: feeds and pool move, depositors come and go, a keeper hedges.
#[derive(Args, Clone, Debug)]
pub struct Demo {
    /// First day of the replay (UTC).
    #[arg(long, default_value = "2018-11-10", value_name = "YYYY-MM-DD")]
    from: String,
    /// Day on which it ends (UTC, not included).
    #[arg(long, default_value = "2018-12-20", value_name = "YYYY-MM-DD")]
    to: String,
    /// Hours between two prices.
    #[arg(long, default_value_t = 1, value_name = "HOURS")]
    step: usize,
    /// Never call `rebalance`: nobody takes the book to its target, so it stays in cash.
    #[arg(long)]
    no_hedge: bool,
    /// Folder of the project.
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    root: PathBuf,
}

/// Runs the demo; fails if any invariant broke.
pub fn run(demo: &Demo) -> Result<()> {
    let bars = market::load(&demo.root.join("data/btc-usd-1h.csv.br"))?;
    let bars = market::select(
        &bars,
        market::parse_date(&demo.from)?,
        market::parse_date(&demo.to)?,
        demo.step,
    )?;
    let record = replay::replay(&demo.root, &bars, !demo.no_hedge)?;
    let path = write_report(&demo.root, &record)?;
    print!("{}", report::table(&record));
    println!("\nreport: {}", path.display());
    ensure!(
        record.broken.is_empty(),
        "{} invariants broke, the first: {}",
        record.broken.len(),
        record.broken[0]
    );
    Ok(())
}

fn write_report(root: &Path, record: &Record) -> Result<PathBuf> {
    let folder = root.join("target/demo");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join("report.html");
    std::fs::write(&path, report::html(record)?).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
