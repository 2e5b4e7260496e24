//! European options, by the `pricing` crate.

use crate::decimal::{member, nearest, quotient, scaled};
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use fixed::U256;
use pricing::{Error, Greeks, MAX_PRICE, ONE, Pricer, Right, SCALE, Terms};
use serde_json::{Value, json};

/// The largest power of ten of the prices, either way: answers spell out their zeros.
const MAX_DECIMALS: u64 = 400;

/// `kind, forward, strike, years, vol, rate` → `price, delta, gamma, vega, theta, rho`.
///
/// Delta and gamma are with respect to the forward; vega and rho per 1.00 of volatility and rate; theta per year, with
/// the forward unchanged. Numbers may have any number of digits. The engine computes in 52 bits of price and 60 binary
/// digits of years, volatility and rate: forward and strike keep 51 bits of the larger one, what lies below is rounded.
pub(super) fn answer(question: &Value) -> Result<Value> {
    let right = match member(question, "kind")? {
        "call" => Right::Call,
        "put" => Right::Put,
        other => bail!("no such kind: {other:?}; there are call and put"),
    };
    let text = |name| member(question, name);
    let number = |name| nearest(text(name)?).with_context(|| format!("{name:?}"));
    let (forward, strike) = (number("forward")?, number("strike")?);
    let decimals = decimals(forward).min(decimals(strike));
    let at = |name, (digits, exponent): (i128, i64), steps| {
        units(digits * steps, exponent + decimals)
            .with_context(|| format!("{name:?} {:?}", text(name).unwrap_or_default()))
    };
    // 1.00 is steps·10^decimals of the engine's units: a power of ten alone would leave up to three bits unused.
    let larger = at("forward", forward, 1)?.max(at("strike", strike, 1)?);
    let steps = MAX_PRICE.unsigned_abs() / larger;
    let binary = |name| {
        fraction(number(name)?)
            .with_context(|| format!("{name:?} is out of range: {:?}", text(name).unwrap_or_default()))
    };
    let positive = |name| -> Result<u64> {
        let value = binary(name)?;
        u64::try_from(value).map_err(|_| anyhow!("{name:?} must not be negative: {:?}", text(name).unwrap_or_default()))
    };
    let terms = Terms {
        forward: at("forward", forward, steps.into())?,
        strike: at("strike", strike, steps.into())?,
        years: positive("years")?,
        volatility: positive("vol")?,
        rate: binary("rate")?,
    };
    ensure!(
        decimals.unsigned_abs() <= MAX_DECIMALS,
        "\"forward\" and \"strike\" are out of range"
    );
    let greeks = Pricer::new().greeks(right, &terms).map_err(|error| {
        let name = match error {
            Error::ExpiryOutOfRange(_) => "years",
            Error::VolatilityOutOfRange(_) => "vol",
            Error::RateOutOfRange(_) => "rate",
            Error::StrikeOutOfRange(_) => "strike",
            _ => "forward",
        };
        // The variant has the value in the engine's own scale.
        anyhow!(
            "{name:?} is out of range: {:?} ({error:?})",
            text(name).unwrap_or_default()
        )
    })?;
    let Greeks {
        price,
        delta,
        gamma,
        vega,
        theta,
        rho,
    } = greeks;
    let in_prices = |value: i64| quotient(value.into(), steps.into(), -decimals);
    Ok(json!({
        "price": in_prices(price),
        "delta": quotient(delta.into(), SCALE.unsigned_abs().into(), 0),
        "gamma": quotient(
            i128::from(gamma) * i128::from(steps),
            u128::from(SCALE.unsigned_abs()) * u128::from(terms.forward),
            decimals,
        ),
        "vega": in_prices(vega),
        "theta": in_prices(theta),
        "rho": in_prices(rho),
    }))
}

/// The power of ten that brings digits · 10^exponent just below the engine's largest price.
fn decimals((digits, exponent): (i128, i64)) -> i64 {
    let (mut power, mut size) = (-exponent, digits.unsigned_abs());
    let limit = MAX_PRICE.unsigned_abs().into();
    while size > limit {
        size /= 10;
        power -= 1;
    }
    while size > 0 && size <= u128::from(MAX_PRICE.unsigned_abs()) / 10 {
        size *= 10;
        power += 1;
    }
    power
}

/// `digits · 10^power` to the nearest whole number, for digits of at most 37 places.
fn units(digits: i128, power: i64) -> Result<u64> {
    ensure!(digits > 0, "must be positive");
    let size = if power >= 0 {
        scaled(digits, power).context("too large for the other price")?
    } else {
        let factor = u32::try_from(-power).ok().and_then(|power| 10_i128.checked_pow(power));
        factor.map_or(0, |factor| (digits + factor / 2) / factor)
    };
    let size = u64::try_from(size)?.min(MAX_PRICE.unsigned_abs());
    ensure!(size > 0, "too small beside the other price");
    Ok(size)
}

