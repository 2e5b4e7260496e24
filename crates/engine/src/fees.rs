//! Fees as new shares: a yearly part of the shares, and a part of the gain above the high-water mark (design section 5).
//!
//! Both dilute everybody alike. The performance fee is taken per share and only above a price that was never reached
//! before, after earlier fees; it is measured at the lowest mark, so a price that is merely uncertain costs nothing. The
//! management fee is taken with or without gain: it touches principal.
//!
//! Roundings favour the holders: fewer fee shares, a higher high-water mark.

use fixed::{MathError, U256, add, mul, mul_div_down, mul_div_up, sub};

/// The scale of a price per share unit, in asset units: 1e36. Asset units per share unit are about 1e-12 for an asset of
/// 6 decimals.
pub const PRICE_SCALE: U256 = U256::from_limbs([0xb34b_9f10_0000_0000, 0x00c0_97ce_7bc9_0715, 0, 0]);

/// 100 %, in basis points.
const BPS: U256 = U256::from_limbs([10_000, 0, 0, 0]);

/// Basis points times the seconds of a year of 365 days.
const BPS_YEAR: U256 = U256::from_limbs([10_000 * 31_536_000, 0, 0, 0]);

/// What is charged, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Part of the gain above the high-water mark, in basis points.
    pub performance_bps: u64,
    /// Part of all shares per year, in basis points.
    pub management_bps: u64,
    /// Time since fees were last accrued, in seconds.
    pub elapsed_secs: u64,
}

/// Fees that are due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fees {
    /// New shares for time.
    pub management: U256,
    /// New shares for the gain.
    pub performance: U256,
    /// The high-water mark afterwards, at [`PRICE_SCALE`]. Never below the one before.
    pub high_water_mark: U256,
}

impl Fees {
    /// All new shares. [`MathError::Overflow`] above 2²⁵⁶ − 1.
    pub fn shares(&self) -> Result<U256, MathError> {
        add(self.management, self.performance)
    }
}

/// The price per share unit when `supply` and `virtual_shares` are worth `assets` and one virtual unit, at
/// [`PRICE_SCALE`], rounded down.
///
/// [`MathError::Overflow`] above 2²⁵⁶ − 1, [`MathError::DivisionByZero`] without any share, virtual ones included.
pub fn price_down(assets: U256, supply: U256, virtual_shares: U256) -> Result<U256, MathError> {
    mul_div_down(add(assets, U256::ONE)?, PRICE_SCALE, add(supply, virtual_shares)?)
}

/// As [`price_down`], rounded up.
pub fn price_up(assets: U256, supply: U256, virtual_shares: U256) -> Result<U256, MathError> {
    mul_div_up(add(assets, U256::ONE)?, PRICE_SCALE, add(supply, virtual_shares)?)
}

/// The management fee: `⌊supply · rate · time⌋` new shares. [`MathError::Overflow`] above 2²⁵⁶ − 1.
pub fn management_down(supply: U256, terms: &Terms) -> Result<U256, MathError> {
    let rate = mul(U256::from(terms.management_bps), U256::from(terms.elapsed_secs))?;
    mul_div_down(supply, rate, BPS_YEAR)
}

