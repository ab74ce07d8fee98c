"""Requests of a run, built once for each operation and client: what differs between two is a hole in a template.

Building a request through the contract takes longer than sending it. So each is built once, by the same code as those
of the gate (`Platform.request`), with markers in the places of what is unique: the mark, and the files that carry it.
"""

from __future__ import annotations

import base64
import datetime as dt
import email.utils
import json
import re
import secrets as random_secrets
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx

from load.record import Fate
from selfcheck import corpus
from selfcheck.answering import breach
from selfcheck.clients._body import read_body
from selfcheck.clients._explain import Failed
from selfcheck.clients.http import Answer
from selfcheck.clients.platform import Caller, Sending
from selfcheck.settings import normalised
from selfcheck.values import dig, same

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from load.plan import Operation, Plan
    from selfcheck.contract import Act
    from selfcheck.run import Run
    from selfcheck.secrets import Secrets

    Fill = Callable[[str], bytes]

_RATE_LIMITED = 429
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_PLACE_CHARACTERS_MAX = 100
_QUOTED_BYTES_MAX = 4096
_UNPACKED_BYTES_MAX = 64 * 1024 * 1024
_CLOCK_TOLERANCE = dt.timedelta(seconds=5)
_SERVER_ERROR = 500
_OPENING = re.compile(rb"[\[{]")
_NESTED_MAX = 100
"""What is nested more deeply `Answer.json` refuses; an answer with fewer brackets in it cannot be."""


class NotStartedError(Exception):
    """The run could not begin; nothing was sent."""


def refuse_another_target(plan: Plan, run: Run) -> None:
    """Raise NotStartedError unless the plan is for the target that the settings name: load goes nowhere else."""
    if normalised(plan.base_url) != normalised(run.scope.base_url):
        message = f"the plan is for {plan.base_url}, and the settings of this process name {run.scope.base_url}"
        raise NotStartedError(message)


@dataclass(frozen=True, slots=True)
class Received:
    """A complete answer; `headers` are found whatever the case of their names, `body` may be packed."""

    status: int
    headers: Mapping[str, Any]
    body: bytes


class Template:
    """Bytes with holes; each is filled with what a function makes of the mark of a request."""

    def __init__(self, text: bytes, holes: Mapping[bytes, Fill]) -> None:
        pattern = b"|".join(re.escape(marker) for marker in holes)
        pieces = re.split(b"(" + pattern + b")", text) if holes else [text]
        self._pieces: list[bytes | Fill] = [holes.get(piece, piece) for piece in pieces]
        self.constant = text if len(pieces) == 1 else None
        """All of it, where it has no hole."""

    def filled(self, mark: str) -> bytes:
        """Give the bytes for a mark."""
        if self.constant is not None:
            return self.constant
        return b"".join(piece if isinstance(piece, bytes) else piece(mark) for piece in self._pieces)


class Prepared:
    """One operation as one client: its requests, and what its answers are worth."""

    def __init__(self, operation: str, client: str, act: Act, secrets: Secrets) -> None:
        self.operation = operation
        self.client = client
        self.method = ""
        self.url = ""
        self._act = act
        self._secrets = secrets
        self._base_mark = ""
        self._head = self._body = Template(b"", {})
        self._whole: bytes | None = None
        fixed = {path: (wanted,) for path, wanted in act.expect.body.items()}
        self._statuses = frozenset(act.expect.statuses)
        self._values = tuple({**fixed, **act.expect.one_of}.items())

    def build(self, request: httpx.Request, base_mark: str, holes: Mapping[bytes, Fill]) -> None:
        """Take the request apart where the markers of holes are."""
        self.method, self.url, self._base_mark = request.method, str(request.url), base_mark
        fields = [field for field in request.headers.raw if field[0].lower() != b"content-length"]
        lines = [f"{request.method} {request.url.raw_path.decode('ascii')} HTTP/1.1".encode("ascii")]
        lines += [name + b": " + value for name, value in fields]
        content = request.read()
        self._head = Template(b"\r\n".join(lines), holes)
        self._body = Template(content, holes)
        if self._head.constant is not None and self._body.constant is not None:
            self._whole = self._joined(self._head.constant, content)

    def request(self, number: int) -> bytes:
        """Give all bytes of the request with this number, which nobody else in the run has."""
        if self._whole is not None:
            return self._whole
        mark = f"{self._base_mark}-{number}"
        return self._joined(self._head.filled(mark), self._body.filled(mark))

    def _joined(self, head: bytes, body: bytes) -> bytes:
        if not body and self.method not in _WITH_BODY:
            return head + b"\r\n\r\n"
        return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (head, len(body), body)

    def fate(self, received: Received) -> Fate:
        """Tell what an answer is worth."""
        if received.status in self._statuses:
            return Fate.OK if self._holds(received) or not self._breach(received) else Fate.WRONG
        if received.status == _RATE_LIMITED:
            return Fate.LIMITED
        return Fate.SERVER_ERROR if received.status >= _SERVER_ERROR else Fate.WRONG

    def words(self, received: Received) -> str:
        """Say in which way an answer is not the promised one, as the gate says it, without secrets."""
        if received.status in _REDIRECTS:
            place = self._secrets.mask(_header(received, "location"))
            return f"HTTP {received.status}, a redirect to {place[:_PLACE_CHARACTERS_MAX]}, which is not followed"
        return self._secrets.mask(self._breach(received, masked=True))

    def _breach(self, received: Received, *, masked: bool = False) -> str:
        coding = _header(received, "content-encoding")
        try:
            body = read_body([received.body], coding=coding, length="", bytes_max=_UNPACKED_BYTES_MAX)
        except Failed as error:
            return error.failure.came_back
        if masked:
            # Before it is cut: half a secret would not be recognised.
            start = body[:_QUOTED_BYTES_MAX].decode("utf-8", "replace")
            shown = self._secrets.mask(start)
            body = body if shown == start else shown.encode("utf-8") + body[_QUOTED_BYTES_MAX:]
        answer = Answer(
            asked=f"{self.method} {self.url}",
            url=self.url,
            status=received.status,
            headers=httpx.Headers([(name, str(value)) for name, value in received.headers.items()]),
            body=body,
            elapsed_seconds=0.0,
            asked_at=0.0,
            secrets=self._secrets,
        )
        return breach(self._act, answer)

    def _holds(self, received: Received) -> bool:
        """Tell at little cost whether an answer is surely the promised one; what is unusual is left to `_breach`."""
        if not self._values:
            return True
        kind = _header(received, "content-type").lower()
        if _header(received, "content-encoding") or ("charset" in kind and "utf-8" not in kind):
            return False
        try:
            value = json.loads(received.body.decode("utf-8"))
        except ValueError:
            return False
        if any(not any(same(dig(value, path), wanted) for wanted in allowed) for path, allowed in self._values):
            return False
        return len(_OPENING.findall(received.body)) <= _NESTED_MAX


