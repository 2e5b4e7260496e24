//! Speed and memory of the embedded chain, with the token of `test/programs/erc20.wat`. Given builds of
//! `bench/programs` and `bench/programs/kernels` (and `--check` or `--write`), it is [`bench::compare`] instead.
//!
//! One function for each measurement, one table at the end. The library runs on one core; for the server that
//! takes `taskset`, as `bench/README.md` says.

mod http;

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::{SolCall, sol};
use anyhow::{Context as _, Result, bail, ensure};
use bench::compare::{self, Mode};
use devnode::{
    Chain, DEV_ACCOUNT, Tx,
    stylus::{
        host::Env,
        ink::{INK_PRICE, MAX_STACK_DEPTH},
        module,
        pages::PAGE_LIMIT,
        port::{Request, Response},
        program::{HostFailure, Outcome, Program, Step},
    },
};
use std::{
    collections::HashMap,
    fs,
    time::{Duration, Instant},
};

sol! {
    function mint(address to, uint256 amount);
    function transfer(address to, uint256 amount) returns (bool);
    function balanceOf(address account) returns (uint256);
}

const TOKEN: &str = include_str!("../../test/programs/erc20.wat");
/// Accounts that receive transfers in turn, so that most transfers meet a holder.
const HOLDERS: u64 = 100;
/// Transactions of one block where blocks hold many.
const PER_BLOCK: u64 = 100;
/// How long a measurement of a rate takes.
const LONG_ENOUGH: Duration = Duration::from_secs(3);

/// One line of the table.
struct Row {
    what: &'static str,
    value: f64,
    unit: &'static str,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    if let (Some(pricing), Some(kernels)) = (arguments.next(), arguments.next()) {
        let mode = match arguments.next() {
            None => Mode::Show,
            Some(flag) if flag == "--check" => Mode::Check,
            Some(flag) if flag == "--write" => Mode::Write,
            Some(flag) => bail!("unknown argument {}", flag.display()),
        };
        return compare::run(&fs::read(pricing)?, &fs::read(kernels)?, mode);
    }
    let token = wat::parse_str(TOKEN)?;
    let idle = resident_mib();
    let mut rows = vec![first_call(&token)?];
    let (mut chain, address) = deployed(&token)?;
    rows.push(transfers(&mut chain, address)?);
    rows.push(transfers_in_blocks(&mut chain, address)?);
    rows.push(calls(&mut chain, address)?);
    rows.push(programs_alone(&token)?);
    rows.extend(http::rows(&token)?);
    for (what, mib) in [
        ("resident memory before", idle),
        ("resident memory after", resident_mib()),
    ] {
        rows.extend(mib.map(|value| Row {
            what,
            value,
            unit: "MiB",
        }));
    }
    for Row { what, value, unit } in rows {
        println!("{what:34} {value:10.1} {unit}");
    }
    Ok(())
}

/// From nothing to the first transfer: deployment, activation, compilation and one call.
fn first_call(token: &[u8]) -> Result<Row> {
    let start = Instant::now();
    let (mut chain, address) = deployed(token)?;
    send(&mut chain, transfer(address, 0))?;
    Ok(Row {
        what: "start, deploy, first transfer",
        value: start.elapsed().as_secs_f64() * 1e3,
        unit: "ms",
    })
}

/// Transfers in blocks of their own.
fn transfers(chain: &mut Chain, address: Address) -> Result<Row> {
    let value = rate(|n| send(chain, transfer(address, n)).map(|()| 1))?;
    Ok(Row {
        what: "transfers, one a block",
        value,
        unit: "per second",
    })
}

/// Transfers in blocks of [`PER_BLOCK`].
fn transfers_in_blocks(chain: &mut Chain, address: Address) -> Result<Row> {
    let value = rate(|n| {
        let txs = (0..PER_BLOCK).map(|i| transfer(address, n + i)).collect();
        let receipts = chain.send_block(txs)?;
        ensure!(receipts.iter().all(|receipt| receipt.success), "a transfer failed");
        Ok(PER_BLOCK)
    })?;
    Ok(Row {
        what: "transfers, a hundred a block",
        value,
        unit: "per second",
    })
}

