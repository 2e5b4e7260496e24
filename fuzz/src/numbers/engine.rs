//! `engine`: books as packed words and as structured legs, measured, decided upon, accepted; and its smaller parts.

use super::Input;
use engine::bounty::{Claim, bounty_down, gas_price_within};
use engine::decide::{self, Action, Facts, IDLE, Means, Oracle, Side, distances, excess, rule_excess};
use engine::drawdown::{self, Drawdown};
use engine::leg::{Leg, Rate, Right, legs, unpack};
use engine::liquidation::{Moves, is_liquidated, sigma_root_time_up};
use engine::margin::{self, MarginParams};
use engine::params::{self, ParamId, Tightening};
use engine::range::Range;
use engine::venue::{Quote, Want, choose, over_horizon_down, over_horizon_up};
use engine::{Assessment, Params, Price, accept, assess, decide as choose_rule, hedge, lvr, mark, option, shares};
use fixed::{BPS, Bps, U256, WAD, Wad};

/// The first byte chooses the part; whether it came to a result that could be checked.
pub fn run(data: &[u8]) -> bool {
    let mut input = Input(data);
    match input.byte() % 8 {
        0 => words(&mut input),
        1 => parameters(&mut input),
        2 => redemptions(&mut input),
        3 => history(&mut input),
        4 => bands(&mut input),
        5 => venues(&mut input) & bounties(&mut input),
        _ => book(&mut input),
    }
}

/// Any words at all, or legs packed and then damaged.
fn words(input: &mut Input<'_>) -> bool {
    let mut words = Vec::new();
    for _ in 0..1 + input.below(4) {
        let leg = leg(input, &[Price::ASSET, Price::ASSET, Price::ASSET], 0);
        let _ = leg.pack(&mut words);
    }
    match input.byte() % 4 {
        0 => {}
        1 => words.push(input.bytes()),
        _ => {
            for _ in 0..1 + input.byte() % 4 {
                let word = usize::from(input.byte()) % words.len().max(1);
                let (at, value) = (usize::from(input.byte()) % 32, input.byte());
                if let Some(word) = words.get_mut(word) {
                    word[at] = value;
                }
            }
        }
    }
    let mut far = false;
    if let Ok((leg, rest)) = unpack(&words) {
        far = true;
        let mut packed = Vec::new();
        leg.pack(&mut packed).expect("was packed");
        assert_eq!(packed, words[..words.len() - rest.len()], "packing is one to one");
        parts(&leg, input);
    }
    let prices = prices(input);
    let whole: Result<Vec<Leg>, _> = legs(&words).collect();
    match assess(&words, &prices, &Params::default(), input.signed() as u64) {
        Ok(assessment) => report(&assessment, &prices),
        Err(_) => assert!(whole.is_err() || far),
    }
    far
}

/// What is asked of one leg alone.
fn parts(leg: &Leg, input: &mut Input<'_>) {
    let price = input.wad();
    let now = input.signed() as u64;
    let _ = mark::mark(leg, price, Bps(input.below(60_000)), now);
    let _ = mark::value_at(leg, price);
    let _ = is_liquidated(leg, price, Bps(input.below(20_000)));
    let Ok((linear, curve)) = mark::split(leg, price, now) else {
        return;
    };
    if let (Ok(down), Ok(up)) = (linear.value_down(price), linear.value_up(price)) {
        assert!(down <= up && up.0 - down.0 <= 1);
    }
    let Some(curve) = curve else { return };
    let (low, high) = (input.wad(), input.wad());
    let _ = curve.delta(price);
    if let (Ok(down), Ok(up)) = (curve.value_down(price), curve.value_up(price)) {
        assert!(down <= up, "{leg:?} {price:?}");
    }
    if let Ok(bounds) = curve.bounds(price, high) {
        assert!(
            price.0 <= 0 || high.0 <= 0 || bounds.low <= bounds.high,
            "{leg:?} {price:?} {high:?}"
        );
    }
    if let Ok((least, most)) = curve.gamma_bounds(low.min(high), price, low.max(high)) {
        assert!(least <= most, "{leg:?}");
    }
    if let Leg::Liquidity {
        liquidity,
        sqrt_lower,
        sqrt_upper,
        ..
    } = *leg
    {
        range(
            &Range {
                liquidity,
                sqrt_lower,
                sqrt_upper,
            },
            price,
            low,
            high,
        );
    }
}

