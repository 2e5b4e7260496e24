//! The simulated market: recorded prices, and what is derived from them with knowledge of the past alone.
//!
//! Only `+ − · /` and the square root are used on floating-point numbers. IEEE 754 rounds these the same way on every
//! machine, so the same history gives the same bytes everywhere.
//!
//! | what | how |
//! |---|---|
//! | realised volatility | √(8,760 · v), v an exponential mean of squared hourly returns: short over 72 hours, long over 720 |
//! | implied volatility | [`Hour::volatility`]: premium · (long + (short − long) / (1 + T/τ)), τ = 30 days, with a skew |
//! | trend | exponential mean of hourly returns over 168 hours (venue A) or 48 hours (venue B), as an annual rate |
//! | funding | base + slope · trend, within ±60 % a year; [`Hour::funding`] |

use crate::market::Bar;
use anyhow::{Result, ensure};
use engine::leg::Rate;
use fixed::Wad;

/// Seconds of the year that rates refer to.
pub(crate) const YEAR_SECS: u64 = 31_536_000;
const HOURS_A_YEAR: f64 = 8_760.0;
/// Spans of the exponential means, in hours.
const SHORT_HOURS: f64 = 72.0;
const LONG_HOURS: f64 = 720.0;
const TREND_HOURS: [f64; 2] = [168.0, 48.0];
/// Volatility before there is any history to measure: 80 % a year.
const FIRST_VOLATILITY: f64 = 0.8;
/// Term at which the implied volatility is half way from short to long, in years.
const TERM_YEARS: f64 = 30.0 / 365.0;
/// Skew and smile per standard deviation of moneyness, and the widest moneyness they are drawn for.
const SKEW: f64 = -0.04;
const SMILE: f64 = 0.03;
const WIDEST: f64 = 3.0;
/// Implied volatility stays within these.
const VOLATILITY_RANGE: (f64, f64) = (0.1, 4.0);
/// Funding of the two perp venues without a trend, and how much of the trend it follows; annual.
const FUNDING_BASE: [f64; 2] = [0.10, 0.04];
const FUNDING_SLOPE: [f64; 2] = [0.10, 0.05];
const FUNDING_LIMIT: f64 = 0.6;

/// What is known at the end of one hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hour {
    /// Unix seconds.
    pub timestamp: u64,
    /// Seconds since the hour before, 0 for the first.
    pub elapsed_secs: u64,
    /// Asset units per token, with 8 decimals at most.
    pub price: Wad,
    /// Annual realised volatility of the last days, 1.0 = 100 %.
    pub short: f64,
    /// Annual realised volatility of the last weeks.
    pub long: f64,
    /// Annual trend of the price as each perp venue sees it.
    pub trend: [f64; 2],
}

/// Price history with what is derived from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tape {
    /// The hours to replay.
    pub hours: Vec<Hour>,
}

impl Tape {
    /// The bars from `from` to before `to` (Unix seconds), every `step_hours`. Earlier bars warm the means up.
    pub fn new(bars: &[Bar], from: u64, to: u64, step_hours: usize) -> Result<Self> {
        ensure!(step_hours > 0, "the step must be at least one hour");
        let mut means = Means::default();
        let (mut hours, mut seen) = (Vec::new(), 0_usize);
        for bar in bars.iter().take_while(|bar| bar.timestamp < to) {
            ensure!(
                bar.close_e8 > 0,
                "the price at {} is not positive",
                crate::market::hour(bar.timestamp)
            );
            means.add(bar.close_e8);
            if bar.timestamp < from {
                continue;
            }
            if seen.is_multiple_of(step_hours) {
                let last = hours.last().map_or(bar.timestamp, |hour: &Hour| hour.timestamp);
                hours.push(means.hour(bar, last));
            }
            seen += 1;
        }
        ensure!(
            hours.len() >= 2,
            "fewer than two prices in this period; the history covers {}",
            crate::market::span(bars)
        );
        Ok(Self { hours })
    }
}

impl Hour {
    /// Implied volatility of an option with `strike`, `years` to expiry, on `forward`.
    ///
    /// x = (K/F − 1) / (σ·√T), cut at ±3 standard deviations; the level is multiplied by 1 + skew · x + smile · x².
    /// `premium` is the ratio of implied to realised volatility.
    pub fn volatility(&self, premium: f64, strike: f64, forward: f64, years: f64) -> Rate {
        let term = 1.0 / (1.0 + years / TERM_YEARS);
        let (low, high) = VOLATILITY_RANGE;
        let level = (premium * (self.long + (self.short - self.long) * term)).clamp(low, high);
        let deviation = level * years.max(1.0 / HOURS_A_YEAR).sqrt();
        let x = ((strike / forward - 1.0) / deviation).clamp(-WIDEST, WIDEST);
        rate((level * (1.0 + SKEW * x + SMILE * x * x)).clamp(low, high))
    }

    /// Annual funding rate of a perp venue (0 or 1); positive if longs pay.
    pub fn funding(&self, venue: usize) -> Rate {
        let pick = |values: [f64; 2]| values.get(venue).copied().unwrap_or(0.0);
        let rate_now = pick(FUNDING_BASE) + pick(FUNDING_SLOPE) * pick(self.trend);
        rate(rate_now.clamp(-FUNDING_LIMIT, FUNDING_LIMIT))
    }
}

