//! One replay: market, venues, depositors, mandate and keeper, in this order at every hour.

use super::{
    book::{Book, Contract, Scene, Slot, float, token_units_down},
    keeper,
    ledger::{Entry, Ledger},
    settings::{Knob, Settings},
    tape::{Hour, Tape},
    venues::{Desk, Refused, payoff},
};
use anyhow::{Context, Result, anyhow, ensure};
use engine::{
    Assessment, Decision, EngineError, Side, accept, assess, decide,
    decide::{DISTANCES, Facts, IDLE, Means, Oracle, RULE_OF, excess},
    drawdown::Drawdown,
    leg::Right,
    report::Price,
};
use fixed::{Bps, MathError, Wad};
use std::collections::BTreeMap;

/// More actions than any state can need in one hour.
const MOST_ACTIONS: usize = 12;
/// Hours between two settlements of the redemption queue.
const SETTLE_SECS: u64 = 86_400;
/// Strikes of the sold calls and bought puts, as a share of the price at the roll.
const STRIKES: [(Right, Bps); 2] = [(Right::Call, Bps(11_500)), (Right::Put, Bps(8_500))];
/// What the mandate starts with besides range and options: tokens held and tokens sold short at perp venue A, as shares
/// of the capital.
const FIRST_SPOT: Bps = Bps(6_500);
const FIRST_SHORT: Bps = Bps(1_000);

/// The end of one hour, after everybody acted. For tables and plots; the accounts are in [`Outcome::ledger`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Unix seconds.
    pub timestamp: u64,
    /// Asset units per token.
    pub price: f64,
    /// Equity at oracle mid, in asset units.
    pub nav: f64,
    /// Equity per share, 1.0 at the start.
    pub share_price: f64,
    /// Delta of the book in tokens.
    pub delta: f64,
    /// The delta aimed at.
    pub target: f64,
    /// Lower edge of the band.
    pub lower: f64,
    /// Upper edge of the band.
    pub upper: f64,
    /// Σ|Δ·S| of legs over equity.
    pub gross_leverage: f64,
    /// Σ|Δ·S| of underlyings over equity.
    pub net_leverage: f64,
    /// Initial margin over equity.
    pub margin_use: f64,
    /// Loss of the worst scenario over equity.
    pub worst_loss: f64,
    /// Implied volatility at the money, 30 days.
    pub volatility: f64,
    /// Annual funding of both perp venues.
    pub funding: [f64; 2],
    /// Excess of each of the engine's distances over equity.
    pub excess: [f64; DISTANCES],
    /// Legs of the book.
    pub legs: u8,
}

/// A carried-out decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Act {
    /// Unix seconds.
    pub timestamp: u64,
    /// What was decided.
    pub decision: Decision,
    /// Excess of the rule before and after, in asset units.
    pub excess: [f64; 2],
    /// What it cost at oracle mid, in asset units.
    pub cost: f64,
}

/// The whole replay.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Every hour.
    pub steps: Vec<Step>,
    /// Every action that stood.
    pub acts: Vec<Act>,
    /// Refused actions: by rule and reason.
    pub refused: BTreeMap<(u8, &'static str), u64>,
    /// Where the value came from and went.
    pub ledger: Ledger,
    /// The value at the end, measured by the engine.
    pub nav: Wad,
    /// What was held at the end.
    pub book: Book,
    /// Positions that a perp venue liquidated.
    pub liquidations: u32,
    /// Steps of the mandate (rolls) that a venue refused.
    pub skipped_rolls: u32,
    /// Hours at whose end the engine still asked for action.
    pub restless: u32,
    /// Hours without a price to act on.
    pub outages: u32,
    /// Whether the equity was used up and the replay stopped.
    pub ruined: bool,
}

struct Run<'a> {
    settings: &'a Settings,
    book: Book,
    ledger: Ledger,
    /// Shares of all depositors, and those in the redemption queue.
    supply: Wad,
    requested: Wad,
    visits: u64,
    due: Due,
    start: u64,
    marks: Marks,
    drawdown: Drawdown,
    epoch: Epoch,
    violated_since: Option<u64>,
    out: Outcome,
}

