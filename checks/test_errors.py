"""Errors: what goes wrong is said in the promised form. Judged over all synthetic answers of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import Field

from selfcheck.checking import check
from selfcheck.clients.platform import Caller, Sending
from selfcheck.contract import ActName, Promise, Right, RouteName
from selfcheck.leaks import leaks
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.values import Missing, dig, json_type, shown
from selfcheck.verdict import Outcome, Verdict, combine, failed, inconclusive, not_covered, passed

if TYPE_CHECKING:
    from selfcheck.clients.http import Answer
    from selfcheck.clients.platform import Answered
    from selfcheck.contract import Act
    from selfcheck.target import Target

_HTTP_OK = 200
_REDIRECTED = 300
_CLIENT_ERROR = 400
_NO_CREDENTIALS = (401, 403)
_NO_SUCH_ROUTE = (404, 405)
_RATE_LIMITED = 429
_SERVER_ERROR = 500
_BROKEN = (Trouble.BROKEN_OFF, Trouble.NOT_HTTP)
_UNANSWERED = (*_BROKEN, Trouble.TIMED_OUT, Trouble.REFUSED, Trouble.UNREACHABLE)
"""Of a request that was sent; one that was not has been told of elsewhere."""
_KEPT_BODY_BYTES = 64 * 1024


class OverAnswers(Promise):
    """Something that holds for the answers of a run; a few failures are provoked, so that there are some."""

    right: Right = Right.SYNTHETIC
    provoke: tuple[ActName, ...] = Field(min_length=1, description="Requests that go wrong, and a few that do not.")
    provoke_without_credential: tuple[ActName, ...] = ()


Problem = Callable[["Answered"], str | None]
"""Says what is wrong with an answer: nothing is the empty text; None where the promise does not speak of it."""


def judge_all(
    answered: Iterable[Answered],
    problem: Problem,
    *,
    expected: str,
    reproduce: Callable[[Answered], str],
    troubles: Sequence[CouldNotObserve] = (),
    refused: Sequence[Answered] = (),
) -> Verdict:
    """Judge every answer that the promise speaks of; what is wrong in the same way is told once.

    Where none came, it is asked and not told when provoked requests were `refused` for another reason. Raises
    CouldNotObserve where they got no answer (`troubles`).
    """
    judged = 0
    broken: dict[tuple[str, str], Verdict] = {}
    for each in answered:
        wrong = problem(each)
        judged += wrong is not None
        if wrong:
            where = f"{each.answer.asked}, {each.act.name} as {each.caller}"
            verdict = failed(expected, f"HTTP {each.answer.status}: {wrong}", where=where, reproduce=reproduce(each))
            broken.setdefault((each.act.name, wrong), verdict)
    if broken:
        return combine(broken.values())
    if not judged and troubles:
        raise troubles[0]
    if not judged and refused:
        told = f"what was asked for it was answered HTTP {refused[0].answer.status}"
        remedy = "see what the other promises say of this route"
        return inconclusive(expected, told, where=refused[0].answer.asked, remedy=remedy)
    if not judged:
        return not_covered(
            "no such answer came in this run", "run more areas, or name acts to `provoke` in errors.toml"
        )
    return passed(f"{judged} answer{'s' if judged > 1 else ''}")


class Provoked(NamedTuple):
    """A request that went wrong by intention and got no answer, and what came when it was sent once more."""

    act: Act
    first: CouldNotObserve
    again: Answer | CouldNotObserve


def _provoke(promise: OverAnswers, target: Target) -> list[Provoked]:
    """Send requests that go wrong, unless other checks have; gives those that got no answer, not even to a repetition.

    What came back is kept with all other answers.
    """
    known = {(each.act.name, each.caller) for each in target.platform.answered}
    asked = [(name, Caller.OWN) for name in promise.provoke]
    asked += [(name, Caller.NOBODY) for name in promise.provoke_without_credential]
    asked = [each for each in asked if each not in known]
    sendings = [Sending(target.contract.act(name), caller=caller) for name, caller in asked]
    parts = [target.contract.route(sending.act.route).component for sending in sendings]
    there = [part not in target.absent and part not in target.blocked for part in parts]
    sendings = [sending for sending, is_there in zip(sendings, there, strict=True) if is_there]
    got = target.platform.send_each(sendings)
    lost = [
        (sending, trouble)
        for sending, trouble in zip(sendings, got, strict=True)
        if isinstance(trouble, CouldNotObserve)
    ]
    again = [
        target.platform.send_each([sending])[0] if trouble.trouble in _UNANSWERED else trouble
        for sending, trouble in lost
    ]
    return [Provoked(sending.act, trouble, second) for (sending, trouble), second in zip(lost, again, strict=True)]


def _provoked(promise: OverAnswers, target: Target) -> list[Provoked]:
    return target.once(("provoked", promise.provoke), lambda: _provoke(promise, target))


def _judge(
    promise: OverAnswers, target: Target, problem: Problem, expected: str, routes: Sequence[str] = ()
) -> Verdict:
    """Judge all answers of the run so far; `routes` are those that the promise speaks of, where not of all."""
    troubles = [each.again for each in _provoked(promise, target) if isinstance(each.again, CouldNotObserve)]
    every = target.platform.answered
    refused = [
        each
        for each in every
        if each.act.name in promise.provoke
        and each.act.route in routes
        and (each.answer.status == _RATE_LIMITED or each.answer.status >= _SERVER_ERROR)
    ]

    def reproduce(each: Answered) -> str:
        return target.platform.curl(each.act)

    return judge_all(every, problem, expected=expected, reproduce=reproduce, troubles=troubles, refused=refused)


def _as_contract_says(each: Answered, target: Target) -> bool:
    """Tell whether the route of the contract answered: other paths and methods may not get as far as the platform."""
    route = target.contract.route(each.act.route)
    method, _, url = each.answer.asked.partition(" ")
    known = each.answer.status not in _NO_SUCH_ROUTE or each.answer.status in each.act.expect.statuses
    return known and method == route.method and urlsplit(url).path.endswith(route.path)


def _body(each: Answered) -> Any:
    """Read the answer as JSON; Missing where it is none."""
    try:
        return each.answer.json()
    except CouldNotObserve:
        return Missing("")


def _not_json(each: Answered) -> str:
    """Say why an answer is not JSON; empty when it is."""
    kind = each.answer.content_type
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        return f"content type {kind or 'missing'}, {_start(each)}"
    return f"not JSON, {_start(each)}" if isinstance(_body(each), Missing) else ""


def _start(each: Answered) -> str:
    return shown(each.answer.body[:100].decode("utf-8", errors="replace"), 110)


# -------------------------------------------------------------------------------------------------------- server errors


class ServerErrors(OverAnswers):
    """No request is answered with an error of the server."""

    harmless: tuple[int, ...] = Field((), description="Statuses from 500 on that say something of the request.")


def server_error(promise: ServerErrors, each: Answered) -> str:
    """Say that the answer is a server error."""
    status = each.answer.status
    if status < 500 or status in promise.harmless or status in each.act.expect.statuses:
        return ""
    return _start(each)


def judge_lost(lost: Sequence[Provoked], *, others: int, reproduce: Callable[[Act], str]) -> Verdict:
    """Connections that are broken off twice, where other requests are answered, are as bad as a server's error.

    Other ways to get no answer, such as one that takes too long, may be the network's or this machine's.
    """
    expected = "an answer to each request"
    verdicts = []
    for each in lost:
        if isinstance(each.again, CouldNotObserve) and each.again.trouble in _UNANSWERED:
            broken = each.first.trouble in _BROKEN and each.again.trouble in _BROKEN
            place = {"where": each.again.asked, "reproduce": reproduce(each.act)}
            observed = f"no answer, twice, to {each.act.name}: {each.again.came_back}"
            is_theirs = broken and others > 0
            told = failed if is_theirs else inconclusive
            verdicts.append(told(expected, observed, **place))
    return combine(verdicts) if verdicts else passed("each provoked request was answered")


@check("errors.server_errors", ServerErrors, last=True)
def test_server_errors(promise: ServerErrors, target: Target) -> Verdict:
    """No answer of the run is a 5xx, and none is missing."""
    verdict = _judge(promise, target, lambda each: server_error(promise, each), "no answer from HTTP 500 on")
    lost = judge_lost(_provoked(promise, target), others=len(target.platform.answered), reproduce=target.platform.curl)
    return verdict if lost.outcome is Outcome.PASS else combine((verdict, lost))


# ----------------------------------------------------------------------------------------------------------------- form


class Form(OverAnswers):
    """An error is JSON that says something."""

    statuses: tuple[int, ...] = Field(min_length=1, description="Those that gateways do not give in their own form.")
    messages: tuple[str, ...] = Field(min_length=1, description="Fields of which one says what is wrong.")


def wrong_form(promise: Form, each: Answered) -> str | None:
    """Say why an error answer is not JSON with a message."""
    if each.answer.status not in promise.statuses:
        return None
    if wrong := _not_json(each):
        return wrong
    body = _body(each)
    if any(_says_something(dig(body, field)) for field in promise.messages):
        return ""
    return f"none of {', '.join(promise.messages)} says what is wrong: {_start(each)}"


def _says_something(value: object) -> bool:
    """Tell whether there are words anywhere in it."""
    if isinstance(value, str):
        return any(character.isalpha() for character in value)
    if isinstance(value, Mapping):
        return any(map(_says_something, value.values()))
    return isinstance(value, list) and any(map(_says_something, value))


@check("errors.form", Form, last=True)
def test_form(promise: Form, target: Target) -> Verdict:
    """Errors are JSON with a message."""

    def problem(each: Answered) -> str | None:
        return wrong_form(promise, each) if _as_contract_says(each, target) else None

    return _judge(promise, target, problem, f"JSON in which one of {', '.join(promise.messages)} says what is wrong")


class Envelope(OverAnswers):
    """An error of some routes has the promised fields, and a code that fits its status."""

    routes: tuple[RouteName, ...] = Field(min_length=1)
    path: str = Field(description="Path to the object with the fields.")
    texts: tuple[str, ...] = Field(description="Fields that are text, and not empty.")
    context: str = Field(description="Field that is an object, or null.")
    code: str
    codes: Mapping[str, tuple[str, ...]] = Field(description="By HTTP status, the codes that there are.")


def wrong_envelope(promise: Envelope, each: Answered) -> str | None:
    """Say what is missing in an error answer of the routes."""
    codes = promise.codes.get(str(each.answer.status))
    # Where the contract leaves the status open, it may be the framework or a gateway that refuses.
    is_certain = each.act.expect.statuses == (each.answer.status,)
    if each.act.route not in promise.routes or codes is None or not is_certain:
        return None
    if wrong := _not_json(each):
        return wrong
    detail = dig(_body(each), promise.path)
    if not isinstance(detail, Mapping):
        return f"{promise.path} is {'missing' if isinstance(detail, Missing) else json_type(detail)}: {_start(each)}"
    empty = [name for name in promise.texts if not (isinstance(text := detail.get(name), str) and text.strip())]
    if empty:
        return f"{promise.path} says nothing of {', '.join(empty)}: {_start(each)}"
    if promise.context not in detail or not isinstance(detail[promise.context], Mapping | None):
        return f"{promise.path}.{promise.context} is no object: {_start(each)}"
    code = detail[promise.code]
    return "" if code in codes else f"{promise.path}.{promise.code} = {shown(code)}, not {' or '.join(codes)}"


@check("errors.envelope", Envelope, last=True)
def test_envelope(promise: Envelope, target: Target) -> Verdict:
    """Errors have the promised fields."""

    def problem(each: Answered) -> str | None:
        return wrong_envelope(promise, each) if _as_contract_says(each, target) else None

    fields = ", ".join((*promise.texts, promise.context))
    expected = f"`{promise.path}` with {fields}, and a code that fits the status"
    return _judge(promise, target, problem, expected, promise.routes)


# ----------------------------------------------------------------------------------------------------- handled failures


class Handled(OverAnswers):
    """A recognition that is answered with HTTP 200 says why it failed, or that it did not."""

    routes: tuple[RouteName, ...] = Field(min_length=1)
    succeeded: bool = Field(description="Whether the promise is about answers that say so, or about the others.")
    success: str
    error: str
    code: str
    codes: tuple[str, ...]
    letters_min: int = Field(ge=1, description="A sentence has at least so many letters, and a space.")


def wrong_answer(promise: Handled, each: Answered) -> str | None:
    """Say what does not fit in a recognition's answer."""
    if each.act.route not in promise.routes or each.answer.status != _HTTP_OK:
        return None
    body = _body(each)
    if isinstance(body, Missing) and len(each.answer.body) >= _KEPT_BODY_BYTES:
        return None  # only the beginning of a long body is kept
    if wrong := _not_json(each):
        return wrong
    if dig(body, promise.success) is not promise.succeeded:
        return None
    return _unclean(promise, body) if promise.succeeded else _unexplained(promise, body)


