//! Command line of Gimbal.

use clap::{Parser, Subcommand};
use gimbal::demo::{self, Demo};
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
}

fn main() -> ExitCode {
    let Command::Demo(options) = Cli::parse().command;
    match demo::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gimbal: {error:#}");
            ExitCode::FAILURE
        }
    }
}
