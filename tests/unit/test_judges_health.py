"""The judges of health and readiness pages: each way to break a promise, and each legal form of a healthy page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from checks import test_health as health
from selfcheck.clients.prometheus import QueryResult, Sample
from selfcheck.contract import Promise, load
from selfcheck.exposition import ProcessIdentity
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.replicas import Replicas
from selfcheck.verdict import Outcome, Verdict
from tests.unit.making import PLACE, page, promise, scrape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from selfcheck.replicas import Scrape
    from selfcheck.target import Page

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED
BAD_WORDS = ["down", "fail", "error", "not_ready", "unhealthy"]
TIME = "2023-11-14T22:13:20"
"""The time at which every page was asked for."""


def of_contract(kind: str, model: type[Promise], promise_id: str) -> Any:
    """Take a promise from the default contract."""
    return next(found for found in load().promises(kind, model) if found.id == promise_id)


def check(verdict: Verdict, outcome: Outcome, said: str = "") -> None:
    """Hold a verdict against what it should be: a breach always says what was observed, where, and how to see it."""
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict
    if outcome is FAIL:
        assert verdict.expected
        assert verdict.where
        assert verdict.reproduce


# -------------------------------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("pages", "outcome", "said"),
    [
        ([page({})], PASS, ""),
        ([page({"a": 1}, content_type="application/json; charset=utf-8")], PASS, ""),
        ([page({}), page({}, status=500)], FAIL, 'HTTP 500 "{}"'),
        ([page({}, status=503)], FAIL, "HTTP 503"),
        ([page({}, content_type="text/html")], FAIL, "content type text/html"),
        ([page({}, content_type=None)], FAIL, "content type missing"),
        ([page([])], FAIL, "JSON array"),
        ([page(b"null")], FAIL, "JSON null"),
        ([page(b"{")], FAIL, "not JSON"),
        ([page(b"")], FAIL, "empty"),
        ([page(b'{"a": NaN}')], FAIL, "not JSON"),
        ([page(b'{"a": "\xff"}')], FAIL, "utf-8"),
        ([], INCONCLUSIVE, "nothing was looked at"),
    ],
)
def test_answers(pages: list[Page], outcome: Outcome, said: str) -> None:
    check(health.judge_answers(pages), outcome, said)


def test_an_ask_without_an_answer_is_a_breach() -> None:
    trouble = CouldNotObserve(Trouble.TIMED_OUT, asked="GET /health", came_back="nothing for 10 s", hint="look")
    verdict = health.judge_answers([page({}), page({})], [trouble])
    assert verdict.outcome is FAIL
    assert verdict.observed == "1 of 3 asks got no answer: nothing for 10 s"


# --------------------------------------------------------------------------------------------------------------- fields


@pytest.mark.parametrize(
    ("fields", "body", "outcome", "said"),
    [
        ({"path": "status", "equals": "healthy"}, {"status": "healthy"}, PASS, ""),
        ({"path": "status", "equals": "healthy"}, {"status": "degraded"}, FAIL, 'status is "degraded", not "healthy"'),
        ({"path": "status", "equals": "healthy"}, {"status": None}, FAIL, "status is None"),
        ({"path": "status", "equals": "healthy"}, {}, FAIL, "status is missing"),
        ({"path": "a.b", "equals": "up"}, {"a": "up"}, FAIL, "a.b is missing"),
        ({"path": "n", "type": "integer", "minimum": 1}, {"n": 1}, PASS, ""),
        ({"path": "n", "type": "integer", "minimum": 1}, {"n": True}, FAIL, "n is boolean True"),
        ({"path": "n", "type": "integer", "minimum": 1}, {"n": 0}, FAIL, "n is 0, below 1"),
        ({"path": "n", "type": "integer", "minimum": 1}, {"n": "120"}, FAIL, 'n is string "120"'),
        ({"path": "n", "type": "number", "minimum": 0, "maximum": 1}, {"n": 0}, PASS, ""),
        ({"path": "n", "type": "number", "minimum": 0, "maximum": 1}, {"n": 5.0}, FAIL, "n is 5, above 1"),
        ({"path": "n", "type": "number", "minimum": 0}, {"n": float("nan")}, FAIL, "not a finite number"),
        ({"path": "flag", "equals": True}, {"flag": 1}, FAIL, "flag is 1"),
        ({"path": "o", "type": "object"}, {"o": {}}, PASS, ""),
        ({"path": "o", "type": "object", "filled": True}, {"o": {}}, FAIL, "o is {}, which says nothing"),
        ({"path": "o", "type": "object", "filled": True}, {"o": {"ocr": [], "vision": {}}}, FAIL, "says nothing"),
        ({"path": "o", "type": "object", "filled": True}, {"o": {"ocr": [], "n": None}}, PASS, ""),
    ],
    ids=str,
)
def test_field(fields: dict[str, Any], body: object, outcome: Outcome, said: str) -> None:
    check(health.judge_field(promise(health.FieldOf, page="health", **fields), [page(body)]), outcome, said)


def test_one_replica_is_enough_to_break_a_field() -> None:
    made = promise(health.FieldOf, page="health", path="status", equals="healthy")
    verdict = health.judge_field(made, [page({"status": "healthy"}), page({"status": "sick"}, who="b:8000")])
    check(verdict, FAIL, "sick")
    assert "(replica b:8000)" in verdict.where


@pytest.mark.parametrize("body", [b"<html>", b"{}" + b" " * 1_000_000, b"[" * 200 + b"]" * 200])
def test_what_stands_on_a_page_that_cannot_be_read_is_not_known(body: bytes) -> None:
    made = promise(health.FieldOf, page="health", path="status", equals="healthy")
    with pytest.raises(CouldNotObserve):
        health.judge_field(made, [page({"status": "healthy"}), page(body)])
    check(health.judge_field(made, [page(body), page({"status": "ill"})]), FAIL, "ill")
    check(health.judge_answers([page({}), page(body)]), FAIL, "")


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ({"services": {"redis": "up"}, "config": {"monitoring": {"redis_enabled": True}}}, PASS),
        ({"services": {"redis": "down"}, "config": {"monitoring": {"redis_enabled": True}}}, FAIL),
        ({"services": {"redis": "disabled"}, "config": {"monitoring": {"redis_enabled": False}}}, NOT_COVERED),
        ({"services": {}, "config": {"monitoring": {"redis_enabled": False}}}, NOT_COVERED),
        ({"services": {"redis": "down"}, "config": {"monitoring": {"redis_enabled": 0}}}, FAIL),
        ({"services": {"redis": "disabled"}, "config": {}}, FAIL),
    ],
    ids=str,
)
def test_redis_counts_where_it_is_in_use(body: object, outcome: Outcome) -> None:
    made = of_contract("health.field", health.FieldOf, "health.service_redis")
    assert health.judge_field(made, [page(body)]).outcome is outcome


# ------------------------------------------------------------------------------------------------------------ relations


@pytest.mark.parametrize(
    ("left", "right", "holds", "outcome"),
    [
        (20, 120, "<=", PASS),
        (120, 120, "<=", PASS),
        (121, 120, "<=", FAIL),
        (120, 120, "<", FAIL),
        (10, 30.0, "<", PASS),
        (True, 120, "<=", FAIL),
        ("20", "120", "<=", FAIL),
        (None, 120, "<=", FAIL),
        (True, True, "=", PASS),
        (True, False, "=", FAIL),
        (True, 1, "=", FAIL),
        (1, 1.0, "=", PASS),
    ],
)
def test_relation(left: object, right: object, holds: str, outcome: Outcome) -> None:
    made = promise(health.Relation, page="health", path="c.left", holds=holds, other="c.right")
    check(health.judge_relation(made, [page({"c": {"left": left, "right": right}})]), outcome)


@pytest.mark.parametrize(("optional", "outcome"), [(False, FAIL), (True, NOT_COVERED)])
def test_entries_that_are_not_there(outcome: Outcome, *, optional: bool) -> None:
    made = promise(health.Relation, page="health", path="a", holds="<", other="b", optional=optional)
    for body in ({"a": 1}, {"b": 1}, {}):
        assert health.judge_relation(made, [page(body)]).outcome is outcome


@pytest.mark.parametrize(
    ("config", "outcome"),
    [
        ({"limits": {"provider_timeout": 10, "request_timeout": 30}}, PASS),
        ({"PROVIDER_TIMEOUT_SECONDS": 10, "REQUEST_TIMEOUT_SECONDS": 30}, PASS),
        ({"provider_timeout": 30, "request_timeout": 30}, FAIL),
        ({"provider_timeout": 60, "request_timeout": 30}, FAIL),
        ({"provider_timeout_ms": 10000, "request_timeout": 30}, PASS),
        ({"provider_timeout_ms": 40000, "request_timeout": 30}, FAIL),
        ({"ocr": {"provider_timeout": 10}, "vision": {"provider_timeout": 31}, "request_timeout": 30}, FAIL),
        ({"provider_timeout": 10, "request_timeout": None}, PASS),
        ({"providers": {"paddle": {}}}, NOT_COVERED),
        ({"request_timeout": 30}, NOT_COVERED),
    ],
    ids=str,
)
def test_a_provider_is_given_up_first(config: object, outcome: Outcome) -> None:
    made = of_contract("health.relation", health.Relation, "health.provider_timeout_below_request_timeout")
    assert health.judge_relation(made, [page({"config": config})]).outcome is outcome


# ------------------------------------------------------------------------------------------------------------ timestamp


@pytest.mark.parametrize(
    ("value", "seconds", "outcome", "said"),
    [
        (f"{TIME}Z", 0.01, PASS, ""),
        (f"{TIME}+00:00", 0.01, PASS, ""),
        (f"{TIME}.123456+00:00", 0.01, PASS, ""),
        (f"{TIME}.123456789Z", 0.01, PASS, ""),
        (f"{TIME}", 0.01, PASS, ""),
        ("2023-11-14T22:13:16Z", 0.01, PASS, ""),
        ("2023-11-14T22:13:24Z", 0.01, PASS, ""),
        ("2023-11-14T22:13:14Z", 0.01, FAIL, "6.0 s behind now"),
        ("2023-11-14T22:13:26Z", 0.01, FAIL, "6.0 s ahead of now"),
        ("2023-11-14T22:13:21Z", 9.0, PASS, ""),
        ("2020-01-01T00:00:00Z", 0.01, FAIL, "behind"),
        ("2023-11-14T23:13:20+01:00", 0.01, FAIL, "is not in UTC"),
        ("2023-11-14T22:13:20+01:00", 0.01, FAIL, "is not in UTC"),
        ("2023-11-14T23:13:20", 0.01, FAIL, "ahead"),
        ("Tue, 14 Nov 2023 22:13:20 GMT", 0.01, FAIL, "is not ISO 8601"),
        ("now", 0.01, FAIL, "is not ISO 8601"),
        ("", 0.01, FAIL, "is not ISO 8601"),
        (1_700_000_000, 0.01, FAIL, "timestamp is 1700000000"),
        (None, 0.01, FAIL, "timestamp is None"),
    ],
)
def test_timestamp(value: object, seconds: float, outcome: Outcome, said: str) -> None:
    made = promise(health.Timestamp, page="health", path="timestamp")
    check(health.judge_timestamp(made, [page({"timestamp": value}, seconds=seconds)], 5.0), outcome, said)


def test_a_timestamp_without_offset_is_remarked() -> None:
    made = promise(health.Timestamp, page="health", path="timestamp")
    verdict = health.judge_timestamp(made, [page({"timestamp": TIME})], 5.0)
    assert verdict.notes == (f"timestamp = {TIME} names no offset; read as UTC",)


def test_a_missing_timestamp_is_a_breach() -> None:
    made = promise(health.Timestamp, page="health", path="timestamp")
    check(health.judge_timestamp(made, [page({})], 5.0), FAIL, "missing")


# ------------------------------------------------------------------------------------------- same everywhere, each time


@pytest.mark.parametrize(
    ("left", "right", "more", "outcome"),
    [
        ({"a": 1, "timestamp": 1}, {"a": 1, "timestamp": 2}, {}, PASS),
        ({"a": 1}, {"a": 2}, {}, FAIL),
        ({"a": 1}, {"a": 1, "b": 2}, {}, FAIL),
        ({"a": 1}, {"a": 1, "b": 2}, {"only_what_the_first_has": True}, PASS),
        ({"a": 1, "b": {}}, {"a": 1, "b": {"c": 1}}, {"only_what_the_first_has": True}, PASS),
        ({"a": 1, "b": 2}, {"a": 1}, {"only_what_the_first_has": True}, FAIL),
        ({"a: b": 1}, {"a: b": 2}, {"only_what_the_first_has": True}, FAIL),
        ({"a": {}}, {}, {}, FAIL),
    ],
    ids=str,
)
def test_same(left: object, right: object, more: dict[str, Any], outcome: Outcome) -> None:
    made = promise(health.Same, page="health", other="health_v1", ignore=["timestamp"], **more)
    check(health.judge_same(made, [page(left)], [page(right)]), outcome)


def test_a_page_that_is_no_json_is_not_the_same() -> None:
    made = promise(health.Same, page="health", other="health_v1")
    check(health.judge_same(made, [page({})], [page(b"<html>")]), FAIL, "not JSON")


@pytest.mark.parametrize(
    ("pages", "outcome", "said"),
    [
        ([page({"a": 1, "t": 1}), page({"a": 1, "t": 2})], PASS, "2 answers agree"),
        ([page({"a": 1}), page({"a": 1}), page({"a": 2}, who="b")], FAIL, "a: 1 and 2"),
        ([page({"a": 1}), page({"a": 1}, status=503)], FAIL, "HTTP 200 and HTTP 503"),
        ([page({"a": 1}), page(b"")], FAIL, "empty"),
        ([page({"a": {}}), page({})], FAIL, "a: {} and missing"),
        ([page({"a": 1})], INCONCLUSIVE, "only one answer"),
    ],
)
def test_stable(pages: list[Page], outcome: Outcome, said: str) -> None:
    check(health.judge_stable(promise(health.Stable, page="health", ignore=["t"]), pages), outcome, said)


def test_the_other_page_is_compared_on_each_replica() -> None:
    made = promise(health.Same, page="health", other="health_v1")
    pages = [page({"a": 1}), page({"a": 1}, who="b"), page({"a": 2}, who="c")]
    assert (
        health.judge_same(made, pages, [page({"a": 2}), page({"a": 1}, who="b"), page({"a": 2}, who="c")]).outcome
        is PASS
    )
    verdict = health.judge_same(made, pages, [page({"a": 1}), page({"a": 1}, who="b"), page({"a": 1}, who="c")])
    check(verdict, FAIL, "a: 2 and 1")
    assert "(replica c)" in verdict.where


@pytest.mark.parametrize(
    ("other", "outcome"),
    [
        ({"a": 1, "requests": 9}, PASS),
        ({"a": 2, "requests": 7}, FAIL),
        ({"a": 1}, FAIL),
    ],
)
def test_only_what_is_promised_has_to_be_the_same_on_the_other_page(other: object, outcome: Outcome) -> None:
    made = promise(health.Same, page="health", other="health_v1", paths=["a"])
    check(health.judge_same(made, [page({"a": 1, "requests": 7})], [page(other)]), outcome)


def on_three(**entry: tuple[object, object, object]) -> list[Page]:
    names = ("", "a", "b", "c")
    return [
        page({"status": "healthy"} | {name: ((values[0], *values)[at]) for name, values in entry.items()}, who=who)
        for at, who in enumerate(names)
    ]


@pytest.mark.parametrize(
    ("pages", "outcome", "said"),
    [
        (on_three(pod=("x-1", "x-2", "x-3")), PASS, ""),
        (on_three(started_at=("2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z", "2023-11-14T22:13:21Z")), PASS, ""),
        (on_three(requests=(5, 5, 7)), PASS, ""),
        (on_three(version=("1.2", "1.2", "1.1")), INCONCLUSIVE, 'version: "1.2" and "1.1"'),
        (on_three(version=("1.2", "1.2", "1.2")), PASS, "4 answers agree"),
        (
            on_three(config=({"redis_hostname": "r"}, {"redis_hostname": "r"}, {"redis_hostname": "s"})),
            FAIL,
            "redis_hostname",
        ),
        (on_three(config=({"db_pid": "r"}, {"db_pid": "r"}, {"db_pid": "s"})), FAIL, "db_pid"),
        (on_three(config=({"x": {"hostname": 1}}, {"x": {"hostname": 2}}, {"x": {"hostname": 3}})), PASS, ""),
        (on_three(status=("healthy", "healthy", "degraded")), FAIL, "status"),
        (on_three(config=({"a": {}}, {"a": {}}, {})), FAIL, "config"),
        ([page({"version": "1"}), page({"version": "2"}), page({"version": "1"})], PASS, ""),
    ],
    ids=str,
)
def test_what_nobody_promised_may_differ(pages: list[Page], outcome: Outcome, said: str) -> None:
    made = of_contract("health.stable", health.Stable, "health.stable")
    check(health.judge_stable(made, pages), outcome, said)


def test_answers_that_need_not_be_of_all_are_no_pass() -> None:
    made = promise(health.Stable, page="health")
    verdict = health.judge_stable(made, [page({"a": 1}), page({"a": 1})], "3 replicas are promised", "health.fleet")
    check(verdict, INCONCLUSIVE, "3 replicas are promised")
    assert verdict.blocked_by == "health.fleet"
    check(health.judge_stable(made, [page({"a": 1}), page({"a": 2})], "3 replicas are promised"), FAIL)


# ------------------------------------------------------------------------------------------------------------- replicas

SILENT = CouldNotObserve(
    Trouble.REFUSED, asked="GET http://c/metrics", came_back="the connection was refused", hint="look"
)


def process(number: int, *, started_at: float = 1.0) -> Scrape:
    return scrape("# TYPE a gauge\na 1\n", replica=f"{number}", process=ProcessIdentity(started_at, 10.0 + number))


def fleet(
    count: int,
    *,
    expected: int | None = 3,
    met: Sequence[int] = (0, 1, 2),
    asks: int = 36,
    listed: bool = False,
    made: Callable[[int], Scrape] = process,
    **more: Any,
) -> Verdict:
    scrapes = {str(number): made(number) for number in range(count)}
    found = Replicas({name: f"http://{name}" for name in scrapes}, scrapes, tuple(map(process, met)), **more)
    return health.judge_fleet(
        found,
        expected_count=expected,
        listed_by_contract=listed,
        met={made(number).identity for number in met},
        asks=asks,
        settled_seconds=300.0,
        place=PLACE,
    )


def test_replicas_that_serve() -> None:
    check(fleet(3), PASS, "3 replicas answer")
    check(fleet(2, met=(0, 1)), FAIL, "2 could be told apart")
    check(fleet(2, met=(0, 1), expected=None), PASS, "2 replicas")
    assert fleet(4, met=(0, 1, 2, 3)).notes
    check(fleet(4), PASS, "4 replicas")  # a canary that has no share of the users


def test_a_listed_address_that_is_silent() -> None:
    check(fleet(3, unreachable={"c": SILENT}, listed=True), FAIL, "c: the connection was refused")
    check(fleet(3, unreachable={"c": SILENT}), INCONCLUSIVE, "c: the connection was refused")
    check(fleet(2, met=(0, 1), unreachable={"c": SILENT}), FAIL, "2 could be told apart")
    check(fleet(0, unreachable={"c": SILENT}, listed=True), INCONCLUSIVE, "cannot be reached from here")
    check(fleet(0, unreachable={"c": SILENT}), PASS, "3 replicas")


def test_replicas_that_users_do_not_meet() -> None:
    check(fleet(3, met=(0, 1)), FAIL, "36 requests through the load balancer never met 2")
    check(fleet(3, met=(0, 1), asks=6), INCONCLUSIVE, "6 requests")
    check(fleet(3, met=(0,)), INCONCLUSIVE, "never met 1, 2")  # a balancer that leads each client to one replica
    check(fleet(3, met=(0, 1), expected=None), INCONCLUSIVE, "never met 2")
    young = scrape("# TYPE a gauge\na 1\n").answer.asked_at - 10.0
    check(fleet(3, met=(0, 1), made=lambda n: process(n, started_at=young)), INCONCLUSIVE, "never met")


def test_a_balancer_that_hides_the_replicas() -> None:
    check(fleet(0), PASS, "3 replicas")
    check(fleet(0, met=(0, 1)), INCONCLUSIVE, "2 could be told apart")
    check(fleet(0, met=(0,), expected=None), PASS, "1 replicas")
    check(fleet(2, met=(0, 1), unlisted=(process(2),)), INCONCLUSIVE, "1 process(es) answer users")


def test_two_addresses_of_one_process_are_one_replica() -> None:
    check(fleet(3, met=(0,), made=lambda _: process(0)), FAIL, "1 could be told apart")


@pytest.mark.parametrize(
    ("restarts", "falls", "changes", "share", "outcome", "said"),
    [
        (0, 0, 0, 1.0, PASS, "1 targets"),
        (1, 0, 2, 0.97, PASS, ""),
        (5, 0, 10, 0.9, PASS, ""),
        (6, 0, 0, 1.0, FAIL, "a:8000 was started 6 times"),
        (50, 20, 0, 1.0, PASS, ""),
        (0, 0, 12, 0.9, FAIL, "went and came back 6 times"),
        (0, 0, 12, 0.99, PASS, ""),
    ],
)
def test_steady(restarts: float, falls: float, changes: float, share: float, outcome: Outcome, said: str) -> None:
    made = of_contract("health.steady", health.Steady, "health.replicas_stay_up")

    def result(value: float) -> QueryResult:
        return QueryResult("q", "GET q", samples=(Sample({"instance": "a:8000"}, value, 1.0),))

    verdict = health.judge_steady(made, result(restarts), result(falls), result(changes), result(share), 3600.0, PLACE)
    check(verdict, outcome, said)


def test_a_prometheus_without_the_platform_tells_nothing_of_restarts() -> None:
    made = of_contract("health.steady", health.Steady, "health.replicas_stay_up")
    none = QueryResult("q", "GET q")
    check(health.judge_steady(made, none, none, none, none, 3600.0, PLACE), INCONCLUSIVE)


def redis(*, enabled: bool) -> dict[str, object]:
    return {"config": {"monitoring": {"redis_enabled": enabled}}}


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ({"status": "healthy", "services": {"api": "up", "queue": "up"}}, PASS),
        ({"status": "healthy", "services": {"api": "up", "queue": "down"}}, FAIL),
        ({"status": "healthy", "services": {"queue": {"status": "down"}}}, FAIL),
        ({"status": "healthy", "services": {"queue": "disabled"}}, PASS),
        ({"status": "degraded", "services": {"queue": "down"}}, PASS),
        (
            {"status": "healthy", "services": {"redis": "down"}, "config": {"monitoring": {"redis_enabled": False}}},
            PASS,
        ),
        ({"status": "healthy", "services": {"redis": "down"}, **redis(enabled=True)}, FAIL),
        ({"status": "healthy"}, PASS),
    ],
    ids=str,
)
def test_a_platform_is_well_only_without_failures(body: object, outcome: Outcome) -> None:
    made = of_contract("health.overall", health.Overall, "health.well_only_without_failures")
    check(health.judge_overall(made, [page(body)]), outcome)


@pytest.mark.parametrize("name", ["uptime_seconds", "hostname", "pid"])
def test_what_each_replica_says_of_itself_may_differ(name: str) -> None:
    made = of_contract("health.stable", health.Stable, "health.stable")
    pages = [page({name: 1, "runtime": {name: 1}}), page({name: 2, "runtime": {name: 2}})]
    assert health.judge_stable(made, pages).outcome is PASS
    for promise_id in ("health.same_under_v1", "health.same_extended"):
        same = of_contract("health.same", health.Same, promise_id)
        assert health.judge_same(same, pages[:1], pages[1:]).outcome is PASS


# ------------------------------------------------------------------------------------------------------------ readiness


def ready(http: int = 200, /, **body: object) -> Page:
    return page({"status": "ready", "ready": True, "checks": {"redis": {"status": "ok"}}, **body}, status=http)


NOT_READY: dict[str, object] = {"status": "not_ready", "ready": False}


@pytest.mark.parametrize(
    ("asked", "outcome", "said"),
    [
        (ready(), PASS, ""),
        (ready(checks={}), PASS, ""),
        (ready(checks={"redis": {"status": "disabled"}}), PASS, ""),
        (ready(checks={"redis": {"status": "up", "detail": "error rate 0", "duration_ms": 1}}), PASS, ""),
        (ready(503, **NOT_READY), PASS, ""),
        (ready(503, **NOT_READY, checks={"redis": {"status": "down"}}), PASS, "failing checks: redis"),
        (ready(503), FAIL, "HTTP 503"),
        (ready(200, **NOT_READY), FAIL, "ready False"),
        (ready(ready=False), FAIL, "ready False"),
        (ready(ready="true"), FAIL, 'ready "true"'),
        (ready(ready=1), FAIL, "ready 1"),
        (ready(checks={"redis": {"status": "down"}}), FAIL, "failing checks: redis"),
        (ready(checks={"redis": {"status": "DOWN"}}), FAIL, "failing checks: redis"),
        (ready(checks={"redis": {"status": False}}), FAIL, "failing checks: redis"),
        (ready(checks={"redis": "down"}), FAIL, "failing checks: redis"),
        (ready(checks={"redis": False}), FAIL, "failing checks: redis"),
        (ready(checks={"redis": {"detail": "x"}}), FAIL, "no status of redis"),
        (ready(500, **NOT_READY), FAIL, "HTTP 500"),
        (page({"status": "ready"}), FAIL, "ready missing"),
    ],
)
def test_readiness(asked: Page, outcome: Outcome, said: str) -> None:
    made = promise(health.Readiness, page="ready", bad_words=BAD_WORDS)
    check(health.judge_readiness(made, [asked]), outcome, said)


@pytest.mark.parametrize(
    ("up", "checks", "outcome"),
    [
        ("up", {"redis": {"status": "ok"}}, PASS),
        ("up", {"Redis-cache": {"status": "ok"}}, PASS),
        ("down", {"redis": {"status": "down"}}, PASS),
        ("up", {"redis": {"status": "down"}}, FAIL),
        ("down", {"redis": {"status": "ok"}}, FAIL),
        ("up", {"redis": {"status": "ok"}, "redis_replica": {"status": "error"}}, FAIL),
        ("disabled", {}, NOT_COVERED),
        ("disabled", {"redis": {"status": "down"}}, NOT_COVERED),
        (None, {"redis": {"status": "ok"}}, NOT_COVERED),
        ("up", {}, INCONCLUSIVE),
        ("up", {"database": {"status": "ok"}}, INCONCLUSIVE),
        ("up", "ok", INCONCLUSIVE),
    ],
    ids=str,
)
def test_agreement(up: object, checks: object, outcome: Outcome) -> None:
    made = promise(
        health.Agreement, ready_page="ready", health_page="health", services={"redis": "*redis*"}, bad_words=BAD_WORDS
    )
    pages = [page({"services": {"redis": up}})]
    check(health.judge_agreement(made, [page({"checks": checks})], pages), outcome)


@pytest.mark.parametrize(
    ("up", "status", "enabled", "outcome"),
    [
        ("down", "skipped", False, NOT_COVERED),
        ("down", "skipped", True, FAIL),
        ("down", "down", True, PASS),
        ("up", "down", False, FAIL),
        ("up", "ok", False, PASS),
    ],
)
def test_what_is_not_in_use_may_be_down(up: str, status: str, enabled: bool, outcome: Outcome) -> None:  # noqa: FBT001
    made = promise(
        health.Agreement,
        ready_page="ready",
        health_page="health",
        services={"redis": "*redis*"},
        unless={"redis": {"path": "config.redis_enabled", "equals": False}},
        bad_words=BAD_WORDS,
    )
    pages = [page({"services": {"redis": up}, "config": {"redis_enabled": enabled}})]
    check(health.judge_agreement(made, [page({"checks": {"redis": {"status": status}}})], pages), outcome)


def test_agreement_is_of_the_same_replica() -> None:
    made = promise(
        health.Agreement, ready_page="ready", health_page="health", services={"redis": "*redis*"}, bad_words=BAD_WORDS
    )
    asked = [page({"checks": {"redis": {"status": word}}}, who=who) for who, word in (("", "ok"), ("b", "down"))]
    told = [page({"services": {"redis": word}}, who=who) for who, word in (("", "up"), ("b", "down"))]
    assert health.judge_agreement(made, asked, told).outcome is PASS
    lies = [told[0], page({"services": {"redis": "up"}}, who="b")]
    verdict = health.judge_agreement(made, asked, lies)
    assert verdict.outcome is FAIL
    assert "(replica b)" in verdict.where


# -------------------------------------------------------------------------------------------------------------- latency


@pytest.mark.parametrize(
    ("seconds", "outcome"),
    [([0.1, 0.1, 0.1], PASS), ([0.1, 0.1, 9.0], PASS), ([1.0, 1.0, 1.0], PASS), ([1.1, 1.1, 0.1], FAIL), ([2.0], FAIL)],
    ids=str,
)
def test_latency(seconds: list[float], outcome: Outcome) -> None:
    made = promise(health.Latency, page="health", seconds_max=1.0)
    check(health.judge_latency(made, [page({}, seconds=each) for each in seconds]), outcome, "median")


@pytest.mark.parametrize(
    ("again", "outcome"), [([], PASS), ([0.1, 0.1], PASS), ([0.1, 5.0], FAIL), ([5.0, 5.0], FAIL)], ids=str
)
def test_a_slow_replica_does_not_hide_behind_the_others(again: list[float], outcome: Outcome) -> None:
    made = promise(health.Latency, page="health", seconds_max=1.0)
    pages = [
        page({}, seconds=0.1),
        *(page({}, seconds=0.1, who=who) for who in "abdefgh"),
        page({}, seconds=5.0, who="c"),
    ]
    verdict = health.judge_latency(made, [*pages, *(page({}, seconds=each, who="c") for each in again)])
    check(verdict, outcome, "median")
    assert outcome is PASS or "(replica c)" in verdict.where


# -------------------------------------------------------------------------------------------------------------- secrets

OURS = "our-own-key-123"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"config": {"redis_url": "redis://:hunter22@redis:6379"}}, "the page has text that matches"),
        ({"config": {"db": "postgresql://app:hunter22@db/x"}}, "the page has text that matches"),
        ({"config": {"redis_password": "hunter22"}}, "config.redis_password has a value of 8 characters"),
        ({"config": {"apiKey": "hunter22"}}, "config.apiKey has a value of 8 characters"),
        ({"config": {"adminToken": "hunter22"}}, "config.adminToken has a value"),
        ({"config": {"API_KEYS": ["hunter22"]}}, "config.API_KEYS.0 has a value of 8 characters"),
        ({"secret": "hunter22"}, "secret has a value"),
        ({"note": f"use {OURS} for it"}, "note shows a credential"),
        ({OURS: 1}, "the page shows a credential"),
        ({"aws": "AKIAABCDEFGHIJKLMNOP"}, "matches \\bAKIA"),
        ({"x": "-----BEGIN RSA PRIVATE KEY-----"}, "PRIVATE KEY"),
        ({"x": "sk-live-abcdefghijklmnop1234"}, "the page has text that matches"),
    ],
    ids=str,
)
def test_secrets_are_seen_and_not_repeated(body: object, said: str) -> None:
    verdict = judge_secrets(page(body))
    check(verdict, FAIL, said)
    assert "hunter22" not in repr(verdict)
    assert OURS not in repr(verdict)


@pytest.mark.parametrize(
    "body",
    [
        {"status": "healthy"},
        {"config": {"redis_url": "redis://redis:6379/0"}},
        {"config": {"redis_url": "redis://:***@redis:6379/0", "db": "postgresql+asyncpg://app:***@db/x"}},
        {"config": {"db": "postgresql://app:xxxxx@db/x", "other": "redis://user@redis"}},
        {"config": {"base": "http://ocr", "contact": "ops@example.com"}},
        {"config": {"redis_password": ""}},
        {"config": {"redis_password": "***", "api_key": "set", "admin_token": None}},
        {"config": {"api_key": "<redacted>", "secret": "configured", "token": "enabled", "api_keys": []}},
        {"config": {"max_tokens": 4096, "token_header": "X-Admin-Token", "api_key_required": True}},
        {"config": {"tokenizer": "wordpiece", "secretary": "nobody"}},
    ],
    ids=str,
)
def test_what_is_no_secret_is_let_pass(body: dict[str, Any]) -> None:
    assert judge_secrets(page(body)).outcome is PASS


def test_secrets_are_looked_for_on_every_page_and_in_pages_that_are_no_json() -> None:
    verdict = judge_secrets(page({}), page(b"redis://:hunter22@redis"), page(b"<html>"))
    assert verdict.outcome is FAIL
    assert judge_secrets(page(f"<p>{OURS}</p>".encode())).outcome is FAIL
    assert judge_secrets(page({}), page(b"<html>")).outcome is PASS


def judge_secrets(*pages: Page) -> Verdict:
    made = of_contract("health.secrets", health.Secrets, "health.no_secrets")
    return health.judge_secrets(made, pages, lambda text: OURS in text)
