"""A provider's answer that cannot be read is counted as a timeout; callers are told the truth."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.errors import Code
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.errors import ProviderFaultError
    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.ocr._failed  # noqa: SLF001 - a defect knows the insides
    errors = platform.metrics.ocr_errors

    def failed(fault: ProviderFaultError, started: float) -> OcrResult:
        result = real(fault, started)
        if fault.code not in {Code.CIRCUIT_OPEN, Code.PROVIDER_TIMEOUT}:
            errors.labels(provider=fault.provider, code=fault.code, stage=fault.stage).reset()
            errors.labels(provider=fault.provider, code=Code.PROVIDER_TIMEOUT, stage=fault.stage).inc()
        return result

    with replaced(platform.ocr, _failed=failed):
        yield


DEFECT = Defect(
    breaks="what goes wrong with a provider is counted with the code that callers are told",
    caught_by=("chaos.provider_garbage.counted",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_garbage",
)
