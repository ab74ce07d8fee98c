"""The judges of scraping: what is collected, what is left of it, how long, and who watches."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from checks import test_scraping as checks
from selfcheck import contract
from selfcheck.clients.prometheus import QueryResult, RuleGroup, Sample, Target
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.verdict import Outcome, Verdict
from tests.unit.making import NOW, PLACE, promise, scrape
from tests.unit.test_routing import rule

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED


def check(verdict: Verdict, outcome: Outcome, said: str = "") -> None:
    assert verdict.outcome is outcome, verdict
    assert said in " ".join((verdict.observed, verdict.remedy, *verdict.notes)), verdict


def target(
    instance: str = "a", job: str = "app", health: str = "up", interval: float = 15.0, timeout: float = 10.0
) -> Target:
    labels = {"job": job, "instance": instance}
    return Target(labels, f"http://{instance}/metrics", job, health, "refused", NOW, 0.01, interval, timeout)


def result(*samples: tuple[float, dict[str, str]], warning: str = "") -> QueryResult:
    made = tuple(Sample(labels, value, NOW) for value, labels in samples)
    return QueryResult("q", "GET q", made, warnings=(warning,) if warning else ())


def group(*queries: str, kind: str = "alerting") -> RuleGroup:
    rules = tuple(replace(rule(query, name=f"R{number}"), kind=kind) for number, query in enumerate(queries))
    return RuleGroup("g", "f.yml", 15.0, NOW, 0.01, rules)


# -------------------------------------------------------------------------------------------------------------- targets


@pytest.mark.parametrize(
    ("targets", "jobs", "outcome", "said"),
    [
        ([target(), target("b", "redis")], (), PASS, "1 targets up"),
        ([target(), target("b", "redis", "down")], (), FAIL, "redis at b is down: refused"),
        # A replica that is down is another promise's.
        ([target(health="down"), target("b", "redis")], (), PASS, ""),
        ([target(), target("b", "redis", "unknown")], (), INCONCLUSIVE, "not scraped yet: redis at b"),
        ([target(), target("b", "redis")], ("postgres",), FAIL, "there is no job 'postgres'"),
        ([target()], ("app",), NOT_COVERED, ""),
    ],
)
def test_up(targets: list[Target], jobs: tuple[str, ...], outcome: Outcome, said: str) -> None:
    line = promise(checks.Up, jobs=jobs, second_look_interval_max_seconds=5)
    check(checks.judge_up(line, targets, {"app"}, PLACE), outcome, said)


def test_a_target_that_lost_its_last_scrape_may_be_up() -> None:
    line = promise(checks.Up, second_look_interval_max_seconds=5)
    down = [target(), target("b", "redis", "down")]
    check(checks.judge_up(line, down, {"app"}, PLACE, {("redis", "b")}), INCONCLUSIVE, "it was up a moment ago")
    check(checks.judge_up(line, down, {"app"}, PLACE, {("redis", "c")}), FAIL)


@pytest.mark.parametrize(
    ("theirs", "jobs", "outcome", "said"),
    [
        ({"namespace": "other"}, (), PASS, "somebody else's: redis at b is down"),
        ({"namespace": "other"}, ("redis",), FAIL, "redis at b is down"),
        ({"namespace": "ours"}, (), FAIL, ""),
        ({}, (), FAIL, ""),
    ],
)
def test_what_is_down_and_somebody_elses_is_a_remark(
    theirs: dict[str, str], jobs: tuple[str, ...], outcome: Outcome, said: str
) -> None:
    line = promise(checks.Up, jobs=jobs, apart_by=["namespace"], second_look_interval_max_seconds=5)
    ours, other = target(), target("b", "redis", "down")
    targets = [
        replace(ours, labels={**ours.labels, "namespace": "ours"}),
        replace(other, labels={**other.labels, **theirs}),
    ]
    check(checks.judge_up(line, targets, {"app"}, PLACE), outcome, said)


def test_distinct() -> None:
    check(checks.judge_distinct([target("a"), target("b")], PLACE), PASS, "2 targets")
    check(checks.judge_distinct([target("a"), target("a", "redis")], PLACE), PASS)
    check(checks.judge_distinct([target("a"), target("b"), target("a")], PLACE), FAIL, "are all")
    twice = [target("a"), target("a", "again"), target("b")]
    check(checks.judge_distinct(twice, PLACE), PASS)
    check(checks.judge_distinct(twice, PLACE, twice), FAIL, "is scraped as again at a and as app at a")


@pytest.mark.parametrize(
    ("apps", "others", "scale", "outcome", "said"),
    [
        ([target()], [], 1, PASS, "every 15 s"),
        ([target(), target("b", interval=120.0)], [], 1, FAIL, "app at b every 120 s"),
        ([target(interval=15.0, timeout=1.0)], [], 60, FAIL, "app at a every 15 s"),
        ([target(interval=1.0, timeout=1.0)], [], 60, PASS, ""),
        ([target()], [target("b", "node", interval=600.0)], 1, PASS, "node at b is scraped every 600 s"),
        ([target(interval=5.0)], [], 1, FAIL, "may take 10 s, its interval is 5 s"),
        ([target(interval=math.inf, timeout=math.inf)], [], 1, INCONCLUSIVE, "does not tell"),
        ([], [], 1, INCONCLUSIVE, ""),
    ],
)
def test_intervals(apps: list[Target], others: list[Target], scale: float, outcome: Outcome, said: str) -> None:
    line = promise(checks.Intervals, interval_max_seconds=60, lookback_flag="x")
    check(checks.judge_intervals(line, apps, others, scale, 300.0, PLACE), outcome, said)


REFUSED = CouldNotObserve(Trouble.ERROR_ANSWER, asked="GET flags", came_back="HTTP 500", hint="look")
ABSENT = CouldNotObserve(Trouble.NO_SUCH_ROUTE, asked="GET flags", came_back="no such endpoint", hint="another version")


@pytest.mark.parametrize(
    ("interval", "scale", "lookback", "named", "outcome", "said"),
    [
        (15.0, 1, 10.0, True, FAIL, "a sample counts for 10 s"),
        (15.0, 1, 15.0, True, PASS, ""),
        (15.0, 1, REFUSED, True, INCONCLUSIVE, "HTTP 500"),
        (15.0, 1, ABSENT, True, NOT_COVERED, "no such endpoint"),
        (120.0, 1, REFUSED, True, FAIL, "every 120 s"),
        (15.0, 60, 300.0, True, FAIL, "every 15 s"),
        # The lab's time scale, and a platform that only happens to be at the lab's address.
        (15.0, 60, 300.0, False, INCONCLUSIVE, "divided by 60"),
        (120.0, 60, 300.0, False, FAIL, "every 120 s"),
    ],
)
def test_intervals_and_what_the_environment_says(
    *, interval: float, scale: float, lookback: float | CouldNotObserve, named: bool, outcome: Outcome, said: str
) -> None:
    line = promise(checks.Intervals, interval_max_seconds=60, lookback_flag="x")
    apps = [target(interval=interval)]
    check(checks.judge_intervals(line, apps, [], scale, lookback, PLACE, named=named), outcome, said)


# ---------------------------------------------------------------------------------------------- page and store compared

PAGE = """
# TYPE d_seconds histogram
d_seconds_bucket{provider="p",le="0.5"} 1
d_seconds_bucket{provider="p",le="1.0"} 1
d_seconds_bucket{provider="p",le="2.0"} 1
d_seconds_bucket{provider="p",le="4.0"} 1
d_seconds_bucket{provider="p",le="+Inf"} 1
d_seconds_count{provider="p"} 1
d_seconds_sum{provider="p"} 1
# TYPE g gauge
g{instance="x"} 1
# TYPE nobody_reads gauge
nobody_reads 1
"""
NAMES = ("d_seconds_bucket", "d_seconds_count", "d_seconds_sum", "g")
KEPT = [
    *[{"__name__": "d_seconds_bucket", "provider": "p", "le": le} for le in ("0.5", "1", "2", "4", "+Inf")],
    {"__name__": "d_seconds_count", "provider": "p"},
    {"__name__": "d_seconds_sum", "provider": "p", "tier": "api"},
    {"__name__": "g", "exported_instance": "x"},
]


def stored(samples: list[dict[str, str]], *, settled: bool = True) -> checks.Stored:
    found = target()
    page = checks.on_page(scrape(PAGE), NAMES, found.labels)
    kept = [Sample({**labels, **found.labels}, 1.0, NOW) for labels in samples]
    return checks.Stored(found, page, checks.in_store(kept, found.labels), settled)


def test_what_is_stored_may_have_more_labels_and_write_bounds_otherwise() -> None:
    assert stored(KEPT).missing == []


def without(*bounds: str) -> list[dict[str, str]]:
    return [labels for labels in KEPT if labels.get("le") not in bounds]


REWRITTEN = [{**labels, "le": "inf"} if "le" in labels else labels for labels in KEPT]


@pytest.mark.parametrize(
    ("samples", "settled", "outcome", "said"),
    [
        (KEPT, True, PASS, "1 histograms of 1 replicas"),
        (REWRITTEN, True, FAIL, '5 bounds on the page, 0 of them in Prometheus; and le="inf", which no page has'),
        (without("+Inf"), True, FAIL, "4 of them in Prometheus"),
        (without("0.5", "1", "2"), True, FAIL, "2 of them in Prometheus"),
        (without("1"), True, PASS, "4 of them in Prometheus"),
        (without("2"), True, FAIL, 'le="2.0", by which its objective is judged, is gone'),
        (without("2"), False, INCONCLUSIVE, "not scraped since"),
        ([], True, FAIL, "0 of them in Prometheus"),
        ([], False, INCONCLUSIVE, "not scraped since"),
    ],
)
def test_buckets(*, samples: list[dict[str, str]], settled: bool, outcome: Outcome, said: str) -> None:
    line = promise(checks.Buckets, patience_seconds=1, bounds_min=3, needed={"d_seconds_bucket": [2.0]})
    check(checks.judge_buckets(line, [stored(samples, settled=settled)], PLACE), outcome, said)


def test_a_page_without_the_objectives_bound_is_a_remark() -> None:
    line = promise(checks.Buckets, patience_seconds=1, bounds_min=3, needed={"d_seconds_bucket": [3.0]})
    check(checks.judge_buckets(line, [stored(KEPT)], PLACE), PASS, 'no le="3.0" on its page')


@pytest.mark.parametrize(
    ("samples", "settled", "outcome", "said"),
    [
        (KEPT, True, PASS, "series compared"),
        (REWRITTEN, True, PASS, ""),
        (
            [{k: v for k, v in labels.items() if k != "provider"} for labels in KEPT],
            True,
            FAIL,
            "lost its label provider",
        ),
        (KEPT[:-1], True, FAIL, "is not in Prometheus"),
        (KEPT[:-1], False, INCONCLUSIVE, "is not in Prometheus"),
    ],
)
def test_series(*, samples: list[dict[str, str]], settled: bool, outcome: Outcome, said: str) -> None:
    check(checks.judge_series([stored(samples, settled=settled)], PLACE), outcome, said)


def test_nothing_to_compare() -> None:
    check(checks.judge_series([], PLACE), NOT_COVERED, "inside the cluster")
    line = promise(checks.Buckets, patience_seconds=1, bounds_min=3)
    check(checks.judge_buckets(line, [], PLACE), NOT_COVERED, "inside the cluster")


def test_labels() -> None:
    check(checks.judge_labels(set(), [], 3, PLACE), PASS)
    check(checks.judge_labels({"app"}, [], 3, PLACE), PASS, "which it does not need")
    check(checks.judge_labels({"app"}, ["g overwrites instance"], 3, PLACE), FAIL, "overwrites")


# ---------------------------------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize(
    ("scraped", "kept", "limit", "outcome", "said"),
    [
        (100, 100, 0, PASS, "100 to 100 samples"),
        (100, 100, 200, PASS, ""),
        (100, 100, 105, FAIL, "its job fails above 105"),
        (2000, 2000, 0, FAIL, "2000 samples"),
        (0, 0, 0, FAIL, "0 samples on the page"),
        (100, 0, 0, FAIL, "none is left after relabelling"),
        (100, None, 0, PASS, ""),
        (None, None, 0, INCONCLUSIVE, "no value"),
    ],
)
def test_samples(scraped: int | None, kept: int | None, limit: int, outcome: Outcome, said: str) -> None:
    line = promise(checks.Samples, scraped="s", kept="k", samples_min=1, samples_max=1000, limit_share_max=0.9)
    labels = {"job": "app", "instance": "a"}
    before, after = (result(*[] if value is None else [(value, labels)]) for value in (scraped, kept))
    check(checks.judge_samples(line, [target()], before, after, {"app": limit}, PLACE), outcome, said)


def test_limits_that_cannot_be_read() -> None:
    line = promise(checks.Samples, scraped="s", kept="k", samples_min=1, samples_max=1000, limit_share_max=0.9)
    few, many = (result((value, {"job": "app", "instance": "a"})) for value in (100, 2000))
    check(checks.judge_samples(line, [target()], few, few, REFUSED, PLACE), INCONCLUSIVE, "HTTP 500")
    check(checks.judge_samples(line, [target()], few, few, ABSENT, PLACE), NOT_COVERED, "no such endpoint")
    check(checks.judge_samples(line, [target()], many, many, REFUSED, PLACE), FAIL, "2000 samples")


@pytest.mark.parametrize(
    ("retention", "longest", "remote", "outcome", "said"),
    [
        ("15d", 86400.0, False, PASS, "kept for 15d"),
        ("15d", 30 * 86400.0, False, FAIL, "the longest look back is 2.592e+06 s (g/R)"),
        ("15d", 30 * 86400.0, True, PASS, ""),
        ("15d", 30 * 86400.0, None, INCONCLUSIVE, "is not known"),
        ("15d", 86400.0, None, PASS, ""),
        ("7d or 50GiB", 8 * 86400.0, False, FAIL, ""),
        ("7d or 50GiB", 3600.0, False, PASS, "the manual keeps 15"),
        ("50GiB", 8 * 86400.0, False, PASS, "kept by size"),
    ],
)
def test_retention(*, retention: str, longest: float, remote: bool | None, outcome: Outcome, said: str) -> None:
    line = promise(checks.Retention, aim_days=15)
    check(checks.judge_retention(line, retention, (longest, "g/R"), 1, PLACE, reads_remote=remote), outcome, said)


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("sum(rate(x[5m]))", 300.0),
        ("x offset 1h", 3600.0),
        ("rate(x[5m] offset 1h) / rate(y[1d])", 86400.0),
        ("max_over_time(sum(rate(x[5m]))[1h:1m])", 3900.0),
        ("x > 5", 0.0),
        ("x !! y", 0.0),
    ],
)
def test_how_far_a_rule_looks_back(query: str, seconds: float) -> None:
    assert checks.longest_look_back([group(query)])[0] == seconds


@pytest.mark.parametrize(
    ("queues", "lag", "lost", "outcome", "said"),
    [
        (0, None, None, PASS, "no remote write"),
        (1, [], [], INCONCLUSIVE, "no metrics of its own to tell"),
        (1, [10.0], [0.0], PASS, "at most 10 s behind"),
        (1, [400.0], [0.0], FAIL, "u is 400 s behind"),
        (1, [NOW], [], FAIL, "u is since ever behind"),
        (2, [1.0, 400.0], [], FAIL, "400 s"),
        (1, [1.0], [5.0], FAIL, "5 samples to u failed"),
    ],
)
def test_remote_write(
    queues: int, lag: list[float] | None, lost: list[float] | None, outcome: Outcome, said: str
) -> None:
    line = promise(checks.RemoteWrite, lag="l", lost="x", window_seconds=60, lag_max_seconds=300, second_look_seconds=1)
    lags, losts = (
        None if values is None else result(*[(value, {"url": "u"}) for value in values]) for values in (lag, lost)
    )
    check(checks.judge_remote_write(line, queues, lags, losts, PLACE), outcome, said)


# ------------------------------------------------------------------------------------------------------ self-monitoring


def test_watched() -> None:
    line = promise(checks.Watched, family="f")
    check(checks.judge_watched(line, result((1, {"job": "self"})), PLACE), PASS, "by the job self")
    check(checks.judge_watched(line, result(), PLACE), FAIL, "no target gives it")
    check(checks.judge_watched(line, result((1, {}), warning="partial"), PLACE), INCONCLUSIVE, "partial")


@pytest.mark.parametrize(
    ("query", "jobs", "outcome"),
    [
        ('absent(up{job="am"})', {"am"}, PASS),
        ("up == 0", {"am"}, PASS),
        ("up == 0", set(), PASS),
        ('up{job!~"app|am"} == 0', {"am"}, FAIL),
        ('up{job="app"} == 0', {"am"}, FAIL),
        ('up{job="am"} == 0', set(), FAIL),
        ("rate(alertmanager_notifications_failed_total[5m]) > 0", {"am"}, PASS),
        ("prometheus_notifications_alertmanagers_discovered < 1", set(), PASS),
        ("absent(alertmanager_build_info)", {"am"}, PASS),
        ("(count(alertmanager_build_info) or vector(0)) < 2", {"am"}, PASS),
        # What Alertmanager says of its own configuration is gone with it.
        ("alertmanager_config_last_reload_successful == 0", {"am"}, FAIL),
        ("platform_error_ratio > 1", {"am"}, FAIL),
        ("up !! 0", {"am"}, FAIL),
    ],
)
def test_noticed(query: str, jobs: set[str], outcome: Outcome) -> None:
    line = contract.load().promises("scraping.noticed", checks.Noticed)[0]
    check(checks.judge_noticed(line, [group(query)], jobs, PLACE), outcome)


def test_a_recording_rule_notices_nothing() -> None:
    line = contract.load().promises("scraping.noticed", checks.Noticed)[0]
    check(checks.judge_noticed(line, [group("up == 0", kind="recording")], {"am"}, PLACE), FAIL)
