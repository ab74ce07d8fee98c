"""Security: who is let in, where the platform lets itself be led, and what its answers give away."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import shlex
import ssl
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pydantic import Field

from selfcheck import canary
from selfcheck.answering import breach, judge_unseen
from selfcheck.canary import Canary
from selfcheck.checking import check
from selfcheck.clients import tls
from selfcheck.clients.http import Answer
from selfcheck.clients.platform import Caller, Sending
from selfcheck.contract import ActName, Component, Model, Promise, Right, RouteName
from selfcheck.observation import CouldNotObserve
from selfcheck.openapi import operations
from selfcheck.secrets import Secrets as Registry
from selfcheck.target import Page
from selfcheck.values import Missing, curl, differences, dig, shown, some
from selfcheck.verdict import Verdict, combine, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from pathlib import Path

    from selfcheck.clients.platform import Answered as Kept
    from selfcheck.clients.tls import Handshake
    from selfcheck.contract import Act
    from selfcheck.exposition import Exposition
    from selfcheck.target import Target

_OK = 200
_MULTIPLE_CHOICES = 300
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _NO_SUCH_METHOD = 401, 403, 404, 405
_RATE_LIMITED = 429
_SERVER_ERROR, _NOT_IMPLEMENTED = 500, 501
_TOKEN_BYTES = 8
_OWN_SECRET_CHARACTERS_MIN = 12
"""A shorter credential may be a word, such as "test", that stands in pages for other reasons."""
_DAY_SECONDS = 86_400.0

Answered = Answer | CouldNotObserve


class Asked(NamedTuple):
    """One request of a check, and what came back."""

    what: str
    answer: Answered
    reproduce: str


def _unjudged(asked: Asked, expected: str) -> Verdict | None:
    """Give the verdict on an answer that tells nothing: none came, a rate limit refused, the server failed."""
    answer = asked.answer
    if isinstance(answer, CouldNotObserve):
        return judge_unseen(expected, answer)
    place = {"where": answer.asked, "reproduce": asked.reproduce}
    if answer.status == _RATE_LIMITED:
        remedy = "repeat when this client's allowance is free again"
        return inconclusive(expected, f"{asked.what}: HTTP 429", remedy=remedy, **place)
    if answer.status >= _SERVER_ERROR and answer.status != _NOT_IMPLEMENTED:
        return failed(expected, f"{asked.what}: HTTP {answer.status} {_start(answer)}", **place)
    return None


def _start(answer: Answer) -> str:
    return shown(answer.body[:120].decode("utf-8", errors="replace"), 90)


def _is_ok(answer: Answer) -> bool:
    return _OK <= answer.status < _MULTIPLE_CHOICES


def _command(target: Target, sending: Sending, credentials: Mapping[str, str]) -> str:
    """Give a command that sends the same; `credentials` has the text of headers that hold one, for a shell."""
    request = target.platform.request(sending)
    parts = ["curl", "-sSi", "-I" if request.method == "HEAD" else f"-X {request.method}"]
    parts += [f'-H "{name}: {text}"' if text else f"-H '{name};'" for name, text in credentials.items()]
    own = {target.contract.platform.tag_header, *credentials}
    parts += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in request.headers.items() if name not in own]
    if request.content is not None:
        parts.append(f"-d {shlex.quote(request.content.decode('utf-8', errors='replace'))}")
    query = "&".join(f"{key}={value}" for key, value in (request.params or {}).items())
    parts += ["--path-as-is"] if sending.path else []
    return " ".join([*parts, shlex.quote(request.url + (f"?{query}" if query else ""))])


# ------------------------------------------------------------------------------------------------------ who is let in

Credential = Literal["none", "empty", "unknown", "not_ascii", "cut", "longer", "other_case", "api_key", "admin_token"]
_AS = {
    "none": "without a credential",
    "empty": "with an empty credential",
    "unknown": "with a credential that nobody has",
    "not_ascii": "with a credential that is no ASCII",
    "cut": "with the first half of the credential",
    "longer": "with the credential and more behind it",
    "other_case": "with the credential in the other case",
    "api_key": "with an API key in place of the token",
    "admin_token": "with the admin token in place of an API key",
}
_HALF_CHARACTERS_MIN = 8


class Attempt(Model):
    """One try to be let in."""

    credential: Credential = "none"
    each_replica: bool = Field(False, description="Of each replica, not just through the load balancer.")
    statuses: tuple[int, ...] = Field((), description="How it is refused; left out: in any way.")
    path: str | None = Field(None, description="Asked instead of the route's path, which `{path}` stands for.")
    method: str | None = None
    headers: Mapping[str, str] = Field(default_factory=dict, description="`{path}` is the route's path.")


class Refused(Promise):
    """A route lets nobody in without the right credential, and does not repeat what it was given."""

    right: Right = Right.SYNTHETIC
    act: ActName = Field(description="What it expects is the answer to those who are let in.")
    shows: tuple[str, ...] = Field((), description="What such an answer has in it, as dotted paths.")
    attempts: tuple[Attempt, ...] = Field(min_length=1)


class Tried(NamedTuple):
    """One attempt, the credential that went with it, what came of it, and the replica where one was asked itself."""

    attempt: Attempt
    credential: str
    asked: Asked
    replica: str = ""


def judge_refused(promise: Refused, act: Act, tries: Sequence[Tried]) -> Verdict:
    """Nobody was let in; a direct attempt was refused with a promised status; no credential came back.

    Where every replica lets in itself what the load balancer refuses, credentials are the load balancer's business.
    """
    verdicts = []
    for attempt in promise.attempts:
        of_users = [each for each in tries if each.attempt == attempt and not each.replica]
        of_replicas = [each for each in tries if each.attempt == attempt and each.replica]
        verdicts += [_judge_try(promise, act, each) for each in of_users]
        if of_replicas and all(_lets_in(promise, act, each) for each in of_replicas):
            note = "replicas do not look at credentials: the load balancer does, and must be the only way to them"
            verdicts.append(passed("refused by the load balancer", notes=[note]))
        else:
            verdicts += [_judge_try(promise, act, each) for each in of_replicas]
    return combine(verdicts)


def _lets_in(promise: Refused, act: Act, each: Tried) -> bool:
    answer = each.asked.answer
    return not isinstance(answer, CouldNotObserve) and _is_let_in(promise, act, each.attempt, answer)


def _judge_try(promise: Refused, act: Act, each: Tried) -> Verdict:
    attempt, credential, asked, _ = each
    statuses = " or ".join(map(str, attempt.statuses))
    expected = f"refused with HTTP {statuses}" if statuses else "not let in"
    if (unjudged := _unjudged(asked, expected)) is not None or isinstance(asked.answer, CouldNotObserve):
        return unjudged or inconclusive(expected, asked.what)
    answer = asked.answer
    place = {"where": answer.asked, "reproduce": asked.reproduce}
    if _is_let_in(promise, act, attempt, answer):
        return failed(expected, f"let in {asked.what}: HTTP {answer.status} {_start(answer)}", **place)
    if attempt.statuses and answer.status not in attempt.statuses:
        if answer.status in (_NOT_FOUND, _NO_SUCH_METHOD):
            return _no_such_route(act.name, answer)
        return failed(expected, f"{asked.what}: HTTP {answer.status} {_start(answer)}", **place)
    if len(credential) >= _HALF_CHARACTERS_MIN and credential in _all_text(answer):
        return failed("a refusal that does not repeat the credential", f"{asked.what}: the answer shows it", **place)
    return passed(f"HTTP {answer.status}", where=answer.asked)


def _is_let_in(promise: Refused, act: Act, attempt: Attempt, answer: Answer) -> bool:
    if attempt.method == "HEAD":
        # Without a body only the type of the answer tells the route's own from a page for whatever is asked.
        return _is_ok(answer) and answer.content_type == "application/json"
    if attempt.method is not None and answer.content_type != "application/json":
        return False  # such a page is given to whoever asks for any path
    if breach(act, answer):
        return False
    try:
        return not any(isinstance(dig(answer.json(), path), Missing) for path in promise.shows)
    except CouldNotObserve:
        return False


def _all_text(answer: Answer) -> str:
    return f"{answer.headers}\n{answer.body.decode('utf-8', errors='replace')}"


def _no_such_route(name: str, answer: Answer) -> Verdict:
    hint = f"put the deployment's own path of {name!r} into the contract's api.toml"
    return not_covered(f"{answer.asked}: HTTP {answer.status}, so this deployment has no such route", hint)


class _Given(NamedTuple):
    """A credential to send: its headers, and how a shell would write their values."""

    value: str
    headers: Mapping[str, str]
    shell: Mapping[str, str]


def _given(target: Target, route: str, credential: Credential) -> _Given | None:
    """Make the credential of an attempt; None where it cannot be made of the run's own one."""
    platform = target.contract.platform
    is_admin = target.contract.route(route).key == "admin_token"
    header = platform.admin_token_header if is_admin else platform.api_key_header
    own = (target.scope.admin_token if is_admin else target.scope.api_key) or ""
    variable = "ADMIN_TOKEN" if is_admin else "API_KEY"
    more = secrets.token_hex(_TOKEN_BYTES)
    half = len(own) // 2
    made = {
        "empty": ("", ""),
        "unknown": (f"nobody-{more}", f"nobody-{more}"),
        "not_ascii": (f"n\u00f6body-{more}", f"n\u00f6body-{more}"),
        "cut": (own[:half] if half >= _HALF_CHARACTERS_MIN else "", f"${{{variable}:0:{half}}}"),
        "longer": (own and f"{own}-{more}", f"${variable}-{more}"),
        "other_case": (own.swapcase() if own.swapcase() != own else "", f"$(tr a-zA-Z A-Za-z <<<${variable})"),
        "api_key": (target.scope.api_key or "", "$API_KEY"),
        "admin_token": (target.scope.admin_token or "", "$ADMIN_TOKEN"),
    }
    if credential == "none":
        return _Given("", {}, {})
    value, shell = made[credential]
    if not value and credential != "empty":
        return None
    names = (header, platform.api_key_header) if credential == "api_key" else (header,)
    return _Given(value, dict.fromkeys(names, value), dict.fromkeys(names, shell))


