// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

/// @title Model of the vault's share arithmetic
/// @notice Written from the specification, apart from the Rust code that it is compared with: shares have 18 decimals,
/// the asset has `ASSET_DECIMALS`, and the vault counts one asset unit and `VIRTUAL_SHARES` shares that nobody owns.
/// The virtual amounts make the first deposit ordinary: its price is defined, and moving it by a donation costs the
/// donor more than any later depositor can lose.
/// @dev Products have 512 bits, so nothing overflows unless the result does. Names say which way a result is rounded;
/// the vault uses the one that favours those who stay.
library ShareModel {
    uint8 internal constant ASSET_DECIMALS = 6;
    uint8 internal constant OFFSET_DECIMALS = 18 - ASSET_DECIMALS;
    uint256 internal constant VIRTUAL_SHARES = 10 ** OFFSET_DECIMALS;
    uint256 internal constant VIRTUAL_ASSETS = 1;

    /// @notice Shares minted for a deposit of `assets`.
    function toSharesDown(uint256 assets, uint256 totalAssets, uint256 totalShares) internal pure returns (uint256) {
        return FixedPointMathLib.fullMulDiv(assets, totalShares + VIRTUAL_SHARES, totalAssets + VIRTUAL_ASSETS);
    }

    /// @notice Shares burned for a withdrawal of `assets`.
    function toSharesUp(uint256 assets, uint256 totalAssets, uint256 totalShares) internal pure returns (uint256) {
        return FixedPointMathLib.fullMulDivUp(assets, totalShares + VIRTUAL_SHARES, totalAssets + VIRTUAL_ASSETS);
    }

    /// @notice Assets paid for a redemption of `shares`.
    function toAssetsDown(uint256 shares, uint256 totalAssets, uint256 totalShares) internal pure returns (uint256) {
        return FixedPointMathLib.fullMulDiv(shares, totalAssets + VIRTUAL_ASSETS, totalShares + VIRTUAL_SHARES);
    }

    /// @notice Assets asked for a mint of `shares`.
    function toAssetsUp(uint256 shares, uint256 totalAssets, uint256 totalShares) internal pure returns (uint256) {
        return FixedPointMathLib.fullMulDivUp(shares, totalAssets + VIRTUAL_ASSETS, totalShares + VIRTUAL_SHARES);
    }
}
