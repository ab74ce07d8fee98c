"""Asking the platform: its routes by their name in the contract, tagged, counted and within the run's budget."""

import base64
import json
import secrets
import shlex
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from selfcheck import corpus
from selfcheck.clients.http import Answer, Http, Request
from selfcheck.contract import Act, Component, Contract, Route
from selfcheck.corpus import Payload
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.settings import Scope
from selfcheck.waiting import pause

_RATE_LIMITED = 429
_KEPT_BODY_BYTES_MAX = 64 * 1024
_DIGITS_MAX = 7
_TRIES_MAX = 4


class Caller(StrEnum):
    """As whom a request is sent."""

    OWN = "own"
    """With the credential of the run that the route takes."""
    OTHER = "other"
    """As the client of SELF_CHECK_OTHER_API_KEY."""
    NOBODY = "nobody"
    """Without any credential."""
    STRANGER = "stranger"
    """With a credential that nobody has."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One synthetic request: an act of the contract, and what this one request differs in.

    `values` fill `{...}` in the act. `payload` is sent instead of the act's file (and its base64 text instead of that
    of the act's); `payloads` instead of all its copies, where they are to differ. `base` addresses one replica instead
    of the load balancer; `source` is the address of this machine that the request comes from. `headers`, `method` and
    `path` are laid over those of the act and its route. `waits` says whether the run may wait when a rate limit refuses
    the request, `follows` whether redirects are followed.
    """

    act: Act
    values: Mapping[str, Any] = field(default_factory=dict)
    caller: Caller = Caller.OWN
    payload: Payload | None = None
    payloads: tuple[Payload, ...] = ()
    base: str | None = None
    source: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str | None = None
    path: str | None = None
    waits: bool = True
    follows: bool = True


@dataclass(frozen=True, slots=True)
class Raw:
    """One synthetic request that no act describes: to a route of the contract, with any query, headers and body.

    The run's own tag and credentials take the place of what `headers` say of them.
    """

    route: str
    query: str = ""
    headers: Sequence[tuple[str, str]] = ()
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back to a synthetic request, kept for checks that judge all of a run's answers; its body is cut."""

    act: Act
    caller: Caller
    answer: Answer


@dataclass(frozen=True, slots=True)
class Sent:
    """That a synthetic request was sent, whatever came back: what a rate limit may have counted."""

    path: str
    caller: Caller
    files: int
    at_seconds: float


@dataclass(frozen=True, slots=True)
class Met:
    """With which status a route of the contract answered a request for it.

    `base` is the replica's address, empty for the load balancer; `entitled` says whether the request had what the
    route wants to be shown, `expected` whether the contract expects the status of it.
    """

    route: str
    base: str
    status: int
    entitled: bool
    expected: bool


