"""The exact kernels of crates/fixed: exp, ln, sqrt, cbrt, pow and the normal distribution."""

import mpmath as mp

from common import WAD, WAD_MAX, WAD_MIN, arguments, from_scaled, log_uniform, value_of, write

LARGEST = WAD_MAX / mp.mpf(WAD)
EXP_LARGEST = 46_583_160_257_220_231_982
EXP_SMALLEST = -42_139_678_854_452_767_621


def near(*centres, radius=2):
    return sorted({c + i for c in centres for i in range(-radius, radius + 1)})


def signed(rng, low, high):
    return log_uniform(rng, low, high) * rng.choice([1, -1])


def quantile(p):
    """The root of Φ(x) = p by Newton's method on the logarithm, from the asymptotic value."""
    tail = min(p, 1 - p)
    if tail == mp.mpf(1) / 2:
        return mp.mpf(0)
    t = mp.sqrt(-2 * mp.log(tail)) - 1
    for _ in range(200):
        q = mp.ncdf(-t)
        step = mp.log(q / tail) * q / mp.npdf(t)
        t += step
        if abs(step) < mp.mpf(10) ** -45:
            return -t if p == tail else t
    raise ArithmeticError(p)


def one(function):
    return lambda raw: [from_scaled(raw), function(value_of(raw))]


def kernel(options, name, function, edges, draw, domain=lambda raw: True):
    case = one(function)

    def next_case(rng):
        raw = draw(rng)
        return case(raw) if domain(raw) else None

    write(options, name, ["x", "result"], [case(raw) for raw in edges if domain(raw)], next_case)


def power(options):
    def case(base, exponent):
        x, y = value_of(base), value_of(exponent)
        result = mp.mpf(1) if exponent == 0 else mp.mpf(0) if base == 0 else mp.exp(y * mp.log(x))
        # Next to the limit the kernel may report an overflow.
        if result > LARGEST * (1 - mp.mpf(2) ** -50):
            return None
        return [from_scaled(base), from_scaled(exponent), result]

    bases = [1, 2, WAD // 2, WAD - 1, WAD, WAD + 1, 2 * WAD, 10 * WAD, 2**64 - 1, 2**64 + 1, WAD_MAX]
    exponents = [0, 1, -1, WAD // 2, -WAD // 2, WAD, -WAD, 2 * WAD, 31 * WAD // 100, WAD_MAX, WAD_MIN + 1]
    edges = [case(b, e) for b in bases for e in exponents] + [case(0, 1), case(0, 0), case(0, WAD_MAX)]

    def draw(rng):
        base = log_uniform(rng, 1, WAD_MAX)
        if rng.random() < 0.25:
            # Next to 1, with large exponents.
            base = WAD + signed(rng, 1, WAD // 10)
        if base == WAD:
            return None
        # The exponent from the result, so that it is seldom 0 or too large.
        logarithm = mp.mpf(rng.uniform(-42.5, 46.5)) if rng.random() < 0.9 else mp.mpf(rng.uniform(-1, 1))
        exponent = int(mp.nint(logarithm / mp.log(value_of(base)) * WAD))
        return case(base, exponent) if abs(exponent) <= WAD_MAX else None

    write(options, "pow", ["base", "exponent", "result"], [c for c in edges if c], draw)


def main():
    options = arguments()
    powers = [10**i for i in range(39)] + [2**i for i in range(127)]
    kernel(
        options,
        "exp",
        mp.exp,
        near(0, WAD, -WAD, EXP_LARGEST - 2, EXP_SMALLEST, -41_500_000_000_000_000_000)
        + [int(mp.nint(k * mp.log(2) * WAD)) + i for k in range(-60, 68) for i in (-1, 0, 1)],
        lambda rng: rng.choice([rng.randint(EXP_SMALLEST - WAD, EXP_LARGEST), signed(rng, 1, 40 * WAD)]),
        lambda raw: raw <= EXP_LARGEST,
    )
    kernel(
        options,
        "ln",
        mp.log,
        sorted(set(near(*powers, WAD, radius=1)) - {0, -1}) + [WAD_MAX - 1, WAD_MAX],
        lambda rng: rng.choice([log_uniform(rng, 1, WAD_MAX), WAD + signed(rng, 1, WAD // 2)]),
        lambda raw: 0 < raw <= WAD_MAX,
    )
    squares = [i * i * WAD for i in (1, 2, 3, 10, 1_000_003, 13_043_817_825)]
    kernel(
        options,
        "sqrt",
        mp.sqrt,
        sorted(set(near(0, *powers, *squares, WAD_MAX, radius=1))),
        lambda rng: log_uniform(rng, 1, WAD_MAX),
        lambda raw: 0 <= raw <= WAD_MAX,
    )
    kernel(
        options,
        "cbrt",
        lambda x: mp.sign(x) * mp.cbrt(abs(x)),
        sorted({s * x for x in near(0, *powers, *(8 * p for p in powers), WAD_MAX, radius=1) for s in (1, -1)}) + [WAD_MIN],
        lambda rng: signed(rng, 1, WAD_MAX),
        lambda raw: WAD_MIN <= raw <= WAD_MAX,
    )
    power(options)
    halves = [i * WAD // 4 for i in range(-40, 41)]
    ends = [8_826_000_000_000_000_000, 8_757_000_000_000_000_000, 9_079_729_106_228_675_904, 9_040_000_000_000_000_000]
    edges = near(0, *halves, *ends, *(-x for x in ends), radius=1) + [WAD_MIN, WAD_MAX]

    def normal(rng):
        return rng.choice([rng.randint(-10 * WAD, 10 * WAD), rng.randint(-2 * WAD, 2 * WAD), signed(rng, 1, WAD)])

    kernel(options, "normal_cdf", mp.ncdf, edges, normal)
    kernel(options, "normal_pdf", mp.npdf, edges, normal)
    kernel(
        options,
        "normal_icdf",
        quantile,
        sorted({q for p in [*range(1, 20), *powers[:18], *range(WAD // 16, WAD, WAD // 16)] for q in near(p, WAD - p, radius=1)}),
        lambda rng: abs(rng.choice([0, WAD]) - log_uniform(rng, 1, WAD // 2)) if rng.random() < 0.5 else rng.randint(1, WAD - 1),
        lambda raw: 0 < raw < WAD,
    )


if __name__ == "__main__":
    main()
