"""The judges of dashboards: tables of cases."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from checks import test_dashboards as checks
from checks.test_slo import Objective
from selfcheck import boards, contract, dashboards, panel_queries, promql, shapes, showing
from selfcheck.boards import Boards, File
from selfcheck.clients.grafana import DataSource
from selfcheck.clients.prometheus import QueryResult
from selfcheck.dashboards import Panel, Resolved, Step
from selfcheck.knowledge import Knowledge
from selfcheck.ladder import Rung
from selfcheck.ladder import Step as Climbed
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.panel_queries import Asked, Chosen, Queries
from selfcheck.promql import Selector
from selfcheck.showing import Scaled
from selfcheck.units import Unit
from selfcheck.verdict import Outcome, Verdict
from tests.unit.making import PLACE, promise

if TYPE_CHECKING:
    from pathlib import Path

MAIN = DataSource("uid-1", "Prometheus", "prometheus", "http://prometheus:9090", default=True)
OTHER = DataSource("uid-2", "Nodes", "prometheus", "http://nodes:9090", default=False)
UNITS = contract.load().promises("dashboards.units", checks.Units)[0]
TIMED_OUT = CouldNotObserve(Trouble.TIMED_OUT, asked="GET p", came_back="no answer within 10 s", hint="wait")
REFUSED = CouldNotObserve(
    Trouble.ERROR_ANSWER, asked="GET p", came_back="Prometheus answered HTTP 400, bad_data: parse error", hint="look"
)
UNAVAILABLE = CouldNotObserve(
    Trouble.ERROR_ANSWER, asked="GET p", came_back="Prometheus answered HTTP 503, timeout: too long", hint="look"
)


def outcome(verdict: Verdict) -> tuple[Outcome, str]:
    return verdict.outcome, verdict.observed


def panel(title: str, expr: str = "up", *, kind: str = "timeseries", at: tuple[int, ...] = (), **more: Any) -> Any:
    place = {"gridPos": dict(zip("xywh", at, strict=True))} if at else {}
    return {"title": title, "type": kind, "targets": [{"refId": "A", "expr": expr}], **place, **more}


def found(*panels: dict[str, Any], unread: dict[str, str] | None = None, **more: Any) -> Boards:
    model = {"uid": "main", "title": "Overview", "panels": list(panels), **more}
    return Boards({"main": dashboards.read(model)}, unread or {}, {"main": "Overview"}, (MAIN,), "GET http://grafana")


def asked(expr: str, **more: Any) -> Asked:
    """One query of a panel, as it is asked."""
    one = dashboards.read({"panels": [panel("Panel", expr, **more)]}).panels[0]
    return panel_queries._read(Asked("main", "Panel", one, one.queries[0], (expr,), ()))


def queries(*each: Asked, variables: tuple[Chosen, ...] = ()) -> Queries:
    return Queries(each, variables, {})


def answer(*warnings: str) -> QueryResult:
    return QueryResult("up", "GET p", (), (), warnings, ())


# -- dashboards and files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uid", "looked_at", "verdict"),
    [
        ("main", found(panel("p")), (Outcome.PASS, "Overview with 1 panels")),
        ("main", found(), (Outcome.FAIL, "Overview has none")),
        ("mian", found(panel("p")), (Outcome.FAIL, "there is none; nearest: main (Overview)")),
        ("slo", found(panel("p")), (Outcome.FAIL, "there is none; there is main")),
        ("slo", Boards({}, {}, {}, None, "GET g"), (Outcome.FAIL, "there is none; there is no dashboard at all")),
        (
            "slo",
            found(unread={"slo": "its model is of version 2"}),
            (Outcome.INCONCLUSIVE, "it cannot be read: its model is of version 2"),
        ),
    ],
)
def test_a_dashboard(uid: str, looked_at: Boards, verdict: tuple[Outcome, str]) -> None:
    assert outcome(checks.judge_dashboard(promise(checks.Dashboard, uid=uid), looked_at, PLACE)) == verdict


@pytest.mark.parametrize(
    ("files", "loaded", "verdict"),
    [
        ([File("a.json", {"uid": "a"})], None, (Outcome.PASS, "1 files, each has a uid of its own")),
        ([File("a.json", {"uid": "a"})], {"a"}, (Outcome.PASS, "1 files, each has a uid of its own and is loaded")),
        (
            [File("a.json", {"uid": "a"})],
            {"b"},
            (Outcome.FAIL, "a.json is not loaded: Grafana has no dashboard with the uid a"),
        ),
        (
            [File("a.json", {"uid": "a"}), File("b.json", {"uid": "a"})],
            None,
            (Outcome.FAIL, "the uid a is used by a.json and b.json: Grafana loads neither"),
        ),
        (
            [File("a.json", trouble="JSONDecodeError: x")],
            None,
            (Outcome.FAIL, "a.json cannot be read: JSONDecodeError: x"),
        ),
        (
            [File("a.json", {"title": "A"})],
            None,
            (Outcome.FAIL, "a.json gives no uid: its address changes whenever it is loaded anew"),
        ),
    ],
)
def test_files(files: list[File], loaded: set[str] | None, verdict: tuple[Outcome, str]) -> None:
    assert outcome(checks.judge_files(files, loaded, PLACE)) == verdict


def test_a_folder_of_files(tmp_path: Path) -> None:
    """Dashboards as they are or as the API has them, data sources; other files are passed over."""
    inner = tmp_path / "dashboards"
    inner.mkdir()
    model = {"uid": "a", "title": "A", "panels": []}
    (inner / "a.json").write_text(json.dumps(model))
    (inner / "b.json").write_text(json.dumps({"dashboard": {**model, "uid": "b"}, "meta": {}}))
    (inner / "broken.json").write_text("{")
    (tmp_path / "package.json").write_text('{"name": "x"}')
    (tmp_path / "template.yaml").write_text("{{ if }}")
    (tmp_path / "sources.yml").write_text(
        "datasources:\n- {name: P, type: prometheus, jsonData: {timeInterval: 30s}}\n"
    )
    assert [(each.name, each.uid) for each in boards.files(tmp_path)] == [
        ("dashboards/a.json", "a"),
        ("dashboards/b.json", "b"),
        ("dashboards/broken.json", ""),
    ]
    read = boards.in_folder(tmp_path)
    assert set(read.boards) == {"a", "b"}
    assert read.sources == (DataSource("", "P", "prometheus", "", default=False, interval="30s"),)
    (tmp_path / "sources.yml").unlink()
    assert boards.in_folder(tmp_path).sources is None


# -- the manual's panels -----------------------------------------------------------------------------------------------

TOP_LEFT = {"dashboard": "main", "title": "Errors", "place": "top-left"}
BOTTOM_RIGHT = {"dashboard": "main", "title": "Budget", "place": "bottom-right", "kinds": ["gauge"]}
ERRORS = promise(checks.NamedPanel, **TOP_LEFT)
BUDGET = promise(checks.NamedPanel, **BOTTOM_RIGHT)


def placed(errors: tuple[int, ...], budget: tuple[int, ...], *more: dict[str, Any]) -> Boards:
    return found(panel(" errors ", at=errors), panel("Budget", at=budget, kind="gauge"), *more)


@pytest.mark.parametrize(
    ("named", "looked_at", "wrong"),
    [
        (ERRORS, placed((0, 0, 12, 8), (12, 8, 12, 8)), ""),
        (BUDGET, placed((0, 0, 12, 8), (12, 8, 12, 8)), ""),
        # A full row of other panels above, details far below.
        (ERRORS, placed((0, 4, 8, 8), (16, 12, 8, 8), panel("more", at=(0, 20, 24, 60))), ""),
        (BUDGET, placed((0, 4, 8, 8), (16, 12, 8, 8), panel("more", at=(0, 20, 24, 60))), ""),
        # One above the other over the whole width.
        (ERRORS, placed((0, 0, 24, 8), (0, 8, 24, 8)), ""),
        (ERRORS, placed((12, 0, 12, 8), (12, 8, 12, 8)), "it is on the right (x 12, y 0, 12 wide, 8 high)"),
        (BUDGET, placed((0, 0, 12, 8), (0, 8, 12, 8)), "it is on the left (x 0, y 8, 12 wide, 8 high)"),
        (
            ERRORS,
            placed((0, 8, 12, 8), (12, 0, 12, 8)),
            "it is below what it should be above (x 0, y 8, 12 wide, 8 high)",
        ),
        (
            BUDGET,
            placed((0, 8, 12, 8), (12, 0, 12, 8)),
            "it is above what it should be below (x 12, y 0, 12 wide, 8 high)",
        ),
        (ERRORS, found(panel("Error")), "there is none; nearest: Error"),
        (ERRORS, found(panel("Errors", expr="")), "it is there, and asks nothing"),
        (ERRORS, found({"type": "row", "collapsed": True, "panels": [panel("Errors", at=(12, 9, 1, 1))]}), ""),
    ],
)
def test_a_named_panel(named: checks.NamedPanel, looked_at: Boards, wrong: str) -> None:
    verdict = checks.judge_panel(named, looked_at, (ERRORS, BUDGET), PLACE)
    assert verdict.outcome is (Outcome.FAIL if wrong else Outcome.PASS)
    assert not wrong or verdict.observed == wrong


def test_a_gauge_that_is_something_else_is_a_remark() -> None:
    verdict = checks.judge_panel(BUDGET, found(panel("Budget", kind="text")), (), PLACE)
    assert (verdict.outcome, verdict.notes) == (Outcome.PASS, ("Budget is a text, and the manual calls it gauge",))


def test_a_library_panel_in_a_folder_is_looked_at_in_grafana() -> None:
    """Files do not say what is in it: that is no doubt about the files."""
    looked_at = found({"libraryPanel": {"uid": "lib", "name": "Errors"}})
    in_folder = replace(looked_at, where="/dashboards")
    assert checks.judge_panel(ERRORS, in_folder, (), PLACE).outcome is Outcome.NOT_COVERED
    assert checks.judge_readable(queries(), {}, looked_at, PLACE).outcome is Outcome.INCONCLUSIVE
    verdict = checks.judge_readable(queries(), {}, in_folder, PLACE)
    assert (verdict.outcome, "SELF_CHECK_GRAFANA_URL" in verdict.notes[0]) == (Outcome.PASS, True)


HIDDEN = {"refId": "A", "expr": "up", "hide": True}


@pytest.mark.parametrize(
    ("shown", "wrong"),
    [
        (panel("Budget", targets=[HIDDEN]), "it is there, and all its queries are hidden"),
        (panel("Budget", targets=[HIDDEN, {"refId": "B", "type": "math", "expression": "$A * 100"}]), ""),
        (panel("Budget", kind="text"), "it is a text, which shows no query"),
    ],
)
def test_a_named_panel_that_shows_nothing(shown: dict[str, Any], wrong: str) -> None:
    line = promise(checks.NamedPanel, **BOTTOM_RIGHT, showing_nothing=("text",))
    assert checks.judge_panel(line, found(shown), (), PLACE).observed in (wrong, "it is there, as timeseries")


@pytest.mark.parametrize(
    ("exprs", "wrong"),
    [
        (("budget",), ""),
        (("100 * budget", "availability"), ""),
        (("1 - sum(rate(failures_total[$range])) / 5",), ""),
        (("other_budget",), ""),
        (("max(availability)",), "it shows availability, and not budget"),
        (("vector(1)", "availability"), "it shows a number that reads nothing, and not budget"),
    ],
)
def test_a_named_panel_that_shows_something_else(exprs: tuple[str, ...], wrong: str) -> None:
    """Another key metric, or a number; what is computed may be anything."""
    line = promise(checks.NamedPanel, **BOTTOM_RIGHT, shows=("budget",), never_shows=("budget", "availability"))
    targets = [{"refId": str(number), "expr": expr} for number, expr in enumerate(exprs)]
    verdict = checks.judge_panel(line, found(panel("Budget", targets=targets)), (), PLACE)
    assert (verdict.outcome is Outcome.FAIL, verdict.observed) == (bool(wrong), wrong or "it is there, as timeseries")


@pytest.mark.parametrize(
    ("expr", "wrong"),
    [
        ("topk(5, sum by (provider, code) (rate(errors_total[5m])))", False),
        ("sum without (instance) (increase(errors_total[$__range]))", False),
        ("errors:rate5m", False),
        ("sum(rate(errors_total[$window]))", False),
        ('sum by (code) (rate(errors_total{provider="$provider"}[5m]))', False),
        ("sum by (provider) (rate(errors_total[5m]))", True),
        ("sum(rate(errors_total[$__rate_interval]))", True),
    ],
)
def test_a_named_panel_that_tells_nothing_apart(expr: str, wrong: bool) -> None:  # noqa: FBT001 - a case
    line = promise(checks.NamedPanel, **BOTTOM_RIGHT, by=("provider", "code"))
    verdict = checks.judge_panel(line, found(panel("Budget", expr)), (), PLACE)
    assert (verdict.outcome is Outcome.FAIL) is wrong


def test_a_panel_whose_colour_must_tell() -> None:
    """Grafana's own thresholds of every new panel are none; those of single series, or of an old panel, are some."""
    line = promise(checks.NamedPanel, **BOTTOM_RIGHT, colored=True)
    override = {"matcher": {}, "properties": [{"id": "thresholds", "value": {}}]}
    for more, outcome in (
        (config(steps=[(None, "green"), (80, "red")]), Outcome.FAIL),
        (config(steps=[(None, "red"), (0.2, "green")]), Outcome.PASS),
        ({"fieldConfig": {"overrides": [override]}}, Outcome.PASS),
        ({"thresholds": "0.2,0.5"}, Outcome.PASS),
    ):
        assert checks.judge_panel(line, found(panel("Budget", **more)), (), PLACE).outcome is outcome


