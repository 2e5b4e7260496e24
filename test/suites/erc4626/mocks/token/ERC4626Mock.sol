// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {Remote} from "../../Remote.sol";
import {ERC20Mock} from "./ERC20Mock.sol";

/// @title The vault on the node, where the suite expects a mock of OpenZeppelin's
contract ERC4626Mock is Remote {
    ERC20Mock private immutable _asset;

    constructor(address asset) {
        _asset = ERC20Mock(asset);
        _asset.attach(address(this));
    }

    /// @dev The set-up deposits what it minted, folded in the same way.
    function deposit(uint256 assets, address receiver) external returns (uint256) {
        bytes memory call = abi.encodeWithSelector(this.deposit.selector, _asset.folded(assets), receiver);
        return abi.decode(_send(msg.sender, VM.envAddress("VAULT"), call), (uint256));
    }

    fallback(bytes calldata data) external returns (bytes memory) {
        bytes memory call = _replaced(data, address(this), VM.envAddress("VAULT"));
        bytes4 selector = msg.sig;
        bool writes = selector == bytes4(keccak256("mint(uint256,address)"))
            || selector == bytes4(keccak256("approve(address,uint256)"))
            || selector == bytes4(keccak256("withdraw(uint256,address,address)"))
            || selector == bytes4(keccak256("redeem(uint256,address,address)"));
        return writes
            ? _send(msg.sender, VM.envAddress("VAULT"), call)
            : _ask(msg.sender, VM.envAddress("VAULT"), call);
    }
}
