"""Health and readiness pages: what they contain, whether it fits together, and is true now and everywhere."""

from __future__ import annotations

import datetime as dt
import fnmatch
import json
import math
import operator
import re
import statistics
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from selfcheck.checking import check
from selfcheck.contract import Component, Model, Promise, RouteName
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.replicas import unseen, users_meet
from selfcheck.secrets import Secrets as Registry
from selfcheck.values import Domain, Missing, curl, differences, dig, find, json_type, leaves, same, shown, some
from selfcheck.verdict import Outcome, Verdict, combine, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from selfcheck.clients.http import Answer
    from selfcheck.clients.prometheus import QueryResult
    from selfcheck.exposition import ProcessIdentity
    from selfcheck.replicas import Replicas, Scrape
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
    filled: bool = Field(False, description="An object or array has something in it.")


def _is_empty(value: object) -> bool:
    """Tell whether there is nothing in an object or array, nor in what is in it."""
    return isinstance(value, Mapping | list) and all(isinstance(leaf, Mapping | list) for _, leaf in leaves(value))


def judge_field(promise: FieldOf, pages: Sequence[Page]) -> Verdict:
    """The entry is there, and inside its domain, in every answer."""

    def one(page: Page) -> Verdict:
        body = _body(page)
        if promise.unless is not None and same(dig(body, promise.unless.path), promise.unless.equals):
            return not_covered(f"{promise.unless.path} is {shown(promise.unless.equals)}", "nothing to do")
        value = dig(body, promise.path)
        breach = "is missing" if isinstance(value, Missing) else promise.breaks(value)
        if not breach and promise.filled and _is_empty(value):
            breach = f"is {shown(value)}, which says nothing"
        if breach:
            return failed(
                f"{promise.path}: {promise.describe()}{' with something in it' if promise.filled else ''}",
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


class Overall(Promise):
    """A platform that calls itself well has no part that it calls down."""

    page: RouteName
    path: str
    equals: str = Field(description="The word for a platform that is well.")
    parts: str = Field(description="Path of the object that names the parts.")
    bad_words: tuple[str, ...]
    unless: Mapping[str, Condition] = Field(
        default_factory=dict, description="Part: what the page says where it is not in use."
    )


def judge_overall(promise: Overall, pages: Sequence[Page]) -> Verdict:
    """No part is down, whatever it is called, on a page that says that all is well."""

    def one(page: Page) -> Verdict:
        body = _body(page)
        word, parts = dig(body, promise.path), dig(body, promise.parts)
        down = [
            name
            for name in _failing(parts, promise.bad_words)
            if not ((unused := promise.unless.get(name)) and same(dig(body, unused.path), unused.equals))
        ]
        said = f"{promise.path} = {shown(word)}, down: {', '.join(down) or 'none'}"
        if same(word, promise.equals) and down:
            expected = f"{promise.path} = {shown(promise.equals)} only where nothing of {promise.parts} is down"
            return failed(expected, said, where=_where(page), reproduce=_curl(page))
        return passed(said, where=_where(page))

    return _on_every(pages, one)


@check("health.overall", Overall)
def test_overall(promise: Overall, target: Target) -> Verdict:
    """The page does not call itself well while a part is down."""
    return judge_overall(promise, target.pages(promise.page))


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
    paths: tuple[str, ...] = Field(
        (), description="What has to be equal, with `*`; further entries have to be there. Empty: all."
    )


def judge_same(promise: Same, pages: Sequence[Page], others: Sequence[Page]) -> Verdict:
    """Each answer of the other page is equal to one of the first page by the same replica, the ignored paths aside.

    An answer through the load balancer may be that of any replica.
    """
    expected = f"{promise.other} says what {promise.page} says"

    def one(other: Page) -> Verdict:
        own = [page for page in pages if other.who and page.who == other.who] or list(pages)
        place = {"where": f"{_where(own[0])} and {_where(other)}", "reproduce": _curl(other)}
        try:
            right = _body(other)
            found = [_unlike(promise, _body(page), right) for page in own]
        except CouldNotObserve as error:
            return failed(expected, error.came_back, **place)
        differing, further = min(found, key=lambda each: len(each[0]))
        notes = [f"not promised, and not the same: {some(further)}"] if further else []
        if differing:
            return failed(expected, some(differing), **place, notes=notes)
        return passed("they agree", where=place["where"], notes=notes)

    return combine(map(one, others))


def _unlike(promise: Same, left: object, right: object) -> tuple[list[str], list[str]]:
    """Say where two pages differ in what is promised, or in which entries they have, and where in the rest."""
    promised = differences(
        _part(left, promise.paths),
        _part(right, promise.paths),
        promise.ignore,
        only_of_left=promise.only_what_the_first_has,
    )
    ours, theirs = (dict(leaves(_part(body, promise.paths, promised=False))) for body in (left, right))
    absent = differences(
        dict.fromkeys(ours), dict.fromkeys(theirs), promise.ignore, only_of_left=promise.only_what_the_first_has
    )
    further = differences(ours, theirs, promise.ignore, only_of_left=promise.only_what_the_first_has)
    return promised + absent, further


def _part(body: object, paths: Sequence[str], *, promised: bool = True) -> object:
    """Give the scalars of a page by path: those that are promised (all where there are no `paths`), or the rest."""
    if not paths:
        return body if promised else {}
    return {
        path: value
        for path, value in leaves(body)
        if any(fnmatch.fnmatchcase(path, each) or each == f"{path}.*" for each in paths) is promised
    }


@check("health.same", Same)
def test_same(promise: Same, target: Target) -> Verdict:
    """Two pages agree."""
    return judge_same(promise, target.pages(promise.page), target.pages(promise.other))


_SAME_FROM_ALL = "the same answer from everyone"


class Stable(Promise):
    """A page says the same each time and on every replica."""

    page: RouteName
    ignore: tuple[str, ...] = ()
    paths: tuple[str, ...] = Field(
        (),
        description="What has to be the same, with `*`; empty: all. Of further entries one replica may have its own "
        "(a name, a count); where the others agree and one does not, that is INCONCLUSIVE.",
    )


def judge_stable(promise: Stable, pages: Sequence[Page], unseen: str = "", blocked_by: str = "") -> Verdict:
    """All answers have the same status and, apart from the ignored paths, the same promised content.

    `unseen` says why these need not be the answers of every replica.
    """
    first = pages[0]
    unlike = next(filter(None, (_unlike_first(promise, first, page) for page in pages[1:])), None)
    if unlike is not None:
        return unlike
    unclear, remedy = unseen, ""
    own, odd = _of_their_own(promise, pages)
    if len(pages) < 2:
        unclear = "only one answer came"
    elif odd and not unclear:
        unclear = f"not promised, and of one replica only: {some(odd)}"
        remedy = "name the entry in `ignore`, in the contract's health.toml, where each replica may have its own"
    if unclear:
        return inconclusive(_SAME_FROM_ALL, unclear, where=_where(first), remedy=remedy, blocked_by=blocked_by)
    notes = [f"not promised, and not the same everywhere: {some(own)}"] if own else []
    return passed(f"{len(pages)} answers agree", where=_where(first), notes=notes)


def _unlike_first(promise: Stable, first: Page, page: Page) -> Verdict | None:
    place = {"where": f"{_where(first)} and {_where(page)}", "reproduce": _curl(page)}
    if page.answer.status != first.answer.status:
        return failed(_SAME_FROM_ALL, f"HTTP {first.answer.status} and HTTP {page.answer.status}", **place)
    try:
        ours, theirs = _part(_body(first), promise.paths), _part(_body(page), promise.paths)
    except CouldNotObserve as error:
        return failed(_SAME_FROM_ALL, error.came_back, **place)
    differing = differences(ours, theirs, promise.ignore)
    return failed(_SAME_FROM_ALL, some(differing), **place) if differing else None


def _of_their_own(promise: Stable, pages: Sequence[Page]) -> tuple[list[str], list[str]]:
    """Give the entries nobody promised in which each replica may differ, and those in which a few deviate from others.

    A replica may have a name, a start, and counts of its own. Behind a balancer answers need not be of different ones.
    """
    named = [page for page in pages if page.who]
    rests = [dict(leaves(_part(_body(page), promise.paths, promised=False))) for page in named or pages]
    own: list[str] = []
    odd: list[str] = []
    for path in dict.fromkeys(path for rest in rests for path in rest):
        if not path or any(fnmatch.fnmatchcase(path, pattern) for pattern in promise.ignore):
            continue
        values = [rest.get(path, Missing(path)) for rest in rests]
        found = dict.fromkeys("missing" if isinstance(value, Missing) else json.dumps(value) for value in values)
        if len(found) < 2:
            continue
        said = f"{path}: {' and '.join(list(found)[:2])}"
        each_its_own = len(found) == len(values) or any(_varies(value) for value in values)
        (own if each_its_own or not named else odd).append(said)
    return own, odd


def _varies(value: object) -> bool:
    """Tell whether a value is one that differs between processes by nature: a number, or a moment."""
    if isinstance(value, str):
        try:
            dt.datetime.fromisoformat(value)
        except ValueError:
            return False
        return True
    return isinstance(value, int | float) and not isinstance(value, bool)


@check("health.stable", Stable)
def test_stable(promise: Stable, target: Target) -> Verdict:
    """Several asks and every replica give the same page."""
    unseen = target.not_asked(target.contract.route(promise.page).component)
    return judge_stable(promise, target.pages(promise.page), unseen, fleet_promise(target) if unseen else "")


# ------------------------------------------------------------------------------------------------------------- replicas


_BEYOND_CHANCE = 1e-6


class Fleet(Promise):
    """As many replicas serve as the environment has: each that is listed answers, and users meet each of them."""

    settled_after_seconds: float = Field(
        gt=0, description="A younger process need not be in the load balancer's rotation yet; production timings."
    )
    asks_max: int = Field(ge=1, description="Requests through the load balancer, where a replica is not met.")


def fleet_promise(target: Target) -> str:
    """Give the promise of this run that tells which replicas could not be looked at; empty where none does."""
    return next((promise.id for promise in target.expected if isinstance(promise, Fleet)), "")


def judge_fleet(
    found: Replicas,
    *,
    expected_count: int | None,
    listed_by_contract: bool,
    met: Collection[ProcessIdentity | None],
    asks: int,
    settled_seconds: float,
    place: Mapping[str, str],
) -> Verdict:
    """Each listed replica answers, there are enough, and the load balancer leads to each.

    A silent address that only Prometheus lists is for its own check to judge: one cannot tell from here what it was.
    """
    expected = f"{expected_count or 'all'} replicas answer, and users meet each"
    wrong: list[str] = []
    unclear: list[str] = []
    notes: list[str] = []
    for name, why in unseen(found).items():
        (wrong if listed_by_contract else unclear).append(f"{name}: {why}")
    if not found.urls and listed_by_contract:
        why = "lead to other processes than users meet" if found.unlisted else "cannot be reached from here"
        unclear.append(f"the addresses that the contract lists {why}")
    processes = _processes(found)
    count = len(found.unlisted) + processes if found.urls else len(found.behind)
    if found.urls and found.unlisted:
        unclear.append(f"{len(found.unlisted)} process(es) answer users and are not among the listed ones")
    if expected_count is not None and count < expected_count:
        said = f"{count} could be told apart"
        (wrong if found.urls else unclear).append(said)
    elif expected_count is not None and count > expected_count:
        notes.append(
            f"{count} replicas answer, {expected_count} are promised: a rollout, a canary, or a change of scale"
        )
    if found.direct and processes > 1:
        _judge_rotation(found, expected_count, met, asks, settled_seconds, wrong=wrong, unclear=unclear, notes=notes)
    if wrong:
        return failed(expected, some(wrong + unclear), **place, notes=notes)
    if unclear:
        return inconclusive(expected, some(unclear), **place)
    if expected_count is None and not found.urls and None in {scrape.identity for scrape in found.behind}:
        return not_covered("the metrics page does not tell which process answers", "give the environment's `replicas`")
    return passed(f"{count} replicas answer", where=place["where"], notes=notes)


def _processes(found: Replicas) -> int:
    """Count the processes behind the listed addresses: two addresses may lead to one."""
    told = {
        scrape.identity
        if scrape.identity is not None and None not in (scrape.identity.started_at, scrape.identity.first_created_at)
        else name
        for name, scrape in found.scrapes.items()
    }
    return len(told) + len(found.urls.keys() - found.scrapes.keys())


def _judge_rotation(
    found: Replicas,
    expected_count: int | None,
    met: Collection[ProcessIdentity | None],
    asks: int,
    settled_seconds: float,
    *,
    wrong: list[str],
    unclear: list[str],
    notes: list[str],
) -> None:
    """Say which replicas the load balancer did not lead to; beyond chance, and not because it leads us to one only."""
    absent = {name: scrape for name, scrape in found.scrapes.items() if scrape.identity not in met}
    if not absent:
        return
    said = f"{asks} requests through the load balancer never met {', '.join(absent)}"
    young = [scrape for scrape in absent.values() if _age_seconds(scrape) < settled_seconds]
    chance = (1 - 1 / len(found.scrapes)) ** asks
    if expected_count is not None and len(met) >= expected_count:
        notes.append(said)
    elif expected_count is None or len(met) < 2 or young or chance > _BEYOND_CHANCE:
        unclear.append(said)
    else:
        wrong.append(said)


def _age_seconds(scrape: Scrape) -> float:
    """Say how long a process has been there, when its metrics were read; for ever, where it does not tell."""
    if scrape.identity is None:
        return math.inf
    known = (scrape.identity.started_at, scrape.identity.first_created_at)
    return scrape.answer.asked_at - max((moment for moment in known if moment is not None), default=-math.inf)


@check("health.fleet", Fleet, last=True)
def test_fleet(promise: Fleet, target: Target) -> Verdict:
    """No replica is missing, silent, or left out by the load balancer."""
    found, environment = target.replicas(), target.scope.environment
    met, asks = users_meet(target.platform, target.contract, found, promise.asks_max if found.direct else 0)
    url = (
        target.platform.base().rstrip("/") + target.contract.route(target.contract.platform.identity.metrics_route).path
    )
    return judge_fleet(
        found,
        expected_count=environment.replicas,
        listed_by_contract=bool(environment.replica_urls),
        met=met,
        asks=asks,
        settled_seconds=promise.settled_after_seconds / environment.time_scale,
        place={"where": f"{url} and the replicas", "reproduce": curl(url, "-sSL")},
    )


class Steady(Promise):
    """No replica was started again and again, and none comes and goes."""

    requires: tuple[Component, ...] = (Component.APP, Component.PROMETHEUS)
    started_sample: str = Field(description="The gauge that says when a process was started.")
    up_sample: str = Field(description="The gauge that is 1 while a target is scraped.")
    window_seconds: float = Field(gt=0, description="How far back to look; production timings.")
    restarts_max: int = Field(ge=1, description="Of one replica, within the window; a rollout restarts each once.")
    losses_max: int = Field(ge=1, description="How often one target may go and come back, within the window.")
    lost_share_min: float = Field(gt=0, le=1, description="Fewer lost scrapes than this share of them are hiccups.")


def judge_steady(
    promise: Steady,
    restarts: QueryResult,
    falls: QueryResult,
    changes: QueryResult,
    shares: QueryResult,
    window_seconds: float,
    place: Mapping[str, str],
) -> Verdict:
    """No target has more restarts or losses than the limits; one that many processes answer for tells nothing.

    The start of one process after another only grows; where it falls too, several processes answer at one address.
    """
    expected = (
        f"at most {promise.restarts_max} restarts and {promise.losses_max} losses of a replica in {window_seconds:g} s"
    )
    fallen, share = _by_labels(falls), _by_labels(shares)
    wrong: list[str] = []
    notes: list[str] = []
    count = 0
    for labels, value in _by_labels(restarts).items():
        name = dict(labels).get("instance", "a replica")
        if fallen.get(labels, 0.0) > 0:
            notes.append(f"several processes answer for {name}")
            continue
        count += 1
        if value > promise.restarts_max:
            wrong.append(f"{name} was started {value:g} times")
    for labels, value in _by_labels(changes).items():
        lost = 1.0 - share.get(labels, 1.0)
        if value / 2 > promise.losses_max and lost >= promise.lost_share_min:
            name = dict(labels).get("instance", "a replica")
            wrong.append(f"{name} went and came back {value / 2:.0f} times, and was away for {lost:.0%} of the time")
    if wrong:
        return failed(expected, some(wrong), **place, notes=notes[:3])
    if not restarts.samples and not changes.samples:
        return inconclusive(expected, "Prometheus has nothing of the platform's targets", **place)
    return passed(
        f"{len(changes.samples)} targets, {count} of them tell their restarts", where=place["where"], notes=notes[:3]
    )


def _by_labels(result: QueryResult) -> dict[tuple[tuple[str, str], ...], float]:
    return {tuple(sorted(each.labels.items())): each.value for each in result.samples}


@check("health.steady", Steady)
def test_steady(promise: Steady, target: Target) -> Verdict:
    """No replica restarts over and over between two looks at it."""
    jobs = "|".join(sorted({re.escape(found.job) for found in target.app_targets()}))
    window_seconds = max(promise.window_seconds / target.scope.environment.time_scale, 1.0)
    selector = f"{{job=~{json.dumps(jobs)}}}[{math.ceil(window_seconds)}s]"
    queries = (
        f"changes({promise.started_sample}{selector})",
        f"resets({promise.started_sample}{selector})",
        f"changes({promise.up_sample}{selector})",
        f"avg_over_time({promise.up_sample}{selector})",
    )
    restarts, falls, changes, shares = map(target.query, queries)
    url = f"{target.prometheus_client().url}/api/v1/query"
    place = {"where": f"GET {url}", "reproduce": f"curl -sSG {url} --data-urlencode '{queries[0]}'"}
    return judge_steady(promise, restarts, falls, changes, shares, window_seconds, place)


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
    """How long a page may take; the median of all answers counts, so that one hiccup is no breach.

    A replica that was slow is asked again: what the others hide counts, too.
    """

    page: RouteName
    seconds_max: float = Field(gt=0)


_ASKED_AGAIN = 2


def judge_latency(promise: Latency, pages: Sequence[Page]) -> Verdict:
    """The median latency is at most the promised one: of all answers, and of each replica that was asked again."""
    by_replica: dict[str, list[Page]] = {}
    for page in pages:
        by_replica.setdefault(page.who, []).append(page)
    asked_again = [found for who, found in by_replica.items() if who and len(found) > _ASKED_AGAIN]
    return combine(_judge_median(promise, found) for found in (pages, *asked_again))


def _judge_median(promise: Latency, pages: Sequence[Page]) -> Verdict:
    seconds = [page.answer.elapsed_seconds for page in pages]
    median = statistics.median(seconds)
    observed = f"median {median:.3f} s of {len(seconds)} answers, slowest {max(seconds):.3f} s"
    if median > promise.seconds_max:
        reproduce = curl(pages[0].answer.url, "-sS -o /dev/null -w '%{time_total}\\n'")
        expected = f"a median of at most {promise.seconds_max:g} s"
        return failed(expected, observed, where=_where(pages[0]), reproduce=reproduce)
    return passed(observed, where=_where(pages[0]))


@check("health.latency", Latency)
def test_latency(promise: Latency, target: Target) -> Verdict:
    """The page answers fast enough for those who probe it, on each replica."""
    pages = target.pages(promise.page)
    slow = {page.who for page in pages if page.who and page.answer.elapsed_seconds > promise.seconds_max}
    return judge_latency(promise, [*pages, *target.pages_again(promise.page, slow, _ASKED_AGAIN)])


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
