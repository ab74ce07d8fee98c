"""What a report tells of one experiment: its record, its timeline, its verdicts, and the figures of the incident. Pure.

All moments are seconds since the timeline began. A figure that cannot be told is None, and never 0.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

from chaos import timeline as timelines
from chaos.detectors import incident
from chaos.evidence import SENT, Evidence
from chaos.plan import BUDGET, Experiment, Fault
from chaos.promises import Figured
from chaos.timeline import Alerts, Mark, Notification, Probed, Replica, Stop
from chaos.timeline import Figures as Watched
from selfcheck.verdict import Outcome, roll_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chaos.record import Record
    from chaos.timeline import Timeline
    from selfcheck.run import Result

OK: Final = "ok"
NO_FAULT_OF_THE_PLATFORM: Final = frozenset({OK, "limited", "unsent"})
"""Outcomes of probes that are no failed request."""
_TELLS_NOTHING: Final[tuple[str, ...]] = Figured.model_fields["ignored"].default
"""Alerts of these severities detect nothing, as in the verdict on the figures."""
FIRING: Final = "firing"
RESOLVED: Final = "resolved"
_CLOCKS_APART_SECONDS: Final = 10.0
"""A receiver whose clock is further off is not believed; the moment of reading counts then."""


def failed(probe: Probed) -> bool:
    """Tell whether a probe is a failed request to its caller."""
    return probe.outcome not in NO_FAULT_OF_THE_PLATFORM


@dataclass(frozen=True, eq=False)
class Story:
    """One experiment; `record` is None where none was left (the runner was killed), and `trouble` says so."""

    name: str
    record: Record | None
    timeline: Timeline
    results: Sequence[Result] = ()
    experiment: Experiment | None = None
    trouble: str = ""

    @property
    def outcome(self) -> Outcome:
        """The roll-up of its verdicts; a fault that is still there is a FAIL whatever they say."""
        return Outcome.FAIL if self.not_undone else roll_up(result.counts_as for result in self.results)

    @property
    def refused(self) -> str:
        """Why nothing was injected; empty when something was."""
        return "" if self.record is None else self.record.refused

    @property
    def not_undone(self) -> tuple[str, ...]:
        """What was made and is still there, as far as is known."""
        if self.record is None:
            began, ended = self.timeline.mark(timelines.INJECTING), self.timeline.mark(timelines.UNDONE)
            return ("nobody saw the fault undone",) if began is not None and ended is None else ()
        left = [f"{done.fault} ({done.target})" for done in self.record.faults if _is_left(done.injected, done.undone)]
        return (*left, *self.record.leftovers)

    @property
    def end(self) -> float:
        """When the timeline ends."""
        return self.timeline.seen[-1].since if self.timeline.seen else 0.0

    @property
    def injecting(self) -> float | None:
        """When the first fault began to be made."""
        return self.timeline.mark(timelines.INJECTING)

    @property
    def injected(self) -> float | None:
        """When the fault was there; while it was being made where that is all that is known."""
        found = self.timeline.mark(timelines.INJECTED)
        return self.injecting if found is None else found

    @property
    def undoing(self) -> float | None:
        """When the undo began."""
        return self.timeline.mark(timelines.UNDOING)

    @property
    def undone(self) -> float | None:
        """When all undos were verified."""
        return self.timeline.mark(timelines.UNDONE)

    @property
    def settled(self) -> float | None:
        """When all was as before, and alerts had told so."""
        return self.timeline.mark(timelines.RECOVERED)

    @property
    def ended_by(self) -> str:
        """What ended it early; empty where nothing did."""
        if self.record is not None and self.record.stopped_by:
            return self.record.stopped_by
        return "; ".join(stop.condition for stop in self.timeline.of(Stop))

    @property
    def fault(self) -> str:
        """What was done, in a few words."""
        if self.record is not None and self.record.faults:
            return "; ".join(done.fault for done in self.record.faults)
        if self.experiment is not None:
            return "; ".join(fault.text for fault in self.experiment.faults)
        return next((mark.detail for mark in self.timeline.of(Mark) if mark.name == timelines.INJECTING), "")

    @cached_property
    def figures(self) -> Figures:
        """The figures of the incident, the same that its verdict tells."""
        return _worked_out(self)

    @property
    def recovered(self) -> float | None:
        """When callers were served as before, and breakers closed."""
        if self.figures.recover is None or self.undone is None:
            return None
        return self.undone + self.figures.recover

    @cached_property
    def through(self) -> tuple[str, ...]:
        """The probes that go through what is broken; all where the contract does not say."""
        names = dict.fromkeys(probe.probe for probe in self.timeline.of(Probed))
        if self.experiment is not None and self.experiment.probe in names:
            return (self.experiment.probe,)
        return tuple(names)

    @property
    def beside(self) -> tuple[str, ...]:
        """The other probes, which no fault should touch."""
        through = self.through
        return tuple(dict.fromkeys(p.probe for p in self.timeline.of(Probed) if p.probe not in through))


def _is_left(injected: float | None, undone: float | None) -> bool:
    return injected is not None and undone is None


@dataclass(frozen=True, slots=True)
class Figures:
    """What an incident is told in: seconds, requests, and what it cost."""

    detect: float | None = None
    """From the first failed request (from the fault, where callers saw nothing) to an alert that was delivered."""
    mitigate: float | None = None
    """From the same moment to the first open breaker."""
    recover: float | None = None
    """From the verified undo until callers were served as before and breakers were closed."""
    requests: int = 0
    """Probes and background load from the fault on."""
    failed: int = 0
    outage_seconds: float = 0.0
    """The longest time in which every probe of a kind failed."""
    lost_seconds: float = 0.0
    """The time of a whole outage that would have cost as much: failed share by duration."""
    budget: float | None = None
    """The part of the error budget that Prometheus saw go; above 1 where more went than there is."""


def _worked_out(story: Story) -> Figures:
    began = story.injecting
    if began is None or story.record is None:
        return Figures()
    evidence = Evidence(story.record, story.timeline, story.experiment or _stand_in(story.name))
    found = incident(evidence, ignored=_TELLS_NOTHING)
    start = began if found.effect is None else found.effect
    blocks = [block for block in story.record.traffic.failed_at if block[0] >= began]
    return Figures(
        detect=None if found.detected is None else max(0.0, found.detected - start),
        mitigate=None if found.mitigated is None else max(0.0, found.mitigated - start),
        recover=None if found.recovered is None else max(0.0, found.recovered - evidence.gone),
        requests=found.total + sum(due for _, due, _ in blocks),
        failed=found.failed + sum(bad for *_, bad in blocks),
        outage_seconds=found.outage_seconds,
        lost_seconds=(story.end - began) * _share(story, began),
        budget=_budget(story, began),
    )


def _stand_in(name: str) -> Experiment:
    """Give an experiment for one that the contract no longer has; no figure depends on what it says."""
    return Experiment(name=name, says="no longer in the contract", faults=(Fault(lever=name, kind=name),), probe=name)


def _budget(story: Story, began: float) -> float | None:
    left = [(sample.since, sample.values[BUDGET]) for sample in story.timeline.of(Watched) if BUDGET in sample.values]
    before = [value for since, value in left if since <= began]
    after = [value for since, value in left if since > began]
    return max(0.0, before[-1] - min(after)) if before and after else None


def _share(story: Story, began: float) -> float:
    """Give the share of failed requests: of the background load, which is like real traffic, where there is one."""
    assert story.record is not None  # see `_worked_out`
    blocks = [block for block in story.record.traffic.failed_at if block[0] >= began]
    due = sum(planned for _, planned, _ in blocks)
    if due:
        return sum(bad for *_, bad in blocks) / due
    probes = story.timeline.of(Probed)
    sent = [p for p in probes if p.since >= began and p.outcome in SENT and p.probe in story.through]
    return sum(map(failed, sent)) / len(sent) if sent else 0.0


def arrived(found: Notification) -> float:
    """Give when a notification arrived; by the receiver's clock, where that can be right."""
    ago = found.at - found.received
    return found.since - ago if 0 <= ago <= _CLOCKS_APART_SECONDS else found.since


