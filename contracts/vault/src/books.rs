//! Moving assets between the vault and its books.

use crate::{
    Vault,
    error::{Checked, Outcome},
    marks::MAX_BOOKS,
};
use alloy_primitives::{Address, B256, U8, U64, U128, U256};
use alloy_sol_types::SolCall;
use interfaces::{
    IBook, IVault,
    contract::{self, token},
};
use stylus_sdk::prelude::*;

/// Gas that a recall may use.
pub const RECALL_GAS: u64 = 500_000;
/// How long a surplus is noted before it is booked, in seconds.
pub const SURPLUS_DELAY_SECS: u64 = 3_600;

impl Vault {
    pub(crate) fn books_registered(&self) -> u8 {
        u8::try_from(self.book_count.get()).unwrap_or(MAX_BOOKS)
    }

    pub(crate) fn book_at(&self, index: u8) -> Address {
        self.books.getter(U256::from(index)).at.get()
    }

    /// The index of a book. Errors: `UnknownBook`.
    pub(crate) fn index_of(&self, book: Address) -> Outcome<u8> {
        let place = u8::try_from(self.limits.getter(book).place.get()).unwrap_or_default();
        Ok(place.checked_sub(1).ok_or(IVault::UnknownBook { book })?)
    }

    /// The open pocket of a book; zero if there is none. Errors: `UnknownBook`.
    pub(crate) fn pocket_of(&self, book: Address) -> Outcome<U256> {
        let index = self.index_of(book)?;
        Ok(U256::from(self.books.getter(U256::from(index)).pocket.get()))
    }

