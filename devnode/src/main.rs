//! Command line of the embedded chain.

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use devnode::{
    Chain,
    exec::{Exec, Ran, exec},
    fork::Fork,
    genesis,
    rpc::{self, Node, Shared},
    stylus::module,
};
use serde_json::{Value, json};
use std::{
    env,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

/// A Stylus and EVM chain in one process, for development.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a chain by JSON-RPC: HTTP and WebSocket on one port.
    Serve(Serve),
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

#[derive(Args)]
struct Serve {
    /// Address to listen at; anything but loopback lets others use the funded account.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Port to listen at; 0 takes a free one.
    #[arg(long, default_value_t = 8547)]
    port: u16,
    /// Chain id.
    #[arg(long, default_value_t = 412_346)]
    chain_id: u64,
    /// Time of the genesis block in Unix seconds; now by default. The clock runs on from it.
    #[arg(long)]
    timestamp: Option<u64>,
    /// Blocks that are remembered with their states.
    #[arg(long, default_value_t = 65_536)]
    history: u64,
    /// Make a block every so many seconds instead of one for each transaction.
    #[arg(long, value_name = "SECS", conflicts_with = "no_mining")]
    block_time: Option<u64>,
    /// Make blocks only when asked to.
    #[arg(long)]
    no_mining: bool,
    /// Go on from another chain: its state is read from this node when it is first needed.
    #[arg(long, value_name = "URL", conflicts_with_all = ["chain_id", "timestamp"])]
    fork_url: Option<String>,
    /// Block to go on from; the latest by default.
    #[arg(long, value_name = "NUMBER", requires = "fork_url")]
    fork_block: Option<u64>,
    /// Where compiled programs and what was read of a fork are kept for later runs; the user's cache
    /// directory by default. Whoever can write there can run code here.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Keep nothing for later runs.
    #[arg(long, conflicts_with = "cache")]
    no_cache: bool,
    /// The installed npm package `@arbitrum/nitro-contracts`, whose StylusDeployer and CacheManager
    /// then are at their usual places; without it they are missing.
    #[arg(long, value_name = "DIR", default_value = "node_modules/@arbitrum/nitro-contracts")]
    nitro_contracts: PathBuf,
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
    let (file, calldata, gas, json) = match cli.command {
        Command::Serve(options) => return serve(&options),
        Command::Exec {
            file,
            calldata,
            gas,
            json,
        } => (file, calldata, gas, json),
    };
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

/// Waits until the process is told to end, by the keyboard or by a supervisor.
async fn stopped() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminated.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// Where to keep things for later runs; `None` when nothing is to be kept, or when there is no place for it.
fn cache_directory(options: &Serve) -> Option<PathBuf> {
    if options.no_cache {
        return None;
    }
    let chosen = options.cache.clone().or_else(|| {
        let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
        let base = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home)?;
        Some(base.join("gimbal-devnode"))
    })?;
    std::path::absolute(chosen).ok()
}

/// Serves a new chain until the process is interrupted.
fn serve(options: &Serve) -> Result<()> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    let builder = Chain::builder()
        .chain_id(options.chain_id)
        .timestamp(options.timestamp.unwrap_or(now))
        .history(options.history);
    let (accounts, missing) = genesis::accounts(&options.nitro_contracts);
    for reason in missing {
        eprintln!("devnode: {reason}");
    }
    let cache = cache_directory(options);
    if let Some(dir) = &cache
        && let Err(error) = module::keep_on_disk(&dir.join("programs"))
    {
        eprintln!("devnode: {error}");
    }
    let chain = match &options.fork_url {
        None => builder.accounts(accounts).build(),
        Some(url) => {
            let cache = cache.map(|dir| dir.join("forks"));
            let fork = Fork::connect(url, options.fork_block, cache.as_deref()).context("cannot fork")?;
            if let Some(note) = fork.cache_note() {
                eprintln!("devnode: {note}");
            }
            let block = fork.block();
            println!(
                "Forked chain {} at block {} ({})",
                fork.chain_id(),
                block.number,
                block.hash
            );
            builder.build_on(fork).context("cannot fork")?
        }
    };
    let node = Shared::new(Node::new(chain));
    node.lock().mining(!options.no_mining, options.block_time.unwrap_or(0));
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(async {
        let address = SocketAddr::new(options.host, options.port);
        let running = rpc::serve(address, node)
            .await
            .with_context(|| format!("cannot listen at {address}"))?;
        println!("A development chain: its keys are public and it keeps nothing.");
        println!("Listening on http://{0} and ws://{0}", running.address);
        stopped().await.context("cannot wait for an interrupt")?;
        running.stop().await;
        Ok(())
    })
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
