"""Dashboards: those of the manual exist, their panels are in their place and show what is there, as what it is."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from checks.test_slo import Objective
from selfcheck import boards, components, dashboards, knowledge, ladder, panel_queries, promql, shapes
from selfcheck.checking import check
from selfcheck.contract import Component, Promise
from selfcheck.dashboards import GRID_WIDTH, Place, resolve
from selfcheck.families import families
from selfcheck.knowledge import Knowledge
from selfcheck.labels import flow
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.promql import Aggregate, Selector, UnreadableError
from selfcheck.showing import Scaled, absolute_steps, is_colored, misfit, misscaled, scaled, wrong_colors
from selfcheck.units import measure
from selfcheck.values import some
from selfcheck.verdict import Verdict, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from selfcheck.boards import Boards, File
    from selfcheck.clients.grafana import DataSource
    from selfcheck.clients.prometheus import QueryResult
    from selfcheck.dashboards import Board, Panel, Resolved
    from selfcheck.ladder import Step
    from selfcheck.panel_queries import Asked, Chosen, Queries
    from selfcheck.promql import Node
    from selfcheck.target import Target

_NAMED_MAX = 8
_REMARKS_MAX = 3
_REFUSED = ("HTTP 400", "HTTP 422")
"""With these, Prometheus says that a query is wrong, and not that it is in trouble itself."""


class OfDashboards(Promise):
    """Base of what is promised of the platform's dashboards."""

    tags: tuple[str, ...] = Field((), description="Dashboards with one of these tags are the platform's, too.")


class Dashboard(OfDashboards):
    """A dashboard exists."""

    uid: str


def _found(target: Target, promise: OfDashboards) -> Boards | Verdict:
    uids = {each.uid for each in target.contract.promises("dashboards.dashboard", Dashboard)}
    return boards.gather(target, uids, promise.tags)


_ASK_GRAFANA = "set SELF_CHECK_GRAFANA_URL: Grafana has what is in its library, and files have not"


def _summed_up(
    expected: str, wrong: Sequence[str], unclear: Sequence[str], fine: str, place: Mapping[str, str]
) -> Verdict:
    """Make one verdict of what is wrong and what could not be told in many places."""
    unclear = list(dict.fromkeys(unclear))
    if wrong:
        first, *others = dict.fromkeys(wrong)
        notes = [f"also: {other}" for other in others[:_NAMED_MAX]]
        notes += [f"and {len(others) - _NAMED_MAX} more"] if len(others) > _NAMED_MAX else []
        notes += [f"could not tell: {some(unclear)}"] if unclear else []
        return failed(expected, first, **place).with_notes(*notes)
    if unclear:
        return inconclusive(expected, some(unclear, _NAMED_MAX), **place)
    return passed(fine, where=place["where"])


def _place(target: Target, found: Boards, uid: str = "") -> dict[str, str]:
    """Say where dashboards were read, and how to do it again."""
    path = f"dashboards/uid/{uid}" if uid else "search"
    if found.of_files:
        return {"where": found.where, "reproduce": f"ls -R {found.where}"}
    url = f"{target.scope.url(Component.GRAFANA)}/api/{path}"
    token = '-H "Authorization: Bearer $SELF_CHECK_GRAFANA_TOKEN" ' if target.scope.grafana_token else ""
    return {"where": f"GET {url}", "reproduce": f"curl -sS {token}'{url}'"}


# ----------------------------------------------------------------------------------------------------------- dashboards


def judge_dashboard(promise: Dashboard, found: Boards, place: Mapping[str, str]) -> Verdict:
    """There is a dashboard with this uid, and it has panels."""
    expected = f"a dashboard with the uid {promise.uid}"
    if promise.uid in found.unread:
        return inconclusive(expected, f"it cannot be read: {found.unread[promise.uid]}", **place)
    board = found.boards.get(promise.uid)
    if board is None:
        return failed(expected, f"there is none{_nearest_board(promise.uid, found.listed)}", **place)
    if not board.panels:
        return failed(f"{expected} that has panels", f"{board.title} has none", **place)
    return passed(f"{board.title} with {len(board.panels)} panels", where=place["where"])


def _nearest_board(uid: str, listed: Mapping[str, str]) -> str:
    close = difflib.get_close_matches(uid, listed, n=1)
    if close:
        return f"; nearest: {close[0]} ({listed[close[0]]})"
    return f"; there is {', '.join(sorted(listed)[:6])}" if listed else "; there is no dashboard at all"


@check("dashboards.dashboard", Dashboard)
def test_dashboard(promise: Dashboard, target: Target) -> Verdict:
    """A dashboard of the manual exists."""
    found = _found(target, promise)
    if isinstance(found, Verdict):
        return found
    return judge_dashboard(promise, found, _place(target, found, promise.uid))


class Files(OfDashboards):
    """Every file of a dashboard is one that Grafana loads."""


