//! # Vault
//!
//! Shares over idle assets and books. This file routes: authorise, load, call pure logic, store, emit.
//!
//! * **Value**: `navMin ≤ navMid ≤ navMax` = booked idle assets + the marks of every book, measured in the
//!   same transaction. Assets sent to the vault uninvited are not booked and move nothing.
//! * **Deposits** (ERC-4626, synchronous): shares are minted at `navMax` after the entry cost, rounded
//!   down. They stop while a book cannot be measured.
//! * **Redemptions** (ERC-7540): a request escrows shares and joins the open batch; after the batch's
//!   cut-off anyone settles it at `navMin`, oldest first, pro rata when liquidity is short; settled assets
//!   move to a reserve outside the value, from which they are claimed. Nothing pauses requests, settlement
//!   or claims.
//! * **Share price defence**: 10^(18 − decimals) virtual shares and one virtual asset unit.
//! * **Roles**: governor (all setters), guardian (tightening), allocator (idle ↔ books, inside caps).
//! * **Token requirements**: at most 12 decimals, no fee on transfer (refused), no rebasing.
//! * **Re-entry**: refused by the SDK's entry point. State is written before tokens leave.
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

mod books;
mod error;
mod pricing;
mod queue;
mod storage;
mod token;

use alloc::string::String;
#[cfg(feature = "export-abi")]
use alloc::vec::Vec; // used by `#[public]`
use alloy_primitives::{Address, B256, FixedBytes, U8, U16, U32, U256};
use alloy_sol_types::SolCall;
use error::{Checked, Outcome};
use interfaces::{
    IERC20, IGovernor, IVault,
    contract::{self, token as erc20},
};
use stylus_sdk::prelude::*;

pub use books::{MARKS_GAS, MAX_BOOKS};
pub use storage::Vault;

/// Shortest and longest batch: 1 hour and 7 days, in seconds.
pub const PERIOD_SECS: [u64; 2] = [3_600, 604_800];
/// Highest entry cost: 3 %, in basis points.
pub const MAX_ENTRY_COST_BPS: u64 = 300;
/// Decimals of shares.
pub const SHARE_DECIMALS: u8 = 18;
/// Most decimals of the asset: leaves a million virtual shares against one virtual unit, so that neither a donation nor
/// what the last leaver left behind can price a deposit out.
pub const MAX_ASSET_DECIMALS: u8 = 12;

