//! The risk parameters of a book: one table of unit, hard range, default and tightening direction.

use fixed::{Bps, WAD, Wad};

/// The risk parameters of a book. [`Params::check`] compares them with the hard ranges of the table in [`spec`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// Target delta as a share of equity.
    pub target_weight: Bps,
    /// Half-width of the delta band as a share of equity.
    pub band: Bps,
    /// Limit of Σ|Δ·S| over the legs / navMin, 1e18 = 1×.
    pub max_gross_leverage: Wad,
    /// Limit of Σ|Δ·S| over the underlyings / navMin, 1e18 = 1×.
    pub max_net_leverage: Wad,
    /// Fee and price impact of closing the book's delta, as a share of |Δ|·S; part of the low and high marks.
    pub exit_cost: Bps,
    /// The worst price a trade may get, as a share below the oracle's; also the bound of its cost.
    pub max_slippage: Bps,
    /// The smallest trade that rule 6 makes, in asset units. Rules 4 and 5 heed it only where a leverage limit cuts their
    /// trade short.
    pub min_trade: Wad,
}

/// Names a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ParamId {
    /// [`Params::target_weight`].
    TargetWeight = 0,
    /// [`Params::band`].
    Band = 1,
    /// [`Params::max_gross_leverage`].
    MaxGrossLeverage = 2,
    /// [`Params::max_net_leverage`].
    MaxNetLeverage = 3,
    /// [`Params::exit_cost`].
    ExitCost = 4,
    /// [`Params::max_slippage`].
    MaxSlippage = 5,
    /// [`Params::min_trade`].
    MinTrade = 6,
}

/// The unit of a parameter's raw value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Basis points.
    Bps,
    /// A ratio with 18 decimals.
    Ratio,
    /// Whole asset units with 18 decimals.
    Asset,
}

/// A row of the table. Values are raw: basis points as such, others as [`Wad`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamSpec {
    /// The name as it appears in commands and documents.
    pub name: &'static str,
    /// What the raw value counts.
    pub unit: Unit,
    /// Smallest allowed value.
    pub min: i128,
    /// Largest allowed value.
    pub max: i128,
    /// The value a new book starts with.
    pub default: i128,
}

/// A value outside its hard range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamError {
    /// The parameter.
    pub id: ParamId,
}

impl ParamId {
    /// All parameters, in the order of the table.
    pub const ALL: [Self; 7] = [
        Self::TargetWeight,
        Self::Band,
        Self::MaxGrossLeverage,
        Self::MaxNetLeverage,
        Self::ExitCost,
        Self::MaxSlippage,
        Self::MinTrade,
    ];

    /// The parameter with this number, or `None`.
    pub const fn from_u8(id: u8) -> Option<Self> {
        match id {
            0 => Some(Self::TargetWeight),
            1 => Some(Self::Band),
            2 => Some(Self::MaxGrossLeverage),
            3 => Some(Self::MaxNetLeverage),
            4 => Some(Self::ExitCost),
            5 => Some(Self::MaxSlippage),
            6 => Some(Self::MinTrade),
            _ => None,
        }
    }
}

/// The table of parameters.
///
/// The *smaller* value is the tighter one, except where neither is:
///
/// | parameter | why smaller is tighter |
/// |---|---|
/// | target weight, band | less exposure to the price, less drift before a hedge |
/// | gross and net leverage | less exposure |
/// | exit cost | neither: raising it makes leaving dearer, lowering it moves value from those who stay to leavers |
/// | slippage | neither: raising it lets a trade lose more, lowering it below the venue's fee stops every trade |
/// | smallest trade | a large one would switch the hedge off |
///
/// Zero leverage means reduce-only. The upper ends keep leverage · (slippage + exit cost) below 100 %, so that a sale
/// at the worst price still lowers leverage.
pub const fn spec(id: ParamId) -> ParamSpec {
    let (name, unit, min, max, default) = match id {
        ParamId::TargetWeight => ("target-weight", Unit::Bps, 0, 10_000, 5_000),
        ParamId::Band => ("band", Unit::Bps, 10, 2_500, 200),
        ParamId::MaxGrossLeverage => ("max-gross-leverage", Unit::Ratio, 0, 10 * WAD, 2 * WAD),
        ParamId::MaxNetLeverage => ("max-net-leverage", Unit::Ratio, 0, 5 * WAD, WAD),
        ParamId::ExitCost => ("exit-cost", Unit::Bps, 0, 500, 30),
        ParamId::MaxSlippage => ("max-slippage", Unit::Bps, 1, 300, 50),
        ParamId::MinTrade => ("min-trade", Unit::Asset, 0, 1_000_000 * WAD, 10 * WAD),
    };
    ParamSpec {
        name,
        unit,
        min,
        max,
        default,
    }
}

/// Whether the raw `value` is within the hard range of `id`.
///
/// [`ParamError`] if not.
pub const fn check(id: ParamId, value: i128) -> Result<(), ParamError> {
    let spec = spec(id);
    if spec.min <= value && value <= spec.max {
        Ok(())
    } else {
        Err(ParamError { id })
    }
}

