"""Reading the JSON of monitoring services: moments, durations, and answers that are not as promised."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from selfcheck.observation import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selfcheck.clients.http import Answer

_SECONDS_OF = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}
_DURATION = re.compile(r"([0-9]+)(ms|[smhdwy])")


@contextmanager
def understood(answer: Answer, service: str) -> Iterator[None]:
    """Turn what goes wrong while the answer is taken apart into `CouldNotObserve` (UNEXPECTED_ANSWER)."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        problem = f"its content has not the form of the API of {service} ({type(error).__name__}: {error})"
        raise answer.unusable(Trouble.UNEXPECTED_ANSWER, problem) from None


def moment(text: str) -> float:
    """Unix seconds of an RFC 3339 time, up to nanoseconds; 0 for Go's zero time, which means never."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"the time {text!r} has no zone")
    return max(0.0, time.timestamp())


def duration_seconds(text: str) -> float:
    """Seconds of a duration as Prometheus writes it ("1m30s", "500ms", "0s")."""
    if not text or _DURATION.sub("", text):
        raise ValueError(f"{text!r} is no duration")
    return float(sum(int(number) * _SECONDS_OF[unit] for number, unit in _DURATION.findall(text)))


def text(found: Any) -> str:
    """The value, which must be text; raises `TypeError`."""
    if not isinstance(found, str):
        raise TypeError(f"{found!r:.40} is no text")
    return found
