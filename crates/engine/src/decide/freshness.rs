//! Rule 1: a price that cannot be used.
//!
//! It takes means away instead of acting: what lowers risk without a price (margin from cash, repaying, cancelling)
//! stays possible to rules 2 to 5, the later rules stop. A price that is only doubtful has a wide confidence, which
//! the marks and the limits already count; it stops the rules that look for yield.

use super::{Action, CARRY, Facts, Means, QUEUE};

/// How far the prices can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Oracle {
    /// Feed and pool agree, both are recent.
    Fresh = 0,
    /// Feed and pool disagree. Confidence is widened; nobody may mint.
    Doubtful = 1,
    /// The last answer is too old.
    Stale = 2,
    /// The sequencer is down, or has not been up for long enough.
    Sequencer = 3,
}

/// What needs no price.
const PRICELESS: Means = Means::of(Action::AddMargin)
    .or(Means::of(Action::Repay))
    .or(Means::of(Action::CancelOrder));

impl Oracle {
    /// The state with this number, or `None`.
    pub const fn from_u8(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Fresh),
            1 => Some(Self::Doubtful),
            2 => Some(Self::Stale),
            3 => Some(Self::Sequencer),
            _ => None,
        }
    }
}

/// The means that `rule` has left.
pub fn means(facts: &Facts<'_>, rule: u8) -> Means {
    let usable = matches!(facts.oracle, Oracle::Fresh | Oracle::Doubtful);
    match facts.oracle {
        Oracle::Fresh => facts.means,
        Oracle::Doubtful if rule < CARRY => facts.means,
        _ if !usable && rule <= QUEUE => facts.means.and(PRICELESS),
        _ => Means(0),
    }
}

#[cfg(test)]
mod tests {
    use fixed::{WAD, Wad};

    use super::*;
    use crate::Leg;
    use crate::decide::world::World;
    use crate::decide::{ALLOCATION, BUDGET, IDLE, LIQUIDATION};
    use crate::leg::Rate;

    #[test]
    fn means_unusable_price_leaves_what_needs_none() {
        for oracle in [Oracle::Stale, Oracle::Sequencer] {
            let facts = Facts {
                oracle,
                means: Means::ALL,
                ..Facts::default()
            };
            assert_eq!((means(&facts, BUDGET), means(&facts, QUEUE)), (PRICELESS, PRICELESS));
            assert_eq!(
                (means(&facts, QUEUE + 1), means(&facts, ALLOCATION)),
                (Means(0), Means(0))
            );
            let facts = Facts {
                means: Means::SPOT,
                ..facts
            };
            assert_eq!(means(&facts, BUDGET), Means(0));
        }
    }

    #[test]
    fn means_doubtful_price_stops_yield_only() {
        let facts = Facts {
            oracle: Oracle::Doubtful,
            means: Means::ALL,
            ..Facts::default()
        };
        assert_eq!((means(&facts, CARRY - 1), means(&facts, CARRY)), (Means::ALL, Means(0)));
        assert_eq!(Oracle::from_u8(1), Some(Oracle::Doubtful));
        assert_eq!(Oracle::from_u8(4), None);
    }

    #[test]
    fn decide_stale_price_repays_but_does_not_trade() {
        // Borrowed 790 against 1000 at a threshold of 80 %.
        let mut world = World::new(500, &[(5, 100)]).with(Leg::Debt {
            amount: Wad(790 * WAD),
            rate: Rate(0),
        });
        world.facts.oracle = Oracle::Stale;
        let decision = world.decide();
        assert_eq!((decision.rule, decision.action), (LIQUIDATION, Action::Repay));
        world.facts.means = Means::SPOT;
        assert_eq!(world.decide().rule, IDLE);
    }
}