/// Exponential means over the prices seen so far.
struct Means {
    last: Option<f64>,
    short: f64,
    long: f64,
    trend: [f64; 2],
}

impl Default for Means {
    fn default() -> Self {
        let hourly = FIRST_VOLATILITY * FIRST_VOLATILITY / HOURS_A_YEAR;
        Self {
            last: None,
            short: hourly,
            long: hourly,
            trend: [0.0; 2],
        }
    }
}

impl Means {
    fn add(&mut self, close_e8: u64) {
        #[expect(clippy::cast_precision_loss, reason = "prices stay below 2^53 of their last digit")]
        let price = close_e8 as f64;
        if let Some(last) = self.last.replace(price) {
            let change = price / last - 1.0;
            self.short += (change * change - self.short) / SHORT_HOURS;
            self.long += (change * change - self.long) / LONG_HOURS;
            for (trend, hours) in self.trend.iter_mut().zip(TREND_HOURS) {
                *trend += (change - *trend) / hours;
            }
        }
    }

    fn hour(&self, bar: &Bar, last: u64) -> Hour {
        Hour {
            timestamp: bar.timestamp,
            elapsed_secs: bar.timestamp - last,
            price: Wad(i128::from(bar.close_e8) * 10_000_000_000),
            short: (self.short * HOURS_A_YEAR).sqrt(),
            long: (self.long * HOURS_A_YEAR).sqrt(),
            trend: self.trend.map(|mean| mean * HOURS_A_YEAR),
        }
    }
}

/// A number as millionths.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rates are cut to a few hundred per cent above"
)]
fn rate(value: f64) -> Rate {
    Rate((value * 1_000_000.0).round() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(closes: &[u64]) -> Vec<Bar> {
        let hour = |(i, close): (usize, &u64)| Bar {
            timestamp: 3_600 * (i as u64 + 1),
            close_e8: close * 100_000_000,
        };
        closes.iter().enumerate().map(hour).collect()
    }

    fn tape(closes: &[u64]) -> Tape {
        Tape::new(&bars(closes), 0, u64::MAX, 1).unwrap()
    }

    #[test]
    fn tape_later_prices_do_not_change_earlier_hours() {
        let (short, long) = (tape(&[100, 103, 98, 99]), tape(&[100, 103, 98, 99, 400, 1]));
        assert_eq!(short.hours, long.hours[..4]);
    }

    #[test]
    fn tape_history_before_the_period_warms_up() {
        let bars = bars(&[100, 150, 100, 150, 100, 100]);
        let warm = Tape::new(&bars, 5 * 3_600, u64::MAX, 1).unwrap();
        assert_eq!((warm.hours.len(), warm.hours[0].elapsed_secs), (2, 0));
        assert!(warm.hours[0].short > tape(&[100, 100]).hours[0].short);
    }

    #[test]
    fn tape_steps_skip_hours_but_the_means_do_not() {
        let closes = [100, 103, 98, 99, 105];
        let (every, second) = (tape(&closes), Tape::new(&bars(&closes), 0, u64::MAX, 2).unwrap());
        assert_eq!(second.hours.len(), 3);
        assert_eq!(second.hours[2].funding(0), every.hours[4].funding(0));
        assert_eq!(second.hours[2].elapsed_secs, 7_200);
    }

    #[test]
    fn tape_quiet_prices_lower_the_volatility_and_wild_ones_raise_it() {
        let quiet = tape(&[100; 200]);
        assert!(quiet.hours[199].short < quiet.hours[0].short / 2.0);
        assert!(quiet.hours[199].long > quiet.hours[199].short);
        let wild: Vec<u64> = (0..200).map(|i| if i % 2 == 0 { 100 } else { 105 }).collect();
        assert!(tape(&wild).hours[199].short > 3.0);
    }

    #[test]
    fn volatility_low_strikes_cost_more_than_high_ones() {
        let hour = tape(&[100; 3]).hours[2];
        let of = |strike| hour.volatility(1.1, strike, 100.0, 30.0 / 365.0).0;
        assert!(of(80.0) > of(100.0));
        assert!(of(80.0) > of(120.0));
        assert_eq!(of(1.0), of(0.5), "the wings are flat");
    }

    #[test]
    fn funding_follows_the_trend_within_its_limit() {
        let up: Vec<u64> = (0..300).map(|i| 100 + i).collect();
        let hour = tape(&up).hours[299];
        assert!(hour.funding(0).0 > 100_000);
        let mut wild = hour;
        wild.trend = [1e9, -1e9];
        assert_eq!((wild.funding(0), wild.funding(1)), (Rate(600_000), Rate(-600_000)));
    }

    #[test]
    fn tape_empty_period_names_what_there_is() {
        let error = Tape::new(&bars(&[100, 101]), 90_000, 99_000, 1)
            .unwrap_err()
            .to_string();
        assert!(error.contains("1970-01-01"), "{error}");
    }
}
