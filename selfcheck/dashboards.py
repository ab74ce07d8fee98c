"""Grafana's dashboards as data: their panels, variables and queries, and the PromQL that Grafana would ask. Pure.

Reads the JSON model in the forms of the last years: rows as panels (open, collapsed, repeated), rows of old models,
library panels, data sources by name, by uid, or by variable.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from selfcheck.clients.grafana import DataSource

GRID_WIDTH: Final = 24
_RANGE_SECONDS: Final = 6 * 3600
_SCRAPE_SECONDS: Final = 15.0
"""What Grafana takes for the interval of a data source that does not say it."""
_POINTS: Final = 1000
_VALUES_MAX: Final = 30
_REPEATS_MAX: Final = 3
ANY: Final = ".*"
_ALL: Final = "$__all"
_BUILT_IN_SOURCES: Final = frozenset({"-- Grafana --", "grafana", "-- Dashboard --", "__expr__", "-- Mixed --"})
# As Grafana's own: $name, [[name]] with or without a format, ${name} likewise (and with a field of the value).
_VARIABLE: Final = re.compile(
    r"\$(?P<plain>\w+)"
    r"|\[\[(?P<old>\w+)(?::(?P<old_format>\w+))?\]\]"
    r"|\$\{(?P<name>\w+)(?:\.[^:}]+)?(?::(?P<format>[^}]+))?\}"
)
_COMPARED: Final = re.compile(r"""(?P<label>[a-zA-Z_]\w*)\s*!?=\s*(?P<quote>["'`])(?P<value>[^"'`]*)(?P=quote)""")
_SPECIAL: Final = re.compile(r"[\\^$*+?.()|\[\]{}]")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w|M|y)")
_SECONDS_OF: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2592000, "y": 31536000}
_BEFORE_NOW: Final = re.compile(r"now(?:-(?P<ago>\d+(?:ms|s|m|h|d|w|M|y))|\+\w+)?(?:/\w+)?")
_SLASHED: Final = re.compile(r"/(?P<text>.*)/(?P<flags>[a-z]*)", re.DOTALL)
_LABEL_VALUES: Final = re.compile(r"\s*label_values\((?:(?P<series>.+),)?\s*(?P<label>[a-zA-Z_]\w*)\s*\)\s*", re.DOTALL)
_QUERY_RESULT: Final = re.compile(r"\s*query_result\((?P<query>.+)\)\s*", re.DOTALL)


class UnreadableBoardError(ValueError):
    """A dashboard whose model has not the form that Grafana's have; the text says where."""


