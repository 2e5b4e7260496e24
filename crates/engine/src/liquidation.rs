//! How far the price may move before a venue liquidates a leg (design section 3).
//!
//! For every leg that can be liquidated, what is left above the venue's requirement is linear in the price S of one
//! underlying, the other prices standing still:
//!
//! ```text
//! perp:  headroom(S) = collateral + q·S − cost basis − accrued − (maintenance + closing cost)·|q|·S
//! loan:  headroom(S) = threshold · (cash + spot·S + other spot) − (debt + borrowed·S + other borrowed)
//! ```
//!
//! It is liquidated where that is negative: with slope k and constant −h, below S* = h/k if k > 0 and above it if k < 0.
//! For a perp this is design section 3's S_liq = (q·S_e − C′)/(q·(1 − m)) for a long, (C′ + |q|·S_e)/(|q|·(1 + m)) for a
//! short, and the collateral's own term where it is held in the underlying. For a loan with HF = threshold · collateral /
//! debt it is 1 − 1/HF with the underlying as the only collateral and HF − 1 with it as the only debt.
//!
//! All loans of a book count as one lending account that holds the book's cash and spot: what the book has outside, it
//! can pay in at once.

use fixed::{Bps, MathError, Wad, sqrt_up};

use crate::mark::Linear;
use crate::{Leg, Params};

/// Seconds of a year, as everywhere in this crate.
pub const YEAR_SECS: u32 = 31_536_000;

/// Distances to a leg's liquidation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distance {
    /// How far the price may fall, as a share of it; [`Wad::MAX`] if a fall does not liquidate. Rounded down.
    pub down: Wad,
    /// How far the price may rise, as a share of it; [`Wad::MAX`] if a rise does not liquidate. Rounded down.
    pub up: Wad,
    /// The nearer of both in units of σ·√(reaction time). Rounded down.
    pub sigmas: Wad,
    /// What must be added to the leg's margin, in asset units, so that it keeps the book's minimum distance both ways;
    /// 0 if it does. Rounded up.
    pub shortfall: Wad,
}

/// The price moves that distances are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moves {
    /// σ·√(reaction time). Rounded up, positive.
    pub sigma: Wad,
    /// The smallest allowed distance, as a share of the price. Rounded up.
    pub minimum: Wad,
}

impl Moves {
    /// The moves of a book with these parameters. [`MathError`] for parameters outside their ranges only.
    pub fn new(params: &Params) -> Result<Self, MathError> {
        let sigma = sigma_root_time_up(params.volatility, params.reaction_secs)?;
        Ok(Self {
            sigma,
            minimum: sigma.mul_up(params.min_liquidation_distance)?,
        })
    }
}

/// σ·√(time / year). Rounded up.
pub fn sigma_root_time_up(volatility: Bps, secs: u32) -> Result<Wad, MathError> {
    let whole = |secs: u32| {
        i128::from(secs)
            .checked_mul(fixed::WAD)
            .map(Wad)
            .ok_or(MathError::Overflow)
    };
    let years = whole(secs)?.div_up(whole(YEAR_SECS)?)?;
    sqrt_up(years)?.mul_bps_up(volatility)
}

/// What a perp has above its venue's requirement, as a function of the price; `None` for other legs. Exact but for the
/// slope, which is rounded down.
///
/// `closing_cost` is the fee and impact of closing, as a share of the notional.
pub fn perp_headroom(leg: &Leg, closing_cost: Bps) -> Result<Option<Linear>, MathError> {
    let Leg::Perp {
        size,
        cost_basis,
        collateral,
        collateral_in_underlying,
        accrued,
        maintenance,
        ..
    } = *leg
    else {
        return Ok(None);
    };
    let required = Bps(maintenance.0.checked_add(closing_cost.0).ok_or(MathError::Overflow)?);
    let slope = size.sub(size.abs()?.mul_bps_up(required)?)?;
    let owed = cost_basis.add(accrued)?;
    Ok(Some(if collateral_in_underlying {
        Linear {
            fixed: owed.neg()?,
            delta: slope.add(collateral)?,
        }
    } else {
        Linear {
            fixed: collateral.sub(owed)?,
            delta: slope,
        }
    }))
}

/// Whether a perp is past its liquidation at `price`; `false` for other legs.
pub fn is_liquidated(leg: &Leg, price: Wad, closing_cost: Bps) -> Result<bool, MathError> {
    match perp_headroom(leg, closing_cost)? {
        Some(headroom) => Ok(headroom.value_down(price)? < Wad::ZERO),
        None => Ok(false),
    }
}

/// The headroom of the book's loans as a function of the price of one underlying. Rounded down.
///
/// `own` are the tokens held and owed of that underlying, `assets` and `debts` the values of everything else.
pub fn loan_headroom(threshold: Bps, own: (Wad, Wad), assets: Wad, debts: Wad) -> Result<Linear, MathError> {
    let (held, owed) = own;
    Ok(Linear {
        fixed: assets.mul_bps_down(threshold)?.sub(debts)?,
        delta: held.mul_bps_down(threshold)?.sub(owed)?,
    })
}

