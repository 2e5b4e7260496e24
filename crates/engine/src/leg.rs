//! Positions, and how they travel between contracts: one or two 32-byte words per leg.
//!
//! Every word that starts a leg has byte 0 = kind, byte 1 = index of the underlying (0 = the asset, for cash and debt;
//! underlyings start at 1) and bytes 2..18 = the quantity, a signed 128-bit [`Wad`]. All numbers are big-endian.
//! Bytes that the table does not name are zero.
//!
//! | # | kind | quantity (18 decimals) | bytes 18..32 | second word |
//! |---|---|---|---|---|
//! | 1 | cash | asset units, ≥ 0 | – | – |
//! | 2 | debt | asset units, ≥ 0 | 18..22 rate | – |
//! | 3 | spot | tokens, ≥ 0 | – | – |
//! | 4 | borrowed spot | tokens, ≥ 0 | 18..22 rate | – |
//! | 5 | perp | size in tokens, > 0 long | 18..30 collateral ≥ 0 · 30..32 maintenance | 0..12 cost basis · 12..24 accrued · 24..28 rate · 31 collateral token (0 asset, 1 underlying) |
//! | 6 | liquidity | L ≥ 0 | 18..30 fees in the asset ≥ 0 | 0..10 √Pa > 0 · 10..20 √Pb > √Pa · 20..32 fees in the underlying ≥ 0 |
//! | 7 | option | tokens, > 0 bought | 18..30 strike > 0 · 31 right (0 call, 1 put) | 0..12 forward > 0 · 12..16 volatility ≥ 0 · 16..20 rate · 20..28 expiry ≥ 0 |
//! | 8 | order | expected delta in tokens | 18..30 collateral ≥ 0 | – |
//!
//! Units: 12-byte and 10-byte fields are signed with 18 decimals like [`Wad`] itself, only narrower (12 bytes reach
//! ±3.9e10 units, 10 bytes ±6.0e5), so packing never rounds: what does not fit is an error. 4-byte fields are
//! [`Rate`]s, maintenance is in basis points, expiry in Unix seconds.

use alloc::vec::Vec;

use fixed::{BPS, Bps, U256, Wad};

/// An annual rate or volatility in millionths per 1.00: 1,000,000 = 100 % a year. Range about ±214,700 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(pub i32);

impl Rate {
    /// The rate per 1.00. Exact.
    pub const fn wad(self) -> Wad {
        // 32 bits times 1e12 always fit.
        Wad((self.0 as i128).wrapping_mul(1_000_000_000_000))
    }
}

/// One position (design section 3). All amounts are [`Wad`]: asset units, whole tokens, or asset units per token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// The asset, available at once.
    Cash {
        /// Asset units, ≥ 0.
        amount: Wad,
    },
    /// Asset owed.
    Debt {
        /// Asset units, ≥ 0.
        amount: Wad,
        /// Interest paid.
        rate: Rate,
    },
    /// A token held.
    Spot {
        /// Index of the underlying, from 1.
        underlying: u8,
        /// Tokens, ≥ 0.
        quantity: Wad,
    },
    /// A token owed.
    BorrowedSpot {
        /// Index of the underlying, from 1.
        underlying: u8,
        /// Tokens, ≥ 0.
        quantity: Wad,
        /// Interest paid.
        rate: Rate,
    },
    /// A perpetual future.
    Perp {
        /// Index of the underlying, from 1.
        underlying: u8,
        /// Tokens, positive for a long.
        size: Wad,
        /// Size times entry price in asset units, with the sign of the size.
        cost_basis: Wad,
        /// Collateral ≥ 0, in asset units or tokens.
        collateral: Wad,
        /// Whether the collateral is held in the underlying (tokens) instead of the asset.
        collateral_in_underlying: bool,
        /// Funding and borrow fees accrued and not yet settled, in asset units; positive if the position owes them.
        accrued: Wad,
        /// The venue's maintenance margin as a share of the notional, at most 100 %.
        maintenance: Bps,
        /// Funding and borrow fees as a share of the notional; positive if the position pays.
        rate: Rate,
    },
    /// Concentrated liquidity between two prices.
    Liquidity {
        /// Index of the underlying, from 1.
        underlying: u8,
        /// L ≥ 0 for whole units, √(asset units · tokens).
        liquidity: Wad,
        /// Square root of the lower price bound, > 0.
        sqrt_lower: Wad,
        /// Square root of the upper price bound, above the lower.
        sqrt_upper: Wad,
        /// Uncollected fees in asset units, ≥ 0.
        fees_asset: Wad,
        /// Uncollected fees in tokens, ≥ 0.
        fees_underlying: Wad,
    },
    /// A European option on the forward.
    Option {
        /// Index of the underlying, from 1.
        underlying: u8,
        /// Call or put.
        right: Right,
        /// Tokens, positive if bought.
        quantity: Wad,
        /// Strike in asset units per token, > 0.
        strike: Wad,
        /// Forward price for the expiry in asset units per token, > 0.
        forward: Wad,
        /// Implied volatility, ≥ 0.
        volatility: Rate,
        /// Discount rate.
        rate: Rate,
        /// Unix time of expiry in seconds.
        expiry: u64,
    },
    /// An order that an asynchronous venue still holds.
    Order {
        /// Index of the underlying, from 1.
        underlying: u8,
        /// Change of the book's delta when it is filled, in tokens.
        expected_delta: Wad,
        /// Recorded collateral and refundable fee in asset units, ≥ 0.
        collateral: Wad,
    },
}

