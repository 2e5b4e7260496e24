//! Compiled contracts as packages and Foundry write them: JSON with creation bytecode and link references.

use alloy_primitives::Address;
use serde_json::Value;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why an artifact cannot be used.
#[derive(Debug, Error)]
pub enum ArtifactError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source} (run `cargo xtask deps` and `cargo xtask solidity`)")]
    Read {
        /// File.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The file is not an artifact.
    #[error("{path} is not a contract artifact: {reason}")]
    Format {
        /// File.
        path: PathBuf,
        /// What is missing or wrong.
        reason: String,
    },
    /// A library it needs was not given.
    #[error("library {0} is not linked")]
    Unlinked(String),
}

/// Where artifacts lie: `node_modules` for venues, Foundry's `out` for our own Solidity.
#[derive(Clone, Debug)]
pub struct Artifacts {
    root: PathBuf,
}

impl Artifacts {
    /// Artifacts of the project at `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// An artifact of an npm package, by its path below `node_modules`.
    pub fn package(&self, path: &str) -> Result<Artifact, ArtifactError> {
        Artifact::read(&self.root.join("node_modules").join(path))
    }

    /// A contract of this project, compiled by `forge build`.
    pub fn compiled(&self, name: &str) -> Result<Artifact, ArtifactError> {
        Artifact::read(&self.root.join(format!("out/{name}.sol/{name}.json")))
    }

    /// A Stylus program of this project, built by `cargo xtask build`: prefix and compressed module.
    pub fn program(&self, name: &str) -> Result<Vec<u8>, ArtifactError> {
        let path = self.root.join(format!("target/contracts/{name}.stylus"));
        std::fs::read(&path).map_err(|source| ArtifactError::Read { path, source })
    }
}

/// A place in the bytecode where a library's address belongs.
#[derive(Clone, Debug)]
struct Hole {
    library: String,
    start: usize,
}

/// Creation bytecode, perhaps still to be linked.
#[derive(Clone, Debug)]
pub struct Artifact {
    bytecode: Vec<u8>,
    holes: Vec<Hole>,
}

impl Artifact {
    fn read(path: &Path) -> Result<Self, ArtifactError> {
        let read = std::fs::read_to_string(path);
        let text = read.map_err(|source| ArtifactError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|reason| ArtifactError::Format {
            path: path.to_owned(),
            reason,
        })
    }

    /// Accepts `bytecode` as text (Hardhat) or as an object with `object` (Foundry).
    fn parse(text: &str) -> Result<Self, String> {
        let json: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let bytecode = &json["bytecode"];
        let code = bytecode
            .as_str()
            .or_else(|| bytecode["object"].as_str())
            .ok_or("no bytecode")?;
        let references = [&json["linkReferences"], &bytecode["linkReferences"]];
        let files = references
            .into_iter()
            .filter_map(Value::as_object)
            .flat_map(|files| files.values());
        let mut holes = Vec::new();
        for (library, places) in files.filter_map(Value::as_object).flatten() {
            for place in places.as_array().into_iter().flatten() {
                let start = place["start"].as_u64().and_then(|start| usize::try_from(start).ok());
                holes.push(Hole {
                    library: library.clone(),
                    start: start.ok_or("bad link reference")?,
                });
            }
        }
        let mut digits = code.trim_start_matches("0x").to_owned();
        for hole in &holes {
            // Placeholders of unlinked libraries are not hex.
            let range = 2 * hole.start..2 * hole.start + 40;
            if digits.get(range.clone()).is_none() {
                return Err(String::from("link reference outside the bytecode"));
            }
            digits.replace_range(range, &"0".repeat(40));
        }
        let bytecode = hex::decode(digits).map_err(|error| error.to_string())?;
        Ok(Self { bytecode, holes })
    }

    /// Creation bytecode with every library's address filled in.
    pub fn link(&self, libraries: &[(&str, Address)]) -> Result<Vec<u8>, ArtifactError> {
        let mut code = self.bytecode.clone();
        for hole in &self.holes {
            let found = libraries.iter().find(|(name, _)| *name == hole.library);
            let (_, address) = found.ok_or_else(|| ArtifactError::Unlinked(hole.library.clone()))?;
            code[hole.start..hole.start + 20].copy_from_slice(address.as_slice());
        }
        Ok(code)
    }

    /// Creation bytecode of a contract without libraries.
    pub fn code(&self) -> Result<Vec<u8>, ArtifactError> {
        self.link(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKED: &str = r#"{"bytecode":"0x60__$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa$__61",
        "linkReferences":{"a.sol":{"Lib":[{"length":20,"start":1}]}}}"#;

    #[test]
    fn link_fills_every_hole() {
        let artifact = Artifact::parse(LINKED).unwrap();
        let code = artifact.link(&[("Lib", Address::repeat_byte(7))]).unwrap();
        assert_eq!(code, [&[0x60][..], &[7; 20], &[0x61]].concat());
    }

    #[test]
    fn code_with_missing_library_names_it() {
        let artifact = Artifact::parse(LINKED).unwrap();
        assert!(matches!(artifact.code(), Err(ArtifactError::Unlinked(name)) if name == "Lib"));
    }

    #[test]
    fn parse_foundry_object_is_accepted() {
        let artifact = Artifact::parse(r#"{"bytecode":{"object":"0x6001","linkReferences":{}}}"#).unwrap();
        assert_eq!(artifact.code().unwrap(), [0x60, 0x01]);
    }

    #[test]
    fn parse_reference_outside_code_is_refused() {
        let text = LINKED.replace("\"start\":1", "\"start\":90");
        assert!(Artifact::parse(&text).is_err());
    }
}
