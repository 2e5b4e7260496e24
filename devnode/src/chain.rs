//! The chain: accounts, blocks and transactions.

use crate::{
    arbos::{
        fields,
        params::{self, StylusParams},
        precompiles, programs,
        state::{ARBOS, SEQUENCER},
    },
    evm::{ArbEvm, ProgramRun, RecentPrograms, SPEC, StateDb, TxError, TxState},
    stylus::{code, ink},
};
use alloy_primitives::{Address, B256, Bytes, Log, TxKind, U256, address};
use alloy_sol_types::SolCall;
use interfaces::arbos::{ARB_WASM, ARB_WASM_CACHE, ArbWasm, ArbWasmCache};
use revm::{
    DatabaseCommit,
    bytecode::Bytecode,
    context::{BlockEnv, CfgEnv, Context, Journal, LocalContext, TxEnv},
    context_interface::{
        JournalTr,
        result::{ExecutionResult, HaltReason, Output},
    },
    database::CacheDB,
    handler::{EthFrame, Handler, MainnetHandler},
    state::{AccountInfo, EvmState},
};

/// The account that development nodes of Arbitrum fund at genesis.
pub const DEV_ACCOUNT: Address = address!("3f1Eae7D46d88F08fc2F8ed27FCb2AB183EB2d0E");

/// Seconds between L1 blocks.
const L1_BLOCK_SECS: u64 = 12;
/// Arbitrum blocks have practically no gas limit.
const BLOCK_GAS_LIMIT: u64 = 1 << 50;
/// Execution gas of one transaction since ArbOS 50.
const TX_GAS_CAP: u64 = 32_000_000;
/// As development nodes have it.
const BASE_FEE_WEI: u64 = fields::BASE_FEE_WEI;

/// Settings of a new chain.
#[derive(Clone, Debug)]
pub struct Builder {
    chain_id: u64,
    timestamp: u64,
    stack_depth: u32,
    tx_gas_cap: u64,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            chain_id: 412_346,
            timestamp: 1_700_000_000,
            stack_depth: ink::MAX_STACK_DEPTH,
            tx_gas_cap: TX_GAS_CAP,
        }
    }
}

impl Builder {
    /// Chain id; 412346 by default.
    #[must_use]
    pub fn chain_id(mut self, id: u64) -> Self {
        self.chain_id = id;
        self
    }

    /// Time of the genesis block in Unix seconds; must lie after the start of Stylus's hour counter.
    #[must_use]
    pub fn timestamp(mut self, secs: u64) -> Self {
        self.timestamp = secs.max(programs::START_TIME + 3600);
        self
    }

    /// Stack words of a program; 22,000 by default, as on chain.
    ///
    /// Far larger values let programs outgrow the native stack, which fails their transaction with an error.
    #[must_use]
    pub fn stack_depth(mut self, words: u32) -> Self {
        self.stack_depth = words;
        self
    }

    /// Most execution gas of one transaction; 32 million by default.
    #[must_use]
    pub fn tx_gas_cap(mut self, gas: u64) -> Self {
        self.tx_gas_cap = gas;
        self
    }

    /// The chain at its genesis block.
    pub fn build(self) -> Chain {
        let mut db = CacheDB::default();
        let stub = Bytecode::new_legacy(Bytes::from_static(&[0xFE]));
        for address in precompiles::ADDRESSES {
            db.insert_account_info(address, AccountInfo::from_bytecode(stub.clone()).with_nonce(1));
        }
        db.insert_account_info(
            ARBOS,
            AccountInfo {
                nonce: 1,
                ..AccountInfo::default()
            },
        );
        let stylus = StylusParams {
            max_stack_depth: self.stack_depth,
            ..StylusParams::default()
        };
        for (slot, value) in fields::genesis(DEV_ACCOUNT, self.chain_id, &stylus) {
            // The in-memory database cannot fail.
            let _ = db.insert_account_storage(ARBOS, slot, value);
        }
        let mut chain = Chain {
            db,
            timestamp: self.timestamp,
            block: 0,
            settings: self,
            trace: false,
        };
        chain.deal(DEV_ACCOUNT, U256::from(10).pow(U256::from(24)));
        chain
    }
}

