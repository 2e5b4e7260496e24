//! Compiled contracts as Hardhat and Foundry write them: JSON with creation bytecode and link references.

use alloy_primitives::Address;
use alloy_sol_types::SolConstructor;
use serde_json::Value;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why an artifact cannot be used.
#[derive(Debug, Error)]
pub enum ArtifactError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// File.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The text is not an artifact: what is missing or wrong.
    #[error("not a contract artifact: {0}")]
    Format(String),
    /// A library it needs was not given.
    #[error("library {0} is not linked")]
    Unlinked(String),
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
    /// Reads a file of Hardhat's `artifacts` or Foundry's `out`.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ArtifactError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|source| ArtifactError::Read {
            path: path.to_owned(),
            source,
        })?;
        parse(&text).map_err(|reason| ArtifactError::Format(format!("{reason} in {}", path.display())))
    }

    /// Reads an artifact's text.
    pub fn parse(text: &str) -> Result<Self, ArtifactError> {
        parse(text).map_err(ArtifactError::Format)
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

    /// Init code of a contract without libraries: creation bytecode and the constructor's arguments.
    pub fn init_code<C: SolConstructor>(&self, arguments: &C) -> Result<Vec<u8>, ArtifactError> {
        Ok([self.code()?, arguments.abi_encode()].concat())
    }
}

/// Accepts `bytecode` as text (Hardhat) or as an object with `object` (Foundry).
fn parse(text: &str) -> Result<Artifact, String> {
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
    Ok(Artifact { bytecode, holes })
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
    fn init_code_ends_with_the_arguments() {
        alloy_sol_types::sol! {
            constructor(uint8 value);
        }
        let artifact = Artifact::parse(r#"{"bytecode":"0x6001"}"#).unwrap();
        let code = artifact.init_code(&constructorCall { value: 9 }).unwrap();
        assert_eq!((&code[..2], code[33], code.len()), (&[0x60, 0x01][..], 9, 34));
    }

    #[test]
    fn read_of_no_artifact_names_the_file() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let error = Artifact::read(file).unwrap_err();
        assert!(error.to_string().ends_with("Cargo.toml"), "{error}");
        assert!(matches!(
            Artifact::read("no such file"),
            Err(ArtifactError::Read { .. })
        ));
    }

    #[test]
    fn parse_reference_outside_code_is_refused() {
        let text = LINKED.replace("\"start\":1", "\"start\":90");
        assert!(Artifact::parse(&text).is_err());
    }
}
