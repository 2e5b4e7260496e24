//! Both sides in one run: gas of kernels, options and margins in a program and in Solidity.
//!
//! Everything measured is exact and repeats to the last unit, so the committed record is compared exactly.

use alloy_primitives::{Address, Bytes, I256};
use alloy_sol_types::{SolCall, sol};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};
use std::fs;

use crate::{
    Cost, Machine,
    portfolio::{Order, PERPS, SPOT, bytes, option, quantity},
    root,
};

sol! {
    function exp(int256[] xs) returns (int256[] ys);
    function ln(int256[] xs) returns (int256[] ys);
    function sqrt(int256[] xs) returns (int256[] ys);
    function cbrt(int256[] xs) returns (int256[] ys);
    function pow(int256[] xs) returns (int256[] ys);
    function cdf(int256[] xs) returns (int256[] ys);
    function pdf(int256[] xs) returns (int256[] ys);
    function icdf(int256[] xs) returns (int256[] ys);
    function same(int256[] xs) returns (int256[] ys);
}

/// First byte of call data to `bench/programs`: what it shall run.
mod selector {
    pub(super) const NOTHING: u8 = 0;
    pub(super) const GREEKS: u8 = 1;
    pub(super) const MARGIN: u8 = 2;
    /// The first kernel; the others follow in the order of [`super::KERNELS`].
    pub(super) const KERNELS: u8 = 16;
}

/// Kernels, the lowest and highest argument in units of 1e-9, and whether PRBMath has them too.
const KERNELS: [(&str, i64, i64, bool); 9] = [
    ("exp", -20_000_000_000, 20_000_000_000, true),
    ("ln", 1, 1_000_000_000_000, true),
    ("sqrt", 0, 1_000_000_000_000, true),
    ("cbrt", 0, 1_000_000_000_000, false),
    ("pow", 1_000_000, 3_000_000_000, true),
    ("cdf", -6_000_000_000, 6_000_000_000, false),
    ("pdf", -6_000_000_000, 6_000_000_000, false),
    ("icdf", 1, 999_999_999, false),
    ("same", -6_000_000_000, 6_000_000_000, false),
];

/// Numbers of options.
const COUNTS: [u64; 4] = [1, 8, 64, 128];
/// Options of the portfolios whose margin is measured; each has [`PERPS`] perpetuals.
const MARGINS: [u64; 6] = [0, 1, 8, 64, 127, 128];
/// Scenarios of the margin.
const SCENARIOS: f64 = 33.0;

/// What others have published. Not measured here.
const PUBLISHED: [(&str, &str); 5] = [
    ("price of one option, Solidity (DeFiMath)", "2,582 gas"),
    ("one Greek of one option, Solidity (DeFiMath)", "1,491 to 3,499 gas"),
    ("price of one option, Solidity (Lyra)", "13,404 gas"),
    ("margin, 64 options + 8 perps, whole test (Derive)", "about 74.7M gas"),
    ("margin, 127 options + 8 perps, whole test (Derive)", "about 181.7M gas"),
];

/// What to do with the committed record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Leave it.
    Show,
    /// Fail unless it equals what is measured.
    Check,
    /// Replace it.
    Write,
}

/// One measurement: the same work on both sides.
struct Row {
    name: String,
    /// `None` if the program has no such function yet.
    program: Option<Cost>,
    solidity: Cost,
    prb: Option<Cost>,
}

/// Where the two sides are.
struct Sides {
    machine: Machine,
    program: Address,
    kernels: Address,
    prb: Address,
    greeks: Address,
    margin: Address,
}

/// Measures both sides, prints the table, and compares or replaces the record.
///
/// `wasm` is the build of `bench/programs`.
pub fn run(wasm: &[u8], mode: Mode) -> Result<()> {
    let mut machine = Machine::default();
    let sides = Sides {
        program: machine.program(wasm)?,
        kernels: machine.contract("Kernels")?,
        prb: machine.contract("PrbKernels")?,
        greeks: machine.contract("Greeks")?,
        margin: machine.contract("Margin")?,
        machine,
    };
    let kernels = sides.kernel_rows()?;
    let options = sides.option_rows()?;
    let margins = sides.margin_rows()?;
    print(&sides, &kernels, &options, &margins)?;
    record([kernels, options, margins].into_iter().flatten(), mode)
}

impl Sides {
    /// The program's cost and answer, or `None` if it refuses, as it does what it has not got.
    fn program(&self, selector: u8, input: &[u8]) -> Option<(Cost, Bytes)> {
        let data: Vec<u8> = [&[selector], input].concat();
        self.machine.call(self.program, data).ok()
    }

