"""Windows of one thing: one that is made of something else is found, and other ways to make windows are left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from selfcheck.alerting import undated
from selfcheck.alike import Window, unlike
from selfcheck.firing import Rulebook
from selfcheck.promql import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

Rules = list[tuple[str, str, dict[str, str]]]


def plain(**rules: str) -> Rules:
    return [(name.replace("__", ":"), query, {}) for name, query in rules.items()]


def found(rules: Rules) -> list[tuple[str, bool, str]]:
    recorded: dict[str, tuple[object, ...]] = {}
    windows = []
    for name, query, labels in rules:
        node = parse(query)
        windows.append(Window(f"g/{name}", name, labels, node))
        recorded[name] = (*recorded.get(name, ()), node)
    book = Rulebook(recorded)  # type: ignore[arg-type]
    return [(place, finding.sure, finding.sentence) for place, finding in unlike(windows, book)]


RATES = plain(slow__rate5m="rate(took_bucket[5m])", bad__rate5m='rate(asked_total{s="bad"}[5m])')
OVER = "sum_over_time({}[{}]) / sum_over_time(all:rate5m[{}])"
SLOW = {f"slow__ratio_rate{window}": OVER.format("slow:rate5m", window, window) for window in ("30m", "1h", "6h", "3d")}


def sloth(window: str, metric: str, slo: str) -> tuple[str, str, Mapping[str, str]]:
    query = f'sum(rate({metric}{{code=~"5.."}}[{window}])) / sum(rate({metric}[{window}]))'
    return f"slo:sli_error:ratio_rate{window}", query, {"sloth_window": window, "sloth_slo": slo}


HEALTHY: dict[str, Rules] = {
    "the same of each window": [*RATES, *plain(**SLOW)],
    "the short one of the source, the long one of the short one": [
        *RATES,
        *plain(ratio__5m="rate(a_total[5m]) / rate(b_total[5m])", ratio__1h="avg_over_time(ratio:5m[1h])"),
    ],
    "each of the one before": plain(
        e__5m="rate(a_total[5m])", e__1h="avg_over_time(e:5m[1h])", e__30d="avg_over_time(e:1h[30d])"
    ),
    "Sloth, for two objectives": [
        (name, query, dict(labels))
        for window in ("5m", "30m", "1h", "3d")
        for metric, slo in (("http_requests_total", "api"), ("grpc_total", "rpc"))
        for name, query, labels in [sloth(window, metric, slo)]
    ],
    "Pyrra": [
        (f"{metric}:burnrate{window}", f'sum(rate({metric}_total{{slo="x"}}[{window}]))', {"slo": metric})
        for metric in ("http", "grpc")
        for window in ("5m", "1h", "4d")
    ],
    "two rules of one name": [
        ("verb:requests:rate5m", "sum by (verb) (rate(a_total[5m]))", {}),
        ("verb:requests:rate5m", "sum by (verb) (rate(b_total[5m]))", {}),
        ("verb:requests:rate1h", "sum by (verb) (rate(a_total[1h]))", {}),
    ],
    "names of other numbers": plain(load1="node_load1", load5="node_load5", p95="a", p99="b"),
    "other labels than windows": [
        ("requests:rate5m", "sum(rate(a_total[5m]))", {"service": "a"}),
        ("requests:rate1h", "sum(rate(b_total[1h]))", {"service": "b"}),
    ],
}


@pytest.mark.parametrize("name", list(HEALTHY))
def test_windows_of_one_thing(name: str) -> None:
    assert [each for each in found(HEALTHY[name]) if each[1]] == []


def test_a_window_of_something_else() -> None:
    copied = {**SLOW, "slow__ratio_rate30m": OVER.format("bad:rate5m", "30m", "30m")}
    ((place, sure, sentence),) = found([*RATES, *plain(**copied)])
    assert (place, sure) == ("g/slow:ratio_rate30m", True)
    assert "reads bad:rate* where slow:ratio_rate1h reads slow:rate*" in sentence


def test_of_two_windows_one_is_wrong() -> None:
    ((_, sure, _),) = found(plain(e__rate5m="sum(rate(a_total[5m]))", e__rate1h="sum(rate(b_total[1h]))"))
    assert sure


def test_other_intermediate_results_are_a_remark() -> None:
    rules = plain(
        good__rate5m="rate(a_total[5m])",
        good__sum1h="sum_over_time(good:rate5m[1h])",
        r__1h="avg_over_time(good:rate5m[1h])",
        r__3d="avg_over_time(good:sum1h[3d])",
    )
    assert [sure for _, sure, _ in found(rules)] == [False]


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("errors:rate5m", "errors:rate*"),
        ("sum(rate(a_total[1h30m]))", "sum(rate(a_total[*]))"),
        ("ratio_rate30d", "ratio_rate*"),
        ("node_load15", "node_load15"),
        ("a > 0.5", "a > 0.5"),
        ("p95_seconds", "p95_seconds"),
        ("http_2xx_total", "http_2xx_total"),
    ],
)
def test_what_is_left_without_durations(text: str, without: str) -> None:
    assert undated(text) == without
