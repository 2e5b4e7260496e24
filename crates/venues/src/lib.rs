//! Deploys and moves real venues, from the bytecode that their packages ship.
//!
//! Nothing here knows which chain it talks to: everything goes through [`Network`], which the embedded
//! chain and, as [`RpcNetwork`], any node implement: both get the same transactions in the same order.

mod artifacts;
mod error;
mod network;
mod rpc;
pub mod simulated;
pub mod stylus;
pub mod uniswap_v3;

pub use artifacts::Artifacts;
pub use devnode::{Artifact, ArtifactError};
pub use error::Error;
pub use network::{Network, NetworkError, Sent};
pub use rpc::RpcNetwork;
