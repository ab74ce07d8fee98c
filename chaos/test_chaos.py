"""What must come of each experiment, promise by promise.

The first check that asks for an experiment starts it; all others of the experiment judge the same record.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, TypeVar

from chaos import judging, judging_alerts, judging_breakers, judging_callers, observing, promises
from chaos.hooks import dry_run, finish, guard, seconds_needed
from selfcheck.checking import check

if TYPE_CHECKING:
    from collections.abc import Callable

    from chaos.evidence import Evidence
    from selfcheck.target import Target
    from selfcheck.verdict import Verdict


__all__ = ["dry_run", "finish", "guard", "seconds_needed"]
"""The hooks that the gate's plugin calls around the checks."""

P = TypeVar("P", bound=promises.OfExperiment)


def where_possible(look: Callable[[P, Target], Verdict]) -> Callable[[P, Target], Verdict]:
    """Say NOT COVERED where the environment has not what the experiment needs."""

    @functools.wraps(look)
    def looked(promise: P, target: Target) -> Verdict:
        return observing.keeps_from_trying(target, promise.experiment) or look(promise, target)

    return looked


def evidence(target: Target, promise: promises.OfExperiment) -> Evidence:
    """Give what was recorded and seen of a promise's experiment; raises CouldNotObserve."""
    return observing.evidence(target, promise.experiment)


@check("chaos.undone", promises.Undone)
@where_possible
def test_undone(promise: promises.Undone, target: Target) -> Verdict:
    """The fault is gone, and nothing is left over."""
    from chaos.report.attaching import attach  # noqa: PLC0415 - not for a mere list of checks

    found = evidence(target, promise)
    attach(found)
    return judging.judge_undone(found, promise)


@check("chaos.bites", promises.Bites)
@where_possible
def test_bites(promise: promises.Bites, target: Target) -> Verdict:
    """The fault was there."""
    return judging.judge_bites(evidence(target, promise), promise)


@check("chaos.steady", promises.Steady)
@where_possible
def test_steady(promise: promises.Steady, target: Target) -> Verdict:
    """All is well before and after."""
    return judging.judge_steady(evidence(target, promise), promise)


@check("chaos.holds", promises.Holds)
@where_possible
def test_holds(promise: promises.Holds, target: Target) -> Verdict:
    """What has nothing to do with the fault is as promised while it is there."""
    return judging.judge_holds(evidence(target, promise), promise)


@check("chaos.answered", promises.Answered)
@where_possible
def test_answered(promise: promises.Answered, target: Target) -> Verdict:
    """Callers get what is promised while the fault is there."""
    return judging_callers.judge_answered(evidence(target, promise), promise)


@check("chaos.discreet", promises.Discreet)
@where_possible
def test_discreet(promise: promises.Discreet, target: Target) -> Verdict:
    """Errors give nothing away."""
    return judging_callers.judge_discreet(evidence(target, promise), promise)


@check("chaos.breaker", promises.Breaker)
@where_possible
def test_breaker(promise: promises.Breaker, target: Target) -> Verdict:
    """A circuit breaker does its work."""
    return judging_breakers.judge_breaker(evidence(target, promise), promise)


@check("chaos.counted", promises.Counted)
@where_possible
def test_counted(promise: promises.Counted, target: Target) -> Verdict:
    """A counter moves as callers see it."""
    return judging_callers.judge_counted(evidence(target, promise), promise)


@check("chaos.averaged", promises.Averaged)
@where_possible
def test_averaged(promise: promises.Averaged, target: Target) -> Verdict:
    """A moving average follows what callers see."""
    return judging_callers.judge_averaged(evidence(target, promise), promise)


@check("chaos.repeated", promises.Repeated)
@where_possible
def test_repeated(promise: promises.Repeated, target: Target) -> Verdict:
    """Nothing that was kept of the fault answers after it."""
    return judging_callers.judge_repeated(evidence(target, promise), promise)


@check("chaos.alerted", promises.Alerted)
@where_possible
def test_alerted(promise: promises.Alerted, target: Target) -> Verdict:
    """An alert goes its whole way."""
    return judging_alerts.judge_alerted(evidence(target, promise), promise)


@check("chaos.unalerted", promises.Unalerted)
@where_possible
def test_unalerted(promise: promises.Unalerted, target: Target) -> Verdict:
    """No other alert fires."""
    return judging_alerts.judge_unalerted(evidence(target, promise), promise)


@check("chaos.ordered", promises.Ordered)
@where_possible
def test_ordered(promise: promises.Ordered, target: Target) -> Verdict:
    """What burns fastest is told first."""
    return judging_alerts.judge_ordered(evidence(target, promise), promise)


@check("chaos.recovers", promises.Recovers)
@where_possible
def test_recovers(promise: promises.Recovers, target: Target) -> Verdict:
    """All is well again soon after the undo."""
    return judging.judge_recovers(evidence(target, promise), promise)


@check("chaos.responsive", promises.Responsive)
@where_possible
def test_responsive(promise: promises.Responsive, target: Target) -> Verdict:
    """What has nothing to do with the fault is answered as soon as before."""
    return judging_callers.judge_responsive(evidence(target, promise), promise)


@check("chaos.frees", promises.Frees)
@where_possible
def test_frees(promise: promises.Frees, target: Target) -> Verdict:
    """What failures opened is closed again."""
    return judging_callers.judge_frees(evidence(target, promise), promise)


@check("chaos.lost", promises.Lost)
@where_possible
def test_lost(promise: promises.Lost, target: Target) -> Verdict:
    """Few enough requests are lost."""
    return judging_callers.judge_lost(evidence(target, promise), promise)


@check("chaos.rotation", promises.Rotation)
@where_possible
def test_rotation(promise: promises.Rotation, target: Target) -> Verdict:
    """A replica that is gone is noticed, and so is its return."""
    return judging.judge_rotation(evidence(target, promise), promise)


@check("chaos.told", promises.Told)
@where_possible
def test_told(promise: promises.Told, target: Target) -> Verdict:
    """The page of readiness tells what is away."""
    return judging.judge_told(evidence(target, promise), promise)


@check("chaos.burns", promises.Burns)
@where_possible
def test_burns(promise: promises.Burns, target: Target) -> Verdict:
    """The error ratio is the one that callers see."""
    return judging_callers.judge_burns(evidence(target, promise), promise)


@check("chaos.kept", promises.Kept)
@where_possible
def test_kept(promise: promises.Kept, target: Target) -> Verdict:
    """What was acknowledged is not lost."""
    return judging_callers.judge_kept(evidence(target, promise), promise)


@check("chaos.dated", promises.Dated)
@where_possible
def test_dated(promise: promises.Dated, target: Target) -> Verdict:
    """What is stored of the time of the fault is of its own time, and there once."""
    return judging_callers.judge_dated(evidence(target, promise), promise)


@check("chaos.driven", promises.Driven)
@where_possible
def test_driven(promise: promises.Driven, target: Target) -> Verdict:
    """There was enough traffic to judge by."""
    return judging.judge_driven(evidence(target, promise), promise)


@check("chaos.figured", promises.Figured)
@where_possible
def test_figured(promise: promises.Figured, target: Target) -> Verdict:
    """The figures of the incident are told."""
    return judging.judge_figured(evidence(target, promise), promise)
