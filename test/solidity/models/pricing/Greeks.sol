// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Black76} from "./Black76.sol";

/// @title Price and five Greeks of many options on forwards
/// @notice The fallback takes records of 40 bytes and answers results of 48, without selector or headers. A record is
/// forward, strike, years, volatility and rate as `Black76` has them, eight big-endian bytes each. A result is price,
/// delta, gamma times forward, vega, theta and rho, eight bytes each: delta and gamma in Q44, the others in the scale
/// of the forward.
contract Greeks {
    fallback() external {
        unchecked {
            uint256 out;
            for (uint256 at; at < msg.data.length; at += 40) out = _option(at, out);
            assembly {
                return(0, out)
            }
        }
    }

    function _option(uint256 at, uint256 out) private pure returns (uint256 next) {
        unchecked {
            uint256 w;
            int256 r;
            assembly {
                w := calldataload(at)
                r := signextend(7, calldataload(add(at, 8)))
            }
            uint256 f = w >> 192;
            uint256 k = (w >> 128) & 0x7fffffffffffffff;
            uint256 t = (w >> 64) & 0xffffffffffffffff;
            uint256 s = w & 0xffffffffffffffff;
            int256 y;
            assembly {
                y := sar(56, mul(t, r))
            }
            Black76.check(f, k, t, s, y, at);
            uint256 root = Black76.sqrtYears(t);
            uint256 v = (s * root) >> 60;
            int256 d = Black76.lnRatio(f, k);
            assembly {
                d := add(sdiv(shl(47, d), v), shr(1, v))
            }
            // φ(d1), and K·φ(d2) = F·φ(d1).
            uint256 pdf = Black76.expNegPositive(uint256(d * d) >> 65);
            uint256 n2;
            assembly {
                pdf := shr(64, mul(pdf, 7359186146747302452))
                n2 := div(mul(pdf, f), k)
            }
            uint256 n1;
            (n1, n2) = Black76.cdfs(d, pdf, d - int256(v), n2);
            uint256 discount = Black76.expNeg(y);
            assembly {
                // A put is the call less the forward contract, its delta less 1.
                let put := and(shr(191, w), 1)
                let price := sub(mul(f, n1), mul(k, n2))
                price := sar(128, mul(discount, add(price, shl(64, mul(put, sub(k, f))))))
                price := mul(price, sgt(price, 0))
                mstore(out, shl(192, price))
                mstore(add(out, 8), shl(192, sar(84, mul(discount, sub(n1, shl(64, put))))))
                // D·φ in Q64.
                pdf := shr(64, mul(discount, pdf))
                mstore(add(out, 16), shl(192, div(shl(44, pdf), v)))
                pdf := mul(pdf, f)
                mstore(add(out, 24), shl(192, shr(128, mul(pdf, root))))
                let decay := shr(69, div(mul(pdf, v), t))
                mstore(add(out, 32), shl(192, sub(sar(60, mul(r, price)), decay)))
                mstore(add(out, 40), shl(192, sub(0, shr(60, mul(t, price)))))
                next := add(out, 48)
            }
        }
    }
}
