"""Routing: each alert reaches whom it is promised to, in time, unhidden; a test alert shows that it arrives."""

from __future__ import annotations

import contextlib
import datetime as dt
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import Field

from selfcheck import components, delivery, routing
from selfcheck.checking import check
from selfcheck.contract import Component, Model, Promise, Right
from selfcheck.families import families, quantities
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.promql import Matcher, always_gives, parse, uses
from selfcheck.routing import Labels, Reach, Routing, Sent
from selfcheck.values import curl, some
from selfcheck.verdict import Verdict, failed, inconclusive, not_covered, passed
from selfcheck.waiting import GaveUp, pause, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from selfcheck.clients.alertmanager import Silence, Status
    from selfcheck.clients.prometheus import QueryResult, Rule, RuleGroup
    from selfcheck.delivery import Canary, Delivered
    from selfcheck.exposition import Exposition
    from selfcheck.target import Target

_DAY_SECONDS = 86_400
_FEW = 5
"""Somebody who silences more alerts than these in one go has not thought of each."""
# Prometheus forgets its Alertmanagers at a reload, and finds them again within five seconds.
_FOUND_AGAIN_SECONDS = 6.0
_SETTLES_SECONDS = 3.0


# ---------------------------------------------------------------------------------------------------- what is looked at


def _routing(target: Target) -> Routing:
    return target.once("routing", lambda: _read(target))


def _status(target: Target) -> Status:
    return target.once("alertmanager status", components.alertmanager(target).status)


def _read(target: Target) -> Routing:
    try:
        return routing.read(_status(target).config, dt.datetime.now(dt.UTC).year)
    except routing.UnreadableConfigurationError as error:
        raise CouldNotObserve(
            Trouble.UNEXPECTED_ANSWER,
            asked=_place(target)["where"],
            came_back=f"its configuration cannot be read: {error}",
            hint="this is a limit of the suite where Alertmanager itself takes the configuration",
        ) from error


def _place(target: Target) -> dict[str, str]:
    url = f"{components.alertmanager(target).url}/api/v2/status"
    return {"where": f"GET {url}", "reproduce": f"{curl(url)} | jq -r .config.original"}


@dataclass(frozen=True, slots=True)
class Changed:
    """An alert of a rule before relabelling and after; `kept` and `lost` are the labels of what it is about."""

    rule: str
    before: Labels
    after: Labels
    kept: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Alerts:
    """What the loaded rules would send: their alerts, and those that are dropped or lose labels before."""

    sent: tuple[Sent, ...]
    dropped: tuple[str, ...] = ()
    changed: tuple[Changed, ...] = ()

    @property
    def own(self) -> tuple[Sent, ...]:
        """Those of the platform: where those of others go is for others to say."""
        return tuple(alert for alert in self.sent if alert.own)


def alerts_of(
    groups: Iterable[RuleGroup],
    configuration: Mapping[str, Any],
    names: Callable[[Rule], frozenset[str] | None] = lambda _: None,
    own: Collection[str] | None = None,
) -> Alerts:
    """Work out the alerts of all alerting rules, as Prometheus sends them with a configuration.

    `names` gives the labels that what a rule reads has: an alert has no others besides its rule's. `own` are the files
    whose rules are the platform's (None: all are).
    """
    external = {str(k): str(v) for k, v in ((configuration.get("global") or {}).get("external_labels") or {}).items()}
    ways = _ways(configuration.get("alerting") or {})
    sent, dropped, changed = [], [], []
    for group in groups:
        for rule in group.rules:
            if rule.kind != "alerting":
                continue
            name, before = f"{group.name}/{rule.name}", routing.labels_of(rule)
            before = replace(before, names=names(rule) if before.others else None)
            is_own = own is None or group.file in own
            # By the first way that it is sent at all: another Alertmanager may be for some alerts only.
            arrived = [(way, routing.relabelled(before, way, external)) for way in ways]
            steps, labels = next((each for each in arrived if each[1] is not None), arrived[0])
            if labels is None:
                dropped += [name] * is_own
                continue
            if steps and is_own:
                changed.append(_changed(name, before, labels, steps))
            sent.append(Sent(name, replace(labels, names=before.names), _always(rule.query), is_own))
    return Alerts(tuple(sent), tuple(dropped), tuple(changed))


def _changed(rule: str, before: Labels, after: Labels, steps: Sequence[Mapping[str, Any]]) -> Changed:
    """Compare an alert before and after; what its rule fixes says nothing of what it is about."""
    about = {name for name, value in before.known.items() if value is None}
    if before.others:
        about |= (before.names or frozenset()) - before.known.keys()
    lost = frozenset(name for name in about if routing.loses(steps, name))
    return Changed(rule, before, after, frozenset(about) - lost, lost)


def _ways(alerting: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], ...]]:
    """Give the steps of relabelling for each Alertmanager: those for all, then its own."""
    common = tuple(alerting.get("alert_relabel_configs") or ())
    each = [(*common, *(one.get("alert_relabel_configs") or ())) for one in alerting.get("alertmanagers") or ()]
    return each or [common]


def _always(query: str) -> bool:
    try:
        return always_gives(parse(query))
    except ValueError:
        return False


def _alerts(target: Target) -> Alerts:
    def look() -> Alerts:
        import yaml  # noqa: PLC0415 - only a run that looks at a configuration pays for it

        configuration: Any = {}
        # A store that has rules and no configuration is taken to add nothing to them.
        with contextlib.suppress(CouldNotObserve):
            text = target.once("prometheus configuration", target.prometheus_client().config)
            configuration = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - safe
        groups = target.rule_groups()
        return alerts_of(groups, configuration or {}, partial(_names, target), own_files(groups, _marks(target)))

    return target.once("sent alerts", look)


