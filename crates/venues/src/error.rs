//! What can go wrong while setting up venues.

use crate::{ArtifactError, NetworkError};
use thiserror::Error;

/// Why a venue could not be set up or moved.
#[derive(Debug, Error)]
pub enum Error {
    /// A transaction or call failed.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Bytecode is missing or incomplete.
    #[error("{}", with_advice(.0))]
    Artifact(#[from] ArtifactError),
    /// A contract answered something else than its interface promises.
    #[error("unexpected return data: {0}")]
    Abi(#[from] alloy_sol_types::Error),
    /// A tick does not fit 24 bits.
    #[error("tick {0} is out of range")]
    Tick(i32),
}

/// Says what makes the files that are missing.
fn with_advice(error: &ArtifactError) -> String {
    match error {
        ArtifactError::Read { .. } => {
            format!("{error} (run `cargo xtask deps`, `cargo xtask solidity` and `cargo xtask build`)")
        }
        _ => error.to_string(),
    }
}
