//! Static structs out of returned words.

use super::router::struct_at;
use crate::{Decision, Report};

/// Words of an [`Exposure`](crate::Exposure).
pub const EXPOSURE_WORDS: usize = 13;
/// Words of an [`Excess`](crate::Excess).
pub const EXCESS_WORDS: usize = 6;
/// Words of a [`Report`].
pub const REPORT_WORDS: usize = 18 + EXCESS_WORDS + EXPOSURE_WORDS;
/// Words of a [`Decision`].
pub const DECISION_WORDS: usize = 20 + DISTANCES;
/// Entries of a decision's distances.
pub const DISTANCES: usize = 9;
/// Words of an [`Overview`](crate::Overview).
pub const OVERVIEW_WORDS: usize = 24;
/// Words of a [`BookView`](crate::BookView).
pub const BOOK_VIEW_WORDS: usize = 9;
/// Words of [`Facts`](crate::Facts).
pub const FACTS_WORDS: usize = 10;

/// The report that starts at the `start`-th word.
pub fn report_at(data: &[u8], start: usize) -> Option<Report> {
    struct_at(data, start)
}

/// The decision that starts at the `start`-th word.
pub fn decision_at(data: &[u8], start: usize) -> Option<Decision> {
    struct_at(data, start)
}
