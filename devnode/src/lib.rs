//! A Stylus and EVM chain in one process: a development tool, not a node.
//!
//! EVM code runs on revm, Stylus code on a wasm engine, both in one state and one frame loop, with the
//! gas and the results of ArbOS 61 and Stylus version 3. [`Chain`] is the way in.

pub mod arbos;
mod block;
mod chain;
mod deploy;
pub mod evm;
pub mod exec;
mod execute;
pub mod fork;
pub mod genesis;
pub mod rpc;
pub mod rpc_client;
pub mod state;
pub mod stylus;
mod tx;
pub mod wasm;

pub use block::{Block, BlockContext, Mined};
pub use chain::{Builder, Chain, DEV_ACCOUNT, GenesisAccount, Scene, Watched};
pub use evm::{ProgramRun, TxError};
pub use tx::{Fees, Receipt, SignedTx, Tx};