def judge_files(files: Sequence[File], loaded: Collection[str] | None, place: Mapping[str, str]) -> Verdict:
    """Each file is JSON with a uid of its own, and Grafana (where it can be asked) has a dashboard with this uid."""
    wrong = [f"{each.name} cannot be read: {each.trouble}" for each in files if each.trouble]
    by_uid: dict[str, list[str]] = {}
    for each in files:
        if not each.trouble:
            by_uid.setdefault(each.uid, []).append(each.name)
    for uid, names in by_uid.items():
        if not uid:
            wrong.append(f"{names[0]} gives no uid: its address changes whenever it is loaded anew")
        elif len(names) > 1:
            wrong.append(f"the uid {uid} is used by {' and '.join(names)}: Grafana loads neither")
        elif loaded is not None and uid not in loaded:
            wrong.append(f"{names[0]} is not loaded: Grafana has no dashboard with the uid {uid}")
    where = "each has a uid of its own" + (" and is loaded" if loaded is not None else "")
    return _summed_up("every file is a dashboard that Grafana loads", wrong, [], f"{len(files)} files, {where}", place)


@check("dashboards.files", Files)
def test_files(promise: Files, target: Target) -> Verdict:  # noqa: ARG001 - there is nothing more to be promised
    """The files that Grafana is provisioned with are all in force."""
    folder = target.scope.environment.dashboards
    if folder is None:
        return not_covered("no folder of dashboards is known", "set SELF_CHECK_DASHBOARDS")
    return judge_files(boards.files(folder), _loaded(target), {"where": str(folder)})


def _loaded(target: Target) -> Collection[str] | None:
    if not target.scope.covers(Component.GRAFANA) or Component.GRAFANA in target.blocked:
        return None
    client = components.grafana(target)
    return {found.uid for found in client.dashboards()} if client.lets_in() else None


class Opens(OfDashboards):
    """The manual's dashboards open with what is now."""

    behind_max_seconds: float = Field(ge=0, description="A dashboard may leave out what has not arrived yet.")


def judge_opens(promise: Opens, boards: Sequence[Board], place: Mapping[str, str]) -> Verdict:
    """No time range ends long ago, or at a moment that stays."""
    wrong = [
        f"{board.uid} opens with a time range that ends at {board.ends}"
        for board in boards
        if board.behind_seconds is None or board.behind_seconds > promise.behind_max_seconds
    ]
    return _summed_up("dashboards that open with what is now", wrong, [], f"{len(boards)} dashboards do", place)


@check("dashboards.opens", Opens)
def test_opens(promise: Opens, target: Target) -> Verdict:
    """Who opens a dashboard in an incident sees it."""
    found = _found(target, promise)
    if isinstance(found, Verdict):
        return found
    uids = [each.uid for each in target.contract.promises("dashboards.dashboard", Dashboard)]
    boards = [found.boards[uid] for uid in uids if uid in found.boards]
    if not boards:
        return inconclusive(
            "dashboards that open with what is now", "none of them can be read", **_place(target, found)
        )
    return judge_opens(promise, boards, _place(target, found))


# -------------------------------------------------------------------------------------------------- the manual's panels


class NamedPanel(OfDashboards):
    """A panel is on a dashboard, in its place."""

    dashboard: str = Field(description="The uid.")
    title: str
    place: Literal["top-left", "top-right", "bottom-left", "bottom-right"]
    kinds: tuple[str, ...] = Field((), description="The panel is of one of these types; any, when left out.")
    showing_nothing: tuple[str, ...] = Field((), description="Types of panels that show no query.")
    shows: tuple[str, ...] = Field((), description="Metrics that it shows, or something that is computed otherwise.")
    by: tuple[str, ...] = Field((), description="Labels by which it tells its series apart.")
    never_shows: tuple[str, ...] = Field((), description="Metrics that are something else, where `shows` has not them.")
    colored: bool = Field(False, description="The panel has thresholds, so that its colour tells how it is.")


def judge_panel(promise: NamedPanel, found: Boards, others: Iterable[NamedPanel], place: Mapping[str, str]) -> Verdict:
    """The panel is there, asks something, and is where the manual has it."""
    expected = f"a panel {promise.title} at the {promise.place.replace('-', ' ')} of {promise.dashboard}"
    board = found.boards.get(promise.dashboard)
    if board is None:
        why = found.unread.get(promise.dashboard, "there is no such dashboard")
        return inconclusive(expected, why, blocked_by=f"dashboards.{promise.dashboard}", where=place["where"])
    panels = _titled(board, promise.title)
    if panels and all(panel.library for panel in panels):
        unread = f"its library panel {panels[0].library} cannot be read"
        return not_covered(unread, _ASK_GRAFANA) if found.of_files else inconclusive(expected, unread, **place)
    elsewhere = [_misplaced(promise, panel, board, others) for panel in panels]
    if not panels:
        close = difflib.get_close_matches(promise.title, [panel.title for panel in board.panels], n=1)
        wrong = f"there is none{f'; nearest: {close[0]}' if close else ''}"
    else:
        wrong = _useless(promise, panels) or (elsewhere[0] if all(elsewhere) else "")
    if wrong:
        return failed(expected, wrong, **place)
    verdict = passed(f"it is there, as {panels[0].kind}", where=place["where"])
    if promise.kinds and not any(panel.kind in promise.kinds for panel in panels):
        return verdict.with_notes(f"{promise.title} is a {panels[0].kind}, and the manual calls it {promise.kinds[0]}")
    return verdict


