"""The judges of Prometheus: each way in which it can fail to watch, and what only looks like it."""

from __future__ import annotations

import email.utils
import math
from dataclasses import replace
from typing import Any

import pytest

from checks import test_prometheus as prometheus
from selfcheck.clients.prometheus import QueryResult, Rule, RuleGroup, RuntimeInfo, Sample, Series, Target
from selfcheck.exposition import ProcessIdentity
from selfcheck.knowledge import Made, made_of
from selfcheck.replicas import Replicas
from selfcheck.verdict import Outcome, Verdict
from tests.unit.making import NOW, PLACE, answer, promise, scrape

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED


def check(verdict: Verdict, outcome: Outcome, said: str = "") -> None:
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict


def result(*values: float, labels: dict[str, str] | None = None, warnings: tuple[str, ...] = ()) -> QueryResult:
    samples = tuple(Sample(labels or {}, value, NOW) for value in values)
    return QueryResult("q", "GET /api/v1/query", samples, warnings=warnings)


# ------------------------------------------------------------------------------------------------------------- scraping


def scraped(instance: str = "a", health: str = "up", age: float = 1.0) -> Target:
    labels = {"job": "app", "instance": instance}
    return Target(labels, f"http://{instance}/metrics", "app", health, "refused", NOW - age, 0.01, 15.0, 10.0)


NONE_UNLISTED = Replicas({}, {}, ())
ONE_UNLISTED = Replicas({}, {}, (), unlisted=(scrape("", process=ProcessIdentity(1.0, 1.0)),))


@pytest.mark.parametrize(
    ("targets", "replicas", "count", "outcome", "said"),
    [
        ([scraped("a"), scraped("b"), scraped("c")], NONE_UNLISTED, 3, PASS, "3 replicas up"),
        ([scraped("a"), scraped("b")], NONE_UNLISTED, None, PASS, "2 replicas up"),
        ([scraped("a"), scraped("b"), scraped("c"), scraped("d")], NONE_UNLISTED, 3, PASS, "4 replicas up"),
        ([scraped("a"), scraped("b")], NONE_UNLISTED, 3, FAIL, "only 2 replicas are scraped"),
        ([scraped("a"), scraped("b"), scraped("b")], NONE_UNLISTED, 3, FAIL, "only 2 replicas are scraped"),
        ([], NONE_UNLISTED, None, FAIL, "no replica is scraped"),
        ([], NONE_UNLISTED, 3, FAIL, "no replica is scraped"),
        ([scraped("a", "down")], NONE_UNLISTED, None, FAIL, "a is down: refused"),
        ([scraped("a", age=60)], NONE_UNLISTED, None, FAIL, "a was scraped 60 s ago"),
        ([scraped("a", age=47)], NONE_UNLISTED, None, PASS, ""),
        ([scraped("a")], ONE_UNLISTED, None, FAIL, "a process answers users that Prometheus does not scrape"),
        ([scraped("a", "unknown", age=NOW)], NONE_UNLISTED, None, INCONCLUSIVE, "not scraped yet: a"),
        ([scraped("a", "unknown"), scraped("b", "down")], NONE_UNLISTED, None, FAIL, "b is down"),
    ],
)
def test_scraped(targets: list[Target], replicas: Replicas, count: int | None, outcome: Outcome, said: str) -> None:
    made = promise(prometheus.Scraped, late_after_intervals=3)
    verdict = prometheus.judge_scraped(
        made, targets, replicas, expected_count=count, now=NOW, tolerance_seconds=5.0, place=PLACE
    )
    check(verdict, outcome, said)


def test_what_may_pass_by_itself_is_not_called_wrong() -> None:
    """One lost scrape between two that come seldom, and a process that has just started."""
    made = promise(prometheus.Scraped, late_after_intervals=3)
    place: Any = {"expected_count": None, "now": NOW, "tolerance_seconds": 5.0, "place": PLACE}
    down = [scraped("a"), scraped("b", "down")]
    verdict = prometheus.judge_scraped(made, down, NONE_UNLISTED, **place, lately={("app", "b")})
    check(verdict, INCONCLUSIVE, "b is down: refused; it was up a moment ago")
    check(prometheus.judge_scraped(made, down, NONE_UNLISTED, **place, lately={("app", "a")}), FAIL)
    young = Replicas({}, {}, (), unlisted=(scrape("", process=ProcessIdentity(NOW - 20, NOW - 20)),))
    check(prometheus.judge_scraped(made, [scraped("a")], young, **place), INCONCLUSIVE, "a process answers users")


