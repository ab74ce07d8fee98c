"""The judges of alerting rules: what keeps one from firing, what it must say, and what must be watched."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from checks import test_alerts as alerts
from checks import test_metrics, test_prometheus
from selfcheck import alerting, chances
from selfcheck.alerting import Nothing, Others
from selfcheck.chances import Chance, State
from selfcheck.clients.prometheus import Alert, QueryResult, Rule, RuleGroup, Sample
from selfcheck.contract import load
from selfcheck.firing import Range, Rulebook
from selfcheck.ladder import Rung, Step
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.owning import Owned
from selfcheck.promql import parse
from selfcheck.verdict import Outcome, Verdict
from tests.unit.making import NOW, PLACE, answer, promise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from selfcheck.promql import Selector

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED
UNREADABLE = "sum by ("
APART = CouldNotObserve(Trouble.NAME_NOT_FOUND, asked="GET http://wiki/a", came_back="no such host", hint="look")
TROUBLE = CouldNotObserve(Trouble.TIMED_OUT, asked="GET http://wiki/a", came_back="nothing for 5 s", hint="look")


def check(verdict: Verdict, outcome: Outcome, said: str = "") -> None:
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict
    if outcome is FAIL:
        assert verdict.expected
        assert verdict.where
        assert verdict.reproduce


def rule(query: str, name: str = "A", *, kind: str = "alerting", wait: float = 0.0, **more: Any) -> Rule:
    fields: dict[str, Any] = {"labels": {"severity": "warning"}, "annotations": {}, "alerts": (), "group": "g", **more}
    return Rule(
        name,
        kind,
        query,
        duration_seconds=wait,
        health="ok",
        last_error="",
        last_evaluation_at=NOW,
        evaluation_seconds=0.0,
        state="inactive",
        file="f.yml",
        interval_seconds=15.0,
        **fields,
    )


def record(name: str, query: str, **more: Any) -> Rule:
    return rule(query, name, kind="recording", **{"labels": {}, **more})


def group(*rules: Rule, name: str = "g") -> RuleGroup:
    return RuleGroup(name, "f.yml", 15.0, NOW, 0.0, rules)


def read(*rules: Rule) -> tuple[alerting.Alerting, ...]:
    return alerting.alerting([group(*rules)])


def book(**recorded: str) -> Rulebook:
    return Rulebook({name: (parse(query),) for name, query in recorded.items()})


def active(state: str = "firing", severity: str = "warning", **labels: str) -> Alert:
    return Alert({"alertname": "A", "severity": severity, **labels}, {}, state, NOW - 90, 0.5)


# -------------------------------------------------------------------------------------------------------------- firing


@pytest.mark.parametrize(
    ("found", "outcome", "said"),
    [
        ([Chance(State.CAN), Chance(State.CAN)], PASS, "2 alerts can fire"),
        ([Chance(State.CAN), Chance(State.NOT_NOW)], PASS, "1 alerts can fire"),
        ([Chance(State.NOT_NOW), Chance(State.NOT_NOW)], INCONCLUSIVE, "not one of 2 alerts can be tried now"),
        ([Chance(State.UNKNOWN, "no answer"), Chance(State.CAN)], INCONCLUSIVE, "g/A: no answer"),
        ([Chance(State.UNKNOWN), Chance(State.NEVER, "no metric b")], FAIL, "g/B can never fire: no metric b"),
    ],
)
def test_fires(found: list[Chance], outcome: Outcome, said: str) -> None:
    made = promise(alerts.Fires, event_windows_max=5)
    check(
        alerts.judge_fires(made, read(rule("a > 1"), rule("b > 1", "B")), found, Rulebook(), place=PLACE), outcome, said
    )


def test_what_cannot_be_tried_is_said() -> None:
    made = promise(alerts.Fires, event_windows_max=5)
    verdict = alerts.judge_fires(made, read(rule("a > 1")), [Chance(State.NOT_NOW)], Rulebook(), place=PLACE)
    assert verdict.notes == ("cannot be tried now, for lack of series: g/A",)


@pytest.mark.parametrize(
    ("query", "wait", "outcome", "notes"),
    [
        ("increase(e[1m]) > 0", 600.0, FAIL, 0),
        ("sum(increase(e[1m])) > 0", 301.0, FAIL, 0),
        ("increase(e[5m]) > 0", 900.0, PASS, 1),
        ("increase(e[5m]) > 0", 300.0, PASS, 0),
        ("increase(e[1m]) > 5", 600.0, PASS, 0),
        ("increase(e[1m]) > 0 or up == 0", 600.0, PASS, 0),
        ("rate(e[2m]) / rate(a[2m]) > 0.01", 3600.0, PASS, 0),
    ],
)
def test_a_wait_longer_than_what_is_seen(query: str, wait: float, outcome: Outcome, notes: int) -> None:
    made = promise(alerts.Fires, event_windows_max=5)
    verdict = alerts.judge_fires(made, read(rule(query, wait=wait)), [Chance(State.CAN)], Rulebook(), place=PLACE)
    check(verdict, outcome, "waits" if outcome is FAIL else "")
    assert len(verdict.notes) == notes


class Fake:
    """A target whose Prometheus has some series: what counts as an expression that gives something."""

    def __init__(self, gives: Iterable[str], trouble: dict[str, CouldNotObserve] | None = None) -> None:
        self.gives = {f"count({text})" for text in gives}
        self.trouble = {f"count({text})": error for text, error in (trouble or {}).items()}
        self.asked: list[str] = []

    def prometheus_client(self) -> Fake:
        return self

    def once(self, key: object, look: Callable[[], Any]) -> Any:
        assert key
        return look()

    def query_all(self, queries: Sequence[str]) -> list[QueryResult | CouldNotObserve]:
        self.asked += queries
        return [self.trouble.get(query) or self._result(query) for query in queries]

    def _result(self, query: str) -> QueryResult:
        samples = (Sample({}, 2.0, NOW),) if " ".join(query.split()) in self.gives else ()
        return QueryResult(query, "GET /query", samples)


def chance(
    monkeypatch: pytest.MonkeyPatch,
    made: Rule,
    gives: Iterable[str] = (),
    steps: dict[str, Step | CouldNotObserve] | None = None,
    trouble: dict[str, CouldNotObserve] | None = None,
    known: Rulebook | None = None,
) -> Chance:
    def climb(_: object, wanted: Iterable[Selector]) -> dict[str, Step | CouldNotObserve]:
        texts = {each.series_text for each in wanted}
        return {text: (steps or {}).get(text, Step(Rung.NOT_NOW, f"{text} is not there now")) for text in texts}

    monkeypatch.setattr(chances, "climb", climb)
    target: Any = Fake(gives, trouble)
    return chances.chances(target, read(made), known or Rulebook())[0]


GONE = Step(Rung.METRIC, "there is no metric b")
EXPORTER = Step(Rung.METRIC, "there is no metric b", exporter="an exporter")
COMING = Step(Rung.VALUE, "b has never had x")


@pytest.mark.parametrize(
    ("query", "gives", "steps", "state"),
    [
        ("a > 5", ["a"], {}, State.CAN),
        ("a > 5", [], {}, State.NOT_NOW),
        ("b > 5", [], {"b{}": GONE}, State.NEVER),
        ("b > 5", [], {"b{}": EXPORTER}, State.NOT_NOW),
        ("b > 5", [], {"b{}": COMING}, State.NOT_NOW),
        ("b > 5", [], {"b{}": TROUBLE}, State.UNKNOWN),
        ("b > 5 or a > 5", ["(b) or (a)", "a"], {"b{}": GONE}, State.CAN),
        ("(b or vector(0)) > 5", ["b or vector(0)"], {"b{}": GONE}, State.NEVER),
        ("(sum(rate(b[5m])) or vector(0)) > 5", ["(sum(rate(b[5m])) or vector(0))"], {"b{}": GONE}, State.NEVER),
        ("(b or vector(0)) == 0", ["b or vector(0)"], {"b{}": GONE}, State.CAN),
        ("absent(b)", [], {"b{}": GONE}, State.CAN),
        ("absent(a)", ["a"], {}, State.CAN),
        ("a > 5 unless b > 1", ["a"], {"b{}": GONE}, State.CAN),
        ("a / c > 5", ["a", "c"], {}, State.NEVER),
        ("a / c > 5", ["a"], {}, State.NOT_NOW),
        ("a / c > 5", ["a / c"], {}, State.CAN),
        ("a > 5 and on () c > 1", ["a", "c"], {}, State.NEVER),
        ("a / (c > 0) > 5", ["(a) / (c)"], {}, State.CAN),
        ("a > on (x) c", ["a", "c"], {}, State.NEVER),
        ("rate(a[5m]) > 5", ["a"], {"a{}": Step(Rung.FOUND)}, State.NOT_NOW),
        ("sum(rate(a[5m])) / sum(rate(c[5m])) > 5", ["sum(rate(c[5m]))"], {}, State.NOT_NOW),
        ("count(a) == 0", ["count(a)"], {}, State.NEVER),
        ("made > 5", [], {}, State.NOT_NOW),
        ("joined > 5", ["a", "c"], {}, State.NEVER),
        ("typo > 5", [], {"b{}": GONE}, State.NEVER),
        ("loop > 5", [], {}, State.NOT_NOW),
        ("vector(1)", ["vector(1)"], {}, State.CAN),
        ("1 > bool 2", [], {}, State.CAN),
        (UNREADABLE, [], {}, State.UNKNOWN),
    ],
)
def test_chances(
    monkeypatch: pytest.MonkeyPatch,
    query: str,
    gives: list[str],
    steps: dict[str, Step | CouldNotObserve],
    state: State,
) -> None:
    known = book(made="sum(a)", joined="a / c", typo="b * 2", loop="loop + 1")
    assert chance(monkeypatch, rule(query), gives, steps, known=known).state is state


def test_what_fires_can_fire(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chance(monkeypatch, rule("a / c > 5", alerts=(active(),)), ["a", "c"]).state is State.CAN


def test_a_query_that_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    found = chance(monkeypatch, rule("a > 5"), trouble={"a": TROUBLE})
    assert found == Chance(State.UNKNOWN, "nothing for 5 s")
    many = CouldNotObserve(
        Trouble.ERROR_ANSWER,
        asked="GET",
        came_back="Prometheus answered HTTP 422, execution: many-to-many",
        hint="look",
    )
    assert chance(monkeypatch, rule("a > 5"), trouble={"a": many}).state is State.NOT_NOW


QUIET = promise(alerts.Quiet, ignored=["none"], remarked=["info"])


@pytest.mark.parametrize(
    ("rules", "outcome", "said", "notes"),
    [
        ([rule("a > 1")], PASS, "none of 1 alerts fires", 0),
        (
            [rule("a > 1", alerts=(active(job="x"),))],
            FAIL,
            'g/A is firing, for 90 s, with the value 0.5 (severity="warn',
            0,
        ),
        ([rule("a > 1", alerts=(active("pending"),))], PASS, "", 1),
        ([rule("a > 1", alerts=(active(severity="none"),))], PASS, "", 0),
        ([rule("a > 1", alerts=(active(severity="info"),))], PASS, "", 1),
        ([rule("vector(1)", alerts=(active(),))], PASS, "", 1),
        ([rule("vector(1)"), rule("a > bool 1", alerts=(active(),))], FAIL, "g/A", 0),
        ([rule(UNREADABLE, alerts=(active(),))], FAIL, "g/A", 0),
    ],
)
def test_quiet(rules: list[Rule], outcome: Outcome, said: str, notes: int) -> None:
    verdict = alerts.judge_quiet(QUIET, Owned((group(*rules),)), now=NOW, place=PLACE)
    check(verdict, outcome, said)
    assert len(verdict.notes) == notes


def test_what_fires_of_others_is_a_remark() -> None:
    others = group(rule("b > 1", "B", alerts=(active(), active("pending"))), rule("vector(1)", "C", alerts=(active(),)))
    verdict = alerts.judge_quiet(QUIET, Owned((group(rule("a > 1")),), (others,)), now=NOW, place=PLACE)
    check(verdict, PASS, "none of 1 alerts fires")
    assert len(verdict.notes) == 1
    assert verdict.notes[0].startswith("fires, of others: g/B is firing")


def test_many_findings_are_one_verdict() -> None:
    rules = [rule("a > 1", f"A{number}", alerts=(active(),)) for number in range(6)]
    verdict = alerts.judge_quiet(QUIET, Owned((group(*rules),)), now=NOW, place=PLACE)
    check(verdict, FAIL, "g/A0 is firing")
    assert [note[:12] for note in verdict.notes] == ["also: g/A1 i", "also: g/A2 i", "also: g/A3 i", "and 2 more o"]


# --------------------------------------------------------------------------------------------------------------- loaded


@pytest.mark.parametrize(
    ("fields", "rules", "outcome", "said"),
    [
        ({"alerts_min": 1}, [rule("a > 1")], PASS, "1 alerting rules in 1 groups"),
        ({"alerts_min": 1}, [record("r", "a")], FAIL, "0 alerting rules are loaded"),
        ({"alerts_min": 0, "groups": ["g"], "alerts": ["A"]}, [rule("a > 1")], PASS, ""),
        ({"alerts_min": 0, "groups": ["h"]}, [rule("a > 1")], FAIL, "the group h is not loaded"),
        ({"alerts_min": 0, "alerts": ["B"]}, [rule("a > 1")], FAIL, "the alert B is not loaded"),
    ],
)
def test_loaded(fields: dict[str, Any], rules: list[Rule], outcome: Outcome, said: str) -> None:
    check(alerts.judge_loaded(promise(alerts.Loaded, **fields), [group(*rules)], place=PLACE), outcome, said)


CRITICAL = {"severity": "critical"}


@pytest.mark.parametrize(
    ("rules", "outcome", "said"),
    [
        ([rule("a > 1"), rule("b > 1", "B")], PASS, "2 rules, each once"),
        ([rule("a > 1"), rule("a > 5", labels=CRITICAL)], PASS, ""),
        ([rule("a > 1"), rule("a > 1", wait=60.0, labels=CRITICAL)], PASS, ""),
        ([rule("a > 1"), rule("a > 5")], FAIL, "g/A is there twice, with the same labels: see g/A (f.yml)"),
        ([rule("a > 1"), rule("a  >  1", "B")], FAIL, "g/B is there twice, with the same expression: see g/A"),
        ([record("r", "a"), record("r", "b")], PASS, ""),
        ([record("r", "a"), record("r", "a", labels={"x": "y"})], PASS, ""),
        ([record("r", "a"), record("r", "a")], FAIL, "g/r is there twice"),
    ],
)
def test_unique(rules: list[Rule], outcome: Outcome, said: str) -> None:
    check(alerts.judge_unique(promise(alerts.Unique), [group(*rules)], place=PLACE), outcome, said)


@pytest.mark.parametrize(
    ("one", "other", "outcome"),
    [
        ("sum(a) / sum(b)", "vector(0)", FAIL),
        ("sum(a) or vector(0)", "max(b)", FAIL),
        ("sum(a) > 5", "sum(b) <= 5", PASS),  # never both
        ("sum by (x) (a)", "sum by (x) (b)", PASS),
        ("a", "vector(0)", PASS),
    ],
)
def test_what_two_rules_record_as_one_series(one: str, other: str, outcome: Outcome) -> None:
    rules = [record("r", one), record("r", other), rule("r > 1")]
    said = "record the same series" if outcome is FAIL else ""
    check(alerts.judge_unique(promise(alerts.Unique), [group(*rules)], place=PLACE), outcome, said)


@pytest.mark.parametrize(
    ("limit", "count", "outcome", "said", "notes"),
    [
        (0, 3.0, PASS, "0 of 1 groups", 0),
        (100, 3.0, PASS, "1 of 1 groups", 0),
        (3, 3.0, PASS, "", 0),
        (1, 1.0, PASS, "", 0),
        (1, 0.0, PASS, "", 0),
        (1, 3.0, FAIL, "g/A looks at 3 series, and its group has a limit of 1", 0),
        (20, 500.0, PASS, "", 1),
        (1, TROUBLE, INCONCLUSIVE, "with a limit of 1: nothing for 5 s", 0),
        (0, TROUBLE, PASS, "", 0),
    ],
)
def test_limited(limit: int, count: float | CouldNotObserve, outcome: Outcome, said: str, notes: int) -> None:
    """A limit that is not enough for the replicas loses alerts; one that is high is meant for the worst."""
    groups = [replace(group(rule("up == 0")), limit=limit)]
    verdict = alerts.judge_limited(promise(alerts.Limited), groups, {"up == 0": count}, 3, place=PLACE)
    check(verdict, outcome, said)
    assert len(verdict.notes) == notes


def test_what_is_recorded_for_nobody_is_a_remark() -> None:
    rules = [record("r", "a"), record("s", "r * 2"), record("t", "a"), rule("s > 1"), rule(UNREADABLE, "B")]
    made = promise(alerts.Unique, used=["t"])
    assert alerts.judge_unique(made, [group(*rules, record("u", "a"))], place=PLACE).notes == (
        "recorded for nobody: u",
    )


# ------------------------------------------------------------------------------------------------- labels, annotations


@pytest.mark.parametrize(
    ("labels", "added", "outcome", "said"),
    [
        ({"severity": "warning"}, [], PASS, "1 alerts have it"),
        ({"severity": "{{ $labels.severity }}"}, [], PASS, ""),
        ({"level": "warning"}, [], PASS, ""),
        ({"severity": "Warning"}, [], FAIL, 'g/A has severity="Warning"'),
        ({"severity": " "}, [], FAIL, "g/A has no label severity or level"),
        ({}, [], FAIL, "g/A has no label severity or level"),
        ({}, ["level"], PASS, "Prometheus adds level to every alert"),
    ],
)
def test_labelled(labels: dict[str, str], added: list[str], outcome: Outcome, said: str) -> None:
    made = promise(alerts.Labelled, labels=["severity", "level"], values=["critical", "warning"])
    check(alerts.judge_labelled(made, read(rule("a > 1", labels=labels)), added, place=PLACE), outcome, said)
    check(alerts.judge_labelled(made, read(rule("vector(1)", labels=labels)), added, place=PLACE), PASS)


@pytest.mark.parametrize(
    ("annotations", "outcome", "notes"),
    [
        ({"summary": "It is bad", "description": "Very"}, PASS, 0),
        ({"summary": "It is bad"}, PASS, 1),
        ({"summary": " ", "description": "Very"}, FAIL, 0),
        ({}, FAIL, 1),
    ],
)
def test_annotated(annotations: dict[str, str], outcome: Outcome, notes: int) -> None:
    made = promise(alerts.Annotated, annotations=["summary"], remarked=["description"])
    verdict = alerts.judge_annotated(made, read(rule("a > 1", annotations=annotations)), place=PLACE)
    check(verdict, outcome, "g/A has no summary" if outcome is FAIL else "")
    assert len(verdict.notes) == notes


LINKED = promise(
    alerts.Linked,
    annotations=["runbook_url", "runbook"],
    directory="docs/runbooks",
    sign_in=["login"],
    links_max=5,
    timeout_seconds=1,
)
PAGE = "https://wiki.example.com/a"
LOCAL = "https://docs.example.com/runbooks/here.md"
HTML = b'<html><h2 id="what-to-do">What to do</h2><a name="why"></a>'
MARKDOWN = b"# Here\n\n## What to do\n"
MOVED = "https://wiki.example.com/login?next=a"


@pytest.mark.parametrize(
    ("annotations", "answers", "outcome", "said"),
    [
        ({"runbook_url": "docs/runbooks/here.md"}, {}, PASS, "1 alerts lead to a runbook"),
        ({"runbook": "here.md#"}, {}, PASS, ""),
        ({"runbook": "here.md#what-to-do"}, {}, PASS, ""),
        ({"runbook": "here.md#what-not-to-do"}, {}, FAIL, "which has no such heading"),
        ({"runbook": f"{LOCAL}?x=1"}, {f"{LOCAL}?x=1": APART}, PASS, ""),
        ({"runbook": LOCAL[:-3]}, {LOCAL[:-3]: TROUBLE}, PASS, ""),
        ({"runbook": LOCAL}, {LOCAL: answer(b"here")}, PASS, ""),
        ({"runbook": LOCAL}, {LOCAL: answer(status=404)}, FAIL, "HTTP 404"),
        ({"runbook": "docs/{{ $labels.alertname }}.md"}, {}, FAIL, "leads to docs/A.md, which is not in docs/runbooks"),
        ({"runbook": "docs/{{ $labels.provider }}.md"}, {}, PASS, ""),
        ({"runbook_url": "docs/runbooks/there.md"}, {}, FAIL, "leads to docs/runbooks/there.md, which is not in docs"),
        ({"runbook_url": "../../here.md"}, {}, FAIL, ""),
        ({"runbook_url": " "}, {}, FAIL, "g/A has no runbook_url or runbook"),
        ({}, {}, FAIL, "g/A has no runbook_url or runbook"),
        ({"runbook_url": PAGE}, {PAGE: answer(b"do this")}, PASS, ""),
        ({"runbook_url": PAGE}, {PAGE: answer(b"")}, FAIL, "an empty page"),
        ({"runbook_url": PAGE}, {PAGE: answer(status=401)}, INCONCLUSIVE, "answers HTTP 401"),
        ({"runbook_url": PAGE}, {PAGE: answer(status=403)}, INCONCLUSIVE, "answers HTTP 403"),
        ({"runbook_url": PAGE}, {PAGE: answer(status=404)}, FAIL, "which answers HTTP 404"),
        ({"runbook_url": PAGE}, {PAGE: answer(status=410)}, FAIL, "which answers HTTP 410"),
        ({"runbook_url": PAGE}, {PAGE: answer(status=500)}, FAIL, "which answers HTTP 500"),
        ({"runbook_url": PAGE}, {PAGE: answer(b'<input type="password">')}, INCONCLUSIVE, "asks for a sign-in"),
        ({"runbook_url": PAGE}, {PAGE: replace(answer(b"<html>"), url=MOVED)}, INCONCLUSIVE, "asks for a sign-in"),
        ({"runbook_url": f"{PAGE}#what-to-do"}, {PAGE: answer(HTML)}, PASS, ""),
        ({"runbook_url": f"{PAGE}#why"}, {PAGE: answer(HTML)}, PASS, ""),
        ({"runbook_url": f"{PAGE}#where"}, {PAGE: answer(HTML)}, FAIL, "no such heading"),
        ({"runbook_url": f"{PAGE}#where"}, {PAGE: answer(b"<html><h2>made in the browser</h2>")}, PASS, ""),
        ({"runbook_url": f"{PAGE}#what-to-do"}, {PAGE: answer(MARKDOWN)}, PASS, ""),
        ({"runbook_url": f"{PAGE}#/route/where"}, {PAGE: answer(MARKDOWN)}, PASS, ""),
        ({"runbook_url": PAGE}, {PAGE: TROUBLE}, INCONCLUSIVE, "nothing for 5 s"),
        ({"runbook_url": PAGE}, {PAGE: APART}, NOT_COVERED, "1 of 1 runbooks cannot be reached from here; g/A leads"),
        ({"runbook_url": PAGE}, {}, INCONCLUSIVE, "more than 5 links"),
    ],
)
def test_linked(annotations: dict[str, str], answers: dict[str, Any], outcome: Outcome, said: str) -> None:
    made = read(rule("a > 1", annotations=annotations))
    check(alerts.judge_linked(LINKED, made, alerts.Runbooks(here, answers), place=PLACE), outcome, said)


@pytest.mark.parametrize(
    ("leads", "values", "outcome", "said"),
    [
        ("docs/{{ $labels.page }}.md", {"page": ["here"]}, PASS, "1 alerts lead to a runbook"),
        ("docs/{{$labels.page}}.md#what-to-do", {"page": ["here"]}, PASS, ""),
        ("docs/{{ .Labels.page }}.md", {"page": ["there", "here"]}, FAIL, "page }}.md, and docs/there.md is not there"),
        ("docs/{{ $labels.page }}_{{ $labels.of }}.md", {"page": ["here"], "of": ["a"]}, FAIL, "docs/here_a.md"),
        ("docs/{{ $labels.page }}.md", {}, PASS, ""),
        ("docs/{{ $labels.page }}.md", {"page": []}, PASS, ""),
        ("docs/{{ $labels.page | toLower }}.md", {"page": ["there"]}, PASS, ""),
        ("https://wiki/{{ $labels.page }}", {"page": ["there"]}, PASS, ""),
    ],
)
def test_a_link_that_labels_are_in(leads: str, values: dict[str, list[str]], outcome: Outcome, said: str) -> None:
    """Each value of the label leads to a page; what cannot be told, and what is on a server, is a remark."""
    made = read(rule("a > 1", annotations={"runbook": leads}))
    found = alerts.Runbooks(here, {}, values=lambda _: values)
    check(alerts.judge_linked(LINKED, made, found, place=PLACE), outcome, said)
    if outcome is FAIL:
        theirs = alerts.Runbooks(here, {}, ours=False, values=lambda _: values)
        check(alerts.judge_linked(LINKED, made, theirs, place=PLACE), INCONCLUSIVE, said)


def test_values_that_all_series_have() -> None:
    """What is counted for two providers and asked of one is told of that one alone."""
    all_of_them = [{"provider": "p", "job": "a"}, {"provider": "q", "job": "a"}]
    assert alerts.common_values([all_of_them, [{"provider": "q"}], [], [{"key": "k"}]]) == {
        "provider": {"q"},
        "job": {"a"},
        "key": {"k"},
    }


def here(leads: str) -> str | None:
    return MARKDOWN.decode() if "here.md" in alerting.file_names(leads) else None


def test_the_directory_of_somebody_else() -> None:
    """A path that is not here may be in the repository of those who wrote the alert."""
    made = read(rule("a > 1", annotations={"runbook": "docs/runbooks/there.md"}))
    verdict = alerts.judge_linked(LINKED, made, alerts.Runbooks(here, {}, ours=False), place=PLACE)
    check(verdict, INCONCLUSIVE, "there.md, which is not in docs/runbooks")
    assert "directory_in" in verdict.remedy


def test_a_server_that_does_not_answer_is_asked_once() -> None:
    asked: list[str] = []

    class Silent:
        def ask_all(self, requests: Sequence[Any]) -> list[Any]:
            asked.extend(request.url for request in requests)
            return [TROUBLE if "//dead/" in request.url else answer() for request in requests]

    class FakeTarget:
        http = Silent()

    target: Any = FakeTarget()
    links = ["https://dead/1", "https://dead/2", "https://live/1", "https://live/2", "https://dead/3", "https://live/3"]
    found = alerts._followed(LINKED, target, links)
    assert sorted(asked) == ["https://dead/1", "https://live/1", "https://live/2"]
    assert found.keys() == set(links[:5])
    assert found["https://dead/3"] is TROUBLE


# -------------------------------------------------------------------------------------------------------------- watched

RATIO = {"metric": "ratio", "above": 0.05, "good": 0, "severities": ["critical", "warning"], "for_max_seconds": 3600}
SCORE = {**RATIO, "metric": "score", "above": None, "below": 50, "good": 100}
DOWN = {**RATIO, "metric": "up", "above": None, "below": 1, "value": 0, "good": 1}
PARTLY = {**DOWN, "partly": True}
STORED = {**DOWN, "metric": "pg_up", "altogether": True, "where_read": True, "instead": ["probe_success"]}
UP = [{"job": "app", "instance": name} for name in "abc"]
PROVIDERS = [{"__name__": "score", "provider": name} for name in ("paddle", "deepseek")]
KNOWN = book(
    copied="ratio", ratio='sum(rate(asked_total{status="error"}[5m])) / sum(rate(asked_total[5m]))', doubled="ratio * 2"
)


@pytest.mark.parametrize(
    ("fields", "query", "series", "outcome"),
    [
        (RATIO, "ratio > 0.05", [], PASS),
        (RATIO, "ratio > 0.05", [{}], PASS),
        (RATIO, "ratio * 100 > 5", [{}], PASS),
        (RATIO, "0.05 < ratio", [{}], PASS),
        (RATIO, "copied > 0.05", [{}], PASS),
        (RATIO, "doubled > 0.1", [{}], PASS),
        (RATIO, "1 - ratio < 0.95", [{}], PASS),
        (RATIO, "ratio > 0.05 and on () traffic > 5", [{}], PASS),
        (RATIO, "ratio > 0.05 unless ratio > 0.5", [{}], PASS),
        (RATIO, "max_over_time(ratio[5m]) > 0.03", [{}], PASS),
        (RATIO, "(ratio > bool 0.05) == 1", [{}], PASS),
        (RATIO, "avg_over_time(ratio[5m:]) > 0.05 or x > 1", [{}], PASS),
        (RATIO, "predict_linear(ratio[1h], 3600) > 0.05", [{}], PASS),
        (RATIO, 'sum(rate(asked_total{status!="ok"}[5m])) / sum(rate(asked_total[5m])) > 0.05', [{}], PASS),
        (RATIO, 'sum(rate(asked_total{status!="ok"}[5m])) / sum(rate(asked_total[5m])) < 0.05', [{}], FAIL),
        (RATIO, "ratio > 0.5", [{}], FAIL),
        (RATIO, "ratio > 5", [{}], FAIL),
        (RATIO, "ratio < 0.05", [{}], FAIL),
        (RATIO, "ratio >= 0", [{}], FAIL),
        (RATIO, "abs(ratio) > 0.5", [{}], FAIL),
        (RATIO, "other > 0.05", [{}], FAIL),
        (RATIO, 'sum(rate(asked_total{status!="ok"}[5m])) / sum(rate(asked_total[5m])) > 0.5', [{}], FAIL),
        (RATIO, UNREADABLE, [{}], INCONCLUSIVE),
        (SCORE, "score < 50", PROVIDERS, PASS),
        (SCORE, "min by (provider) (score) < 50", PROVIDERS, PASS),
        (SCORE, 'score{provider="paddle"} < 50', PROVIDERS, FAIL),
        (SCORE, 'score{provider=~"paddle|deepseek"} < 50', PROVIDERS, PASS),
        (SCORE, "score > 50", PROVIDERS, FAIL),
        ({**SCORE, "partly": True}, "min(score) < 50", PROVIDERS, PASS),
        ({**SCORE, "partly": True}, "count(score < 50) > 0", PROVIDERS, PASS),
        ({**SCORE, "partly": True}, "score < 50", [], PASS),
        ({**SCORE, "partly": True}, "avg(score) < 50", PROVIDERS, FAIL),
        (DOWN, '(count(up{job="app"} == 1) or vector(0)) == 0', UP, PASS),
        (DOWN, 'up{job="app"} == 0', UP, PASS),
        (DOWN, 'absent(up{job="app"} == 1)', UP, PASS),
        (DOWN, 'sum(up{job="app"}) == 0', UP, PASS),
        (DOWN, '(count(up{job="other"} == 1) or vector(0)) == 0', UP, FAIL),
        (DOWN, 'count(up{job="app"} == 1) == 0', UP, FAIL),
        (DOWN, 'up{job="app"} == 1', UP, FAIL),
        (DOWN, 'up{job!="app"} == 0', UP, FAIL),
        (PARTLY, 'up{job="app"} == 0', UP, PASS),
        (PARTLY, 'count(up{job="app"} == 1) < 3', UP, PASS),
        (PARTLY, 'sum(up{job="app"}) < 3', UP, PASS),
        (PARTLY, 'avg(up{job="app"}) < 0.9', UP, PASS),
        (PARTLY, 'min by (instance) (up{job="app"}) == 0', UP, PASS),
        (PARTLY, 'count without (instance) (up{job="app"} == 0) > 0', UP, PASS),
        (PARTLY, '(count(up{job="app"} == 1) or vector(0)) == 0', UP, FAIL),
        (PARTLY, 'count(up{job="app"} == 1) < 2', UP, FAIL),
        (PARTLY, 'max(up{job="app"}) == 0', UP, FAIL),
        (PARTLY, 'absent(up{job="app"} == 1)', UP, FAIL),
        (STORED, "pg_up == 0", UP, PASS),
        (STORED, 'pg_up{instance="a"} == 0', UP, PASS),
        (STORED, "(min(pg_up) or vector(0)) == 0", [], PASS),
        (STORED, "max(pg_up) == 0", UP, PASS),
        (STORED, "absent(pg_up == 1)", [], PASS),
        (STORED, "pg_up == 1", UP, FAIL),
        (STORED, "pg_stat_activity_count > 90", UP, NOT_COVERED),
        (STORED, UNREADABLE, UP, NOT_COVERED),
    ],
)
def test_watched(fields: dict[str, Any], query: str, series: list[dict[str, str]], outcome: Outcome) -> None:
    made = promise(alerts.Watched, **fields)
    check(alerts.judge_watched(made, read(rule(query)), series, KNOWN, scale=1, place=PLACE), outcome)


@pytest.mark.parametrize(
    ("made", "scale", "outcome", "said"),
    [
        (rule("ratio > 0.05", wait=900.0), 1, PASS, "g/A fires at ratio above 0.05"),
        (rule("ratio > 0.05", wait=7200.0), 1, FAIL, "g/A fires only after 7200 s"),
        (rule("ratio > 0.05", wait=120.0), 60, FAIL, "g/A fires only after 120 s"),
        (rule("ratio > 0.05", labels={"severity": "info"}), 1, FAIL, "no such alert reads ratio"),
        (rule("ratio > 0.5"), 1, FAIL, "none fires at ratio = 0.051 (g/A: ratio > 0.5)"),
    ],
)
def test_what_a_watch_says(made: Rule, scale: float, outcome: Outcome, said: str) -> None:
    found = alerts.judge_watched(
        promise(alerts.Watched, **RATIO), read(made), [{}], Rulebook(), scale=scale, place=PLACE
    )
    check(found, outcome, said)


@pytest.mark.parametrize(
    ("rules", "outcome", "said"),
    [
        ([("pg_up == 0", "warning")], FAIL, "no such alert reads pg_up; g/A0 (warning) does"),
        ([("pg_up == 0", "warning"), ("pg_up == 0", "critical")], PASS, "g/A1 fires"),
        ([('pg_up{instance="b"} == 0', "warning"), ('pg_up{instance="a"} == 0', "critical")], PASS, "g/A1 fires"),
        ([("pg_up == 0", "warning"), ("probe_success == 0", "critical")], PASS, "g/A1 watches what pg_up is about"),
        ([("redis_up == 0", "warning")], NOT_COVERED, "no alert reads pg_up"),
    ],
)
def test_what_loses_data_is_critical(rules: list[tuple[str, str]], outcome: Outcome, said: str) -> None:
    made = read(*[rule(query, f"A{n}", labels={"severity": severity}) for n, (query, severity) in enumerate(rules)])
    critical = promise(alerts.Watched, **{**STORED, "severities": ["critical"]})
    check(alerts.judge_watched(critical, made, UP, Rulebook(), scale=1, place=PLACE), outcome, said)


def test_another_metric_may_tell_the_same() -> None:
    made = promise(alerts.Watched, **DOWN, instead=["probe_.*"])
    check(
        alerts.judge_watched(made, read(rule("probe_success == 0")), UP, Rulebook(), scale=1, place=PLACE), PASS, "g/A"
    )


ISSUE = promise(
    alerts.Issue,
    page="provider_timeout",
    annotations=["runbook_url"],
    signs=[{"metrics": ["ocr_.*"], "labels": {"code": "TIMEOUT"}, "but_not": {"code": "INPUT"}}, {"metrics": ["slow"]}],
)


@pytest.mark.parametrize(
    ("query", "runbook", "outcome", "notes"),
    [
        ("a > 1", "docs/runbooks/provider_timeout.md", PASS, 0),
        ("a > 1", "https://docs.example.com/provider_timeout/", PASS, 0),
        ('rate(ocr_errors_total{code="TIMEOUT"}[5m]) > 1', "other.md", PASS, 1),
        ('rate(ocr_errors_total{code=~"TIMEOUT|DOWN"}[5m]) > 1', "", PASS, 1),
        ("slow > 1", "", PASS, 1),
        ("named > 1", "", PASS, 1),
        ("rate(ocr_errors_total[5m]) > 1", "", FAIL, 0),
        ('rate(ocr_errors_total{code!="DOWN"}[5m]) > 1', "", FAIL, 0),
        ('rate(ocr_errors_total{code="DOWN"}[5m]) > 1', "", FAIL, 0),
        ("a > 1", "docs/runbooks/provider_timeouts.md", FAIL, 0),
        (UNREADABLE, "", INCONCLUSIVE, 0),
    ],
)
def test_issue(query: str, runbook: str, outcome: Outcome, notes: int) -> None:
    made = read(rule(query, annotations={"runbook_url": runbook}))
    verdict = alerts.judge_issue(ISSUE, [ISSUE], made, book(named="slow * 2"), "staging", place=PLACE)
    check(verdict, outcome)
    assert len(verdict.notes) == notes


OTHER_ISSUE = ISSUE.model_copy(update={"page": "other_issue", "signs": (alerts.Sign(metrics=("state",)),)})


@pytest.mark.parametrize(
    ("query", "runbook", "outcome"),
    [
        ("slow > 1", "docs/runbooks/other_issue.md", FAIL),
        ("slow > 1", "https://wiki.example.com/other_issue", FAIL),
        ("slow > 1", "docs/runbooks/no_issue.md", PASS),
        ("slow > 1 and on () state > 1", "docs/runbooks/other_issue.md", PASS),
        ("state > 1", "docs/runbooks/other_issue.md", FAIL),
    ],
)
def test_an_alert_that_leads_astray(query: str, runbook: str, outcome: Outcome) -> None:
    """It sees one issue, and leads to the page of another; what sees both may lead to either."""
    made = read(rule(query, annotations={"runbook_url": runbook}))
    verdict = alerts.judge_issue(ISSUE, [ISSUE, OTHER_ISSUE], made, book(), "local", place=PLACE)
    check(
        verdict,
        outcome,
        "sees provider_timeout and leads to other_issue" if "slow" in query and outcome is FAIL else "",
    )


WAITS = promise(
    alerts.Waits,
    for_max_seconds={"critical": 900, "warning": 3600},
    slow_seconds=21600,
    slow_for_max_seconds=10800,
    keep_max_seconds=7200,
)


@pytest.mark.parametrize(
    ("query", "severity", "wait", "keep", "scale", "outcome"),
    [
        ("a > 1", "critical", 900.0, 0.0, 1, PASS),
        ("a > 1", "critical", 1200.0, 0.0, 1, FAIL),
        ("a > 1", "critical", 20.0, 0.0, 60, FAIL),
        ("a > 1", "warning", 1200.0, 0.0, 1, PASS),
        ("a > 1", "warning", 7200.0, 0.0, 1, FAIL),
        ("a > 1", "info", 86400.0, 0.0, 1, PASS),
        ("rate(a[3d]) > 1", "critical", 7200.0, 0.0, 1, PASS),
        ("rate(a[3d]) > 1", "warning", 21600.0, 0.0, 1, FAIL),
        ("a > 1", "critical", 60.0, 86400.0, 1, FAIL),
        ("a > 1", "info", 60.0, 3600.0, 1, PASS),
        (UNREADABLE, "critical", 1200.0, 0.0, 1, FAIL),
    ],
)
def test_waits(query: str, severity: str, wait: float, keep: float, scale: float, outcome: Outcome) -> None:
    made = read(rule(query, wait=wait, keep_firing_seconds=keep, labels={"severity": severity}))
    check(alerts.judge_waits(WAITS, made, book(), scale=scale, place=PLACE), outcome)


@pytest.mark.parametrize(("environment", "outcome"), [("local", FAIL), ("staging", NOT_COVERED)])
def test_an_alert_that_only_some_environments_promise(environment: str, outcome: Outcome) -> None:
    only = ISSUE.model_copy(update={"only_in": ("local",)})
    made = read(rule("a > 1"))
    check(alerts.judge_issue(only, [only], made, book(), environment, place=PLACE), outcome)


# -------------------------------------------------------------------------------------------------------------- burning

BURNING = promise(
    alerts.Burning,
    metrics=["slo", "other_slo"],
    fast_long_max_seconds=10800,
    slow_long_min_seconds=21600,
    long_per_short_min=4,
)
SLO = {"slo": "1 - sum(rate(bad_total[30d])) / sum(rate(all_total[30d]))"}
RECORDED = {
    f"bad:rate{window}": f"sum(rate(bad_total[{window}])) / sum(rate(all_total[{window}]))"
    for window in ("5m", "30m", "1h", "6h", "3d")
}
CAPPED = {name: query.replace("6h", "1m").replace("3d", "1m").replace("1h", "1m") for name, query in RECORDED.items()}
FAST = "bad:rate1h > 14.4 * 0.01 and bad:rate5m > 14.4 * 0.01"
SLOW = "bad:rate3d > 0.01 and on () bad:rate6h > 0.01"
RAW = (
    "sum(rate(bad_total[1h])) / sum(rate(all_total[1h])) > 0.144 "
    "and sum(rate(bad_total[5m])) / sum(rate(all_total[5m])) > 0.144"
)


@pytest.mark.parametrize(
    ("queries", "recorded", "scale", "outcome", "said"),
    [
        ([FAST, SLOW], RECORDED, 1, PASS, "g/A0: 1 h and 5 min above 0.144; g/A1: 3 d and 6 h above 0.01"),
        ([f"({FAST}) or ({SLOW})"], RECORDED, 1, PASS, ""),
        ([RAW, SLOW], RECORDED, 1, PASS, ""),
        (
            [f"max without (w) ({FAST[:24]}) and max without (w) ({FAST[29:]})", SLOW],
            RECORDED,
            1,
            PASS,
            "1 h and 5 min",
        ),
        ([f"{FAST} and on () sum(rate(all_total[5m])) > 5", SLOW], RECORDED, 1, PASS, ""),
        ([FAST, SLOW], CAPPED, 60, PASS, "3 d and 6 h"),
        ([FAST], RECORDED, 1, FAIL, "no slow pair of windows (g/A0: 1 h and 5 min above 0.144)"),
        ([SLOW], RECORDED, 1, FAIL, "no fast pair"),
        ([FAST.replace("5m", "1h"), SLOW], RECORDED, 1, FAIL, "no fast pair"),
        ([FAST.replace("5m", "30m"), SLOW], RECORDED, 1, FAIL, "no fast pair"),
        ([FAST.replace("14.4", "0.5"), SLOW], RECORDED, 1, FAIL, "burns slower than"),
        ([FAST, SLOW], CAPPED, 1, NOT_COVERED, "the timings of a test stack"),
        (["other:rate1h > 0.1 and other:rate5m > 0.1"], RECORDED, 1, FAIL, "no fast pair of windows (none)"),
        ([UNREADABLE], RECORDED, 1, INCONCLUSIVE, "cannot be read"),
    ],
)
def test_burning(queries: list[str], recorded: dict[str, str], scale: float, outcome: Outcome, said: str) -> None:
    made = read(*[rule(query, f"A{number}") for number, query in enumerate(queries)])
    known = Rulebook({name: (parse(query),) for name, query in {**SLO, **recorded}.items()})
    check(alerts.judge_burning(BURNING, made, known, scale=scale, place=PLACE), outcome, said)


OPTIONAL = BURNING.model_copy(update={"optional": True})
EITHER = "bad:rate6h > 6 * 0.01 or on () bad:rate30m > 6 * 0.01"
OTHER = 'slo_errors:rate{0}{{slo="{1}"}} > {2} and slo_errors:rate{3}{{slo="{1}"}} > {2}'
STRICT, LOOSE = OTHER.format("1h", "strict", 0.0144, "5m"), OTHER.format("3d", "loose", 0.05, "6h")
SEVERAL = {**RECORDED, **{name.replace("bad", "slo_errors"): query for name, query in RECORDED.items()}}


@pytest.mark.parametrize(
    ("queries", "recorded", "scale", "outcome", "said"),
    [
        ([FAST, SLOW], RECORDED, 1, PASS, "g/A0: 1 h and 5 min above 0.144"),
        ([FAST], RECORDED, 1, PASS, ""),
        (["other > 1"], RECORDED, 1, NOT_COVERED, "no alert compares two windows of slo"),
        ([FAST.replace("14.4", "0.5"), SLOW], RECORDED, 1, FAIL, "burns slower than g/A1"),
        ([FAST, EITHER], RECORDED, 1, FAIL, "g/A1 fires at either of 6 h and 30 min above 0.06"),
        ([EITHER], CAPPED, 60, FAIL, "g/A0 fires at either of 6 h and 30 min"),
        ([f"({FAST}) or ({SLOW})"], RECORDED, 1, PASS, ""),
        (["bad:rate1h > 0.05 or bad:rate5m > 0.5"], RECORDED, 1, NOT_COVERED, ""),
        (["bad:rate1h > 0.05 or max(bad:rate1h) > 0.05"], RECORDED, 1, NOT_COVERED, ""),
        ([STRICT, LOOSE], SEVERAL, 1, PASS, ""),  # two objectives, each in itself in order
        ([STRICT, LOOSE.replace("loose", "strict")], SEVERAL, 1, FAIL, "burns slower than"),
    ],
)
def test_windows_fit_together(
    queries: list[str], recorded: dict[str, str], scale: float, outcome: Outcome, said: str
) -> None:
    """Where a deployment need not have such alerts, those that it has want both windows, and more of the faster one."""
    made = read(*[rule(query, f"A{number}") for number, query in enumerate(queries)])
    known = Rulebook({name: (parse(query),) for name, query in {**SLO, **recorded}.items()})
    check(alerts.judge_burning(OPTIONAL, made, known, scale=scale, place=PLACE), outcome, said)


def test_the_windows_of_a_test_stack_cannot_be_told() -> None:
    """Seconds instead of hours, in an environment whose scale nobody gave."""
    alert = "sum(rate(bad_total[{}])) / sum(rate(all_total[{}])) > 0.1"
    both = f"{alert.format('20s', '20s')} and {alert.format('5s', '5s')}"
    made, known = read(rule(both)), book(slo="1 - sum(rate(bad_total[30s])) / sum(rate(all_total[30s]))")
    verdict = alerts.judge_burning(BURNING, made, known, scale=1, place=PLACE)
    check(verdict, NOT_COVERED, "no alert looks back longer than 20 s: these are the timings of a test stack")


def test_a_service_level_that_nobody_records_cannot_be_told() -> None:
    verdict = alerts.judge_burning(BURNING, read(rule(FAST)), Rulebook(), scale=1, place=PLACE)
    check(verdict, Outcome.NOT_COVERED, "no loaded rule records slo or other_slo")


# ------------------------------------------------------------------------------------------------------------- knowing


def test_what_the_contract_says_of_values() -> None:
    for module in (test_metrics, test_prometheus):
        assert module.__doc__  # their kinds of promises must be known
    found = alerts.ranges_of(load())
    assert found["platform_error_ratio"] == Range(0, 1)
    assert found["ocr_circuit_state"] == Range(0, 2)
    assert found["ocr_requests_total"] == Range(low=0)
    assert found["ocr_processing_duration_seconds_bucket"] == Range(low=0)
    assert found["error_budget_remaining"] == Range(high=1)


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("m + 1", 3.0),
        ("m > 1", 2.0),
        ("1 < m", 2.0),
        ("m > 5", Nothing.EMPTY),
        ("m > bool 5", 0.0),
        ("m * x", Nothing.UNKNOWN),
        ("m > 1 and x > 5", 2.0),
        ("x > 5 and m > 5", Nothing.EMPTY),
        ("(m > 5) or vector(0)", 0.0),
        ("absent(m)", Nothing.EMPTY),
        ("absent(m > 5)", 1.0),
        ("m unless m > 1", Nothing.UNKNOWN),
        ("m unless m > 5", 2.0),
        ("-m", -2.0),
        ("sum(m)", 6.0),
        ("sum by (i) (m)", 2.0),
        ("sum without (i) (m)", 6.0),
        ("count(m)", 3.0),
        ("stddev(m)", Nothing.UNKNOWN),
        ("rate(m[5m])", Nothing.UNKNOWN),
        ("label_replace(m, 'a', 'b', 'c', '')", 2.0),
        ("twice", 4.0),
    ],
)
def test_an_expression_at_a_value(query: str, value: float | Nothing) -> None:
    def given(selector: Selector) -> float | None:
        return 2.0 if selector.name == "m" else None

    others = Others(given, 2, frozenset({"i"}))
    assert alerting.at(parse(query), given, book(twice="m * 2"), others) == value
