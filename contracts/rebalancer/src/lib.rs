//! # Rebalancer
//!
//! The keeper's entry point. It holds nothing, and its caller chooses nothing but the book and the moment: rule,
//! size, venue and bounds come from measurements in the same transaction.
//!
//! * **Flow**: measure → decide → encode → execute → measure again → accept, or revert everything.
//! * **A keeper can be late, never harmful**: nothing to do, no progress and too high a cost all revert.
//! * **Lock**: `rebalance` holds the vault's lock from its first to its last step.
//! * **Wind-down**: while the vault winds down, rules 7 to 9 are left out, so that liquidity comes first.
//! * **Roles**: the governor sets the adapter of each book.
#![cfg_attr(not(any(test, feature = "export-abi")), no_std)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![allow(unsafe_code, unexpected_cfgs)] // from the storage and ABI macros only
#![cfg_attr(feature = "export-abi", allow(missing_docs))] // the printer that `#[public]` adds
#![allow(clippy::needless_pass_by_value, clippy::unused_self)] // methods of the ABI own their arguments

extern crate alloc;

mod storage;
mod trade;

use alloc::vec::Vec;
use alloy_primitives::{Address, B256, I256, U256};
use alloy_sol_types::SolCall;
use fixed::Wad;
use interfaces::{
    Decision, IAdapter, IBook, IRebalancer, IRisk, IVault, Report,
    contract::{self, Arg, DECISION_WORDS, REPORT_WORDS, Revert},
};
use stylus_sdk::prelude::*;

pub use storage::Rebalancer;

type Outcome<T> = core::result::Result<T, Revert<IRebalancer::IRebalancerErrors>>;

/// A book as it was measured, and what the engine makes of it.
struct Assessment {
    risk: Address,
    /// The words of what the legs do not say.
    facts: Vec<u8>,
    /// The report's words, then the decision's.
    words: Vec<u8>,
    report: Report,
    decision: Decision,
    /// Price of every token of the book, 1e18.
    prices: Vec<B256>,
    /// Whether leavers have waited too long.
    winding_down: bool,
}

interfaces::routes!(Rebalancer, IRebalancer {
    initializeCall "initialize" => initialize(governor: Address, vault: Address);
    governorCall "governor" => governor();
    vaultCall "vault" => vault();
    setAdapterCall "setAdapter" => set_adapter(book: Address, adapter: Address);
    adapterCall "adapter" => adapter(book: Address);
    assessCall "assess" => assess(book: Address);
    rebalanceCall "rebalance" => rebalance(book: Address);
});

#[cfg_attr(feature = "export-abi", public)]
impl Rebalancer {
    /// Sets governor and vault, once. Errors: `AlreadyInitialized`, `ZeroAddress`.
    pub fn initialize(&mut self, governor: Address, vault: Address) -> Outcome<()> {
        contract::claim_initialisation(&mut self.governor, governor)?;
        if vault.is_zero() {
            return Err(IRebalancer::ZeroAddress {}.into());
        }
        self.vault.set(vault);
        contract::emit(self.vm(), &IRebalancer::Initialized { governor, vault });
        Ok(())
    }

    /// The address that all setters trust.
    pub fn governor(&self) -> Address {
        self.governor.get()
    }

    /// Whose redemption queue must be covered.
    pub fn vault(&self) -> Address {
        self.vault.get()
    }

    /// Sets the adapter that trades for `book`; zero stops rebalancing it.
    ///
    /// Errors: `Unauthorized` (governor only), `Locked`.
    pub fn set_adapter(&mut self, book: Address, adapter: Address) -> Outcome<()> {
        contract::authorise(self.vm(), self.governor.get(), false)?;
        contract::require_unlocked(self.vm(), self.vault.get())?;
        self.adapters.insert(book, adapter);
        contract::emit(self.vm(), &IRebalancer::AdapterSet { book, adapter });
        Ok(())
    }

    /// The adapter that trades for `book`; zero if there is none.
    pub fn adapter(&self, book: Address) -> Address {
        self.adapters.get(book)
    }

    /// What `rebalance` would find and decide now; `rule` 0 means nothing to do.
    ///
    /// Errors: `UnknownBook`, and those of book, oracle, risk and vault.
    pub fn assess(&self, book: Address) -> Outcome<(Report, Decision)> {
        self.known(book)?;
        let assessment = self.measure(book)?;
        Ok((assessment.report, assessment.decision))
    }

