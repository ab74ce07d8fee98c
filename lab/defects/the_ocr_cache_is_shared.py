"""A file that one client sent is answered to another from the cache."""

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
        return new.tenant != old.tenant and new.content == old.content and new.provider == old.provider

    with replayed(platform, wrongly, cached=True):
        yield


DEFECT = Defect(
    breaks="the caches of two clients are apart",
    caught_by=("isolation.ocr_cache_of_another_client",),
    how=inside(change=_change),
)
