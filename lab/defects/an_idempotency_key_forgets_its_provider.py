"""An idempotency key gets the first provider's answer, though another one is asked for."""

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
        return reused(new, old) and new.content == old.content and new.provider != old.provider

    with replayed(platform, wrongly):
        yield


DEFECT = Defect(
    breaks="a provider asked for by name is not answered for by another",
    caught_by=("isolation.idempotency_key_of_another_provider",),
    how=inside(change=_change),
    also=("ocr.*",),
)
