//! The measures against reference vectors (`scripts/vectors/lp.py`, `hedge.py`). Each test reports the largest error as a
//! share of its bound, with the arguments, and fails above 1. `GIMBAL_VECTORS` names a folder with larger sets.

use std::path::PathBuf;

use engine::{hedge, range::Range};
use fixed::{Bps, MathError, U256, WAD, Wad};
use serde_json::Value;

/// The file's cases, as texts.
fn cases(name: &str) -> Vec<Vec<String>> {
    let committed = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../test/vectors"));
    let folder = std::env::var_os("GIMBAL_VECTORS").map_or_else(committed, PathBuf::from);
    let path = folder.join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file: Value = serde_json::from_str(&text).expect("JSON");
    let cases: Vec<Vec<String>> = serde_json::from_value(file["cases"].clone()).expect("rows of texts");
    assert!(cases.len() >= 2_000, "{name} has {} cases", cases.len());
    cases
}

/// A decimal text in units of 1e-36, cut off there, and whether it is negative.
fn decimal(text: &str) -> (bool, U256) {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part: String = part.chars().chain(std::iter::repeat('0')).take(36).collect();
    (negative, format!("{whole}{part}").parse().expect("a decimal"))
}

/// A decimal text that is exact in 18 decimals.
fn wad(text: &str) -> Wad {
    let (negative, value) = decimal(text);
    let (raw, rest) = value.div_rem(U256::from(WAD));
    assert!(rest.is_zero(), "{text} is not exact");
    let raw = i128::try_from(raw).expect("in range");
    Wad(if negative { -raw } else { raw })
}

#[expect(clippy::cast_precision_loss, reason = "errors need few digits")]
fn float(x: Wad) -> f64 {
    x.0 as f64 / 1e18
}

fn number(text: &str) -> f64 {
    text.parse().expect("a number")
}

/// `computed` − reference in units of 1e-18.
fn error(computed: Wad, reference: &str) -> f64 {
    let (negative, expected) = decimal(reference);
    let magnitude = U256::from(computed.0.unsigned_abs()) * U256::from(WAD);
    let (low, high, sign) = match (computed.0 < 0, negative) {
        (false, true) => return f64::from(magnitude + expected) / 1e18,
        (true, false) => return -f64::from(magnitude + expected) / 1e18,
        (false, false) => (expected, magnitude, 1.0),
        (true, true) => (expected, magnitude, -1.0),
    };
    let distance = if high >= low {
        f64::from(high - low)
    } else {
        -f64::from(low - high)
    };
    sign * distance / 1e18
}

/// The largest error so far, as a share of its bound.
struct Worst {
    what: &'static str,
    share: f64,
    error: f64,
    case: Vec<String>,
}

impl Worst {
    fn new(what: &'static str) -> Self {
        Self {
            what,
            share: 0.0,
            error: 0.0,
            case: Vec::new(),
        }
    }

    /// The error of `computed` must lie between `low` and `high` (units of 1e-18, one of them may be 0). The reference has
    /// 36 significant digits, so its own error counts on top.
    fn check(&mut self, computed: Result<Wad, MathError>, reference: &str, low: f64, high: f64, case: &[String]) {
        let error = error(
            computed.unwrap_or_else(|error| panic!("{error:?} at {case:?}")),
            reference,
        );
        let slack = 1e-6 + number(reference).abs() * 5e-18;
        let share = if error > 0.0 {
            error / (high + slack)
        } else {
            error / (low - slack)
        };
        if share > self.share {
            *self = Self {
                share,
                error,
                case: case.to_vec(),
                ..*self
            };
        }
    }

    fn report(&self) {
        println!(
            "{}: {:.3e} units of 1e-18, {:.3} of the bound, at {:?}",
            self.what, self.error, self.share, self.case
        );
        assert!(self.share <= 1.0, "{} exceeds its bound", self.what);
    }
}

