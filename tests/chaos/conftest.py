"""A real Toxiproxy with a proxy before a small web server, a real Redis, and the hands that faults are made with."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from chaos.hands import Hands
from selfcheck import contract as contracts
from selfcheck.clients.http import Http
from selfcheck.clients.toxiproxy import Proxy, Toxiproxy
from selfcheck.secrets import Secrets
from selfcheck.settings import Settings
from selfcheck.waiting import Deadline
from tests import misbehaving
from tests.chaos.stages import BODY, NOWHERE, Bench, running_toxiproxy
from tools.kills import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class MakeHands(Protocol):
    def __call__(self, **settings: Any) -> Hands: ...


@pytest.fixture(scope="session")
def upstream() -> Iterator[misbehaving.Server]:
    with misbehaving.answering(lambda _: misbehaving.answer(200, BODY, content_type="text/plain")) as server:
        yield server


@pytest.fixture
def bench(tmp_path: Path, upstream: misbehaving.Server) -> Iterator[Bench]:
    """A Toxiproxy of the test's own, with the proxy `provider`."""
    with (
        running_toxiproxy(tmp_path) as server,
        Http(deadline=Deadline(120), secrets=Secrets(), user_agent="test/1", timeout_seconds=3) as http,
    ):
        client = Toxiproxy(http, server.url)
        listen = f"127.0.0.1:{free_port()}"
        wanted = Proxy("provider", listen, f"127.0.0.1:{upstream.port}", enabled=True, toxics=())
        yield Bench(server, client, client.create(wanted), http, tmp_path / "ledger")


@pytest.fixture
def make_hands() -> Iterator[MakeHands]:
    made: list[Hands] = []

    def make(**settings: Any) -> Hands:
        read = Settings(base_url=NOWHERE, **settings)
        made.append(Hands.from_settings(read, contracts.load()))
        return made[-1]

    yield make
    for hands in made:
        hands.close()


@pytest.fixture
def hands(bench: Bench, make_hands: MakeHands) -> Hands:
    return make_hands(toxiproxy_url=bench.client.url)


@pytest.fixture
def held_port() -> Iterator[int]:
    """A port on which nothing listens, and nobody else can."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]
