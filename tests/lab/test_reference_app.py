"""The reference platform keeps what the interface promises: real apps over HTTP, real Redis where it is installed."""

from __future__ import annotations

import asyncio
import base64
import json
import math
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lab.reference import drawings, uploads
from lab.reference.compare import cosine
from lab.reference.errors import ClientMistakeError
from lab.reference.fetch import is_public
from lab.reference.settings import SettingError, Settings
from lab.reference.traffic import Traffic, dxf
from selfcheck import corpus
from selfcheck.waiting import wait_until
from tests import misbehaving
from tests.lab.running import (
    ADMIN_TOKEN,
    API_KEY,
    NO_TLS,
    OTHER_API_KEY,
    Redis,
    Replica,
    asking,
    engines,
    free_port,
    replica,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.lab

NOWHERE = "http://127.0.0.1:1"
OCR_FAMILIES = ("ocr_requests", "ocr_errors", "ocr_input", "ocr_processing_duration_seconds_count", "ocr_error_rate")


def drawing(seed: int = 1, mark: str | None = None) -> bytes:
    return drawings.png(drawings.render(drawings.Drawing.from_seed(seed)), mark=mark)


def part(mark: str) -> bytes:
    return corpus.payload("part", mark).content


@pytest.fixture(scope="module")
def engine_urls() -> Iterator[dict[str, str]]:
    with engines() as urls:
        yield urls


@pytest.fixture(scope="module")
def platform(engine_urls: dict[str, str]) -> Iterator[Replica]:
    """A replica without Redis and Postgres, as it may be deployed."""
    with replica(provider_urls=engine_urls, ocr_max_file_bytes=200_000, ocr_max_pages=3) as running:
        yield running


@pytest.fixture
def redis(tmp_path: Any) -> Iterator[Redis]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    server = Redis(program, tmp_path)
    server.start()
    yield server
    server.stop()


# --------------------------------------------------------------------------------------------------------- health


def test_a_replica_whose_configured_dependencies_answer_is_healthy(platform: Replica) -> None:
    answer = platform.get("/health")
    body = answer.json()
    assert body["status"] == "healthy"
    assert body["services"] == {"api": "up", "ml": "up", "redis": "down"}
    assert body["config"]["monitoring"] == {
        "metrics_enabled": True,
        "redis_enabled": False,
        "error_ema_alpha": 0.2,
        "classifier_rate_limit_per_min": 120,
        "classifier_rate_limit_burst": 20,
        "classifier_cache_max_size": 1000,
    }
    assert answer.headers["cache-control"] == "no-store"
    extended = platform.get("/health/extended").json()
    assert extended["vector_store"].keys() == {"total", "versions"}
    assert body.keys() < extended.keys()
    same = platform.get("/api/v1/health").json()
    assert {key: same[key] for key in same if key != "timestamp"} == {
        key: body[key] for key in body if key != "timestamp"
    }


def test_without_redis_and_postgres_a_replica_is_degraded_and_works(engine_urls: dict[str, str]) -> None:
    port = free_port()
    with replica(
        provider_urls=engine_urls,
        redis_url=f"redis://127.0.0.1:{port}/0",
        database_url=f"postgresql://app@127.0.0.1:{port}/nothing",
    ) as running:
        body = running.get("/health").json()
        assert body["status"] == "degraded"
        assert body["services"] == {"api": "up", "ml": "up", "redis": "down"}
        ready = running.get("/ready")
        assert ready.status_code == 200
        checks = ready.json()["checks"]
        assert {name: check["status"] for name, check in checks.items()} == {
            "redis": "down",
            "postgres": "down",
            "paddle": "up",
            "deepseek_hf": "up",
            "vision": "up",
        }
        assert str(port) not in ready.text  # the answer is public
        assert running.ocr(drawing())["success"]
        assert running.classify(part("x")).status_code == 200
        assert running.post("/api/v1/vectors/register", {"id": "a", "vector": [1, 2]}).status_code == 200
        assert running.post("/api/compare", {"query_features": [1, 2], "candidate_hash": "a"}).status_code == 200
        # What other replicas hold cannot be known now: that is an error of the platform and no "not found".
        unknown = running.post("/api/compare", {"query_features": [1, 2], "candidate_hash": "b"})
        assert unknown.status_code == 503
        assert running.samples()["compare_requests_total{status=error}"] == 1


@pytest.mark.parametrize(
    ("missing", "services_ml"), [({"paddle"}, "up"), ({"paddle", "deepseek_hf"}, "down"), ({"vision"}, "down")]
)
def test_a_missing_engine_shows(engine_urls: dict[str, str], missing: set[str], services_ml: str) -> None:
    urls = {name: NOWHERE if name in missing else url for name, url in engine_urls.items()}
    with replica(provider_urls=urls) as running:
        body = running.get("/health").json()
        assert body["status"] == "degraded"
        assert body["services"]["ml"] == services_ml
        providers = running.get("/api/v1/providers/health").json()
        assert {entry["provider"] for entry in providers["results"] if not entry["ready"]} == missing
        assert providers["status"] == "degraded"
        assert providers["ready"] == providers["total"] - len(missing)
        loaded = running.samples()["ocr_model_loaded{provider=paddle}"]
        assert loaded == (0 if "paddle" in missing else 1)


# ---------------------------------------------------------------------------------------------------- recognition


@pytest.mark.parametrize(
    ("asked", "answers"), [("paddle", "paddle"), ("deepseek", "deepseek_hf"), ("auto", "paddle"), ("PADDLE", "paddle")]
)
def test_a_success_is_counted_once_under_the_provider_that_answered(
    platform: Replica, asked: str, answers: str
) -> None:
    before = platform.samples()
    body = platform.ocr(drawing(mark=asked), asked)
    assert body["success"]
    assert body["provider"] == answers
    assert body["title_block"]["part_number"] == drawings.Drawing.from_seed(1).title_block["PART NO"]
    assert 0.9 < body["confidence"] <= 1
    assert platform.moved(before, *OCR_FAMILIES) == {
        f"ocr_requests_total{{provider={answers},status=success}}": 1,
        f"ocr_processing_duration_seconds_count{{provider={answers}}}": 1,
    }


def test_a_blank_page_is_read_as_empty_with_low_confidence(platform: Replica) -> None:
    body = platform.ocr(drawings.png(drawings.blank()))
    assert body["success"]
    assert body["confidence"] < 0.3
    assert not body["dimensions"]
    assert not body["title_block"]


def pdf_with(extra: bytes) -> bytes:
    return drawings.pdf([drawings.blank()]).replace(b"/Type /Catalog", b"/Type /Catalog " + extra)


def png_claiming(width: int, height: int) -> bytes:
    header = width.to_bytes(4) + height.to_bytes(4) + b"\x08\x00\x00\x00\x00"
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4) + drawing()[33:]