/// A transaction or call. The sender needs no key: the chain trusts its embedder.
#[derive(Clone, Debug, Default)]
pub struct Tx {
    /// Sender.
    pub from: Address,
    /// Receiver; `None` creates a contract from `data`.
    pub to: Option<Address>,
    /// Value in wei.
    pub value: U256,
    /// Calldata or init code.
    pub data: Bytes,
    /// Gas limit; by default as much as a transaction may have.
    pub gas_limit: Option<u64>,
}

impl Tx {
    /// A call of `to` with `data`.
    pub fn call(from: Address, to: Address, data: impl Into<Bytes>) -> Self {
        Self {
            from,
            to: Some(to),
            data: data.into(),
            ..Self::default()
        }
    }

    /// A creation from `init_code`.
    pub fn create(from: Address, init_code: impl Into<Bytes>) -> Self {
        Self {
            from,
            data: init_code.into(),
            ..Self::default()
        }
    }

    /// Sends `wei` along.
    #[must_use]
    pub fn value(mut self, wei: U256) -> Self {
        self.value = wei;
        self
    }

    /// Limits the gas.
    #[must_use]
    pub fn gas(mut self, limit: u64) -> Self {
        self.gas_limit = Some(limit);
        self
    }
}

/// What a transaction or call did.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Whether it took effect.
    pub success: bool,
    /// Gas charged, after refunds.
    pub gas_used: u64,
    /// Return or revert data.
    pub output: Bytes,
    /// The created contract.
    pub created: Option<Address>,
    /// Logs, when successful.
    pub logs: Vec<Log>,
    /// Why it halted (ran out of gas, invalid code, …), when it neither succeeded nor reverted.
    pub halt: Option<HaltReason>,
    /// Why an activation was refused or a program could not run, for people.
    pub refusal: Option<String>,
    /// Program runs with host calls, when tracing.
    pub runs: Vec<ProgramRun>,
    /// L2 block it is in.
    pub block: u64,
    /// Time of that block in Unix seconds.
    pub timestamp: u64,
}

/// The chain. Cloning it takes a snapshot; assigning the clone back reverts to it.
#[derive(Clone, Debug)]
pub struct Chain {
    db: StateDb,
    settings: Builder,
    timestamp: u64,
    block: u64,
    trace: bool,
}

impl Default for Chain {
    fn default() -> Self {
        Builder::default().build()
    }
}

impl Chain {
    /// Settings of a new chain.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Chain id.
    pub fn chain_id(&self) -> u64 {
        self.settings.chain_id
    }

    /// Height of the L2 chain.
    pub fn block_number(&self) -> u64 {
        self.block
    }

    /// Time of the latest block in Unix seconds.
    pub fn timestamp(&self) -> u64 {
        self.timestamp
    }

    /// L2 base fee in wei.
    pub fn base_fee(&self) -> u64 {
        BASE_FEE_WEI
    }

    /// Moves the clock of the following blocks forward.
    pub fn warp(&mut self, secs: u64) {
        self.timestamp = self.timestamp.saturating_add(secs);
    }

    /// Sets the clock of the following blocks; never backwards.
    pub fn set_timestamp(&mut self, secs: u64) {
        self.timestamp = self.timestamp.max(secs);
    }

    /// Records program runs and their host calls in receipts.
    pub fn set_trace(&mut self, on: bool) {
        self.trace = on;
    }

    /// Gives an account `wei`.
    pub fn deal(&mut self, account: Address, wei: U256) {
        let info = AccountInfo {
            balance: wei,
            ..self.account(account)
        };
        self.db.insert_account_info(account, info);
    }

    /// Puts code at an address. The nonce becomes that of a contract, but never falls: addresses that
    /// the account has created must not come up again.
    pub fn set_code(&mut self, account: Address, code: impl Into<Bytes>) {
        let code = Bytecode::new_legacy(code.into());
        let old = self.account(account);
        let info = AccountInfo {
            code_hash: code.hash_slow(),
            code: Some(code),
            nonce: old.nonce.max(1),
            ..old
        };
        self.db.insert_account_info(account, info);
    }

    /// Sets a storage slot.
    pub fn set_storage(&mut self, account: Address, slot: U256, value: U256) {
        // The in-memory database cannot fail.
        let _ = self.db.insert_account_storage(account, slot, value);
    }

