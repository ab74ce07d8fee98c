"""The one way in which the suite asks anything over HTTP: bounded in time and memory.

- The time limit holds for the whole exchange: looking up the name, connecting, TLS, every redirect, the last
  byte.
- The body is read up to a limit, also when it comes packed; uncompressed answers are asked for.
- Redirects are followed on the same host and port only (or from http to https on the same host), so
  credentials reach nobody else. A POST that is answered 301 or 302 is not sent again: that answer is the
  answer.
- Nothing is retried, with one exception that is counted (`Count.reconnections`): a GET that went out on a
  kept connection while the server was closing it, before a single byte of answer. Connections found closed
  are not used.
- No cookies, no `.netrc`, nothing of a request in any log; proxies of the environment never for loopback hosts.

httpx builds the requests; httpcore, its engine, carries them over the network of `_wire`.
"""

from __future__ import annotations

import base64
import codecs
import contextvars
import ipaddress
import json as json_module
import math
import re
import ssl
import sys
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

# httpx imports its command line too (click, rich, pygments: more than half of its import time), unless that
# import fails, which it takes for "not installed".
if "httpx" not in sys.modules:
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
import httpcore
import httpx

if sys.modules.get("httpx._main", httpx) is None:
    del sys.modules["httpx._main"]

from selfcheck.clients._body import read_body
from selfcheck.clients._explain import NO_ANSWER, Failed, Failure, explain, preview, printable
from selfcheck.clients._wire import Exchange, Network, Phase, current
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.secrets import Secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from selfcheck.waiting import Deadline

    Plain = str | int | float | bool
    Params = Mapping[str, Plain | Sequence[Plain]]
    File = bytes | tuple[str | None, bytes] | tuple[str | None, bytes, str | None]
    Files = Mapping[str, File] | Sequence[tuple[str, File]]

__all__ = ["Answer", "CouldNotObserve", "Count", "Http", "Request", "Tally", "Trouble"]

BODY_BYTES_MAX = 64 * 1024 * 1024

# Shorter than the 5 seconds after which uvicorn, for one, closes an idle connection: then it is we who close
# it, and no request meets a connection that is just being closed.
_KEEP_ALIVE_SECONDS = 3.0
_URL_CHARACTERS_MAX = 300
_REDIRECT_BODY_BYTES_MAX = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAFE_TO_REPEAT = frozenset({"GET", "HEAD", "OPTIONS"})
_JSON_DEPTH_MAX = 100
_TOO_DEEP = "it is nested too deeply to be JSON of use"
_UNSENDABLE = re.compile(r"[^\t\x20-\x7e\xa0-\xff]")
_AREA: ContextVar[str] = ContextVar("area", default="other")

