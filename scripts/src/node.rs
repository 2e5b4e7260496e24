//! What comes from npm: the Solidity tools, and the compiled venues.

use std::{env, fs, process::Command};

use anyhow::{Context as _, Result};

use crate::process::{TestRun, command, forge_test_counts, root, run, run_tests};

/// Installs the packages of the lock file, unless the last installation was of the same lock file.
pub(crate) fn install() -> Result<()> {
    let lock = fs::read(root().join("package-lock.json")).context("cannot read package-lock.json")?;
    let stamp = root().join("node_modules/.installed-lock.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    run(command(npm).args(["ci", "--no-audit", "--no-fund"])).context("cannot install the npm packages")?;
    fs::write(&stamp, lock).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Compiles the Solidity part into out/.
pub(crate) fn forge_build() -> Result<()> {
    run(forge().arg("build"))
}

/// Runs the Solidity tests.
pub(crate) fn forge_test() -> Result<TestRun> {
    run_tests(forge().arg("test"), forge_test_counts)
}

/// forge, with the settings of foundry.toml: the binary from npm, else the one installed on this machine.
fn forge() -> Command {
    let platform = match (env::consts::OS, env::consts::ARCH) {
        ("linux", "x86_64") => "linux-amd64",
        ("macos", "aarch64") => "darwin-arm64",
        ("windows", "x86_64") => "win32-amd64",
        // npm has no package for it.
        _ => return command("forge"),
    };
    let binary = format!(
        "node_modules/@foundry-rs/forge-{platform}/bin/forge{}",
        env::consts::EXE_SUFFIX
    );
    command(root().join(binary))
}
