//! Invariants of `test/invariants.md`, checked against the chain after every step.

use super::ledger::{Holdings, Value};
use crate::world::{World, people};
use alloy_primitives::{Address, U256};
use anyhow::Result;
use interfaces::{IERC20, IVault};
use venues::Network;

/// Collects what broke.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// Broken invariants, with ids.
    pub broken: Vec<String>,
    /// Checks made.
    pub count: u64,
}

/// Balances that a refused call must leave alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    holdings: Holdings,
    supply: U256,
    reserve: U256,
}

/// Mid value per share as a fraction: value units over shares.
#[derive(Clone, Copy, Debug)]
pub(super) struct PerShare {
    value: U256,
    supply: U256,
}

impl Checks {
    /// Notes the outcome of one check.
    pub(super) fn expect(&mut self, id: &str, holds: bool, detail: impl FnOnce() -> String) {
        self.count += 1;
        if !holds {
            self.broken.push(format!("{id}: {}", detail()));
        }
    }

    /// INV-1 to INV-5 and INV-7.
    pub(super) fn state(&mut self, world: &mut World, expected: Value) -> Result<()> {
        let held = holdings(world)?.value(world.price_e8);
        self.expect("INV-1", held == expected, || {
            format!("held {}, accounted {}", held.exact(), expected.exact())
        });

        let marks = world.marks()?;
        self.expect(
            "INV-2",
            marks.navMin <= marks.navMid && marks.navMid <= marks.navMax,
            || format!("{} {} {}", marks.navMin, marks.navMid, marks.navMax),
        );

        let vault = world.at.vault;
        let balance = world.balance(world.usdc, vault)?;
        let idle = world.chain.read(vault, &IVault::idleCall {})?;
        let reserve = world.chain.read(vault, &IVault::claimReserveCall {})?;
        self.expect("INV-3", balance == idle + reserve, || {
            format!("balance {balance}, idle {idle}, reserve {reserve}")
        });

        let supply = world.chain.read(vault, &IVault::totalSupplyCall {})?;
        let mut owned = world.balance(vault, vault)?;
        let mut claimable = U256::ZERO;
        for person in people::DEPOSITORS {
            owned += world.balance(vault, person)?;
            claimable += world
                .chain
                .read(vault, &IVault::maxWithdrawCall { controller: person })?;
        }
        self.expect("INV-4", owned == supply, || format!("owned {owned}, supply {supply}"));
        self.expect("INV-5", claimable <= reserve, || {
            format!("claimable {claimable}, reserve {reserve}")
        });

        for token in [world.usdc, world.wbtc] {
            let allowance = allowance(world, token)?;
            self.expect("INV-7", allowance.is_zero(), || {
                format!("the router may move {allowance} of {token}")
            });
        }
        Ok(())
    }

    /// INV-8, given the value per share before and after somebody entered or left.
    ///
    /// Values are whole units of the asset, so the comparison allows for one unit of rounding.
    pub(super) fn fair(&mut self, before: PerShare, after: PerShare) {
        let unit = U256::from(1);
        let holds = before.supply.is_zero()
            || after.supply.is_zero()
            || (after.value + unit) * before.supply >= before.value * after.supply;
        self.expect("INV-8", holds, || format!("{before:?} then {after:?}"));
    }
}

/// What vault and book hold outside the claim reserve.
pub(super) fn holdings(world: &mut World) -> Result<Holdings> {
    let (vault, book) = (world.at.vault, world.at.book);
    let reserve = world.chain.read(vault, &IVault::claimReserveCall {})?;
    let usdc = world.balance(world.usdc, vault)? + world.balance(world.usdc, book)? - reserve;
    Ok(Holdings {
        usdc,
        wbtc: world.balance(world.wbtc, book)?,
    })
}

/// See [`Snapshot`].
pub(super) fn snapshot(world: &mut World) -> Result<Snapshot> {
    Ok(Snapshot {
        holdings: holdings(world)?,
        supply: world.chain.read(world.at.vault, &IVault::totalSupplyCall {})?,
        reserve: world.chain.read(world.at.vault, &IVault::claimReserveCall {})?,
    })
}

/// See [`PerShare`].
pub(super) fn per_share(world: &mut World) -> Result<PerShare> {
    let value = world.marks()?.navMid;
    let supply = world.chain.read(world.at.vault, &IVault::totalSupplyCall {})?;
    Ok(PerShare { value, supply })
}

fn allowance(world: &mut World, token: Address) -> Result<U256> {
    let (owner, spender) = (world.at.book, world.uniswap.router);
    Ok(world.chain.read(token, &IERC20::allowanceCall { owner, spender })?)
}