def test_a_panel_whose_queries_are_all_hidden_is_dead() -> None:
    dead, alive = asked("up", targets=[HIDDEN]), asked("up", targets=[HIDDEN, {"refId": "B", "expr": "up"}])
    steps = {"up{}": Climbed(Rung.FOUND)}
    assert checks.judge_data(queries(dead), steps, PLACE).outcome is Outcome.FAIL
    assert checks.judge_data(queries(alive), steps, PLACE).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("regex", "values"),
    [
        ("", ("a-1", "b-2")),
        ("/^a/", ("a-1",)),
        ("/B/i", ("b-2",)),
        ("/-(.*)/", ("1", "2")),
        ("/(?<text>.)-(?<value>.)/", ("1", "2")),
        ("a", ()),
        ("/^gpt/", ()),
        ("/(/", ("a-1", "b-2")),
    ],
)
def test_what_a_variable_offers(regex: str, values: tuple[str, ...]) -> None:
    """Its regular expression chooses among the values, or parts of them."""
    assert dashboards.chosen_by_regex(regex, ("a-1", "b-2")) == values


def test_a_variable_whose_regex_takes_nothing() -> None:
    chosen = Chosen("main / variable x", label="x", emptied_by="/^gpt/")
    verdict = checks.judge_variables(promise(checks.Variables), queries(variables=(chosen,)), {}, {"x"}, PLACE)
    assert (verdict.outcome, "takes none" in verdict.observed) == (Outcome.FAIL, True)


