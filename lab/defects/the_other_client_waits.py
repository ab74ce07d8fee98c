"""OCR holds every client but the first back for a second."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.breaking import Defect
from lab.defects._loading import SMOKE
from lab.reference.compare import tenant_of
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.ocr import OcrRequest
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    healthy = platform.ocr.extract
    first = tenant_of(platform.settings.api_keys[0])

    async def changed(request: "OcrRequest") -> Any:
        if request.tenant != first:
            await asyncio.sleep(1.0)
        return await healthy(request)

    with replaced(platform.ocr, extract=changed):
        yield


DEFECT = Defect(
    breaks="clients are served alike",
    caught_by=("load.fairness",),
    how=inside(change=_change),
    also=("load.*",),
    load=SMOKE,
)
