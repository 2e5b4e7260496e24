"""What every vector script shares: its arguments, exact inputs, and the format of test/vectors.

A script calls `arguments()` once and `write()` for each file. Everything drawn at random comes from a generator that is
seeded by the file's name, so that the same command writes the same bytes.
"""

import argparse
import json
import pathlib
import random

import mpmath

mpmath.mp.dps = 60

SEED = 20_260_101
COMMITTED = 2_000
WAD = 10**18
WAD_MAX = 2**127 - 1
WAD_MIN = -(2**127)

# Digits of an output: this many significant ones, unless that would be more decimals than DECIMALS.
SIGNIFICANT = 36
DECIMALS = 60


def arguments():
    """`--cases`: how many cases each file gets. `--out`: the folder to write to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=COMMITTED)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parents[2] / "test" / "vectors")
    return parser.parse_args()


def from_scaled(raw, decimals=18):
    """The exact decimal string of the integer `raw` in units of 10^-decimals."""
    sign = "-" if raw < 0 else ""
    whole, part = divmod(abs(raw), 10**decimals)
    digits = f"{part:0{decimals}d}".rstrip("0") if decimals else ""
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def to_decimal(value):
    """A high-precision number as a plain decimal string, without an exponent."""
    value = mpmath.mpf(value)
    if value == 0:
        return "0"
    magnitude = int(mpmath.floor(mpmath.log10(abs(value))))
    decimals = max(0, min(DECIMALS, SIGNIFICANT - 1 - magnitude))
    # An integer of at most 10^(60 + decimals) needs more working digits than the value has.
    with mpmath.workdps(mpmath.mp.dps + DECIMALS + 40):
        return from_scaled(int(mpmath.nint(value * mpmath.mpf(10) ** decimals)), decimals)


def value_of(raw, decimals=18):
    """The number that the integer `raw` stands for."""
    return mpmath.mpf(raw) / mpmath.mpf(10) ** decimals


def log_uniform(rng, low, high):
    """An integer in [low, high], 0 < low, whose length in bits is spread evenly."""
    bits = rng.randint(low.bit_length(), high.bit_length())
    return min(high, max(low, 1 << (bits - 1) | rng.getrandbits(bits - 1) if bits > 1 else 1))


def write(options, name, columns, edges, draw, reference=None, seed=SEED):
    """Writes `name`.json with `options.cases` cases: `edges` first, then what `draw(rng)` returns until it is full.

    A case is a list of values, one a column: strings are written as they are, anything else goes through
    `to_decimal`. `draw` may return None for "not a case, draw again".
    """
    rng = random.Random(f"{seed}:{name}")
    cases = [list(case) for case in edges][: options.cases]
    while len(cases) < options.cases:
        case = draw(rng)
        if case is not None:
            cases.append(list(case))
    head = {
        "function": name,
        "reference": reference or f"mpmath {mpmath.__version__}, {mpmath.mp.dps} digits",
        "seed": seed,
        "columns": columns,
    }
    lines = ["{"]
    lines += [f'"{key}": {json.dumps(value)},' for key, value in head.items()]
    lines.append('"cases": [')
    rows = []
    for case in cases:
        if len(case) != len(columns):
            raise ValueError(f"{name}: {case} does not fit {columns}")
        rows.append(json.dumps([x if isinstance(x, str) else to_decimal(x) for x in case]))
    lines.append(",\n".join(rows))
    lines.append("]}")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / f"{name}.json").write_text("\n".join(lines) + "\n", encoding="ascii")
