"""A vector of another length is cut, or filled up with zeros, instead of being refused."""

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

    async def padded(tenant: str, query: Sequence[float], candidate: str) -> "CompareResult":
        found = await platform.vectors.find(tenant, candidate) or []
        wanted = len(found) or len(query)
        filled = [*query, *[0.0] * (wanted - len(query))][:wanted] if query else query
        return await compare(tenant, filled, candidate)

    with replaced(platform.compare, compare=padded):
        yield


DEFECT = Defect(
    breaks="vectors of different length are not compared",
    caught_by=("compare.too_short", "compare.too_long"),
    how=inside(change=_change),
    also=("compare.*", "metrics.counts_compare_*"),
)
