//! `fixed`: every public function on any number, checked against exact arithmetic or its own inverse.

use super::Input;
use alloy_primitives::{U256, U512};
use fixed::{BPS, Bps, MathError, WAD, Wad, pow10};

/// Arguments of the transcendental kernels at least this far apart have results in order: 2⁻⁴⁸.
const STEP: i128 = 3_553;

/// Runs all kernels on three signed and three unsigned numbers; whether any transcendental one had a result.
pub fn run(data: &[u8]) -> bool {
    let mut input = Input(data);
    let (a, b, c) = (input.wad(), input.wad(), input.wad());
    arithmetic(a, b, Bps(c.0 as u32));
    roots(a);
    let small = Wad(b.0 % (50 * WAD));
    let far = [transcendental(a), transcendental(small)];
    cube_root(a);
    power(a, c);
    power(Wad(a.0.unsigned_abs().cast_signed().max(1)), small);
    normal(b);
    normal(small);
    let decimals = input.byte();
    let (x, y, z) = (input.wide(), input.wide(), input.wide());
    integers(x, y, z);
    conversions(x, b, decimals);
    far.contains(&true)
}

fn wide(x: i128) -> U512 {
    U512::from(x.unsigned_abs())
}

/// |a·b/d| rounded away from zero or towards it.
fn magnitude(a: i128, b: i128, d: i128, away: bool) -> U512 {
    let (quotient, rest) = (wide(a) * wide(b)).div_rem(wide(d));
    quotient + U512::from(u8::from(away && !rest.is_zero()))
}

fn check(a: i128, b: i128, d: i128, up: bool, result: Result<Wad, MathError>) {
    if d == 0 {
        return assert_eq!(result, Err(MathError::DivisionByZero));
    }
    let negative = (a < 0) ^ (b < 0) ^ (d < 0);
    let exact = magnitude(a, b, d, up != negative);
    match result {
        Ok(x) => {
            assert_eq!(wide(x.0), exact, "{a} {b} {d} {up}");
            assert!(x.0 == 0 || (x.0 < 0) == negative, "{a} {b} {d} {up}");
        }
        Err(error) => {
            assert_eq!(error, MathError::Overflow);
            assert!(exact > wide(i128::MAX), "{a} {b} {d} {up}");
        }
    }
}

fn arithmetic(a: Wad, b: Wad, share: Bps) {
    for (up, results) in [
        (false, [a.mul_down(b), a.div_down(b), a.mul_bps_down(share)]),
        (true, [a.mul_up(b), a.div_up(b), a.mul_bps_up(share)]),
    ] {
        let [product, quotient, part] = results;
        check(a.0, b.0, WAD, up, product);
        check(a.0, WAD, b.0, up, quotient);
        check(a.0, share.0.into(), BPS.into(), up, part);
    }
    assert_eq!(a.add(b).ok().map(|x| x.0), a.0.checked_add(b.0));
    assert_eq!(a.sub(b).ok().map(|x| x.0), a.0.checked_sub(b.0));
    assert_eq!(a.neg().ok().map(|x| x.0), a.0.checked_neg());
    assert_eq!(a.abs().ok().map(|x| x.0), a.0.checked_abs());
}

fn roots(x: Wad) {
    let (down, up) = (fixed::sqrt_down(x), fixed::sqrt_up(x));
    if x.0 < 0 {
        assert_eq!([down, up], [Err(MathError::SqrtNegative(x)); 2]);
        return;
    }
    let (down, up) = (down.expect("defined"), up.expect("defined"));
    let target = wide(x.0) * wide(WAD);
    let square = |x: i128| wide(x) * wide(x);
    assert!(square(down.0) <= target && square(down.0 + 1) > target, "{x:?}");
    assert_eq!(up.0 - down.0, i128::from(square(down.0) != target), "{x:?}");
}

