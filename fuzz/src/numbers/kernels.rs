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
    let far = [transcendental(a), transcendental(Wad(b.0 % (50 * WAD)))];
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
            assert!(x.0 >= 100 * WAD || next.0 - x.0 < STEP || y <= above, "{x:?} {y:?} {above:?}");
            if let Ok(back) = fixed::exp(y) {
                // ln is off by 1.3 units or 2⁻⁵⁹ of itself (at most 46.6), exp by a unit or 2⁻⁶⁰.
                let slack = 4 + (x.0 >> 52);
                assert!((back.0 - x.0).abs() <= slack, "{x:?} {back:?}");
            }
        }
    }
    far
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
    let fits = |x: U512| (x <= U512::from(U256::MAX)).then(|| x.to::<U256>()).ok_or(MathError::Overflow);
    assert_eq!(down, fits(quotient), "{a} {b} {d}");
    assert_eq!(up, fits(quotient + U512::from(u8::from(!rest.is_zero()))), "{a} {b} {d}");
}

fn conversions(units: U256, w: Wad, decimals: u8) {
    // Most inputs have decimals that a token may have.
    let decimals = if decimals < 220 { decimals % (fixed::MAX_DECIMALS + 1) } else { decimals };
    let (down, up) = (fixed::wad_from_units_down(units, decimals), fixed::wad_from_units_up(units, decimals));
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
