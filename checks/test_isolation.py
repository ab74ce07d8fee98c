"""Isolation: what one client sends changes nothing for others, and nobody gets an answer that belongs to another."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, ParamSpec

from pydantic import Field

from selfcheck import corpus, replicas
from selfcheck.answering import breach, describe_answer
from selfcheck.checking import check
from selfcheck.clients.http import Answer
from selfcheck.clients.platform import Caller, Sending
from selfcheck.contract import Act, ActName, Component, Model, PayloadName, Promise, Right, RouteName
from selfcheck.observation import CouldNotObserve
from selfcheck.settings import SETTING_OF
from selfcheck.values import Missing, dig, leaves, shown, some
from selfcheck.verdict import Verdict, combine, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from selfcheck.target import Target

Got = Answer | CouldNotObserve
Asked = Mapping[str, Got]
"""What came back, by name of the request."""

P = ParamSpec("P")

_HTTP_OK = 200
_RATE_LIMITED = 429
_CREDENTIAL_WANTED = (401, 403)
_NO_SUCH_ROUTE = (404, 405)
_SERVER_ERROR = 500


class _SettledError(Exception):
    """What came back tells nothing of the promise; the verdict says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.observed)
        self.verdict = verdict


def _settling(judge: Callable[P, Verdict]) -> Callable[P, Verdict]:
    """Let a judge end where an answer that it needs tells nothing."""

    @functools.wraps(judge)
    def settled(*args: P.args, **kwargs: P.kwargs) -> Verdict:
        try:
            return judge(*args, **kwargs)
        except _SettledError as error:
            return error.verdict

    return settled


def _usable(got: Got, expected: str, place: Mapping[str, str]) -> Answer:
    """Give the answer; ends the judge where it tells nothing, or is an error of the platform."""
    if isinstance(got, CouldNotObserve):
        raise _SettledError(inconclusive(expected, got.sentence, **place))
    if got.status == _RATE_LIMITED:
        raise _SettledError(inconclusive(expected, f"HTTP {got.status}: too many requests of late", **place))
    if got.status in _CREDENTIAL_WANTED:
        remedy = f"set {SETTING_OF[Component.API_KEY]} and {SETTING_OF[Component.OTHER_API_KEY]}"
        raise _SettledError(not_covered(f"{got.asked}: HTTP {got.status} for this run's credential", remedy))
    if got.status in _NO_SUCH_ROUTE:
        remedy = "put the deployment's own path of the route into the contract's api.toml"
        raise _SettledError(not_covered(f"{got.asked}: HTTP {got.status}", remedy))
    if got.status >= _SERVER_ERROR:
        raise _SettledError(failed(expected, _said(got), **place))
    return got


def _said(got: Answer) -> str:
    return f"HTTP {got.status} {shown(got.body[:120].decode('utf-8', errors='replace'), 130)}"


def _one_base(target: Target, component: Component = Component.APP) -> str | None:
    """Give one replica to ask, so that what it remembers in its own memory is met again; None: the load balancer."""
    return next(iter(target.trusted_bases(component).values()), None)


def _send(target: Target, sendings: Mapping[str, Sending]) -> dict[str, Got]:
    """Send all at once; gives what came back by name."""
    return dict(zip(sendings, target.platform.send_each(list(sendings.values())), strict=True))


# ------------------------------------------------------------------------------------------------------------ bad input


class Series(Model):
    """A request that the platform refuses, and a good one of the same kind."""

    bad: ActName
    good: ActName
    only_code: str | None = Field(
        None, description="The rest is sent only if the first one is refused with this code, or with HTTP 4xx."
    )


class BadInput(Promise):
    """A client's bad requests in a row leave one thing as it was."""

    right: Right = Right.INTRUSIVE
    looks_at: Literal["breakers", "providers", "pages", "next", "others"]
    series: tuple[Series, ...] = Field(min_length=1)
    times: int = Field(ge=1, le=20, description="How many bad requests in a row: more than open a breaker.")
    success: str = Field(description="Path to the flag that says whether a recognition succeeded.")
    code: str = Field(description="Path to the error code of one that did not.")
    breaker: str = Field(description="Gauge with the state of each circuit breaker.")
    closed: float
    providers_page: RouteName
    providers: str = Field(description="Path to the list of providers on that page.")
    ready: str = Field(description="Path to the flag in each entry of that list.")
    unchanged: Mapping[RouteName, tuple[str, ...]] = Field(description="Pages, and the entries that stay as they were.")
    slower_by_factor: float = Field(gt=1)
    slower_by_seconds: float = Field(gt=0)


@dataclass(frozen=True, slots=True)
class Scene:
    """How the platform was at one moment: its breakers by replica and series, and some pages.

    `breakers` is None where no page has the gauge.
    """

    breakers: Mapping[str, float] | CouldNotObserve | None
    pages: Asked


