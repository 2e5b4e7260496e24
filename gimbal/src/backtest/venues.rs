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

/// Why a venue refuses an order. The book is then as it was.
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
        let mut cash = self.book.cash.sub(fee)?;
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
