"""What answers say, as the timeline has it: outcomes, breakers and counters, providers, notifications. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from selfcheck.answering import breach
from selfcheck.delivery import notifications
from selfcheck.exposition import PROCESS_STARTED, parse
from selfcheck.leaks import leaks
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.values import dig

if TYPE_CHECKING:
    from chaos.plan import Metrics, Probe
    from selfcheck.clients.http import Answer
    from selfcheck.contract import Act

_RATE_LIMITED = 429
_SERVER_ERROR = 500
_DETAIL_CHARACTERS_MAX = 200
_DEPTH_MAX = 10

OK = "ok"
FAILED = "failed"
LIMITED = "limited"
WRONG = "wrong"
SERVER_ERROR = "server_error"
TIMEOUT = "timeout"
CONNECTION = "connection"
UNSENT = "unsent"

_OUTCOME_OF: Mapping[Trouble, str] = {
    Trouble.TIMED_OUT: TIMEOUT,
    Trouble.DEADLINE: UNSENT,
    Trouble.BUDGET: UNSENT,
    Trouble.CREDENTIAL: UNSENT,
    Trouble.BAD_URL: UNSENT,
    Trouble.TOO_LARGE: WRONG,
    Trouble.REDIRECT_LOOP: WRONG,
    Trouble.FOREIGN_REDIRECT: WRONG,
    Trouble.BAD_ENCODING: WRONG,
}
"""What it means for a caller that no usable answer came; what is not named here is a broken connection."""


# -------------------------------------------------------------------------------------------------------------- probes


def outcome(probe: Probe, act: Act, came: Answer | CouldNotObserve, must_not_tell: Mapping[str, str]) -> dict[str, Any]:
    """Tell what a caller got, as the fields of a `Probed`; `must_not_tell` has patterns of what no error may say."""
    if isinstance(came, CouldNotObserve):
        return {"outcome": _OUTCOME_OF.get(came.trouble, CONNECTION), "detail": _cut(came.came_back)}
    wrong = breach(act, came)
    code, answered_by = _texts(came, probe.code, probe.answered_by)
    found: dict[str, Any] = {"status": came.status, "code": code, "answered_by": answered_by}
    if not wrong:
        return {"outcome": OK, **found}
    found["detail"] = _cut(came.secrets.mask(wrong))
    found["leak"] = _cut(
        "; ".join(leaks(came.secrets.mask(came.body.decode("utf-8", errors="replace")), must_not_tell))
    )
    if came.status == _RATE_LIMITED:
        return {"outcome": LIMITED, **found}
    if came.status >= _SERVER_ERROR:
        return {"outcome": SERVER_ERROR, **found}
    handled = came.status in act.expect.statuses and code
    return {"outcome": FAILED if handled else WRONG, **found}


def _texts(answer: Answer, *paths: str) -> tuple[str, ...]:
    """Give what stands at some paths of an answer; empty where that is no text, or the answer no JSON."""
    try:
        document = answer.json()
    except CouldNotObserve:
        return ("",) * len(paths)
    found = (dig(document, path) for path in paths)
    return tuple(_cut(answer.secrets.mask(each)) if isinstance(each, str) else "" for each in found)


def _cut(text: str) -> str:
    return text[:_DETAIL_CHARACTERS_MAX]


# ------------------------------------------------------------------------------------------------------------- replicas


class MetricsReader:
    """Reads the wanted samples of a metrics page and no others: a whole page many times a second costs too much."""

    def __init__(self, wanted: Metrics) -> None:
        self._gauge = wanted.breaker_gauge
        self._label = wanted.breaker_label
        self._counters = frozenset(wanted.counters)
        names = "|".join(re.escape(name) for name in (self._gauge, PROCESS_STARTED, *wanted.counters))
        self._lines = re.compile(rf"^[ \t]*(?:{names})[{{ \t][^\n]*$", re.MULTILINE)

    def read(self, text: str) -> dict[str, Any]:
        """Give breakers, counters and the beginning of the process, as the fields of a `Replica`.

        Lines that are malformed say nothing; labels are read whatever their order.
        """
        page = parse("".join(f"{line}\n" for line in self._lines.findall(text)))
        breakers = {
            key: sample.value
            for sample in page.series(self._gauge)
            if (key := sample.labels.get(self._label)) is not None
        }
        counters = {str(sample.key): sample.value for name in self._counters for sample in page.series(name)}
        return {"breakers": breakers, "counters": counters, "began": page.value(PROCESS_STARTED) or 0.0}


def providers(wanted: Metrics, document: object) -> dict[str, bool]:
    """Tell which providers are ready by the page of the providers; one that is listed twice is when both entries are.

    Entries of another form are left out.
    """
    entries = dig(document, wanted.entries)
    found: dict[str, bool] = {}
    for entry in entries if isinstance(entries, list) else ():
        name, ready = dig(entry, wanted.provider), dig(entry, wanted.entry_ready)
        if isinstance(name, str) and isinstance(ready, bool):
            found[name] = ready and found.get(name, True)
    return found


def readiness(wanted: Metrics, document: object) -> bool | None:
    """Tell whether a replica calls itself ready; None where the page does not say."""
    found = dig(document, wanted.ready)
    return found if isinstance(found, bool) else None


def checks(wanted: Metrics, document: object) -> dict[str, bool]:
    """Tell which dependencies are well by the page of readiness; entries of another form are left out."""
    entries = dig(document, wanted.checks)
    found: dict[str, bool] = {}
    for name, entry in entries.items() if isinstance(entries, Mapping) else ():
        word = dig(entry, wanted.check_status)
        if isinstance(word, str):
            found[str(name)] = word.lower() in wanted.check_well
    return found


# -------------------------------------------------------------------------------------------------------- notifications


@dataclass(frozen=True, slots=True)
class Told:
    """One alert in one notification; `number` is 0 and `received` None where the page does not say them."""

    receiver: str
    status: str
    labels: Mapping[str, str]
    number: int = 0
    received: float | None = None


def told(wanted: Metrics, document: object) -> Iterator[Told]:
    """Find all notifications on a receiver's page, with their number and time where their entries have them."""
    yield from _told(wanted, document, 0)


