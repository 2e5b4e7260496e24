//! A whole world on the embedded chain: tokens, feeds, Uniswap v3 with a deep pool, Gimbal, and people.
//!
//! The demo and the end-to-end tests act through it.

use crate::deploy::{Config, Deployment, Feed, Roles, VaultParameters, add_book, deploy};
use alloy_primitives::{Address, I256, U256, address};
use alloy_sol_types::{SolCall, SolEvent};
use anyhow::{Context, Result, anyhow};
use devnode::{Chain, DEV_ACCOUNT};
use engine::ParamId;
use interfaces::{
    Decision, IBook, IERC20, IRebalancer, IVault, Report,
    arbos::{ARB_OWNER, ArbOwner},
};
use std::path::Path;
use venues::{
    Artifacts, Network, NetworkError, Sent, simulated,
    uniswap_v3::{self, Pool, Range, UniswapV3},
};

/// The people of the world. Their addresses are arbitrary.
pub mod people {
    use super::{Address, address};

    /// Deploys and governs.
    pub const OWNER: Address = address!("0000000000000000000000000000000000aa0001");
    /// May tighten limits.
    pub const GUARDIAN: Address = address!("0000000000000000000000000000000000aa0002");
    /// Moves idle assets into the book.
    pub const ALLOCATOR: Address = address!("0000000000000000000000000000000000aa0003");
    /// Calls `rebalance` and `settle`; holds no role.
    pub const KEEPER: Address = address!("0000000000000000000000000000000000aa0004");
    /// Keeps the pool at the market's price.
    pub const ARBITRAGEUR: Address = address!("0000000000000000000000000000000000aa0005");
    /// Owns the pool's liquidity.
    pub const MARKET_MAKER: Address = address!("0000000000000000000000000000000000aa0006");
    /// A depositor.
    pub const ALICE: Address = address!("0000000000000000000000000000000000aa0011");
    /// A depositor.
    pub const BOB: Address = address!("0000000000000000000000000000000000aa0012");
    /// A depositor.
    pub const CAROL: Address = address!("0000000000000000000000000000000000aa0013");
    /// A depositor.
    pub const DAVE: Address = address!("0000000000000000000000000000000000aa0014");
    /// A depositor.
    pub const ERIN: Address = address!("0000000000000000000000000000000000aa0015");
    /// All depositors.
    pub const DEPOSITORS: [Address; 5] = [ALICE, BOB, CAROL, DAVE, ERIN];
}

/// Decimals of WBTC and USDC.
pub const DECIMALS: [u8; 2] = [8, 6];
/// The pool's fee in hundredths of a basis point.
pub const POOL_FEE: u32 = 500;
/// Widest range of a pool with tick spacing 10.
const FULL_RANGE: i32 = 887_270;
/// One dollar, in a feed's decimals.
const DOLLAR_E8: u64 = 100_000_000;
/// Dollars that the market maker puts into the pool on either side, whatever the price.
const POOL_DOLLARS: u64 = 128_000_000;
/// Target delta of the book, as a share of its equity.
pub const TARGET_BPS: u64 = 5_000;
/// Half-width of the band around it.
pub const BAND_BPS: u64 = 200;

/// Everything.
#[derive(Clone, Debug)]
pub struct World {
    /// The chain.
    pub chain: Chain,
    /// 6 decimals; the vault's asset.
    pub usdc: Address,
    /// 8 decimals; the book's underlying.
    pub wbtc: Address,
    /// Dollar feed of USDC.
    pub usdc_feed: Address,
    /// Dollar feed of WBTC.
    pub wbtc_feed: Address,
    /// The venue.
    pub uniswap: UniswapV3,
    /// WBTC/USDC.
    pub pool: Pool,
    /// Gimbal.
    pub at: Deployment,
    /// The market's price, 8 decimals.
    pub price_e8: u64,
    /// What is deployed from.
    pub artifacts: Artifacts,
    config: Config,
}

/// Units of USDC in whole dollars.
pub fn dollars(whole: u64) -> U256 {
    U256::from(whole) * U256::from(1_000_000)
}

impl World {
    /// Builds the world at a time and a price (8 decimals). `root` is the project's folder.
    pub fn new(root: &Path, timestamp: u64, price_e8: u64) -> Result<Self> {
        Self::with(root, timestamp, price_e8, |_| ())
    }

