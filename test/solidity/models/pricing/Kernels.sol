// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {Normal} from "./Normal.sol";
import {Words} from "./Words.sol";

/// @title Single kernels over arrays: solady's, and `Normal` where solady has none
/// @notice Numbers have 18 decimals.
contract Kernels {
    /// @notice e^x.
    function exp(int256[] calldata) external pure {
        unchecked {
            uint256 out = Words.OUT;
            for (uint256 at = Words.IN; at < msg.data.length; at += 32) {
                int256 x = Words.load(at);
                out = Words.store(out, FixedPointMathLib.expWad(x));
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
                out = Words.store(out, FixedPointMathLib.lnWad(x));
            }
            Words.finish(out);
        }
    }

    /// @notice √x, rounded down.
    function sqrt(int256[] calldata) external pure {
        unchecked {
            uint256 out = Words.OUT;
            for (uint256 at = Words.IN; at < msg.data.length; at += 32) {
                int256 x = Words.load(at);
                out = Words.store(out, int256(FixedPointMathLib.sqrtWad(uint256(x))));
            }
            Words.finish(out);
        }
    }

    /// @notice ∛x, rounded down.
    function cbrt(int256[] calldata) external pure {
        unchecked {
            uint256 out = Words.OUT;
            for (uint256 at = Words.IN; at < msg.data.length; at += 32) {
                int256 x = Words.load(at);
                out = Words.store(out, int256(FixedPointMathLib.cbrtWad(uint256(x))));
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
                out = Words.store(out, FixedPointMathLib.powWad(x, y));
            }
            Words.finish(out);
        }
    }

    /// @notice Φ(x).
    function cdf(int256[] calldata) external pure {
        unchecked {
            uint256 out = Words.OUT;
            for (uint256 at = Words.IN; at < msg.data.length; at += 32) {
                int256 x = Words.load(at);
                out = Words.store(out, Normal.cdf(x));
            }
            Words.finish(out);
        }
    }

    /// @notice φ(x).
    function pdf(int256[] calldata) external pure {
        unchecked {
            uint256 out = Words.OUT;
            for (uint256 at = Words.IN; at < msg.data.length; at += 32) {
                int256 x = Words.load(at);
                out = Words.store(out, Normal.pdf(x));
            }
            Words.finish(out);
        }
    }

    /// @notice Φ⁻¹(x).
    function icdf(int256[] calldata) external pure {
        unchecked {
            uint256 out = Words.OUT;
            for (uint256 at = Words.IN; at < msg.data.length; at += 32) {
                int256 x = Words.load(at);
                out = Words.store(out, Normal.icdf(x));
            }
            Words.finish(out);
        }
    }

    /// @notice x itself: what reading, writing and the loop cost.
    function same(int256[] calldata) external pure {
        unchecked {
            uint256 out = Words.OUT;
            for (uint256 at = Words.IN; at < msg.data.length; at += 32) {
                int256 x = Words.load(at);
                out = Words.store(out, x);
            }
            Words.finish(out);
        }
    }
}
