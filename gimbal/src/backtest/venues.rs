//! The simulated venues. Each takes the book, changes it, and writes down what that cost.
//!
//! Every trade of value v costs `v · fee + v · 1 % · v / depth`: a venue where the price impact grows linearly with the
//! size. Venues trade at the recorded price and have no memory: the market's own path is not moved.

use super::{
    book::{Book, Contract, Perp, Range, Scene, token_units_down, token_units_up},
    ledger::{Entry, Ledger},
    settings::{Knob, Settings},
    tape::YEAR_SECS,
};
use engine::{
    EngineError, Side,
    leg::{Rate, Right},
};
use fixed::{Bps, MathError, Wad, sqrt_down, sqrt_up};

/// Why a venue refuses an order. A part of it may have been done: [`Desk::whole`] takes that back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The book has not enough cash.
    Cash,
    /// The book has not enough of what it wants to give.
    Holdings,
    /// The result would be worse than the order allows.
    Price,
    /// The position would be left without enough collateral.
    Collateral,
    /// Nothing is left after rounding to the token's unit.
    Dust,
    /// A number is out of range.
    Engine(EngineError),
}

impl From<MathError> for Refused {
    fn from(error: MathError) -> Self {
        Self::Engine(EngineError::Math(error))
    }
}

impl From<EngineError> for Refused {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl Refused {
    /// A few words for tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cash => "not enough cash",
            Self::Holdings => "not enough holdings",
            Self::Price => "price beyond the bound",
            Self::Collateral => "not enough collateral",
            Self::Dust => "below the token's unit",
            Self::Engine(_) => "out of range",
        }
    }
}

/// A place that the book acts at.
#[derive(Debug)]
pub(crate) struct Desk<'a> {
    pub(crate) scene: Scene<'a>,
    pub(crate) book: &'a mut Book,
    pub(crate) ledger: &'a mut Ledger,
}

/// What a trade of `value` costs: fee and price impact. Rounded up.
pub(crate) fn costs_up(value: Wad, fee: Bps, depth: Wad) -> Result<(Wad, Wad), MathError> {
    let impact = value.mul_bps_up(Bps(100))?.mul_up(value.div_up(depth)?)?;
    Ok((value.mul_bps_up(fee)?, impact))
}

/// `amount · rate · time`, rounded up, that is towards what is owed.
fn over_time_up(amount: Wad, rate: Rate, secs: u64) -> Result<Wad, MathError> {
    let share = i128::from(rate.0) * i128::from(secs);
    amount
        .mul_up(Wad(share))?
        .div_up(Wad(i128::from(YEAR_SECS) * 1_000_000))
}

/// Basis points as a rate.
pub(crate) fn rate(share: Bps) -> Rate {
    Rate(i32::try_from(share.0).unwrap_or(i32::MAX).saturating_mul(100))
}

/// The most cash that may lie at the lending venue.
pub(crate) fn lend_cap(settings: &Settings) -> Result<Wad, MathError> {
    settings.wad(Knob::Capital).mul_bps_down(settings.bps(Knob::LendCap))
}

