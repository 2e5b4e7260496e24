//! # Book
//!
//! One sub-account: an address of its own at every venue. It holds tokens and executes plans; it decides nothing.
//!
//! * **Measurement**: what it holds of registered tokens always counts, however it arrived; positions at venues come
//!   from the registered adapters as packed legs. Beside its marks stands how far the venues' own prices are from the
//!   oracle's, so that the vault can refuse deposits while a pool is pushed.
//! * **Execution**: only the rebalancer's plans, and only calls that match an allow-list entry of the plan's adapter:
//!   target, selector and one template word per argument (see `template`). Before a call the book approves the
//!   target for `amountIn`; after it the target's allowance is measured and must be nothing. In the end measured
//!   balances must keep the plan's bounds. A plan that fails anywhere undoes all of it. No call ever carries value.
//! * **Never listed**: approvals, transfers, permits, operators, sweeps, nested calls (`IForbidden`).
//! * **Recall**: the vault may take the asset back at any time.
//! * **Lock**: `execute` and `recall` belong to who holds the system's lock; everything else that changes state is
//!   refused while it is held.
//! * **Roles**: governor (modules, tokens, adapters, allow-list), guardian (only removes from the allow-list).
//! * **Place**: a book stands behind a proxy, and is initialised while that is constructed; this program's own address
//!   cannot be initialised.
#![cfg_attr(not(any(test, feature = "export-abi")), no_std)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![allow(unsafe_code, unexpected_cfgs)] // from the storage and ABI macros only
#![cfg_attr(feature = "export-abi", allow(missing_docs))] // the printer that `#[public]` adds
#![allow(clippy::needless_pass_by_value, clippy::unused_self)] // methods of the ABI own their arguments

extern crate alloc;

mod execution;
mod measurement;
mod storage;
mod template;

use alloc::vec::Vec;
use alloy_primitives::{Address, B256, FixedBytes, U8, U256};
use alloy_sol_types::SolCall;
use engine::order;
use interfaces::{
    BOOK_UNDERLYINGS, IBook, IERC20,
    IForbidden::IForbiddenCalls,
    Plan,
    contract::{self, Revert, token as erc20},
};
use stylus_sdk::prelude::*;

pub use storage::Book;

/// Most tokens: the asset and what a report has room for.
pub const MAX_TOKENS: u64 = BOOK_UNDERLYINGS as u64 + 1;
/// Most adapters.
pub const MAX_ADAPTERS: u64 = 8;
/// Most legs.
pub const MAX_LEGS: usize = 16;
/// Most decimals of a token.
pub const MAX_DECIMALS: u8 = 18;

type Outcome<T> = core::result::Result<T, Revert<IBook::IBookErrors>>;

interfaces::routes!(Book, IBook {
    initializeCall "initialize" => initialize(governor: Address, vault: Address, rebalancer: Address, risk: Address, oracle: Address, asset: Address);
    governorCall "governor" => governor();
    vaultCall "vault" => vault();
    rebalancerCall "rebalancer" => rebalancer();
    riskCall "risk" => risk();
    oracleCall "oracle" => oracle();
    setModulesCall "setModules" => set_modules(rebalancer: Address, risk: Address, oracle: Address);
    registerTokenCall "registerToken" => register_token(token: Address);
    tokenCountCall "tokenCount" => token_count();
    tokenCall "token" => token(index: U256);
    registerAdapterCall "registerAdapter" => register_adapter(adapter: Address);
    replaceAdapterCall "replaceAdapter" => replace_adapter(adapter: Address, replacement: Address);
    adapterCountCall "adapterCount" => adapter_count();
    adapterCall "adapter" => adapter(index: U256);
    allowCall "allow" => allow(adapter: Address, target: Address, selector: FixedBytes<4>, template: Vec<B256>);
    disallowCall "disallow" => disallow(adapter: Address, target: Address, selector: FixedBytes<4>);
    allowedCall "allowed" => allowed(adapter: Address, target: Address, selector: FixedBytes<4>);
    legsCall "legs" => legs();
    measureCall "measure" => measure();
    marksCall "marks" => marks();
    ordersCall "orders" => orders();
    executeCall "execute" => execute(plan: Plan);
    recallCall "recall" => recall(assets: U256);
});