@dataclass(frozen=True, slots=True)
class Storm:
    """What happened: the platform before and after, what came back to bad requests and to good ones before and after.

    All but `other` are by the act's name. `other` came back to another client in the middle of it.
    """

    before: Scene
    after: Scene
    good_before: Asked
    good_after: Asked
    bad: Mapping[str, Sequence[Got]]
    other: Got


def judge_breakers(promise: BadInput, storm: Storm, *, where: str, reproduce: str) -> Verdict:
    """No breaker that was closed is anything else now."""
    expected = f"{promise.breaker} stays {promise.closed:g} after {promise.times} bad requests in a row"
    place = {"where": where, "reproduce": reproduce}
    before, after = storm.before.breakers, storm.after.breakers
    for scene in (before, after):
        if isinstance(scene, CouldNotObserve):
            return inconclusive(expected, scene.sentence, **place)
    if not isinstance(after, Mapping):
        return not_covered(f"no metrics page has {promise.breaker}", "name the gauge of the breakers in isolation.toml")
    known = before if isinstance(before, Mapping) else {}
    opened = [
        f"{series} from {promise.closed:g} to {state:g}"
        for series, state in after.items()
        if state != promise.closed and known.get(series, promise.closed) == promise.closed
    ]
    if opened:
        return failed(expected, some(opened), **place)
    return _unless_taken(promise, storm, passed(f"{len(after)} breakers as before", where=where), expected, place)


@_settling
def judge_providers(promise: BadInput, storm: Storm, *, where: str, reproduce: str) -> Verdict:
    """Every provider that was ready is ready."""
    expected = f"each provider as ready as before {promise.times} bad requests in a row"
    place = {"where": where, "reproduce": reproduce}
    before = _usable(storm.before.pages[promise.providers_page], expected, place)
    after = _usable(storm.after.pages[promise.providers_page], expected, place)
    were, are = _ready_providers(promise, before), _ready_providers(promise, after)
    if not were:
        return not_covered("no provider was ready before", "see the promises about providers")
    gone = [f"{name} is not ready any more" for name in were if name not in are]
    if gone:
        return failed(expected, some(gone), **place)
    return _unless_taken(promise, storm, passed(f"{len(are)} providers ready", where=where), expected, place)


def _ready_providers(promise: BadInput, page: Answer) -> list[str]:
    entries = dig(page.json(), promise.providers)
    if not isinstance(entries, list):
        return []
    return [
        " ".join(str(value) for key, value in entry.items() if isinstance(value, str) and key != promise.ready)
        for entry in entries
        if isinstance(entry, Mapping) and entry.get(promise.ready) is True
    ]


def judge_pages(promise: BadInput, storm: Storm, *, where: str, reproduce: str) -> Verdict:
    """The entries of health and readiness that were there before are the same."""
    expected = f"health and readiness as before {promise.times} bad requests in a row"
    place = {"where": where, "reproduce": reproduce}
    changed = []
    for route, paths in promise.unchanged.items():
        # A readiness page that says "not ready" answers 503, and is judged for what it says.
        before, after = storm.before.pages[route], storm.after.pages[route]
        if isinstance(before, CouldNotObserve):
            return inconclusive(expected, before.sentence, **place)
        if isinstance(after, CouldNotObserve):
            return inconclusive(expected, after.sentence, **place)
        if before.status != after.status:
            changed.append(f"{route}: HTTP {before.status} and then HTTP {after.status}")
        changed += [
            f"{route}: {path} was {shown(was)} and is {shown(now)}"
            for path in paths
            if (was := dig(before.json(), path)) != (now := dig(after.json(), path))
        ]
    if changed:
        return failed(expected, some(changed), **place)
    return _unless_taken(promise, storm, passed("as before", where=where), expected, place)


def judge_next(promise: BadInput, storm: Storm, acts: Mapping[str, Act], *, where: str, reproduce: str) -> Verdict:
    """Where a good request succeeded before, it does right after the bad ones, and takes about as long."""

    @_settling
    def one(series: Series) -> Verdict:
        act = acts[series.good]
        expected = f"{series.good} right after {promise.times} x {series.bad}: {describe_answer(act)}"
        place = {"where": where, "reproduce": reproduce}
        before, after = _usable(storm.good_before[act.name], expected, place), storm.good_after[act.name]
        if wrong := breach(act, before):
            return not_covered(f"{series.good} before anything bad was sent: {wrong}", "name a good act that succeeds")
        if isinstance(after, Answer) and (wrong := breach(act, after)) and after.status != _RATE_LIMITED:
            return failed(expected, wrong, **place)
        after = _usable(after, expected, place)
        took, took_before = after.elapsed_seconds, before.elapsed_seconds
        if _much_slower(promise, before, after):
            limit = f"within {promise.slower_by_factor:g} times the {took_before:.2f} s of before"
            return failed(f"{expected}, {limit}", f"{took:.2f} s", **place)
        good = passed(f"{series.good} took {took:.2f} s, {took_before:.2f} s before", where=where)
        return _unless_taken(promise, storm, good, expected, place)

    return combine(map(one, promise.series))


