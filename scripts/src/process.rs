//! Running other programs, and the counts their test runs print.

use std::{
    env,
    ffi::OsStr,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

/// The repository's folder.
pub(crate) fn root() -> PathBuf {
    // Set by `cargo run` and `cargo test`; a copied repository must not fall back on the old place.
    let manifest_dir =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest_dir.parent().map(Path::to_path_buf).unwrap_or(manifest_dir)
}

/// A command that runs in the repository's folder.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs to the end, with the terminal as output.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", describe(command)))?;
    ensure!(status.success(), "{} failed ({status})", describe(command));
    Ok(())
}

/// Runs to the end and returns what it printed; its errors go to the terminal.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", describe(command)))?;
    let text = String::from_utf8(output.stdout)
        .with_context(|| format!("{} printed something that is not UTF-8", describe(command)))?;
    ensure!(
        output.status.success(),
        "{} failed ({})",
        describe(command),
        output.status
    );
    Ok(text)
}

fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    format!("`{}`", words.join(" "))
}

/// Counts of a test run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// A finished test run: what it counted, and what is wrong with it if anything is.
#[derive(Debug)]
pub(crate) struct TestRun {
    /// Sum over all its summaries.
    pub(crate) counts: Counts,
    /// Why the run as a whole failed.
    pub(crate) failure: Option<String>,
}

impl TestRun {
    /// Turns a failed run into an error.
    pub(crate) fn require_success(&self) -> Result<()> {
        match &self.failure {
            None => Ok(()),
            Some(failure) => bail!("{failure}"),
        }
    }
}

/// Runs a test program, shows what it prints, and sums the summary lines that `counts_of` recognises.
pub(crate) fn run_tests(command: &mut Command, counts_of: fn(&str) -> Option<Counts>) -> Result<TestRun> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", describe(command)))?;
    let mut counts = Counts::default();
    let stdout = child.stdout.take().context("a piped output is there")?;
    let mut terminal = std::io::stdout().lock();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        writeln!(terminal, "{line}")?;
        if let Some(more) = counts_of(&line) {
            counts += more;
        }
    }
    let status = child.wait()?;
    let failure = if !status.success() {
        Some(format!("{} failed ({status})", describe(command)))
    } else if counts.passed == 0 {
        // A runner that finds no test exits with success; that must not look like a pass.
        Some(format!("{} ran no test", describe(command)))
    } else {
        None
    };
    Ok(TestRun { counts, failure })
}

/// Reads a summary line of `cargo test`.
pub(crate) fn cargo_test_counts(line: &str) -> Option<Counts> {
    let rest = line.strip_prefix("test result: ")?;
    counts_before(rest, " passed", " failed")
}

/// Reads the last summary line of `forge test`.
pub(crate) fn forge_test_counts(line: &str) -> Option<Counts> {
    // Each suite has a line of its own too; only the closing one sums them.
    let rest = line.strip_prefix("Ran ").filter(|rest| rest.contains(" test suite"))?;
    counts_before(rest, " tests passed", " failed")
}

/// Reads the last line of the Node scripts' runs.
pub(crate) fn script_counts(line: &str) -> Option<Counts> {
    line.starts_with(|letter: char| letter.is_ascii_digit()).then_some(())?;
    counts_before(line, " passed", " failed")
}

fn counts_before(line: &str, passed: &str, failed: &str) -> Option<Counts> {
    Some(Counts {
        passed: number_before(line, passed)?,
        failed: number_before(line, failed)?,
    })
}

fn number_before(line: &str, label: &str) -> Option<u64> {
    let before = &line[..line.find(label)?];
    before
        .rsplit(|letter: char| !letter.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// Where two texts first differ, for people; `None` if they are equal.
pub(crate) fn first_difference(recorded: &str, exported: &str) -> Option<String> {
    if recorded == exported {
        return None;
    }
    let mut recorded_lines = recorded.lines();
    let mut exported_lines = exported.lines();
    for line in 1.. {
        let (was, now) = (recorded_lines.next(), exported_lines.next());
        if was != now || was.is_none() {
            let show = |text: Option<&str>| text.unwrap_or("end of file").trim().to_owned();
            return Some(format!(
                "line {line}\n  committed: {}\n  exported:  {}",
                show(was),
                show(now)
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_test_counts_reads_summary() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(cargo_test_counts(line), Some(Counts { passed: 12, failed: 3 }));
        assert_eq!(cargo_test_counts("test vault::tests::deposit ... ok"), None);
    }

    #[test]
    fn forge_test_counts_reads_closing_line_only() {
        let closing =
            "Ran 2 test suites in 1.20s (2.10s CPU time): 9 tests passed, 1 failed, 0 skipped (10 total tests)";
        assert_eq!(forge_test_counts(closing), Some(Counts { passed: 9, failed: 1 }));
        let suite = "Suite result: ok. 4 passed; 0 failed; 0 skipped; finished in 1.00s (1.00s CPU time)";
        assert_eq!(forge_test_counts(suite), None);
        assert_eq!(
            forge_test_counts("Ran 4 tests for test/solidity/properties/ShareModel.t.sol:ShareModelTest"),
            None
        );
    }

    #[test]
    fn script_counts_reads_the_last_line_only() {
        let line = "161 passed, 2 failed, 3 skipped";
        assert_eq!(script_counts(line), Some(Counts { passed: 161, failed: 2 }));
        assert_eq!(script_counts("seed 1: 300 passed, 0 failed"), None);
    }

    #[test]
    fn failing_command_is_named_in_the_error() {
        let message = run(command("false").arg("--loud")).unwrap_err().to_string();
        assert!(message.contains("`false --loud` failed"), "{message}");
    }

    #[test]
    fn run_tests_refuses_a_run_without_tests() {
        let run = run_tests(command("echo").arg("nothing to do"), cargo_test_counts).unwrap();
        assert!(run.require_success().unwrap_err().to_string().contains("ran no test"));
    }

    #[test]
    fn first_difference_of_equal_texts_is_none() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
    }

    #[test]
    fn first_difference_shows_line_of_both() {
        let difference = first_difference("a\nb\n", "a\n  c\n").unwrap();
        assert_eq!(difference, "line 2\n  committed: b\n  exported:  c");
    }

    #[test]
    fn first_difference_with_missing_file_shows_its_end() {
        assert_eq!(
            first_difference("", "a").unwrap(),
            "line 1\n  committed: end of file\n  exported:  a"
        );
    }
}
