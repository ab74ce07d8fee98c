"""Histograms: unsound ones are told with the numbers, and quantiles are those of Prometheus."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client import Histogram as ClientHistogram

from selfcheck.exposition import Family, label_set, parse
from selfcheck.histogram import (
    Bucket,
    Histogram,
    histograms,
    judge_histogram,
    observed_between,
    quantile,
)

# Derandomized and without a database of examples: a run does not depend on earlier ones. No deadline: other
# work on the machine must not fail a test.
thorough = settings(
    max_examples=100,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)

INF = math.inf
SOUND = (
    'h_bucket{le="0.1"} 2',
    'h_bucket{le="0.5"} 3',
    'h_bucket{le="+Inf"} 5',
    "h_count 5",
    "h_sum 3.2",
)


def family(*lines: str) -> Family:
    """Make a histogram family of sample lines."""
    return parse("# TYPE h histogram\n" + "".join(f"{line}\n" for line in lines)).families["h"]


def changed(**lines: str) -> Family:
    """Make the sound family with some lines replaced: le01, le05, inf, count, total; empty to leave out."""
    names = ("le01", "le05", "inf", "count", "total")
    return family(*filter(None, (lines.get(name, line) for name, line in zip(names, SOUND, strict=True))))


def test_a_sound_histogram_has_no_problem() -> None:
    assert judge_histogram(family(*SOUND)) == []


@pytest.mark.parametrize(
    ("unsound", "message"),
    [
        (
            changed(le05='h_bucket{le="0.5"} 1'),
            "the buckets are not cumulative: le=0.5 has 1, less than the 2 of le=0.1",
        ),
        (changed(inf='h_bucket{le="+Inf"} 4'), "le=+Inf has 4, but _count is 5"),
        (changed(inf=""), "the bucket le=+Inf is missing; the highest bound is 0.5"),
        (changed(count=""), "_count is missing"),
        (changed(total=""), "_sum is missing"),
        (changed(total="h_sum NaN"), "_sum is NaN"),
        (changed(total="h_sum 1.09"), "_sum is 1.09, less than the 1.1 that the buckets add up to at least"),
        (
            changed(inf='h_bucket{le="+Inf"} 3', count="h_count 3", total="h_sum 700"),
            "_sum is 700, more than the 0.7 that the buckets add up to at most",
        ),
        (
            changed(inf='h_bucket{le="+Inf"} 3', count="h_count 3", total="h_sum +Inf"),
            "_sum is +Inf, more than the 0.7 that the buckets add up to at most",
        ),
        (changed(total="h_sum -3"), "_sum is -3, less than the 1.1 that the buckets add up to at least"),
        (
            family('h_bucket{le="0.1"} 0', 'h_bucket{le="+Inf"} 0', "h_count 0", "h_sum 0.5"),
            "_sum is 0.5 without any observation",
        ),
        (
            changed(le01='h_bucket{le="0.1"} 1.5'),
            "le=0.1 has 1.5, which is not a whole number of observations",
        ),
        (changed(le01='h_bucket{le="0.1"} -1'), "le=0.1 has -1, which is not a whole number of observations"),
        (
            changed(le01='h_bucket{le="0.1"} NaN'),
            "le=0.1 has NaN, which is not a whole number of observations",
        ),
        (changed(le01='h_bucket{le="0.50"} 3'), "there are 2 buckets with the bound le=0.5"),
        (
            changed(le01='h_bucket{le="0.5"} 3', le05='h_bucket{le="0.1"} 2'),
            "the bounds do not ascend: le=0.1 stands after le=0.5",
        ),
        (changed(le01='h_bucket{le="low"} 2'), 'the bound le="low" is not a number'),
        (changed(le01="h_bucket 2"), "a bucket has no le"),
        (family("h_count 5", "h_sum 3"), "there are no buckets"),
    ],
)
def test_each_unsoundness_is_told_with_the_numbers(unsound: Family, message: str) -> None:
    assert [(problem.labels, problem.message) for problem in judge_histogram(unsound)] == [((), message)]


def test_counts_that_contradict_each_other_are_all_told() -> None:
    unsound = changed(inf='h_bucket{le="+Inf"} 2.5', count="h_count 7")
    assert [problem.message for problem in judge_histogram(unsound)] == [
        "le=+Inf has 2.5, which is not a whole number of observations",
        "the buckets are not cumulative: le=+Inf has 2.5, less than the 3 of le=0.5",
        "le=+Inf has 2.5, but _count is 7",
    ]


def test_only_the_unsound_one_of_several_is_named() -> None:
    lines = [
        line.replace("h_count", "h_count{}").replace("h_sum", "h_sum{}").replace("{", f'{{provider="{provider}",')
        for provider in ("paddle", "deepseek")
        for line in SOUND
    ]
    lines[3] = lines[3].replace(" 5", " 6")
    (problem,) = judge_histogram(family(*lines))
    assert problem.labels == (("provider", "paddle"),)
    assert str(problem) == '{provider="paddle"}: le=+Inf has 5, but _count is 6'


def test_without_samples_there_is_nothing_to_judge() -> None:
    assert judge_histogram(family()) == []
    assert histograms(family("h 5", "h_other 3")) == {}


def test_a_seconds_histogram_fed_with_milliseconds_is_seen_only_below_the_last_bound() -> None:
    """The sum alone cannot tell when all observations lie beyond the last bound; a causal check has to."""
    assert judge_histogram(family('h_bucket{le="10"} 0', 'h_bucket{le="+Inf"} 2', "h_count 2", "h_sum 700")) == []
    assert judge_histogram(family('h_bucket{le="10"} 2', 'h_bucket{le="+Inf"} 2', "h_count 2", "h_sum 700")) != []


@pytest.mark.parametrize(
    ("lines", "negative_allowed", "sound"),
    [
        (('h_bucket{le="1"} 2', 'h_bucket{le="+Inf"} 2', "h_count 2", "h_sum -9"), False, False),
        (('h_bucket{le="1"} 2', 'h_bucket{le="+Inf"} 2', "h_count 2", "h_sum -9"), True, True),
        (('h_bucket{le="-1"} 2', 'h_bucket{le="+Inf"} 2', "h_count 2", "h_sum -9"), False, True),
        (('h_bucket{le="-1"} 2', 'h_bucket{le="+Inf"} 2', "h_count 2", "h_sum -1.5"), False, False),
        (('h_bucket{le="0"} 2', 'h_bucket{le="+Inf"} 2', "h_count 2", "h_sum 0"), False, True),
        (('h_bucket{le="+Inf"} 2', "h_count 2", "h_sum 9"), False, True),
        (('h_bucket{le="+Inf"} 2', "h_count 2", "h_sum -9"), False, False),
        (('h_bucket{le="+Inf"} 2', "h_count 2", "h_sum -9"), True, True),
    ],
)
def test_negative_observations_count_where_they_are_expected(
    *, lines: tuple[str, ...], negative_allowed: bool, sound: bool
) -> None:
    assert (judge_histogram(family(*lines), negative_observations=negative_allowed) == []) is sound


def test_histograms_are_told_apart_by_their_other_labels() -> None:
    found = histograms(
        family(
            'h_bucket{le="1",b="\\"",a="x"} 1',
            'h_bucket{b="\\"",le="+Inf",a="x"} 2',
            'h_count{a="x",b="\\""} 2',
            'h_sum{b="\\"",a="x"} 1.5',
            'h_bucket{le="+Inf"} 0',
        )
    )
    assert found == {
        label_set({"a": "x", "b": '"'}): Histogram(
            (("a", "x"), ("b", '"')), (Bucket(1, 1), Bucket(INF, 2)), count=2, total=1.5
        ),
        (): Histogram((), (Bucket(INF, 0),), count=None, total=None),
    }
    assert found[label_set({"b": '"', "a": "x"})].mean == 0.75
    assert math.isnan(found[()].mean)


@pytest.mark.parametrize(
    ("q", "buckets", "expected"),
    [
        # Interpolated inside a bucket: rank 5 of 10, all in (1, 2].
        (0.5, [(1, 0), (2, 10), (INF, 10)], 1.5),
        # Inside the first bucket, whose lower bound is 0.
        (0.5, [(1, 10), (2, 10), (INF, 10)], 0.5),
        # Right at the end of a bucket: its upper bound.
        (0.5, [(1, 5), (2, 10), (INF, 10)], 1),
        (1, [(1, 5), (2, 10), (INF, 10)], 2),
        # 95 of 100, with 90 up to 0.5 and 98 up to 1: 0.5 + 0.5 * 5 / 8.
        (0.95, [(0.1, 50), (0.5, 90), (1, 98), (INF, 100)], 0.8125),
        # Beyond the last finite bound: that bound.
        (0.99, [(0.1, 50), (0.5, 90), (1, 98), (INF, 100)], 1),
        (0.5, [(1, 0), (2, 0), (INF, 10)], 2),
        # Empty buckets are passed over.
        (0.75, [(1, 5), (2, 5), (3, 5), (4, 10), (INF, 10)], 3.5),
        # The first bucket ends at or below 0: its upper bound, as there is no lower one.
        (0.5, [(-1, 10), (INF, 10)], -1),
        (0.5, [(0, 10), (1, 10), (INF, 10)], 0),
        (0.9, [(-2, 5), (-1, 10), (INF, 10)], -1.2),
        # The lowest quantile is the lower end of the first bucket, if something is in it.
        (0, [(1, 5), (INF, 10)], 0),
        (0, [(1, 0), (2, 5), (INF, 10)], math.nan),
        # Out of range.
        (-0.1, [(1, 5), (INF, 10)], -INF),
        (1.1, [(1, 5), (INF, 10)], INF),
        (math.nan, [(1, 5), (INF, 10)], math.nan),
        # Nothing to go by.
        (0.5, [(1, 0), (INF, 0)], math.nan),
        (0.5, [(INF, 10)], math.nan),
        (0.5, [(1, 5), (2, 10)], math.nan),
        (0.5, [], math.nan),
        # In any order, with equal bounds added up and falling counts raised.
        (0.5, [(INF, 10), (2, 10), (1, 5)], 1),
        (0.5, [(1, 2), (1, 3), (2, 10), (INF, 10)], 1),
        (0.5, [(1, 5), (2, 3), (3, 10), (INF, 10)], 1),
        (0.75, [(1, 5), (2, 3), (3, 10), (INF, 10)], 2.5),
    ],
)
def test_quantiles_are_those_of_prometheus(q: float, buckets: list[tuple[float, float]], expected: float) -> None:
    assert quantile(q, [Bucket(*bucket) for bucket in buckets]) == pytest.approx(expected, nan_ok=True)


def histogram(count: float | None, total: float | None, *counts: float) -> Histogram:
    buckets = tuple(Bucket(bound, number) for bound, number in zip((0.1, 0.5, INF), counts, strict=False))
    return Histogram((), buckets, count, total)


def test_what_was_observed_in_between_is_the_difference() -> None:
    observed = observed_between(histogram(10, 2.0, 4, 8, 10), histogram(14, 3.0, 4, 12, 14))
    assert observed is not None
    assert (observed.count, observed.total, observed.mean) == (4, 1.0, 0.25)
    assert [bucket.cumulative_count for bucket in observed.buckets] == [0, 4, 4]
    assert observed.quantile(0.5) == pytest.approx(0.3)


def test_a_histogram_that_was_born_in_between_counts_from_zero() -> None:
    observed = observed_between(None, histogram(2, 0.3, 0, 2, 2))
    assert observed is not None
    assert (observed.count, observed.total) == (2, 0.3)


def test_nothing_observed_in_between_has_no_mean() -> None:
    observed = observed_between(histogram(2, 0.3, 0, 2, 2), histogram(2, 0.3, 0, 2, 2))
    assert observed is not None
    assert observed.count == 0
    assert math.isnan(observed.mean)
    assert math.isnan(observed.quantile(0.5))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(histogram(5, 1, 5, 5, 5), histogram(2, 1, 2, 2, 2), id="count fell"),
        pytest.param(histogram(5, 1, 5, 5, 5), histogram(6, 1, 4, 6, 6), id="bucket fell"),
        pytest.param(histogram(None, 1, 5, 5, 5), histogram(6, 1, 6, 6, 6), id="no count before"),
        pytest.param(histogram(5, 1, 5, 5, 5), histogram(6, None, 6, 6, 6), id="no sum after"),
        pytest.param(histogram(5, 1, 5, 5), histogram(6, 1, 6, 6, 6), id="other buckets"),
        pytest.param(histogram(5, 1, 5, 5, 5), histogram(math.nan, 1, 6, 6, 6), id="count is NaN"),
    ],
)
def test_what_cannot_be_told_is_none(before: Histogram, after: Histogram) -> None:
    assert observed_between(before, after) is None


@thorough
@given(
    st.lists(st.floats(0, 1e9) | st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.5]), max_size=50),
    st.lists(st.floats(0.001, 1e6), min_size=1, max_size=8, unique=True),
    st.floats(0, 1),
)
def test_what_the_client_library_observes_is_sound(observations: list[float], bounds: list[float], q: float) -> None:
    registry = CollectorRegistry()
    client = ClientHistogram("h", "H.", buckets=sorted(bounds), registry=registry)
    for observation in observations:
        client.observe(observation)
    exposed = parse(generate_latest(registry).decode()).families["h"]
    assert judge_histogram(exposed) == []
    found = histograms(exposed)[()]
    assert found.count == len(observations)
    if observations:
        assert found.mean == pytest.approx(sum(observations) / len(observations))
        # The quantile lies in the bucket where the observation of that rank is, or at the last bound.
        exact = sorted(observations)[max(0, math.ceil(q * len(observations)) - 1)]
        estimate = found.quantile(q)
        if not math.isnan(estimate):
            upper = min((bound for bound in bounds if bound >= exact), default=max(bounds))
            assert estimate <= upper * (1 + 1e-9)


@thorough
@given(st.lists(st.tuples(st.floats(), st.floats()).map(lambda pair: Bucket(*pair)), max_size=6), st.floats())
def test_no_buckets_make_the_quantile_raise(buckets: list[Bucket], q: float) -> None:
    assert isinstance(quantile(q, buckets), float)
    assert isinstance(judge_histogram(exposed(buckets)), list)


def exposed(buckets: list[Bucket]) -> Family:
    return family(*(f'h_bucket{{le="{bound!r}"}} {number!r}' for bound, number in buckets), "h_count 1", "h_sum 1")
