"""Talking to the recognition engines, which are HTTP services of their own."""

import asyncio
from dataclasses import dataclass
from typing import Any, TypeVar

import httpcore
import tenacity
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lab.reference.breakers import Breakers
from lab.reference.errors import ClientMistakeError, Code, ProviderFaultError, Rejection, Stage
from lab.reference.settings import Settings

_ANSWER_MAX_BYTES = 4 * 1024 * 1024
_IN_FLIGHT_MAX = 64

_HTTP_FAULTS = {
    401: (Code.AUTH_FAILED, Stage.INIT),
    403: (Code.AUTH_FAILED, Stage.INIT),
    413: (Code.RESOURCE_EXHAUSTED, Stage.INFER),
    429: (Code.QUOTA_EXCEEDED, Stage.INFER),
    503: (Code.MODEL_LOAD_ERROR, Stage.LOAD),
    507: (Code.RESOURCE_EXHAUSTED, Stage.INFER),
}
_UNPROCESSABLE = 422


class Reading(BaseModel):
    """What an engine read in a drawing."""

    model_config = ConfigDict(extra="ignore")

    confidence: float = Field(ge=0, le=1)
    lines: list[str] = []
    title_block: dict[str, str] = {}
    dimensions: list[dict[str, Any]] = []
    symbols: list[dict[str, Any]] = []


Model = TypeVar("Model", bound=Reading)


class Insight(Reading):
    """What the vision engine says about a drawing."""

    summary: str
    details: list[str] = []


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """How an engine answered to a question about its health."""

    reachable: bool
    model_loaded: bool
    detail: str


class Engines:
    """Bounded calls to the engines: time limit, breaker, one retry where it is harmless, a cap on calls in flight."""

    def __init__(self, settings: Settings, breakers: Breakers) -> None:
        """Prepare the connection pool; nothing is connected yet."""
        self._settings = settings
        self._breakers = breakers
        self._in_flight = 0
        self._pool = httpcore.AsyncConnectionPool(max_connections=_IN_FLIGHT_MAX, keepalive_expiry=15.0)

    async def read(self, provider: str, content: bytes, media_type: str) -> Reading:
        """Let an engine read a drawing; raises ProviderFaultError or ClientMistakeError."""
        return await self._ask(Reading, provider, "/v1/read", content, media_type)

    async def describe(self, provider: str, content: bytes, media_type: str) -> Insight:
        """Let the vision engine describe an image; raises ProviderFaultError or ClientMistakeError."""
        return await self._ask(Insight, provider, "/v1/describe", content, media_type)

    async def probe(self, provider: str) -> EngineHealth:
        """Ask an engine how it is, with a short time limit and without touching its breaker. Never raises."""
        url = self._settings.provider_urls.get(provider)
        if url is None:
            return EngineHealth(reachable=False, model_loaded=False, detail="no URL is configured")
        try:
            async with asyncio.timeout(self._settings.dependency_timeout_seconds):
                answer = await self._pool.request("GET", f"{url.rstrip('/')}/healthz")
        except TimeoutError:
            limit = self._settings.dependency_timeout_seconds
            return EngineHealth(reachable=False, model_loaded=False, detail=f"no answer in {limit:g} s")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            return EngineHealth(reachable=False, model_loaded=False, detail=type(error).__name__)
        if answer.status == 200:
            return EngineHealth(reachable=True, model_loaded=True, detail="ready")
        return EngineHealth(reachable=True, model_loaded=False, detail=f"answers with HTTP status {answer.status}")

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def _ask(self, kind: type[Model], provider: str, path: str, content: bytes, media_type: str) -> Model:
        url = self._settings.provider_urls.get(provider)
        if url is None:
            raise _fault(provider, Code.PROVIDER_DOWN, Stage.INIT, "no URL is configured", reached=False)
        if self._in_flight >= _IN_FLIGHT_MAX:
            raise _fault(provider, Code.RESOURCE_EXHAUSTED, Stage.INIT, "too many calls are under way", reached=False)
        self._in_flight += 1
        try:
            with self._breakers.guard(provider):
                status, body = await self._send(provider, f"{url.rstrip('/')}{path}", content, media_type)
                if status == _UNPROCESSABLE:
                    message = "the file cannot be read as a drawing"
                    raise ClientMistakeError(Rejection.UNREADABLE, message)
                if status != 200:
                    code, stage = _HTTP_FAULTS.get(status, (Code.EXTERNAL_SERVICE_ERROR, Stage.INFER))
                    raise _fault(provider, code, stage, f"it answered with HTTP status {status}")
                return _parsed(kind, provider, body)
        finally:
            self._in_flight -= 1

    async def _send(self, provider: str, url: str, content: bytes, media_type: str) -> tuple[int, bytes]:
        # A reading changes nothing at the engine, so a call that broke off before its answer may be made again.
        again = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(2),
            wait=tenacity.wait_random(0.02, 0.08),
            retry=tenacity.retry_if_exception_type((httpcore.NetworkError, httpcore.RemoteProtocolError)),
            reraise=True,
        )
        limit = self._settings.provider_timeout_seconds
        try:
            async with asyncio.timeout(limit):
                return await again(self._exchange, provider, url, content, media_type)
        except (TimeoutError, httpcore.TimeoutException) as error:
            message = f"no answer in {limit:g} s"
            raise _fault(provider, Code.PROVIDER_TIMEOUT, Stage.INFER, message) from error
        except (httpcore.ConnectError, ConnectionRefusedError) as error:
            raise _fault(provider, Code.PROVIDER_DOWN, Stage.INIT, "it cannot be reached") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise _fault(provider, Code.NETWORK_ERROR, Stage.INFER, "the connection broke off") from error

    async def _exchange(self, provider: str, url: str, content: bytes, media_type: str) -> tuple[int, bytes]:
        headers: dict[bytes | str, bytes | str] = {
            "Content-Type": media_type,
            "Content-Length": str(len(content)),
            "Accept": "application/json",
        }
        async with self._pool.stream("POST", url, headers=headers, content=content) as answer:
            body = bytearray()
            async for chunk in answer.aiter_stream():
                body += chunk
                if len(body) > _ANSWER_MAX_BYTES:
                    raise _fault(provider, Code.PARSE_FAILED, Stage.PARSE, "its answer is too long")
            return answer.status, bytes(body)


def _parsed(kind: type[Model], provider: str, body: bytes) -> Model:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise _fault(provider, Code.PARSE_FAILED, Stage.PARSE, "its answer makes no sense") from error


def _fault(provider: str, code: Code, stage: Stage, what: str, *, reached: bool = True) -> ProviderFaultError:
    return ProviderFaultError(provider, code, stage, f"{provider}: {what}", reached=reached)
