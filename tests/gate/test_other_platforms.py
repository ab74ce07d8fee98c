"""A platform that is well, but was set up by others (rules, names, receivers, jobs, stores) raises no alarm."""

from __future__ import annotations

import contextlib
import http.server
import threading
import urllib.error
import urllib.request
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from lab.configuration import ALERTMANAGER, PROMETHEUS, REPLICAS, dumped, parsed, rule_files
from lab.ports import HOST
from lab.scaling import scaled_yaml
from selfcheck.waiting import NotYet, wait_until
from tests.gate import running
from tests.gate.contracts import contract_with
from tests.labs import free_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.supervisor import Lab

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.xdist_group("foreign")]

BOARDS = "SELF_CHECK_DASHBOARDS"
FOREIGN = Path(__file__).parent / "foreign"

STORE_HAS = (
    "/api/v1/query",
    "/api/v1/query_range",
    "/api/v1/series",
    "/api/v1/labels",
    "/api/v1/label/",
    "/api/v1/rules",
)
"""What a compatible store has of Prometheus' API; the rest is not found."""


def foreign(lab: Lab, name: str) -> str:
    """Give one of the other team's files with the lab's addresses and timings."""
    text = (FOREIGN / name).read_text(encoding="utf-8")
    if name in (PROMETHEUS, ALERTMANAGER):
        ports = lab.ports
        text = Template(text).substitute(
            replicas=", ".join(f'"{HOST}:{ports.replica(replica)}"' for replica in REPLICAS),
            alertmanager=f"{HOST}:{ports.alertmanager}",
            prometheus=f"{HOST}:{ports.prometheus}",
            receiver=ports.url("receiver"),
        )
    return dumped(scaled_yaml(parsed(text), lab.scale))


@contextlib.contextmanager
def store(prometheus: str) -> Iterator[str]:
    """Serve a part of a Prometheus' API, as a store behind it would; gives the URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, kind, body = 404, "text/plain", b"404 page not found\n"
            if urlsplit(self.path).path.startswith(STORE_HAS):
                try:
                    with urllib.request.urlopen(prometheus + self.path, timeout=10) as answer:  # noqa: S310 - the lab's
                        status, kind, body = answer.status, answer.headers["content-type"], answer.read()
                except urllib.error.HTTPError as error:
                    status, kind, body = error.code, error.headers["content-type"], error.read()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab whose Prometheus and Alertmanager are configured by somebody else."""
    with free_lab(tmp_path_factory.mktemp("foreign")) as healthy:
        for number, name in enumerate(rule_files()):
            healthy.write_configuration(name, "groups: []\n" if number else foreign(healthy, "rules.yml"))
        for name in (PROMETHEUS, ALERTMANAGER):
            healthy.write_configuration(name, foreign(healthy, name))
        healthy.reload_prometheus()
        healthy.reload_alertmanager()
        wait_until(lambda: _settled(healthy), timeout_seconds=120, what="the rules to have values")
        yield healthy


def _settled(lab: Lab) -> bool:
    """Tell that every signal has a value and no alert waits for its time; raises `NotYet` with what is amiss."""
    groups = lab.prometheus("/api/v1/rules")["data"]["groups"]
    recorded = {rule["name"] for group in groups for rule in group["rules"] if rule["type"] == "recording"}
    empty = sorted(name for name in recorded if not lab.query(name))
    alerts = [(alert["labels"], alert["value"]) for alert in lab.prometheus("/api/v1/alerts")["data"]["alerts"]]
    if empty or alerts:
        raise NotYet(f"no value: {', '.join(empty) or 'none'}; alerts: {alerts or 'none'}")
    return True


@pytest.fixture
def settings(lab: Lab, tmp_path: Path) -> dict[str, str]:
    """The settings for the gate, in an environment that nobody knows; this team has no dashboards."""
    contract = contract_with(tmp_path / "contract", {"platform.toml": ("environments.local", "environments.elsewhere")})
    own = {"SELF_CHECK_ENVIRONMENT": "elsewhere", "SELF_CHECK_CONTRACT": str(contract)}
    return {name: value for name, value in lab.environment().items() if "GRAFANA" not in name and name != BOARDS} | own


def test_another_team_s_platform_is_green(settings: dict[str, str], tmp_path: Path) -> None:
    ran = running.run(tmp_path, timeout_seconds=180.0, settings=settings, whole=True)
    assert ran.code == 0, ran.stdout


def test_a_store_that_has_less_of_the_api_is_not_covered_there(settings: dict[str, str], tmp_path: Path) -> None:
    """Thanos, Mimir and VictoriaMetrics know nothing of targets, flags or configuration."""
    with store(settings["SELF_CHECK_PROMETHEUS_URL"]) as url:
        behind = settings | {"SELF_CHECK_PROMETHEUS_URL": url}
        ran = running.run(tmp_path, timeout_seconds=180.0, settings=behind, whole=True)
    assert ran.code == 0, ran.stdout
    assert "prometheus.replicas_scraped" in ran.ids("NOT COVERED")
    assert "this server has no such endpoint" in ran.text
    assert "prometheus.platform_error_ratio" in ran.ids("PASS")
