"""OCR requests are counted in the branch that asks a provider, not in the one that finds a kept answer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.ocr._succeeded  # noqa: SLF001 - a defect is inside the platform

    def succeeded(result: "OcrResult", started: float) -> "OcrResult":
        if not result.cached:
            return real(result, started)
        elapsed_ms = round((time.perf_counter() - started) * 1000, 3)
        answer = result.model_copy(update={"processing_time_ms": elapsed_ms})
        platform.ocr._note(answer, "success")  # noqa: SLF001 - as above
        return answer

    with replaced(platform.ocr, _succeeded=succeeded):
        yield


DEFECT = Defect(
    breaks="each OCR request is counted, also one that the cache answers",
    caught_by=("metrics.counts_ocr_repeated",),
    how=inside(change=_change),
)
