"""Callers of a provider that fails are told which exception of which library it was."""

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
        return result.model_copy(update={"error": f"httpx.ConnectError: {fault.message}"}) if fault.reached else result

    with replaced(platform.ocr, _failed=failed):
        yield


DEFECT = Defect(
    breaks="errors tell nothing of how the service is made inside, whatever went wrong",
    caught_by=("chaos.provider_down_deepseek_hf.discreet",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_deepseek_hf",
)