def _tries(promise: Refused, target: Target) -> list[Tried]:
    """Make every attempt of a promise, all at once."""
    act = target.contract.act(promise.act)
    route = target.contract.route(act.route)
    bases = target.replica_bases(route.component)
    planned: list[tuple[Attempt, _Given, str, Sending]] = []
    for attempt in promise.attempts:
        given = _given(target, act.route, attempt.credential)
        if given is None:
            continue
        headers = {name: value.replace("{path}", route.path) for name, value in attempt.headers.items()}
        path = attempt.path and attempt.path.replace("{path}", route.path).replace("{PATH}", route.path.upper())
        sending = Sending(
            act,
            caller=Caller.NOBODY,
            headers={**headers, **given.headers},
            method=attempt.method,
            path=path,
            # Where a redirect leads to is an address that is asked for as well.
            follows=path is None,
        )
        asked_directly = bases if attempt.each_replica and len(bases) > 1 else {}
        for replica, base in {"": None, **asked_directly}.items():
            planned.append((attempt, given, replica, replace(sending, base=base)))
    answers = target.platform.send_each([sending for *_, sending in planned])
    return [
        Tried(
            attempt,
            given.value,
            Asked(_how(sending, attempt, replica), answer, _command(target, sending, given.shell)),
            replica,
        )
        for (attempt, given, replica, sending), answer in zip(planned, answers, strict=True)
    ]


def _how(sending: Sending, attempt: Attempt, replica: str) -> str:
    """Say how it was tried to get in."""
    parts = [_AS[attempt.credential]]
    parts += [f"as {sending.method}"] if sending.method else []
    parts += [f"at {sending.path}"] if sending.path else []
    parts += [f"with {', '.join(attempt.headers)}"] if attempt.headers else []
    parts += [f"(replica {replica})"] if replica else []
    return " ".join(parts)


@check("security.refused", Refused)
def test_refused(promise: Refused, target: Target) -> Verdict:
    """Nobody gets in without the right credential."""
    return judge_refused(promise, target.contract.act(promise.act), _tries(promise, target))


class Harmless(Promise):
    """A request that is refused changes nothing."""

    right: Right = Right.SYNTHETIC
    registers: ActName
    removes: ActName
    compares: ActName = Field(description="Succeeds with a registered vector.")
    statuses: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Trespass:
    """What came of requests without the right key, and what was there afterwards for one who has it.

    `registered` are the tries to register a vector and `removed` those to remove one of ours; `known` and `unknown` are
    comparisons without a key, with a vector that there is and with one that there is not. `ours` and `theirs` are our
    own comparisons afterwards, with our vector and with what was to be registered. `candidate` and `absent` are the ids
    of our vector and of the one that there is not; `can_remove` says whether we could remove ours in the end.
    """

    registered: tuple[Asked, ...]
    removed: tuple[Asked, ...]
    known: Asked
    unknown: Asked
    ours: Asked
    theirs: tuple[Asked, ...]
    candidate: str = "-"
    absent: str = "-"
    can_remove: bool = True


