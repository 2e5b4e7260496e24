// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {TestToken} from "../venues/TestToken.sol";

/// @title Token whose balances change by themselves
/// @notice Every balance is a share of the supply: a rebase makes all of them larger or smaller at once, without a
/// transfer.
contract RebasingToken is TestToken {
    error FactorZero();

    uint256 private constant WAD = 1e18;

    /// @notice Units per share beyond 1e18: 0 is the start.
    int256 private beyond;

    constructor(string memory name_, string memory symbol_, uint8 decimals_) TestToken(name_, symbol_, decimals_) {}

    /// @notice Multiplies every balance by `factorWad` / 1e18.
    function rebase(uint256 factorWad) external {
        if (factorWad == 0) revert FactorZero();
        beyond = int256(_index() * factorWad / WAD) - int256(WAD);
    }

    function balanceOf(address owner) public view override returns (uint256) {
        return balances[owner] * _index() / WAD;
    }

    function _move(address from, address to, uint256 value) internal override {
        // Rounded up: whoever pays cannot pay with less than it has.
        uint256 index = _index();
        uint256 shares = (value * WAD + index - 1) / index;
        super._move(from, to, shares);
    }

    function _index() private view returns (uint256) {
        return uint256(int256(WAD) + beyond);
    }
}
