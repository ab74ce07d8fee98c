"""The judges of experiments: what is as promised passes, what is broken fails, what cannot be told is neither."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from chaos import detectors, judging, judging_alerts, judging_breakers, judging_callers, promises
from chaos import timeline as times
from chaos.evidence import Evidence, clock_step, gaps
from chaos.record import Done, Look, Meanwhile, Record, Repeated, Rule, Traffic
from chaos.timeline import (
    Alert,
    Alerts,
    Figures,
    Mark,
    Notification,
    Page,
    Probed,
    Replica,
    Stop,
    Timeline,
    Trouble,
)
from selfcheck.verdict import Outcome, Verdict
from tests.unit import chaos_making as making
from tests.unit.chaos_making import (
    BREAKER_READS,
    FAILURE,
    OPEN_RULE,
    OTHER_RULE,
    PAGE_RULE,
    REFUSAL,
    REQUESTS,
    Fuse,
    World,
    breaker,
    evidence,
    sample,
)
from tests.unit.making import promise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chaos.timeline import Seen

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED
NAME = {"experiment": "paddle_down"}


def of(model: type[Any], **fields: Any) -> Any:
    return promise(model, **{**NAME, **fields})


def alerted(**fields: Any) -> promises.Alerted:
    given = {"reads": [BREAKER_READS], "within_seconds": 25, "resolved_within_seconds": 30, "slack_seconds": 4}
    made: promises.Alerted = of(promises.Alerted, **{**given, "once": True, **fields})
    return made


UNDONE = of(promises.Undone)
BITES = of(promises.Bites)
STEADY = of(promises.Steady, looks=["health.*"])
ANSWERED = of(promises.Answered, probe="paddle", ok_share_max=0.1, codes=[FAILURE, REFUSAL], longest_seconds=4)
CONTROL = of(promises.Answered, probe="vision", ok_share_min=1, longest_seconds=1, answered_by=["v"])
COUNTED = of(
    promises.Counted,
    probe="paddle",
    counter="ocr_errors_total",
    labels={"code": FAILURE},
    code=FAILURE,
    never=[{"code": "INTERNAL_ERROR"}],
)
AVERAGED = of(promises.Averaged, probe="paddle", gauge="ocr_error_rate_ema")
UNALERTED = of(promises.Unalerted, reads=[BREAKER_READS])
RECOVERS = of(promises.Recovers, within_seconds=15)
LOST = of(promises.Lost, probes=["vision"], share_max=0.2, outage_seconds_max=1)
ROTATION = of(promises.Rotation, watch="up", within_seconds_min=5)
TOLD = of(promises.Told, check="redis", within_seconds_min=5)
BURNS = of(promises.Burns, watch="errors", counters=[REQUESTS], good=["success"], window_seconds=10)
DRIVEN = of(promises.Driven)
FIGURED = of(promises.Figured, detect_seconds_max=25)

ASPECTS = ("opens", "not_before", "fails_fast", "half_open", "closes", "gauge", "page", "ratio")


def _judge_breaker(aspect: str, made: Evidence) -> Verdict:
    return judging_breakers.judge_breaker(made, breaker(aspect))


JUDGES: Mapping[str, Callable[[Evidence], Verdict]] = {
    **{aspect: partial(_judge_breaker, aspect) for aspect in ASPECTS},
    "undone": lambda made: judging.judge_undone(made, UNDONE),
    "bites": lambda made: judging.judge_bites(made, BITES),
    "steady": lambda made: judging.judge_steady(made, STEADY),
    "answered": lambda made: judging_callers.judge_answered(made, ANSWERED),
    "control": lambda made: judging_callers.judge_answered(made, CONTROL),
    "counted": lambda made: judging_callers.judge_counted(made, COUNTED),
    "averaged": lambda made: judging_callers.judge_averaged(made, AVERAGED),
    "alerted": lambda made: judging_alerts.judge_alerted(made, alerted()),
    "unalerted": lambda made: judging_alerts.judge_unalerted(made, UNALERTED),
    "recovers": lambda made: judging.judge_recovers(made, RECOVERS),
    "lost": lambda made: judging_callers.judge_lost(made, LOST),
    "driven": lambda made: judging.judge_driven(made, DRIVEN),
    "figured": lambda made: judging.judge_figured(made, FIGURED),
}
"""All that a provider's outage is judged by; what other faults are judged by has tables of its own."""


def says(verdict: Verdict) -> str:
    return f"{verdict.observed} | {' | '.join(verdict.notes)}"


def check(found: Verdict, outcome: Outcome, said: str) -> None:
    assert (found.outcome, said in says(found)) == (outcome, True), found


# ---------------------------------------------------------------------------------------------- a platform that is well


@pytest.mark.parametrize("seed", range(12))
def test_a_platform_that_keeps_its_promises_is_never_accused(seed: int) -> None:
    """Whatever the other traffic, the jitter, the kind of failure, and a sample lost now and then."""
    dice = random.Random(seed)
    made = evidence(
        seed=seed,
        others=dice.choice([0.0, 0.5, 2.0, 6.0]),
        jitter=dice.choice([0.0, 0.05, 0.15]),
        fail_seconds=dice.choice([0.005, 0.02, 0.3]),
        rate=dice.choice([3.0, 5.0, 8.0]),
        shared=dice.random() < 0.3,
        lost_samples=dice.choice([0.0, 0.01]),
        begin=3 + dice.random() * 2,
    )
    found = {name: judge(made) for name, judge in JUDGES.items()}
    assert {name: verdict for name, verdict in found.items() if verdict.outcome is FAIL} == {}
    sure = {"undone", "bites", "steady", "opens", "fails_fast", "closes", "control", "recovers", "figured", "answered"}
    assert {name for name in sure if found[name].outcome is not PASS} == set()


@pytest.mark.parametrize("seed", range(8))
def test_a_slow_outage_is_no_breach_either(seed: int) -> None:
    """Requests that are under way for seconds when the breaker opens, and trials that take as long."""
    dice = random.Random(seed)
    made = evidence(
        seed=seed,
        others=dice.choice([0.0, 1.0, 3.0]),
        jitter=0.1,
        fail_seconds=3.0,
        code="PROVIDER_TIMEOUT",
        shared=dice.random() < 0.3,
        good_share=dice.choice([0.0, 0.0, 0.1]),
    )
    found = {name: JUDGES[name](made) for name in (*ASPECTS, "unalerted", "recovers", "bites")}
    assert {name: verdict for name, verdict in found.items() if verdict.outcome is FAIL} == {}


@pytest.mark.parametrize("share", [0.4, 0.7, 0.9])
@pytest.mark.parametrize("seed", range(4))
def test_a_flaky_provider_accuses_no_breaker(seed: int, share: float) -> None:
    made = evidence(
        seed=seed,
        good_share=share,
        others=2.0,
        experiment={
            "faults": [{"lever": "paddle", "kind": "down", "share": 1 - share}],
        },
    )
    found = {name: JUDGES[name](made) for name in ASPECTS}
    assert {name: verdict for name, verdict in found.items() if verdict.outcome is FAIL} == {}


def test_everything_passes_on_an_outage_that_is_taken_well() -> None:
    made = evidence()
    found = {name: judge(made) for name, judge in JUDGES.items()}
    assert {name: verdict for name, verdict in found.items() if verdict.outcome is not PASS} == {}


def test_without_a_fault_nothing_can_be_said_of_how_it_was_taken() -> None:
    """The negative control: no detector sees anything, and nothing is green for that."""
    made = evidence(fault=False)
    found = {name: judge(made) for name, judge in JUDGES.items()}
    about_the_run = {"undone": PASS, "steady": PASS, "driven": PASS}
    expected = {name: about_the_run.get(name, INCONCLUSIVE) for name in JUDGES}
    assert {name: verdict.outcome for name, verdict in found.items()} == expected
    assert found["opens"].blocked_by == "chaos.paddle_down.bites"
    unjudged = replace(made, bites=None)
    for aspect in ASPECTS:
        assert judging_breakers.judge_breaker(unjudged, breaker(aspect)).outcome is INCONCLUSIVE, aspect
    check(judging_breakers.judge_breaker(unjudged, breaker("stays_closed")), PASS, "none of 401 requests was refused")


@pytest.mark.parametrize("name", JUDGES)
def test_an_empty_timeline_is_never_green(name: str) -> None:
    made = evidence()
    record = made.record.model_copy(update={"faults": (), "before": (), "after": (), "traffic": Traffic()})
    assert JUDGES[name](Evidence(record, Timeline(()), made.experiment)).outcome is INCONCLUSIVE
    marks = Timeline(made.timeline.of(Mark))
    assert JUDGES[name](Evidence(record, marks, made.experiment)).outcome is INCONCLUSIVE


# -------------------------------------------------------------------------------------------- breakers that are broken