/// Calls that read a balance.
fn calls(chain: &mut Chain, address: Address) -> Result<Row> {
    let value = rate(|n| {
        let call = balanceOfCall { account: holder(n) };
        let receipt = chain.call(Tx::call(DEV_ACCOUNT, address, call.abi_encode()))?;
        ensure!(receipt.success, "a call failed");
        Ok(1)
    })?;
    Ok(Row {
        what: "calls of balanceOf",
        value,
        unit: "per second",
    })
}

/// Transfers by the program alone: a map answers instead of the chain.
fn programs_alone(token: &[u8]) -> Result<Row> {
    let hash = keccak256(devnode::wasm::activate(token, PAGE_LIMIT)?.instrumented);
    let mut storage = HashMap::new();
    run_alone(
        hash,
        token,
        &mut storage,
        mintCall {
            to: DEV_ACCOUNT,
            amount: U256::MAX,
        }
        .abi_encode(),
    )?;
    let value = rate(|n| {
        let call = transferCall {
            to: holder(n),
            amount: U256::ONE,
        };
        run_alone(hash, token, &mut storage, call.abi_encode()).map(|()| 1)
    })?;
    Ok(Row {
        what: "transfers, program alone",
        value,
        unit: "per second",
    })
}

fn run_alone(hash: B256, token: &[u8], storage: &mut HashMap<B256, B256>, data: Vec<u8>) -> Result<()> {
    let module = module::compiled(hash, || Ok::<_, HostFailure>(token.to_vec()))?;
    let env = Env {
        caller: DEV_ACCOUNT,
        calldata: data.into(),
        ink_price: u64::from(INK_PRICE),
        ..Env::default()
    };
    let mut program = Program::new(module, env, 10_000_000 * u64::from(INK_PRICE), MAX_STACK_DEPTH);
    loop {
        let answer = match program.resume()? {
            Step::Ask(Request::Load(key)) => Response::Word {
                value: storage.get(&key).copied().unwrap_or_default(),
                gas: 100,
            },
            Step::Ask(Request::Flush { writes, .. }) => {
                storage.extend(writes);
                Response::Done { gas: 100 }
            }
            Step::Ask(Request::Log { .. }) => Response::Done { gas: 0 },
            Step::Ask(request) => bail!("unexpected request {request:?}"),
            Step::Done(finished) => {
                ensure!(
                    finished.outcome == Outcome::Success,
                    "the program ended with {finished:?}"
                );
                return Ok(());
            }
        };
        program.answer(answer);
    }
}

/// A chain with the token, all of it owned by the sender.
fn deployed(token: &[u8]) -> Result<(Chain, Address)> {
    let mut chain = Chain::default();
    chain.deal(DEV_ACCOUNT, U256::MAX >> 1);
    let (created, activated) = chain.deploy_wasm(DEV_ACCOUNT, token)?;
    ensure!(
        activated.is_some_and(|receipt| receipt.success),
        "the token is not active"
    );
    let address = created.last().and_then(|receipt| receipt.created).context("no token")?;
    let mint = mintCall {
        to: DEV_ACCOUNT,
        amount: U256::MAX,
    };
    send(&mut chain, Tx::call(DEV_ACCOUNT, address, mint.abi_encode()))?;
    Ok((chain, address))
}

fn holder(n: u64) -> Address {
    Address::left_padding_from(&(0x1000 + n % HOLDERS).to_be_bytes())
}

fn transfer(token: Address, n: u64) -> Tx {
    let call = transferCall {
        to: holder(n),
        amount: U256::ONE,
    };
    Tx::call(DEV_ACCOUNT, token, call.abi_encode())
}

fn send(chain: &mut Chain, tx: Tx) -> Result<()> {
    let receipt = chain.send(tx)?;
    ensure!(receipt.success, "a transaction failed: {:?}", receipt.halt);
    Ok(())
}

/// How often in a second `work` does something; it is told how much was done and returns how much more it did.
fn rate(mut work: impl FnMut(u64) -> Result<u64>) -> Result<f64> {
    let start = Instant::now();
    let mut done = 0;
    while start.elapsed() < LONG_ENOUGH {
        done += work(done)?;
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    Ok(done as f64 / start.elapsed().as_secs_f64())
}

/// Memory of this process in RAM, where the system tells.
fn resident_mib() -> Option<f64> {
    resident_mib_of("self")
}

fn resident_mib_of(process: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}
