//! # Vault
//!
//! Shares over idle assets and books. This file routes: authorise, load, call pure logic, store, emit.
//!
//! * **Value**: `navMin ≤ navMid ≤ navMax` = booked idle assets + the marks of every book, measured in the
//!   same transaction. Assets sent to the vault uninvited are not booked before they were noted an hour earlier.
//! * **Deposits** (ERC-4626, synchronous): shares are minted at `navMax` after the entry cost, rounded
//!   down. They stop while a book cannot be measured, while a pool is far from the oracle, and in wind-down.
//! * **Redemptions** (ERC-7540): a request escrows shares and joins the open batch, and can be withdrawn until its
//!   cut-off; afterwards anyone settles the batch at `navMin`, oldest first, pro rata when liquidity is short; settled
//!   assets move to a reserve outside the value, from which they are claimed. Nothing pauses requests, settlement
//!   or claims. A book that cannot be measured holds a batch up for a day at most: then leavers are paid from
//!   what can be measured and keep their part of that book in a pocket.
//! * **Wind-down**: a batch that waits longer than the wait limit stops deposits and allocations until it is covered.
//! * **Fees**: management by time, performance above a per-share high-water mark that never falls, as new shares,
//!   accrued before every mint and burn.
//! * **Share price defence**: virtual shares (at least a million per asset unit) and one virtual asset unit.
//! * **Books**: at most eight; what a book was given less what came back never exceeds its cap; an isolated book is not
//!   refilled while in loss. Calls of books are capped in gas and in what they may answer.
//! * **Lock**: one transient word for vault, books and rebalancer.
//! * **Roles**: governor (all setters), guardian (tightening), allocator (idle ↔ books, inside caps).
//! * **Token requirements**: at most 18 decimals, no fee on transfer (refused), no rebasing.
//! * **Address**: the program runs behind a proxy; the bare program cannot be initialised.
#![cfg_attr(not(any(test, feature = "export-abi")), no_std)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(feature = "export-abi", recursion_limit = "512")] // the printer nests one level per method
#![allow(unsafe_code, unexpected_cfgs)] // from the storage and ABI macros only
#![cfg_attr(feature = "export-abi", allow(missing_docs))] // the printer that `#[public]` adds
#![allow(clippy::needless_pass_by_value, clippy::unused_self)] // methods of the ABI own their arguments

extern crate alloc;

mod books;
mod error;
mod fees;
mod lock;
mod marks;
mod overview;
mod parameter;
mod permit;
mod pockets;
mod pricing;
mod queue;
mod storage;
mod token;

use alloc::{string::String, vec::Vec};
use alloy_primitives::{Address, B256, FixedBytes, U8, U64, U256, aliases::U192};
use alloy_sol_types::SolCall;
use books::amount;
use error::{Checked, Outcome};
use interfaces::{
    BookView, IERC20, IGovernor, IVault, Overview,
    contract::{self, token as erc20},
};
use pricing::Rate;
use stylus_sdk::{abi::Bytes, prelude::*};

pub use books::{RECALL_GAS, SURPLUS_DELAY_SECS};
pub use marks::{MARKS_GAS, MAX_BOOKS};
pub use queue::GRACE_SECS;
pub use storage::Vault;

/// Fewest decimals of shares.
pub const MIN_SHARE_DECIMALS: u8 = 18;
/// Decimals that shares have beyond those of the asset at least: a million virtual shares against one virtual unit, so
/// that neither a donation nor what the last leaver left behind can price a deposit out.
pub const MIN_OFFSET: u8 = 6;
/// Most decimals of the asset.
pub const MAX_ASSET_DECIMALS: u8 = 18;

