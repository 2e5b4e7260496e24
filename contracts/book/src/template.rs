//! Argument templates: what the words of an allowed call must be.
//!
//! A template has one word per 32-byte argument word. Its first byte says how to compare:
//!
//! | byte 0 | the argument must be | bytes 1..32 |
//! |---|---|---|
//! | `00` | this very word | the word |
//! | `A1` | anything | zero |
//! | `A2` | the book's address | zero |
//! | `A3` | a registered token | zero |

use alloy_primitives::{Address, B256};

const LITERAL: u8 = 0x00;
const ANY: u8 = 0xA1;
const BOOK: u8 = 0xA2;
const TOKEN: u8 = 0xA3;

/// Most argument words of an allowed call.
pub(crate) const MAX_WORDS: usize = 32;

/// The first word that is no pattern, or the word after the last if there are too many.
pub(crate) fn first_invalid(template: &[B256]) -> Option<(usize, B256)> {
    if template.len() > MAX_WORDS {
        return Some((MAX_WORDS, B256::ZERO));
    }
    template.iter().copied().enumerate().find(|(_, word)| {
        let [tag, rest @ ..] = word.0;
        match tag {
            LITERAL => false,
            ANY | BOOK | TOKEN => rest != [0; 31],
            _ => true,
        }
    })
}

/// Compares the arguments of a call (without selector) with a template. `Err` holds the first word that differs; the
/// number of words if the length is wrong.
pub(crate) fn check(
    arguments: &[u8],
    template: &[B256],
    book: Address,
    is_token: impl Fn(Address) -> bool,
) -> Result<(), usize> {
    let (words, rest) = arguments.as_chunks::<32>();
    if words.len() != template.len() || !rest.is_empty() {
        return Err(template.len());
    }
    for (index, (word, pattern)) in words.iter().zip(template).enumerate() {
        let word = B256::from(word);
        let [tag, ..] = pattern.0;
        let fits = match tag {
            LITERAL => word == *pattern,
            ANY => true,
            BOOK => word == book.into_word(),
            TOKEN => {
                let token = Address::from_word(word);
                token.into_word() == word && is_token(token)
            }
            _ => false,
        };
        if !fits {
            return Err(index);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{vec, vec::Vec};

    const BOOK_ADDRESS: Address = Address::repeat_byte(0xB0);
    const TOKEN_ADDRESS: Address = Address::repeat_byte(0x70);

    fn tag(tag: u8) -> B256 {
        let mut word = B256::ZERO;
        word.0[0] = tag;
        word
    }

    fn arguments(words: &[B256]) -> Vec<u8> {
        words.iter().flat_map(|word| word.0).collect()
    }

    fn run(words: &[B256], template: &[B256]) -> Result<(), usize> {
        check(&arguments(words), template, BOOK_ADDRESS, |token| {
            token == TOKEN_ADDRESS
        })
    }

    #[test]
    fn check_every_tag_accepts_what_it_names() {
        let literal = B256::with_last_byte(7);
        let words = [
            TOKEN_ADDRESS.into_word(),
            BOOK_ADDRESS.into_word(),
            B256::repeat_byte(0xff),
            literal,
        ];
        assert_eq!(run(&words, &[tag(TOKEN), tag(BOOK), tag(ANY), literal]), Ok(()));
    }

    #[test]
    fn check_foreign_recipient_token_and_literal_are_refused() {
        let foreign = Address::repeat_byte(0x66).into_word();
        assert_eq!(run(&[foreign], &[tag(BOOK)]), Err(0));
        assert_eq!(run(&[foreign], &[tag(TOKEN)]), Err(0));
        assert_eq!(run(&[B256::ZERO, foreign], &[tag(ANY), B256::ZERO]), Err(1));
    }

    #[test]
    fn check_dirty_upper_bytes_are_refused() {
        let mut book = BOOK_ADDRESS.into_word();
        book.0[0] = 1;
        assert_eq!(run(&[book], &[tag(BOOK)]), Err(0));
        let mut token = TOKEN_ADDRESS.into_word();
        token.0[11] = 1;
        assert_eq!(run(&[token], &[tag(TOKEN)]), Err(0));
    }

    #[test]
    fn check_length_must_be_exact() {
        let mut data = arguments(&[B256::ZERO]);
        assert_eq!(check(&data, &[], BOOK_ADDRESS, |_| true), Err(0));
        data.push(0);
        assert_eq!(check(&data, &[tag(ANY)], BOOK_ADDRESS, |_| true), Err(1));
        assert_eq!(check(&[], &[tag(ANY)], BOOK_ADDRESS, |_| true), Err(1));
    }

    #[test]
    fn first_invalid_names_unknown_tags_and_trailing_bytes() {
        assert_eq!(first_invalid(&[tag(ANY), tag(BOOK), tag(TOKEN), B256::ZERO]), None);
        assert_eq!(first_invalid(&[tag(ANY), tag(0xA4)]), Some((1, tag(0xA4))));
        let dirty = tag(ANY) | B256::with_last_byte(1);
        assert_eq!(first_invalid(&[dirty]), Some((0, dirty)));
        assert_eq!(
            first_invalid(&vec![tag(ANY); MAX_WORDS + 1]),
            Some((MAX_WORDS, B256::ZERO))
        );
    }
}
