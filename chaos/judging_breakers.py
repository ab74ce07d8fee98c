"""Judges of circuit breakers: what callers see of them, and whether gauge, page and ratio say the same. Pure.

A breaker belongs to a replica, or to all of them where they share its state. Other requests than the probes go through
it, too: what they can explain is no breach.
"""

from __future__ import annotations

import bisect
import math
import statistics
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from chaos.detectors import (
    CLOSED,
    HALF_OPEN,
    LATE_SECONDS,
    LET_THROUGH,
    OPEN,
    Call,
    Called,
    Opening,
    calls_of,
    failed_most,
    gauges,
    openings,
    others_most,
    overdue,
    restarts,
)
from chaos.evidence import FIGURES, PAGES, REPLICAS, Evidence, finished, keeps_from_judging, together
from chaos.timeline import RESET, Figures, Page, Probed, Replica
from load.statistics import is_more
from load.wording import count, duration, number, share
from selfcheck.verdict import Outcome, Verdict, failed, inconclusive, passed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from chaos.promises import Breaker

_SLOW_SHARE_MAX = 0.05
"""The part of refusals that a busy machine may answer late."""
_LIES_MIN = 2
"""So many samples in a stretch must contradict the callers: one may have been read in the moment of a change."""
_PAGE_LIES_SHARE_MAX = 0.03
"""The part of a page's readings that may: it looks at the provider itself, now and then, and shows what it saw last."""
_RATIO_TOLERANCE = 0.02
_LONGEST_SECONDS = 60.0
"""No request takes longer, so that only those need to be looked at that were due so long before a moment."""


def judge_breaker(evidence: Evidence, promise: Breaker) -> Verdict:
    """A circuit breaker does its work; what exactly is the promise's aspect."""
    judges: dict[str, tuple[Callable[[_Look], Verdict], tuple[str, ...]]] = {
        "opens": (_opens, ()),
        "not_before": (_not_before, ()),
        "fails_fast": (_fails_fast, ()),
        "half_open": (_half_open, ()),
        "closes": (_closes, ()),
        "stays_closed": (_stays_closed, ()),
        "gauge": (_gauge, (REPLICAS,)),
        "page": (_page, (PAGES,)),
        "ratio": (_ratio, (FIGURES, REPLICAS)),
        "reset": (_reset, ()),
    }
    judge, sources = judges[promise.aspect]
    look = _Look(evidence, promise)
    if blocked := keeps_from_judging(evidence, look.expected, sources=sources):
        return blocked
    if not look.replicas:
        observed = f"nothing of the probe {promise.probe} was seen"
        return inconclusive(look.expected, observed, **evidence.place)
    return judge(look)


