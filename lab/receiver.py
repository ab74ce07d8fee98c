"""The lab's stand-in for pager, chat and mail: keeps every notification that Alertmanager sends.

`python -m lab.receiver --port P --file F`. `POST /<receiver>` keeps a notification,
`GET /notifications?since=UNIX_SECONDS` gives those kept after that moment, `GET /ready` answers 200. Under
`/elsewhere` it answers as a Prometheus that watches nothing does, for a data source that leads astray. Each line of the
file is one notification: `{"number", "at", "receiver", "payload"}` with `at` in Unix seconds. What the file already
holds is kept and answered.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

RECEIVERS: Final = frozenset({"pager", "chat", "mail", "canary"})
KEPT_MAX: Final = 5_000
"""Notifications that are answered; the file has all of them."""
_BODY_BYTES_MAX: Final = 4 * 1024 * 1024


class Notifications:
    """The notifications kept so far, in memory and in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept: deque[dict[str, Any]] = deque(maxlen=KEPT_MAX)
        self._number = 0
        if file.exists():
            for line in file.read_text(encoding="utf-8").splitlines():
                try:
                    self._kept.append(json.loads(line))
                except ValueError:
                    continue  # a line cut short when the receiver was killed
            self._number = max((entry["number"] for entry in self._kept), default=0)

    def keep(self, receiver: str, payload: Any) -> None:
        """Keep a notification; it is in the file when this returns."""
        self._number += 1
        entry = {"number": self._number, "at": time.time(), "receiver": receiver, "payload": payload}
        with self._file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(entry, separators=(",", ":")) + "\n")
        self._kept.append(entry)

    def since(self, at: float) -> list[dict[str, Any]]:
        """Give the notifications kept after a moment (Unix seconds), oldest first."""
        return [entry for entry in self._kept if entry["at"] > at]


def application(file: Path) -> Starlette:
    """Build the receiver that keeps its notifications in `file`."""
    notifications = Notifications(file)

    async def keep(request: Request) -> Response:
        receiver = request.path_params["receiver"]
        if receiver not in RECEIVERS:
            return JSONResponse({"error": f"no receiver is named {receiver!r}"}, status_code=404)
        if int(request.headers.get("content-length") or 0) > _BODY_BYTES_MAX:
            return JSONResponse({"error": "the notification is too large"}, status_code=413)
        try:
            payload = await request.json()
        except ValueError:
            return JSONResponse({"error": "the notification is not JSON"}, status_code=400)
        notifications.keep(receiver, payload)
        return PlainTextResponse("ok")  # what Slack says: Alertmanager counts another answer as a failure

    async def kept(request: Request) -> Response:
        try:
            since = float(request.query_params.get("since", "0"))
        except ValueError:
            return JSONResponse({"error": "since is a number of Unix seconds"}, status_code=400)
        return JSONResponse({"notifications": notifications.since(since)})

    async def elsewhere(_: Request) -> Response:
        return JSONResponse({"status": "success", "data": {"resultType": "vector", "result": []}})

    async def ready(_: Request) -> Response:
        return JSONResponse({"ready": True})

    return Starlette(
        routes=[
            Route("/notifications", kept, methods=["GET"]),
            Route("/ready", ready, methods=["GET"]),
            Route("/elsewhere/api/v1/query", elsewhere, methods=["GET"]),
            Route("/{receiver}", keep, methods=["POST"]),
        ]
    )


def main() -> None:
    """Serve until SIGTERM."""
    # Not needed by those who only build the application.
    import uvicorn  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="python -m lab.receiver", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--file", type=Path, required=True)
    arguments = parser.parse_args()
    uvicorn.run(
        application(arguments.file),
        host="127.0.0.1",
        port=arguments.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
