"""Requests that a platform's rate limit refuses are sent again, as long as the run is patient."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from selfcheck.clients.http import Answer
from selfcheck.clients.platform import Sending
from tests.clients.looking import opened

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def limited(per_window: int, window_seconds: float) -> Iterator[str]:
    """A platform by its URL, with one allowance for all; whoever is refused is told to wait for the next free place."""
    served: list[float] = []
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            now = time.monotonic()
            with lock:
                free = sum(now - each < window_seconds for each in served) < per_window
                if free:
                    served.append(now)
            self.send_response(200 if free else 429)
            self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("waits", "statuses"),
    [
        (True, [200] * 3),  # one of the three has its turn at once, the others one by one
        (False, [200, 429, 429]),
    ],
)
def test_a_window_has_room_for_one_at_a_time(waits: bool, statuses: list[int]) -> None:  # noqa: FBT001 - a case
    with limited(1, 0.5) as url, opened({"base_url": url, "api_key": "a-key"}) as target:
        act = target.contract.act("classify_the_same_part")
        answers = target.platform.send_each([Sending(act, waits=waits) for _ in range(3)])
        assert sorted(answer.status for answer in answers if isinstance(answer, Answer)) == statuses


def test_patience_ends() -> None:
    """Nobody is served again: the run goes on with the refusals."""
    with limited(1, 3600.0) as url, opened({"base_url": url, "api_key": "a-key"}) as target:
        act = target.contract.act("classify_the_same_part")
        answers = target.platform.send_each([Sending(act) for _ in range(2)])
        assert sorted(answer.status for answer in answers if isinstance(answer, Answer)) == [200, 429]