impl Desk<'_> {
    /// All of `act`, or nothing.
    pub(crate) fn whole(&mut self, act: impl FnOnce(&mut Self) -> Result<(), Refused>) -> Result<(), Refused> {
        let (book, ledger) = (self.book.clone(), *self.ledger);
        let done = act(self);
        if done.is_err() {
            *self.book = book;
            *self.ledger = ledger;
        }
        done
    }

    fn price(&self) -> Wad {
        self.scene.price()
    }

    fn settings(&self) -> &Settings {
        self.scene.settings
    }

    // --- spot -----------------------------------------------------------------------------------------------------

    /// Buys or sells whole units of `tokens`. Returns the asset units paid or received.
    pub(crate) fn spot(&mut self, side: Side, tokens: Wad) -> Result<Wad, Refused> {
        if tokens <= Wad::ZERO || token_units_down(tokens) != tokens {
            return Err(Refused::Dust);
        }
        let value = tokens.mul_up(self.price())?;
        let (fee, impact) = costs_up(
            value,
            self.settings().bps(Knob::SpotFee),
            self.settings().wad(Knob::SpotDepth),
        )?;
        let cost = fee.add(impact)?;
        let cash = match side {
            Side::Buy => {
                let paid = value.add(cost)?;
                if paid > self.book.cash {
                    return Err(Refused::Cash);
                }
                self.book.cash = self.book.cash.sub(paid)?;
                self.book.spot = self.book.spot.add(tokens)?;
                paid
            }
            Side::Sell => {
                if tokens > self.book.spot {
                    return Err(Refused::Holdings);
                }
                let received = value.sub(cost)?;
                if received < Wad::ZERO {
                    return Err(Refused::Price);
                }
                self.book.spot = self.book.spot.sub(tokens)?;
                self.book.cash = self.book.cash.add(received)?;
                received
            }
        };
        self.ledger.sub(Entry::SpotFees, fee)?;
        self.ledger.sub(Entry::SpotImpact, impact)?;
        Ok(cash)
    }

    // --- perps ----------------------------------------------------------------------------------------------------

    /// Changes the size of the position at `venue` by `change` tokens. What the collateral has beyond the share of
    /// [`Knob::PerpCollateral`] is released by a reduction; with `top_up` an increase adds from cash what is missing.
    pub(crate) fn perp(&mut self, venue: usize, change: Wad, top_up: bool) -> Result<(), Refused> {
        let old = self.book.perps[venue];
        let closing = if (old.size < Wad::ZERO) == (change < Wad::ZERO) {
            Wad::ZERO
        } else {
            change.abs()?.min(old.size.abs()?)
        };
        let sign = |size: Wad| if change < Wad::ZERO { size.neg() } else { Ok(size) };
        if closing > Wad::ZERO {
            self.perp_trade(venue, sign(closing)?, top_up)?;
        }
        let opening = change.abs()?.sub(closing)?;
        if opening > Wad::ZERO {
            self.perp_trade(venue, sign(opening)?, top_up)?;
        }
        if closing == Wad::ZERO && opening == Wad::ZERO {
            return Err(Refused::Dust);
        }
        Ok(())
    }

    /// A trade that does not cross zero.
    fn perp_trade(&mut self, venue: usize, change: Wad, top_up: bool) -> Result<(), Refused> {
        let price = self.price();
        let mut perp = self.book.perps[venue];
        if token_units_down(change.abs()?) != change.abs()? {
            return Err(Refused::Dust);
        }
        let notional = change.mul_down(price)?;
        let value = notional.abs()?;
        let (fee, impact) = costs_up(
            value,
            self.settings().bps(Knob::PerpFee),
            self.settings().wad(Knob::PerpDepth),
        )?;
        let mut cash = self.book.cash;
        perp.collateral = perp.collateral.sub(fee)?;
        let increases = perp.size == Wad::ZERO || (perp.size < Wad::ZERO) == (change < Wad::ZERO);
        if increases {
            // The impact worsens the entry price, for longs and shorts alike.
            perp.cost_basis = perp.cost_basis.add(notional)?.add(impact)?;
        } else {
            // The part of the cost basis that goes with the closed tokens, rounded against nobody: what is not closed
            // keeps the rest.
            let part = if change.abs()? == perp.size.abs()? {
                perp.cost_basis
            } else {
                perp.cost_basis.mul_down(change.abs()?)?.div_down(perp.size.abs()?)?
            };
            let profit = notional.neg()?.sub(part)?.sub(impact)?;
            perp.cost_basis = perp.cost_basis.sub(part)?;
            perp.collateral = perp.collateral.add(profit)?.sub(perp.accrued)?;
            perp.accrued = Wad::ZERO;
        }
        perp.size = perp.size.add(change)?;
        let wanted = perp
            .size
            .mul_down(price)?
            .abs()?
            .mul_bps_up(self.settings().bps(Knob::PerpCollateral))?;
        let equity = perp.equity(price)?;
        let free = equity.min(perp.collateral);
        if perp.size == Wad::ZERO {
            cash = cash.add(perp.collateral)?;
            if perp.collateral < Wad::ZERO {
                return Err(Refused::Collateral);
            }
            perp = Perp::default();
        } else if increases && top_up && free < wanted {
            let added = wanted.sub(free)?;
            perp.collateral = perp.collateral.add(added)?;
            cash = cash.sub(added)?;
        } else if !increases && free > wanted {
            let released = free.sub(wanted)?;
            perp.collateral = perp.collateral.sub(released)?;
            cash = cash.add(released)?;
        }
        // No venue opens what it would liquidate soon: twice the maintenance margin is its least.
        let least = Bps(2 * self.settings().bps(Knob::PerpMaintenance).0);
        let value = perp.size.mul_down(price)?.abs()?;
        if perp.collateral < Wad::ZERO || (increases && perp.equity(price)? < value.mul_bps_up(least)?) {
            return Err(Refused::Collateral);
        }
        if cash < Wad::ZERO {
            return Err(Refused::Cash);
        }
        self.book.cash = cash;
        self.book.perps[venue] = perp;
        self.ledger.sub(Entry::PerpFees, fee)?;
        self.ledger.sub(Entry::PerpImpact, impact)?;
        Ok(())
    }

    /// Moves cash behind the position at `venue`.
    pub(crate) fn add_margin(&mut self, venue: usize, amount: Wad) -> Result<(), Refused> {
        let perp = &mut self.book.perps[venue];
        if perp.size == Wad::ZERO {
            return Err(Refused::Holdings);
        }
        if amount > self.book.cash {
            return Err(Refused::Cash);
        }
        self.book.cash = self.book.cash.sub(amount)?;
        perp.collateral = perp.collateral.add(amount)?;
        Ok(())
    }

    /// Liquidates positions whose equity is below the maintenance margin, and a loan that is worth more than
    /// `threshold` of cash and tokens. Returns how many there were.
    pub(crate) fn liquidate(&mut self, threshold: Bps) -> Result<u32, Refused> {
        let (price, maintenance) = (self.price(), self.settings().bps(Knob::PerpMaintenance));
        let mut count = 0;
        for venue in 0..self.book.perps.len() {
            let perp = self.book.perps[venue];
            let value = perp.size.mul_down(price)?.abs()?;
            let equity = perp.equity(price)?;
            if perp.size == Wad::ZERO || equity >= value.mul_bps_up(maintenance)? {
                continue;
            }
            let fee = value.mul_bps_up(self.settings().bps(Knob::LiquidationFee))?;
            let left = equity.sub(fee)?.max(Wad::ZERO);
            self.book.cash = self.book.cash.add(left)?;
            self.book.perps[venue] = Perp::default();
            // A gain where the loss went beyond the collateral: that part is the venue's.
            self.ledger.add(Entry::Liquidations, left.sub(equity)?)?;
            count += 1;
        }
        let pledged = self.book.cash.add(self.book.spot.mul_down(price)?)?;
        if self.book.debt > pledged.mul_bps_down(threshold)? {
            self.liquidate_loan()?;
            count += 1;
        }
        Ok(count)
    }

    /// The lending venue takes the loan and a fee from cash, and from tokens at the price what cash lacks.
    fn liquidate_loan(&mut self) -> Result<(), Refused> {
        let price = self.price();
        let (debt, cash, spot) = (self.book.debt, self.book.cash, self.book.spot);
        let before = cash.add(spot.mul_down(price)?)?.sub(debt)?;
        let taken = debt.add(debt.mul_bps_up(self.settings().bps(Knob::LiquidationFee))?)?;
        let missing = taken.sub(cash)?.max(Wad::ZERO);
        let sold = token_units_up(missing.div_up(price)?).min(spot);
        self.book.spot = spot.sub(sold)?;
        // Nothing is left to take beyond what there is.
        self.book.cash = cash.add(sold.mul_down(price)?)?.sub(taken)?.max(Wad::ZERO);
        self.book.debt = Wad::ZERO;
        let after = self.book.cash.add(self.book.spot.mul_down(price)?)?;
        self.ledger.add(Entry::Liquidations, after.sub(before)?)?;
        Ok(())
    }

    // --- time -----------------------------------------------------------------------------------------------------

    /// What time brings and takes since the hour before: funding, interest, and the range's fees for the way from
    /// `before` to the price now.
    pub(crate) fn accrue(&mut self, before: Wad, secs: u64) -> Result<(), Refused> {
        let price = self.price();
        for venue in 0..self.book.perps.len() {
            let rate = self.scene.hour.funding(venue);
            let perp = &mut self.book.perps[venue];
            let owed = over_time_up(perp.size.mul_up(price)?, rate, secs)?;
            perp.accrued = perp.accrued.add(owed)?;
            self.ledger.sub(Entry::Funding, owed)?;
        }
        let interest = over_time_up(self.book.debt, rate(self.settings().bps(Knob::BorrowRate)), secs)?;
        self.book.debt = self.book.debt.add(interest)?;
        self.ledger.sub(Entry::Interest, interest)?;
        self.earn(secs)?;
        self.range_fees(before, secs)?;
        Ok(())
    }

    /// Interest on the cash at the lending venue, whose rate falls with the amount. Spent cash is no longer there.
    fn earn(&mut self, secs: u64) -> Result<(), Refused> {
        let lent = self.book.lent.min(self.book.cash);
        self.book.lent = lent;
        if lent == Wad::ZERO {
            return Ok(());
        }
        let full = over_time_up(lent, rate(self.settings().bps(Knob::LendRate)), secs)?;
        let used = lent.div_up(lend_cap(self.settings())?)?.min(Wad::ONE);
        let lost = full.mul_up(used)?.mul_bps_up(Bps(5_000))?;
        let interest = full.sub(lost)?;
        self.book.cash = self.book.cash.add(interest)?;
        self.book.lent = lent.add(interest)?;
        self.ledger.add(Entry::Interest, interest)?;
        Ok(())
    }

    /// Fees on the volume that moved the price through the range, and on the turnover beyond it while in range.
    fn range_fees(&mut self, before: Wad, secs: u64) -> Result<(), Refused> {
        let Some(range) = &self.book.range else {
            return Ok(());
        };
        let (_, then) = range.amounts_down(before)?;
        let (tokens, now) = range.amounts_down(self.price())?;
        let moved = now.sub(then)?.abs()?;
        let in_range = tokens > Wad::ZERO && now > Wad::ZERO;
        let turnover = if in_range {
            let value = tokens.mul_down(self.price())?.add(now)?;
            let yearly = value.mul_down(self.settings().wad(Knob::RangeTurnover))?;
            yearly
                .mul_down(Wad(i128::from(secs)))?
                .div_down(Wad(i128::from(YEAR_SECS)))?
        } else {
            Wad::ZERO
        };
        let fees = moved.add(turnover)?.mul_bps_down(self.settings().bps(Knob::RangeFee))?;
        if let Some(range) = &mut self.book.range {
            range.fees = range.fees.add(fees)?;
        }
        self.ledger.add(Entry::RangeFees, fees)?;
        Ok(())
    }

    // --- range ----------------------------------------------------------------------------------------------------

    /// Takes out the liquidity beyond `keep` (0 takes all) and collects all fees.
    pub(crate) fn shrink_range(&mut self, keep: Wad) -> Result<(), Refused> {
        let Some(range) = self.book.range else {
            return Err(Refused::Holdings);
        };
        if keep < Wad::ZERO || keep >= range.liquidity {
            return Err(Refused::Dust);
        }
        let price = self.price();
        let before = self.scene.mark(&Scene::range(&range))?.value;
        let taken = Range {
            liquidity: range.liquidity.sub(keep)?,
            ..range
        };
        let (tokens, cash) = taken.amounts_down(price)?;
        let rest = Range {
            liquidity: keep,
            fees: Wad::ZERO,
            ..range
        };
        let after = if keep == Wad::ZERO {
            self.book.range = None;
            Wad::ZERO
        } else {
            self.book.range = Some(rest);
            self.scene.mark(&Scene::range(&rest))?.value
        };
        self.book.spot = self.book.spot.add(tokens)?;
        let cash = cash.add(range.fees)?;
        self.book.cash = self.book.cash.add(cash)?;
        let received = tokens.mul_down(price)?.add(cash)?;
        self.ledger.add(Entry::Rounding, received.sub(before.sub(after)?)?)?;
        Ok(())
    }

    /// Opens a range around the price worth about `value`, half cash and half tokens, buying the tokens that are missing.
    /// The bounds are price · (1 ± `width`).
    pub(crate) fn open_range(&mut self, value: Wad, width: Bps) -> Result<(), Refused> {
        let price = self.price();
        let low = price.mul_bps_down(Bps(10_000_u32.saturating_sub(width.0)))?;
        let high = price.mul_bps_up(Bps(10_000 + width.0))?;
        let root = sqrt_down(price)?;
        let (sqrt_lower, sqrt_upper) = (sqrt_down(low)?, sqrt_up(high)?);
        // The value of one unit of liquidity: 2√P − P/√Pb − √Pa.
        let unit = root.add(root)?.sub(price.div_up(sqrt_upper)?)?.sub(sqrt_lower)?;
        let range = Range {
            liquidity: value.div_down(unit)?,
            sqrt_lower,
            sqrt_upper,
            fees: Wad::ZERO,
        };
        self.fill_range(range)
    }

    /// Pays for what the new `range` holds.
    fn fill_range(&mut self, range: Range) -> Result<(), Refused> {
        if self.book.range.is_some() {
            return Err(Refused::Holdings);
        }
        if range.liquidity <= Wad::ZERO {
            return Err(Refused::Dust);
        }
        let price = self.price();
        // One unit more than what could be taken out again.
        let (tokens, cash) = range.amounts_down(price)?;
        let (tokens, cash) = (token_units_up(tokens.add(Wad(1))?), cash.add(Wad(1))?);
        if tokens > self.book.spot {
            self.spot(Side::Buy, tokens.sub(self.book.spot)?)?;
        }
        if cash > self.book.cash {
            return Err(Refused::Cash);
        }
        self.book.spot = self.book.spot.sub(tokens)?;
        self.book.cash = self.book.cash.sub(cash)?;
        self.book.range = Some(range);
        let value = self.scene.mark(&Scene::range(&range))?.value;
        let paid = tokens.mul_down(price)?.add(cash)?;
        self.ledger.add(Entry::Rounding, value.sub(paid)?)?;
        Ok(())
    }

    // --- options --------------------------------------------------------------------------------------------------

    /// Buys (or sells, if negative) `quantity` of the contract at its mark, half the spread worse.
    pub(crate) fn option(&mut self, index: Option<usize>, contract: Contract, change: Wad) -> Result<(), Refused> {
        let value = |contract: &Contract| -> Result<Wad, Refused> {
            if contract.quantity == Wad::ZERO {
                return Ok(Wad::ZERO);
            }
            Ok(self.scene.mark(&self.scene.option(contract))?.value)
        };
        let tokens = change.abs()?;
        if tokens == Wad::ZERO || token_units_down(tokens) != tokens {
            return Err(Refused::Dust);
        }
        let new = Contract {
            quantity: contract.quantity.add(change)?,
            ..contract
        };
        let traded = value(&new)?.sub(value(&contract)?)?;
        let spread = traded.abs()?.mul_bps_up(self.settings().bps(Knob::OptionSpread))?.max(
            tokens
                .mul_up(self.price())?
                .mul_bps_up(self.settings().bps(Knob::OptionTick))?,
        );
        let cash = self.book.cash.sub(traded)?.sub(spread)?;
        if cash < Wad::ZERO {
            return Err(Refused::Cash);
        }
        self.book.cash = cash;
        match index {
            Some(index) if new.quantity == Wad::ZERO => {
                self.book.options.remove(index);
            }
            Some(index) => self.book.options[index] = new,
            None => self.book.options.push(new),
        }
        self.ledger.sub(Entry::OptionSpread, spread)?;
        Ok(())
    }

    // --- lending --------------------------------------------------------------------------------------------------

    /// Puts cash that is at hand to the lending venue.
    pub(crate) fn lend(&mut self, amount: Wad) -> Result<(), Refused> {
        let lent = self.book.lent.add(amount)?;
        if lent > self.book.cash || lent > lend_cap(self.settings())? {
            return Err(Refused::Cash);
        }
        self.book.lent = lent;
        Ok(())
    }

    /// Borrows cash.
    pub(crate) fn borrow(&mut self, amount: Wad) -> Result<(), Refused> {
        self.book.debt = self.book.debt.add(amount)?;
        self.book.cash = self.book.cash.add(amount)?;
        Ok(())
    }

    /// Pays back as much of the loan as `amount`.
    pub(crate) fn repay(&mut self, amount: Wad) -> Result<(), Refused> {
        let amount = amount.min(self.book.debt);
        if amount <= Wad::ZERO {
            return Err(Refused::Dust);
        }
        if amount > self.book.cash {
            return Err(Refused::Cash);
        }
        self.book.debt = self.book.debt.sub(amount)?;
        self.book.cash = self.book.cash.sub(amount)?;
        Ok(())
    }
}