#[test]
fn range_matches_reference() {
    let mut worst = ["value_down", "value_up", "delta", "gamma", "asset", "underlying"].map(Worst::new);
    for case in cases("range") {
        let [liquidity, lower, upper, price, value, delta, gamma, asset, underlying] = case.as_slice() else {
            panic!("nine columns")
        };
        let range = Range {
            liquidity: wad(liquidity),
            sqrt_lower: wad(lower),
            sqrt_upper: wad(upper),
        };
        let price = wad(price);
        let (l, b) = (number(liquidity), number(upper));
        let x = float(range.root(price).unwrap());
        let held = range.amounts_down(price).unwrap();
        // The bounds that the functions' documentation derives. f64 keeps 1 − x/b to 1e-16 only, hence the L·1e-15.
        let down = 2.0 * l * (1.0 - x / b) + l * 1e-15 + 2.0;
        let [low, high, slope, bend, held_asset, held_tokens] = &mut worst;
        low.check(range.value_down(price), value, -down, 0.0, &case);
        high.check(range.value_up(price), value, 0.0, l * 1e-18 / x + 2.0, &case);
        let first = l / (x * x) * (1.0 + 1e-9) + 1.0;
        slope.check(range.delta(price), delta, -1.0, first, &case);
        let second = number(gamma).abs() / x * (1.0 + 1e-6) + 1.0;
        bend.check(range.gamma(price), gamma, -second, 0.0, &case);
        held_asset.check(Ok(held.asset), asset, -l - 1.0, 0.0, &case);
        held_tokens.check(Ok(held.underlying), underlying, -first, 0.0, &case);
    }
    worst.iter().for_each(Worst::report);
}

#[test]
fn bands_match_reference() {
    let mut worst = ["whalley_wilmott", "zakamouline", "variance_adjustment"].map(Worst::new);
    for case in cases("bands") {
        let [
            lambda,
            gamma,
            aversion,
            volatility,
            horizon,
            whalley,
            zakamouline,
            adjustment,
        ] = case.as_slice()
        else {
            panic!("eight columns")
        };
        let (cost, curvature, risk) = (wad(lambda), wad(gamma), wad(aversion));
        let (sigma, secs) = (Bps(volatility.parse().unwrap()), horizon.parse().unwrap());
        let (relative, averse) = (float(curvature), float(risk));
        let [first, second, third] = &mut worst;

        let h = number(whalley);
        // ∛q − ∛(q − 1e-18)
        let cut = if h > 1e-4 {
            1.01 / (3.0 * h * h)
        } else {
            (h - (h.powi(3) - 1e-18).max(0.0).cbrt()) * 1.001e18
        };
        let slack = 2.0 + h * 1.8; // 2⁻⁵⁹ of it
        first.check(
            hedge::whalley_wilmott(cost, curvature, risk),
            whalley,
            -cut - slack,
            slack,
            &case,
        );

        let h = number(zakamouline);
        let root = (relative / averse).sqrt();
        // The root's relative error: of the quotient below it, and its own.
        let cut = match root * root {
            square if square > 1e-12 => 0.51e-18 / square + 1e-18 / root,
            square if square > 2e-18 => 1e-18 / square + 1e-18 / root,
            _ => 1.0,
        };
        let bound = h * (cut.min(1.0) + 3e-16) * 1e18 + 4.0;
        second.check(
            hedge::zakamouline(cost, curvature, risk, sigma, secs),
            zakamouline,
            -bound,
            bound,
            &case,
        );

        let product = relative * averse;
        if product >= 1e-6 {
            let bound = number(adjustment).abs() * (4e-15 + 0.15e-18 / product) * 1e18 + 4.0;
            third.check(
                hedge::variance_adjustment(cost, curvature, risk, sigma, secs),
                adjustment,
                -bound,
                bound,
                &case,
            );
        }
    }
    worst.iter().for_each(Worst::report);
}
