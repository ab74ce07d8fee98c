"""Answers that were given before, for the defects of idempotency and caches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.tamper import replaced

if TYPE_CHECKING:
    from lab.reference.ocr import OcrRequest
    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform

_KEPT_MAX = 500


def reused(new: "OcrRequest", old: "OcrRequest") -> bool:
    """Tell whether two requests have the same idempotency key."""
    return new.idempotency_key is not None and new.idempotency_key == old.idempotency_key


@contextmanager
def replayed(
    platform: "Platform",
    wrongly: "Callable[[OcrRequest, OcrRequest], bool]",
    **changes: object,
) -> Iterator[None]:
    """Answer a request with what a request before it got, where `wrongly` says so of the two (new, old).

    `changes` are made to the old answer.
    """
    real = platform.ocr.extract
    kept: list[tuple[OcrRequest, OcrResult]] = []

    async def extract(request: "OcrRequest") -> "OcrResult":
        for earlier, answer in reversed(kept):
            if wrongly(request, earlier):
                return answer.model_copy(update=changes)
        result = await real(request)
        if result.success:
            kept.append((request, result))
            del kept[:-_KEPT_MAX]
        return result

    with replaced(platform.ocr, extract=extract):
        yield
