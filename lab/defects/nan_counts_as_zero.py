"""Numbers that are not finite are taken for zero."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.schemas import CompareResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    compare = platform.compare.compare

    async def tolerant(tenant: str, query: Sequence[float], candidate: str) -> "CompareResult":
        return await compare(tenant, [value if math.isfinite(value) else 0.0 for value in query], candidate)

    with replaced(platform.compare, compare=tolerant):
        yield


DEFECT = Defect(
    breaks="what is not finite is refused",
    caught_by=("compare.nan", "compare.infinity"),
    how=inside(change=_change),
    also=("compare.beyond_numbers",),
)
