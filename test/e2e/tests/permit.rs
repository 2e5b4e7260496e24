//! Permits: ERC-2612 by real keys, EIP-712 and EIP-5267 against an independent computation, EIP-1271 by contracts.
#![allow(non_snake_case)] // fields of calls are named as in Solidity

use alloy_primitives::{Address, B256, Bytes, FixedBytes, Signature, U256, address, b256, keccak256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::{Eip712Domain, SolCall, SolStruct, SolValue, sol};
use e2e::{
    refused, root,
    stage::{Stage, State},
    world,
};
use gimbal::world::people::{ALICE, BOB, CAROL, KEEPER};
use interfaces::IVault;
use std::borrow::Cow;
use venues::{Artifacts, Network, NetworkError, Sent};

sol! {
    /// What is signed, in the words of ERC-2612.
    #[derive(Debug)]
    struct Permit {
        address owner;
        address spender;
        uint256 value;
        uint256 nonce;
        uint256 deadline;
    }

    /// `SignatureWallet`.
    interface IWallet {
        function setAnswer(uint8 answer) external;
    }
}

/// Half of the curve's order: above it lies the twin of each signature.
const HALF_ORDER: U256 =
    U256::from_be_bytes(b256!("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0").0);
/// The curve's order.
const ORDER: U256 = U256::from_be_bytes(b256!("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141").0);
/// How `SignatureWallet` answers.
const HONEST: u8 = 0;
const ALWAYS: u8 = 1;

/// Somebody with a key.
fn key(seed: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&keccak256([seed])).expect("a hash is a key")
}

/// The domain as EIP-712 says it must be, without asking the vault.
fn domain(stage: &Stage) -> Eip712Domain {
    Eip712Domain::new(
        Some(Cow::Borrowed("Gimbal WBTC/USDC")),
        Some(Cow::Borrowed("1")),
        Some(U256::from(stage.world.chain.chain_id())),
        Some(stage.world.at.vault),
        None,
    )
}

/// A permit of `owner` for BOB over 1,000, good for an hour, by the nonce that comes next.
fn permit_of(stage: &mut Stage, owner: Address) -> Permit {
    Permit {
        owner,
        spender: BOB,
        value: U256::from(1_000),
        nonce: stage.view(&IVault::noncesCall { owner }),
        deadline: U256::from(stage.world.chain.timestamp() + 3_600),
    }
}

fn sign(key: &PrivateKeySigner, permit: &Permit, domain: &Eip712Domain) -> Signature {
    key.sign_hash_sync(&permit.eip712_signing_hash(domain))
        .expect("keys sign")
}

/// The three parts in which `permit` takes a signature.
#[derive(Clone, Copy, Debug)]
struct Parts {
    v: u8,
    r: B256,
    s: B256,
}

impl Parts {
    fn of(signature: &Signature) -> Self {
        Self {
            v: 27 + u8::from(signature.v()),
            r: signature.r().into(),
            s: signature.s().into(),
        }
    }

    fn bytes(self) -> Bytes {
        [&self.r[..], &self.s[..], &[self.v]].concat().into()
    }
}

fn send(stage: &mut Stage, permit: &Permit, parts: Parts) -> Result<Sent, NetworkError> {
    let call = IVault::permit_0Call {
        owner: permit.owner,
        spender: permit.spender,
        value: permit.value,
        deadline: permit.deadline,
        v: parts.v,
        r: parts.r,
        s: parts.s,
    };
    stage.send(KEEPER, &call)
}

fn send_bytes(stage: &mut Stage, permit: &Permit, signature: Bytes) -> Result<Sent, NetworkError> {
    let call = IVault::permit_1Call {
        owner: permit.owner,
        spender: permit.spender,
        value: permit.value,
        deadline: permit.deadline,
        signature,
    };
    stage.send(KEEPER, &call)
}

fn allowance(stage: &mut Stage, owner: Address) -> U256 {
    stage.view(&IVault::allowanceCall { owner, spender: BOB })
}

/// Both ways of handing the signature in are refused as invalid, and change nothing.
fn refused_as_invalid(stage: &mut Stage, permit: &Permit, parts: Parts, why: &str) {
    let before = (
        allowance(stage, permit.owner),
        stage.view(&IVault::noncesCall { owner: permit.owner }),
    );
    for result in [send(stage, permit, parts), send_bytes(stage, permit, parts.bytes())] {
        let error = result.expect_err(why);
        let error = error.decode::<IVault::ERC2612InvalidSignature>();
        let error = error.unwrap_or_else(|| panic!("{why}: refused for another reason"));
        assert_eq!(error.owner, permit.owner, "{why}");
    }
    let after = (
        allowance(stage, permit.owner),
        stage.view(&IVault::noncesCall { owner: permit.owner }),
    );
    assert_eq!(before, after, "{why}");
}

