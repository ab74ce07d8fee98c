"""The timeline of an experiment: what was seen, sample by sample, appended to a JSONL file as it is seen.

Every line has `what` (the kind), `at` (wall clock, Unix seconds) and `since` (seconds since the timeline began, by the
monotonic clock: all differences of time are of these). The other keys are the fields of the kind's class below. A line
that was cut short (the runner was killed) is left out when it is read, as is a kind that is not known.
"""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

STARTED: Final = "started"
INJECTING: Final = "injecting"
INJECTED: Final = "injected"
"""All faults are made and proven by reading back."""
RESET: Final = "reset"
"""The reset of the experiment was asked for and answered, on every replica."""
UNDOING: Final = "undoing"
UNDONE: Final = "undone"
"""All undos are verified by reading back."""
RECOVERED: Final = "recovered"
ENDED: Final = "ended"


@dataclass(frozen=True, slots=True)
class Seen:
    """Base of all samples."""

    at: float
    since: float


@dataclass(frozen=True, slots=True)
class Mark(Seen):
    """A step of the experiment: one of the names above."""

    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Probed(Seen):
    """One probe; `at` and `since` are when it was due. `replica` is empty for one through the load balancer.

    `outcome`: "ok" (as promised), "failed" (a handled failure, with its code), "limited" (429), "wrong" (another
    answer), "server_error" (5xx), "timeout", "connection", or "unsent" (the runner had too much to do). `leak` is what
    an answer gives away that is not as promised.
    """

    probe: str
    outcome: str
    seconds: float
    replica: str = ""
    status: int = 0
    code: str = ""
    answered_by: str = ""
    detail: str = ""
    leak: str = ""


@dataclass(frozen=True, slots=True)
class Replica(Seen):
    """One reading of a replica's metrics page; `up` is false where it did not answer.

    `breakers` has the state (0 closed, 1 half-open, 2 open) by key, `counters` the samples that experiments
    look at (counters, and a few gauges), by `name{label="value",...}` with sorted labels. `began` is when its process
    began, `seconds` how long the answer took.
    """

    replica: str
    up: bool
    breakers: Mapping[str, float] = field(default_factory=dict)
    counters: Mapping[str, float] = field(default_factory=dict)
    began: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Page(Seen):
    """One reading of a replica's page of providers (and readiness): `ready` by provider name.

    `checks`: whether each dependency is well, by its name, as the page of readiness says it; that took `seconds`.
    """

    replica: str
    status: int
    providers: Mapping[str, bool] = field(default_factory=dict)
    ready: bool | None = None
    checks: Mapping[str, bool] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Figures(Seen):
    """The figures of `chaos.watch` that Prometheus gave, by name; one without data is left out."""

    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert at one moment, as Prometheus or Alertmanager has it; `active_at` in Unix seconds, 0 when unknown."""

    name: str
    state: str
    labels: Mapping[str, str]
    active_at: float = 0.0

    @property
    def key(self) -> str:
        """What tells it from the other alerts of the same rule."""
        return self.name + json.dumps(dict(sorted(self.labels.items())))


@dataclass(frozen=True, slots=True)
class Alerts(Seen):
    """All alerts at one moment; `source` is "prometheus" (pending, firing) or "alertmanager" (active, suppressed)."""

    source: str
    alerts: tuple[Alert, ...]


@dataclass(frozen=True, slots=True)
class Notification(Seen):
    """An alert in a notification that a receiver got; `received` in Unix seconds by the receiver's clock.

    `number` tells notifications apart; `status` is "firing" or "resolved".
    """

    number: int
    receiver: str
    status: str
    name: str
    labels: Mapping[str, str]
    received: float


@dataclass(frozen=True, slots=True)
class Load(Seen):
    """How far the background load is, as its generator says once a second: planned, finished, errors and so on."""

    progress: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trouble(Seen):
    """A source that could not be read: prometheus, alertmanager, receiver, or the name of a replica."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Stop(Seen):
    """A stop condition that came true; the experiment is broken off and undone."""

    condition: str


KINDS: Final[Mapping[str, type[Seen]]] = {
    kind.__name__.lower(): kind
    for kind in (Mark, Probed, Replica, Page, Figures, Alerts, Notification, Load, Trouble, Stop)
}
S = TypeVar("S", bound=Seen)


class Writer:
    """Appends samples to a timeline's file; threads may share it. Each line is flushed: a killed runner loses none."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = path.open("w", encoding="utf-8")
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._kept: list[Seen] = []

    def now(self) -> tuple[float, float]:
        """Give `at` and `since` of this moment."""
        return time.time(), time.monotonic() - self._began

    def add(self, kind: type[S], *, moment: tuple[float, float] | None = None, **fields: Any) -> S:
        """Append a sample, of now unless another moment is given, and give it. Raises OSError (the disk is full)."""
        at, since = moment or self.now()
        seen = kind(at=at, since=since, **fields)
        line = json.dumps({"what": kind.__name__.lower(), **dataclasses.asdict(seen)}, separators=(",", ":"))
        with self._lock:
            self._stream.write(line + "\n")
            self._stream.flush()
            self._kept.append(seen)
        return seen

    def timeline(self) -> Timeline:
        """Give what was written until now."""
        with self._lock:
            return Timeline(list(self._kept))

    def after(self, count: int) -> list[Seen]:
        """Give what was written after the first `count` samples, in the order of writing: for who looks again."""
        with self._lock:
            return self._kept[count:]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._stream.close()


class Timeline:
    """A timeline that was read, in order of time."""

    def __init__(self, seen: Iterable[Seen]) -> None:
        self.seen = tuple(sorted(seen, key=lambda sample: sample.since))

    def of(self, kind: type[S]) -> tuple[S, ...]:
        """Give the samples of a kind."""
        return tuple(sample for sample in self.seen if isinstance(sample, kind))

    def mark(self, name: str) -> float | None:
        """Give when a step was reached (seconds since the beginning), None when it never was; the first time counts."""
        return next((mark.since for mark in self.of(Mark) if mark.name == name), None)

    def wall(self, since: float) -> float:
        """Give the Unix time of a moment of the timeline, by the sample nearest to it."""
        nearest = min(self.seen, key=lambda sample: abs(sample.since - since), default=None)
        return since if nearest is None else nearest.at + (since - nearest.since)

    def probes(self, probe: str, *, start: float = 0.0, end: float = float("inf")) -> tuple[Probed, ...]:
        """Give the probes of a name that were due from `start` until before `end`."""
        return tuple(each for each in self.of(Probed) if each.probe == probe and start <= each.since < end)


def read(path: Path) -> Timeline:
    """Read a timeline; raises OSError. Lines that are no samples are left out."""
    return Timeline(_samples(path))


def _samples(path: Path) -> Iterator[Seen]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                data = json.loads(line)
                kind = KINDS[data.pop("what")]
                if kind is Alerts:
                    data["alerts"] = tuple(Alert(**each) for each in data["alerts"])
                yield kind(**data)
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