@pytest.mark.parametrize(
    ("aspect", "fields", "outcome", "said"),
    [
        ("opens", {}, PASS, "opened after 5 failures on one, 1.21 s after the fault"),
        ("opens", {"fuse": lambda: Fuse(failures=None)}, FAIL, "it never opened"),
        ("opens", {"fuse": lambda: Fuse(failures=8)}, FAIL, "3 more requests were let through on one"),
        ("opens", {"fuse": lambda: Fuse(failures=6)}, FAIL, "1 more request was let through on one after 5 failures"),
        ("opens", {"fuse": lambda: Fuse(failures=3)}, PASS, "opened after 3 failures"),
        ("opens", {"hold": 0.5}, INCONCLUSIVE, "failures in a row on one, and it did not open"),
        ("opens", {"fuse": lambda: Fuse(failures=None), "fail_seconds": 3.0}, FAIL, "it never opened"),
        ("not_before", {"fuse": lambda: Fuse(failures=1)}, FAIL, "opened after 1 of 5 failures on one"),
        ("not_before", {"fuse": lambda: Fuse(failures=3)}, FAIL, "opened after 3 of 5 failures on one"),
        ("not_before", {"fuse": lambda: Fuse(failures=1), "shared": True}, FAIL, "of 5 failures"),
        ("not_before", {"shared": True}, PASS, "on all replicas"),
        ("not_before", {"shared": True, "fail_seconds": 3.0}, PASS, "on all replicas"),
        ("not_before", {"fuse": lambda: Fuse(failures=None)}, INCONCLUSIVE, "did not open"),
        ("not_before", {"fuse": lambda: Fuse(failures=8)}, PASS, "opened after 8 failures"),
        ("fails_fast", {"refuse_seconds": 0.8}, FAIL, "took longer"),
        ("fails_fast", {"fuse": lambda: Fuse(failures=None)}, INCONCLUSIVE, "nobody was refused"),
        ("half_open", {}, PASS, "the first 7.99 s after it opened"),
        ("half_open", {"fuse": lambda: Fuse(open_seconds=2)}, FAIL, "2.20 s after it opened"),
        ("half_open", {"fuse": lambda: Fuse(trials=None), "fail_seconds": 3.0}, FAIL, "at the same time"),
        ("half_open", {"fuse": lambda: Fuse(trials=2), "fail_seconds": 3.0}, FAIL, "2 requests were let through"),
        ("half_open", {"fuse": lambda: Fuse(open_seconds=1000)}, FAIL, "7 were due, and others sent at most"),
        ("half_open", {"fuse": lambda: Fuse(open_seconds=1000), "hold": 5.0, "settle": 4.0}, INCONCLUSIVE, "not long"),
        ("closes", {}, PASS, "after the undo on one"),
        ("closes", {"fuse": lambda: Fuse(closes=False)}, FAIL, "it still refused on one 40.0 s after the undo"),
        ("closes", {"fuse": lambda: Fuse(open_seconds=25)}, FAIL, "it still refused"),
        ("closes", {"fuse": lambda: Fuse(closes=False), "settle": 5.0}, INCONCLUSIVE, "it was not seen closed"),
        ("closes", {"fuse": lambda: Fuse(failures=None)}, INCONCLUSIVE, "it did not open"),
        ("stays_closed", {}, FAIL, "opened on one"),
        ("stays_closed", {"fuse": lambda: Fuse(failures=None)}, PASS, "none of 401 requests was refused on one"),
        ("gauge", {}, PASS, "samples on one while callers saw it open"),
        ("gauge", {"gauge": lambda *_: 0.0}, FAIL, "the gauge was 0 on one while callers saw it open"),
        ("gauge", {"gauge": lambda _, value: min(value, 1.0)}, FAIL, "the gauge was 1 on one"),
        ("gauge", {"gauge": lambda *_: 2.0}, FAIL, "the gauge was 2 on one while callers saw it closed"),
        ("gauge", {"gauge": lambda _, value: 2.0 - value}, FAIL, "the gauge was"),
        ("gauge", {"gauge": lambda *_: None}, FAIL, "the gauge was not there on one"),
        ("gauge", {"fuse": lambda: Fuse(failures=None)}, INCONCLUSIVE, "did not see it open"),
        ("gauge", {"without": (Replica,)}, INCONCLUSIVE, "it was never read"),
        ("page", {"page": lambda *_: True}, FAIL, "the page said that paddle is ready on"),
        ("page", {"page": lambda *_: False}, FAIL, "while callers saw the breaker closed"),
        ("page", {"without": (Page,)}, INCONCLUSIVE, "never read"),
        ("ratio", {"ratio": lambda *_: 0.0}, FAIL, "breakers_open_ratio was 0"),
        ("ratio", {"ratio": lambda _, value: value * 2}, FAIL, "breakers_open_ratio was 1 "),
        ("ratio", {"ratio": lambda _, value: value + 0.3}, FAIL, "breakers_open_ratio was 0"),
        ("ratio", {"without": (Figures,)}, INCONCLUSIVE, "figures: it was never read"),
        ("ratio", {"fuse": lambda: Fuse(failures=None)}, INCONCLUSIVE, "no breaker was seen open"),
    ],
)
def test_breaker(aspect: str, fields: dict[str, Any], outcome: Outcome, said: str) -> None:
    check(judging_breakers.judge_breaker(evidence(**fields), breaker(aspect)), outcome, said)


@pytest.mark.parametrize("seed", range(6))
def test_a_breaker_that_opens_too_early_is_seen_beside_other_traffic(seed: int) -> None:
    made = evidence(seed=seed, others=0.5, fuse=lambda: Fuse(failures=2))
    assert judging_breakers.judge_breaker(made, breaker("not_before")).outcome is FAIL


def test_others_requests_that_nobody_counted_may_have_opened_it() -> None:
    made = evidence(fuse=lambda: Fuse(failures=3))
    found = judging_breakers.judge_breaker(made, breaker("not_before", requests=""))
    check(found, INCONCLUSIVE, "how many requests of others failed is not known")
    sure = judging_breakers.judge_breaker(evidence(others=6.0), breaker("not_before"))
    check(sure, PASS, "others sent up to")


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("others", [0.0, 0.5, 2.0])
def test_failures_that_the_replicas_counted_tell_more_than_requests(seed: int, others: float) -> None:
    """Whoever sent them, and also where the breaker may be one that all replicas share."""
    promise = breaker("not_before", errors="ocr_errors_total")
    early = evidence(seed=seed, others=others, fuse=lambda: Fuse(failures=1))
    assert judging_breakers.judge_breaker(early, promise).outcome is FAIL
    assert judging_breakers.judge_breaker(evidence(seed=seed, others=others), promise).outcome is PASS
    shared = evidence(seed=seed, others=others, shared=True)
    assert judging_breakers.judge_breaker(shared, promise).outcome is PASS


def test_whether_replicas_share_a_breaker_may_be_said() -> None:
    made = evidence(fuse=lambda: Fuse(failures=2))
    check(judging_breakers.judge_breaker(made, breaker("not_before", shared=False)), FAIL, "opened after 2 of 5")
    check(judging_breakers.judge_breaker(made, breaker("not_before", shared=True)), PASS, "6 on all replicas")


def test_a_load_balancer_hides_whose_breaker_it_was() -> None:
    made = evidence()
    seen = [replace(each, replica="") if isinstance(each, Probed) else each for each in made.timeline.seen]
    hidden = replace(made, timeline=Timeline(seen))
    for aspect in ("opens", "not_before", "half_open", "gauge"):
        found = judging_breakers.judge_breaker(hidden, breaker(aspect))
        check(found, INCONCLUSIVE, "goes through the load balancer")
    for aspect in ("fails_fast", "closes"):
        assert judging_breakers.judge_breaker(hidden, breaker(aspect)).outcome is PASS


def test_a_new_process_has_a_new_breaker() -> None:
    """A replica that was started anew lets requests through at once: no trial, and no success of a trial."""
    made = evidence(fuse=lambda: Fuse(open_seconds=30), hold=20.0)
    seen: list[Seen] = []
    for each in made.timeline.seen:
        if isinstance(each, Replica) and each.replica == "one" and each.since > 9.0:
            seen.append(replace(each, began=9.0))
        elif isinstance(each, Probed) and each.replica == "one" and 9.0 < each.since < 9.7:
            seen.append(replace(each, code=FAILURE))
        else:
            seen.append(each)
    limits = {**making.LIMITS, "timeout": 24.0}
    anew = replace(made, timeline=Timeline(seen), record=made.record.model_copy(update={"limits": limits}))
    assert judging_breakers.judge_breaker(anew, breaker("half_open")).outcome is not FAIL
    old = replace(made, record=anew.record)
    kept = [replace(each, began=1.0) if isinstance(each, Replica) else each for each in seen]
    check(
        judging_breakers.judge_breaker(replace(old, timeline=Timeline(kept)), breaker("half_open")), FAIL, "let through"
    )


