"""After a failure of a provider the whole process sleeps for a moment, and answers nobody."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._loading import stall
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.errors import ProviderFaultError
    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform

_SECONDS = 0.8


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.ocr._failed  # noqa: SLF001 - a defect knows the insides

    def failed(fault: ProviderFaultError, started: float) -> OcrResult:
        if fault.reached:
            stall(_SECONDS)  # as a retry does that was written for threads
        return real(fault, started)

    with replaced(platform.ocr, _failed=failed):
        yield


DEFECT = Defect(
    breaks="whoever waits for a provider holds up nobody else",
    caught_by=("chaos.provider_down_paddle.responsive",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_paddle",
)
