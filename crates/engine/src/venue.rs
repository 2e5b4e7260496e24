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

#[cfg(test)]
mod tests {
    use fixed::WAD;
    use proptest::prelude::*;

    use super::*;

    const WANT: Want = Want {
        action: Action::Trade,
        side: Side::Sell,
        underlying: 1,
        value: Wad(1_000 * WAD),
        horizon_secs: 0,
    };

    fn quote(venue: u8, fee: u32) -> Quote {
        Quote {
            venue,
            preference: 0,
            action: Action::Trade,
            side: Side::Sell,
            underlying: 1,
            usable: true,
            capacity: Wad(10_000 * WAD),
            cap: Wad::MAX,
            fee: Bps(fee),
            impact: Bps(0),
            carry: Rate(0),
            slope: Rate(0),
            execution_fee: Wad::ZERO,
        }
    }

    fn chosen(quotes: &[Quote]) -> Result<(u8, i128), NoVenue> {
        choose(quotes, &WANT).map(|choice| (choice.quote.venue, choice.value.0 / WAD))
    }

    #[test]
    fn choose_equal_preference_takes_the_cheapest_all_in() {
        assert_eq!(chosen(&[quote(1, 30), quote(2, 5), quote(3, 20)]), Ok((2, 1_000)));
        // 5 bps and 40 of fixed cost are dearer than 30 bps.
        let fixed = Quote {
            execution_fee: Wad(40 * WAD),
            ..quote(2, 5)
        };
        assert_eq!(chosen(&[quote(1, 30), fixed]), Ok((1, 1_000)));
        // A tenth of the capacity has a tenth of the impact: 5 + 20 bps, or 5 + 30.
        let deep = |impact| Quote {
            impact: Bps(impact),
            ..quote(2, 5)
        };
        assert_eq!(chosen(&[quote(1, 30), deep(200)]), Ok((2, 1_000)));
        assert_eq!(chosen(&[quote(1, 30), deep(300)]), Ok((1, 1_000)));
    }

    #[test]
    fn choose_preference_comes_before_cost() {
        let liked = Quote {
            preference: 0,
            ..quote(1, 100)
        };
        let cheap = Quote {
            preference: 1,
            ..quote(2, 1)
        };
        assert_eq!(chosen(&[cheap, liked]), Ok((1, 1_000)));
        // But not before capacity.
        let used_up = Quote {
            cap: Wad(999 * WAD),
            ..liked
        };
        assert_eq!(chosen(&[cheap, used_up]), Ok((2, 1_000)));
    }

    #[test]
    fn choose_none_that_can_take_all_takes_the_largest_room() {
        let small = |venue, capacity: i128, cap: i128| Quote {
            capacity: Wad(capacity * WAD),
            cap: Wad(cap * WAD),
            ..quote(venue, 30)
        };
        assert_eq!(
            chosen(&[small(1, 400, 900), small(2, 900, 500), small(3, 300, 300)]),
            Ok((2, 500))
        );
    }

    #[test]
    fn choose_without_a_venue_says_why() {
        let paused = Quote {
            usable: false,
            ..quote(1, 1)
        };
        let full = Quote {
            cap: Wad::ZERO,
            ..quote(2, 1)
        };
        let other = Quote {
            side: Side::Buy,
            ..quote(3, 1)
        };
        assert_eq!(chosen(&[]), Err(NoVenue::NoneRegistered));
        assert_eq!(chosen(&[other]), Err(NoVenue::NoneRegistered));
        assert_eq!(chosen(&[other, paused]), Err(NoVenue::CannotQuote));
        assert_eq!(chosen(&[paused, full]), Err(NoVenue::Full));
        assert_eq!(chosen(&[full, paused]), Err(NoVenue::Full));
    }

    #[test]
    fn cost_counts_what_carry_costs_but_not_what_it_earns() {
        // 10 % a year for a tenth of a year.
        let year = 3_153_600;
        let paying = Quote {
            carry: Rate(100_000),
            ..quote(1, 0)
        };
        assert_eq!(paying.cost_up(WANT.value, year), Ok(Wad(10 * WAD)));
        let earning = Quote {
            carry: Rate(-100_000),
            ..paying
        };
        assert_eq!(earning.cost_up(WANT.value, year), Ok(Wad::ZERO));
    }

    proptest! {
        /// The choice fits, is never dearer than another one that fits as well, and does not depend on the order of the
        /// quotes except among equals.
        #[test]
        fn choose_any_quotes_is_the_best_that_fits(
            rows in prop::collection::vec((0_u8..3, 0_i128..20_000, 0_u32..100, 0_u32..500, any::<bool>()), 0..6),
        ) {
            let quotes: std::vec::Vec<Quote> = rows.iter().zip(0_u8..).map(|(row, venue)| Quote {
                preference: row.0, capacity: Wad(row.1 * WAD), impact: Bps(row.3), usable: row.4, ..quote(venue, row.2)
            }).collect();
            match choose(&quotes, &WANT) {
                Ok(choice) => {
                    prop_assert!(choice.quote.usable && choice.value <= choice.quote.room(), "VEN-1");
                    for other in quotes.iter().filter(|other| other.room() >= WANT.value) {
                        let cost = other.cost_up(WANT.value, 0).unwrap();
                        prop_assert_eq!(choice.value, WANT.value, "VEN-1");
                        prop_assert!((choice.quote.preference, choice.cost) <= (other.preference, cost), "VEN-1");
                    }
                }
                Err(_) => prop_assert!(quotes.iter().all(|quote| quote.room() <= Wad::ZERO), "VEN-1"),
            }
        }
    }
}
