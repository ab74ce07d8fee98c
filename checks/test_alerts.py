"""Alerts: every loaded rule can fire, is quiet now, says whom and what to do; what must be watched is watched."""

from __future__ import annotations

import contextlib
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urldefrag, urlsplit

from pydantic import Field, model_validator

from selfcheck.alerting import (
    Alerting,
    Given,
    Nothing,
    Others,
    Value,
    alerting,
    at,
    either_of,
    file_names,
    filled,
    has_limit,
    is_url,
    lacks_anchor,
    link,
    pairs,
    picks,
    reads,
    recorded,
    selectors,
    sources,
)
from selfcheck.chances import Chance, State, chances
from selfcheck.checking import check
from selfcheck.clients.http import Answer, Request
from selfcheck.contract import DEFAULT_CONTRACT, Model, Promise, Severity
from selfcheck.families import families, quantities
from selfcheck.firing import (
    Range,
    Rulebook,
    branches,
    event_window_seconds,
    is_scalar,
    looks_back_seconds,
    relaxed,
)
from selfcheck.knowledge import Knowledge, Recorded, gather
from selfcheck.labels import flow
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.owning import Owned, owned
from selfcheck.promql import UnreadableError, always_gives, parse, uses
from selfcheck.values import curl
from selfcheck.verdict import Outcome, Verdict, failed, inconclusive, not_covered, passed
from selfcheck.waiting import GaveUp, wait_until

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from selfcheck.clients.prometheus import Alert, Labels, Rule, RuleGroup
    from selfcheck.contract import Contract
    from selfcheck.promql import Node, Selector
    from selfcheck.target import Target

_SHOWN_MAX = 3
_ASKS_WHO = (401, 403, 407, 429)
"""Statuses with which a server does not say whether a page is there."""
_SERVER_ERROR = 500
_PASSWORD = re.compile(r"""<input[^>]*type=["']?password""", re.IGNORECASE)
_APART = (Trouble.NAME_NOT_FOUND, Trouble.UNREACHABLE)
_BAD = 0.02
"""How far beyond a threshold a value is taken to be bad, as a part of the threshold."""
_PERCENT = 100.0


def _place(target: Target) -> dict[str, str]:
    url = f"{target.prometheus_client().url}/api/v1/rules"
    return {"where": f"GET {url}", "reproduce": curl(url)}


def _judged(
    expected: str,
    wrong: Sequence[str],
    unknown: Sequence[str],
    fine: str,
    *,
    place: Mapping[str, str],
    notes: Sequence[str] = (),
) -> Verdict:
    """Make one verdict of many findings: the first is shown, some of the others are notes."""
    found = [*wrong] or [*unknown]
    if not found:
        return passed(fine, where=place["where"], notes=notes)
    others = [f"also: {other}" for other in found[1 : _SHOWN_MAX + 1]]
    if len(found) > _SHOWN_MAX + 1:
        others.append(f"and {len(found) - _SHOWN_MAX - 1} more of the same kind")
    if wrong:
        return failed(expected, found[0], notes=(*others, *notes), **place)
    return inconclusive(expected, found[0], **place).with_notes(*others, *notes)


