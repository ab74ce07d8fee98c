"""Queries of rules and of the manual: what is missing or made wrongly fails, and what cannot be read is told."""

from __future__ import annotations

import pytest

from checks import test_queries as queries
from selfcheck import promql
from selfcheck.clients.prometheus import QueryResult, Rule, Sample
from selfcheck.ladder import Rung, Selecting, Step
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.promql import uses
from selfcheck.shapes import Finding, Lint
from selfcheck.verdict import Outcome
from tests.unit.making import NOW, promise

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED
PLACE = {"where": "GET http://p/api/v1/rules", "reproduce": "curl -sS http://p/api/v1/rules"}

FOUND = Step(Rung.FOUND)
UNBORN = Step(Rung.NOT_NOW, "m has no series now", promised=True)
EMPTY = Step(Rung.NOT_NOW, "m has no series now")
GONE = Step(Rung.METRIC, "there is no metric m; nearest: mm", "mm", certain=True)
UNKNOWN = Step(Rung.METRIC, "there is no metric m")
ELSEWHERE = Step(Rung.METRIC, "there is no metric m: cAdvisor is not scraped here", exporter="cAdvisor")
LABEL = Step(Rung.LABEL, "m has no label l")
VALUE = Step(Rung.VALUE, 'm had no l="v"')
UNSEEN = CouldNotObserve(Trouble.TIMED_OUT, asked="GET q", came_back="no answer within 10 s", hint="look at its load")
REFUSED = CouldNotObserve(Trouble.ERROR_ANSWER, asked="GET q", came_back="HTTP 422, execution: many", hint="mend it")


def asked(text: str, *steps: Step | CouldNotObserve, place: str = "g/Alert") -> list[queries.Asked]:
    return [queries.Asked(place, use, step) for use, step in zip(uses(promql.parse(text)), steps, strict=True)]


@pytest.mark.parametrize(
    ("text", "steps", "rung", "unreadable", "outcome", "said"),
    [
        ("m > 1", [FOUND], "metric", (), PASS, "1 selectors of 1 rules"),
        ("m > 1", [UNBORN], "metric", (), PASS, "1 selectors"),
        ("m > 1", [EMPTY], "metric", (), PASS, "1 selectors"),
        ("m > 1", [GONE], "metric", (), FAIL, "g/Alert: there is no metric m; nearest: mm"),
        ("m > 1", [UNKNOWN], "metric", (), FAIL, "there is no metric m"),
        ("m > 1", [GONE], "label", (), PASS, "1 selectors"),
        ("m > 1", [LABEL], "label", (), FAIL, "m has no label l"),
        ("m > 1", [VALUE], "value", (), FAIL, 'm had no l="v"'),
        ("m > 1", [ELSEWHERE], "metric", (), PASS, "1 selectors"),
        ("m or vector(0)", [UNKNOWN], "metric", (), PASS, "1 selectors"),
        ("m or vector(0)", [GONE], "metric", (), FAIL, "nearest: mm"),
        ("up unless m", [FOUND, UNKNOWN], "metric", (), PASS, "2 selectors"),
        ("up unless m", [FOUND, GONE], "metric", (), FAIL, "nearest: mm"),
        ("absent(m)", [UNKNOWN], "metric", (), FAIL, "absent() of it always has a result: there is no metric m"),
        ("absent(m)", [ELSEWHERE], "metric", (), FAIL, "always has a result"),
        ("m > 1", [UNSEEN], "metric", (), INCONCLUSIVE, "no answer within 10 s"),
        ("m / n", [UNSEEN, GONE], "metric", (), FAIL, "nearest: mm"),
        ("m > 1", [FOUND], "metric", ("g/B: unknown function",), INCONCLUSIVE, "g/B: unknown function"),
        ("m > 1", [GONE], "metric", ("g/B: unknown function",), FAIL, "nearest: mm"),
        ("m > 1", [FOUND], "value", ("g/B: unknown function",), PASS, "1 selectors"),
        ("1 > bool 2", [], "metric", (), NOT_COVERED, "no rule is loaded that reads anything"),
    ],
)
def test_selectors(
    text: str,
    steps: list[Step | CouldNotObserve],
    rung: str,
    unreadable: tuple[str, ...],
    outcome: Outcome,
    said: str,
) -> None:
    made = promise(Selecting, rungs=[rung], lookback_seconds=1)
    verdict = queries.judge_selectors(made, asked(text, *steps), unreadable, PLACE)
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict


