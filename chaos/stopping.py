"""The stop conditions of an experiment, watched from its first second: when one comes true, all is undone.

The conditions are worked out by `Conditions`, which is pure but for the clock that it is told; `Watchdog` is the thread
that feeds it from the timeline.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Self

from chaos import plan, reading
from chaos.record import FOLDER
from chaos.timeline import Load, Probed, Stop
from selfcheck.components import own_kubernetes
from selfcheck.contract import Component
from selfcheck.observation import CouldNotObserve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import TracebackType

    from chaos.plan import Experiment, Stops
    from chaos.timeline import Seen, Writer
    from selfcheck.target import Target

LOOK_SECONDS = 0.2
_GAP_SECONDS_MAX = 1.0
_END_SECONDS = 3.0
_CLUSTER_SECONDS = 1.0
_NEUTRAL = frozenset({reading.LIMITED, reading.UNSENT})
"""Outcomes that say nothing of what users get: the runner's own limits."""


class Conditions:
    """Tells from samples, in the order in which they were written, whether an experiment must be broken off.

    Silence is counted in the time in which this was really looked for: a runner that was stopped for a minute has heard
    nothing for a minute, and that is no outage of the target.
    """

    def __init__(self, stops: Stops, experiment: Experiment, *, loaded: bool) -> None:
        self._stops = stops
        self._experiment = experiment
        self._loaded = loaded
        self._visible = frozenset(stops.visible or experiment.controls)
        self._recent: defaultdict[str, deque[tuple[float, bool]]] = defaultdict(deque)
        self._failures: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._last: dict[tuple[str, str], Probed] = {}
        self._probe_silence: defaultdict[str, float] = defaultdict(float)
        self._load_silence = 0.0
        self._load_seen = False
        self._looked: float | None = None

    def look(self, since: float, samples: Iterable[Seen]) -> str:
        """Take the samples that came since the last look, at a moment of the timeline; says what must stop all."""
        passed = 0.0 if self._looked is None else min(since - self._looked, _GAP_SECONDS_MAX)
        self._looked = since
        self._load_silence += passed
        for name in self._probe_silence:
            self._probe_silence[name] += passed
        for sample in samples:
            if isinstance(sample, Probed):
                self._take(sample)
            elif isinstance(sample, Load):
                self._load_seen, self._load_silence = True, 0.0
        on_callers = (self._floor(since) or self._silent() or self._in_a_row()) if self._experiment.aborts else ""
        return on_callers or self._heartbeat()

    def _take(self, sample: Probed) -> None:
        self._probe_silence[sample.probe] = 0.0
        if sample.outcome in _NEUTRAL:
            return
        ok = sample.outcome == reading.OK
        key = (sample.probe, sample.replica)
        self._failures[key] = 0 if ok else self._failures[key] + 1
        self._last[key] = sample
        if sample.probe in self._experiment.controls:
            self._recent[sample.probe].append((sample.since, ok))

    def _floor(self, since: float) -> str:
        stops = self._stops
        for name, recent in self._recent.items():
            while recent and recent[0][0] < since - stops.window_seconds:
                recent.popleft()
            well = sum(ok for _, ok in recent)
            if len(recent) >= stops.requests_min and well < stops.ok_share_min * len(recent):
                return (
                    f"{well} of {len(recent)} requests of the control {name} were answered as promised in"
                    f" {stops.window_seconds:g} s; at least {stops.ok_share_min * 100:g} % must be"
                )
        return ""

    def _silent(self) -> str:
        for name, seconds in self._probe_silence.items():
            if name in self._experiment.controls and seconds > self._stops.window_seconds:
                return f"no request of the control {name} came to its end for {seconds:.0f} s"
        return ""

    def _in_a_row(self) -> str:
        for (name, replica), number in self._failures.items():
            if name in self._visible and number >= self._stops.failures_in_a_row_max:
                last = self._last[name, replica]
                where = f" at {replica}" if replica else ""
                return f"{number} requests of {name}{where} failed in a row, the last one: {_shown(last)}"
        return ""

    def _heartbeat(self) -> str:
        if not self._loaded:
            return ""
        most = self._stops.heartbeat_seconds_max if self._load_seen else self._stops.start_seconds_max
        if self._load_silence <= most:
            return ""
        return f"nothing was heard of the background load for {self._load_silence:.0f} s"