def _listed(what: str, names: Sequence[str]) -> list[str]:
    """Make one note of many names."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return [f"{what}: {', '.join(names[:5])}{more}"] if names else []


def _alerts(target: Target) -> tuple[Alerting, ...]:
    """Give every alerting rule of the platform; raises CouldNotObserve where there is none."""
    found = target.once("alerting rules", lambda: alerting(owned(target).own))
    if not found:
        raise CouldNotObserve(
            Trouble.UNEXPECTED_ANSWER,
            asked=_place(target)["where"],
            came_back="not one alerting rule is loaded",
            hint="Load the files of the alerting rules",
        )
    return found


def _book(target: Target) -> Rulebook:
    return target.once("rulebook", lambda: Rulebook(recorded(target.rule_groups()), ranges_of(target.contract)))


def ranges_of(contract: Contract) -> dict[str, Range]:
    """Give the values that each metric can have, as far as the contract says."""
    found: dict[str, Range] = {}
    for name, family in families(contract).items():
        if family.type != "gauge":
            found[name] = Range(low=0.0)
        elif family.one_of:
            found[name] = Range(min(family.one_of), max(family.one_of))
        else:
            found[name] = _range(family.minimum, family.maximum)
    for name, promises in quantities(contract).items():
        for promise in promises:
            each = _range(promise.minimum, promise.maximum)
            known = found.get(name, Range())
            found[name] = Range(max(known.low, each.low), min(known.high, each.high))
    return found


def _range(minimum: float | None, maximum: float | None) -> Range:
    low = {} if minimum is None else {"low": minimum}
    high = {} if maximum is None else {"high": maximum}
    return Range(**low, **high)


# --------------------------------------------------------------------------------------------------------------- loaded


class Loaded(Promise):
    """The promised rules are loaded."""

    alerts_min: int = Field(ge=0)
    groups: tuple[str, ...] = Field((), description="Names of groups that must be loaded.")
    alerts: tuple[str, ...] = Field((), description="Names of alerts that must be loaded.")


def judge_loaded(promise: Loaded, groups: Sequence[RuleGroup], *, place: Mapping[str, str]) -> Verdict:
    """There are enough alerting rules, and those that are promised by name."""
    alerts = {alert.rule.name: alert for alert in alerting(groups)}
    count = sum(rule.kind == "alerting" for group in groups for rule in group.rules)
    wrong = [] if count >= promise.alerts_min else [f"{count} alerting rules are loaded"]
    wrong += [
        f"the group {name} is not loaded" for name in promise.groups if name not in {each.name for each in groups}
    ]
    wrong += [f"the alert {name} is not loaded" for name in promise.alerts if name not in alerts]
    named = ", ".join([*promise.groups, *promise.alerts])
    expected = f"at least {promise.alerts_min} alerting rule(s){f', and {named}' if named else ''}"
    return _judged(expected, wrong, (), f"{count} alerting rules in {len(groups)} groups", place=place)


@check("alerts.loaded", Loaded)
def test_loaded(promise: Loaded, target: Target) -> Verdict:
    """The alerting rules are there."""
    return judge_loaded(promise, target.rule_groups(), place=_place(target))


# -------------------------------------------------------------------------------------------------------------- firing


class Fires(Promise):
    """Every alert can fire."""

    ranges: Mapping[str, tuple[float, float]] = Field(
        default_factory=dict, description="The values of metrics of other programs, which an alert may compare."
    )
    event_windows_max: float = Field(
        gt=1, description="An alert that asks whether anything happened may not wait longer than this many windows."
    )


def judge_fires(
    promise: Fires,
    alerts: Sequence[Alerting],
    found: Sequence[Chance],
    book: Rulebook,
    *,
    place: Mapping[str, str],
) -> Verdict:
    """None is against itself, none reads what is not there, none waits longer than what it sees can last."""
    wrong: list[str] = []
    unknown: list[str] = []
    not_now: list[str] = []
    long: list[str] = []
    for alert, chance in zip(alerts, found, strict=True):
        if chance.state is State.NEVER:
            wrong.append(f"{alert.place} can never fire: {chance.why}")
        elif chance.state is State.UNKNOWN:
            unknown.append(f"{alert.place}: {chance.why}")
        elif chance.state is State.NOT_NOW:
            not_now.append(alert.place)
        if alert.node is None or chance.state is State.NEVER:
            continue
        windows = [event_window_seconds(branch, book) for branch in branches(alert.node)]
        shortest = [window for window in windows if window is not None]
        wait = alert.rule.duration_seconds
        if len(shortest) == len(windows) and wait > max(shortest) > 0:
            said = f"{alert.place} waits {wait:g} s (`for`), and what it sees is over after {max(shortest):g} s"
            (wrong if wait > promise.event_windows_max * max(shortest) else long).append(said)
    if len(not_now) == len(alerts):
        unknown.append(f"not one of {len(alerts)} alerts can be tried now, for lack of series")
    notes = [*_listed("cannot be tried now, for lack of series", not_now), *long[:_SHOWN_MAX]]
    return _judged(
        "every alert can fire",
        wrong,
        unknown,
        f"{len(alerts) - len(not_now)} alerts can fire",
        place=place,
        notes=notes,
    )


@check("alerts.fires", Fires)
def test_fires(promise: Fires, target: Target) -> Verdict:
    """Without its thresholds each alert has series, and its thresholds leave room for a value."""
    alerts, book = _alerts(target), _book(target)
    own = {name: Range(low, high) for name, (low, high) in promise.ranges.items()}
    book = Rulebook(book.recorded, {**own, **book.ranges})
    return judge_fires(promise, alerts, chances(target, alerts, book), book, place=_place(target))


class Quiet(Promise):
    """No alert fires."""

    ignored: tuple[str, ...] = Field((), description="Severities of alerts that reach nobody, by design.")
    remarked: tuple[str, ...] = Field((), description="Severities of alerts that nobody need act on today.")
    second_look_interval_max_seconds: float = Field(
        5.0, description="With rules evaluated at least this often, an alert that fires is looked at again."
    )
    second_look_seconds: float = Field(8.0, ge=0)


def judge_quiet(promise: Quiet, groups: Owned, *, now: float, place: Mapping[str, str]) -> Verdict:
    """No alert of the platform fires.

    One that is pending is a remark, and so are those of others and a heartbeat, which always fires by design.
    """
    firing: list[str] = []
    remarked: list[str] = []
    pending: list[str] = []
    beating: list[str] = []
    count = 0
    for alert in alerting(groups.own):
        count += 1
        if alert.node is not None and not uses(alert.node):
            beating += [alert.place] if alert.rule.alerts else []
            continue
        for active in alert.rule.alerts:
            severity = active.labels.get("severity", "")
            if severity in promise.ignored:
                continue
            fires = remarked if severity in promise.remarked else firing
            (fires if active.state == "firing" else pending).append(_active(alert, active, now))
    notes = [
        *_listed("pending", pending),
        *_listed("fires, and can wait", remarked),
        *_listed("fires always, by design", beating),
        *_listed(
            "fires, of others",
            [
                _active(alert, active, now)
                for alert in alerting(groups.others)
                for active in alert.rule.alerts
                if active.state == "firing" and alert.node is not None and uses(alert.node)
            ],
        ),
    ]
    return _judged("no alert fires", firing, (), f"none of {count} alerts fires", place=place, notes=notes)


def _active(alert: Alerting, active: Alert, now: float) -> str:
    labels = ", ".join(
        f'{name}="{value}"' for name, value in active.labels.items() if name not in ("alertname", "owner")
    )
    since = f", for {max(0.0, now - active.active_at):.0f} s" if active.active_at else ""
    return f"{alert.place} is {active.state}{since}, with the value {active.value:.4g} ({labels})"


@check("alerts.quiet", Quiet)
def test_quiet(promise: Quiet, target: Target) -> Verdict:
    """Nothing fires; where rules are evaluated every few seconds, what fires is looked at again."""

    def look() -> Verdict:
        again = owned(target).of(client.rule_groups())
        return judge_quiet(promise, again, now=time.time(), place=_place(target))

    client = target.prometheus_client()
    verdict = judge_quiet(promise, owned(target), now=time.time(), place=_place(target))
    interval = max((group.interval_seconds for group in target.rule_groups()), default=0.0)
    if verdict.outcome == "FAIL" and interval <= promise.second_look_interval_max_seconds:
        with contextlib.suppress(GaveUp):
            return wait_until(
                lambda: again if (again := look()).outcome != "FAIL" else None,
                timeout_seconds=promise.second_look_seconds,
                what="alerts to end",
            )
    return verdict


class Waits(Promise):
    """Alerts fire, and end, soon enough for who is to act."""

    for_max_seconds: Mapping[str, float] = Field(description="By severity: the longest wait (`for`) before it fires.")
    slow_seconds: float = Field(
        gt=0, description="What looks back as long as this changes slowly, and may wait longer."
    )
    slow_for_max_seconds: float = Field(gt=0, description="How long that may wait.")
    keep_max_seconds: float = Field(gt=0, description="The longest that an alert may go on when all is well again.")


def judge_waits(
    promise: Waits, alerts: Sequence[Alerting], book: Rulebook, *, scale: float, place: Mapping[str, str]
) -> Verdict:
    """No alert waits longer than its severity allows, or goes on for longer when it is over."""
    wrong = []
    for alert in alerts:
        severity = alert.rule.labels.get("severity", "")
        waits, keeps = alert.rule.duration_seconds * scale, alert.rule.keep_firing_seconds * scale
        limit = promise.for_max_seconds.get(severity, math.inf)
        if alert.node is not None and looks_back_seconds(alert.node, book) * scale >= promise.slow_seconds:
            limit = max(limit, promise.slow_for_max_seconds)
        if waits > limit:
            wrong.append(f"{alert.place} ({severity}) waits {waits:g} s (`for`), of at most {limit:g} s")
        if keeps > promise.keep_max_seconds:
            said = f"{alert.place} goes on for {keeps:g} s when it is over (`keep_firing_for`)"
            wrong.append(f"{said}, of at most {promise.keep_max_seconds:g} s")
    expected = "alerts that come, and end, in time for their severity"
    return _judged(expected, wrong, (), f"none of {len(alerts)} alerts waits too long", place=place)


@check("alerts.waits", Waits)
def test_waits(promise: Waits, target: Target) -> Verdict:
    """Alerts come in time."""
    scale = target.scope.environment.time_scale
    return judge_waits(promise, _alerts(target), _book(target), scale=scale, place=_place(target))


class Limited(Promise):
    """A rule group has room for all alerts that its rules may give at once."""


def judge_limited(
    promise: Limited,
    groups: Sequence[RuleGroup],
    counts: Mapping[str, float | CouldNotObserve],
    replicas: int,
    *,
    place: Mapping[str, str],
) -> Verdict:
    """No group has a limit below an alert for each replica, where one of its alerts looks at more series than that.

    `counts` has how many series an alert looks at, by its expression. A limit above that may be meant for the worst.
    """
    wrong: list[str] = []
    unknown: list[str] = []
    tight: list[str] = []
    for group in groups:
        for alert in alerting([group]):
            count = counts.get(alert.rule.query, 0.0)
            if not group.limit or (not isinstance(count, CouldNotObserve) and count <= group.limit):
                continue
            if isinstance(count, CouldNotObserve):
                unknown.append(f"{alert.place}, with a limit of {group.limit}: {count.came_back}")
                continue
            said = f"{alert.place} looks at {count:g} series, and its group has a limit of {group.limit}"
            (wrong if group.limit < replicas else tight).append(f"{said}: beyond that all of its alerts are lost")
    limited = sum(bool(group.limit) for group in groups)
    fine = f"{limited} of {len(groups)} groups have a limit, and room below it"
    return _judged(promise.says, wrong, unknown, fine, place=place, notes=tight[:_SHOWN_MAX])


@check("alerts.limited", Limited)
def test_limited(promise: Limited, target: Target) -> Verdict:
    """What many replicas suffer from at once is told."""
    groups = owned(target).own
    queries = {
        alert.rule.query: f"count({relaxed(alert.node)})"
        for alert in alerting([group for group in groups if group.limit])
        if alert.node is not None and not is_scalar(alert.node)
    }
    results = target.prometheus_client().query_all(list(queries.values())) if queries else []
    counts = {
        query: found if isinstance(found, CouldNotObserve) else sum(sample.value for sample in found.samples)
        for query, found in zip(queries, results, strict=True)
    }
    replicas = max(target.scope.environment.replicas or 0, len(target.app_targets()))
    return judge_limited(promise, groups, counts, replicas, place=_place(target))


# --------------------------------------------------------------------------------------------------------------- twice


class Unique(Promise):
    """No rule is loaded twice."""

    used: tuple[str, ...] = Field((), description="Recorded metrics that are read elsewhere, such as by people.")


def judge_unique(promise: Unique, groups: Sequence[RuleGroup], *, place: Mapping[str, str]) -> Verdict:
    """No two rules have the same name and labels, no two alerts the same expression, wait and severity.

    Recordings of one name and the same labels may have expressions that never meet. What nobody reads is a remark.
    """
    seen: dict[tuple[object, ...], Rule] = {}
    wrong = []
    rules = [rule for group in groups for rule in group.rules]
    for rule in rules:
        labels = tuple(sorted(rule.labels.items()))
        keys: list[tuple[object, ...]] = [(rule.kind, rule.name, labels)]
        if rule.kind == "alerting":
            severity = rule.labels.get("severity", "")
            keys.append(("expression", _squeezed(rule.query), rule.duration_seconds, severity))
        else:
            keys[0] = (*keys[0], _squeezed(rule.query))
        before = next((seen[key] for key in keys if key in seen), None)
        if before is not None:
            what = "with the same labels" if before.name == rule.name else "with the same expression"
            wrong.append(
                f"{rule.group}/{rule.name} is there twice, {what}: see {before.group}/{before.name} ({before.file})"
            )
        for key in keys:
            seen.setdefault(key, rule)
    wrong += _recorded_at_once(rules)
    unused = _unused(promise, groups)
    return _judged(
        "every rule once",
        wrong,
        (),
        f"{len(rules)} rules, each once",
        place=place,
        notes=_listed("recorded for nobody", unused),
    )


def _recorded_at_once(rules: Iterable[Rule]) -> Iterator[str]:
    """Find what two rules record as the same one series: the later one wins, each time anew."""
    nodes = [(rule, node) for rule in rules if rule.kind == "recording" and (node := _node(rule)) is not None]
    recorded: dict[str, tuple[Recorded, ...]] = {}
    for rule, node in nodes:
        one = Recorded(f"{rule.group}/{rule.name}", node, rule.labels, rule.interval_seconds)
        recorded[rule.name] = (*recorded.get(rule.name, ()), one)
    known = Knowledge(recorded=recorded)
    seen: dict[tuple[object, ...], list[tuple[Rule, Node]]] = {}
    for rule, node in nodes:
        if flow(node, known).possible != frozenset():
            continue  # with labels of their own, they may differ in them
        others = seen.setdefault((rule.name, *sorted(rule.labels.items())), [])
        for other, made in others:
            if other.query != rule.query and (always_gives(made) or always_gives(node)):
                yield f"{rule.group}/{rule.name} and {other.group}/{other.name} record the same series ({other.file})"
        others.append((rule, node))


def _node(rule: Rule) -> Node | None:
    try:
        return parse(rule.query)
    except UnreadableError:
        return None


def _squeezed(query: str) -> str:
    return " ".join(query.split())


def _unused(promise: Unique, groups: Sequence[RuleGroup]) -> list[str]:
    """Give the recorded metrics that no rule reads and that nobody is known to read otherwise."""
    book = Rulebook(recorded(groups))
    trees = [tree for rules in book.recorded.values() for tree in rules]
    trees += [alert.node for alert in alerting(groups) if alert.node is not None]
    read = {use.selector.name for tree in trees for use in uses(tree)}
    return sorted(book.recorded.keys() - read - set(promise.used))


@check("alerts.unique", Unique)
def test_unique(promise: Unique, target: Target) -> Verdict:
    """Each rule is loaded once."""
    promise = promise.model_copy(update={"used": (*promise.used, *quantities(target.contract))})
    return judge_unique(promise, owned(target).own, place=_place(target))


# ------------------------------------------------------------------------------------------------- labels, annotations


class Labelled(Promise):
    """Every alert has a label."""

    labels: tuple[str, ...] = Field(min_length=1, description="The labels of which any will do.")
    values: tuple[str, ...] = Field((), description="What the label may say; anything when left out.")
    added: bool = Field(False, description="Prometheus may add the label when it sends an alert.")


def judge_labelled(
    promise: Labelled, alerts: Sequence[Alerting], added: Collection[str], *, place: Mapping[str, str]
) -> Verdict:
    """Each alert has one of the labels, with a promised value; one that is made of a template cannot be told.

    A heartbeat, which always fires, is for a machine that waits for it: nobody acts on it.
    """
    choice = f": {', '.join(promise.values)}" if promise.values else ""
    expected = f"a label {' or '.join(promise.labels)}{choice}"
    if any(label in added for label in promise.labels):
        return passed(f"Prometheus adds {', '.join(added)} to every alert", where=place["where"])
    wrong, made = [], []
    for alert in alerts:
        if alert.node is not None and not uses(alert.node):
            continue
        label, value = next(
            ((name, text) for name in promise.labels if (text := alert.rule.labels.get(name, "").strip())), ("", "")
        )
        if not value:
            wrong.append(f"{alert.place} has no label {' or '.join(promise.labels)}")
        elif "{{" in value:
            made.append(alert.place)
        elif promise.values and value not in promise.values:
            wrong.append(f'{alert.place} has {label}="{value}"')
    notes = _listed("made of a template", made)
    return _judged(expected, wrong, (), f"{len(alerts)} alerts have it", place=place, notes=notes)


@check("alerts.labelled", Labelled)
def test_labelled(promise: Labelled, target: Target) -> Verdict:
    """The label is there."""
    alerts = _alerts(target)
    added = _added_labels(target) if promise.added else set()
    return judge_labelled(promise, alerts, added, place=_place(target))


def _added_labels(target: Target) -> set[str]:
    """Give the labels that Prometheus adds to every alert that it sends; none where it does not tell."""
    import yaml  # noqa: PLC0415 - only a run that looks at alerts pays for it

    try:
        found = yaml.safe_load(target.once("configuration", target.prometheus_client().config))
        added = set((found.get("global") or {}).get("external_labels") or ())
        relabelling = (found.get("alerting") or {}).get("alert_relabel_configs") or ()
        return added | {
            each["target_label"] for each in relabelling if each.get("replacement") and "target_label" in each
        }
    except (CouldNotObserve, yaml.YAMLError, AttributeError, TypeError):
        return set()


class Annotated(Promise):
    """Every alert says something."""

    annotations: tuple[str, ...] = Field(min_length=1, description="The annotations of which any will do.")
    remarked: tuple[str, ...] = Field((), description="Annotations whose lack is a remark.")


def judge_annotated(promise: Annotated, alerts: Sequence[Alerting], *, place: Mapping[str, str]) -> Verdict:
    """Each alert has one of the annotations, with some text."""

    def lacks(alert: Alerting, names: Sequence[str]) -> bool:
        return not any(alert.rule.annotations.get(name, "").strip() for name in names)

    expected = f"an annotation {' or '.join(promise.annotations)}"
    wrong = [
        f"{alert.place} has no {' or '.join(promise.annotations)}"
        for alert in alerts
        if lacks(alert, promise.annotations)
    ]
    lacking = [alert.place for alert in alerts if promise.remarked and lacks(alert, promise.remarked)]
    notes = _listed(f"without {' or '.join(promise.remarked)}", lacking)
    return _judged(expected, wrong, (), f"{len(alerts)} alerts have it", place=place, notes=notes)


@check("alerts.annotated", Annotated)
def test_annotated(promise: Annotated, target: Target) -> Verdict:
    """The annotation is there."""
    alerts = _alerts(target)
    return judge_annotated(promise, alerts, place=_place(target))


class Linked(Promise):
    """Every alert leads to a runbook."""

    annotations: tuple[str, ...] = Field(min_length=1, description="The annotations of which any may hold the link.")
    directory: str = Field(description="The runbook directory, from the folder in which the contract's folder is.")
    directory_in: tuple[str, ...] = Field(
        (), description="Environments whose alerts mean this directory; so do all that have a contract of their own."
    )
    sign_in: tuple[str, ...] = Field((), description="What the URL of a page that asks for a sign-in has in it.")
    links_max: int = Field(ge=0, description="So many links to servers are followed.")
    timeout_seconds: float = Field(gt=0)


@dataclass(frozen=True, slots=True)
class Runbooks:
    """What is known of where links lead: the text of a file that a link may mean, and what came back from servers.

    `ours`: links without a server mean the directory that was looked into, and no other one of this name. `values` are
    those that labels of an alert can have, as far as the series that it reads tell.
    """

    file: Callable[[str], str | None]
    answers: Mapping[str, Answer | CouldNotObserve]
    ours: bool = True
    values: Callable[[Alerting], Mapping[str, Collection[str]]] = lambda _: {}


def judge_linked(
    promise: Linked, alerts: Sequence[Alerting], runbooks: Runbooks, *, place: Mapping[str, str]
) -> Verdict:
    """Each alert has a link: to a page that can be read, or to a file of the runbook directory.

    What a server answers counts; the file of the same name stands for it only where no server answers. A server to
    which nothing leads from here is not part of what this run looks at.
    """
    expected = f"each alert has a runbook that can be read, in {promise.directory} or on a server"
    wrong: list[str] = []
    unknown: list[str] = []
    unsaid: list[str] = []
    apart: list[str] = []
    for alert in alerts:
        leads = link(alert.rule, promise.annotations)
        text, answer = runbooks.file(leads), runbooks.answers.get(urldefrag(leads).url)
        said = f"{alert.place} leads to {leads}"
        if not leads:
            wrong.append(f"{alert.place} has no {' or '.join(promise.annotations)}")
        elif "{{" in leads:
            lost = _lost(leads, alert, runbooks)
            kept = unsaid if lost is None else wrong if runbooks.ours else unknown
            kept += [f"{alert.place} ({leads})"] if lost is None else [f"{said}, {each}" for each in lost]
        elif not is_url(leads) and text is None:
            (wrong if runbooks.ours else unknown).append(f"{said}, which is not in {promise.directory}")
        elif isinstance(answer, Answer):
            broken, doubtful = _unread(promise, leads, answer)
            wrong += [f"{said}, which {broken}"] if broken else []
            unknown += [f"{said}, which {doubtful}"] if doubtful else []
        elif text is not None:
            wrong += [f"{said}, which has no such heading"] if runbooks.ours and lacks_anchor(leads, text) else []
        elif answer is None:
            unknown.append(f"{said}, which was not followed: that is more than {promise.links_max} links")
        else:
            (apart if answer.trouble in _APART else unknown).append(f"{said}: {answer.came_back}")
    notes = _listed("not followed", unsaid)
    if apart and not wrong and not unknown:
        return not_covered(
            f"{len(apart)} of {len(alerts)} runbooks cannot be reached from here; {apart[0]}",
            "run where their server is known, or put the files into the runbook directory",
        )
    verdict = _judged(expected, wrong, unknown, f"{len(alerts)} alerts lead to a runbook", place=place, notes=notes)
    if verdict.outcome is Outcome.INCONCLUSIVE and not runbooks.ours:
        remedy = (
            "say with `directory_in` of this promise which environments mean the directory, or let alerts link to URLs"
        )
        return replace(verdict, remedy=remedy)
    return verdict


def _lost(leads: str, alert: Alerting, runbooks: Runbooks) -> list[str] | None:
    """Say for which values of the labels in it a link leads to no file; None where that cannot be told."""
    pages = () if is_url(leads) else filled(leads, runbooks.values(alert))
    lost = [f"and {page} is not there" for page in pages if runbooks.file(page) is None]
    return lost[:1] if pages else None


def _unread(promise: Linked, leads: str, answer: Answer) -> tuple[str, str]:
    """Say why a page is no runbook, and why that cannot be told; both empty for one that can be read."""
    if answer.status in _ASKS_WHO:
        return "", f"answers HTTP {answer.status}: whether it is there is seen by those who may read it"
    if not 200 <= answer.status < 300:
        return f"answers HTTP {answer.status}", ""
    if not answer.body.strip():
        return "answers with an empty page", ""
    try:
        text = answer.text()
    except CouldNotObserve:
        return "", ""  # a PDF, say
    moved = urlsplit(answer.url).path != urlsplit(leads).path
    asked_to = moved and any(part in answer.url.lower() for part in promise.sign_in)
    if asked_to or _PASSWORD.search(text):
        return "", f"asks for a sign-in at {answer.url}: whether it is there is seen by those who may read it"
    return ("has no such heading", "") if lacks_anchor(leads, text) else ("", "")


def _folder(promise: Linked, contract: Contract) -> tuple[Path | None, bool]:
    """Give the runbook directory, and whether it is that of the contract's own."""
    folders = [folder.parent / promise.directory for folder in (contract.folder, DEFAULT_CONTRACT)]
    folder = next((each for each in folders if each.is_dir()), None)
    return folder, folder is not None and folder == folders[0] != folders[1]