@pytest.mark.parametrize(
    "looked_at",
    [
        Boards({}, {}, {}, None, "GET g"),
        found({"libraryPanel": {"uid": "lib", "name": "Errors"}}),
    ],
)
def test_a_named_panel_that_cannot_be_seen(looked_at: Boards) -> None:
    assert checks.judge_panel(ERRORS, looked_at, (), PLACE).outcome is Outcome.INCONCLUSIVE


# -- data sources ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uses", "said", "verdict"),
    [
        ([("a", Resolved(MAIN))], {"Prometheus": ""}, (Outcome.PASS, "Prometheus (http://prometheus:9090)")),
        ([("a", Resolved(kind="built in"))], {}, (Outcome.PASS, "none is needed")),
        (
            [("a", Resolved(missing="there is no data source x"))],
            {},
            (Outcome.FAIL, "a: there is no data source x"),
        ),
        (
            [("a", Resolved(MAIN))],
            {"Prometheus": "connection refused"},
            (Outcome.FAIL, "Grafana cannot use the data source Prometheus: connection refused"),
        ),
    ],
)
def test_sources(uses: list[tuple[str, Resolved]], said: dict[str, str], verdict: tuple[Outcome, str]) -> None:
    assert outcome(checks.judge_sources(uses, said, PLACE)) == verdict


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"targets", "names"}, Outcome.PASS),
        ({"targets"}, Outcome.PASS),  # nothing was ever asked of the platform
        ({"names"}, Outcome.INCONCLUSIVE),
        (set(), Outcome.FAIL),
        (None, Outcome.PASS),  # it cannot be asked through Grafana
    ],
)
def test_a_data_source_that_is_another_prometheus(known: set[str] | None, expected: Outcome) -> None:
    verdict = checks.judge_sources([("a", Resolved(MAIN))], {}, PLACE, {"Prometheus": known})
    assert verdict.outcome is expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"targets", "names"}, Outcome.PASS),
        ({"names"}, Outcome.PASS),  # of another environment, which somebody may want to see beside this one
        (set(), Outcome.FAIL),
        (None, Outcome.INCONCLUSIVE),
    ],
)
def test_a_panel_that_asks_another_prometheus(known: set[str] | None, expected: Outcome) -> None:
    verdict = checks.judge_sources([("a", Resolved(OTHER))], {}, PLACE, {"Nodes": known}, {"Nodes": "main / Latency"})
    assert verdict.outcome is expected
    assert ("main / Latency asks Nodes" in verdict.observed) == (expected is not Outcome.PASS)