# ---------------------------------------------------------------------------------------------------------------- rules


def group(*rules: Rule, age: float = 1.0, seconds: float = 0.01, never: bool = False) -> RuleGroup:
    return RuleGroup("g", "f.yml", 15.0, 0.0 if never else NOW - age, seconds, rules)


def rule(health: str = "ok", error: str = "") -> Rule:
    return Rule("r", "recording", "q", {}, {}, 0, health, error, NOW, 0.01, "", (), "g", "f.yml", 15.0)


@pytest.mark.parametrize(
    ("groups", "outcome", "said"),
    [
        ([group(rule(), rule())], PASS, "2 rules in 1 groups"),
        ([], FAIL, "0 loaded"),
        ([group(rule("err", "no such function"))], FAIL, "g/r: no such function"),
        ([group(rule("err"))], FAIL, "g/r: failed"),
        ([group(rule("ok", "left over"))], FAIL, "g/r: left over"),
        ([group(rule(), age=120)], FAIL, "group g was evaluated 120 s ago, its interval is 15 s"),
        ([group(rule(), seconds=16)], FAIL, "group g takes 16.0 s of 15 s"),
        ([group(rule("unknown"), never=True)], INCONCLUSIVE, "not evaluated yet: g/r"),
        ([group(rule("unknown")), group(rule("err"))], FAIL, "g/r: failed"),
    ],
)
def test_rules(groups: list[RuleGroup], outcome: Outcome, said: str) -> None:
    made = promise(prometheus.Rules, late_after_intervals=3, groups_min=1)
    verdict = prometheus.judge_rules(made, groups, now=NOW, tolerance_seconds=5.0, place=PLACE)
    check(verdict, outcome, said)


ALERT = replace(rule(), name="High", kind="alerting", query="r > 1")
LATER = replace(ALERT, query="max_over_time(r[1d]) > 1")


@pytest.mark.parametrize(
    ("seldom", "others", "scale", "outcome"),
    [
        (ALERT, (), 1, FAIL),
        (rule(), (ALERT,), 1, FAIL),
        (rule(), (LATER,), 1, PASS),  # what happened is seen all the same
        (rule(), (), 1, PASS),
        (ALERT, (), 0.1, PASS),
        (ALERT, (), 100, FAIL),
    ],
)
def test_groups_that_are_evaluated_seldom(
    seldom: Rule, others: tuple[Rule, ...], scale: float, outcome: Outcome
) -> None:
    """What alerts are made of is evaluated often enough for whoever must respond."""
    made = promise(prometheus.Rules, late_after_intervals=3, groups_min=1, interval_max_seconds=300)
    groups = [replace(group(seldom), interval_seconds=1800.0), group(*others)]
    verdict = prometheus.judge_rules(made, groups, now=NOW, tolerance_seconds=5.0, place=PLACE, scale=scale)
    check(verdict, outcome, "every 1800 s" if outcome is FAIL else "")
    usual = [replace(group(seldom), interval_seconds=60.0), group(*others)]
    check(prometheus.judge_rules(made, usual, now=NOW, tolerance_seconds=5.0, place=PLACE, scale=scale), PASS)


@pytest.mark.parametrize(("reloaded", "outcome"), [(True, PASS), (False, FAIL)])
def test_configuration(outcome: Outcome, *, reloaded: bool) -> None:
    check(prometheus.judge_configuration(RuntimeInfo(NOW, reloaded, NOW, "15d"), PLACE), outcome)


# ---------------------------------------------------------------------------------------------------------------- clock


def dated(ahead: float, seconds: float = 0.01) -> Any:
    return answer({}, seconds=seconds, headers={"date": email.utils.formatdate(NOW + ahead, usegmt=True)})