    /// Acts on the first rule of `book` that is violated and can be acted upon. Anyone may call.
    ///
    /// Amounts are rounded down for what is paid and up for what must be received.
    /// Errors: `UnknownBook`; `Locked`; `NothingToDo` with the distances; `VenueDisturbed`; what the risk contract's `accept` rejects;
    /// those of book, oracle (a stale price), adapter and venue.
    pub fn rebalance(&mut self, book: Address) -> Outcome<Decision> {
        let adapter = self.known(book)?;
        let vault = self.vault.get();
        contract::write(Call::new_mutating(self), self.vm(), vault, &IVault::lockCall::SELECTOR)?;
        let decision = self.act(book, adapter)?;
        contract::write(
            Call::new_mutating(self),
            self.vm(),
            vault,
            &IVault::unlockCall::SELECTOR,
        )?;
        Ok(decision)
    }
}

impl Rebalancer {
    /// One rebalance, under the lock.
    fn act(&mut self, book: Address, adapter: Address) -> Outcome<Decision> {
        let before = self.measure(book)?;
        let decision = &before.decision;
        if decision.rule.is_zero() {
            return Err(IRebalancer::NothingToDo {
                deltaWad: decision.expectedDelta,
                lowerWad: decision.lower,
                upperWad: decision.upper,
                netLeverageWad: decision.netLeverage.into_raw(),
                grossLeverageWad: decision.grossLeverage.into_raw(),
            }
            .into());
        }
        if decision.action != U256::from(TRADE) || !decision.partner.is_zero() {
            // Not reached: the facts offer no other means.
            let action = decision.action;
            return Err(IRebalancer::ActionUnsupported { action }.into());
        }
        self.check_venue(book, adapter, &before)?;
        let data = trade::plan(self.vm(), book, adapter, decision)?;
        let executed = contract::write(Call::new_mutating(self), self.vm(), book, &data)?;
        let after = self.accept(book, &before)?;

        let target = book;
        let word = |index| contract::uint_at(&executed, index).ok_or(IRebalancer::MalformedReturn { target });
        let report = contract::report_at(&after, 0).ok_or(IRebalancer::MalformedReturn { target: before.risk })?;
        let cost = before.report.navMid.checked_sub(report.navMid);
        contract::emit(
            self.vm(),
            &IRebalancer::Rebalanced {
                book,
                keeper: self.vm().msg_sender(),
                rule: u8::try_from(before.decision.rule).unwrap_or(u8::MAX),
                deltaBefore: before.report.exposure.delta,
                deltaAfter: report.exposure.delta,
                amountIn: word(0)?,
                amountOut: word(1)?,
                costWad: cost.unwrap_or(I256::MAX),
            },
        );
        Ok(before.decision)
    }
}

/// The number of a spot trade among the engine's actions, which is also its bit among the means.
const TRADE: u8 = 1;

/// The first rule that waits for a pool that agrees with the oracle.
const FIRST_PATIENT_RULE: u64 = 5;
/// How far from the oracle a pool may be that such a rule trades on: 0.2 %, in basis points.
pub const MAX_DISTURBANCE_BPS: u64 = 20;
/// 100 %, in basis points.
const BPS: U256 = U256::from_limbs([10_000, 0, 0, 0]);

/// Rules 7 to 9 (greeks, carry, idle assets) as bits of the facts' `skip`.
const WIND_DOWN_SKIPS: u64 = (1 << 7) | (1 << 8) | (1 << 9);

/// The facts that are known so far, as words in the order of [`interfaces::Facts`]: what the queue lacks in whole asset
/// units, fresh prices (the book's measurement refuses others), spot trades alone, no budget, and the rules to `skip`.
fn facts(needed: Wad, skip: u64) -> Vec<u8> {
    let numbers = [needed, Wad::ONE, Wad::MAX, Wad::MAX, Wad::ZERO];
    let numbers = numbers.map(|number| U256::from(number.0.unsigned_abs()));
    let bits = [0, 1_u64 << TRADE, 0, skip, 0].map(U256::from);
    let words = numbers.iter().chain(&bits);
    words.flat_map(U256::to_be_bytes::<32>).collect()
}

impl Rebalancer {
    /// The adapter of a known book. Errors: `UnknownBook`.
    fn known(&self, book: Address) -> Outcome<Address> {
        let adapter = self.adapters.get(book);
        if adapter.is_zero() {
            Err(IRebalancer::UnknownBook { book }.into())
        } else {
            Ok(adapter)
        }
    }