@pytest.mark.parametrize(
    ("sources", "url", "others"),
    [
        ((MAIN,), "https://prom.example.com", set()),
        ((MAIN, OTHER), "https://prom.example.com", {"Nodes"}),
        ((MAIN, OTHER), "http://nodes:9090/", {"Prometheus"}),
        ((), "http://p", set()),
    ],
)
def test_which_data_sources_are_another_prometheus(sources: tuple[DataSource, ...], url: str, others: set[str]) -> None:
    assert panel_queries.foreign(sources, url) == others


# -- queries -----------------------------------------------------------------------------------------------------------

BROKEN = asked("sum(up")


@pytest.mark.parametrize(
    ("query", "answered", "unread", "expected"),
    [
        (asked("up"), answer(), {}, Outcome.PASS),
        (BROKEN, REFUSED, {}, Outcome.FAIL),
        # Only our own reader is at a loss, or nobody could be asked.
        (BROKEN, answer(), {}, Outcome.INCONCLUSIVE),
        (BROKEN, TIMED_OUT, {}, Outcome.INCONCLUSIVE),
        (asked("up"), answer(), {"slo": "version 2"}, Outcome.INCONCLUSIVE),
    ],
)
def test_readable(
    query: Asked, answered: QueryResult | CouldNotObserve, unread: dict[str, str], expected: Outcome
) -> None:
    verdict = checks.judge_readable(queries(query), {query.texts[0]: answered}, found(unread=unread), PLACE)
    assert verdict.outcome is expected
    if query is BROKEN:
        assert "main / Panel, query A: sum(up: " in verdict.observed


def test_what_is_unclear_is_told_beside_what_is_wrong() -> None:
    verdict = checks.judge_readable(queries(BROKEN), {"sum(up": REFUSED}, found(unread={"slo": "version 2"}), PLACE)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.notes == ("could not tell: slo: version 2",)


@pytest.mark.parametrize(
    ("answered", "expected", "observed"),
    [
        (answer(), Outcome.PASS, "1 queries are answered"),
        (answer("partial data"), Outcome.INCONCLUSIVE, "main / Panel, query A: Prometheus warns: partial data"),
        (REFUSED, Outcome.FAIL, "main / Panel, query A: Prometheus answered HTTP 400, bad_data: parse error"),
        (UNAVAILABLE, Outcome.INCONCLUSIVE, "main / Panel, query A: Prometheus answered HTTP 503, timeout: too long"),
        (TIMED_OUT, Outcome.INCONCLUSIVE, "main / Panel, query A: no answer within 10 s"),
    ],
)
def test_answered(answered: QueryResult | CouldNotObserve, expected: Outcome, observed: str) -> None:
    assert outcome(checks.judge_answered(queries(asked("up")), {"up": answered}, PLACE)) == (expected, observed)


