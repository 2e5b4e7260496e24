//! What the book holds, and how it is reported: packed legs, as on chain.

use super::{
    settings::{Knob, Settings},
    tape::{Hour, YEAR_SECS},
};
use engine::{
    EngineError, Leg, Mark,
    leg::{Rate, Right},
    mark,
};
use fixed::{Wad, sqrt_down};

/// The one underlying.
pub(crate) const UNDERLYING: u8 = 1;
/// Tokens have 8 decimals: the smallest amount that can be held or traded.
pub(crate) const TOKEN_UNIT: i128 = 10_000_000_000;

/// A position at a perp venue. Closed if `size` is zero; nothing is left there then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Perp {
    /// Tokens, negative for a short.
    pub size: Wad,
    /// Size times entry price, with the sign of the size.
    pub cost_basis: Wad,
    /// Asset units behind it.
    pub collateral: Wad,
    /// Funding owed and not yet settled.
    pub accrued: Wad,
}

/// A position in a concentrated-liquidity pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// L.
    pub liquidity: Wad,
    /// √ of the lower bound.
    pub sqrt_lower: Wad,
    /// √ of the upper bound.
    pub sqrt_upper: Wad,
    /// Uncollected fees in asset units.
    pub fees: Wad,
}

/// A European option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contract {
    /// Call or put.
    pub right: Right,
    /// Tokens, negative if sold.
    pub quantity: Wad,
    /// Asset units per token.
    pub strike: Wad,
    /// Unix seconds.
    pub expiry: u64,
}

/// Everything the book holds and owes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// Asset units at hand.
    pub cash: Wad,
    /// How much of the cash lies at the lending venue, from where it can be had at once.
    pub lent: Wad,
    /// Asset units owed to the lending venue.
    pub debt: Wad,
    /// Tokens held.
    pub spot: Wad,
    /// Positions at the perp venues A and B.
    pub perps: [Perp; 2],
    /// The liquidity position.
    pub range: Option<Range>,
    /// Options, nearest expiry first.
    pub options: Vec<Contract>,
}

/// Which holding a leg reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// [`Book::cash`].
    Cash,
    /// [`Book::debt`].
    Debt,
    /// [`Book::spot`].
    Spot,
    /// One of [`Book::perps`].
    Perp(usize),
    /// [`Book::range`].
    Range,
    /// One of [`Book::options`].
    Option(usize),
}

/// What legs depend on besides the holdings.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The market now.
    pub hour: &'a Hour,
    /// The run's settings.
    pub settings: &'a Settings,
}

impl Scene<'_> {
    /// The price now.
    pub(crate) fn price(&self) -> Wad {
        self.hour.price
    }

    /// The option as a leg. Forwards equal the spot price: the simulated market knows no interest.
    pub(crate) fn option(&self, contract: &Contract) -> Leg {
        let years = seconds(contract.expiry.saturating_sub(self.hour.timestamp)) / seconds(YEAR_SECS);
        let premium = float(self.settings.wad(Knob::VolPremium));
        let forward = self.price();
        Leg::Option {
            underlying: UNDERLYING,
            right: contract.right,
            quantity: contract.quantity,
            strike: contract.strike,
            forward,
            volatility: self
                .hour
                .volatility(premium, float(contract.strike), float(forward), years),
            rate: Rate(0),
            expiry: contract.expiry,
        }
    }

    fn perp(&self, venue: usize, perp: &Perp) -> Leg {
        let funding = self.hour.funding(venue).0;
        Leg::Perp {
            underlying: UNDERLYING,
            size: perp.size,
            cost_basis: perp.cost_basis,
            collateral: perp.collateral,
            collateral_in_underlying: false,
            accrued: perp.accrued,
            maintenance: self.settings.bps(Knob::PerpMaintenance),
            // The leg's rate is what *this* position pays: longs pay positive funding, shorts receive it.
            rate: Rate(if perp.size < Wad::ZERO { -funding } else { funding }),
        }
    }

    pub(crate) fn range(range: &Range) -> Leg {
        Leg::Liquidity {
            underlying: UNDERLYING,
            liquidity: range.liquidity,
            sqrt_lower: range.sqrt_lower,
            sqrt_upper: range.sqrt_upper,
            fees_asset: range.fees,
            fees_underlying: Wad::ZERO,
        }
    }

    /// The engine's mark of a leg, now.
    pub(crate) fn mark(&self, leg: &Leg) -> Result<Mark, EngineError> {
        mark::mark(leg, self.price(), self.settings.params.volatility, self.hour.timestamp)
    }
}

