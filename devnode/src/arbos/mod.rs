//! What ArbOS adds to the EVM: Stylus program records and the Arbitrum precompiles.

pub mod address_set;
pub mod fields;
pub mod node_interface;
pub mod params;
pub mod precompiles;
pub mod programs;
pub mod state;
