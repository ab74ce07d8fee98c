"""A request to a provider that refuses connections takes four seconds to say so."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.errors import Code
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.ocr import OcrRequest
    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform


_WASTED_SECONDS = 4.0


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.ocr.extract

    async def extract(request: OcrRequest) -> OcrResult:
        result = await real(request)
        if result.code == Code.PROVIDER_DOWN:
            await asyncio.sleep(_WASTED_SECONDS)
        return result

    with replaced(platform.ocr, extract=extract):
        yield


DEFECT = Defect(
    breaks="a request to a provider that is away fails at once",
    caught_by=("chaos.provider_down_deepseek_hf.failed",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_deepseek_hf",
)
