"""Dashboards as data: what is read from their models, and the PromQL that Grafana would ask."""

from __future__ import annotations

from typing import Any

import pytest

from selfcheck import dashboards, promql
from selfcheck.clients.grafana import DataSource
from selfcheck.dashboards import Query, Reference, Timing, UnreadableBoardError, Value, Variable, expand, resolve

MAIN = DataSource("uid-1", "Prometheus", "prometheus", "http://prometheus:9090", default=True, interval="30s")
LOGS = DataSource("uid-2", "Logs", "loki", "http://loki:3100", default=False)
PROVIDERS = Value(("paddle", "deepseek.hf"), several=True)


def panel(title: str, expr: str = "up", **more: Any) -> dict[str, Any]:
    return {"type": "timeseries", "title": title, "targets": [{"refId": "A", "expr": expr}], **more}


def board(*panels: dict[str, Any], **more: Any) -> dashboards.Board:
    return dashboards.read({"uid": "u", "title": "T", "panels": list(panels), **more})


def variable(**fields: Any) -> Variable:
    return dashboards.read({"panels": [], "templating": {"list": [{"name": "v", **fields}]}}).variables[0]


# -- reading -----------------------------------------------------------------------------------------------------------


def test_panels_of_rows_open_closed_and_repeated() -> None:
    found = board(
        panel("first"),
        {"type": "row", "title": "open", "repeat": "provider", "panels": []},
        panel("second", repeat="stage"),
        {"type": "row", "title": "closed", "collapsed": True, "panels": [panel("third")]},
    )
    assert [(each.title, each.collapsed, each.repeats) for each in found.panels] == [
        ("first", False, ()),
        ("second", False, ("stage", "provider")),
        ("third", True, ()),
    ]


def test_a_model_of_old_has_rows_instead() -> None:
    old = panel("graph", type="graph", yaxes=[{"format": "percentunit"}, {"format": "short"}])
    found = dashboards.read({"title": "T", "rows": [{"collapse": True, "repeat": "v", "panels": [old]}]}).panels[0]
    assert (found.collapsed, found.repeats, found.unit, found.place) == (True, ("v",), "percentunit", None)


def test_a_library_panel_is_filled_in_and_keeps_its_place() -> None:
    here = {"libraryPanel": {"uid": "lib", "name": "Errors"}, "gridPos": {"x": 12, "y": 1, "w": 12, "h": 2}}
    model = {"panels": [here]}
    assert dashboards.library_uids(model) == {"lib"}
    filled = dashboards.read(model, {"lib": panel("Errors", "errors", gridPos={"x": 0, "y": 0, "w": 1, "h": 1})})
    assert filled.panels[0].queries[0].text == "errors"
    assert filled.panels[0].place == dashboards.Place(12, 1, 12, 2)
    unknown = dashboards.read(model).panels[0]
    assert (unknown.library, unknown.title, unknown.queries) == ("lib", "Errors", ())


def test_a_library_panel_that_comes_with_its_content_needs_no_library() -> None:
    model = {"panels": [panel("Errors", libraryPanel={"uid": "lib", "name": "Errors"})]}
    assert dashboards.library_uids(model) == set()
    assert dashboards.read(model).panels[0].library == ""


def test_library_panels_that_a_dashboard_brings_along() -> None:
    model = {"__elements": {"lib": {"uid": "lib", "kind": 1, "model": panel("Errors")}, "other": {"uid": "x"}}}
    assert dashboards.enclosed(model) == {"lib": panel("Errors")}
    assert dashboards.enclosed({"__elements": []}) == {}


def test_units_of_single_queries() -> None:
    override = {"matcher": {"id": "byFrameRefID", "options": "B"}, "properties": [{"id": "unit", "value": "s"}]}
    config = {"defaults": {"unit": "percentunit"}, "overrides": [override]}
    found = board(panel("p", fieldConfig=config)).panels[0]
    assert [found.unit_of(Query(ref, "up", Reference())) for ref in "AB"] == ["percentunit", "s"]
    assert found.units_told
    override["matcher"] = {"id": "byName", "options": "paddle"}
    assert not board(panel("p", fieldConfig=config)).panels[0].units_told


