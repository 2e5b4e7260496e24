// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {exp as SDexp, ln as SDln, pow as SDpow, sqrt as SDsqrt, unwrap, wrap} from "@prb/math/src/SD59x18.sol";
import {Words} from "./Words.sol";

/// @title The kernels that PRBMath has, over arrays
/// @notice Numbers have 18 decimals.
contract PrbKernels {
    /// @notice e^x.
    function exp(int256[] calldata) external pure {
        unchecked {
            uint256 out = Words.OUT;
            for (uint256 at = Words.IN; at < msg.data.length; at += 32) {
                int256 x = Words.load(at);
                out = Words.store(out, unwrap(SDexp(wrap(x))));
            }
            Words.finish(out);
        }
    }

    /// @notice ln x.
    function ln(int256[] calldata) external pure {
        unchecked {
            uint256 out = Words.OUT;
            for (uint256 at = Words.IN; at < msg.data.length; at += 32) {
                int256 x = Words.load(at);
                out = Words.store(out, unwrap(SDln(wrap(x))));
            }
            Words.finish(out);
        }
    }

    /// @notice √x.
    function sqrt(int256[] calldata) external pure {
        unchecked {
            uint256 out = Words.OUT;
            for (uint256 at = Words.IN; at < msg.data.length; at += 32) {
                int256 x = Words.load(at);
                out = Words.store(out, unwrap(SDsqrt(wrap(x))));
            }
            Words.finish(out);
        }
    }

    /// @notice x^y, arguments in pairs.
    function pow(int256[] calldata) external pure {
        unchecked {
            uint256 out = Words.OUT;
            for (uint256 at = Words.IN; at < msg.data.length; at += 64) {
                int256 x = Words.load(at);
                int256 y = Words.load(at + 32);
                out = Words.store(out, unwrap(SDpow(wrap(x), wrap(y))));
            }
            Words.finish(out);
        }
    }
}
