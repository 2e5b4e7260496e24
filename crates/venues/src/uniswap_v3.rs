//! Uniswap v3: core, periphery and the router, from the bytecode of their npm packages.

use crate::{Artifacts, Error, Network};
use alloy_primitives::{
    Address, B256, U256,
    aliases::{I24, U24, U160},
};
use alloy_sol_types::SolValue;
use interfaces::{IERC20, INonfungiblePositionManager, ISwapRouter02, IUniswapV3Factory, IUniswapV3Pool};

const CORE: &str = "@uniswap/v3-core/artifacts/contracts/";
const PERIPHERY: &str = "@uniswap/v3-periphery/artifacts/contracts/";
const ROUTER: &str = "@uniswap/swap-router-contracts/artifacts/contracts/SwapRouter02.sol/SwapRouter02.json";
const WETH9: &str = "@uniswap/v2-periphery/build/WETH9.json";

/// Far enough in the future for any replay.
const DEADLINE: u64 = 100_000_000_000;

/// Addresses of a deployed Uniswap v3.
#[derive(Clone, Copy, Debug)]
pub struct UniswapV3 {
    /// Wrapped native token.
    pub weth: Address,
    /// Pool factory.
    pub factory: Address,
    /// Position manager.
    pub position_manager: Address,
    /// SwapRouter02.
    pub router: Address,
}

/// A pool and its tokens in their sorted order.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// Address.
    pub address: Address,
    /// Token with the smaller address.
    pub token0: Address,
    /// The other token.
    pub token1: Address,
    /// Fee in hundredths of a basis point.
    pub fee: u32,
}

/// Liquidity to add to a pool, between two ticks.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// Lower tick, a multiple of the pool's spacing.
    pub lower: i32,
    /// Upper tick, a multiple of the pool's spacing.
    pub upper: i32,
    /// Most of token 0 to add, in units.
    pub amount0: U256,
    /// Most of token 1 to add, in units.
    pub amount1: U256,
}

/// Deploys all of it.
pub fn deploy(network: &mut impl Network, artifacts: &Artifacts, from: Address) -> Result<UniswapV3, Error> {
    let mut create = |path: &str, arguments: Vec<u8>, libraries: &[(&str, Address)]| -> Result<Address, Error> {
        let code = artifacts.package(path)?.link(libraries)?;
        Ok(network.create(from, [code, arguments].concat())?)
    };
    let weth = create(WETH9, vec![], &[])?;
    let factory = create(
        &format!("{CORE}UniswapV3Factory.sol/UniswapV3Factory.json"),
        vec![],
        &[],
    )?;
    let library = create(
        &format!("{PERIPHERY}libraries/NFTDescriptor.sol/NFTDescriptor.json"),
        vec![],
        &[],
    )?;
    let mut label = B256::ZERO;
    label[..3].copy_from_slice(b"ETH");
    let descriptor = create(
        &format!("{PERIPHERY}NonfungibleTokenPositionDescriptor.sol/NonfungibleTokenPositionDescriptor.json"),
        (weth, label).abi_encode_params(),
        &[("NFTDescriptor", library)],
    )?;
    let position_manager = create(
        &format!("{PERIPHERY}NonfungiblePositionManager.sol/NonfungiblePositionManager.json"),
        (factory, weth, descriptor).abi_encode_params(),
        &[],
    )?;
    // SwapRouter02 also routes through v2, which is not deployed here.
    let router = create(
        ROUTER,
        (Address::ZERO, factory, position_manager, weth).abi_encode_params(),
        &[],
    )?;
    Ok(UniswapV3 {
        weth,
        factory,
        position_manager,
        router,
    })
}

impl UniswapV3 {
    /// Creates and initialises a pool at `sqrt_price_x96`.
    pub fn create_pool(
        &self,
        network: &mut impl Network,
        from: Address,
        tokens: [Address; 2],
        fee: u32,
        sqrt_price_x96: U256,
    ) -> Result<Pool, Error> {
        let [token0, token1] = sorted(tokens);
        let call = INonfungiblePositionManager::createAndInitializePoolIfNecessaryCall {
            token0,
            token1,
            fee: U24::from(fee),
            sqrtPriceX96: U160::from(sqrt_price_x96),
        };
        network.invoke(from, self.position_manager, &call)?;
        let get = IUniswapV3Factory::getPoolCall {
            tokenA: token0,
            tokenB: token1,
            fee: U24::from(fee),
        };
        let address = network.read(self.factory, &get)?;
        Ok(Pool {
            address,
            token0,
            token1,
            fee,
        })
    }