HIDDEN = zlib.compress(b"1 0 << /S /JavaScript /JS (app.alert(1)) >>")
MISTAKES = {
    "empty": (b"", "empty"),
    "text": (b"no drawing", "unsupported_type"),
    "half a PNG": (drawing()[:-200], "truncated"),
    "four bytes of a PNG": (drawing()[:4], "truncated"),
    "damaged PNG": (drawing().replace(b"IDAT", b"IDAT!", 1)[:-1], "unreadable"),
    "half a JPEG": (drawings.jpeg(drawings.blank())[:-40], "truncated"),
    "half a PDF": (drawings.pdf([drawings.blank()])[:300], "truncated"),
    "too large": (drawing() + bytes(200_000), "too_large"),
    "too many pages": (drawings.pdf([drawings.blank()] * 4), "too_many_pages"),
    "claims too many pages": (pdf_with(b"/Count 999"), "too_many_pages"),
    "script": (pdf_with(b"/OpenAction << /S /JavaScript /JS (x) >>"), "active_content"),
    "script with an escaped name": (pdf_with(b"/J#53 (x)"), "active_content"),
    "script in an object stream": (
        pdf_with(b"") + b"<< /Type /ObjStm /N 1 >>\nstream\n" + HIDDEN + b"\nendstream\n%%EOF",
        "active_content",
    ),
    "claims a huge picture": (png_claiming(50_000, 50_000), "decompression_bomb"),
    "inflates to more than it claims": (png_claiming(8, 8), "decompression_bomb"),
    "inflates to less than it claims": (png_claiming(4000, 4000), "truncated"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_clients_mistake_is_counted_as_that_and_as_nothing_else(platform: Replica, name: str) -> None:
    content, reason = MISTAKES[name]
    before = platform.samples()
    body = platform.ocr(content, "paddle")
    assert (body["success"], body["code"]) == (False, "INPUT_ERROR"), body
    assert body["error"]
    assert platform.moved(before, *OCR_FAMILIES) == {
        "ocr_requests_total{provider=paddle,status=input_error}": 1,
        "ocr_errors_total{code=INPUT_ERROR,provider=paddle,stage=preprocess}": 1,
        f"ocr_input_rejected_total{{reason={reason}}}": 1,
    }


@pytest.mark.parametrize("cut", range(7, 2300, 97))
def test_a_cut_drawing_is_refused_wherever_it_is_cut(cut: int) -> None:
    for whole in (drawing(), drawings.pdf([drawings.blank()])):
        with pytest.raises(ClientMistakeError):
            uploads.check_drawing(whole[:-cut], max_bytes=10**6, max_pages=3)


def test_what_a_client_writes_never_becomes_a_label(platform: Replica) -> None:
    body = platform.ocr(drawing(), 'x"} 1\nevil')
    assert body["code"] == "INPUT_ERROR"
    page = platform.client.get("/metrics/").text
    assert "evil" not in page
    assert platform.samples()["ocr_requests_total{provider=unknown,status=input_error}"] == 1


def test_a_form_without_file_is_malformed(platform: Replica) -> None:
    assert platform.client.post("/api/v1/ocr/extract").status_code == 422
    assert platform.client.post("/api/v1/ocr/extract", data={"file": "text"}).status_code == 422


def moved_by_failure(provider: str, code: str, stage: str, *, reached: bool) -> dict[str, float]:
    moved = {
        f"ocr_requests_total{{provider={provider},status=error}}": 1.0,
        f"ocr_errors_total{{code={code},provider={provider},stage={stage}}}": 1.0,
        "ocr_error_rate_ema": 0.2,
    }
    return moved | ({f"ocr_processing_duration_seconds_count{{provider={provider}}}": 1.0} if reached else {})


@pytest.mark.parametrize(
    ("engine", "code", "stage"),
    [
        (misbehaving.refuses, "PROVIDER_DOWN", "init"),
        (misbehaving.silent, "PROVIDER_TIMEOUT", "infer"),
        (misbehaving.trickles_body, "PROVIDER_TIMEOUT", "infer"),
        (misbehaving.hangs_up, "NETWORK_ERROR", "infer"),
        (misbehaving.breaks_off, "NETWORK_ERROR", "infer"),
        (misbehaving.speaks_ssh, "NETWORK_ERROR", "infer"),
        (misbehaving.endless_body, "PARSE_FAILED", "parse"),
        (misbehaving.login_page, "PARSE_FAILED", "parse"),
        (misbehaving.empty, "PARSE_FAILED", "parse"),
        (misbehaving.server_error, "EXTERNAL_SERVICE_ERROR", "infer"),
        (lambda: answers(401), "AUTH_FAILED", "init"),
        (lambda: answers(429), "QUOTA_EXCEEDED", "infer"),
        (lambda: answers(503), "MODEL_LOAD_ERROR", "load"),
        (lambda: answers(507), "RESOURCE_EXHAUSTED", "infer"),
        (lambda: answers(200, b'{"confidence": 7}'), "PARSE_FAILED", "parse"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_fault_of_a_provider_is_counted_with_the_code_of_the_answer(engine: Any, code: str, stage: str) -> None:
    with engine() as server:
        urls = {"paddle": server.url, "deepseek_hf": NOWHERE, "vision": NOWHERE}
        with replica(provider_urls=urls, provider_timeout_seconds=0.4, dependency_timeout_seconds=0.1) as running:
            before = running.samples()
            body = running.ocr(drawing())
            assert (body["success"], body["code"], body["provider"]) == (False, code, "paddle")
            assert running.moved(before, *OCR_FAMILIES) == moved_by_failure("paddle", code, stage, reached=True)


def answers(status: int, body: bytes = b"{}") -> Any:
    return misbehaving.answering(lambda _: misbehaving.answer(status, body))


def test_auto_falls_back_to_the_next_provider(engine_urls: dict[str, str]) -> None:
    with replica(provider_urls=engine_urls | {"paddle": NOWHERE}) as running:
        before = running.samples()
        assert running.ocr(drawing(), "auto")["provider"] == "deepseek_hf"
        moved = running.moved(before, *OCR_FAMILIES)
        assert moved.pop("ocr_requests_total{provider=deepseek_hf,status=success}") == 1
        assert set(moved) == {"ocr_processing_duration_seconds_count{provider=deepseek_hf}"}


def test_a_disabled_provider_is_not_asked(engine_urls: dict[str, str]) -> None:
    with replica(provider_urls=engine_urls, disabled_providers=frozenset({"paddle"})) as running:
        assert running.ocr(drawing(), "auto")["provider"] == "deepseek_hf"
        before = running.samples()
        assert running.ocr(drawing(), "paddle")["code"] == "PROVIDER_DOWN"
        expected = moved_by_failure("paddle", "PROVIDER_DOWN", "init", reached=False)
        assert running.moved(before, *OCR_FAMILIES) == expected
        body = running.get("/health").json()
        assert body["status"] == "healthy"
        assert body["config"]["providers"]["disabled"] == ["paddle"]


# ---------------------------------------------------------------------------------------------------- circuit breakers


def reset(running: Replica, provider: str) -> httpx.Response:
    headers = {"X-Admin-Token": ADMIN_TOKEN}
    return running.client.post("/admin/reset-circuit-breaker", params={"provider": provider}, headers=headers)


def circuit(running: Replica, provider: str = "paddle") -> float:
    return running.samples()[f"ocr_circuit_state{{key={provider}}}"]


def test_a_breaker_opens_after_faults_and_recovers_by_itself(engine_urls: dict[str, str]) -> None:
    with replica(
        provider_urls=engine_urls | {"paddle": NOWHERE},
        circuit_breaker_failures=3,
        circuit_breaker_timeout_seconds=0.5,
    ) as running:
        for _ in range(3):
            assert running.ocr(b"no drawing")["code"] == "INPUT_ERROR"  # does not count
            assert circuit(running) == 0
            assert running.ocr(drawing())["code"] == "PROVIDER_DOWN"
        assert circuit(running) == 2
        before = running.samples()
        assert running.ocr(drawing())["code"] == "CIRCUIT_OPEN"
        moved = running.moved(before, "ocr_errors", "ocr_processing_duration_seconds_count")
        assert moved == {"ocr_errors_total{code=CIRCUIT_OPEN,provider=paddle,stage=init}": 1}
        assert running.ocr(drawing(), "auto")["provider"] == "deepseek_hf"

        running.settings.provider_urls = engine_urls
        wait_until(lambda: running.ocr(drawing())["success"], timeout_seconds=5, what="the breaker to let one through")
        assert circuit(running) == 0


def test_a_breaker_can_be_reset(engine_urls: dict[str, str]) -> None:
    with replica(provider_urls=engine_urls | {"deepseek_hf": NOWHERE}, circuit_breaker_failures=1) as running:
        running.ocr(drawing(), "deepseek")
        assert circuit(running, "deepseek_hf") == 2
        assert reset(running, "deepseek").json() == {
            "provider": "deepseek_hf",
            "state": "closed",
            "previous_state": "open",
            "scope": "this_replica",
        }
        assert circuit(running, "deepseek_hf") == 0
        unknown = reset(running, "nobody")
        assert unknown.status_code == 404
        assert unknown.json()["detail"]["code"] == "DATA_NOT_FOUND"


@pytest.mark.parametrize("path", ["/admin/reset-circuit-breaker", "/api/v1/health/classifier/cache"])
def test_admin_routes_want_the_admin_token(platform: Replica, path: str) -> None:
    method = "POST" if path.startswith("/admin") else "GET"
    for headers, status in (({}, 401), ({"X-Admin-Token": "wrong"}, 403), ({"X-API-Key": API_KEY}, 401)):
        answer = platform.client.request(method, path, params={"provider": "paddle"}, headers=headers)
        assert answer.status_code == status
        assert answer.json()["detail"]["code"] == "AUTH_FAILED"


def test_without_a_configured_admin_token_nobody_is_admin() -> None:
    with replica(admin_token=None) as running:
        assert running.get("/api/v1/health/classifier/cache", **{"X-Admin-Token": ""}).status_code == 403


# --------------------------------------------------------------------------------------------------------- vision


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def test_an_image_is_described(platform: Replica) -> None:
    before = platform.samples()
    image = {"image_base64": encoded(drawing(2))}
    body = platform.post("/api/v1/vision/analyze", image | {"include_ocr": True}, key=None).json()
    truth = drawings.Drawing.from_seed(2)
    assert body["success"]
    assert truth.title_block["TITLE"].lower() in body["description"]["summary"]
    assert body["ocr"]["title_block"]["title"] == truth.title_block["TITLE"]
    assert platform.moved(before, "vision_requests", "vision_errors", "vision_processing_duration_seconds_count") == {
        "vision_requests_total{provider=vision,status=success}": 1,
        "vision_processing_duration_seconds_count{provider=vision}": 1,
    }
    plain = platform.post("/api/v1/vision/analyze", image | {"include_description": False}).json()
    assert plain["description"] is None
    assert plain["ocr"] is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "missing"),
        ({"image_base64": "AA==", "image_url": "https://example.com/a.png"}, "missing"),
        ({"image_base64": "not base64!"}, "bad_encoding"),
        ({"image_base64": ""}, "empty"),
        ({"image_base64": encoded(b"no image")}, "unsupported_type"),
        ({"image_base64": encoded(drawing()[:-30])}, "truncated"),
        ({"image_base64": encoded(bytes(1024 * 1024 + 1))}, "too_large"),
        ({"image_url": "file:///etc/passwd"}, "bad_url"),
        ({"image_url": "http://localhost/a.png"}, "bad_url"),
        ({"image_url": "http://127.0.0.1:6379/"}, "bad_url"),
        ({"image_url": "http://2130706433/"}, "bad_url"),
        ({"image_url": "http://[::ffff:127.0.0.1]/"}, "bad_url"),
        ({"image_url": "http://169.254.169.254/latest/meta-data"}, "bad_url"),
        ({"image_url": "http://10.0.0.1/"}, "bad_url"),
        ({"image_url": "http://user:secret@example.com/"}, "bad_url"),
        ({"image_url": "http://a:99999/"}, "bad_url"),
    ],
)
def test_an_image_that_is_none_is_the_clients_mistake(platform: Replica, body: dict[str, str], reason: str) -> None:
    before = platform.samples()
    answer = platform.post("/api/v1/vision/analyze", body).json()
    assert (answer["success"], answer["code"]) == (False, "INPUT_ERROR")
    assert platform.moved(before, "vision_") == {
        "vision_requests_total{provider=vision,status=input_error}": 1,
        "vision_errors_total{code=INPUT_ERROR,provider=vision}": 1,
        f"vision_input_rejected_total{{reason={reason}}}": 1,
    }


def test_a_fault_of_the_vision_engine_is_counted() -> None:
    with replica(provider_urls={"vision": NOWHERE}) as running:
        before = running.samples()
        answer = running.post("/api/v1/vision/analyze", {"image_base64": encoded(drawing())}).json()
        assert (answer["success"], answer["code"]) == (False, "PROVIDER_DOWN")
        moved = running.moved(before, "vision_requests", "vision_errors", "vision_error_rate_ema")
        assert moved == {
            "vision_requests_total{provider=vision,status=error}": 1,
            "vision_errors_total{code=PROVIDER_DOWN,provider=vision}": 1,
            "vision_error_rate_ema": 0.2,
        }


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("::ffff:8.8.8.8", True),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::1", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:  # noqa: FBT001 - a column of the table
    assert is_public(address) is public


# -------------------------------------------------------------------------------------------------------- compare


@pytest.mark.parametrize("path", ["/api/compare", "/api/v1/compare"])
@pytest.mark.parametrize(
    ("features", "candidate", "status", "code", "counted"),
    [
        ([3, 4], "known", 200, None, "success"),
        ([], "known", 400, "INPUT_VALIDATION_FAILED", "invalid"),
        ([0, 0], "known", 400, "INPUT_VALIDATION_FAILED", "invalid"),
        ([1, math.nan], "known", 400, "INPUT_VALIDATION_FAILED", "invalid"),
        ([1, -math.inf], "known", 400, "INPUT_VALIDATION_FAILED", "invalid"),
        ([1] * 5000, "known", 400, "INPUT_VALIDATION_FAILED", "invalid"),
        ([1, 2], " \t", 400, "INPUT_VALIDATION_FAILED", "invalid"),
        ([1, 2], "\ud800", 422, None, "invalid"),
        ([1], "known", 400, "DIMENSION_MISMATCH", "dimension_mismatch"),
        ([1, 2], "unknown", 404, "DATA_NOT_FOUND", "not_found"),
        (["1", "2"], "known", 422, None, "invalid"),
        ([1, True], "known", 422, None, "invalid"),
        ("12", "known", 422, None, "invalid"),
        ([1, 2], 7, 422, None, "invalid"),
    ],
)
def test_comparison(
    platform: Replica, path: str, features: Any, candidate: Any, status: int, code: str | None, counted: str
) -> None:
    assert platform.post("/api/v1/vectors/register", {"id": "known", "vector": [3, 4]}).status_code == 200
    before = platform.samples()
    # Python's own writer: it knows NaN and infinity, as sloppy clients do.
    content = json.dumps({"query_features": features, "candidate_hash": candidate})
    headers = {"X-API-Key": API_KEY, "Content-Type": "application/json"}
    answer = platform.client.post(path, content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert platform.moved(before, "compare_requests") == {f"compare_requests_total{{status={counted}}}": 1}
    if status == 200:
        assert answer.json() == {
            "similarity": 1.0,
            "score": 1.0,
            "feature_distance": 0.0,
            "method": "cosine",
            "dimension": 2,
            "reference_id": "known",
        }
    if code is not None:
        detail = answer.json()["detail"]
        assert detail.keys() == {"code", "source", "severity", "message", "stage", "context"}
        assert detail["code"] == code


def test_routes_with_a_key_look_at_the_key_first(platform: Replica) -> None:
    for path in ("/api/compare", "/api/v1/compare", "/api/v1/vectors/register", "/api/v1/vectors/delete"):
        for headers in ({}, {"X-API-Key": "wrong"}, {"X-API-Key": ""}):
            answer = platform.client.post(path, content=b"{malformed", headers=headers)
            assert answer.status_code == 401
            assert answer.json()["detail"]["code"] == "AUTH_FAILED"
    assert platform.client.get("/api/v1/providers/health").status_code == 401


def test_vectors_belong_to_their_tenant(platform: Replica) -> None:
    assert platform.post("/api/v1/vectors/register", {"id": "mine", "vector": [1]}).status_code == 200
    query = {"query_features": [1], "candidate_hash": "mine"}
    assert platform.post("/api/compare", query, key=OTHER_API_KEY).status_code == 404
    assert platform.post("/api/v1/vectors/delete", {"id": "mine"}, key=OTHER_API_KEY).status_code == 404
    assert platform.post("/api/v1/vectors/delete", {"id": "mine"}).status_code == 200
    assert platform.post("/api/compare", query).status_code == 404


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([1, 0], [0, 1], 0.0),
        ([1, 2, 3], [-1, -2, -3], -1.0),
        ([1e308, 1e308], [1e308, 1e308], 1.0),
        ([1e308, -1e308], [1e-308, 1e-308], 0.0),
        ([5e-324], [-5e-324], -1.0),
        ([1, 1], [1, 0], math.sqrt(0.5)),
        ([0.1] * 999, [0.1] * 999, 1.0),
    ],
)
def test_cosine(left: list[float], right: list[float], expected: float) -> None:
    assert cosine(left, right) == pytest.approx(expected, abs=1e-15)
    assert -1 <= cosine(left, right) <= 1


# ----------------------------------------------------------------------------------------------------- classifier


def test_a_part_is_classified_once_and_then_remembered(platform: Replica) -> None:
    before = platform.samples()
    first, second = platform.classify(part("once")).json(), platform.classify(part("once")).json()
    assert first["category"] == "shaft"
    assert math.fsum(first["probabilities"].values()) == pytest.approx(1)
    assert first["confidence"] == first["probabilities"]["shaft"] == max(first["probabilities"].values())
    assert (first["cached"], second["cached"]) == (False, True)
    assert second == first | {"cached": True}
    assert platform.moved(before, "classification_cache", "classification_latency_seconds_count") == {
        "classification_cache_hits_total": 1,
        "classification_cache_miss_total": 1,
        "classification_cache_size": 1,
        "classification_latency_seconds_count": 2,
    }
    assert platform.classify(part("once"), OTHER_API_KEY).json()["cached"] is False


def test_the_least_recently_used_classification_is_forgotten_first() -> None:
    with replica(classifier_cache_max_size=2) as running:
        for name in ("a", "b", "a", "c"):
            running.classify(part(name))
        assert running.classify(part("a")).json()["cached"] is True
        assert running.classify(part("b")).json()["cached"] is False
        stats = running.get("/api/v1/health/classifier/cache").json()
        assert stats == {"status": "ok", "size": 2, "max_size": 2, "hits": 2, "misses": 4, "hit_ratio": 2 / 6}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no DXF",
        b"AutoCAD Binary DXF\r\n\x1a\x00",
        part("x")[:-10],
        b"0\nSECTION\n2\nENTITIES\n0\nENDSEC\n0\nEOF\n",
        b"0\nSECTION\n2\nENTITIES\n0\nLINE\n10\nnan\n0\nENDSEC\n0\nEOF\n",
    ],
    ids=["empty", "text", "binary DXF", "cut", "nothing drawn", "no number"],
)
def test_what_is_no_dxf_is_refused(platform: Replica, content: bytes) -> None:
    answer = platform.classify(content)
    assert answer.status_code == 400
    assert answer.json()["detail"]["code"] == "INPUT_ERROR"


