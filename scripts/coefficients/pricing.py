#!/usr/bin/env python3
"""Writes the constants of crates/pricing: `python scripts/coefficients/pricing.py > crates/pricing/src/tables.rs`.

Needs mpmath. Every polynomial interpolates its function in Chebyshev points, which is within a small factor of the best
one; the residual that is printed with it as a comment is measured on a dense grid, before rounding to integers.
"""

from mpmath import mp, mpf, cos, pi, sqrt, log, exp, atanh, erf, floor, lu_solve, matrix

mp.dps = 60


def chebyshev(count, low, high):
    return [(low + high) / 2 + (high - low) / 2 * cos(pi * (2 * i + 1) / (2 * count)) for i in range(count)]


def interpolate(function, degree, low, high):
    """Coefficients, lowest first, of the polynomial through the function in the Chebyshev points."""
    points = chebyshev(degree + 1, mpf(low), mpf(high))
    rows = matrix([[x**k for k in range(degree + 1)] for x in points])
    return list(lu_solve(rows, matrix([function(x) for x in points])))


def reciprocal_root(degree):
    """The polynomial with the least relative error from 1/sqrt(x) on [1, 4], by Remez' exchange, and that error."""
    grid = [mpf(1) + mpf(3) * (1 - cos(pi * i / 600)) / 2 for i in range(601)]
    points = [mpf(1) + mpf(3) * (1 - cos(pi * i / (degree + 1))) / 2 for i in range(degree + 2)]
    for _ in range(8):
        rows = matrix([[x**k * sqrt(x) for k in range(degree + 1)] + [(-1) ** i] for i, x in enumerate(points)])
        *c, level = lu_solve(rows, matrix([mpf(1)] * (degree + 2)))
        errors = [horner(c, x) * sqrt(x) - 1 for x in grid]
        points = [
            x
            for i, x in enumerate(grid)
            if (i == 0 or abs(errors[i]) >= abs(errors[i - 1]) or errors[i] * errors[i - 1] < 0)
            and (i == 600 or abs(errors[i]) > abs(errors[i + 1]) or errors[i] * errors[i + 1] < 0)
            and abs(errors[i]) > abs(level) / 2
        ]
        assert len(points) == degree + 2
    return c, max(map(abs, errors))


def horner(coefficients, x):
    total = mpf(0)
    for c in reversed(coefficients):
        total = total * x + c
    return total


def residual(function, coefficients, low, high):
    grid = [mpf(low) + (mpf(high) - low) * i / 400 for i in range(401)]
    return max(abs(horner(coefficients, x) - function(x)) for x in grid)


def q(value, bits):
    return int(floor(value * mpf(2) ** bits + mpf(1) / 2))


def sized(value, bits, field):
    fixed = q(value, bits)
    assert -(1 << (field - 1)) <= fixed < 1 << (field - 1), (value, bits, field)
    return fixed


