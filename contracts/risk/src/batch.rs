//! Batches of options: packed in, packed out.

use crate::convert::{Outcome, signed_out};
use alloc::vec;
use alloy_primitives::{Bytes, U256};
use fixed::Wad;
use interfaces::{IRisk, contract::Revert};
use pricing::{Error, Pricer, RECORD, RESULT};

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
