//! The risk contract as a calculator: batches of options, and parameters in data contracts.

use alloy_primitives::{Bytes, I256, U256};
use alloy_sol_types::SolCall;
use devnode::{DEV_ACCOUNT, Tx};
use e2e::{PRICE_E8, govern, invested, refused, world};
use engine::{Params, margin::MarginParams, params};
use gimbal::world::{
    World,
    people::{ALICE, GUARDIAN},
};
use interfaces::IRisk;
use pricing::{Greeks, ONE, Pricer, Right, Terms, grid::Grid};
use venues::{Network, NetworkError};

/// Scale of the prices: eight decimals.
const E8: u64 = 100_000_000;

/// `count` options around 6,400 with terms of their own, and how many of each.
fn options(count: u64) -> Vec<(Right, Terms, i64)> {
    (0..count)
        .map(|i| {
            let right = if i % 2 == 0 { Right::Call } else { Right::Put };
            let terms = Terms {
                forward: (6_400 + i) * E8,
                strike: (4_000 + 75 * i) * E8,
                years: (ONE.unsigned_abs() / 365) * (3 + 5 * i),
                volatility: (ONE.unsigned_abs() / 100) * (40 + i),
                rate: ONE / 100 * (i.cast_signed() % 7 - 3),
            };
            (right, terms, (i.cast_signed() % 5 - 2) << 32)
        })
        .collect()
}

