"""A cached answer of one provider is given for another."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._replays import replayed
from lab.tamper import inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.ocr import OcrRequest
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    def wrongly(new: OcrRequest, old: OcrRequest) -> bool:
        return new.idempotency_key is None and new.content == old.content and new.provider != old.provider

    with replayed(platform, wrongly, cached=True):
        yield


DEFECT = Defect(
    breaks="a cache does not mix providers",
    caught_by=("isolation.cache_of_another_provider",),
    how=inside(change=_change),
    also=("ocr.*", "providers.*"),
)
