//! The committed sizes of the contracts, and the budgets they must keep.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::{Mode, build::Built, contracts, process::root, wasm};

/// Budget of a contract that the snapshot does not know yet: the chain's limit less a reserve for fixes.
const DEFAULT_BUDGET: usize = 24_000;

/// What bench/snapshots/size.json holds.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Snapshot(BTreeMap<String, Entry>);

/// Sizes of one contract, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Most that `compressed` may be; set by hand.
    budget: usize,
    /// The compressed module, without the code prefix.
    compressed: usize,
    /// The module.
    wasm: usize,
}

impl Snapshot {
    fn path() -> PathBuf {
        root().join("bench/snapshots/size.json")
    }

    /// The committed snapshot; empty if there is none yet.
    pub(crate) fn load() -> Result<Self> {
        let path = Self::path();
        if !path.exists() {
            return Ok(Self::default());
        }
        Self::parse(&fs::read_to_string(&path)?).with_context(|| format!("cannot read {}", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let snapshot: Self = serde_json::from_str(text)?;
        for (name, entry) in &snapshot.0 {
            let limit = wasm::MAX_FRAGMENTED;
            ensure!(
                entry.budget <= limit,
                "the budget of {name} is above the chain's limit of {limit}"
            );
        }
        Ok(snapshot)
    }

    /// Most compressed bytes that the contract may take.
    pub(crate) fn budget(&self, name: &str) -> usize {
        self.0.get(name).map_or(DEFAULT_BUDGET, |entry| entry.budget)
    }

    fn measured(built: &[Built]) -> Self {
        let entry = |contract: &Built| Entry {
            budget: contract.budget,
            compressed: contract.compressed,
            wasm: contract.wasm,
        };
        Self(
            built
                .iter()
                .map(|contract| (contract.name.to_owned(), entry(contract)))
                .collect(),
        )
    }

    /// One line for each contract that differs.
    fn drift(&self, measured: &Self) -> Vec<String> {
        let names: std::collections::BTreeSet<_> = self.0.keys().chain(measured.0.keys()).collect();
        names
            .into_iter()
            .filter_map(|name| match (self.0.get(name), measured.0.get(name)) {
                (Some(recorded), Some(now)) if recorded == now => None,
                (Some(recorded), Some(now)) => Some(format!(
                    "{name}: {} bytes compressed, {} before; module {}, {} before",
                    now.compressed, recorded.compressed, now.wasm, recorded.wasm
                )),
                (None, _) => Some(format!("{name}: not in the snapshot")),
                (_, None) => Some(format!("{name}: in the snapshot, but no contract has this name")),
            })
            .collect()
    }
}

/// Compares the sizes of all contracts with the snapshot, or replaces it.
pub(crate) fn run(built: &[Built], mode: Mode) -> Result<()> {
    debug_assert_eq!(built.len(), contracts::ALL.len(), "a snapshot covers every contract");
    let measured = Snapshot::measured(built);
    match mode {
        Mode::Show => Ok(()),
        Mode::Check => {
            let drift = Snapshot::load()?.drift(&measured);
            ensure!(
                drift.is_empty(),
                "sizes differ from bench/snapshots/size.json; if that is meant, run `cargo xtask size --write`\n  {}",
                drift.join("\n  ")
            );
            Ok(())
        }
        Mode::Write => {
            let path = Snapshot::path();
            let text = serde_json::to_string_pretty(&measured)? + "\n";
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(name: &'static str, compressed: usize) -> Built {
        Built {
            name,
            wasm: 3 * compressed,
            compressed,
            budget: 100,
            pages: 1,
        }
    }

    #[test]
    fn drift_of_equal_sizes_is_empty() {
        let snapshot = Snapshot::measured(&[built("vault", 10), built("book", 20)]);
        assert!(
            snapshot
                .drift(&Snapshot::measured(&[built("book", 20), built("vault", 10)]))
                .is_empty()
        );
    }

    #[test]
    fn drift_names_changed_new_and_vanished() {
        let recorded = Snapshot::measured(&[built("vault", 10), built("old", 5)]);
        let lines = recorded.drift(&Snapshot::measured(&[built("vault", 11), built("new", 5)]));
        assert_eq!(
            lines,
            [
                "new: not in the snapshot",
                "old: in the snapshot, but no contract has this name",
                "vault: 11 bytes compressed, 10 before; module 33, 30 before",
            ]
        );
    }

    #[test]
    fn budget_of_unknown_contract_is_the_default() {
        let snapshot = Snapshot::parse(r#"{"vault":{"budget":9000,"compressed":1,"wasm":2}}"#).unwrap();
        assert_eq!(
            (snapshot.budget("vault"), snapshot.budget("book")),
            (9000, DEFAULT_BUDGET)
        );
    }

    #[test]
    fn parse_with_budget_above_limit_refuses() {
        let error = Snapshot::parse(r#"{"vault":{"budget":98293,"compressed":1,"wasm":2}}"#).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("the budget of vault is above the chain's limit of 98292")
        );
    }
}