def _unclean(promise: Handled, body: object) -> str:
    """Say what a success carries that belongs to a failure."""
    found = {path: dig(body, path) for path in (promise.error, promise.code)}
    said = [f"{path} = {shown(value)}" for path, value in found.items() if not _is_empty(value)]
    return f"{promise.success} = true, and {', '.join(said)}" if said else ""


def _is_empty(value: object) -> bool:
    return value is None or value == "" or isinstance(value, Missing)


def _unexplained(promise: Handled, body: object) -> str:
    """Say what a failure lacks: a promised code, or a sentence that is more than the code."""
    error, code = dig(body, promise.error), dig(body, promise.code)
    if code not in promise.codes:
        return f"{promise.code} = {shown(code)}, which is no promised code"
    if isinstance(error, str) and error != code and " " in error.strip():
        letters = sum(character.isalpha() for character in error)
        return "" if letters >= promise.letters_min else f"{promise.error} = {shown(error)}, which is no sentence"
    return f"{promise.error} = {shown(error)}, which is no sentence"


@check("errors.handled", Handled, last=True)
def test_handled(promise: Handled, target: Target) -> Verdict:
    """Success and failure are told apart in every answer."""
    expected = (
        f"no {promise.error} and no {promise.code} where {promise.success} is true"
        if promise.succeeded
        else f"a sentence in {promise.error} and a promised {promise.code} where {promise.success} is false"
    )
    return _judge(promise, target, lambda each: wrong_answer(promise, each), expected, promise.routes)