fn range(range: &Range, price: Wad, low: Wad, high: Wad) {
    if let (Ok(down), Ok(up)) = (range.value_down(price), range.value_up(price)) {
        assert!(down <= up, "{range:?} {price:?}");
        if let Ok(tangent) = range.tangent_up(low, price) {
            assert!(tangent >= down, "{range:?} {price:?} {low:?}");
        }
        if let Ok(above) = range.value_down(Wad(price.0.max(high.0))) {
            // One unit for each of the two products.
            assert!(above.0 + 2 >= down.0 || price > high, "{range:?} {price:?} {high:?}");
        }
        if let Ok(amounts) = range.amounts_down(price)
            && let Ok(tokens) = amounts.underlying.mul_down(price)
        {
            assert!(amounts.asset.0 + tokens.0 <= up.0 + 2, "{range:?} {price:?}");
        }
    }
    if let Ok(delta) = range.delta(price) {
        assert!(delta.0 >= 0);
    }
    if let Ok(gamma) = range.gamma(price) {
        assert!(gamma.0 <= 0);
    }
    let _ = (range.gamma_lowest(low, high), range.root(price));
    if let Ok(rate) = lvr::rate(range, price, Bps(8_000)) {
        assert!(rate.0 >= 0);
    }
}

/// Up to four underlyings of common prices; sometimes one that no oracle would give.
fn prices(input: &mut Input<'_>) -> Vec<Price> {
    let mut prices = vec![Price::ASSET];
    for _ in 0..1 + input.below(4) {
        let mid = if input.byte() < 250 {
            Wad(input.within(1, 10_000_000 * WAD))
        } else {
            input.wad()
        };
        let confidence = Bps(if input.byte() < 250 {
            input.below(2_000)
        } else {
            input.below(20_000)
        });
        prices.push(Price { mid, confidence });
    }
    for price in &prices[1..] {
        if let (Ok(low), Ok(high)) = (price.low_down(), price.high_up()) {
            assert!(price.mid.0 < 0 || low <= price.mid && price.mid <= high);
        }
    }
    prices
}

fn report(assessment: &Assessment, prices: &[Price]) {
    let report = &assessment.report;
    assert!(
        report.nav_min <= report.nav_mid && report.nav_mid <= report.nav_max,
        "{assessment:?}"
    );
    assert!(report.liquid <= report.raisable && report.net_value <= Wad(report.gross_value.0.saturating_add(8)));
    let not_negative = [
        report.gross_value,
        report.net_value,
        report.gross_leverage,
        report.net_leverage,
        report.worst_loss,
        report.initial_margin,
        report.nearest_liquidation,
        report.budget_loss,
        report.excess_gross,
        report.excess_net,
        report.excess_margin,
        report.excess_liquidation,
        report.excess_gamma,
        report.excess_vega,
    ];
    assert!(not_negative.iter().all(|x| x.0 >= 0), "{report:?}");
    assert!(report.maintenance_margin <= report.initial_margin);
    assert_eq!(usize::from(report.underlyings) + 1, prices.len());
    for underlying in 0..=u8::MAX {
        let known = (1..=report.underlyings).contains(&underlying);
        assert_eq!(report.exposure(underlying).is_some(), known);
    }
}

fn small(input: &mut Input<'_>) -> Wad {
    // Up to a billion, all lengths.
    Wad(input.within(0, 1_000_000_000 * WAD))
}

fn signed_small(input: &mut Input<'_>) -> Wad {
    let x = small(input);
    if input.byte() & 1 == 0 { x } else { Wad(-x.0) }
}

fn rate(input: &mut Input<'_>) -> Rate {
    Rate(i32::try_from(input.within(-3_000_000, 3_000_000)).expect("within"))
}