def judge_harmless(promise: Harmless, compare: Act, seen: Trespass) -> Verdict:
    """Each try was refused; our vector is there afterwards, and nobody else's."""
    statuses = " or ".join(map(str, promise.statuses))
    verdicts = [
        _judge_direct(asked, promise.statuses, f"refused with HTTP {statuses}", name, is_route=is_route)
        for tries, name, is_route in (
            (seen.registered, promise.registers, True),
            (seen.removed, promise.removes, seen.can_remove),
        )
        for asked in tries
    ]
    expected = "our vector is still there"
    if (unjudged := _unjudged(seen.ours, expected)) is not None:
        verdicts.append(unjudged)
    elif not isinstance(seen.ours.answer, CouldNotObserve):
        wrong = breach(compare, seen.ours.answer)
        place = {"where": seen.ours.answer.asked, "reproduce": seen.ours.reproduce}
        verdicts.append(failed(expected, f"gone: {wrong}", **place) if wrong else passed("it is there"))
    for asked in seen.theirs:
        if not isinstance(asked.answer, CouldNotObserve) and not breach(compare, asked.answer):
            place = {"where": asked.answer.asked, "reproduce": asked.reproduce}
            verdicts.append(failed("nothing registered", "a refused registration was kept", **place))
    return combine(verdicts)


def _judge_direct(asked: Asked, statuses: Sequence[int], expected: str, name: str, *, is_route: bool) -> Verdict:
    unjudged = _unjudged(asked, expected)
    if unjudged is not None or isinstance(asked.answer, CouldNotObserve):
        return unjudged or inconclusive(expected, asked.what)
    answer = asked.answer
    if answer.status in statuses:
        return passed(f"HTTP {answer.status}", where=answer.asked)
    if not is_route and answer.status in (_NOT_FOUND, _NO_SUCH_METHOD):
        return _no_such_route(name, answer)
    observed = f"{asked.what}: HTTP {answer.status} {_start(answer)}"
    return failed(expected, observed, where=answer.asked, reproduce=asked.reproduce)


class Indifferent(Harmless):
    """A refusal says nothing about what there is."""

    ignore: tuple[str, ...] = Field((), description="Paths in a refusal that differ from one to the next anyway.")


def judge_indifferent(promise: Indifferent, seen: Trespass) -> Verdict:
    """Without a key, a vector that there is and one that there is not get the same answer."""
    expected = "the same refusal whether or not the candidate exists"
    for asked in (seen.known, seen.unknown):
        if (unjudged := _unjudged(asked, expected)) is not None:
            return unjudged
    known, unknown = seen.known.answer, seen.unknown.answer
    if isinstance(known, CouldNotObserve) or isinstance(unknown, CouldNotObserve):
        return inconclusive(expected, "no answer")
    place = {"where": known.asked, "reproduce": seen.known.reproduce}
    if known.status != unknown.status:
        observed = f"HTTP {known.status} for one that exists, HTTP {unknown.status} for one that does not"
        return failed(expected, observed, **place)
    try:
        # A refusal may name what was asked for.
        left, right = known.text().replace(seen.candidate, "ID"), unknown.text().replace(seen.absent, "ID")
        found = differences(json.loads(left), json.loads(right), promise.ignore)
    except (CouldNotObserve, ValueError):
        return passed(f"HTTP {known.status} for both, without JSON", where=known.asked)
    if found:
        return failed(expected, some(found), **place)
    return passed(f"HTTP {known.status} for both", where=known.asked)


def _trespass(promise: Harmless, target: Target) -> Trespass:
    """Try everything without the right key, then look with it; raises CouldNotObserve where nothing can be registered.

    What should have been refused and was not is removed again.
    """
    register, remove = target.contract.act(promise.registers), target.contract.act(promise.removes)
    compare = target.contract.act(promise.compares)
    vector = [1.0, 2.0, 2.0]
    platform = target.platform
    marks = [f"{platform.mark}-{secrets.token_hex(_TOKEN_BYTES)}" for _ in range(3)]
    with target.registered([vector]) as (ours,):
        if isinstance(ours, CouldNotObserve):
            raise ours
        credentials = [
            (_AS[kind], given) for kind in ("none", "unknown") if (given := _given(target, register.route, kind))
        ]
        plan: list[tuple[Act, dict[str, Any]]] = [
            *((register, {"candidate": mark, "vector": vector}) for mark in marks[:2]),
            *[(remove, {"candidate": ours})] * 2,
            (compare, {"candidate": ours, "vector": vector}),
            (compare, {"candidate": marks[2], "vector": vector}),
        ]
        who = [*credentials, *credentials, credentials[0], credentials[0]]
        sendings = [
            Sending(act, values, caller=Caller.NOBODY, headers=given.headers)
            for (act, values), (_, given) in zip(plan, who, strict=True)
        ]
        answers = platform.send_each(sendings)
        asked = [
            Asked(f"{sending.act.name} {what}", answer, _command(target, sending, given.shell))
            for sending, (what, given), answer in zip(sendings, who, answers, strict=True)
        ]
        looked = _looked(target, compare, vector, (ours, *marks[:2]))
        if not isinstance(looked[0].answer, CouldNotObserve) and breach(compare, looked[0].answer):
            # Where each replica has a store of its own, another one may know it: gone is what none finds.
            again = _looked(target, compare, vector, [ours] * target.contract.platform.limits.page_asks)
            fine = [
                one for one in again if not isinstance(one.answer, CouldNotObserve) and not breach(compare, one.answer)
            ]
            looked[:1] = fine[:1] or looked[:1]
        kept = [
            sending
            for sending, answer in zip(sendings[:2], answers[:2], strict=True)
            if not isinstance(answer, CouldNotObserve) and _is_ok(answer)
        ]
        platform.send_each(
            [
                Sending(remove, sending.values, caller=caller, headers=headers)
                for sending in kept
                for caller, headers in ((Caller.NOBODY, sending.headers), (Caller.OWN, {}))
            ],
        )
    return Trespass(
        tuple(asked[:2]),
        tuple(asked[2:4]),
        asked[4],
        asked[5],
        looked[0],
        tuple(looked[1:]),
        ours,
        marks[2],
        can_remove=not any(ours in left for left in target.left_behind),
    )