impl Distance {
    /// The distances from `price` (> 0) at which `headroom` is used up.
    ///
    /// [`MathError::Overflow`] outside the range of [`Wad`].
    pub fn new(headroom: &Linear, price: Wad, moves: &Moves) -> Result<Self, MathError> {
        let (mut down, mut up) = (Wad::MAX, Wad::MAX);
        if headroom.value_down(price)? < Wad::ZERO {
            (down, up) = (Wad::ZERO, Wad::ZERO);
        } else if headroom.delta > Wad::ZERO {
            // 1 − S*/S. A negative S* is never reached, however small the slope.
            if headroom.fixed < Wad::ZERO {
                let limit = headroom.fixed.neg()?.div_up(headroom.delta)?;
                down = Wad::ONE.sub(limit.div_up(price)?)?.max(Wad::ZERO);
            }
        } else if headroom.delta < Wad::ZERO {
            // S*/S − 1. A quotient beyond the range is as good as never.
            let limit = headroom.fixed.div_down(headroom.delta.neg()?);
            up = match limit.and_then(|limit| limit.div_down(price)) {
                Ok(ratio) => ratio.sub(Wad::ONE)?.max(Wad::ZERO),
                Err(_) => Wad::MAX,
            };
        }
        let nearest = down.min(up);
        let low = price.sub(price.mul_up(moves.minimum.min(Wad::ONE))?)?;
        let high = price.add(price.mul_up(moves.minimum)?)?;
        let missing = |at: Wad| headroom.value_down(at)?.neg();
        Ok(Self {
            down,
            up,
            sigmas: nearest.div_down(moves.sigma).unwrap_or(Wad::MAX),
            shortfall: missing(low)?.max(missing(high)?).max(Wad::ZERO),
        })
    }

    /// The nearer of both distances.
    pub fn nearest(&self) -> Wad {
        self.down.min(self.up)
    }

    /// The smaller distances and the larger shortfall of two ways to be liquidated.
    #[must_use]
    pub fn worse(&self, other: &Self) -> Self {
        Self {
            down: self.down.min(other.down),
            up: self.up.min(other.up),
            sigmas: self.sigmas.min(other.sigmas),
            shortfall: self.shortfall.max(other.shortfall),
        }
    }
}

#[cfg(test)]
mod tests {
    use fixed::WAD;
    use proptest::prelude::*;

    use super::*;
    use crate::leg::Rate;

    fn wad(x: i128) -> Wad {
        Wad(x * WAD)
    }

    /// A move of 1 % and a minimum distance of 10 %.
    const MOVES: Moves = Moves {
        sigma: Wad(WAD / 100),
        minimum: Wad(WAD / 10),
    };

    fn perp(size: Wad, entry: Wad, collateral: Wad, collateral_in_underlying: bool) -> Leg {
        Leg::Perp {
            underlying: 1,
            size,
            cost_basis: size.mul_down(entry).unwrap(),
            collateral,
            collateral_in_underlying,
            accrued: wad(10),
            maintenance: Bps(100),
            rate: Rate(0),
        }
    }

    fn distance(leg: &Leg, price: i128, closing: u32) -> Distance {
        let headroom = perp_headroom(leg, Bps(closing)).unwrap().unwrap();
        Distance::new(&headroom, wad(price), &MOVES).unwrap()
    }

    #[test]
    fn perp_long_and_short_equal_the_formulas() {
        // (q·S_e − C′)/(q·(1 − m)) = (2·2000 − 790)/(2·0.99), C′ = 800 − 10
        let long = distance(&perp(wad(2), wad(2_000), wad(800), false), 2_000, 0);
        let liquidation = Wad(3_210 * WAD).div_up(Wad(198 * WAD / 100)).unwrap();
        assert_eq!(
            long.down,
            Wad::ONE.sub(liquidation.div_up(wad(2_000)).unwrap()).unwrap()
        );
        assert_eq!(long.up, Wad::MAX);
        assert_eq!(long.sigmas, long.down.div_down(MOVES.sigma).unwrap());
        // (C′ + |q|·S_e)/(|q|·(1 + m)), with half a percent to close
        let short = distance(&perp(wad(-2), wad(2_000), wad(800), false), 2_000, 50);
        let liquidation = Wad(4_790 * WAD).div_down(Wad(203 * WAD / 100)).unwrap();
        assert_eq!(
            short.up,
            liquidation.div_down(wad(2_000)).unwrap().sub(Wad::ONE).unwrap()
        );
        assert_eq!(short.down, Wad::MAX);
    }

