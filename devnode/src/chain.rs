//! The chain: accounts, blocks and transactions.

use crate::{
    arbos::{
        fields::{self, L2},
        params::{self, StylusParams},
        precompiles, programs,
        state::ARBOS,
    },
    block::{self, Block, BlockContext, Mined},
    evm::{Ctx, RecentPrograms, SPEC, TxError},
    execute::{self, Job, Payment, Rules},
    fork::Fork,
    state::{State, StateError},
    stylus::{code, ink, trace::Frames},
    tx::{Fees, Receipt, SignedTx, Tx, env_of},
};
use alloy_consensus::{Sealed, Transaction as _};
use alloy_primitives::{Address, B256, Bytes, U256, address};
use alloy_sol_types::SolCall;
use imbl::{HashMap, OrdMap};
use interfaces::arbos::{ARB_WASM, ARB_WASM_CACHE, ArbWasm, ArbWasmCache};
use revm::{
    DatabaseCommit,
    context::{BlockEnv, TxEnv},
    context_interface::cfg::gas::calculate_initial_tx_gas_for_tx,
    context_interface::result::{EVMError, InvalidTransaction, ResultAndState},
    inspector::{Inspector, NoOpInspector},
    interpreter::interpreter::EthInterpreter,
};
use std::sync::Arc;

/// The account that development nodes of Arbitrum fund at genesis.
pub const DEV_ACCOUNT: Address = address!("3f1Eae7D46d88F08fc2F8ed27FCb2AB183EB2d0E");

/// Seconds between L1 blocks.
const L1_BLOCK_SECS: u64 = 12;
/// Execution gas of one transaction since ArbOS 50.
const TX_GAS_CAP: u64 = 32_000_000;
/// Execution gas of one call: the limit of transactions does not bind calls, but nodes have one of their own.
const CALL_GAS_CAP: u64 = 50_000_000;
/// As development nodes have it.
const BASE_FEE_WEI: u64 = fields::BASE_FEE_WEI;
/// Blocks whose hash contracts can ask for.
const HASHES: u64 = 256;

/// Settings of a new chain.
#[derive(Clone, Debug)]
pub struct Builder {
    rules: Rules,
    stack_depth: u32,
    timestamp: u64,
    history: u64,
    accounts: Vec<GenesisAccount>,
}

/// An account that is there from the beginning.
#[derive(Clone, Debug, Default)]
pub struct GenesisAccount {
    /// Where it is.
    pub address: Address,
    /// Balance in wei.
    pub balance: U256,
    /// Its code.
    pub code: Bytes,
    /// Its storage.
    pub storage: Vec<(U256, U256)>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            rules: Rules {
                chain_id: 412_346,
                tx_gas_cap: TX_GAS_CAP,
            },
            stack_depth: ink::MAX_STACK_DEPTH,
            timestamp: 1_700_000_000,
            history: HASHES,
            accounts: Vec::new(),
        }
    }
}

impl Builder {
    /// Chain id; 412346 by default.
    #[must_use]
    pub fn chain_id(mut self, id: u64) -> Self {
        self.rules.chain_id = id;
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
        self.rules.tx_gas_cap = gas;
        self
    }

    /// How many blocks are remembered, with the state each left; 256 by default, and not less.
    #[must_use]
    pub fn history(mut self, blocks: u64) -> Self {
        self.history = blocks.max(HASHES);
        self
    }

    /// Accounts that are there from the beginning, besides those of every chain.
    #[must_use]
    pub fn accounts(mut self, accounts: impl IntoIterator<Item = GenesisAccount>) -> Self {
        self.accounts.extend(accounts);
        self
    }

    /// The chain at its genesis block.
    pub fn build(self) -> Chain {
        #[expect(clippy::expect_used, reason = "only the state of a fork can fail")]
        self.start(None).expect("a state of its own")
    }

    /// The chain as it goes on from the block that `fork` reads. Chain id and clock are those of the fork;
    /// state is read when it is first needed. Blocks before the fork are not part of this chain's history.
    pub fn build_on(self, fork: Fork) -> Result<Chain, StateError> {
        self.start(Some(fork))
    }

