"""Real servers on loopback that misbehave, each in one way.

    with misbehaving.trickles_body() as server:
        http.ask("GET", server.url)

Each is a context manager that yields a `Server`: its `url`, and the `requests` that it received so far (as
bytes, heads only). At the end of the block nothing of it is left: no thread, no socket.
"""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import struct
import subprocess
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

LOGIN_PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form></form></body></html>\n"


@dataclass(slots=True)
class Server:
    """Where it listens, and what it has seen."""

    url: str
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def port(self) -> int:
        """The port of the URL."""
        return int(self.url.rpartition(":")[2])


@dataclass(slots=True)
class Connection:
    """One accepted connection, for a misbehaviour to play with."""

    sock: socket.socket
    server: Server
    stopped: threading.Event

    def request(self) -> bytes:
        """The head of the next request, its body read away; empty at the end of the connection."""
        received = b""
        while b"\r\n\r\n" not in received:
            more = self.sock.recv(65536)
            if not more:
                return b""
            received += more
        head, _, body = received.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += self.sock.recv(65536)
        self.server.requests.append(head)
        return head

    def send(self, data: bytes) -> None:
        """Send at once."""
        self.sock.sendall(data)

    def trickle(self, data: bytes, interval_seconds: float) -> None:
        """Send byte after byte, until the end or until the server is stopped."""
        for number in range(len(data)):
            if self.stopped.wait(interval_seconds):
                return
            self.sock.sendall(data[number : number + 1])

    def hold(self) -> None:
        """Say nothing more, and keep the connection open until the server is stopped."""
        self.stopped.wait()

    def reset(self) -> None:
        """End the connection the hard way (RST)."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


Behaviour = "Callable[[Connection], None]"


@contextmanager
def serving(behave: Callable[[Connection], None], *, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server on a free port that lets `behave` deal with each connection, in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}")
    stopped = threading.Event()
    open_sockets: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def deal_with(raw: socket.socket) -> None:
        with suppress(OSError):  # whoever tests misbehaviour hangs up early
            sock = tls.wrap_socket(raw, server_side=True) if tls else raw
            open_sockets.append(sock)
            try:
                behave(Connection(sock, server, stopped))
            finally:
                sock.close()

    def accept() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                server.connections += 1
                open_sockets.append(sock)
                thread = threading.Thread(target=deal_with, args=(sock,), daemon=True)
                threads.append(thread)
                thread.start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        stopped.set()
        _shut(listener)
        acceptor.join(5)
        for sock in open_sockets:
            _shut(sock)
        for thread in threads:
            thread.join(5)
        assert not any(thread.is_alive() for thread in [acceptor, *threads]), "a misbehaving server outlived its test"


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


def answer(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """A whole well-formed answer; `content_type="text/html"` becomes a header, and so on."""
    lines = [f"HTTP/1.1 {status} Whatever"]
    fields = {name.replace("_", "-").title(): value for name, value in headers.items()}
    lines += [f"{name}: {value}" for name, value in {"Content-Length": str(len(body)), **fields}.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@contextmanager
def answering(reply: Callable[[bytes], bytes], *, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Keeps connections alive and answers each request head with what `reply` makes of it."""

    def behave(connection: Connection) -> None:
        while head := connection.request():
            connection.send(reply(head))

    with serving(behave, tls=tls) as server:
        yield server