def _looked(target: Target, compare: Act, vector: Sequence[float], names: Sequence[str]) -> list[Asked]:
    looks = [Sending(compare, {"candidate": name, "vector": vector}) for name in names]
    key = {target.contract.platform.api_key_header: "$API_KEY"}
    return [
        Asked("our own comparison", answer, _command(target, look, key))
        for look, answer in zip(looks, target.platform.send_each(looks), strict=True)
    ]


def _trespassed(promise: Harmless, target: Target) -> Trespass:
    key = ("trespass", promise.registers, promise.removes, promise.compares)
    return target.once(key, lambda: _trespass(promise, target))


@check("security.harmless", Harmless)
def test_harmless(promise: Harmless, target: Target) -> Verdict:
    """What is refused is not done."""
    return judge_harmless(promise, target.contract.act(promise.compares), _trespassed(promise, target))


@check("security.indifferent", Indifferent)
def test_indifferent(promise: Indifferent, target: Target) -> Verdict:
    """A refusal tells nothing about what exists."""
    return judge_indifferent(promise, _trespassed(promise, target))


# ------------------------------------------------------------------------------- where the platform lets itself be led


class Leads(Promise):
    """No page redirects to a host that the request named."""

    right: Right = Right.SYNTHETIC
    act: ActName
    paths: tuple[str, ...] = Field(min_length=1, description="`{host}` is the foreign host.")
    host: str


def judge_leads(promise: Leads, every: Sequence[Asked]) -> Verdict:
    """No answer sends a browser to the foreign host."""
    expected = f"no redirect to {promise.host}"

    def one(asked: Asked) -> Verdict:
        if (unjudged := _unjudged(asked, expected)) is not None or isinstance(asked.answer, CouldNotObserve):
            return unjudged or inconclusive(expected, asked.what)
        answer = asked.answer
        for name in ("location", "refresh"):
            value = str(answer.headers.get(name, ""))
            goal = value if name == "location" else value.partition("=")[2]
            if _leads_to(goal, promise.host):
                observed = f"{asked.what}: HTTP {answer.status}, {name}: {value}"
                return failed(expected, observed, where=answer.asked, reproduce=asked.reproduce)
        return passed(f"{len(every)} addresses tried", where=answer.asked)

    return combine(map(one, every))


def _leads_to(location: str, host: str) -> bool:
    """Tell whether a browser would go to the host: it drops blanks and takes a backslash for a slash."""
    goal = re.sub(r"[\t\r\n]", "", location).strip().strip("\"'").replace("\\", "/")
    try:
        found = urlsplit(re.sub(r"^(\w+:)?/{2,}", r"\1//", goal)).hostname or ""
    except ValueError:
        return False
    return found == host or found.endswith(f".{host}")


@check("security.leads", Leads)
def test_leads(promise: Leads, target: Target) -> Verdict:
    """No page is an open redirector."""
    act = target.contract.act(promise.act)
    paths = [path.replace("{host}", promise.host) for path in promise.paths]
    sendings = [Sending(act, path=path, follows=False) for path in paths]
    answers = target.platform.send_each(sendings)
    return judge_leads(
        promise,
        [
            Asked(path, answer, _command(target, sending, {}))
            for path, sending, answer in zip(paths, sendings, answers, strict=True)
        ],
    )


class Attempted(Model):
    """How an address is answered that was tried, and not refused before that."""

    codes: tuple[str, ...]
    addresses: tuple[str, ...] = Field(description="Beginnings of addresses that need no look-up.")


class Unled(Promise):
    """What takes a URL fetches nothing from where only the platform itself, or its neighbours, should get."""

    right: Right = Right.SYNTHETIC
    act: ActName = Field(description="`{address}` stands for the URL.")
    success: str = Field(description="Path to what says whether it worked.")
    code: str = Field("", description="Path to the code of an error.")
    tried: Attempted | None = None
    addresses: tuple[str, ...] = Field(
        min_length=1,
        description="`{port}` and `{token}` are those of a server of ours, `{own}` is its private address.",
    )
    private_networks: tuple[str, ...]


class Fetch(NamedTuple):
    """One URL that was given, and whether our own server was asked for it."""

    asked: Asked
    was_fetched: bool


def judge_unled(promise: Unled, fetches: Sequence[Fetch], *, nearby: bool) -> Verdict:
    """Nothing was fetched: our server was not asked, and each answer is a handled failure."""
    verdicts = [_judge_fetch(promise, fetch, _refusals(fetches, nearby=nearby)) for fetch in fetches]
    if promise.tried is not None:
        verdicts += _judge_tried(promise, promise.tried, fetches)
    return combine(verdicts)


def _judge_tried(promise: Unled, tried: Attempted, fetches: Sequence[Fetch]) -> list[Verdict]:
    """Say which addresses were answered as one that was tried, where the others were refused in another way."""
    answers = [(fetch.asked, fetch.asked.answer) for fetch in fetches]
    codes = {asked.what: _code(answer, promise.code) for asked, answer in answers if isinstance(answer, Answer)}
    refusals = {code for code in codes.values() if isinstance(code, str)} - set(tried.codes)
    if not refusals:
        return []
    return [
        failed(
            f"refused before it is tried, as others are ({', '.join(sorted(refusals))})",
            f"{asked.what}: {promise.code} = {shown(codes[asked.what])}",
            where=answer.asked,
            reproduce=asked.reproduce,
        )
        for asked, answer in answers
        if codes.get(asked.what) in tried.codes and asked.what.startswith(tried.addresses)
    ]


def _code(answer: Answer, path: str) -> object:
    try:
        return dig(answer.json(), path)
    except CouldNotObserve:
        return None