# --------------------------------------------------------------------------------------------------------------- alerts


def other(state: str, since: float, until: float, step: float = 0.5, name: str = "Latency") -> tuple[Alerts, ...]:
    alert = Alert(name, state, {"severity": "warning"})
    number = int((until - since) / step)
    return tuple(sample(Alerts, since + index * step, source="prometheus", alerts=(alert,)) for index in range(number))


@pytest.mark.parametrize(
    ("fields", "asked", "outcome", "said"),
    [
        ({}, {}, PASS, "firing 14.1 s after the fault, delivered to chat 15.7 s after the fault, resolved"),
        ({"fires": False}, {}, FAIL, "was pending for"),
        ({"alerts": False}, {}, INCONCLUSIVE, "never read"),
        ({"fuse": lambda: Fuse(failures=None)}, {}, FAIL, "none of BreakerOpen fired in 40.0 s"),
        ({"fuse": lambda: Fuse(failures=None), "hold": 12.0}, {}, INCONCLUSIVE, "only 11.9 s were watched"),
        ({"hold": 8.0, "fuse": lambda: Fuse(open_seconds=4)}, {}, INCONCLUSIVE, "pending for"),
        ({"pending_for": 2.0}, {}, FAIL, "after it was absent, its `for` is 10.0 s"),
        ({"pending_for": 0.0}, {}, FAIL, "it cannot have been this fault"),
        ({"pending_for": 26.0}, {}, FAIL, "too late"),
        ({"resolves": False}, {}, FAIL, "still fired 39.5 s after the undo"),
        ({"resolves": False, "settle": 15.0}, {}, INCONCLUSIVE, "still fired when the watch ended"),
        ({"tells": False}, {}, FAIL, "was not delivered to chat"),
        ({"tells": False}, {"delivered": False}, PASS, "resolved"),
        ({"tells": False, "record": {"watched": ("prometheus",)}}, {}, PASS, "no receiver could be looked at"),
        ({"receiver": "pager"}, {}, FAIL, "was delivered to pager, and is promised to chat"),
        ({"tells_end": False}, {}, FAIL, "its end was never delivered"),
        ({"tells_end": False, "settle": 12.0}, {}, INCONCLUSIVE, "was not delivered until the watch ended"),
        ({"twice": True}, {}, FAIL, "was delivered to chat twice within 1.00 s"),
        ({"twice": True}, {"once": False}, PASS, "delivered to chat"),
        ({"state": ""}, {}, FAIL, "never reached Alertmanager"),
        ({"state": "suppressed", "tells": False}, {}, FAIL, "was silenced"),
        ({}, {"labels": {"key": "deepseek"}}, FAIL, "none of BreakerOpen fired"),
        ({}, {"labels": {"key": "paddle"}}, PASS, "firing"),
        ({}, {"reads": ["nobody_reads_it"]}, FAIL, "no loaded alert of severity critical or warning reads it"),
        ({}, {"severities": ["critical"]}, FAIL, "no loaded alert"),
        ({"rules": ()}, {}, INCONCLUSIVE, "not known"),
        ({"more": other("pending", 0.0, 2.9, name="BreakerOpen")}, {}, PASS, "firing"),
        ({"record": {"time_scale": 2.0}}, {"within_seconds": 50, "resolved_within_seconds": 60}, PASS, "firing"),
        ({"without": (Alerts,)}, {}, INCONCLUSIVE, "never read"),
    ],
)
def test_alerted(fields: dict[str, Any], asked: dict[str, Any], outcome: Outcome, said: str) -> None:
    check(judging_alerts.judge_alerted(evidence(**fields), alerted(**asked)), outcome, said)


def test_an_alert_that_a_page_makes_needless_need_not_be_delivered() -> None:
    made = evidence(state="suppressed", tells=False, rules=(OPEN_RULE, PAGE_RULE))
    critical = Alert("BreakersOpen", "active", {"severity": "critical"})
    seen = [
        replace(each, alerts=(*each.alerts, critical)) if isinstance(each, Alerts) and each.alerts else each
        for each in made.timeline.seen
    ]
    found = judging_alerts.judge_alerted(replace(made, timeline=Timeline(seen)), alerted())
    check(found, PASS, "was not delivered: a critical alert fired meanwhile")


def test_a_late_alert_comes_after_the_undo() -> None:
    """What tells of it was away: nobody can have been told while the fault was there."""
    made = evidence(alerts=False, experiment={"stops_watching": ["prometheus"]}, bites=None)
    alert = Alert("BreakerOpen", "firing", {"key": "paddle"})
    moments = [made.gone + index * 0.5 for index in range(79)]
    seen: list[Any] = [*made.timeline.seen]
    for moment in moments:
        there = made.gone + 12 <= moment < made.gone + 25
        seen.append(sample(Alerts, moment, source="prometheus", alerts=(alert,) if there else ()))
    told = {"receiver": "chat", "name": "BreakerOpen", "labels": {"key": "paddle"}, "received": 0.0}
    seen.append(sample(Notification, made.gone + 13, number=1, status="firing", **told))
    seen.append(sample(Notification, made.gone + 26, number=2, status="resolved", **told))
    late = replace(made, timeline=Timeline(seen))
    check(judging_alerts.judge_alerted(late, alerted(late=True)), PASS, "firing 12.0 s after the undo")
    silent = replace(made, timeline=Timeline([each for each in seen if not isinstance(each, Notification)]))
    check(judging_alerts.judge_alerted(silent, alerted(late=True)), FAIL, "was not delivered")


def test_a_short_pending_state_may_be_missed() -> None:
    """A gap in the samples is no proof that an alert fired at once."""
    made = evidence()
    seen = [
        each
        for each in made.timeline.seen
        if not (isinstance(each, Alerts) and any(alert.state == "pending" for alert in each.alerts))
    ]
    found = judging_alerts.judge_alerted(replace(made, timeline=Timeline(seen)), alerted())
    assert found.outcome is not FAIL, found


def test_an_alert_without_waiting_time_is_never_pending() -> None:
    at_once = OPEN_RULE.model_copy(update={"for_seconds": 0.0})
    found = judging_alerts.judge_alerted(evidence(pending_for=0.0, rules=(at_once,)), alerted())
    check(found, PASS, "BreakerOpen firing")


@pytest.mark.parametrize(
    ("fields", "asked", "outcome", "said"),
    [
        ({}, {}, PASS, "1 that the fault explains"),
        ({}, {"reads": []}, FAIL, "BreakerOpen fired 14.1 s after the fault (key=paddle, severity=warning)"),
        ({}, {"reads": [], "ignored": ["warning"]}, PASS, "explains"),
        ({"more": other("firing", 20.2, 30)}, {}, FAIL, "Latency fired"),
        ({"more": other("pending", 20.2, 30)}, {}, PASS, "explains"),
        ({"more": other("firing", 20.2, 30), "record": {"rules": (OPEN_RULE,)}}, {}, FAIL, "no rule of this name"),
        ({"more": other("firing", 0.2, 2.5), "without": (Probed,), "bites": None}, {}, PASS, "explains"),
        ({"without": (Alerts,)}, {}, INCONCLUSIVE, "never read"),
        ({"rules": ()}, {}, INCONCLUSIVE, "not known"),
        ({"record": {"stopped_by": "the stop switch"}}, {}, INCONCLUSIVE, "kept until it was broken off"),
    ],
)
def test_unalerted(fields: dict[str, Any], asked: dict[str, Any], outcome: Outcome, said: str) -> None:
    given = of(promises.Unalerted, **{"reads": [BREAKER_READS], **asked})
    check(judging_alerts.judge_unalerted(evidence(**fields), given), outcome, said)


def test_an_alert_from_before_the_fault_is_no_part_of_it() -> None:
    made = evidence()
    old = Alert("Latency", "firing", {"severity": "warning"})
    seen = [
        replace(each, alerts=(*each.alerts, old)) if isinstance(each, Alerts) else each for each in made.timeline.seen
    ]
    found = judging_alerts.judge_unalerted(replace(made, timeline=Timeline(seen)), UNALERTED)
    check(found, PASS, "Latency was there before the fault")


BURNS_READS = "requests_total"


def burning(name: str, burn_seconds: float) -> Rule:
    return OPEN_RULE.model_copy(update={"name": name, "burn_seconds": burn_seconds, "reads": (BURNS_READS,)})


FAST, MEDIUM, SLOW = burning("Fast", 3600), burning("Medium", 21600), burning("Slow", 259200)


def burnt(
    *, rules: tuple[Rule, ...] = (FAST, MEDIUM, SLOW), record: Any = None, pending: str = "", **fired: float
) -> Evidence:
    """Make what is seen of alerts that fire so many seconds after the fault, until the end; one is pending only."""
    made = evidence(alerts=False, rules=rules, bites=None, **({"record": record} if record else {}))
    moments = [index * 0.5 for index in range(int(made.timeline.seen[-1].since * 2))]
    seen = [*made.timeline.seen]
    for moment in moments:
        there = tuple(
            Alert(name, "pending" if name == pending else "firing", {})
            for name, after in fired.items()
            if moment >= made.there + after
        )
        seen.append(sample(Alerts, moment, source="prometheus", alerts=there))
    return replace(made, timeline=Timeline(sorted(seen, key=lambda each: each.since)))