MISSING = Climbed(Rung.METRIC, "there is no metric up")


@pytest.mark.parametrize(
    ("step", "expected", "observed"),
    [
        (Climbed(Rung.FOUND), Outcome.PASS, "1 queries read what exists"),
        (Climbed(Rung.NOT_NOW, "none now"), Outcome.PASS, "1 queries read what exists"),
        (MISSING, Outcome.FAIL, "main / Panel, query A: there is no metric up"),
        (
            Climbed(Rung.METRIC, "none", exporter="cAdvisor"),
            Outcome.PASS,
            "1 queries read what exists; not here: cAdvisor",
        ),
        (TIMED_OUT, Outcome.INCONCLUSIVE, "main / Panel, query A: no answer within 10 s"),
    ],
)
def test_with_data(step: Climbed | CouldNotObserve, expected: Outcome, observed: str) -> None:
    assert outcome(checks.judge_data(queries(asked("up")), {"up{}": step}, PLACE)) == (expected, observed)


def test_a_repeated_panel_has_data_when_one_of_its_repetitions_has() -> None:
    one = asked("up")
    twice = panel_queries._read(Asked("main", "Panel", one.panel, one.query, ('up{a="1"}', 'up{a="2"}'), ()))
    steps = {'up{a="1"}': MISSING, 'up{a="2"}': Climbed(Rung.FOUND)}
    assert checks.judge_data(queries(twice), steps, PLACE).outcome is Outcome.PASS
    assert checks.judge_data(queries(twice), dict.fromkeys(steps, MISSING), PLACE).outcome is Outcome.FAIL


def test_many_dead_panels_are_one_verdict() -> None:
    every = [asked(f"metric_{number}") for number in range(20)]
    steps = {f"metric_{number}{{}}": Climbed(Rung.METRIC, f"no metric {number}") for number in range(20)}
    verdict = checks.judge_data(queries(*every), steps, PLACE)
    assert verdict.observed.endswith("no metric 0")
    assert len(verdict.notes) == 9
    assert verdict.notes[-1] == "and 11 more"


def test_lints_that_are_not_sure_are_remarks() -> None:
    sure = shapes.Finding(shapes.Lint.JOINS, "never matches", "a / b")
    doubtful = shapes.Finding(shapes.Lint.RATES, "may be a gauge", "rate(a[5m])", sure=False)
    one = asked("up")
    assert checks.judge_well_made([], "1 queries", PLACE).outcome is Outcome.PASS
    remarked = checks.judge_well_made([(one, doubtful)], "1 queries", PLACE)
    assert remarked.outcome is Outcome.PASS
    assert remarked.notes == ("main / Panel, query A: may be a gauge, in rate(a[5m])",)
    wrong = checks.judge_well_made([(one, sure), (one, doubtful)], "1 queries", PLACE)
    assert outcome(wrong) == (Outcome.FAIL, "main / Panel, query A: never matches, in a / b")


# -- variables ---------------------------------------------------------------------------------------------------------


def read(text: str) -> Selector:
    node = promql.parse(text)
    assert isinstance(node, Selector)
    return node


@pytest.mark.parametrize(
    ("chosen", "step", "expected", "observed"),
    [
        (Chosen("v", read('up{job=~".+"}'), "job"), Climbed(Rung.FOUND), Outcome.PASS, "1 variables offer values"),
        (
            Chosen("v", read('up{job=~".+"}'), "job"),
            Climbed(Rung.LABEL, "up has no label job"),
            Outcome.FAIL,
            "v: up has no label job",
        ),
        (Chosen("v", read('up{job=~".+"}'), "job"), TIMED_OUT, Outcome.INCONCLUSIVE, "v: no answer within 10 s"),
        (Chosen("v", label="provider"), MISSING, Outcome.PASS, "1 variables offer values"),
        (
            Chosen("v", label="providr"),
            MISSING,
            Outcome.FAIL,
            "v: there is no label providr; nearest: provider",
        ),
        (Chosen("v", trouble="up{: no end"), MISSING, Outcome.INCONCLUSIVE, "v: up{: no end"),
    ],
)
def test_variables(chosen: Chosen, step: Climbed | CouldNotObserve, expected: Outcome, observed: str) -> None:
    steps = {'up{job=~".+"}': step}
    given = promise(checks.Variables)
    verdict = checks.judge_variables(given, queries(variables=(chosen,)), steps, {"provider", "job"}, PLACE)
    assert outcome(verdict) == (expected, observed)