@pytest.mark.parametrize(
    ("ahead", "answers", "outcome", "said"),
    [
        (0.0, [dated(0)], PASS, "Prometheus +0.0 s, the platform +0.0 s"),
        (4.9, [dated(-5.5)], PASS, ""),
        (6.0, [dated(0)], FAIL, "Prometheus +6.0 s"),
        (-6.0, [dated(0)], FAIL, "Prometheus -6.0 s"),
        (0.0, [dated(60)], FAIL, "the platform +60.0 s"),
        (0.0, [dated(0), dated(-60)], FAIL, "the platform -59.0 s"),
        (60.0, [dated(60)], INCONCLUSIVE, "this machine's own clock"),
        (60.0, [dated(-60)], FAIL, ""),
        (0.0, [dated(0, seconds=9)], PASS, ""),
        (0.0, [dated(9, seconds=9)], PASS, ""),
        (0.0, [], PASS, "Prometheus +0.0 s"),
    ],
)
def test_clock(ahead: float, answers: list[Any], outcome: Outcome, said: str) -> None:
    check(prometheus.judge_clock(ahead, answers, 5.0, PLACE), outcome, said)


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}])
def test_without_a_date_the_platforms_clock_is_said_to_be_unseen(headers: dict[str, str]) -> None:
    verdict = prometheus.judge_clock(0.0, [answer({}, headers=headers)], 5.0, PLACE)
    assert verdict.notes == ("the platform's answers have no Date header to tell its clock from",)


# -------------------------------------------------------------------------------------------------------------- signals

TRAFFIC = {"query": "t", "window_seconds": 300, "minimum": 5}


@pytest.mark.parametrize(
    ("fields", "found", "traffic", "outcome", "said"),
    [
        ({"minimum": 0, "maximum": 1}, result(0.5), 0, PASS, "q = 0.5"),
        ({"minimum": 0, "maximum": 1}, result(1.0000000000000002), 0, PASS, ""),
        ({"minimum": 0, "maximum": 1}, result(-1e-17), 0, PASS, ""),
        ({"minimum": 0, "maximum": 100}, result(100.00000000000001), 0, PASS, ""),
        ({"minimum": 0, "maximum": 1}, result(1.01), 0, FAIL, "outside its domain: {} = 1.01"),
        ({"minimum": 0, "maximum": 1}, result(95.0), 0, FAIL, "outside its domain"),
        ({"minimum": 0, "maximum": 1}, result(-0.5), 0, FAIL, "outside its domain"),
        ({}, result(math.inf), 0, FAIL, "outside its domain: {} = inf"),
        ({}, result(1.0, -math.inf), 0, FAIL, "outside its domain"),
        ({"maximum": 1}, result(-3.0), 0, PASS, ""),
        ({}, result(), 3, INCONCLUSIVE, "no data; too little traffic (3 requests lately)"),
        ({}, result(), 5, FAIL, "no data, with 5 requests lately"),
        ({}, result(math.nan), 0, INCONCLUSIVE, "only nan; too little traffic"),
        ({}, result(math.nan), 50, FAIL, "only nan, with 50 requests lately"),
        ({}, result(math.nan, 1.0), 50, PASS, "q = 1"),
        ({}, result(1.0, warnings=("partial",)), 50, INCONCLUSIVE, "Prometheus warns: partial"),
        ({"labels": ["provider"]}, result(1.0), 50, FAIL, "{}"),
        ({"labels": ["provider"]}, result(1.0, labels={"provider": ""}), 50, FAIL, "provider"),
        ({"labels": ["provider"]}, result(1.0, labels={"provider": "p"}), 50, PASS, ""),
        ({"series_max": 1}, result(1.0, 2.0), 50, FAIL, "2 series"),
        ({"not_apart_by": ["pod"]}, result(1.0, 2.0), 50, PASS, ""),
    ],
)
def test_signal(fields: dict[str, Any], found: QueryResult, traffic: float, outcome: Outcome, said: str) -> None:
    made = promise(prometheus.Signal, query="q", traffic=TRAFFIC, **fields)
    check(prometheus.judge_signal(made, found, prometheus.Wanted(traffic), PLACE), outcome, said)