def own_files(groups: Sequence[RuleGroup], marks: Collection[str]) -> frozenset[str] | None:
    """Give the files with a rule that reads something of the platform; None where nothing is known of it.

    A Prometheus that others share has their rules as well, those of a cluster for instance. `marks` are names of its
    metrics and jobs: who watches it for its cluster's sake alone names none of them.
    """
    if not marks:
        return None
    mark = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, sorted(marks)))})(?![\w-])")
    return frozenset(group.file for group in groups if any(mark.search(rule.query) for rule in group.rules))


def _marks(target: Target) -> frozenset[str]:
    names = {*families(target.contract), *quantities(target.contract)}
    own = {name for name in names if not name.startswith("up")}
    own -= {name for name, each in families(target.contract).items() if each.component is not Component.APP}
    with contextlib.suppress(CouldNotObserve):
        own |= {found.job for found in target.app_targets() if found.job}
    return frozenset(own)


def _names(target: Target, rule: Rule) -> frozenset[str] | None:
    """Give the labels of all series that a rule reads; those that there are where one of its metrics has none now."""
    every = _label_names(target)
    try:
        metrics = {use.selector.name for use in uses(parse(rule.query))}
        client = target.prometheus_client()
        known = [target.once(("label names", each), partial(client.label_names, each)) for each in metrics if each]
    except (ValueError, CouldNotObserve):
        return every
    return frozenset().union(*known) if all(known) and "" not in metrics else every


def _label_names(target: Target) -> frozenset[str] | None:
    try:
        return target.once("label names", target.prometheus_client().label_names)
    except CouldNotObserve:
        return None


def _of_level(alerts: Iterable[Sent], label: str, level: str) -> list[Sent]:
    return [alert for alert in alerts if alert.labels.known.get(label) == level]


def _ends(plan: Routing, alerts: Sequence[Sent], label: str, level: str) -> Iterator[tuple[Sent, tuple[Reach, ...]]]:
    """Give where each alert of a severity ends; without any, where one would of which only the severity is known."""
    found = _of_level(alerts, label, level)
    for alert in found or [Sent(f"any alert of severity {level}", Labels({label: level}, others=True))]:
        yield alert, routing.reached(plan, alert.labels)


# ------------------------------------------------------------------------------------------------------------ receivers


class Channel(Model):
    """A way to reach people: kinds of integrations, and names of receivers whose integration may be anything."""

    integrations: tuple[str, ...] = ()
    names: str


class Receivers(Promise):
    """Alerts of one severity reach a receiver of the promised kind."""

    label: str
    level: str
    channels: Mapping[str, Channel]
    wanted: str
    accepted: tuple[str, ...] = Field((), description="Other channels that are as good.")
    of_tests: tuple[str, ...] = Field((), description="Receivers of test alerts, which reach nobody.")


def judge_receivers(promise: Receivers, plan: Routing, alerts: Sequence[Sent], place: Mapping[str, str]) -> Verdict:
    """Each alert may reach the promised channel; what surely ends elsewhere, or nowhere, is a breach."""
    expected = f"every alert with {promise.label}={promise.level} reaches a receiver of the kind {promise.wanted!r}"
    wrong: dict[str, list[str]] = {}
    unclear: dict[str, list[str]] = {}
    notes: dict[str, None] = {}
    count = 0
    for alert, ends in _ends(plan, alerts, promise.label, promise.level):
        count += 1
        receivers = [plan.receivers.get(reach.route.receiver) for reach in ends]
        found = [
            routing.means(each, promise.channels)
            for each in receivers
            if each is not None and each.name not in promise.of_tests and not _borrowed(promise, plan, each)
        ]
        channels = frozenset[str]().union(*(each.channels for each in found))
        if promise.wanted in channels:
            continue
        if fine := channels & set(promise.accepted):
            notes[f"{alert.rule} goes to the {min(fine)}, not to the {promise.wanted}"] = None
        elif any(each.unclear for each in found):
            unclear.setdefault(_described(promise, plan, ends), []).append(alert.rule)
        else:
            wrong.setdefault(_described(promise, plan, ends), []).append(alert.rule)
    if wrong:
        observed = [f"{some(rules)}: {text}" for text, rules in wrong.items()]
        shadows = list(_shadowed(promise, plan))
        return failed(expected, some(observed), **place, notes=[*shadows, *list(notes)[:3]])
    if unclear:
        text, rules = next(iter(unclear.items()))
        remark = f"{some(rules)}: {text}; whether that is a {promise.wanted} cannot be told from here"
        remedy = (
            f"name the receiver in `channels.{promise.wanted}.names` of [[receivers]] {promise.id} "
            "in contract/routing.toml"
        )
        if sum(map(len, unclear.values())) == count:
            return not_covered(remark, remedy)
        return passed(f"{count} alerts, as far as can be told", where=place["where"], notes=[f"{remark}: {remedy}"])
    return passed(f"{count} alert(s) reach a {promise.wanted}", where=place["where"], notes=list(notes)[:3])


def _borrowed(promise: Receivers, plan: Routing, receiver: routing.Receiver) -> str:
    return routing.borrowed_from(receiver, plan, promise.channels, (promise.wanted, *promise.accepted))


def _described(promise: Receivers, plan: Routing, ends: Sequence[Reach]) -> str:
    parts = []
    for reach in ends:
        receiver = plan.receivers.get(reach.route.receiver)
        kinds = "undefined" if receiver is None else ", ".join(receiver.integrations) or "notifies nobody"
        other = "" if receiver is None else _borrowed(promise, plan, receiver)
        has = f", which has the address of {other!r}" if other else ""
        parts.append(f"{reach.route.receiver!r} ({kinds}) by {reach.route.place}{has}")
    return "ends at " + some(list(dict.fromkeys(parts)))


