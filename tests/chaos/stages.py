"""Servers that faults are tried on, and what is seen through them."""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from chaos import faults
from chaos.plan import Fault, Lever
from selfcheck.waiting import wait_until
from tests.clients.servers import program
from tools.kills import free_port

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from chaos.faults import Prepared
    from chaos.hands import Hands
    from selfcheck.clients.http import Http
    from selfcheck.clients.toxiproxy import Proxy, Toxiproxy

BODY = b"a whole answer, of some length: " + b"0123456789" * 20 + b" and its end"
NOWHERE = "http://127.0.0.1:9"
PROXY = Lever(name="provider", says="the proxy before a provider", proxy="provider")
SLOW = Fault(lever="provider", kind="latency", milliseconds=400)


@dataclass(slots=True)
class Server:
    """A Toxiproxy that can be stopped, paused and started again on the same port."""

    command: list[str]
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._listens, timeout_seconds=20, what="Toxiproxy to listen")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def _listens(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def running_toxiproxy(folder: Path) -> Iterator[Server]:
    port = free_port()
    server = Server([program("toxiproxy-server"), "-host", "127.0.0.1", "-port", str(port)], port)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass(slots=True)
class Bench:
    """What a fault is tried on: the control side, and the proxy as it was at first."""

    server: Server
    client: Toxiproxy
    proxy: Proxy
    http: Http
    ledger: Path

    def seen(self) -> Proxy | None:
        return self.client.proxy(self.proxy.name)

    def is_clean(self) -> bool:
        return self.seen() == self.proxy

    def feel(self, timeout_seconds: float = 3.0) -> Felt:
        """Ask through the proxy, as a caller would, on a connection of its own."""
        started = time.monotonic()
        try:
            with urllib.request.urlopen(f"http://{self.proxy.listen}/", timeout=timeout_seconds) as answer:
                body = answer.read()
                return Felt("answered" if body == BODY else "cut", time.monotonic() - started)
        except (OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            kinds: tuple[tuple[type[BaseException], str], ...] = (
                (TimeoutError, "timeout"),
                (ConnectionRefusedError, "refused"),
                # The library's word for an end without an answer is a reset, too.
                (http.client.RemoteDisconnected, "cut"),
                (ConnectionResetError, "reset"),
                (http.client.IncompleteRead, "cut"),
                (http.client.HTTPException, "nonsense"),
            )
            name = next((name for kind, name in kinds if isinstance(reason, kind)), repr(reason))
            return Felt(name, time.monotonic() - started)


@dataclass(frozen=True, slots=True)
class Felt:
    outcome: str
    seconds: float


def prepared(hands: Hands, fault: Fault = SLOW, lever: Lever = PROXY, run_id: str = "selfcheck-test") -> Prepared:
    return faults.prepare(fault, lever, hands, run_id)


class Relay(BaseHTTPRequestHandler):
    """Answers with JSON what `serve` makes of a request."""

    def serve(self, content: bytes) -> None:
        raise NotImplementedError

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _serve(self) -> None:
        self.serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the library's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def relaying(handler: type[Relay]) -> Iterator[str]:
    """Serve on a port of loopback; gives the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@dataclass(slots=True)
class Between:
    """A server between us and Toxiproxy that passes requests on, except for those that it refuses with 500."""

    refuses: Callable[[str, str], bool]
    url: str = ""
    refused: list[str] = field(default_factory=list)


@contextmanager
def between(target_port: int, refuses: Callable[[str, str], bool]) -> Iterator[Between]:
    state = Between(refuses)

    class Handler(Relay):
        def serve(self, content: bytes) -> None:
            if state.refuses(self.command, self.path):
                state.refused.append(f"{self.command} {self.path}")
                self.answer(500, b'{"error": "no, not today", "status": 500}')
                return
            connection = http.client.HTTPConnection("127.0.0.1", target_port, timeout=5)
            try:
                connection.request(self.command, self.path, content, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                self.answer(answer.status, answer.read())
            finally:
                connection.close()

    with relaying(Handler) as state.url:
        yield state


def chunks(sock: socket.socket, *, until: bytes = b"") -> list[bytes]:
    """What a socket gives until its end, or until the last of it ends like this, reading by reading."""
    found: list[bytes] = []
    with contextlib.suppress(OSError):
        while not (until and b"".join(found).endswith(until)) and (data := sock.recv(65_536)):
            found.append(data)
    return found
