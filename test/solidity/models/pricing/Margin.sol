// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {SSTORE2} from "solady/utils/SSTORE2.sol";
import {Black76} from "./Black76.sol";
import {NormalTable} from "./NormalTable.sol";

/// @title Scenario margin of options and perpetuals on one underlying
/// @notice The fallback takes numbers of eight big-endian bytes, without selector: spot, the signed sizes of eight
/// perpetuals, and for each option six: its terms as `Black76` has them and the signed quantity. Spot, forwards and
/// strikes have one scale, quantities 2^32 for one token. It answers such numbers too: 33 losses in the scale of the
/// prices, the largest, and its index. Index 3i + v is move i of the price, -20 % to +20 %, with volatility down (v = 0),
/// unchanged and up; the six far prices follow.
contract Margin {
    address private immutable TABLE = SSTORE2.write(NormalTable.build());

    /// Where memory holds the scenarios, after the table.
    uint256 private constant GRID = 0x5ea0;
    /// ln 0.8, ln 1.2, ln 0.34 and ln 3 in Q47.
    int256 private constant LN_LOW = -31404662954650;
    int256 private constant LN_HIGH = 25659477976214;
    int256 private constant LN_LEAST = -151828962154947;
    int256 private constant LN_MOST = 154615934183448;

    fallback() external {
        unchecked {
            _grid();
            address from = TABLE;
            int256 linear; // value per factor of the price, Q64
            assembly {
                extcodecopy(from, 0, 1, 24200)
                let size
                for { let p := 0 } lt(p, 64) { p := add(p, 8) } {
                    // The size ends where the loaded word ends.
                    size := add(size, signextend(7, shr(192, calldataload(add(p, 8)))))
                }
                linear := shl(64, mul(size, shr(192, calldataload(0))))
            }
            for (uint256 at = 72; at < msg.data.length; at += 48) linear -= _option(at);
            _answer(linear);
        }
    }

    /// @dev Turns values into losses and returns them.
    function _answer(int256 linear) private pure {
        assembly {
            function put(out, id, loss, worst, index) -> largest, where {
                // From Q144: Q112, and quantities in Q32.
                loss := sar(144, loss)
                mstore(out, shl(192, loss))
                largest := worst
                where := index
                if sgt(loss, worst) {
                    largest := loss
                    where := id
                }
            }
            let out := add(GRID, 3168)
            // Price unchanged, volatility unchanged.
            let base := add(mload(add(GRID, 1888)), shl(48, linear))
            let worst := 0
            let index := 13
            let id := 0
            let p := GRID
            for {} lt(id, 27) { p := add(p, 96) } {
                let rest := sub(base, shl(48, sar(56, mul(linear, mload(add(p, 32))))))
                worst, index := put(out, id, sub(rest, mload(add(p, 2368))), worst, index)
                worst, index := put(add(out, 8), add(id, 1), sub(rest, mload(add(p, 1504))), worst, index)
                worst, index := put(add(out, 16), add(id, 2), sub(rest, mload(add(p, 64))), worst, index)
                out := add(out, 24)
                id := add(id, 3)
            }
            // Damped to 40, 60, 80, 80, 60, 40 percent.
            for { let tenths := 0x406080806040 } tenths { tenths := shr(8, tenths) } {
                let loss := sub(base, add(mload(add(p, 64)), shl(48, sar(56, mul(linear, mload(add(p, 32)))))))
                loss := sdiv(mul(loss, shr(4, and(tenths, 0xff))), 10)
                worst, index := put(out, id, loss, worst, index)
                p := add(p, 96)
                out := add(out, 8)
                id := add(id, 1)
            }
            mstore(out, shl(192, worst))
            mstore(add(out, 8), shl(192, index))
            return(add(GRID, 3168), 280)
        }
    }

    /// @dev Adds the option at `at` to the values of all scenarios as a call. For a put, by parity, there is also
    /// something linear in the price: it is returned, the constant part cancels in every loss.
    function _option(uint256 at) private pure returns (int256 linear) {
        unchecked {
            uint256 w;
            int256 r;
            assembly {
                w := calldataload(at)
                r := calldataload(add(at, 16))
            }
            uint256 f = w >> 192;
            uint256 k = (w >> 128) & 0x7fffffffffffffff;
            uint256 t = (w >> 64) & 0xffffffffffffffff;
            uint256 v = w & 0xffffffffffffffff;
            int256 y;
            assembly {
                y := sar(56, mul(t, signextend(7, shr(64, r))))
            }
            Black76.check(f, k, t, v, y, at);
            v = (v * Black76.sqrtYears(t)) >> 60;
            uint256 discount = Black76.expNeg(y);
            int256 callF; // quantity·D·F, and quantity·D·K
            int256 callK;
            assembly {
                let weight := mul(discount, signextend(7, r))
                callF := mul(f, weight)
                if and(shr(191, w), 1) { linear := callF }
                callF := sar(64, callF)
                callK := sar(8, mul(k, weight))
            }
            int256 x = Black76.lnRatio(f, k);
            // Volatility up by 60 %·(30 d/T)^0.30, down by 30 %·(30 d/T)^0.13, T at least a day.
            int256 term = Black76.lnRatio(94760671611521669, t < 3158689053717388 ? 3158689053717388 : t);
            uint256 up;
            uint256 down;
            assembly {
                up := sdiv(mul(term, sub(0, 3)), shl(17, 10))
                down := sdiv(mul(term, sub(0, 13)), shl(17, 100))
            }
            up = Black76.expNeg(int256(up));
            down = Black76.expNeg(int256(down));
            assembly {
                up := add(v, shr(64, div(mul(mul(up, v), 6), 10)))
                down := sub(v, shr(64, div(mul(mul(down, v), 3), 10)))
            }
            _row(x, up, callF, callK, GRID, GRID + 15 * 96, LN_LEAST, LN_MOST);
            _row(x, v, callF, callK, GRID + 15 * 96, GRID + 24 * 96, LN_LOW, LN_HIGH);
            _row(x, down, callF, callK, GRID + 24 * 96, GRID + 33 * 96, LN_LOW, LN_HIGH);
        }
    }

    /// @dev Adds one option at one volatility to the scenarios from `p` to `end`, a multiple of three, whose logarithms
    /// lie between `low` and `high`. `NormalTable` says how an entry is read.
    function _row(int256 x, uint256 v, int256 callF, int256 callK, uint256 p, uint256 end, int256 low, int256 high)
        private
        pure
    {
        assembly {
            // Arguments are counted in pieces of the table, from its start, in Q107: d1 unmoved, and v.
            let inverse := div(shl(124, 176), v)
            v := mul(shl(43, 176), v)
            let d := add(add(mul(sar(34, x), inverse), shr(1, v)), shl(107, 1100))
            let u := sub(add(d, mul(low, inverse)), v)
            let inside := and(sgt(u, 0), slt(add(d, mul(high, inverse)), 356970409024269399461471622633881600))
            let c
            let z
            let n
            let y
            for {} mul(inside, lt(p, end)) { p := add(p, 288) } {
                u := add(d, mul(mload(p), inverse))
                c := mload(mul(11, shr(107, u)))
                z := and(u, 0x7ffffffffffffffffffffffffff)
                n := add(mul(sar(239, shl(71, c)), z), sar(123, shl(44, c)))
                n := sar(191, add(mul(n, z), c))
                n := mul(mul(callF, mload(add(p, 32))), n)
                u := sub(u, v)
                c := mload(mul(11, shr(107, u)))
                z := and(u, 0x7ffffffffffffffffffffffffff)
                y := add(mul(sar(239, shl(71, c)), z), sar(123, shl(44, c)))
                y := sar(191, add(mul(y, z), c))
                mstore(add(p, 64), add(mload(add(p, 64)), sub(n, mul(callK, y))))
                u := add(d, mul(mload(add(p, 96)), inverse))
                c := mload(mul(11, shr(107, u)))
                z := and(u, 0x7ffffffffffffffffffffffffff)
                n := add(mul(sar(239, shl(71, c)), z), sar(123, shl(44, c)))
                n := sar(191, add(mul(n, z), c))
                n := mul(mul(callF, mload(add(p, 128))), n)
                u := sub(u, v)
                c := mload(mul(11, shr(107, u)))
                z := and(u, 0x7ffffffffffffffffffffffffff)
                y := add(mul(sar(239, shl(71, c)), z), sar(123, shl(44, c)))
                y := sar(191, add(mul(y, z), c))
                mstore(add(p, 160), add(mload(add(p, 160)), sub(n, mul(callK, y))))
                u := add(d, mul(mload(add(p, 192)), inverse))
                c := mload(mul(11, shr(107, u)))
                z := and(u, 0x7ffffffffffffffffffffffffff)
                n := add(mul(sar(239, shl(71, c)), z), sar(123, shl(44, c)))
                n := sar(191, add(mul(n, z), c))
                n := mul(mul(callF, mload(add(p, 224))), n)
                u := sub(u, v)
                c := mload(mul(11, shr(107, u)))
                z := and(u, 0x7ffffffffffffffffffffffffff)
                y := add(mul(sar(239, shl(71, c)), z), sar(123, shl(44, c)))
                y := sar(191, add(mul(y, z), c))
                mstore(add(p, 256), add(mload(add(p, 256)), sub(n, mul(callK, y))))
            }
            // Where some argument leaves the table. After the loop above `p` is at the end.
            for {} lt(p, end) { p := add(p, 96) } {
                u := add(d, mul(mload(p), inverse))
                n := shl(56, sgt(u, 0))
                if lt(u, 356970409024269399461471622633881600) {
                    c := mload(mul(11, shr(107, u)))
                    z := and(u, 0x7ffffffffffffffffffffffffff)
                    n := add(mul(sar(239, shl(71, c)), z), sar(123, shl(44, c)))
                    n := sar(191, add(mul(n, z), c))
                }
                n := mul(mul(callF, mload(add(p, 32))), n)
                u := sub(u, v)
                y := shl(56, sgt(u, 0))
                if lt(u, 356970409024269399461471622633881600) {
                    c := mload(mul(11, shr(107, u)))
                    z := and(u, 0x7ffffffffffffffffffffffffff)
                    y := add(mul(sar(239, shl(71, c)), z), sar(123, shl(44, c)))
                    y := sar(191, add(mul(y, z), c))
                }
                mstore(add(p, 64), add(mload(add(p, 64)), sub(n, mul(callK, y))))
            }
        }
    }

    /// @dev Writes the scenarios from 0x80 on; returns the end. Up: nine moves and six far ones; then the nine twice.
    function _grid() private pure {
        assembly {
            function put(p, logarithm, factor) {
                mstore(p, logarithm)
                mstore(add(p, 32), factor)
                mstore(add(p, 64), 0)
            }
            put(0x5ea0, sub(0, 31404662954650), 57646075230342349)
            put(0x5f00, sub(0, 22872505947713), 61248954932238746)
            put(0x5f60, sub(0, 14828174345505), 64851834634135142)
            put(0x5fc0, sub(0, 7218889421574), 68454714336031539)
            put(0x6020, 0, 72057594037927936)
            put(0x6080, 6866605161650, 75660473739824333)
            put(0x60e0, 13413715320355, 79263353441720730)
            put(0x6140, 19669744737542, 82866233143617126)
            put(0x61a0, 25659477976214, 86469112845513523)
            put(0x6200, sub(0, 151828962154947), 24499581972895498)
            put(0x6260, sub(0, 97551793252584), 36028797018963968)
            put(0x62c0, sub(0, 56362206865533), 48278588005411717)
            put(0x6320, 57064140930865, 108086391056891904)
            put(0x6380, 97551793252584, 144115188075855872)
            put(0x63e0, 154615934183448, 216172782113783808)
            mcopy(0x6440, 0x5ea0, 864)
            mcopy(0x67a0, 0x5ea0, 864)
        }
    }
}