/// Whether changing the raw value of `id` from `old` to `new` leaves the risk as it is or lowers it, so that it needs no
/// timelock. See [`spec`] for the direction.
pub const fn is_tightening(id: ParamId, old: i128, new: i128) -> bool {
    // Exhaustive on purpose: a new parameter has to name its direction.
    match id {
        ParamId::TargetWeight
        | ParamId::Band
        | ParamId::MaxGrossLeverage
        | ParamId::MaxNetLeverage
        | ParamId::MinTrade => new <= old,
        // Neither way is safe to leave to a guardian: see `spec`.
        ParamId::ExitCost | ParamId::MaxSlippage => new == old,
    }
}

impl Default for Params {
    /// The defaults of the table in [`spec`].
    fn default() -> Self {
        let mut params = Self {
            target_weight: Bps(0),
            band: Bps(0),
            max_gross_leverage: Wad::ZERO,
            max_net_leverage: Wad::ZERO,
            exit_cost: Bps(0),
            max_slippage: Bps(0),
            min_trade: Wad::ZERO,
        };
        for id in ParamId::ALL {
            // A default is within its range (tested), so this cannot fail.
            let _ = params.set(id, spec(id).default);
        }
        params
    }
}

impl Params {
    /// The raw value of `id`.
    pub fn get(&self, id: ParamId) -> i128 {
        match id {
            ParamId::TargetWeight => self.target_weight.0.into(),
            ParamId::Band => self.band.0.into(),
            ParamId::MaxGrossLeverage => self.max_gross_leverage.0,
            ParamId::MaxNetLeverage => self.max_net_leverage.0,
            ParamId::ExitCost => self.exit_cost.0.into(),
            ParamId::MaxSlippage => self.max_slippage.0.into(),
            ParamId::MinTrade => self.min_trade.0,
        }
    }

    /// Replaces the raw value of `id`.
    ///
    /// [`ParamError`] if `value` is outside the hard range; the parameters are then unchanged.
    pub fn set(&mut self, id: ParamId, value: i128) -> Result<(), ParamError> {
        check(id, value)?;
        let bps = || u32::try_from(value).map(Bps).map_err(|_| ParamError { id });
        match id {
            ParamId::TargetWeight => self.target_weight = bps()?,
            ParamId::Band => self.band = bps()?,
            ParamId::MaxGrossLeverage => self.max_gross_leverage = Wad(value),
            ParamId::MaxNetLeverage => self.max_net_leverage = Wad(value),
            ParamId::ExitCost => self.exit_cost = bps()?,
            ParamId::MaxSlippage => self.max_slippage = bps()?,
            ParamId::MinTrade => self.min_trade = Wad(value),
        }
        Ok(())
    }

    /// Whether every parameter is within its hard range. [`ParamError`] names the first that is not.
    pub fn check(&self) -> Result<(), ParamError> {
        ParamId::ALL.into_iter().try_for_each(|id| check(id, self.get(id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_params_are_the_tables_and_within_range() {
        let params = Params::default();
        assert_eq!(params.check(), Ok(()));
        for id in ParamId::ALL {
            assert_eq!(params.get(id), spec(id).default);
            assert_eq!(ParamId::from_u8(id as u8), Some(id));
        }
        assert_eq!(ParamId::from_u8(7), None);
    }

    #[test]
    fn check_outside_hard_range_is_an_error() {
        for id in ParamId::ALL {
            let row = spec(id);
            assert_eq!(check(id, row.min), Ok(()));
            assert_eq!(check(id, row.max), Ok(()));
            assert_eq!(check(id, row.min - 1), Err(ParamError { id }));
            assert_eq!(check(id, row.max + 1), Err(ParamError { id }));
        }
    }

    #[test]
    fn set_value_in_range_is_what_get_returns() {
        let mut params = Params::default();
        for id in ParamId::ALL {
            assert_eq!(params.set(id, spec(id).max), Ok(()));
            assert_eq!(params.get(id), spec(id).max);
            assert_eq!(params.set(id, spec(id).max + 1), Err(ParamError { id }));
            assert_eq!(params.get(id), spec(id).max);
        }
    }

    #[test]
    fn is_tightening_smaller_or_equal_value_is_true() {
        for id in ParamId::ALL {
            let either_way_is_loosening = matches!(id, ParamId::ExitCost | ParamId::MaxSlippage);
            assert_eq!(is_tightening(id, 100, 99), !either_way_is_loosening);
            assert!(is_tightening(id, 100, 100));
            assert!(!is_tightening(id, 100, 101));
        }
    }

    #[test]
    fn hard_ranges_keep_a_sale_at_the_worst_price_useful() {
        // A sale lowers leverage if leverage · (slippage + exit cost) < 100 %; see `spec`.
        let leverage = spec(ParamId::MaxGrossLeverage)
            .max
            .max(spec(ParamId::MaxNetLeverage).max);
        let cost = spec(ParamId::MaxSlippage).max + spec(ParamId::ExitCost).max;
        assert!(leverage * cost < WAD * i128::from(fixed::BPS));
    }
}
