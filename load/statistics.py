"""The statistics that verdicts rest on, each with what it assumes. Pure; scipy is imported where it is used.

A figure of a run is an estimate. It is taken at its word where there are enough requests behind it; where there are
not, an exact test says how likely so bad a figure is on a platform that keeps its promise.
"""

from __future__ import annotations

import bisect
import itertools
import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BEYOND_DOUBT = 1e-4
"""A chance this small is taken for impossible: one false alarm in ten thousand looks at a platform that only just keeps
its promise; at one that keeps it with room to spare there is none."""
SUSPICIOUS = 0.01
"""A chance this small is too small for a PASS, and not small enough for a FAIL."""
_ENOUGH_BEYOND = 10
"""A share is taken at its word when so many of the requests are expected on its far side: the standard error of their
number is then below a third of it."""
_ROUNDING = 1e-9


def needed_for(share: float) -> int:
    """Say how many requests it takes to measure a share (0..1) as it is: ten times one over the share.

    For the quantile q that is the share 1 - q: 20 for the median, 200 for p95, 1,000 for p99, 10,000 for p99.9.
    """
    return math.ceil(_ENOUGH_BEYOND / share - _ROUNDING) if share > 0 else 1


def is_more(count: int, total: int, share: float) -> bool:
    """Tell whether a count is a greater part of the total than a share, rounding aside."""
    return count > share * total + _ROUNDING * max(1, total)


def chance_of_at_least(count: int, total: int, share: float) -> float:
    """Give the chance of at least so many hits in so many independent tries that each hit with a chance of `share`.

    The exact tail of the binomial distribution. Requests of a run are not quite independent (a stall hits neighbours
    together), which is why only chances below `BEYOND_DOUBT` are called impossible.
    """
    if count <= 0:
        return 1.0
    if share <= 0:
        return 0.0
    from scipy.stats import binomtest  # noqa: PLC0415

    return float(binomtest(count, total, share, alternative="greater").pvalue)


def chance_of_difference(count: int, total: int, other_count: int, other_total: int) -> float:
    """Give the chance that two shares as far apart as these are of the same truth (Fisher's exact test, two-sided)."""
    from scipy.stats import fisher_exact  # noqa: PLC0415

    table = [[count, total - count], [other_count, other_total - other_count]]
    return float(fisher_exact(table).pvalue)


def share_at_least(hits: int, tries: int, confidence: float) -> float:
    """Give the lower bound of a share, one-sided, with a confidence (0..1): Clopper and Pearson's, 1934.

    When all of k tries hit it is the k-th root of 1 - confidence: 0.46 for 3 of 3 at a confidence of 0.9.
    """
    if hits == 0:
        return 0.0
    if hits == tries:
        return float((1 - confidence) ** (1 / tries))
    from scipy.stats import binomtest  # noqa: PLC0415

    interval = binomtest(hits, tries, alternative="greater").proportion_ci(confidence, method="exact")
    return float(interval.low)


def chance_of_same(sample: Sequence[float], other: Sequence[float], *, greater: bool = False) -> float:
    """Give the chance of so different samples were both of one distribution (Mann and Whitney's U test).

    `greater` asks only whether the first sample tends to be greater. Nothing is assumed about the distribution, but the
    values of a sample are taken to be independent of each other.
    """
    from scipy.stats import mannwhitneyu  # noqa: PLC0415

    return float(mannwhitneyu(sample, other, alternative="greater" if greater else "two-sided").pvalue)


def shift(sample: Sequence[float], other: Sequence[float]) -> float:
    """Give how much greater the first sample is: the median of all differences (Hodges and Lehmann, 1963)."""
    return statistics.median(a - b for a, b in itertools.product(sample, other))


# --------------------------------------------------------------------------------------------------------------- trends


@dataclass(frozen=True, slots=True)
class Line:
    """A monotonic trend.

    `slope` is Theil and Sen's, the median of the slopes between all points, in units a second; `level` is where the
    line is at `start_seconds`. `chance` is that of values without any trend to be so ordered (the test of Mann and
    Kendall, which is that of Kendall's tau against time).
    """

    slope: float
    level: float
    start_seconds: float
    chance: float
    points: int


def trend(samples: Sequence[tuple[float, float]]) -> Line:
    """Fit a trend to (seconds, value) in order of time; at least three."""
    from scipy.stats import kendalltau, theilslopes  # noqa: PLC0415

    seconds = [at for at, _ in samples]
    values = [value for _, value in samples]
    if len(set(values)) == 1:  # tau of a constant is not a number
        return Line(0.0, values[0], seconds[0], 1.0, len(values))
    fitted = theilslopes(values, seconds)
    slope, intercept = float(fitted.slope), float(fitted.intercept)
    chance = float(kendalltau(seconds, values).pvalue)
    return Line(slope, intercept + slope * seconds[0], seconds[0], chance, len(values))


def envelope(samples: Sequence[tuple[float, float]], parts: int) -> list[tuple[float, float]]:
    """Give the lowest value of each of so many equal parts of the time, with the middle of the part.

    The floor of a sawtooth is what is really held: memory goes up until the garbage is collected, and what is leaked
    lifts the floor. Parts also make neighbours more independent, which the test for a trend takes them to be. Parts
    without a sample are left out.
    """
    if not samples:
        return []
    first, last = samples[0][0], samples[-1][0]
    width = (last - first) / parts or 1.0
    times = [at for at, _ in samples]
    found = []
    for part in range(parts):
        begin = bisect.bisect_left(times, first + part * width)
        end = len(times) if part == parts - 1 else bisect.bisect_left(times, first + (part + 1) * width)
        inside = [value for _, value in samples[begin:end]]
        if inside:
            found.append((first + (part + 0.5) * width, min(inside)))
    return found


def pieces(samples: Sequence[tuple[float, float]], fall: float, most: int) -> list[list[tuple[float, float]]]:
    """Cut a series where a value falls to less than the share `fall` of the one before: a process began anew there.

    A series that does so more than `most` times is a sawtooth, and stays whole.
    """
    places = [
        number + 1
        for number, ((_, before), (_, after)) in enumerate(itertools.pairwise(samples))
        if before > 0 and after < fall * before
    ]
    if len(places) > most:
        places = []
    bounds = [0, *places, len(samples)]
    return [list(samples[begin:end]) for begin, end in itertools.pairwise(bounds)]
