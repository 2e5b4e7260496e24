//! A contract that integrates the vault as a third party would: `test/solidity/integrator`.
#![allow(non_snake_case)] // fields of calls are named as in Solidity

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::{SolCall, SolStruct, SolValue, sol};
use e2e::{
    refused, root,
    stage::{ASSET_DECIMALS, GAS_MONEY, Stage, State, is_paid},
};
use gimbal::world::people::{ALICE, BOB, CAROL, DAVE, ERIN, KEEPER};
use interfaces::{IERC20, IVault};
use venues::{Artifacts, Network, NetworkError};

sol! {
    /// What is signed, in the words of ERC-2612.
    struct Permit {
        address owner;
        address spender;
        uint256 value;
        uint256 nonce;
        uint256 deadline;
    }

    /// `Integrator`.
    #[derive(Debug)]
    interface IClub {
        error NotAVault(address vault);
        error RoundPending(uint256 round);
        error NotYourOperator(address member);

        function join(uint256 assets, uint256 minShares) external returns (uint256 shares);
        function joinWithPermit(uint256 shares, uint256 deadline, bytes signature) external;
        function leave(uint256 shares) external returns (uint256 number);
        function requestRound() external returns (uint256 requestId);
        function collect() external returns (uint256 assets);
        function withdraw(uint256 number) external returns (uint256 assets);
        function requestFor(address member, uint256 shares) external returns (uint256);
        function claimFor(address member) external returns (uint256);
        function sharesOf(address member) external view returns (uint256);
        function totalShares() external view returns (uint256);
    }
}

/// The treasurer, and members with keys.
fn key(seed: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&keccak256([seed])).expect("a hash is a key")
}

/// A club over the stage's vault.
struct Club {
    stage: Stage,
    at: Address,
}

fn found(stage: &mut Stage, vault: Address) -> Result<Address, NetworkError> {
    let artifact = Artifacts::new(root()).compiled("Integrator").expect("compiled");
    let arguments = (vault, key(0).address()).abi_encode_params();
    let code = [artifact.code().expect("code"), arguments].concat();
    stage.world.chain.create(KEEPER, code)
}

impl Club {
    fn new(decimals: u8, state: State) -> Self {
        let mut stage = Stage::new(decimals, state);
        let vault = stage.world.at.vault;
        let at = found(&mut stage, vault).expect("the vault is what it says");
        Self { stage, at }
    }

    fn send<C: SolCall>(&mut self, from: Address, call: &C) -> Result<C::Return, NetworkError> {
        let sent = self.stage.world.chain.invoke(from, self.at, call)?;
        Ok(C::abi_decode_returns(&sent.output).expect("the answer is of its type"))
    }

    fn act<C: SolCall>(&mut self, from: Address, call: &C) -> C::Return {
        let stage = self.stage.to_string();
        self.send(from, call)
            .unwrap_or_else(|error| panic!("{stage}: {} fails: {error}", C::SIGNATURE))
    }

    /// Gives a member assets, of which the club may take them all.
    fn fund(&mut self, member: Address, assets: U256) {
        self.stage.fund(member, assets);
        let approve = IERC20::approveCall {
            spender: self.at,
            value: assets,
        };
        let asset = self.stage.world.usdc;
        self.stage
            .world
            .chain
            .invoke(member, asset, &approve)
            .expect("approving works");
    }

    fn join(&mut self, member: Address, assets: U256) -> U256 {
        self.fund(member, assets);
        let minShares = self.stage.view(&IVault::previewDepositCall { assets });
        self.act(member, &IClub::joinCall { assets, minShares })
    }

    /// A signature over a permit of `owner` for `spender`.
    fn signature(&mut self, key: &PrivateKeySigner, owner: Address, spender: Address, value: U256) -> (U256, Vec<u8>) {
        let deadline = U256::from(self.stage.world.chain.timestamp() + 60);
        let nonce = self.stage.view(&IVault::noncesCall { owner });
        let permit = Permit {
            owner,
            spender,
            value,
            nonce,
            deadline,
        };
        let domain = self.stage.view(&IVault::DOMAIN_SEPARATORCall {});
        let digest = keccak256([&[0x19, 0x01], &domain[..], &permit.eip712_hash_struct()[..]].concat());
        (
            deadline,
            key.sign_hash_sync(&digest).expect("keys sign").as_bytes().to_vec(),
        )
    }
}

