"""Schemas: what answers consist of, what the OpenAPI document says of it, and what becomes of generated requests."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from selfcheck import openapi
from selfcheck.answering import breach, describe_answer
from selfcheck.checking import check
from selfcheck.clients.http import Answer
from selfcheck.clients.platform import Raw, Sending
from selfcheck.contract import ActName, Component, Model, Promise, Right, RouteName
from selfcheck.fuzzing import Described, Made, Values
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.target import Page
from selfcheck.values import Domain, Missing, curl, dig, harmless, json_type, shown, some
from selfcheck.verdict import Outcome, Verdict, combine, failed, inconclusive, not_covered, passed
from selfcheck.waiting import pause

if TYPE_CHECKING:
    from selfcheck.clients.platform import Met
    from selfcheck.contract import Act, Route
    from selfcheck.target import Target

_HTTP_OK = 200
_RATE_LIMITED = 429
_REFUSALS = (401, 403)
_ABSENT = (404, 405)
_SERVER_ERRORS = 500
_AT_ONCE = 8
_REPETITIONS = 3
_BROKEN = (Trouble.BROKEN_OFF, Trouble.NOT_HTTP)
_SHOWN_CHARACTERS = 90


# ------------------------------------------------------------------------------------------------- answers to requests


class Entry(Domain):
    """One entry of an answer, and what it must be; `*` in a path stands for each entry of an object or array."""

    path: str
    nullable: bool = False
    optional: bool = False


class Fields(Promise):
    """The answer to a synthetic request has the promised entries, each inside its domain."""

    right: Right = Right.SYNTHETIC
    act: ActName
    each_replica: bool = Field(False, description="Asked of every replica; else of the load balancer, once.")
    entries: tuple[Entry, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Replies:
    """What came back when the same thing was asked of each replica, and whether a credential went with it."""

    pages: tuple[Page, ...]
    troubles: tuple[CouldNotObserve, ...] = ()
    credential: bool = True
    reproduce: str = ""


def judge_fields(promise: Fields, act: Act, replies: Replies) -> Verdict:
    """Every entry of the table is there, and inside its domain, in the answer of every replica."""
    return _on_each(act, replies, lambda page: _judge_entries(promise, act, page, replies.reproduce))


def _judge_entries(promise: Fields, act: Act, page: Page, reproduce: str) -> Verdict:
    place = {"where": _where(page), "reproduce": reproduce}
    try:
        body = page.answer.json()
    except CouldNotObserve as error:
        return failed("a JSON object", error.came_back, **place)
    wrong = [said for entry in promise.entries for said in _breaches(entry, body)]
    if wrong and not _is_another_kind(promise, act, page.answer, body):
        expected = "; ".join(dict.fromkeys(_described(entry) for entry in promise.entries if _breaches(entry, body)))
        return failed(expected, some(wrong), **place)
    if other := breach(act, page.answer):
        remedy = "see what the checks of this route say; this one looks at the form of the answer alone"
        return inconclusive(f"{act.name} answers {describe_answer(act)}", other, remedy=remedy, **place)
    return passed(f"{len(promise.entries)} entries as promised", where=place["where"])


def _is_another_kind(promise: Fields, act: Act, answer: Answer, body: object) -> bool:
    """Tell whether an answer is well formed and says something else than wanted, such as a failure that was handled."""
    if not breach(act, answer):
        return False
    telling = [entry for entry in promise.entries if entry.path in act.expect.body]
    return all(json_type(dig(body, path)) == json_type(wanted) for path, wanted in act.expect.body.items()) and not any(
        _breaches(entry, body) for entry in telling
    )


def _described(entry: Entry) -> str:
    return f"{entry.path}: {entry.describe()}{' or null' if entry.nullable else ''}"


def _breaches(entry: Entry, body: object) -> list[str]:
    """Say in which way an entry breaks its promise, wherever its path leads."""
    found = []
    for path, value in _each(body, entry.path.split(".")):
        if isinstance(value, Missing):
            if not entry.optional:
                found.append(f"{path} is missing")
        elif not (value is None and entry.nullable) and (wrong := entry.breaks(value)):
            found.append(f"{path} {wrong}")
    return found


def _each(value: object, parts: Sequence[str], before: str = "") -> list[tuple[str, object]]:
    """Follow a path in which `*` stands for every entry; gives (path, value or Missing)."""
    if not parts:
        return [(before, value)]
    first, rest = parts[0], parts[1:]
    if first != "*":
        path = f"{before}.{first}" if before else first
        inner = dig(value, first)
        return [(path, inner)] if isinstance(inner, Missing) else _each(inner, rest, path)
    entries = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, inner in entries for found in _each(inner, rest, f"{before}.{key}" if before else str(key))]


def _on_each(act: Act, replies: Replies, judge: Callable[[Page], Verdict]) -> Verdict:
    """Judge each answer that tells something, and say why for those that do not."""
    expected = f"{act.name} answers {describe_answer(act)}"
    verdicts = [inconclusive(expected, trouble.sentence, where=trouble.asked) for trouble in replies.troubles]
    for page in replies.pages:
        place = {"where": _where(page), "reproduce": replies.reproduce}
        status = page.answer.status
        observed = f"HTTP {status} {shown(page.answer.body[:80].decode('utf-8', errors='replace'), _SHOWN_CHARACTERS)}"
        if status in act.expect.statuses:
            verdicts.append(judge(page))
        elif status in _REFUSALS and not replies.credential:
            return not_covered(f"{act.name} needs a credential: HTTP {status}", "set SELF_CHECK_API_KEY")
        elif status in _ABSENT:
            hint = f"put the deployment's own path of the route {act.route!r} into the contract's api.toml"
            raise CouldNotObserve(Trouble.NO_SUCH_ROUTE, asked=page.answer.asked, came_back=observed, hint=hint)
        elif status == _RATE_LIMITED:
            remedy = "repeat when this client's allowance is free again"
            verdicts.append(inconclusive(expected, observed, remedy=remedy, **place))
        else:
            verdicts.append(failed(expected, observed, **place))
    return combine(verdicts)


def _where(page: Page) -> str:
    return f"{page.answer.asked}{f' (replica {page.who})' if page.who else ''}"


def _replies(target: Target, act: Act) -> Replies:
    """Send the act once a run, to each replica or through the load balancer, as the contract says."""
    if not act.needs_candidate:
        return target.once(("openapi", act.name), lambda: _asked(target, [act], {})[act.name])
    return target.once(("openapi", "candidate"), lambda: _asked_with_a_candidate(target))[act.name]


def _asked_with_a_candidate(target: Target) -> dict[str, Replies]:
    named = dict.fromkeys(promise.act for promise in target.contract.promises("openapi.fields", Fields))
    acts = [act for name in named if (act := target.contract.act(name)).needs_candidate]
    vector = [3.0, 4.0, 0.0, 12.0]
    with target.registered([vector]) as (candidate,):
        if isinstance(candidate, CouldNotObserve):
            raise candidate
        return _asked(target, acts, {"candidate": candidate, "vector": vector})


def _asked(target: Target, acts: Sequence[Act], values: Mapping[str, Any]) -> dict[str, Replies]:
    asks: list[tuple[Act, str, str | None]] = []
    spread = {promise.act for promise in target.contract.promises("openapi.fields", Fields) if promise.each_replica}
    for act in acts:
        if act.name not in spread:
            asks.append((act, "", None))
            continue
        bases = target.trusted_bases(target.contract.route(act.route).component)
        anywhere: list[tuple[str, str | None]] = [("", None)] * target.contract.platform.limits.page_asks
        asks += [(act, who, base) for who, base in (list(bases.items()) or anywhere)]
    answers = target.platform.send_each([Sending(act, values, base=base) for act, _, base in asks])
    return {
        act.name: Replies(
            tuple(
                Page(who, answer)
                for (by, who, _), answer in zip(asks, answers, strict=True)
                if by is act and isinstance(answer, Answer)
            ),
            tuple(
                answer
                for (by, _, _), answer in zip(asks, answers, strict=True)
                if by is act and isinstance(answer, CouldNotObserve)
            ),
            target.platform.has_credential(target.contract.route(act.route)),
            reproduce=target.platform.curl(act),
        )
        for act in acts
    }


@check("openapi.fields", Fields)
def test_fields(promise: Fields, target: Target) -> Verdict:
    """Every replica's answer has the promised entries."""
    act = target.contract.act(promise.act)
    return judge_fields(promise, act, _replies(target, act))