fn record((right, terms, _): &(Right, Terms, i64)) -> Vec<u8> {
    let put = u64::from(*right == Right::Put) << 63;
    let words = [
        terms.forward,
        terms.strike | put,
        terms.years,
        terms.volatility,
        terms.rate.cast_unsigned(),
    ];
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn position(option: &(Right, Terms, i64)) -> Vec<u8> {
    [record(option), option.2.to_le_bytes().to_vec()].concat()
}

fn portfolio(linear: i64, options: &[(Right, Terms, i64)]) -> Bytes {
    let options = options.iter().flat_map(position);
    linear.to_le_bytes().into_iter().chain(options).collect()
}

fn greeks(world: &mut World, records: Vec<u8>) -> Result<Bytes, NetworkError> {
    let call = IRisk::greeksCall {
        records: records.into(),
    };
    world.chain.read(world.at.risk, &call)
}

fn margin(world: &mut World, positions: Bytes) -> Result<IRisk::marginReturn, NetworkError> {
    let book = world.at.book;
    world.chain.read(world.at.risk, &IRisk::marginCall { book, positions })
}

/// What an execution costs beyond its transaction's own price.
fn gas(world: &World, call: &impl SolCall) -> u64 {
    let data = call.abi_encode();
    let calldata: u64 = data.iter().map(|&byte| if byte == 0 { 4 } else { 16 }).sum();
    let receipt = world.chain.call(Tx::call(DEV_ACCOUNT, world.at.risk, data)).unwrap();
    assert!(receipt.success);
    receipt.gas_used - 21_000 - calldata
}

fn set(world: &mut World, name: &str, value: i64) -> Result<(), NetworkError> {
    set_raw(world, name, I256::try_from(value).unwrap())
}

fn set_raw(world: &mut World, name: &str, value: I256) -> Result<(), NetworkError> {
    let call = IRisk::setParameterCall {
        book: world.at.book,
        id: gimbal::deploy::parameter(name).unwrap(),
        value,
    };
    govern(world, |at| at.risk, &call).map(|_| ())
}

#[test]
fn greeks_of_a_batch_are_those_of_the_formula() {
    let mut world = world();
    let options = options(9);
    let answer = greeks(&mut world, options.iter().flat_map(record).collect()).unwrap();
    let pricer = Pricer::new();
    let expected = options.iter().flat_map(|(right, terms, _)| {
        let Greeks {
            price,
            delta,
            gamma,
            vega,
            theta,
            rho,
        } = pricer.greeks(*right, terms).unwrap();
        [price, delta, gamma, vega, theta, rho].map(i64::to_le_bytes).concat()
    });
    assert_eq!(answer.to_vec(), expected.collect::<Vec<u8>>());
    assert!(greeks(&mut world, Vec::new()).unwrap().is_empty());
}

#[test]
fn greeks_of_bad_records_are_refused_by_name() {
    let mut world = world();
    let error: IRisk::BatchMalformed = refused(greeks(&mut world, vec![1; 41]));
    assert_eq!(error.length, U256::from(1));

    let mut options = options(3);
    options[1].1.volatility = 7;
    let error: IRisk::OptionInvalid = refused(greeks(&mut world, options.iter().flat_map(record).collect()));
    assert_eq!(
        (error.index, error.fault, error.value),
        (U256::from(1), U256::from(4), I256::unchecked_from(7))
    );
}

#[test]
fn margin_of_a_portfolio_is_that_of_the_grid_with_the_books_parameters() {
    let mut world = world();
    let options = options(12);
    let linear = -3 * 6_400 * E8.cast_signed();
    for volatility_up in [6_000, 9_000] {
        set(&mut world, "volatility-up", volatility_up).unwrap();
        let params = Params {
            volatility_up: fixed::Bps(u32::try_from(volatility_up).unwrap()),
            ..Params::default()
        };
        let pricer = Pricer::new();
        let mut grid = Grid::new(&pricer, &MarginParams::from(&params).scenarios);
        for (right, terms, quantity) in &options {
            grid.add(*right, terms, *quantity).unwrap();
        }
        grid.add_linear(linear).unwrap();
        let losses = grid.losses();

        let answer = margin(&mut world, portfolio(linear, &options)).unwrap();
        let number = |value: i64| I256::try_from(value).unwrap();
        assert!(losses.worst > 0);
        assert_eq!(answer.worstLoss, number(losses.worst));
        assert_eq!(answer.scenario, U256::from(losses.scenario));
        assert_eq!(answer.initialMargin, answer.worstLoss);
        let four_fifths = (losses.worst * 8 + 9) / 10;
        assert_eq!(answer.maintenanceMargin, number(four_fifths));
        let all: Vec<U256> = losses.by_scenario.iter().map(|loss| number(*loss).into_raw()).collect();
        assert_eq!(answer.losses, all);
    }
}

#[test]
fn margin_of_malformed_positions_is_refused() {
    let mut world = world();
    for length in [0, 7, 9, 55] {
        let error: IRisk::BatchMalformed = refused(margin(&mut world, vec![0; length].into()));
        assert_eq!(error.length, U256::from(length));
    }
    let mut options = options(2);
    options[1].2 = i64::MAX;
    let error: IRisk::OptionInvalid = refused(margin(&mut world, portfolio(0, &options)));
    assert_eq!((error.index, error.fault), (U256::from(1), U256::from(7)));
}

/// Design section 12: entry, decoding, reading the book's parameters, 33 scenarios of 64 options, returning the report.
#[test]
fn margin_of_sixty_four_options_through_the_contract_costs_at_most_sixty_thousand_gas() {
    let mut world = world();
    set(&mut world, "volatility-up", 6_001).unwrap(); // so that there are parameters to read
    let book = world.at.book;
    let cost = |count| {
        let positions = portfolio(8 * 6_400 * E8.cast_signed(), &options(count));
        gas(&world, &IRisk::marginCall { book, positions })
    };
    let all = cost(64);
    println!("margin: {all} gas for 64 options, {} for none", cost(0));
    assert!(all <= 60_000, "{all}");
}

#[test]
fn set_parameter_keeps_the_others_and_survives_many_changes() {
    let mut world = world();
    let before: Vec<I256> = all_parameters(&mut world);
    set(&mut world, "volatility-up", 7_000).unwrap();
    set(&mut world, "bounty-interval-secs", 61).unwrap();
    set(&mut world, "target-tokens", -5).unwrap();
    let after = all_parameters(&mut world);
    for (id, (was, is)) in before.iter().zip(&after).enumerate() {
        let spec = params::spec(params::ParamId::ALL[id]);
        let expected = match spec.name {
            "volatility-up" => I256::unchecked_from(7_000),
            "bounty-interval-secs" => I256::unchecked_from(61),
            "target-tokens" => I256::unchecked_from(-5),
            _ => *was,
        };
        assert_eq!(*is, expected, "{}", spec.name);
    }
}

#[test]
fn set_parameter_by_the_guardian_goes_only_the_tables_way() {
    let mut world = world();
    for (name, tighter, looser) in [("min-liquidation-distance", 1, -1), ("max-gross-leverage", -1, 1)] {
        let id = gimbal::deploy::parameter(name).unwrap();
        let book = world.at.book;
        let now = world
            .chain
            .read(world.at.risk, &IRisk::parameterCall { book, id })
            .unwrap();
        let mut set = |step: i64| {
            let value = now + I256::try_from(step).unwrap();
            let call = IRisk::setParameterCall { book, id, value };
            world.chain.invoke(GUARDIAN, world.at.risk, &call)
        };
        let _: IRisk::Unauthorized = refused(set(looser));
        set(tighter).unwrap();
    }
}

/// The bands of the papers, through the contracts: their width follows the parameters, and a book that has left one is
/// brought back by the keeper's calls alone.
#[test]
fn rebalance_with_the_bands_of_the_papers_ends_inside() {
    for kind in [1, 2] {
        let mut world = invested(ALICE, 100_000);
        set(&mut world, "band-kind", kind).unwrap();
        set(&mut world, "min-trade", 0).unwrap();
        let mut widths = Vec::new();
        for aversion in [10_000, 1] {
            // As a ratio with 18 decimals; larger means a narrower band.
            let aversion = I256::try_from(i128::from(aversion) * fixed::WAD / 10).unwrap();
            set_raw(&mut world, "risk-aversion", aversion).unwrap();
            let (report, decision) = world.assess().unwrap();
            let width = decision.upper - decision.lower;
            let (floor, cap) = (I256::unchecked_from(20), I256::unchecked_from(500));
            let both_sides = I256::unchecked_from(2) * report.navMid;
            let value = width * I256::unchecked_from(PRICE_E8 / E8);
            let (least, most) = (
                both_sides * floor / I256::unchecked_from(10_000),
                both_sides * cap / I256::unchecked_from(10_000),
            );
            let slack = I256::unchecked_from(1_000_000);
            assert!(
                least - slack <= value && value <= most + slack,
                "{kind}: {least} {value} {most}"
            );
            widths.push(width);
        }
        assert!(widths[0] < widths[1], "{kind}: {widths:?}");

        world.set_price(PRICE_E8 * 3 / 2).unwrap();
        let mut calls = 0;
        while world.assess().unwrap().1.rule != U256::ZERO {
            world.rebalance().unwrap();
            calls += 1;
            assert!(calls <= 4, "{kind}");
        }
        let (report, decision) = world.assess().unwrap();
        assert!(calls > 0, "{kind}");
        let delta = report.exposure.delta;
        assert!(decision.lower <= delta && delta <= decision.upper, "{kind}: INV-6");
    }
}

fn all_parameters(world: &mut World) -> Vec<I256> {
    let book = world.at.book;
    (0..u8::try_from(params::ParamId::ALL.len()).unwrap())
        .map(|id| {
            world
                .chain
                .read(world.at.risk, &IRisk::parameterCall { book, id })
                .unwrap()
        })
        .collect()
}