#[test]
fn club_refuses_what_is_no_vault() {
    let mut stage = Stage::new(6, State::Empty);
    for impostor in [stage.world.usdc, stage.world.at.book, stage.world.at.governor] {
        assert!(found(&mut stage, impostor).is_err());
    }
}

#[test]
fn members_join_with_a_bound_on_slippage() {
    for decimals in ASSET_DECIMALS {
        let mut club = Club::new(decimals, State::Profit);
        let assets = club.stage.whole(10);
        let expected: U256 = club.stage.view(&IVault::previewDepositCall { assets });
        club.fund(ALICE, assets);
        let minShares = expected + U256::ONE;
        let error: IVault::SlippageExceeded = refused(club.send(ALICE, &IClub::joinCall { assets, minShares }));
        assert_eq!(error.received, expected, "the vault's own error reaches the member");
        assert_eq!(club.stage.assets(ALICE), assets, "and nothing else happened");
        let minShares = expected;
        let shares = club.act(ALICE, &IClub::joinCall { assets, minShares });
        assert_eq!(shares, expected);
        let at = club.at;
        assert_eq!(club.stage.balance(at), shares);
        assert_eq!(club.act(ALICE, &IClub::sharesOfCall { member: ALICE }), shares);
    }
}

#[test]
fn members_leave_in_rounds_and_are_paid_what_the_club_got() {
    for decimals in ASSET_DECIMALS {
        let mut club = Club::new(decimals, State::Profit);
        let members = [(ALICE, 100), (CAROL, 50), (DAVE, 25)];
        for (member, assets) in members {
            let assets = club.stage.whole(assets);
            let shares = club.join(member, assets);
            club.act(member, &IClub::leaveCall { shares });
        }
        let requestId = club.act(KEEPER, &IClub::requestRoundCall {});
        // ERIN comes too late for this round.
        let assets = club.stage.whole(10);
        let shares = club.join(ERIN, assets);
        club.act(ERIN, &IClub::leaveCall { shares });
        let error: IClub::RoundPending = refused(club.send(KEEPER, &IClub::requestRoundCall {}));
        assert_eq!(error.round, U256::ONE);

        club.stage.recall_all();
        club.stage.settle();
        let owed: U256 = club.stage.view(&IVault::maxWithdrawCall { controller: club.at });
        let next = club.act(KEEPER, &IClub::requestRoundCall {});
        assert!(next > requestId, "the last round was collected on the way");
        let at = club.at;
        assert_eq!(club.stage.assets(at), owed);
        let mut paid = U256::ZERO;
        for (member, assets) in members {
            let part = club.act(member, &IClub::withdrawCall { number: U256::ONE });
            assert_eq!(club.stage.assets(member), part);
            let whole = club.stage.whole(assets);
            assert!(part <= whole, "{part} of {whole}");
            // The entry cost of 10 basis points, and units.
            assert!(
                part + U256::from(5) >= whole * U256::from(9_989) / U256::from(10_000),
                "{part} of {whole}"
            );
            assert_eq!(
                club.act(member, &IClub::withdrawCall { number: U256::ONE }),
                U256::ZERO,
                "twice"
            );
            paid += part;
        }
        assert!(paid <= owed && owed - paid < U256::from(3), "{paid} of {owed}");
        club.stage.settle();
        club.act(KEEPER, &IClub::collectCall {});
        let part = club.act(ERIN, &IClub::withdrawCall { number: U256::from(2) });
        assert!(part <= assets && !part.is_zero());
        assert_eq!(club.stage.balance(at), U256::ZERO, "the club holds no share any more");
    }
}

