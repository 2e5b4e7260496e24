//! What a book of options loses in each scenario of a grid, by revaluing every option in each.
//!
//! The scenarios share what they can. An option's time, discount and ln(F/K) are computed once, its deviation σ√T and
//! reciprocal once for each of three volatilities, and a scenario is then one multiplication for ln(F/K)/(σ√T), two
//! values of the normal distribution and two products.

use crate::black::{Deviation, fault, outside};
use crate::kernel::{exp_q57, log_ratio, mul_high, normal_short, root, zeros};
use crate::{Error, MIN_VOLATILITY, ONE, Pricer, RECORD, Right, Terms};

/// Moves of the price that are combined with every volatility.
pub const MOVES: usize = 9;
/// Far moves, with the volatility up and the loss damped.
pub const EXTREMES: usize = 6;
/// Scenarios: index 3·i + v is move i with the volatility down (v = 0), unchanged (1) and up (2); the extremes follow.
pub const SCENARIOS: usize = 3 * MOVES + EXTREMES;

/// One token of a position.
pub const QUANTITY: i64 = 1 << 32;

/// 1.00 of a price multiplier.
pub const MULTIPLIER: u32 = 1 << 30;

/// Σ|quantity|·max(forward, strike)·discount, and the value of linear positions, have to stay below this.
const MAX_NOTIONAL: i64 = 1 << 59;

const DAY: i64 = ONE / 365;

/// A scenario's price of the underlying, relative to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extreme {
    /// [`MULTIPLIER`] = unchanged, below 4.
    pub price: u32,
    /// What part of the loss counts, [`MULTIPLIER`] = all of it.
    pub damping: u32,
}

/// How much the volatility moves: `size`·(30 days / max(years, 1 day))^`power`, relative to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shock {
    /// [`ONE`] = 100 %, 0 to 200 %.
    pub size: i64,
    /// [`ONE`] = 1, 0 to 0.6.
    pub power: i64,
}

/// The scenarios. The default is the grid of the design, whose shape is that of Derive's portfolio margin. Its prices are
/// rounded away from the present and its damping up, each by less than 2⁻³⁰.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenarios {
    /// Multipliers of the price, from the lowest; the middle one has to be [`MULTIPLIER`], the present.
    pub moves: [u32; MOVES],
    /// The far ones.
    pub extremes: [Extreme; EXTREMES],
    /// Upwards.
    pub up: Shock,
    /// Downwards, below 100 % for every time to expiry; what goes below the formula's least volatility
    /// stays there, as what `up` raises above its largest does.
    pub down: Shock,
}

impl Default for Scenarios {
    fn default() -> Self {
        // Away from the present: down below it, up above it. Damping up as well. So the losses of a linear book are never
        // below those of the percentages.
        let up = |x: u64| u32::try_from((u64::from(MULTIPLIER) * x).div_ceil(100)).unwrap_or(0);
        let down = |x: u64| u32::try_from(u64::from(MULTIPLIER) * x / 100).unwrap_or(0);
        let percent = |x: u64| if x < 100 { down(x) } else { up(x) };
        let extreme = |price, damping| Extreme {
            price: percent(price),
            damping: up(damping),
        };
        Self {
            moves: [80, 85, 90, 95, 100, 105, 110, 115, 120].map(percent),
            extremes: [
                extreme(34, 40),
                extreme(50, 60),
                extreme(67, 80),
                extreme(150, 80),
                extreme(200, 60),
                extreme(300, 40),
            ],
            up: Shock {
                size: ONE / 10 * 6,
                power: ONE / 10 * 3,
            },
            down: Shock {
                size: ONE / 10 * 3,
                power: ONE / 100 * 13,
            },
        }
    }
}

/// The losses of a book, and the worst of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Losses {
    /// By scenario, in the scale of the prices; negative for a gain. Damping is in them.
    pub by_scenario: [i64; SCENARIOS],
    /// The largest; at least 0, that of the present.
    pub worst: i64,
    /// Its scenario, the first of equals.
    pub scenario: usize,
}