# Python has codecs that are slow beyond reason or no character set at all; these are what servers really
# claim.
_CHARACTER_SETS = frozenset({"ascii", "utf-8", "iso8859-1", "iso8859-15", "cp1252", "utf-16", "utf-16-le", "utf-16-be"})


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask. At most one of `content`, `json` and `data`/`files` is the body, as in httpx.

    `params` are added to those of the URL; a sequence gives a name several values. `files` maps a field to
    its bytes, or to (file name, bytes[, content type]). `timeout_seconds` is the time for the whole exchange;
    None means that of the client. With the header `Connection: close` it gets a connection of its own. `source` is the
    address of this machine that the connection comes from.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Params | None = None
    content: bytes | None = None
    json: Any = None
    data: Mapping[str, str] | None = None
    files: Files | None = None
    timeout_seconds: float | None = None
    follow_redirects: bool = True
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, completely received.

    `asked` is "GET http://host/path" as first asked, `url` where the answer came from in the end, `redirects`
    the URLs that redirected. `elapsed_seconds` covers the whole exchange, `asked_at` is the Unix time at its
    start. `body` is unpacked. The URLs are masked.
    """

    asked: str
    url: str
    status: int
    headers: httpx.Headers
    body: bytes = field(repr=False)
    elapsed_seconds: float
    asked_at: float
    redirects: tuple[str, ...] = ()
    secrets: Secrets = field(default_factory=Secrets, repr=False, compare=False)

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters; empty when the server names none."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    def text(self) -> str:
        """The body as text, in the character set that the server names, else UTF-8.

        Raises `CouldNotObserve` (NOT_TEXT) when it is not.
        """
        name = self._character_set()
        try:
            codec = codecs.lookup(name).name
        except (LookupError, ValueError):
            codec = ""
        if codec not in _CHARACTER_SETS:
            raise self.unusable(Trouble.NOT_TEXT, f"it names the character set “{printable(name)[:40]}”, which is none")
        try:
            return self.body.decode(codec)
        except UnicodeDecodeError as error:
            byte = self.body[error.start : error.start + 1].hex()
            problem = f"it is not {codec}: byte {error.start:,} is 0x{byte}"
            hint = "Let the service send UTF-8, or name the character set that it uses"
            raise self.unusable(Trouble.NOT_TEXT, problem, hint) from None

    def json(self, *, allow_nan: bool = True) -> Any:
        """The body as JSON; with `allow_nan` the bare words NaN and Infinity, too, which JSON does not have.

        Raises `CouldNotObserve` (NOT_JSON, or NOT_TEXT).
        """
        text = self.text()
        try:
            value = json_module.loads(text, parse_constant=None if allow_nan else _refuse)
        except RecursionError:
            raise self.unusable(Trouble.NOT_JSON, _TOO_DEEP) from None
        except ValueError as error:
            problem = "it is empty, not JSON" if not text.strip() else f"it is not JSON ({printable(str(error))[:80]})"
            raise self.unusable(Trouble.NOT_JSON, problem) from None
        # Whoever walks through the value, or shows it, may do so by recursion.
        if _depth(value) > _JSON_DEPTH_MAX:
            raise self.unusable(Trouble.NOT_JSON, _TOO_DEEP)
        return value

    def unusable(self, trouble: Trouble, problem: str, hint: str | None = None) -> CouldNotObserve:
        """The exception that says that this answer cannot be used, and quotes how it begins."""
        kind = self.content_type or "no content type"
        came_back = f"HTTP {self.status} with {len(self.body):,} bytes ({printable(kind)[:60]}), but {problem}"
        if self.body:
            # Masked before it is cut: half a secret would not be recognised.
            came_back += f"; it begins with {preview(self.secrets.mask(self.body[:2048].decode('utf-8', 'replace')))}"
        return CouldNotObserve(
            trouble,
            asked=self.asked,
            came_back=self.secrets.mask(came_back),
            hint=hint or self._hint(),
        )

    def _character_set(self) -> str:
        found = re.search(r";\s*charset\s*=\s*[\"']?([^\"';\s]*)", self.headers.get("content-type", ""), re.IGNORECASE)
        return found.group(1) if found and found.group(1) else "utf-8"

    def _hint(self) -> str:
        if self.status in {401, 403}:
            return "Check the credentials"
        if self.status >= 500:
            return "Look at the log of the service, or of the proxy before it"
        if self.content_type == "text/html":
            return "Most likely a login page, a proxy or another service: correct the URL or the credentials"
        return "Check that the URL names the service that was meant"


def _depth(value: Any) -> int:
    """How deeply arrays and objects lie in each other, counted up to just beyond what is accepted."""
    depth, level = 0, [value]
    while level and depth <= _JSON_DEPTH_MAX:
        inner = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [each for values in inner for each in values if isinstance(each, dict | list)]
        depth += 1
    return depth


def _refuse(word: str) -> Any:
    message = f"{word} is no JSON number"
    raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Count:
    """What asking cost.

    `requests` sent (a redirect followed is one more), `received_bytes` (headers too), `seconds` waited, and
    how many `reconnections` were needed because a kept connection was lost.
    """

    requests: int = 0
    received_bytes: int = 0
    seconds: float = 0.0
    reconnections: int = 0

    def __add__(self, other: Count) -> Count:
        """Both together."""
        return Count(
            self.requests + other.requests,
            self.received_bytes + other.received_bytes,
            self.seconds + other.seconds,
            self.reconnections + other.reconnections,
        )


class Tally:
    """What asking has cost so far: `total`, `by_area` (see `Http.area`) and `by_origin` ("http://host:port")."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], Count] = {}

    def add(self, area: str, origin: str, count: Count) -> None:
        """Count one more request."""
        with self._lock:
            self._counts[area, origin] = self._counts.get((area, origin), Count()) + count

    @property
    def total(self) -> Count:
        """Everything together."""
        return sum(self._copy().values(), Count())

    @property
    def by_area(self) -> dict[str, Count]:
        """The cost of each area, in order of its first request."""
        return self._grouped(0)

    @property
    def by_origin(self) -> dict[str, Count]:
        """The cost for each server, in order of its first request."""
        return self._grouped(1)

    def as_json(self) -> dict[str, dict[str, float]]:
        """The cost of each area as plain figures, for reports and other processes; they may be added up."""
        return {
            area: {
                "requests": count.requests,
                "bytes": count.received_bytes,
                "seconds": count.seconds,
                "reconnections": count.reconnections,
            }
            for area, count in self.by_area.items()
        }

    @property
    def requests(self) -> int:
        """Requests sent, all together."""
        return self.total.requests

    @property
    def received_bytes(self) -> int:
        """Bytes received, all together."""
        return self.total.received_bytes

    @property
    def seconds(self) -> float:
        """Seconds waited for answers, all together; concurrent requests count each."""
        return self.total.seconds

    def _copy(self) -> dict[tuple[str, str], Count]:
        with self._lock:
            return dict(self._counts)

    def _grouped(self, part: int) -> dict[str, Count]:
        groups: dict[str, Count] = {}
        for key, count in self._copy().items():
            groups[key[part]] = groups.get(key[part], Count()) + count
        return groups


