// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Linked, Sample} from "./Sample.sol";

interface IBroadcastVm {
    function startBroadcast() external;
    function stopBroadcast() external;
}

/// @title Script for `forge script --broadcast`
/// @notice Deploys with a linked library, deploys through the deterministic deployer, and calls what it deployed.
contract Broadcast {
    IBroadcastVm private constant VM = IBroadcastVm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    /// @dev forge asks every script for it.
    bool public constant IS_SCRIPT = true;

    function run(bytes32 salt) external returns (address linked, address sample) {
        VM.startBroadcast();
        linked = address(new Linked());
        Sample deployed = new Sample{salt: salt}(7);
        deployed.set(Linked(linked).square(12), "from the script");
        deployed.pay{value: 3}();
        VM.stopBroadcast();
        require(deployed.value() == 144, "not stored");
        sample = address(deployed);
    }
}
