//! Doing what was chosen.

use crate::{
    action::{Action, Setter},
    scene::{IBatcher, IScripted, NOWHERE, STRANGER, Scene},
    snap::view,
};
use alloy_primitives::{Address, B256, Bytes, FixedBytes, I256, U256};
use alloy_sol_types::{SolCall, SolError};
use gimbal::world::people;
use interfaces::{IBook, IERC20, IGovernor, IOracle, IRebalancer, IRisk, ITestToken, IVault, Plan};
use venues::{Network, NetworkError};

/// Whether it went through, or why not.
pub(crate) type Done = Result<(), NetworkError>;

/// Does it. An outer error is a failure of the stage, not of the system.
#[expect(clippy::too_many_lines, reason = "one arm per action")]
pub(crate) fn perform(scene: &mut Scene, action: &Action) -> Result<Done, String> {
    let vault = scene.world.at.vault;
    let done = match *action {
        Action::Deposit { who, receiver, assets } => scene
            .send(who, vault, &IVault::depositCall { assets, receiver })
            .map(drop),
        Action::DepositWithMin { who, assets, extra } => {
            let preview = scene.world.chain.read(vault, &IVault::previewDepositCall { assets });
            let min = preview.unwrap_or_default() + U256::from(u8::from(extra));
            let call = IVault::depositWithMinCall {
                assets,
                receiver: who,
                minShares: min,
            };
            scene.send(who, vault, &call).map(drop)
        }
        Action::Mint { who, receiver, shares } => {
            scene.send(who, vault, &IVault::mintCall { shares, receiver }).map(drop)
        }
        Action::Request {
            sender,
            controller,
            owner,
            shares,
        } => scene
            .send(
                sender,
                vault,
                &IVault::requestRedeemCall {
                    shares,
                    controller,
                    owner,
                },
            )
            .map(drop),
        Action::WithdrawRequest {
            sender,
            controller,
            receiver,
            shares,
        } => scene
            .send(
                sender,
                vault,
                &IVault::withdrawRequestCall {
                    shares,
                    receiver,
                    controller,
                },
            )
            .map(drop),
        Action::Settle => scene.send(people::KEEPER, vault, &IVault::settleCall {}).map(drop),
        Action::Redeem {
            sender,
            controller,
            receiver,
            shares,
        } => scene
            .send(
                sender,
                vault,
                &IVault::redeemCall {
                    shares,
                    receiver,
                    controller,
                },
            )
            .map(drop),
        Action::Withdraw {
            sender,
            controller,
            receiver,
            assets,
        } => scene
            .send(
                sender,
                vault,
                &IVault::withdrawCall {
                    assets,
                    receiver,
                    controller,
                },
            )
            .map(drop),
        Action::Transfer { from, to, value } => scene.send(from, vault, &IVault::transferCall { to, value }).map(drop),
        Action::Approve { owner, spender, value } => scene
            .send(owner, vault, &IVault::approveCall { spender, value })
            .map(drop),
        Action::TransferFrom {
            spender,
            from,
            to,
            value,
        } => scene
            .send(spender, vault, &IVault::transferFromCall { from, to, value })
            .map(drop),
        Action::SetOperator {
            controller,
            operator,
            approved,
        } => scene
            .send(controller, vault, &IVault::setOperatorCall { operator, approved })
            .map(drop),
        Action::Price { price_e8, follow } => Ok(scene.price(price_e8, follow)?),
        Action::KillFeed => Ok(scene.kill_feed()?),
        Action::Tell { book, script } => scene.tell(book, script).map(drop),
        Action::Lose { book, assets } => scene
            .send(STRANGER, book, &IScripted::spendCall { assets, to: NOWHERE })
            .map(drop),
        Action::Invest { book, back } => invest(scene, book, back),
        Action::DonateToBook { book, assets } => mint(scene, book, assets),
        Action::DonateToVault { assets } => mint(scene, vault, assets),
        Action::Sweep => scene.send(STRANGER, vault, &IVault::sweepCall {}).map(drop),
        Action::Allocate { book, assets } => scene
            .send(people::ALLOCATOR, vault, &IVault::allocateCall { book, assets })
            .map(drop),
        Action::Recall { book, assets } => scene
            .send(people::ALLOCATOR, vault, &IVault::recallCall { book, assets })
            .map(drop),
        Action::RealizeLoss { book } => scene.govern(vault, &IVault::realizeLossCall { book }).map(drop),
        Action::Warp { secs, publish } => {
            scene.warp(secs);
            if publish && scene.feed_alive {
                scene.price(scene.world.price_e8, true)?;
            }
            Ok(())
        }
        Action::Rebalance { book } => {
            let rebalancer = scene.world.at.rebalancer;
            let traded = scene
                .send(people::KEEPER, rebalancer, &IRebalancer::rebalanceCall { book })
                .map(drop);
            if traded.is_ok() {
                no_approvals(scene, book)?;
            }
            traded
        }
        Action::AccrueFees => scene.send(STRANGER, vault, &IVault::accrueFeesCall {}).map(drop),
        Action::SetParameter { by, id, value } => by_setter(scene, by, &IVault::setParameterCall { id, value }),
        Action::SetFeeRecipient { to } => scene
            .govern(vault, &IVault::setFeeRecipientCall { feeRecipient: to })
            .map(drop),
        Action::SetBookCap { by, book, cap } => by_setter(scene, by, &IVault::setBookCapCall { book, cap }),
        Action::AddBook { book, cap, isolated } => scene
            .govern(vault, &IVault::addBookCall { book, cap, isolated })
            .map(drop),
        Action::RemoveBook { book } => scene.govern(vault, &IVault::removeBookCall { book }).map(drop),
        Action::BuyOut { book } => scene.send(STRANGER, vault, &IVault::buyOutCall { book }).map(drop),
        Action::ClaimRest {
            pocket,
            batch,
            controller,
            sender,
            receiver,
        } => {
            let (pocket, request_id) = (U256::from(pocket), U256::from(batch));
            let call = IVault::claimRestCall {
                pocket,
                requestId: request_id,
                receiver,
                controller,
            };
            scene.send(sender, vault, &call).map(drop)
        }
        Action::Bundle {
            claim,
            donation,
            assets,
            shares,
            request,
        } => bundle(scene, claim, donation, assets, shares, request),
        Action::Trespass { which, book } => trespass(scene, which, book),
    };
    Ok(done)
}