def with_low_field(value, low, field):
    """The 64-bit word nearest to `value` whose lowest `field` bits are those of `low`."""
    step, low = 1 << field, low % (1 << field)
    return (value - low + step // 2) // step * step + low


def normal_words(k):
    """Coefficients of N(x) - 1/2 around the middle of [k/16, (k+1)/16], packed into four words."""
    middle = (mpf(k) + mpf(1) / 2) / 16
    function = lambda f: erf((middle + f) / sqrt(2)) / 2
    c = interpolate(function, 6, -mpf(1) / 32, mpf(1) / 32)
    # What rounding takes from a coefficient goes into the lower ones, but for the Chebyshev polynomial that remains.
    h, exact = mpf(1) / 32, list(c)
    c6 = sized(c[6], 20, 14)
    rest = c[6] - mpf(c6) / 2**20
    c[4], c[2], c[0] = c[4] + rest * h**2 * 3 / 2, c[2] - rest * h**4 * 9 / 16, c[0] + rest * h**6 / 32
    c5 = sized(c[5], 23, 18)
    rest = c[5] - mpf(c5) / 2**23
    c[3], c[1] = c[3] + rest * h**2 * 5 / 4, c[1] - rest * h**4 * 5 / 16
    c4 = sized(c[4], 35, 32)
    rest = c[4] - mpf(c4) / 2**35
    c[2], c[0] = c[2] + rest * h**2, c[0] - rest * h**4 / 8
    c3 = sized(c[3], 34, 32)
    c[1] += (c[3] - mpf(c3) / 2**34) * h**2 * 3 / 4
    return [
        with_low_field(q(c[0], 64), c6, 14),
        with_low_field(q(c[1], 62), c5, 18),
        q(c[2], 62),
        (c3 << 32) + c4 % (1 << 32),
    ], residual(function, exact, -mpf(1) / 32, mpf(1) / 32)


def group(value):
    sign, digits = ("-", str(-value)) if value < 0 else ("", str(value))
    parts = []
    while digits:
        parts.insert(0, digits[-3:])
        digits = digits[:-3]
    return sign + "_".join(parts)


def constant(name, value, doc):
    print(f"/// {doc}\npub(crate) const {name}: i64 = {group(value)};")


def main():
    print("//! Written by `scripts/coefficients/pricing.py`; do not edit.\n")

    limit = ((sqrt(2) * 1.0003 - 1) / (sqrt(2) * 1.0003 + 1)) ** 2
    function = lambda y: (atanh(sqrt(y)) / sqrt(y) - 1) / y if y else mpf(1) / 3
    c = interpolate(function, 5, mpf(10) ** -12, limit)
    worst = mp.nstr(residual(function, c, mpf(10) ** -12, limit) * limit, 2)
    for index, bits in enumerate([61, 60, 33, 33, 33, 33]):
        constant(f"ATANH_{index + 1}", q(c[index], bits), f"Of z^{2 * index + 2} in atanh(z)/z, Q{bits}; residual of the sum {worst}.")

    c, worst = reciprocal_root(4)
    worst = mp.nstr(worst, 2)
    for index in range(5):
        constant(f"RSQRT_{index}", q(c[index], 31), f"Of x^{index} in 1/sqrt(x) on [1, 4), Q31; relative residual {worst}.")

    constant("LN2_Q57", q(log(2), 57), "ln 2, Q57.")
    constant("STEP_Q56", q(log(2) / 32, 56), "ln 2 / 32, Q56.")
    constant("STEP_Q46", q(log(2) / 32, 46), "ln 2 / 32, Q46.")
    constant("STEPS_Q21", q(32 / log(2), 21), "32 / ln 2, Q21.")
    constant("LN_SQRT_2PI_Q46", q(log(2 * pi) / 2, 46), "ln sqrt(2 pi), Q46.")

    high = log(2) / 32
    function = lambda u: (exp(u) - 1 - u) / u**2
    c = interpolate(function, 3, mpf(10) ** -9, high)
    worst = mp.nstr(residual(function, c, mpf(10) ** -9, high) * high**2, 2)
    for index, bits in enumerate([61, 34, 34, 34]):
        constant(f"EXP_{index + 2}", q(c[index], bits), f"Of u^{index + 2} in e^u on [0, ln 2 / 32], Q{bits}; residual of the sum {worst}.")
    c = interpolate(function, 2, mpf(10) ** -9, high)
    worst = mp.nstr(residual(function, c, mpf(10) ** -9, high) * high**2, 2)
    for index in range(3):
        constant(f"EXP32_{index + 2}", q(c[index], 32), f"The same for the short kernel, Q32; residual of the sum {worst}.")

    words, worst = [], mpf(0)
    for k in range(128):
        row, error = normal_words(k)
        words += row
        worst = max(worst, error)
    print("\n/// Writes 2^(i/32), Q61.\n///")
    print("/// Statement by statement, because a table would become a data segment, which a program pays for at every entry.")
    print("pub(crate) fn fill_powers(t: &mut [i64; 32]) {")
    for i in range(32):
        print(f"    t[{i}] = {group(q(mpf(2) ** (mpf(i) / 32), 61))};")
    print("}\n")
    print("/// Writes N(x) - 1/2 on [k/16, (k+1)/16], four words for each k; `kernel` says how they are packed.")
    print(f"/// Residual {mp.nstr(worst, 2)}.")
    print('#[expect(clippy::too_many_lines, reason = "a table, statement by statement")]')
    print("pub(crate) fn fill_normal(t: &mut [i64; 512]) {")
    for i, word in enumerate(words):
        print(f"    t[{i}] = {group(word)};")
    print("}")


main()
