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
const NOTHING: u8 = 0;
const GREEKS: u8 = 1;
const MARGIN: u8 = 2;

/// Kernels in the order of the selectors of `bench/programs/kernels`, the lowest and highest argument in units of 1e-9, and whether PRBMath has them too.
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
    program: Cost,
    solidity: Cost,
    prb: Option<Cost>,
}

/// Where the two sides are.
struct Sides {
    machine: Machine,
    program: Address,
    exact: Address,
    kernels: Address,
    prb: Address,
    greeks: Address,
    margin: Address,
}

/// Measures both sides, prints the table, and compares or replaces the record.
///
/// `pricing` and `kernels` are builds of `bench/programs` and `bench/programs/kernels`.
pub fn run(pricing: &[u8], kernels: &[u8], mode: Mode) -> Result<()> {
    let mut machine = Machine::default();
    let sides = Sides {
        program: machine.program(pricing)?,
        exact: machine.program(kernels)?,
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
    fn program(&self, program: Address, selector: u8, input: &[u8]) -> Result<(Cost, Bytes)> {
        self.machine.call(program, [&[selector], input].concat())
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
                let (program, ours) = self.program(self.exact, index, &little).with_context(|| name)?;
                let (solidity, theirs) = self.machine.call(self.kernels, data.clone())?;
                agree_on_kernel(&ours, &theirs).with_context(|| name)?;
                let prb = in_prb.then(|| self.machine.call(self.prb, data)).transpose()?;
                rows.push(Row {
                    name: format!("{name}, {count}"),
                    program,
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
            let (program, ours) = self.program(self.program, GREEKS, &input)?;
            let (solidity, theirs) = self.machine.call(self.greeks, bytes(numbers, Order::Big))?;
            ensure!(ours.len() == theirs.len(), "results of different length");
            // Twice the error bounds, in units of 2^-44 for delta and gamma, else of a three hundred trillionth.
            let bounds = [60, 36, 36, 600, 600, 600].into_iter().cycle();
            for ((ours, theirs), bound) in ours.chunks(8).zip(theirs.chunks(8)).zip(bounds) {
                let (ours, theirs) = (
                    i64::from_le_bytes(ours.try_into()?),
                    i64::from_be_bytes(theirs.try_into()?),
                );
                let bound = bound + theirs.unsigned_abs() / 5_000_000_000;
                ensure!(
                    (ours - theirs).unsigned_abs() <= bound,
                    "results differ: {ours} and {theirs}"
                );
            }
            Ok(Row {
                name: format!("greeks, {count} options"),
                program,
                solidity,
                prb: None,
            })
        };
        COUNTS.into_iter().map(row).collect()
    }

    /// The worst of 33 scenarios; the answers have to agree.
    fn margin_rows(&self) -> Result<Vec<Row>> {
        let row = |count| {
            let perps = (0..PERPS).map(|i| quantity(i + 1000));
            let options = (0..count).flat_map(|i| option(i).into_iter().chain([quantity(i).cast_unsigned()]));
            let numbers: Vec<u64> = [SPOT]
                .into_iter()
                .chain(perps.map(i64::cast_unsigned))
                .chain(options)
                .collect();
            let input = bytes(numbers.iter().copied(), Order::Little);
            let (program, ours) = self.program(self.program, MARGIN, &input)?;
            let (solidity, theirs) = self.machine.call(self.margin, bytes(numbers, Order::Big))?;
            agree(&ours, &theirs, count)?;
            Ok(Row {
                name: format!("margin, {count} options and {PERPS} perps"),
                program,
                solidity,
                prb: None,
            })
        };
        MARGINS.into_iter().map(row).collect()
    }
}

/// Compares results in 18 decimals: relative to 2^-55, as `solady`'s power is no nearer.
fn agree_on_kernel(ours: &[u8], theirs: &[u8]) -> Result<()> {
    // An array's offset and length come first.
    for (ours, theirs) in ours.chunks(16).zip(theirs.get(64..).context("no array")?.chunks(32)) {
        let ours = I256::try_from(i128::from_le_bytes(ours.try_into()?))?;
        let theirs = I256::from_be_bytes::<32>(theirs.try_into()?);
        let bound = I256::unchecked_from(4) + (theirs.abs() >> 55);
        ensure!((ours - theirs).abs() <= bound, "results differ: {ours} and {theirs}");
    }
    Ok(())
}

/// Compares the losses of all scenarios.
fn agree(ours: &[u8], theirs: &[u8], count: u64) -> Result<()> {
    ensure!(
        ours.len() == 280 && theirs.len() == 280,
        "answers of an unexpected length"
    );
    // Both sides promise 1e-9·quantity·max(forward, strike) for an option, times the price's multiplier of at most 3; the
    // program's multipliers have 30 binary places. A position has at most six tokens; strikes are below 1.4·spot.
    let bound = (count * 9 + PERPS * 3) * 6 * SPOT / 1_000_000_000;
    for (index, (ours, theirs)) in ours.chunks(8).zip(theirs.chunks(8)).take(34).enumerate() {
        let (ours, theirs) = (
            i64::from_le_bytes(ours.try_into()?),
            i64::from_be_bytes(theirs.try_into()?),
        );
        ensure!(
            (ours - theirs).unsigned_abs() <= bound,
            "losses {index} of {count} options differ: {ours} and {theirs}"
        );
    }
    ensure!(
        ours.chunks(8)
            .nth(34)
            .map(|x| x.iter().rev().copied().collect::<Vec<_>>())
            .as_deref()
            == theirs.chunks(8).nth(34),
        "different scenarios are the worst of {count} options"
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
fn line(name: &str, program: f64, solidity: f64, prb: Option<f64>) {
    let prb = prb.map_or_else(String::new, |gas| format!("{gas:.1}"));
    let ratio = solidity / program;
    println!("{name:44} {program:>12.1} {solidity:>14.1} {ratio:>8.1} {prb:>12}");
}

/// What one more of something costs, from two rows `more` of it apart.
fn slope(name: &str, few: &Row, many: &Row, more: f64) {
    let per = |few: Cost, many: Cost| (many.gas() - few.gas()) / more;
    line(
        name,
        per(few.program, many.program),
        per(few.solidity, many.solidity),
        few.prb.zip(many.prb).map(|(few, many)| per(few, many)),
    );
}

fn print(sides: &Sides, kernels: &[Row], options: &[Row], margins: &[Row]) -> Result<()> {
    let (empty, _) = sides.program(sides.program, NOTHING, &[])?;
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
        line(&row.name, row.program.gas(), row.solidity.gas(), None);
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
            entry.insert("stylus entry gas".to_owned(), json!(row.program.entry));
            entry.insert("stylus ink".to_owned(), json!(row.program.ink));
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
                    let show =
                        |side: &Map<String, Value>| side.get(name).map_or("nothing".to_owned(), Value::to_string);
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
