"""What the panels of dashboards ask of this run's Prometheus: each query with the PromQL that Grafana would send."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from selfcheck import dashboards, promql
from selfcheck.contract import Component
from selfcheck.dashboards import Resolved, is_prometheus, resolve
from selfcheck.observation import CouldNotObserve
from selfcheck.promql import Matcher, Selector, UnreadableError
from selfcheck.settings import normalised

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from selfcheck.boards import Boards
    from selfcheck.clients.grafana import DataSource
    from selfcheck.clients.prometheus import Prometheus
    from selfcheck.dashboards import Board, Panel, Query, Reference, Value, Variable
    from selfcheck.promql import Node
    from selfcheck.target import Target


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of a panel (or annotation), and what is asked for it: several texts where the panel is repeated.

    `nodes` are the texts that could be read, `unreadable` says of the others why not. `unknown` are names of variables
    that the dashboard does not have, `several` of those that have several values where one is compared.
    """

    uid: str
    place: str
    panel: Panel | None
    query: Query
    texts: tuple[str, ...]
    nodes: tuple[Node, ...]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    several: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Where the query stands, for people."""
        return f"{self.uid} / {self.place}{f', query {self.query.ref}' if self.query.ref else ''}"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a variable's query reads: a selector, with the label whose values it gives; or why it cannot be read.

    `emptied_by` is the regular expression that takes none of the values there are.
    """

    name: str
    selector: Selector | None = None
    label: str = ""
    trouble: str = ""
    emptied_by: str = ""


@dataclass(frozen=True, slots=True)
class Queries:
    """Everything that is asked of this Prometheus. `elsewhere` counts queries of each other Prometheus, by its name."""

    asked: tuple[Asked, ...]
    variables: tuple[Chosen, ...]
    elsewhere: Mapping[str, int]


def gather(target: Target, found: Boards) -> Queries:
    """Expand every query of some dashboards; raises CouldNotObserve. What variables offer is asked of Prometheus."""
    return target.once(("panel queries", found.where, *found.boards), lambda: _gather(target, found))


def _gather(target: Target, found: Boards) -> Queries:
    client = target.prometheus_client()
    others = foreign(found.sources or (), target.scope.url(Component.PROMETHEUS) or "")
    asked: list[Asked] = []
    chosen: list[Chosen] = []
    elsewhere: dict[str, int] = {}
    for key, board in found.boards.items():
        uid = board.uid or key
        values, reads = _values(client, uid, board, found.sources, others)
        chosen += reads
        for place, panel, query in board.queries():
            source = resolve(query.source, found.sources, board)
            if not query.text or source.missing or not source.is_prometheus:
                continue
            if source.source and source.source.name in others:
                elsewhere[source.source.name] = elsewhere.get(source.source.name, 0) + 1
                continue
            when = dashboards.timing(board, query, source.source)
            texts, unknown = dashboards.expansions(query, panel, values, when)
            several = dashboards.compared_as_one(query, panel, board.variables, values)
            asked.append(_read(Asked(uid, place, panel, query, texts, (), {}, unknown, several)))
    return Queries(tuple(asked), tuple(chosen), elsewhere)


def _read(asked: Asked) -> Asked:
    nodes: list[Node] = []
    unreadable: dict[str, str] = {}
    for text in asked.texts:
        try:
            nodes.append(promql.parse(text))
        except UnreadableError as error:
            unreadable[text] = str(error)
    return replace(asked, nodes=tuple(nodes), unreadable=unreadable)


def foreign(sources: Sequence[DataSource], url: str) -> Collection[str]:
    """Give the names of the data sources that are another Prometheus than the one at `url`, as far as can be told.

    One alone is taken for it, whatever its address is from where Grafana runs; of several, the one with its address, or
    else the default one.
    """
    own = [source for source in sources if is_prometheus(source.kind)]
    same = [source for source in own if source.url.startswith("http") and normalised(source.url) == normalised(url)]
    ours = same or [source for source in own if source.default] or own
    return {source.name for source in own} - {source.name for source in ours} if len(own) > 1 else set()


# ------------------------------------------------------------------------------------------------------------ variables


def _values(
    client: Prometheus, uid: str, board: Board, sources: Sequence[DataSource] | None, others: Collection[str]
) -> tuple[dict[str, Value], list[Chosen]]:
    """Choose a value for each variable, in the order of the dashboard: one may build on those before it."""
    values: dict[str, Value] = {}
    reads: list[Chosen] = []
    for variable in board.variables:
        offered = None
        if variable.kind == "query" and _ours(variable.source, board, sources, others):
            read, offered = _offered(client, uid, variable, values)
            left = dashboards.chosen_by_regex(variable.regex, offered or ())
            if read and offered and not left:
                read = replace(read, emptied_by=variable.regex)
            offered = left or offered
            reads += [read] if read else []
        values[variable.name] = dashboards.value_of(variable, offered)
    return values, reads


def _ours(reference: Reference, board: Board, sources: Sequence[DataSource] | None, others: Collection[str]) -> bool:
    source: Resolved = resolve(reference, sources, board)
    return not source.missing and source.is_prometheus and not (source.source and source.source.name in others)


def _offered(
    client: Prometheus, uid: str, variable: Variable, values: Mapping[str, Value]
) -> tuple[Chosen | None, tuple[str, ...] | None]:
    """Read a variable's query, and ask for its values where they are those of a label."""
    name = f"{uid} / variable {variable.name}"
    expanded = replace(variable, query=dashboards.expand(variable.query, values, dashboards.Timing())[0])
    if expanded.label_values is not None:
        series, label = expanded.label_values
    elif expanded.result_query:
        series, label = expanded.result_query, ""
    else:
        return None, None
    if not series:
        return Chosen(name, label=label), _asked_for(client, label)
    try:
        node = promql.parse(series)
    except UnreadableError as error:
        return Chosen(name, trouble=f"{series}: {error}"), None
    if not isinstance(node, Selector):
        selectors = [each for each in promql.walk(node) if isinstance(each, Selector)]
        return (Chosen(name, selectors[0]) if selectors else None), None
    with_label = replace(node, matchers=(*node.matchers, Matcher(label, "=~", ".+"))) if label else node
    return Chosen(name, with_label, label), _asked_for(client, label, node.series_text) if label else None


def _asked_for(client: Prometheus, label: str, *selectors: str) -> tuple[str, ...] | None:
    try:
        return client.label_values(label, *selectors)
    except CouldNotObserve:
        return None