    fn start(mut self, fork: Option<Fork>) -> Result<Chain, StateError> {
        let accounts = std::mem::take(&mut self.accounts);
        let mut l1_number = 1;
        let mut base_fee = BASE_FEE_WEI;
        let mut origin = None;
        // A chain that is none of Arbitrum's lacks what ArbOS keeps.
        let mut has_arbos = false;
        if let Some(fork) = &fork {
            let block = fork.block().clone();
            self.rules.chain_id = fork.chain_id();
            self.timestamp = block.timestamp;
            l1_number = block.l1_block_number.unwrap_or(block.number);
            base_fee = block.base_fee.unwrap_or(BASE_FEE_WEI);
            has_arbos = fork.account(ARBOS)?.is_some_and(|info| info.nonce > 0);
            origin = Some(block);
        }
        let head = origin.as_ref().map_or(0, |block| block.number);
        let mut chain = Chain {
            state: fork.map(State::of).unwrap_or_default(),
            clock: self.timestamp,
            l1_start: (self.timestamp, l1_number),
            base_fee,
            head,
            blocks: OrdMap::new(),
            by_hash: HashMap::new(),
            by_tx: HashMap::new(),
            settings: self,
            trace: false,
        };
        let state = &mut chain.state;
        for address in precompiles::ADDRESSES {
            state.set_code(address, Bytes::from_static(&precompiles::CODE))?;
            state.update(address, |info| info.nonce = 1)?;
        }
        if !has_arbos {
            state.update(ARBOS, |info| info.nonce = 1)?;
            let stylus = StylusParams {
                max_stack_depth: chain.settings.stack_depth,
                ..StylusParams::default()
            };
            for (slot, value) in fields::genesis(DEV_ACCOUNT, chain.settings.rules.chain_id, &stylus) {
                state.set_slot(ARBOS, slot, value)?;
            }
        }
        state.update(DEV_ACCOUNT, |info| info.balance = U256::from(10).pow(U256::from(24)))?;
        for account in accounts {
            if !account.code.is_empty() {
                state.set_code(account.address, account.code)?;
                state.update(account.address, |info| info.nonce = info.nonce.max(1))?;
            }
            for (slot, value) in account.storage {
                state.set_slot(account.address, slot, value)?;
            }
            if !account.balance.is_zero() {
                state.update(account.address, |info| info.balance = account.balance)?;
            }
        }
        let genesis = chain.open_block(head);
        chain.seal(B256::ZERO, genesis);
        if let Some(origin) = origin {
            chain.name_origin(origin.hash);
        }
        Ok(chain)
    }
}

/// The chain. Cloning it takes a snapshot; assigning the clone back reverts to it. Both cost next to
/// nothing, because states share what they have in common.
#[derive(Clone, Debug)]
pub struct Chain {
    state: State,
    settings: Builder,
    /// Time of the next block, if that is not before the latest one.
    clock: u64,
    /// A moment and the L1 block number that it had.
    l1_start: (u64, u64),
    base_fee: u64,
    head: u64,
    blocks: OrdMap<u64, Arc<Block>>,
    by_hash: HashMap<B256, u64>,
    by_tx: HashMap<B256, (u64, usize)>,
    trace: bool,
}

impl Default for Chain {
    fn default() -> Self {
        Builder::default().build()
    }
}

/// A block that transactions are being added to.
#[derive(Debug)]
struct Open {
    context: BlockContext,
    before: State,
    state: State,
    l2_hashes: Arc<Vec<B256>>,
    recent: RecentPrograms,
    mined: Vec<Mined>,
    cumulative_gas: u64,
    logs: usize,
}

/// Where a call is executed.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Accounts and storage, which the caller may have changed for this call.
    pub state: State,
    /// Block that the call sees.
    pub block: BlockContext,
    /// Record program runs.
    pub trace: bool,
}

/// An execution that changed nothing, with all there is to know about it.
#[derive(Debug)]
pub struct Watched<I> {
    /// What it did.
    pub receipt: Receipt,
    /// Result and changes as the EVM reports them.
    pub outcome: ResultAndState,
    /// The transaction as the EVM saw it.
    pub tx: TxEnv,
    /// The block as the EVM saw it.
    pub block: BlockEnv,
    /// The state it was executed on.
    pub before: State,
    /// The inspector, after the fact.
    pub inspector: Option<I>,
}

impl Chain {
    /// Settings of a new chain.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Chain id.
    pub fn chain_id(&self) -> u64 {
        self.settings.rules.chain_id
    }

