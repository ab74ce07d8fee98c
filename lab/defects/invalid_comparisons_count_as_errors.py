"""A client's invalid comparison is booked as an error of the platform."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._meters import miscounted
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with miscounted(
        platform,
        "compare_requests",
        relabel=lambda labels: {"status": "error"} if labels["status"] == "invalid" else labels,
    ):
        yield


DEFECT = Defect(
    breaks="an invalid comparison is counted as invalid",
    caught_by=("metrics.counts_compare_invalid",),
    how=inside(change=_change),
    also=("slo.compare_failures",),
)
