//! What holds for every option, whatever the numbers.
#![expect(clippy::cast_precision_loss, reason = "bounds")]

use pricing::{Error, Greeks, MAX_PRICE, MIN_VOLATILITY, MIN_YEARS, ONE, Pricer, RECORD, RESULT, Right, SCALE, Terms};
use proptest::prelude::*;

const FORWARD: u64 = 1 << 48;

#[expect(clippy::cast_possible_truncation, reason = "test arguments are in range")]
fn whole(x: f64) -> i64 {
    x as i64
}

/// Terms over the promised domain.
fn any_terms() -> impl Strategy<Value = Terms> {
    let hour = 1.0 / 8760.0_f64;
    let years = (hour.ln()..2.0_f64.ln()).prop_map(f64::exp);
    let volatility = (0.05_f64.ln()..5.0_f64.ln()).prop_map(f64::exp);
    (-6.0..6.0_f64, years, volatility, -1.0..1.0_f64).prop_map(|(deviations, years, volatility, rate)| {
        let moneyness = (deviations * volatility * years.sqrt()).exp().clamp(0.2, 5.0);
        Terms {
            forward: FORWARD,
            strike: whole(FORWARD as f64 / moneyness).cast_unsigned(),
            years: whole(years * ONE as f64).cast_unsigned(),
            volatility: whole(volatility * ONE as f64).cast_unsigned(),
            rate: whole(rate * ONE as f64),
        }
    })
}

fn call(pricer: &Pricer, terms: &Terms) -> Greeks {
    pricer.greeks(Right::Call, terms).unwrap()
}

fn put(pricer: &Pricer, terms: &Terms) -> Greeks {
    pricer.greeks(Right::Put, terms).unwrap()
}