interfaces::routes!(Vault, IVault {
    initializeCall "initialize" => initialize(governor: Address, asset: Address, name: B256, symbol: B256, period_secs: U256, deposit_cap: U256, entry_cost_bps: U256);
    nameCall "name" => name();
    symbolCall "symbol" => symbol();
    decimalsCall "decimals" => decimals();
    totalSupplyCall "totalSupply" => total_supply();
    balanceOfCall "balanceOf" => balance_of(account: Address);
    allowanceCall "allowance" => allowance(owner: Address, spender: Address);
    transferCall "transfer" => transfer(to: Address, value: U256);
    approveCall "approve" => approve(spender: Address, value: U256);
    transferFromCall "transferFrom" => transfer_from(from: Address, to: Address, value: U256);
    assetCall "asset" => asset();
    totalAssetsCall "totalAssets" => total_assets();
    convertToSharesCall "convertToShares" => convert_to_shares(assets: U256);
    convertToAssetsCall "convertToAssets" => convert_to_assets(shares: U256);
    maxDepositCall "maxDeposit" => max_deposit(receiver: Address);
    maxMintCall "maxMint" => max_mint(receiver: Address);
    previewDepositCall "previewDeposit" => preview_deposit(assets: U256);
    previewMintCall "previewMint" => preview_mint(shares: U256);
    depositCall "deposit" => deposit(assets: U256, receiver: Address);
    depositWithMinCall "depositWithMin" => deposit_with_min(assets: U256, receiver: Address, min_shares: U256);
    mintCall "mint" => mint(shares: U256, receiver: Address);
    requestRedeemCall "requestRedeem" => request_redeem(shares: U256, controller: Address, owner: Address);
    pendingRedeemRequestCall "pendingRedeemRequest" => pending_redeem_request(request_id: U256, controller: Address);
    claimableRedeemRequestCall "claimableRedeemRequest" => claimable_redeem_request(request_id: U256, controller: Address);
    setOperatorCall "setOperator" => set_operator(operator: Address, approved: bool);
    isOperatorCall "isOperator" => is_operator(controller: Address, operator: Address);
    redeemCall "redeem" => redeem(shares: U256, receiver: Address, controller: Address);
    withdrawCall "withdraw" => withdraw(assets: U256, receiver: Address, controller: Address);
    previewRedeemCall "previewRedeem" => preview_redeem(shares: U256);
    previewWithdrawCall "previewWithdraw" => preview_withdraw(assets: U256);
    maxRedeemCall "maxRedeem" => max_redeem(controller: Address);
    maxWithdrawCall "maxWithdraw" => max_withdraw(controller: Address);
    supportsInterfaceCall "supportsInterface" => supports_interface(interface_id: FixedBytes<4>);
    shareCall "share" => share();
    settleCall "settle" => settle();
    liquidityNeededCall "liquidityNeeded" => liquidity_needed();
    currentBatchCall "currentBatch" => current_batch();
    nextBatchCall "nextBatch" => next_batch();
    marksCall "marks" => marks();
    idleCall "idle" => idle();
    claimReserveCall "claimReserve" => claim_reserve();
    bookCountCall "bookCount" => book_count();
    bookCall "book" => book(index: U256);
    addBookCall "addBook" => add_book(book: Address, cap: U256);
    setBookCapCall "setBookCap" => set_book_cap(book: Address, cap: U256);
    allocateCall "allocate" => allocate(book: Address, assets: U256);
    recallCall "recall" => recall(book: Address, assets: U256);
    governorCall "governor" => governor();
    parametersCall "parameters" => parameters();
    setDepositCapCall "setDepositCap" => set_deposit_cap(cap: U256);
    setEntryCostCall "setEntryCost" => set_entry_cost(entry_cost_bps: U256);
    setPeriodCall "setPeriod" => set_period(period_secs: U256);
});

#[cfg_attr(feature = "export-abi", public)]
impl Vault {
    /// Sets everything that does not change, and the first parameters, once.
    ///
    /// `name`, `symbol`: left-aligned ASCII. Errors: `AlreadyInitialized`, `ZeroAddress`,
    /// `ParameterOutOfRange` (period, entry cost, decimals of the asset).
    #[allow(clippy::too_many_arguments)]
    pub fn initialize(
        &mut self,
        governor: Address,
        asset: Address,
        name: B256,
        symbol: B256,
        period_secs: U256,
        deposit_cap: U256,
        entry_cost_bps: U256,
    ) -> Outcome<()> {
        contract::claim_initialisation(&mut self.governor, governor)?;
        let decimals = contract::view_uint(self.vm(), asset, IERC20::decimalsCall::SELECTOR, &[])?;
        in_range(decimals, 0, MAX_ASSET_DECIMALS.into())?;
        self.asset.set(asset);
        self.offset
            .set(U8::saturating_from(U256::from(SHARE_DECIMALS).saturating_sub(decimals)));
        self.name.set(name);
        self.symbol.set(symbol);
        self.put_period(period_secs)?;
        self.put_deposit_cap(deposit_cap);
        self.put_entry_cost(entry_cost_bps)
    }

    // ---- ERC-20 ----

    /// Name of the share token.
    pub fn name(&self) -> String {
        text(self.name.get())
    }

    /// Symbol of the share token.
    pub fn symbol(&self) -> String {
        text(self.symbol.get())
    }

    /// Decimals of shares: 18.
    pub fn decimals(&self) -> u8 {
        SHARE_DECIMALS
    }

