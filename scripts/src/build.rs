//! Building the contracts.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{
    contracts::Contract,
    process::{cargo, command, output, root},
    size::Snapshot,
    wasm,
};

const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// One contract as it was built.
#[derive(Debug)]
pub(crate) struct Built {
    /// The contract's name.
    pub(crate) name: &'static str,
    /// Bytes of the module.
    pub(crate) wasm: usize,
    /// Bytes of the compressed module, without the code prefix.
    pub(crate) compressed: usize,
    /// Most compressed bytes this contract may take.
    pub(crate) budget: usize,
    /// 64 KiB pages of memory at the start of a call.
    pub(crate) pages: u64,
}

/// Builds, checks and writes `contracts`; a size above its budget is an error.
pub(crate) fn build(contracts: &[Contract]) -> Result<Vec<Built>> {
    ensure_wasm_target()?;
    let snapshot = Snapshot::load()?;
    let remaps = remap_config()?;
    let folder = root().join("target/contracts");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    contracts
        .iter()
        .map(|contract| {
            build_one(contract, &remaps, &folder, snapshot.budget(contract.name))
                .with_context(|| format!("contract {}", contract.name))
        })
        .collect()
}

/// Builds a program of bench/ as contracts are built, and returns where it is.
pub(crate) fn program(package: &str) -> Result<PathBuf> {
    ensure_wasm_target()?;
    let module = compile(package, &remap_config()?).with_context(|| format!("program {package}"))?;
    let folder = root().join("target/contracts");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join(format!("{package}.wasm"));
    fs::write(&path, wasm::finish(&fs::read(&module)?)?)?;
    Ok(path)
}

fn build_one(contract: &Contract, remaps: &str, folder: &Path, budget: usize) -> Result<Built> {
    let rustc_wasm = compile(contract.name, remaps)?;
    let rustc_wasm = fs::read(&rustc_wasm).with_context(|| format!("cannot read {}", rustc_wasm.display()))?;
    let wasm = wasm::finish(&rustc_wasm)?;
    let pages = wasm::inspect(&wasm)?;
    let code = wasm::deployable(&wasm)?;
    let compressed = code.len() - wasm::CODE_PREFIX.len();
    ensure!(
        compressed <= budget,
        "{compressed} bytes after compression, its budget is {budget}"
    );
    fs::write(folder.join(format!("{}.wasm", contract.name)), &wasm)?;
    fs::write(folder.join(format!("{}.stylus", contract.name)), &code)?;
    Ok(Built {
        name: contract.name,
        wasm: wasm.len(),
        compressed,
        budget,
        pages,
    })
}

/// Compiles one contract or program and returns where cargo put the module.
///
/// Each contract has a cargo call of its own: built together, cargo would unite the features that they ask of each
/// other, and a contract used as a library by another loses its entry point that way.
fn compile(package: &str, remaps: &str) -> Result<PathBuf> {
    let messages = output(
        cargo()
            // Either variable would replace the flags of .cargo/config.toml instead of adding to them.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .args(["build", "--release", "--locked", "--lib", "--package", package])
            .args(["--target", WASM_TARGET, "--config", remaps])
            .args(["--quiet", "--message-format", "json-render-diagnostics"]),
    )?;
    module_of(&messages, package)
        .context("cargo built no wasm module: the package needs `crate-type = [\"lib\", \"cdylib\"]`")
}

/// Finds the wasm file of `package` among cargo's messages.
fn module_of(messages: &str, package: &str) -> Option<PathBuf> {
    let crate_name = package.replace('-', "_");
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact" && message["target"]["name"] == crate_name)
        .filter_map(|message| message["filenames"].as_array().cloned())
        .flatten()
        .filter_map(|file| file.as_str().map(PathBuf::from))
        .find(|file| file.extension().is_some_and(|extension| extension == "wasm"))
}

/// A cargo setting that adds path remappings to the flags of .cargo/config.toml.
///
/// Panic messages name source files. Without this the modules would hold the builder's folders, and two machines
/// would not get the same bytes.
fn remap_config() -> Result<String> {
    let mut pairs = vec![(root(), "/gimbal".to_owned())];
    let registries = cargo_home()?.join("registry/src");
    if registries.is_dir() {
        // One folder per registry, named after its address: mirrors must not show either.
        for folder in fs::read_dir(&registries)? {
            pairs.push((folder?.path(), "/deps".to_owned()));
        }
    }
    // rustc shows its own sources by this virtual path unless the `rust-src` component is installed.
    let version = output(command("rustc").arg("-vV"))?;
    let commit = version
        .lines()
        .find_map(|line| line.strip_prefix("commit-hash: "))
        .context("rustc names no commit")?;
    let sysroot = output(command("rustc").args(["--print", "sysroot"]))?;
    pairs.push((
        Path::new(sysroot.trim()).join("lib/rustlib/src/rust"),
        format!("/rustc/{commit}"),
    ));
    remap_flags(&pairs)
}

fn remap_flags(pairs: &[(PathBuf, String)]) -> Result<String> {
    let flags = pairs
        .iter()
        .map(|(from, to)| {
            let from = from
                .to_str()
                .with_context(|| format!("{} is not UTF-8", from.display()))?;
            Ok(format!("--remap-path-prefix={from}={to}"))
        })
        .collect::<Result<Vec<_>>>()?;
    // A JSON array of strings is a TOML one too.
    Ok(format!(
        "target.{WASM_TARGET}.rustflags={}",
        serde_json::to_string(&flags)?
    ))
}

fn cargo_home() -> Result<PathBuf> {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))
        .context("neither CARGO_HOME nor a home folder is known")
}

/// Installs the wasm target of the toolchain in use, where rustup manages it.
fn ensure_wasm_target() -> Result<()> {
    let libraries = output(command("rustc").args(["--print", "target-libdir", "--target", WASM_TARGET]))?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    crate::process::run(command("rustup").args(["target", "add", WASM_TARGET]))
        .with_context(|| format!("the Rust target {WASM_TARGET} is missing"))
}

/// Prints what was built.
pub(crate) fn print_table(built: &[Built]) {
    println!(
        "{:<12} {:>10} {:>11} {:>8} {:>6}",
        "contract", "wasm", "compressed", "budget", "pages"
    );
    for contract in built {
        println!(
            "{:<12} {:>10} {:>11} {:>7}% {:>6}",
            contract.name,
            contract.wasm,
            contract.compressed,
            contract.compressed * 100 / contract.budget,
            contract.pages
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_of_finds_wasm_of_hyphenated_package() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"fixed"},"filenames":["/t/libfixed.rlib"]}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"uniswap_v3"},"filenames":["/t/u.rlib","/t/uniswap_v3.wasm"]}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(
            module_of(messages, "uniswap-v3"),
            Some(PathBuf::from("/t/uniswap_v3.wasm"))
        );
        assert_eq!(module_of(messages, "fixed"), None);
    }

    #[test]
    fn remap_flags_is_one_toml_array() {
        let pairs = [
            (PathBuf::from("/a b"), "/x".to_owned()),
            (PathBuf::from("/c"), "/y".to_owned()),
        ];
        assert_eq!(
            remap_flags(&pairs).unwrap(),
            r#"target.wasm32-unknown-unknown.rustflags=["--remap-path-prefix=/a b=/x","--remap-path-prefix=/c=/y"]"#
        );
    }
}
