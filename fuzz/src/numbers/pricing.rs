//! `pricing`: single options, packed batches, implied volatility and the scenario grid.

use super::Input;
use pricing::grid::{EXTREMES, Grid, MOVES, QUANTITY, SCENARIOS, Scenarios};
use pricing::{Error, Greeks, MAX_PRICE, MIN_VOLATILITY, MIN_YEARS, ONE, Pricer, RECORD, RESULT, Right, SCALE, Terms};

/// The formula's error relative to the larger of forward and strike, over its whole domain. Far above what is documented
/// for the usual part of it.
const ERROR: f64 = 1e-9;

#[derive(Debug)]
struct Position {
    right: Right,
    terms: Terms,
    quantity: i64,
}

/// Runs everything on up to eight positions; whether at least one was within the domain.
pub fn run(data: &[u8]) -> bool {
    let mut input = Input(data);
    let pricer = Pricer::new();
    let book: Vec<Position> = (0..1 + input.below(8)).map(|_| position(&mut input)).collect();
    let results: Vec<_> = book.iter().map(|position| single(&pricer, position)).collect();
    for (position, result) in book.iter().zip(&results) {
        if let Ok(greeks) = result {
            implied(&pricer, position, greeks, input.signed());
        }
    }
    packed(&pricer, &book, &results);
    grid(&pricer, &book, &results, &mut input);
    results.iter().any(Result::is_ok)
}

fn position(input: &mut Input<'_>) -> Position {
    let shape = input.byte();
    let right = if shape & 1 == 0 { Right::Call } else { Right::Put };
    let terms = if shape & 2 == 0 {
        // Within the domain, the strike near the forward for every other one.
        let forward = input.within(1, MAX_PRICE.into());
        let strike = if shape & 4 == 0 {
            input.within(1, MAX_PRICE.into())
        } else {
            (forward * (1 + i128::from(input.below(4_000))) / 1_000).clamp(1, MAX_PRICE.into())
        };
        let years = input.within(MIN_YEARS.into(), i64::MAX.into());
        let volatility = input.within(MIN_VOLATILITY.into(), i64::MAX.into());
        let limit = 3 * i128::from(ONE) * i128::from(ONE) / years;
        let rate = input.within(0, limit.min(i64::MAX.into())) * if shape & 8 == 0 { 1 } else { -1 };
        let word = |x: i128| u64::try_from(x).expect("within");
        Terms {
            forward: word(forward),
            strike: word(strike),
            years: word(years),
            volatility: word(volatility),
            rate: i64::try_from(rate).expect("within"),
        }
    } else {
        Terms {
            forward: input.signed() as u64,
            strike: input.signed() as u64,
            years: input.signed() as u64,
            volatility: input.signed() as u64,
            rate: input.signed() as i64,
        }
    };
    Position {
        right,
        terms,
        quantity: if shape & 16 == 0 {
            input.within(-(1 << 40), 1 << 40) as i64
        } else {
            input.signed() as i64
        },
    }
}

fn real(x: i64) -> f64 {
    x as f64
}

/// e^(−rT), and the scale of errors.
fn sizes(terms: &Terms) -> (f64, f64) {
    let (rate, years) = (real(terms.rate) / real(ONE), terms.years as f64 / real(ONE));
    let discount = (-rate * years).exp();
    (
        discount,
        ERROR * terms.forward.max(terms.strike) as f64 * discount + 16.0,
    )
}

fn inside(terms: &Terms) -> bool {
    let price = 1..=MAX_PRICE.cast_unsigned();
    let half = 1 << 63;
    price.contains(&terms.forward)
        && price.contains(&terms.strike)
        && (MIN_YEARS.cast_unsigned()..half).contains(&terms.years)
        && (MIN_VOLATILITY.cast_unsigned()..half).contains(&terms.volatility)
}

