"""Derives the constants of `crates/fixed`: prints, for each kernel, what stands in its source.

    python scripts/coefficients/kernels.py [exp|ln|sqrt|cbrt|normal …]
"""

import sys

import mpmath as mp

from fit import horner, polynomial, rational, weighted, worst

LN2 = mp.log(2)


def show(name, value):
    print(f"{name}: {int(mp.nint(value)):_}")


def horner_steps(coefficients, top, x_max, unit):
    """Coefficients of an unsigned Horner scheme in u64, highest first, each with the shift to its predecessor's scale.

    Step k holds Σ_{j≥k} c_j·x^(j−k) times unit·2^scale(k), with the largest scale that keeps it below 2^64 at x_max
    and does not fall with k, so that the rounding of the high steps vanishes.
    """
    tails = [horner(coefficients[k:], x_max) for k in range(len(coefficients))]
    scales = []
    for tail in tails:
        room = int(mp.floor(mp.log(mp.mpf(2) ** 64 * (1 - mp.mpf(2) ** -30) / (tail * unit), 2)))
        scales.append(room)
    if top is not None:
        scales[0] = top
    for k in reversed(range(len(scales) - 1)):
        scales[k] = min(scales[k], scales[k + 1])
    for k in reversed(range(len(scales))):
        shift = scales[k] - scales[k - 1] if k else 0
        print(f"    ({int(mp.nint(coefficients[k] * unit * mp.mpf(2) ** scales[k])):_}, {shift}), // {k}")
    return scales


def exp():
    # e^r on [0, ln 2) and a little above, times 8e18; the constant term is exact.
    top = LN2 * (1 + mp.mpf("1e-6"))
    c = [mp.mpf(1)] + polynomial(lambda r: mp.expm1(r) / r if r else mp.mpf(1), 0, top, 11)
    print("exp: 8e18·e^r, r in Q64; relative error", mp.nstr(worst(mp.exp, lambda r: horner(c, r), 0, top)[0] / 2, 5))
    horner_steps(c, 0, top, mp.mpf(8) * 10**18)
    ln2 = LN2 * 10**18
    show("LN2", mp.floor(ln2))
    show("LN2_REST (2^-32)", (ln2 - mp.floor(ln2)) * 2**32)
    show("INVERSE_LN2 (2^-88)", mp.floor(mp.mpf(2) ** 88 / ln2))
    show("Q64 of 1/16e18, less 1", (mp.mpf(2) ** 64 / (16 * mp.mpf(10) ** 18) - 1) * mp.mpf(2) ** 64)
    show("largest x", mp.floor(mp.log(mp.mpf(2) ** 127 / 10**18) * 10**18))
    show("smallest x of 1", mp.ceil(mp.log(mp.mpf("0.5e-18")) * 10**18))
    show("-60 ln 2", mp.ceil(-60 * ln2))