    /// Most execution gas of one transaction.
    pub fn tx_gas_cap(&self) -> u64 {
        self.settings.rules.tx_gas_cap
    }

    /// Height of the L2 chain.
    pub fn block_number(&self) -> u64 {
        self.head
    }

    /// Clock in Unix seconds: the time of the latest block, or later if it has been moved on since.
    pub fn timestamp(&self) -> u64 {
        self.clock
    }

    /// L2 base fee in wei.
    pub fn base_fee(&self) -> u64 {
        self.base_fee
    }

    /// Sets the L2 base fee of the following blocks in wei.
    pub fn set_base_fee(&mut self, wei: u64) {
        self.base_fee = wei;
        self.set_storage(ARBOS, L2::BaseFee.into(), U256::from(wei));
    }

    /// Moves the clock of the following blocks forward.
    pub fn warp(&mut self, secs: u64) {
        self.clock = self.clock.saturating_add(secs);
    }

    /// Sets the clock of the following blocks; never before the latest block.
    pub fn set_timestamp(&mut self, secs: u64) {
        self.clock = self.latest().map_or(secs, |block| secs.max(block.context.timestamp));
    }

    /// Records program runs and their host calls in receipts.
    pub fn set_trace(&mut self, on: bool) {
        self.trace = on;
    }

    /// Gives an account `wei`.
    pub fn deal(&mut self, account: Address, wei: U256) {
        self.change(account, |info| info.balance = wei);
    }

    /// Puts code at an address. The nonce becomes that of a contract, but never falls: addresses that
    /// the account has created must not come up again.
    pub fn set_code(&mut self, account: Address, code: impl Into<Bytes>) {
        // Only a fork's state can fail; [`Self::state_mut`] tells.
        let _ = self.state.set_code(account, code.into());
        self.change(account, |info| info.nonce = info.nonce.max(1));
    }

    /// Sets a storage slot.
    pub fn set_storage(&mut self, account: Address, slot: U256, value: U256) {
        // As above.
        let _ = self.state.set_slot(account, slot, value);
    }

    fn change(&mut self, account: Address, change: impl FnOnce(&mut revm::state::AccountInfo)) {
        // As above.
        let _ = self.state.update(account, change);
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
        self.state.account(account).unwrap_or_default().balance
    }

    /// Transactions sent, or contracts created.
    pub fn nonce(&self, account: Address) -> u64 {
        self.state.account(account).unwrap_or_default().nonce
    }

    /// Raw code.
    pub fn code(&self, account: Address) -> Bytes {
        let code = self.state.account(account).unwrap_or_default().code;
        code.map(|code| code.original_bytes()).unwrap_or_default()
    }

    /// Storage slot.
    pub fn storage(&self, account: Address, slot: U256) -> U256 {
        self.state.slot(account, slot).unwrap_or_default()
    }

    /// The latest state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The latest state, to be changed by hand.
    pub fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// The latest block.
    pub fn latest(&self) -> Option<&Arc<Block>> {
        self.block(self.head)
    }

    /// The block at a height, if it is remembered.
    pub fn block(&self, number: u64) -> Option<&Arc<Block>> {
        self.blocks.get(&number)
    }

    /// The block with a hash, if it is remembered.
    pub fn block_by_hash(&self, hash: B256) -> Option<&Arc<Block>> {
        self.by_hash.get(&hash).and_then(|number| self.block(*number))
    }

    /// The oldest block that is remembered.
    pub fn oldest(&self) -> Option<&Arc<Block>> {
        self.blocks.get_min().map(|(_, block)| block)
    }

    /// The remembered blocks from one height to another, both included.
    pub fn blocks(&self, from: u64, to: u64) -> impl Iterator<Item = &Arc<Block>> {
        self.blocks.range(from..=to).map(|(_, block)| block)
    }

    /// The block that holds a transaction, and the transaction's index in it.
    pub fn transaction(&self, hash: B256) -> Option<(&Arc<Block>, usize)> {
        let (number, index) = self.by_tx.get(&hash)?;
        Some((self.block(*number)?, *index))
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
        let mut open = self.open_block(self.head + 1);
        let receipts = txs
            .into_iter()
            .map(|tx| {
                let tx = self.complete(&open.state, tx)?;
                self.include(&mut open, tx)
            })
            .collect::<Result<Vec<_>, _>>()?;
        self.seal(self.latest().map_or(B256::ZERO, |block| block.hash()), open);
        Ok(receipts)
    }

