//! Command line of Gimbal.

use clap::{Parser, Subcommand};
use gimbal::{
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
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Demo(options) => demo::run(&options),
        Command::Backtest(options) => backtest::run_command(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gimbal: {error:#}");
            ExitCode::FAILURE
        }
    }
}