impl Book {
    /// The holdings as legs. What is zero has no leg.
    pub fn legs(&self, scene: &Scene<'_>) -> Vec<(Slot, Leg)> {
        let mut legs = vec![(Slot::Cash, Leg::Cash { amount: self.cash })];
        if self.debt != Wad::ZERO {
            let rate = super::venues::rate(scene.settings.bps(Knob::BorrowRate));
            legs.push((
                Slot::Debt,
                Leg::Debt {
                    amount: self.debt,
                    rate,
                },
            ));
        }
        if self.spot != Wad::ZERO {
            legs.push((
                Slot::Spot,
                Leg::Spot {
                    underlying: UNDERLYING,
                    quantity: self.spot,
                },
            ));
        }
        for (venue, perp) in self.perps.iter().enumerate() {
            if perp.size != Wad::ZERO {
                legs.push((Slot::Perp(venue), scene.perp(venue, perp)));
            }
        }
        if let Some(range) = &self.range {
            legs.push((Slot::Range, Scene::range(range)));
        }
        for (index, contract) in self.options.iter().enumerate() {
            legs.push((Slot::Option(index), scene.option(contract)));
        }
        legs
    }
}

impl Perp {
    /// Collateral plus unrealised profit less what is owed: what closing at `price` would leave, fees and impact apart.
    pub(crate) fn equity(&self, price: Wad) -> Result<Wad, fixed::MathError> {
        self.size
            .mul_down(price)?
            .sub(self.cost_basis)?
            .add(self.collateral)?
            .sub(self.accrued)
    }
}

impl Range {
    /// Tokens and asset units behind the liquidity at `price`: L·(1/√P' − 1/√Pb) and L·(√P' − √Pa) with √P' cut to the
    /// bounds. Rounded down to units of the token and of 1e-18.
    pub(crate) fn amounts_down(&self, price: Wad) -> Result<(Wad, Wad), fixed::MathError> {
        let root = sqrt_down(price)?.clamp(self.sqrt_lower, self.sqrt_upper);
        // L/√P' − L/√Pb, each rounded against the book.
        let tokens = self
            .liquidity
            .div_down(root)?
            .sub(self.liquidity.div_up(self.sqrt_upper)?)?;
        let cash = self.liquidity.mul_down(root.sub(self.sqrt_lower)?)?;
        Ok((token_units_down(tokens.max(Wad::ZERO)), cash))
    }
}

/// `tokens` ≥ 0, cut to the token's unit.
pub(crate) fn token_units_down(tokens: Wad) -> Wad {
    Wad(tokens.0 - tokens.0.rem_euclid(TOKEN_UNIT))
}

/// `tokens` ≥ 0, raised to the token's unit.
pub(crate) fn token_units_up(tokens: Wad) -> Wad {
    Wad(tokens.0 + (-tokens.0).rem_euclid(TOKEN_UNIT))
}

/// For estimates, tables and plots.
#[expect(clippy::cast_precision_loss, reason = "sixteen digits are enough there")]
pub(crate) fn float(value: Wad) -> f64 {
    value.0 as f64 / 1e18
}

#[expect(clippy::cast_precision_loss, reason = "seconds stay far below 2^52")]
fn seconds(secs: u64) -> f64 {
    secs as f64
}