    /// All shares, those in escrow included.
    pub fn total_supply(&self) -> U256 {
        self.total_supply.get()
    }

    /// Shares of `account`.
    pub fn balance_of(&self, account: Address) -> U256 {
        self.balances.get(account)
    }

    /// Shares that `spender` may still move for `owner`; the maximum is unlimited.
    pub fn allowance(&self, owner: Address, spender: Address) -> U256 {
        self.allowances.getter(owner).get(spender)
    }

    /// Moves shares of the caller. Errors: `ERC20InvalidReceiver` (nobody, or the vault), `ERC20InsufficientBalance`.
    pub fn transfer(&mut self, to: Address, value: U256) -> Outcome<bool> {
        self.check_receiver(to)?;
        self.move_shares(self.vm().msg_sender(), to, value)?;
        Ok(true)
    }

    /// Lets `spender` move shares of the caller. Errors: `ERC20InvalidSpender`.
    pub fn approve(&mut self, spender: Address, value: U256) -> Outcome<bool> {
        if spender.is_zero() {
            return Err(IVault::ERC20InvalidSpender { spender }.into());
        }
        let owner = self.vm().msg_sender();
        self.allowances.setter(owner).insert(spender, value);
        contract::emit(self.vm(), &IVault::Approval { owner, spender, value });
        Ok(true)
    }

    /// Moves shares of `from` within the caller's allowance.
    ///
    /// Errors: `ERC20InvalidReceiver`, `ERC20InsufficientAllowance`, `ERC20InsufficientBalance`.
    pub fn transfer_from(&mut self, from: Address, to: Address, value: U256) -> Outcome<bool> {
        self.check_receiver(to)?;
        self.spend_allowance(from, self.vm().msg_sender(), value)?;
        self.move_shares(from, to, value)?;
        Ok(true)
    }

    // ---- ERC-4626: deposits ----

    /// The token that is deposited and paid out.
    pub fn asset(&self) -> Address {
        self.asset.get()
    }

    /// `navMid` in asset units, rounded down; a book that cannot be measured counts as 0.
    pub fn total_assets(&self) -> Outcome<U256> {
        Ok(self.measure()?.mid)
    }

    /// Shares worth `assets` at `navMid`, rounded down; no cost.
    pub fn convert_to_shares(&self, assets: U256) -> Outcome<U256> {
        self.to_shares_down(assets, self.measure()?.mid)
    }

    /// Assets worth `shares` at `navMid`, rounded down; no cost.
    pub fn convert_to_assets(&self, shares: U256) -> Outcome<U256> {
        self.to_assets_down(shares, self.measure()?.mid)
    }

    /// Most assets that can be deposited now: the deposit cap less `navMid`; 0 while a book cannot be measured.
    pub fn max_deposit(&self, receiver: Address) -> Outcome<U256> {
        let _ = receiver;
        Ok(self.room(&self.measure()?))
    }

    /// Shares for the largest deposit possible now, rounded down.
    pub fn max_mint(&self, receiver: Address) -> Outcome<U256> {
        let _ = receiver;
        Ok(self.shares_for_room(&self.measure()?))
    }

    /// Shares that a deposit of `assets` mints: at `navMax`, after the entry cost, rounded down.
    ///
    /// Errors: `MarkUnavailable`.
    pub fn preview_deposit(&self, assets: U256) -> Outcome<U256> {
        self.shares_for_deposit_down(assets, self.measure_all()?.max)
    }

    /// Assets that minting `shares` takes: at `navMax`, with the entry cost, rounded up.
    ///
    /// Errors: `MarkUnavailable`.
    pub fn preview_mint(&self, shares: U256) -> Outcome<U256> {
        self.assets_for_mint_up(shares, self.measure_all()?.max)
    }

