//! The risk parameters of a book: one table of unit, hard range, default and tightening direction.
//!
//! The table is the macro call below; everything else in this module follows from it. Ids never change their meaning:
//! new parameters are appended.

use fixed::{Bps, Wad};

/// How the width of the delta band is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum BandKind {
    /// [`Params::band`], a fixed share of equity.
    Fixed = 0,
    /// Whalley and Wilmott (1997), see `hedge`.
    #[default]
    WhalleyWilmott = 1,
    /// Zakamouline (2006), see `hedge`.
    Zakamouline = 2,
}

/// What the delta of underlying 1 is compared with. The target of all other underlyings is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum TargetMode {
    /// A constant share of equity, [`Params::target_weight`]: w·E/S tokens.
    #[default]
    Weight = 0,
    /// A constant number of tokens, [`Params::target_tokens`].
    Tokens = 1,
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
    /// Whole tokens of an underlying with 18 decimals.
    Tokens,
    /// Seconds.
    Secs,
    /// The number of an alternative.
    Choice,
}

/// Which change of a parameter lowers risk, and so needs no timelock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tightening {
    /// Making it smaller.
    Lower,
    /// Making it larger.
    Higher,
    /// Neither: both ways can do harm, so every change waits.
    Neither,
}

/// A row of the table. Values are raw: basis points, seconds and choices as such, others as [`Wad`].
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
    /// The direction that lowers risk.
    pub tightening: Tightening,
}

/// A value outside its hard range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamError {
    /// The parameter.
    pub id: ParamId,
    /// The refused raw value.
    pub value: i128,
}

/// A parameter's type, seen as a raw number.
trait Raw: Sized {
    fn raw(self) -> i128;
    fn from_raw(value: i128) -> Option<Self>;
}

impl Raw for Bps {
    fn raw(self) -> i128 {
        self.0.into()
    }

    fn from_raw(value: i128) -> Option<Self> {
        u32::try_from(value).ok().map(Self)
    }
}

impl Raw for Wad {
    fn raw(self) -> i128 {
        self.0
    }

    fn from_raw(value: i128) -> Option<Self> {
        Some(Self(value))
    }
}

impl Raw for u32 {
    fn raw(self) -> i128 {
        self.into()
    }

    fn from_raw(value: i128) -> Option<Self> {
        Self::try_from(value).ok()
    }
}

impl Raw for BandKind {
    fn raw(self) -> i128 {
        self as i128
    }

    fn from_raw(value: i128) -> Option<Self> {
        [Self::Fixed, Self::WhalleyWilmott, Self::Zakamouline]
            .into_iter()
            .find(|kind| kind.raw() == value)
    }
}

impl Raw for TargetMode {
    fn raw(self) -> i128 {
        self as i128
    }

    fn from_raw(value: i128) -> Option<Self> {
        [Self::Weight, Self::Tokens]
            .into_iter()
            .find(|mode| mode.raw() == value)
    }
}

/// 0.01 as a raw [`Wad`]: the finest step that the table's ratios need.
const CENT: i128 = fixed::WAD / 100;
const ONE: i128 = fixed::WAD;

