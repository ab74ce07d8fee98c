"""The Grafana client against a server that answers as Grafana's HTTP API is documented to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from selfcheck import boards, preflight
from selfcheck.clients.grafana import Dashboard, DataSource, Found, Grafana, Health
from selfcheck.contract import Component
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.secrets import Secrets
from selfcheck.verdict import Outcome, Verdict
from tests import misbehaving
from tests.clients import looking

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from selfcheck.clients.http import Http
    from tests.clients.conftest import MakeHttp

FORBIDDEN = {"accessErrorId": "ACE0185", "message": "You'll need additional permissions: datasources:read"}

HEALTH = {"commit": "087143285", "database": "ok", "version": "11.3.0"}

FOUND = {
    "id": 1,
    "uid": "slo",
    "title": "SLO Tracking",
    "uri": "db/slo-tracking",
    "url": "/d/slo/slo-tracking",
    "slug": "",
    "type": "dash-db",
    "tags": ["slo", "platform"],
    "isStarred": False,
    "folderId": 7,
    "folderUid": "ops",
    "folderTitle": "Operations",
    "folderUrl": "/dashboards/f/ops/operations",
    "sortMeta": 0,
}

DASHBOARD = {
    "meta": {
        "type": "db",
        "canSave": False,
        "slug": "slo-tracking",
        "url": "/d/slo/slo-tracking",
        "version": 4,
        "folderUid": "ops",
        "folderTitle": "Operations",
        "provisioned": True,
        "provisionedExternalId": "slo.json",
    },
    "dashboard": {
        "id": 1,
        "uid": "slo",
        "title": "SLO Tracking",
        "version": 4,
        "schemaVersion": 39,
        "panels": [{"id": 1, "type": "gauge", "title": "Error Budget Remaining", "targets": [{"expr": "up"}]}],
    },
}

SOURCE = {
    "id": 1,
    "uid": "prometheus",
    "orgId": 1,
    "name": "Prometheus",
    "type": "prometheus",
    "typeName": "Prometheus",
    "access": "proxy",
    "url": "http://prometheus:9090",
    "isDefault": True,
    "jsonData": {"httpMethod": "POST"},
    "readOnly": True,
}


def as_json(content: Any, status: int = 200) -> bytes:
    return misbehaving.answer(status, json.dumps(content).encode(), content_type="application/json; charset=UTF-8")


@pytest.mark.parametrize(
    ("content", "status", "health", "well"),
    [
        (HEALTH, 200, Health("ok", "11.3.0"), True),
        ({"database": "ok"}, 200, Health("ok", ""), True),
        ({"database": "failing", "version": "11.3.0"}, 503, Health("failing", "11.3.0"), False),
    ],
)
def test_health(content: Any, status: int, health: Health, well: bool, http: Http) -> None:  # noqa: FBT001
    with misbehaving.routes({"/behind/a/proxy/api/health": as_json(content, status)}) as server:
        found = Grafana(http, f"{server.url}/behind/a/proxy/").health()
    assert found == health
    assert found.well is well


def test_dashboards(http: Http) -> None:
    topmost = {key: value for key, value in FOUND.items() if not key.startswith("folder")} | {"tags": None}
    with misbehaving.routes({"/api/search": as_json([FOUND, topmost])}) as server:
        found = Grafana(http, server.url, {"Authorization": "Bearer glsa_abc"}).dashboards("slo tracking")
    expected = Found("slo", "SLO Tracking", "/d/slo/slo-tracking", "Operations", ("slo", "platform"))
    assert found == (expected, Found("slo", "SLO Tracking", "/d/slo/slo-tracking", "", ()))
    (request,) = server.requests
    assert b"authorization: bearer glsa_abc" in request.lower()
    assert parse_qs(urlsplit(request.split()[1].decode()).query)["query"] == ["slo tracking"]


def test_all_pages_of_dashboards_are_read(http: Http) -> None:
    def reply(head: bytes) -> bytes:
        query = parse_qs(urlsplit(head.split()[1].decode()).query)
        first, length = (int(query["page"][0]) - 1) * int(query["limit"][0]), int(query["limit"][0])
        return as_json([{**FOUND, "uid": f"d{number}"} for number in range(first, min(first + length, 2345))])

    with misbehaving.answering(reply) as server:
        found = Grafana(http, server.url).dashboards()
    assert [each.uid for each in found] == [f"d{number}" for number in range(2345)]
    assert len(server.requests) == 3


def test_a_dashboard(http: Http) -> None:
    with misbehaving.routes({"/api/dashboards/uid/slo": as_json(DASHBOARD)}) as server:
        found = Grafana(http, server.url).dashboard("slo")
    assert found is not None
    assert (found.uid, found.title, found.version, found.folder) == ("slo", "SLO Tracking", 4, "Operations")
    assert found.provisioned
    assert found.model["panels"][0]["title"] == "Error Budget Remaining"


def test_a_dashboard_that_is_not_there(http: Http) -> None:
    reply = as_json({"accessErrorId": "", "message": "Dashboard not found", "title": "Not found"}, 404)
    with misbehaving.answering(lambda _: reply) as server:
        assert Grafana(http, server.url).dashboard("../admin") is None
    assert server.requests[0].startswith(b"GET /api/dashboards/uid/..%2Fadmin ")


def test_data_sources(http: Http) -> None:
    with misbehaving.routes({"/api/datasources": as_json([SOURCE])}) as server:
        found = Grafana(http, server.url).data_sources()
    assert found == (DataSource("prometheus", "Prometheus", "prometheus", "http://prometheus:9090", default=True),)


def test_how_often_a_data_source_is_scraped(http: Http) -> None:
    sources = [{**SOURCE, "jsonData": {"timeInterval": "30s"}}, {**SOURCE, "jsonData": None}]
    with misbehaving.routes({"/api/datasources": as_json(sources)}) as server:
        found = Grafana(http, server.url).data_sources()
    assert found is not None
    assert [each.interval for each in found] == ["30s", ""]


def test_data_sources_that_may_not_be_read(http: Http) -> None:
    with misbehaving.routes({"/api/datasources": as_json(FORBIDDEN, 403)}) as server:
        assert Grafana(http, server.url).data_sources() is None


@pytest.mark.parametrize(
    ("status", "content", "let_in"),
    [(200, [], True), (401, {"message": "Unauthorized"}, False), (403, FORBIDDEN, False)],
)
def test_whether_anybody_is_let_in(status: int, content: Any, let_in: bool, http: Http) -> None:  # noqa: FBT001
    with misbehaving.routes({"/api/search": as_json(content, status)}) as server:
        assert Grafana(http, server.url).lets_in() is let_in


def test_many_dashboards_at_once(http: Http) -> None:
    """One that is not there, and one that cannot be read, do not spoil the others."""
    routes = {
        "/api/dashboards/uid/slo": as_json(DASHBOARD),
        "/api/dashboards/uid/gone": as_json({"message": "Dashboard not found"}, 404),
        "/api/dashboards/uid/broken": as_json({"message": "Failed to get dashboard"}, 500),
    }
    with misbehaving.routes(routes) as server:
        slo, gone, broken = Grafana(http, server.url).each_dashboard(["slo", "gone", "broken"])
    assert isinstance(slo, Dashboard)
    assert slo.title == "SLO Tracking"
    assert gone is None
    assert isinstance(broken, CouldNotObserve)
    assert "HTTP 500: Failed to get dashboard" in broken.came_back


def test_library_panels(http: Http) -> None:
    model = {"type": "gauge", "title": "Error Budget Remaining", "targets": [{"refId": "A", "expr": "up"}]}
    element = {"id": 25, "uid": "lib", "kind": 1, "name": "Budget", "type": "gauge", "version": 1, "model": model}
    routes = {
        "/api/library-elements/lib": as_json({"result": {**element, "meta": {"folderName": "General"}}}),
        "/api/library-elements/gone": as_json({"message": "library element could not be found"}, 404),
        "/api/library-elements/closed": as_json(FORBIDDEN, 403),
    }
    with misbehaving.routes(routes) as server:
        found, gone, closed = Grafana(http, server.url).library_panels(["lib", "gone", "closed"])
    assert (found, gone) == (model, None)
    assert isinstance(closed, CouldNotObserve)


def test_whether_data_sources_work(http: Http) -> None:
    routes = {
        "/api/datasources/uid/good/health": as_json({"message": "1. Successfully connected", "status": "OK"}),
        "/api/datasources/uid/bad/health": as_json({"message": "connection refused", "status": "ERROR"}, 400),
        "/api/datasources/uid/old/health": as_json({"message": "Not found"}, 404),
        "/api/datasources/uid/closed/health": as_json(FORBIDDEN, 403),
        "/api/datasources/uid/odd/health": as_json([]),
    }
    with misbehaving.routes(routes) as server:
        *told, odd = Grafana(http, server.url).reaches(["good", "bad", "old", "closed", "odd"])
    assert told == ["", "connection refused", None, None]
    assert isinstance(odd, CouldNotObserve)


def test_a_prometheus_is_asked_through_grafana(http: Http) -> None:
    """Whoever may not ask, or is answered with something else, is told nothing."""

    def answered(*results: dict[str, str], **more: Any) -> Any:
        data = {"resultType": "vector", "result": [{"metric": each, "value": [0, "1"]} for each in results]}
        return as_json({"status": "success", "data": data, **more})

    routes = {
        "/api/datasources/proxy/uid/own/api/v1/query": answered({"found": "targets"}),
        "/api/datasources/proxy/uid/empty/api/v1/query": answered(),
        "/api/datasources/proxy/uid/partly/api/v1/query": answered(warnings=["a store is away"]),
        "/api/datasources/proxy/uid/closed/api/v1/query": as_json(FORBIDDEN, 403),
        "/api/datasources/proxy/uid/odd/api/v1/query": as_json(["odd"]),
    }
    with misbehaving.routes(routes) as server:
        told = Grafana(http, server.url).ask_prometheus(["own", "empty", "partly", "closed", "odd"], "up")
    assert told == [({"found": "targets"},), (), None, None, None]


@pytest.mark.parametrize(
    ("token", "url", "search", "outcome"),
    [
        ("glsa_abc", "{url}", (200, []), Outcome.PASS),
        ("glsa_abc", "{url}", (401, {"message": "Invalid API key"}), Outcome.FAIL),
        ("", "http://viewer:wrong-password@127.0.0.1:{port}", (401, {"message": "Invalid username"}), Outcome.FAIL),
        # Who was given no credentials is not told off for them.
        ("", "{url}", (401, {"message": "Unauthorized"}), Outcome.PASS),
    ],
)
def test_refused_credentials_are_one_root_cause(
    token: str, url: str, search: tuple[int, Any], outcome: Outcome
) -> None:
    status, content = search
    with misbehaving.routes({"/api/health": as_json(HEALTH), "/api/search": as_json(content, status)}) as server:
        settings = {"grafana_url": url.format(url=server.url, port=server.port)}
        if token:
            settings["grafana_token"] = token
        with looking.opened(settings) as target:
            verdict = preflight._LOOKS[Component.GRAFANA](target)
            assert "wrong-password" not in target.secrets.mask(str(verdict))
    assert verdict.outcome is outcome
    if outcome is Outcome.FAIL:
        assert "SELF_CHECK_GRAFANA_TOKEN" in verdict.expected


@pytest.mark.parametrize("uids", [set(), {"slo"}])
def test_the_platforms_dashboards_are_chosen_by_uid_and_tag(uids: set[str]) -> None:
    others = [{**FOUND, "uid": f"other-{number}", "tags": ["other"]} for number in range(3)]
    routes = {
        "/api/search": as_json([*others, FOUND]),
        "/api/dashboards/uid/slo": as_json(DASHBOARD),
        "/api/datasources": as_json(FORBIDDEN, 403),
    }
    with misbehaving.routes(routes) as server, looking.opened({"grafana_url": server.url}) as target:
        found = boards.gather(target, uids, () if uids else ("platform",))
    assert isinstance(found, boards.Boards)
    assert list(found.boards) == ["slo"]
    assert found.sources is None
    assert len(found.listed) == 4


def test_without_credentials_the_folder_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "slo.json").write_text(json.dumps(DASHBOARD["dashboard"]))
    with misbehaving.routes({"/api/search": as_json({"message": "Unauthorized"}, 401)}) as server:
        with looking.opened({"grafana_url": server.url}) as target:
            closed = boards.gather(target, {"slo"}, ())
        with looking.opened({"grafana_url": server.url, "dashboards": str(tmp_path)}) as target:
            found = boards.gather(target, {"slo"}, ())
    assert isinstance(closed, Verdict)
    assert (closed.outcome, "SELF_CHECK_GRAFANA_TOKEN" in closed.remedy) == (Outcome.NOT_COVERED, True)
    assert isinstance(found, boards.Boards)
    assert list(found.boards) == ["slo"]


@pytest.mark.parametrize(
    ("status", "message", "hint"),
    [
        (401, "Invalid API key", "credentials for Grafana"),
        (403, "You'll need additional permissions to perform this action", "may read"),
        (500, "Failed to query the token glsa_abc", "log"),
    ],
)
def test_grafana_refuses(status: int, message: str, hint: str, make_http: MakeHttp) -> None:
    with misbehaving.answering(lambda _: as_json({"message": message}, status)) as server:
        client = Grafana(make_http(secrets=Secrets(["glsa_abc"])), server.url)
        for ask in (client.health, client.dashboards, lambda: client.dashboard("slo")):
            with pytest.raises(CouldNotObserve) as caught:
                ask()
            assert caught.value.trouble is Trouble.ERROR_ANSWER
            assert f"HTTP {status}: {message.replace('glsa_abc', '***')}" in caught.value.came_back
            assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("reply", "trouble"),
    [
        (misbehaving.answer(200, misbehaving.LOGIN_PAGE, content_type="text/html"), Trouble.NOT_JSON),
        (misbehaving.answer(404, b"404 page not found", content_type="text/plain"), Trouble.NOT_JSON),
        (as_json({"status": "healthy"}), Trouble.UNEXPECTED_ANSWER),
        (as_json({"detail": "Not Found"}, 404), Trouble.UNEXPECTED_ANSWER),
        (as_json(["x"]), Trouble.UNEXPECTED_ANSWER),
        (as_json({"database": None}), Trouble.UNEXPECTED_ANSWER),
    ],
)
def test_the_answer_of_another_service(reply: bytes, trouble: Trouble, http: Http) -> None:
    with misbehaving.answering(lambda _: reply) as server:
        client = Grafana(http, server.url)
        for ask in (client.health, client.dashboards, client.data_sources, lambda: client.dashboard("slo")):
            with pytest.raises(CouldNotObserve) as caught:
                ask()
            assert caught.value.trouble is trouble
            assert caught.value.hint


@pytest.mark.parametrize(
    ("server", "trouble"),
    [
        (misbehaving.refuses, Trouble.REFUSED),
        (misbehaving.silent, Trouble.TIMED_OUT),
        (misbehaving.trickles_headers, Trouble.TIMED_OUT),
        (lambda: misbehaving.redirects_to("https://login.example/"), Trouble.FOREIGN_REDIRECT),
    ],
)
def test_no_answer(
    server: Callable[[], AbstractContextManager[misbehaving.Server]], trouble: Trouble, make_http: MakeHttp
) -> None:
    with server() as running, pytest.raises(CouldNotObserve) as caught:
        Grafana(make_http(timeout_seconds=0.3), running.url).health()
    assert caught.value.trouble is trouble
