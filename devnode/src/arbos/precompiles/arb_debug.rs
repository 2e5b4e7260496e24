//! ArbDebug, which development chains have.

use super::call::{Call, Failure, Kind, fatal, refused};
use crate::arbos::{fields::chain_owners, state};
use alloy_primitives::U256;
use alloy_sol_types::SolCall;
use interfaces::arbos::{
    ARB_DEBUG,
    ArbDebug::{self, ArbDebugCalls as Calls},
};
use revm::context_interface::ContextTr;

/// What `customRevert` says.
const BUGS: &str = r"This spider family wards off bugs: /\oo/\ //\(oo)//\ /\oo/\";

fn kind(request: &Calls) -> Kind {
    match request {
        Calls::customRevert(_) | Calls::legacyError(_) => Kind::Pure,
        Calls::eventsView(_) => Kind::View,
        Calls::events(_) => Kind::Payable,
        _ => Kind::Write,
    }
}

pub(super) fn run(call: &mut Call<'_>, data: &[u8]) -> Result<Vec<u8>, Failure> {
    let caller = call.caller();
    Ok(match call.enter(data, Calls::signature_by_selector, kind)? {
        Calls::becomeChainOwner(_) => {
            chain_owners().add(call, caller)?;
            Vec::new()
        }
        Calls::overwriteContractCode(request) => {
            let (_, _, old) = state::look_up(call.ctx.journal_mut(), request.target).map_err(fatal)?;
            state::set_code(call.ctx.journal_mut(), request.target, request.newCode).map_err(fatal)?;
            ArbDebug::overwriteContractCodeCall::abi_encode_returns(&old)
        }
        Calls::events(request) => {
            let (flag, value) = (request.flag, request.value);
            call.emit(&ArbDebug::Basic { flag: !flag, value })?;
            call.emit(&ArbDebug::Mixed {
                flag,
                not: !flag,
                value,
                conn: ARB_DEBUG,
                caller,
            })?;
            let paid: U256 = call.value();
            ArbDebug::eventsCall::abi_encode_returns(&ArbDebug::eventsReturn { _0: caller, _1: paid })
        }
        // A view method may not log.
        Calls::eventsView(_) | Calls::legacyError(_) => return Err(refused()),
        Calls::customRevert(request) => {
            return Err(ArbDebug::Custom {
                _0: request.number,
                _1: BUGS.into(),
                _2: true,
            }
            .into());
        }
        // This would stop a node.
        Calls::panic(_) => return Err(Failure::Burn),
    })
}
