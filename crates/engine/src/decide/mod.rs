//! What to do about a book: the first violated rule of design section 6 that can be acted upon, or nothing.
//!
//! | # | rule | action | file |
//! |---|---|---|---|
//! | 1 | price stale, or sequencer down or in grace | only what needs no price: add margin, repay, cancel | [`freshness`] |
//! | 2 | loss under the budget move above what is left of the drawdown budget | reduce; once the budget is used up, flatten | [`budget`] |
//! | 3 | distance to a liquidation below its minimum | add margin or repay from cash, else reduce the position | [`liquidation`] |
//! | 4 | equity below initial margin, gross or net leverage above L · c | reduce the largest leg that helps | [`leverage`] |
//! | 5 | redemption queue not covered by liquid assets | raise the difference, cheapest first | [`queue`] |
//! | 6 | \|expected delta − target\| outside the band | hedge to the band's edge | [`band`] |
//! | 7 | gamma or vega above its limit | shrink the range or the option | [`greeks`] |
//! | 8 | funding of a hedge above its threshold | move the hedge to the cheaper venue | [`carry`] |
//! | 9 | more idle than wanted | allocate where the marginal net rate is highest | [`idle`] |
//!
//! A rule asks for an amount of a [`Lever`] (a leg that can be made smaller, cash that can buy, …); what holdings,
//! venues and the limits of earlier rules leave of it becomes the decision. A rule that has nothing left is skipped,
//! and the next one is asked.
//!
//! Why the rules do not fight each other:
//! - Every trade goes only as far as the leverage and margin limits allow *after* it, at the worst accepted price
//!   (`room`), so that rule 4 need not take it back. The same holds between rule 4's own limits.
//! - Every purchase is paid from cash that the queue does not need, so it cannot uncover the queue.
//! - The target is a share of the equity that *stays*: `nav_mid − liquidity_needed`. Selling for the queue therefore
//!   moves the book towards its target instead of away from it, and settling the queue later does not move it again.
//! - Rules 8 and 9 need a gain of a multiple of their cost, and rule 8 a distance between venues (hysteresis).
//!
//! Sources: the rules and their order are design section 6; the band's width is Whalley and Wilmott's (1997) or
//! Zakamouline's (2006), see [`crate::hedge`]; the depth of a hedge with a fixed cost follows from the conditions of
//! impulse control, see [`band`].
//!
//! Limits, on purpose:
//! - Sizes are computed from the Greeks of the moment. For linear books (cash, spot, loans, perps) they are exact up to
//!   rounding. With options and ranges, margin and budget are curved, so a step may fall short (the next call goes on)
//!   or be refused by [`crate::accept`]; the caller then asks again with that rule in [`Facts::skip`].
//! - A perp is only increased where the book already has collateral. Opening an account is rule 9's business.
//! - Margin is one rule: the largest change of the worst loss per unit traded is taken from the scenarios' extremes, not
//!   by revaluing the book after the trade.
//! - A hedge is moved and cash allocated one venue a call. Nothing is optimised over venues or over time.
//! - The plan for a venue that settles later is accepted by what the book looks like after the call: expected delta and
//!   the collateral that the venue holds. What it fills at is bounded by `min_out` only.
//! - Legs from position 64 on are never acted upon; a book on chain has at most 16.

pub mod band;
pub mod budget;
pub mod carry;
pub mod freshness;
pub mod greeks;
pub mod idle;
pub mod lever;
pub mod leverage;
pub mod liquidation;
#[cfg(test)]
mod properties;
pub mod queue;
mod room;
#[cfg(test)]
pub(crate) mod world;

use fixed::{BPS, Bps, MathError, Wad};

use crate::report::{Assessment, Measured, Price, Report};
use crate::venue::{self, Quote, Want};
use crate::{EngineError, Params};
pub use freshness::Oracle;
pub use lever::Lever;

/// A result is out of range. Without a payload, so that the many places it passes through stay small in a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange;

impl From<MathError> for OutOfRange {
    fn from(_: MathError) -> Self {
        Self
    }
}

impl From<OutOfRange> for MathError {
    fn from(_: OutOfRange) -> Self {
        Self::Overflow
    }
}

impl From<OutOfRange> for EngineError {
    fn from(_: OutOfRange) -> Self {
        Self::Math(MathError::Overflow)
    }
}

/// The arithmetic of [`Wad`], never inlined: the rules are asked once a call, and their size counts.
pub(crate) trait Calc: Sized {
    fn plus(self, other: Wad) -> Result<Wad, OutOfRange>;
    fn minus(self, other: Wad) -> Result<Wad, OutOfRange>;
    fn negated(self) -> Result<Wad, OutOfRange>;
    fn magnitude(self) -> Result<Wad, OutOfRange>;
    fn times_up(self, other: Wad) -> Result<Wad, OutOfRange>;
    fn times_down(self, other: Wad) -> Result<Wad, OutOfRange>;
    fn over_up(self, other: Wad) -> Result<Wad, OutOfRange>;
    fn over_down(self, other: Wad) -> Result<Wad, OutOfRange>;
    fn share_up(self, share: Bps) -> Result<Wad, OutOfRange>;
    fn share_down(self, share: Bps) -> Result<Wad, OutOfRange>;
}