@pytest.mark.parametrize(
    ("made", "outcome", "said"),
    [
        (burnt(Fast=6, Medium=12, Slow=20), PASS, "Fast 6.5"),
        (burnt(Fast=6), PASS, "Fast 6.5"),
        (burnt(Fast=6, Slow=20), PASS, "Slow 20.5"),
        (burnt(Fast=12, Medium=6), FAIL, "Medium fired before Fast"),
        (burnt(Fast=6, Medium=20, Slow=12), FAIL, "Slow fired before Medium"),
        (burnt(Fast=8, Medium=6), PASS, "Fast 8"),
        (burnt(Fast=6, Medium=12, Slow=20, pending="Slow"), PASS, "Medium 12.5"),
        (
            burnt(Fast=8, Medium=6, pending="Fast"),
            FAIL,
            "fired, while Fast was only pending",
        ),
        (burnt(Fast=8, pending="Fast"), INCONCLUSIVE, "none fired"),
        (burnt(Medium=6), INCONCLUSIVE, "and Fast did not"),
        (burnt(), INCONCLUSIVE, "none fired, and Fast did not"),
        (burnt(Fast=-5, Medium=12), INCONCLUSIVE, "was there before the fault"),
        (burnt(rules=(FAST, OPEN_RULE), Fast=6), NOT_COVERED, "1 of the loaded alerts"),
        (burnt(rules=(OPEN_RULE,)), NOT_COVERED, "0 of the loaded alerts"),
        (burnt(rules=()), INCONCLUSIVE, "not known"),
        (burnt(record={"stopped_by": "the stop switch"}, Fast=6), INCONCLUSIVE, "broken off"),
    ],
)
def test_ordered(made: Evidence, outcome: Outcome, said: str) -> None:
    check(judging_alerts.judge_ordered(made, of(promises.Ordered, reads=[BURNS_READS])), outcome, said)


# -------------------------------------------------------------------------------------------------------------- callers


@pytest.mark.parametrize(
    ("fields", "asked", "outcome", "said"),
    [
        ({}, {}, PASS, "paddle: "),
        ({}, {"ok_share_min": 0.99, "ok_share_max": 1}, FAIL, "were answered as promised (0 %)"),
        ({"good_share": 0.5, "fuse": lambda: Fuse(failures=None)}, {}, FAIL, "were answered as promised"),
        ({"code": "INTERNAL_ERROR"}, {}, FAIL, "failures with INTERNAL_ERROR"),
        ({"fail_seconds": 5.0}, {}, FAIL, "took longer than 4.00 s"),
        (
            {"fail_seconds": 3.5},
            {"longest_seconds": None, "longest_of": "provider_timeout"},
            FAIL,
            "longer than 4.00 s",
        ),
        ({}, {"longest_of": "unknown"}, INCONCLUSIVE, "the platform does not say unknown"),
        ({}, {"longest_of": "provider_timeout"}, PASS, "longest"),
        ({}, {"outcomes": ["ok"]}, FAIL, "requests that ended as failed"),
        ({}, {"outcomes": ["failed", "ok"]}, PASS, "failed"),
        ({}, {"requests_min": 10_000}, INCONCLUSIVE, "only"),
        ({}, {"after_seconds_min": 39.5}, INCONCLUSIVE, "only"),
        ({}, {"probe": "nobody"}, INCONCLUSIVE, "only 0 requests"),
        ({}, {"p95_seconds_max": 0.5}, PASS, "longest"),
        ({"refuse_seconds": 0.8}, {"p95_seconds_max": 0.5}, FAIL, "p95 is 80"),
        (
            {"good_share": 1.0, "bites": None},
            {"ok_share_max": 1, "answered_by": ["deepseek"]},
            FAIL,
            "answers of paddle",
        ),
    ],
)
def test_answered(fields: dict[str, Any], asked: dict[str, Any], outcome: Outcome, said: str) -> None:
    given = {"probe": "paddle", "ok_share_max": 0.1, "codes": [FAILURE, REFUSAL], "longest_seconds": 4, **asked}
    found = judging_callers.judge_answered(evidence(**fields), of(promises.Answered, **given))
    check(found, outcome, said)


def turned(made: Evidence, outcome: str, since: float, until: float, probe: str = "vision") -> Evidence:
    """Let a probe end otherwise for a while."""
    seen = [
        replace(each, outcome=outcome)
        if isinstance(each, Probed) and each.probe == probe and since <= each.since < until
        else each
        for each in made.timeline.seen
    ]
    return replace(made, timeline=Timeline(seen))


def test_what_the_runner_did_not_send_or_was_limited_says_nothing() -> None:
    made = evidence()
    check(judging_callers.judge_answered(turned(made, "unsent", 5, 6), CONTROL), PASS, "vision")
    found = judging_callers.judge_answered(turned(made, "limited", 5, 30), CONTROL)
    check(found, INCONCLUSIVE, "turned away by the rate limit")
    check(judging_callers.judge_answered(turned(made, "connection", 5, 6), CONTROL), FAIL, "5 times connection")
    most = of(promises.Answered, probe="vision", ok_share_min=0.99)
    check(judging_callers.judge_answered(turned(made, "failed", 5, 5.6), most), INCONCLUSIVE, "too few to tell")


@pytest.mark.parametrize(
    ("fields", "asked", "outcome", "said"),
    [
        ({}, {}, PASS, "counted on one"),
        ({"others": 3.0}, {}, PASS, "counted on one"),
        ({"counted_share": 0.5}, {}, FAIL, "it grew by"),
        ({"counted_share": 0.0}, {}, FAIL, "it grew by 0 on one"),
        ({}, {"counter": "nobody_total"}, FAIL, "it grew by 0 on one"),
        ({}, {"labels": {"code": "OTHER"}}, FAIL, "it grew by 0"),
        ({}, {"code": "OTHER"}, INCONCLUSIVE, "no request of paddle failed with OTHER"),
        ({"without": (Replica,)}, {}, INCONCLUSIVE, "never read"),
        ({}, {"never": [{"code": REFUSAL}]}, FAIL, "at most 0 may"),
        ({}, {"never": [{"code": REFUSAL}], "never_most": 10_000}, PASS, "counted"),
    ],
)
def test_counted(fields: dict[str, Any], asked: dict[str, Any], outcome: Outcome, said: str) -> None:
    given = {"probe": "paddle", "counter": "ocr_errors_total", "labels": {"code": FAILURE}, "code": FAILURE, **asked}
    check(judging_callers.judge_counted(evidence(**fields), of(promises.Counted, **given)), outcome, said)


@pytest.mark.parametrize(
    ("fields", "asked", "outcome", "said"),
    [
        ({}, {}, PASS, "on one"),
        ({"others": 3.0}, {}, PASS, "on one"),
        ({"average": lambda value, bad: value or float(bad)}, {}, FAIL, "it stays at 1"),
        ({"average": lambda value, bad: value + 0.1 * (1 - value) * bad}, {}, FAIL, "it stays at"),
        ({"average": lambda *_: 0.0}, {}, FAIL, "it never rose above 0 on one, while"),
        ({"average": lambda *_: 0.3}, {}, FAIL, "it never rose above 0.3 on one, while"),
        ({"average": lambda *_: 1.0}, {}, FAIL, "it stays at 1 on one"),
        ({"average": lambda value, bad: value + 10 * (bad - value)}, {}, FAIL, "it was "),
        ({"average": lambda *_: math.nan}, {}, FAIL, "it was nan"),
        ({}, {"gauge": "nobody"}, INCONCLUSIVE, "nobody is on no page of one"),
        ({}, {"failures_min": 10_000}, INCONCLUSIVE, "fewer than 10000 requests of paddle failed"),
        ({"without": (Replica,)}, {}, INCONCLUSIVE, "never read"),
    ],
)
def test_averaged(fields: dict[str, Any], asked: dict[str, Any], outcome: Outcome, said: str) -> None:
    given = {"probe": "paddle", "gauge": "ocr_error_rate_ema", **asked}
    check(judging_callers.judge_averaged(evidence(**fields), of(promises.Averaged, **given)), outcome, said)


def repeated(*, success: bool = True, provider: str = "paddle", trouble: str = "") -> Repeated:
    return Repeated(status=200, trouble=trouble, values={"success": success, "provider": provider})


