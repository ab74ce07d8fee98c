"""Of drawings that come at the same time, all are answered with what stands in the one that came last."""

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
    latest = (b"", "")

    async def mixed_up(provider: str, content: bytes, media_type: str) -> Reading:
        nonlocal latest
        latest = (content, media_type)
        await asyncio.sleep(0.2)
        return await read(provider, *latest)

    with replaced(platform.engines, read=mixed_up):
        yield


DEFECT = Defect(
    breaks="concurrent drawings are each answered with what stands in them",
    caught_by=("isolation.concurrent_drawings",),
    how=inside(change=_change),
    also=("ocr.*", "isolation.*", "metrics.counts_*", "slo.*"),
)