def test_a_missing_selector_is_shown_with_a_query_for_it_and_others_as_notes() -> None:
    made = promise(Selecting, rungs=["metric"], lookback_seconds=1)
    many = [one for number in range(9) for one in asked("m > 1", GONE, place=f"g/A{number}")]
    verdict = queries.judge_selectors(made, [*many, *many], ["g/B: odd"], PLACE)
    assert verdict.reproduce == "curl -sSG 'http://p/api/v1/query' --data-urlencode 'query=count(m{})'"
    assert verdict.notes[0] == "also: g/A1: there is no metric m; nearest: mm"
    assert verdict.notes[-2:] == ("and 3 more of the same kind", "not read: g/B: odd")


def test_an_exporter_that_is_not_here_is_named() -> None:
    made = promise(Selecting, rungs=["metric"], lookback_seconds=1)
    needed = queries.judge_selectors(made, asked("m > 1", ELSEWHERE), (), PLACE)
    assert needed.notes == ("not covered: there is no metric m: cAdvisor is not scraped here",)
    assert queries.judge_selectors(made, asked("m or n", ELSEWHERE, FOUND), (), PLACE).notes == ()


LASTING = promise(queries.Lasting, lookback_seconds=21600, gone_seconds=300, steady_share=0.9)


def seen(*, since: float = 3600, until: float = 600, share: float = 1.0, up: bool = True) -> queries.Seen:
    """Make a metric that was there from so many seconds ago to so many seconds ago."""
    return queries.Seen("haproxy (lb:8404)", NOW - since, NOW - until, share * (since - until) / 60, up)


@pytest.mark.parametrize(
    ("found", "outcome", "said"),
    [
        ([seen()], FAIL, "m came with each scrape of haproxy (lb:8404), which answers, and has not for 600 s"),
        ([seen(up=False)], PASS, "1 metrics without series now"),
        ([seen(share=0.5)], PASS, ""),  # it comes and goes
        ([seen(since=1200)], PASS, ""),  # it was there for a moment
        ([seen(until=60)], PASS, ""),  # a scrape was lost
        ([seen(), seen(until=60)], PASS, ""),  # another one has it
        ([seen(up=False), seen()], FAIL, "which answers"),
        ([], PASS, ""),
        (UNSEEN, INCONCLUSIVE, "no answer within 10 s"),
    ],
)
def test_what_has_stopped_coming(found: list[queries.Seen] | CouldNotObserve, outcome: Outcome, said: str) -> None:
    verdict = queries.judge_lasting(LASTING, {"m": found}, NOW, scale=1, step_seconds=60, place=PLACE)
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict


def rule(query: str) -> Rule:
    return Rule("A", "alerting", query, {}, {}, 0, "ok", "", 0, 0, "", (), "g", "f", 30.0)


READING = queries.read([rule("up == 0")])
SURE = Finding(Lint.UNITS, "a share against 5", "m > 5")
REMARK = Finding(Lint.UNITS, "is that a share?", "m > 0.05", sure=False)


@pytest.mark.parametrize(
    ("findings", "reading", "outcome", "said", "notes"),
    [
        ([], READING, PASS, "1 rules", 0),
        ([REMARK], READING, PASS, "1 rules", 1),
        ([REMARK] * 5, READING, PASS, "1 rules", 4),
        ([SURE], READING, FAIL, "g/A: a share against 5, in m > 5", 0),
        ([SURE, SURE, REMARK], READING, FAIL, "g/A: a share against 5", 2),
        ([], queries.read([]), NOT_COVERED, "no rule is loaded that could be read", 0),
        ([], queries.read([rule("up =")]), NOT_COVERED, "no rule", 0),
        ([SURE], queries.read([rule("up == 0"), rule("up =")]), FAIL, "a share", 1),
    ],
)
def test_findings(findings: list[Finding], reading: queries.Reading, outcome: Outcome, said: str, notes: int) -> None:
    made = promise(queries.WellMade, lint="units")
    verdict = queries.judge_findings(made, [("g/A", found) for found in findings], reading, PLACE)
    assert (verdict.outcome, said in verdict.observed, len(verdict.notes)) == (outcome, True, notes), verdict


