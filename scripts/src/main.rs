//! The project's own commands, run as `cargo xtask <command>`.

mod abi;
mod bugs;
mod build;
mod contracts;
mod data;
mod gas;
mod node;
mod process;
mod size;
mod storage;
mod suite;
mod vectors;
mod wasm;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

/// Build, size, ABI, gas, test and demo commands of the project.
#[derive(Parser)]
#[command(name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the contracts into target/contracts: `<name>.wasm` and the deployable `<name>.stylus`
    Build {
        /// Build only this contract
        #[arg(long, value_name = "NAME")]
        contract: Option<String>,
    },
    /// Build the contracts and show their sizes, or compare them with bench/snapshots/size.json
    Size(Golden),
    /// Show the Solidity interface of every contract, or compare it with its abi.sol
    Abi(Golden),
    /// Show the storage layout of every contract, or compare it with its storage.txt
    Storage(Golden),
    /// Show the gas of the end-to-end scenarios, or compare it with bench/snapshots/gas.json
    Gas(Golden),
    /// Compute the reference vectors anew and compare them with test/vectors; needs Python 3
    Vectors {
        /// Replace what is committed
        #[arg(long)]
        write: bool,
        /// Write 20,000 cases of each kernel to target/vectors instead, and test on them
        #[arg(long, conflicts_with = "write")]
        full: bool,
    },
    /// Install the npm packages of the lock file, if they are not there yet
    Deps,
    /// Compile and test the Solidity part with forge
    Solidity,
    /// Run real clients (cast, viem, forge) against the embedded chain's server
    Clients {
        /// Handed to test/clients/run.mjs as they are, such as `--cargo-stylus PATH`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run the public suites that packages carry against the contracts on a served devnode; takes minutes
    Suites,
    /// Run random bytecode and real venues on the embedded chain and on a second EVM, and compare
    Differential {
        /// Handed to test/differential/run.mjs as they are, such as `--count 1000 --seed 7`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measure the speed and memory of the embedded chain, or gas of Stylus and Solidity side by side
    Bench {
        /// Show gas of kernels, options and margins on both sides
        #[arg(long)]
        compare: bool,
        /// With --compare: fail unless bench/snapshots/compare.json equals what is measured
        #[arg(long, requires = "compare", conflicts_with = "write")]
        check: bool,
        /// With --compare: replace bench/snapshots/compare.json by what is measured
        #[arg(long, requires = "compare")]
        write: bool,
    },
    /// Inject the bugs of test/bugs one by one; fails unless the stateful test catches each
    Bugs {
        /// Only these; all of them by default
        names: Vec<String>,
        /// How long the test may take for one bug, in seconds
        #[arg(long, default_value_t = 120)]
        secs: u64,
    },
    /// Run every check of the project; the last line reads `N passed, N failed`
    Test,
    /// Build all that the demonstration needs and run it: `gimbal demo <args>`
    Demo {
        /// Handed to `gimbal demo` as they are
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Convert an hourly OHLC table (CSV) into the compact form kept in data/
    Data {
        /// Table with the columns timestamp, open, high, low, close; others are dropped
        csv: PathBuf,
    },
}

#[derive(Args)]
struct Golden {
    /// Fail unless the committed record equals what is measured
    #[arg(long, conflicts_with = "write")]
    check: bool,
    /// Replace the committed record by what is measured
    #[arg(long)]
    write: bool,
}

/// What to do with something measured that has a committed record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Show,
    Check,
    Write,
}

impl From<Golden> for Mode {
    fn from(golden: Golden) -> Self {
        match (golden.check, golden.write) {
            (true, _) => Self::Check,
            (_, true) => Self::Write,
            _ => Self::Show,
        }
    }
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    match task {
        Task::Build { contract } => {
            let contracts = contracts::select(contract.as_deref())?;
            build::print_table(&build::build(&contracts)?);
        }
        Task::Size(golden) => {
            let built = build::build(&contracts::ALL)?;
            build::print_table(&built);
            size::run(&built, golden.into())?;
        }
        Task::Abi(golden) => abi::run(golden.into())?,
        Task::Storage(golden) => storage::run(golden.into())?,
        Task::Gas(golden) => gas::run(golden.into())?,
        Task::Vectors { full: true, .. } => vectors::full()?,
        Task::Vectors { write, .. } => vectors::regenerate(if write { Mode::Write } else { Mode::Check })?,
        Task::Deps => node::install()?,
        Task::Solidity => {
            node::install()?;
            node::forge_build()?;
            node::forge_test()?.require_success()?;
        }
        Task::Clients { args } => suite::clients(&args)?.require_success()?,
        Task::Suites => suite::suites()?.require_success()?,
        Task::Differential { args } => suite::differential(&args)?.require_success()?,
        Task::Bench { compare: false, .. } => suite::bench()?,
        Task::Bench { check, write, .. } => suite::compare(Golden { check, write }.into())?,
        Task::Bugs { names, secs } => bugs::inject(&names, secs)?,
        Task::Test => return Ok(suite::test()),
        Task::Demo { args } => suite::demo(&args)?,
        Task::Data { csv } => data::convert(&csv)?,
    }
    Ok(ExitCode::SUCCESS)
}
