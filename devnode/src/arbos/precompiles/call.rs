//! One call of an Arbitrum precompile: the rules that all of them share, and access to ArbOS state by the price.

use crate::{
    arbos::{
        params::StylusParams,
        state::{self, ARBOS},
    },
    evm::Ctx,
};
use alloy_primitives::{Address, B256, Bytes, Log, U256, keccak256};
use alloy_sol_types::{SolError, SolEvent, SolInterface};
use revm::{
    context_interface::{Block, ContextTr, JournalTr},
    interpreter::{CallInputs, CallScheme},
};

/// Cost of opening ArbOS state, and of each storage read in it.
pub(super) const READ: u64 = 800;
/// Cost of a storage write.
pub(super) const WRITE: u64 = 20_000;
/// Cost of writing a zero.
const WRITE_ZERO: u64 = 5_000;
pub(super) const CODE_HASH: u64 = 2_600;
/// Cost of a word of arguments or results.
pub(super) const WORD: u64 = 3;
/// Reading the Stylus parameters, which counts as a warm read.
pub(super) const PARAMS: u64 = 100;

/// How a precompile call ends without success.
pub(in crate::arbos) enum Failure {
    /// Everything is burned and nothing returned.
    Burn,
    /// Reverts with this data; what was not burned is kept.
    Revert(Bytes),
    /// The database failed.
    Fatal(String),
}

impl<E: SolError> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Revert(error.abi_encode().into())
    }
}

pub(super) fn fatal(error: impl std::fmt::Debug) -> Failure {
    Failure::Fatal(format!("{error:?}"))
}

/// The end of a call that is refused without saying why.
pub(super) const fn refused() -> Failure {
    Failure::Revert(Bytes::new())
}

/// Gas of one precompile call.
pub(super) struct Meter(pub(super) u64);

impl Meter {
    pub(super) fn burn(&mut self, gas: u64) -> Result<(), Failure> {
        match self.0.checked_sub(gas) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => {
                self.0 = 0;
                Err(Failure::Burn)
            }
        }
    }
}

/// What a method may do, as Solidity's state mutability says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Pure,
    View,
    Write,
    Payable,
}

/// One call.
pub(in crate::arbos) struct Call<'c> {
    pub(super) ctx: &'c mut Ctx,
    pub(super) inputs: &'c CallInputs,
    pub(super) meter: Meter,
}

impl<'c> Call<'c> {
    pub(super) fn new(ctx: &'c mut Ctx, inputs: &'c CallInputs) -> Self {
        Self {
            ctx,
            inputs,
            meter: Meter(inputs.gas_limit),
        }
    }

    /// Runs a method for a caller who pays, also for the size of what it returns.
    pub(super) fn paid(&mut self, run: super::Run, data: &[u8]) -> Result<Bytes, Failure> {
        let ended = run(self, data).map(Bytes::from);
        if let Ok(output) | Err(Failure::Revert(output)) = &ended {
            self.burn(WORD * (output.len() as u64).div_ceil(32))?;
        }
        ended
    }

    /// Decodes the request and applies the rules that every method begins with.
    ///
    /// Bad input, value to a method that is not payable, writes in a static frame, and anything but a pure method
    /// by delegate call burn everything.
    pub(super) fn enter<C: SolInterface>(
        &mut self,
        data: &[u8],
        signature: fn([u8; 4]) -> Option<&'static str>,
        kind: fn(&C) -> Kind,
    ) -> Result<C, Failure> {
        let (selector, arguments) = data.split_first_chunk().ok_or(Failure::Burn)?;
        let signature = signature(*selector).ok_or(Failure::Burn)?;
        let request = C::abi_decode(data).map_err(|_| Failure::Burn)?;
        let kind = kind(&request);
        let delegated = matches!(self.inputs.scheme, CallScheme::DelegateCall | CallScheme::CallCode);
        if !arguments_fit(signature, arguments)
            || kind > Kind::Pure && delegated
            || kind > Kind::View && self.inputs.is_static
            || kind < Kind::Payable && !self.value().is_zero()
        {
            return Err(Failure::Burn);
        }
        if kind > Kind::Pure {
            self.burn(READ)?;
        }
        self.burn(WORD * (arguments.len() as u64).div_ceil(32))?;
        Ok(request)
    }

    pub(super) fn caller(&self) -> Address {
        self.inputs.caller
    }

    /// Wei sent along.
    pub(super) fn value(&self) -> U256 {
        self.inputs.value.get()
    }

    /// Time of the block in Unix seconds.
    pub(super) fn now(&self) -> u64 {
        timestamp(self.ctx)
    }

    pub(super) fn burn(&mut self, gas: u64) -> Result<(), Failure> {
        self.meter.burn(gas)
    }

    /// Reads a slot of ArbOS.
    pub(in crate::arbos) fn get(&mut self, slot: impl Into<U256>) -> Result<U256, Failure> {
        self.burn(READ)?;
        state::read(self.ctx.journal_mut(), ARBOS, slot.into()).map_err(fatal)
    }

