// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {TestToken} from "../venues/TestToken.sol";

/// @title Token with an issuer's powers
/// @notice As the large stablecoins: transfers from or to a blocked account revert, and all transfers revert while the
/// token is paused. Anyone may be the issuer.
contract RegulatedToken is TestToken {
    error Blocked(address account);
    error Paused();

    mapping(address account => bool) public isBlocked;
    bool public paused;

    constructor(string memory name_, string memory symbol_, uint8 decimals_) TestToken(name_, symbol_, decimals_) {}

    function setBlocked(address account, bool blocked) external {
        isBlocked[account] = blocked;
    }

    function setPaused(bool paused_) external {
        paused = paused_;
    }

    function _move(address from, address to, uint256 value) internal override {
        if (paused) revert Paused();
        if (isBlocked[from]) revert Blocked(from);
        if (isBlocked[to]) revert Blocked(to);
        super._move(from, to, value);
    }
}