/// What waits for a fresh price.
#[derive(Clone, Copy, Debug, Default)]
struct Due {
    roll: bool,
    visit: bool,
    settle: bool,
}

/// Values of the nonlinear positions at the last measurement.
#[derive(Clone, Debug, Default)]
struct Marks {
    range: Wad,
    options: Vec<Wad>,
}

/// The cost budget's epoch.
#[derive(Clone, Copy, Debug, Default)]
struct Epoch {
    number: u64,
    /// Trading costs at its start.
    costs: Wad,
}

/// A measured book.
struct Measure {
    assessment: Assessment,
    slots: Vec<Slot>,
    /// Sum of the legs' marks.
    value: Wad,
}

/// Replays the tape.
pub fn run(tape: &Tape, settings: &Settings) -> Result<Outcome> {
    let first = tape.hours.first().context("no prices")?;
    let mut run = Run::open(first, settings)?;
    let mut before: &Hour = first;
    for hour in &tape.hours {
        let scene = Scene { hour, settings };
        let at = || format!("at {}", crate::market::hour(hour.timestamp));
        let step = run.step(&scene, before).with_context(at)?;
        run.out.steps.push(step);
        before = hour;
        if run.out.ruined {
            break;
        }
    }
    run.out.ledger = run.ledger;
    run.out.book = run.book;
    Ok(run.out)
}

impl<'a> Run<'a> {
    /// Cash alone: the mandate opens the rest.
    fn open(first: &Hour, settings: &'a Settings) -> Result<Self> {
        let capital = settings.wad(Knob::Capital);
        let mut ledger = Ledger::default();
        ledger.add(Entry::Deposits, capital).map_err(math)?;
        let book = Book {
            cash: capital,
            ..Book::default()
        };
        Ok(Self {
            settings,
            book: book.clone(),
            ledger,
            supply: capital,
            requested: Wad::ZERO,
            visits: 0,
            due: Due::default(),
            start: first.timestamp,
            marks: Marks::default(),
            drawdown: Drawdown::start(Wad::ONE, first.timestamp, &settings.params).map_err(math)?,
            epoch: Epoch::default(),
            violated_since: None,
            out: Outcome {
                steps: Vec::new(),
                acts: Vec::new(),
                refused: BTreeMap::new(),
                ledger,
                nav: capital,
                book,
                liquidations: 0,
                skipped_rolls: 0,
                restless: 0,
                outages: 0,
                ruined: false,
            },
        })
    }

    fn step(&mut self, scene: &Scene<'_>, before: &Hour) -> Result<Step> {
        let hour = scene.hour;
        self.move_market(scene, before).map_err(refused)?;
        let mut measure = self.measure(scene)?;
        self.revalue(&measure).map_err(math)?;
        self.balance(&measure)?;

        let first = hour.timestamp == self.start;
        let since = |period: u64| period > 0 && (hour.timestamp - self.start).is_multiple_of(period);
        self.due.roll |= since(self.settings.days_secs(Knob::RollDays));
        self.due.visit |= !first && since(self.settings.days_secs(Knob::FlowDays));
        self.due.settle |= !first && since(SETTLE_SECS);
        let threshold = self.settings.params.lending_threshold;
        let liquidated = self.desk(scene).liquidate(threshold).map_err(refused)?;
        self.out.liquidations += liquidated;
        let mut changed = liquidated > 0;
        let due = self.due;
        if self.oracle(scene) == Oracle::Fresh {
            self.due = Due::default();
            if due.settle && self.requested > Wad::ZERO {
                self.settle(&measure).map_err(math)?;
                changed = true;
            }
            if due.visit {
                self.visit(&measure).map_err(math)?;
                changed = true;
            }
            if due.roll {
                self.roll(scene, measure.assessment.report.nav_mid.max(Wad::ZERO), first);
                changed = true;
            }
        } else {
            self.out.outages += 1;
        }
        if changed {
            measure = self.remeasure(scene)?;
        }
        self.enter_epoch(scene, &measure).map_err(math)?;
        let decision;
        (measure, decision) = self.keep(scene, measure)?;
        self.out.nav = measure.value;
        self.out.ruined = measure.assessment.report.nav_min <= Wad::ZERO;
        Ok(self.observe(scene, &measure, &decision))
    }

