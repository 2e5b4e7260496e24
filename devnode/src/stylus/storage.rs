//! The storage cache of one frame.
//!
//! Loads and stores go through it; nothing reaches the chain before a flush. The cache starts empty
//! and its contents are dropped with the frame, so a value that is never flushed is lost.

use alloy_primitives::B256;
use std::collections::BTreeMap;

/// A cached slot.
#[derive(Clone, Copy, Debug)]
struct Slot {
    value: B256,
    /// What the chain is believed to hold; `None` when the slot was written without having been read.
    known: Option<B256>,
}

impl Slot {
    fn is_dirty(&self) -> bool {
        self.known != Some(self.value)
    }
}

/// Cached slots and the counters that price look-ups.
#[derive(Debug, Default)]
pub struct StorageCache {
    slots: BTreeMap<B256, Slot>,
    reads: u32,
    writes: u32,
}

impl StorageCache {
    /// Counts one load and returns its look-up price in gas: 0 for the first 32, 2 up to 128, then 10.
    pub fn count_load(&mut self) -> u64 {
        self.reads = self.reads.saturating_add(1);
        match self.reads {
            0..=32 => 0,
            33..=128 => 2,
            _ => 10,
        }
    }

    /// Counts one store and returns its look-up price in gas: 0 for the first 8, 7 up to 64, then 10.
    pub fn count_store(&mut self) -> u64 {
        self.writes = self.writes.saturating_add(1);
        match self.writes {
            0..=8 => 0,
            9..=64 => 7,
            _ => 10,
        }
    }

    /// The cached value of `key`.
    pub fn get(&self, key: &B256) -> Option<B256> {
        self.slots.get(key).map(|slot| slot.value)
    }

    /// Remembers what the chain answered for `key`.
    pub fn fill(&mut self, key: B256, value: B256) {
        self.slots.insert(
            key,
            Slot {
                value,
                known: Some(value),
            },
        );
    }

    /// Sets `key` in the cache only.
    pub fn set(&mut self, key: B256, value: B256) {
        self.slots
            .entry(key)
            .and_modify(|slot| slot.value = value)
            .or_insert(Slot { value, known: None });
    }

    /// Slots to write, marked as written; with `clear` the cache is emptied (the counters stay).
    pub fn take_dirty(&mut self, clear: bool) -> Vec<(B256, B256)> {
        let mut dirty = Vec::new();
        for (key, slot) in &mut self.slots {
            if slot.is_dirty() {
                dirty.push((*key, slot.value));
                slot.known = Some(slot.value);
            }
        }
        if clear {
            self.slots.clear();
        }
        dirty
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(byte: u8) -> B256 {
        B256::with_last_byte(byte)
    }

    #[test]
    fn take_dirty_unchanged_slot_is_skipped() {
        let mut cache = StorageCache::default();
        cache.fill(word(1), word(9));
        cache.set(word(1), word(9));
        assert!(cache.take_dirty(false).is_empty());
    }

    #[test]
    fn take_dirty_blind_write_is_flushed_even_if_equal() {
        let mut cache = StorageCache::default();
        cache.set(word(1), word(0));
        assert_eq!(cache.take_dirty(false), vec![(word(1), word(0))]);
        assert!(cache.take_dirty(false).is_empty());
    }

    #[test]
    fn take_dirty_with_clear_forgets_values_but_not_counters() {
        let mut cache = StorageCache::default();
        for _ in 0..32 {
            assert_eq!(cache.count_load(), 0);
        }
        cache.fill(word(1), word(2));
        cache.take_dirty(true);
        assert_eq!(cache.get(&word(1)), None);
        assert_eq!(cache.count_load(), 2);
    }

    #[test]
    fn count_store_prices_rise_with_use() {
        let mut cache = StorageCache::default();
        let prices: Vec<u64> = (0..65).map(|_| cache.count_store()).collect();
        assert_eq!((prices[7], prices[8], prices[63], prices[64]), (0, 7, 7, 10));
    }
}