    /// Takes `assets` from the caller and mints shares for `receiver` (rounded down).
    ///
    /// Errors: `ZeroAmount`, `ERC4626ExceededMaxDeposit`, `MarkUnavailable`, `TransferFailed`, `ERC20InvalidReceiver`.
    pub fn deposit(&mut self, assets: U256, receiver: Address) -> Outcome<U256> {
        self.deposit_with_min(assets, receiver, U256::ZERO)
    }

    /// As `deposit`, for at least `min_shares`: `SlippageExceeded` otherwise.
    pub fn deposit_with_min(&mut self, assets: U256, receiver: Address, min_shares: U256) -> Outcome<U256> {
        let marks = self.measure_all()?;
        let max = self.room(&marks);
        if assets > max {
            return Err(IVault::ERC4626ExceededMaxDeposit { receiver, assets, max }.into());
        }
        let shares = self.shares_for_deposit_down(assets, marks.max)?;
        if shares < min_shares {
            return Err(IVault::SlippageExceeded {
                received: shares,
                minimum: min_shares,
            }
            .into());
        }
        self.enter(assets, shares, receiver)?;
        Ok(shares)
    }

    /// Mints exactly `shares` for `receiver` and takes the assets (rounded up) from the caller.
    ///
    /// Errors: as `deposit`, with `ERC4626ExceededMaxMint`.
    pub fn mint(&mut self, shares: U256, receiver: Address) -> Outcome<U256> {
        let marks = self.measure_all()?;
        let assets = self.assets_for_mint_up(shares, marks.max)?;
        if assets > self.room(&marks) {
            let max = self.shares_for_room(&marks);
            return Err(IVault::ERC4626ExceededMaxMint { receiver, shares, max }.into());
        }
        self.enter(assets, shares, receiver)?;
        Ok(assets)
    }

    // ---- ERC-7540: redemptions ----

    /// Escrows `shares` of `owner` in the open batch for `controller`; returns the batch.
    ///
    /// The caller is the owner, an operator of the owner or has the allowance; and the controller is the
    /// owner, the caller, or made the caller an operator. Errors: `ZeroAmount`, `Unauthorized`,
    /// `ERC20InsufficientAllowance`, `ERC20InsufficientBalance`, `RequestUnsettled`, `RequestUnclaimed`.
    pub fn request_redeem(&mut self, shares: U256, controller: Address, owner: Address) -> Outcome<U256> {
        not_zero(shares)?;
        let sender = self.vm().msg_sender();
        if controller != owner {
            self.check_operator(controller, sender)?;
        }
        if sender != owner && !self.is_operator(owner, sender) {
            self.spend_allowance(owner, sender, shares)?;
        }
        let vault = self.vm().contract_address();
        self.move_shares(owner, vault, shares)?;
        let id = self.join_batch(controller, shares)?;
        contract::emit(
            self.vm(),
            &IVault::RedeemRequest {
                controller,
                owner,
                requestId: id,
                sender,
                shares,
            },
        );
        Ok(id)
    }

    /// Shares of the controller's request that are not settled (rounded up); 0 for any other batch.
    pub fn pending_redeem_request(&self, request_id: U256, controller: Address) -> Outcome<U256> {
        if !self.is_current(request_id, controller) {
            return Ok(U256::ZERO);
        }
        Ok(self.claim_of(controller)?.pending)
    }

    /// Shares of the controller's request that are settled and not claimed; 0 for any other batch.
    pub fn claimable_redeem_request(&self, request_id: U256, controller: Address) -> Outcome<U256> {
        if !self.is_current(request_id, controller) {
            return Ok(U256::ZERO);
        }
        self.max_redeem(controller)
    }

    /// Lets `operator` request and claim for the caller.
    pub fn set_operator(&mut self, operator: Address, approved: bool) -> bool {
        let controller = self.vm().msg_sender();
        self.operators.setter(controller).insert(operator, approved);
        contract::emit(
            self.vm(),
            &IVault::OperatorSet {
                controller,
                operator,
                approved,
            },
        );
        true
    }