/// The fees on `supply` shares that are worth `assets` (the lowest mark) against the price `high_water_mark`.
///
/// The management fee comes first and lowers the price that is compared with the high-water mark. The mark then becomes
/// the price after both fees, if that is higher; it never falls.
/// [`MathError::Overflow`] above 2²⁵⁶ − 1.
pub fn accrue(
    assets: U256,
    supply: U256,
    virtual_shares: U256,
    high_water_mark: U256,
    terms: &Terms,
) -> Result<Fees, MathError> {
    let management = management_down(supply, terms)?;
    let diluted = add(supply, management)?;
    let price = price_down(assets, diluted, virtual_shares)?;
    let mut fees = Fees {
        management,
        performance: U256::ZERO,
        high_water_mark,
    };
    if price <= high_water_mark {
        return Ok(fees);
    }
    let gain = mul_div_down(sub(price, high_water_mark)?, diluted, PRICE_SCALE)?;
    let fee = mul_div_down(gain, U256::from(terms.performance_bps), BPS)?;
    // Shares that are worth `fee` once they exist. The gain is part of `assets`, so something is left.
    let left = sub(add(assets, U256::ONE)?, fee)?;
    fees.performance = mul_div_down(fee, add(diluted, virtual_shares)?, left)?;
    let after = price_up(assets, add(diluted, fees.performance)?, virtual_shares)?;
    fees.high_water_mark = high_water_mark.max(after);
    Ok(fees)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Virtual shares for an asset of 6 decimals.
    const VIRTUAL: U256 = U256::from_limbs([1_000_000_000_000, 0, 0, 0]);
    const YEAR: u64 = 31_536_000;

    fn terms(performance_bps: u64, management_bps: u64, elapsed_secs: u64) -> Terms {
        Terms {
            performance_bps,
            management_bps,
            elapsed_secs,
        }
    }

    #[test]
    fn accrue_gain_of_half_charges_its_part() {
        // A million dollars at the price 1.0, then 1.5 million; 20 % of half a million is 100,000 dollars of shares.
        let supply = U256::from(10_u64).pow(U256::from(24));
        let mark = price_up(U256::from(1_000_000_000_000_u64), supply, VIRTUAL).unwrap();
        let assets = U256::from(1_500_000_000_000_u64);
        let fees = accrue(assets, supply, VIRTUAL, mark, &terms(2_000, 0, 60)).unwrap();
        assert_eq!(fees.management, U256::ZERO);
        let worth = mul_div_down(fees.performance, assets, supply + fees.performance).unwrap();
        let expected = U256::from(100_000_000_000_u64);
        assert!(worth <= expected && expected - worth <= U256::from(2), "{worth}");
        // 1.4 dollars are left per share, and are the new mark.
        let price = fees.high_water_mark / U256::from(10_u64).pow(U256::from(20));
        assert!(price >= U256::from(13_999) && price <= U256::from(14_001), "{price}");
        // Nothing more is due at the same value.
        let again = accrue(
            assets,
            supply + fees.performance,
            VIRTUAL,
            fees.high_water_mark,
            &terms(2_000, 0, 60),
        );
        assert_eq!(again.unwrap().shares(), Ok(U256::ZERO));
    }

    #[test]
    fn accrue_below_the_mark_charges_time_alone() {
        let supply = U256::from(10_u64).pow(U256::from(24));
        let mark = price_up(U256::from(2_000_000_000_000_u64), supply, VIRTUAL).unwrap();
        let fees = accrue(
            U256::from(1_900_000_000_000_u64),
            supply,
            VIRTUAL,
            mark,
            &terms(5_000, 500, YEAR / 2),
        );
        let expected = Fees {
            management: supply / U256::from(40),
            performance: U256::ZERO,
            high_water_mark: mark,
        };
        assert_eq!(fees, Ok(expected));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// The fee is worth no more than its part of the gain above the mark, the mark never falls, and is not below the
        /// price after fees: the same gain is never charged twice.
        #[test]
        fn accrue_never_charges_more_than_its_part_or_twice(
            assets in 0_u128..1 << 100, supply in 0_u128..1 << 110, mark in 0_u128..1 << 127, performance in 0_u64..=5_000,
            management in 0_u64..=500, elapsed in 0_u64..YEAR,
        ) {
            let (assets, supply, mark) = (U256::from(assets), U256::from(supply), U256::from(mark));
            let terms = terms(performance, management, elapsed);
            let fees = accrue(assets, supply, VIRTUAL, mark, &terms).unwrap();
            prop_assert!(fees.high_water_mark >= mark);
            let diluted = supply + fees.management;
            let before = price_down(assets, diluted, VIRTUAL).unwrap();
            let after = price_down(assets, diluted + fees.performance, VIRTUAL).unwrap();
            prop_assert!(after <= fees.high_water_mark);
            prop_assert!(before > mark || fees.performance.is_zero());
            // What the fee takes from a share is at most its part of the share's gain.
            let taken = before - after;
            let due = mul_div_up(before.saturating_sub(mark), U256::from(performance), BPS).unwrap();
            prop_assert!(taken <= due + U256::ONE, "{taken} of {due}");
            prop_assert!(fees.management <= mul_div_up(supply, U256::from(management), BPS).unwrap());
            let again = accrue(assets, diluted + fees.performance, VIRTUAL, fees.high_water_mark, &Terms {
                elapsed_secs: 0, ..terms
            });
            prop_assert_eq!(again.unwrap().shares(), Ok(U256::ZERO));
        }
    }
}