def offline(promise: Linked, contract: Contract, alerts: Sequence[Alerting]) -> Runbooks:
    """Give what is known of where the links of alerts lead when no server is asked."""
    folder, _ = _folder(promise, contract)
    pages = {urldefrag(link(alert.rule, promise.annotations)).url for alert in alerts}
    unasked = {
        url: CouldNotObserve(Trouble.UNREACHABLE, asked=url, came_back="no server is asked", hint="run the gate")
        for url in pages
    }
    return Runbooks(_texts(folder), unasked)


def _texts(folder: Path | None) -> Callable[[str], str | None]:
    """Give the text of the file of a directory that a link may mean."""

    def read(leads: str) -> str | None:
        files = [] if folder is None else [folder / name for name in file_names(leads)]
        file = next((each for each in files if each.is_file()), None)
        return None if file is None else file.read_text(encoding="utf-8", errors="replace")

    return read


def _followed(promise: Linked, target: Target, links: Collection[str]) -> dict[str, Answer | CouldNotObserve]:
    """Ask for links, first one of each server: one that does not answer is not asked again and again.

    A server may stumble once: one that says that it failed is asked again.
    """
    wanted = list(links)[: promise.links_max]
    first = list({urlsplit(leads).netloc: leads for leads in reversed(wanted)}.values())
    found = dict(zip(first, _get(promise, target, first), strict=True))
    silent = {urlsplit(leads).netloc: got for leads, got in found.items() if isinstance(got, CouldNotObserve)}
    rest = [leads for leads in wanted if leads not in found and urlsplit(leads).netloc not in silent]
    found |= dict(zip(rest, _get(promise, target, rest), strict=True))
    stumbled = [leads for leads, got in found.items() if isinstance(got, Answer) and got.status >= _SERVER_ERROR]
    found |= dict(zip(stumbled, _get(promise, target, stumbled), strict=True))
    return found | {leads: silent[urlsplit(leads).netloc] for leads in wanted if leads not in found}