    /// The rules that programs run by.
    pub fn stylus_params(&self) -> StylusParams {
        StylusParams::from_word(self.storage(ARBOS, params::SLOT))
    }

    /// Changes the rules that programs run by, as chain owners and ArbOS upgrades do; a raised version makes
    /// programs need a new activation.
    pub fn set_stylus_params(&mut self, stylus: &StylusParams) {
        self.set_storage(ARBOS, params::SLOT, stylus.to_word());
    }

    /// Balance in wei.
    pub fn balance(&self, account: Address) -> U256 {
        self.account(account).balance
    }

    /// Transactions sent, or contracts created.
    pub fn nonce(&self, account: Address) -> u64 {
        self.account(account).nonce
    }

    /// Raw code.
    pub fn code(&self, account: Address) -> Bytes {
        self.account(account)
            .code
            .map(|code| code.original_bytes())
            .unwrap_or_default()
    }

    /// Storage slot.
    pub fn storage(&self, account: Address, slot: U256) -> U256 {
        use revm::DatabaseRef;
        self.db.storage_ref(account, slot).unwrap_or_default()
    }

    fn account(&self, account: Address) -> AccountInfo {
        self.db
            .cache
            .accounts
            .get(&account)
            .map(|account| {
                let mut info = account.info.clone();
                if info.code.is_none() {
                    info.code = self.db.cache.contracts.get(&info.code_hash).cloned();
                }
                info
            })
            .unwrap_or_default()
    }

    /// Executes a transaction in a block of its own.
    ///
    /// A transaction that reverts or halts is in the block all the same: look at [`Receipt::success`].
    /// The error is for transactions that cannot be included, such as one its sender cannot pay for, and
    /// for failures of this process, which say nothing about what a node would do.
    pub fn send(&mut self, tx: Tx) -> Result<Receipt, TxError> {
        let mut receipts = self.send_block(vec![tx])?;
        Ok(receipts.remove(0))
    }

    /// Executes transactions in one block, so that programs called again are entered at the cached price.
    ///
    /// All or nothing: when one of them cannot be included, there is no block and nothing has changed.
    pub fn send_block(&mut self, txs: Vec<Tx>) -> Result<Vec<Receipt>, TxError> {
        // Execution commits only at its end, so a lone transaction leaves nothing to undo in the state.
        let state = (txs.len() > 1).then(|| self.db.clone());
        let mut recent = RecentPrograms::default();
        self.block += 1;
        let receipts: Result<Vec<_>, _> = txs.into_iter().map(|tx| self.include(tx, &mut recent)).collect();
        if receipts.is_err() {
            self.block -= 1;
            if let Some(state) = state {
                self.db = state;
            }
        }
        receipts
    }

    /// Executes a transaction in the current block, in which `recent` programs were called before.
    fn include(&mut self, tx: Tx, recent: &mut RecentPrograms) -> Result<Receipt, TxError> {
        let (receipt, state) = self.execute(tx, true, recent)?;
        self.db.commit(state);
        Ok(receipt)
    }

    /// Executes a call on the latest state without changing it; nobody pays for its gas.
    ///
    /// It enters programs as the first transaction of a block does: those of the latest block are forgotten.
    pub fn call(&mut self, tx: Tx) -> Result<Receipt, TxError> {
        self.execute(tx, false, &mut RecentPrograms::default())
            .map(|(receipt, _)| receipt)
    }

