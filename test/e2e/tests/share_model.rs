//! The engine's share arithmetic against the Solidity model, executed on the embedded chain.

use alloy_primitives::{Address, U256, keccak256};
use devnode::Chain;
use engine::shares;
use gimbal::world::people::OWNER;
use interfaces::IShareModel;
use venues::{Artifacts, Network};

const CASES: u64 = 3_000;

/// A number of up to `bits` bits, the same in every run: hashes of the case, cut to varied lengths.
fn number(case: u64, role: u8, bits: usize) -> U256 {
    let hash = U256::from_be_bytes(keccak256([&case.to_be_bytes()[..], &[role]].concat()).0);
    let length = usize::from(hash.byte(31)) % (bits + 1);
    if length == 0 {
        U256::ZERO
    } else {
        hash >> (256 - length)
    }
}

#[test]
fn conversions_equal_the_solidity_model() {
    let mut chain = Chain::default();
    chain.deal(OWNER, U256::MAX >> 1);
    let code = Artifacts::new(e2e::root())
        .compiled("ShareModelCaller")
        .unwrap()
        .code()
        .unwrap();
    let model: Address = chain.create(OWNER, code).unwrap();
    let mut rounded = 0;
    for case in 0..CASES {
        // Up to 2¹²⁰ units of assets and shares: beyond anything a token has, below the model's overflow.
        let (amount, assets, supply) = (number(case, 0, 120), number(case, 1, 120), number(case, 2, 120));
        let call = IShareModel::convertCall {
            amount,
            totalAssets: assets,
            totalShares: supply,
        };
        let expected = chain.read(model, &call).unwrap();
        let ours = [
            shares::to_shares_down(amount, assets, supply, 12),
            shares::to_shares_up(amount, assets, supply, 12),
            shares::to_assets_down(amount, assets, supply, 12),
            shares::to_assets_up(amount, assets, supply, 12),
        ];
        let theirs = [
            expected.sharesDown,
            expected.sharesUp,
            expected.assetsDown,
            expected.assetsUp,
        ];
        assert_eq!(ours, theirs.map(Ok), "{amount} of {assets} over {supply}");
        rounded += u64::from(theirs[0] != theirs[1]) + u64::from(theirs[2] != theirs[3]);
    }
    assert!(
        rounded > CASES,
        "most cases must round, or directions are not tested: {rounded}"
    );
}
