//! The scenario grid against the obvious way: every option priced by the formula in every scenario.
#![expect(clippy::cast_precision_loss, reason = "differences are small")]

use pricing::grid::{EXTREMES, Grid, MOVES, MULTIPLIER, QUANTITY, SCENARIOS, Scenarios};
use pricing::{Error, ONE, Pricer, Right, Terms};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Position {
    right: Right,
    terms: Terms,
    quantity: i64,
}

fn any_position() -> impl Strategy<Value = Position> {
    let hour = 1.0 / 8760.0_f64;
    (
        any::<bool>(),
        0.2..5.0_f64,
        (hour.ln()..2.0_f64.ln()).prop_map(f64::exp),
        (0.05_f64.ln()..5.0_f64.ln()).prop_map(f64::exp),
        -1.0..1.0_f64,
        prop_oneof![Just(0.0), -20.0..20.0_f64, -0.001..0.001_f64],
    )
        .prop_map(|(put, moneyness, years, volatility, rate, quantity)| Position {
            right: if put { Right::Put } else { Right::Call },
            terms: Terms {
                forward: FORWARD,
                strike: whole(FORWARD as f64 / moneyness).cast_unsigned(),
                years: whole(years * ONE as f64).cast_unsigned(),
                volatility: whole(volatility * ONE as f64).cast_unsigned(),
                rate: whole(rate * ONE as f64),
            },
            quantity: whole(quantity * QUANTITY as f64),
        })
}

const FORWARD: u64 = 1 << 48;

#[expect(clippy::cast_possible_truncation, reason = "test arguments are in range")]
fn whole(x: f64) -> i64 {
    x as i64
}

/// The price move, the sign of the volatility's, and the damping, of each scenario.
fn scenarios() -> Vec<(f64, f64, f64)> {
    let near = [0.80, 0.85, 0.90, 0.95, 1.0, 1.05, 1.10, 1.15, 1.20];
    let far = [(0.34, 0.4), (0.5, 0.6), (0.67, 0.8), (1.5, 0.8), (2.0, 0.6), (3.0, 0.4)];
    let near = near
        .into_iter()
        .flat_map(|x| [(x, -1.0, 1.0), (x, 0.0, 1.0), (x, 1.0, 1.0)]);
    near.chain(far.into_iter().map(|(x, damping)| (x, 1.0, damping)))
        .collect()
}

/// What `position` is worth, in units of the forward.
fn value(pricer: &Pricer, position: &Position, price: f64, side: f64) -> f64 {
    let terms = position.terms;
    let days = (terms.years as f64 / ONE as f64 * 365.0).max(1.0);
    let shock = if side > 0.0 {
        0.6 * (30.0 / days).powf(0.30)
    } else {
        -0.3 * (30.0 / days).powf(0.13) * side.abs()
    };
    let volatility =
        (terms.volatility as f64 / ONE as f64 * (1.0 + shock)).clamp(0.010_000_000_000_1, 7.999_999_999_999);
    let moved = Terms {
        forward: whole(terms.forward as f64 * price).cast_unsigned(),
        volatility: whole(volatility * ONE as f64).cast_unsigned(),
        ..terms
    };
    let quantity = position.quantity as f64 / QUANTITY as f64;
    quantity * pricer.greeks(position.right, &moved).unwrap().price as f64 / FORWARD as f64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Every loss is the sum of what the formula says of each option, damped, within the documented error; the worst is
    /// the largest of them and never below any.
    #[test]
    fn losses_any_book_equal_the_slow_twin(
        book in prop::collection::vec(any_position(), 0..6),
        linear in -50.0..50.0_f64,
    ) {
        let pricer = Pricer::new();
        let mut grid = Grid::new(&pricer, &Scenarios::default());
        for position in &book {
            grid.add(position.right, &position.terms, position.quantity).unwrap();
        }
        grid.add_linear(whole(linear * FORWARD as f64)).unwrap();
        let losses = grid.losses();
        let size = |p: &Position| {
            let larger = p.terms.strike.max(FORWARD) as f64 / FORWARD as f64;
            let growth = (-(p.terms.rate as f64) * p.terms.years as f64 / ONE as f64 / ONE as f64).exp();
            (p.quantity as f64 / QUANTITY as f64).abs() * larger * growth
        };
        let notional: f64 = book.iter().map(size).sum();
        let worth = |price: f64, side: f64| -> f64 {
            book.iter().map(|position| value(&pricer, position, price, side)).sum::<f64>()
        };
        let present = worth(1.0, 0.0);
        for (index, (price, side, damping)) in scenarios().into_iter().enumerate() {
            let expected = (present - worth(price, side) - linear * (price - 1.0)) * damping;
            let got = losses.by_scenario[index] as f64 / FORWARD as f64;
            // The move itself is a multiple of 2⁻³⁰.
            let bound = 8e-9 * notional * price.max(1.0) + 1e-9 * linear.abs() + 1e-11;
            prop_assert!((got - expected).abs() <= bound, "{index}: {got} is not {expected}, off {:e} of {notional}", got - expected);
        }
        let largest = losses.by_scenario.iter().copied().max().unwrap();
        prop_assert_eq!(losses.worst, largest.max(0));
        prop_assert_eq!(losses.by_scenario[losses.scenario], losses.worst);
    }

    /// A linear hedge against a linear book never raises its worst loss.
    #[test]
    fn losses_smaller_linear_book_are_smaller(linear in any::<i32>(), share in 0..=100_i64) {
        let pricer = Pricer::new();
        let worst = |value: i64| {
            let mut grid = Grid::new(&pricer, &Scenarios::default());
            grid.add_linear(value).unwrap();
            grid.losses().worst
        };
        let linear = i64::from(linear) << 20;
        prop_assert!(worst(linear / 100 * share) <= worst(linear));
    }
}

