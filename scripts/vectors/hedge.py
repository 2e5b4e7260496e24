"""bands.json: half-widths of hedge bands in tokens, by the papers' own formulas, turned into shares of equity.

The engine works without units. Here a spot price and an equity are drawn and the formulas are taken as published, so that
the change of units is tested along with the arithmetic.
"""

import mpmath
from mpmath import mpf

from common import WAD, arguments, from_scaled, log_uniform, value_of, write

YEAR = 31_536_000


def case(lam, gamma, aversion, volatility, horizon, spot=2000, equity=10**6):
    """lam, gamma (of S^2/E) and aversion are raw integers with 18 decimals, volatility basis points, horizon seconds."""
    cost, relative, a = (value_of(raw) for raw in (lam, gamma, aversion))
    sigma, time = mpf(volatility) / 10_000, mpf(horizon) / YEAR
    spot, equity = mpf(spot), mpf(equity)
    absolute = relative * equity / spot**2
    risk = a / equity
    share = spot / equity
    whalley = mpmath.cbrt(mpf(3) / 2 * cost * spot * absolute**2 / risk) * share
    first = cost / (risk * spot * sigma**2 * time)
    second = (mpf(112) / 100 * cost ** (mpf(31) / 100) * time ** (mpf(5) / 100) * sigma ** (-mpf(1) / 4)
              * mpmath.sqrt(absolute / risk))
    adjustment = (-mpf(476) / 100 * cost ** (mpf(78) / 100) * time ** (-mpf(2) / 100) * sigma ** (-mpf(1) / 4)
                  * (risk * spot**2 * absolute) ** (mpf(15) / 100)) if relative else mpf(0)
    inputs = [from_scaled(lam), from_scaled(gamma), from_scaled(aversion), str(volatility), str(horizon)]
    return inputs + [whalley, (first + second) * share, adjustment]


def draw(rng):
    return case(
        log_uniform(rng, WAD // 10_000, WAD // 10),
        log_uniform(rng, WAD // 10**6, 10**6 * WAD),
        log_uniform(rng, WAD // 100, 10_000 * WAD),
        rng.randint(500, 50_000),
        rng.randint(86_400, YEAR),
        rng.choice([mpf("0.00001"), 1, 2000, 100_000]),
        rng.choice([10, 10**6, 10**9]),
    )


def edges():
    for lam in [WAD // 10_000, WAD // 10]:
        for gamma in [0, 1, WAD // 4, 10**6 * WAD]:
            for aversion in [WAD // 100, 10 * WAD, 10_000 * WAD]:
                for volatility, horizon in [(500, 86_400), (8_000, 2_592_000), (50_000, YEAR)]:
                    yield case(lam, gamma, aversion, volatility, horizon)


write(arguments(), "bands",
      ["lambda", "gamma", "risk_aversion", "volatility_bps", "horizon_secs", "whalley_wilmott", "zakamouline", "adjustment"],
      list(edges()), draw)
