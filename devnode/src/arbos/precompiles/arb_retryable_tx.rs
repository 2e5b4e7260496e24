//! ArbRetryableTx on a chain that never gets a retryable ticket.

use super::call::{Call, Failure, Kind, word};
use crate::arbos::state::Space;
use alloy_primitives::{B256, U256};
use interfaces::arbos::ArbRetryableTx::{ArbRetryableTxCalls as Calls, NoTicketWithID, NotCallable};

/// Seconds until a ticket expires.
const LIFETIME_SECS: u64 = 7 * 86_400;
/// Field of a ticket that holds its timeout, which is zero when there is no ticket.
const TIMEOUT: u64 = 5;

fn kind(request: &Calls) -> Kind {
    match request {
        Calls::redeem(_) | Calls::keepalive(_) | Calls::cancel(_) | Calls::submitRetryable(_) => Kind::Write,
        _ => Kind::View,
    }
}

pub(super) fn run(call: &mut Call<'_>, data: &[u8]) -> Result<Vec<u8>, Failure> {
    match call.enter(data, Calls::signature_by_selector, kind)? {
        Calls::getLifetime(_) => Ok(word(U256::from(LIFETIME_SECS))),
        // Nobody is redeeming.
        Calls::getCurrentRedeemer(_) => Ok(word(U256::ZERO)),
        Calls::redeem(request) => {
            // The ticket is opened to learn its size, and then to be used.
            open(call, request.ticketId)?;
            Err(missing(call, request.ticketId)?)
        }
        Calls::getTimeout(request) => Err(missing(call, request.ticketId)?),
        Calls::keepalive(request) => Err(missing(call, request.ticketId)?),
        Calls::getBeneficiary(request) => Err(missing(call, request.ticketId)?),
        Calls::cancel(request) => Err(missing(call, request.ticketId)?),
        Calls::submitRetryable(_) => Err(NotCallable {}.into()),
    }
}

fn open(call: &mut Call<'_>, ticket: B256) -> Result<(), Failure> {
    let tickets = Space::root().sub(2);
    call.get(tickets.named(ticket.as_slice()).at(TIMEOUT)).map(drop)
}

fn missing(call: &mut Call<'_>, ticket: B256) -> Result<Failure, Failure> {
    open(call, ticket)?;
    Ok(NoTicketWithID {}.into())
}