class Malformed(OverAnswers):
    """What has not even the form of a request is refused, and not worked on."""

    success: str = Field("", description="Path to what is false in a failure that was handled, where that will do.")


def taken_for_well_formed(promise: Malformed, each: Answered) -> str | None:
    """Say that a malformed request was answered as if it was none; errors of the server are another promise."""
    status = each.answer.status
    if each.act.name not in promise.provoke or not (status < _REDIRECTED or _CLIENT_ERROR <= status < _SERVER_ERROR):
        return None
    if status == _RATE_LIMITED or status in _NO_CREDENTIALS:
        return None
    if status >= _CLIENT_ERROR or (promise.success and dig(_body(each), promise.success) is False):
        return ""
    return _start(each)


@check("errors.malformed", Malformed, last=True)
def test_malformed(promise: Malformed, target: Target) -> Verdict:
    """Malformed requests are refused."""
    routes = [target.contract.act(name).route for name in promise.provoke]

    def problem(each: Answered) -> str | None:
        return taken_for_well_formed(promise, each) if _as_contract_says(each, target) else None

    handled = f", or {promise.success} = false" if promise.success else ""
    return _judge(promise, target, problem, f"HTTP 422 or the like{handled}", routes)


# ---------------------------------------------------------------------------------------------------------------- leaks


