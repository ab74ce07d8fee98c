"""What shows under load only: the settings of the load tests that find it, and changes that depend on the rate."""

from __future__ import annotations

import itertools
import time
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.tamper import Answer

# Short enough for the tests, long enough for the checks.
SMOKE: Final[Mapping[str, str]] = {
    "SELF_CHECK_LOAD_PROFILE": "smoke",
    "SELF_CHECK_LOAD_SECONDS": "6",
    "SELF_CHECK_LOAD_RATE_FACTOR": "2",
}
BUSY: Final[Mapping[str, str]] = {**SMOKE, "SELF_CHECK_LOAD_RATE_FACTOR": "4"}
"""So busy that what others ask for meanwhile does not matter."""
PEAK: Final[Mapping[str, str]] = {"SELF_CHECK_LOAD_PROFILE": "spike", "SELF_CHECK_LOAD_SECONDS": "14"}
TAIL: Final[Mapping[str, str]] = {"SELF_CHECK_LOAD_PROFILE": "tail", "SELF_CHECK_LOAD_SECONDS": "16"}
BASELINE: Final[Mapping[str, str]] = {"SELF_CHECK_LOAD_BASELINE": "{baseline}"}
"""Stands for the record of the same load on the healthy lab."""
LIMITS: Final[Mapping[str, str]] = {"SELF_CHECK_LOAD_PROFILE": "limits", "SELF_CHECK_LOAD_SECONDS": "9"}
LONG: Final[Mapping[str, str]] = {"SELF_CHECK_LOAD_PROFILE": "soak", "SELF_CHECK_LOAD_SECONDS": "30"}
"""The profile for growth, played fast: what leaks in hours on a real platform leaks in seconds in a defect."""


def every(number: int, change: Callable[[Answer], None]) -> Callable[[Answer], None]:
    """Change one answer in so many of a replica, the others not at all."""
    turns = itertools.count(1)

    def changed(answer: Answer) -> None:
        if next(turns) % number == 0:
            change(answer)

    return changed


def above(rate: float, change: Callable[[Answer], None]) -> Callable[[Answer], None]:
    """Change answers while a replica answers more than so many requests a second."""
    last: deque[float] = deque()

    def changed(answer: Answer) -> None:
        now = time.monotonic()
        last.append(now)
        while last and now - last[0] > 1.0:
            last.popleft()
        if len(last) > rate:
            change(answer)

    return changed


def delayed(seconds: float) -> Callable[[Answer], None]:
    """Hold an answer back."""

    def changed(answer: Answer) -> None:
        answer.delay_seconds = seconds

    return changed


def unavailable(answer: Answer) -> None:
    """Answer at once that there is no service."""
    answer.status, answer.text = 503, "overloaded"


def stall(seconds: float) -> None:
    """Stop everything that the process does for so long."""
    time.sleep(seconds)  # blocks the event loop on purpose: that is the defect
