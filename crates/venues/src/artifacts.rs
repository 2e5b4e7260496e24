//! Where compiled contracts lie.

use devnode::{Artifact, ArtifactError};
use std::path::PathBuf;

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
        Artifact::read(self.root.join("node_modules").join(path))
    }

    /// A contract of this project, compiled by `forge build`.
    pub fn compiled(&self, name: &str) -> Result<Artifact, ArtifactError> {
        Artifact::read(self.root.join(format!("out/{name}.sol/{name}.json")))
    }

    /// A Stylus program of this project, built by `cargo xtask build`: prefix and compressed module.
    pub fn program(&self, name: &str) -> Result<Vec<u8>, ArtifactError> {
        let path = self.root.join(format!("target/contracts/{name}.stylus"));
        std::fs::read(&path).map_err(|source| ArtifactError::Read { path, source })
    }
}