fn mint(scene: &mut Scene, to: Address, value: U256) -> Done {
    let token = scene.world.usdc;
    scene
        .send(STRANGER, token, &ITestToken::mintCall { to, value })
        .map(drop)
}

fn invest(scene: &mut Scene, book: Address, back: bool) -> Done {
    let mut script = scene.scripts[&book];
    if back {
        let value = script.position;
        script.position = U256::ZERO;
        scene.tell(book, script)?;
        return mint(scene, book, value);
    }
    let assets = scene
        .world
        .chain
        .read(scene.world.usdc, &IERC20::balanceOfCall { account: book })?;
    script.position += assets;
    scene.tell(book, script)?;
    scene
        .send(STRANGER, book, &IScripted::spendCall { assets, to: NOWHERE })
        .map(drop)
}

fn by_setter<C: SolCall>(scene: &mut Scene, by: Setter, call: &C) -> Done {
    let vault = scene.world.at.vault;
    match by {
        Setter::Governor => scene.govern(vault, call).map(drop),
        Setter::Guardian => scene.send(people::GUARDIAN, vault, call).map(drop),
    }
}

fn bundle(scene: &mut Scene, claim: U256, donation: U256, assets: U256, shares: U256, request: bool) -> Done {
    let (vault, token, batcher) = (scene.world.at.vault, scene.world.usdc, scene.batcher);
    let mut calls = Vec::new();
    if !claim.is_zero() {
        let call = IVault::redeemCall {
            shares: claim,
            receiver: batcher,
            controller: batcher,
        };
        calls.push((vault, call.abi_encode()));
    }
    calls.push((
        token,
        ITestToken::mintCall {
            to: vault,
            value: donation,
        }
        .abi_encode(),
    ));
    calls.push((
        vault,
        IVault::depositCall {
            assets,
            receiver: batcher,
        }
        .abi_encode(),
    ));
    calls.push((
        vault,
        IVault::transferCall {
            to: STRANGER,
            value: shares,
        }
        .abi_encode(),
    ));
    if request {
        let call = IVault::requestRedeemCall {
            shares,
            controller: batcher,
            owner: batcher,
        };
        calls.push((vault, call.abi_encode()));
    }
    scene.together(&calls).map(drop)
}

/// No venue may move a book's tokens outside a transaction.
fn no_approvals(scene: &mut Scene, book: Address) -> Result<(), String> {
    let (router, pool) = (scene.world.uniswap.router, scene.world.pool.address);
    for token in [scene.world.usdc, scene.world.wbtc] {
        for spender in [router, pool] {
            let call = IERC20::allowanceCall { owner: book, spender };
            let left = view(&mut scene.world.chain, token, &call)?;
            if !left.is_zero() {
                return Err(format!("INV-7: {spender} may still move {left} of {token} in {book}"));
            }
        }
    }
    Ok(())
}

/// How many calls [`trespass`] knows.
pub(crate) const TRESPASSES: u64 = 24;

