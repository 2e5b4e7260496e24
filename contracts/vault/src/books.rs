//! Books: what they are worth, and moving assets between them and the vault.

use crate::{
    Vault,
    error::{Checked, Outcome},
};
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use interfaces::{
    IBook, IVault,
    contract::{self, token},
};
use stylus_sdk::prelude::*;

/// Most books of a vault. One for now: what the redemption queue needs is not yet shared out between books, and each
/// would raise all of it.
pub const MAX_BOOKS: u8 = 1;
/// Gas that measuring one book may use.
pub const MARKS_GAS: u64 = 2_500_000;

/// The three values of the vault, in asset units.
pub(crate) struct Marks {
    /// Lowest value (rounded down); a book that cannot be measured counts as 0.
    pub(crate) min: U256,
    /// Value at oracle prices (rounded down); a book that cannot be measured counts as 0.
    pub(crate) mid: U256,
    /// Highest value (rounded up). Meaningless if `failed`.
    pub(crate) max: U256,
    /// A book that could not be measured.
    pub(crate) failed: Option<Address>,
}

impl Vault {
    /// Measures everything that belongs to all shares: idle assets and every book.
    ///
    /// Errors: `InsufficientGas` if the caller left too little to tell a failing book from a starved call.
    pub(crate) fn measure(&self) -> Outcome<Marks> {
        let idle = self.idle.get();
        let mut marks = Marks {
            min: idle,
            mid: idle,
            max: idle,
            failed: None,
        };
        for index in 0..self.books_registered() {
            let book = self.book_at(index);
            let data = contract::guarded_view(self.vm(), book, &IBook::marksCall::SELECTOR, MARKS_GAS)
                .map_err(|_| IVault::InsufficientGas {})?;
            let values = data.and_then(|data| {
                let word = |at| contract::uint_at(&data, at);
                Some((word(0)?, word(1)?, word(2)?))
            });
            match values {
                Some((min, mid, max)) if min <= mid && mid <= max => {
                    marks.min = fixed::add(marks.min, min).checked()?;
                    marks.mid = fixed::add(marks.mid, mid).checked()?;
                    marks.max = fixed::add(marks.max, max).checked()?;
                }
                _ => marks.failed = Some(book),
            }
        }
        Ok(marks)
    }

    /// As `measure`, for minting. Errors: `MarkUnavailable` if a book cannot be measured.
    pub(crate) fn measure_all(&self) -> Outcome<Marks> {
        let marks = self.measure()?;
        match marks.failed {
            None => Ok(marks),
            Some(book) => Err(IVault::MarkUnavailable { book }.into()),
        }
    }

    /// Asset units that can still be deposited; 0 while a book cannot be measured.
    pub(crate) fn room(&self, marks: &Marks) -> U256 {
        if marks.failed.is_some() {
            U256::ZERO
        } else {
            self.deposit_cap.get().saturating_sub(marks.mid)
        }
    }

    /// Shares for the largest deposit possible now, rounded down; the largest number if there is no cap in reach.
    pub(crate) fn shares_for_room(&self, marks: &Marks) -> U256 {
        self.shares_for_deposit_down(self.room(marks), marks.max)
            .unwrap_or(U256::MAX)
    }

    pub(crate) fn books_registered(&self) -> u8 {
        u8::try_from(self.book_count.get()).unwrap_or(MAX_BOOKS)
    }

    pub(crate) fn book_at(&self, index: u8) -> Address {
        self.books.get(U256::from(index))
    }

    /// Errors: `UnknownBook`.
    pub(crate) fn check_book(&self, book: Address) -> Outcome<()> {
        if self.limits.getter(book).registered.get() {
            Ok(())
        } else {
            Err(IVault::UnknownBook { book }.into())
        }
    }

    /// A book must name this vault and hold its asset as token 0: anything else could never be recalled from.
    ///
    /// Errors: `UnknownBook`.
    pub(crate) fn check_allegiance(&self, book: Address) -> Outcome<()> {
        let vault = contract::view_address(self.vm(), book, IBook::vaultCall::SELECTOR);
        let token = contract::view_uint(self.vm(), book, IBook::tokenCall::SELECTOR, &[B256::ZERO]);
        let ours = vault.is_ok_and(|vault| vault == self.vm().contract_address())
            && token.is_ok_and(|token| Address::from_word(token.into()) == self.asset.get());
        if ours {
            Ok(())
        } else {
            Err(IVault::UnknownBook { book }.into())
        }
    }

    /// Takes back up to `assets` from `book` and books what arrives; a book that refuses gives 0.
    pub(crate) fn pull_from_book(&mut self, book: Address, assets: U256) -> Outcome<U256> {
        let (asset, vault) = (self.asset.get(), self.vm().contract_address());
        let held = token::balance_of(self.vm(), asset, book)?;
        let wanted = assets.min(held);
        if wanted.is_zero() {
            return Ok(U256::ZERO);
        }
        let before = token::balance_of(self.vm(), asset, vault)?;
        let data = contract::encode(IBook::recallCall::SELECTOR, &[wanted.into()]);
        if contract::write(Call::new_mutating(self), self.vm(), book, &data).is_err() {
            return Ok(U256::ZERO);
        }
        let received = token::balance_of(self.vm(), asset, vault)?.saturating_sub(before);
        let idle = fixed::add(self.idle.get(), received).checked()?;
        self.idle.set(idle);
        let mut limit = self.limits.setter(book);
        let allocated = limit.allocated.get().saturating_sub(received);
        limit.allocated.set(allocated);
        contract::emit(self.vm(), &IVault::Recalled { book, assets: received });
        Ok(received)
    }
}
