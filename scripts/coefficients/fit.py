"""Near-minimax polynomials and rational functions: interpolation at Chebyshev nodes, in 60 digits and more."""

import mpmath as mp

mp.mp.dps = 80


def nodes(a, b, n):
    return [(a + b) / 2 + (b - a) / 2 * mp.cos(mp.pi * (2 * i + 1) / (2 * n)) for i in range(n)]


def polynomial(f, a, b, degree):
    """Coefficients, lowest first."""
    x = nodes(mp.mpf(a), mp.mpf(b), degree + 1)
    m = mp.matrix([[t**j for j in range(degree + 1)] for t in x])
    return list(mp.lu_solve(m, mp.matrix([f(t) for t in x])))


def rational(f, a, b, n, m):
    """(numerator, denominator), lowest first, denominator's constant 1."""
    x = nodes(mp.mpf(a), mp.mpf(b), n + m + 1)
    rows, right = [], []
    for t in x:
        y = f(t)
        rows.append([t**j for j in range(n + 1)] + [-y * t**j for j in range(1, m + 1)])
        right.append(y)
    s = mp.lu_solve(mp.matrix(rows), mp.matrix(right))
    return list(s[: n + 1]), [mp.mpf(1)] + list(s[n + 1 :])


def horner(c, x):
    r = mp.mpf(0)
    for k in reversed(c):
        r = r * x + k
    return r


def worst(f, g, a, b, n=400):
    """The largest |f − g| over a grid, and where."""
    a, b = mp.mpf(a), mp.mpf(b)
    grid = [a + (b - a) * i / n for i in range(n + 1)]
    return max((abs(f(t) - g(t)), t) for t in grid)


def weighted(f, weight, a, b, degree):
    """The polynomial of least weighted squares over Chebyshev nodes, lowest coefficient first."""
    x = nodes(mp.mpf(a), mp.mpf(b), 2 * degree + 8)
    m = mp.matrix([[weight(t) * t**j for j in range(degree + 1)] for t in x])
    return list(mp.lu_solve(m, mp.matrix([weight(t) * f(t) for t in x])))
