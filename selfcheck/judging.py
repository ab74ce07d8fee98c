"""From a promise to its result: looks through the check's function, and has a verdict whatever happens."""

import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from selfcheck import preflight
from selfcheck.answering import judge_unseen
from selfcheck.checking import checks, turn
from selfcheck.contract import Promise, Right, matches
from selfcheck.counting import Counting
from selfcheck.observation import CouldNotObserve
from selfcheck.run import Result, Run, keeps_from_looking, result
from selfcheck.verdict import Outcome, Verdict, inconclusive

_ON_REQUEST = (Right.LOAD, Right.CHAOS)
"""What is done to a target only when it is asked for by name."""


def judge(run: Run, promise: Promise, kind: str, look: Callable[[], object], *, saved: bool = False) -> Result:
    """Give the result of one promise; `look` is its check's function, bound to promise and target. Never raises.

    A defect of the check itself is INCONCLUSIVE, with the trace in the result. With `saved` the observation is there
    already: what this run may ask of whom does not matter.
    """
    started = time.monotonic()
    trace = ""
    verdict = None if saved else keeps_from_looking(promise, run.target)
    if verdict is None:
        try:
            with run.target.http.area(promise.id.partition(".")[0]):
                verdict = _verdict(look())
        except CouldNotObserve as error:
            verdict = _unless_reported(run, judge_unseen(promise.says, error))
        except Exception as error:  # noqa: BLE001 - a defect of a check must be a verdict, not the end of the run
            trace = run.target.secrets.mask(traceback.format_exc())
            verdict = inconclusive(
                promise.says,
                f"the check itself failed: {type(error).__name__}: {error}",
                remedy="this is a defect of the suite; verdict.json has the trace",
            )
    if verdict.outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE) and not verdict.blocked_by:
        run.reported.setdefault(verdict.where, promise.id)
    return result(promise, kind, run.cleaned(verdict), round(time.monotonic() - started, 4), trace)


def look_first(run: Run) -> None:
    """Do the preflight; raises WrongTargetError."""
    run.preflight = [replace(found, verdict=run.cleaned(found.verdict)) for found in preflight.run(run.target)]


def _unless_reported(run: Run, verdict: Verdict) -> Verdict:
    """Point to the promise that has reported the same already: one cause is one red line, however many hang on it."""
    reporter = run.reported.get(verdict.where, "")
    if verdict.outcome is not Outcome.INCONCLUSIVE or verdict.blocked_by or not reporter:
        return verdict
    return replace(verdict, blocked_by=reporter)


def look_at(run: Run, wanted: Iterable[str] = ()) -> list[Result]:
    """Judge promises without pytest, preflight first; `wanted` has ids or `area.*`, nothing means all of the gate's.

    Gives the results of the preflight, too. Raises WrongTargetError. All areas of checks must have been imported.
    """
    patterns = tuple(wanted)
    look_first(run)
    chosen = [
        (name, promise)
        for name, promise in run.contract.all_promises()
        if name in checks()
        and (
            any(matches(pattern, promise.id) for pattern in patterns) if patterns else promise.right not in _ON_REQUEST
        )
    ]
    chosen.sort(key=lambda found: turn(*found))
    announce_counting(run, (promise for _, promise in chosen))
    for name, promise in chosen:
        run.results.append(judge(run, promise, name, partial(checks()[name], promise, run.target)))
    return run.every_result


def announce_counting(run: Run, promises: Iterable[Promise]) -> None:
    """Tell the target what will be asked for; counting promises share their requests and readings."""
    chosen = tuple(promises)
    run.target.expected = chosen
    counted = [promise for promise in chosen if isinstance(promise, Counting)]
    run.target.expect_counting([promise for promise in counted if keeps_from_looking(promise, run.target) is None])


def _verdict(given: object) -> Verdict:
    if not isinstance(given, Verdict):
        message = f"a check returns a Verdict, not {type(given).__name__}"
        raise TypeError(message)
    return given
