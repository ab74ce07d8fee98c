"""A test alert and its way: posted to Alertmanager, it must arrive at the test receiver, and so must its end.

Where a page tells what arrived (`receiver_url`), it is the witness: any JSON in which Alertmanager's webhook messages
stand somewhere. Elsewhere Alertmanager's own counters are.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from selfcheck import components, routing
from selfcheck.clients.alertmanager import Posted
from selfcheck.observation import CouldNotObserve
from selfcheck.waiting import GaveUp, wait_until

if TYPE_CHECKING:
    from selfcheck.clients.alertmanager import Alertmanager
    from selfcheck.target import Target

PEER_SECONDS = 15.0
"""How long each further member of a cluster waits by default before it notifies in place of the one before it."""
_ENDS_BY_ITSELF_SECONDS = 60.0
_CLOCK_SECONDS = 300.0
_DEPTH_MAX = 30


@dataclass(frozen=True, slots=True)
class Canary:
    """A test alert of one severity: its labels, its id in one of them, and the routes that it ends in.

    `refusal` says why it must not be posted; empty when it may be.
    """

    level: str
    id: str
    labels: Mapping[str, str]
    routes: tuple[routing.Route, ...]
    integrations: tuple[str, ...]
    refusal: str = ""

    @property
    def first_seconds(self) -> float:
        """Within how many seconds it is to leave."""
        return max(map(_first_seconds, self.routes), default=0.0)

    @property
    def end_seconds(self) -> float:
        """Within how many seconds its end is to leave."""
        return max((route.group_interval_seconds for route in self.routes), default=0.0)


def _first_seconds(route: routing.Route) -> float:
    # One that joins others in a group waits for the group's next turn.
    alone = "..." in route.group_by
    return route.group_wait_seconds if alone else max(route.group_wait_seconds, route.group_interval_seconds)


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a test alert: after how many seconds it and its end arrived (None: not), as told by whom.

    `why` is what Alertmanager says of one that did not arrive. `awaited_end`: its end was waited for.
    """

    canary: Canary
    witness: str
    arrived_seconds: float | None
    ended_seconds: float | None
    awaited_end: bool
    why: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notification:
    """One alert in a message of Alertmanager: to whom, firing or resolved, and its labels."""

    receiver: str
    status: str
    labels: Mapping[str, str]


def canary(
    plan: routing.Routing,
    *,
    level: str,
    id_: str,
    labels: Mapping[str, str],
    receivers: Sequence[str],
    never: Sequence[str],
) -> Canary:
    """Work out where a test alert would go, and whether it may be posted.

    It gets every label by which inhibitions compare, with a value of its own, so that it silences nothing.
    """
    equal = {name: id_ for rule in plan.inhibitions for name in rule.equal if name not in labels}
    known = {**equal, **labels}
    seen = routing.Labels(known)
    routes = tuple(reach.route for reach in routing.reached(plan, seen))
    found = [plan.receivers.get(route.receiver) for route in routes]
    integrations = tuple(sorted({kind for each in found if each is not None for kind in each.integrations}))
    wrong = [route for route in routes if route.receiver not in receivers]
    refusal = ""
    if wrong:
        refusal = f"it would reach {wrong[0].receiver!r} by {wrong[0].place} {wrong[0].shown}"
    elif waking := sorted(set(integrations) & set(never)):
        refusal = f"the receiver {routes[0].receiver!r} has the integration {waking[0]}, which may wake somebody"
    elif not integrations:
        refusal = f"the receiver {routes[0].receiver!r} notifies nobody, so nothing could be seen to arrive"
    elif silencer := next((rule for rule in plan.inhibitions if not rule.equal and seen.take(rule.source)), None):
        refusal = f"{silencer.place} compares no labels: it would silence real alerts for a moment"
    return Canary(level, id_, known, routes, integrations, refusal)


