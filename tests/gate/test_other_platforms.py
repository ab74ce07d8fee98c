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
from tests.gate import running
from tests.labs import free_lab
from tools.proving import wait_until_green

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.supervisor import Lab

pytestmark = [pytest.mark.lab, pytest.mark.slow]

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
    if name == PROMETHEUS:
        ports = lab.ports
        text = Template(text).substitute(
            replicas=", ".join(f'"{HOST}:{ports.replica(replica)}"' for replica in REPLICAS),
            alertmanager=f"{HOST}:{ports.alertmanager}",
            prometheus=f"{HOST}:{ports.prometheus}",
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
        wait_until_green(healthy)
        yield healthy


def test_another_team_s_platform_is_green(lab: Lab, tmp_path: Path) -> None:
    ran = running.run(tmp_path, timeout_seconds=180.0, settings=lab.environment(), whole=True)
    assert ran.code == 0, ran.stdout


def test_a_store_that_has_less_of_the_api_is_not_covered_there(lab: Lab, tmp_path: Path) -> None:
    """Thanos, Mimir and VictoriaMetrics know nothing of targets, flags or configuration."""
    environment = lab.environment()
    with store(environment["SELF_CHECK_PROMETHEUS_URL"]) as url:
        settings = environment | {"SELF_CHECK_PROMETHEUS_URL": url}
        ran = running.run(tmp_path, timeout_seconds=180.0, settings=settings, whole=True)
    assert ran.code == 0, ran.stdout
    assert "prometheus.replicas_scraped" in ran.ids("NOT COVERED")
    assert "this server has no such endpoint" in ran.text
    assert "prometheus.platform_error_ratio" in ran.ids("PASS")