impl Calc for Wad {
    #[inline(never)]
    fn plus(self, other: Wad) -> Result<Wad, OutOfRange> {
        Ok(self.add(other)?)
    }
    #[inline(never)]
    fn minus(self, other: Wad) -> Result<Wad, OutOfRange> {
        Ok(self.sub(other)?)
    }
    #[inline(never)]
    fn negated(self) -> Result<Wad, OutOfRange> {
        Ok(self.neg()?)
    }
    #[inline(never)]
    fn magnitude(self) -> Result<Wad, OutOfRange> {
        Ok(self.abs()?)
    }
    #[inline(never)]
    fn times_up(self, other: Wad) -> Result<Wad, OutOfRange> {
        Ok(self.mul_up(other)?)
    }
    #[inline(never)]
    fn times_down(self, other: Wad) -> Result<Wad, OutOfRange> {
        Ok(self.mul_down(other)?)
    }
    #[inline(never)]
    fn over_up(self, other: Wad) -> Result<Wad, OutOfRange> {
        Ok(self.div_up(other)?)
    }
    #[inline(never)]
    fn over_down(self, other: Wad) -> Result<Wad, OutOfRange> {
        Ok(self.div_down(other)?)
    }
    #[inline(never)]
    fn share_up(self, share: Bps) -> Result<Wad, OutOfRange> {
        Ok(self.mul_bps_up(share)?)
    }
    #[inline(never)]
    fn share_down(self, share: Bps) -> Result<Wad, OutOfRange> {
        Ok(self.mul_bps_down(share)?)
    }
}

/// Nothing to do.
pub const IDLE: u8 = 0;
/// The price cannot be used. Never the rule of a decision: it takes means away from the others.
pub const FRESHNESS: u8 = 1;
/// Drawdown budget.
pub const BUDGET: u8 = 2;
/// Distance to liquidation.
pub const LIQUIDATION: u8 = 3;
/// Margin, and leverage above its limit.
pub const LEVERAGE: u8 = 4;
/// Redemption queue not covered.
pub const QUEUE: u8 = 5;
/// Delta outside its band.
pub const BAND: u8 = 6;
/// Gamma or vega above its limit.
pub const GREEKS: u8 = 7;
/// Funding of a hedge.
pub const CARRY: u8 = 8;
/// Idle assets.
pub const ALLOCATION: u8 = 9;

/// A trade that the leverage limits cut is not made below this share of the gross exposure or the equity, whichever is
/// larger.
const CRUMB: Bps = Bps(500);

/// The smallest trade of rules 3 to 5, as a share of the gross exposure or the equity, whichever is larger.
///
/// Without it, a queue that lacks a fraction of a cent asks for a sale of a few token units, which no venue can execute
/// within the slippage (its fee alone rounds to more), and which then keeps the later rules from acting.
const SMALLEST: Bps = Bps(10);

/// A decision has to achieve this share of what it promises; see [`Decision::progress`].
const MIN_PROGRESS: Bps = Bps(1_000);

/// The direction of a trade, seen from the underlying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Side {
    /// Pays with the asset, receives the underlying: delta rises.
    Buy = 0,
    /// Pays with the underlying, receives the asset: delta falls.
    Sell = 1,
}

/// What a decision does. The numbers never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Action {
    /// Nothing.
    None = 0,
    /// Exchanges the asset and an underlying on the spot.
    Trade = 1,
    /// Moves cash into the margin of a leg.
    AddMargin = 2,
    /// Makes a perp smaller.
    ReducePerp = 3,
    /// Makes a perp larger.
    IncreasePerp = 4,
    /// Repays a loan from cash (debt) or spot (borrowed spot).
    Repay = 5,
    /// Removes liquidity of a range; its tokens stay in the book.
    ShrinkRange = 6,
    /// Removes liquidity of a range and sells the underlying that comes out.
    UnwindRange = 7,
    /// Sells a bought option, or buys back a written one.
    ReduceOption = 8,
    /// Closes a perp and opens the same at another venue.
    MoveHedge = 9,
    /// Allocates cash.
    Allocate = 10,
    /// Cancels an open order.
    CancelOrder = 11,
}