@pytest.mark.parametrize(
    ("fails", "during", "after", "outcome", "said"),
    [
        (True, repeated(success=False), repeated(), PASS, "paddle reads it"),
        (True, repeated(success=False), repeated(success=False), FAIL, "fails still after recovery"),
        (True, repeated(success=False), repeated(provider="other"), FAIL, "provider = other"),
        (True, repeated(), repeated(), INCONCLUSIVE, "it was served while"),
        (False, repeated(provider="other"), repeated(), PASS, ""),
        (False, repeated(provider="other"), repeated(provider="other"), FAIL, "provider = other"),
        (False, repeated(success=False), repeated(), INCONCLUSIVE, "it failed while"),
        (False, repeated(trouble="nothing for 10 s"), repeated(), INCONCLUSIVE, "nothing for 10 s"),
        (False, repeated(), repeated(trouble="nothing for 10 s"), INCONCLUSIVE, "nothing for 10 s"),
        (False, None, repeated(), INCONCLUSIVE, "not sent while"),
        (False, repeated(), None, INCONCLUSIVE, "did not recover"),
    ],
)
def test_repeated(
    fails: bool,  # noqa: FBT001 - a case
    during: Repeated | None,
    after: Repeated | None,
    outcome: Outcome,
    said: str,
) -> None:
    made = of(
        promises.Repeated, repeat="file", fails=fails, success="success", provider="provider", answered_by="paddle"
    )
    sent = {
        "repeated_during": {} if during is None else {"file": during},
        "repeated_after": {} if after is None else {"file": after},
    }
    check(judging_callers.judge_repeated(evidence(record=sent), made), outcome, said)


@pytest.mark.parametrize(("fields", "outcome"), [({}, PASS), ({"average": lambda *_: 0.0}, FAIL)])
def test_through_a_load_balancer_some_average_rises(fields: dict[str, Any], outcome: Outcome) -> None:
    made = evidence(**fields)
    seen = [replace(each, replica="") if isinstance(each, Probed) else each for each in made.timeline.seen]
    check(judging_callers.judge_averaged(replace(made, timeline=Timeline(seen)), AVERAGED), outcome, "one and ")


def test_through_a_load_balancer_all_replicas_count_together() -> None:
    made = evidence()
    seen = [replace(each, replica="") if isinstance(each, Probed) else each for each in made.timeline.seen]
    check(judging_callers.judge_counted(replace(made, timeline=Timeline(seen)), COUNTED), PASS, "counted, ")


@pytest.mark.parametrize(
    ("ended", "asked", "outcome", "said"),
    [
        ((), {}, PASS, "lost: 0 of"),
        (("connection", 10, 11), {"share_max": 0}, FAIL, "(5 connection)"),
        (("connection", 10, 10.5), {"most": 60}, PASS, "lost: 3 of"),
        (("timeout", 10, 30), {"most": 1000}, FAIL, "nothing got through for"),
        (("failed", 10, 30), {}, PASS, "lost: 0 of"),
        (("server_error", 10, 11), {"probes": ["nobody"]}, INCONCLUSIVE, "no probe went through"),
    ],
)
def test_lost(ended: tuple[Any, ...], asked: dict[str, Any], outcome: Outcome, said: str) -> None:
    made = evidence(record={"traffic": Traffic(planned=500, answered=500, seconds=80)})
    made = turned(made, *ended) if ended else made
    given = of(promises.Lost, **{"probes": ["vision"], "outage_seconds_max": 1, **asked})
    check(judging_callers.judge_lost(made, given), outcome, said)


def test_requests_of_the_load_are_lost_too() -> None:
    blocks = tuple((float(second), 10, 4 if second == 20 else 0) for second in range(80))
    traffic = Traffic(planned=800, answered=796, failed=4, seconds=80, failed_at=blocks)
    made = evidence(record={"traffic": traffic})
    check(judging_callers.judge_lost(made, of(promises.Lost, probes=["vision"], most=3)), FAIL, "4 of 770 requests")
    check(judging_callers.judge_lost(made, of(promises.Lost, probes=["vision"], most=4)), PASS, "4 of 770 requests")
    broken = evidence(record={"traffic": Traffic(planned=10, trouble="it did not keep up")})
    check(judging_callers.judge_lost(broken, of(promises.Lost, probes=["vision"])), PASS, "the load does not count")
    late = of(promises.Lost, probes=["vision"], share_max=0.2, late_seconds=0.01)
    check(judging_callers.judge_lost(made, late), FAIL, "probes")


def with_figures(made: Evidence, name: str, value: Callable[[float], float | None]) -> Evidence:
    """Give a watched figure other values."""
    seen: list[Seen] = []
    for each in made.timeline.seen:
        if isinstance(each, Figures):
            now = value(each.since)
            seen.append(replace(each, values={} if now is None else {name: now}))
        else:
            seen.append(each)
    return replace(made, timeline=Timeline(seen))


@pytest.mark.parametrize(
    ("value", "outcome", "said"),
    [
        (lambda since: min(1.0, max(0.0, since - 4) / 10), PASS, "samples agree, up to 100 %"),
        (lambda _: 0.0, FAIL, "the replicas counted 100 %"),
        (lambda _: 0.2, FAIL, "errors was 20 %"),
        (lambda _: None, INCONCLUSIVE, "no sample had a whole window"),
    ],
)
def test_burns(value: Callable[[float], float | None], outcome: Outcome, said: str) -> None:
    made = evidence(record={"traffic": Traffic(trouble="none")})
    check(judging_callers.judge_burns(with_figures(made, "errors", value), BURNS), outcome, said)


def test_the_error_ratio_stays_where_it_is_when_nothing_fails() -> None:
    made = evidence(good_share=1.0, bites=None, record={"traffic": Traffic(trouble="none")})
    check(judging_callers.judge_burns(with_figures(made, "errors", lambda _: 0.0), BURNS), PASS, "no request failed")
    check(judging_callers.judge_burns(with_figures(made, "errors", lambda _: 0.3), BURNS), FAIL, "errors was 30 %")


# ----------------------------------------------------------------------------------------------------------- as a whole

FAULT = Done(fault="paddle: down", target="proxy paddle", undo="enable it", injected=3.0, proof="off", undone=40.0)


@pytest.mark.parametrize(
    ("fields", "outcome", "said"),
    [
        ({}, PASS, "1 of 1 faults undone (enable)"),
        ({"faults": (FAULT.model_copy(update={"undone": None}),)}, FAIL, "make chaos-recover"),
        ({"faults": (FAULT.model_copy(update={"undone": None, "trouble": "wedged"}),)}, FAIL, "proxy paddle (wedged"),
        ({"faults": (FAULT, FAULT.model_copy(update={"injected": None, "proof": "", "undone": None}))}, PASS, "1 of 1"),
        ({"leftovers": ("toxic t1 on paddle",)}, FAIL, "left over: toxic t1 on paddle"),
        ({"faults": (), "refused": "no consent"}, INCONCLUSIVE, "nothing was injected: no consent"),
        ({"faults": ()}, INCONCLUSIVE, "no fault was made"),
    ],
)
def test_undone(fields: dict[str, Any], outcome: Outcome, said: str) -> None:
    check(judging.judge_undone(evidence(record=fields), UNDONE), outcome, said)


@pytest.mark.parametrize(
    ("fields", "asked", "outcome", "said"),
    [
        ({}, {}, PASS, "requests of the probe paddle failed"),
        ({"fault": False}, {}, INCONCLUSIVE, "all 600 requests of the probe paddle were answered as before"),
        ({"fault": False}, {"effect": "none"}, PASS, "it was read back"),
        ({"without": (Probed,)}, {}, INCONCLUSIVE, "nothing of the probe"),
        ({"record": {"faults": (FAULT.model_copy(update={"proof": ""}),)}}, {}, INCONCLUSIVE, "was not read back"),
        ({"record": {"faults": ()}}, {}, INCONCLUSIVE, "no fault"),
        (
            {"fail_seconds": 3.0, "fuse": lambda: Fuse(failures=None)},
            {"effect": "slower", "slower_seconds": 2},
            PASS,
            "3.",
        ),
        ({}, {"effect": "slower", "slower_seconds": 2}, PASS, "requests of the probe paddle failed"),
        ({"fault": False}, {"effect": "slower", "slower_seconds": 2}, INCONCLUSIVE, "the median was"),
        ({}, {"effect": "other"}, INCONCLUSIVE, "paddle answered as before"),
        ({"record": {"refused": "an alert fires"}}, {}, INCONCLUSIVE, "nothing was injected: an alert fires"),
    ],
)
def test_bites(fields: dict[str, Any], asked: dict[str, Any], outcome: Outcome, said: str) -> None:
    check(judging.judge_bites(evidence(**fields), of(promises.Bites, **asked)), outcome, said)


def test_another_provider_shows_that_a_fault_bites() -> None:
    made = evidence(good_share=1.0)
    seen = [
        replace(each, answered_by="deepseek") if isinstance(each, Probed) and each.since > 4 else each
        for each in made.timeline.seen
    ]
    found = judging.judge_bites(replace(made, timeline=Timeline(seen)), of(promises.Bites, effect="other"))
    check(found, PASS, "deepseek answered instead of paddle")