class Conforms(Promise):
    """The answer to a synthetic request is what the platform's own OpenAPI document says of it."""

    right: Right = Right.SYNTHETIC
    act: ActName


def judge_conforms(act: Act, route: Route, replies: Replies, described: Described) -> Verdict:
    """Every answer with HTTP 200 fits the schema that the document has for this status; no schema fits nothing."""

    def one(page: Page) -> Verdict:
        expected = f"an answer that fits the schema of {route.method} {route.path} in the OpenAPI document"
        place = {"where": _where(page), "reproduce": replies.reproduce}
        wrong = described.violation(route.method, route.path, page.answer)
        if wrong:
            return failed(expected, wrong, **place)
        return passed("the answer fits the document", where=place["where"])

    try:
        return _on_each(act, replies, one)
    except ValueError as error:
        return not_covered(f"the document cannot tell: {error}", "see what openapi.describes_* and api.described_* say")


@check("openapi.conforms", Conforms)
def test_conforms(promise: Conforms, target: Target) -> Verdict:
    """Every replica's answer fits the OpenAPI document."""
    act = target.contract.act(promise.act)
    route = target.contract.route(act.route)
    return judge_conforms(act, route, _replies(target, act), _described_by(target, route.component))


class ConformsPage(Promise):
    """A page of every replica is what the platform's own OpenAPI document says of it."""

    page: RouteName