impl Action {
    /// All actions, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::None,
        Self::Trade,
        Self::AddMargin,
        Self::ReducePerp,
        Self::IncreasePerp,
        Self::Repay,
        Self::ShrinkRange,
        Self::UnwindRange,
        Self::ReduceOption,
        Self::MoveHedge,
        Self::Allocate,
        Self::CancelOrder,
    ];

    /// The action with this number, or `None`.
    pub fn from_u8(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// The actions that can be executed now, one bit for the number of each [`Action`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means(pub u16);

impl Means {
    /// Spot trades alone.
    pub const SPOT: Self = Self::of(Action::Trade);
    /// Everything.
    pub const ALL: Self = Self(0xfff);

    /// This action alone.
    pub const fn of(action: Action) -> Self {
        Self(1 << action as u16)
    }

    /// The actions of either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The actions of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether `action` can be executed.
    pub const fn has(self, action: Action) -> bool {
        self.and(Self::of(action)).0 != 0
    }
}

/// What is known about a book besides its legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    /// What the redemption queue is owed, in asset units, ≥ 0.
    pub liquidity_needed: Wad,
    /// How far the prices can be trusted.
    pub oracle: Oracle,
    /// Drawdown capacity c, from 0 (the budget is used up) to 1. Leverage limits are multiplied by it.
    pub capacity: Wad,
    /// What is left of the drawdown budget, in asset units; [`Wad::MAX`] without a budget.
    pub budget_left: Wad,
    /// What the rest of the epoch's actions may cost, in asset units. Rules 2 to 4 are not held back by it.
    pub cost_left: Wad,
    /// The actions that can be executed now.
    pub means: Means,
    /// Legs that cannot be acted upon now (venue paused, order pending): bit i for position i.
    pub blocked: u64,
    /// Rules that the caller leaves out, because their action was refused in this call: bit k for rule k.
    pub skip: u16,
    /// How long the book has been in violation, in seconds. The cost bound of rules 2 to 4 grows with it.
    pub violated_secs: u32,
    /// What one hedge costs whatever its size, in asset units.
    pub execution_fee: Wad,
    /// What venues ask. Empty: spot trades go to venue 0, without limit of size, at the book's exit cost.
    pub quotes: &'a [Quote],
}

impl Default for Facts<'_> {
    /// Fresh prices, no queue, no limits, spot trades alone.
    fn default() -> Self {
        Self {
            liquidity_needed: Wad::ZERO,
            oracle: Oracle::Fresh,
            capacity: Wad::ONE,
            budget_left: Wad::MAX,
            cost_left: Wad::MAX,
            means: Means::SPOT,
            blocked: 0,
            skip: 0,
            violated_secs: 0,
            execution_fee: Wad::ZERO,
            quotes: &[],
        }
    }
}

/// What to do, and the distances that led to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The rule that acts, or [`IDLE`]. The fields of the action are then zero.
    pub rule: u8,
    /// What it does.
    pub action: Action,
    /// The direction, seen from the book's delta.
    pub side: Side,
    /// The index of the underlying that is acted on; of the band below.
    pub underlying: u8,
    /// The position of the leg that is acted on; [`Lever::NO_LEG`] for spot trades and allocations.
    pub leg: u8,
    /// The venue that is chosen; 0 where the leg determines it.
    pub venue: u8,
    /// How much: asset units for a purchase, margin, debt and allocations; tokens for a sale, a perp, borrowed spot and
    /// an option; L for a range. Rounded down when buying.
    pub amount_in: Wad,
    /// A spot trade: what must be received at least (tokens when buying, asset units when selling).
    /// Otherwise the least change of cash, or of the notional for perps, in asset units; negative if it may be paid.
    /// Rounded up, for the book.
    pub min_out: Wad,
    /// The traded amount at the oracle's price, in asset units. Rounded up.
    pub value: Wad,
    /// The most that `nav_mid` may lose, in asset units. Rounded up.
    pub cost_bound: Wad,
    /// The least by which the rule's own excess must fall, in asset units. Rounded down.
    pub progress: Wad,
    /// What has to be done in the same plan, so that it leaves no open position; [`Action::None`] if nothing. The
    /// asynchronous one of the two goes first.
    pub partner: Action,
    /// The position of the partner's leg; [`Lever::NO_LEG`] for spot.
    pub partner_leg: u8,
    /// How much of it, in units as in `amount_in`. The partner of a spot trade's direction is the opposite one.
    pub partner_amount: Wad,
    /// Delta once the open orders are filled, in tokens.
    pub expected_delta: Wad,
    /// The delta that is aimed at, in tokens.
    pub delta_target: Wad,
    /// Lower edge of the delta band, in tokens.
    pub lower: Wad,
    /// Upper edge of the delta band, in tokens.
    pub upper: Wad,
    /// As in [`Report::gross_leverage`].
    pub gross_leverage: Wad,
    /// As in [`Report::net_leverage`].
    pub net_leverage: Wad,
    /// How far each limit is away, see [`Distances`].
    pub distances: Distances,
}

/// The number of entries of [`Distances`].
pub const DISTANCES: usize = 9;

/// How far each limit is away, in asset units: positive if there is room, negative by the excess. Rounded down.
///
/// Index and rule: 0 budget (2), 1 liquidation (3), 2 margin (4), 3 gross (4), 4 net (4), 5 queue (5), 6 band (6),
/// 7 gamma (7), 8 vega (7). Liquidation, gamma and vega have no room here, only an excess: the report has their sums.
/// The band's is the sum of the excesses over the underlyings, or the room of the tightest.
pub type Distances = [Wad; DISTANCES];

/// The rule that each of the [`Distances`] belongs to.
pub const RULE_OF: [u8; DISTANCES] = [
    BUDGET,
    LIQUIDATION,
    LEVERAGE,
    LEVERAGE,
    LEVERAGE,
    QUEUE,
    BAND,
    GREEKS,
    GREEKS,
];

/// The number of words of a [`Decision`].
pub const DECISION_WORDS: usize = 20 + DISTANCES;

