//! Replays market history through the engine against simulated venues, and sweeps parameters.
//!
//! `docs/backtest.md` says what is simulated and how.

mod book;
mod keeper;
pub mod ledger;
mod report;
pub mod run;
pub mod settings;
pub mod summary;
pub mod sweep;
pub mod table;
pub mod tape;
#[cfg(test)]
mod tests;
mod venues;

use crate::{market, page};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use settings::Settings;
use std::{path::PathBuf, time::Instant};
use sweep::Grid;
use table::Format;
use tape::Tape;

/// Replays hourly prices through the engine, with simulated venues, depositors and a keeper.
#[derive(Args, Clone, Debug)]
pub struct Backtest {
    #[command(subcommand)]
    mode: Option<Mode>,
    #[command(flatten)]
    common: Common,
}

#[derive(Subcommand, Clone, Debug)]
enum Mode {
    /// Runs every combination of the given values in parallel.
    Sweep {
        /// A parameter and its values. May be given several times.
        #[arg(long, required = true, value_name = "NAME=A,B,…")]
        grid: Vec<String>,
    },
    /// Lists the names that --set and --grid know, with ranges and defaults.
    Parameters,
}

#[derive(Args, Clone, Debug)]
struct Common {
    /// First day (UTC).
    #[arg(long, global = true, default_value = "2018-10-01", value_name = "YYYY-MM-DD")]
    from: String,
    /// Day on which it ends (UTC, not included).
    #[arg(long, global = true, default_value = "2019-10-01", value_name = "YYYY-MM-DD")]
    to: String,
    /// Hours between two steps.
    #[arg(long, global = true, default_value_t = 1, value_name = "HOURS")]
    hours: usize,
    /// A parameter of the engine or of the simulated world. May be given several times.
    #[arg(long, global = true, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Folder for report and tables.
    #[arg(long, global = true, default_value = "target/backtest", value_name = "FOLDER")]
    out: PathBuf,
    /// Write tables as CSV.
    #[arg(long, global = true, conflicts_with = "parquet")]
    csv: bool,
    /// Write tables as Parquet; what a sweep does anyway.
    #[arg(long, global = true)]
    parquet: bool,
    /// Folder of the project.
    #[arg(long, global = true, default_value = ".", value_name = "FOLDER")]
    root: PathBuf,
}

/// Runs the command.
pub fn run_command(options: &Backtest) -> Result<()> {
    let common = &options.common;
    if matches!(options.mode, Some(Mode::Parameters)) {
        print!("{}", settings::list());
        return Ok(());
    }
    let mut settings = Settings::default();
    for assignment in &common.set {
        settings.set(assignment)?;
    }
    let grid = match &options.mode {
        Some(Mode::Sweep { grid }) => Some(Grid::parse(grid)?),
        _ => None,
    };
    let runs = grid.as_ref().map(|grid| grid.runs(&settings)).transpose()?;
    let bars = market::load(&common.root.join("data/btc-usd-1h.csv.br"))?;
    let tape = Tape::new(
        &bars,
        market::parse_date(&common.from)?,
        market::parse_date(&common.to)?,
        common.hours,
    )?;
    std::fs::create_dir_all(&common.out).with_context(|| format!("cannot create {}", common.out.display()))?;
    match grid.zip(runs) {
        Some((grid, runs)) => many(common, &tape, &settings, &grid, &runs),
        None => single(common, &tape, &settings),
    }
}

fn single(common: &Common, tape: &Tape, settings: &Settings) -> Result<()> {
    let start = Instant::now();
    let outcome = run::run(tape, settings)?;
    let elapsed = start.elapsed();
    print!("{}", page::text(&report::sections(settings, &outcome)));
    println!(
        "\n{} steps in {:.3} s, {:.1} µs a step",
        outcome.steps.len(),
        elapsed.as_secs_f64(),
        elapsed.as_secs_f64() * 1e6 / table::Cell::Int(summary::count(outcome.steps.len())).float()
    );
    let format = match (common.csv, common.parquet) {
        (true, _) => Some(Format::Csv),
        (_, true) => Some(Format::Parquet),
        _ => None,
    };
    if let Some(format) = format {
        let path = common.out.join("hours").with_extension(format.extension());
        table::write(&path, &summary::hours(&outcome), format)?;
        println!("table: {}", path.display());
    }
    write_page(common, "backtest.html", &report::html(settings, &outcome)?)
}

fn many(common: &Common, tape: &Tape, settings: &Settings, grid: &Grid, runs: &[(Settings, Vec<usize>)]) -> Result<()> {
    let start = Instant::now();
    let rows = sweep::sweep(tape, settings, grid)?;
    let elapsed = start.elapsed();
    let places: Vec<Vec<usize>> = runs.iter().map(|(_, places)| places.clone()).collect();
    let (headings, lines) = report::best(grid, &places, &rows);
    println!("{} runs in {:.2} s; best by return:", rows.len(), elapsed.as_secs_f64());
    println!("{}", headings.join(" | "));
    for line in lines {
        println!("{}", line.join(" | "));
    }
    let format = if common.csv { Format::Csv } else { Format::Parquet };
    let path = common.out.join("sweep").with_extension(format.extension());
    table::write(&path, &rows, format)?;
    println!("table: {}", path.display());
    write_page(common, "sweep.html", &report::sweep_html(grid, &places, &rows)?)
}

fn write_page(common: &Common, name: &str, page: &str) -> Result<()> {
    let path = common.out.join(name);
    std::fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    println!("report: {}", path.display());
    Ok(())
}
