"""Health and readiness pages: what they contain, whether it fits together, and is true now and everywhere."""

from __future__ import annotations

import datetime as dt
import fnmatch
import operator
import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from selfcheck.checking import check
from selfcheck.contract import Model, Promise, RouteName
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.secrets import Secrets as Registry
from selfcheck.values import Domain, Missing, curl, differences, dig, find, json_type, leaves, same, shown, some
from selfcheck.verdict import Outcome, Verdict, combine, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from selfcheck.clients.http import Answer
    from selfcheck.target import Page, Target

_HTTP_OK = 200
_PAGE_BYTES_MAX = 1_000_000
_HTTP_UNAVAILABLE = 503


def _where(page: Page) -> str:
    return f"{page.answer.asked}{f' (replica {page.who})' if page.who else ''}"


def _curl(page: Page) -> str:
    return curl(page.answer.url)


def _sized(page: Page) -> Answer:
    """Give the answer; raises CouldNotObserve for one that no monitor could read every few seconds."""
    if len(page.answer.body) > _PAGE_BYTES_MAX:
        problem = f"it is too large for a page that monitors read (at most {_PAGE_BYTES_MAX:,} bytes)"
        raise page.answer.unusable(Trouble.TOO_LARGE, problem)
    return page.answer


def _body(page: Page, *, allow_nan: bool = True) -> Any:
    """Read the answer as JSON; raises CouldNotObserve."""
    return _sized(page).json(allow_nan=allow_nan)


def _on_every(pages: Iterable[Page], judge: Callable[[Page], Verdict]) -> Verdict:
    """Judge each answer of a page and combine; raises CouldNotObserve where one cannot be read and no other is broken.

    That every answer can be read is a promise of its own, so it is not held against each entry of the page.
    """
    verdicts: list[Verdict] = []
    unread: list[CouldNotObserve] = []
    for page in pages:
        try:
            verdicts.append(judge(page))
        except CouldNotObserve as error:
            unread.append(error)
    if unread and not any(verdict.outcome is Outcome.FAIL for verdict in verdicts):
        raise unread[0]
    return combine(verdicts)


# -------------------------------------------------------------------------------------------------------------- answers


class Answers(Promise):
    """A page answers 200 with JSON."""

    page: RouteName


def judge_answers(pages: Sequence[Page], troubles: Sequence[CouldNotObserve] = ()) -> Verdict:
    """Every answer is HTTP 200, of type application/json, and a JSON object; there is no ask without an answer."""
    if troubles:
        total = len(pages) + len(troubles)
        observed = f"{len(troubles)} of {total} asks got no answer: {troubles[0].came_back}"
        return failed("an answer every time", observed, where=troubles[0].asked)

    def one(page: Page) -> Verdict:
        expected, answer = "HTTP 200 with a JSON object", page.answer
        if answer.status != _HTTP_OK:
            start = answer.body[:80].decode("utf-8", errors="replace")
            observed = f"HTTP {answer.status} {shown(start, 90)}"
        elif answer.content_type != "application/json":
            observed = f"content type {answer.content_type or 'missing'}"
        else:
            try:
                body = _body(page, allow_nan=False)
            except CouldNotObserve as error:
                body, observed = None, error.came_back
            else:
                observed = f"JSON {json_type(body)}"
            if isinstance(body, Mapping):
                return passed(f"{len(pages)} answers", where=_where(page))
        return failed(expected, observed, where=_where(page), reproduce=_curl(page))

    return combine(map(one, pages))


@check("health.answers", Answers)
def test_answers(promise: Answers, target: Target) -> Verdict:
    """The page answers 200 with JSON each time."""
    troubles = target.page_troubles(promise.page)
    return judge_answers(target.pages(promise.page) if not troubles else (), troubles)


# --------------------------------------------------------------------------------------------------------------- fields


class Condition(Model):
    """A value elsewhere on the page."""

    path: str
    equals: str | bool | int | float


class FieldOf(Promise, Domain):
    """One entry of a page, and what it must be."""

    page: RouteName
    path: str
    unless: Condition | None = Field(None, description="The promise is not made where this holds.")