def _judge_fetch(promise: Unled, fetch: Fetch, refusals: str) -> Verdict:
    expected = "refused as a mistake of the client, and not fetched"
    asked = fetch.asked
    url, answer = asked.what, asked.answer
    place = {"where": answer.asked, "reproduce": asked.reproduce}
    if fetch.was_fetched:
        return failed(expected, f"{url} was fetched", **place)
    if (unjudged := _unjudged(asked, expected)) is not None or isinstance(answer, CouldNotObserve):
        return unjudged or inconclusive(expected, url)
    if answer.status in (_UNAUTHORIZED, _FORBIDDEN):
        return not_covered(f"HTTP {answer.status}: a key is needed", "set SELF_CHECK_API_KEY")
    if answer.status in (_NOT_FOUND, _NO_SUCH_METHOD):
        return _no_such_route(promise.act, answer)
    wrong = f"{url}: the answer has what stands there" if canary.TEXT in _all_text(answer) else ""
    if not wrong and _is_ok(answer):
        wrong = _unhandled(promise, url, answer)
    return failed(expected, wrong, **place) if wrong else passed(refusals, where=answer.asked)


def _unhandled(promise: Unled, url: str, answer: Answer) -> str:
    """Say in which way an answer with status 200 is no handled failure; empty when it is one."""
    try:
        success = dig(answer.json(), promise.success)
    except CouldNotObserve as error:
        return f"{url}: {error.came_back}"
    return "" if success is False else f"{url}: HTTP {answer.status}, {promise.success} = {shown(success)}"


def _refusals(fetches: Sequence[Fetch], *, nearby: bool) -> str:
    how = "none was fetched" if nearby else "judged by the answers alone, since the platform runs elsewhere"
    return f"{len(fetches)} addresses refused; {how}"


@check("security.unled", Unled)
def test_unled(promise: Unled, target: Target) -> Verdict:
    """The platform fetches nothing from inside."""
    base = target.platform.base()
    own = canary.own_addresses(base, promise.private_networks)
    act = target.contract.act(promise.act)
    with Canary.listening((*canary.LOOPBACK, *own)) as listening:
        given = _addresses(promise, listening, own)
        sendings = [Sending(act, {"address": url}) for url in given]
        answers = target.platform.send_each(sendings)
        heard = [listening.heard(token) for token in given.values()]
    fetches = [
        Fetch(Asked(url, answer, target.platform.curl(act).replace("{address}", url)), was_fetched)
        for url, answer, was_fetched in zip(given, answers, heard, strict=True)
    ]
    return judge_unled(promise, fetches, nearby=canary.is_here(base) or bool(own))


def _addresses(promise: Unled, listening: Canary, own: Sequence[str]) -> dict[str, str]:
    """Give the URLs to try, each with the token by which our server would know it again."""
    found = {}
    for template in promise.addresses:
        for address in own[:2] if "{own}" in template else ("",):
            token = secrets.token_hex(_TOKEN_BYTES)
            host = f"[{address}]" if ":" in address else address
            filled = {"{port}": str(listening.port), "{token}": token, "{own}": host}
            url = template
            for name, value in filled.items():
                url = url.replace(name, value)
            found[url] = token
    return found


class Cors(Promise):
    """No foreign page may use the platform with a visitor's credentials."""

    right: Right = Right.SYNTHETIC
    acts: tuple[ActName, ...] = Field(min_length=1)
    origins: tuple[str, ...] = Field(
        min_length=1, description="`{host}` is the platform's own host, `{host_x}` the same with an x for each dot."
    )
    more_acts: tuple[ActName, ...] = Field((), description="Asked for beforehand only, from the first origin.")
    more_origins: tuple[str, ...] = Field((), description="Asked for beforehand only.")
    preflight: Mapping[str, str] = Field(description="Headers of the request by which a browser asks beforehand.")


def judge_cors(promise: Cors, every: Sequence[tuple[str, Asked]]) -> Verdict:
    """Credentials are not allowed together with any origin, or with the foreign one; `every` has origin and answer."""
    expected = f"no credentials for {' or '.join((*promise.origins, *promise.more_origins))}"

    def one(origin: str, asked: Asked) -> Verdict:
        if (unjudged := _unjudged(asked, expected)) is not None or isinstance(asked.answer, CouldNotObserve):
            return unjudged or inconclusive(expected, asked.what)
        answer = asked.answer
        allowed = str(answer.headers.get("access-control-allow-origin", "")).strip()
        credentials = str(answer.headers.get("access-control-allow-credentials", "")).strip()
        if credentials.lower() == "true" and allowed.lower() in {"*", origin.lower()}:
            observed = f"{asked.what}: allows credentials to the origin {allowed}, asked from {origin}"
            return failed(expected, observed, where=answer.asked, reproduce=asked.reproduce)
        return passed(f"{len(every)} answers", where=answer.asked)

    return combine(one(origin, asked) for origin, asked in every)


def _origins(templates: Sequence[str], host: str) -> list[str]:
    """Fill in the origins; one that comes out as an own one, where a host has no dot, is none of a foreign page."""
    swapped = host.replace(".", "x")
    filled = [each.replace("{host_x}", swapped).replace("{host}", host) for each in templates]
    return [each for each in filled if urlsplit(each).netloc != host]


@check("security.cors", Cors)
def test_cors(promise: Cors, target: Target) -> Verdict:
    """Foreign origins get no credentials, neither beforehand nor in the answer."""
    host = urlsplit(target.platform.base()).hostname or ""
    planned: list[tuple[str, Sending]] = []
    for act in map(target.contract.act, promise.acts):
        is_plain = target.contract.route(act.route).method == "GET"
        origins = _origins(promise.origins if is_plain else (*promise.origins, *promise.more_origins), host)
        for number, origin in enumerate(origins):
            headers = {"Origin": origin}
            if is_plain:
                planned.append((origin, Sending(act, caller=Caller.NOBODY, headers=headers)))
                continue
            before = {**headers, **promise.preflight}
            planned.append((origin, Sending(act, caller=Caller.NOBODY, headers=before, method="OPTIONS")))
            if number == 0:
                # The header may be right beforehand and wrong in the answer itself.
                planned.append((origin, Sending(act, caller=Caller.NOBODY, headers=headers)))
    for origin in _origins(promise.origins, host)[:1]:
        before = {"Origin": origin, **promise.preflight}
        planned += [
            (origin, Sending(act, caller=Caller.NOBODY, headers=before, method="OPTIONS"))
            for act in map(target.contract.act, promise.more_acts)
        ]
    answers = target.platform.send_each([sending for _, sending in planned])
    return judge_cors(
        promise,
        [
            (origin, Asked(sending.act.name, answer, _command(target, sending, {})))
            for (origin, sending), answer in zip(planned, answers, strict=True)
        ],
    )


# ------------------------------------------------------------------------------------------- what answers give away


