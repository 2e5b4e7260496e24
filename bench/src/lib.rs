//! What calculations cost in a Stylus program and in Solidity, on one chain.
//!
//! [`compare`] is the run; [`Machine`] measures single calls.

pub mod compare;
mod machine;
pub mod portfolio;

pub use machine::{Cost, Machine};

use std::path::PathBuf;

/// The project's folder.
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
