"""A caller without a choice is not served by another provider when the first one fails."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.ocr import OcrRequest
    from lab.reference.schemas import OcrResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    async def extract(request: OcrRequest) -> OcrResult:
        if request.provider != "auto":
            return await plain(request)
        return await plain(replace(request, provider="paddle"))

    plain = platform.ocr.extract
    with replaced(platform.ocr, extract=extract):
        yield


DEFECT = Defect(
    breaks="a caller without a choice of provider is served by another one",
    caught_by=("chaos.provider_down_paddle.falls_back",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_down_paddle",
)