@_settling
def judge_others(promise: BadInput, storm: Storm, act: Act, *, where: str, reproduce: str) -> Verdict:
    """Another client's good request succeeds in the middle of it, if this client's did before."""
    expected = f"{act.name} of another client meanwhile: {describe_answer(act)}"
    place = {"where": where, "reproduce": reproduce}
    before = _usable(storm.good_before[act.name], expected, place)
    if wrong := breach(act, before):
        return not_covered(f"{act.name} before anything bad was sent: {wrong}", "name a good act that succeeds")
    got = _usable(storm.other, expected, place)
    if wrong := breach(act, got):
        return failed(expected, wrong, **place)
    return _unless_taken(promise, storm, passed("the other client was served", where=where), expected, place)


def _unless_taken(promise: BadInput, storm: Storm, good: Verdict, expected: str, place: Mapping[str, str]) -> Verdict:
    """Take a good verdict back where too few of the bad requests were refused: it would rest on nothing."""
    notes = []
    for name, answers in storm.bad.items():
        if len(answers) < promise.times:
            notes.append(f"{name} counts as the provider's failure here: sent once")
            continue
        refused = sum(_is_refused(promise, got) for got in answers)
        if refused < promise.times:
            notes.append(f"{refused} of {len(answers)} {name} were refused")
    if len(notes) < len(storm.bad):
        return good.with_notes(*notes)
    lost = [got for answers in storm.bad.values() for got in answers if _is_lost(got)]
    if lost:
        return inconclusive(expected, some(notes), **place)
    return not_covered(some(notes), "name requests that the platform refuses as `bad` in isolation.toml")


def _is_lost(got: Got) -> bool:
    return isinstance(got, CouldNotObserve) or got.status == _RATE_LIMITED


def _is_refused(promise: BadInput, got: Got) -> bool:
    if isinstance(got, CouldNotObserve):
        return False
    if got.status == _HTTP_OK:
        return dig(got.json(), promise.success) is False
    other_reasons = (*_CREDENTIAL_WANTED, *_NO_SUCH_ROUTE, _RATE_LIMITED)
    return _HTTP_OK < got.status < _SERVER_ERROR and got.status not in other_reasons


def _scene(promise: BadInput, target: Target, base: str | None) -> Scene:
    routes = [promise.providers_page, *promise.unchanged]
    breakers: Mapping[str, float] | CouldNotObserve | None
    try:
        found = replicas.snapshot(
            target.platform, target.contract, target.replicas(), families=(promise.breaker,)
        ).scrapes.values()
        breakers = {
            f"{sample.key}{f' of {scrape.replica}' if scrape.replica else ''}": sample.value
            for scrape in found
            for sample in scrape.exposition.series(promise.breaker)
        }
        if not any(promise.breaker in scrape.exposition.families for scrape in found):
            breakers = None
    except CouldNotObserve as error:
        breakers = error
    return Scene(breakers, dict(zip(routes, target.platform.get_all([(name, base) for name in routes]), strict=True)))


def _storm(promise: BadInput, target: Target) -> Storm:
    """Send bad requests in a row to one replica, whose breakers then have the most to count."""
    base = _one_base(target)
    goods = {series.good: Sending(target.contract.act(series.good), base=base) for series in promise.series}
    before = _scene(promise, target, base)
    good_before = _send(target, goods)
    # What counts as a provider's failure opens its breaker rightly.
    tried = _send(
        target,
        {
            f"{series.bad} 0": Sending(target.contract.act(series.bad), base=base)
            for series in promise.series
            if series.only_code is not None
        },
    )
    bads = {
        f"{series.bad} {number}": Sending(target.contract.act(series.bad), base=base)
        for series in promise.series
        for number in range(promise.times)
        if f"{series.bad} {number}" not in tried
        and (series.only_code is None or _is_clients(promise, series.only_code, tried[f"{series.bad} 0"]))
    }
    other = Sending(target.contract.act(promise.series[0].good), caller=_another(target), base=base)
    answers = {**tried, **_send(target, {**bads, "other": other})}
    good_after = _good_again(promise, target, goods, good_before)
    after = _scene(promise, target, base)
    bad = {
        series.bad: [got for number in range(promise.times) if (got := answers.get(f"{series.bad} {number}"))]
        for series in promise.series
    }
    return Storm(before, after, good_before, good_after, bad, answers["other"])


def _is_clients(promise: BadInput, code: str, got: Got) -> bool:
    """Tell whether an answer says that the client is to blame."""
    return _is_refused(promise, got) and (
        isinstance(got, Answer) and (got.status != _HTTP_OK or dig(got.json(), promise.code) == code)
    )