def looks(**outcomes: str) -> tuple[Look, ...]:
    return tuple(Look(id=f"health.{name}", outcome=outcome) for name, outcome in outcomes.items())


@pytest.mark.parametrize(
    ("before", "after", "outcome", "said"),
    [
        (looks(a="PASS", b="PASS"), looks(a="PASS", b="PASS"), PASS, "2 promises kept"),
        (looks(a="PASS", b="NOT COVERED"), looks(a="PASS"), PASS, "1 promises kept"),
        (looks(a="PASS", b="PASS"), looks(a="PASS", b="FAIL"), FAIL, "health.b fails after the fault"),
        (looks(a="PASS"), looks(a="INCONCLUSIVE"), INCONCLUSIVE, "health.a cannot be told any more"),
        (looks(a="PASS"), (), INCONCLUSIVE, "it did not recover"),
        (looks(a="PASS", b="PASS"), looks(a="PASS"), INCONCLUSIVE, "health.b was not looked at again"),
        (looks(a="FAIL"), looks(a="FAIL"), INCONCLUSIVE, "nothing was well before"),
        (looks(a="PASS", b="FAIL"), looks(a="PASS", b="FAIL"), INCONCLUSIVE, "health.b was FAIL before the fault"),
        ((), looks(a="PASS"), INCONCLUSIVE, "health.* was not looked at"),
    ],
)
def test_steady(before: tuple[Look, ...], after: tuple[Look, ...], outcome: Outcome, said: str) -> None:
    check(judging.judge_steady(evidence(record={"before": before, "after": after}), STEADY), outcome, said)


@pytest.mark.parametrize(("stays", "outcome"), [(True, FAIL), (False, INCONCLUSIVE)])
def test_what_is_not_there_any_more(stays: bool, outcome: Outcome) -> None:  # noqa: FBT001 - a case
    made = evidence(record={"before": looks(a="PASS"), "after": looks(a="NOT COVERED")})
    check(judging.judge_steady(made, of(promises.Steady, looks=["health.*"], stays=stays)), outcome, "health.a ")


@pytest.mark.parametrize(
    ("fields", "outcome", "said"),
    [
        ({}, PASS, "well 1.96 s after the undo"),
        ({"others": 2.0, "jitter": 0.1}, PASS, "well"),
        ({"fuse": lambda: Fuse(closes=False)}, FAIL, "in 40.0 s after the undo it was never well for 2.00 s"),
        ({"fuse": lambda: Fuse(closes=False), "settle": 10.0}, INCONCLUSIVE, "it was never well for 2.00 s"),
        ({"fuse": lambda: Fuse(open_seconds=30), "hold": 15.0}, FAIL, "and not before"),
        ({"broken_after": 0.3, "fuse": lambda: Fuse(failures=None)}, FAIL, "it was never well for 2.00 s"),
        ({"settle": 1.0}, INCONCLUSIVE, "it was never well"),
        ({"gauge": lambda since, value: 2.0 if since > 20 else value}, FAIL, "breaker paddle is 2"),
        ({"without": (Probed, Replica), "bites": None}, INCONCLUSIVE, "not everything was looked at"),
    ],
)
def test_recovers(fields: dict[str, Any], outcome: Outcome, said: str) -> None:
    check(judging.judge_recovers(evidence(**fields), RECOVERS), outcome, said)


def test_a_recovery_that_does_not_last_is_none() -> None:
    made = evidence()
    check(judging.judge_recovers(turned(made, "failed", 60, 80), RECOVERS), FAIL, "but not for long")
    check(judging.judge_recovers(turned(made, "timeout", 60, 60.3), RECOVERS), PASS, "well")
    gone = [
        replace(each, up=False) if isinstance(each, Replica) and each.since > 50 and each.replica == "two" else each
        for each in made.timeline.seen
    ]
    check(judging.judge_recovers(replace(made, timeline=Timeline(gone)), RECOVERS), FAIL, "two: does not answer")


@pytest.mark.parametrize(
    ("value", "fields", "outcome", "said"),
    [
        (lambda since: 2 if 6 < since < 46 else 3, {}, PASS, "fell from 3 to 2"),
        (lambda _: 3, {}, FAIL, "and never less in"),
        (lambda _: 3, {"hold": 3.0}, INCONCLUSIVE, "and never less in"),
        (lambda since: 2 if 20 < since < 46 else 3, {}, FAIL, "up fell 17"),
        (lambda since: 2 if since > 6 else 3, {}, FAIL, "was not back until"),
        (lambda since: 2 if since > 6 else 3, {"settle": 3.0}, INCONCLUSIVE, "was not back until"),
        (lambda since: 2 if 6 < since < 60 else 3, {}, FAIL, "and was back 17"),
        (lambda _: None, {}, INCONCLUSIVE, "up had no value before the fault"),
    ],
)
def test_rotation(value: Callable[[float], float | None], fields: dict[str, Any], outcome: Outcome, said: str) -> None:
    check(judging.judge_rotation(with_figures(evidence(**fields), "up", value), ROTATION), outcome, said)


@pytest.mark.parametrize(
    ("well", "fields", "outcome", "said"),
    [
        (lambda _, since: not 5 < since < 45, {}, PASS, "one: not well in 69 answers after the fault"),
        # As soon as promised, and no sooner; and after the undo likewise.
        (lambda _, since: not 7.9 < since < 47.9, {}, PASS, "three: well"),
        (lambda _, since: not 12 < since < 45, {}, FAIL, "one called redis well 5.45 s after the fault (8 of"),
        (lambda name, since: name == "two" or not 5 < since < 45, {}, FAIL, "two called redis well 5.47 s"),
        (lambda _, since: since < 5, {}, FAIL, "called redis not well 5.45 s after the undo"),
        (lambda _, since: not (5 < since < 45 or since > 70), {}, FAIL, "called redis not well 27"),
        (lambda _, since: not 6.6 < since < 8, {"hold": 4.0}, INCONCLUSIVE, "asked too seldom later than 5.00 s"),
        (lambda _, since: not 5 < since < 45, {"settle": 4.0}, PASS, "one: well in "),
        (lambda _, since: not 5 < since < 46, {"settle": 4.0}, PASS, "one: well in "),
        (lambda _, since: not 5 < since < 60, {"settle": 4.0}, INCONCLUSIVE, "later than 5.00 s after the undo"),
        (lambda _, __: False, {}, INCONCLUSIVE, "did not call redis well before the fault"),
        (lambda name, since: None if name == "two" else not 5 < since < 45, {}, INCONCLUSIVE, "two does not tell"),
        (lambda _, since: not 5 < since < 45, {"without": (Page,)}, INCONCLUSIVE, "pages: it was never read"),
    ],
)
def test_told(well: Callable[[str, float], bool | None], fields: dict[str, Any], outcome: Outcome, said: str) -> None:
    made = evidence(**fields)
    seen = [
        replace(each, checks={} if (word := well(each.replica, each.since)) is None else {"redis": word})
        if isinstance(each, Page)
        else each
        for each in made.timeline.seen
    ]
    check(judging.judge_told(replace(made, timeline=Timeline(seen)), TOLD), outcome, said)


def test_what_was_answered_after_the_undo_says_nothing_of_the_fault() -> None:
    """A frozen dependency is waited for: the answer to who asked just before the undo comes after it."""
    made = evidence()
    pages = [each for each in made.timeline.of(Page) if made.there <= each.since < made.undoing]
    last = {each.replica: each for each in pages}
    late = [replace(each, checks={"redis": True}, seconds=made.undoing - each.since + 0.1) for each in last.values()]
    told = [
        replace(each, checks={"redis": not made.there <= each.since < made.undoing})
        for each in made.timeline.of(Page)
        if each not in last.values()
    ]
    other = [each for each in made.timeline.seen if not isinstance(each, Page)]
    seen = sorted([*other, *told, *late], key=lambda each: each.since)
    check(judging.judge_told(replace(made, timeline=Timeline(seen)), TOLD), PASS, "")
    at_once = [replace(each, seconds=0.0) if isinstance(each, Page) else each for each in seen]
    check(judging.judge_told(replace(made, timeline=Timeline(at_once)), TOLD), FAIL, "called redis well")


@pytest.mark.parametrize(
    ("traffic", "outcome", "said"),
    [
        (Traffic(planned=500, answered=450, failed=50, seconds=80), PASS, "500 requests of the load"),
        (Traffic(planned=500, answered=300, failed=50), INCONCLUSIVE, "350 of 500"),
        (Traffic(planned=10, answered=10), INCONCLUSIVE, "only 10 requests"),
        (Traffic(), INCONCLUSIVE, "only 0 requests"),
        (Traffic(planned=500, answered=500, trouble="it was lost"), INCONCLUSIVE, "it was lost"),
    ],
)
def test_driven(traffic: Traffic, outcome: Outcome, said: str) -> None:
    check(judging.judge_driven(evidence(record={"traffic": traffic}), DRIVEN), outcome, said)


