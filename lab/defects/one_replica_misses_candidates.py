"""One replica does not see what was registered through the others."""

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
    breaks="every replica knows the candidates",
    caught_by=("compare.replicas_agree", "compare.answered"),
    how=inside(change=_change, replicas=("replica-3",)),
    also=("compare.*", "metrics.counts_compare_*"),
)