/// Twice the bound of the price, for two of them.
fn tolerance(terms: &Terms) -> i64 {
    whole(2e-13 * terms.forward as f64) + 2
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Put–call parity: C − P = D·(F − K), and so for the Greeks: Δ differs by D, Γ and vega not at all.
    #[test]
    fn greeks_put_and_call_keep_parity(terms in any_terms()) {
        let pricer = Pricer::new();
        let (call, put) = (call(&pricer, &terms), put(&pricer, &terms));
        let discount = (-(terms.rate as f64 / ONE as f64) * (terms.years as f64 / ONE as f64)).exp();
        let contract = discount * (i128::from(terms.forward) - i128::from(terms.strike)) as f64;
        // Doubles hold the right-hand side to 2e-15 of the forward.
        prop_assert!(((call.price - put.price) as f64 - contract).abs() <= 3.0 * tolerance(&terms) as f64);
        prop_assert!(((call.delta - put.delta) as f64 / SCALE as f64 - discount).abs() < 1e-12);
        prop_assert_eq!((call.gamma, call.vega), (put.gamma, put.vega));
    }

    /// Prices rise with volatility; a call's falls and a put's rises with the strike, and both lie within their bounds.
    #[test]
    fn price_is_monotone_and_bounded(terms in any_terms(), wider in 0..ONE / 2, higher in 0..FORWARD / 4) {
        let pricer = Pricer::new();
        let allowed = tolerance(&terms);
        let more = Terms { volatility: terms.volatility + wider.cast_unsigned(), ..terms };
        prop_assert!(call(&pricer, &more).price + allowed >= call(&pricer, &terms).price);
        prop_assert!(put(&pricer, &more).price + allowed >= put(&pricer, &terms).price);
        let above = Terms { strike: terms.strike + higher, ..terms };
        prop_assert!(call(&pricer, &above).price <= call(&pricer, &terms).price + allowed);
        prop_assert!(put(&pricer, &above).price + allowed >= put(&pricer, &terms).price);
        let greeks = call(&pricer, &terms);
        prop_assert!(greeks.price >= 0 && greeks.gamma >= 0 && greeks.vega >= 0 && greeks.delta >= -1);
    }

    /// The price is convex in the strike: the middle of three is not above the mean of the outer two.
    #[test]
    fn price_is_convex_in_the_strike(terms in any_terms(), step in 1..FORWARD / 8) {
        let pricer = Pricer::new();
        let at = |strike: u64| call(&pricer, &Terms { strike, ..terms }).price;
        let (low, middle, high) = (at(terms.strike - step.min(terms.strike - 1)), at(terms.strike), at(terms.strike + step.min(terms.strike - 1)));
        prop_assert!(low - middle + high - middle >= -2 * tolerance(&terms));
    }

    /// F and K in any scale give the same option: doubling both doubles the price and leaves delta and gamma.
    #[test]
    fn greeks_scale_with_the_prices(terms in any_terms()) {
        let pricer = Pricer::new();
        let double = Terms { forward: 2 * terms.forward, strike: 2 * terms.strike, ..terms };
        let (one, two) = (put(&pricer, &terms), put(&pricer, &double));
        prop_assert!((two.price - 2 * one.price).abs() <= 2);
        prop_assert_eq!((one.delta, one.gamma), (two.delta, two.gamma));
    }

    /// Delta, vega and rho are the differences of the price, theta that of the time.
    #[test]
    fn greeks_equal_differences_of_the_price(terms in any_terms()) {
        let pricer = Pricer::new();
        let greeks = put(&pricer, &terms);
        let price = |terms: Terms| put(&pricer, &terms).price as f64;
        let forward = terms.forward as f64;
        // Steps of 1e-4 of a deviation: the third derivative leaves 1e-8 of the slope's scale, rounding 1e-9.
        let deviation = terms.volatility as f64 / ONE as f64 * (terms.years as f64 / ONE as f64).sqrt();
        let h = whole(forward * deviation.min(1.0) * 1e-4).cast_unsigned();
        let slope = (price(Terms { forward: terms.forward + h, ..terms }) - price(Terms { forward: terms.forward - h, ..terms })) / (2 * h) as f64;
        prop_assert!((slope - greeks.delta as f64 / SCALE as f64).abs() < 1e-6, "delta {slope}");
        let h = terms.volatility / 4096;
        let up = Terms { volatility: terms.volatility + h, ..terms };
        let down = Terms { volatility: terms.volatility - h, ..terms };
        let slope = (price(up) - price(down)) / (2.0 * h as f64 / ONE as f64);
        prop_assert!((slope - greeks.vega as f64).abs() < 1e-5 * forward, "vega {slope}");
        let h = terms.years / 4096;
        let slope = (price(Terms { years: terms.years - h, ..terms }) - price(Terms { years: terms.years + h, ..terms })) / (2.0 * h as f64 / ONE as f64);
        let size = greeks.theta.unsigned_abs() as f64 + forward;
        prop_assert!((slope - greeks.theta as f64).abs() < 1e-4 * size, "theta {slope} {}", greeks.theta);
        let h = ONE / 4096;
        let slope = (price(Terms { rate: terms.rate + h, ..terms }) - price(Terms { rate: terms.rate - h, ..terms })) / (2.0 * h as f64 / ONE as f64);
        prop_assert!((slope - greeks.rho as f64).abs() < 1e-6 * forward * 8.0, "rho {slope}");
    }

    /// Numbers of any size give a result or an error that names one of them; the packed form gives the same.
    #[test]
    fn greeks_any_numbers_never_panic(
        words in prop::array::uniform4((any::<u64>(), 0_u32..64).prop_map(|(x, shift)| x >> shift)),
        rate in (any::<i64>(), 0_u32..64).prop_map(|(x, shift)| x >> shift),
        is_put in any::<bool>(),
        price in any::<u64>(),
    ) {
        let pricer = Pricer::new();
        let [forward, strike, years, volatility] = words;
        let terms = Terms { forward, strike, years, volatility, rate };
        let right = if is_put { Right::Put } else { Right::Call };
        let result = pricer.greeks(right, &terms);
        let _ = pricer.implied_volatility(right, &terms, price);
        match result {
            Err(Error::ForwardOutOfRange(x)) => prop_assert!(x == forward && !(1..=MAX_PRICE.cast_unsigned()).contains(&x)),
            Err(Error::StrikeOutOfRange(x)) => prop_assert!(x == strike && !(1..=MAX_PRICE.cast_unsigned()).contains(&x)),
            Err(Error::ExpiryOutOfRange(x)) => prop_assert!(x == years && (x.cast_signed() < MIN_YEARS)),
            Err(Error::VolatilityOutOfRange(x)) => prop_assert!(x == volatility && x.cast_signed() < MIN_VOLATILITY),
            Err(Error::RateOutOfRange(x)) => prop_assert!(x == rate),
            Err(other) => prop_assert!(false, "{other:?}"),
            Ok(_) => {}
        }
        if strike.cast_signed() >= 0 {
            let strike = strike | u64::from(is_put) << 63;
            let mut record = [0; RECORD];
            let fields = [forward, strike, years, volatility, rate.cast_unsigned()];
            for (place, word) in record.as_chunks_mut::<8>().0.iter_mut().zip(fields) {
                *place = word.to_le_bytes();
            }
            let mut packed = [[0; RESULT]];
            match (pricer.greeks_packed(&[record], &mut packed), result) {
                (Ok(()), Ok(greeks)) => {
                    let numbers = packed[0].as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes));
                    let Greeks { price, delta, gamma, vega, theta, rho } = greeks;
                    prop_assert!(numbers.eq([price, delta, gamma, vega, theta, rho]));
                }
                (Err((0, error)), Err(same)) => prop_assert_eq!(error, same),
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }

    /// Terms at the ends of the whole domain, beyond what the bounds promise, give sane numbers.
    #[test]
    fn greeks_whole_domain_is_sane(
        forward in (1..=MAX_PRICE, 0_u32..52).prop_map(|(x, shift)| (x >> shift).max(1).cast_unsigned()),
        strike in (1..=MAX_PRICE, 0_u32..52).prop_map(|(x, shift)| (x >> shift).max(1).cast_unsigned()),
        years in (MIN_YEARS..=i64::MAX, 0_u32..23).prop_map(|(x, shift)| (x >> shift).max(MIN_YEARS).cast_unsigned()),
        volatility in (MIN_VOLATILITY..=i64::MAX, 0_u32..10).prop_map(|(x, s)| (x >> s).max(MIN_VOLATILITY).cast_unsigned()),
        exponent in -3.0..3.0_f64,
        is_put in any::<bool>(),
    ) {
        let pricer = Pricer::new();
        let rate = whole((exponent / (years as f64 / ONE as f64)).clamp(-7.9, 7.9) * ONE as f64);
        let right = if is_put { Right::Put } else { Right::Call };
        let Ok(greeks) = pricer.greeks(right, &Terms { forward, strike, years, volatility, rate }) else {
            return Ok(());
        };
        let discount = (-(rate as f64 / ONE as f64) * (years as f64 / ONE as f64)).exp();
        let larger = forward.max(strike) as f64;
        let (most, intrinsic) = if is_put { (strike as f64, strike as f64 - forward as f64) } else { (forward as f64, forward as f64 - strike as f64) };
        let slack = 1e-8 * larger * discount + 2.0;
        prop_assert!(greeks.price as f64 <= most * discount + slack && greeks.price as f64 + slack >= intrinsic * discount, "{greeks:?}");
        prop_assert!((greeks.delta as f64 / SCALE as f64).abs() <= discount * (1.0 + 1e-9) + 1e-12);
        prop_assert!(greeks.gamma >= 0 && greeks.vega >= -2);
    }
}

