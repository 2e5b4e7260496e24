#!/usr/bin/env python3
"""Prints the constants of this folder's Solidity: minimax rational functions, and the table's inverse matrix.

Needs mpmath. Each line is a fixed-point number and its binary places, lowest power first; the numbers are pasted by
hand. Takes about a minute.
"""

from mpmath import atanh, cos, erfc, exp, log, lu_solve, matrix, mp, mpf, nint, nstr, pi, sqrt, tanh

mp.dps = 50


def remez(f, w, a, b, n, m, it=25):
    """Minimax P/Q (Q(0)=1 constant), error (P/Q - f)*w equioscillating on [a,b]."""
    a, b = mpf(a), mpf(b)
    N = n + m + 2
    xs = [(a+b)/2 - (b-a)/2*cos(pi*i/(N-1)) for i in range(N)]
    xs[0] = a; xs[-1] = b
    E = mpf(0); q = [mpf(1)] + [mpf(0)]*m
    for step in range(it):
        fx = [f(x) for x in xs]; wx = [w(x) for x in xs]
        for inner in range(6):
            A = matrix(N, N); B = matrix(N, 1)
            for i, x in enumerate(xs):
                Qp = sum(q[k]*x**k for k in range(m+1))
                for k in range(n+1): A[i, k] = x**k
                for k in range(1, m+1): A[i, n+k] = -fx[i]*x**k
                A[i, N-1] = -(-1)**i/wx[i]*Qp
                B[i] = fx[i]
            s = lu_solve(A, B)
            q2 = [mpf(1)] + [s[n+k] for k in range(1, m+1)]
            d = max(abs(u-v) for u, v in zip(q, q2)); q = q2
            if d < mpf(10)**-40: break
        p = [s[k] for k in range(n+1)]; E = s[N-1]
        def err(x):
            P = mpf(0)
            for c in reversed(p): P = P*x + c
            Q = mpf(0)
            for c in reversed(q): Q = Q*x + c
            return (P/Q - f(x))*w(x)
        # extrema between sign changes
        bounds = [a]
        for i in range(N-1):
            lo, hi = xs[i], xs[i+1]; el = err(lo)
            for _ in range(30):
                mid = (lo+hi)/2; em = err(mid)
                if (em > 0) == (el > 0): lo = mid
                else: hi = mid
            bounds.append((lo+hi)/2)
        bounds.append(b)
        nx = []
        g = (sqrt(mpf(5)) - 1) / 2
        for i in range(N):
            lo, hi = bounds[i], bounds[i+1]
            sg = 1 if err((lo+hi)/2) > 0 else -1
            # coarse grid then golden
            M = 12
            pts = [lo+(hi-lo)*k/M for k in range(M+1)]
            best = max(range(M+1), key=lambda k: sg*err(pts[k]))
            lo2, hi2 = pts[max(0,best-1)], pts[min(M,best+1)]
            for _ in range(24):
                c = hi2-g*(hi2-lo2); d_ = lo2+g*(hi2-lo2)
                if sg*err(c) > sg*err(d_): hi2 = d_
                else: lo2 = c
            x = (lo2+hi2)/2
            cand = max([x, pts[best]], key=lambda t: sg*err(t))
            nx.append(cand)
        es = [abs(err(x)) for x in nx]
        xs = nx
        if max(es)/min(es) < mpf('1.01'): break
    return p, q, max(es)


def cdf(x):
    return erfc(-x / sqrt(2)) / 2


def pdf(x):
    return exp(-x * x / 2) / sqrt(2 * pi)


def mills(x):
    return cdf(-x) / pdf(x)


def over_root(f, limit, slope):
    """f(√u)/√u, with its series at 0."""
    return lambda u: f(sqrt(u)) / sqrt(u) if u > mpf(10) ** -25 else limit + slope * u


def quantile(p):
    """x with N(-x) = p, for p < 1/2."""
    x = sqrt(-2 * log(p)) * mpf("0.9") if p < mpf("0.1") else (mpf(1) / 2 - p) * mpf("2.5")
    for _ in range(200):
        step = (cdf(-x) - p) / pdf(x)
        x += step / (1 - x * step / 2)
        if abs(step) < mpf(10) ** -35:
            break
    return x


def central(w):
    return quantile(mpf(1) / 2 - sqrt(w)) / sqrt(w) if w > mpf(10) ** -20 else sqrt(2 * pi) * (1 + pi * w / 3)


def show(name, fit, top, bottom):
    p, q, error = fit
    print(f"{name}: error {nstr(error, 3)}")
    for part, numbers, places in (("P", p, top), ("Q", q, bottom)):
        for number, place in zip(numbers, places):
            print(f"  {part} {int(nint(number * mpf(2) ** place))} Q{place}")


def constant(x):
    return mpf(1)


def main():
    ln = remez(over_root(atanh, 1, mpf(1) / 3), constant, 0, mpf("0.0296"), 2, 3)
    show("ln, of z²: atanh(z)/z", ln, [158, 102, 46], [172, 116, 60, 60])
    half_tanh = over_root(lambda x: tanh(x / 2), mpf(1) / 2, -mpf(1) / 24)
    limit = mpf("0.34658") ** 2
    show("exp, of r²: tanh(r/2)/r", remez(half_tanh, constant, 0, limit, 2, 2), [176, 120, 64], [176, 120, 64])
    show("exp, exact", remez(half_tanh, constant, 0, limit, 2, 3), [96] * 3, [96] * 4)
    places = [176, 120, 64, 120, 64, 120, 64]
    show("Mills ratio, absolute in N", remez(mills, pdf, 0, 8, 6, 6), places, places)
    exact = remez(mills, lambda x: 1 / mills(x), 0, mpf("9.3"), 10, 11)
    show("Mills ratio, exact", exact, [96] * 11, [96] * 12)
    weight = lambda w: sqrt(w) + mpf("0.05")
    show("quantile, |p - 1/2| < 0.425", remez(central, weight, 0, mpf("0.425") ** 2, 3, 3), [96] * 4, [96] * 4)
    start = sqrt(-2 * log(mpf("0.075")))
    far = remez(lambda t: quantile(exp(-t * t / 2)), constant, start, mpf("9.12"), 3, 3)
    show("quantile, of √(-2 ln p)", far, [96] * 4, [96] * 4)
    show("square root on [1, 4]", remez(sqrt, lambda x: 1 / sqrt(x), 1, 4, 2, 0), [96, 64, 32], [0])
    nodes = [(1 - cos((2 * i + 1) * pi / 6)) / 2 for i in range(3)]
    inverse = matrix([[u**k for k in range(3)] for u in nodes]) ** -1
    print("table: nodes and inverse matrix, Q64")
    print(" ", [int(nint(u * 2**64)) for u in nodes])
    for k in range(3):
        print(" ", [int(nint(inverse[k, i] * 2**64)) for i in range(3)])


main()
