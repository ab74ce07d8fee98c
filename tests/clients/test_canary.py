"""The server that nobody should ask: on real sockets."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from selfcheck import canary
from selfcheck.canary import TEXT, Canary

if TYPE_CHECKING:
    from tests.clients.conftest import MakeHttp


def test_who_asks_is_heard(make_http: MakeHttp) -> None:
    with Canary.listening(("127.0.0.1",)) as listening:
        answer = make_http().ask("GET", f"http://127.0.0.1:{listening.port}/token-1.png")
        assert (answer.status, answer.text()) == (200, TEXT)
        assert listening.heard("token-1")
        assert not listening.heard("token-2")


def test_who_follows_a_redirect_is_heard_twice(make_http: MakeHttp) -> None:
    with Canary.listening(("127.0.0.1",)) as listening:
        answer = make_http().ask("GET", f"http://127.0.0.1:{listening.port}/redirect/token-1.png")
        assert answer.redirects
        assert answer.text() == TEXT


@pytest.mark.parametrize("said", [b"", b"token-1", b"\x16\x03\x01token-1", b"GET /token-1"])
def test_whatever_comes_in_is_heard_and_stops_nothing(said: bytes, make_http: MakeHttp) -> None:
    with Canary.listening(("127.0.0.1",)) as listening:
        with socket.create_connection(("127.0.0.1", listening.port)) as sock:
            sock.sendall(said)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(1024):
                pass
        assert listening.heard("token-1") is (b"token-1" in said)
        assert make_http().ask("GET", f"http://127.0.0.1:{listening.port}/token-2").status == 200
        assert listening.heard("token-2")


def test_it_listens_on_each_address_that_there_is() -> None:
    with Canary.listening(("127.0.0.1", "198.51.100.1", "127.0.0.2")) as listening:
        assert listening.addresses == ("127.0.0.1", "127.0.0.2")
        socket.create_connection(("127.0.0.2", listening.port)).close()
    with pytest.raises(OSError), Canary.listening(("198.51.100.1",)):  # noqa: PT011 - its text is the system's
        pass


def test_nothing_of_it_is_left() -> None:
    before = threading.active_count()
    with Canary.listening() as listening:
        port = listening.port
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_own_addresses_are_private_ones_alone() -> None:
    assert canary.own_addresses("http://127.0.0.1:8000", ()) == ()
    assert "127.0.0.1" in canary.own_addresses("http://127.0.0.1:8000", ("127.0.0.0/8",))
    assert canary.own_addresses("http://no-such-host.invalid", ("127.0.0.0/8",)) == ()


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://localhost:8000", True),
        ("http://[::1]:8000", True),
        ("https://staging.example.com", False),
        ("http://10.0.0.1", False),
    ],
)
def test_where_the_platform_is(url: str, *, here: bool) -> None:
    assert canary.is_here(url) is here
