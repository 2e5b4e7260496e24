//! Concentrated liquidity between two prices (Uniswap v3 whitepaper, section 6; design section 3).
//!
//! With P the oracle's price, x = √P clamped to [a, b] = [√Pa, √Pb], the position holds L·(x − a) of the asset and
//! L·(1/x − 1/b) tokens. Its value V(P) is concave on all of P > 0: linear below the range, constant above, strictly
//! concave inside, with a continuous first derivative. So for **every** x in [a, b] and **every** price s
//!
//! ```text
//! V(s) ≤ t(x, s) = L·(x − a) + L·s·(1/x − 1/b),      with equality for x = √s clamped
//! ```
//!
//! because t(x, ·) is the tangent at x². Both roundings of the value follow from it without an error term: the upper one
//! is t at √s rounded down (any x is good enough), the lower one is V at the price x² ≤ s (V does not fall).
//!
//! Formulas are for the underlying as the pool's token0 and the asset as token1. Where the underlying is token1, the
//! adapter inverts before it packs the leg: √Pa = 1/√(upper bound of the pool), √Pb = 1/√(lower bound), fees swapped,
//! L unchanged, decimals scaled. The bounds are fields of 18 decimals, so the inversion rounds them by up to 1e-18, which
//! the adapter does inwards.

use fixed::{MathError, U256, Wad, add, mul, mul_div_down, mul_div_up, sqrt_down, sub};

use crate::wide::{ONE, raw, wad};

/// A position of liquidity between two prices, without its fees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// L ≥ 0 for whole units, √(asset units · tokens).
    pub liquidity: Wad,
    /// Square root of the lower price bound, > 0.
    pub sqrt_lower: Wad,
    /// Square root of the upper price bound, above the lower; below 2⁸⁰ raw, as in a packed leg.
    pub sqrt_upper: Wad,
}

/// What a position holds at one price. Rounded down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Asset units.
    pub asset: Wad,
    /// Whole tokens of the underlying.
    pub underlying: Wad,
}

/// Where a price is.
enum Place {
    Below,
    /// With the price's square root, rounded down.
    Inside(Wad),
    Above,
}

impl Range {
    /// The value at `price` in asset units, rounded down: at most 2·L·(1 − x/b)·1e-18 + 2e-18 below the exact value.
    ///
    /// Inside, x is √`price` rounded down by less than 1e-18, and ∂V/∂x = 2·L·(1 − x/b); each of the two products
    /// rounds once. [`MathError::Overflow`] for a negative `price` or outside the range of [`Wad`].
    pub fn value_down(&self, price: Wad) -> Result<Wad, MathError> {
        let x = match self.place(price)? {
            // t(a, price), which is V below the range.
            Place::Below => return wad(self.rising(self.sqrt_lower, price, mul_div_down)?),
            Place::Inside(root) => root,
            Place::Above => self.sqrt_upper,
        };
        // L·(x − a) + L·x·(b − x)/b
        let held = self.liquidity.mul_down(x.sub(self.sqrt_lower)?)?;
        let (l, b) = (raw(self.liquidity)?, raw(self.sqrt_upper)?);
        let x = raw(x)?;
        let rest = mul_div_down(mul(l, x)?, sub(b, x)?, mul(b, ONE)?)?;
        held.add(wad(rest)?)
    }

    /// The value at `price` in asset units, rounded up: at most L·1e-36/x + 2e-18 above the exact value.
    ///
    /// With r = √`price` = x + δ inside, t(x, r²) − V(r²) = L·(x + r²/x − 2·r) = L·δ²/x.
    ///
    /// [`MathError::Overflow`] as for [`Self::value_down`].
    pub fn value_up(&self, price: Wad) -> Result<Wad, MathError> {
        self.tangent_up(price, price)
    }

    /// The tangent of the value at (about) the price `at`, evaluated at `price`, rounded up: never below the value at
    /// `price`, and linear in it.
    ///
    /// [`MathError::Overflow`] as for [`Self::value_down`].
    pub fn tangent_up(&self, at: Wad, price: Wad) -> Result<Wad, MathError> {
        let x = self.root(at)?;
        let held = self.liquidity.mul_up(x.sub(self.sqrt_lower)?)?;
        held.add(wad(self.rising(x, price, mul_div_up)?)?)
    }

