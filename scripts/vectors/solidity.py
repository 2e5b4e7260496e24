#!/usr/bin/env python3
"""Vectors of the Solidity baseline, test/solidity/models/pricing: `solidity_kernels.json` and `solidity_margin.json`.

Kernels take 18 decimals. A portfolio is written as the bytes that the contract takes, with the losses of its worst
two scenarios, the index of the worst, and a size to measure errors against: Σ |quantity|·(forward + strike).
"""

from mpmath import erfc, exp, findroot, floor, log, mpf, pi, sqrt

from common import WAD, arguments, log_uniform, value_of, write

ONE = 2**60
SPOT = 3 * 10**14
# One token of a position.
TOKEN = 2**32


def cdf(x):
    return erfc(-x / sqrt(2)) / 2


def icdf(p):
    lower = min(p, 1 - p)
    if lower == mpf(1) / 2:
        return mpf(0)
    # On a logarithmic scale the tail is nearly a parabola, so that any start converges.
    guess = sqrt(-2 * log(lower)) * mpf("0.9") if lower < mpf("0.1") else (mpf(1) / 2 - lower) * mpf("2.5")
    a = findroot(lambda a: log(cdf(-a)) - log(lower), guess)
    return -a if p < mpf(1) / 2 else a


KERNELS = {
    "exp": exp,
    "ln": log,
    "sqrt": sqrt,
    "cbrt": lambda x: x ** (mpf(1) / 3),
    "cdf": cdf,
    "pdf": lambda x: exp(-x * x / 2) / sqrt(2 * pi),
    "icdf": icdf,
    "pow": lambda x, y: x**y,
}


def kernel(name, x, y=0):
    """One case; `y` only matters to pow."""
    inputs = [value_of(x)] + ([value_of(y)] if name == "pow" else [])
    return [name, str(x), str(y), KERNELS[name](*inputs)]


def kernel_edges():
    for x in [0, 1, -1, WAD, -WAD, 46 * WAD, -41 * WAD]:
        yield kernel("exp", x)
    for x in [1, WAD - 1, WAD, WAD + 1, 2**127 - 1]:
        for name in ["ln", "sqrt", "cbrt"]:
            yield kernel(name, x)
    for x in [0, 1, -1, WAD, -WAD, 8 * WAD, -8 * WAD, 10 * WAD, -10 * WAD]:
        yield kernel("cdf", x)
        yield kernel("pdf", x)
    for x in [1, 2, WAD // 2 - 1, WAD // 2, WAD // 2 + 1, WAD - 2, WAD - 1, 75 * 10**15, 75 * 10**15 + 1]:
        yield kernel("icdf", x)
    for x, y in [(WAD, 5 * WAD), (2 * WAD, 0), (2 * WAD, 10 * WAD), (WAD // 2, 3 * WAD // 2)]:
        yield kernel("pow", x, y)


def draw_kernel(rng):
    name = rng.choice(list(KERNELS))
    if name == "exp":
        return kernel(name, rng.randint(-41 * WAD, 46 * WAD) if rng.random() < 0.5 else rng.randint(-3 * WAD, 3 * WAD))
    if name in ("ln", "sqrt", "cbrt"):
        return kernel(name, log_uniform(rng, 1, 2**127 - 1) if rng.random() < 0.5 else rng.randint(WAD // 10, 10 * WAD))
    if name in ("cdf", "pdf"):
        return kernel(name, rng.randint(-9 * WAD, 9 * WAD) if rng.random() < 0.5 else rng.randint(-WAD, WAD))
    if name == "icdf":
        p = rng.randint(1, WAD - 1) if rng.random() < 0.5 else log_uniform(rng, 1, WAD // 2)
        return kernel(name, p if rng.random() < 0.5 else WAD - p)
    return kernel(name, log_uniform(rng, WAD // 1000, 1000 * WAD), rng.randint(-5 * WAD, 5 * WAD))


MOVES = ["0.8", "0.85", "0.9", "0.95", "1", "1.05", "1.1", "1.15", "1.2"]
FAR = [("0.34", "0.4"), ("0.5", "0.6"), ("0.67", "0.8"), ("1.5", "0.8"), ("2", "0.6"), ("3", "0.4")]
# By move: volatility down, unchanged, up; then the far ones.
SCENARIOS = [(move, shift, "1") for move in MOVES for shift in (-1, 0, 1)] + [(move, 1, damping) for move, damping in FAR]


def value(option, move, shift):
    """Value of an option under a scenario, quantity included."""
    put, forward, strike, years, volatility, rate, quantity = option
    forward, years, volatility = forward * mpf(move), mpf(years) / ONE, mpf(volatility) / ONE
    term = mpf(30) / 365 / max(years, mpf(1) / 365)
    if shift > 0:
        volatility *= 1 + mpf("0.6") * term ** mpf("0.3")
    if shift < 0:
        volatility *= 1 - mpf("0.3") * term ** mpf("0.13")
    deviation = volatility * sqrt(years)
    d1 = log(forward / strike) / deviation + deviation / 2
    w = -1 if put else 1
    both = forward * cdf(w * d1) - strike * cdf(w * (d1 - deviation))
    return quantity * w * exp(-mpf(rate) / ONE * years) * both


def word(x):
    return f"{x % 2**64:016x}"


def portfolio(options, sizes):
    base = sum(value(option, "1", 0) for option in options)
    losses = []
    for move, shift, damping in SCENARIOS:
        after = sum(value(option, move, shift) for option in options)
        losses.append(mpf(damping) * (base - after - sum(sizes) * SPOT * (mpf(move) - 1)))
    second, worst = sorted(losses)[-2:]
    text = word(SPOT) + "".join(map(word, sizes))
    for put, forward, strike, years, volatility, rate, quantity in options:
        text += "".join(map(word, (forward, strike | put << 63, years, volatility, rate, quantity)))
    size = sum(abs(o[6]) * (o[1] + o[2]) for o in options) + sum(map(abs, sizes)) * SPOT
    return [text, worst / TOKEN, second / TOKEN, str(losses.index(worst)), mpf(size) / TOKEN]


def draw_option(rng):
    forward = int(SPOT * rng.uniform(0.97, 1.05))
    years = exp(rng.uniform(float(log(mpf(1) / 8760)), float(log(mpf(2)))))
    volatility = mpf("0.1") * mpf(30) ** rng.random()
    # Some so near the money for their life that their scenarios leave the table of the normal distribution.
    moneyness = exp(rng.uniform(-1, 1)) if rng.random() < 0.5 else exp(rng.uniform(-3, 3) * volatility * sqrt(years))
    strike = int(forward * min(max(moneyness, mpf("0.2")), mpf(5)))
    terms = [int(floor(x * ONE)) for x in (years, volatility, rng.uniform(-0.1, 0.3))]
    return (rng.random() < 0.5, forward, strike, *terms, rng.randint(-(10 * TOKEN), 10 * TOKEN))


def draw_portfolio(rng):
    options = [draw_option(rng) for _ in range(rng.choice([0, 1, 1, 1, 2, 8]))]
    return portfolio(options, [rng.randint(-(10 * TOKEN), 10 * TOKEN) for _ in range(8)])


def main():
    options = arguments()
    write(options, "solidity_kernels", ["kernel", "x_wad", "y_wad", "result"], kernel_edges(), draw_kernel)
    # A portfolio is 33 revaluations of its options: a tenth as many cases take as long.
    options.cases = max(1, options.cases // 10)
    write(options, "solidity_margin", ["input", "worst_loss", "second_worst", "scenario", "size"], [], draw_portfolio)


main()
