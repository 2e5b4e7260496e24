//! The README names what the server serves.

use devnode::rpc;
use std::collections::BTreeSet;

const README: &str = include_str!("../README.md");

/// Names in backquotes in the table of methods.
fn named() -> Vec<&'static str> {
    let (_, section) = README.split_once("\n## JSON-RPC methods\n").expect("the section");
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let rows = section.lines().filter(|line| line.starts_with('|'));
    // Only the first column holds methods; every second piece is inside backquotes.
    let columns = rows.filter_map(|row| row.split('|').nth(1));
    columns
        .flat_map(|column| column.split('`').skip(1).step_by(2))
        .collect()
}

#[test]
fn readme_names_every_method_and_no_other() {
    let (named, served): (BTreeSet<_>, BTreeSet<_>) =
        (named().into_iter().collect(), rpc::methods().into_iter().collect());
    let missing: Vec<_> = served.difference(&named).collect();
    let strangers: Vec<_> = named.difference(&served).collect();
    assert!(
        missing.is_empty() && strangers.is_empty(),
        "missing {missing:?}, not served {strangers:?}"
    );
}

#[test]
fn readme_names_no_method_twice() {
    let named = named();
    let distinct: BTreeSet<_> = named.iter().collect();
    assert_eq!(named.len(), distinct.len());
}
