"""What all threads that observe an experiment share: where samples go, when to end, and what broke."""

from __future__ import annotations

import contextvars
import math
import threading
import time
from typing import TYPE_CHECKING, Any

from chaos.timeline import Trouble
from selfcheck.observation import CouldNotObserve

if TYPE_CHECKING:
    from collections.abc import Callable

    from chaos.timeline import Seen, Writer

_TROUBLE_SECONDS = 1.0
"""A source says at most so often that it could not be read."""


class Desk:
    """Takes the samples of all threads until it is closed, and keeps these threads.

    Nothing is written after `ended` is set: a thread that hangs in a request outlives the observation by a little, and
    what it saw is of no time of it.
    """

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.ended = threading.Event()
        self.broken = ""
        """Why samples are missing that no target is to blame for; empty while all is well."""
        self._told: dict[str, float] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def tell(self, kind: type[Seen], *, moment: tuple[float, float] | None = None, **fields: Any) -> None:
        """Write a sample; what keeps it from being written is in `broken`."""
        if self.ended.is_set():
            return
        try:
            self.writer.add(kind, moment=moment, **fields)
        except (OSError, ValueError) as error:  # the disk is full; the file is closed
            self.fail(f"the timeline cannot be written: {error}")

    def trouble(self, source: str, text: str) -> None:
        """Write that a source could not be read, unless that was written a moment ago."""
        now = time.monotonic()
        with self._lock:
            if now - self._told.get(source, -math.inf) < _TROUBLE_SECONDS:
                return
            self._told[source] = now
        self.tell(Trouble, source=source, text=text)

    def fail(self, why: str) -> None:
        """Say why samples are missing; the first reason counts."""
        with self._lock:
            self.broken = self.broken or why

    def start(self, name: str, work: Callable[[], None]) -> None:
        """Start a thread; a defect of ours in it ends it and is in `broken`."""
        context = contextvars.copy_context()  # it names the area that requests are counted for

        def run() -> None:
            try:
                context.run(work)
            except Exception as error:  # noqa: BLE001 - a thread has nobody else to tell
                if not self.ended.is_set():
                    self.fail(f"{name}: {type(error).__name__}: {error}")

        # A daemon: what hangs in the lookup of a name must not keep the process from ending.
        thread = threading.Thread(target=run, name=f"chaos: {name}", daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def every(self, seconds: float, source: str, look: Callable[[], None], *, first: float = 0.0) -> None:
        """Look again and again, in a thread of its own; a beat that a slow look overlaps is left out.

        What the look cannot observe is a trouble of the source. `first` seconds pass before the first look.
        """

        def work() -> None:
            due = time.monotonic() + first
            while not self.ended.wait(max(0.0, due - time.monotonic())):
                try:
                    look()
                except CouldNotObserve as error:
                    self.trouble(source, error.sentence)
                due += seconds * max(1, math.ceil((time.monotonic() - due) / seconds))

        self.start(source, work)

    def join(self, seconds: float) -> None:
        """Wait for all threads, so many seconds at most."""
        until = time.monotonic() + seconds
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
