//! The committed gas of the end-to-end scenarios.

use anyhow::Result;

use crate::{
    Mode, build, contracts, node,
    process::{cargo, run as run_command},
};

/// Runs the gas scenarios on the embedded chain; the test reads from `GIMBAL_GAS` what to do with its snapshot.
pub(crate) fn run(mode: Mode) -> Result<()> {
    node::install()?;
    build::build(&contracts::ALL)?;
    node::forge_build()?;
    let mut test = cargo();
    test.args([
        "test",
        "--locked",
        "--package",
        "e2e",
        "gas_snapshot",
        "--",
        "--nocapture",
    ]);
    match mode {
        Mode::Show => test.env_remove("GIMBAL_GAS"),
        Mode::Check => test.env("GIMBAL_GAS", "check"),
        Mode::Write => test.env("GIMBAL_GAS", "write"),
    };
    run_command(&mut test)
}
