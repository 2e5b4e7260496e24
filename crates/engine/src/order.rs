//! Orders at asynchronous venues: the entries of a book's ledger.
//!
//! An entry says what was asked for, and never what it is worth: an order is worth what the venue still holds for it,
//! read at each measurement, so that a lost callback or an early deletion can neither lose nor double value. Of what was
//! given to the venue nothing is recorded here.
//!
//! This is the format alone. What opens, fills, cancels and clears entries comes with the first asynchronous venue.
//!
//! An entry is [`WORDS`] words, all numbers big-endian; bytes that the table does not name are zero:
//!
//! | word | bytes | what |
//! |---|---|---|
//! | 0 | 0..32 | the venue's key of the order |
//! | 1 | 0 | kind: 1 increase, 2 decrease |
//! | 1 | 1 | index of the underlying, from 1 |
//! | 1 | 4..12 | deadline, Unix seconds |
//! | 1 | 12..32 | adapter |
//! | 2 | 12..32 | market |
//! | 3 | 0..16 | expected change of delta, signed, tokens with 18 decimals |
//! | 3 | 16..32 | acceptable price ≥ 0, asset units per token with 18 decimals |
//!
//! Word 1 of an entry is never zero, so that an empty place can be told from an entry.

use alloc::vec::Vec;

use fixed::Wad;

/// Words of an entry.
pub const WORDS: usize = 4;
/// Most orders that a book has open at once.
pub const MAX_OPEN: usize = 4;

/// What an order does to the position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Opens the position or adds to it.
    Increase,
    /// Takes from the position or closes it.
    Decrease,
}

/// An order that was handed to a venue, and not yet seen to be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// By what the venue knows it.
    pub key: [u8; 32],
    /// Address of the adapter that encoded it, and that is asked what the venue holds for it.
    pub adapter: [u8; 20],
    /// What it does.
    pub kind: Kind,
    /// Index of the underlying, from 1.
    pub underlying: u8,
    /// The venue's address of the market. A book has at most one open order in a market.
    pub market: [u8; 20],
    /// Change of the book's delta if it is filled in full, in tokens.
    pub expected_delta: Wad,
    /// The worst price at which it may be filled, in asset units per token, ≥ 0.
    pub acceptable_price: Wad,
    /// When it may be cancelled, in Unix seconds.
    pub deadline: u64,
}

/// Why words are no entry, or a list of entries cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderFault {
    /// No order has this kind.
    UnknownKind(u8),
    /// The underlying is 0.
    Underlying,
    /// The acceptable price is negative.
    Price,
    /// A byte without meaning is not zero.
    Padding,
    /// The words are not a whole number of entries.
    Truncated,
    /// More than [`MAX_OPEN`] entries.
    TooMany,
}

impl Order {
    /// The entry's words. Exact.
    ///
    /// Errors: [`OrderFault::Underlying`], [`OrderFault::Price`].
    pub fn pack(&self) -> Result<[[u8; 32]; WORDS], OrderFault> {
        self.check()?;
        let mut head = [0; 32];
        let kind = match self.kind {
            Kind::Increase => 1,
            Kind::Decrease => 2,
        };
        put(&mut head, 0, &[kind, self.underlying]);
        put(&mut head, 4, &self.deadline.to_be_bytes());
        put(&mut head, 12, &self.adapter);
        let mut market = [0; 32];
        put(&mut market, 12, &self.market);
        let mut numbers = [0; 32];
        put(&mut numbers, 0, &self.expected_delta.0.to_be_bytes());
        put(&mut numbers, 16, &self.acceptable_price.0.to_be_bytes());
        Ok([self.key, head, market, numbers])
    }

    /// The order of an entry. Strict: [`Order::pack`] gives the same words back.
    ///
    /// Errors: every [`OrderFault`] but `Truncated` and `TooMany`.
    pub fn unpack(words: &[[u8; 32]; WORDS]) -> Result<Self, OrderFault> {
        let [key, head, market, numbers] = words;
        let [kind, underlying, ..] = *head;
        let kind = match kind {
            1 => Kind::Increase,
            2 => Kind::Decrease,
            other => return Err(OrderFault::UnknownKind(other)),
        };
        if take::<2>(head, 2) != [0; 2] || take::<12>(market, 0) != [0; 12] {
            return Err(OrderFault::Padding);
        }
        let order = Self {
            key: *key,
            adapter: take(head, 12),
            kind,
            underlying,
            market: take(market, 12),
            expected_delta: Wad(i128::from_be_bytes(take(numbers, 0))),
            acceptable_price: Wad(i128::from_be_bytes(take(numbers, 16))),
            deadline: u64::from_be_bytes(take(head, 4)),
        };
        order.check()?;
        Ok(order)
    }

    fn check(&self) -> Result<(), OrderFault> {
        if self.underlying == 0 {
            return Err(OrderFault::Underlying);
        }
        if self.acceptable_price.0 < 0 {
            return Err(OrderFault::Price);
        }
        Ok(())
    }
}

