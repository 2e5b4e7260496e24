//! The storage layout that each contract declares, and its committed copy.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::{
    Mode,
    contracts::{self, Contract},
    process::{first_difference, root},
};

/// Reads the layout of every contract and shows, compares or writes it.
pub(crate) fn run(mode: Mode) -> Result<()> {
    let mut stale = Vec::new();
    for contract in &contracts::ALL {
        let declared = declared(contract).with_context(|| format!("contract {}", contract.name))?;
        let path = root().join(contract.dir).join("storage.txt");
        match mode {
            Mode::Show => println!("{}\n{declared}", contract.name),
            Mode::Write => {
                fs::write(&path, &declared).with_context(|| format!("cannot write {}", path.display()))?;
            }
            Mode::Check => {
                let recorded = fs::read_to_string(&path).unwrap_or_default();
                if let Some(difference) = first_difference(&recorded, &declared) {
                    stale.push(format!("{}/storage.txt, {difference}", contract.dir));
                }
            }
        }
    }
    ensure!(
        stale.is_empty(),
        "storage is append-only once deployed; if the change is meant, run `cargo xtask storage --write`\n{}",
        stale.join("\n")
    );
    Ok(())
}

fn declared(contract: &Contract) -> Result<String> {
    let path = root().join(contract.dir).join("src/storage.rs");
    let source = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let layout = fields(&source);
    ensure!(!layout.is_empty(), "{} declares no storage", path.display());
    check_places(&layout)?;
    Ok(layout)
}

/// Fields with a declared place (`slot, offset: name: type`, offset from the word's left end) must lie inside their
/// word and must not overlap.
fn check_places(layout: &str) -> Result<()> {
    let mut taken: Vec<(u64, u64, u64, &str)> = Vec::new();
    for line in layout.lines() {
        let Some((slot, rest)) = line.trim().split_once(", ") else {
            continue;
        };
        let Some((offset, field)) = rest.split_once(": ") else {
            continue;
        };
        let (Ok(slot), Ok(offset)) = (slot.parse::<u64>(), offset.parse::<u64>()) else {
            continue;
        };
        let (_, kind) = field
            .split_once(": ")
            .with_context(|| format!("field {field} has no type"))?;
        let end = offset + bytes(kind);
        ensure!(end <= 32, "field {field} does not fit its word");
        let clash = taken
            .iter()
            .find(|(other, from, to, _)| *other == slot && offset < *to && *from < end);
        if let Some((_, _, _, other)) = clash {
            anyhow::bail!("fields {other} and {field} overlap");
        }
        taken.push((slot, offset, end, field));
    }
    Ok(())
}

/// Bytes that a storage type takes in its word; maps and whole words take all of it.
fn bytes(kind: &str) -> u64 {
    match kind {
        "StorageBool" | "StorageU8" => 1,
        "StorageU16" => 2,
        "StorageU32" => 4,
        "StorageU64" => 8,
        "StorageU128" => 16,
        "StorageU192" => 24,
        "StorageAddress" => 20,
        _ => 32,
    }
}

/// Structs and their fields in the order of the source, without docs, attributes and visibility.
fn fields(source: &str) -> String {
    let mut layout = String::new();
    let mut inside = false;
    for line in source.lines().map(str::trim) {
        if let Some(name) = line
            .strip_prefix("pub struct ")
            .or_else(|| line.strip_prefix("pub(crate) struct "))
        {
            layout.push_str(name.trim_end_matches([' ', '{']));
            layout.push('\n');
            inside = true;
        } else if line == "}" {
            inside = false;
        } else if inside && line.ends_with(',') && !line.starts_with(['/', '#']) {
            let field = line
                .trim_end_matches(',')
                .replace("pub(crate) ", "")
                .replace("pub ", "");
            layout.push_str(&format!("  {field}\n"));
        }
    }
    layout
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keeps_order_and_slots_and_drops_docs() {
        let source = "/// Doc, with a comma,\npub struct Book {\n    /// The governor,\n    0, 12: governor: StorageAddress,\n\
                      #[attr]\n    pub(crate) at: StorageMap<U256, Token>,\n}\nfn f() {\n    a,\n}\n";
        assert_eq!(
            fields(source),
            "Book\n  0, 12: governor: StorageAddress\n  at: StorageMap<U256, Token>\n"
        );
    }

    #[test]
    fn check_places_finds_overlaps_and_overruns() {
        let check = |fields: &[&str]| check_places(&format!("S\n  {}\n", fields.join("\n  ")));
        assert!(
            check(&[
                "0, 12: a: StorageAddress",
                "0, 11: b: StorageU8",
                "1, 0: c: StorageU256"
            ])
            .is_ok()
        );
        assert!(check(&["0, 12: a: StorageAddress", "0, 12: b: StorageU8"]).is_err());
        assert!(check(&["0, 13: a: StorageAddress"]).is_err());
        assert!(check(&["0, 0: a: StorageMap<U256, Token>", "0, 31: b: StorageU8"]).is_err());
    }

    #[test]
    fn fields_of_moved_field_differ() {
        let one = "pub struct S {\n a: X,\n b: Y,\n}\n";
        let two = "pub struct S {\n b: Y,\n a: X,\n}\n";
        assert_ne!(fields(one), fields(two));
    }
}
