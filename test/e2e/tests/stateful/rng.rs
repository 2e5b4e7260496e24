//! Chance that repeats: the same seed gives the same run on every machine.

use alloy_primitives::U256;

/// `SplitMix64`.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// The numbers that follow from `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is above 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Whether something happens that does so in `percent` of 100 cases.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `choices`, which are not empty.
    pub(crate) fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        let index = self.below(choices.len() as u64);
        choices[usize::try_from(index).expect("an index")].clone()
    }

    /// An amount where `all` is what there is: mostly a part of it, often one of the edges.
    pub(crate) fn amount(&mut self, all: U256) -> U256 {
        match self.below(20) {
            0 => U256::ZERO,
            1 => U256::ONE,
            2 if self.chance(50) => U256::MAX,
            3 => all.saturating_add(U256::ONE),
            4 => all.saturating_sub(U256::ONE),
            5..=8 => all,
            9 => U256::from(self.below(10_000)),
            _ => all / U256::from(1_000_000) * U256::from(self.below(1_000_000)),
        }
    }
}