@dataclass(frozen=True)
class _Look:
    """A breaker in an experiment, with its own figures."""

    evidence: Evidence
    promise: Breaker
    _calls: dict[str, list[Called]] = field(default_factory=dict)
    _openings: dict[str, list[Opening]] = field(default_factory=dict)

    @property
    def failures(self) -> int:
        return round(self.evidence.record.limits.get(self.promise.failures_of, self.promise.failures))

    @property
    def open_seconds(self) -> float:
        """For how long it stays open, in real time: the page says so of this environment, the promise of production."""
        known = self.evidence.record.limits.get(self.promise.timeout_of)
        return self.evidence.scaled(self.promise.timeout_seconds) if known is None else known

    @property
    def replicas(self) -> tuple[str, ...]:
        """Where the probe was sent to; the empty name is the load balancer."""
        return tuple(dict.fromkeys(each.replica for each in self.evidence.timeline.probes(self.promise.probe)))

    @property
    def hidden(self) -> bool:
        """Whether the probe's answers may be of several breakers that cannot be told apart."""
        wanted = self.evidence.record.replicas_wanted
        return "" in self.replicas and wanted != 1 and self.promise.shared is not True

    @cached_property
    def is_partial(self) -> bool:
        """Whether the fault lets some requests through, so that those of others may succeed where the probe's fail."""
        evidence = self.evidence
        if any(fault.share < 1 or fault.jitter_milliseconds for fault in evidence.experiment.faults):
            return True
        for replica in self.replicas:
            calls = self.calls(replica)
            bad = [each.end for each in calls if each.call is Call.FAILED and each.end >= evidence.start]
            first = min(bad, default=evidence.last)
            if any(each.call is Call.OK and each.due > first and each.end < evidence.undoing for each in calls):
                return True
        return False

    @property
    def expected(self) -> str:
        promise, key = self.promise, f"the breaker of {self.promise.key}"
        return {
            "opens": f"{key} is open after {self.failures} failures in a row",
            "not_before": f"{key} does not open before {self.failures} failures in a row",
            "fails_fast": f"while {key} is open, refusals come within {duration(promise.fast_seconds)}",
            "half_open": f"{key} lets {count(promise.trials)} at a time through, {duration(self.open_seconds)} after it"
            " opened, and nobody else",
            "closes": f"{key} is closed within {duration(self.open_seconds)} and {duration(promise.slack_seconds)}"
            " of the undo",
            "stays_closed": f"{key} never opens",
            "gauge": f"the gauge of {key} says what callers see, within {duration(promise.lag_seconds)}",
            "page": f"the page of providers says of {promise.key} what callers see,"
            f" within {duration(promise.lag_seconds)}",
            "ratio": f"{promise.watch} is the share of breakers that are open",
            "reset": f"a reset of {key} closes it at once: {_RESET_CALLS} requests are let through within"
            f" {duration(_RESET_SECONDS)}",
        }[promise.aspect]

    def calls(self, replica: str) -> list[Called]:
        if replica not in self._calls:
            self._calls[replica] = calls_of(self.evidence, self.promise, replica)
        return self._calls[replica]

    def restarted(self, replica: str) -> list[tuple[float, float]]:
        return restarts(self.evidence.timeline, replica)

    def openings(self, replica: str) -> list[Opening]:
        if replica not in self._openings:
            calls = [each for each in self.calls(replica) if each.end >= self.evidence.start]
            found = openings(calls, since=self.evidence.start, restarted=self.restarted(replica))
            self._openings[replica] = found
        return self._openings[replica]

    def longest(self, replica: str) -> float:
        """Say for how long a failing request was under way at most while the fault was there."""
        start, gone = self.evidence.start, self.evidence.gone
        return max(
            (
                each.end - each.due
                for each in self.calls(replica)
                if each.call in (Call.FAILED, Call.UNSURE) and start <= each.due < gone
            ),
            default=0.0,
        )

    def on(self, replica: str) -> str:
        return f" on {replica}" * bool(replica)

    def passes(self, observed: str) -> Verdict:
        return passed(observed, where=self.evidence.place["where"])

    def fails(self, observed: str) -> Verdict:
        return failed(self.expected, observed, **self.evidence.place)

    def cannot_tell(self, observed: str, remedy: str = "") -> Verdict:
        return inconclusive(self.expected, observed, **self.evidence.place, remedy=remedy)

    def cannot_tell_apart(self) -> Verdict:
        observed = f"the probe {self.promise.probe} goes through the load balancer: whose breaker answers is not known"
        return self.cannot_tell(observed, "let the probe go to each replica")

    def together(self, verdicts: Sequence[Verdict]) -> Verdict:
        return together(self.expected, verdicts, self.evidence)


# -------------------------------------------------------------------------------------------------------------- opening


def _opens(look: _Look) -> Verdict:
    if look.hidden:
        return look.cannot_tell_apart()
    return look.together([_opens_on(look, replica) for replica in look.replicas])


