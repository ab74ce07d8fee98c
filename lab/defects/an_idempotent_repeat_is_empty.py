"""The second answer under an idempotency key has lost what was read."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._replays import replayed, reused
from lab.tamper import inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.ocr import OcrRequest
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    def wrongly(new: OcrRequest, old: OcrRequest) -> bool:
        alike = new.content == old.content and new.provider == old.provider and new.tenant == old.tenant
        return alike and reused(new, old)

    with replayed(platform, wrongly, dimensions=[]):
        yield


DEFECT = Defect(
    breaks="the same file under the same idempotency key gets the same answer",
    caught_by=("isolation.idempotent_repeat",),
    how=inside(change=_change),
    also=("ocr.*",),
)
