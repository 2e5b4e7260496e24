//! Liquidity ranges, by the engine.

use crate::decimal::{member, text, wad};
use anyhow::{Result, anyhow, ensure};
use engine::range::Range;
use serde_json::{Value, json};

/// `liquidity, lower, upper, price` → `value, delta, gamma`, all in whole units; the bounds are prices.
///
/// Value and delta are rounded down, as the vault's marks are; without fees. The roots of the bounds are rounded down to
/// 18 decimals first, so all of it is of a range that lies lower by up to 2e-18/√bound of itself.
pub(super) fn answer(question: &Value) -> Result<Value> {
    let [liquidity, lower, upper, price] =
        ["liquidity", "lower", "upper", "price"].map(|name| member(question, name).and_then(wad));
    let (liquidity, lower, upper, price) = (liquidity?, lower?, upper?, price?);
    ensure!(liquidity.0 >= 0, "\"liquidity\" must not be negative");
    ensure!(lower.0 > 0 && lower < upper, "must hold: 0 < lower < upper");
    ensure!(price.0 > 0, "\"price\" must be positive");
    let named = |error| anyhow!("{error:?}");
    let range = Range {
        liquidity,
        sqrt_lower: fixed::sqrt_down(lower).map_err(named)?,
        sqrt_upper: fixed::sqrt_down(upper).map_err(named)?,
    };
    ensure!(
        range.sqrt_lower.0 > 0 && range.sqrt_lower < range.sqrt_upper,
        "the range is too narrow or too low"
    );
    ensure!(range.sqrt_upper.0 < 1 << 79, "\"upper\" is out of range");
    let number = |name, result: Result<fixed::Wad, fixed::MathError>| {
        result
            .map(|value| text(value.0, 18))
            .map_err(|error| anyhow!("{name:?} cannot be computed: {error:?}"))
    };
    Ok(json!({
        "value": number("value", range.value_down(price))?,
        "delta": number("delta", range.delta(price))?,
        "gamma": number("gamma", range.gamma(price))?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(liquidity: &str, lower: &str, upper: &str, price: &str) -> Result<Value> {
        answer(&json!({ "liquidity": liquidity, "lower": lower, "upper": upper, "price": price }))
    }

    #[test]
    fn answer_below_inside_and_above_equals_hand_computed_numbers() {
        // √Pa = 2, √Pb = 8.
        let below = ask("10", "4", "64", "1").unwrap();
        assert_eq!(below, json!({ "value": "3.75", "delta": "3.75", "gamma": "0" }));
        // 10·(2·4 − 16/8 − 2) = 40; 10·(1/4 − 1/8); −10/(2·64)
        let inside = ask("10", "4", "64", "16").unwrap();
        assert_eq!(inside, json!({ "value": "40", "delta": "1.25", "gamma": "-0.078125" }));
        let above = ask("10", "4", "64", "100").unwrap();
        assert_eq!(above, json!({ "value": "60", "delta": "0", "gamma": "0" }));
    }

    #[test]
    fn answer_bounds_in_the_wrong_order_are_refused() {
        assert!(ask("10", "64", "4", "16").is_err());
        assert!(ask("10", "0", "4", "1").is_err());
        assert!(ask("-1", "1", "4", "1").is_err());
        assert!(ask("1", "1", "4", "0").is_err());
        assert!(ask("1", "1", "1e19", "1").is_err());
        let error = ask("1e20", "1", "4e4", "2").unwrap_err().to_string();
        assert_eq!(error, "\"value\" cannot be computed: Overflow");
    }
}
