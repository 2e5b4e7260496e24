//! Stand-ins that only a development chain needs: tokens anyone may mint, and a feed that replays prices.

use crate::{Artifacts, Error, Network};
use alloy_primitives::{Address, I256, U256};
use interfaces::{IPriceFeed, ITestToken};

/// Deploys a token with open minting.
pub fn token(
    network: &mut impl Network,
    artifacts: &Artifacts,
    from: Address,
    name: &str,
    symbol: &str,
    decimals: u8,
) -> Result<Address, Error> {
    let code = artifacts.compiled("TestToken")?.code()?;
    let arguments = ITestToken::constructorCall {
        name: name.to_owned(),
        symbol: symbol.to_owned(),
        decimals,
    };
    Ok(network.deploy(from, &code, &arguments)?)
}

/// Creates `value` units of a test token for `to`.
pub fn mint(network: &mut impl Network, from: Address, token: Address, to: Address, value: U256) -> Result<(), Error> {
    network.invoke(from, token, &ITestToken::mintCall { to, value })?;
    Ok(())
}

/// Deploys a feed; `from` becomes its owner.
pub fn feed(
    network: &mut impl Network,
    artifacts: &Artifacts,
    from: Address,
    description: &str,
    decimals: u8,
) -> Result<Address, Error> {
    let code = artifacts.compiled("PriceFeed")?.code()?;
    let arguments = IPriceFeed::constructorCall {
        description: description.to_owned(),
        decimals,
    };
    Ok(network.deploy(from, &code, &arguments)?)
}

/// Completes a new round of `feed` with `answer`, as of now.
pub fn publish(network: &mut impl Network, from: Address, feed: Address, answer: I256) -> Result<(), Error> {
    let updated_at = U256::from(network.now()?);
    network.invoke(
        from,
        feed,
        &IPriceFeed::setAnswerCall {
            answer,
            updatedAt: updated_at,
        },
    )?;
    Ok(())
}
