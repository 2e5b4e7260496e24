// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @title Attacker that does everything in one transaction
/// @notice Makes calls one after the other and undoes all of them if one that must succeed does not. Accepts anything
/// that is sent to it.
contract Batcher {
    struct Step {
        address target;
        bytes data;
        bool mustSucceed;
        uint256 gasLimit; // 0 for all there is
    }

    error StepFailed(uint256 index, bytes output);

    receive() external payable {}

    function run(Step[] calldata steps) external returns (bool[] memory successes, bytes[] memory outputs) {
        successes = new bool[](steps.length);
        outputs = new bytes[](steps.length);
        for (uint256 i = 0; i < steps.length; i++) {
            uint256 limit = steps[i].gasLimit == 0 ? gasleft() : steps[i].gasLimit;
            (successes[i], outputs[i]) = steps[i].target.call{gas: limit}(steps[i].data);
            if (steps[i].mustSucceed && !successes[i]) revert StepFailed(i, outputs[i]);
        }
    }
}
