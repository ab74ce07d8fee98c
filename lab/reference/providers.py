"""The recognition engines as HTTP services: `python -m lab.reference.providers --kind paddle --port 8101`.

`POST /v1/read` and, for vision, `POST /v1/describe` take a drawing as the body and answer JSON; 422 when it cannot be
read as an image. `GET /healthz` answers 200 once the model, here the table of characters, is loaded.
"""

import argparse
import asyncio
import logging
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from lab.reference import reader

_BODY_MAX_BYTES: Final = 16 * 1024 * 1024
_GRACE_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class Engine:
    """What tells the engines apart; the reader is the same.

    `trust` scales the confidence, `pause_seconds` is waited with each reading.
    """

    kind: str
    model: str
    trust: float
    pause_seconds: float
    describes: bool = False


ENGINES: Final[Mapping[str, Engine]] = {
    engine.kind: engine
    for engine in (
        Engine("paddle", "paddle-ocr-lab", trust=0.98, pause_seconds=0.01),
        Engine("deepseek_hf", "deepseek-ocr-lab", trust=0.95, pause_seconds=0.03),
        Engine("vision", "vision-lab", trust=0.96, pause_seconds=0.02, describes=True),
    )
}


class TooLargeError(Exception):
    """The body is larger than the engine takes."""


def create_app(engine: Engine) -> Starlette:
    """Build the ASGI app of an engine."""
    # One core's worth of work at a time: more at once would only make all of them late.
    one_at_a_time = asyncio.Semaphore(1)

    async def healthz(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "model": engine.model})

    async def answer(request: Request) -> JSONResponse:
        try:
            content = await _body(request)
            async with one_at_a_time:
                text = await asyncio.to_thread(reader.read, content, request.headers.get("content-type", ""))
        except TooLargeError:
            return JSONResponse({"error": "the file is too large"}, status_code=413)
        except reader.UnreadableError:
            return JSONResponse({"error": "the file is not a readable image"}, status_code=422)
        await asyncio.sleep(engine.pause_seconds)
        found = reader.parse(text)
        reading = {"confidence": round(text.confidence * engine.trust, 4), "lines": list(text.lines), **found}
        if request.url.path == "/v1/describe":
            reading |= describe(text, found)
        return JSONResponse(reading | {"model": engine.model})

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        reader.load()
        yield

    routes = [Route("/healthz", healthz), Route("/v1/read", answer, methods=["POST"])]
    if engine.describes:
        routes.append(Route("/v1/describe", answer, methods=["POST"]))
    return Starlette(routes=routes, lifespan=lifespan)


def describe(text: reader.Text, found: Mapping[str, Any]) -> dict[str, Any]:
    """Put a reading into words: `summary`, one sentence, and `details`, one sentence each."""
    block, dimensions = found["title_block"], found["dimensions"]
    if not text.lines:
        return {"summary": "No text can be read in this image.", "details": []}
    title = block.get("title", "part without a title").lower()
    kinds = Counter(dimension["type"] for dimension in dimensions)
    details = [f"{count} {kind} dimension{'s' if count > 1 else ''}" for kind, count in sorted(kinds.items())]
    details += [f"{key.replace('_', ' ')}: {value}" for key, value in sorted(block.items())]
    details.append(f"{len(text.lines)} lines of text")
    number = f", part {block['part_number']}" if "part_number" in block else ""
    plural = "" if len(dimensions) == 1 else "s"
    return {
        "summary": f"Technical drawing of a {title}{number}, with {len(dimensions)} dimension{plural}.",
        "details": details,
    }


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_MAX_BYTES:
            raise TooLargeError
    return bytes(body)


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.reference.providers", description=__doc__)
    parser.add_argument("--kind", choices=sorted(ENGINES), required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    uvicorn.run(
        create_app(ENGINES[options.kind]),
        host=options.host,
        port=options.port,
        access_log=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        log_config=None,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
