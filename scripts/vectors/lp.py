"""range.json: what a concentrated liquidity position is worth, holds, and how that changes with the price.

The value is what the two holdings are worth. Delta and gamma are its numerical derivatives, so that they share no formula
with the engine; the holdings come from the definition of a position with the virtual reserves L/sqrt(P)
and L*sqrt(P).
"""

import mpmath

from common import WAD, WAD_MAX, arguments, from_scaled, log_uniform, value_of, write

# What fits the packed leg's fields for the roots of the bounds.
ROOT_MAX = 2**79 - 1


def case(liquidity, lower, upper, price):
    """Raw integers with 18 decimals in; None if a result would not fit."""
    # Which side of a bound a price is on is decided on integers. The lower bound is inside, the upper outside.
    below, above = price * WAD < lower * lower, price * WAD >= upper * upper
    with mpmath.workdps(120):
        size, low, high, at = (value_of(raw) for raw in (liquidity, lower, upper, price))

        def holdings(at):
            root = low if below else high if above else mpmath.sqrt(at)
            return size * (root - low), size / root - size / high

        def value(at):
            asset, underlying = holdings(at)
            return asset + underlying * at

        results = [value(at), mpmath.diff(value, at, 1), mpmath.diff(value, at, 2), *holdings(at)]
        # Numerical noise of a zero.
        results = [mpmath.mpf(0) if abs(x) < mpmath.mpf(10) ** -50 else x for x in results]
    if max(abs(x) for x in results) >= value_of(WAD_MAX) * mpmath.mpf("0.99"):
        return None
    return [from_scaled(raw) for raw in (liquidity, lower, upper, price)] + results


def draw(rng):
    lower = log_uniform(rng, 10**12, 10**23)
    # From a tick of one basis point to a factor of 100 in price.
    width = log_uniform(rng, lower // 20_000 + 1, lower * 9)
    upper = min(lower + width, ROOT_MAX)
    if upper <= lower:
        return None
    place = rng.random()
    if place < 0.70:
        root = rng.randint(lower, upper - 1)
    elif place < 0.85:
        root = rng.randint(lower // 2, lower)
    else:
        root = rng.randint(upper, upper * 2)
    price = root * root // WAD + (rng.randint(-1, 1) if rng.random() < 0.1 else 0)
    if price <= 0:
        return None
    return case(log_uniform(rng, 10**6, 10**36), lower, upper, price)


def edges():
    whole = lambda x: int(mpmath.mpf(x) * WAD)
    ranges = [("1", "2"), ("40", "50"), ("0.01", "0.0100005"), ("600", "600.03"), ("0.000001", "604000"), ("44.72", "44.73")]
    for lower, upper in ranges:
        lower, upper = whole(lower), whole(upper)
        for liquidity in [0, 1, WAD, 10**6 * WAD]:
            for root in [lower // 2, lower, (lower + upper) // 2, upper - 1, upper, upper * 2]:
                for off in [-1, 0, 1]:
                    price = root * root // WAD + off
                    row = case(liquidity, lower, upper, price) if price > 0 else None
                    if row:
                        yield row


write(arguments(), "range", ["liquidity", "sqrt_lower", "sqrt_upper", "price", "value", "delta", "gamma", "asset", "underlying"],
      list(edges()), draw)
