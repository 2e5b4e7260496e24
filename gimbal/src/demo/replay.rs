//! Plays the history: market, depositors, allocator, keeper, in this order at every step.

use super::{
    checks::{self, Checks, Position},
    ledger::{Ledger, Trade, Value},
    record::{Hedge, Record, Step, Tally},
};
use crate::{
    market::Bar,
    world::{POOL_FEE, World, dollars, people},
};
use alloy_primitives::{Address, I256, U256};
use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use interfaces::{IRebalancer, IVault};
use std::path::Path;
use venues::{Network, NetworkError};

/// Something a depositor does once a share of the replay (in percent) has passed.
#[derive(Clone, Copy, Debug)]
enum Visit {
    /// Brings whole dollars.
    Deposit(Address, u64),
    /// Asks for a percentage of their shares back.
    Leave(Address, u64),
}

/// Who comes and goes when.
const VISITS: [(u64, Visit); 11] = [
    (0, Visit::Deposit(people::ALICE, 400_000)),
    (0, Visit::Deposit(people::BOB, 250_000)),
    (15, Visit::Deposit(people::CAROL, 150_000)),
    (30, Visit::Leave(people::BOB, 40)),
    (45, Visit::Deposit(people::DAVE, 300_000)),
    // Two thirds of the vault at once: more than its cash, so spot must be sold for them.
    (60, Visit::Leave(people::ALICE, 90)),
    (60, Visit::Leave(people::BOB, 100)),
    (60, Visit::Leave(people::CAROL, 100)),
    (75, Visit::Deposit(people::ERIN, 100_000)),
    (85, Visit::Leave(people::DAVE, 25)),
    (92, Visit::Leave(people::ALICE, 100)),
];

/// Steps between two calls of a keeper that does not ask first.
const IMPATIENCE: usize = 24;
/// How often the programs' year is renewed: half a year.
const KEEP_ALIVE_SECS: u64 = 182 * 86_400;
/// More accepted calls than any state can need in one step.
const MOST_CALLS: usize = 8;

struct Replay {
    world: World,
    ledger: Ledger,
    checks: Checks,
    tally: Tally,
    hedges: Vec<Hedge>,
    hedging: bool,
    /// When the programs' year began, in Unix seconds.
    kept_alive: u64,
}

/// Replays `bars`; with `hedging` the keeper calls `rebalance` whenever the contract says so.
pub(super) fn replay(root: &Path, bars: &[Bar], hedging: bool) -> Result<Record> {
    let first = bars.first().context("no prices")?;
    let world = World::new(root, first.timestamp, first.close_e8)?;
    let (ledger, checks, tally) = (Ledger::default(), Checks::default(), Tally::default());
    let mut replay = Replay {
        world,
        ledger,
        checks,
        tally,
        hedges: Vec::new(),
        hedging,
        kept_alive: first.timestamp,
    };
    let progress = ProgressBar::new(bars.len() as u64);
    progress.set_style(ProgressStyle::with_template(
        "replay {bar:40} {pos}/{len} steps, {eta} left  {msg}",
    )?);
    let mut steps = Vec::with_capacity(bars.len());
    for (index, bar) in bars.iter().enumerate() {
        let step = replay
            .step(index, bars.len(), bar)
            .with_context(|| format!("at {}", bar.timestamp))?;
        progress.set_message(format!("BTC {:.0}, value {:.0}", step.price, step.nav));
        progress.inc(1);
        steps.push(step);
    }
    progress.finish_and_clear();
    let held = checks::holdings(&mut replay.world)?.value(replay.world.price_e8);
    Ok(Record {
        hedged: hedging,
        steps,
        hedges: replay.hedges,
        tally: replay.tally,
        ledger: replay.ledger,
        held,
        broken: replay.checks.broken,
        checks: replay.checks.count,
    })
}