    /// The feed is out for the first hours of every period but the first.
    fn oracle(&self, scene: &Scene<'_>) -> Oracle {
        let period = self.settings.days_secs(Knob::OutageDays);
        let lasts = self.settings.days_secs(Knob::OutageHours) / 24;
        let elapsed = scene.hour.timestamp - self.start;
        if period > 0 && elapsed >= period && elapsed % period < lasts {
            Oracle::Stale
        } else {
            Oracle::Fresh
        }
    }

    fn desk<'b>(&'b mut self, scene: &Scene<'b>) -> Desk<'b> {
        Desk {
            scene: *scene,
            book: &mut self.book,
            ledger: &mut self.ledger,
        }
    }

    // --- market ---------------------------------------------------------------------------------------------------

    /// Price moves of what is linear, expiries, and what time brings and takes.
    fn move_market(&mut self, scene: &Scene<'_>, before: &Hour) -> Result<(), Refused> {
        let (old, price) = (before.price, scene.price());
        let change = price.sub(old)?;
        self.ledger.add(Entry::SpotMoves, self.book.spot.mul_down(change)?)?;
        for perp in &self.book.perps {
            self.ledger.add(Entry::PerpMoves, perp.size.mul_down(change)?)?;
        }
        let mut index = 0;
        while let Some(contract) = self.book.options.get(index).copied() {
            if contract.expiry > scene.hour.timestamp {
                index += 1;
                continue;
            }
            let paid = payoff(&contract, price)?;
            self.book.options.remove(index);
            let mark = self.marks.options.remove(index);
            self.book.cash = self.book.cash.add(paid)?;
            if self.book.cash < Wad::ZERO {
                // What a sold option costs beyond the cash is lent by the lending venue.
                self.book.debt = self.book.debt.sub(self.book.cash)?;
                self.book.cash = Wad::ZERO;
            }
            self.ledger.add(Entry::OptionMoves, paid.sub(mark)?)?;
        }
        let fees = self.ledger.get(Entry::RangeFees);
        self.desk(scene).accrue(old, scene.hour.elapsed_secs)?;
        // Fees are counted apart from the range's own moves.
        self.marks.range = self.marks.range.add(self.ledger.get(Entry::RangeFees).sub(fees)?)?;
        Ok(())
    }

    fn measure(&self, scene: &Scene<'_>) -> Result<Measure> {
        let legs = self.book.legs(scene);
        let mut words = Vec::with_capacity(2 * legs.len());
        for (_, leg) in &legs {
            leg.pack(&mut words).map_err(|error| anyhow!("{leg:?}: {error:?}"))?;
        }
        let assessment = assess(&words, &self.prices(scene), &self.settings.params, scene.hour.timestamp)
            .map_err(|error| anyhow!("the engine cannot assess the book: {error:?}"))?;
        let mut value = Wad::ZERO;
        for leg in &assessment.legs {
            value = value.add(leg.mark.value).map_err(math)?;
        }
        Ok(Measure {
            assessment,
            slots: legs.into_iter().map(|(slot, _)| slot).collect(),
            value,
        })
    }

    fn prices(&self, scene: &Scene<'_>) -> [Price; 2] {
        let price = Price {
            mid: scene.price(),
            confidence: self.settings.bps(Knob::Confidence),
        };
        [Price::ASSET, price]
    }

    /// What range and options gained since the last measurement.
    fn revalue(&mut self, measure: &Measure) -> Result<(), MathError> {
        let now = marks(measure);
        self.ledger.add(Entry::RangeMoves, now.range.sub(self.marks.range)?)?;
        for (now, before) in now.options.iter().zip(&self.marks.options) {
            self.ledger.add(Entry::OptionMoves, now.sub(*before)?)?;
        }
        self.marks = now;
        Ok(())
    }

    /// Measures after something was traded; the market did not move.
    fn remeasure(&mut self, scene: &Scene<'_>) -> Result<Measure> {
        let measure = self.measure(scene)?;
        self.marks = marks(&measure);
        self.balance(&measure)?;
        Ok(measure)
    }

