"""The moving average of OCR errors stays at what it was when the process began."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    def record(*, failed: bool) -> None:
        pass

    with replaced(platform.ocr.error_rate, record=record):
        yield


DEFECT = Defect(
    breaks="the moving average of errors follows what callers see",
    caught_by=("chaos.provider_down_paddle.averaged",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_paddle",
)