def notifications(document: object) -> Iterator[Notification]:
    """Find Alertmanager's webhook messages anywhere in a JSON value, also as text in it."""
    yield from _notifications(document, 0)


def _notifications(value: Any, depth: int) -> Iterator[Notification]:
    inner: list[Any] = []
    if isinstance(value, dict):
        alerts = value.get("alerts")
        if isinstance(alerts, list):
            yield from _alerts(value, alerts)
        inner = [each for key, each in value.items() if key != "alerts" or not isinstance(alerts, list)]
    elif isinstance(value, list):
        inner = value
    elif isinstance(value, str) and value.lstrip().startswith("{") and '"alerts"' in value:
        with suppress(ValueError, RecursionError):
            inner = [json.loads(value)]
    if depth < _DEPTH_MAX:
        for each in inner:
            yield from _notifications(each, depth + 1)


def _alerts(message: Mapping[str, Any], alerts: Sequence[Any]) -> Iterator[Notification]:
    for alert in alerts:
        if isinstance(alert, dict) and isinstance(alert.get("labels"), dict):
            status = str(alert.get("status") or message.get("status") or "")
            yield Notification(str(message.get("receiver", "")), status, alert["labels"])


# -------------------------------------------------------------------------------------------------------------- sending


@dataclass(frozen=True, slots=True)
class Terms:
    """How a delivery is looked at: names from the contract, and how long is waited beyond Alertmanager's own times."""

    unique_label: str
    attempts: str
    failures: str
    slack_seconds: float
    patience_seconds: float


_Look = Callable[[], Mapping[str, set[str]]]
"""Gives what arrived so far: the states (firing, resolved) by the id of the test alert."""


def deliver(target: Target, canaries: Sequence[Canary], terms: Terms, *, peers: int = 0) -> dict[str, Delivered]:
    """Post test alerts all at once, wait for them, end them, wait for their ends; gives what came of each by its id.

    Whatever happens, they are ended: by us, else by their own end a minute later. Raises CouldNotObserve when
    Alertmanager does not take them.
    """
    client = components.alertmanager(target)
    slack = terms.slack_seconds + PEER_SECONDS * max(0, peers - 1)
    first = max(each.first_seconds for each in canaries) + slack
    end = max(each.end_seconds for each in canaries) + slack
    started = time.time()
    before = _counted(client, canaries, terms)
    look, witness, notes = _witness(target, client, canaries, terms, started, before)
    ends_at = started + first + _ENDS_BY_ITSELF_SECONDS
    why: dict[str, str] = {}
    try:
        client.post([_posted(each, started, ends_at) for each in canaries])
        arrived = _await(look, canaries, "firing", first)
        if len(arrived) < len(canaries):
            now = _counted(client, canaries, terms)
            missed = now.failed - before.failed
            failing = f"; {missed:.0f} of {now.tried - before.tried:.0f} tries to notify failed" if missed else ""
            why = {each.id: _why(client, each, terms) + failing for each in canaries if each.id not in arrived}
    finally:
        _end(target, client, canaries, started)
    awaited = end <= terms.patience_seconds and end < target.deadline.left_seconds
    ended = _await(look, [each for each in canaries if each.id in arrived], "resolved", end) if awaited else {}
    return {
        each.id: Delivered(
            each, witness, arrived.get(each.id), ended.get(each.id), awaited, why.get(each.id, ""), tuple(notes)
        )
        for each in canaries
    }


def _posted(each: Canary, started: float, ends_at: float) -> Posted:
    annotations = {"summary": "A test by the self-check suite; nobody needs to do anything"}
    return Posted(each.labels, annotations, started, ends_at)


def _end(target: Target, client: Alertmanager, canaries: Sequence[Canary], started: float) -> None:
    try:
        client.post([_posted(each, started, time.time()) for each in canaries])
    except CouldNotObserve as error:
        names = ", ".join(each.id for each in canaries)
        target.left_behind.append(
            f"test alerts {names} in Alertmanager: {error.came_back}; they end by themselves within two minutes"
        )


