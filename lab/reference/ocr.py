"""Optical character recognition: from an upload to what stands in the drawing."""

import asyncio
import hashlib
import logging
import time
from dataclasses import dataclass

from lab.reference import uploads
from lab.reference.cache import Cache
from lab.reference.engines import Engines
from lab.reference.errors import ClientMistakeError, Code, ProviderFaultError, Rejection, Stage
from lab.reference.history import History
from lab.reference.metrics import ErrorRate, Metrics
from lab.reference.schemas import OcrResult
from lab.reference.settings import OCR_PROVIDERS, Settings, canonical_provider

_log = logging.getLogger(__name__)

_SMALL_BYTES = 64 * 1024
_IDEMPOTENCY_KEY_MAX = 255


@dataclass(frozen=True, slots=True)
class OcrRequest:
    """An upload and who sent it; `provider` is what the client wrote."""

    content: bytes
    provider: str
    tenant: str
    idempotency_key: str | None = None


class Ocr:
    """Reads drawings through the providers. Every request is counted once, under the provider that answered.

    The provider label is "auto" when a request was refused before a provider was chosen, and "unknown" when the client
    named none that exists: text of a client never becomes a label.
    """

    def __init__(self, settings: Settings, metrics: Metrics, engines: Engines, cache: Cache, history: History) -> None:
        """Work with the given parts."""
        self._settings = settings
        self._metrics = metrics
        self._engines = engines
        self._cache = cache
        self._history = history
        self.error_rate = ErrorRate(metrics.ocr_error_rate_ema, settings.error_ema_alpha)

    async def extract(self, request: OcrRequest) -> OcrResult:
        """Read a drawing. Never raises for what the client sent or a provider failed at: the result says it."""
        started = time.perf_counter()
        asked = canonical_provider(request.provider)
        label = asked if asked in (*OCR_PROVIDERS, "auto") else "unknown"
        try:
            media_type = await self._checked(request, label)
            replayed, keys = await self._remembered(request, asked)
            if replayed is not None:
                return self._succeeded(replayed, started)
            async with asyncio.timeout(self._settings.request_timeout_seconds * 0.9):
                result = await self._read(request, label, media_type, started)
        except ClientMistakeError as mistake:
            return self._rejected(label, mistake, started)
        except ProviderFaultError as fault:
            return self._failed(fault, started)
        except TimeoutError:
            last = OCR_PROVIDERS[-1] if label == "auto" else label
            late = ProviderFaultError(last, Code.PROVIDER_TIMEOUT, Stage.INFER, "the request took too long")
            return self._failed(late, started)
        answer = self._succeeded(result, started)
        await self._remember(answer, keys)
        return answer

    async def _checked(self, request: OcrRequest, label: str) -> str:
        if label == "unknown":
            known = ", ".join(("auto", *OCR_PROVIDERS))
            raise ClientMistakeError(Rejection.UNKNOWN_PROVIDER, f"no such provider; known are {known}")
        key = request.idempotency_key
        if key is not None and not (0 < len(key) <= _IDEMPOTENCY_KEY_MAX and key.isascii() and key.isprintable()):
            message = f"Idempotency-Key must be 1 to {_IDEMPOTENCY_KEY_MAX} printable ASCII characters"
            raise ClientMistakeError(Rejection.BAD_HEADER, message)
        limits = {"max_bytes": self._settings.ocr_max_file_bytes, "max_pages": self._settings.ocr_max_pages}
        if len(request.content) <= _SMALL_BYTES:
            return uploads.check_drawing(request.content, **limits)
        return await asyncio.to_thread(uploads.check_drawing, request.content, **limits)

    async def _remembered(self, request: OcrRequest, asked: str) -> tuple[OcrResult | None, tuple[str, ...]]:
        """Look for an answer given before; gives it, and the keys under which a new one is to be kept."""
        digest = hashlib.sha256(request.content).hexdigest()
        keys = [f"cad:ocr:{request.tenant}:{asked}:{digest}"]
        if request.idempotency_key is not None:
            # Bound to tenant, provider and payload too: nobody gets the answer to something else by reusing a key.
            bound = hashlib.sha256(request.idempotency_key.encode("ascii")).hexdigest()
            keys.insert(0, f"cad:idempotency:{request.tenant}:{bound}:{asked}:{digest}")
        for key in keys:
            kept = await self._cache.get_json(key)
            if isinstance(kept, dict):
                result = OcrResult.model_validate(kept)
                # A provider that was switched off since then is not quoted any more.
                if self._settings.enabled(result.provider):
                    return result.model_copy(update={"cached": True}), tuple(keys)
        return None, tuple(keys)

    async def _remember(self, result: OcrResult, keys: tuple[str, ...]) -> None:
        for key in keys:
            await self._cache.set_json(key, result.model_dump(mode="json"))

    async def _read(self, request: OcrRequest, label: str, media_type: str, started: float) -> OcrResult:
        candidates = [name for name in OCR_PROVIDERS if self._settings.enabled(name)] if label == "auto" else [label]
        fault = ProviderFaultError(
            OCR_PROVIDERS[0], Code.PROVIDER_DOWN, Stage.INIT, "every provider is disabled", reached=False
        )
        for provider in candidates:
            try:
                return await self._read_with(provider, request.content, media_type, started)
            except ProviderFaultError as error:
                fault = error
                if label == "auto":
                    _log.warning("auto: %s (%s), trying the next provider", error.message, error.code)
        raise fault

    async def _read_with(self, provider: str, content: bytes, media_type: str, started: float) -> OcrResult:
        if not self._settings.enabled(provider):
            message = f"{provider} is disabled by DISABLED_PROVIDERS"
            raise ProviderFaultError(provider, Code.PROVIDER_DOWN, Stage.INIT, message, reached=False)
        reading = await self._engines.read(provider, content, media_type)
        self._metrics.ocr_processing_duration.labels(provider=provider).observe(time.perf_counter() - started)
        return OcrResult(
            success=True,
            provider=provider,
            confidence=reading.confidence,
            processing_time_ms=_elapsed_ms(started),
            lines=reading.lines,
            dimensions=reading.dimensions,
            symbols=reading.symbols,
            title_block=reading.title_block,
        )

    def _succeeded(self, result: OcrResult, started: float) -> OcrResult:
        self._metrics.ocr_requests.labels(provider=result.provider, status="success").inc()
        self.error_rate.record(failed=False)
        answer = result.model_copy(update={"processing_time_ms": _elapsed_ms(started)})
        self._note(answer, "success")
        return answer

    def _rejected(self, label: str, mistake: ClientMistakeError, started: float) -> OcrResult:
        self._metrics.ocr_input_rejected.labels(reason=mistake.reason).inc()
        self._metrics.ocr_requests.labels(provider=label, status="input_error").inc()
        self._metrics.ocr_errors.labels(provider=label, code=Code.INPUT_ERROR, stage=Stage.PREPROCESS).inc()
        answer = _without_success(label, Code.INPUT_ERROR, mistake.message, started)
        self._note(answer, "input_error")
        return answer

    def _failed(self, fault: ProviderFaultError, started: float) -> OcrResult:
        self._metrics.ocr_requests.labels(provider=fault.provider, status="error").inc()
        self._metrics.ocr_errors.labels(provider=fault.provider, code=fault.code, stage=fault.stage).inc()
        if fault.reached:
            elapsed_seconds = time.perf_counter() - started
            self._metrics.ocr_processing_duration.labels(provider=fault.provider).observe(elapsed_seconds)
        self.error_rate.record(failed=True)
        answer = _without_success(fault.provider, fault.code, fault.message, started)
        self._note(answer, "error")
        return answer

    def _note(self, answer: OcrResult, status: str) -> None:
        self._history.record(
            provider=answer.provider,
            status=status,
            code=answer.code,
            duration_ms=answer.processing_time_ms,
            cached=answer.cached,
        )


def _without_success(provider: str, code: Code, message: str, started: float) -> OcrResult:
    return OcrResult(
        success=False,
        provider=provider,
        processing_time_ms=_elapsed_ms(started),
        error=message,
        code=code.value,
    )


def _elapsed_ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)
