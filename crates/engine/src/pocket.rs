//! What leavers keep of a book that could not be measured when they left.
//!
//! A settlement pays leavers out of what can be measured. Of a book that cannot be, they keep their part: a fraction of
//! the book goes into a *pocket* and belongs to the batches that left meanwhile, as units. Whatever comes back from the
//! book is divided by that fraction; once the book can be measured again the pocket can be bought out. Nobody gets a
//! price that was not measured, and nobody waits for one.
//!
//! Constant-time in the number of people and of batches. Roundings favour those who stay, by less than one unit each.

use crate::shares::{ASSETS_PER_SHARE_SCALE, RAY};
use fixed::{MathError, U256, add, mul_div_down, mul_div_up, sub};

/// The scale of [`Pocket::paid_per_unit`]: 1e45.
pub const PAID_SCALE: U256 = ASSETS_PER_SHARE_SCALE;

/// A part of a book that belongs to those who left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pocket {
    /// The part of the book, [`RAY`] = all of it.
    pub fraction_ray: U256,
    /// Units of all batches.
    pub units: U256,
    /// Asset units paid so far per unit, at [`PAID_SCALE`]. Only rises.
    pub paid_per_unit: U256,
}

/// A batch's part of a pocket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stake {
    /// Its units.
    pub units: U256,
    /// What its units had been paid before it held them, in asset units, rounded up.
    pub debt: U256,
}

impl Pocket {
    /// Moves the part of `burned` shares, out of `supply` that own what the pocket does not, into the pocket.
    ///
    /// `supply` includes the virtual shares. Returns the pocket, the stake and its new units; all rounded down.
    /// [`MathError::DivisionByZero`] without shares, [`MathError::Overflow`] if `burned` exceeds `supply`.
    pub fn join(&self, stake: &Stake, burned: U256, supply: U256) -> Result<(Self, Stake, U256), MathError> {
        let added = mul_div_down(sub(RAY, self.fraction_ray)?, burned, supply)?;
        // A unit is the same part of the book for everybody.
        let units = if self.fraction_ray.is_zero() {
            added
        } else {
            mul_div_down(added, self.units, self.fraction_ray)?
        };
        let pocket = Self {
            fraction_ray: add(self.fraction_ray, added)?,
            units: add(self.units, units)?,
            ..*self
        };
        let stake = Stake {
            units: add(stake.units, units)?,
            debt: add(stake.debt, mul_div_up(units, self.paid_per_unit, PAID_SCALE)?)?,
        };
        Ok((pocket, stake, units))
    }

    /// The pocket's part of `assets`, rounded down.
    pub fn part_down(&self, assets: U256) -> Result<U256, MathError> {
        mul_div_down(assets, self.fraction_ray, RAY)
    }

    /// What is left of `assets` for the shares, rounded down: the pocket's part is rounded up.
    pub fn rest_down(&self, assets: U256) -> Result<U256, MathError> {
        mul_div_down(assets, sub(RAY, self.fraction_ray)?, RAY)
    }

    /// As [`Pocket::rest_down`], rounded up.
    pub fn rest_up(&self, assets: U256) -> Result<U256, MathError> {
        mul_div_up(assets, sub(RAY, self.fraction_ray)?, RAY)
    }

    /// The pocket after `assets` came to its units. Unchanged without units.
    pub fn pay(&self, assets: U256) -> Result<Self, MathError> {
        if self.units.is_zero() {
            return Ok(*self);
        }
        let paid = mul_div_down(assets, PAID_SCALE, self.units)?;
        Ok(Self {
            paid_per_unit: add(self.paid_per_unit, paid)?,
            ..*self
        })
    }