@pytest.mark.parametrize(
    ("services", "outcome"), [(("ocr", "vision"), PASS), (("ocr", "ocr"), FAIL), (("", ""), FAIL), (("", "ocr"), PASS)]
)
def test_several_objectives_may_have_a_series_each(services: tuple[str, ...], outcome: Outcome) -> None:
    made = promise(prometheus.Signal, query="q", traffic=TRAFFIC, series_max=1, apart_by=["service"])
    samples = tuple(Sample({"service": each, "n": str(n)}, 1.0, NOW) for n, each in enumerate(services))
    found = QueryResult("q", "GET q", samples)
    check(prometheus.judge_signal(made, found, prometheus.Wanted(9), PLACE), outcome)


@pytest.mark.parametrize(
    ("series", "outcome", "said"),
    [
        ([{"instance": "a"}, {"instance": "b"}], FAIL, "2 values of instance: a; b"),
        ([{"provider": "p", "pod": "a"}, {"provider": "p", "pod": "b"}], FAIL, "2 values of pod: a; b"),
        ([{"provider": "p"}, {"provider": "q"}], PASS, ""),
        ([{"provider": "p", "instance": "a"}, {"provider": "q", "instance": "a"}], PASS, ""),
        ([{"instance": "a"}], PASS, ""),
        ([{"replica": "a"}, {"replica": "b"}], PASS, ""),  # of two Prometheus servers
    ],
)
def test_what_is_of_the_platform_is_not_of_each_replica(
    series: list[dict[str, str]], outcome: Outcome, said: str
) -> None:
    made = promise(prometheus.Signal, query="q", traffic=TRAFFIC, not_apart_by=["instance", "pod"])
    found = QueryResult("q", "GET q", tuple(Sample(labels, 1.0, NOW) for labels in series))
    check(prometheus.judge_signal(made, found, prometheus.Wanted(9), PLACE), outcome, said)


GUARD = ("requests > 0.1",)


@pytest.mark.parametrize(
    ("traffic", "guards", "outcome", "said"),
    [
        (50, (), FAIL, "with 50 requests"),
        (50, GUARD, INCONCLUSIVE, "its rule waits for `requests > 0.1`"),
        (500, GUARD, FAIL, "with 500 requests"),
    ],
)
def test_a_rule_may_wait_for_traffic(traffic: float, guards: tuple[str, ...], outcome: Outcome, said: str) -> None:
    made = promise(prometheus.Signal, query="q", traffic=TRAFFIC)
    check(prometheus.judge_signal(made, result(), prometheus.Wanted(traffic, 300.0, (), guards), PLACE), outcome, said)


@pytest.mark.parametrize(
    ("second", "guards", "outcome"),
    [(1.0, (), PASS), (None, (), FAIL), (math.nan, (), FAIL), (None, GUARD, PASS)],
)
def test_what_is_in_use_has_a_value(second: float | None, guards: tuple[str, ...], outcome: Outcome) -> None:
    made = promise(prometheus.Signal, query="q", traffic=TRAFFIC, labels=["provider"])
    values = {"a": 1.0, "b": second}
    samples = tuple(Sample({"provider": name}, value, NOW) for name, value in values.items() if value is not None)
    wanted = prometheus.Wanted(9, 300.0, ((("provider", "a"),), (("provider", "b"),)), guards)
    found = QueryResult("q", "GET q", samples)
    check(prometheus.judge_signal(made, found, wanted, PLACE), outcome, "{'provider': 'b'}" if outcome is FAIL else "")


# ------------------------------------------------------------------------------------------ worked out from the sources

ALL: tuple[tuple[str, str], ...] = ()


def worked(value: float | None, low: float, high: float, traffic: float | None = 50.0) -> prometheus.Worked:
    return prometheus.Worked({} if value is None else {ALL: value}, {ALL: low}, {ALL: high}, traffic)


