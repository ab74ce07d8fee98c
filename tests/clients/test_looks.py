"""The preflight's looks at Alertmanager, Grafana, Redis, Postgres, Toxiproxy and Kubernetes."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from selfcheck import components
from selfcheck.contract import Component
from selfcheck.verdict import Outcome, Verdict
from tests import misbehaving
from tests.clients import looking
from tests.clusters import KubeConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.misbehaving import Connection

    Look = Callable[..., Verdict]

URLS = {
    Component.ALERTMANAGER: "{url}",
    Component.GRAFANA: "{url}",
    Component.REDIS: "redis://:hunter22@127.0.0.1:{port}/0",
    Component.POSTGRES: "postgresql://app:hunter22@127.0.0.1:{port}/cad",
    Component.TOXIPROXY: "{url}",
    Component.KUBERNETES: "staging",
}
WEB = [Component.ALERTMANAGER, Component.GRAFANA, Component.TOXIPROXY]


@pytest.fixture(scope="module", autouse=True)
def imported() -> None:
    """What the libraries take to be imported, which may be long on a busy machine, is no part of the times below."""
    for name in ("kubernetes", "psycopg", "redis"):
        importlib.import_module(name)


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Looks at a component that is said to be at the address of a server."""

    def look(component: Component, server: misbehaving.Server, **options: float) -> Verdict:
        KubeConfig(tmp_path, monkeypatch).write(server.url, {"token": "hunter22"})
        return looking.look(component, URLS[component].format(url=server.url, port=server.port), **options)

    return look


@pytest.mark.parametrize("component", URLS)
def test_nothing_listens(component: Component, look: Look) -> None:
    with misbehaving.refuses() as server:
        verdict = look(component, server)
    assert verdict.outcome is Outcome.FAIL
    assert "refused" in verdict.observed.lower()
    assert verdict.expected
    assert verdict.where
    assert verdict.reproduce.startswith(("curl ", "redis-cli ", "psql ", "kubectl "))
    assert "hunter22" not in str(verdict)


@pytest.mark.parametrize("component", URLS)
def test_it_never_answers(component: Component, look: Look) -> None:
    started = time.monotonic()
    with misbehaving.silent() as server:
        verdict = look(component, server, deadline_seconds=0.5)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.blocked_by == "deadline"
    assert time.monotonic() - started < 4


def another_service(connection: Connection) -> None:
    """An HTTP server that takes everything for a request, as real ones do."""
    while connection.sock.recv(4096):
        connection.send(misbehaving.answer(200, misbehaving.LOGIN_PAGE, content_type="text/html"))


@pytest.mark.parametrize("component", URLS)
def test_another_service_answers(component: Component, look: Look) -> None:
    with misbehaving.serving(another_service) as server:
        verdict = look(component, server)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.where
    assert "hunter22" not in str(verdict)


@pytest.mark.parametrize("component", [*WEB, Component.KUBERNETES])
def test_the_credentials_are_refused(component: Component, look: Look) -> None:
    content = {"kind": "Status", "message": "Unauthorized", "error": "Unauthorized"}
    reply = misbehaving.answer(401, json.dumps(content).encode(), content_type="application/json")
    with misbehaving.answering(lambda _: reply) as server:
        verdict = look(component, server)
    assert verdict.outcome is Outcome.FAIL
    assert "401" in verdict.observed
    assert "Unauthorized" in verdict.observed


def replies(ready: int = 200, database: str = "ok") -> dict[str, bytes]:
    """What each of the components would answer, all at one address."""
    alertmanager = {
        "versionInfo": {"version": "0.25.0"},
        "uptime": "2025-01-01T00:00:00Z",
        "config": {"original": ""},
        "cluster": {"status": "disabled"},
    }
    proxy = {"name": "redis", "listen": "127.0.0.1:1", "upstream": "127.0.0.1:2", "enabled": True, "toxics": []}
    content: dict[str, Any] = {
        "/api/v2/status": alertmanager,
        "/api/health": {"database": database, "version": "11.3.0"},
        "/version": {"version": "2.12.0", "gitVersion": "v1.34.4"},
        "/proxies": {"redis": proxy},
    }
    pages = {
        path: misbehaving.answer(200, json.dumps(each).encode(), content_type="application/json")
        for path, each in content.items()
    }
    return {**pages, "/-/ready": misbehaving.answer(ready, b"OK" if ready == 200 else b"no")}


@pytest.mark.parametrize(
    ("component", "observed"),
    [
        (Component.ALERTMANAGER, "Alertmanager 0.25.0"),
        (Component.GRAFANA, "Grafana 11.3.0"),
        (Component.TOXIPROXY, "Toxiproxy 2.12.0 with 1 proxies"),
        (Component.KUBERNETES, "Kubernetes v1.34.4"),
    ],
)
def test_all_is_well(component: Component, observed: str, look: Look) -> None:
    with misbehaving.routes(replies()) as server:
        verdict = look(component, server)
    assert (verdict.outcome, verdict.observed) == (Outcome.PASS, observed)


@pytest.mark.parametrize(
    ("component", "observed"),
    [(Component.ALERTMANAGER, "not that it is ready"), (Component.GRAFANA, '"failing"')],
)
def test_it_answers_that_it_is_not_well(component: Component, observed: str, look: Look) -> None:
    with misbehaving.routes(replies(ready=503, database="failing")) as server:
        verdict = look(component, server)
    assert verdict.outcome is Outcome.FAIL
    assert observed in verdict.observed


def test_clients_are_made_once() -> None:
    with looking.opened({"redis_url": "redis://127.0.0.1:1", "grafana_url": "http://127.0.0.1:1"}) as target:
        assert components.redis(target) is components.redis(target)
        assert components.grafana(target) is components.grafana(target)
        with pytest.raises(LookupError, match="postgres"):
            components.postgres(target)


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    code = "import selfcheck.run, sys; print({'redis', 'psycopg', 'kubernetes', 'requests'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert ran.stdout.strip() == "set()"
