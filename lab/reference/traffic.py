"""Light background traffic: `python -m lab.reference.traffic --base-url http://127.0.0.1:8000 --rate 2.0`.

Requests follow a fixed schedule, whatever the answers: when too many are under way, one is left out and counted instead
of queued. The key comes from the environment variable `API_KEY`.
"""

import argparse
import asyncio
import base64
import contextlib
import itertools
import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import httpx

from lab.reference import drawings

_log = logging.getLogger("traffic")

_SHEETS: Final = 6
_VECTORS: Final = 4
_DIMENSION: Final = 16
_IN_FLIGHT_MAX: Final = 8
_TIMEOUT_SECONDS: Final = 10.0
_REPORT_INTERVAL_SECONDS: Final = 60.0
# The first requests come closer together, so that every figure has a value soon after the lab is up.
_HURRY_REQUESTS: Final = 24
_HURRY_FACTOR: Final = 4.0
# Every so many readings of a sheet it is sent unchanged, and the platform may answer from its cache.
_REPEAT_EVERY: Final = 4

# A shaft: a few lines, circles and a title.
_ENTITIES: Final = (
    *(("LINE", 0, y, 120, y) for y in (-10, 10, 0)),
    *(("LINE", x, -10, x, 10) for x in (0, 40, 80, 120)),
    ("CIRCLE", 140, 0, 10, 0),
)


class Traffic:
    """Sends one request after the other, of kinds that take turns."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        """Draw the sheets; nothing is sent yet."""
        self._client = client
        self._sheets = [drawings.render(drawings.Drawing.from_seed(seed)) for seed in range(1, _SHEETS + 1)]
        self._serial = itertools.count()
        self._registered: set[str] = set()
        self._under_way: set[asyncio.Task[None]] = set()
        self.tally: Counter[str] = Counter()

    def kinds(self) -> Iterator[Callable[[], Awaitable[str]]]:
        """Give what to do next, for ever: in every round of 40, one mistake of a client and one unknown candidate."""
        usual = (
            lambda: self.ocr("paddle"),
            lambda: self.ocr("deepseek_hf"),
            self.vision,
            self.compare,
            lambda: self.ocr("auto"),
            lambda: self.ocr("paddle"),
            self.classify,
            lambda: self.ocr("deepseek_hf"),
            self.compare,
            self.vision,
        )
        for number in itertools.count():
            if number % 40 == 13:
                yield self.not_a_drawing
            elif number % 40 == 33:
                yield self.compare_unknown
            else:
                yield usual[number % len(usual)]

    async def run(self, rate: float, stopping: asyncio.Event) -> None:
        """Send `rate` requests a second until told to stop."""
        loop = asyncio.get_running_loop()
        due = reported = loop.time()
        for number, kind in enumerate(self.kinds()):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), timeout=max(0.0, due - loop.time()))
            if stopping.is_set():
                break
            # After a pause (a stopped process, a busy machine) what was missed is not made up for.
            due = max(due, loop.time() - 1.0) + 1.0 / (rate * (_HURRY_FACTOR if number < _HURRY_REQUESTS else 1.0))
            if len(self._under_way) >= _IN_FLIGHT_MAX:
                self.tally["left out"] += 1
            else:
                task = asyncio.create_task(self._send(kind))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            if loop.time() - reported >= _REPORT_INTERVAL_SECONDS:
                reported = loop.time()
                _log.info("so far: %s", dict(sorted(self.tally.items())))
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def ocr(self, provider: str) -> str:
        """Have a drawing read."""
        number = next(self._serial)
        mark = None if number % _REPEAT_EVERY == 0 else f"traffic-{os.getpid()}-{number}"
        content = drawings.png(self._sheets[number % _SHEETS], mark=mark)
        files = {"file": ("drawing.png", content, "image/png")}
        answer = await self._client.post("/api/v1/ocr/extract", params={"provider": provider}, files=files)
        return _outcome("ocr", answer)

    async def not_a_drawing(self) -> str:
        """Make a client's mistake."""
        files = {"file": ("drawing.png", b"not a drawing", "image/png")}
        answer = await self._client.post("/api/v1/ocr/extract", files=files)
        return _outcome("ocr mistake", answer)

    async def vision(self) -> str:
        """Have a drawing described."""
        content = drawings.png(self._sheets[next(self._serial) % _SHEETS])
        body = {"image_base64": base64.b64encode(content).decode("ascii")}
        return _outcome("vision", await self._client.post("/api/v1/vision/analyze", json=body))

    async def compare(self) -> str:
        """Compare two vectors; registers the candidate when it is not known (any more)."""
        number = next(self._serial) % _VECTORS
        vector = [float((number + 1) * (place + 1) % 7 + 1) for place in range(_DIMENSION)]
        name = f"lab-traffic-{number}"
        if name not in self._registered:
            await self._client.post("/api/v1/vectors/register", json={"id": name, "vector": vector})
            self._registered.add(name)
        body = {"query_features": vector[::-1], "candidate_hash": name}
        answer = await self._client.post("/api/compare", json=body)
        if answer.status_code == 404:
            self._registered.discard(name)
        return _outcome("compare", answer)

    async def compare_unknown(self) -> str:
        """Compare with a candidate that does not exist."""
        body = {"query_features": [1.0, 2.0], "candidate_hash": "lab-traffic-unknown"}
        return _outcome("compare unknown", await self._client.post("/api/compare", json=body))

    async def classify(self) -> str:
        """Have a part classified; every second one is known already."""
        number = next(self._serial)
        files = {"file": ("part.dxf", dxf(number if number % 2 else 0), "application/dxf")}
        return _outcome("classify", await self._client.post("/classify", files=files))

    async def _send(self, kind: Callable[[], Awaitable[str]]) -> None:
        try:
            self.tally[await kind()] += 1
        except httpx.HTTPError as error:
            # Outages are what the lab is made for.
            self.tally[type(error).__name__] += 1


