//! Command line of the embedded chain.

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use devnode::exec::{Exec, Ran, exec};
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode};

/// A Stylus and EVM chain in one process, for development.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Activate one wasm module on a fresh chain and run it once.
    Exec {
        /// The module, exactly as it is to be activated.
        file: PathBuf,
        /// Calldata in hex, with or without 0x.
        #[arg(long, default_value = "")]
        calldata: String,
        /// Gas that the program starts with.
        #[arg(long, default_value_t = 10_000_000)]
        gas: u64,
        /// Print one JSON object with the field names of the recorded vectors.
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("devnode: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    let Command::Exec {
        file,
        calldata,
        gas,
        json,
    } = cli.command;
    let module = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let calldata = hex::decode(calldata.trim_start_matches("0x")).context("--calldata is not hex")?;
    let result = exec(&module, &calldata, gas)?;
    if json {
        println!("{}", to_json(&result, module.len()));
    } else {
        print!("{}", to_text(&result));
    }
    Ok(())
}

/// The vectors' field names; `ink_used` is left out when all of it was used.
fn to_json(result: &Exec, wasm_len: usize) -> Value {
    let ran = match result {
        Exec::Refused(refused) => return json!({ "activation": "refused", "reason": refused.to_string() }),
        Exec::Ran(ran) => ran,
    };
    let activation = &ran.activation;
    let mut object = json!({
        "activation": {
            "wasm_len": wasm_len,
            "work_gas": activation.work_gas,
            "init_cost": activation.init_cost,
            "cached_cost": activation.cached_cost,
            "footprint": activation.footprint,
            "asm_estimate": activation.asm_estimate,
        },
        "outcome": ran.outcome.name(),
        "stack_left": ran.stack_left,
        "host_calls": ran.host_calls.iter().map(|call| json!([call.name, call.ink])).collect::<Vec<_>>(),
    });
    if ran.outcome.name() != "out-of-ink" {
        object["ink_used"] = json!(ran.ink_used);
    }
    if matches!(ran.outcome.name(), "success" | "revert") {
        object["output"] = json!(hex::encode(&ran.output));
    }
    if let Some(reason) = &ran.reason {
        object["reason"] = json!(reason);
    }
    object
}

fn to_text(result: &Exec) -> String {
    let ran: &Ran = match result {
        Exec::Refused(refused) => return format!("refused: {refused}\n"),
        Exec::Ran(ran) => ran,
    };
    let a = &ran.activation;
    let mut rows = vec![
        ("activation work", format!("{} gas", a.work_gas)),
        ("init cost", a.init_cost.to_string()),
        ("cached cost", a.cached_cost.to_string()),
        ("footprint", format!("{} pages", a.footprint)),
        ("asm estimate", format!("{} bytes", a.asm_estimate)),
        ("entry, uncached", format!("{} gas", ran.entry_gas)),
        ("outcome", ran.outcome.name().to_owned()),
        ("output", format!("0x{}", hex::encode(&ran.output))),
        ("ink used", ran.ink_used.to_string()),
        ("stack left", format!("{} words", ran.stack_left)),
    ];
    if let Some(reason) = &ran.reason {
        rows.push(("reason", reason.clone()));
    }
    rows.into_iter()
        .map(|(name, value)| format!("{name:16} {value}\n"))
        .collect()
}
