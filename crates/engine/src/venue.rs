//! Where to trade: the choice among venues that can quote (design section 6).
//!
//! Preference comes first, cost second: governance registers an order and caps, and only among venues of equal
//! preference the cheapest wins. All-in cost of a size v, with κ = capacity and T = horizon in years:
//!
//! `v · fee + v · impact · v/κ + max(0, v · carry · T) + execution fee`
//!
//! Impact is quoted at full capacity and taken as linear below it. That is exact for a constant-depth book; where depth
//! thins out it overstates small sizes, and where depth grows away from the price it understates them. The slippage
//! bound of the decision holds in either case.

use fixed::{Bps, MathError, Wad};

use crate::decide::{Action, Side};
use crate::leg::Rate;

/// What one venue asks for one action, now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The venue's registered number.
    pub venue: u8,
    /// Lower is preferred.
    pub preference: u8,
    /// What is quoted.
    pub action: Action,
    /// The direction; of no meaning for actions without one.
    pub side: Side,
    /// The index of the underlying; 0 for the asset.
    pub underlying: u8,
    /// Whether the venue could quote within its gas; a quote that failed is kept, so that it shows.
    pub usable: bool,
    /// How much the venue can take now, in asset units.
    pub capacity: Wad,
    /// How much governance still allows there, in asset units.
    pub cap: Wad,
    /// Proportional fee.
    pub fee: Bps,
    /// Average price impact of a trade of size `capacity`.
    pub impact: Bps,
    /// What holding the position costs a year, per unit of value; negative if it earns.
    pub carry: Rate,
    /// How much worse the carry becomes when all of `capacity` is used.
    pub slope: Rate,
    /// Fixed cost of one execution, in asset units.
    pub execution_fee: Wad,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// The action.
    pub action: Action,
    /// Its direction, where it has one.
    pub side: Side,
    /// The index of the underlying.
    pub underlying: u8,
    /// The size in asset units, > 0.
    pub value: Wad,
    /// For how long the position is expected to be held, in seconds; its carry counts.
    pub horizon_secs: u32,
}

/// The chosen venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its quote.
    pub quote: Quote,
    /// What it takes of the wanted size, in asset units.
    pub value: Wad,
    /// The all-in cost of that, in asset units. Rounded up.
    pub cost: Wad,
}

/// Why no venue was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoVenue {
    /// Nobody offers the action.
    NoneRegistered,
    /// Those that offer it could not quote.
    CannotQuote,
    /// Those that could quote have no capacity, or their caps are used up.
    Full,
    /// A result is out of range.
    Math(MathError),
}

impl From<MathError> for NoVenue {
    fn from(error: MathError) -> Self {
        Self::Math(error)
    }
}

impl Quote {
    /// What can be done here: the smaller of capacity and cap.
    pub fn room(&self) -> Wad {
        if self.usable {
            self.capacity.min(self.cap)
        } else {
            Wad::ZERO
        }
    }

    /// Whether the quote is for what is wanted. Only spot trades and hedges have a direction.
    pub fn offers(&self, want: &Want) -> bool {
        let directed = matches!(want.action, Action::Trade | Action::MoveHedge);
        self.action == want.action && self.underlying == want.underlying && (!directed || self.side == want.side)
    }

    /// `share_at_capacity · value / capacity`: the part of a linear effect that a size has. Rounded up.
    pub(crate) fn used_up(&self, value: Wad) -> Result<Wad, MathError> {
        if self.capacity <= Wad::ZERO {
            return Ok(Wad::ONE);
        }
        value.div_up(self.capacity)
    }

    /// The all-in cost of `value` over `horizon_secs` (see the module), in asset units. Rounded up.
    ///
    /// [`MathError::Overflow`] out of range.
    pub fn cost_up(&self, value: Wad, horizon_secs: u32) -> Result<Wad, MathError> {
        let impact = value.mul_bps_up(self.impact)?.mul_up(self.used_up(value)?)?;
        let carry = over_horizon_up(value, self.carry, horizon_secs)?.max(Wad::ZERO);
        value
            .mul_bps_up(self.fee)?
            .add(impact)?
            .add(carry)?
            .add(self.execution_fee)
    }
}

/// `value · rate · horizon` in the unit of `value`. Rounded up.
///
/// [`MathError::Overflow`] out of range.
pub fn over_horizon_up(value: Wad, rate: Rate, horizon_secs: u32) -> Result<Wad, MathError> {
    value.mul_up(rate_secs(rate, horizon_secs))?.div_up(YEAR_MILLIONTHS)
}

/// `value · rate · horizon` in the unit of `value`. Rounded down.
///
/// [`MathError::Overflow`] out of range.
pub fn over_horizon_down(value: Wad, rate: Rate, horizon_secs: u32) -> Result<Wad, MathError> {
    value.mul_down(rate_secs(rate, horizon_secs))?.div_down(YEAR_MILLIONTHS)
}

/// A year in seconds times the unit of a [`Rate`].
const YEAR_MILLIONTHS: Wad = Wad(31_536_000 * 1_000_000);

/// Below 2³¹ · 2³².
fn rate_secs(rate: Rate, secs: u32) -> Wad {
    Wad(i128::from(rate.0).saturating_mul(secs.into()))
}

/// The venue for `want`: of those that can take all of it the most preferred, and of these the cheapest; if none can,
/// the one that can take most. The first of equals.
///
/// [`NoVenue`] says why there is none.
pub fn choose(quotes: &[Quote], want: &Want) -> Result<Choice, NoVenue> {
    let mut reason = NoVenue::NoneRegistered;
    let mut best: Option<Choice> = None;
    for quote in quotes.iter().filter(|quote| quote.offers(want)) {
        let value = want.value.min(quote.room());
        if value <= Wad::ZERO {
            if quote.usable {
                reason = NoVenue::Full;
            } else if reason == NoVenue::NoneRegistered {
                reason = NoVenue::CannotQuote;
            }
            continue;
        }
        let cost = quote.cost_up(value, want.horizon_secs)?;
        let better = best.is_none_or(|best| {
            best.value < value || best.value == value && (quote.preference, cost) < (best.quote.preference, best.cost)
        });
        if better {
            best = Some(Choice {
                quote: *quote,
                value,
                cost,
            });
        }
    }
    best.ok_or(reason)
}
