"""The health page says degraded for a while after files were refused."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.errors import ClientMistakeError
    from lab.reference.schemas import Health, OcrResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real, report = platform.ocr._rejected, platform.health.report  # noqa: SLF001 - a defect knows the insides
    refused_at = [-60.0]

    def rejected(label: str, mistake: ClientMistakeError, started: float) -> OcrResult:
        refused_at.append(time.monotonic())
        return real(label, mistake, started)

    async def degraded() -> Health:
        found = await report()
        lately = sum(time.monotonic() - at < 3.0 for at in refused_at) >= 5
        return found.model_copy(update={"status": "degraded"}) if lately else found

    with replaced(platform.ocr, _rejected=rejected), replaced(platform.health, report=degraded):
        yield


DEFECT = Defect(
    breaks="bad files of a client change nothing about health",
    caught_by=("isolation.bad_input_keeps_the_platform_ready",),
    how=inside(change=_change),
    also=("health.*",),
)
