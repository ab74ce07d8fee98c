"""A provider counts as not ready for a while after files were refused."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.errors import ClientMistakeError
    from lab.reference.health import Finding
    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real, trouble = platform.ocr._rejected, platform.health._trouble_of  # noqa: SLF001 - a defect knows the insides
    refused: dict[str, float] = {}

    def rejected(label: str, mistake: ClientMistakeError, started: float) -> OcrResult:
        refused[label] = time.monotonic()
        return real(label, mistake, started)

    def trouble_of(provider: str, findings: dict[str, Finding]) -> str | None:
        if time.monotonic() - refused.get(provider, -60.0) < 5.0:
            return "errors a moment ago"
        return trouble(provider, findings)

    with replaced(platform.ocr, _rejected=rejected), replaced(platform.health, _trouble_of=trouble_of):
        yield


DEFECT = Defect(
    breaks="bad files of a client do not make a provider not ready",
    caught_by=("isolation.bad_input_keeps_providers_ready",),
    how=inside(change=_change),
    also=("providers.*", "ocr.*"),
)