def judge_conforms_page(route: Route, pages: Sequence[Page], described: Described) -> Verdict:
    """Every answer fits the schema that the document has for its status; no schema fits nothing.

    That a page is there, and answers with a promised status, is a promise of others.
    """
    expected = f"an answer that fits the schema of {route.method} {route.path} in the OpenAPI document"
    judged = [page for page in pages if page.answer.status not in _ABSENT]
    if not judged:
        return not_covered(f"{route.path}: HTTP {pages[0].answer.status}", "see what the other promises say of it")
    try:
        for page in judged:
            if wrong := described.violation(route.method, route.path, page.answer):
                return failed(expected, wrong, where=_where(page), reproduce=curl(page.answer.url))
    except ValueError as error:
        return not_covered(f"the document cannot tell: {error}", "see what openapi.describes_* and api.described_* say")
    return passed(f"{len(judged)} answers fit the document", where=_where(judged[0]))


@check("openapi.conforms_page", ConformsPage)
def test_conforms_page(promise: ConformsPage, target: Target) -> Verdict:
    """Every replica's page fits the OpenAPI document."""
    route = target.contract.route(promise.page)
    return judge_conforms_page(route, target.pages(promise.page), _described_by(target, route.component))


# -------------------------------------------------------------------------------------------------------- the document


def _document(target: Target, component: Component) -> tuple[Answer, Any]:
    answer = target.openapi(component)
    return answer, answer.json()


def _described_by(target: Target, component: Component) -> Described:
    """Give the document as schemathesis reads it; raises CouldNotObserve where it cannot."""

    def read() -> Described:
        answer, document = _document(target, component)
        try:
            return Described(document if isinstance(document, Mapping) else {})
        except ValueError as error:
            raise answer.unusable(Trouble.UNEXPECTED_ANSWER, f"it is no OpenAPI document: {error}") from None

    return target.once(("openapi", "described", target.platform.base(component)), read)


class Sound(Promise):
    """The OpenAPI document is one that tools can read."""

    component: Component = Component.APP
    aspect: Literal["valid", "references", "operation_ids", "deprecated"]


def judge_valid(document: object, problem: str, oddity: str, *, where: str) -> Verdict:
    """The document names a version 3, says what the API is called, has paths, and is what OpenAPI says."""
    place = {"where": where, "reproduce": curl(where.partition(" ")[2])}
    wrong = []
    version = dig(document, "openapi")
    if not isinstance(version, str) or not version.startswith("3."):
        wrong.append(f"openapi is {shown(version)}, not a version 3")
    for path, kind in (("info.title", "string"), ("info.version", "string"), ("paths", "object")):
        value = dig(document, path)
        if isinstance(value, Missing) or json_type(value) != kind:
            wrong.append(f"{path} is {shown(value)}")
    wrong += [problem] if problem else []
    if wrong:
        return failed("a valid OpenAPI document, version 3", some(wrong), **place)
    return passed(f"OpenAPI {version}", where=where, notes=[oddity] if oddity else [])


def judge_references(document: object, *, where: str) -> Verdict:
    """Every reference into the document leads somewhere."""
    every = list(openapi.references(document))
    inside = [(at, target) for at, target in every if target.startswith("#")]
    lost = [f"{at}: {target}" for at, target in inside if isinstance(openapi.lookup(document, target), Missing)]
    if lost:
        reproduce = curl(where.partition(" ")[2])
        return failed("every $ref leads to something", some(lost), where=where, reproduce=reproduce)
    outside = sorted({target for _, target in every if not target.startswith("#")})
    notes = [f"references that lead out of the document were not followed: {some(outside)}"] if outside else []
    return passed(f"{len(inside)} references, all lead somewhere", where=where, notes=notes)


def judge_operation_ids(document: object, promised: Sequence[Route], *, where: str) -> Verdict:
    """No operation id of a promised route is used a second time; elsewhere it is remarked."""
    ours = {f"{route.method} {route.path}" for route in promised}
    repeated = openapi.repeated_ids(document)
    wrong = [f"{id_!r} is used by {', '.join(names)}" for id_, names in repeated.items() if ours.intersection(names)]
    if wrong:
        reproduce = curl(where.partition(" ")[2])
        return failed("an operation id for each operation", some(wrong), where=where, reproduce=reproduce)
    notes = [f"operation ids used more than once: {some(sorted(repeated))}"] if repeated else []
    return passed("no id of a promised route is used twice", where=where, notes=notes)