/// A contract account whose signer is `signer`.
fn wallet(stage: &mut Stage, signer: Address) -> Address {
    let artifact = Artifacts::new(root()).compiled("SignatureWallet").expect("compiled");
    let code = [artifact.code().expect("code"), signer.abi_encode()].concat();
    stage
        .world
        .chain
        .create(KEEPER, code)
        .expect("the wallet can be created")
}

fn answer(stage: &mut Stage, wallet: Address, answer: u8) {
    let call = IWallet::setAnswerCall { answer };
    stage
        .world
        .chain
        .invoke(KEEPER, wallet, &call)
        .expect("wallets are told what to say");
}

#[test]
fn domain_separator_is_that_of_eip712() {
    let mut stage = Stage::new(6, State::Held);
    let separator: B256 = stage.view(&IVault::DOMAIN_SEPARATORCall {});
    assert_eq!(separator, domain(&stage).hash_struct());
    // And by hand, in case alloy and the vault are wrong in the same way.
    let kind = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
    let words = (
        keccak256(kind),
        keccak256("Gimbal WBTC/USDC"),
        keccak256("1"),
        U256::from(stage.world.chain.chain_id()),
        stage.world.at.vault,
    );
    assert_eq!(separator, keccak256(words.abi_encode()));
}

#[test]
fn eip712_domain_names_what_the_separator_is_made_of() {
    let mut stage = Stage::new(8, State::Empty);
    let answer = stage.view(&IVault::eip712DomainCall {});
    assert_eq!(answer.fields, FixedBytes([0x0f]), "name, version, chain and contract");
    let domain = Eip712Domain::new(
        Some(Cow::Owned(answer.name)),
        Some(Cow::Owned(answer.version)),
        Some(answer.chainId),
        Some(answer.verifyingContract),
        None,
    );
    let separator: B256 = stage.view(&IVault::DOMAIN_SEPARATORCall {});
    assert_eq!(domain.hash_struct(), separator);
    assert_eq!((answer.salt, answer.extensions), (B256::ZERO, vec![]));
}

#[test]
fn permit_by_a_key_sets_the_allowance_once() {
    let mut stage = Stage::new(6, State::Held);
    for bytes in [false, true] {
        let key = key(1 + u8::from(bytes));
        let owner = key.address();
        let permit = permit_of(&mut stage, owner);
        let parts = Parts::of(&sign(&key, &permit, &domain(&stage)));
        let submit = |stage: &mut Stage| {
            if bytes {
                send_bytes(stage, &permit, parts.bytes())
            } else {
                send(stage, &permit, parts)
            }
        };
        let sent = submit(&mut stage).expect("a good permit is taken, whoever hands it in");
        assert_eq!(allowance(&mut stage, owner), permit.value);
        assert_eq!(stage.view(&IVault::noncesCall { owner }), U256::ONE);
        let event: IVault::Approval = stage.event(&sent);
        let (spender, value) = (BOB, permit.value);
        assert_eq!(event, IVault::Approval { owner, spender, value });
        // The same once more, and then under the next nonce with the old signature.
        let error: IVault::ERC2612InvalidSignature = refused(submit(&mut stage));
        assert_eq!(error.owner, owner);
        let next = permit_of(&mut stage, owner);
        refused_as_invalid(&mut stage, &next, parts, "replayed");
    }
}

#[test]
fn permit_counts_only_its_owners_nonces() {
    let mut stage = Stage::new(6, State::Held);
    let (first, second) = (key(1), key(2));
    for nonce in 0..3_u64 {
        let permit = permit_of(&mut stage, first.address());
        assert_eq!(permit.nonce, U256::from(nonce));
        let parts = Parts::of(&sign(&first, &permit, &domain(&stage)));
        send(&mut stage, &permit, parts).unwrap();
    }
    assert_eq!(
        stage.view(&IVault::noncesCall {
            owner: second.address()
        }),
        U256::ZERO
    );
    // A permit out of turn waits for its turn.
    let mut permit = permit_of(&mut stage, second.address());
    permit.nonce += U256::ONE;
    let early = Parts::of(&sign(&second, &permit, &domain(&stage)));
    refused_as_invalid(&mut stage, &permit, early, "out of turn");
    let now = permit_of(&mut stage, second.address());
    let parts = Parts::of(&sign(&second, &now, &domain(&stage)));
    send(&mut stage, &now, parts).unwrap();
    send(&mut stage, &permit, early).unwrap();
}

