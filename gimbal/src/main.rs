//! Command line of Gimbal.

use clap::{Parser, Subcommand};
use gimbal::{
    answer::{self, Subject},
    backtest::{self, Backtest},
    demo::{self, Demo},
};
use std::process::ExitCode;

/// A vault whose risk is measured, limited and hedged on chain.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Replay market history through the whole system on the embedded chain.
    Demo(Demo),
    /// Replay market history through the engine alone, with simulated venues; sweep parameters.
    Backtest(Backtest),
    /// Price options: JSON lines in, JSON lines out.
    ///
    /// In: {"kind":"call"|"put","forward","strike","years","vol","rate"}, out: {"price","delta","gamma","vega","theta","rho"}
    /// or {"error"}; all numbers are decimal strings. Delta and gamma are of the forward, theta is per year.
    Price,
    /// Value liquidity ranges: JSON lines in, JSON lines out.
    ///
    /// In: {"liquidity","lower","upper","price"}, out: {"value","delta","gamma"} or {"error"}; decimal strings, bounds as
    /// prices.
    Lp,
    /// Evaluate kernels: JSON lines in, JSON lines out.
    ///
    /// In: {"fn":"exp"|"ln"|"sqrt"|"cbrt"|"pow"|"cdf"|"pdf"|"icdf","x"}, for pow also "y"; out: {"y"} or {"error"}; decimal
    /// strings of at most 18 decimals.
    Math,
}

fn main() -> ExitCode {
    let answer = |subject| answer::run(subject, std::io::stdin().lock(), std::io::stdout().lock());
    let result = match Cli::parse().command {
        Command::Demo(options) => demo::run(&options),
        Command::Backtest(options) => backtest::run_command(&options),
        Command::Price => answer(Subject::Price),
        Command::Lp => answer(Subject::Lp),
        Command::Math => answer(Subject::Math),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gimbal: {error:#}");
            ExitCode::FAILURE
        }
    }
}
