"""A score of exactly zero is falsy, and taken for a candidate that was not found."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.errors import ApiError, Code
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.schemas import CompareResult
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    real = platform.compare._compare  # noqa: SLF001 - a defect is inside the platform

    async def compare(tenant: str, query: Sequence[float], candidate: str) -> "CompareResult":
        result = await real(tenant, query, candidate)
        if not result.score:
            raise ApiError(404, Code.DATA_NOT_FOUND, "no vector is registered under this id", stage="lookup")
        return result

    with replaced(platform.compare, _compare=compare):
        yield


DEFECT = Defect(
    breaks="vectors at a right angle score 0",
    caught_by=("compare.orthogonal",),
    how=inside(change=_change),
    also=("isolation.*", "compare.*", "openapi.*"),
)
