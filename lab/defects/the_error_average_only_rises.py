"""The moving average of vision errors takes failures in, and forgets none of them."""

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
    real = platform.vision.error_rate.record

    def record(*, failed: bool) -> None:
        if failed:
            real(failed=True)

    with replaced(platform.vision.error_rate, record=record):
        yield


DEFECT = Defect(
    breaks="the moving average of errors falls when all is well again",
    caught_by=("chaos.provider_down_vision.averaged",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_vision",
)
