"""The lab's stand-in for Grafana, by itself and in a lab."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from lab.configuration import BOARDS
from lab.ports import HOST
from selfcheck.waiting import NotYet, wait_until
from tools import observability_status
from tools.proving import environment_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.supervisor import Lab

pytestmark = pytest.mark.lab

REPOSITORY = Path(__file__).parent.parent.parent
TOKEN = "glsa-token"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@contextmanager
def stand_in(folder: Path, log: Path) -> Iterator[httpx.Client]:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "lab.boards", "--port", str(port), "--folder", str(folder)]
    environment = {**os.environ, "GRAFANA_TOKEN": TOKEN, "PROMETHEUS_URL": "http://127.0.0.1:9"}
    with log.open("wb") as stream:
        process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stderr=stream)
        try:
            with httpx.Client(base_url=f"http://{HOST}:{port}", trust_env=False) as client:

                def ready() -> bool:
                    try:
                        return client.get("/api/health").status_code == 200
                    except httpx.ConnectError as error:
                        raise NotYet(str(error)) from None

                wait_until(ready, timeout_seconds=20, what="the stand-in to be ready")
                client.headers.update(HEADERS)
                yield client
        finally:
            process.terminate()
            process.wait(timeout=10)


def test_it_serves_what_is_in_the_folder(tmp_path: Path) -> None:
    with stand_in(BOARDS, tmp_path / "log") as grafana:
        assert grafana.get("/api/health").json()["database"] == "ok"
        found = grafana.get("/api/search", params={"limit": 2, "page": 2}).json()
        assert [each["uid"] for each in found] == ["observability", "performance"]
        assert grafana.get("/api/search", params={"query": "slo"}).json()[0]["uid"] == "slo"
        overview = grafana.get("/api/dashboards/uid/observability").json()
        assert overview["meta"]["provisioned"]
        assert overview["dashboard"]["panels"][0]["title"] == "Platform Error Rates"
        assert grafana.get("/api/dashboards/uid/nothing").status_code == 404
        (source,) = grafana.get("/api/datasources").json()
        assert (source["uid"], source["url"]) == ("prometheus", "http://127.0.0.1:9")
        assert grafana.get("/api/datasources/uid/prometheus/health").json()["status"] == "ERROR"
        assert grafana.get("/api/datasources/uid/nothing/health").status_code == 404
        assert grafana.get("/api/datasources/proxy/uid/prometheus/api/v1/query").status_code == 502
        assert grafana.get("/api/datasources/proxy/uid/nothing/api/v1/query").status_code == 404
        # Nobody is let in without the token, but to the health page.
        for given, message in (("", "Unauthorized"), ("Bearer x", "Invalid API key")):
            refused = grafana.get("/api/search", headers={"Authorization": given})
            assert (refused.status_code, refused.json()["message"]) == (401, message)
            assert grafana.get("/api/health", headers={"Authorization": given}).status_code == 200


def test_what_cannot_be_used_is_left_out_until_it_is_mended(tmp_path: Path) -> None:
    folder = tmp_path / "grafana/dashboards"
    folder.mkdir(parents=True)
    for name, uid in (("a", "a"), ("b", "twice"), ("c", "twice")):
        (folder / f"{name}.json").write_text(json.dumps({"uid": uid, "title": name, "panels": []}))
    (folder / "d.json").write_text("{")
    with stand_in(folder.parent, tmp_path / "log") as grafana:
        assert [each["uid"] for each in grafana.get("/api/search").json()] == ["a"]
        (folder / "c.json").unlink()
        assert [each["uid"] for each in grafana.get("/api/search").json()] == ["a"]
        reloaded = grafana.post("/api/admin/provisioning/dashboards/reload")
        assert reloaded.json() == {"message": "Dashboards config reloaded"}
        assert [each["uid"] for each in grafana.get("/api/search").json()] == ["a", "twice"]
    said = (tmp_path / "log").read_text(encoding="utf-8")
    assert "failed to load dashboard from d.json" in said
    assert "the same UID is used more than once: twice" in said


def test_the_labs_variables_lead_to_it(lab: Lab) -> None:
    variables = lab.environment()
    url, token = variables["SELF_CHECK_GRAFANA_URL"], variables["SELF_CHECK_GRAFANA_TOKEN"]
    answer = httpx.get(f"{url}/api/datasources/uid/prometheus/health", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["status"] == "OK"


def test_the_status_of_a_healthy_lab_and_of_one_without_grafana(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lab.settled()
    with environment_of(lab):
        code = observability_status.main()
        said = capsys.readouterr().out
        assert code == 0, said
        assert "3 of 3 replicas up" in said
        assert "alerts: 0 firing, 0 pending" in said
        assert "all is well (exit code 0)" in said
        assert max(map(len, said.splitlines())) <= 80
        assert all(secret not in said for name, secret in lab.environment().items() if name.endswith(("KEY", "TOKEN")))
        lab.process("grafana").stop()
        try:
            code = observability_status.main()
        finally:
            lab.process("grafana").start()
    said = capsys.readouterr().out
    assert code == 1, said
    assert "something is wrong: grafana is down (exit code 1)" in said
