// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {SSTORE2} from "solady/utils/SSTORE2.sol";
import {Black76} from "./Black76.sol";
import {NormalTable} from "./NormalTable.sol";

/// @title Scenario margin of options and perpetuals on one underlying
/// @notice The fallback takes a header and records, without selector, all numbers eight big-endian bytes: spot, the
/// number of options, the number of perpetuals; the options, 48 bytes each, five terms as `Black76` has them and the
/// signed quantity; the perpetuals' signed sizes. Spot, forwards and strikes have one scale, quantities another.
/// It answers two words: the worst loss, price times quantity in Q112, and its scenario: 1 to 9 volatility up and
/// price -20 % to +20 %, 10 to 15 the far prices, 16 to 24 volatility unchanged, 25 to 33 down; 0 when nothing loses.
contract Margin {
    address private immutable TABLE = SSTORE2.write(NormalTable.build());

    /// Where memory holds the scenarios, after the table.
    uint256 private constant GRID = 0x5e00;
    /// ln 0.8, ln 1.2, ln 0.34 and ln 3 in Q80.
    int256 private constant LN_LOW = -269764000664250092112816;
    int256 private constant LN_HIGH = 220413237480546758725254;
    int256 private constant LN_LEAST = -1304200854082241004544735;
    int256 private constant LN_MOST = 1328140761516798092157978;

    fallback() external {
        unchecked {
            uint256 grid; // 33 scenarios of three words: ln of the price factor in Q80, the factor in Q56, value
            _grid();
            address from = TABLE;
            assembly {
                grid := 0x5e00
                extcodecopy(from, 0, 1, 24000)
            }
            int256 linear; // value per factor of price, Q64
            uint256 end;
            assembly {
                let head := calldataload(0)
                end := add(24, mul(48, and(shr(128, head), 0xffffffff)))
                let last := add(end, shl(3, and(shr(64, head), 0xffffffff)))
                let size
                for { let p := sub(end, 24) } lt(p, sub(last, 24)) { p := add(p, 8) } {
                    size := add(size, signextend(7, calldataload(p)))
                }
                linear := shl(64, mul(size, shr(192, head)))
            }
            for (uint256 at = 24; at < end; at += 48) linear -= _option(at);
            int256 worst;
            uint256 scenario;
            assembly {
                // Scenario 19 of the grid: price unchanged, volatility unchanged.
                let base := add(mload(add(grid, 1888)), shl(48, linear))
                let id := 0
                for { let p := grid } lt(id, 33) { p := add(p, 96) } {
                    let loss := sub(base, add(mload(add(p, 64)), shl(48, sar(56, mul(linear, mload(add(p, 32)))))))
                    if lt(sub(id, 9), 6) {
                        loss := sdiv(mul(loss, byte(sub(id, 9), 0x0406080806040000000000000000000000000000000000000000000000000000)), 10)
                    }
                    id := add(id, 1)
                    if sgt(loss, worst) {
                        worst := loss
                        scenario := id
                    }
                }
                mstore(0, worst)
                mstore(32, scenario)
                return(0, 64)
            }
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
    /// lie between `low` and `high`. An entry of the table has 25 bytes: five coefficients, the constant on top.
    function _row(int256 x, uint256 v, int256 callF, int256 callK, uint256 p, uint256 end, int256 low, int256 high)
        private
        pure
    {
        assembly {
            let inverse := div(shl(128, 1), v)
            // d1 + 7.5 at the unmoved price, and v, in Q52.
            let d := add(add(sar(12, sdiv(shl(47, x), v)), shr(13, v)), 33776997205278720)
            v := shr(12, v)
            let u := sub(add(d, sar(92, mul(low, inverse))), v)
            let inside := and(sgt(u, 0), slt(add(d, sar(92, mul(high, inverse))), 67553994410557440))
            let c
            let z
            let n
            for {} mul(inside, lt(p, end)) { p := add(p, 288) } {
                u := add(d, sar(92, mul(mload(add(p, 0)), inverse)))
                c := mload(mul(25, shr(46, u)))
                z := and(u, 0x3fffffffffff)
                n := add(mul(sar(235, shl(177, c)), z), sar(182, shl(149, c)))
                n := add(mul(n, z), sar(129, shl(114, c)))
                n := add(mul(n, z), sar(76, shl(72, c)))
                n := mul(mul(callF, mload(add(p, 32))), sar(176, add(mul(n, z), c)))
                u := sub(u, v)
                c := mload(mul(25, shr(46, u)))
                z := and(u, 0x3fffffffffff)
                u := add(mul(sar(235, shl(177, c)), z), sar(182, shl(149, c)))
                u := add(mul(u, z), sar(129, shl(114, c)))
                u := add(mul(u, z), sar(76, shl(72, c)))
                u := sar(176, add(mul(u, z), c))
                mstore(add(p, 64), add(mload(add(p, 64)), sub(n, mul(callK, u))))
                u := add(d, sar(92, mul(mload(add(p, 96)), inverse)))
                c := mload(mul(25, shr(46, u)))
                z := and(u, 0x3fffffffffff)
                n := add(mul(sar(235, shl(177, c)), z), sar(182, shl(149, c)))
                n := add(mul(n, z), sar(129, shl(114, c)))
                n := add(mul(n, z), sar(76, shl(72, c)))
                n := mul(mul(callF, mload(add(p, 128))), sar(176, add(mul(n, z), c)))
                u := sub(u, v)
                c := mload(mul(25, shr(46, u)))
                z := and(u, 0x3fffffffffff)
                u := add(mul(sar(235, shl(177, c)), z), sar(182, shl(149, c)))
                u := add(mul(u, z), sar(129, shl(114, c)))
                u := add(mul(u, z), sar(76, shl(72, c)))
                u := sar(176, add(mul(u, z), c))
                mstore(add(p, 160), add(mload(add(p, 160)), sub(n, mul(callK, u))))
                u := add(d, sar(92, mul(mload(add(p, 192)), inverse)))
                c := mload(mul(25, shr(46, u)))
                z := and(u, 0x3fffffffffff)
                n := add(mul(sar(235, shl(177, c)), z), sar(182, shl(149, c)))
                n := add(mul(n, z), sar(129, shl(114, c)))
                n := add(mul(n, z), sar(76, shl(72, c)))
                n := mul(mul(callF, mload(add(p, 224))), sar(176, add(mul(n, z), c)))
                u := sub(u, v)
                c := mload(mul(25, shr(46, u)))
                z := and(u, 0x3fffffffffff)
                u := add(mul(sar(235, shl(177, c)), z), sar(182, shl(149, c)))
                u := add(mul(u, z), sar(129, shl(114, c)))
                u := add(mul(u, z), sar(76, shl(72, c)))
                u := sar(176, add(mul(u, z), c))
                mstore(add(p, 256), add(mload(add(p, 256)), sub(n, mul(callK, u))))
            }
            // Where some argument leaves the table. Nothing is left of `p` after the loop above.
            for {} lt(p, end) { p := add(p, 96) } {
                u := add(d, sar(92, mul(mload(p), inverse)))
                n := shl(56, sgt(u, 0))
                if lt(u, 67553994410557440) {
                    c := mload(mul(25, shr(46, u)))
                    z := and(u, 0x3fffffffffff)
                    n := add(mul(sar(235, shl(177, c)), z), sar(182, shl(149, c)))
                    n := add(mul(n, z), sar(129, shl(114, c)))
                    n := add(mul(n, z), sar(76, shl(72, c)))
                    n := sar(176, add(mul(n, z), c))
                }
                n := mul(mul(callF, mload(add(p, 32))), n)
                u := sub(u, v)
                switch lt(u, 67553994410557440)
                case 0 { u := shl(56, sgt(u, 0)) }
                default {
                    c := mload(mul(25, shr(46, u)))
                    z := and(u, 0x3fffffffffff)
                    u := add(mul(sar(235, shl(177, c)), z), sar(182, shl(149, c)))
                    u := add(mul(u, z), sar(129, shl(114, c)))
                    u := add(mul(u, z), sar(76, shl(72, c)))
                    u := sar(176, add(mul(u, z), c))
                }
                mstore(add(p, 64), add(mload(add(p, 64)), sub(n, mul(callK, u))))
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
            put(0x5e00, sub(0, 269764000664250092112816), 57646075230342349)
            put(0x5e60, sub(0, 196473330045989671112012), 61248954932238746)
            put(0x5ec0, sub(0, 127373047746657631756584), 64851834634135142)
            put(0x5f20, sub(0, 62009787958203987223532), 68454714336031539)
            put(0x5f80, 0, 72057594037927936)
            put(0x5fe0, 58983689207662897407855, 75660473739824333)
            put(0x6040, 115222937237561108324925, 79263353441720730)
            put(0x60a0, 168961820736821300772225, 82866233143617126)
            put(0x6100, 220413237480546758725254, 86469112845513523)
            put(0x6160, sub(0, 1304200854082241004544735), 24499581972895498)
            put(0x61c0, sub(0, 837963523372001241319908), 36028797018963968)
            put(0x6220, sub(0, 484147670435701952707815), 48278588005411717)
            put(0x6280, 490177238144796850838070, 108086391056891904)
            put(0x62e0, 837963523372001241319908, 144115188075855872)
            put(0x6340, 1328140761516798092157978, 216172782113783808)
            mcopy(0x63a0, 0x5e00, 864)
            mcopy(0x6700, 0x5e00, 864)
        }
    }
}