def _good_again(promise: BadInput, target: Target, goods: Mapping[str, Sending], before: Asked) -> dict[str, Got]:
    """Send good requests; what is much slower than before is sent once more: a machine may be busy for a moment."""
    after = _send(target, goods)
    slow = {
        name: goods[name]
        for name, got in after.items()
        if isinstance(got, Answer) and isinstance(was := before[name], Answer) and _much_slower(promise, was, got)
    }
    return after | _send(target, slow)


def _much_slower(promise: BadInput, before: Answer, after: Answer) -> bool:
    took, took_before = after.elapsed_seconds, before.elapsed_seconds
    return took > promise.slower_by_factor * took_before and took > took_before + promise.slower_by_seconds


def _another(target: Target) -> Caller:
    known = target.scope.covers(Component.OTHER_API_KEY) and Component.OTHER_API_KEY not in target.blocked
    return Caller.OTHER if known else Caller.NOBODY


@check("isolation.bad_input", BadInput)
def test_bad_input(promise: BadInput, target: Target) -> Verdict:
    """One client's bad requests leave the platform as it was for everybody."""
    storm = target.once(("storm", promise.series, promise.times), lambda: _storm(promise, target))
    bad, good = (target.contract.act(getattr(promise.series[0], which)) for which in ("bad", "good"))
    route = target.contract.route(bad.route).path
    repeated = f"for i in $(seq {promise.times}); do {target.platform.curl(bad)}; done"
    place = {"where": f"POST {route}, {promise.times} x {', '.join(series.bad for series in promise.series)}"}
    page = target.platform.base() + target.contract.route(promise.providers_page).path
    metrics = target.platform.base() + target.contract.route(target.contract.platform.identity.metrics_route).path
    if promise.looks_at == "breakers":
        return judge_breakers(promise, storm, reproduce=f"{repeated}; curl -sSL {metrics} | grep circuit", **place)
    if promise.looks_at == "providers":
        return judge_providers(promise, storm, reproduce=f"{repeated}; curl -sS {page}", **place)
    if promise.looks_at == "pages":
        return judge_pages(promise, storm, reproduce=repeated, **place)
    after = f"{repeated}; {target.platform.curl(good)}"
    if promise.looks_at == "next":
        return judge_next(promise, storm, target.contract.acts, reproduce=after, **place)
    return judge_others(promise, storm, good, reproduce=f"{repeated} & {target.platform.curl(good)}", **place)


# ----------------------------------------------------------------------------------------------------------- own answer


class OwnAnswer(Promise):
    """A recognition is answered with what stands in its own file, whatever else was asked before or meanwhile."""

    right: Right = Right.SYNTHETIC
    holds: Literal[
        "same_answer",
        "other_file",
        "other_caller",
        "other_key",
        "other_provider",
        "cached_provider",
        "fresh",
        "together",
        "same_name",
    ]
    plain: ActName
    by_one: ActName = Field(description="As `plain`, of a provider by name; its `expect` says how it is named.")
    by_another: ActName
    once: ActName = Field(description="As `plain`, with `{unique}` as idempotency key.")
    once_by_one: ActName
    once_by_another: ActName
    file: PayloadName
    other_file: PayloadName = Field(description="One in which other things stand.")
    content: tuple[str, ...] = Field(min_length=1, description="Paths to what was read in the file.")
    success: str
    cached: str = Field(description="Path to the flag of an answer that was kept; it need not be there.")
    together: int = Field(ge=2, le=8, description="How many requests are under way at the same time.")
    tenants_in: tuple[str, ...] = Field((), description="Environments that keep the clients of two keys apart.")


def _content(promise: OwnAnswer, answer: Answer) -> dict[str, object]:
    body = answer.json()
    return {path: dig(body, path) for path in promise.content}


def _foreign(promise: OwnAnswer, answer: Answer, own: Answer, other: Answer) -> list[str]:
    """Say what in an answer is the content of another file, known from that file's own answer."""
    theirs, right = _content(promise, other), _content(promise, own)
    return [
        f"{path} = {shown(value, 100)}"
        for path, value in _content(promise, answer).items()
        if value == theirs[path] and value != right[path]
    ]


def _read(promise: OwnAnswer, got: Got, expected: str, place: Mapping[str, str]) -> Answer:
    """Give the answer that others are held against; ends the judge where it cannot serve for that."""
    answer = _usable(got, expected, place)
    if not _is_served(promise, answer):
        observed = f"the drawing alone was not read: {_said(answer)}"
        raise _SettledError(not_covered(observed, "name a file that the platform reads in isolation.toml"))
    return answer


def _is_served(promise: OwnAnswer, answer: Answer) -> bool:
    return answer.status == _HTTP_OK and dig(answer.json(), promise.success) is True


