#!/usr/bin/env python3
"""Vectors of crates/pricing: `black.json` and `implied_volatility.json`.

Prices and Greeks come from Black's formula at 60 digits. QuantLib's BlackCalculator, in double precision, has to agree
with each of them to what doubles can give.
"""

import QuantLib as ql
from mpmath import erfc, exp, floor, log, mpf, pi, sqrt

from common import arguments, mpmath, write

ONE = 2**60
MAX_PRICE = 2**52 - 1
HOUR = mpf(1) / (365 * 24)
REFERENCE = f"mpmath {mpmath.__version__}, {mpmath.mp.dps} digits; agrees with QuantLib {ql.__version__} BlackCalculator"
TERMS = ["right", "forward", "strike", "years_q60", "volatility_q60", "rate_q60"]


def black(put, forward, strike, years, volatility, rate):
    """Price, and its derivatives by forward, forward (second, times forward), volatility, time and rate."""
    deviation = volatility * sqrt(years)
    d1 = log(forward / strike) / deviation + deviation / 2
    d2 = d1 - deviation
    discount = exp(-rate * years)
    density = exp(-d1 * d1 / 2) / sqrt(2 * pi)
    w = -1 if put else 1
    n1, n2 = (erfc(-w * d / sqrt(2)) / 2 for d in (d1, d2))
    price = discount * w * (forward * n1 - strike * n2)
    decay = discount * forward * density * volatility / (2 * sqrt(years))
    return [
        price,
        discount * w * n1,
        discount * density / deviation,
        discount * forward * density * sqrt(years),
        rate * price - decay,
        -years * price,
    ]


def quantlib(put, forward, strike, years, volatility, rate):
    kind = ql.Option.Put if put else ql.Option.Call
    f, t = float(forward), float(years)
    calculator = ql.BlackCalculator(
        ql.PlainVanillaPayoff(kind, float(strike)), f, float(volatility * sqrt(years)), float(exp(-rate * years))
    )
    delta = calculator.deltaForward()
    # Its rho lets the forward grow with the rate.
    return [
        calculator.value(),
        delta,
        f * calculator.gammaForward(),
        calculator.vega(t),
        calculator.theta(f, t),
        calculator.rho(t) - t * f * delta,
    ]


def case(put, forward, strike, years, volatility, rate):
    """A row, or None if the terms are outside what is promised."""
    raw = [int(floor(x)) for x in (forward, strike, years * ONE, volatility * ONE, rate * ONE)]
    if not (1 <= raw[0] <= MAX_PRICE and 1 <= raw[1] <= MAX_PRICE):
        return None
    exact = [mpf(raw[0]), mpf(raw[1]), *(mpf(x) / ONE for x in raw[2:])]
    values = black(put, *exact)
    per_forward = [exact[0], 1, 1, exact[0], exact[0], exact[0]]
    # Doubles hold ln(F/K) to 1e-16, and the smallest deviation divides that by 5e-4; gamma cancels some more.
    for ours, theirs, scale in zip(values, quantlib(put, *exact), per_forward):
        if abs(ours - theirs) / scale > mpf("1e-10") * (1 + abs(ours / scale)):
            raise ValueError(f"QuantLib differs: {put} {exact}: {ours} {theirs}")
    return ["put" if put else "call", *map(str, raw), *values]


def draw_terms(rng):
    """Terms over the whole promised domain; half of them within a few deviations of the money."""
    forward = mpf(2) ** rng.uniform(46, 49)
    years = HOUR * mpf(17520) ** rng.random()
    volatility = mpf("0.05") * mpf(100) ** rng.random()
    rate = mpf(rng.uniform(-1, 1))
    if rng.random() < 0.5:
        moneyness = mpf(5) ** rng.uniform(-1, 1)
    else:
        moneyness = exp(rng.uniform(-7, 7) * volatility * sqrt(years))
    if not mpf("0.2") <= moneyness <= 5:
        return None
    return rng.random() < 0.5, forward, forward / moneyness, years, volatility, rate


def edges():
    forward = mpf(3 * 10**14)
    for moneyness in ["0.2", "0.5", "0.9", "0.999", "1", "1.0001", "1.05", "2", "5"]:
        for years in [HOUR, 24 * HOUR, 720 * HOUR, mpf(1), mpf(2)]:
            for volatility in ["0.05", "0.5", "1.5", "5"]:
                for rate in ["-1", "0", "0.05", "1"]:
                    for put in [False, True]:
                        yield case(put, forward, forward / mpf(moneyness), years, mpf(volatility), mpf(rate))


def draw_black(rng):
    terms = draw_terms(rng)
    return terms and case(*terms)


def draw_implied(rng):
    """The price is what a program would see: an integer. The answer is the volatility that it was made with."""
    row = draw_black(rng)
    if row is None:
        return None
    price = int(floor(row[6] + mpf(1) / 2))
    return [*row[:4], row[5], str(price), row[4], row[9]]


def main():
    options = arguments()
    write(options, "black", [*TERMS, "price", "delta", "forward_gamma", "vega", "theta", "rho"], edges(), draw_black, REFERENCE)
    columns = ["right", "forward", "strike", "years_q60", "rate_q60", "price", "volatility_q60", "vega"]
    write(options, "implied_volatility", columns, [], draw_implied, REFERENCE)


main()