def judge_field(promise: FieldOf, pages: Sequence[Page]) -> Verdict:
    """The entry is there, and inside its domain, in every answer."""

    def one(page: Page) -> Verdict:
        body = _body(page)
        if promise.unless is not None and same(dig(body, promise.unless.path), promise.unless.equals):
            return not_covered(f"{promise.unless.path} is {shown(promise.unless.equals)}", "nothing to do")
        value = dig(body, promise.path)
        breach = "is missing" if isinstance(value, Missing) else promise.breaks(value)
        if breach:
            return failed(
                f"{promise.path}: {promise.describe()}",
                f"{promise.path} {breach}",
                where=_where(page),
                reproduce=_curl(page),
            )
        return passed(f"{promise.path} = {shown(value)}", where=_where(page))

    return _on_every(pages, one)


@check("health.field", FieldOf)
def test_field(promise: FieldOf, target: Target) -> Verdict:
    """An entry of the page has the promised type and value."""
    return judge_field(promise, target.pages(promise.page))


# ------------------------------------------------------------------------------------------------------------ relations


class Relation(Promise):
    """How two entries of a page relate; `*` in a path stands for anything, upper and lower case are the same.

    `<` and `<=` relate numbers; a name that ends in `_ms` (or the like) counts in thousandths.
    """

    page: RouteName
    path: str
    holds: Literal["<", "<=", "="]
    other: str
    optional: bool = Field(False, description="The entries themselves are not promised.")


_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {"<": operator.lt, "<=": operator.le}
_THOUSANDTHS = ("_ms", "_millis", "_milliseconds")


def judge_relation(promise: Relation, pages: Sequence[Page]) -> Verdict:
    """The relation holds between each pair of entries that the two paths match."""
    expected = f"{promise.path} {promise.holds} {promise.other}"

    def one(page: Page) -> Verdict:
        body = _body(page)
        left, right = find(body, promise.path), find(body, promise.other)
        if not left or not right:
            absent = promise.path if not left else promise.other
            if promise.optional:
                return not_covered(f"the page has no entry {absent}", "name the entry in the contract's health.toml")
            return failed(expected, f"{absent} is missing", where=_where(page), reproduce=_curl(page))
        pairs = [(one, other) for one in left for other in right]
        for one, other in pairs:
            if not _relates(promise.holds, one, other) and not (promise.optional and _unrelated(one, other)):
                observed = f"{one[0]} = {shown(one[1])}, {other[0]} = {shown(other[1])}"
                return failed(expected, observed, where=_where(page), reproduce=_curl(page))
        one, other = pairs[0]
        return passed(f"{one[0]} = {shown(one[1])}, {other[0]} = {shown(other[1])}", where=_where(page))

    return _on_every(pages, one)


def _relates(holds: str, one: tuple[str, object], other: tuple[str, object]) -> bool:
    if holds == "=":
        return same(one[1], other[1])
    left, right = _in_whole_units(*one), _in_whole_units(*other)
    return left is not None and right is not None and _OPERATORS[holds](left, right)


def _unrelated(one: tuple[str, object], other: tuple[str, object]) -> bool:
    """Tell whether one of two entries is no number, such as a timeout that is switched off."""
    return _in_whole_units(*one) is None or _in_whole_units(*other) is None