    /// Runs one transaction; `paid` applies the sender's nonce, balance and fee rules.
    fn execute(&mut self, tx: Tx, paid: bool, recent: &mut RecentPrograms) -> Result<(Receipt, EvmState), TxError> {
        let gas_limit = tx
            .gas_limit
            .unwrap_or(self.settings.tx_gas_cap)
            .min(self.settings.tx_gas_cap);
        let price = if paid { u128::from(BASE_FEE_WEI) } else { 0 };
        let tx = TxEnv {
            caller: tx.from,
            gas_limit,
            gas_price: price,
            kind: tx.to.map_or(TxKind::Create, TxKind::Call),
            value: tx.value,
            data: tx.data,
            nonce: self.nonce(tx.from),
            chain_id: Some(self.settings.chain_id),
            ..TxEnv::default()
        };
        let mut cfg = CfgEnv::new_with_spec(SPEC);
        cfg.chain_id = self.settings.chain_id;
        cfg.tx_gas_limit_cap = Some(self.settings.tx_gas_cap);
        cfg.limit_contract_code_size = Some(24_576);
        cfg.disable_eip3541 = true; // replaced by the machine's own rule
        cfg.disable_eip3607 = true; // contracts may be impersonated
        cfg.disable_eip7623 = true;
        cfg.disable_base_fee = !paid;
        cfg.disable_balance_check = !paid;
        let block = BlockEnv {
            number: U256::from((self.timestamp - self.settings.timestamp) / L1_BLOCK_SECS + 1),
            beneficiary: SEQUENCER,
            timestamp: U256::from(self.timestamp),
            gas_limit: BLOCK_GAS_LIMIT,
            basefee: if paid { BASE_FEE_WEI } else { 0 },
            prevrandao: Some(B256::with_last_byte(1)),
            difficulty: U256::from(1),
            ..BlockEnv::default()
        };
        let chain = TxState::new(self.block, recent.clone(), self.trace);
        let ctx = Context {
            block,
            tx,
            cfg,
            journaled_state: Journal::new(&mut self.db),
            chain,
            local: LocalContext::default(),
            error: Ok(()),
        };
        let mut evm = ArbEvm::new(ctx);
        let mut handler = MainnetHandler::<ArbEvm<'_>, TxError, EthFrame>::default();
        let result = handler.run(&mut evm)?;
        let mut ctx = evm.into_ctx();
        let state = ctx.journaled_state.finalize();
        let chain = ctx.chain;
        *recent = chain.recent;
        let mut receipt = Receipt {
            success: false,
            gas_used: result.tx_gas_used(),
            output: Bytes::new(),
            created: None,
            logs: Vec::new(),
            halt: None,
            refusal: chain.refusal,
            runs: chain.runs,
            block: self.block,
            timestamp: self.timestamp,
        };
        match result {
            ExecutionResult::Success { logs, output, .. } => {
                receipt.success = true;
                receipt.logs = logs;
                if let Output::Create(_, created) = &output {
                    receipt.created = *created;
                }
                receipt.output = output.into_data();
            }
            ExecutionResult::Revert { output, .. } => receipt.output = output,
            ExecutionResult::Halt { reason, .. } => receipt.halt = Some(reason),
        }
        Ok((receipt, state))
    }

    /// Activates the program at `program`, paying the data fee; `from` gets the change.
    pub fn activate(&mut self, from: Address, program: Address) -> Result<Receipt, TxError> {
        let call = ArbWasm::activateProgramCall { program };
        self.send(Tx::call(from, ARB_WASM, call.abi_encode()).value(self.data_fee_budget(from)))
    }

    /// Starts the year of the program at `program` anew, paying the data fee; `from` gets the change.
    ///
    /// Reverts during the first 31 days.
    pub fn keep_alive(&mut self, from: Address, program: Address) -> Result<Receipt, TxError> {
        let call = ArbWasm::codehashKeepaliveCall {
            codehash: self.account(program).code_hash,
        };
        self.send(Tx::call(from, ARB_WASM, call.abi_encode()).value(self.data_fee_budget(from)))
    }

    /// Value that covers any data fee: one ether, or all the sender has.
    fn data_fee_budget(&self, from: Address) -> U256 {
        self.balance(from).min(U256::from(10).pow(U256::from(18)))
    }

    /// Pins the program at `program` in the cache, so that entering it costs the cached price; `from` must be a
    /// chain owner, as [`DEV_ACCOUNT`] is, or a cache manager.
    pub fn cache_program(&mut self, from: Address, program: Address) -> Result<Receipt, TxError> {
        let call = ArbWasmCache::cacheProgramCall { program };
        self.send(Tx::call(from, ARB_WASM_CACHE, call.abi_encode()))
    }

    /// Deploys program code (prefix and compressed wasm) and activates it.
    ///
    /// Returns the receipts of both transactions; the address is in the first. Activation is skipped
    /// when the creation failed or when the same code is active already.
    pub fn deploy_program(&mut self, from: Address, program: &[u8]) -> Result<(Receipt, Option<Receipt>), TxError> {
        let created = self.send(Tx::create(from, code::init_code(program)))?;
        let activated = match created.created {
            Some(address) => Some(self.activate(from, address)?),
            None => None,
        };
        Ok((created, activated))
    }
}