@contextmanager
def routes(replies: Mapping[str, bytes], *, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Answers by path (without its query), and everything else with 404."""

    def reply(head: bytes) -> bytes:
        path = head.split(b" ", 2)[1].decode().partition("?")[0]
        return replies.get(path, answer(404, b"no such page\n", content_type="text/plain"))

    with answering(reply, tls=tls) as server:
        yield server


@contextmanager
def _always(data: bytes) -> Iterator[Server]:
    with answering(lambda _: data) as server:
        yield server


@contextmanager
def refuses() -> Iterator[Server]:
    """A port that is taken, so that nobody else gets it, but on which nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield Server(f"http://127.0.0.1:{sock.getsockname()[1]}")


@contextmanager
def silent() -> Iterator[Server]:
    """Accepts and never says a word."""
    with serving(Connection.hold) as server:
        yield server


@contextmanager
def trickles_headers(interval_seconds: float = 0.05) -> Iterator[Server]:
    """Sends endless headers a byte at a time."""

    def behave(connection: Connection) -> None:
        connection.request()
        connection.trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Padding: " + b"x" * 100_000, interval_seconds)

    with serving(behave) as server:
        yield server


@contextmanager
def trickles_body(interval_seconds: float = 0.05) -> Iterator[Server]:
    """Sends its headers at once and the body a byte at a time."""

    def behave(connection: Connection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
        connection.trickle(b"{" + b" " * 99_999, interval_seconds)

    with serving(behave) as server:
        yield server


@contextmanager
def endless_body() -> Iterator[Server]:
    """Sends a body that never ends, as fast as it is taken."""

    def behave(connection: Connection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"# nothing\n".ljust(0x10000) + b"\r\n"
        while not connection.stopped.is_set():
            connection.send(chunk)

    with serving(behave) as server:
        yield server


@contextmanager
def large_body(size_bytes: int = 200_000_000, *, announced: bool = True) -> Iterator[Server]:
    """Sends a body of that size; unless `announced`, only the end of the connection ends it."""

    def behave(connection: Connection) -> None:
        connection.request()
        length = f"Content-Length: {size_bytes}\r\n" if announced else ""
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{length}\r\n".encode())
        block = b"#" * 100_000
        for _ in range(size_bytes // len(block)):
            connection.send(block)
        connection.send(block[: size_bytes % len(block)])

    with serving(behave) as server:
        yield server


@contextmanager
def gzip_bomb(unpacked_bytes: int = 1 << 30) -> Iterator[Server]:
    """A valid gzip body of about a thousandth of what it unpacks to."""
    member_bytes = 1 << 24
    bomb = gzip.compress(bytes(member_bytes)) * (unpacked_bytes // member_bytes)
    with _always(answer(200, bomb, content_encoding="gzip", content_type="text/plain")) as server:
        yield server


@contextmanager
def not_utf8() -> Iterator[Server]:
    """Claims JSON and sends Latin-1."""
    with _always(answer(200, '{"status": "geprüft"}'.encode("latin-1"), content_type="application/json")) as server:
        yield server


@contextmanager
def breaks_off() -> Iterator[Server]:
    """Ends the connection in the middle of the body."""

    def behave(connection: Connection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")

    with serving(behave) as server:
        yield server


@contextmanager
def resets() -> Iterator[Server]:
    """Resets the connection after the request."""

    def behave(connection: Connection) -> None:
        connection.request()
        connection.reset()

    with serving(behave) as server:
        yield server


@contextmanager
def hangs_up() -> Iterator[Server]:
    """Ends the connection after the request, without an answer."""

    def behave(connection: Connection) -> None:
        connection.request()

    with serving(behave) as server:
        yield server


@contextmanager
def bad_chunks() -> Iterator[Server]:
    """Claims chunked transfer and does not know how it goes."""
    with _always(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nthis is no chunk\r\n") as server:
        yield server


@contextmanager
def speaks_ssh(*, holds: bool = False) -> Iterator[Server]:
    """Says who it is, as SSH servers do, and hangs up or holds the connection."""

    def behave(connection: Connection) -> None:
        connection.send(b"SSH-2.0-OpenSSH_9.2p1\r\n")
        if holds:
            connection.hold()
        else:
            connection.request()

    with serving(behave) as server:
        yield server


@contextmanager
def redirects_forever() -> Iterator[Server]:
    """Redirects from each page to the next one."""

    def reply(head: bytes) -> bytes:
        last = head.split(b" ", 2)[1].rpartition(b"/")[2]
        number = int(last) if last.isdigit() else 0
        return answer(302, location=f"/page/{number + 1}")

    with answering(reply) as server:
        yield server


@contextmanager
def redirects_to(location: str, status: int = 302) -> Iterator[Server]:
    """Redirects everything to one place."""
    with _always(answer(status, b"see there\n", location=location)) as server:
        yield server


@contextmanager
def huge_headers(size_bytes: int = 10_000_000) -> Iterator[Server]:
    """Sends one header of that size."""
    with _always(b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * size_bytes + b"\r\n\r\n") as server:
        yield server


@contextmanager
def login_page() -> Iterator[Server]:
    """Answers everything with 200 and a login page."""
    with _always(answer(200, LOGIN_PAGE, content_type="text/html; charset=utf-8")) as server:
        yield server


@contextmanager
def server_error(body: Any = None) -> Iterator[Server]:
    """Answers everything with 500 and JSON."""
    content = json.dumps({"detail": "out of order"} if body is None else body).encode()
    with _always(answer(500, content, content_type="application/json")) as server:
        yield server


@contextmanager
def empty() -> Iterator[Server]:
    """Answers everything with 200 and nothing."""
    with _always(answer(200)) as server:
        yield server


@contextmanager
def closes_kept_connections() -> Iterator[Server]:
    """Answers each connection's first request, as if it stayed open, and closes it at once."""

    def behave(connection: Connection) -> None:
        connection.request()
        connection.send(answer(200, b"one answer\n", content_type="text/plain"))

    with serving(behave) as server:
        yield server


@contextmanager
def closes_on_second_request() -> Iterator[Server]:
    """Answers the first request of a connection and closes upon the second: the race of kept connections."""

    def behave(connection: Connection) -> None:
        connection.request()
        connection.send(answer(200, b"one answer\n", content_type="text/plain"))
        connection.request()

    with serving(behave) as server:
        yield server


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files of a certificate that signs itself, and of its key."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """For a server with this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def certificate(folder: Path, *, names: str = "IP:127.0.0.1", expired: bool = False) -> Certificate:
    """Make a certificate for `names` (OpenSSL's spelling), valid for a day or expired long ago."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    configuration = folder / "openssl.cnf"
    configuration.write_text(
        "[ca]\ndefault_ca = own\n[own]\ndatabase = index.txt\nserial = serial\nnew_certs_dir = .\n"
        "default_md = sha256\ndefault_days = 1\npolicy = any\nx509_extensions = extensions\n"
        "[any]\ncommonName = supplied\n[req]\n"
        "distinguished_name = name\nprompt = no\n[name]\ncommonName = misbehaving\n[extensions]\n"
        f"subjectAltName = {names}\nbasicConstraints = critical,CA:TRUE\nsubjectKeyIdentifier = hash\n"
        "keyUsage = critical,digitalSignature,keyCertSign\n"
    )
    (folder / "index.txt").touch()
    (folder / "serial").write_text("01\n")
    new_key: list[str | Path] = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        made.key,
    ]
    files: list[str | Path] = [
        "-notext",
        "-keyfile",
        made.key,
        "-in",
        "request.pem",
        "-out",
        made.certificate,
    ]
    dates = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"] if expired else []
    commands: tuple[list[str | Path], ...] = (
        ["openssl", "req", "-new", *new_key, "-out", "request.pem", "-config", configuration],
        ["openssl", "ca", "-batch", "-selfsign", "-config", configuration, *dates, *files],
    )
    for command in commands:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=20)
    return made
