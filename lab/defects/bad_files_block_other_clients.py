"""While one client sends bad files, the drawings of others are not read."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.ocr import OcrRequest
    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    extract = platform.ocr.extract
    refused: dict[str, list[float]] = {}

    async def blocking(request: OcrRequest) -> OcrResult:
        now = time.monotonic()
        result = await extract(request)
        if result.code == "INPUT_ERROR":
            refused.setdefault(request.tenant, []).append(now)
        others = [times for tenant, times in refused.items() if tenant != request.tenant]
        if result.success and any(sum(now - at < 3.0 for at in times) >= 5 for times in others):
            failure = {"success": False, "code": "CIRCUIT_OPEN", "error": "too many bad files of late"}
            return result.model_copy(update=failure)
        return result

    with replaced(platform.ocr, extract=blocking):
        yield


DEFECT = Defect(
    breaks="another client is served while one sends bad files",
    caught_by=("isolation.others_during_bad_input",),
    how=inside(change=_change),
    also=("isolation.*", "ocr.*"),
)