# ---------------------------------------------------------------------------------------------------------------------
# Stretches of time in which something had one state


@dataclass(frozen=True, slots=True)
class Stretch:
    """Something had one state for so long."""

    state: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Lane:
    """What became of one thing over time: its stretches in order, and moments with their kind."""

    name: str
    stretches: Sequence[Stretch]
    moments: Sequence[tuple[str, float]] = field(default=())


BREAKER_STATES: Mapping[float, str] = {0.0: "closed", 1.0: "half-open", 2.0: "open"}
_LANES_MAX: Final = 16
"""More lanes than this are not readable; those with the most changes are shown."""


def breakers(story: Story) -> list[Lane]:
    """Give the states of each breaker on each replica that were not closed all the time."""
    seen: dict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)
    keys = {key for reading in story.timeline.of(Replica) for key, state in reading.breakers.items() if state}
    for reading in story.timeline.of(Replica):
        for key in sorted(keys):
            state = BREAKER_STATES.get(reading.breakers.get(key, -1.0), "unknown") if reading.up else "unknown"
            seen[key, reading.replica].append((reading.since, state))
    several = len(keys) > 1
    lanes = [
        Lane(f"{replica}: {key}" if several else replica, stretches(points, story.end))
        for (key, replica), points in sorted(seen.items())
    ]
    return _most_eventful(lanes)