@pytest.mark.parametrize(
    ("found", "doubt", "outcome", "said"),
    [
        (worked(0.10, 0.10, 0.10), "", PASS, "s = 0.1, its sources give 0.1"),
        (worked(0.12, 0.10, 0.15), "", PASS, "its sources give 0.1 to 0.15"),
        (worked(0.085, 0.10, 0.15), "", PASS, ""),
        (worked(0.01, 0.10, 0.15), "", FAIL, "s = 0.01, its sources give 0.1 to 0.15"),
        (worked(0.20, 0.10, 0.15), "", FAIL, "s = 0.2"),
        (worked(10.0, 0.10, 0.10), "", FAIL, "s = 10"),
        (worked(0.20, 0.10, 0.15), "made of x", INCONCLUSIVE, "made of x"),
        (worked(0.10, 0.10, 0.15), "made of x", PASS, ""),
        (worked(0.20, 0.10, 0.15, 3), "", INCONCLUSIVE, "3 requests lately"),
        (worked(0.20, 0.10, 0.15, None), "", INCONCLUSIVE, "0 requests lately"),
        (worked(None, 0.10, 0.15), "", INCONCLUSIVE, "s has no value"),
        (worked(0.0, math.nan, math.nan), "", NOT_COVERED, "no value to compare with"),
        (replace(worked(9.0, 0.1, 0.1), warnings=("partial",)), "", INCONCLUSIVE, "Prometheus warns: partial"),
    ],
)
def test_follows(found: prometheus.Worked, doubt: str, outcome: Outcome, said: str) -> None:
    made = promise(prometheus.Follows, signal="s", ways=["x"], tolerance=0.02, traffic=TRAFFIC)
    check(prometheus.judge_follows(made, found, PLACE, doubt), outcome, said)


def test_follows_by_label() -> None:
    made = promise(prometheus.Follows, signal="s", ways=["x"], tolerance=0.0, tolerance_share=0.25)
    a, b = (("provider", "a"),), (("provider", "b"),)
    found = prometheus.Worked({a: 1.2, b: 1.3}, {a: 1.0, b: 1.0}, {a: 1.0, b: 1.0})
    check(prometheus.judge_follows(made, found, PLACE), FAIL, 's{provider="b"} = 1.3')


def test_working_out_is_one_query_of_one_moment() -> None:
    made = promise(prometheus.Follows, signal="s", ways=["sum by (le, {by}) (rate(x[{window}]))"], tolerance=0)
    query = prometheus.working_out(made, [300.0], 91.0, ["provider"], "t")
    assert query.count("label_replace(min_over_time((sum by (le, provider) (rate(x[300s])))[91s:") == 1
    assert query.count(" or ") == 3
    # A day is not asked for again and again: what came since the last evaluation does not show in it.
    long = prometheus.working_out(made, [86400.0], 91.0, [], "")
    assert "over_time" not in long
    samples = [
        Sample({"reading": mark, "provider": "a"}, value, NOW)
        for mark, value in (("signal", 2.0), ("low 0", 1.0), ("low 1", math.nan), ("both 2", 3.0), ("traffic", 7.0))
    ]
    read = prometheus.worked_out(QueryResult("q", "GET q", tuple(samples)), ["provider"])
    key = (("provider", "a"),)
    assert read == prometheus.Worked({key: 2.0}, {key: 1.0}, {key: 3.0}, 7.0)


def recording(name: str, query: str, **fields: Any) -> Rule:
    return replace(rule(), name=name, query=query, **fields)


@pytest.mark.parametrize(
    ("rules", "doubt"),
    [
        ([recording("s", "rate(x_total[5m])")], ""),
        ([recording("s", "r"), recording("r", "rate(x_total[5m])")], ""),
        ([recording("s", "vector(0.1)")], ""),
        ([recording("s", "rate(y_total[5m])")], "it is made of y_total"),
        ([recording("s", "rate(y_total[5m]) / rate(x_total[5m])")], "it is made of y_total as well"),
        ([recording("s", "rate(x_total_sum[5m]) / rate(x_total_count[5m])")], ""),
        ([recording("r", "rate(x_total[5m])")], "no loaded rule says how s is made"),
        ([], "no loaded rule says how s is made"),
    ],
)
def test_what_is_made_of_something_else_is_not_called_wrong(rules: list[Rule], doubt: str) -> None:
    made = promise(prometheus.Follows, signal="s", ways=["sum(rate(x_total[{window}]))"], tolerance=0)
    assert prometheus.doubted(made, rules, made_of(rules, "s")) == doubt