def test_rules_that_cannot_be_read_are_told_by_place() -> None:
    reading = queries.read([rule("up == 0"), rule("sum(")])
    assert [loaded.place for loaded in reading.rules] == ["g/A"]
    assert reading.unreadable[0].startswith("g/A: ")


def result(count: int = 0, warnings: tuple[str, ...] = ()) -> QueryResult:
    return QueryResult("q", "GET q", tuple(Sample({}, 1.0, NOW) for _ in range(count)), warnings=warnings)


@pytest.mark.parametrize(
    ("steps", "findings", "given", "outcome", "said"),
    [
        ([FOUND], [], result(2), PASS, "2 series"),
        ([FOUND], [REMARK], result(2), PASS, "2 series"),
        ([UNBORN], [], result(), PASS, "nothing of the kind has happened yet"),
        ([EMPTY], [], result(), INCONCLUSIVE, "it has none now: m has no series now"),
        ([FOUND], [], result(), INCONCLUSIVE, "what it reads has series"),
        ([GONE], [], result(), FAIL, "nearest: mm"),
        ([GONE], [], UNSEEN, FAIL, "nearest: mm"),
        ([LABEL], [], result(), FAIL, "m has no label l"),
        ([VALUE], [], result(), NOT_COVERED, 'm had no l="v"'),
        ([ELSEWHERE], [], result(), NOT_COVERED, "cAdvisor is not scraped here"),
        ([FOUND], [SURE], result(2), FAIL, "a share against 5"),
        ([FOUND], [], result(2, ("partial",)), INCONCLUSIVE, "Prometheus warns: partial"),
        ([FOUND], [], UNSEEN, INCONCLUSIVE, "no answer within 10 s"),
        ([UNSEEN], [], result(2), INCONCLUSIVE, "no answer within 10 s"),
        ([FOUND], [], REFUSED, FAIL, "execution: many"),
    ],
)
def test_snippets(
    steps: list[Step | CouldNotObserve],
    findings: list[Finding],
    given: QueryResult | CouldNotObserve,
    outcome: Outcome,
    said: str,
) -> None:
    made = promise(queries.Snippet, query="m")
    verdict = queries.judge_snippet(made, asked("m", *steps), findings, given, PLACE)
    assert (verdict.outcome, said in verdict.observed) == (outcome, True), verdict


@pytest.mark.parametrize(
    ("step", "given", "outcome"),
    [
        (EMPTY, result(), PASS),
        (GONE, result(), FAIL),
        (EMPTY, result(warnings=("partial",)), INCONCLUSIVE),
        (EMPTY, UNSEEN, INCONCLUSIVE),
    ],
)
def test_a_snippet_that_had_a_result_lately(step: Step, given: QueryResult | CouldNotObserve, outcome: Outcome) -> None:
    """A provider that nobody asks for a minute has no score; that does not make the query wrong."""
    made = promise(queries.Snippet, query="m")
    assert queries.judge_snippet(made, asked("m", step), [], given, PLACE, lately=True).outcome is outcome


@pytest.mark.parametrize(
    ("text", "jobs"),
    [
        ("scrape_configs: [{job_name: a, static_configs: []}, {job_name: b, dns_sd_configs: []}]", {"b"}),
        ("scrape_configs: [{job_name: a, static_configs: [], file_sd_configs: []}]", {"a"}),
        ("global: {}", set()),
        ("scrape_configs: [", set()),
        ("just text", set()),
    ],
)
def test_jobs_that_find_their_targets_by_discovery(text: str, jobs: set[str]) -> None:
    assert queries.discovering(text) == jobs
