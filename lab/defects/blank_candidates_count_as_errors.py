"""A blank candidate is booked as an error of the platform."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.errors import ApiError
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    count = platform.compare._count  # noqa: SLF001 - a defect may change anything

    def miscount(status: str, error: ApiError | None = None) -> None:
        count("error" if error is not None and "blank" in error.message else status, error)

    with replaced(platform.compare, _count=miscount):
        yield


DEFECT = Defect(
    breaks="a blank candidate is counted as invalid",
    caught_by=("metrics.counts_compare_blank",),
    how=inside(change=_change),
    also=("slo.compare_failures", "metrics.*"),
)