def test_a_batch_says_for_each_file_what_came_of_it(platform: Replica) -> None:
    files = [("files", ("good.dxf", part("batch"))), ("files", ("bad.dxf", b"no DXF"))]
    body = platform.client.post("/classify/batch", files=files).json()
    assert (body["total"], body["succeeded"]) == (2, 1)
    assert [item["code"] for item in body["results"]] == [None, "INPUT_ERROR"]
    assert body["results"][0]["result"]["category"] == "shaft"


def test_beyond_the_limit_a_client_has_to_wait_and_others_do_not() -> None:
    with replica(classifier_rate_limit_per_min=3, classifier_rate_limit_burst=2) as running:
        assert [running.classify(part("x")).status_code for _ in range(6)] == [200] * 5 + [429]
        refused = running.classify(part("x"))
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.json()["detail"]["code"] == "RATE_LIMIT"
        assert running.samples()["classification_rate_limited_total"] == 2
        assert running.classify(part("x"), OTHER_API_KEY).status_code == 200
        forwarded = {"X-API-Key": API_KEY, "X-Forwarded-For": "198.51.100.7"}
        again = running.client.post("/classify", files={"file": part("x")}, headers=forwarded)
        assert again.status_code == 429


def test_ocr_has_a_limit_of_its_own(engine_urls: dict[str, str]) -> None:
    with replica(provider_urls=engine_urls, ocr_rate_limit_per_min=1) as running:
        running.ocr(drawing())
        refused = running.client.post("/api/v1/ocr/extract", files={"file": b"x"}, headers={"X-API-Key": API_KEY})
        assert refused.status_code == 429
        assert "retry-after" in refused.headers
        assert running.samples()["ocr_rate_limited_total"] == 1