class Provocation(Model):
    """A request that is answered with an error."""

    act: ActName
    method: str | None = None
    path: str | None = None


class Silent(Promise):
    """Error answers say what was wrong with the request, and nothing about the insides."""

    right: Right = Right.SYNTHETIC
    provoke: tuple[Provocation, ...] = Field(min_length=1)
    patterns: tuple[str, ...] = Field(min_length=1)


def judge_silent(promise: Silent, every: Sequence[Asked], shows: Callable[[str], bool]) -> Verdict:
    """No answer matches a pattern of what only developers should see, and no mistake of ours is a server's failure."""
    expected = "an error without a trace, path, statement or secret of the server"

    def one(asked: Asked) -> Verdict:
        answer = asked.answer
        if not isinstance(answer, CouldNotObserve):
            text = _all_text(answer)
            if shows(text):
                observed = f"{asked.what}: HTTP {answer.status} shows a credential"
                return failed(expected, observed, where=answer.asked, reproduce=asked.reproduce)
            for pattern in promise.patterns:
                if found := re.search(pattern, text):
                    observed = f"{asked.what}: HTTP {answer.status} with {shown(found.group(0), 90)}"
                    return failed(expected, observed, where=answer.asked, reproduce=asked.reproduce)
        if (unjudged := _unjudged(asked, expected)) is not None or isinstance(answer, CouldNotObserve):
            return unjudged or inconclusive(expected, asked.what)
        return passed(f"{len(every)} errors looked at", where=answer.asked)

    return combine(map(one, every))


def _provoked(provoke: tuple[Provocation, ...], target: Target) -> list[Asked]:
    def look() -> list[Asked]:
        sendings = [
            Sending(target.contract.act(each.act), method=each.method, path=each.path, waits=False) for each in provoke
        ]
        credentials = [_own_credential(target, sending) for sending in sendings]
        return [
            Asked(
                f"{sending.method or ''} {sending.path or sending.act.name}".strip(),
                answer,
                _command(target, sending, shell),
            )
            for sending, shell, answer in zip(sendings, credentials, target.platform.send_each(sendings), strict=True)
        ]

    return target.once(("provoked", provoke), look)


def _own_credential(target: Target, sending: Sending) -> dict[str, str]:
    platform, key = target.contract.platform, target.contract.route(sending.act.route).key
    if key == "api_key" and target.scope.api_key:
        return {platform.api_key_header: "$API_KEY"}
    return {platform.admin_token_header: "$ADMIN_TOKEN"} if key == "admin_token" else {}


@check("security.silent", Silent)
def test_silent(promise: Silent, target: Target) -> Verdict:
    """Errors give nothing away."""
    return judge_silent(promise, _provoked(promise.provoke, target), _shows_ours(target))


class Inside(Promise):
    """What is meant for the machine or its developers is not served: known paths, and those in the document."""

    right: Right = Right.SYNTHETIC
    act: ActName = Field(description="The act that is sent to other paths.")
    paths: tuple[str, ...] = Field(min_length=1)
    documented: str = Field(description="Pattern of paths in the platform's OpenAPI document that are looked at, too.")
    documented_max: int = Field(ge=0, description="No more of those are asked for.")
    patterns: Mapping[str, str] = Field(min_length=1, description="What only stands there: its name, and a pattern.")


def documented_inside(promise: Inside, document: object, promised: Collection[str]) -> list[str]:
    """Give the paths of an OpenAPI document that can be asked for and look as if they were not meant for everybody."""
    found = [path for method, path, _ in operations(document) if method == "GET" and "{" not in path]
    inside = [path for path in found if path not in promised and re.search(promise.documented, path)]
    return list(dict.fromkeys(inside))[: promise.documented_max]


def judge_inside(promise: Inside, every: Sequence[Asked], shows: Callable[[str], bool]) -> Verdict:
    """No path is answered with what only stands inside; another answer, such as a page for any path, is none of it."""
    expected = f"nothing of the installation under {', '.join(asked.what for asked in every)}"

    def one(asked: Asked) -> Verdict:
        answer = asked.answer
        if isinstance(answer, CouldNotObserve):
            return judge_unseen(expected, answer)
        place = {"where": answer.asked, "reproduce": asked.reproduce}
        if _is_ok(answer):
            text = answer.body.decode("utf-8", errors="replace")
            found = [name for name, pattern in promise.patterns.items() if re.search(pattern, text)]
            found += ["a credential of this run"] if shows(text) else []
            if found:  # itself it is never part of the verdict
                observed = f"{asked.what}: HTTP {answer.status} shows {', '.join(found)} to anybody"
                return failed(expected, observed, **place)
        return passed(f"{len(every)} paths", where=answer.asked)

    return combine(map(one, every))


@check("security.inside", Inside)
def test_inside(promise: Inside, target: Target) -> Verdict:
    """Nothing of the inside is served to anybody."""
    act = target.contract.act(promise.act)
    documented: list[str] = []
    with contextlib.suppress(CouldNotObserve):  # that there is a document is another promise
        promised = {route.path for route in target.contract.routes.values()}
        documented = documented_inside(promise, target.openapi().json(), promised)
    sendings = [Sending(act, caller=Caller.NOBODY, path=path) for path in (*promise.paths, *documented)]
    answers = target.platform.send_each(sendings)
    every = [
        Asked(sending.path or "", answer, _command(target, sending, {}))
        for sending, answer in zip(sendings, answers, strict=True)
    ]
    return judge_inside(promise, every, _shows_ours(target))


class Headers(Promise):
    """Every answer, also of errors, tells browsers to be careful."""

    right: Right = Right.SYNTHETIC
    pages: tuple[RouteName, ...] = Field(min_length=1, description="Asked of every replica.")
    more_pages: tuple[RouteName, ...] = Field((), description="Asked once.")
    provoke: tuple[Provocation, ...] = ()
    any_of: Mapping[str, str] = Field(
        min_length=1, description="Header: regular expression for its whole value, in upper or lower case; one will do."
    )
    required_in: tuple[str, ...] = Field(description="Environments in which it must be there.")