def _told(wanted: Metrics, value: object, depth: int) -> Iterator[Told]:
    number, received = dig(value, wanted.notification_number), dig(value, wanted.notification_received)
    if _is_number(number) and _is_number(received):
        yield from _of_entry(value, int(number), float(received))
    elif isinstance(value, Mapping) and not _is_message(value) and depth < _DEPTH_MAX:
        for inner in value.values():
            yield from _told(wanted, inner, depth + 1)
    elif isinstance(value, list) and depth < _DEPTH_MAX:
        for inner in value:
            yield from _told(wanted, inner, depth + 1)
    else:
        yield from _of_entry(value, 0, None)


def _is_message(value: Mapping[Any, Any]) -> bool:
    return isinstance(value.get("alerts"), list)


def _of_entry(value: object, number: int, received: float | None) -> Iterator[Told]:
    for each in notifications(value):
        labels = {str(name): str(label) for name, label in each.labels.items()}
        yield Told(each.receiver, each.status, labels, number, received)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Inbox:
    """Gives each notification of a page once; those that came before `began` (Unix seconds) are not ours.

    A page that does not number its notifications is taken for one that only grows: the third one that says the same is
    another one than the first two. What stood on such a page at the first look is not ours either.
    """

    def __init__(self, wanted: Metrics, began: float) -> None:
        self._wanted = wanted
        self._began = began
        self._numbers: set[int] = set()
        self._alike: Counter[tuple[Any, ...]] = Counter()
        self._looks = 0

    def new(self, document: object, now: float) -> list[Told]:
        """Give what came since the last look; `now` is when the page was read, for those without a time."""
        found: list[Told] = []
        seen: set[int] = set()
        alike: Counter[tuple[Any, ...]] = Counter()
        for each in told(self._wanted, document):
            if each.received is not None:
                seen.add(each.number)
                if each.number not in self._numbers and each.received >= self._began:
                    found.append(each)
                continue
            key = (each.receiver, each.status, *sorted(each.labels.items()))
            alike[key] += 1
            if alike[key] > self._alike[key]:
                self._alike[key] += 1
                if self._looks:
                    number = self._alike.total()
                    found.append(Told(each.receiver, each.status, each.labels, number, now))
        self._numbers |= seen
        self._looks += 1
        return found