/// Adds up what positions are worth in each scenario.
///
/// A loss is within 8e-9·quantity·max(forward, strike)·discount of the formula's for each option, times the price
/// multiplier where that is above 1: two values, each with two factors of 31 bits (2⁻³⁰ each) and two of N (2⁻³⁰ each).
pub struct Grid<'a> {
    pricer: &'a Pricer,
    scenarios: Scenarios,
    /// ln of the multipliers, Q25.
    logs: [i64; MOVES + EXTREMES],
    values: [i64; SCENARIOS],
    notional: i64,
    linear: i64,
}

impl<'a> Grid<'a> {
    /// An empty book.
    #[inline(never)]
    pub fn new(pricer: &'a Pricer, scenarios: &Scenarios) -> Self {
        let mut logs = [0; MOVES + EXTREMES];
        let far = scenarios.extremes.iter().map(|extreme| extreme.price);
        for (log, price) in logs.iter_mut().zip(scenarios.moves.into_iter().chain(far)) {
            *log = log_ratio(i64::from(price.max(1)), i64::from(MULTIPLIER)) >> 32;
        }
        Self {
            pricer,
            scenarios: *scenarios,
            logs,
            values: [0; SCENARIOS],
            notional: 0,
            linear: 0,
        }
    }

    /// Adds `value` = Σ quantity·price of positions that are linear in the price, in the scale of the prices.
    ///
    /// [`Error::NotionalOutOfRange`] if that, with what is there already, is too much.
    pub fn add_linear(&mut self, value: i64) -> Result<(), Error> {
        let linear = self.linear.checked_add(value);
        let linear = linear.filter(|sum| sum.unsigned_abs() < MAX_NOTIONAL.unsigned_abs());
        self.linear = linear.ok_or(Error::NotionalOutOfRange(value))?;
        Ok(())
    }

    /// Adds `quantity` options, [`QUANTITY`] = 1 token, negative if sold. All terms share the scale of their prices.
    ///
    /// [`Error`] for terms outside their domain; the grid is then as before.
    pub fn add(&mut self, right: Right, terms: &Terms, quantity: i64) -> Result<(), Error> {
        let put = match right {
            Right::Call => 0,
            Right::Put => -1,
        };
        self.add_words(put, terms.words(), quantity)
    }

    /// Adds an option in packed form: a record as [`Pricer::greeks_packed`] takes it, and the quantity.
    ///
    /// [`Error`] as [`Self::add`].
    pub fn add_packed(&mut self, position: &[u8; RECORD + 8]) -> Result<(), Error> {
        let (words, _) = position.as_chunks::<8>();
        let word = |i: usize| words.get(i).map_or(0, |bytes| i64::from_le_bytes(*bytes));
        let strike = word(1);
        let terms = [word(0), strike & i64::MAX, word(2), word(3), word(4)];
        self.add_words(strike >> 63, terms, word(5))
    }

