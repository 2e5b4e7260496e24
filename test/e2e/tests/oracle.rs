//! Feeds that lie, stop or fail.

use alloy_primitives::{Address, I256, U256, Uint};
use e2e::{PRICE_E8, govern, refused, root, world};
use gimbal::world::{World, people::OWNER};
use interfaces::{IOracle, IPriceFeed};
use venues::{Artifacts, Network, NetworkError};

fn price(world: &mut World) -> Result<IOracle::priceReturn, NetworkError> {
    world
        .chain
        .read(world.at.oracle, &IOracle::priceCall { asset: world.wbtc })
}

/// Makes WBTC's feed report exactly this round.
fn report(world: &mut World, round: u64, answer: i64, updated_at: u64, answered_in: u64) {
    let call = IPriceFeed::setRoundCall {
        roundId: Uint::from(round),
        answer: I256::try_from(answer).unwrap(),
        startedAt: U256::from(updated_at),
        updatedAt: U256::from(updated_at),
        answeredInRound: Uint::from(answered_in),
    };
    world.chain.invoke(OWNER, world.wbtc_feed, &call).unwrap();
}

#[test]
fn price_of_fresh_feeds_is_their_ratio() {
    let mut world = world();
    let answer = price(&mut world).unwrap();
    assert_eq!(answer.midWad, U256::from(PRICE_E8) * U256::from(10).pow(U256::from(10)));
    assert_eq!(answer.confidenceBps, U256::from(5));
    // A dollar token at 0.80 would be outside the plausible range; at 0.99 everything is worth more of it.
    let now = U256::from(world.chain.timestamp());
    let set = IPriceFeed::setAnswerCall {
        answer: I256::try_from(99_000_000).unwrap(),
        updatedAt: now,
    };
    world.chain.invoke(OWNER, world.usdc_feed, &set).unwrap();
    let expected = U256::from(PRICE_E8) * U256::from(10).pow(U256::from(18)) / U256::from(99_000_000);
    assert_eq!(price(&mut world).unwrap().midWad, expected, "rounded down");
}

#[test]
fn price_at_the_heartbeat_is_good_and_a_second_later_stale() {
    let mut world = world();
    let updated = world.chain.timestamp();
    world.chain.warp(86_400);
    price(&mut world).unwrap();
    world.chain.warp(1);
    let error: IOracle::StalePrice = refused(price(&mut world));
    assert_eq!((error.asset, error.updatedAt), (world.wbtc, U256::from(updated)));
}

#[test]
fn price_of_impossible_answers_is_refused_with_the_answer() {
    let mut world = world();
    let now = world.chain.timestamp();
    for answer in [0, -1, i64::MIN, 99_999_999] {
        report(&mut world, 50, answer, now, 50);
        let error: IOracle::InvalidPrice = refused(price(&mut world));
        assert_eq!(
            (error.asset, error.answer),
            (world.wbtc, I256::try_from(answer).unwrap())
        );
    }
}

#[test]
fn price_of_incomplete_rounds_is_refused() {
    let mut world = world();
    let now = world.chain.timestamp();
    let good = i64::try_from(PRICE_E8).unwrap();
    report(&mut world, 51, good, now, 50);
    let error: IOracle::IncompleteRound = refused(price(&mut world));
    assert_eq!(error.roundId, U256::from(51));
    report(&mut world, 52, good, 0, 52);
    let _: IOracle::IncompleteRound = refused(price(&mut world));
    report(&mut world, 53, good, now + 1_000, 53);
    assert!(price(&mut world).is_err(), "an answer from the future");
}

#[test]
fn price_of_an_unknown_asset_is_refused() {
    let mut world = world();
    let call = IOracle::priceCall {
        asset: Address::repeat_byte(7),
    };
    let error: IOracle::UnknownAsset = refused(world.chain.read(world.at.oracle, &call));
    assert_eq!(error.asset, Address::repeat_byte(7));
}

#[test]
fn price_of_a_feed_that_fails_names_it() {
    let mut world = world();
    let code = Artifacts::new(root())
        .compiled("RevertingFeed")
        .unwrap()
        .code()
        .unwrap();
    for failure in 0..=5_u64 {
        let argument = U256::from(failure).to_be_bytes::<32>();
        let aggregator = world.chain.create(OWNER, [&code[..], &argument].concat()).unwrap();
        let set = IOracle::setFeedCall {
            asset: world.wbtc,
            aggregator,
            heartbeatSecs: U256::from(86_400),
            confidenceBps: U256::ZERO,
            minAnswer: I256::ONE,
            maxAnswer: I256::try_from(i64::MAX).unwrap(),
        };
        govern(&mut world, |at| at.oracle, &set).unwrap();
        let error: IOracle::FeedFailed = refused(price(&mut world));
        assert_eq!(error.aggregator, aggregator, "failure {failure}");
    }
}
