"""Durations divided by the lab's time scale: in PromQL, and in the YAML of Prometheus, its rules and Alertmanager.

Rules and thresholds are written once, with production timings. The lab loads a copy in which an hour is a minute (scale
60), so that the same expressions fire within seconds. Only durations change: numbers, thresholds and labels do not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

_UNIT_MILLISECONDS: Final = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
_DURATION: Final = re.compile(r"(?:\d+(?:ms|y|w|d|h|m|s))+")
_DURATION_PART: Final = re.compile(r"(\d+)(ms|y|w|d|h|m|s)")

# In the order in which they are tried. Names come before numbers and durations so that `rate5m` or `job:x:5m` stay
# whole, and durations before numbers so that `5m` is not the number 5.
_TOKEN: Final = re.compile(
    r"""
      (?P<comment>\#[^\n]*)
    | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
    | (?P<name>[A-Za-z_][A-Za-z0-9_:]*)
    | (?P<duration>(?:\d+(?:ms|y|w|d|h|m|s))+(?![A-Za-z0-9_]))
    | (?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<space>\s+)
    | (?P<other>.)
    """,
    re.VERBOSE,
)

_INTERVAL_KEYS: Final = frozenset({"scrape_interval", "scrape_timeout", "evaluation_interval", "interval"})
_WAIT_KEYS: Final = frozenset(
    {"for", "keep_firing_for", "group_wait", "group_interval", "repeat_interval", "resolve_timeout"}
)


class BadDurationError(ValueError):
    """A text is not a duration as Prometheus writes them (`30s`, `1h30m`)."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How production durations become the lab's.

    `factor` divides every duration. `interval_seconds_min` is the floor of scrape and evaluation intervals,
    `window_seconds_min` the floor of range windows (a rate needs samples, and light traffic must not look like none),
    `window_seconds_max` their cap (a lab is minutes old and must forget a defect).
    """

    factor: float = 60.0
    interval_seconds_min: float = 1.0
    window_seconds_min: float = 5.0
    window_seconds_max: float = 60.0

    def __post_init__(self) -> None:
        if self.factor < 1:
            message = f"a time scale below 1 would make the lab slower than production: {self.factor}"
            raise ValueError(message)
        if not 0 < self.window_seconds_min <= self.window_seconds_max:
            message = f"windows from {self.window_seconds_min} s to {self.window_seconds_max} s are no range"
            raise ValueError(message)

    @classmethod
    def capped(cls, factor: float, window_seconds_max: float) -> Scale:
        """Give the scale of a lab whose rules forget within `window_seconds_max`; the floors give way to a low cap.

        What has shorter windows is scraped and evaluated more often: as often in a window as by default.
        """
        usual = cls(factor)
        window_seconds_min = min(usual.window_seconds_min, window_seconds_max)
        interval_seconds_min = usual.interval_seconds_min * window_seconds_min / usual.window_seconds_min
        return cls(factor, interval_seconds_min, window_seconds_min, window_seconds_max)

    def plain(self, duration: str) -> str:
        """Scale a duration that has neither floor nor cap (`for`, `offset`, waits of Alertmanager)."""
        return written(seconds(duration) / self.factor)

    def interval(self, duration: str) -> str:
        """Scale a scrape or evaluation interval."""
        return written(max(seconds(duration) / self.factor, self.interval_seconds_min))

    def window(self, duration: str) -> str:
        """Scale a range window."""
        scaled = max(seconds(duration) / self.factor, self.window_seconds_min)
        return written(min(scaled, self.window_seconds_max))


def seconds(duration: str) -> float:
    """Read a duration such as `1h30m`; raises BadDurationError."""
    if duration == "0":
        return 0.0
    if not _DURATION.fullmatch(duration):
        message = f"{duration!r} is not a duration (such as 30s or 1h30m)"
        raise BadDurationError(message)
    return sum(int(count) * _UNIT_MILLISECONDS[unit] for count, unit in _DURATION_PART.findall(duration)) / 1000


def written(duration_seconds: float) -> str:
    """Write a duration in whole milliseconds, at least 1 ms unless it is zero."""
    milliseconds = round(duration_seconds * 1000)
    if milliseconds == 0:
        return "0s" if duration_seconds == 0 else "1ms"
    whole_seconds, rest = divmod(milliseconds, 1000)
    return f"{whole_seconds}s" * bool(whole_seconds) + f"{rest}ms" * bool(rest)


def scaled_promql(expression: str, scale: Scale) -> str:
    """Scale the durations of a PromQL expression; everything else, comments included, stays as it is.

    In brackets the first duration is a range window, a second one (after a colon) a subquery's step, which is an
    interval. Outside of brackets a duration is an offset. A `1h` in a string, a comment or a name is none.
    """
    parts: list[str] = []
    in_brackets = False
    after_colon = False
    for token in _TOKEN.finditer(expression):
        text = token.group()
        if token.lastgroup == "other":
            if text in "[]":
                in_brackets, after_colon = text == "[", False
            elif text == ":" and in_brackets:
                after_colon = True
        elif token.lastgroup == "duration":
            text = scale.plain(text) if not in_brackets else scale.interval(text) if after_colon else scale.window(text)
        parts.append(text)
    return "".join(parts)


def scaled_yaml(document: Any, scale: Scale) -> Any:
    """Scale the durations of a parsed configuration of Prometheus or Alertmanager, or of a rule file.

    Goes by key: intervals, waits, and `expr` as PromQL. Gives a new document; the given one is not changed.
    """
    if isinstance(document, list):
        return [scaled_yaml(item, scale) for item in document]
    if not isinstance(document, dict):
        return document
    return {key: _scaled_value(key, value, scale) for key, value in document.items()}


def _scaled_value(key: Any, value: Any, scale: Scale) -> Any:
    if isinstance(value, str):
        if key in _INTERVAL_KEYS:
            return scale.interval(value)
        if key in _WAIT_KEYS:
            return scale.plain(value)
        if key == "expr":
            return scaled_promql(value, scale)
    return scaled_yaml(value, scale)
