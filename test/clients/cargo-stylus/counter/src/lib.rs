//! A sample without a constructor.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

use stylus_sdk::{alloy_primitives::U256, prelude::*, storage::StorageU256};

/// Counts.
#[storage]
#[entrypoint]
pub struct Counter {
    number: StorageU256,
}

#[public]
impl Counter {
    /// What was counted so far.
    pub fn number(&self) -> U256 {
        self.number.get()
    }

    /// Adds one.
    pub fn increment(&mut self) {
        let number = self.number.get();
        self.number.set(number.wrapping_add(U256::ONE));
    }
}
