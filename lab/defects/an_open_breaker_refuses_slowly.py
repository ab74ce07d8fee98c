"""What an open breaker refuses is held back for a second."""

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


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.ocr.extract

    async def extract(request: OcrRequest) -> OcrResult:
        result = await real(request)
        if result.code == Code.CIRCUIT_OPEN:
            await asyncio.sleep(1.0)
        return result

    with replaced(platform.ocr, extract=extract):
        yield


DEFECT = Defect(
    breaks="an open breaker fails fast",
    caught_by=("chaos.provider_down_paddle.fails_fast",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_paddle",
)
