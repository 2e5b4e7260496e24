// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

/// @title The normal distribution to the last digits of 18 decimals
/// @notice What solady lacks. Numbers have 18 decimals at the edge and 96 binary places (Q96) inside.
/// @dev The tail is N(-a) = φ(a)·M(a) with the Mills ratio M as a rational function of degrees 10 and 11, minimax on
/// [0, 9.3] with a relative error of 9.2e-22; e^x = (Q + xP)/(Q - xP) with P, Q in x² of degrees 2 and 3, relative
/// error 1.3e-22 on |x| ≤ ln(2)/2. `coefficients.py` derives the constants.
library Normal {
    error ProbabilityOutOfRange(int256 probability);

    uint256 private constant INV_LN2 = 114302077158074026402637675937;
    uint256 private constant LN2 = 54916777467707473351141471128;
    /// 1/√(2π) and √(2π).
    uint256 private constant INV_SQRT_2PI = 31607463825455920808620519744;
    uint256 private constant SQRT_2PI = 198595552305314927273837084509;
    /// 9.3: beyond, both tails are less than half a unit of 1e-18 away from 0 and 1.
    uint256 private constant END = 736821911230963719222609641472;

    /// @notice e^(-y) = m·2^(-n), m in Q96 between 0.7 and 1.42.
    function expNeg(uint256 y) internal pure returns (uint256 m, uint256 n) {
        assembly {
            n := shr(192, add(mul(y, INV_LN2), shl(191, 1)))
            let r := sub(y, mul(n, LN2))
            let u := shr(96, mul(r, r))
            let p := add(shr(96, mul(u, 5000279101576125459984463)), 1200363743572056877782741876)
            p := add(shr(96, mul(u, p)), 39614081257132168796762027246)
            p := sar(96, mul(r, p))
            let q := add(shr(96, mul(u, 119015037199006467342438)), 100022067528684651045134551)
            q := add(shr(96, mul(u, q)), 9003074363332808543048715101)
            q := add(shr(96, mul(u, q)), shl(96, 1))
            m := div(shl(96, sub(q, p)), add(q, p))
        }
    }

    /// @dev Mills ratio as numerator and denominator in Q96, for 0 ≤ a ≤ 9.3.
    function _mills(uint256 a) private pure returns (uint256 p, uint256 q) {
        assembly {
            p := add(shr(96, mul(a, 19109399039188439085427)), 674233765013153031684191)
            p := add(shr(96, mul(a, p)), 11466096981325588090472458)
            p := add(shr(96, mul(a, p)), 122965712855181024620687585)
            p := add(shr(96, mul(a, p)), 917494540242518190882707008)
            p := add(shr(96, mul(a, p)), 4968810002775120767488327367)
            p := add(shr(96, mul(a, p)), 19789190997686706933567377876)
            p := add(shr(96, mul(a, p)), 57397838872815503058006111524)
            p := add(shr(96, mul(a, p)), 116774148668221822832999991808)
            p := add(shr(96, mul(a, p)), 152303055653815469382439163197)
            p := add(shr(96, mul(a, p)), 99297776152657463637009346381)
            q := add(shr(96, mul(a, 19109399033464590707686)), 674233765659685810639594)
            q := add(shr(96, mul(a, q)), 11485206345145328501881580)
            q := add(shr(96, mul(a, q)), 123639947854434633667376346)
            q := add(shr(96, mul(a, q)), 928922387117750796040870900)
            q := add(shr(96, mul(a, q)), 5090427861053401375946178196)
            q := add(shr(96, mul(a, q)), 20683934799931702463091757510)
            q := add(shr(96, mul(a, q)), 62127584726162885592113002687)
            q := add(shr(96, mul(a, q)), 134840238958607196396926888901)
            q := add(shr(96, mul(a, q)), 200955560472292284276801977856)
            q := add(shr(96, mul(a, q)), 184735184320190756726774055460)
            q := add(shr(96, mul(a, q)), shl(96, 1))
        }
    }

    /// @notice N(-a) in Q96, for 0 ≤ a ≤ 9.3 in Q96.
    function tail(uint256 a) internal pure returns (uint256 z) {
        (uint256 m, uint256 n) = expNeg((a * a) >> 97);
        (uint256 p, uint256 q) = _mills(a);
        assembly {
            z := shr(add(n, 96), mul(div(mul(m, p), q), INV_SQRT_2PI))
        }
    }

    /// @notice Φ(x): 18 decimals in and out, rounded to nearest. Never fails.
    function cdf(int256 x) internal pure returns (int256 z) {
        unchecked {
            uint256 a = FixedPointMathLib.abs(x);
            if (a > 9.3e18) return x < 0 ? int256(0) : int256(1e18);
            assembly {
                a := div(shl(96, a), 1000000000000000000)
            }
            z = int256((tail(a) * 1e18 + (1 << 95)) >> 96);
            if (x > 0) z = 1e18 - z;
        }
    }

    /// @notice φ(x): 18 decimals in and out, rounded to nearest. Never fails.
    function pdf(int256 x) internal pure returns (int256 z) {
        unchecked {
            uint256 a = FixedPointMathLib.abs(x);
            if (a > 9.3e18) return 0;
            assembly {
                a := div(shl(96, a), 1000000000000000000)
            }
            (uint256 m, uint256 n) = expNeg((a * a) >> 97);
            assembly {
                let scaled := mul(shr(96, mul(m, INV_SQRT_2PI)), 1000000000000000000)
                z := shr(add(n, 96), add(scaled, shl(add(n, 95), 1)))
            }
        }
    }

    /// @notice Φ⁻¹(p) for 0 < p < 1: 18 decimals in and out.
    /// @dev A rational guess within 2e-7, then one step of third order, which leaves less than 1e-18 relative.
    function icdf(int256 p) internal pure returns (int256 x) {
        unchecked {
            if (p <= 0 || p >= 1e18) revert ProbabilityOutOfRange(p);
            int256 lower = p < 0.5e18 ? p : 1e18 - p;
            int256 a;
            if (lower > 0.075e18) {
                assembly {
                    let c := div(shl(96, sub(500000000000000000, lower)), 1000000000000000000)
                    let w := shr(96, mul(c, c))
                    let g := sub(2160868630757089562487291149503, shr(96, mul(w, 688711856519670379730886250061)))
                    g := sub(shr(96, mul(w, g)), 1265232358475296060477642669964)
                    g := add(sar(96, mul(w, g)), 198595598034980557098456284646)
                    let h := sub(1294958204980955772138941051655, shr(96, mul(w, 770867934902119622066669234762)))
                    h := sub(shr(96, mul(w, h)), 587719507973962262726691770185)
                    h := add(sar(96, mul(w, h)), shl(96, 1))
                    a := sdiv(mul(c, g), h)
                }
            } else {
                uint256 t = FixedPointMathLib.sqrt(uint256(-2e18 * FixedPointMathLib.lnWad(lower)));
                assembly {
                    t := div(shl(96, t), 1000000000000000000)
                    let g := add(shr(96, mul(t, 47007617448348844202168675332)), 163179316844576377700117245300)
                    g := sub(shr(96, mul(t, g)), 76782005728945267083689939166)
                    g := sub(sar(96, mul(t, g)), 212310592887954120484165823832)
                    let h := add(shr(96, mul(t, 2696652661684603058752787)), 46867357885008953166016770906)
                    h := add(shr(96, mul(t, h)), 167542874474377664283196542236)
                    h := add(shr(96, mul(t, h)), shl(96, 1))
                    a := sdiv(shl(96, g), h)
                }
            }
            // e = (N(-a) - lower)/φ(a) = M(a) - lower·√(2π)·e^(a²/2), then a + e + a·e²/2.
            if (a < 0) a = 0;
            (uint256 m, uint256 n) = expNeg(uint256(a * a) >> 97);
            (uint256 num, uint256 den) = _mills(uint256(a));
            assembly {
                let e := div(shl(96, num), den)
                e := sub(e, div(shl(96, shl(n, mul(lower, SQRT_2PI))), mul(m, 1000000000000000000)))
                a := add(a, add(e, sar(193, mul(a, mul(e, e)))))
                x := sar(96, add(mul(a, 1000000000000000000), shl(95, 1)))
            }
            if (p < 0.5e18) x = -x;
        }
    }
}
