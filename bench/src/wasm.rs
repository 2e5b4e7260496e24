//! What a program costs, without the transaction around it.

use alloy_primitives::{Address, Bytes};
use anyhow::{Context as _, Result, ensure};
use devnode::{Chain, DEV_ACCOUNT, Tx};

/// Ink per gas.
const INK_PER_GAS: f64 = 10_000.0;

/// Gas of one call of a cached program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// To enter it: its size, memory and data segments.
    pub(crate) entry: u64,
    /// Its run, host functions included.
    pub(crate) run: f64,
    /// Its run without host functions: the computation alone.
    pub(crate) compute: f64,
}

/// A chain with one program, deployed, activated and cached.
pub(crate) struct Program {
    chain: Chain,
    address: Address,
}

impl Program {
    pub(crate) fn deploy(wasm: &[u8]) -> Result<Self> {
        let mut chain = Chain::default();
        let address = chain.create_program(DEV_ACCOUNT, wasm)?;
        let cached = chain.cache_program(DEV_ACCOUNT, address)?;
        ensure!(cached.success, "the program could not be cached");
        chain.set_trace(true);
        Ok(Self { chain, address })
    }

    /// Calls the program and returns what it cost and answered.
    pub(crate) fn measure(&self, calldata: impl Into<Bytes>) -> Result<(Cost, Bytes)> {
        let receipt = self.chain.call(Tx::call(DEV_ACCOUNT, self.address, calldata))?;
        ensure!(receipt.success, "the call failed");
        let run = receipt.runs.first().context("no run was recorded")?;
        let ink = run.ink_start - run.finished.ink_left;
        let hosted: u64 = run.finished.host_calls.iter().map(|call| call.ink).sum();
        #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
        let gas = |ink: u64| ink as f64 / INK_PER_GAS;
        Ok((
            Cost {
                entry: run.entry_gas,
                run: gas(ink),
                compute: gas(ink - hosted),
            },
            receipt.output,
        ))
    }
}

/// The options that are priced: each with terms of its own.
fn option(i: u64) -> [u64; 5] {
    let one = pricing::ONE.cast_unsigned();
    let forward = 300_000_000_000_000 + i * 7_919_000_001;
    let put = (i % 2) << 63;
    [
        forward,
        put | (forward / 100 * (70 + i * 13 % 61)),
        one / 365 * (1 + i * 5 % 400),
        one / 100 * (20 + i * 3 % 180),
        one / 1_000 * (i % 80),
    ]
}

/// Prints the cost of `wasm`, a build of `bench/programs`.
pub(crate) fn print(wasm: &[u8]) -> Result<()> {
    let program = Program::deploy(wasm)?;
    let (empty, _) = program.measure(vec![0])?;
    println!("{:24} {:>8} {:>10} {:>10}", "gas", "entry", "run", "compute");
    let row = |name: &str, cost: Cost| {
        println!("{name:24} {:8} {:10.1} {:10.1}", cost.entry, cost.run, cost.compute);
    };
    row("empty call", empty);
    let mut costs = Vec::new();
    for n in [1_u64, 8, 64, 128] {
        let records = (0..n).flat_map(option).flat_map(u64::to_le_bytes);
        let (cost, output) = program.measure([1].into_iter().chain(records).collect::<Vec<u8>>())?;
        ensure!(
            output.len() as u64 == n * pricing::RESULT as u64,
            "an option was refused"
        );
        row(&format!("greeks of {n}"), cost);
        costs.push(cost);
    }
    println!(
        "{:24} {:8} {:10.2} {:10.2}",
        "each, from 64 to 128",
        "",
        (costs[3].run - costs[2].run) / 64.0,
        (costs[3].compute - costs[2].compute) / 64.0
    );
    for n in [0_u64, 1, 8, 64, 127] {
        let one = pricing::grid::QUANTITY.cast_unsigned();
        let perps = (0..8).map(|i| (one / 2 * i).wrapping_sub(2 * one));
        let options = (0..n).flat_map(|i| option(i).into_iter().chain([(one / 4 * (i % 11)).wrapping_sub(one)]));
        let words = [300_000_000_000_000].into_iter().chain(perps).chain(options);
        let input: Vec<u8> = [2].into_iter().chain(words.flat_map(u64::to_le_bytes)).collect();
        let (cost, _) = program.measure(input)?;
        row(&format!("margin of {n} and 8 perps"), cost);
    }
    let kernels = [
        "exp",
        "ln",
        "sqrt_down",
        "sqrt_up",
        "cbrt",
        "pow",
        "normal_cdf",
        "normal_pdf",
        "normal_icdf",
    ];
    for (selector, name) in (3..).zip(kernels) {
        let run = |n: u128| -> Result<f64> {
            // 0.01 to 0.99, in pairs: within the domain of all of them.
            let wads = (0..2 * n).map(|i| (1 + i * 37 % 99) * 10_000_000_000_000_000);
            let input = [selector].into_iter().chain(wads.flat_map(u128::to_le_bytes));
            Ok(program.measure(input.collect::<Vec<u8>>())?.0.compute)
        };
        println!("{:24} {:8} {:10} {:10.2}", name, "", "", (run(128)? - run(64)?) / 64.0);
    }
    Ok(())
}
