//! What an option leg is worth: Black's formula of [`pricing`] between the engine's decimals and its binary scales.

use fixed::{MathError, U256, Wad};
use pricing::{Greeks, MAX_PRICE, MIN_YEARS, ONE, Pricer, SCALE, Terms};

use crate::leg::{Rate, Right};
use crate::{EngineError, Mark};

/// Seconds of a year of 365 days.
pub const YEAR_SECS: u64 = 31_536_000;
