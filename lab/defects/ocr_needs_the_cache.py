"""An OCR request fails when Redis is away."""

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
    real = platform.cache.get_json

    async def get_json(key: str) -> object:
        await platform.cache.ping()
        return await real(key)

    with replaced(platform.cache, get_json=get_json):
        yield


DEFECT = Defect(
    breaks="without Redis the platform is degraded and not dead",
    caught_by=("chaos.redis_down.served",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="redis_down",
)
