//! Parameters: number, hard range, default, and the direction that is tighter.
//!
//! | id | name | unit | range | default | tighter |
//! |---|---|---|---|---|---|
//! | 0 | period: length of batches opened from now on | s | 1 h – 7 d | 1 d | shorter |
//! | 1 | wait limit: age of a batch from which the vault winds down | s | 1 d – 7 d | 7 d | shorter |
//! | 2 | entry cost: part of a deposit that mints no shares | bps | 0 – 3 % | 0.1 % | higher |
//! | 3 | performance fee: part of the gain above the high-water mark | bps | 0 – 50 % | 0 | lower |
//! | 4 | management fee: part of all shares per year; touches principal | bps | 0 – 5 % | 0 | lower |
//! | 5 | widest marks at settlement, until a batch is overdue | bps of mid | 0.1 % – 50 % | 5 % | neither |
//! | 6 | largest deviation of a pool from the oracle at a deposit; half of it at a settlement | bps | 0.1 % – 20 % | 0.3 % | lower |
//! | 7 | deposit cap of the vault | asset units | any | 0 | lower |
//! | 8 | deposit cap of an account | asset units | any | none | lower |
//!
//! A pool that has moved while the feed has not is an offer to enter or leave at the old price. With an entry cost of
//! 0.1 % and half the value exposed, entering pays from 0.5 % and leaving from 0.15 % (measured in `test/e2e`).
//! A batch that is overdue is settled whatever the pools say.
//!
//! The widest marks have no tighter side: narrow ones hold up leavers, wide ones let them leave at a poor price.

use crate::{Vault, error::Outcome};
use alloy_primitives::{U16, U32, U256};
use interfaces::{IVault, contract};
use stylus_sdk::prelude::*;

/// Number of parameters.
pub(crate) const COUNT: u8 = 9;

const PERIOD: u8 = 0;
const WAIT_LIMIT: u8 = 1;
const ENTRY_COST: u8 = 2;
const PERFORMANCE_FEE: u8 = 3;
const MANAGEMENT_FEE: u8 = 4;
const MAX_SPREAD: u8 = 5;
const MAX_DISTURBANCE: u8 = 6;
const DEPOSIT_CAP: u8 = 7;
const ACCOUNT_CAP: u8 = 8;

/// Smallest and largest value, and the default.
fn range(id: u8) -> Option<[U256; 3]> {
    let small = |[min, max, default]: [u64; 3]| [min, max, default].map(U256::from);
    Some(match id {
        PERIOD => small([3_600, 604_800, 86_400]),
        WAIT_LIMIT => small([86_400, 604_800, 604_800]),
        ENTRY_COST => small([0, 300, 10]),
        PERFORMANCE_FEE => small([0, 5_000, 0]),
        MANAGEMENT_FEE => small([0, 500, 0]),
        MAX_SPREAD => small([10, 5_000, 500]),
        MAX_DISTURBANCE => small([10, 2_000, 30]),
        DEPOSIT_CAP => [U256::ZERO, U256::MAX, U256::ZERO],
        ACCOUNT_CAP => [U256::ZERO, U256::MAX, U256::MAX],
        _ => return None,
    })
}

/// Whether going from `before` to `after` is a tightening.
fn tightens(id: u8, before: U256, after: U256) -> bool {
    match id {
        MAX_SPREAD => false,
        ENTRY_COST => after >= before,
        _ => after <= before,
    }
}

/// Whether a change of parameter `id` must not reach back.
pub(crate) fn is_fee(id: u8) -> bool {
    matches!(id, PERFORMANCE_FEE | MANAGEMENT_FEE)
}

impl Vault {
    /// The value of parameter `id`. Errors: `UnknownParameter`.
    pub(crate) fn read_parameter(&self, id: u8) -> Outcome<U256> {
        Ok(match id {
            PERIOD => U256::from(self.period_secs.get()),
            WAIT_LIMIT => U256::from(self.wait_limit_secs.get()),
            ENTRY_COST => U256::from(self.entry_cost_bps.get()),
            PERFORMANCE_FEE => U256::from(self.performance_fee_bps.get()),
            MANAGEMENT_FEE => U256::from(self.management_fee_bps.get()),
            MAX_SPREAD => U256::from(self.max_spread_bps.get()),
            MAX_DISTURBANCE => U256::from(self.max_disturbance_bps.get()),
            DEPOSIT_CAP => self.deposit_cap.get(),
            ACCOUNT_CAP => self.account_cap.get(),
            _ => return Err(IVault::UnknownParameter { id }.into()),
        })
    }

    /// Whether setting parameter `id` to `value` is a tightening. Errors: `UnknownParameter`.
    pub(crate) fn tightens(&self, id: u8, value: U256) -> Outcome<bool> {
        Ok(tightens(id, self.read_parameter(id)?, value))
    }

    /// Sets the first parameters; those beyond the end of `values` take their defaults.
    ///
    /// Errors: `UnknownParameter` if there are too many, `ParameterOutOfRange`.
    pub(crate) fn put_parameters(&mut self, values: &[U256]) -> Outcome<()> {
        if values.len() > usize::from(COUNT) {
            return Err(IVault::UnknownParameter { id: COUNT }.into());
        }
        for id in 0..COUNT {
            let [_, _, default] = range(id).unwrap_or_default();
            let value = values.get(usize::from(id)).copied().unwrap_or(default);
            self.put_parameter(id, value)?;
        }
        Ok(())
    }

    /// Errors: `UnknownParameter`, `ParameterOutOfRange`.
    pub(crate) fn put_parameter(&mut self, id: u8, value: U256) -> Outcome<()> {
        let Some([min, max, _]) = range(id) else {
            return Err(IVault::UnknownParameter { id }.into());
        };
        if value < min || max < value {
            return Err(IVault::ParameterOutOfRange { value, min, max }.into());
        }
        let (secs, bps) = (U32::saturating_from(value), U16::saturating_from(value));
        match id {
            PERIOD => self.period_secs.set(secs),
            WAIT_LIMIT => self.wait_limit_secs.set(secs),
            ENTRY_COST => self.entry_cost_bps.set(bps),
            PERFORMANCE_FEE => self.performance_fee_bps.set(bps),
            MANAGEMENT_FEE => self.management_fee_bps.set(bps),
            MAX_SPREAD => self.max_spread_bps.set(bps),
            MAX_DISTURBANCE => self.max_disturbance_bps.set(bps),
            DEPOSIT_CAP => self.deposit_cap.set(value),
            _ => {
                self.account_cap.set(value);
                self.accounts_capped.set(value != U256::MAX);
            }
        }
        contract::emit(self.vm(), &IVault::ParameterSet { id, value });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_every_parameter_contains_its_default() {
        for id in 0..COUNT {
            let [min, max, default] = range(id).unwrap();
            assert!(min <= default && default <= max, "parameter {id}");
        }
        assert_eq!(range(COUNT), None);
    }

    #[test]
    fn tightens_only_in_the_direction_of_the_table() {
        let [less, more] = [1_u64, 2].map(U256::from);
        for id in 0..COUNT {
            let directions = (tightens(id, more, less), tightens(id, less, more));
            let expected = match id {
                ENTRY_COST => (false, true),
                MAX_SPREAD => (false, false),
                _ => (true, false),
            };
            assert_eq!(directions, expected, "parameter {id}");
            assert_eq!(tightens(id, less, less), id != MAX_SPREAD, "parameter {id}");
        }
    }
}