    /// As [`Self::new`], with a configuration that `adjust` has changed, such as other fees.
    pub fn with(root: &Path, timestamp: u64, price_e8: u64, adjust: impl FnOnce(&mut Config)) -> Result<Self> {
        let artifacts = Artifacts::new(root);
        let mut chain = Chain::builder().timestamp(timestamp).build();
        let all = [
            people::OWNER,
            people::GUARDIAN,
            people::ALLOCATOR,
            people::KEEPER,
            people::ARBITRAGEUR,
            people::MARKET_MAKER,
        ];
        for person in all.into_iter().chain(people::DEPOSITORS) {
            chain.deal(person, U256::from(10).pow(U256::from(22)));
        }
        let owner = people::OWNER;
        let wbtc = simulated::token(&mut chain, &artifacts, owner, "Wrapped BTC", "WBTC", DECIMALS[0])?;
        let usdc = simulated::token(&mut chain, &artifacts, owner, "USD Coin", "USDC", DECIMALS[1])?;
        let wbtc_feed = simulated::feed(&mut chain, &artifacts, owner, "BTC / USD", 8)?;
        let usdc_feed = simulated::feed(&mut chain, &artifacts, owner, "USDC / USD", 8)?;
        let uniswap = uniswap_v3::deploy(&mut chain, &artifacts, owner)?;
        let pool = seed_pool(&mut chain, &uniswap, [wbtc, usdc], price_e8)?;
        let venue = (uniswap.router, pool.address);
        // As on any chain, only cache managers may pin programs.
        let manager = ArbOwner::addWasmCacheManagerCall { manager: owner };
        chain.invoke(DEV_ACCOUNT, ARB_OWNER, &manager)?;
        let mut config = config([usdc, usdc_feed], [wbtc, wbtc_feed], venue);
        adjust(&mut config);
        let at = deploy(&mut chain, &artifacts, &config).context("deploying Gimbal")?;
        let mut world = Self {
            chain,
            usdc,
            wbtc,
            usdc_feed,
            wbtc_feed,
            uniswap,
            pool,
            at,
            price_e8,
            artifacts,
            config,
        };
        world.publish(price_e8)?;
        Ok(world)
    }

    /// The configuration that this world was deployed with.
    pub fn config(&self) -> Config {
        self.config.clone()
    }

    /// Publishes fresh rounds of both feeds and leaves the pool where it is.
    pub fn publish(&mut self, price_e8: u64) -> Result<()> {
        simulated::publish(
            &mut self.chain,
            people::OWNER,
            self.usdc_feed,
            I256::try_from(DOLLAR_E8)?,
        )?;
        simulated::publish(
            &mut self.chain,
            people::OWNER,
            self.wbtc_feed,
            I256::try_from(price_e8)?,
        )?;
        self.price_e8 = price_e8;
        Ok(())
    }

    /// Moves the market: both feeds, then the pool by an arbitrageur's trade.
    pub fn set_price(&mut self, price_e8: u64) -> Result<()> {
        self.publish(price_e8)?;
        let target = self.pool.sqrt_price_x96(self.wbtc, U256::from(price_e8), DECIMALS);
        let target = target.ok_or_else(|| anyhow!("price {price_e8} is out of the pool's range"))?;
        self.uniswap.move_price(
            &mut self.chain,
            people::ARBITRAGEUR,
            &self.pool,
            target,
            ARBITRAGE_BUDGET,
        )?;
        Ok(())
    }

    /// Token units of an account.
    pub fn balance(&mut self, token: Address, account: Address) -> Result<U256> {
        Ok(self.chain.read(token, &IERC20::balanceOfCall { account })?)
    }

    /// Gives `person` USDC and lets the vault take it.
    pub fn fund(&mut self, person: Address, units: U256) -> Result<()> {
        simulated::mint(&mut self.chain, people::OWNER, self.usdc, person, units)?;
        self.chain.invoke(
            person,
            self.usdc,
            &IERC20::approveCall {
                spender: self.at.vault,
                value: U256::MAX,
            },
        )?;
        Ok(())
    }

