"""The store of vectors encodes the names of candidates in ASCII."""

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

    async def in_ascii(tenant: str, name: str) -> list[float] | None:
        return await find(tenant, name.encode("ascii").decode())

    with replaced(platform.vectors, find=in_ascii):
        yield


DEFECT = Defect(
    breaks="no name of a candidate makes a comparison fail",
    caught_by=("openapi.fuzz_compare", "openapi.fuzz_compare_v1"),
    how=inside(change=_change),
    also=("compare.*", "isolation.*", "slo.compare_failures", "security.*"),
)