def replicas(story: Story) -> list[Lane]:
    """Give when each replica answered."""
    seen: dict[str, list[tuple[float, str]]] = defaultdict(list)
    began: dict[str, float] = {}
    restarts: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for reading in story.timeline.of(Replica):
        seen[reading.replica].append((reading.since, "up" if reading.up else "down"))
        if reading.began and began.setdefault(reading.replica, reading.began) != reading.began:
            began[reading.replica] = reading.began
            restarts[reading.replica].append(("restarted", reading.since))
    return _most_eventful(
        [Lane(name, stretches(points, story.end), restarts[name]) for name, points in sorted(seen.items())]
    )


def alerts(story: Story) -> list[Lane]:
    """Give the states of each alert in Prometheus, and when it was notified; not those that fire all the time."""
    looks = [look for look in story.timeline.of(Alerts) if look.source == "prometheus"]
    states: dict[str, list[tuple[float, str]]] = defaultdict(list)
    told: dict[str, list[tuple[str, float]]] = defaultdict(list)
    names = {alert.name for look in looks for alert in look.alerts}
    names |= {found.name for found in story.timeline.of(Notification)}
    for look in looks:
        now: dict[str, str] = {}
        for alert in look.alerts:
            now[alert.name] = FIRING if FIRING in (alert.state, now.get(alert.name)) else alert.state
        for name in names:
            states[name].append((look.since, now.get(name, "")))
    for found in story.timeline.of(Notification):
        told[found.name].append(("resolved" if found.status == RESOLVED else "notified", arrived(found)))
    lanes = [
        Lane(name, [part for part in stretches(states[name], story.end) if part.state], sorted(told[name], key=_when))
        for name in sorted(names)
    ]
    first = looks[0].since if looks else 0.0
    changing = [lane for lane in lanes if lane.moments or not _is_constant(lane, first, story.end)]
    return sorted(_most_eventful(changing), key=lambda lane: (_began(lane), lane.name))


def _when(moment: tuple[str, float]) -> float:
    return moment[1]


def _began(lane: Lane) -> float:
    return min([part.start for part in lane.stretches] + [at for _, at in lane.moments], default=0.0)


def _is_constant(lane: Lane, start: float, end: float) -> bool:
    return len(lane.stretches) == 1 and lane.stretches[0].start <= start and lane.stretches[0].end >= end


def _most_eventful(lanes: list[Lane]) -> list[Lane]:
    kept = sorted(lanes, key=lambda lane: -len(lane.stretches) - len(lane.moments))[:_LANES_MAX]
    return [lane for lane in lanes if lane in kept]


def stretches(points: Sequence[tuple[float, str]], end: float) -> list[Stretch]:
    """Make stretches of one state each of readings in order of time; the last one goes on until the end."""
    found: list[Stretch] = []
    for at, state in points:
        if found and found[-1].state == state:
            continue
        if found:
            found[-1] = Stretch(found[-1].state, found[-1].start, at)
        found.append(Stretch(state, at, at))
    if found:
        found[-1] = Stretch(found[-1].state, found[-1].start, max(end, found[-1].start))
    return found
