"""Judges of rehearsals: what a reader learns of signals, alerts and texts."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checks.test_rehearsal import (
    Dormant,
    Ends,
    Fires,
    Quiet,
    Signals,
    Templates,
    judge_dormant,
    judge_ends,
    judge_fires,
    judge_quiet,
    judge_signals,
    judge_templates,
)
from selfcheck.clients.promtool import Given, Shown
from selfcheck.rehearsal import Copy, Rules, Stage
from selfcheck.rehearsing import Fired, Played, Rehearsal, parts_again
from selfcheck.verdict import Outcome
from tests.unit.making import promise
from tests.unit.test_rehearsal import group, rule

if TYPE_CHECKING:
    from selfcheck.contract import Model

CRITICAL = {"severity": "critical"}
RULES = Rules(
    (
        group("made", rule("ratio", "errors / requests_total"), rule("errors", "sum(failures_total)")),
        group(
            "alerts",
            rule("Page", "ratio > 0.5", "alerting", labels=CRITICAL, duration_seconds=120.0),
            rule("Chat", "ratio > 0.05", "alerting", labels={"severity": "warning"}),
            rule("Redis", "redis_up == 0", "alerting", labels=CRITICAL),
            rule("Watchdog", "vector(1)", "alerting", labels=CRITICAL),
        ),
    ),
    frozenset({"requests_total", "failures_total"}),
)
STAGE = Stage(({"job": "app"},), copies=(Copy({"__name__": "redis_up"}, 1),))
TELLING = {
    "scenario": "storm",
    "world": [{"metric": "time", "rate": 1, "seconds": [[1.0, 0.3]], "bounds": ["1.0", "5.0"]}],
    "scenarios": {"storm": {"is": "half of it fails", "minutes": 30, "lead_minutes": 10}},
}


def told(model: type[Model], **fields: Any) -> Any:
    return promise(model, **{**TELLING, **fields})


def rehearsal(played: Played, rules: Rules = RULES, **fields: Any) -> Rehearsal:
    return Rehearsal(rules, STAGE, {"storm": played}, **fields)


def fired(name: str, first: float | None, pending: float | None = None) -> Fired:
    return Fired({"alertname": name}, pending, first, first)


NOT_RUN = Played(trouble="it crashed", file=Path("/out/storm.json"))
LEFT_OUT = Played(left_out={"errors": "unknown function"}, file=Path("/out/storm.json"))


# ------------------------------------------------------------------------------------------------------------- signals


@pytest.mark.parametrize(
    ("given", "fields", "outcome", "words"),
    [
        ([0.5], {}, Outcome.PASS, "ratio = 0.5"),
        ([0.4 - 1e-12], {}, Outcome.PASS, "0.4"),
        ([], {}, Outcome.FAIL, "ratio has no value; made/ratio is errors / requests_total"),
        ([], {"may_be_empty": True}, Outcome.PASS, "nothing"),
        ([0.25], {}, Outcome.FAIL, "ratio reads 0.25"),
        ([50.0], {}, Outcome.FAIL, "ratio reads 50"),
        ([math.nan], {}, Outcome.FAIL, "ratio reads nan"),
        ([math.nan], {"may_be_nan": True}, Outcome.PASS, "nan"),
        ([math.inf], {}, Outcome.FAIL, "ratio reads inf"),
        ([0.5, 0.9], {}, Outcome.FAIL, "ratio reads 0.9"),
        ([0.5], {"not_between": [0.41, 0.49]}, Outcome.PASS, "0.5"),
        ([0.45], {"not_between": [0.41, 0.49]}, Outcome.FAIL, "ratio reads 0.45"),
        ("many-to-many", {}, Outcome.INCONCLUSIVE, "many-to-many"),
    ],
)
def test_signals(given: list[float] | str, fields: dict[str, Any], outcome: Outcome, words: str) -> None:
    """A value outside of its bounds, none, and one that is no number are breaches, with the rule that made it."""
    kept = told(Signals, values=[{"query": "ratio", "at_least": 0.4, "at_most": 0.6, **fields}])
    values = given if isinstance(given, str) else tuple(Given({}, each) for each in given)
    played = Played(values={kept.values[0]: values}, file=Path("/out/storm.json"))
    verdict = judge_signals(kept, rehearsal(played))
    assert verdict.outcome is outcome
    assert words in verdict.observed
    if outcome is Outcome.FAIL:
        gap = " and not from 0.41 to 0.49" if "not_between" in fields else ""
        assert verdict.expected.startswith(f"ratio from 0.4 to 0.6{gap}")
        assert verdict.reproduce == "promtool test rules /out/storm.json"
        assert "half of it fails" in verdict.where
    if fields.get("may_be_nan"):
        assert "ratio is NaN when half of it fails" in verdict.notes


def test_what_a_test_stack_has_shortened() -> None:
    """A value that rests on a long window is not asked for where timings are scaled."""
    kept = told(Signals, values=[{"query": "ratio", "at_least": 0.4, "unscaled": True}])
    read = Rehearsal(RULES, STAGE, {"storm": Played(values={kept.values[0]: (Given({}, 0.1),)})})
    assert judge_signals(kept, read).outcome is Outcome.FAIL
    assert judge_signals(kept, replace(read, stage=replace(STAGE, time_scale=60))).outcome is Outcome.NOT_COVERED


def test_a_quantile_lies_in_its_bucket() -> None:
    """The bounds of the bucket that holds the time are what is expected."""
    kept = told(Signals, values=[{"query": "ratio", "takes_seconds": 3.0, "family": "time"}])
    for value, outcome in ((4.2, Outcome.PASS), (0.8, Outcome.FAIL)):
        verdict = judge_signals(kept, rehearsal(Played(values={kept.values[0]: (Given({}, value),)})))
        assert verdict.outcome is outcome
    assert verdict.expected == "ratio from 1 to 5 at the end"


@pytest.mark.parametrize(
    ("query", "played", "outcome", "words"),
    [
        ("unrecorded", Played(), Outcome.NOT_COVERED, "no loaded rule records unrecorded"),
        ("ratio", NOT_RUN, Outcome.INCONCLUSIVE, "it crashed"),
        ("ratio", LEFT_OUT, Outcome.INCONCLUSIVE, "cannot run errors: unknown function"),
    ],
)
def test_signals_that_could_not_be_seen(query: str, played: Played, outcome: Outcome, words: str) -> None:
    """What could not be played is neither kept nor broken."""
    verdict = judge_signals(told(Signals, values=[{"query": query, "at_least": 0}]), rehearsal(played))
    assert verdict.outcome is outcome
    assert words in verdict.observed


# ------------------------------------------------------------------------------------------------------ what must fire


@pytest.mark.parametrize(
    ("played", "about", "outcome", "words"),
    [
        (Played((fired("Page", 3.0, 1.0),)), {"severities": ["critical"]}, Outcome.PASS, "Page fires after 3.0 min"),
        (Played((fired("Page", 16.0),)), {"severities": ["critical"]}, Outcome.FAIL, "Page fires after 16.0 min"),
        (Played((fired("Page", -5.0),)), {"names": ["Page"]}, Outcome.FAIL, "5.0 min before"),
        (Played((fired("Page", 0.0, -2.0),)), {"names": ["Page"]}, Outcome.FAIL, "Page"),
        (Played((fired("Page", None, 1.0),)), {"names": ["Page"]}, Outcome.FAIL, "its `for` is 120 s"),
        (Played((fired("Chat", 1.0),)), {"severities": ["critical"]}, Outcome.FAIL, "Page never becomes true: ratio"),
        (Played(), {"severities": ["info"]}, Outcome.FAIL, "there is no alert of severity info"),
        (Played(), {"reads": ["unread"]}, Outcome.FAIL, "there is no alert that reads unread"),
        (Played((fired("Watchdog", 0.0),)), {}, Outcome.FAIL, "never becomes true"),
        (NOT_RUN, {}, Outcome.INCONCLUSIVE, "it crashed"),
        (LEFT_OUT, {"names": ["Page"]}, Outcome.INCONCLUSIVE, "cannot run errors"),
    ],
)
def test_what_must_fire(played: Played, about: dict[str, Any], outcome: Outcome, words: str) -> None:
    """One of the alerts fires, after the change and in time; else each says how far it came."""
    kept = told(Fires, about=about, within_minutes=15)
    verdict = judge_fires(kept, rehearsal(played, always=frozenset({"Watchdog"})))
    assert verdict.outcome is outcome
    assert words in verdict.observed


def test_what_may_be_seen_elsewhere() -> None:
    """An alert on metrics that no scenario moves may do it: that is for a person to see."""
    kept = told(Fires, about={"severities": ["critical"]}, within_minutes=15, elsewhere=["redis_*"])
    verdict = judge_fires(kept, rehearsal(Played()))
    assert verdict.outcome is Outcome.NOT_COVERED
    assert "alerts/Redis" in verdict.observed


def test_without_alerts() -> None:
    """Rules of an evaluator of its own are not here."""
    rules = Rules(RULES.groups[:1])
    for verdict in (
        judge_fires(told(Fires, about={}, within_minutes=15), rehearsal(Played(), rules)),
        judge_quiet(told(Quiet), rehearsal(Played(), rules), lambda _: ""),
        judge_templates(told(Templates), rehearsal(Played(), rules)),
    ):
        assert verdict.outcome is Outcome.NOT_COVERED


def test_what_no_scenario_moves_tells_nothing() -> None:
    """A deployment may make its ratios of metrics that the contract does not know."""
    rules = Rules(
        (group("g", rule("ratio", "redis_up / 2"), rule("Page", "ratio > 0.5", "alerting")),),
        frozenset({"requests_total"}),
    )
    kept = told(Signals, values=[{"query": "ratio", "at_least": 0.4}])
    signals = judge_signals(kept, rehearsal(Played(values={kept.values[0]: (Given({}, 0.1),)}), rules))
    fires = judge_fires(told(Fires, about={"names": ["Page"]}, within_minutes=15), rehearsal(Played(), rules))
    for verdict in (signals, fires):
        assert verdict.outcome is Outcome.NOT_COVERED
        assert "no scenario moves what" in verdict.observed


def test_what_need_not_be_there() -> None:
    """An alert that a deployment need not have is asked of those that have it, by what it reads itself."""
    optional = {"within_minutes": 15, "optional": True}
    none = judge_fires(told(Fires, about={"directly": ["failures_total"]}, **optional), rehearsal(Played()))
    assert none.outcome is Outcome.NOT_COVERED
    there = judge_fires(told(Fires, about={"directly": ["ratio"]}, **optional), rehearsal(Played()))
    assert there.outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("query", "fires", "outcome", "words"),
    [
        ('memory{job="app"} > 3', True, Outcome.PASS, "Full fires after"),
        ('memory{job="app"} > 9', False, Outcome.FAIL, "g/Full never becomes true: memory"),
        ("held > 9 or memory > 9", False, Outcome.FAIL, "g/Full never becomes true"),
        ('memory{job="prometheus"} > 9', False, Outcome.NOT_COVERED, "there is no alert that reads memory"),
        ("memory / node_memory > 0.9", False, Outcome.NOT_COVERED, "there is no alert"),
        ("memory > 2 * (memory offset 1d)", False, Outcome.NOT_COVERED, "there is no alert"),
        ("predict_linear(memory[1h], 3600) > 9", False, Outcome.NOT_COVERED, "there is no alert"),
        ("container_memory > 9", False, Outcome.FAIL, "g/Full never becomes true"),
        ('container_memory{pod=~"app-.*"} > 9', False, Outcome.FAIL, "g/Full never becomes true"),
        ('container_memory{pod=~"grafana-.*"} > 9', False, Outcome.NOT_COVERED, "there is no alert"),
        ("redis_up == 0", False, Outcome.NOT_COVERED, "there is no alert"),
    ],
)
def test_what_sees_a_change_must_fire(query: str, *, fires: bool, outcome: Outcome, words: str) -> None:
    """Only alerts on what is changed, with limits that are numbers, are asked."""
    rules = Rules((group("g", rule("Full", query, "alerting", labels={"severity": "warning"})),), frozenset({"memory"}))
    story = {
        "is": "memory is used up",
        "minutes": 30,
        "changes": [{"metric": "memory", "value": 4}],
        "others": [{"metric": "container_*", "labels": {"pod": "app-*"}, "value": 4}],
    }
    kept = told(
        Fires,
        about={"reads": ["memory", "container_*"], "but_not": ["node_*"]},
        within_minutes=15,
        optional=True,
        touched=True,
        scenarios={"storm": story},
        world=[{"metric": "memory", "value": 1}],
    )
    pods = tuple(Copy({"__name__": "container_memory", "pod": name}, 1) for name in ("app-1", "grafana-1"))
    stage = Stage(({"job": "app", "instance": "a"},), copies=(*pods, Copy({"__name__": "redis_up"}, 1)))
    played = Played((fired("Full", 5.0),) if fires else ())
    verdict = judge_fires(kept, Rehearsal(rules, stage, {"storm": played}))
    assert verdict.outcome is outcome
    assert words in verdict.observed


# -------------------------------------------------------------------------------------------- what ends, what sleeps


@pytest.mark.parametrize(
    ("played", "outcome", "words"),
    [
        (Played((fired("Page", 3.0),)), Outcome.PASS, "Page is over in time"),
        (Played((Fired({"alertname": "Page"}, 1.0, 3.0, 41.0),)), Outcome.FAIL, "Page fires 11 min after the end"),
        (Played((fired("Page", None, 3.0),)), Outcome.NOT_COVERED, "no alert of severity critical"),
        (Played((Fired({"alertname": "Chat"}, 1.0, 3.0, 99.0),)), Outcome.NOT_COVERED, ""),
        (NOT_RUN, Outcome.INCONCLUSIVE, "it crashed"),
        (LEFT_OUT, Outcome.INCONCLUSIVE, "cannot run errors"),
    ],
)
def test_what_must_end(played: Played, outcome: Outcome, words: str) -> None:
    """What fired ends soon after the change; what did not tells nothing."""
    kept = told(Ends, about={"severities": ["critical"]}, compares_now=["ratio"], within_minutes=10)
    verdict = judge_ends(kept, rehearsal(played))
    assert verdict.outcome is outcome
    assert words in verdict.observed


SLEEPING: dict[str, Any] = {
    "world": [
        {"metric": "requests_total", "labels": {"status": ["ok", "failed"]}, "rate": 1},
        {"metric": "state", "value": 0},
    ],
    "scenarios": {
        "storm": {"is": "half of it fails", "minutes": 30, "changes": [{"metric": "requests_*", "rate": 5}]},
        "calm": {"is": "nothing happens", "minutes": 30},
    },
    "tries": ["storm", "calm"],
}


@pytest.mark.parametrize(
    ("query", "wait", "outcome"),
    [
        ('rate(requests_total{status="failed"}[5m]) > 50', 60, Outcome.FAIL),
        ('rate(requests_total{status="failed"}[5m]) > 50 and on () rate(requests_total[5m]) > 1', 60, Outcome.FAIL),
        ('rate(requests_total{status="lost"}[5m]) > 50', 60, Outcome.NOT_COVERED),
        ("rate(requests_total[5m]) > 50 and on () redis_up == 1", 60, Outcome.NOT_COVERED),
        ("rate(requests_total[5m]) > 3 * rate(requests_total[1d])", 60, Outcome.NOT_COVERED),
        ("rate(requests_total[5m]) > 50 and on () hour() > 5", 60, Outcome.NOT_COVERED),
        ("rate(requests_total[5m] offset 1d) > 50", 60, Outcome.NOT_COVERED),
        ("rate(requests_total[5m]) > 50 and rate(requests_total[5m]) < 60", 60, Outcome.NOT_COVERED),
        ("rate(requests_total[5m]) > 50 unless on () state > 1", 60, Outcome.NOT_COVERED),
        ("rate(requests_total[5m]) > 50 or rate(requests_total[1h]) > 50", 60, Outcome.FAIL),
        ("rate(requests_total[5m]) > 50", 3600, Outcome.NOT_COVERED),
        ("state == 1", 60, Outcome.NOT_COVERED),
    ],
)
def test_what_sleeps(query: str, wait: float, outcome: Outcome) -> None:
    """Only what scenarios move, and what is compared with numbers, must fire in one of them."""
    rules = Rules(
        (group("g", rule("Sleeps", query, "alerting", duration_seconds=wait)),), frozenset({"requests_total"})
    )
    kept = told(Dormant, about={}, **SLEEPING)
    asleep = rehearsal(Played(), rules, again={"storm": Played()})
    verdict = judge_dormant(kept, asleep)
    assert verdict.outcome is outcome
    assert ("g/Sleeps fires in none of storm" in verdict.observed) is (outcome is Outcome.FAIL)
    if outcome is Outcome.FAIL:
        awake = rehearsal(Played(), rules, again={"storm": Played((fired("Sleeps", 3.0),))})
        assert judge_dormant(kept, awake).outcome is Outcome.PASS
        assert judge_dormant(kept, rehearsal(Played(), rules, again={"storm": NOT_RUN})).outcome is Outcome.INCONCLUSIVE
        first = parts_again([kept], rehearsal(Played(), rules))
        assert list(first) == ["storm"]
        assert first["storm"].promise.story.is_ == "half of it fails"
        assert parts_again([kept], awake) == {}


# -------------------------------------------------------------------------------------------------- what must not fire


@pytest.mark.parametrize(
    ("played", "fields", "outcome", "words"),
    [
        (Played(), {}, Outcome.PASS, "none of 3 alerts fires"),
        (Played((fired("Watchdog", 0.0),)), {}, Outcome.PASS, "none of 3 alerts fires"),
        (Played((fired("Page", None, 2.0),)), {}, Outcome.PASS, "none of 3"),
        (Played((fired("Page", 4.0),)), {}, Outcome.FAIL, "alerts/Page (critical) fires after 4.0 min: ratio >"),
        (Played((fired("Chat", 4.0),)), {"about": {"severities": ["critical"]}}, Outcome.PASS, "none of 2"),
        (Played((fired("Redis", 4.0),)), {"compares_now": ["ratio"]}, Outcome.PASS, "none of 2"),
        (Played((fired("Redis", 4.0),)), {}, Outcome.PASS, "none of 3"),
        (NOT_RUN, {}, Outcome.INCONCLUSIVE, "it crashed"),
        (LEFT_OUT, {}, Outcome.INCONCLUSIVE, "cannot run errors"),
    ],
)
def test_what_must_not_fire(played: Played, fields: dict[str, Any], outcome: Outcome, words: str) -> None:
    """A pending alert is none that fires; one that is excused is a remark; one that fires always is meant to."""

    def excused(asked: Any) -> str:
        return "is true on the target" if asked.name == "Redis" else ""

    verdict = judge_quiet(told(Quiet, **fields), rehearsal(played), excused)
    assert verdict.outcome is outcome
    assert words in verdict.observed
    if words == "none of 3" and played.fired[0].name == "Redis":
        assert verdict.notes == ("alerts/Redis is true on the target",)


# ----------------------------------------------------------------------------------------------------------- templates


@pytest.mark.parametrize(
    ("text", "outcome", "words"),
    [
        ("half of it failed", Outcome.PASS, "the texts of 1 of 4 alerts"),
        ("100%! (really)", Outcome.PASS, "1 of 4"),
        ("<error expanding template: error calling first: no elements>", Outcome.FAIL, "Page's summary: <error"),
        ("%!d(float64=0.5) failed", Outcome.FAIL, "%!d(float64"),
    ],
)
def test_templates(text: str, outcome: Outcome, words: str) -> None:
    """An error in a template stands in the text; it is shown."""
    played = Played(shown=(Shown({"alertname": "Page"}, {"summary": text}),), file=Path("/out/storm.json"))
    verdict = judge_templates(told(Templates), rehearsal(played))
    assert verdict.outcome is outcome
    assert words in verdict.observed


def test_templates_of_nothing() -> None:
    """Where no alert fired, no text was seen."""
    assert judge_templates(told(Templates), rehearsal(Played())).outcome is Outcome.INCONCLUSIVE
    assert "it crashed" in judge_templates(told(Templates), rehearsal(NOT_RUN)).observed
