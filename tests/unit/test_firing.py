"""Whether an expression can ever have a result: thresholds taken away, values that it can have, how long it holds."""

from __future__ import annotations

import math

import pytest

from selfcheck.firing import (
    Range,
    Rulebook,
    branches,
    conjuncts,
    constant,
    event_window_seconds,
    looks_back_seconds,
    named_window_seconds,
    never,
    relaxed,
    threshold,
    values,
)
from selfcheck.promql import parse

BOOK = Rulebook(
    recorded={
        "score": (parse("100 * (1 - share)"),),
        "share": (parse('sum(rate(asked_total{status="error"}[5m])) / sum(rate(asked_total[5m]))'),),
        "errors:rate5m": (parse("sum(rate(errors_total[5m]))"),),
        "errors:rate1h": (parse("sum_over_time(errors:rate5m[1h])"),),
        "loop": (parse("loop + 1"),),
        "twice": (parse("vector(1)"), parse("vector(3)")),
    },
    ranges={"up": Range(0, 1), "ratio": Range(0, 1), "budget": Range(high=1), "asked_total": Range(low=0)},
)


@pytest.mark.parametrize(
    "text",
    [
        "ratio > 1",
        "ratio < 0",
        "ratio >= 1.01",
        "5 < ratio",
        "100 * ratio > 100",
        "1 - ratio < 0",
        "(1 - ratio) / (1 - 0.99) > 101",
        "up == 2",
        "up == 0.5 and up == 2",
        "count by (job) (up == 2) > 0",
        "count(up == 1) == 0",
        "count(up == 1) < 1",
        "absent(up) == 0",
        "budget > 1",
        "-ratio > 0",
        "max(ratio) > 1",
        "max_over_time(ratio[1h]) > 1",
        "rate(asked_total[5m]) < 0",
        "sum(rate(asked_total[5m])) < 0",
        'sum by (p) (rate(asked_total{status="error"}[5m])) / (sum by (p) (rate(asked_total[5m])) > 0) > 1',
        "share > 1",
        "score > 100",
        "twice > 3",
        "avg(up == bool 0) > 1",
        "ratio > 1 or up == 2",
        "ratio > 0.9 and ratio < 0.5",
        "ratio > 0.5 and ratio <= 0.5",
        "ratio == 0.2 and ratio == 0.3",
        "ratio > 0.9 unless ratio > 0.5",
        "sum(x) > 5 and on () sum(x) < 2",
        "(ratio > 0.9) < 0.5",
        "x > 5 and on () up == 2",
    ],
)
def test_what_can_never_be_true(text: str) -> None:
    assert "never true" in never(parse(text), BOOK)


@pytest.mark.parametrize(
    "text",
    ["absent(sum(x) or vector(0))", "absent_over_time(vector(1)[5m:1m]) and on () up", "sum(absent(vector(0))) > 0"],
)
def test_the_absence_of_what_is_always_there(text: str) -> None:
    """A default takes away what `absent` looks for."""
    assert "is never absent" in never(parse(text), BOOK)


@pytest.mark.parametrize(
    "text",
    [
        "ratio > 0.05",
        "absent(sum(x) or vector(0)) or absent(x)",
        "up unless absent(vector(1))",
        "absent(x > 1)",
        "ratio >= 1",
        "ratio <= 0",
        "ratio != 1",
        "100 * ratio > 5",
        "budget <= 0",
        "up == 0",
        "(count(up == 1) or vector(0)) == 0",
        "(count(up == 1) or vector(0)) < 3",
        "count(up == 0) > 0",
        "absent(up)",
        "absent(up) == 1",
        "up == 0 or up == 2",
        "x > 5 and on (job) x < 2",
        "x > 5 and y < 2",
        "x >= 5 and x <= 5",
        "x > 5 unless x > 7",
        "x > 5 unless on () y == 1",
        "x > y and y > 3",
        "a / b > 1.5",
        'rate(asked_total{status="error"}[1h]) / rate(asked_total[5m]) > 1.5',
        "sum(rate(asked_total[5m])) / sum(rate(other_total[5m])) > 7",
        "sum(ratio) > 3",
        "stddev(ratio) >= 0",
        "time() - changed_at > 86400",
        "predict_linear(free[6h], 4 * 3600) < 0",
        "histogram_quantile(0.99, sum by (le) (rate(d_bucket[5m]))) > 2",
        "unknown < 0",
        "loop > 5",
        "score < 50",
        "changes(up[1h]) > 4",
        "vector(1)",
        "hour() > 8 and on () hour() < 18",
    ],
)
def test_what_may_be_true(text: str) -> None:
    assert never(parse(text), BOOK) == ""