    /// ∂V/∂P at `price` in tokens, ≥ 0; this is what the position holds of the underlying. Rounded down, from a root
    /// rounded down: within L·1e-18/x² + 1e-18 of the exact value.
    ///
    /// [`MathError::Overflow`] as for [`Self::value_down`].
    pub fn delta(&self, price: Wad) -> Result<Wad, MathError> {
        // L·(b − x)/(x·b) = t(x, 1) − t(x, 0)
        wad(self.rising(self.root(price)?, Wad::ONE, mul_div_down)?)
    }

    /// ∂²V/∂P² at `price`, ≤ 0, in tokens per asset unit of price: −L/(2·P·x) inside, 0 outside. Rounded down, from a
    /// root rounded down: within |Γ|·(1e-18/x) + 1e-18 of the exact value.
    ///
    /// The lower end counts as inside and the upper as outside, as in the pool. [`MathError::Overflow`] as for
    /// [`Self::value_down`].
    pub fn gamma(&self, price: Wad) -> Result<Wad, MathError> {
        let Place::Inside(root) = self.place(price)? else {
            return Ok(Wad::ZERO);
        };
        self.gamma_inside(raw(price)?, raw(root)?)
    }

    /// The most negative gamma over the prices from `low` to `high`: at the lowest price inside the range. Rounded down.
    ///
    /// [`MathError::Overflow`] as for [`Self::value_down`].
    pub fn gamma_lowest(&self, low: Wad, high: Wad) -> Result<Wad, MathError> {
        match self.place(low)? {
            Place::Inside(root) => self.gamma_inside(raw(low)?, raw(root)?),
            Place::Below if !matches!(self.place(high)?, Place::Below) => {
                // P = a², x = a. The square rounds down, which makes |Γ| larger.
                let a = raw(self.sqrt_lower)?;
                self.gamma_inside(mul_div_down(a, a, ONE)?, a)
            }
            _ => Ok(Wad::ZERO),
        }
    }

    /// What the position holds at `price`. [`MathError::Overflow`] as for [`Self::value_down`].
    pub fn amounts_down(&self, price: Wad) -> Result<Amounts, MathError> {
        let x = self.root(price)?;
        // Tokens from the root rounded up, so that neither amount is overstated.
        let up = match self.place(price)? {
            Place::Inside(root) => root.add(Wad(1))?.min(self.sqrt_upper),
            Place::Below | Place::Above => x,
        };
        Ok(Amounts {
            asset: self.liquidity.mul_down(x.sub(self.sqrt_lower)?)?,
            underlying: wad(self.rising(up, Wad::ONE, mul_div_down)?)?,
        })
    }

    /// √`price` rounded down, clamped to the range.
    pub fn root(&self, price: Wad) -> Result<Wad, MathError> {
        Ok(match self.place(price)? {
            Place::Below => self.sqrt_lower,
            Place::Inside(root) => root,
            Place::Above => self.sqrt_upper,
        })
    }

    /// L·s·(b − x)/(x·b) as a raw number. L·s is below 2²⁵⁴, x·b below 2¹⁶⁰.
    fn rising(
        &self,
        x: Wad,
        s: Wad,
        mul_div: impl Fn(U256, U256, U256) -> Result<U256, MathError>,
    ) -> Result<U256, MathError> {
        let (l, x, b) = (raw(self.liquidity)?, raw(x)?, raw(self.sqrt_upper)?);
        mul_div(mul(l, raw(s)?)?, sub(b, x)?, mul(x, b)?)
    }

    /// −L/(2·P·x), rounded down, on raw numbers: L·1e36/(2·P·x).
    fn gamma_inside(&self, price: U256, root: U256) -> Result<Wad, MathError> {
        let product = mul(price, root)?;
        let magnitude = mul_div_up(raw(self.liquidity)?, mul(ONE, ONE)?, add(product, product)?)?;
        wad(magnitude)?.neg()
    }

    fn place(&self, price: Wad) -> Result<Place, MathError> {
        let square = mul(raw(price)?, ONE)?;
        let (a, b) = (raw(self.sqrt_lower)?, raw(self.sqrt_upper)?);
        if square < mul(a, a)? {
            Ok(Place::Below)
        } else if square < mul(b, b)? {
            // At least a, since a is on the grid of the rounding; below b.
            Ok(Place::Inside(sqrt_down(price)?))
        } else {
            Ok(Place::Above)
        }
    }
}

