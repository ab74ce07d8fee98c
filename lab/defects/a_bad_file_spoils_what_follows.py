"""Whoever sends a drawing right after a refused file gets a failure."""

from __future__ import annotations

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
    refused_at = [-60.0]

    def rejected(label: str, mistake: ClientMistakeError, started: float) -> OcrResult:
        refused_at[0] = time.monotonic()
        return real(label, mistake, started)

    async def spoiled(request: OcrRequest) -> OcrResult:
        result = await extract(request)
        if result.success and time.monotonic() - refused_at[0] < 2.0:
            failure = {"success": False, "code": "INTERNAL_ERROR", "error": "the reader is in a strange state"}
            return result.model_copy(update=failure)
        return result

    with replaced(platform.ocr, _rejected=rejected, extract=spoiled):
        yield


DEFECT = Defect(
    breaks="a good request after bad ones succeeds",
    caught_by=("isolation.good_input_after_bad_input",),
    how=inside(change=_change),
    also=("isolation.*", "ocr.*", "metrics.counts_ocr*", "providers.*"),
)