@pytest.mark.parametrize(
    ("text", "top", "everywhere"),
    [
        ("a > 5", "a", "a"),
        ("5 < a", "a", "a"),
        ("a > 2 * (1 - 0.9)", "a", "a"),
        ("(a > 5) < 9", "a", "a"),
        ("a > b", "(a) - (b)", "(a) - (b)"),
        ("a > on (x) group_left (y) b", "(a) - on (x) group_left (y) (b)", "(a) - on (x) group_left (y) (b)"),
        ("a > 5 and on (x) b > 2", "(a) and on (x) (b)", "(a) and on (x) (b)"),
        ("a > 5 unless b > 2", "a", "a"),
        ("a > 5 or b < 2", "(a) or (b)", "(a) or (b)"),
        ("a / (b > 0) > 5", "a / (b > 0)", "(a) / (b)"),
        ("count(up == 1) == 0", "count(up == 1)", "count (up)"),
        ("sum by (x) (a > 1) > 2", "sum by (x) (a > 1)", "sum by (x) (a)"),
        ("topk(3, a > 1)", "topk(3, a > 1)", "topk (3, a)"),
        ("quantile without (x) (0.5, a > 1) > 1", "quantile without (x) (0.5, a > 1)", "quantile without (x) (0.5, a)"),
        ("absent(a)", "a", "a"),
        ("absent(a) == 1", "a", "a"),
        ("absent_over_time(a[5m])", "present_over_time(a[5m])", "present_over_time(a[5m])"),
        ("a > bool 5", "a > bool 5", "a > bool 5"),
        ("(a > bool 5) == 1", "a > bool 5", "a > bool 5"),
        (
            "max_over_time((a > 0)[5m:30s]) > 1",
            "max_over_time((a > 0)[5m:30s])",
            "max_over_time((a)[300000ms:30000ms])",
        ),
        ("-(a > 1) < 3", "-(a > 1)", "-(a)"),
        ("vector(1)", "vector(1)", "vector(1)"),
    ],
)
def test_an_expression_without_its_comparisons(text: str, top: str, everywhere: str) -> None:
    node = parse(text)
    assert " ".join(relaxed(node).split()) == top
    assert " ".join(relaxed(node, everywhere=True).split()) == everywhere
    parse(relaxed(node))
    parse(relaxed(node, everywhere=True))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("ratio * 100", 0, 100),
        ("ratio / 0", 0, math.inf),
        ("ratio - 2", -2, -1),
        ("2 - ratio", 1, 2),
        ("ratio > 0.3", 0.3, 1),
        ("ratio or vector(7)", 0, 7),
        ("ratio unless x", 0, 1),
        ("x or ratio", -math.inf, math.inf),
        ("0 * x", 0, 0),
        ("label_replace(ratio, 'a', 'b', 'c', '')", 0, 1),
        ("errors:rate1h", 0, math.inf),
        ("clamp_max(x, 1)", -math.inf, math.inf),
    ],
)
def test_values(text: str, low: float, high: float) -> None:
    assert values(parse(text), BOOK) == Range(low, high)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("14.4 * (1 - 0.99)", 0.144),
        ("-2 ^ 2", -4),
        ("7 % 4", 3),
        ("1 / 0", math.inf),
        ("a", None),
        ("1 > bool 2", None),
        ("vector(1)", None),
    ],
)
def test_constants(text: str, value: float | None) -> None:
    assert constant(parse(text)) == (None if value is None else pytest.approx(value))


def test_parts() -> None:
    assert [part.shown for part in branches(parse("a > 1 or (b > 2 or c > 3)"))] == ["a > 1", "b > 2", "c > 3"]
    assert [part.shown for part in conjuncts(parse("a > 1 and on () b > 2"))] == ["a > 1", "b > 2"]
    found = threshold(parse("5 <= a"))
    assert found is not None
    assert (found[0].shown, found[1:]) == ("a", (">=", 5))
    assert threshold(parse("a > bool 5")) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("increase(errors_total[5m]) > 0", 300),
        ("sum by (x) (rate(errors_total[5m])) > 0", 300),
        ("changes(a[1m]) != 0 and on () up == 1", 60),
        ("errors:rate5m > 0", None),
        ("increase(errors_total[5m]) > 3", None),
        ("rate(errors_total[5m]) == 0", None),
        ("a > 0", None),
    ],
)
def test_how_long_one_event_is_seen(text: str, seconds: float | None) -> None:
    assert event_window_seconds(parse(text), BOOK) == seconds


def test_windows() -> None:
    assert looks_back_seconds(parse("errors:rate1h > 1"), BOOK) == 3600
    assert looks_back_seconds(parse("max_over_time(a[1h:1m]) > 1"), BOOK) == 3600
    assert looks_back_seconds(parse("loop"), BOOK) == 0
    assert named_window_seconds(parse("errors:rate1h / asked:rate5m")) == 3600
    assert named_window_seconds(parse("slo:burnrate_3d")) == 259_200
    assert named_window_seconds(parse("http_2xx_total / up")) is None
