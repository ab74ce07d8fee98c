"""The Redis client against a real server, and against what a URL of Redis should not lead to."""

from __future__ import annotations

import importlib
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psutil
import pytest

from selfcheck.clients.redis import Redis
from selfcheck.contract import Component
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.secrets import Secrets
from selfcheck.verdict import Outcome
from selfcheck.waiting import Deadline, wait_until
from tests import misbehaving
from tests.clients import servers
from tests.clients.looking import look
from tests.clients.servers import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.misbehaving import Connection

QUOTED = quote(PASSWORD, safe="")


def client(url: str, *, timeout_seconds: float = 5.0, deadline_seconds: float = 30.0) -> Redis:
    return Redis(url, timeout_seconds=timeout_seconds, deadline=Deadline(deadline_seconds), secrets=Secrets())


def trouble_of(url: str, *, timeout_seconds: float = 5.0, deadline_seconds: float = 30.0) -> CouldNotObserve:
    with pytest.raises(CouldNotObserve) as caught:
        client(url, timeout_seconds=timeout_seconds, deadline_seconds=deadline_seconds).ping()
    assert caught.value.asked.startswith("PING ")
    assert caught.value.hint
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


def url_of(server: misbehaving.Server) -> str:
    return f"redis://127.0.0.1:{server.port}/0"


def says(data: bytes) -> Callable[[Connection], None]:
    """A server that answers whatever it is told with the same bytes, and waits."""

    def behave(connection: Connection) -> None:
        connection.sock.recv(1000)
        connection.send(data)
        connection.hold()

    return behave


@pytest.fixture(scope="module", autouse=True)
def imported() -> None:
    """What the library takes to be imported, which may be long on a busy machine, is no part of the times below."""
    importlib.import_module("redis")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with servers.redis(tmp_path_factory.mktemp("redis")) as port:
        yield port


@pytest.mark.lab
class TestRealServer:
    def test_a_ping_and_what_it_says_of_itself(self, port: int) -> None:
        redis = client(f"redis://:{QUOTED}@127.0.0.1:{port}/0")
        redis.ping()
        assert redis.info("server")["tcp_port"] == port
        assert redis.info("memory")["used_memory"] > 0
        assert redis.info("no such section") == {}
        assert redis.url == f"redis://127.0.0.1:{port}/0"

    @pytest.mark.parametrize("options", ["?password=" + QUOTED, "/3?password=" + QUOTED])
    def test_the_password_among_the_options(self, port: int, options: str) -> None:
        client(f"redis://127.0.0.1:{port}{options}").ping()

    @pytest.mark.parametrize(
        ("credentials", "says"),
        [
            (":wrong-pw@", "WRONGPASS|invalid username-password"),
            ("", "Authentication required"),
            ("x:wrong-pw@", "invalid"),
        ],
    )
    def test_credentials_that_are_refused(self, port: int, credentials: str, says: str) -> None:
        error = trouble_of(f"redis://{credentials}127.0.0.1:{port}/0")
        assert error.trouble is Trouble.ERROR_ANSWER
        assert "password in the URL" in error.hint
        assert any(words in error.came_back for words in says.split("|"))
        assert "wrong-pw" not in str(error)

    def test_a_user_who_may_not(self, port: int) -> None:
        redis = client(f"redis://narrow:narrow-pw@127.0.0.1:{port}/0")
        redis.ping()
        with pytest.raises(CouldNotObserve, match="INFO server redis://127") as caught:
            redis.info("server")
        assert caught.value.trouble is Trouble.ERROR_ANSWER

    def test_a_database_that_is_not_there(self, port: int) -> None:
        error = trouble_of(f"redis://:{QUOTED}@127.0.0.1:{port}/99")
        assert error.trouble is Trouble.ERROR_ANSWER
        assert "out of range" in error.came_back

    def test_the_look_of_the_preflight(self, port: int) -> None:
        assert look(Component.REDIS, f"redis://:{QUOTED}@127.0.0.1:{port}/0").outcome is Outcome.PASS
        verdict = look(Component.REDIS, f"redis://:wrong-pw@127.0.0.1:{port}/0")
        assert verdict.outcome is Outcome.FAIL
        assert "password" in verdict.observed
        assert "wrong-pw" not in str(verdict)

    def test_no_connection_is_left(self, port: int) -> None:
        client(f"redis://:{QUOTED}@127.0.0.1:{port}/0").ping()
        ours = psutil.Process().net_connections()
        assert not [each for each in ours if each.status == "ESTABLISHED" and port in each.raddr]

    def test_tls_with_a_server_that_speaks_none(self, port: int) -> None:
        assert trouble_of(f"rediss://127.0.0.1:{port}/0", timeout_seconds=0.4).trouble in {
            Trouble.TLS,
            Trouble.TIMED_OUT,
        }