class Platform:
    """A client for one deployment of the platform.

    Every request carries the contract's tag header with the run's id. Credentials are added only on routes that need
    them, and only towards the deployment's own base URLs; one that was found to be refused (`blocked` has it, with the
    promise that says so) is not sent again. No more requests are sent than the contract allows a run; the
    next one raises CouldNotObserve.
    """

    def __init__(
        self,
        http: Http,
        contract: Contract,
        scope: Scope,
        blocked: Mapping[Component, str] | None = None,
        *,
        run_id: str | None = None,
    ) -> None:
        self._http = http
        self._contract = contract
        self._scope = scope
        self._blocked = {} if blocked is None else blocked
        self.run_id = run_id or f"selfcheck-{uuid.uuid4().hex[:12]}"
        self.mark = f"{self.run_id}-{secrets.token_hex(4)}"
        """What this process names its own things by: workers of one run share the run's id, and nothing else."""
        self.requests_sent = 0
        self._stranger = f"nobody-{secrets.token_hex(8)}"
        self._serials = count(1)
        self.answered: list[Answered] = []
        self.sent: list[Sent] = []
        self.met: list[Met] = []
        self.moved: dict[str, str] = {}
        """Routes that are elsewhere on this platform, and where; the preflight finds them."""
        self._waited_seconds = 0.0
        self._landed: dict[str, str] = {}

    def base(self, component: Component = Component.APP) -> str:
        """Give the base URL of the component: the classifier is served by the app unless it has a URL of its own."""
        return self._scope.url(component) or self._scope.base_url

    def has_credential(self, route: Route) -> bool:
        """Tell whether the run sends what a route wants: a credential of its own, or none because it takes none."""
        return route.key == "none" or bool(self._credentials(route))

    def get(self, route: str, *, base: str | None = None, fresh: bool = False) -> Answer:
        """Ask a promised route that takes no body; raises CouldNotObserve.

        `base` addresses one replica instead of the load balancer; `fresh` uses a connection of its own, so that a
        balancer that works by connection may choose anew.
        """
        return only(self.get_all([(route, base)], fresh=fresh))

    def get_all(
        self, asked: Sequence[tuple[str, str | None]], *, fresh: bool = False, landed: bool = False
    ) -> list[Answer | CouldNotObserve]:
        """Ask several routes at once, each of the load balancer or of one replica; the answers keep the order.

        With `landed`, a route that is known to redirect is asked where the redirect led, to save a request each time.
        """
        requests = []
        for name, base in asked:
            route = self._contract.route(name)
            _raise_first([self._useless(route, Caller.OWN)])
            headers = self._headers(route) | ({"Connection": "close"} if fresh else {})
            url = (base or self.base(route.component)).rstrip("/") + self._landed.get(name, route.path)
            url = url if landed else self._url(route, base)
            requests.append(Request(method=route.method, url=url, headers=headers))
        answers = self._send(requests)
        for (name, base), answer in zip(asked, answers, strict=True):
            self._meet(name, base, Caller.OWN, answer)
            if isinstance(answer, Answer) and answer.redirects and answer.status == 200:
                self._landed[name] = urlsplit(answer.url).path
        return answers

    def _meet(
        self,
        route: str,
        base: str | None,
        caller: Caller,
        answer: Answer | CouldNotObserve,
        expected: Sequence[int] = (),
    ) -> None:
        """Keep the status of an answer to a request for a route, as the contract has it."""
        if isinstance(answer, Answer):
            found = self._contract.route(route)
            entitled = found.key == "none" or bool(self._credentials(found, caller))
            entitled = entitled and caller is not Caller.STRANGER
            self.met.append(Met(route, base or "", answer.status, entitled, answer.status in expected))

    def bare(self, paths: Sequence[str], component: Component = Component.APP) -> list[Answer | CouldNotObserve]:
        """Ask paths of a component with GET, without a credential or a body."""
        base = self.base(component).rstrip("/")
        return (
            self._send([Request(method="GET", url=base + path, headers=self._tags()) for path in paths])
            if paths
            else []
        )

    def scrape_all(self, urls: Sequence[str], *, fresh: bool = False) -> list[Answer | CouldNotObserve]:
        """Ask whole URLs of the platform's own metrics pages (as Prometheus names them), without credentials."""
        headers = self._tags() | ({"Connection": "close"} if fresh else {})
        return self._send([Request(method="GET", url=url, headers=headers) for url in urls])

    def ask_each(self, requests: Sequence[Request]) -> list[Answer | CouldNotObserve]:
        """Send requests of `page_request` that somebody has changed, within the budget; the answers keep the order."""
        return self._send(list(requests))

    def send(self, act: Act, values: Mapping[str, Any] | None = None) -> Answer:
        """Send one synthetic request of the contract; `values` fill `{...}` in it; raises CouldNotObserve."""
        return only(self.send_each([Sending(act, values or {})]))

    def send_each(self, sendings: Sequence[Sending], *, tidying: bool = False) -> list[Answer | CouldNotObserve]:
        """Send several synthetic requests at once; the answers keep the order.

        Raises CouldNotObserve when the budget is used up, or when none of them is of use: their routes are not here, or
        their credential is refused. `tidying` is for what removes things again: the budget does not keep it back.

        Those that a rate limit refuses are sent again after the time that the answer names, within the run's patience:
        other checks, or a run just before, may have used up the allowance. A moving window may then have room for only
        one of them, so that the others are sent again once more.
        """
        useless = [self._useless(self._contract.route(sending.act.route), sending.caller) for sending in sendings]
        if not sendings or all(useless):
            return _raise_first(useless)
        sent = iter(
            self._send(
                [self.request(sending) for sending, why in zip(sendings, useless, strict=True) if why is None],
                tidying=tidying,
            )
        )
        answers = [next(sent) if why is None else why for why in useless]
        now = time.time()
        self.sent += [
            Sent(
                self._contract.route(sending.act.route).path,
                sending.caller,
                len(sending.payloads) or sending.act.copies,
                now,
            )
            for sending, why in zip(sendings, useless, strict=True)
            if why is None
        ]
        for _ in range(_TRIES_MAX):
            refused = [
                number
                for number, answer in enumerate(answers)
                if isinstance(answer, Answer) and answer.status == _RATE_LIMITED and _may_wait(sendings[number])
            ]
            if not refused or not self.has_waited(max(_retry_after_seconds(answers[number]) for number in refused)):
                break
            again = self._send([self.request(sendings[number]) for number in refused])
            for number, answer in zip(refused, again, strict=True):
                answers[number] = answer
        for sending, answer in zip(sendings, answers, strict=True):
            if sending.path is None and sending.method is None:
                self._meet(sending.act.route, sending.base, sending.caller, answer, sending.act.expect.statuses)
        self.answered += [
            Answered(sending.act, sending.caller, replace(answer, body=answer.body[:_KEPT_BODY_BYTES_MAX]))
            for sending, answer in zip(sendings, answers, strict=True)
            if isinstance(answer, Answer)
        ]
        return answers

    def page_request(self, route: str, *, base: str | None = None) -> Request:
        """Build the request for a promised route that takes no body, for whoever sends it by a client of its own.

        `base` addresses one replica instead of the load balancer. The credential that the route takes goes with it.
        """
        found = self._contract.route(route)
        return Request(method=found.method, url=self._url(found, base), headers=self._headers(found))

    def send_raw(self, raws: Sequence[Raw]) -> list[Answer | CouldNotObserve]:
        """Send several requests at once; the answers keep the order, and none is waited for. Raises CouldNotObserve."""
        useless = [self._useless(self._contract.route(raw.route), Caller.OWN) for raw in raws]
        if not raws:
            return []
        _raise_first(useless)
        answers = self._send([self._raw_request(raw) for raw in raws])
        now = time.time()
        for raw, answer in zip(raws, answers, strict=True):
            self._meet(raw.route, None, Caller.OWN, answer)
        self.sent += [Sent(self._contract.route(raw.route).path, Caller.OWN, 1, now) for raw in raws]
        return answers

    def _raw_request(self, raw: Raw) -> Request:
        route = self._contract.route(raw.route)
        own = self._headers(route)
        known = {name.lower() for name in own}
        headers = {name: value for name, value in raw.headers if name.lower() not in known}
        url = self._url(route, None) + (f"?{raw.query}" if raw.query else "")
        return Request(method=route.method, url=url, headers=headers | own, content=raw.content)

    def curl_raw(self, raw: Raw) -> str:
        """Give a command that sends the same request; secrets stand in it as variables."""
        route = self._contract.route(raw.route)
        request = self._raw_request(raw)
        parts = ["curl", "-sS", "-X", route.method, *self._credential_options(route)]
        own = {name.lower() for name in self._headers(route)}
        for name, value in request.headers.items():
            if name.lower() not in own:
                # With a semicolon curl sends a header without a value; with a colon it sends none.
                parts += ["-H", shlex.quote(f"{name}: {value}" if value else f"{name};")]
        if raw.content is None:
            return " ".join([*parts, shlex.quote(request.url)])
        if "content-type" not in {name.lower() for name in request.headers}:
            parts += ["-H", "Content-Type:"]
        command = " ".join([*parts, "--data-binary", "@-", shlex.quote(request.url)])
        return f"printf %b {shlex.quote(_for_printf(raw.content))} | {command}"

    def has_waited(self, seconds: float) -> bool:
        """Wait for a rate limit, if the run's patience and its time allow it."""
        patience = self._contract.platform.limits.patience_seconds
        if self._waited_seconds + seconds > patience or seconds > self._http.deadline.left_seconds:
            return False
        self._waited_seconds += seconds
        pause(seconds)
        return True

    def request(self, sending: Sending) -> Request:
        """Build a request: `{unique}` and payload marks are new with each call."""
        act = sending.act
        # Taken in one step: threads that build requests at the same time must not get the same one.
        serial = next(self._serials)
        mark = self.mark if act.repeat else f"{self.mark}-{serial}"
        known: dict[str, Any] = {"unique": mark, **sending.values}
        if act.base64 is not None:
            inlined = sending.payload or corpus.payload(act.base64, mark)
            known["base64"] = base64.b64encode(inlined.content).decode("ascii")
        route = self._contract.route(act.route)
        headers = self._tags() | self._credentials(route, sending.caller)
        headers |= {name: str(_fill(value, known)) for name, value in act.headers.items()}
        body: dict[str, Any] = {}
        if act.json_body is not None:
            # Our own writer: values that JSON does not know are to arrive, as NaN and Infinity.
            body = {"content": json.dumps(_fill(act.json_body, known)).encode("utf-8")}
            headers["Content-Type"] = "application/json"
        elif act.raw_body is not None:
            body = {"content": str(_fill(act.raw_body, known)).encode("utf-8")}
            headers["Content-Type"] = act.content_type
        elif act.file is not None:
            payloads = sending.payloads or [
                sending.payload or corpus.payload(act.file, f"{mark}-{copy}" if copy else mark)
                for copy in range(act.copies)
            ]
            body = {"files": [(act.file_field, (made.filename, made.content, made.media_type)) for made in payloads]}
        url = (sending.base or self.base(route.component)).rstrip("/") + (sending.path or route.path)
        return Request(
            method=sending.method or route.method,
            url=url,
            headers=headers | dict(sending.headers),
            params={key: str(_fill(value, known)) for key, value in act.query.items()},
            source=sending.source,
            follow_redirects=sending.follows,
            **body,
        )

    def curl(self, act: Act, sending: Sending | None = None) -> str:
        """Give a command with which a person can send the same request; secrets stand in it as variables.

        `sending` says in what the request differs from the act.
        """
        route = self._contract.route(act.route)
        request = self.request(sending or Sending(act, {"vector": [1.0, 0.0], "candidate": "REGISTERED-ID"}))
        parts = ["curl", "-sS", "-X", route.method]
        parts += self._credential_options(route)
        if act.file is not None:
            place = corpus.location(act.file)
            if place is None:
                made = corpus.payload(act.file, self.mark)
                parts = [f"python -m selfcheck.corpus {act.file} |", *parts]
                place = f"-;filename={made.filename};type={made.media_type}"
            parts += ["-F", shlex.quote(f"{act.file_field}=@{place}")] * act.copies
        for name in act.headers:
            parts += ["-H", shlex.quote(f"{name}: {request.headers[name]}")]
        if request.content is not None:
            body = (request.content or b"").decode("utf-8") if act.base64 is None else json.dumps(_shortened(act))
            parts += ["-H", shlex.quote(f"Content-Type: {request.headers['Content-Type']}"), "-d", shlex.quote(body)]
        query = "&".join(f"{key}={value}" for key, value in request.params.items()) if request.params else ""
        return " ".join([*parts, shlex.quote(request.url + (f"?{query}" if query else ""))])

    def _credential_options(self, route: Route) -> list[str]:
        names = {self._contract.platform.api_key_header: "$API_KEY"}
        options = [f'"{header}: {names.get(header, "$ADMIN_TOKEN")}"' for header in self._credentials(route)]
        return [part for option in options for part in ("-H", option)]

    def _send(self, requests: Sequence[Request], *, tidying: bool = False) -> list[Answer | CouldNotObserve]:
        budget = self._contract.platform.limits.requests_max
        if self.requests_sent + len(requests) > budget and not tidying:
            raise CouldNotObserve(
                Trouble.BUDGET,
                asked=f"{requests[0].method} {requests[0].url}",
                came_back=f"not sent: this run has used up its {budget} requests to the platform",
                hint="raise limits.requests_max in the contract's platform.toml if the platform bears more",
            )
        answers = self._http.ask_all(requests)
        redirects = sum(len(answer.redirects) for answer in answers if isinstance(answer, Answer))
        self.requests_sent += len(requests) + redirects
        return answers

    def _url(self, route: Route, base: str | None) -> str:
        return (base or self.base(route.component)).rstrip("/") + route.path

    def _tags(self) -> dict[str, str]:
        return {self._contract.platform.tag_header: self.run_id}

    def _headers(self, route: Route) -> dict[str, str]:
        return self._tags() | self._credentials(route)

    def elsewhere(self, route: Route) -> tuple[str, str]:
        """Say of a route that moved that it is not where the contract has it, and what to do about that."""
        return (
            f"this platform has no {route.path}; it describes {self.moved[route.name]}",
            f"put its path of the route {route.name!r} into the contract's api.toml",
        )

    def _useless(self, route: Route, caller: Caller) -> CouldNotObserve | None:
        """Say why a request would tell nothing: its route is elsewhere, or its credential is known to be refused."""
        if route.name in self.moved:
            asked = f"{route.method} {self._url(route, None)}"
            came_back, hint = self.elsewhere(route)
            return CouldNotObserve(Trouble.NO_SUCH_ROUTE, asked=asked, came_back=came_back, hint=hint)
        component = _COMPONENT.get((route.key, caller))
        cause = self._blocked.get(component) if component is not None else None
        if cause is None or not self._credentials(route, caller):
            return None
        return CouldNotObserve(
            Trouble.CREDENTIAL,
            asked=f"{route.method} {self._url(route, None)}",
            came_back="not sent: the platform does not accept the credential that goes with it",
            hint=f"see {cause}",
            blocked_by=cause,
        )

    def _credentials(self, route: Route, caller: Caller = Caller.OWN) -> dict[str, str]:
        if route.key == "none" or caller is Caller.NOBODY:
            return {}
        if route.key == "api_key":
            header, own = self._contract.platform.api_key_header, self._scope.api_key
        else:
            header, own = self._contract.platform.admin_token_header, self._scope.admin_token
        if caller is Caller.OTHER:
            header, own = self._contract.platform.api_key_header, self._scope.other_api_key
        value = self._stranger if caller is Caller.STRANGER else own
        return {} if value is None else {header: value}