#[test]
fn permit_lets_the_spender_move_shares() {
    let mut stage = Stage::new(6, State::Held);
    let key = key(3);
    let owner = key.address();
    stage.deposit(ALICE, stage.whole(5));
    stage.act(
        ALICE,
        &IVault::transferCall {
            to: owner,
            value: U256::from(5_000),
        },
    );
    let permit = permit_of(&mut stage, owner);
    let parts = Parts::of(&sign(&key, &permit, &domain(&stage)));
    send(&mut stage, &permit, parts).unwrap();
    let call = IVault::transferFromCall {
        from: owner,
        to: CAROL,
        value: permit.value,
    };
    stage.act(BOB, &call);
    assert_eq!(stage.balance(CAROL), permit.value);
    let _: IVault::ERC20InsufficientAllowance = refused(stage.send(BOB, &call));
}

#[test]
fn permit_is_good_until_its_deadline_and_not_after() {
    let mut stage = Stage::new(6, State::Held);
    let key = key(4);
    let permit = permit_of(&mut stage, key.address());
    let parts = Parts::of(&sign(&key, &permit, &domain(&stage)));
    stage.world.chain.warp(3_601);
    for result in [
        send(&mut stage, &permit, parts),
        send_bytes(&mut stage, &permit, parts.bytes()),
    ] {
        let error: IVault::ERC2612ExpiredSignature = refused(result);
        assert_eq!(error.deadline, permit.deadline);
    }
    let mut last = permit_of(&mut stage, key.address());
    last.deadline = U256::from(stage.world.chain.timestamp());
    let parts = Parts::of(&sign(&key, &last, &domain(&stage)));
    send(&mut stage, &last, parts).expect("the deadline's own second counts");
}

#[test]
fn permit_signed_for_another_domain_is_refused() {
    let mut stage = Stage::new(6, State::Held);
    let key = key(5);
    let permit = permit_of(&mut stage, key.address());
    let right = domain(&stage);
    let wrong = [
        (
            "another chain",
            Eip712Domain {
                chain_id: Some(U256::from(42_161)),
                ..right.clone()
            },
        ),
        (
            "another contract",
            Eip712Domain {
                verifying_contract: Some(stage.world.at.book),
                ..right.clone()
            },
        ),
        (
            "another name",
            Eip712Domain {
                name: Some(Cow::Borrowed("Gimbal")),
                ..right.clone()
            },
        ),
        (
            "another version",
            Eip712Domain {
                version: Some(Cow::Borrowed("2")),
                ..right.clone()
            },
        ),
        (
            "with a salt",
            Eip712Domain {
                salt: Some(B256::ZERO),
                ..right.clone()
            },
        ),
    ];
    for (why, domain) in wrong {
        let parts = Parts::of(&sign(&key, &permit, &domain));
        refused_as_invalid(&mut stage, &permit, parts, why);
    }
    let parts = Parts::of(&sign(&key, &permit, &right));
    send(&mut stage, &permit, parts).expect("and the right one is taken");
}

#[test]
fn permit_other_than_was_signed_is_refused() {
    let mut stage = Stage::new(6, State::Held);
    let key = key(6);
    let signed = permit_of(&mut stage, key.address());
    let parts = Parts::of(&sign(&key, &signed, &domain(&stage)));
    let with = |change: fn(&mut Permit)| {
        let mut permit = Permit { ..signed.clone() };
        change(&mut permit);
        permit
    };
    for (why, permit) in [
        ("another owner", with(|permit| permit.owner = ALICE)),
        ("another spender", with(|permit| permit.spender = CAROL)),
        ("more", with(|permit| permit.value += U256::ONE)),
        ("longer", with(|permit| permit.deadline += U256::ONE)),
        ("for ever", with(|permit| permit.deadline = U256::MAX)),
    ] {
        refused_as_invalid(&mut stage, &permit, parts, why);
    }
    let stranger = Parts::of(&sign(&self::key(7), &signed, &domain(&stage)));
    refused_as_invalid(&mut stage, &signed, stranger, "another's key");
}

