//! Deploys Gimbal: the same transactions in the same order on any network.

use alloy_primitives::{Address, B256, FixedBytes, I256, U256};
use alloy_sol_types::SolCall;
use anyhow::{Result, anyhow};
use interfaces::{IAdapter, IBook, IGovernor, IOracle, IRebalancer, IRisk, ISwapRouter02, IVault};
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
    /// Parameters of book 0 that differ from their defaults: number and raw value.
    pub risk: Vec<(engine::ParamId, i128)>,
    /// Name of the share token, at most 32 bytes.
    pub name: &'static str,
    /// Symbol of the share token, at most 32 bytes.
    pub symbol: &'static str,
    /// Length of a redemption batch in seconds.
    pub period_secs: u64,
    /// Most assets the vault accepts, in units.
    pub deposit_cap: U256,
    /// Most assets the book may be given, in units.
    pub book_cap: U256,
    /// Cost of hedging new money, in basis points.
    pub entry_cost_bps: u64,
    /// Pin the programs in the chain's cache, which the owner must be a cache manager for.
    pub cache: bool,
}

/// Addresses of a deployment.
#[derive(Clone, Copy, Debug)]
pub struct Deployment {
    /// Shares and queue.
    pub vault: Address,
    /// Book 0.
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

/// Deploys, activates, initialises and configures everything.
pub fn deploy(network: &mut impl Network, artifacts: &Artifacts, config: &Config) -> Result<Deployment> {
    let roles = config.roles;
    let from = roles.owner;
    let mut program = |name: &str| -> Result<Address> {
        let code = artifacts.program(name)?;
        let address = stylus::deploy(network, from, &code).map_err(|error| anyhow!("{name}: {error}"))?;
        if config.cache {
            stylus::cache(network, from, address)?;
        }
        Ok(address)
    };
    let deployed = Deployment {
        governor: program("governor")?,
        oracle: program("oracle")?,
        risk: program("risk")?,
        rebalancer: program("rebalancer")?,
        book: program("book")?,
        vault: program("vault")?,
        adapter: program("uniswap-v3")?,
    };
    initialize(network, config, &deployed)?;
    configure(network, config, &deployed)?;
    Ok(deployed)
}

fn initialize(network: &mut impl Network, config: &Config, at: &Deployment) -> Result<()> {
    let Roles {
        owner,
        guardian,
        allocator,
    } = config.roles;
    let from = owner;
    network.invoke(
        from,
        at.governor,
        &IGovernor::initializeCall {
            owner,
            guardian,
            allocator,
        },
    )?;
    network.invoke(
        from,
        at.oracle,
        &IOracle::initializeCall {
            governor: at.governor,
            quote: config.asset,
        },
    )?;
    network.invoke(from, at.risk, &IRisk::initializeCall { governor: at.governor })?;
    network.invoke(
        from,
        at.rebalancer,
        &IRebalancer::initializeCall {
            governor: at.governor,
            vault: at.vault,
        },
    )?;
    network.invoke(
        from,
        at.adapter,
        &IAdapter::initializeCall {
            router: config.router,
            pool: config.pool,
        },
    )?;
    let book = IBook::initializeCall {
        governor: at.governor,
        vault: at.vault,
        rebalancer: at.rebalancer,
        risk: at.risk,
        oracle: at.oracle,
        asset: config.asset,
    };
    network.invoke(from, at.book, &book)?;
    let vault = IVault::initializeCall {
        governor: at.governor,
        asset: config.asset,
        name: text(config.name),
        symbol: text(config.symbol),
        periodSecs: U256::from(config.period_secs),
        depositCap: config.deposit_cap,
        entryCostBps: U256::from(config.entry_cost_bps),
    };
    network.invoke(from, at.vault, &vault)?;
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

fn configure(network: &mut impl Network, config: &Config, at: &Deployment) -> Result<()> {
    let owner = config.roles.owner;
    let mut govern = |target: Address, data: Vec<u8>| -> Result<()> {
        network.invoke(
            owner,
            at.governor,
            &IGovernor::executeCall {
                target,
                data: data.into(),
            },
        )?;
        Ok(())
    };
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
        govern(at.oracle, call.abi_encode())?;
    }
    for (id, value) in &config.risk {
        govern(
            at.risk,
            IRisk::setParameterCall {
                book: at.book,
                id: *id as u8,
                value: I256::try_from(*value)?,
            }
            .abi_encode(),
        )?;
    }
    govern(
        at.book,
        IBook::registerTokenCall {
            token: config.underlying,
        }
        .abi_encode(),
    )?;
    govern(at.book, IBook::registerAdapterCall { adapter: at.adapter }.abi_encode())?;
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
    govern(at.book, swap.abi_encode())?;
    govern(
        at.rebalancer,
        IRebalancer::setAdapterCall {
            book: at.book,
            adapter: at.adapter,
        }
        .abi_encode(),
    )?;
    govern(
        at.vault,
        IVault::addBookCall {
            book: at.book,
            cap: config.book_cap,
        }
        .abi_encode(),
    )
}

/// The number of the risk parameter with this name, as the contract knows it.
pub fn parameter(name: &str) -> Option<u8> {
    engine::ParamId::ALL
        .iter()
        .find(|id| engine::params::spec(**id).name == name)
        .map(|id| *id as u8)
}