def ln():
    # ln f = 2s·(1 + z·A(z)), z = s², s = (f − 1)/(f + 1), A = 1/3 + z/5 + …; |s| < 0.2100
    def a(z):
        return (mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z

    top = mp.mpf("0.0442")
    c = polynomial(a, mp.mpf(10) ** -12, top, 9)
    print("ln: A(z) in Q65; error", mp.nstr(worst(a, lambda z: horner(c, z), "1e-9", top)[0], 5))
    horner_steps(c, 1, top, mp.mpf(2) ** 64)


def sqrt():
    # A seed for √u on [0.2155, 1], least relative error by interpolation.
    c = polynomial(mp.sqrt, "0.2155", 1, 3)
    e = max(abs(horner(c, u) / mp.sqrt(u) - 1) for u in [mp.mpf("0.2155") + i * mp.mpf("0.7845") / 999 for i in range(1000)])
    print("sqrt: seed times 2^31.5, u in Q32; relative error 2^", mp.nstr(mp.log(e, 2), 5))
    print([int(mp.nint(x * mp.mpf(2) ** 31.5)) for x in c])


def mills(t):
    return mp.ncdf(-t) / mp.npdf(t)


def normal():
    # Mills ratio (1 − Φ(t))/φ(t) for 0 ≤ t ≤ 9 as a polynomial in u = t/(t + 5).
    top = mp.mpf(9) / 14
    c = weighted(lambda u: mills(5 * u / (1 - u)), lambda u: 1 / max(1, 5 * u / (1 - u)), 0, top, 20)
    grid = [top * i / 400 for i in range(401)]
    e = max(abs(mills(5 * u / (1 - u)) - horner(c, u)) / max(1, 5 * u / (1 - u)) for u in grid)
    print("mills: Q64 of u; error over max(1, t): 2^", mp.nstr(mp.log(e, 2), 5))
    # Signed: partial sums within ±16 in Q59, the last but one within ±8, the last within ±2.
    for k in reversed(range(len(c))):
        scale = {0: 62, 1: 60}.get(k, 59)
        limit = max(abs(horner(c[k:], u)) for u in grid) * mp.mpf(2) ** (scale - 63)
        print(f"    {int(mp.nint(c[k] * mp.mpf(2) ** scale)):_}, // {k} Q{scale}, at most {mp.nstr(limit, 3)} of the range")


def quantile():
    # A seed for t = −Φ⁻¹(p) from r = √(−2 ln p): a rational function in Q28.
    def tail(r):
        p, t = mp.exp(-r * r / 2), r
        for _ in range(80):
            step = (mp.ncdf(-t) - p) / mp.npdf(t)
            t += max(min(step, 1), -1)
            if abs(step) < mp.mpf(10) ** -30:
                break
        return t

    low, high = mp.sqrt(2 * mp.log(2)), mp.mpf("9.105")
    p, q = rational(tail, low, high, 4, 3)
    grid = [low + (high - low) * i / 100 for i in range(101)]
    e = max(abs(tail(r) - horner(p, r) / horner(q, r)) for r in grid)
    print("seed of the quantile; error 2^", mp.nstr(mp.log(e, 2), 5))
    print([int(mp.nint(x * 2**28)) for x in p], [int(mp.nint(x * 2**28)) for x in q])


def constants():
    show("(2^128 / 2e36 - 170) Q64", (mp.mpf(2) ** 128 / (2 * mp.mpf(10) ** 36) - 170) * mp.mpf(2) ** 64)
    show("ln 2 Q64", LN2 * mp.mpf(2) ** 64)
    show("2/sqrt(2 pi) Q64", 2 / mp.sqrt(2 * mp.pi) * mp.mpf(2) ** 64)
    show("sqrt(2 pi)/8 Q64", mp.sqrt(2 * mp.pi) / 8 * mp.mpf(2) ** 64)
    show("t of half a unit of phi", mp.sqrt(-2 * mp.log(mp.mpf("0.5e-18") * mp.sqrt(2 * mp.pi))) * 10**18)


def cbrt():
    # A seed for the cube root of g in [1.152, 2.306], Q20.
    low, high = mp.mpf("1.152"), mp.mpf("2.307")
    c = polynomial(mp.cbrt, low, high, 5)
    e = max(abs(horner(c, low + (high - low) * i / 500) - mp.cbrt(low + (high - low) * i / 500)) for i in range(501))
    print("cbrt: seed in Q30; error 2^", mp.nstr(mp.log(e, 2), 5))
    print([int(mp.nint(x * 2**30)) for x in c])
    show("2^(1/3) Q63", mp.cbrt(2) * mp.mpf(2) ** 63)
    show("2^(2/3) Q63", mp.cbrt(4) * mp.mpf(2) ** 63)
    show("2^123 / 1e18", mp.mpf(2) ** 123 / 10**18)


SECTIONS = {f.__name__: f for f in (exp, ln, sqrt, normal, quantile, constants, cbrt)}

if __name__ == "__main__":
    for section in sys.argv[1:] or SECTIONS:
        SECTIONS[section]()