impl Decision {
    /// The fields in their order, numbers and codes as raw values (a code is not multiplied by 1e18).
    pub fn words(&self) -> [Wad; DECISION_WORDS] {
        let code = |code: u8| Wad(code.into());
        let [d0, d1, d2, d3, d4, d5, d6, d7, d8] = self.distances;
        [
            code(self.rule),
            code(self.action as u8),
            code(self.side as u8),
            code(self.underlying),
            code(self.leg),
            code(self.venue),
            self.amount_in,
            self.min_out,
            self.value,
            self.cost_bound,
            self.progress,
            code(self.partner as u8),
            code(self.partner_leg),
            self.partner_amount,
            self.expected_delta,
            self.delta_target,
            self.lower,
            self.upper,
            self.gross_leverage,
            self.net_leverage,
            d0,
            d1,
            d2,
            d3,
            d4,
            d5,
            d6,
            d7,
            d8,
        ]
    }

    /// The decision of these [`Decision::words`]; `None` for a code that does not exist.
    pub fn from_words(words: &[Wad; DECISION_WORDS]) -> Option<Self> {
        let small = |word: Wad| u8::try_from(word.0).ok();
        let [rule, action, side, underlying, leg, venue, rest @ ..] = *words;
        let [
            amount_in,
            min_out,
            value,
            cost_bound,
            progress,
            partner,
            partner_leg,
            partner_amount,
            rest @ ..,
        ] = rest;
        let [
            expected_delta,
            delta_target,
            lower,
            upper,
            gross_leverage,
            net_leverage,
            distances @ ..,
        ] = rest;
        Some(Self {
            rule: small(rule)?,
            action: Action::from_u8(small(action)?)?,
            side: match small(side)? {
                0 => Side::Buy,
                1 => Side::Sell,
                _ => return None,
            },
            underlying: small(underlying)?,
            leg: small(leg)?,
            venue: small(venue)?,
            amount_in,
            min_out,
            value,
            cost_bound,
            progress,
            partner: Action::from_u8(small(partner)?)?,
            partner_leg: small(partner_leg)?,
            partner_amount,
            expected_delta,
            delta_target,
            lower,
            upper,
            gross_leverage,
            net_leverage,
            distances,
        })
    }
}

/// What every rule looks at.
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    /// The measured book.
    pub report: &'a Report,
    /// Its legs.
    pub legs: &'a [Measured],
    /// The prices it was measured at, from the asset's.
    pub prices: &'a [Price],
    /// The book's parameters.
    pub params: &'a Params,
    /// What else is known.
    pub facts: &'a Facts<'a>,
    /// The actions that may be used.
    pub means: Means,
    /// The worst price of a trade, as a share below the oracle's.
    pub slippage: Bps,
    /// The rule that is asked.
    pub rule: u8,
}

/// An amount of a lever, with what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What is acted on.
    pub lever: Lever,
    /// How much of it, in its own unit.
    pub amount: Wad,
    /// By how much the rule's own excess falls if all goes well, in asset units.
    pub promise: Wad,
    /// The venue, and what it can take in asset units.
    pub venue: u8,
    /// What is done in the same plan.
    pub partner: Option<(Lever, Wad)>,
    /// What it may cost, if less than the slippage allows.
    pub cost_bound: Wad,
}

/// Walks the rules in order and returns the first action, or an idle decision.
///
/// `assessment` must come from [`crate::assess`] with the same `prices` and `params`.
/// [`EngineError::BadPrice`] for a missing price or one that is not positive, [`EngineError::Math`] for a negative
/// `liquidity_needed`, a capacity outside 0 to 1, or results out of range.
pub fn decide(
    assessment: &Assessment,
    prices: &[Price],
    params: &Params,
    facts: &Facts<'_>,
) -> Result<Decision, EngineError> {
    let report = &assessment.report;
    for underlying in 1..=report.underlyings {
        if prices
            .get(usize::from(underlying))
            .is_none_or(|price| price.mid <= Wad::ZERO)
        {
            return Err(EngineError::BadPrice { underlying });
        }
    }
    if facts.liquidity_needed < Wad::ZERO || facts.capacity < Wad::ZERO || facts.capacity > Wad::ONE {
        return Err(EngineError::Math(MathError::Overflow));
    }
    let mut state = State {
        report,
        legs: &assessment.legs,
        prices,
        params,
        facts,
        means: facts.means,
        slippage: params.max_slippage,
        rule: IDLE,
    };
    let mut plan = None;
    for rule in BUDGET..=ALLOCATION {
        if facts.skip & (1 << rule) != 0 {
            continue;
        }
        state.rule = rule;
        state.means = freshness::means(facts, rule);
        state.slippage = slippage(params, facts, rule)?;
        plan = match rule {
            BUDGET => budget::act(&state)?,
            LIQUIDATION => liquidation::act(&state)?,
            LEVERAGE => leverage::act(&state)?,
            QUEUE => queue::act(&state)?,
            BAND => band::act(&state)?,
            GREEKS => greeks::act(&state)?,
            CARRY => carry::act(&state)?,
            _ => idle::act(&state)?,
        };
        if plan.is_some() {
            break;
        }
    }
    Ok(state.decision(plan)?)
}

