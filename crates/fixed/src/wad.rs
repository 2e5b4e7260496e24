//! Signed values with 18 decimals, and basis points.

use crate::limb::mul_div_128;
use crate::{MathError, U256};

/// One whole unit as a raw [`Wad`].
pub const WAD: i128 = 1_000_000_000_000_000_000;

/// 100 % in [`Bps`].
pub const BPS: u32 = 10_000;

/// A share in basis points: 1 = 0.01 %, [`BPS`] = 100 %. May exceed 100 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bps(pub u32);

/// A signed number with 18 decimals: a value in whole asset units, a quantity in whole tokens, a price in asset units
/// per whole token, or a ratio. Range about ±1.7e20.
///
/// Products and quotients run through 256 bits, so only a result outside the range is an error. Results never take
/// the value `i128::MIN`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wad(pub i128);

#[expect(clippy::should_implement_trait, reason = "the operators cannot return an error")]
impl Wad {
    /// 0.
    pub const ZERO: Self = Self(0);
    /// 1.0.
    pub const ONE: Self = Self(WAD);
    /// The largest value. As a ratio it stands for "infinite".
    pub const MAX: Self = Self(i128::MAX);

    /// `self + other`. Exact; [`MathError::Overflow`] outside the range.
    pub fn add(self, other: Self) -> Result<Self, MathError> {
        self.0.checked_add(other.0).map(Self).ok_or(MathError::Overflow)
    }

    /// `self − other`. Exact; [`MathError::Overflow`] outside the range.
    pub fn sub(self, other: Self) -> Result<Self, MathError> {
        self.0.checked_sub(other.0).map(Self).ok_or(MathError::Overflow)
    }

    /// `−self`. Exact; [`MathError::Overflow`] for `i128::MIN` only.
    pub fn neg(self) -> Result<Self, MathError> {
        self.0.checked_neg().map(Self).ok_or(MathError::Overflow)
    }

    /// `|self|`. Exact; [`MathError::Overflow`] for `i128::MIN` only.
    pub fn abs(self) -> Result<Self, MathError> {
        self.0.checked_abs().map(Self).ok_or(MathError::Overflow)
    }

    /// `self · other`, rounded towards −∞. [`MathError::Overflow`] outside the range.
    pub fn mul_down(self, other: Self) -> Result<Self, MathError> {
        ratio(self.0, other.0, WAD, false)
    }

    /// `self · other`, rounded towards +∞. [`MathError::Overflow`] outside the range.
    pub fn mul_up(self, other: Self) -> Result<Self, MathError> {
        ratio(self.0, other.0, WAD, true)
    }

    /// `self / other`, rounded towards −∞.
    /// [`MathError::DivisionByZero`] for zero, [`MathError::Overflow`] outside the range.
    pub fn div_down(self, other: Self) -> Result<Self, MathError> {
        ratio(self.0, WAD, other.0, false)
    }

    /// `self / other`, rounded towards +∞.
    /// [`MathError::DivisionByZero`] for zero, [`MathError::Overflow`] outside the range.
    pub fn div_up(self, other: Self) -> Result<Self, MathError> {
        ratio(self.0, WAD, other.0, true)
    }

    /// `self · share`, rounded towards −∞. [`MathError::Overflow`] outside the range.
    pub fn mul_bps_down(self, share: Bps) -> Result<Self, MathError> {
        ratio(self.0, i128::from(share.0), i128::from(BPS), false)
    }

    /// `self · share`, rounded towards +∞. [`MathError::Overflow`] outside the range.
    pub fn mul_bps_up(self, share: Bps) -> Result<Self, MathError> {
        ratio(self.0, i128::from(share.0), i128::from(BPS), true)
    }
}

/// `a · b / denominator` on raw values, rounded towards +∞ if `up`, else towards −∞.
fn ratio(a: i128, b: i128, denominator: i128, up: bool) -> Result<Wad, MathError> {
    let negative = (a < 0) ^ (b < 0) ^ (denominator < 0);
    if denominator == 0 {
        return Err(MathError::DivisionByZero);
    }
    let quotient = mul_div_128(a.unsigned_abs(), b.unsigned_abs(), denominator.unsigned_abs());
    let (magnitude, inexact) = quotient.ok_or(MathError::Overflow)?;
    let value = i128::try_from(magnitude).map_err(|_| MathError::Overflow)?;
    // The division dropped the remainder towards zero. That is −∞ for positive results and +∞ for negative ones.
    let away_from_zero = i128::from(inexact && (up != negative));
    let value = value.checked_add(away_from_zero).ok_or(MathError::Overflow)?;
    Ok(Wad(if negative { -value } else { value }))
}

/// `|x|` as an unsigned number.
pub(crate) fn magnitude(x: i128) -> U256 {
    let [low, high] = halves(x.unsigned_abs());
    U256::from_limbs([low, high, 0, 0])
}

