"""Who may put faults into what, and when: every condition that keeps an experiment from being started.

A refusal says which condition it is and what would have to change (exit code 11). The conditions on the state of the
target are asked again before each experiment.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chaos import plan
from chaos.faults import leftovers
from chaos.hands import Hands
from chaos.lease import LEASE, held, place_of
from chaos.ledger import HeldError, Ledger, LedgerError, alone
from chaos.observing import LOCK
from chaos.recovering import recover
from selfcheck import components
from selfcheck.contract import Component, Right
from selfcheck.observation import CouldNotObserve, RefusedError
from selfcheck.replicas import snapshot
from selfcheck.settings import SETTING_OF
from selfcheck.verdict import Outcome
from selfcheck.waiting import GaveUp, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chaos.record import Look
    from selfcheck.clients.kubernetes import Replicas
    from selfcheck.contract import Environment
    from selfcheck.target import Target

CONSENT = "CHAOS_CONSENT"
"""The environment variable that names the environment into which faults may be put in this run."""
_PATIENCE_SECONDS = 20.0
_NEEDED = (Component.APP, Component.PROMETHEUS)
"""Without these nothing could be said of what came of an experiment, nor whether all is well before it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that keeps a fault from being made; `may_pass` is for what may be over in a while."""

    text: str
    may_pass: bool = False


def refuse_unless_well(target: Target) -> list[str]:
    """Raise RefusedError unless experiments may be done on this target now; gives remarks."""
    scope = target.scope
    _refuse(consent(scope.name, scope.environment, os.environ.get(CONSENT, "")))
    for component in _NEEDED:
        if not scope.covers(component):
            _refuse([f"{component} is out of scope, and experiments need it: set {SETTING_OF[component]}"])
        if component in target.blocked:
            _refuse([f"the preflight found {component} unusable ({target.blocked[component]})"])
    with contextlib.ExitStack() as locks:
        try:
            locks.enter_context(alone(scope.settings.chaos_ledger, who=f"run {target.platform.run_id}"))
            if place := place_of(target):
                target.keep(LEASE, locks.enter_context(held(place)))
            remarks = _recovered(target)
        except (HeldError, LedgerError, CouldNotObserve) as error:
            _refuse([str(error)])
        with Hands.of(target) as hands:
            _refuse(lasting(target, hands))
        target.keep(LOCK, locks.pop_all())
    return remarks


def _refuse(reasons: Iterable[str]) -> None:
    found = list(reasons)
    if found:
        message = "no experiment was started: " + "; ".join(found)
        raise RefusedError(message)


def consent(name: str, environment: Environment, given: str) -> list[str]:
    """Say what of the consent is missing. Pure."""
    if Right.CHAOS not in environment.allow:
        place = f"environments.{name}"
        if name == "ad-hoc":
            place = "an environment (name it with SELF_CHECK_ENVIRONMENT)"
        return [
            (
                f"the environment {name} does not allow chaos; whoever answers for it adds"
                f' "chaos" to `allow` of {place} in the contract\'s platform.toml'
            )
        ]
    if environment.change_freeze:
        return [f"a change freeze is set for the environment {name}: {environment.change_freeze}"]
    if given != name:
        said = f"is {given!r}" if given else "is not set"
        return [f"{CONSENT} {said}: set {CONSENT}={name} to agree to faults in the environment {name}"]
    return []


def _recovered(target: Target) -> list[str]:
    """Undo what a runner that died has left in the ledger; raises RefusedError where that cannot be."""
    folder = target.scope.settings.chaos_ledger
    records, broken = Ledger(folder).records()
    if not records and not broken:
        return []
    with Hands.of(target) as hands:
        found = recover(folder, hands)
    if found.remaining:
        _refuse(["an earlier run left what cannot be undone: " + "; ".join(found.remaining)])
    return [f"an earlier run had left a fault; {each}" for each in found.undone]


def lasting(target: Target, hands: Hands, patience_seconds: float = _PATIENCE_SECONDS) -> list[str]:
    """Give what is the matter with the target, so that no fault may be put into it.

    What may pass, such as what the experiment before has left of alerts and error budget, is waited for.
    """
    found: list[Condition] = []

    def is_well_or_worse() -> bool:
        found[:] = [*_alerts(target), *_deployment(target), *_budget(target)]
        return not all(condition.may_pass for condition in found) or not found

    with contextlib.suppress(GaveUp):
        wait_until(is_well_or_worse, timeout_seconds=patience_seconds, what="alerts to be over", interval_seconds=0.5)
    return [*(condition.text for condition in found), *_replicas(target), *_leftovers(hands)]


def _leftovers(hands: Hands) -> Iterator[str]:
    try:
        yield from leftovers(hands)
    except CouldNotObserve as error:
        yield error.sentence


def _alerts(target: Target) -> Iterator[Condition]:
    assert target.prometheus is not None  # `_NEEDED`
    ignored = plan.metrics(target.contract).severities_ignored
    try:
        for alert in target.prometheus.alerts():
            if alert.labels.get("severity") not in ignored:
                yield Condition(f"the alert {alert.name or '?'} is {alert.state}", may_pass=True)
    except CouldNotObserve as error:
        yield Condition(error.sentence)


def _deployment(target: Target) -> Iterator[Condition]:
    """Give what is the matter with the pods, where a cluster is in scope."""
    named = plan.stops(target.contract).deployment
    if not named or not target.scope.covers(Component.KUBERNETES):
        return
    namespace, _, name = named.partition("/")
    try:
        found = components.kubernetes(target).ready_replicas(namespace, name)
    except CouldNotObserve as error:
        yield Condition(error.sentence)
        return
    for trouble in unrolled(named, found):
        yield Condition(trouble, may_pass=True)


def unrolled(deployment: str, found: Replicas) -> list[str]:
    """Say what keeps a Deployment from being as it is wanted: pods that are not ready, a rollout under way. Pure."""
    if not found.observed:
        return [f"the Deployment {deployment} was changed, and its controller has not seen it yet"]
    wrong = []
    if found.updated < found.wanted:
        wrong.append(
            f"a rollout of the Deployment {deployment} is under way: {found.updated} of {found.wanted} pods are new"
        )
    if found.ready < found.wanted:
        wrong.append(f"{found.ready} of {found.wanted} pods of the Deployment {deployment} are ready")
    return wrong


def _replicas(target: Target) -> Iterator[str]:
    """Give the replicas that are missing and the breakers that are not closed."""
    names = plan.metrics(target.contract)
    wanted = target.scope.environment.replicas
    try:
        replicas = target.replicas()
        found = snapshot(target.platform, target.contract, replicas, families=(names.breaker_gauge,))
    except CouldNotObserve as error:
        yield error.sentence
        return
    there = len(found.scrapes)
    if wanted is not None and there < wanted:
        yield f"{there} of {wanted} replicas answer"
    for name, scrape in found.scrapes.items():
        for sample in scrape.exposition.series(names.breaker_gauge):
            if sample.value != names.breaker_closed:
                label = sample.labels.get(names.breaker_label, "?")
                yield f"the circuit breaker of {label} is not closed on {name} ({sample.value:g})"


def _budget(target: Target) -> Iterator[Condition]:
    assert target.prometheus is not None  # as above
    watch = plan.watches(target.contract).get(plan.BUDGET)
    floor = target.scope.environment.error_budget_min
    if watch is None or not floor:
        return
    try:
        found = target.prometheus.query(watch.query)
    except CouldNotObserve as error:
        yield Condition(error.sentence)
        return
    values = [sample.value for sample in found.samples]
    if not values:
        yield Condition(f"nothing says how much of the error budget is left ({watch.query} is empty)")
    elif min(values) < floor:
        left = f"{min(values):.0%} of the error budget is left, and the environment asks for {floor:.0%}"
        yield Condition(left, may_pass=True)


def unsteady(looks: Iterable[Look]) -> list[str]:
    """Say what is not as it should be in a steady state. Pure; nothing looked at is no steady state."""
    found = list(looks)
    if not found:
        return ["nothing was looked at for the steady state"]
    wrong = [
        f"{look.id} is {look.outcome}: {look.observed}"
        for look in found
        if look.outcome not in (Outcome.PASS, Outcome.NOT_COVERED)
    ]
    if not wrong and all(look.outcome == Outcome.NOT_COVERED for look in found):
        return [f"nothing could be told of the steady state: {found[0].id}: {found[0].observed}"]
    return wrong
