// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ShareModel} from "../models/ShareModel.sol";

/// @notice Properties of the share arithmetic, over every state a vault of up to 2^96 assets can be in.
contract ShareModelTest {
    struct State {
        uint256 totalAssets;
        uint256 totalShares;
    }

    /// Narrow types bound the inputs: 2^96 asset units of 6 decimals are 7.9e22, more than any asset has.
    function _state(uint96 totalAssets, uint128 totalShares) private pure returns (State memory) {
        return State(totalAssets, totalShares);
    }

    function testEmptyVaultMintsOneShareUnitScaledPerAsset() public pure {
        assert(ShareModel.toSharesDown(1e6, 0, 0) == 1e18);
        assert(ShareModel.toAssetsDown(1e18, 0, 0) == 1e6);
    }

    function testWorkedExampleAfterGain() public pure {
        // 100 deposited, 110 held: a share is worth 1.1 less what the virtual shares own.
        State memory state = State(110e6, 100e18);
        assert(ShareModel.toAssetsDown(10e18, state.totalAssets, state.totalShares) == 10_999_999);
        assert(ShareModel.toAssetsUp(10e18, state.totalAssets, state.totalShares) == 11e6);
        assert(ShareModel.toSharesDown(11e6, state.totalAssets, state.totalShares) == 10_000_000_009_090_909_008);
        assert(ShareModel.toSharesUp(11e6, state.totalAssets, state.totalShares) == 10_000_000_009_090_909_009);
    }

    function testDepositThenRedeemNeverProfits(uint96 assets, uint96 totalAssets, uint128 totalShares) public pure {
        State memory state = _state(totalAssets, totalShares);
        uint256 shares = ShareModel.toSharesDown(assets, state.totalAssets, state.totalShares);
        state.totalAssets += assets;
        state.totalShares += shares;
        assert(ShareModel.toAssetsDown(shares, state.totalAssets, state.totalShares) <= assets);
    }

    function testMintThenWithdrawNeverProfits(uint128 shares, uint96 totalAssets, uint128 totalShares) public pure {
        State memory state = _state(totalAssets, totalShares);
        uint256 assets = ShareModel.toAssetsUp(shares, state.totalAssets, state.totalShares);
        state.totalAssets += assets;
        state.totalShares += shares;
        assert(ShareModel.toSharesUp(assets, state.totalAssets, state.totalShares) >= shares);
    }

    function testRedeemThenDepositNeverProfits(uint128 shares, uint96 totalAssets, uint128 totalShares) public pure {
        State memory state = _state(totalAssets, totalShares);
        shares = uint128(shares % (state.totalShares + 1));
        uint256 assets = ShareModel.toAssetsDown(shares, state.totalAssets, state.totalShares);
        state.totalAssets -= assets;
        state.totalShares -= shares;
        assert(ShareModel.toSharesDown(assets, state.totalAssets, state.totalShares) <= shares);
    }

    function testRoundingsDifferByAtMostOne(uint96 assets, uint96 totalAssets, uint128 totalShares) public pure {
        uint256 down = ShareModel.toSharesDown(assets, totalAssets, totalShares);
        uint256 up = ShareModel.toSharesUp(assets, totalAssets, totalShares);
        assert(down <= up && up - down <= 1);
    }

    function testSharesForAssetsCoverThem(uint96 assets, uint96 totalAssets, uint128 totalShares) public pure {
        // Burning what a withdrawal asks for would pay at least the withdrawal, minting for a deposit at most it.
        uint256 up = ShareModel.toSharesUp(assets, totalAssets, totalShares);
        uint256 down = ShareModel.toSharesDown(assets, totalAssets, totalShares);
        assert(ShareModel.toAssetsDown(up, totalAssets, totalShares) >= assets);
        assert(ShareModel.toAssetsUp(down, totalAssets, totalShares) <= assets);
    }

    function testSharesGrowWithAssets(uint96 less, uint96 more, uint96 totalAssets, uint128 totalShares) public pure {
        if (less > more) (less, more) = (more, less);
        assert(
            ShareModel.toSharesDown(less, totalAssets, totalShares)
                <= ShareModel.toSharesDown(more, totalAssets, totalShares)
        );
    }

    function testAssetsGrowWithShares(uint128 less, uint128 more, uint96 totalAssets, uint128 totalShares)
        public
        pure
    {
        if (less > more) (less, more) = (more, less);
        assert(
            ShareModel.toAssetsDown(less, totalAssets, totalShares)
                <= ShareModel.toAssetsDown(more, totalAssets, totalShares)
        );
    }

    function testPriceNeverFallsByDeposit(uint96 assets, uint96 totalAssets, uint128 totalShares) public pure {
        State memory state = _state(totalAssets, totalShares);
        uint256 before = ShareModel.toAssetsDown(1e18, state.totalAssets, state.totalShares);
        state.totalShares += ShareModel.toSharesDown(assets, state.totalAssets, state.totalShares);
        state.totalAssets += assets;
        assert(ShareModel.toAssetsDown(1e18, state.totalAssets, state.totalShares) >= before);
    }

    function testDonationBeforeFirstDepositLosesMoreThanVictim(uint64 deposit, uint64 donation, uint64 stake)
        public
        pure
    {
        // An attacker holds all shares, donates, and a victim deposits after it.
        State memory state = _state(0, 0);
        uint256 attacker = ShareModel.toSharesDown(stake, 0, 0);
        state.totalAssets = uint256(stake) + donation;
        state.totalShares = attacker;
        uint256 victim = ShareModel.toSharesDown(deposit, state.totalAssets, state.totalShares);
        state.totalAssets += deposit;
        state.totalShares += victim;
        uint256 attackerGets = ShareModel.toAssetsDown(attacker, state.totalAssets, state.totalShares);
        assert(attackerGets <= uint256(stake) + donation);
    }
}
