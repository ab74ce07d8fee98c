"""Vision: what is to be seen in an image, in words."""

import asyncio
import base64
import binascii
import time

from lab.reference import uploads
from lab.reference.engines import Engines, Insight
from lab.reference.errors import ClientMistakeError, Code, ProviderFaultError, Rejection, Stage
from lab.reference.fetch import fetch_image
from lab.reference.metrics import ErrorRate, Metrics
from lab.reference.schemas import Description, VisionOcr, VisionRequest, VisionResult
from lab.reference.settings import VISION_PROVIDERS, Settings

_PROVIDER = VISION_PROVIDERS[0]


class Vision:
    """Describes images through the vision provider."""

    def __init__(self, settings: Settings, metrics: Metrics, engines: Engines) -> None:
        """Work with the given parts."""
        self._settings = settings
        self._metrics = metrics
        self._engines = engines
        self.error_rate = ErrorRate(metrics.vision_error_rate_ema, settings.error_ema_alpha)

    async def analyze(self, request: VisionRequest) -> VisionResult:
        """Describe an image. Never raises for what the client sent or the provider failed at: the result says it."""
        started = time.perf_counter()
        try:
            content, media_type = await self._image(request)
            async with asyncio.timeout(self._settings.request_timeout_seconds * 0.9):
                insight = await self._describe(content, media_type)
        except ClientMistakeError as mistake:
            self._metrics.vision_input_rejected.labels(reason=mistake.reason).inc()
            return self._without_success("input_error", Code.INPUT_ERROR, mistake.message, started)
        except ProviderFaultError as fault:
            if fault.reached:
                self._observe(started)
            self.error_rate.record(failed=True)
            return self._without_success("error", fault.code, fault.message, started)
        except TimeoutError:
            self._observe(started)
            self.error_rate.record(failed=True)
            return self._without_success("error", Code.PROVIDER_TIMEOUT, "the request took too long", started)
        self._observe(started)
        self._metrics.vision_requests.labels(provider=_PROVIDER, status="success").inc()
        self.error_rate.record(failed=False)
        return VisionResult(
            success=True,
            provider=_PROVIDER,
            description=_description(insight) if request.include_description else None,
            ocr=_ocr(insight) if request.include_ocr else None,
            processing_time_ms=_elapsed_ms(started),
        )

    async def _image(self, request: VisionRequest) -> tuple[bytes, str]:
        limit = self._settings.vision_max_image_bytes
        if (request.image_base64 is None) == (request.image_url is None):
            raise ClientMistakeError(Rejection.MISSING, "send exactly one of image_base64 and image_url")
        if request.image_base64 is not None:
            content = _decoded(request.image_base64, limit)
        else:
            content = await fetch_image(
                request.image_url or "", timeout_seconds=self._settings.provider_timeout_seconds, max_bytes=limit
            )
        return content, await asyncio.to_thread(uploads.check_image, content)

    async def _describe(self, content: bytes, media_type: str) -> Insight:
        if not self._settings.enabled(_PROVIDER):
            message = f"{_PROVIDER} is disabled by DISABLED_PROVIDERS"
            raise ProviderFaultError(_PROVIDER, Code.PROVIDER_DOWN, Stage.INIT, message, reached=False)
        return await self._engines.describe(_PROVIDER, content, media_type)

    def _observe(self, started: float) -> None:
        self._metrics.vision_processing_duration.labels(provider=_PROVIDER).observe(time.perf_counter() - started)

    def _without_success(self, status: str, code: Code, message: str, started: float) -> VisionResult:
        self._metrics.vision_requests.labels(provider=_PROVIDER, status=status).inc()
        self._metrics.vision_errors.labels(provider=_PROVIDER, code=code).inc()
        return VisionResult(
            success=False,
            provider=_PROVIDER,
            processing_time_ms=_elapsed_ms(started),
            error=message,
            code=code.value,
        )


def _decoded(text: str, limit: int) -> bytes:
    _, comma, data = text.partition(",") if text.startswith("data:") else ("", "", text)
    if text.startswith("data:") and not comma:
        raise ClientMistakeError(Rejection.BAD_ENCODING, "image_base64 is a data URL without data")
    # Base64 makes four characters of three bytes: too much is seen before it is decoded.
    if len(data) // 4 * 3 > limit + 3:
        raise ClientMistakeError(Rejection.TOO_LARGE, f"the image has more than {limit} bytes")
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ClientMistakeError(Rejection.BAD_ENCODING, "image_base64 is not Base64") from error
    if len(content) > limit:
        raise ClientMistakeError(Rejection.TOO_LARGE, f"the image has {len(content)} bytes, {limit} are allowed")
    return content


def _description(insight: Insight) -> Description:
    return Description(summary=insight.summary, details=insight.details, confidence=insight.confidence)


def _ocr(insight: Insight) -> VisionOcr:
    return VisionOcr(
        confidence=insight.confidence,
        lines=insight.lines,
        dimensions=insight.dimensions,
        symbols=insight.symbols,
        title_block=insight.title_block,
    )


def _elapsed_ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)