def _opens_on(look: _Look, replica: str) -> Verdict:
    evidence = look.evidence
    calls = [each for each in look.calls(replica) if each.end >= evidence.start and each.due < evidence.undoing]
    breaches, longest = overdue(calls, look.failures, look.open_seconds, restarted=look.restarted(replica))
    found = [each for each in look.openings(replica) if each.seen <= evidence.last]
    if breaches:
        worst = max(breaches, key=lambda each: each.through)
        opened = next((each for each in found if each.seen > worst.since), None)
        observed = f"{count(worst.through)} more {_requests(worst.through)} let through{look.on(replica)} after"
        observed += f" {look.failures} failures in a row, {evidence.after_fault(worst.since)}"
        observed += f"; opened {evidence.after_fault(opened.seen)}" if opened else "; it never opened"
        return _unless_others_succeeded(look, replica, observed, worst.row)
    if found:
        first = found[0]
        what = f"opened after {count(first.failures)} {_failures(first.failures)}{look.on(replica)}"
        return look.passes(f"{what}, {evidence.after_fault(first.seen)}")
    observed = f"at most {count(longest)} {_failures(longest)} in a row{look.on(replica)}, and it did not open"
    return look.cannot_tell(observed, "hold the fault longer, or send the probe more often")


def _unless_others_succeeded(look: _Look, replica: str, observed: str, row: int) -> Verdict:
    """Weaken a breach where others' requests may have succeeded in between, and so begun the count anew.

    Nobody's do while the fault lets none of the probe's through. Where it lets some, so many failures in a row as no
    successes of others could have divided are a breach all the same.
    """
    evidence = look.evidence
    if not look.is_partial:
        return look.fails(observed)
    most = others_most(evidence, look.promise, replica, evidence.there, evidence.undoing)
    if most is not None and row > (most + 1) * look.failures:
        return look.fails(observed)
    others = "requests of others" if most is None else f"up to {count(most)} requests of others"
    return look.cannot_tell(f"{observed}, but {others} may have been answered in between")


def _not_before(look: _Look) -> Verdict:
    if look.hidden:
        return look.cannot_tell_apart()
    return look.together([_not_before_on(look, replica) for replica in look.replicas])


def _not_before_on(look: _Look, replica: str) -> Verdict:  # noqa: PLR0911 - one for each explanation
    evidence = look.evidence
    found = look.openings(replica)
    shown = next(
        (
            since
            for since, value in gauges(evidence.timeline, replica, look.promise.key)
            if value == OPEN and since >= evidence.start
        ),
        None,
    )
    if not found:
        if shown is not None:
            return look.cannot_tell(f"the gauge says that it opened{look.on(replica)}, and no caller was refused")
        return look.cannot_tell(f"it did not open{look.on(replica)}")
    first = found[0]
    own = first.failures
    opened = f"{look.on(replica)}, {evidence.after_fault(first.seen)}"
    if own >= look.failures:
        return look.passes(f"opened after {count(own)} {_failures(own)}{opened}")
    places: Sequence[str] = (replica,)
    if look.promise.shared is not False and (every := _shared_failures(look, first)) is not None:
        if every >= look.failures:
            return look.passes(f"opened after {count(own)} {_failures(own)}{opened}; {count(every)} on all replicas")
        own, places = every, look.replicas
    observed = f"opened after {count(own)} of {look.failures} {_failures(look.failures)}{opened}"
    most = _others_failed_most(look, first, own, places)
    if most is None:
        return look.cannot_tell(f"{observed}; how many requests of others failed is not known")
    if own + most >= look.failures:
        return look.passes(f"{observed}; others sent up to {count(most)} more")
    return look.fails(f"{observed}; others sent {f'at most {count(most)}' if most else 'none'} meanwhile")


def _others_failed_most(look: _Look, opening: Opening, own: int, places: Sequence[str]) -> int | None:
    """Bound the failures of others before an opening by what these replicas counted; None when that is not known."""
    between = (opening.row_since, opening.seen)
    sent = _sum(others_most(look.evidence, look.promise, place, *between) for place in places)
    bad = _sum(failed_most(look.evidence, look.promise, place, *between) for place in places)
    return min(
        (bound for bound in (sent, None if bad is None else max(0, bad - own)) if bound is not None), default=None
    )


def _sum(bounds: Iterable[int | None]) -> int | None:
    """Add up; None where one is not known."""
    known = list(bounds)
    return None if None in known else sum(bound for bound in known if bound is not None)