@_settling
def judge_same_answer(promise: OwnAnswer, asked: Asked, *, where: str, reproduce: str) -> Verdict:
    """The same file under the same key is answered with the same content."""
    expected = "the same answer to the same file under the same idempotency key"
    place = {"where": where, "reproduce": reproduce}
    first, again = _read(promise, asked["first"], expected, place), _usable(asked["again"], expected, place)
    if not _is_served(promise, again):
        return failed(expected, f"the second time: {_said(again)}", **place)
    left, right = _content(promise, first), _content(promise, again)
    other = [
        f"{path}: {shown(left[path], 80)} and then {shown(right[path], 80)}"
        for path in left
        if left[path] != right[path]
    ]
    if other:
        return failed(expected, some(other), **place)
    return passed(f"{', '.join(left)} are the same", where=where)


@_settling
def judge_other_file(
    promise: OwnAnswer, asked: Asked, name: str, *, may_refuse: bool, where: str, reproduce: str
) -> Verdict:
    """Another file under a key that was used before is not answered with what stood in the first one."""
    expected = "the other file's own answer" + (", or a refusal" if may_refuse else "")
    place = {"where": where, "reproduce": reproduce}
    first, alone = _read(promise, asked["first"], expected, place), _usable(asked["alone"], expected, place)
    got = _usable(asked[name], expected, place)
    if not _is_served(promise, got):
        if may_refuse or not _is_served(promise, alone):
            return passed(f"refused: {_said(got)}", where=where)
        return failed(expected, _said(got), **place)
    if _content(promise, first) == _content(promise, alone):
        return not_covered("the same is read in both files", "name two files that differ in isolation.toml")
    if foreign := _foreign(promise, got, alone, first):
        return failed(expected, f"the first file's: {some(foreign)}", **place)
    return passed("its own content", where=where)


@_settling
def judge_provider(promise: OwnAnswer, asked: Asked, acts: Mapping[str, Act], *, where: str, reproduce: str) -> Verdict:
    """A provider that was asked for by name is the one that answers, though another one has read the same file.

    `acts` has, by the name of the request, the acts whose expectation says how each provider is named. `control` is
    another file read by the same provider: where that fails, nothing can be said. Under an idempotency key that was
    used before, the request may be refused instead.
    """
    name, may_refuse = promise.holds, promise.holds == "other_provider"
    expected = f"the answer of the provider that was asked for: {describe_answer(acts[name])}"
    place = {"where": where, "reproduce": reproduce}
    earlier = "named" if may_refuse else "kept"
    for control in (earlier, "control"):
        got = _usable(asked[control], expected, place)
        if wrong := breach(acts[control], got):
            return not_covered(f"{acts[control].name}: {wrong}", "name two providers that serve in isolation.toml")
    got = _usable(asked[name], expected, place)
    wrong = breach(acts[name], got)
    if may_refuse and not _is_served(promise, got):
        return passed(f"refused: {wrong}", where=where)
    if wrong:
        return failed(expected, wrong, **place)
    return passed("the provider that was asked for", where=where)


@_settling
def judge_fresh(promise: OwnAnswer, asked: Asked, *, where: str, reproduce: str) -> Verdict:
    """A file that nobody sent before is not said to come from a cache."""
    expected = f"{promise.cached} is not true for a file that was never sent before"
    place = {"where": where, "reproduce": reproduce}
    fresh = ("first", "named", "alone", "control", "kept")
    flags = [dig(_usable(asked[name], expected, place).json(), promise.cached) for name in fresh]
    if any(flag is True for flag in flags):
        return failed(expected, f"{promise.cached} = {', '.join(map(shown, flags))}", **place)
    if all(isinstance(flag, Missing) for flag in flags):
        return not_covered(
            f"the answers have no {promise.cached}", "nothing to do, or name the field in isolation.toml"
        )
    return passed(f"{promise.cached} = {shown(flags[0])} for {len(flags)} new files", where=where)


@_settling
def judge_together(promise: OwnAnswer, asked: Asked, *, where: str, reproduce: str) -> Verdict:
    """Of several requests under way at once, none is answered with what stands in another one's file."""
    expected = f"{promise.together} requests at once, each answered with what stands in its own file"
    place = {"where": where, "reproduce": reproduce}
    first, alone = _read(promise, asked["first"], expected, place), _read(promise, asked["alone"], expected, place)
    if _content(promise, first) == _content(promise, alone):
        return not_covered("the same is read in both files", "name two files that differ in isolation.toml")

    @_settling
    def one(number: int) -> Verdict:
        got = _usable(asked[f"together {number}"], expected, place)
        own, other = (first, alone) if number % 2 == 0 else (alone, first)
        if not _is_served(promise, got):
            return failed(expected, _said(got), **place)
        if foreign := _foreign(promise, got, own, other):
            return failed(expected, f"what stands in the other file: {some(foreign)}", **place)
        return passed(f"{promise.together} answers, each its own", where=where)

    return combine(map(one, range(promise.together)))