interfaces::routes!(Vault, IVault {
    initializeCall "initialize" => initialize(governor: Address, asset: Address, name: B256, symbol: B256, rebalancer: Address, fee_recipient: Address, parameters: Vec<U256>);
    nameCall "name" => name();
    symbolCall "symbol" => symbol();
    decimalsCall "decimals" => decimals();
    totalSupplyCall "totalSupply" => total_supply();
    balanceOfCall "balanceOf" => balance_of(account: Address);
    allowanceCall "allowance" => allowance(owner: Address, spender: Address);
    transferCall "transfer" => transfer(to: Address, value: U256);
    approveCall "approve" => approve(spender: Address, value: U256);
    transferFromCall "transferFrom" => transfer_from(from: Address, to: Address, value: U256);
    noncesCall "nonces" => nonces(owner: Address);
    DOMAIN_SEPARATORCall "DOMAIN_SEPARATOR" => domain_separator();
    eip712DomainCall "eip712Domain" => eip712_domain();
    permit_0Call "permit" => permit(owner: Address, spender: Address, value: U256, deadline: U256, v: u8, r: B256, s: B256);
    permit_1Call "permit" => permit_with_bytes(owner: Address, spender: Address, value: U256, deadline: U256, signature: Bytes);
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
    mintWithMaxCall "mintWithMax" => mint_with_max(shares: U256, receiver: Address, max_assets: U256);
    requestRedeemCall "requestRedeem" => request_redeem(shares: U256, controller: Address, owner: Address);
    withdrawRequestCall "withdrawRequest" => withdraw_request(shares: U256, receiver: Address, controller: Address);
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
    vaultCall "vault" => vault(asset: Address);
    settleCall "settle" => settle();
    liquidityNeededCall "liquidityNeeded" => liquidity_needed(book: Address);
    windingDownCall "windingDown" => winding_down();
    currentBatchCall "currentBatch" => current_batch();
    nextBatchCall "nextBatch" => next_batch();
    pocketCall "pocket" => pocket(id: U256);
    restOfCall "restOf" => rest_of(pocket: U256, request_id: U256, controller: Address);
    claimRestCall "claimRest" => claim_rest(pocket: U256, request_id: U256, receiver: Address, controller: Address);
    buyOutCall "buyOut" => buy_out(book: Address);
    marksCall "marks" => marks();
    idleCall "idle" => idle();
    claimReserveCall "claimReserve" => claim_reserve();
    highWaterMarkCall "highWaterMark" => high_water_mark();
    accrueFeesCall "accrueFees" => accrue_fees();
    sweepCall "sweep" => sweep();
    overviewCall "overview" => overview(account: Address);
    bookCountCall "bookCount" => book_count();
    bookCall "book" => book(index: U256);
    addBookCall "addBook" => add_book(book: Address, cap: U256, isolated: bool);
    removeBookCall "removeBook" => remove_book(book: Address);
    setBookCapCall "setBookCap" => set_book_cap(book: Address, cap: U256);
    allocateCall "allocate" => allocate(book: Address, assets: U256);
    recallCall "recall" => recall(book: Address, assets: U256);
    realizeLossCall "realizeLoss" => realize_loss(book: Address);
    lockCall "lock" => lock();
    unlockCall "unlock" => unlock();
    lockedCall "locked" => locked();
    governorCall "governor" => governor();
    rebalancerCall "rebalancer" => rebalancer();
    feeRecipientCall "feeRecipient" => fee_recipient();
    parameterCall "parameter" => parameter(id: u8);
    setParameterCall "setParameter" => set_parameter(id: u8, value: U256);
    setRebalancerCall "setRebalancer" => set_rebalancer(rebalancer: Address);
    setFeeRecipientCall "setFeeRecipient" => set_fee_recipient(fee_recipient: Address);
});