# ---------------------------------------------------------------------------------------------------------- Redis


def test_replicas_share_vectors_limits_readings_and_resets(engine_urls: dict[str, str], redis: Redis) -> None:
    common: dict[str, Any] = {
        "redis_url": redis.url,
        "provider_urls": engine_urls | {"deepseek_hf": NOWHERE},
        "circuit_breaker_failures": 1,
        "classifier_rate_limit_per_min": 3,
        "classifier_rate_limit_burst": 1,
    }
    with replica(**common) as one, replica(**common, replica="replica-2") as two:
        one.post("/api/v1/vectors/register", {"id": "shared", "vector": [1, 2]})
        query = {"query_features": [1, 2], "candidate_hash": "shared"}
        assert two.post("/api/compare", query).status_code == 200
        assert two.get("/health/extended").json()["vector_store"] == {"total": 1, "versions": {"v1": 1}}
        assert two.post("/api/v1/vectors/delete", {"id": "shared"}).status_code == 200
        assert one.post("/api/compare", query).status_code == 404

        statuses = [running.classify(part("x")).status_code for running in (one, two, one, two, one)]
        assert statuses == [200, 200, 200, 200, 429]

        assert one.ocr(drawing(7))["cached"] is False
        before = two.samples()
        assert two.ocr(drawing(7))["cached"] is True
        assert two.moved(before, *OCR_FAMILIES) == {"ocr_requests_total{provider=paddle,status=success}": 1}
        mine = {"X-API-Key": OTHER_API_KEY}
        assert two.ocr(drawing(7), **mine)["cached"] is False

        for running in (one, two):
            assert running.ocr(drawing(), "deepseek")["code"] == "PROVIDER_DOWN"
            assert circuit(running, "deepseek_hf") == 2
        assert reset(one, "deepseek").json()["scope"] == "all_replicas"
        wait_until(lambda: circuit(two, "deepseek_hf") == 0, timeout_seconds=5, what="the other replica to follow")