def _shown(sample: Probed) -> str:
    return " ".join(filter(None, (sample.outcome.replace("_", " "), sample.code, sample.detail)))


def switch_of(target: Target) -> Path:
    """Give the file that stops every experiment while it is there."""
    return target.scope.settings.output / FOLDER / plan.stops(target.contract).switch


def _cluster_switch(target: Target) -> Callable[[], str] | None:
    """Give what asks the switch in the cluster, and says what it says; None where there is none."""
    stops = plan.stops(target.contract)
    if not stops.config_map or not target.scope.covers(Component.KUBERNETES):
        return None
    namespace, _, name = stops.config_map.partition("/")
    client = own_kubernetes(target)

    def ask() -> str:
        data = client.config_map(namespace, name) or {}
        stopped = data.get(stops.config_map_key, "").strip().lower() == "true"
        return f"the stop switch in the ConfigMap {stops.config_map} is set" if stopped else ""

    return ask


class Watchdog:
    """Looks for stop conditions in a thread of its own, from the beginning of a `with` block to its end.

    `loaded` says whether there is to be background load; `also` are further conditions, each of which says why all must
    stop, or nothing. The first condition that comes true is in `reason`, `stopped` is set, and the timeline has it.
    Raises ContractError.
    """

    def __init__(
        self,
        target: Target,
        experiment: Experiment,
        writer: Writer,
        *,
        loaded: bool = False,
        also: Iterable[Callable[[], str]] = (),
    ) -> None:
        self.reason = ""
        self.stopped = threading.Event()
        self._switch = switch_of(target)
        self._conditions = Conditions(plan.stops(target.contract), experiment, loaded=loaded)
        self._writer = writer
        self._also = tuple(also)
        self._cluster = _cluster_switch(target)
        self._cluster_reason = ""
        self._cluster_thread = threading.Thread(
            target=self._watch_cluster, name="chaos: switch in the cluster", daemon=True
        )
        self._ended = threading.Event()
        self._taken = 0
        self._thread = threading.Thread(target=self._work, name="chaos: watchdog", daemon=True)

    def __enter__(self) -> Self:
        """Look once at once, and go on in the thread.

        A switch in the cluster that cannot be read stops all from the beginning; later it may be out of reach for a
        while, as the file is there, too.
        """
        if self._cluster is not None:
            try:
                self._cluster_reason = self._cluster()
            except CouldNotObserve as error:
                self._cluster_reason = f"the stop switch in the cluster cannot be read: {error.sentence}"
            self._cluster_thread.start()
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the threads; a question to the cluster that hangs ends by its own time limit."""
        self._ended.set()
        self._thread.join(_END_SECONDS)
        if self._cluster is not None:
            self._cluster_thread.join(_END_SECONDS)

    def wait(self, seconds: float) -> bool:
        """Wait for so long, or until a condition comes true; tells whether one has."""
        return self.stopped.wait(seconds)

    def _work(self) -> None:
        due = time.monotonic()
        while not self.stopped.is_set() and not self._ended.wait(max(0.0, due - time.monotonic())):
            self._look()
            due = max(due + LOOK_SECONDS, time.monotonic())

    def _watch_cluster(self) -> None:
        while self._cluster is not None and not self._ended.wait(_CLUSTER_SECONDS):
            with contextlib.suppress(CouldNotObserve):
                self._cluster_reason = self._cluster() or self._cluster_reason

    def _look(self) -> None:
        try:
            reason = self._found()
        except Exception as error:  # noqa: BLE001 - whoever watches no more must not be taken for one who sees nothing
            reason = f"the stop conditions cannot be watched: {type(error).__name__}: {error}"
        if reason:
            self._stop(reason)

    def _found(self) -> str:
        if self._switch.exists():
            return f"the stop switch {self._switch} is there; remove it to go on"
        if self._cluster_reason:
            return self._cluster_reason
        samples = self._writer.after(self._taken)
        self._taken += len(samples)
        found = self._conditions.look(self._writer.now()[1], samples)
        return found or next((why for each in self._also if (why := each())), "")

    def _stop(self, reason: str) -> None:
        self.reason = reason
        with contextlib.suppress(OSError, ValueError):  # the record has it as well
            self._writer.add(Stop, condition=reason)
        self.stopped.set()
