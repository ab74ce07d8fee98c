"""The platform asks Redis whether it is there, and keeps nothing in it."""

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
    async def run(_operation: object, *, force: bool = False) -> bool:
        if not force:
            raise CacheDownError("the cache is switched off")
        return True

    with replaced(platform.cache, run=run):
        yield


DEFECT = Defect(
    breaks="the platform keeps data in Redis",
    caught_by=("dependencies.redis_used",),
    how=inside(change=_change),
    also=("*",),
)