def _get(promise: Linked, target: Target, links: Sequence[str]) -> list[Answer | CouldNotObserve]:
    if not links:
        return []
    return target.http.ask_all([Request("GET", leads, timeout_seconds=promise.timeout_seconds) for leads in links])


def _values(target: Target, alert: Alerting) -> dict[str, frozenset[str]]:
    """Give the values that all series which an alert reads by a label have in common; none where it cannot be told."""
    if alert.node is None:
        return {}
    try:
        known = gather(target, [alert.node])
    except CouldNotObserve:
        return {}
    return common_values(known.chosen(each) for each in selectors(alert.node, _book(target)))


def common_values(chosen: Iterable[Sequence[Labels]]) -> dict[str, frozenset[str]]:
    """Give the values of each label that are in each of several lists of series, of those that have the label."""
    found: dict[str, frozenset[str]] = {}
    for series in chosen:
        for name in {label for labels in series for label in labels}:
            values = frozenset(labels[name] for labels in series if labels.get(name))
            found[name] = found.get(name, values) & values
    return found


@check("alerts.linked", Linked)
def test_linked(promise: Linked, target: Target) -> Verdict:
    """The runbook of each alert exists."""
    alerts = _alerts(target)
    links = dict.fromkeys(urldefrag(link(alert.rule, promise.annotations)).url for alert in alerts)
    pages = [leads for leads in links if is_url(leads) and "{{" not in leads]
    folder, own = _folder(promise, target.contract)
    ours = own or target.scope.name in promise.directory_in
    runbooks = Runbooks(_texts(folder), _followed(promise, target, pages), ours, lambda alert: _values(target, alert))
    return judge_linked(promise, alerts, runbooks, place=_place(target))