#[test]
fn losses_long_linear_book_is_worst_where_it_should_be() {
    let pricer = Pricer::new();
    let mut grid = Grid::new(&pricer, &Scenarios::default());
    grid.add_linear(1 << 40).unwrap();
    // 66 % · 0.4 = 26.4 %, 50 % · 0.6 = 30 %, 33 % · 0.8 = 26.4 %: the middle one of the far moves down.
    let losses = grid.losses();
    assert_eq!(losses.scenario, 3 * MOVES + 1);
    assert!((losses.worst as f64 / (1_u64 << 40) as f64 - 0.3).abs() < 1e-8);
    assert_eq!(losses.by_scenario.len(), SCENARIOS);
    assert_eq!(SCENARIOS, 3 * MOVES + EXTREMES);
    assert_eq!(Scenarios::default().moves[MOVES / 2], MULTIPLIER);
}

/// No default scenario is milder for a linear book than the percentages of the design.
#[test]
fn scenarios_default_are_rounded_to_the_worse() {
    let all = Scenarios::default();
    let one = u64::from(MULTIPLIER);
    for (price, percent) in all.moves.into_iter().zip([80, 85, 90, 95, 100, 105, 110, 115, 120]) {
        let (got, exact) = (u64::from(price) * 100, one * percent);
        assert!(if percent < 100 { got <= exact } else { got >= exact }, "{percent}");
        assert!(got.abs_diff(exact) < 100, "{percent}");
    }
    let far = [(34, 40), (50, 60), (67, 80), (150, 80), (200, 60), (300, 40)];
    for (extreme, (percent, damping)) in all.extremes.into_iter().zip(far) {
        let (price, exact) = (u64::from(extreme.price) * 100, one * percent);
        assert!(if percent < 100 { price <= exact } else { price >= exact }, "{percent}");
        assert!(price.abs_diff(exact) < 100, "{percent}");
        let part = u64::from(extreme.damping) * 100;
        assert!((one * damping..one * damping + 100).contains(&part), "{damping}");
    }
}

#[test]
fn add_too_much_or_out_of_domain_is_an_error_and_changes_nothing() {
    let pricer = Pricer::new();
    let mut grid = Grid::new(&pricer, &Scenarios::default());
    let terms = Terms {
        forward: FORWARD,
        strike: FORWARD,
        years: ONE.cast_unsigned(),
        volatility: ONE.cast_unsigned(),
        rate: 0,
    };
    for quantity in [i64::MAX, i64::MIN, 1 << 44, -(1 << 44)] {
        assert_eq!(
            grid.add(Right::Call, &terms, quantity),
            Err(Error::NotionalOutOfRange(quantity))
        );
    }
    let bad = Terms { volatility: 0, ..terms };
    assert_eq!(grid.add(Right::Put, &bad, 1), Err(Error::VolatilityOutOfRange(0)));
    for value in [i64::MAX, i64::MIN, 1 << 59, -(1 << 59)] {
        assert_eq!(grid.add_linear(value), Err(Error::NotionalOutOfRange(value)));
    }
    assert_eq!(grid.losses().worst, 0);
    assert_eq!(grid.add(Right::Call, &terms, 0), Ok(()));
    assert_eq!(grid.losses().by_scenario, [0; SCENARIOS]);
}
