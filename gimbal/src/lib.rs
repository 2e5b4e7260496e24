//! The Gimbal program: deploys the system, replays market history on the embedded chain, reports.

pub mod answer;
pub mod backtest;
pub mod decimal;
pub mod demo;
pub mod deploy;
pub mod market;
mod page;
pub mod report;
pub mod world;
