//! Batches of options: packed in, packed out.

use crate::convert::{Outcome, engine_error, signed_out};
use alloc::{vec, vec::Vec};
use alloy_primitives::{Bytes, I256, U256};
use engine::{Params, margin::MarginParams};
use fixed::Wad;
use interfaces::{IRisk, contract::Revert};
use pricing::{Error, Pricer, RECORD, RESULT, grid::Grid};

/// Bytes of an option with its quantity.
const POSITION: usize = RECORD + 8;

/// Errors: `BatchMalformed`, `OptionInvalid`.
pub(crate) fn greeks(records: &[u8]) -> Outcome<Bytes> {
    let (records, rest) = records.as_chunks::<RECORD>();
    if !rest.is_empty() {
        return Err(IRisk::BatchMalformed {
            length: U256::from(rest.len()),
        }
        .into());
    }
    let mut results = vec![[0; RESULT]; records.len()];
    Pricer::new().greeks_packed(records, &mut results).map_err(invalid)?;
    Ok(results.into_flattened().into())
}

/// Worst loss, its scenario, initial and maintenance margin, the loss in every scenario (two's complement).
pub(crate) type Margin = (I256, U256, I256, I256, Vec<U256>);

/// Errors: `BatchMalformed`, `OptionInvalid`.
pub(crate) fn margin(positions: &[u8], params: &Params) -> Outcome<Margin> {
    let malformed = || IRisk::BatchMalformed {
        length: U256::from(positions.len()),
    };
    let (linear, options) = positions.split_first_chunk::<8>().ok_or_else(malformed)?;
    let (options, rest) = options.as_chunks::<POSITION>();
    if !rest.is_empty() {
        return Err(malformed().into());
    }
    let params = MarginParams::from(params);
    let pricer = Pricer::new();
    let mut grid = Grid::new(&pricer, &params.scenarios);
    for (index, option) in options.iter().enumerate() {
        grid.add_packed(option).map_err(|error| invalid((index, error)))?;
    }
    grid.add_linear(i64::from_le_bytes(*linear))
        .map_err(|error| invalid((options.len(), error)))?;
    let losses = grid.losses();
    let worst = Wad(losses.worst.into());
    let share = |share| worst.mul_bps_up(share).map(signed_out);
    Ok((
        signed_out(worst),
        U256::from(losses.scenario),
        share(params.initial).map_err(|error| engine_error(error.into()))?,
        share(params.maintenance).map_err(|error| engine_error(error.into()))?,
        losses
            .by_scenario
            .map(|loss| signed_out(Wad(loss.into())).into_raw())
            .to_vec(),
    ))
}

/// The error of a record: its index, what is out of range (1 forward, 2 strike, 3 time to expiry, 4 volatility, 5 rate,
/// 6 price, 7 notional), and the value in the scale of the record.
pub(crate) fn invalid((index, error): (usize, Error)) -> Revert<IRisk::IRiskErrors> {
    let (fault, value) = match error {
        Error::ForwardOutOfRange(value) => (1, i128::from(value)),
        Error::StrikeOutOfRange(value) => (2, i128::from(value)),
        Error::ExpiryOutOfRange(value) => (3, i128::from(value)),
        Error::VolatilityOutOfRange(value) => (4, i128::from(value)),
        Error::RateOutOfRange(value) => (5, i128::from(value)),
        Error::PriceOutOfRange(value) => (6, i128::from(value)),
        Error::NotionalOutOfRange(value) => (7, i128::from(value)),
    };
    IRisk::OptionInvalid {
        index: U256::from(index),
        fault: U256::from(fault),
        value: signed_out(Wad(value)),
    }
    .into()
}
