//! The kernels against test/vectors, which scripts/vectors/kernels.py computes in 60 digits.
//!
//! `GIMBAL_VECTORS` names another folder with more cases. `--nocapture` shows the worst errors.

use std::{env, fs, path::PathBuf};

use fixed::{MathError, U256, Wad, cbrt, exp, ln, normal_cdf, normal_icdf, normal_pdf, pow, sqrt_down, sqrt_up};

/// Digits of a reference after those of a [`Wad`].
const EXTRA: usize = 18;

/// A number in units of 1e-36.
#[derive(Clone, Copy)]
struct Reference {
    negative: bool,
    size: U256,
}

impl Reference {
    fn parse(text: &str) -> Self {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let part: String = part
            .chars()
            .chain("0".repeat(18 + EXTRA).chars())
            .take(18 + EXTRA)
            .collect();
        let size = U256::from_str_radix(&format!("{whole}{part}"), 10).unwrap();
        Self { negative, size }
    }

    /// `result` less this, in units of 1e-36, and as a multiple of 1e-18.
    fn error(self, result: Wad) -> f64 {
        let size = U256::from(result.0.unsigned_abs()) * U256::from(10_u64.pow(18));
        let negative = result.0 < 0;
        let distance = if negative == self.negative || size.is_zero() || self.size.is_zero() {
            size.abs_diff(self.size)
        } else {
            size + self.size
        };
        let distance = f64::from(distance) / 1e18;
        let above = if negative == self.negative {
            size > self.size
        } else {
            self.negative
        };
        if above == negative { -distance } else { distance }
    }

    /// The largest error that is allowed: 2 units up to 1, then 2⁻⁵⁹ of the result.
    fn bound(self) -> f64 {
        let size = f64::from(self.size) / 1e18;
        if size <= 1e18 { 2.0 } else { size / 2_f64.powi(59) }
    }
}

fn raw(text: &str) -> Wad {
    let reference = Reference::parse(text);
    let size = reference.size / U256::from(10_u64.pow(18));
    let size = u128::try_from(size).unwrap().cast_signed();
    Wad(if reference.negative { size.wrapping_neg() } else { size })
}

fn cases(name: &str) -> Vec<Vec<String>> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../test/vectors");
    let folder = env::var_os("GIMBAL_VECTORS").map_or_else(default, PathBuf::from);
    let path = folder.join(name).with_extension("json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let cases: Vec<Vec<String>> = serde_json::from_value(file["cases"].clone()).unwrap();
    assert!(cases.len() >= 2_000, "{name} has {} cases only", cases.len());
    cases
}

/// Compares every case, and reports the largest error up to 1 and the largest above, as a share of its bound.
fn compare(name: &str, kernel: impl Fn(&[Wad]) -> Result<Wad, MathError>) -> Vec<(Wad, f64)> {
    let mut worst = [(0.0_f64, String::new()), (0.0, String::new())];
    let mut errors = Vec::new();
    let cases = cases(name);
    for case in &cases {
        let (result, arguments) = case.split_last().unwrap();
        let reference = Reference::parse(result);
        let inputs: Vec<Wad> = arguments.iter().map(|text| raw(text)).collect();
        let result = kernel(&inputs).unwrap_or_else(|error| panic!("{name}({arguments:?}): {error:?}"));
        let error = reference.error(result);
        errors.push((inputs[0], error));
        let share = error.abs() / reference.bound();
        let above = reference.bound() > 2.0 || f64::from(reference.size) > 1e36;
        let slot = &mut worst[usize::from(above)];
        if share > slot.0 {
            *slot = (share, arguments.join(", "));
        }
    }
    let [(small, at_small), (large, at_large)] = &worst;
    println!(
        "{name}: {} cases; up to 1 worst {:.3} units of 1e-18 at ({at_small}); above 1 worst {:.3} × 2^-59 at ({at_large})",
        cases.len(),
        small * 2.0,
        large,
    );
    assert!(
        *small <= 1.0,
        "{name}({at_small}) is wrong by {} units of 1e-18",
        small * 2.0
    );
    assert!(
        *large <= 1.0,
        "{name}({at_large}) is wrong by {large} × 2^-59 of the result"
    );
    errors
}

#[test]
fn exp_vectors_within_bound() {
    compare("exp", |x| exp(x[0]));
}

#[test]
fn ln_vectors_within_bound() {
    compare("ln", |x| ln(x[0]));
}

#[test]
fn sqrt_vectors_round_in_the_named_direction() {
    let down = compare("sqrt", |x| sqrt_down(x[0]));
    let up = compare("sqrt", |x| sqrt_up(x[0]));
    for ((x, down), (_, up)) in down.into_iter().zip(up) {
        assert!(
            (-1.0..=0.0).contains(&down) && (0.0..=1.0).contains(&up),
            "sqrt({x:?}): {down}, {up}"
        );
    }
}

#[test]
fn cbrt_vectors_within_bound() {
    compare("cbrt", |x| cbrt(x[0]));
}

#[test]
fn pow_vectors_within_bound() {
    compare("pow", |x| pow(x[0], x[1]));
}

#[test]
fn normal_cdf_vectors_within_bound() {
    compare("normal_cdf", |x| normal_cdf(x[0]));
}

#[test]
fn normal_pdf_vectors_within_bound() {
    compare("normal_pdf", |x| normal_pdf(x[0]));
}

#[test]
fn normal_icdf_vectors_within_bound_and_invert() {
    let errors = compare("normal_icdf", |p| normal_icdf(p[0]));
    // |Φ(x) − p| is the error of x times a density, which is at most 0.4 and that at x, but for a vanishing rest.
    let worst = errors.iter().map(|&(p, error)| {
        let x = normal_icdf(p).unwrap();
        let density = normal_pdf(x).unwrap();
        #[expect(clippy::cast_precision_loss, reason = "a few digits do")]
        let density = (density.0 + 2) as f64 / 1e18;
        (error.abs() * density, p)
    });
    let (worst, p) = worst.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
    println!("normal_icdf: |Φ(Φ⁻¹(p)) − p| worst {worst:.3} units of 1e-18 at {p:?}");
    assert!(worst <= 4.0, "Φ(Φ⁻¹({p:?})) is wrong by {worst} units of 1e-18");
}
