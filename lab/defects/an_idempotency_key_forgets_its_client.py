"""An idempotency key gets the answer that another client got under it."""

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
        return reused(new, old) and new.tenant != old.tenant

    with replayed(platform, wrongly):
        yield


DEFECT = Defect(
    breaks="a client gets its own answer under an idempotency key of another",
    caught_by=("isolation.idempotency_key_of_another_client",),
    how=inside(change=_change),
)