    #[test]
    fn perp_short_covered_by_its_collateral_is_not_liquidated_by_a_rise() {
        // 3 tokens against a short of 2: equity grows with the price.
        let covered = distance(&perp(wad(-2), wad(2_000), wad(3), true), 2_000, 0);
        assert_eq!(covered.up, Wad::MAX);
        // h/k with h = −4000 + 10 < 0: not by a fall either.
        assert_eq!(
            (covered.down, covered.sigmas, covered.shortfall),
            (Wad::MAX, Wad::MAX, Wad::ZERO)
        );
    }

    #[test]
    fn perp_past_its_liquidation_has_no_distance() {
        let leg = perp(wad(2), wad(2_000), wad(50), false);
        let gone = distance(&leg, 1_900, 0);
        assert_eq!((gone.down, gone.up, gone.sigmas), (Wad::ZERO, Wad::ZERO, Wad::ZERO));
        assert!(is_liquidated(&leg, wad(1_900), Bps(0)).unwrap());
        assert!(!is_liquidated(&leg, wad(2_100), Bps(0)).unwrap());
        assert_eq!(is_liquidated(&Leg::Cash { amount: wad(1) }, wad(1), Bps(0)), Ok(false));
    }

    #[test]
    fn shortfall_added_to_the_collateral_gives_the_minimum_distance() {
        let leg = |collateral| perp(wad(2), wad(2_000), collateral, false);
        let near = distance(&leg(wad(100)), 2_000, 0);
        // At 1800: 100 − 10 − 400 − 0.01·3600
        assert_eq!(near.shortfall, wad(346));
        let after = distance(&leg(wad(446)), 2_000, 0);
        assert_eq!(after.shortfall, Wad::ZERO);
        assert_eq!(after.down, Wad(WAD / 10));
        // A short, at 2200: 100 − 10 − 400 − 0.01·4400
        let short = distance(&perp(wad(-2), wad(2_000), wad(100), false), 2_000, 0);
        assert_eq!(short.shortfall, wad(354));
    }

    #[test]
    fn loan_distance_is_one_minus_the_inverse_of_the_health_factor() {
        // 10 tokens at 2000 against 10,000 owed, threshold 80 %: HF = 1.6.
        let long = loan_headroom(Bps(8_000), (wad(10), wad(0)), wad(0), wad(10_000)).unwrap();
        let long = Distance::new(&long, wad(2_000), &MOVES).unwrap();
        assert_eq!((long.down, long.up), (Wad(375 * WAD / 1_000), Wad::MAX));
        // 10,000 of cash against 2 tokens owed: HF = 2.
        let short = loan_headroom(Bps(8_000), (wad(0), wad(2)), wad(10_000), wad(0)).unwrap();
        let short = Distance::new(&short, wad(2_000), &MOVES).unwrap();
        assert_eq!((short.down, short.up), (Wad::MAX, Wad::ONE));
        assert_eq!(short.worse(&long).nearest(), Wad(375 * WAD / 1_000));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        /// At the distance found, equity equals the requirement, up to the rounding of the price; a little further on the
        /// position is liquidated, and at the distance it is not.
        #[test]
        fn perp_at_its_distance_equity_equals_maintenance(
            size in -1_000 * WAD..1_000 * WAD, entry in WAD..10_000 * WAD, share in 100_i128..20_000,
            in_underlying in any::<bool>(), price in WAD..10_000 * WAD, closing in 0_u32..100,
        ) {
            prop_assume!(size.abs() > WAD / 1_000);
            let (size, price) = (Wad(size), Wad(price));
            let worth = Wad(size.abs().unwrap().mul_down(price).unwrap().0 / 10_000 * share);
            let collateral = if in_underlying { worth.div_down(price).unwrap() } else { worth };
            let leg = perp(size, Wad(entry), collateral, in_underlying);
            let headroom = perp_headroom(&leg, Bps(closing)).unwrap().unwrap();
            let found = Distance::new(&headroom, price, &MOVES).unwrap();
            // A slope next to nothing makes the price of liquidation meaningless.
            prop_assume!(headroom.delta.0.abs() > size.0.abs() / 1_000);
            let step = price.mul_up(Wad(2)).unwrap().add(Wad(4)).unwrap();
            for (away, sign) in [(found.down, -1), (found.up, 1)] {
                if away == Wad::MAX || away == Wad::ZERO || away > wad(100) {
                    continue;
                }
                let at = Wad(price.0 + sign * price.mul_down(away).unwrap().0);
                prop_assert!(headroom.value_up(Wad((at.0 - sign * step.0).max(0))).unwrap() >= Wad::ZERO);
                prop_assert!(is_liquidated(&leg, Wad((at.0 + sign * step.0).max(0)), Bps(closing)).unwrap()
                    || at.0 + sign * step.0 <= 0);
            }
            prop_assert_eq!(found.nearest() == Wad::ZERO, headroom.value_down(price).unwrap() <= Wad(step.0 * 1_000));
        }
    }
}