@pytest.mark.parametrize(
    ("text", "free", "expected"),
    [
        ('up{job="$nowhere"}', (), Outcome.FAIL),
        ('up{job="$nowhere"}', ("nowhere",), Outcome.PASS),
        ('label_replace(up, "a", "$nowhere", "b", "(?P<nowhere>.*)")', (), Outcome.PASS),
    ],
)
def test_variables_that_there_are_not(text: str, free: tuple[str, ...], expected: Outcome) -> None:
    one = asked(text)
    used = Asked(one.uid, one.place, one.panel, one.query, one.texts, one.nodes, {}, ("nowhere",))
    given = promise(checks.Variables, free=free)
    assert checks.judge_variables(given, queries(used), {}, (), PLACE).outcome is expected


def test_several_values_where_one_is_compared() -> None:
    one = asked('up{job="$job"}')
    used = Asked(one.uid, one.place, one.panel, one.query, one.texts, one.nodes, {}, (), ("job",))
    verdict = checks.judge_variables(promise(checks.Variables), queries(used), {}, (), PLACE)
    assert verdict.outcome is Outcome.FAIL
    assert "main / Panel, query A: it compares one value with $job, which has several" in verdict.observed


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ("now", Outcome.PASS),
        ("now-1m", Outcome.PASS),
        ("now-10m", Outcome.PASS),
        ("now-1h", Outcome.FAIL),
        ("2024-01-02T00:00:00Z", Outcome.FAIL),
    ],
)
def test_a_dashboard_that_opens_with_what_was(ends: str, expected: Outcome) -> None:
    line = contract.load().promises("dashboards.opens", checks.Opens)[0]
    boards = list(found(panel("Up"), time={"from": "now-6h", "to": ends}).boards.values())
    verdict = checks.judge_opens(line, boards, PLACE)
    assert verdict.outcome is expected
    assert (f"main opens with a time range that ends at {ends}" in verdict.observed) is (expected is Outcome.FAIL)


@pytest.mark.parametrize(
    ("title", "exprs", "expected"),
    [
        ("Replicas Up", ['count(up{job="app"})'], Outcome.FAIL),
        ("Replicas that are available", ["count by (job) (up)"], Outcome.FAIL),
        ("Replicas Up", ['count(up{job="app"} == 1)'], Outcome.PASS),
        ("Replicas Up", ['sum(up{job="app"})'], Outcome.PASS),
        ("Up", ["up"], Outcome.PASS),
        ("Share up", ["sum(up) / count(up)"], Outcome.PASS),
        ("Replicas up, of all", ["sum(up)", "count(up)"], Outcome.PASS),
        ("Replicas", ["count(up)"], Outcome.PASS),
        ("Backup targets", ["count(up)"], Outcome.PASS),
        ("Pods Up", ["count(kube_pod_info)"], Outcome.PASS),
    ],
)
def test_what_is_called_up_answers(title: str, exprs: list[str], expected: Outcome) -> None:
    """A count of targets is the same whether they answer or not."""
    line = contract.load().promises("dashboards.answering", checks.Answering)[0]
    one = dashboards.read({"panels": [panel(title, targets=[{"refId": e, "expr": e} for e in exprs])]}).panels[0]
    each = [panel_queries._read(Asked("main", title, one, query, (query.text,), ())) for query in one.queries]
    assert checks.judge_answering(line, queries(*each), PLACE).outcome is expected


# -- units and colours -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "shown_as", "fits"),
    [
        (Unit.RATIO, "percentunit", True),
        (Unit.RATIO, "percent", False),
        (Unit.RATIO, "s", False),
        (Unit.RATIO, "short", True),
        (Unit.RATIO, "", True),
        (Unit.RATIO, "suffix: of all", True),
        (Unit.PERCENT, "percent", True),
        (Unit.PERCENT, "percentunit", False),
        (Unit.SECONDS, "s", True),
        (Unit.SECONDS, "dtdurations", True),
        (Unit.SECONDS, "ms", False),
        (Unit.BYTES, "decbytes", True),
        (Unit.BYTES, "mbytes", False),
        (Unit.PER_SECOND, "reqps", True),
        (Unit.PER_SECOND, "percentunit", False),
        (Unit.EVENTS, "none", True),
        (Unit.UNKNOWN, "percent", True),
    ],
)
def test_units_that_fit(unit: Unit, shown_as: str, fits: bool) -> None:  # noqa: FBT001
    assert (showing.misfit(unit, shown_as) == "") is fits


def config(unit: str = "", steps: list[tuple[float | None, str]] | None = None, **more: Any) -> dict[str, Any]:
    listed = [{"value": value, "color": color} for value, color in steps or ()]
    return {"fieldConfig": {"defaults": {"unit": unit, "thresholds": {"mode": "absolute", "steps": listed}, **more}}}


def test_a_gauge_whose_scale_is_for_percentages() -> None:
    ratio = 'sum(rate(x_total{a="b"}[5m])) / sum(rate(x_total[5m]))'
    for most, kind, expected in ((1, "gauge", Outcome.PASS), (100, "gauge", Outcome.FAIL), (100, "stat", Outcome.PASS)):
        given = queries(asked(ratio, kind=kind, **config("percentunit", min=0, max=most)))
        assert checks.judge_units(UNITS, given, Knowledge(), PLACE).outcome is expected