/// `digits · 10^exponent` in binary digits, to the nearest; `None` if that does not fit. Digits have at most 36 places.
fn fraction((digits, exponent): (i128, i64)) -> Option<i64> {
    let ten = U256::from(10);
    let power = ten.checked_pow(U256::from(exponent.unsigned_abs()));
    let size = U256::from(digits.unsigned_abs()).checked_mul(U256::from(ONE))?;
    let rounded = match power {
        _ if digits == 0 => U256::ZERO,
        Some(power) if exponent >= 0 => size.checked_mul(power)?,
        Some(power) => (size + power / U256::from(2)) / power,
        None if exponent < 0 => U256::ZERO,
        None => return None,
    };
    let size = i64::try_from(rounded).ok()?;
    Some(if digits < 0 { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(kind: &str, numbers: [&str; 5]) -> Result<Value> {
        let [forward, strike, years, vol, rate] = numbers;
        answer(&json!({
            "kind": kind, "forward": forward, "strike": strike, "years": years, "vol": vol, "rate": rate
        }))
    }

    fn number(value: &Value) -> f64 {
        value.as_str().unwrap().parse().unwrap()
    }

    #[test]
    fn answer_textbook_option_has_textbook_numbers() {
        // d1 = 0.1 for F = K, σ√T = 0.2: N(0.1) = 0.539827837277029, φ(0.1) = 0.396952547477012.
        for scale in ["", "e-9", "e9"] {
            let price = format!("100{scale}");
            let greeks = ask("call", [&price, &price, "1", "0.2", "0"]).unwrap();
            let unit: f64 = format!("1{scale}").parse().unwrap();
            let near = |name: &str, expected: f64| {
                let got = number(&greeks[name]);
                assert!(
                    (got - expected).abs() <= 1e-12 * expected.abs(),
                    "{name}: {got} {expected}"
                );
            };
            near("price", 100.0 * unit * (2.0 * 0.539_827_837_277_029 - 1.0));
            near("delta", 0.539_827_837_277_029);
            near("gamma", 0.396_952_547_477_012 / (100.0 * unit * 0.2));
            near("vega", 100.0 * unit * 0.396_952_547_477_012);
            near("theta", -100.0 * unit * 0.396_952_547_477_012 * 0.1);
            near("rho", -number(&greeks["price"]));
        }
    }

    #[test]
    fn answer_any_number_of_digits_is_read() {
        // An hour as a double prints it: 17 digits, 20 decimals.
        let hour = ask("call", ["100", "100", "0.00011415525114155251", "0.5", "0"]).unwrap();
        assert!((number(&hour["price"]) - 0.213_121_6).abs() < 1e-6, "{hour}");
        for long in [i128::MAX.to_string(), format!("0.{}", "3".repeat(60)), "9".repeat(300)] {
            let greeks = ask("put", [&long, &long, "1", "0.2", "0"]).unwrap();
            assert!((number(&greeks["delta"]) + 0.460_172).abs() < 1e-6, "{long}: {greeks}");
        }
    }

    #[test]
    fn answer_larger_price_uses_the_engines_bits() {
        // A power of ten alone leaves the forward 119,485,497,134,104 units, and the price 1.05e-13 of it off.
        let numbers = ["1.194854971341035e-9", "5.9742748567051747e-9", "2", "0.05", "-1"];
        let price = ask("put", numbers).unwrap();
        // (K − F)·e²: the option is worth its forward.
        let expected = 3.531_540_165_330_033e-8;
        assert!(
            (number(&price["price"]) - expected).abs() <= 8e-14 * 1.194_854_971_341_035e-9,
            "{price}"
        );
    }

    #[test]
    fn answer_outside_the_domain_names_it() {
        for (numbers, part) in [
            (["0", "1", "1", "1", "0"], "must be positive"),
            (["-1", "1", "1", "1", "0"], "must be positive"),
            (["1e30", "1", "1", "1", "0"], "\"strike\" \"1\": too small beside"),
            (["1e999", "1e999", "1", "1", "0"], "are out of range"),
            (["1", "1", "-1", "1", "0"], "\"years\" must not be negative"),
            (["1", "1", "0", "1", "0"], "ExpiryOutOfRange"),
            (["1", "1", "1", "0.001", "0"], "VolatilityOutOfRange"),
            (["1", "1", "1", "9", "0"], "\"vol\" is out of range: \"9\""),
            (["1", "1", "1", "1", "x"], "\"rate\": not a decimal number: \"x\""),
            (
                ["1", "1", "1", "1", "5"],
                "\"rate\" is out of range: \"5\" (RateOutOfRange",
            ),
        ] {
            let error = format!("{:#}", ask("put", numbers).unwrap_err());
            assert!(error.contains(part), "{numbers:?}: {error}");
        }
        assert!(ask("straddle", ["1", "1", "1", "1", "0"]).is_err());
    }
}