/// How far each limit is away; see [`Distances`].
pub fn distances(
    report: &Report,
    prices: &[Price],
    params: &Params,
    facts: &Facts<'_>,
) -> Result<Distances, OutOfRange> {
    let leverage = |limit: Wad, value: Wad| -> Result<Wad, OutOfRange> {
        if value == Wad::ZERO {
            return Ok(Wad::ZERO); // nothing is no violation, whatever the equity
        }
        limit
            .times_down(facts.capacity)?
            .times_down(report.nav_min)?
            .minus(value)
    };
    Ok([
        budget::distance(report, facts)?,
        report.excess_liquidation.negated()?,
        if report.initial_margin == Wad::ZERO {
            Wad::ZERO
        } else {
            report.nav_mid.minus(report.initial_margin)?
        },
        leverage(params.max_gross_leverage, report.gross_value)?,
        leverage(params.max_net_leverage, report.net_value)?,
        report.liquid.minus(facts.liquidity_needed)?,
        band::distance(report, prices, params, facts)?,
        report.excess_gamma.negated()?,
        report.excess_vega.negated()?,
    ])
}

/// The excess of entry `index`: by how much its limit is exceeded, in asset units, ≥ 0.
pub fn excess(distances: &Distances, index: usize) -> Wad {
    // −(−x) of a number that is no minimum cannot overflow.
    let distance = distances.get(index).copied().unwrap_or_default();
    distance.negated().unwrap_or(Wad::MAX).max(Wad::ZERO)
}

/// The excess of `rule`: the sum of its entries, in asset units, ≥ 0.
pub fn rule_excess(distances: &Distances, rule: u8) -> Result<Wad, OutOfRange> {
    let mut sum = Wad::ZERO;
    for (index, of) in RULE_OF.iter().enumerate() {
        if *of == rule {
            sum = sum.plus(excess(distances, index))?;
        }
    }
    Ok(sum)
}

/// The slippage that `rule` accepts: `max_slippage`, which for rules 2 to 4 grows with the time in violation up to
/// `cost_cap`, so that a crash cannot freeze deleveraging.
fn slippage(params: &Params, facts: &Facts<'_>, rule: u8) -> Result<Bps, OutOfRange> {
    let base = params.max_slippage;
    if rule > LEVERAGE {
        return Ok(base);
    }
    let more = u64::from(params.cost_cap.0.saturating_sub(base.0));
    let elapsed = u64::from(facts.violated_secs.min(params.cost_ramp_secs));
    // Both factors are below 2³².
    let grown = elapsed
        .saturating_mul(more)
        .checked_div(params.cost_ramp_secs.into())
        .unwrap_or(more);
    base.0
        .checked_add(u32::try_from(grown).unwrap_or(u32::MAX))
        .map(Bps)
        .ok_or(OutOfRange)
}

