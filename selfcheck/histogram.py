"""Judge histograms of an exposition, and read quantiles and means from them. No I/O."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from selfcheck.exposition import LabelSet, label_set, parse_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from selfcheck.exposition import Family, Sample

SUM_TOLERANCE: Final = 1e-6
"""Relative room for the rounding of many additions when a sum is compared with what its buckets allow."""

_BUCKETS_MIN: Final = 2


class Bucket(NamedTuple):
    """So many observations (`cumulative_count`) were at most `upper_bound`, in the unit of the histogram."""

    upper_bound: float
    cumulative_count: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """One histogram: the samples of one family that share their labels, `le` apart.

    `buckets` are in the order of the text, without those whose bound cannot be read, which are in
    `unusable_bounds` as spelled. `count` and `total` are the values of `_count` and `_sum`; None when
    missing.
    """

    labels: LabelSet
    buckets: tuple[Bucket, ...]
    count: float | None
    total: float | None
    unusable_bounds: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        """Mean of all observations, in the unit of the histogram; NaN without observations, count or sum."""
        return _mean(self.count, self.total)

    def quantile(self, q: float) -> float:
        """Give the value that a share `q` (0..1) of the observations does not exceed; see `quantile`."""
        return quantile(q, self.buckets)


@dataclass(frozen=True, slots=True)
class HistogramProblem:
    """What is wrong with one histogram: its labels (without `le`), and a message with the numbers in it."""

    labels: LabelSet
    message: str

    def __str__(self) -> str:
        """Give one line for a report."""
        pairs = ",".join(f'{name}="{value}"' for name, value in self.labels)
        return f"{{{pairs}}}: {self.message}"


@dataclass(frozen=True, slots=True)
class Observed:
    """What a histogram observed between two scrapes.

    `count` observations that add up to `total` in its unit; `buckets` are those of these observations alone,
    so that a quantile of them can be taken.
    """

    count: float
    total: float
    buckets: tuple[Bucket, ...]

    @property
    def mean(self) -> float:
        """Mean of these observations, in the unit of the histogram; NaN when there were none."""
        return _mean(self.count, self.total)

    def quantile(self, q: float) -> float:
        """Give the value that a share `q` (0..1) of these observations does not exceed; see `quantile`."""
        return quantile(q, self.buckets)


def histograms(family: Family) -> dict[LabelSet, Histogram]:
    """Sort the samples of a histogram family into histograms, by their labels without `le`.

    Samples that a histogram does not have (another name) are left out. Of duplicate `_count` and `_sum`
    samples the first counts.
    """
    parts: dict[LabelSet, _Parts] = {}
    bucket_name = f"{family.name}_bucket"
    bounds: dict[str, float | None] = {}
    for sample in family.samples:
        labels = sample.labels
        spelled = labels.pop("le", "") if sample.name == bucket_name else ""
        key = label_set(labels)
        part = parts.get(key)
        if part is None:
            part = parts[key] = _Parts([], [], {})
        if sample.name != bucket_name:
            part.others.setdefault(sample.name, sample)
            continue
        if spelled not in bounds:
            bounds[spelled] = _bound(spelled)
        bound = bounds[spelled]
        if bound is None:
            part.unusable_bounds.append(spelled)
        else:
            part.buckets.append(Bucket(bound, sample.value))
    return {key: part.histogram(family.name, key) for key, part in parts.items() if part.is_histogram(family.name)}


def judge_histogram(family: Family, *, negative_observations: bool = False) -> list[HistogramProblem]:
    """Say what is unsound in the histograms of a family; an empty list when nothing is or nothing is there.

    Looked at: bounds are numbers, distinct and in ascending order; counts are whole, not negative, and do not
    fall from bucket to bucket; `+Inf` is there and equals `_count`; `_sum` is there and lies where the
    buckets say it must: at least every observation at the lower bound of its bucket, at most every one at the
    upper. What is observed (durations, sizes) is taken to be never negative unless `negative_observations`
    says that it may be.
    """
    return [
        HistogramProblem(labels, message)
        for labels, histogram in histograms(family).items()
        for message in _faults(histogram, negative_observations=negative_observations)
    ]


def quantile(q: float, buckets: Sequence[Bucket]) -> float:
    """Give the `q` quantile (0..1) of cumulative buckets as Prometheus' `histogram_quantile` does.

    The rule: the rank is `q` times the count of the `+Inf` bucket. In the first bucket whose count reaches
    the rank, the observations are taken to be spread evenly, so the answer is interpolated linearly between
    its bounds; the lower bound of the first bucket is 0 when its upper bound is above 0. If that is the
    `+Inf` bucket, the answer is the highest finite bound; if it is the first bucket and its upper bound is 0
    or below, the answer is this bound. NaN without observations, without a `+Inf` bucket, with no other
    bucket, or when `q` is NaN; -Inf for `q` below 0, +Inf for `q` above 1. Counts that fall from one bucket
    to the next are raised to the one before.

    `buckets` may be in any order; equal bounds are added up.
    """
    if not 0 <= q <= 1:
        return math.nan if math.isnan(q) else math.copysign(math.inf, q)
    clean = _monotonic(buckets)
    if len(clean) < _BUCKETS_MIN or clean[-1].upper_bound != math.inf or not clean[-1].cumulative_count > 0:
        return math.nan
    rank = q * clean[-1].cumulative_count
    index = next((place for place, bucket in enumerate(clean[:-1]) if bucket.cumulative_count >= rank), len(clean) - 1)
    if index == len(clean) - 1:
        return clean[-2].upper_bound
    bucket = clean[index]
    if index == 0 and bucket.upper_bound <= 0:
        return bucket.upper_bound
    below = clean[index - 1] if index else Bucket(0.0, 0.0)
    inside = bucket.cumulative_count - below.cumulative_count
    if inside == 0:
        # Only q = 0 with an empty first bucket comes here: 0 divided by 0, which Prometheus lets be NaN.
        return math.nan
    return below.upper_bound + (bucket.upper_bound - below.upper_bound) * ((rank - below.cumulative_count) / inside)


def observed_between(before: Histogram | None, after: Histogram) -> Observed | None:
    """Tell what was observed between two scrapes of one histogram.

    `before` is None when the histogram was not there yet, so counts from 0. None is the answer when it cannot
    be told: count or sum is missing, something went down (a restart, another process), or the buckets are
    others.
    """
    start = before or Histogram(after.labels, tuple(Bucket(bound, 0.0) for bound, _ in after.buckets), 0.0, 0.0)
    if after.count is None or after.total is None or start.count is None or start.total is None:
        return None
    if [bucket.upper_bound for bucket in start.buckets] != [bucket.upper_bound for bucket in after.buckets]:
        return None
    buckets = tuple(
        Bucket(new.upper_bound, new.cumulative_count - old.cumulative_count)
        for old, new in zip(start.buckets, after.buckets, strict=True)
    )
    count = after.count - start.count
    if not all(difference >= 0 for difference in (count, *(bucket.cumulative_count for bucket in buckets))):
        return None
    return Observed(count, after.total - start.total, buckets)


class _Parts(NamedTuple):
    """The samples of one histogram while they are collected."""

    buckets: list[Bucket]
    unusable_bounds: list[str]
    others: dict[str, Sample]

    def is_histogram(self, name: str) -> bool:
        return bool(self.buckets or self.unusable_bounds or self.others.keys() & {f"{name}_count", f"{name}_sum"})

    def histogram(self, name: str, labels: LabelSet) -> Histogram:
        count, total = self.others.get(f"{name}_count"), self.others.get(f"{name}_sum")
        return Histogram(
            labels=labels,
            buckets=tuple(self.buckets),
            count=None if count is None else count.value,
            total=None if total is None else total.value,
            unusable_bounds=tuple(self.unusable_bounds),
        )


def _bound(text: str) -> float | None:
    bound = parse_number(text)
    return None if bound is None or math.isnan(bound) else bound


def _mean(count: float | None, total: float | None) -> float:
    return total / count if count and total is not None else math.nan


def _monotonic(buckets: Sequence[Bucket]) -> list[Bucket]:
    """Sort buckets, add up those with equal bounds, and raise counts that fall."""
    merged: dict[float, float] = {}
    for bucket in sorted(buckets, key=lambda bucket: bucket.upper_bound):
        merged[bucket.upper_bound] = merged.get(bucket.upper_bound, 0.0) + bucket.cumulative_count
    counts = itertools.accumulate(merged.values(), max)
    return [Bucket(bound, count) for bound, count in zip(merged, counts, strict=True)]


def _faults(histogram: Histogram, *, negative_observations: bool) -> Iterator[str]:
    for spelled in histogram.unusable_bounds:
        yield f'the bound le="{spelled}" is not a number' if spelled else "a bucket has no le"
    faults = [] if histogram.buckets else ["there are no buckets"]
    faults += [*_faults_of_bounds(histogram.buckets), *_faults_of_counts(histogram)]
    yield from faults
    if histogram.total is None:
        yield "_sum is missing"
    elif math.isnan(histogram.total):
        yield "_sum is NaN"
    elif not faults:
        # Limits taken from unsound buckets would accuse a sum that may be right.
        yield from _faults_of_sum(histogram, histogram.total, negative_observations=negative_observations)


def _faults_of_bounds(buckets: Sequence[Bucket]) -> Iterator[str]:
    bounds = [bucket.upper_bound for bucket in buckets]
    for bound in sorted({bound for bound in bounds if bounds.count(bound) > 1}):
        yield f"there are {bounds.count(bound)} buckets with the bound le={_number(bound)}"
    for earlier, later in itertools.pairwise(bounds):
        if later < earlier:
            yield f"the bounds do not ascend: le={_number(later)} stands after le={_number(earlier)}"
            return


def _faults_of_counts(histogram: Histogram) -> Iterator[str]:
    counts = {f"le={_number(bucket.upper_bound)}": bucket.cumulative_count for bucket in histogram.buckets}
    if histogram.count is not None:
        counts["_count"] = histogram.count
    for where, count in counts.items():
        if not (math.isfinite(count) and count >= 0 and count == math.floor(count)):
            yield f"{where} has {_number(count)}, which is not a whole number of observations"
    ordered = sorted(histogram.buckets, key=lambda bucket: bucket.upper_bound)
    for lower, upper in itertools.pairwise(ordered):
        if upper.cumulative_count < lower.cumulative_count:
            yield (
                "the buckets are not cumulative: "
                f"le={_number(upper.upper_bound)} has {_number(upper.cumulative_count)}, "
                f"less than the {_number(lower.cumulative_count)} of le={_number(lower.upper_bound)}"
            )
    if histogram.count is None:
        yield "_count is missing"
    if not ordered:
        return
    last = ordered[-1]
    if last.upper_bound != math.inf:
        yield f"the bucket le=+Inf is missing; the highest bound is {_number(last.upper_bound)}"
    elif histogram.count is not None and last.cumulative_count != histogram.count:
        yield f"le=+Inf has {_number(last.cumulative_count)}, but _count is {_number(histogram.count)}"


def _faults_of_sum(histogram: Histogram, total: float, *, negative_observations: bool) -> Iterator[str]:
    if not histogram.count:
        if histogram.count == 0 and total != 0:
            yield f"_sum is {_number(total)} without any observation"
        return
    least, most = _limits_of_sum(histogram.buckets, negative_observations=negative_observations)
    if total < least - SUM_TOLERANCE * abs(least):
        yield f"_sum is {_number(total)}, less than the {_number(least)} that the buckets add up to at least"
    elif total > most + SUM_TOLERANCE * abs(most):
        yield f"_sum is {_number(total)}, more than the {_number(most)} that the buckets add up to at most"


def _limits_of_sum(buckets: Sequence[Bucket], *, negative_observations: bool) -> tuple[float, float]:
    """Give the least and the most that observations in these sound buckets can add up to."""
    least = most = below = 0.0
    # A first bound below 0 shows that negative observations are expected, whatever was said.
    lower_bound = -math.inf if negative_observations or buckets[0].upper_bound < 0 else 0.0
    for upper_bound, count in buckets:
        inside = count - below
        if inside:  # 0 times infinity would be NaN
            least += inside * lower_bound
            most += inside * upper_bound
        lower_bound, below = upper_bound, count
    return least, most


def _number(value: float) -> str:
    """Spell a number as the exposition does, whole ones without `.0`."""
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if math.isnan(value):
        return "NaN"
    return str(int(value)) if value == math.floor(value) and abs(value) < 1e15 else repr(value)