def test_queries_take_the_data_source_of_their_panel_unless_they_have_one() -> None:
    targets = [{"refId": "A", "expr": "a"}, {"refId": "B", "expr": "b", "datasource": {"uid": "x"}, "hide": True}]
    found = board(panel("p", targets=targets, datasource="Prometheus")).panels[0].queries
    assert found == (
        Query("A", "a", Reference("Prometheus")),
        Query("B", "b", Reference("x"), hidden=True),
    )


def test_annotations_are_queries() -> None:
    listed = [
        {"name": "built in", "datasource": "-- Grafana --"},
        {"name": "restarts", "expr": "changes(x[5m])", "datasource": None},
    ]
    names = [(place, query.text) for place, _, query in board(annotations={"list": listed}).queries()]
    assert names == [("annotation restarts", "changes(x[5m])")]


@pytest.mark.parametrize(
    "model",
    [
        {"elements": {"panel-1": {}}, "layout": {}},
        {"panels": [17]},
        {"panels": [{"title": "p", "targets": [{}], "gridPos": {"x": "left"}}]},
        {"panels": [], "templating": {"list": [{"type": "query"}]}},
    ],
)
def test_a_model_in_another_form_is_unreadable(model: dict[str, Any]) -> None:
    with pytest.raises(UnreadableBoardError):
        dashboards.read(model)


@pytest.mark.parametrize(
    ("content", "is_one"),
    [
        ({"panels": []}, True),
        ({"rows": []}, True),
        ({"title": "T", "schemaVersion": 39}, True),
        ({"name": "package", "version": "1"}, False),
        ([], False),
    ],
)
def test_what_is_a_dashboard(content: object, is_one: bool) -> None:  # noqa: FBT001
    assert dashboards.is_board(content) is is_one


# -- variables ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "series", "label"),
    [
        ("label_values(up, job)", "up", "job"),
        ('label_values(up{job=~"a,b", x="$y"}, instance)', 'up{job=~"a,b", x="$y"}', "instance"),
        ("label_values( provider )", "", "provider"),
        ({"query": "label_values(up,job)", "refId": "x"}, "up", "job"),
    ],
)
def test_label_values(query: object, series: str, label: str) -> None:
    assert variable(type="query", query=query).label_values == (series, label)


def test_query_results() -> None:
    found = variable(type="query", query="query_result(topk(3, up))")
    assert (found.label_values, found.result_query) == (None, "topk(3, up)")


@pytest.mark.parametrize(
    ("fields", "offered", "value"),
    [
        ({"type": "query", "current": {"value": "b"}}, ("a", "b"), Value(("b",))),
        ({"type": "query", "current": {"value": "gone"}}, ("a", "b"), Value(("a",))),
        ({"type": "query", "multi": True, "current": {"value": ["$__all"]}}, ("a", "b"), Value(("a", "b"), True)),
        ({"type": "query", "includeAll": True, "allValue": ".+"}, ("a",), Value((), True, ".+")),
        ({"type": "query", "includeAll": True}, None, Value((), True, ".*")),
        ({"type": "query"}, None, Value((), as_it_is=".*")),
        ({"type": "custom", "query": "Five : 5m, ten"}, None, Value(("5m",))),
        ({"type": "constant", "query": "prod"}, None, Value(("prod",))),
        ({"type": "textbox", "query": "x", "current": {"value": "typed"}}, None, Value(("typed",))),
        (
            {"type": "interval", "query": "auto,1m,5m", "current": {"value": "$__auto_interval_v"}},
            None,
            Value(("1m",)),
        ),
    ],
)
def test_what_a_variable_stands_for(fields: dict[str, Any], offered: tuple[str, ...] | None, value: Value) -> None:
    assert dashboards.value_of(variable(**fields), offered) == value


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ('up{a="$one"}', 'up{a="x"}'),
        ('up{a="[[one]]"}', 'up{a="x"}'),
        ('up{a="${one}", b="${one:regex}"}', 'up{a="x", b="x"}'),
        ('up{a=~"$providers"}', r'up{a=~"(paddle|deepseek\\.hf)"}'),
        ('up{a=~"${providers:pipe}"}', 'up{a=~"paddle|deepseek.hf"}'),
        ('up{a=~"[[providers:csv]]"}', 'up{a=~"paddle,deepseek.hf"}'),
        ("topk(3, x) # $one_more", "topk(3, x) # $one_more"),
        ('up{a=~"${all}"}', 'up{a=~".+"}'),
        ("rate(x[$__rate_interval])", "rate(x[60s])"),
        ("rate(x[$__interval]) * $__range_s + ${__interval_ms}", "rate(x[22s]) * 21600 + 22000"),
        ("increase(x[${__range}])", "increase(x[21600s])"),
        ('label_replace(x, "a", "$1", "b", "(.*)$")', 'label_replace(x, "a", "$1", "b", "(.*)$")'),
    ],
)
def test_expansion(text: str, expanded: str) -> None:
    values = {"one": Value(("x",)), "providers": PROVIDERS, "all": Value((), several=True, as_it_is=".+")}
    assert expand(text, values, Timing())[0] == expanded
    if "#" not in text:
        promql.parse(expanded)


