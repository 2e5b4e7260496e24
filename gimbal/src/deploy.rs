//! Deploys Gimbal: the same transactions in the same order on any network.

use alloy_primitives::{Address, B256, FixedBytes, I256, U256};
use alloy_sol_types::SolCall;
use anyhow::{Result, anyhow};
use interfaces::{IAdapter, IBook, IGovernor, IOracle, IProxy, IRebalancer, IRisk, ISwapRouter02, IVault};
use venues::{Artifacts, Network, stylus};

/// Who governs.
#[derive(Clone, Copy, Debug)]
pub struct Roles {
    /// Acts through the governor.
    pub owner: Address,
    /// May tighten limits.
    pub guardian: Address,
    /// Moves idle assets between books.
    pub allocator: Address,
}

/// A price feed of the oracle.
#[derive(Clone, Copy, Debug)]
pub struct Feed {
    /// Chainlink-style aggregator.
    pub aggregator: Address,
    /// Oldest answer accepted, in seconds.
    pub heartbeat_secs: u64,
    /// The price may be off by this much, in basis points.
    pub confidence_bps: u64,
    /// Smallest plausible answer, in the feed's decimals.
    pub min_answer: u64,
    /// Largest plausible answer, in the feed's decimals.
    pub max_answer: u64,
}

/// Parameters of the vault; the defaults are the vault's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VaultParameters {
    /// Length of a redemption batch in seconds.
    pub period_secs: u64,
    /// Seconds after its cut-off that a batch may wait before the vault winds down.
    pub wait_limit_secs: u64,
    /// Cost of hedging new money, in basis points.
    pub entry_cost_bps: u64,
    /// Part of a gain above the high-water mark, in basis points.
    pub performance_fee_bps: u64,
    /// Part of the value per year, in basis points.
    pub management_fee_bps: u64,
    /// Widest marks at a settlement, in basis points.
    pub max_spread_bps: u64,
    /// Largest disturbance of a pool at a deposit, in basis points.
    pub max_disturbance_bps: u64,
    /// Most assets the vault accepts, in units.
    pub deposit_cap: U256,
    /// Most assets an account may hold, in units.
    pub account_cap: U256,
}

impl Default for VaultParameters {
    fn default() -> Self {
        Self {
            period_secs: 86_400,
            wait_limit_secs: 604_800,
            entry_cost_bps: 10,
            performance_fee_bps: 0,
            management_fee_bps: 0,
            max_spread_bps: 500,
            max_disturbance_bps: 30,
            deposit_cap: U256::ZERO,
            account_cap: U256::MAX,
        }
    }
}

impl VaultParameters {
    /// Their values in the order of their numbers (see [`IVault`]).
    pub fn words(&self) -> Vec<U256> {
        let mut words: Vec<_> = [
            self.period_secs,
            self.wait_limit_secs,
            self.entry_cost_bps,
            self.performance_fee_bps,
            self.management_fee_bps,
            self.max_spread_bps,
            self.max_disturbance_bps,
        ]
        .map(U256::from)
        .into();
        words.extend([self.deposit_cap, self.account_cap]);
        words
    }
}

/// What is deployed and with which parameters.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who governs.
    pub roles: Roles,
    /// The vault's asset.
    pub asset: Address,
    /// Its feed.
    pub asset_feed: Feed,
    /// The token that the book holds for exposure.
    pub underlying: Address,
    /// Its feed.
    pub underlying_feed: Feed,
    /// Router and pool of the venue.
    pub router: Address,
    /// Pool of asset and underlying.
    pub pool: Address,
    /// Fee of the pool in hundredths of a basis point.
    pub pool_fee: u32,
    /// Risk parameters of every book that differ from their defaults: number and raw value.
    pub risk: Vec<(engine::ParamId, i128)>,
    /// Name of the share token, at most 32 bytes.
    pub name: &'static str,
    /// Symbol of the share token, at most 32 bytes.
    pub symbol: &'static str,
    /// Parameters of the vault.
    pub parameters: VaultParameters,
    /// Who gets the fee shares; nobody if zero.
    pub fee_recipient: Address,
    /// Most assets book 0 may be given, in units.
    pub book_cap: U256,
    /// Pin the programs in the chain's cache, which the owner must be a cache manager for.
    pub cache: bool,
}

