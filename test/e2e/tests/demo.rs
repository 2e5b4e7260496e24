//! The demo, on short periods: cheap and dear bitcoin, with and without a keeper.

use clap::Parser;
use gimbal::demo::{self, Demo};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    demo: Demo,
}

fn run(arguments: &[&str]) -> Result<(), String> {
    let root = e2e::root();
    let arguments = ["demo"].iter().chain(arguments).map(|text| (*text).to_owned());
    let root = [String::from("--root"), root.to_string_lossy().into_owned()];
    let cli = Cli::try_parse_from(arguments.chain(root)).map_err(|error| error.to_string())?;
    demo::run(&cli.demo).map_err(|error| format!("{error:#}"))
}

#[test]
fn run_any_period_breaks_no_invariant() {
    for arguments in [
        &["--from", "2017-07-02", "--to", "2017-07-06"][..],
        &["--from", "2017-12-15", "--to", "2017-12-25", "--step", "3"],
        &["--from", "2018-11-12", "--to", "2018-11-16", "--no-hedge"],
    ] {
        assert_eq!(run(arguments), Ok(()), "{arguments:?}");
    }
}

#[test]
fn run_with_an_impossible_period_says_what_the_history_covers() {
    let error = run(&["--from", "2016-01-01", "--to", "2016-02-01"]).unwrap_err();
    assert!(error.contains("2017-07-01"), "{error}");
    assert!(run(&["--from", "2018-01-01", "--to", "2018-02-01", "--step", "0"]).is_err());
    assert!(run(&["--from", "soon"]).is_err());
}