def _shadowed(promise: Receivers, plan: Routing) -> Iterator[str]:
    """Say of each route that is meant for this severity and never reached why it is not."""
    for route, why in routing.unreachable(plan.root):
        if _is_for(route, promise.label, (promise.level,)):
            yield f"{route.place} {route.shown} is never reached: {why}"


def _is_for(route: routing.Route, label: str, levels: Iterable[str]) -> bool:
    """Whether a route asks for one of some severities."""
    return any(
        one.label == label and one.operator in ("=", "=~") and any(one.takes(level) for level in levels)
        for one in route.matchers
    )


@check("routing.receivers", Receivers)
def test_receivers(promise: Receivers, target: Target) -> Verdict:
    """The right people hear of it."""
    return judge_receivers(promise, _routing(target), _alerts(target).own, _place(target))


def _promised(target: Target) -> tuple[Receivers, ...]:
    return tuple(target.contract.promises("routing.receivers", Receivers))


def _ends_promised(
    plan: Routing, alerts: Sequence[Sent], label: str, level: str, promised: Iterable[Receivers]
) -> Iterator[tuple[Sent, tuple[Reach, ...]]]:
    """Give where each alert of a severity reaches the promised kind of receiver: other routes tell further people.

    Where it reaches none, or none is promised, all its ends.
    """
    wanted = {line.level: line for line in promised}.get(level)
    for alert, ends in _ends(plan, alerts, label, level):
        yield alert, tuple(each for each in ends if wanted and _is_to(wanted, plan, each.route)) or ends


def _is_to(promised: Receivers, plan: Routing, route: routing.Route) -> bool:
    receiver = plan.receivers.get(route.receiver)
    found = frozenset[str]() if receiver is None else routing.means(receiver, promised.channels).channels
    return bool(found & {promised.wanted, *promised.accepted})


# ---------------------------------------------------------------------------------------------------- routes as a whole


class Levels(Promise):
    """Something that is promised for alerts of some severities, the most urgent first."""

    label: str
    levels: tuple[str, ...] = Field(min_length=1)


def judge_reachable(promise: Levels, plan: Routing, place: Mapping[str, str]) -> Verdict:
    """No route for a promised severity is dead; other dead routes are remarks."""
    dead = list(routing.unreachable(plan.root))
    said = {route.place: f"{route.place} {route.shown} is never reached: {why}" for route, why in dead}
    wrong = [said[route.place] for route, _ in dead if _is_for(route, promise.label, promise.levels)]
    others = [text for text in said.values() if text not in wrong]
    if wrong:
        return failed("every route for a severity can be reached", some(wrong), **place, notes=others[:3])
    return passed(f"{len(list(routing.routes(plan.root)))} routes", where=place["where"], notes=others[:3])


@check("routing.reachable", Levels)
def test_reachable(promise: Levels, target: Target) -> Verdict:
    """No route stands behind another one that takes everything."""
    return judge_reachable(promise, _routing(target), _place(target))


class Open(Levels):
    """Routes notify at some time."""


def judge_open(
    promise: Open,
    plan: Routing,
    alerts: Sequence[Sent],
    place: Mapping[str, str],
    promised: Sequence[Receivers] = (),
) -> Verdict:
    """No alert surely ends only in routes that never notify, of those to the `promised` receivers."""
    wrong: dict[str, list[str]] = {}
    for level in promise.levels:
        for alert, ends in _ends_promised(plan, alerts, promise.label, level, promised):
            muted = [routing.is_muted(plan, reach.route) for reach in ends]
            if muted and all(muted):
                wrong.setdefault(f"{ends[0].route.place} {ends[0].route.shown}: {muted[0]}", []).append(alert.rule)
    if wrong:
        observed = [f"{route}; so {some(rules)} is never told" for route, rules in wrong.items()]
        return failed("routes that notify at some time", some(observed), **place)
    return passed("no alert ends in a route that is always muted", where=place["where"])


@check("routing.open", Open)
def test_open(promise: Open, target: Target) -> Verdict:
    """No time interval mutes a route for good."""
    return judge_open(promise, _routing(target), _alerts(target).own, _place(target), _promised(target))


class Leaving(Levels):
    """Alerts leave Prometheus with their severity, and with what tells those of one rule apart."""

    apart: tuple[tuple[str, ...], ...] = Field(
        (), description="Labels of what an alert is about; of each group at least one stays."
    )


def judge_sent(promise: Leaving, alerts: Alerts, place: Mapping[str, str]) -> Verdict:
    """No alert is dropped by relabelling, each keeps the severity of its rule, and two of a rule stay two."""
    wrong = [f"{name} is dropped" for name in alerts.dropped]
    for changed in alerts.changed:
        own, sent = changed.before.known.get(promise.label), changed.after.known.get(promise.label)
        if own in promise.levels and promise.label in changed.after.known and sent is not None and sent != own:
            wrong.append(f"{changed.rule} is sent with {promise.label}={sent or 'nothing'}, its rule says {own}")
        elif own in promise.levels and promise.label not in changed.after.known:
            wrong.append(f"{changed.rule} is sent without {promise.label}, its rule says {own}")
        wrong += [
            f"{changed.rule} is sent without {' and '.join(lost)}: all that it is about become one alert"
            for group in promise.apart
            if (lost := [name for name in group if name in changed.lost]) and not changed.kept & set(group)
        ]
    if wrong:
        return failed("alerts are sent as their rules say", some(wrong), **place)
    return passed(f"{len(alerts.sent)} alerting rules", where=place["where"])


@check("routing.sent", Leaving)
def test_sent(promise: Leaving, target: Target) -> Verdict:
    """Relabelling of alerts does no harm."""
    url = f"{target.prometheus_client().url}/api/v1/status/config"
    place = {"where": f"GET {url}", "reproduce": f"{curl(url)} | jq -r .data.yaml"}
    return judge_sent(promise, _alerts(target), place)