#[cfg(test)]
mod tests {
    use fixed::WAD;
    use proptest::prelude::*;

    use super::*;

    /// L up to 1e9 between roots of 0.01 and 1e4, from one basis point to a factor of 9 wide.
    fn any_range() -> impl Strategy<Value = Range> {
        (0..WAD * 1_000_000_000, WAD / 100..WAD * 10_000, 1_i128..80_000).prop_map(|(liquidity, lower, width)| Range {
            liquidity: Wad(liquidity),
            sqrt_lower: Wad(lower),
            sqrt_upper: Wad(lower + lower / 10_000 * width),
        })
    }

    /// A price whose root is `ppm` of the way from half the lower bound to twice the upper.
    fn price(range: &Range, ppm: i128) -> Wad {
        let (low, high) = (range.sqrt_lower.0 / 2, range.sqrt_upper.0 * 2);
        let root = Wad(low + (high - low) / 1_000_000 * ppm);
        root.mul_down(root).unwrap()
    }

    fn part() -> std::ops::RangeInclusive<i128> {
        0..=1_000_000
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        /// The value lies between its two roundings, which are as close as documented.
        #[test]
        fn value_down_is_below_value_up(range in any_range(), at in part()) {
            let at = price(&range, at);
            let (down, up) = (range.value_down(at).unwrap(), range.value_up(at).unwrap());
            prop_assert!(down <= up);
            prop_assert!(up.0 - down.0 <= 3 * (range.liquidity.0 / WAD) + 5);
        }

        /// The value is continuous at the ends of the range: one step of the price moves it by no more than the delta
        /// times the step, and roundings.
        #[test]
        fn value_is_continuous_at_the_edges(range in any_range()) {
            for root in [range.sqrt_lower, range.sqrt_upper] {
                let edge = root.mul_down(root).unwrap();
                let (before, after) = (range.value_down(Wad(edge.0 - 1)).unwrap(), range.value_up(Wad(edge.0 + 1)).unwrap());
                let slope = range.delta(Wad(edge.0 - 1)).unwrap().0 / WAD + 1;
                let rounding = 3 * (range.liquidity.0 / WAD) + 5;
                prop_assert!((0..=2 * slope + rounding).contains(&(after.0 - before.0)));
            }
        }

        /// Concave: the value at any price between two others is not below their chord, and not above the tangent at any
        /// price.
        #[test]
        fn value_is_concave(range in any_range(), from in part(), to in part(), between in part(), touch in part()) {
            let (low, high) = (price(&range, from.min(to)), price(&range, from.max(to)));
            let at = Wad(low.0 + (high.0 - low.0) / 1_000_000 * between);
            prop_assert!(range.value_down(at).unwrap() <= range.tangent_up(price(&range, touch), at).unwrap());
            // value · width ≥ left · (high − at) + right · (at − low), with a unit of rounding each
            if high > low {
                let share = Wad(at.0 - low.0).div_down(Wad(high.0 - low.0)).unwrap();
                let (left, right) = (range.value_down(low).unwrap(), range.value_down(high).unwrap());
                let chord = left.add(Wad(right.0 - left.0).mul_down(share).unwrap()).unwrap();
                prop_assert!(range.value_up(at).unwrap().add(Wad(2)).unwrap() >= chord);
            }
        }

        /// The delta is the slope of the value: what the value gains between two prices lies between the deltas at both
        /// times their distance.
        #[test]
        fn delta_is_the_slope_of_the_value(range in any_range(), from in part(), step in 1..=WAD) {
            let low = price(&range, from);
            let high = low.add(Wad(step).mul_down(low).unwrap()).unwrap();
            let width = high.sub(low).unwrap();
            let rounding = Wad(3 * (range.liquidity.0 / WAD) + 5);
            let gained = range.value_down(high).unwrap().sub(range.value_down(low).unwrap()).unwrap();
            let error = |at: Wad| {
                // L·1e-18/x², times the distance.
                let x = range.root(at).unwrap();
                let delta = range.liquidity.div_up(x).unwrap().div_up(x).unwrap().0 / WAD + 2;
                Wad(delta).mul_up(width).unwrap().add(rounding).unwrap()
            };
            let most = range.delta(low).unwrap().mul_up(width).unwrap().add(error(low)).unwrap();
            let least = range.delta(high).unwrap().mul_down(width).unwrap().sub(error(high)).unwrap();
            prop_assert!(least <= gained && gained <= most, "{:?} {:?} {:?}", least, gained, most);
        }

        /// Gamma is never positive, zero outside, and nowhere in an interval below what `gamma_lowest` says.
        #[test]
        fn gamma_is_negative_inside_only(range in any_range(), from in part(), to in part(), between in part()) {
            let (low, high) = (price(&range, from.min(to)), price(&range, from.max(to)));
            let at = Wad(low.0 + (high.0 - low.0) / 1_000_000 * between);
            let gamma = range.gamma(at).unwrap();
            let inside = at >= range.sqrt_lower.mul_up(range.sqrt_lower).unwrap()
                && at < range.sqrt_upper.mul_down(range.sqrt_upper).unwrap();
            prop_assert_eq!(gamma < Wad::ZERO, inside && range.liquidity > Wad::ZERO);
            prop_assert!(range.gamma_lowest(low, high).unwrap() <= gamma);
        }

        /// What the position holds is worth its value.
        #[test]
        fn amounts_are_worth_the_value(range in any_range(), at in part()) {
            let at = price(&range, at);
            let held = range.amounts_down(at).unwrap();
            let worth = held.underlying.mul_down(at).unwrap().add(held.asset).unwrap();
            prop_assert!(worth <= range.value_up(at).unwrap());
            let lost = range.value_up(at).unwrap().sub(worth).unwrap();
            // L·1e-18 of the asset and L·1e-18/x² tokens, of which each is worth x².
            prop_assert!(lost.0 <= 3 * (range.liquidity.0 / WAD) + 2 * (at.0 / WAD) + 10, "{}", lost.0);
        }
    }