def test_a_budget_of_another_time_than_the_availability_is_not_called_wrong() -> None:
    made = promise(prometheus.Follows, signal="budget", ways=["1 - availability"], tolerance=0)
    availability = recording("availability", "rate(x_total[1h])")
    same = [availability, recording("budget", "1 - availability")]
    other = [availability, recording("budget", "1 - rate(x_total[30d])")]
    assert prometheus.doubted(made, same, made_of(same, "budget")) == ""
    assert prometheus.doubted(made, other, made_of(other, "budget")) == "the two look back over different times"


def test_what_a_recorded_metric_is_made_of() -> None:
    rules = [
        recording("s", "sum_over_time(e[30d]) / (sum_over_time(e[30d]) > 0)", labels={"slo": "x"}),
        recording("e", "(rate(x_total[5m]) and rate(y_total[5m]) > 0.1) or vector(0)"),
    ]
    day = 86400.0
    assert made_of(rules, "s") == Made(
        frozenset({"x_total", "y_total"}),
        frozenset({30 * day, 30 * day + 300}),
        30.0,
        frozenset({"slo"}),
        ("rate(y_total[5m]) > 0.1",),
    )
    assert made_of([recording("s", "s + 1")], "s") is None
    assert made_of([recording("s", "s +")], "s") is None


def test_recorded_only() -> None:
    clean, mixed = scrape("a 1\n", replica="one"), scrape("ratio 1\n", replica="two")
    check(prometheus.judge_recorded_only({"ratio"}, [clean], PLACE), PASS)
    check(prometheus.judge_recorded_only({"ratio"}, [clean, mixed], PLACE), FAIL, "ratio is on the page of two")


LOST, ARRIVED = prometheus.Fired("High", arrived=False), prometheus.Fired("Low", arrived=True)


@pytest.mark.parametrize(
    ("same", "fired", "relabelled", "outcome", "said"),
    [
        ([True], [], False, PASS, ""),
        ([False, True], [], False, PASS, ""),
        ([False], [], None, FAIL, "sends to another one"),
        ([False, None], [], None, NOT_COVERED, ""),
        ([None], [], False, NOT_COVERED, "no alert fires"),
        ([None], [LOST], False, FAIL, "High fires in Prometheus and is not in Alertmanager"),
        ([None], [LOST, ARRIVED], False, PASS, "Low arrived"),
        ([None], [LOST], True, INCONCLUSIVE, "relabelling may drop it"),
        ([None], [LOST], None, INCONCLUSIVE, ""),
    ],
)
def test_fed(
    *,
    same: list[bool | None],
    fired: list[prometheus.Fired],
    relabelled: bool | None,
    outcome: Outcome,
    said: str,
) -> None:
    check(prometheus.judge_fed(same, fired, PLACE, relabelled=relabelled), outcome, said)


@pytest.mark.parametrize(
    ("signal", "low", "high", "outcome"),
    [
        (0.0, 0.0, 0.0, PASS),
        (1e-14, 0.0, 1e-16, PASS),
        (0.5, 0.0, 0.0, FAIL),
        (0.5, 2.0, 2.0, PASS),
        (0.0, 2.0, 2.0, FAIL),
        (0.0, 0.0, 2.0, NOT_COVERED),
        (0.3, 1.0, 1.0, NOT_COVERED),
        (math.nan, 0.0, 0.0, INCONCLUSIVE),
        (0.0, math.nan, math.nan, INCONCLUSIVE),
        (None, 0.0, 0.0, INCONCLUSIVE),
        (0.0, None, None, INCONCLUSIVE),
    ],
)
def test_derived(signal: float | None, low: float | None, high: float | None, outcome: Outcome) -> None:
    made = promise(prometheus.Derived, signal="s", source="b", zero_when=0, above_zero_when=2)
    of_signal, lowest, highest = (result() if value is None else result(value) for value in (signal, low, high))
    check(prometheus.judge_derived(made, of_signal, lowest, highest, PLACE), outcome)
    partial = replace(lowest, warnings=("partial",))
    check(prometheus.judge_derived(made, of_signal, partial, highest, PLACE), INCONCLUSIVE, "partial")


