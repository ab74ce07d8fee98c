"""An unknown candidate is compared all the same, with a vector of nobody."""

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

    async def found(tenant: str, name: str) -> list[float]:
        return await find(tenant, name) or [1.0, 0.0]

    with replaced(platform.vectors, find=found):
        yield


DEFECT = Defect(
    breaks="an unknown candidate is not found",
    caught_by=("compare.unknown",),
    how=inside(change=_change),
    also=("compare.*", "metrics.counts_compare_*"),
)
