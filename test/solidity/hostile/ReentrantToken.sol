// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {TestToken} from "../venues/TestToken.sol";

/// @title Token that calls somebody back while it moves
/// @notice A plain token, but every transfer makes calls that anyone may choose, before and after the balances change,
/// as ERC-777 hooks do, and tells how each ended. Anyone may also act as the token, so that it can hold shares and
/// roles. Transfers inside a hook make no calls.
contract ReentrantToken is TestToken {
    struct Hook {
        address target;
        bytes data;
        bool afterMove;
    }

    /// @notice How a call of a hook ended.
    event Ended(bool success, bytes output);

    error ActFailed(bytes output);

    Hook[] private hooks;
    bool private inside;

    constructor(string memory name_, string memory symbol_, uint8 decimals_) TestToken(name_, symbol_, decimals_) {}

    /// @notice Chooses what transfers call.
    function setHooks(Hook[] calldata chosen) external {
        delete hooks;
        for (uint256 i = 0; i < chosen.length; i++) {
            hooks.push(chosen[i]);
        }
    }

    /// @notice Makes a call as the token.
    function act(address target, bytes calldata data) external returns (bytes memory) {
        (bool success, bytes memory output) = target.call(data);
        if (!success) revert ActFailed(output);
        return output;
    }

    function _move(address from, address to, uint256 value) internal override {
        _fire(false);
        super._move(from, to, value);
        _fire(true);
    }

    function _fire(bool afterMove) private {
        if (inside) return;
        inside = true;
        for (uint256 i = 0; i < hooks.length; i++) {
            if (hooks[i].afterMove != afterMove) continue;
            (bool success, bytes memory output) = hooks[i].target.call(hooks[i].data);
            emit Ended(success, output);
        }
        inside = false;
    }
}