_ACT_OF = {
    "first": "once",
    "named": "once_by_one",
    "kept": "by_one",
    "control": "by_another",
    "other_provider": "once_by_another",
    "cached_provider": "by_another",
}
"""Which act of the promise some of the requests are."""
_LONG = "long" * 50
"""Clients put keys together from what they know: those that differ in the end only are others all the same."""


def _ask_all(promise: OwnAnswer, target: Target) -> Asked:
    """Send what is needed in batches: each rests on what the one before has left in caches.

    One file is sent while nothing else is under way: what stands in it must be known for sure.
    """
    base = _one_base(target)
    run = target.platform.mark

    def sending(act: ActName, file: PayloadName, mark: str, key: str = "", caller: Caller = Caller.OWN) -> Sending:
        values = {"unique": f"{run}-{key}"} if key else {}
        payload = corpus.payload(file, f"{run}-isolation-{mark}")
        return Sending(target.contract.act(act), values, caller=caller, payload=payload, base=base)

    file, other = promise.file, promise.other_file
    asked = _send(target, {"alone": sending(promise.plain, other, "alone")})
    asked |= _send(
        target,
        {
            "first": sending(promise.once, file, "first", "one"),
            "named": sending(promise.once_by_one, file, "named", "two"),
            "control": sending(promise.by_another, file, "control"),
            "kept": sending(promise.by_one, file, "kept"),
            "long_key": sending(promise.once, file, "long", f"{_LONG}-one"),
        },
    )
    # Another file under the name of one that was sent just now, as every client's "scan.png".
    namesake = replace(corpus.payload(other, f"{run}-isolation-namesake"), filename=corpus.payload(file, run).filename)
    second = {
        "same_name": Sending(target.contract.act(promise.plain), payload=namesake, base=base),
        "again": sending(promise.once, file, "first", "one"),
        "other_file": sending(promise.once, other, "other", "one"),
        "other_key": sending(promise.once, other, "other-key", f"{_LONG}-two"),
        "other_provider": sending(promise.once_by_another, file, "named", "two"),
        "cached_provider": sending(promise.by_another, file, "kept"),
    }
    if target.scope.covers(Component.OTHER_API_KEY) and Component.OTHER_API_KEY not in target.blocked:
        second["other_caller"] = sending(promise.once, other, "another", "one", Caller.OTHER)
    asked |= _send(target, second)
    together = {
        f"together {number}": sending(promise.plain, other if number % 2 else file, f"together-{number}")
        for number in range(promise.together)
    }
    return asked | _send(target, together)


@check("isolation.own_answer", OwnAnswer)
def test_own_answer(promise: OwnAnswer, target: Target) -> Verdict:
    """Nobody gets the answer to something else."""
    names = (promise.plain, promise.by_one, promise.by_another, promise.once, promise.file, promise.other_file)
    asked = target.once(("own answers", names, promise.together), lambda: _ask_all(promise, target))
    act = target.contract.act(promise.plain if promise.holds in ("fresh", "together", "same_name") else promise.once)
    place = {
        "where": f"POST {target.contract.route(act.route).path}, {promise.holds.replace('_', ' ')}",
        "reproduce": f"{target.platform.curl(act)}  # and again, as the promise says",
    }
    if promise.holds in ("other_file", "other_caller", "other_key", "same_name"):
        apart = target.scope.name in promise.tenants_in
        # A platform may have a limit on the length of a key.
        may_refuse = promise.holds in ("other_file", "other_key") or (promise.holds == "other_caller" and not apart)
        return judge_other_file(promise, asked, promise.holds, may_refuse=may_refuse, **place)
    if promise.holds in ("other_provider", "cached_provider"):
        acts = {name: target.contract.act(getattr(promise, field)) for name, field in _ACT_OF.items()}
        return judge_provider(promise, asked, acts, **place)
    judges: Mapping[str, Callable[..., Verdict]] = {
        "same_answer": judge_same_answer,
        "fresh": judge_fresh,
        "together": judge_together,
    }
    return judges[promise.holds](promise, asked, **place)


# -------------------------------------------------------------------------------------------------------------- tenants


class Tenants(Promise):
    """Something that two clients do not share, in the environments that keep them apart."""

    right: Right = Right.SYNTHETIC
    tenants_in: tuple[str, ...] = Field(description="Environments that keep the clients of two keys apart.")


def _not_apart(promise: Tenants, target: Target) -> Verdict | None:
    if target.scope.name in promise.tenants_in:
        return None
    return not_covered(
        f"the contract does not say that {target.scope.name} keeps clients apart",
        "add the environment to `tenants_in` in isolation.toml if it does",
    )


class TenantCache(Tenants):
    """What was kept for one client is not given to another."""

    act: ActName
    cached: str