def _useless(promise: NamedPanel, panels: Sequence[Panel]) -> str:
    """Say why none of the panels shows what it is for; empty when one does."""
    if not any(query.text for panel in panels for query in panel.queries):
        return "it is there, and asks nothing"
    if all(panel.blank for panel in panels):
        return "it is there, and all its queries are hidden"
    if all(panel.kind in promise.showing_nothing for panel in panels):
        return f"it is a {panels[0].kind}, which shows no query"
    if promise.colored and not any(map(is_colored, panels)):
        return "it has no thresholds: its colour tells nothing"
    return _shows_else(promise, [query.text for panel in panels for query in panel.queries if not query.hidden])


def _shows_else(promise: NamedPanel, texts: Iterable[str]) -> str:
    """Say why queries show something else than the panel is for; empty when one does, or cannot be read."""
    read = [_parsed(text) for text in texts if text]
    nodes = [node for node in read if node is not None]
    if not nodes or len(nodes) < len(read):
        return ""
    for label in promise.by:
        if not any(flow(node, Knowledge()).may_have(label) or _asks_for(node, label) for node in nodes):
            return f"it does not show each {label} by itself: {nodes[0].shown}"
    found = [_metric_shown(node) for node in nodes]
    if promise.shows and all(each in {*promise.never_shows, ""} - {*promise.shows} for each in found):
        return f"it shows {found[0] or 'a number that reads nothing'}, and not {' or '.join(promise.shows)}"
    return ""


def _asks_for(node: Node, label: str) -> bool:
    """Whether a query is about a value of a label, as one of several may be."""
    return any(one.label == label for each in knowledge.selectors(node) for one in each.matchers)


def _parsed(text: str) -> Node | None:
    """Read a query of a panel but for its own variables; None where they leave nothing that can be read."""
    try:
        return promql.parse(dashboards.expand(text, {}, dashboards.Timing())[0])
    except UnreadableError:
        return None


def _metric_shown(node: Node) -> str | None:
    """Give the one metric that a query shows, empty where it reads none; None where it computes."""
    found = scaled(node)
    return found.metric if found else None if promql.uses(node) else ""


def _titled(board: Board, title: str) -> list[Panel]:
    wanted = " ".join(title.casefold().split())
    return [panel for panel in board.panels if " ".join(panel.title.casefold().split()) == wanted]


def _misplaced(promise: NamedPanel, panel: Panel, board: Board, others: Iterable[NamedPanel]) -> str:
    """Say where a panel is, where that is not its place; empty where it is, or has no place (in a closed row).

    In the wrong half of the dashboard, it is right all the same above (or below) one that the manual has there.
    """
    if panel.place is None or panel.collapsed:
        return ""
    vertical, horizontal = promise.place.split("-")
    across, down = panel.place.middle
    wrong = []
    centre = GRID_WIDTH / 2
    if (horizontal == "left" and across > centre) or (horizontal == "right" and across < centre):
        wrong.append("on the right" if horizontal == "left" else "on the left")
    opposite = [
        each.place.middle[1]
        for other in others
        if other.dashboard == promise.dashboard and not other.place.startswith(vertical)
        for each in _titled(board, other.title)
        if each.place is not None and not each.collapsed
    ]
    half = _height(board) / 2
    if vertical == "top" and down > half and all(down >= each for each in opposite):
        wrong.append("below what it should be above")
    if vertical == "bottom" and down < half and all(down <= each for each in opposite):
        wrong.append("above what it should be below")
    return f"it is {' and '.join(wrong)} ({_shown(panel.place)})" if wrong else ""


def _height(board: Board) -> float:
    places = [panel.place for panel in board.panels if panel.place is not None and not panel.collapsed]
    return max((place.y + place.height for place in places), default=0.0)


def _shown(place: Place) -> str:
    return f"x {place.x:g}, y {place.y:g}, {place.width:g} wide, {place.height:g} high"


@check("dashboards.panel", NamedPanel)
def test_panel(promise: NamedPanel, target: Target) -> Verdict:
    """A panel that the manual names is in its place."""
    found = _found(target, promise)
    if isinstance(found, Verdict):
        return found
    others = target.contract.promises("dashboards.panel", NamedPanel)
    return judge_panel(promise, found, others, _place(target, found, promise.dashboard))


# --------------------------------------------------------------------------------------------------------- data sources


class Sources(OfDashboards):
    """Every panel has a data source that exists."""

    up: str = Field(description="The metric that each Prometheus has of each of its targets.")