def judge_headers(promise: Headers, pages: Sequence[Page], environment: str) -> Verdict:
    """Each answer has one of the headers with a right value; where none has any, the environment decides.

    Where no replica sends any itself, the load balancer adds them, and what replicas send to it is not judged.
    """
    if all(_states(promise, page.answer) == _ABSENT for page in pages if page.who):
        pages = [page for page in pages if not page.who]
    names = " or ".join(promise.any_of)
    expected = f"{names} on every answer"
    good = [page for page in pages if _states(promise, page.answer) == ""]
    bad = [(page, wrong) for page in pages if (wrong := _states(promise, page.answer))]
    if not bad:
        return passed(f"on {len(pages)} answers", where=pages[0].answer.asked) if good else combine(())
    page, wrong = next(((page, wrong) for page, wrong in bad if wrong != _ABSENT), bad[0])
    absent_everywhere = not good and wrong == _ABSENT
    if absent_everywhere and environment not in promise.required_in:
        remedy = f"name the environment {environment} in `required_in`, in the contract's security.toml"
        return not_covered(f"{names} on none of {len(pages)} answers", remedy)
    where = f"{page.answer.asked}{f' (replica {page.who})' if page.who else ''}"
    observed = f"{wrong} on HTTP {page.answer.status}; right on {len(good)} of {len(pages)} answers"
    return failed(expected, observed, where=where, reproduce=curl(page.answer.url, "-sSi"))


_ABSENT = "missing"


def _states(promise: Headers, answer: Answer) -> str:
    """Say what is wrong with the header of one answer; empty when it is as promised."""
    there = {name: str(answer.headers[name]) for name in promise.any_of if name in answer.headers}
    if any(re.fullmatch(promise.any_of[name], value, re.IGNORECASE) for name, value in there.items()):
        return ""
    # A policy that says nothing about frames is not a wrong one.
    wrong = [f"{name}: {value}" for name, value in there.items() if not name.lower().startswith("content-security")]
    return f"{shown(wrong[0])}" if wrong else _ABSENT


@check("security.headers", Headers)
def test_headers(promise: Headers, target: Target) -> Verdict:
    """The header is on every answer, good or bad, of every replica."""
    pages = [page for name in promise.pages for page in target.pages(name)]
    pages += [Page("", _asked_once(target, name)) for name in promise.more_pages]
    pages += [
        Page("", asked.answer)
        for asked in _provoked(promise.provoke, target)
        if not isinstance(asked.answer, CouldNotObserve)
    ]
    return judge_headers(promise, pages, target.scope.name)


class Unshared(Promise):
    """What was given out for a credential is not kept for others on its way."""

    right: Right = Right.SYNTHETIC
    act: ActName = Field(description="What is sent where nothing else with a credential was.")
    header: str
    shared: str = Field(description="Pattern of what lets any cache keep the answer for anybody.")


def judge_unshared(promise: Unshared, answers: Sequence[Answer]) -> Verdict:
    """No success on a route that takes a credential lets a cache keep it; `answers` are those."""
    expected = f"no {promise.header} that lets caches keep what a credential was needed for"
    if not answers:
        return not_covered("no route with a credential has answered", "see the other promises of this area")

    def one(answer: Answer) -> Verdict:
        value = str(answer.headers.get(promise.header.lower(), ""))
        if re.search(promise.shared, value):
            reproduce = "send the request of another promise on this route with -i, and look at the header"
            observed = f"{promise.header}: {shown(value)}"
            return failed(expected, observed, where=answer.asked, reproduce=reproduce)
        return passed(f"{len(answers)} answers", where=answer.asked)

    return combine(map(one, answers))


@check("security.unshared", Unshared, last=True)
def test_unshared(promise: Unshared, target: Target) -> Verdict:
    """No cache may keep the answers of this run that needed a credential."""
    keyed = {name for name, route in target.contract.routes.items() if route.key != "none"}

    def answers() -> list[Answer]:
        every = target.platform.answered
        return [each.answer for each in every if each.act.route in keyed and _is_ok(each.answer)]

    if not answers():
        target.platform.send(target.contract.act(promise.act))
    return judge_unshared(promise, answers())


class Cookies(Promise):
    """Who did not show a credential gets no session."""

    pages: tuple[RouteName, ...] = Field(min_length=1)
    sessions: str = Field(description="Regular expression for names of cookies that stand for a session.")


def judge_cookies(promise: Cookies, pages: Sequence[Page]) -> Verdict:
    """No page sets a cookie that is named like a session; others (of a load balancer, say) are remarked."""
    remarks = []
    for page in pages:
        for cookie in page.answer.headers.get_list("set-cookie"):
            name = cookie.partition("=")[0].strip()
            if re.search(promise.sessions, name):
                place = {"where": page.answer.asked, "reproduce": curl(page.answer.url, "-sSi")}
                return failed("no session without a credential", f"the cookie {shown(name)} is set", **place)
            remarks.append(f"the cookie {shown(name)} is set by {page.answer.asked}")
    return passed(f"{len(pages)} answers", where=pages[0].answer.asked, notes=dict.fromkeys(remarks))


@check("security.cookies", Cookies)
def test_cookies(promise: Cookies, target: Target) -> Verdict:
    """Open pages begin no session."""
    return judge_cookies(promise, [page for name in promise.pages for page in target.pages(name)])


class Leaks(Promise):
    """Documentation and metrics show nothing that looks like a secret."""

    pages: tuple[RouteName, ...] = Field(
        description="Pages that are asked once; those of health have such a promise of their own."
    )
    metrics: bool = Field(False, description="Also the metrics page of every replica, after this run's requests.")
    answers: ActName | None = Field(
        None,
        description="Also what came back to all synthetic requests of this run; this one is sent if there was none.",
    )
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """What stands in one place."""

    where: str
    reproduce: str
    text: str


def judge_leaks(promise: Leaks, texts: Sequence[Text], shows: Callable[[str], bool]) -> Verdict:
    """No text matches a pattern, or has a credential of ours in it; what was found is never part of the verdict."""
    verdicts = []
    for each in texts:
        matching = next((pattern for pattern in promise.patterns if re.search(pattern, each.text)), "")
        found = "a credential of this run" if shows(each.text) else matching and f"text that matches {matching}"
        place = {"where": each.where, "reproduce": each.reproduce}
        verdicts.append(
            failed("no secret", f"it shows {found}", **place)
            if found
            else passed(f"{len(texts)} answers searched", where=each.where)
        )
    return combine(verdicts)


def text_of_metrics(exposition: Exposition) -> str:
    """Give all that stands in a metrics page besides numbers, each label once."""
    words: set[str] = set()
    for family in exposition.families.values():
        words.update((family.name, family.help))
        for labels in {sample.raw_labels for sample in family.samples}:
            words.update(labels.split('",'))
    return "\n".join(sorted(words))