    /// Deposits USDC of `person`; returns the shares.
    pub fn deposit(&mut self, person: Address, assets: U256) -> Result<(Sent, U256), NetworkError> {
        let sent = self.chain.invoke(
            person,
            self.at.vault,
            &IVault::depositCall {
                assets,
                receiver: person,
            },
        )?;
        let shares = decoded::<IVault::depositCall>(&sent)?;
        Ok((sent, shares))
    }

    /// Requests redemption of shares; returns the batch.
    pub fn request(&mut self, person: Address, shares: U256) -> Result<(Sent, U256), NetworkError> {
        let call = IVault::requestRedeemCall {
            shares,
            controller: person,
            owner: person,
        };
        let sent = self.chain.invoke(person, self.at.vault, &call)?;
        let batch = decoded::<IVault::requestRedeemCall>(&sent)?;
        Ok((sent, batch))
    }

    /// Settles the oldest batch; returns shares burned and assets set aside.
    pub fn settle(&mut self) -> Result<(Sent, IVault::settleReturn), NetworkError> {
        let sent = self
            .chain
            .invoke(people::KEEPER, self.at.vault, &IVault::settleCall {})?;
        let settled = decoded::<IVault::settleCall>(&sent)?;
        Ok((sent, settled))
    }

    /// Claims everything that `person` can claim; returns the assets.
    pub fn claim(&mut self, person: Address) -> Result<(Sent, U256), NetworkError> {
        let shares = self
            .chain
            .read(self.at.vault, &IVault::maxRedeemCall { controller: person })?;
        let call = IVault::redeemCall {
            shares,
            receiver: person,
            controller: person,
        };
        let sent = self.chain.invoke(person, self.at.vault, &call)?;
        let assets = decoded::<IVault::redeemCall>(&sent)?;
        Ok((sent, assets))
    }

    /// Deploys one more book like book 0 and adds it to the vault.
    ///
    /// The vault gives it at most `cap` asset units, and an `isolated` book none while it is in loss.
    pub fn add_book(&mut self, cap: U256, isolated: bool) -> Result<Address> {
        add_book(&mut self.chain, &self.artifacts, &self.config, &self.at, cap, isolated)
    }

    /// Moves idle assets into book 0.
    pub fn allocate(&mut self, assets: U256) -> Result<Sent, NetworkError> {
        self.allocate_to(self.at.book, assets)
    }

    /// Moves idle assets into a book.
    pub fn allocate_to(&mut self, book: Address, assets: U256) -> Result<Sent, NetworkError> {
        let call = IVault::allocateCall { book, assets };
        self.chain.invoke(people::ALLOCATOR, self.at.vault, &call)
    }

    /// What the rebalancer measures and would do now with book 0.
    pub fn assess(&mut self) -> Result<(Report, Decision), NetworkError> {
        self.assess_book(self.at.book)
    }

    /// What the rebalancer measures and would do now with a book.
    pub fn assess_book(&mut self, book: Address) -> Result<(Report, Decision), NetworkError> {
        let call = IRebalancer::assessCall { book };
        let answer = self.chain.read(self.at.rebalancer, &call)?;
        Ok((answer._0, answer._1))
    }

    /// A keeper's call for book 0.
    pub fn rebalance(&mut self) -> Result<(Sent, IRebalancer::Rebalanced), NetworkError> {
        self.rebalance_book(self.at.book)
    }

    /// A keeper's call for a book.
    pub fn rebalance_book(&mut self, book: Address) -> Result<(Sent, IRebalancer::Rebalanced), NetworkError> {
        let call = IRebalancer::rebalanceCall { book };
        let sent = self.chain.invoke(people::KEEPER, self.at.rebalancer, &call)?;
        let event = sole(sent.events::<IRebalancer::Rebalanced>(self.at.rebalancer))?;
        Ok((sent, event))
    }

    /// Pays for another year of every program.
    pub fn keep_alive(&mut self) -> Result<()> {
        for program in self.at.programs() {
            let receipt = self.chain.keep_alive(people::OWNER, program)?;
            anyhow::ensure!(receipt.success, "{program} cannot be kept alive");
        }
        Ok(())
    }