# -------------------------------------------------------------------------------------------------------------- watched


class Watched(Promise):
    """Some alert fires when a metric goes beyond a threshold."""

    metric: str
    above: float | None = None
    below: float | None = None
    value: float | None = Field(None, description="A bad value; left out, it is one just beyond the threshold.")
    good: float = Field(description="A value at which no alert fires.")
    severities: tuple[Severity, ...] = Field(min_length=1)
    of_app: bool = Field(False, description="Only the series of the jobs that scrape the platform count.")
    partly: bool = Field(False, description="One series of several is bad, not all.")
    altogether: bool = Field(False, description="Every series is bad at once: some may matter less than others.")
    where_read: bool = Field(False, description="Only where some alert reads the metric: else something else may do.")
    instead: tuple[str, ...] = Field((), description="Expressions for names of metrics that tell the same.")
    for_max_seconds: float = Field(gt=0, description="Longer than this, no alert that is to help may wait.")

    @model_validator(mode="after")
    def _one_side(self) -> Watched:
        if (self.above is None) == (self.below is None):
            message = "give either `above` or `below`"
            raise ValueError(message)
        return self

    @property
    def bad(self) -> float:
        """A value beyond the threshold."""
        if self.value is not None:
            return self.value
        if self.above is not None:
            return self.above + abs(self.above) * _BAD
        assert self.below is not None
        return self.below - abs(self.below) * _BAD

    @property
    def limits(self) -> tuple[float, float]:
        """The threshold, as a ratio and in percent."""
        limit = self.above if self.above is not None else self.below
        assert limit is not None
        return limit, limit * _PERCENT

    def __str__(self) -> str:
        return f"{self.metric} {f'above {self.above:g}' if self.above is not None else f'below {self.below:g}'}"


