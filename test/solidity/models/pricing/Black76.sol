// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @title Kernels of Black-76 at the accuracy that prices need
/// @notice About 2⁻⁵⁶ instead of the last of 18 decimals, for half the gas. QN is a number with N binary places.
/// Terms of options are u64: forward and strike in one scale, below 2⁵², the strike's top bit says put; years,
/// volatility and the signed rate in Q60.
/// @dev Horner schemes are not shifted between most steps: the coefficients carry the growing scale instead, since a
/// word has room for it. Rational functions are as cheap as polynomials here, because a division costs as much as a
/// multiplication. `coefficients.py` derives the constants.
library Black76 {
    error TermsOutOfRange(uint256 record);

    /// @notice Refuses terms outside the domain that the wasm side has too.
    /// @param rt Rate times years, Q64.
    function check(uint256 f, uint256 k, uint256 t, uint256 s, int256 rt, uint256 at) internal pure {
        assembly {
            // Prices in [1, 2^52), a minute to 8 years, 1 % to 800 %, |rT| ≤ 4.
            let fine := and(lt(sub(f, 1), 0xfffffffffffff), lt(sub(k, 1), 0xfffffffffffff))
            fine := and(fine, lt(sub(t, 2193534065081), 9223369843320710727))
            fine := and(fine, lt(sub(s, 11529215046068469), 9211842821808707339))
            if iszero(and(fine, lt(add(rt, shl(66, 1)), 0x80000000000000001))) {
                mstore(0, 0x23751f59)
                mstore(32, at)
                revert(28, 36)
            }
        }
    }

    /// @notice √t in Q64 for years in Q60, 2^34 ≤ t < 2^64. Relative error below 1e-16.
    /// @dev A quadratic over [1, 4), relative error 0.4 %, and three steps of Newton.
    function sqrtYears(uint256 t) internal pure returns (uint256 z) {
        assembly {
            let e := shl(4, lt(t, 0x1000000000000))
            e := or(e, shl(3, lt(shl(e, t), 0x100000000000000)))
            e := or(e, shl(2, lt(shl(e, t), 0x1000000000000000)))
            e := or(e, shl(1, lt(shl(e, t), 0x4000000000000000)))
            let x := shr(30, shl(e, t))
            z := add(mul(x, sub(9703704707651328355, mul(x, 169845452))), 41081934786830103456453422295)
            z := shr(add(31, shr(1, e)), z)
            t := shl(68, t)
            z := shr(1, add(z, div(t, z)))
            z := shr(1, add(z, div(t, z)))
            z := shr(1, add(z, div(t, z)))
        }
    }

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
            p := add(mul(u, p), 365375409332725680951528895161029306320891463201)
            let q := sub(529734083036354548, shr(56, mul(u, 25526320858539754)))
            q := sub(mul(u, q), 113762655663306017015979894477178544)
            q := add(mul(u, q), 5986310706507378352962293074805895248510699696029696)
            x := add(x, sdiv(mul(z, p), q))
        }
    }

    /// @notice e^(-y) in Q64 for y ≥ 0 in Q64, as `expNeg`.
    function expNegPositive(uint256 y) internal pure returns (uint256 z) {
        assembly {
            let n := shr(128, add(mul(y, 26613026195688644983), shl(127, 1)))
            let r := sub(y, mul(n, 12786308645202655660))
            let u := shr(72, mul(r, r))
            let p := add(mul(u, 609549613306300), 18459502024927075139971683895299067)
            p := add(mul(u, p), 47890485652059026594612547847785375112466367174072896)
            p := sar(64, mul(r, p))
            let q := add(mul(u, 18294796705571231), 147688003698594479194581830363817323)
            q := add(mul(u, q), 95780971304118053647396689196894323976171195136475136)
            z := shr(n, div(shl(64, sub(q, p)), add(q, p)))
        }
    }

    /// @notice e^(-y) in Q64 for y in Q64, -40 < y; 0 where it is below 2⁻⁶⁴.
    /// @dev (Q - rP)/(Q + rP) on |r| ≤ ln(2)/2, P and Q of degree 2 in r², relative error 2.4e-18.
    function expNeg(int256 y) internal pure returns (uint256 z) {
        assembly {
            let n := sar(128, add(mul(y, 26613026195688644983), shl(127, 1)))
            let r := sub(y, mul(n, 12786308645202655660))
            let u := shr(72, mul(r, r))
            let p := add(mul(u, 609549613306300), 18459502024927075139971683895299067)
            p := add(mul(u, p), 47890485652059026594612547847785375112466367174072896)
            p := sar(64, mul(r, p))
            let q := add(mul(u, 18294796705571231), 147688003698594479194581830363817323)
            q := add(mul(u, q), 95780971304118053647396689196894323976171195136475136)
            z := shr(add(n, 64), shl(64, div(shl(64, sub(q, p)), add(q, p))))
        }
    }

    /// @notice N(d1) and N(d2) in Q64, from d and φ(d) in Q64.
    /// @dev φ(d)·M(|d|), M of degree 6 and 6, absolute error of N 8e-16; from |d| = 8 on, 0 or 1. Both in one function:
    /// the compiler inlines only what is called once.
    function cdfs(int256 d1, uint256 pdf1, int256 d2, uint256 pdf2) internal pure returns (uint256 n1, uint256 n2) {
        assembly {
            let s
            let a
            s := sar(255, d1)
            a := shr(8, xor(d1, s))
            if lt(a, shl(59, 1)) {
                let p := add(mul(a, 322628556019), 1188586577766766627112641161488391)
                p := add(shr(112, mul(a, p)), 272964230938218473)
                p := add(mul(a, p), 144644105761741637794446727800964576)
                p := add(shr(112, mul(a, p)), 8303156123144081281)
                p := add(mul(a, p), 1394773787340102789572980301672839801)
                p := add(mul(a, p), 120043645421261021421677873793147838456039182434460625)
                let q := add(mul(a, 16506683534988340), 19654089760839768556746196734173956)
                q := add(shr(112, mul(a, q)), 2026274686249952576)
                q := add(mul(a, q), 616475367570185622602831212604232126)
                q := add(shr(112, mul(a, q)), 21467800883370068810)
                q := add(mul(a, q), 2173438966354481292241991436271132448)
                q := add(mul(a, q), 95780971304118053647396689196894323976171195136475136)
                n1 := div(mul(pdf1, p), q)
            }
            // d < 0: that; d ≥ 0: 1 less that.
            s := not(s)
            n1 := add(sub(xor(n1, s), s), and(s, shl(64, 1)))
            s := sar(255, d2)
            a := shr(8, xor(d2, s))
            if lt(a, shl(59, 1)) {
                let p := add(mul(a, 322628556019), 1188586577766766627112641161488391)
                p := add(shr(112, mul(a, p)), 272964230938218473)
                p := add(mul(a, p), 144644105761741637794446727800964576)
                p := add(shr(112, mul(a, p)), 8303156123144081281)
                p := add(mul(a, p), 1394773787340102789572980301672839801)
                p := add(mul(a, p), 120043645421261021421677873793147838456039182434460625)
                let q := add(mul(a, 16506683534988340), 19654089760839768556746196734173956)
                q := add(shr(112, mul(a, q)), 2026274686249952576)
                q := add(mul(a, q), 616475367570185622602831212604232126)
                q := add(shr(112, mul(a, q)), 21467800883370068810)
                q := add(mul(a, q), 2173438966354481292241991436271132448)
                q := add(mul(a, q), 95780971304118053647396689196894323976171195136475136)
                n2 := div(mul(pdf2, p), q)
            }
            // d < 0: that; d ≥ 0: 1 less that.
            s := not(s)
            n2 := add(sub(xor(n2, s), s), and(s, shl(64, 1)))
        }
    }
}
