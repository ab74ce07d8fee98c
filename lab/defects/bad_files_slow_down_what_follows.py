"""Drawings take seconds longer for a while after files were refused."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.errors import ClientMistakeError
    from lab.reference.ocr import OcrRequest
    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real, extract = platform.ocr._rejected, platform.ocr.extract  # noqa: SLF001 - a defect knows the insides
    refused_at = [-60.0] * 5

    def rejected(label: str, mistake: ClientMistakeError, started: float) -> OcrResult:
        refused_at.append(time.monotonic())
        return real(label, mistake, started)

    async def slow(request: OcrRequest) -> OcrResult:
        if time.monotonic() - refused_at[-5] < 6.0:
            await asyncio.sleep(4.0)
        return await extract(request)

    with replaced(platform.ocr, _rejected=rejected, extract=slow):
        yield


DEFECT = Defect(
    breaks="a good request after bad ones is about as fast as before",
    caught_by=("isolation.good_input_after_bad_input",),
    how=inside(change=_change),
    also=("isolation.*", "ocr.*", "metrics.*", "slo.*", "prometheus.*", "providers.*"),
)
