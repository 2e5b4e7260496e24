//! Other futures of the same moment: clones of the scene in which everybody leaves, or somebody tries to gain.

use crate::{
    action,
    perform::perform,
    rng::Rng,
    scene::{Honesty, Recall, Scene},
    snap::{Snap, view},
    spec::{self, GRACE},
};
use alloy_primitives::{Address, U256, address};
use alloy_sol_types::SolCall;
use gimbal::world::people;
use interfaces::{IERC20, IVault};
use venues::NetworkError;

/// Somebody new, who comes and goes.
const PASSENGER: Address = address!("0000000000000000000000000000000000bb0005");
/// Batches that a future waits for at most.
const PATIENCE: usize = 12;

/// Whatever is broken, everybody can leave and gets at least the part of what can be measured.
///
/// Every scripted book fails, refuses and burns gas, and the price feed is dead: what is left is idle assets and books
/// that hold only the asset.
pub(crate) fn everybody_leaves(scene: &Scene, rng: &mut Rng) -> Result<(), String> {
    let mut scene = scene.clone();
    for (book, script) in scene.scripts.clone() {
        let mut broken = script;
        broken.marks = rng.pick(&Honesty::FAILURES);
        broken.recall = rng.pick(&[Recall::Refuse, Recall::BurnGas, Recall::LongRevert]);
        scene.tell(book, broken).map_err(|error| format!("a script: {error}"))?;
    }
    scene.kill_feed()?;
    drain(&mut scene)?;
    let vault = scene.world.at.vault;
    let mut leavers = Vec::new();
    for person in scene.people.clone() {
        claim_all(&mut scene, person)?;
        let shares = view(
            &mut scene.world.chain,
            vault,
            &IVault::balanceOfCall { account: person },
        )?;
        let pending = pending(&mut scene, person)?;
        if shares.is_zero() || !pending.is_zero() {
            continue;
        }
        let call = IVault::requestRedeemCall {
            shares,
            controller: person,
            owner: person,
        };
        act(&mut scene, person, vault, &call).map_err(|error| format!("INV-15: {person} cannot request: {error}"))?;
        leavers.push((person, shares));
    }
    let Some((_, cut_off, _)) = oldest(&mut scene)? else {
        return Ok(());
    };
    wait_until(&mut scene, cut_off + GRACE);
    // What the settlement will see.
    let seen = view(
        &mut scene.world.chain,
        vault,
        &IVault::overviewCall { account: Address::ZERO },
    )?
    ._0;
    let [min, supply] = [seen.navMin, seen.supply + seen.pendingFees];
    drain(&mut scene)?;
    for (person, shares) in leavers {
        let due = spec::assets_for_shares(shares, min, supply).unwrap_or_default();
        let got = claim_all(&mut scene, person)?;
        // One unit for the batch, one for the request.
        if got + U256::from(3) < due {
            return Err(format!(
                "INV-15: {person} left with {got}, its part of what can be measured was {due}"
            ));
        }
    }
    Ok(())
}

/// Nobody gains by coming and going, whatever others do meanwhile: no price moves, no gifts.
pub(crate) fn somebody_passes_through(scene: &Scene, rng: &mut Rng) -> Result<Option<(U256, U256)>, String> {
    let mut scene = scene.clone();
    let vault = scene.world.at.vault;
    let purse = U256::from(1 + rng.below(3_000_000_000_000));
    scene.world.chain.deal(PASSENGER, U256::from(10).pow(U256::from(24)));
    scene
        .world
        .fund(PASSENGER, purse)
        .map_err(|error| format!("a purse: {error:#}"))?;
    let deposit = IVault::depositCall {
        assets: purse,
        receiver: PASSENGER,
    };
    if scene.send(PASSENGER, vault, &deposit).is_err() {
        return Ok(None);
    }
    meanwhile(&mut scene, rng)?;
    let shares = view(
        &mut scene.world.chain,
        vault,
        &IVault::balanceOfCall { account: PASSENGER },
    )?;
    let call = IVault::requestRedeemCall {
        shares,
        controller: PASSENGER,
        owner: PASSENGER,
    };
    act(&mut scene, PASSENGER, vault, &call).map_err(|error| format!("INV-15: a passenger cannot request: {error}"))?;
    meanwhile(&mut scene, rng)?;
    let rounds = drain_as(&mut scene, true)?;
    let token = scene.world.usdc;
    claim_all(&mut scene, PASSENGER)?;
    let got = view(
        &mut scene.world.chain,
        token,
        &IERC20::balanceOfCall { account: PASSENGER },
    )?;
    // Each settlement of others may leave less than a unit to everybody who stays.
    if got > purse + U256::from(rounds) {
        return Err(format!(
            "INV-23: a passenger came with {purse} and left with {got}, after {rounds} settlements"
        ));
    }
    Ok(Some((purse, got)))
}