def _shared_failures(look: _Look, opening: Opening) -> int | None:
    """Count the failures on all replicas that a shared breaker has seen when it opened; None when it is not shared.

    Where nobody says whether it is, two things show that it is not, unless others' requests may have succeeded in
    between: one that was let through although it was due after as many failures in a row as open it had ended on all
    replicas together, and trials on several replicas within one open time.
    """
    calls = sorted(
        (each for replica in look.replicas for each in look.calls(replica) if each.end >= opening.row_since),
        key=lambda each: each.end,
    )
    if look.promise.shared is None and not look.is_partial and (_let_through_late(look, opening) or _tried_apart(look)):
        return None
    return sum(each.call in {Call.FAILED, Call.UNSURE} and each.end <= opening.seen + LATE_SECONDS for each in calls)


def _let_through_late(look: _Look, opening: Opening) -> bool:
    """Tell whether a request was let through that a shared breaker would have refused before this opening."""
    evidence = look.evidence
    calls = [each for replica in look.replicas for each in look.calls(replica) if each.end >= evidence.start]
    row, due_open = 0, math.inf
    for call in sorted(calls, key=lambda each: each.end):
        if call.call is Call.OK:
            row, due_open = 0, math.inf
        elif call.call is Call.FAILED:
            if due_open < call.due < opening.seen:
                return True
            row += 1
            due_open = call.end if row == look.failures else due_open
    return False


def _tried_apart(look: _Look) -> bool:
    """Tell whether replicas had their trials at the same time, or nearly so: those of a shared breaker take turns."""
    firsts = []
    for replica in look.replicas:
        trials = [each for found in look.openings(replica)[:1] for each in found.trials if each.call is Call.FAILED]
        firsts += trials[:1]
    if not firsts:
        return False
    over = min(firsts, key=lambda each: each.due).end + look.open_seconds - look.promise.slack_seconds
    return sum(each.due < over for each in firsts) > look.promise.trials


# ----------------------------------------------------------------------------------------------------------- while open


def _fails_fast(look: _Look) -> Verdict:
    evidence, promise = look.evidence, look.promise
    refused = [
        each.end - each.due
        for replica in look.replicas
        for each in look.calls(replica)
        if each.call is Call.REFUSED and each.due >= evidence.start
    ]
    if not refused:
        return look.cannot_tell("nobody was refused")
    slow = [seconds for seconds in refused if seconds > promise.fast_seconds]
    figures = f"{count(len(refused))} refusals, median {duration(statistics.median(refused))}"
    figures += f", longest {duration(max(refused))}"
    if len(slow) > max(2, _SLOW_SHARE_MAX * len(refused)):
        observed = f"{count(len(slow))} of {figures} took longer"
        others = [each.seconds for each in _controls(evidence)]
        busy = is_more(sum(seconds > promise.fast_seconds for seconds in others), len(others), _SLOW_SHARE_MAX)
        if busy and statistics.median(refused) <= promise.fast_seconds:
            return look.cannot_tell(f"{observed}, and so did requests that have nothing to do with it")
        return look.fails(observed)
    verdict = look.passes(figures)
    if len(slow) == len(refused):
        return look.cannot_tell(f"{count(len(slow))} of {figures} took longer: too few to tell")
    return verdict.with_notes(f"{count(len(slow))} refusals took longer") if slow else verdict


def _controls(evidence: Evidence) -> list[Probed]:
    """Give the answered requests of the controls while the fault was there."""
    return [
        each
        for name in evidence.experiment.controls
        for each in evidence.timeline.probes(name, start=evidence.start, end=evidence.undoing)
        if each.outcome == "ok"
    ]


def _half_open(look: _Look) -> Verdict:
    if look.hidden:
        return look.cannot_tell_apart()
    verdicts = [_half_open_on(look, replica) for replica in look.replicas]
    if any(each.outcome is Outcome.PASS for each in verdicts):
        # Where a replica's trial was somebody else's request, those of the others speak for it.
        verdicts = [each for each in verdicts if each.outcome is not Outcome.INCONCLUSIVE]
    return look.together(verdicts)


