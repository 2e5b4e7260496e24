"""Derives the constants of `crates/fixed`: prints, for each kernel, what stands in its source.

    python scripts/coefficients/kernels.py [exp|ln|sqrt|cbrt|normal …]
"""

import sys

import mpmath as mp

from fit import horner, polynomial, worst

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
    c = polynomial(a, mp.mpf(10) ** -12, top, 8)
    print("ln: A(z) in Q64; error", mp.nstr(worst(a, lambda z: horner(c, z), "1e-9", top)[0], 5))
    horner_steps(c, 0, top, mp.mpf(2) ** 64)


def sqrt():
    # A seed for √u on [0.2155, 1], least relative error by interpolation.
    c = polynomial(mp.sqrt, "0.2155", 1, 3)
    e = max(abs(horner(c, u) / mp.sqrt(u) - 1) for u in [mp.mpf("0.2155") + i * mp.mpf("0.7845") / 999 for i in range(1000)])
    print("sqrt: seed times 2^31.5, u in Q32; relative error 2^", mp.nstr(mp.log(e, 2), 5))
    print([int(mp.nint(x * mp.mpf(2) ** 31.5)) for x in c])


SECTIONS = {f.__name__: f for f in (exp, ln, sqrt)}

if __name__ == "__main__":
    for section in sys.argv[1:] or SECTIONS:
        SECTIONS[section]()