fn single(pricer: &Pricer, position: &Position) -> Result<Greeks, Error> {
    let Position { right, terms, .. } = *position;
    let result = pricer.greeks(right, &terms);
    let greeks = match result {
        Ok(greeks) => greeks,
        Err(error) => {
            match error {
                Error::ForwardOutOfRange(x) => assert_eq!(x, terms.forward),
                Error::StrikeOutOfRange(x) => assert_eq!(x, terms.strike),
                Error::ExpiryOutOfRange(x) => assert_eq!(x, terms.years),
                Error::VolatilityOutOfRange(x) => assert_eq!(x, terms.volatility),
                Error::RateOutOfRange(x) => {
                    assert_eq!(x, terms.rate);
                    let exponent = real(x) / real(ONE) * (terms.years as f64 / real(ONE));
                    assert!(inside(&terms) && exponent.abs() > 2.999_999, "{terms:?}");
                }
                _ => panic!("not an error of the formula: {error:?}"),
            }
            assert!(
                !inside(&terms) || matches!(error, Error::RateOutOfRange(_)),
                "{terms:?} {error:?}"
            );
            return result;
        }
    };
    assert!(inside(&terms), "{terms:?}");
    let (discount, slack) = sizes(&terms);
    let (forward, strike) = (terms.forward as f64, terms.strike as f64);
    let price = real(greeks.price);
    let intrinsic = discount * (forward - strike) * if right == Right::Call { 1.0 } else { -1.0 };
    let most = discount * if right == Right::Call { forward } else { strike };
    assert!(
        greeks.price >= 0 && price >= intrinsic - slack && price <= most + slack,
        "{position:?} {greeks:?}"
    );
    let delta = real(greeks.delta) / real(SCALE) * if right == Right::Call { 1.0 } else { -1.0 };
    assert!(
        (-1e-9..=discount * (1.0 + 1e-9) + 1e-9).contains(&delta),
        "{position:?} {greeks:?}"
    );
    assert!(greeks.gamma >= 0 && greeks.vega >= 0, "{position:?} {greeks:?}");

    let other = if right == Right::Call { Right::Put } else { Right::Call };
    let twin = pricer.greeks(other, &terms).expect("the same terms");
    assert_eq!([greeks.gamma, greeks.vega], [twin.gamma, twin.vega], "{position:?}");
    assert!(
        (price - real(twin.price) - intrinsic).abs() <= 2.0 * slack,
        "{position:?} {greeks:?} {twin:?}"
    );
    let deltas = real(greeks.delta) - real(twin.delta);
    assert!(
        (deltas.abs() / real(SCALE) - discount).abs() <= 1e-9 * (1.0 + discount),
        "{position:?}"
    );

    // More volatility, a nearer strike: never cheaper.
    let wilder = Terms {
        volatility: (terms.volatility + (terms.volatility >> 8)).min(i64::MAX.cast_unsigned()),
        ..terms
    };
    let better = match right {
        Right::Call => Terms {
            strike: terms.strike - terms.strike / 128,
            ..terms
        },
        Right::Put => Terms {
            strike: (terms.strike + terms.strike / 128).min(MAX_PRICE.cast_unsigned()),
            ..terms
        },
    };
    for dearer in [wilder, better] {
        let above = pricer.greeks(right, &dearer).expect("within the domain");
        assert!(real(above.price) >= price - slack, "{position:?} {greeks:?} {above:?}");
    }
    result
}

fn implied(pricer: &Pricer, position: &Position, greeks: &Greeks, anything: i128) {
    let Position { right, terms, .. } = *position;
    let (_, slack) = sizes(&terms);
    let reprice = |volatility: u64, price: u64| {
        let again = pricer
            .greeks(right, &Terms { volatility, ..terms })
            .expect("within the domain");
        assert!(
            (real(again.price) - price as f64).abs() <= slack,
            "{position:?} {price} {volatility} {again:?}"
        );
    };
    let price = greeks.price.cast_unsigned();
    reprice(
        pricer
            .implied_volatility(right, &terms, price)
            .expect("a price of the formula"),
        price,
    );
    let price = anything as u64;
    match pricer.implied_volatility(right, &terms, price) {
        Ok(volatility) => reprice(volatility, price),
        Err(error) => assert_eq!(error, Error::PriceOutOfRange(price), "{position:?}"),
    }
}

fn record(position: &Position) -> [u8; RECORD] {
    let Position { right, terms, .. } = *position;
    let put = if right == Right::Put { 1 << 63 } else { 0 };
    let words = [
        terms.forward,
        terms.strike | put,
        terms.years,
        terms.volatility,
        terms.rate.cast_unsigned(),
    ];
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.try_into().expect("five words")
}