def _half_open_on(look: _Look, replica: str) -> Verdict:
    evidence, promise = look.evidence, look.promise
    found = look.openings(replica)
    if not found:
        return look.cannot_tell(f"it did not open{look.on(replica)}")
    trials = 0
    waits: list[float] = []
    for opening in found:
        if bad := _bad_trials(look, replica, opening):
            return look.fails(bad)
        trials += len(opening.trials)
        waits += [each.due - opening.seen for each in opening.trials[:1]]
    if trials:
        observed = f"{count(trials)} {'trial' if trials == 1 else 'trials'}{look.on(replica)}"
        return look.passes(f"{observed}, the first {duration(max(0.0, waits[0]))} after it opened")
    first = found[0]
    until = max(first.refused, key=lambda each: each.due).due
    waited = until - first.seen
    if first.cut or waited < look.open_seconds + promise.slack_seconds:
        observed = f"refused for {duration(max(0.0, waited))}{look.on(replica)}: not long enough for a trial"
        return look.cannot_tell(observed)
    observed = f"no trial in {duration(waited)}{look.on(replica)}"
    wanted = int(waited / (look.open_seconds + promise.slack_seconds + look.longest(replica)))
    most = others_most(evidence, promise, replica, first.seen, until - 2 * promise.under_way_seconds)
    if most is not None and most < wanted:
        return look.fails(f"{observed}, where {count(wanted)} were due, and others sent at most {count(most)} requests")
    return look.cannot_tell(f"{observed}; requests of others may have been the trials")


def _bad_trials(look: _Look, replica: str, opening: Opening) -> str:
    """Say which trial came too early, or beside another one; empty when none did."""
    promise, evidence = look.promise, look.evidence
    least = look.open_seconds - promise.slack_seconds
    # Of a breaker that was open before, it is not known whether it had closed at all in between.
    opened: float | None = opening.earliest if opening.first or opening.failures else None
    group: list[Called] = []
    # Once the fault is gone a trial closes it, at a moment that lies somewhere between its request and its answer.
    judged = [each for each in opening.trials if each.end <= evidence.undoing]
    for trial in sorted(judged, key=lambda each: each.due):
        over = min((each.end for each in group if each.call is Call.FAILED), default=None)
        if group and look.is_partial:
            # A trial of somebody else may have closed it meanwhile.
            return ""
        if group and over is not None and trial.due > over:
            opened, group = over, []
        if not group and opened is not None and trial.due + LATE_SECONDS < opened + least:
            waited = duration(max(0.0, trial.due - opened))
            return (
                f"a request was let through{look.on(replica)} {waited} after it opened,"
                f" {evidence.after_fault(trial.due)}; it stays open for {duration(look.open_seconds)}"
            )
        group.append(trial)
        beside = [each for each in group if each.end - LATE_SECONDS > trial.due + LATE_SECONDS]
        # An answer that was good closes it: whoever comes then is no trial.
        closed = opening.closed is not None and trial.due + LATE_SECONDS >= opening.closed
        if len(beside) > promise.trials and not closed:
            return (
                f"{count(len(beside))} requests were let through{look.on(replica)} at the same time,"
                f" {evidence.after_fault(trial.due)}"
            )
    return ""


# ------------------------------------------------------------------------------------------------------------- closing


