"""A request to a provider that is away stops the whole replica for a while."""

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


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.ocr._failed  # noqa: SLF001 - a defect knows the insides

    def failed(fault: ProviderFaultError, started: float) -> OcrResult:
        stall(0.7)
        return real(fault, started)

    with replaced(platform.ocr, _failed=failed):
        yield


DEFECT = Defect(
    breaks="what does not go through a broken provider is as fast as before",
    caught_by=("chaos.provider_down_paddle.others_served",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_paddle",
)