def _shows_ours(target: Target) -> Callable[[str], bool]:
    """Give what tells whether a text has a credential of this run in it."""
    scope = target.scope
    credentials = [value or "" for value in (scope.api_key, scope.other_api_key, scope.admin_token)]
    # What is masked without any secret of ours is not one of ours, such as the `***@` in a URL.
    ours, none = Registry(value for value in credentials if len(value) >= _OWN_SECRET_CHARACTERS_MIN), Registry()
    return lambda text: ours.mask(text) != none.mask(text)


@check("security.leaks", Leaks, last=True)
def test_leaks(promise: Leaks, target: Target) -> Verdict:
    """The pages show no secret."""
    answers = [_asked_once(target, name) for name in promise.pages]
    texts = [Text(answer.asked, curl(answer.url, "-sSi"), _all_text(answer)) for answer in answers]
    if promise.metrics:
        texts += [
            Text(f"{scrape.answer.asked} (replica {name})", curl(scrape.answer.url), text_of_metrics(scrape.exposition))
            for name, scrape in target.last_snapshot().scrapes.items()
        ]
    if promise.answers is not None:
        act = target.contract.act(promise.answers)
        if not any(each.act.route == act.route for each in target.platform.answered):
            target.platform.send_each([Sending(act)])
        texts += [
            Text(f"{each.answer.asked}, {each.act.name} as {each.caller}", target.platform.curl(each.act), body)
            for each, body in _distinct(target.platform.answered)
        ]
    return judge_leaks(promise, texts, _shows_ours(target))


def _distinct(answered: Sequence[Kept]) -> list[tuple[Kept, str]]:
    """Give the bodies of answers, each once."""
    bodies: dict[bytes, Kept] = {}
    for each in answered:
        bodies.setdefault(each.answer.body, each)
    return [(each, body.decode("utf-8", errors="replace")) for body, each in bodies.items()]


def _asked_once(target: Target, route: str) -> Answer:
    return target.once(("page", route), lambda: target.platform.get(route))


class Exposed(Promise):
    """Who may see a page."""

    page: RouteName
    to: Literal["anybody", "nobody"]


def judge_exposed(promise: Exposed, answer: Answer) -> Verdict:
    """A page for anybody asks for no credential; one for nobody is not shown without one."""
    place = {"where": answer.asked, "reproduce": curl(answer.url, "-sSi")}
    if promise.to == "nobody":
        if _is_ok(answer):
            return failed("not shown without credentials", f"HTTP {answer.status}, {len(answer.body):,} bytes", **place)
        return passed(f"HTTP {answer.status}", where=answer.asked)
    if answer.status in (_UNAUTHORIZED, _FORBIDDEN):
        return failed("shown to anybody", f"HTTP {answer.status}", **place)
    if not _is_ok(answer):
        return not_covered(f"HTTP {answer.status}", "that the page is served is a promise of its own")
    return passed(f"HTTP {answer.status}", where=answer.asked)


@check("security.exposed", Exposed)
def test_exposed(promise: Exposed, target: Target) -> Verdict:
    """The page is shown to whom it is meant for."""
    return judge_exposed(promise, _asked_once(target, promise.page))


# ----------------------------------------------------------------------------------------------------------------- TLS


class Tls(Promise):
    """A component that is served over TLS is served well."""

    component: Component
    days_min: float = Field(gt=0, description="How long the certificate must be valid yet.")
    days_warn: float = Field(gt=0)
    refused: tuple[str, ...] = Field(description='Versions, as "TLSv1_1", that nobody should get.')
    accepted: tuple[str, ...] = Field(description='Versions, as "TLSv1.3", of which a careful client gets one.')


def judge_tls(
    promise: Tls, careful: Handshake, old: Mapping[str, Handshake], now: float, *, where: str, reproduce: str
) -> Verdict:
    """A careful client is served, with a certificate that lasts, and a careless one gets no old version."""
    place = {"where": where, "reproduce": reproduce}
    if careful.problem or careful.expires_at is None:
        return failed("a certificate that a careful client accepts", careful.problem or "no certificate", **place)
    if careful.version not in promise.accepted:
        return failed(" or ".join(promise.accepted), f"{careful.version} was agreed upon", **place)
    notes = [f"{name} cannot be tried from this machine" for name, found in old.items() if found.untried]
    spoken = [name for name, found in old.items() if found.version]
    if spoken:
        return failed(f"no {' and no '.join(promise.refused)}", f"{', '.join(spoken)} is spoken", **place)
    days = (careful.expires_at - now) / _DAY_SECONDS
    observed = f"the certificate ends in {days:.1f} days"
    if days < promise.days_min:
        return failed(f"a certificate for {promise.days_min:g} days yet", observed, **place)
    if days < promise.days_warn:
        notes.append(f"{observed}: renew it")
    return passed(f"{careful.version}; {observed}", where=where, notes=notes)


@check("security.tls", Tls)
def test_tls(promise: Tls, target: Target) -> Verdict:
    """The certificate is good for a while, and old versions of TLS are refused."""
    url = target.scope.url(promise.component) or ""
    parts = urlsplit(url)
    if parts.scheme != "https":
        return not_covered(f"{promise.component} is asked over {parts.scheme}", "give its URL as https://")
    if getproxies().get("https") and not canary.is_here(url) and not proxy_bypass(parts.netloc):
        return not_covered(f"{promise.component} is reached through a proxy", "put its host into NO_PROXY")
    limit = target.contract.platform.limits.request_timeout_seconds
    return look_at_tls(promise, url, timeout_seconds=limit, ca_file=target.scope.settings.ca_file)


def look_at_tls(promise: Tls, url: str, *, timeout_seconds: float, ca_file: Path | None) -> Verdict:
    """Shake hands as a careful client and as careless ones, and judge; raises CouldNotObserve."""
    careful = tls.verified(url, timeout_seconds=timeout_seconds, ca_file=ca_file)
    old = {name: tls.offering(url, ssl.TLSVersion[name], timeout_seconds=timeout_seconds) for name in promise.refused}
    parts = urlsplit(url)
    address = f"{parts.hostname}:{parts.port or 443}"
    command = (
        f"openssl s_client -connect {address} -servername {parts.hostname} </dev/null | openssl x509 -noout -dates"
    )
    return judge_tls(promise, careful, old, time.time(), where=f"TLS of {address}", reproduce=command)