/// A leg of a book that might exist at `prices`.
fn leg(input: &mut Input<'_>, prices: &[Price], now: u64) -> Leg {
    let underlying = 1 + (input.below(u32::try_from(prices.len()).expect("few") - 1) as u8);
    let price = prices[usize::from(underlying)].mid;
    // Near the price: a fiftieth to four times.
    let near = |input: &mut Input<'_>| {
        Wad((price.0.clamp(1, 1_000_000_000 * WAD) / 1_000)
            .saturating_mul(20 + i128::from(input.below(4_000)))
            .clamp(1, (1 << 95) - 1))
    };
    match input.byte() % 8 {
        0 => Leg::Cash { amount: small(input) },
        1 => Leg::Debt {
            amount: small(input),
            rate: rate(input),
        },
        2 => Leg::Spot {
            underlying,
            quantity: small(input),
        },
        3 => Leg::BorrowedSpot {
            underlying,
            quantity: small(input),
            rate: rate(input),
        },
        4 => Leg::Perp {
            underlying,
            size: signed_small(input),
            cost_basis: signed_small(input),
            collateral: small(input),
            collateral_in_underlying: input.byte() & 1 == 1,
            accrued: signed_small(input),
            maintenance: Bps(input.below(2_000)),
            rate: rate(input),
        },
        5 => {
            let lower = Wad(input.within(1, 10_000 * WAD));
            Leg::Liquidity {
                underlying,
                liquidity: small(input),
                sqrt_lower: lower,
                sqrt_upper: Wad(lower.0 + input.within(1, 10_000 * WAD)),
                fees_asset: small(input),
                fees_underlying: small(input),
            }
        }
        6 => Leg::Option {
            underlying,
            right: if input.byte() & 1 == 0 { Right::Call } else { Right::Put },
            quantity: signed_small(input),
            strike: near(input),
            forward: near(input),
            volatility: Rate(i32::try_from(input.within(0, 8_100_000)).expect("within")),
            rate: rate(input),
            expiry: now.saturating_add(u64::from(input.below(60_000)) * 4_000),
        },
        _ => Leg::Order {
            underlying,
            expected_delta: signed_small(input),
            collateral: small(input),
        },
    }
}

/// Parameters within their hard ranges; a few of them away from the default.
fn some_params(input: &mut Input<'_>) -> Params {
    let mut params = Params::default();
    for _ in 0..input.below(8) {
        let id = ParamId::ALL[usize::from(input.byte()) % ParamId::ALL.len()];
        let spec = params::spec(id);
        params
            .set(id, input.within(spec.min, spec.max))
            .expect("within its range");
    }
    params.check().expect("within their ranges");
    params
}

fn some_quotes(input: &mut Input<'_>) -> Vec<Quote> {
    (0..input.below(4))
        .map(|venue| Quote {
            venue: venue as u8,
            preference: input.byte() % 3,
            action: Action::ALL[usize::from(input.byte()) % 12],
            side: if input.byte() & 1 == 0 { Side::Buy } else { Side::Sell },
            underlying: input.byte() % 5,
            usable: input.byte() != 0,
            capacity: if input.byte() < 240 { small(input) } else { input.wad() },
            cap: if input.byte() < 240 { small(input) } else { input.wad() },
            fee: Bps(input.below(200)),
            impact: Bps(input.below(2_000)),
            carry: rate(input),
            slope: rate(input),
            execution_fee: Wad(input.within(0, 100 * WAD)),
        })
        .collect()
}