/// What an option gives its buyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// The right to buy.
    Call,
    /// The right to sell.
    Put,
}

/// A leg that cannot be packed or unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegError {
    /// The word it is about, counted from the start of the packed words (or of the leg, when packing one).
    pub word: usize,
    /// What is wrong with it.
    pub fault: LegFault,
}

/// What is wrong with a packed leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegFault {
    /// No leg has this kind.
    UnknownKind(u8),
    /// The underlying is 0 where one is needed, or not 0 for cash and debt.
    Underlying(u8),
    /// A byte without meaning is not zero.
    Padding,
    /// A field is outside its range, or does not fit its place.
    Range,
    /// The leg needs another word.
    Truncated,
}

const CASH: u8 = 1;
const DEBT: u8 = 2;
const SPOT: u8 = 3;
const BORROWED_SPOT: u8 = 4;
const PERP: u8 = 5;
const LIQUIDITY: u8 = 6;
const OPTION: u8 = 7;
const ORDER: u8 = 8;

impl Leg {
    /// The kind's number, byte 0 of the packed leg.
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Cash { .. } => CASH,
            Self::Debt { .. } => DEBT,
            Self::Spot { .. } => SPOT,
            Self::BorrowedSpot { .. } => BORROWED_SPOT,
            Self::Perp { .. } => PERP,
            Self::Liquidity { .. } => LIQUIDITY,
            Self::Option { .. } => OPTION,
            Self::Order { .. } => ORDER,
        }
    }

    /// The index of the underlying; 0 for cash and debt.
    pub const fn underlying(&self) -> u8 {
        match *self {
            Self::Cash { .. } | Self::Debt { .. } => 0,
            Self::Spot { underlying, .. }
            | Self::BorrowedSpot { underlying, .. }
            | Self::Perp { underlying, .. }
            | Self::Liquidity { underlying, .. }
            | Self::Option { underlying, .. }
            | Self::Order { underlying, .. } => underlying,
        }
    }

    /// Appends the packed leg to `out`. Exact: packing and unpacking give the same leg.
    ///
    /// [`LegFault::Underlying`] and [`LegFault::Range`] for a leg that [`unpack`] would refuse or that does not fit;
    /// `out` is then unchanged.
    pub fn pack(&self, out: &mut Vec<[u8; 32]>) -> Result<(), LegError> {
        let mut first = Word::default();
        let mut second = None;
        first.put(0, 1, i128::from(self.kind()));
        first.put(1, 1, i128::from(self.underlying()));
        let quantity = match *self {
            Self::Cash { amount } => amount,
            Self::Debt { amount, rate } => {
                first.put(18, 4, i128::from(rate.0));
                amount
            }
            Self::Spot { quantity, .. } => quantity,
            Self::BorrowedSpot { quantity, rate, .. } => {
                first.put(18, 4, i128::from(rate.0));
                quantity
            }
            Self::Perp {
                size,
                cost_basis,
                collateral,
                collateral_in_underlying,
                accrued,
                maintenance,
                rate,
                ..
            } => {
                first.put(18, 12, collateral.0);
                first.put(30, 2, i128::from(maintenance.0));
                let word = second.insert(Word::default());
                word.put(0, 12, cost_basis.0);
                word.put(12, 12, accrued.0);
                word.put(24, 4, i128::from(rate.0));
                word.put(31, 1, i128::from(collateral_in_underlying));
                size
            }
            Self::Liquidity {
                liquidity,
                sqrt_lower,
                sqrt_upper,
                fees_asset,
                fees_underlying,
                ..
            } => {
                first.put(18, 12, fees_asset.0);
                let word = second.insert(Word::default());
                word.put(0, 10, sqrt_lower.0);
                word.put(10, 10, sqrt_upper.0);
                word.put(20, 12, fees_underlying.0);
                liquidity
            }
            Self::Option {
                right,
                quantity,
                strike,
                forward,
                volatility,
                rate,
                expiry,
                ..
            } => {
                first.put(18, 12, strike.0);
                first.put(31, 1, i128::from(right == Right::Put));
                let word = second.insert(Word::default());
                word.put(0, 12, forward.0);
                word.put(12, 4, i128::from(volatility.0));
                word.put(16, 4, i128::from(rate.0));
                word.put(20, 8, i128::from(expiry));
                quantity
            }
            Self::Order {
                expected_delta,
                collateral,
                ..
            } => {
                first.put(18, 12, collateral.0);
                expected_delta
            }
        };
        first.put(2, 16, quantity.0);
        let words = [first.bytes(), second.unwrap_or_default().bytes()];
        let words = words.get(..=usize::from(second.is_some())).unwrap_or_default();
        // One definition of "valid" for both directions; it also finds a number that its field cut short.
        let (read, _) = unpack(words)?;
        if read != *self {
            return Err(LegError {
                word: 0,
                fault: LegFault::Range,
            });
        }
        out.extend_from_slice(words);
        Ok(())
    }
}

