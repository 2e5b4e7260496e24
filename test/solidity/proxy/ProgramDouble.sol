// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @title A program of an EVM, for tests of the proxy
/// @notice Initialises as vault and book do: only while the acting address has no code.
contract ProgramDouble {
    uint256 public value;
    address public initialiser;

    error AlreadyInitialized();
    error Refused(bytes data);

    /// @notice Remembers `value_` and its caller; with `refusal` it reverts with `Refused(refusal)`.
    function initialize(uint256 value_, bytes calldata refusal) external {
        if (address(this).code.length != 0) revert AlreadyInitialized();
        if (refusal.length != 0) revert Refused(refusal);
        value = value_;
        initialiser = msg.sender;
    }

    /// @notice Takes Ether, so that a refusal is the proxy's.
    function setValue(uint256 value_) external payable {
        value = value_;
    }

    /// @notice Reverts with exactly `data`.
    function fail(bytes calldata data) external pure {
        bytes memory copied = data;
        assembly ("memory-safe") {
            revert(add(copied, 0x20), mload(copied))
        }
    }

    /// @notice Tells who called with what.
    fallback(bytes calldata data) external returns (bytes memory) {
        return abi.encodePacked(msg.sender, data);
    }
}