def test_a_percentage_of_a_percentage() -> None:
    """What a value is follows from the names of the metric, or from the contract; the panel's own unit decides."""
    seconds = "histogram_quantile(0.9, sum by (le) (rate(x_seconds_bucket[5m])))"
    assert checks.judge_units(UNITS, queries(asked(seconds, **config("s"))), Knowledge(), PLACE).outcome is Outcome.PASS
    wrong = checks.judge_units(UNITS, queries(asked(seconds, **config("ms"))), Knowledge(), PLACE)
    assert wrong.outcome is Outcome.FAIL
    assert wrong.observed.startswith("main / Panel, query A: its value is seconds, and its unit is ms; s would fit")
    moved = asked(seconds, **config("ms"), transformations=[{"id": "calculateField"}])
    assert checks.judge_units(UNITS, queries(moved), Knowledge(), PLACE).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("m", Scaled("m")),
        ("max by (a) (m{b='c'}) > 0.5", Scaled("m")),
        ("100 * avg(m)", Scaled("m", 100)),
        ("m * 100 / 2 + 1", Scaled("m", 50, 1)),
        ("1 - m", Scaled("m", -1, 1)),
        ("-(m - 3)", Scaled("m", -1, 3)),
        ("last_over_time(m[5m]) or vector(0)", Scaled("m")),
        ("sum(m)", None),
        ("m / n", None),
        ("rate(m[5m])", None),
        ("m > bool 1", None),
        ("vector(1)", None),
        ("{a='b'}", None),
    ],
)
def test_expressions_that_show_one_metric(text: str, found: Scaled | None) -> None:
    assert showing.scaled(promql.parse(text)) == found


GREEN_RED: list[tuple[float | None, str]] = [(None, "green"), (0.01, "orange"), (0.05, "red")]


@pytest.mark.parametrize(
    ("steps", "scaled", "right"),
    [
        (GREEN_RED, Scaled("m"), True),
        ([(None, "green"), (0.01, "red")], Scaled("m"), True),  # earlier than it need be
        ([(None, "green"), (0.05, "red"), (0.5, "purple")], Scaled("m"), True),
        ([(None, "green"), (1, "orange"), (5, "red")], Scaled("m", 100), True),
        ([(None, "red"), (0.95, "orange"), (0.99, "green")], Scaled("m", -1, 1), True),
        ([(None, "green"), (0.01, "orange"), (0.1, "red")], Scaled("m"), False),
        ([(None, "green"), (1, "orange"), (5, "red")], Scaled("m"), False),
        ([(None, "red"), (0.05, "green")], Scaled("m"), False),
        ([(None, "green"), (0.001, "red")], Scaled("m"), False),  # red while the target is kept
        ([(None, "orange"), (0.05, "green")], Scaled("m"), False),  # the alarm is green
        ([(None, "green"), (5, "orange"), (0.05, "red")], Scaled("m"), False),  # out of order: red is never reached
    ],
)
def test_colours_of_an_error_ratio(steps: list[tuple[float | None, str]], scaled: Scaled, right: bool) -> None:  # noqa: FBT001
    """Above 5 % is an alarm, below 1 % the target."""
    said = showing.wrong_colors([Step(*each) for each in steps], scaled, alarm=0.05, above=True, good=0.00999)
    assert (said == "") is right, said


def one_panel(**more: Any) -> Panel:
    return dashboards.read({"panels": [panel("p", **more)]}).panels[0]


def test_steps_that_nobody_chose_are_none() -> None:
    assert showing.absolute_steps(one_panel(**config(steps=[(None, "green"), (80, "red")]))) == ()
    assert showing.absolute_steps(one_panel(**config(steps=[(None, "green")]))) == ()
    assert len(showing.absolute_steps(one_panel(**config(steps=GREEN_RED)))) == 3


def test_steps_in_percent_of_the_scale() -> None:
    given = config(steps=[(None, "red"), (20, "green")], min=0, max=1)
    given["fieldConfig"]["defaults"]["thresholds"]["mode"] = "percentage"
    assert [step.value for step in showing.absolute_steps(one_panel(**given))] == [None, 0.2]
    del given["fieldConfig"]["defaults"]["max"]
    assert showing.absolute_steps(one_panel(**given)) == ()


OBJECTIVE = promise(
    Objective,
    query="error_budget_remaining",
    unit="ratio",
    breach={"below": 0.2},
    target={"above": 0.5},
    traffic={"query": "x", "window_seconds": 60, "minimum": 1},
)