    #[inline(never)]
    fn add_words(&mut self, put: i64, terms: [i64; 5], quantity: i64) -> Result<(), Error> {
        let [forward, strike, years, volatility, rate] = terms;
        let exponent = -mul_high(rate, years);
        if outside(terms, exponent) {
            return Err(fault(terms));
        }
        let powers = &self.pricer.powers;
        let discount = exp_q57(powers, exponent);

        // quantity·discount·price with 31 bits, and the shift between that and the scale of the prices.
        let sign = quantity >> 63;
        let quantity_size = quantity.saturating_abs();
        let quantity_zeros = zeros(quantity_size | 1) - 1;
        let discount_zeros = zeros(discount) - 1;
        let price_zeros = zeros(forward | strike) - 1;
        let weight = mul_high(quantity_size << quantity_zeros, discount << discount_zeros);
        let weight_zeros = zeros(weight | 1) - 1;
        let weight = ((weight << weight_zeros) ^ sign) - sign;
        // Two products below 2⁶³ and at least 2⁶²: 2 or 3 leading zeros.
        let down = 33 - zeros(mul_high((weight ^ sign) - sign, (forward | strike) << price_zeros) | (1 << 60));
        let weighted = |price: i64| (mul_high(weight, price << price_zeros) + (1 << 29)) >> down;
        let (long, short) = (weighted(forward), weighted(strike) >> 1);
        let shift = quantity_zeros + discount_zeros + weight_zeros + price_zeros - 9 - down;
        let size = if shift < 2 {
            MAX_NOTIONAL
        } else {
            ((long.abs() + 2 * short.abs()) << 30) >> shift.min(63)
        };
        if self.notional + size >= MAX_NOTIONAL {
            return Err(Error::NotionalOutOfRange(quantity));
        }
        self.notional += size;
        let shift = shift.min(63);

        let time = root(years);
        let tenor = log_ratio((30 * DAY) >> 12, years.max(DAY) >> 12);
        let shocked = |shock: Shock| {
            let factor = exp_q57(powers, mul_high(shock.power, tenor) << 3);
            // Q54: a shock may be fifteen times the volatility.
            mul_high(volatility, mul_high(shock.size, factor) << 5)
        };
        let up = ((volatility >> 6) + shocked(self.scenarios.up)).min((8 << 54) - 1) << 6;
        let down = ((volatility >> 6) - shocked(self.scenarios.down)).max((MIN_VOLATILITY >> 6) + 1) << 6;
        let deviations = [down, volatility, up].map(|x| Deviation::new(x, time.root, time.half).short());
        let log = log_ratio(forward, strike) >> 32;

        let (normal, sign_shift) = (&self.pricer.normal, self.pricer.sign);
        let value = |long: i64, log: i64, (inverse, down, v): (i64, i64, i64)| {
            let middle = (log * inverse) >> down;
            let d1 = middle + (v >> 1);
            let d2 = d1 - v;
            long * normal_short(normal, d1, sign_shift) - short * normal_short(normal, d2, sign_shift)
        };
        let half = |long: i64| (((long - short) ^ put) - put) << 30;
        let (inner, outer) = self.values.split_at_mut(3 * MOVES);
        let (inner, _) = inner.as_chunks_mut::<3>();
        let mut logs = self.logs.iter();
        for ((places, price), move_log) in inner.iter_mut().zip(self.scenarios.moves).zip(&mut logs) {
            let long = (long * i64::from(price) + (1 << 30)) >> 31;
            let half = half(long);
            let log = log + move_log;
            let [first, second, third] = places;
            let [low, middle, high] = deviations;
            *first += (half + value(long, log, low)) >> shift;
            *second += (half + value(long, log, middle)) >> shift;
            *third += (half + value(long, log, high)) >> shift;
        }
        let [.., high] = deviations;
        for ((place, extreme), move_log) in outer.iter_mut().zip(self.scenarios.extremes).zip(&mut logs) {
            let long = (long * i64::from(extreme.price) + (1 << 30)) >> 31;
            *place += (half(long) + value(long, log + move_log, high)) >> shift;
        }
        Ok(())
    }

    /// The losses against the present, the scenario of no move and the volatility unchanged.
    #[inline(never)]
    pub fn losses(&self) -> Losses {
        let mut by_scenario = self.values;
        let present = by_scenario.get(3 * (MOVES / 2) + 1).copied().unwrap_or(0);
        let gain = |price: u32| mul_high(self.linear << 4, (i64::from(price) - i64::from(MULTIPLIER)) << 30);
        let far = self
            .scenarios
            .extremes
            .iter()
            .map(|extreme| (extreme.price, extreme.damping));
        let near = self.scenarios.moves.iter().flat_map(|&price| [(price, MULTIPLIER); 3]);
        let (mut worst, mut scenario) = (0, 3 * (MOVES / 2) + 1);
        for (index, (value, (price, damping))) in by_scenario.iter_mut().zip(near.chain(far)).enumerate() {
            let loss = present - *value - gain(price);
            *value = if damping == MULTIPLIER {
                loss
            } else {
                mul_high(loss << 1, i64::from(damping) << 33)
            };
            if *value > worst {
                (worst, scenario) = (*value, index);
            }
        }
        Losses {
            by_scenario,
            worst,
            scenario,
        }
    }
}