/// A whole book: measured, decided, and the decision judged.
fn book(input: &mut Input<'_>) -> bool {
    let params = some_params(input);
    let prices = prices(input);
    let now = u64::from(u32::from_le_bytes(input.bytes()));
    let legs: Vec<Leg> = (0..1 + input.below(8)).map(|_| leg(input, &prices, now)).collect();
    let mut words = Vec::new();
    for leg in &legs {
        if leg.pack(&mut words).is_err() {
            return false;
        }
    }
    let quotes = some_quotes(input);
    let skip = if input.byte() < 200 {
        0
    } else {
        input.below(1 << 10) as u16
    };
    let facts = Facts {
        liquidity_needed: if input.byte() < 128 { Wad::ZERO } else { small(input) },
        oracle: [
            Oracle::Fresh,
            Oracle::Fresh,
            Oracle::Fresh,
            Oracle::Doubtful,
            Oracle::Stale,
            Oracle::Sequencer,
        ][usize::from(input.byte()) % 6],
        capacity: if input.byte() < 128 {
            Wad::ONE
        } else {
            Wad(input.within(0, WAD))
        },
        budget_left: if input.byte() < 128 { Wad::MAX } else { small(input) },
        cost_left: if input.byte() < 128 { Wad::MAX } else { small(input) },
        means: if input.byte() < 128 {
            Means::ALL
        } else {
            Means(input.below(1 << 12) as u16)
        },
        blocked: if input.byte() < 200 { 0 } else { u64::from(input.byte()) },
        skip,
        violated_secs: input.below(10_000),
        execution_fee: Wad(input.within(0, WAD)),
        quotes: &quotes,
    };
    let margin_params = MarginParams::from(&params);
    let margin = margin::worst(&legs, &prices, &margin_params, now);
    let assessment = match assess(&words, &prices, &params, now) {
        Ok(assessment) => assessment,
        Err(_) => return false,
    };
    report(&assessment, &prices);
    assert_eq!(
        assessment.legs.iter().map(|measured| measured.leg).collect::<Vec<_>>(),
        legs
    );
    if let Ok(margin) = margin {
        assert!(
            margin.worst_loss.0 >= 0 && margin.maintenance <= margin.initial,
            "{margin:?}"
        );
        assert!(usize::from(margin.scenario) < pricing::grid::SCENARIOS);
        let mut sum = Wad::ZERO;
        for (underlying, price) in (1_u8..).zip(&prices[1..]) {
            let own: Vec<&Leg> = legs.iter().filter(|leg| leg.underlying() == underlying).collect();
            if own.is_empty() {
                continue;
            }
            let losses = margin::losses(&own, price.mid, &margin_params, now).expect("part of the book");
            sum = sum
                .add(losses.into_iter().max().expect("there are some").max(Wad::ZERO))
                .expect("part of the sum");
        }
        assert_eq!(
            sum, margin.worst_loss,
            "the sum over the underlyings of the worst, {legs:?}"
        );
    }

    // Legs in another order are the same book, up to the roundings of its sums.
    let mut turned = words.clone();
    if words.len() == legs.len() {
        turned.reverse();
        let turned = assess(&turned, &prices, &params, now).expect("the same legs").report;
        let near = |a: Wad, b: Wad| a.0.abs_diff(b.0) <= 64;
        assert!(near(turned.nav_mid, assessment.report.nav_mid), "{legs:?}");
        assert_eq!(turned.gross_value, assessment.report.gross_value);
    }

    let Ok(far) = distances(&assessment.report, &prices, &params, &facts) else {
        return true;
    };
    for index in 0..=decide::DISTANCES {
        assert!(excess(&far, index).0 >= 0);
    }
    for rule in 0..12 {
        let _ = rule_excess(&far, rule);
    }
    let decision = choose_rule(&assessment, &prices, &params, &facts);
    assert_eq!(
        decision,
        choose_rule(&assessment, &prices, &params, &facts),
        "the same again"
    );
    let Ok(decision) = decision else { return true };
    assert_eq!(decision.rule == IDLE, decision.action == Action::None);
    assert_eq!(decision.rule == IDLE, decision.amount_in == Wad::ZERO, "{decision:?}");
    assert!(facts.skip & (1 << decision.rule) == 0 || decision.rule == IDLE);
    assert!(
        decision.lower <= decision.delta_target && decision.delta_target <= decision.upper,
        "{decision:?}"
    );
    let same = accept(
        &assessment.report,
        &assessment.report,
        &decision,
        &prices,
        &params,
        &facts,
    );
    if decision.rule == IDLE {
        assert!(same.is_err());
        return true;
    }
    assert!(facts.means.has(decision.action), "{decision:?}");
    assert!(
        decision.value.0 >= 0 && decision.cost_bound.0 >= 0 && decision.progress.0 >= 0,
        "{decision:?}"
    );
    // Nothing done is no progress; later rules of yield ask for none.
    assert!(same.is_err() || decision.rule >= decide::CARRY, "{decision:?}");
    if usize::from(decision.leg) < legs.len() && decision.leg < 64 {
        assert!(facts.blocked & (1 << decision.leg) == 0, "{decision:?}");
    }
    // Any other book's report in place of the one after.
    let mut after = assessment.report;
    after.nav_mid = input.wad();
    after.gross_value = small(input);
    after.excess_liquidation = small(input);
    let _ = accept(&assessment.report, &after, &decision, &prices, &params, &facts);
    true
}