def _await(look: _Look, canaries: Sequence[Canary], state: str, seconds: float) -> dict[str, float]:
    """Wait until all arrived in a state; gives after how many seconds each did, as far as they did."""
    began = time.monotonic()
    found: dict[str, float] = {}

    def all_there() -> bool:
        seen = look()
        for each in canaries:
            if state in seen.get(each.id, ()):
                found.setdefault(each.id, time.monotonic() - began)
        return len(found) == len(canaries)

    try:
        wait_until(all_there, timeout_seconds=seconds, what="the test alerts", interval_seconds=max(0.1, seconds / 60))
    except GaveUp as gave_up:
        if isinstance(gave_up.last_error, CouldNotObserve):
            raise gave_up.last_error from None
    return found


def _witness(
    target: Target,
    client: Alertmanager,
    canaries: Sequence[Canary],
    terms: Terms,
    started: float,
    before: _Count,
) -> tuple[_Look, str, list[str]]:
    """Choose who tells what arrived; gives how to ask, who it is, and remarks."""
    url = target.scope.environment.receiver_url
    notes = []
    if url is not None:
        # A receiver that keeps all it ever got need not tell us; one that does not know the parameter tells more.
        params = {"since": f"{started - _CLOCK_SECONDS:.0f}"}

        def told() -> dict[str, set[str]]:
            found: dict[str, set[str]] = {}
            answer = target.http.ask("GET", url, params=params)
            for each in notifications(answer.json()):
                found.setdefault(str(each.labels.get(terms.unique_label, "")), set()).add(each.status)
            return found

        try:
            told()
        except CouldNotObserve as error:
            notes.append(
                f"the receiver's page could not be read ({error.came_back}); Alertmanager's counters are taken"
            )
        else:
            return told, f"GET {url}", notes

    seen = 0.0

    def counted() -> dict[str, set[str]]:
        nonlocal seen
        now = _counted(client, canaries, terms)
        # A try is counted a moment before its failure: what succeeded is what two looks agree on.
        last, seen = seen, now.tried - before.tried - (now.failed - before.failed)
        succeeded = min(last, seen)
        # Those that joined one group leave in one message.
        joined = any("..." not in route.group_by for each in canaries for route in each.routes)
        messages = 1 if joined else len(canaries)
        states = {"firing"} if succeeded >= messages else set()
        return {each.id: states | ({"resolved"} if succeeded >= 2 * messages else set()) for each in canaries}

    notes.append("as Alertmanager counts: other notifications of the same kind cannot be told apart from the test's")
    return counted, f"GET {client.url}/metrics", notes


@dataclass(frozen=True, slots=True)
class _Count:
    """How often Alertmanager tried to notify through the kinds of the test receiver, and how often it failed."""

    tried: float
    failed: float


def _counted(client: Alertmanager, canaries: Sequence[Canary], terms: Terms) -> _Count:
    kinds = {kind for each in canaries for kind in each.integrations}
    families = client.counters().families

    def total(name: str) -> float:
        samples = families[name].samples if name in families else ()
        return sum(sample.value for sample in samples if sample.labels.get("integration") in kinds)

    return _Count(total(terms.attempts), total(terms.failures))


def _why(client: Alertmanager, each: Canary, terms: Terms) -> str:
    """Say what Alertmanager has to say of a test alert that did not arrive."""
    try:
        found = client.alerts(f'{terms.unique_label}="{each.id}"')
    except CouldNotObserve as error:
        return error.came_back
    if not found:
        return "Alertmanager took it and does not have it"
    alert = found[0]
    if alert.silenced_by:
        return f"it is silenced, by {', '.join(alert.silenced_by)}"
    if alert.inhibited_by:
        return "it is inhibited by another alert"
    return f"Alertmanager has it ({alert.state}) for {', '.join(alert.receivers) or 'no receiver'}"