_COMPONENT = {
    ("api_key", Caller.OWN): Component.API_KEY,
    ("admin_token", Caller.OWN): Component.ADMIN_TOKEN,
    ("api_key", Caller.OTHER): Component.OTHER_API_KEY,
}


def _raise_first(useless: Sequence[CouldNotObserve | None]) -> list[Answer | CouldNotObserve]:
    """Raise the first reason not to send anything; nothing is sent where there is none."""
    for why in useless:
        if why is not None:
            raise why
    return []


def only(answers: list[Answer | CouldNotObserve]) -> Answer:
    """Give the one answer; raises CouldNotObserve where there is none."""
    if isinstance(answers[0], CouldNotObserve):
        raise answers[0]
    return answers[0]


def _may_wait(sending: Sending) -> bool:
    return sending.waits and _RATE_LIMITED not in sending.act.expect.statuses


def _retry_after_seconds(answer: Answer | CouldNotObserve) -> float:
    """Say how long a refused client is to wait; one second where the answer does not say it in seconds."""
    text = "" if isinstance(answer, CouldNotObserve) else answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < _DIGITS_MAX else 1.0


def _shortened(act: Act) -> Any:
    """Keep a command that a person reads short: an inlined file is named instead of spelled out."""
    return _fill(act.json_body, {"base64": f"BASE64-OF-{act.base64}"})


def _for_printf(content: bytes) -> str:
    """Spell out bytes as `printf %b` of any shell reads them."""
    plain = {ord("\\"): r"\0134"}
    return "".join(plain.get(byte, chr(byte)) if 0x20 <= byte < 0x7F else f"\\0{byte:03o}" for byte in content)


def _fill(value: Any, known: Mapping[str, Any]) -> Any:
    """Replace `{name}` in a JSON value; a string that is just one placeholder becomes the value itself."""
    if isinstance(value, str):
        for name, replacement in known.items():
            if value == f"{{{name}}}":
                return replacement
            value = value.replace(f"{{{name}}}", str(replacement))
        return value
    if isinstance(value, Mapping):
        return {key: _fill(inner, known) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_fill(inner, known) for inner in value]
    return value
