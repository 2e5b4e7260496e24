//! What ArbOS adds to the EVM: Stylus program records and the Arbitrum precompiles.

pub mod precompiles;
pub mod programs;
pub mod state;
