//! Shares against assets, and batches of redemptions (design section 5). Amounts in smallest units.
//!
//! Every rounding favours the vault, that is the holders who stay.

use fixed::{MathError, U256, add, mul_div_down, mul_div_up, pow10, sub};

/// 1.0 of [`Batch::unfilled_ray`]: 1e27.
pub const RAY: U256 = U256::from_limbs([0x9fd0_803c_e800_0000, 0x033b_2e3c, 0, 0]);

/// The scale of [`Batch::assets_per_share`]: 1e45.
///
/// Asset units per share unit can be tiny (1e-12 for an asset with 6 decimals against shares with 18, less after
/// losses). 1e45 keeps 33 digits there, and a batch of 1e30 share units loses at most 1e-15 units of the asset per
/// settlement. The accumulator stays below 2²⁵⁶ up to 1e32 asset units per share unit.
pub const ASSETS_PER_SHARE_SCALE: U256 =
    U256::from_limbs([0x0b22_a000_0000_0000, 0xe086_b93c_e2f7_68a0, 0x002c_d76f, 0]);

/// Shares for a deposit of `assets`: `⌊assets · (supply + 10^offset) / (total_assets + 1)⌋`, against the depositor.
///
/// The 10^`offset` virtual shares and the virtual asset unit make a first deposit safe: inflating the share price by a
/// donation costs the donor 10^offset times what it takes from others (`OpenZeppelin`, ERC-4626).
/// [`MathError::Overflow`] above 2²⁵⁶ − 1 or for an offset above [`fixed::MAX_DECIMALS`].
pub fn to_shares_down(assets: U256, total_assets: U256, supply: U256, offset: u8) -> Result<U256, MathError> {
    mul_div_down(assets, virtual_supply(supply, offset)?, add(total_assets, U256::ONE)?)
}

/// Shares to burn for a payment of `assets`: as [`to_shares_down`], rounded up, against the leaver.
pub fn to_shares_up(assets: U256, total_assets: U256, supply: U256, offset: u8) -> Result<U256, MathError> {
    mul_div_up(assets, virtual_supply(supply, offset)?, add(total_assets, U256::ONE)?)
}

/// Assets for burning `shares`: `⌊shares · (total_assets + 1) / (supply + 10^offset)⌋`, against the leaver.
///
/// [`MathError::Overflow`] above 2²⁵⁶ − 1 or for an offset above [`fixed::MAX_DECIMALS`], [`MathError::DivisionByZero`] never
/// (10^offset is at least 1).
pub fn to_assets_down(shares: U256, total_assets: U256, supply: U256, offset: u8) -> Result<U256, MathError> {
    mul_div_down(shares, add(total_assets, U256::ONE)?, virtual_supply(supply, offset)?)
}

/// Assets to pay for minting `shares`: as [`to_assets_down`], rounded up, against the depositor.
pub fn to_assets_up(shares: U256, total_assets: U256, supply: U256, offset: u8) -> Result<U256, MathError> {
    mul_div_up(shares, add(total_assets, U256::ONE)?, virtual_supply(supply, offset)?)
}

fn virtual_supply(supply: U256, offset: u8) -> Result<U256, MathError> {
    add(supply, pow10(offset)?)
}

/// The redemption requests that settle together. Settling touches only this, whatever the number of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// All shares requested, including those settled since. Only changes before the first settlement.
    pub shares: U256,
    /// The share of `shares` not yet settled, [`RAY`] = all. Starts at [`RAY`], only falls.
    pub unfilled_ray: U256,
    /// Assets set aside so far per requested share, at [`ASSETS_PER_SHARE_SCALE`]. Only rises.
    pub assets_per_share: U256,
}

/// What a settlement does to the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Shares to burn.
    pub burned: U256,
    /// Asset units to set aside for claims.
    pub assets: U256,
}

impl Batch {
    /// A batch of `shares`, nothing settled.
    pub const fn new(shares: U256) -> Self {
        Self {
            shares,
            unfilled_ray: RAY,
            assets_per_share: U256::ZERO,
        }
    }
}

/// Shares out of `shares` requested in this batch that are not settled yet. Rounded up, so that no more than was paid for
/// is counted as settled.
///
/// The vault's own number for the batch is this with `batch.shares`.
pub fn unfilled(batch: &Batch, shares: U256) -> Result<U256, MathError> {
    mul_div_up(shares, batch.unfilled_ray, RAY)
}

/// Asset units that `shares` requested in this batch have earned so far, including what was claimed already. Rounded
/// down: the claims of all requests never exceed what was set aside.
pub fn claimable(batch: &Batch, shares: U256) -> Result<U256, MathError> {
    mul_div_down(shares, batch.assets_per_share, ASSETS_PER_SHARE_SCALE)
}