def _closes(look: _Look) -> Verdict:
    evidence = look.evidence
    if evidence.undone is None:
        return look.cannot_tell("the undo was not verified")
    verdicts = []
    for replica in look.replicas:
        found = look.openings(replica)
        if not found:
            verdicts.append(look.cannot_tell(f"it did not open{look.on(replica)}"))
            continue
        calls = look.calls(replica)
        # A trial that was under way when the fault was undone fails later, and the open time begins anew.
        deadline = evidence.gone + look.open_seconds + look.promise.slack_seconds + look.longest(replica)
        late = [each for each in calls if each.call is Call.REFUSED and each.due > deadline]
        refused = [each for each in calls if each.call is Call.REFUSED and each.due > evidence.gone]
        again = max((each.due for each in refused), default=evidence.gone)
        good = [each for each in calls if each.call is Call.OK and each.due >= evidence.gone and each.end >= again]
        if late:
            observed = f"it still refused{look.on(replica)} {evidence.after_undo(late[-1].due)}"
            verdicts.append(look.fails(observed))
        elif good:
            verdicts.append(look.passes(f"closed {evidence.after_undo(good[0].end)}{look.on(replica)}"))
        else:
            observed = f"it was not seen closed{look.on(replica)} until {evidence.after_undo(evidence.last)}"
            verdicts.append(look.cannot_tell(observed, "watch it longer after the undo"))
    return look.together(verdicts)


_RESET_SECONDS = 2.0
_RESET_CALLS = 3
"""So many requests are let through within so long after a reset: more than the one trial of a half-open breaker."""


def _reset(look: _Look) -> Verdict:
    evidence = look.evidence
    moment = evidence.timeline.mark(RESET)
    if moment is None:
        why = evidence.record.reset or "the experiment was over before"
        return look.fails(f"it was refused: {why}") if evidence.record.reset else look.cannot_tell(f"not reset: {why}")
    if moment + _RESET_SECONDS > evidence.undoing:
        return look.cannot_tell("the fault was undone too soon after the reset")
    verdicts = []
    for replica in look.replicas:
        was_open = any(
            each.seen < moment and (each.closed is None or each.closed > moment) for each in look.openings(replica)
        )
        after = [each for each in look.calls(replica) if moment <= each.due < moment + _RESET_SECONDS]
        through = sum(each.call in LET_THROUGH for each in after)
        if not was_open:
            verdicts.append(look.cannot_tell(f"it was not open{look.on(replica)} when it was reset"))
        elif len(after) < _RESET_CALLS:
            verdicts.append(
                look.cannot_tell(f"only {count(len(after))} requests came{look.on(replica)} after the reset")
            )
        elif through >= _RESET_CALLS:
            verdicts.append(look.passes(f"{count(through)} of {count(len(after))} let through{look.on(replica)}"))
        else:
            observed = f"{count(through)} of {count(len(after))} requests were let through{look.on(replica)}"
            verdicts.append(look.fails(f"{observed} in the {duration(_RESET_SECONDS)} after the reset"))
    return look.together(verdicts)


def _stays_closed(look: _Look) -> Verdict:
    evidence, promise = look.evidence, look.promise
    verdicts = []
    for replica in look.replicas:
        calls = [each for each in look.calls(replica) if each.due >= evidence.start]
        refused = [each for each in calls if each.call is Call.REFUSED]
        shown = [
            (since, value)
            for name in ([replica] if replica else evidence.replicas)
            for since, value in gauges(evidence.timeline, name, promise.key)
            if since >= evidence.start and value is not None and value != CLOSED
        ]
        if refused:
            observed = f"opened{look.on(replica)}: {count(len(refused))} requests were refused, the first"
            verdicts.append(look.fails(f"{observed} {evidence.after_fault(refused[0].due)}"))
        elif shown:
            observed = f"the gauge was {number(shown[0][1])}{look.on(replica)} {evidence.after_fault(shown[0][0])}"
            verdicts.append(look.fails(observed))
        elif not calls:
            verdicts.append(look.cannot_tell(f"nothing was asked{look.on(replica)} while the fault was there"))
        else:
            verdicts.append(look.passes(f"none of {count(len(calls))} requests was refused{look.on(replica)}"))
    return finished(evidence, look.expected, look.together(verdicts))


# ------------------------------------------------------------------------------------------------- what is said of them