    /// Whether `operator` may request and claim for `controller`.
    pub fn is_operator(&self, controller: Address, operator: Address) -> bool {
        self.operators.getter(controller).get(operator)
    }

    /// Claims `shares` of the controller's settled request: pays their assets (rounded down) to `receiver`.
    ///
    /// Errors: `ZeroAmount`, `Unauthorized`, `ERC4626ExceededMaxRedeem`, `TransferFailed`.
    pub fn redeem(&mut self, shares: U256, receiver: Address, controller: Address) -> Outcome<U256> {
        let claim = self.claim_of(controller)?;
        let max = claim.shares;
        if shares > max {
            return Err(IVault::ERC4626ExceededMaxRedeem {
                owner: controller,
                shares,
                max,
            }
            .into());
        }
        not_zero(shares)?;
        let assets = fixed::mul_div_down(claim.assets, shares, max).checked()?;
        self.pay_claim(shares, assets, receiver, controller)?;
        Ok(assets)
    }

    /// Claims exactly `assets` of the controller's settled request (shares rounded up) and pays `receiver`.
    ///
    /// Errors: `ZeroAmount`, `Unauthorized`, `ERC4626ExceededMaxWithdraw`, `TransferFailed`.
    pub fn withdraw(&mut self, assets: U256, receiver: Address, controller: Address) -> Outcome<U256> {
        let claim = self.claim_of(controller)?;
        let max = claim.assets;
        if assets > max {
            return Err(IVault::ERC4626ExceededMaxWithdraw {
                owner: controller,
                assets,
                max,
            }
            .into());
        }
        not_zero(assets)?;
        let shares = fixed::mul_div_up(claim.shares, assets, max).checked()?;
        self.pay_claim(shares, assets, receiver, controller)?;
        Ok(shares)
    }

    /// Redemptions have no preview: `AsyncRedeem`.
    pub fn preview_redeem(&self, shares: U256) -> Outcome<U256> {
        let _ = shares;
        Err(IVault::AsyncRedeem {}.into())
    }

    /// Redemptions have no preview: `AsyncRedeem`.
    pub fn preview_withdraw(&self, assets: U256) -> Outcome<U256> {
        self.preview_redeem(assets)
    }

    /// Shares that `controller` may claim by `redeem`.
    pub fn max_redeem(&self, controller: Address) -> Outcome<U256> {
        Ok(self.claim_of(controller)?.shares)
    }

    /// Asset units that `controller` may claim by `withdraw`, rounded down.
    pub fn max_withdraw(&self, controller: Address) -> Outcome<U256> {
        Ok(self.claim_of(controller)?.assets)
    }

    /// ERC-165: itself, ERC-7540 operators, ERC-7540 asynchronous redemption, ERC-7575.
    pub fn supports_interface(&self, interface_id: FixedBytes<4>) -> bool {
        matches!(
            u32::from_be_bytes(interface_id.0),
            0x01ff_c9a7 | 0xe3bc_4e65 | 0x620e_e8e4 | 0x2f0a_18c5
        )
    }

    /// ERC-7575: the share token, which is the vault.
    pub fn share(&self) -> Address {
        self.vm().contract_address()
    }

    // ---- settlement ----

    /// Settles the oldest batch after its cut-off as far as liquidity reaches, at `navMin`.
    ///
    /// Returns the batch, the shares burned and the asset units set aside. Anyone may call.
    /// Errors: `NothingToSettle`, `BatchStillOpen`, `MarkUnavailable`.
    pub fn settle(&mut self) -> Outcome<(U256, U256, U256)> {
        self.settle_oldest()
    }

    /// Asset units that all unsettled requests are worth at `navMin` (rounded up) beyond what is idle.
    ///
    /// Errors: `MarkUnavailable`. Never a default: whoever can make a measurement fail (a caller may hold memory pages
    /// that make it too dear) would otherwise switch the queue off.
    pub fn liquidity_needed(&self) -> Outcome<U256> {
        let escrowed = self.balances.get(self.vm().contract_address());
        if escrowed.is_zero() {
            return Ok(escrowed);
        }
        let owed = self.to_assets_up(escrowed, self.measure_all()?.min)?;
        Ok(owed.saturating_sub(self.idle.get()))
    }

