//! Decimal text, exactly: what the commands read and write instead of binary floating point.

use anyhow::{Context, Result, bail, ensure};
use fixed::{U256, Wad};

/// Decimals of a [`Wad`].
const WAD_DECIMALS: i64 = 18;

/// Digits of a quotient: a little more than any number of the engine has.
const SIGNIFICANT: u64 = 20;

/// Digits that [`nearest`] keeps: far more than the engine has, and few enough for sums of 128 bits.
const KEPT: usize = 36;

/// Reads `-12.5`, `.5`, `3e-7` and the like as digits and a power of ten: value = digits · 10^exponent.
///
/// An error for anything that is not a decimal number, or more digits than 128 bits hold.
pub fn parse(text: &str) -> Result<(i128, i64)> {
    let (negative, digits, exponent) = split(text)?;
    let value = number(&digits).with_context(|| format!("too many digits: {text:?}"))?;
    Ok((if negative { -value } else { value }, exponent))
}

/// As [`parse`], but of any length: digits after the 36th are dropped.
pub fn nearest(text: &str) -> Result<(i128, i64)> {
    let (negative, mut digits, mut exponent) = split(text)?;
    if digits.len() > KEPT {
        exponent += i64::try_from(digits.len() - KEPT)?;
        digits.truncate(KEPT);
    }
    let value = number(&digits)?;
    Ok((if negative { -value } else { value }, exponent))
}

fn number(digits: &str) -> Result<i128> {
    Ok(if digits.is_empty() { 0 } else { digits.parse()? })
}

/// Sign, digits from the first that is not 0, and power of ten.
fn split(text: &str) -> Result<(bool, String, i64)> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            let exponent = exponent.parse::<i32>();
            (
                mantissa,
                exponent.with_context(|| format!("not a decimal number: {text:?}"))?,
            )
        }
        None => (text, 0),
    };
    let (negative, unsigned) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    ensure!(
        whole.len() + fraction.len() > 0 && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()),
        "not a decimal number: {text:?}"
    );
    // Zeros at the end carry no value, and would otherwise use up the digits that fit.
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    let exponent = i64::from(exponent) - i64::try_from(fraction.len())?;
    Ok((negative, digits.trim_start_matches('0').to_owned(), exponent))
}

/// Reads a number with at most 18 decimals. Nothing is rounded: more decimals, or a number outside the type, are errors.
pub fn wad(text: &str) -> Result<Wad> {
    let (digits, exponent) = parse(text)?;
    scaled(digits, exponent + WAD_DECIMALS)
        .map(Wad)
        .with_context(|| format!("needs more than 18 decimals, or is out of range: {text:?}"))
}

/// `digits · 10^power`, if that is a whole number within range.
pub fn scaled(digits: i128, power: i64) -> Option<i128> {
    let factor = 10_i128.checked_pow(u32::try_from(power.unsigned_abs()).ok()?);
    match (digits, factor) {
        (0, _) => Some(0),
        (_, Some(factor)) if power >= 0 => digits.checked_mul(factor),
        (_, Some(factor)) if digits % factor == 0 => Some(digits / factor),
        _ => None,
    }
}

/// `value / 10^decimals` in decimal text, every digit, without zeros at the end.
pub fn text(value: i128, decimals: u32) -> String {
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = decimals as usize + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals as usize);
    let fraction = fraction.trim_end_matches('0');
    let sign = if value < 0 { "-" } else { "" };
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

/// `numerator / denominator · 10^power` in decimal text of [`SIGNIFICANT`] digits, the last one rounded down; fewer if
/// the number ends before.
pub fn quotient(numerator: i128, denominator: u128, power: i64) -> String {
    let ten = U256::from(10);
    let denominator = U256::from(denominator);
    let mut left = U256::from(numerator.unsigned_abs());
    // numerator · 10^shift / denominator has enough digits, and more than the whole part.
    let mut shift = 0;
    let limit = denominator.saturating_mul(ten.pow(U256::from(SIGNIFICANT - 1)));
    while !left.is_zero() && left < limit {
        left *= ten;
        shift += 1;
    }
    let digits = left.checked_div(denominator).unwrap_or_default().to_string();
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return String::from("0");
    }
    let sign = if numerator < 0 { "-" } else { "" };
    // value = digits · 10^exponent
    let exponent = power - shift;
    let places = usize::try_from(-exponent).unwrap_or(0);
    let zeros = usize::try_from(exponent).unwrap_or(0);
    let digits = format!("{digits:0>width$}{:0<zeros$}", "", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

/// The text member `name` of a JSON object.
pub fn member<'a>(object: &'a serde_json::Value, name: &str) -> Result<&'a str> {
    match object.get(name) {
        Some(serde_json::Value::String(text)) => Ok(text),
        Some(_) => bail!("{name:?} must be a string"),
        None => bail!("{name:?} is missing"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wad_exact_texts_are_read_exactly() {
        for (text, raw) in [
            ("0", 0),
            ("-0", 0),
            ("1", 1_000_000_000_000_000_000),
            ("-.5", -500_000_000_000_000_000),
            ("+2.", 2_000_000_000_000_000_000),
            ("1e-18", 1),
            ("12.5E-1", 1_250_000_000_000_000_000),
            ("0.100000000000000000000000", 100_000_000_000_000_000),
            ("170141183460469231731.687303715884105727", i128::MAX),
        ] {
            assert_eq!(wad(text).unwrap(), Wad(raw), "{text}");
        }
    }

    #[test]
    fn wad_inexact_or_malformed_texts_are_refused() {
        for text in [
            "",
            ".",
            "-",
            "e5",
            "1e",
            "1.2.3",
            "0x10",
            "1_000",
            " 1",
            "NaN",
            "1e-19",
            "0.0000000000000000001",
            "170141183460469231731.687303715884105728",
            "1e30",
            "1e99999999999",
            "1e2147483647",
            "1e-2147483648",
        ] {
            assert!(wad(text).is_err(), "{text}");
        }
        assert_eq!(wad("0e2147483647").unwrap(), Wad(0));
    }

    #[test]
    fn nearest_any_number_of_digits_keeps_the_first() {
        assert_eq!(nearest("-0012.50").unwrap(), (-125, -1));
        assert_eq!(nearest(&i128::MAX.to_string()).unwrap(), (i128::MAX / 1_000, 3));
        let (digits, exponent) = nearest(&format!("0.{}", "3".repeat(50))).unwrap();
        assert_eq!((digits.to_string(), exponent), ("3".repeat(36), -36));
        assert!(nearest("1.2.3").is_err());
    }

    #[test]
    fn quotient_has_twenty_digits_or_ends_before() {
        assert_eq!(quotient(1, 3, 0), "0.33333333333333333333");
        assert_eq!(quotient(-2, 3, 3), "-666.66666666666666666");
        assert_eq!(quotient(5, 4, 0), "1.25");
        assert_eq!(quotient(5, 4, -3), "0.00125");
        assert_eq!(quotient(-7, 1, 2), "-700");
        assert_eq!(quotient(0, 7, 5), "0");
        assert_eq!(quotient(1_000, 1, -3), "1");
    }

    #[test]
    fn text_then_wad_returns_the_number() {
        for raw in [0, 1, -1, 10, -1_500_000_000_000_000_000, i128::MAX, i128::MIN + 1] {
            assert_eq!(wad(&text(raw, 18)).unwrap(), Wad(raw));
        }
        assert_eq!(text(-1_500, 3), "-1.5");
        assert_eq!(text(7, 0), "7");
    }
}