# ---------------------------------------------------------------------------------------------------------------- times


class Times(Promise):
    """How long alerts of one severity may wait, and when they are repeated; production timings."""

    label: str
    level: str
    group_wait_max_seconds: float = Field(gt=0)
    group_interval_max_seconds: float = Field(gt=0)
    repeat_max_seconds: float | None = Field(None, gt=0)
    repeats_itself: tuple[str, ...] = Field((), description="Integrations that escalate without being told again.")
    repeat_min_seconds: float | None = Field(None, gt=0, description="Who is told more often than this is flooded.")
    at_any_time: bool = Field(False, description="No time interval may keep an alert back.")
    by_day: bool = Field(False, description="None may do so by day that lets it through at night.")


def judge_times(
    promise: Times,
    plan: Routing,
    alerts: Sequence[Sent],
    scale: float,
    place: Mapping[str, str],
    promised: Sequence[Receivers] = (),
) -> Verdict:
    """Each alert leaves in time by the routes that it surely takes, and is repeated; `scale` divides the limits.

    Routes to the `promised` receivers count, where there are any. A heartbeat may be repeated as often as one likes.
    """
    wrong: dict[str, None] = {}
    unclear: dict[str, None] = {}
    for alert, ends in _ends_promised(plan, alerts, promise.label, promise.level, promised):
        sure = [reach.route for reach in ends if reach.sure] or [reach.route for reach in ends if len(ends) == 1]
        # Of several routes the quickest counts.
        late = [_late(promise, plan, route, scale) for route in sure]
        if late and all(late):
            wrong.update(dict.fromkeys(late[0]))
        if not alert.always:
            wrong.update(dict.fromkeys(filter(None, (_floods(promise, plan, route, scale) for route in sure))))
        asleep = [routing.sleeps_by_day(plan, route) for route in sure if promise.by_day]
        if asleep and all(why for why, _ in asleep):
            why, is_sure = asleep[0]
            (wrong if is_sure else unclear)[f"{sure[0].place} {sure[0].shown}: {why}"] = None
    if wrong:
        return failed(_limits(promise, scale), some(list(wrong)), **place)
    if unclear:
        observed = f"{some(list(unclear))}, by the clock of UTC: which hours that are here is not said (`location`)"
        return inconclusive(_limits(promise, scale), observed, **place)
    return passed(_limits(promise, scale), where=place["where"])


def _escalates(promise: Times, plan: Routing, route: routing.Route) -> bool:
    receiver = plan.receivers.get(route.receiver)
    return receiver is not None and bool(set(receiver.integrations) & set(promise.repeats_itself))


def _floods(promise: Times, plan: Routing, route: routing.Route, scale: float) -> str:
    """Say how often a route tells the same again, where that is too often; who escalates by himself takes it as one."""
    if promise.repeat_min_seconds is None or _escalates(promise, plan, route):
        return ""
    # A group is looked at once in each `group_interval`: nothing is repeated between.
    step = max(route.group_interval_seconds, 0.001)
    every, least = max(1, math.ceil(route.repeat_seconds / step)) * step, promise.repeat_min_seconds / scale
    if every >= least:
        return ""
    return f"{route.place} {route.shown}: the same is told again after {_span(every)}, at least {_span(least)}"


def _late(promise: Times, plan: Routing, route: routing.Route, scale: float) -> list[str]:
    found = [("group_wait", route.group_wait_seconds, promise.group_wait_max_seconds)]
    if "..." not in route.group_by:
        found.append(("group_interval", route.group_interval_seconds, promise.group_interval_max_seconds))
    if promise.repeat_max_seconds is not None and not _escalates(promise, plan, route):
        found.append(("repeat_interval", route.repeat_seconds, promise.repeat_max_seconds))
    kept_back = routing.is_muted_sometimes(plan, route) if promise.at_any_time else ""
    return [f"{route.place} {route.shown}: {kept_back}"] * bool(kept_back) + [
        f"{route.place} {route.shown}: {name} is {_span(value)}, at most {_span(limit / scale)}"
        for name, value, limit in found
        if value > limit / scale
    ]


def _limits(promise: Times, scale: float) -> str:
    repeat = f", repeated after {_span(promise.repeat_max_seconds / scale)}" if promise.repeat_max_seconds else ""
    wait = _span(promise.group_wait_max_seconds / scale)
    return f"alerts of severity {promise.level} leave after at most {wait}{repeat}"


