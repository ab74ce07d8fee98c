"""A timeout is counted as if it had happened while the model was loaded."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.errors import Code, ProviderFaultError, Stage
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.ocr._failed  # noqa: SLF001 - a defect knows the insides

    def failed(fault: ProviderFaultError, started: float) -> OcrResult:
        if fault.code == Code.PROVIDER_TIMEOUT:
            fault = ProviderFaultError(fault.provider, Code.PROVIDER_TIMEOUT, Stage.LOAD, fault.message)
        return real(fault, started)

    with replaced(platform.ocr, _failed=failed):
        yield


DEFECT = Defect(
    breaks="a timeout is counted at the stage at which it happened",
    caught_by=("chaos.provider_latency_above_paddle.counted",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_latency_above_paddle",
)