    /// The vault's three marks in units of the asset.
    pub fn marks(&mut self) -> Result<IVault::marksReturn, NetworkError> {
        self.chain.read(self.at.vault, &IVault::marksCall {})
    }

    /// The trade of a rebalance, as book 0 measured it.
    pub fn executed(&self, sent: &Sent) -> Result<IBook::PlanExecuted, NetworkError> {
        sole(sent.events::<IBook::PlanExecuted>(self.at.book))
    }
}

/// USDC or WBTC units that an arbitrageur may spend on one move; far above what any move needs.
const ARBITRAGE_BUDGET: U256 = U256::from_limbs([1 << 60, 0, 0, 0]);

fn decoded<C: SolCall>(sent: &Sent) -> Result<C::Return, NetworkError> {
    C::abi_decode_returns(&sent.output).map_err(|error| NetworkError::Malformed(error.to_string()))
}

fn sole<E: SolEvent>(mut events: Vec<E>) -> Result<E, NetworkError> {
    match (events.pop(), events.is_empty()) {
        (Some(event), true) => Ok(event),
        _ => Err(NetworkError::Malformed(format!("expected one {}", E::SIGNATURE))),
    }
}

/// How Gimbal is set up here: assets and feeds of vault and book, router and pool.
fn config(
    [asset, asset_feed]: [Address; 2],
    [underlying, underlying_feed]: [Address; 2],
    (router, pool): (Address, Address),
) -> Config {
    Config {
        roles: Roles {
            owner: people::OWNER,
            guardian: people::GUARDIAN,
            allocator: people::ALLOCATOR,
        },
        asset,
        asset_feed: Feed {
            aggregator: asset_feed,
            heartbeat_secs: 86_400,
            confidence_bps: 0,
            min_answer: 90_000_000,
            max_answer: 110_000_000,
        },
        underlying,
        underlying_feed: Feed {
            aggregator: underlying_feed,
            heartbeat_secs: 86_400,
            confidence_bps: 5,
            min_answer: DOLLAR_E8,
            max_answer: 10_000_000 * DOLLAR_E8,
        },
        router,
        pool,
        pool_fee: POOL_FEE,
        risk: vec![
            (ParamId::TargetWeight, i128::from(TARGET_BPS)),
            (ParamId::Band, i128::from(BAND_BPS)),
            (ParamId::BandKind, engine::params::BandKind::Fixed as i128),
            (ParamId::ExitCost, 10),
            (ParamId::MaxSlippage, 50),
            (ParamId::MinTrade, 1_000 * fixed::WAD),
        ],
        name: "Gimbal WBTC/USDC",
        symbol: "gUSDC",
        parameters: VaultParameters {
            deposit_cap: dollars(100_000_000),
            ..VaultParameters::default()
        },
        fee_recipient: Address::ZERO,
        book_cap: dollars(100_000_000),
        cache: true,
    }
}

/// Creates the WBTC/USDC pool and fills it over the full range.
fn seed_pool(chain: &mut Chain, uniswap: &UniswapV3, [wbtc, usdc]: [Address; 2], price_e8: u64) -> Result<Pool> {
    let wbtc_first = wbtc < usdc;
    let start = uniswap_v3::sqrt_price_x96(wbtc_first, U256::from(price_e8), DECIMALS).context("price out of range")?;
    let pool = uniswap.create_pool(chain, people::OWNER, [wbtc, usdc], POOL_FEE, start)?;
    for person in [people::MARKET_MAKER, people::ARBITRAGEUR] {
        for token in [wbtc, usdc] {
            simulated::mint(chain, people::OWNER, token, person, U256::from(u128::MAX >> 20))?;
        }
        uniswap.approve(chain, person, [wbtc, usdc])?;
    }
    let usdc_units = dollars(POOL_DOLLARS);
    let wbtc_units = usdc_units * U256::from(10_000_000_000_u64) / U256::from(price_e8);
    let (amount0, amount1) = if wbtc_first {
        (wbtc_units, usdc_units)
    } else {
        (usdc_units, wbtc_units)
    };
    let range = Range {
        lower: -FULL_RANGE,
        upper: FULL_RANGE,
        amount0,
        amount1,
    };
    uniswap.add_liquidity(chain, people::MARKET_MAKER, &pool, &range)?;
    Ok(pool)
}
