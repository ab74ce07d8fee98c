"""A server of the suite's own that nobody has reason to ask: whoever does was led there by an address in a request.

    with Canary.listening(addresses) as canary:
        ...  # send requests with URLs that name `canary.port` and a token
        canary.heard(token)

It listens on one port of several addresses of this machine, keeps the first bytes of whatever comes in, answers with a
short text (or a redirect to itself) and ends with the block.
"""

from __future__ import annotations

import ipaddress
import selectors
import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOOPBACK = ("127.0.0.1", "127.8.8.8", "::1")
TEXT = "the-canary-was-asked"
"""What the canary answers with: it must not turn up in an answer of the platform."""

_HEAD_BYTES_MAX = 4096
_CLIENT_TIMEOUT_SECONDS = 1.0
_KEPT_MAX = 1000
# No packet is sent to these: the system only says which of its addresses it would use.
_ELSEWHERE = (("198.51.100.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6))


@dataclass(slots=True)
class Canary:
    """Where it listens, and what came in."""

    port: int
    addresses: tuple[str, ...]
    _heads: list[bytes] = field(default_factory=list)

    def heard(self, token: str) -> bool:
        """Tell whether a request with this token came in."""
        return any(token.encode("ascii") in head for head in tuple(self._heads))

    @classmethod
    @contextmanager
    def listening(cls, addresses: Sequence[str] = LOOPBACK) -> Iterator[Canary]:
        """Listen on a free port until the end of the block; addresses that cannot be listened on are left out.

        Raises OSError when none can.
        """
        listeners = _listeners(addresses)
        port = int(listeners[0].getsockname()[1])
        canary = cls(port, tuple(str(listener.getsockname()[0]) for listener in listeners))
        waker, sleeper = socket.socketpair()
        thread = threading.Thread(target=canary._serve, args=(listeners, sleeper), name="canary", daemon=True)
        thread.start()
        try:
            yield canary
        finally:
            waker.close()
            thread.join()
            for each in (*listeners, sleeper):
                each.close()

    def _serve(self, listeners: Sequence[socket.socket], sleeper: socket.socket) -> None:
        """Answer one connection after the other, until the other end of `sleeper` is closed."""
        with selectors.DefaultSelector() as selector:
            for each in (*listeners, sleeper):
                selector.register(each, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                for listener in listeners:
                    if listener in ready:
                        with suppress(OSError):  # who hangs up, or says nothing, is no matter
                            self._answer(listener)
                # Only now: what had come in when the end came was still listened to.
                if sleeper in ready:
                    return

    def _answer(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(_CLIENT_TIMEOUT_SECONDS)
            head = connection.recv(_HEAD_BYTES_MAX)
            if len(self._heads) < _KEPT_MAX:
                self._heads.append(head)
            path = head.split(b" ", 2)[1] if head.count(b" ") > 1 else b""
            if path.startswith(b"/redirect/"):
                moved = f"http://127.0.0.1:{self.port}/".encode("ascii") + path.removeprefix(b"/redirect/")
                connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: " + moved + b"\r\nContent-Length: 0\r\n\r\n")
                return
            said = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(TEXT)}\r\n\r\n{TEXT}"
            connection.sendall(said.encode("ascii"))


def _listeners(addresses: Sequence[str]) -> list[socket.socket]:
    listeners: list[socket.socket] = []
    trouble: OSError | None = None
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        port = listeners[0].getsockname()[1] if listeners else 0
        listener = None
        try:
            listener = socket.create_server((address, port), family=family)
            listener.setblocking(False)
            listeners.append(listener)
        except OSError as error:  # no such address here, or the port is somebody else's there
            trouble = error
    if not listeners:
        raise trouble or OSError("no address to listen on")
    return listeners


def own_addresses(base_url: str, networks: Sequence[str]) -> tuple[str, ...]:
    """Give the addresses of this machine, inside of private networks, by which it is known to its neighbours.

    First the one that the host of `base_url` would see it by.
    """
    parts = urlsplit(base_url)
    asked: list[tuple[str, socket.AddressFamily]] = []
    with suppress(OSError, ValueError):
        found = socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_DGRAM)
        asked = [(str(entry[4][0]), entry[0]) for entry in found]
    ours: list[str] = []
    for address, family in (*asked, *_ELSEWHERE):
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((address, 9))
            ours.append(str(sock.getsockname()[0]))
    private = [ipaddress.ip_network(network) for network in networks]
    return tuple(
        dict.fromkeys(one for one in ours if any(ipaddress.ip_address(one.partition("%")[0]) in net for net in private))
    )


def is_here(base_url: str) -> bool:
    """Tell whether a URL names this machine by a loopback address."""
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
