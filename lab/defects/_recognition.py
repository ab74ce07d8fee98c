"""Wrong work of OCR and vision, for the defects of both."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.reference.errors import Rejection
from lab.reference.schemas import OcrResult
from lab.tamper import Answer, replaced

if TYPE_CHECKING:
    from lab.reference.engines import Insight, Reading
    from lab.reference.errors import ClientMistakeError
    from lab.reference.ocr import OcrRequest
    from lab.reference.schemas import VisionRequest, VisionResult
    from lab.reference.service import Platform

OCR = "/api/v1/ocr/extract"
VISION = "/api/v1/vision/analyze"


@contextmanager
def misread(platform: "Platform", change: Callable[[str, str, "Reading"], "Reading"]) -> Iterator[None]:
    """Let OCR go on with another reading; `change` gets provider, media type and what was really read."""
    real = platform.engines.read

    async def read(provider: str, content: bytes, media_type: str) -> "Reading":
        return change(provider, media_type, await real(provider, content, media_type))

    with replaced(platform.engines, read=read):
        yield


@contextmanager
def misseen(platform: "Platform", change: Callable[["Insight"], "Insight"]) -> Iterator[None]:
    """Let vision go on with another insight."""
    real = platform.engines.describe

    async def describe(provider: str, content: bytes, media_type: str) -> "Insight":
        return change(await real(provider, content, media_type))

    with replaced(platform.engines, describe=describe):
        yield


@contextmanager
def misunderstood(platform: "Platform", change: Callable[["OcrRequest"], "OcrRequest"]) -> Iterator[None]:
    """Let OCR work on another request than the client's."""
    real = platform.ocr.extract

    async def extract(request: "OcrRequest") -> OcrResult:
        return await real(change(request))

    with replaced(platform.ocr, extract=extract):
        yield


@contextmanager
def taken_for_good(platform: "Platform", reason: Rejection) -> Iterator[None]:
    """Let OCR answer what it should refuse for this reason as a success with nothing in it."""
    real = platform.ocr._rejected  # noqa: SLF001 - a defect is inside the platform

    def rejected(label: str, mistake: "ClientMistakeError", started: float) -> OcrResult:
        answer = real(label, mistake, started)
        if mistake.reason is not reason:
            return answer
        return answer.model_copy(update={"success": True, "provider": "paddle", "error": None, "code": None})

    with replaced(platform.ocr, _rejected=rejected):
        yield


@contextmanager
def analyzed(
    platform: "Platform", change: Callable[["VisionRequest", "VisionResult"], "VisionResult"]
) -> Iterator[None]:
    """Let vision give another result; `change` gets the request and the real result."""
    real = platform.vision.analyze

    async def analyze(request: "VisionRequest") -> "VisionResult":
        return change(request, await real(request))

    with replaced(platform.vision, analyze=analyze):
        yield


def in_successes(change: Callable[[dict[str, Any]], None]) -> Callable[[Answer], None]:
    """Make a change of answers that concerns successes alone."""

    def changed(answer: Answer) -> None:
        if answer.status == 200 and answer.json["success"] is True:
            change(answer.json)

    return changed
