//! Everything a run can be told: the engine's parameters under their own names, and the simulated world.

use anyhow::{Context, Result, anyhow, bail, ensure};
use engine::{
    ParamId, Params,
    params::{self, Unit},
};
use fixed::{Bps, WAD, Wad};

/// A row of either table, for messages and documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The name in commands.
    pub name: &'static str,
    /// What the raw value counts.
    pub unit: Unit,
    /// Smallest raw value.
    pub min: i128,
    /// Largest raw value.
    pub max: i128,
    /// Raw value unless told otherwise.
    pub default: i128,
}

macro_rules! world {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $unit:ident, $min:expr, $max:expr, $default:expr;)+) => {
        /// Names a setting of the simulated world.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Knob {
            $($(#[$doc])* $variant,)+
        }

        /// The table of settings of the simulated world.
        pub const WORLD: &[Row] = &[
            $(Row { name: $name, unit: Unit::$unit, min: $min, max: $max, default: $default },)+
        ];
    };
}

world! {
    /// Asset units at the start.
    Capital = "capital", Asset, 1_000 * WAD, 1_000_000_000 * WAD, 1_000_000 * WAD;
    /// Share of the equity in the liquidity range after each roll.
    RangeWeight = "range-weight", Bps, 0, 9_000, 2_000;
    /// Half-width of the range, as a share of the price at the roll.
    RangeWidth = "range-width", Bps, 500, 9_000, 3_000;
    /// Notional of each of the four options at a roll, as a share of the equity; two are sold, two bought.
    OptionWeight = "option-weight", Bps, 0, 20_000, 1_000;
    /// Days between two rolls of options and range. The nearer pair of options expires with the next roll.
    RollDays = "roll-days", Choice, 2, 365, 28;
    /// Share of the capital that is borrowed in the asset at the start.
    DebtWeight = "debt-weight", Bps, 0, 9_000, 0;
    /// Annual interest of the loan.
    BorrowRate = "borrow-rate", Bps, 0, 10_000, 500;
    /// Annual interest on cash at the lending venue, at first; half of it when all of `lend-cap` is there.
    LendRate = "lend-rate", Bps, 0, 10_000, 300;
    /// The most cash that may lie at the lending venue, as a share of the capital.
    LendCap = "lend-cap", Bps, 0, 10_000, 5_000;
    /// Fee of a spot trade.
    SpotFee = "spot-fee", Bps, 0, 300, 5;
    /// Value of a spot trade that moves its own average price by 1 %.
    SpotDepth = "spot-depth", Asset, 1_000 * WAD, 1_000_000_000_000 * WAD, 5_000_000 * WAD;
    /// Fee of a perp trade.
    PerpFee = "perp-fee", Bps, 0, 300, 4;
    /// Value of a perp trade that moves its own average price by 1 %.
    PerpDepth = "perp-depth", Asset, 1_000 * WAD, 1_000_000_000_000 * WAD, 10_000_000 * WAD;
    /// Collateral put behind a perp when it is opened, as a share of its value.
    PerpCollateral = "perp-collateral", Bps, 500, 10_000, 2_500;
    /// Maintenance margin of the perp venues.
    PerpMaintenance = "perp-maintenance", Bps, 10, 2_000, 100;
    /// What a liquidation costs, as a share of the position's value.
    LiquidationFee = "liquidation-fee", Bps, 0, 1_000, 100;
    /// Implied over realised volatility.
    VolPremium = "vol-premium", Ratio, WAD / 2, 3 * WAD, 11 * WAD / 10;
    /// Half of the options desk's spread, as a share of the option's value.
    OptionSpread = "option-spread", Bps, 0, 5_000, 200;
    /// The least half spread of the options desk, as a share of the underlying's price.
    OptionTick = "option-tick", Bps, 0, 500, 5;
    /// Fee of the pool that the range provides liquidity to.
    RangeFee = "range-fee", Bps, 0, 300, 30;
    /// Annual trading volume through the range beyond what its price moves cause, as a multiple of its value.
    RangeTurnover = "range-turnover", Ratio, 0, 1_000 * WAD, 60 * WAD;
    /// Days between two visits of depositors; 0 for none. Every second visit brings money, the others ask for it.
    FlowDays = "flow-days", Choice, 0, 365, 10;
    /// What a visit brings or asks for, as a share of the equity.
    FlowSize = "flow-size", Bps, 0, 9_000, 1_500;
    /// Days between two outages of the price feed; 0 for none.
    OutageDays = "outage-days", Choice, 0, 365, 60;
    /// Hours that an outage lasts.
    OutageHours = "outage-hours", Choice, 1, 240, 4;
    /// Half-width of the oracle's confidence interval.
    Confidence = "confidence", Bps, 0, 500, 10;
}