    /// Measures and decides.
    fn measure(&self, book: Address) -> Outcome<Assessment> {
        let (vm, vault) = (self.vm(), self.vault.get());
        let owed = contract::view_uint(vm, vault, IVault::liquidityNeededCall::SELECTOR, &[book.into_word()])?;
        let winding_down = contract::view_uint(vm, vault, IVault::windingDownCall::SELECTOR, &[])?;
        let (_, decimals) = trade::token(vm, book, U256::ZERO)?;
        let needed = fixed::wad_from_units_up(owed, decimals).map_err(trade::overflow)?;
        let facts = facts(needed, if winding_down.is_zero() { 0 } else { WIND_DOWN_SKIPS });
        let risk = contract::view_address(vm, book, IBook::riskCall::SELECTOR)?;
        let (data, prices) = self.question(book, IRisk::decideCall::SELECTOR, &[], &facts)?;
        let words = contract::view(self.vm(), risk, &data)?;
        let malformed = IRebalancer::MalformedReturn { target: risk };
        let (Some(report), Some(decision)) = (
            contract::report_at(&words, 0),
            contract::decision_at(&words, REPORT_WORDS),
        ) else {
            return Err(malformed.into());
        };
        Ok(Assessment {
            risk,
            facts,
            words,
            report,
            decision,
            prices,
            winding_down: !winding_down.is_zero(),
        })
    }

    /// A pool that somebody has just pushed away from the oracle is no place to trade: whoever pushed it would sell to,
    /// or buy from, the book and push it back. Reducing liquidation risk, leverage and the like goes first, and so do
    /// leavers who have waited too long: there the bounds of the trade must do.
    ///
    /// Errors: `VenueDisturbed`.
    fn check_venue(&self, book: Address, adapter: Address, before: &Assessment) -> Outcome<()> {
        let decision = &before.decision;
        if decision.rule < U256::from(FIRST_PATIENT_RULE) || before.winding_down {
            return Ok(());
        }
        let (asset, _) = trade::token(self.vm(), book, U256::ZERO)?;
        let (underlying, _) = trade::token(self.vm(), book, decision.underlying)?;
        let pair = [underlying.into_word(), asset.into_word()];
        let spot = contract::view_uint(self.vm(), adapter, IAdapter::spotCall::SELECTOR, &pair)?;
        let index = usize::try_from(decision.underlying).unwrap_or(usize::MAX);
        let malformed = IRebalancer::MalformedReturn { target: book };
        let price = before.prices.get(index).map(|price| U256::from_be_bytes(price.0));
        let price = price.ok_or(malformed)?;
        let disturbance = fixed::mul_div_up(spot.abs_diff(price), BPS, price).map_err(trade::overflow)?;
        let max = U256::from(MAX_DISTURBANCE_BPS);
        if disturbance > max {
            return Err(IRebalancer::VenueDisturbed {
                adapter,
                disturbanceBps: disturbance,
                maxBps: max,
            }
            .into());
        }
        Ok(())
    }

    /// Measures again; returns the report's words, or reverts with the risk contract's reason unless they may stand.
    fn accept(&self, book: Address, before: &Assessment) -> Outcome<Vec<u8>> {
        let decided = REPORT_WORDS.saturating_add(DECISION_WORDS);
        let measured = contract::raw_words(&before.words, 0..decided);
        let measured = measured.ok_or(IRebalancer::MalformedReturn { target: before.risk })?;
        let (data, _) = self.question(book, IRisk::acceptCall::SELECTOR, measured, &before.facts)?;
        Ok(contract::view(self.vm(), before.risk, &data)?)
    }

    /// Calldata of a question about the book's measurement: book, legs, prices, confidences, the words `decided` and
    /// the `facts`; and the prices.
    fn question(
        &self,
        book: Address,
        selector: [u8; 4],
        decided: &[u8],
        facts: &[u8],
    ) -> Outcome<(Vec<u8>, Vec<B256>)> {
        let measured = contract::view(self.vm(), book, &IBook::measureCall::SELECTOR)?;
        let array = |index| contract::words_at(&measured, index).ok_or(IRebalancer::MalformedReturn { target: book });
        let (legs, prices, confidence) = (array(0)?, array(1)?, array(2)?);
        let mut args = Vec::from([
            Arg::Word(book.into_word()),
            Arg::Words(&legs),
            Arg::Words(&prices),
            Arg::Words(&confidence),
        ]);
        let words = decided.chunks_exact(32).chain(facts.chunks_exact(32));
        args.extend(words.map(|word| Arg::Word(B256::from_slice(word))));
        Ok((contract::encode_args(selector, &args), prices))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_sol_types::SolValue;
    use interfaces::Facts;

    #[test]
    fn facts_are_words_in_the_order_of_the_interface() {
        let read = Facts::abi_decode(&facts(Wad(7), WIND_DOWN_SKIPS));
        let wad = |wad: Wad| I256::unchecked_from(wad.0);
        let expected = Facts {
            liquidityNeeded: wad(Wad(7)),
            capacity: wad(Wad::ONE),
            budgetLeft: wad(Wad::MAX),
            costLeft: wad(Wad::MAX),
            executionFee: I256::ZERO,
            oracle: U256::ZERO,
            means: U256::from(0b10),
            blocked: U256::ZERO,
            skip: U256::from(0b11_1000_0000),
            violatedSecs: U256::ZERO,
        };
        assert_eq!(read, Ok(expected));
    }
}