impl Replay {
    fn step(&mut self, index: usize, steps: usize, bar: &Bar) -> Result<Step> {
        self.market(bar)?;
        self.keep_alive()?;
        for (percent, visit) in VISITS {
            // The first step at or after the given share of the replay.
            let due = (steps as u64 * percent).div_ceil(100);
            if due == index as u64 {
                self.visit(visit)?;
            }
        }
        self.allocate()?;
        let (before, _) = self.world.assess()?;
        if self.hedging {
            self.hedge()?;
            if index.is_multiple_of(IMPATIENCE) {
                self.impatient()?;
            }
        }
        self.settle()?;
        self.checks.state(&mut self.world, self.ledger.expected())?;
        self.observe(bar, before.exposure.delta)
    }

    /// The market moves; what is held changes in value.
    fn market(&mut self, bar: &Bar) -> Result<()> {
        let before = checks::holdings(&mut self.world)?;
        let old = before.value(self.world.price_e8);
        self.world.chain.set_timestamp(bar.timestamp);
        self.world.set_price(bar.close_e8)?;
        self.ledger.price_moves += before.value(bar.close_e8) - old;
        Ok(())
    }

    /// Programs expire after a year: anyone can pay for another one.
    fn keep_alive(&mut self) -> Result<()> {
        if self.world.chain.timestamp() >= self.kept_alive + KEEP_ALIVE_SECS {
            self.world.keep_alive()?;
            self.kept_alive = self.world.chain.timestamp();
        }
        Ok(())
    }

    fn visit(&mut self, visit: Visit) -> Result<()> {
        match visit {
            Visit::Deposit(person, whole) => {
                let assets = dollars(whole);
                self.world.fund(person, assets)?;
                let before = checks::per_share(&mut self.world)?;
                let owned = self.world.balance(self.world.usdc, person)?;
                let (sent, _) = self.world.deposit(person, assets)?;
                self.tally.spent("deposit", sent.gas_used);
                self.ledger.deposits += Value::usdc(owned - self.world.balance(self.world.usdc, person)?);
                let after = checks::per_share(&mut self.world)?;
                self.checks.fair(before, after);
            }
            Visit::Leave(person, percent) => {
                let owned = self.world.balance(self.world.at.vault, person)?;
                let (sent, _) = self
                    .world
                    .request(person, owned * U256::from(percent) / U256::from(100))?;
                self.tally.spent("requestRedeem", sent.gas_used);
            }
        }
        Ok(())
    }

    /// Everything idle that no leaver waits for goes to work.
    fn allocate(&mut self) -> Result<()> {
        let vault = self.world.at.vault;
        let idle = self.world.chain.read(vault, &IVault::idleCall {})?;
        let waiting = self.world.balance(vault, vault)?;
        if !idle.is_zero() && waiting.is_zero() {
            let sent = self.world.allocate(idle)?;
            self.tally.spent("allocate", sent.gas_used);
        }
        Ok(())
    }

    /// Calls `rebalance` for as long as the contract asks for it.
    fn hedge(&mut self) -> Result<()> {
        for _ in 0..MOST_CALLS {
            let (_, decision) = self.world.assess()?;
            if decision.rule.is_zero() {
                return Ok(());
            }
            match self.rebalance() {
                Err(error) if disturbed(&error) => {
                    // The book's own trade has pushed the pool: the next part waits for the arbitrageurs.
                    self.tally.refuse("VenueDisturbed");
                    self.world.set_price(self.world.price_e8)?;
                }
                done => done?,
            }
        }
        bail!("the contract still asks for action after {MOST_CALLS} calls")
    }

    fn rebalance(&mut self) -> Result<()> {
        let before = Position::of(&mut self.world)?;
        let (sent, event) = self.world.rebalance()?;
        let after = Position::of(&mut self.world)?;
        let trade = Trade::between(&before.book, &after.book);
        self.ledger.trade(&trade, self.world.price_e8, POOL_FEE);
        self.tally.spent("rebalance", sent.gas_used);
        self.checks.rebalanced(&before, &after, event.rule, self.world.price_e8);
        let traded = if trade.sold_wbtc {
            trade.amount_out
        } else {
            trade.amount_in
        };
        self.hedges.push(Hedge {
            timestamp: self.world.chain.timestamp(),
            rule: event.rule,
            before: wad(event.deltaBefore),
            after: wad(event.deltaAfter),
            traded: Value::usdc(traded).dollars(),
            cost: wad(event.costWad),
        });
        Ok(())
    }

