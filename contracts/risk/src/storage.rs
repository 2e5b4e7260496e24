//! Storage of the risk contract. Append only.

use alloy_primitives::{Address, U256};
use engine::Params;
use stylus_sdk::{
    deploy::RawDeploy,
    prelude::*,
    storage::{StorageAddress, StorageMap},
};

interfaces::layout! {
    /// Parameters of all books.
    pub struct Risk {
        /// The address that all setters trust; zero until initialised.
        0, 12: governor: StorageAddress,
        /// For each book the contract whose code holds its parameters; zero if nothing was ever set.
        1, 0: sets: StorageMap<Address, StorageAddress>,
    }
}

/// The first byte of a data contract: STOP, so that calling it does nothing.
const STOP: u8 = 0;

/// Init code before the data: returns everything that follows these eleven bytes. `RETURNDATASIZE` stands for zero.
const RETURN_THE_REST: [u8; 11] = [
    0x60, 11,   // PUSH1 11: where the data starts
    0x80, // DUP1
    0x38, // CODESIZE
    0x03, // SUB: the data's length
    0x80, // DUP1
    0x91, // SWAP2: length, length, 11
    0x3d, // RETURNDATASIZE: 0, where to copy to
    0x39, // CODECOPY
    0x3d, // RETURNDATASIZE: 0
    0xf3, // RETURN
];

impl Risk {
    /// What was set for `book`, or the defaults. One cold slot and one cold account.
    pub(crate) fn load_params(&self, book: Address) -> Params {
        let set = self.sets.get(book);
        if set.is_zero() {
            return Params::default();
        }
        let code = self.vm().code(set);
        Params::unpack(code.split_first().map_or(&[], |(_, data)| data))
    }

    /// Stores the parameters of `book` in a new data contract. Errors: false if it could not be created.
    pub(crate) fn store_params(&mut self, book: Address, params: &Params) -> bool {
        let mut code = RETURN_THE_REST.to_vec();
        code.push(STOP);
        code.extend_from_slice(&params.pack());
        // SAFETY: the init code is the constant above, it calls nobody.
        let created = unsafe { RawDeploy::new().deploy(self.vm(), &code, U256::ZERO) };
        let Ok(set) = created else { return false };
        self.sets.insert(book, set);
        true
    }
}
