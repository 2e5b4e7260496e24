// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Normal} from "./Normal.sol";

/// @title Φ as a table of parabolas, for contracts that evaluate it thousands of times
/// @notice 2,200 pieces of width 1/176 from -6.25 to 6.25, each through the Chebyshev nodes: error below 5e-10, which
/// with two values an option is what the scenario grid of the Rust side promises too. It fills one contract's code.
/// @dev A piece is c₀ + c₁u + c₂u², u in [0, 1) across it. An entry of 11 bytes, as the top of a word: 8 empty bits, then
/// c₀ in 36 bits of 2⁻³⁵, c₁ in 27 of 2⁻³⁴, c₂ in 17 of 2⁻³³, the last two signed. With u in Q107 a Horner scheme needs
/// no shift, and c₀ stands where the scheme ends (Q247), so that it is added without being cut out. What a field shows
/// below its own last bit is the next field; each coefficient is rounded with that counted in.
library NormalTable {
    uint256 internal constant PIECES = 2200;
    uint256 internal constant ENTRY = 11;

    function build() internal pure returns (bytes memory data) {
        unchecked {
            data = new bytes(PIECES * ENTRY + 32);
            for (uint256 i; i < PIECES; ++i) {
                uint256 entry = _entry(_cdf(i, 1235697544383518257), _cdf(i, 9223372036854775808), _cdf(i, 17211046529326033359));
                assembly {
                    mstore(add(add(data, 32), mul(i, 11)), entry)
                }
            }
            assembly {
                mstore(data, 24200)
            }
        }
    }

    /// @dev Φ in Q96 in piece `i` at `u` in Q64.
    function _cdf(uint256 i, uint256 u) private pure returns (int256) {
        unchecked {
            int256 x = int256((((i << 64) | u) << 32) / 176) - (25 << 94);
            return x < 0 ? int256(Normal.tail(uint256(-x))) : (1 << 96) - int256(Normal.tail(uint256(x)));
        }
    }

    /// @dev The inverse of the Vandermonde matrix at the nodes, in Q64, turns values into coefficients in Q160.
    function _entry(int256 f0, int256 f1, int256 f2) private pure returns (uint256 entry) {
        unchecked {
            // Lowest field first: what the fields so far add to the next one counts.
            entry = _field(f0 * 49191317529892137643 - f1 * 98382635059784275285 + f2 * 49191317529892137643, 127, 168, 17, 0);
            entry |= _field(f0 * -70491782843148824445 + f1 * 98382635059784275285 - f2 * 27890852216635450841, 126, 185, 27, entry);
            entry |= _field(f0 * 22948062039101377812 - f1 * 6148914691236517205 + f2 * 1647596725844691010, 125, 212, 36, entry);
        }
    }

    /// @dev `value` in Q160 rounded to units of 2^(unit - 160), as `width` bits from `offset` on above `lower`.
    function _field(int256 value, uint256 unit, uint256 offset, uint256 width, uint256 lower)
        private
        pure
        returns (uint256)
    {
        unchecked {
            int256 below = int256(unit > offset ? lower << (unit - offset) : lower >> (offset - unit));
            int256 field = (value - below + int256(1 << (unit - 1))) >> unit;
            return (uint256(field) & ((1 << width) - 1)) << offset;
        }
    }
}
