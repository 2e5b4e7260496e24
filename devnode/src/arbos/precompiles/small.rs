//! Precompiles that hold nothing: ArbBLS, ArbFunctionTable, ArbStatistics, ArbosTest and ArbosActs.

use super::call::{Call, Failure, Kind, refused, word};
use alloy_primitives::U256;
use alloy_sol_types::SolCall;
use interfaces::arbos::{ArbFunctionTable, ArbStatistics, ArbosActs, ArbosTest};

/// ArbBLS has no methods any more.
pub(super) fn arb_bls(_: &mut Call<'_>, _: &[u8]) -> Result<Vec<u8>, Failure> {
    Err(Failure::Burn)
}

/// A table of compressed functions, which is always empty.
pub(super) fn arb_function_table(call: &mut Call<'_>, data: &[u8]) -> Result<Vec<u8>, Failure> {
    use ArbFunctionTable::ArbFunctionTableCalls as Calls;
    let kind = |request: &Calls| match request {
        Calls::upload(_) => Kind::Write,
        _ => Kind::View,
    };
    match call.enter(data, Calls::signature_by_selector, kind)? {
        Calls::upload(_) => Ok(Vec::new()),
        Calls::size(_) => Ok(word(U256::ZERO)),
        Calls::get(_) => Err(refused()),
    }
}

/// The height of the chain, and zeros where Arbitrum Classic had figures.
pub(super) fn arb_statistics(call: &mut Call<'_>, data: &[u8]) -> Result<Vec<u8>, Failure> {
    use ArbStatistics::{ArbStatisticsCalls as Calls, getStatsCall, getStatsReturn};
    let Calls::getStats(_) = call.enter(data, Calls::signature_by_selector, |_| Kind::View)?;
    Ok(getStatsCall::abi_encode_returns(&getStatsReturn {
        _0: U256::from(call.ctx.chain.l2_block),
        _1: U256::ZERO,
        _2: U256::ZERO,
        _3: U256::ZERO,
        _4: U256::ZERO,
        _5: U256::ZERO,
    }))
}

/// Burns gas: what is asked for, or what there is.
pub(super) fn arbos_test(call: &mut Call<'_>, data: &[u8]) -> Result<Vec<u8>, Failure> {
    use ArbosTest::ArbosTestCalls as Calls;
    let Calls::burnArbGas(request) = call.enter(data, Calls::signature_by_selector, |_| Kind::Pure)?;
    let gas = u64::try_from(request.gasAmount).map_err(|_| refused())?;
    call.meter.0 = call.meter.0.saturating_sub(gas);
    Ok(Vec::new())
}

/// What ArbOS tells itself in transactions of its own, which this chain has none of.
pub(super) fn arbos_acts(call: &mut Call<'_>, data: &[u8]) -> Result<Vec<u8>, Failure> {
    use ArbosActs::ArbosActsCalls as Calls;
    call.enter::<Calls>(data, Calls::signature_by_selector, |_| Kind::Write)?;
    Err(ArbosActs::CallerNotArbOS {}.into())
}
