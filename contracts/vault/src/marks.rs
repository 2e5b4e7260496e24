//! What everything is worth, measured now.

use crate::{
    Vault,
    books::amount,
    error::{Checked, Outcome},
};
use alloc::vec::Vec;
use alloy_primitives::{Address, U64, U128, U256};
use alloy_sol_types::SolCall;
use engine::pocket::Pocket;
use interfaces::{
    IBook, IVault,
    contract::{self, Starved},
};
use stylus_sdk::prelude::*;

/// Most books of a vault.
pub const MAX_BOOKS: u8 = 8;
/// Gas that measuring one book may use. Eight books that use all of it leave room in a transaction of 32 million.
pub const MARKS_GAS: u64 = 1_500_000;
/// 100 %, in basis points.
pub(crate) const BPS: U256 = U256::from_limbs([10_000, 0, 0, 0]);

/// Three values in asset units: lowest (rounded down), at oracle prices (down), highest (up).
#[derive(Clone, Copy, Default)]
pub(crate) struct Values {
    pub(crate) min: U256,
    pub(crate) mid: U256,
    pub(crate) max: U256,
}

/// A book and what it answered.
pub(crate) struct MeasuredBook {
    pub(crate) at: Address,
    /// Its open pocket; zero if there is none.
    pub(crate) pocket: U64,
    pub(crate) isolated: bool,
    /// What the book is worth, the pocket's part included; `None` if it cannot be measured.
    pub(crate) values: Option<Values>,
    /// What of it belongs to the shares.
    pub(crate) ours: Values,
    /// How far its pools are from the oracle, in basis points.
    pub(crate) disturbance: U256,
}

/// The vault's values and those of its books.
pub(crate) struct Marks {
    /// A book that cannot be measured counts as nothing.
    pub(crate) values: Values,
    pub(crate) books: Vec<MeasuredBook>,
}

impl Marks {
    /// The first book that cannot be measured.
    pub(crate) fn failed(&self) -> Option<Address> {
        let failed = self.books.iter().find(|book| book.values.is_none());
        failed.map(|book| book.at)
    }
}

impl Values {
    /// Highest less lowest value in basis points of the mid, rounded up; the largest number if only the mid is 0.
    pub(crate) fn spread_bps(&self) -> U256 {
        let width = self.max.saturating_sub(self.min);
        if width.is_zero() {
            return width;
        }
        fixed::mul_div_up(width, BPS, self.mid).unwrap_or(U256::MAX)
    }
}

impl Vault {
    /// Measures everything that belongs to all shares, for a view: a book that the caller left too little gas for counts
    /// as one that cannot be measured, and so does every book while the system is at work: its value would be half-way.
    pub(crate) fn look(&self) -> Outcome<Marks> {
        let locked = self.is_locked();
        self.sum(|book| {
            Ok(if locked {
                None
            } else {
                self.measure_book(book).ok().flatten()
            })
        })
    }

    /// As `look`, for a transaction. Errors: `InsufficientGas`.
    pub(crate) fn measure(&self) -> Outcome<Marks> {
        self.sum(|book| Ok(self.measure_book(book).map_err(|_| IVault::InsufficientGas {})?))
    }

    /// As `measure`, and remembers the result. Errors: `MarkUnavailable` if a book cannot be measured.
    pub(crate) fn measure_all(&mut self) -> Outcome<Marks> {
        let marks = self.measure()?;
        if let Some(book) = marks.failed() {
            return Err(IVault::MarkUnavailable { book }.into());
        }
        self.remember(&marks);
        Ok(marks)
    }

    /// Keeps the totals for views while a book cannot be measured.
    pub(crate) fn remember(&mut self, marks: &Marks) {
        self.last_mid.set(U128::saturating_from(marks.values.mid));
        self.last_max.set(U128::saturating_from(marks.values.max));
    }

    /// Moves the remembered totals by what came and what went since.
    pub(crate) fn shift_remembered(&mut self, came: U256, went: U256) {
        let shift = |last: U128| U128::saturating_from(U256::from(last).saturating_add(came).saturating_sub(went));
        let (mid, max) = (shift(self.last_mid.get()), shift(self.last_max.get()));
        self.last_mid.set(mid);
        self.last_max.set(max);
    }

    /// The marks of one book of the vault. Errors: `InsufficientGas`, `MarkUnavailable`, `UnknownBook`.
    pub(crate) fn measure_one(&self, book: Address) -> Outcome<(MeasuredBook, Values)> {
        let index = self.index_of(book)?;
        let read = |at| Ok(self.measure_book(at).map_err(|_| IVault::InsufficientGas {})?);
        let measured = self.measured(index, &read)?;
        match measured.values {
            Some(values) => Ok((measured, values)),
            None => Err(IVault::MarkUnavailable { book }.into()),
        }
    }

    fn sum(&self, read: impl Fn(Address) -> Outcome<Option<(Values, U256)>>) -> Outcome<Marks> {
        let idle = U256::from(self.idle.get());
        let mut values = Values {
            min: idle,
            mid: idle,
            max: idle,
        };
        let mut books = Vec::new();
        for index in 0..self.books_registered() {
            let book = self.measured(index, &read)?;
            values.min = fixed::add(values.min, book.ours.min).checked()?;
            values.mid = fixed::add(values.mid, book.ours.mid).checked()?;
            values.max = fixed::add(values.max, book.ours.max).checked()?;
            books.push(book);
        }
        Ok(Marks { values, books })
    }

    fn measured(&self, index: u8, read: &impl Fn(Address) -> Outcome<Option<(Values, U256)>>) -> Outcome<MeasuredBook> {
        let stored = self.books.getter(U256::from(index));
        let (at, pocket, isolated) = (stored.at.get(), stored.pocket.get(), stored.isolated.get());
        let answer = read(at)?;
        let (values, disturbance) = match answer {
            Some((values, disturbance)) => (Some(values), disturbance),
            None => (None, U256::ZERO),
        };
        let mut ours = values.unwrap_or_default();
        if !pocket.is_zero() {
            let pocket: Pocket = self.load_pocket(U256::from(pocket));
            ours = Values {
                min: pocket.rest_down(ours.min).checked()?,
                mid: pocket.rest_down(ours.mid).checked()?,
                max: pocket.rest_up(ours.max).checked()?,
            };
        }
        Ok(MeasuredBook {
            at,
            pocket,
            isolated,
            values,
            ours,
            disturbance,
        })
    }

    /// What `book` says it is worth, and its disturbance; `None` if it fails, or says what cannot be.
    fn measure_book(&self, book: Address) -> Result<Option<(Values, U256)>, Starved> {
        let data = contract::guarded_view(self.vm(), book, &IBook::marksCall::SELECTOR, MARKS_GAS, 4 * 32)?;
        Ok(data.and_then(|data| {
            let word = |at| contract::uint_at(&data, at);
            let values = Values {
                min: word(0)?,
                mid: word(1)?,
                max: word(2)?,
            };
            // Amounts beyond 2¹²⁸ are no amounts: they would make sums overflow.
            let plausible = values.min <= values.mid && values.mid <= values.max && amount(values.max).is_ok();
            plausible.then_some((values, word(3)?))
        }))
    }
}
