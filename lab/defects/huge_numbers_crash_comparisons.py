"""A vector is cast to 32 bits before it is compared, and large numbers overflow."""

import struct
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

    async def in_single_precision(tenant: str, query: Sequence[float], candidate: str) -> "CompareResult":
        numbers = f"<{len(query)}f"
        return await compare(tenant, struct.unpack(numbers, struct.pack(numbers, *query)), candidate)

    with replaced(platform.compare, compare=in_single_precision):
        yield


DEFECT = Defect(
    breaks="no number makes a comparison fail",
    caught_by=("openapi.fuzz_compare",),
    how=inside(change=_change),
    also=("compare.*", "slo.compare_failures"),
)
