"""Who removes a vector removes all of his whose ids begin like its id: the pattern lost its end."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference import compare
from lab.reference.cache import CacheDownError
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.vectors.delete

    async def delete(tenant: str, name: str) -> bool:
        removed = await real(tenant, name)
        place = compare._key(tenant)  # noqa: SLF001 - a defect is inside the platform
        with contextlib.suppress(CacheDownError):
            for other in await platform.cache.run(lambda client: client.hkeys(place)):
                if str(other).startswith(name):
                    await real(tenant, str(other))
        return removed

    with replaced(platform.vectors, delete=delete):
        yield


DEFECT = Defect(
    breaks="a removal removes one vector",
    caught_by=("compare.removal",),
    how=inside(change=_change),
)
