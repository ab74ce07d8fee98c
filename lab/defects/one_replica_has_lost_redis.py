"""One replica cannot reach Redis, which answers everybody else."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.cache import CacheDownError
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    async def ping() -> None:
        raise CacheDownError("no answer in 0.45 s")

    with replaced(platform.cache, ping=ping):
        yield


DEFECT = Defect(
    breaks="Redis is up for every replica",
    caught_by=("dependencies.redis_reachable",),
    how=inside(change=_change, replicas=("replica-2",)),
    also=("health.*",),
)
