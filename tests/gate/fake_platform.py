"""A small platform on loopback that keeps its promises, except on the routes that a test tells it to spoil.

    with fake_platform.serving({"/metrics": fake_platform.never_answers}) as platform:
        run_gate(SELF_CHECK_BASE_URL=platform.url)

It runs in threads of the test's own process. At the end of the block it listens no more.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from math import hypot, isfinite
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator, Mapping

API_KEY = "fake-api-key-0123456789"
ADMIN_TOKEN = "fake-admin-token-9876543210"

_GET = (
    "/health",
    "/api/v1/health",
    "/health/extended",
    "/ready",
    "/api/v1/health/classifier/cache",
    "/api/v1/providers/health",
)
_POST = (
    "/api/v1/ocr/extract",
    "/api/v1/vision/analyze",
    "/api/compare",
    "/api/v1/compare",
    "/classify",
    "/classify/batch",
    "/admin/reset-circuit-breaker",
)
_ITS_TOKEN = ("/api/v1/health/classifier/cache", "/admin/reset-circuit-breaker")
_ITS_KEY = ("/api/compare", "/api/v1/compare", "/api/v1/vectors/", "/api/v1/providers/health")
_STARTS = count(1_700_000_000)
"""Start times, one for each platform of this process, so that they can be told apart."""


_VISION_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


class FakePlatform:
    """State of one such platform, and the requests that it saw."""

    def __init__(self) -> None:
        self.url = ""
        self.settings: dict[str, str] = {}
        self.seen: list[Seen] = []
        self.stopped = threading.Event()
        self.vectors: dict[str, list[float]] = {}
        self.cached: set[str] = set()
        self.started_at = float(next(_STARTS))
        registry = self.registry = CollectorRegistry()
        for family in ("ocr", "vision"):
            Gauge(f"{family}_error_rate_ema", "Smoothed error rate.", registry=registry).set(0)
        Gauge("process_start_time_seconds", "Start of the process.", registry=registry).set(self.started_at)
        Gauge("ocr_model_loaded", "Models in memory.", ["provider"], registry=registry).labels("paddle").set(1)
        Gauge("ocr_circuit_state", "Circuit breakers.", ["key"], registry=registry).labels("paddle").set(0)
        self.cache_size = Gauge("classification_cache_size", "Cached results.", registry=registry)

        def counter(name: str, *labels: str) -> Counter:
            return Counter(name, f"Counts {name}.", labels, registry=registry)

        self.ocr = counter("ocr_requests_total", "provider", "status")
        counter("ocr_errors_total", "provider", "code", "stage")
        self.ocr_rejected = counter("ocr_input_rejected_total", "reason")
        counter("ocr_rate_limited_total")
        self.vision = counter("vision_requests_total", "provider", "status")
        counter("vision_errors_total", "provider", "code")
        self.vision_rejected = counter("vision_input_rejected_total", "reason")
        self.compared = counter("compare_requests_total", "status")
        self.hits = counter("classification_cache_hits_total")
        self.misses = counter("classification_cache_miss_total")
        counter("classification_rate_limited_total")
        self.seconds = {
            name: Histogram(f"{name}_seconds", f"Time of {name}.", labels, registry=registry)
            for name, labels in (
                ("ocr_processing_duration", ["provider"]),
                ("vision_processing_duration", ["provider"]),
                ("classification_latency", []),
            )
        }

    # ------------------------------------------------------------------------------------------------------- answers

    def answer(self, request: Request) -> tuple[int, object]:
        """The status and the JSON body for a request."""
        path = request.path
        if path.startswith(_ITS_KEY) and request.headers.get("x-api-key") != API_KEY:
            return 401, {"detail": {"code": "AUTH_FAILED", "message": "missing or wrong key"}}
        if path in _ITS_TOKEN and request.headers.get("x-admin-token") != ADMIN_TOKEN:
            return 401 if "x-admin-token" not in request.headers else 403, {"detail": "admin token needed"}
        answers: dict[str, Callable[[Request], tuple[int, object]]] = {
            "/health": lambda _: (200, self.health()),
            "/api/v1/health": lambda _: (200, self.health()),
            "/health/extended": lambda _: (
                200,
                {**self.health(), "vector_store": {"total": len(self.vectors), "versions": {}}},
            ),
            "/ready": lambda _: (200, self.ready()),
            "/openapi.json": lambda _: (200, openapi()),
            "/api/v1/ocr/extract": self._ocr,
            "/api/v1/vision/analyze": self._vision,
            "/api/compare": self._compare,
            "/api/v1/compare": self._compare,
            "/api/v1/vectors/register": self._register,
            "/api/v1/vectors/delete": self._delete,
            "/classify": self._classify,
            "/classify/batch": lambda _: (422, {"detail": "no files"}),
            "/admin/reset-circuit-breaker": lambda _: (200, {"state": "closed"}),
            "/api/v1/health/classifier/cache": lambda _: (200, {"status": "ok", "size": len(self.cached)}),
            "/api/v1/providers/health": lambda _: (200, {"status": "ok", "total": 0, "ready": 0, "results": []}),
        }
        make = answers.get(path)
        return make(request) if make is not None else (404, {"detail": "Not Found"})

    def health(self) -> dict[str, Any]:
        """The health page of a platform that is well."""
        return {
            "status": "healthy",
            "timestamp": _now(),
            "services": {"api": "up", "ml": "up", "redis": "up"},
            "runtime": {
                "python_version": "3.12.1",
                "metrics_enabled": True,
                "error_rate_ema": {"ocr": 0.0, "vision": 0.0},
            },
            "config": {
                "limits": {"request_timeout_seconds": 30},
                "providers": {"provider_timeout_seconds": 10},
                "monitoring": {
                    "metrics_enabled": True,
                    "redis_enabled": True,
                    "error_ema_alpha": 0.2,
                    "classifier_rate_limit_per_min": 120,
                    "classifier_rate_limit_burst": 20,
                    "classifier_cache_max_size": 1000,
                },
            },
        }

    def ready(self) -> dict[str, Any]:
        """The readiness page of a platform that is ready."""
        checks = {"redis": {"status": "up", "detail": "pong", "duration_ms": 0.4}}
        return {"status": "ready", "ready": True, "timestamp": _now(), "checks": checks}

    def metrics(self) -> bytes:
        """The metrics page."""
        return bytes(generate_latest(self.registry))

    def _ocr(self, request: Request) -> tuple[int, object]:
        if b"\x89PNG" not in request.body:
            self.ocr.labels("paddle", "input_error").inc()
            self.ocr_rejected.labels("not_an_image").inc()
            return 200, {"success": False, "provider": "paddle", "error": "not an image", "code": "INPUT_ERROR"}
        self.ocr.labels("paddle", "success").inc()
        self.seconds["ocr_processing_duration"].labels("paddle").observe(0.0004)
        return 200, {"success": True, "provider": "paddle", "confidence": 0.9, "processing_time_ms": 0.4}

    def _vision(self, request: Request) -> tuple[int, object]:
        try:
            image = base64.b64decode(request.json["image_base64"], validate=True)
        except ValueError:
            return self._no_image("not Base64")
        if len(image) > _VISION_BYTES_MAX:
            return self._no_image("too large")
        self.vision.labels("deepseek", "success").inc()
        self.seconds["vision_processing_duration"].labels("deepseek").observe(0.0004)
        return 200, {"success": True, "provider": "deepseek", "processing_time_ms": 0.4}

    def _no_image(self, why: str) -> tuple[int, object]:
        self.vision.labels("deepseek", "input_error").inc()
        self.vision_rejected.labels(why.lower().replace(" ", "_")).inc()
        return 200, {"success": False, "provider": "deepseek", "error": why, "code": "INPUT_ERROR"}

    def _compare(self, request: Request) -> tuple[int, object]:
        query, candidate = request.json["query_features"], request.json["candidate_hash"]
        known = self.vectors.get(candidate)
        if not all(isinstance(number, int | float) for number in query):
            return 422, {"detail": [{"loc": ["body", "query_features"], "msg": "no number", "type": "float_parsing"}]}
        if not query or not candidate.strip() or not all(map(isfinite, query)):
            return self._compared("invalid", 400, "INPUT_VALIDATION_FAILED")
        if known is None:
            return self._compared("not_found", 404, "DATA_NOT_FOUND")
        if len(known) != len(query):
            return self._compared("dimension_mismatch", 400, "DIMENSION_MISMATCH")
        self.compared.labels("success").inc()
        score = sum(a * b for a, b in zip(query, known, strict=True)) / (hypot(*query) * hypot(*known))
        return 200, {"similarity": score, "score": score, "feature_distance": 1 - score}

    def _compared(self, status: str, http_status: int, code: str) -> tuple[int, object]:
        self.compared.labels(status).inc()
        return http_status, {"detail": {"code": code, "message": "no comparison"}}

    def _register(self, request: Request) -> tuple[int, object]:
        self.vectors[request.json["id"]] = request.json["vector"]
        return 200, {"status": "registered"}

    def _delete(self, request: Request) -> tuple[int, object]:
        self.vectors.pop(request.json["id"], None)
        return 200, {"status": "deleted"}

    def _classify(self, request: Request) -> tuple[int, object]:
        drawing = request.body.split(b"\r\n\r\n", 1)[1].rpartition(b"\r\n--")[0]
        name = hashlib.sha256(drawing).hexdigest()
        cached = name in self.cached
        self.cached.add(name)
        (self.hits if cached else self.misses).inc()
        self.cache_size.set(len(self.cached))
        self.seconds["classification_latency"].observe(0.0004)
        return 200, {"category": "bracket", "confidence": 0.8, "probabilities": {}, "cached": cached}

    # ---------------------------------------------------------------------------------------------- what tests ask for

    def posts(self) -> list[Seen]:
        """Every request that could change something."""
        return [seen for seen in self.seen if seen.method != "GET"]

    def with_credentials(self) -> list[Seen]:
        """Every request that carried a credential."""
        return [seen for seen in self.seen if {"x-api-key", "x-admin-token", "authorization"} & set(seen.headers)]


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat()


def openapi() -> dict[str, Any]:
    """The OpenAPI document of all promised routes."""
    operation = {"responses": {"200": {"description": "the answer"}}}
    paths: dict[str, Any] = {path: {"get": operation} for path in _GET}
    return {"openapi": "3.1.0", "paths": paths | {path: {"post": operation} for path in _POST}}


@dataclass(slots=True)
class Request:
    """One request under way, for a behaviour to answer as it likes."""

    handler: BaseHTTPRequestHandler
    platform: FakePlatform
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def send(self, status: int, body: bytes, content_type: str = "application/json", **headers: str) -> None:
        """Send a whole answer; `x_name="value"` becomes the header `X-Name`."""
        self.handler.send_response(status)
        self.handler.send_header("Content-Type", content_type)
        self.handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-").title(), value)
        self.handler.end_headers()
        self.handler.wfile.write(body)

    def send_raw(self, pieces: Iterable[bytes], interval_seconds: float = 0.0) -> None:
        """Send bytes as they are, piece by piece, and end the connection."""
        self.handler.close_connection = True
        for piece in pieces:
            if self.platform.stopped.wait(interval_seconds):
                return
            self.handler.wfile.write(piece)


if TYPE_CHECKING:
    Behaviour = Callable[[Request], None]


def never_answers(request: Request) -> None:
    """Hold the connection without a word."""
    request.handler.close_connection = True
    request.platform.stopped.wait()


def sends(body: bytes, *, status: int = 200, content_type: str = "application/json", **headers: str) -> Behaviour:
    """Always the same answer."""
    return lambda request: request.send(status, body, content_type, **headers)


def sends_raw(*pieces: bytes, interval_seconds: float = 0.0, repeat: int = 1) -> Behaviour:
    """Bytes as they are; the last piece `repeat` times."""

    def behave(request: Request) -> None:
        last = (pieces[-1] for _ in range(repeat - 1))
        request.send_raw((*pieces, *last) if repeat < 1000 else _chained(pieces, repeat), interval_seconds)

    return behave


def _chained(pieces: tuple[bytes, ...], repeat: int) -> Iterator[bytes]:
    yield from pieces
    for _ in range(repeat - 1):
        yield pieces[-1]


def slowly(seconds: float) -> Behaviour:
    """The right answer, so much later."""

    def behave(request: Request) -> None:
        if not request.platform.stopped.wait(seconds):
            _behave_well(request)

    return behave


def _behave_well(request: Request) -> None:
    platform = request.platform
    if request.path in {"/metrics", "/metrics/"}:
        request.send(200, platform.metrics(), "text/plain; version=0.0.4; charset=utf-8")
    elif request.path == "/docs":
        request.send(200, b"<!DOCTYPE html><title>swagger</title>", "text/html; charset=utf-8")
    else:
        status, body = platform.answer(request)
        request.send(status, json.dumps(body).encode())


@contextmanager
def serving(
    spoiled: Mapping[str, Behaviour] | None = None, *, tls: ssl.SSLContext | None = None
) -> Iterator[FakePlatform]:
    """A platform on a free port; `spoiled` maps a path (`*` for all) to what happens there instead."""
    platform = FakePlatform()
    behaviours = dict(spoiled or {})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: object) -> None:
            """Say nothing: the test asks for what it wants to know."""

        def handle_one_request(self) -> None:
            with suppress(OSError, ValueError):  # the gate hangs up on what misbehaves
                super().handle_one_request()
                return
            self.close_connection = True

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            platform.seen.append(Seen(self.command, path, headers))
            request = Request(self, platform, self.command, path, headers, body)
            behaviours.get(path, behaviours.get("*", _behave_well))(request)

        do_POST = do_GET  # noqa: N815 - as above

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.daemon_threads = True
        platform.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield platform
        finally:
            platform.stopped.set()
            server.shutdown()
            thread.join(5)
