//! What every Stylus contract of Gimbal shares: revert data, calls, token transfers and the authorisation rule.
//!
//! Nothing here is generic over types that would be compiled once per use: a contract pays for each
//! helper once.

mod auth;
mod calls;
mod events;
mod field;
mod layout;
mod revert;
pub mod router;
mod structs;
pub mod token;
pub mod transient;

pub use auth::{authorise, claim_constructor_initialisation, claim_initialisation, require_unlocked};
pub use calls::{
    Arg, Starved, address_at, encode, encode_args, guarded_view, guarded_write, int_at, raw_words, uint_at, view,
    view_address, view_at_most, view_uint, words_at, write,
};
pub use events::{WordEvent, emit};
#[cfg(feature = "export-abi")]
pub use revert::ErrorList;
pub use revert::{Bubble, Revert, WordError};
pub use structs::{
    BOOK_VIEW_WORDS, DECISION_WORDS, DISTANCES, EXCESS_WORDS, EXPOSURE_WORDS, FACTS_WORDS, OVERVIEW_WORDS,
    REPORT_WORDS, decision_at, report_at,
};

use alloy_primitives::U256;

/// One, at the fixed-point scale of the edges: 1e18.
pub const WAD: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);