fn packed(pricer: &Pricer, book: &[Position], results: &[Result<Greeks, Error>]) {
    // A strike with its highest bit set means something else when packed.
    if book.iter().any(|position| position.terms.strike >> 63 == 1) {
        return;
    }
    let records: Vec<_> = book.iter().map(record).collect();
    let mut out = vec![[0_u8; RESULT]; records.len()];
    let all = pricer.greeks_packed(&records, &mut out);
    let first = results.iter().position(Result::is_err);
    assert_eq!(all.err().map(|(index, _)| index), first);
    for (index, (result, out)) in results
        .iter()
        .zip(&out)
        .enumerate()
        .take(first.unwrap_or(results.len()))
    {
        let greeks = result.expect("before the first error");
        let words = [
            greeks.price,
            greeks.delta,
            greeks.gamma,
            greeks.vega,
            greeks.theta,
            greeks.rho,
        ];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(&bytes, out, "{index}");
    }
}

fn grid(pricer: &Pricer, book: &[Position], results: &[Result<Greeks, Error>], input: &mut Input<'_>) {
    let mut scenarios = Scenarios::default();
    // What a book's parameters can ask for.
    scenarios.up.size = ONE / 10_000 * i64::from(input.below(20_001));
    scenarios.down.size = ONE / 10_000 * i64::from(input.below(9_001));
    let (mut one, mut other) = (Grid::new(pricer, &scenarios), Grid::new(pricer, &scenarios));
    let linear = input.signed() as i64;
    assert_eq!(one.add_linear(linear), other.add_linear(linear));
    let mut bound = 4.0 + real(linear).abs() * 1e-8;
    let mut expected = [0.0; MOVES];
    let mut comparable = true;
    for (position, result) in book.iter().zip(results) {
        let Position { right, terms, quantity } = *position;
        let added = one.add(right, &terms, quantity);
        if terms.strike >> 63 == 0 {
            let mut packed = [0; RECORD + 8];
            packed[..RECORD].copy_from_slice(&record(position));
            packed[RECORD..].copy_from_slice(&quantity.to_le_bytes());
            assert_eq!(other.add_packed(&packed), added);
        }
        match (added, result) {
            (Ok(()), Ok(now)) => {
                let tokens = real(quantity) / real(QUANTITY);
                let (discount, slack) = sizes(&terms);
                bound += tokens.abs() * (1e-8 * 1.25 * terms.forward.max(terms.strike) as f64 * discount + 2.0 * slack)
                    + 4.0;
                for (sum, price) in expected.iter_mut().zip(scenarios.moves) {
                    let forward = (u128::from(terms.forward) * u128::from(price)) >> 30;
                    let moved = Terms {
                        forward: forward as u64,
                        ..terms
                    };
                    match pricer.greeks(right, &moved) {
                        Ok(then) => *sum += tokens * (real(now.price) - real(then.price)),
                        Err(_) => comparable = false,
                    }
                }
            }
            (Err(error), Ok(_)) => assert_eq!(error, Error::NotionalOutOfRange(quantity)),
            (added, Err(error)) => assert_eq!(added, Err(*error)),
        }
    }
    let losses = one.losses();
    assert_eq!(losses, other.losses(), "packed");
    assert_eq!(losses.by_scenario.len(), SCENARIOS);
    let largest = losses.by_scenario.into_iter().max().expect("there are some");
    assert_eq!(losses.worst, largest.max(0));
    assert_eq!(losses.by_scenario[losses.scenario], losses.worst);
    assert_eq!(losses.by_scenario[3 * (MOVES / 2) + 1], 0, "the present");
    assert_eq!(SCENARIOS, 3 * MOVES + EXTREMES);
    // The moves without a shock of the volatility, as the formula has them.
    if comparable {
        let linear = if one_accepts(pricer, &scenarios, linear) {
            real(linear)
        } else {
            0.0
        };
        for (index, (options, price)) in expected.into_iter().zip(scenarios.moves).enumerate() {
            let expected = options - linear * (f64::from(price) / f64::from(1_u32 << 30) - 1.0);
            let got = real(losses.by_scenario[3 * index + 1]);
            assert!(
                (got - expected).abs() <= bound,
                "{book:?} {index} {got} {expected} {bound}"
            );
        }
    }
}

fn one_accepts(pricer: &Pricer, scenarios: &Scenarios, linear: i64) -> bool {
    Grid::new(pricer, scenarios).add_linear(linear).is_ok()
}
