"""The vector store fails under every comparison."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    async def fail(tenant: str, name: str) -> Sequence[float] | None:
        message = f"the store of {tenant} is gone, {name} cannot be found"
        raise RuntimeError(message)

    with replaced(platform.vectors, find=fail):
        yield


DEFECT = Defect(
    breaks="comparisons do not end in errors of the platform",
    caught_by=(
        "metrics.counts_compare_success",
        "slo.compare_failures",
        "compare.answered",
        "compare.errors_dominate",
    ),
    how=inside(change=_change),
    also=("compare.*", "metrics.counts_compare_*"),
)
