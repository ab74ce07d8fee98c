"""For each file that is refused, one drawing after it takes seconds longer."""

from __future__ import annotations

import asyncio
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
    refused = 0

    def rejected(label: str, mistake: ClientMistakeError, started: float) -> OcrResult:
        nonlocal refused
        refused += 1
        return real(label, mistake, started)

    async def slow(request: OcrRequest) -> OcrResult:
        nonlocal refused
        result = await extract(request)
        if result.success and refused > 0:
            refused -= 1
            # Near the time limit of the lab: far more than before, however busy the machine is.
            await asyncio.sleep(5.5)
        return result

    with replaced(platform.ocr, _rejected=rejected, extract=slow):
        yield


DEFECT = Defect(
    breaks="a good request after bad ones is about as fast as before",
    caught_by=("isolation.good_input_after_bad_input",),
    how=inside(change=_change),
    also=("isolation.*", "errors.*", "ocr.*", "metrics.*", "slo.*", "prometheus.*", "providers.*"),
)