/// Reads the first leg of `words` and returns it with the words that follow.
///
/// [`LegError`] if the leg is malformed, its position counted from the start of `words`; empty `words` are
/// [`LegFault::Truncated`].
pub fn unpack(words: &[[u8; 32]]) -> Result<(Leg, &[[u8; 32]]), LegError> {
    let truncated = |word| LegError {
        word,
        fault: LegFault::Truncated,
    };
    let (first, mut rest) = words.split_first().ok_or(truncated(0))?;
    let mut first = Word::read(*first);
    let (kind, underlying) = (first.byte(0), first.byte(1));
    let quantity = first.wad(2, 16);
    let mut second = Word::default();
    if matches!(kind, PERP | LIQUIDITY | OPTION) {
        let (word, after) = rest.split_first().ok_or(truncated(1))?;
        second = Word::read(*word);
        rest = after;
    }
    let leg = match kind {
        CASH => Leg::Cash { amount: quantity },
        DEBT => Leg::Debt {
            amount: quantity,
            rate: first.rate(18),
        },
        SPOT => Leg::Spot { underlying, quantity },
        BORROWED_SPOT => Leg::BorrowedSpot {
            underlying,
            quantity,
            rate: first.rate(18),
        },
        PERP => Leg::Perp {
            underlying,
            size: quantity,
            collateral: first.wad(18, 12),
            maintenance: Bps(u32::try_from(first.take(30, 2)).unwrap_or(u32::MAX)),
            cost_basis: second.wad(0, 12),
            accrued: second.wad(12, 12),
            rate: second.rate(24),
            collateral_in_underlying: flag(second.byte(31), 1)?,
        },
        LIQUIDITY => Leg::Liquidity {
            underlying,
            liquidity: quantity,
            fees_asset: first.wad(18, 12),
            sqrt_lower: second.wad(0, 10),
            sqrt_upper: second.wad(10, 10),
            fees_underlying: second.wad(20, 12),
        },
        OPTION => Leg::Option {
            underlying,
            quantity,
            strike: first.wad(18, 12),
            right: if flag(first.byte(31), 0)? {
                Right::Put
            } else {
                Right::Call
            },
            forward: second.wad(0, 12),
            volatility: second.rate(12),
            rate: second.rate(16),
            // A negative number becomes one that the range check below refuses.
            expiry: u64::try_from(second.take(20, 8)).unwrap_or(u64::MAX),
        },
        ORDER => Leg::Order {
            underlying,
            expected_delta: quantity,
            collateral: first.wad(18, 12),
        },
        _ => {
            return Err(LegError {
                word: 0,
                fault: LegFault::UnknownKind(kind),
            });
        }
    };
    if (underlying == 0) != matches!(kind, CASH | DEBT) {
        return Err(LegError {
            word: 0,
            fault: LegFault::Underlying(underlying),
        });
    }
    for (word, left) in [first, second].iter().enumerate() {
        if !left.is_empty() {
            return Err(LegError {
                word,
                fault: LegFault::Padding,
            });
        }
    }
    if in_range(&leg) {
        Ok((leg, rest))
    } else {
        Err(LegError {
            word: 0,
            fault: LegFault::Range,
        })
    }
}