/// Settles min(1, `liquid` / `owed`) of what is unfilled, the same share for every request.
///
/// `owed` is the value in asset units of the batch's unfilled shares at the redemption price (see [`unfilled`]),
/// `liquid` what can be paid now. Returns the batch afterwards, the shares to burn and the assets to set aside; roundings
/// leave shares unfilled (a later settlement pays them) and assets with the vault, and `assets ≤ min(owed, liquid)`.
/// Nothing happens if the assets would be 0: shares without a measured value wait, and a dust settlement cannot burn
/// them for nothing.
/// [`MathError::Overflow`] if an intermediate result exceeds 2²⁵⁶ − 1.
pub fn settle_fraction(batch: &Batch, owed: U256, liquid: U256) -> Result<(Batch, Settlement), MathError> {
    let unchanged = (
        *batch,
        Settlement {
            burned: U256::ZERO,
            assets: U256::ZERO,
        },
    );
    let paid = owed.min(liquid);
    if paid.is_zero() || batch.unfilled_ray.is_zero() {
        return Ok(unchanged);
    }
    let unfilled_ray = mul_div_up(batch.unfilled_ray, sub(owed, paid)?, owed)?;
    let mut after = Batch { unfilled_ray, ..*batch };
    let unfilled_before = unfilled(batch, batch.shares)?;
    let burned = sub(unfilled_before, unfilled(&after, batch.shares)?)?;
    // Only what the burned shares are worth: the fraction was rounded to whole share units, by less than one.
    let assets = mul_div_down(owed, burned, unfilled_before)?.min(paid);
    if assets.is_zero() {
        return Ok(unchanged);
    }
    let per_share = mul_div_down(assets, ASSETS_PER_SHARE_SCALE, batch.shares)?;
    after.assets_per_share = add(batch.assets_per_share, per_share)?;
    Ok((after, Settlement { burned, assets }))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn u(x: u128) -> U256 {
        U256::from(x)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Depositing and redeeming at unchanged values never pays out more than was paid in, in either variant.
        #[test]
        fn share_round_trip_is_never_profitable(
            amount in 0_u128..1 << 110, total in 0_u128..1 << 110, supply in 0_u128..1 << 110, offset in 0_u8..=18,
        ) {
            let (amount, total, supply) = (u(amount), u(total), u(supply));
            let shares = to_shares_down(amount, total, supply, offset).unwrap();
            prop_assert!(to_assets_down(shares, total, supply, offset).unwrap() <= amount);
            let cost = to_assets_up(amount, total, supply, offset).unwrap();
            prop_assert!(to_assets_down(amount, total, supply, offset).unwrap() <= cost);
            prop_assert!(to_shares_down(cost, total, supply, offset).unwrap() >= amount);
            // Also with the deposit booked in between.
            let (total, supply) = (total + amount, supply + shares);
            prop_assert!(to_assets_down(shares, total, supply, offset).unwrap() <= amount);
            prop_assert!(to_shares_up(amount, total, supply, offset).unwrap() >= shares);
        }

        /// Over any series of settlements: no more is set aside than was liquid or owed, the claims of all requests never
        /// exceed what was set aside and miss it by at most a unit per request and settlement, the burned shares are
        /// exactly those that are no longer unfilled, and every request is filled by the same share.
        #[test]
        fn settle_any_series_conserves_assets_and_shares(
            requests in prop::collection::vec(1_u128..1 << 90, 1..6),
            rounds in prop::collection::vec((1_u128..1 << 20, 0_u128..1 << 70), 1..6),
        ) {
            let all: U256 = requests.iter().fold(U256::ZERO, |sum, &x| sum + u(x));
            let mut batch = Batch::new(all);
            let (mut burned, mut aside) = (U256::ZERO, U256::ZERO);
            for &(price, liquid) in &rounds {
                let open = unfilled(&batch, all).unwrap();
                let owed = to_assets_down(open, u(price) << 70, U256::ONE << 84, 0).unwrap();
                let (after, settled) = settle_fraction(&batch, owed, u(liquid)).unwrap();
                prop_assert!(settled.assets <= owed.min(u(liquid)));
                prop_assert!(after.unfilled_ray <= batch.unfilled_ray);
                prop_assert!(after.assets_per_share >= batch.assets_per_share);
                prop_assert_eq!(settled.burned, open - unfilled(&after, all).unwrap());
                prop_assert_eq!(settled.burned.is_zero(), settled.assets.is_zero());
                (batch, burned, aside) = (after, burned + settled.burned, aside + settled.assets);
            }
            prop_assert_eq!(burned + unfilled(&batch, all).unwrap(), all);
            let claims: Vec<U256> = requests.iter().map(|&shares| claimable(&batch, u(shares)).unwrap()).collect();
            let sum = claims.iter().fold(U256::ZERO, |sum, &x| sum + x);
            prop_assert!(sum <= aside);
            prop_assert!(aside - sum <= u(requests.len() as u128 + rounds.len() as u128));
            for (&shares, &claim) in requests.iter().zip(&claims) {
                let fair = mul_div_down(aside, u(shares), all).unwrap();
                prop_assert!(claim <= fair && fair - claim <= u(1 + rounds.len() as u128));
            }
        }

        /// What a dust settlement burns is paid for: at most one unit of the asset is lost per settlement.
        #[test]
        fn settle_dust_burns_no_more_than_it_pays(shares in 1_u128..1 << 90, owed in 1_u128..1 << 60, liquid in 0_u128..9) {
            let batch = Batch::new(u(shares));
            let (_, settled) = settle_fraction(&batch, u(owed), u(liquid)).unwrap();
            let worth = mul_div_down(settled.burned, u(owed), u(shares)).unwrap();
            prop_assert!(worth <= settled.assets || worth - settled.assets <= u(owed / shares + 1));
        }
    }

    #[test]
    fn constants_are_powers_of_ten() {
        assert_eq!(RAY, U256::from(10).pow(U256::from(27)));
        assert_eq!(ASSETS_PER_SHARE_SCALE, U256::from(10).pow(U256::from(45)));
    }

    #[test]
    fn to_shares_first_deposit_uses_the_virtual_shares() {
        assert_eq!(
            to_shares_down(u(1_000_000), U256::ZERO, U256::ZERO, 12),
            Ok(u(1_000_000_000_000_000_000))
        );
        assert_eq!(
            to_shares_down(U256::ONE, U256::ZERO, U256::ZERO, 37),
            Err(MathError::Overflow)
        );
    }

    #[test]
    fn to_shares_inexact_rounds_for_the_vault() {
        // 2 assets, 2 shares, offset 0: 3 virtual shares over 3 virtual assets; 3 assets, 2 shares: 3 over 4.
        assert_eq!(to_shares_down(u(1), u(3), u(2), 0), Ok(u(0)));
        assert_eq!(to_shares_up(u(1), u(3), u(2), 0), Ok(u(1)));
        assert_eq!(to_assets_down(u(1), u(3), u(2), 0), Ok(u(1)));
        assert_eq!(to_assets_up(u(1), u(3), u(2), 0), Ok(u(2)));
    }

    #[test]
    fn settle_enough_liquidity_fills_the_batch() {
        let batch = Batch::new(u(900));
        let (after, settled) = settle_fraction(&batch, u(300), u(1_000)).unwrap();
        assert_eq!(
            settled,
            Settlement {
                burned: u(900),
                assets: u(300)
            }
        );
        assert_eq!(after.unfilled_ray, U256::ZERO);
        assert_eq!(claimable(&after, u(300)), Ok(u(99))); // 1/3 is not exact: rounded down
        assert_eq!(
            settle_fraction(&after, u(300), u(1_000)),
            Ok((
                after,
                Settlement {
                    burned: u(0),
                    assets: u(0)
                }
            ))
        );
    }

    #[test]
    fn settle_in_two_steps_pays_each_at_its_price() {
        let batch = Batch::new(u(1_000));
        let (half, first) = settle_fraction(&batch, u(2_000), u(1_000)).unwrap();
        assert_eq!(
            first,
            Settlement {
                burned: u(500),
                assets: u(1_000)
            }
        );
        assert_eq!(unfilled(&half, u(100)), Ok(u(50)));
        // The rest is worth 3 each by now.
        let (full, second) = settle_fraction(&half, u(1_500), u(9_999)).unwrap();
        assert_eq!(
            second,
            Settlement {
                burned: u(500),
                assets: u(1_500)
            }
        );
        assert_eq!(claimable(&full, u(100)), Ok(u(250)));
    }

    #[test]
    fn settle_worthless_or_illiquid_changes_nothing() {
        let batch = Batch::new(u(1_000));
        let nothing = Settlement {
            burned: u(0),
            assets: u(0),
        };
        assert_eq!(settle_fraction(&batch, u(0), u(5)), Ok((batch, nothing)));
        assert_eq!(settle_fraction(&batch, u(5), u(0)), Ok((batch, nothing)));
        assert_eq!(
            settle_fraction(&Batch::new(u(0)), u(0), u(5)),
            Ok((Batch::new(u(0)), nothing))
        );
    }
}
