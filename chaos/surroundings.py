"""What is around an experiment: its steady state, the conditions of the guard, and facts of the target.

The facts are what judges need: the target's own limits, its rules, and where their alerts go.

Each look is a run of the gate of its own, with connections, observations and a budget of requests of its own.
"""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chaos import plan, timeline
from chaos.detectors import counted_in
from chaos.faults import leftovers
from chaos.guard import lasting
from chaos.promises import Dated, Holds, Kept, Steady
from chaos.record import Look, Meanwhile, Rule
from selfcheck import alerting, routing
from selfcheck.components import postgres
from selfcheck.contract import Component
from selfcheck.firing import Rulebook
from selfcheck.judging import look_at
from selfcheck.observation import CouldNotObserve
from selfcheck.preflight import WrongTargetError
from selfcheck.promql import UnreadableError
from selfcheck.run import close, open_run
from selfcheck.verdict import Outcome
from selfcheck.waiting import GaveUp, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chaos.hands import Hands
    from chaos.timeline import Timeline
    from selfcheck.clients.prometheus import Rule as LoadedRule
    from selfcheck.clients.prometheus import RuleGroup
    from selfcheck.run import Result, Run
    from selfcheck.target import Target

STEADY = "chaos.steady"
HOLDS = "chaos.holds"
KEPT = "chaos.kept"
DATED = "chaos.dated"
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Looked:
    """One look: the promises of the steady state, what keeps a fault from being made, and facts for the record."""

    looks: tuple[Look, ...]
    conditions: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)
    stored: dict[str, float] = field(default_factory=dict)
    meanwhile: dict[str, Meanwhile] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Awaited:
    """How much is to be stored in the end, by promise, and the time of the fault (Unix seconds), where one was made."""

    stored: Mapping[str, float]
    fault: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Looks around the experiment of that name."""

    target: Target
    experiment: str
    hands: Hands

    def look(self, *, after: Awaited | None = None) -> Looked:
        """Look at everything now; never raises for what cannot be observed: it is part of the answer.

        `after` an experiment it has what is to be stored, as far as that is known: what is written behind the answers
        is waited for. Before a fault the look is guarded: the conditions of the guard and the facts
        of the target are looked at only then. What may pass, as what the experiment before has left, is waited for as
        long as recovery from this one may take.
        """
        settings, contract, guarded = self.target.scope.settings, self.target.contract, after is None
        wanted = self._wanted(STEADY, Steady)
        scale = self.target.scope.environment.time_scale
        patience_seconds = plan.experiments(contract)[self.experiment].settle(scale) if guarded else 0.0
        run = open_run(settings, contract, more_seconds=patience_seconds)
        try:
            conditions = lasting(run.target, self.hands, patience_seconds) if guarded else []
            looks = tuple(_looks(look_at(run, wanted or ["platform.*"])))
            stored = dict(self._stored(run.target, after))
            if after is not None:
                return Looked(looks, stored=stored, meanwhile=dict(self._meanwhile(run.target, after.fault)))
            limits = _limits(run.target)
            return Looked(
                looks=looks,
                conditions=tuple(map(run.clean, conditions)),
                facts={
                    "limits": limits,
                    "rules": tuple(_rules(run.target)),
                    "scrape_seconds": _scrape_seconds(run.target),
                    "watched": tuple(_watched(run.target)),
                    "replicas_wanted": self.target.scope.environment.replicas,
                },
                limits=limits,
                stored=stored,
            )
        except WrongTargetError as error:
            return Looked(looks=(_another(run, error),))
        finally:
            close(run)

    @property
    def holds(self) -> list[str]:
        """What is promised to hold while the fault is there."""
        return self._wanted(HOLDS, Holds)

    def look_during(self) -> tuple[Look, ...]:
        """Look at what is promised to hold while the fault is there."""
        run = open_run(self.target.scope.settings, self.target.contract)
        try:
            return tuple(_looks(look_at(run, self.holds)))
        except WrongTargetError as error:
            return (_another(run, error),)
        finally:
            close(run)

    def _wanted(self, kind: str, model: type[Steady | Holds]) -> list[str]:
        return [
            pattern
            for promise in self.target.contract.promises(kind, model)
            if promise.experiment == self.experiment
            for pattern in promise.looks
        ]

    def _stored(self, target: Target, after: Awaited | None) -> Iterator[tuple[str, float]]:
        """Count what is stored of all until now, for each promise that asks for it; left out where it cannot be told.

        What is written behind the answers comes late, and what is asked for meanwhile does not count.
        """
        until = time.time()
        for promise in self.kept:
            if not target.scope.covers(Component.POSTGRES):
                continue
            query = promise.query.replace("{until}", f"{until:.6f}")
            found: float | None = None

            def is_there(promise: Kept = promise, query: str = query) -> bool:
                nonlocal found
                found = float(postgres(target).scalar(query) or 0)
                return after is None or found >= after.stored.get(promise.id, math.inf)

            with contextlib.suppress(GaveUp):
                seconds = 0.0 if after is None else max(0.0, until + promise.lag_seconds - time.time())
                wait_until(is_there, timeout_seconds=seconds, what="the rows", interval_seconds=_LOOK_SECONDS)
            if found is not None:
                yield promise.id, found

    def _meanwhile(self, target: Target, fault: tuple[float, float] | None) -> Iterator[tuple[str, Meanwhile]]:
        """Count what is stored of the time of the fault, for each promise that asks for it."""
        for promise in target.contract.promises(DATED, Dated):
            if promise.experiment != self.experiment or fault is None or not target.scope.covers(Component.POSTGRES):
                continue
            since, until = (f"{moment:.6f}" for moment in fault)
            queries = [
                query.replace("{since}", since).replace("{until}", until) for query in (promise.query, promise.twice)
            ]
            try:
                rows, twice = (float(postgres(target).scalar(query) or 0) for query in queries)
            except CouldNotObserve as error:
                yield promise.id, Meanwhile(trouble=error.sentence)
            else:
                yield promise.id, Meanwhile(rows=rows, twice=twice)

    @property
    def kept(self) -> list[Kept]:
        """The promises of the experiment about what is stored."""
        return [each for each in self.target.contract.promises(KEPT, Kept) if each.experiment == self.experiment]

    def awaited(self, before: Mapping[str, float], seen: Timeline, replicas: Sequence[str]) -> Awaited:
        """Say what is to be stored in the end: what there was, and what the replicas have counted."""
        stored = {
            each.id: before[each.id] + sum(counted_in(seen, each.counter, replica) for replica in replicas)
            for each in self.kept
            if each.id in before
        }
        began, over = seen.mark(timeline.INJECTING), seen.mark(timeline.UNDOING)
        return Awaited(stored, None if began is None or over is None else (seen.wall(began), seen.wall(over)))

    def leftovers(self) -> list[str]:
        """Give what is on the target that should not be there; what cannot be told is one of them."""
        try:
            return list(leftovers(self.hands))
        except CouldNotObserve as error:
            return [error.sentence]


def _looks(results: Iterable[Result]) -> Iterator[Look]:
    for found in results:
        # What the preflight found usable, or nobody asked for, says nothing.
        if not found.kind.startswith("platform.") or found.outcome not in (Outcome.PASS, Outcome.NOT_COVERED):
            yield Look(id=found.id, outcome=str(found.outcome), observed=found.verdict.observed)


def _another(run: Run, error: WrongTargetError) -> Look:
    return Look(id="platform.app", outcome=str(Outcome.FAIL), observed=run.clean(str(error)))


def _watched(target: Target) -> Iterator[str]:
    """Give the observers that are in scope, as a timeline calls them."""
    for component in (Component.PROMETHEUS, Component.ALERTMANAGER):
        if target.scope.covers(component):
            yield str(component)
    if target.scope.environment.receiver_url is not None:
        yield "receiver"


def _limits(target: Target) -> dict[str, float]:
    """Read all numbers of the health page, by dotted path; empty when there is no such page."""
    try:
        content = target.pages(plan.metrics(target.contract).health_page)[0].answer.json()
    except CouldNotObserve:
        return {}
    return dict(_numbers(content, ""))


def _numbers(value: object, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _numbers(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, float(value)


def _scrape_seconds(target: Target) -> float:
    if target.prometheus is None:
        return 0.0
    try:
        return max((found.interval_seconds for found in target.app_targets()), default=0.0)
    except CouldNotObserve:
        return 0.0


def _rules(target: Target) -> Iterator[Rule]:
    """Give the loaded alerting rules, with what they read and where the loaded routes send them."""
    if target.prometheus is None:
        return
    try:
        groups = target.prometheus.rule_groups()
    except CouldNotObserve:
        return
    book, routes = Rulebook(recorded=alerting.recorded(groups)), _routing(target)
    scale = target.scope.environment.time_scale
    for found in alerting.alerting(groups):
        rule = found.rule
        routed = _routes(routes, rule)
        yield Rule(
            name=rule.name,
            group=rule.group,
            for_seconds=rule.duration_seconds,
            interval_seconds=_interval(groups, rule.group),
            severity=rule.labels.get("severity", ""),
            reads=tuple(sorted(alerting.reads(found.node, book))) if found.node is not None else (),
            burn_seconds=_burn_seconds(found, book, scale),
            receivers=tuple(dict.fromkeys(route.receiver for route in routed)),
            repeat_seconds=min((route.repeat_seconds for route in routed), default=0.0),
        )


def _burn_seconds(found: alerting.Alerting, book: Rulebook, scale: float) -> float:
    """Give the longest window of the shortest pair over which an alert compares a rate, before it was scaled."""
    if found.node is None:
        return 0.0
    pairs = alerting.pairs(found.node, book, alerting.sources(found.node, book), scale=scale)
    return min((pair.long_seconds for pair in pairs), default=0.0)


def _interval(groups: tuple[RuleGroup, ...], name: str) -> float:
    return next((group.interval_seconds for group in groups if group.name == name and group.interval_seconds), 60.0)


def _routing(target: Target) -> routing.Routing | None:
    if target.alertmanager is None:
        return None
    try:
        return routing.read(target.alertmanager.status().config)
    except (CouldNotObserve, routing.UnreadableConfigurationError):
        return None


def _routes(routes: routing.Routing | None, rule: LoadedRule) -> tuple[routing.Route, ...]:
    if routes is None:
        return ()
    try:
        return tuple(reach.route for reach in routing.reached(routes, routing.labels_of(rule)) if reach.sure)
    except UnreadableError:
        return ()