fn parameters(input: &mut Input<'_>) -> bool {
    let params = some_params(input);
    assert_eq!(Params::unpack(&params.pack()), params);
    let bytes: Vec<u8> = (0..input.below(64)).map(|_| input.byte()).collect();
    let any = Params::unpack(&bytes);
    assert_eq!(Params::unpack(&any.pack()), any);
    let valid = any.check().is_ok();
    let mut other = params;
    for &id in ParamId::ALL {
        let spec = params::spec(id);
        let value = any.get(id);
        let fits = (spec.min..=spec.max).contains(&value);
        assert_eq!(params::check(id, value).is_ok(), fits);
        assert_eq!(other.set(id, value).is_ok(), fits);
        assert!(!valid || fits);
        if fits {
            assert_eq!(other.get(id), value);
        }
        let (old, new) = (params.get(id), input.signed());
        let both = params::is_tightening(id, old, new) && params::is_tightening(id, new, old);
        assert!(!both || old == new || spec.tightening == Tightening::Neither);
    }
    let _ = (
        Moves::new(&any),
        drawdown::budget_move_up(&any),
        MarginParams::from(&any),
    );
    let _ = assess(&[], &[Price::ASSET], &any, 0).map(|assessment| assert!(valid && assessment.legs.is_empty()));
    true
}

fn redemptions(input: &mut Input<'_>) -> bool {
    let (assets, total, supply, offset) = (input.wide(), input.wide(), input.wide(), input.byte() % 40);
    let mut far = false;
    if let (Ok(down), Ok(up)) = (
        shares::to_shares_down(assets, total, supply, offset),
        shares::to_shares_up(assets, total, supply, offset),
    ) {
        far = true;
        assert!(down <= up && up - down <= U256::ONE);
        // Nobody gains by going in and out.
        if let Ok(back) = shares::to_assets_down(down, total, supply, offset) {
            assert!(back <= assets);
        }
        if let Ok(cost) = shares::to_assets_up(up, total, supply, offset) {
            assert!(cost >= assets);
        }
    }
    let mut batch = shares::Batch::new(input.wide());
    let (mut burned, mut paid) = (U256::ZERO, U256::ZERO);
    for _ in 0..4 {
        let (owed, liquid) = (input.wide(), input.wide());
        let Ok((after, settlement)) = shares::settle_fraction(&batch, owed, liquid) else {
            break;
        };
        assert!(settlement.assets <= owed.min(liquid));
        assert!(after.unfilled_ray <= batch.unfilled_ray && after.assets_per_share >= batch.assets_per_share);
        burned += settlement.burned;
        // The batches' values are independent here, so their sum need not fit.
        let Some(sum) = paid.checked_add(settlement.assets) else {
            break;
        };
        paid = sum;
        assert_eq!(
            shares::unfilled(&after, after.shares).expect("no more than all") + burned,
            batch.shares
        );
        if let Ok(claims) = shares::claimable(&after, after.shares) {
            assert!(claims <= paid);
        }
        batch = after;
        far = true;
    }
    far
}

fn history(input: &mut Input<'_>) -> bool {
    let params = some_params(input);
    let mut now = input.signed() as u64;
    let Ok(mut history) = Drawdown::start(input.wad(), now, &params) else {
        return false;
    };
    for _ in 0..6 {
        now = now.wrapping_add(u64::from(input.below(60_000)) * 100);
        let Ok(next) = history.update(Wad(input.signed()), now, &params) else {
            continue;
        };
        assert!((0..=WAD).contains(&next.capacity.0) && next.high_water() >= next.last);
        assert!(next.epoch > history.epoch || next.capacity <= history.capacity);
        let used = next.used_up().expect("was used for the capacity");
        assert!((0..=WAD).contains(&used.0));
        if let Ok(loss) = next.allowed_loss_down(small(input), &params) {
            assert!(loss.0 >= 0);
        }
        if let Ok(limit) = drawdown::leverage_limit_down(params.max_gross_leverage, next.capacity) {
            assert!(limit <= params.max_gross_leverage);
        }
        history = next;
    }
    let _ = drawdown::capacity_down(input.wad(), Bps(input.below(20_000)));
    true
}

