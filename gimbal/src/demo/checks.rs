//! Invariants of `test/invariants.md`, checked against the chain after every step.

use super::ledger::{Holdings, Value};
use crate::world::{BAND_BPS, TARGET_BPS, World, people};
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

/// The book's tokens, and what the redemption queue needs beyond idle assets, in units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    pub(super) book: Holdings,
    needed: U256,
}

impl Position {
    pub(super) fn of(world: &mut World) -> Result<Self> {
        let needed = world
            .chain
            .read(world.at.vault, &IVault::liquidityNeededCall { book: world.at.book })?;
        Ok(Self {
            book: holdings_of(world, world.at.book)?,
            needed,
        })
    }

    /// What the queue lacks in cash.
    fn shortage(&self) -> U256 {
        self.needed.saturating_sub(self.book.usdc)
    }
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

    /// INV-6 and INV-9 after an accepted rebalance by `rule`, from balances, the price and the configuration alone.
    pub(super) fn rebalanced(&mut self, before: &Position, after: &Position, rule: u8, price_e8: u64) {
        let spot = Value::wbtc(after.book.wbtc, price_e8);
        let equity = after.book.value(price_e8);
        self.expect("INV-9", spot <= equity, || {
            format!("spot {} of {}", spot.exact(), equity.exact())
        });
        let (was, is) = (before.shortage(), after.shortage());
        self.expect("INV-6", is <= was, || format!("the queue lacked {was}, now {is}"));
        if rule == 6 {
            // One unit of WBTC and a millionth of a dollar for the roundings of band and trade.
            let slack = Value::wbtc(U256::from(1), price_e8) + Value::usdc(U256::from(1));
            let staying = equity - Value::usdc(after.needed);
            let distance = spot - staying.share(TARGET_BPS);
            let distance = if distance < Value::default() {
                -distance
            } else {
                distance
            };
            let width = staying.share(BAND_BPS) + slack;
            self.expect("INV-6", distance <= width, || {
                format!("{} from the target, band {}", distance.exact(), width.exact())
            });
        }
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

/// Everything that vault and book hold, claim reserve included: token balances only, nothing that Gimbal says of itself.
pub(super) fn holdings(world: &mut World) -> Result<Holdings> {
    let vault = holdings_of(world, world.at.vault)?;
    let book = holdings_of(world, world.at.book)?;
    Ok(Holdings {
        usdc: vault.usdc + book.usdc,
        wbtc: vault.wbtc + book.wbtc,
    })
}

fn holdings_of(world: &mut World, account: Address) -> Result<Holdings> {
    Ok(Holdings {
        usdc: world.balance(world.usdc, account)?,
        wbtc: world.balance(world.wbtc, account)?,
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