def _state(calls: Sequence[Called], since: float, lag: float) -> str:
    """Say what callers saw of a breaker for so long before and after a moment: "open", "closed", or nothing certain."""
    begin = bisect.bisect_left(calls, since - lag - _LONGEST_SECONDS, key=lambda each: each.due)
    until = bisect.bisect_right(calls, since + lag, key=lambda each: each.due)
    around = [each for each in calls[begin:until] if each.end >= since - lag]
    kinds = {each.call for each in around if each.call is not Call.UNSURE}
    if len(kinds) != 1 or any(each.call is Call.UNSURE for each in around):
        return ""
    before = any(since - lag <= each.due and each.end <= since for each in around)
    after = any(since <= each.due and each.end <= since + lag for each in around)
    if not before or not after:
        return ""
    return {Call.REFUSED: "open", Call.OK: "closed"}.get(kinds.pop(), "")


def _gauge(look: _Look) -> Verdict:
    if look.hidden:
        return look.cannot_tell_apart()
    verdicts = [
        _gauge_on(look, replica) for replica in (look.replicas if "" not in look.replicas else look.evidence.replicas)
    ]
    return look.together(verdicts)


def _gauge_on(look: _Look, replica: str) -> Verdict:
    evidence, lag = look.evidence, look.promise.lag_seconds
    calls = look.calls(replica if replica in look.replicas else "")
    compared = {"open": 0, "closed": 0}
    lies: list[tuple[float, float | None, str]] = []
    for since, value in gauges(evidence.timeline, replica, look.promise.key):
        state = _state(calls, since, lag)
        if not state:
            continue
        compared[state] += 1
        if state == "closed":
            is_lie = value not in {None, CLOSED}
        else:
            # While a trial of somebody else is under way it is half-open, and refuses all the same.
            is_lie = value not in {OPEN, HALF_OPEN} or (value == HALF_OPEN and _surely_open(look, replica, since))
        if is_lie:
            lies.append((since, value, state))
    if len(lies) >= _LIES_MIN:
        since, value, state = lies[0]
        says = "was not there" if value is None else f"was {number(value)}"
        observed = f"the gauge {says}{look.on(replica)} while callers saw it {state}, {evidence.after_fault(since)}"
        return look.fails(f"{observed} ({count(len(lies))} of {count(sum(compared.values()))} samples)")
    if not compared["open"]:
        return look.cannot_tell(f"callers did not see it open{look.on(replica)} for long enough to compare")
    return look.passes(
        f"{count(compared['open'])} samples{look.on(replica)} while callers saw it open,"
        f" {count(compared['closed'])} while closed"
    )


def _surely_open(look: _Look, replica: str, since: float) -> bool:
    """Tell whether no trial can have been under way at a moment, and not for a while: a breaker is open then.

    That is so after it opened, and after a trial failed, until the open time is over.
    """
    lag, open_seconds = look.promise.lag_seconds, look.open_seconds
    for opening in look.openings(replica):
        if opening.seen + lag <= since <= opening.earliest + open_seconds - lag:
            return True
        failed_trials = [each for each in opening.trials if each.call is Call.FAILED]
        if not look.is_partial and any(
            each.end + lag <= since <= each.end + open_seconds - lag for each in failed_trials
        ):
            return True
    return False


def _page(look: _Look) -> Verdict:
    evidence, lag, key = look.evidence, look.promise.lag_seconds, look.promise.key
    calls = {replica: look.calls(replica) for replica in look.replicas}
    compared = {"open": 0, "closed": 0}
    lies: list[tuple[Page, str]] = []
    unknown = 0
    for page in evidence.timeline.of(Page):
        if page.status != 200:
            continue
        if key not in page.providers:
            unknown += 1
            continue
        names = [page.replica] if page.replica in calls else list(calls)
        states = {_state(calls[name], page.since, lag) for name in names}
        state = states.pop() if len(states) == 1 else ""
        # A provider that does not answer is not ready whatever its breaker says.
        quiet = page.since < evidence.start or page.since > evidence.gone + lag
        # And one whose breaker is half-open may be called ready or not.
        still = state == "open" and all(_surely_open(look, name, page.since) for name in names)
        if still or (state == "closed" and quiet):
            compared[state] += 1
            if page.providers[key] == (state == "open"):
                lies.append((page, state))
    if len(lies) >= _LIES_MIN and is_more(len(lies), sum(compared.values()), _PAGE_LIES_SHARE_MAX):
        page, state = lies[0]
        says = "ready" if page.providers[key] else "not ready"
        observed = f"the page said that {key} is {says}{look.on(page.replica)} while callers saw the breaker {state}"
        observed += f", {evidence.after_fault(page.since)}"
        return look.fails(f"{observed} ({count(len(lies))} of {count(sum(compared.values()))} samples)")
    if not compared["open"]:
        why = f"the page does not name {key}" if unknown else "callers did not see it open for long enough to compare"
        return look.cannot_tell(why)
    return look.passes(f"{count(compared['open'])} samples while open, {count(compared['closed'])} while closed")