def judge_deprecated(document: object, promised: Sequence[Route], *, where: str) -> Verdict:
    """No promised route is marked as deprecated."""
    found = [(route, openapi.operation(document, route.method, route.path)) for route in promised]
    wrong = [f"{route.method} {route.path}" for route, said in found if said and said.get("deprecated") is True]
    if wrong:
        reproduce = curl(where.partition(" ")[2])
        return failed("no promised route is deprecated", some(wrong), where=where, reproduce=reproduce)
    return passed("none is deprecated", where=where)


@check("openapi.sound", Sound)
def test_sound(promise: Sound, target: Target) -> Verdict:
    """The document can be read by tools."""
    answer, document = _document(target, promise.component)
    if promise.aspect == "references":
        return judge_references(document, where=answer.asked)
    if promise.aspect == "operation_ids":
        return judge_operation_ids(document, list(target.contract.routes.values()), where=answer.asked)
    if promise.aspect == "deprecated":
        return judge_deprecated(document, list(target.contract.routes.values()), where=answer.asked)
    problem, oddity = _described_by(target, promise.component).problems()
    return judge_valid(document, problem, oddity, where=answer.asked)


class Leads(Promise):
    """The page that people read loads the document that this deployment serves."""

    page: RouteName
    document: RouteName
    named: str = Field(description="Pattern of what names a document on the page; its first group is the address.")


def judge_leads(promise: Leads, document: Route, answer: Answer) -> Verdict:
    """One of the documents that the page names is the platform's; a page that names none cannot be judged."""
    found = list(dict.fromkeys(re.findall(promise.named, answer.body.decode("utf-8", errors="replace"))))
    if answer.status != _HTTP_OK or not found:
        return not_covered(f"{answer.asked} names no document", "correct `named` in the contract's openapi.toml")
    if not any(urlsplit(each).path.endswith(document.path) for each in found):
        expected = f"the page loads {document.path}"
        return failed(expected, f"it loads {some(found)}", where=answer.asked, reproduce=curl(answer.url))
    return passed(f"it loads {document.path}", where=answer.asked)


@check("openapi.leads", Leads)
def test_leads(promise: Leads, target: Target) -> Verdict:
    """The interactive documentation is of this platform."""
    answer = target.once(("page", promise.page), lambda: target.platform.get(promise.page))
    return judge_leads(promise, target.contract.route(promise.document), answer)


class Everywhere(Promise):
    """Every replica serves the same document; the order of names in it is of no importance."""

    page: RouteName
    ignore: tuple[str, ...] = Field((), description="Keys that may differ, wherever they stand.")


def judge_everywhere(promise: Everywhere, pages: Sequence[Page]) -> Verdict:
    """All documents say the same."""
    expected = "the same document of every replica"
    if len(pages) < 2:
        return inconclusive(expected, "only one answer came", where=_where(pages[0]))
    first = _ordered(pages[0].answer.json(), promise.ignore)
    for page in pages[1:]:
        differing = _difference(first, _ordered(page.answer.json(), promise.ignore))
        if differing:
            where = f"{_where(pages[0])} and {_where(page)}"
            return failed(expected, differing, where=where, reproduce=curl(page.answer.url))
    return passed(f"{len(pages)} answers agree", where=_where(pages[0]))


def _ordered(node: object, ignore: Sequence[str]) -> object:
    """Give a document in an order of its own: what is made from a set differs from process to process."""
    if isinstance(node, Mapping):
        return {str(key): _ordered(inner, ignore) for key, inner in node.items() if key not in ignore}
    if isinstance(node, list):
        return sorted((_ordered(inner, ignore) for inner in node), key=lambda inner: json.dumps(inner, sort_keys=True))
    return node


def _difference(left: object, right: object, path: str = "") -> str:
    """Say where two documents begin to differ; empty where they do not."""
    if left == right:
        return ""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for key in sorted(left.keys() | right.keys()):
            below = f"{path}.{key}" if path else str(key)
            if key not in left or key not in right:
                return f"{below} is only in the {'second' if key not in left else 'first'}"
            if differing := _difference(left[key], right[key], below):
                return differing
    return f"{path}: {shown(left)} and {shown(right)}"


@check("openapi.everywhere", Everywhere)
def test_everywhere(promise: Everywhere, target: Target) -> Verdict:
    """Several asks and every replica give the same document."""
    return judge_everywhere(promise, target.pages(promise.page))