    /// A keeper that calls without asking: refused, and nothing moves.
    fn impatient(&mut self) -> Result<()> {
        let before = checks::snapshot(&mut self.world)?;
        match self.world.rebalance() {
            Ok(_) => bail!("rebalance acted although the contract had nothing to do"),
            Err(error) if error.decode::<IRebalancer::NothingToDo>().is_some() => self.tally.refuse("NothingToDo"),
            Err(error) => return Err(error.into()),
        }
        let after = checks::snapshot(&mut self.world)?;
        self.checks
            .expect("INV-10", before == after, || format!("{before:?} became {after:?}"));
        Ok(())
    }

    /// Settles a batch whose cut-off has passed; its people claim at once.
    fn settle(&mut self) -> Result<()> {
        let next = self.world.chain.read(self.world.at.vault, &IVault::nextBatchCall {})?;
        if next.sharesLeft.is_zero() || next.cutOff > U256::from(self.world.chain.timestamp()) {
            return Ok(());
        }
        let before = checks::per_share(&mut self.world)?;
        let sent = match self.world.settle() {
            Err(error) if error.decode::<IVault::PoolDisturbed>().is_some() => {
                // So does a settlement.
                self.tally.refuse("PoolDisturbed");
                self.world.set_price(self.world.price_e8)?;
                self.world.settle()?.0
            }
            settled => settled?.0,
        };
        self.tally.spent("settle", sent.gas_used);
        let after = checks::per_share(&mut self.world)?;
        self.checks.fair(before, after);
        for person in people::DEPOSITORS {
            let claimable = self
                .world
                .chain
                .read(self.world.at.vault, &IVault::maxRedeemCall { controller: person })?;
            if !claimable.is_zero() {
                let owned = self.world.balance(self.world.usdc, person)?;
                let (sent, _) = self.world.claim(person)?;
                self.tally.spent("redeem (claim)", sent.gas_used);
                self.ledger.payouts += Value::usdc(self.world.balance(self.world.usdc, person)? - owned);
            }
        }
        Ok(())
    }

    fn observe(&mut self, bar: &Bar, delta_before: I256) -> Result<Step> {
        let (report, decision) = self.world.assess()?;
        let vault = self.world.at.vault;
        let one_share = U256::from(10).pow(U256::from(18));
        let share = self
            .world
            .chain
            .read(vault, &IVault::convertToAssetsCall { shares: one_share })?;
        let nav = self.world.marks()?.navMid;
        let price = f64::from(u32::try_from(bar.close_e8 / 1_000_000)?) / 100.0;
        let (delta, target, equity) = (
            wad(report.exposure.delta),
            wad(decision.deltaTarget),
            wad(report.navMid),
        );
        Ok(Step {
            timestamp: bar.timestamp,
            price,
            nav: Value::usdc(nav).dollars(),
            share_price: Value::usdc(share).dollars(),
            delta_before: wad(delta_before),
            delta,
            target,
            lower: wad(decision.lower),
            upper: wad(decision.upper),
            net_leverage: wad(report.netLeverage),
            gross_leverage: wad(report.grossLeverage),
            tracking_error: if equity > 0.0 {
                (delta - target).abs() * price / equity
            } else {
                0.0
            },
        })
    }
}

/// A signed number with 18 decimals, for plots and tables.
fn wad(value: I256) -> f64 {
    value
        .to_string()
        .parse::<f64>()
        .map_or(f64::NAN, |number| number / 1e18)
}

/// Whether a trade was refused because the pool is too far from the oracle.
fn disturbed(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<NetworkError>()
        .is_some_and(|error| error.decode::<IRebalancer::VenueDisturbed>().is_some())
}
