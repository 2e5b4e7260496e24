//! The page model: what wasm memory costs within one transaction.

use crate::arbos::params::StylusParams;

/// Most pages that may be open at once, by default; also the most that have a price.
pub const PAGE_LIMIT: u16 = 128;

/// Counters of one transaction. They are not undone by reverts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// Pages open now, over all frames.
    pub open: u16,
    /// The largest `open` of this transaction.
    pub ever: u16,
}

impl Pages {
    /// Price in gas of opening `pages` more, without opening them.
    ///
    /// `u64::MAX` (never affordable) when more than the page limit would be open.
    pub fn cost(&self, pages: u16, params: &StylusParams) -> u64 {
        let open = self.open.saturating_add(pages);
        let ever = self.ever.max(open);
        if open > params.page_limit {
            return u64::MAX;
        }
        if ever <= params.free_pages {
            return 0;
        }
        let paid = |pages: u16| u64::from(pages.saturating_sub(params.free_pages));
        let linear = u64::from(params.page_gas) * (paid(open) - paid(self.open));
        linear.saturating_add(exponential(ever) - exponential(self.ever))
    }

    /// Opens `pages` more and raises the high mark.
    pub fn open(&mut self, pages: u16) {
        self.open = self.open.saturating_add(pages);
        self.ever = self.ever.max(self.open);
    }
}

/// `floor(31,874,000^(p/128))` in gas for p open pages: the whole page limit costs about a transaction's gas.
///
/// A literal table, because consensus has one: it was computed in floating point, so its last entry is one
/// below the exact value, and evaluating it here would depend on the platform's mathematics library.
#[rustfmt::skip]
const EXPONENTIAL: [u32; PAGE_LIMIT as usize + 1] = [
    1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 5, 6, 7, 8, 9, 11, 12, 14, 17, 19, 22, 25, 29, 33, 38, 43, 50, 57,
    65, 75, 85, 98, 112, 128, 147, 168, 193, 221, 253, 289, 331, 379, 434, 497, 569, 651, 745, 853, 976,
    1117, 1279, 1463, 1675, 1917, 2194, 2511, 2874, 3290, 3765, 4309, 4932, 5645, 6461, 7395, 8464, 9687,
    11_087, 12_689, 14_523, 16_621, 19_024, 21_773, 24_919, 28_521, 32_642, 37_359, 42_758, 48_938, 56_010,
    64_104, 73_368, 83_971, 96_106, 109_994, 125_890, 144_082, 164_904, 188_735, 216_010, 247_226, 282_953,
    323_844, 370_643, 424_206, 485_509, 555_672, 635_973, 727_880, 833_067, 953_456, 1_091_243, 1_248_941,
    1_429_429, 1_636_000, 1_872_423, 2_143_012, 2_452_704, 2_807_151, 3_212_820, 3_677_113, 4_208_502,
    4_816_684, 5_512_756, 6_309_419, 7_221_210, 8_264_766, 9_459_129, 10_826_093, 12_390_601, 14_181_199,
    16_230_562, 18_576_084, 21_260_563, 24_332_984, 27_849_408, 31_873_999,
];

fn exponential(pages: u16) -> u64 {
    EXPONENTIAL
        .get(usize::from(pages))
        .map_or(u64::MAX, |gas| u64::from(*gas))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_equals_consensus_table() {
        let known = [
            (0, 1),
            (5, 1),
            (6, 2),
            (8, 2),
            (32, 75),
            (64, 5645),
            (96, 424_206),
            (127, 27_849_408),
            (128, 31_873_999),
        ];
        for (pages, gas) in known {
            assert_eq!(exponential(pages), gas, "{pages} pages");
        }
    }

    #[test]
    fn exponential_is_the_exact_root_but_for_the_last_entry() {
        // n = floor(b^(p/128)) exactly when n^128 ≤ b^p < (n+1)^128; all of them fit 25·128 bits.
        type Wide = alloy_primitives::Uint<3328, 52>;
        let power = |base: u64, exponent: u64| Wide::from(base).pow(Wide::from(exponent));
        for pages in 0..PAGE_LIMIT {
            let (gas, target) = (exponential(pages), power(31_874_000, pages.into()));
            assert!(
                power(gas, 128) <= target && target < power(gas + 1, 128),
                "{pages} pages"
            );
        }
        assert_eq!(exponential(PAGE_LIMIT), 31_874_000 - 1);
        assert_eq!(exponential(PAGE_LIMIT + 1), u64::MAX);
    }

    #[test]
    fn cost_within_free_pages_is_zero() {
        assert_eq!(Pages::default().cost(2, &StylusParams::default()), 0);
    }

    #[test]
    fn cost_of_whole_memory_matches_measurement() {
        assert_eq!(Pages::default().cost(128, &StylusParams::default()), 31_999_998);
    }

    #[test]
    fn cost_beyond_limit_is_never_affordable() {
        assert_eq!(
            Pages { open: 100, ever: 100 }.cost(29, &StylusParams::default()),
            u64::MAX
        );
    }

    #[test]
    fn cost_of_reopened_pages_has_no_exponential_part() {
        let pages = Pages { open: 2, ever: 12 };
        assert_eq!(pages.cost(10, &StylusParams::default()), 10_000);
    }
}
