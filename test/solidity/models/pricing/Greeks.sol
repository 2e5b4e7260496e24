// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {Black76} from "./Black76.sol";

/// @title Price and five Greeks of options on a forward
/// @notice The fallback takes records of 32 bytes, without selector or header, and answers six words of 32 bytes each.
contract Greeks {
    fallback() external {
        unchecked {
            uint256 out;
            assembly {
                out := mload(0x40)
            }
            uint256 end = msg.data.length;
            for (uint256 p; p < end; p += 32) {
                _option(p, out);
                out += 192;
            }
            assembly {
                let start := mload(0x40)
                return(start, sub(out, start))
            }
        }
    }

    function _option(uint256 at, uint256 out) private pure {
        unchecked {
            uint256 w;
            assembly {
                w := calldataload(at)
            }
            uint256 f = w >> 192;
            uint256 k = (w >> 128) & 0xffffffffffffffff;
            uint256 t; // years, Q88
            uint256 v; // σ√T, Q64
            uint256 root; // √T, Q64
            int256 r; // Q64
            assembly {
                t := div(and(shr(8, w), 0xffffffff0000000000000000000000), 31536000)
                r := sdiv(shl(64, signextend(3, shr(32, w))), 1000000)
            }
            root = FixedPointMathLib.sqrt(t << 40);
            assembly {
                v := div(mul(and(shr(64, w), 0xffffffff), root), 1000000)
            }
            int256 x = Black76.lnRatio(f, k);
            int256 d;
            assembly {
                d := add(sdiv(shl(47, x), v), shr(1, v))
            }
            // φ(d1), and K·φ(d2) = F·φ(d1).
            uint256 pdf = (Black76.expNeg(uint256(d * d) >> 65) * 7359186146747302452) >> 64;
            uint256 discount;
            assembly {
                discount := sar(88, mul(t, r))
            }
            discount = Black76.expNegSigned(int256(discount));
            uint256 n1 = Black76.cdf(d, pdf);
            uint256 n2;
            assembly {
                n2 := div(mul(pdf, f), k)
            }
            n2 = Black76.cdf(d - int256(v), n2);
            assembly {
                let df := mul(discount, 10000000000)
                let price := sub(mul(f, n1), mul(k, n2))
                let delta := mul(discount, n1)
                if and(w, 1) {
                    price := add(price, shl(64, sub(k, f)))
                    delta := sub(delta, shl(64, discount))
                }
                // Half a unit of 2^-64 may be missing under parity.
                price := sar(128, mul(df, price))
                mstore(out, price)
                mstore(add(out, 0x20), sar(128, mul(delta, 1000000000000000000)))
                // D·φ in Q64, and times F with 18 decimals.
                let density := shr(64, mul(discount, pdf))
                mstore(add(out, 0x40), div(mul(density, 100000000000000000000000000), mul(f, v)))
                let scaled := mul(mul(density, f), 10000000000)
                mstore(add(out, 0x60), shr(128, mul(scaled, root)))
                mstore(add(out, 0x80), sub(sar(64, mul(r, price)), shr(40, div(mul(scaled, v), shl(1, t)))))
                mstore(add(out, 0xa0), sub(0, sar(88, mul(t, price))))
            }
        }
    }
}
