//! The Solidity baseline against its references: the bounds are those of the Rust side.
//!
//! `GIMBAL_VECTORS` names a folder with larger sets.

use alloy_primitives::{Address, I256, hex};
use alloy_sol_types::{SolCall, sol};
use bench::{
    Machine,
    portfolio::{Order, bytes},
    root,
};
use serde_json::Value;
use std::{collections::BTreeMap, env, fs, path::PathBuf};

sol! {
    function exp(int256[] xs) returns (int256[] ys);
    function ln(int256[] xs) returns (int256[] ys);
    function sqrt(int256[] xs) returns (int256[] ys);
    function cbrt(int256[] xs) returns (int256[] ys);
    function pow(int256[] xs) returns (int256[] ys);
    function cdf(int256[] xs) returns (int256[] ys);
    function pdf(int256[] xs) returns (int256[] ys);
    function icdf(int256[] xs) returns (int256[] ys);
}

/// Decimal places that references are compared at: exact in 256 bits beside any result here.
const PLACES: usize = 36;

fn cases(name: &str) -> Vec<Vec<String>> {
    let folder = env::var_os("GIMBAL_VECTORS").map_or_else(|| root().join("test/vectors"), PathBuf::from);
    let file: Value = serde_json::from_str(&fs::read_to_string(folder.join(format!("{name}.json"))).unwrap()).unwrap();
    let text = |x: &Value| x.as_str().unwrap().to_owned();
    let row = |row: &Value| row.as_array().unwrap().iter().map(text).collect();
    file["cases"].as_array().unwrap().iter().map(row).collect()
}

/// A decimal string in units of 10^-PLACES, cut off there.
fn reference(text: &str) -> I256 {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let part: String = part.chars().chain("0".repeat(PLACES).chars()).take(PLACES).collect();
    let size: I256 = format!("{whole}{part}").parse().unwrap();
    if negative { -size } else { size }
}

/// An integer of `10^-decimals` or `2^-places` in units of 10^-PLACES, as a float after the reference is taken off.
fn difference(ours: I256, scale: I256, reference: I256) -> f64 {
    let unit = I256::try_from(10).unwrap().pow(alloy_primitives::U256::from(PLACES));
    let (whole, rest) = (ours / scale, ours % scale);
    float(whole * unit + rest * (unit / scale) + rest * (unit % scale) / scale - reference) * 1e-36
}

fn float(x: I256) -> f64 {
    x.to_string().parse().unwrap()
}

#[derive(Default)]
struct Worst {
    ratio: f64,
    case: Vec<String>,
}

impl Worst {
    fn note(&mut self, ratio: f64, case: &[String]) {
        if ratio > self.ratio {
            *self = Self {
                ratio,
                case: case.to_vec(),
            };
        }
    }
}

fn big(bytes: &[u8]) -> i64 {
    i64::from_be_bytes(bytes.try_into().unwrap())
}

#[test]
fn greeks_reference_cases_are_within_the_bounds() {
    let mut machine = Machine::default();
    let greeks = machine.contract("Greeks").unwrap();
    let names = ["price", "delta", "forward gamma", "vega", "theta", "rho"];
    let mut worst: [Worst; 6] = Default::default();
    for chunk in cases("black").chunks(200) {
        let records = chunk.iter().flat_map(|case| {
            let put = u64::from(case[0] == "put") << 63;
            let number = |i: usize| case[i].parse::<u64>().unwrap();
            let rate = case[5].parse::<i64>().unwrap().cast_unsigned();
            [number(1), number(2) | put, number(3), number(4), rate]
        });
        let (_, output) = machine.call(greeks, bytes(records, Order::Big)).unwrap();
        for (case, result) in chunk.iter().zip(output.chunks(48)) {
            let forward: f64 = case[1].parse().unwrap();
            for (i, (worst, number)) in worst.iter_mut().zip(result.chunks(8)).enumerate() {
                let (scale, per) = if i == 1 || i == 2 {
                    (pricing::SCALE, 1.0)
                } else {
                    (1, forward)
                };
                let scale = I256::try_from(scale).unwrap();
                let expected = reference(&case[6 + i]);
                let error = difference(I256::try_from(big(number)).unwrap(), scale, expected).abs() / per;
                let size = float(expected).abs() * 1e-36 / per;
                let bound = if i == 0 { 1e-13 } else { 1e-12_f64.max(1e-10 * size) };
                worst.note(error / bound, case);
            }
        }
    }
    for (name, worst) in names.iter().zip(&worst) {
        println!("{name}: {:.3} of the bound at {:?}", worst.ratio, worst.case);
        assert!(worst.ratio > 0.0 && worst.ratio <= 1.0, "{name}");
    }
}