def _in_whole_units(path: str, value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value / 1000 if path.lower().endswith(_THOUSANDTHS) else value


@check("health.relation", Relation)
def test_relation(promise: Relation, target: Target) -> Verdict:
    """Two entries of the page fit together."""
    return judge_relation(promise, target.pages(promise.page))


# ------------------------------------------------------------------------------------------------------------ timestamp


class Timestamp(Promise):
    """The page's timestamp is in ISO 8601, in UTC, and is the time of the answer."""

    page: RouteName
    path: str


def judge_timestamp(promise: Timestamp, pages: Sequence[Page], tolerance_seconds: float) -> Verdict:
    """The timestamp lies within the tolerance of the answer's arrival."""

    def one(page: Page) -> Verdict:
        value = dig(_body(page), promise.path)
        place = {"where": _where(page), "reproduce": _curl(page)}
        expected = f"{promise.path}: ISO 8601 in UTC, within {tolerance_seconds:g} s of now"
        if not isinstance(value, str):
            return failed(expected, f"{promise.path} is {shown(value)}", **place)
        try:
            stamp = dt.datetime.fromisoformat(value)
        except ValueError:
            return failed(expected, f"{promise.path} = {shown(value)} is not ISO 8601", **place)
        notes = []
        if stamp.tzinfo is None:
            notes.append(f"{promise.path} = {value} names no offset; read as UTC")
            stamp = stamp.replace(tzinfo=dt.UTC)
        elif stamp.utcoffset() != dt.timedelta(0):
            return failed(expected, f"{promise.path} = {value} is not in UTC", **place)
        answered_at = page.answer.asked_at + page.answer.elapsed_seconds
        # It may have been made at any moment between the question and the answer.
        age = answered_at - stamp.timestamp()
        if age < -tolerance_seconds or age > page.answer.elapsed_seconds + tolerance_seconds:
            direction = "behind" if age > 0 else "ahead of"
            return failed(expected, f"{promise.path} = {value}, {abs(age):.1f} s {direction} now", **place)
        return passed(f"{promise.path} = {value}", where=place["where"], notes=notes)

    return _on_every(pages, one)


@check("health.timestamp", Timestamp)
def test_timestamp(promise: Timestamp, target: Target) -> Verdict:
    """The page is fresh."""
    tolerance = target.contract.platform.limits.clock_tolerance_seconds
    return judge_timestamp(promise, target.pages(promise.page), tolerance)


# ------------------------------------------------------------------------------------------- same everywhere, each time


class Same(Promise):
    """Two pages say the same."""

    page: RouteName
    other: RouteName
    ignore: tuple[str, ...] = ()
    only_what_the_first_has: bool = False


def judge_same(promise: Same, pages: Sequence[Page], others: Sequence[Page]) -> Verdict:
    """The first answer of both pages is equal, apart from the ignored paths."""
    expected = f"{promise.other} says what {promise.page} says"
    place = {"where": f"{_where(pages[0])} and {_where(others[0])}", "reproduce": _curl(others[0])}
    try:
        left, right = _body(pages[0]), _body(others[0])
    except CouldNotObserve as error:
        return failed(expected, error.came_back, **place)
    differing = differences(left, right, promise.ignore, only_of_left=promise.only_what_the_first_has)
    if differing:
        return failed(expected, some(differing), **place)
    return passed("they agree", where=place["where"])


@check("health.same", Same)
def test_same(promise: Same, target: Target) -> Verdict:
    """Two pages agree."""
    return judge_same(promise, target.pages(promise.page), target.pages(promise.other))


class Stable(Promise):
    """A page says the same each time and on every replica."""

    page: RouteName
    ignore: tuple[str, ...] = ()


def judge_stable(promise: Stable, pages: Sequence[Page]) -> Verdict:
    """All answers have the same status and, apart from the ignored paths, the same content."""
    first = pages[0]
    if len(pages) < 2:
        return inconclusive("the same answer from everyone", "only one answer came", where=_where(first))
    for page in pages[1:]:
        place = {"where": f"{_where(first)} and {_where(page)}", "reproduce": _curl(page)}
        if page.answer.status != first.answer.status:
            observed = f"HTTP {first.answer.status} and HTTP {page.answer.status}"
            return failed("the same answer from everyone", observed, **place)
        try:
            differing = differences(_body(first), _body(page), promise.ignore)
        except CouldNotObserve as error:
            return failed("the same answer from everyone", error.came_back, **place)
        if differing:
            return failed("the same answer from everyone", some(differing), **place)
    return passed(f"{len(pages)} answers agree", where=_where(first))


@check("health.stable", Stable)
def test_stable(promise: Stable, target: Target) -> Verdict:
    """Several asks and every replica give the same page."""
    return judge_stable(promise, target.pages(promise.page))


# ------------------------------------------------------------------------------------------------------------ readiness


class Readiness(Promise):
    """What the readiness page says in four places is one and the same."""

    page: RouteName
    bad_words: tuple[str, ...]


def judge_readiness(promise: Readiness, pages: Sequence[Page]) -> Verdict:
    """200, "ready", true and no failing check go together; so do 503, another word and false."""

    def one(page: Page) -> Verdict:
        body = _body(page)
        flag, word, checks = dig(body, "ready"), dig(body, "status"), dig(body, "checks")
        failing = _failing(checks, promise.bad_words)
        said = (
            f"HTTP {page.answer.status}, status {shown(word)}, ready {shown(flag)}, "
            f"failing checks: {', '.join(failing) or 'none'}"
        )
        ready = page.answer.status == _HTTP_OK
        agree = flag is ready and (word == "ready") is ready and page.answer.status in (_HTTP_OK, _HTTP_UNAVAILABLE)
        if isinstance(checks, Mapping):
            silent = [name for name, found in checks.items() if isinstance(_word(found), Missing)]
            if silent:
                said += f", no status of {', '.join(silent)}"
                agree = False
        if not agree or (ready and failing):
            return failed(
                "HTTP 200, ready and no failing check, or HTTP 503 and not ready; a status of each check",
                said,
                where=_where(page),
                reproduce=_curl(page),
            )
        return passed(said, where=_where(page))

    return _on_every(pages, one)


def _failing(checks: object, bad_words: Sequence[str]) -> list[str]:
    if not isinstance(checks, Mapping):
        return []
    return [
        str(name) for name, found in checks.items() if _word(found) is False or str(_word(found)).lower() in bad_words
    ]


def _word(check: object) -> object:
    """Give what one readiness check says."""
    return dig(check, "status") if isinstance(check, Mapping) else check


@check("health.readiness", Readiness)
def test_readiness(promise: Readiness, target: Target) -> Verdict:
    """The readiness page does not contradict itself."""
    return judge_readiness(promise, target.pages(promise.page))


class Agreement(Promise):
    """Readiness and health agree about the dependencies that both look at."""

    ready_page: RouteName
    health_page: RouteName
    services: Mapping[str, str] = Field(description="Service on the health page: pattern of its readiness check.")
    bad_words: tuple[str, ...]
    unless: Mapping[str, Condition] = Field(
        default_factory=dict, description="Service: what the health page says where it is not in use."
    )


def judge_agreement(promise: Agreement, ready: Sequence[Page], health: Sequence[Page]) -> Verdict:
    """A dependency is up on both pages of a replica, or on neither.

    INCONCLUSIVE where readiness does not look at a dependency that health knows, since health alone may be a constant.
    """
    of_replica = {page.who: page for page in reversed(health)}
    first = {page.who: page for page in reversed(ready)}.values()
    return combine(
        _judge_service(promise, service, page, of_replica.get(page.who, health[0]))
        for page in first
        for service in promise.services
    )


def _judge_service(promise: Agreement, service: str, ready: Page, health: Page) -> Verdict:
    place = {"where": f"{_where(ready)} and {_where(health)}", "reproduce": _curl(ready)}
    expected = f"the same of {service} on both pages"
    unused = promise.unless.get(service)
    try:
        checks, up = dig(_body(ready), "checks"), dig(_body(health), f"services.{service}")
        if up == "down" and unused is not None and same(dig(_body(health), unused.path), unused.equals):
            return not_covered(f"{unused.path} is {shown(unused.equals)}", "nothing to do")
    except CouldNotObserve as error:
        return failed(expected, error.came_back, **place)
    if up not in ("up", "down"):
        return not_covered(f"services.{service} is {shown(up)}", "nothing to do where it is not in use")
    pattern = promise.services[service].lower()
    names = list(checks) if isinstance(checks, Mapping) else []
    looked_at = [name for name in names if fnmatch.fnmatchcase(name.lower(), pattern)]
    if not looked_at:
        observed = f"no readiness check is named {pattern}; there are: {', '.join(names) or 'none'}"
        remedy = "name the check that looks at it in `services`, in the contract's health.toml"
        return inconclusive(expected, observed, where=place["where"], remedy=remedy)
    wrong = [name for name in looked_at if name in _failing(checks, promise.bad_words)]
    if (up == "up") is bool(wrong):
        other = f"readiness check {', '.join(looked_at)} is {'failing' if wrong else 'not failing'}"
        return failed(expected, f"services.{service} is {shown(up)} and {other}", **place)
    return passed("they agree", where=place["where"])


@check("health.agreement", Agreement)
def test_agreement(promise: Agreement, target: Target) -> Verdict:
    """Readiness agrees with health."""
    return judge_agreement(promise, target.pages(promise.ready_page), target.pages(promise.health_page))


# -------------------------------------------------------------------------------------------------------------- latency


class Latency(Promise):
    """How long a page may take; the median of all answers counts, so that one hiccup is no breach."""

    page: RouteName
    seconds_max: float = Field(gt=0)


def judge_latency(promise: Latency, answers: Sequence[Answer]) -> Verdict:
    """The median latency is at most the promised one."""
    seconds = [answer.elapsed_seconds for answer in answers]
    median = statistics.median(seconds)
    observed = f"median {median:.3f} s of {len(seconds)} answers, slowest {max(seconds):.3f} s"
    if median > promise.seconds_max:
        reproduce = curl(answers[0].url, "-sS -o /dev/null -w '%{time_total}\\n'")
        return failed(
            f"a median of at most {promise.seconds_max:g} s",
            observed,
            where=answers[0].asked,
            reproduce=reproduce,
        )
    return passed(observed, where=answers[0].asked)


@check("health.latency", Latency)
def test_latency(promise: Latency, target: Target) -> Verdict:
    """The page answers fast enough for those who probe it."""
    return judge_latency(promise, [page.answer for page in target.pages(promise.page)])


# -------------------------------------------------------------------------------------------------------------- secrets


class Secrets(Promise):
    """Nothing that looks like a secret is shown."""

    pages: tuple[RouteName, ...]
    secret_keys: str
    masked_values: str
    patterns: tuple[str, ...]


def judge_secrets(promise: Secrets, pages: Sequence[Page], shows: Callable[[str], bool]) -> Verdict:
    """No value matches a pattern of known secrets, no key named like a secret has a value, nothing of ours is echoed.

    `shows` tells whether a text has a secret of this run in it. The value found is never part of the verdict.
    """
    for page in pages:
        text = _sized(page).body.decode("utf-8", errors="replace")
        place = {"where": _where(page), "reproduce": _curl(page)}
        for pattern in promise.patterns:
            if re.search(pattern, text):
                return failed("no secret", f"the page has text that matches {pattern}", **place)
        for path, value in _texts(page):
            # The values of a list have the name of the list.
            key = next((part for part in reversed(path.split(".")) if not part.isdecimal()), "")
            if re.search(promise.secret_keys, key) and value and not re.fullmatch(promise.masked_values, value):
                return failed("no secret", f"{path} has a value of {len(value)} characters", **place)
            if shows(value):
                return failed("no secret", f"{path} shows a credential", **place)
        if shows(text):
            return failed("no secret", "the page shows a credential", **place)
    return passed(f"{len(pages)} answers searched", where=_where(pages[0]))


def _texts(page: Page) -> list[tuple[str, str]]:
    try:
        return [(path, value) for path, value in leaves(_body(page)) if isinstance(value, str)]
    except CouldNotObserve:  # that it is no JSON is for others to say
        return []


@check("health.secrets", Secrets)
def test_secrets(promise: Secrets, target: Target) -> Verdict:
    """The pages show no secret."""
    pages = [page for name in promise.pages for page in target.pages(name)]
    # What is masked without any secret of ours is not one of ours, such as the `***@` in a URL.
    others = Registry()
    return judge_secrets(promise, pages, lambda text: target.secrets.mask(text) != others.mask(text))
