//! Injected bugs: the stateful test must catch each of them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::{
    contracts,
    process::{cargo, command, output, root, run},
    wasm,
};

/// One bug: a patch, and the contract that it changes.
struct Bug {
    name: String,
    contract: &'static str,
}

/// How the test ended.
enum Verdict {
    /// What it said was violated, and after how many actions.
    Caught(String),
    Missed,
}

/// Applies the bugs one by one to a copy of the project, builds the contract and runs the stateful test on it.
///
/// The test itself is built from here, so that a bug in a shared crate is not part of it.
pub(crate) fn inject(names: &[String], secs: u64) -> Result<()> {
    let folder = root().join("test/bugs");
    let mut patches = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "patch") {
            patches.push(path);
        }
    }
    patches.sort();
    let mut bugs = Vec::new();
    for path in &patches {
        let name = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default()
            .to_owned();
        let contract = contract_of(&fs::read_to_string(path)?);
        bugs.push(Bug { name, contract });
    }
    if let Some(unknown) = names.iter().find(|name| bugs.iter().all(|bug| bug.name != **name)) {
        bail!("no bug is called `{unknown}`");
    }
    bugs.retain(|bug| names.is_empty() || names.contains(&bug.name));
    let copy = root().join("target/bugs/tree");
    let test = test_program()?;
    let mut missed = Vec::new();
    for bug in &bugs {
        refresh(&copy)?;
        let patch = format!("test/bugs/{}.patch", bug.name);
        run(command("git").args(["apply", "--directory=target/bugs/tree", &patch]))?;
        build(&copy, bug.contract)?;
        match verdict(&test, &copy, secs)? {
            Verdict::Caught(how) => println!("{:<28} caught: {how}", bug.name),
            Verdict::Missed => {
                println!("{:<28} MISSED", bug.name);
                missed.push(bug.name.as_str());
            }
        }
    }
    ensure!(missed.is_empty(), "not caught in {secs} s: {}", missed.join(", "));
    Ok(())
}

/// The contract whose code a patch changes; that of a shared crate is the vault.
fn contract_of(patch: &str) -> &'static str {
    let changed = |dir: &str| patch.contains(&format!("\n+++ b/{dir}/"));
    contracts::ALL
        .iter()
        .find(|contract| changed(contract.dir))
        .map_or("vault", |contract| contract.name)
}

/// Makes `copy` equal to the project's tracked files, with what has been built linked or copied.
fn refresh(copy: &Path) -> Result<()> {
    for file in output(command("git").args(["ls-files"]))?.lines() {
        let (from, to) = (root().join(file), copy.join(file));
        let Ok(now) = fs::read(&from) else { continue };
        // What is equal keeps its time, so that it is not built again.
        if fs::read(&to).is_ok_and(|before| before == now) {
            continue;
        }
        fs::create_dir_all(to.parent().unwrap_or(copy))?;
        fs::write(&to, now).with_context(|| format!("cannot write {}", to.display()))?;
    }
    let built = copy.join("target/contracts");
    fs::create_dir_all(&built)?;
    for entry in fs::read_dir(root().join("target/contracts")).context("the contracts are not built")? {
        let entry = entry?;
        fs::copy(entry.path(), built.join(entry.file_name()))?;
    }
    for name in ["out", "node_modules"] {
        let to = copy.join(name);
        if !to.exists() {
            link(&root().join(name), &to)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> Result<()> {
    Ok(std::os::unix::fs::symlink(from, to)?)
}

#[cfg(windows)]
fn link(from: &Path, to: &Path) -> Result<()> {
    Ok(std::os::windows::fs::symlink_dir(from, to)?)
}

/// Builds one contract of the copy, quickly: its size does not matter.
fn build(copy: &Path, contract: &str) -> Result<()> {
    let sizes = copy.join("bench/snapshots/size.json");
    let mut snapshot: Value = serde_json::from_str(&fs::read_to_string(&sizes)?)?;
    for entry in snapshot.as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
        entry["budget"] = wasm::MAX_FRAGMENTED.into();
    }
    fs::write(&sizes, snapshot.to_string())?;
    let mut build = cargo();
    build
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", root().join("target/bugs/target"));
    build
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    run(build.args([
        "run",
        "--quiet",
        "--locked",
        "--package",
        "xtask",
        "--",
        "build",
        "--contract",
        contract,
    ]))
}

/// Builds the stateful test; where it is.
fn test_program() -> Result<PathBuf> {
    let mut build = cargo();
    build.args(["test", "--locked", "--package", "e2e", "--test", "stateful", "--no-run"]);
    let messages = output(build.args(["--message-format", "json-render-diagnostics"]))?;
    let mut programs = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        (message["target"]["name"] == "stateful").then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    programs.next_back().context("cargo built no stateful test")
}

/// Runs the test on the copy's contracts.
fn verdict(test: &Path, copy: &Path, secs: u64) -> Result<Verdict> {
    let mut test = command(test);
    test.env("GIMBAL_ROOT", copy)
        .env("GIMBAL_STATEFUL_SECS", secs.to_string());
    let done = test.output()?;
    if done.status.success() {
        return Ok(Verdict::Missed);
    }
    let text = String::from_utf8_lossy(&done.stdout);
    let line = |mark: &str| {
        text.lines()
            .find(|line| line.starts_with(mark))
            .unwrap_or_default()
            .to_owned()
    };
    let (violation, after) = (line("INV-"), line("violated after"));
    ensure!(
        !violation.is_empty() && !after.is_empty(),
        "the test failed for another reason:\n{text}\n{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let violation: String = violation.chars().take(150).collect();
    Ok(Verdict::Caught(format!("{violation} ({after})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_of_a_patch_is_the_one_it_changes() {
        let patch = "--- a/contracts/adapters/uniswap-v3/src/lib.rs\n+++ b/contracts/adapters/uniswap-v3/src/lib.rs\n";
        assert_eq!(contract_of(patch), "uniswap-v3");
        assert_eq!(
            contract_of("--- a/crates/engine/src/fees.rs\n+++ b/crates/engine/src/fees.rs\n"),
            "vault"
        );
    }
}