def judge_sources(
    uses: Sequence[tuple[str, Resolved]],
    said: Mapping[str, str],
    place: Mapping[str, str],
    knows: Mapping[str, Collection[str] | None] | None = None,
    astray: Mapping[str, str] | None = None,
) -> Verdict:
    """Each place names a data source that there is, of the kind it says; `said` is Grafana's trouble with some.

    `knows` is what of the platform each Prometheus has, asked through Grafana (see `_known_by`). `astray` has a place
    that reads the platform's metrics for each source that is another Prometheus than this run's: it needs to have any.
    """
    wrong = [f"{name}: {found.missing}" for name, found in uses if found.missing]
    wrong += [f"Grafana cannot use the data source {name}: {trouble}" for name, trouble in said.items() if trouble]
    unclear = []
    astray = astray or {}
    for name, known in (knows or {}).items():
        if known is None and name in astray:
            unclear.append(
                f"{astray[name]} asks {name} for the platform's metrics, which cannot be asked through Grafana"
            )
        elif known is not None and name in astray and not {_TARGETS, _NAMES} & {*known}:
            wrong.append(f"{astray[name]} asks {name} for the platform's metrics, which has none")
        if known is None or _TARGETS in known or name in astray:
            continue
        if _NAMES in known:
            unclear.append(f"the data source {name} has the platform's metrics, and none of the targets of this run's")
        else:
            wrong.append(f"the data source {name} answers, and has nothing of the platform: is it another Prometheus?")
    every = {found.source.name: found.source.url for _, found in uses if found.source}
    fine = ", ".join(f"{name} ({url})" if url else name for name, url in sorted(every.items())) or "none is needed"
    return _summed_up("every panel has a data source that exists and answers", wrong, unclear, fine, place)


@check("dashboards.sources", Sources)
def test_sources(promise: Sources, target: Target) -> Verdict:
    """The data sources of all panels, variables and annotations exist, and Grafana reaches them."""
    found = _found(target, promise)
    if isinstance(found, Verdict):
        return found
    if found.sources is None:
        remedy = "let the service account read data sources, or put their provisioning files into the folder"
        return not_covered("which data sources there are is not known", remedy)
    asking = [
        (f"{uid} / {name}", text, resolve(reference, found.sources, board))
        for uid, board in found.boards.items()
        for name, text, reference in [
            *((place, query.text, query.source) for place, _, query in board.queries()),
            *((f"variable {each.name}", "", each.source) for each in board.variables if each.kind == "query"),
        ]
    ]
    uses = [(name, resolved) for name, _, resolved in asking]
    place = _place(target, found)
    if not place["where"].startswith("GET "):
        return judge_sources(uses, {}, place)
    used = list({use.source.uid: use.source for _, use in uses if use.source}.values())
    reached = components.grafana(target).reaches([source.uid for source in used])
    said = {source.name: each for source, each in zip(used, reached, strict=True) if isinstance(each, str)}
    url = f"{target.scope.url(Component.GRAFANA)}/api/datasources"
    place = {"where": f"GET {url}", "reproduce": place["reproduce"].replace("search", "datasources")}
    others = panel_queries.foreign(found.sources, target.scope.url(Component.PROMETHEUS) or "")
    own = families(target.contract)
    astray = {
        resolved.source.name: name
        for name, text, resolved in asking
        if resolved.source is not None and resolved.source.name in others and _reads_own(text, own)
    }
    asked = [
        each
        for each in used
        if dashboards.is_prometheus(each.kind) and (each.name not in others or each.name in astray)
    ]
    knows = _known_by(promise, target, [each for each in asked if not said.get(each.name)])
    return judge_sources(uses, said, place, knows, astray)


def _reads_own(text: str, own: Collection[str]) -> bool:
    node = _parsed(text)
    return node is not None and any(use.selector.name in own for use in promql.uses(node))


_TARGETS = "targets"
_NAMES = "names"


def _known_by(promise: Sources, target: Target, sources: Sequence[DataSource]) -> dict[str, Collection[str] | None]:
    """Ask each Prometheus of Grafana's for the platform: for the targets that this run's Prometheus has, and for any.

    None for one that cannot be asked; nothing at all where this run's Prometheus does not say what to ask for.
    """
    if not sources or not target.scope.covers(Component.PROMETHEUS) or Component.PROMETHEUS in target.blocked:
        return {}
    try:
        up = [each for each in target.app_targets() if each.health == "up"]
    except CouldNotObserve:
        return {}
    if not up:
        return {}
    names = "|".join(target.contract.platform.identity.metric_families)
    jobs, instances = (
        "|".join(sorted({_as_literal(each) for each in some_}))
        for some_ in ({each.job for each in up}, {each.instance for each in up})
    )
    asked = {
        _TARGETS: f'count({{__name__=~"{promise.up}|{names}",job=~"{jobs}",instance=~"{instances}"}})',
        _NAMES: f'count({{__name__=~"{names}"}})',
    }
    query = " or ".join(f'label_replace({text},"found","{mark}","","")' for mark, text in asked.items())
    answers = components.grafana(target).ask_prometheus([each.uid for each in sources], query)
    return {
        source.name: None if answer is None else {labels.get("found", "") for labels in answer}
        for source, answer in zip(sources, answers, strict=True)
    }