    /// The batch that a request joins now, and its cut-off in Unix seconds.
    pub fn current_batch(&self) -> (U256, U256) {
        let (batch, cut_off) = self.open_batch();
        (U256::from(batch), U256::from(cut_off))
    }

    /// The oldest batch not completely settled, its cut-off and its shares left. All zero if there is none.
    pub fn next_batch(&self) -> Outcome<(U256, U256, U256)> {
        let settled = self.settled_batches.get();
        if settled == self.last_batch.get() {
            return Ok((U256::ZERO, U256::ZERO, U256::ZERO));
        }
        let id = U256::from(settled).saturating_add(U256::ONE);
        let stored = self.batches.getter(id);
        let batch = queue::load(&stored);
        let left = engine::shares::unfilled(&batch, batch.shares).checked()?;
        Ok((id, U256::from(stored.cut_off.get()), left))
    }

    /// `navMin` (down), `navMid` (down) and `navMax` (up) in asset units. A book that cannot be measured counts as
    /// 0 in the first two and makes the third the largest number.
    pub fn marks(&self) -> Outcome<(U256, U256, U256)> {
        let marks = self.measure()?;
        let max = if marks.failed.is_some() { U256::MAX } else { marks.max };
        Ok((marks.min, marks.mid, max))
    }

    /// Booked asset units that belong to all shares.
    pub fn idle(&self) -> U256 {
        self.idle.get()
    }

    /// Asset units that belong to settled requests.
    pub fn claim_reserve(&self) -> U256 {
        self.claim_reserve.get()
    }

    // ---- books ----

    /// Number of books.
    pub fn book_count(&self) -> U256 {
        U256::from(self.book_count.get())
    }

    /// Book `index`, the asset units it was given less those taken back, and its cap. Zero beyond the last.
    pub fn book(&self, index: U256) -> (Address, U256, U256) {
        let book = self.books.get(index);
        let limit = self.limits.getter(book);
        (book, limit.allocated.get(), limit.cap.get())
    }

    /// Registers a book that names this vault, holds its asset as token 0 and can be measured.
    ///
    /// Errors: `Unauthorized` (governor only), `ZeroAddress`, `BookExists`, `TooManyBooks`, `UnknownBook`,
    /// `MarkUnavailable`.
    pub fn add_book(&mut self, book: Address, cap: U256) -> Outcome<()> {
        self.authorise(false)?;
        if book.is_zero() {
            return Err(IVault::ZeroAddress {}.into());
        }
        if self.limits.getter(book).registered.get() {
            return Err(IVault::BookExists { book }.into());
        }
        let count = self.books_registered();
        if count >= MAX_BOOKS {
            return Err(IVault::TooManyBooks {
                max: U256::from(MAX_BOOKS),
            }
            .into());
        }
        self.check_allegiance(book)?;
        self.books.insert(U256::from(count), book);
        self.book_count.set(U8::saturating_from(count.saturating_add(1)));
        let mut limit = self.limits.setter(book);
        limit.registered.set(true);
        limit.cap.set(cap);
        contract::emit(self.vm(), &IVault::BookAdded { book });
        contract::emit(self.vm(), &IVault::BookCapSet { book, cap });
        self.measure_all()?;
        Ok(())
    }

    /// Sets what `book` may be given, in asset units; lower is tighter. Errors: `Unauthorized`, `UnknownBook`.
    pub fn set_book_cap(&mut self, book: Address, cap: U256) -> Outcome<()> {
        self.check_book(book)?;
        self.authorise(cap <= self.limits.getter(book).cap.get())?;
        self.limits.setter(book).cap.set(cap);
        contract::emit(self.vm(), &IVault::BookCapSet { book, cap });
        Ok(())
    }