@pytest.mark.parametrize(
    ("text", "steps", "expected"),
    [
        ("error_budget_remaining", [(None, "red"), (0.2, "orange"), (0.5, "green")], Outcome.PASS),
        ("error_budget_remaining", [(None, "red"), (0.02, "orange"), (0.5, "green")], Outcome.FAIL),
        ("error_budget_remaining", [(None, "green"), (0.2, "orange"), (0.5, "red")], Outcome.FAIL),
        ("error_budget_remaining * 100", [(None, "red"), (20, "green")], Outcome.PASS),
        ("something_else", [(None, "red"), (0.02, "green")], Outcome.PASS),
        ("error_budget_remaining", [(None, "green"), (80, "red")], Outcome.PASS),  # Grafana's own
    ],
)
def test_thresholds(text: str, steps: list[tuple[float | None, str]], expected: Outcome) -> None:
    given = queries(asked(text, **config(steps=steps)))
    assert checks.judge_thresholds(given, {OBJECTIVE.query: OBJECTIVE}, PLACE).outcome is expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("error_budget_remaining", "avg(error_budget_remaining)"), Outcome.FAIL),
        # The colours may be meant for the other one.
        (("error_budget_remaining", "platform_error_ratio"), Outcome.PASS),
        (("error_budget_remaining", "sum(rate(a[5m]))"), Outcome.PASS),
    ],
)
def test_thresholds_of_several_queries(texts: tuple[str, ...], expected: Outcome) -> None:
    steps = config(steps=[(None, "red"), (0.02, "orange"), (0.5, "green")])
    targets = [{"refId": ref, "expr": text} for ref, text in zip("AB", texts, strict=True)]
    both = dashboards.read({"panels": [panel("Panel", targets=targets, **steps)]}).panels[0]
    asked_ = [panel_queries._read(Asked("main", "Panel", both, each, (each.text,), ())) for each in both.queries]
    assert checks.judge_thresholds(queries(*asked_), {OBJECTIVE.query: OBJECTIVE}, PLACE).outcome is expected


REDUCED = contract.load().promises("dashboards.reduced", checks.Reduced)[0]


@pytest.mark.parametrize(
    ("expr", "calculation", "more", "expected"),
    [
        ("error_budget_remaining", "lastNotNull", {}, Outcome.PASS),
        ("error_budget_remaining", "mean", {}, Outcome.PASS),
        ("error_budget_remaining", "max", {}, Outcome.FAIL),
        ("error_budget_remaining", "min", {}, Outcome.PASS),
        ("1 - error_budget_remaining", "min", {}, Outcome.FAIL),
        ("error_budget_remaining", "sum", {}, Outcome.FAIL),
        ("error_budget_remaining", "max", {"kind": "timeseries"}, Outcome.PASS),
        ("something_else", "sum", {}, Outcome.PASS),
        (
            "error_budget_remaining",
            "sum",
            {"targets": [{"expr": "error_budget_remaining", "instant": True}]},
            Outcome.PASS,
        ),
    ],
)
def test_numbers_of_now(expr: str, calculation: str, more: dict[str, Any], expected: Outcome) -> None:
    given = {"kind": "gauge", "options": {"reduceOptions": {"calcs": [calculation]}}, **more}
    verdict = checks.judge_reduced(REDUCED, queries(asked(expr, **given)), {OBJECTIVE.query: OBJECTIVE}, PLACE)
    assert verdict.outcome is expected


MAPPED = contract.load().promises("dashboards.mapped", checks.Mapped)[0]


def mapping(**texts: str) -> dict[str, Any]:
    options = {value.strip("_"): {"text": text} for value, text in texts.items()}
    return {"fieldConfig": {"defaults": {"mappings": [{"type": "value", "options": options}]}}}


@pytest.mark.parametrize(
    ("expr", "more", "expected"),
    [
        ("max by (key) (ocr_circuit_state)", mapping(_0="closed", _1="half-open", _2="open"), Outcome.PASS),
        ("ocr_circuit_state", mapping(_0="OPEN", _1="half-open", _2="CLOSED"), Outcome.FAIL),
        ("ocr_circuit_state", mapping(_0="closed", _1="open", _2="half-open"), Outcome.FAIL),
        ("ocr_circuit_state", mapping(_0="OK", _2="Open!"), Outcome.PASS),
        ("ocr_circuit_state", mapping(_0="zu", _1="halb", _2="offen"), Outcome.PASS),
        ("something_else", mapping(_0="open"), Outcome.PASS),
        ("ocr_circuit_state", {"valueMaps": [{"op": "=", "value": "0", "text": "open"}]}, Outcome.FAIL),
        ("ocr_circuit_state", {}, Outcome.PASS),
    ],
)
def test_states_by_their_names(expr: str, more: dict[str, Any], expected: Outcome) -> None:
    assert checks.judge_mapped(MAPPED, queries(asked(expr, **more)), PLACE).outcome is expected


@pytest.mark.parametrize(
    ("unit", "minimum", "maximum", "fits"),
    [
        (Unit.RATIO, 0, 1, True),
        (Unit.RATIO, None, None, True),
        (Unit.RATIO, 0, 100, False),
        (Unit.RATIO, -1, 1, True),
        (Unit.RATIO, 0, 0.1, True),  # of errors, the lower part may be what is of interest
        (Unit.PERCENT, 0, 100, True),
        (Unit.PERCENT, 0, 1, False),
        (Unit.PERCENT, 0, 10, True),
        (Unit.SECONDS, 0, 100, True),
    ],
)
def test_scales(unit: Unit, minimum: float | None, maximum: float | None, fits: bool) -> None:  # noqa: FBT001
    assert (showing.misscaled(unit, minimum, maximum) == "") is fits