def test_an_idempotency_key_repeats_the_answer_to_the_same_payload_only(
    engine_urls: dict[str, str], redis: Redis
) -> None:
    with replica(redis_url=redis.url, provider_urls=engine_urls) as running:
        first = running.ocr(drawing(1), **{"Idempotency-Key": "k"})
        again = running.ocr(drawing(1), **{"Idempotency-Key": "k"})
        other = running.ocr(drawing(2), **{"Idempotency-Key": "k"})
        assert again["title_block"] == first["title_block"]
        assert again["cached"] is True
        assert other["title_block"] != first["title_block"]
        assert other["cached"] is False
        assert running.ocr(drawing(1), **{"Idempotency-Key": "k" * 300})["code"] == "INPUT_ERROR"


def test_an_outage_of_redis_degrades_and_what_happened_meanwhile_is_kept(
    engine_urls: dict[str, str], redis: Redis
) -> None:
    with replica(redis_url=redis.url, provider_urls=engine_urls, health_cache_seconds=0.05) as running:
        assert running.get("/health").json()["status"] == "healthy"
        redis.stop()
        wait_until(
            lambda: running.get("/health").json()["services"]["redis"] == "down",
            timeout_seconds=3,
            what="the health page to notice",
        )
        body = running.get("/health").json()
        assert body["status"] == "degraded"
        assert running.ocr(drawing())["success"]
        assert running.post("/api/v1/vectors/register", {"id": "late", "vector": [1]}).status_code == 200
        assert running.post("/api/v1/vectors/delete", {"id": "x"}).status_code == 503
        redis.start()
        wait_until(
            lambda: running.get("/health").json()["status"] == "healthy", timeout_seconds=5, what="Redis to be back"
        )
        query = {"query_features": [1], "candidate_hash": "late"}
        assert running.post("/api/compare", query).status_code == 200
        with replica(redis_url=redis.url, provider_urls=engine_urls) as other:
            assert other.post("/api/compare", query).status_code == 200