#[test]
fn permit_with_the_signatures_twin_or_a_part_out_of_range_is_refused() {
    let mut stage = Stage::new(6, State::Held);
    let key = key(8);
    let permit = permit_of(&mut stage, key.address());
    let good = Parts::of(&sign(&key, &permit, &domain(&stage)));
    let s = U256::from_be_bytes(good.s.0);
    assert!(s <= HALF_ORDER, "the signer makes canonical signatures");
    let twin = Parts {
        v: 55 - good.v,
        s: (ORDER - s).into(),
        ..good
    };
    refused_as_invalid(&mut stage, &permit, twin, "the twin");
    let number = |value: U256| B256::from(value);
    for (why, parts) in [
        ("r of 0", Parts { r: B256::ZERO, ..good }),
        ("s of 0", Parts { s: B256::ZERO, ..good }),
        (
            "r of the order",
            Parts {
                r: number(ORDER),
                ..good
            },
        ),
        (
            "s of the order",
            Parts {
                s: number(ORDER),
                ..good
            },
        ),
        (
            "r of the largest number",
            Parts {
                r: number(U256::MAX),
                ..good
            },
        ),
        (
            "s of the largest number",
            Parts {
                s: number(U256::MAX),
                ..good
            },
        ),
        (
            "s just above the half",
            Parts {
                s: number(HALF_ORDER + U256::ONE),
                ..good
            },
        ),
        ("the other recovery id", Parts { v: 55 - good.v, ..good }),
    ] {
        refused_as_invalid(&mut stage, &permit, parts, why);
    }
    for v in [0, 1, 2, 26, 29, 30, 35, 36, 128, 255] {
        refused_as_invalid(&mut stage, &permit, Parts { v, ..good }, &format!("v of {v}"));
    }
    send(&mut stage, &permit, good).expect("and v of 27 or 28 is taken");
}

#[test]
fn permit_in_the_name_of_nobody_is_refused() {
    // A signature that recovers nobody must not be taken for nobody's.
    let mut stage = Stage::new(6, State::Held);
    let permit = permit_of(&mut stage, Address::ZERO);
    for v in [0, 27, 28] {
        let parts = Parts {
            v,
            r: B256::ZERO,
            s: B256::ZERO,
        };
        refused_as_invalid(&mut stage, &permit, parts, "nobody's");
    }
    let parts = Parts::of(&sign(&key(9), &permit, &domain(&stage)));
    refused_as_invalid(&mut stage, &permit, parts, "somebody else's");
}

#[test]
fn permit_for_nobody_is_refused() {
    let mut stage = Stage::new(6, State::Held);
    let key = key(10);
    let permit = Permit {
        spender: Address::ZERO,
        ..permit_of(&mut stage, key.address())
    };
    let parts = Parts::of(&sign(&key, &permit, &domain(&stage)));
    let error: IVault::ERC20InvalidSpender = refused(send(&mut stage, &permit, parts));
    assert_eq!(error.spender, Address::ZERO);
}

#[test]
fn permit_with_bytes_of_another_length_is_refused() {
    let mut stage = Stage::new(6, State::Held);
    let key = key(11);
    let permit = permit_of(&mut stage, key.address());
    let good = Parts::of(&sign(&key, &permit, &domain(&stage))).bytes();
    let compact = good[..64].to_vec();
    for bytes in [
        vec![],
        vec![0; 1],
        vec![0; 64],
        compact,
        [&good[..], &[0]].concat(),
        vec![0xff; 1_000],
    ] {
        let length = bytes.len();
        let error: IVault::ERC2612InvalidSignature = refused(send_bytes(&mut stage, &permit, bytes.into()));
        assert_eq!(error.owner, key.address(), "{length} bytes");
    }
    send_bytes(&mut stage, &permit, good).expect("65 bytes are taken");
}

#[test]
fn permit_of_a_contract_is_for_the_contract_to_judge() {
    let mut stage = Stage::new(6, State::Held);
    let (signer, other) = (key(12), key(13));
    let wallet = wallet(&mut stage, signer.address());
    answer(&mut stage, wallet, HONEST);
    // By parts, which reach the wallet as r, s, v; and by bytes, which reach it as they are.
    let permit = permit_of(&mut stage, wallet);
    let parts = Parts::of(&sign(&signer, &permit, &domain(&stage)));
    let strange = Parts::of(&sign(&other, &permit, &domain(&stage)));
    refused_as_invalid(&mut stage, &permit, strange, "a stranger's");
    send(&mut stage, &permit, parts).expect("the wallet knows its signer");
    assert_eq!(allowance(&mut stage, wallet), permit.value);
    refused_as_invalid(&mut stage, &permit, parts, "replayed");
    let permit = permit_of(&mut stage, wallet);
    assert_eq!(permit.nonce, U256::ONE);
    let parts = Parts::of(&sign(&signer, &permit, &domain(&stage)));
    send_bytes(&mut stage, &permit, parts.bytes()).expect("the wallet knows its signer");
    // Any bytes at all, if the wallet likes them: short, none, long.
    answer(&mut stage, wallet, ALWAYS);
    for bytes in [vec![], vec![7; 3], vec![9; 3_000]] {
        let permit = permit_of(&mut stage, wallet);
        let permit = Permit {
            value: permit.nonce,
            ..permit
        };
        send_bytes(&mut stage, &permit, bytes.into()).expect("the wallet says yes");
        assert_eq!(allowance(&mut stage, wallet), permit.value);
    }
}

