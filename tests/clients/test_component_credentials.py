"""Credentials of Prometheus, Alertmanager and Grafana: each goes to its component alone, over TLS with a client."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from selfcheck import components, contract, settings
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.run import close, open_run
from tests import misbehaving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selfcheck.run import Run

BUILD = {"version": "2.50.0", "revision": "r", "branch": "b", "goVersion": "go"}
BODY = json.dumps({"status": "success", "data": BUILD, "database": "ok", "version": "11"}).encode()
TOKEN = "hunter22-of-prometheus"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[misbehaving.Server]:
    """A server for all components that wants to see a client's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    reply = misbehaving.answer(200, BODY, content_type="application/json")
    with misbehaving.answering(lambda _: reply, tls=context) as running:
        yield running


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> Path:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    client = authority.issue_cert("gate@example.com")
    client.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    client.private_key_pem.write_to_path(tmp_path / "client.key")
    return tmp_path


def opened(monkeypatch: pytest.MonkeyPatch, **variables: object) -> Run:
    monkeypatch.chdir(contract.DEFAULT_CONTRACT)  # no `.env` there
    for name, value in variables.items():
        monkeypatch.setenv(f"SELF_CHECK_{name}", str(value))
    return open_run(settings.read(), contract.load())


def test_each_header_goes_to_its_component_alone(
    server: misbehaving.Server, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opened(
        monkeypatch,
        PROMETHEUS_URL=f"{server.url}/prometheus",
        ALERTMANAGER_URL=f"{server.url}/alertmanager",
        GRAFANA_URL=f"https://viewer:secret-word@127.0.0.1:{server.port}/grafana",
        PROMETHEUS_HEADER=f"Authorization: Bearer {TOKEN}",
        ALERTMANAGER_HEADER="X-Scope-OrgID: the-team-of-ours",
        CA_FILE=files / "ca.pem",
        CLIENT_CERTIFICATE=files / "client.pem",
        CLIENT_KEY=files / "client.key",
    )
    assert run.target.prometheus is not None
    assert run.target.prometheus.build_info().version == "2.50.0"
    with pytest.raises(CouldNotObserve):  # what answers is no Alertmanager
        components.alertmanager(run.target).status()
    components.grafana(run.target).health()
    close(run)
    asked = {request.split(b" ", 2)[1].split(b"/")[1].decode(): request.lower() for request in server.requests}
    assert TOKEN.encode() in asked["prometheus"]
    assert b"x-scope-orgid: the-team-of-ours" in asked["alertmanager"]
    assert b"authorization: basic" in asked["grafana"]
    assert sum(TOKEN.encode() in request for request in server.requests) == 1
    assert sum(b"the-team-of-ours" in request for request in server.requests) == 1


def test_without_a_certificate_the_server_refuses(
    server: misbehaving.Server, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opened(monkeypatch, PROMETHEUS_URL=server.url, CA_FILE=files / "ca.pem")
    assert run.target.prometheus is not None
    with pytest.raises(CouldNotObserve) as caught:
        run.target.prometheus.build_info()
    close(run)
    assert caught.value.trouble in (Trouble.TLS, Trouble.BROKEN_OFF)


def test_secrets_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    run = opened(monkeypatch, PROMETHEUS_HEADER=f"Authorization: Bearer {TOKEN}", GRAFANA_HEADER="X-Key: also-secret")
    close(run)
    assert run.clean(f"the token {TOKEN} and also-secret") == "the token *** and ***"
    assert TOKEN not in repr(run.settings)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"PROMETHEUS_HEADER": "Bearer x"}, "SELF_CHECK_PROMETHEUS_HEADER is not a header"),
        ({"GRAFANA_HEADER": "X-Key: a\nX-Other: b"}, "SELF_CHECK_GRAFANA_HEADER is not a header"),
        ({"CLIENT_CERTIFICATE": "/nowhere.pem"}, "SELF_CHECK_CLIENT_CERTIFICATE: there is no file '/nowhere.pem'"),
        ({"CLIENT_KEY": __file__}, "SELF_CHECK_CLIENT_KEY needs SELF_CHECK_CLIENT_CERTIFICATE"),
    ],
)
def test_mistakes_are_named(variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(settings.SettingsError) as caught:
        opened(monkeypatch, **variables)
    assert said in str(caught.value)
    assert "Bearer x" not in str(caught.value)
