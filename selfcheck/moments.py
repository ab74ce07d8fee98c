"""Time intervals as Alertmanager has them: whether one holds at all times, or never. Pure.

A part of an interval holds where all of its limits do, an interval where one of its parts does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_WEEKDAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS: Final = (
    *("", "january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_DAYS_IN_MONTH: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAY_MINUTES: Final = 24 * 60
_WORKING_DAYS: Final = range(1, 6)
_NOON: Final = 12 * 60
_NIGHT: Final = 3 * 60
_LEFT_OUT_MINUTES: Final = 1
"""What people leave out of a day: Alertmanager takes `24:00`, and `23:59` is what most write."""


def is_always(parts: Iterable[Mapping[str, Any] | None]) -> bool:
    """Tell whether an interval holds at each moment, but for a minute of the day. Limits to years are limits."""
    known = [part or {} for part in parts]
    whole = [part for part in known if not part.get("years") and _every_day(part)]
    return all(
        _covered_minutes([part for part in whole if month in _months(part) and weekday in _weekdays(part)])
        >= _DAY_MINUTES - _LEFT_OUT_MINUTES
        for month in range(1, 13)
        for weekday in range(7)
    )


def is_never(parts: Iterable[Mapping[str, Any] | None], year: int | None = None) -> bool:
    """Tell whether an interval holds at no moment from a `year` on; without one, years are not looked at.

    It has no parts then, or days that none of its months has, or years that are over.
    """
    known = [part or {} for part in parts]
    return all(
        _is_over(part, year)
        or not any(day <= _DAYS_IN_MONTH[month - 1] for month in _months(part) for day in _days(part))
        for part in known
    )


def _is_over(part: Mapping[str, Any], year: int | None) -> bool:
    last = [int(str(each).rpartition(":")[2]) for each in part.get("years") or ()]
    return year is not None and bool(last) and max(last) < year


def by_day_only(parts: Iterable[Mapping[str, Any] | None]) -> bool:
    """Tell whether an interval holds at noon of every working day, and at three at night of none."""
    known = [part or {} for part in parts]
    return all(_holds(known, day, _NOON) and not _holds(known, day, _NIGHT) for day in _WORKING_DAYS)


def by_night_only(parts: Iterable[Mapping[str, Any] | None]) -> bool:
    """Tell the opposite: it holds at three at night of every working day, and at noon of none."""
    known = [part or {} for part in parts]
    return all(_holds(known, day, _NIGHT) and not _holds(known, day, _NOON) for day in _WORKING_DAYS)


def says_where(parts: Iterable[Mapping[str, Any] | None]) -> bool:
    """Tell whether the clock of each part is that of a place: without one it is UTC, whose noon may be night here."""
    return all((part or {}).get("location") for part in parts)


def _holds(parts: Iterable[Mapping[str, Any]], weekday: int, minute: int) -> bool:
    """Tell whether a part holds then, the whole year."""
    return any(
        weekday in _weekdays(part)
        and not (part.get("years") or part.get("months") or part.get("days_of_month"))
        and any(start <= minute < end for start, end in _times(part))
        for part in parts
    )


def _covered_minutes(parts: Sequence[Mapping[str, Any]]) -> int:
    spans = sorted(span for part in parts for span in _times(part))
    covered, until = 0, 0
    for start, end in spans:
        covered += max(0, end - max(start, until))
        until = max(until, end)
    return covered


def _times(part: Mapping[str, Any]) -> list[tuple[int, int]]:
    times = part.get("times")
    if not times:
        return [(0, _DAY_MINUTES)]
    return [(_minutes(each["start_time"]), _minutes(each["end_time"])) for each in times]


def _minutes(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)


def _weekdays(part: Mapping[str, Any]) -> frozenset[int]:
    return _numbers(part.get("weekdays"), _WEEKDAYS, 0, 6)


def _months(part: Mapping[str, Any]) -> frozenset[int]:
    return _numbers(part.get("months"), _MONTHS, 1, 12)


def _days(part: Mapping[str, Any]) -> frozenset[int]:
    """Give the days of the month; one that is counted from its end (negative) is in every month."""
    return _numbers(part.get("days_of_month"), (), 1, 31)


def _every_day(part: Mapping[str, Any]) -> bool:
    listed = part.get("days_of_month")
    return not listed or any(str(each) in ("1:31", "1:-1") for each in listed)


def _numbers(listed: Iterable[Any] | None, names: Sequence[str], least: int, most: int) -> frozenset[int]:
    """Read single numbers or names and ranges of them; nothing listed is everything."""
    if not listed:
        return frozenset(range(least, most + 1))
    found: set[int] = set()
    for each in listed:
        first, _, last = str(each).lower().partition(":")
        start, end = _number(first, names), _number(last or first, names)
        found |= set(range(start, (most if end < 0 < start else end) + 1))
    return frozenset(found)


def _number(text: str, names: Sequence[str]) -> int:
    return names.index(text) if text in names else int(text)