def _as_literal(value: str) -> str:
    """Write a value as a regular expression in a PromQL string."""
    return re.escape(value).replace("\\", "\\\\").replace('"', '\\"')


# -------------------------------------------------------------------------------------------------------------- queries


class PanelQueries(OfDashboards):
    """Something that is promised of every query of every panel."""


def _queries(target: Target, promise: OfDashboards) -> tuple[Queries, Boards] | Verdict:
    found = _found(target, promise)
    return found if isinstance(found, Verdict) else (panel_queries.gather(target, found), found)


def _api(target: Target, example: str = "") -> dict[str, str]:
    url = f"{target.prometheus_client().url}/api/v1/query"
    query = example.replace("'", "'\\''")
    return {"where": f"GET {url}", "reproduce": f"curl -sSG '{url}' --data-urlencode 'query={query}'" if query else ""}


def _fine(queries: Queries, what: str) -> str:
    others = [f"{count} of {name} are not looked at" for name, count in queries.elsewhere.items()]
    return "; ".join([f"{len(queries.asked)} queries {what}", *others])


def _answers(target: Target, queries: Queries) -> Mapping[str, QueryResult | CouldNotObserve]:
    """Ask every query once."""

    def ask() -> Mapping[str, QueryResult | CouldNotObserve]:
        texts = list(dict.fromkeys(text for asked in queries.asked for text in asked.texts))
        return dict(zip(texts, target.prometheus_client().query_all(texts), strict=True))

    return target.once(("answers of panels", *(asked.name for asked in queries.asked)), ask)


def is_refused(answer: QueryResult | CouldNotObserve) -> bool:
    """Tell whether Prometheus says that a query is wrong."""
    if not isinstance(answer, CouldNotObserve) or answer.trouble is not Trouble.ERROR_ANSWER:
        return False
    return any(status in answer.came_back for status in _REFUSED)


def judge_readable(
    queries: Queries,
    answers: Mapping[str, QueryResult | CouldNotObserve],
    found: Boards,
    place: Mapping[str, str],
) -> Verdict:
    """Every query is PromQL. What only our reader cannot read, and what stands in no readable model, is unclear."""
    wrong: list[str] = []
    unclear = [f"{uid}: {why}" for uid, why in found.unread.items()]
    for asked in queries.asked:
        for text, why in asked.unreadable.items():
            answer = answers.get(text)
            if answer is not None and is_refused(answer):
                wrong.append(f"{asked.name}: {text}: {why}")
            else:
                unclear.append(f"{asked.name}: {text}: {why}")
    unread = [
        f"{uid} / {panel.title}: its library panel {panel.library} cannot be read"
        for uid, board in found.boards.items()
        for panel in board.panels
        if panel.library
    ]
    unclear += [] if found.of_files else unread
    verdict = _summed_up("every query of a panel is PromQL", wrong, unclear, _fine(queries, "can be read"), place)
    return verdict.with_notes(*(f"{each}; {_ASK_GRAFANA}" for each in unread)) if found.of_files else verdict


@check("dashboards.readable", PanelQueries)
def test_readable(promise: PanelQueries, target: Target) -> Verdict:
    """Every query can be read."""
    got = _queries(target, promise)
    if isinstance(got, Verdict):
        return got
    bad = next((text for asked in got[0].asked for text in asked.unreadable), "")
    return judge_readable(got[0], _answers(target, got[0]), got[1], _api(target, bad))


class Answered(PanelQueries):
    """Prometheus answers every query."""


def judge_answered(
    queries: Queries, answers: Mapping[str, QueryResult | CouldNotObserve], place: Mapping[str, str]
) -> Verdict:
    """No query that can be read is answered with an error; warnings leave open whether the answer is whole."""
    wrong: list[str] = []
    unclear: list[str] = []
    for asked in queries.asked:
        for text in asked.texts:
            answer = answers[text]
            if text in asked.unreadable:
                continue
            if isinstance(answer, CouldNotObserve):
                (wrong if is_refused(answer) else unclear).append(f"{asked.name}: {answer.came_back}")
            elif answer.warnings:
                unclear.append(f"{asked.name}: Prometheus warns: {answer.warnings[0]}")
    return _summed_up("no query of a panel ends in an error", wrong, unclear, _fine(queries, "are answered"), place)


@check("dashboards.answered", Answered)
def test_answered(promise: Answered, target: Target) -> Verdict:
    """No panel shows an error in place of data."""
    got = _queries(target, promise)
    if isinstance(got, Verdict):
        return got
    answers = _answers(target, got[0])
    bad = next((text for text, answer in answers.items() if is_refused(answer)), "")
    return judge_answered(got[0], answers, _api(target, bad))


class WithData(PanelQueries):
    """What every query reads exists."""