#[test]
fn permit_of_a_contract_that_does_not_say_yes_is_refused() {
    let mut stage = Stage::new(6, State::Held);
    let signer = key(14);
    let wallet = wallet(&mut stage, signer.address());
    let permit = permit_of(&mut stage, wallet);
    let parts = Parts::of(&sign(&signer, &permit, &domain(&stage)));
    for (mode, why) in [
        (2, "says no"),
        (3, "reverts"),
        (4, "burns all gas"),
        (5, "says nothing"),
        (6, "says four bytes"),
        (7, "says yes and something"),
        (9, "says true"),
    ] {
        answer(&mut stage, wallet, mode);
        refused_as_invalid(&mut stage, &permit, parts, why);
    }
    // More than a word is as good as the word.
    answer(&mut stage, wallet, 8);
    send(&mut stage, &permit, parts).expect("the first word says yes");
}

#[test]
fn permit_of_an_account_with_code_and_a_key_is_good_by_either() {
    // As EIP-7702 makes them: the key goes on speaking for the account, and so does the code.
    let mut stage = Stage::new(6, State::Held);
    let (signer, other) = (key(15), key(18));
    let owner = signer.address();
    let code = wallet(&mut stage, other.address());
    let code = stage.world.chain.code(code);
    stage.world.chain.set_code(owner, code);
    for by in [&signer, &other] {
        let permit = permit_of(&mut stage, owner);
        let parts = Parts::of(&sign(by, &permit, &domain(&stage)));
        send(&mut stage, &permit, parts).expect("a good permit is taken");
    }
    let permit = permit_of(&mut stage, owner);
    let stranger = Parts::of(&sign(&key(19), &permit, &domain(&stage)));
    refused_as_invalid(&mut stage, &permit, stranger, "neither");
}

#[test]
fn permit_does_not_hand_over_another_vaults_shares() {
    // The same owner, the same name and version, another contract.
    let mut stage = Stage::new(6, State::Held);
    let mut other = stage.clone();
    // The demo's vault, on the same chain.
    other.world.at = world().at;
    assert_ne!(stage.world.at.vault, other.world.at.vault);
    let key = key(16);
    let permit = permit_of(&mut stage, key.address());
    let parts = Parts::of(&sign(&key, &permit, &domain(&stage)));
    refused_as_invalid(&mut other, &permit, parts, "for another vault");
    send(&mut stage, &permit, parts).unwrap();
}

#[test]
fn permit_arguments_that_are_not_encoded_well_are_refused() {
    let mut stage = Stage::new(6, State::Held);
    let vault = stage.world.at.vault;
    let call = IVault::permit_1Call {
        owner: ALICE,
        spender: BOB,
        value: U256::ONE,
        deadline: U256::MAX,
        signature: vec![1; 65].into(),
    };
    let data = call.abi_encode();
    let offset = 4 + 4 * 32;
    let with = |at: usize, word: U256| {
        let mut data = data.clone();
        data[at..at + 32].copy_from_slice(&word.to_be_bytes::<32>());
        data
    };
    for (why, data) in [
        ("cut short", data[..data.len() - 33].to_vec()),
        ("no signature", data[..offset].to_vec()),
        ("an offset beyond the end", with(offset, U256::from(10_000))),
        ("the largest offset", with(offset, U256::MAX)),
        ("a length beyond the end", with(offset + 32, U256::from(10_000))),
        ("the largest length", with(offset + 32, U256::MAX)),
        ("an owner of more than 20 bytes", with(4, U256::MAX)),
    ] {
        assert!(stage.world.chain.query(KEEPER, vault, data.into()).is_err(), "{why}");
    }
}

/// The precompile that answers with its input.
const IDENTITY: Address = address!("0000000000000000000000000000000000000004");

#[test]
fn permit_of_a_precompile_is_refused() {
    // The identity precompile answers with its input; it has no code, and no key recovers to it.
    let mut stage = Stage::new(6, State::Held);
    let permit = permit_of(&mut stage, IDENTITY);
    let parts = Parts::of(&sign(&key(17), &permit, &domain(&stage)));
    refused_as_invalid(&mut stage, &permit, parts, "a precompile");
}
