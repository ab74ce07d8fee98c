"""Connections for load: requests that are ready-made bytes, answers that are bounded, nothing repeated or followed.

geventhttpclient's own way builds each request anew, keeps cookies, and sends a GET again, up to as often as the pool
has places, when a server hangs up: a load generator that does this reports fewer errors than there were and sends more
than it says. What it is used for here is its connections, its parser and its pool, through the hook that Locust has for
it (`FastHttpUser.client_pool`).
"""

from __future__ import annotations

import collections
import errno
import select
import socket
import time
from typing import TYPE_CHECKING, Any

from gevent import monkey
from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.connectionpool import ConnectionPool, SSLConnectionPool
from geventhttpclient.response import HTTPConnectionClosed, HTTPSocketPoolResponse
from geventhttpclient.url import URL

from load.preparing import Received

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    import gevent.socket

_KEPT_SECONDS = 3.0
"""Shorter than the 5 s after which uvicorn, for one, closes an idle connection: no request meets a closing one."""
_PIECE_BYTES = 65536
_HEADERS_BYTES_MAX = 65536
_HUNG_UP_WHILE_SENDING = (errno.ECONNRESET, errno.EPIPE)
# The one that blocks: with a timeout of 0 it never does, and gevent's would let others run.
_poll: Callable[[], select.poll] = monkey.get_original("select", "poll")


class TooLargeError(Exception):
    """The answer has more bytes than are read of one."""


class _Answer(HTTPSocketPoolResponse):
    """An answer that ends: with an error when it grows too large, or when the server hangs up half way."""

    def __init__(self, sock: gevent.socket.socket, pool: ConnectionPool, method: str, bytes_max: int) -> None:
        self._left_bytes = bytes_max + _HEADERS_BYTES_MAX
        super().__init__(sock, pool, method=method, block_size=_PIECE_BYTES)

    def feed(self, data: str | bytes) -> None:
        self._left_bytes -= len(data)
        if self._left_bytes < 0:
            raise TooLargeError
        super().feed(data)
        if not data and self.headers_complete and not self.message_complete:
            message = "connection closed before the end of the answer"
            raise HTTPConnectionClosed(message)


class _Keeping(ConnectionPool):
    """Keeps connections for a short while, uses the last one first, and leaves the bounds to whoever sends."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._kept: collections.deque[tuple[gevent.socket.socket, float]] = collections.deque()

    def get_socket(self) -> gevent.socket.socket:
        oldest = time.monotonic() - _KEPT_SECONDS
        while self._kept and self._kept[0][1] < oldest:
            self._kept.popleft()[0].close()
        while self._kept:
            sock, _ = self._kept.pop()
            if _is_quiet(sock):
                return sock
            sock.close()
        sock = self._create_socket()
        sock.settimeout(None)  # the exchange as a whole has a limit
        return sock

    def after_connect(self, sock: gevent.socket.socket) -> None:
        # Or else the end of a large request waits for an acknowledgement that the other side delays.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def return_socket(self, sock: gevent.socket.socket) -> None:
        self._kept.append((sock, time.monotonic()))

    def release_socket(self, sock: gevent.socket.socket) -> None:
        sock.close()

    def close(self) -> None:
        while self._kept:
            self._kept.pop()[0].close()


class _KeepingSecured(_Keeping, SSLConnectionPool):
    """The same with TLS."""


def _is_quiet(sock: gevent.socket.socket) -> bool:
    """Tell whether an idle connection is still open: one that was closed, or says something unasked, can be read."""
    poll = _poll()
    poll.register(sock.fileno(), select.POLLIN)
    return not poll.poll(0)


class Client(HTTPClient):
    """A client for one server."""

    def __init__(self, host: str, port: int | None = None, **options: Any) -> None:
        super().__init__(host, port, **options)
        made = self._connection_pool
        places = made._connection_host, made._connection_port, made._request_host, made._request_port  # noqa: SLF001
        if isinstance(made, SSLConnectionPool):
            self._connection_pool = _KeepingSecured(*places, ssl_context_factory=options["ssl_context_factory"])
        else:
            self._connection_pool = _Keeping(*places)

    def exchange(self, method: str, request: bytes, bytes_max: int) -> Received:
        """Send a request and receive its answer, of up to `bytes_max` bytes.

        Raises TooLargeError, OSError, or HTTPParseError for what is no HTTP or ends too early. Whatever ends it, also a
        timeout from outside, leaves no half-used connection.
        """
        pool = self._connection_pool
        sock = pool.get_socket()
        try:
            sock.sendall(request)
        except OSError as error:
            # A server may refuse a request before it has read all of it, answer, and hang up.
            if error.errno not in _HUNG_UP_WHILE_SENDING:
                pool.release_socket(sock)
                raise
        except BaseException:
            pool.release_socket(sock)
            raise
        answer = _Answer(sock, pool, method, bytes_max)
        body = answer.read()
        return Received(answer.get_code(), answer.info(), body)


class Connections(HTTPClientPool):
    """The clients of a run, one for each server; Locust's users share it.

    `context` gives what TLS is spoken with; it is asked only where an address needs it.
    """

    def __init__(self, context: Callable[[], ssl.SSLContext]) -> None:
        super().__init__()
        self._context = context
        self._by_url: dict[str, Client] = {}

    def client_of(self, url: str) -> Client:
        """Give the client for the server of a URL that is asked for again and again."""
        client = self._by_url.get(url)
        if client is None:
            client = self._by_url[url] = self.get_client(url)
        return client

    def get_client(self, url: str | URL) -> Client:
        """Give the client for the server of a URL."""
        url = url if isinstance(url, URL) else URL(url)
        client = self.clients.get((url.host, url.port))
        if client is None:
            context = self._context() if url.scheme == "https" else None
            client = Client.from_url(url, ssl_context_factory=None if context is None else lambda **_: context)
            self.clients[url.host, url.port] = client
        assert isinstance(client, Client)
        return client
