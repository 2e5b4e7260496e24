//! The Solidity interface that each contract exports, and its committed copy.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::{
    Mode,
    contracts::{self, Contract},
    process::{cargo, first_difference, output},
};

/// Exports the interface of every contract and shows, compares or writes it.
pub(crate) fn run(mode: Mode) -> Result<()> {
    let mut stale = Vec::new();
    for contract in &contracts::ALL {
        let exported = export(contract).with_context(|| format!("contract {}", contract.name))?;
        match mode {
            Mode::Show => print!("{exported}"),
            Mode::Write => fs::write(contract.abi_path(), &exported)
                .with_context(|| format!("cannot write {}", contract.abi_path().display()))?,
            Mode::Check => {
                let recorded = fs::read_to_string(contract.abi_path()).unwrap_or_default();
                if let Some(difference) = first_difference(&recorded, &exported) {
                    stale.push(format!("{}/abi.sol, {difference}", contract.dir));
                }
            }
        }
    }
    ensure!(
        stale.is_empty(),
        "interfaces differ from their committed copies; if that is meant, run `cargo xtask abi --write`\n{}",
        stale.join("\n")
    );
    Ok(())
}

/// Runs the contract's binary on this machine: the SDK prints the interface from it.
fn export(contract: &Contract) -> Result<String> {
    let exported = output(cargo().args([
        "run",
        "--quiet",
        "--locked",
        "--package",
        contract.name,
        "--features",
        "export-abi",
    ]))?;
    ensure!(
        !exported.trim().is_empty(),
        "it printed no interface: its main.rs must print the ABI"
    );
    Ok(SPELLED_OTHERWISE.iter().fold(exported, |text, (rust, solidity)| {
        text.replace(&format!("function {rust}("), &format!("function {solidity}("))
    }))
}

/// Functions whose Solidity names Rust cannot have: as the SDK prints them, and as they are. The entry point knows the
/// right ones (`interfaces::routes!`).
const SPELLED_OTHERWISE: [(&str, &str); 2] = [("domainSeparator", "DOMAIN_SEPARATOR"), ("permitWithBytes", "permit")];
