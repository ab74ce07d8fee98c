"""The detectors of experiments see what is there, and nothing where nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chaos import detectors
from chaos.detectors import Call, Called, duplicates, incident, lives, openings, outages, overdue
from chaos.timeline import Alert, Alerts, Notification, Probed, Replica, Timeline
from tests.unit.chaos_making import KEY, REQUESTS, Fuse, breaker, evidence, sample

if TYPE_CHECKING:
    from collections.abc import Sequence


def probes(outcomes: str, step: float = 0.2, seconds: float = 0.1) -> list[Probed]:
    names = {".": "ok", "x": "connection", "-": "unsent", "t": "timeout"}
    return [
        sample(Probed, index * step, probe="p", outcome=names[each], seconds=seconds)
        for index, each in enumerate(outcomes)
    ]


@pytest.mark.parametrize(
    ("outcomes", "seconds"),
    [
        ("....", []),
        ("", []),
        ("..x..", [0.1]),
        (".xx-xx.", [0.9]),
        ("xx", [0.3]),
        (".x.xx.", [0.1, 0.3]),
        ("-----", []),
    ],
)
def test_outages_are_stretches_without_a_good_answer(outcomes: str, seconds: Sequence[float]) -> None:
    found = outages(probes(outcomes), lambda each: each.outcome != "ok")
    assert [round(span.seconds, 3) for span in found] == list(seconds)


def test_an_answer_that_never_came_is_an_outage_until_the_next_good_request() -> None:
    found = outages(probes(".tt.", seconds=15.0), lambda each: each.outcome != "ok")
    assert [(round(span.start, 3), round(span.until, 3), span.count) for span in found] == [(0.2, 0.6, 2)]


def calls(text: str, *, step: float = 1.0, seconds: float = 0.1) -> list[Called]:
    kinds = {".": Call.OK, "x": Call.FAILED, "o": Call.REFUSED, "?": Call.UNSURE}
    return [Called(index * step, index * step + seconds, kinds[each]) for index, each in enumerate(text)]


@pytest.mark.parametrize(
    ("text", "through", "longest"),
    [
        ("........", [], 0),
        ("..xxx..", [], 3),
        ("..xxxxxoooo.", [], 5),
        ("..xxxxxxxooo", [2], 7),
        ("..xxxxxxxx", [3], 8),
        ("..xxxx.xxxx.", [], 4),
        ("..xxxxx.....", [5], 5),
        # After the open time a trial may go through; it is no breach, and neither is what is not certain.
        ("..xxxxx???????????x", [], 6),
        ("..xxxxxooooxooooxoooo.....", [], 5),
    ],
)
def test_a_breaker_that_must_be_open(text: str, through: list[int], longest: int) -> None:
    found, row = overdue(calls(text), 5, 8.0)
    assert ([each.through for each in found], row) == (through, longest)


def test_requests_under_way_when_a_breaker_opens_are_no_breach() -> None:
    slow = calls("x" * 20, step=0.2, seconds=3.0)
    refused = [Called(4.0 + index * 0.2, 4.01 + index * 0.2, Call.REFUSED) for index in range(20)]
    assert overdue([*slow[:19], *refused], 5, 8.0)[0] == []
    assert overdue(calls("x" * 40, step=0.2, seconds=3.0), 5, 8.0)[0][0].through == 21


def test_a_new_process_counts_anew() -> None:
    assert overdue(calls("xxxxxxx"), 5, 8.0, restarted=[(3.5, 3.9)])[0] == []


@pytest.mark.parametrize(
    ("text", "failures", "trials", "closed"),
    [
        ("........", [], [], []),
        ("..xxxxxooooo", [5], [0], [False]),
        ("..xxxxxooooo.....", [5], [1], [True]),
        ("..xxxxxoooxooox..", [5], [3], [True]),
        ("..xx.xooo....xxxxxoo", [1, 5], [1, 0], [True, False]),
        ("oooo", [0], [0], [False]),
    ],
)
def test_openings_as_callers_see_them(text: str, failures: list[int], trials: list[int], closed: list[bool]) -> None:
    found = openings(calls(text), since=0.0)
    assert [each.failures for each in found] == failures
    assert [len(each.trials) for each in found] == trials
    assert [each.closed is not None for each in found] == closed


def test_a_success_that_was_under_way_begins_no_count_anew() -> None:
    made = [*calls("xxxx"), Called(3.9, 4.3, Call.OK), Called(4.5, 4.6, Call.REFUSED)]
    assert openings(made, since=0.0)[0].failures == 4


def test_others_requests_are_bounded_by_the_counter() -> None:
    quiet, busy = evidence(fuse=lambda: Fuse(failures=None)), evidence(others=5.0, fuse=lambda: Fuse(failures=None))
    assert (detectors.others_most(quiet, breaker("opens"), "one", 10, 20) or 0) <= 2
    most = detectors.others_most(busy, breaker("opens"), "one", 10, 20)
    assert most is not None
    assert 30 < most < 80
    assert detectors.others_most(busy, breaker("opens", requests=""), "one", 10, 20) is None
    assert detectors.others_most(busy, breaker("opens"), "nobody", 10, 20) is None


def test_series_are_taken_apart() -> None:
    key = f'{REQUESTS}{{provider="paddle",status="a \\"b\\""}}'
    assert detectors.series(key) == (REQUESTS, {"provider": "paddle", "status": 'a \\"b\\"'})
    assert detectors.series("plain_total") == ("plain_total", {})
    made = sample(Replica, 0.0, replica="one", up=True, counters={key: 2.0, f"{REQUESTS}x": 5.0, "plain_total": 1.0})
    assert detectors.total(made, REQUESTS, {"provider": "paddle"}) == 2.0
    assert detectors.total(made, REQUESTS, {"provider": "other"}) == 0.0
    assert detectors.total(made, "plain_total", {}) == 1.0


def watched(states: str, step: float = 0.5) -> Timeline:
    names = {"p": "pending", "f": "firing"}
    alert = [Alert("A", names[each], {"key": KEY}) if each in names else None for each in states]
    return Timeline(
        sample(Alerts, index * step, source="prometheus", alerts=() if each is None else (each,))
        for index, each in enumerate(alert)
    )


@pytest.mark.parametrize(
    ("states", "found"),
    [
        ("......", []),
        ("..pp...", [(0.5, 1.0, None, None)]),
        ("..ppff..", [(0.5, 1.0, 2.0, 3.0)]),
        ("ff...", [(None, None, 0.0, 1.0)]),
        ("..ff.ff...", [(0.5, None, 1.0, 3.5)]),
        ("..ff......ff", [(0.5, None, 1.0, 2.0), (4.5, None, 5.0, None)]),
        ("..ffppff", [(0.5, None, 1.0, 2.0), (1.5, 2.0, 3.0, None)]),
        ("..pp..pp", [(0.5, 1.0, None, None), (2.5, 3.0, None, None)]),
    ],
)
def test_lives_of_alerts(states: str, found: list[tuple[float | None, ...]]) -> None:
    assert [(life.absent, life.pending, life.firing, life.over) for life in lives(watched(states))] == found


def told(*each: tuple[float, int, str, str]) -> Timeline:
    return Timeline(
        sample(
            Notification, at, number=number, receiver="chat", status=status, name="A", labels={"key": of}, received=0
        )
        for at, number, status, of in each
    )


@pytest.mark.parametrize(
    ("each", "number"),
    [
        ((), 0),
        (((1, 1, "firing", "x"),), 0),
        (((1, 1, "firing", "x"), (5, 2, "resolved", "x")), 0),
        (((1, 1, "firing", "x"), (5, 2, "resolved", "x"), (9, 3, "firing", "x")), 0),
        (((1, 1, "firing", "x"), (2, 2, "firing", "x")), 1),
        (((1, 1, "firing", "x"), (90, 2, "firing", "x")), 0),
        # A group is told again when another alert joins it.
        (((1, 1, "firing", "x"), (5, 2, "firing", "x"), (5, 2, "firing", "y")), 0),
    ],
)
def test_duplicates(each: tuple[tuple[float, int, str, str], ...], number: int) -> None:
    assert len(list(duplicates(told(*each), Alert("A", "firing", {"key": "x"}), 60))) == number


def test_without_a_fault_no_detector_sees_anything() -> None:
    made = evidence(fault=False, others=3.0, jitter=0.1, lost_samples=0.01)
    timeline = made.timeline
    for replica in made.replicas:
        seen = detectors.calls_of(made, breaker("opens"), replica)
        assert openings(seen, since=0.0) == []
        assert overdue(seen, 5, 8.0) == ([], 0)
        assert detectors.restarts(timeline, replica) == []
        assert detectors.changes(detectors.gauges(timeline, replica, KEY)) == []
    assert outages(timeline.of(Probed), lambda each: each.outcome != "ok") == []
    assert lives(timeline) == []
    found = incident(made)
    assert (found.effect, found.detected, found.mitigated, found.failed, found.outage_seconds) == (
        None,
        None,
        None,
        0,
        0,
    )
    assert found.recovered == made.gone


def test_a_gauge_changes_when_its_breaker_does() -> None:
    made = evidence()
    changed = detectors.changes(detectors.gauges(made.timeline, "one", KEY))
    opened = openings(detectors.calls_of(made, breaker("opens"), "one"), since=made.start)[0]
    assert changed[0][1] == detectors.OPEN
    assert changed[-1][1] == detectors.CLOSED
    assert opened.earliest - 0.05 <= changed[0][0] <= opened.seen + 0.25