    pub(in crate::arbos) fn get_u64(&mut self, slot: impl Into<U256>) -> Result<u64, Failure> {
        Ok(self.get(slot)?.saturating_to())
    }

    pub(in crate::arbos) fn get_address(&mut self, slot: impl Into<U256>) -> Result<Address, Failure> {
        Ok(Address::from_word(self.get(slot)?.into()))
    }

    /// Reads a slot as an encoded result of one word.
    pub(super) fn get_word(&mut self, slot: impl Into<U256>) -> Result<Vec<u8>, Failure> {
        self.get(slot).map(word)
    }

    /// Writes a slot of ArbOS.
    pub(in crate::arbos) fn set<T>(&mut self, slot: impl Into<U256>, value: T) -> Result<(), Failure>
    where
        U256: alloy_primitives::ruint::UintTryFrom<T>,
    {
        self.set_in(ARBOS, slot.into(), U256::from(value))
    }

    pub(in crate::arbos) fn set_address(&mut self, slot: impl Into<U256>, value: Address) -> Result<(), Failure> {
        self.set(slot, U256::from_be_bytes(value.into_word().0))
    }

    /// Writes a slot of an account of ArbOS.
    pub(super) fn set_in(&mut self, account: Address, slot: U256, value: U256) -> Result<(), Failure> {
        self.burn(if value.is_zero() { WRITE_ZERO } else { WRITE })?;
        state::write(self.ctx.journal_mut(), account, slot, value).map_err(fatal)
    }

    /// The Stylus parameters.
    pub(super) fn params(&mut self) -> Result<StylusParams, Failure> {
        self.burn(PARAMS)?;
        StylusParams::load(self.ctx.journal_mut()).map_err(fatal)
    }

    /// The code hash of an account; zero when there is none.
    pub(super) fn code_hash(&mut self, account: Address) -> Result<B256, Failure> {
        self.burn(CODE_HASH)?;
        let (_, hash, _) = state::look_up(self.ctx.journal_mut(), account).map_err(fatal)?;
        Ok(hash)
    }

    pub(super) fn keccak(&mut self, data: &[u8]) -> Result<B256, Failure> {
        self.burn(30 + 6 * (data.len() as u64).div_ceil(32))?;
        Ok(keccak256(data))
    }

    /// Logs an event of this precompile at the EVM's price.
    pub(super) fn emit(&mut self, event: &impl SolEvent) -> Result<(), Failure> {
        let data = event.encode_log_data();
        self.burn(375 + 375 * data.topics().len() as u64 + 8 * data.data.len() as u64)?;
        let address = self.inputs.bytecode_address;
        self.ctx.journal_mut().log(Log { address, data });
        Ok(())
    }
}

/// Time of the block in Unix seconds.
pub(super) fn timestamp(ctx: &Ctx) -> u64 {
    ctx.block.timestamp().saturating_to()
}

/// An encoded result of one word.
pub(super) fn word(value: U256) -> Vec<u8> {
    value.to_be_bytes_vec()
}

pub(super) fn flag(value: bool) -> Vec<u8> {
    word(U256::from(value))
}

/// Whether the words of the arguments are in the range of their types, except addresses: nodes ignore what is above
/// one.
fn arguments_fit(signature: &str, arguments: &[u8]) -> bool {
    let (_, kinds) = signature.trim_end_matches(')').split_once('(').unwrap_or_default();
    kinds.split(',').zip(arguments.chunks_exact(32)).all(|(kind, word)| {
        let word = U256::from_be_slice(word);
        let bits = |digits: &str| digits.parse::<usize>().unwrap_or(256);
        match (kind, kind.strip_prefix("uint"), kind.strip_prefix("int")) {
            ("bool", ..) => word.bit_len() <= 1,
            (_, Some(digits), _) => word.bit_len() <= bits(digits),
            (_, _, Some(digits)) => word.bit_len() < bits(digits) || (!word).bit_len() < bits(digits),
            _ => true,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_fit_their_types_and_addresses_may_be_dirty() {
        let fits = |signature: &str, word: U256| arguments_fit(signature, &word.to_be_bytes::<32>());
        let u = U256::from::<u64>;
        assert!(fits("f(uint8)", u(255)) && !fits("f(uint8)", u(256)));
        assert!(fits("f(bool)", u(1)) && !fits("f(bool)", u(2)));
        assert!(fits("f(address)", U256::MAX) && fits("f(uint256)", U256::MAX));
        let least = U256::MAX - u((1 << 63) - 1);
        assert!(fits("f(int64)", least) && !fits("f(int64)", least - u(1)));
        assert!(fits("f(int64)", u((1 << 63) - 1)) && !fits("f(int64)", u(1 << 63)));
        assert!(arguments_fit("f()", &[]));
    }
}
