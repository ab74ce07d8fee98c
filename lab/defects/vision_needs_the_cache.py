"""A vision analysis fails when Redis is away."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.cache import CacheDownError
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.schemas import VisionRequest, VisionResult
    from lab.reference.service import Platform


_WASTED_SECONDS = 6.0


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.vision.analyze

    async def analyze(request: VisionRequest) -> VisionResult:
        try:
            await platform.cache.ping()
        except CacheDownError:
            await asyncio.sleep(_WASTED_SECONDS)
        return await real(request)

    with replaced(platform.vision, analyze=analyze):
        yield


DEFECT = Defect(
    breaks="without Redis vision is served all the same",
    caught_by=("chaos.redis_down.vision_served",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="redis_down",
)
