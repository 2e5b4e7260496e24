//! A Stylus and EVM chain in one process: a development tool, not a node.
//!
//! EVM code runs on revm, Stylus code on a wasm engine, both in one state and one frame loop, with the
//! gas and the results of ArbOS 61 and Stylus version 3. [`Chain`] is the way in.

pub mod arbos;
mod chain;
pub mod evm;
pub mod exec;
pub mod fork;
pub mod rpc_client;
pub mod stylus;
pub mod wasm;

pub use chain::{Builder, Chain, DEV_ACCOUNT, Receipt, Tx};
pub use evm::{ProgramRun, TxError};