    /// Adds liquidity owned by `from`, which must hold and have approved both tokens.
    pub fn add_liquidity(
        &self,
        network: &mut impl Network,
        from: Address,
        pool: &Pool,
        range: &Range,
    ) -> Result<u128, Error> {
        let call = INonfungiblePositionManager::mintCall {
            params: INonfungiblePositionManager::MintParams {
                token0: pool.token0,
                token1: pool.token1,
                fee: U24::from(pool.fee),
                tickLower: tick(range.lower)?,
                tickUpper: tick(range.upper)?,
                amount0Desired: range.amount0,
                amount1Desired: range.amount1,
                amount0Min: U256::ZERO,
                amount1Min: U256::ZERO,
                recipient: from,
                deadline: U256::from(DEADLINE),
            },
        };
        let sent = network.invoke(from, self.position_manager, &call)?;
        let minted =
            <INonfungiblePositionManager::mintCall as alloy_sol_types::SolCall>::abi_decode_returns(&sent.output)?;
        Ok(minted.liquidity)
    }

    /// Lets the position manager and the router spend `from`'s tokens.
    pub fn approve(&self, network: &mut impl Network, from: Address, tokens: [Address; 2]) -> Result<(), Error> {
        for token in tokens {
            for spender in [self.position_manager, self.router] {
                network.invoke(
                    from,
                    token,
                    &IERC20::approveCall {
                        spender,
                        value: U256::MAX,
                    },
                )?;
            }
        }
        Ok(())
    }

    /// Trades `from`'s tokens until the pool stands at `sqrt_price_x96`: what an arbitrageur does.
    ///
    /// `budget` bounds the tokens spent, in units of whichever token is sold.
    pub fn move_price(
        &self,
        network: &mut impl Network,
        from: Address,
        pool: &Pool,
        sqrt_price_x96: U256,
        budget: U256,
    ) -> Result<(), Error> {
        let current = U256::from(network.read(pool.address, &IUniswapV3Pool::slot0Call {})?.sqrtPriceX96);
        if current == sqrt_price_x96 {
            return Ok(());
        }
        let falling = sqrt_price_x96 < current;
        let (sold, bought) = if falling {
            (pool.token0, pool.token1)
        } else {
            (pool.token1, pool.token0)
        };
        let call = ISwapRouter02::exactInputSingleCall {
            params: ISwapRouter02::ExactInputSingleParams {
                tokenIn: sold,
                tokenOut: bought,
                fee: U24::from(pool.fee),
                recipient: from,
                amountIn: budget,
                amountOutMinimum: U256::ZERO,
                sqrtPriceLimitX96: U160::from(sqrt_price_x96),
            },
        };
        network.invoke(from, self.router, &call)?;
        Ok(())
    }
}

fn tick(tick: i32) -> Result<I24, Error> {
    I24::try_from(tick).map_err(|_| Error::Tick(tick))
}

fn sorted([a, b]: [Address; 2]) -> [Address; 2] {
    if a < b { [a, b] } else { [b, a] }
}

impl Pool {
    /// √(token1 per token0)·2⁹⁶, rounded down, when one whole `base` costs `price_e8`·10⁻⁸ whole units
    /// of the other token.
    ///
    /// `decimals` are those of the base and of the other token. `None` when out of range.
    pub fn sqrt_price_x96(&self, base: Address, price_e8: U256, decimals: [u8; 2]) -> Option<U256> {
        sqrt_price_x96(base == self.token0, price_e8, decimals)
    }
}

/// See [`Pool::sqrt_price_x96`]; for a pool that does not exist yet.
pub fn sqrt_price_x96(base_is_token0: bool, price_e8: U256, [base, quote]: [u8; 2]) -> Option<U256> {
    let power = |n: u8| U256::from(10).checked_pow(U256::from(n));
    let quote_units = price_e8.checked_mul(power(quote)?)?;
    let base_units = power(base)?.checked_mul(power(8)?)?;
    let (above, below) = if base_is_token0 {
        (quote_units, base_units)
    } else {
        (base_units, quote_units)
    };
    let shifted = above.checked_mul(U256::from(1) << 192)?;
    Some(shifted.checked_div(below)?.root(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqrt_price_x96_of_either_order_is_reciprocal() {
        let price = U256::from(6_400_u64 * 100_000_000);
        let a = sqrt_price_x96(true, price, [8, 6]).unwrap();
        let b = sqrt_price_x96(false, price, [8, 6]).unwrap();
        // WBTC is token 0: 64 units of USDC per unit of WBTC, so the root is 8.
        assert_eq!(a, U256::from(8) << 96);
        assert_eq!(b, U256::from(1) << 93);
    }

    #[test]
    fn sqrt_price_x96_of_zero_price_has_no_reciprocal() {
        assert_eq!(sqrt_price_x96(false, U256::ZERO, [8, 6]), None);
    }
}