    /// The pocket after `paid` of its `value` was paid for: the fraction falls in proportion, rounded up, to 0 if all of
    /// it was. [`MathError::Overflow`] if `paid` exceeds `value`.
    pub fn buy(&self, paid: U256, value: U256) -> Result<Self, MathError> {
        let fraction_ray = if paid == value {
            U256::ZERO
        } else {
            mul_div_up(self.fraction_ray, sub(value, paid)?, value)?
        };
        Ok(Self {
            fraction_ray,
            ..self.pay(paid)?
        })
    }

    /// Asset units that `stake` has earned so far, rounded down.
    pub fn earned(&self, stake: &Stake) -> Result<U256, MathError> {
        Ok(mul_div_down(stake.units, self.paid_per_unit, PAID_SCALE)?.saturating_sub(stake.debt))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn u(x: u128) -> U256 {
        U256::from(x)
    }

    #[test]
    fn join_half_of_the_shares_takes_half_of_the_book() {
        let (pocket, stake, units) = Pocket::default().join(&Stake::default(), u(50), u(100)).unwrap();
        assert_eq!(pocket.fraction_ray, RAY / u(2));
        assert_eq!((stake.units, units), (RAY / u(2), RAY / u(2)));
        // Half of those who stayed leave as well: a quarter of the book, half as many units.
        let (pocket, second, _) = pocket.join(&Stake::default(), u(25), u(50)).unwrap();
        assert_eq!(pocket.fraction_ray, RAY * u(3) / u(4));
        assert_eq!(second.units, RAY / u(4));
        assert_eq!(pocket.part_down(u(1_000)), Ok(u(750)));
        let pocket = pocket.pay(u(750)).unwrap();
        assert_eq!(pocket.earned(&stake), Ok(u(500)));
        assert_eq!(pocket.earned(&second), Ok(u(250)));
    }

    #[test]
    fn join_after_a_payment_earns_none_of_it() {
        let (pocket, first, _) = Pocket::default().join(&Stake::default(), u(50), u(100)).unwrap();
        let pocket = pocket.pay(u(40)).unwrap();
        let (pocket, second, _) = pocket.join(&Stake::default(), u(25), u(50)).unwrap();
        assert_eq!(pocket.earned(&first), Ok(u(40)));
        assert_eq!(pocket.earned(&second), Ok(U256::ZERO));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        /// Over any series of leavers, payments and buy-outs: stakes never earn more than was paid in, at most a unit per
        /// event less, the fraction stays within the book, and the parts of any amount never exceed it.
        #[test]
        fn any_series_pays_out_what_came_in(
            events in prop::collection::vec((0_u8..3, 1_u128..1 << 60, 1_u128..1 << 60), 1..12),
        ) {
            let mut pocket = Pocket::default();
            let mut stakes: Vec<Stake> = Vec::new();
            let mut paid = U256::ZERO;
            for &(kind, a, b) in &events {
                match kind {
                    0 => {
                        let (after, stake, _) = pocket.join(&Stake::default(), u(a.min(b)), u(a.max(b))).unwrap();
                        stakes.push(stake);
                        pocket = after;
                    }
                    1 if !pocket.units.is_zero() => {
                        let part = pocket.part_down(u(a)).unwrap();
                        pocket = pocket.pay(part).unwrap();
                        paid += part;
                    }
                    2 if !pocket.fraction_ray.is_zero() => {
                        let (some, all) = (u(a.min(b)), u(a.max(b)));
                        pocket = pocket.buy(some, all).unwrap();
                        paid += some;
                    }
                    _ => {}
                }
                prop_assert!(pocket.fraction_ray <= RAY);
                let (part, rest) = (pocket.part_down(u(a)).unwrap(), pocket.rest_down(u(a)).unwrap());
                prop_assert!(part + rest <= u(a) && u(a) - part - rest <= U256::ONE);
                if pocket.fraction_ray.is_zero() {
                    break;
                }
            }
            let earned = stakes.iter().fold(U256::ZERO, |sum, stake| sum + pocket.earned(stake).unwrap());
            prop_assert!(earned <= paid);
        }
    }
}