    /// Kernels over 64 and 128 arguments.
    fn kernel_rows(&self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for (index, &(name, low, high, in_prb)) in (0..).zip(&KERNELS) {
            for count in [64, 128] {
                let arguments = arguments(name, low, high, count);
                let words = arguments.iter().map(|x| I256::try_from(*x)).collect::<Result<_, _>>()?;
                let data = encode(name, words)?;
                let little: Vec<u8> = arguments.iter().flat_map(|x| x.to_le_bytes()).collect();
                let (solidity, _) = self.machine.call(self.kernels, data.clone())?;
                let prb = in_prb.then(|| self.machine.call(self.prb, data)).transpose()?;
                rows.push(Row {
                    name: format!("{name}, {count}"),
                    program: self.program(selector::KERNELS + index, &little).map(|(cost, _)| cost),
                    solidity,
                    prb: prb.map(|(cost, _)| cost),
                });
            }
        }
        Ok(rows)
    }

    /// Price and five Greeks; the answers have to agree.
    fn option_rows(&self) -> Result<Vec<Row>> {
        let row = |count| {
            let numbers: Vec<u64> = (0..count).flat_map(option).collect();
            let input = bytes(numbers.iter().copied(), Order::Little);
            let (program, ours) = self.program(selector::GREEKS, &input).context("the options were refused")?;
            let (solidity, theirs) = self.machine.call(self.greeks, bytes(numbers, Order::Big))?;
            ensure!(ours.len() == theirs.len(), "results of different length");
            for (ours, theirs) in ours.chunks(8).zip(theirs.chunks(8)) {
                let difference = i64::from_le_bytes(ours.try_into()?) - i64::from_be_bytes(theirs.try_into()?);
                // Units of 2^-44, or of 1/300,000,000,000,000 of the price.
                ensure!(difference.abs() <= 60, "results differ by {difference}");
            }
            Ok(Row {
                name: format!("greeks, {count} options"),
                program: Some(program),
                solidity,
                prb: None,
            })
        };
        COUNTS.into_iter().map(row).collect()
    }

    /// The worst of 33 scenarios; the answers have to agree.
    fn margin_rows(&self) -> Result<Vec<Row>> {
        let row = |count| {
            let perps: Vec<i64> = (0..PERPS).map(|i| quantity(i + 1000)).collect();
            let mut numbers = vec![SPOT, count, PERPS];
            numbers.extend((0..count).flat_map(|i| option(i).into_iter().chain([quantity(i).cast_unsigned()])));
            numbers.extend(perps.iter().map(|size| size.cast_unsigned()));
            let program = self.program(selector::MARGIN, &bytes(numbers.iter().copied(), Order::Little));
            let (solidity, theirs) = self.machine.call(self.margin, bytes(numbers, Order::Big))?;
            if let Some((_, ours)) = &program {
                agree(ours, &theirs, count)?;
            }
            Ok(Row {
                name: format!("margin, {count} options and {PERPS} perps"),
                program: program.map(|(cost, _)| cost),
                solidity,
                prb: None,
            })
        };
        MARGINS.into_iter().map(row).collect()
    }
}

/// Compares worst losses: the program's in the scale of the prices, Solidity's in Q112 of price times quantity.
fn agree(ours: &[u8], theirs: &[u8], count: u64) -> Result<()> {
    let ours = i64::from_le_bytes(ours.get(..8).context("no loss")?.try_into()?);
    let theirs = I256::from_be_bytes::<32>(theirs.get(..32).context("no loss")?.try_into()?);
    let theirs = i64::try_from(theirs >> (112 + 32))?;
    // A billionth of quantity times price for every option: at most six tokens of twice the spot price.
    let bound = (count + 1) * SPOT * 12 / 1_000_000_000;
    ensure!(
        (ours - theirs).unsigned_abs() <= bound,
        "margins of {count} options differ: {ours} and {theirs}"
    );
    Ok(())
}

/// Spread evenly, without a regular pattern in the digits; pairs for `pow`, whose exponents lie between -4 and 4.
fn arguments(name: &str, low: i64, high: i64, count: i64) -> Vec<i128> {
    let step = (high - low) / 131;
    (0..count)
        .flat_map(|i| {
            let x = i128::from(low + step * (i * 37 % 128 + 1)) * 1_000_000_000 + i128::from(i) * 7_654_321;
            let y = (name == "pow").then(|| i128::from(i * 53 % 128 - 64) * 62_500_000_000_000_000 + i128::from(i));
            [x].into_iter().chain(y)
        })
        .collect()
}