@dataclass(frozen=True, slots=True)
class Reference:
    """How a panel names its data source: by `uid` or by `name` (which may be variables), or only by kind."""

    key: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """What one target of a panel (or an annotation) asks, as it stands in the model; `hidden`: and does not show.

    `instant`: it asks for this moment alone, and not for the time range.
    """

    ref: str
    text: str
    source: Reference
    step: str = ""
    hidden: bool = False
    instant: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a panel is on the grid, which is 24 wide."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        """The middle, from the left and from the top."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Step:
    """From which value a colour stands for it; None for the first step, which has no lower end."""

    value: float | None
    color: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `repeats` names the variables for whose values it (or its row) is repeated."""

    title: str
    kind: str
    place: Place | None
    collapsed: bool
    repeats: tuple[str, ...]
    queries: tuple[Query, ...]
    unit: str
    units: Mapping[str, str]
    """Units that single queries have instead, by their `ref`."""
    units_told: bool
    """Whether the units above are all: an override may give one to series that cannot be told from here."""
    steps: tuple[Step, ...]
    steps_relative: bool
    """Whether steps are percentages of the way from `minimum` to `maximum`."""
    steps_elsewhere: bool
    """Whether there are thresholds that are not in `steps`: of single series, or of a panel of an older kind."""
    minimum: float | None
    maximum: float | None
    transformed: bool
    library: str
    """The uid of a library panel that could not be read; empty for all others."""
    calculation: str = ""
    """What a panel of one number makes of a series (`lastNotNull`, `max`, ...); empty where it is not said."""
    mapped: Mapping[str, str] = field(default_factory=dict)
    """Texts that it shows in the place of single values."""

    @property
    def blank(self) -> bool:
        """Whether all that it asks is hidden."""
        return bool(self.queries) and all(query.hidden for query in self.queries)

    def unit_of(self, query: Query) -> str:
        """Give the unit in which the panel shows a query."""
        return self.units.get(query.ref, self.unit)


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a dashboard. `several`: it may have several values at once."""

    name: str
    kind: str
    query: str
    current: tuple[str, ...]
    options: tuple[str, ...]
    several: bool
    all_value: str
    source: Reference
    regex: str = ""
    """What a value must match, and which part of it is offered."""
    opens_with_several: bool = False
    """Whether it has several values when nobody has chosen yet."""

    @property
    def label_values(self) -> tuple[str, str] | None:
        """The series (empty for any) and the label of a `label_values` query."""
        found = _LABEL_VALUES.fullmatch(self.query) if self.kind == "query" else None
        return ((found["series"] or "").strip(), found["label"]) if found else None

    @property
    def result_query(self) -> str:
        """The PromQL of a `query_result` query; empty for others."""
        found = _QUERY_RESULT.fullmatch(self.query) if self.kind == "query" else None
        return found["query"].strip() if found else ""


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard. `annotations` are queries that mark moments in all its panels, by their names."""

    uid: str
    title: str
    tags: tuple[str, ...]
    panels: tuple[Panel, ...]
    variables: tuple[Variable, ...]
    annotations: Mapping[str, Query]
    range_seconds: float
    ends: str = "now"
    """The end of the time range with which it opens, as Grafana writes it."""

    @property
    def behind_seconds(self) -> float | None:
        """How long ago that is; None for a moment that stays, or another text that is not known."""
        found = _BEFORE_NOW.fullmatch(self.ends.replace(" ", ""))
        if found is None:
            return None
        return seconds(found["ago"]) if found["ago"] else 0.0

    def queries(self) -> Iterator[tuple[str, Panel | None, Query]]:
        """Give every query with the name of its place: panels, then annotations."""
        for panel in self.panels:
            yield from ((panel.title, panel, query) for query in panel.queries)
        yield from ((f"annotation {name}", None, query) for name, query in self.annotations.items())


# ------------------------------------------------------------------------------------------------------------- reading


def library_uids(model: Mapping[str, Any]) -> set[str]:
    """Give the uids of the library panels of a model that does not hold what is in them."""
    return {
        panel["libraryPanel"]["uid"]
        for panel, _ in _all_panels(model)
        if isinstance(panel.get("libraryPanel"), dict) and "uid" in panel["libraryPanel"] and "targets" not in panel
    }


def enclosed(model: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Give the library panels that a dashboard brings along, as one does that was exported for others."""
    elements = model.get("__elements")
    listed = elements.values() if isinstance(elements, dict) else ()
    return {
        str(each["uid"]): each["model"]
        for each in listed
        if isinstance(each, dict) and isinstance(each.get("model"), dict)
    }


def is_board(content: object) -> bool:
    """Tell whether a JSON value looks like the model of a dashboard."""
    return isinstance(content, dict) and (
        isinstance(content.get("panels"), list)
        or isinstance(content.get("rows"), list)
        or isinstance(content.get("elements"), dict)
        or ("title" in content and "schemaVersion" in content)
    )