@_settling
def judge_tenant_cache(promise: TenantCache, answers: Sequence[Got], *, where: str, reproduce: str) -> Verdict:
    """The same file: new for one client, kept for that one, and new for another. The answers are in this order."""
    expected = f"{promise.cached} is not true for a file that another client sent before"
    place = {"where": where, "reproduce": reproduce}
    flags = [dig(_usable(got, expected, place).json(), promise.cached) for got in answers]
    _, again, of_another = flags
    if of_another is True:
        return failed(expected, f"{promise.cached} = true for the other client", **place)
    if again is not True:
        return not_covered("nothing is kept: the same file again was worked on again", "nothing to do")
    return passed("kept for the one client, new for the other", where=where)


@check("isolation.tenant_cache", TenantCache)
def test_tenant_cache(promise: TenantCache, target: Target) -> Verdict:
    """Caches are apart."""
    if (shared := _not_apart(promise, target)) is not None:
        return shared
    act = target.contract.act(promise.act)
    route = target.contract.route(act.route)
    base = _one_base(target, route.component)
    payload = corpus.payload(act.file or "", f"{target.platform.mark}-tenant")
    answers: list[Got] = []
    for caller in (Caller.OWN, Caller.OWN, Caller.OTHER):
        answers += target.platform.send_each([Sending(act, caller=caller, payload=payload, base=base)])
    return judge_tenant_cache(promise, answers, where=f"POST {route.path}", reproduce=target.platform.curl(act))


class TenantVectors(Tenants):
    """What one client registered is out of reach of another."""

    holds: Literal["unseen", "kept"]
    compare: ActName
    score: str
    tolerance: float = Field(gt=0)


@_settling
def judge_unseen(got: Got, nobodys: Got, *, where: str, reproduce: str) -> Verdict:
    """Another client cannot compare with what it did not register, nor is it told that somebody has.

    `nobodys` is the answer for an id that nobody has. Numbers are left out: ids and moments differ each time.
    """
    expected = "no comparison with a vector that another client registered"
    place = {"where": where, "reproduce": reproduce}
    if not (isinstance(got, Answer) and _HTTP_OK < got.status < _SERVER_ERROR and got.status != _RATE_LIMITED):
        return failed(expected, _said(_usable(got, expected, place)), **place)
    if isinstance(nobodys, Answer) and nobodys.status == got.status:
        one, other = _plain(got), _plain(nobodys)
        telling = sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))
        if telling:
            said = f"{telling[0]} is {shown(one.get(telling[0], 'missing'))}, {shown(other.get(telling[0], 'missing'))}"
            return failed("the answer to an id that nobody has", f"{said} for an id that nobody has", **place)
    return passed(f"HTTP {got.status} for the other client", where=where)


def _plain(answer: Answer) -> dict[str, str]:
    """Give what an answer says, without what differs each time: whatever has a digit in it."""
    try:
        return {path: _VARIES.sub("#", str(value)) for path, value in leaves(answer.json())}
    except CouldNotObserve:
        return {}


_VARIES = re.compile(r"[\w-]*\d[\w:.-]*")


def judge_kept(promise: TenantVectors, mine: Sequence[Got], *, where: str, reproduce: str) -> Verdict:
    """Mine is as it was: after another client registered another one under its id, and after it deleted that twice."""
    place = {"where": where, "reproduce": reproduce}

    @_settling
    def one(got: Got, meanwhile: str) -> Verdict:
        expected = f"the vector as it was after another client {meanwhile} one of the same id"
        if isinstance(got, Answer) and got.status in _NO_SUCH_ROUTE:
            return failed(expected, _said(got), **place)
        score = dig(_usable(got, expected, place).json(), promise.score)
        if not isinstance(score, int | float) or abs(score - 1) > promise.tolerance:
            return failed(expected, f"compared with itself: {promise.score} = {shown(score)}", **place)
        return passed("as it was", where=where)

    return combine(one(got, meanwhile) for got, meanwhile in zip(mine, _MEANWHILE, strict=True))


_MEANWHILE = ("registered", "deleted, and deleted again,")
_MINE, _THEIRS = [3.0, 4.0, 0.0], [0.0, 0.0, 5.0]


def _meddled(promise: TenantVectors, target: Target) -> tuple[list[Got], list[Got]]:
    """Let another client compare with mine and with nobody's, register its own under my id, and delete it twice."""
    compare = target.contract.act(promise.compare)
    register = target.contract.act(target.contract.platform.candidate_register)
    remove = target.contract.act(target.contract.platform.candidate_remove)
    with target.registered([_MINE]) as (candidate,):
        if isinstance(candidate, CouldNotObserve):
            raise candidate
        values = {"candidate": candidate, "vector": _MINE}
        unseen = target.platform.send_each([Sending(compare, values, caller=Caller.OTHER)])
        unseen.append(_of_nobody(target, compare, values))
        target.platform.send_each([Sending(register, {**values, "vector": _THEIRS}, caller=Caller.OTHER)])
        try:
            mine = target.platform.send_each([Sending(compare, values)])
        finally:
            target.platform.send_each([Sending(remove, values, caller=Caller.OTHER)], tidying=True)
        target.platform.send_each([Sending(remove, values, caller=Caller.OTHER)])
        return unseen, mine + target.platform.send_each([Sending(compare, values)])


