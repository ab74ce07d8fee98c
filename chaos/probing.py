"""Probes: requests at fixed times, whatever the answers, that show what callers get.

One thread says when each is due; others send them, and are never more than a probe can have under way at its rate until
its time limit. A request that finds all of them busy is not delayed: it is told as unsent.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from chaos import reading
from chaos.timeline import Probed
from selfcheck.clients.platform import Sending

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chaos.plan import Probe
    from chaos.watching import Desk
    from selfcheck.clients.http import Http
    from selfcheck.contract import Act
    from selfcheck.target import Target

_CREW_MAX = 256
_SPARE = 4
_LATE_SECONDS_MAX = 1.0
"""A request that this process comes so late for (it was stopped, or starved) is told as unsent, not sent in a burst."""


class Crew:
    """Threads that do jobs at once; a job for which none is free is refused."""

    def __init__(self, desk: Desk, name: str, most: int) -> None:
        self._desk = desk
        self._name = name
        self._most = most
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._size = 0
        self._busy = 0

    def take(self, job: Callable[[], None]) -> bool:
        """Do a job at once, in another thread; False where all are busy."""
        with self._lock:
            if self._busy >= self._most:
                return False
            self._busy += 1
            grows = self._busy > self._size
            self._size += grows
        self._jobs.put(job)
        if grows:
            self._desk.start(f"{self._name} {self._size}", self._work)
        return True

    def dismiss(self) -> None:
        """Let all end when they have done their jobs."""
        for _ in range(self._size):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None and not self._desk.ended.is_set():
            try:
                job()
            finally:
                with self._lock:
                    self._busy -= 1


@dataclass(frozen=True, slots=True)
class Line:
    """One probe as this run sends it: to whom, by name (the load balancer's is empty), and filled with what."""

    probe: Probe
    act: Act
    addresses: Sequence[tuple[str, str | None]]
    values: Mapping[str, Any]
    must_not_tell: Mapping[str, str]

    @property
    def under_way_max(self) -> int:
        """How many can be under way at once, if each takes all the time that it has."""
        rate = self.probe.rate_per_second * len(self.addresses)
        return min(_CREW_MAX, math.ceil(rate * self.probe.timeout_seconds) + _SPARE)


class Prober:
    """Sends one probe."""

    def __init__(self, target: Target, desk: Desk, line: Line, http: Http) -> None:
        self._target = target
        self._desk = desk
        self._line = line
        self._http = http
        self._crew = Crew(desk, f"probe {line.probe.name}", line.under_way_max)
        self.sent = 0
        """So many requests were sent."""

    def start(self) -> None:
        """Begin."""
        self._desk.start(f"probe {self._line.probe.name}", self._walk)

    def end(self) -> None:
        """Let the threads end; what is under way is not waited for."""
        self._crew.dismiss()

    def _walk(self) -> None:
        line = self._line
        began, number = time.monotonic(), 0
        step = 1.0 / (line.probe.rate_per_second * len(line.addresses))
        while True:
            due = began + number * step
            if self._desk.ended.wait(max(0.0, due - time.monotonic())):
                return
            self._take_up(due, *line.addresses[number % len(line.addresses)])
            number += 1

    def _take_up(self, due: float, replica: str, base: str | None) -> None:
        at, since = self._desk.writer.now()
        late = time.monotonic() - due
        moment = (at - late, since - late)
        why = ""
        if late > _LATE_SECONDS_MAX:
            why = f"this runner came {late:.1f} s late"
        elif not self._crew.take(lambda: self._ask(due, moment, replica, base)):
            why = f"{self._line.under_way_max} of this probe are under way"
        if not why:
            self.sent += 1
        else:
            self._tell(moment, replica, late, outcome=reading.UNSENT, detail=why)

    def _ask(self, due: float, moment: tuple[float, float], replica: str, base: str | None) -> None:
        line = self._line
        sending = Sending(line.act, line.values, base=base, waits=False)
        request = replace(self._target.platform.request(sending), timeout_seconds=line.probe.timeout_seconds)
        (came,) = self._http.ask_all([request])
        seconds = time.monotonic() - due
        self._tell(moment, replica, seconds, **reading.outcome(line.probe, line.act, came, line.must_not_tell))

    def _tell(self, moment: tuple[float, float], replica: str, seconds: float, **fields: Any) -> None:
        self._desk.tell(
            Probed, moment=moment, probe=self._line.probe.name, replica=replica, seconds=round(seconds, 6), **fields
        )