#[cfg_attr(feature = "export-abi", public)]
impl Vault {
    /// Sets everything that does not change, and the first parameters, once and inside the proxy's constructor.
    ///
    /// `name`, `symbol`: left-aligned ASCII. `fee_recipient` may be zero: no fees. `parameters` by number (see
    /// `parameter`), those beyond its end take their defaults.
    /// Errors: `AlreadyInitialized`, `ZeroAddress`, `DecimalsUnsupported` (of the asset), `UnknownParameter`,
    /// `ParameterOutOfRange`.
    #[allow(clippy::too_many_arguments)]
    pub fn initialize(
        &mut self,
        governor: Address,
        asset: Address,
        name: B256,
        symbol: B256,
        rebalancer: Address,
        fee_recipient: Address,
        parameters: Vec<U256>,
    ) -> Outcome<()> {
        contract::claim_constructor_initialisation(&mut self.governor, governor)?;
        if rebalancer.is_zero() {
            return Err(IVault::ZeroAddress {}.into());
        }
        let decimals = contract::view_uint(self.vm(), asset, IERC20::decimalsCall::SELECTOR, &[])?;
        let small = u8::try_from(decimals).ok().filter(|small| *small <= MAX_ASSET_DECIMALS);
        let Some(small) = small else {
            return Err(IVault::DecimalsUnsupported { token: asset, decimals }.into());
        };
        let share_decimals = small.saturating_add(MIN_OFFSET).max(MIN_SHARE_DECIMALS);
        self.asset.set(asset);
        self.decimals.set(U8::saturating_from(share_decimals));
        self.offset
            .set(U8::saturating_from(share_decimals.saturating_sub(small)));
        self.name.set(name);
        self.symbol.set(symbol);
        self.rebalancer.set(rebalancer);
        self.fee_recipient.set(fee_recipient);
        self.accrued_at.set(U64::from_limbs([self.vm().block_timestamp()]));
        let first = engine::fees::price_up(U256::ZERO, U256::ZERO, self.virtual_shares()?).checked()?;
        self.high_water_mark.set(U192::saturating_from(first));
        contract::emit(
            self.vm(),
            &IVault::Initialized {
                governor,
                asset,
                name,
                symbol,
                shareDecimals: U256::from(share_decimals),
            },
        );
        contract::emit(self.vm(), &IVault::RebalancerSet { rebalancer });
        contract::emit(
            self.vm(),
            &IVault::FeeRecipientSet {
                feeRecipient: fee_recipient,
            },
        );
        self.put_parameters(&parameters)
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

    /// Decimals of shares: 18, or six more than the asset's if that is more.
    pub fn decimals(&self) -> u8 {
        u8::try_from(self.decimals.get()).unwrap_or(u8::MAX)
    }

    /// All shares, those in escrow included; fees that are due but not minted are not.
    pub fn total_supply(&self) -> U256 {
        U256::from(self.total_supply.get())
    }

    /// Shares of `account`.
    pub fn balance_of(&self, account: Address) -> U256 {
        self.balances.get(account)
    }

    /// Shares that `spender` may still move for `owner`; the maximum is unlimited.
    pub fn allowance(&self, owner: Address, spender: Address) -> U256 {
        self.allowances.getter(owner).get(spender)
    }

    /// Moves shares of the caller.
    ///
    /// Errors: `Locked`, `ERC20InvalidReceiver` (nobody, or the vault), `ERC20InsufficientBalance`.
    pub fn transfer(&mut self, to: Address, value: U256) -> Outcome<bool> {
        self.check_unlocked()?;
        self.check_receiver(to)?;
        self.move_shares(self.vm().msg_sender(), to, value)?;
        Ok(true)
    }

    /// Lets `spender` move shares of the caller. Errors: `Locked`, `ERC20InvalidSpender`.
    pub fn approve(&mut self, spender: Address, value: U256) -> Outcome<bool> {
        self.check_unlocked()?;
        self.allow(self.vm().msg_sender(), spender, value)?;
        Ok(true)
    }

    /// Moves shares of `from` within the caller's allowance.
    ///
    /// Errors: `Locked`, `ERC20InvalidReceiver`, `ERC20InsufficientAllowance`, `ERC20InsufficientBalance`.
    pub fn transfer_from(&mut self, from: Address, to: Address, value: U256) -> Outcome<bool> {
        self.check_unlocked()?;
        self.check_receiver(to)?;
        self.spend_allowance(from, self.vm().msg_sender(), value)?;
        self.move_shares(from, to, value)?;
        Ok(true)
    }

    // ---- ERC-2612, EIP-5267 ----

    /// Permits that `owner` has used: the nonce of the next one.
    pub fn nonces(&self, owner: Address) -> U256 {
        self.nonces.get(owner)
    }

    /// Hash of the signing domain (EIP-712).
    pub fn domain_separator(&self) -> B256 {
        self.domain()
    }

    /// The fields of the signing domain (EIP-5267): name, version, chain and this address.
    #[allow(clippy::type_complexity)]
    pub fn eip712_domain(&self) -> (FixedBytes<1>, String, String, U256, Address, B256, Vec<U256>) {
        (
            FixedBytes([0x0f]),
            self.name(),
            String::from(permit::VERSION),
            U256::from(self.vm().chain_id()),
            self.vm().contract_address(),
            B256::ZERO,
            Vec::new(),
        )
    }

    /// Sets the allowance of `spender` that `owner` signed (ERC-2612). An owner with code may vouch for the signature
    /// r ‖ s ‖ v itself (EIP-1271).
    ///
    /// Errors: `Locked`, `ERC2612ExpiredSignature`, `ERC2612InvalidSignature`, `ERC20InvalidSpender`.
    #[allow(clippy::too_many_arguments)]
    pub fn permit(
        &mut self,
        owner: Address,
        spender: Address,
        value: U256,
        deadline: U256,
        v: u8,
        r: B256,
        s: B256,
    ) -> Outcome<()> {
        let mut signature = Vec::from(r.0);
        signature.extend_from_slice(s.as_slice());
        signature.push(v);
        self.permit_with_bytes(owner, spender, value, deadline, signature.into())
    }

    /// As the other `permit`, with a signature of any form.
    pub fn permit_with_bytes(
        &mut self,
        owner: Address,
        spender: Address,
        value: U256,
        deadline: U256,
        signature: Bytes,
    ) -> Outcome<()> {
        self.check_unlocked()?;
        self.use_permit(owner, spender, value, deadline, &signature)
    }

    // ---- ERC-4626: deposits ----

    /// The token that is deposited and paid out.
    pub fn asset(&self) -> Address {
        self.asset.get()
    }

    /// `navMid` in asset units, rounded down; what a transaction last measured while a book cannot be measured.
    pub fn total_assets(&self) -> Outcome<U256> {
        let marks = self.look()?;
        Ok(self.mid_or_last(&marks))
    }

    /// Shares worth `assets` at `totalAssets`, rounded down; no cost. Fees that are due count as minted.
    pub fn convert_to_shares(&self, assets: U256) -> Outcome<U256> {
        self.rate_for_view()?.to_shares_down(assets)
    }

    /// Assets worth `shares` at `totalAssets`, rounded down; no cost. Fees that are due count as minted.
    pub fn convert_to_assets(&self, shares: U256) -> Outcome<U256> {
        self.rate_for_view()?.to_assets_down(shares)
    }

    /// Most assets that can be deposited for `receiver` now: what both caps leave; 0 while a book cannot be measured, a
    /// pool is disturbed, or the vault winds down.
    pub fn max_deposit(&self, receiver: Address) -> Outcome<U256> {
        let marks = self.look()?;
        let supply = self.supply_with(&self.fees_due(&marks)?)?;
        Ok(self.room_for_view(&marks, supply, receiver))
    }

    /// Shares for the largest deposit possible now, rounded down.
    pub fn max_mint(&self, receiver: Address) -> Outcome<U256> {
        let marks = self.look()?;
        let supply = self.supply_with(&self.fees_due(&marks)?)?;
        let room = self.room_for_view(&marks, supply, receiver);
        let rate = self.rate(supply, marks.values.max);
        Ok(self.shares_for_deposit_down(rate, room).unwrap_or(U256::MAX))
    }

    /// Shares that a deposit of `assets` mints: at `navMax`, after fees and the entry cost, rounded down.
    ///
    /// Errors: `MarkUnavailable`, `PoolDisturbed`, `WindingDown`.
    pub fn preview_deposit(&self, assets: U256) -> Outcome<U256> {
        self.shares_for_deposit_down(self.preview_rate()?, assets)
    }

    /// Assets that minting `shares` takes: at `navMax`, after fees, with the entry cost, rounded up.
    ///
    /// Errors: `MarkUnavailable`, `PoolDisturbed`, `WindingDown`.
    pub fn preview_mint(&self, shares: U256) -> Outcome<U256> {
        self.assets_for_mint_up(self.preview_rate()?, shares)
    }

    /// Takes `assets` from the caller and mints shares for `receiver` (rounded down).
    ///
    /// Errors: `Locked`, `ZeroAmount`, `WindingDown`, `MarkUnavailable`, `PoolDisturbed`, `ERC4626ExceededMaxDeposit`,
    /// `TransferFailed`, `ERC20InvalidReceiver`, `InsufficientGas`.
    pub fn deposit(&mut self, assets: U256, receiver: Address) -> Outcome<U256> {
        self.deposit_with_min(assets, receiver, U256::ZERO)
    }

    /// As `deposit`, for at least `min_shares`: `SlippageExceeded` otherwise.
    pub fn deposit_with_min(&mut self, assets: U256, receiver: Address, min_shares: U256) -> Outcome<U256> {
        let Door { rate, min, room: max } = self.open_door(receiver)?;
        if assets > max {
            return Err(IVault::ERC4626ExceededMaxDeposit { receiver, assets, max }.into());
        }
        let shares = self.shares_for_deposit_down(rate, assets)?;
        if shares < min_shares {
            return Err(IVault::SlippageExceeded {
                received: shares,
                minimum: min_shares,
            }
            .into());
        }
        self.enter(assets, shares, receiver, min)?;
        Ok(shares)
    }

    /// Mints exactly `shares` for `receiver` and takes the assets (rounded up) from the caller.
    ///
    /// Errors: as `deposit`, with `ERC4626ExceededMaxMint`.
    pub fn mint(&mut self, shares: U256, receiver: Address) -> Outcome<U256> {
        self.mint_with_max(shares, receiver, U256::MAX)
    }

    /// As `mint`, for at most `max_assets`: `CostExceeded` otherwise.
    pub fn mint_with_max(&mut self, shares: U256, receiver: Address, max_assets: U256) -> Outcome<U256> {
        let Door { rate, min, room } = self.open_door(receiver)?;
        let assets = self.assets_for_mint_up(rate, shares)?;
        if assets > room {
            let max = self.shares_for_deposit_down(rate, room).unwrap_or(U256::MAX);
            return Err(IVault::ERC4626ExceededMaxMint { receiver, shares, max }.into());
        }
        if assets > max_assets {
            return Err(IVault::CostExceeded {
                assets,
                maximum: max_assets,
            }
            .into());
        }
        self.enter(assets, shares, receiver, min)?;
        Ok(assets)
    }

    // ---- ERC-7540: redemptions ----

    /// Escrows `shares` of `owner` in the open batch for `controller`; returns the batch.
    ///
    /// The caller is the owner, an operator of the owner or has the allowance; and the controller is the
    /// owner, the caller, or made the caller an operator. Errors: `Locked`, `ZeroAmount`, `Unauthorized`,
    /// `ERC20InsufficientAllowance`, `ERC20InsufficientBalance`, `RequestUnsettled`, `RequestUnclaimed`.
    pub fn request_redeem(&mut self, shares: U256, controller: Address, owner: Address) -> Outcome<U256> {
        self.check_unlocked()?;
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

    /// Takes `shares` of the controller's request back out of its batch, before the cut-off, and gives them to
    /// `receiver`.
    ///
    /// Errors: `Locked`, `ZeroAmount`, `Unauthorized`, `ERC20InvalidReceiver`, `RequestClosed`, `RequestExceeded`.
    pub fn withdraw_request(&mut self, shares: U256, receiver: Address, controller: Address) -> Outcome<()> {
        self.check_unlocked()?;
        not_zero(shares)?;
        let sender = self.vm().msg_sender();
        self.check_operator(controller, sender)?;
        self.check_receiver(receiver)?;
        let id = self.withdraw_from_batch(controller, shares)?;
        let vault = self.vm().contract_address();
        self.move_shares(vault, receiver, shares)?;
        contract::emit(
            self.vm(),
            &IVault::RequestWithdrawn {
                controller,
                receiver,
                requestId: id,
                sender,
                shares,
            },
        );
        Ok(())
    }

    /// Shares of the controller's request that are not settled (rounded up); 0 for any other batch.
    pub fn pending_redeem_request(&self, request_id: U256, controller: Address) -> Outcome<U256> {
        let claim = self.claim_of(controller)?;
        Ok(if claim.batch == request_id {
            claim.pending
        } else {
            U256::ZERO
        })
    }

    /// Shares of the controller's request that are settled and not claimed; 0 for any other batch.
    pub fn claimable_redeem_request(&self, request_id: U256, controller: Address) -> Outcome<U256> {
        let claim = self.claim_of(controller)?;
        Ok(if claim.batch == request_id {
            claim.shares
        } else {
            U256::ZERO
        })
    }

    /// Lets `operator` request and claim for the caller. Errors: `Locked`.
    pub fn set_operator(&mut self, operator: Address, approved: bool) -> Outcome<bool> {
        self.check_unlocked()?;
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
        Ok(true)
    }

    /// Whether `operator` may request and claim for `controller`.
    pub fn is_operator(&self, controller: Address, operator: Address) -> bool {
        self.operators.getter(controller).get(operator)
    }

    /// Claims `shares` of the controller's settled request: pays their assets (rounded down) to `receiver`.
    ///
    /// Errors: `Locked`, `ZeroAmount`, `Unauthorized`, `ERC4626ExceededMaxRedeem`, `TransferFailed`.
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
    /// Errors: `Locked`, `ZeroAmount`, `Unauthorized`, `ERC4626ExceededMaxWithdraw`, `TransferFailed`.
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

    /// ERC-165: itself, ERC-7540 operators and asynchronous redemption, ERC-7575 vault and share.
    pub fn supports_interface(&self, interface_id: FixedBytes<4>) -> bool {
        matches!(
            u32::from_be_bytes(interface_id.0),
            0x01ff_c9a7 | 0xe3bc_4e65 | 0x620e_e8e4 | 0x2f0a_18c5 | 0xf815_c03d
        )
    }

    /// ERC-7575: the share token, which is the vault.
    pub fn share(&self) -> Address {
        self.vm().contract_address()
    }

    /// ERC-7575: the vault of the share token for `asset`, which is the share token; zero for other assets.
    pub fn vault(&self, asset: Address) -> Address {
        if asset == self.asset.get() {
            self.share()
        } else {
            Address::ZERO
        }
    }

    // ---- settlement ----

    /// Settles the oldest batch after its cut-off as far as liquidity reaches, at `navMin`.
    ///
    /// Returns the batch, the shares burned and the asset units set aside. Anyone may call; once a book could not be
    /// measured for a day, only plain accounts.
    /// Errors: `Locked`, `NothingToSettle`, `BatchStillOpen`, `MarkUnavailable`, `MarksTooWide`, `InsufficientGas`.
    pub fn settle(&mut self) -> Outcome<(U256, U256, U256)> {
        self.take_lock()?;
        let settled = self.settle_oldest()?;
        self.release_lock();
        Ok(settled)
    }

    /// Asset units that `book` must raise for unsettled requests and its pocket, beyond its share of what is idle;
    /// rounded up.
    ///
    /// Errors: `UnknownBook`, `MarkUnavailable`, `InsufficientGas`. Never a default: whoever can make a measurement fail
    /// would otherwise switch the queue off.
    pub fn liquidity_needed(&self, book: Address) -> Outcome<U256> {
        self.need_of(book)
    }

    /// Whether new risk is stopped in favour of the redemption queue.
    pub fn winding_down(&self) -> bool {
        self.winding_down.get()
    }

    /// The batch that a request joins now, and its cut-off in Unix seconds.
    pub fn current_batch(&self) -> (U256, U256) {
        let (batch, cut_off) = self.open_batch();
        (U256::from(batch), U256::from(cut_off))
    }

    /// The oldest batch not completely settled, its cut-off and its shares left. All zero if there is none.
    pub fn next_batch(&self) -> Outcome<(U256, U256, U256)> {
        let Some((number, cut_off)) = self.oldest_batch() else {
            return Ok((U256::ZERO, U256::ZERO, U256::ZERO));
        };
        let batch = self.load_batch(number);
        let left = engine::shares::unfilled(&batch, batch.shares).checked()?;
        Ok((U256::from(number), U256::from(cut_off), left))
    }

    // ---- pockets ----

    /// A pocket: its book, the part of the book (1e27 = all; 0 once it was bought out), its units, and asset units paid
    /// per unit (1e45). Zero beyond the last.
    pub fn pocket(&self, id: U256) -> (Address, U256, U256, U256) {
        let pocket = self.load_pocket(id);
        let book = self.pockets.getter(id).book.get();
        (book, pocket.fraction_ray, pocket.units, pocket.paid_per_unit)
    }

    /// Asset units that `controller` may claim from a pocket for a request, rounded down.
    pub fn rest_of(&self, pocket: U256, request_id: U256, controller: Address) -> Outcome<U256> {
        self.rest(pocket, request_id, controller)
    }

    /// Pays what `rest_of` says to `receiver`; returns the asset units.
    ///
    /// Errors: `Locked`, `Unauthorized`, `ERC20InvalidReceiver`, `NothingToClaim`, `TransferFailed`.
    pub fn claim_rest(
        &mut self,
        pocket: U256,
        request_id: U256,
        receiver: Address,
        controller: Address,
    ) -> Outcome<U256> {
        self.take_lock()?;
        self.check_operator(controller, self.vm().msg_sender())?;
        self.check_receiver(receiver)?;
        let assets = self.take_rest(pocket, request_id, controller)?;
        contract::emit(
            self.vm(),
            &IVault::RestClaimed {
                pocket,
                requestId: request_id,
                controller,
                receiver,
                assets,
            },
        );
        self.pay(receiver, assets)?;
        self.release_lock();
        Ok(assets)
    }

    /// Pays for the pocket of `book`, once it can be measured again, at its `navMin` and as far as idle assets reach;
    /// returns the asset units. Anyone may call.
    ///
    /// Errors: `Locked`, `UnknownBook`, `UnknownPocket`, `MarkUnavailable`, `MarksTooWide`, `InsufficientIdle`,
    /// `InsufficientGas`.
    pub fn buy_out(&mut self, book: Address) -> Outcome<U256> {
        self.take_lock()?;
        let paid = self.buy_pocket(book)?;
        self.release_lock();
        Ok(paid)
    }

    // ---- value ----

    /// `navMin` (down), `navMid` (down) and `navMax` (up) in asset units. A book that cannot be measured counts as
    /// 0 in the first two; the third is then at least what a transaction last measured.
    pub fn marks(&self) -> Outcome<(U256, U256, U256)> {
        let marks = self.look()?;
        let values = &marks.values;
        let max = if marks.failed().is_some() {
            values.max.max(U256::from(self.last_max.get()))
        } else {
            values.max
        };
        Ok((values.min, values.mid, max))
    }

    /// Booked asset units that belong to all shares.
    pub fn idle(&self) -> U256 {
        U256::from(self.idle.get())
    }

    /// Asset units that belong to settled requests and to pockets.
    pub fn claim_reserve(&self) -> U256 {
        U256::from(self.claim_reserve.get())
    }

    /// Highest price per share unit after fees so far, in asset units, 1e36.
    pub fn high_water_mark(&self) -> U256 {
        U256::from(self.high_water_mark.get())
    }

    /// Mints the fees that are due; returns management and performance shares. Anyone may call.
    ///
    /// Errors: `Locked`, `MarkUnavailable`, `InsufficientGas`.
    pub fn accrue_fees(&mut self) -> Outcome<(U256, U256)> {
        self.check_unlocked()?;
        let marks = self.measure_all()?;
        let fees = self.accrue(&marks)?;
        Ok((fees.management, fees.performance))
    }

    /// Notes asset units in the vault that nobody booked, or books those noted an hour ago or earlier; returns what was
    /// booked. Anyone may call. A donation can therefore not move the share price inside a transaction.
    ///
    /// Errors: `Locked`, `ZeroAmount` (there are none), `SurplusTooFresh`.
    pub fn sweep(&mut self) -> Outcome<U256> {
        self.check_unlocked()?;
        self.sweep_surplus()
    }

    /// Everything that a user interface shows of the vault, of `account` and of every book.
    pub fn overview(&self, account: Address) -> Outcome<(Overview, Vec<BookView>)> {
        self.overview_of(account)
    }

    // ---- books ----

    /// Number of books.
    pub fn book_count(&self) -> U256 {
        U256::from(self.book_count.get())
    }

    /// Book `index`, the asset units it was given less those taken back, its cap, whether it is isolated, and its open
    /// pocket. Zero beyond the last; removing a book gives its index to the last one.
    pub fn book(&self, index: U256) -> (Address, U256, U256, bool, U256) {
        let stored = self.books.getter(index);
        let limit = self.limits.getter(stored.at.get());
        (
            stored.at.get(),
            limit.allocated.get(),
            limit.cap.get(),
            stored.isolated.get(),
            U256::from(stored.pocket.get()),
        )
    }

    /// Registers a book that names this vault, holds its asset as token 0 and can be measured. An `isolated` book gets
    /// nothing while it is in loss.
    ///
    /// Errors: `Locked`, `Unauthorized` (governor only), `ZeroAddress`, `BookExists`, `TooManyBooks`, `UnknownBook`,
    /// `MarkUnavailable`.
    pub fn add_book(&mut self, book: Address, cap: U256, isolated: bool) -> Outcome<()> {
        self.authorise(false)?;
        self.register(book, cap, isolated)
    }

    /// Forgets a book that is worth nothing at any mark.
    ///
    /// Errors: `Locked`, `Unauthorized` (governor only), `UnknownBook`, `BookPocketed`, `MarkUnavailable`,
    /// `BookNotEmpty`.
    pub fn remove_book(&mut self, book: Address) -> Outcome<()> {
        self.authorise(false)?;
        self.unregister(book)
    }

    /// Sets what `book` may be given, in asset units; lower is tighter. Errors: `Locked`, `Unauthorized`, `UnknownBook`.
    pub fn set_book_cap(&mut self, book: Address, cap: U256) -> Outcome<()> {
        self.index_of(book)?;
        self.authorise(cap <= self.limits.getter(book).cap.get())?;
        self.limits.setter(book).cap.set(cap);
        contract::emit(self.vm(), &IVault::BookCapSet { book, cap });
        Ok(())
    }

    /// Gives idle assets to `book`.
    ///
    /// Errors: `Locked`, `Unauthorized` (allocator only), `ZeroAmount`, `UnknownBook`, `WindingDown`, `BookPocketed`,
    /// `BookInLoss`, `BookCapExceeded`, `InsufficientIdle`, `TransferFailed`; `MarkUnavailable` of an isolated book.
    pub fn allocate(&mut self, book: Address, assets: U256) -> Outcome<()> {
        self.only_allocator()?;
        not_zero(assets)?;
        self.take_lock()?;
        self.push_to_book(book, assets)?;
        self.release_lock();
        Ok(())
    }

    /// Takes cash back from `book`: all of `assets` (a pocket's part included), or `InsufficientIdle` with what it could
    /// give.
    ///
    /// Errors: `Locked`, `Unauthorized` (allocator only), `ZeroAmount`, `UnknownBook`, `InsufficientGas`.
    pub fn recall(&mut self, book: Address, assets: U256) -> Outcome<()> {
        self.only_allocator()?;
        self.index_of(book)?;
        not_zero(assets)?;
        self.take_lock()?;
        let received = self.pull_from_book(book, assets)?;
        if received < assets {
            return Err(IVault::InsufficientIdle { assets, idle: received }.into());
        }
        self.release_lock();
        Ok(())
    }

    /// Takes a book's loss (what it was given less what it is worth at oracle prices) off what it was given and off its
    /// cap; returns it. In all, a book can lose no more than the caps that governance set.
    ///
    /// Errors: `Locked`, `Unauthorized` (governor only), `UnknownBook`, `MarkUnavailable`, `InsufficientGas`.
    pub fn realize_loss(&mut self, book: Address) -> Outcome<U256> {
        self.authorise(false)?;
        self.write_off(book)
    }

    // ---- the system's lock ----

    /// Takes the lock for a rebalance. Errors: `Unauthorized` (rebalancer only), `Locked`.
    pub fn lock(&mut self) -> Outcome<()> {
        self.only_rebalancer()?;
        self.take_lock()
    }

    /// Gives the lock back. Errors: `Unauthorized` (rebalancer only), `NotLocked`.
    pub fn unlock(&mut self) -> Outcome<()> {
        self.only_rebalancer()?;
        if !self.is_locked() {
            return Err(IVault::NotLocked {}.into());
        }
        self.release_lock();
        Ok(())
    }

    /// Whether a transaction of the system is under way: values may be half-way.
    pub fn locked(&self) -> bool {
        self.is_locked()
    }

    // ---- parameters ----

    /// The address that all setters trust.
    pub fn governor(&self) -> Address {
        self.governor.get()
    }

    /// Who may hold the lock.
    pub fn rebalancer(&self) -> Address {
        self.rebalancer.get()
    }

    /// Who receives fee shares; zero: no fees.
    pub fn fee_recipient(&self) -> Address {
        self.fee_recipient.get()
    }

    /// The value of parameter `id` (see the `parameter` module). Errors: `UnknownParameter`.
    pub fn parameter(&self, id: u8) -> Outcome<U256> {
        self.read_parameter(id)
    }

    /// Sets parameter `id`. A fee rate changes from now on: what is due is accrued first, if all books can be measured;
    /// a lower rate is not held up by one that cannot.
    ///
    /// Errors: `Locked`, `Unauthorized`, `UnknownParameter`, `ParameterOutOfRange`.
    pub fn set_parameter(&mut self, id: u8, value: U256) -> Outcome<()> {
        self.authorise(self.tightens(id, value)?)?;
        self.accrue_before_change(id)?;
        self.put_parameter(id, value)
    }

    /// Replaces the rebalancer. Errors: `Locked`, `Unauthorized` (governor only), `ZeroAddress`.
    pub fn set_rebalancer(&mut self, rebalancer: Address) -> Outcome<()> {
        self.authorise(false)?;
        if rebalancer.is_zero() {
            return Err(IVault::ZeroAddress {}.into());
        }
        self.rebalancer.set(rebalancer);
        contract::emit(self.vm(), &IVault::RebalancerSet { rebalancer });
        Ok(())
    }

    /// Replaces who receives fee shares; zero for nobody. Errors: `Locked`, `Unauthorized` (governor only).
    pub fn set_fee_recipient(&mut self, fee_recipient: Address) -> Outcome<()> {
        self.authorise(false)?;
        self.accrue_if_measured()?;
        self.fee_recipient.set(fee_recipient);
        contract::emit(
            self.vm(),
            &IVault::FeeRecipientSet {
                feeRecipient: fee_recipient,
            },
        );
        Ok(())
    }
}

impl Vault {
    /// Takes the lock, measures, and accrues fees.
    fn open_door(&mut self, receiver: Address) -> Outcome<Door> {
        self.take_lock()?;
        let marks = self.measure()?;
        self.check_open(&marks)?;
        self.remember(&marks);
        self.accrue(&marks)?;
        let supply = U256::from(self.total_supply.get());
        let room = self.room(&marks, supply, receiver)?;
        Ok(Door {
            rate: self.rate(supply, marks.values.max),
            min: marks.values.min,
            room,
        })
    }

    /// The rate at which shares would be minted now.
    fn preview_rate(&self) -> Outcome<Rate> {
        let marks = self.look()?;
        self.check_open(&marks)?;
        let supply = self.supply_with(&self.fees_due(&marks)?)?;
        Ok(self.rate(supply, marks.values.max))
    }

    /// Mints `shares` for `receiver`, takes exactly `assets` from the caller, and gives the lock back. All shares were
    /// worth `min` before.
    fn enter(&mut self, assets: U256, shares: U256, receiver: Address, min: U256) -> Outcome<()> {
        not_zero(assets)?;
        not_zero(shares)?;
        self.check_receiver(receiver)?;
        self.raise_mark_for_entry(min, assets, shares)?;
        self.shift_remembered(assets, U256::ZERO);
        let idle = fixed::add(U256::from(self.idle.get()), assets).checked()?;
        self.idle.set(amount(idle)?);
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
        self.release_lock();
        Ok(())
    }

    /// Books a claim and pays it out.
    fn pay_claim(&mut self, shares: U256, assets: U256, receiver: Address, controller: Address) -> Outcome<()> {
        self.take_lock()?;
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
        self.pay(receiver, assets)?;
        self.release_lock();
        Ok(())
    }

    fn pay(&mut self, receiver: Address, assets: U256) -> Outcome<()> {
        let token = self.asset.get();
        erc20::transfer(Call::new_mutating(self), self.vm(), token, receiver, assets)?;
        Ok(())
    }

    /// Accrues what is due at the old rate before a fee changes.
    fn accrue_before_change(&mut self, id: u8) -> Outcome<()> {
        if parameter::is_fee(id) {
            self.accrue_if_measured()?;
        }
        Ok(())
    }

    /// Accrues fees; only those for time while a book cannot be measured.
    fn accrue_if_measured(&mut self) -> Outcome<()> {
        let marks = self.measure()?;
        self.accrue(&marks)?;
        Ok(())
    }

    /// Errors: `Unauthorized` unless `caller` is `controller` or one of its operators.
    fn check_operator(&self, controller: Address, caller: Address) -> Outcome<()> {
        if caller == controller || self.is_operator(controller, caller) {
            return Ok(());
        }
        Err(IVault::Unauthorized { caller }.into())
    }

    /// Setters: governor, or guardian towards the tighter side. Errors: `Locked`, `Unauthorized`.
    fn authorise(&self, tightening: bool) -> Outcome<()> {
        self.check_unlocked()?;
        Ok(contract::authorise(self.vm(), self.governor.get(), tightening)?)
    }

    fn only_rebalancer(&self) -> Outcome<()> {
        let caller = self.vm().msg_sender();
        if caller == self.rebalancer.get() {
            return Ok(());
        }
        Err(IVault::Unauthorized { caller }.into())
    }

    fn only_allocator(&self) -> Outcome<()> {
        let (caller, governor) = (self.vm().msg_sender(), self.governor.get());
        if caller == contract::view_address(self.vm(), governor, IGovernor::allocatorCall::SELECTOR)? {
            return Ok(());
        }
        Err(IVault::Unauthorized { caller }.into())
    }
}

/// What somebody who enters finds.
struct Door {
    /// The rate at which shares are minted.
    rate: Rate,
    /// What all shares are worth at the low mark, in asset units.
    min: U256,
    /// What can be deposited for the receiver, in asset units.
    room: U256,
}

fn not_zero(amount: U256) -> Outcome<()> {
    if amount.is_zero() {
        Err(IVault::ZeroAmount {}.into())
    } else {
        Ok(())
    }
}

/// Left-aligned ASCII up to the first zero byte.
fn text(word: B256) -> String {
    word.iter()
        .take_while(|byte| **byte != 0)
        .map(|byte| char::from(*byte))
        .collect()
}
