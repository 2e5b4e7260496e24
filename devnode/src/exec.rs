//! Runs one module by itself: what `devnode exec` does.
//!
//! The module is activated on a fresh chain and called by an ordinary transaction, through the same
//! path as any contract. Only the gas limit is special: it is chosen so that the program starts with
//! exactly the gas asked for, after intrinsic gas and entry charges.

use crate::{
    arbos::programs::Record,
    chain::{Chain, DEV_ACCOUNT},
    evm::TxError,
    stylus::{
        code,
        host::HostCall,
        pages::{PAGE_LIMIT, Pages},
        program::Outcome,
    },
    tx::Tx,
    wasm::{self, Activated, Refused},
};
use alloy_primitives::{Address, Bytes, address};
use thiserror::Error;

/// Where the program is put.
const PROGRAM: Address = address!("00000000000000000000000000000000000E4ec0");

/// Why a run could not be made at all.
#[derive(Debug, Error)]
pub enum ExecError {
    /// The chain refused a transaction.
    #[error("transaction refused: {0:?}")]
    Tx(TxError),
    /// The program was never entered.
    #[error("the program was not entered: {0}")]
    NotEntered(String),
}

/// Outcome of one module.
#[derive(Debug)]
pub enum Exec {
    /// Activation refused the module.
    Refused(Refused),
    /// It was activated and run once.
    Ran(Ran),
}

/// One activated run.
#[derive(Debug)]
pub struct Ran {
    /// What activation computed.
    pub activation: Activated,
    /// How the run ended.
    pub outcome: Outcome,
    /// Its result; empty unless success or revert.
    pub output: Bytes,
    /// Ink used by the program alone.
    pub ink_used: u64,
    /// Stack words left.
    pub stack_left: u32,
    /// Host functions called, in order, with their ink.
    pub host_calls: Vec<HostCall>,
    /// Why it trapped, for people.
    pub reason: Option<String>,
    /// Gas the chain asked for entering the program uncached.
    pub entry_gas: u64,
}

/// Activates `module` and calls it with `calldata` and exactly `gas`.
pub fn exec(module: &[u8], calldata: &[u8], gas: u64) -> Result<Exec, ExecError> {
    let activation = match wasm::activate(module, PAGE_LIMIT) {
        Ok(activation) => activation,
        Err(refused) => return Ok(Exec::Refused(refused)),
    };
    let mut chain = Chain::builder().tx_gas_cap(1 << 49).build();
    chain.deal(DEV_ACCOUNT, alloy_primitives::U256::MAX >> 1);
    chain.set_trace(true);
    chain.set_code(PROGRAM, code::compress(module));
    let receipt = chain.activate(DEV_ACCOUNT, PROGRAM).map_err(ExecError::Tx)?;
    if !receipt.success {
        let reason = receipt.refusal.unwrap_or_else(|| format!("{:?}", receipt.halt));
        return Err(ExecError::NotEntered(reason));
    }
    let params = chain.stylus_params();
    let record = Record::new(&activation, params.version, chain.timestamp(), false);
    let entry_gas = Pages::default()
        .cost(record.footprint, &params)
        .saturating_add(record.cached_gas(&params))
        .saturating_add(record.init_gas(&params));
    let limit = intrinsic_gas(calldata).saturating_add(entry_gas).saturating_add(gas);
    let tx = Tx::call(DEV_ACCOUNT, PROGRAM, Bytes::copy_from_slice(calldata)).gas(limit);
    let receipt = chain.send(tx).map_err(ExecError::Tx)?;
    let not_entered = || ExecError::NotEntered(receipt.refusal.unwrap_or_else(|| format!("{:?}", receipt.halt)));
    // Inner frames end first, so the program's own run is the last one.
    let run = receipt.runs.into_iter().next_back().ok_or_else(not_entered)?;
    if run.ink_start != gas.saturating_mul(params.ink_price.into()) {
        return Err(ExecError::NotEntered(format!("it started with {} ink", run.ink_start)));
    }
    Ok(Exec::Ran(Ran {
        activation,
        outcome: run.finished.outcome,
        output: run.finished.output,
        ink_used: run.ink_start.saturating_sub(run.finished.ink_left),
        stack_left: run.finished.stack_left,
        host_calls: run.finished.host_calls,
        reason: run.finished.reason,
        entry_gas: run.entry_gas,
    }))
}

/// Gas of a transaction before its first frame: the base, and its calldata.
fn intrinsic_gas(calldata: &[u8]) -> u64 {
    calldata.iter().map(|byte| if *byte == 0 { 4 } else { 16 }).sum::<u64>() + 21_000
}