def test_without_load_there_is_nothing_to_drive() -> None:
    found = judging.judge_driven(evidence(experiment={"load": ""}), DRIVEN)
    assert found.outcome is Outcome.NOT_COVERED
    found = judging.judge_driven(turned(evidence(), "unsent", 10, 60), DRIVEN)
    check(found, INCONCLUSIVE, "probes were not sent in time")


@pytest.mark.parametrize(
    ("fields", "limit", "outcome", "said"),
    [
        ({}, None, PASS, "detected 15.7 s later by BreakerOpen, mitigated 976 ms later"),
        ({}, 25, PASS, "longest outage"),
        ({"pending_for": 26.0}, 25, FAIL, "detected"),
        ({"fires": False}, 25, FAIL, "no alert told of it in"),
        ({"fires": False, "hold": 18.0}, 25, INCONCLUSIVE, "no alert told of it in"),
        ({"fault": False}, 25, INCONCLUSIVE, "callers saw no effect"),
        ({"fault": False}, None, PASS, "0 of 1,6"),
        ({"without": (Probed,)}, None, INCONCLUSIVE, "no probe was sent"),
    ],
)
def test_figured(fields: dict[str, Any], limit: float | None, outcome: Outcome, said: str) -> None:
    given = of(promises.Figured, detect_seconds_max=limit)
    check(judging.judge_figured(evidence(**fields), given), outcome, said)


# ---------------------------------------------------------------------------------------------- what keeps from judging

JUDGED = sorted(set(JUDGES) - {"undone"})


@pytest.mark.parametrize("name", JUDGED)
def test_a_refused_experiment_says_nothing_of_the_platform(name: str) -> None:
    found = JUDGES[name](evidence(record={"refused": "a breaker is open"}))
    check(found, INCONCLUSIVE, "nothing was injected: a breaker is open")


@pytest.mark.parametrize("name", JUDGED)
def test_nor_does_one_whose_fault_was_never_made(name: str) -> None:
    made = evidence(record={"stopped_by": "SIGINT"})
    seen = [
        each for each in made.timeline.seen if not (isinstance(each, Mark) and each.name in {"injecting", "injected"})
    ]
    found = JUDGES[name](replace(made, timeline=Timeline(seen)))
    check(found, INCONCLUSIVE, "it ended before the fault was there: SIGINT")


@pytest.mark.parametrize("name", JUDGED)
def test_nor_one_during_which_the_clock_jumped(name: str) -> None:
    made = evidence()
    seen = [replace(each, at=each.at + 60) if each.since > 30 else each for each in made.timeline.seen]
    found = JUDGES[name](replace(made, timeline=Timeline(seen)))
    check(found, INCONCLUSIVE, "the clock of this machine jumped by 60.0 s")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("gauge", Replica), ("counted", Replica), ("alerted", Alerts), ("unalerted", Alerts), ("page", Page)],
)
def test_a_source_that_was_away_for_long_cannot_be_judged(name: str, kind: type[Any]) -> None:
    made = evidence()
    seen = [each for each in made.timeline.seen if not (isinstance(each, kind) and 10 < each.since < 40)]
    source = {"gauge": "one", "counted": "one", "page": "pages"}.get(name, "prometheus")
    seen.append(sample(Trouble, 12.0, source=source, text="timed out"))
    found = JUDGES[name](replace(made, timeline=Timeline(seen)))
    check(found, INCONCLUSIVE, "of the time): timed out")


def test_one_lost_sample_is_no_gap() -> None:
    assert gaps([0.0, 0.2, 0.4, 0.8, 1.0], 0.0, 1.0) == []
    assert gaps([0.0, 0.2, 0.4, 5.0], 0.0, 5.0) == [(0.4, 5.0)]
    assert gaps([], 0.0, 5.0) == [(0.0, 5.0)]
    assert math.isclose(clock_step(Timeline([sample(Stop, 1.0, condition="x"), sample(Stop, 2.0, condition="y")])), 0.0)


def test_a_fault_that_was_broken_off_proves_nothing_that_must_hold_all_the_time() -> None:
    made = evidence(record={"stopped_by": "5 failures in a row"})
    for name in ("answered", "control", "unalerted", "lost"):
        check(JUDGES[name](made), INCONCLUSIVE, "(5 failures in a row)")
    assert JUDGES["opens"](made).outcome is PASS
    assert JUDGES["recovers"](made).outcome is PASS


def test_every_verdict_says_where_and_how_to_look_again() -> None:
    made = evidence(fuse=lambda: Fuse(closes=False))
    for name in ("closes", "recovers"):
        found = JUDGES[name](made)
        assert found.expected
        assert "experiment paddle_down at http://platform, run run" in found.where
        assert "pytest chaos -k paddle_down" in found.reproduce
        assert "python -m chaos judge <output>/chaos/paddle_down" in found.reproduce


def test_a_saved_experiment_is_judged_alike(tmp_path: Any) -> None:
    """What was written and read again gives the same verdicts."""
    from dataclasses import asdict  # noqa: PLC0415
    from json import dumps  # noqa: PLC0415

    made = evidence(others=1.0)
    path = tmp_path / "timeline.jsonl"
    lines = [dumps({"what": type(each).__name__.lower(), **asdict(each)}) for each in made.timeline.seen]
    path.write_text("\n".join([*lines, '{"what": "probed", "at": 1']), encoding="utf-8")
    again = replace(made, timeline=times.read(path), record=Record.model_validate_json(made.record.model_dump_json()))
    assert {name: judge(again) for name, judge in JUDGES.items()} == {
        name: judge(made) for name, judge in JUDGES.items()
    }


def test_worlds_are_what_they_seem() -> None:
    """The builder itself: the fault is where it says, and the other names are used."""
    world = World()
    assert world.undone - world.injected == world.hold
    assert {OTHER_RULE.name, PAGE_RULE.name, REQUESTS} == {"Latency", "BreakersOpen", "ocr_requests_total"}


KEPT = of(promises.Kept, id="chaos.paddle_down.kept", query="SELECT count(*) FROM rows", counter=REQUESTS)


def stored(grown: float | None) -> Evidence:
    """A world in whose store there are so many rows more afterwards."""
    rows = {"stored_before": {KEPT.id: 100.0}}
    return evidence(record=rows if grown is None else {**rows, "stored_after": {KEPT.id: 100.0 + grown}})


def test_what_was_counted_is_stored() -> None:
    said = judging_callers.judge_kept(stored(0), KEPT)
    assert said.outcome is FAIL
    counted = int(said.observed.partition(" rows more, and ")[2].partition(" ")[0].replace(",", ""))
    assert counted > 100
    check(judging_callers.judge_kept(stored(counted), KEPT), PASS, f"{counted:,} rows more")
    check(judging_callers.judge_kept(stored(counted + 50), KEPT), PASS, "rows more")
    check(judging_callers.judge_kept(stored(counted - 1), KEPT), FAIL, ": 1 are missing")
    check(judging_callers.judge_kept(stored(counted - 1), KEPT.model_copy(update={"lost_most": 1})), PASS, "rows more")
    check(judging_callers.judge_kept(stored(None), KEPT), INCONCLUSIVE, "stored after the experiment is not known")
    unknown = KEPT.model_copy(update={"counter": "nobody_total"})
    check(judging_callers.judge_kept(stored(0), unknown), INCONCLUSIVE, "nothing was counted")


def reset(made: Evidence, *, works: bool, at: float) -> Evidence:
    """A world whose breaker is reset at a moment; where it works, what comes then is let through."""
    seen = [
        replace(each, code=FAILURE)
        if works and isinstance(each, Probed) and each.code == REFUSAL and at <= each.since < at + 2
        else each
        for each in made.timeline.seen
    ]
    return replace(made, timeline=Timeline([*seen, sample(Mark, at, name=times.RESET)]))


def test_a_reset_closes_a_breaker() -> None:
    made = evidence()
    at = made.undoing - 6.0
    check(judging_breakers.judge_breaker(reset(made, works=True, at=at), breaker("reset")), PASS, "let through on")
    check(judging_breakers.judge_breaker(reset(made, works=False, at=at), breaker("reset")), FAIL, "after the reset")
    check(judging_breakers.judge_breaker(made, breaker("reset")), INCONCLUSIVE, "not reset")
    late = reset(made, works=True, at=made.undoing - 0.5)
    check(judging_breakers.judge_breaker(late, breaker("reset")), INCONCLUSIVE, "too soon")
    refused = evidence(record={"reset": "HTTP 403"})
    check(judging_breakers.judge_breaker(refused, breaker("reset")), FAIL, "it was refused: HTTP 403")


DATED = of(promises.Dated, id="chaos.paddle_down.dated", query="SELECT 1", twice="SELECT 0", counter=REQUESTS)


