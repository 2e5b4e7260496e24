//! Carries out what the engine decides at the simulated venues, and tells the engine what they ask.

use super::{
    book::{Book, Scene, Slot, UNDERLYING, token_units_down},
    settings::Knob,
    venues::{Desk, Refused, costs_up, lend_cap, rate},
};
use engine::{Decision, Side, decide::Action, leg::Rate, venue::Quote};
use fixed::{Bps, Wad};

/// Numbers of the venues.
pub(crate) mod venue {
    pub(crate) const SPOT: u8 = 0;
    /// The first perp venue; the second follows.
    pub(crate) const PERP: u8 = 1;
    pub(crate) const LENDING: u8 = 3;
}

/// What all venues ask now. Impact is linear in the size, so that a quote at full capacity describes every size.
pub(crate) fn quotes(scene: &Scene<'_>, book: &Book) -> Vec<Quote> {
    let settings = scene.settings;
    let quote = |venue, action, side, fee, depth| Quote {
        venue,
        preference: 0,
        action,
        side,
        underlying: UNDERLYING,
        usable: true,
        capacity: depth,
        cap: Wad::MAX,
        fee: settings.bps(fee),
        impact: Bps(100),
        carry: Rate(0),
        slope: Rate(0),
        execution_fee: Wad::ZERO,
    };
    let mut quotes = Vec::new();
    let (spot, perp) = (settings.wad(Knob::SpotDepth), settings.wad(Knob::PerpDepth));
    for side in [Side::Buy, Side::Sell] {
        quotes.push(quote(venue::SPOT, Action::Trade, side, Knob::SpotFee, spot));
        for (number, index) in (venue::PERP..).zip(0..book.perps.len()) {
            let funding = scene.hour.funding(index).0;
            let carry = Rate(if side == Side::Sell { -funding } else { funding });
            for action in [Action::IncreasePerp, Action::MoveHedge] {
                quotes.push(Quote {
                    carry,
                    ..quote(number, action, side, Knob::PerpFee, perp)
                });
            }
        }
    }
    // Cash in hand can go where it earns interest.
    if let Ok(cap) = lend_cap(settings) {
        let at_hand = book.cash.sub(book.lent).unwrap_or_default();
        let earned = rate(settings.bps(Knob::LendRate)).0;
        quotes.push(Quote {
            underlying: 0,
            cap: cap.sub(book.lent).unwrap_or_default().min(at_hand),
            fee: Bps(0),
            impact: Bps(0),
            carry: Rate(-earned),
            slope: Rate(earned / 2),
            ..quote(venue::LENDING, Action::Allocate, Side::Buy, Knob::SpotFee, cap)
        });
    }
    quotes
}

impl Desk<'_> {
    /// Carries out a decision and its partner, or nothing of both. `slots` say which holding each leg reports.
    pub(crate) fn carry_out(&mut self, decision: &Decision, slots: &[Slot]) -> Result<(), Refused> {
        self.whole(|desk| desk.both(decision, slots))
    }

    fn both(&mut self, decision: &Decision, slots: &[Slot]) -> Result<(), Refused> {
        self.act(decision, slots)?;
        if decision.partner == Action::None {
            return Ok(());
        }
        let side = match decision.side {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        };
        let partner = Decision {
            action: decision.partner,
            side,
            leg: decision.partner_leg,
            amount_in: decision.partner_amount,
            min_out: Wad(i128::MIN),
            partner: Action::None,
            ..*decision
        };
        self.act(&partner, slots)
    }

    fn act(&mut self, decision: &Decision, slots: &[Slot]) -> Result<(), Refused> {
        let amount = decision.amount_in;
        let slot = slots.get(usize::from(decision.leg)).copied();
        match (decision.action, slot) {
            (Action::Trade, _) => self.trade(decision),
            (Action::AddMargin, Some(Slot::Perp(venue))) => self.add_margin(venue, amount),
            (Action::AddMargin | Action::Repay, Some(Slot::Debt)) => self.repay(amount),
            (Action::ReducePerp | Action::IncreasePerp, Some(Slot::Perp(venue))) => {
                let tokens = token_units_down(amount);
                let change = if decision.side == Side::Buy {
                    tokens
                } else {
                    tokens.neg()?
                };
                self.perp(venue, change, false)
            }
            (Action::ShrinkRange, Some(Slot::Range)) => self.remove_liquidity(amount),
            (Action::UnwindRange, Some(Slot::Range)) => {
                let had = self.book.spot;
                self.remove_liquidity(amount)?;
                let came = self.book.spot.sub(had)?;
                if came > Wad::ZERO {
                    self.spot(Side::Sell, came)?;
                }
                Ok(())
            }
            (Action::ReduceOption, Some(Slot::Option(index))) => {
                let contract = *self.book.options.get(index).ok_or(Refused::Holdings)?;
                let tokens = token_units_down(amount).min(contract.quantity.abs()?);
                let change = if contract.quantity > Wad::ZERO {
                    tokens.neg()?
                } else {
                    tokens
                };
                self.option(Some(index), contract, change)
            }
            (Action::MoveHedge, Some(Slot::Perp(from))) => {
                let to = usize::from(decision.venue.saturating_sub(venue::PERP));
                if to == from || to >= self.book.perps.len() {
                    return Err(Refused::Holdings);
                }
                let tokens = token_units_down(amount);
                let size = self.book.perps[from].size;
                let moved = if size < Wad::ZERO { tokens.neg()? } else { tokens };
                self.perp(from, moved.neg()?, false)?;
                self.perp(to, moved, true)
            }
            (Action::Allocate, _) if decision.venue == venue::LENDING => self.lend(amount),
            _ => Err(Refused::Holdings),
        }
    }

    fn remove_liquidity(&mut self, amount: Wad) -> Result<(), Refused> {
        let liquidity = self.book.range.ok_or(Refused::Holdings)?.liquidity;
        self.shrink_range(liquidity.sub(amount.min(liquidity))?)
    }

    /// A spot trade within its worst price.
    fn trade(&mut self, decision: &Decision) -> Result<(), Refused> {
        let settings = self.scene.settings;
        let tokens = match decision.side {
            Side::Buy => {
                let paid = decision.amount_in;
                let (fee, impact) = costs_up(paid, settings.bps(Knob::SpotFee), settings.wad(Knob::SpotDepth))?;
                token_units_down(
                    paid.sub(fee)?
                        .sub(impact)?
                        .max(Wad::ZERO)
                        .div_down(self.scene.price())?,
                )
            }
            Side::Sell => token_units_down(decision.amount_in).min(self.book.spot),
        };
        let cash = self.spot(decision.side, tokens)?;
        // What was received against the least for what was given; the given may be a rounded part of what was asked.
        let (given, received) = match decision.side {
            Side::Buy => (cash, tokens),
            Side::Sell => (tokens, cash),
        };
        let least = decision.min_out.max(Wad::ZERO);
        if received.mul_up(decision.amount_in)? < least.mul_down(given)? {
            return Err(Refused::Price);
        }
        Ok(())
    }
}
