//! # Risk
//!
//! Parameters of every book, and the engine behind `assess`, `decide` and `accept`. It holds nothing and calls
//! nobody: legs and prices are arguments.
//!
//! * **Parameters**: the table of `engine::params` (unit, hard range, default, tightening direction). A book without
//!   settings has the defaults.
//! * **Roles**: governor (any change inside the hard range), guardian (tightening).
#![cfg_attr(not(any(test, feature = "export-abi")), no_std)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![allow(unsafe_code, unexpected_cfgs)] // from the storage and ABI macros, and to create data contracts
#![cfg_attr(feature = "export-abi", allow(missing_docs))] // the printer that `#[public]` adds
#![allow(clippy::needless_pass_by_value, clippy::unused_self, clippy::too_many_arguments)] // the ABI decides the arguments

extern crate alloc;

mod batch;
mod convert;
mod storage;

use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes, I256, U256};
use convert::Outcome;
use engine::{Assessment, ParamId, Params, Price, params};
use fixed::Wad;
use interfaces::{Decision, Facts, IRisk, Report, contract};
use stylus_sdk::prelude::*;

pub use storage::Risk;

interfaces::routes!(Risk, IRisk {
    initializeCall "initialize" => initialize(governor: Address);
    governorCall "governor" => governor();
    setParameterCall "setParameter" => set_parameter(book: Address, id: u8, value: I256);
    parameterCall "parameter" => parameter(book: Address, id: u8);
    assessCall "assess" => assess(book: Address, legs: Vec<B256>, prices_wad: Vec<U256>, confidence_bps: Vec<U256>);
    decideCall "decide" => decide(book: Address, legs: Vec<B256>, prices_wad: Vec<U256>, confidence_bps: Vec<U256>, facts: Facts);
    greeksCall "greeks" => greeks(records: Bytes);
    marginCall "margin" => margin(book: Address, positions: Bytes);
    acceptCall "accept" => accept(book: Address, legs: Vec<B256>, prices_wad: Vec<U256>, confidence_bps: Vec<U256>, measured_before: Report, decision: Decision, facts: Facts);
});

#[cfg_attr(feature = "export-abi", public)]
impl Risk {
    /// Sets the governor, once. Errors: `AlreadyInitialized`, `ZeroAddress`.
    pub fn initialize(&mut self, governor: Address) -> Outcome<()> {
        Ok(contract::claim_initialisation(&mut self.governor, governor)?)
    }

    /// The address that all setters trust.
    pub fn governor(&self) -> Address {
        self.governor.get()
    }

    /// Sets parameter `id` of `book` to the raw `value`: basis points, or 18 decimals.
    ///
    /// Errors: `UnknownParameter`, `Unauthorized` (unless the governor calls, or the guardian tightens),
    /// `ParameterOutOfRange`.
    pub fn set_parameter(&mut self, book: Address, id: u8, value: I256) -> Outcome<()> {
        let name = param(id)?;
        let new = convert::signed_in(value)?.0;
        let mut set = self.load_params(book);
        let tightening = params::is_tightening(name, set.get(name), new);
        contract::authorise(self.vm(), self.governor.get(), tightening)?;
        set.set(name, new)
            .map_err(|error| convert::engine_error(error.into()))?;
        if !self.store_params(book, &set) {
            return Err(IRisk::ParametersNotStored {}.into());
        }
        contract::emit(self.vm(), &IRisk::ParameterSet { book, id, value });
        Ok(())
    }

    /// The raw value of parameter `id` of `book`. Errors: `UnknownParameter`.
    pub fn parameter(&self, book: Address, id: u8) -> Outcome<I256> {
        let name = param(id)?;
        Ok(convert::signed_out(Wad(self.load_params(book).get(name))))
    }