/// Whether exp or ln had a result that is neither 0 nor an error.
fn transcendental(x: Wad) -> bool {
    let next = Wad(x.0.saturating_add(STEP));
    let mut far = false;
    match fixed::exp(x) {
        Err(error) => {
            assert_eq!(error, MathError::ExpOverflow(x));
            assert!(fixed::exp(next).is_err());
        }
        Ok(y) => {
            assert!(y.0 >= 0, "{x:?}");
            if let Ok(above) = fixed::exp(next) {
                assert!(y <= above || next.0 - x.0 < STEP, "{x:?} {y:?} {above:?}");
            }
            if y.0 > 0 {
                far = true;
                // exp is off by a unit or 2⁻⁶⁰ of itself, ln by 1.3 units or 2⁻⁵⁹.
                let slack = 4 + (x.0.abs() >> 59) + WAD / y.0 * 2;
                let back = fixed::ln(y).expect("positive");
                assert!((back.0 - x.0).abs() <= slack || y.0 <= 2, "{x:?} {back:?}");
            }
        }
    }
    match fixed::ln(x) {
        Err(error) => {
            assert_eq!(error, MathError::LnNonPositive(x));
            assert!(x.0 <= 0);
        }
        Ok(y) => {
            far = true;
            let above = fixed::ln(next).expect("positive");
            assert!(
                x.0 >= 100 * WAD || next.0 - x.0 < STEP || y <= above,
                "{x:?} {y:?} {above:?}"
            );
            if let Ok(back) = fixed::exp(y) {
                // ln is off by 1.3 units or 2⁻⁵⁹ of itself (at most 46.6), exp by a unit or 2⁻⁶⁰.
                let slack = 4 + (x.0 >> 52);
                assert!((back.0 - x.0).abs() <= slack, "{x:?} {back:?}");
            }
        }
    }
    far
}

fn cube_root(x: Wad) {
    let y = fixed::cbrt(x).expect("never an error");
    if x.0 > i128::MIN {
        assert_eq!(fixed::cbrt(Wad(-x.0)), Ok(Wad(-y.0)), "{x:?}");
    }
    // Off by 1.5 units or 2⁻⁶⁰ of itself, so the cube lies between those of the neighbours.
    let slack = 2 + (y.0.abs() >> 60);
    let cube = |y: i128| wide(y.max(0)) * wide(y.max(0)) * wide(y.max(0));
    let target = wide(x.0) * wide(WAD) * wide(WAD);
    let size = y.0.abs();
    assert!(
        cube(size - slack) <= target && target <= cube(size + slack),
        "{x:?} {y:?}"
    );
    let next = Wad(x.0.saturating_add(STEP));
    if x.0.unsigned_abs() < 1000 * WAD.unsigned_abs() {
        assert!(y <= fixed::cbrt(next).expect("never an error"), "{x:?}");
    }
}

fn power(base: Wad, exponent: Wad) {
    let result = fixed::pow(base, exponent);
    match result {
        Err(MathError::PowDomain(of)) => {
            assert!(of == base && (base.0 < 0 || base.0 == 0 && exponent.0 < 0));
        }
        Err(error) => {
            assert_eq!(error, MathError::PowOverflow(exponent));
            assert!(
                base.0 > 0 && (base.0 > WAD) == (exponent.0 > 0),
                "{base:?} {exponent:?}"
            );
            // The reciprocal is next to nothing.
            if let Some(other) = exponent.0.checked_neg() {
                assert!(
                    fixed::pow(base, Wad(other)).is_ok_and(|y| y.0 <= 1),
                    "{base:?} {exponent:?}"
                );
            }
        }
        Ok(y) => {
            assert!(base.0 >= 0 && y.0 >= 0, "{base:?} {exponent:?}");
            let one = base.0 == WAD || exponent.0 == 0;
            let grows = (base.0 > WAD) == (exponent.0 > 0);
            assert!(
                one || if grows { y.0 >= WAD } else { y.0 <= WAD },
                "{base:?} {exponent:?} {y:?}"
            );
            if base.0 > 0 && y.0 > 0 && exponent.0 > i128::MIN {
                // Times its reciprocal it is one, as far as the digits of the smaller of the two go.
                if let Ok(inverse) = fixed::pow(base, Wad(-exponent.0)) {
                    let (low, high) = (y.min(inverse).0, y.max(inverse).0);
                    let product = magnitude(low, high, WAD, false).to::<u128>().cast_signed();
                    let slack = (high / WAD + 2) * 3 / 2 + (WAD >> 57);
                    assert!(
                        (product - WAD).abs() <= slack,
                        "{base:?} {exponent:?} {y:?} {inverse:?}"
                    );
                }
            }
            if exponent.0 == WAD && base.0 > 0 {
                assert!((y.0 - base.0).abs() <= 1 + (base.0 >> 59), "{base:?} {y:?}");
            }
        }
    }
}

