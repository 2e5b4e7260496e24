//! The bodies of the fuzz targets.

pub mod chain;
pub mod numbers;
