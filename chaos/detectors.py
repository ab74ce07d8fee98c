"""What a timeline shows: outages, breakers as callers and gauges see them, the lives of alerts. Pure.

A request is due at one moment and has its answer at another; whatever happened to it happened in between. Detectors
only call something certain that holds whenever in between it was.
"""

from __future__ import annotations

import bisect
import itertools
import math
import re
import statistics
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING

from chaos.evidence import RECEIVER, SENT, Evidence, end
from chaos.timeline import Alert, Alerts, Notification, Probed, Replica, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from chaos.promises import Breaker
    from chaos.timeline import Timeline

CLOSED, HALF_OPEN, OPEN = 0.0, 1.0, 2.0
"""The values of a breaker's gauge."""
LATE_SECONDS = 0.25
"""A request may be sent so much later than it was due, and a page be read so much later than its sample says."""
_SAME_SECONDS = 0.1
"""Of two answers that came so close together, the first may have been given last."""
LOST = frozenset({"server_error", "timeout", "connection"})
"""Outcomes of probes that got no answer of the platform."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time; `until` is the last moment at which it surely went on, `over` the first when it was over."""

    start: float
    until: float
    over: float | None
    count: int

    @property
    def seconds(self) -> float:
        """For how long it surely went on."""
        return self.until - self.start


def outages(probes: Iterable[Probed], bad: Callable[[Probed], bool]) -> list[Span]:
    """Give the stretches in which every probe that was sent was a bad one, in order of when they were due."""
    found: list[Span] = []
    run: list[Probed] = []
    for each in sorted((one for one in probes if one.outcome in SENT), key=lambda one: one.since):
        if bad(each):
            run.append(each)
        elif run:
            found.append(Span(run[0].since, _until(run, each.since), each.since, len(run)))
            run = []
    if run:
        found.append(Span(run[0].since, max(map(end, run)), None, len(run)))
    return found


def _until(run: Sequence[Probed], following: float) -> float:
    """Give the last moment at which a run of bad probes went on: an answer that came late counts until the next one."""
    return max(run[-1].since, min(max(map(end, run)), following))


# ------------------------------------------------------------------------------------------------------------- counters


@lru_cache(maxsize=4096)
def series(key: str) -> tuple[str, Mapping[str, str]]:
    """Take the key of a sample apart: the name of its family, and its labels."""
    name, _, rest = key.partition("{")
    return name, dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', rest))


