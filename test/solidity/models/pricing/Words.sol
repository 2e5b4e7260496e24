// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @title Arrays of words from call data and back, with as little around them as can be
/// @dev For external functions of one `int256[]` in its standard encoding, which write from `OUT` on and end by `finish`.
library Words {
    /// Where the array's first element lies: after selector, offset and length.
    uint256 internal constant IN = 0x44;
    /// Where the first result is written.
    uint256 internal constant OUT = 0xc0;

    function load(uint256 at) internal pure returns (int256 x) {
        assembly {
            x := calldataload(at)
        }
    }

    function store(uint256 out, int256 y) internal pure returns (uint256 next) {
        assembly {
            mstore(out, y)
            next := add(out, 32)
        }
    }

    /// @notice Returns the results as an `int256[]`.
    function finish(uint256 out) internal pure {
        assembly {
            mstore(0x80, 0x20)
            mstore(0xa0, shr(5, sub(out, 0xc0)))
            return(0x80, sub(out, 0x80))
        }
    }
}
