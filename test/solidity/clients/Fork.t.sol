// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Sample} from "./Sample.sol";

interface IForkVm {
    function activeFork() external view returns (uint256);
    function envExists(string calldata name) external view returns (bool);
    function envAddress(string calldata name) external view returns (address);
    function envString(string calldata name) external view returns (string memory);
    function envUint(string calldata name) external view returns (uint256);
    function prank(address sender) external;
    function createSelectFork(string calldata url, uint256 blockNumber) external returns (uint256);
    function rpc(string calldata method, string calldata params) external returns (bytes memory);
    function skip(bool skipped) external;
}

/// @title Tests on a fork of a running node
/// @notice Skipped unless `SAMPLE` says where a `Sample` is deployed on the node that `--fork-url` names.
contract ForkTest {
    IForkVm private constant VM = IForkVm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    function testForkReadsAndChangesItsCopy() external {
        VM.skip(!VM.envExists("SAMPLE"));
        Sample sample = Sample(VM.envAddress("SAMPLE"));
        require(sample.value() == VM.envUint("SAMPLE_VALUE"), "another value than the node's");
        address stranger = address(0xdead);
        VM.prank(stranger);
        sample.set(99, "only here");
        require(sample.value() == 99, "not stored in the fork");
    }

    function testForkAsksTheNodeByRpc() external {
        VM.skip(!VM.envExists("SAMPLE"));
        bytes memory answer = VM.rpc("eth_chainId", "[]");
        uint256 chain;
        for (uint256 i; i < answer.length; ++i) chain = chain << 8 | uint8(answer[i]);
        require(chain == block.chainid, "another chain id than the fork's");
    }

    function testForkOfAnOlderBlockHasItsState() external {
        VM.skip(!VM.envExists("SAMPLE"));
        VM.createSelectFork(VM.envString("DEVNODE_URL"), VM.envUint("SAMPLE_BIRTH"));
        require(Sample(VM.envAddress("SAMPLE")).value() == VM.envUint("SAMPLE_FIRST"), "not the older value");
    }
}
