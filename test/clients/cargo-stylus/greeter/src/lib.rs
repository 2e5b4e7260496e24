//! A sample with a constructor that takes arguments and value.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

use alloc::string::String;
use stylus_sdk::{
    alloy_primitives::{Address, U256},
    prelude::*,
    storage::{StorageAddress, StorageString, StorageU256},
};

/// Remembers what it was made with.
#[storage]
#[entrypoint]
pub struct Greeter {
    greeting: StorageString,
    number: StorageU256,
    paid: StorageU256,
    maker: StorageAddress,
}

#[public]
impl Greeter {
    /// Stores the arguments, the value and who asked for the deployment.
    #[constructor]
    #[payable]
    pub fn constructor(&mut self, greeting: String, number: U256) {
        let (paid, maker) = (self.vm().msg_value(), self.vm().tx_origin());
        self.greeting.set_str(greeting);
        self.number.set(number);
        self.paid.set(paid);
        self.maker.set(maker);
    }

    /// The first argument.
    pub fn greeting(&self) -> String {
        self.greeting.get_string()
    }

    /// The second argument.
    pub fn number(&self) -> U256 {
        self.number.get()
    }

    /// Wei that came with the deployment.
    pub fn paid(&self) -> U256 {
        self.paid.get()
    }

    /// Who sent the deploying transaction.
    pub fn maker(&self) -> Address {
        self.maker.get()
    }
}