/// Parameters of the book and settings of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The engine's parameters.
    pub params: Params,
    world: Vec<i128>,
}

/// A name that a value can be given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// A parameter of the engine.
    Param(ParamId),
    /// A setting of the world, by its place in [`WORLD`].
    World(usize),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            params: Params::default(),
            world: WORLD.iter().map(|row| row.default).collect(),
        }
    }
}

impl Settings {
    /// A setting in asset units or as a ratio.
    pub fn wad(&self, knob: Knob) -> Wad {
        Wad(self.raw(knob))
    }

    /// A setting in basis points.
    pub fn bps(&self, knob: Knob) -> Bps {
        Bps(u32::try_from(self.raw(knob)).unwrap_or(u32::MAX))
    }

    /// A number of days in seconds.
    pub fn days_secs(&self, knob: Knob) -> u64 {
        u64::try_from(self.raw(knob)).unwrap_or(u64::MAX).saturating_mul(86_400)
    }

    fn raw(&self, knob: Knob) -> i128 {
        self.world.get(knob as usize).copied().unwrap_or_default()
    }

    /// Sets `name=value`. The error lists the names, or the range, that would have been right.
    pub fn set(&mut self, assignment: &str) -> Result<()> {
        let (name, value) = assignment
            .split_once('=')
            .with_context(|| format!("{assignment:?} is not NAME=VALUE"))?;
        self.assign(find(name)?, value)
    }

    /// Sets one value from its text.
    pub fn assign(&mut self, name: Name, text: &str) -> Result<()> {
        let row = name.row();
        let value = parse(row.unit, text).with_context(|| format!("{} = {text:?}", row.name))?;
        ensure!(
            (row.min..=row.max).contains(&value),
            "{} = {text} is outside {} to {} {}",
            row.name,
            show(row.unit, row.min),
            show(row.unit, row.max),
            unit_name(row.unit)
        );
        match name {
            Name::Param(id) => self
                .params
                .set(id, value)
                .map_err(|_| anyhow!("{} = {text} is refused by the engine", row.name))?,
            Name::World(place) => {
                if let Some(slot) = self.world.get_mut(place) {
                    *slot = value;
                }
            }
        }
        Ok(())
    }

    /// Every name with its raw value, parameters first.
    pub fn all(&self) -> impl Iterator<Item = (Row, i128)> + '_ {
        let params = ParamId::ALL
            .iter()
            .map(|id| (Name::Param(*id).row(), self.params.get(*id)));
        params.chain(WORLD.iter().zip(&self.world).map(|(row, value)| (*row, *value)))
    }

    /// What differs from the defaults, as `name=value`.
    pub fn changed(&self) -> Vec<String> {
        let differs = self.all().filter(|(row, value)| row.default != *value);
        differs
            .map(|(row, value)| format!("{}={}", row.name, show(row.unit, value)))
            .collect()
    }
}

impl Name {
    /// The row of its table.
    pub fn row(self) -> Row {
        match self {
            Self::Param(id) => {
                let spec = params::spec(id);
                Row {
                    name: spec.name,
                    unit: spec.unit,
                    min: spec.min,
                    max: spec.max,
                    default: spec.default,
                }
            }
            Self::World(place) => WORLD[place],
        }
    }
}

/// Finds a name in both tables; the error lists them.
pub fn find(name: &str) -> Result<Name> {
    let params = ParamId::ALL.iter().map(|id| Name::Param(*id));
    let mut names = params.chain((0..WORLD.len()).map(Name::World));
    match names.find(|candidate| candidate.row().name == name) {
        Some(found) => Ok(found),
        None => bail!("there is no parameter {name:?}. There are:\n{}", list()),
    }
}

