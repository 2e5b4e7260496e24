// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @title The proxy's code in front of a contract that is no Stylus program
/// @notice The proxy refuses anything but an active program, so its code is put in front of the model by hand: the same
/// runtime code, the same slot, the same initialisation in the creating transaction.
contract VaultShell {
    constructor(bytes32 slot, address implementation, bytes memory initialisation, bytes memory runtime) {
        assembly ("memory-safe") {
            sstore(slot, implementation)
        }
        (bool success, bytes memory answer) = implementation.delegatecall(initialisation);
        assembly ("memory-safe") {
            if iszero(success) { revert(add(answer, 0x20), mload(answer)) }
            return(add(runtime, 0x20), mload(runtime))
        }
    }
}