def judge_watched(
    promise: Watched,
    alerts: Sequence[Alerting],
    series: Sequence[Mapping[str, str]],
    book: Rulebook,
    *,
    scale: float,
    place: Mapping[str, str],
) -> Verdict:
    """For each series of the metric, an alert of the severities fires just beyond the threshold, and soon enough."""
    expected = f"an alert ({' or '.join(promise.severities)}) that fires at {promise}"
    any_reader = next(_readers(promise, alerts, book), None)
    if promise.where_read and any_reader is None:
        return not_covered(f"no alert reads {promise.metric}", "load one, if the deployment is to have it")
    fitting = [
        alert for alert in alerts if alert.node is not None and alert.rule.labels.get("severity") in promise.severities
    ]
    readers = [alert for alert in fitting if alert.node is not None and promise.metric in reads(alert.node, book)]
    unread = [alert for alert in alerts if alert.node is None]
    unwatched: list[str] = []
    late: list[str] = []
    by: list[Alerting] = []
    for labels in [{}] if promise.altogether or not series else series:
        firing = [alert for alert in readers if _fires(promise, alert, labels, series, book)]
        soon = [alert for alert in firing if alert.rule.duration_seconds * scale <= promise.for_max_seconds]
        if soon:
            by.append(soon[0])
        else:
            (late if firing else unwatched).append(_labels_text(labels))
            by += firing
    other = next((alert for alert in fitting if _tells_the_same(promise, alert, book)), None)
    if not (unwatched or late):
        return passed(f"{by[0].place} fires at {promise}", where=place["where"])
    if other is not None and (unwatched or not by):
        return passed(f"{other.place} watches what {promise.metric} is about", where=place["where"])
    if unread and not readers:
        return inconclusive(expected, f"{unread[0].place} cannot be read: {unread[0].trouble}", **place)
    if late:
        waits = f"{by[-1].place} fires only after {by[-1].rule.duration_seconds:g} s"
        return failed(expected, waits, **place)
    return failed(expected, _unwatched(promise, readers, unwatched, any_reader), **place)