    /// A book must name this vault and hold its asset as token 0: anything else could never be recalled from.
    ///
    /// Errors: `UnknownBook`.
    fn check_allegiance(&self, book: Address) -> Outcome<()> {
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

    /// Registers a book. Errors: `ZeroAddress`, `BookExists`, `TooManyBooks`, `UnknownBook`, `MarkUnavailable`.
    pub(crate) fn register(&mut self, book: Address, cap: U256, isolated: bool) -> Outcome<()> {
        if book.is_zero() {
            return Err(IVault::ZeroAddress {}.into());
        }
        if self.index_of(book).is_ok() {
            return Err(IVault::BookExists { book }.into());
        }
        let count = self.books_registered();
        if count >= MAX_BOOKS {
            return Err(IVault::TooManyBooks {
                max: U256::from(MAX_BOOKS),
            }
            .into());
        }
        self.check_allegiance(book)?;
        let place = U8::saturating_from(count.saturating_add(1));
        let mut stored = self.books.setter(U256::from(count));
        stored.at.set(book);
        stored.pocket.set(U64::ZERO);
        stored.isolated.set(isolated);
        self.book_count.set(place);
        let mut limit = self.limits.setter(book);
        limit.place.set(place);
        limit.cap.set(cap);
        limit.allocated.set(U256::ZERO);
        contract::emit(self.vm(), &IVault::BookAdded { book, isolated });
        contract::emit(self.vm(), &IVault::BookCapSet { book, cap });
        self.measure_one(book)?;
        Ok(())
    }

    /// Forgets a book that is worth nothing; the last one takes its index.
    ///
    /// Errors: `UnknownBook`, `BookPocketed`, `MarkUnavailable`, `BookNotEmpty`.
    pub(crate) fn unregister(&mut self, book: Address) -> Outcome<()> {
        let index = self.index_of(book)?;
        let (measured, values) = self.measure_one(book)?;
        check_not_pocketed(book, U256::from(measured.pocket))?;
        if !values.max.is_zero() {
            return Err(IVault::BookNotEmpty { book }.into());
        }
        let last = self.books_registered().saturating_sub(1);
        if index != last {
            let moved = self.books.getter(U256::from(last));
            let (at, pocket, isolated) = (moved.at.get(), moved.pocket.get(), moved.isolated.get());
            let mut stored = self.books.setter(U256::from(index));
            stored.at.set(at);
            stored.pocket.set(pocket);
            stored.isolated.set(isolated);
            let place = U8::saturating_from(index.saturating_add(1));
            self.limits.setter(at).place.set(place);
        }
        let mut freed = self.books.setter(U256::from(last));
        freed.at.set(Address::ZERO);
        freed.pocket.set(U64::ZERO);
        freed.isolated.set(false);
        self.book_count.set(U8::saturating_from(last));
        let mut limit = self.limits.setter(book);
        limit.place.set(U8::ZERO);
        limit.cap.set(U256::ZERO);
        limit.allocated.set(U256::ZERO);
        contract::emit(self.vm(), &IVault::BookRemoved { book });
        Ok(())
    }

    /// Gives idle assets to a book.
    ///
    /// Errors: `UnknownBook`, `WindingDown`, `BookPocketed`, `BookInLoss`, `BookCapExceeded`, `InsufficientIdle`,
    /// `TransferFailed`; `MarkUnavailable` of an isolated book.
    pub(crate) fn push_to_book(&mut self, book: Address, assets: U256) -> Outcome<()> {
        let index = self.index_of(book)?;
        if self.winding_down.get() {
            return Err(IVault::WindingDown {}.into());
        }
        let stored = self.books.getter(U256::from(index));
        check_not_pocketed(book, U256::from(stored.pocket.get()))?;
        let before = self.limits.getter(book).allocated.get();
        if stored.isolated.get() {
            // An isolated book risks what it was given and no more: a loss is not refilled.
            let (_, values) = self.measure_one(book)?;
            if values.mid < before {
                return Err(IVault::BookInLoss {
                    book,
                    allocated: before,
                    value: values.mid,
                }
                .into());
            }
        }
        let idle = U256::from(self.idle.get());
        let Some(left) = idle.checked_sub(assets) else {
            return Err(IVault::InsufficientIdle { assets, idle }.into());
        };
        let mut limit = self.limits.setter(book);
        let allocated = before.saturating_add(assets);
        let cap = limit.cap.get();
        if allocated > cap {
            return Err(IVault::BookCapExceeded {
                book,
                assets: allocated,
                max: cap,
            }
            .into());
        }
        limit.allocated.set(allocated);
        self.idle.set(amount(left)?);
        contract::emit(self.vm(), &IVault::Allocated { book, assets });
        let asset = self.asset.get();
        token::transfer(Call::new_mutating(self), self.vm(), asset, book, assets)?;
        Ok(())
    }

    /// Takes back up to `assets` from `book` and books what arrives; a book that refuses gives 0.
    ///
    /// Returns what arrived, of which the pocket's part goes to those who left. Errors: `InsufficientGas`.
    pub(crate) fn pull_from_book(&mut self, book: Address, assets: U256) -> Outcome<U256> {
        let (asset, vault) = (self.asset.get(), self.vm().contract_address());
        let held = token::balance_of(self.vm(), asset, book)?;
        let wanted = assets.min(held);
        if wanted.is_zero() {
            return Ok(U256::ZERO);
        }
        let before = token::balance_of(self.vm(), asset, vault)?;
        let data = contract::encode(IBook::recallCall::SELECTOR, &[wanted.into()]);
        let done = contract::guarded_write(Call::new_mutating(self), self.vm(), book, &data, RECALL_GAS);
        if !done.map_err(|_| IVault::InsufficientGas {})? {
            return Ok(U256::ZERO);
        }
        let received = token::balance_of(self.vm(), asset, vault)?.saturating_sub(before);
        let mut limit = self.limits.setter(book);
        let allocated = limit.allocated.get().saturating_sub(received);
        limit.allocated.set(allocated);
        contract::emit(self.vm(), &IVault::Recalled { book, assets: received });
        let ours = self.divide(book, received)?;
        let idle = fixed::add(U256::from(self.idle.get()), ours).checked()?;
        self.idle.set(amount(idle)?);
        Ok(received)
    }

    /// Writes a book's loss off its allocation and its cap; returns it. Errors: `UnknownBook`, `MarkUnavailable`.
    pub(crate) fn write_off(&mut self, book: Address) -> Outcome<U256> {
        let (_, values) = self.measure_one(book)?;
        let mut limit = self.limits.setter(book);
        let loss = limit.allocated.get().saturating_sub(values.mid);
        if loss.is_zero() {
            return Ok(loss);
        }
        let (allocated, cap) = (limit.allocated.get(), limit.cap.get());
        limit.allocated.set(allocated.saturating_sub(loss));
        limit.cap.set(cap.saturating_sub(loss));
        contract::emit(self.vm(), &IVault::LossRealized { book, loss });
        Ok(loss)
    }

    /// Asset units in the vault that nobody booked.
    fn surplus(&self) -> Outcome<U256> {
        let vault = self.vm().contract_address();
        let held = token::balance_of(self.vm(), self.asset.get(), vault)?;
        let booked = fixed::add(U256::from(self.idle.get()), U256::from(self.claim_reserve.get())).checked()?;
        Ok(held.saturating_sub(booked))
    }

    /// Notes a surplus, or books one that was noted long enough ago; returns what was booked.
    ///
    /// Errors: `ZeroAmount`, `SurplusTooFresh`.
    pub(crate) fn sweep_surplus(&mut self) -> Outcome<U256> {
        let (now, surplus) = (self.vm().block_timestamp(), self.surplus()?);
        let noted = U256::from(self.surplus.get());
        if noted.is_zero() {
            if surplus.is_zero() {
                return Err(IVault::ZeroAmount {}.into());
            }
            let bookable_at = now.saturating_add(SURPLUS_DELAY_SECS);
            self.surplus.set(amount(surplus)?);
            self.surplus_bookable_at.set(U64::from_limbs([bookable_at]));
            contract::emit(
                self.vm(),
                &IVault::SurplusNoted {
                    assets: surplus,
                    bookableAt: U256::from(bookable_at),
                },
            );
            return Ok(U256::ZERO);
        }
        let bookable_at = U256::from(self.surplus_bookable_at.get());
        if U256::from(now) < bookable_at {
            return Err(IVault::SurplusTooFresh {
                bookableAt: bookable_at,
            }
            .into());
        }
        let booked = noted.min(surplus);
        let idle = fixed::add(U256::from(self.idle.get()), booked).checked()?;
        self.idle.set(amount(idle)?);
        self.surplus.set(U128::ZERO);
        self.shift_remembered(booked, U256::ZERO);
        contract::emit(self.vm(), &IVault::SurplusBooked { assets: booked });
        Ok(booked)
    }
}

/// Errors: `BookPocketed`.
fn check_not_pocketed(book: Address, pocket: U256) -> Outcome<()> {
    if pocket.is_zero() {
        Ok(())
    } else {
        Err(IVault::BookPocketed { book, pocket }.into())
    }
}

/// An amount as it is stored. Errors: `ArithmeticOverflow` from 2¹²⁸.
pub(crate) fn amount(value: U256) -> Outcome<U128> {
    match *value.as_limbs() {
        [low, high, 0, 0] => Ok(U128::from_limbs([low, high])),
        _ => Err(IVault::ArithmeticOverflow {}.into()),
    }
}
