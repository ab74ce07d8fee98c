"""Redis and Postgres: the platform really uses them, and they are in a state in which it can."""

from __future__ import annotations

import contextlib
import datetime as dt
import fnmatch
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import Field

from selfcheck import components, corpus
from selfcheck.answering import breach
from selfcheck.checking import check
from selfcheck.clients.platform import Sending
from selfcheck.contract import ActName, Component, Model, Promise, Right, RouteName
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.values import Domain, Missing, curl, differences, dig, same, shown, some
from selfcheck.verdict import Outcome, Verdict, failed, inconclusive, not_covered, passed
from selfcheck.waiting import GaveUp, pause, wait_until

if TYPE_CHECKING:
    from selfcheck.clients.http import Answer
    from selfcheck.clients.postgres import Connections, Index
    from selfcheck.contract import Act
    from selfcheck.target import Page, Target

Info = Mapping[str, Any]
T = TypeVar("T")

_OK = 200
_NO_CREDENTIALS = (401, 403)
_NO_ROUTE = (404, 405)
_COMMANDS = "commandstats"
_KEYSPACE = "keyspace"
_REDIS_HINT = "nothing to do where this Redis does not tell it"


def _info(target: Target, section: str) -> Info:
    """Ask Redis for a section of INFO once a run; raises CouldNotObserve."""
    return target.once(("info", section), lambda: components.redis(target).info(section))


def _place(section: str) -> dict[str, str]:
    return {"where": f"INFO {section} of Redis", "reproduce": f'redis-cli -u "$REDIS_URL" INFO {section}'}


# ------------------------------------------------------------------------------------------------------ what Redis says


class Condition(Model):
    """Another field of the same section."""

    field: str
    equals: str | int


class Said(Promise, Domain):
    """A field of INFO has a value of its domain."""

    requires: tuple[Component, ...] = (Component.APP, Component.REDIS)
    section: str
    field: str
    unless: Condition | None = Field(None, description="What makes another value fine, with a note.")


def judge_said(promise: Said, info: Info) -> Verdict:
    """The value is inside its domain, or what excuses another one is the case."""
    place = _place(promise.section)
    value = info.get(promise.field)
    if value is None:
        return not_covered(f"INFO {promise.section} has no field {promise.field}", _REDIS_HINT)
    wrong = promise.breaks(value)
    if not wrong:
        return passed(f"{promise.field} = {shown(value)}", where=place["where"])
    if promise.unless is not None and same(info.get(promise.unless.field), promise.unless.equals):
        said = f"{promise.field} = {shown(value)}"
        note = f"{said}, and {promise.unless.field} = {shown(promise.unless.equals)}"
        return passed(said, where=place["where"], notes=[note])
    excuse = "" if promise.unless is None else f" ({promise.unless.field} = {shown(info.get(promise.unless.field))})"
    return failed(f"{promise.field}: {promise.describe()}", f"{promise.field} {wrong}{excuse}", **place)


@check("dependencies.said", Said)
def test_said(promise: Said, target: Target) -> Verdict:
    """Redis is in a state in which the platform can use it."""
    return judge_said(promise, _info(target, promise.section))


class Share(Promise):
    """A field of INFO is at most a share of another one."""

    requires: tuple[Component, ...] = (Component.APP, Component.REDIS)
    section: str
    part: str
    whole: str
    share_max: float = Field(gt=0, le=1)
    only_if: Condition | None = Field(None, description="The case in which a larger share does harm.")


def judge_share(promise: Share, info: Info) -> Verdict:
    """The share is small enough; a whole of 0 is no limit."""
    place = _place(promise.section)
    part, whole = info.get(promise.part), info.get(promise.whole)
    if not isinstance(part, int | float) or not isinstance(whole, int | float):
        return not_covered(f"INFO {promise.section} has no {promise.part} or no {promise.whole}", _REDIS_HINT)
    if whole <= 0:
        return passed(f"{promise.part} = {part}, without a limit", where=place["where"])
    observed = f"{promise.part} = {part}, {part / whole:.0%} of {promise.whole} = {whole}"
    if part / whole <= promise.share_max:
        return passed(observed, where=place["where"])
    harmless = promise.only_if is not None and not same(info.get(promise.only_if.field), promise.only_if.equals)
    if harmless and promise.only_if is not None:
        note = f"{observed}; {promise.only_if.field} is {shown(info.get(promise.only_if.field))}"
        return passed(observed, where=place["where"], notes=[note])
    return failed(f"at most {promise.share_max:.0%} of {promise.whole}", observed, **place)


@check("dependencies.share", Share)
def test_share(promise: Share, target: Target) -> Verdict:
    """Redis has room left."""
    return judge_share(promise, _info(target, promise.section))


# ----------------------------------------------------------------------------------------------- what the platform does


