"""One replica compares with its copies of vectors that were removed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    find = platform.vectors.find
    copies: dict[tuple[str, str], list[float]] = {}

    async def remember(tenant: str, name: str) -> list[float] | None:
        found = await find(tenant, name)
        if found is not None:
            copies[tenant, name] = found
        return copies.get((tenant, name))

    with replaced(platform.vectors, find=remember):
        yield


DEFECT = Defect(
    breaks="a removed vector is unknown to every replica",
    caught_by=("compare.removal",),
    how=inside(change=_change, replicas=("replica-1",)),
)
