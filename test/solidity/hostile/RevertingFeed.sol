// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @title Price feed that never answers
/// @notice Every way in which a call to a feed can fail: a reader must treat each as "no price" and stay able to let
/// depositors leave.
contract RevertingFeed {
    enum Failure {
        Silent, // reverts without data
        Reason, // reverts with a string
        Panic, // reverts with a panic code
        BurnGas, // uses all the gas it is given
        ShortAnswer, // returns fewer words than the interface has
        HugeRevert // reverts with 64 KiB of data
    }

    Failure public failure;

    uint8 public constant decimals = 8;
    string public constant description = "never answers";

    constructor(Failure failure_) {
        failure = failure_;
    }

    function setFailure(Failure failure_) external {
        failure = failure_;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        Failure kind = failure;
        if (kind == Failure.Reason) revert("no data present");
        if (kind == Failure.Panic) assert(false);
        assembly ("memory-safe") {
            switch kind
            case 3 { invalid() }
            case 4 { return(0, 0x40) }
            case 5 { revert(0, 0x10000) }
            default { revert(0, 0) }
        }
    }
}