@pytest.mark.parametrize(
    ("share", "twice", "outcome", "said"),
    [
        (1.0, 0, PASS, "rows are of the time of the fault, and"),
        (0.95, 0, PASS, "rows are of the time of the fault, and"),
        (0.0, 0, FAIL, "0 rows are of the time of the fault, and"),
        (2.0, 0, FAIL, "rows are of the time of the fault, and"),
        (1.0, 1, FAIL, "1 of "),
    ],
)
def test_what_is_stored_has_its_own_time(share: float, twice: float, outcome: Outcome, said: str) -> None:
    made = evidence()
    counted = sum(
        detectors.counted_between(made.timeline, REQUESTS, name, made.start, made.undoing)[0] for name in made.replicas
    )
    assert counted > 100
    stored = {DATED.id: Meanwhile(rows=counted * share, twice=twice)}
    check(judging_callers.judge_dated(evidence(record={"stored_meanwhile": stored}), DATED), outcome, said)


def test_what_is_stored_meanwhile_is_not_guessed() -> None:
    check(judging_callers.judge_dated(evidence(), DATED), INCONCLUSIVE, "is not known")
    refused = evidence(record={"stored_meanwhile": {DATED.id: Meanwhile(trouble="no such column")}})
    check(judging_callers.judge_dated(refused, DATED), INCONCLUSIVE, "is not known: no such column")
    known = evidence(record={"stored_meanwhile": {DATED.id: Meanwhile(rows=300, twice=0)}})
    check(
        judging_callers.judge_dated(known, DATED.model_copy(update={"counter": "nobody_total"})),
        INCONCLUSIVE,
        "nothing",
    )
    restarted = [
        replace(each, began=2.0) if isinstance(each, Replica) and each.replica == "one" and each.since > 20 else each
        for each in known.timeline.seen
    ]
    said = judging_callers.judge_dated(replace(known, timeline=Timeline(restarted)), DATED)
    check(said, INCONCLUSIVE, "a replica was not read all the while")


@pytest.mark.parametrize(
    ("world", "outcome", "said"),
    [
        ({}, PASS, "up to "),
        (
            {"average": lambda value, bad: value * 0.3 if value > 0.5 else value + 0.1 * (bad - value)},
            FAIL,
            "it fell from",
        ),
        # With successes in between it may fall.
        (
            {
                "good_share": 0.5,
                "average": lambda value, bad: value * 0.3 if value > 0.5 and not bad else value + 0.2 * (bad - value),
            },
            PASS,
            "up to ",
        ),
    ],
)
def test_an_average_does_not_sink_while_all_fails(world: dict[str, Any], outcome: Outcome, said: str) -> None:
    wanted = AVERAGED.model_copy(update={"counter": REQUESTS, "good": {"status": "success"}})
    check(judging_callers.judge_averaged(evidence(**world), wanted), outcome, said)


def test_failures_are_counted_with_the_code_that_callers_are_told() -> None:
    wanted = COUNTED.model_copy(update={"code": "", "labels": {"code": "{code}"}, "never": ()})
    check(judging_callers.judge_counted(evidence(), wanted), PASS, "counted on ")
    told = [
        replace(each, code="PARSE_FAILED") if isinstance(each, Probed) and each.code == FAILURE else each
        for each in evidence().timeline.seen
    ]
    said = judging_callers.judge_counted(replace(evidence(), timeline=Timeline(told)), wanted)
    check(said, FAIL, "with PARSE_FAILED, and ")
    # Whatever the code: all that failed is among the requests.
    every = COUNTED.model_copy(update={"code": "", "counter": REQUESTS, "labels": {"status": "error"}, "never": ()})
    check(judging_callers.judge_counted(evidence(), every), PASS, "counted on ")
    check(judging_callers.judge_counted(evidence(counted_share=0.5), every), FAIL, "requests failed so")


HOLDS = of(promises.Holds, id="chaos.paddle_down.holds", looks=["compare.*", "classifier.limit"])


@pytest.mark.parametrize(
    ("looks", "outcome", "said"),
    [
        ({"compare.one": "PASS", "compare.two": "NOT COVERED", "classifier.limit": "PASS"}, PASS, "2 promises kept"),
        ({"compare.one": "FAIL", "classifier.limit": "PASS"}, FAIL, "compare.one fails while the fault is there: seen"),
        ({"compare.one": "INCONCLUSIVE", "classifier.limit": "PASS"}, INCONCLUSIVE, "compare.one cannot be told"),
        ({"compare.one": "PASS"}, INCONCLUSIVE, "classifier.limit was not looked at"),
        (
            {"compare.one": "NOT COVERED", "classifier.limit": "NOT COVERED"},
            INCONCLUSIVE,
            "nothing of it could be told",
        ),
        ({}, INCONCLUSIVE, "compare.* was not looked at while the fault was there"),
        ({"platform.app": "FAIL"}, INCONCLUSIVE, "compare.* was not looked at while the fault was there: seen"),
    ],
)
def test_what_is_promised_holds_meanwhile(looks: dict[str, str], outcome: Outcome, said: str) -> None:
    seen = tuple(Look(id=id_, outcome=came, observed="seen") for id_, came in looks.items())
    check(judging.judge_holds(evidence(record={"during": seen}), HOLDS), outcome, said)


DISCREET = of(promises.Discreet, id="chaos.paddle_down.discreet")


def test_errors_give_nothing_away() -> None:
    check(judging_callers.judge_discreet(evidence(), DISCREET), PASS, "answers, none does")
    failures = [each for each in evidence().timeline.seen if isinstance(each, Probed) and each.code == FAILURE]
    told = [replace(each, leak="stack trace") if each == failures[0] else each for each in evidence().timeline.seen]
    said = judging_callers.judge_discreet(replace(evidence(), timeline=Timeline(told)), DISCREET)
    check(said, FAIL, "such answers do: paddle, stack trace")
    well = [replace(each, outcome="ok") if isinstance(each, Probed) else each for each in evidence().timeline.seen]
    said = judging_callers.judge_discreet(replace(evidence(bites=None), timeline=Timeline(well)), DISCREET)
    check(said, INCONCLUSIVE, "no probe was answered in another way")


FREES = of(promises.Frees, id="chaos.paddle_down.frees", gauge="process_open_fds")


@pytest.mark.parametrize(
    ("opened", "outcome", "said"),
    [
        (lambda _: 40, PASS, "40 before, 40 after it on one"),
        # Many at once while it lasts, and a pool that is larger than before.
        (lambda since: 40 if since < 5 else 200 if since < 60 else 58, PASS, "40 before, 58 after it on one"),
        (lambda since: 40 + since, FAIL, "after it on one"),
        (lambda since: 400 + 2 * since, PASS, "after it on one"),
        (lambda since: 40 if since < 2 else None, INCONCLUSIVE, "no replica told process_open_fds before and after"),
        (lambda _: None, NOT_COVERED, "no replica has process_open_fds on its page"),
    ],
)
def test_what_failures_opened_is_closed(opened: Callable[[float], float | None], outcome: Outcome, said: str) -> None:
    made = evidence()
    seen = [
        replace(each, counters={} if (value := opened(each.since)) is None else {"process_open_fds": value})
        if isinstance(each, Replica)
        else each
        for each in made.timeline.seen
    ]
    check(judging_callers.judge_frees(replace(made, timeline=Timeline(seen)), FREES), outcome, said)


RESPONSIVE = of(promises.Responsive, id="chaos.paddle_down.responsive")


@pytest.mark.parametrize(
    ("took", "outcome", "said"),
    [
        (lambda _: 0.01, PASS, "0 of "),
        # As slow as before, and now and then.
        (lambda since: 0.5 if since > 3 else 0.2, PASS, "0 of "),
        (lambda since: 1.0 if int(since) % 20 == 0 else 0.01, PASS, "took longer than 200 ms on one"),
        (lambda since: 0.4 if since > 3 and int(since) % 3 == 0 else 0.01, FAIL, "took longer than 200 ms on one"),
        (lambda since: None if since > 5 else 0.01, FAIL, "took longer than 200 ms on one"),
    ],
)
def test_what_needs_nothing_of_the_fault_is_answered_soon(
    took: Callable[[float], float | None], outcome: Outcome, said: str
) -> None:
    made = evidence()
    seen = [
        replace(each, up=(seconds := took(each.since)) is not None, seconds=seconds or 0.0)
        if isinstance(each, Replica)
        else each
        for each in made.timeline.seen
    ]
    check(judging_callers.judge_responsive(replace(made, timeline=Timeline(seen)), RESPONSIVE), outcome, said)


def test_a_replica_that_was_hardly_read_is_not_called_responsive() -> None:
    few = RESPONSIVE.model_copy(update={"readings_min": 10_000})
    check(judging_callers.judge_responsive(evidence(), few), INCONCLUSIVE, "often enough")
