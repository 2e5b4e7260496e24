//! Market history: the hourly prices kept in `data/`.

use anyhow::{Context, Result, bail, ensure};
use std::{io::Read, path::Path};

/// One hour of trading. Prices have 8 decimals, as Chainlink's dollar feeds do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Start of the hour in Unix seconds.
    pub timestamp: u64,
    /// Last price of the hour, 1e8 = one dollar.
    pub close_e8: u64,
}

/// Reads a compressed table `timestamp,open,high,low,close`, oldest first.
pub fn load(path: &Path) -> Result<Vec<Bar>> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut text = String::new();
    brotli::Decompressor::new(file, 4096)
        .read_to_string(&mut text)
        .context("the table is damaged")?;
    parse(&text)
}

fn parse(text: &str) -> Result<Vec<Bar>> {
    let mut lines = text.lines();
    ensure!(
        lines.next() == Some("timestamp,open,high,low,close"),
        "unexpected columns"
    );
    let bars = lines
        .enumerate()
        .map(|(row, line)| bar(line).with_context(|| format!("row {row}: {line}")));
    let bars = bars.collect::<Result<Vec<_>>>()?;
    ensure!(
        bars.is_sorted_by_key(|bar| bar.timestamp),
        "rows are not in order of time"
    );
    Ok(bars)
}

fn bar(line: &str) -> Result<Bar> {
    let cells: Vec<&str> = line.split(',').collect();
    let [timestamp, .., close] = cells.as_slice() else {
        bail!("too few cells")
    };
    Ok(Bar {
        timestamp: timestamp.parse()?,
        close_e8: price_e8(close)?,
    })
}

/// A decimal number of dollars with at most 8 decimals, exactly.
fn price_e8(text: &str) -> Result<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    ensure!(
        fraction.len() <= 8 && fraction.bytes().all(|byte| byte.is_ascii_digit()),
        "not a price: {text}"
    );
    let digits = format!("{whole}{fraction:0<8}");
    Ok(digits.parse()?)
}

/// Bars from `from` to before `to` (Unix seconds), every `step_hours`.
pub fn select(bars: &[Bar], from: u64, to: u64, step_hours: usize) -> Result<Vec<Bar>> {
    ensure!(step_hours > 0, "the step must be at least one hour");
    let inside = bars.iter().filter(|bar| (from..to).contains(&bar.timestamp));
    let chosen: Vec<Bar> = inside.step_by(step_hours).copied().collect();
    ensure!(
        chosen.len() >= 2,
        "fewer than two prices in this period; the history covers {}",
        span(bars)
    );
    Ok(chosen)
}

pub(crate) fn span(bars: &[Bar]) -> String {
    match (bars.first(), bars.last()) {
        (Some(first), Some(last)) => format!("{} to {}", date(first.timestamp), date(last.timestamp)),
        _ => String::from("nothing"),
    }
}

const DAY: i64 = 86_400;

/// Midnight UTC of a date `YYYY-MM-DD`, in Unix seconds.
///
/// Days are counted as in Hinnant's `days_from_civil`: years start in March, so leap days come last.
pub fn parse_date(text: &str) -> Result<u64> {
    let parts: Vec<i64> = text
        .split('-')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .context("dates are YYYY-MM-DD")?;
    let [year, month, day] = parts.as_slice() else {
        bail!("dates are YYYY-MM-DD")
    };
    ensure!(
        (1970..=2200).contains(year) && (1..=12).contains(month) && (1..=31).contains(day),
        "no such date: {text}"
    );
    let year = if *month <= 2 { year - 1 } else { *year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let secs = u64::try_from(days * DAY)?;
    ensure!(date(secs) == text, "no such date: {text}");
    Ok(secs)
}

/// The UTC date of a Unix time, `YYYY-MM-DD`.
pub fn date(timestamp: u64) -> String {
    let days = i64::try_from(timestamp).unwrap_or(i64::MAX) / DAY + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let (day, month) = (
        of_year - (153 * shifted + 2) / 5 + 1,
        if shifted < 10 { shifted + 3 } else { shifted - 9 },
    );
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The UTC date and hour of a Unix time.
pub fn hour(timestamp: u64) -> String {
    format!("{} {:02}:00", date(timestamp), timestamp % 86_400 / 3_600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_and_parse_date_are_inverse() {
        for text in ["1970-01-01", "2000-02-29", "2018-11-10", "2018-12-31", "2019-03-01"] {
            assert_eq!(date(parse_date(text).unwrap()), text);
        }
        assert_eq!(parse_date("2018-11-10").unwrap(), 1_541_808_000);
    }

    #[test]
    fn parse_date_impossible_day_is_refused() {
        assert!(parse_date("2019-02-29").is_err());
        assert!(parse_date("2019-2-1").is_err());
        assert!(parse_date("yesterday").is_err());
    }

    #[test]
    fn parse_rows_keeps_every_decimal() {
        let bars = parse("timestamp,open,high,low,close\n3600,1,2,0.5,1.07\n7200,1,2,0.5,12345\n").unwrap();
        assert_eq!(
            bars,
            [
                Bar {
                    timestamp: 3600,
                    close_e8: 107_000_000
                },
                Bar {
                    timestamp: 7200,
                    close_e8: 1_234_500_000_000
                }
            ]
        );
    }

    #[test]
    fn parse_bad_rows_are_refused() {
        for row in [
            "3600,1,2,0.5,x",
            "3600",
            "a,1,1,1,1",
            "3600,1,1,1,1.123456789",
            "3600,1,1,1,-1",
        ] {
            assert!(
                parse(&format!("timestamp,open,high,low,close\n{row}\n")).is_err(),
                "{row}"
            );
        }
    }

    #[test]
    fn select_takes_every_nth_bar_of_the_period() {
        let bars: Vec<Bar> = (0..10)
            .map(|hour| Bar {
                timestamp: hour * 3600,
                close_e8: hour,
            })
            .collect();
        let chosen = select(&bars, 3600, 9 * 3600, 3).unwrap();
        assert_eq!(chosen.iter().map(|bar| bar.close_e8).collect::<Vec<_>>(), [1, 4, 7]);
        assert!(select(&bars, 90 * 3600, 99 * 3600, 1).is_err());
    }
}
