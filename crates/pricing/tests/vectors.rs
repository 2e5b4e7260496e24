//! The formula against its high-precision references in `test/vectors`.
//!
//! `GIMBAL_VECTORS` names a folder with a larger set.

use std::{env, fs, path::PathBuf};

use pricing::{Pricer, Right, SCALE, Terms};
use serde_json::Value;

fn cases(name: &str) -> Vec<Vec<String>> {
    let folder = env::var_os("GIMBAL_VECTORS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../test/vectors")),
        PathBuf::from,
    );
    let text = fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let text = |x: &Value| x.as_str().unwrap().to_owned();
    let row = |row: &Value| row.as_array().unwrap().iter().map(text).collect();
    file["cases"].as_array().unwrap().iter().map(row).collect()
}

/// `ours / scale − reference`: exact enough, because the whole and the rest are subtracted apart.
#[expect(clippy::cast_precision_loss, reason = "differences are small")]
fn difference(ours: i64, scale: i64, reference: &str) -> f64 {
    let (sign, digits) = reference
        .strip_prefix('-')
        .map_or((1.0, reference), |rest| (-1.0, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let whole: i128 = whole.parse().unwrap();
    let part: f64 = format!("0.{part}").parse().unwrap();
    let whole = if sign < 0.0 { -whole } else { whole } * i128::from(scale);
    ((i128::from(ours) - whole) as f64 - sign * part * scale as f64) / scale as f64
}

struct Worst {
    name: &'static str,
    ratio: f64,
    error: f64,
    case: Vec<String>,
}

impl Worst {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            ratio: 0.0,
            error: 0.0,
            case: Vec::new(),
        }
    }

    fn note(&mut self, error: f64, bound: f64, case: &[String]) {
        if error.abs() / bound > self.ratio {
            self.ratio = error.abs() / bound;
            self.error = error;
            self.case = case.to_vec();
        }
    }
}

fn right(text: &str) -> Right {
    if text == "put" { Right::Put } else { Right::Call }
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "bounds")]
fn greeks_reference_cases_are_within_the_bounds() {
    let pricer = Pricer::new();
    let mut worst = ["price", "delta", "gamma", "vega", "theta", "rho"].map(Worst::new);
    for case in cases("black") {
        let number = |i: usize| case[i].parse().unwrap();
        let terms = Terms {
            forward: number(1),
            strike: number(2),
            years: number(3),
            volatility: number(4),
            rate: case[5].parse().unwrap(),
        };
        let got = pricer.greeks(right(&case[0]), &terms).unwrap();
        let forward = terms.forward as f64;
        let ours = [got.price, got.delta, got.gamma, got.vega, got.theta, got.rho];
        for (i, worst) in worst.iter_mut().enumerate() {
            let reference = &case[6 + i];
            let size: f64 = reference.parse().unwrap();
            let (scale, per) = if i == 1 || i == 2 { (SCALE, 1.0) } else { (1, forward) };
            let error = difference(ours[i], scale, reference) / per;
            let bound = if i == 0 {
                1e-13
            } else {
                1e-12_f64.max(1e-10 * size.abs() / per)
            };
            worst.note(error, bound, &case);
        }
    }
    for worst in &worst {
        println!(
            "{}: {:.2e}, {:.3} of the bound, at {:?}",
            worst.name, worst.error, worst.ratio, worst.case
        );
    }
    for worst in worst {
        assert!(
            worst.ratio <= 1.0,
            "{}: {:e} at {:?}",
            worst.name,
            worst.error,
            worst.case
        );
    }
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "bounds")]
fn implied_volatility_reference_cases_are_within_the_bounds() {
    let pricer = Pricer::new();
    let mut worst = ["volatility", "price"].map(Worst::new);
    for case in cases("implied_volatility") {
        let number = |i: usize| case[i].parse::<u64>().unwrap();
        let terms = Terms {
            forward: number(1),
            strike: number(2),
            years: number(3),
            volatility: 0,
            rate: case[4].parse().unwrap(),
        };
        let (price, expected) = (number(5), number(6));
        let vega: f64 = case[7].parse().unwrap();
        let got = pricer.implied_volatility(right(&case[0]), &terms, price).unwrap();
        let again = pricer
            .greeks(
                right(&case[0]),
                &Terms {
                    volatility: got,
                    ..terms
                },
            )
            .unwrap();
        let forward = terms.forward as f64;
        let repriced = (i128::from(again.price) - i128::from(price)) as f64 / forward;
        worst[1].note(repriced, 2e-12, &case);
        if vega >= 2e-3 * forward {
            let error = (i128::from(got) - i128::from(expected)) as f64 / pricing::ONE as f64;
            worst[0].note(error, 1e-9, &case);
        }
    }
    for worst in &worst {
        println!(
            "{}: {:.2e}, {:.3} of the bound, at {:?}",
            worst.name, worst.error, worst.ratio, worst.case
        );
    }
    for worst in worst {
        assert!(
            worst.ratio <= 1.0,
            "{}: {:e} at {:?}",
            worst.name,
            worst.error,
            worst.case
        );
    }
}