    /// The accounts and the measured value agree to the last digit.
    fn balance(&self, measure: &Measure) -> Result<()> {
        let total = self.ledger.total().map_err(math)?;
        ensure!(
            total == measure.value,
            "the accounts say {}, the engine measures {}",
            total.0,
            measure.value.0
        );
        // The engine nets before it rounds: at most one unit per leg apart.
        let apart = measure.assessment.report.nav_mid.0 - measure.value.0;
        let legs = measure.slots.len() as u64;
        ensure!(
            apart.unsigned_abs() <= legs.into(),
            "nav_mid is {apart} off the legs' sum"
        );
        Ok(())
    }

    // --- depositors -----------------------------------------------------------------------------------------------

    /// Every second visit brings money, the others ask for it.
    fn visit(&mut self, measure: &Measure) -> Result<(), MathError> {
        let report = &measure.assessment.report;
        let size = self.settings.bps(Knob::FlowSize);
        self.visits += 1;
        if self.visits.is_multiple_of(2) {
            let assets = report.nav_mid.max(Wad::ZERO).mul_bps_down(size)?;
            if report.nav_max <= Wad::ZERO {
                return Ok(());
            }
            self.supply = self.supply.add(ratio(assets, self.supply, report.nav_max)?)?;
            self.book.cash = self.book.cash.add(assets)?;
            self.ledger.add(Entry::Deposits, assets)
        } else {
            let staying = self.supply.sub(self.requested)?;
            self.requested = self.requested.add(staying.mul_bps_down(size)?)?;
            Ok(())
        }
    }

    /// Pays the queue what cash allows, at the low mark.
    fn settle(&mut self, measure: &Measure) -> Result<(), MathError> {
        let low = measure.assessment.report.nav_min;
        if low <= Wad::ZERO {
            return Ok(());
        }
        let owed = ratio(low, self.requested, self.supply)?;
        let paid = owed.min(self.book.cash);
        let burned = if paid == owed {
            self.requested
        } else {
            ratio(self.requested, paid, owed)?
        };
        self.book.cash = self.book.cash.sub(paid)?;
        self.supply = self.supply.sub(burned)?;
        self.requested = self.requested.sub(burned)?;
        self.ledger.sub(Entry::Payouts, paid)
    }

    /// What the queue is owed, at mid.
    fn owed(&self, measure: &Measure) -> Result<Wad, MathError> {
        if self.requested == Wad::ZERO {
            return Ok(Wad::ZERO);
        }
        let equity = measure.assessment.report.nav_mid.max(Wad::ZERO);
        ratio(equity, self.requested, self.supply)
    }

    fn share_price(&self, measure: &Measure) -> Result<Wad, MathError> {
        measure.assessment.report.nav_mid.div_down(self.supply)
    }

    // --- mandate --------------------------------------------------------------------------------------------------

    /// Renews what the strategy holds by itself: the range around the new price, and the pair of options that expired.
    /// At the start also spot, a short perp and the loan. Sizes are shares of `equity`; what a venue refuses is left out
    /// and counted.
    fn roll(&mut self, scene: &Scene<'_>, equity: Wad, first: bool) {
        let days = self.settings.days_secs(Knob::RollDays);
        let price = scene.price();
        let tokens =
            |share: Bps| -> Result<Wad, Refused> { Ok(token_units_down(equity.mul_bps_down(share)?.div_down(price)?)) };
        let (range_weight, option_weight) = (
            self.settings.bps(Knob::RangeWeight),
            self.settings.bps(Knob::OptionWeight),
        );
        let width = self.settings.bps(Knob::RangeWidth);
        let debt = self.settings.bps(Knob::DebtWeight);
        let mut tries: Vec<Result<(), Refused>> = Vec::new();
        let mut desk = self.desk(scene);
        if first {
            if debt.0 > 0 {
                tries.push(
                    equity
                        .mul_bps_down(debt)
                        .map_err(Refused::from)
                        .and_then(|debt| desk.borrow(debt)),
                );
            }
            tries.push(tokens(FIRST_SPOT).and_then(|spot| desk.spot(Side::Buy, spot).map(|_| ())));
            tries.push(tokens(FIRST_SHORT).and_then(|short| desk.perp(0, short.neg()?, true)));
        }
        if range_weight.0 > 0 {
            tries.push(desk.whole(|desk| {
                if desk.book.range.is_some() {
                    desk.shrink_range(Wad::ZERO)?;
                }
                desk.open_range(equity.mul_bps_down(range_weight)?, width)
            }));
        }
        let expiries: &[u64] = if first { &[1, 2] } else { &[2] };
        for periods in expiries {
            for (right, strike) in STRIKES {
                tries.push(desk.whole(|desk| {
                    let quantity = tokens(option_weight)?;
                    if quantity == Wad::ZERO {
                        return Ok(());
                    }
                    let strike = token_units_down(price.mul_bps_down(strike)?);
                    let contract = Contract {
                        right,
                        quantity: Wad::ZERO,
                        strike,
                        expiry: scene.hour.timestamp + periods * days,
                    };
                    let change = if right == Right::Call {
                        quantity.neg()?
                    } else {
                        quantity
                    };
                    desk.option(None, contract, change)
                }));
            }
        }
        let refusals = tries.iter().filter(|tried| tried.is_err()).count();
        self.out.skipped_rolls += u32::try_from(refusals).unwrap_or(u32::MAX);
    }

