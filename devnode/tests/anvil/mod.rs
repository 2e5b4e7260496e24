//! A running anvil, from npm.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

/// The first account that anvil funds, and its private key.
#[allow(dead_code, reason = "not every test signs")]
pub(crate) const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// An anvil of its own for one test; it ends with the value.
pub(crate) struct Anvil {
    child: Child,
    /// URL.
    pub(crate) url: String,
}

impl Anvil {
    /// Starts one on a free port.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        let mut programs = root.map(|dir| dir.join("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"));
        let program = programs.find(|path| path.exists());
        let program = program.expect("anvil is missing: run `cargo xtask deps`");
        let mut command = Command::new(&program);
        command.args(["--port", "0"]).args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().expect("anvil does not start");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut lines = output.lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.strip_prefix("Listening on ").map(str::to_owned));
        let url = format!("http://{}", address.expect("anvil ends before it listens"));
        // Its output is read on, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url }
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
