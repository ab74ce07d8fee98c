"""Drawings that are read at the same time get the title block of the one that was ready last."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.engines import Reading
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    read = platform.engines.read
    latest: dict[str, dict[str, str]] = {}

    async def mixed_up(provider: str, content: bytes, media_type: str) -> Reading:
        reading = await read(provider, content, media_type)
        latest["title_block"] = reading.title_block
        await asyncio.sleep(0.15)
        return reading.model_copy(update=latest)

    with replaced(platform.engines, read=mixed_up):
        yield


DEFECT = Defect(
    breaks="concurrent drawings are each answered with what stands in them",
    caught_by=("isolation.concurrent_drawings",),
    how=inside(change=_change),
    also=("ocr.*", "isolation.*"),
)
