//! The pure risk engine: what a book is worth, how much risk it carries, and what to do about it.
//!
//! ```text
//! packed legs + prices ─▶ leg ─▶ mark ─▶ report ─▶ decide ─▶ (execution elsewhere) ─▶ accept
//!                                 ▲        ▲          ▲                                 ▲
//!             range, lvr, option ─┘      params ──────┴─────────────────────────────────┘
//!                                        liquidation, drawdown, hedge
//! ```
//!
//! The same code runs in the contracts, in the keeper and in tests: no chain types, no floating point, no panics.
//! Values are in whole units of the vault's asset, quantities in whole tokens, both as [`fixed::Wad`].
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod accept;
pub mod bounty;
pub mod decide;
pub mod drawdown;
pub mod fees;
pub mod hedge;
pub mod leg;
pub mod liquidation;
pub mod lvr;
pub mod margin;
pub mod mark;
pub mod option;
pub mod order;
pub mod params;
pub mod pocket;
pub mod range;
pub mod report;
pub mod shares;
#[cfg(test)]
mod testing;
pub mod venue;
mod wide;

use fixed::MathError;

pub use accept::{Rejection, accept};
pub use bounty::bounty_down;
pub use decide::{Action, Decision, Facts, Means, Oracle, Side, decide};
pub use leg::{Leg, LegError, LegFault, legs};
pub use mark::Mark;
pub use params::{BandKind, ParamError, ParamId, Params, TargetMode};
pub use report::{Assessment, Exposure, Measured, Price, Report, assess};

/// The number of underlyings a book may hold, besides the asset itself.
pub const MAX_UNDERLYINGS: usize = 4;

/// Why a book cannot be assessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineError {
    /// A result is out of range.
    Math(MathError),
    /// The packed legs are malformed.
    Leg(LegError),
    /// A leg whose valuation is not implemented. Never counted as zero.
    UnvaluedLeg {
        /// The leg's kind, as packed.
        kind: u8,
    },
    /// A leg names an underlying without a price.
    UnknownUnderlying {
        /// The index that the leg names.
        underlying: u8,
    },
    /// More than [`MAX_UNDERLYINGS`] underlyings are priced.
    TooManyUnderlyings,
    /// A price that is not positive, a confidence of 100 % or more, or an asset (index 0) that is not exactly 1.0.
    BadPrice {
        /// The index of the price.
        underlying: u8,
    },
    /// Parameters outside their hard range.
    Param(ParamError),
    /// An option outside the domain of the formula.
    Pricing {
        /// The position of its leg in the book; [`usize::MAX`] for an option that is not part of one, and for options
        /// that are too much together.
        leg: usize,
        /// What is out of range.
        error: pricing::Error,
    },
}

impl EngineError {
    /// This error as one of the leg at the position `leg`.
    #[must_use]
    fn at(self, leg: usize) -> Self {
        match self {
            Self::Pricing { error, .. } => Self::Pricing { leg, error },
            other => other,
        }
    }
}

impl From<MathError> for EngineError {
    fn from(error: MathError) -> Self {
        Self::Math(error)
    }
}

impl From<LegError> for EngineError {
    fn from(error: LegError) -> Self {
        Self::Leg(error)
    }
}

impl From<ParamError> for EngineError {
    fn from(error: ParamError) -> Self {
        Self::Param(error)
    }
}

impl From<pricing::Error> for EngineError {
    fn from(error: pricing::Error) -> Self {
        Self::Pricing { leg: usize::MAX, error }
    }
}