def judge_data(queries: Queries, steps: Mapping[str, Step | CouldNotObserve], place: Mapping[str, str]) -> Verdict:
    """Every metric, label and value that a query names exists, in one repetition of its panel at least.

    What may have no series yet, and exporters that are not here, are fine.
    """
    wrong, unclear, away = [], [], set()
    for asked in queries.asked:
        missing = []
        if asked.panel is not None and asked.panel.blank and asked.query == asked.panel.queries[0]:
            wrong.append(f"{asked.name}: all queries of the panel are hidden")
        for node in asked.nodes:
            of_node = [steps[each.series_text] for each in knowledge.selectors(node) if each.series_text in steps]
            unclear += [f"{asked.name}: {each.came_back}" for each in of_node if isinstance(each, CouldNotObserve)]
            seen = [each for each in of_node if not isinstance(each, CouldNotObserve)]
            away |= {each.exporter for each in seen if each.exporter}
            missing.append([each.sentence for each in seen if each.missing and not each.exporter])
        if missing and all(missing):
            wrong.append(f"{asked.name}: {missing[0][0]}")
    absent = f"; not here: {', '.join(sorted(away))}" if away else ""
    return _summed_up("what panels read exists", wrong, unclear, _fine(queries, f"read what exists{absent}"), place)


@check("dashboards.with_data", WithData)
def test_with_data(promise: WithData, target: Target) -> Verdict:
    """No panel is dead: what it reads exists, or may not have happened yet."""
    got = _queries(target, promise)
    if isinstance(got, Verdict):
        return got
    selectors = [each for asked in got[0].asked for node in asked.nodes for each in knowledge.selectors(node)]
    steps = ladder.climb(target, selectors)
    gone = (
        text for text, step in steps.items() if isinstance(step, ladder.Step) and step.missing and not step.exporter
    )
    return judge_data(got[0], steps, _api(target, next(gone, "")))


class WellMade(PanelQueries):
    """No query has a shape that cannot give what it is meant to."""


def judge_well_made(found: Sequence[tuple[Asked, shapes.Finding]], fine: str, place: Mapping[str, str]) -> Verdict:
    """Sure findings break the promise; others are remarks."""
    wrong = [f"{asked.name}: {finding}" for asked, finding in found if finding.sure]
    remarks = dict.fromkeys(f"{asked.name}: {finding}" for asked, finding in found if not finding.sure)
    verdict = _summed_up("queries that can give what they are meant to", wrong, [], fine, place)
    return verdict.with_notes(*list(remarks)[:_REMARKS_MAX])


@check("dashboards.well_made", WellMade)
def test_well_made(promise: WellMade, target: Target) -> Verdict:
    """The same lints as for rules: joins, labels, quantiles, rates, windows, units."""
    got = _queries(target, promise)
    if isinstance(got, Verdict):
        return got
    known = _known(target, got[0])
    found = [(asked, each) for asked in got[0].asked for node in asked.nodes for each in shapes.lint(node, known)]
    bad = next((asked.texts[0] for asked, finding in found if finding.sure), "")
    return judge_well_made(found, _fine(got[0], "are well made"), _api(target, bad))


def _known(target: Target, queries: Queries) -> Knowledge:
    return knowledge.gather(target, [node for asked in queries.asked for node in asked.nodes])


class Variables(OfDashboards):
    """Every variable exists and offers something."""

    free: tuple[str, ...] = Field((), description="Variables that are set from outside the dashboards.")


def judge_variables(
    promise: Variables,
    queries: Queries,
    steps: Mapping[str, Step | CouldNotObserve],
    labels: Collection[str],
    place: Mapping[str, str],
) -> Verdict:
    """Queries use variables that there are, and the queries of variables read metrics and labels that there are.

    `labels` are all labels there are, for variables over a label of any series; empty where that is not known.
    """
    wrong = [
        f"{asked.name}: the dashboard has no variable {name}"
        for asked in queries.asked
        for name in asked.unknown
        if name not in promise.free and not _is_replacement(asked, name)
    ]
    wrong += [
        f"{asked.name}: it compares one value with ${name}, which has several (=~ takes them)"
        for asked in queries.asked
        for name in asked.several
    ]
    unclear = []
    for chosen in queries.variables:
        if chosen.trouble:
            unclear.append(f"{chosen.name}: {chosen.trouble}")
        elif chosen.emptied_by:
            wrong.append(
                f"{chosen.name}: its regular expression {chosen.emptied_by} takes none of the values there are"
            )
        elif chosen.selector is None:
            if labels and chosen.label not in labels:
                wrong.append(f"{chosen.name}: there is no label {chosen.label}{_near(chosen.label, labels)}")
        else:
            step = steps[chosen.selector.series_text]
            if isinstance(step, CouldNotObserve):
                unclear.append(f"{chosen.name}: {step.came_back}")
            elif step.missing and not step.exporter:
                wrong.append(f"{chosen.name}: {step.sentence}")
    fine = f"{len(queries.variables)} variables offer values"
    return _summed_up("variables that exist, over metrics and labels that exist", wrong, unclear, fine, place)


