"""Running the reference platform for tests: the real apps in threads, Redis as a process, all on free ports."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn
from prometheus_client.parser import text_string_to_metric_families

from lab.reference.app import SERVER_OPTIONS, create_app
from lab.reference.providers import ENGINES
from lab.reference.providers import create_app as create_engine
from lab.reference.settings import Settings
from selfcheck.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from starlette.types import ASGIApp

API_KEY = "key-of-one"
OTHER_API_KEY = "key-of-another"
ADMIN_TOKEN = "token-of-the-admin"


# Loading the certificates of the world takes longer than starting a replica, and nothing here speaks TLS.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve an ASGI app in a thread; yields its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, **SERVER_OPTIONS))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, timeout_seconds=10, what="the app to start", interval_seconds=0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
        assert not thread.is_alive()


def asking(url: str) -> httpx.Client:
    """Make a client for a server on loopback."""
    return httpx.Client(base_url=url, timeout=20, trust_env=False, verify=NO_TLS)


@dataclass(frozen=True)
class Replica:
    """A running replica and what it was started with."""

    client: httpx.Client
    settings: Settings

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask with the API key and the admin token."""
        return self.client.get(path, headers=headers or {"X-API-Key": API_KEY, "X-Admin-Token": ADMIN_TOKEN})

    def ocr(self, content: bytes, provider: str = "paddle", **headers: str) -> dict[str, Any]:
        """Have a drawing read; the answer must be a 200."""
        answer = self.client.post(
            "/api/v1/ocr/extract",
            params={"provider": provider},
            files={"file": ("file", content)},
            headers={"X-API-Key": API_KEY} | headers,
        )
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def post(self, path: str, body: Any, *, key: str | None = API_KEY) -> httpx.Response:
        """Send JSON."""
        return self.client.post(path, json=body, headers={} if key is None else {"X-API-Key": key})

    def classify(self, content: bytes, key: str = API_KEY) -> httpx.Response:
        """Have a part classified."""
        return self.client.post("/classify", files={"file": ("part.dxf", content)}, headers={"X-API-Key": key})

    def samples(self) -> dict[str, float]:
        """Give every sample of the metrics page: name and labels as on the page, labels sorted."""
        found = {}
        for family in text_string_to_metric_families(self.client.get("/metrics/").text):
            for sample in family.samples:
                labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
                found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
        return found

    def moved(self, before: Mapping[str, float], *families: str) -> dict[str, float]:
        """Give the samples of some families that changed, `_created` left out, and by how much."""
        return {
            name: value - before.get(name, 0.0)
            for name, value in self.samples().items()
            if name.startswith(families) and "_created" not in name and value != before.get(name, 0.0)
        }


@contextmanager
def replica(**settings: Any) -> Iterator[Replica]:
    """Run a replica; yields it once it is ready."""
    # The engines share this process and its one interpreter lock: on a busy machine they take their time.
    patient: dict[str, Any] = {
        "api_keys": (API_KEY, OTHER_API_KEY),
        "admin_token": ADMIN_TOKEN,
        "dependency_timeout_seconds": 5.0,
    }
    chosen = Settings(**patient | settings)
    with serving(create_app(chosen)) as url, asking(url) as client:
        running = Replica(client, chosen)
        wait_until(
            lambda: client.get("/ready").status_code == 200,
            timeout_seconds=10,
            what="the replica to be ready",
            interval_seconds=0.02,
        )
        yield running


@contextmanager
def engines() -> Iterator[dict[str, str]]:
    """Run the three engines; yields their URLs by provider."""
    with (
        serving(create_engine(ENGINES["paddle"])) as paddle,
        serving(create_engine(ENGINES["deepseek_hf"])) as deepseek,
        serving(create_engine(ENGINES["vision"])) as vision,
    ):
        yield {"paddle": paddle, "deepseek_hf": deepseek, "vision": vision}


class Redis:
    """A Redis server that can be stopped and started again, without its data."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL)

        def listens() -> bool:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True

        wait_until(listens, timeout_seconds=10, what="Redis to listen", interval_seconds=0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)
            self._process = None