# --------------------------------------------------------------------------------------------------------- bounds


def test_requests_that_are_too_large_are_refused() -> None:
    with replica(request_max_bytes=1000) as running:
        declared = running.post("/api/compare", {"query_features": [1] * 1000, "candidate_hash": "x"})
        headers = {"X-API-Key": API_KEY, "Content-Type": "application/json"}
        streamed = running.client.post("/api/compare", content=iter([b"[" * 600] * 4), headers=headers)
        for answer in (declared, streamed):
            assert answer.status_code == 413
            assert answer.json()["detail"]["code"] == "INPUT_ERROR"


def test_a_body_that_does_not_come_is_not_waited_for_longer_than_allowed() -> None:
    with replica(request_timeout_seconds=0.3) as running:
        port = running.client.base_url.port
        with socket.create_connection(("127.0.0.1", port or 0), timeout=10) as sender:
            head = f"POST /api/compare HTTP/1.1\r\nHost: x\r\nX-API-Key: {API_KEY}\r\nContent-Length: 9\r\n\r\n"
            sender.sendall(head.encode())
            assert sender.recv(100).startswith(b"HTTP/1.1 408")


def test_bytes_that_are_no_json_are_malformed(platform: Replica) -> None:
    answer = platform.client.post(
        "/api/v1/vision/analyze", content=b"\xff\xfe", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in {400, 422}
    assert "Traceback" not in answer.text


def test_every_answer_has_the_security_headers(platform: Replica) -> None:
    for path in ("/health", "/metrics", "/nothing", "/api/v1/providers/health", "/docs"):
        headers = platform.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers


# ----------------------------------------------------------------------------------- metrics and documentation


def test_the_metrics_page(platform: Replica) -> None:
    moved = platform.client.get("/metrics")
    assert moved.status_code == 307
    assert moved.headers["location"].endswith("/metrics/")
    page = platform.client.get("/metrics/")
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'le="2.0"' in page.text
    samples = platform.samples()
    for provider in ("paddle", "deepseek_hf", "vision"):
        assert f"ocr_circuit_state{{key={provider}}}" in samples
    assert "classification_rate_limited_created" in samples
    assert "process_start_time_seconds" in samples
    promised = {"platform_error_ratio", "provider_health_score", "slo_availability"}
    assert not promised & samples.keys()


def test_a_fresh_replica_has_no_series_of_what_did_not_happen() -> None:
    with replica() as running:
        assert not [name for name in running.samples() if name.startswith("ocr_requests_total")]


def test_the_openapi_document_describes_every_route_and_its_errors(platform: Replica) -> None:
    document = platform.client.get("/openapi.json").json()
    paths = document["paths"]
    for path in ("/health", "/api/v1/health", "/health/extended", "/ready", "/api/compare", "/api/v1/compare"):
        assert path in paths
    assert {"200", "400", "401", "404", "422", "503"} <= paths["/api/compare"]["post"]["responses"].keys()
    assert {"200", "401", "403", "404"} <= paths["/admin/reset-circuit-breaker"]["post"]["responses"].keys()
    for path, methods in paths.items():
        for method, operation in methods.items():
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            assert "$ref" in schema, f"{method} {path} has no response model"
    identifiers = [operation["operationId"] for methods in paths.values() for operation in methods.values()]
    assert len(identifiers) == len(set(identifiers))
    assert "swagger" in platform.client.get("/docs").text.lower()


# ------------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"REQUEST_TIMEOUT": "soon"}, "REQUEST_TIMEOUT must be a number of seconds above 0, not 'soon'"),
        ({"REQUEST_TIMEOUT": "nan"}, "REQUEST_TIMEOUT"),
        ({"CACHE_TTL": "-1"}, "CACHE_TTL"),
        ({"CLASSIFIER_CACHE_MAX_SIZE": "1.5"}, "CLASSIFIER_CACHE_MAX_SIZE must be a whole number of at least 1"),
        ({"DISABLED_PROVIDERS": "tesseract"}, "tesseract"),
    ],
)
def test_settings_that_make_no_sense_are_refused(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        Settings.from_environment(replica="replica-1", environ=environ)


def test_settings_are_read_from_the_environment() -> None:
    environ = {
        "REQUEST_TIMEOUT": "0.5",
        "DISABLED_PROVIDERS": "deepseek, vision",
        "API_KEYS": "a,b",
        "PADDLE_URL": NOWHERE,
        "CLASSIFIER_RATE_LIMIT_BURST": "0",
    }
    settings = Settings.from_environment(replica="replica-1", environ=environ)
    assert settings.request_timeout_seconds == 0.5
    assert settings.disabled_providers == {"deepseek_hf", "vision"}
    assert settings.api_keys == ("a", "b")
    assert settings.provider_urls == {"paddle": NOWHERE}
    assert settings.classifier_rate_limit_burst == 0
    assert "api_keys" not in repr(settings)


# ------------------------------------------------------------------------------------------ processes and traffic


def test_a_replica_as_a_process_ends_in_good_order() -> None:
    port = free_port()
    command = [sys.executable, "-m", "lab.reference.app", "--port", str(port)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    try:
        with asking(f"http://127.0.0.1:{port}") as client:
            wait_until(lambda: client.get("/health"), timeout_seconds=15, what="an answer")
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=10)
    assert b"shutdown complete" in log
    assert b"Traceback" not in log


@contextmanager
def traffic_to(url: str, rate: float) -> Iterator[Traffic]:
    """Run background traffic in a thread."""
    started: queue.Queue[tuple[Traffic, Callable[[], object]]] = queue.Queue()

    async def run() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with httpx.AsyncClient(base_url=url, headers={"X-API-Key": API_KEY}, verify=NO_TLS) as client:
            traffic = Traffic(client)
            started.put((traffic, lambda: loop.call_soon_threadsafe(stopping.set)))
            await traffic.run(rate, stopping)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    traffic, stop = started.get(timeout=10)
    try:
        yield traffic
    finally:
        stop()
        thread.join(timeout=10)


def test_background_traffic_succeeds_but_for_its_few_mistakes(engine_urls: dict[str, str]) -> None:
    usual = {"ocr success", "vision success", "compare 200", "classify 200"}
    mistakes = {"ocr mistake 200", "compare unknown 404"}
    with replica(provider_urls=engine_urls) as running:
        with traffic_to(str(running.client.base_url), rate=15) as traffic:
            wait_until(
                lambda: usual | mistakes <= traffic.tally.keys(), timeout_seconds=20, what="every kind of traffic"
            )
        assert set(traffic.tally) <= usual | mistakes | {"left out"}
        assert not [name for name in running.samples() if "status=error" in name]


def test_traffic_survives_an_outage() -> None:
    with traffic_to(NOWHERE, rate=50) as traffic:
        wait_until(lambda: traffic.tally["ConnectError"] >= 20, timeout_seconds=10, what="twenty refused requests")


def test_every_part_of_the_traffic_is_a_file_of_its_own() -> None:
    assert len({dxf(0), dxf(1), dxf(2)}) == 3
