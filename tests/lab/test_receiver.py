"""The receiver keeps what Alertmanager sends."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from lab.ports import HOST
from selfcheck.waiting import wait_until

pytestmark = pytest.mark.lab

REPOSITORY = Path(__file__).parent.parent.parent


@contextmanager
def receiver(file: Path) -> Iterator[httpx.Client]:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "lab.receiver", "--port", str(port), "--file", str(file)]
    process = subprocess.Popen(command, cwd=REPOSITORY)
    try:
        with httpx.Client(base_url=f"http://{HOST}:{port}", trust_env=False) as client:
            wait_until(
                lambda: client.get("/ready").json()["ready"], timeout_seconds=20, what="the receiver to be ready"
            )
            yield client
    finally:
        process.terminate()
        process.wait(timeout=10)


def test_notifications_are_kept_answered_and_outlive_the_receiver(tmp_path: Path) -> None:
    file = tmp_path / "receiver.jsonl"
    with receiver(file) as client:
        assert client.get("/notifications").json() == {"notifications": []}
        assert client.post("/pager", json={"status": "firing"}).text == "ok"
        first = client.get("/notifications").json()["notifications"]
        assert client.post("/chat", json={"status": "resolved"}).text == "ok"
        later = client.get("/notifications", params={"since": first[0]["at"]}).json()["notifications"]
        # What makes no sense is refused and not kept.
        assert client.post("/nobody", json={}).status_code == 404
        assert client.post("/pager", content=b"{").status_code == 400
        assert client.get("/notifications", params={"since": "yesterday"}).status_code == 400
    assert [(entry["receiver"], entry["payload"]["status"]) for entry in first] == [("pager", "firing")]
    assert [entry["receiver"] for entry in later] == ["chat"]
    assert [json.loads(line)["number"] for line in file.read_text(encoding="utf-8").splitlines()] == [1, 2]

    with file.open("a", encoding="utf-8") as stream:
        stream.write('{"number": 3, "at"')  # cut short by a kill
    with receiver(file) as client:
        assert client.get("/notifications").json()["notifications"] == [*first, *later]
