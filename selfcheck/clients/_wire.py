"""The network under the HTTP client: sockets on which every single step ends in time.

httpcore, the engine of httpx, lets its user bring the network. This one knows the `Exchange` that it works
for: each step, from looking up the name to the last byte of the body, gets only the time which the whole
exchange has left, so a server that trickles cannot stretch it. It also keeps what a good error message needs:
how far the exchange came, how much was received, and the first bytes.

Why blocking sockets and not an event loop: Ctrl-C ends a blocking call at once, no second thread has to be
told, and httpcore's asyncio side alone takes about as long to import as all the rest of httpx.
"""

from __future__ import annotations

import ipaddress
import os
import queue
import select
import selectors
import socket
import threading
import time
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

import httpcore

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Sequence

Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]

# How long one address of a host may take before the next one is tried as well (RFC 8305 proposes this delay).
_HEAD_START_SECONDS = 0.25
_FIRST_BYTES = 80
_HTTP = b"HTTP/"


class Phase(StrEnum):
    """How far an exchange came; the values complete "it was still ..."."""

    LOOKING_UP = "looking up the host name"
    CONNECTING = "connecting"
    SECURING = "agreeing on TLS"
    SENDING = "sending the request"
    WAITING = "waiting for the first byte of the answer"
    HEADERS = "receiving the headers"
    BODY = "receiving the body"


class OutOfTime(Exception):  # noqa: N818 - a state of affairs, turned into a sentence by the client
    """The exchange used up its time."""


class NotHttp(Exception):  # noqa: N818 - as above
    """What comes back does not begin like an HTTP answer."""


@dataclass(slots=True)
class Exchange:
    """One exchange under way: until when it may take (monotonic seconds), and what was seen of it."""

    ends_at: float
    source: str | None = None
    """The address of this machine that connections come from; None leaves it to the system."""
    phase: Phase = Phase.LOOKING_UP
    received_bytes: int = 0
    first_bytes: bytes = b""
    connected: bool = False
    """Whether the present hop opened a connection of its own; otherwise it uses one that was kept alive."""
    _stream: Stream | None = field(default=None, repr=False)

    def left_seconds(self) -> float:
        """Seconds that are left; always more than 0. Raises `OutOfTime` when there are none."""
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise OutOfTime
        return left

    def next_hop(self) -> None:
        """A new request of the same exchange begins (a redirect, or a lost connection)."""
        self.phase = Phase.LOOKING_UP
        self.first_bytes = b""
        self.connected = False

    def works_with(self, stream: Stream) -> None:
        """Remember the connection, so that `abandon` can reach it."""
        self._stream = stream

    def received(self, data: bytes) -> None:
        """Count what came; raises `NotHttp` as soon as it cannot be the beginning of an HTTP answer."""
        self.received_bytes += len(data)
        if self.phase is Phase.BODY:
            return
        self.phase = Phase.HEADERS
        self.first_bytes += data[: _FIRST_BYTES - len(self.first_bytes)]
        beginning = self.first_bytes[: len(_HTTP)]
        if not _HTTP.startswith(beginning):
            raise NotHttp

    def abandon(self) -> None:
        """Let the exchange fail as soon as possible, from another thread."""
        self.ends_at = 0.0
        if self._stream is not None:
            self._stream.shut_down()


current: ContextVar[Exchange] = ContextVar("current exchange")
"""The exchange that the running thread works on; httpcore hands no context of ours down to the network."""


