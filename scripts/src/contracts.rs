//! The list of contracts.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::process::root;

/// One contract of the project: a package that compiles to one wasm module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contract {
    /// Package name, and stem of the output files.
    pub(crate) name: &'static str,
    /// Folder of the package, relative to the repository.
    pub(crate) dir: &'static str,
}

impl Contract {
    /// The committed Solidity interface.
    pub(crate) fn abi_path(&self) -> PathBuf {
        root().join(self.dir).join("abi.sol")
    }
}

/// Every contract, in the order in which value flows through them.
pub(crate) const ALL: [Contract; 7] = [
    Contract {
        name: "vault",
        dir: "contracts/vault",
    },
    Contract {
        name: "book",
        dir: "contracts/book",
    },
    Contract {
        name: "risk",
        dir: "contracts/risk",
    },
    Contract {
        name: "rebalancer",
        dir: "contracts/rebalancer",
    },
    Contract {
        name: "oracle",
        dir: "contracts/oracle",
    },
    Contract {
        name: "governor",
        dir: "contracts/governor",
    },
    Contract {
        name: "uniswap-v3",
        dir: "contracts/adapters/uniswap-v3",
    },
];

/// The contract called `name`, or all of them.
pub(crate) fn select(name: Option<&str>) -> Result<Vec<Contract>> {
    let Some(name) = name else {
        return Ok(ALL.to_vec());
    };
    let contract = ALL.iter().find(|contract| contract.name == name).with_context(|| {
        let names: Vec<_> = ALL.iter().map(|contract| contract.name).collect();
        format!("no contract is called `{name}`; there are {}", names.join(", "))
    })?;
    Ok(vec![*contract])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn select_without_name_gives_all() {
        assert_eq!(select(None).unwrap(), ALL);
    }

    #[test]
    fn select_unknown_name_lists_the_known() {
        let message = select(Some("treasury")).unwrap_err().to_string();
        assert!(
            message.contains("`treasury`") && message.contains("uniswap-v3"),
            "{message}"
        );
    }

    #[test]
    fn every_contract_folder_holds_the_package_of_its_name() {
        for contract in ALL {
            let manifest = std::fs::read_to_string(root().join(contract.dir).join("Cargo.toml")).unwrap();
            assert!(
                manifest.contains(&format!("name = \"{}\"", contract.name)),
                "{}",
                contract.dir
            );
        }
    }
}
