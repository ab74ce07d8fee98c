"""Waking a greenlet at a moment, exact to some tens of microseconds and without burning the processor.

gevent's own timers go through `epoll_wait`, which counts in milliseconds: a request that is due in 1.2 ms would start
0.8 ms late, which is 4 % of a latency of 20 ms. Linux has timers that are file handles (timerfd), and these wake the
loop when they are due.
"""

from __future__ import annotations

import ctypes
import os
import time
from typing import TYPE_CHECKING

import gevent

if TYPE_CHECKING:
    from collections.abc import Callable

_CLOCK_MONOTONIC = 1
_NONBLOCK_AND_CLOSE_ON_EXEC = os.O_NONBLOCK | os.O_CLOEXEC
_ABSOLUTE = 1
_READABLE = 1
_NANOSECONDS = 1_000_000_000


class _When(ctypes.Structure):
    """`struct itimerspec`: how often, and when first."""

    _fields_ = (
        ("every_seconds", ctypes.c_long),
        ("every_nanoseconds", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("nanoseconds", ctypes.c_long),
    )


class Alarm:
    """Lets one greenlet sleep until a moment of the monotonic clock, or until another one rings."""

    def __init__(self) -> None:
        self._hub = gevent.get_hub()
        self._handle, self._set = _timer()
        self._when = _When()
        self._rung = gevent.event.Event()
        self._watcher = None if self._handle is None else self._hub.loop.io(self._handle, _READABLE)

    def sleep_until(self, moment: float) -> None:
        """Return at the moment (seconds of `time.monotonic`), at once if it is over or after `ring`."""
        left = moment - time.monotonic()
        if left <= 0 or self._rung.is_set():
            return
        if self._watcher is None:
            self._rung.wait(left)
            return
        self._arm(moment)
        self._hub.wait(self._watcher)

    def ring(self) -> None:
        """Wake the sleeper now, and let it sleep no more."""
        self._rung.set()
        if self._watcher is not None:
            self._arm(time.monotonic())

    def close(self) -> None:
        """Give the file handle back; nobody may be asleep."""
        if self._watcher is not None and self._handle is not None:
            self._watcher.close()
            os.close(self._handle)
            self._watcher = self._handle = None

    def _arm(self, moment: float) -> None:
        # Setting it anew also takes back an expiry that nobody has read; 0 would switch it off.
        self._when.seconds, self._when.nanoseconds = divmod(max(1, int(moment * _NANOSECONDS)), _NANOSECONDS)
        self._set(self._handle, _ABSOLUTE, ctypes.byref(self._when), None)


def _timer() -> tuple[int | None, Callable[..., int]]:
    """Make a timer that is a file handle, where the system has them, and the function that sets it."""
    system = ctypes.CDLL(None, use_errno=True)
    if not hasattr(system, "timerfd_create"):  # not Linux
        return None, max
    handle = system.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_AND_CLOSE_ON_EXEC)
    return (None if handle < 0 else handle), system.timerfd_settime