#[cfg_attr(feature = "export-abi", public)]
impl Book {
    /// Sets governor, vault and modules and registers the asset as token 0, once: in the construction of the proxy.
    ///
    /// Errors: `AlreadyInitialized` (also on an address that has code), `ZeroAddress`, `DecimalsUnsupported`.
    pub fn initialize(
        &mut self,
        governor: Address,
        vault: Address,
        rebalancer: Address,
        risk: Address,
        oracle: Address,
        asset: Address,
    ) -> Outcome<()> {
        contract::claim_constructor_initialisation(&mut self.governor, governor)?;
        if vault.is_zero() {
            return Err(IBook::ZeroAddress {}.into());
        }
        self.vault.set(vault);
        contract::emit(self.vm(), &IBook::Initialized { governor, vault });
        self.put_modules(rebalancer, risk, oracle)?;
        self.add_token(asset)
    }

    /// The address that all setters trust.
    pub fn governor(&self) -> Address {
        self.governor.get()
    }

    /// Who may recall assets.
    pub fn vault(&self) -> Address {
        self.vault.get()
    }

    /// Who may execute plans.
    pub fn rebalancer(&self) -> Address {
        self.rebalancer.get()
    }

    /// The contract that measures legs.
    pub fn risk(&self) -> Address {
        self.risk.get()
    }

    /// The contract that prices tokens.
    pub fn oracle(&self) -> Address {
        self.oracle.get()
    }

    // ---- configuration: refused with `Locked` while the system's lock is held ----

    /// Replaces the programs that act on, measure and price this book: a program that expired and cannot be revived
    /// must not take the book with it. The new risk contract starts with its own parameters for this book.
    ///
    /// Errors: `Unauthorized` (governor only), `Locked`, `ZeroAddress`.
    pub fn set_modules(&mut self, rebalancer: Address, risk: Address, oracle: Address) -> Outcome<()> {
        self.authorise(false)?;
        self.put_modules(rebalancer, risk, oracle)
    }

    /// Adds a token: its index is that of the underlying. From now on its balance counts.
    ///
    /// Errors: `Unauthorized` (governor only), `Locked`, `ZeroAddress`, `TokenExists`, `TooManyTokens`,
    /// `DecimalsUnsupported`, `TargetForbidden` (the vault: a book must not hold shares of what holds the book).
    pub fn register_token(&mut self, token: Address) -> Outcome<()> {
        self.authorise(false)?;
        self.add_token(token)
    }

    /// Number of tokens, the asset included.
    pub fn token_count(&self) -> U256 {
        U256::from(self.token_count.get())
    }

    /// Token `index` and its decimals; zero beyond the last.
    pub fn token(&self, index: U256) -> (Address, U256) {
        let token = self.tokens.getter(index);
        (token.at.get(), U256::from(token.decimals.get()))
    }

    /// Adds an adapter: its legs count and its calls may be listed.
    ///
    /// Errors: `Unauthorized` (governor only), `Locked`, `TooManyAdapters`, `AdapterExists`, and what its `legs` fails
    /// with: one that does not answer would make the book unmeasurable.
    pub fn register_adapter(&mut self, adapter: Address) -> Outcome<()> {
        self.authorise(false)?;
        let count = self.adapter_count();
        let max = U256::from(MAX_ADAPTERS);
        if count >= max {
            return Err(IBook::TooManyAdapters { max }.into());
        }
        self.put_adapter(count, adapter)?;
        self.adapter_count
            .set(U8::saturating_from(count.saturating_add(U256::ONE)));
        contract::emit(self.vm(), &IBook::AdapterRegistered { adapter });
        Ok(())
    }

    /// Puts another adapter in the place of one that, say, expired and cannot be revived. None of its calls is listed;
    /// those of the old one no longer pass.
    ///
    /// Errors: `Unauthorized` (governor only), `Locked`, `AdapterNotRegistered`, and as `registerAdapter`.
    pub fn replace_adapter(&mut self, adapter: Address, replacement: Address) -> Outcome<()> {
        self.authorise(false)?;
        let mut places = (0..MAX_ADAPTERS).map(U256::from);
        let place = places.find(|place| !adapter.is_zero() && self.adapters.get(*place) == adapter);
        let place = place.ok_or(IBook::AdapterNotRegistered { adapter })?;
        self.put_adapter(place, replacement)?;
        self.trusted.insert(adapter, false);
        contract::emit(self.vm(), &IBook::AdapterReplaced { adapter, replacement });
        Ok(())
    }