def _ratio(look: _Look) -> Verdict:
    """Judge the watched figure: it is what the gauges were at any time within a scrape and an evaluation before.

    A change that nobody sampled may have been scraped; so a figure is wrong only when it is for longer than that.
    """
    evidence, watch = look.evidence, look.promise.watch
    interval = max((rule.interval_seconds for rule in evidence.record.rules), default=evidence.record.scrape_seconds)
    lag = evidence.record.scrape_seconds + interval
    if lag <= 0:
        return look.cannot_tell("how often Prometheus scrapes and evaluates is not known")
    lag += LATE_SECONDS * 2
    shares = _open_shares(evidence)
    compared = opened = 0
    run: list[tuple[float, float, float, float]] = []
    worst: list[tuple[float, float, float, float]] = []
    for sample in evidence.timeline.of(Figures):
        value = sample.values.get(watch)
        around = _within(shares, sample.since - lag, sample.since)
        if value is None or around is None:
            continue
        compared += 1
        low, high = min(around), max(around)
        opened += low > 0
        if low - _RATIO_TOLERANCE <= value <= high + _RATIO_TOLERANCE:
            run = []
            continue
        run.append((sample.since, value, low, high))
        worst = max(worst, run, key=lambda each: each[-1][0] - each[0][0] if each else -1.0)
        if worst is run:
            worst = list(run)
    if worst and len(worst) > _LIES_MIN and worst[-1][0] - worst[0][0] > lag:
        since, value, low, high = max(worst, key=lambda each: max(each[2] - each[1], each[1] - each[3]))
        open_share = share(low) if low == high else f"{share(low)} to {share(high)}"
        observed = f"{watch} was {number(value)} {evidence.after_fault(since)}, with {open_share} of the breakers open"
        return look.fails(f"{observed}; so for {duration(worst[-1][0] - worst[0][0])}")
    if not opened:
        return look.cannot_tell(f"no breaker was seen open for {duration(lag)} while {watch} had a value")
    return look.passes(f"{watch} agreed in {count(compared)} samples, {count(opened)} of them with an open breaker")


def _open_shares(evidence: Evidence) -> list[tuple[float, float | None]]:
    """Give (moment, share of the breakers that are open) after each reading of a replica; None while one is away."""
    now: dict[str, Replica] = {}
    found: list[tuple[float, float | None]] = []
    wanted = set(evidence.replicas)
    for sample in evidence.timeline.of(Replica):
        now[sample.replica] = sample
        every = [value for each in now.values() for value in each.breakers.values()]
        complete = wanted <= now.keys() and all(each.up for each in now.values()) and every
        found.append((sample.since, sum(value == OPEN for value in every) / len(every) if complete else None))
    return found


def _within(shares: Sequence[tuple[float, float | None]], begin: float, finish: float) -> list[float] | None:
    """Give all shares of a time, with the one that it began with; None when one of them is not known."""
    before = [value for since, value in shares if since <= begin][-1:]
    values = [*before, *(value for since, value in shares if begin < since <= finish)]
    if not before or len(values) < 2 or None in values:
        return None
    return [value for value in values if value is not None]


def _failures(number_of: int) -> str:
    return "failure" if number_of == 1 else "failures"


def _requests(number_of: int) -> str:
    return "request was" if number_of == 1 else "requests were"