class Parameter(Model):
    """One parameter of a route, as the document is to describe it."""

    name: str
    place: Literal["query", "header", "path", "cookie"] = "query"
    optional: bool = Field(False, description="A document that leaves it out is remarked, no more.")


class BodyField(Model):
    """One field of a request's body, as the document is to describe it."""

    name: str
    type: Literal["string", "number", "integer", "boolean", "object", "array"]
    items: Literal["string", "number", "integer", "boolean", "object", "array"] | None = None
    required: bool = False


class Describes(Promise):
    """The OpenAPI document describes what a route takes and gives with the promised names and types."""

    route: RouteName
    parameters: tuple[Parameter, ...] = ()
    media_type: str = "application/json"
    body: tuple[BodyField, ...] = ()
    answers: tuple[str, ...] = Field((), description="Fields of the answer.")
    secured: bool = Field(False, description="It takes a credential; a document that leaves it out is remarked.")


def judge_describes(promise: Describes, route: Route, document: object, *, where: str) -> Verdict:
    """What the document says of parameters, body and answer has the promised names and types.

    Where it leaves the fields of body or answer open, this is remarked: only what it says can be wrong.
    """
    found = openapi.operation(document, route.method, route.path)
    if found is None:
        absent = f"the document does not describe {route.method} {route.path}"
        return not_covered(absent, "see what api.described_* says of it")
    wrong, notes = _judge_parameters(promise, openapi.parameters(document, route.method, route.path))
    if promise.body:
        schema = openapi.body_schema(document, found, promise.media_type)
        if "requestBody" not in found:
            notes.append("its body is not described")
        elif schema is None:
            wrong.append(f"it has no body of type {promise.media_type}")
        else:
            _judge_body(promise, document, schema, wrong, notes)
    if promise.answers:
        answered = openapi.answer_schema(document, found, _HTTP_OK, "application/json")
        known = openapi.properties(document, answered)
        if not known:
            notes.append("the fields of its answer are not described")
        else:
            wrong += [f"its answer has no field {name}" for name in promise.answers if name not in known]
    if promise.secured and not (found.get("security") or isinstance(dig(document, "security"), list)):
        notes.append("it is not described which credential it takes")
    notes = [f"{route.method} {route.path}: {note}" for note in notes]
    if wrong:
        expected = f"{route.method} {route.path} described with {_promised(promise)}"
        reproduce = curl(where.partition(" ")[2])
        return failed(expected, some(wrong), where=where, reproduce=reproduce, notes=notes)
    return passed("described as promised", where=where, notes=notes)


def _promised(promise: Describes) -> str:
    parts = [f"{parameter.place} parameter {parameter.name}" for parameter in promise.parameters]
    parts += [_phrase(field) for field in promise.body]
    parts += [f"{', '.join(promise.answers)} in the answer"] if promise.answers else []
    return "; ".join(parts)


def _phrase(field: BodyField) -> str:
    kind = f"{field.type} of {field.items}" if field.items else field.type
    return f"{field.name} ({kind}{', required' if field.required else ''})"


def _judge_parameters(
    promise: Describes, known: Mapping[tuple[str, str], Mapping[str, Any]]
) -> tuple[list[str], list[str]]:
    wrong: list[str] = []
    notes: list[str] = []
    for parameter in promise.parameters:
        if (parameter.place, parameter.name.lower()) not in known:
            said = f"it has no {parameter.place} parameter {parameter.name}"
            (notes if parameter.optional else wrong).append(said)
    return wrong, notes


def _judge_body(
    promise: Describes, document: object, schema: Mapping[str, Any], wrong: list[str], notes: list[str]
) -> None:
    known = openapi.properties(document, schema)
    if not known:
        notes.append("the fields of its body are not described")
        return
    needed = openapi.required(document, schema)
    for field in promise.body:
        if field.name not in known:
            wrong.append(f"its body has no field {field.name}")
            continue
        kinds = openapi.types(document, known[field.name])
        if not _fits(kinds, field.type):
            wrong.append(f"{field.name} is {' or '.join(sorted(kinds))}, not {field.type}")
        elif field.items:
            inner = openapi.types(document, openapi.items(document, known[field.name]))
            if not _fits(inner, field.items):
                wrong.append(f"{field.name} holds {' or '.join(sorted(inner))}, not {field.items}")
        if field.required and field.name not in needed:
            notes.append(f"{field.name} need not be sent")


def _fits(kinds: frozenset[str], promised: str) -> bool:
    """Tell whether a schema takes the promised type; one that names no type takes any."""
    return not kinds or promised in kinds or (promised == "integer" and "number" in kinds)


@check("openapi.describes", Describes)
def test_describes(promise: Describes, target: Target) -> Verdict:
    """The document describes the route with the promised names and types."""
    route = target.contract.route(promise.route)
    answer, document = _document(target, route.component)
    return judge_describes(promise, route, document, where=answer.asked)


