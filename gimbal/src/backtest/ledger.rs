//! Where every change of the book's value came from, to the last digit.
//!
//! Entries are written by the market, the venues and the depositors as they act; the book's value is measured by the
//! engine from its legs. The two meet after every event: [`Ledger::total`] must equal the measured value exactly.

use fixed::{MathError, Wad};

macro_rules! entries {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)+) => {
        /// A source of gain or loss.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Entry {
            $($(#[$doc])* $variant,)+
        }

        impl Entry {
            /// All of them, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name in tables and columns.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

entries! {
    /// Brought in by depositors.
    Deposits = "deposits";
    /// Received by leavers.
    Payouts = "payouts";
    /// Price moves of tokens held.
    SpotMoves = "spot moves";
    /// Price moves of perps.
    PerpMoves = "perp moves";
    /// Price moves of the liquidity range, its fees apart. Impermanent loss is in here.
    RangeMoves = "range moves";
    /// Price and volatility moves of options and the passing of their time.
    OptionMoves = "option moves";
    /// Fees earned by the liquidity range.
    RangeFees = "range fees";
    /// Funding of perps.
    Funding = "funding";
    /// Interest of loans.
    Interest = "interest";
    /// Fees of spot trades.
    SpotFees = "spot fees";
    /// Price impact of spot trades.
    SpotImpact = "spot impact";
    /// Fees of perp trades.
    PerpFees = "perp fees";
    /// Price impact of perp trades.
    PerpImpact = "perp impact";
    /// Spread of the options desk.
    OptionSpread = "option spread";
    /// Liquidation fees, less what the venue lost beyond the collateral.
    Liquidations = "liquidations";
    /// Token amounts of the range rounded to the token's unit, against the book.
    Rounding = "rounding";
}

/// Sums by [`Entry`] in asset units; gains positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger([Wad; Entry::ALL.len()]);

impl Ledger {
    /// Adds a gain, or a loss if negative.
    pub fn add(&mut self, entry: Entry, gain: Wad) -> Result<(), MathError> {
        if let Some(sum) = self.0.get_mut(entry as usize) {
            *sum = sum.add(gain)?;
        }
        Ok(())
    }

    /// Adds a loss, or a gain if negative.
    pub fn sub(&mut self, entry: Entry, loss: Wad) -> Result<(), MathError> {
        self.add(entry, loss.neg()?)
    }

    /// One sum.
    pub fn get(&self, entry: Entry) -> Wad {
        self.0.get(entry as usize).copied().unwrap_or_default()
    }

    /// What the book must be worth.
    pub fn total(&self) -> Result<Wad, MathError> {
        self.0.iter().try_fold(Wad::ZERO, |sum, entry| sum.add(*entry))
    }

    /// What trading cost so far: fees, impact and spread of all venues, as a positive number.
    pub fn trading_costs(&self) -> Result<Wad, MathError> {
        let costs = [
            Entry::SpotFees,
            Entry::SpotImpact,
            Entry::PerpFees,
            Entry::PerpImpact,
            Entry::OptionSpread,
        ];
        costs.iter().try_fold(Wad::ZERO, |sum, entry| sum.sub(self.get(*entry)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn total_is_the_sum_of_gains_and_losses() {
        let mut ledger = Ledger::default();
        ledger.add(Entry::Deposits, Wad(100)).unwrap();
        ledger.sub(Entry::SpotFees, Wad(3)).unwrap();
        ledger.sub(Entry::OptionSpread, Wad(2)).unwrap();
        ledger.add(Entry::PerpMoves, Wad(-7)).unwrap();
        assert_eq!(ledger.total(), Ok(Wad(88)));
        assert_eq!(ledger.trading_costs(), Ok(Wad(5)));
    }
}