macro_rules! table {
    ($($(#[$doc:meta])+
       $id:literal $variant:ident $field:ident: $type:ty = $name:literal,
       $unit:ident, $min:expr, $max:expr, $default:expr, $tightening:ident;)+) => {
        /// The risk parameters of a book. [`Params::check`] compares them with the hard ranges of [`spec`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Params {
            $($(#[$doc])+ pub $field: $type,)+
        }

        /// Names a parameter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum ParamId {
            $(#[doc = concat!("[`Params::", stringify!($field), "`].")] $variant = $id,)+
        }

        impl ParamId {
            /// All parameters, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The parameter with this number, or `None`.
            pub const fn from_u8(id: u8) -> Option<Self> {
                match id {
                    $($id => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        /// The row of `id`.
        pub const fn spec(id: ParamId) -> ParamSpec {
            match id {
                $(ParamId::$variant => ParamSpec {
                    name: $name,
                    unit: Unit::$unit,
                    min: $min,
                    max: $max,
                    default: $default,
                    tightening: Tightening::$tightening,
                },)+
            }
        }

        impl Default for Params {
            /// The defaults of [`spec`].
            fn default() -> Self {
                // A default has its type's range (tested), so the fallback is never taken.
                Self { $($field: <$type as Raw>::from_raw($default).unwrap_or_default(),)+ }
            }
        }

        impl Params {
            /// The raw value of `id`.
            pub fn get(&self, id: ParamId) -> i128 {
                match id {
                    $(ParamId::$variant => self.$field.raw(),)+
                }
            }

            /// Replaces the raw value of `id`.
            ///
            /// [`ParamError`] if `value` is outside the hard range; the parameters are then unchanged.
            pub fn set(&mut self, id: ParamId, value: i128) -> Result<(), ParamError> {
                check(id, value)?;
                let error = ParamError { id, value };
                match id {
                    $(ParamId::$variant => self.$field = <$type as Raw>::from_raw(value).ok_or(error)?,)+
                }
                Ok(())
            }

            /// Whether every parameter is within its hard range. [`ParamError`] names the first that is not.
            pub fn check(&self) -> Result<(), ParamError> {
                // Spelled out per row, so that ranges stay constants in the code and no table is searched.
                $(let value = self.$field.raw();
                if !($min..=$max).contains(&value) {
                    return Err(ParamError { id: ParamId::$variant, value });
                })+
                Ok(())
            }
        }
    };
}

// id, name of the variant, field and type = name in documents, unit, min, max, default, tightening direction.
//
// Zero leverage means reduce-only. The upper ends keep leverage · (cost cap + exit cost) below 100 %, so that a sale at
// the worst price still lowers leverage.
table! {
    /// Target delta of underlying 1 as a share of equity.
    0 TargetWeight target_weight: Bps = "target-weight", Bps, 0, 10_000, 5_000, Lower;
    /// Half-width of the delta band as a share of equity, for [`BandKind::Fixed`].
    1 Band band: Bps = "band", Bps, 10, 2_500, 200, Lower;
    /// Limit of Σ|Δ·S| over the legs / navMin, 1e18 = 1×.
    2 MaxGrossLeverage max_gross_leverage: Wad = "max-gross-leverage", Ratio, 0, 10 * ONE, 2 * ONE, Lower;
    /// Limit of Σ|Δ·S| over the underlyings / navMin, 1e18 = 1×.
    3 MaxNetLeverage max_net_leverage: Wad = "max-net-leverage", Ratio, 0, 5 * ONE, ONE, Lower;
    /// Fee and price impact of closing the book's delta, as a share of |Δ|·S; part of the low and high marks.
    /// Raising it makes leaving dearer, lowering it moves value from those who stay to leavers.
    4 ExitCost exit_cost: Bps = "exit-cost", Bps, 0, 500, 30, Neither;
    /// The worst price a trade may get, as a share below the oracle's; also the bound of its cost. Raising it lets a
    /// trade lose more, lowering it below the venue's fee stops every trade.
    5 MaxSlippage max_slippage: Bps = "max-slippage", Bps, 1, 300, 50, Neither;
    /// The smallest trade that rule 6 makes, in asset units. Rules 4 and 5 heed it only where a leverage limit cuts
    /// their trade short. A large one would switch the hedge off.
    6 MinTrade min_trade: Wad = "min-trade", Asset, 0, 1_000_000 * ONE, 10 * ONE, Lower;
    /// Annual volatility that stands for every underlying of the book where a leg names none: the budget move, the
    /// distance to liquidation in standard deviations, the cost of a liquidity range, Zakamouline's band.
    7 Volatility volatility: Bps = "volatility", Bps, 500, 50_000, 8_000, Higher;
    /// The share of the high-water mark that may be lost per epoch.
    8 DrawdownBudget drawdown_budget: Bps = "drawdown-budget", Bps, 10, 5_000, 500, Lower;
    /// Length of an epoch of the drawdown and cost budgets. The same budget has to last longer in a longer one.
    9 EpochSecs epoch_secs: u32 = "epoch-secs", Secs, 3_600, 2_592_000, 86_400, Higher;
    /// The smallest budget move m_min, as a share of the price.
    10 MinMove min_move: Bps = "min-move", Bps, 10, 5_000, 500, Higher;
    /// Standard deviations z of the budget move.
    11 MoveSigmas move_sigmas: Wad = "move-sigmas", Ratio, ONE, 10 * ONE, 3 * ONE, Higher;
    /// The time τ within which somebody reacts to a violation.
    12 ReactionSecs reaction_secs: u32 = "reaction-secs", Secs, 60, 604_800, 3_600, Higher;
    /// The smallest distance to liquidation, in units of σ·√τ.
    13 MinLiquidationDistance min_liquidation_distance: Wad = "min-liquidation-distance", Ratio, ONE, 100 * ONE, 10 * ONE, Higher;
    /// The share of its collateral's value at which a loan is liquidated.
    14 LendingThreshold lending_threshold: Bps = "lending-threshold", Bps, 1_000, 9_500, 8_000, Lower;
    /// What the delta of underlying 1 is compared with.
    15 TargetMode target_mode: TargetMode = "target-mode", Choice, 0, 1, 0, Neither;
    /// Target delta of underlying 1, for [`TargetMode::Tokens`].
    16 TargetTokens target_tokens: Wad = "target-tokens", Tokens, -1_000_000_000 * ONE, 1_000_000_000 * ONE, 0, Neither;
    /// How the width of the delta band is found.
    17 BandKind band_kind: BandKind = "band-kind", Choice, 0, 2, 1, Neither;
    /// Risk aversion a, without unit; the bands use γ = a / equity. The larger, the narrower the band.
    18 RiskAversion risk_aversion: Wad = "risk-aversion", Ratio, CENT, 10_000 * ONE, 10 * ONE, Higher;
    /// The least one-way proportional cost λ that the bands assume. The larger, the wider the band.
    19 MinLambda min_lambda: Bps = "min-lambda", Bps, 1, 100, 1, Lower;
    /// The greatest one-way proportional cost λ that the bands assume.
    20 MaxLambda max_lambda: Bps = "max-lambda", Bps, 1, 1_000, 100, Lower;
    /// The narrowest half-width of the band, as a share of equity.
    21 BandFloor band_floor: Bps = "band-floor", Bps, 1, 1_000, 20, Lower;
    /// The widest half-width of the band, as a share of equity. Wins over the floor.
    22 BandCap band_cap: Bps = "band-cap", Bps, 10, 2_500, 500, Lower;
    /// The horizon T of Zakamouline's band.
    23 BandHorizonSecs band_horizon_secs: u32 = "band-horizon-secs", Secs, 86_400, 31_536_000, 2_592_000, Neither;
    /// At this many half-widths from the target a hedge goes all the way to it.
    24 Urgency urgency: Wad = "urgency", Ratio, ONE, 10 * ONE, 3 * ONE, Lower;
    /// Limit of Σ|Γ|·S² / equity over the underlyings: the change of delta, in equities, per 100 % of price.
    25 MaxGamma max_gamma: Wad = "max-gamma", Ratio, 0, 1_000 * ONE, 20 * ONE, Lower;
    /// Limit of Σ|vega| / equity over the underlyings: the change of value, in equities, per 100 % of volatility.
    26 MaxVega max_vega: Wad = "max-vega", Ratio, 0, 100 * ONE, ONE, Lower;
    /// Annual funding, as a share of the hedge, above which it is moved. A low one moves, and so pays, more often.
    27 FundingThreshold funding_threshold: Bps = "funding-threshold", Bps, 0, 100_000, 1_000, Neither;
    /// How much cheaper, as an annual share of the hedge, the other venue must be.
    28 FundingHysteresis funding_hysteresis: Bps = "funding-hysteresis", Bps, 0, 50_000, 500, Neither;
    /// The share of equity that stays idle.
    29 IdleTarget idle_target: Bps = "idle-target", Bps, 0, 10_000, 500, Higher;
    /// The net gain of a yield action (rules 8 and 9) must exceed this many times its cost.
    30 Hurdle hurdle: Wad = "hurdle", Ratio, ONE, 100 * ONE, 2 * ONE, Higher;
    /// The time over which the gain of a yield action is counted.
    31 CarryHorizonSecs carry_horizon_secs: u32 = "carry-horizon-secs", Secs, 3_600, 31_536_000, 604_800, Lower;
    /// What all actions of an epoch may cost, as a share of equity. A low one would freeze the book, a high one bleed it.
    32 EpochCost epoch_cost: Bps = "epoch-cost", Bps, 1, 2_000, 200, Neither;
    /// What the cost bound of rules 2 to 4 grows to, as a share of the traded value.
    33 CostCap cost_cap: Bps = "cost-cap", Bps, 1, 400, 300, Neither;
    /// The time in violation after which the cost bound of rules 2 to 4 has grown to [`Params::cost_cap`].
    34 CostRampSecs cost_ramp_secs: u32 = "cost-ramp-secs", Secs, 0, 604_800, 3_600, Neither;
    /// Margin for the basis between venues and oracle, as a share of gross exposure.
    35 BasisContingency basis_contingency: Bps = "basis-contingency", Bps, 0, 2_000, 100, Higher;
    /// Gross exposure per underlying above which it counts as concentrated, in asset units.
    36 ConcentrationLimit concentration_limit: Wad = "concentration-limit", Asset, 0, 1_000_000_000_000 * ONE, 1_000_000_000 * ONE, Lower;
    /// Margin for concentration, as a share of the exposure above [`Params::concentration_limit`].
    37 ConcentrationContingency concentration_contingency: Bps = "concentration-contingency", Bps, 0, 5_000, 500, Higher;
    /// Initial margin as a share of the worst scenario's loss and the contingencies.
    38 InitialMargin initial_margin: Bps = "initial-margin", Bps, 10_000, 50_000, 10_000, Higher;
    /// Maintenance margin as a share of the same.
    39 MaintenanceMargin maintenance_margin: Bps = "maintenance-margin", Bps, 1_000, 10_000, 8_000, Higher;
    /// How much volatility rises in the scenarios, as a share of itself, for 30 days to expiry.
    40 VolatilityUp volatility_up: Bps = "volatility-up", Bps, 0, 20_000, 6_000, Higher;
    /// How much volatility falls in the scenarios, as a share of itself, for 30 days to expiry.
    41 VolatilityDown volatility_down: Bps = "volatility-down", Bps, 0, 9_000, 3_000, Higher;
    /// The widest confidence at which batches settle.
    42 MaxConfidence max_confidence: Bps = "max-confidence", Bps, 1, 2_000, 300, Lower;
    /// The most a keeper gets for one call, in asset units.
    43 BountyCap bounty_cap: Wad = "bounty-cap", Asset, 0, 10_000 * ONE, 10 * ONE, Lower;
    /// What the bounty's premium on gas grows to, as a share of the gas paid.
    44 BountyPremium bounty_premium: Bps = "bounty-premium", Bps, 0, 50_000, 10_000, Lower;
    /// The time after which the premium has grown to [`Params::bounty_premium`].
    45 BountyRampSecs bounty_ramp_secs: u32 = "bounty-ramp-secs", Secs, 60, 604_800, 3_600, Neither;
    /// The least time between two bounties.
    46 BountyIntervalSecs bounty_interval_secs: u32 = "bounty-interval-secs", Secs, 0, 86_400, 60, Neither;
    /// The gas price, in base fees, above which an execution fee that follows it is refused.
    47 MaxFeeFactor max_fee_factor: Wad = "max-fee-factor", Ratio, ONE, 100 * ONE, 2 * ONE, Lower;
}

/// Whether the raw `value` is within the hard range of `id`.
///
/// [`ParamError`] if not.
pub const fn check(id: ParamId, value: i128) -> Result<(), ParamError> {
    let spec = spec(id);
    if spec.min <= value && value <= spec.max {
        Ok(())
    } else {
        Err(ParamError { id, value })
    }
}

/// Whether changing the raw value of `id` from `old` to `new` leaves the risk as it is or lowers it, so that it needs no
/// timelock.
pub const fn is_tightening(id: ParamId, old: i128, new: i128) -> bool {
    match spec(id).tightening {
        Tightening::Lower => new <= old,
        Tightening::Higher => new >= old,
        Tightening::Neither => new == old,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_params_are_the_tables_and_within_range() {
        let params = Params::default();
        assert_eq!(params.check(), Ok(()));
        for (index, &id) in ParamId::ALL.iter().enumerate() {
            assert_eq!(params.get(id), spec(id).default, "{id:?}");
            assert_eq!(id as usize, index, "ids follow the table");
            assert_eq!(ParamId::from_u8(id as u8), Some(id));
        }
        assert_eq!(ParamId::from_u8(u8::try_from(ParamId::ALL.len()).unwrap()), None);
    }

    #[test]
    fn spec_names_are_unique() {
        for &id in ParamId::ALL {
            let same = ParamId::ALL.iter().filter(|&&other| spec(other).name == spec(id).name);
            assert_eq!(same.count(), 1, "{}", spec(id).name);
        }
    }

    #[test]
    fn check_outside_hard_range_is_an_error() {
        for &id in ParamId::ALL {
            let row = spec(id);
            assert_eq!(check(id, row.min), Ok(()));
            assert_eq!(check(id, row.max), Ok(()));
            for value in [row.min - 1, row.max + 1] {
                assert_eq!(check(id, value), Err(ParamError { id, value }));
            }
        }
    }

    #[test]
    fn set_value_in_range_is_what_get_returns() {
        let mut params = Params::default();
        for &id in ParamId::ALL {
            let row = spec(id);
            for value in [row.min, row.max] {
                assert_eq!(params.set(id, value), Ok(()));
                assert_eq!(params.get(id), value);
                assert_eq!(params.check(), Ok(()));
            }
            assert!(params.set(id, row.max + 1).is_err());
            assert_eq!(params.get(id), row.max);
        }
    }

    #[test]
    fn params_check_names_the_first_out_of_range() {
        let params = Params {
            exit_cost: Bps(501),
            volatility: Bps(0),
            ..Params::default()
        };
        let expected = ParamError {
            id: ParamId::ExitCost,
            value: 501,
        };
        assert_eq!(params.check(), Err(expected));
    }

    #[test]
    fn is_tightening_follows_the_tables_direction() {
        let cases = [
            (ParamId::MaxGrossLeverage, true, false),
            (ParamId::MinLiquidationDistance, false, true),
            (ParamId::ExitCost, false, false),
            (ParamId::MaxSlippage, false, false),
            (ParamId::EpochSecs, false, true),
        ];
        for (id, lower, higher) in cases {
            assert_eq!(is_tightening(id, 100, 99), lower);
            assert!(is_tightening(id, 100, 100));
            assert_eq!(is_tightening(id, 100, 101), higher);
        }
    }

    #[test]
    fn hard_ranges_keep_a_sale_at_the_worst_price_useful() {
        // A sale lowers leverage if leverage · (cost + exit cost) < 100 %.
        let leverage = spec(ParamId::MaxGrossLeverage)
            .max
            .max(spec(ParamId::MaxNetLeverage).max);
        let cost = spec(ParamId::MaxSlippage).max.max(spec(ParamId::CostCap).max) + spec(ParamId::ExitCost).max;
        assert!(leverage * cost < fixed::WAD * i128::from(fixed::BPS));
    }
}