def dxf(number: int) -> bytes:
    """Make an ASCII DXF file of a shaft; `number` makes it another file."""
    lines = ["999", f"lab traffic {number}", "0", "SECTION", "2", "ENTITIES"]
    for kind, *values in _ENTITIES:
        codes = (10, 20, 11, 21) if kind == "LINE" else (10, 20, 40)
        lines += ["0", kind, "8", "0"]
        for code, value in zip(codes, values, strict=False):
            lines += [str(code), f"{value}.0"]
    return "\n".join([*lines, "0", "ENDSEC", "0", "EOF", ""]).encode("ascii")


def _outcome(what: str, answer: httpx.Response) -> str:
    if answer.status_code == 200 and what in {"ocr", "vision"}:
        body = answer.json()
        return f"{what} {'success' if body.get('success') else body.get('code')}"
    return f"{what} {answer.status_code}"


async def _main(base_url: str, rate: float) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    headers = {"X-Synthetic-Check": "lab-traffic"}
    if key := os.environ.get("API_KEY"):
        headers["X-API-Key"] = key
    limits = httpx.Limits(max_connections=_IN_FLIGHT_MAX)
    async with httpx.AsyncClient(
        base_url=base_url, headers=headers, timeout=_TIMEOUT_SECONDS, limits=limits, trust_env=False
    ) as client:
        traffic = Traffic(client)
        await traffic.run(rate, stopping)
    _log.info("in all: %s", dict(sorted(traffic.tally.items())))


def main(arguments: list[str] | None = None) -> int:
    """Send until told to stop; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.reference.traffic", description=__doc__)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--rate", type=float, default=2.0, help="requests a second")
    options = parser.parse_args(arguments)
    if options.rate <= 0:
        parser.error("--rate must be above 0")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asyncio.run(_main(options.base_url, options.rate))
    return 0


if __name__ == "__main__":
    sys.exit(main())
