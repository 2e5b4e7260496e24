//! Market history in the compact form kept in data/.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};

use crate::{process::root, wasm::compress};

const COLUMNS: &str = "timestamp,open,high,low,close";
const STEP_SECONDS: u64 = 3600;

/// Checks an hourly table, drops the columns a replay does not need, and writes it to data/ as `<stem>.csv.br`.
pub(crate) fn convert(csv: &Path) -> Result<()> {
    let text = fs::read_to_string(csv).with_context(|| format!("cannot read {}", csv.display()))?;
    let (table, rows) = reduce(&text)?;
    let name = csv
        .file_name()
        .and_then(|name| name.to_str())
        .context("the table has no file name")?;
    let path = root().join("data").join(format!("{name}.br"));
    let compressed = compress(table.as_bytes())?;
    fs::write(&path, &compressed).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}: {rows} rows, {} bytes", path.display(), compressed.len());
    Ok(())
}

/// Returns the table with the five columns only, and its count of rows.
fn reduce(text: &str) -> Result<(String, usize)> {
    let mut lines = text.lines();
    let header = lines.next().context("the table is empty")?;
    ensure!(
        header.starts_with(COLUMNS),
        "the columns must begin with {COLUMNS}, they are {header}"
    );
    let mut table = format!("{COLUMNS}\n");
    let mut rows = 0;
    let mut expected = None;
    for (index, line) in lines.enumerate() {
        let number = index + 2;
        let cells: Vec<_> = line.split(',').take(5).collect();
        let timestamp = check_row(&cells).with_context(|| format!("line {number}: {line}"))?;
        ensure!(
            expected.is_none_or(|expected| expected == timestamp),
            "line {number}: the hour before ends at {}, this one starts at {timestamp}",
            expected.unwrap_or_default()
        );
        expected = Some(timestamp + STEP_SECONDS);
        table.push_str(&cells.join(","));
        table.push('\n');
        rows += 1;
    }
    ensure!(rows > 0, "the table has no row");
    Ok((table, rows))
}

/// Checks one row and returns its time.
fn check_row(cells: &[&str]) -> Result<u64> {
    let [timestamp, prices @ ..] = cells else {
        unreachable!("a split has at least one part")
    };
    ensure!(prices.len() == 4, "a row has five columns");
    let cents = prices.iter().map(|price| cents(price)).collect::<Result<Vec<_>>>()?;
    let (open, high, low, close) = (cents[0], cents[1], cents[2], cents[3]);
    ensure!(
        0 < low && low <= open.min(close) && open.max(close) <= high,
        "open and close must lie between low and high, above zero"
    );
    timestamp
        .parse()
        .with_context(|| format!("{timestamp} is no time in seconds"))
}

/// Reads a price with exactly two decimals, so that a reader may keep it as a whole number of cents.
fn cents(price: &str) -> Result<u64> {
    let (units, fraction) = price
        .split_once('.')
        .with_context(|| format!("{price} has no decimals"))?;
    ensure!(fraction.len() == 2, "{price} has not two decimals");
    format!("{units}{fraction}")
        .parse()
        .with_context(|| format!("{price} is no price"))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use brotli2::read::BrotliDecoder;

    use super::*;

    const HEADER: &str = "timestamp,open,high,low,close,volume";

    #[test]
    fn reduce_keeps_five_columns() {
        let (table, rows) = reduce(&format!(
            "{HEADER}\n3600,1.00,2.00,0.50,1.50,9\n7200,1.50,1.50,1.50,1.50,8"
        ))
        .unwrap();
        assert_eq!(
            table,
            format!("{COLUMNS}\n3600,1.00,2.00,0.50,1.50\n7200,1.50,1.50,1.50,1.50\n")
        );
        assert_eq!(rows, 2);
    }

    #[test]
    fn reduce_with_gap_refuses() {
        let error = reduce(&format!(
            "{HEADER}\n3600,1.00,1.00,1.00,1.00\n10800,1.00,1.00,1.00,1.00"
        ))
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 3: the hour before ends at 7200, this one starts at 10800"
        );
    }

    #[test]
    fn reduce_with_inconsistent_bar_refuses() {
        let error = reduce(&format!("{HEADER}\n3600,1.00,0.90,0.80,0.85")).unwrap_err();
        assert!(format!("{error:#}").contains("line 2") && format!("{error:#}").contains("between low and high"));
    }

    #[test]
    fn cents_needs_two_decimals() {
        assert_eq!(cents("2505.56").unwrap(), 250_556);
        assert!(cents("2505.5").is_err() && cents("2505").is_err());
    }

    #[test]
    fn committed_history_passes_its_own_checks() {
        let file = fs::read(root().join("data/btc-usd-1h.csv.br")).unwrap();
        let mut text = String::new();
        BrotliDecoder::new(&file[..]).read_to_string(&mut text).unwrap();
        let (table, rows) = reduce(&text).unwrap();
        assert_eq!((table == text, rows), (true, 20_111));
    }
}
