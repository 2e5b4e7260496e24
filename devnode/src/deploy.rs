//! Deploying modules of any size.

use crate::{
    Chain, Receipt, Tx, TxError,
    stylus::code::{self, Split},
};
use alloy_primitives::Address;

impl Chain {
    /// Deploys and activates a module, which is split into fragments when it is too large for one account's code.
    ///
    /// Returns the receipts of all creations, the program's last, and of the activation. Ends with the first creation
    /// that fails; a program whose code is active already is not activated again. [`Chain::create_program`] is the
    /// short form.
    pub fn deploy_wasm(&mut self, from: Address, wasm: &[u8]) -> Result<(Vec<Receipt>, Option<Receipt>), TxError> {
        let whole = code::compress(wasm);
        if whole.len() <= code::MAX_CODE_SIZE {
            let (created, activated) = self.deploy_program(from, &whole)?;
            return Ok((vec![created], activated));
        }
        let split = Split::new(wasm);
        let (mut receipts, mut addresses) = (Vec::new(), Vec::new());
        for fragment in &split.fragments {
            let created = self.send(Tx::create(from, code::init_code(fragment)))?;
            let address = created.created;
            receipts.push(created);
            match address {
                Some(address) => addresses.push(address),
                None => return Ok((receipts, None)),
            }
        }
        let (root, activated) = self.deploy_program(from, &split.root(&addresses))?;
        receipts.push(root);
        Ok((receipts, activated))
    }
}
