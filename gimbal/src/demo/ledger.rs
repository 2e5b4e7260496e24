//! Exact accounting of the demo, apart from the contracts.
//!
//! Values are integers of 10⁻¹⁶ dollars: a unit of USDC (10⁻⁶) is 10¹⁰ of them, a unit of WBTC (10⁻⁸) at a
//! price with 8 decimals is exactly its product. Nothing is ever rounded, so the books must balance to the
//! last digit.

use alloy_primitives::{I256, U256};
use std::ops::{Add, AddAssign, Neg, Sub};

/// A value in 10⁻¹⁶ dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value(I256);

impl Value {
    const USDC_UNIT: u64 = 10_000_000_000;

    /// Value of units of USDC (6 decimals) at one dollar.
    pub fn usdc(units: U256) -> Self {
        Self(I256::from_raw(units * U256::from(Self::USDC_UNIT)))
    }

    /// Value of units of WBTC (8 decimals) at a price with 8 decimals.
    pub fn wbtc(units: U256, price_e8: u64) -> Self {
        Self(I256::from_raw(units * U256::from(price_e8)))
    }

    /// A share of the value in basis points, rounded towards zero.
    #[must_use]
    pub fn share(self, bps: u64) -> Self {
        Self(self.0 * I256::from_raw(U256::from(bps)) / I256::from_raw(U256::from(10_000)))
    }

    /// The value in dollars, for people and plots.
    pub fn dollars(self) -> f64 {
        self.0.to_string().parse::<f64>().unwrap_or(f64::NAN) / 1e16
    }

    /// All digits, in dollars.
    pub fn exact(self) -> String {
        let digits = format!("{:0>17}", self.0.unsigned_abs());
        let (whole, fraction) = digits.split_at(digits.len() - 16);
        let grouped = whole
            .as_bytes()
            .rchunks(3)
            .rev()
            .map(String::from_utf8_lossy)
            .collect::<Vec<_>>()
            .join(",");
        format!("{}{grouped}.{fraction}", if self.0.is_negative() { "-" } else { "" })
    }
}

impl Add for Value {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Value {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Value {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Value {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// Tokens that somebody holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// USDC in units.
    pub usdc: U256,
    /// WBTC in units.
    pub wbtc: U256,
}

impl Holdings {
    /// Their value at a price with 8 decimals.
    pub fn value(&self, price_e8: u64) -> Value {
        Value::usdc(self.usdc) + Value::wbtc(self.wbtc, price_e8)
    }
}

/// Where every change of value came from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ledger {
    /// Brought in by depositors.
    pub deposits: Value,
    /// Received by leavers.
    pub payouts: Value,
    /// Price moves of what was held.
    pub price_moves: Value,
    /// Fees paid to the pool.
    pub trading_fees: Value,
    /// What trades lost beyond the fee, against the oracle's price: the rest of their cost.
    pub slippage: Value,
}

/// A trade, as token balances show it.
#[derive(Clone, Copy, Debug)]
pub struct Trade {
    /// Whether WBTC was sold.
    pub sold_wbtc: bool,
    /// Units of the token sold.
    pub amount_in: U256,
    /// Units of the token bought.
    pub amount_out: U256,
}

impl Trade {
    /// The one trade that turned `before` into `after`.
    pub fn between(before: &Holdings, after: &Holdings) -> Self {
        let sold_wbtc = after.wbtc < before.wbtc;
        let (usdc, wbtc) = (before.usdc.abs_diff(after.usdc), before.wbtc.abs_diff(after.wbtc));
        let (amount_in, amount_out) = if sold_wbtc { (wbtc, usdc) } else { (usdc, wbtc) };
        Self {
            sold_wbtc,
            amount_in,
            amount_out,
        }
    }
}

impl Ledger {
    /// Books a trade at the oracle's price, through a pool whose fee is `fee_ppm` millionths of the input.
    pub fn trade(&mut self, trade: &Trade, price_e8: u64, fee_ppm: u32) {
        let million = U256::from(1_000_000);
        let kept = trade.amount_in * (million - U256::from(fee_ppm)) / million;
        let fee_units = trade.amount_in - kept;
        let worth = |units: U256, wbtc: bool| {
            if wbtc {
                Value::wbtc(units, price_e8)
            } else {
                Value::usdc(units)
            }
        };
        let paid = worth(trade.amount_in, trade.sold_wbtc);
        let received = worth(trade.amount_out, !trade.sold_wbtc);
        let fee = worth(fee_units, trade.sold_wbtc);
        self.trading_fees += fee;
        self.slippage += paid - received - fee;
    }

    /// What the value must be now, starting from nothing.
    pub fn expected(&self) -> Value {
        self.deposits - self.payouts + self.price_moves - self.trading_fees - self.slippage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_prints_every_digit() {
        assert_eq!(
            Value::usdc(U256::from(1_234_567_890_123_u64)).exact(),
            "1,234,567.8901230000000000"
        );
        assert_eq!((-Value::wbtc(U256::from(1), 1)).exact(), "-0.0000000000000001");
    }

    #[test]
    fn trade_fee_and_slippage_add_up_to_the_cost() {
        let mut ledger = Ledger::default();
        let trade = Trade {
            sold_wbtc: false,
            amount_in: U256::from(6_400_000_000_u64),
            amount_out: U256::from(99_900_000),
        };
        let price = 640_000_000_000;
        ledger.trade(&trade, price, 500);
        let cost = Value::usdc(trade.amount_in) - Value::wbtc(trade.amount_out, price);
        assert_eq!(ledger.trading_fees + ledger.slippage, cost);
        assert_eq!(ledger.trading_fees, Value::usdc(U256::from(3_200_000)));
    }

    #[test]
    fn expected_after_deposit_move_and_exit_balances() {
        let mut ledger = Ledger::default();
        let usdc = |units: u64| Value::usdc(U256::from(units));
        ledger.deposits += usdc(100);
        ledger.price_moves += usdc(7);
        ledger.payouts += usdc(30);
        assert_eq!(ledger.expected(), usdc(77));
    }
}
