// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @title Kernels of Black-76 at the accuracy that prices need
/// @notice About 2⁻⁵⁶ instead of the last of 18 decimals, for half the gas. QN is a number with N binary places.
/// @dev Horner schemes are not shifted between most steps: the coefficients carry the growing scale instead, since a
/// word has room for it. Rational functions are as cheap as polynomials here, because a division costs as much as a
/// multiplication. `coefficients.py` derives the constants.
library Black76 {
    uint256 internal constant YEAR = 31_536_000;

    /// @notice ln(f/k) in Q81, for 0 < f, k < 2^64.
    /// @dev 2·atanh((f - k)/(f + k)) after doubling or halving f into [0.707, 1.414]·k; the rational part has degrees 2
    /// and 3 in the square, relative error 1.4e-16.
    function lnRatio(uint256 f, uint256 k) internal pure returns (int256 x) {
        assembly {
            f := shl(72, f)
            k := shl(72, k)
            let low := mul(shr(8, k), 181)
            for {} lt(f, low) {} {
                f := shl(1, f)
                x := sub(x, 1675927046744002482639815)
            }
            low := shl(1, low)
            for {} gt(f, low) {} {
                f := shr(1, f)
                x := add(x, 1675927046744002482639815)
            }
            let z := sdiv(shl(96, sub(f, k)), add(f, k))
            let u := shr(136, mul(z, z))
            let p := sub(mul(u, 14285912184574), 5253320663518908547352818898898)
            p := add(mul(u, p), 365375409332725680951528895161029306320886476157)
            let q := sub(529734083036354548, shr(56, mul(u, 25526320858539754)))
            q := sub(mul(u, q), 113762655663306017015979894477178544)
            q := add(mul(u, q), 5986310706507378352962293074805895248510699696029696)
            x := add(x, sdiv(mul(z, p), q))
        }
    }

    /// @notice e^(-y) in Q64 for y ≥ 0 in Q64; 0 where it is below 2⁻⁶⁴.
    /// @dev (Q - rP)/(Q + rP) on |r| ≤ ln(2)/2, P and Q of degree 2 in r², relative error 2.4e-18.
    function expNeg(uint256 y) internal pure returns (uint256 z) {
        assembly {
            let n := shr(128, add(mul(y, 26613026195688644983), shl(127, 1)))
            let r := sub(y, mul(n, 12786308645202655660))
            let u := shr(72, mul(r, r))
            let p := add(mul(u, 609549613306300), 18459502024927075139971683895299067)
            p := add(mul(u, p), 47890485652059026594612547847785375112466034676909398)
            p := sar(64, mul(r, p))
            let q := add(mul(u, 18294796705571231), 147688003698594479194581830363817323)
            q := add(mul(u, q), 95780971304118053647396689196894323976171195136475136)
            z := shr(n, div(shl(64, sub(q, p)), add(q, p)))
        }
    }

    /// @notice e^(-y) in Q64 for y of either sign in Q64, |y| < 40.
    function expNegSigned(int256 y) internal pure returns (uint256 z) {
        assembly {
            let n := sar(128, add(mul(y, 26613026195688644983), shl(127, 1)))
            let r := sub(y, mul(n, 12786308645202655660))
            let u := shr(72, mul(r, r))
            let p := add(mul(u, 609549613306300), 18459502024927075139971683895299067)
            p := add(mul(u, p), 47890485652059026594612547847785375112466034676909398)
            p := sar(64, mul(r, p))
            let q := add(mul(u, 18294796705571231), 147688003698594479194581830363817323)
            q := add(mul(u, q), 95780971304118053647396689196894323976171195136475136)
            z := shr(add(n, 64), shl(64, div(shl(64, sub(q, p)), add(q, p))))
        }
    }

    /// @notice N(d) in Q64 from d in Q64 and φ(d) in Q64.
    /// @dev φ(d)·M(|d|), M of degrees 5 and 6, absolute error of N 5e-15; from |d| = 8 on, 0 or 1.
    function cdf(int256 d, uint256 pdf) internal pure returns (uint256 z) {
        assembly {
            let s := sar(255, d)
            let a := shr(8, xor(d, s))
            if lt(a, shl(59, 1)) {
                let p := add(shr(56, mul(a, 20208598947401559)), 318908016030926052)
                p := add(mul(a, p), 162617236994817252728802240831195844)
                p := add(shr(112, mul(a, p)), 8990057748553605670)
                p := add(mul(a, p), 1464425918271349076921691336069044028)
                p := add(mul(a, p), 120043645421260216464432888086976567104582527213184333)
                let q := add(mul(a, 20210714631944646), 22974703503090179086868117095520496)
                q := add(shr(112, mul(a, q)), 2278109994081974979)
                q := add(mul(a, q), 669918844017537915306598562607496350)
                q := add(shr(112, mul(a, q)), 22631236894591688255)
                q := add(mul(a, q), 2229013326249420702753183607483361452)
                q := add(mul(a, q), 95780971304118053647396689196894323976171195136475136)
                z := div(mul(pdf, p), q)
            }
            // d < 0: z; d ≥ 0: 1 - z.
            s := not(s)
            z := add(sub(xor(z, s), s), and(s, shl(64, 1)))
        }
    }
}
