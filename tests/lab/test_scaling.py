"""Durations, and nothing else, are divided by the time scale."""

import promql_parser
import pytest

from lab.configuration import TEMPLATES, parsed, rule_files
from lab.scaling import BadDurationError, Scale, scaled_promql, scaled_yaml, seconds, written

SCALE = Scale(factor=60)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30s", 30), ("5m", 300), ("1h30m", 5400), ("500ms", 0.5), ("1d", 86_400), ("2w", 1_209_600), ("1y", 31_536_000)],
)
def test_a_duration_is_read_as_prometheus_reads_it(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "1.5h", "5x", "-5m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(BadDurationError, match="is not a duration"):
        seconds(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0s"), (1, "1s"), (0.5, "500ms"), (90, "90s"), (1.25, "1s250ms"), (0.00001, "1ms")],
)
def test_a_duration_is_written_so_that_it_can_be_read(value: float, expected: str) -> None:
    assert written(value) == expected
    assert seconds(written(value)) == pytest.approx(value, abs=0.001)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(a[5m])", "rate(a[5s])"),
        ("rate(a[10m])", "rate(a[10s])"),
        ("rate(a[1m])", "rate(a[5s])"),  # the floor of windows
        ("increase(a[30d])", "increase(a[60s])"),  # their cap
        ("rate(a[1h30m])", "rate(a[60s])"),
        ("rate(a[ 10m ])", "rate(a[ 10s ])"),
        ("a offset 1h", "a offset 60s"),
        ("a offset -1h", "a offset -60s"),
        ("a offset 1d", "a offset 1440s"),  # an offset has no cap
        ("a[10m] offset 5m", "a[10s] offset 5s"),
        ("max_over_time(rate(a[5m])[30m:1m])", "max_over_time(rate(a[5s])[30s:1s])"),
        ("max_over_time(a[30m:])", "max_over_time(a[30s:])"),
        ("max_over_time(a[30m : 5m])", "max_over_time(a[30s : 5s])"),
        # Not durations, whatever they look like.
        ('a{window="[5m]", x="5m"} > 5', 'a{window="[5m]", x="5m"} > 5'),
        (r'a{x="\"[5m]"}[10m]', r'a{x="\"[5m]"}[10s]'),
        ("a{x='[5m]'}", "a{x='[5m]'}"),
        ("a{x=`[5m]`}", "a{x=`[5m]`}"),
        ("a # over [5m]\n[10m]", "a # over [5m]\n[10s]"),
        ("job:requests:rate5m[10m]", "job:requests:rate5m[10s]"),
        ("requests_5m > 14.4 * 0.05", "requests_5m > 14.4 * 0.05"),
        ("a > 1e5 and a < 0x5d and a > .5", "a > 1e5 and a < 0x5d and a > .5"),
        ("a @ 1609746000", "a @ 1609746000"),
    ],
)
def test_promql_keeps_everything_but_its_durations(expression: str, expected: str) -> None:
    assert scaled_promql(expression, SCALE) == expected


def test_a_scale_of_one_changes_no_expression_of_ours() -> None:
    production = Scale(factor=1, interval_seconds_min=0.001, window_seconds_min=0.001, window_seconds_max=1e9)
    for expression in _expressions():
        same = promql_parser.parse(scaled_promql(expression, production))
        assert str(same) == str(promql_parser.parse(expression))


def test_every_rule_is_promql_before_and_after() -> None:
    assert len(_expressions()) > 50
    for expression in _expressions():
        promql_parser.parse(expression)
        promql_parser.parse(scaled_promql(expression, SCALE))


def test_yaml_is_scaled_by_key_and_not_changed_itself() -> None:
    document = {
        "global": {"scrape_interval": "15s", "scrape_timeout": "10s", "external_labels": {"interval_name": "15s"}},
        "route": {"group_wait": "30s", "repeat_interval": "4h", "routes": [{"group_interval": "5m"}]},
        "groups": [{"interval": "2m", "rules": [{"expr": "rate(a[5m])", "for": "10m", "labels": {"x": "5m"}}]}],
    }
    before = repr(document)
    assert scaled_yaml(document, SCALE) == {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "external_labels": {"interval_name": "15s"}},
        "route": {"group_wait": "500ms", "repeat_interval": "240s", "routes": [{"group_interval": "5s"}]},
        "groups": [{"interval": "2s", "rules": [{"expr": "rate(a[5s])", "for": "10s", "labels": {"x": "5m"}}]}],
    }
    assert repr(document) == before


@pytest.mark.parametrize(
    ("cap_seconds", "rate", "interval"),
    [(60.0, "rate(a[5s])", "1s"), (5.0, "rate(a[5s])", "1s"), (3.0, "rate(a[3s])", "600ms")],
)
def test_what_forgets_sooner_is_looked_at_more_often(cap_seconds: float, rate: str, interval: str) -> None:
    scale = Scale.capped(120.0, cap_seconds)
    assert scaled_promql("rate(a[5m])", scale) == rate
    assert scale.interval("15s") == interval


@pytest.mark.parametrize("options", [{"factor": 0.5}, {"window_seconds_min": 10.0, "window_seconds_max": 5.0}])
def test_a_scale_that_makes_no_sense_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"scale below 1|are no range"):
        Scale(**options)


def _expressions() -> list[str]:
    documents = [parsed((TEMPLATES / name).read_text(encoding="utf-8")) for name in rule_files()]
    return [rule["expr"] for document in documents for group in document["groups"] for rule in group["rules"]]
