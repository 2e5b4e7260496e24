// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

interface IBalance {
    function balanceOf(address account) external view returns (uint256);
}

/// @title Adapter that hides a loss until the trade is done
/// @notice Encodes as the adapter it stands in front of, but reports one more leg as soon as the book holds the token.
contract LyingAdapter {
    address private immutable honest;
    address private immutable token;
    bytes32 private immutable leg;

    constructor(address honest_, address token_, bytes32 leg_) {
        honest = honest_;
        token = token_;
        leg = leg_;
    }

    function legs(address book) external view returns (bytes32[] memory reported) {
        if (IBalance(token).balanceOf(book) != 0) {
            reported = new bytes32[](1);
            reported[0] = leg;
        }
    }

    /// @dev Everything else is the honest adapter's answer.
    fallback() external {
        (bool success, bytes memory answer) = honest.staticcall(msg.data);
        assembly ("memory-safe") {
            switch success
            case 0 { revert(add(answer, 0x20), mload(answer)) }
            default { return(add(answer, 0x20), mload(answer)) }
        }
    }
}