def _of_nobody(target: Target, compare: Act, values: Mapping[str, Any]) -> Got:
    """Give the answer for an id that nobody has: one that this run got already, or a new one."""
    known = [
        kept.answer
        for kept in target.platform.answered
        if kept.act.name == target.contract.platform.credentials_probe and kept.act.route == compare.route
    ]
    unknown = {**values, "candidate": f"{values['candidate']}-of-nobody"}
    return known[0] if known else target.platform.send_each([Sending(compare, unknown, caller=Caller.OTHER)])[0]


@check("isolation.tenant_vectors", TenantVectors)
def test_tenant_vectors(promise: TenantVectors, target: Target) -> Verdict:
    """Vectors are apart."""
    if (shared := _not_apart(promise, target)) is not None:
        return shared
    unseen, mine = target.once(("meddled", promise.compare), lambda: _meddled(promise, target))
    act = target.contract.act(promise.compare)
    place = {"where": f"POST {target.contract.route(act.route).path}", "reproduce": target.platform.curl(act)}
    return (
        judge_unseen(unseen[0], unseen[1], **place) if promise.holds == "unseen" else judge_kept(promise, mine, **place)
    )


# ---------------------------------------------------------------------------------------------- comparisons at one time


class Together(Promise):
    """Comparisons that are under way at the same time each get their own answer."""

    right: Right = Right.SYNTHETIC
    compare: ActName
    queries: tuple[tuple[float, ...], ...] = Field(min_length=1)
    candidates: tuple[tuple[float, ...], ...] = Field(min_length=2)
    reference: str
    score: str
    tolerance: float = Field(gt=0)


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison: the id of the candidate, the score that it must have, what came back."""

    candidate: str
    score: float
    got: Got


def judge_comparisons(promise: Together, compared: Sequence[Compared], *, where: str, reproduce: str) -> Verdict:
    """No answer names the candidate of another request, or has its score."""
    expected = f"{len(compared)} comparisons at once, each answered for its own candidate"
    place = {"where": where, "reproduce": reproduce}
    ids = {comparison.candidate for comparison in compared}
    scores = {comparison.score for comparison in compared}

    def near(left: Any, right: float) -> bool:
        return isinstance(left, int | float) and abs(left - right) <= promise.tolerance

    @_settling
    def one(comparison: Compared) -> Verdict:
        got = comparison.got
        if isinstance(got, Answer) and got.status in _NO_SUCH_ROUTE:
            return failed(expected, _said(got), **place)
        answer = _usable(got, expected, place)
        if answer.status != _HTTP_OK:
            return failed(expected, _said(answer), **place)
        name, score = dig(answer.json(), promise.reference), dig(answer.json(), promise.score)
        if name in ids - {comparison.candidate}:
            return failed(expected, f"{promise.reference} = {shown(name)}, not {shown(comparison.candidate)}", **place)
        if not near(score, comparison.score) and any(near(score, other) for other in scores):
            wanted = f"not {comparison.score:g}, as its own candidate has"
            return failed(expected, f"{promise.score} = {shown(score)}, {wanted}", **place)
        return passed(f"{len(compared)} answers, each its own", where=where)

    return combine(map(one, compared))


def cosine(left: Sequence[float], right: Sequence[float]) -> float:
    """Give the cosine of two vectors of the contract."""
    return math.fsum(a * b for a, b in zip(left, right, strict=True)) / (math.hypot(*left) * math.hypot(*right))


@check("isolation.together", Together)
def test_together(promise: Together, target: Target) -> Verdict:
    """Concurrent comparisons are not mixed up."""
    act = target.contract.act(promise.compare)
    place = {"where": f"POST {target.contract.route(act.route).path}", "reproduce": target.platform.curl(act)}
    base = _one_base(target)
    with target.registered(promise.candidates) as ids:
        for candidate in ids:
            if isinstance(candidate, CouldNotObserve):
                raise candidate
        pairs = [
            (query, str(name), vector)
            for query in promise.queries
            for name, vector in zip(ids, promise.candidates, strict=True)
        ]
        answers = target.platform.send_each(
            [Sending(act, {"vector": list(query), "candidate": name}, base=base) for query, name, _ in pairs]
        )
    compared = [
        Compared(name, cosine(query, vector), got) for (query, name, vector), got in zip(pairs, answers, strict=True)
    ]
    return judge_comparisons(promise, compared, **place)
