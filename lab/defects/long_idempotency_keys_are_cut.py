"""Idempotency keys are kept in a column of 64 characters, without the file: keys that begin alike are one key."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.schemas import OcrResult
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.ocr import OcrRequest
    from lab.reference.service import Platform

_COLUMN = 64


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.ocr.extract

    async def extract(request: "OcrRequest") -> OcrResult:
        started = time.perf_counter()
        key = request.idempotency_key or ""
        if len(key) <= _COLUMN or not key.isascii():
            return await real(request)
        place = f"cad:idempotency-long:{request.tenant}:{request.provider}:{key[:_COLUMN]}"
        kept = await platform.cache.get_json(place)
        if isinstance(kept, dict):
            result = OcrResult.model_validate(kept).model_copy(update={"cached": True})
            return platform.ocr._succeeded(result, started)  # noqa: SLF001 - a defect is inside the platform
        result = await real(request)
        if result.success:
            await platform.cache.set_json(place, result.model_dump(mode="json"))
        return result

    with replaced(platform.ocr, extract=extract):
        yield


DEFECT = Defect(
    breaks="two different idempotency keys are two requests, however long the keys are",
    caught_by=("isolation.idempotency_keys_count_as_a_whole",),
    how=inside(change=_change),
)