fn bands(input: &mut Input<'_>) -> bool {
    let params = some_params(input);
    let (lambda, gamma, aversion) = (input.wad(), input.wad(), input.wad());
    let (volatility, horizon) = (Bps(input.below(60_000)), u32::from_le_bytes(input.bytes()));
    let _ = hedge::whalley_wilmott(lambda, gamma, aversion);
    let _ = hedge::zakamouline(lambda, gamma, aversion, volatility, horizon);
    let _ = hedge::variance_adjustment(lambda, gamma, aversion, volatility, horizon);
    let _ = sigma_root_time_up(Bps(input.signed() as u32), horizon);

    let mut exposure = engine::Exposure {
        gamma: signed_small(input),
        ..Default::default()
    };
    let width = small(input);
    exposure.gamma_low = Wad(exposure.gamma.0 - width.0);
    exposure.gamma_high = Wad(exposure.gamma.0 + width.0);
    let (price, equity, weight) = (small(input), small(input), Bps(input.below(BPS + 1)));
    let _ = hedge::effective_gamma(&exposure, price, equity, weight);
    let half_width = hedge::half_width_value(&params, &exposure, price, equity, weight, lambda);
    if let Ok(half_width) = half_width {
        let most = equity.mul_bps_up(params.band_cap).expect("a share");
        assert!(
            half_width.0 >= 0 && (half_width <= most || params.band_floor > params.band_cap),
            "{half_width:?}"
        );
    }

    let mut number = || Wad(input.within(0, 1_000_000 * WAD));
    let (forward, strike, years) = (number(), number(), number());
    let (volatility, rate) = (input.wad(), input.wad());
    let pricer = pricing::Pricer::new();
    for right in [Right::Call, Right::Put] {
        for (volatility, rate) in [
            (volatility, rate),
            (Wad(volatility.0.unsigned_abs() as i128 % (8 * WAD)), Wad(rate.0 % WAD)),
        ] {
            if let Ok(quote) = option::quote(&pricer, right, forward, strike, years, volatility, rate) {
                assert!(
                    quote.price.0 >= 0 && quote.vega.0 >= 0 && quote.gamma.0 >= 0,
                    "{quote:?}"
                );
            }
        }
    }
    half_width.is_ok()
}

fn venues(input: &mut Input<'_>) -> bool {
    let quotes = some_quotes(input);
    let want = Want {
        action: Action::ALL[usize::from(input.byte()) % 12],
        side: if input.byte() & 1 == 0 { Side::Buy } else { Side::Sell },
        underlying: input.byte() % 5,
        value: if input.byte() < 200 { small(input) } else { input.wad() },
        horizon_secs: u32::from_le_bytes(input.bytes()),
    };
    // One that offers what is wanted, most of the time.
    let quotes: Vec<Quote> = quotes
        .into_iter()
        .enumerate()
        .map(|(n, quote)| {
            if n == 0 {
                quote
            } else {
                Quote {
                    action: want.action,
                    side: want.side,
                    underlying: want.underlying,
                    ..quote
                }
            }
        })
        .collect();
    if let (Ok(down), Ok(up)) = (
        over_horizon_down(want.value, Rate(want.horizon_secs as i32), want.horizon_secs),
        over_horizon_up(want.value, Rate(want.horizon_secs as i32), want.horizon_secs),
    ) {
        assert!(down <= up);
    }
    if let Ok(choice) = choose(&quotes, &want) {
        assert!(choice.quote.offers(&want) && choice.value <= want.value && choice.value <= choice.quote.room());
        assert!(choice.value.0 > 0);
        assert_eq!(choice.quote.cost_up(choice.value, want.horizon_secs), Ok(choice.cost));
        for quote in quotes.iter().filter(|quote| quote.offers(&want)) {
            assert!(want.value.min(quote.room()) <= choice.value, "one that takes more");
        }
    }
    true
}

fn bounties(input: &mut Input<'_>) -> bool {
    let params = some_params(input);
    let mut time = || input.signed() as u64;
    let claim = Claim {
        gas: time(),
        base_fee: time(),
        gas_price: time(),
        now_secs: time(),
        block: time(),
        clean_secs: time(),
        changed_secs: time(),
        flow_block: time(),
        paid_secs: time(),
        recorded_secs: None,
        native_price: Wad::ZERO,
    };
    let recorded = input.signed() as u64;
    let native_price = input.wad();
    let claim = Claim {
        recorded_secs: (!recorded.is_multiple_of(3)).then_some(recorded),
        native_price,
        ..claim
    };
    // Without the obstacles, so that something is paid.
    let clear = Claim {
        gas_price: claim.base_fee,
        flow_block: claim.block.wrapping_add(1),
        clean_secs: claim.changed_secs.saturating_add(1),
        now_secs: u64::MAX,
        ..claim
    };
    for claim in [claim, clear] {
        if let Ok(paid) = bounty_down(&params, &claim) {
            assert!(paid.0 >= 0 && paid <= params.bounty_cap);
            assert!(gas_price_within(claim.gas_price, claim.base_fee, params.max_fee_factor).is_ok());
        }
    }
    true
}
