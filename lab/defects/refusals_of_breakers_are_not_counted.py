"""What an open breaker refuses is not counted as an error."""

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

    def failed(fault: ProviderFaultError, started: float) -> OcrResult:
        result = real(fault, started)
        if fault.code == Code.CIRCUIT_OPEN:
            series = platform.metrics.ocr_errors.labels(provider=fault.provider, code=fault.code, stage=fault.stage)
            series.reset()
        return result

    with replaced(platform.ocr, _failed=failed):
        yield


DEFECT = Defect(
    breaks="what an open breaker refuses is counted",
    caught_by=("chaos.provider_down_paddle.refusals_counted",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_paddle",
)
