"""How figures are written: a value with its unit, short enough for a table, and a dash for what is not known."""

from __future__ import annotations

import math

NOTHING = "\N{EN DASH}"
ENDLESS = "\N{INFINITY}"


def duration(seconds: float) -> str:
    """Give a latency to three digits: `850 µs`, `34.2 ms`, `1.31 s`, `2 min 5 s`; `∞` for what never ended."""
    if not math.isfinite(seconds):
        return ENDLESS if seconds == math.inf else NOTHING
    if seconds >= 100:
        return clock(seconds)
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        # Half a digit below, 0.9996 s would be written as 1000 ms.
        if abs(seconds) >= factor * 0.9995:
            return f"{_three_digits(seconds / factor)} {unit}"
    return f"{_three_digits(seconds / 1e-6)} µs" if seconds else "0"


def clock(seconds: float) -> str:
    """Give a length of time in its two largest units: `16 s`, `5 min`, `4 h 10 min`."""
    if not math.isfinite(seconds):
        return NOTHING
    if 0 < seconds < 10 and seconds != round(seconds):
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, smaller_size, smaller in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            count, rest = divmod(whole, size)
            return f"{count} {unit}" + (f" {rest // smaller_size} {smaller}" if rest // smaller_size else "")
    return f"{whole} s"


def count(value: float) -> str:
    """Give a whole number with separated thousands."""
    return f"{value:,.0f}" if math.isfinite(value) else NOTHING


def number(value: float) -> str:
    """Give any number to three digits, and a whole one as it is; thousands separated."""
    return count(value) if not math.isfinite(value) or value == round(value) else _three_digits(value)


def rate(value: float) -> str:
    """Give a rate: `12.0/s`."""
    return f"{_three_digits(value)}/s" if math.isfinite(value) else NOTHING


def share(value: float) -> str:
    """Give a ratio as a percentage; what is not quite all or nothing is never written as if it were."""
    if not math.isfinite(value):
        return NOTHING
    if 0 < value < 0.0001:
        return "< 0.01 %"
    if 0.9999 < value < 1:
        return "> 99.99 %"
    percent = value * 100
    digits = 0 if percent == round(percent) else 2 if percent < 1 or percent > 99 else 1
    return f"{percent:.{digits}f} %"


def size(value: float) -> str:
    """Give a number of bytes."""
    if not math.isfinite(value):
        return NOTHING
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(value) >= factor * 0.9995:
            return f"{_three_digits(value / factor)} {unit}"
    return f"{value:.0f} B"


def quantile(q: float) -> str:
    """Name a quantile: `p50`, `p99.9`."""
    return f"p{q * 100:.4f}".rstrip("0").rstrip(".")


def in_unit(value: float, unit: str) -> str:
    """Give a value in a unit of the contract: none, `s`, `bytes`, `1/s`."""
    return {"s": duration, "bytes": size, "1/s": rate}.get(unit, number)(value)


def measured(name: str, value: float) -> str:
    """Give a value in the unit that its name ends in, as Prometheus' and our own names do."""
    for ending, write in _BY_ENDING.items():
        if ending in name:
            return write(value)
    return duration(value) if name.startswith("p") and name[1:].replace(".", "").isdigit() else number(value)


_BY_ENDING = {
    "_seconds": duration,
    "_bytes": size,
    "_ratio": share,
    "_share": share,
    "_rate": rate,
    "count": count,
}


def _three_digits(value: float) -> str:
    if value == 0:
        return "0"
    rounded = float(f"{value:.2e}")  # 0.9996 is written as 1.00, which has a digit less behind the point
    if math.isinf(rounded):  # the largest numbers cannot be rounded up
        rounded = value
    digits = max(0, 2 - math.floor(math.log10(abs(rounded)) + 1e-9))
    return f"{value:,.{min(digits, 6)}f}"