@pytest.mark.parametrize(
    ("behave", "trouble", "says_so"),
    [
        (says(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), Trouble.UNEXPECTED_ANSWER, "HTTP/1.1 400"),
        (says(b"SSH-2.0-OpenSSH_9.2p1\r\n"), Trouble.UNEXPECTED_ANSWER, "SSH-2.0"),
        (says(b"-LOADING Redis is loading the dataset in memory\r\n"), Trouble.ERROR_ANSWER, "loading"),
        (lambda connection: connection.reset(), Trouble.BROKEN_OFF, "without an answer"),
        (lambda _: None, Trouble.BROKEN_OFF, "without an answer"),
    ],
)
def test_something_else_listens(behave: Callable[[Connection], None], trouble: Trouble, says_so: str) -> None:
    with misbehaving.serving(behave) as server:
        error = trouble_of(url_of(server))
        assert error.trouble is trouble
        assert says_so in error.came_back
        assert server.connections == 1, "it was asked again"


def test_one_that_answers_but_not_as_redis_does() -> None:
    def behave(connection: Connection) -> None:
        while connection.sock.recv(1000):
            connection.send(b":1\r\n")

    with misbehaving.serving(behave) as server:
        assert "not as Redis answers a PING" in trouble_of(url_of(server)).came_back
        with pytest.raises(CouldNotObserve) as caught:
            client(url_of(server)).info("server")
    assert caught.value.trouble is Trouble.UNEXPECTED_ANSWER


def test_one_that_says_more_than_it_was_asked() -> None:
    with misbehaving.serving(says(b"+OK\r\n+OK\r\n+PONG\r\n+PONG\r\n")) as server:
        error = trouble_of(url_of(server))
    assert error.trouble is Trouble.UNEXPECTED_ANSWER


def trickles(connection: Connection) -> None:
    connection.trickle(b"+" + b"x" * 10_000, 0.02)


@pytest.mark.parametrize("behave", [misbehaving.Connection.hold, trickles])
@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_one_that_does_not_come_to_an_end(behave: Callable[[Connection], None], scheme: str) -> None:
    started = time.monotonic()
    with misbehaving.serving(behave) as server:
        error = trouble_of(url_of(server).replace("redis", scheme), timeout_seconds=0.3)
    # What trickles is no TLS, which is seen at once.
    assert error.trouble is Trouble.TIMED_OUT or (error.trouble is Trouble.TLS and scheme == "rediss")
    assert time.monotonic() - started < 4
    wait_until(
        lambda: "bounded call" not in {thread.name for thread in threading.enumerate()},
        timeout_seconds=5,
        what="the call that was cut off to end",
    )


@pytest.mark.parametrize("beginning", [b"", b"+", b"$3000000000\r\n"])
def test_an_answer_without_an_end_takes_no_memory(beginning: bytes) -> None:
    def behave(connection: Connection) -> None:
        connection.sock.recv(1000)
        connection.send(beginning)
        while not connection.stopped.is_set():
            connection.send(b"x" * 65536)

    client("redis://127.0.0.1:1/0")  # nothing is asked, but all is imported
    before = psutil.Process().memory_info().rss
    with misbehaving.serving(behave) as server:
        error = trouble_of(url_of(server))
    assert error.trouble is Trouble.TOO_LARGE
    assert psutil.Process().memory_info().rss - before < 100_000_000


def test_nothing_listens() -> None:
    with misbehaving.refuses() as server:
        assert trouble_of(url_of(server)).trouble is Trouble.REFUSED
    assert trouble_of("unix:///nowhere/redis.sock").trouble is Trouble.UNREACHABLE
    assert trouble_of("redis://nowhere.invalid:6379/0").trouble is Trouble.NAME_NOT_FOUND


def test_a_certificate_that_nobody_vouches_for(tmp_path: Any) -> None:
    context = misbehaving.certificate(tmp_path).context()
    with misbehaving.serving(misbehaving.Connection.hold, tls=context) as server:
        error = trouble_of(url_of(server).replace("redis", "rediss"))
    assert error.trouble is Trouble.TLS
    assert "self-signed" in error.came_back


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hun/ter22@host:6379/0",
        "redis://:hun?ter22@host:6379/0",
        "redis://:hunter22@host:port/0",
        "redis://:hunter22@[::1/0",
        "redis://:hunter22@host:6379/0?no_such_option=1",
        "redis://:hunter22@host:6379/0?socket_timeout=long",
        "http://:hunter22@host:6379/0",
    ],
)
def test_no_url_of_redis(url: str) -> None:
    error = trouble_of(url)
    assert error.trouble is Trouble.BAD_URL
    assert "hun" not in str(error)
    assert "ter22" not in str(error)


def test_the_deadline_of_the_run() -> None:
    with misbehaving.silent() as server:
        assert trouble_of(url_of(server), deadline_seconds=0.2).trouble is Trouble.DEADLINE
        assert server.connections == 1
        error = trouble_of(url_of(server), deadline_seconds=0)
    assert error.trouble is Trouble.DEADLINE
    assert "not asked" in error.came_back
    assert server.connections == 1