def test_unknown_variables_are_named_once() -> None:
    assert expand('a{x="$one"} + b{x="[[one]]", y="${two:csv}", z="$1"}', {}, Timing())[1] == ("one", "two")


SEVERAL, SINGLE = {"includeAll": True, "current": {"value": ["$__all"]}}, {"current": {"value": "a"}}


@pytest.mark.parametrize(
    ("fields", "values", "text", "more", "found"),
    [
        (SEVERAL, ("a", "b"), 'up{job="$v"}', {}, ("v",)),
        (SEVERAL, ("a", "b"), "up{job!='${v}'}", {}, ("v",)),
        (SEVERAL, ("a", "b"), 'up{job = "[[v]]", instance="x"}', {}, ("v",)),
        ({"multi": True, "current": {"value": ["a", "b"]}}, ("a", "b"), 'up{job="${v:regex}"}', {}, ("v",)),
        ({"includeAll": True}, ("a", "b"), 'up{job="$v"}', {}, ("v",)),
        ({**SEVERAL, "allValue": ".*"}, (), 'up{job="$v"}', {}, ("v",)),
        (SEVERAL, ("a", "b"), 'up{job=~"$v"}', {}, ()),
        (SEVERAL, ("a", "b"), 'up{job="app-$v"}', {}, ()),
        (SEVERAL, ("a", "b"), 'up{job="$other"}', {}, ()),
        (SEVERAL, ("a", "b"), 'up{job="$v"}', {"repeat": "v"}, ()),
        (SEVERAL, ("a",), 'up{job="$v"}', {}, ()),
        ({"multi": True, "includeAll": True, **SINGLE}, ("a", "b"), 'up{job="$v"}', {}, ()),
        ({"multi": True, "current": {"value": ["a"]}}, ("a", "b"), 'up{job="$v"}', {}, ()),
        (SINGLE, ("a", "b"), 'up{job="$v"}', {}, ()),
    ],
)
def test_several_values_are_not_one(
    fields: dict[str, Any], values: tuple[str, ...], text: str, more: dict[str, Any], found: tuple[str, ...]
) -> None:
    """What opens with several values is compared with =~, unless its panel is repeated for each."""
    one = board(panel("P", text, **more)).panels[0]
    given = {"v": Value(values, several=True)}
    assert dashboards.compared_as_one(one.queries[0], one, [variable(**fields)], given) == found


@pytest.mark.parametrize(
    ("time", "behind"),
    [
        ({}, 0.0),
        ({"from": "now-6h", "to": "now"}, 0.0),
        ({"from": "now-6h", "to": "now-1m"}, 60.0),
        ({"from": "now-7h", "to": "now-1h"}, 3600.0),
        ({"from": "now/d", "to": "now/d"}, 0.0),
        ({"from": "now-1d/d", "to": "now-1d/d"}, 86400.0),
        ({"from": "now-6h", "to": "now+1h"}, 0.0),
        ({"from": "2024-01-01T00:00:00Z", "to": "2024-01-02T00:00:00Z"}, None),
        ({"from": "1700000000000", "to": "1700003600000"}, None),
    ],
)
def test_how_long_ago_a_dashboard_ends(time: dict[str, str], behind: float | None) -> None:
    assert board(time=time).behind_seconds == behind


