"""A replica without Redis says that it is not ready, as all of them do at once."""

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
        well = found.checks["redis"].status == "up"
        return found if well else found.model_copy(update={"status": "not_ready", "ready": False})

    with replaced(platform.health, readiness=readiness):
        yield


DEFECT = Defect(
    breaks="without Redis the platform is degraded and not dead",
    caught_by=("chaos.redis_down.served", "chaos.redis_down.health_answers"),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="redis_down",
)
