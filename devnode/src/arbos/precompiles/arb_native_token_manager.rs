//! ArbNativeTokenManager: minting and burning ether, for accounts that chain owners let.

use super::call::{Call, Failure, Kind, fatal, refused};
use crate::arbos::{fields::native_token_owners, state};
use interfaces::arbos::ArbNativeTokenManager::{
    ArbNativeTokenManagerCalls as Calls, NativeTokenBurned, NativeTokenMinted,
};
use revm::context_interface::ContextTr;

/// A warm access and a transfer.
const MINT_OR_BURN: u64 = 100 + 9_000;

pub(super) fn run(call: &mut Call<'_>, data: &[u8]) -> Result<Vec<u8>, Failure> {
    let request = call.enter(data, Calls::signature_by_selector, |_| Kind::Write)?;
    let caller = call.caller();
    if !native_token_owners().contains(call, caller)? {
        return Err(Failure::Burn);
    }
    call.burn(MINT_OR_BURN)?;
    match request {
        Calls::mintNativeToken(request) => {
            state::mint(call.ctx.journal_mut(), caller, request.amount).map_err(fatal)?;
            call.emit(&NativeTokenMinted {
                to: caller,
                amount: request.amount,
            })?;
        }
        Calls::burnNativeToken(request) => {
            if !state::burn(call.ctx.journal_mut(), caller, request.amount).map_err(fatal)? {
                return Err(refused());
            }
            call.emit(&NativeTokenBurned {
                from: caller,
                amount: request.amount,
            })?;
        }
    }
    Ok(Vec::new())
}