/// The legs in `words`, in order. A malformed leg is returned as an error, with the position in `words`, and ends the
/// iteration.
pub fn legs(words: &[[u8; 32]]) -> impl Iterator<Item = Result<Leg, LegError>> + '_ {
    let mut rest = words;
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let position = words.len().saturating_sub(rest.len());
        match unpack(rest) {
            Ok((leg, after)) => {
                rest = after;
                Some(Ok(leg))
            }
            Err(error) => {
                rest = &[];
                Some(Err(LegError {
                    word: error.word.saturating_add(position),
                    ..error
                }))
            }
        }
    })
}

/// A byte of `word` that is 0 or 1.
fn flag(byte: u8, word: usize) -> Result<bool, LegError> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(LegError {
            word,
            fault: LegFault::Range,
        }),
    }
}

/// The ranges of the fields, as the table of this module states them.
fn in_range(leg: &Leg) -> bool {
    match *leg {
        Leg::Cash { amount } | Leg::Debt { amount, .. } => amount >= Wad::ZERO,
        Leg::Spot { quantity, .. } | Leg::BorrowedSpot { quantity, .. } => quantity >= Wad::ZERO,
        Leg::Perp {
            collateral,
            maintenance,
            ..
        } => collateral >= Wad::ZERO && maintenance.0 <= BPS,
        Leg::Liquidity {
            liquidity,
            sqrt_lower,
            sqrt_upper,
            fees_asset,
            fees_underlying,
            ..
        } => {
            liquidity >= Wad::ZERO
                && sqrt_lower > Wad::ZERO
                && sqrt_upper > sqrt_lower
                && fees_asset >= Wad::ZERO
                && fees_underlying >= Wad::ZERO
        }
        Leg::Option {
            strike,
            forward,
            volatility,
            expiry,
            ..
        } => strike > Wad::ZERO && forward > Wad::ZERO && volatility >= Rate(0) && i64::try_from(expiry).is_ok(),
        Leg::Order { collateral, .. } => collateral >= Wad::ZERO,
    }
}

/// A 32-byte word as its two big-endian halves. Reading a field clears it, so that what is left is padding.
#[derive(Clone, Copy, Default)]
struct Word {
    high: u128,
    low: u128,
}

impl Word {
    fn read(bytes: [u8; 32]) -> Self {
        let [l0, l1, l2, l3] = *U256::from_be_bytes(bytes).as_limbs();
        let join = |high: u64, low: u64| (u128::from(high) << 64) | u128::from(low);
        Self {
            high: join(l3, l2),
            low: join(l1, l0),
        }
    }

    fn bytes(self) -> [u8; 32] {
        U256::from_limbs([
            low_half(self.low),
            low_half(self.low >> 64),
            low_half(self.high),
            low_half(self.high >> 64),
        ])
        .to_be_bytes()
    }

    fn is_empty(self) -> bool {
        self.high == 0 && self.low == 0
    }

    /// Writes the lowest `len` bytes of `value` at byte `at`, which must still be zero.
    fn put(&mut self, at: u32, len: u32, value: i128) {
        let field = Self::place(value.cast_unsigned() << (128 - 8 * len), 8 * at);
        self.high |= field.high;
        self.low |= field.low;
    }