/// A non-negative raw value. [`MathError::Overflow`] above `i128::MAX`.
pub(crate) fn from_magnitude(x: U256) -> Result<i128, MathError> {
    let [low, high, 0, 0] = *x.as_limbs() else {
        return Err(MathError::Overflow);
    };
    i128::try_from((u128::from(high) << 64) | u128::from(low)).map_err(|_| MathError::Overflow)
}

#[expect(clippy::cast_possible_truncation, reason = "splits a number into its two halves")]
const fn halves(x: u128) -> [u64; 2] {
    [x as u64, (x >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ruint::Uint;

    use super::*;

    type U512 = Uint<512, 8>;

    fn any_wad() -> impl Strategy<Value = Wad> {
        let raw = (any::<i128>(), 0_u32..128).prop_map(|(x, shift)| x >> shift);
        raw.prop_filter_map("the type is symmetric", |x| (x != i128::MIN).then_some(Wad(x)))
    }

    /// ⌊|a·b| / |d|⌋ and whether it is inexact, by the library's division.
    fn twin(a: i128, b: i128, d: i128) -> (U512, bool) {
        let wide = |x: i128| U512::from(x.unsigned_abs());
        let (quotient, remainder) = (wide(a) * wide(b)).div_rem(wide(d));
        (quotient, !remainder.is_zero())
    }

    fn check(a: i128, b: i128, d: i128, down: Result<Wad, MathError>, up: Result<Wad, MathError>) {
        let (magnitude, inexact) = twin(a, b, d);
        let negative = (a < 0) ^ (b < 0) ^ (d < 0);
        let step = |yes: bool| magnitude + U512::from(u8::from(yes));
        for (result, away) in [(down, inexact && negative), (up, inexact && !negative)] {
            match result {
                Ok(x) => {
                    assert_eq!(U512::from(x.0.unsigned_abs()), step(away));
                    assert!(x.0 == 0 || (x.0 < 0) == negative);
                }
                Err(error) => {
                    assert_eq!(error, MathError::Overflow);
                    assert!(step(away) > U512::from(i128::MAX.unsigned_abs()));
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        /// Products, quotients and shares are the exact result rounded towards −∞ and +∞, for every sign.
        #[test]
        fn mul_div_any_sign_rounds_in_the_named_direction(a in any_wad(), b in any_wad(), share in 0_u32..30_000) {
            check(a.0, b.0, WAD, a.mul_down(b), a.mul_up(b));
            if b != Wad::ZERO {
                check(a.0, WAD, b.0, a.div_down(b), a.div_up(b));
            }
            check(a.0, share.into(), BPS.into(), a.mul_bps_down(Bps(share)), a.mul_bps_up(Bps(share)));
        }

        /// Dividing and multiplying back in one direction never crosses the number.
        #[test]
        fn div_then_mul_same_direction_stays_on_its_side(a in -WAD * 1_000_000..WAD * 1_000_000, b in 1..WAD * 1_000) {
            let (a, b) = (Wad(a), Wad(b));
            if let Ok(quotient) = a.div_down(b) {
                prop_assert!(quotient.mul_down(b).unwrap() <= a);
            }
            if let Ok(quotient) = a.div_up(b) {
                prop_assert!(quotient.mul_up(b).unwrap() >= a);
            }
        }
    }

    #[test]
    fn mul_smallest_values_round_apart() {
        let tiny = Wad(1);
        assert_eq!(tiny.mul_down(tiny), Ok(Wad(0)));
        assert_eq!(tiny.mul_up(tiny), Ok(Wad(1)));
        assert_eq!(Wad(-1).mul_down(tiny), Ok(Wad(-1)));
        assert_eq!(Wad(-1).mul_up(tiny), Ok(Wad(0)));
    }

    #[test]
    fn div_by_zero_is_division_by_zero() {
        assert_eq!(Wad::ONE.div_down(Wad::ZERO), Err(MathError::DivisionByZero));
        assert_eq!(Wad::ZERO.div_up(Wad::ZERO), Err(MathError::DivisionByZero));
    }

    #[test]
    fn checked_operations_out_of_range_overflow() {
        assert_eq!(Wad::MAX.add(Wad(1)), Err(MathError::Overflow));
        assert_eq!(Wad(i128::MIN).sub(Wad(1)), Err(MathError::Overflow));
        assert_eq!(Wad(i128::MIN).neg(), Err(MathError::Overflow));
        assert_eq!(Wad(i128::MIN).abs(), Err(MathError::Overflow));
        assert_eq!(Wad::MAX.mul_down(Wad(WAD + 1)), Err(MathError::Overflow));
        assert_eq!(Wad(-3).neg(), Ok(Wad(3)));
        assert_eq!(Wad(-3).abs(), Ok(Wad(3)));
    }
}