    // --- keeper ---------------------------------------------------------------------------------------------------

    /// Tells the drawdown's history the share price, and starts the costs anew with an epoch.
    fn enter_epoch(&mut self, scene: &Scene<'_>, measure: &Measure) -> Result<(), MathError> {
        let share_price = self.share_price(measure)?.max(Wad::ZERO);
        let (now, params) = (scene.hour.timestamp, &self.settings.params);
        self.drawdown = self.drawdown.update(share_price, now, params)?;
        if self.drawdown.epoch != self.epoch.number {
            self.epoch = Epoch {
                number: self.drawdown.epoch,
                costs: self.ledger.trading_costs()?,
            };
        }
        Ok(())
    }

    /// Asks the engine until it is idle, and carries out what it says.
    fn keep(&mut self, scene: &Scene<'_>, mut measure: Measure) -> Result<(Measure, Decision)> {
        let prices = self.prices(scene);
        let mut skip = 0_u16;
        let mut calls = 0;
        loop {
            let quotes = keeper::quotes(scene, &self.book);
            let mut facts = self.facts(scene, &measure).map_err(math)?;
            facts.quotes = &quotes;
            facts.skip = skip;
            let decision = decide(&measure.assessment, &prices, &self.settings.params, &facts).map_err(engine_error)?;
            self.violated_since = if decision.distances.iter().all(|distance| *distance >= Wad::ZERO) {
                None
            } else {
                self.violated_since.or(Some(scene.hour.timestamp))
            };
            if decision.rule == IDLE {
                return Ok((measure, decision));
            }
            if calls == MOST_ACTIONS {
                self.out.restless += 1;
                return Ok((measure, decision));
            }
            calls += 1;
            let (book, ledger, marks) = (self.book.clone(), self.ledger, self.marks.clone());
            let done = self.desk(scene).carry_out(&decision, &measure.slots);
            if let Err(why) = done {
                self.refuse(decision.rule, why.name());
                skip |= 1 << decision.rule;
                continue;
            }
            let after = self.remeasure(scene)?;
            let verdict = accept(
                &measure.assessment.report,
                &after.assessment.report,
                &decision,
                &prices,
                &self.settings.params,
                &facts,
            );
            if let Err(rejection) = verdict {
                self.refuse(decision.rule, rejection_name(&rejection));
                (self.book, self.ledger, self.marks) = (book, ledger, marks);
                skip |= 1 << decision.rule;
                continue;
            }
            let sum = |measure: &Measure| self.rule_excess(scene, measure, &facts, decision.rule);
            let excess = [sum(&measure)?, sum(&after)?];
            self.out.acts.push(Act {
                timestamp: scene.hour.timestamp,
                decision,
                excess,
                cost: float(measure.value) - float(after.value),
            });
            measure = after;
        }
    }

