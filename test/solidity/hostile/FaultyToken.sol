// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {TestToken} from "../venues/TestToken.sol";

/// @title Token that lies, or that answers with nothing but spent gas
/// @notice A plain token until a fault is chosen. Anyone may choose.
contract FaultyToken is TestToken {
    enum Fault {
        None,
        BurnGas, // uses all the gas it is given
        Pretend, // reports success and moves nothing
        HugeAnswer, // does what was asked, then reverts with much data
        Silent // reverts without data
    }

    Fault public moving;
    Fault public reading;
    /// @notice Added to the true balance that is answered for an account.
    mapping(address account => int256) public lies;

    constructor(string memory name_, string memory symbol_, uint8 decimals_) TestToken(name_, symbol_, decimals_) {}

    /// @notice Chooses what goes wrong in transfers and in reading balances.
    function setFaults(Fault moving_, Fault reading_) external {
        moving = moving_;
        reading = reading_;
    }

    function setLie(address account, int256 lie) external {
        lies[account] = lie;
    }

    function balanceOf(address owner) public view override returns (uint256) {
        _fail(reading);
        return uint256(int256(balances[owner]) + lies[owner]);
    }

    function _move(address from, address to, uint256 value) internal override {
        if (moving == Fault.Pretend) return;
        super._move(from, to, value);
        _fail(moving);
    }

    function _fail(Fault fault) private pure {
        assembly ("memory-safe") {
            switch fault
            case 1 { invalid() }
            case 3 { revert(0, 0xa0000) }
            case 4 { revert(0, 0) }
        }
    }
}