/// What an option pays at expiry.
pub(crate) fn payoff(contract: &Contract, price: Wad) -> Result<Wad, MathError> {
    let inside = match contract.right {
        Right::Call => price.sub(contract.strike)?,
        Right::Put => contract.strike.sub(price)?,
    };
    // Rounded down: against the book, bought or sold.
    inside.max(Wad::ZERO).mul_down(contract.quantity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::{book::TOKEN_UNIT, tape::Hour};
    use fixed::WAD;
    use proptest::prelude::*;

    const DAY: u64 = 86_400;

    fn wad(whole: i128) -> Wad {
        Wad(whole * WAD)
    }

    fn hour(price: Wad) -> Hour {
        Hour {
            timestamp: 1_600_000_000,
            elapsed_secs: 3_600,
            price,
            short: 0.8,
            long: 0.8,
            trend: [0.0; 2],
        }
    }

    /// A book with cash, and whoever acts for it.
    struct World {
        settings: Settings,
        hour: Hour,
        book: Book,
        ledger: Ledger,
    }

    impl World {
        fn new(cash: i128) -> Self {
            let mut ledger = Ledger::default();
            ledger.add(Entry::Deposits, wad(cash)).unwrap();
            let book = Book {
                cash: wad(cash),
                ..Book::default()
            };
            Self {
                settings: Settings::default(),
                hour: hour(wad(10_000)),
                book,
                ledger,
            }
        }

        fn desk(&mut self) -> Desk<'_> {
            Desk {
                scene: Scene {
                    hour: &self.hour,
                    settings: &self.settings,
                },
                book: &mut self.book,
                ledger: &mut self.ledger,
            }
        }

        /// The engine's value of everything.
        fn value(&mut self) -> Wad {
            let scene = Scene {
                hour: &self.hour,
                settings: &self.settings,
            };
            let legs = self.book.legs(&scene).into_iter();
            legs.fold(Wad::ZERO, |sum, (_, leg)| {
                sum.add(scene.mark(&leg).unwrap().value).unwrap()
            })
        }
    }

    fn call(world: &World) -> Contract {
        Contract {
            right: Right::Call,
            quantity: Wad::ZERO,
            strike: wad(11_000),
            expiry: world.hour.timestamp + 30 * DAY,
        }
    }

    #[test]
    fn spot_trade_costs_fee_and_linear_impact() {
        let mut world = World::new(100_000);
        // 50,000 at 5 bps, and 1 % of it times 50,000 / 5,000,000.
        let paid = world.desk().spot(Side::Buy, wad(5)).unwrap();
        assert_eq!(paid, wad(50_000 + 25 + 5));
        assert_eq!(world.desk().spot(Side::Sell, wad(5)), Ok(wad(50_000 - 25 - 5)));
        assert_eq!(world.ledger.get(Entry::SpotFees), wad(-50));
        assert_eq!(world.ledger.get(Entry::SpotImpact), wad(-10));
        assert_eq!(world.desk().spot(Side::Buy, wad(10)), Err(Refused::Cash));
        assert_eq!(world.desk().spot(Side::Sell, wad(1)), Err(Refused::Holdings));
        assert_eq!(world.desk().spot(Side::Buy, Wad(TOKEN_UNIT + 1)), Err(Refused::Dust));
    }

    #[test]
    fn perp_round_trip_pays_the_price_move_less_costs() {
        let mut world = World::new(100_000);
        world.desk().perp(1, wad(-2), true).unwrap();
        // Fee 8, impact 20,000 · 1 % / 500, collateral a quarter of the value.
        assert_eq!(world.book.cash, Wad(wad(95_000 - 8).0 - 4 * WAD / 10));
        world.hour.price = wad(9_000);
        world.desk().perp(1, wad(2), true).unwrap();
        // 2 · 1,000, less fee 7.2 and impact 18,000 · 1 % · 0.0018.
        let expected = wad(100_000 + 2_000).0 - (8 * WAD + 4 * WAD / 10) - (72 * WAD / 10 + 324 * WAD / 1_000);
        assert_eq!(world.book.cash, Wad(expected));
        assert_eq!(world.book.perps, [Perp::default(); 2]);
    }

    #[test]
    fn perp_short_receives_positive_funding_and_a_long_pays_it() {
        let mut world = World::new(100_000);
        world.desk().perp(0, wad(-1), true).unwrap();
        world.desk().perp(1, wad(1), true).unwrap();
        world.desk().accrue(wad(10_000), YEAR_SECS / 100).unwrap();
        // 10 % and 4 % a year of 10,000, for a hundredth of a year.
        assert_eq!(world.book.perps[0].accrued, wad(-10));
        assert_eq!(world.book.perps[1].accrued, wad(4));
        assert_eq!(world.ledger.get(Entry::Funding), wad(6));
    }

    #[test]
    fn perp_without_collateral_to_spare_is_refused_unless_topped_up() {
        let mut world = World::new(100_000);
        assert_eq!(world.desk().perp(0, wad(-2), false), Err(Refused::Collateral));
        world.desk().perp(0, wad(-2), true).unwrap();
        assert_eq!(world.desk().perp(0, wad(-100), false), Err(Refused::Collateral));
        assert_eq!(
            world.desk().whole(|desk| desk.perp(0, wad(-100), true)),
            Err(Refused::Cash)
        );
    }

    #[test]
    fn liquidation_takes_its_fee_and_never_more_than_the_collateral() {
        let left = |price: i128| {
            let mut world = World::new(100_000);
            world.settings.set("liquidation-fee=50").unwrap();
            world.desk().perp(0, wad(-2), true).unwrap();
            let cash = world.book.cash;
            world.hour.price = wad(price);
            let count = world.desk().liquidate(Bps(8_000)).unwrap();
            assert_eq!(
                world.value(),
                world.ledger.total().unwrap().add(wad(2 * (10_000 - price))).unwrap()
            );
            (count, world.book.cash.sub(cash).unwrap())
        };
        // 5,000 behind 20,000: below 1 % of the value from 12,376 on.
        assert_eq!(left(12_375), (0, Wad::ZERO));
        // 240 are left, and half a per cent of 24,760 goes.
        assert_eq!(left(12_380), (1, Wad(1_162 * WAD / 10)));
        assert_eq!(left(20_000), (1, Wad::ZERO));
    }

    #[test]
    fn liquidation_of_a_loan_sells_what_cash_lacks() {
        let mut world = World::new(100_000);
        world.desk().borrow(wad(50_000)).unwrap();
        world.desk().spot(Side::Buy, wad(14)).unwrap();
        assert_eq!(world.desk().liquidate(Bps(8_000)), Ok(0));
        world.hour.price = wad(3_000);
        assert_eq!(world.desk().liquidate(Bps(8_000)), Ok(1));
        assert_eq!(world.book.debt, Wad::ZERO);
        assert!(world.book.spot > Wad::ZERO && world.book.spot < wad(1));
    }

    #[test]
    fn range_amounts_match_the_engine_at_any_price() {
        let mut world = World::new(1_000_000);
        world.desk().open_range(wad(200_000), Bps(3_000)).unwrap();
        let range = world.book.range.unwrap();
        for price in [1_000, 7_000, 8_000, 10_000, 12_345, 13_000, 50_000] {
            world.hour.price = wad(price);
            let (tokens, cash) = range.amounts_down(wad(price)).unwrap();
            let value = tokens.mul_down(wad(price)).unwrap().add(cash).unwrap();
            let scene = world.desk().scene;
            let mark = scene.mark(&Scene::range(&range)).unwrap();
            let apart = mark.value.0 - value.0;
            assert!(
                (0..=price * TOKEN_UNIT + 1_000_000).contains(&apart),
                "{price}: {apart}"
            );
            assert!((0..=TOKEN_UNIT).contains(&(mark.delta.0 - tokens.0)), "{price}");
        }
    }

    #[test]
    fn range_earns_fees_on_its_own_volume_and_turnover_while_in_range() {
        let mut world = World::new(1_000_000);
        world.settings.set("range-turnover=0").unwrap();
        world.desk().open_range(wad(200_000), Bps(3_000)).unwrap();
        let range = world.book.range.unwrap();
        let cash = |price: i128| range.amounts_down(wad(price)).unwrap().1;
        world.hour.price = wad(11_000);
        world.desk().accrue(wad(10_000), 3_600).unwrap();
        let volume = cash(11_000).sub(cash(10_000)).unwrap();
        assert_eq!(
            world.ledger.get(Entry::RangeFees),
            volume.mul_bps_down(Bps(30)).unwrap()
        );
        // Above the range nothing moves through it.
        let earned = world.ledger.get(Entry::RangeFees);
        world.settings.set("range-turnover=100").unwrap();
        world.hour.price = wad(20_000);
        world.desk().accrue(wad(15_000), 3_600).unwrap();
        assert_eq!(world.ledger.get(Entry::RangeFees), earned);
    }

    #[test]
    fn option_round_trip_costs_the_spread_twice() {
        let mut world = World::new(100_000);
        let contract = call(&world);
        world.desk().option(None, contract, wad(3)).unwrap();
        let held = world.book.options[0];
        world.desk().option(Some(0), held, wad(-3)).unwrap();
        let spread = world.ledger.get(Entry::OptionSpread);
        assert_eq!(world.book.cash, wad(100_000).add(spread).unwrap());
        assert!(world.book.options.is_empty() && spread < wad(-30), "{spread:?}");
    }

    #[test]
    fn payoff_is_intrinsic_value_with_the_sign_of_the_position() {
        let contract = |right, quantity| Contract {
            right,
            quantity,
            strike: wad(100),
            expiry: 0,
        };
        let cases = [
            (Right::Call, 2, 110, 20),
            (Right::Call, -2, 110, -20),
            (Right::Call, 2, 90, 0),
            (Right::Put, 2, 90, 20),
            (Right::Put, -2, 110, 0),
        ];
        for (right, quantity, price, expected) in cases {
            assert_eq!(payoff(&contract(right, wad(quantity)), wad(price)), Ok(wad(expected)));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

        /// After any sequence of orders, done or refused, the accounts equal the engine's value of the book.
        #[test]
        fn desk_any_orders_keep_the_accounts(orders in prop::collection::vec((0_u8..9, 1_i128..40_000_000_000, any::<bool>()), 1..40)) {
            let mut world = World::new(1_000_000);
            let contract = call(&world);
            for (kind, amount, up) in orders {
                let tokens = Wad(amount * TOKEN_UNIT);
                let signed = if up { tokens } else { tokens.neg().unwrap() };
                let side = if up { Side::Buy } else { Side::Sell };
                let value = tokens.mul_down(wad(10_000)).unwrap();
                // Refusals are part of the property.
                let _ = world.desk().whole(|desk| match kind {
                    0 => desk.spot(side, tokens).map(|_| ()),
                    1 => desk.perp(usize::from(up), signed, true),
                    2 => desk.perp(usize::from(up), signed, false),
                    3 => desk.add_margin(usize::from(up), value),
                    4 => desk.open_range(value, Bps(3_000)),
                    5 => {
                        let liquidity = desk.book.range.map_or(Wad::ZERO, |range| range.liquidity);
                        desk.shrink_range(if up { Wad::ZERO } else { Wad(liquidity.0 / 3) })
                    }
                    6 => match desk.book.options.first().copied() {
                        Some(held) => desk.option(Some(0), held, signed),
                        None => desk.option(None, contract, signed),
                    },
                    7 if up => desk.borrow(value),
                    7 => desk.repay(value),
                    _ => desk.accrue(wad(10_000), 3_600),
                });
                prop_assert_eq!(world.value(), world.ledger.total().unwrap());
                prop_assert!(world.book.cash >= Wad::ZERO && world.book.spot >= Wad::ZERO);
            }
        }
    }
}
