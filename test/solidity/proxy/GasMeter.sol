// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @title Gas that a call costs its caller
contract GasMeter {
    /// @notice Gas of two calls in a row: the second finds accounts and slots warm.
    function measure(address target, bytes calldata data) external returns (uint256 cold, uint256 warm) {
        cold = _gas(target, data);
        warm = _gas(target, data);
    }

    function _gas(address target, bytes memory data) private returns (uint256) {
        uint256 before = gasleft();
        (bool success,) = target.call(data);
        uint256 spent = before - gasleft();
        require(success, "the call failed");
        return spent;
    }
}
