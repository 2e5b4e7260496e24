//! The whole check, and the demonstration.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    Mode, abi, build, contracts, node,
    process::{Counts, TestRun, cargo, cargo_test_counts, command, run, run_tests, script_counts},
    size, storage,
};

/// A step of the check: what it is called, and what it does.
type Step = (&'static str, fn(&mut Counts) -> Result<()>);

/// Cheap steps first, so that a mistake shows early.
const STEPS: [Step; 13] = [
    ("format", |_| run(cargo().args(["fmt", "--all", "--check"]))),
    ("lints", |_| lint()),
    ("npm packages", |_| node::install()),
    ("contracts and their sizes", |_| {
        let built = build::build(&contracts::ALL)?;
        build::print_table(&built);
        size::run(&built, Mode::Check)
    }),
    ("interfaces", |_| abi::run(Mode::Check)),
    ("storage layouts", |_| storage::run(Mode::Check)),
    ("Solidity build", |_| node::forge_build()),
    ("Solidity tests", |counts| add(counts, &node::forge_test()?)),
    ("unit tests of the contracts", |counts| {
        let mut tests = cargo();
        // The encoders and the router are behind the feature that only contracts turn on.
        tests.args([
            "test",
            "--locked",
            "--lib",
            "--no-fail-fast",
            "--package",
            "interfaces",
            "--features",
            "interfaces/contract",
        ]);
        tests.args(packages());
        add(counts, &run_tests(&mut tests, cargo_test_counts)?)
    }),
    ("Rust tests", |counts| {
        let mut tests = cargo();
        tests.args(["test", "--locked", "--no-fail-fast"]);
        add(counts, &run_tests(&mut tests, cargo_test_counts)?)
    }),
    ("gas beside Solidity", |_| compare(Mode::Check)),
    ("real clients", |counts| add(counts, &clients(&[])?)),
    ("second EVM", |counts| add(counts, &differential(&[])?)),
];

fn add(counts: &mut Counts, tests: &TestRun) -> Result<()> {
    *counts += tests.counts;
    tests.require_success()
}

/// Runs every step up to the first that fails; the last line sums the tests.
pub(crate) fn test() -> ExitCode {
    let mut counts = Counts::default();
    let mut timings: Vec<(&str, Duration)> = Vec::new();
    let mut failure = None;
    for (name, step) in STEPS {
        println!("\n== {name}");
        let start = Instant::now();
        let result = step(&mut counts);
        timings.push((name, start.elapsed()));
        if let Err(error) = result {
            failure = Some((name, error));
            break;
        }
    }
    println!("\n== time");
    for (name, time) in timings {
        println!("{name:<28} {:>7.1} s", time.as_secs_f64());
    }
    let code = match failure {
        None => ExitCode::SUCCESS,
        Some((name, error)) => {
            println!("\n== FAILED: {name}\n{error:#}");
            ExitCode::FAILURE
        }
    };
    println!("\n{} passed, {} failed", counts.passed, counts.failed);
    code
}

/// `--package NAME` for every contract.
fn packages() -> impl Iterator<Item = &'static str> {
    contracts::ALL.iter().flat_map(|contract| ["--package", contract.name])
}

fn lint() -> Result<()> {
    run(cargo().args(["clippy", "--locked", "--all-targets", "--", "-D", "warnings"]))?;
    // The release profile, because the host-side macros that this builds serve the contracts' build too.
    run(cargo()
        .args([
            "clippy",
            "--locked",
            "--release",
            "--lib",
            "--target",
            "wasm32-unknown-unknown",
        ])
        .args(packages())
        .args(["--", "-D", "warnings"]))
}

/// Runs real clients against the embedded chain's server.
pub(crate) fn clients(args: &[String]) -> Result<TestRun> {
    against_server("test/clients/run.mjs", args)
}

/// Compares the embedded chain with a second EVM.
pub(crate) fn differential(args: &[String]) -> Result<TestRun> {
    against_server("test/differential/run.mjs", args)
}

/// Runs the public suites that packages carry against our contracts on a served devnode.
pub(crate) fn suites() -> Result<TestRun> {
    node::install()?;
    build::build(&contracts::ALL)?;
    node::forge_build()?;
    let mut tests = cargo();
    tests.args([
        "test",
        "--locked",
        "--package",
        "e2e",
        "--test",
        "suites",
        "--",
        "--ignored",
    ]);
    run_tests(&mut tests, cargo_test_counts)
}

/// Runs a Node script that starts the server itself.
fn against_server(script: &str, args: &[String]) -> Result<TestRun> {
    node::install()?;
    build_programs()?;
    run_tests(command("node").arg(script).args(args), script_counts)
}

/// Builds the programs of the default members. All at once, so that they share what the tests have built.
fn build_programs() -> Result<()> {
    run(cargo().args(["build", "--quiet", "--locked"]))
}

/// Measures the embedded chain.
pub(crate) fn bench() -> Result<()> {
    build_programs()?;
    run(cargo().args(["run", "--quiet", "--locked", "--bin", "bench"]))
}

/// Compares gas of programs and of Solidity with bench/snapshots/compare.json.
pub(crate) fn compare(mode: Mode) -> Result<()> {
    node::install()?;
    node::forge_build()?;
    let mut bench = cargo();
    bench.args(["run", "--quiet", "--locked", "--bin", "bench", "--"]);
    for package in ["bench-programs", "bench-kernels"] {
        bench.arg(build::program(package)?);
    }
    match mode {
        Mode::Show => &mut bench,
        Mode::Check => bench.arg("--check"),
        Mode::Write => bench.arg("--write"),
    };
    run(&mut bench)
}

/// Builds everything the demonstration deploys, then runs it.
pub(crate) fn demo(args: &[String]) -> Result<()> {
    node::install()?;
    build::build(&contracts::ALL)?;
    node::forge_build()?;
    run(cargo()
        .args(["run", "--quiet", "--locked", "--package", "gimbal", "--", "demo"])
        .args(args))
}
