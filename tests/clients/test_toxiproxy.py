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


@pytest.fixture
def proxied(port: int, http: Http) -> tuple[Toxiproxy, Proxy]:
    """A client of the real server, and a proxy on it."""
    client = Toxiproxy(http, f"http://127.0.0.1:{port}")
    wanted = Proxy("redis", f"127.0.0.1:{servers.free_port()}", "127.0.0.1:9", enabled=True, toxics=())
    made = client.create(wanted)
    assert made == wanted
    return client, made


@pytest.mark.lab
class TestChanges:
    def test_a_toxic_is_put_on_and_taken_off(self, proxied: tuple[Toxiproxy, Proxy]) -> None:
        client, proxy = proxied
        toxic = Toxic("slow", "latency", "upstream", 0.3, {"latency": 20})
        seen = client.add_toxic("redis", toxic)
        assert seen.toxics == (Toxic("slow", "latency", "upstream", 0.3, {"latency": 20, "jitter": 0}),)
        assert client.proxy("redis") == seen
        assert client.remove_toxic("redis", "slow")
        assert not client.remove_toxic("redis", "slow")
        assert not client.remove_toxic("nowhere", "slow")
        assert client.proxy("redis") == proxy

    def test_a_toxic_that_is_there_already(self, proxied: tuple[Toxiproxy, Proxy]) -> None:
        client, _ = proxied
        toxic = Toxic("slow", "latency", "upstream", 1.0, {"latency": 20})
        client.add_toxic("redis", toxic)
        with pytest.raises(CouldNotObserve, match="HTTP 409: toxic already exists"):
            client.add_toxic("redis", toxic)

    def test_an_attribute_that_is_not_known_is_no_success(self, proxied: tuple[Toxiproxy, Proxy]) -> None:
        client, _ = proxied
        with pytest.raises(CouldNotObserve, match="HTTP 200, but the toxic that is read back") as caught:
            client.add_toxic("redis", Toxic("slow", "latency", "upstream", 1.0, {"latncy": 20}))
        assert caught.value.trouble is Trouble.UNEXPECTED_ANSWER

    def test_a_kind_that_is_not_known(self, proxied: tuple[Toxiproxy, Proxy]) -> None:
        client, proxy = proxied
        with pytest.raises(CouldNotObserve, match="HTTP 400: invalid toxic type"):
            client.add_toxic("redis", Toxic("slow", "no_such", "upstream", 1.0, {}))
        assert client.proxy("redis") == proxy

    def test_a_proxy_is_changed_without_its_toxics(self, proxied: tuple[Toxiproxy, Proxy]) -> None:
        client, _ = proxied
        toxics = client.add_toxic("redis", Toxic("slow", "latency", "upstream", 1.0, {"latency": 20})).toxics
        assert not client.change("redis", enabled=False).enabled
        seen = client.change("redis", upstream="127.0.0.1:10")
        assert (seen.enabled, seen.upstream, seen.toxics) == (False, "127.0.0.1:10", toxics)
        assert client.change("redis", enabled=True, upstream="127.0.0.1:9").enabled

    def test_a_proxy_that_cannot_listen(self, proxied: tuple[Toxiproxy, Proxy]) -> None:
        client, proxy = proxied
        client.change("redis", enabled=False)
        with misbehaving.silent() as taken, pytest.raises(CouldNotObserve, match="address already in use"):
            client.create(Proxy("other", f"127.0.0.1:{taken.port}", "127.0.0.1:9", enabled=True, toxics=()))
        with pytest.raises(CouldNotObserve, match="HTTP 404: proxy not found"):
            client.change("nowhere", enabled=False)
        assert client.proxy("redis") is not None
        assert proxy.enabled

    def test_a_proxy_is_deleted(self, proxied: tuple[Toxiproxy, Proxy]) -> None:
        client, _ = proxied
        assert client.delete("redis")
        assert not client.delete("redis")
        assert client.proxy("redis") is None


def test_a_success_that_is_none(http: Http) -> None:
    """Whoever answers 200 to everything has done nothing."""
    redis = as_json({"name": "redis", "listen": "x", "upstream": "y", "enabled": True, "toxics": []})
    with misbehaving.answering(lambda _: redis) as server:
        client = Toxiproxy(http, server.url)
        changes: tuple[Callable[[], object], ...] = (
            lambda: client.add_toxic("redis", Toxic("slow", "latency", "upstream", 1.0, {})),
            lambda: client.change("redis", enabled=False),
            lambda: client.change("redis", upstream="z"),
            lambda: client.delete("redis"),
            lambda: client.create(Proxy("redis", "x", "z", enabled=True, toxics=())),
        )
        for change in changes:
            with pytest.raises(CouldNotObserve, match="read back"):
                change()