def read(model: Mapping[str, Any], library: Mapping[str, Mapping[str, Any]] | None = None) -> Board:
    """Read the model of a dashboard; raises UnreadableBoardError. `library` has models of library panels by uid."""
    if isinstance(model.get("elements"), dict):
        message = "its model is of version 2, with elements and a layout in place of panels"
        raise UnreadableBoardError(message)
    try:
        return Board(
            uid=str(model.get("uid") or ""),
            title=str(model.get("title") or ""),
            tags=tuple(map(str, model.get("tags") or ())),
            panels=tuple(
                _panel(panel, collapsed, library or {})
                for panel, collapsed in _all_panels(model)
                if panel.get("type") != "row"
            ),
            variables=tuple(_variable(each) for each in (model.get("templating") or {}).get("list") or ()),
            annotations={
                str(each.get("name", "")): Query("", _text_of(each), _reference(each.get("datasource")))
                for each in (model.get("annotations") or {}).get("list") or ()
                if _text_of(each)
            },
            range_seconds=_range_seconds(model.get("time") or {}),
            ends=str((model.get("time") or {}).get("to") or "now"),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"its model has not the form of a dashboard ({type(error).__name__}: {error})"
        raise UnreadableBoardError(message) from error


def _all_panels(model: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
    """Give every panel with whether a collapsed row hides it; a repeated row hands its variable down."""
    for row in model.get("rows") or ():  # models of before 2017
        yield from ((_with_repeat(panel, row), bool(row.get("collapse"))) for panel in row.get("panels") or ())
    row = {}
    for panel in model.get("panels") or ():
        if panel.get("type") == "row":
            row = panel
            yield from ((_with_repeat(inner, row), True) for inner in panel.get("panels") or ())
        else:
            yield _with_repeat(panel, row), False


def _with_repeat(panel: dict[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    return {**panel, "_repeats": [each for each in (panel.get("repeat"), row.get("repeat")) if each]}


def _panel(given: dict[str, Any], collapsed: bool, library: Mapping[str, Mapping[str, Any]]) -> Panel:  # noqa: FBT001
    uid = str((given.get("libraryPanel") or {}).get("uid") or "")
    panel = given
    if uid in library:
        # Where it stands and how it is repeated is the dashboard's, the rest the library's.
        own = {key: given[key] for key in ("gridPos", "_repeats", "title") if given.get(key)}
        panel, uid = {**library[uid], **own}, ""
    elif "targets" in given:
        uid = ""
    defaults = (panel.get("fieldConfig") or {}).get("defaults") or {}
    overrides = (panel.get("fieldConfig") or {}).get("overrides") or ()
    thresholds = defaults.get("thresholds") or {}
    units, told = _units(overrides)
    source = _reference(panel.get("datasource"))
    return Panel(
        title=str(panel.get("title") or (given.get("libraryPanel") or {}).get("name") or ""),
        kind=str(panel.get("type") or ""),
        place=_place(panel.get("gridPos")),
        collapsed=collapsed,
        repeats=tuple(panel.get("_repeats") or ()),
        queries=tuple(_query(target, source) for target in panel.get("targets") or () if isinstance(target, dict)),
        unit=str(defaults.get("unit") or panel.get("format") or _old_unit(panel)),
        units=units,
        units_told=told,
        steps=tuple(
            Step(_number(each.get("value")), str(each.get("color", ""))) for each in thresholds.get("steps") or ()
        ),
        steps_relative=thresholds.get("mode") == "percentage",
        steps_elsewhere="thresholds" in panel
        or any(each.get("id") == "thresholds" for override in overrides for each in override.get("properties") or ()),
        minimum=_number(defaults.get("min")),
        maximum=_number(defaults.get("max")),
        transformed=bool(panel.get("transformations")),
        library=uid,
        calculation=_calculation(panel.get("options") or {}),
        mapped=_mapped(defaults.get("mappings") or panel.get("valueMaps")),
    )


def _calculation(options: Mapping[str, Any]) -> str:
    found = options.get("reduceOptions") or {}
    calculations = list(found.get("calcs") or [])
    return "" if found.get("values") or len(calculations) != 1 else str(calculations[0])


def _mapped(mappings: Any) -> dict[str, str]:
    """Give the texts of single values: as they are written since Grafana 8, and as they were before."""
    found: dict[str, str] = {}
    for each in mappings or ():
        if each.get("type") == "value":
            options = each.get("options") or {}
            found |= {str(value): str(shown["text"]) for value, shown in options.items() if shown.get("text")}
        elif "value" in each and each.get("text") and each.get("type", 1) == 1:
            found[str(each["value"])] = str(each["text"])
    return found


def _units(overrides: Iterable[Mapping[str, Any]]) -> tuple[dict[str, str], bool]:
    units, told = {}, True
    for override in overrides:
        matcher = override.get("matcher") or {}
        for each in override.get("properties") or ():
            if each.get("id") == "unit":
                if matcher.get("id") == "byFrameRefID":
                    units[str(matcher.get("options"))] = str(each.get("value") or "")
                else:
                    told = False
    return units, told


def _old_unit(panel: Mapping[str, Any]) -> str:
    """Give the unit of a graph of before 2021: that of its left axis."""
    axes = panel.get("yaxes")
    return str(axes[0].get("format") or "") if isinstance(axes, list) and axes else ""


def _query(target: dict[str, Any], of_panel: Reference) -> Query:
    own = _reference(target.get("datasource"))
    return Query(
        ref=str(target.get("refId") or ""),
        text=_text_of(target),
        source=own if own != Reference() else of_panel,
        step=str(target.get("interval") or ""),
        hidden=target.get("hide") is True,
        instant=target.get("instant") is True and not target.get("range"),
    )


def _text_of(target: Mapping[str, Any]) -> str:
    text = target.get("expr")
    return text.strip() if isinstance(text, str) else ""


def _reference(given: object) -> Reference:
    if isinstance(given, dict):
        return Reference(str(given.get("uid") or ""), str(given.get("type") or ""))
    return Reference(str(given or ""))


def _place(given: Any) -> Place | None:
    if not isinstance(given, dict):
        return None
    return Place(*(float(given.get(key) or 0) for key in ("x", "y", "w", "h")))


def _number(given: object) -> float | None:
    return float(given) if isinstance(given, int | float) and not isinstance(given, bool) else None


def _variable(given: Mapping[str, Any]) -> Variable:
    query = given.get("query")
    if isinstance(query, dict):  # since Grafana 8
        query = query.get("query") or query.get("expr")
    current = _listed((given.get("current") or {}).get("value"))
    offered = (each.get("value") for each in given.get("options") or ())
    options = tuple(str(each) for each in offered if each not in (None, _ALL))
    kind = str(given.get("type") or "")
    if kind in {"custom", "interval"} and isinstance(query, str) and not options:
        options = tuple(each.strip().rpartition(" : ")[2] for each in query.split(",") if each.strip())
    if kind in {"constant", "textbox"}:
        options = tuple(each for each in (*current, str(query or "")) if each)[:1]
    return Variable(
        name=str(given["name"]),
        kind=kind,
        query=str(query or ""),
        current=tuple(each for each in current if each != _ALL),
        options=options,
        several=bool(given.get("multi") or given.get("includeAll")),
        all_value=str(given.get("allValue") or ""),
        source=_reference(given.get("datasource")),
        regex=str(given.get("regex") or ""),
        opens_with_several=len(current) > 1 or (bool(given.get("includeAll")) and current in ((), (_ALL,))),
    )


def chosen_by_regex(regex: str, values: tuple[str, ...]) -> tuple[str, ...]:
    """Give what a variable offers of some values: those that match, or the part of each that its first group holds.

    A regular expression that only JavaScript knows chooses nothing: all values are given.
    """
    found = _SLASHED.fullmatch(regex)
    text, flags = (found["text"], found["flags"]) if found else (f"^{regex}$", "")
    try:
        pattern = re.compile(
            text.replace("(?<", "(?P<").replace("(?P<=", "(?<=").replace("(?P<!", "(?<!"), _flags(flags)
        )
    except re.error:
        return values
    matches = [match for value in values if (match := pattern.search(value))] if regex else []
    if not regex or not pattern.groups:
        return tuple(match.string for match in matches) if regex else values
    part: str | int = "value" if "value" in pattern.groupindex else 1
    return tuple(dict.fromkeys(match[part] for match in matches if match[part]))


def _flags(letters: str) -> re.RegexFlag:
    return re.IGNORECASE if "i" in letters else re.RegexFlag(0)


def _listed(value: object) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def seconds(text: str) -> float | None:
    """Read a duration as Grafana writes it (`30s`, `>1m`); None for another text."""
    found = _DURATION.fullmatch(text.strip().lstrip(">").strip())
    return float(found[1]) * _SECONDS_OF[found[2]] if found else None


def _range_seconds(time: Mapping[str, Any]) -> float:
    """Read `now-6h` to `now`; anything else is taken for Grafana's own six hours."""
    start, end = str(time.get("from", "")), str(time.get("to", "now"))
    length = seconds(start.removeprefix("now-")) if start.startswith("now-") and end == "now" else None
    return length or _RANGE_SECONDS


# --------------------------------------------------------------------------------------------------------- data sources


@dataclass(frozen=True, slots=True)
class Resolved:
    """A data source that was looked for: the one there is, or `missing` says what there is not.

    Neither, where nothing can be said: it is built in, or which there are is not known.
    """

    source: DataSource | None = None
    missing: str = ""
    kind: str = ""

    @property
    def is_prometheus(self) -> bool:
        """Whether it takes PromQL."""
        return is_prometheus(self.source.kind if self.source else self.kind)


def is_prometheus(kind: str) -> bool:
    """Tell whether a kind of data source takes PromQL: Prometheus' own, and those made from it."""
    return kind == "prometheus" or kind.endswith("prometheus-datasource") or "amazonprometheus" in kind


def resolve(reference: Reference, sources: Sequence[DataSource] | None, board: Board) -> Resolved:
    """Find the data source of a panel; `sources` are those that there are, None where that is not known."""
    key = reference.key
    if key in _BUILT_IN_SOURCES or reference.kind in {"__expr__", "grafana", "datasource"}:
        return Resolved(kind="built in")
    if found := _VARIABLE.fullmatch(key):
        name = _name_of(found)
        variable = next((each for each in board.variables if each.name == name), None)
        if variable is None or variable.kind != "datasource":
            return Resolved(missing=f"the variable {key} is none of the dashboard's data sources", kind=reference.kind)
        return _resolve_variable(variable, sources)
    if sources is None:
        return Resolved(kind=reference.kind or "prometheus")
    by_default = key in {"", "default"}
    for source in sources:
        if source.default if by_default else key in {source.uid, source.name}:
            return Resolved(source, kind=source.kind)
    what = "default data source" if by_default else f"data source {key}"
    return Resolved(missing=f"there is no {what}", kind=reference.kind)


def _resolve_variable(variable: Variable, sources: Sequence[DataSource] | None) -> Resolved:
    """Find what a variable stands for: what was chosen last, else the first that it offers, as Grafana does."""
    if sources is None:
        return Resolved(kind=variable.query or "prometheus")
    offered = [source for source in sources if source.kind == variable.query]
    for source in offered:
        if source.uid in variable.current or source.name in variable.current:
            return Resolved(source, kind=source.kind)
    defaults = [source for source in offered if source.default]
    if chosen := defaults or offered:
        return Resolved(chosen[0], kind=chosen[0].kind)
    return Resolved(missing=f"there is no data source of the kind {variable.query}", kind=variable.query)


# ------------------------------------------------------------------------------------------------------------ expansion


@dataclass(frozen=True, slots=True)
class Value:
    """What a variable stands for: its values; `several` as in the model; `as_it_is` is put in unchanged."""

    values: tuple[str, ...]
    several: bool = False
    as_it_is: str = ""


@dataclass(frozen=True, slots=True)
class Timing:
    """What Grafana derives from the time range and the data source's scrape interval."""

    range_seconds: float = _RANGE_SECONDS
    scrape_seconds: float = _SCRAPE_SECONDS

    @property
    def interval_seconds(self) -> float:
        """`$__interval`: a point for about each pixel, but not more often than there are samples."""
        return max(round(self.range_seconds / _POINTS), self.scrape_seconds)

    @property
    def rate_interval_seconds(self) -> float:
        """`$__rate_interval`: long enough for a rate to have samples."""
        return max(self.interval_seconds + self.scrape_seconds, 4 * self.scrape_seconds)

    def value(self, name: str) -> str | None:
        """Give the text of one of Grafana's own variables of time; None for another name."""
        spans = {
            "__interval": self.interval_seconds,
            "__rate_interval": self.rate_interval_seconds,
            "__range": self.range_seconds,
        }
        for own, length in spans.items():
            found = {own: f"{length:g}s", f"{own}_s": f"{length:g}", f"{own}_ms": f"{length * 1000:.0f}"}.get(name)
            if found is not None:
                # Prometheus takes no fractions: 7.5s is 7500ms.
                return found if length == int(length) or name != own else f"{length * 1000:.0f}ms"
        return None


def timing(board: Board, query: Query, source: DataSource | None) -> Timing:
    """Give what a query's own variables of time are computed from."""
    scrape = seconds(query.step) or (seconds(source.interval) if source else None)
    return Timing(board.range_seconds, scrape or _SCRAPE_SECONDS)


_QUOTED: Final = {"csv": "{}", "raw": "{}", "doublequote": '"{}"', "singlequote": "'{}'"}
_OTHERS_OF_GRAFANA: Final = {
    "__from": "0",
    "__to": "0",
    "__dashboard": "dashboard",
    "__name": "name",
    "__org": "1",
    "__user": "user",
    "__timezone": "utc",
    "timeFilter": "",
    "__timeFilter": "",
}


def expand(text: str, values: Mapping[str, Value], when: Timing) -> tuple[str, tuple[str, ...]]:
    """Put values in the place of variables, as Grafana does; gives the text and the names that are not known.

    What is not known stays, as in Grafana.
    """
    unknown: list[str] = []

    def put(found: re.Match[str]) -> str:
        name = _name_of(found)
        if name in values:
            return _formatted(values[name], (found["format"] or found["old_format"] or "").partition(":")[0])
        own = when.value(name)
        if own is not None or name in _OTHERS_OF_GRAFANA:
            return _OTHERS_OF_GRAFANA.get(name, "") if own is None else own
        if not name.isdigit():  # $1 stands for a group of label_replace
            unknown.append(name)
        return found.group()

    return _VARIABLE.sub(put, text), tuple(dict.fromkeys(unknown))


def compared_as_one(
    query: Query, panel: Panel | None, variables: Iterable[Variable], values: Mapping[str, Value]
) -> tuple[str, ...]:
    """Give the names of variables that open with several of their values, and that a query compares with `=` or `!=`.

    Grafana writes several values as a regular expression, which `=` takes by its letters. A panel that is repeated has
    one value in each.
    """
    several = {
        each.name
        for each in variables
        if each.opens_with_several and (each.all_value or len(values.get(each.name, Value(())).values) > 1)
    }
    found = (_name_of(match) for _, match in _compared(query.text))
    return tuple(dict.fromkeys(name for name in found if name in several - {*(panel.repeats if panel else ())}))


def _compared(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    for match in _COMPARED.finditer(text):
        variable = _VARIABLE.fullmatch(match["value"])
        if variable is not None:
            yield match["label"], variable


def names_in(text: str) -> set[str]:
    """Give the names of the variables that a text refers to."""
    return {_name_of(found) for found in _VARIABLE.finditer(text)}


def _name_of(found: re.Match[str]) -> str:
    return found["plain"] or found["old"] or found["name"] or ""


def _formatted(value: Value, how: str) -> str:
    if value.as_it_is:
        return value.as_it_is
    plain = value.values
    if how == "regex" or (not how and value.several):
        return _alternation(plain)
    if not how:
        return plain[0].replace("\\", "\\\\").replace('"', '\\"') if plain else ""
    if how in _QUOTED:
        return ",".join(_QUOTED[how].format(each) for each in plain)
    return "|".join(plain)


def _alternation(values: Sequence[str]) -> str:
    """Join values to a regular expression that stands in a PromQL string, where a backslash is written twice."""
    escaped = [_SPECIAL.sub(lambda found: "\\\\" + found.group().replace("\\", "\\\\"), each) for each in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def value_of(variable: Variable, offered: Sequence[str] | None) -> Value:
    """Choose what a variable stands for; `offered` are the values that its query gives, None where that is not known.

    All of them where it may be several. Where none is known, what matches anything.
    """
    values = tuple(offered) if offered is not None else variable.options
    if variable.several:
        if variable.all_value:
            return Value((), True, variable.all_value)
        if not values or len(values) > _VALUES_MAX:
            return Value((), True, ANY)
        return Value(values, True)
    chosen = [each for each in variable.current if not values or each in values] or list(values[:1])
    if variable.kind == "interval":
        chosen = [each for each in chosen if seconds(each)] or [each for each in values if seconds(each)] or ["1m"]
    return Value(tuple(chosen[:1])) if chosen else Value((), as_it_is=ANY)


def expansions(
    query: Query, panel: Panel | None, values: Mapping[str, Value], when: Timing
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the PromQL that Grafana asks for a query, and the names of variables that there are not.

    More than one where the panel is repeated: then each of the first values has its own.
    """
    choices = [dict(values)]
    for name in panel.repeats if panel else ():
        several = values.get(name, Value(()))
        each = [Value((value,), several.several) for value in several.values[:_REPEATS_MAX]]
        choices = [{**chosen, name: one} for chosen in choices for one in each] or choices
    found = [expand(query.text, chosen, when) for chosen in choices[:_REPEATS_MAX]]
    return tuple(dict.fromkeys(text for text, _ in found)), found[0][1]