    fn facts(&self, scene: &Scene<'_>, measure: &Measure) -> Result<Facts<'static>, MathError> {
        let params = &self.settings.params;
        let equity = measure.assessment.report.nav_mid.max(Wad::ZERO);
        let spent = self.ledger.trading_costs()?.sub(self.epoch.costs)?;
        let violated = self.violated_since.map_or(0, |since| scene.hour.timestamp - since);
        Ok(Facts {
            liquidity_needed: self.owed(measure)?,
            oracle: self.oracle(scene),
            capacity: self.drawdown.capacity,
            budget_left: self.drawdown.allowed_loss_down(self.supply, params)?,
            cost_left: equity.mul_bps_down(params.epoch_cost)?.sub(spent)?.max(Wad::ZERO),
            means: Means::ALL,
            violated_secs: u32::try_from(violated).unwrap_or(u32::MAX),
            ..Facts::default()
        })
    }

    fn rule_excess(&self, scene: &Scene<'_>, measure: &Measure, facts: &Facts<'_>, rule: u8) -> Result<f64> {
        let distances = engine::decide::distances(
            &measure.assessment.report,
            &self.prices(scene),
            &self.settings.params,
            facts,
        );
        let distances = distances.map_err(|error| anyhow!("{error:?}"))?;
        let of_rule = RULE_OF.iter().enumerate().filter(|(_, of)| **of == rule);
        Ok(of_rule.map(|(index, _)| float(excess(&distances, index))).sum())
    }

    fn refuse(&mut self, rule: u8, why: &'static str) {
        *self.out.refused.entry((rule, why)).or_default() += 1;
    }

    fn observe(&self, scene: &Scene<'_>, measure: &Measure, decision: &Decision) -> Step {
        let report = &measure.assessment.report;
        let exposure = report.exposures[0];
        let nav = float(report.nav_mid);
        let share = |value: Wad| if nav > 0.0 { float(value) / nav } else { 0.0 };
        let mut excesses = [0.0; DISTANCES];
        for (index, slot) in excesses.iter_mut().enumerate() {
            *slot = share(excess(&decision.distances, index));
        }
        let price = float(scene.price());
        let premium = float(self.settings.wad(Knob::VolPremium));
        let millionths = |rate: engine::leg::Rate| f64::from(rate.0) / 1e6;
        Step {
            timestamp: scene.hour.timestamp,
            price,
            nav,
            share_price: self.share_price(measure).map_or(0.0, float),
            delta: float(exposure.delta),
            target: float(decision.delta_target),
            lower: float(decision.lower),
            upper: float(decision.upper),
            gross_leverage: share(report.gross_value),
            net_leverage: share(report.net_value),
            margin_use: share(report.initial_margin),
            worst_loss: share(report.worst_loss),
            volatility: millionths(scene.hour.volatility(premium, price, price, 30.0 / 365.0)),
            funding: [0, 1].map(|venue| millionths(scene.hour.funding(venue))),
            excess: excesses,
            legs: u8::try_from(measure.slots.len()).unwrap_or(u8::MAX),
        }
    }
}

/// The marks of range and options.
fn marks(measure: &Measure) -> Marks {
    let mut marks = Marks::default();
    for (slot, leg) in measure.slots.iter().zip(&measure.assessment.legs) {
        match slot {
            Slot::Range => marks.range = leg.mark.value,
            Slot::Option(_) => marks.options.push(leg.mark.value),
            _ => {}
        }
    }
    marks
}

/// `a · b / c`, rounded down.
fn ratio(a: Wad, b: Wad, c: Wad) -> Result<Wad, MathError> {
    a.mul_down(b)?.div_down(c)
}

fn math(error: MathError) -> anyhow::Error {
    anyhow!("a number is out of range: {error:?}")
}

fn refused(why: Refused) -> anyhow::Error {
    anyhow!("{why:?}")
}

fn engine_error(error: EngineError) -> anyhow::Error {
    anyhow!("the engine cannot decide: {error:?}")
}

fn rejection_name(rejection: &engine::Rejection) -> &'static str {
    use engine::Rejection;
    match rejection {
        Rejection::NothingDecided => "nothing decided",
        Rejection::NoProgress { .. } => "too little progress",
        Rejection::EarlierRuleWorse { .. } => "an earlier rule got worse",
        Rejection::LaterRuleWorse { .. } => "a later rule got worse",
        Rejection::CostTooHigh { .. } => "too dear",
        Rejection::Math(_) => "out of range",
    }
}
