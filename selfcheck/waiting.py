"""Time limits: the deadline of a run, and the only poll loop of the project.

Whoever waits for something does it with `wait_until`: it always ends, and when it gives up it says what it
waited for, how long, and what the last attempt said.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock after which nothing more may be started.

    `seconds` counts from `started_at` (monotonic seconds, by default now); `math.inf` means no limit.
    Raises `ValueError` for a negative or not-a-number `seconds`.
    """

    seconds: float
    started_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        if math.isnan(self.seconds) or self.seconds < 0:
            message = f"a deadline needs a number of seconds that is not negative, not {self.seconds!r}"
            raise ValueError(message)

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since the deadline started to run."""
        return time.monotonic() - self.started_at

    @property
    def left_seconds(self) -> float:
        """Seconds that are left; never negative."""
        return max(0.0, self.seconds - self.elapsed_seconds)

    @property
    def expired(self) -> bool:
        """Whether no time is left."""
        return self.left_seconds <= 0


class NotYet(Exception):  # noqa: N818 - not an error: a probe's way to say what is still missing
    """Raised by a probe to say, in a few words, why what it waits for is not there yet."""


class GaveUp(Exception):  # noqa: N818 - reads as the sentence it is: "gave up waiting for ..."
    """What was awaited did not come in time.

    `what` was awaited for `waited_seconds`; `last_error` is what the last failing attempt raised, None when
    attempts merely said "not yet".
    """

    def __init__(self, what: str, waited_seconds: float, last_error: Exception | None) -> None:
        super().__init__(what, waited_seconds, last_error)
        self.what = what
        self.waited_seconds = waited_seconds
        self.last_error = last_error

    def __str__(self) -> str:
        """One sentence: what, how long, and what the last attempt said."""
        end = _last_words(self.last_error)
        return f"gave up waiting for {self.what} after {self.waited_seconds:.1f} s; {end}"


def _last_words(error: Exception | None) -> str:
    if error is None:
        return "the last attempt answered: not yet"
    if isinstance(error, NotYet):
        return f"at the end: {error}"
    return f"the last attempt failed: {type(error).__name__}: {error}"


def wait_until(probe: Callable[[], T | None], *, timeout_seconds: float, what: str, interval_seconds: float = 0.1) -> T:
    """Call `probe` until it returns something else than None or False, and return that.

    `what` completes the sentence "gave up waiting for ...". The probe runs at least once, and a last time
    when the time is over, so a timeout of 0 is one look. What it raises counts as "not yet" and is kept as
    the reason in case of giving up (`NotYet` gives a reason without looking like an error); Ctrl-C and other
    exits pass through. A probe that blocks is not interrupted: it must bring its own timeout.

    Raises `GaveUp` after `timeout_seconds`.
    """
    deadline = Deadline(timeout_seconds)
    last_error: Exception | None = None
    while True:
        last_look = deadline.expired
        try:
            answer = probe()
        except Exception as error:  # noqa: BLE001 - any failure may pass while we wait; the last one is reported
            last_error = error
        else:
            if answer is not None and answer is not False:
                return answer
            last_error = None
        if last_look:
            raise GaveUp(what, deadline.elapsed_seconds, last_error) from last_error
        # Never past the deadline, so that the last look happens right when the time is over.
        time.sleep(min(interval_seconds, deadline.left_seconds))


def pause(seconds: float) -> None:
    """Let time pass where nothing is to be asked meanwhile: until a rate limit is over, or in a control window."""
    time.sleep(seconds)