/// Addresses of a deployment.
#[derive(Clone, Copy, Debug)]
pub struct Deployment {
    /// Shares and queue: a proxy.
    pub vault: Address,
    /// Book 0: a proxy.
    pub book: Address,
    /// Parameters and engine.
    pub risk: Address,
    /// The keeper's entry point.
    pub rebalancer: Address,
    /// Prices.
    pub oracle: Address,
    /// Roles.
    pub governor: Address,
    /// Uniswap v3.
    pub adapter: Address,
    /// The program behind the vault's proxy.
    pub vault_program: Address,
    /// The program behind the proxies of all books.
    pub book_program: Address,
}

impl Deployment {
    /// Every Stylus program: what must be kept alive.
    pub fn programs(&self) -> [Address; 7] {
        [
            self.vault_program,
            self.book_program,
            self.risk,
            self.rebalancer,
            self.oracle,
            self.governor,
            self.adapter,
        ]
    }
}

/// Marks of argument templates: what a 32-byte argument word of an allowed call must be.
pub mod template {
    use alloy_primitives::{B256, U256};

    /// Anything.
    pub const ANY: B256 = mark(0xA1);
    /// The book itself.
    pub const BOOK: B256 = mark(0xA2);
    /// A registered token.
    pub const TOKEN: B256 = mark(0xA3);

    /// Exactly this number, which must be below 2²⁴⁸.
    pub fn literal(value: impl TryInto<U256>) -> B256 {
        value.try_into().map_or(B256::ZERO, B256::from)
    }

    const fn mark(byte: u8) -> B256 {
        let mut word = [0; 32];
        word[0] = byte;
        B256::new(word)
    }
}

/// Deploys, activates, initialises and configures everything, with one book.
pub fn deploy(network: &mut impl Network, artifacts: &Artifacts, config: &Config) -> Result<Deployment> {
    let Roles {
        owner,
        guardian,
        allocator,
    } = config.roles;
    let mut program = |name: &str| -> Result<Address> {
        let code = artifacts.program(name)?;
        let address = stylus::deploy(network, owner, &code).map_err(|error| anyhow!("{name}: {error}"))?;
        if config.cache {
            stylus::cache(network, owner, address)?;
        }
        Ok(address)
    };
    let mut at = Deployment {
        governor: program("governor")?,
        oracle: program("oracle")?,
        risk: program("risk")?,
        rebalancer: program("rebalancer")?,
        adapter: program("uniswap-v3")?,
        vault_program: program("vault")?,
        book_program: program("book")?,
        vault: Address::ZERO,
        book: Address::ZERO,
    };
    let governor = at.governor;
    let roles = IGovernor::initializeCall {
        owner,
        guardian,
        allocator,
    };
    network.invoke(owner, governor, &roles)?;
    let vault = IVault::initializeCall {
        governor,
        asset: config.asset,
        name: text(config.name),
        symbol: text(config.symbol),
        rebalancer: at.rebalancer,
        feeRecipient: config.fee_recipient,
        parameters: config.parameters.words(),
    };
    at.vault = proxy(network, artifacts, owner, at.vault_program, governor, &vault)?;
    let oracle = IOracle::initializeCall {
        governor,
        quote: config.asset,
    };
    network.invoke(owner, at.oracle, &oracle)?;
    network.invoke(owner, at.risk, &IRisk::initializeCall { governor })?;
    let rebalancer = IRebalancer::initializeCall {
        governor,
        vault: at.vault,
    };
    network.invoke(owner, at.rebalancer, &rebalancer)?;
    let adapter = IAdapter::initializeCall {
        router: config.router,
        pool: config.pool,
    };
    network.invoke(owner, at.adapter, &adapter)?;
    set_feeds(network, config, &at)?;
    at.book = add_book(network, artifacts, config, &at, config.book_cap, false)?;
    Ok(at)
}