#[test]
fn members_of_their_own_shares_are_served_by_their_operator() {
    let mut club = Club::new(6, State::Profit);
    let at = club.at;
    let shares = club.stage.balance(BOB) / U256::from(3);
    let request = IClub::requestForCall { member: BOB, shares };
    let error: IClub::NotYourOperator = refused(club.send(KEEPER, &request));
    assert_eq!(error.member, BOB);
    club.stage.act(
        BOB,
        &IVault::setOperatorCall {
            operator: at,
            approved: true,
        },
    );
    let requestId = club.act(KEEPER, &request);
    let pending = IVault::pendingRedeemRequestCall {
        requestId,
        controller: BOB,
    };
    assert_eq!(club.stage.view(&pending), shares, "the request is the member's");
    club.stage.recall_all();
    let settled = club.stage.settle();
    let assets = club.act(KEEPER, &IClub::claimForCall { member: BOB });
    assert!(is_paid(assets, settled.assets), "{assets}");
    assert_eq!((club.stage.assets(BOB), club.stage.assets(at)), (assets, U256::ZERO));
    // The right ends when the member says so, also for a request that waits.
    club.act(KEEPER, &request);
    club.stage.act(
        BOB,
        &IVault::setOperatorCall {
            operator: at,
            approved: false,
        },
    );
    club.stage.settle();
    let error: IVault::Unauthorized = refused(club.send(KEEPER, &IClub::claimForCall { member: BOB }));
    assert_eq!(error.caller, at);
    club.stage.claim(BOB);
}

#[test]
fn members_bring_shares_by_permit() {
    let mut club = Club::new(6, State::Held);
    let member = key(1);
    let (owner, at) = (member.address(), club.at);
    club.stage.world.chain.deal(owner, GAS_MONEY);
    let shares = U256::from(12_345_678);
    club.stage.act(
        BOB,
        &IVault::transferCall {
            to: owner,
            value: shares,
        },
    );
    let (deadline, signature) = club.signature(&member, owner, at, shares);
    let signature = signature.into();
    club.act(
        owner,
        &IClub::joinWithPermitCall {
            shares,
            deadline,
            signature,
        },
    );
    assert_eq!(
        (club.stage.balance(owner), club.stage.balance(at)),
        (U256::ZERO, shares)
    );
    assert_eq!(club.act(owner, &IClub::sharesOfCall { member: owner }), shares);
}

#[test]
fn club_signs_by_its_treasurer() {
    // The club's shares move by a permit that the club itself vouches for.
    let mut club = Club::new(6, State::Held);
    let at = club.at;
    let assets = club.stage.whole(10);
    let value = club.join(ALICE, assets);
    let (owner, spender) = (at, CAROL);
    let permit = |(deadline, signature): (U256, Vec<u8>)| IVault::permit_1Call {
        owner,
        spender,
        value,
        deadline,
        signature: signature.into(),
    };
    let forged = permit(club.signature(&key(1), owner, spender, value));
    let error: IVault::ERC2612InvalidSignature = refused(club.stage.send(KEEPER, &forged));
    assert_eq!(error.owner, at);
    let (deadline, bytes) = club.signature(&key(0), owner, spender, value);
    // And by the parts of the same signature.
    let parts = IVault::permit_0Call {
        owner,
        spender,
        value,
        deadline,
        v: bytes[64],
        r: B256::from_slice(&bytes[..32]),
        s: B256::from_slice(&bytes[32..64]),
    };
    club.stage.act(KEEPER, &parts);
    assert_eq!(club.stage.view(&IVault::allowanceCall { owner, spender }), value);
    let replayed: IVault::ERC2612InvalidSignature = refused(club.stage.send(KEEPER, &permit((deadline, bytes))));
    assert_eq!(replayed.owner, at);
    let signed = permit(club.signature(&key(0), owner, spender, value));
    club.stage.act(KEEPER, &signed);
    club.stage.act(
        CAROL,
        &IVault::transferFromCall {
            from: at,
            to: CAROL,
            value,
        },
    );
    assert_eq!(club.stage.balance(CAROL), value);
}
