// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {ERC4626} from "../../token/ERC20/extensions/ERC4626.sol";

/// @dev Named by the suite's file, not used by the tests that are run.
abstract contract ERC4626OffsetMock is ERC4626 {
    constructor(uint8) {}
}
