//! Gas of single calls, without the transaction around them.

use alloy_primitives::{Address, Bytes};
use anyhow::{Context as _, Result, ensure};
use devnode::{Artifact, Chain, DEV_ACCOUNT, Tx, stylus::ink::INK_PRICE};

use crate::root;

/// Gas that a table of the normal distribution takes to deploy is more than one transaction may have.
const GAS_CAP: u64 = 200_000_000;
/// Gas of a transaction before anything is executed, and of its bytes.
const TRANSACTION: u64 = 21_000;
const ZERO_BYTE: u64 = 4;
const OTHER_BYTE: u64 = 16;

/// Cost of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Gas to enter a cached program: its size and memory. Nothing for EVM code.
    pub entry: u64,
    /// Ink of the run: with host functions for a program, all execution for EVM code.
    pub ink: u64,
}

impl Cost {
    /// The run in gas.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn gas(self) -> f64 {
        self.ink as f64 / f64::from(INK_PRICE)
    }
}

/// A chain with programs and EVM contracts.
pub struct Machine {
    chain: Chain,
}

impl Default for Machine {
    fn default() -> Self {
        let mut chain = Chain::builder().tx_gas_cap(GAS_CAP).build();
        chain.set_trace(true);
        Self { chain }
    }
}

impl Machine {
    /// Deploys, activates and caches a program.
    pub fn program(&mut self, wasm: &[u8]) -> Result<Address> {
        let address = self.chain.create_program(DEV_ACCOUNT, wasm)?;
        let cached = self.chain.cache_program(DEV_ACCOUNT, address)?;
        ensure!(cached.success, "the program could not be cached");
        Ok(address)
    }

    /// Deploys a contract of `test/solidity` that forge has compiled.
    pub fn contract(&mut self, name: &str) -> Result<Address> {
        let path = root().join(format!("out/{name}.sol/{name}.json"));
        let artifact = Artifact::read(path).context("`cargo xtask solidity` compiles it")?;
        Ok(self.chain.create_contract(DEV_ACCOUNT, artifact.code()?)?)
    }

    /// Calls a program or contract and returns what it cost and answered.
    pub fn call(&self, address: Address, data: impl Into<Bytes>) -> Result<(Cost, Bytes)> {
        let data = data.into();
        let price = |byte: &u8| if *byte == 0 { ZERO_BYTE } else { OTHER_BYTE };
        let intrinsic = TRANSACTION + data.iter().map(price).sum::<u64>();
        let receipt = self.chain.call(Tx::call(DEV_ACCOUNT, address, data))?.into_result()?;
        let cost = match receipt.runs.last() {
            Some(run) => Cost {
                entry: run.entry_gas,
                ink: run.ink_start - run.finished.ink_left,
            },
            None => Cost {
                entry: 0,
                ink: (receipt.gas_used - intrinsic) * u64::from(INK_PRICE),
            },
        };
        Ok((cost, receipt.output))
    }
}