def has(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Tell whether all these labels are among those."""
    return all(labels.get(name) == value for name, value in wanted.items())


def total(sample: Replica, family: str, wanted: Mapping[str, str]) -> float:
    """Add up the series of a family that have these labels; one that is not there yet was never counted."""
    found = 0.0
    for key, value in sample.counters.items():
        name, labels = series(key)
        if name == family and has(labels, wanted):
            found += value
    return found


def lives_of(timeline: Timeline, replica: str) -> list[list[Replica]]:
    """Give the samples of a replica that answered, apart for each process that it was."""
    found: list[list[Replica]] = []
    for sample in timeline.of(Replica):
        if sample.replica != replica or not sample.up:
            continue
        if found and found[-1][-1].began == sample.began:
            found[-1].append(sample)
        else:
            found.append([sample])
    return found


def counted_in(timeline: Timeline, counter: str, replica: str) -> float:
    """Say by how much a counter grew on a replica between the first and the last reading, over all its processes.

    What a process counted between its last reading and its end is not known, and left out.
    """
    grown = 0.0
    for number, life in enumerate(lives_of(timeline, replica)):
        grown += total(life[-1], counter, {}) - (0.0 if number else total(life[0], counter, {}))
    return max(0.0, grown)


def counted_between(timeline: Timeline, counter: str, replica: str, start: float, end: float) -> tuple[float, float]:
    """Say by how much a counter grew on a replica between two moments: at least, and at most, by its readings.

    A replica that became another process meanwhile, or was not read before and after, has counted from 0 to any number.
    """
    lives = lives_of(timeline, replica)
    if len(lives) != 1 or not lives[0][0].since <= start <= end <= lives[0][-1].since:
        return 0.0, math.inf
    read = [(each.since, total(each, counter, {})) for each in lives[0]]
    times = [since for since, _ in read]
    # A reading may be so much younger than it says.
    outer = (
        read[max(0, bisect.bisect(times, start - LATE_SECONDS) - 1)],
        read[min(len(read) - 1, bisect.bisect(times, end))],
    )
    inside = [value for since, value in read if start <= since <= end - LATE_SECONDS]
    return (inside[-1] - inside[0] if inside else 0.0), outer[1][1] - outer[0][1]


def restarts(timeline: Timeline, replica: str) -> list[tuple[float, float]]:
    """Give between which two moments a replica became another process."""
    lives = lives_of(timeline, replica)
    return [(one[-1].since, other[0].since) for one, other in itertools.pairwise(lives)]


# --------------------------------------------------------------------------------------- breakers as callers see them


class Call(Enum):
    """What a breaker made of a request, as far as its answer tells."""

    OK = auto()
    FAILED = auto()
    REFUSED = auto()
    UNSURE = auto()
    """It may have failed behind the breaker, or before it."""
    NOTHING = auto()
    """It never came to the breaker."""


LET_THROUGH = (Call.OK, Call.FAILED)


@dataclass(frozen=True, slots=True)
class Called:
    """A request that a breaker may have seen; `end` is when it had its answer."""

    due: float
    end: float
    call: Call


def calls_of(evidence: Evidence, promise: Breaker, replica: str) -> list[Called]:
    """Give what a breaker made of the probes of a replica (of all, for the empty name), in order of when due."""
    found = []
    for each in evidence.timeline.probes(promise.probe):
        if replica and each.replica != replica:
            continue
        if each.outcome == "ok":
            call = Call.OK
        elif each.outcome == "failed":
            call = Call.REFUSED if each.code == promise.code else Call.FAILED
            call = Call.NOTHING if each.code in promise.uncounted else call
        else:
            call = Call.UNSURE if each.outcome in SENT else Call.NOTHING
        if call is not Call.NOTHING:
            found.append(Called(each.since, end(each), call))
    return found


@dataclass(slots=True)
class Opening:
    """A breaker that opened, as callers see it.

    It opened after `earliest` (the last request before was let through then) and before the first refusal had its
    answer. `failures` counts what may have failed in a row before; `first` is false when it had been open before.
    `closed` is when a trial was answered well, None where that was not seen.
    """

    refused: list[Called]
    earliest: float
    failures: int
    first: bool
    row_since: float
    trials: list[Called] = field(default_factory=list)
    closed: float | None = None
    cut: bool = False

    @property
    def seen(self) -> float:
        """When callers knew."""
        return self.refused[0].end


def openings(calls: Sequence[Called], *, since: float, restarted: Sequence[tuple[float, float]] = ()) -> list[Opening]:
    """Give when a breaker was open as its callers see it, in order.

    A request that is let through is a trial when it was due after a refusal had been answered; one that was due before
    was under way when the breaker opened. A new process is a new breaker.
    """
    found: list[Opening] = []
    now: Opening | None = None
    before: list[Called] = []
    for call in calls:
        if now is not None and now.closed is not None and call.due > now.closed:
            now, before = None, []
        if now is not None and any(now.refused[-1].due < other and one < call.end for one, other in restarted):
            now.cut, now, before = True, None, []
        if call.call is Call.REFUSED:
            if now is None:
                now = _opened(call, before, first=not found, since=since)
                found.append(now)
            else:
                now.refused.append(call)
        elif now is None:
            before.append(call)
        elif call.call in LET_THROUGH and call.due > now.refused[0].end:
            now.trials.append(call)
            if call.call is Call.OK:
                now.closed = call.end if now.closed is None else min(now.closed, call.end)
    return found


def _opened(refusal: Called, before: Sequence[Called], *, first: bool, since: float) -> Opening:
    through = [each.due for each in before if each.call in LET_THROUGH]
    earliest = max(through, default=since)
    # A success begins the count anew when the breaker was still closed after it; one that was under way does not.
    good = [each.end for each in before if each.call is Call.OK and each.end <= earliest]
    row_since = max([since, *good])
    failures = [
        each
        for each in before
        if each.call in (Call.FAILED, Call.UNSURE)
        and each.end >= row_since - LATE_SECONDS / 5
        and each.end <= refusal.end + LATE_SECONDS
    ]
    return Opening([refusal], earliest, len(failures), first, row_since)


@dataclass(frozen=True, slots=True)
class Overdue:
    """Requests that were let through although as many as open a breaker had failed in a row."""

    since: float
    through: int
    row: int


def overdue(
    calls: Sequence[Called],
    failures: int,
    open_seconds: float,
    *,
    restarted: Sequence[tuple[float, float]] = (),
) -> tuple[list[Overdue], int]:
    """Give where a breaker must have been open by its callers' own failures and was not, and the longest row.

    Failures count when they end. Only requests that were due after the last of them had its answer can be a breach, and
    only until somebody is refused, or until the open time is over, when a trial may go through.
    """
    rows, longest = _rows(calls, failures, restarted)
    found = []
    for since in rows:
        refused = (each.due for each in calls if each.call is Call.REFUSED and each.due > since)
        anew = (one for one, other in restarted if other > since)
        limit = min([since + open_seconds, *refused, *anew])
        through = [each for each in calls if each.call in LET_THROUGH and since < each.due < limit]
        if through:
            bad = sum(each.call is Call.FAILED for each in through)
            found.append(Overdue(since, len(through), failures + bad))
    return found, longest


def _rows(calls: Sequence[Called], failures: int, restarted: Sequence[tuple[float, float]]) -> tuple[list[float], int]:
    """Give when as many failures as open a breaker had ended in a row, and the longest row.

    Failures after a refusal are trials, or were under way: they count only when a success has closed the breaker. Where
    a success had its answer at nearly the same time as the last failure, which of them came first is not certain.
    """
    found: list[float] = []
    is_open, row, longest, last = False, 0, 0, 0.0
    good = [each.end for each in calls if each.call is Call.OK]
    for call in sorted(calls, key=lambda each: each.end):
        if any(last < other and one < call.end for one, other in restarted):
            is_open, row = False, 0
        last = call.end
        if call.call is Call.REFUSED:
            is_open, row = True, 0
        elif call.call is Call.OK:
            is_open, row = False, 0
        elif call.call is Call.FAILED and not is_open:
            row += 1
            longest = max(longest, row)
            if row == failures and not any(0 <= ended - call.end < _SAME_SECONDS for ended in good):
                found.append(call.end)
    return found, longest


def others_most(evidence: Evidence, promise: Breaker, replica: str, start: float, finish: float) -> int | None:
    """Say how many requests of others may have come to a replica between two moments, at most; None when unknown.

    It is what the counter of requests grew by, beyond the probes' own, between readings around that time. Each pair of
    readings gives a bound. Of all, one is taken that a quarter of them are below: a reading that came very late gives
    some that are too low.
    """
    if not promise.requests:
        return None
    names = promise.probes or (promise.probe,)
    own = [
        (each.since, end(each))
        for each in evidence.timeline.of(Probed)
        if each.probe in names and each.replica == replica and each.outcome in {"ok", "failed"}
    ]
    bounds = []
    for life in lives_of(evidence.timeline, replica):
        counted = [(each.since, total(each, promise.requests, promise.requests_labels)) for each in life]
        before = [one for one in counted if one[0] <= start - 0.1][-8:]
        after = [one for one in counted if one[0] >= finish + promise.under_way_seconds][:8]
        for at, value in before:
            for later, grown in after:
                inside = sum(1 for due, over in own if due >= at + 0.1 and over <= later - 0.1)
                bounds.append(max(0, round(grown - value) - inside))
    return sorted(bounds)[len(bounds) // 4] if bounds else None


def failed_most(evidence: Evidence, promise: Breaker, replica: str, start: float, finish: float) -> int | None:
    """Say how many requests may have failed on a replica between two moments, at most; None when unknown.

    It is what its counter of errors grew by, whoever sent them. What an open breaker refused has a code of its own and
    does not count.
    """
    if not promise.errors:
        return None
    every = promise.requests_labels
    refused = {**every, promise.errors_code: promise.code}
    for life in lives_of(evidence.timeline, replica):
        counted = [
            (each.since, total(each, promise.errors, every) - total(each, promise.errors, refused)) for each in life
        ]
        before = [value for at, value in counted if at <= start - 0.1]
        after = [value for at, value in counted if at >= finish + promise.under_way_seconds]
        if before and after:
            return max(0, round(after[0] - before[-1]))
    return None


def gauges(timeline: Timeline, replica: str, key: str) -> list[tuple[float, float | None]]:
    """Give (moment, value) of a breaker's gauge from a replica that answered; None where the page has no such gauge."""
    return [
        (sample.since, sample.breakers.get(key))
        for sample in timeline.of(Replica)
        if sample.replica == replica and sample.up
    ]


def changes(samples: Sequence[tuple[float, float | None]]) -> list[tuple[float, float]]:
    """Give (moment, value) of each change of a gauge, by the first sample that shows it."""
    found: list[tuple[float, float]] = []
    for since, value in samples:
        if value is not None and (not found or found[-1][1] != value):
            found.append((since, value))
    return found[1:]


# --------------------------------------------------------------------------------------------------------------- alerts


@dataclass(slots=True)
class Life:
    """An alert from when it was first seen until it was gone, as Prometheus has it.

    `absent` is the last sample before it without it; None when it was there from the beginning. `over` is the first
    sample in which it did not fire any more.
    """

    alert: Alert
    absent: float | None
    seen: float
    pending: float | None = None
    firing: float | None = None
    last_firing: float | None = None
    over: float | None = None


_BLINK_SECONDS = 1.0
"""An alert that is away for less than this never was: an answer of Prometheus may come from between two evaluations."""


def lives(timeline: Timeline, source: str = "prometheus") -> list[Life]:
    """Give the lives of all alerts, in order of when they were first seen."""
    found: list[Life] = []
    open_lives: dict[str, Life] = {}
    previous: float | None = None
    for sample in timeline.of(Alerts):
        if sample.source != source:
            continue
        now = {alert.key: alert for alert in sample.alerts}
        for key, life in list(open_lives.items()):
            if not _goes_on(life, now.get(key), sample.since):
                del open_lives[key]
        for key, alert in now.items():
            life = open_lives.get(key) or Life(alert, previous, sample.since)
            if key not in open_lives:
                open_lives[key] = life
                found.append(life)
            if alert.state == "pending":
                life.pending = sample.since if life.pending is None else life.pending
            else:
                life.firing = sample.since if life.firing is None else life.firing
                life.last_firing, life.over = sample.since, None
        previous = sample.since
    return found


def _goes_on(life: Life, now: Alert | None, since: float) -> bool:
    """Tell whether a life is still that of the alert as it is now; notes when it stopped firing."""
    if life.over is not None and since - life.over > _BLINK_SECONDS:
        return False
    if now is not None and now.state != "pending":
        return True
    if life.firing is None:
        return now is not None
    life.over = since if life.over is None else life.over
    return now is None


def is_same(alert: Alert, name: str, labels: Mapping[str, str]) -> bool:
    """Tell whether an alert of Prometheus is one of another system, which may add labels or leave some out."""
    return alert.name == name and all(labels[key] == value for key, value in alert.labels.items() if key in labels)


def notifications(timeline: Timeline, alert: Alert, status: str) -> list[Notification]:
    """Give the notifications of an alert with a status ("firing", "resolved"), in order."""
    return [
        each for each in timeline.of(Notification) if each.status == status and is_same(alert, each.name, each.labels)
    ]


def is_receiver_known(evidence: Evidence) -> bool:
    """Tell whether there was a receiver to look at."""
    timeline = evidence.timeline
    return (
        RECEIVER in evidence.record.watched
        or bool(timeline.of(Notification))
        or any(each.source == RECEIVER for each in timeline.of(Trouble))
    )


def duplicates(timeline: Timeline, alert: Alert, within_seconds: float) -> Iterator[tuple[Notification, Notification]]:
    """Give pairs of notifications to one receiver that told the same of an alert, closer together than they may be.

    A notification of a group whose other alerts changed meanwhile tells something new.
    """
    told: dict[int, set[tuple[str, str]]] = {}
    for each in timeline.of(Notification):
        text = each.name + repr(sorted(each.labels.items()))
        told.setdefault(each.number, set()).add((text, each.status))
    last: dict[str, Notification] = {}
    every = [*notifications(timeline, alert, "firing"), *notifications(timeline, alert, "resolved")]
    for each in sorted(every, key=lambda one: one.since):
        earlier = last.get(each.receiver)
        last[each.receiver] = each
        if earlier is None or earlier.number == each.number or each.status != "firing" != earlier.status:
            continue
        close = each.since - earlier.since < within_seconds
        if earlier.status == "firing" and close and told[each.number] == told[earlier.number]:
            yield earlier, each


# ----------------------------------------------------------------------------------------------------------- the whole


@dataclass(frozen=True, slots=True)
class Incident:
    """The figures of an incident: moments of the timeline, None for what was not seen; `total` of the probes."""

    effect: float | None
    detected: float | None
    detected_by: str
    mitigated: float | None
    recovered: float | None
    failed: int
    total: int
    outage_seconds: float


def recovered(evidence: Evidence, window_seconds: float) -> float | None:
    """Say from when on, after the undo, all was well for so many seconds; None when that was never seen.

    All is well when each probe that was sent is answered as before, each replica answers, and each breaker is closed
    that was closed before the fault. Each probe and each replica must have been seen within the window.
    """
    if evidence.undone is None:
        return None
    bad, seen = _looks_after(evidence)
    streams = _streams(evidence)
    bad.sort()
    for start in (evidence.undone, *(moment + 1e-6 for moment in bad)):
        following = bisect.bisect_left(bad, start)
        if start + window_seconds > evidence.last:
            break
        if following < len(bad) and bad[following] <= start + window_seconds:
            continue
        well = {
            stream
            for moment, stream in seen
            if start <= moment <= start + max(window_seconds, streams.get(stream, 0.0))
        }
        if streams and streams.keys() <= well:
            return start
    return None


def _streams(evidence: Evidence) -> dict[str, float]:
    """Name what must be seen to be well (probes of each replica, its page), each with twice its usual step."""
    moments: dict[str, list[float]] = {}
    for each in evidence.timeline.seen:
        if each.since < evidence.gone and isinstance(each, Probed):
            moments.setdefault(f"probe {each.probe} {each.replica}", []).append(each.since)
        elif each.since < evidence.gone and isinstance(each, Replica):
            moments.setdefault(f"replica {each.replica}", []).append(each.since)
    return {
        stream: 2 * statistics.median([other - one for one, other in itertools.pairwise(at)] or [0.0])
        for stream, at in moments.items()
    }


def _looks_after(evidence: Evidence) -> tuple[list[float], list[tuple[float, str]]]:
    """Give when something was not well after the undo, and when each stream was seen to be well."""
    start, gone = evidence.start, evidence.gone
    usual = usual_answers(evidence)
    ill = {
        (each.replica, key)
        for each in evidence.timeline.of(Replica)
        if each.since < start
        for key, value in each.breakers.items()
        if value != CLOSED
    }
    bad: list[float] = []
    seen: list[tuple[float, str]] = []
    for each in evidence.timeline.of(Probed):
        if each.since < gone or each.outcome not in SENT:
            continue
        if each.outcome != "ok" or (each.probe in usual and each.answered_by != usual[each.probe]):
            bad.append(each.since)
        else:
            seen.append((each.since, f"probe {each.probe} {each.replica}"))
    for sample in evidence.timeline.of(Replica):
        if sample.since < gone:
            continue
        closed = all(value == CLOSED or (sample.replica, key) in ill for key, value in sample.breakers.items())
        if sample.up and closed:
            seen.append((sample.since, f"replica {sample.replica}"))
        else:
            bad.append(sample.since)
    return bad, seen


def usual_answers(evidence: Evidence) -> dict[str, str]:
    """Say who answered each probe before the fault, where it was always the same, and often enough to say so."""
    found: dict[str, list[str]] = {}
    for each in evidence.timeline.of(Probed):
        if each.since < evidence.start and each.outcome == "ok":
            found.setdefault(each.probe, []).append(each.answered_by)
    return {probe: names[0] for probe, names in found.items() if len(names) >= 5 and len(set(names)) == 1}


def incident(evidence: Evidence, *, window_seconds: float = 2.0, ignored: Sequence[str] = ()) -> Incident:
    """Work out the figures of an incident; alerts of `ignored` severities detect nothing."""
    timeline, start = evidence.timeline, evidence.start
    probes = [each for each in timeline.of(Probed) if each.outcome in SENT and end(each) >= start]
    bad = [each for each in probes if each.outcome != "ok"]
    effect = min(map(end, bad), default=None)
    known = {rule.name for rule in evidence.record.rules if rule.severity not in ignored}
    fresh = [
        life
        for life in lives(timeline)
        if life.firing is not None and life.firing >= start and life.alert.name in known
    ]
    told = [
        (each.since, each.name)
        for each in timeline.of(Notification)
        if each.status == "firing" and each.since >= start and each.name in known
    ]
    if not is_receiver_known(evidence):
        told = [(life.firing, life.alert.name) for life in fresh if life.firing is not None]
    detected, name = min(told, default=(None, ""))
    opened = [
        sample.since
        for sample in timeline.of(Replica)
        if sample.since >= start and any(value == OPEN for value in sample.breakers.values())
    ]
    streams = {(each.probe, each.replica) for each in probes}
    longest = max(
        (
            span.seconds
            for probe, replica in streams
            for span in outages(
                (each for each in probes if (each.probe, each.replica) == (probe, replica)),
                lambda each: each.outcome != "ok",
            )
        ),
        default=0.0,
    )
    return Incident(
        effect=effect,
        detected=detected,
        detected_by=name,
        mitigated=min(opened, default=None),
        recovered=recovered(evidence, window_seconds),
        failed=len(bad),
        total=len(probes),
        outage_seconds=longest,
    )