    #[test]
    fn range_by_hand() {
        // L = 1000 between prices 1600 and 2500.
        let range = Range {
            liquidity: Wad(1_000 * WAD),
            sqrt_lower: Wad(40 * WAD),
            sqrt_upper: Wad(50 * WAD),
        };
        let at = |p: i128| range.value_down(Wad(p * WAD)).unwrap();
        assert_eq!(at(400), Wad(2_000 * WAD)); // 1000·400·(1/40 − 1/50)
        assert_eq!(at(1_600), Wad(8_000 * WAD));
        assert_eq!(at(2_500), Wad(10_000 * WAD)); // 1000·(50 − 40)
        assert_eq!(at(9_999), Wad(10_000 * WAD));
        let p = Wad(2_025 * WAD); // √ = 45: 1000·(45 − 40) + 1000·45·(50 − 45)/50
        assert_eq!(range.value_down(p), Ok(Wad(9_500 * WAD)));
        assert_eq!(range.delta(p), Ok(Wad(2_222_222_222_222_222_222))); // 1000·(1/45 − 1/50)
        assert_eq!(range.gamma(p), Ok(Wad(-5_486_968_449_931_413))); // −1000/(2·2025·45)
        assert_eq!(range.gamma(Wad(2_500 * WAD)), Ok(Wad::ZERO));
        assert!(range.gamma(Wad(1_600 * WAD)).unwrap() < Wad::ZERO);
    }

    #[test]
    fn range_price_one_step_below_the_lower_bound_is_below() {
        // a² = 1e36·(1 + 2e-18) + 1 is one more than the price's raw value times 1e18, whose root is a − 1.
        let range = Range {
            liquidity: Wad::ONE,
            sqrt_lower: Wad(WAD + 1),
            sqrt_upper: Wad(2 * WAD),
        };
        let price = Wad(WAD + 2);
        assert_eq!(range.root(price), Ok(range.sqrt_lower));
        assert_eq!(range.gamma(price), Ok(Wad::ZERO));
        assert!(range.value_down(price).unwrap() < range.value_up(price).unwrap());
    }

    #[test]
    fn range_extremes_are_errors_not_panics() {
        let range = Range {
            liquidity: Wad::MAX,
            sqrt_lower: Wad(1),
            sqrt_upper: Wad((1 << 79) - 1),
        };
        for price in [Wad::ZERO, Wad(1), Wad::ONE, Wad::MAX] {
            let _ = range.value_down(price);
            let _ = range.value_up(price);
            let _ = range.delta(price);
            let _ = range.gamma(price);
            let _ = range.amounts_down(price);
        }
        assert_eq!(range.value_down(Wad(-1)), Err(MathError::Overflow));
    }
}