fn normal(x: Wad) {
    let density = fixed::normal_pdf(x).expect("never an error");
    let below = fixed::normal_cdf(x).expect("never an error");
    assert!((0..=398_942_280_401_432_679).contains(&density.0), "{x:?} {density:?}");
    assert!((0..=WAD).contains(&below.0), "{x:?} {below:?}");
    if let Some(other) = x.0.checked_neg() {
        assert_eq!(fixed::normal_pdf(Wad(other)), Ok(density), "{x:?}");
        let above = fixed::normal_cdf(Wad(other)).expect("never an error");
        assert_eq!(below.0 + above.0, WAD, "{x:?}");
    }
    let next = Wad(x.0.saturating_add(STEP));
    assert!(below <= fixed::normal_cdf(next).expect("never an error"), "{x:?}");
    let further = fixed::normal_pdf(next).expect("never an error");
    assert!(x.0 < 0 || further <= density, "{x:?}");

    // The quantile of the probability is the number again, as far as the probability's digits go.
    match fixed::normal_icdf(below) {
        Ok(back) => {
            let slack = 8 + 4 * WAD / density.0.max(1) + (x.0.abs() >> 58);
            assert!((back.0 - x.0).abs() <= slack || density.0 < 1_000, "{x:?} {back:?}");
        }
        Err(error) => {
            assert_eq!(error, MathError::ProbabilityOutOfRange(below));
            assert!(below.0 == 0 || below.0 == WAD);
        }
    }
    // Any number as a probability, and as one within the domain.
    for p in [x, Wad(x.0.rem_euclid(WAD))] {
        match fixed::normal_icdf(p) {
            Ok(quantile) => {
                let back = fixed::normal_cdf(quantile).expect("never an error");
                assert!((back.0 - p.0).abs() <= 4, "{p:?} {back:?}");
                assert_eq!(fixed::normal_icdf(Wad(WAD - p.0)), Ok(Wad(-quantile.0)));
                if p.0 + STEP < WAD {
                    let next = fixed::normal_icdf(Wad(p.0 + STEP)).expect("within the domain");
                    assert!(quantile <= next, "{p:?} {quantile:?} {next:?}");
                }
            }
            Err(error) => {
                assert_eq!(error, MathError::ProbabilityOutOfRange(p));
                assert!(p.0 <= 0 || p.0 >= WAD);
            }
        }
    }
}

fn integers(a: U256, b: U256, d: U256) {
    let checked = |x: Option<U256>| x.ok_or(MathError::Overflow);
    assert_eq!(fixed::add(a, b), checked(a.checked_add(b)));
    assert_eq!(fixed::sub(a, b), checked(a.checked_sub(b)));
    assert_eq!(fixed::mul(a, b), checked(a.checked_mul(b)));
    let (down, up) = (fixed::mul_div_down(a, b, d), fixed::mul_div_up(a, b, d));
    if d.is_zero() {
        assert_eq!([down, up], [Err(MathError::DivisionByZero); 2]);
        return;
    }
    let (quotient, rest) = (U512::from(a) * U512::from(b)).div_rem(U512::from(d));
    let fits = |x: U512| {
        (x <= U512::from(U256::MAX))
            .then(|| x.to::<U256>())
            .ok_or(MathError::Overflow)
    };
    assert_eq!(down, fits(quotient), "{a} {b} {d}");
    assert_eq!(
        up,
        fits(quotient + U512::from(u8::from(!rest.is_zero()))),
        "{a} {b} {d}"
    );
}

fn conversions(units: U256, w: Wad, decimals: u8) {
    // Most inputs have decimals that a token may have.
    let decimals = if decimals < 220 {
        decimals % (fixed::MAX_DECIMALS + 1)
    } else {
        decimals
    };
    let (down, up) = (
        fixed::wad_from_units_down(units, decimals),
        fixed::wad_from_units_up(units, decimals),
    );
    let Ok(one) = pow10(decimals) else {
        assert!(decimals > fixed::MAX_DECIMALS);
        assert_eq!([down, up], [Err(MathError::Overflow); 2]);
        assert!(fixed::units_from_wad_down(w, decimals).is_err() && fixed::units_from_wad_up(w, decimals).is_err());
        return;
    };
    let divide = |x: U512, d: U512, away: bool| {
        let (quotient, rest) = x.div_rem(d);
        quotient + U512::from(u8::from(away && !rest.is_zero()))
    };
    for (result, away) in [(down, false), (up, true)] {
        let exact = divide(U512::from(units) * wide(WAD), U512::from(one), away);
        match result {
            Ok(x) => assert_eq!(U512::from(u128::try_from(x.0).expect("not negative")), exact),
            Err(_) => assert!(exact > wide(i128::MAX)),
        }
    }
    for (result, away) in [
        (fixed::units_from_wad_down(w, decimals), false),
        (fixed::units_from_wad_up(w, decimals), true),
    ] {
        let exact = divide(wide(w.0) * U512::from(one), wide(WAD), away);
        match result {
            Ok(x) => assert!(w.0 >= 0 && U512::from(x) == exact),
            Err(_) => assert!(w.0 < 0 || exact > U512::from(U256::MAX)),
        }
    }
}