    /// Executes a signed transaction in a block of its own, as [`Self::send`] does.
    pub fn send_signed(&mut self, tx: SignedTx) -> Result<Receipt, TxError> {
        let mut open = self.open_block(self.head + 1);
        let receipt = self.include(&mut open, tx)?;
        self.seal(self.latest().map_or(B256::ZERO, |block| block.hash()), open);
        Ok(receipt)
    }

    /// Whether a transaction could be included if its nonce's turn had come, as far as can be told without
    /// executing it.
    pub fn check(&self, tx: &SignedTx) -> Result<(), TxError> {
        check_funds(&self.state, tx)?;
        let env = env_of(tx, self.tx_gas_cap(), self.base_fee);
        let initial_gas = calculate_initial_tx_gas_for_tx(&env, SPEC, None).initial_regular_gas;
        let refusal = if tx.max_fee_per_gas() < self.base_fee.into() {
            InvalidTransaction::GasPriceLessThanBasefee
        } else if env.gas_limit < initial_gas {
            InvalidTransaction::CallGasCostMoreThanGasLimit {
                initial_gas,
                gas_limit: env.gas_limit,
            }
        } else {
            return Ok(());
        };
        Err(EVMError::Transaction(refusal))
    }

    /// Makes a block of those transactions that can be included in their order; says of the others why not.
    pub fn mine(&mut self, txs: impl IntoIterator<Item = SignedTx>) -> Vec<Result<Receipt, TxError>> {
        let mut open = self.open_block(self.head + 1);
        let receipts = txs.into_iter().map(|tx| self.include(&mut open, tx)).collect();
        self.seal(self.latest().map_or(B256::ZERO, |block| block.hash()), open);
        receipts
    }

    /// What the next block would be, with the clock as it stands.
    pub fn next_context(&self) -> BlockContext {
        self.context(self.head + 1)
    }

    fn context(&self, number: u64) -> BlockContext {
        let (moment, l1_number) = self.l1_start;
        let l1_number = l1_number + self.clock.saturating_sub(moment) / L1_BLOCK_SECS;
        block::context(number, l1_number, self.clock, self.base_fee)
    }

    fn open_block(&self, number: u64) -> Open {
        Open {
            context: self.context(number),
            before: self.state.clone(),
            state: self.state.clone(),
            l2_hashes: self.hashes_before(number),
            recent: RecentPrograms::default(),
            mined: Vec::new(),
            cumulative_gas: 0,
            logs: 0,
        }
    }

    /// Hashes of up to 256 blocks before `number`, newest last.
    fn hashes_before(&self, number: u64) -> Arc<Vec<B256>> {
        let blocks = self.blocks.range(number.saturating_sub(HASHES)..number);
        Arc::new(blocks.map(|(_, block)| block.hash()).collect())
    }

    fn seal(&mut self, parent: B256, open: Open) {
        let number = open.context.number;
        let block = Block::seal(parent, open.context, open.mined, open.before, open.state.clone());
        self.state = open.state;
        self.head = number;
        self.by_hash.insert(block.hash(), number);
        for (index, mined) in block.transactions.iter().enumerate() {
            self.by_tx.insert(mined.receipt.hash, (number, index));
        }
        self.blocks.insert(number, Arc::new(block));
        if let Some(forgotten) = number.checked_sub(self.settings.history)
            && let Some(block) = self.blocks.remove(&forgotten)
        {
            self.by_hash.remove(&block.hash());
            for mined in &block.transactions {
                self.by_tx.remove(&mined.receipt.hash);
            }
        }
    }

    /// Gives the block that a fork starts from the hash that it has there.
    fn name_origin(&mut self, hash: B256) {
        let Some(block) = self.blocks.get(&self.head) else {
            return;
        };
        let mut block = Block::clone(block);
        self.by_hash.remove(&block.hash());
        block.header = Sealed::new_unchecked(block.header.into_inner(), hash);
        self.by_hash.insert(hash, self.head);
        self.blocks.insert(self.head, Arc::new(block));
    }

