"""An OCR request waits until Postgres has its entry."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.history import HistoryDownError
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.ocr import OcrRequest
    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform


_PATIENCE_SECONDS = 6.0


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.ocr.extract

    async def extract(request: OcrRequest) -> OcrResult:
        result = await real(request)
        with suppress(HistoryDownError):
            await platform.history.ping()
            return result
        await asyncio.sleep(_PATIENCE_SECONDS)
        return result

    with replaced(platform.ocr, extract=extract):
        yield


DEFECT = Defect(
    breaks="without Postgres requests are served all the same",
    caught_by=("chaos.postgres_killed.served",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="postgres_killed",
)
