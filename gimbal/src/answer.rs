//! `gimbal price`, `gimbal lp`, `gimbal math`: questions in JSON lines, answers in JSON lines, by the code that runs on
//! chain. Anyone can check our numbers with them.

mod kernel;
mod option;
mod range;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::io::{self, BufRead, ErrorKind, Write};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// European options on a forward: `kind, forward, strike, years, vol, rate` → `price, delta, gamma, vega, theta, rho`.
    Price,
    /// Liquidity ranges: `liquidity, lower, upper, price` → `value, delta, gamma`.
    Lp,
    /// Kernels: `fn, x` (and `y` for `pow`) → `y`.
    Math,
}

/// Answers every line of `questions` by one line of `answers`, in order. A line that cannot be answered gets
/// `{"error": …}` and the next one is read.
///
/// Errors: only those of reading and writing; a reader that closed `answers` ends the run without one.
pub fn run(subject: Subject, mut questions: impl BufRead, answers: impl Write) -> Result<()> {
    let mut answers = io::BufWriter::new(answers);
    let mut line = Vec::new();
    loop {
        line.clear();
        if questions
            .read_until(b'\n', &mut line)
            .context("cannot read the questions")?
            == 0
        {
            return closed_is_fine(answers.flush());
        }
        // Without its end, or the parser would count it as one more line.
        let answer =
            answer(subject, line.trim_ascii_end()).unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
        if let Err(error) = writeln!(answers, "{answer}") {
            return closed_is_fine(Err(error));
        }
    }
}

fn closed_is_fine(result: io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write the answers"),
        _ => Ok(()),
    }
}

fn answer(subject: Subject, line: &[u8]) -> Result<Value> {
    let question: Value = serde_json::from_slice(line).context("not a JSON object")?;
    match subject {
        Subject::Price => option::answer(&question),
        Subject::Lp => range::answer(&question),
        Subject::Math => kernel::answer(&question),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(subject: Subject, questions: &str) -> Vec<Value> {
        let mut answers = Vec::new();
        run(subject, questions.as_bytes(), &mut answers).unwrap();
        let text = String::from_utf8(answers).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn run_every_line_gets_its_answer_in_order() {
        let answers = ask(
            Subject::Math,
            "{\"fn\":\"sqrt\",\"x\":\"4\"}\nnot json\n\n{\"fn\":\"ln\",\"x\":\"-1\"}\n{\"fn\":\"exp\",\"x\":\"0\"}",
        );
        assert_eq!(answers.len(), 5);
        assert_eq!(answers[0], json!({ "y": "2" }));
        assert_eq!(answers[4], json!({ "y": "1" }));
        for answer in &answers[1..4] {
            assert!(answer["error"].is_string(), "{answer}");
        }
        assert!(answers[3]["error"].as_str().unwrap().contains("LnNonPositive"));
    }

    #[test]
    fn run_bad_members_are_named() {
        for (question, part) in [
            ("{\"x\":\"1\"}", "\"fn\" is missing"),
            ("{\"fn\":\"sin\",\"x\":\"1\"}", "no such function"),
            ("{\"fn\":\"exp\",\"x\":1}", "\"x\" must be a string"),
            ("{\"fn\":\"exp\",\"x\":\"one\"}", "not a decimal number"),
            ("[]", "\"fn\" is missing"),
        ] {
            let error = ask(Subject::Math, question)[0]["error"].as_str().unwrap().to_owned();
            assert!(error.contains(part), "{error}");
        }
    }
}