    /// Measures packed `legs` at `prices_wad` (index 0 is the asset, exactly 1e18) with the parameters of `book`.
    /// Roundings are those of `engine::Report`.
    ///
    /// Errors: `LegInvalid`, `LegUnvalued`, `UnknownUnderlying`, `TooManyUnderlyings`, `BadPrice`,
    /// `ArithmeticOverflow`.
    pub fn assess(
        &self,
        book: Address,
        legs: Vec<B256>,
        prices_wad: Vec<U256>,
        confidence_bps: Vec<U256>,
    ) -> Outcome<Report> {
        let prices = convert::prices(&prices_wad, &confidence_bps)?;
        let set = self.load_params(book);
        Ok(convert::report_out(&self.measure(&legs, &prices, &set)?.report))
    }

    /// Measures as `assess` and decides what to do; `facts` is what the legs do not say.
    ///
    /// Errors: as `assess`.
    pub fn decide(
        &self,
        book: Address,
        legs: Vec<B256>,
        prices_wad: Vec<U256>,
        confidence_bps: Vec<U256>,
        facts: Facts,
    ) -> Outcome<(Report, Decision)> {
        let prices = convert::prices(&prices_wad, &confidence_bps)?;
        let set = self.load_params(book);
        let facts = convert::facts(&facts)?;
        let assessment = self.measure(&legs, &prices, &set)?;
        let decision = engine::decide(&assessment, &prices, &set, &facts).map_err(convert::engine_error)?;
        Ok((
            convert::report_out(&assessment.report),
            convert::decision_out(&decision),
        ))
    }

    /// Measures the book again after a `decision` was executed, and returns the new report if the result may stand.
    /// `measured_before` and `decision` come from `decide` at the same prices and `facts`.
    ///
    /// Errors: as `assess`; `NothingDecided`, `NoProgress`, `EarlierRuleWorse`, `LaterRuleWorse`,
    /// `CostTooHigh`.
    pub fn accept(
        &self,
        book: Address,
        legs: Vec<B256>,
        prices_wad: Vec<U256>,
        confidence_bps: Vec<U256>,
        measured_before: Report,
        decision: Decision,
        facts: Facts,
    ) -> Outcome<Report> {
        let prices = convert::prices(&prices_wad, &confidence_bps)?;
        let set = self.load_params(book);
        let facts = convert::facts(&facts)?;
        let before = convert::report_in(&measured_before)?;
        let decision = convert::decision_in(&decision)?;
        let after = self.measure(&legs, &prices, &set)?.report;
        engine::accept(&before, &after, &decision, &prices, &set, &facts).map_err(convert::rejection)?;
        Ok(convert::report_out(&after))
    }

    /// Price and Greeks of many options in one call; nothing of a book is read.
    ///
    /// `records` and the result are the little-endian words of `pricing::Pricer::greeks_packed`: 40 bytes in, 48 bytes
    /// out for each option. Errors: `BatchMalformed`, `OptionInvalid`.
    pub fn greeks(&self, records: Bytes) -> Outcome<Bytes> {
        batch::greeks(&records)
    }

    /// What options and linear positions on one underlying may lose in the scenarios that the parameters of `book` set:
    /// the worst loss and its scenario, initial and maintenance margin (both rounded up), and the loss in every scenario.
    ///
    /// `positions` are little-endian 64-bit words: first Σ quantity·price of the linear positions, then for each option
    /// the record of `greeks` and its quantity (2³² = one token, negative if sold). Values are in the scale of the
    /// prices. Without the contingencies for basis and concentration, which `assess` adds for a whole book.
    /// Errors: `BatchMalformed`, `OptionInvalid`.
    pub fn margin(&self, book: Address, positions: Bytes) -> Outcome<(I256, U256, I256, I256, Vec<U256>)> {
        batch::margin(&positions, &self.load_params(book))
    }
}

impl Risk {
    /// The book of the packed `legs` now.
    fn measure(&self, legs: &[B256], prices: &[Price], set: &Params) -> Outcome<Assessment> {
        let words: Vec<[u8; 32]> = legs.iter().map(|word| word.0).collect();
        let now_secs = self.vm().block_timestamp();
        engine::assess(&words, prices, set, now_secs).map_err(convert::engine_error)
    }
}

/// Errors: `UnknownParameter`.
fn param(id: u8) -> Outcome<ParamId> {
    ParamId::from_u8(id).ok_or(IRisk::UnknownParameter { id }.into())
}
