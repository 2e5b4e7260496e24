//! The reference vectors: made by Python, compared with what is committed, or made in full and tested.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    Mode,
    process::{cargo, command, root, run},
};

/// Cases in each file of a full run.
const FULL: &str = "20000";

/// Makes every file anew and compares it with the committed one, or replaces that.
pub(crate) fn regenerate(mode: Mode) -> Result<()> {
    let committed = root().join("test/vectors");
    if mode == Mode::Write {
        return generate(&committed, &[]);
    }
    let fresh = root().join("target/vectors-committed");
    generate(&fresh, &[])?;
    let mut files = 0;
    for entry in fs::read_dir(&fresh).context("no script wrote anything")? {
        let entry = entry?;
        let name = entry.file_name();
        let same = fs::read(entry.path())? == fs::read(committed.join(&name)).unwrap_or_default();
        ensure!(
            same,
            "test/vectors/{} is not what its script writes: run `cargo xtask vectors --write`",
            name.display()
        );
        files += 1;
    }
    println!("{files} files of vectors are as committed");
    Ok(())
}

/// Makes at least [`FULL`] cases of each kernel in target/vectors, and runs the tests that read vectors on them.
pub(crate) fn full() -> Result<()> {
    let folder = root().join("target/vectors");
    generate(&folder, &["--cases", FULL])?;
    for package in with_vector_tests()? {
        let mut test = cargo();
        test.args(["test", "-p", &package, "--test", "vectors", "--", "--nocapture"]);
        run(test.env("GIMBAL_VECTORS", &folder))?;
    }
    Ok(())
}

/// Runs every script, which writes to `folder`, emptied unless it is the committed one.
fn generate(folder: &Path, arguments: &[&str]) -> Result<()> {
    if folder.starts_with(root().join("target")) && folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let python = python()?;
    for script in sources(&root().join("scripts/vectors"), "py")? {
        if script.file_name().is_some_and(|name| name != "common.py") {
            let mut script_run = command(&python);
            run(script_run.arg(&script).args(arguments).arg("--out").arg(folder))?;
        }
    }
    Ok(())
}

/// The Python of an environment under target/, with exactly the packages of requirements.txt.
fn python() -> Result<PathBuf> {
    let environment = root().join("target/python");
    let (binary, system) = if cfg!(windows) {
        (environment.join("Scripts/python.exe"), "python")
    } else {
        (environment.join("bin/python"), "python3")
    };
    let requirements = root().join("scripts/vectors/requirements.txt");
    let wanted = fs::read(&requirements)?;
    let stamp = environment.join("installed-requirements.txt");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(binary);
    }
    run(command(system).args(["-m", "venv", "--clear"]).arg(&environment))
        .context("vectors need Python 3.10 or later")?;
    let mut install = command(&binary);
    run(install
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(&requirements))?;
    fs::write(stamp, wanted)?;
    Ok(binary)
}

/// The packages under crates/ that have tests/vectors.rs.
fn with_vector_tests() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("crates"))? {
        let entry = entry?;
        if entry.path().join("tests/vectors.rs").exists() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    if names.is_empty() {
        bail!("no crate has tests/vectors.rs");
    }
    Ok(names)
}

/// The files of a folder with an extension, by name.
fn sources(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut files = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files.sort();
    Ok(files)
}