def test_an_interval_of_a_fraction_is_written_in_milliseconds() -> None:
    assert expand("x[$__rate_interval]", {}, Timing(300, 0.5))[0] == "x[2s]"
    assert expand("x[$__interval]", {}, Timing(300, 0.5))[0] == "x[500ms]"


@pytest.mark.parametrize(
    ("step", "source", "scrape_seconds"),
    [("", None, 15), ("", MAIN, 30), (">1m", MAIN, 60), ("", LOGS, 15), ("$step", None, 15)],
)
def test_where_the_scrape_interval_comes_from(step: str, source: DataSource | None, scrape_seconds: float) -> None:
    one = board(time={"from": "now-1h", "to": "now"})
    when = dashboards.timing(one, Query("A", "up", Reference(), step=step), source)
    assert (when.range_seconds, when.scrape_seconds) == (3600, scrape_seconds)


def test_a_repeated_panel_asks_once_for_each_value() -> None:
    one = board(panel("p", 'up{a=~"$providers", b=~"$other"}', repeat="providers")).panels[0]
    values = {"providers": PROVIDERS, "other": Value(("1", "2"), several=True)}
    texts, unknown = dashboards.expansions(one.queries[0], one, values, Timing())
    assert texts == ('up{a=~"paddle", b=~"(1|2)"}', r'up{a=~"deepseek\\.hf", b=~"(1|2)"}')
    assert unknown == ()


def test_a_panel_repeated_over_nothing_asks_for_everything() -> None:
    one = board(panel("p", 'up{a=~"$v"}', repeat="v")).panels[0]
    assert dashboards.expansions(one.queries[0], one, {"v": Value((), True, ".*")}, Timing())[0] == ('up{a=~".*"}',)


# -- data sources ------------------------------------------------------------------------------------------------------

CHOICE = {"name": "ds", "type": "datasource", "query": "prometheus", "current": {"value": "uid-1"}}


@pytest.mark.parametrize(
    ("given", "source", "missing"),
    [
        ({"type": "prometheus", "uid": "uid-1"}, MAIN, ""),
        ("Prometheus", MAIN, ""),
        (None, MAIN, ""),
        ("default", MAIN, ""),
        ({"type": "loki", "uid": "uid-2"}, LOGS, ""),
        ({"type": "prometheus", "uid": "${ds}"}, MAIN, ""),
        ("$ds", MAIN, ""),
        ({"type": "prometheus", "uid": "gone"}, None, "there is no data source gone"),
        ("${DS_PROMETHEUS}", None, "the variable ${DS_PROMETHEUS} is none of the dashboard's data sources"),
        ({"type": "__expr__", "uid": "__expr__"}, None, ""),
        ({"type": "grafana", "uid": "-- Grafana --"}, None, ""),
        ("-- Dashboard --", None, ""),
    ],
)
def test_data_sources(given: object, source: DataSource | None, missing: str) -> None:
    one = board(panel("p", datasource=given), templating={"list": [CHOICE]})
    found = resolve(one.panels[0].queries[0].source, (LOGS, MAIN), one)
    assert (found.source, found.missing) == (source, missing)
    assert found.is_prometheus is (source is MAIN or bool(missing and "type" in str(given)))


def test_a_choice_of_data_sources_of_which_there_is_none() -> None:
    one = board(templating={"list": [CHOICE]})
    assert resolve(Reference("$ds"), (LOGS,), one).missing == "there is no data source of the kind prometheus"
    renamed = DataSource("uid-9", "Other", "prometheus", "", default=False)
    assert resolve(Reference("$ds"), (LOGS, renamed), one).source is renamed


def test_without_a_list_of_data_sources_everything_is_taken_for_prometheus() -> None:
    assert resolve(Reference("whatever"), None, board()).is_prometheus
    assert not resolve(Reference("uid-2", "loki"), None, board()).is_prometheus