/// The open orders of a ledger, in its order.
///
/// Errors: those of [`Order::unpack`], [`OrderFault::Truncated`], [`OrderFault::TooMany`].
pub fn orders(words: &[[u8; 32]]) -> Result<Vec<Order>, OrderFault> {
    let (entries, rest) = words.as_chunks::<WORDS>();
    if !rest.is_empty() {
        return Err(OrderFault::Truncated);
    }
    if entries.len() > MAX_OPEN {
        return Err(OrderFault::TooMany);
    }
    entries.iter().map(Order::unpack).collect()
}

/// Writes `bytes` into the word from `start` on.
fn put(word: &mut [u8; 32], start: usize, bytes: &[u8]) {
    for (target, byte) in word.iter_mut().skip(start).zip(bytes) {
        *target = *byte;
    }
}

/// `N` bytes of the word from `start` on.
fn take<const N: usize>(word: &[u8; 32], start: usize) -> [u8; N] {
    let mut out = [0; N];
    for (target, byte) in out.iter_mut().zip(word.iter().skip(start)) {
        *target = *byte;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    const ORDER: Order = Order {
        key: [0xAB; 32],
        adapter: [0x11; 20],
        kind: Kind::Decrease,
        underlying: 1,
        market: [0x22; 20],
        expected_delta: Wad(-3),
        acceptable_price: Wad(i128::MAX),
        deadline: 0x0102_0304_0506_0708,
    };

    /// The words of [`ORDER`] as the table says, written out.
    fn words() -> [[u8; 32]; WORDS] {
        let mut head = [0x11; 32];
        head[..12].copy_from_slice(&[2, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        let mut market = [0x22; 32];
        market[..12].fill(0);
        let mut numbers = [0xff; 32];
        numbers[15] = 0xfd;
        numbers[16] = 0x7f;
        [[0xAB; 32], head, market, numbers]
    }

    #[test]
    fn pack_puts_every_field_where_the_table_says() {
        assert_eq!(ORDER.pack(), Ok(words()));
        assert_eq!(Order::unpack(&words()), Ok(ORDER));
    }

    #[test]
    fn pack_what_no_entry_may_hold_is_refused() {
        let underlying = Order { underlying: 0, ..ORDER };
        assert_eq!(underlying.pack(), Err(OrderFault::Underlying));
        let price = Order {
            acceptable_price: Wad(-1),
            ..ORDER
        };
        assert_eq!(price.pack(), Err(OrderFault::Price));
    }

    #[test]
    fn unpack_every_byte_without_meaning_must_be_zero() {
        for (word, byte) in [(1, 2), (1, 3)].into_iter().chain((0..12).map(|byte| (2, byte))) {
            let mut words = words();
            words[word][byte] = 1;
            assert_eq!(
                Order::unpack(&words),
                Err(OrderFault::Padding),
                "word {word} byte {byte}"
            );
        }
    }

    #[test]
    fn unpack_an_empty_place_is_no_order() {
        assert_eq!(Order::unpack(&[[0; 32]; WORDS]), Err(OrderFault::UnknownKind(0)));
    }

    #[test]
    fn orders_are_whole_entries_and_at_most_four() {
        let mut ledger = vec![];
        for count in 0..=MAX_OPEN {
            assert_eq!(orders(&ledger), Ok(vec![ORDER; count]));
            ledger.extend(words());
        }
        assert_eq!(orders(&ledger), Err(OrderFault::TooMany));
        ledger.truncate(WORDS + 1);
        assert_eq!(orders(&ledger), Err(OrderFault::Truncated));
    }

    fn any_order() -> impl Strategy<Value = Order> {
        let who = (any::<[u8; 32]>(), any::<[u8; 20]>(), any::<[u8; 20]>());
        let what = (any::<bool>(), 1..=u8::MAX, any::<i128>(), 0..=i128::MAX, any::<u64>());
        (who, what).prop_map(
            |((key, adapter, market), (increase, underlying, delta, price, deadline))| Order {
                key,
                adapter,
                kind: if increase { Kind::Increase } else { Kind::Decrease },
                underlying,
                market,
                expected_delta: Wad(delta),
                acceptable_price: Wad(price),
                deadline,
            },
        )
    }

    proptest! {
        /// What is packed comes back as it was.
        #[test]
        fn unpack_reverses_pack(order in any_order()) {
            prop_assert_eq!(Order::unpack(&order.pack().unwrap()), Ok(order));
        }

        /// Words either are no entry or are the very words that their order packs to.
        #[test]
        fn pack_reverses_unpack(order in any_order(), word in 0..WORDS, byte in 0..32_usize, value in any::<u8>()) {
            let mut words = order.pack().unwrap();
            words[word][byte] = value;
            if let Ok(other) = Order::unpack(&words) {
                prop_assert_eq!(other.pack(), Ok(words));
            }
        }
    }
}