@dataclass(frozen=True, slots=True)
class Exercise:
    """A drawing that nobody sent before was sent, and sent again to another replica.

    `whom` names the replicas that were asked, "" for the load balancer. A third answer is that of the first replica to
    the same drawing; it is asked for where the second one did not know it. `commands` has what Redis had been asked
    before and after, `lasting` how many keys without an end it had, `rows` how many rows each history had before, by
    promise; all where they are in scope.
    """

    whom: tuple[str, ...]
    answers: tuple[Answer | CouldNotObserve, ...]
    commands: tuple[Info | CouldNotObserve, ...] = ()
    rows: Mapping[str, Rows | CouldNotObserve] = field(default_factory=dict)
    lasting: tuple[int | CouldNotObserve, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows a table has since a moment (None: since ever) that lies before the exercise."""

    since: str | None
    count: int


class OfExercise(Promise):
    """What all promises share that judge traces of the exercise."""

    right: Right = Right.SYNTHETIC
    act: ActName
    cached: str = Field(description="Path in the answer to whether it came from the cache.")


def _exercise(promise: OfExercise, target: Target) -> Exercise:
    """Send the drawing twice, with readings around it; once a run, for all promises that judge its traces."""
    return target.once(("exercise", promise.act), lambda: _do_exercise(promise, target))


def _do_exercise(promise: OfExercise, target: Target) -> Exercise:
    act = target.contract.act(promise.act)
    if act.file is None:
        message = f"the act {act.name} sends no file"
        raise LookupError(message)
    with_redis, with_postgres = (_in_scope(target, part) for part in (Component.REDIS, Component.POSTGRES))
    histories = target.contract.promises("dependencies.history", History) if with_postgres else ()
    rows = {history.id: _or_trouble(partial(_rows_now, history, target)) for history in histories}
    commands = [_or_trouble(partial(_commands, target))] if with_redis else []
    whom: list[tuple[str, str | None]] = [*islice(target.trusted_bases().items(), 2)]
    whom = whom if len(whom) == 2 else [("", None), ("", None)]
    payload = corpus.payload(act.file, f"{target.platform.mark}-dependencies")
    answers: list[Answer | CouldNotObserve] = []
    for _, base in whom:
        answers += target.platform.send_each([Sending(act, payload=payload, base=base)])
    if _field(answers[1], promise.cached) is False:
        whom.append(whom[0])
        answers += target.platform.send_each([Sending(act, payload=payload, base=whom[0][1])])
    commands += [_or_trouble(partial(_commands, target))] if with_redis else []
    return Exercise(tuple(who for who, _ in whom), tuple(answers), tuple(commands), rows)


def _in_scope(target: Target, component: Component) -> bool:
    return target.scope.url(component) is not None and component not in target.blocked


def _or_trouble(look: Callable[[], T]) -> T | CouldNotObserve:
    try:
        return look()
    except CouldNotObserve as error:
        return error


def _commands(target: Target) -> Info:
    """Ask Redis how often it was asked what; not kept, since it is asked for before and after."""
    return components.redis(target).info(_COMMANDS)


def _lasting(target: Target) -> int:
    """Ask Redis how many of its keys have no end; raises CouldNotObserve."""
    return lasting(components.redis(target).info(_KEYSPACE))


def _field(answer: Answer | CouldNotObserve, path: str) -> object:
    if isinstance(answer, CouldNotObserve):
        return None
    try:
        return dig(answer.json(), path)
    except CouldNotObserve:
        return None


def _unanswered(act: Act, answers: Sequence[Answer | CouldNotObserve], expected: str, where: str) -> Verdict | None:
    """Say why answers that are no success tell nothing of what depends on them; None where all are."""
    for answer in answers:
        if isinstance(answer, CouldNotObserve):
            return inconclusive(expected, answer.sentence, where=where)
        if answer.status in _NO_CREDENTIALS:
            return not_covered(f"HTTP {answer.status}: this run may not do that", "give it credentials that may")
        if answer.status in _NO_ROUTE:
            raise CouldNotObserve(
                Trouble.NO_SUCH_ROUTE,
                asked=answer.asked,
                came_back="this platform does not know the path",
                hint=f"put the deployment's own path of the route {act.route!r} into the contract's api.toml",
            )
        if wrong := breach(act, answer):
            return inconclusive(expected, f"the request itself failed: {wrong}", where=where)
    return None


class SharedCache(OfExercise):
    """What one replica has kept, the others know, too."""

    same: tuple[str, ...] = Field(description="Paths in the answer that are the same in a kept one.")


def judge_shared_cache(promise: SharedCache, act: Act, seen: Exercise, *, where: str, reproduce: str) -> Verdict:
    """The second answer to the same drawing is a kept one, and the same; NOT COVERED where answers do not tell.

    An answer that only the first replica has kept shows that each replica keeps its own. One that nobody has kept shows
    a platform that does not keep answers: nothing says that it must.
    """
    expected = "the answer that one replica has kept is known to the next one, and the same"
    place = {"where": where, "reproduce": reproduce}
    unanswered = _unanswered(act, seen.answers, expected, where)
    if unanswered is not None:
        return unanswered
    cached = [_field(answer, promise.cached) for answer in seen.answers]
    if not isinstance(cached[1], bool):
        return not_covered(f"answers have no {promise.cached}", "name the field in the contract, if there is one")
    if not any(cached[1:]):
        return not_covered("no answer was kept", "nothing to do where OCR is not to keep answers")
    wrong = _unshared(promise, seen, kept=cached[1] is True)
    if wrong and not seen.whom[0]:
        return inconclusive(expected, wrong, **place)
    return failed(expected, wrong, **place) if wrong else passed("the second answer was a kept one", where=where)


def _unshared(promise: SharedCache, seen: Exercise, *, kept: bool) -> str:
    """Say what is wrong with the second answer; empty when nothing is."""
    if not kept:
        return f"{seen.whom[0] or 'a replica'} had kept the answer, and {seen.whom[1] or 'another'} did not know it"
    first, second = ({path: _field(answer, path) for path in promise.same} for answer in seen.answers[:2])
    differing = differences(first, second)
    return f"the kept answer is another one: {some(differing)}" if differing else ""


@check("dependencies.shared_cache", SharedCache)
def test_shared_cache(promise: SharedCache, target: Target) -> Verdict:
    """Replicas share what they keep."""
    act = target.contract.act(promise.act)
    where = f"{target.contract.route(act.route).path} of one replica, then of another"
    seen = _exercise(promise, target)
    return judge_shared_cache(promise, act, seen, where=where, reproduce=target.platform.curl(act))


class Used(OfExercise):
    """Redis is asked for data while the platform works: not just whether it is there."""

    requires: tuple[Component, ...] = (Component.APP, Component.REDIS)
    idle_commands: tuple[str, ...] = Field(description="Patterns of commands that touch no data.")
    otherwise: tuple[ActName, ...] = Field(
        (), description="Acts that are sent where Redis was not asked for the first."
    )
    health_page: RouteName
    enabled: str = Field(description="Path on the health page; false where the platform is to do without Redis.")
    lag_seconds: float = Field(ge=0)
    section: str = Field(description="The section of INFO that has the two counters of lookups.")
    hits: str
    misses: str


def hit_rate(promise: Used, stats: Info) -> str:
    """Say how often a lookup found something."""
    hits, misses = stats.get(promise.hits), stats.get(promise.misses)
    if not isinstance(hits, int) or not isinstance(misses, int):
        return f"INFO {promise.section} has no {promise.hits} or no {promise.misses}"
    return f"hit rate {hits / (hits + misses):.0%} of {hits + misses} lookups" if hits + misses else "no lookup so far"


def calls(promise: Used, info: Info) -> int:
    """Add up how often a command was called that touches data; `cmdstat_client|setinfo` is a form of `client`."""
    total = 0
    for name, stat in info.items():
        command = name.removeprefix("cmdstat_").partition("|")[0].lower()
        if isinstance(stat, Mapping) and not any(fnmatch.fnmatchcase(command, p) for p in promise.idle_commands):
            total += int(stat.get("calls", 0))
    return total


def judge_used(
    promise: Used,
    act: Act,
    seen: Exercise,
    latest: Info,
    stats: Info,
    *,
    where: str,
    reproduce: str,
    otherwise: Sequence[str] = (),
) -> Verdict:
    """The number of calls has grown; other clients can only add to it. `otherwise`: what else was sent meanwhile."""
    expected = f"commands on data in Redis while {act.name} is sent {len(seen.answers)} times"
    expected += f", and {', '.join(otherwise)}" if otherwise else ""
    for reading in seen.commands:
        if isinstance(reading, CouldNotObserve):
            raise reading
    unanswered = _unanswered(act, seen.answers, expected, where)
    if unanswered is not None:
        return unanswered
    before, after = (calls(promise, reading) for reading in seen.commands if not isinstance(reading, CouldNotObserve))
    after = max(after, calls(promise, latest))
    if not latest:
        return not_covered(f"INFO {_COMMANDS} is empty", _REDIS_HINT)
    if after < before:
        return inconclusive(expected, "Redis was restarted meanwhile", where=where, reproduce=reproduce)
    if after == before:
        observed = f"none: it had been asked {before} times before, and no more afterwards"
        return failed(expected, observed, where=where, reproduce=reproduce)
    told = f"{after - before} commands on data while {len(seen.answers)} requests were sent; {hit_rate(promise, stats)}"
    return passed(told, where=where)


@check("dependencies.used", Used)
def test_used(promise: Used, target: Target) -> Verdict:
    """The platform really uses this Redis."""
    enabled = dig(target.pages(promise.health_page)[0].answer.json(), promise.enabled)
    if enabled is False:
        return not_covered(f"{promise.enabled} is false", "nothing to do where the platform is to do without Redis")
    act = target.contract.act(promise.act)
    seen = _exercise(promise, target)
    place = _place(_COMMANDS)
    stats = _info(target, promise.section)
    verdict = judge_used(promise, act, seen, _commands(target), stats, **place)
    if verdict.outcome is not Outcome.FAIL:
        return verdict
    # It may be asked behind the answers, or keep something else: which of it all is the platform's choice.
    sent = _send_otherwise(promise, target)
    pause(promise.lag_seconds)
    return judge_used(promise, act, seen, _commands(target), stats, **place, otherwise=sent)


def _send_otherwise(promise: Used, target: Target) -> list[str]:
    sent = []
    for name in promise.otherwise:
        try:
            target.platform.send(target.contract.act(name))
        except CouldNotObserve:
            continue  # a route that is not here keeps nothing
        sent.append(name)
    return sent


# ---------------------------------------------------------------------------------------------------- how long it keeps


class Expires(OfExercise):
    """What is kept for an answer goes away by itself."""

    requires: tuple[Component, ...] = (Component.APP, Component.REDIS)
    times: int = Field(ge=2, description="So many new drawings are sent where keys without an end have come.")


@dataclass(frozen=True, slots=True)
class Kept:
    """How many keys without an end there were more after a while without requests, and after some new drawings."""

    idle: int
    drawings: int
    grown: int

    @property
    def tells(self) -> bool:
        """Whether it says of the drawings what it says, whatever others keep."""
        return self.grown <= 0 or (not self.idle and self.grown >= self.drawings)


def lasting(keyspace: Info) -> int:
    """Count the keys of all databases that have no end."""
    found = [database for database in keyspace.values() if isinstance(database, Mapping)]
    return sum(int(database.get("keys", 0)) - int(database.get("expires", 0)) for database in found)


def judge_expires(act: Act, seen: Exercise, closer: Callable[[], Kept]) -> Verdict:
    """No key without an end is there for an answer; others may keep something meanwhile, so a first look may err."""
    expected = "no more keys without an end than before"
    place = _place(_KEYSPACE)
    unanswered = _unanswered(act, seen.answers, expected, place["where"])
    if unanswered is not None:
        return unanswered
    numbers = [number for number in seen.lasting if not isinstance(number, CouldNotObserve)]
    if len(numbers) < _BEFORE_AND_AFTER:
        trouble = next((each.sentence for each in seen.lasting if isinstance(each, CouldNotObserve)), "it was not read")
        return inconclusive(expected, trouble, **place)
    before, after = numbers
    if after <= before:
        return passed(f"{after} keys without an end, after the answer as before", where=place["where"])
    kept = closer()
    observed = f"{kept.grown} more after {kept.drawings} new drawings, {kept.idle} more while none was sent"
    if not kept.idle and kept.grown >= kept.drawings:
        return failed(expected, observed, **place, notes=("`redis-cli --scan` shows them, `ttl KEY` gives -1",))
    if kept.grown <= 0:
        return passed(f"{observed}; others kept {after - before} before", where=place["where"])
    return inconclusive(expected, f"{observed}: others keep something, too", **place)


_BEFORE_AND_AFTER = 2


@check("dependencies.expires", Expires)
def test_expires(promise: Expires, target: Target) -> Verdict:
    """What is kept has an end."""
    act = target.contract.act(promise.act)

    def closer() -> Kept:
        """Look until it tells, a few times: others that keep something are done with it after a while."""
        return next((kept for kept in map(look, range(_TRIES - 1)) if kept.tells), None) or look(_TRIES - 1)

    def look(attempt: int) -> Kept:
        assert act.file is not None
        mark = f"{target.platform.mark}-kept-{attempt}"
        payloads = [corpus.payload(act.file, f"{mark}-{number}") for number in range(promise.times)]
        start = _lasting(target)
        pause(_IDLE_SECONDS)
        before = _lasting(target)
        target.platform.send_each([Sending(act, payload=payload) for payload in payloads])
        return Kept(before - start, promise.times, _lasting(target) - before)

    before = _or_trouble(partial(_lasting, target))
    answers = target.platform.send_each([Sending(act)])
    seen = Exercise(("",), tuple(answers), lasting=(before, _or_trouble(partial(_lasting, target))))
    return judge_expires(act, seen, closer)


_IDLE_SECONDS = 1.0
_TRIES = 4


class Reachable(Promise):
    """What answers us, the platform can reach, too."""

    requires: tuple[Component, ...] = (Component.APP, Component.REDIS)
    health_page: RouteName
    path: str
    ready_page: RouteName
    checks: str
    names: str = Field(description="Pattern of the names of readiness checks that look at it.")
    status: str
    bad_words: tuple[str, ...]


def judge_reachable(promise: Reachable, health: Sequence[Page], ready: Sequence[Page]) -> Verdict:
    """No page of any replica says that it is down."""
    expected = "no replica calls Redis down, which answers here"
    said = [(page, promise.path, dig(page.answer.json(), promise.path)) for page in health]
    for page in ready:
        checks = dig(page.answer.json(), promise.checks)
        for name, found in checks.items() if isinstance(checks, Mapping) else ():
            if fnmatch.fnmatchcase(str(name).lower(), promise.names):
                word = dig(found, promise.status) if isinstance(found, Mapping) else found
                said.append((page, f"{promise.checks}.{name}", word))
    said = [(page, path, word) for page, path, word in said if not isinstance(word, Missing)]
    for page, path, word in said:
        if word is False or str(word).lower() in promise.bad_words:
            who = f" (replica {page.who})" if page.who else ""
            observed = f"{path} = {shown(word)}, while Redis answers here: the way between them is broken"
            return failed(expected, observed, where=f"{page.answer.asked}{who}", reproduce=curl(page.answer.url))
    if not said:
        return not_covered("neither page speaks of Redis", "correct `path` and `names` in the contract")
    return passed(f"{said[0][1]} = {shown(said[0][2])}, in {len(said)} places", where=said[0][0].answer.asked)


@check("dependencies.reachable", Reachable)
def test_reachable(promise: Reachable, target: Target) -> Verdict:
    """Redis answers us, and every replica."""
    components.redis(target).ping()
    return judge_reachable(promise, target.pages(promise.health_page), target.pages(promise.ready_page))


# ------------------------------------------------------------------------------------------------------------- Postgres


class OfTable(Promise):
    """What promises share that are about a table; `schema.table` where it is not on the search path."""

    requires: tuple[Component, ...] = (Component.APP, Component.POSTGRES)
    table: str


def _psql(statement: str) -> str:
    return f'psql "$DATABASE_URL" -c {shlex.quote(statement)}'


class Indexed(OfTable):
    """A table has an index that serves queries by some columns."""

    columns: tuple[str, ...] = Field(min_length=1)
    name: str = Field(description="The name that the manual gives it; another one is noted.")


def judge_indexed(promise: Indexed, exists: str, indexes: Sequence[Index]) -> Verdict:
    """A valid index begins with the columns, in this order; `exists` says where the table is, empty for nowhere."""
    columns = ", ".join(promise.columns)
    expected = f"a valid index of {promise.table} on ({columns})"
    place = {"where": f"the indexes of {promise.table} in Postgres", "reproduce": _psql(rf"\d {promise.table}")}
    if not exists:
        return failed(f"a table {promise.table} with an index on ({columns})", "there is no such table", **place)
    if exists != promise.table and not indexes:
        remedy = "write the table with its schema into the contract's dependencies.toml"
        return not_covered(f"the table is {exists}, which is not on the search path", remedy)
    served = [found for found in indexes if found.columns[: len(promise.columns)] == promise.columns]
    valid = [found for found in served if found.valid]
    if not valid:
        there = some([f"{found.name} ({', '.join(found.columns)})" for found in indexes]) or "none"
        broken = f"{served[0].name} is not valid: queries do not use it" if served else f"there are: {there}"
        return failed(expected, broken, **place)
    best = next((found for found in valid if found.name == promise.name), valid[0])
    notes = [f"the manual calls it {promise.name}"] if best.name != promise.name else []
    return passed(best.definition, where=place["where"], notes=notes)


@check("dependencies.indexed", Indexed)
def test_indexed(promise: Indexed, target: Target) -> Verdict:
    """The index is there, on the right columns, and valid."""
    postgres = components.postgres(target)
    indexes = target.once(("indexes", promise.table), lambda: postgres.indexes(promise.table))
    exists = promise.table if indexes else postgres.table_like(promise.table)
    return judge_indexed(promise, exists, indexes)


class History(OfTable, OfExercise):
    """OCR requests are written to history."""

    time_column: str
    window_seconds: int = Field(gt=0, description="Rows are counted from this long before the newest one on.")
    seconds_max: float = Field(gt=0, description="How long after the answer a request may be missing.")


def _rows_now(promise: History, target: Target) -> Rows:
    """Count the latest rows; raises CouldNotObserve."""
    postgres = components.postgres(target)
    since = postgres.before_newest(promise.table, promise.time_column, promise.window_seconds)
    return Rows(since, postgres.rows_since(promise.table, promise.time_column, since))


def judge_history(promise: History, act: Act, seen: Exercise, rows: int, seconds: float) -> Verdict:
    """There are more rows than before; other traffic can only add to them."""
    place = {
        "where": f"{promise.table} in Postgres",
        "reproduce": _psql(f"TABLE {promise.table} ORDER BY {promise.time_column} DESC LIMIT 3"),
    }
    expected = f"more rows of {promise.table} within {promise.seconds_max:g} s of an OCR request"
    before = seen.rows[promise.id]
    if isinstance(before, CouldNotObserve):
        raise before
    if rows > before.count:
        return passed(f"{rows - before.count} rows more, {seconds:.1f} s after the answers", where=place["where"])
    unanswered = _unanswered(act, seen.answers, expected, place["where"])
    if unanswered is not None:
        return unanswered
    if rows < before.count:
        return inconclusive(expected, "rows were removed meanwhile", **place)
    since = f" since {before.since}" if before.since else ""
    return failed(expected, f"{rows} rows{since}, as many as before {len(seen.answers)} requests", **place)


@check("dependencies.history", History)
def test_history(promise: History, target: Target) -> Verdict:
    """An OCR request leaves a row."""
    seen = _exercise(promise, target)
    before = seen.rows[promise.id]
    if isinstance(before, CouldNotObserve):
        raise before
    postgres = components.postgres(target)
    started = time.monotonic()
    rows = before.count

    def more() -> bool:
        nonlocal rows
        rows = postgres.rows_since(promise.table, promise.time_column, before.since)
        return rows > before.count

    with contextlib.suppress(GaveUp):
        wait_until(more, timeout_seconds=promise.seconds_max, what="more rows", interval_seconds=0.3)
    return judge_history(promise, target.contract.act(promise.act), seen, rows, time.monotonic() - started)


class Entries(OfTable):
    """The history has each OCR request of this run once, with the provider that answered and how it ended.

    Own rows are known by the time that the answer claims, where the history keeps it as it is.
    """

    right: Right = Right.SYNTHETIC
    holds: Literal["once", "provider", "status", "failures", "time"]
    act: ActName = Field(description="An act whose route's answers are looked for.")
    refused: ActName = Field(description="An act of the same route that is refused.")
    cached: str = Field(description="Path in the answer to whether it came from the cache.")
    success: str
    claimed: str = Field(description="Path in the answer to the milliseconds that it says it took.")
    answered_by: str = Field(description="Path in the answer to the provider.")
    time_column: str
    claimed_column: str
    provider_column: str
    status_column: str
    window_seconds: int = Field(gt=0, description="Rows are looked for from this long before the newest one on.")
    seconds_max: float = Field(gt=0, description="How long after the answer a row may be missing.")
    failures_in: tuple[str, ...] = Field(description="Environments whose history has requests that were refused, too.")
    apart_seconds_max: float = Field(gt=0, description="A row's time may be so far from that of its request.")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a row of the history says; None for what it has no column for. `at` is in Unix seconds."""

    claimed: float | None
    provider: str | None
    status: str | None
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Own:
    """An OCR request of this run, as its answer says, and the rows that have its time; it was asked `at` (Unix)."""

    claimed: float
    provider: object
    success: bool
    rows: tuple[Entry, ...] = ()
    at: float = 0.0


_ENOUGH = 3
_SHARED = 0.5
_NEAR_SECONDS = 15.0  # a row that had to wait for its turn is as much later than those of other requests
_DECIMALS = 100  # a time with no more than two decimals may be another request's as well


def own_requests(promise: Entries, answers: Sequence[Answer]) -> list[Own]:
    """Give the requests whose rows can be told from others': worked on, with a time that is fine enough."""
    found = []
    for answer in answers:
        claimed, success, by = (
            _field(answer, path) for path in (promise.claimed, promise.success, promise.answered_by)
        )
        kept = _field(answer, promise.cached) is True
        fine = isinstance(claimed, float) and not (claimed * _DECIMALS).is_integer()
        if answer.status == _OK and fine and not kept and isinstance(success, bool) and isinstance(claimed, float):
            found.append(Own(claimed, by, success, at=answer.asked_at))
    return found


def matched(own: Sequence[Own], entries: Sequence[Entry]) -> list[Own]:
    """Put the rows to the requests: those that took just as long.

    Refusals take a fraction of a millisecond, and of thousands some took just as long: their rows must be about as old,
    too. How far the clocks of the history are from ours, the requests that succeeded tell.
    """
    by_time: dict[float, list[Entry]] = {}
    for entry in entries:
        if entry.claimed is not None:
            by_time.setdefault(round(entry.claimed, 3), []).append(entry)
    found = [replace(one, rows=tuple(by_time.get(round(one.claimed, 3), ()))) for one in own]
    apart = [seconds for one in found if one.success and (seconds := _apart_seconds(one)) is not None]

    def as_old(one: Own, row: Entry) -> bool:
        late = None if row.at is None else row.at - one.at
        return late is None or not apart or any(abs(late - each) <= _NEAR_SECONDS for each in apart)

    return [
        one if one.success else replace(one, rows=tuple(row for row in one.rows if as_old(one, row))) for one in found
    ]


def _apart_seconds(one: Own) -> float | None:
    """Say how long after the request its row is from: the nearest one of those that may be its row."""
    return min((row.at - one.at for row in one.rows if row.at is not None), key=abs, default=None)


def judge_entries(promise: Entries, own: Sequence[Own], *, failures: bool, where: str, reproduce: str) -> Verdict:
    """Judge the rows of this run's own requests; `failures`: this history is known to have refused ones.

    Where no request is found by its time, the history keeps another one: then there is nothing to tell own rows by. A
    row too many may be that of another client's request that took just as long: most of them are not.
    """
    place = {"where": where, "reproduce": reproduce}
    successes = [one for one in own if one.success]
    refused = [one for one in own if not one.success]
    seen = [one for one in successes if one.rows]
    if len(successes) < _ENOUGH or not seen:
        return not_covered(
            f"{len(seen)} of {len(successes)} successes of this run are found by {promise.claimed_column}",
            "name the column with the time that answers claim in the contract's dependencies.toml",
        )
    if promise.holds == "failures" and not failures:
        remedy = "add the environment to `failures_in` if it does"
        return not_covered("the contract does not say that it has them", remedy)
    judges: Mapping[str, Callable[[], Verdict]] = {
        "once": lambda: _judge_once(successes, place),
        "provider": lambda: _judge_provider(promise, seen, place),
        "status": lambda: _judge_status(promise, seen, [one for one in refused if one.rows], place),
        "time": lambda: _judge_time(promise, seen, place),
        "failures": lambda: _judge_failures(refused, place),
    }
    return judges[promise.holds]()


def _judge_once(successes: Sequence[Own], place: Mapping[str, str]) -> Verdict:
    expected = "each request that succeeded is in the history once"
    missing = [one for one in successes if not one.rows]
    twice = [one for one in successes if len(one.rows) > 1]
    # Among thousands of rows, some of others' requests have taken just as long.
    if len(twice) > 1 and len(twice) > _SHARED * len(successes):
        said = f"{len(twice)} of {len(successes)} successes have {len(twice[0].rows)} rows each"
        return failed(expected, said, **place)
    # Of one alone the time may have been kept in another way, as of a request that was tried twice.
    if len(missing) > 1:
        return failed(expected, f"{len(missing)} of {len(successes)} successes are missing", **place)
    others = f", and {len(twice)} times that others share" if twice else ""
    return passed(f"{len(successes) - len(missing)} successes, one row each{others}", where=place["where"])


def _judge_provider(promise: Entries, seen: Sequence[Own], place: Mapping[str, str]) -> Verdict:
    if any(row.provider is None for one in seen for row in one.rows):
        return not_covered(f"there is no {promise.provider_column}", "name the column in the contract, if there is one")
    wrong = [one for one in seen if one.provider not in {row.provider for row in one.rows}]
    if len(wrong) > 1:
        said = f"{shown(wrong[0].rows[0].provider)} where {shown(wrong[0].provider)} answered"
        expected = f"{promise.provider_column} is the provider that answered"
        return failed(expected, f"{said}, in {len(wrong)} of {len(seen)} rows", **place)
    return passed(f"{len(seen)} rows with the provider that answered", where=place["where"])


def _judge_time(promise: Entries, seen: Sequence[Own], place: Mapping[str, str]) -> Verdict:
    """A row that others' requests share the time of work with may be theirs: the nearest one counts."""
    most = promise.apart_seconds_max
    expected = f"{promise.time_column} is when the request was made, within {most:g} s"
    apart = [seconds for one in seen if (seconds := _apart_seconds(one)) is not None]
    if not apart:
        return not_covered(f"{promise.time_column} has no time zone, or is not there", "keep moments with a time zone")
    wrong = [each for each in apart if abs(each) > most]
    if len(wrong) > 1:
        way = "after" if wrong[0] > 0 else "before"
        observed = f"{abs(wrong[0]):.0f} s {way} the request, and likewise in {len(wrong)} of {len(apart)} rows"
        return failed(expected, observed, **place)
    return passed(f"{len(apart)} rows with the time of their requests", where=place["where"])


def _judge_status(promise: Entries, seen: Sequence[Own], refused: Sequence[Own], place: Mapping[str, str]) -> Verdict:
    # A second row may be another's, which failed after just as long: what a success is called, single rows tell.
    sure = [one for one in seen if len(one.rows) == 1] or seen
    good, bad = ({row.status for one in ones for row in one.rows} for ones in (sure, refused))
    if not bad or None in good:
        return not_covered("no row of a failure, or no such column, to compare with", "look at more than this area")
    if all(str(status).isdigit() for status in good):
        return not_covered(
            f"{promise.status_column} is a number, as of HTTP", "nothing to do: handled failures have 200"
        )
    alike = [one for one in refused if {row.status for row in one.rows} <= good]
    if len(alike) > 1:
        said = f"{shown(alike[0].rows[0].status)} for a failure, as for successes"
        expected = f"{promise.status_column} tells successes from failures"
        return failed(expected, f"{said}, in {len(alike)} of {len(refused)} rows", **place)
    return passed(f"{some(sorted(map(str, good)))} and {some(sorted(map(str, bad)))}", where=place["where"])


def _judge_failures(refused: Sequence[Own], place: Mapping[str, str]) -> Verdict:
    if len(refused) < _ENOUGH:
        return not_covered(f"this run had {len(refused)} refused requests", "look at more than this area")
    missing = sum(not one.rows for one in refused)
    if missing > 1:
        expected = "requests that were refused are in the history, too"
        return failed(expected, f"{missing} of {len(refused)} are missing", **place)
    return passed(f"{len(refused) - missing} refused requests", where=place["where"])


@check("dependencies.entries", Entries, last=True)
def test_entries(promise: Entries, target: Target) -> Verdict:
    """The history says of this run's requests what their answers said: after everything that this run has sent."""
    own = target.once(("entries", promise.table), lambda: _entries(promise, target))
    statement = f"TABLE {promise.table} ORDER BY {promise.time_column} DESC LIMIT 20"
    place = {"where": f"{promise.table} in Postgres", "reproduce": _psql(statement)}
    return judge_entries(promise, own, failures=target.scope.name in promise.failures_in, **place)


def _entries(promise: Entries, target: Target) -> list[Own]:
    """Look for the rows of all OCR requests that this run has sent so far; waits for those that are missing."""
    route = target.contract.act(promise.act).route
    sent = [kept.answer for kept in target.platform.answered if kept.act.route == route]
    refused = sum(_field(answer, promise.success) is False for answer in sent)
    if min(refused, len(sent) - refused) < _ENOUGH:  # this area was asked for alone
        acts = [target.contract.act(name) for name in (promise.act, promise.refused)]
        target.platform.send_each([Sending(act) for act in acts for _ in range(2 * _ENOUGH)])
    answers = [kept.answer for kept in target.platform.answered if kept.act.route == route]
    own = own_requests(promise, answers)
    postgres = components.postgres(target)
    columns = (promise.claimed_column, promise.provider_column, promise.status_column, promise.time_column)
    found: list[Own] = list(own)

    def all_there() -> bool:
        nonlocal found
        since = postgres.before_newest(promise.table, promise.time_column, promise.window_seconds)
        rows = postgres.texts_since(promise.table, promise.time_column, since, columns)
        entries = [Entry(_number(claimed), provider, status, _moment(at)) for claimed, provider, status, at in rows]
        found = matched(own, entries)
        return all(one.rows for one in found) or not any(one.rows for one in found)

    with contextlib.suppress(GaveUp):
        wait_until(all_there, timeout_seconds=promise.seconds_max, what="the rows", interval_seconds=0.5)
    return found


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _moment(text: str | None) -> float | None:
    """Read a moment as Postgres writes it into JSON; None where it has no time zone, which could mean any."""
    try:
        moment = None if text is None else dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment is None or moment.tzinfo is None else moment.timestamp()


class Room(Promise):
    """Postgres has room for more connections."""

    requires: tuple[Component, ...] = (Component.APP, Component.POSTGRES)
    share_max: float = Field(gt=0, le=1)
    advised: int = Field(description="What the manual sets max_connections to; another value is noted.")


def judge_room(promise: Room, found: Connections) -> Verdict:
    """The share of connections in use is small enough."""
    place = {
        "where": "pg_stat_activity of Postgres",
        "reproduce": _psql("SELECT count(*), current_setting('max_connections') FROM pg_stat_activity"),
    }
    observed = f"{found.used} of {found.max} connections in use"
    notes = (
        [f"max_connections = {found.max}; the manual sets {promise.advised}"] if found.max != promise.advised else []
    )
    if found.used > promise.share_max * found.max:
        return failed(f"at most {promise.share_max:.0%} in use", observed, notes=notes, **place)
    return passed(observed, where=place["where"], notes=notes)


def _connections(target: Target) -> Connections:
    return target.once("connections", lambda: components.postgres(target).connections())


@check("dependencies.room", Room)
def test_room(promise: Room, target: Target) -> Verdict:
    """Postgres can take more connections."""
    return judge_room(promise, _connections(target))


class PoolsFit(Promise):
    """The connection pools of all replicas together fit into Postgres."""

    requires: tuple[Component, ...] = (Component.APP, Component.POSTGRES)
    health_page: RouteName
    path: str = Field(description="Path on the health page to the size of a replica's pool.")
    reserve: int = Field(ge=0, description="Connections that are for others.")


def judge_pools_fit(promise: PoolsFit, health: Sequence[Page], replicas: int, allowed: int) -> Verdict:
    """All pools filled, and the reserve, stay within max_connections."""
    sizes = [dig(page.answer.json(), promise.path) for page in health]
    size = max((size for size in sizes if isinstance(size, int) and not isinstance(size, bool)), default=None)
    if size is None:
        remedy = "correct `path` in the contract's dependencies.toml, if the page shows the size elsewhere"
        return not_covered(f"{promise.path} is {shown(sizes[0])}", remedy)
    observed = f"{replicas} replicas x {size} + {promise.reserve} for others, max_connections = {allowed}"
    if replicas * size + promise.reserve > allowed:
        place = {"where": health[0].answer.asked, "reproduce": curl(health[0].answer.url)}
        return failed("room for all pools", observed, **place)
    return passed(observed, where=health[0].answer.asked)


@check("dependencies.pools_fit", PoolsFit)
def test_pools_fit(promise: PoolsFit, target: Target) -> Verdict:
    """All replicas can fill their pools."""
    found = target.replicas()
    known = max(len(found.urls) + len(found.unlisted), len(found.scrapes), target.scope.environment.replicas or 1)
    return judge_pools_fit(promise, target.pages(promise.health_page), known, _connections(target).max)
