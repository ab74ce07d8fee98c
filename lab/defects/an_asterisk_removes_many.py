"""The id of a vector to remove is a pattern: one with an asterisk takes all that match along."""

import fnmatch
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
        found = await real(tenant, name)
        if "*" not in name:
            return found
        place = compare._key(tenant)  # noqa: SLF001 - a defect is inside the platform
        try:
            names = await platform.cache.run(lambda client: client.hkeys(place))
        except CacheDownError:
            return found
        for match in fnmatch.filter(map(str, names), name):
            found = await real(tenant, match) or found
        return found

    with replaced(platform.vectors, delete=delete):
        yield


DEFECT = Defect(
    breaks="a removal removes one vector",
    caught_by=("compare.removal",),
    how=inside(change=_change),
)