def _near(name: str, known: Iterable[str]) -> str:
    close, _ = ladder.nearest(name, known)
    return f"; nearest: {close}" if close else ""


def _is_replacement(asked: Asked, name: str) -> bool:
    """Tell whether a name is that of a group in the regular expression of a `label_replace`."""
    return any(f"?P<{name}>" in text or f"?<{name}>" in text for text in asked.texts)


@check("dashboards.variables", Variables)
def test_variables(promise: Variables, target: Target) -> Verdict:
    """The variables of all dashboards work."""
    got = _queries(target, promise)
    if isinstance(got, Verdict):
        return got
    queries, found = got
    read: list[Chosen] = [each for each in queries.variables if each.selector is not None]
    steps = ladder.climb(target, [each.selector for each in read if each.selector is not None])
    of_any = any(each.selector is None and each.label for each in queries.variables)
    labels = target.prometheus_client().label_names() if of_any else ()
    return judge_variables(promise, queries, steps, labels, _place(target, found))


# ------------------------------------------------------------------------------------------------------- units, colours


class Units(OfDashboards):
    """Panels show values in units that fit."""

    scaled: tuple[str, ...] = Field((), description="Types of panels that are read against their scale.")


def judge_units(promise: Units, queries: Queries, known: Knowledge, place: Mapping[str, str]) -> Verdict:
    """Where it is sure what a value is, the panel's unit fits it, and so does its scale."""
    wrong, judged = [], 0
    for asked in queries.asked:
        panel = asked.panel
        if panel is None or panel.transformed or not panel.units_told or asked.query.hidden:
            continue
        for node in asked.nodes[:1]:
            unit = measure(node, known).unit
            judged += bool(unit)
            trouble = misfit(unit, panel.unit_of(asked.query))
            if not trouble and panel.kind in promise.scaled:
                trouble = misscaled(unit, panel.minimum, panel.maximum)
            if trouble:
                wrong.append(f"{asked.name}: {trouble} ({node.shown})")
    return _summed_up("values in units that fit", wrong, [], f"{judged} values in units that fit", place)


@check("dashboards.units", Units)
def test_units(promise: Units, target: Target) -> Verdict:
    """A ratio is not shown as a percentage of a percentage, nor seconds as milliseconds."""
    got = _queries(target, promise)
    if isinstance(got, Verdict):
        return got
    return judge_units(promise, got[0], _known(target, got[0]), _place(target, got[1]))


class Thresholds(OfDashboards):
    """Panels of key metrics change their colour where the manual has its thresholds."""


def judge_thresholds(queries: Queries, objectives: Mapping[str, Objective], place: Mapping[str, str]) -> Verdict:
    """Where a panel shows a key metric and somebody chose thresholds for it, they are the promised ones."""
    wrong, judged = [], 0
    for asked in queries.asked:
        panel = asked.panel
        steps = absolute_steps(panel) if panel is not None and not panel.transformed else ()
        if panel is None or not steps or asked.query.hidden or not _shows_one(panel):
            continue  # of several queries, the colours may be meant for another
        for node in asked.nodes[:1]:
            found = scaled(node)
            objective = objectives.get(found.metric) if found else None
            if found is None or objective is None:
                continue
            breach, aim = objective.breach, objective.target
            above = breach.above is not None
            alarm = (breach.above if above else breach.below) or 0.0
            good = None if aim is None else aim.below if above else aim.above
            judged += 1
            inside = None if good is None else good - 1e-6 if above else good + 1e-6
            trouble = wrong_colors(steps, found, alarm=alarm, above=above, good=inside)
            if trouble:
                wrong.append(f"{asked.name} ({node.shown}, alarm {breach}): {trouble}")
    fine = f"{judged} panels change their colour at the promised thresholds"
    return _summed_up("colours that change at the promised thresholds", wrong, [], fine, place)


def _shows_one(panel: Panel) -> bool:
    """Whether all that a panel shows is one query, or one metric in several ways."""
    texts = {each.text for each in panel.queries if not each.hidden}
    if len(texts) == 1:
        return True
    shown = {None if (node := _parsed(text)) is None else scaled(node) for text in texts}
    return len(shown) == 1 and None not in shown


@check("dashboards.thresholds", Thresholds)
def test_thresholds(promise: Thresholds, target: Target) -> Verdict:
    """What is red on a panel is what the manual calls an alarm."""
    got = _queries(target, promise)
    if isinstance(got, Verdict):
        return got
    return judge_thresholds(got[0], _objectives(target), _place(target, got[1]))


def _objectives(target: Target) -> dict[str, Objective]:
    """Give what is promised of key metrics, by their names."""
    return {
        each.query: each
        for each in target.contract.promises("slo.objective", Objective)
        if isinstance(promql.parse(each.query.replace("{window}", "5m")), Selector)
    }