#[test]
fn greeks_terms_outside_the_domain_revert() {
    let mut machine = Machine::default();
    let greeks = machine.contract("Greeks").unwrap();
    let fine = bench::portfolio::option(1);
    assert!(machine.call(greeks, bytes(fine, Order::Big)).is_ok());
    for (place, value) in [
        (0, 0),
        (0, 1 << 52),
        (1, 0),
        (1, 1 << 52),
        (2, pricing::MIN_YEARS.cast_unsigned() - 1),
        (2, 1 << 63),
        (3, pricing::MIN_VOLATILITY.cast_unsigned() - 1),
        (3, 1 << 63),
        (4, (i64::MAX / 2).cast_unsigned()),
        (4, (i64::MIN / 2).cast_unsigned()),
    ] {
        let mut terms = fine;
        // Two years, so that a rate of ±400 % is too much.
        terms[2] = 2 << 60;
        terms[place] = value;
        assert!(
            machine.call(greeks, bytes(terms, Order::Big)).is_err(),
            "{place}: {value}"
        );
    }
}

/// Errors of each kernel: the worst in units of 1e-18 where the result is at most 1, and in 2^-59 of it above.
fn kernel_errors(contract: &str, kernels: &[&str]) -> BTreeMap<String, [Worst; 2]> {
    let mut machine = Machine::default();
    let address = machine.contract(contract).unwrap();
    let wad = I256::try_from(10_u64.pow(18)).unwrap();
    let mut worst: BTreeMap<String, [Worst; 2]> = BTreeMap::new();
    let all = cases("solidity_kernels");
    for kernel in kernels {
        let chosen: Vec<_> = all.iter().filter(|case| case[0] == *kernel).collect();
        let xs = chosen
            .iter()
            .flat_map(|case| &case[1..=1 + usize::from(*kernel == "pow")])
            .map(|x| x.parse().unwrap())
            .collect();
        let ys = map(&machine, address, kernel, xs);
        assert_eq!(ys.len(), chosen.len());
        let [small, large] = worst.entry((*kernel).to_owned()).or_default();
        for (case, y) in chosen.into_iter().zip(ys) {
            let expected = reference(&case[3]);
            let error = difference(y, wad, expected).abs();
            let size = float(expected).abs() * 1e-36;
            if size <= 1.0 {
                small.note(error * 1e18, case);
            } else {
                large.note(error / size * 2_f64.powi(59), case);
            }
        }
        println!(
            "{contract} {kernel}: {:.3} units of 1e-18 at {:?}, {:.3} of 2^-59 at {:?}",
            small.ratio, small.case, large.ratio, large.case
        );
    }
    worst
}

fn map(machine: &Machine, address: Address, kernel: &str, xs: Vec<I256>) -> Vec<I256> {
    let data = match kernel {
        "exp" => expCall { xs }.abi_encode(),
        "ln" => lnCall { xs }.abi_encode(),
        "sqrt" => sqrtCall { xs }.abi_encode(),
        "cbrt" => cbrtCall { xs }.abi_encode(),
        "pow" => powCall { xs }.abi_encode(),
        "cdf" => cdfCall { xs }.abi_encode(),
        "pdf" => pdfCall { xs }.abi_encode(),
        "icdf" => icdfCall { xs }.abi_encode(),
        _ => panic!("no kernel {kernel}"),
    };
    let (_, output) = machine.call(address, data).unwrap();
    expCall::abi_decode_returns(&output).unwrap()
}

#[test]
fn kernels_reference_cases_are_within_the_bounds_of_exact_kernels() {
    let errors = kernel_errors("Kernels", &["exp", "ln", "sqrt", "cbrt", "cdf", "pdf", "icdf", "pow"]);
    for (kernel, [small, large]) in &errors {
        // solady's power is an exponential of a logarithm, both rounded: it does not reach what the others do.
        let bound = if kernel == "pow" { (3.0, 8.0) } else { (2.0, 1.0) };
        assert!(small.ratio <= bound.0 && large.ratio <= bound.1, "{kernel}");
    }
}

#[test]
fn prb_kernels_reference_cases_show_what_prb_math_reaches() {
    let errors = kernel_errors("PrbKernels", &["sqrt"]);
    assert!(errors["sqrt"].iter().all(|worst| worst.ratio <= 1.0));
}

#[test]
fn margin_reference_portfolios_are_within_a_billionth_of_their_size() {
    let mut machine = Machine::default();
    let margin = machine.contract("Margin").unwrap();
    let mut worst = Worst::default();
    for case in cases("solidity_margin") {
        let (_, output) = machine.call(margin, hex::decode(&case[0]).unwrap()).unwrap();
        let number = |i: usize| big(&output[8 * i..8 * i + 8]);
        let [expected, second, size] = [1, 2, 4].map(|i| case[i].parse::<f64>().unwrap());
        let error = (float(I256::try_from(number(33)).unwrap()) - expected).abs() / size;
        worst.note(error, &case[1..]);
        if expected - second > 1e-8 * size {
            assert_eq!(case[3], number(34).to_string(), "scenario of {case:?}");
            assert_eq!((0..33).map(number).max(), Some(number(33)));
        }
    }
    println!("margin: {:.2e} of the size at {:?}", worst.ratio, worst.case);
    assert!(worst.ratio < 1e-9);
}