@dataclass(frozen=True, slots=True)
class _Pools:
    """What a connection pool is for: plain or TLS, which proxy, whether connections are kept, and from where."""

    secured: bool
    keeps: bool
    proxy: str | None
    source: str | None


class Http:
    """Asks over HTTP, from any number of threads, at most `concurrency_max` exchanges at a time.

    No exchange takes longer than `timeout_seconds`, redirects included, or than `deadline` has left; none
    yields more than `body_bytes_max`. `headers` go with every request to every host: nothing secret belongs
    there. TLS is verified against `ca_file` if given, else against the authorities that this machine trusts
    (`SSL_CERT_FILE` names others); `verify=False` switches that off. `client_certificate` is the file of a
    certificate, or a pair with its key. What it raises about an exchange is always `CouldNotObserve`. At
    worst it holds `concurrency_max` bodies of the greatest size at once. Close it, or use it as a context
    manager.
    """

    def __init__(
        self,
        *,
        deadline: Deadline,
        secrets: Secrets,
        user_agent: str,
        timeout_seconds: float = 5.0,
        body_bytes_max: int = BODY_BYTES_MAX,
        redirects_max: int = 5,
        concurrency_max: int = 8,
        headers: Mapping[str, str] | None = None,
        verify: bool = True,
        ca_file: str | Path | None = None,
        client_certificate: str | Path | tuple[str | Path, str | Path] | None = None,
    ) -> None:
        self.tally = Tally()
        self.secrets = secrets
        self.deadline = deadline
        self._timeout_seconds = timeout_seconds
        self._body_bytes_max = body_bytes_max
        self._redirects_max = redirects_max
        self._concurrency_max = concurrency_max
        self._headers = {
            "User-Agent": user_agent,
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            **(headers or {}),
        }
        self._verify = verify
        self._ca_file = ca_file
        self._client_certificate = client_certificate
        self._places = threading.Semaphore(concurrency_max)
        self._lock = threading.Lock()
        self._pools: dict[_Pools, httpcore.ConnectionPool] = {}
        self._exchanges: dict[int, Exchange] = {}
        self._abandoned = False

    def apart(self, *, concurrency_max: int, timeout_seconds: float | None = None) -> Http:
        """Give a client with the same deadline, secrets, tally and TLS, but places and connections of its own.

        What hangs in one of the two takes no place from the other.
        """
        made = Http(
            deadline=self.deadline,
            secrets=self.secrets,
            user_agent=self._headers["User-Agent"],
            timeout_seconds=self._timeout_seconds if timeout_seconds is None else timeout_seconds,
            body_bytes_max=self._body_bytes_max,
            redirects_max=self._redirects_max,
            concurrency_max=concurrency_max,
            headers=self._headers,
            verify=self._verify,
            ca_file=self._ca_file,
            client_certificate=self._client_certificate,
        )
        made.tally = self.tally
        return made

    def __enter__(self) -> Self:
        """Nothing to begin: connections are opened when needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close the connections that were kept alive. What is asked afterwards opens new ones."""
        with self._lock:
            pools = list(self._pools.values())
            self._pools.clear()
        for pool in pools:
            pool.close()

    def abandon(self) -> None:
        """Let all that is under way fail at once, and whatever is asked from now on, in all threads.

        A connection that is just being opened may still take as long as it had.
        """
        with self._lock:
            self._abandoned = True
            exchanges = list(self._exchanges.values())
        for exchange in exchanges:
            exchange.abandon()

    @contextmanager
    def area(self, name: str) -> Iterator[None]:
        """Count everything that is asked inside of the block for this area."""
        token = _AREA.set(name)
        try:
            yield
        finally:
            _AREA.reset(token)

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Params | None = None,
        content: bytes | None = None,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        files: Files | None = None,
        timeout_seconds: float | None = None,
        follow_redirects: bool = True,
    ) -> Answer:
        """Ask, and return the answer whatever its status. See `Request` for the fields.

        Raises `CouldNotObserve` when no complete answer came.
        """
        request = Request(
            method, url, headers or {}, params, content, json, data, files, timeout_seconds, follow_redirects
        )
        return self._ask(request, [])

    def ask_all(self, requests: Sequence[Request]) -> list[Answer | CouldNotObserve]:
        """Ask all at once, `concurrency_max` at a time; the answers are in the order of the requests."""
        results: list[Answer | CouldNotObserve | Exception] = [RuntimeError("never asked")] * len(requests)
        remaining = iter(enumerate(requests))
        turn = threading.Lock()
        under_way: list[Exchange] = []
        interrupted = threading.Event()

        def work() -> None:
            while not interrupted.is_set():
                with turn:
                    number, request = next(remaining, (-1, None))
                if request is None:
                    return
                try:
                    results[number] = self._ask(request, under_way)
                except Exception as error:  # noqa: BLE001 - kept for the thread that asked
                    results[number] = error

        if len(requests) == 1:
            work()
        else:
            # Daemons: after Ctrl-C nobody waits for them. Each gets the context, because it names the area.
            workers = [
                threading.Thread(target=contextvars.copy_context().run, args=(work,), name="ask", daemon=True)
                for _ in range(min(len(requests), self._concurrency_max))
            ]
            try:
                for worker in workers:
                    worker.start()
                for worker in workers:
                    worker.join()
            except BaseException:
                interrupted.set()
                for exchange in under_way:
                    exchange.abandon()
                raise
        return [_answer_or_raise(result) for result in results]

    def _ask(self, request: Request, under_way: list[Exchange]) -> Answer:
        asked = f"{request.method.upper()} {self._shown(request.url)}"
        exchange = Exchange(ends_at=math.inf, source=request.source)
        limit, is_deadline = 0.0, True
        try:
            prepared = self.prepare(request)
            asked = f"{prepared.method} {self._shown(str(prepared.url))}"
            left = self.deadline.left_seconds
            if left <= 0 or not self._places.acquire(timeout=min(left, threading.TIMEOUT_MAX)):
                raise Failed(
                    Trouble.DEADLINE,
                    "not asked, because the time of the whole run was over",
                    "Give the run a longer deadline, or find out what is slow",
                )
            try:
                limit = self._timeout_seconds if request.timeout_seconds is None else request.timeout_seconds
                left = self.deadline.left_seconds
                limit, is_deadline = min(limit, left), left < limit
                exchange.ends_at = time.monotonic() + limit
                under_way.append(exchange)
                with self._lock:
                    self._exchanges[id(exchange)] = exchange
                    if self._abandoned:
                        exchange.ends_at = 0.0
                return self._exchange(request, prepared, exchange, asked)
            finally:
                with self._lock:
                    self._exchanges.pop(id(exchange), None)
                self._places.release()
        except NO_ANSWER as error:
            failure = explain(error, exchange, limit_seconds=limit, is_deadline=is_deadline)
        # Outside of the handler: what the wire said is in the sentence, and its own text might quote a
        # secret.
        raise self._could_not_observe(asked, failure)

    def _could_not_observe(self, asked: str, failure: Failure) -> CouldNotObserve:
        came_back = self.secrets.mask(failure.came_back)
        return CouldNotObserve(failure.trouble, asked=asked, came_back=came_back, hint=failure.hint)

    def prepare(self, request: Request) -> httpx.Request:
        """The request as httpx builds it, credentials moved from the URL to a header. Raises `Failed`."""
        headers = httpx.Headers(self._headers)
        for name, value in request.headers.items():
            if _UNSENDABLE.search(name + value):
                raise _bad_url(
                    f"the header {printable(name)} holds a character that cannot be sent (a line break?)",
                    "Correct the setting that its value comes from",
                )
            headers[name] = value
        try:
            url = httpx.URL(request.url)
            if request.params is not None:
                url = url.copy_merge_params(httpx.QueryParams(_plain(request.params)))
            url = self._without_credentials(url, headers)
        except (httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise _bad_url(f"that is no URL ({printable(self.secrets.mask(str(error)))[:120]})") from None
        if url.scheme not in {"http", "https"} or not url.host or not 0 < (url.port or 80) < 65536:
            raise _bad_url("that is no URL of a web server")
        return httpx.Request(
            request.method.upper(),
            url,
            headers=headers,
            content=request.content,
            json=request.json,
            data=request.data,
            files=request.files,
        )

    def _without_credentials(self, url: httpx.URL, headers: httpx.Headers) -> httpx.URL:
        if url.userinfo:
            user, _, password = (unquote(part) for part in url.userinfo.decode("ascii").partition(":"))
            self.secrets.add(password)
            headers.setdefault("Authorization", f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}")
        return url.copy_with(userinfo=b"", fragment=None)

    def _exchange(self, request: Request, prepared: httpx.Request, exchange: Exchange, asked: str) -> Answer:
        started, asked_at = time.monotonic(), time.time()
        visited: list[str] = []
        body = prepared.read()
        while True:
            status, headers, content, target = self._hop(request, prepared, body, exchange)
            if target is None:
                return Answer(
                    asked=asked,
                    url=self.secrets.mask(str(prepared.url)),
                    status=status,
                    headers=headers,
                    body=content,
                    elapsed_seconds=time.monotonic() - started,
                    asked_at=asked_at,
                    redirects=tuple(map(self.secrets.mask, visited)),
                    secrets=self.secrets,
                )
            visited.append(str(prepared.url))
            if str(target) in visited or len(visited) > self._redirects_max:
                circle = "in a circle" if str(target) in visited else f"on and on ({len(visited)} times)"
                raise Failed(
                    Trouble.REDIRECT_LOOP,
                    f"it redirects {circle}, at last to {self._shown(str(target))}",
                    "Correct the redirects of the service, or of the proxy before it",
                )
            prepared, body = _redirected(prepared, body, status, target)
            exchange.next_hop()

    def _hop(
        self, request: Request, prepared: httpx.Request, body: bytes, exchange: Exchange
    ) -> tuple[int, httpx.Headers, bytes, httpx.URL | None]:
        """One request and its answer; the URL is where it redirects to, if that is to be followed."""
        repeatable = prepared.method in _SAFE_TO_REPEAT
        while True:
            lost = 0
            started, received_before = time.monotonic(), exchange.received_bytes
            try:
                return self._once(request, prepared, body, exchange)
            except (OSError, httpcore.NetworkError, httpcore.RemoteProtocolError):
                stale = not exchange.connected and not exchange.first_bytes
                if not (repeatable and stale):
                    raise
                repeatable, lost = False, 1
                exchange.next_hop()
            finally:
                received = exchange.received_bytes - received_before
                cost = Count(1, received, time.monotonic() - started, lost)
                self.tally.add(_AREA.get(), _origin(prepared.url), cost)

    def _once(
        self, request: Request, prepared: httpx.Request, body: bytes, exchange: Exchange
    ) -> tuple[int, httpx.Headers, bytes, httpx.URL | None]:
        url = prepared.url
        keeps = prepared.headers.get("connection", "").lower() != "close"
        pool = self._pool(_Pools(url.scheme == "https", keeps, _proxy(url), request.source))
        token = current.set(exchange)
        try:
            response = pool.handle_request(
                httpcore.Request(
                    method=prepared.method.encode("ascii"),
                    url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=prepared.headers.raw,
                    content=body,
                )
            )
            try:
                exchange.phase = Phase.BODY
                headers = httpx.Headers(response.headers)
                target = _target(prepared, response.status, headers) if request.follow_redirects else None
                if target is not None:
                    _drain(response)
                    return response.status, headers, b"", target
                content = read_body(
                    response.iter_stream(),
                    coding=headers.get("content-encoding", ""),
                    length=headers.get("content-length", "") if prepared.method != "HEAD" else "",
                    bytes_max=self._body_bytes_max,
                )
                return response.status, headers, content, None
            finally:
                response.close()
        finally:
            current.reset(token)

    def _pool(self, key: _Pools) -> httpcore.ConnectionPool:
        with self._lock:
            pool = self._pools.get(key)
            if pool is None:
                pool = self._pools[key] = self._new_pool(key)
            return pool

    def _new_pool(self, key: _Pools) -> httpcore.ConnectionPool:
        options: dict[str, Any] = {
            # Reading the trusted authorities takes about 30 ms, so it is done when TLS is used.
            "ssl_context": self.tls_context() if key.secured else None,
            "max_connections": None,  # `_places` bounds them
            "max_keepalive_connections": 2 * self._concurrency_max if key.keeps else 0,
            "keepalive_expiry": _KEEP_ALIVE_SECONDS,
            "network_backend": Network(),
        }
        if key.proxy is None:
            return httpcore.ConnectionPool(**options)
        proxy = httpx.URL(key.proxy)
        credentials = (unquote(proxy.username), unquote(proxy.password)) if proxy.userinfo else None
        return httpcore.HTTPProxy(
            httpcore.URL(scheme=proxy.raw_scheme, host=proxy.raw_host, port=proxy.port, target=b"/"),
            proxy_auth=credentials,
            **options,
        )

    def tls_context(self) -> ssl.SSLContext:
        """What TLS is spoken with: whom to trust, and what to show. Raises `Failed` for files that are of no use."""
        try:
            context = ssl.create_default_context(cafile=self._ca_file)
            if self._ca_file is None and not trusts_any():
                import certifi  # noqa: PLC0415 - only for machines without authorities of their own

                context.load_verify_locations(certifi.where())
            if not self._verify:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            if isinstance(self._client_certificate, tuple):
                context.load_cert_chain(*self._client_certificate)
            elif self._client_certificate is not None:
                context.load_cert_chain(self._client_certificate)
        except OSError as error:
            raise Failed(
                Trouble.TLS,
                f"the CA file or the client certificate cannot be used ({printable(str(error))})",
                "Correct the file names and the files of the TLS settings",
            ) from None
        return context

    def _shown(self, url: str) -> str:
        shown = printable(self.secrets.mask(url))
        return shown if len(shown) <= _URL_CHARACTERS_MAX else f"{shown[:_URL_CHARACTERS_MAX]}…"


def _answer_or_raise(result: Answer | CouldNotObserve | Exception) -> Answer | CouldNotObserve:
    if isinstance(result, Answer | CouldNotObserve):
        return result
    raise result


def _bad_url(came_back: str, hint: str = "Write it with scheme and host, such as http://localhost:8000") -> Failed:
    return Failed(Trouble.BAD_URL, came_back, hint)


def _plain(params: Params) -> list[tuple[str, Plain | None]]:
    """The parameters as pairs; a name with several values stands in several of them."""
    pairs: list[tuple[str, Plain | None]] = []
    for name, value in params.items():
        values: Sequence[Plain] = [value] if isinstance(value, str | int | float) else value
        pairs.extend((name, each) for each in values)
    return pairs


def _origin(url: httpx.URL) -> str:
    port = url.port or (443 if url.scheme == "https" else 80)
    return f"{url.scheme}://{f'[{url.host}]' if ':' in url.host else url.host}:{port}"


def _target(prepared: httpx.Request, status: int, headers: httpx.Headers) -> httpx.URL | None:
    """Where to go on, None if the answer is final. Raises `Failed` for a place that is not to be visited."""
    location = headers.get("location")
    if status not in _REDIRECTS or location is None:
        return None
    if status in {301, 302} and prepared.method not in _SAFE_TO_REPEAT:
        return None
    here = prepared.url
    try:
        target = here.join(location).copy_with(userinfo=b"", fragment=None)
    except (httpx.InvalidURL, UnicodeError, ValueError):
        target = None
    if target is None or not target.host:
        raise Failed(
            Trouble.BAD_URL,
            f"it redirects (HTTP {status}) to something that is no URL: {preview(location)}",
            "Correct the redirect of the service, or of the proxy before it",
        )
    upgraded = (here.scheme, target.scheme) == ("http", "https") and here.host == target.host
    if _origin(target) != _origin(here) and not upgraded:
        place = printable(str(target))[:_URL_CHARACTERS_MAX]
        raise Failed(
            Trouble.FOREIGN_REDIRECT,
            f"it redirects (HTTP {status}) to {place}, which is another server",
            "If that is the right one, put its URL into the settings; if not (a login page?), correct it",
        )
    return target


def _redirected(prepared: httpx.Request, body: bytes, status: int, target: httpx.URL) -> tuple[httpx.Request, bytes]:
    headers = prepared.headers.copy()
    headers.pop("host", None)
    method = prepared.method
    if status == 303 and method != "HEAD":
        method, body = "GET", b""
        for name in ("content-length", "content-type", "transfer-encoding"):
            headers.pop(name, None)
    return httpx.Request(method, target, headers=headers, content=body or None), body


def _drain(response: httpcore.Response) -> None:
    """Read the body of a redirect so that its connection can be used again; a long one is not worth it."""
    size = 0
    for chunk in response.iter_stream():
        size += len(chunk)
        if size > _REDIRECT_BODY_BYTES_MAX:
            return


def _proxy(url: httpx.URL) -> str | None:
    """The proxy that the environment names for this URL; never one for this machine itself."""
    if _is_loopback(url.host):
        return None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(url.netloc.decode("ascii")):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not proxy.startswith("http://"):
        scheme = proxy.partition("://")[0]
        raise Failed(
            Trouble.UNREACHABLE,
            f"the environment names a {scheme} proxy for it, and only http proxies are supported",
            "Put the host into NO_PROXY, or name an http proxy",
        )
    return proxy


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def trusts_any() -> bool:
    """Whether OpenSSL finds trusted authorities on this machine; without any it would trust nobody."""
    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile) or (bool(paths.capath) and any(Path(paths.capath).iterdir()))