class Leaks(OverAnswers):
    """An error tells nothing of the inside of the service."""

    patterns: Mapping[str, str] = Field(description="By a name for it, what must not stand in an error.")
    success: str


def leaking(promise: Leaks, each: Answered, secrets: Iterable[str | None]) -> str | None:
    """Say what an error answer gives away."""
    if each.answer.status < _CLIENT_ERROR and dig(_body(each), promise.success) is not False:
        return None
    return "; ".join(leaks(each.answer.body.decode("utf-8", errors="replace"), promise.patterns, secrets))


@check("errors.leaks", Leaks, last=True)
def test_leaks(promise: Leaks, target: Target) -> Verdict:
    """No error body gives anything away."""
    scope = target.scope
    secrets = (scope.api_key, scope.other_api_key, scope.admin_token)
    expected = f"no {', no '.join(promise.patterns)} and no credential in an error"
    return _judge(promise, target, lambda each: leaking(promise, each, secrets), expected)


# ---------------------------------------------------------------------------------------------------------- rate limits


class RetryAfter(OverAnswers):
    """Who is refused by a rate limit is told when to come again."""

    routes: tuple[RouteName, ...] = Field(min_length=1)
    header: str


def no_retry_after(promise: RetryAfter, each: Answered) -> str | None:
    """Say that a refusal does not name a time."""
    if each.act.route not in promise.routes or each.answer.status != _RATE_LIMITED:
        return None
    value = each.answer.headers.get(promise.header)
    return "" if value else f"{promise.header} is {'missing' if value is None else 'empty'}"


@check("errors.retry_after", RetryAfter, last=True)
def test_retry_after(promise: RetryAfter, target: Target) -> Verdict:
    """Refusals of a rate limit name a time."""
    return _judge(promise, target, lambda each: no_retry_after(promise, each), f"{promise.header} with each HTTP 429")
