"""A comparison with an unknown candidate is counted as a success."""

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
        relabel=lambda labels: {"status": "success"} if labels["status"] == "not_found" else labels,
    ):
        yield


DEFECT = Defect(
    breaks="an unknown candidate is counted as not found",
    caught_by=("metrics.counts_compare_not_found",),
    how=inside(change=_change),
)
