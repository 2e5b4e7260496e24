//! The Gimbal program: deploys the system, replays market history on the embedded chain, reports.

pub mod answer;
pub mod decimal;
pub mod demo;
pub mod deploy;
pub mod market;
pub mod report;
pub mod world;
