"""The page of readiness shows what it found at the start: Redis is up, whatever becomes of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.schemas import Readiness
    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    real = platform.health.readiness

    async def readiness() -> Readiness:
        found = await real()
        redis = found.checks["redis"].model_copy(update={"status": "up", "detail": "ready"})
        return found.model_copy(update={"checks": {**found.checks, "redis": redis}})

    with replaced(platform.health, readiness=readiness):
        yield


DEFECT = Defect(
    breaks="the page of readiness says what is away",
    caught_by=("chaos.redis_down.told",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="redis_down",
)
