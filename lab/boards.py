"""The lab's stand-in for Grafana: serves provisioned dashboards and data sources by Grafana's HTTP API.

`python -m lab.boards --port P --folder F`, with a service account's token in GRAFANA_TOKEN. What is in
`F/provisioning/datasources` and `F/dashboards` is read at the start and at each reload, by Grafana's rules: a file that
is not JSON is left out, and so are all dashboards of a uid that is used twice. `$NAME` in a data source is taken from
the environment. It draws nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Final

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab import configuration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

TOKEN: Final = "GRAFANA_TOKEN"  # noqa: S105 - the name of the variable
VERSION: Final = "stand-in"
_FOLDER: Final = "CAD ML Platform"
_ASK_TIMEOUT_SECONDS: Final = 2.0
_LIMIT: Final = 1000


class Provisioned:
    """What was read from the folder at the last reload: dashboards by uid, and data sources."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.sources: list[dict[str, Any]] = []

    def read(self) -> None:
        """Read everything anew; what cannot be used is left out and said."""
        found: list[dict[str, Any]] = []
        for path in sorted((self._folder / "dashboards").glob("**/*.json")):
            try:
                found.append(json.loads(path.read_text(encoding="utf-8")))
            except ValueError as error:
                _say(f"failed to load dashboard from {path.name}: {error}")
        uses = Counter(str(dashboard.get("uid")) for dashboard in found)
        for uid in sorted(uid for uid, count in uses.items() if count > 1):
            _say(f"the same UID is used more than once: {uid}")
        self.dashboards = {dashboard["uid"]: dashboard for dashboard in found if uses[str(dashboard.get("uid"))] == 1}
        self.sources = [
            self._source(number, source)
            for path in sorted((self._folder / "provisioning/datasources").glob("*.yml"))
            for number, source in enumerate(configuration.parsed(path.read_text(encoding="utf-8"))["datasources"], 1)
        ]

    def _source(self, number: int, source: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": number,
            "uid": source.get("uid", f"P{number:016X}"),
            "orgId": 1,
            "name": source["name"],
            "type": source["type"],
            "access": source.get("access", "proxy"),
            "url": Template(source.get("url", "")).safe_substitute(self._environment),
            "isDefault": source.get("isDefault", False),
            "jsonData": source.get("jsonData", {}),
            "readOnly": True,
        }

    def named(self, uid: str) -> dict[str, Any] | None:
        """Give the data source with a uid."""
        return next((each for each in self.sources if each["uid"] == uid), None)

    # These two are no coroutines: they wait for another server, in a thread of their own.
    def source_health(self, request: Request) -> Response:
        """Try a data source."""
        source = self.named(request.path_params["uid"])
        if source is None:
            return JSONResponse({"message": "Data source not found"}, 404)
        try:
            answer = httpx.get(
                f"{source['url']}/api/v1/query",
                params={"query": "1+1"},
                timeout=_ASK_TIMEOUT_SECONDS,
                trust_env=False,
            )
            answer.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return JSONResponse({"status": "ERROR", "message": f"{error} - There was an error returned"}, 400)
        return JSONResponse({"status": "OK", "message": "Successfully queried the Prometheus API."})

    def source_query(self, request: Request) -> Response:
        """Pass a question on to a data source, and its answer back."""
        source = self.named(request.path_params["uid"])
        if source is None:
            return JSONResponse({"message": "Data source not found"}, 404)
        url, asked = f"{source['url']}/{request.path_params['path']}", dict(request.query_params)
        try:
            answer = httpx.get(url, params=asked, timeout=_ASK_TIMEOUT_SECONDS, trust_env=False)
        except (httpx.HTTPError, httpx.InvalidURL):
            return Response(status_code=502)
        return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))


class _Authenticated:
    """Lets nobody in without the token, but to the health page."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope.get("headers", ())).get(b"authorization", b"").decode("latin-1")
        if scope["type"] != "http" or scope["path"] == "/api/health" or given == f"Bearer {self._token}":
            await self._app(scope, receive, send)
            return
        kind, message = ("api-key.invalid", "Invalid API key") if given else ("auth.unauthorized", "Unauthorized")
        answer = JSONResponse({"message": message, "messageId": kind, "statusCode": 401, "traceID": ""}, 401)
        await answer(scope, receive, send)


def application(folder: Path, token: str, environment: Mapping[str, str] = os.environ) -> Starlette:
    """Build the stand-in that serves what is in `folder`."""
    provisioned = Provisioned(folder, environment)
    provisioned.read()

    async def health(_: Request) -> Response:
        return JSONResponse({"commit": "none", "database": "ok", "version": VERSION})

    async def search(request: Request) -> Response:
        asked = request.query_params
        found = [
            _found(number, dashboard)
            for number, dashboard in enumerate(provisioned.dashboards.values(), 1)
            if asked.get("query", "").lower() in dashboard["title"].lower()
        ]
        limit, page = int(asked.get("limit", _LIMIT)), int(asked.get("page", 1))
        return JSONResponse(found[(page - 1) * limit : page * limit])

    async def dashboard(request: Request) -> Response:
        found = provisioned.dashboards.get(request.path_params["uid"])
        if found is None:
            return JSONResponse({"accessErrorId": "", "message": "Dashboard not found", "title": "Not found"}, 404)
        meta = {"type": "db", "version": 1, "folderTitle": _FOLDER, "provisioned": True}
        return JSONResponse({"meta": meta, "dashboard": {"id": 1, **found}})

    async def sources(_: Request) -> Response:
        return JSONResponse(provisioned.sources)

    async def reload(request: Request) -> Response:
        provisioned.read()
        return JSONResponse({"message": f"{request.path_params['what'].capitalize()} config reloaded"})

    return Starlette(
        routes=[
            Route("/api/health", health),
            Route("/api/search", search),
            Route("/api/dashboards/uid/{uid}", dashboard),
            Route("/api/datasources", sources),
            Route("/api/datasources/uid/{uid}/health", provisioned.source_health),
            Route("/api/datasources/proxy/uid/{uid}/{path:path}", provisioned.source_query),
            Route("/api/admin/provisioning/{what}/reload", reload, methods=["POST"]),
        ],
        middleware=[Middleware(_Authenticated, token=token)],
    )


def _found(number: int, dashboard: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": number,
        "uid": dashboard["uid"],
        "title": dashboard["title"],
        "url": f"/d/{dashboard['uid']}",
        "type": "dash-db",
        "tags": dashboard.get("tags", []),
        "folderTitle": _FOLDER,
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Serve until SIGTERM."""
    # Not needed by those who only build the application.
    import uvicorn  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="python -m lab.boards", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    uvicorn.run(
        application(arguments.folder, os.environ[TOKEN]),
        host="127.0.0.1",
        port=arguments.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