    /// Number of adapters.
    pub fn adapter_count(&self) -> U256 {
        U256::from(self.adapter_count.get())
    }

    /// Adapter `index`; zero beyond the last.
    pub fn adapter(&self, index: U256) -> Address {
        self.adapters.get(index)
    }

    /// Lists a call: `selector` of `target`, encoded by `adapter`, with one `template` word per argument word.
    /// Replaces an earlier template.
    ///
    /// Errors: `Unauthorized` (governor only), `Locked`, `AdapterNotRegistered`, `SelectorForbidden`, `TargetForbidden` (the
    /// book itself, the vault, a registered token), `TemplateInvalid`.
    pub fn allow(
        &mut self,
        adapter: Address,
        target: Address,
        selector: FixedBytes<4>,
        template: Vec<B256>,
    ) -> Outcome<()> {
        self.authorise(false)?;
        if !self.trusted.get(adapter) {
            return Err(IBook::AdapterNotRegistered { adapter }.into());
        }
        if IForbiddenCalls::SELECTORS.contains(&selector.0) {
            return Err(IBook::SelectorForbidden { selector }.into());
        }
        if target == self.vm().contract_address() || target == self.vault.get() || self.registered.get(target) {
            return Err(IBook::TargetForbidden { target }.into());
        }
        if let Some((index, word)) = template::first_invalid(&template) {
            return Err(IBook::TemplateInvalid {
                index: U256::from(index),
                word,
            }
            .into());
        }
        let mut stored = self
            .templates
            .setter(execution::key(self.vm(), adapter, target, selector.0));
        stored.listed.set(true);
        stored.length.set(U8::saturating_from(template.len()));
        for (index, word) in template.iter().enumerate() {
            stored.words.insert(U256::from(index), *word);
        }
        contract::emit(
            self.vm(),
            &IBook::CallAllowed {
                adapter,
                target,
                selector,
                template,
            },
        );
        Ok(())
    }

    /// Takes a call off the list. Errors: `Unauthorized` (governor or guardian), `Locked`.
    pub fn disallow(&mut self, adapter: Address, target: Address, selector: FixedBytes<4>) -> Outcome<()> {
        self.authorise(true)?;
        let key = execution::key(self.vm(), adapter, target, selector.0);
        self.templates.setter(key).listed.set(false);
        contract::emit(
            self.vm(),
            &IBook::CallDisallowed {
                adapter,
                target,
                selector,
            },
        );
        Ok(())
    }

    /// Whether a call is listed, and its template.
    pub fn allowed(&self, adapter: Address, target: Address, selector: FixedBytes<4>) -> (bool, Vec<B256>) {
        match self.load_template(execution::key(self.vm(), adapter, target, selector.0)) {
            Some(template) => (true, template),
            None => (false, Vec::new()),
        }
    }

    // ---- measurement ----

    /// Everything the book owns and owes, as packed legs (see `engine::leg`).
    ///
    /// Balances are rounded down to 18 decimals. Errors: `TooManyLegs`, `MalformedReturn`, `ArithmeticOverflow`, and
    /// those of tokens and adapters.
    pub fn legs(&self) -> Outcome<Vec<B256>> {
        Ok(self.read_legs()?.words)
    }

    /// Legs, and price (1e18) and confidence (basis points) of every token; entry 0 is the asset.
    ///
    /// Errors: as `legs`, and those of the oracle.
    pub fn measure(&self) -> Outcome<(Vec<B256>, Vec<U256>, Vec<U256>)> {
        let held = self.read_legs()?;
        let (prices, confidence) = self.read_prices(&held.tokens)?;
        Ok((held.words, uints(&prices), uints(&confidence)))
    }

    /// `navMin` (rounded down), `navMid` (down) and `navMax` (up) in asset units; a value below zero is 0. Then the
    /// disturbance: the largest deviation, in 1/10,000 of the oracle's price and rounded up, of what an adapter's venue
    /// quotes for an underlying now; 0 where none quotes, the largest number if a venue does not answer (this stops
    /// deposits, and not exits).
    ///
    /// Reads no oracle and no venue while the book holds only the asset: all values are its balance, undisturbed.
    /// Errors: as `measure`, and those of the risk contract.
    pub fn marks(&self) -> Outcome<(U256, U256, U256, U256)> {
        self.read_marks()
    }

