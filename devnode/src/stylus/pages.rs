//! The page model: what wasm memory costs within one transaction.

/// Pages every transaction gets for nothing.
pub const FREE_PAGES: u16 = 2;
/// Linear price of a page beyond the free ones, in gas.
pub const PAGE_GAS: u64 = 1000;
/// Most pages that may be open at once.
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
    /// `u64::MAX` (never affordable) when more than [`PAGE_LIMIT`] would be open.
    pub fn cost(&self, pages: u16) -> u64 {
        let open = self.open.saturating_add(pages);
        let ever = self.ever.max(open);
        if open > PAGE_LIMIT {
            return u64::MAX;
        }
        if ever <= FREE_PAGES {
            return 0;
        }
        let paid = |pages: u16| u64::from(pages.saturating_sub(FREE_PAGES));
        let linear = PAGE_GAS * (paid(open) - paid(self.open));
        linear.saturating_add(exponential(ever) - exponential(self.ever))
    }

    /// Opens `pages` more and raises the high mark.
    pub fn open(&mut self, pages: u16) {
        self.open = self.open.saturating_add(pages);
        self.ever = self.ever.max(self.open);
    }
}

/// `floor(31,874,000^(p/128))` in gas; evaluated in double precision it equals the consensus table.
fn exponential(pages: u16) -> u64 {
    if pages > PAGE_LIMIT {
        return u64::MAX;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "1 ≤ value < 2^25"
    )]
    let gas = 31_874_000_f64.powf(1.0 / 128.0).powi(i32::from(pages)) as u64;
    gas
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
    fn cost_within_free_pages_is_zero() {
        assert_eq!(Pages::default().cost(2), 0);
    }

    #[test]
    fn cost_of_whole_memory_matches_measurement() {
        assert_eq!(Pages::default().cost(128), 31_999_998);
    }

    #[test]
    fn cost_beyond_limit_is_never_affordable() {
        assert_eq!(Pages { open: 100, ever: 100 }.cost(29), u64::MAX);
    }

    #[test]
    fn cost_of_reopened_pages_has_no_exponential_part() {
        let pages = Pages { open: 2, ever: 12 };
        assert_eq!(pages.cost(10), 10 * PAGE_GAS);
    }
}