impl State<'_> {
    /// The price of `underlying`; 1 for the asset.
    pub(crate) fn price(&self, underlying: u8) -> Price {
        self.prices
            .get(usize::from(underlying))
            .copied()
            .unwrap_or(Price::ASSET)
    }

    /// Delta of `underlying` now, in tokens.
    pub(crate) fn delta(&self, underlying: u8) -> Wad {
        self.report
            .exposure(underlying)
            .map_or(Wad::ZERO, |exposure| exposure.delta)
    }

    /// Tokens of `underlying` that can be sold at once.
    pub(crate) fn spot(&self, underlying: u8) -> Wad {
        self.report
            .exposure(underlying)
            .map_or(Wad::ZERO, |exposure| exposure.spot)
    }

    /// The cash that the queue does not need. May be negative.
    pub(crate) fn free_cash(&self) -> Result<Wad, OutOfRange> {
        self.report.liquid.minus(self.facts.liquidity_needed)
    }

    /// What is left of the oracle's price at the worst accepted price.
    pub(crate) fn kept(&self) -> Result<Bps, OutOfRange> {
        BPS.checked_sub(self.slippage.0).map(Bps).ok_or(OutOfRange)
    }

    /// The gross exposure or the equity, whichever is larger: what trades are compared with.
    fn scale(&self) -> Wad {
        self.report.gross_value.max(self.report.nav_mid)
    }

    /// `wanted` tokens of `lever`, raised to the smallest trade worth making; zero stays zero. Rounded up.
    pub(crate) fn at_least_smallest(&self, lever: &Lever, wanted: Wad) -> Result<Wad, OutOfRange> {
        if wanted <= Wad::ZERO {
            return Ok(wanted);
        }
        let smallest = self.scale().share_up(SMALLEST)?;
        Ok(wanted.max(smallest.over_up(self.price(lever.underlying).mid)?))
    }

    /// The excess of entry `index` of the [`Distances`].
    pub(crate) fn distances(&self) -> Result<Distances, OutOfRange> {
        distances(self.report, self.prices, self.params, self.facts)
    }

    /// The lever with the highest score, as far as it can be used. `ask` names the wanted amount (in the lever's own
    /// unit; nothing if not positive) and the score of a lever.
    pub(crate) fn pick(&self, ask: &Ask<'_>) -> Result<Option<Plan>, OutOfRange> {
        let mut best: Option<(Plan, Wad)> = None;
        for lever in &lever::levers(self)? {
            let (wanted, score) = ask(lever)?;
            if wanted <= Wad::ZERO || best.is_some_and(|(_, best)| score <= best) {
                continue;
            }
            if let Some(plan) = self.plan(lever, wanted)? {
                best = Some((plan, score));
            }
        }
        Ok(best.map(|(plan, _)| plan))
    }

    /// `wanted` of `lever` as far as holdings, venues, the epoch's cost and the limits of earlier rules allow.
    ///
    /// A trade that the limits cut to a crumb is none: every trade at a better price than the worst leaves a little
    /// room, and using it up would be an endless series, or buy back what rule 4 just sold.
    pub(crate) fn plan(&self, lever: &Lever, wanted: Wad) -> Result<Option<Plan>, OutOfRange> {
        let mut possible = wanted.min(lever.most);
        if possible <= Wad::ZERO {
            return Ok(None);
        }
        let mut venue = 0;
        if lever.action == Action::Trade && !self.facts.quotes.is_empty() {
            let want = Want {
                action: Action::Trade,
                side: lever.side,
                underlying: lever.underlying,
                value: lever.value_up(possible)?,
                horizon_secs: 0,
            };
            let Ok(choice) = venue::choose(self.facts.quotes, &want) else {
                return Ok(None);
            };
            venue = choice.quote.venue;
            if choice.value < want.value {
                possible = choice.value.over_down(self.price(lever.underlying).mid)?;
            }
        }
        if self.rule > LEVERAGE {
            // What the epoch may still cost limits the value, and with it the amount.
            let affordable = self
                .facts
                .cost_left
                .max(Wad::ZERO)
                .0
                .checked_div(self.slippage.0.into())
                .unwrap_or(i128::MAX);
            if let Some(value) = affordable.checked_mul(BPS.into()).map(Wad)
                && lever.value_up(possible)? > value
            {
                possible = value.over_down(lever.unit_value)?;
            }
        }
        let amount = possible.min(room::most_down(self, lever)?);
        let crumb = self.scale().share_down(CRUMB)?.max(self.params.min_trade);
        let value = lever.value_up(amount)?;
        let cut_to_crumb = amount < possible && value < crumb;
        // A margin account leaves as little room for a larger position as the limits do.
        let too_small = lever.action == Action::IncreasePerp && amount < wanted && value < crumb;
        Ok((amount > Wad::ZERO && !cut_to_crumb && !too_small).then_some(Plan {
            lever: *lever,
            amount,
            promise: value,
            venue,
            partner: None,
            cost_bound: Wad::MAX,
        }))
    }

    /// `first` and the best lever that moves delta the other way, both by `tokens` at most, so that the netted delta
    /// stays. The best is the one that lowers gross exposure most, then the largest. `None` without one, or if gross
    /// exposure would rise, or below `min_trade`.
    pub(crate) fn pair(&self, first: &Lever, tokens: Wad) -> Result<Option<Plan>, OutOfRange> {
        if first.unit_delta == Wad::ZERO {
            return Ok(None); // moves no delta that a partner could give back
        }
        let mut best: Option<(Lever, Wad)> = None;
        for other in lever::levers(self)? {
            let reach = other.tokens_down(other.most)?;
            // The cash that each may use is the same.
            let paid = !(first.pays() && other.pays());
            let fits = other.underlying == first.underlying && other.side != first.side && reach > Wad::ZERO && paid;
            if fits && best.is_none_or(|(best, most)| (other.gross, most) < (best.gross, reach)) {
                best = Some((other, reach));
            }
        }
        let Some((other, reach)) = best.filter(|(other, _)| i32::from(other.gross) + i32::from(first.gross) <= 0)
        else {
            return Ok(None);
        };
        let tokens = tokens.min(first.tokens_down(first.most)?).min(reach);
        // A lever without delta (a range that shrinks) has nothing to be paired for.
        if tokens <= Wad::ZERO {
            return Ok(None);
        }
        let (amount, partner) = (first.native_down(tokens), other.native_down(tokens));
        let promise = first.value_up(amount)?.plus(other.value_up(partner)?)?;
        if amount <= Wad::ZERO || promise < self.params.min_trade || !self.can_afford(promise)? {
            return Ok(None);
        }
        Ok(Some(Plan {
            lever: *first,
            amount,
            promise,
            venue: 0,
            partner: Some((other, partner)),
            cost_bound: Wad::MAX,
        }))
    }

    /// Whether the slippage of `value`, which lowers equity and with it the limits, leaves the netted limits of rule 4
    /// intact (rules before it do not care).
    fn can_afford(&self, value: Wad) -> Result<bool, OutOfRange> {
        let cost = value.share_up(self.slippage)?;
        let distances = self.distances()?;
        let of = |index: usize| distances.get(index).copied().unwrap_or_default();
        let net = cost.times_up(self.params.max_net_leverage)?;
        let gross = cost.times_up(self.params.max_gross_leverage)?;
        Ok(self.rule < LEVERAGE
            || (self.report.net_value == Wad::ZERO || of(4) >= net)
                && (self.rule == LEVERAGE
                    || of(3) >= gross && (self.report.initial_margin == Wad::ZERO || of(2) >= cost)))
    }

    /// The largest pair of levers that both lower gross exposure, up to `tokens` of each underlying.
    pub(crate) fn unwind(&self, value: Wad) -> Result<Option<Plan>, OutOfRange> {
        let mut best: Option<Plan> = None;
        for lever in &lever::levers(self)? {
            if lever.gross != -1 || lever.side != Side::Sell {
                continue;
            }
            let tokens = value.over_up(self.price(lever.underlying).mid)?;
            if let Some(plan) = self.pair(lever, tokens)?
                && plan.partner.is_some_and(|(partner, _)| partner.gross == -1)
                && best.is_none_or(|best| best.promise < plan.promise)
            {
                best = Some(plan);
            }
        }
        Ok(best)
    }

    /// The decision that carries out `plan`.
    fn decision(&self, plan: Option<Plan>) -> Result<Decision, OutOfRange> {
        let underlying = match &plan {
            Some(plan) if plan.lever.underlying > 0 => plan.lever.underlying,
            _ => 1,
        };
        let band = band::units(self, underlying)?;
        let distances = self.distances()?;
        let mut decision = Decision {
            rule: IDLE,
            action: Action::None,
            side: Side::Sell,
            underlying,
            leg: Lever::NO_LEG,
            venue: 0,
            amount_in: Wad::ZERO,
            min_out: Wad::ZERO,
            value: Wad::ZERO,
            cost_bound: Wad::ZERO,
            progress: Wad::ZERO,
            partner: Action::None,
            partner_leg: Lever::NO_LEG,
            partner_amount: Wad::ZERO,
            expected_delta: self
                .report
                .exposure(underlying)
                .map_or(Wad::ZERO, |exposure| exposure.expected_delta),
            delta_target: band.target,
            lower: band.lower,
            upper: band.upper,
            gross_leverage: self.report.gross_leverage,
            net_leverage: self.report.net_leverage,
            distances,
        };
        let Some(plan) = plan else { return Ok(decision) };
        let (lever, amount) = (plan.lever, plan.amount);
        decision.rule = self.rule;
        decision.action = lever.action;
        decision.side = lever.side;
        decision.leg = lever.leg;
        decision.venue = plan.venue;
        decision.amount_in = amount;
        decision.value = lever.value_up(amount)?;
        if (lever.action, lever.side) == (Action::Trade, Side::Buy) {
            let price = self.price(lever.underlying).mid;
            decision.amount_in = amount.times_down(price)?;
            decision.value = decision.amount_in;
            decision.min_out = decision.amount_in.over_up(price)?.share_up(self.kept()?)?;
        } else {
            decision.min_out = amount
                .times_up(lever.unit_flow)?
                .minus(decision.value.share_down(self.slippage)?)?;
        }
        if let Some((partner, partner_amount)) = plan.partner {
            decision.partner = partner.action;
            decision.partner_leg = partner.leg;
            decision.partner_amount = partner_amount;
            decision.value = decision.value.plus(partner.value_up(partner_amount)?)?;
        }
        decision.cost_bound = decision.value.share_up(self.slippage)?.min(plan.cost_bound);
        decision.progress = plan
            .promise
            .min(rule_excess(&distances, self.rule)?)
            .share_down(MIN_PROGRESS)?;
        Ok(decision)
    }
}