    /// Fills in what the sender left open.
    fn complete(&self, state: &State, tx: Tx) -> Result<SignedTx, TxError> {
        let nonce = match tx.nonce {
            Some(nonce) => nonce,
            None => state.account(tx.from).map_err(EVMError::Database)?.nonce,
        };
        let gas_limit = tx.gas_limit.unwrap_or(self.tx_gas_cap());
        let fees = tx.fees.unwrap_or(Fees {
            max_fee: self.base_fee.into(),
            tip: 0,
        });
        Ok(tx.unsigned(self.chain_id(), nonce, gas_limit, fees))
    }

    /// A transaction that nobody signed, with nonce, gas limit and fees filled in where they are missing.
    pub fn unsigned(&self, tx: Tx) -> Result<SignedTx, StateError> {
        self.complete(&self.state, tx)
            .map_err(|error| StateError(error.to_string()))
    }

    /// What an execution of a signed transaction needs.
    fn job(&self, block: BlockContext, l2_hashes: Arc<Vec<B256>>, recent: RecentPrograms, tx: &SignedTx) -> Job {
        let env = env_of(tx, self.tx_gas_cap(), block.base_fee);
        let held_gas = U256::from(tx.gas_limit() - env.gas_limit);
        Job {
            rules: self.settings.rules,
            block,
            l2_hashes,
            held_back: held_gas * U256::from(env.gas_price),
            tx: env,
            program_gas_price: tx.effective_gas_price(Some(block.base_fee)),
            payment: Payment::Sender,
            recent,
            trace: self.trace,
        }
    }

    /// Executes a transaction in the open block.
    fn include(&self, open: &mut Open, tx: SignedTx) -> Result<Receipt, TxError> {
        check_funds(&open.state, &tx)?;
        let recent = std::mem::take(&mut open.recent);
        let job = self.job(open.context, open.l2_hashes.clone(), recent.clone(), &tx);
        let mut done = match execute::run(open.state.clone(), job) {
            Ok(done) => done,
            Err(error) => {
                open.recent = recent;
                return Err(error);
            }
        };
        let receipt = done.receipt(&open.context, *tx.tx_hash());
        open.state.commit(done.changes);
        open.recent = done.recent;
        open.cumulative_gas += receipt.gas_used;
        open.mined.push(Mined {
            tx,
            receipt: Receipt {
                runs: Vec::new(),
                frames: Frames::default(),
                ..receipt.clone()
            },
            cumulative_gas: open.cumulative_gas,
            first_log: open.logs,
        });
        open.logs += receipt.logs.len();
        Ok(receipt)
    }

    /// Executes a call on the latest state without changing it; nobody pays for its gas.
    ///
    /// It enters programs as the first transaction of a block does: those of the latest block are forgotten.
    pub fn call(&self, tx: Tx) -> Result<Receipt, TxError> {
        self.call_in(self.scene(), tx)
    }

    /// The latest state under the clock as it stands.
    pub fn scene(&self) -> Scene {
        Scene {
            state: self.state.clone(),
            block: self.context(self.head),
            trace: self.trace,
        }
    }

    /// The state that a remembered block left, under that block.
    pub fn scene_at(&self, block: &Block) -> Scene {
        Scene {
            // What was changed by hand since belongs to the latest block.
            state: if block.context.number == self.head {
                self.state.clone()
            } else {
                block.after.clone()
            },
            block: block.context,
            trace: self.trace,
        }
    }

    /// Executes a call in a scene. Fees are only asked of a call that names them.
    pub fn call_in(&self, scene: Scene, tx: Tx) -> Result<Receipt, TxError> {
        self.watch(scene, tx, None::<NoOpInspector>)
            .map(|watched| watched.receipt)
    }

