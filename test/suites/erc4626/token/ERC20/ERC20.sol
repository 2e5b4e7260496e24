// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

/// @dev What the suite's file needs of a type of this name.
abstract contract ERC20 {
    constructor(string memory, string memory) {}

    function decimals() external pure returns (uint8) {
        return 18;
    }
}
