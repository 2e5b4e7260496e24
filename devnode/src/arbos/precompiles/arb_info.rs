//! ArbInfo: balances and code.

use super::call::{Call, Failure, Kind, fatal, word};
use crate::arbos::state;
use alloy_sol_types::SolCall;
use interfaces::arbos::ArbInfo::{ArbInfoCalls as Calls, getCodeCall};
use revm::context_interface::ContextTr;

pub(super) fn run(call: &mut Call<'_>, data: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(match call.enter(data, Calls::signature_by_selector, |_| Kind::View)? {
        Calls::getBalance(request) => {
            call.burn(700)?;
            word(
                state::look_up(call.ctx.journal_mut(), request.account)
                    .map_err(fatal)?
                    .0,
            )
        }
        Calls::getCode(request) => {
            call.burn(2_100)?;
            let (_, _, code) = state::look_up(call.ctx.journal_mut(), request.account).map_err(fatal)?;
            call.burn(3 * (code.len() as u64).div_ceil(32))?;
            getCodeCall::abi_encode_returns(&code)
        }
    })
}
