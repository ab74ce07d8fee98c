"""The index of candidates is empty after a restart."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    async def find(tenant: str, name: str) -> None:
        del tenant, name

    with replaced(platform.vectors, find=find):
        yield


DEFECT = Defect(
    breaks="candidates that were registered are found",
    caught_by=("compare.answered", "compare.not_found_dominates"),
    how=inside(change=_change),
    also=("compare.*", "metrics.counts_compare_*"),
)