class Reduced(OfDashboards):
    """A panel of one number shows what is now."""

    kinds: tuple[str, ...] = Field(min_length=1, description="Types of panels that make one number of a series.")
    never: tuple[str, ...] = Field((), description="Calculations that give no value of the series, or an old one.")
    highest: tuple[str, ...] = Field((), description="Calculations that hide how low it is.")
    lowest: tuple[str, ...] = Field((), description="Calculations that hide how high it is.")


def judge_reduced(
    promise: Reduced, queries: Queries, objectives: Mapping[str, Objective], place: Mapping[str, str]
) -> Verdict:
    """No panel of a key metric shows something else than its value, or its best one within the time range.

    Its worst one is on the safe side. Of a query for this moment alone, every calculation gives the same.
    """
    wrong, judged = [], 0
    for asked in queries.asked:
        panel, query = asked.panel, asked.query
        if panel is None or panel.kind not in promise.kinds or panel.transformed or query.instant or query.hidden:
            continue
        for node in asked.nodes[:1]:
            found = scaled(node)
            objective = objectives.get(found.metric) if found else None
            if found is None or objective is None:
                continue
            judged += 1
            above = (objective.breach.above is not None) is (found.factor > 0)
            hiding = promise.lowest if above else promise.highest
            if panel.calculation in (*promise.never, *hiding):
                what = "its best value" if panel.calculation in hiding else "not its value"
                wrong.append(
                    f"{asked.name}: of {node.shown} it shows the {panel.calculation} of the time range: {what}"
                )
    fine = f"{judged} panels of one number show what is now"
    return _summed_up("numbers that are what is now", wrong, [], fine, place)


@check("dashboards.reduced", Reduced)
def test_reduced(promise: Reduced, target: Target) -> Verdict:
    """The number on a panel is the one that counts."""
    got = _queries(target, promise)
    if isinstance(got, Verdict):
        return got
    return judge_reduced(promise, got[0], _objectives(target), _place(target, got[1]))


class Answering(OfDashboards):
    """What is called up is counted by whether it answers."""

    metric: str
    words: str = Field(description="What a title says of what answers: a regular expression.")


def judge_answering(promise: Answering, queries: Queries, place: Mapping[str, str]) -> Verdict:
    """No panel that is called so counts the targets that there are, whether they answer or not, and nothing else."""
    wrong, judged = [], 0
    by_panel: dict[tuple[str, str], list[Asked]] = {}
    for asked in queries.asked:
        if asked.panel is not None and re.search(promise.words, asked.panel.title, re.IGNORECASE):
            by_panel.setdefault((asked.uid, asked.place), []).append(asked)
    for panel in by_panel.values():
        nodes = [node for asked in panel for node in asked.nodes if not asked.query.hidden]
        if not any(each.name == promise.metric for node in nodes for each in knowledge.selectors(node)):
            continue
        judged += 1
        if all(_counts_all(node, promise.metric) for node in nodes):
            wrong.append(f"{panel[0].name}: {nodes[0].shown} is the same whether they answer or not")
    return _summed_up("counts of what answers", wrong, [], f"{judged} panels of what is up", place)


def _counts_all(node: Node, metric: str) -> bool:
    if not isinstance(node, Aggregate) or node.operation not in ("count", "group"):
        return False
    return isinstance(node.inner, Selector) and node.inner.name == metric


@check("dashboards.answering", Answering)
def test_answering(promise: Answering, target: Target) -> Verdict:
    """A number of replicas falls when one is gone."""
    got = _queries(target, promise)
    if isinstance(got, Verdict):
        return got
    return judge_answering(promise, got[0], _place(target, got[1]))


class Mapped(OfDashboards):
    """Panels say of a state what it is."""

    metric: str
    words: Mapping[str, str] = Field(min_length=1, description="What texts say, by value: regular expressions.")


def judge_mapped(promise: Mapped, queries: Queries, place: Mapping[str, str]) -> Verdict:
    """No panel shows a state of the metric with the words of another one; its own words are fine."""
    wrong, judged = [], 0
    for asked in queries.asked:
        panel = asked.panel
        if panel is None or not panel.mapped or panel.transformed or asked.query.hidden:
            continue
        if not any(found and found == Scaled(promise.metric) for found in map(scaled, asked.nodes)):
            continue
        judged += 1
        for value, text in panel.mapped.items():
            said = [state for state, words in promise.words.items() if re.search(words, text, re.IGNORECASE)]
            if value in promise.words and said and value not in said:
                wrong.append(f"{asked.name}: it calls {value} {text!r}, which is {said[0]} of {promise.metric}")
    fine = f"{judged} panels of {promise.metric} name its states"
    return _summed_up("states by their names", wrong, [], fine, place)


@check("dashboards.mapped", Mapped)
def test_mapped(promise: Mapped, target: Target) -> Verdict:
    """Open is called open."""
    got = _queries(target, promise)
    if isinstance(got, Verdict):
        return got
    return judge_mapped(promise, got[0], _place(target, got[1]))