fn encode(name: &str, xs: Vec<I256>) -> Result<Vec<u8>> {
    Ok(match name {
        "exp" => expCall { xs }.abi_encode(),
        "ln" => lnCall { xs }.abi_encode(),
        "sqrt" => sqrtCall { xs }.abi_encode(),
        "cbrt" => cbrtCall { xs }.abi_encode(),
        "pow" => powCall { xs }.abi_encode(),
        "cdf" => cdfCall { xs }.abi_encode(),
        "pdf" => pdfCall { xs }.abi_encode(),
        "icdf" => icdfCall { xs }.abi_encode(),
        "same" => sameCall { xs }.abi_encode(),
        _ => anyhow::bail!("no kernel {name}"),
    })
}

/// One line of the table, from gas of both sides.
fn line(name: &str, program: Option<f64>, solidity: f64, prb: Option<f64>) {
    let show = |gas: Option<f64>| gas.map_or_else(|| "-".to_owned(), |gas| format!("{gas:.1}"));
    let ratio = program.map_or_else(|| "-".to_owned(), |gas| format!("{:.1}", solidity / gas));
    println!(
        "{name:44} {:>12} {solidity:>14.1} {ratio:>8} {:>12}",
        show(program),
        show(prb)
    );
}

/// What one more of something costs, from two rows `more` of it apart.
fn slope(name: &str, few: &Row, many: &Row, more: f64) {
    let per = |few: Cost, many: Cost| (many.gas() - few.gas()) / more;
    line(
        name,
        few.program.zip(many.program).map(|(few, many)| per(few, many)),
        per(few.solidity, many.solidity),
        few.prb.zip(many.prb).map(|(few, many)| per(few, many)),
    );
}

fn print(sides: &Sides, kernels: &[Row], options: &[Row], margins: &[Row]) -> Result<()> {
    let (empty, _) = sides.program(selector::NOTHING, &[]).context("the program does not answer")?;
    println!(
        "{:44} {:>12} {:>14} {:>8} {:>12}",
        "gas", "Stylus", "Solidity", "ratio", "PRBMath"
    );
    for pair in kernels.chunks(2) {
        if let [few, many] = pair {
            let name = few.name.split(',').next().unwrap_or_default();
            slope(&format!("{name}, each"), few, many, 64.0);
        }
    }
    for row in options.iter().chain(margins) {
        line(&row.name, row.program.map(Cost::gas), row.solidity.gas(), None);
    }
    if let [.., few, many] = options {
        slope("price and five Greeks, each option", few, many, 64.0);
    }
    if let [.., few, _, many] = margins {
        slope("margin, each option", few, many, 64.0);
        slope("margin, each option and scenario", few, many, 64.0 * SCENARIOS);
    }
    println!("\nentering the cached program: {} gas more, once a call", empty.entry);
    println!("\npublished by others, not measured here");
    for (what, gas) in PUBLISHED {
        println!("{what:58} {gas}");
    }
    Ok(())
}

fn record(rows: impl Iterator<Item = Row>, mode: Mode) -> Result<()> {
    let measured: Map<String, Value> = rows
        .map(|row| {
            let mut entry = Map::new();
            if let Some(cost) = row.program {
                entry.insert("stylus entry gas".to_owned(), json!(cost.entry));
                entry.insert("stylus ink".to_owned(), json!(cost.ink));
            }
            let gas = |cost: Cost| json!(cost.ink / u64::from(devnode::stylus::ink::INK_PRICE));
            entry.insert("solidity gas".to_owned(), gas(row.solidity));
            if let Some(prb) = row.prb {
                entry.insert("prb gas".to_owned(), gas(prb));
            }
            (row.name, Value::Object(entry))
        })
        .collect();
    let path = root().join("bench/snapshots/compare.json");
    let text = format!("{:#}\n", Value::Object(measured.clone()));
    match mode {
        Mode::Show => Ok(()),
        Mode::Write => fs::write(&path, text).context("cannot write bench/snapshots/compare.json"),
        Mode::Check => {
            let committed = fs::read_to_string(&path).context("cannot read bench/snapshots/compare.json")?;
            let committed: Map<String, Value> = serde_json::from_str(&committed)?;
            let names = committed.keys().chain(measured.keys());
            let drift: std::collections::BTreeSet<String> = names
                .filter(|name| committed.get(*name) != measured.get(*name))
                .map(|name| {
                    let show = |side: &Map<String, Value>| side.get(name).map_or("nothing".to_owned(), Value::to_string);
                    format!("{name}: {}, recorded {}", show(&measured), show(&committed))
                })
                .collect();
            ensure!(
                drift.is_empty(),
                "gas differs from bench/snapshots/compare.json; if that is meant, run `cargo xtask bench --compare --write`\n  {}",
                drift.into_iter().collect::<Vec<_>>().join("\n  ")
            );
            Ok(())
        }
    }
}