    /// Reads and clears the signed number of `len` bytes at byte `at`.
    fn take(&mut self, at: u32, len: u32) -> i128 {
        let bits = 8 * at;
        let aligned = match bits {
            0 => self.high,
            1..128 => (self.high << bits) | (self.low >> (128 - bits)),
            _ => self.low << (bits - 128),
        };
        let field = Self::place(u128::MAX << (128 - 8 * len), bits);
        self.high &= !field.high;
        self.low &= !field.low;
        aligned.cast_signed() >> (128 - 8 * len)
    }

    /// `top` (a number aligned to the top) moved `bits` to the right within a word.
    fn place(top: u128, bits: u32) -> Self {
        match bits {
            0 => Self { high: top, low: 0 },
            1..128 => Self {
                high: top >> bits,
                low: top << (128 - bits),
            },
            _ => Self {
                high: 0,
                low: top >> (bits - 128),
            },
        }
    }

    fn wad(&mut self, at: u32, len: u32) -> Wad {
        Wad(self.take(at, len))
    }

    fn rate(&mut self, at: u32) -> Rate {
        // Four bytes always fit.
        Rate(i32::try_from(self.take(at, 4)).unwrap_or_default())
    }

    fn byte(&mut self, at: u32) -> u8 {
        let [.., last] = self.take(at, 1).to_be_bytes();
        last
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
const fn low_half(x: u128) -> u64 {
    x as u64
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::any_leg;

    fn packed(leg: Leg) -> Vec<[u8; 32]> {
        let mut words = Vec::new();
        leg.pack(&mut words).unwrap();
        words
    }

    fn perp() -> Leg {
        Leg::Perp {
            underlying: 1,
            size: Wad(-2),
            cost_basis: Wad(-3),
            collateral: Wad(4),
            collateral_in_underlying: true,
            accrued: Wad(-5),
            maintenance: Bps(6),
            rate: Rate(-7),
        }
    }

    #[test]
    fn pack_option_with_one_bad_field_is_refused() {
        let option = |strike, forward, volatility, expiry| Leg::Option {
            underlying: 1,
            right: Right::Call,
            quantity: Wad::ONE,
            strike: Wad(strike),
            forward: Wad(forward),
            volatility: Rate(volatility),
            rate: Rate(0),
            expiry,
        };
        assert!(option(1, 1, 0, 0).pack(&mut Vec::new()).is_ok());
        for bad in [
            option(0, 1, 0, 0),
            option(1, 0, 0, 0),
            option(1, 1, -1, 0),
            option(1, 1, 0, 1 << 63),
        ] {
            let error = bad.pack(&mut Vec::new()).unwrap_err();
            assert_eq!(error.fault, LegFault::Range, "{bad:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Packing legs and unpacking the words gives the same legs in the same order.
        #[test]
        fn pack_then_unpack_returns_same_legs(expected in prop::collection::vec(any_leg(), 0..8)) {
            let mut words = Vec::new();
            for leg in &expected {
                leg.pack(&mut words).unwrap();
            }
            let read: Result<Vec<Leg>, LegError> = legs(&words).collect();
            prop_assert_eq!(read, Ok(expected));
        }

        /// Words that unpack are exactly the words that the leg packs to: there is one encoding, no bit is ignored.
        #[test]
        fn unpack_any_words_is_canonical_or_refused(leg in any_leg(), word in 0_usize..2, bit in 0_usize..256) {
            let mut words = packed(leg);
            if let Some(byte) = words.get_mut(word).and_then(|w| w.get_mut(bit / 8)) {
                *byte ^= 1 << (bit % 8);
            }
            if let Ok((read, rest)) = unpack(&words) {
                let used = words.len() - rest.len();
                prop_assert_eq!(packed(read), &words[..used]);
            }
        }
    }

    #[test]
    fn pack_each_kind_matches_the_documented_layout() {
        let words = packed(perp());
        assert_eq!(words.len(), 2);
        assert_eq!(words[0][..2], [5, 1]);
        assert_eq!(words[0][2..18], (-2_i128).to_be_bytes());
        assert_eq!(words[0][18..], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 6]);
        assert_eq!(words[1][..12], [[255; 11].as_slice(), &[253]].concat());
        assert_eq!(words[1][12..24], [[255; 11].as_slice(), &[251]].concat());
        assert_eq!(words[1][24..], [255, 255, 255, 249, 0, 0, 0, 1]);

        let mut cash = [0; 32];
        cash[0] = 1;
        cash[17] = 9;
        assert_eq!(packed(Leg::Cash { amount: Wad(9) }), vec![cash]);
    }

    #[test]
    fn unpack_unknown_kind_names_it_and_its_position() {
        let mut words = packed(perp());
        words.extend(packed(Leg::Cash { amount: Wad(1) }));
        words[2][0] = 9;
        let last = legs(&words).last().unwrap();
        assert_eq!(
            last,
            Err(LegError {
                word: 2,
                fault: LegFault::UnknownKind(9)
            })
        );
        assert_eq!(legs(&words).count(), 2);
        assert_eq!(
            unpack(&[[0; 32]]),
            Err(LegError {
                word: 0,
                fault: LegFault::UnknownKind(0)
            })
        );
    }

    #[test]
    fn unpack_missing_second_word_is_truncated() {
        let words = packed(perp());
        assert_eq!(
            unpack(&words[..1]),
            Err(LegError {
                word: 1,
                fault: LegFault::Truncated
            })
        );
        assert_eq!(
            unpack(&[]),
            Err(LegError {
                word: 0,
                fault: LegFault::Truncated
            })
        );
    }

    #[test]
    fn unpack_padding_is_refused_where_it_is() {
        let mut words = packed(perp());
        words[1][30] = 1;
        assert_eq!(
            unpack(&words),
            Err(LegError {
                word: 1,
                fault: LegFault::Padding
            })
        );
        let mut words = packed(Leg::Spot {
            underlying: 1,
            quantity: Wad(1),
        });
        words[0][31] = 1;
        assert_eq!(
            unpack(&words),
            Err(LegError {
                word: 0,
                fault: LegFault::Padding
            })
        );
    }

    #[test]
    fn pack_number_too_wide_for_its_field_is_out_of_range() {
        let mut words = Vec::new();
        let wide = Leg::Order {
            underlying: 1,
            expected_delta: Wad(0),
            collateral: Wad(1 << 95),
        };
        assert_eq!(
            wide.pack(&mut words),
            Err(LegError {
                word: 0,
                fault: LegFault::Range
            })
        );
        let negative = Leg::Cash { amount: Wad(-1) };
        assert_eq!(
            negative.pack(&mut words),
            Err(LegError {
                word: 0,
                fault: LegFault::Range
            })
        );
        let Leg::Perp {
            underlying,
            size,
            cost_basis,
            collateral,
            collateral_in_underlying,
            accrued,
            rate,
            ..
        } = perp()
        else {
            unreachable!()
        };
        let maintenance = Bps(BPS + 1);
        let wild = Leg::Perp {
            underlying,
            size,
            cost_basis,
            collateral,
            collateral_in_underlying,
            accrued,
            maintenance,
            rate,
        };
        assert_eq!(
            wild.pack(&mut words),
            Err(LegError {
                word: 0,
                fault: LegFault::Range
            })
        );
        assert!(words.is_empty());
    }

    #[test]
    fn unpack_wrong_underlying_is_refused() {
        let mut cash = packed(Leg::Cash { amount: Wad(1) });
        cash[0][1] = 1;
        assert_eq!(
            unpack(&cash),
            Err(LegError {
                word: 0,
                fault: LegFault::Underlying(1)
            })
        );
        let spot = Leg::Spot {
            underlying: 0,
            quantity: Wad(1),
        };
        let error = LegError {
            word: 0,
            fault: LegFault::Underlying(0),
        };
        assert_eq!(spot.pack(&mut Vec::new()), Err(error));
    }

    #[test]
    fn unpack_bounds_in_wrong_order_are_out_of_range() {
        let range = Leg::Liquidity {
            underlying: 1,
            liquidity: Wad(1),
            sqrt_lower: Wad(2),
            sqrt_upper: Wad(2),
            fees_asset: Wad(0),
            fees_underlying: Wad(0),
        };
        assert_eq!(
            range.pack(&mut Vec::new()),
            Err(LegError {
                word: 0,
                fault: LegFault::Range
            })
        );
    }
}