/// Creates a proxy in front of `program`, which is initialised by the same transaction.
pub fn proxy<C: SolCall>(
    network: &mut impl Network,
    artifacts: &Artifacts,
    from: Address,
    program: Address,
    governor: Address,
    initialisation: &C,
) -> Result<Address> {
    let arguments = IProxy::constructorCall {
        program,
        governor,
        initialisation: initialisation.abi_encode().into(),
    };
    let code = artifacts.compiled("Proxy")?.code()?;
    network
        .deploy(from, &code, &arguments)
        .map_err(|error| anyhow!("the proxy of {}: {error}", C::SIGNATURE))
}

/// Deploys one more book like book 0 and adds it to the vault, with at most `cap` asset units.
///
/// An `isolated` book is never refilled while it is in loss.
pub fn add_book(
    network: &mut impl Network,
    artifacts: &Artifacts,
    config: &Config,
    at: &Deployment,
    cap: U256,
    isolated: bool,
) -> Result<Address> {
    let owner = config.roles.owner;
    let book = IBook::initializeCall {
        governor: at.governor,
        vault: at.vault,
        rebalancer: at.rebalancer,
        risk: at.risk,
        oracle: at.oracle,
        asset: config.asset,
    };
    let book = proxy(network, artifacts, owner, at.book_program, at.governor, &book)?;
    for (id, value) in &config.risk {
        let call = IRisk::setParameterCall {
            book,
            id: *id as u8,
            value: I256::try_from(*value)?,
        };
        govern(network, config, at, at.risk, &call)?;
    }
    let token = IBook::registerTokenCall {
        token: config.underlying,
    };
    govern(network, config, at, book, &token)?;
    govern(
        network,
        config,
        at,
        book,
        &IBook::registerAdapterCall { adapter: at.adapter },
    )?;
    let swap = IBook::allowCall {
        adapter: at.adapter,
        target: config.router,
        selector: FixedBytes(ISwapRouter02::exactInputSingleCall::SELECTOR),
        template: vec![
            template::TOKEN,                    // tokenIn
            template::TOKEN,                    // tokenOut
            template::literal(config.pool_fee), // fee
            template::BOOK,                     // recipient
            template::ANY,                      // amountIn, bounded by the approval
            template::ANY,                      // amountOutMinimum, checked again by the book
            template::literal(0_u8),            // sqrtPriceLimitX96
        ],
    };
    govern(network, config, at, book, &swap)?;
    let adapter = IRebalancer::setAdapterCall {
        book,
        adapter: at.adapter,
    };
    govern(network, config, at, at.rebalancer, &adapter)?;
    govern(
        network,
        config,
        at,
        at.vault,
        &IVault::addBookCall { book, cap, isolated },
    )?;
    Ok(book)
}

fn set_feeds(network: &mut impl Network, config: &Config, at: &Deployment) -> Result<()> {
    for (asset, feed) in [
        (config.asset, config.asset_feed),
        (config.underlying, config.underlying_feed),
    ] {
        let call = IOracle::setFeedCall {
            asset,
            aggregator: feed.aggregator,
            heartbeatSecs: U256::from(feed.heartbeat_secs),
            confidenceBps: U256::from(feed.confidence_bps),
            minAnswer: I256::try_from(feed.min_answer)?,
            maxAnswer: I256::try_from(feed.max_answer)?,
        };
        govern(network, config, at, at.oracle, &call)?;
    }
    Ok(())
}

/// A call that only the governor may make.
fn govern<C: SolCall>(
    network: &mut impl Network,
    config: &Config,
    at: &Deployment,
    target: Address,
    call: &C,
) -> Result<()> {
    let data = call.abi_encode().into();
    network
        .invoke(
            config.roles.owner,
            at.governor,
            &IGovernor::executeCall { target, data },
        )
        .map_err(|error| anyhow!("{}: {error}", C::SIGNATURE))?;
    Ok(())
}

/// Short text as left-aligned bytes; what exceeds 32 bytes is cut.
fn text(text: &str) -> B256 {
    let mut word = B256::ZERO;
    for (target, byte) in word.iter_mut().zip(text.bytes()) {
        *target = byte;
    }
    word
}

/// The number of the risk parameter with this name, as the contract knows it.
pub fn parameter(name: &str) -> Option<u8> {
    engine::ParamId::ALL
        .iter()
        .find(|id| engine::params::spec(**id).name == name)
        .map(|id| *id as u8)
}