# ----------------------------------------------------------------------------------------------------- the same samples

BORN = NOW - 100
FAMILIES = ["c_total", "h"]
PAGE = f"""# TYPE c_total counter
c_total{{x="1"}} 10
c_total{{x="2"}} 1
# TYPE c_created gauge
c_created{{x="1"}} {BORN}
c_created{{x="2"}} {NOW - 1}
# TYPE g gauge
g 5
"""


def recorded(*points: tuple[float, float], x: str = "1") -> Series:
    labels = {"__name__": "c_total", "x": x, "job": "app", "instance": "a", "pod": "p-1"}
    return Series(labels, tuple((NOW + at, value) for at, value in points))


@pytest.mark.parametrize(
    ("series", "outcome", "said"),
    [
        ([recorded((-30, 9.0), (-15, 10.0))], PASS, "a: 1 series recorded, 2 values compared"),
        ([recorded((-30, 10.0), (-1, 11.0))], PASS, "1 values compared"),
        ([recorded((-30, 11.0))], FAIL, 'c_total{x="1"} was 11 in Prometheus, and 10 on the page later'),
        ([recorded((-30, 9.0), (10, 12.0)), recorded((10, 1.0), x="2")], PASS, ""),
        ([recorded((10, 9.0))], FAIL, 'c_total{x="1"} was 10 on the page, and 9 in Prometheus later'),
        ([recorded((-200, 5.0)), recorded((-30, 1.0), x="9")], FAIL, "no longer in Prometheus"),
        ([recorded((-30, 9.0)), recorded((-30, 1.0), x="2")], PASS, ""),
        ([recorded((-1, 1.0), x="2")], FAIL, 'c_total{x="1"} is on the page of a and not in Prometheus'),
        ([recorded((-200, 99.0))], INCONCLUSIVE, "nothing of this process was recorded"),
        ([recorded((-1, 10.0))], PASS, "0 values compared"),
        ([], INCONCLUSIVE, "nothing of this process was recorded in 60 s"),
    ],
    ids=[
        "agrees",
        "too near to compare",
        "more than the page",
        "later",
        "less than the page, later",
        "other series",
        "a young series",
        "missing",
        "before the process",
        "only now",
        "nothing",
    ],
)
def test_same_samples(series: list[Series], outcome: Outcome, said: str) -> None:
    made = promise(prometheus.SameSamples, lookback_seconds=60, families=FAMILIES)
    labels = {"job": "app", "instance": "a", "pod": "p-1"}
    target = Target(labels, "http://a/metrics", "app", "up", "", NOW, 0.01, 15.0, 10.0)
    readings = prometheus.Readings(target, scrape(PAGE, process=ProcessIdentity(BORN, BORN)), tuple(series))
    check(prometheus.judge_same_samples(made, readings, 5.0, PLACE), outcome, said)


@pytest.mark.parametrize(
    ("process", "outcome"),
    [
        (ProcessIdentity(BORN, BORN + 0.5), PASS),
        (ProcessIdentity(BORN, None), FAIL),
        (ProcessIdentity(None, BORN + 0.5), PASS),
        (None, PASS),
    ],
    ids=["started, then counting", "started", "counting", "unknown"],
)
def test_what_the_process_before_said_is_not_compared(process: ProcessIdentity | None, outcome: Outcome) -> None:
    made = promise(prometheus.SameSamples, lookback_seconds=60, families=FAMILIES)
    labels = {"job": "app", "instance": "a", "pod": "p-1"}
    target = Target(labels, "http://a/metrics", "app", "up", "", NOW, 0.01, 15.0, 10.0)
    series = recorded((BORN - NOW + 0.2, 99.0), (-30, 9.0))
    readings = prometheus.Readings(target, scrape(PAGE, process=process), (series,))
    check(prometheus.judge_same_samples(made, readings, 5.0, PLACE), outcome)