class Served(Promise):
    """Every route that is promised and that the document describes is there, wherever this run has asked for it.

    What a platform has elsewhere, or not at all, is no breach where its own document says so, too.
    """

    right: Right = Right.SYNTHETIC
    asks: tuple[ActName, ...] = Field((), description="Sent where no other check of this run has asked their routes.")


def judge_served(described: Sequence[Route], met: Sequence[Met], *, reproduce: Callable[[Route, str], str]) -> Verdict:
    """No described route is unknown to a place that knows others of them.

    One answer that is not "no such route" is enough to be there. Strangers may be told that there is none: their
    answers count where others of their kind were told something else.
    """
    serving = {each.base for each in met if each.status not in _ABSENT}
    verdicts = []
    for route in described:
        own = [each for each in met if each.route == route.name and each.base in serving]
        gone: set[str] = set()
        for entitled in (True, False):
            statuses: dict[str, list[Met]] = {}
            for each in own:
                if each.entitled is entitled:
                    statuses.setdefault(each.base, []).append(each)
            there = {base for base, every in statuses.items() if any(one.status not in _ABSENT for one in every)}
            lacking = {
                base for base, every in statuses.items() if base not in there and any(not one.expected for one in every)
            }
            gone |= lacking if entitled or there else set()
        name = f"{route.method} {route.path}"
        if gone:
            absent = sorted({each.status for each in own if each.base in gone})
            where = ", ".join(f"replica {base}" if base else "the load balancer" for base in sorted(gone))
            observed = f"HTTP {' and '.join(map(str, absent))} to every request, of {where}"
            expected = f"{name} is there, as the platform's own document says"
            verdicts.append(failed(expected, observed, where=name, reproduce=reproduce(route, min(gone))))
        elif own:
            verdicts.append(passed(name))
    count = len(verdicts)
    return combine(
        [
            replace(each, observed=f"{count} described routes are there") if each.outcome is Outcome.PASS else each
            for each in verdicts
        ]
    )


@check("openapi.served", Served, last=True)
def test_served(promise: Served, target: Target) -> Verdict:
    """What the document describes is there."""
    described = []
    for route in target.contract.routes.values():
        if route.component in target.absent or route.component in target.blocked:
            continue
        document = _document(target, route.component)[1]
        if openapi.operation(document, route.method, route.path) is not None:
            described.append(route)
    known = {each.route for each in target.platform.met}
    unknown = {route.name: route for route in described if route.name not in known}
    acts = [act for act in map(target.contract.act, promise.asks) if act.route in unknown]
    with contextlib.suppress(CouldNotObserve):  # what is not known then is not judged
        target.platform.send_each([Sending(act) for act in acts])
    for name, route in unknown.items():
        if route.method == "GET":
            places = [None, *target.trusted_bases(route.component).values()]
            with contextlib.suppress(CouldNotObserve):
                target.platform.get_all([(name, base) for base in places])

    def reproduce(route: Route, base: str) -> str:
        base = (base or target.platform.base(route.component)).rstrip("/")
        return curl(f"{base}{route.path}", f"-sSi -X {route.method}")

    return judge_served(described, target.platform.met, reproduce=reproduce)


# --------------------------------------------------------------------------------------------------- generated requests


