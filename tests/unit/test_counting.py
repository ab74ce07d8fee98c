"""Causal counting: what was sent is counted, once, under the right labels and in seconds; and doubt is no breach."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfcheck.contract import Act, load
from selfcheck.counting import (
    Beside,
    Counting,
    Evidence,
    Window,
    growth,
    in_windows,
    judge,
    refused,
    says_nothing_yet,
    too_little,
)
from selfcheck.exposition import LabelSet, ProcessIdentity
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.replicas import Snapshot
from selfcheck.verdict import Outcome, Verdict
from tests.unit.making import answer, promise, scrape

if TYPE_CHECKING:
    from selfcheck.clients.http import Answer

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED
ACT = Act.model_validate(
    {"name": "ocr", "route": "ocr", "expect": {"status": 200, "body": {"success": True}}},
)
SENT: tuple[Answer, ...] = (
    answer({"success": True, "provider": "p", "processing_time_ms": 40}, seconds=0.05),
    answer({"success": True, "provider": "p", "processing_time_ms": 40}, seconds=0.05),
)
PROMISE = promise(
    Counting,
    act="ocr",
    moves=[{"sample": "c", "labels": {"provider": "{body.provider}", "status": "success"}}],
    still=["e"],
    never=[{"sample": "c", "labels": {"status": "error"}}],
)
SUCCESS = (("provider", "p"), ("status", "success"))
ERROR = (("provider", "p"), ("status", "error"))
OTHER = (("provider", "q"), ("status", "success"))
Grown = dict[str, dict[tuple[tuple[str, str], ...], float]]


def window(grown: Grown, *, answers: tuple[Answer | CouldNotObserve, ...] = SENT, **more: Any) -> Window:
    return Window(answers, grown, 0.1, **more)


def control(grown: Grown) -> Window:
    return Window((), grown, 0.3)


def judged(*windows: Window, controls: tuple[Window, ...] = (), made: Counting = PROMISE) -> Verdict:
    return judge(made, ACT, Evidence(windows, controls), where="GET /metrics", reproduce="curl x")


EXACT: Grown = {"c": {SUCCESS: 2.0}}


# -------------------------------------------------------------------------------------------------------------- one try


@pytest.mark.parametrize(
    ("grown", "outcome", "said"),
    [
        (EXACT, PASS, "2 requests counted on 1 process(es)"),
        ({"c": {}}, FAIL, "grew by 0 for 2 requests, not 2: no series of it grew"),
        ({"c": {SUCCESS: 1.0}}, FAIL, "grew by 1 for 2 requests, not 2"),
        ({"c": {ERROR: 2.0}}, FAIL, "c{provider='p', status='error'} +2"),
        ({"c": {OTHER: 2.0}}, FAIL, 'c{provider="p", status="success"} grew by 0'),
        ({"c": {SUCCESS: -2.0}}, FAIL, "grew by -2"),
        ({"c": {SUCCESS: math.nan}}, FAIL, "grew by nan"),
    ],
    ids=["exact", "not counted", "half counted", "success as error", "another label", "counts down", "not a number"],
)
def test_too_little_is_wrong_at_once(grown: Grown, outcome: Outcome, said: str) -> None:
    verdict = judged(window(grown))
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict
    if outcome is FAIL:
        assert (
            verdict.expected
            == 'ocr: c{provider="{body.provider}", status="success"} +1 a request, e +0, c{status="error"} +0'
        )
        assert verdict.where
        assert verdict.reproduce


def test_requests_that_different_providers_answered_are_counted_for_each() -> None:
    answers = tuple(answer({"success": True, "provider": name}) for name in "pq")
    assert judged(window({"c": {SUCCESS: 1.0, OTHER: 1.0}}, answers=answers)).outcome is PASS
    verdict = judged(window({"c": {SUCCESS: 2.0}}, answers=answers))
    assert (verdict.outcome, "grew by 2 and 0" in verdict.observed) == (FAIL, True), verdict


def test_an_answer_without_the_field_is_counted_under_no_label() -> None:
    answers = (answer({"success": True}),)
    assert 'provider="missing"' in judged(window({"c": {SUCCESS: 1.0}}, answers=answers)).observed


# ------------------------------------------------------------------------------------------------------------- too much

TWICE: Grown = {"c": {SUCCESS: 4.0}}
QUIET = (control({"c": {}}),)


def tries(*kinds: tuple[str, tuple[tuple[str, str], ...]], made_of: tuple[Answer, ...] = SENT[:1]) -> list[Window]:
    """Make three tries of 3, 5 and 7 requests, as a run makes them; each request grows each of these series by one."""
    made = []
    for sent in (3, 5, 7):
        grown: Grown = {}
        for sample, labels in kinds:
            series = grown.setdefault(sample, {})
            series[labels] = series.get(labels, 0.0) + sent
        made.append(window(grown, answers=made_of * sent))
    return made


COUNTED = ("c", SUCCESS)


@pytest.mark.parametrize(
    "more",
    [COUNTED, ("c", OTHER), ("e", ()), ("c", ERROR)],
    ids=["counted twice", "under another label too", "as an error too", "in the wrong status too"],
)
def test_too_much_is_tried_again_and_wrong_when_it_never_stops(more: tuple[str, Any]) -> None:
    tried = tries(COUNTED, more)
    assert all(says_nothing_yet(PROMISE, each) for each in tried)
    verdict = judged(*tried, controls=QUIET)
    assert (verdict.outcome, "too much in each of 3 tries" in verdict.observed) == (FAIL, True), verdict


def test_what_is_right_once_is_right() -> None:
    assert not says_nothing_yet(PROMISE, window(EXACT))
    assert judged(window(TWICE), window(EXACT)).outcome is PASS


@pytest.mark.parametrize(
    "controls",
    [(), (control({"c": {OTHER: 20.0}}),), (control({"c": {SUCCESS: 20.0}}),), (Window((), {}, 0.3, "restarted"),)],
    ids=["no control", "other traffic", "the same traffic", "unsound control"],
)
def test_too_much_amid_other_traffic_is_not_covered(controls: tuple[Window, ...]) -> None:
    verdict = judged(*tries(COUNTED, COUNTED), controls=controls)
    assert verdict.outcome is NOT_COVERED
    assert verdict.remedy


def test_traffic_of_another_promise_in_the_same_window_is_no_excuse() -> None:
    assert judged(*tries(COUNTED, COUNTED), controls=(control({"vision": {(): 50.0}}),)).outcome is FAIL


def test_a_little_other_traffic_does_not_hide_that_all_is_counted_once() -> None:
    tried = [Window(each.answers, {"c": {SUCCESS: len(each.answers) + 1.0}}, each.seconds) for each in tries(COUNTED)]
    verdict = judged(*tried, controls=QUIET)
    assert (verdict.outcome, "among other traffic" in verdict.observed) == (PASS, True), verdict


@pytest.mark.parametrize("excess", [1e15, math.inf])
def test_a_leap_is_judged_in_no_time(excess: float) -> None:
    tried = [Window(each.answers, {"c": {SUCCESS: 3.0}, "e": {(): excess}}, 0.1) for each in tries(COUNTED)[:1]]
    assert judged(*tried * 3, controls=QUIET).outcome is FAIL


def test_alone_is_a_choice() -> None:
    made = promise(Counting, act="ocr", moves=[{"sample": "c", "labels": {"status": "success"}, "alone": False}])
    assert judged(window({"c": {SUCCESS: 2.0, ERROR: 7.0}}), made=made).outcome is PASS


# ---------------------------------------------------------------------------------------------------- one or more moves

EITHER = promise(
    Counting,
    act="ocr",
    one_or_more_of=[{"sample": "rejected"}, {"sample": "errors", "labels": {"code": "{body.code}"}}],
)
REFUSED = (answer({"success": True, "code": "INPUT_ERROR"}),)
CODE = (("code", "INPUT_ERROR"), ("stage", "init"))


@pytest.mark.parametrize(
    ("grown", "outcome"),
    [
        ({"rejected": {(("reason", "size"),): 1.0}}, PASS),
        ({"errors": {CODE: 1.0}}, PASS),
        ({"rejected": {(): 1.0}, "errors": {CODE: 1.0}}, PASS),
        ({}, FAIL),
        ({"errors": {(("code", "INTERNAL_ERROR"),): 1.0}}, FAIL),
        ({"rejected": {(): 2.0}}, FAIL),
        ({"rejected": {(): 1.0}, "errors": {(("code", "INTERNAL_ERROR"),): 1.0}}, FAIL),
    ],
    ids=["rejected", "error", "both", "neither", "wrong code", "twice", "right and wrong"],
)
def test_one_or_more_of(grown: Grown, outcome: Outcome) -> None:
    tried = [
        window(
            {name: {key: step * sent for key, step in series.items()} for name, series in grown.items()},
            answers=REFUSED * sent,
        )
        for sent in (3, 5, 7)
    ]
    assert judged(*tried, controls=(control({}),), made=EITHER).outcome is outcome


def test_several_samples_are_added_up() -> None:
    made = promise(Counting, act="ocr", moves=[{"samples": ["hits", "misses"]}])
    assert judged(window({"hits": {(): 1.0}, "misses": {(): 1.0}}), made=made).outcome is PASS
    assert judged(window({"hits": {(): 1.0}}), made=made).outcome is FAIL
    assert judged(*tries(("hits", ()), ("misses", ())), controls=(control({}),), made=made).outcome is FAIL


# -------------------------------------------------------------------------------------------------------------- answers

LOST = CouldNotObserve(Trouble.TIMED_OUT, asked="POST /ocr", came_back="nothing", hint="look")


@pytest.mark.parametrize(
    ("answers", "outcome", "said"),
    [
        ((answer({"success": False}),), FAIL, "success = False"),
        ((answer({"success": 1}),), FAIL, "success = 1"),
        ((answer({}),), FAIL, "success = missing"),
        ((answer(b"<html>"),), FAIL, "not JSON"),
        ((answer({"detail": "x"}, status=500),), FAIL, "HTTP 500"),
        ((answer({}, status=401),), FAIL, "HTTP 401"),
        ((answer({}, status=429),), INCONCLUSIVE, "too many requests"),
        ((LOST,), INCONCLUSIVE, "nothing"),
        ((*SENT, LOST), INCONCLUSIVE, "nothing"),
        ((), INCONCLUSIVE, "nothing was sent"),
    ],
)
def test_answers_come_before_counters(
    answers: tuple[Answer | CouldNotObserve, ...], outcome: Outcome, said: str
) -> None:
    verdict = judged(window(EXACT, answers=answers))
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict


def test_nothing_tried_is_not_green() -> None:
    assert judged().outcome is INCONCLUSIVE


def test_a_refused_caller_is_told() -> None:
    assert not refused(Evidence((window(EXACT),)))
    assert refused(Evidence((window({}, answers=(answer({}, status=401),)),)))
    assert not refused(Evidence((window({}, answers=(LOST,)),)))


def test_windows_with_trouble_are_not_judged() -> None:
    gone = window({"c": {}}, trouble="a was restarted meanwhile")
    assert says_nothing_yet(PROMISE, window(EXACT, trouble="restarted"))
    assert judged(gone).outcome is INCONCLUSIVE
    assert judged(gone).observed == "a was restarted meanwhile"
    assert judged(gone, window(EXACT)).outcome is PASS


# ------------------------------------------------------------------------------------------------------------ durations

TIMED = promise(
    Counting, act="ocr", moves=[{"sample": "c"}], duration="d_seconds", claimed_milliseconds="processing_time_ms"
)


@pytest.mark.parametrize(
    ("seconds", "outcome", "said"),
    [
        (0.08, PASS, ""),
        (0.1, PASS, ""),
        (0.01, PASS, ""),
        (80.0, FAIL, "its sum grew by 80.000: not seconds"),
        (0.3, FAIL, "observed more than once"),
        (0.00008, FAIL, "its sum grew by 0.000080: not seconds"),
        (0.08 / 60, FAIL, "not seconds"),
        (0.0, FAIL, "its sum grew by 0"),
        (-0.08, FAIL, "its sum grew by -0.08"),
    ],
    ids=["right", "all of it", "a part", "milliseconds", "thrice", "thousandths", "minutes", "nothing", "backwards"],
)
def test_durations_are_in_seconds(seconds: float, outcome: Outcome, said: str) -> None:
    verdict = judged(window({"c": {(): 2.0}, "d_seconds_sum": {(): seconds}}), made=TIMED)
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict


@pytest.mark.parametrize(("claimed", "outcome"), [(0.04, FAIL), (0.9, PASS), (40.0, PASS), (0, PASS), (None, PASS)])
def test_claims_are_in_milliseconds(claimed: object, outcome: Outcome) -> None:
    answers = tuple(answer({"success": True, "processing_time_ms": claimed}, seconds=0.05) for _ in range(2))
    found = judged(window({"c": {(): 2.0}, "d_seconds_sum": {(): 0.08}}, answers=answers), made=TIMED)
    assert found.outcome is outcome, found
    if outcome is FAIL:
        assert found.observed == "the answers claim 0.080 all together: not milliseconds"


@pytest.mark.parametrize(
    ("claimed", "outcome"), [(0.0021, FAIL), (2.1, PASS), (0.03, PASS), (0.0, PASS), (0, PASS), (1, PASS)]
)
def test_claims_of_a_fast_platform_are_in_milliseconds(claimed: object, outcome: Outcome) -> None:
    answers = tuple(answer({"success": True, "processing_time_ms": claimed}, seconds=0.01) for _ in range(2))
    found = judged(window({"c": {(): 2.0}, "d_seconds_sum": {(): 0.0042}}, answers=answers), made=TIMED)
    assert found.outcome is outcome, found


@pytest.mark.parametrize(
    ("seconds", "claimed", "outcome"),
    [(0.0, 2.1, FAIL), (0.0000042, 2.1, FAIL), (0.0042, 2.1, PASS), (0.0001, 2.1, PASS), (0.0, 2, PASS)],
)
def test_durations_of_a_fast_platform_are_in_seconds(seconds: float, claimed: float, outcome: Outcome) -> None:
    answers = tuple(answer({"success": True, "processing_time_ms": claimed}, seconds=0.01) for _ in range(2))
    found = judged(window({"c": {(): 2.0}, "d_seconds_sum": {(): seconds}}, answers=answers), made=TIMED)
    assert found.outcome is outcome, found


@pytest.mark.parametrize("claimed", [None, "40", True, 0.1, 10_000_000])
def test_a_claim_that_cannot_be_used_is_not_used(claimed: object) -> None:
    answers = tuple(answer({"success": True, "processing_time_ms": claimed}, seconds=0.05) for _ in range(2))
    found = judged(window({"c": {(): 2.0}, "d_seconds_sum": {(): 0.0001}}, answers=answers), made=TIMED)
    assert found.outcome is PASS


def test_the_samples_of_a_promise() -> None:
    assert PROMISE.samples == {"c", "e"}
    assert TIMED.samples == {"c", "d_seconds_sum", "d_seconds_count"}


# --------------------------------------------------------------------------------------------------------------- growth

ONE, TWO = ProcessIdentity(1.0, 1.0), ProcessIdentity(2.0, 2.0)


def snapshot(
    process: ProcessIdentity | None = ONE, *, missing: tuple[str, ...] = (), direct: bool = True, **texts: str
) -> Snapshot:
    scrapes = {
        name: scrape(f"# TYPE c_total counter\n{text}\n", replica=name, process=process) for name, text in texts.items()
    }
    return Snapshot(scrapes, missing, direct)


def test_growth_is_added_up_over_all_processes() -> None:
    before = snapshot(a='c_total{x="1"} 5', b='c_total{x="1"} 7')
    after = snapshot(a='c_total{x="1"} 6', b='c_total{x="1"} 9\nc_total{x="2"} 4')
    grown, trouble = growth(before, after, ["c_total", "none_total"])
    assert (grown, trouble) == ({"c_total": {(("x", "1"),): 3.0, (("x", "2"),): 4.0}, "none_total": {}}, "")


@pytest.mark.parametrize(
    ("before", "after", "trouble"),
    [
        (snapshot(a="c_total 5"), snapshot(TWO, a="c_total 0"), "a was restarted meanwhile"),
        (snapshot(a="c_total 5", b="c_total 1"), snapshot(a="c_total 5"), "processes changed meanwhile (b)"),
        (snapshot(a="c_total 5"), snapshot(a="c_total 5", b="c_total 1"), "processes changed meanwhile (b)"),
        (snapshot(a="c_total 5", missing=("b",)), snapshot(a="c_total 6"), "could not read b"),
        (snapshot(a="c_total 5"), snapshot(a="c_total 6", missing=("b",)), "could not read b"),
        (snapshot(None, a="c_total 5"), snapshot(None, a="c_total 1"), "c_total went down: a was restarted"),
        (snapshot(None, a="c_total 5", direct=False), snapshot(None, a="c_total 6"), "does not tell which process"),
        (snapshot(None, a="c_total 5"), snapshot(None, a="c_total 6"), ""),
        (snapshot(a="c_total 5", direct=False), snapshot(a="c_total 6", direct=False), ""),
    ],
    ids=[
        "restart",
        "process gone",
        "process new",
        "unread before",
        "unread after",
        "restart unseen",
        "unknown process",
        "unknown process with an address",
        "through the balancer",
    ],
)
def test_what_makes_two_readings_worthless(before: Snapshot, after: Snapshot, trouble: str) -> None:
    found = growth(before, after, ["c_total"])[1]
    assert trouble in found
    assert bool(found) is bool(trouble)


# -------------------------------------------------------------------------------------------------------------- windows

NAMES = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3, unique=True)


@settings(derandomize=True, database=None, deadline=None, max_examples=50)
@given(st.lists(NAMES, max_size=8))
def test_promises_in_one_window_speak_of_different_samples(samples: list[list[str]]) -> None:
    promises = [promise(Counting, id=f"a.p{n}", act="ocr", still=names) for n, names in enumerate(samples)]
    windows = in_windows(promises)
    assert sorted(made.id for group in windows for made in group) == sorted(made.id for made in promises)
    for group in windows:
        spoken_of = [name for made in group for name in made.samples]
        assert len(spoken_of) == len(set(spoken_of))


def test_the_default_contract_counts_in_few_windows() -> None:
    promises = load().promises("metrics.counting", Counting)
    # Those that speak of the same sample cannot share one.
    rivals = max(Counter(sample for made in promises for sample in made.samples).values())
    assert len(in_windows(promises)) == rivals
    assert sum(made.times for made in promises) <= 40


def test_too_little_says_nothing_when_all_is_counted() -> None:
    assert too_little(PROMISE, window(EXACT)) == ""


# --------------------------------------------------------------------------------------------- several in one window


def of_status(name: str, status: str) -> Counting:
    """Promise that a request of one kind moves the series of one status."""
    moves = [{"sample": "c", "labels": {"status": status}}]
    return promise(Counting, id=f"a.{name}", act="ocr", times=2, moves=moves)


def test_promises_of_different_series_share_a_window_by_their_labels() -> None:
    good, bad, again = of_status("good", "success"), of_status("bad", "invalid"), of_status("again", "success")
    never = [{"sample": "c", "labels": {"status": "error"}}]
    quiet, still = (
        promise(Counting, id="a.quiet", act="ocr", never=never),
        promise(Counting, id="a.still", act="ocr", still=["c"]),
    )
    assert in_windows([good, bad, quiet, again, still], by_labels=True) == [[good, bad, quiet], [again], [still]]
    assert in_windows([quiet, still], by_labels=True) == [[quiet, still]]
    filled = promise(Counting, id="a.f", act="ocr", moves=[{"sample": "c", "labels": {"status": "{body.status}"}}])
    assert in_windows([good, filled], by_labels=True) == [[good], [filled]]
    assert len(in_windows([good, bad])) == 2


@pytest.mark.parametrize("by_labels", [True, False])
def test_what_a_promise_leaves_free_is_no_excess_of_others(*, by_labels: bool) -> None:
    free = promise(Counting, id="a.free", act="ocr", never=[{"sample": "d", "labels": {"status": "s"}}], free=["c"])
    assert in_windows([of_status("good", "success"), free], by_labels=by_labels) == [
        [of_status("good", "success")],
        [free],
    ]
    assert not says_nothing_yet(free, window({"c": {(("status", "success"),): 5.0}}))


def test_what_others_in_the_window_account_for_is_no_excess() -> None:
    good, bad = of_status("good", "success"), of_status("bad", "invalid")
    answers = (answer({}), answer({}))
    grown: dict[str, dict[LabelSet, float]] = {"c": {(("status", "success"),): 2.0, (("status", "invalid"),): 2.0}}
    window = Window(answers, grown, 0.1, beside=(Beside(bad.moves, answers),))
    assert not says_nothing_yet(good, window)
    more: dict[str, dict[LabelSet, float]] = {"c": {**grown["c"], (("status", "invalid"),): 3.0}}
    assert says_nothing_yet(good, replace(window, grown=more))
    missing: dict[str, dict[LabelSet, float]] = {"c": {(("status", "success"),): 2.0, (("status", "error"),): 2.0}}
    assert says_nothing_yet(good, replace(window, grown=missing))
