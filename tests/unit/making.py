"""Makes what judges judge: promises, answers, pages, scrapes; plain data without a server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from selfcheck.clients.http import Answer
from selfcheck.exposition import ProcessIdentity, identity, parse
from selfcheck.replicas import Scrape
from selfcheck.target import Page

if TYPE_CHECKING:
    from selfcheck.contract import Model

    M = TypeVar("M", bound=Model)

NOW = 1_700_000_000.0
"""When every made answer was asked for: 2023-11-14T22:13:20Z."""

PLACE = {"where": "GET http://prometheus/api", "reproduce": "curl http://prometheus/api"}
COMMON = {"id": "area.promise", "says": "a promise for tests", "runbook": "r.md", "owner": "team", "severity": "info"}


def promise(model: type[M], **fields: Any) -> M:
    """Make a promise; only what the case is about needs to be said."""
    return model.model_validate({**COMMON, **fields})


def answer(
    body: object = b"",
    *,
    status: int = 200,
    content_type: str | None = "application/json",
    seconds: float = 0.01,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Answer:
    """Make an answer; what is not bytes becomes JSON."""
    named = {} if content_type is None else {"content-type": content_type}
    return Answer(
        asked="GET http://platform/page",
        url="http://platform/page",
        status=status,
        headers=httpx.Headers({**named, **(headers or {})}),
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        elapsed_seconds=seconds,
        asked_at=NOW,
        **more,
    )


def page(body: object = b"", *, who: str = "", **more: Any) -> Page:
    """Make a page, of the load balancer unless it names a replica."""
    return Page(who, answer(body, **more))


def scrape(text: str, *, replica: str = "one", process: ProcessIdentity | None = None, asked_at: float = NOW) -> Scrape:
    """Make a reading of one process' metrics page; the process tells itself unless one is given."""
    exposition = parse(text)
    made = Answer(
        asked=f"GET http://{replica}/metrics",
        url=f"http://{replica}/metrics",
        status=200,
        headers=httpx.Headers({"content-type": "text/plain"}),
        body=text.encode(),
        elapsed_seconds=0.01,
        asked_at=asked_at,
    )
    return Scrape(replica, made, exposition, process or identity(exposition))
