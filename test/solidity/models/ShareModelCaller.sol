// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ShareModel} from "./ShareModel.sol";

/// @title The share model behind an address
/// @notice Lets tests on the embedded chain ask the model what the Rust code must answer.
contract ShareModelCaller {
    /// @notice All four conversions of `amount`.
    function convert(uint256 amount, uint256 totalAssets, uint256 totalShares)
        external
        pure
        returns (uint256 sharesDown, uint256 sharesUp, uint256 assetsDown, uint256 assetsUp)
    {
        sharesDown = ShareModel.toSharesDown(amount, totalAssets, totalShares);
        sharesUp = ShareModel.toSharesUp(amount, totalAssets, totalShares);
        assetsDown = ShareModel.toAssetsDown(amount, totalAssets, totalShares);
        assetsUp = ShareModel.toAssetsUp(amount, totalAssets, totalShares);
    }
}