    /// Orders that asynchronous venues may still hold, packed (see `engine::order`), at most
    /// [`order::MAX_OPEN`](engine::order::MAX_OPEN). Nothing opens one yet.
    pub fn orders(&self) -> Vec<B256> {
        let words = usize::from(small(U256::from(self.order_count.get()))).saturating_mul(order::WORDS);
        (0..words)
            .map(|index| self.order_words.get(U256::from(index)))
            .collect()
    }

    // ---- funds ----

    /// Executes a plan: returns what was spent of `tokenIn` and received of `tokenOut`, in token units.
    ///
    /// Errors: `Unauthorized` (rebalancer only, who holds the system's lock meanwhile), `AdapterNotRegistered`,
    /// `TokenNotRegistered`, `PlanInvalid`, `CallNotAllowed`, `CallMismatch`, `TransferFailed` (approval),
    /// `ApprovalLeft`, `SpentTooMuch`, `SlippageExceeded`, and those of the targets.
    pub fn execute(&mut self, plan: Plan) -> Outcome<(U256, U256)> {
        self.only(self.rebalancer.get())?;
        self.run(&plan)
    }

    /// Sends `assets` units of the asset to the vault.
    ///
    /// Errors: `Unauthorized` (vault only, which holds its lock meanwhile), `TransferFailed`.
    pub fn recall(&mut self, assets: U256) -> Outcome<()> {
        let vault = self.vault.get();
        self.only(vault)?;
        let (asset, _) = self.token(U256::ZERO);
        contract::emit(self.vm(), &IBook::AssetsRecalled { assets });
        erc20::transfer(Call::new_mutating(self), self.vm(), asset, vault, assets)?;
        Ok(())
    }
}

impl Book {
    fn add_token(&mut self, token: Address) -> Outcome<()> {
        if token.is_zero() {
            return Err(IBook::ZeroAddress {}.into());
        }
        if token == self.vault.get() {
            return Err(IBook::TargetForbidden { target: token }.into());
        }
        if self.registered.get(token) {
            return Err(IBook::TokenExists { token }.into());
        }
        let index = self.token_count();
        let max = U256::from(MAX_TOKENS);
        if index >= max {
            return Err(IBook::TooManyTokens { max }.into());
        }
        let decimals = contract::view_uint(self.vm(), token, IERC20::decimalsCall::SELECTOR, &[])?;
        if decimals > U256::from(MAX_DECIMALS) {
            return Err(IBook::DecimalsUnsupported { token, decimals }.into());
        }
        let mut stored = self.tokens.setter(index);
        stored.at.set(token);
        stored.decimals.set(U8::saturating_from(decimals));
        self.token_count
            .set(U8::saturating_from(index.saturating_add(U256::ONE)));
        self.registered.insert(token, true);
        contract::emit(self.vm(), &IBook::TokenRegistered { index, token, decimals });
        Ok(())
    }

    fn put_modules(&mut self, rebalancer: Address, risk: Address, oracle: Address) -> Outcome<()> {
        if [rebalancer, risk, oracle].contains(&Address::ZERO) {
            return Err(IBook::ZeroAddress {}.into());
        }
        self.rebalancer.set(rebalancer);
        self.risk.set(risk);
        self.oracle.set(oracle);
        let modules = IBook::ModulesSet {
            rebalancer,
            risk,
            oracle,
        };
        contract::emit(self.vm(), &modules);
        Ok(())
    }

    /// Trusts an adapter that answers, in a place of the list.
    fn put_adapter(&mut self, place: U256, adapter: Address) -> Outcome<()> {
        if self.trusted.get(adapter) {
            return Err(IBook::AdapterExists { adapter }.into());
        }
        self.adapter_legs(adapter)?;
        self.adapters.insert(place, adapter);
        self.trusted.insert(adapter, true);
        Ok(())
    }

    /// The rule of all setters, and the lock.
    fn authorise(&self, tightening: bool) -> Outcome<()> {
        contract::authorise(self.vm(), self.governor.get(), tightening)?;
        Ok(contract::require_unlocked(self.vm(), self.vault.get())?)
    }

    fn only(&self, allowed: Address) -> Outcome<()> {
        let caller = self.vm().msg_sender();
        if caller == allowed {
            Ok(())
        } else {
            Err(IBook::Unauthorized { caller }.into())
        }
    }
}

fn small(value: U256) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

fn uints(words: &[B256]) -> Vec<U256> {
    words.iter().map(|word| U256::from_be_bytes(word.0)).collect()
}