    /// Executes a call in a scene, watched by `inspector`.
    pub fn watch<I>(&self, scene: Scene, tx: Tx, inspector: Option<I>) -> Result<Watched<I>, TxError>
    where
        I: Inspector<Ctx, EthInterpreter>,
    {
        let payment = match tx.fees {
            Some(fees) if fees.max_fee > 0 => Payment::Priced,
            _ => Payment::Nobody,
        };
        let fees = tx.fees.unwrap_or(Fees { max_fee: 0, tip: 0 });
        let cap = self.tx_gas_cap().max(CALL_GAS_CAP);
        let gas_limit = Some(tx.gas_limit.unwrap_or(cap).min(cap));
        let tx = Tx {
            fees: Some(fees),
            gas_limit,
            ..tx
        };
        let tx = self.complete(&scene.state, tx)?;
        check_funds(&scene.state, &tx)?;
        let hashes = self.hashes_before(scene.block.number);
        let job = Job {
            program_gas_price: if payment == Payment::Nobody {
                0
            } else {
                tx.effective_gas_price(Some(scene.block.base_fee))
            },
            payment,
            trace: scene.trace,
            rules: Rules {
                tx_gas_cap: cap,
                ..self.settings.rules
            },
            tx: env_of(&tx, cap, scene.block.base_fee),
            held_back: U256::ZERO,
            ..self.job(scene.block, hashes, RecentPrograms::default(), &tx)
        };
        watched(scene.state, job, B256::ZERO, inspector)
    }

    /// Executes a transaction of a remembered block again, as it was executed then, with its program runs
    /// recorded and watched by `inspector`; `None` when the transaction is not known.
    pub fn replay<I>(&self, hash: B256, inspector: Option<I>) -> Result<Option<Watched<I>>, TxError>
    where
        I: Inspector<Ctx, EthInterpreter>,
    {
        let Some((block, index)) = self.transaction(hash) else {
            return Ok(None);
        };
        let hashes = self.hashes_before(block.context.number);
        let mut state = block.before.clone();
        let mut recent = RecentPrograms::default();
        for mined in block.transactions.iter().take(index) {
            let job = self.job(block.context, hashes.clone(), recent, &mined.tx);
            let done = execute::run(state.clone(), job)?;
            state.commit(done.changes);
            recent = done.recent;
        }
        let Some(mined) = block.transactions.get(index) else {
            return Ok(None);
        };
        let job = Job {
            trace: true,
            ..self.job(block.context, hashes, recent, &mined.tx)
        };
        watched(state, job, hash, inspector).map(Some)
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
            codehash: self.state.account(program).unwrap_or_default().code_hash,
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
    /// Returns the receipts of both transactions; the address is in the first. Activation is skipped
    /// when the creation failed or when the same code is active already.
    pub fn deploy_program(&mut self, from: Address, program: &[u8]) -> Result<(Receipt, Option<Receipt>), TxError> {
        let created = self.send(Tx::create(from, code::init_code(program)))?;
        let activated = match created.created {
            Some(address) if !self.is_active(address) => Some(self.activate(from, address)?),
            _ => None,
        };
        Ok((created, activated))
    }

    /// Whether the program at `program` can be called: activated under the current version, and not expired.
    pub fn is_active(&self, program: Address) -> bool {
        self.read_call(ARB_WASM, &ArbWasm::programVersionCall { program })
            .is_ok()
    }
}

/// A sender must be able to pay for all the gas it asks for, not only for what the chain lets it use. It may not
/// offer a tip above all that it would pay, though the chain drops tips.
fn check_funds(state: &State, tx: &SignedTx) -> Result<(), TxError> {
    if tx.max_priority_fee_per_gas() > Some(tx.max_fee_per_gas()) {
        return Err(EVMError::Transaction(InvalidTransaction::PriorityFeeGreaterThanMaxFee));
    }
    let balance = state.account(tx.signer()).map_err(EVMError::Database)?.balance;
    let gas = U256::from(tx.gas_limit()).checked_mul(U256::from(tx.max_fee_per_gas()));
    match gas.and_then(|gas| gas.checked_add(tx.value())) {
        Some(cost) if cost <= balance => Ok(()),
        cost => Err(EVMError::Transaction(InvalidTransaction::LackOfFundForMaxFee {
            fee: Box::new(cost.unwrap_or(U256::MAX)),
            balance: Box::new(balance),
        })),
    }
}

fn watched<I>(state: State, job: Job, hash: B256, inspector: Option<I>) -> Result<Watched<I>, TxError>
where
    I: Inspector<Ctx, EthInterpreter>,
{
    let (context, tx) = (job.block, job.tx.clone());
    let mut block = context.env();
    if job.payment == Payment::Nobody {
        block.basefee = 0;
    }
    let mut done = execute::inspect(state.clone(), job, inspector)?;
    Ok(Watched {
        receipt: done.receipt(&context, hash),
        outcome: ResultAndState::new(done.result, done.changes),
        tx,
        block,
        before: state,
        inspector: done.inspector,
    })
}
