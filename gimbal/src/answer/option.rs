//! European options, by the `pricing` crate.

use crate::decimal::{member, parse, quotient, scaled, wad};
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use pricing::{Greeks, MAX_PRICE, ONE, Pricer, Right, SCALE, Terms};
use serde_json::{Value, json};

/// `kind, forward, strike, years, vol, rate` → `price, delta, gamma, vega, theta, rho`.
///
/// Delta and gamma are with respect to the forward; vega and rho per 1.00 of volatility and rate; theta per year, with
/// the forward unchanged. The engine computes in 52 bits of price and 60 binary digits of years, volatility and rate:
/// forward and strike keep 15 significant digits of the larger one, what lies below is rounded.
pub(super) fn answer(question: &Value) -> Result<Value> {
    let right = match member(question, "kind")? {
        "call" => Right::Call,
        "put" => Right::Put,
        other => bail!("no such kind: {other:?}; there are call and put"),
    };
    let forward = parse(member(question, "forward")?)?;
    let strike = parse(member(question, "strike")?)?;
    let decimals = decimals(forward).min(decimals(strike));
    let price = |(digits, exponent)| units(digits, exponent + decimals);
    let binary = |name| -> Result<i64> { fraction(wad(member(question, name)?)?.0).context(format!("{name:?}")) };
    let terms = Terms {
        forward: price(forward).context("\"forward\"")?,
        strike: price(strike).context("\"strike\"")?,
        years: positive("years", binary("years")?)?,
        volatility: positive("vol", binary("vol")?)?,
        rate: binary("rate")?,
    };
    // The error prints as its variant with the offending value, in the engine's own scale.
    let greeks = Pricer::new()
        .greeks(right, &terms)
        .map_err(|error| anyhow!("{error:?}"))?;
    let Greeks {
        price,
        delta,
        gamma,
        vega,
        theta,
        rho,
    } = greeks;
    let in_prices = |value: i64| quotient(value.into(), 1, -decimals);
    Ok(json!({
        "price": in_prices(price),
        "delta": quotient(delta.into(), SCALE.unsigned_abs().into(), 0),
        "gamma": quotient(gamma.into(), u128::from(SCALE.unsigned_abs()) * u128::from(terms.forward), decimals),
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

/// `digits · 10^power` to the nearest whole number.
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

/// A number with 18 decimals in binary digits, to the nearest.
fn fraction(raw: i128) -> Result<i64> {
    let scaled = raw.checked_mul(ONE.into()).context("out of range")?;
    let half = fixed::WAD / 2;
    let rounded = (scaled.unsigned_abs() + half.unsigned_abs()) / fixed::WAD.unsigned_abs();
    let size = i64::try_from(rounded).context("out of range")?;
    Ok(if raw < 0 { -size } else { size })
}

fn positive(name: &str, value: i64) -> Result<u64> {
    u64::try_from(value).map_err(|_| anyhow!("{name:?} must not be negative"))
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
    fn answer_outside_the_domain_names_it() {
        for (numbers, part) in [
            (["0", "1", "1", "1", "0"], "must be positive"),
            (["-1", "1", "1", "1", "0"], "must be positive"),
            (["1e30", "1", "1", "1", "0"], "too small beside"),
            (["1", "1", "-1", "1", "0"], "\"years\" must not be negative"),
            (["1", "1", "0", "1", "0"], "ExpiryOutOfRange"),
            (["1", "1", "1", "0.001", "0"], "VolatilityOutOfRange"),
            (["1", "1", "1", "9", "0"], "out of range"),
            (["1", "1", "1", "1", "5"], "RateOutOfRange"),
        ] {
            let error = format!("{:#}", ask("put", numbers).unwrap_err());
            assert!(error.contains(part), "{numbers:?}: {error}");
        }
        assert!(ask("straddle", ["1", "1", "1", "1", "0"]).is_err());
    }
}