class Stream(httpcore.NetworkStream):
    """A connected socket, plain or TLS, which works within the time of the current exchange."""

    def __init__(self, sock: socket.socket, *, secured: bool = False) -> None:
        self._socket = sock
        self._secured = secured

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the exchange knows better
        """What has come, at most `max_bytes`; empty at the end."""
        exchange = current.get()
        exchange.works_with(self)
        self._socket.settimeout(exchange.left_seconds())
        try:
            data = self._socket.recv(max_bytes)
        except TimeoutError as error:
            raise OutOfTime from error
        if data:
            exchange.received(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Send all of `buffer`."""
        exchange = current.get()
        exchange.works_with(self)
        exchange.phase = Phase.SENDING
        rest = memoryview(buffer)
        while rest:
            self._socket.settimeout(exchange.left_seconds())
            try:
                rest = rest[self._socket.send(rest) :]
            except TimeoutError as error:
                raise OutOfTime from error
            except OSError as error:
                # httpcore then still looks for an answer: a server may refuse a large upload before it is
                # complete.
                raise httpcore.WriteError(str(error)) from error
        exchange.phase = Phase.WAITING

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def shut_down(self) -> None:
        """Wake up whoever reads from the connection in another thread."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> Stream:
        """Go on with TLS on the same connection."""
        exchange = current.get()
        exchange.phase = Phase.SECURING
        secured = None
        try:
            if self._secured:
                raise httpcore.UnsupportedProtocol("TLS inside TLS")  # noqa: TRY301 - the handler closes the socket
            self._socket.settimeout(exchange.left_seconds())
            secured = ssl_context.wrap_socket(
                self._socket, server_hostname=server_hostname, do_handshake_on_connect=False
            )
            # With a time limit on the socket this is the limit for the whole handshake, not for each read in
            # it.
            secured.do_handshake()
        except BaseException as error:
            (secured or self._socket).close()
            if isinstance(error, TimeoutError):
                raise OutOfTime from error
            raise
        return Stream(secured, secured=True)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks before it uses a kept connection again, whether the server has closed it."""
        if info == "is_readable":
            return self._is_readable()
        if info == "ssl_object":
            return self._socket if self._secured else None
        return None

    def _is_readable(self) -> bool:
        if self._socket.fileno() < 0:
            return True
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))


class Network(httpcore.NetworkBackend):
    """Opens connections within the time of the current exchange."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> Stream:
        """Look the name up and connect to whichever of its addresses answers first."""
        exchange = current.get()
        exchange.connected = True
        exchange.phase = Phase.LOOKING_UP
        addresses = _look_up(host, port, exchange)
        exchange.phase = Phase.CONNECTING
        stream = Stream(_first_to_connect(addresses, exchange))
        exchange.works_with(stream)
        return stream


def _look_up(host: str, port: int, exchange: Exchange) -> Sequence[Address]:
    with suppress(ValueError):
        ipaddress.ip_address(host.partition("%")[0])
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)

    answers: queue.SimpleQueue[Sequence[Address] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:  # noqa: BLE001 - handed to the waiting thread, whatever it is
            answers.put(error)

    # The resolver of the C library cannot be interrupted and may take half a minute. As a daemon, its thread
    # keeps neither the exchange nor the end of the process waiting.
    threading.Thread(target=ask, name=f"look up {host}", daemon=True).start()
    try:
        answer = answers.get(timeout=exchange.left_seconds())
    except queue.Empty:
        raise OutOfTime from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _first_to_connect(addresses: Sequence[Address], exchange: Exchange) -> socket.socket:
    """Try the addresses one after the other, each with a short head start on the next, until one connects.

    Raises the `OSError` of a refusal if there was one, else that of the last address.
    """
    waiting = list(addresses)
    errors: list[OSError] = []
    with selectors.DefaultSelector() as trying:
        try:
            while waiting or trying.get_map():
                if waiting:
                    _begin(waiting.pop(0), trying, errors, exchange.source)
                left = exchange.left_seconds()
                if not trying.get_map():
                    continue
                for key, _ in trying.select(min(left, _HEAD_START_SECONDS) if waiting else left):
                    sock = cast("socket.socket", key.fileobj)
                    trying.unregister(sock)
                    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if code == 0:
                        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        return sock
                    errors.append(OSError(code, os.strerror(code)))
                    sock.close()
        finally:
            for key in trying.get_map().values():
                cast("socket.socket", key.fileobj).close()
    raise next((error for error in errors if isinstance(error, ConnectionRefusedError)), errors[-1])


def _begin(address: Address, trying: selectors.BaseSelector, errors: list[OSError], source: str | None) -> None:
    family, kind, protocol, _, place = address
    try:
        sock = socket.socket(family, kind, protocol)
    except OSError as error:  # such as an IPv6 address where IPv6 is switched off
        errors.append(error)
        return
    sock.setblocking(False)
    try:
        if source is not None:
            sock.bind((source, 0))
        sock.connect(place)
    except BlockingIOError:
        pass
    except OSError as error:
        errors.append(error)
        sock.close()
        return
    trying.register(sock, selectors.EVENT_WRITE)