def _unwatched(promise: Watched, readers: Sequence[Alerting], unwatched: Sequence[str], other: Alerting | None) -> str:
    if not readers:
        seen = f"; {other.place} ({other.rule.labels.get('severity', '')}) does" if other is not None else ""
        return f"no such alert reads {promise.metric}{seen}"
    read = ", ".join(f"{alert.place}: {_squeezed(alert.rule.query)}" for alert in readers[:_SHOWN_MAX])
    return f"none fires at {promise.metric}{unwatched[0]} = {promise.bad:g} ({read})"


def _readers(promise: Watched, alerts: Sequence[Alerting], book: Rulebook) -> Iterator[Alerting]:
    """Give the alerts that read the metric, of whatever severity."""
    return (alert for alert in alerts if alert.node is not None and promise.metric in reads(alert.node, book))


def _labels_text(labels: Mapping[str, str]) -> str:
    inner = ", ".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
    return f"{{{inner}}}" if inner else ""


def _fires(
    promise: Watched,
    alert: Alerting,
    labels: Mapping[str, str],
    series: Sequence[Mapping[str, str]],
    book: Rulebook,
) -> bool:
    """Whether an alert fires when this series of the metric is bad and any other good, and does not when all are good.

    What cannot be told counts as yes, if it looks at this series at all.
    """
    assert alert.node is not None

    def takes(selector: Selector) -> bool:
        return all(matcher.takes(labels.get(matcher.label, "")) is not False for matcher in selector.matchers)

    def assumed(value: float) -> Given:
        def given(selector: Selector) -> Value | None:
            if selector.name != promise.metric:
                return None
            return value if not labels or takes(selector) else promise.good

        return given

    if labels and not any(found.name == promise.metric and takes(found) for found in selectors(alert.node, book)):
        return False
    others = None
    if promise.partly:
        apart = {name for other in series for name in other if other[name] != labels.get(name)}
        others = Others(assumed(promise.good), max(0, len(series) - 1), frozenset(apart))
    bad, good = (at(alert.node, assumed(value), book, others) for value in (promise.bad, promise.good))
    return bad is not Nothing.EMPTY and not isinstance(good, float)


def _tells_the_same(promise: Watched, alert: Alerting, book: Rulebook) -> bool:
    """Whether an alert reads another metric that tells the same, or the same sources with the same threshold."""
    assert alert.node is not None
    read = reads(alert.node, book)
    if any(re.fullmatch(each, name) for each in promise.instead for name in read):
        return True
    made_of = {name for rule in book.recorded.get(promise.metric, ()) for name in sources(rule, book)}
    same = promise.metric not in read and bool(made_of) and made_of <= read
    return same and has_limit(alert.node, promise.limits, above=promise.above is not None)


@check("alerts.watched", Watched)
def test_watched(promise: Watched, target: Target) -> Verdict:
    """An alert watches the metric."""
    alerts = _alerts(target)
    if promise.of_app:
        series = [found.labels for found in target.app_targets()]
        if not series:
            return not_covered("no target of the platform is known", "let Prometheus scrape the platform")
    else:
        series = [sample.labels for sample in target.query(promise.metric).samples]
    return judge_watched(
        promise,
        alerts,
        series,
        _book(target),
        scale=target.scope.environment.time_scale,
        place=_place(target),
    )


class Sign(Model):
    """A way to see an issue: an alert reads one of these metrics, and where there are labels, these in particular."""

    metrics: tuple[str, ...] = Field(min_length=1, description="Expressions for names.")
    labels: dict[str, str] = Field(default_factory=dict, description="The values that it asks for.")
    but_not: dict[str, str] = Field(default_factory=dict, description="Values that it does not ask for.")


class Issue(Promise):
    """Some alert leads to the runbook of an issue, or sees the issue."""

    page: str = Field(description="The name of the runbook's file, without its ending.")
    signs: tuple[Sign, ...] = ()
    annotations: tuple[str, ...] = Field(min_length=1)
    only_in: tuple[str, ...] | None = Field(
        None, description="Environments that promise such an alert; the manual names the issue, and no alert for it."
    )


def judge_issue(
    promise: Issue,
    issues: Sequence[Issue],
    alerts: Sequence[Alerting],
    book: Rulebook,
    environment: str,
    *,
    place: Mapping[str, str],
) -> Verdict:
    """There is an alert for it, and none that sees it, and nothing else, leads to the page of another issue."""
    expected = f"an alert for {promise.page}: one that links to its runbook or reads what shows it"
    astray = [
        f"{alert.place} sees {promise.page} and leads to {page}: {_squeezed(alert.rule.query)}"
        for alert in alerts
        if [each.page for each in issues if _sees(each, alert, book)] == [promise.page]
        for page in _pages(promise, alert) & {each.page for each in issues} - {promise.page}
    ]
    if astray:
        return failed(f"alerts on {promise.page} lead to its runbook", astray[0], notes=astray[1:_SHOWN_MAX], **place)
    for alert in alerts:
        if promise.page in _pages(promise, alert):
            return passed(f"{alert.place} leads to {promise.page}", where=place["where"])
    for alert in alerts:
        if _sees(promise, alert, book):
            return passed(
                f"{alert.place} sees it",
                where=place["where"],
                notes=(f"{alert.place} does not link to a runbook {promise.page}",),
            )
    unread = [alert for alert in alerts if alert.node is None]
    if unread:
        return inconclusive(expected, f"{unread[0].place} cannot be read: {unread[0].trouble}", **place)
    if promise.only_in is not None and environment not in promise.only_in:
        return not_covered(
            f"no alert is for {promise.page}", f"add {environment} to `only_in` in alerts.toml where there must be one"
        )
    return failed(expected, "there is none", **place)