class Fuzz(Promise):
    """No generated request makes a route fail, and what is malformed is refused.

    The requests come from the platform's own OpenAPI document; the same document and seed give the same ones.
    """

    right: Right = Right.SYNTHETIC
    route: RouteName
    seed: int
    valid: int = Field(ge=0, le=100, description="Requests that are valid by the document.")
    invalid: int = Field(ge=0, le=100, description="Requests that are not.")
    per_second: float = Field(gt=0)
    bodies: tuple[str, ...] = Field((), description="JSON texts that are sent as well; `{candidate}` is filled in.")
    filled: Mapping[str, str] = Field(
        default_factory=dict, description="Field of the body: what it has in requests that are wrong elsewhere."
    )
    emptied: tuple[str, ...] = Field((), description="Fields whose text the platform would act on; it is taken away.")
    refuses: Mapping[str, Literal["numbers", "text"]] = Field(
        default_factory=dict, description="Fields of the body: what is not of that kind is never answered 2xx."
    )
    json_statuses: tuple[int, ...] = Field((), description="Errors that are answered with JSON.")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One generated request, what came back, and how to send it again."""

    made: Made
    answer: Answer | CouldNotObserve
    again: tuple[Answer | CouldNotObserve, ...] = ()
    reproduce: str = ""


def judge_fuzz(promise: Fuzz, attempts: Sequence[Attempt], *, where: str, notes: Sequence[str] = ()) -> Verdict:
    """No 5xx, no connection that is broken off time and again, no error that is not JSON, nothing malformed accepted.

    The smallest request of those that show a breach is shown.
    """
    found = [(attempt, said) for attempt in attempts if (said := _finding(promise, attempt))]
    if found:
        found.sort(key=lambda pair: len(pair[0].made.content or b"") + len(pair[0].made.query))
        shortest, observed = found[0]
        others = dict.fromkeys(said for _, said in found[1:] if said != observed)
        more = [f"also: {said}" for said in list(others)[:3]]
        count = f"{len(found)} of {len(attempts)} generated requests (seed {promise.seed}) did this or the like"
        request = f"{observed}, for {_told(shortest.made)}"
        return failed(
            _expected(promise), request, where=where, reproduce=shortest.reproduce, notes=[count, *more, *notes]
        )
    answered = [attempt.answer for attempt in attempts if isinstance(attempt.answer, Answer)]
    told = [answer for answer in answered if answer.status != _RATE_LIMITED]
    if len(told) * 2 < len(attempts) or not told:
        lost = next((attempt.answer for attempt in attempts if isinstance(attempt.answer, CouldNotObserve)), None)
        observed = f"{len(told)} of {len(attempts)} generated requests were answered"
        observed += f"; {lost.sentence}" if lost else ", a rate limit refused the others"
        return inconclusive(_expected(promise), observed, where=where, remedy="repeat when the platform is less busy")
    statuses = sorted({answer.status for answer in told})
    observed = f"{len(told)} generated requests (seed {promise.seed}) were answered {', '.join(map(str, statuses))}"
    return passed(observed, where=where, notes=notes)


def _expected(promise: Fuzz) -> str:
    parts = ["no generated request is answered 5xx or not at all"]
    parts += [f"errors {', '.join(map(str, promise.json_statuses))} are JSON"] if promise.json_statuses else []
    parts += [f"what is malformed in {', '.join(promise.refuses)} is refused"] if promise.refuses else []
    return "; ".join(parts)


def _told(made: Made) -> str:
    body = "" if made.content is None else f" {shown(made.content[:200].decode('utf-8', errors='replace'), 80)}"
    return f"a request ({harmless(made.what)}){body}"


def _finding(promise: Fuzz, attempt: Attempt) -> str:
    """Say in which way the answer to a generated request breaks a promise; empty when it does not."""
    answer = attempt.answer
    if isinstance(answer, CouldNotObserve):
        # One that is lost once may be the network's fault.
        broken = _is_broken_off(answer) and any(map(_is_broken_off, attempt.again))
        return f"no answer: {answer.came_back}" if broken else ""
    begins = shown(answer.body[:80].decode("utf-8", errors="replace"), _SHOWN_CHARACTERS)
    if answer.status >= _SERVER_ERRORS:
        return f"HTTP {answer.status} {begins}"
    if answer.status in promise.json_statuses:
        try:
            answer.json()
        except CouldNotObserve:
            return f"HTTP {answer.status} {begins}, which is not JSON"
        if not answer.content_type.endswith("json"):
            return f"HTTP {answer.status} with content type {answer.content_type or 'missing'}"
    if _HTTP_OK <= answer.status < 300 and promise.refuses and (wrong := _malformed(promise.refuses, attempt.made)):
        return f"HTTP {answer.status} {begins}, although {wrong}"
    return ""


def _malformed(refuses: Mapping[str, str], made: Made) -> str:
    """Say in which way a body is malformed beyond doubt; empty when a lenient reader could make sense of it."""
    try:
        body = json.loads(made.content or b"")
    except (ValueError, RecursionError):
        return "the body is not JSON"
    if not isinstance(body, Mapping):
        return f"the body is {json_type(body)}"
    wrong = (_strange(name, dig(body, name), kind) for name, kind in refuses.items())
    return next((said for said in wrong if said), "")


def _strange(name: str, value: object, kind: str) -> str:
    if isinstance(value, Missing):
        return f"{name} is missing"
    if kind == "text" and (value is None or isinstance(value, Mapping | list)):
        return f"{name} is {json_type(value)}"
    if kind == "numbers" and not isinstance(value, list):
        return f"{name} is {json_type(value)} {shown(value)}"
    if kind == "numbers" and isinstance(value, list):
        strange = [item for item in value if not _may_be_a_number(item)]
        return f"{name} holds {json_type(strange[0])} {shown(strange[0])}" if strange else ""
    return ""


def _may_be_a_number(value: object) -> bool:
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return False
        return True
    return isinstance(value, bool | int | float)


@check("openapi.fuzz", Fuzz)
def test_fuzz(promise: Fuzz, target: Target) -> Verdict:
    """Generated requests do the route no harm."""
    route = target.contract.route(promise.route)
    described = _described_by(target, route.component)
    if any("{candidate}" in text for text in (*promise.bodies, *promise.filled.values())):
        with target.registered([[3.0, 4.0, 0.0, 12.0]]) as (candidate,):
            if isinstance(candidate, CouldNotObserve):
                raise candidate
            return _fuzzed(promise, route, target, described, candidate)
    return _fuzzed(promise, route, target, described, "")


def _fuzzed(promise: Fuzz, route: Route, target: Target, described: Described, candidate: str) -> Verdict:
    platform = target.contract.platform
    filled = {name: text.replace("{candidate}", candidate) for name, text in promise.filled.items()}
    try:
        made = described.requests(
            route.method,
            route.path,
            seed=promise.seed,
            valid=promise.valid,
            invalid=promise.invalid,
            values=Values(filled, promise.emptied),
            taken=(platform.api_key_header, platform.admin_token_header, platform.tag_header),
        )
    except ValueError as error:
        return not_covered(f"no requests can be made from the document: {error}", "see what api.described_* says")
    made += [_given(text.replace("{candidate}", candidate)) for text in promise.bodies]
    attempts = _attempts(promise, target, made)
    place = f"{route.method} {target.platform.base(route.component).rstrip('/')}{route.path}"
    if not target.platform.has_credential(route) and _all_are(attempts, _REFUSALS):
        return not_covered(f"{route.path} needs a credential", "set SELF_CHECK_API_KEY or SELF_CHECK_ADMIN_TOKEN")
    if _all_are(attempts, _ABSENT):
        hint = f"put the deployment's own path of the route {route.name!r} into the contract's api.toml"
        raise CouldNotObserve(Trouble.NO_SUCH_ROUTE, asked=place, came_back="every request: no such route", hint=hint)
    return judge_fuzz(promise, attempts, where=place, notes=_remarks(route, described, attempts))


def _given(text: str) -> Made:
    return Made(valid=False, what="a body of the contract", headers=_JSON, content=text.encode())


_JSON = (("Content-Type", "application/json"),)


def _attempts(promise: Fuzz, target: Target, made: Sequence[Made]) -> list[Attempt]:
    """Send the requests a few at once, no faster than allowed; what is broken off is sent again, to each replica."""
    raws = [Raw(promise.route, one.query, one.headers, one.content) for one in made]
    answers: list[Answer | CouldNotObserve] = []
    for start in range(0, len(raws), _AT_ONCE):
        began = time.monotonic()
        answers += target.platform.send_raw(raws[start : start + _AT_ONCE])
        if start + _AT_ONCE < len(raws):
            pause(max(0.0, _AT_ONCE / promise.per_second - (time.monotonic() - began)))
    again = [
        target.platform.send_raw([raw] * _REPETITIONS) if _is_broken_off(answer) else []
        for raw, answer in zip(raws, answers, strict=True)
    ]
    commands = map(target.platform.curl_raw, raws)
    return [
        Attempt(one, answer, tuple(repeated), command)
        for one, answer, repeated, command in zip(made, answers, again, commands, strict=True)
    ]


def _is_broken_off(answer: Answer | CouldNotObserve) -> bool:
    return isinstance(answer, CouldNotObserve) and answer.trouble in _BROKEN


def _all_are(attempts: Sequence[Attempt], statuses: Sequence[int]) -> bool:
    answers = [attempt.answer for attempt in attempts]
    return bool(answers) and all(isinstance(answer, Answer) and answer.status in statuses for answer in answers)


def _remarks(route: Route, described: Described, attempts: Sequence[Attempt]) -> list[str]:
    """Say what is odd and breaks no promise: statuses that the document does not name, answers that it does not fit."""
    named = described.statuses(route.method, route.path)
    answers = [attempt.answer for attempt in attempts if isinstance(attempt.answer, Answer)]
    unnamed = sorted({answer.status for answer in answers if not _is_named(answer.status, named)})
    notes = [f"statuses that the document does not name: {', '.join(map(str, unnamed))}"] if unnamed else []
    first = {answer.status: answer for answer in reversed(answers) if answer.status not in unnamed}
    for status, answer in sorted(first.items()):
        try:
            wrong = described.violation(route.method, route.path, answer)
        except ValueError as error:
            wrong = f"the document's schema cannot be used: {error}"
        notes += [f"HTTP {status} does not fit the document: {wrong}"] if wrong else []
    return [f"{route.method} {route.path}: {harmless(note)}" for note in notes]


def _is_named(status: int, named: frozenset[str]) -> bool:
    return bool(named & {str(status), f"{status // 100}XX", "default"})