/// Others come, go and move shares. They only come where coming is free: what they pay for it is everybody's.
fn meanwhile(scene: &mut Scene, rng: &mut Rng) -> Result<(), String> {
    for _ in 0..rng.below(4) {
        let snap = Snap::take(scene)?;
        let name = rng.pick(&[
            "Request",
            "Transfer",
            "Settle",
            "Redeem",
            "AccrueFees",
            "Allocate",
            "Deposit",
            "Mint",
        ]);
        if matches!(name, "Deposit" | "Mint") && !snap.parameters[2].is_zero() {
            continue;
        }
        let other = action::named(scene, &snap, rng, name);
        // The ledger does not follow: it belongs to the present.
        let _ = perform(scene, &other)?;
    }
    Ok(())
}

fn oldest(scene: &mut Scene) -> Result<Option<(U256, u64, U256)>, String> {
    let next = view(&mut scene.world.chain, scene.world.at.vault, &IVault::nextBatchCall {})?;
    let cut_off = next.cutOff.to::<u64>();
    Ok((!next.batchId.is_zero()).then_some((next.batchId, cut_off, next.sharesLeft)))
}

fn wait_until(scene: &mut Scene, time: u64) {
    let now = scene.world.chain.timestamp();
    scene.warp(time.saturating_sub(now));
}

/// Settles batch after batch once each is overdue.
fn drain(scene: &mut Scene) -> Result<u64, String> {
    drain_as(scene, false)
}

/// As `drain`; while prices are published, as soon as possible.
fn drain_as(scene: &mut Scene, publish: bool) -> Result<u64, String> {
    let vault = scene.world.at.vault;
    let mut rounds = 0;
    for _ in 0..PATIENCE {
        let Some((id, cut_off, _)) = oldest(scene)? else { break };
        wait_until(scene, if publish { cut_off } else { cut_off + GRACE });
        if publish && scene.feed_alive {
            scene.price(scene.world.price_e8, true)?;
        }
        let seen = view(
            &mut scene.world.chain,
            vault,
            &IVault::overviewCall { account: Address::ZERO },
        )?
        ._0;
        let left = seen.oldestSharesLeft;
        let owed = spec::assets_for_shares(left, seen.navMin, seen.supply + seen.pendingFees).unwrap_or_default();
        let settled = scene.send(people::KEEPER, vault, &IVault::settleCall {});
        match settled {
            Ok(_) => rounds += 1,
            // Nothing that can be measured is left for them, or nothing is liquid.
            Err(error) if publish || owed.is_zero() => {
                let _: NetworkError = error;
                break;
            }
            Err(error) => {
                return Err(format!(
                    "INV-15: batch {id} cannot be settled: {}",
                    crate::perform::reason(&error)
                ));
            }
        }
    }
    Ok(rounds)
}

fn pending(scene: &mut Scene, person: Address) -> Result<U256, String> {
    let vault = scene.world.at.vault;
    let seen = view(&mut scene.world.chain, vault, &IVault::overviewCall { account: person })?._0;
    Ok(seen.pendingShares)
}

/// Claims what can be claimed; returns the assets.
fn claim_all(scene: &mut Scene, person: Address) -> Result<U256, String> {
    let vault = scene.world.at.vault;
    let shares = view(
        &mut scene.world.chain,
        vault,
        &IVault::maxRedeemCall { controller: person },
    )?;
    let assets = view(
        &mut scene.world.chain,
        vault,
        &IVault::maxWithdrawCall { controller: person },
    )?;
    if shares.is_zero() || assets.is_zero() {
        return Ok(U256::ZERO);
    }
    let call = IVault::redeemCall {
        shares,
        receiver: person,
        controller: person,
    };
    act(scene, person, vault, &call).map_err(|error| format!("INV-15: {person} cannot claim: {error}"))?;
    Ok(assets)
}

/// A call of anyone, the batcher included.
fn act<C: SolCall>(scene: &mut Scene, from: Address, to: Address, call: &C) -> Result<(), NetworkError> {
    if from == scene.batcher {
        return scene.together(&[(to, call.abi_encode())]).map(drop);
    }
    scene.send(from, to, call).map(drop)
}
