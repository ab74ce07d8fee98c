"""A provider that does not answer in time is called an internal error."""

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
            fault = ProviderFaultError(fault.provider, Code.INTERNAL_ERROR, Stage.INFER, "something went wrong")
        return real(fault, started)

    with replaced(platform.ocr, _failed=failed):
        yield


DEFECT = Defect(
    breaks="a timeout has the code that says so",
    caught_by=("chaos.provider_latency_above_paddle.timed_out",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_latency_above_paddle",
)
