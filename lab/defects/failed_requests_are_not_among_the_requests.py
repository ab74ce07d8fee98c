"""OCR requests that a provider fails at are counted as errors, and not as requests."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.errors import ProviderFaultError
    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.ocr._failed  # noqa: SLF001 - a defect knows the insides

    def failed(fault: ProviderFaultError, started: float) -> OcrResult:
        result = real(fault, started)
        platform.metrics.ocr_requests.labels(provider=fault.provider, status="error").reset()
        return result

    with replaced(platform.ocr, _failed=failed):
        yield


DEFECT = Defect(
    breaks="requests that a provider fails at are counted among its requests",
    caught_by=("chaos.provider_down_deepseek_hf.requests_counted",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_deepseek_hf",
)