/// Where discount and strike are largest beside the forward the price has the most to lose. References by mpmath.
#[test]
fn greeks_high_strike_and_negative_rate_keep_the_price_bound() {
    const LARGE: u64 = 900_000_000_000_000;
    let cases = [
        (
            Right::Call,
            2_305_843_009_213_693_952,
            542_197_854_657_430_015,
            24_400_794_752_139,
        ),
        (
            Right::Put,
            2_197_579_054_480_146_687,
            1_080_786_281_331_736_575,
            24_937_222_021_318_935,
        ),
        (
            Right::Put,
            2_305_843_009_213_693_952,
            1_982_474_540_457_391_103,
            30_254_740_569_124_404_i64,
        ),
    ];
    for (right, years, volatility, expected) in cases {
        let terms = Terms {
            forward: LARGE,
            strike: 4_491_000_000_000_000,
            years,
            volatility,
            rate: -ONE,
        };
        let price = Pricer::new().greeks(right, &terms).unwrap().price;
        // 1e-13 of the forward, and a unit.
        assert!(
            price.abs_diff(expected) <= LARGE / 10_000_000_000_000 + 1,
            "{right:?} {price} {expected}"
        );
    }
}

/// Found by fuzzing: two numbers that are negative as signed words hid each other.
#[test]
fn greeks_terms_beyond_the_signed_range_are_named() {
    let pricer = Pricer::new();
    let (half, one) = (1_u64 << 63, ONE.cast_unsigned());
    let good = Terms {
        forward: 1 << 40,
        strike: 1 << 40,
        years: one,
        volatility: one,
        rate: 0,
    };
    for (terms, error) in [
        (Terms { forward: half, ..good }, Error::ForwardOutOfRange(half)),
        (
            Terms {
                forward: half,
                strike: 1 << 53,
                ..good
            },
            Error::ForwardOutOfRange(half),
        ),
        (Terms { strike: half, ..good }, Error::StrikeOutOfRange(half)),
        (
            Terms {
                strike: half | 1 << 53,
                ..good
            },
            Error::StrikeOutOfRange(half | 1 << 53),
        ),
        (Terms { years: half, ..good }, Error::ExpiryOutOfRange(half)),
        (
            Terms {
                volatility: half,
                ..good
            },
            Error::VolatilityOutOfRange(half),
        ),
        (Terms { rate: i64::MIN, ..good }, Error::RateOutOfRange(i64::MIN)),
    ] {
        for right in [Right::Call, Right::Put] {
            assert_eq!(pricer.greeks(right, &terms), Err(error));
            let mut grid = pricing::grid::Grid::new(&pricer, &pricing::grid::Scenarios::default());
            assert_eq!(grid.add(right, &terms, 1), Err(error));
        }
    }
    for value in [i64::MIN, i64::MAX, 1 << 60] {
        let mut grid = pricing::grid::Grid::new(&pricer, &pricing::grid::Scenarios::default());
        assert_eq!(grid.add_linear(value), Err(Error::NotionalOutOfRange(value)));
    }
}