/// A call by somebody who has no right to make it.
#[expect(clippy::too_many_lines, reason = "one arm per call")]
fn trespass(scene: &mut Scene, which: u8, book: Address) -> Done {
    let at = scene.world.at;
    let (vault, one) = (at.vault, U256::ONE);
    let stranger = STRANGER;
    let data = Bytes::from(IVault::sweepCall {}.abi_encode());
    match which {
        0 => scene.send(
            stranger,
            vault,
            &IVault::setParameterCall {
                id: 2,
                value: U256::from(300),
            },
        ),
        1 => scene.send(stranger, vault, &IVault::setRebalancerCall { rebalancer: stranger }),
        2 => scene.send(stranger, vault, &IVault::setFeeRecipientCall { feeRecipient: stranger }),
        3 => scene.send(
            stranger,
            vault,
            &IVault::addBookCall {
                book,
                cap: one,
                isolated: true,
            },
        ),
        4 => scene.send(people::GUARDIAN, vault, &IVault::removeBookCall { book }),
        5 => scene.send(stranger, vault, &IVault::setBookCapCall { book, cap: U256::ZERO }),
        6 => scene.send(people::OWNER, vault, &IVault::allocateCall { book, assets: one }),
        7 => scene.send(stranger, vault, &IVault::recallCall { book, assets: one }),
        8 => scene.send(people::GUARDIAN, vault, &IVault::realizeLossCall { book }),
        9 => scene.send(stranger, vault, &IVault::lockCall {}),
        10 => scene.send(people::OWNER, vault, &IVault::unlockCall {}),
        11 => scene.send(people::ALLOCATOR, at.book, &IBook::recallCall { assets: one }),
        12 => {
            let plan = Plan {
                adapter: at.adapter,
                tokenIn: scene.world.usdc,
                amountIn: one,
                tokenOut: scene.world.wbtc,
                minOut: U256::ZERO,
                calls: Vec::new(),
            };
            scene.send(people::KEEPER, at.book, &IBook::executeCall { plan })
        }
        13 => scene.send(stranger, at.book, &IBook::registerTokenCall { token: vault }),
        14 => scene.send(stranger, at.governor, &IGovernor::executeCall { target: vault, data }),
        15 => {
            let call = IVault::initializeCall {
                governor: stranger,
                asset: scene.world.usdc,
                name: B256::ZERO,
                symbol: B256::ZERO,
                rebalancer: stranger,
                feeRecipient: stranger,
                parameters: Vec::new(),
            };
            scene.send(stranger, vault, &call)
        }
        16 => {
            let call = IBook::initializeCall {
                governor: stranger,
                vault: stranger,
                rebalancer: stranger,
                risk: stranger,
                oracle: stranger,
                asset: scene.world.usdc,
            };
            scene.send(stranger, at.book, &call)
        }
        17 => scene.send(
            people::GUARDIAN,
            vault,
            &IVault::setParameterCall {
                id: 7,
                value: U256::MAX,
            },
        ),
        18 => scene.send(
            people::ALLOCATOR,
            vault,
            &IVault::setParameterCall {
                id: 3,
                value: U256::ZERO,
            },
        ),
        19 => {
            let call = IOracle::setFeedCall {
                asset: scene.world.wbtc,
                aggregator: stranger,
                heartbeatSecs: one,
                confidenceBps: one,
                minAnswer: I256::ONE,
                maxAnswer: I256::ONE,
            };
            scene.send(people::GUARDIAN, at.oracle, &call)
        }
        20 => scene.send(
            stranger,
            at.risk,
            &IRisk::setParameterCall {
                book,
                id: 0,
                value: I256::ZERO,
            },
        ),
        21 => scene.send(
            people::GUARDIAN,
            at.rebalancer,
            &IRebalancer::setAdapterCall {
                book,
                adapter: stranger,
            },
        ),
        22 => {
            let selector = FixedBytes([0; 4]);
            let call = IBook::disallowCall {
                adapter: at.adapter,
                target: scene.world.uniswap.router,
                selector,
            };
            scene.send(stranger, at.book, &call)
        }
        _ => scene.send(
            stranger,
            at.governor,
            &IGovernor::setGuardianCall { guardian: stranger },
        ),
    }
    .map(drop)
}

/// What a refusal is called in the report: the typed error's name.
pub(crate) fn reason(error: &NetworkError) -> String {
    let NetworkError::Reverted(data) = error else {
        return error.to_string().chars().take(60).collect();
    };
    if let Ok(text) = alloy_sol_types::Revert::abi_decode(data) {
        return format!("\"{}\"", text.reason);
    }
    if let Ok(step) = IBatcher::StepFailed::abi_decode(data) {
        return reason(&NetworkError::Reverted(step.output));
    }
    let Some(selector) = data.first_chunk::<4>().copied() else {
        return String::from("(no data)");
    };
    let names = [
        IVault::IVaultErrors::name_by_selector(selector),
        IBook::IBookErrors::name_by_selector(selector),
        IRebalancer::IRebalancerErrors::name_by_selector(selector),
        IRisk::IRiskErrors::name_by_selector(selector),
        IOracle::IOracleErrors::name_by_selector(selector),
        IGovernor::IGovernorErrors::name_by_selector(selector),
    ];
    let known = names.into_iter().flatten().next().map(str::to_owned);
    // `InsufficientBalance(address,uint256,uint256)` of the test token.
    known.unwrap_or_else(|| match selector {
        [0xdb, 0x42, 0x14, 0x4d] => String::from("(token) InsufficientBalance"),
        selector => format!("0x{}", alloy_primitives::hex::encode(selector)),
    })
}
