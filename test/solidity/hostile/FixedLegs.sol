// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @title Adapter that reports legs chosen in advance
/// @notice Whatever the book: for measuring how much a measurement can cost.
contract FixedLegs {
    bytes32[] private chosen;

    constructor(bytes32[] memory chosen_) {
        chosen = chosen_;
    }

    function legs(address) external view returns (bytes32[] memory) {
        return chosen;
    }

    /// @notice It trades no pair.
    function spot(address, address) external pure returns (uint256) {
        return 0;
    }
}
