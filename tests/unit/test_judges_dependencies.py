"""The judges of Redis and Postgres, and of what the platform leaves there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from checks import test_dependencies as dependencies
from selfcheck.clients.postgres import Connections, Index
from selfcheck.contract import Act, Expectation, load
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.verdict import Outcome, Verdict
from tests.unit.making import answer, page, promise

if TYPE_CHECKING:
    from selfcheck.clients.http import Answer

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED
ACT = Act(name="ocr", route="ocr_extract", file="drawing", expect=Expectation(status=200, body={"success": True}))
EXERCISED: dict[str, Any] = {"act": "ocr_of_a_drawing", "cached": "cached"}
USED: dict[str, Any] = {
    **EXERCISED,
    "idle_commands": ["ping", "info", "client"],
    "health_page": "health",
    "enabled": "redis_enabled",
    "lag_seconds": 1,
    "section": "stats",
    "hits": "keyspace_hits",
    "misses": "keyspace_misses",
}
HISTORY: dict[str, Any] = {
    **EXERCISED,
    "table": "ocr_requests",
    "time_column": "created_at",
    "window_seconds": 600,
    "seconds_max": 10,
}
LOST = CouldNotObserve(Trouble.TIMED_OUT, asked="POST /ocr", came_back="nothing for 10 s", hint="look")
PLACE = {"where": "the place", "reproduce": "curl"}


def check(verdict: Verdict, outcome: Outcome, said: str = "") -> None:
    """Hold a verdict against what it should be: a breach always says what was observed, where, and how to see it."""
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict
    if outcome is FAIL:
        assert verdict.expected
        assert verdict.where
        assert verdict.reproduce


# --------------------------------------------------------------------------------------------------------------- Redis


@pytest.mark.parametrize(
    ("info", "outcome", "said"),
    [
        ({"role": "master"}, PASS, 'role = "master"'),
        ({"role": "slave", "master_link_status": "up"}, PASS, ""),
        (
            {"role": "slave", "master_link_status": "down"},
            FAIL,
            'is "slave", not "master" (master_link_status = "down")',
        ),
        ({"role": "slave"}, FAIL, ""),
        ({}, NOT_COVERED, "no field role"),
    ],
)
def test_redis_takes_writes(info: dict[str, Any], outcome: Outcome, said: str) -> None:
    made = next(each for each in load().promises("dependencies.said", dependencies.Said) if each.field == "role")
    check(dependencies.judge_said(made, info), outcome, said)


def test_a_replica_of_redis_is_noted() -> None:
    made = next(each for each in load().promises("dependencies.said", dependencies.Said) if each.field == "role")
    verdict = dependencies.judge_said(made, {"role": "slave", "master_link_status": "up"})
    assert verdict.notes == ('role = "slave", and master_link_status = "up"',)


@pytest.mark.parametrize(
    ("info", "outcome", "said"),
    [
        ({"used": 90, "max": 100}, PASS, "90% of max = 100"),
        ({"used": 90, "max": 0}, PASS, "without a limit"),
        ({"used": 91, "max": 100, "policy": "allkeys-lru"}, PASS, "91%"),
        ({"used": 91, "max": 100, "policy": "noeviction"}, FAIL, "used = 91, 91% of max = 100"),
        ({"used": 91}, NOT_COVERED, "no used or no max"),
    ],
)
def test_share(info: dict[str, Any], outcome: Outcome, said: str) -> None:
    made = promise(
        dependencies.Share,
        section="memory",
        part="used",
        whole="max",
        share_max=0.9,
        only_if={"field": "policy", "equals": "noeviction"},
    )
    check(dependencies.judge_share(made, info), outcome, said)


def test_a_share_that_always_does_harm() -> None:
    made = promise(dependencies.Share, section="clients", part="used", whole="max", share_max=0.8)
    check(dependencies.judge_share(made, {"used": 81, "max": 100}), FAIL, "81%")


def stats(**calls: int) -> dict[str, Any]:
    return {f"cmdstat_{name.replace('_', '|')}": {"calls": number, "usec": 1} for name, number in calls.items()}


@pytest.mark.parametrize(
    ("readings", "latest", "outcome", "said"),
    [
        (
            (stats(get=1), stats(get=2)),
            stats(get=2),
            PASS,
            "1 commands on data while 2 requests",
        ),
        ((stats(get=1), stats(get=1)), stats(get=1, set=1), PASS, "1 commands"),
        ((stats(), stats(evalsha=3)), stats(evalsha=3), PASS, "3 commands"),
        ((stats(get=1, ping=1), stats(get=1, ping=9)), stats(get=1, ping=9), FAIL, "none: it had been asked 1 times"),
        ((stats(info=1), stats(info=2, client_setinfo=2)), stats(info=3), FAIL, "none"),
        ((stats(get=9), stats(get=1)), stats(get=1), INCONCLUSIVE, "restarted"),
        (({}, {}), {}, NOT_COVERED, "INFO commandstats is empty"),
    ],
)
def test_used(readings: tuple[dict[str, Any], ...], latest: dict[str, Any], outcome: Outcome, said: str) -> None:
    made = promise(dependencies.Used, **USED)
    seen = dependencies.Exercise(("a", "b"), (answer({"success": True}),) * 2, readings)
    lookups = {"keyspace_hits": 3, "keyspace_misses": 1}
    check(dependencies.judge_used(made, ACT, seen, latest, lookups, **PLACE), outcome, said)


@pytest.mark.parametrize(
    ("lookups", "said"),
    [
        ({"keyspace_hits": 0, "keyspace_misses": 0}, "no lookup so far"),
        ({"keyspace_hits": 3}, "has no keyspace_hits or no keyspace_misses"),
        ({"keyspace_hits": 1, "keyspace_misses": 3}, "hit rate 25% of 4 lookups"),
    ],
)
def test_hit_rate(lookups: dict[str, Any], said: str) -> None:
    assert said in dependencies.hit_rate(promise(dependencies.Used, **USED), lookups)


def test_what_else_was_sent_is_told() -> None:
    seen = dependencies.Exercise(("a", "b"), (answer({"success": True}),) * 2, (stats(get=1), stats(get=1)))
    made = promise(dependencies.Used, **USED)
    verdict = dependencies.judge_used(made, ACT, seen, stats(get=1), {}, **PLACE, otherwise=["classify_a_part"])
    check(verdict, FAIL, "none")
    assert "is sent 2 times, and classify_a_part" in verdict.expected


@pytest.mark.parametrize(
    ("lasting", "closer", "outcome", "said"),
    [
        ((4, 4), None, PASS, "4 keys without an end, after the answer as before"),
        ((4, 2), None, PASS, "2 keys without an end"),
        ((4, 5), (0, 3, 3), FAIL, "3 more after 3 new drawings, 0 more while none was sent"),
        ((4, 6), (0, 3, 6), FAIL, "6 more after 3 new drawings"),
        # Somebody registers vectors.
        ((4, 5), (0, 3, 0), PASS, "others kept 1 before"),
        ((4, 5), (2, 3, 3), INCONCLUSIVE, "others keep something, too"),
        ((4, 5), (0, 3, 1), INCONCLUSIVE, "others keep something, too"),
        ((4, LOST), None, INCONCLUSIVE, LOST.sentence),
        ((), None, INCONCLUSIVE, "it was not read"),
    ],
)
def test_what_is_kept_has_an_end(
    lasting: tuple[Any, ...], closer: tuple[int, int, int] | None, outcome: Outcome, said: str
) -> None:
    seen = dependencies.Exercise(("a", "b"), (answer({"success": True}),) * 2, lasting=lasting)

    def look() -> dependencies.Kept:
        assert closer is not None, "nothing called for a closer look"
        return dependencies.Kept(*closer)

    check(dependencies.judge_expires(ACT, seen, look), outcome, said)


def test_keys_without_an_end_are_those_of_all_databases() -> None:
    keyspace = {"db0": {"keys": 7, "expires": 4, "avg_ttl": 9}, "db1": {"keys": 2, "expires": 0}}
    assert dependencies.lasting(keyspace) == 5
    assert dependencies.lasting({}) == 0


def test_readings_of_redis_that_failed_are_told() -> None:
    seen = dependencies.Exercise(("a", "b"), (answer({"success": True}),), (LOST, LOST))
    with pytest.raises(CouldNotObserve):
        dependencies.judge_used(promise(dependencies.Used, **USED), ACT, seen, {}, {}, **PLACE)


def read(*, cached: object = False, title: str = "FLANGE", **more: Any) -> Answer:
    return answer({"success": True, "cached": cached, "title_block": {"title": title}, **more})


@pytest.mark.parametrize(
    ("answers", "whom", "outcome", "said"),
    [
        ((read(), read(cached=True)), ("a", "b"), PASS, "kept"),
        ((read(), read(cached=True)), ("", ""), PASS, ""),
        ((read(), read(cached=True, title="BOLT")), ("a", "b"), FAIL, "title_block.title"),
        ((read(), read(), read(cached=True)), ("a", "b", "a"), FAIL, "a had kept the answer, and b did not know it"),
        ((read(), read(), read(cached=True)), ("", "", ""), INCONCLUSIVE, "a replica had kept"),
        ((read(), read(), read()), ("a", "b", "a"), NOT_COVERED, "no answer was kept"),
        ((answer({"success": True}), answer({"success": True})), ("a", "b"), NOT_COVERED, "answers have no cached"),
        ((read(), answer({"success": False})), ("a", "b"), INCONCLUSIVE, "the request itself failed: success = False"),
        ((LOST, read(cached=True)), ("a", "b"), INCONCLUSIVE, "nothing for 10 s"),
        ((answer(b"", status=401),) * 2, ("a", "b"), NOT_COVERED, "HTTP 401"),
    ],
)
def test_shared_cache(
    answers: tuple[Answer | CouldNotObserve, ...], whom: tuple[str, ...], outcome: Outcome, said: str
) -> None:
    made = promise(dependencies.SharedCache, **EXERCISED, same=["title_block"])
    check(dependencies.judge_shared_cache(made, ACT, dependencies.Exercise(whom, answers), **PLACE), outcome, said)


def test_a_platform_without_the_route_is_told_where_to_put_its_path() -> None:
    made = promise(dependencies.SharedCache, **EXERCISED, same=[])
    with pytest.raises(CouldNotObserve) as caught:
        dependencies.judge_shared_cache(
            made, ACT, dependencies.Exercise(("a", "b"), (answer(b"", status=404),) * 2), **PLACE
        )
    assert caught.value.trouble is Trouble.NO_SUCH_ROUTE


@pytest.mark.parametrize(
    ("health", "ready", "outcome", "said"),
    [
        ({"services": {"redis": "up"}}, {"checks": {"redis": {"status": "up"}}}, PASS, "in 2 places"),
        ({"services": {"redis": "up"}}, {"checks": {"redis": {"status": "ok"}}}, PASS, ""),
        ({"services": {}}, {"checks": {"redis": True}}, PASS, "in 1 places"),
        ({"services": {"redis": "down"}}, {"checks": {}}, FAIL, 'services.redis = "down", while Redis answers here'),
        ({"services": {"redis": "up"}}, {"checks": {"redis": {"status": "down"}}}, FAIL, "checks.redis"),
        ({"services": {"redis": "up"}}, {"checks": {"Redis_cache": False}}, FAIL, "checks.Redis_cache"),
        ({}, {"checks": {"postgres": {"status": "down"}}}, NOT_COVERED, "neither page"),
    ],
)
def test_reachable(health: object, ready: object, outcome: Outcome, said: str) -> None:
    made = promise(
        dependencies.Reachable,
        health_page="health",
        path="services.redis",
        ready_page="ready",
        checks="checks",
        names="*redis*",
        status="status",
        bad_words=["down"],
    )
    check(dependencies.judge_reachable(made, [page(health)], [page(ready)]), outcome, said)


# ------------------------------------------------------------------------------------------------------------ Postgres


def index(*columns: str, name: str = "by_provider", valid: bool = True) -> Index:
    return Index(name, f"CREATE INDEX {name} ON t ({', '.join(columns)})", columns, unique=False, valid=valid)


@pytest.mark.parametrize(
    ("exists", "indexes", "outcome", "said"),
    [
        ("t", [index("id"), index("provider", "status")], PASS, "CREATE INDEX by_provider"),
        ("t", [index("provider", "status", name="other")], PASS, "other"),
        ("t", [index("provider", "status", "created_at")], PASS, ""),
        ("t", [index("provider", "status", valid=False), index("provider", "status", name="twin")], PASS, "twin"),
        ("t", [index("status", "provider")], FAIL, "there are: by_provider (status, provider)"),
        ("t", [index("provider")], FAIL, "there are: by_provider (provider)"),
        ("t", [index("provider", "status", valid=False)], FAIL, "by_provider is not valid"),
        ("t", [], FAIL, "there are: none"),
        ("", [], FAIL, "no such table"),
        ("cad.t", [], NOT_COVERED, "the table is cad.t"),
    ],
)
def test_indexed(exists: str, indexes: list[Index], outcome: Outcome, said: str) -> None:
    made = promise(dependencies.Indexed, table="t", columns=["provider", "status"], name="by_provider")
    check(dependencies.judge_indexed(made, exists, indexes), outcome, said)


def test_another_name_of_an_index_is_noted() -> None:
    made = promise(dependencies.Indexed, table="t", columns=["provider"], name="by_provider")
    assert dependencies.judge_indexed(made, "t", [index("provider", name="other")]).notes == (
        "the manual calls it by_provider",
    )


@pytest.mark.parametrize(
    ("before", "rows", "answers", "outcome", "said"),
    [
        (dependencies.Rows("then", 5), 7, [read()], PASS, "2 rows more, 1.0 s after"),
        (dependencies.Rows(None, 0), 1, [LOST], PASS, ""),
        (dependencies.Rows("then", 5), 5, [read(), read()], FAIL, "5 rows since then, as many as before 2 requests"),
        (dependencies.Rows(None, 0), 0, [read()], FAIL, "0 rows, as many"),
        (dependencies.Rows("then", 5), 4, [read()], INCONCLUSIVE, "removed"),
        (dependencies.Rows("then", 5), 5, [LOST], INCONCLUSIVE, "nothing for 10 s"),
        (dependencies.Rows("then", 5), 5, [answer(b"", status=500)], INCONCLUSIVE, "the request itself failed"),
        (dependencies.Rows("then", 5), 5, [answer(b"", status=401)], NOT_COVERED, "HTTP 401"),
    ],
)
def test_history(
    before: dependencies.Rows, rows: int, answers: list[Answer | CouldNotObserve], outcome: Outcome, said: str
) -> None:
    made = promise(dependencies.History, **HISTORY)
    seen = dependencies.Exercise(("a", "b"), tuple(answers), rows={made.id: before})
    check(dependencies.judge_history(made, ACT, seen, rows, 1.0), outcome, said)


def test_a_history_that_cannot_be_read_is_told() -> None:
    made = promise(dependencies.History, **HISTORY)
    with pytest.raises(CouldNotObserve):
        dependencies.judge_history(made, ACT, dependencies.Exercise(("", ""), (), rows={made.id: LOST}), 0, 0.0)


@pytest.mark.parametrize(
    ("found", "outcome", "notes"),
    [
        (Connections(180, 200), PASS, ()),
        (Connections(181, 200), FAIL, ()),
        (Connections(5, 100), PASS, ("max_connections = 100; the manual sets 200",)),
    ],
)
def test_room(found: Connections, outcome: Outcome, notes: tuple[str, ...]) -> None:
    verdict = dependencies.judge_room(promise(dependencies.Room, share_max=0.9, advised=200), found)
    check(verdict, outcome, f"{found.used} of {found.max} connections")
    assert verdict.notes == notes


@pytest.mark.parametrize(
    ("sizes", "outcome", "said"),
    [
        ([30, 30], PASS, "3 replicas x 30 + 10 for others, max_connections = 100"),
        ([30, 31], FAIL, "3 replicas x 31"),
        ([None], NOT_COVERED, "pool is None"),
        (["20"], NOT_COVERED, 'pool is "20"'),
    ],
)
def test_pools_fit(sizes: list[object], outcome: Outcome, said: str) -> None:
    made = promise(dependencies.PoolsFit, health_page="health", path="pool", reserve=10)
    check(dependencies.judge_pools_fit(made, [page({"pool": size}) for size in sizes], 3, 100), outcome, said)


# ------------------------------------------------------------------------------------------------ rows of own requests


def own(
    number: int,
    *statuses: str | None,
    success: bool = True,
    by: str = "paddle",
    row_by: str | None = "paddle",
    late: float | None = 0.2,
) -> dependencies.Own:
    """Make an own request with a row for each status, which is so much later."""
    claimed, at = number + 0.123, 1_700_000_000.0 + number
    rows = tuple(
        dependencies.Entry(claimed, row_by, status, None if late is None else at + late) for status in statuses
    )
    return dependencies.Own(claimed, by, success, rows, at)


GOOD = [own(number, "success") for number in range(4)]
BAD = [own(10 + number, "error", success=False) for number in range(3)]


@pytest.mark.parametrize(
    ("holds", "found", "outcome", "said"),
    [
        ("once", GOOD, PASS, "4 successes, one row each"),
        ("once", [*GOOD, own(5), own(6)], FAIL, "2 of 6 successes are missing"),
        ("once", [*GOOD, own(5)], PASS, "4 successes"),
        (
            "once",
            [own(each, "success", "success") for each in range(3)] + GOOD[:1],
            FAIL,
            "3 of 4 successes have 2 rows each",
        ),
        # Others' requests have taken just as long: not most of them.
        (
            "once",
            [*GOOD[:2], own(5, "success", "success"), own(6, "success", "success")],
            PASS,
            "2 times that others share",
        ),
        ("once", [*GOOD, own(5, "success", "success")], PASS, ""),  # another client's took as long
        ("once", [own(1), own(2), own(3)], NOT_COVERED, "0 of 3"),  # it keeps another time
        ("once", GOOD[:2], NOT_COVERED, "2 of 2"),
        ("provider", GOOD, PASS, "4 rows"),
        ("provider", [own(n, "success", by="deepseek_hf") for n in range(3)], FAIL, "paddle"),
        ("provider", [own(n, "success", row_by=None) for n in range(3)], NOT_COVERED, "no provider"),
        ("time", GOOD, PASS, "4 rows"),
        ("time", [own(n, "success", late=-3600.0) for n in range(4)], FAIL, "3600 s before the request"),
        ("time", [own(n, "success", late=3600.0) for n in range(4)], FAIL, "likewise in 4 of 4 rows"),
        ("time", [*GOOD, own(5, "success", late=3600.0)], PASS, "5 rows"),  # another's, which took as long
        ("time", [own(n, "success", late=None) for n in range(4)], NOT_COVERED, "no time zone"),
        ("status", [*GOOD, *BAD], PASS, "success and error"),
        ("status", [*GOOD, own(5, "success", "error"), *BAD], PASS, "success and error"),  # another client's failed
        ("status", [*(own(n, "success", "success") for n in range(4)), *BAD], PASS, "success and error"),
        ("status", GOOD, NOT_COVERED, "no row of a failure"),
        ("status", [*GOOD, *(own(20 + n, "success", success=False) for n in range(2))], FAIL, "for a failure"),
        ("status", [own(n, None) for n in range(4)] + BAD, NOT_COVERED, "no such column"),
        ("status", [own(n, "200", success=n < 4) for n in range(8)], NOT_COVERED, "is a number"),
        ("failures", [*GOOD, *BAD], PASS, "3 refused requests"),
        ("failures", [*GOOD, *(own(20 + n, success=False) for n in range(3))], FAIL, "3 of 3 are missing"),
        ("failures", GOOD, NOT_COVERED, "0 refused"),
    ],
)
def test_rows_of_own_requests(holds: str, found: list[dependencies.Own], outcome: Outcome, said: str) -> None:
    every = load().promises("dependencies.entries", dependencies.Entries)
    (made,) = (each for each in every if each.holds == holds)
    check(dependencies.judge_entries(made, found, failures=True, **PLACE), outcome, said)


def test_a_history_need_not_have_what_was_refused() -> None:
    every = load().promises("dependencies.entries", dependencies.Entries)
    (made,) = (each for each in every if each.holds == "failures")
    check(dependencies.judge_entries(made, [*GOOD, *BAD], failures=False, **PLACE), NOT_COVERED, "does not say")


def test_own_requests_are_known_by_a_fine_time() -> None:
    made = load().promises("dependencies.entries", dependencies.Entries)[0]
    bodies = [
        {"success": True, "processing_time_ms": 12.345, "provider": "paddle"},
        {"success": False, "processing_time_ms": 2.345, "provider": "auto", "cached": False},
        {"success": True, "processing_time_ms": 12.345, "cached": True},
        {"success": True, "processing_time_ms": 12},
        {"success": True, "processing_time_ms": 12.5},
    ]
    found = dependencies.own_requests(made, [*map(answer, bodies), answer(b"", status=500)])
    assert [(one.claimed, one.success) for one in found] == [(12.345, True), (2.345, False)]
    rows = [dependencies.Entry(12.345, "paddle", "success"), dependencies.Entry(None, None, None)]
    assert [len(one.rows) for one in dependencies.matched(found, rows)] == [1, 0]


@pytest.mark.parametrize(
    ("late", "rows"),
    [
        (0.0, 1),
        (9.0, 1),  # it waited for its turn
        (-300.0, 0),  # another refusal took just as long
        (3600.0, 1),  # as that of another request: a replica's clock is wrong
        (None, 1),  # a moment without a time zone
    ],
)
def test_rows_of_refusals_are_as_old_as_those_of_other_requests(late: float | None, rows: int) -> None:
    own_ones = [
        dependencies.Own(51.234, "paddle", success=True, at=1000.0),
        dependencies.Own(61.234, "paddle", success=True, at=1000.0),
        dependencies.Own(0.123, "paddle", success=False, at=1000.0),
    ]
    entries = [
        dependencies.Entry(51.234, "paddle", "success", at=1000.5),
        dependencies.Entry(61.234, "paddle", "success", at=4600.5),
        dependencies.Entry(0.123, "paddle", "input_error", at=None if late is None else 1000.0 + late),
    ]
    assert [len(one.rows) for one in dependencies.matched(own_ones, entries)] == [1, 1, rows]
    # Nothing is known of the history's clock: what took as long counts.
    assert [len(one.rows) for one in dependencies.matched(own_ones[2:], entries)] == [1]
