//! Many runs over a grid of settings, in parallel.

use super::{
    run::run,
    settings::{Name, Settings, find},
    summary,
    table::{Cell, Row},
    tape::Tape,
};
use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

/// More runs than this are a slip of the keyboard.
const MOST_RUNS: usize = 100_000;

/// One parameter and the values it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// The parameter.
    pub name: Name,
    /// Values as given.
    pub values: Vec<String>,
}

/// Parameters and the values they take, the last one changing fastest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The parameters.
    pub axes: Vec<Axis>,
}

impl Grid {
    /// From texts `name=a,b,c`.
    pub fn parse(texts: &[String]) -> Result<Self> {
        ensure!(!texts.is_empty(), "a sweep needs at least one --grid NAME=A,B,…");
        let mut axes: Vec<Axis> = Vec::new();
        for text in texts {
            let (name, values) = text
                .split_once('=')
                .with_context(|| format!("{text:?} is not NAME=A,B,…"))?;
            let name = find(name)?;
            ensure!(
                axes.iter().all(|axis| axis.name != name),
                "{} is on the grid twice",
                name.row().name
            );
            let values = values.split(',').map(String::from).collect();
            axes.push(Axis { name, values });
        }
        Ok(Self { axes })
    }

    /// The settings of every run, and the values' places on the axes. Every value is checked before anything runs.
    pub fn runs(&self, base: &Settings) -> Result<Vec<(Settings, Vec<usize>)>> {
        let mut runs = vec![(base.clone(), Vec::new())];
        for axis in &self.axes {
            let size = runs.len().saturating_mul(axis.values.len());
            ensure!(size <= MOST_RUNS, "the grid has more than {MOST_RUNS} runs");
            let mut wider = Vec::with_capacity(size);
            for (settings, places) in &runs {
                for (place, value) in axis.values.iter().enumerate() {
                    let mut settings = settings.clone();
                    settings.assign(axis.name, value)?;
                    let places = places.iter().copied().chain([place]).collect();
                    wider.push((settings, places));
                }
            }
            runs = wider;
        }
        Ok(runs)
    }
}

/// The rows of all runs in the order of the grid.
pub fn sweep(tape: &Tape, base: &Settings, grid: &Grid) -> Result<Vec<Row>> {
    let runs = grid.runs(base)?;
    let progress = ProgressBar::new(runs.len() as u64);
    progress.set_style(ProgressStyle::with_template(
        "sweep {bar:40} {pos}/{len} runs, {eta} left",
    )?);
    let rows = runs.par_iter().map(|(settings, _)| {
        let outcome = run(tape, settings).with_context(|| format!("with {}", settings.changed().join(" ")))?;
        progress.inc(1);
        Ok(summary::row(settings, &outcome))
    });
    let rows = rows.collect::<Result<Vec<Row>>>();
    progress.finish_and_clear();
    rows
}

/// A column's value in a row.
pub(crate) fn cell(row: &Row, name: &str) -> f64 {
    row.iter()
        .find(|(column, _)| column == name)
        .map_or(f64::NAN, |(_, cell): &(String, Cell)| cell.float())
}
