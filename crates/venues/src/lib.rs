//! Deploys and moves real venues, from the bytecode that their packages ship.
//!
//! Nothing here knows which chain it talks to: everything goes through [`Network`], which the embedded
//! chain implements, so that a real network gets the same transactions in the same order.

mod artifact;
mod error;
mod network;
pub mod simulated;
pub mod stylus;
pub mod uniswap_v3;

pub use artifact::{Artifact, ArtifactError, Artifacts};
pub use error::Error;
pub use network::{Network, NetworkError, Sent};
