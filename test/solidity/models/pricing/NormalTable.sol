// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Normal} from "./Normal.sol";

/// @title Φ as a table of polynomials, for contracts that evaluate it thousands of times
/// @notice 960 pieces of width 1/64 from -7.5 to 7.5, each of degree 4 through the Chebyshev nodes: error below 3e-14.
/// @dev A piece is Σ cᵢuⁱ, u in [0, 1) across it, each cᵢ a signed multiple of 2⁻⁴⁸. An entry of 25 bytes, as the top of
/// a word: 23 empty bits, then c₀ to c₄ in 49, 42, 35, 28 and 21 bits, 2 empty bits. With u in Q46 a Horner scheme
/// needs no shift, and c₀ stands where the scheme ends (Q232), so that it is added without being cut out. What a field
/// shows below its own last bit is the next field; each coefficient is rounded with that counted in.
library NormalTable {
    uint256 internal constant PIECES = 960;
    uint256 internal constant ENTRY = 25;

    function build() internal pure returns (bytes memory data) {
        unchecked {
            // Chebyshev nodes in [0, 1], Q64.
            int256[5] memory nodes =
                [int256(451423958989537926), 3802009977184749641, 9223372036854775808, 14644734096524801975, 17995320114720013690];
            data = new bytes(PIECES * ENTRY + 7);
            for (uint256 i; i < PIECES; ++i) {
                int256[5] memory f;
                for (uint256 j; j < 5; ++j) {
                    // From -7.5, Q96.
                    int256 x = (nodes[j] << 26) + (int256(i) << 90) - (15 << 95);
                    f[j] = x < 0 ? int256(Normal.tail(uint256(-x))) : (1 << 96) - int256(Normal.tail(uint256(x)));
                }
                uint256 entry = _entry(f);
                assembly {
                    mstore(add(add(data, 32), mul(i, 25)), entry)
                }
            }
            assembly {
                mstore(data, 24000)
            }
        }
    }

    /// @dev The inverse of the Vandermonde matrix at the nodes, in Q64, turns values into coefficients.
    function _entry(int256[5] memory f) private pure returns (uint256 entry) {
        int256[5] memory c;
        c[0] = _dot(f, [int256(23293631667241311279), -7240754742285448766, 3689348814741910323, -1879817113173110023, 584335447184888802]);
        c[1] = _dot(f, [int256(-212823239656353627886), 326906753652114101857, -177088743107611695514, 91623007600539334603, -28617778488688113061]);
        c[2] = _dot(f, [int256(620759111538523756519), -1310202634477990255492, 1121562039681540738253, -636517022097939986188, 204398505355865746908]);
        c[3] = _dot(f, [int256(-722503467476900432351), 1752751766116626894988, -1888946593147858085478, 1303628024529926715452, -444929730021795092610]);
        c[4] = _dot(f, [int256(291858299374673881240), -764094947661638402610, 944473296573929042739, -764094947661638402610, 291858299374673881240]);
        // Lowest field first: `below` is what the fields so far add to the next one, in Q160.
        uint256[5] memory offset = [uint256(184), 142, 107, 79, 58];
        uint256[5] memory width = [uint256(49), 42, 35, 28, 21];
        unchecked {
            for (uint256 i = 5; i-- > 0;) {
                // What the fields below look like, as a share of this field's last bit (2⁻⁴⁸ of the value).
                int256 below = int256((entry << (256 - offset[i])) >> (256 - 112));
                int256 field = (c[i] - below + (1 << 111)) >> 112;
                entry |= (uint256(field) & ((1 << width[i]) - 1)) << offset[i];
            }
        }
    }

    /// @dev Σ aᵢbᵢ of Q96 and Q64: Q160.
    function _dot(int256[5] memory a, int256[5] memory b) private pure returns (int256 sum) {
        unchecked {
            for (uint256 i; i < 5; ++i) sum += a[i] * b[i];
        }
    }
}