/// Both tables as text.
pub fn list() -> String {
    let row = |row: Row| {
        format!(
            "  {:26} {} to {} {}, default {}\n",
            row.name,
            show(row.unit, row.min),
            show(row.unit, row.max),
            unit_name(row.unit),
            show(row.unit, row.default)
        )
    };
    let params: String = ParamId::ALL.iter().map(|id| row(Name::Param(*id).row())).collect();
    let world: String = WORLD.iter().copied().map(row).collect();
    format!("of the engine:\n{params}of the simulated world:\n{world}")
}

/// Whether raw values of the unit have 18 decimals.
pub(crate) const fn is_decimal(unit: Unit) -> bool {
    matches!(unit, Unit::Ratio | Unit::Asset | Unit::Tokens)
}

const fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Bps => "basis points",
        Unit::Ratio => "times",
        Unit::Asset => "asset units",
        Unit::Tokens => "tokens",
        Unit::Secs => "seconds",
        Unit::Choice => "",
    }
}

/// A raw value as people write it.
pub(crate) fn show(unit: Unit, value: i128) -> String {
    if !is_decimal(unit) {
        return value.to_string();
    }
    let sign = if value < 0 { "-" } else { "" };
    let (whole, part) = (
        value.unsigned_abs() / WAD.unsigned_abs(),
        value.unsigned_abs() % WAD.unsigned_abs(),
    );
    let part = format!("{part:018}");
    match part.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        part => format!("{sign}{whole}.{part}"),
    }
}

/// The inverse of [`show`], exactly.
fn parse(unit: Unit, text: &str) -> Result<i128> {
    if !is_decimal(unit) {
        return text.parse().context("expected a whole number");
    }
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let good = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    ensure!(
        good(whole) && good(part) && part.len() <= 18 && !(whole.is_empty() && part.is_empty()),
        "expected a number with at most 18 decimals"
    );
    let raw: i128 = format!("{whole}{part:0<18}")
        .parse()
        .context("the number is too large")?;
    Ok(sign * raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_reaches_both_tables() {
        let mut settings = Settings::default();
        settings.set("max-gross-leverage=1.25").unwrap();
        settings.set("capital=2000").unwrap();
        settings.set("target-weight=0").unwrap();
        assert_eq!(settings.params.max_gross_leverage, Wad(5 * WAD / 4));
        assert_eq!(settings.wad(Knob::Capital), Wad(2_000 * WAD));
        assert_eq!(
            settings.changed(),
            ["target-weight=0", "max-gross-leverage=1.25", "capital=2000"]
        );
    }

    #[test]
    fn set_unknown_name_lists_what_exists() {
        let error = Settings::default().set("lambda=1").unwrap_err().to_string();
        for name in ["target-weight", "max-gross-leverage", "capital", "flow-days"] {
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn set_value_out_of_range_or_malformed_is_refused_and_changes_nothing() {
        let mut settings = Settings::default();
        for wrong in [
            "target-weight=10001",
            "target-weight=1.5",
            "band=",
            "capital=1",
            "capital=1e6",
            "capital=--5",
            "max-gross-leverage=.",
            "max-gross-leverage=0.1234567890123456789",
            "capital=99999999999999999999999999999",
            "flow-days",
        ] {
            assert!(settings.set(wrong).is_err(), "{wrong}");
        }
        assert_eq!(settings, Settings::default());
        let error = format!("{:#}", settings.set("target-weight=10001").unwrap_err());
        assert!(error.contains("0 to 10000 basis points"), "{error}");
    }

    #[test]
    fn names_are_unique_and_defaults_in_range() {
        let rows: Vec<Row> = Settings::default().all().map(|(row, _)| row).collect();
        for row in &rows {
            assert_eq!(
                rows.iter().filter(|other| other.name == row.name).count(),
                1,
                "{}",
                row.name
            );
            assert!((row.min..=row.max).contains(&row.default), "{}", row.name);
            for value in [row.min, row.max, row.default] {
                assert_eq!(parse(row.unit, &show(row.unit, value)).unwrap(), value);
            }
        }
    }
}
