// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @title Several calls in one transaction
/// @notice Makes them one after the other, whatever becomes of each, and tells.
contract VaultCaller {
    struct Result {
        bool success;
        bytes answer;
    }

    function run(address target, bytes[] calldata calls) external returns (Result[] memory results) {
        results = new Result[](calls.length);
        for (uint256 i; i < calls.length; ++i) {
            (results[i].success, results[i].answer) = target.call(calls[i]);
        }
    }
}