def _pages(promise: Issue, alert: Alerting) -> set[str]:
    """Give the names of the page that an alert leads to, without endings; `a/b/c.md` may be a page `a`, too."""
    names = file_names(link(alert.rule, promise.annotations))
    return {name.rpartition("/")[2].partition(".")[0] for name in names}


def _sees(issue: Issue, alert: Alerting, book: Rulebook) -> bool:
    return alert.node is not None and any(
        _shows(sign, found) for sign in issue.signs for found in selectors(alert.node, book)
    )


def _shows(sign: Sign, selector: Selector) -> bool:
    if not any(re.fullmatch(each, selector.name) for each in sign.metrics):
        return False
    if not sign.labels:
        return True
    named = {matcher.label for matcher in selector.matchers}
    return sign.labels.keys() <= named and picks(selector, sign.labels, sign.but_not)


@check("alerts.issue", Issue)
def test_issue(promise: Issue, target: Target) -> Verdict:
    """An alert tells of the issue."""
    alerts = _alerts(target)
    issues = target.contract.promises("alerts.issue", Issue)
    return judge_issue(promise, issues, alerts, _book(target), target.scope.name, place=_place(target))


# -------------------------------------------------------------------------------------------------------------- burning


class Burning(Promise):
    """A service level has burn-rate alerts over pairs of windows."""

    metrics: tuple[str, ...] = Field(
        min_length=1, description="Metrics of the service level; alerts that read what one of them is made of count."
    )
    fast_long_max_seconds: float = Field(gt=0, description="The long window of a fast pair is at most this long.")
    slow_long_min_seconds: float = Field(gt=0, description="The long window of a slow pair is at least this long.")
    long_per_short_min: float = Field(gt=1, description="The long window is at least so many short ones.")
    optional: bool = Field(False, description="A deployment need not have such alerts; those that it has fit together.")
    scaled_below_seconds: float = Field(
        900, ge=0, description="Rules of which none looks back as long have the timings of a test stack."
    )


def judge_burning(
    promise: Burning, alerts: Sequence[Alerting], book: Rulebook, *, scale: float, place: Mapping[str, str]
) -> Verdict:
    """There is a fast and a slow pair, each with a much shorter window that ends it; the faster, the higher."""
    expected = (
        f"burn-rate alerts for {promise.metrics[0]}: a pair of windows "
        f"up to {promise.fast_long_max_seconds / 3600:g} h and one from {promise.slow_long_min_seconds / 3600:g} h, "
        f"each with one {promise.long_per_short_min:g} times shorter"
    )
    of = frozenset(
        name for metric in promise.metrics for rule in book.recorded.get(metric, ()) for name in sources(rule, book)
    )
    if not of:
        return not_covered(
            f"no loaded rule records {' or '.join(promise.metrics)}: what the service level is made of is not known",
            "put the recorded metric of the service level into the contract's alerts.toml",
        )
    found = [
        (alert, pair) for alert in alerts if alert.node is not None for pair in pairs(alert.node, book, of, scale=scale)
    ]
    good = [
        (alert, pair) for alert, pair in found if pair.long_seconds >= promise.long_per_short_min * pair.short_seconds
    ]
    seen = "; ".join(f"{alert.place}: {pair}" for alert, pair in found[:_SHOWN_MAX]) or "none"
    fast = promise.optional or [pair for _, pair in good if pair.long_seconds <= promise.fast_long_max_seconds]
    slow = promise.optional or [pair for _, pair in good if pair.long_seconds >= promise.slow_long_min_seconds]
    either = [
        f"{alert.place} fires at either of {pair}, and goes on for as long as the longer one remembers"
        for alert in alerts
        if alert.node is not None
        for pair in either_of(alert.node, book, of, scale=scale)
    ]
    wrong = [*either, *([] if fast else [f"there is no fast pair of windows ({seen})"])]
    wrong += [] if slow else [f"there is no slow pair of windows ({seen})"]
    ordered = sorted(good, key=lambda each: (each[1].of, each[1].long_seconds))
    for (alert, pair), (later, longer) in pairwise(ordered):
        if pair.of == longer.of and pair.limit < longer.limit and pair.long_seconds < longer.long_seconds:
            wrong.append(f"{alert.place} ({pair}) burns slower than {later.place} ({longer})")
    if promise.optional and not found and not either:
        return not_covered(
            f"no alert compares two windows of {promise.metrics[0]}", "load some, if there are to be any"
        )
    unread = [f"{alert.place} cannot be read: {alert.trouble}" for alert in alerts if alert.node is None]
    if unread and not found:
        return inconclusive(expected, unread[0], **place)
    longest = max((looks_back_seconds(alert.node, book) for alert in alerts if alert.node is not None), default=0.0)
    if wrong and found and scale == 1 and longest < promise.scaled_below_seconds:
        return not_covered(
            f"no alert looks back longer than {longest:g} s: these are the timings of a test stack",
            "say how much shorter they are with `time_scale` of the environment in platform.toml",
        )
    return _judged(expected, wrong, (), "; ".join(f"{alert.place}: {pair}" for alert, pair in ordered), place=place)


@check("alerts.burning", Burning)
def test_burning(promise: Burning, target: Target) -> Verdict:
    """The error budget cannot burn unseen."""
    alerts = _alerts(target)
    return judge_burning(
        promise, alerts, _book(target), scale=target.scope.environment.time_scale, place=_place(target)
    )