def _span(seconds: float) -> str:
    for unit, size in (("d", _DAY_SECONDS), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size or (seconds >= size and seconds % size == 0):
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


@check("routing.times", Times)
def test_times(promise: Times, target: Target) -> Verdict:
    """Alerts are told in time."""
    scale = target.scope.environment.time_scale
    return judge_times(promise, _routing(target), _alerts(target).own, scale, _place(target), _promised(target))


class Ended(Promise):
    """Who is promised to hear of an alert of one severity hears of its end as well."""

    label: str
    level: str
    unless_by_default: bool = Field(False, description="Kinds of receivers that do not tell ends unasked may do so.")


def judge_ended(
    promise: Ended, plan: Routing, alerts: Sequence[Sent], promised: Sequence[Receivers], place: Mapping[str, str]
) -> Verdict:
    """One promised receiver of each alert is told of its end; whether it reaches one at all is not judged here."""
    wanted = next((line for line in promised if line.level == promise.level), None)
    wrong: dict[str, list[str]] = {}
    for alert, ends in _ends_promised(plan, alerts, promise.label, promise.level, promised):
        receivers = [
            plan.receivers[each.route.receiver] for each in ends if wanted and _is_to(wanted, plan, each.route)
        ]
        silent = [
            each.withholds_resolved if promise.unless_by_default else not each.tells_resolved for each in receivers
        ]
        if silent and all(silent):
            wrong.setdefault(f"{receivers[0].name!r} ({', '.join(receivers[0].integrations)})", []).append(alert.rule)
    expected = "receivers that are told when an alert is over"
    if wrong:
        observed = [f"{name} is not told that {some(rules)} is over (`send_resolved`)" for name, rules in wrong.items()]
        return failed(expected, some(observed), **place)
    return passed(expected, where=place["where"])


@check("routing.ended", Ended)
def test_ended(promise: Ended, target: Target) -> Verdict:
    """What began also ends for whom it woke."""
    return judge_ended(promise, _routing(target), _alerts(target).own, _promised(target), _place(target))


# ------------------------------------------------------------------------------------------------------------- grouping


class Grouped(Levels):
    """What belongs together is one message, and what does not is not."""

    groups_itself: tuple[str, ...] = Field((), description="Integrations that put single alerts together themselves.")
    alerts_min: int = Field(2, ge=1, description="So many alerts of a message must be given on.")


def judge_grouped(
    promise: Grouped,
    plan: Routing,
    alerts: Sequence[Sent],
    place: Mapping[str, str],
    promised: Sequence[Receivers] = (),
) -> Verdict:
    """Routes of several alerts neither merge all of them, nor send each by itself, nor cut messages short.

    Routes to the `promised` receivers count, where there are any. One that only one alert takes has nothing to group.
    """
    taken: dict[str, tuple[routing.Route, list[Sent]]] = {}
    for level in promise.levels:
        for alert, ends in _ends_promised(plan, alerts, promise.label, level, promised):
            for reach in ends:
                if reach.sure or len(ends) == 1:
                    taken.setdefault(reach.route.place, (reach.route, []))[1].append(alert)
    several = [(route, found) for route, found in taken.values() if len({each.rule for each in found}) > 1]
    wrong = [
        f"{route.place} {route.shown}: {trouble}"
        for route, found in several
        if (trouble := _misgrouped(promise, plan.receivers.get(route.receiver), route, found))
    ]
    if wrong:
        return failed("messages that hold what belongs together", some(wrong), **place)
    return passed(f"{len(several)} route(s) that several alerts take", where=place["where"])


def _misgrouped(
    promise: Grouped, receiver: routing.Receiver | None, route: routing.Route, alerts: Sequence[Sent]
) -> str:
    kinds = set(receiver.integrations) if receiver is not None else set[str]()
    if "..." in route.group_by:
        return "" if kinds <= set(promise.groups_itself) else "each alert is a message of its own (`group_by: ['...']`)"
    if merged := routing.merging(route, alerts):
        return f"all its {len(alerts)} alerts are one message, and a new one is an update of it: {merged}"
    if receiver is not None and 0 < receiver.alerts_max < promise.alerts_min:
        return f"of each message, {receiver.alerts_max} alert(s) are given on (`max_alerts`), and the others are lost"
    return ""


@check("routing.grouped", Grouped)
def test_grouped(promise: Grouped, target: Target) -> Verdict:
    """One trouble is one message."""
    return judge_grouped(promise, _routing(target), _alerts(target).own, _place(target), _promised(target))


# ----------------------------------------------------------------------------------------------------------- inhibition


class Inhibitions(Promise):
    """Inhibitions can act, and only where they are meant to."""

    label: str = Field(description="The label of the severity: by it alone, everything silences everything.")
    of_others: str = Field("", description="Sources that need not be loaded here: a regular expression for their name.")
    alert_label: str = "alertname"
    whose: tuple[str, ...] = Field((), description="Labels that say who acts, and not on what.")


def judge_inhibitions(  # noqa: C901 - one case for each way to be wrong
    promise: Inhibitions,
    plan: Routing,
    alerts: Sequence[Sent],
    place: Mapping[str, str],
) -> Verdict:
    """Each has a source and a target among the alerts, which can agree; and something of `equal` is one of theirs.

    Without `equal`, its matchers say more than severities. What concerns no alert of this Prometheus is for others.
    """
    wrong, notes = [], []
    for rule in plan.inhibitions:
        sources = [alert for alert in alerts if alert.labels.take(rule.source) is not False]
        targets = [alert for alert in alerts if alert.labels.take(rule.target) is not False]
        missing = routing.missing_labels(rule, [*sources, *targets])
        if not sources and (not targets or _is_of_others(promise, rule)):
            notes.append(f"{rule.place} is about alerts that are not loaded here: {_braces(rule.source)}")
        elif not sources:
            wrong.append(f"{rule.place} never acts: no loaded alert matches its source {_braces(rule.source)}")
        elif not targets:
            wrong.append(f"{rule.place} never acts: no loaded alert matches its target {_braces(rule.target)}")
        elif missing and len(missing) == len(rule.equal):
            wrong.append(
                f"{rule.place} compares {', '.join(missing)}, which no alert has: each source silences every target"
            )
        elif not rule.equal and _by_level_alone(promise, rule):
            wrong.append(
                f"{rule.place} compares nothing (`equal` is empty): any alert {_braces(rule.source)} silences every "
                f"alert {_braces(rule.target)}, such as {some([alert.rule for alert in targets])}"
            )
        elif next(routing.pairs(rule, alerts), None) is None:
            labels = ", ".join(rule.equal)
            reason = f"no two alerts agree in {labels}" if labels else "each alert on one side is on the other, too"
            wrong.append(f"{rule.place} never acts: {reason}")
        elif missing:
            notes.append(f"{rule.place} compares {', '.join(missing)} besides, which no alert has")
        elif rule.equal and {*rule.equal} <= {*promise.whose, promise.label} and _by_level_alone(promise, rule):
            # Small teams mean that: while somebody is paged, they look at the rest anyway.
            notes.append(
                f"{rule.place} compares {', '.join(rule.equal)} alone, which is who acts: "
                f"an alert {_braces(rule.source)} silences whatever else they should hear of"
            )
    if wrong:
        return failed("every inhibition can act, on what it compares", some(wrong), **place, notes=notes[:3])
    return passed(f"{len(plan.inhibitions)} inhibition(s), {len(alerts)} alerts", where=place["where"], notes=notes[:3])


def _is_of_others(promise: Inhibitions, rule: routing.Inhibition) -> bool:
    named = [one for one in rule.source if one.label == promise.alert_label and one.operator == "="]
    return any(re.fullmatch(promise.of_others, one.value) for one in named)


def _by_level_alone(promise: Inhibitions, rule: routing.Inhibition) -> bool:
    """Whether both sides are chosen by severities, of which each takes one at least that the other does not."""
    return all(one.label == promise.label for one in (*rule.source, *rule.target)) and rule.source != rule.target


def _braces(matchers: Iterable[object]) -> str:
    return "{" + ", ".join(map(str, matchers)) + "}"


@check("routing.inhibitions", Inhibitions)
def test_inhibitions(promise: Inhibitions, target: Target) -> Verdict:
    """What is meant to be silent in an incident can be."""
    alerts = _alerts(target).sent
    if not alerts:
        return not_covered("no alerting rule is loaded", "load the alerting rules")
    return judge_inhibitions(promise, _routing(target), alerts, _place(target))


class Harmless(Levels):
    """Inhibitions silence lesser alerts only."""

    alert_label: str = "alertname"


def judge_harmless(promise: Harmless, plan: Routing, alerts: Sequence[Sent], place: Mapping[str, str]) -> Verdict:
    """No alert surely silences a more urgent one; none that always fires silences any of a promised severity.

    One that is named may silence others than the most urgent ones: it may say that they are expected.
    """
    rank = {level: number for number, level in enumerate(promise.levels)}

    def rank_of(alert: Sent) -> int | None:
        return rank.get(alert.labels.known.get(promise.label) or "")

    wrong = []
    for rule in plan.inhibitions:
        named = any(one.label == promise.alert_label and one.operator == "=" for one in rule.source)
        for pair in routing.pairs(rule, alerts):
            source, silenced = rank_of(pair.source), rank_of(pair.target)
            if not pair.sure or silenced is None or not pair.target.own:
                continue
            if pair.source.always:
                wrong.append(f"{rule.place}: {pair.source.rule} always fires and silences {pair.target.rule}")
            elif source is not None and source > silenced and (silenced == 0 or not named):
                lesser, greater = promise.levels[source], promise.levels[silenced]
                wrong.append(f"{rule.place}: {pair.source.rule} ({lesser}) silences {pair.target.rule} ({greater})")
            else:
                continue
            break
    if wrong:
        return failed("a lesser alert silences no greater one", some(wrong), **place)
    return passed(f"{len(plan.inhibitions)} inhibition(s)", where=place["where"])


@check("routing.harmless", Harmless)
def test_harmless(promise: Harmless, target: Target) -> Verdict:
    """No inhibition hides what matters."""
    return judge_harmless(promise, _routing(target), _alerts(target).sent, _place(target))


# ------------------------------------------------------------------------------------------------------------- silences


class Silences(Promise):
    """No silence is broad."""

    label: str
    level: str
    alert_label: str = "alertname"
    share_max: float = Field(0.0, ge=0, le=1, description="So many of the alerts may be hidden without a name.")


def judge_silences(
    promise: Silences, silences: Sequence[Silence], alerts: Sequence[Sent], place: Mapping[str, str]
) -> Verdict:
    """An active silence that surely hides alerts of the severity names them, or hides few; then it is a remark."""
    urgent = _of_level(alerts, promise.label, promise.level)
    generic = Sent(f"every alert of severity {promise.level}", Labels({promise.label: promise.level}, others=True))
    wrong: list[str] = []
    notes: list[str] = []
    for silence in silences:
        if silence.state != "active":
            continue
        matchers = [Matcher(one.name, one.operator, one.value) for one in silence.matchers]
        hidden = [alert.rule for alert in urgent or [generic] if alert.labels.take(matchers)]
        if not hidden:
            continue
        said = f"silence {silence.id} {_braces(matchers)} by {silence.created_by or 'nobody'} hides {some(hidden)}"
        known = [alert.labels.known.get(promise.alert_label) or "" for alert in alerts]
        names = any(one.label == promise.alert_label and _is_specific(one, known) for one in matchers)
        few = bool(urgent) and len(hidden) <= promise.share_max * len(urgent)
        (notes if names or few else wrong).append(said)
    if wrong:
        return failed(f"no silence over alerts of severity {promise.level} at large", some(wrong), **place, notes=notes)
    count = sum(silence.state == "active" for silence in silences)
    return passed(f"{count} active silence(s)", where=place["where"], notes=notes[:3])


def _is_specific(one: Matcher, known: Sequence[str]) -> bool:
    """Whether a matcher of the alert's name names alerts: it takes one, a few, or less than most of the known ones."""
    if one.operator not in ("=", "=~") or one.takes("zz-a-name-that-no-alert-has") is not False:
        return False
    taken = sum(one.takes(name) is True for name in known)
    listed = re.fullmatch(r"\(?[\w:-]+(\|[\w:-]+)*\)?", one.value) is not None
    return taken <= _FEW if listed else 2 * taken <= len(known)


@check("routing.silences", Silences)
def test_silences(promise: Silences, target: Target) -> Verdict:
    """Nobody has switched the pager off."""
    return judge_silences(promise, _silences(target), _alerts(target).own, _silences_place(target))


def _silences(target: Target) -> tuple[Silence, ...]:
    return target.once("silences", components.alertmanager(target).silences)


def _silences_place(target: Target) -> dict[str, str]:
    url = f"{components.alertmanager(target).url}/api/v2/silences"
    return {"where": f"GET {url}", "reproduce": curl(url)}


class Explained(Promise):
    """Silences end, and say who made them and why."""

    longest_days: float = Field(gt=0)
    throwaway: str = Field(description="An author or reason that says nothing: matched as a whole.")


def judge_explained(promise: Explained, silences: Sequence[Silence], now: float, place: Mapping[str, str]) -> Verdict:
    """Each silence that is or will be active ends in time, with an author and a reason that say something."""
    wrong = []
    open_ = [silence for silence in silences if silence.state in ("active", "pending")]
    for silence in open_:
        days = (silence.ends_at - now) / _DAY_SECONDS
        if days > promise.longest_days:
            wrong.append(f"silence {silence.id} lasts {days:.0f} more days")
        if re.fullmatch(promise.throwaway, silence.comment.strip()):
            wrong.append(f"silence {silence.id} gives no reason (comment {silence.comment.strip()!r})")
        if re.fullmatch(promise.throwaway, author := silence.created_by.strip()):
            wrong.append(f"silence {silence.id} has no author{f' ({author!r})' if author else ''}")
    if wrong:
        return failed(f"an author, a reason, and an end within {promise.longest_days:g} days", some(wrong), **place)
    return passed(f"{len(open_)} silence(s)", where=place["where"])


@check("routing.explained", Explained)
def test_explained(promise: Explained, target: Target) -> Verdict:
    """No silence is forgotten."""
    return judge_explained(promise, _silences(target), time.time(), _silences_place(target))


# ---------------------------------------------------------------------------------------------- the way to Alertmanager


class Connected(Promise):
    """Prometheus has an Alertmanager."""


def judge_connected(urls: Sequence[str], place: Mapping[str, str]) -> Verdict:
    """At least one Alertmanager is active."""
    if not urls:
        return failed("an Alertmanager", "Prometheus sends its alerts to nobody", **place)
    return passed(f"alerts go to {some(urls)}", where=place["where"])


@check("routing.connected", Connected)
def test_connected(promise: Connected, target: Target) -> Verdict:  # noqa: ARG001 - nothing can be varied
    """Alerts are sent somewhere."""
    client = target.prometheus_client()
    urls = client.alertmanagers()
    if not urls:
        with contextlib.suppress(GaveUp):
            urls = wait_until(
                lambda: client.alertmanagers() or None,
                timeout_seconds=min(_FOUND_AGAIN_SECONDS, target.deadline.left_seconds / 3),
                what="Prometheus to find an Alertmanager",
                interval_seconds=0.5,
            )
    url = f"{client.url}/api/v1/alertmanagers"
    return judge_connected(urls, {"where": f"GET {url}", "reproduce": curl(url)})


class Running(Promise):
    """Alertmanager runs as configured."""

    reloaded: str
    cluster_states: tuple[str, ...]
    cluster_settles: tuple[str, ...] = ()


def judge_running(promise: Running, status: Status, page: Exposition, place: Mapping[str, str]) -> Verdict:
    """The last reload worked, and the cluster is in a promised state."""
    expected = f"the last reload worked, and the cluster is {' or '.join(promise.cluster_states)}"
    family = page.families.get(promise.reloaded)
    values = [sample.value for sample in family.samples] if family is not None else []
    if any(value == 0 for value in values):
        return failed(expected, f"{promise.reloaded} is 0: the old configuration is in force", **place)
    if status.cluster in promise.cluster_settles:
        return inconclusive(expected, f"the cluster is {status.cluster}", **place)
    if status.cluster not in promise.cluster_states:
        return failed(expected, f"the cluster is {status.cluster!r}, {status.peers} member(s)", **place)
    notes = [] if values else [f"Alertmanager's page has no {promise.reloaded}"]
    return passed(f"the last reload worked, the cluster is {status.cluster}", where=place["where"], notes=notes)


@check("routing.running", Running)
def test_running(promise: Running, target: Target) -> Verdict:
    """The configuration that was judged is the one that was meant."""
    client = components.alertmanager(target)
    status = _status(target)
    if status.cluster in promise.cluster_settles:
        pause(min(_SETTLES_SECONDS, target.deadline.left_seconds / 4))
        status = client.status()
    url = f"{client.url}/metrics"
    place = {
        "where": f"GET {url} and {client.url}/api/v2/status",
        "reproduce": f"{curl(url)} | grep {promise.reloaded}",
    }
    return judge_running(promise, status, client.counters(), place)


# ------------------------------------------------------------------------------------------------------------- delivery


class Delivery(Promise):
    """A test alert arrives."""

    right: Right = Right.SYNTHETIC
    label: str
    level: str
    marks: Mapping[str, str] = Field(min_length=1, description="Labels by which routes tell a test alert.")
    unique_label: str
    receivers: tuple[str, ...] = Field(min_length=1, description="The test receivers: it must reach no other.")
    never: tuple[str, ...] = Field((), description="Integrations that a test receiver may not have.")
    slack_seconds: float = Field(gt=0)
    patience_seconds: float = Field(gt=0, description="An end that takes longer is not waited for.")
    attempts: str
    failures: str


def judge_delivery(promise: Delivery, found: Canary | Delivered, place: Mapping[str, str]) -> Verdict:
    """The test alert arrived in time, and its end too; one that may not be posted says what is missing."""
    if isinstance(found, delivery.Canary):
        labels = ", ".join(f'{name}="{value}"' for name, value in promise.marks.items() if name != "alertname")
        remedy = (
            f"let the first route of Alertmanager match {labels} and lead to a receiver named "
            f"{' or '.join(promise.receivers)} that wakes nobody "
            "(group_by: ['...'], group_wait: 0s, group_interval: 10s)"
        )
        return not_covered(f"no test alert is posted: {found.refusal}", remedy)
    allowed = found.canary.first_seconds + promise.slack_seconds
    expected = (
        f"a test alert of severity {promise.level} arrives at {promise.receivers[0]} within {allowed:.1f} s, "
        "and its end after it"
    )
    here = {"where": found.witness, "reproduce": place["reproduce"]}
    if found.arrived_seconds is None:
        return failed(expected, f"it did not arrive: {found.why}", **here, notes=found.notes)
    if not found.awaited_end:
        late = f"its end may take {_span(found.canary.end_seconds)} to arrive, and was not waited for"
        return passed(f"arrived after {found.arrived_seconds:.1f} s", where=found.witness, notes=[late, *found.notes])
    if found.ended_seconds is None:
        observed = f"it arrived after {found.arrived_seconds:.1f} s, and its end did not (`send_resolved`?)"
        return failed(expected, observed, **here, notes=found.notes)
    observed = f"arrived after {found.arrived_seconds:.1f} s, its end after {found.ended_seconds:.1f} s"
    return passed(observed, where=found.witness, notes=found.notes)


@check("routing.delivery", Delivery)
def test_delivery(promise: Delivery, target: Target) -> Verdict:
    """What is sent arrives."""
    found = target.once("deliveries", lambda: _deliver(target))[promise.id]
    return judge_delivery(promise, found, _delivery_place(target, promise))


def _delivery_place(target: Target, promise: Delivery) -> dict[str, str]:
    url = components.alertmanager(target).url
    labels = " ".join(f"{name}={value}" for name, value in {**promise.marks, promise.label: promise.level}.items())
    return {"reproduce": f"amtool --alertmanager.url={url} alert add {labels}"}


def _deliver(target: Target) -> dict[str, Canary | Delivered]:
    """Post a test alert for each promise at once; what must not be posted is not."""
    promises = target.contract.promises("routing.delivery", Delivery)
    plan, found = _routing(target), dict[str, "Canary | Delivered"]()
    for promise in promises:
        id_ = f"{target.platform.mark}-{promise.level}"
        labels = {**promise.marks, promise.label: promise.level, promise.unique_label: id_}
        found[promise.id] = delivery.canary(
            plan, level=promise.level, id_=id_, labels=labels, receivers=promise.receivers, never=promise.never
        )
    fine = [each for each in found.values() if isinstance(each, delivery.Canary) and not each.refusal]
    if not fine:
        return found
    terms = delivery.Terms(
        promises[0].unique_label,
        promises[0].attempts,
        promises[0].failures,
        max(promise.slack_seconds for promise in promises),
        max(promise.patience_seconds for promise in promises),
    )
    slowest = max(each.first_seconds for each in fine) + terms.slack_seconds
    if slowest > min(terms.patience_seconds, target.deadline.left_seconds / 2):
        raise CouldNotObserve(
            Trouble.DEADLINE,
            asked=_place(target)["where"],
            came_back=f"a test alert may take {slowest:.0f} s to leave, longer than this run can wait",
            hint="give the route of the test alert a `group_wait` of 0s and `group_by: ['...']`",
        )
    delivered = delivery.deliver(target, fine, terms, peers=_status(target).peers)
    return {
        id_: delivered.get(each.id, each) if isinstance(each, delivery.Canary) else each for id_, each in found.items()
    }


# --------------------------------------------------------------------------------------------------------------- losses


class Losses(Promise):
    """Lately little was lost."""

    failed: str = Field(description="What was lost within `{window}`.")
    total: str = Field(description="What was tried within it.")
    window_seconds: float = Field(gt=0)
    share_max: float = Field(ge=0, le=1)


def judge_losses(promise: Losses, lost: QueryResult, tried: QueryResult, place: Mapping[str, str]) -> Verdict:
    """Of what was tried, only a small share was lost, for each set of labels."""
    expected = f"at most {promise.share_max:.0%} lost"
    warnings = (*lost.warnings, *tried.warnings)
    if warnings:
        return inconclusive(expected, f"Prometheus warns: {warnings[0]}", **place)
    if tried.empty:
        return not_covered(
            "Prometheus has no such counters", "let Prometheus scrape itself and Alertmanager, whose counters these are"
        )
    totals = {tuple(sorted(sample.labels.items())): sample.value for sample in tried.samples}
    wrong = []
    for sample in lost.samples:
        total = max(totals.get(tuple(sorted(sample.labels.items())), 0.0), sample.value)
        if sample.value > 0 and sample.value > promise.share_max * total:
            labels = ", ".join(f"{name}={value}" for name, value in sample.labels.items())
            wrong.append(f"{sample.value:.1f} of {total:.1f} lost{f' ({labels})' if labels else ''}")
    if wrong:
        return failed(expected, some(wrong), **place)
    tried_count = sum(totals.values())
    remarks = [] if tried_count else ["nothing was tried within the window: whether it would arrive is not known"]
    return passed(f"nothing of note lost of {tried_count:.0f}", where=place["where"], notes=remarks)


@check("routing.losses", Losses)
def test_losses(promise: Losses, target: Target) -> Verdict:
    """Notifications did not fail of late."""
    window = f"{max(1, round(promise.window_seconds / target.scope.environment.time_scale))}s"
    failed_, total = (text.replace("{window}", window) for text in (promise.failed, promise.total))
    client = target.prometheus_client()
    lost, tried = client.query_all([failed_, total])
    for found in (lost, tried):
        if isinstance(found, CouldNotObserve):
            raise found
    assert not isinstance(lost, CouldNotObserve)
    assert not isinstance(tried, CouldNotObserve)
    url = f"{client.url}/api/v1/query"
    place = {
        "where": f"GET {url}?query={failed_}",
        "reproduce": f"curl -sSG {url} --data-urlencode 'query={failed_}'",
    }
    return judge_losses(promise, lost, tried, place)