def prepare(plan: Plan, run: Run) -> dict[tuple[str, str], Prepared]:
    """Prepare every operation of a plan as each of its clients.

    Raises ContractError, UnknownPayloadError, or Failed for what cannot be sent.
    """
    platform = run.target.platform
    made = {}
    for operation in plan.operations:
        act = run.contract.act(operation.act)
        for client in plan.clients:
            values = {"candidate": plan.candidates.get(client, ""), "vector": list(plan.vector), **operation.values}
            sending, holes = _with_holes(Sending(act, values, caller=Caller(client)), operation)
            prepared = Prepared(operation.name, client, act, run.target.secrets)
            prepared.build(run.target.http.prepare(platform.request(sending)), platform.mark, holes)
            made[operation.name, client] = prepared
    return made


def _with_holes(sending: Sending, operation: Operation) -> tuple[Sending, dict[bytes, Fill]]:
    """Put markers into a request where it is to be unique, and give what fills them; an act that repeats has none."""
    act = sending.act
    if act.repeat:
        return sending, {}
    holes: dict[bytes, Fill] = {}
    values = dict(sending.values)
    if "unique" not in operation.values:
        values["unique"] = _marker("mark")
        holes[values["unique"].encode("ascii")] = _mark
    payload, payloads = None, []
    if act.base64 is not None:
        sample = corpus.payload(act.base64, "")
        marker = _marker("base64").encode("ascii")
        payload = replace(sample, content=marker)
        holes[base64.b64encode(marker)] = partial(_base64, act.base64)
    if act.file is not None:
        sample = corpus.payload(act.file, "")
        for copy in range(act.copies):
            marker = _marker(f"copy-{copy}").encode("ascii")
            payloads.append(replace(sample, content=marker))
            holes[marker] = partial(_content, act.file, f"-{copy}" if copy else "")
    return replace(sending, values=values, payload=payload, payloads=tuple(payloads)), holes


def _marker(what: str) -> str:
    """Give a text that nothing else contains."""
    return f"hole-{what}-{random_secrets.token_hex(12)}"


def _mark(mark: str) -> bytes:
    return mark.encode("ascii")


def _content(name: str, suffix: str, mark: str) -> bytes:
    return corpus.payload(name, mark + suffix).content


def _base64(name: str, mark: str) -> bytes:
    return base64.b64encode(corpus.payload(name, mark).content)


def _header(received: Received, name: str) -> str:
    value = received.headers.get(name)
    return "" if value is None else str(value)


def says_when_to_retry(received: Received, now: dt.datetime) -> bool:
    """Tell whether an answer has a Retry-After: at least one second, or a date that is not over."""
    text = _header(received, "retry-after").strip()
    if text.isascii() and text.isdigit():
        return int(text) >= 1
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return False
    return moment.replace(tzinfo=moment.tzinfo or dt.UTC) >= now - _CLOCK_TOLERANCE
