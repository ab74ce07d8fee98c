"""The Toxiproxy client against the real server, which the project's library for it sets up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from toxiproxy.api import APIConsumer
from toxiproxy.server import Toxiproxy as Library

from selfcheck.clients.toxiproxy import Proxy, Toxic, Toxiproxy
from selfcheck.observation import CouldNotObserve, Trouble
from tests import misbehaving
from tests.clients import servers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from selfcheck.clients.http import Http
    from tests.clients.conftest import MakeHttp


@pytest.fixture
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with servers.toxiproxy(tmp_path_factory.mktemp("toxiproxy")) as port:
        yield port


@pytest.fixture
def other_client(port: int, monkeypatch: pytest.MonkeyPatch) -> Library:
    """The library, whose address is an attribute of a class that all of its instances share."""
    monkeypatch.setattr(APIConsumer, "host", "127.0.0.1")
    monkeypatch.setattr(APIConsumer, "port", port)
    monkeypatch.setenv("NO_PROXY", "*")
    return Library()


def as_json(content: object, status: int = 200) -> bytes:
    return misbehaving.answer(status, json.dumps(content).encode(), content_type="application/json")


@pytest.mark.lab
def test_what_it_is(port: int, http: Http, other_client: Library) -> None:
    client = Toxiproxy(http, f"http://127.0.0.1:{port}/")
    assert client.version() == json.loads(other_client.version())["version"]
    assert client.proxies() == ()


@pytest.mark.lab
def test_proxies_and_their_toxics(port: int, http: Http, other_client: Library) -> None:
    client = Toxiproxy(http, f"http://127.0.0.1:{port}")
    with misbehaving.silent() as upstream:
        target = f"127.0.0.1:{upstream.port}"
        redis = other_client.create(name="redis", upstream=target)
        other_client.create(name="ocr", upstream=target, enabled=False)
        redis.add_toxic(type="latency", attributes={"latency": 250, "jitter": 50}, toxicity=0.5)
        redis.add_toxic(type="timeout", name="silence", stream="upstream", attributes={"timeout": 0})
        ocr, seen = client.proxies()
    assert (ocr.name, ocr.enabled, ocr.toxics) == ("ocr", False, ())
    latency = Toxic("latency_downstream", "latency", "downstream", 0.5, {"latency": 250, "jitter": 50})
    silence = Toxic("silence", "timeout", "upstream", 1.0, {"timeout": 0})
    assert seen == Proxy("redis", seen.listen, target, enabled=True, toxics=(silence, latency))
    assert seen.listen == redis.listen

    redis.destroy_toxic("silence")
    assert [toxic.name for toxic in client.proxies()[1].toxics] == ["latency_downstream"]
    other_client.reset()
    assert [(proxy.enabled, proxy.toxics) for proxy in client.proxies()] == [(True, ()), (True, ())]


def test_an_old_one_gives_its_version_as_text(http: Http) -> None:
    with misbehaving.routes({"/version": misbehaving.answer(200, b"2.1.4", content_type="text/plain")}) as server:
        assert Toxiproxy(http, server.url).version() == "2.1.4"


@pytest.mark.parametrize(
    ("reply", "trouble"),
    [
        (misbehaving.answer(200, misbehaving.LOGIN_PAGE, content_type="text/html"), Trouble.NOT_JSON),
        (misbehaving.answer(200), Trouble.NOT_JSON),
        (misbehaving.answer(404, b"404 page not found\n", content_type="text/plain"), Trouble.NOT_JSON),
        (as_json([]), Trouble.UNEXPECTED_ANSWER),
        (as_json({"status": "healthy"}), Trouble.UNEXPECTED_ANSWER),
        (as_json({"version": {}}), Trouble.UNEXPECTED_ANSWER),
        (
            as_json({"redis": {"name": "redis", "listen": "x", "upstream": "y", "enabled": True}}),
            Trouble.UNEXPECTED_ANSWER,
        ),
        (as_json({"detail": "no"}, 500), Trouble.UNEXPECTED_ANSWER),
        (as_json({"error": "internal trouble", "status": 500}, 500), Trouble.ERROR_ANSWER),
    ],
)
def test_the_answer_of_another_service(reply: bytes, trouble: Trouble, http: Http) -> None:
    with misbehaving.answering(lambda _: reply) as server:
        client = Toxiproxy(http, server.url)
        for ask in (client.version, client.proxies):
            with pytest.raises(CouldNotObserve) as caught:
                ask()
            assert caught.value.trouble is trouble
            assert caught.value.asked.startswith("GET http://127.0.0.1:")


@pytest.mark.parametrize(
    ("server", "trouble"),
    [
        (misbehaving.refuses, Trouble.REFUSED),
        (misbehaving.silent, Trouble.TIMED_OUT),
        (misbehaving.trickles_body, Trouble.TIMED_OUT),
        (misbehaving.speaks_ssh, Trouble.NOT_HTTP),
    ],
)
def test_no_answer(
    server: Callable[[], AbstractContextManager[misbehaving.Server]], trouble: Trouble, make_http: MakeHttp
) -> None:
    with server() as running, pytest.raises(CouldNotObserve) as caught:
        Toxiproxy(make_http(timeout_seconds=0.3), running.url).proxies()
    assert caught.value.trouble is trouble