    /// Gives idle assets to `book`. Errors: `Unauthorized` (allocator only), `ZeroAmount`, `UnknownBook`,
    /// `InsufficientIdle`, `BookCapExceeded`, `TransferFailed`.
    pub fn allocate(&mut self, book: Address, assets: U256) -> Outcome<()> {
        self.only_allocator()?;
        self.check_book(book)?;
        not_zero(assets)?;
        let idle = self.idle.get();
        let Some(left) = idle.checked_sub(assets) else {
            return Err(IVault::InsufficientIdle { assets, idle }.into());
        };
        let mut limit = self.limits.setter(book);
        let allocated = limit.allocated.get().saturating_add(assets);
        let cap = limit.cap.get();
        if allocated > cap {
            return Err(IVault::BookCapExceeded {
                book,
                assets: allocated,
                max: cap,
            }
            .into());
        }
        limit.allocated.set(allocated);
        self.idle.set(left);
        contract::emit(self.vm(), &IVault::Allocated { book, assets });
        let asset = self.asset.get();
        erc20::transfer(Call::new_mutating(self), self.vm(), asset, book, assets)?;
        Ok(())
    }

    /// Takes cash back from `book`: all of `assets`, or `InsufficientIdle` with what it could give.
    ///
    /// Errors: `Unauthorized` (allocator only), `ZeroAmount`, `UnknownBook`.
    pub fn recall(&mut self, book: Address, assets: U256) -> Outcome<()> {
        self.only_allocator()?;
        self.check_book(book)?;
        not_zero(assets)?;
        let received = self.pull_from_book(book, assets)?;
        if received < assets {
            return Err(IVault::InsufficientIdle { assets, idle: received }.into());
        }
        Ok(())
    }

    // ---- parameters ----

    /// The address that all setters trust.
    pub fn governor(&self) -> Address {
        self.governor.get()
    }

    /// Length of a batch in seconds, deposit cap in asset units, entry cost in basis points.
    pub fn parameters(&self) -> (U256, U256, U256) {
        (
            U256::from(self.period_secs.get()),
            self.deposit_cap.get(),
            U256::from(self.entry_cost_bps.get()),
        )
    }

    /// Sets the value, in asset units, up to which deposits are taken; lower is tighter. Errors: `Unauthorized`.
    pub fn set_deposit_cap(&mut self, cap: U256) -> Outcome<()> {
        self.authorise(cap <= self.deposit_cap.get())?;
        self.put_deposit_cap(cap);
        Ok(())
    }

    /// Sets the part of a deposit that mints no shares, in basis points; higher is tighter.
    ///
    /// Errors: `Unauthorized`, `ParameterOutOfRange` above 3 %.
    pub fn set_entry_cost(&mut self, entry_cost_bps: U256) -> Outcome<()> {
        self.authorise(entry_cost_bps >= U256::from(self.entry_cost_bps.get()))?;
        self.put_entry_cost(entry_cost_bps)
    }

    /// Sets the length of batches opened from now on, in seconds; shorter is tighter, for it is a wait.
    ///
    /// Errors: `Unauthorized`, `ParameterOutOfRange` outside 1 hour to 7 days.
    pub fn set_period(&mut self, period_secs: U256) -> Outcome<()> {
        self.authorise(period_secs <= U256::from(self.period_secs.get()))?;
        self.put_period(period_secs)
    }
}