/// What a rule wants of a lever: the amount in its own unit, and a score.
pub(crate) type Ask<'a> = dyn Fn(&Lever) -> Result<(Wad, Wad), OutOfRange> + 'a;

#[cfg(test)]
mod tests {
    use fixed::WAD;
    use proptest::prelude::*;

    use super::*;
    use crate::Leg;
    use crate::leg::Rate;
    use crate::testing::{Book, any_book};

    #[test]
    fn decide_cost_left_limits_the_yielding_rules_and_not_deleveraging() {
        let facts = |cost: i128| Facts {
            cost_left: Wad(cost),
            ..Facts::default()
        };
        // Sells 15 tokens of 100 to the band's edge, at a slippage of 50 basis points: 7.5.
        let mut book = Book::new(2_500, 75, 100);
        book.params.band = Bps(1_000);
        for (cost, sold) in [(75 * WAD / 10, 15 * WAD), (375 * WAD / 100, 75 * WAD / 10), (0, 0)] {
            let decision = book.decide_with(&facts(cost));
            assert_eq!(
                (decision.amount_in, decision.rule == BAND),
                (Wad(sold), sold > 0),
                "{cost}"
            );
        }
        let mut book = Book::new(0, 50, 100).with(Leg::Debt {
            amount: Wad(4_000 * WAD),
            rate: Rate(0),
        });
        book.params.max_gross_leverage = Wad(2 * WAD);
        let (free, poor) = (book.decide_with(&facts(i128::MAX)), book.decide_with(&facts(0)));
        assert!(free.rule <= LEVERAGE && free.rule != IDLE);
        assert_eq!(free, poor);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, max_global_rejects: 100_000, ..ProptestConfig::default() })]

        /// Executed anywhere within the accepted slippage, decisions reach idle in at most four steps; in eight where a
        /// high leverage limit and a wide slippage bound leave trades at the limit much room to come back to, and in 24 where
        /// a margin of several times the worst loss cuts the reduction of a hedged book to steps of 5 %.
        /// The direction turns at most once: a sale sized for the worst price may leave cash that belongs to the target.
        #[test]
        fn decide_executed_repeatedly_becomes_idle(start in any_book(), slippage in 0_u32..=1_000_000) {
            let mut book = start;
            let usual = book.params.max_slippage <= Bps(100)
                && book.params.max_gross_leverage <= Wad(5 * WAD);
            let bound = match usual {
                _ if book.params.initial_margin != Params::default().initial_margin => 24,
                true => 4,
                false => 8,
            };
            let mut steps = std::vec::Vec::new();
            while book.decide().rule != IDLE {
                let decision = book.decide();
                steps.push((decision.rule, decision.side, decision.value.0 / WAD));
                let turns = steps.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
                prop_assert!(turns <= 1, "{:?}", steps);
                prop_assert!(steps.len() <= bound, "{:?}", steps);
                book = book.after(&decision, slippage);
            }
        }

        /// No decision asks for more than the book holds, and its bound is within the slippage of the oracle's price.
        #[test]
        fn decide_any_book_stays_within_holdings(book in any_book()) {
            let decision = book.decide();
            let held = match decision.side {
                Side::Buy => book.cash - book.needed.0,
                Side::Sell => book.spot,
            };
            prop_assert!(decision.rule == IDLE || decision.amount_in.0 <= held);
            prop_assert_eq!(decision.rule == IDLE, decision.amount_in == Wad::ZERO);
        }

        /// A decision executed within its bounds is accepted, at the oracle's price and at the worst price.
        #[test]
        fn accept_executed_decision_is_accepted(book in any_book(), slippage in 0_u32..=1_000_000) {
            let decision = book.decide();
            prop_assume!(decision.rule != IDLE);
            prop_assert_eq!(book.accept(&book.after(&decision, slippage), &decision), Ok(()));
        }

        /// The opposite trade is rejected, even at the oracle's price.
        #[test]
        fn accept_opposite_trade_is_rejected(book in any_book()) {
            let decision = book.decide();
            prop_assume!(decision.rule != IDLE);
            let (tokens, value) = (decision.value.div_down(book.price.mid).unwrap().0, decision.value.0);
            let opposite = match decision.side {
                Side::Buy if tokens <= book.spot => book.exchange(Side::Sell, tokens, value),
                Side::Sell if value <= book.cash => book.exchange(Side::Buy, value, tokens),
                _ => book.clone(), // it has nothing to trade the other way: at least doing nothing is no progress
            };
            prop_assert!(book.accept(&opposite, &decision).is_err());
        }
    }

    #[test]
    fn decide_several_violations_acts_on_the_first() {
        // Leverage 3 of 2, queue uncovered, delta far above its band.
        let mut book = Book::new(0, 30, 100).with(Leg::Debt {
            amount: Wad(2_000 * WAD),
            rate: Rate(0),
        });
        book.needed = Wad(500 * WAD);
        assert_eq!(book.decide().rule, LEVERAGE);
        book.params.max_gross_leverage = Wad(10 * WAD);
        assert_eq!(book.decide().rule, QUEUE);
        book.needed = Wad::ZERO;
        assert_eq!(book.decide().rule, BAND);
    }

    #[test]
    fn decide_rule_that_cannot_act_does_not_block_the_next() {
        // Over the gross limit by borrowed spot, which no spot trade can repay; the queue is still served.
        let mut book = Book::new(0, 10, 100).with(Leg::BorrowedSpot {
            underlying: 1,
            quantity: Wad(4 * WAD),
            rate: Rate(0),
        });
        book.params.max_gross_leverage = Wad::ZERO;
        book.params.max_net_leverage = Wad::ZERO;
        let first = book.decide();
        assert_eq!((first.rule, first.amount_in), (LEVERAGE, Wad(6 * WAD)));
        book = book.after(&first, 0);
        book.needed = Wad(700 * WAD);
        assert_eq!(book.decide().rule, IDLE);
        book.params.max_net_leverage = Wad(WAD);
        assert_eq!(book.decide().rule, LEVERAGE);
    }

    #[test]
    fn decide_unusable_input_is_an_error() {
        let book = Book::new(1, 1, 1);
        let assessment = book.assess();
        let zero = [
            Price::ASSET,
            Price {
                mid: Wad::ZERO,
                ..book.price
            },
        ];
        let bad = Err(EngineError::BadPrice { underlying: 1 });
        let facts = book.facts();
        assert_eq!(decide(&assessment, &zero, &book.params, &facts), bad);
        assert_eq!(decide(&assessment, &zero[..1], &book.params, &facts), bad);
        let prices = [Price::ASSET, book.price];
        let overflow = Err(EngineError::Math(MathError::Overflow));
        for facts in [
            Facts {
                liquidity_needed: Wad(-1),
                ..facts
            },
            Facts {
                capacity: Wad(-1),
                ..facts
            },
            Facts {
                capacity: Wad(WAD + 1),
                ..facts
            },
        ] {
            assert_eq!(decide(&assessment, &prices, &book.params, &facts), overflow);
        }
    }
}
