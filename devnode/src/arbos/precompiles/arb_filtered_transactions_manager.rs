//! ArbFilteredTransactionsManager: hashes of transactions that are not to be executed.
//!
//! The list is kept, but this chain executes what is sent to it all the same.

use super::{
    Run,
    call::{Call, Failure, Kind, READ, fatal, flag},
};
use crate::arbos::{
    fields::filterers,
    state::{self, FILTERED, Space},
};
use alloy_primitives::{B256, Bytes, U256};
use interfaces::arbos::ArbFilteredTransactionsManager::{
    ArbFilteredTransactionsManagerCalls as Calls, FilteredTransactionAdded, FilteredTransactionDeleted,
};
use revm::context_interface::ContextTr;

/// Runs a method for a filterer without a charge, and for all others at the price of looking up that they are none.
pub(super) fn guarded(call: &mut Call<'_>, run: Run, data: &[u8]) -> Result<Bytes, Failure> {
    call.burn(READ)?;
    let caller = call.caller();
    let is_filterer = filterers().contains(call, caller)?;
    let left = if is_filterer {
        call.inputs.gas_limit
    } else {
        call.meter.0
    };
    call.meter.0 = call.inputs.gas_limit;
    let ended = call.paid(run, data);
    call.meter.0 = left;
    match ended {
        Err(Failure::Burn) => Err(Failure::Revert(Bytes::new())),
        ended => ended,
    }
}

fn kind(request: &Calls) -> Kind {
    match request {
        Calls::isTransactionFiltered(_) => Kind::View,
        _ => Kind::Write,
    }
}

pub(super) fn run(call: &mut Call<'_>, data: &[u8]) -> Result<Vec<u8>, Failure> {
    match call.enter(data, Calls::signature_by_selector, kind)? {
        Calls::isTransactionFiltered(request) => {
            call.burn(READ)?;
            let slot = Space::root().slot(request.txHash);
            let found = state::read(call.ctx.journal_mut(), FILTERED, slot).map_err(fatal)?;
            Ok(flag(!found.is_zero()))
        }
        Calls::addFilteredTransaction(request) => {
            set(call, request.txHash, U256::ONE)?;
            call.emit(&FilteredTransactionAdded { txHash: request.txHash })?;
            Ok(Vec::new())
        }
        Calls::deleteFilteredTransaction(request) => {
            set(call, request.txHash, U256::ZERO)?;
            call.emit(&FilteredTransactionDeleted { txHash: request.txHash })?;
            Ok(Vec::new())
        }
    }
}

fn set(call: &mut Call<'_>, hash: B256, value: U256) -> Result<(), Failure> {
    let caller = call.caller();
    if !filterers().contains(call, caller)? {
        return Err(Failure::Burn);
    }
    call.set_in(FILTERED, Space::root().slot(hash), value)
}