impl Vault {
    /// Mints `shares` for `receiver` and takes exactly `assets` from the caller.
    fn enter(&mut self, assets: U256, shares: U256, receiver: Address) -> Outcome<()> {
        not_zero(assets)?;
        not_zero(shares)?;
        self.check_receiver(receiver)?;
        let idle = fixed::add(self.idle.get(), assets).checked()?;
        self.idle.set(idle);
        self.mint_shares(receiver, shares)?;
        let (token, sender, vault) = (self.asset.get(), self.vm().msg_sender(), self.vm().contract_address());
        contract::emit(
            self.vm(),
            &IVault::Deposit {
                sender,
                owner: receiver,
                assets,
                shares,
            },
        );
        let before = erc20::balance_of(self.vm(), token, vault)?;
        erc20::transfer_from(Call::new_mutating(self), self.vm(), token, sender, vault, assets)?;
        let received = erc20::balance_of(self.vm(), token, vault)?.saturating_sub(before);
        if received != assets {
            return Err(IVault::TransferFailed { token }.into());
        }
        Ok(())
    }

    /// Books a claim and pays it out.
    fn pay_claim(&mut self, shares: U256, assets: U256, receiver: Address, controller: Address) -> Outcome<()> {
        let sender = self.vm().msg_sender();
        self.check_operator(controller, sender)?;
        self.check_receiver(receiver)?;
        self.take_claim(controller, shares, assets)?;
        contract::emit(
            self.vm(),
            &IVault::Withdraw {
                sender,
                receiver,
                owner: controller,
                assets,
                shares,
            },
        );
        let token = self.asset.get();
        erc20::transfer(Call::new_mutating(self), self.vm(), token, receiver, assets)?;
        Ok(())
    }

    fn put_deposit_cap(&mut self, cap: U256) {
        self.deposit_cap.set(cap);
        contract::emit(self.vm(), &IVault::DepositCapSet { cap });
    }

    fn put_entry_cost(&mut self, entry_cost_bps: U256) -> Outcome<()> {
        in_range(entry_cost_bps, 0, MAX_ENTRY_COST_BPS)?;
        self.entry_cost_bps.set(U16::saturating_from(entry_cost_bps));
        contract::emit(
            self.vm(),
            &IVault::EntryCostSet {
                entryCostBps: entry_cost_bps,
            },
        );
        Ok(())
    }

    fn put_period(&mut self, period_secs: U256) -> Outcome<()> {
        let [min, max] = PERIOD_SECS;
        in_range(period_secs, min, max)?;
        self.period_secs.set(U32::saturating_from(period_secs));
        contract::emit(
            self.vm(),
            &IVault::PeriodSet {
                periodSecs: period_secs,
            },
        );
        Ok(())
    }

    /// Whether `request_id` is the batch of the controller's request.
    fn is_current(&self, request_id: U256, controller: Address) -> bool {
        U256::from(self.requests.getter(controller).batch.get()) == request_id
    }

    /// Errors: `Unauthorized` unless `caller` is `controller` or one of its operators.
    fn check_operator(&self, controller: Address, caller: Address) -> Outcome<()> {
        if caller == controller || self.is_operator(controller, caller) {
            return Ok(());
        }
        Err(IVault::Unauthorized { caller }.into())
    }

    fn authorise(&self, tightening: bool) -> Outcome<()> {
        Ok(contract::authorise(self.vm(), self.governor.get(), tightening)?)
    }

    fn only_allocator(&self) -> Outcome<()> {
        let (caller, governor) = (self.vm().msg_sender(), self.governor.get());
        if caller == contract::view_address(self.vm(), governor, IGovernor::allocatorCall::SELECTOR)? {
            return Ok(());
        }
        Err(IVault::Unauthorized { caller }.into())
    }
}

fn not_zero(amount: U256) -> Outcome<()> {
    if amount.is_zero() {
        Err(IVault::ZeroAmount {}.into())
    } else {
        Ok(())
    }
}

fn in_range(value: U256, min: u64, max: u64) -> Outcome<()> {
    let (min, max) = (U256::from(min), U256::from(max));
    if min <= value && value <= max {
        return Ok(());
    }
    Err(IVault::ParameterOutOfRange { value, min, max }.into())
}

/// Left-aligned ASCII up to the first zero byte.
fn text(word: B256) -> String {
    word.iter()
        .take_while(|byte| **byte != 0)
        .map(|byte| char::from(*byte))
        .collect()
}
